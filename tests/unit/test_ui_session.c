/* SPDX-License-Identifier: MPL-2.0 */
/* What is asked, when, and what answers change; without a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui/session.h"

#define SEC UINT64_C(1000000000)
#define METRICS "{\"default\":{\"default-t-net\":{\"packets\":{\"total\":5}}}}"

static void answer(struct pv_ui_session *s, uint64_t at, unsigned status, const char *text)
{
	char *body = strdup(text);
	pv_ui_session_answer(s, at, status, body, strlen(text), status ? "" : text);
	free(body);
}

/* What is asked for now; "" for nothing. */
static void asks(struct pv_ui_session *s, uint64_t at, const char *want)
{
	char path[1024] = "";
	uint64_t wait;
	if (pv_ui_session_next(s, at, path, sizeof path, &wait) == PV_UI_ASK_NOTHING)
		path[0] = '\0';
	assert_string_equal(path, want);
}

static uint64_t waits(struct pv_ui_session *s, uint64_t at)
{
	char path[1024];
	uint64_t wait;
	assert_int_equal(pv_ui_session_next(s, at, path, sizeof path, &wait), PV_UI_ASK_NOTHING);
	return wait;
}

static void begin(struct pv_ui_session *s, const char *policy, unsigned window)
{
	assert_true(pv_ui_session_init(s, policy, window));
}

static void test_order(void **state)
{
	struct pv_ui_session s;
	(void)state;
	begin(&s, "default", 3);
	asks(&s, SEC, "/api/v1/policies/default/metrics/window/3");
	answer(&s, SEC, 200, METRICS);
	assert_int_equal(s.model->n, 1);
	assert_string_equal(s.server, "unknown");
	asks(&s, SEC, "/api/v1/metrics/app");
	answer(&s, SEC, 200, "{\"app\":{\"version\":\"4.5.0\\u001b\"}}");
	assert_string_equal(s.server, "4.5.0\\027");
	assert_true(pv_ui_other_major(&s));
	asks(&s, SEC, "/api/v1/policies");
	answer(&s, SEC, 200, "{\"b\":{},\"default\":{\"taps\":{\"u\":{},\"t\":{}}},\"a\":3}");
	assert_int_equal(s.policies.n, 3);
	assert_string_equal(s.policies.name[0], "a");
	assert_int_equal(s.taps.n, 2);
	assert_string_equal(s.taps.name[0], "t");
	asks(&s, SEC, "/api/v1/policies/default/metrics/bucket/0");
	answer(&s, SEC, 200, METRICS);
	asks(&s, SEC, "/api/v1/policies/default/metrics/bucket/1");
	answer(&s, SEC, 425, "{\"error\":\"not yet\"}"); /* so there are no older ones */
	assert_int_equal(waits(&s, SEC), SEC);
	asks(&s, 2 * SEC, "/api/v1/policies/default/metrics/window/3");
	answer(&s, 2 * SEC, 200, METRICS);
	asks(&s, 2 * SEC, "");
	asks(&s, 12 * SEC, "/api/v1/policies/default/metrics/window/3");
	answer(&s, 12 * SEC, 200, METRICS);
	asks(&s, 12 * SEC, "/api/v1/policies");
	pv_ui_session_free(&s);
}

static const struct {
	const char *text;
	unsigned window; /* that is asked for next; 0: none */
} early[] = {
	{"{\"error\":\"invalid metrics period, specify [2, 3]\"}", 3},
	{"{\"error\":\"invalid metrics period, specify [2, 10]\"}", 10},
	{"{\"error\":\"invalid metrics period, specify [2, 999]\"}", 10},
	{"invalid metrics period, specify [2, 4]", 4},
	{"{\"error\":\"invalid metrics period, specify [2, 5]\"}", 0}, /* that is what we asked */
	{"{\"error\":\"invalid metrics period, specify [2, 1]\"}", 1},
	{"{\"error\":\"invalid metrics period, specify [2, -1]\"}", 0},
	{"{\"error\":\"invalid metrics period\"}", 0},
	{"{\"error\":[7]}", 0},
	{"", 0},
};

static void test_425(void **state)
{
	char want[128];
	(void)state;
	for (size_t i = 0; i < sizeof early / sizeof early[0]; i++) {
		struct pv_ui_session s;
		begin(&s, "default", 5);
		asks(&s, SEC, "/api/v1/policies/default/metrics/window/5");
		answer(&s, SEC, 425, early[i].text);
		snprintf(want, sizeof want, "/api/v1/policies/default/metrics/%s/%u", early[i].window == 1 ? "bucket" : "window",
			 early[i].window == 1 ? 0 : early[i].window);
		asks(&s, SEC, early[i].window ? want : "/api/v1/metrics/app");
		assert_int_equal(*s.error != 0, !early[i].window);
		pv_ui_session_free(&s);
	}
}

/* One that contradicts itself is not asked for ever in the same second. */
static void test_425_again(void **state)
{
	struct pv_ui_session s;
	char path[256];
	uint64_t wait;
	unsigned asked = 0;
	(void)state;
	begin(&s, "default", 5);
	while (asked < 100 && pv_ui_session_next(&s, SEC, path, sizeof path, &wait) != PV_UI_ASK_NOTHING)
		answer(&s, SEC, 425, asked++ % 2 ? "specify [2, 5]" : "specify [2, 3]");
	assert_true(asked < 10);
	pv_ui_session_free(&s);
}

static void test_back_off(void **state)
{
	static const unsigned pause[] = {1, 2, 4, 10, 10, 10};
	struct pv_ui_session s;
	uint64_t at = SEC;
	(void)state;
	begin(&s, "default", 5);
	asks(&s, at, "/api/v1/policies/default/metrics/window/5");
	answer(&s, at, 200, METRICS);
	answer(&s, at, 0, ""); /* to nothing that was asked */
	for (size_t i = 0; i < sizeof pause / sizeof pause[0]; i++) {
		at += 20 * SEC;
		asks(&s, at, "/api/v1/policies/default/metrics/window/5");
		answer(&s, at, 0, "connection \033[2Jrefused");
		assert_string_equal(s.error, "connection \\027[2Jrefused");
		assert_non_null(s.model); /* what was known stays */
		assert_int_equal(waits(&s, at), pause[i] * SEC);
	}
	at += 20 * SEC;
	asks(&s, at, "/api/v1/policies/default/metrics/window/5");
	answer(&s, at, 200, METRICS);
	assert_string_equal(s.error, "");
	asks(&s, at, "/api/v1/metrics/app"); /* it may be another one now */
	pv_ui_session_free(&s);
}

static void test_errors(void **state)
{
	struct pv_ui_session s;
	(void)state;
	begin(&s, "no such/../policy", 5);
	asks(&s, SEC, "/api/v1/policies/no%20such%2F..%2Fpolicy/metrics/window/5");
	answer(&s, SEC, 404, "{\"error\":\"policy does not exist\"}");
	assert_string_equal(s.error, "404 policy does not exist");
	asks(&s, SEC, "/api/v1/metrics/app"); /* it is there: others can be picked */
	answer(&s, SEC, 404, "");
	assert_false(pv_ui_session_failed(&s)); /* not before it is known which */
	asks(&s, SEC, "/api/v1/policies");
	answer(&s, SEC, 200, "{\"b-resources\":{},\"other\":{},\"a-resources\":{},\"resources\":{}}");
	assert_string_equal(s.policies.name[0], "other"); /* those about the agent itself come last */
	assert_string_equal(s.policies.name[1], "resources");
	assert_string_equal(s.policies.name[2], "a-resources");
	assert_true(pv_ui_session_failed(&s));
	assert_int_equal(waits(&s, SEC), SEC);
	pv_ui_session_policy(&s, "other");
	asks(&s, SEC, "/api/v1/policies/other/metrics/window/5");
	answer(&s, SEC, 500, "");
	assert_string_equal(s.error, "status 500, without a word");
	pv_ui_session_refresh(&s);
	asks(&s, SEC, "/api/v1/policies/other/metrics/window/5");
	answer(&s, SEC, 200, "[]");
	assert_string_equal(s.error, "the answer is not an object");
	assert_true(pv_ui_session_failed(&s));
	asks(&s, SEC, ""); /* whatever that is, it is no agent */
	pv_ui_session_free(&s);
}

static void test_pause(void **state)
{
	struct pv_ui_session s;
	(void)state;
	begin(&s, "default", 1);
	s.paused = true;
	asks(&s, 5 * SEC, "");
	pv_ui_session_refresh(&s);
	asks(&s, 5 * SEC, "/api/v1/policies/default/metrics/bucket/0");
	answer(&s, 5 * SEC, 0, "gone");
	asks(&s, 50 * SEC, "");
	s.paused = false;
	asks(&s, 50 * SEC, "/api/v1/policies/default/metrics/bucket/0");
	pv_ui_session_free(&s);
}

static const struct {
	const char *name, *tap;
	bool of;
} of_tap[] = {
	{"default-t-net", "", true},	   {"default-t-net", "t", true},    {"default-t-net", "t-x", false},
	{"default-t-x-net", "t-x", true},  {"default-t-x-net", "t", false}, {"dns_merged", "t", true},
	{"default-", "t", false},	   {"default", "t", false},	    {"other-t-net", "t", false},
	{"default-other-net", "t", false},
};

static void test_taps(void **state)
{
	struct pv_ui_session s;
	(void)state;
	begin(&s, "default", 5);
	s.taps.n = 2;
	snprintf(s.taps.name[0], PV_UI_NAME_MAX, "t");
	snprintf(s.taps.name[1], PV_UI_NAME_MAX, "t-x");
	for (size_t i = 0; i < sizeof of_tap / sizeof of_tap[0]; i++) {
		const struct pv_ui_handler h = {.policy = "default", .name = of_tap[i].name};
		if (pv_ui_of_tap(&s, &h, of_tap[i].tap) != of_tap[i].of)
			fail_msg("%s of '%s'", of_tap[i].name, of_tap[i].tap);
	}
	pv_ui_session_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),  cmocka_unit_test(test_425),   cmocka_unit_test(test_425_again),
		cmocka_unit_test(test_back_off), cmocka_unit_test(test_errors), cmocka_unit_test(test_pause),
		cmocka_unit_test(test_taps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
