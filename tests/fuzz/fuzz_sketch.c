/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Images of sketches. The first byte selects the kind; the rest is an image, and for merging a second one
 * may follow a length in the next two bytes. What loads must be written, read and written again alike, must
 * merge with itself and with the other, and must answer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sketch/exphist.h"
#include "sketch/gauge.h"
#include "sketch/histogram.h"
#include "sketch/hll.h"
#include "sketch/rate.h"
#include "sketch/topn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_sketch: %s\n", what);
	abort();
}

struct kind {
	void *(*read)(const uint8_t *p, size_t n);
	size_t (*size)(const void *s);
	size_t (*write)(const void *s, uint8_t *buf, size_t cap);
	int (*merge)(void *dst, const void *src);
	void (*use)(void *s);
	void (*free)(void *s);
};

/* The functions of kind NAME, under one type. */
#define KIND(name)                                                                                           \
	static size_t name##_size(const void *s)                                                             \
	{                                                                                                    \
		return pv_##name##_image_size(s);                                                            \
	}                                                                                                    \
	static size_t name##_write(const void *s, uint8_t *buf, size_t cap)                                  \
	{                                                                                                    \
		return pv_##name##_write(s, buf, cap);                                                       \
	}                                                                                                    \
	static void name##_free(void *s)                                                                     \
	{                                                                                                    \
		pv_##name##_free(s);                                                                         \
	}

KIND(hll)
KIND(topn)
KIND(exphist)
KIND(rate)
KIND(histogram)
KIND(gauge)

static const double qs[] = {0, 0.01, 0.5, 0.9, 0.95, 0.99, 1};
enum { NQ = sizeof(qs) / sizeof(qs[0]) };

static void *hll_read(const uint8_t *p, size_t n)
{
	return pv_hll_read(p, n);
}

static int hll_merge(void *dst, const void *src)
{
	return pv_hll_merge(dst, src);
}

static void hll_use(void *s)
{
	double e = pv_hll_estimate(s), lo, hi;

	require(e >= 0 && pv_hll_estimate_hip(s) >= 0, "hll estimate");
	pv_hll_bounds(s, false, &lo, &hi);
	require(lo <= hi, "hll bounds");
	pv_hll_bounds(s, true, &lo, &hi);
	for (uint64_t i = 0; i < 500; i++)
		pv_hll_add_u64(s, i);
	require(pv_hll_estimate(s) > 0, "hll add");
}

static void *str_read(const uint8_t *p, size_t n)
{
	return pv_topn_read(PV_TOPN_STR, p, n, 1);
}

static void *u64_read(const uint8_t *p, size_t n)
{
	return pv_topn_read(PV_TOPN_U64, p, n, 1);
}

static int topn_merge(void *dst, const void *src)
{
	return pv_topn_merge(dst, src);
}

static void topn_use(void *s)
{
	struct pv_topn_row rows[10];
	size_t n = pv_topn_rows(s, rows, 10);

	require(n == (pv_topn_active(s) < 10 ? pv_topn_active(s) : 10), "rows");
	for (size_t i = 0; i < n; i++) {
		uint64_t e = pv_topn_kind(s) == PV_TOPN_STR ? pv_topn_estimate(s, rows[i].key, rows[i].len)
					 : pv_topn_estimate_u64(s, rows[i].num);

		require(e == rows[i].estimate, "estimate");
		require(!i || rows[i].estimate <= rows[i - 1].estimate, "order");
	}
	pv_topn_trim(s, 3);
	require(pv_topn_active(s) <= 3, "trim");
	for (uint64_t i = 0; i < 200; i++) {
		if (pv_topn_kind(s) == PV_TOPN_STR)
			pv_topn_add(s, &i, 1 + i % 8, i);
		else
			pv_topn_add_u64(s, i, i);
	}
	require(pv_topn_lost(s) == 0, "lost");
}

static void *exphist_read(const uint8_t *p, size_t n)
{
	return pv_exphist_read(p, n);
}

static int exphist_merge(void *dst, const void *src)
{
	return pv_exphist_merge(dst, src);
}

static void exphist_use(void *s)
{
	double last = 0;

	for (int i = 0; i < NQ; i++) {
		double v = pv_exphist_quantile(s, qs[i]);

		require(v >= last && v <= pv_exphist_max(s), "quantiles ascend");
		(void)pv_exphist_quantile_u64(s, qs[i]);
		last = v;
	}
	(void)pv_exphist_sum(s);
	pv_exphist_add_double(s, 0.7);
	pv_exphist_add_u64(s, 7);
}

static void *rate_read(const uint8_t *p, size_t n)
{
	return pv_rate_read(p, n);
}

static int rate_merge(void *dst, const void *src)
{
	return pv_rate_merge(dst, src);
}

static void rate_use(void *s)
{
	uint64_t first = 0, last = 0, out[NQ];

	require(pv_rate_range(s, &first, &last) == (pv_rate_seconds(s) > 0), "range");
	require(pv_rate_quantiles(s, first, last, qs, out, NQ) == 0, "rate quantiles");
	for (int i = 1; i < NQ; i++)
		require(out[i] >= out[i - 1], "rate quantiles ascend");
	require(pv_rate_quantiles(s, first + (last - first) / 3, last - (last - first) / 3, qs, out, NQ) == 0,
		"part");
	require(pv_rate_quantiles(s, 0, UINT64_MAX, qs, out, NQ) == 0, "all");
	pv_rate_add(s, 1700000000, 1);
	pv_rate_add(s, first, 1);
	require(pv_rate_memory(s) <= 600 * 1024, "rate memory");
}

static void *histogram_read(const uint8_t *p, size_t n)
{
	return pv_histogram_read(p, n);
}

static int histogram_merge(void *dst, const void *src)
{
	pv_histogram_merge(dst, src);
	return 0;
}

static void histogram_use(void *s)
{
	struct pv_histogram_bin b = PV_HISTOGRAM_BINS;

	while (pv_histogram_next(s, &b))
		require(b.cumulative <= pv_histogram_count(s), "cumulative");
	pv_histogram_add(s, 5);
}

static void *gauge_read(const uint8_t *p, size_t n)
{
	return pv_gauge_read(p, n);
}

static int gauge_merge(void *dst, const void *src)
{
	pv_gauge_merge(dst, src);
	return 0;
}

static void gauge_use(void *s)
{
	(void)pv_gauge_value(s);
	for (uint64_t i = 0; i < 2 * PV_GAUGE_STREAMS; i++)
		pv_gauge_put(s, i * i, UINT64_MAX - i, i);
	require(pv_gauge_value(s) > 0, "gauge value");
	require(pv_gauge_lost(s) >= PV_GAUGE_STREAMS, "gauge lost");
}

static const struct kind kinds[] = {
    {hll_read, hll_size, hll_write, hll_merge, hll_use, hll_free},
    {str_read, topn_size, topn_write, topn_merge, topn_use, topn_free},
    {u64_read, topn_size, topn_write, topn_merge, topn_use, topn_free},
    {exphist_read, exphist_size, exphist_write, exphist_merge, exphist_use, exphist_free},
    {rate_read, rate_size, rate_write, rate_merge, rate_use, rate_free},
    {histogram_read, histogram_size, histogram_write, histogram_merge, histogram_use,
     histogram_free},
    {gauge_read, gauge_size, gauge_write, gauge_merge, gauge_use, gauge_free},
};

static uint8_t *image(const struct kind *k, const void *s, size_t *n)
{
	uint8_t *buf;

	*n = k->size(s);
	buf = malloc(*n);
	require(buf != NULL, "memory");
	require(k->write(s, buf, *n - 1) == 0, "write into too little");
	require(k->write(s, buf, *n) == *n, "write");
	return buf;
}

static void *copy(const struct kind *k, const void *s)
{
	size_t n;
	uint8_t *a = image(k, s, &n);
	void *c = k->read(a, n);

	free(a);
	require(c != NULL, "copy");
	return c;
}

static void check_stable(const struct kind *k, const void *s)
{
	size_t n, n2;
	uint8_t *a = image(k, s, &n), *b;
	void *again = k->read(a, n);

	require(again != NULL, "what was written is read");
	b = image(k, again, &n2);
	require(n == n2 && !memcmp(a, b, n), "written alike");
	k->free(again);
	free(a);
	free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kind *k;
	size_t first;
	void *s, *t;

	if (size < 3)
		return 0;
	k = &kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))];
	first = (size_t)data[1] | (size_t)data[2] << 8;
	data += 3;
	size -= 3;
	if (first > size)
		first = size;
	s = k->read(data, first);
	t = k->read(data + first, size - first);
	if (s)
		check_stable(k, s);
	if (s && t) {
		void *u = copy(k, t);

		require(k->merge(u, s) == 0, "merge");
		check_stable(k, u);
		k->use(u);
		check_stable(k, u);
		k->free(u);
	}
	if (t)
		k->free(t);
	if (s) {
		require(k->merge(s, s) == 0, "merge with itself");
		check_stable(k, s);
		k->use(s);
		check_stable(k, s);
		k->free(s);
	}
	return 0;
}
