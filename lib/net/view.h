/* SPDX-License-Identifier: MPL-2.0 */
/* net/view.h - the NET events of a shared analyser as one policy sees them: what its filter (net/filter.h)
 * rejects is flagged, as pv-net would have done.
 *
 * Ownership: the filter is borrowed. Threads: one at a time; the filter is only read. */
#ifndef PV_NET_VIEW_H
#define PV_NET_VIEW_H

#include "net/filter.h"
#include "stage/view.h"

struct pv_stage *pv_net_view_new(const struct pv_net_filter *, uint64_t seed,
				 struct pv_sink); /* NULL: ENOMEM */

#endif
