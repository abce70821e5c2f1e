/* SPDX-License-Identifier: MPL-2.0 */
/* metric/prom.h - buckets of many policies as one Prometheus exposition (text format 0.0.4).
 *
 *     struct pv_prom *p = pv_prom_new(&conf);
 *     pv_prom_bucket(p, bucket, labels, n);      for every bucket, in the order they shall stand in
 *     pv_prom_u64(p, &uptime, NULL, 0, 12);      what a program says of itself
 *     char *text = pv_prom_text(p, &len);        then pv_prom_free(p)
 *
 * Samples are collected by family, so that each family stands together under one HELP and one TYPE whatever
 * order buckets come in. Families stand in the order of their first sample; one without a sample is not
 * printed.
 *
 *   counter, distinct count   gauge: it starts afresh with every bucket
 *   top list                  gauge, a sample per row: the item in the label that the row of the table names,
 *                             and `lat` and `lon` where a place is known
 *   quantiles                 summary; nothing without data. _sum and _count are exact
 *   rate                      summary over the seconds of the bucket, silent ones included: _sum is what
 *                             happened, _count the number of seconds
 *   histogram                 cumulative counts at pv_point_bounds, the same in every scrape, and +Inf, _sum,
 *                             _count; nothing without data
 *
 * Names are schema and path joined by '_', or the row's own (row->prom). Labels: the fixed ones (`instance`)
 * first, the others by name. Where two have one name the more special one holds: item before scope before
 * caller before fixed.
 *
 * Whatever is given, the text is valid: a sample whose series is there already, or whose family has another
 * type or claims another family's name (a summary x owns x_sum and x_count), is left out and counted, and so
 * is what goes beyond the limit. The counts are the last family of every text,
 * pktvisor_exposition_dropped_samples, by reason. Two handlers of one schema therefore need labels that tell
 * them apart, or merging beforehand.
 *
 * Ownership: nothing that is given is kept. Threads: one per object; buckets are only read. Errors: no memory
 * is remembered, so it is enough to look at what pv_prom_text() returns. */
#ifndef PV_METRIC_PROM_H
#define PV_METRIC_PROM_H

#include "metric/points.h"

#define PV_PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Of a text. A policy with every group on is 50 KB; this is room for hundreds, 100,000 samples and more,
 * which is more than a Prometheus server wants from one target, and little enough to hold several. */
#define PV_PROM_BYTES (16u << 20)

struct pv_prom_conf {
	const char *instance; /* label `instance` of every sample; NULL: none */
	uint64_t seed;	      /* of the in-memory hash table */
	size_t max_bytes;     /* 0: PV_PROM_BYTES */
	/* Of pktvisor_exposition_dropped_samples: what tells texts apart that end up in one place. May be
	 * none. */
	const struct pv_label *own;
	size_t nown; /* at most PV_LABELS_GIVEN */
};

struct pv_prom;

/* conf may be NULL: no label, the usual limit. NULL: errno EINVAL (a label of `own`) or ENOMEM. */
struct pv_prom *pv_prom_new(const struct pv_prom_conf *);
void pv_prom_free(struct pv_prom *); /* NULL is fine */

/* Everything that is enabled in a bucket. 0, or -1: errno EINVAL (a label's name is none, is `quantile` or
 * `le`, or there are too many; nothing was added) or ENOMEM. */
int pv_prom_bucket(struct pv_prom *, const struct pv_bucket *, const struct pv_label *, size_t n);

enum pv_prom_type {
	PV_PROM_GAUGE,
	PV_PROM_COUNTER, /* only ever grows; its name ends in _total */
	PV_PROM_SUMMARY,
	PV_PROM_HISTOGRAM
};

/* A metric of a program about itself. */
struct pv_prom_metric {
	const char *name;
	enum pv_prom_type type; /* PV_PROM_GAUGE or PV_PROM_COUNTER */
	const char *help;	/* the first that is not empty holds for the family */
};

/* One sample. 0, or -1: errno EINVAL (name, type or labels; nothing was added) or ENOMEM. */
int pv_prom_u64(struct pv_prom *, const struct pv_prom_metric *, const struct pv_label *, size_t n,
		uint64_t);
int pv_prom_real(struct pv_prom *, const struct pv_prom_metric *, const struct pv_label *, size_t n,
		 double);

/* The text, with a NUL behind it; freed by free(). NULL: ENOMEM, of any call since pv_prom_new(). */
char *pv_prom_text(struct pv_prom *, size_t *len);

enum pv_prom_drop {
	PV_PROM_LIMIT,	   /* no room below max_bytes */
	PV_PROM_DUPLICATE, /* the series is there already */
	PV_PROM_CONFLICT,  /* the family is there with another type, or its name is another's */
	PV_PROM_DROPS
};
uint64_t pv_prom_dropped(const struct pv_prom *, enum pv_prom_drop); /* samples */

/* The type of a row's family; its name is pv_point_name(). */
enum pv_prom_type pv_prom_type(const struct pv_metric *);

#endif
