/* SPDX-License-Identifier: MPL-2.0 */
#include "sketch/topn.h"

#include "sketch_util.h"

#define SEED 0x5eedu

static void *read_str(const uint8_t *p, size_t n)
{
	return pv_topn_read(PV_TOPN_STR, p, n, 99);
}

static void *read_u64(const uint8_t *p, size_t n)
{
	return pv_topn_read(PV_TOPN_U64, p, n, 99);
}

static size_t codec_size(const void *s)
{
	return pv_topn_image_size(s);
}

static size_t codec_write(const void *s, uint8_t *buf, size_t cap)
{
	return pv_topn_write(s, buf, cap);
}

static void codec_free(void *s)
{
	pv_topn_free(s);
}

static const struct codec strings = {read_str, codec_size, codec_write, codec_free};
static const struct codec numbers = {read_u64, codec_size, codec_write, codec_free};

static void add_name(struct pv_topn *t, const char *stem, uint64_t i, uint64_t weight)
{
	char name[64];

	pv_topn_add(t, name, (size_t)snprintf(name, sizeof(name), "%s%" PRIu64, stem, i), weight);
}

/* A key from 0 up whose frequency falls as 1 / (key + 1). */
static uint64_t zipf(uint64_t *state, double keys)
{
	return (uint64_t)(exp(rnd_unit(state) * log(keys + 1)) - 1);
}

/* Same weights, same rows. */
static void assert_same(const struct pv_topn *a, const struct pv_topn *b)
{
	static struct pv_topn_row x[20000], y[20000];
	size_t n = pv_topn_rows(a, x, 20000);

	assert_int_equal(n, pv_topn_rows(b, y, 20000));
	assert_int_equal(pv_topn_total_weight(a), pv_topn_total_weight(b));
	assert_int_equal(pv_topn_max_error(a), pv_topn_max_error(b));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(x[i].estimate, y[i].estimate);
		assert_int_equal(x[i].num, y[i].num);
		assert_int_equal(x[i].len, y[i].len);
		if (x[i].len)
			assert_memory_equal(x[i].key, y[i].key, x[i].len);
	}
}

static void test_exact(void **state)
{
	struct pv_topn *t = pv_topn_new(PV_TOPN_STR, 13, 0, SEED);
	struct pv_topn_row rows[10];

	(void)state;
	assert_int_equal(pv_topn_rows(t, rows, 10), 0);
	/* Name i has weight i (the first three: 1); each exact, as there are no more than fit. */
	for (unsigned r = 0; r < 3; r++)
		for (uint64_t i = 0; i < 6144; i++)
			add_name(t, "n", i, i < 3 ? i == r : i / 3 + (r < i % 3));
	assert_int_equal(pv_topn_active(t), 6144);
	assert_int_equal(pv_topn_max_error(t), 0);
	assert_int_equal(pv_topn_rows(t, rows, 10), 10);
	for (size_t i = 0; i < 10; i++) {
		char name[16];
		int n = snprintf(name, sizeof(name), "n%zu", 6143 - i);

		assert_int_equal(rows[i].estimate, 6143 - i);
		assert_int_equal(rows[i].len, n);
		assert_memory_equal(rows[i].key, name, (size_t)n);
	}
	assert_int_equal(pv_topn_estimate(t, "n77", 3), 77);
	assert_int_equal(pv_topn_estimate(t, "none", 4), 0);
	assert_int_equal(pv_topn_rows(t, rows, 0), 0);
	pv_topn_free(t);
}

static void test_ties(void **state)
{
	static const char *const order[] = {"", "a", "a\0b", "ab", "b", "\xff"};
	static const size_t lens[] = {0, 1, 3, 2, 1, 1};
	struct pv_topn *t = pv_topn_new(PV_TOPN_STR, 5, 0, SEED), *u = pv_topn_new(PV_TOPN_U64, 5, 0, SEED);
	struct pv_topn_row rows[8];

	(void)state;
	for (size_t i = 6; i-- > 0;)
		pv_topn_add(t, order[i], lens[i], 5);
	for (size_t max = 1; max <= 6; max++) {
		assert_int_equal(pv_topn_rows(t, rows, max), max);
		for (size_t i = 0; i < max; i++) {
			assert_int_equal(rows[i].len, lens[i]);
			assert_memory_equal(rows[i].key, order[i], lens[i]);
		}
	}
	pv_topn_add_u64(u, UINT64_MAX, 1);
	pv_topn_add_u64(u, 10, 1);
	pv_topn_add_u64(u, 9, 1);
	pv_topn_add_u64(u, 0, 1);
	pv_topn_add_u64(u, 7, 0);
	assert_int_equal(pv_topn_rows(u, rows, 8), 4);
	assert_int_equal(rows[0].num, 0);
	assert_int_equal(rows[1].num, 9);
	assert_int_equal(rows[2].num, 10);
	assert_true(rows[3].num == UINT64_MAX);
	assert_null(rows[0].key);
	pv_topn_free(t);
	pv_topn_free(u);
}

/* Bounds hold for every key, however often the table was purged, split and merged. */
static void test_bounds(void **state)
{
	enum { KEYS = 40000, PARTS = 4 };
	static uint64_t truth[KEYS];
	static const unsigned lgs[] = {3, 6, 10, 13};

	(void)state;
	for (size_t l = 0; l < sizeof(lgs) / sizeof(lgs[0]); l++)
		for (int shape = 0; shape < 3; shape++) {
			struct pv_topn *t[PARTS];
			uint64_t seed = 5, total = 0;

			memset(truth, 0, sizeof(truth));
			for (int i = 0; i < PARTS; i++)
				t[i] = pv_topn_new(PV_TOPN_U64, lgs[l], 0, SEED + (unsigned)i);
			for (int i = 0; i < 200000; i++) {
				uint64_t r = rnd(&seed);
				uint64_t key = shape == 1 ? r % KEYS : (uint64_t)i / 7 % KEYS;
				uint64_t weight = shape == 1 && i % 100 == 0 ? 1 + (r >> 40) % 1000 : 1;

				if (shape == 0)
					key = zipf(&seed, KEYS - 1);
				pv_topn_add_u64(t[i % PARTS], key, weight);
				truth[key] += weight;
				total += weight;
			}
			for (int i = 1; i < PARTS; i++)
				assert_int_equal(pv_topn_merge(t[0], t[i]), 0);
			assert_int_equal(pv_topn_total_weight(t[0]), total);
			/* 3.5 / map size, what the paper promises, with room for merging. */
			assert_true((double)pv_topn_max_error(t[0]) <=
				    3.5 * (double)total / (double)(1u << lgs[l]));
			assert_true(pv_topn_active(t[0]) <= 3u << lgs[l] >> 2);
			for (uint64_t k = 0; k < KEYS; k++) {
				assert_true(pv_topn_lower_u64(t[0], k) <= truth[k]);
				assert_true(truth[k] <= pv_topn_upper_u64(t[0], k));
			}
			for (int i = 0; i < PARTS; i++) {
				check_stable(&numbers, t[i]);
				pv_topn_free(t[i]);
			}
		}
}

/* With hints, right, wrong or none, a sketch is the one that it is without. */
static void test_hints(void **state)
{
	enum { NAMES = 500 };
	struct pv_topn *a = pv_topn_new(PV_TOPN_STR, 8, 0, 1), *b = pv_topn_new(PV_TOPN_STR, 8, 0, 1);
	uint32_t hints[NAMES];
	uint64_t x = 88172645463325252u;
	char key[32];

	(void)state;
	memset(hints, 0xff, sizeof(hints));
	for (int i = 0; i < 20000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		unsigned k = (unsigned)(x % NAMES) * (unsigned)(x >> 32 & 7) / 7;
		int n = snprintf(key, sizeof(key), "%u.example", k);
		if (!k)
			n = 0;
		uint64_t weight = i % 1000 ? x >> 60 : 0;
		pv_topn_add(a, key, (size_t)n, weight);
		if (!(x >> 20 & 15))
			hints[k] = (uint32_t)(x >> 24 & 255);
		pv_topn_add_hint(b, &hints[k], key, (size_t)n, weight);
	}
	assert_true(pv_topn_max_error(a) > 0); /* it was full, and purged */
	assert_same(a, b);
	uint32_t hint = 0;
	struct pv_topn *u = pv_topn_new(PV_TOPN_U64, 8, 0, 1);
	pv_topn_add_hint(u, &hint, "x", 1, 3);
	assert_int_equal(pv_topn_lost(u), 3);
	pv_topn_free(a);
	pv_topn_free(b);
	pv_topn_free(u);
}

static void test_merge(void **state)
{
	struct pv_topn *a = pv_topn_new(PV_TOPN_STR, 10, 0, 1), *b = pv_topn_new(PV_TOPN_STR, 10, 0, 2);
	struct pv_topn *c = pv_topn_new(PV_TOPN_STR, 10, 0, 3), *whole = pv_topn_new(PV_TOPN_STR, 10, 0, 4);
	struct pv_topn *ab, *ba, *abc, *bc, *u = pv_topn_new(PV_TOPN_U64, 10, 0, 1);
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 30000; i++) {
		uint64_t k = zipf(&seed, 700), w = rnd(&seed) % 5;

		add_name(i % 3 ? i % 3 == 1 ? a : b : c, "some.name.", k, w);
		add_name(whole, "some.name.", k, w);
	}
	ab = pv_topn_copy(a);
	ba = pv_topn_copy(b);
	assert_int_equal(pv_topn_merge(ab, b), 0);
	assert_int_equal(pv_topn_merge(ba, a), 0);
	assert_same(ab, ba);
	abc = pv_topn_copy(ab);
	assert_int_equal(pv_topn_merge(abc, c), 0);
	bc = pv_topn_copy(b);
	assert_int_equal(pv_topn_merge(bc, c), 0);
	assert_int_equal(pv_topn_merge(bc, a), 0);
	assert_same(abc, bc);
	assert_same(abc, whole);
	/* With itself: everything twice. */
	assert_int_equal(pv_topn_merge(abc, abc), 0);
	assert_int_equal(pv_topn_merge(whole, bc), 0);
	assert_same(abc, whole);
	assert_int_equal(pv_topn_merge(a, u), -1);
	assert_int_equal(errno, EINVAL);
	pv_topn_free(a);
	pv_topn_free(b);
	pv_topn_free(c);
	pv_topn_free(u);
	pv_topn_free(ab);
	pv_topn_free(ba);
	pv_topn_free(abc);
	pv_topn_free(bc);
	pv_topn_free(whole);
}

/* Nothing that is seen depends on the seed of the index. */
static void test_seedless(void **state)
{
	struct pv_topn *a = pv_topn_new(PV_TOPN_STR, 8, 3000, 1), *b = pv_topn_new(PV_TOPN_STR, 8, 3000, 2);
	uint64_t seed = 8;
	uint8_t *x, *y;
	size_t n, n2;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		uint64_t k = zipf(&seed, 5000);

		add_name(a, "x", k, 1);
		add_name(b, "x", k, 1);
	}
	assert_true(pv_topn_max_error(a) > 0);
	x = write_exact(&strings, a, &n);
	y = write_exact(&strings, b, &n2);
	assert_int_equal(n, n2);
	assert_memory_equal(x, y, n);
	free(x);
	free(y);
	pv_topn_free(a);
	pv_topn_free(b);
}

static void test_key_limit(void **state)
{
	enum { LIMIT = 10000 };
	struct pv_topn *t = pv_topn_new(PV_TOPN_STR, 13, LIMIT, SEED);
	char key[LIMIT + 1];
	uint64_t seed = 1, total = 0;
	struct pv_topn_row row;

	(void)state;
	memset(key, 'k', sizeof(key));
	for (int i = 0; i < 20000; i++) {
		memcpy(key, &i, sizeof(i));
		pv_topn_add(t, key, 1 + rnd(&seed) % 2000, 1);
		pv_topn_add(t, "heavy", 5, 1);
		total += 2;
		assert_true(pv_topn_image_size(t) <= 32 + 12 * pv_topn_active(t) + LIMIT);
	}
	assert_true(pv_topn_memory(t) < 3 * LIMIT + (size_t)300000);
	assert_int_equal(pv_topn_total_weight(t), total);
	assert_int_equal(pv_topn_lost(t), 0);
	assert_int_equal(pv_topn_rows(t, &row, 1), 1);
	assert_int_equal(row.len, 5);
	assert_true(pv_topn_lower(t, "heavy", 5) <= 20000 && pv_topn_upper(t, "heavy", 5) >= 20000);
	/* All of the limit, and one more. */
	pv_topn_add(t, key, LIMIT, 7);
	assert_int_equal(pv_topn_lower(t, key, LIMIT), 7);
	assert_int_equal(pv_topn_active(t), 1);
	pv_topn_add(t, key, LIMIT + 1, 9);
	assert_int_equal(pv_topn_lost(t), 9);
	assert_int_equal(pv_topn_total_weight(t), total + 16);
	/* A key of the other kind is lost too. */
	pv_topn_add_u64(t, 1, 4);
	assert_int_equal(pv_topn_lost(t), 13);
	/* Copies and sums lose as much, and are as far off. */
	uint64_t error = pv_topn_max_error(t);
	assert_true(error > 0);
	struct pv_topn *c = pv_topn_copy(t), *none = pv_topn_new(PV_TOPN_STR, 13, LIMIT, SEED);
	assert_int_equal(pv_topn_lost(c), 13);
	assert_int_equal(pv_topn_max_error(c), error);
	assert_int_equal(pv_topn_merge(none, t), 0);
	assert_int_equal(pv_topn_lost(none), 13);
	assert_int_equal(pv_topn_max_error(none), error);
	assert_int_equal(pv_topn_merge(c, t), 0);
	assert_int_equal(pv_topn_lost(c), 26);
	assert_int_equal(pv_topn_max_error(c), 2 * error);
	pv_topn_free(none);
	pv_topn_free(c);
	pv_topn_free(t);
}

/* The empty string is an item like any other, even when there is no other and so no memory for keys. */
static void test_empty_key(void **state)
{
	struct pv_topn *t = pv_topn_new(PV_TOPN_STR, 3, 0, SEED), *c;
	struct pv_topn_row row;

	(void)state;
	pv_topn_add(t, "", 0, 3);
	pv_topn_add(t, NULL, 0, 2);
	check_stable(&strings, t);
	assert_int_equal(pv_topn_rows(t, &row, 1), 1);
	assert_non_null(row.key);
	assert_int_equal(row.len, 0);
	assert_int_equal(row.estimate, 5);
	c = pv_topn_copy(t);
	assert_int_equal(pv_topn_merge(c, t), 0);
	assert_int_equal(pv_topn_merge(c, c), 0);
	assert_int_equal(pv_topn_lower(c, "", 0), 20);
	pv_topn_trim(c, 1);
	assert_int_equal(pv_topn_lower(c, "", 0), 20);
	for (uint64_t i = 0; i < 20; i++)
		add_name(c, "n", i, 1);
	assert_true(pv_topn_max_error(c) > 0 && pv_topn_lower(c, "", 0) > 0);
	pv_topn_trim(c, 0);
	assert_int_equal(pv_topn_active(c), 0);
	pv_topn_free(c);
	pv_topn_free(t);
}

static void test_saturate(void **state)
{
	struct pv_topn *t = pv_topn_new(PV_TOPN_U64, 4, 0, SEED);

	(void)state;
	pv_topn_add_u64(t, 1, UINT64_MAX - 1);
	pv_topn_add_u64(t, 1, 5);
	assert_true(pv_topn_estimate_u64(t, 1) == UINT64_MAX);
	assert_true(pv_topn_total_weight(t) == UINT64_MAX);
	for (uint64_t i = 0; i < 100; i++)
		pv_topn_add_u64(t, i, UINT64_MAX);
	assert_int_equal(pv_topn_merge(t, t), 0);
	assert_true(pv_topn_upper_u64(t, 5) == UINT64_MAX);
	check_stable(&numbers, t);
	pv_topn_free(t);
}

static void test_trim(void **state)
{
	struct pv_topn *t = pv_topn_new(PV_TOPN_STR, 13, 0, SEED);
	struct pv_topn_row before[100], after[100];
	char kept[100][64];
	size_t full;

	(void)state;
	for (uint64_t i = 1; i <= 5000; i++)
		add_name(t, "a.rather.long.name.of.a.host.", i, i);
	full = pv_topn_memory(t);
	assert_int_equal(pv_topn_rows(t, before, 100), 100);
	for (int i = 0; i < 100; i++)
		memcpy(kept[i], before[i].key, before[i].len);
	pv_topn_trim(t, 10000);
	assert_int_equal(pv_topn_max_error(t), 0);
	pv_topn_trim(t, 100);
	assert_int_equal(pv_topn_active(t), 100);
	assert_int_equal(pv_topn_max_error(t), 4900);
	assert_true(pv_topn_memory(t) < full / 20);
	assert_int_equal(pv_topn_rows(t, after, 100), 100);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(after[i].estimate, before[i].estimate);
		assert_memory_equal(after[i].key, kept[i], after[i].len);
	}
	assert_int_equal(pv_topn_upper(t, "none", 4), 4900);
	/* It still works, and grows again. */
	for (uint64_t i = 1; i <= 3000; i++)
		add_name(t, "more", i, 1);
	assert_int_equal(pv_topn_active(t), 3100);
	pv_topn_trim(t, 0);
	assert_int_equal(pv_topn_active(t), 0);
	assert_true(pv_topn_memory(t) < 300);
	check_stable(&strings, t);
	pv_topn_free(t);
	pv_topn_free(NULL);
}

static void test_memory(void **state)
{
	struct pv_topn *t = pv_topn_new(PV_TOPN_U64, 13, 0, SEED);
	size_t idle = pv_topn_memory(t), busy;

	(void)state;
	assert_true(idle < 200);
	pv_topn_add_u64(t, 1, 1);
	assert_true(pv_topn_memory(t) < 2048);
	for (uint64_t i = 0; i < 100000; i++)
		pv_topn_add_u64(t, i, 1);
	busy = pv_topn_memory(t);
	assert_true(busy < 300000);
	pv_topn_free(t);
	assert_null(pv_topn_new(PV_TOPN_STR, 2, 0, 0));
	assert_null(pv_topn_new(PV_TOPN_STR, 21, 0, 0));
	assert_null(pv_topn_new(PV_TOPN_STR, 13, PV_TOPN_KEY_BYTES_MAX + 1, 0));
}

static void test_images(void **state)
{
	static const unsigned ns[] = {0, 1, 3, 40, 700};

	(void)state;
	for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++) {
		struct pv_topn *s = pv_topn_new(PV_TOPN_STR, 8, 0, SEED),
			       *u = pv_topn_new(PV_TOPN_U64, 8, 0, SEED);

		for (uint64_t k = 0; k < ns[i]; k++) {
			add_name(s, "name", k, 1 + k % 9);
			pv_topn_add_u64(u, k << 30, 1 + k % 9);
		}
		assert_true(check_image(&strings, s, 500) > 0);
		assert_true(check_image(&numbers, u, 500) > 0);
		pv_topn_free(s);
		pv_topn_free(u);
	}
}

static void test_hostile(void **state)
{
	/* Two items, weights 3 and 4, total 9, error 2, keys "a" and "a": added up. */
	uint8_t good[] = {4, 1, 10, 13, 7, 0, 0, 0, 2, 0, 0, 0, 0,   0, 0, 0, 9, 0,  0, 0,
			  0, 0, 0,  0,	2, 0, 0, 0, 0, 0, 0, 0, 3,   0, 0, 0, 0, 0,  0, 0,
			  4, 0, 0,  0,	0, 0, 0, 0, 1, 0, 0, 0, 'a', 1, 0, 0, 0, 'a'};
	static const struct {
		const char *name;
		size_t at;
		uint8_t value;
	} bad[] = {
	    {"preamble", 0, 1},
	    {"version", 1, 2},
	    {"family", 2, 7},
	    {"map too small", 3, 2},
	    {"map 2^32", 3, 32},
	    {"map above max", 4, 14},
	    {"empty, yet not", 5, 4},
	    {"flag", 5, 8},
	    {"three items", 8, 3},
	    {"2^24 items", 11, 1},
	    {"total too little", 16, 8},
	    {"error too much", 24, 3},
	    {"error huge", 31, 255},
	    {"weight 0", 32, 0},
	    {"weight huge", 39, 255},
	    {"length", 48, 2},
	    {"length huge", 51, 255},
	};
	struct pv_topn *t = read_exact(&strings, good, sizeof(good));

	(void)state;
	assert_non_null(t);
	assert_int_equal(pv_topn_active(t), 1);
	assert_int_equal(pv_topn_lower(t, "a", 1), 7);
	assert_int_equal(pv_topn_estimate(t, "a", 1), 9);
	assert_int_equal(pv_topn_total_weight(t), 9);
	pv_topn_free(t);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t was = good[bad[i].at];

		good[bad[i].at] = bad[i].value;
		if (read_exact(&strings, good, sizeof(good)))
			fail_msg("%s was read", bad[i].name);
		good[bad[i].at] = was;
	}
	assert_null(read_exact(&numbers, good, sizeof(good)));
}

static void describe(const void *s, char *buf, size_t n)
{
	struct pv_topn_row rows[3];
	size_t k = pv_topn_rows(s, rows, 3), at;

	at = (size_t)snprintf(buf, n, "total=%" PRIu64 " error=%" PRIu64 " active=%zu",
			      pv_topn_total_weight(s), pv_topn_max_error(s), pv_topn_active(s));
	for (size_t i = 0; i < k; i++) {
		if (pv_topn_kind(s) == PV_TOPN_U64)
			at += (size_t)snprintf(buf + at, n - at, " %" PRIu64, rows[i].num);
		else
			at += (size_t)snprintf(buf + at, n - at, " %.*s", (int)rows[i].len,
					       (const char *)rows[i].key);
		at += (size_t)snprintf(buf + at, n - at, "=%" PRIu64, rows[i].estimate);
	}
}

static void test_vectors(void **state)
{
	struct pv_topn *t = pv_topn_new(PV_TOPN_STR, 13, 0, SEED);

	(void)state;
	check_vector(&strings, t, "topn_empty.bin", "strings, lg_max_map 13, nothing", describe);
	for (uint64_t i = 0; i < 30; i++)
		add_name(t, "name", i, 1 + i % 10);
	check_vector(&strings, t, "topn_str.bin",
		     "strings, lg_max_map 13, nameI with weight 1 + I % 10, I = 0..29", describe);
	pv_topn_free(t);
	t = pv_topn_new(PV_TOPN_STR, 5, 0, SEED);
	for (uint64_t i = 0; i < 1000; i++)
		add_name(t, "name", i * i % 101, 1);
	check_vector(&strings, t, "topn_str_purged.bin",
		     "strings, lg_max_map 5, name(I * I % 101), I = 0..999", describe);
	pv_topn_free(t);
	t = pv_topn_new(PV_TOPN_U64, 6, 0, SEED);
	for (uint64_t i = 0; i < 1000; i++)
		pv_topn_add_u64(t, i % 7 ? i : i % 5, i);
	check_vector(&numbers, t, "topn_u64_purged.bin",
		     "integers, lg_max_map 6, (I % 7 ? I : I % 5) with weight I, I = 0..999", describe);
	pv_topn_trim(t, 5);
	check_vector(&numbers, t, "topn_u64_trimmed.bin", "topn_u64_purged trimmed to 5", describe);
	pv_topn_free(t);
}

static uint64_t field(const char *row, const char *key)
{
	const char *at = strstr(row, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void test_datasketches(void **state)
{
	const char *dir = shared_vectors();
	size_t n;
	char *table = (char *)load_file(dir, "vectors.tsv", &n), *next;
	unsigned seen = 0;

	(void)state;
	assert_non_null(table);
	for (char *line = table; *line; line = next) {
		static struct pv_topn_row rows[7000];
		char file[200], top[220];
		struct pv_topn *t;
		uint8_t *image, *list;
		size_t k;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		else
			next = line + strlen(line);
		if (strncmp(line, "fi_", 3))
			continue;
		assert_int_equal(sscanf(line, "%199[^\t]", file), 1);
		image = load_file(dir, file, &n);
		assert_non_null(image);
		t = read_exact(strstr(line, "\tfi_long\t") ? &numbers : &strings, image, n);
		if (!t)
			fail_msg("%s was not read", file);
		assert_int_equal(pv_topn_total_weight(t), field(line, "total_weight="));
		if (strstr(line, "max_error=")) {
			assert_int_equal(pv_topn_max_error(t), field(line, "max_error="));
			assert_int_equal(pv_topn_active(t), field(line, "active="));
		}
		k = pv_topn_rows(t, rows, 7000);
		assert_int_equal(k, pv_topn_active(t));
		snprintf(top, sizeof(top), "%s.top", file);
		list = load_file(dir, top, &n);
		if (list) {
			size_t listed = 0;
			uint64_t last = UINT64_MAX;

			for (char *p = (char *)list; *p; p = strchr(p, '\n') + 1) {
				uint64_t estimate, lower, upper;
				char name[200];

				assert_int_equal(sscanf(p, "%199[^\t]\t%" SCNu64 "\t%" SCNu64 "\t%" SCNu64,
							name, &estimate, &lower, &upper),
						 4);
				assert_int_equal(pv_topn_estimate(t, name, strlen(name)), estimate);
				assert_int_equal(pv_topn_lower(t, name, strlen(name)), lower);
				assert_int_equal(pv_topn_upper(t, name, strlen(name)), upper);
				/* The same order, but for ties. */
				assert_int_equal(rows[listed].estimate, estimate);
				assert_true(estimate <= last);
				last = estimate;
				listed++;
			}
			assert_true(listed == k || listed >= 25);
			free(list);
		} else {
			for (uint64_t i = 1; i <= 300; i++) {
				assert_int_equal(rows[i - 1].num, i);
				assert_int_equal(rows[i - 1].estimate, 100000 / i);
			}
		}
		check_stable(strstr(line, "\tfi_long\t") ? &numbers : &strings, t);
		pv_topn_free(t);
		free(image);
		seen++;
	}
	assert_int_equal(seen, 7);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_exact),     cmocka_unit_test(test_ties),
	    cmocka_unit_test(test_bounds),    cmocka_unit_test(test_merge),
	    cmocka_unit_test(test_hints),
	    cmocka_unit_test(test_seedless),  cmocka_unit_test(test_key_limit),
	    cmocka_unit_test(test_empty_key), cmocka_unit_test(test_saturate),
	    cmocka_unit_test(test_trim),      cmocka_unit_test(test_memory),
	    cmocka_unit_test(test_images),    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_vectors),   cmocka_unit_test(test_datasketches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
