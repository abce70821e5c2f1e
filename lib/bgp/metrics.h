/* SPDX-License-Identifier: MPL-2.0 */
/* bgp/metrics.h - the metrics of handler type "bgp", version 1.0, schema "bgp".
 *
 * Counted from PV_EV_BGP events without a reason. No metric groups, no filters: `filtered` is for the schema's sake. */
#ifndef PV_BGP_METRICS_H
#define PV_BGP_METRICS_H

#include "metric/metric.h"

extern const struct pv_handler pv_bgp_v1;

#endif
