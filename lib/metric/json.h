/* SPDX-License-Identifier: MPL-2.0 */
/* metric/json.h - a bucket as JSON, by jansson.
 *
 * Paths come from the metric tables, "period" from the bucket; keys are printed sorted. Strings are valid
 * UTF-8 whatever bytes the items hold (base/utf8.h). */
#ifndef PV_METRIC_JSON_H
#define PV_METRIC_JSON_H

#include <jansson.h>

#include "metric/bucket.h"

/* The object that stands under the schema key. NULL without memory. */
json_t *pv_bucket_json(const struct pv_bucket *);

/* One metric of the bucket's root, at its path below `to`; a negative one is none. 0, or -1 without memory. */
int pv_bucket_json_add(json_t *to, const struct pv_bucket *, int metric);

/* What every writer of ours uses: compact, sorted keys, reals as short as they can be and still exact to 15 digits. */
#define PV_JSON_FLAGS (JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15))

#endif
