/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/options.h"
#include "base/utf8.h"

struct conf {
	bool flag, on;
	const char *text;
	uint64_t n, wait_ns, size;
	struct pv_opt_list list;
	char key[64];
	size_t key_count;
};

static const struct pv_key keys[] = {
	{"only_qname_suffix", PV_KEY_LIST, "NAME,...", "names"},
	{"only_queries", PV_KEY_BOOL, NULL, "queries"},
	{"answer_count", PV_KEY_UINT, "N", "answers"},
};

static int set(void *c, const struct pv_key *k, const struct pv_value *v, char *err, size_t cap)
{
	struct conf *conf = c;
	if (k == &keys[2] && v->type != PV_KEY_UINT) {
		snprintf(err, cap, "wrong value");
		return -1;
	}
	snprintf(conf->key, sizeof conf->key, "%s", k->name);
	conf->key_count = v->type == PV_KEY_LIST ? v->count : v->number;
	return 0;
}

static enum pv_options_result parse(struct conf *c, const char *line, const char **ops, size_t *nops, char *err)
{
	static char words[20][64];
	char *argv[21] = {words[0]};
	int argc = 1;
	snprintf(words[0], sizeof words[0], "prog");
	for (const char *p = line; *p;) {
		size_t n = strcspn(p, " ");
		snprintf(words[argc], sizeof words[argc], "%.*s", (int)n, p);
		argv[argc] = words[argc];
		argc++;
		p += n + (p[n] == ' ');
	}
	const struct pv_opt opts[] = {
		{'f', "flag", PV_OPT_FLAG, &c->flag, NULL, "a flag", 0, 0},
		{0, "no-on", PV_OPT_NOFLAG, &c->on, NULL, "a flag off", 0, 0},
		{'t', "text", PV_OPT_STRING, &c->text, "TEXT", "a text", 1, 40},
		{'n', "number", PV_OPT_UINT, &c->n, "N", "a number", 1, 10},
		{'w', "wait", PV_OPT_DURATION, &c->wait_ns, "T", "a time", 0, 0},
		{0, "size", PV_OPT_SIZE, &c->size, "S", "a size", 1000, UINT64_C(1) << 32},
		{0, "list", PV_OPT_LIST, &c->list, "L", "a list", 0, 0},
	};
	const struct pv_opt_keys sets[] = {{"Keys", keys, 3, set, c, NULL, 0}};
	const struct pv_program prog = {.name = "prog", .opts = opts, .nopts = 7, .keys = sets, .nkeys = 1, .operands_max = 2};
	return pv_options_parse(&prog, argc, argv, ops, nops, err, 200);
}

static void takes_what_is_right(void **state)
{
	(void)state;
	struct conf c = {.on = true};
	const char *ops[2];
	size_t n = 0;
	char err[200] = "";
	assert_int_equal(parse(&c, "-fn 3 a --text=x=y --wait 1.5s --size 4K -- -b", ops, &n, err), PV_OPTIONS_RUN);
	assert_true(c.flag);
	assert_int_equal(c.n, 3);
	assert_string_equal(c.text, "x=y");
	assert_int_equal(c.wait_ns, 1500000000);
	assert_int_equal(c.size, 4096);
	assert_int_equal(n, 2);
	assert_string_equal(ops[0], "a");
	assert_string_equal(ops[1], "-b");
	memset(&c, 0, sizeof c);
	c.on = true;
	assert_int_equal(parse(&c, "--no-o --list a,b --list c --only-qname a,b,c --tex q", ops, &n, err), PV_OPTIONS_RUN);
	assert_false(c.on);
	assert_int_equal(c.list.count, 3);
	assert_string_equal(c.list.item[2], "c");
	assert_string_equal(c.key, "only_qname_suffix");
	assert_int_equal(c.key_count, 3);
	pv_opt_list_free(&c.list);
	assert_int_equal(parse(&c, "-n 99 --help", ops, &n, err), PV_OPTIONS_HELP);
	assert_int_equal(parse(&c, "--version", ops, &n, err), PV_OPTIONS_VERSION);
	assert_int_equal(parse(&c, "--vers", ops, &n, err), PV_OPTIONS_VERSION);
	assert_int_equal(parse(&c, "--hel", ops, &n, err), PV_OPTIONS_HELP);
	assert_int_equal(parse(&c, "--versions", ops, &n, err), PV_OPTIONS_BAD);
	assert_int_equal(parse(&c, "--nope --help-mdoc", ops, &n, err), PV_OPTIONS_MDOC);
	assert_int_equal(parse(&c, "--nope --help-rows", ops, &n, err), PV_OPTIONS_ROWS);
}

static void refuses_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *line, *err;
	} cases[] = {
		{"--nope", "unknown option '--nope'"},
		{"-x", "unknown option '-x'"},
		{"--", NULL},
		{"-n 11", "-n: 11 is not between 1 and 10"},
		{"-n -3", "-n: not a number: '-3'"},
		{"-n 18446744073709551616", "-n: not a number: '18446744073709551616'"},
		{"--number", "--number requires an argument"},
		{"--flag=1", "--flag takes no argument"},
		{"-f --flag", "--flag is given twice"},
		{"--only", "'--only' is not a unique prefix: --only-qname-suffix, --only-queries"},
		{"--answer-count x", "--answer-count: wrong value"},
		{"a b c", "unexpected argument 'c'"},
		{"--wait 5x", "--wait: not a duration: '5x' (examples: 250ms, 10s, 2m, 1h)"},
		{"--wait .", "--wait: not a duration: '.' (examples: 250ms, 10s, 2m, 1h)"},
		{"--size 1T", "--size: not a size: '1T' (examples: 65536, 64K, 16M)"},
		{"--size 5G", "--size: 5G is not between 1000 and 4G"},
		{"--size 999", "--size: 999 is not between 1000 and 4G"},
		{"--text=", "--text: wants 1 to 40 bytes"},
		{"-t xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "-t: wants 1 to 40 bytes"},
		{"--list=", "--list: there is nothing in the list"},
		{"--list ,,", "--list: there is nothing in the list"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct conf c = {.on = true};
		const char *ops[2];
		size_t n;
		char err[200] = "";
		enum pv_options_result r = parse(&c, cases[i].line, ops, &n, err);
		assert_int_equal(r, cases[i].err ? PV_OPTIONS_BAD : PV_OPTIONS_RUN);
		if (cases[i].err)
			assert_string_equal(err, cases[i].err);
	}
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {{"1", 1000000000}, {"250ms", 250000000}, {"2m", 120000000000}, {"1h", 3600000000000},
		    {"0.5", 500000000}, {"1d", 86400000000000}, {"7us", 7000}, {"0", 0}};
	uint64_t out;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(pv_parse_duration(good[i].text, &out));
		assert_int_equal(out, good[i].ns);
	}
	assert_false(pv_parse_duration("", &out));
	assert_false(pv_parse_duration("s", &out));
	assert_false(pv_parse_duration("-1s", &out));
	assert_false(pv_parse_duration("99999999999999999999s", &out));

	static const struct {
		const char *text;
		uint64_t bytes;
	} sizes[] = {{"65536", 65536}, {"2k", 2048}, {"2K", 2048}, {"3m", 3 << 20}, {"3M", 3 << 20}, {"2g", UINT64_C(2) << 30},
		     {"2G", UINT64_C(2) << 30}, {"1.5K", 1536}};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		assert_true(pv_parse_size(sizes[i].text, &out));
		assert_int_equal(out, sizes[i].bytes);
	}
	assert_false(pv_parse_size("", &out) || pv_parse_size("M", &out) || pv_parse_size("2T", &out));
}

static void utf8(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		size_t n;
		const char *out;
	} cases[] = {
		{"abc", 3, "abc"},
		{"Link\xc3\xb6ping", 10, "Link\xc3\xb6ping"},
		{"\xff", 1, "\\255"},
		{"a\0b", 3, "a\\000b"},
		{"\xc0\xaf", 2, "\\192\\175"},             /* overlong */
		{"\xed\xa0\x80", 3, "\\237\\160\\128"},    /* surrogate */
		{"\xf4\x90\x80\x80", 4, "\\244\\144\\128\\128"},
		{"\xe2\x82", 2, "\\226\\130"},             /* cut */
		{"\x1b[31m", 5, "\\027[31m"},
	};
	char out[64];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t len = pv_utf8_clean(cases[i].in, cases[i].n, out, sizeof out);
		assert_string_equal(out, cases[i].out);
		assert_int_equal(len, strlen(cases[i].out));
	}
	assert_int_equal(pv_utf8_clean("\xc3\xb6\xc3\xb6", 4, out, 4), 2); /* never half a character */
}

static void rows_for_programs(void **state)
{
	(void)state;
	struct conf c = {.on = true};
	const struct pv_opt opts[] = {
		{'f', "flag", PV_OPT_FLAG, &c.flag, NULL, "a flag", 0, 0},
		{'l', NULL, PV_OPT_LIST, &c.list, "L,...", "a list", 0, 0},
	};
	const struct pv_opt_keys sets[] = {{"Keys", keys, 2, set, &c, NULL, 0}};
	const struct pv_program prog = {.name = "prog", .summary = "does it", .synopsis = "[options] FILE", .opts = opts,
					.nopts = 2, .keys = sets, .nkeys = 1, .operands_min = 1, .operands_max = 1};
	char text[512] = "";
	FILE *f = fmemopen(text, sizeof text, "w");
	assert_non_null(f);
	pv_options_rows(&prog, f);
	fclose(f);
	assert_string_equal(text, "prog\t[options] FILE\tdoes it\n"
				  "f\tflag\t-\tonce\ta flag\n"
				  "l\t-\tL,...\tmany\ta list\n"
				  "h\thelp\t-\tonce\tprint this text and exit\n"
				  "-\tversion\t-\tonce\tprint the version and exit\n"
				  "-\tonly-qname-suffix\tNAME,...\tonce\tnames\n"
				  "-\tonly-queries\t-\tonce\tqueries\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_right),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(rows_for_programs),
		cmocka_unit_test(durations),
		cmocka_unit_test(utf8),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
