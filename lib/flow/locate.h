/* SPDX-License-Identifier: MPL-2.0 */
/* flow/locate.h - puts locations and networks (geo/geo.h) of both ends into FLOW events, and the DEFINEs of their
 * texts in front, under the number of the stage that made the events.
 *
 * It stands right behind what decodes: once in a program, however many policies look at the events. What has
 * numbers already is left as it is. Ownership: takes over the pv_geo, also when this fails. Threads: one. */
#ifndef PV_FLOW_LOCATE_H
#define PV_FLOW_LOCATE_H

#include "geo/geo.h"
#include "stage/view.h"

struct pv_stage *pv_flow_locate_new(struct pv_geo *, struct pv_sink); /* NULL: ENOMEM */

#endif
