/* SPDX-License-Identifier: MPL-2.0 */
/* dhcp/metrics.h - the metrics of handler type "dhcp", version 1.0, schema "dhcp".
 *
 * Counted from PV_EV_DHCP events. `total` and `rates.total` count DHCPv4 alone, as their users
 * know them; `events` and `rates.events` count both. No metric groups, no filters. */
#ifndef PV_DHCP_METRICS_H
#define PV_DHCP_METRICS_H

#include "metric/metric.h"

extern const struct pv_handler pv_dhcp_v1;

#endif
