/* SPDX-License-Identifier: MPL-2.0 */
/* pcapstat/metrics.h - how capturing itself is doing: handler type "pcap".
 *
 * Fed by the source's STATS events and by TCP_ERROR events. Drops are shown per bucket, while STATS has
 * totals since the start of the stream: the last totals are kept in the handler's state, across
 * buckets, so nothing is lost where one bucket ends. A stream's totals start at 0, so its first report
 * counts in full. A total that goes down means that the counter behind it restarted (the interface was
 * opened again): it counts from 0, unless it stood just below 2^32, where it wrapped. The two totals
 * are followed independently. There are no metric groups, and the base metrics are not shown. */
#ifndef PV_PCAPSTAT_METRICS_H
#define PV_PCAPSTAT_METRICS_H

#include "metric/metric.h"

extern const struct pv_handler pv_pcap_v1;

#endif
