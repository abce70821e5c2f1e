/* SPDX-License-Identifier: MPL-2.0 */
/* Every row of every handler's metric table: names that all outputs can carry, words for people, and numbers
 * that are never given twice. tests/metrics.released has the rows that stand for good: it only grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "event/check.h"
#include "handlers/handlers.h"
#include "metric/prom.h"

static const char *const kinds[] = {NULL, "counter", "distinct", "top", "quantiles", "histogram", "rate", "gauge", "minimum", "maximum", "tally"};
#define KINDS (sizeof kinds / sizeof kinds[0])

static const char *const units[] = {"1",       "packets",   "bytes",  "messages", "transactions",
				    "names",   "addresses", "errors", "us",	  "packets/s",
				    "bits/s",  "transactions/s",
				    "bytes/s", "messages/s", "percent", "policies", "handlers",
				    "measurements", "measurements/s", "records", "ports", "conversations",
				    "connections"};

#define FAIL(h, m, ...)                                                                                      \
	(fprintf(stderr, "%s:%s %s: ", (h)->type, (h)->version, (m) ? (m)->path : "(handler)"),              \
	 fprintf(stderr, __VA_ARGS__), fprintf(stderr, "\n"), fail())

static bool word(const char *s, const char *more)
{
	if (!s || !*s || isdigit((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && !strchr(more, *s))
			return false;
	return true;
}

/* Whether one path leads into the other: an object and a value cannot both stand there. */
static bool collide(const char *a, const char *b)
{
	size_t n = strlen(a);
	return !strncmp(a, b, n) && (b[n] == 0 || b[n] == '.');
}

static void handlers(void **state)
{
	(void)state;
	assert_non_null(pv_handlers[0]);
	for (size_t i = 0; pv_handlers[i]; i++) {
		const struct pv_handler *h = pv_handlers[i];
		assert_true(word(h->type, ""));
		assert_true(word(h->schema, ""));
		if (!isdigit((unsigned char)h->version[0]) || h->version[1] != '.' ||
		    !isdigit((unsigned char)h->version[2]) || h->version[3])
			FAIL(h, (struct pv_metric *)NULL, "odd version");
		for (size_t k = 0; k < i; k++)
			if (!strcmp(h->type, pv_handlers[k]->type) &&
			    !strcmp(h->version, pv_handlers[k]->version))
				FAIL(h, (struct pv_metric *)NULL, "stands twice");
		assert_non_null(h->update);
		assert_true(h->wants != 0);
		for (unsigned t = 0; t < PV_EV_TYPES; t++)
			if ((h->wants >> t & 1) && !pv_event_type_name(t))
				FAIL(h, (struct pv_metric *)NULL, "wants events of type %u", t);
		assert_true(h->nmetrics > 0);
		assert_true(h->ngroups <= 32); /* bits of pv_bucket_conf.groups */
		for (size_t g = 0; g < h->ngroups; g++) {
			assert_true(word(h->groups[g].name, ""));
			assert_string_not_equal(h->groups[g].name, "all");
			assert_int_equal(pv_handler_group(h, h->groups[g].name), g);
		}
		assert_true(h->nscopes > 0 && !h->scopes[0].label && !h->scopes[0].container);
		for (size_t s = 1; s < h->nscopes; s++) {
			assert_true(word(h->scopes[s].label, ""));
			assert_true(!h->scopes[s].container || word(h->scopes[s].container, ""));
			assert_true(h->scopes[s].parent < s);
			assert_true(h->scopes[s].max > 0);
		}
		const int base[] = {h->events, h->samples, h->events_rate};
		for (unsigned b = 0; b < 3; b++) {
			if (base[b] < 0)
				continue;
			const struct pv_metric *m = &h->metrics[base[b]];
			if ((size_t)base[b] >= h->nmetrics || m->kind != (b == 2 ? PV_RATE : PV_COUNTER) ||
			    m->scope || m->group != PV_ALWAYS || m->group2 != PV_ALWAYS)
				FAIL(h, m, "cannot be a base metric");
		}
	}
}

static void rows(void **state)
{
	(void)state;
	for (size_t i = 0; pv_handlers[i]; i++) {
		const struct pv_handler *h = pv_handlers[i];
		for (size_t r = 0; r < h->nmetrics; r++) {
			const struct pv_metric *m = &h->metrics[r];
			if (!m->path) {
				fprintf(stderr, "%s:%s: row %zu is missing\n", h->type, h->version, r);
				fail();
			}
			if (!word(m->path, ".") || strstr(m->path, "..") ||
			    m->path[strlen(m->path) - 1] == '.')
				FAIL(h, m, "no JSON path");
			for (const char *p = m->path; *p; p += strcspn(p, ".") + (p[strcspn(p, ".")] == '.'))
				if (strcspn(p, ".") > 63)
					FAIL(h, m, "a part of the path is longer than renderers take");
			if (!m->id)
				FAIL(h, m, "has no id");
			if (m->kind == 0 || m->kind >= KINDS)
				FAIL(h, m, "has no kind");
			if ((m->group != PV_ALWAYS && m->group >= h->ngroups) ||
			    (m->group2 != PV_ALWAYS && m->group2 >= h->ngroups))
				FAIL(h, m, "is of no group of the handler");
			if (m->scope >= h->nscopes)
				FAIL(h, m, "is of no scope of the handler");
			if ((m->kind == PV_TOPN || m->kind == PV_TALLY) && (!m->item || !word(m->label, "")))
				FAIL(h, m, "needs a label and a way to print items");
			if (m->kind == PV_TALLY && (!m->columns || !m->ncolumns || m->ncolumns > PV_TALLY_COLUMNS))
				FAIL(h, m, "has no columns");
			if (m->kind != PV_TALLY && (m->columns || m->ncolumns))
				FAIL(h, m, "has columns, but is no tally");
			if (m->kind != PV_TOPN && m->kind != PV_TALLY && (m->item || m->label || m->integer || m->geo))
				FAIL(h, m, "is no top list, but has parts of one");
			if (m->geo && m->integer)
				FAIL(h, m, "places are no numbers");
			if (m->real && m->kind != PV_QUANTILES)
				FAIL(h, m, "real is for quantiles");
			for (size_t k = 0; k < r; k++) {
				const struct pv_metric *o = &h->metrics[k];
				if (o->id == m->id)
					FAIL(h, m, "has the id of %s", o->path);
				if (o->scope == m->scope &&
				    (collide(o->path, m->path) || collide(m->path, o->path)))
					FAIL(h, m, "stands in the way of %s", o->path);
			}
		}
	}
}

static void prometheus(void **state)
{
	(void)state;
	for (size_t i = 0; pv_handlers[i]; i++)
		for (size_t r = 0; r < pv_handlers[i]->nmetrics; r++) {
			const struct pv_handler *h = pv_handlers[i];
			const struct pv_metric *m = &h->metrics[r];
			char name[256], other[256];
			assert_true(pv_point_name(h, m, name, sizeof name) < (int)sizeof name);
			if (!word(name, ""))
				FAIL(h, m, "'%s' is no Prometheus name", name);
			for (size_t k = 0; k <= i; k++) /* versions of one type may share names: test_prom.c */
				for (size_t q = 0; (k < i || q < r) && q < pv_handlers[k]->nmetrics; q++) {
					pv_point_name(pv_handlers[k], &pv_handlers[k]->metrics[q], other,
						     sizeof other);
					if (!strcmp(name, other) &&
					    (k == i ? m->scope == h->metrics[q].scope
						    : strcmp(h->type, pv_handlers[k]->type) != 0))
						FAIL(h, m, "Prometheus name '%s' stands twice", name);
				}
		}
}

static void words(void **state)
{
	(void)state;
	for (size_t i = 0; pv_handlers[i]; i++)
		for (size_t r = 0; r < pv_handlers[i]->nmetrics; r++) {
			const struct pv_handler *h = pv_handlers[i];
			const struct pv_metric *m = &h->metrics[r];
			size_t n = m->help ? strlen(m->help) : 0, u = 0;
			if (n < 4 || n > 110)
				FAIL(h, m, "help has %zu characters", n);
			if (m->help[n - 1] == '.' || isspace((unsigned char)m->help[n - 1]))
				FAIL(h, m, "help ends in '%c'", m->help[n - 1]);
			for (const char *c = m->help; *c; c++)
				if ((unsigned char)*c < ' ')
					FAIL(h, m, "help has control characters");
			/* lower-case, or an acronym: TCP, DNS, IPv4, DHCPv6 */
			if (!(islower((unsigned char)m->help[0]) ||
			      (isupper((unsigned char)m->help[0]) && isupper((unsigned char)m->help[1]))))
				FAIL(h, m, "help starts with a capital: %s", m->help);
			while (u < sizeof units / sizeof units[0] && (!m->unit || strcmp(m->unit, units[u])))
				u++;
			if (u == sizeof units / sizeof units[0])
				FAIL(h, m, "unit '%s' is not a known one", m->unit ? m->unit : "");
			if ((m->kind == PV_RATE) != (strstr(m->unit, "/s") != NULL))
				FAIL(h, m, "'%s' for a %s", m->unit, kinds[m->kind]);
		}
}

/* Items come from buckets that anybody may have written. */
static void items(void **state)
{
	(void)state;
	static const struct pv_topn_row odd[] = {
	    {NULL, 0, 0, 1},	     {NULL, 0, UINT64_MAX, 1},	     {"", 0, 0, 1},
	    {"\xff\0\t\n", 4, 0, 1}, {"0123456789abcdef", 16, 0, 1}, {"0123456789abcde", 15, 7, 1},
	};
	for (size_t i = 0; pv_handlers[i]; i++)
		for (size_t r = 0; r < pv_handlers[i]->nmetrics; r++)
			for (size_t k = 0; pv_handlers[i]->metrics[r].item && k < sizeof odd / sizeof odd[0];
			     k++)
				for (size_t cap = 1; cap < 80; cap++) {
					char *out = malloc(cap); /* its size exactly, for the sanitizers */
					assert_non_null(out);
					memset(out, 'x', cap);
					pv_handlers[i]->metrics[r].item(&odd[k], out, cap);
					assert_non_null(memchr(out, 0, cap));
					free(out);
				}
}

static void released(void **state)
{
	(void)state;
	char path[512], line[256];
	const char *tests = getenv("TESTS");
	snprintf(path, sizeof path, "%s/metrics.released", tests ? tests : "tests");
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("cannot open %s", path);
	char(*known)[256] = calloc(4096, sizeof *known);
	size_t n = 0, missing = 0;
	assert_non_null(known);
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		if (!line[0] || line[0] == '#')
			continue;
		assert_true(n < 4096);
		memcpy(known[n++], line, sizeof line);
	}
	fclose(f);
	assert_true(n > 0);
	char *seen = calloc(n, 1);
	assert_non_null(seen);
	for (size_t i = 0; pv_handlers[i]; i++)
		for (size_t r = 0; r < pv_handlers[i]->nmetrics; r++) {
			const struct pv_handler *h = pv_handlers[i];
			const struct pv_metric *m = &h->metrics[r];
			size_t k = 0;
			snprintf(line, sizeof line, "%s:%s %u %s %s.%s", h->type, h->version, m->id,
				 kinds[m->kind], h->schema, m->path);
			while (k < n && strcmp(known[k], line))
				k++;
			if (k < n) {
				seen[k] = 1;
			} else {
				fprintf(stderr, "new, to be appended to tests/metrics.released: %s\n", line);
				missing++;
			}
		}
	for (size_t k = 0; k < n; k++)
		if (!seen[k]) {
			fprintf(stderr, "released, but changed or gone: %s\n", known[k]);
			missing++;
		}
	free(seen);
	free(known);
	assert_int_equal(missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(handlers), cmocka_unit_test(rows),	 cmocka_unit_test(prometheus),
	    cmocka_unit_test(words),	cmocka_unit_test(items), cmocka_unit_test(released),
	};
	return cmocka_run_group_tests_name("metrics_table", tests, NULL, NULL);
}
