/* SPDX-License-Identifier: MPL-2.0 */
/* push/answer.h - what a collector answers to an OTLP request: protobuf of anybody's.
 *
 *      2xx   ExportMetricsServiceResponse: nothing, or how many points it did not want, and why
 *      else  google.rpc.Status: why
 *
 * What is not that gives false, and an answer that says nothing. Fields that we do not know are skipped. Threads: any. */
#ifndef PV_PUSH_ANSWER_H
#define PV_PUSH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_PUSH_WORDS 200 /* bytes of a collector's words that are shown: a line of a log */

struct pv_push_answer {
	uint64_t rejected;	   /* points */
	char words[PV_PUSH_WORDS]; /* one line of UTF-8, maybe empty */
};

bool pv_push_response(const void *bytes, size_t n, struct pv_push_answer *);
bool pv_push_status(const void *bytes, size_t n, struct pv_push_answer *);

#endif
