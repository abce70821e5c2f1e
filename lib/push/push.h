/* SPDX-License-Identifier: MPL-2.0 */
/* push/push.h - the metrics of a store, sent to an OpenTelemetry collector again and again: OTLP over HTTP.
 *
 * A thread makes a request every interval, the first after one interval, and posts it. Minutes of streams that began when we did
 * close at the very time of pushes once a minute, so pushes of PV_PUSH_LONG_SEC and more come PV_PUSH_BEHIND_SEC later: else jitter
 * would decide which minute is the last whole one. Of what becomes of a request:
 *
 *   2xx                  taken. Points that the collector rejected are counted, and not sent again
 *   429, 502, 503, 504,  posted again after one second, two, four, ... up to a minute, a random part less; or after
 *   no answer            what Retry-After says. What is not through when the next one is due is given up for it
 *   anything else        given up at once: the next one may do better
 *
 * Retry-After puts the next request off, too, by PV_PUSH_PATIENCE_SEC at most. There is one request in memory and no queue
 * (push/request.h). A word is said when things change, not with every failure.
 *
 * Ownership: the store, and the conf's strings, outlive it. Threads: pv_push_prom() and pv_push_json() any; the rest one.
 * `asked` and `say` are called in the thread of pushes. It ends at once, whatever is under way; but it
 * waits for `asked`. */
#ifndef PV_PUSH_PUSH_H
#define PV_PUSH_PUSH_H

#include <jansson.h>

#include "http/store.h"
#include "metric/prom.h"
#include "push/client.h"

#define PV_PUSH_PORT 4318
#define PV_PUSH_PATH "/v1/metrics"
#define PV_PUSH_INTERVAL_SEC 60
#define PV_PUSH_INTERVAL_MAX 86400
#define PV_PUSH_LONG_SEC 30
#define PV_PUSH_BEHIND_SEC 2
#define PV_PUSH_PATIENCE_SEC 3600 /* who says "never again" by mistake is asked again some day */

struct pv_push_conf {
	struct pv_store *store;
	struct pv_push_target to;
	uint64_t interval_sec; /* 1 to PV_PUSH_INTERVAL_MAX */
	const char *program;   /* service.name */
	const char *instance;  /* service.instance.id */
	uint64_t seed;
	void (*asked)(void *ctx); /* buckets are about to be looked at; may be NULL */
	void (*say)(void *ctx, bool problem, const char *line);
	void *ctx;
};

struct pv_push;

/* Reads certificates, and starts nothing. NULL with one line in err. */
struct pv_push *pv_push_new(const struct pv_push_conf *, char *err, size_t cap);
int pv_push_start(struct pv_push *); /* 0, or -1 with errno */
void pv_push_free(struct pv_push *); /* NULL is fine */

void pv_push_prom(struct pv_push *, struct pv_prom *);
json_t *pv_push_json(struct pv_push *); /* NULL: ENOMEM */

/* For what a collector's status says. */
enum pv_push_fate { PV_PUSH_TAKEN, PV_PUSH_AGAIN, PV_PUSH_REFUSED };
enum pv_push_fate pv_push_fate(unsigned status); /* 0: no answer */

/* Milliseconds before the n-th attempt after the first; random: any number. */
uint64_t pv_push_backoff_ms(unsigned n, uint64_t random);

#endif
