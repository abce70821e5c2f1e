/* SPDX-License-Identifier: MPL-2.0 */
/* resources/metrics.h - what reading an input costs, and who uses it: handler type "input_resources".
 *
 * Fed by RESOURCES events. `total`, `deep_samples` and `event_rate` count measurements; events that only tell of
 * policies are none. policy_count and handler_count are levels: the newest word of a stream counts, levels of several
 * inputs add up (sketch/gauge.h), and a bucket begins with what was told last. There are no metric groups. */
#ifndef PV_RESOURCES_METRICS_H
#define PV_RESOURCES_METRICS_H

#include "metric/metric.h"

extern const struct pv_handler pv_input_resources_v1;

#endif
