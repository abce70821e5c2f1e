/* SPDX-License-Identifier: MPL-2.0 */
/* net/metrics.h - what is counted of net events: one table per version.
 *
 * "1.0", schema "packets"; "2.0", schema "net", which has one set of metrics per direction ("in", "out",
 * "unknown"; absent until a packet that passes the filters goes that way). Choices that the original leaves
 * open or gets wrong:
 *   - a packet's size is its length on the wire, whatever the snap length;
 *   - the host set decides directions. In 1.0, only where it is empty, so that every direction is unknown, the
 *     top lists show both ends of a packet instead of nothing. In 2.0 packets of unknown direction always
 *     count for both ends, twice for one that stands at both;
 *   - the unspecified addresses (0.0.0.0 and ::) are not recorded anywhere;
 *   - of a message that dnstap told of, both addresses are listed, whatever its direction;
 *   - rates.bps of 2.0 are bits, as it says; the original counts bytes.
 *
 * "connections" 1.0 (net/connections.c) is a handler of its own, of the same events: who talks to whom, and how much each way. */
#ifndef PV_NET_METRICS_H
#define PV_NET_METRICS_H

#include "metric/metric.h"

extern const struct pv_handler pv_net_v1, pv_net_v2, pv_connections_v1;

#endif
