/* SPDX-License-Identifier: MPL-2.0 */
#include "sketch/exphist.h"

#include "sketch_util.h"

static void *codec_read(const uint8_t *p, size_t n)
{
	return pv_exphist_read(p, n);
}

static size_t codec_size(const void *s)
{
	return pv_exphist_image_size(s);
}

static size_t codec_write(const void *s, uint8_t *buf, size_t cap)
{
	return pv_exphist_write(s, buf, cap);
}

static void codec_free(void *s)
{
	pv_exphist_free(s);
}

static const struct codec codec = {codec_read, codec_size, codec_write, codec_free};

static void assert_same(const struct pv_exphist *a, const struct pv_exphist *b)
{
	size_t n, n2;
	uint8_t *x = write_exact(&codec, a, &n), *y = write_exact(&codec, b, &n2);

	assert_int_equal(n, n2);
	assert_memory_equal(x, y, n);
	free(x);
	free(y);
}

/* Every bound, in every octave, and the doubles beside it; in long double, which has the bits to decide. */
static void test_index(void **state)
{
	(void)state;
	for (int i = PV_EXPHIST_OCTAVE_MIN * PV_EXPHIST_SUB; i < (PV_EXPHIST_OCTAVE_MAX + 1) * PV_EXPHIST_SUB;
	     i++) {
		long double lo = exp2l((long double)i / PV_EXPHIST_SUB),
			    hi = exp2l((long double)(i + 1) / PV_EXPHIST_SUB);
		double tries[4] = {(double)lo, nextafter((double)lo, INFINITY), (double)hi,
				   nextafter((double)hi, 0)};

		assert_true(fabs(pv_exphist_bound(i) / (double)hi - 1) < 1e-15);
		for (int t = 0; t < 4; t++) {
			long double v = tries[t];
			int index = pv_exphist_index_double(tries[t]);

			/* Near the lower end a double has bits below 2^-64, which do not count. */
			if (v < 0x1p-11L)
				v = floorl(v * 0x1p64L) / 0x1p64L;
			if (v > lo && v <= hi)
				assert_int_equal(index, i);
			else
				assert_true(index == i - 1 || index == i + 1 || v <= 0x1p-32L ||
					    v >= 0x1p64L);
			if (tries[t] >= 1 && tries[t] < 0x1p63 && tries[t] == floor(tries[t]))
				assert_int_equal(pv_exphist_index_u64((uint64_t)tries[t]), index);
		}
	}
	/* Integers near every bound, where a double is too coarse. */
	for (int i = 10 * PV_EXPHIST_SUB; i < 64 * PV_EXPHIST_SUB - 1; i++) {
		long double hi = exp2l((long double)(i + 1) / PV_EXPHIST_SUB);
		uint64_t v = (uint64_t)floorl(hi);

		/* 2^63 and up, exp2l errs by some units. */
		if (fabsl(hi - roundl(hi)) < 0.01L && (i + 1) % PV_EXPHIST_SUB)
			continue;
		assert_int_equal(pv_exphist_index_u64(v), i);
		assert_int_equal(pv_exphist_index_u64(v + 1), i + 1);
	}
	assert_int_equal(pv_exphist_index_u64(1), -1);
	assert_int_equal(pv_exphist_index_u64(2), 127);
	assert_int_equal(pv_exphist_index_u64(3), (int)floor(log2(3) * 128));
	assert_int_equal(pv_exphist_index_u64(UINT64_MAX), 64 * 128 - 1);
	assert_int_equal(pv_exphist_index_double(INFINITY), 64 * 128 - 1);
	assert_true(pv_exphist_bound(-1) == 1);
	assert_true(pv_exphist_bound(127) == 2);
	assert_true(pv_exphist_bound(63 * 128 + 127) == 0x1p64);
}

static void test_small_integers(void **state)
{
	(void)state;
	/* Each integer below 128 is itself, from the middle of the crowd as well as at the ends. */
	for (uint64_t v = 0; v < 128; v++) {
		struct pv_exphist *h = pv_exphist_new();

		pv_exphist_add_u64(h, 0);
		pv_exphist_add_n(h, v, 5);
		pv_exphist_add_u64(h, 1000);
		assert_int_equal(pv_exphist_quantile_u64(h, 0.5), v);
		assert_true(pv_exphist_quantile(h, 0.5) == (double)v);
		assert_int_equal(pv_exphist_count(h), 7);
		assert_int_equal(pv_exphist_sum_u64(h), 1000 + 5 * v);
		assert_int_equal(pv_exphist_min_u64(h), 0);
		assert_int_equal(pv_exphist_max_u64(h), 1000);
		/* One fraction, and nobody promises; printed as an integer it is the same. */
		pv_exphist_add_double(h, 0.5);
		if (v)
			assert_int_equal(pv_exphist_quantile_u64(h, 0.6), v);
		pv_exphist_free(h);
	}
	{
		/* All of them at once: every quantile. */
		struct pv_exphist *h = pv_exphist_new();

		for (uint64_t v = 0; v < 128; v++)
			pv_exphist_add_u64(h, v);
		for (unsigned i = 1; i <= 128; i++)
			assert_int_equal(pv_exphist_quantile_u64(h, i / 128.0), i - 1);
		pv_exphist_free(h);
	}
}

static int compare_double(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double draw(int shape, uint64_t *seed)
{
	double u = rnd_unit(seed);

	switch (shape) {
	case 0:
		return floor(u * 1500); /* packet sizes */
	case 1:
		return -log(1 - u) * 1e6; /* waiting times */
	case 2:
		return exp((u + rnd_unit(seed) + rnd_unit(seed)) * 12 - 18);
	case 3:
		return u < 0.9 ? 64 : 1e9 + u;
	case 4:
		return exp2(u * 95 - 31.9);
	default:
		return u < 0.3 ? 0 : floor(1 / (1 - u));
	}
}

static void test_quantiles(void **state)
{
	enum { N = 5000 };
	static double v[N];
	static const unsigned ns[] = {1, 2, 3, 10, 99, 100, 101, N};

	(void)state;
	for (int shape = 0; shape < 6; shape++)
		for (size_t k = 0; k < sizeof(ns) / sizeof(ns[0]); k++) {
			struct pv_exphist *h = pv_exphist_new(), *parts[3];
			uint64_t seed = 1 + k;
			double sum = 0;

			for (int p = 0; p < 3; p++)
				parts[p] = pv_exphist_new();
			for (unsigned i = 0; i < ns[k]; i++) {
				v[i] = draw(shape, &seed);
				sum += v[i];
				pv_exphist_add_double(h, v[i]);
				pv_exphist_add_double(parts[i % 3], v[i]);
			}
			qsort(v, ns[k], sizeof(v[0]), compare_double);
			assert_true(pv_exphist_min(h) <= v[0] && pv_exphist_min(h) >= v[0] - 0x1p-64);
			assert_true(fabs(pv_exphist_max(h) / v[ns[k] - 1] - 1) < 1e-9 || v[ns[k] - 1] == 0);
			assert_true(fabs(pv_exphist_sum(h) - sum) <= 1e-9 * sum + ns[k] * 0x1p-32);
			for (int permille = 0; permille <= 1000; permille++) {
				double q = permille / 1000.0;
				/* The rank in integers: q has no exact double. */
				unsigned rank = ((unsigned)permille * ns[k] + 999) / 1000;
				double want = v[rank ? rank - 1 : 0], got = pv_exphist_quantile(h, q);

				if (fabs(got - want) > 0.003 * want + 0x1p-31)
					fail_msg("shape %d n %u q %g: %g for %g", shape, ns[k], q, got, want);
			}
			/* Parts, in any order, give the whole to the last bit. */
			{
				struct pv_exphist *x = pv_exphist_new(), *y = pv_exphist_new();

				assert_int_equal(pv_exphist_merge(x, parts[0]), 0);
				assert_int_equal(pv_exphist_merge(y, parts[2]), 0);
				assert_int_equal(pv_exphist_merge(x, parts[1]), 0);
				assert_int_equal(pv_exphist_merge(x, parts[2]), 0);
				assert_int_equal(pv_exphist_merge(parts[1], parts[0]), 0);
				assert_int_equal(pv_exphist_merge(y, parts[1]), 0);
				assert_same(x, y);
				assert_same(x, h);
				pv_exphist_free(x);
				pv_exphist_free(y);
			}
			for (int p = 0; p < 3; p++)
				pv_exphist_free(parts[p]);
			pv_exphist_free(h);
		}
}

static void test_edges(void **state)
{
	static const double odd[] = {-1, -INFINITY, NAN, 0, -0.0, 0x1p-32, 1e-300, 0x1p-1074};
	struct pv_exphist *h = pv_exphist_new();
	struct pv_exphist_bucket b = PV_EXPHIST_BUCKETS;

	(void)state;
	assert_true(pv_exphist_quantile(h, 0.5) == 0);
	assert_int_equal(pv_exphist_quantile_u64(h, 1), 0);
	assert_false(pv_exphist_next(h, &b));
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		pv_exphist_add_double(h, odd[i]);
	assert_int_equal(pv_exphist_zero_count(h), 8);
	assert_int_equal(pv_exphist_count(h), 8);
	assert_true(pv_exphist_min(h) == 0);
	assert_true(pv_exphist_max(h) == 0x1p-32);
	check_stable(&codec, h);
	pv_exphist_add_double(h, INFINITY);
	pv_exphist_add_double(h, 0x1p64);
	pv_exphist_add_double(h, nextafter(0x1p64, 0));
	assert_true(pv_exphist_max(h) == 0x1p64);
	assert_true(pv_exphist_max_u64(h) == UINT64_MAX);
	assert_true(pv_exphist_next(h, &b));
	assert_int_equal(b.index, 64 * 128 - 1);
	assert_int_equal(b.count, 3);
	assert_false(pv_exphist_next(h, &b));
	check_stable(&codec, h);
	pv_exphist_free(h);
	h = pv_exphist_new();
	assert_int_equal(pv_exphist_count(h), 0);
	assert_true(pv_exphist_quantile(h, NAN) == 0);
	/* Large integers are exact where exactness is promised, and counts and sums stop at their limits. */
	pv_exphist_add_u64(h, UINT64_MAX - 3);
	assert_true(pv_exphist_max_u64(h) == UINT64_MAX - 3);
	assert_true(pv_exphist_quantile_u64(h, 0.5) == UINT64_MAX - 3);
	assert_true(pv_exphist_sum_u64(h) == UINT64_MAX - 3);
	pv_exphist_add_u64(h, 3);
	assert_true(pv_exphist_sum_u64(h) == UINT64_MAX);
	pv_exphist_add_u64(h, 1);
	assert_true(pv_exphist_sum_u64(h) == UINT64_MAX);
	assert_true(pv_exphist_sum(h) == 0x1p64);
	pv_exphist_add_n(h, UINT64_MAX, UINT64_MAX);
	pv_exphist_add_n(h, 5, 0);
	assert_true(pv_exphist_count(h) == UINT64_MAX);
	assert_int_equal(pv_exphist_merge(h, h), 0);
	check_stable(&codec, h);
	assert_int_equal(pv_exphist_lost(h), 0);
	pv_exphist_free(h);
	pv_exphist_free(NULL);
}

static void test_images(void **state)
{
	(void)state;
	for (int shape = 0; shape < 6; shape++)
		for (int n = 0; n < 1000; n = 3 * n + 1) {
			struct pv_exphist *h = pv_exphist_new();
			uint64_t seed = 4;

			for (int i = 0; i < n; i++)
				pv_exphist_add_double(h, draw(shape, &seed));
			assert_true(check_image(&codec, h, 300) > 0);
			pv_exphist_free(h);
		}
}

static void test_hostile(void **state)
{
	static const struct {
		const char *name;
		size_t n;
		uint8_t bytes[24];
		bool good;
	} cases[] = {
	    {"none", 5, {0xe7, 1, 7, 0, 0}, true},
	    {"one 0", 10, {0xe7, 1, 7, 0, 1, 0, 0, 0, 1, 0}, true},
	    {"magic", 5, {0xe6, 1, 7, 0, 0}, false},
	    {"version", 5, {0xe7, 2, 7, 0, 0}, false},
	    {"scale", 5, {0xe7, 1, 6, 0, 0}, false},
	    {"flag", 5, {0xe7, 1, 7, 2, 0}, false},
	    {"fraction of none", 5, {0xe7, 1, 7, 1, 0}, false},
	    {"long varint", 6, {0xe7, 1, 7, 0, 0x80, 0}, false},
	    {"count is not the buckets'", 10, {0xe7, 1, 7, 0, 2, 0, 0, 0, 1, 0}, false},
	    {"min above max", 10, {0xe7, 1, 7, 1, 1, 0, 2, 1, 1, 0}, false},
	    {"max outside of buckets",
	     15,
	     {0xe7, 1, 7, 1, 1, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 1, 0},
	     false},
	    {"bucket step 0", 12, {0xe7, 1, 7, 0, 1, 0, 0, 0, 0, 1, 0, 1}, false},
	    {"bucket count 0", 12, {0xe7, 1, 7, 0, 1, 0, 0, 0, 1, 1, 1, 0}, false},
	    {"too many buckets", 12, {0xe7, 1, 7, 0, 1, 0, 0, 0, 1, 0x7f, 1, 1}, false},
	    {"bucket beyond the last", 14, {0xe7, 1, 7, 0, 1, 0, 0, 0, 0, 1, 0x80, 0x80, 0x01, 1}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pv_exphist *h = read_exact(&codec, cases[i].bytes, cases[i].n);

		if (!h == cases[i].good)
			fail_msg("%s", cases[i].name);
		pv_exphist_free(h);
	}
}

static void describe(const void *s, char *buf, size_t n)
{
	snprintf(buf, n, "n=%" PRIu64 " sum=%.12g min=%.12g max=%.12g p50=%.12g p90=%.12g p99=%.12g",
		 pv_exphist_count(s), pv_exphist_sum(s), pv_exphist_min(s), pv_exphist_max(s),
		 pv_exphist_quantile(s, 0.5), pv_exphist_quantile(s, 0.9), pv_exphist_quantile(s, 0.99));
}

static void test_vectors(void **state)
{
	struct pv_exphist *h = pv_exphist_new();

	(void)state;
	check_vector(&codec, h, "exphist_empty.bin", "nothing", describe);
	for (uint64_t i = 0; i < 1000; i++)
		pv_exphist_add_u64(h, i);
	check_vector(&codec, h, "exphist_u64.bin", "integers 0..999", describe);
	for (uint64_t i = 1; i <= 200; i++)
		pv_exphist_add_double(h, (double)i * (double)i * 0.03125);
	check_vector(&codec, h, "exphist_double.bin", "integers 0..999, then I * I / 32 for I = 1..200",
		     describe);
	pv_exphist_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_index),     cmocka_unit_test(test_small_integers),
	    cmocka_unit_test(test_quantiles), cmocka_unit_test(test_edges),
	    cmocka_unit_test(test_images),    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
