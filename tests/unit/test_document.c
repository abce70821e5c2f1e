/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "guard.h"
#include "policy/document.h"

static struct pv_config_error err;

static struct pv_document *parse(const char *text)
{
	memset(&err, 0, sizeof err);
	return pv_document_parse(text, strlen(text), &err);
}

static const struct pv_node *value(const struct pv_document *d, const char *key)
{
	const struct pv_node *n = pv_node_get(pv_document_root(d), key);
	assert_non_null(n);
	return n;
}

static void scalars_have_types(void **state)
{
	static const struct {
		const char *written;
		enum pv_node_type type;
		const char *text;
		uint64_t number;
	} cases[] = {
	    {"0", PV_NODE_UINT, "0", 0},
	    {"42", PV_NODE_UINT, "42", 42},
	    {"010", PV_NODE_UINT, "010", 10}, /* not octal */
	    {"0000000000000000000000009", PV_NODE_UINT, "0000000000000000000000009", 9},
	    {"9223372036854775807", PV_NODE_UINT, "9223372036854775807", INT64_MAX},
	    {"9223372036854775808", PV_NODE_TEXT, "9223372036854775808", 0},
	    {"99999999999999999999999", PV_NODE_TEXT, "99999999999999999999999", 0},
	    {"-1", PV_NODE_TEXT, "-1", 0},
	    {"+1", PV_NODE_TEXT, "+1", 0},
	    {"1.0", PV_NODE_TEXT, "1.0", 0},
	    {"0x10", PV_NODE_TEXT, "0x10", 0},
	    {"1_000", PV_NODE_TEXT, "1_000", 0},
	    {"12:30", PV_NODE_TEXT, "12:30", 0},
	    {"\"42\"", PV_NODE_TEXT, "42", 0},
	    {"'42'", PV_NODE_TEXT, "42", 0},
	    {"|\n  42\n", PV_NODE_TEXT, "42\n", 0},
	    {"!!str 42", PV_NODE_TEXT, "42", 0},
	    {"! 42", PV_NODE_TEXT, "42", 0},
	    {"true", PV_NODE_BOOL, "true", 1},
	    {"False", PV_NODE_BOOL, "False", 0},
	    {"tRuE", PV_NODE_BOOL, "tRuE", 1},
	    {"'true'", PV_NODE_TEXT, "true", 0},
	    {"yes", PV_NODE_TEXT, "yes", 0},
	    {"on", PV_NODE_TEXT, "on", 0},
	    {"", PV_NODE_TEXT, "", 0},
	    {"~", PV_NODE_TEXT, "~", 0},
	    {"null", PV_NODE_TEXT, "null", 0},
	    {"10.0.0.0/8", PV_NODE_TEXT, "10.0.0.0/8", 0},
	    {"caf\xc3\xa9", PV_NODE_TEXT, "caf\xc3\xa9", 0},
	    {"\"a\\tb\\u00e9\"", PV_NODE_TEXT, "a\tb\xc3\xa9", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[200];
		snprintf(text, sizeof text, "k: %s\n", cases[i].written);
		struct pv_document *d = parse(text);
		if (!d)
			fail_msg("%s: %s", text, err.text);
		const struct pv_node *n = value(d, "k");
		if (n->type != cases[i].type)
			fail_msg("%s has type %d", cases[i].written, n->type);
		assert_string_equal(n->text, cases[i].text);
		if (n->type == PV_NODE_UINT)
			assert_int_equal(n->number, cases[i].number);
		if (n->type == PV_NODE_BOOL)
			assert_int_equal(n->boolean, cases[i].number);
		pv_document_free(d);
	}
}

static void json_is_yaml(void **state)
{
	(void)state;
	struct pv_document *d = parse("{\"a\":1,\"b\":\"1\",\"c\":true,\n\t\"d\":[\"x\",2],\"e\":{\"f\":\"\\/"
				      "\\n\\u00e9\"},\"g\":null}");
	if (!d)
		fail_msg("%s", err.text);
	json_t *j = pv_node_json(pv_document_root(d), &err);
	char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"a\":1,\"b\":\"1\",\"c\":true,\"d\":[\"x\",\"2\"],\"e\":{\"f\":\"/"
				  "\\n\xc3\xa9\"},\"g\":\"null\"}");
	free(text);
	json_decref(j);
	pv_document_free(d);
}

/* What lies beyond U+FFFF is two escapes in JSON. */
static void pairs_of_escapes(void **state)
{
	static const struct {
		const char *written, *text; /* NULL: refused */
	} cases[] = {
	    {"{\"k\": \"\\ud83d\\uDE00\"}", "\xf0\x9f\x98\x80"},
	    {" \n{\"k\": \"a\\ud800\\udc00\\udbff\\udfffb\"}", "a\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" "b"},
	    {"{\"k\": \"\\\\ud83d\\\\ude00\"}", "\\ud83d\\ude00"}, /* a backslash is escaped, nothing else */
	    {"{\"k\": \"\\u00e9\"}", "\xc3\xa9"},
	    {"k: '\\ud83d\\ude00'", "\\ud83d\\ude00"}, /* no JSON */
	    {"{\"k\": \"\\ud83d\"}", NULL},
	    {"{\"k\": \"\\ud83dx\\ude00\"}", NULL},
	    {"{\"k\": \"\\ude00\\ud83d\"}", NULL},
	    {"{\"k\": \"\\ud83d\\u", NULL},
	    {"{\"k\": \"\\", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_document *d = parse(cases[i].written);
		if (!d != !cases[i].text)
			fail_msg("%s: %s", cases[i].written, d ? "was taken" : err.text);
		if (d)
			assert_string_equal(value(d, "k")->text, cases[i].text);
		pv_document_free(d);
	}
}

static void places_are_known(void **state)
{
	(void)state;
	struct pv_document *d = parse("# comment\n\na:\n  b: 1\n  c:\n    - x\n    - y: 2\n");
	const struct pv_node *a = value(d, "a"), *c = pv_node_get(a, "c");
	assert_int_equal(a->key_line, 3);
	assert_int_equal(a->line, 4);
	assert_int_equal(pv_node_get(a, "b")->line, 4);
	assert_int_equal(pv_node_get(a, "b")->column, 6);
	assert_int_equal(c->key_line, 5);
	assert_int_equal(c->count, 2);
	assert_int_equal(c->first->line, 6);
	assert_int_equal(c->first->next->first->line, 7);
	assert_null(pv_node_get(c, "x"));
	assert_null(pv_node_get(a, "nothing"));
	pv_document_free(d);
}

static void aliases_are_copies(void **state)
{
	(void)state;
	struct pv_document *d = parse("a: &x {p: 1, q: [&y two]}\nb: *x\n*y : key\nc: &x 5\nd: *x\n");
	if (!d)
		fail_msg("%s", err.text);
	assert_int_equal(pv_node_get(value(d, "b"), "p")->number, 1);
	assert_string_equal(value(d, "two")->text, "key");
	assert_int_equal(value(d, "d")->number, 5);
	assert_ptr_not_equal(value(d, "a"), value(d, "b"));
	assert_int_equal(value(d, "b")->key_line, 2);
	assert_null(pv_document_duplicate(pv_document_root(d)));
	pv_document_free(d);
}

static void repeated_keys_are_marked(void **state)
{
	(void)state;
	struct pv_document *d = parse("a: {x: 1, y: 2,\n  x: 3}\nb: 1\n");
	const struct pv_node *n = pv_document_duplicate(pv_document_root(d));
	assert_non_null(n);
	assert_string_equal(n->key, "x");
	assert_int_equal(n->key_line, 2);
	assert_int_equal(pv_node_get(value(d, "a"), "x")->number, 1);
	pv_document_free(d);
	d = parse("- [{a: 1, \"a\": 2}]\n");
	assert_non_null(pv_document_duplicate(pv_document_root(d)));
	pv_document_free(d);
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *says;
	} cases[] = {
	    {"", 0, "empty data"},
	    {"# only words\n\n", 0, "empty data"},
	    {"foo: [bar", 2, "invalid YAML: did not find expected ',' or ']'"},
	    {"{{{: -", 1, "invalid YAML: "},
	    {"a:\n  - b\n  c: d\n", 3, "invalid YAML: did not find expected '-' indicator"},
	    {"a: 1\nb: \"x\n", 3, "invalid YAML: found unexpected end of stream"},
	    {"a: b: c\n", 1, "invalid YAML: mapping values are not allowed in this context"},
	    {"a:\n\t- b\n", 2, "invalid YAML: found character that cannot start any token"},
	    {"a: 1\n--- \nb: 2\n", 2, "a second document in the same text"},
	    {"a: *x\n", 1, "an alias to an anchor that does not exist"},
	    {"a: &x\n  b: *x\n", 2, "an alias to the map or list that it stands in"},
	    {"a: &x [*x]\n", 1, "an alias to the map or list that it stands in"},
	    {"a: !!int 5\n", 1, "YAML tags other than !!str are not supported here"},
	    {"a: !thing 5\n", 1, "YAML tags other than !!str are not supported here"},
	    {"a: !thing {}\n", 1, "YAML tags of maps and lists are not supported"},
	    {"a: !!set {}\n", 1, "YAML tags of maps and lists are not supported"},
	    {"a: \"x\\0y\"\n", 1, "a text must not contain a NUL character"},
	    {"a: \xff\n", 1, "invalid YAML: "},
	    {"a: b\nc:\n  - d\n  - \xff\n", 4, "invalid YAML: "},
	    {"a: b\nc: d\x01\n", 2, "invalid YAML: control characters are not allowed"},
	    {"\"\\ud800\"", 1, "invalid YAML: found invalid Unicode character escape code"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_document *d = parse(cases[i].text);
		if (d)
			fail_msg("'%s' was taken", cases[i].text);
		if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) || err.line != cases[i].line)
			fail_msg("'%s': line %u: %s", cases[i].text, err.line, err.text);
		assert_int_equal(err.fault, PV_CONFIG_INVALID);
	}
	assert_null(pv_document_parse(NULL, 0, &err)); /* a request without a body */
	assert_string_equal(err.text, "empty data");
}

static char *repeat(const char *head, const char *what, size_t n, const char *tail)
{
	size_t each = strlen(what), first = strlen(head), last = strlen(tail);
	char *to = malloc(first + n * each + last + 1), *p = to;
	assert_non_null(to);
	memcpy(p, head, first);
	p += first;
	for (size_t i = 0; i < n; i++, p += each)
		memcpy(p, what, each);
	memcpy(p, tail, last + 1);
	return to;
}

static void refused(char *text, const char *says)
{
	struct pv_document *d = parse(text);
	if (d)
		fail_msg("taken: %.60s", text);
	if (!strstr(err.text, says))
		fail_msg("%.60s: %s", text, err.text);
	free(text);
}

static void taken(char *text)
{
	struct pv_document *d = parse(text);
	if (!d)
		fail_msg("%.60s: %s", text, err.text);
	pv_document_free(d);
	free(text);
}

static void limits_hold(void **state)
{
	(void)state;
	taken(repeat("", "[", PV_DOCUMENT_DEPTH, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"));
	refused(repeat("", "[", PV_DOCUMENT_DEPTH + 1, ""), "nested too deeply");
	refused(repeat("", "[", 100000, ""), "nested too deeply");
	refused(repeat("", "{? ", 50000, ""), "nested too deeply");
	taken(repeat("[", "1,", PV_DOCUMENT_NODES - 1, "]"));
	refused(repeat("[", "1,", PV_DOCUMENT_NODES, "]"), "more than 65536 keys and values");
	taken(repeat("# ", "x", PV_DOCUMENT_BYTES - 7, "\na: 1"));
	refused(repeat("# ", "x", PV_DOCUMENT_BYTES - 6, "\na: 1"), "more than 1048576 bytes");
	taken(repeat("[", "&x 1,", PV_DOCUMENT_ANCHORS, "]"));
	refused(repeat("[", "&x 1,", PV_DOCUMENT_ANCHORS + 1, "]"), "too many anchors");
}

static void bombs_do_not_go_off(void **state)
{
	(void)state;
	char text[4000] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
	size_t at = strlen(text);
	for (int i = 1; i < 12; i++)
		at +=
		    (size_t)snprintf(text + at, sizeof text - at,
				     "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
				     i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_null(parse(text));
	assert_string_equal(err.text, "more than 65536 keys and values");
	/* each one a level deeper */
	at = (size_t)snprintf(text, sizeof text, "a0: &a0 []\n");
	for (int i = 1; i < 60; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	assert_null(parse(text));
	assert_string_equal(err.text, "maps and lists are nested too deeply");
	assert_int_equal(err.line, PV_DOCUMENT_DEPTH);
}

static void every_prefix_is_looked_at_alone(void **state)
{
	static const char text[] =
	    "a: &x {b: [1, 'two', \"\\u00e9\"], c: !!str 3}\n? [k]\n: *x\nd: |\n  text\n# end\n";
	(void)state;
	struct guard g;
	guard_init(&g, sizeof text);
	for (size_t n = 0; n < sizeof text; n++)
		pv_document_free(pv_document_parse((const char *)guard_put(&g, text, n), n, &err));
	guard_free(&g);
}

static void lists_have_scalars_only(void **state)
{
	static const char *const bad[] = {"k: [[1]]\n", "k: [{a: 1}]\n", "k: {m: [a, [b]]}\n"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pv_document *d = parse(bad[i]);
		assert_null(pv_node_json(pv_document_root(d), &err));
		assert_string_equal(err.text, i < 2 ? "invalid value for sequence in key: k"
						    : "invalid value for sequence in key: m");
		pv_document_free(d);
	}
	struct pv_document *d = parse("? [a]\n: 1\n");
	assert_null(pv_document_root(d)->first->key);
	assert_null(pv_node_json(pv_document_root(d), &err));
	assert_string_equal(err.text, "a key must be a scalar");
	pv_document_free(d);
}

static void files_are_read(void **state)
{
	char name[] = "/tmp/pv-document-XXXXXX";
	int fd = mkstemp(name);
	(void)state;
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	struct pv_document *d = pv_document_read(name, &err);
	assert_non_null(d);
	pv_document_free(d);
	assert_int_equal(ftruncate(fd, PV_DOCUMENT_BYTES + 1), 0);
	assert_null(pv_document_read(name, &err));
	assert_string_equal(err.text, "more than 1048576 bytes");
	close(fd);
	unlink(name);
	assert_null(pv_document_read(name, &err));
	assert_int_equal(err.fault, PV_CONFIG_FAILED);
	assert_string_equal(err.text, "No such file or directory");
	assert_null(pv_document_read("/", &err));
	assert_string_equal(err.text, "Is a directory");
}

static void places_are_printed(void **state)
{
	char text[200];
	(void)state;
	pv_config_fail(&err, PV_CONFIG_INVALID, 12, "tap '%s' does not exist", "x\x1b[31m");
	assert_string_equal(pv_config_error_text(&err, "agent.yaml", text, sizeof text),
			    "agent.yaml:12: tap 'x\\027[31m' does not exist");
	snprintf(err.hint, sizeof err.hint, "a hint");
	assert_string_equal(pv_config_error_text(&err, NULL, text, sizeof text),
			    "line 12: tap 'x\\027[31m' does not exist (a hint)");
	pv_config_fail(&err, PV_CONFIG_INVALID, 0, "empty data");
	assert_string_equal(pv_config_error_text(&err, "f", text, sizeof text), "f: empty data");
	assert_string_equal(pv_config_error_text(&err, NULL, text, sizeof text), "empty data");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scalars_have_types),
	    cmocka_unit_test(json_is_yaml),
		cmocka_unit_test(pairs_of_escapes),
	    cmocka_unit_test(places_are_known),
	    cmocka_unit_test(aliases_are_copies),
	    cmocka_unit_test(repeated_keys_are_marked),
	    cmocka_unit_test(what_is_wrong_is_said),
	    cmocka_unit_test(limits_hold),
	    cmocka_unit_test(bombs_do_not_go_off),
	    cmocka_unit_test(every_prefix_is_looked_at_alone),
	    cmocka_unit_test(lists_have_scalars_only),
	    cmocka_unit_test(files_are_read),
	    cmocka_unit_test(places_are_printed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
