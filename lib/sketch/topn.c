/* SPDX-License-Identifier: MPL-2.0 */
#include "sketch/topn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sketch/wire.h"

/* Smallest tables: 6 items and 64 bytes of keys; idle sketches are the most common, and a router's interfaces have two dozen
 * each. */
#define LG_MAP_FIRST 3u
#define ARENA_FIRST  64u

/* Image format: DataSketches frequent items, serial version 1. */
#define SER_VER	       1
#define FAMILY	       10
#define PRE_EMPTY      1
#define PRE_FULL       4
#define HEAD_EMPTY     8u
#define HEAD_FULL      32u
#define FLAGS_EMPTY    0x05 /* bit 2 says so; old writers set bit 0 as well */
#define FLAG_EMPTY     0x04
#define FLAGS_KNOWN    0x07
#define LG_IMAGE_FIRST 7u /* what DataSketches starts with where these images are used */
#define LG_IMAGE_MAX   31u

struct item {
	uint64_t count;
	union {
		uint64_t num;
		struct {
			uint32_t at, len; /* in the arena */
		} key;
	} u;
};

/* The index has twice the places of the map: at most 3/8 are taken, so that a look-up ends at its first or second. */
#define LG_INDEX(lg_map) ((lg_map) + 1)

/* Beside each index slot enough of the hash that a miss is seen without touching the item. */
struct slot {
	uint32_t tag;
	uint32_t ref; /* item + 1; 0 is empty */
};

struct pv_topn {
	enum pv_topn_kind kind;
	unsigned lg_max;
	unsigned lg_map; /* as the image counts: items have room for 3/4 of it; 0 before the first item */
	uint64_t seed;
	struct item *items; /* in order of first insertion */
	uint32_t n;
	struct slot *index;
	char *arena;
	size_t arena_used, arena_alloc, arena_max;
	uint64_t *scratch; /* counters while their median is sought; made with the full-size tables */
	uint64_t total, error, lost;
};

static uint32_t capacity(unsigned lg)
{
	return 3u << lg >> 2;
}

static uint64_t hash_num(const struct pv_topn *t, uint64_t num)
{
	/* Mixed with the seed from both sides, so that nobody who lacks it can aim at a place. Constants: SplitMix64. */
	uint64_t x = num ^ t->seed;
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * (UINT64_C(0x94d049bb133111eb) ^ (t->seed << 1));
	return x ^ x >> 31;
}

static uint64_t hash_str(const struct pv_topn *t, const void *key, size_t n)
{
	return XXH3_64bits_withSeed(key, n, t->seed);
}

static const char *key_of(const struct pv_topn *t, const struct item *item)
{
	/* The empty key alone needs no arena. */
	return item->u.key.len ? t->arena + item->u.key.at : "";
}

static uint64_t hash_item(const struct pv_topn *t, const struct item *item)
{
	if (t->kind == PV_TOPN_U64)
		return hash_num(t, item->u.num);
	return hash_str(t, key_of(t, item), item->u.key.len);
}

static void index_put(struct pv_topn *t, uint64_t hash, uint32_t ref)
{
	uint32_t mask = (1u << LG_INDEX(t->lg_map)) - 1, i = (uint32_t)hash & mask;

	while (t->index[i].ref)
		i = (i + 1) & mask;
	t->index[i] = (struct slot){(uint32_t)(hash >> 32), ref};
}

static void index_build(struct pv_topn *t)
{
	memset(t->index, 0, sizeof(*t->index) << LG_INDEX(t->lg_map));
	for (uint32_t i = 0; i < t->n; i++)
		index_put(t, hash_item(t, &t->items[i]), i + 1);
}

static inline struct item *find_num(const struct pv_topn *t, uint64_t hash, uint64_t num)
{
	uint32_t mask = (1u << LG_INDEX(t->lg_map)) - 1, tag = (uint32_t)(hash >> 32);

	if (!t->index)
		return NULL;
	for (uint32_t i = (uint32_t)hash & mask; t->index[i].ref; i = (i + 1) & mask)
		if (t->index[i].tag == tag && t->items[t->index[i].ref - 1].u.num == num)
			return &t->items[t->index[i].ref - 1];
	return NULL;
}

static inline struct item *find_str(const struct pv_topn *t, uint64_t hash, const void *key, size_t n)
{
	uint32_t mask = (1u << LG_INDEX(t->lg_map)) - 1, tag = (uint32_t)(hash >> 32);

	if (!t->index)
		return NULL;
	for (uint32_t i = (uint32_t)hash & mask; t->index[i].ref; i = (i + 1) & mask) {
		struct item *item;

		if (t->index[i].tag != tag)
			continue;
		item = &t->items[t->index[i].ref - 1];
		if (item->u.key.len == n && (!n || !memcmp(key_of(t, item), key, n)))
			return item;
	}
	return NULL;
}

struct pv_topn *pv_topn_new(enum pv_topn_kind kind, unsigned lg_max_map, size_t key_bytes_max, uint64_t seed)
{
	struct pv_topn *t;

	if ((kind != PV_TOPN_STR && kind != PV_TOPN_U64) || lg_max_map < PV_TOPN_LG_MAP_MIN ||
	    lg_max_map > PV_TOPN_LG_MAP_MAX || key_bytes_max > PV_TOPN_KEY_BYTES_MAX) {
		errno = EINVAL;
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		errno = ENOMEM;
		return NULL;
	}
	t->kind = kind;
	t->lg_max = lg_max_map;
	t->arena_max = key_bytes_max ? key_bytes_max : PV_TOPN_KEY_BYTES_DEFAULT;
	t->seed = seed;
	return t;
}

/* Gives all tables back. */
static void drop_tables(struct pv_topn *t)
{
	free(t->items);
	free(t->index);
	free(t->arena);
	free(t->scratch);
	t->items = NULL;
	t->index = NULL;
	t->arena = NULL;
	t->scratch = NULL;
	t->n = 0;
	t->lg_map = 0;
	t->arena_used = 0;
	t->arena_alloc = 0;
}

void pv_topn_free(struct pv_topn *t)
{
	if (!t)
		return;
	drop_tables(t);
	free(t);
}

static int tables_resize(struct pv_topn *t, unsigned lg)
{
	struct slot *index = malloc(sizeof(*index) << LG_INDEX(lg));
	uint64_t *scratch = t->scratch;
	struct item *items;

	if (!index)
		return -1;
	if (lg == t->lg_max && !scratch) {
		scratch = malloc(sizeof(*scratch) * capacity(lg));
		if (!scratch) {
			free(index);
			return -1;
		}
		t->scratch = scratch;
	}
	items = realloc(t->items, sizeof(*items) * capacity(lg));
	if (!items) {
		free(index);
		return -1;
	}
	free(t->index);
	t->items = items;
	t->index = index;
	t->lg_map = lg;
	index_build(t);
	return 0;
}

static void swap_u64(uint64_t *a, uint64_t *b)
{
	uint64_t v = *a;

	*a = *b;
	*b = v;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The k-th smallest (from 0) of v[0..n), which it reorders. Falls back to sorting when pivots are bad. */
static uint64_t select_u64(uint64_t *v, size_t n, size_t k)
{
	size_t lo = 0, hi = n, work = 0;

	while (hi - lo > 16) {
		uint64_t a = v[lo], b = v[lo + (hi - lo) / 2], c = v[hi - 1], pivot;
		size_t lt = lo, i = lo, gt = hi;

		/* Counters can be arranged by whoever sends the traffic: bound the bad case. */
		work += hi - lo;
		if (work > 8 * n)
			break;
		pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
		/*
		 * Three parts, as counters are full of ties: [lo, lt) below, [lt, gt) equal, [gt, hi)
		 * above. */
		while (i < gt) {
			if (v[i] < pivot)
				swap_u64(&v[lt++], &v[i++]);
			else if (v[i] > pivot)
				swap_u64(&v[i], &v[--gt]);
			else
				i++;
		}
		if (k < lt)
			hi = lt;
		else if (k >= gt)
			lo = gt;
		else
			return pivot;
	}
	qsort(v + lo, hi - lo, sizeof(*v), compare_u64);
	return v[k];
}

/* Takes cut from every counter and closes the gaps of those with nothing left, in items and arena. */
static void subtract(struct pv_topn *t, uint64_t cut)
{
	uint32_t kept = 0;
	size_t used = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		struct item item = t->items[i];

		if (item.count <= cut)
			continue;
		item.count -= cut;
		if (t->kind == PV_TOPN_STR) {
			/* Keys lie in item order, so they only ever move down. */
			if (item.u.key.len)
				memmove(t->arena + used, t->arena + item.u.key.at, item.u.key.len);
			item.u.key.at = (uint32_t)used;
			used += item.u.key.len;
		}
		t->items[kept++] = item;
	}
	t->n = kept;
	t->arena_used = used;
	t->error = pv_add_sat(t->error, cut);
}

/* -1 only when there is no scratch and no memory for it. */
static int purge(struct pv_topn *t)
{
	uint64_t *v = t->scratch;

	if (!v) {
		/* The arena filled up before the tables did. */
		v = malloc(sizeof(*v) * t->n);
		if (!v)
			return -1;
	}
	for (uint32_t i = 0; i < t->n; i++)
		v[i] = t->items[i].count;
	subtract(t, select_u64(v, t->n, t->n / 2));
	if (v != t->scratch)
		free(v);
	index_build(t);
	return 0;
}

/* Room in the arena for n more bytes, by purging if need be; false if there is none. */
static bool arena_reserve(struct pv_topn *t, size_t n)
{
	size_t alloc = t->arena_alloc ? t->arena_alloc : ARENA_FIRST;
	char *arena;

	if (n > t->arena_max)
		return false;
	while (t->arena_used + n > t->arena_max)
		if (purge(t))
			return false;
	if (t->arena_used + n <= t->arena_alloc)
		return true;
	while (alloc < t->arena_used + n)
		alloc *= 2;
	if (alloc > t->arena_max)
		alloc = t->arena_max;
	arena = realloc(t->arena, alloc);
	if (!arena)
		return false;
	t->arena = arena;
	t->arena_alloc = alloc;
	return true;
}

/*
 * A place for a new item with n key bytes; NULL if there is no memory. A purge it causes does not touch the
 * new item, which keeps its full weight as its lower bound. */
static struct item *item_new(struct pv_topn *t, size_t n)
{
	if (t->kind == PV_TOPN_STR && !arena_reserve(t, n))
		return NULL;
	if (t->lg_map == 0 || t->n == capacity(t->lg_map)) {
		if (t->lg_map < t->lg_max) {
			unsigned lg = t->lg_map ? t->lg_map + 1 : LG_MAP_FIRST;

			if (tables_resize(t, lg < t->lg_max ? lg : t->lg_max))
				return NULL;
		} else if (purge(t)) {
			return NULL;
		}
	}
	return &t->items[t->n++];
}

/* Everything but the common case: a first time, the wrong kind, a sum that saturates. */
static __attribute__((noinline)) void add_num_slow(struct pv_topn *t, uint64_t key, uint64_t weight)
{
	struct item *item = NULL;
	uint64_t hash = hash_num(t, key);

	t->total = pv_add_sat(t->total, weight);
	if (t->kind == PV_TOPN_U64)
		item = find_num(t, hash, key);
	if (item) {
		item->count = pv_add_sat(item->count, weight);
		return;
	}
	if (t->kind == PV_TOPN_U64)
		item = item_new(t, 0);
	if (!item) {
		t->lost = pv_add_sat(t->lost, weight);
		return;
	}
	item->count = weight;
	item->u.num = key;
	index_put(t, hash, t->n);
}

void pv_topn_add_u64(struct pv_topn *t, uint64_t key, uint64_t weight)
{
	struct item *item = t->kind == PV_TOPN_U64 ? find_num(t, hash_num(t, key), key) : NULL;

	if (!weight)
		return;
	if (!item || t->total > UINT64_MAX - weight) {
		add_num_slow(t, key, weight);
		return;
	}
	t->total += weight;
	item->count = pv_add_sat(item->count, weight);
}

static __attribute__((noinline)) void add_str_slow(struct pv_topn *t, uint64_t hash, const void *key, size_t n, uint64_t weight)
{
	struct item *item = NULL;

	t->total = pv_add_sat(t->total, weight);
	if (t->kind == PV_TOPN_STR && n <= t->arena_max)
		item = find_str(t, hash, key, n);
	if (item) {
		item->count = pv_add_sat(item->count, weight);
		return;
	}
	if (t->kind == PV_TOPN_STR && n <= t->arena_max)
		item = item_new(t, n);
	if (!item) {
		t->lost = pv_add_sat(t->lost, weight);
		return;
	}
	item->count = weight;
	item->u.key.at = (uint32_t)t->arena_used;
	item->u.key.len = (uint32_t)n;
	if (n)
		memcpy(t->arena + t->arena_used, key, n);
	t->arena_used += n;
	index_put(t, hash, t->n);
}

void pv_topn_add(struct pv_topn *t, const void *key, size_t n, uint64_t weight)
{
	uint64_t hash = hash_str(t, key, n);
	struct item *item = t->kind == PV_TOPN_STR ? find_str(t, hash, key, n) : NULL;

	if (!weight)
		return;
	if (!item || t->total > UINT64_MAX - weight) {
		add_str_slow(t, hash, key, n, weight);
		return;
	}
	t->total += weight;
	item->count = pv_add_sat(item->count, weight);
}

void pv_topn_add_hint(struct pv_topn *t, uint32_t *hint, const void *key, size_t n, uint64_t weight)
{
	struct item *item;

	if (t->kind != PV_TOPN_STR || !weight) {
		pv_topn_add(t, key, n, weight);
		return;
	}
	item = *hint < t->n ? &t->items[*hint] : NULL;
	if (!item || item->u.key.len != n || (n && memcmp(key_of(t, item), key, n))) {
		uint64_t hash = hash_str(t, key, n);

		item = find_str(t, hash, key, n);
		if (!item) {
			*hint = t->n;
			add_str_slow(t, hash, key, n, weight);
			return;
		}
		*hint = (uint32_t)(item - t->items);
	}
	t->total = pv_add_sat(t->total, weight);
	item->count = pv_add_sat(item->count, weight);
}

int pv_topn_merge(struct pv_topn *dst, const struct pv_topn *src)
{
	uint64_t total, error, lost;

	if (dst->kind != src->kind) {
		errno = EINVAL;
		return -1;
	}
	total = pv_add_sat(dst->total, src->total);
	error = src->error;
	lost = src->lost;
	if (dst == src) {
		for (uint32_t i = 0; i < dst->n; i++)
			dst->items[i].count = pv_add_sat(dst->items[i].count, dst->items[i].count);
	} else if (src->kind == PV_TOPN_U64) {
		for (uint32_t i = 0; i < src->n; i++)
			pv_topn_add_u64(dst, src->items[i].u.num, src->items[i].count);
	} else {
		for (uint32_t i = 0; i < src->n; i++)
			pv_topn_add(dst, key_of(src, &src->items[i]), src->items[i].u.key.len,
				    src->items[i].count);
	}
	/* What src had subtracted is in its total, not in its counters. */
	dst->total = total;
	dst->error = pv_add_sat(dst->error, error);
	dst->lost = pv_add_sat(dst->lost, lost);
	return 0;
}

/* Tables just large enough for what there is; what finds no memory stays as it is. */
static void shrink(struct pv_topn *t)
{
	unsigned lg = t->lg_max < LG_MAP_FIRST ? t->lg_max : LG_MAP_FIRST;
	void *p;

	if (!t->n) {
		drop_tables(t);
		return;
	}
	while (capacity(lg) < t->n)
		lg++;
	if (lg < t->lg_map) {
		p = realloc(t->items, sizeof(*t->items) * capacity(lg));
		if (p)
			t->items = p;
		p = realloc(t->index, sizeof(*t->index) << LG_INDEX(lg));
		if (p)
			t->index = p;
		t->lg_map = lg;
		if (lg < t->lg_max) {
			free(t->scratch);
			t->scratch = NULL;
		}
		index_build(t);
	}
	if (t->arena_used && t->arena_used < t->arena_alloc) {
		p = realloc(t->arena, t->arena_used);
		if (p) {
			t->arena = p;
			t->arena_alloc = t->arena_used;
		}
	}
}

void pv_topn_trim(struct pv_topn *t, size_t max_items)
{
	if (t->n > max_items) {
		uint64_t *v = t->scratch ? t->scratch : malloc(sizeof(*v) * t->n);

		if (!v)
			return;
		for (uint32_t i = 0; i < t->n; i++)
			v[i] = t->items[i].count;
		subtract(t, select_u64(v, t->n, t->n - 1 - max_items));
		if (v != t->scratch)
			free(v);
		index_build(t);
	}
	shrink(t);
}

struct pv_topn *pv_topn_copy(const struct pv_topn *t)
{
	struct pv_topn *c = pv_topn_new(t->kind, t->lg_max, t->arena_max, t->seed);
	unsigned lg = t->lg_max < LG_MAP_FIRST ? t->lg_max : LG_MAP_FIRST;

	if (!c)
		return NULL;
	c->total = t->total;
	c->error = t->error;
	c->lost = t->lost;
	if (!t->n)
		return c;
	while (capacity(lg) < t->n)
		lg++;
	if (tables_resize(c, lg))
		goto fail;
	memcpy(c->items, t->items, sizeof(*c->items) * t->n);
	c->n = t->n;
	if (t->arena_used) {
		c->arena = malloc(t->arena_used);
		if (!c->arena)
			goto fail;
		memcpy(c->arena, t->arena, t->arena_used);
		c->arena_used = t->arena_used;
		c->arena_alloc = t->arena_used;
	}
	if (lg == t->lg_map)
		memcpy(c->index, t->index, sizeof(*c->index) << LG_INDEX(lg));
	else
		index_build(c);
	return c;
fail:
	pv_topn_free(c);
	errno = ENOMEM;
	return NULL;
}

enum pv_topn_kind pv_topn_kind(const struct pv_topn *t)
{
	return t->kind;
}

uint64_t pv_topn_total_weight(const struct pv_topn *t)
{
	return t->total;
}

uint64_t pv_topn_max_error(const struct pv_topn *t)
{
	return t->error;
}

size_t pv_topn_active(const struct pv_topn *t)
{
	return t->n;
}

uint64_t pv_topn_lost(const struct pv_topn *t)
{
	return t->lost;
}

uint64_t pv_topn_lower(const struct pv_topn *t, const void *key, size_t n)
{
	const struct item *item = t->kind == PV_TOPN_STR ? find_str(t, hash_str(t, key, n), key, n) : NULL;

	return item ? item->count : 0;
}

uint64_t pv_topn_upper(const struct pv_topn *t, const void *key, size_t n)
{
	return pv_add_sat(pv_topn_lower(t, key, n), t->error);
}

uint64_t pv_topn_estimate(const struct pv_topn *t, const void *key, size_t n)
{
	uint64_t lower = pv_topn_lower(t, key, n);

	return lower ? pv_add_sat(lower, t->error) : 0;
}

uint64_t pv_topn_lower_u64(const struct pv_topn *t, uint64_t key)
{
	const struct item *item = t->kind == PV_TOPN_U64 ? find_num(t, hash_num(t, key), key) : NULL;

	return item ? item->count : 0;
}

uint64_t pv_topn_upper_u64(const struct pv_topn *t, uint64_t key)
{
	return pv_add_sat(pv_topn_lower_u64(t, key), t->error);
}

uint64_t pv_topn_estimate_u64(const struct pv_topn *t, uint64_t key)
{
	uint64_t lower = pv_topn_lower_u64(t, key);

	return lower ? pv_add_sat(lower, t->error) : 0;
}

/* Whether a is listed before b. */
static bool row_before(const struct pv_topn_row *a, const struct pv_topn_row *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c;

	if (a->estimate != b->estimate)
		return a->estimate > b->estimate;
	if (a->num != b->num)
		return a->num < b->num;
	c = n ? memcmp(a->key, b->key, n) : 0;
	return c ? c < 0 : a->len < b->len;
}

/* Lets row sink from place i of a heap of n whose root is listed last. */
static void rows_sink(struct pv_topn_row *rows, size_t n, size_t i, struct pv_topn_row row)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n && row_before(&rows[child], &rows[child + 1]))
			child++;
		if (!row_before(&row, &rows[child]))
			break;
		rows[i] = rows[child];
		i = child;
	}
	rows[i] = row;
}

size_t pv_topn_rows(const struct pv_topn *t, struct pv_topn_row *rows, size_t max)
{
	size_t n = 0;

	if (!max)
		return 0;
	for (uint32_t i = 0; i < t->n; i++) {
		const struct item *item = &t->items[i];
		struct pv_topn_row row = {.estimate = pv_add_sat(item->count, t->error)};

		if (t->kind == PV_TOPN_U64) {
			row.num = item->u.num;
		} else {
			row.key = key_of(t, item);
			row.len = item->u.key.len;
		}
		if (n < max) {
			rows[n++] = row;
			if (n == max)
				for (size_t j = n / 2; j-- > 0;)
					rows_sink(rows, n, j, rows[j]);
		} else if (row_before(&row, &rows[0])) {
			rows_sink(rows, n, 0, row);
		}
	}
	if (n < max)
		for (size_t j = n / 2; j-- > 0;)
			rows_sink(rows, n, j, rows[j]);
	for (size_t left = n; left > 1; left--) {
		struct pv_topn_row last = rows[0];

		rows_sink(rows, left - 1, 0, rows[left - 1]);
		rows[left - 1] = last;
	}
	return n;
}

size_t pv_topn_image_size(const struct pv_topn *t)
{
	if (!t->n && !t->total)
		return HEAD_EMPTY;
	return HEAD_FULL + (size_t)t->n * (t->kind == PV_TOPN_STR ? 12 : 16) + t->arena_used;
}

size_t pv_topn_write(const struct pv_topn *t, uint8_t *buf, size_t cap)
{
	size_t size = pv_topn_image_size(t);
	unsigned lg = t->lg_max < LG_IMAGE_FIRST ? t->lg_max : LG_IMAGE_FIRST;
	uint8_t *p = buf + HEAD_FULL;

	if (cap < size)
		return 0;
	while (capacity(lg) < t->n)
		lg++;
	memset(buf, 0, HEAD_EMPTY);
	buf[0] = size == HEAD_EMPTY ? PRE_EMPTY : PRE_FULL;
	buf[1] = SER_VER;
	buf[2] = FAMILY;
	buf[3] = (uint8_t)t->lg_max;
	buf[4] = (uint8_t)lg;
	if (size == HEAD_EMPTY) {
		buf[5] = FLAGS_EMPTY;
		return size;
	}
	pv_store_le32(buf + 8, t->n);
	pv_store_le32(buf + 12, 0);
	pv_store_le64(buf + 16, t->total);
	pv_store_le64(buf + 24, t->error);
	for (uint32_t i = 0; i < t->n; i++, p += 8)
		pv_store_le64(p, t->items[i].count);
	for (uint32_t i = 0; i < t->n; i++) {
		const struct item *item = &t->items[i];

		if (t->kind == PV_TOPN_U64) {
			pv_store_le64(p, item->u.num);
			p += 8;
		} else {
			pv_store_le32(p, item->u.key.len);
			if (item->u.key.len)
				memcpy(p + 4, key_of(t, item), item->u.key.len);
			p += 4 + item->u.key.len;
		}
	}
	return size;
}

/* Bytes of keys behind the n items at p (which must end at end), or SIZE_MAX. */
static size_t image_key_bytes(const uint8_t *p, const uint8_t *end, uint32_t n)
{
	size_t keys = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t len;

		if ((size_t)(end - p) < 4)
			return SIZE_MAX;
		len = pv_load_le32(p);
		p += 4;
		if ((size_t)(end - p) < len)
			return SIZE_MAX;
		p += len;
		keys += len;
	}
	return p == end ? keys : SIZE_MAX;
}

struct pv_topn *pv_topn_read(enum pv_topn_kind kind, const uint8_t *p, size_t n, uint64_t seed)
{
	uint64_t total, error, sum = 0;
	const uint8_t *counts, *keys;
	size_t key_bytes = 0;
	struct pv_topn *t;
	uint32_t items;
	unsigned lg_max;

	if (n < HEAD_EMPTY || p[1] != SER_VER || p[2] != FAMILY || (p[5] & ~FLAGS_KNOWN))
		goto invalid;
	lg_max = p[3];
	if (lg_max < PV_TOPN_LG_MAP_MIN || lg_max > LG_IMAGE_MAX || p[4] > lg_max)
		goto invalid;
	/* A larger map than ours is cut to ours; its items may then have to be purged. */
	if (lg_max > PV_TOPN_LG_MAP_MAX)
		lg_max = PV_TOPN_LG_MAP_MAX;
	if (p[5] & FLAG_EMPTY) {
		if (p[0] != PRE_EMPTY || n != HEAD_EMPTY)
			goto invalid;
		return pv_topn_new(kind, lg_max, 0, seed);
	}
	if (p[0] != PRE_FULL || n < HEAD_FULL)
		goto invalid;
	items = pv_load_le32(p + 8);
	total = pv_load_le64(p + 16);
	error = pv_load_le64(p + 24);
	if (!total || items > 3 * ((uint64_t)1 << p[3]) / 4 || (n - HEAD_FULL) / 8 < items)
		goto invalid;
	counts = p + HEAD_FULL;
	keys = counts + 8 * (size_t)items;
	if (kind == PV_TOPN_STR) {
		key_bytes = image_key_bytes(keys, p + n, items);
		if (key_bytes > PV_TOPN_KEY_BYTES_MAX)
			goto invalid;
	} else if ((size_t)(p + n - keys) != 8 * (size_t)items) {
		goto invalid;
	}
	/* A purge takes from the counters at least what it adds to the error. */
	for (uint32_t i = 0; i < items; i++) {
		uint64_t count = pv_load_le64(counts + 8 * (size_t)i);

		if (!count)
			goto invalid;
		sum = pv_add_sat(sum, count);
	}
	if (pv_add_sat(sum, error) > total)
		goto invalid;

	t = pv_topn_new(kind, lg_max, key_bytes > PV_TOPN_KEY_BYTES_DEFAULT ? key_bytes : 0, seed);
	if (!t)
		return NULL;
	for (uint32_t i = 0; i < items; i++) {
		uint64_t count = pv_load_le64(counts + 8 * (size_t)i);

		if (kind == PV_TOPN_U64) {
			pv_topn_add_u64(t, pv_load_le64(keys), count);
			keys += 8;
		} else {
			uint32_t len = pv_load_le32(keys);

			pv_topn_add(t, keys + 4, len, count);
			keys += 4 + (size_t)len;
		}
	}
	if (t->lost) {
		pv_topn_free(t);
		errno = ENOMEM;
		return NULL;
	}
	t->total = total;
	t->error = pv_add_sat(t->error, error);
	return t;
invalid:
	errno = EINVAL;
	return NULL;
}

size_t pv_topn_memory(const struct pv_topn *t)
{
	return sizeof(*t) +
	       (t->lg_map ? sizeof(*t->items) * capacity(t->lg_map) + (sizeof(*t->index) << LG_INDEX(t->lg_map)) : 0) +
	       t->arena_alloc + (t->scratch ? sizeof(*t->scratch) * capacity(t->lg_max) : 0);
}
