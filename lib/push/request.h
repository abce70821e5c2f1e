/* SPDX-License-Identifier: MPL-2.0 */
/* push/request.h - what is pushed: the last whole minute of every policy, as one OTLP request.
 *
 * It is the minute that Prometheus would be shown, with the same labels, made anew each time; nothing is kept of those
 * that did not get through. A minute may so be given more than once, or, when pushes are rarer than minutes, not at all: its
 * gauges are what they are. Histograms are deltas, which receivers add up. So which minutes' histograms have
 * been taken is remembered, one minute per handler, and they are not given again; nor is an open minute's, which will come
 * when it is closed. One that never closes (num_periods 1) is cumulative. */
#ifndef PV_PUSH_REQUEST_H
#define PV_PUSH_REQUEST_H

#include "http/store.h"
#include "metric/otlp.h"

/* Closed minutes, one per handler instance; sorted. As many as there are instances. */
struct pv_push_minutes {
	struct pv_push_minute {
		uint64_t handler, start_ns;
	} *at;
	size_t n, cap;
};

struct pv_push_request {
	char *bytes; /* NULL: nothing to say */
	size_t len;
	uint64_t points, dropped;
	struct pv_push_minutes minutes; /* whose histograms the collector has when it has taken this */
};

/* given: whose it has already. 0, or -1: ENOMEM. Reset it in either case. */
int pv_push_request_make(struct pv_push_request *, const struct pv_views *, const struct pv_otlp_conf *, uint64_t now_ns,
			 const struct pv_push_minutes *given);
void pv_push_request_reset(struct pv_push_request *);

#endif
