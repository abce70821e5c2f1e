/* SPDX-License-Identifier: MPL-2.0 */
/* http/self.h - what a serving program says of itself and of its inputs: Prometheus metrics pktvisor_* and process_*.
 *
 * All counters are cumulative since the program began, and end in _total. */
#ifndef PV_HTTP_SELF_H
#define PV_HTTP_SELF_H

#include "http/store.h"
#include "metric/prom.h"

/* CLOCK_MONOTONIC, in seconds. */
double pv_self_now(void);

/* Version, uptime (started: pv_self_now() then), memory, processor time. */
void pv_self_process(struct pv_prom *, const char *program, double started);

/* What has come in, per policy and tap. */
void pv_self_inputs(struct pv_prom *, const struct pv_views *);

/* How long this text took to make; the last thing to add. */
void pv_self_scrape(struct pv_prom *, double began);

#endif
