/* SPDX-License-Identifier: MPL-2.0 */
/* push/: what is in a request and when, what becomes of it, what collectors answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "push/answer.h"
#include "push/push.h"
#include "push/request.h"
#include "unit/guard.h"
#include "unit/otlp_util.h"
#include "unit/store_util.h"

/* ---- answers -------------------------------------------------------------------------------------- */

struct answer_case {
	const char *bytes;
	size_t n;
	bool ok;
	uint64_t rejected;
	const char *words;
};

#define BYTES(s) s, sizeof(s) - 1
#define MAX63 "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
#define MINUS1 "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"

static void responses(void **state)
{
	static const struct answer_case cases[] = {
	    {BYTES(""), true, 0, ""},
	    {BYTES("\x0a\x00"), true, 0, ""},
	    {BYTES("\x0a\x02\x08\x05"), true, 5, ""},
	    {BYTES("\x0a\x05\x12\x03why"), true, 0, "why"},
	    {BYTES("\x0a\x08\x08\x96\x01\x12\x03why"), true, 150, "why"},
	    {BYTES("\x0a\x0a\x08" MAX63), true, INT64_MAX, ""},
	    {BYTES("\x0a\x0b\x08" MINUS1), true, 0, ""},
	    {BYTES("\x0a\x06\x12\x04\xff\x1b\n "), true, 0, "\\255\\027\\010 "},
	    {BYTES("\x78\x01\x0a\x02\x08\x05\x79" "12345678" "\x7d" "1234"), true, 5, ""}, /* fields we do not know */
	    {BYTES("\x0a\x02\x0a\x00"), true, 0, ""}, /* one of another type is one of them */
	    {BYTES("\x0a\x03\x08\x05"), false, 0, ""},
	    {BYTES("\x0a"), false, 0, ""},
	    {BYTES("\x0a\x02\x08\x80"), false, 0, ""},
	    {BYTES("\x0a\x0c\x08" "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), false, 0, ""},
	    {BYTES("\x08\x01"), false, 0, ""}, /* it is a message */
	    {BYTES("\x0b\x0c"), false, 0, ""}, /* groups went with proto2 */
	    {BYTES("\x02\x00"), false, 0, ""}, /* there is no field 0 */
	    {BYTES("<html>"), false, 0, ""},
	    {BYTES("{}"), false, 0, ""},
	    {BYTES("\x0a\x02\x08\x05<"), false, 0, ""}, /* nothing of it is believed */
	};
	(void)state;
	struct guard g;
	guard_init(&g, 64);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t n = cases[i].n + 1; n-- > 0;) { /* every prefix, at a page that cannot be read */
			struct pv_push_answer a;
			bool ok = pv_push_response(guard_put(&g, cases[i].bytes, n), n, &a);
			if (!ok)
				assert_true(!a.rejected && !a.words[0]);
			if (n < cases[i].n)
				continue;
			if (ok != cases[i].ok || a.rejected != cases[i].rejected || strcmp(a.words, cases[i].words) != 0)
				fail_msg("case %zu: %d %" PRIu64 " '%s'", i, ok, a.rejected, a.words);
		}
	guard_free(&g);
}

static void statuses(void **state)
{
	struct pv_push_answer a;
	char bytes[2 + 127], long_words[3 + 1000];
	(void)state;
	assert_true(pv_push_status(BYTES("\x08\x03\x12\x03why"), &a));
	assert_string_equal(a.words, "why");
	assert_true(pv_push_status("", 0, &a));
	assert_string_equal(a.words, "");
	assert_false(pv_push_status(BYTES("<html>Bad Gateway</html>"), &a));
	memset(bytes, 'x', sizeof bytes);
	memcpy(bytes, "\x12\x7f", 2);
	assert_true(pv_push_status(bytes, sizeof bytes, &a));
	assert_int_equal(strlen(a.words), 127);
	memset(long_words, 'x', sizeof long_words);
	memcpy(long_words, "\x12\xe8\x07", 3);
	assert_true(pv_push_status(long_words, sizeof long_words, &a));
	assert_int_equal(strlen(a.words), PV_PUSH_WORDS - 1); /* a line has room for so many */
}

/* ---- what becomes of a request -------------------------------------------------------------------- */

static void fates(void **state)
{
	static const struct {
		unsigned status;
		enum pv_push_fate fate;
	} cases[] = {
	    {0, PV_PUSH_AGAIN},	    {200, PV_PUSH_TAKEN},   {202, PV_PUSH_TAKEN},   {299, PV_PUSH_TAKEN},
	    {100, PV_PUSH_REFUSED}, {300, PV_PUSH_REFUSED}, {307, PV_PUSH_REFUSED}, {400, PV_PUSH_REFUSED},
	    {404, PV_PUSH_REFUSED}, {408, PV_PUSH_REFUSED}, {429, PV_PUSH_AGAIN},   {500, PV_PUSH_REFUSED},
	    {501, PV_PUSH_REFUSED}, {502, PV_PUSH_AGAIN},   {503, PV_PUSH_AGAIN},   {504, PV_PUSH_AGAIN},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(pv_push_fate(cases[i].status), cases[i].fate);
}

static void backoff(void **state)
{
	static const uint64_t most[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	(void)state;
	for (unsigned n = 0; n < 8; n++) {
		assert_int_equal(pv_push_backoff_ms(n, 0), most[n]);
		assert_int_equal(pv_push_backoff_ms(n, most[n] / 2 - 1), most[n] / 2 + 1);
		for (uint64_t r = 1; r; r *= 3) {
			uint64_t ms = pv_push_backoff_ms(n, r);
			assert_true(ms > most[n] / 2 && ms <= most[n]);
			if (r > UINT64_MAX / 3)
				break;
		}
	}
	assert_int_equal(pv_push_backoff_ms(1000000, 0), 60000);
}

/* ---- requests --------------------------------------------------------------------------------------- */

static const struct pv_push_minutes none;

/* What would be pushed now, as lines; to be freed. */
static char *lines(struct pv_store *s, const struct pv_push_minutes *given, struct pv_push_request *q)
{
	static const struct pv_otlp_conf conf = {.service = "x", .seed = 1};
	struct pv_views *all = pv_store_views(s, NULL);
	assert_int_equal(pv_push_request_make(q, all, &conf, 9999 * SEC, given), 0);
	pv_views_free(all);
	return q->bytes ? otlp_lines((const uint8_t *)q->bytes, q->len) : strdup("");
}

/* Are these words in it? */
static void request(struct pv_store *s, const struct pv_push_minutes *given, const char *want, const char *never)
{
	struct pv_push_request q;
	char *text = lines(s, given, &q);
	if (want && !strstr(text, want))
		fail_msg("want: %s\nin:\n%s", want, text);
	if (never && strstr(text, never))
		fail_msg("did not want: %s\nin:\n%s", never, text);
	free(text);
	pv_push_request_reset(&q);
}

static void nothing_to_say(void **state)
{
	(void)state;
	struct pv_store *s = store_new();
	struct pv_push_request q;
	char *text = lines(s, &none, &q);
	assert_string_equal(text, "");
	assert_null(q.bytes);
	free(text);
	pv_push_request_reset(&q);
	pv_store_free(s);
}

static void minutes(void **state)
{
	(void)state;
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 3);
	struct pv_push_request q;
	struct stream t;
	open_stream(&t, 7);
	put(&t, 0, 7, "n", true); /* the first minute, which is open: no histogram, which will come whole */
	hand_over(&t, stage);
	request(s, &none, "gauge test_packets_total 1: 1000000000000-9999000000000 handler=p-t-n policy=p tap=t = 60\n", "test_times");
	put(&t, 0, 7, "n", false);
	hand_over(&t, stage);
	request(s, &none, "delta test_times 1: 1000000000000-1060000000000 handler=p-t-n policy=p tap=t = 60/", "9999");
	put(&t, 1, 7, "n", true); /* the next is open: still the last whole one */
	hand_over(&t, stage);
	char *text = lines(s, &none, &q);
	assert_non_null(strstr(text, "delta test_times 1: 1000000000000-1060000000000 "));
	assert_int_equal(q.minutes.n, 1);
	free(text);
	/* the collector has taken it: all but the histogram comes again */
	request(s, &q.minutes, "gauge test_packets_total 1: 1000000000000-1060000000000 ", "test_times");
	put(&t, 1, 7, "n", false);
	put(&t, 2, 7, "n", true);
	hand_over(&t, stage);
	request(s, &q.minutes, "delta test_times 1: 1060000000000-1120000000000 ", ": 1000000000000-");
	pv_push_request_reset(&q);
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

/* Policies are told apart, and so are handlers of one name in two of them. */
static void policies(void **state)
{
	(void)state;
	struct pv_store *s = store_new();
	struct pv_stage *stage[2] = {input(s, "p", "t", 3), input(s, "q", "t", 3)};
	struct pv_push_request q;
	for (int i = 0; i < 2; i++) {
		struct stream t;
		open_stream(&t, 7);
		put(&t, 0, 7, "n", false);
		put(&t, 0, 7, "m", false);
		hand_over(&t, stage[i]);
		close_stream(&t);
	}
	char *text = lines(s, &none, &q);
	assert_non_null(strstr(text, "scope pktvisor/p policy_name=p\n"));
	assert_non_null(strstr(text, "scope pktvisor/q policy_name=q\n"));
	assert_int_equal(q.minutes.n, 4);
	assert_int_equal(q.dropped, 0);
	q.minutes.n = 3; /* of one of them it is not known */
	struct pv_push_request again;
	free(text);
	text = lines(s, &q.minutes, &again);
	size_t deltas = 0;
	for (const char *at = text; (at = strstr(at, "delta test_times ")); at++) {
		const char *handlers = strstr(at, " = 60/"); /* not one of an interface */
		deltas += handlers && handlers < strchr(at, '\n');
	}
	assert_int_equal(deltas, 1);
	free(text);
	pv_push_request_reset(&again);
	pv_push_request_reset(&q);
	for (int i = 0; i < 2; i++)
		pv_stage_free(stage[i]);
	pv_store_free(s);
}

/* num_periods 1: it never closes while it runs. */
static void forever(void **state)
{
	(void)state;
	struct pv_store *s = store_new();
	struct pv_stage *stage = input(s, "p", "t", 1);
	struct stream t;
	open_stream(&t, 7);
	put(&t, 0, 7, "n", true);
	hand_over(&t, stage);
	for (int twice = 0; twice < 2; twice++)
		request(s, &none, "cumulative test_times 1: 1000000000000-9999000000000 ", "delta");
	close_stream(&t);
	pv_stage_free(stage);
	pv_store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(responses),
	    cmocka_unit_test(statuses),
	    cmocka_unit_test(fates),
	    cmocka_unit_test(backoff),
	    cmocka_unit_test(nothing_to_say),
	    cmocka_unit_test(minutes),
	    cmocka_unit_test(policies),
	    cmocka_unit_test(forever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
