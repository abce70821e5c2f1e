/* SPDX-License-Identifier: MPL-2.0 */
/* Tallies: images, and what is done with them. An input is
 *
 *	a byte: columns   a byte: rows at most   two bytes: how long the first image is   image   image   or
 *	a byte with its highest bit set: what is done to two tallies, a few bytes each (struct play)
 *
 * Properties: what loads is written, read and written again alike; and what the header promises of sums and
 *errors, of any two images that are merged, and of any sequence of calls. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sketch/tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROWS_MOST 40u

static void want(int holds)
{
	if (!holds)
		abort();
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* ---- images ------------------------------------------------------------------------------------- */

static uint8_t *image(const struct pv_tally *t, size_t *n)
{
	uint8_t *buf = malloc(*n = pv_tally_image_size(t));
	want(buf && !pv_tally_write(t, buf, *n - 1) && pv_tally_write(t, buf, *n) == *n);
	return buf;
}

static void same(const struct pv_tally *a, const struct pv_tally *b)
{
	size_t na, nb;
	uint8_t *pa = image(a, &na), *pb = image(b, &nb);
	want(na == nb && !memcmp(pa, pb, na));
	free(pa);
	free(pb);
}

static struct pv_tally *copy(const struct pv_tally *t, unsigned columns, size_t max)
{
	struct pv_tally *c = pv_tally_new(columns, max, 3);
	want(c && !pv_tally_merge(c, t));
	same(c, t);
	return c;
}

/* The row of a key; one without anything when it has none. */
static struct pv_tally_row row_of(const struct pv_tally *t, const struct pv_tally_row *key)
{
	const struct pv_tally_row *r[ROWS_MOST];
	size_t n = pv_tally_rows(t, r, ROWS_MOST, 0);
	for (size_t i = 0; i < n; i++)
		if (r[i]->len == key->len && !memcmp(r[i]->key, key->key, key->len))
			return *r[i];
	return (struct pv_tally_row){.len = key->len};
}

static uint64_t credit(const struct pv_tally_row *r)
{
	return r->sum[0] - r->paid;
}

static void check_rows(const struct pv_tally *t, unsigned columns, size_t max)
{
	const struct pv_tally_row *r[ROWS_MOST];
	uint64_t all[PV_TALLY_COLUMNS];
	size_t active = pv_tally_active(t);
	pv_tally_total(t, all);
	want(active <= max);
	for (int sort = PV_TALLY_BY_KEY; sort <= (int)columns; sort++) {
		unsigned c = sort > 0 && sort < (int)columns ? (unsigned)sort : 0;
		size_t n = pv_tally_rows(t, r, ROWS_MOST, sort);
		want(n == active);
		for (size_t i = 0; i < n; i++) {
			want(r[i]->paid <= r[i]->sum[0] && r[i]->len <= PV_TALLY_KEY);
			for (unsigned k = 0; k < columns; k++)
				want(r[i]->sum[k] <= all[k]);
			if (i && sort != PV_TALLY_BY_KEY)
				want(r[i - 1]->sum[c] >= r[i]->sum[c]);
		}
	}
}

/* Of every key of `from`, after it and `other` came together in `sum`. */
static void check_merged(const struct pv_tally *sum, const struct pv_tally *from,
			 const struct pv_tally *other)
{
	const struct pv_tally_row *r[ROWS_MOST];
	size_t n = pv_tally_rows(from, r, ROWS_MOST, 0);
	uint64_t before = plus(pv_tally_max_error(from), pv_tally_max_error(other)),
		 after = pv_tally_max_error(sum);
	want(after >= before);
	for (size_t i = 0; i < n; i++) {
		struct pv_tally_row its = row_of(other, r[i]), now = row_of(sum, r[i]);
		uint64_t all = plus(r[i]->sum[0], its.sum[0]);
		want(now.sum[0] <= all);
		want(after == UINT64_MAX || all == UINT64_MAX ||
		     plus(credit(&now), after - before) >= credit(r[i]) + credit(&its));
	}
}

static void check_pair(const struct pv_tally *a, const struct pv_tally *b, unsigned columns, size_t max)
{
	struct pv_tally *sum = copy(a, columns, max);
	uint64_t ta[PV_TALLY_COLUMNS], tb[PV_TALLY_COLUMNS], ts[PV_TALLY_COLUMNS];
	want(!pv_tally_merge(sum, b));
	check_rows(sum, columns, max);
	check_merged(sum, a, b);
	check_merged(sum, b, a);
	pv_tally_total(a, ta);
	pv_tally_total(b, tb);
	pv_tally_total(sum, ts);
	for (unsigned c = 0; c < columns; c++)
		want(ts[c] == plus(ta[c], tb[c]));
	pv_tally_trim(sum, 3);
	want(pv_tally_active(sum) <= 3);
	check_rows(sum, columns, max);
	pv_tally_total(sum, tb);
	want(!memcmp(ts, tb, columns * sizeof *ts));
	pv_tally_free(sum);
}

static struct pv_tally *load(unsigned columns, const uint8_t *p, size_t n, size_t max)
{
	struct pv_tally *t = pv_tally_read(columns, p, n, max, 1), *again;
	size_t written;
	if (!t)
		return NULL;
	uint8_t *buf = image(t, &written);
	again = pv_tally_read(columns, buf, written, max, 2);
	want(again && !pv_tally_lost(again));
	same(t, again);
	pv_tally_free(again);
	free(buf);
	check_rows(t, columns, max);
	return t;
}

static void images(const uint8_t *p, size_t n)
{
	if (n < 4)
		return;
	unsigned columns = 1 + p[0] % PV_TALLY_COLUMNS;
	size_t max = 2 + p[1] % (ROWS_MOST - 1), first = (size_t)p[2] | (size_t)p[3] << 8;
	p += 4;
	n -= 4;
	first = first < n ? first : n;
	struct pv_tally *a = load(columns, p, first, max), *b = load(columns, p + first, n - first, max);
	if (a && b) {
		check_pair(a, b, columns, max);
		check_pair(b, a, columns, max);
	}
	if (a)
		pv_tally_free(copy(a, columns, max));
	pv_tally_free(a);
	pv_tally_free(b);
}

/* ---- sequences ---------------------------------------------------------------------------------- */

#define MAX 8u

/* A tally, and the truth. */
struct play {
	struct pv_tally *t;
	uint64_t weight[256], all;
};

static void check_play(const struct play *p)
{
	uint64_t error = pv_tally_max_error(p->t), all[PV_TALLY_COLUMNS];
	check_rows(p->t, 2, MAX);
	pv_tally_total(p->t, all);
	want(all[0] == p->all && all[1] == 2 * p->all);
	want(error * (MAX / 2 + 1) <= p->all);
	for (unsigned k = 0; k < 256; k++) {
		struct pv_tally_row key = {.len = 1, .key = {(uint8_t)k}};
		uint64_t now = row_of(p->t, &key).sum[0];
		want(now <= p->weight[k] && now + error >= p->weight[k]);
	}
}

static void play(const uint8_t *p, size_t n)
{
	struct play side[2] = {{.t = pv_tally_new(2, MAX, 1)}, {.t = pv_tally_new(2, MAX, 2)}};
	want(side[0].t && side[1].t);
	for (; n >= 3 && side[0].all < UINT32_MAX && side[1].all < UINT32_MAX; p += 3, n -= 3) {
		struct play *s = &side[p[0] & 1], *other = &side[!(p[0] & 1)];
		uint64_t weight = (uint64_t)p[2] << (p[0] >> 1 & 7), sums[2] = {weight, 2 * weight};
		if (p[0] < 0xf0) {
			pv_tally_add(s->t, p + 1, 1, sums);
			s->weight[p[1]] += weight;
			s->all += weight;
		} else if (p[0] < 0xf8) {
			want(!pv_tally_merge(s->t, other->t));
			for (unsigned k = 0; k < 256; k++)
				s->weight[k] += other->weight[k];
			s->all += other->all;
		} else {
			size_t size;
			uint8_t *buf = image(s->t, &size);
			pv_tally_free(s->t);
			s->t = pv_tally_read(2, buf, size, MAX, p[1]);
			want(s->t != NULL);
			free(buf);
		}
	}
	check_play(&side[0]);
	check_play(&side[1]);
	pv_tally_free(side[0].t);
	pv_tally_free(side[1].t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] & 0x80)
		play(data + 1, size - 1);
	else
		images(data, size);
	return 0;
}
