/* SPDX-License-Identifier: MPL-2.0 */
#include "sketch/tally.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define ROWS_FIRST    16u /* room at the start; a quiet minute has few keys */
#define IMAGE_VERSION 1
#define IMAGE_HEAD    24u

struct pv_tally {
	unsigned columns;
	size_t max_rows, n, cap;
	uint64_t seed, error, evicted, lost;
	uint64_t rest[PV_TALLY_COLUMNS];
	struct pv_tally_row *row;
	uint32_t *index; /* row + 1 by hash, open addressing, twice cap places; 0 is free */
};

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void add_sums(uint64_t *to, const uint64_t *sums, unsigned columns)
{
	for (unsigned c = 0; c < columns; c++)
		to[c] = plus(to[c], sums[c]);
}

struct pv_tally *pv_tally_new(unsigned columns, size_t max_rows, uint64_t seed)
{
	if (!columns || columns > PV_TALLY_COLUMNS || max_rows < 2 || max_rows > UINT32_MAX / 4) {
		errno = EINVAL;
		return NULL;
	}
	struct pv_tally *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->columns = columns;
	t->max_rows = max_rows;
	t->seed = seed;
	return t;
}

void pv_tally_free(struct pv_tally *t)
{
	if (!t)
		return;
	free(t->row);
	free(t->index);
	free(t);
}

/* ---- places ------------------------------------------------------------------------------------- */

/* The place of a key, or the free one that it would get. */
static uint32_t *place_of(const struct pv_tally *t, const void *key, size_t n)
{
	size_t places = 2 * t->cap;
	size_t i = (size_t)(XXH3_64bits_withSeed(key, n, t->seed) % places);
	while (t->index[i]) {
		const struct pv_tally_row *r = &t->row[t->index[i] - 1];
		if (r->len == n && !memcmp(r->key, key, n))
			break;
		i = i + 1 < places ? i + 1 : 0;
	}
	return &t->index[i];
}

static void index_all(struct pv_tally *t)
{
	memset(t->index, 0, 2 * t->cap * sizeof *t->index);
	for (size_t i = 0; i < t->n; i++)
		*place_of(t, t->row[i].key, t->row[i].len) = (uint32_t)i + 1;
}

/* Room for cap rows, not fewer than there are. */
static int resize(struct pv_tally *t, size_t cap)
{
	uint32_t *index = malloc(2 * cap * sizeof *index);
	struct pv_tally_row *row = index ? realloc(t->row, cap * sizeof *row) : NULL;
	if (!row) {
		free(index);
		return -1;
	}
	free(t->index);
	t->row = row;
	t->index = index;
	t->cap = cap;
	index_all(t);
	return 0;
}

/* ---- who goes ----------------------------------------------------------------------------------- */

/* What of its weight a row has not paid yet. */
static uint64_t credit_of(const struct pv_tally_row *r)
{
	return r->sum[0] - r->paid;
}

static size_t not_above(const struct pv_tally *t, uint64_t credit)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++)
		n += credit_of(&t->row[i]) <= credit;
	return n;
}

/* The least credit that `n` rows do not exceed, by halving: it takes no memory, and nobody can choose weights
 * that make it slow. */
static uint64_t credit_of_poorest(const struct pv_tally *t, size_t n)
{
	uint64_t low = 0, high = UINT64_MAX;
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		if (not_above(t, mid) >= n)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* The n poorest rows go, of equal ones the oldest; the others pay what the richest of these had. */
static void evict(struct pv_tally *t, size_t n)
{
	uint64_t price = credit_of_poorest(t, n);
	size_t equal = n - (price ? not_above(t, price - 1) : 0), kept = 0;
	for (size_t i = 0; i < t->n; i++) {
		uint64_t credit = credit_of(&t->row[i]);
		if (credit < price || (credit == price && equal > 0)) {
			equal -= credit == price;
			add_sums(t->rest, t->row[i].sum, t->columns);
		} else {
			t->row[kept] = t->row[i];
			t->row[kept++].paid += price;
		}
	}
	t->n = kept;
	t->evicted = plus(t->evicted, n);
	t->error = plus(t->error, price);
	index_all(t);
}

/* ---- adding ------------------------------------------------------------------------------------- */

static bool make_room(struct pv_tally *t)
{
	if (t->n < t->cap)
		return true;
	if (t->n >= t->max_rows) {
		evict(t, t->n - t->max_rows / 2);
		return true;
	}
	size_t cap = t->cap ? 2 * t->cap : ROWS_FIRST;
	return !resize(t, cap < t->max_rows ? cap : t->max_rows);
}

static struct pv_tally_row *row_of(struct pv_tally *t, const void *key, size_t n)
{
	uint32_t *at = t->cap ? place_of(t, key, n) : NULL;
	if (at && *at)
		return &t->row[*at - 1];
	if (!make_room(t))
		return NULL;
	struct pv_tally_row *r = &t->row[t->n];
	memset(r, 0, sizeof *r);
	r->len = (uint8_t)n;
	if (n)
		memcpy(r->key, key, n);
	*place_of(t, key, n) = (uint32_t)++t->n;
	return r;
}

/* paid: not more than sums[0], so that no row has paid more than it has, saturated or not. */
static void add(struct pv_tally *t, const void *key, size_t n, const uint64_t *sums, uint64_t paid)
{
	struct pv_tally_row *r = row_of(t, key, n < PV_TALLY_KEY ? n : PV_TALLY_KEY);
	add_sums(r ? r->sum : t->rest, sums, t->columns);
	if (r)
		r->paid = plus(r->paid, paid);
	else
		t->lost++;
}

void pv_tally_add(struct pv_tally *t, const void *key, size_t n, const uint64_t *sums)
{
	add(t, key, n, sums, 0);
}

int pv_tally_merge(struct pv_tally *dst, const struct pv_tally *src)
{
	if (dst == src || dst->columns != src->columns) {
		errno = EINVAL;
		return -1;
	}
	for (size_t i = 0; i < src->n; i++)
		add(dst, src->row[i].key, src->row[i].len, src->row[i].sum, src->row[i].paid);
	add_sums(dst->rest, src->rest, src->columns);
	dst->error = plus(dst->error, src->error);
	dst->evicted = plus(dst->evicted, src->evicted);
	dst->lost = plus(dst->lost, src->lost);
	return 0;
}

void pv_tally_trim(struct pv_tally *t, size_t rows)
{
	if (t->n > rows)
		evict(t, t->n - rows);
	if (t->n && t->n < t->cap)
		(void)resize(t, t->n); /* without memory it stays as large as it is */
}

/* ---- looking ------------------------------------------------------------------------------------ */

size_t pv_tally_active(const struct pv_tally *t)
{
	return t->n;
}

uint64_t pv_tally_max_error(const struct pv_tally *t)
{
	return t->error;
}

uint64_t pv_tally_evicted(const struct pv_tally *t)
{
	return t->evicted;
}

uint64_t pv_tally_lost(const struct pv_tally *t)
{
	return t->lost;
}

void pv_tally_total(const struct pv_tally *t, uint64_t sums[PV_TALLY_COLUMNS])
{
	memcpy(sums, t->rest, sizeof t->rest);
	for (size_t i = 0; i < t->n; i++)
		add_sums(sums, t->row[i].sum, t->columns);
}

static int by_key(const struct pv_tally_row *a, const struct pv_tally_row *b)
{
	int c = memcmp(a->key, b->key, a->len < b->len ? a->len : b->len);
	return c ? c : a->len - b->len;
}

static bool before(const struct pv_tally_row *a, const struct pv_tally_row *b, unsigned column)
{
	return a->sum[column] != b->sum[column] ? a->sum[column] > b->sum[column] : by_key(a, b) < 0;
}

static int by_key_q(const void *a, const void *b)
{
	return by_key(*(const struct pv_tally_row *const *)a, *(const struct pv_tally_row *const *)b);
}

/* Where r belongs among n that are sorted. */
static size_t rank(const struct pv_tally_row *const *rows, size_t n, const struct pv_tally_row *r,
		   unsigned column)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (before(rows[mid], r, column))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t pv_tally_rows(const struct pv_tally *t, const struct pv_tally_row **rows, size_t max, int sort)
{
	unsigned column = sort > 0 && (unsigned)sort < t->columns ? (unsigned)sort : 0;
	size_t n = 0;
	for (size_t i = 0; i < t->n && max; i++) {
		if (n == max && !before(&t->row[i], rows[n - 1], column))
			continue;
		size_t at = rank(rows, n, &t->row[i], column);
		n += n < max;
		memmove(rows + at + 1, rows + at, (n - at - 1) * sizeof *rows);
		rows[at] = &t->row[i];
	}
	if (sort == PV_TALLY_BY_KEY && n)
		qsort(rows, n, sizeof *rows, by_key_q);
	return n;
}

/* ---- images ------------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *at, const void *p, size_t n)
{
	if (n)
		memcpy(at, p, n);
	return at + n;
}

size_t pv_tally_image_size(const struct pv_tally *t)
{
	size_t size = IMAGE_HEAD + t->columns * 8;
	for (size_t i = 0; i < t->n; i++)
		size += 1u + t->row[i].len + 8 + t->columns * 8;
	return size;
}

size_t pv_tally_write(const struct pv_tally *t, uint8_t *buf, size_t cap)
{
	size_t size = pv_tally_image_size(t);
	uint32_t rows = (uint32_t)t->n;
	uint8_t head[4] = {IMAGE_VERSION, (uint8_t)t->columns, 0, 0}, *at = buf;
	if (cap < size)
		return 0;
	at = put(at, head, sizeof head);
	at = put(at, &rows, 4);
	at = put(at, &t->error, 8);
	at = put(at, &t->evicted, 8);
	at = put(at, t->rest, t->columns * 8);
	for (size_t i = 0; i < t->n; i++) {
		at = put(at, &t->row[i].len, 1);
		at = put(at, t->row[i].key, t->row[i].len);
		at = put(at, &t->row[i].paid, 8);
		at = put(at, t->row[i].sum, t->columns * 8);
	}
	return size;
}

/* Every length is looked at before what it is the length of. */
static bool read_rows(struct pv_tally *t, const uint8_t *p, const uint8_t *end, uint32_t rows)
{
	size_t sums = t->columns * 8;
	for (; rows; rows--) {
		uint64_t sum[PV_TALLY_COLUMNS] = {0}, paid;
		if (p == end || *p > PV_TALLY_KEY || (size_t)(end - p) < 1u + *p + 8 + sums)
			return false;
		memcpy(&paid, p + 1 + *p, 8);
		memcpy(sum, p + 1 + *p + 8, sums);
		if (paid > sum[0] || paid > t->error)
			return false;
		add(t, p + 1, *p, sum, paid);
		p += 1u + *p + 8 + sums;
	}
	return p == end;
}

struct pv_tally *pv_tally_read(unsigned columns, const uint8_t *p, size_t n, size_t max_rows, uint64_t seed)
{
	struct pv_tally *t = pv_tally_new(columns, max_rows, seed);
	uint32_t rows;
	if (!t)
		return NULL;
	if (n < IMAGE_HEAD + columns * 8 || p[0] != IMAGE_VERSION || p[1] != columns || p[2] || p[3])
		goto bad;
	memcpy(&rows, p + 4, 4);
	memcpy(&t->error, p + 8, 8);
	memcpy(&t->evicted, p + 16, 8);
	memcpy(t->rest, p + IMAGE_HEAD, columns * 8);
	if (!read_rows(t, p + IMAGE_HEAD + columns * 8, p + n, rows))
		goto bad;
	if (!t->lost)
		return t;
	pv_tally_free(t);
	errno = ENOMEM;
	return NULL;
bad:
	pv_tally_free(t);
	errno = EINVAL;
	return NULL;
}

size_t pv_tally_memory(const struct pv_tally *t)
{
	return sizeof *t + t->cap * (sizeof *t->row + 2 * sizeof *t->index);
}
