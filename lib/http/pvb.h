/* SPDX-License-Identifier: MPL-2.0 */
/* http/pvb.h - ?format=pvb: what is served, as a stream of bucket events that pv-window merges.
 *
 * A stream per policy, START to STOP, so that what several servers say can be joined by cat. All buckets are closed
 * ones: the live one as it is now. */
#ifndef PV_HTTP_PVB_H
#define PV_HTTP_PVB_H

#include "http/store.h"

#define PV_PVB_BYTES (256u << 20) /* of one answer: more than the budgets of eight policies */

struct pv_pvb {
	char *bytes;
	size_t len, cap;
	bool failed; /* no memory, or too long: bytes is NULL then */
};

/* Adds the buckets first to last (0 is the newest) of all instances of the policy's views as one stream. full_names: name
 * them "<policy>-<tap>-<handler>", so that those of several policies stay apart. producer: of START. */
void pv_pvb_add(struct pv_pvb *, const struct pv_views *, const char *policy, unsigned first, unsigned last, bool full_names,
		const char *producer);

#endif
