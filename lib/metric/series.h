/* SPDX-License-Identifier: MPL-2.0 */
/* metric/series.h - which series have come already, for renderers whose readers refuse a whole text for one that stands
 * in it twice.
 *
 * The hash is seeded, so nobody outside can make two of his look the same, and by chance 100,000 have two alike once in
 * four thousand million texts: a point would be missing, and counted.
 *
 * Ownership: {.seed = ...} is an empty set, pv_series_reset() frees it. Threads: one. Limits: as many as the caller's
 * text has room for. */
#ifndef PV_METRIC_SERIES_H
#define PV_METRIC_SERIES_H

#include <stddef.h>
#include <stdint.h>

struct pv_series {
	uint64_t seed;
	uint64_t *hash; /* of those that are there; 0 is free */
	size_t n, cap;
};

/* Has it come before? Now it has. 1, 0, or -1 with errno ENOMEM. */
int pv_series_seen(struct pv_series *, const void *bytes, size_t n);
void pv_series_reset(struct pv_series *);

#endif
