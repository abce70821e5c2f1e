/* SPDX-License-Identifier: MPL-2.0 */
/* event/json.h - one event as JSON, for people and tests. Driven by a table of fields per type. */
#ifndef PV_EVENT_JSON_H
#define PV_EVENT_JSON_H

#include <jansson.h>

#include "event/event.h"

/* A checked event as an object: "type", "time" (seconds.nanoseconds as a string), its fields; addresses and enumerations
 * as text, absent parts left out. Unknown types show type number and size. NULL without memory. */
json_t *pv_event_json(const struct pv_event *);

#endif
