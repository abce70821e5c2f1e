/* SPDX-License-Identifier: MPL-2.0 */
/* Prometheus text: what stands where, how it is written, and that nothing can make it invalid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <math.h>
#include <cmocka.h>

#include "handlers/handlers.h"
#include "metric/prom.h"
#include "unit/bucket_util.h"
#include "unit/prom_util.h"

#define OWN                                                                                                  \
	"# HELP pktvisor_exposition_dropped_samples samples left out of this text, by reason\n"              \
	"# TYPE pktvisor_exposition_dropped_samples gauge\n"
#define NONE_DROPPED                                                                                         \
	OWN "pktvisor_exposition_dropped_samples{reason=\"limit\"} 0\n"                                      \
	    "pktvisor_exposition_dropped_samples{reason=\"duplicate\"} 0\n"                                  \
	    "pktvisor_exposition_dropped_samples{reason=\"conflict\"} 0\n"

static const struct pv_label policy[] = {{"policy", "default"}};

static struct pv_prom *prom(const struct pv_prom_conf *conf)
{
	struct pv_prom *p = pv_prom_new(conf);
	assert_non_null(p);
	return p;
}

/* The text, which is valid; frees the object. To be freed. */
static char *text_of(struct pv_prom *p)
{
	size_t len;
	char *text = pv_prom_text(p, &len);
	assert_non_null(text);
	const char *why = prom_invalid(text, len, NULL);
	if (why)
		fail_msg("%s\n%s", why, text);
	pv_prom_free(p);
	return text;
}

static struct pv_bucket *bucket(void)
{
	struct pv_bucket *b = pv_bucket_new(&test_handler, &test_conf);
	assert_non_null(b);
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

static void starts(const char *text, const char *want)
{
	if (strncmp(text, want, strlen(want)) != 0)
		fail_msg("want: %s\ngot:  %s", want, text);
}

static size_t count_lines(const char *text, const char *start)
{
	size_t n = 0;
	for (const char *s = text; s && *s; s = strchr(s, '\n') + 1)
		n += !strncmp(s, start, strlen(start));
	return n;
}

/* ---- exactly -------------------------------------------------------------------------------------- */

static void nothing(void **state)
{
	(void)state;
	char *text = text_of(prom(NULL));
	assert_string_equal(text, NONE_DROPPED);
	free(text);
}

static void labels(void **state)
{
	(void)state;
	static const struct {
		const char *instance;
		struct pv_label label[4];
		size_t n;
		const char *want;
	} cases[] = {
	    {NULL, {{0}}, 0, "{}"},
	    {"host-1", {{0}}, 0, "{instance=\"host-1\"}"},
	    {"host-1",
	     {{"tap", "t"}, {"policy", "p"}, {"handler", "h"}},
	     3,
	     "{instance=\"host-1\",handler=\"h\",policy=\"p\",tap=\"t\"}"},
	    {"host-1",
	     {{"policy", "p"}, {"instance", "own"}, {"a", "1"}},
	     3,
	     "{a=\"1\",instance=\"own\",policy=\"p\"}"},
	    {NULL, {{"a", "first"}, {"b", "x"}, {"a", "last"}}, 3, "{a=\"last\",b=\"x\"}"},
	    {NULL, {{"a", ""}}, 1, "{a=\"\"}"},
	    {NULL, {{"a", "back\\slash"}}, 1, "{a=\"back\\\\slash\"}"},
	    {NULL, {{"a", "say \"x\""}}, 1, "{a=\"say \\\"x\\\"\"}"},
	    {NULL, {{"a", "two\nlines"}}, 1, "{a=\"two\\nlines\"}"},
	    {NULL, {{"a", "\\n\\"}}, 1, "{a=\"\\\\n\\\\\"}"},
	    {"\"\n\\", {{0}}, 0, "{instance=\"\\\"\\n\\\\\"}"},
	    {NULL,
	     {{"a", "K\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x90\x9f"}},
	     1,
	     "{a=\"K\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x90\x9f\"}"},
	    {NULL, {{"a", "\xff\xc3"}}, 1, "{a=\"\\\\255\\\\195\"}"},
	    {NULL, {{"a", "\xed\xa0\x80\xc0\xaf"}}, 1, "{a=\"\\\\237\\\\160\\\\128\\\\192\\\\175\"}"},
	};
	static const struct pv_prom_metric m = {"up", PV_PROM_GAUGE, "whether it is"};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_prom_conf conf = {.instance = cases[i].instance};
		struct pv_prom *p = prom(&conf);
		char want[256];
		assert_int_equal(pv_prom_u64(p, &m, cases[i].label, cases[i].n, 1), 0);
		snprintf(want, sizeof want, "# HELP up whether it is\n# TYPE up gauge\nup%s 1\n",
			 cases[i].want);
		char *text = text_of(p);
		starts(text, want);
		free(text);
	}
}

static void numbers(void **state)
{
	(void)state;
	static const struct {
		double v;
		const char *want;
	} cases[] = {
	    {0, "0"},
	    {1, "1"},
	    {-1.5, "-1.5"},
	    {0.1, "0.1"},
	    {1e6, "1000000"},
	    {123456789.25, "123456789.25"},
	    {1e300, "1e+300"},
	    {5e-324, "4.94065645841247e-324"},
	    {1.0 / 3, "0.3333333333333333"},
	    {0.1 + 0.2, "0.30000000000000004"},
	    {9007199254740993.0, "9007199254740992"},
	    {NAN, "NaN"},
	    {INFINITY, "+Inf"},
	    {-INFINITY, "-Inf"},
	};
	static const struct pv_prom_metric m = {"x", PV_PROM_GAUGE, "a number"};
	char want[64];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_prom *p = prom(NULL);
		assert_int_equal(pv_prom_real(p, &m, NULL, 0, cases[i].v), 0);
		char *text = text_of(p);
		snprintf(want, sizeof want, "\nx{} %s\n", cases[i].want);
		has(text, want);
		if (!isnan(cases[i].v))
			assert_true(strtod(strstr(text, "x{} ") + 4, NULL) == cases[i].v);
		free(text);
	}
	struct pv_prom *p = prom(NULL);
	assert_int_equal(pv_prom_u64(p, &m, NULL, 0, UINT64_MAX), 0);
	char *text = text_of(p);
	has(text, "\nx{} 18446744073709551615\n");
	free(text);
}

static void help(void **state)
{
	(void)state;
	static const struct pv_prom_metric m[] = {
	    {"a", PV_PROM_GAUGE, NULL},
	    {"a", PV_PROM_GAUGE, ""},
	    {"a", PV_PROM_GAUGE, "a \\ in \"two\"\nlines\xff"},
	    {"a", PV_PROM_GAUGE, "too late"},
	};
	static const struct pv_label l[] = {{"n", "1"}, {"n", "2"}, {"n", "3"}, {"n", "4"}};
	struct pv_prom *p = prom(NULL);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pv_prom_u64(p, &m[i], &l[i], 1, i), 0);
	char *text = text_of(p);
	starts(text, "# HELP a a \\\\ in \"two\"\\nlines\\\\255\n# TYPE a gauge\n");
	free(text);
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		struct pv_prom_metric m;
		struct pv_label l[9];
		size_t n;
	} cases[] = {
	    {{NULL, PV_PROM_GAUGE, "h"}, {{0}}, 0},
	    {{"", PV_PROM_GAUGE, "h"}, {{0}}, 0},
	    {{"1a", PV_PROM_GAUGE, "h"}, {{0}}, 0},
	    {{"a.b", PV_PROM_GAUGE, "h"}, {{0}}, 0},
	    {{"a b", PV_PROM_GAUGE, "h"}, {{0}}, 0},
	    {{"events", PV_PROM_COUNTER, "h"}, {{0}}, 0},
	    {{"_total", PV_PROM_COUNTER, "h"}, {{0}}, 0},
	    {{"packets_seen", PV_PROM_COUNTER, "h"}, {{0}}, 0},
	    {{"a", PV_PROM_SUMMARY, "h"}, {{0}}, 0},
	    {{"a", PV_PROM_HISTOGRAM, "h"}, {{0}}, 0},
	    {{"a", PV_PROM_GAUGE, "h"}, {{"", "x"}}, 1},
	    {{"a", PV_PROM_GAUGE, "h"}, {{NULL, "x"}}, 1},
	    {{"a", PV_PROM_GAUGE, "h"}, {{"b", NULL}}, 1},
	    {{"a", PV_PROM_GAUGE, "h"}, {{"b-c", "x"}}, 1},
	    {{"a", PV_PROM_GAUGE, "h"}, {{"__name__", "x"}}, 1},
	    {{"a", PV_PROM_GAUGE, "h"}, {{"le", "x"}}, 1},
	    {{"a", PV_PROM_GAUGE, "h"}, {{"quantile", "x"}}, 1},
	    {{"a", PV_PROM_GAUGE, "h"},
	     {{"a", ""},
	      {"b", ""},
	      {"c", ""},
	      {"d", ""},
	      {"e", ""},
	      {"f", ""},
	      {"g", ""},
	      {"h", ""},
	      {"i", ""}},
	     9},
	};
	struct pv_prom *p = prom(NULL);
	struct pv_bucket *b = bucket_part(0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		errno = 0;
		assert_int_equal(pv_prom_u64(p, &cases[i].m, cases[i].l, cases[i].n, 1), -1);
		assert_int_equal(errno, EINVAL);
		if (cases[i].n) {
			errno = 0;
			assert_int_equal(pv_prom_bucket(p, b, cases[i].l, cases[i].n), -1);
			assert_int_equal(errno, EINVAL);
			struct pv_prom_conf conf = {.own = cases[i].l, .nown = cases[i].n};
			assert_null(pv_prom_new(&conf));
			assert_int_equal(errno, EINVAL);
		}
	}
	char *text = text_of(p);
	assert_string_equal(text, NONE_DROPPED);
	free(text);
	pv_bucket_free(b);
}

/* ---- kinds ------------------------------------------------------------------------------------------- */

static void families(void **state)
{
	(void)state;
	struct pv_prom_conf conf = {.instance = "i", .own = policy, .nown = 1};
	struct pv_prom *p = prom(&conf);
	struct pv_bucket *a = bucket_part(0), *b = bucket_part(1);
	static const struct pv_label other[] = {{"policy", "other"}};
	assert_int_equal(pv_prom_bucket(p, a, policy, 1), 0);
	assert_int_equal(pv_prom_bucket(p, b, other, 1), 0);
	char *text = text_of(p);
	/* in the order of the table and under one heading, as text_of() has seen */
	starts(text, "# HELP test_packets_total A test\n# TYPE test_packets_total gauge\n"
		     "test_packets_total{instance=\"i\",policy=\"default\"} 60\n"
		     "test_packets_total{instance=\"i\",policy=\"other\"} 60\n"
		     "# HELP test_packets_sources A test\n# TYPE test_packets_sources gauge\n"
		     "test_packets_sources{instance=\"i\",policy=\"default\"} 60\n");
	assert_int_equal(count_lines(text, "# TYPE test_rates_total summary\n"), 1);
	assert_int_equal(count_lines(text, "# TYPE test_times histogram\n"), 1);
	assert_int_equal(count_lines(text, "# TYPE test_deep_er_size summary\n"), 1);
	has_not(text, "test_off");
	/* scopes */
	has(text, "\ntest_count{instance=\"i\",device=\"10.0.0.1\",policy=\"default\"} ");
	has(text, "\ntest_rate_sum{instance=\"i\",device=\"10.0.0.0\",interface=\"eth1\",policy=\"other\"} ");
	has(text, "\ntest_count{instance=\"i\",direction=\"in\",policy=\"default\"} 30\n");
	/* items */
	has(text, "\ntest_top_ports{instance=\"i\",policy=\"default\",port=\"0\"} 6\n");
	has(text, "\ntest_top_places{instance=\"i\",lat=\"1.5\",lon=\"-2.5\",place=\"EU/"
		  "Here\",policy=\"default\"} 30\n");
	has(text, "\ntest_top_places{instance=\"i\",place=\"Unknown\",policy=\"default\"} 30\n");
	has(text, "\npktvisor_exposition_dropped_samples{instance=\"i\",policy=\"default\",reason="
		  "\"duplicate\"} 0\n");
	free(text);
	pv_bucket_free(a);
	pv_bucket_free(b);
}

static void one_name(void **state)
{
	(void)state;
	static const struct pv_label given[] = {{"device", "given"}, {"port", "given"}, {"policy", "p"}};
	struct pv_prom *p = prom(NULL);
	struct pv_bucket *b = bucket();
	struct pv_block *dev = pv_bucket_block(b, pv_bucket_root(b), S_DEVICE, "own");
	pv_count(dev, M_DEV_COUNT, 1);
	pv_top_u64(dev, M_DEV_TOP, 53, 1);
	assert_int_equal(pv_prom_bucket(p, b, given, 3), 0);
	char *text = text_of(p);
	has(text, "\ntest_packets_total{device=\"given\",policy=\"p\",port=\"given\"} 0\n");
	has(text, "\ntest_count{device=\"own\",policy=\"p\",port=\"given\"} 1\n");
	has(text, "\ntest_top_ports{device=\"own\",policy=\"p\",port=\"53\"} 1\n");
	free(text);
	pv_bucket_free(b);
}

static void summaries(void **state)
{
	(void)state;
	struct pv_prom *p = prom(NULL);
	struct pv_bucket *b = bucket();
	struct pv_block *root = pv_bucket_root(b);
	b->start_ns = 1000 * SEC + 5;
	b->end_ns = 1010 * SEC + 5; /* ten seconds, of which two counted; the eleventh is the next minute's */
	b->closed = true;
	for (unsigned i = 1; i <= 4; i++)
		pv_quantile_u64(root, M_QUANTILES, i * 1000000007u);
	pv_quantile_real(root, M_REAL, 0.25);
	pv_quantile_real(root, M_REAL, 2.5);
	b->now_sec = 1003;
	pv_rate_events(root, M_RATE, 7);
	b->now_sec = 1004;
	pv_rate_events(root, M_RATE, 5);
	assert_int_equal(pv_prom_bucket(p, b, NULL, 0), 0);
	char *text = text_of(p);
	has(text, "\ntest_deep_er_size_sum{} 10000000070\ntest_deep_er_size_count{} 4\n");
	has(text, "\ntest_ratio_sum{} 2.75\ntest_ratio_count{} 2\n");
	has(text, "\ntest_rates_total{quantile=\"0.5\"} 0\ntest_rates_total{quantile=\"0.9\"} 5\n"
		  "test_rates_total{quantile=\"0.95\"} 7\ntest_rates_total{quantile=\"0.99\"} 7\n"
		  "test_rates_total_sum{} 12\ntest_rates_total_count{} 10\n");
	free(text);
	pv_bucket_free(b);
}

/* A bucket in which nothing happened: counters, distinct counts and rates say so, the others are silent. */
static void silent(void **state)
{
	(void)state;
	struct pv_prom *p = prom(NULL);
	struct pv_bucket *b = bucket();
	assert_int_equal(pv_prom_bucket(p, b, NULL, 0), 0);
	char *text = text_of(p);
	assert_string_equal(
	    text,
	    "# HELP test_packets_total A test\n# TYPE test_packets_total gauge\ntest_packets_total{} 0\n"
	    "# HELP test_packets_sources A test\n# TYPE test_packets_sources gauge\n"
	    "test_packets_sources{} 0\n"
	    "# HELP test_level A test\n# TYPE test_level gauge\ntest_level{} 0\n" NONE_DROPPED);
	free(text);
	p = prom(NULL);
	b->start_ns = 60 * SEC;
	b->end_ns = 120 * SEC;
	assert_int_equal(pv_prom_bucket(p, b, NULL, 0), 0);
	text = text_of(p);
	has(text, "\ntest_rates_total{quantile=\"0.99\"} 0\ntest_rates_total_sum{} "
		  "0\ntest_rates_total_count{} 60\n");
	free(text);
	pv_bucket_free(b);
}

static void histograms(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket();
	struct pv_block *root = pv_bucket_root(b);
	uint64_t values[400], sum = 0, at = 88172645463325252u;
	for (size_t i = 0; i < 400; i++) {
		at ^= at << 13, at ^= at >> 7, at ^= at << 17;
		values[i] = i < PV_POINT_BOUNDS ? pv_point_bounds[i] : at >> (at % 60 + 4);
		sum += values[i];
		pv_histogram_u64(root, M_HISTOGRAM, values[i]);
	}
	struct pv_prom *p = prom(NULL);
	assert_int_equal(pv_prom_bucket(p, b, NULL, 0), 0);
	char *text = text_of(p), want[128];
	assert_int_equal(count_lines(text, "test_times_bucket{"), PV_POINT_BOUNDS + 1);
	for (size_t i = 0; i < PV_POINT_BOUNDS; i++) {
		unsigned n = 0;
		for (size_t k = 0; k < 400; k++)
			n += values[k] <= pv_point_bounds[i];
		snprintf(want, sizeof want, "\ntest_times_bucket{le=\"%llu\"} %u\n",
			 (unsigned long long)pv_point_bounds[i], n);
		has(text, want);
	}
	snprintf(want, sizeof want,
		 "\ntest_times_bucket{le=\"+Inf\"} 400\ntest_times_sum{} %llu\ntest_times_count{} 400\n",
		 (unsigned long long)sum);
	has(text, want);
	free(text);
	pv_bucket_free(b);
}

static void bounds(void **state)
{
	(void)state;
	for (size_t i = 0, k = 0; i < PV_POINT_BOUNDS; i++) {
		while (k < PV_HISTOGRAM_BOUNDS && pv_histogram_bounds[k] < pv_point_bounds[i])
			k++;
		if (k == PV_HISTOGRAM_BOUNDS || pv_histogram_bounds[k] != pv_point_bounds[i])
			fail_msg("%llu is no bound of histograms, or out of order",
				 (unsigned long long)pv_point_bounds[i]);
	}
}

/* ---- what does not fit ------------------------------------------------------------------------------- */

static void limits(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket_part(2);
	struct pv_prom *p = prom(NULL);
	assert_int_equal(pv_prom_bucket(p, b, policy, 1), 0);
	size_t len, whole, n;
	char *text = pv_prom_text(p, &len);
	assert_null(prom_invalid(text, len, &whole));
	free(text);
	pv_prom_free(p);
	for (size_t max = 1; max < len + 200; max += 97) {
		struct pv_prom_conf conf = {.max_bytes = max};
		p = prom(&conf);
		assert_int_equal(pv_prom_bucket(p, b, policy, 1), 0);
		size_t dropped = pv_prom_dropped(p, PV_PROM_LIMIT);
		text = pv_prom_text(p, &n);
		size_t kept;
		const char *why = prom_invalid(text, n, &kept);
		if (why)
			fail_msg("at %zu bytes: %s", max, why);
		const char *own = strstr(text, OWN);
		assert_non_null(own);
		assert_true((size_t)(own - text) <= max);
		assert_int_equal(kept + dropped, whole);
		char want[96];
		snprintf(want, sizeof want, "_dropped_samples{reason=\"limit\"} %zu\n", dropped);
		has(text, want);
		free(text);
		pv_prom_free(p);
	}
	assert_int_equal(len, n); /* at last it was all there */
	pv_bucket_free(b);
}

static void twice(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket_part(0);
	struct pv_prom *p = prom(NULL);
	size_t once, both, len;
	assert_int_equal(pv_prom_bucket(p, b, policy, 1), 0);
	char *text = pv_prom_text(p, &len);
	assert_null(prom_invalid(text, len, &once));
	free(text);
	assert_int_equal(pv_prom_bucket(p, b, policy, 1), 0);
	text = pv_prom_text(p, &len);
	assert_null(prom_invalid(text, len, &both));
	assert_int_equal(once, both);
	assert_int_equal(pv_prom_dropped(p, PV_PROM_DUPLICATE), once - PV_PROM_DROPS);
	free(text);
	/* two keys and two items that look the same once they are clean */
	struct pv_block *root = pv_bucket_root(b);
	pv_count(pv_bucket_block(b, root, S_DIRECTION, "\xff"), M_DIR_COUNT, 1);
	pv_top_bytes(root, M_TOP, "\x01", 1, 1000);
	pv_top_bytes(root, M_TOP, "\\001", 4, 999);
	pv_prom_free(p);
	p = prom(NULL);
	assert_int_equal(pv_prom_bucket(p, b, NULL, 0), 0);
	assert_int_equal(pv_prom_dropped(p, PV_PROM_DUPLICATE), 1);
	free(text_of(p));
	pv_bucket_free(b);
}

static void conflicts(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool fits;
	} cases[] = {
	    {"test_times", false},
	    {"test_times_sum", false},
	    {"test_times_count", false},
	    {"test_times_bucket", false},
	    {"test_times_total", true},
	    {"test_ratio", false},
	    {"test_ratio_sum", false},
	    {"test_ratio_count", false},
	    {"test_ratio_bucket", true},
	    {"test_packets_total_count", true},
	    {"pktvisor_exposition_dropped_samples", false},
	};
	struct pv_bucket *b = bucket_part(0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_prom_metric m = {cases[i].name, PV_PROM_GAUGE, "takes a name"};
		static const struct pv_label l[] = {{"a", "b"}};
		for (int first = 0; first < 2; first++) {
			struct pv_prom *p = prom(NULL);
			if (first)
				assert_int_equal(pv_prom_u64(p, &m, l, 1, 1), 0);
			assert_int_equal(pv_prom_bucket(p, b, policy, 1), 0);
			if (!first)
				assert_int_equal(pv_prom_u64(p, &m, l, 1, 1), 0);
			if ((pv_prom_dropped(p, PV_PROM_CONFLICT) == 0) != cases[i].fits)
				fail_msg("%s, first: %d", cases[i].name, first);
			free(text_of(p));
		}
	}
	/* the same name with another type */
	static const struct pv_prom_metric gauge = {"x_total", PV_PROM_GAUGE, "g"},
					   counter = {"x_total", PV_PROM_COUNTER, "c"};
	struct pv_prom *p = prom(NULL);
	assert_int_equal(pv_prom_u64(p, &counter, NULL, 0, 1), 0);
	assert_int_equal(pv_prom_u64(p, &gauge, policy, 1, 1), 0);
	assert_int_equal(pv_prom_dropped(p, PV_PROM_CONFLICT), 1);
	char *text = text_of(p);
	starts(text, "# HELP x_total c\n# TYPE x_total counter\nx_total{} 1\n# HELP pk");
	free(text);
	pv_bucket_free(b);
}

/* Any bytes at all in every place that takes some. */
static void rubbish(void **state)
{
	(void)state;
	uint64_t at = 1;
	for (unsigned round = 0; round < 300; round++) {
		struct pv_bucket *b = bucket();
		struct pv_block *root = pv_bucket_root(b);
		char bytes[6][40];
		for (unsigned i = 0; i < 6; i++) {
			size_t n = 1 + (round + i) % 38;
			for (size_t k = 0; k < n; k++) {
				at = at * 6364136223846793005u + 1442695040888963407u;
				bytes[i][k] = round % 3 ? "\\\"\n\xc3\xa4\t\xff{},=a "[at >> 60 & 13]
							: (char)(1 + (at >> 40) % 255);
			}
			bytes[i][n] = 0;
		}
		pv_top_bytes(root, M_TOP, bytes[0], strlen(bytes[0]), 1);
		pv_top_bytes(root, M_TOP_GEO, bytes[1], strlen(bytes[1]), 1);
		struct pv_block *dev = pv_bucket_block(b, root, S_DEVICE, bytes[2]);
		pv_histogram_u64(pv_bucket_block(b, dev, S_INTERFACE, bytes[3]), M_IF_HISTOGRAM, at);
		struct pv_label l = {"policy", bytes[4]};
		struct pv_prom_conf conf = {.instance = bytes[5], .own = &l, .nown = 1};
		struct pv_prom *p = prom(&conf);
		assert_int_equal(pv_prom_bucket(p, b, &l, 1), 0);
		free(text_of(p));
		pv_bucket_free(b);
	}
}

/* Values are cut between characters: of an odd number of bytes before those of two, one more would be too
 * long. */
static void long_values(void **state)
{
	(void)state;
	static const struct pv_prom_metric m = {"x", PV_PROM_GAUGE, "long"};
	static const char *const before[] = {"", "a", "\xff"}; /* the last one takes four */
	static char bytes[3 * PV_LABEL_VALUE];
	for (size_t k = 0; k < 3; k++) {
		struct pv_label l = {"l", bytes};
		struct pv_prom *p = prom(NULL);
		size_t n = strlen(before[k]), odd = k == 1;
		memcpy(bytes, before[k], n);
		for (; n + 2 < sizeof bytes; n += 2)
			memcpy(bytes + n, "\xc3\xa4", 3);
		assert_int_equal(pv_prom_u64(p, &m, &l, 1, 1), 0);
		char *text = text_of(p);
		const char *value = strstr(text, "l=\"") + 3;
		/* an escaped backslash is one byte of the value */
		assert_int_equal(strcspn(value, "\""), PV_LABEL_VALUE - odd + (k == 2));
		free(text);
	}
}

/* More families and samples than any table begins with, given in turns. */
static void many(void **state)
{
	(void)state;
	struct pv_prom *p = prom(NULL);
	char name[16], number[16];
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 12; i++)
			for (unsigned k = 0; k < 300; k++) {
				snprintf(name, sizeof name, "family_%u", k);
				snprintf(number, sizeof number, "%u", i);
				const struct pv_prom_metric m = {name, PV_PROM_GAUGE, "one of many"};
				const struct pv_label l = {"number", number};
				assert_int_equal(pv_prom_u64(p, &m, &l, 1, i), 0);
			}
	assert_int_equal(pv_prom_dropped(p, PV_PROM_DUPLICATE), 12 * 300);
	char *text = text_of(p);
	assert_int_equal(count_lines(text, "# TYPE family_"), 300);
	assert_int_equal(count_lines(text, "family_"), 12 * 300);
	has(text, "\nfamily_299{number=\"11\"} 11\n");
	free(text);
}

/* ---- the tables there are ----------------------------------------------------------------------------- */

/* Something in every cell of a bucket, below every scope. */
static void fill(struct pv_block *k)
{
	struct pv_bucket *b = k->bucket;
	for (unsigned m = 0; m < b->handler->nmetrics; m++) {
		const struct pv_metric *row = &b->handler->metrics[m];
		if (row->scope != k->scope)
			continue;
		switch (row->kind) {
		case PV_COUNTER:
			pv_count(k, m, 1);
			break;
		case PV_DISTINCT:
			pv_distinct_u64(k, m, 1);
			break;
		case PV_TOPN:
			if (row->integer)
				pv_top_u64(k, m, 1, 1);
			else
				pv_top_bytes(k, m, "0123456789abcdef", 16, 1);
			break;
		case PV_QUANTILES:
			pv_quantile_u64(k, m, 1);
			break;
		case PV_HISTOGRAM:
			pv_histogram_u64(k, m, 1);
			break;
		case PV_GAUGE:
			pv_gauge_set(k, m, SEC, 1);
			break;
		case PV_MINIMUM:
			pv_minimum(k, m, 1);
			break;
		case PV_MAXIMUM:
			pv_maximum(k, m, 1);
			break;
		case PV_TALLY:
			pv_tally(k, m, "0123456789abcdef", 16, (const uint64_t[PV_TALLY_COLUMNS]){1, 1, 1, 1, 1, 1});
			break;
		default:
			pv_rate_events(k, m, 1);
		}
	}
	for (uint8_t s = 1; s < b->handler->nscopes; s++)
		if (b->handler->scopes[s].parent == k->scope)
			fill(pv_bucket_block(b, k, s, "key"));
}

static void registry(void **state)
{
	(void)state;
	struct pv_prom *p = prom(NULL);
	size_t rows = 0, len, n;
	for (size_t i = 0; pv_handlers[i]; i++) {
		const struct pv_handler *h = pv_handlers[i];
		const struct pv_bucket_conf conf = {.groups = UINT32_MAX, .topn = 10};
		struct pv_bucket *b = pv_bucket_new(h, &conf);
		char name[64];
		assert_non_null(b);
		b->start_ns = SEC;
		b->end_ns = 2 * SEC;
		fill(pv_bucket_root(b));
		/* a handler of another version lives beside this one under a name of its own */
		snprintf(name, sizeof name, "%s:%s", h->type, h->version);
		const struct pv_label l[] = {{"policy", "p"}, {"handler", name}, {"tap", "t"}};
		assert_int_equal(pv_prom_bucket(p, b, l, 3), 0);
		if (pv_prom_dropped(p, PV_PROM_CONFLICT))
			fail_msg("%s has a name of another table with another type", name);
		assert_int_equal(pv_prom_dropped(p, PV_PROM_DUPLICATE), 0);
		pv_bucket_free(b);
		rows += h->nmetrics;
	}
	char *text = pv_prom_text(p, &len);
	const char *why = prom_invalid(text, len, &n);
	if (why)
		fail_msg("%s", why);
	assert_true(n > rows);
	free(text);
	pv_prom_free(p);
}

/* Labels of scopes and items do not hide those that servers give, and fit in. */
static void registry_labels(void **state)
{
	(void)state;
	static const char *const taken[] = {"policy", "handler", "tap", "instance", "quantile",
					    "le",     "job",	 "lat", "lon"};
	for (size_t i = 0; pv_handlers[i]; i++) {
		const struct pv_handler *h = pv_handlers[i];
		for (size_t t = 0; t < sizeof taken / sizeof taken[0]; t++) {
			for (size_t s = 1; s < h->nscopes; s++)
				assert_string_not_equal(h->scopes[s].label, taken[t]);
			for (size_t r = 0; r < h->nmetrics; r++)
				if (h->metrics[r].label)
					assert_string_not_equal(h->metrics[r].label, taken[t]);
		}
		for (size_t r = 0; r < h->nmetrics; r++)
			for (unsigned s = h->metrics[r].scope, depth = 0; s; s = h->scopes[s].parent) {
				assert_true(++depth <= 4);
				if (h->metrics[r].label)
					assert_string_not_equal(h->metrics[r].label, h->scopes[s].label);
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing),
	    cmocka_unit_test(labels),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(help),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(families),
	    cmocka_unit_test(one_name),
	    cmocka_unit_test(summaries),
	    cmocka_unit_test(silent),
	    cmocka_unit_test(histograms),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(twice),
	    cmocka_unit_test(conflicts),
	    cmocka_unit_test(rubbish),
	    cmocka_unit_test(long_values),
	    cmocka_unit_test(many),
	    cmocka_unit_test(registry),
	    cmocka_unit_test(registry_labels),
	};
	return cmocka_run_group_tests_name("prom", tests, NULL, NULL);
}
