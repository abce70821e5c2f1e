/* SPDX-License-Identifier: MPL-2.0 */
/* flow/metrics.h - flow 1.0: what devices say of the traffic on their interfaces.
 *
 * A bucket has a block per device, and in it one per interface; a record counts on the interface it came in by
 * (`in_`) and on the one it went out by (`out_`), with its bytes and packets as weights. Blocks have the names
 * that FLOW events carry (flow/view.h), else the device's address and the interface's number. Two devices of
 * one name are one device. The sources in `cardinality.src_ips_in` are those of traffic that comes in, the
 * destinations in `dst_ips_out` of traffic that goes out, and likewise ports; the lists without a direction in
 * their name (conversations, locations, networks) have both, and both ends of a record.
 *
 * Limits: PV_FLOW_DEVICES_SHOWN and PV_FLOW_IFACES_SHOWN, and the budget of bytes of those who keep buckets, which
 * comes first where there is much traffic (window/window.h). What is beyond them is counted under "other". */
#ifndef PV_FLOW_METRICS_H
#define PV_FLOW_METRICS_H

#include "metric/metric.h"

#define PV_FLOW_DEVICES_SHOWN 4096 /* exporters of one collector; their blocks alone are 3 MiB */
#define PV_FLOW_IFACES_SHOWN  4096 /* of one device: a chassis with every port split has 2,000 */

extern const struct pv_handler pv_flow_v1;

#endif
