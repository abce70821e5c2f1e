/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/bucket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

const double pv_quantiles[4] = {0.5, 0.9, 0.95, 0.99};
const char *const pv_quantile_keys[4] = {"p50", "p90", "p95", "p99"};

/* ---- kinds: what is done to a metric's state, once per kind ------------------------------------ */

static size_t put_u64(uint64_t v, uint8_t *buf, size_t cap)
{
	if (cap < 8)
		return 0;
	memcpy(buf, &v, 8);
	return 8;
}

void *pv_cell_make(struct pv_block *k, unsigned m)
{
	const struct pv_metric *row = &k->bucket->handler->metrics[m];
	union pv_cell *c = &k->cells[m];
	void *made = NULL;
	switch (row->kind) {
	case PV_DISTINCT:
		made = c->distinct = pv_hll_new(PV_HLL_LG_K_DEFAULT);
		break;
	case PV_TOPN:
		made = c->topn = pv_topn_new(row->integer ? PV_TOPN_U64 : PV_TOPN_STR, PV_TOPN_LG_MAP_DEFAULT,
					     PV_TOPN_KEY_BYTES_DEFAULT, k->bucket->conf.seed);
		break;
	case PV_QUANTILES:
		made = c->quantiles = pv_exphist_new();
		break;
	case PV_HISTOGRAM:
		made = c->histogram = pv_histogram_new();
		break;
	case PV_RATE:
		made = c->rate = pv_rate_new();
		break;
	case PV_GAUGE:
		made = c->gauge = pv_gauge_new();
		break;
	case PV_TALLY:
		made = c->tally = pv_tally_new(row->ncolumns, PV_TALLY_ROWS, k->bucket->conf.seed);
		break;
	default:
		return NULL;
	}
	if (!made)
		k->bucket->lost++;
	return made;
}

void pv_top_defined(struct pv_block *k, unsigned m, const struct pv_handler_ctx *ctx, uint8_t stage, enum pv_define_kind kind,
		    uint32_t number)
{
	size_t n;
	if (!number || !pv_on(k, m) || !ctx->define)
		return;
	const char *text = ctx->define(ctx->defines, stage, kind, number, &n);
	if (text)
		pv_top_bytes(k, m, text, n, 1);
}

static void cell_free(const struct pv_metric *row, union pv_cell *c)
{
	switch (row->kind) {
	case PV_DISTINCT:
		pv_hll_free(c->distinct);
		break;
	case PV_TOPN:
		pv_topn_free(c->topn);
		break;
	case PV_QUANTILES:
		pv_exphist_free(c->quantiles);
		break;
	case PV_HISTOGRAM:
		pv_histogram_free(c->histogram);
		break;
	case PV_RATE:
		pv_rate_free(c->rate);
		break;
	case PV_GAUGE:
		pv_gauge_free(c->gauge);
		break;
	case PV_TALLY:
		pv_tally_free(c->tally);
		break;
	default:
		break;
	}
	memset(c, 0, sizeof *c);
}

static void merge_plain(unsigned kind, uint64_t *dst, uint64_t src)
{
	if (kind == PV_COUNTER)
		*dst = *dst > UINT64_MAX - src ? UINT64_MAX : *dst + src;
	else if (!*dst || (src && (kind == PV_MINIMUM) == (src < *dst)))
		*dst = src;
}

static int cell_merge(struct pv_block *k, unsigned m, const union pv_cell *src)
{
	const struct pv_metric *row = &k->bucket->handler->metrics[m];
	union pv_cell *dst = &k->cells[m];
	if (pv_kind_plain(row->kind)) {
		merge_plain(row->kind, &dst->count, src->count);
		return 0;
	}
	/* all sketches are pointers: the union's first one tells whether there is any */
	if (!src->distinct)
		return 0;
	if (!dst->distinct && !pv_cell_make(k, m))
		return -1;
	switch (row->kind) {
	case PV_DISTINCT:
		return pv_hll_merge(dst->distinct, src->distinct);
	case PV_TOPN:
		return pv_topn_merge(dst->topn, src->topn);
	case PV_QUANTILES:
		return pv_exphist_merge(dst->quantiles, src->quantiles);
	case PV_HISTOGRAM:
		pv_histogram_merge(dst->histogram, src->histogram);
		return 0;
	case PV_RATE:
		return pv_rate_merge(dst->rate, src->rate);
	case PV_GAUGE:
		pv_gauge_merge(dst->gauge, src->gauge);
		return 0;
	case PV_TALLY:
		return pv_tally_merge(dst->tally, src->tally);
	default:
		return 0;
	}
}

size_t pv_cell_memory(const struct pv_metric *row, const union pv_cell *c)
{
	if (pv_kind_plain(row->kind) || !c->distinct)
		return 0;
	switch (row->kind) {
	case PV_DISTINCT:
		return pv_hll_memory(c->distinct);
	case PV_TOPN:
		return pv_topn_memory(c->topn);
	case PV_QUANTILES:
		return pv_exphist_memory(c->quantiles);
	case PV_HISTOGRAM:
		return pv_histogram_memory(c->histogram);
	case PV_GAUGE:
		return pv_gauge_memory(c->gauge);
	case PV_TALLY:
		return pv_tally_memory(c->tally);
	default:
		return pv_rate_memory(c->rate);
	}
}

static uint64_t cell_lost(const struct pv_metric *row, const union pv_cell *c)
{
	if (pv_kind_plain(row->kind) || !c->distinct)
		return 0;
	switch (row->kind) {
	case PV_DISTINCT:
		return pv_hll_lost(c->distinct);
	case PV_TOPN:
		return pv_topn_lost(c->topn);
	case PV_QUANTILES:
		return pv_exphist_lost(c->quantiles);
	case PV_RATE:
		return pv_rate_lost(c->rate);
	case PV_GAUGE:
		return pv_gauge_lost(c->gauge);
	case PV_TALLY:
		return pv_tally_lost(c->tally) + pv_tally_evicted(c->tally);
	default:
		return 0;
	}
}

size_t pv_cell_size(const struct pv_metric *row, const union pv_cell *c)
{
	if (pv_kind_plain(row->kind))
		return c->count ? 8 : 0;
	if (!c->distinct)
		return 0;
	switch (row->kind) {
	case PV_DISTINCT:
		return pv_hll_image_size(c->distinct);
	case PV_TOPN:
		return pv_topn_image_size(c->topn);
	case PV_QUANTILES:
		return pv_exphist_image_size(c->quantiles);
	case PV_HISTOGRAM:
		return pv_histogram_image_size(c->histogram);
	case PV_GAUGE:
		return pv_gauge_image_size(c->gauge);
	case PV_TALLY:
		return pv_tally_image_size(c->tally);
	default:
		return pv_rate_image_size(c->rate);
	}
}

size_t pv_cell_write(const struct pv_metric *row, const union pv_cell *c, uint8_t *buf, size_t cap)
{
	switch (row->kind) {
	case PV_COUNTER:
	case PV_MINIMUM:
	case PV_MAXIMUM:
		return put_u64(c->count, buf, cap);
	case PV_DISTINCT:
		return pv_hll_write(c->distinct, buf, cap);
	case PV_TOPN:
		return pv_topn_write(c->topn, buf, cap);
	case PV_QUANTILES:
		return pv_exphist_write(c->quantiles, buf, cap);
	case PV_HISTOGRAM:
		return pv_histogram_write(c->histogram, buf, cap);
	case PV_GAUGE:
		return pv_gauge_write(c->gauge, buf, cap);
	case PV_TALLY:
		return pv_tally_write(c->tally, buf, cap);
	default:
		return pv_rate_write(c->rate, buf, cap);
	}
}

int pv_cell_read(const struct pv_metric *row, union pv_cell *c, const uint8_t *p, size_t n, uint64_t seed)
{
	void *made;
	switch (row->kind) {
	case PV_COUNTER:
	case PV_MINIMUM:
	case PV_MAXIMUM:
		if (n != 8) {
			errno = EINVAL;
			return -1;
		}
		memcpy(&c->count, p, 8);
		return 0;
	case PV_DISTINCT:
		made = c->distinct = pv_hll_read(p, n);
		break;
	case PV_TOPN:
		made = c->topn = pv_topn_read(row->integer ? PV_TOPN_U64 : PV_TOPN_STR, p, n, seed);
		break;
	case PV_QUANTILES:
		made = c->quantiles = pv_exphist_read(p, n);
		break;
	case PV_HISTOGRAM:
		made = c->histogram = pv_histogram_read(p, n);
		break;
	case PV_GAUGE:
		made = c->gauge = pv_gauge_read(p, n);
		break;
	case PV_TALLY:
		made = c->tally = pv_tally_read(row->ncolumns, p, n, PV_TALLY_ROWS, seed);
		break;
	default:
		made = c->rate = pv_rate_read(p, n);
		break;
	}
	return made ? 0 : -1;
}

/* ---- buckets ---------------------------------------------------------------------------------- */

size_t pv_block_memory(const struct pv_handler *h)
{
	return sizeof(struct pv_block) + h->nmetrics * sizeof(union pv_cell) + h->nscopes * sizeof(uint32_t);
}

static struct pv_block *block_new(struct pv_bucket *b, uint32_t parent, uint8_t scope, const char *key, uint64_t hash)
{
	struct pv_block *k = calloc(1, pv_block_memory(b->handler));
	if (!k)
		return NULL;
	k->children = (uint32_t *)(void *)(k->cells + b->handler->nmetrics);
	k->bucket = b;
	k->parent = parent;
	k->scope = scope;
	k->hash = hash;
	if (key && !(k->key = strndup(key, PV_BLOCK_KEY))) {
		free(k);
		return NULL;
	}
	return k;
}

static void index_block(struct pv_bucket *b, uint32_t at)
{
	uint32_t mask = b->cap_blocks * 2 - 1;
	uint32_t i = (uint32_t)b->blocks[at]->hash & mask;
	while (b->index[i])
		i = (i + 1) & mask;
	b->index[i] = at + 1;
}

/* Takes k over; on failure it is freed. */
static int append(struct pv_bucket *b, struct pv_block *k)
{
	if (k && b->nblocks == b->cap_blocks) {
		uint32_t cap = b->cap_blocks ? b->cap_blocks * 2 : 4;
		struct pv_block **blocks = realloc(b->blocks, cap * sizeof(struct pv_block *));
		uint32_t *index = calloc((size_t)cap * 2, sizeof *index);
		if (blocks)
			b->blocks = blocks;
		if (!blocks || !index) {
			free(index);
			free(k->key);
			free(k);
			return -1;
		}
		free(b->index);
		b->index = index;
		b->cap_blocks = cap;
		for (uint32_t i = 0; i < b->nblocks; i++)
			index_block(b, i);
	}
	if (!k)
		return -1;
	b->blocks[b->nblocks] = k;
	index_block(b, b->nblocks++);
	return 0;
}

static void block_free(const struct pv_handler *h, struct pv_block *k)
{
	for (size_t m = 0; m < h->nmetrics; m++)
		cell_free(&h->metrics[m], &k->cells[m]);
	free(k->key);
	free(k);
}

struct pv_bucket *pv_bucket_new(const struct pv_handler *h, const struct pv_bucket_conf *conf)
{
	struct pv_bucket *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->handler = h;
	b->conf = *conf;
	b->enabled = malloc(h->nmetrics + 1);
	if (!b->enabled || append(b, block_new(b, 0, 0, NULL, 0))) {
		pv_bucket_free(b);
		return NULL;
	}
	for (size_t i = 0; i < h->nmetrics; i++) {
		const struct pv_metric *m = &h->metrics[i];
		b->enabled[i] = (m->group == PV_ALWAYS || (conf->groups >> m->group & 1)) &&
				(m->group2 == PV_ALWAYS || (conf->groups >> m->group2 & 1));
	}
	return b;
}

void pv_bucket_free(struct pv_bucket *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->others, 1, memory_order_acq_rel))
		return;
	for (uint32_t i = 0; i < b->nblocks; i++)
		block_free(b->handler, b->blocks[i]);
	free(b->blocks);
	free(b->index);
	free(b->enabled);
	free(b);
}

struct pv_bucket *pv_bucket_ref(struct pv_bucket *b)
{
	atomic_fetch_add_explicit(&b->others, 1, memory_order_relaxed);
	return b;
}

bool pv_bucket_shared(const struct pv_bucket *b)
{
	return atomic_load_explicit(&b->others, memory_order_acquire) > 0;
}

struct pv_bucket *pv_bucket_copy(const struct pv_bucket *b)
{
	struct pv_bucket *copy = pv_bucket_new(b->handler, &b->conf);
	if (!copy || pv_bucket_merge(copy, b)) {
		pv_bucket_free(copy);
		return NULL;
	}
	copy->start_ns = b->start_ns;
	copy->end_ns = b->end_ns;
	copy->stream_id = b->stream_id;
	copy->closed = b->closed;
	return copy;
}

size_t pv_bucket_memory(const struct pv_bucket *b)
{
	size_t sum = sizeof *b + b->cap_blocks * 16;
	for (uint32_t i = 0; i < b->nblocks; i++) {
		sum += pv_block_memory(b->handler);
		for (size_t m = 0; m < b->handler->nmetrics; m++)
			sum += pv_cell_memory(&b->handler->metrics[m], &b->blocks[i]->cells[m]);
	}
	return sum;
}

uint64_t pv_bucket_lost(const struct pv_bucket *b)
{
	uint64_t sum = b->lost + b->folded;
	for (uint32_t i = 0; i < b->nblocks; i++)
		for (size_t m = 0; m < b->handler->nmetrics; m++)
			sum += cell_lost(&b->handler->metrics[m], &b->blocks[i]->cells[m]);
	return sum;
}

bool pv_bucket_shown(const struct pv_bucket *b)
{
	return b->handler->ngroups == 0 || b->conf.groups != 0;
}

void pv_bucket_trim(struct pv_bucket *b, size_t items)
{
	for (uint32_t i = 0; i < b->nblocks; i++)
		for (size_t m = 0; m < b->handler->nmetrics; m++) {
			const union pv_cell *c = &b->blocks[i]->cells[m];
			if (b->handler->metrics[m].kind == PV_TOPN && c->topn)
				pv_topn_trim(c->topn, items);
			else if (b->handler->metrics[m].kind == PV_TALLY && c->tally)
				pv_tally_trim(c->tally, items);
		}
}

static struct pv_block *find(struct pv_bucket *b, uint32_t parent, uint8_t scope, const char *key, uint64_t hash)
{
	uint32_t mask = b->cap_blocks * 2 - 1;
	for (uint32_t i = (uint32_t)hash & mask; b->index[i]; i = (i + 1) & mask) {
		struct pv_block *k = b->blocks[b->index[i] - 1];
		if (k->hash == hash && k->parent == parent && k->scope == scope && k->key && !strncmp(k->key, key, PV_BLOCK_KEY))
			return k;
	}
	return NULL;
}

static uint32_t position(const struct pv_bucket *b, const struct pv_block *k)
{
	uint32_t mask = b->cap_blocks * 2 - 1;
	for (uint32_t i = (uint32_t)k->hash & mask;; i = (i + 1) & mask)
		if (b->blocks[b->index[i] - 1] == k)
			return b->index[i] - 1;
}

struct pv_block *pv_bucket_block(struct pv_bucket *b, struct pv_block *parent, uint8_t scope, const char *key)
{
	uint32_t at = position(b, parent);
	uint64_t seed = b->conf.seed ^ ((uint64_t)at << 8 | scope);
	uint64_t hash = XXH3_64bits_withSeed(key, strnlen(key, PV_BLOCK_KEY), seed);
	struct pv_block *k = find(b, at, scope, key, hash);
	if (k)
		return k;
	if (b->full || parent->children[scope] >= b->handler->scopes[scope].max) {
		b->folded += strcmp(key, "other") != 0;
		key = "other";
		hash = XXH3_64bits_withSeed(key, strlen(key), seed);
		k = find(b, at, scope, key, hash);
		if (k)
			return k;
	}
	k = block_new(b, at, scope, key, hash);
	if (append(b, k)) {
		b->lost++;
		return parent;
	}
	parent->children[scope]++;
	return k;
}

/* The blocks behind `keep` are taken off, and then added, in order, to what their keys are now: "other". */
void pv_bucket_fold(struct pv_bucket *b, uint32_t keep)
{
	uint32_t n = b->nblocks;
	if (keep < 1 || keep >= n)
		return;
	struct pv_block **from = malloc((n - keep) * sizeof(struct pv_block *));
	struct pv_block **to = malloc((n - keep) * sizeof(struct pv_block *));
	b->full = true;
	for (uint32_t i = 0; from && to && i < n - keep; i++) {
		from[i] = b->blocks[keep + i];
		if (from[i]->parent < keep)
			b->blocks[from[i]->parent]->children[from[i]->scope]--;
	}
	if (from && to) {
		b->nblocks = keep;
		memset(b->index, 0, (size_t)b->cap_blocks * 2 * sizeof *b->index);
		for (uint32_t i = 0; i < keep; i++)
			index_block(b, i);
	}
	for (uint32_t i = 0; from && to && i < n - keep; i++) {
		struct pv_block *k = from[i], *parent = k->parent < keep ? b->blocks[k->parent] : to[k->parent - keep];
		to[i] = pv_bucket_block(b, parent, k->scope, k->key);
		for (unsigned m = 0; m < b->handler->nmetrics && to[i]->scope == k->scope; m++)
			if (b->handler->metrics[m].scope == k->scope && cell_merge(to[i], m, &k->cells[m]))
				b->lost++;
	}
	for (uint32_t i = 0; from && to && i < n - keep; i++)
		block_free(b->handler, from[i]);
	free(from);
	free(to);
}

bool pv_bucket_fit(struct pv_bucket *b, size_t bytes)
{
	bool moved = false;
	if (pv_bucket_memory(b) <= bytes)
		return false;
	b->full = true;
	for (size_t items = 2048; items >= 32; items /= 4) {
		pv_bucket_trim(b, items);
		if (pv_bucket_memory(b) <= bytes)
			return false;
	}
	/* "other" may come to stand behind what is kept, so a few blocks always remain */
	for (uint32_t keep = b->nblocks / 2; keep >= 8 && pv_bucket_memory(b) > bytes; keep /= 2) {
		pv_bucket_fold(b, keep);
		pv_bucket_trim(b, 32);
		moved = true;
	}
	return moved;
}

#define WIDE 64 /* more blocks than any fixed set of directions or kinds */

bool pv_handler_wide(const struct pv_handler *h)
{
	for (size_t i = 0; i < h->nscopes; i++)
		if (h->scopes[i].max > WIDE)
			return true;
	return false;
}

int pv_bucket_merge(struct pv_bucket *dst, const struct pv_bucket *src)
{
	struct pv_block **to = malloc(src->nblocks * sizeof(struct pv_block *));
	int rc = to ? 0 : -1;
	bool empty = !dst->start_ns && !dst->end_ns;
	for (uint32_t i = 0; to && i < src->nblocks; i++) {
		const struct pv_block *k = src->blocks[i];
		to[i] = i ? pv_bucket_block(dst, to[k->parent], k->scope, k->key) : dst->blocks[0];
		for (unsigned m = 0; m < src->handler->nmetrics; m++)
			if (src->handler->metrics[m].scope == k->scope && dst->enabled[m] &&
			    cell_merge(to[i], m, &k->cells[m])) {
				dst->lost++;
				rc = -1;
			}
	}
	free(to);
	if (src->start_ns || src->end_ns) {
		if (empty || src->start_ns < dst->start_ns)
			dst->start_ns = src->start_ns;
		if (src->end_ns > dst->end_ns)
			dst->end_ns = src->end_ns;
	}
	dst->lost += src->lost;
	dst->folded += src->folded;
	dst->recorded |= src->recorded;
	dst->hosts |= src->hosts;
	if (!dst->name[0])
		memcpy(dst->name, src->name, sizeof dst->name);
	return rc;
}

int pv_bucket_visit(const struct pv_bucket *b, pv_visit_fn *fn, void *ctx)
{
	for (uint32_t i = 0; i < b->nblocks; i++)
		for (size_t m = 0; m < b->handler->nmetrics; m++) {
			const struct pv_metric *row = &b->handler->metrics[m];
			if (!b->enabled[m] || row->scope != b->blocks[i]->scope)
				continue;
			int rc = fn(ctx, b, b->blocks[i], row, &b->blocks[i]->cells[m]);
			if (rc)
				return rc;
		}
	return 0;
}

/* The row that has conf's percentile, of those that are shown: they are sorted, the largest first. */
static size_t percentile_row(const struct pv_bucket *b, size_t n)
{
	size_t rank = (n * b->conf.topn_percentile + 99) / 100;
	return n - (rank ? rank : 1);
}

size_t pv_bucket_rows(const struct pv_bucket *b, const union pv_cell *c, struct pv_topn_row *rows)
{
	size_t n = c->topn ? pv_topn_rows(c->topn, rows, b->conf.topn) : 0;
	if (!n || !b->conf.topn_percentile)
		return n;
	uint64_t least = rows[percentile_row(b, n)].estimate;
	while (n && rows[n - 1].estimate < least)
		n--;
	return n;
}

int pv_bucket_sort(const struct pv_bucket *b, const struct pv_metric *m)
{
	const char *sort = b->conf.sort;
	if (sort && !strcmp(sort, PV_SORT_NAME))
		return PV_TALLY_BY_KEY;
	for (int i = 0; sort && i < m->ncolumns; i++)
		if (!strcmp(sort, m->columns[i].name) || (m->columns[i].rate && !strcmp(sort, m->columns[i].rate)))
			return i;
	return 0;
}

size_t pv_bucket_tally_rows(const struct pv_bucket *b, const struct pv_metric *m, const union pv_cell *c,
			    const struct pv_tally_row **rows, uint64_t rest[PV_TALLY_COLUMNS], bool *any_rest)
{
	int sort = pv_bucket_sort(b, m);
	size_t n = c->tally ? pv_tally_rows(c->tally, rows, b->conf.topn, sort) : 0;
	memset(rest, 0, PV_TALLY_COLUMNS * sizeof *rest);
	if (n && b->conf.topn_percentile && sort != PV_TALLY_BY_KEY) {
		uint64_t least = rows[percentile_row(b, n)]->sum[sort];
		while (n && rows[n - 1]->sum[sort] < least)
			n--;
	}
	if (c->tally)
		pv_tally_total(c->tally, rest);
	*any_rest = false;
	for (unsigned i = 0; i < m->ncolumns; i++) {
		for (size_t r = 0; r < n; r++)
			rest[i] -= rest[i] > rows[r]->sum[i] ? rows[r]->sum[i] : rest[i]; /* totals may be saturated */
		*any_rest |= rest[i] > 0;
	}
	return n;
}

double pv_bucket_length(const struct pv_bucket *b)
{
	double seconds = b->end_ns > b->start_ns ? (double)(b->end_ns - b->start_ns) / 1e9 : 0;
	return seconds > 1 ? seconds : 1;
}

void pv_bucket_seconds(const struct pv_bucket *b, const struct pv_rate *r, uint64_t *first_sec, uint64_t *last_sec)
{
	*first_sec = b->start_ns / 1000000000;
	*last_sec = b->end_ns / 1000000000;
	bool running = !b->recorded && !b->closed;
	if (*last_sec > *first_sec && (running || !r || !pv_rate_at(r, *last_sec)))
		--*last_sec;
}
