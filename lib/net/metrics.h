/* SPDX-License-Identifier: MPL-2.0 */
/* net/metrics.h - what is counted of net events: one table per version.
 *
 * "1.0", schema "packets". Choices that the original leaves open or gets wrong:
 *   - a packet's size is its length on the wire, whatever the snap length;
 *   - the host set decides directions. Only where it is empty, so that every direction is unknown, the
 *     top lists show both ends of a packet instead of nothing;
 *   - the unspecified addresses (0.0.0.0 and ::) are not recorded anywhere. */
#ifndef PV_NET_METRICS_H
#define PV_NET_METRICS_H

#include "metric/metric.h"

extern const struct pv_handler pv_net_v1;

#endif
