/* SPDX-License-Identifier: MPL-2.0 */
/* http/route.h, http/guard.h: which path is which row's, and who may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "http/guard.h"
#include "http/route.h"

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool fits;
		const char *first, *second;
	} cases[] = {
		{"/metrics", "/metrics", true, NULL, NULL},
		{"/metrics", "/metrics/", false, NULL, NULL},
		{"/metrics", "/metric", false, NULL, NULL},
		{"/metrics", "/metricsx", false, NULL, NULL},
		{"/metrics", "", false, NULL, NULL},
		{"/a/{n}", "/a/0", true, "0", NULL},
		{"/a/{n}", "/a/007", true, "007", NULL},
		{"/a/{n}", "/a/", false, NULL, NULL},
		{"/a/{n}", "/a/x", false, NULL, NULL},
		{"/a/{n}", "/a/-1", false, NULL, NULL},
		{"/a/{n}", "/a/1/", false, NULL, NULL},
		{"/a/{n}", "/a/1 ", false, NULL, NULL},
		{"/p/{name}", "/p/default", true, "default", NULL},
		{"/p/{name}", "/p/_a-Z9", true, "_a-Z9", NULL},
		{"/p/{name}", "/p/9a", false, NULL, NULL},
		{"/p/{name}", "/p/-a", false, NULL, NULL},
		{"/p/{name}", "/p/a.b", false, NULL, NULL},
		{"/p/{name}", "/p/\xc3\xa4", false, NULL, NULL},
		{"/p/{name}", "/p/", false, NULL, NULL},
		{"/p/{name}/m/{n}", "/p/x/m/12", true, "x", "12"},
		{"/p/{name}/m/{n}", "/p//m/12", false, NULL, NULL},
		{"/p/{name}/m/{n}", "/p/x/m", false, NULL, NULL},
		{"/p/{name}/m/{n}", "/p/x/y/m/1", false, NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char buf[PV_HTTP_PATH];
		const char *part[PV_HTTP_PARTS];
		print_message("%s %s\n", cases[i].pattern, cases[i].path);
		assert_int_equal(pv_http_match(cases[i].pattern, cases[i].path, buf, part), cases[i].fits);
		if (!cases[i].fits)
			continue;
		assert_int_equal(part[0] != NULL, cases[i].first != NULL);
		assert_int_equal(part[1] != NULL, cases[i].second != NULL);
		if (part[0])
			assert_string_equal(part[0], cases[i].first);
		if (part[1])
			assert_string_equal(part[1], cases[i].second);
	}
}

static void long_paths(void **state)
{
	char buf[PV_HTTP_PATH], path[PV_HTTP_PATH + 2];
	const char *part[PV_HTTP_PARTS];
	(void)state;
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[PV_HTTP_PATH - 1] = 0;
	assert_true(pv_http_match("/{name}", path, buf, part));
	assert_int_equal(strlen(part[0]), PV_HTTP_PATH - 2);
	path[PV_HTTP_PATH - 1] = 'a';
	path[PV_HTTP_PATH] = 0;
	assert_false(pv_http_match("/{name}", path, buf, part));
	assert_true(pv_http_match("/{n}/{n}/{n}/{n}", "/1/2/3/4", buf, part));
	assert_string_equal(part[3], "4");
	assert_false(pv_http_match("/{n}/{n}/{n}/{n}/{n}", "/1/2/3/4/5", buf, part));
}

static void numbers_and_types(void **state)
{
	(void)state;
	assert_int_equal(pv_http_number("7"), 7);
	assert_true(pv_http_number("99999999999999999999999") == UINT64_MAX);
	assert_true(pv_http_is_type("application/json", "application/json"));
	assert_true(pv_http_is_type(" Application/JSON; charset=utf-8", "application/json"));
	assert_true(pv_http_is_type("application/x-yaml;q=1", "application/x-yaml"));
	assert_false(pv_http_is_type("application/jsonp", "application/json"));
	assert_false(pv_http_is_type("application", "application/json"));
	assert_false(pv_http_is_type(NULL, "application/json"));
}

static void answers(void **state)
{
	struct pv_http_answer a = {0, NULL, NULL, 0};
	(void)state;
	pv_http_error(&a, 404, "no '%s' here", "a\xff\n\"");
	assert_int_equal(a.status, 404);
	assert_string_equal(a.content_type, PV_HTTP_JSON);
	assert_string_equal(a.bytes, "{\"error\":\"no 'a\\\\255\\\\010\\\"' here\"}");
	assert_int_equal(a.len, strlen(a.bytes));
	pv_http_text(&a, 200, "words"); /* takes the place of what was there */
	assert_string_equal(a.bytes, "words");
	pv_http_json(&a, 200, NULL);
	assert_int_equal(a.status, 0);
	assert_null(a.bytes);
}

static void hosts(void **state)
{
	static const struct {
		const char *header, *own;
		bool ok;
	} cases[] = {
		{NULL, NULL, true},
		{"localhost", NULL, true},
		{"LocalHost:10853", NULL, true},
		{"localhost.", NULL, true},
		{"pv.localhost:1", NULL, true},
		{"127.0.0.1", NULL, true},
		{"127.8.9.1:80", NULL, true},
		{"[::1]:10853", NULL, true},
		{"[::1]", NULL, true},
		{"mybox:10853", "mybox", true},
		{"mybox:10853", NULL, false},
		{"", NULL, false},
		{":80", NULL, false},
		{".localhost", NULL, false},
		{"notlocalhost", NULL, false},
		{"localhost.evil.example", NULL, false},
		{"evil.example:10853", "localhost", false},
		{"10.0.0.1", NULL, false},
		{"[::2]", NULL, false},
		{"[::1", NULL, false},
		{"[::1]x", NULL, false},
		{"localhost:80:evil", NULL, false},
		{"localhost:8x", NULL, false},
		{"127.1", NULL, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		print_message("%s\n", cases[i].header ? cases[i].header : "(none)");
		assert_int_equal(pv_http_host_ok(cases[i].header, cases[i].own), cases[i].ok);
	}
}

static void tokens(void **state)
{
	(void)state;
	assert_true(pv_http_bearer_ok("Bearer secret", "secret"));
	assert_true(pv_http_bearer_ok("bearer secret", "secret"));
	assert_false(pv_http_bearer_ok("Bearer secreT", "secret"));
	assert_true(pv_http_bearer_ok("Bearer  secret \t", "secret")); /* blanks are no part of it */
	assert_false(pv_http_bearer_ok("Bearer sec ret", "secret"));
	assert_false(pv_http_bearer_ok("Bearer ", "secret"));
	assert_false(pv_http_bearer_ok("Bearer ", ""));
	assert_false(pv_http_bearer_ok("Basic secret", "secret"));
	assert_false(pv_http_bearer_ok(NULL, "secret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns), cmocka_unit_test(long_paths), cmocka_unit_test(numbers_and_types),
		cmocka_unit_test(answers),  cmocka_unit_test(hosts),	  cmocka_unit_test(tokens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
