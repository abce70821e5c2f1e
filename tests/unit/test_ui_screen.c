/* SPDX-License-Identifier: MPL-2.0 */
/* Pictures: what is put where, what keys do to it. Whole screens are compared in scenarios/cli.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui/known.h"
#include "ui/ui.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- characters ---------------------------------------------------------------------------------- */

static const struct {
	const char *text;
	int room;
	bool utf8;
	const char *want;
} puts_[] = {
	{"abc", 5, true, "abc"},
	{"abcdef", 4, true, "abc\u2026"},
	{"abcdef", 4, false, "abc~"},
	{"abcdef", 1, true, "\u2026"},
	{"abcdef", 0, true, ""},
	{"\u4e2d\u6587", 4, true, "\u4e2d\u6587"},
	{"\u4e2d\u6587x", 4, true, "\u4e2d\u2026"}, /* half a character is none */
	{"\u4e2d\u6587", 4, false, "????"},
	{"Link\u00f6ping", 9, true, "Link\u00f6ping"},
	{"Link\u00f6ping", 9, false, "Link?ping"},
	/* what moves the cursor, combines, or turns the line round is shown as what cannot be shown */
	{"a\033[2Jb", 9, true, "a\ufffd[2Jb"},
	{"a\u202eb\u200fc\u0301", 9, true, "a\ufffdb\ufffdc\ufffd"},
	{"\u05e9\u05dc\u0645\u0660.il", 9, true, "\ufffd\ufffd\ufffd\ufffd.il"},
	{"a\377\302b", 9, true, "a\ufffd\ufffdb"},
	{"\302\2332J", 9, true, "\ufffd2J"},
	{"\U0001f600", 9, true, "\ufffd"},
};

static void test_put(void **state)
{
	char got[256];
	(void)state;
	for (size_t i = 0; i < LEN(puts_); i++) {
		struct pv_ui_screen s;
		assert_true(pv_ui_screen_init(&s, 10, 1, puts_[i].utf8));
		int used = pv_ui_put(&s, 0, 0, puts_[i].room, PV_UI_PLAIN, puts_[i].text);
		assert_true(used <= puts_[i].room);
		memset(got, 0, sizeof got);
		FILE *f = fmemopen(got, sizeof got, "w");
		pv_ui_print(&s, f);
		fclose(f);
		got[strcspn(got, "\n")] = '\0';
		if (strcmp(got, puts_[i].want))
			fail_msg("case %zu: '%s', not '%s'", i, got, puts_[i].want);
		pv_ui_screen_free(&s);
	}
}

/* Wherever it is put, nothing outside the picture is written. */
static void test_outside(void **state)
{
	struct pv_ui_screen s;
	(void)state;
	assert_true(pv_ui_screen_init(&s, 3, 3, true));
	for (int y = -3; y < 6; y++)
		for (int x = -5; x < 6; x++) {
			pv_ui_put(&s, x, y, 10, PV_UI_PLAIN, "a\u4e2db");
			pv_ui_box(&s, x, y, 4, 3, "title");
			pv_ui_bars(&s, x, y, (const double[]){0, 0.5, 1, -1}, 4);
		}
	pv_ui_screen_free(&s);
}

static const struct {
	const char *path;
	double n;
	const char *want;
} values[] = {
	{"a", 12345678, "12345678"}, {"x_us", 1500, "1.50"},	   {"x_us", 0, "0.00"},
	{"x_bytes", 9999, "9999"},   {"x_bytes", 10000, "10.0k"}, {"x_bytes", 4500000, "4.50M"},
	{"x_bytes", 1.7e11, "170G"}, {"x_bytes", 1e25, "10000000E"},
	{"x_us", 46, "0.05"},	     {"x_us", 12345, "12.3"},	  {"rates.bps", 9876543210, "9.88G"},
	{"bytes_ab", 30486, "30.5k"}, {"a.bytes_in", 30486, "30.5k"}, {"bytes.n", 30486, "30486"},
};

static void test_values(void **state)
{
	struct pv_ui_pool pool = PV_UI_POOL(65536);
	(void)state;
	for (size_t i = 0; i < LEN(values); i++) {
		const struct pv_ui_num n = {values[i].n, (uint64_t)(values[i].n < 1e18 ? values[i].n : 0), false};
		assert_string_equal(pv_ui_value(&pool, values[i].path, n), values[i].want);
	}
	assert_string_equal(pv_ui_value_name(&pool, "a.b_us"), "a.b ms");
	pv_ui_pool_free(&pool);
}

/* ---- what is known of handlers ------------------------------------------------------------------- */

/* A table that is full has no end. */
static void test_known(void **state)
{
	static const char *const schemas[] = {"packets", "net",	     "dns",	 "dhcp",	   "bgp", "pcap",
					      "flow",	 "netprobe", "connections", "input_resources"};
	static const char *const maps[][2] = {
		{"flow", "devices"}, {"flow", "interfaces"}, {"netprobe", "targets"}, {"net", "direction"}, {"dns", "direction"}};
	(void)state;
	for (size_t i = 0; i < LEN(schemas); i++) {
		const struct pv_ui_column *c = pv_ui_known_headline(schemas[i]);
		assert_non_null(c);
		assert_null(c[PV_UI_HEADLINE_MAX - 1].heading);
	}
	for (size_t i = 0; i < LEN(maps); i++) {
		const struct pv_ui_known_table *t = pv_ui_known_table(maps[i][0], maps[i][1]);
		assert_non_null(t);
		assert_non_null(t->column[t->sort].heading);
	}
	assert_null(pv_ui_known_headline("other"));
	assert_null(pv_ui_known_table("flow", "direction"));
}

/* ---- keys ---------------------------------------------------------------------------------------- */

#define ANSWER                                                                                                         \
	"{\"default\":{\"default-t-dns\":{\"dns\":{\"wire_packets\":{\"total\":100,\"replies\":50},"                    \
	"\"top_qname2\":[{\"name\":\"b.example\",\"estimate\":60},{\"name\":\"a.example\",\"estimate\":30},"              \
	"{\"name\":\"c.test\",\"estimate\":10}],\"top_qtype\":[{\"name\":\"A\",\"estimate\":99}]}},"                      \
	"\"default-u-flow\":{\"flow\":{\"devices\":{\"d1\":{\"records_flows\":1},\"d2\":{\"records_flows\":2}}}}}}"

struct seen {
	struct pv_ui u;
	int rows; /* of the terminal while keys are pressed; 0: 30 */
	char text[16384];
};

static void give(struct pv_ui *u, const char *answer)
{
	char path[256], *body = strdup(answer);
	uint64_t wait;
	pv_ui_session_refresh(&u->s);
	pv_ui_session_next(&u->s, 0, path, sizeof path, &wait);
	pv_ui_session_answer(&u->s, 0, 200, body, strlen(answer), "");
	free(body);
}

static void look(struct seen *t, int cols, int rows)
{
	struct pv_ui_screen s;
	assert_true(pv_ui_screen_init(&s, cols, rows, false));
	pv_ui_draw(&t->u, &s, 0, true);
	memset(t->text, 0, sizeof t->text);
	FILE *f = fmemopen(t->text, sizeof t->text, "w");
	pv_ui_print(&s, f);
	fclose(f);
	pv_ui_screen_free(&s);
}

/* Whoever walks sees where he is. */
static void check_visible(const struct pv_ui *u)
{
	const struct pv_ui_spot *s = &u->spots[u->spot];
	int seen = u->row < s->visible ? u->row : s->visible - 1, y = s->y + s->row_y + seen;
	if (u->selected && u->follow && (y < u->scroll || y >= u->scroll + u->page_rows))
		fail_msg("row %d is not on the screen, which shows %d to %d", y, u->scroll, u->scroll + u->page_rows - 1);
}

/* Presses keys, each after a look; letters stand for themselves, and for special ones:
 * ^ v < > arrows, $ Enter, ! Escape, ~ Tab, _ Backspace, d Page Down, u Page Up, H Home, E End. */
static void press(struct seen *t, const char *keys)
{
	static const char names[] = "^v<>$!~_duHE";
	static const uint32_t codes[] = {PV_UI_KEY_UP,	  PV_UI_KEY_DOWN,	PV_UI_KEY_LEFT,	     PV_UI_KEY_RIGHT,
					 PV_UI_KEY_ENTER, PV_UI_KEY_ESCAPE,	PV_UI_KEY_TAB,	     PV_UI_KEY_BACKSPACE,
					 PV_UI_KEY_PAGE_DOWN, PV_UI_KEY_PAGE_UP, PV_UI_KEY_HOME, PV_UI_KEY_END};
	for (; *keys; keys++) {
		const char *at = strchr(names, *keys);
		pv_ui_key(&t->u, at ? codes[at - names] : (uint32_t)*keys);
		look(t, 120, t->rows ? t->rows : 30);
		check_visible(&t->u);
	}
}

static const struct {
	const char *keys, *has, *hasnt;
} screens[] = {
	{"", "Policy: default", "Counters"},
	{"", "[1 overview] 2 dns  3 flow", "paused"},
	{"~", "[2 dns]", "[1 overview]"},
	{"~~", "[3 flow]", "Top QTypes"},
	{"~~~", "[1 overview]", "[3 flow]"},
	{"2", "dns: t-dns  12:00AM to 12:00AM, Period 0s  Policy: default", "[1 overview]"},
	{"9", "[1 overview]", NULL},
	{"2!", "[1 overview]", "[2 dns]"},
	{"?", "Shift-Tab", NULL},
	{"?x", "[1 overview]", "Shift-Tab"},
	{" ", "paused", NULL},
	{"  ", "5 min", "paused"},
	{"+", "6 min", "5 min"},
	{"-----", "open minute", "min  ?"},
	{"++++++++", "10 min", NULL},
	{"/test$", "/test", "a.example"},
	{"/test$", "c.test", NULL},
	{"/tesx_t$", "c.test", "a.example"},
	{"/TEST", "Enter: keep", "a.example"},
	{"/test!", "a.example", "/test"},
	{"/test$!", "a.example", "/test"},
	{"v$", "share    60.00% of 100", NULL},
	{"v$", "metric   top_qname2", NULL},
	{"vv$", "rank     2 of the 3 shown", NULL},
	{"v>$", "metric   top_qtype", "metric   top_qname2"},
	{"vvvv$", "flow: u-flow  devices: d2", "Top QTypes"}, /* the overview has it, too */
	{"vvvv$!", "Devices", "Top QTypes"},
	{"vvvv$!!", "Top QTypes", NULL},
	{"v$q", NULL, NULL},
	{"3v$", "devices: d2", "Devices"},
	{"3v$!", "Devices", "devices: d3"},
	{"p", "(all policies)", NULL},
	{"t", "(all taps)", NULL},
	{"s", "by name", NULL},
	{"ss", "by number", NULL},
	{"sss", "by flows", NULL}, /* the table below the lists */
	{"ssss", "5 min", " by "},
	{"vsss", "5 min", " by "}, /* a list is selected: there is a name and a number */
	{"3ss", "by flows", NULL},
	{"3ss2", "5 min", " by "}, /* nothing there has such a column */
	{"3sss", "5 min", " by "},
	{"R", "reversed", NULL},
};

static void test_keys(void **state)
{
	static struct seen t;
	(void)state;
	for (size_t i = 0; i < LEN(screens); i++) {
		assert_true(pv_ui_init(&t.u, "default", 5));
		give(&t.u, ANSWER);
		look(&t, 120, 30);
		press(&t, screens[i].keys);
		if (screens[i].has && !strstr(t.text, screens[i].has))
			fail_msg("keys '%s': no '%s' in\n%s", screens[i].keys, screens[i].has, t.text);
		if (screens[i].hasnt && strstr(t.text, screens[i].hasnt))
			fail_msg("keys '%s': '%s' in\n%s", screens[i].keys, screens[i].hasnt, t.text);
		assert_int_equal(t.u.quit, strchr(screens[i].keys, 'q') != NULL);
		pv_ui_free(&t.u);
	}
}

static void order_is(struct seen *t, const char *keys, const char *first, const char *second)
{
	press(t, keys);
	const char *a = strstr(t->text, first), *b = strstr(t->text, second);
	if (!a || !b || a > b)
		fail_msg("after '%s': '%s' is not before '%s' in\n%s", keys, first, second, t->text);
}

static void test_order(void **state)
{
	static struct seen t;
	(void)state;
	assert_true(pv_ui_init(&t.u, "default", 5));
	give(&t.u, ANSWER);
	look(&t, 120, 30);
	order_is(&t, "", "b.example", "a.example");
	order_is(&t, "s", "a.example", "b.example");
	order_is(&t, "R", "b.example", "a.example");
	order_is(&t, "R", "a.example", "b.example");
	order_is(&t, "s", "b.example", "a.example"); /* by number */
	press(&t, "s"); /* by flows, in the table below */
	order_is(&t, "s", "b.example", "a.example"); /* as at first */
	assert_string_equal(t.u.order, "");
	order_is(&t, "3", "d2 ", "d1 "); /* the busiest first */
	order_is(&t, "s", "d1 ", "d2 ");
	order_is(&t, "s", "d2 ", "d1 ");
	pv_ui_free(&t.u);
}

#define TABLES                                                                                                         \
	"{\"default\":{\"default-t-x\":{\"x\":{"                                                                             \
	"\"top_a\":[{\"name\":\"a1\",\"estimate\":9,\"one\":1,\"two\":5},{\"name\":\"a2\",\"estimate\":9,\"one\":2,\"two\":4}],"  \
	"\"top_b\":[{\"name\":\"b1\",\"estimate\":9,\"two\":6,\"three\":1},{\"name\":\"b2\",\"estimate\":9,\"two\":7,\"three\":2}],"\
	"\"top_c\":[{\"name\":\"c1\",\"estimate\":9,\"four\":1},{\"name\":\"c2\",\"estimate\":9,\"four\":2}]}}}}"

/* Each table is sorted by its own column of that name, wherever that stands; one without stays as it is. */
static void test_order_by_name(void **state)
{
	static struct seen t;
	(void)state;
	assert_true(pv_ui_init(&t.u, "default", 5));
	give(&t.u, TABLES);
	look(&t, 120, 30);
	order_is(&t, "2sss", "|a2 ", "|a1 "); /* name, estimate, one */
	order_is(&t, "", "|b1 ", "|b2 ");
	order_is(&t, "s", "|a1 ", "|a2 "); /* two, which stands in another place in b */
	assert_string_equal(t.u.order, "two");
	order_is(&t, "", "|b2 ", "|b1 ");
	order_is(&t, "", "|c1 ", "|c2 ");
	order_is(&t, "R", "|a2 ", "|a1 ");
	order_is(&t, "", "|b1 ", "|b2 ");
	order_is(&t, "", "|c2 ", "|c1 ");
	order_is(&t, "Rv>", "|b2 ", "|b1 "); /* a row of the second: its columns alone */
	order_is(&t, "s", "|b2 ", "|b1 ");
	assert_string_equal(t.u.order, "three");
	order_is(&t, "s", "|b1 ", "|b2 ");
	assert_string_equal(t.u.order, "");
	order_is(&t, "R", "|b2 ", "|b1 "); /* as it came, turned round */
	pv_ui_free(&t.u);
}

/* Scrolling and selection stay within what there is, also when there is less of it. */
static void test_bounds(void **state)
{
	static struct seen t;
	(void)state;
	assert_true(pv_ui_init(&t.u, "default", 5));
	look(&t, 120, 30); /* before there is an answer */
	press(&t, "vd$^>");
	give(&t.u, ANSWER);
	look(&t, 120, 30);
	press(&t, "ddddE");
	assert_int_equal(t.u.scroll, t.u.height - 29);
	press(&t, "u");
	press(&t, "uuuu");
	assert_int_equal(t.u.scroll, 0);
	press(&t, "vvvvvvvvvvvvvvvvvvvv^^^>>>>>>>>");
	assert_true(t.u.selected);
	t.rows = 5;
	press(&t, "2vvvvvvvvvvvvvvvv>>>>>vvvv^^^^^^^^^^^^^^<<<<<<<<1vvvE^E^");
	t.rows = 0;
	look(&t, 20, 2);
	look(&t, 1, 1);
	look(&t, 300, 100);
	assert_int_equal(t.u.scroll, 0);
	give(&t.u, "{\"default\":{}}");
	look(&t, 120, 30);
	press(&t, "v^<>$du");
	assert_false(t.u.selected);
	pv_ui_free(&t.u);
}

/* One tap's handlers, picked; the view of a handler that has gone is the overview. */
static void test_pick(void **state)
{
	static struct seen t;
	(void)state;
	assert_true(pv_ui_init(&t.u, "default", 5));
	give(&t.u, ANSWER);
	t.u.s.taps.n = 2;
	snprintf(t.u.s.taps.name[0], PV_UI_NAME_MAX, "t");
	snprintf(t.u.s.taps.name[1], PV_UI_NAME_MAX, "u");
	look(&t, 120, 30);
	press(&t, "tvv$");
	assert_non_null(strstr(t.text, "[1 overview] 2 flow"));
	assert_non_null(strstr(t.text, "tap u"));
	assert_null(strstr(t.text, "a.example"));
	press(&t, "tH$");
	assert_non_null(strstr(t.text, "[1 overview] 2 dns  3 flow"));
	t.u.s.policies.n = 1;
	snprintf(t.u.s.policies.name[0], PV_UI_NAME_MAX, "other");
	press(&t, "3pE$");
	assert_string_equal(t.u.s.policy, "other");
	assert_null(t.u.s.model);
	assert_non_null(strstr(t.text, "Policy other: no answer yet"));
	assert_null(strstr(t.text, "p picks one"));
	snprintf(t.u.s.error, sizeof t.u.s.error, "404 policy does not exist");
	look(&t, 120, 30);
	assert_non_null(strstr(t.text, "Policies that there are: 1; p picks one of them, or all"));
	t.u.s.taps.n = 35; /* pages */
	for (size_t i = 0; i < t.u.s.taps.n; i++)
		snprintf(t.u.s.taps.name[i], PV_UI_NAME_MAX, "t%zu", i);
	press(&t, "td");
	assert_int_equal(t.u.pick, 10);
	press(&t, "ddd");
	assert_int_equal(t.u.pick, 35);
	press(&t, "uuu");
	assert_int_equal(t.u.pick, 5);
	press(&t, "u");
	assert_int_equal(t.u.pick, 0);
	pv_ui_free(&t.u);
}

/* Two handlers of a kind; in all policies also two of one name. */
#define ONE                                                                                                            \
	"{\"p\":{\"p-t-a\":{\"dns\":{\"wire_packets\":{\"total\":11}}},\"p-t-b\":{\"dns\":{\"wire_packets\":{\"total\":22}}},"  \
	"\"p-t-n\":{\"packets\":{\"total\":33,\"top_ipv4\":[{\"name\":\"192.0.2.1\",\"estimate\":3}]}},"                          \
	"\"input_merged\":{\"input_resources\":{\"policy_count\":7}}}"
#define ALL                                                                                                            \
	ONE ",\"q\":{\"input_merged\":{\"input_resources\":{\"policy_count\":8}},\"q-t-n\":{\"packets\":{\"total\":44}}}}"

static const struct {
	const char *policy, *keys, *has, *hasnt;
} kinds[] = {
	{"p", "", "dns 1 of 2: t-a | n: next", "net 1"},
	{"p", "", "DNS Wire Pkts 11/0", NULL},
	{"p", "n", "dns 2 of 2: t-b", NULL},
	{"p", "n", "DNS Wire Pkts 22/0", NULL},
	{"p", "nn", "dns 1 of 2: t-a", NULL},
	{"p", "N", "dns 2 of 2: t-b", NULL},
	{"p", "2", "dns 1 of 2 (n: next): t-a", NULL},
	{"p", "2n", "dns 2 of 2 (n: next): t-b", "Messages 11"},
	{"p", "2N", "dns 2 of 2 (n: next): t-b", NULL},
	{"p", "2nn", "dns 1 of 2 (n: next): t-a", NULL},
	{"p", "4n", "packets: t-n", "(n: next)"}, /* the only one */
	{"p", "", "2 dns t-a  3 dns t-b  4 packets ", NULL},
	{"__all", "", "net 1 of 2: p-t-n | dns 1 of 2: p-t-a", NULL},
	{"__all", "n", "net 2 of 2: q-t-n | dns 2 of 2: p-t-b", NULL},
	{"__all", "vn", "net 2 of 2: q-t-n | dns 1 of 2: p-t-a", NULL}, /* of the selected row's kind */
	{"__all", "5", "input_resources 1 of 2 (n: next): p/input_merged", "Policies 8"},
	{"__all", "5n", "input_resources 2 of 2 (n: next): q/input_merged", "Policies 7"},
};

static void test_kinds(void **state)
{
	static struct seen t;
	(void)state;
	for (size_t i = 0; i < LEN(kinds); i++) {
		assert_true(pv_ui_init(&t.u, kinds[i].policy, 5));
		give(&t.u, *kinds[i].policy == 'p' ? ONE "}" : ALL);
		t.rows = 60;
		look(&t, 120, 60);
		press(&t, kinds[i].keys);
		if (!strstr(t.text, kinds[i].has) || (kinds[i].hasnt && strstr(t.text, kinds[i].hasnt)))
			fail_msg("%s, keys '%s': no '%s' in\n%.1500s", kinds[i].policy, kinds[i].keys, kinds[i].has, t.text);
		pv_ui_free(&t.u);
	}
}

static const struct {
	const char *what, *want; /* names, or what is wrong */
} matches[] = {
	{"p-t-a", "p-t-a "},
	{"a", "p-t-a "},
	{"T-A", "p-t-a "},
	{"dns", "p-t-a p-t-b "},
	{"dn", "p-t-a p-t-b "},
	{"input", "input_merged input_merged "},
	{"input_merged", "input_merged input_merged "},
	{"t-n", "may mean p-t-n (packets), q-t-n (packets)"},
	{"packets", "p-t-n q-t-n "},
	{"-t-", "may mean p-t-a (dns), p-t-b (dns), p-t-n (packets), q-t-n (packets)"},
	{"q-", "q-t-n "},
	{"x", "policy '__all' has no such handler, but p-t-a (dns), p-t-b (dns), p-t-n (packets), "
	      "p/input_merged (input_resources), q/input_merged (input_resources), q-t-n (packets)"},
	{"", "policy '__all' has no such handler, but p-t-a (dns), p-t-b (dns), p-t-n (packets), "
	     "p/input_merged (input_resources), q/input_merged (input_resources), q-t-n (packets)"},
};

/* A view by its name, or by less. */
static void test_match(void **state)
{
	static struct pv_ui u;
	const struct pv_ui_handler *out[PV_UI_HANDLERS_MAX];
	char got[512], err[400];
	(void)state;
	assert_true(pv_ui_init(&u, "__all", 5));
	give(&u, ALL);
	for (size_t i = 0; i < LEN(matches); i++) {
		size_t n = pv_ui_match(&u, matches[i].what, out, err, sizeof err), at = 0;
		snprintf(got, sizeof got, "%s", err);
		for (size_t k = 0; k < n; k++)
			at += (size_t)snprintf(got + at, sizeof got - at, "%s ", out[k]->name);
		if (strcmp(got, matches[i].want) != 0)
			fail_msg("'%s' is '%s', not '%s'", matches[i].what, got, matches[i].want);
	}
	assert_true(pv_ui_begin(&u, "q-"));
	assert_string_equal(u.view.name, "q-t-n");
	assert_false(pv_ui_begin(&u, "x"));
	assert_non_null(strstr(u.notice, "--view x: policy"));
	pv_ui_key(&u, 'r');
	assert_string_equal(u.notice, "");
	pv_ui_free(&u);
}

#define LISTS                                                                                                          \
	"{\"default\":{\"default-t-c\":{\"connections\":{\"bytes\":200000,\"top_connections\":["                              \
	"{\"name\":\"a\",\"estimate\":50000,\"bytes\":50000,\"bps\":70,\"packets\":1,\"odd\":9},"                                \
	"{\"name\":\"b\",\"estimate\":40000,\"bytes\":40000,\"bps\":90,\"packets\":3,\"odd\":8},"                                \
	"{\"name\":\"other\",\"estimate\":110000,\"bytes\":110000,\"bps\":99,\"packets\":2}]}},"                                \
	"\"default-t-x\":{\"x\":{\"top\":[{\"name\":\"c\",\"estimate\":5,\"some\":1},{\"name\":\"d\",\"estimate\":4,\"some\":2}]}}}}"

static const struct {
	const char *keys;
	int cols;
	const char *has;
} columns[] = {
	/* what tells most first, the estimate once, the rest of all last */
	{"2", 120, "|       of bytes  bps  bytes  packets  odd "},
	{"2", 120, "|a         25.0%   70  50.0k        1    9 "},
	{"2", 120, "|other     55.0%   99   110k        2    - "},
	{"3", 120, "|   estimate  some "},
	{"3", 120, "|c         5     1 "},
	/* where there is no room for all of them, the last ones go, but not the one that rows are sorted by */
	{"2", 30, "|       of bytes  bps  bytes |"},
	{"2ssssss", 30, "|       of bytes  bps  odd   |"},
	{"2ssssss", 30, "|a         25.0%   70    9   |"},
	{"2sssss", 30, "|       of bytes  packets    |\n|b         20.0%        3    |\n|a         25.0%        1    |\n|other "},
	{"2sss", 30, "|b         20.0%   90"},
	{"2v$", 120, "odd        9 "},
};

static void test_columns(void **state)
{
	static struct seen t;
	(void)state;
	for (size_t i = 0; i < LEN(columns); i++) {
		assert_true(pv_ui_init(&t.u, "default", 5));
		give(&t.u, LISTS);
		look(&t, 120, 30);
		press(&t, columns[i].keys);
		look(&t, columns[i].cols, 40);
		if (!strstr(t.text, columns[i].has))
			fail_msg("%d columns, keys '%s': no '%s' in\n%.1500s", columns[i].cols, columns[i].keys, columns[i].has, t.text);
		pv_ui_free(&t.u);
	}
}

#define BYTES                                                                                                          \
	"{\"default\":{\"default-t-f\":{\"flow\":{\"period\":{\"start_ts\":1,\"length\":60},\"devices\":{"                         \
	"\"d\":{\"records_flows\":3,\"interfaces\":{\"1\":{\"in_bytes\":6000000,\"out_bytes\":750,"                               \
	"\"top_in_dst_ips_bytes\":[{\"name\":\"192.0.2.1\",\"estimate\":3000000}]},\"2\":{\"in_bytes\":1500000}}},"               \
	"\"da\":{\"records_flows\":1,\"interfaces\":{\"1\":{\"in_bytes\":75}}}}}},"                                             \
	"\"default-t-n\":{\"packets\":{\"rates\":{\"bytes_total\":{\"p50\":9,\"live\":1000000}}}}}}"

/* Bytes as bits per second of the period: a device has those of its own interfaces. */
static const struct {
	const char *keys, *has;
} bits[] = {
	{"2", "|    flows  in bit/s  out bit/s "},
	{"2", "|d       3     1.00M        100 "},
	{"2", "|da      1        10          - "},
	{"2", "|d | 1       800k        100 "},
	{"2", "|d | 2       200k          - "},
	{"2", "|192.0.2.1                3.00M (50.0%)|"},
	{"2b", "+top_in_dst_ips_bytes, in bit/s"},
	{"2b", "|192.0.2.1                 400k (50.0%)|"},
	{"2b", " bit/s 5 min"},
	{"2bb", "+top_in_dst_ips_bytes---"},
	{"2vvvvvv$", "bit/s    400000 "},
	{"3", "|rates.bytes_total    9  1.00M"},
	{"3b", "|rates.bytes_total, in bit/s   72  8.00M"},
	{"1", "|Bytes "},
	{"1b", "|Bits  "},
};

static void test_bits(void **state)
{
	static struct seen t;
	const struct pv_ui_handler minute = {.length = 60};
	(void)state;
	struct pv_ui_num odd = pv_ui_bits(&minute, (struct pv_ui_num){-15, 0, true}); /* of an agent that is none of ours */
	assert_true(odd.real && odd.d == -2 && !odd.u);
	for (size_t i = 0; i < LEN(bits); i++) {
		assert_true(pv_ui_init(&t.u, "default", 5));
		give(&t.u, BYTES);
		look(&t, 120, 60);
		t.rows = 60;
		press(&t, bits[i].keys);
		if (!strstr(t.text, bits[i].has))
			fail_msg("keys '%s': no '%s' in\n%.3000s", bits[i].keys, bits[i].has, t.text);
		pv_ui_free(&t.u);
	}
}

#define BOTH                                                                                                           \
	"{\"default\":{\"default-t-dns\":{\"dns\":{\"wire_packets\":{\"total\":100},\"odd\":null,"                               \
	"\"top_qname2\":[{\"name\":\"b.example\",\"estimate\":60}],\"top_qname3\":[{\"name\":\"a.b.example\",\"estimate\":60}]}},"   \
	"\"default-t-dhcp\":{\"dhcp\":{\"wire_packets\":{\"total\":%d}}},"                                                    \
	"\"default-t-net\":{\"packets\":{\"total\":200,\"deep_samples\":200,\"top_ipv4\":[{\"name\":\"192.0.2.9\",\"estimate\":7}]}}}}"

static bool above_fold(struct seen *t, const char *answer, int cols, int rows, const char *what)
{
	assert_true(pv_ui_init(&t->u, "default", 5));
	give(&t->u, answer);
	look(t, cols, rows);
	pv_ui_free(&t->u);
	return strstr(t->text, what) != NULL;
}

/* In a small terminal who and what stand first; in one that has room, the original's order. */
static void test_small(void **state)
{
	static struct seen t;
	char answer[1024];
	(void)state;
	snprintf(answer, sizeof answer, BOTH, 0);
	assert_true(above_fold(&t, answer, 80, 24, "|192.0.2.9 "));
	assert_non_null(strstr(t.text, "+Top QName 2---------------------------++IPv4------"));
	assert_null(strstr(t.text, "DHCP"));
	assert_true(above_fold(&t, answer, 120, 30, "+Top QName 2-----------------++IPv4------------------------++Top QName 3"));
	assert_true(above_fold(&t, answer, 120, 40, "+Top QName 2-----------------++Top QName 3-----------------++Top NX"));
	assert_true(above_fold(&t, answer, 120, 40, "DHCP Wire Pkts 0/0"));
	assert_true(above_fold(&t, answer, 120, 40, " 1 left out 5 min"));
	snprintf(answer, sizeof answer, BOTH, 1);
	assert_true(above_fold(&t, answer, 80, 24, "DHCP Wire Pkts 1/1"));
}

/* What is longer than the screen can be scrolled to, and no further than its end. */
static void test_long_popup(void **state)
{
	static struct seen t;
	(void)state;
	assert_true(pv_ui_init(&t.u, "default", 5));
	give(&t.u, ANSWER);
	t.rows = 5;
	look(&t, 120, 5);
	press(&t, "?");
	assert_non_null(strstr(t.text, "Keys, more with arrows"));
	assert_non_null(strstr(t.text, "next, previous view"));
	press(&t, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvv");
	assert_non_null(strstr(t.text, "quit"));
	assert_null(strstr(t.text, "next, previous view"));
	press(&t, "^^^^^^^^^^^^^^^^^^^^");
	assert_non_null(strstr(t.text, "next, previous view"));
	press(&t, "x");
	assert_null(strstr(t.text, "Keys"));
	pv_ui_free(&t.u);
}

static void test_status(void **state)
{
	static struct seen t;
	char path[256];
	uint64_t wait;
	(void)state;
	assert_true(pv_ui_init(&t.u, "default", 5));
	give(&t.u, ANSWER);
	pv_ui_session_refresh(&t.u.s);
	pv_ui_session_next(&t.u.s, 0, path, sizeof path, &wait);
	pv_ui_session_answer(&t.u.s, UINT64_C(9) << 30, 0, NULL, 0, "Connection refused");
	look(&t, 120, 30);
	assert_non_null(strstr(t.text, "Connection refused; trying again in "));
	assert_non_null(strstr(t.text, "a.example")); /* what was known is still there */
	pv_ui_free(&t.u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),   cmocka_unit_test(test_outside), cmocka_unit_test(test_values),
		cmocka_unit_test(test_keys),  cmocka_unit_test(test_order),   cmocka_unit_test(test_order_by_name), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_pick),  cmocka_unit_test(test_status),  cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_known), cmocka_unit_test(test_match), cmocka_unit_test(test_columns), cmocka_unit_test(test_bits), cmocka_unit_test(test_small), cmocka_unit_test(test_long_popup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
