/* SPDX-License-Identifier: MPL-2.0 */
/* http/select.h - which buckets an answer is made of.
 *
 * A selection has an entry for every instance of a policy, or, of a policy that merges like handlers, for every
 * handler. Views must outlive it. */
#ifndef PV_HTTP_SELECT_H
#define PV_HTTP_SELECT_H

#include "http/store.h"
#include "metric/points.h"

enum pv_pick {
	PV_PICK_BUCKET, /* the n-th, 0 is the newest */
	PV_PICK_WINDOW, /* the newest n as one */
	PV_PICK_MINUTE  /* the last whole minute: 1 if there are two, else 0 */
};

struct pv_entry {
	const struct pv_bucket *bucket;
	char key[sizeof ((struct pv_view_instance *)0)->key]; /* "<policy>-<tap>-<handler>" or "<schema>_merged" */
	const char *tap; /* NULL: of several */
	struct pv_bucket *owned; /* what was merged for it */
	unsigned periods; /* that are kept: with one, its bucket never closes */
};

struct pv_selection {
	struct pv_entry *entry;
	size_t n, cap;
};

/* Those of a policy; instances without such a bucket, or with every group off, have no entry. merge: as the policy says, or
 * not at all. 0, or -1: ENOMEM. Free it in either case. */
int pv_select(struct pv_selection *, const struct pv_views *, const char *policy, enum pv_pick, unsigned n, bool merge);
void pv_selection_free(struct pv_selection *);

/* Is there a bucket or a window n in a policy? 0, or -1 with the words of a 425 in err: which there are. */
int pv_select_check(const struct pv_views *, const char *policy, enum pv_pick, uint64_t n, char *err, size_t cap);

/* Is this view the first of its policy? To go through the policies of a store. */
bool pv_select_first(const struct pv_views *, size_t at);

/* The labels that tell an entry's series from all others; without `handler` from those of other policies, taps and schemas.
 * Borrowed from the entry. Returns how many. */
#define PV_ENTRY_LABELS 3
size_t pv_entry_labels(const struct pv_entry *, const char *policy, bool handler, struct pv_label out[PV_ENTRY_LABELS]);

#endif
