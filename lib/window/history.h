/* SPDX-License-Identifier: MPL-2.0 */
/* window/history.h - the closed buckets that one instance keeps, by the minute they start in, newest first.
 *
 * Buckets come in any order. One of a minute that is there is merged with what is there, and a place is a minute; with one
 * period there is one place, for all of them. The oldest goes when there is no room.
 * Ownership: the history is one owner of its buckets. A bucket that has others (pv_bucket_ref()) is never changed: where a
 * merge or a trim would, a copy takes its place. Threads: one. Zeroed memory is an empty history.
 * Limit: PV_WINDOW_PERIODS_MAX. */
#ifndef PV_WINDOW_HISTORY_H
#define PV_WINDOW_HISTORY_H

#include "metric/bucket.h"

#define PV_WINDOW_PERIOD_SEC 60
#define PV_WINDOW_PERIODS_MAX 10

struct pv_history {
	struct pv_bucket *closed[PV_WINDOW_PERIODS_MAX];
	unsigned n;
};

/* Takes b over: into its minute's place, or merged with what is there, or nowhere when it is older than all that is kept.
 * periods: how many are kept, 1 to PV_WINDOW_PERIODS_MAX. 0, or -1 when there was no memory to merge all of it. */
int pv_history_add(struct pv_history *, unsigned periods, struct pv_bucket *b);

/* The minute that a bucket starts in, since the epoch. */
uint64_t pv_history_minute(const struct pv_bucket *);

/* The place that b has or would have: as many buckets are newer. taken: one of its minute is there. */
unsigned pv_history_place(const struct pv_history *, const struct pv_bucket *b, bool *taken);

/* The clock was set back to this time: the buckets of later minutes go, or those that come would find no room behind them. */
void pv_history_forget(struct pv_history *, uint64_t time_ns);

/* What n histories hold, and what others hold besides (open buckets), fits into a budget afterwards: first by smaller
 * top-N tables, then by fewer minutes, taken from whoever has most; the newest one of each stays in any case. In bytes, roughly.
 * Returns how many buckets that cost. */
unsigned pv_histories_fit(struct pv_history *const past[], size_t n, size_t others, size_t budget);

void pv_history_clear(struct pv_history *);

#endif
