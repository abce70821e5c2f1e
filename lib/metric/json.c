/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

struct json {
	json_t **block; /* object of each block, by index; a reference each */
	struct pv_topn_row *rows;
	const struct pv_tally_row **sums; /* rows of a tally */
	json_t *root;
	const struct pv_bucket *bucket;
	uint32_t at; /* block of the last visit */
};

/* The object that holds the last part of `path`; *last points to that part. */
static json_t *walk(json_t *at, const char *path, const char **last)
{
	const char *dot;
	while (at && (dot = strchr(path, '.'))) {
		char key[64];
		size_t n = (size_t)(dot - path) < sizeof key - 1 ? (size_t)(dot - path) : sizeof key - 1;
		memcpy(key, path, n);
		key[n] = 0;
		json_t *next = json_object_get(at, key);
		if (!next) {
			next = json_object();
			if (json_object_set_new(at, key, next))
				return NULL;
		}
		at = next;
		path = dot + 1;
	}
	*last = path;
	return at;
}

/* Counts that merging has saturated are still numbers to every reader of JSON. */
static json_t *integer(uint64_t v)
{
	return json_integer(v < INT64_MAX ? (json_int_t)v : INT64_MAX);
}

static json_t *rounded(double v)
{
	return json_integer(v < 0x1p63 ? llround(v) : INT64_MAX);
}

static json_t *top(const struct json *j, const struct pv_metric *m, const union pv_cell *c)
{
	struct pv_item item;
	size_t n = pv_bucket_rows(j->bucket, c, j->rows);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *row = json_object();
		pv_item_show(m, &j->rows[i], &item);
		if (item.placed) {
			json_object_set_new(row, "lat", json_string(item.lat));
			json_object_set_new(row, "lon", json_string(item.lon));
		}
		json_object_set_new(row, "estimate", integer(j->rows[i].estimate));
		json_object_set_new(row, "name", json_string(item.name));
		json_array_append_new(list, row);
	}
	return list;
}

static void sum_and_rate(const struct json *j, json_t *row, const struct pv_column *c, uint64_t sum)
{
	if (c->rate)
		json_object_set_new(row, c->rate, rounded((double)sum * c->factor / pv_bucket_length(j->bucket)));
	json_object_set_new(row, c->name, integer(sum));
}

/* What rows are sorted by comes first, so that it is seen where there is not room for everything. */
static json_t *sums(const struct json *j, const struct pv_metric *m, const char *name, const uint64_t *sum)
{
	int sort = pv_bucket_sort(j->bucket, m);
	unsigned first = sort > 0 ? (unsigned)sort : 0;
	json_t *row = json_object();
	json_object_set_new(row, "estimate", integer(sum[0]));
	json_object_set_new(row, "name", json_string(name));
	sum_and_rate(j, row, &m->columns[first], sum[first]);
	for (unsigned i = 0; i < m->ncolumns; i++)
		if (i != first)
			sum_and_rate(j, row, &m->columns[i], sum[i]);
	return row;
}

/* Rows, and one more for all that has none: together they are everything. */
static json_t *tally(const struct json *j, const struct pv_metric *m, const union pv_cell *c)
{
	uint64_t rest[PV_TALLY_COLUMNS];
	bool any_rest;
	size_t n = pv_bucket_tally_rows(j->bucket, m, c, j->sums, rest, &any_rest);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		const struct pv_tally_row *r = j->sums[i];
		const struct pv_topn_row key = {.key = r->key, .len = r->len, .estimate = r->sum[0]};
		struct pv_item item;
		pv_item_show(m, &key, &item);
		json_array_append_new(list, sums(j, m, item.name, r->sum));
	}
	if (any_rest)
		json_array_append_new(list, sums(j, m, "other", rest));
	return list;
}

static json_t *quantiles(const struct pv_metric *m, const struct pv_exphist *h)
{
	if (!h || !pv_exphist_count(h))
		return NULL;
	json_t *o = json_object();
	for (int i = 0; i < 4; i++)
		json_object_set_new(o, pv_quantile_keys[i],
				    m->real ? json_real(pv_exphist_quantile(h, pv_quantiles[i]))
					    : integer(pv_exphist_quantile_u64(h, pv_quantiles[i])));
	return o;
}

static json_t *rate(const struct pv_bucket *b, const struct pv_rate *r)
{
	uint64_t q[4] = {0, 0, 0, 0};
	uint64_t first, last;
	if (!b->start_ns && !b->end_ns)
		return NULL;
	pv_bucket_seconds(b, r, &first, &last);
	if (r && pv_rate_quantiles(r, first, last, pv_quantiles, q, 4))
		return NULL;
	json_t *o = json_object();
	for (int i = 0; i < 4; i++)
		json_object_set_new(o, pv_quantile_keys[i], integer(q[i]));
	if (!b->recorded && !b->closed) /* the last second that is complete */
		json_object_set_new(o, "live", integer(r && last < b->end_ns / 1000000000 ? pv_rate_at(r, last) : 0));
	return o;
}

static json_t *histogram(const struct pv_histogram *h)
{
	if (!h || !pv_histogram_count(h))
		return NULL;
	json_t *buckets = json_object();
	struct pv_histogram_bin bin = PV_HISTOGRAM_BINS;
	while (pv_histogram_next(h, &bin)) {
		char key[24];
		snprintf(key, sizeof key, "%" PRIu64, bin.bound);
		json_object_set_new(buckets, key, json_real((double)bin.cumulative));
	}
	json_object_set_new(buckets, "+Inf", json_real((double)pv_histogram_count(h)));
	return json_pack("{s:o}", "buckets", buckets);
}

/* NULL: there is no data. */
static json_t *value_of(const struct json *j, const struct pv_metric *m, const union pv_cell *c)
{
	switch (m->kind) {
	case PV_COUNTER:
		return integer(c->count);
	case PV_DISTINCT:
		return json_integer(c->distinct ? (json_int_t)llround(pv_hll_estimate(c->distinct)) : 0);
	case PV_TOPN:
		return top(j, m, c);
	case PV_QUANTILES:
		return quantiles(m, c->quantiles);
	case PV_HISTOGRAM:
		return histogram(c->histogram);
	case PV_RATE:
		return rate(j->bucket, c->rate);
	case PV_GAUGE:
		return integer(c->gauge ? pv_gauge_value(c->gauge) : 0);
	case PV_TALLY:
		return tally(j, m, c);
	case PV_MINIMUM:
	case PV_MAXIMUM:
		return c->count ? integer(c->count - 1) : NULL;
	}
	return NULL;
}

/* At the metric's path in the object of its block. */
static int put(json_t *block, const struct json *j, const struct pv_metric *m, const union pv_cell *c)
{
	json_t *value = value_of(j, m, c);
	if (!value)
		return 0; /* without data it is absent, and so is what would hold it */
	const char *last;
	json_t *at = walk(block, m->path, &last);
	if (!at) {
		json_decref(value);
		return -1;
	}
	return json_object_set_new(at, last, value);
}

static int visit(void *ctx, const struct pv_bucket *b, const struct pv_block *k, const struct pv_metric *m,
		 const union pv_cell *c)
{
	struct json *j = ctx;
	while (b->blocks[j->at] != k) /* blocks come in order */
		j->at++;
	return put(j->block[j->at], j, m, c);
}

int pv_bucket_json_add(json_t *to, const struct pv_bucket *b, int metric)
{
	struct json j = {.bucket = b};
	if (metric < 0)
		return 0;
	j.rows = calloc((size_t)b->conf.topn + 1, sizeof *j.rows);
	j.sums = calloc((size_t)b->conf.topn + 1, sizeof *j.sums);
	int rc = j.rows && j.sums ? put(to, &j, &b->handler->metrics[metric], &b->blocks[0]->cells[metric]) : -1;
	free(j.rows);
	free(j.sums);
	return rc;
}

/* The object of block i in its parent's. Label values that look the same once they are clean stay apart. */
static int add_block(struct json *j, uint32_t i)
{
	const struct pv_block *k = j->bucket->blocks[i];
	const char *container = j->bucket->handler->scopes[k->scope].container;
	json_t *at = j->block[k->parent];
	if (container) {
		json_t *in = json_object_get(at, container);
		if (!in && json_object_set_new(at, container, in = json_object()))
			return -1;
		at = in;
	}
	char key[4 * PV_BLOCK_KEY + 16];
	size_t n = pv_utf8_clean(k->key, strlen(k->key), key, 4 * PV_BLOCK_KEY + 1);
	for (unsigned again = 2; json_object_get(at, key); again++)
		snprintf(key + n, sizeof key - n, "_%u", again);
	j->block[i] = json_object();
	return json_object_set(at, key, j->block[i]); /* a metric of the same path takes its place, not its life */
}

json_t *pv_bucket_json(const struct pv_bucket *b)
{
	struct json j = {.bucket = b, .root = json_object()};
	j.block = calloc(b->nblocks, sizeof *j.block);
	j.rows = calloc((size_t)b->conf.topn + 1, sizeof *j.rows);
	j.sums = calloc((size_t)b->conf.topn + 1, sizeof *j.sums);
	int rc = j.block && j.rows && j.sums && j.root ? 0 : -1;
	if (!rc) {
		j.block[0] = json_incref(j.root);
		rc = json_object_set_new(j.root, "period",
					 json_pack("{s:I,s:I}", "start_ts", (json_int_t)(b->start_ns / 1000000000),
						   "length",
						   (json_int_t)(b->end_ns / 1000000000 - b->start_ns / 1000000000)));
	}
	for (uint32_t i = 1; !rc && i < b->nblocks; i++)
		rc = add_block(&j, i);
	if (!rc)
		rc = pv_bucket_visit(b, visit, &j);
	for (uint32_t i = 0; j.block && i < b->nblocks; i++)
		json_decref(j.block[i]);
	free(j.block);
	free(j.rows);
	free(j.sums);
	if (rc) {
		json_decref(j.root);
		return NULL;
	}
	return j.root;
}
