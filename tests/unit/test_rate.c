/* SPDX-License-Identifier: MPL-2.0 */
#include "sketch/rate.h"

#include "sketch_util.h"

static void *codec_read(const uint8_t *p, size_t n)
{
	return pv_rate_read(p, n);
}

static size_t codec_size(const void *s)
{
	return pv_rate_image_size(s);
}

static size_t codec_write(const void *s, uint8_t *buf, size_t cap)
{
	return pv_rate_write(s, buf, cap);
}

static void codec_free(void *s)
{
	pv_rate_free(s);
}

static const struct codec codec = {codec_read, codec_size, codec_write, codec_free};

static void assert_same(const struct pv_rate *a, const struct pv_rate *b)
{
	size_t n, n2;
	uint8_t *x = write_exact(&codec, a, &n), *y = write_exact(&codec, b, &n2);

	assert_int_equal(n, n2);
	assert_memory_equal(x, y, n);
	assert_int_equal(pv_rate_total(a), pv_rate_total(b));
	free(x);
	free(y);
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Against a plain array of seconds, some silent. */
static void test_quantiles(void **state)
{
	enum { SECONDS = 2000, BASE = 1700000011 };
	static uint64_t truth[SECONDS], sorted[SECONDS];
	struct pv_rate *r = pv_rate_new(), *part[3], *x, *y;
	uint64_t seed = 6, first, last;

	(void)state;
	memset(truth, 0, sizeof(truth));
	for (int i = 0; i < 3; i++)
		part[i] = pv_rate_new();
	for (int i = 0; i < 20000; i++) {
		/* Mostly forward, with some disorder, and a silent stretch. */
		uint64_t s = (uint64_t)i * SECONDS / 20000 + rnd(&seed) % 5, n = 1 + rnd(&seed) % 3;

		if (s >= SECONDS || (s > 500 && s < 900) || s % 7 == 0)
			continue;
		truth[s] += n;
		pv_rate_add(r, BASE + s, n);
		pv_rate_add(part[i % 3], BASE + s, n);
	}
	for (unsigned i = 0; i < SECONDS; i++)
		assert_int_equal(pv_rate_at(r, BASE + i), truth[i]);
	for (unsigned start = 0; start < SECONDS; start += 97)
		for (unsigned len = 1; start + len <= SECONDS; len = 2 * len + 3) {
			double q[101];
			uint64_t out[101];

			memcpy(sorted, truth + start, len * sizeof(sorted[0]));
			qsort(sorted, len, sizeof(sorted[0]), compare_u64);
			for (unsigned i = 0; i <= 100; i++)
				q[i] = i / 100.0;
			assert_int_equal(
			    pv_rate_quantiles(r, BASE + start, BASE + start + len - 1, q, out, 101), 0);
			for (unsigned i = 0; i <= 100; i++) {
				unsigned rank = (i * len + 99) / 100;

				assert_int_equal(out[i], sorted[rank ? rank - 1 : 0]);
			}
		}
	x = pv_rate_new();
	assert_int_equal(pv_rate_merge(x, part[2]), 0);
	assert_int_equal(pv_rate_merge(x, part[0]), 0);
	assert_int_equal(pv_rate_merge(x, part[1]), 0);
	y = pv_rate_new();
	assert_int_equal(pv_rate_merge(y, part[0]), 0);
	assert_int_equal(pv_rate_merge(y, part[1]), 0);
	assert_int_equal(pv_rate_merge(part[2], y), 0);
	assert_same(x, part[2]);
	assert_same(x, r);
	assert_int_equal(pv_rate_merge(x, x), 0);
	assert_int_equal(pv_rate_total(x), 2 * pv_rate_total(r));
	assert_int_equal(pv_rate_at(x, BASE + 100), 2 * truth[100]);
	assert_true(pv_rate_range(r, &first, &last));
	assert_int_equal(first, BASE + 1);
	assert_true(last > BASE + 1990 && pv_rate_at(r, last) > 0 && pv_rate_at(r, last + 1) == 0);
	assert_int_equal(pv_rate_folded(r), 0);
	for (int i = 0; i < 3; i++)
		pv_rate_free(part[i]);
	pv_rate_free(x);
	pv_rate_free(y);
	pv_rate_free(r);
}

static void test_liars(void **state)
{
	static const double q[] = {0, 0.5, 1};
	struct pv_rate *r = pv_rate_new();
	uint64_t out[3] = {9, 9, 9}, first, last, seed = 1;

	(void)state;
	assert_false(pv_rate_range(r, &first, &last));
	assert_int_equal(pv_rate_quantiles(r, 5, 4, q, out, 3), 0);
	assert_int_equal(out[2], 0);
	pv_rate_add(r, 1700000000, 0);
	assert_int_equal(pv_rate_seconds(r), 0);
	pv_rate_add(r, 0, 3);
	pv_rate_add(r, UINT64_MAX, 4);
	pv_rate_add(r, 1700000000, 5);
	assert_true(pv_rate_range(r, &first, &last));
	assert_true(first == 0 && last == UINT64_MAX);
	assert_int_equal(pv_rate_quantiles(r, 0, UINT64_MAX, q, out, 3), 0);
	assert_int_equal(out[1], 0);
	assert_int_equal(out[2], 5);
	assert_int_equal(pv_rate_quantiles(r, UINT64_MAX, UINT64_MAX, q, out, 3), 0);
	assert_int_equal(out[0], 4);
	assert_int_equal(pv_rate_seconds(r), 3);
	check_stable(&codec, r);
	/* Every event in another age: bounded, and nothing is forgotten. */
	for (int i = 0; i < 20000; i++)
		pv_rate_add(r, rnd(&seed), 1);
	assert_int_equal(pv_rate_total(r), 20012);
	assert_int_equal(pv_rate_seconds(r), 20003);
	assert_true(pv_rate_memory(r) <= 600 * 1024);
	assert_int_equal(pv_rate_merge(r, r), 0);
	assert_int_equal(pv_rate_total(r), 40024);
	check_stable(&codec, r);
	pv_rate_add(r, 1700000000, UINT64_MAX);
	pv_rate_add(r, 1700000000, UINT64_MAX);
	assert_true(pv_rate_total(r) == UINT64_MAX);
	pv_rate_free(r);
	pv_rate_free(NULL);
}

/* Parts of which seconds are folded: the sum begins with the first of them, in whatever order. */
static void test_merge_folded(void **state)
{
	(void)state;
	for (int turned = 0; turned < 2; turned++) {
		struct pv_rate *part[2] = {pv_rate_new(), pv_rate_new()}, *sum = pv_rate_new();
		uint64_t first = 0, last = 0;

		for (uint64_t i = 0; i < PV_RATE_PAGES_MAX + 100; i++) {
			pv_rate_add(part[0], 1000 + i * PV_RATE_PAGE_SECONDS, 1);
			pv_rate_add(part[1], 2001 + i * PV_RATE_PAGE_SECONDS, 2);
		}
		assert_int_equal(pv_rate_folded(part[0]), 100);
		assert_true(pv_rate_range(part[0], &first, &last));
		assert_int_equal(first, 1000);
		assert_int_equal(pv_rate_merge(sum, part[turned]), 0);
		assert_int_equal(pv_rate_merge(sum, part[!turned]), 0);
		assert_int_equal(pv_rate_total(sum), 3 * (PV_RATE_PAGES_MAX + 100));
		assert_true(pv_rate_range(sum, &first, &last));
		assert_int_equal(first, 1000);
		assert_int_equal(last, 2001 + (PV_RATE_PAGES_MAX + 99) * PV_RATE_PAGE_SECONDS);
		pv_rate_free(part[0]);
		pv_rate_free(part[1]);
		pv_rate_free(sum);
	}
}

/* A capture of three days: what is recent stays exact, the whole is near. */
static void test_folding(void **state)
{
	enum { SECONDS = 3 * 86400, BASE = 1600000000 };
	static uint64_t truth[SECONDS];
	static const double q[] = {0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 1};
	struct pv_rate *r = pv_rate_new(), *a = pv_rate_new(), *b = pv_rate_new();
	uint64_t seed = 2, total = 0, out[7], both[7];

	(void)state;
	for (unsigned i = 0; i < SECONDS; i++) {
		truth[i] = i % 5 == 0 ? 0 : 100 + (uint64_t)(-log(1 - rnd_unit(&seed)) * 1000);
		pv_rate_add(r, BASE + i, truth[i]);
		pv_rate_add(i % 2 ? a : b, BASE + i, truth[i]);
		total += truth[i];
	}
	assert_int_equal(pv_rate_total(r), total);
	assert_int_equal(pv_rate_seconds(r), SECONDS / 5 * 4);
	assert_true(pv_rate_folded(r) > SECONDS / 2);
	assert_true(pv_rate_memory(r) <= 600 * 1024);
	for (unsigned i = SECONDS - 60000; i < SECONDS; i++)
		assert_int_equal(pv_rate_at(r, BASE + i), truth[i]);
	assert_int_equal(pv_rate_quantiles(r, BASE, BASE + SECONDS - 1, q, out, 7), 0);
	assert_int_equal(pv_rate_merge(a, b), 0);
	assert_int_equal(pv_rate_total(a), total);
	assert_int_equal(pv_rate_quantiles(a, BASE, BASE + SECONDS - 1, q, both, 7), 0);
	qsort(truth, SECONDS, sizeof(truth[0]), compare_u64);
	for (int i = 0; i < 7; i++) {
		double want = (double)truth[(unsigned)ceil(q[i] * SECONDS - 1e-6) - 1];

		if (fabs((double)out[i] - want) > 0.003 * want + 1)
			fail_msg("q %g: %g for %g", q[i], (double)out[i], want);
		if (fabs((double)both[i] - want) > 0.003 * want + 1)
			fail_msg("merged, q %g: %g for %g", q[i], (double)both[i], want);
	}
	/* A part of what is folded: the share of an even spread. */
	assert_int_equal(pv_rate_quantiles(r, BASE, BASE + 999, q, out, 7), 0);
	assert_int_equal(out[1], 0);
	assert_true(fabs((double)out[2] / (100 + 1000 * log(8.0 / 5)) - 1) < 0.02);
	check_stable(&codec, r);
	pv_rate_free(r);
	pv_rate_free(a);
	pv_rate_free(b);
}

static void test_images(void **state)
{
	struct pv_rate *r;

	(void)state;
	for (unsigned n = 0; n < 300; n = 3 * n + 1) {
		uint64_t seed = n;

		r = pv_rate_new();
		for (unsigned i = 0; i < n; i++)
			pv_rate_add(r, 1700000000 + i * (1 + n % 5),
				    1 + (rnd(&seed) >> (rnd(&seed) % 64)) / 1000);
		assert_true(check_image(&codec, r, 500) > 0);
		pv_rate_free(r);
	}
	r = pv_rate_new();
	for (unsigned i = 0; i < 1100; i++)
		pv_rate_add(r, 64 * (uint64_t)i, i + 1);
	assert_int_equal(pv_rate_folded(r), 1100 - PV_RATE_PAGES_MAX);
	assert_true(check_image(&codec, r, 1000) > 0);
	pv_rate_free(r);
}

static void test_hostile(void **state)
{
	static const struct {
		const char *name;
		size_t n;
		uint8_t bytes[40];
		bool good;
	} cases[] = {
	    {"none", 4, {0xe8, 1, 0, 0}, true},
	    {"second 1", 14, {0xe8, 1, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5}, true},
	    {"magic", 4, {0xe7, 1, 0, 0}, false},
	    {"version", 4, {0xe8, 0, 0, 0}, false},
	    {"flag", 4, {0xe8, 1, 2, 0}, false},
	    {"page missing", 4, {0xe8, 1, 0, 1}, false},
	    {"page empty", 13, {0xe8, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false},
	    {"count 0", 14, {0xe8, 1, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0}, false},
	    {"count missing", 14, {0xe8, 1, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1}, false},
	    {"1025 pages", 5, {0xe8, 1, 0, 0x81, 8}, false},
	    {"page 2^58",
	     22,
	     {0xe8, 1, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 4, 1, 0, 0, 0, 0, 0, 0, 0, 1},
	     false},
	    {"page 2^58 - 1",
	     22,
	     {0xe8, 1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3, 1, 0, 0, 0, 0, 0, 0, 0, 1},
	     true},
	    {"page after 2^58 - 1",
	     32,
	     {0xe8, 1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3, 1, 0, 0,
	      0,    0, 0, 0, 0,	   1,	 0,    1,    0,	   0,	 0,    0,    0, 0, 0, 1},
	     false},
	    {"folded missing", 4, {0xe8, 1, 1, 0}, false},
	    {"folded none", 12, {0xe8, 1, 1, 0, 1, 1, 5, 0xe7, 1, 7, 0, 0}, false},
	    {"folded zero", 17, {0xe8, 1, 1, 0, 1, 1, 10, 0xe7, 1, 7, 0, 1, 0, 0, 0, 1, 0}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pv_rate *r = read_exact(&codec, cases[i].bytes, cases[i].n);

		if (!r == cases[i].good)
			fail_msg("%s", cases[i].name);
		pv_rate_free(r);
	}
}

static void describe(const void *s, char *buf, size_t n)
{
	static const double q[] = {0.5, 0.9, 0.99};
	uint64_t first = 0, last = 0, out[3];

	pv_rate_range(s, &first, &last);
	assert_int_equal(pv_rate_quantiles(s, first, last, q, out, 3), 0);
	snprintf(buf, n,
		 "total=%" PRIu64 " seconds=%" PRIu64 " folded=%" PRIu64 " first=%" PRIu64 " last=%" PRIu64
		 " p50=%" PRIu64 " p90=%" PRIu64 " p99=%" PRIu64,
		 pv_rate_total(s), pv_rate_seconds(s), pv_rate_folded(s), first, last, out[0], out[1],
		 out[2]);
}

static void test_vectors(void **state)
{
	struct pv_rate *r = pv_rate_new();

	(void)state;
	check_vector(&codec, r, "rate_empty.bin", "nothing", describe);
	for (unsigned i = 0; i < 180; i++)
		pv_rate_add(r, 1700000000 + i, i % 4 ? i : 0);
	check_vector(&codec, r, "rate.bin", "1700000000 + I: I unless I % 4 is 0, I = 0..179", describe);
	pv_rate_free(r);
	r = pv_rate_new();
	for (unsigned i = 0; i < 1100; i++)
		pv_rate_add(r, 64 * (uint64_t)i, i + 1);
	check_vector(&codec, r, "rate_folded.bin", "64 * I: I + 1, I = 0..1099", describe);
	pv_rate_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_quantiles), cmocka_unit_test(test_liars),   cmocka_unit_test(test_folding),
	    cmocka_unit_test(test_merge_folded),
	    cmocka_unit_test(test_images),    cmocka_unit_test(test_hostile), cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
