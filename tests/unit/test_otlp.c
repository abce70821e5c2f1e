/* SPDX-License-Identifier: MPL-2.0 */
/* OTLP requests: what stands where, what is left out, and that nothing can make one invalid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "metric/otlp.h"
#include "unit/alloc_util.h"
#include "unit/bucket_util.h"
#include "unit/otlp_util.h"

static const struct pv_label policy[] = {{"policy", "p"}};
static const struct pv_otlp_conf conf = {.service = "pv", .version = "1.2", .instance = "here:1"};

static struct pv_otlp *begun(const struct pv_otlp_conf *c)
{
	struct pv_otlp *o = pv_otlp_new(c);
	assert_non_null(o);
	pv_otlp_scope(o, "p");
	return o;
}

/* The request as lines; frees the object. To be freed. */
static char *lines_of(struct pv_otlp *o)
{
	size_t len;
	uint8_t *bytes = pv_otlp_bytes(o, &len);
	assert_non_null(bytes);
	char *lines = otlp_lines(bytes, len);
	free(bytes);
	pv_otlp_free(o);
	return lines;
}

/* Of one bucket. */
static char *lines(const struct pv_bucket *b, enum pv_otlp_histograms how)
{
	struct pv_otlp *o = begun(&conf);
	assert_int_equal(pv_otlp_bucket(o, b, policy, 1, 5000 * SEC, how), 0);
	return lines_of(o);
}

static struct pv_bucket *bucket(void)
{
	struct pv_bucket *b = pv_bucket_new(&test_handler, &test_conf);
	assert_non_null(b);
	b->start_ns = 1000 * SEC;
	b->end_ns = 1060 * SEC;
	b->closed = true;
	return b;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("want: %s\nin:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("did not want: %s\nin:\n%s", part, text);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;
	for (const char *at = text; (at = strstr(at, part)); at++)
		n++;
	return n;
}

#define MINUTE ": 1000000000000-1060000000000 "

static void nothing(void **state)
{
	static const struct pv_otlp_conf bare = {.service = NULL};
	(void)state;
	struct pv_otlp *o = pv_otlp_new(&bare);
	char *text = lines_of(o);
	assert_string_equal(text, "resource\n");
	free(text);
	text = lines_of(begun(&conf));
	assert_string_equal(text, "resource service.name=pv service.version=1.2 service.instance.id=here:1\n"
				  "scope pktvisor/p policy_name=p\n");
	free(text);
}

static void kinds(void **state)
{
	static const char *const want[] = {
	    "gauge test_packets_total {packets}" MINUTE "policy=p = 7\n",
	    "gauge test_packets_sources 1" MINUTE "policy=p = 2\n",
	    "gauge test_top_names 1" MINUTE "name=a policy=p = 3\n",
	    "gauge test_top_ports 1" MINUTE "policy=p port=53 = 4\n",
	    "gauge test_top_places 1" MINUTE "lat=1.5 lon=-2.5 place=EU/Here policy=p = 2\n",
	    "gauge test_top_places 1" MINUTE "place=Unknown policy=p = 1\n", /* no place of another row's */
	    "summary test_deep_er_size By" MINUTE "policy=p = 3/60 0.5:20 0.9:30 0.95:30 0.99:30\n",
	    "summary test_ratio 1" MINUTE "policy=p = 2/1.5 0.5:0.5 ",
	    "summary test_rates_total {packets}/s" MINUTE "policy=p = 60/9 0.5:0 0.9:0 0.95:0 0.99:9\n",
	    "gauge test_level 1" MINUTE "policy=p = 5\n",
	    "gauge test_smallest 1" MINUTE "policy=p = 8\n",
	    "gauge test_largest 1" MINUTE "policy=p = 9\n",
	    "gauge test_count 1" MINUTE "device=d policy=p = 6\n",
	    "summary test_size 1" MINUTE "device=d interface=e policy=p = 1/1 ",
	};
	(void)state;
	struct pv_metric rows[METRICS];
	struct pv_handler h = test_handler;
	memcpy(rows, test_metrics, sizeof rows);
	rows[M_COUNT].unit = "packets";
	rows[M_QUANTILES].unit = "bytes";
	rows[M_RATE].unit = "packets/s";
	h.metrics = rows;
	struct pv_bucket *b = pv_bucket_new(&h, &test_conf);
	b->start_ns = 1000 * SEC;
	b->end_ns = 1060 * SEC;
	b->closed = true;
	struct pv_block *root = pv_bucket_root(b), *dev = pv_bucket_block(b, root, S_DEVICE, "d");
	b->now_sec = 1030;
	pv_count(root, M_COUNT, 7);
	pv_distinct_u64(root, M_DISTINCT, 1);
	pv_distinct_u64(root, M_DISTINCT, 2);
	pv_top_bytes(root, M_TOP, "a", 1, 3);
	pv_top_u64(root, M_TOP_NUMBER, 53, 4);
	pv_top_bytes(root, M_TOP_GEO, "EU/Here\t1.5\t-2.5", 16, 2);
	pv_top_bytes(root, M_TOP_GEO, "Unknown", 7, 1);
	for (unsigned i = 1; i <= 3; i++)
		pv_quantile_u64(root, M_QUANTILES, 10 * i);
	pv_quantile_real(root, M_REAL, 0.5);
	pv_quantile_real(root, M_REAL, 1.0);
	pv_rate_events(root, M_RATE, 9);
	pv_gauge_set(root, M_GAUGE, 1001 * SEC, 5);
	pv_minimum(root, M_MIN, 8);
	pv_maximum(root, M_MAX, 9);
	pv_count(dev, M_DEV_COUNT, 6);
	pv_quantile_u64(pv_bucket_block(b, dev, S_INTERFACE, "e"), M_IF_QUANTILES, 1);
	char *text = lines(b, PV_OTLP_DELTA);
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		has(text, want[i]);
	has_not(text, "test_times"); /* an empty histogram */
	has_not(text, "test_off");
	free(text);
	pv_bucket_free(b);
}

static void histograms(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket();
	const uint64_t values[] = {0, 10, 11, 21, 100, 100000000, 100000001}; /* on bounds, and above the last */
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		pv_histogram_u64(pv_bucket_root(b), M_HISTOGRAM, values[i]);
	char *text = lines(b, PV_OTLP_DELTA);
	has(text, "delta test_times 1" MINUTE "policy=p = 7/200000143 2 2 0 1 0 0 0 0 0 0");
	has(text, " 0 1 1\n");
	free(text);
	text = lines(b, PV_OTLP_NO_HISTOGRAMS);
	has_not(text, "test_times");
	has(text, "gauge test_packets_total");
	free(text);
	text = lines(b, PV_OTLP_CUMULATIVE);
	has(text, "cumulative test_times 1" MINUTE "policy=p = 7/");
	free(text);
	/* both in one scope: two metrics */
	static const struct pv_label other[] = {{"policy", "other"}};
	struct pv_otlp *o = begun(&conf);
	pv_otlp_bucket(o, b, policy, 1, 0, PV_OTLP_DELTA);
	pv_otlp_bucket(o, b, other, 1, 0, PV_OTLP_CUMULATIVE);
	assert_int_equal(pv_otlp_dropped(o), 0);
	text = lines_of(o);
	assert_int_equal(count(text, "delta test_times"), 1);
	assert_int_equal(count(text, "cumulative test_times"), 1);
	free(text);
	pv_bucket_free(b);
}

static void times(void **state)
{
	static const struct {
		uint64_t start, end, now;
		bool closed, recorded;
		const char *want;
	} cases[] = {
	    {1000, 1060, 1100, true, false, ": 1000-1060 "},  {1000, 1010, 1030, false, false, ": 1000-1030 "},
	    {1000, 1040, 1030, false, false, ": 1000-1040 "}, {1000, 1010, 9999, false, true, ": 1000-1010 "},
	    {0, 0, 1030, false, false, ": 0-1030 "},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_bucket *b = bucket();
		b->start_ns = cases[i].start;
		b->end_ns = cases[i].end;
		b->closed = cases[i].closed;
		b->recorded = cases[i].recorded;
		struct pv_otlp *o = begun(&conf);
		assert_int_equal(pv_otlp_bucket(o, b, policy, 1, cases[i].now, PV_OTLP_NO_HISTOGRAMS), 0);
		char *text = lines_of(o);
		has(text, cases[i].want);
		free(text);
		pv_bucket_free(b);
	}
}

static void texts(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket();
	struct pv_block *root = pv_bucket_root(b);
	pv_top_bytes(root, M_TOP, "", 0, 9);
	pv_top_bytes(root, M_TOP, "\xff\n", 2, 8);
	pv_top_bytes(root, M_TOP, "\\255\\010", 8, 7); /* looks the same */
	static const struct pv_label odd[] = {{"policy", "K\xc3\xb6ln\xff"}};
	struct pv_otlp *o = begun(&conf);
	assert_int_equal(pv_otlp_bucket(o, b, odd, 1, 0, PV_OTLP_DELTA), 0);
	assert_int_equal(pv_otlp_dropped(o), 1);
	char *text = lines_of(o);
	has(text, "name=\\255\\010 policy=K\xc3\xb6ln\\255 = 8\n");
	has_not(text, " = 9\n"); /* an attribute without a value */
	has_not(text, " = 7\n"); /* the same series again */
	free(text);
	pv_bucket_free(b);
}

static void numbers(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket();
	pv_count(pv_bucket_root(b), M_COUNT, UINT64_MAX); /* they are signed there */
	char *text = lines(b, PV_OTLP_DELTA);
	has(text, "policy=p = 9223372036854775807\n");
	free(text);
	pv_bucket_free(b);
}

static void scopes(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket();
	struct pv_otlp *o = begun(&conf);
	for (int twice = 0; twice < 2; twice++)
		assert_int_equal(pv_otlp_bucket(o, b, policy, 1, 0, PV_OTLP_DELTA), 0);
	uint64_t points = pv_otlp_points(o);
	assert_true(points > 0);
	assert_int_equal(pv_otlp_dropped(o), points);
	pv_otlp_scope(o, "q");
	assert_int_equal(pv_otlp_bucket(o, b, policy, 1, 0, PV_OTLP_DELTA), 0); /* there it is another */
	assert_int_equal(pv_otlp_points(o), 2 * points);
	char *text = lines_of(o);
	assert_int_equal(count(text, "scope pktvisor/"), 2);
	has(text, "scope pktvisor/q policy_name=q\n");
	free(text);
	pv_bucket_free(b);
}

/* One name, two types. */
static void conflicts(void **state)
{
	static const struct pv_metric rows[] = {ROW(PV_QUANTILES, PV_ALWAYS, S_ROOT, "packets.total", .id = 1)};
	(void)state;
	struct pv_handler h = test_handler;
	h.metrics = rows;
	h.nmetrics = 1;
	struct pv_bucket *a = bucket(), *b = pv_bucket_new(&h, &test_conf);
	pv_quantile_u64(pv_bucket_root(b), 0, 1);
	struct pv_otlp *o = begun(&conf);
	assert_int_equal(pv_otlp_bucket(o, a, policy, 1, 0, PV_OTLP_DELTA), 0);
	assert_int_equal(pv_otlp_bucket(o, b, policy, 1, 0, PV_OTLP_DELTA), 0);
	assert_int_equal(pv_otlp_dropped(o), 1);
	char *text = lines_of(o);
	assert_int_equal(count(text, "test_packets_total"), 1);
	free(text);
	pv_bucket_free(a);
	pv_bucket_free(b);
}

static void limit(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket_part(0);
	struct pv_otlp *o = begun(&conf);
	assert_int_equal(pv_otlp_bucket(o, b, policy, 1, 0, PV_OTLP_DELTA), 0);
	uint64_t all = pv_otlp_points(o), fewer = 0;
	free(lines_of(o));
	for (size_t max = 1; max < 40000; max += 777) {
		const struct pv_otlp_conf c = {.max_bytes = max};
		size_t len;
		o = begun(&c);
		assert_int_equal(pv_otlp_bucket(o, b, policy, 1, 0, PV_OTLP_DELTA), 0);
		assert_int_equal(pv_otlp_points(o) + pv_otlp_dropped(o), all);
		fewer += pv_otlp_dropped(o) > 0 && pv_otlp_points(o) > 0;
		uint64_t points = pv_otlp_points(o);
		uint8_t *bytes = pv_otlp_bytes(o, &len);
		assert_true(len <= max || !points);
		char *text = otlp_lines(bytes, len);
		assert_int_equal(count(text, MINUTE), points);
		free(text);
		free(bytes);
		pv_otlp_free(o);
	}
	assert_true(fewer > 5);
	pv_bucket_free(b);
}

static void wrong_labels(void **state)
{
	static const struct pv_label none[] = {{"no name", "x"}};
	(void)state;
	struct pv_bucket *b = bucket();
	struct pv_otlp *o = begun(&conf);
	errno = 0;
	assert_int_equal(pv_otlp_bucket(o, b, none, 1, 0, PV_OTLP_DELTA), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(pv_otlp_points(o), 0);
	free(lines_of(o));
	pv_bucket_free(b);
}

/* Whichever allocation fails, the answer is ENOMEM or a whole request. */
static void memory(void **state)
{
	(void)state;
	if (!ALLOC_UTIL)
		skip();
	struct pv_bucket *b = bucket_part(0);
	size_t whole = 0, failed = 0;
	for (uint64_t at = 0;; at++) {
		size_t len = 0;
		alloc_fail(at, false);
		errno = 0;
		struct pv_otlp *o = pv_otlp_new(&conf);
		if (o) {
			pv_otlp_scope(o, "p");
			pv_otlp_bucket(o, b, policy, 1, 0, PV_OTLP_DELTA);
		}
		uint8_t *bytes = o ? pv_otlp_bytes(o, &len) : NULL;
		int e = errno;
		alloc_fail(0, false);
		if (!bytes)
			assert_int_equal(e, ENOMEM);
		failed += !bytes;
		whole = whole ? whole : len; /* the first has all it wants */
		if (bytes)
			assert_int_equal(len, whole);
		free(bytes);
		pv_otlp_free(o);
		if (bytes && at > 20)
			break;
	}
	assert_true(failed > 20);
	pv_bucket_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing),	 cmocka_unit_test(kinds),     cmocka_unit_test(histograms),
	    cmocka_unit_test(times),	 cmocka_unit_test(texts),     cmocka_unit_test(numbers),
	    cmocka_unit_test(scopes),	 cmocka_unit_test(conflicts), cmocka_unit_test(limit),
	    cmocka_unit_test(wrong_labels), cmocka_unit_test(memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
