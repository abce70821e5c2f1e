/* SPDX-License-Identifier: MPL-2.0 */
/* tests/unit/prom_util.h - is this Prometheus text? Written from the format's description alone, and stricter
 * than a server: every family once with HELP and TYPE, its samples together, labels in our order, histograms
 * and summaries whole. */
#ifndef TESTS_PROM_UTIL_H
#define TESTS_PROM_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define PROM_WORD 256

struct prom_check {
	char family[PROM_WORD], type[PROM_WORD];
	bool help; /* HELP has been, TYPE comes */
	char **families, **series;
	size_t nfamilies, nseries;
	bool inside; /* a histogram: between its first bucket and +Inf */
	double le, cumulative;
	unsigned quantiles, rest; /* of a summary so far; _sum and _count that must come */
	char why[512];
};

/* Always false. */
__attribute__((format(printf, 2, 3))) static inline bool prom_bad(struct prom_check *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(c->why, sizeof c->why, fmt, ap);
	va_end(ap);
	return false;
}

static inline size_t prom_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
	return n && !(*s >= '0' && *s <= '9') ? n : 0;
}

static inline char *prom_copy(const char *s, size_t n)
{
	char *c = malloc(n + 1);
	if (!c)
		abort();
	memcpy(c, s, n);
	c[n] = 0;
	return c;
}

static inline bool prom_whole(struct prom_check *c)
{
	if (c->inside || c->rest || c->quantiles % 4)
		return prom_bad(c, "%s: a point is not whole", c->family);
	return true;
}

static inline bool prom_heading(struct prom_check *c, const char *s, size_t len)
{
	bool help = !strncmp(s, "# HELP ", 7);
	char name[PROM_WORD], word[PROM_WORD];
	size_t n;
	if (!help && strncmp(s, "# TYPE ", 7) != 0)
		return prom_bad(c, "a comment: %.*s", (int)len, s);
	n = prom_name(s + 7);
	if (!n || n >= sizeof name || s[7 + n] != ' ')
		return prom_bad(c, "no name: %.*s", (int)len, s);
	snprintf(name, sizeof name, "%.*s", (int)n, s + 7);
	if (help) {
		for (const char *p = s + 8 + n; p < s + len; p++)
			if (*p == '\\' && *++p != '\\' && *p != 'n')
				return prom_bad(c, "an escape in HELP: %.*s", (int)len, s);
		for (size_t i = 0; i < c->nfamilies; i++)
			if (!strcmp(c->families[i], name))
				return prom_bad(c, "%s stands twice", name);
		c->families[c->nfamilies++] = prom_copy(name, n);
		memcpy(c->family, name, sizeof name);
		c->help = true;
		return prom_whole(c);
	}
	if (!c->help || strcmp(c->family, name) != 0)
		return prom_bad(c, "TYPE without HELP: %s", name);
	snprintf(word, sizeof word, "%.*s", (int)(len - 8 - n), s + 8 + n);
	if (strcmp(word, "gauge") && strcmp(word, "counter") && strcmp(word, "summary") &&
	    strcmp(word, "histogram"))
		return prom_bad(c, "type '%s'", word);
	memcpy(c->type, word, sizeof word);
	c->help = false;
	return true;
}

/* The labels from '{' on; their end, or NULL. quantile and le: their values, or -1. */
static inline const char *prom_labels(struct prom_check *c, const char *p, double *quantile, double *le)
{
	char last[PROM_WORD] = "", name[PROM_WORD];
	if (*p++ != '{')
		return prom_bad(c, "no brace"), NULL;
	while (*p != '}') {
		size_t n = prom_name(p);
		if (!n || n >= sizeof name || p[n] != '=' || p[n + 1] != '"')
			return prom_bad(c, "no label: %.40s", p), NULL;
		snprintf(name, sizeof name, "%.*s", (int)n, p);
		if (*last && strcmp(last, "instance") && strcmp(last, name) >= 0)
			return prom_bad(c, "label %s behind %s", name, last), NULL;
		if (!strcmp(last, name))
			return prom_bad(c, "label %s twice", name), NULL;
		memcpy(last, name, sizeof last);
		p += n + 2;
		if (!strcmp(name, "quantile"))
			*quantile = strtod(p, NULL);
		if (!strcmp(name, "le"))
			*le = strtod(p, NULL);
		for (; *p != '"'; p++)
			if (*p == '\n' || (*p == '\\' && *++p != '\\' && *p != '"' && *p != 'n'))
				return prom_bad(c, "label %s is not escaped", name), NULL;
		p++;
		if (*p == ',' && p[1] != '}')
			p++;
		else if (*p != '}')
			return prom_bad(c, "behind label %s: %.10s", name, p), NULL;
	}
	return p + 1;
}

static inline bool prom_sample(struct prom_check *c, const char *s, size_t len)
{
	double quantile = -1, le = -1;
	size_t n = prom_name(s), base = strlen(c->family);
	const char *suffix = s + base, *end = n ? prom_labels(c, s + n, &quantile, &le) : NULL;
	char *after;
	if (!end)
		return c->why[0] ? false : prom_bad(c, "no name: %.*s", (int)len, s);
	if (c->help || n < base || strncmp(s, c->family, base) != 0)
		return prom_bad(c, "within %s: %.*s", c->family, (int)len, s);
	size_t rest = n - base;
	bool sum = rest == 4 && !strncmp(suffix, "_sum", 4),
	     count = rest == 6 && !strncmp(suffix, "_count", 6);
	bool bucket = rest == 7 && !strncmp(suffix, "_bucket", 7);
	double v = strtod(end + 1, &after);
	if (*end != ' ' || after != s + len || after == end + 1)
		return prom_bad(c, "no number: %.*s", (int)len, s);
	if (!strcmp(c->type, "histogram")) {
		if (bucket && (le < 0 || (c->inside && (le <= c->le || v < c->cumulative))))
			return prom_bad(c, "buckets out of order: %.*s", (int)len, s);
		if (bucket) {
			c->inside = le < 1e300;
			c->le = le;
			c->cumulative = v;
			c->rest = c->inside ? 0 : 2;
		} else if (c->inside ||
			   !(sum ? c->rest-- == 2 : count && c->rest-- == 1 && v == c->cumulative)) {
			return prom_bad(c, "not of a histogram: %.*s", (int)len, s);
		}
	} else if (!strcmp(c->type, "summary")) {
		if (!rest && quantile >= 0 && quantile <= 1 && !c->rest)
			c->rest = ++c->quantiles % 4 ? 0 : 2;
		else if (c->quantiles % 4 || !(sum ? c->rest-- == 2 : count && c->rest-- == 1))
			return prom_bad(c, "not of a summary: %.*s", (int)len, s);
	} else if (rest || quantile >= 0 || le >= 0) {
		return prom_bad(c, "not of a %s: %.*s", c->type, (int)len, s);
	}
	c->series[c->nseries++] = prom_copy(s, (size_t)(end - s));
	return true;
}

static inline int prom_by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* NULL, or what is wrong; valid until the next call. samples: how many there are, may be NULL. */
static inline const char *prom_invalid(const char *text, size_t len, size_t *samples)
{
	static char why[512];
	size_t lines = 1;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	struct prom_check c = {.families = calloc(lines, sizeof(char *)),
			       .series = calloc(lines, sizeof(char *))};
	bool fine = c.families && c.series;
	if (!fine)
		abort();
	if (strlen(text) != len || !len || text[len - 1] != '\n')
		fine = prom_bad(&c, "it does not end where it should");
	for (size_t i = 0, n; fine && i < len; i += n) {
		n = pv_utf8_len((const unsigned char *)text + i, len - i);
		if (!n)
			fine = prom_bad(&c, "no UTF-8 at %zu", i);
	}
	for (const char *s = text, *end; fine && *s; s = end + 1) {
		end = strchr(s, '\n');
		fine = *s == '#' ? prom_heading(&c, s, (size_t)(end - s))
				 : prom_sample(&c, s, (size_t)(end - s));
	}
	fine = fine && prom_whole(&c);
	if (fine && c.help)
		fine = prom_bad(&c, "HELP without TYPE");
	qsort(c.series, c.nseries, sizeof(char *), prom_by_text);
	for (size_t i = 1; fine && i < c.nseries; i++)
		if (!strcmp(c.series[i - 1], c.series[i]))
			fine = prom_bad(&c, "twice: %.400s", c.series[i]);
	if (samples)
		*samples = c.nseries;
	for (size_t i = 0; i < c.nfamilies; i++)
		free(c.families[i]);
	for (size_t i = 0; i < c.nseries; i++)
		free(c.series[i]);
	free(c.families);
	free(c.series);
	memcpy(why, c.why, sizeof why);
	return fine ? NULL : why;
}

#endif
