/* SPDX-License-Identifier: MPL-2.0 */
/* resources/metrics.h - what an input of the agent costs: handler "input_resources", version "1.0".
 *
 * One event is one measurement of RESOURCES events, which the agent's source makes every five seconds of wall time, whatever
 * the input (policy/source.h). `total` is the number of measurements and nothing else; policy_count and handler_count are
 * those of the newest one, without the policies that watch resources. */
#ifndef PV_RESOURCES_METRICS_H
#define PV_RESOURCES_METRICS_H

#include "metric/metric.h"

extern const struct pv_handler pv_resources_v1;

#endif
