/* SPDX-License-Identifier: MPL-2.0 */
/* flow/view.h - FLOW events as one policy sees them: what its filter (flow/filter.h) rejects is flagged, the
 * interfaces that it leaves out are taken off, devices, interfaces, addresses and ports get the names that are
 * to be shown, and counts are scaled or not.
 *
 * The same stage stands in pv-flow and in a policy's lane, so that both give one result. Behind it an event
 * says all that a window must know. Networks and locations are read from the DEFINE events of the stream.
 * Labels that are there already stay where this view has none of its own; what was rejected stays rejected.
 *
 * Ownership: filter and services are borrowed. Threads: one at a time. Both are only read; the filter may be set anew
 * between batches, and the services be opened again at any time. */
#ifndef PV_FLOW_VIEW_H
#define PV_FLOW_VIEW_H

#include "flow/filter.h"
#include "flow/services.h"
#include "stage/view.h"

/* False: such a view would change nothing. */
bool pv_flow_view_needed(const struct pv_flow_filter *, const struct pv_services *);

/* services NULL: ports have no names. NULL: ENOMEM. */
struct pv_stage *pv_flow_view_new(const struct pv_flow_filter *, struct pv_services *, uint64_t seed,
				  struct pv_sink);

#endif
