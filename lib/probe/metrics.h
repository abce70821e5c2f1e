/* SPDX-License-Identifier: MPL-2.0 */
/* probe/metrics.h - the metrics of handler type "netprobe", version 1.0, schema "netprobe".
 *
 * Counted from PV_EV_PROBE events, each target by itself. Attempts and what became of them are told apart in the stream, so
 * an attempt of one minute may be answered in the next one's. Groups: counters, histograms, quantiles (off). */
#ifndef PV_PROBE_METRICS_H
#define PV_PROBE_METRICS_H

#include "metric/metric.h"

extern const struct pv_handler pv_netprobe_v1;

#endif
