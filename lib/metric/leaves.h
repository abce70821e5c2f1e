/* SPDX-License-Identifier: MPL-2.0 */
/* metric/leaves.h - what a schema of a window's JSON holds, for metric/table.h: a list of its metrics, in order.
 *
 * No metric is known by name. A number is a counter, a list a top list, one whose rows have several numbers has sums, an
 * object of percentiles is a quantile or a rate, an object with "buckets" a histogram. Units are looked up in the tables of
 * the handlers, by schema and path.
 *
 * Ownership: leaves point into the JSON and into the handlers. Threads: one. */
#ifndef PV_METRIC_LEAVES_H
#define PV_METRIC_LEAVES_H

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "metric/metric.h"

#define PV_LEAF_PATH  256 /* of a metric, below its schema; longer ones are cut */
#define PV_LEAF_DEPTH 16  /* objects in objects; tables have 6 */

enum pv_leaf_kind { PV_LEAF_COUNTER, PV_LEAF_QUANTILES, PV_LEAF_TOP, PV_LEAF_SUMS, PV_LEAF_HISTOGRAM };

struct pv_leaf {
	enum pv_leaf_kind kind;
	char path[PV_LEAF_PATH]; /* "xact.counts.total" */
	size_t group;		 /* bytes of it that name its group, "xact"; 0: none */
	const json_t *value;
	const char *unit; /* of its metric; "" when none is known, or it has none */
	/* of a top list: what its shares are of */
	const char *base_name; /* "total"; NULL: no shares */
	int64_t base;
	/* for who prints a top list */
	unsigned name_w, count_w, share_w; /* columns */
	bool placed;
};

struct pv_leaves {
	const struct pv_handler *const *handlers; /* may be NULL */
	const char *schema;
	struct pv_leaf *leaf;
	size_t n, cap;
	const json_t *above[PV_LEAF_DEPTH]; /* the objects around the one at hand, from the schema down */
	unsigned depth;
};

/* Into *s, whose handlers and schema are set and all else is zero. 0, or -1 without memory; to be freed in any case. */
int pv_leaves_collect(struct pv_leaves *s, const json_t *schema);
void pv_leaves_free(struct pv_leaves *);

/* Nothing was counted: 0, or a list without rows. */
bool pv_leaf_empty(const struct pv_leaf *);

static inline bool pv_leaf_is_us(const struct pv_leaf *l)
{
	return !strcmp(l->unit, "us");
}

#endif
