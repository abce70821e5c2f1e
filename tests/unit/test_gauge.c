/* SPDX-License-Identifier: MPL-2.0 */
#include "sketch/gauge.h"

#include "sketch_util.h"

#define SEC UINT64_C(1000000000)
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void *codec_read(const uint8_t *p, size_t n)
{
	return pv_gauge_read(p, n);
}

static size_t codec_size(const void *s)
{
	return pv_gauge_image_size(s);
}

static size_t codec_write(const void *s, uint8_t *buf, size_t cap)
{
	return pv_gauge_write(s, buf, cap);
}

static void codec_free(void *s)
{
	pv_gauge_free(s);
}

static const struct codec codec = {codec_read, codec_size, codec_write, codec_free};

struct word {
	uint64_t stream, time_ns, level;
};

/* What was said, and what then holds. */
static const struct {
	const char *name;
	struct word word[4];
	size_t n;
	uint64_t value;
} cases[] = {
	{"nothing", {{0, 0, 0}}, 0, 0},
	{"one word", {{1, SEC, 5}}, 1, 5},
	{"of stream 0 at time 0", {{0, 0, 5}}, 1, 5},
	{"the newest word", {{1, SEC, 5}, {1, 2 * SEC, 3}}, 2, 3},
	{"down to nothing", {{1, SEC, 5}, {1, 2 * SEC, 0}}, 2, 0},
	{"an old word is no news", {{1, 2 * SEC, 3}, {1, SEC, 5}}, 2, 3},
	{"at the same time the later word", {{1, SEC, 5}, {1, SEC, 3}}, 2, 3},
	{"streams add up", {{1, SEC, 5}, {2, SEC, 3}, {1, 2 * SEC, 6}}, 3, 9},
	{"in whatever order", {{2, SEC, 3}, {1, SEC, 5}, {3, SEC, 1}}, 3, 9},
	{"just alive", {{1, SEC, 5}, {2, SEC + PV_GAUGE_STALE_NS, 3}}, 2, 8},
	{"ended before", {{1, SEC, 5}, {2, SEC + PV_GAUGE_STALE_NS + 1, 3}}, 2, 3},
	{"ended before, known later", {{2, SEC + PV_GAUGE_STALE_NS + 1, 3}, {1, SEC, 5}}, 2, 3},
	{"the sum saturates", {{1, SEC, UINT64_MAX}, {2, SEC, 3}}, 2, UINT64_MAX},
};

static struct pv_gauge *gauge_of(const struct word *w, size_t n)
{
	struct pv_gauge *g = pv_gauge_new();

	assert_non_null(g);
	for (size_t i = 0; i < n; i++)
		pv_gauge_put(g, w[i].stream, w[i].time_ns, w[i].level);
	return g;
}

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct pv_gauge *g = gauge_of(cases[i].word, cases[i].n);

		if (pv_gauge_value(g) != cases[i].value)
			fail_msg("%s: %" PRIu64, cases[i].name, pv_gauge_value(g));
		check_image(&codec, g, 200);
		pv_gauge_free(g);
	}
}

static void assert_same(const struct pv_gauge *a, const struct pv_gauge *b)
{
	size_t n, n2;
	uint8_t *x = write_exact(&codec, a, &n), *y = write_exact(&codec, b, &n2);

	assert_int_equal(n, n2);
	assert_memory_equal(x, y, n);
	free(x);
	free(y);
}

/* Parts, merged in any order, are the whole; also where there are more streams than there is room for. */
static void test_merge(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		struct pv_gauge *part[3] = {pv_gauge_new(), pv_gauge_new(), pv_gauge_new()};
		struct pv_gauge *whole = pv_gauge_new(), *there, *back;

		for (unsigned i = 0; i < 120; i++) {
			/* three words at the same time, but none of the same stream: there the order does say something */
			uint64_t stream = rnd(&seed) % (round % 2 ? 7 : 20) * 3 + i % 3, t = i / 3;
			uint64_t level = rnd(&seed) % 9;

			pv_gauge_put(part[rnd(&seed) % 3], stream, t, level);
			pv_gauge_put(whole, stream, t, level);
		}
		there = pv_gauge_new();
		pv_gauge_merge(there, part[0]);
		pv_gauge_merge(there, part[1]);
		pv_gauge_merge(there, part[2]);
		back = pv_gauge_new();
		pv_gauge_merge(back, part[2]);
		pv_gauge_merge(back, part[1]);
		pv_gauge_merge(back, part[0]);
		assert_same(there, back);
		assert_same(there, whole);
		pv_gauge_merge(there, back); /* once more changes nothing */
		pv_gauge_merge(there, there);
		assert_same(there, back);
		pv_gauge_free(there);
		pv_gauge_free(back);
		pv_gauge_free(whole);
		for (unsigned i = 0; i < 3; i++)
			pv_gauge_free(part[i]);
	}
}

static void test_merge_ties(void **state)
{
	const struct word a = {1, SEC, 5}, b = {1, SEC, 3};
	struct pv_gauge *x = gauge_of(&a, 1), *y = gauge_of(&b, 1), *z = gauge_of(&b, 1);

	(void)state;
	pv_gauge_merge(z, x);
	pv_gauge_merge(x, y);
	assert_int_equal(pv_gauge_value(x), 5);
	assert_int_equal(pv_gauge_value(z), 5);
	pv_gauge_free(x);
	pv_gauge_free(y);
	pv_gauge_free(z);
}

/* Full: the streams with the newest words stay. */
static void test_full(void **state)
{
	struct pv_gauge *g = pv_gauge_new();

	(void)state;
	for (uint64_t i = 0; i < PV_GAUGE_STREAMS; i++)
		pv_gauge_put(g, 1000 - i, SEC + i, 1);
	assert_int_equal(pv_gauge_lost(g), 0);
	assert_int_equal(pv_gauge_value(g), PV_GAUGE_STREAMS);
	pv_gauge_put(g, 5, SEC - 1, 100); /* older than all: has no place */
	assert_int_equal(pv_gauge_value(g), PV_GAUGE_STREAMS);
	pv_gauge_put(g, 5, 2 * SEC, 100); /* the place of the first */
	assert_int_equal(pv_gauge_value(g), PV_GAUGE_STREAMS - 1 + 100);
	pv_gauge_put(g, 2000, 2 * SEC, 100);
	assert_int_equal(pv_gauge_value(g), PV_GAUGE_STREAMS - 2 + 200);
	assert_int_equal(pv_gauge_lost(g), 3);
	check_image(&codec, g, 2000);
	struct pv_gauge *sum = pv_gauge_new();
	pv_gauge_merge(sum, g); /* what was lost of a part is lost of the whole */
	assert_int_equal(pv_gauge_lost(sum), 3);
	pv_gauge_merge(sum, g);
	assert_int_equal(pv_gauge_lost(sum), 6);
	pv_gauge_free(sum);
	pv_gauge_free(g);
}

/* What nobody wrote: two entries of one stream, out of order, more than there is room for, another version. */
static void test_refused(void **state)
{
	static const struct word good[] = {{3, 4, 5}, {6, 7, 8}};
	struct pv_gauge *g = gauge_of(good, 2);
	size_t n;
	uint8_t *image = write_exact(&codec, g, &n), many[3 + 24 * (PV_GAUGE_STREAMS + 1)] = {0xea, 1};

	(void)state;
	image[3 + 24] = 3; /* the second entry's stream */
	assert_null(read_exact(&codec, image, n));
	image[3 + 24] = 2;
	assert_null(read_exact(&codec, image, n));
	image[3 + 24] = 4;
	image[1] = 2;
	assert_null(read_exact(&codec, image, n));
	many[2] = PV_GAUGE_STREAMS + 1;
	for (unsigned i = 0; i <= PV_GAUGE_STREAMS; i++)
		many[3 + 24 * i] = (uint8_t)i;
	assert_null(read_exact(&codec, many, sizeof many));
	many[2]--;
	g = (pv_gauge_free(g), read_exact(&codec, many, sizeof many - 24));
	assert_non_null(g);
	free(image);
	pv_gauge_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_merge),   cmocka_unit_test(test_merge_ties),
		cmocka_unit_test(test_full),   cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests_name("gauge", tests, NULL, NULL);
}
