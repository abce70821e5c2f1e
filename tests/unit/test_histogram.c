/* SPDX-License-Identifier: MPL-2.0 */
#include "sketch/histogram.h"

#include "sketch_util.h"

static void *codec_read(const uint8_t *p, size_t n)
{
	return pv_histogram_read(p, n);
}

static size_t codec_size(const void *s)
{
	return pv_histogram_image_size(s);
}

static size_t codec_write(const void *s, uint8_t *buf, size_t cap)
{
	return pv_histogram_write(s, buf, cap);
}

static void codec_free(void *s)
{
	pv_histogram_free(s);
}

static const struct codec codec = {codec_read, codec_size, codec_write, codec_free};

/* The table, recomputed from its rule. */
static void test_bounds(void **state)
{
	size_t n = 0;
	uint64_t last = 0;

	(void)state;
	for (int e = -9; e <= 17; e++)
		for (int k = 0; k < 18; k++) {
			float exponent = (float)k / 18.0f;
			double bound = pow(10.0, (double)exponent) * pow(10.0, e);
			uint64_t v = (uint64_t)bound;

			if (n && v == last)
				continue;
			assert_true(n < PV_HISTOGRAM_BOUNDS);
			/* Beyond a double's integers the last bits are the math library's. */
			if (v < (uint64_t)1 << 50)
				assert_int_equal(pv_histogram_bounds[n], v);
			else
				assert_true(fabs((double)pv_histogram_bounds[n] / bound - 1) < 1e-15);
			if (n)
				assert_true(pv_histogram_bounds[n] > pv_histogram_bounds[n - 1]);
			last = v;
			n++;
		}
	assert_int_equal(n, PV_HISTOGRAM_BOUNDS);
}

static void test_counts(void **state)
{
	struct pv_histogram *h = pv_histogram_new();
	struct pv_histogram_bin b = PV_HISTOGRAM_BINS;
	uint64_t seen = 0;

	(void)state;
	assert_false(pv_histogram_next(h, &b));
	/* Each bound is counted at itself, what is one above at the next. */
	for (size_t i = 0; i < PV_HISTOGRAM_BOUNDS; i++) {
		pv_histogram_add(h, pv_histogram_bounds[i]);
		assert_int_equal(pv_histogram_cumulative(h, pv_histogram_bounds[i]), 2 * i + 1);
		pv_histogram_add(h, pv_histogram_bounds[i] + 1);
		assert_int_equal(pv_histogram_cumulative(h, pv_histogram_bounds[i]), 2 * i + 1);
	}
	assert_int_equal(pv_histogram_overflow(h), 1);
	pv_histogram_add(h, UINT64_MAX);
	assert_int_equal(pv_histogram_overflow(h), 2);
	assert_int_equal(pv_histogram_count(h), 2 * PV_HISTOGRAM_BOUNDS + 1);
	assert_true(pv_histogram_sum(h) == UINT64_MAX);
	b = (struct pv_histogram_bin)PV_HISTOGRAM_BINS;
	for (size_t i = 0; pv_histogram_next(h, &b); i++) {
		assert_int_equal(b.bound, pv_histogram_bounds[i]);
		seen += b.count;
		assert_int_equal(b.cumulative, seen);
	}
	assert_int_equal(seen, 2 * PV_HISTOGRAM_BOUNDS - 1);
	pv_histogram_free(h);
	h = pv_histogram_new();
	pv_histogram_add_n(h, 9, 3);
	pv_histogram_add_n(h, 1000000, 0);
	b = (struct pv_histogram_bin)PV_HISTOGRAM_BINS;
	assert_true(pv_histogram_next(h, &b));
	assert_int_equal(b.bound, 10);
	assert_int_equal(b.count, 3);
	assert_false(pv_histogram_next(h, &b));
	assert_int_equal(pv_histogram_sum(h), 27);
	pv_histogram_add_n(h, UINT64_MAX, UINT64_MAX);
	pv_histogram_add_n(h, UINT64_MAX, UINT64_MAX);
	assert_true(pv_histogram_count(h) == UINT64_MAX);
	check_stable(&codec, h);
	pv_histogram_free(h);
	pv_histogram_free(NULL);
}

static void test_merge(void **state)
{
	struct pv_histogram *whole = pv_histogram_new(), *part[3], *x, *y;
	uint64_t seed = 3;
	uint8_t *a, *b, *c;
	size_t n, n2;

	(void)state;
	for (int i = 0; i < 3; i++)
		part[i] = pv_histogram_new();
	for (int i = 0; i < 3000; i++) {
		uint64_t v = rnd(&seed) >> (rnd(&seed) % 64);

		pv_histogram_add(whole, v);
		pv_histogram_add(part[i % 3], v);
	}
	x = pv_histogram_new();
	pv_histogram_merge(x, part[0]);
	pv_histogram_merge(x, part[1]);
	pv_histogram_merge(x, part[2]);
	y = pv_histogram_new();
	pv_histogram_merge(y, part[1]);
	pv_histogram_merge(y, part[2]);
	pv_histogram_merge(part[0], y);
	a = write_exact(&codec, x, &n);
	b = write_exact(&codec, part[0], &n2);
	assert_int_equal(n, n2);
	assert_memory_equal(a, b, n);
	c = write_exact(&codec, whole, &n2);
	assert_int_equal(n, n2);
	assert_memory_equal(a, c, n);
	pv_histogram_merge(x, x);
	assert_int_equal(pv_histogram_count(x), 6000);
	free(a);
	free(b);
	free(c);
	pv_histogram_free(x);
	pv_histogram_free(y);
	pv_histogram_free(whole);
	for (int i = 0; i < 3; i++)
		pv_histogram_free(part[i]);
}

static void test_images(void **state)
{
	(void)state;
	for (int n = 0; n < 2000; n = 3 * n + 1) {
		struct pv_histogram *h = pv_histogram_new();
		uint64_t seed = 9;

		for (int i = 0; i < n; i++)
			pv_histogram_add(h, rnd(&seed) >> (rnd(&seed) % 64));
		assert_true(check_image(&codec, h, 300) > 0);
		pv_histogram_free(h);
	}
}

static void test_hostile(void **state)
{
	static const struct {
		const char *name;
		size_t n;
		uint8_t bytes[8];
		bool good;
	} cases[] = {
	    {"none", 4, {0xe9, 1, 0, 0}, true},
	    {"two 1s", 6, {0xe9, 1, 2, 1, 2, 2}, true},
	    {"one 10", 6, {0xe9, 1, 10, 1, 10, 1}, true},
	    {"overflow", 2, {0xe9, 1}, false},
	    {"version", 4, {0xe9, 2, 0, 0}, false},
	    {"magic", 4, {0xe8, 1, 0, 0}, false},
	    {"sum of none", 4, {0xe9, 1, 1, 0}, false},
	    {"sum too small", 6, {0xe9, 1, 8, 1, 10, 1}, false},
	    {"sum too large", 6, {0xe9, 1, 11, 1, 10, 1}, false},
	    {"step 0", 6, {0xe9, 1, 0, 1, 0, 1}, false},
	    {"count 0", 6, {0xe9, 1, 0, 1, 1, 0}, false},
	    {"bin 317", 7, {0xe9, 1, 0, 1, 0xbd, 2, 1}, false},
	    {"317 bins", 7, {0xe9, 1, 0, 0xbd, 2, 1, 1}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pv_histogram *h = read_exact(&codec, cases[i].bytes, cases[i].n);

		if (!h == cases[i].good)
			fail_msg("%s", cases[i].name);
		pv_histogram_free(h);
	}
}

static void describe(const void *s, char *buf, size_t n)
{
	snprintf(buf, n, "n=%" PRIu64 " sum=%" PRIu64 " le100=%" PRIu64 " over=%" PRIu64,
		 pv_histogram_count(s), pv_histogram_sum(s), pv_histogram_cumulative(s, 100),
		 pv_histogram_overflow(s));
}

static void test_vectors(void **state)
{
	struct pv_histogram *h = pv_histogram_new();

	(void)state;
	check_vector(&codec, h, "histogram_empty.bin", "nothing", describe);
	for (uint64_t i = 0; i < 1000; i++)
		pv_histogram_add(h, i);
	pv_histogram_add_n(h, UINT64_MAX, 2);
	check_vector(&codec, h, "histogram.bin", "0..999, and 2^64 - 1 twice", describe);
	pv_histogram_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bounds), cmocka_unit_test(test_counts),  cmocka_unit_test(test_merge),
	    cmocka_unit_test(test_images), cmocka_unit_test(test_hostile), cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
