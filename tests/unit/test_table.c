/* SPDX-License-Identifier: MPL-2.0 */
/* The table for a person: what it shows of a window, and that nothing in a window can spoil a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/utf8.h"
#include "metric/table.h"

/* To be freed. */
static char *table(const char *json, unsigned width)
{
	json_error_t e;
	json_t *j = json_loads(json, 0, &e);
	if (!j)
		fail_msg("test input: %s at %d", e.text, e.position);
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	assert_int_equal(pv_table_print(j, NULL, f, width), 0);
	fclose(f);
	json_decref(j);
	return text;
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

#define PERIOD "\"period\":{\"start_ts\":1614874231,\"length\":31}"

/* ---- units: from the rows of a handler ------------------------------------------------------------- */

static const struct pv_metric unit_rows[] = {
	{.id = 1, .kind = PV_QUANTILES, .path = "t_us", .unit = "us"},
	{.id = 2, .kind = PV_RATE, .path = "rates.bps", .unit = "bits/s"},
	{.id = 3, .kind = PV_QUANTILES, .path = "ratio", .unit = "1"},
	{.id = 4, .kind = PV_TOPN, .path = "top_big", .unit = "bytes"},
};
static const struct pv_handler unit_handler = {
	.type = "u", .version = "1.0", .schema = "u", .metrics = unit_rows, .nmetrics = 4};

static void test_units(void **state)
{
	static const struct pv_handler *const handlers[] = {&unit_handler, NULL};
	static const char input[] =
		"{\"5m\":{\"u_2\":{" PERIOD ",\"in\":{\"t_us\":{\"p50\":96,\"p90\":1500,\"p95\":31784,\"p99\":1360058}},"
		"\"rates\":{\"bps\":{\"p50\":1,\"p90\":2,\"p95\":3,\"p99\":4}},"
		"\"ratio\":{\"p50\":0.5,\"p90\":0.5,\"p95\":0.5,\"p99\":0.5},\"top_big\":[{\"estimate\":9,\"name\":\"n\"}]}}}";
	static const char expected[] = "── u_2 ──────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
				       "                        p50     p90     p95     p99\n"
				       "  in.t       ms       0.096    1.50    31.8   1,360\n"
				       "  rates.bps  bits/s       1       2       3       4\n"
				       "  ratio                0.50    0.50    0.50    0.50\n"
				       "\n"
				       "  top_big  bytes\n"
				       "  n            9\n";
	(void)state;
	json_t *j = json_loads(input, 0, NULL);
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	assert_int_equal(pv_table_print(j, handlers, f, 60), 0);
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
	json_decref(j);
}

/* ---- exactly ------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *input;
	unsigned width;
	const char *expected;
} exact[] = {
	{"a window without schemas", "{\"5m\":{}}", 60, "No analyser announced itself, or all metric groups are off.\n"},
	{"a silent analyser is one line",
	 "{\"5m\":{\"dns\":{" PERIOD ",\"w\":{\"total\":0,\"udp\":0},\"q\":{\"p50\":0,\"p99\":0},\"top_x\":[]}}}", 60,
	 "── dns ──────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "  nothing seen\n"},
	{"counters stand in columns, ungrouped ones first, a group of zeros is short",
	 "{\"5m\":{\"x\":{" PERIOD ",\"g\":{\"total\":1234567,\"udp\":12,\"tcp\":0},\"z\":{\"a\":0,\"b\":0},\"own\":5}}}", 60,
	 "── x ────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "     own            5\n"
	 "  g  total  1,234,567   udp           12   tcp            0\n"
	 "  z  all 0\n"},
	{"what is deep inside has a line for its name, and numbers below",
	 "{\"5m\":{\"x\":{" PERIOD ",\"devs\":{\"192.0.2.1\":{\"seen\":3,\"ifs\":{\"10.0\":{\"in\":1,\"out\":2}}}},\"g\":{\"a\":7}}}}", 60,
	 "── x ────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "  devs  192.0.2.1.seen  3\n"
	 "  devs.192.0.2.1.ifs.10.0\n"
	 "        in              1   out             2\n"
	 "  g     a               7\n"},
	{"quantiles and rates share a table; live only where it is; those of zeros are named",
	 "{\"1m\":{\"x\":{" PERIOD ",\"t_us\":{\"p50\":31784,\"p90\":41940,\"p95\":65768,\"p99\":1360058},"
	 "\"r\":{\"p50\":1,\"p90\":2,\"p95\":3,\"p99\":4,\"live\":7},\"f\":{\"p50\":0.004,\"p90\":2.5,\"p95\":150.7,\"p99\":0.0},"
	 "\"none\":{\"p50\":0,\"p90\":0,\"p95\":0,\"p99\":0,\"live\":0}}}}", 60,
	 "── x ────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "           p50     p90     p95        p99    live\n"
	 "  t_us  31,784  41,940  65,768  1,360,058       -\n"
	 "  r          1       2       3          4       7\n"
	 "  f      0.004    2.50     151          0       -\n"
	 "  all 0: none\n"},
	{"rows with several sums have columns, as many as fit, and shares of all rows; a name gives way",
	 "{\"5m\":{\"x\":{" PERIOD ",\"top\":["
	 "{\"estimate\":7500,\"name\":\"TCP 192.0.2.1:53 <-> 198.51.100.200:40000\",\"bps\":12345678,\"bytes\":7500,\"packets\":5},"
	 "{\"estimate\":2500,\"name\":\"other\",\"bps\":9,\"bytes\":2500,\"packets\":1000000000}]}}}", 60,
	 "── x ────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "\n"
	 "  top                                    share    bps  bytes\n"
	 "  TCP 192.0.2.1:53 <-> 198.5…200:40000   75.0%  12.3M  7,500\n"
	 "  other                                  25.0%      9  2,500\n"},
	{"sums that are beyond every number are still shares",
	 "{\"5m\":{\"x\":{" PERIOD ",\"top\":["
	 "{\"estimate\":9223372036854775807,\"name\":\"a\",\"bytes\":9223372036854775807},"
	 "{\"estimate\":9223372036854775807,\"name\":\"b\",\"bytes\":9223372036854775807}],"
	 "\"h\":{\"buckets\":{\"10\":1.8446744073709552e19,\"+Inf\":1.8446744073709552e19}}}}}", 80,
	 "── x ────────────────────────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "\n"
	 "  top   share  bytes\n"
	 "  a    100.0%  9.22E\n"
	 "  b    100.0%  9.22E\n"
	 "\n"
	 "  h  9,223,372,036,854,775,807 values\n"
	 "  ≤    10  9,223,372,036,854,775,807 100.0%  █████████████████████████████████\n"},
	{"rows with several sums stand before everything else, which begins with a line between",
	 "{\"5m\":{\"x\":{" PERIOD ",\"total\":3,\"r\":{\"p50\":2},\"top\":[{\"estimate\":1,\"name\":\"a\",\"bytes\":1}]}}}", 60,
	 "── x ────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "\n"
	 "  top   share  bytes\n"
	 "  a    100.0%      1\n"
	 "\n"
	 "  total  3\n"
	 "\n"
	 "        p50\n"
	 "  r       2\n"},
	{"also where there are no counters",
	 "{\"5m\":{\"x\":{" PERIOD ",\"r\":{\"p50\":2},\"top\":[{\"estimate\":1,\"name\":\"a\",\"bytes\":1}]}}}", 60,
	 "── x ────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "\n"
	 "  top   share  bytes\n"
	 "  a    100.0%      1\n"
	 "\n"
	 "        p50\n"
	 "  r       2\n"},
	{"where there is no room for quantiles their units and the middle ones give way",
	 "{\"1m\":{\"x\":{" PERIOD ",\"rates.of.some.length\":{\"p50\":1234567890123,\"p90\":1234567890123,\"p95\":1234567890123,"
	 "\"p99\":1}}}}", 40,
	 "── x ── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "                               p50   p99\n"
	 "  rates.of.som…  1,234,567,890,123     1\n"},
	{"a share is of the counter that is named like the list, also of bytes",
	 "{\"5m\":{\"x\":{" PERIOD ",\"total\":9999,\"in_bytes\":400,\"in_udp_bytes\":300,\"out_bytes\":200,"
	 "\"top_in_src_ips_bytes\":[{\"estimate\":100,\"name\":\"a\"}],\"top_in_udp_ports_bytes\":[{\"estimate\":150,\"name\":\"b\"}]}}}", 100,
	 "── x ────────────────────────────────────────────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "  total         9,999   in_bytes        400   in_udp_bytes    300   out_bytes       200\n"
	 "\n"
	 "  top_in_src_ips_bytes  count  of in_bytes   top_in_udp_ports_bytes  count  of in_udp_bytes\n"
	 "  a                       100        25.0%   b                         150            50.0%\n"},
	{"lists that are deep inside stand below one line with the name of where they are",
	 "{\"5m\":{\"x\":{" PERIOD ",\"devs\":{\"192.0.2.1\":{\"ifs\":{"
	 "\"10\":{\"top_a\":[{\"estimate\":1,\"name\":\"p\"}],\"top_b\":[{\"estimate\":2,\"name\":\"q\"}]},"
	 "\"11\":{\"top_a\":[{\"estimate\":3,\"name\":\"r\"}]}}}}}}}", 60,
	 "── x ────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "\n"
	 "  devs.192.0.2.1.ifs.10\n"
	 "\n"
	 "  top_a  count   top_b  count\n"
	 "  p          1   q          2\n"
	 "\n"
	 "  devs.192.0.2.1.ifs.11\n"
	 "\n"
	 "  top_a  count\n"
	 "  r          3\n"},
	{"lists stand side by side, with shares of the total one level down; empty ones are named",
	 "{\"5m\":{\"x\":{" PERIOD ",\"w\":{\"total\":200},\"top_a\":[{\"estimate\":150,\"name\":\"one\"},{\"estimate\":50,\"name\":\"two\"}],"
	 "\"top_b\":[{\"estimate\":199,\"name\":\"\"}],\"top_c\":[],\"top_d\":[]}}}", 60,
	 "── x ────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "  w  total  200\n"
	 "\n"
	 "  top_a  count  of total   top_b    count  of total\n"
	 "  one      150     75.0%   (empty)    199     99.5%\n"
	 "  two       50     25.0%\n"
	 "\n"
	 "  empty: top_c, top_d\n"},
	{"a histogram is bars of the values between its bounds",
	 "{\"5m\":{\"x\":{" PERIOD ",\"h\":{\"buckets\":{\"+Inf\":10.0,\"10\":1.0,\"100\":5.0,\"2000\":9.0}}}}}", 60,
	 "── x ────────────────────── 2021-03-04 16:10:31 UTC, 31 s ──\n"
	 "\n"
	 "  h  10 values\n"
	 "  ≤     10   1  10.0%  ████████▊\n"
	 "  ≤    100   4  40.0%  ███████████████████████████████████\n"
	 "  ≤  2,000   4  40.0%  ███████████████████████████████████\n"
	 "      more   1  10.0%  ████████▊\n"},
	{"each schema has its heading; long periods are in minutes and hours",
	 "{\"5m\":{\"a\":{\"period\":{\"start_ts\":0,\"length\":300},\"n\":1},\"b\":{\"period\":{\"start_ts\":60,\"length\":7261},\"n\":2}}}", 60,
	 "── a ─────────────────────────── no time known, 5 min 0 s ──\n"
	 "  n  1\n"
	 "\n"
	 "── b ───────────────── 1970-01-01 00:01:00 UTC, 2 h 1 min ──\n"
	 "  n  2\n"},
};

static void test_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
		char *text = table(exact[i].input, exact[i].width);
		if (strcmp(text, exact[i].expected))
			fail_msg("%s: got\n%s\nwanted\n%s", exact[i].name, text, exact[i].expected);
		free(text);
	}
}

/* ---- shares -------------------------------------------------------------------------------------- */

#define ROW "[{\"estimate\":25,\"name\":\"n\"}]"

static const struct {
	const char *name, *schema, *shown, *hidden;
} shares[] = {
	{"total beside the list", "\"total\":100,\"top\":" ROW, "25.0%", NULL},
	{"the nearest total wins", "\"total\":1000,\"in\":{\"total\":50,\"top_slow\":" ROW "}", "50.0%", "2.5%"},
	{"a total further out is found", "\"w\":{\"total\":100},\"xact\":{\"in\":{\"top_slow\":" ROW "}}", "25.0%", NULL},
	{"events when there is no total", "\"events\":50,\"top\":" ROW, "of events", "of total"},
	{"total before nearer events", "\"total\":100,\"in\":{\"events\":50,\"top\":" ROW "}", "of total", "of events"},
	{"no counter, no share", "\"other\":100,\"top\":" ROW, "25", "%"},
	{"bytes are not parts of a number of messages", "\"total\":100,\"top_by_bytes\":" ROW, "25", "%"},
	{"a row above the total is no part of it", "\"total\":24,\"top\":" ROW, "25", "%"},
	{"a small share is not shown as 0", "\"total\":1000000,\"top\":" ROW, "<0.1%", " 0.0%"},
	{"quantiles called total are no total", "\"total\":{\"p50\":1,\"p90\":1,\"p95\":1,\"p99\":1},\"top\":" ROW, "25", "%"},
};

static void test_shares(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
		char json[512];
		snprintf(json, sizeof json, "{\"5m\":{\"s\":{" PERIOD ",%s}}}", shares[i].schema);
		char *text = table(json, 80);
		if (!has(text, shares[i].shown) || (shares[i].hidden && has(text, shares[i].hidden)))
			fail_msg("%s: got\n%s", shares[i].name, text);
		free(text);
	}
}

/* ---- names --------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *item, *shown;
} names[] = {
	{"an escape sequence is shown, not obeyed", "a\\u001b[31mred", "a\\027[31mred  "},
	{"a line feed does not break the row", "a\\nb", "a\\010b  "},
	{"C1 controls are controls", "a\\u009bb", "a\\194\\155b  "},
	{"text direction stays ours", "a\\u202eb", "a\\226\\128\\174b  "},
	{"DEL", "a\\u007fb", "a\\127b  "},
	{"letters of other scripts stay", "b\\u00fccher", "bücher  "},
	{"wide characters take two columns", "\\u4f8b\\u3048", "例え   "}, /* four wide, beside "top_n" of five */
	{"marks take none", "e\\u0301", "e\xcc\x81      "},
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char json[512];
		snprintf(json, sizeof json, "{\"5m\":{\"s\":{" PERIOD ",\"top_n\":[{\"estimate\":1,\"name\":\"%s\"}]}}}",
			 names[i].item);
		char *text = table(json, 80);
		if (!has(text, names[i].shown))
			fail_msg("%s: got\n%s", names[i].name, text);
		free(text);
	}
}

static void test_long_name_is_cut(void **state)
{
	(void)state;
	char name[1001] = "", json[1200];
	memset(name, 'x', 1000);
	snprintf(json, sizeof json, "{\"5m\":{\"s\":{\"total\":9,\"top_n\":[{\"estimate\":9,\"name\":\"%s\"}]}}}", name);
	char *text = table(json, 60);
	/* 60 columns less the margin, two numbers and the gaps between: 41, of which the last is the ellipsis */
	char want[120];
	snprintf(want, sizeof want, "  %.*s\u2026      9    100.0%%\n", 40, name);
	if (!has(text, want))
		fail_msg("got\n%s", text);
	free(text);
}

/* ---- at every width ------------------------------------------------------------------------------ */

static const char crowded[] =
	"{\"5m\":{\"packets\":{" PERIOD ",\"total\":123456789,\"in\":1,\"a_rather_long_counter_name_indeed\":12,"
	"\"protocol\":{\"tcp\":{\"syn\":2846},\"deeper\":{\"and\":{\"deeper\":{\"still\":1}}}},"
	"\"devices\":{\"192.0.2.1\":{\"bytes\":1,\"packets\":2},\"2001:db8::1\":{\"bytes\":3,\"packets\":4}},"
	"\"rates\":{\"pps_total\":{\"p50\":521,\"p90\":530,\"p95\":531,\"p99\":540,\"live\":3},"
	"\"pps_in\":{\"p50\":0,\"p90\":0,\"p95\":0,\"p99\":0}},"
	"\"xact\":{\"out\":{\"histogram_us\":{\"buckets\":{\"1\":1.0,\"2\":2.0,\"3\":3.0,\"4\":4.0,\"5\":5.0,\"6\":6.0,\"7\":7.0,"
	"\"8\":8.0,\"10\":9.0,\"20\":10.0,\"30\":11.0,\"40\":12.0,\"50\":13.0,\"+Inf\":13.0}}}},"
	"\"top_ipv4\":[{\"estimate\":16147,\"name\":\"192.0.2.1\"},{\"estimate\":5,\"name\":\"192.0.2.2\"}],"
	"\"top_ipv6\":[{\"estimate\":1,\"name\":\"2001:db8:1234:5678:9abc:def0:1234:5678\"}],"
	"\"top_names\":[{\"estimate\":7,\"name\":\"a.very.long.name.that.goes.on.and.on.and.on.and.on.example.com\"},"
	"{\"estimate\":6,\"name\":\"\\u4f8b\\u3048.\\u30c6\\u30b9\\u30c8\\u001b[2J\"}],"
	"\"top_port\":[{\"estimate\":3,\"name\":53}],\"top_empty_one\":[],\"top_empty_two\":[],\"top_empty_three\":[]},"
	"\"a_schema_with_a_very_long_name_that_needs_room\":{" PERIOD ",\"n\":1}}}";

static unsigned columns(const char *line, size_t n)
{
	unsigned w = 0;
	for (size_t i = 0; i < n;) {
		size_t len = pv_utf8_len((const unsigned char *)line + i, n - i);
		assert_true(len > 0);
		unsigned char c = (unsigned char)line[i];
		w += len == 3 && c >= 0xe3 && c <= 0xe9 ? 2 : 1; /* U+3000..U+9FFF: what the input has of wide ones */
		i += len;
	}
	return w;
}

static void test_every_width(void **state)
{
	(void)state;
	for (unsigned width = 40; width <= 260; width++) {
		char *text = table(crowded, width);
		for (char *line = text, *end; *line; line = end + 1) {
			end = strchr(line, '\n');
			assert_non_null(end);
			size_t n = (size_t)(end - line);
			if (columns(line, n) > width)
				fail_msg("width %u: %.*s", width, (int)n, line);
			if (n && line[n - 1] == ' ')
				fail_msg("width %u: blank at the end of %.*s|", width, (int)n, line);
			for (size_t i = 0; i < n; i++)
				if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
					fail_msg("width %u: control byte %u", width, (unsigned)(unsigned char)line[i]);
		}
		assert_true(has(text, "123,456,789"));
		assert_true(has(text, "13 values"));
		assert_true(has(text, "192.0.2.1"));
		free(text);
	}
	char *narrow = table(crowded, 1), *least = table(crowded, 40);
	assert_string_equal(narrow, least);
	free(narrow);
	free(least);
}

static void test_histogram_lines_are_few_and_complete(void **state)
{
	(void)state;
	char json[16384];
	int at = snprintf(json, sizeof json, "{\"5m\":{\"s\":{\"h\":{\"buckets\":{");
	for (int i = 1; i <= 315; i++)
		at += snprintf(json + at, sizeof json - (size_t)at, "\"%d\":%d.0,", i, 2 * i);
	snprintf(json + at, sizeof json - (size_t)at, "\"+Inf\":630.0}}}}}");
	char *text = table(json, 80);
	unsigned lines = 0, sum = 0;
	for (char *p = text; (p = strstr(p, "≤")); p++, lines++) {
		unsigned bound, count;
		assert_int_equal(sscanf(p, "≤ %u %u", &bound, &count), 2);
		sum += count;
		if (sum != 2 * bound)
			fail_msg("up to %u there are %u:\n%s", bound, sum, text);
	}
	assert_int_equal(sum, 630);
	assert_in_range(lines, 5, 12);
	free(text);
}

/* ---- the rest ------------------------------------------------------------------------------------ */

static void test_odd_shapes(void **state)
{
	(void)state;
	/* what no bucket of ours contains must not hurt either */
	static const char *const odd[] = {
		"{}", "[]", "{\"5m\":[]}", "{\"5m\":{\"x\":3}}", "{\"5m\":{\"x\":{\"period\":7,\"n\":1}}}",
		"{\"5m\":{\"x\":{\"t\":[1,\"a\",null,{\"name\":{}}],\"s\":\"text\",\"b\":true,\"h\":{\"buckets\":{}}}}}",
		"{\"5m\":{\"x\":{\"h\":{\"buckets\":{\"q\":\"z\"}},\"big\":9223372036854775807,\"neg\":-9223372036854775807}}}",
	};
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
		free(table(odd[i], 80));
	char *text = table(odd[6], 80);
	assert_true(has(text, "9,223,372,036,854,775,807"));
	assert_true(has(text, "-9,223,372,036,854,775,807"));
	free(text);
}

static void test_write_error(void **state)
{
	(void)state;
	FILE *f = fopen("/dev/full", "w");
	if (!f)
		skip();
	setvbuf(f, NULL, _IONBF, 0);
	json_t *j = json_loads("{\"5m\":{\"x\":{\"n\":1}}}", 0, NULL);
	assert_int_equal(pv_table_print(j, NULL, f, 80), -1);
	json_decref(j);
	fclose(f);
}

static void test_width(void **state)
{
	(void)state;
	int fd[2];
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(pv_table_width(fd[1]), 100);
	close(fd[0]);
	close(fd[1]);
	assert_int_equal(pv_table_width(-1), 100);
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master))
		skip();
	int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(tty >= 0);
	struct winsize ws = {.ws_row = 24, .ws_col = 133};
	assert_int_equal(ioctl(tty, TIOCSWINSZ, &ws), 0);
	assert_int_equal(pv_table_width(tty), 133);
	ws.ws_col = 0; /* a serial line: the size is not known */
	assert_int_equal(ioctl(tty, TIOCSWINSZ, &ws), 0);
	assert_int_equal(pv_table_width(tty), 100);
	close(tty);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact), cmocka_unit_test(test_units),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_name_is_cut),
		cmocka_unit_test(test_every_width),
		cmocka_unit_test(test_histogram_lines_are_few_and_complete),
		cmocka_unit_test(test_odd_shapes),
		cmocka_unit_test(test_write_error),
		cmocka_unit_test(test_width),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
