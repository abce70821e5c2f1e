/* SPDX-License-Identifier: MPL-2.0 */
/* metric/points.h - a bucket as points with names and labels: what Prometheus text (metric/prom.h) and OTLP
 * (metric/otlp.h) have in common.
 *
 *   counter, distinct count, gauge    a value
 *   minimum, maximum                  a value; nothing without a sample
 *   top list                          a value per row: the item in the label that the row of the table names, and `lat`
 *                                     and `lon` where a place is known
 *   tally                             the same, of its weight alone: a sum needs a name of its own, and one per
 *                                     connection and direction is more than anybody collects
 *   quantiles                         a summary; nothing without data
 *   rate                              a summary over the seconds of the bucket, silent ones included: the sum is what
 *                                     happened, the count the number of seconds
 *   histogram                         a histogram; nothing without data
 *
 * Names are schema and path joined by '_', or the row's own (row->prom). Labels stand by name, each once. Where two have
 * one name the more special one holds: item before scope before caller.
 *
 * No state. Threads: any; buckets are only read. */
#ifndef PV_METRIC_POINTS_H
#define PV_METRIC_POINTS_H

#include "metric/bucket.h"

#define PV_POINT_NAME 256	/* bytes of a name; tables have 60 */
#define PV_POINT_DEPTH 4	/* scopes in scopes; tables have 2 */
#define PV_LABELS_GIVEN 8	/* by the caller: policy, handler and tap are three */
#define PV_LABEL_VALUE 2048	/* bytes of a value before escaping, cut between characters; items have less */
#define PV_LABELS_MAX (PV_LABELS_GIVEN + PV_POINT_DEPTH + 4) /* and item, lat, lon, quantile */

struct pv_label {
	const char *name, *value; /* value: any bytes; what is not UTF-8 becomes \DDD */
};

struct pv_labels {
	struct pv_label at[PV_LABELS_MAX];
	size_t n;
};

/* In its place by name, instead of one of that name. Borrows both. */
void pv_labels_put(struct pv_labels *, const char *name, const char *value);

/* The caller's. False: there are too many, or one's name is none, is kept for Prometheus (__x, quantile, le), or has no
 * value. */
bool pv_labels_given(struct pv_labels *, const struct pv_label *, size_t n);

/* [a-zA-Z_][a-zA-Z0-9_]* */
bool pv_label_name_ok(const char *);

enum pv_point_kind { PV_POINT_VALUE, PV_POINT_SUMMARY, PV_POINT_HISTOGRAM };

struct pv_point {
	const struct pv_bucket *bucket;
	const struct pv_metric *metric;
	enum pv_point_kind kind;
	const char *name; /* as all of these, valid during the call */
	const struct pv_labels *labels;
	bool item;				  /* a row of a list: `label` may be an empty text */
	uint64_t value;				  /* of a value */
	uint64_t count, sum, quantile[4];	  /* of a summary: at pv_quantiles */
	double real_sum, real_quantile[4];	  /* the same where metric->real */
	const struct pv_histogram *histogram;
};

/* Everything that is enabled. Stops at the first answer that is not 0, and returns it. -1 with errno: EINVAL (labels;
 * nothing was visited) or ENOMEM. */
typedef int pv_point_fn(void *ctx, const struct pv_point *);
int pv_points_visit(const struct pv_bucket *, const struct pv_label *, size_t n, pv_point_fn *, void *ctx);

/* The name of a row. Returns its length, as snprintf() does. */
int pv_point_name(const struct pv_handler *, const struct pv_metric *, char *out, size_t cap);
enum pv_point_kind pv_point_kind(const struct pv_metric *);

/* The bounds of every histogram that is collected, some of pv_histogram_bounds. All histograms are of microseconds so
 * far: six to the decade from 100 us to 10 s, where answers are told fast from slow (a quantile taken from
 * them is within a fifth), three to the decade from 10 us and up to 100 s. They are the same in every minute, because who
 * collects adds minutes up. Never change one: a server that sums up old and new samples would get nonsense. */
#define PV_POINT_BOUNDS 37
extern const uint64_t pv_point_bounds[PV_POINT_BOUNDS];

#endif
