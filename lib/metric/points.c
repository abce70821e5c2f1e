/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/points.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

const uint64_t pv_point_bounds[PV_POINT_BOUNDS] = {
	10, 21, 46,
	100, 146, 215, 316, 464, 681,
	1000, 1467, 2154, 3162, 4641, 6812,
	10000, 14677, 21544, 31622, 46415, 68129,
	100000, 146779, 215443, 316227, 464158, 681292,
	1000000, 1467799, 2154434, 3162277, 4641589, 6812920,
	10000000, 21544347, 46415890, 100000000,
};

/* ---- labels ------------------------------------------------------------------------------------- */

bool pv_label_name_ok(const char *s)
{
	if (!s || !*s || (*s >= '0' && *s <= '9'))
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		      *s == '_'))
			return false;
	return true;
}

void pv_labels_put(struct pv_labels *s, const char *name, const char *value)
{
	size_t i = 0;
	int cmp = 1;
	while (i < s->n && (cmp = strcmp(s->at[i].name, name)) < 0)
		i++;
	if (i < s->n && !cmp) {
		s->at[i].value = value;
		return;
	}
	if (s->n == PV_LABELS_MAX) /* not with the tables there are: a unit test looks at their depth */
		return;
	memmove(s->at + i + 1, s->at + i, (s->n - i) * sizeof s->at[0]);
	s->at[i] = (struct pv_label){name, value};
	s->n++;
}

bool pv_labels_given(struct pv_labels *s, const struct pv_label *l, size_t n)
{
	s->n = 0;
	if (n > PV_LABELS_GIVEN)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!pv_label_name_ok(l[i].name) || !strncmp(l[i].name, "__", 2) || !l[i].value ||
		    !strcmp(l[i].name, "quantile") || !strcmp(l[i].name, "le"))
			return false;
		pv_labels_put(s, l[i].name, l[i].value);
	}
	return true;
}

/* ---- names -------------------------------------------------------------------------------------- */

int pv_point_name(const struct pv_handler *h, const struct pv_metric *m, char *out, size_t cap)
{
	int n = m->prom ? snprintf(out, cap, "%s", m->prom) : snprintf(out, cap, "%s_%s", h->schema, m->path);
	for (; cap && *out; out++)
		if (*out == '.')
			*out = '_';
	return n;
}

enum pv_point_kind pv_point_kind(const struct pv_metric *m)
{
	switch (m->kind) {
	case PV_QUANTILES:
	case PV_RATE:
		return PV_POINT_SUMMARY;
	case PV_HISTOGRAM:
		return PV_POINT_HISTOGRAM;
	default:
		return PV_POINT_VALUE;
	}
}

/* ---- a bucket ----------------------------------------------------------------------------------- */

struct visit {
	pv_point_fn *fn;
	void *ctx;
	struct pv_labels given;	      /* the caller's labels */
	const struct pv_block *block; /* `labels` are of this one */
	struct pv_labels labels;      /* and its scopes' */
	char values[PV_POINT_DEPTH][PV_LABEL_VALUE + 1];
	struct pv_topn_row *rows;
	const struct pv_tally_row **sums; /* rows of a tally */
};

static int value(struct visit *v, struct pv_point *pt, uint64_t n)
{
	pt->value = n;
	return v->fn(v->ctx, pt);
}

/* A row of a list. */
static int item_value(struct visit *v, struct pv_point *pt, const struct pv_topn_row *row)
{
	struct pv_item item;
	struct pv_labels s = v->labels;
	pv_item_show(pt->metric, row, &item);
	pv_labels_put(&s, pt->metric->label, item.name);
	if (item.placed) {
		pv_labels_put(&s, "lat", item.lat);
		pv_labels_put(&s, "lon", item.lon);
	}
	pt->labels = &s;
	pt->item = true;
	int rc = value(v, pt, row->estimate);
	pt->labels = &v->labels;
	return rc;
}

static int top(struct visit *v, struct pv_point *pt, const union pv_cell *c)
{
	int rc = 0;
	size_t n = pv_bucket_rows(pt->bucket, c, v->rows);
	for (size_t i = 0; !rc && i < n; i++)
		rc = item_value(v, pt, &v->rows[i]);
	return rc;
}

static int tally(struct visit *v, struct pv_point *pt, const union pv_cell *c)
{
	uint64_t rest[PV_TALLY_COLUMNS];
	bool any_rest;
	int rc = 0;
	size_t n = pv_bucket_tally_rows(pt->bucket, pt->metric, c, v->sums, rest, &any_rest);
	for (size_t i = 0; !rc && i < n; i++) {
		const struct pv_tally_row *r = v->sums[i];
		const struct pv_topn_row key = {.key = r->key, .len = r->len, .estimate = r->sum[0]};
		rc = item_value(v, pt, &key);
	}
	return rc;
}

static int quantiles(struct visit *v, struct pv_point *pt, const struct pv_exphist *h)
{
	if (!h || !pv_exphist_count(h))
		return 0;
	pt->count = pv_exphist_count(h);
	pt->sum = pt->metric->real ? 0 : pv_exphist_sum_u64(h);
	pt->real_sum = pt->metric->real ? pv_exphist_sum(h) : 0;
	for (int i = 0; i < 4; i++) {
		if (pt->metric->real)
			pt->real_quantile[i] = pv_exphist_quantile(h, pv_quantiles[i]);
		else
			pt->quantile[i] = pv_exphist_quantile_u64(h, pv_quantiles[i]);
	}
	return v->fn(v->ctx, pt);
}

static int rate(struct visit *v, struct pv_point *pt, const struct pv_rate *r)
{
	uint64_t first, last;
	if (!pt->bucket->start_ns && !pt->bucket->end_ns)
		return 0;
	pv_bucket_seconds(pt->bucket, r, &first, &last);
	if (r && pv_rate_quantiles(r, first, last, pv_quantiles, pt->quantile, 4)) {
		errno = ENOMEM;
		return -1;
	}
	pt->sum = r ? pv_rate_total(r) : 0;
	pt->count = last < first ? 0 : last - first + 1;
	return v->fn(v->ctx, pt);
}

static int histogram(struct visit *v, struct pv_point *pt, const struct pv_histogram *h)
{
	if (!h || !pv_histogram_count(h))
		return 0;
	pt->histogram = h;
	return v->fn(v->ctx, pt);
}

/* Is this scope's label its parent's with more behind it, "device_interface" of "device"? Then so is its value. */
static bool joined(const struct pv_handler *h, const struct pv_scope *s)
{
	const char *outer = h->scopes[s->parent].label;
	size_t n = outer && s->label ? strlen(outer) : 0;
	return n && !strncmp(s->label, outer, n) && s->label[n] == '_';
}

/* The labels of a block: the caller's, then those of its scopes from the outermost. */
static void block_labels(struct visit *v, const struct pv_bucket *b, const struct pv_block *k)
{
	const struct pv_block *chain[PV_POINT_DEPTH];
	size_t depth = 0;
	if (v->block == k)
		return;
	v->block = k;
	v->labels = v->given;
	for (; k->scope && depth < PV_POINT_DEPTH; k = b->blocks[k->parent])
		chain[depth++] = k;
	for (const char *outer = ""; depth--; outer = v->values[depth]) {
		char *to = v->values[depth];
		k = chain[depth];
		const struct pv_scope *s = &b->handler->scopes[k->scope];
		int at = joined(b->handler, s) ? snprintf(to, sizeof v->values[0], "%s|", outer) : 0;
		size_t used = at < PV_LABEL_VALUE ? (size_t)at : PV_LABEL_VALUE;
		pv_utf8_clean(k->key, strlen(k->key), to + used, sizeof v->values[0] - used);
		if (s->label)
			pv_labels_put(&v->labels, s->label, to);
	}
}

static int visit(void *ctx, const struct pv_bucket *b, const struct pv_block *k, const struct pv_metric *m,
		 const union pv_cell *c)
{
	struct visit *v = ctx;
	char name[PV_POINT_NAME];
	struct pv_point pt = {
	    .bucket = b, .metric = m, .kind = pv_point_kind(m), .name = name, .labels = &v->labels};
	if (pv_point_name(b->handler, m, name, sizeof name) >= (int)sizeof name)
		return 0; /* not with the tables there are */
	block_labels(v, b, k);
	switch (m->kind) {
	case PV_COUNTER:
		return value(v, &pt, c->count);
	case PV_DISTINCT:
		return value(v, &pt, c->distinct ? (uint64_t)llround(pv_hll_estimate(c->distinct)) : 0);
	case PV_TOPN:
		return top(v, &pt, c);
	case PV_TALLY:
		return tally(v, &pt, c);
	case PV_QUANTILES:
		return quantiles(v, &pt, c->quantiles);
	case PV_HISTOGRAM:
		return histogram(v, &pt, c->histogram);
	case PV_RATE:
		return rate(v, &pt, c->rate);
	case PV_GAUGE:
		return value(v, &pt, c->gauge ? pv_gauge_value(c->gauge) : 0);
	case PV_MINIMUM:
	case PV_MAXIMUM:
		return c->count ? value(v, &pt, c->count - 1) : 0;
	}
	return 0;
}

int pv_points_visit(const struct pv_bucket *b, const struct pv_label *labels, size_t n, pv_point_fn *fn, void *ctx)
{
	struct visit v = {.fn = fn, .ctx = ctx};
	if (!pv_labels_given(&v.given, labels, n)) {
		errno = EINVAL;
		return -1;
	}
	v.rows = calloc((size_t)b->conf.topn + 1, sizeof *v.rows);
	v.sums = calloc((size_t)b->conf.topn + 1, sizeof *v.sums);
	int rc = v.rows && v.sums ? pv_bucket_visit(b, visit, &v) : -1;
	int e = v.rows && v.sums ? errno : ENOMEM;
	free(v.rows);
	free(v.sums);
	errno = e;
	return rc;
}
