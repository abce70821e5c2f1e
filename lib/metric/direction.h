/* SPDX-License-Identifier: MPL-2.0 */
/* metric/direction.h - a table whose metrics exist once per direction: the blocks "in", "out" and "unknown".
 *
 * Such a table has the scopes PV_DIRECTION_SCOPES and a struct pv_directions in its state; rows of scope
 * PV_DIRECTION are those of a direction, which shows nothing before pv_direction() was called for it.
 * Finding a block again costs a comparison: which bucket it was of says the generation.
 * Ownership: blocks are the bucket's. Threads: one. */
#ifndef PV_METRIC_DIRECTION_H
#define PV_METRIC_DIRECTION_H

#include <string.h>

#include "metric/bucket.h"

#define PV_DIRECTION 1 /* index of the scope */
#define PV_DIRECTION_SCOPES {NULL, NULL, 0, 1}, {"direction", NULL, 0, 3}

struct pv_directions { /* zeroed: none known */
	uint64_t generation; /* plus 1 */
	struct pv_block *block[3]; /* by enum pv_dir */
};

/* The block of a direction (enum pv_dir), made when missing. Not NULL. */
static inline struct pv_block *pv_direction(struct pv_directions *d, struct pv_bucket *b, unsigned dir,
					    const struct pv_handler_ctx *ctx)
{
	static const char *const keys[] = {
		[PV_DIR_UNKNOWN] = "unknown", [PV_DIR_IN] = "in", [PV_DIR_OUT] = "out"};
	if (dir > PV_DIR_OUT)
		dir = PV_DIR_UNKNOWN;
	if (d->generation != ctx->generation + 1) {
		memset(d, 0, sizeof *d);
		d->generation = ctx->generation + 1;
	}
	if (!d->block[dir])
		d->block[dir] = pv_bucket_block(b, pv_bucket_root(b), PV_DIRECTION, keys[dir]);
	return d->block[dir];
}

#endif
