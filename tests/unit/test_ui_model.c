/* SPDX-License-Identifier: MPL-2.0 */
/* Answers of every form, and of none, as sections and metrics; the history of rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui/history.h"
#include "ui/model.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Frees with free(). Tests give literals, and the parser writes into what it is given. */
static struct pv_ui_model *model_of(const char *text, char *err, size_t cap)
{
	char *body = strdup(text);
	json_t *j = pv_ui_json(body, strlen(text), err, cap);
	struct pv_ui_model *m = j ? pv_ui_model_new(j) : NULL;
	json_decref(j);
	free(body);
	return m;
}

/* "name:count@place(fact:value ...)" */
static void describe_item(FILE *f, const char *comma, const struct pv_ui_metric *m, const struct pv_ui_item *it)
{
	fprintf(f, "%s%s:%.0f%s%s", comma, it->name, it->n.d, *it->place ? "@" : "", it->place);
	for (size_t i = 0; i < m->facts; i++)
		if (it->have & 1u << i)
			fprintf(f, "(%s:%.0f)", m->fact[i], it->fact[i].d);
}

/* "schema start+length; title: path=value ..." */
static void describe(const struct pv_ui_model *m, char *out, size_t cap)
{
	FILE *f = fmemopen(out, cap, "w");
	for (size_t i = 0; i < m->n; i++) {
		const struct pv_ui_handler *h = &m->handler[i];
		fprintf(f, "%s/%s/%s", h->policy, h->name, h->schema);
		if (h->length)
			fprintf(f, " %llu+%llu", (unsigned long long)h->start, (unsigned long long)h->length);
		for (const struct pv_ui_section *s = h->section; s; s = s->next) {
			if (*s->map)
				fprintf(f, "; %s %s", s->map, s->title);
			for (const struct pv_ui_metric *x = s->metric; x; x = x->next) {
				fprintf(f, " %s=", x->path);
				for (size_t k = 0; k < x->items; k++)
					describe_item(f, k ? "," : "", x, &x->item[k]);
				if (x->kind == PV_UI_NUMBER)
					fprintf(f, x->n.real ? "%.2f" : "%.0f", x->n.d);
				else if (x->kind == PV_UI_QUANTILES)
					fprintf(f, "q%x", x->have);
				else if (x->kind == PV_UI_TEXT)
					fprintf(f, "'%s'", x->text);
			}
		}
		fprintf(f, "\n");
	}
	if (m->left_out)
		fprintf(f, "left out %zu\n", m->left_out);
	fclose(f);
}

static const struct {
	const char *json, *want;
} answers[] = {
	{"{}", ""},
	{"{\"p\":{\"h\":{\"dns\":{\"a\":{\"b\":1},\"c\":2.5}}}}", "p/h/dns a.b=1 c=2.50\n"},
	{"{\"p\":{\"h\":{\"dns\":{\"period\":{\"start_ts\":7,\"length\":60},\"rates\":{\"total\":{\"p50\":1,\"live\":2}}}}}}",
	 "p/h/dns 7+60 rates.total=q11\n"},
	{"{\"p\":{\"h\":{\"x\":{\"top\":[{\"name\":\"a\",\"estimate\":3},{\"name\":\"b\",\"estimate\":1,\"lat\":\"1\",\"lon\":\"2\"}]}}}}",
	 "p/h/x top=a:3,b:1@1, 2\n"},
	{"{\"p\":{\"h\":{\"x\":{\"top\":[{\"name\":\"a\",\"estimate\":3,\"bps\":7,\"x\":{}},{\"pps\":1,\"bps\":-2,\"name\":\"b\",\"estimate\":1},"
	 "{\"name\":\"c\",\"estimate\":0}]}}}}",
	 "p/h/x top=a:3(bps:7),b:1(bps:-2)(pps:1),c:0\n"},
	/* more facts than a list may have */
	{"{\"p\":{\"h\":{\"x\":{\"top\":[{\"name\":\"a\",\"estimate\":3,\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,"
	 "\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1}]}}}}",
	 "p/h/x top=a:3(a:1)(b:1)(c:1)(d:1)(e:1)(f:1)(g:1)(h:1)(i:1)(j:1)(k:1)(l:1)\nleft out 2\n"},
	{"{\"p\":{\"h\":{\"x\":{\"hist\":{\"buckets\":{\"+Inf\":4,\"10\":1.0,\"9\":1}}}}}}", "p/h/x hist=9:1,10:1,+Inf:4\n"},
	{"{\"p\":{\"h\":{\"net\":{\"in\":{\"n\":1},\"out\":{\"n\":2},\"x\":{\"in\":{\"n\":3}}}}}}",
	 "p/h/net x.in.n=3; direction in n=1; direction out n=2\n"},
	{"{\"p\":{\"h\":{\"packets\":{\"in\":5,\"out\":6}}}}", "p/h/packets in=5 out=6\n"},
	{"{\"p\":{\"h\":{\"flow\":{\"devices\":{\"10.0.0.2\":{\"records_flows\":3,\"interfaces\":{\"0\":{\"in_bytes\":9}}}}}}}}",
	 "p/h/flow; devices 10.0.0.2 records_flows=3; interfaces 10.0.0.2 | 0 in_bytes=9\n"},
	{"{\"p\":{\"h\":{\"x\":{\"note\":\"w\\u001b[2J\"}}}}", "p/h/x note='w\\027[2J'\n"},
	{"{\"p\":{\"h\":{\"x\":{\"n\":-1}}}}", "p/h/x n=-1.00\n"},
	{"{\"p\":{\"h\":{\"x\":{\"n\":18446744073709551615}}}}", "p/h/x n=18446744073709551616.00\n"},
	/* what is of no form that we know is left out, and the rest is there */
	{"{\"p\":{\"h\":{\"x\":{\"a\":null,\"b\":true,\"c\":1}}}}", "p/h/x c=1\nleft out 2\n"},
	{"{\"p\":{\"h\":{\"x\":{\"top\":[1,{\"name\":2,\"estimate\":3},{\"name\":\"a\"},{\"name\":\"b\",\"estimate\":4}]}}}}",
	 "p/h/x top=b:4\nleft out 3\n"},
	{"{\"p\":{\"h\":{\"x\":{\"q\":{\"p50\":1,\"other\":2}}}}}", "p/h/x q.p50=1 q.other=2\n"},
	{"{\"p\":{\"h\":{\"x\":{\"targets\":{\"a\":1,\"b\":{}}}}}}", "p/h/x; targets b\nleft out 1\n"},
	{"{\"p\":{\"h\":{\"x\":1},\"i\":[]},\"q\":3}", "left out 3\n"},
	{"{\"p\":{\"h\":{\"x\":{\"period\":[1]}}}}", "p/h/x\n"},
};

static void test_answers(void **state)
{
	char got[1024], err[256];
	(void)state;
	for (size_t i = 0; i < LEN(answers); i++) {
		struct pv_ui_model *m = model_of(answers[i].json, err, sizeof err);
		assert_non_null(m);
		memset(got, 0, sizeof got);
		describe(m, got, sizeof got);
		assert_string_equal(got, answers[i].want);
		pv_ui_model_free(m);
	}
}

static const struct {
	const char *bytes, *err;
} bad[] = {
	{"", "the answer is empty"},
	{"{\"a\":", "the answer is not JSON: "},
	{"<html>", "the answer is not JSON: "},
	{"{} x", "the answer is not JSON: "},
};

static void test_bad_answers(void **state)
{
	char err[256];
	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		assert_null(model_of(bad[i].bytes, err, sizeof err));
		assert_memory_equal(err, bad[i].err, strlen(bad[i].err));
	}
}

/* Every prefix of a good answer is refused, or understood; none does harm. */
static void test_prefixes(void **state)
{
	char err[256], cut[512];
	(void)state;
	for (size_t i = 0; i < LEN(answers); i++)
		for (size_t n = 0; n < strlen(answers[i].json); n++) {
			snprintf(cut, sizeof cut, "%.*s", (int)n, answers[i].json);
			assert_null(model_of(cut, err, sizeof err));
		}
}

/* Bytes that no parser takes cost a character, not the answer. */
static void test_bytes(void **state)
{
	char got[256] = "", err[256];
	(void)state;
	struct pv_ui_model *m = model_of("{\"p\":{\"h\":{\"x\":{\"t\":\"a\033[2J\377\303\"}}}}", err, sizeof err);
	assert_non_null(m);
	describe(m, got, sizeof got);
	assert_string_equal(got, "p/h/x t='a?[2J?" "?'\n");
	pv_ui_model_free(m);
}

static void test_limits(void **state)
{
	char err[256];
	size_t n = PV_UI_VALUES_MAX + 10;
	char *text = malloc(2 * n + 64);
	(void)state;
	assert_non_null(text);
	memset(text, ',', n);
	text[n] = '\0';
	assert_null(model_of(text, err, sizeof err));
	assert_non_null(strstr(err, "too large"));
	/* a long list is cut, and that is counted */
	size_t at = (size_t)snprintf(text, 64, "{\"p\":{\"h\":{\"x\":{\"top\":[");
	for (unsigned i = 0; i < PV_UI_ITEMS_MAX + 5; i++)
		at += (size_t)snprintf(text + at, 64, "%s{\"name\":\"%u\",\"estimate\":1}", i ? "," : "", i);
	snprintf(text + at, 64, "]}}}}");
	struct pv_ui_model *m = model_of(text, err, sizeof err);
	assert_non_null(m);
	assert_int_equal(m->handler[0].section->metric->items, PV_UI_ITEMS_MAX);
	assert_int_equal(m->left_out, 5);
	pv_ui_model_free(m);
	free(text);
}

/* ---- history ------------------------------------------------------------------------------------- */

static struct pv_ui_model *rate_of(unsigned start, unsigned length, unsigned p50, int live)
{
	char text[256], more[32] = "", err[256];
	if (live >= 0)
		snprintf(more, sizeof more, ",\"live\":%d", live);
	snprintf(text, sizeof text,
		 "{\"p\":{\"h\":{\"x\":{\"period\":{\"start_ts\":%u,\"length\":%u},\"rates\":{\"n\":{\"p50\":%u%s}}}}}}", start,
		 length, p50, more);
	struct pv_ui_model *m = model_of(text, err, sizeof err);
	assert_non_null(m);
	return m;
}

static void line_is(const struct pv_ui_history *h, const struct pv_ui_model *m, unsigned seconds, const double *want, int n)
{
	double got[64];
	const struct pv_ui_handler *x = &m->handler[0];
	assert_true(pv_ui_history_line(h, x, x->section, "rates.n", seconds, got, n));
	for (int i = 0; i < n; i++)
		assert_true(got[i] > want[i] - 0.001 && got[i] < want[i] + 0.001);
}

static void test_history(void **state)
{
	double none[4];
	(void)state;
	struct pv_ui_history *h = pv_ui_history_new();
	struct pv_ui_model *m = rate_of(1000, 0, 0, -1);
	assert_non_null(h);
	pv_ui_history_live(h, m);
	assert_false(pv_ui_history_line(h, &m->handler[0], m->handler[0].section, "rates.n", 60, none, 4));
	pv_ui_model_free(m);
	for (unsigned i = 1; i <= 4; i++) { /* seconds 1001 to 1004 */
		m = rate_of(1000, i, 0, (int)i * 10);
		pv_ui_history_live(h, m);
		pv_ui_model_free(m);
	}
	m = rate_of(940, 62, 20, -1); /* up to 1001, which is known better */
	pv_ui_history_minute(h, m);
	line_is(h, m, 4, (const double[]){0.25, 0.5, 0.75, 1}, 4);
	line_is(h, m, 8, (const double[]){0.5, 0.5, 0.5, 0.5, 0.25, 0.5, 0.75, 1}, 8);
	line_is(h, m, 8, (const double[]){20 / 35.0, 20 / 35.0, 15 / 35.0, 1}, 4); /* means of two */
	line_is(h, m, 4, (const double[]){0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1, 1}, 8);
	pv_ui_history_clear(h);
	assert_false(pv_ui_history_line(h, &m->handler[0], m->handler[0].section, "rates.n", 60, none, 4));
	pv_ui_model_free(m);
	pv_ui_history_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers), cmocka_unit_test(test_bad_answers), cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_bytes),	cmocka_unit_test(test_limits),	    cmocka_unit_test(test_history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
