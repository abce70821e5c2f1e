/* SPDX-License-Identifier: MPL-2.0 */
#include "sketch/hll.h"
#include "sketch/murmur3.h"

#include "sketch_util.h"

static void *codec_read(const uint8_t *p, size_t n)
{
	return pv_hll_read(p, n);
}

static size_t codec_size(const void *s)
{
	return pv_hll_image_size(s);
}

static size_t codec_write(const void *s, uint8_t *buf, size_t cap)
{
	return pv_hll_write(s, buf, cap);
}

static void codec_free(void *s)
{
	pv_hll_free(s);
}

static const struct codec codec = {codec_read, codec_size, codec_write, codec_free};

static struct pv_hll *numbers(unsigned lg_k, uint64_t from, uint64_t to)
{
	struct pv_hll *h = pv_hll_new(lg_k);

	assert_non_null(h);
	for (uint64_t i = from; i < to; i++)
		pv_hll_add_u64(h, i);
	return h;
}

static struct pv_hll *names(unsigned lg_k, unsigned from, unsigned to)
{
	struct pv_hll *h = pv_hll_new(lg_k);

	assert_non_null(h);
	for (unsigned i = from; i < to; i++) {
		char name[40];

		pv_hll_add(h, name, (size_t)snprintf(name, sizeof(name), "host%u.example.com", i));
	}
	return h;
}

/* The same estimate, and images alike but for what depends on order. */
static void assert_same(const struct pv_hll *a, const struct pv_hll *b)
{
	uint8_t *x, *y;
	size_t n, n2;

	assert_true(pv_hll_estimate(a) == pv_hll_estimate(b));
	x = write_exact(&codec, a, &n);
	y = write_exact(&codec, b, &n2);
	assert_int_equal(n, n2);
	if (x[0] == 10) {
		x[5] = y[5] = 0;
		memset(x + 8, 0, 8);
		memset(y + 8, 0, 8);
	}
	assert_memory_equal(x, y, n);
	free(x);
	free(y);
}

static void test_murmur3(void **state)
{
	/* Published results of the definition. */
	struct pv_hash128 h = pv_murmur3_128("", 0, 0);
	char text[64];

	(void)state;
	assert_true(h.h1 == 0 && h.h2 == 0);
	h = pv_murmur3_128("hello", 5, 0);
	assert_int_equal(h.h1, 0xcbd8a7b341bd9b02u);
	assert_int_equal(h.h2, 0x5b1e906a48ae1d19u);
	h = pv_murmur3_128("The quick brown fox jumps over the lazy dog", 43, 0);
	assert_int_equal(h.h1, 0xe34bbc7bbc071b6cu);
	assert_int_equal(h.h2, 0x7a433ca9c49a9347u);
	/* Unaligned gives the same; the byte after the end does not count. */
	for (size_t n = 0; n < 48; n++)
		for (size_t at = 1; at < 8; at++) {
			struct pv_hash128 x, y;
			char aligned[64];

			for (size_t i = 0; i < n; i++)
				text[at + i] = aligned[i] = (char)(i * 7 + 3);
			text[at + n] = 'x';
			aligned[n] = 'y';
			x = pv_murmur3_128(text + at, n, 9001);
			y = pv_murmur3_128(aligned, n, 9001);
			assert_true(x.h1 == y.h1 && x.h2 == y.h2);
		}
}

static void test_accuracy(void **state)
{
	static const unsigned lg_ks[] = {4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 16, 18};
	static const uint64_t ns[] = {0, 1, 7, 8, 30, 300, 384, 385, 1000, 3000, 10000, 40000, 200000};

	(void)state;
	for (size_t i = 0; i < sizeof(lg_ks) / sizeof(lg_ks[0]); i++)
		for (size_t j = 0; j < sizeof(ns) / sizeof(ns[0]); j++) {
			struct pv_hll *h = numbers(lg_ks[i], 1000, 1000 + ns[j]);
			double rse = 1.04 / sqrt(exp2(lg_ks[i])), lo, hi, e = pv_hll_estimate(h);

			if (fabs(e - (double)ns[j]) > 4 * rse * (double)ns[j] + 0.5)
				fail_msg("lg_k %u, %llu keys: %g", lg_ks[i], (unsigned long long)ns[j], e);
			pv_hll_bounds(h, false, &lo, &hi);
			assert_true(lo <= e && e <= hi);
			/* Sparse is as good as exact. */
			if (ns[j] <= 384 && lg_ks[i] >= 12)
				assert_true(llround(e) == (long long)ns[j]);
			pv_hll_free(h);
		}
}

/* The mean of many sketches is nearer than any: shows bias of the tables, at every part of their range. */
static void test_bias(void **state)
{
	static const unsigned lg_ks[] = {4, 5, 6, 8, 9, 13};

	(void)state;
	for (size_t i = 0; i < sizeof(lg_ks) / sizeof(lg_ks[0]); i++)
		for (double load = 0.5; load < 14; load *= 1.7) {
			uint64_t n = (uint64_t)(load * exp2(lg_ks[i])), seed = 7;
			unsigned runs = lg_ks[i] > 9 ? 40 : 400;
			double sum = 0, rse = 1.04 / sqrt(exp2(lg_ks[i]));

			for (unsigned r = 0; r < runs; r++) {
				struct pv_hll *h = pv_hll_new(lg_ks[i]);

				for (uint64_t k = 0; k < n; k++)
					pv_hll_add_u64(h, rnd(&seed));
				sum += pv_hll_estimate(h);
				pv_hll_free(h);
			}
			if (fabs(sum / runs / (double)n - 1) > 4 * rse / sqrt(runs) + 0.005)
				fail_msg("lg_k %u, load %g: bias %g", lg_ks[i], load,
					 sum / runs / (double)n - 1);
		}
}

static void test_modes(void **state)
{
	struct pv_hll *h = pv_hll_new(12);
	uint8_t buf[5000];
	int mode = 0;

	(void)state;
	pv_hll_add(h, "", 0);
	assert_true(pv_hll_estimate(h) == 0);
	assert_int_equal(pv_hll_image_size(h), 8);
	for (uint64_t i = 0; i < 500; i++) {
		assert_true(pv_hll_write(h, buf, sizeof(buf)) > 0);
		mode = buf[7] & 3;
		assert_int_equal(mode, i < 8 ? 0 : i <= 384 ? 1 : 2);
		pv_hll_add_u64(h, i);
		pv_hll_add_u64(h, i);
		pv_hll_add_u64(h, i / 2);
	}
	pv_hll_free(h);
	assert_null(pv_hll_new(3));
	assert_null(pv_hll_new(22));
	pv_hll_free(NULL);
}

static void test_order_free(void **state)
{
	static const unsigned ns[] = {5, 7, 8, 100, 384, 385, 5000};

	(void)state;
	for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++) {
		struct pv_hll *up = pv_hll_new(12), *down = pv_hll_new(12);

		for (uint64_t k = 0; k < ns[i]; k++) {
			pv_hll_add_u64(up, k);
			pv_hll_add_u64(down, ns[i] - 1 - k);
		}
		assert_same(up, down);
		pv_hll_free(up);
		pv_hll_free(down);
	}
}

static struct pv_hll *merged(const struct pv_hll *a, const struct pv_hll *b)
{
	struct pv_hll *m = pv_hll_copy(a);

	assert_non_null(m);
	assert_int_equal(pv_hll_merge(m, b), 0);
	return m;
}

static void test_merge(void **state)
{
	/* Lists, sets and registers of several lg_k, some empty, with and without overlap. */
	static const struct {
		unsigned lg_k;
		uint64_t from, to;
	} parts[] = {
	    {12, 0, 0},	       {12, 0, 5}, {12, 3, 9},	  {12, 0, 200},	  {12, 150, 384}, {12, 0, 3000},
	    {12, 2000, 90000}, {10, 0, 0}, {10, 50, 54},  {10, 0, 90},	  {10, 0, 1000},  {4, 0, 0},
	    {4, 0, 3},	       {6, 0, 70}, {14, 0, 1000}, {14, 9, 60000}, {7, 0, 7},	  {8, 0, 20},
	};
	const size_t n = sizeof(parts) / sizeof(parts[0]);
	struct pv_hll *s[sizeof(parts) / sizeof(parts[0])];

	(void)state;
	for (size_t i = 0; i < n; i++)
		s[i] = numbers(parts[i].lg_k, parts[i].from, parts[i].to);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			struct pv_hll *ab = merged(s[i], s[j]), *ba = merged(s[j], s[i]), *whole;
			unsigned lg = parts[i].lg_k < parts[j].lg_k ? parts[i].lg_k : parts[j].lg_k;

			assert_same(ab, ba);
			/* And it is what one sketch of everything would be. */
			whole = numbers(lg, parts[i].from, parts[i].to);
			for (uint64_t k = parts[j].from; k < parts[j].to; k++)
				pv_hll_add_u64(whole, k);
			assert_same(ab, whole);
			pv_hll_free(whole);
			for (size_t l = 0; l < n; l += 3) {
				struct pv_hll *abc = merged(ab, s[l]), *bc = merged(s[j], s[l]), *a_bc;

				a_bc = merged(s[i], bc);
				assert_same(abc, a_bc);
				pv_hll_free(abc);
				pv_hll_free(bc);
				pv_hll_free(a_bc);
			}
			pv_hll_free(ab);
			pv_hll_free(ba);
		}
	for (size_t i = 0; i < n; i++) {
		struct pv_hll *self = pv_hll_copy(s[i]);

		assert_int_equal(pv_hll_merge(self, self), 0);
		assert_same(self, s[i]);
		pv_hll_free(self);
		pv_hll_free(s[i]);
	}
}

static void test_images(void **state)
{
	static const struct {
		unsigned lg_k;
		uint64_t n;
	} cases[] = {{12, 0}, {12, 1}, {12, 7}, {12, 8}, {12, 384}, {12, 385}, {12, 100000}, {4, 0},
		     {4, 7},  {4, 8},  {4, 99}, {7, 9},	 {8, 8},    {8, 24},   {8, 25},	     {10, 2000}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pv_hll *h = numbers(cases[i].lg_k, 0, cases[i].n);

		assert_true(check_image(&codec, h, 300) > 0);
		pv_hll_free(h);
	}
}

/*
 * Makes an HLL_4 image of the registers of an HLL_8 one; the library's other forms, written from the format
 * alone. */
static size_t to_hll4(const uint8_t *hll8, unsigned lg_k, bool compact, uint8_t *out)
{
	size_t k = (size_t)1 << lg_k, aux = 0, at = 40 + k / 2;
	uint8_t min = 63;

	for (size_t i = 0; i < k; i++)
		min = hll8[40 + i] < min ? hll8[40 + i] : min;
	memcpy(out, hll8, 40);
	memset(out + 40, 0, k / 2);
	memset(out + at, 0, 4 * k);
	for (size_t i = 0; i < k; i++) {
		unsigned v = hll8[40 + i] - min;

		if (v >= 15) {
			uint32_t c = (uint32_t)hll8[40 + i] << 26 | (uint32_t)i;

			memcpy(out + at + 4 * aux++, &c, 4);
			v = 15;
		}
		out[40 + i / 2] |= (uint8_t)(v << (i & 1 ? 4 : 0));
	}
	out[4] = 5;
	out[5] = compact ? 8 : 0;
	out[6] = min;
	out[7] = 2;
	out[36] = (uint8_t)aux;
	assert_true(aux < 32);
	return at + (compact ? 4 * aux : 4 * 32);
}

static void test_foreign_forms(void **state)
{
	struct pv_hll *h = numbers(10, 0, 60000), *r;
	uint8_t a[5000] = {0}, b[9000];
	uint8_t list[8 + 32] = {2, 1, 7, 12, 3, 0, 2, 0}, set[12 + 128] = {3, 1, 7, 12, 5, 0, 0, 9};
	size_t n;

	(void)state;
	/* A register that is far above the lowest makes an exception. */
	assert_int_equal(pv_hll_write(h, a, sizeof(a)), 40 + 1024);
	a[40 + 77] = 40;
	r = pv_hll_read(a, 40 + 1024);
	assert_non_null(r);
	pv_hll_free(h);
	h = r;
	for (int compact = 0; compact < 2; compact++) {
		n = to_hll4(a, 10, compact, b);
		assert_true(b[36] > 0 && b[6] > 0);
		r = read_exact(&codec, b, n);
		assert_non_null(r);
		assert_same(r, h);
		pv_hll_free(r);
		for (size_t i = 0; i < n; i++)
			assert_null(read_exact(&codec, b, i));
		/* An exception too few, too low, twice, or of a register that is none. */
		b[36]--;
		assert_null(read_exact(&codec, b, n));
		b[36]++;
		b[40 + 512 + 3] = 4;
		assert_null(read_exact(&codec, b, n));
		n = to_hll4(a, 10, compact, b);
		b[40 + 512] ^= 1;
		assert_null(read_exact(&codec, b, n));
	}
	pv_hll_free(h);
	/* Updatable list and set: coupons lie anywhere. */
	list[8 + 4 + 3] = 4;
	list[8 + 28 + 3] = 8;
	r = read_exact(&codec, list, sizeof(list));
	assert_non_null(r);
	assert_true(llround(pv_hll_estimate(r)) == 2);
	pv_hll_free(r);
	list[6] = 1;
	assert_null(read_exact(&codec, list, sizeof(list)));
	list[6] = 3;
	assert_null(read_exact(&codec, list, sizeof(list)));
	for (int i = 0; i < 9; i++)
		set[12 + 12 * i + 3] = (uint8_t)(4 * (i + 1));
	set[8] = 9;
	r = read_exact(&codec, set, sizeof(set));
	assert_non_null(r);
	assert_true(llround(pv_hll_estimate(r)) == 9);
	pv_hll_free(r);
	/* The same coupon twice; a coupon without a value. */
	set[12 + 3] = 8;
	assert_null(read_exact(&codec, set, sizeof(set)));
	set[12 + 3] = 0;
	set[12] = 1;
	assert_null(read_exact(&codec, set, sizeof(set)));
}

static void test_hostile(void **state)
{
	static const struct {
		const char *name;
		size_t n;
		uint8_t bytes[16];
	} bad[] = {
	    {"nothing", 0, {0}},
	    {"no family", 8, {2, 1, 8, 12, 3, 12, 0, 8}},
	    {"version", 8, {2, 2, 7, 12, 3, 12, 0, 8}},
	    {"lg_k 3", 8, {2, 1, 7, 3, 3, 12, 0, 8}},
	    {"lg_k 22", 8, {2, 1, 7, 22, 3, 12, 0, 8}},
	    {"big endian", 8, {2, 1, 7, 12, 3, 13, 0, 8}},
	    {"mode 3", 8, {2, 1, 7, 12, 3, 12, 0, 11}},
	    {"type 3", 8, {2, 1, 7, 12, 3, 12, 0, 12}},
	    {"count 1 of empty", 12, {2, 1, 7, 12, 3, 12, 1, 8, 1, 0, 0, 4}},
	    {"list of 8", 12, {2, 1, 7, 12, 3, 8, 8, 8, 1, 0, 0, 4}},
	    {"set at lg_k 7", 16, {3, 1, 7, 7, 5, 8, 0, 9, 1, 0, 0, 0, 1, 0, 0, 4}},
	    {"set of 2^31", 16, {3, 1, 7, 21, 18, 8, 0, 9, 0, 0, 0, 0x80, 1, 0, 0, 4}},
	    {"registers of lg_k 21", 16, {10, 1, 7, 21, 0, 8, 0, 10}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pv_hll *h = read_exact(&codec, bad[i].bytes, bad[i].n);

		if (h)
			fail_msg("%s was read", bad[i].name);
	}
}

static void describe(const void *s, char *buf, size_t n)
{
	snprintf(buf, n, "estimate=%.12g hip=%.12g", pv_hll_estimate(s), pv_hll_estimate_hip(s));
}

static void test_vectors(void **state)
{
	static const struct {
		const char *file;
		unsigned lg_k, n;
	} rows[] = {{"hll_empty.bin", 12, 0},	 {"hll_list.bin", 12, 5},    {"hll_set.bin", 12, 100},
		    {"hll_dense.bin", 12, 5000}, {"hll_small.bin", 5, 1000}, {"hll_lgk8.bin", 8, 400}};
	struct pv_hll *a, *b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char stream[80];

		snprintf(stream, sizeof(stream), "lg_k %u, hostI.example.com, I = 0..%u-1", rows[i].lg_k,
			 rows[i].n);
		a = names(rows[i].lg_k, 0, rows[i].n);
		check_vector(&codec, a, rows[i].file, stream, describe);
		pv_hll_free(a);
	}
	a = names(12, 0, 3000);
	b = names(10, 2000, 5000);
	assert_int_equal(pv_hll_merge(a, b), 0);
	check_vector(&codec, a, "hll_merged.bin",
		     "lg_k 12 with I = 0..2999 merged with lg_k 10 with I = 2000..4999", describe);
	pv_hll_free(a);
	pv_hll_free(b);
}

static double field(const char *row, const char *key)
{
	const char *at = strstr(row, key);

	assert_non_null(at);
	return strtod(at + strlen(key), NULL);
}

static void assert_near(double a, double b)
{
	if (fabs(a - b) > 1e-12 * fabs(b))
		fail_msg("%.17g is not %.17g", a, b);
}

static void test_datasketches(void **state)
{
	const char *dir = shared_vectors();
	unsigned seen = 0;
	size_t n, m;
	char *table = (char *)load_file(dir, "vectors.tsv", &n), *next;
	struct pv_hll *a, *b, *u;

	(void)state;
	assert_non_null(table);
	for (char *line = table; *line; line = next) {
		char file[200], stream[200];
		unsigned lg_k = 0;
		uint64_t keys = 0;
		uint8_t *image, *ours;
		double lo, hi;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		else
			next = line + strlen(line);
		if (strncmp(line, "hll", 3))
			continue;
		assert_int_equal(sscanf(line, "%199[^\t]", file), 1);
		if (strstr(file, " + "))
			memmove(file, strstr(file, "-> ") + 3, strlen(strstr(file, "-> ") + 3) + 1);
		image = load_file(dir, file, &m);
		assert_non_null(image);
		a = read_exact(&codec, image, m);
		if (!a)
			fail_msg("%s was not read", file);
		assert_near(pv_hll_estimate_hip(a), field(line, "estimate="));
		if (strstr(line, "lb2=")) {
			pv_hll_bounds(a, true, &lo, &hi);
			assert_near(lo, field(line, "lb2="));
			assert_near(hi, field(line, "ub2="));
		}
		/* The same stream gives the same sketch; as HLL_8 and in registers, the same bytes. */
		assert_int_equal(
		    sscanf(line, "%*[^\t]\t%*[^\t]\tlg_k=%u\t%199[^\t]\t%" SCNu64, &lg_k, stream, &keys), 3);
		b = strncmp(stream, "u64", 3) ? names(lg_k, 0, (unsigned)keys) : numbers(lg_k, 0, keys);
		assert_same(a, b);
		ours = write_exact(&codec, b, &n);
		if (image[0] == 10 && image[7] == 10 && !(image[5] & 0x10)) {
			assert_int_equal(n, m);
			assert_memory_equal(ours, image, n);
		}
		free(ours);
		pv_hll_free(b);
		pv_hll_free(a);
		free(image);
		seen++;
	}
	assert_int_equal(seen, 50);
	free(table);

	table = (char *)load_file(dir, "hll8_lgk12_union_a.bin", &n);
	a = pv_hll_read((uint8_t *)table, n);
	free(table);
	table = (char *)load_file(dir, "hll8_lgk12_union_b.bin", &n);
	b = pv_hll_read((uint8_t *)table, n);
	free(table);
	table = (char *)load_file(dir, "hll8_lgk12_union_result.bin", &n);
	u = pv_hll_read((uint8_t *)table, n);
	free(table);
	assert_true(a && b && u);
	assert_int_equal(pv_hll_merge(a, b), 0);
	assert_same(a, u);
	assert_near(pv_hll_estimate(a), pv_hll_estimate_hip(u));
	pv_hll_free(a);
	pv_hll_free(b);
	pv_hll_free(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_murmur3),	 cmocka_unit_test(test_accuracy),
	    cmocka_unit_test(test_bias),	 cmocka_unit_test(test_modes),
	    cmocka_unit_test(test_order_free),	 cmocka_unit_test(test_merge),
	    cmocka_unit_test(test_images),	 cmocka_unit_test(test_foreign_forms),
	    cmocka_unit_test(test_hostile),	 cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_datasketches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
