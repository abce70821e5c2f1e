/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "metric/pen.h"

#define WIDTH_NONE  100 /* where there is no terminal */
#define HEIGHT_NONE 24
#define WIDTH_MIN   40
#define INDENT      2
#define GAP         3   /* between things that stand side by side */
#define PATH_MAX_   256 /* of a metric, below its schema; longer ones are cut */
#define DEPTH_MAX   16  /* objects in objects; tables have 6 */
#define DEPTH_DEEP  5   /* from here on an object is a group of its own: an interface of a device */
#define GROUP_WIDTH 20  /* a group with a longer name has a line for it */
#define BARS        12  /* lines of a histogram */
#define NAME_LEAST  8   /* columns of a name; where it has no more, other things give way */

/* ---- values as text ----------------------------------------------------------------------------- */

#define NUMBER 40

static void grouped(char out[NUMBER], int64_t v)
{
	char digits[24];
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	int n = snprintf(digits, sizeof digits, "%" PRIu64, u), at = 0;
	if (v < 0)
		out[at++] = '-';
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = 0;
}

/* Counts that are beyond are shown as the largest number, as in JSON. */
static int64_t whole_number(double d)
{
	return d >= 0x1p63 ? INT64_MAX : d <= -0x1p63 ? INT64_MIN : (int64_t)d;
}

static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void number_text(char out[NUMBER], const json_t *v)
{
	double d = json_number_value(v);
	if (json_is_integer(v))
		grouped(out, json_integer_value(v));
	else if (d > -1e15 && d < 1e15 && (d >= 100 || d <= -100 || d == 0))
		grouped(out, (int64_t)(d < 0 ? d - 0.5 : d + 0.5));
	else
		snprintf(out, NUMBER, d >= 0.01 && d < 100 ? "%.2f" : "%.3g", d);
}

static bool is_zero(const json_t *v)
{
	return json_number_value(v) == 0;
}

static void share_text(char out[NUMBER], int64_t part, int64_t whole)
{
	double percent = 100.0 * (double)part / (double)whole;
	if (percent > 0 && percent < 0.05)
		snprintf(out, NUMBER, "<0.1%%");
	else
		snprintf(out, NUMBER, "%.1f%%", percent);
}

static void length_text(char *out, size_t cap, int64_t sec)
{
	if (sec < 120)
		snprintf(out, cap, "%" PRId64 " s", sec);
	else if (sec < 7200)
		snprintf(out, cap, "%" PRId64 " min %" PRId64 " s", sec / 60, sec % 60);
	else
		snprintf(out, cap, "%" PRId64 " h %" PRId64 " min", sec / 3600, sec % 3600 / 60);
}

/* ---- what a schema holds ------------------------------------------------------------------------ */

enum leaf_kind { COUNTER, QUANTILES, TOP, SUMS, HISTOGRAM };

struct leaf {
	enum leaf_kind kind;
	char path[PATH_MAX_]; /* "xact.counts.total" */
	size_t group;	      /* bytes of it that name its group, "xact"; 0: none */
	const json_t *value;
	const struct pv_metric *metric; /* NULL: not known */
	const char *unit; /* of it; "" when none is known, or it has none */
	/* TOP: what its shares are of */
	const char *base_name; /* "total"; NULL: no shares */
	int64_t base;
	unsigned name_w, count_w, share_w; /* columns */
	bool placed;
};

struct leaves {
	const struct pv_handler *const *handlers; /* may be NULL */
	const char *schema;
	struct leaf *leaf;
	size_t n, cap;
	const json_t *above[DEPTH_MAX]; /* the objects around the one at hand, from the schema down */
	unsigned depth;
};

/* Quantiles and rates: every key is a percentile, but for "live". */
static bool is_quantiles(const json_t *o)
{
	const char *key;
	json_t *v;
	if (!json_object_size(o))
		return false;
	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		bool percentile = key[0] == 'p' && key[1] && strspn(key + 1, "0123456789") == strlen(key + 1);
		if (!json_is_number(v) || (!percentile && strcmp(key, "live")))
			return false;
	}
	return true;
}

/* Rows with several numbers: more than a top list's name, estimate and place. */
static bool is_sums(const json_t *list)
{
	const char *key;
	json_t *v;
	json_object_foreach(json_array_get(list, 0), key, v)
		if (json_is_number(v) && strcmp(key, "estimate"))
			return true;
	return false;
}

static bool find_base(struct leaf *l, const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);
	const char *key;
	json_t *child;
	if (json_is_integer(v)) {
		l->base = json_integer_value(v);
		l->base_name = name;
		return true;
	}
	json_object_foreach((json_t *)(uintptr_t)object, key, child) {
		v = json_object_get(child, name);
		if (json_is_integer(v)) {
			l->base = json_integer_value(v);
			l->base_name = name;
			return true;
		}
	}
	return false;
}

/* How many words ("in_udp_bytes" has three) of a counter's name there are, if all stand in the list's name, in order, and the
 * last is the last of both; else 0. */
static unsigned common_words(const char *counter, const char *list)
{
	unsigned words = 0;
	for (;;) {
		size_t c = strcspn(counter, "_"), n = strcspn(list, "_");
		bool same = c == n && !memcmp(counter, list, n), last = !counter[c];
		if (!list[n])
			return same && last ? words + 1 : 0;
		if (same && !last) {
			words++;
			counter += c + 1;
		}
		list += n + 1;
	}
}

/* The counter beside a list that is named like it, but for words that the list has more: in_bytes of top_in_src_ips_bytes. */
static void find_namesake(struct leaf *l, const json_t *object)
{
	const char *key, *dot = strrchr(l->path, '.');
	json_t *v;
	unsigned best = 0;
	json_object_foreach((json_t *)(uintptr_t)object, key, v) {
		unsigned words = json_is_integer(v) ? common_words(key, dot ? dot + 1 : l->path) : 0;
		if (words > best) {
			best = words;
			l->base = json_integer_value(v);
			l->base_name = key;
		}
	}
}

/* What the rows of a list are parts of: a counter beside it that is named like it; else the nearest "total", else the nearest "events", looking from the list's own
 * object outwards, and in each also one level down ("wire_packets.total" beside "top_qtype"). A list of bytes has
 * no such counter; and one with a row above it counts something else. */
static void choose_base(const struct leaves *s, struct leaf *l)
{
	static const char *const names[] = {"total", "total_packets", "events"};
	size_t i;
	json_t *row;
	find_namesake(l, s->above[s->depth - 1]);
	if (strstr(l->path, "bytes") && !l->base_name)
		return;
	for (size_t k = 0; k < sizeof names / sizeof names[0] && !l->base_name; k++)
		for (unsigned d = s->depth; d-- > 0 && !l->base_name;)
			find_base(l, s->above[d], names[k]);
	json_array_foreach((json_t *)(uintptr_t)l->value, i, row)
		if (json_integer_value(json_object_get(row, "estimate")) > l->base)
			l->base_name = NULL;
	if (l->base <= 0)
		l->base_name = NULL;
}

/* The first part of a path is its group. Deep down, in things that are inside of things, it is all but the last. */
static size_t group_len(const struct leaves *s, const char *path, const char *prefix)
{
	const char *dot = strchr(path, '.');
	if (s->depth >= DEPTH_DEEP)
		return strlen(prefix) < PATH_MAX_ - 2 ? strlen(prefix) : 0;
	return dot ? (size_t)(dot - path) : 0;
}

/* Is it this schema's, or that of a second handler of it, "dns_2"? */
static bool is_schema(const char *name, const char *schema)
{
	size_t n = strlen(schema);
	return !strncmp(name, schema, n) && (!name[n] || (name[n] == '_' && name[n + 1] >= '2' && name[n + 1] <= '9'));
}

/* Metrics of a scope have its keys in front of their path. */
static bool ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), e = strlen(end);
	return n >= e && !strcmp(path + n - e, end) && (n == e || path[n - e - 1] == '.');
}

static const struct pv_metric *metric_of(const struct leaves *s, const char *path)
{
	const struct pv_metric *best = NULL; /* the longest path, since a shorter one may be a part of it */
	for (size_t i = 0; s->handlers && s->handlers[i]; i++) {
		const struct pv_handler *h = s->handlers[i];
		for (size_t m = 0; is_schema(s->schema, h->schema) && m < h->nmetrics; m++)
			if (ends_in(path, h->metrics[m].path) &&
			    (!best || strlen(h->metrics[m].path) > strlen(best->path)))
				best = &h->metrics[m];
	}
	return best;
}

static const char *unit_of(const struct pv_metric *m)
{
	return m && m->unit && strcmp(m->unit, "1") != 0 ? m->unit : "";
}

static bool is_us(const struct leaf *l)
{
	return !strcmp(l->unit, "us");
}

static const char *shown_unit(const struct leaf *l)
{
	return is_us(l) ? "ms" : l->unit;
}

static struct leaf *leaf_add(struct leaves *s, enum leaf_kind kind, const char *path, const char *prefix, const json_t *value)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct leaf *grown = realloc(s->leaf, cap * sizeof *grown);
		if (!grown)
			return NULL;
		s->leaf = grown;
		s->cap = cap;
	}
	struct leaf *l = &s->leaf[s->n++];
	const struct pv_metric *m = metric_of(s, path);
	*l = (struct leaf){.kind = kind, .value = value, .metric = m, .unit = unit_of(m)};
	snprintf(l->path, sizeof l->path, "%s", path);
	char *us = strstr(l->path, "_us");
	if (kind == QUANTILES && is_us(l) && us && !us[3])
		*us = 0; /* it stands there in milliseconds */
	l->group = group_len(s, l->path, prefix);
	return l;
}

/* 0, or -1 without memory. */
static int collect(struct leaves *s, const json_t *object, const char *prefix)
{
	const char *key;
	json_t *v;
	if (s->depth == DEPTH_MAX)
		return 0;
	s->above[s->depth++] = object;
	json_object_foreach((json_t *)(uintptr_t)object, key, v) {
		char path[PATH_MAX_];
		struct leaf *l;
		if (s->depth == 1 && !strcmp(key, "period"))
			continue;
		snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", key);
		const json_t *buckets = json_object_get(v, "buckets");
		if (json_is_number(v)) {
			l = leaf_add(s, COUNTER, path, prefix, v);
		} else if (is_sums(v)) {
			l = leaf_add(s, SUMS, path, prefix, v);
		} else if (json_is_array(v)) {
			l = leaf_add(s, TOP, path, prefix, v);
			if (l)
				choose_base(s, l);
		} else if (is_quantiles(v)) {
			l = leaf_add(s, QUANTILES, path, prefix, v);
		} else if (json_is_object(buckets) && json_object_size(v) == 1) {
			l = leaf_add(s, HISTOGRAM, path, prefix, buckets);
		} else if (json_is_object(v)) {
			if (collect(s, v, path))
				return -1;
			continue;
		} else {
			continue;
		}
		if (!l)
			return -1;
	}
	s->depth--;
	return 0;
}

static bool leaf_empty(const struct leaf *l)
{
	const char *key;
	json_t *v;
	if (l->kind == COUNTER)
		return is_zero(l->value);
	if (l->kind == TOP || l->kind == SUMS)
		return !json_array_size(l->value);
	json_object_foreach((json_t *)(uintptr_t)l->value, key, v)
		if (!is_zero(v))
			return false;
	return true;
}

/* "none: a, b, c", folded; for the leaves of a kind that hold nothing. */
static void print_empty(struct pv_pen *p, const struct leaves *s, enum leaf_kind kind, const char *word)
{
	bool any = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct leaf *l = &s->leaf[i];
		if (l->kind != kind || !leaf_empty(l))
			continue;
		unsigned w = pv_text_columns(l->path, p->width);
		if (!any) {
			pv_pen_to(p, INDENT);
			pv_pen_text(p, word);
			pv_pen_to(p, p->at + 1);
		} else {
			pv_pen_text(p, ",");
			pv_pen_to(p, p->at + 1);
			if (p->want + w + 1 > p->width) {
				pv_pen_line(p);
				pv_pen_to(p, INDENT + (unsigned)strlen(word) + 1);
			}
		}
		pv_pen_cut(p, l->path, p->width - INDENT - (unsigned)strlen(word) - 1);
		any = true;
	}
	if (any)
		pv_pen_line(p);
}

/* ---- counters ----------------------------------------------------------------------------------- */

static bool same_group(const struct leaf *a, const struct leaf *b)
{
	return a->group == b->group && !memcmp(a->path, b->path, a->group);
}

static const char *label_of(const struct leaf *l)
{
	return l->path + (l->group ? l->group + 1 : 0);
}

static void print_counter_group(struct pv_pen *p, const struct leaves *s, size_t first, unsigned group_w,
				unsigned label_w, unsigned value_w)
{
	const struct leaf *lead = &s->leaf[first];
	size_t members = 0, zeros = 0;
	for (size_t i = first; i < s->n; i++)
		if (s->leaf[i].kind == COUNTER && same_group(&s->leaf[i], lead)) {
			members++;
			zeros += is_zero(s->leaf[i].value);
		}
	unsigned left = INDENT + (group_w ? group_w + 2 : 0), cell = label_w + 2 + value_w;
	unsigned columns = (p->width - left + GAP) / (cell + GAP), column = 0;
	if (!columns)
		columns = 1;
	char name[PATH_MAX_];
	snprintf(name, sizeof name, "%.*s", (int)lead->group, lead->path);
	pv_pen_to(p, INDENT);
	if (lead->group > GROUP_WIDTH) {
		pv_pen_cut(p, name, p->width - INDENT);
		pv_pen_line(p);
	} else {
		pv_pen_cut(p, name, group_w);
	}
	if (members > 1 && zeros == members) {
		pv_pen_to(p, left);
		pv_pen_text(p, "all 0");
		pv_pen_line(p);
		return;
	}
	for (size_t i = first; i < s->n; i++) {
		const struct leaf *l = &s->leaf[i];
		char text[NUMBER];
		if (l->kind != COUNTER || !same_group(l, lead))
			continue;
		if (column == columns) {
			pv_pen_line(p);
			column = 0;
		}
		unsigned at = left + column++ * (cell + GAP);
		pv_pen_to(p, at);
		pv_pen_cut(p, label_of(l), label_w);
		number_text(text, l->value);
		pv_pen_to(p, at + label_w + 2);
		pv_pen_right(p, text, value_w);
	}
	pv_pen_line(p);
}

static bool print_counters(struct pv_pen *p, const struct leaves *s, bool line_before)
{
	unsigned group_w = 0, label_w = 0, value_w = 0;
	bool any = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct leaf *l = &s->leaf[i];
		char text[NUMBER];
		if (l->kind != COUNTER)
			continue;
		any = true;
		number_text(text, l->value);
		unsigned g = l->group > GROUP_WIDTH ? 0 : (unsigned)l->group, w = pv_text_columns(label_of(l), p->width);
		unsigned v = (unsigned)strlen(text);
		group_w = g > group_w ? g : group_w;
		label_w = w > label_w ? w : label_w;
		value_w = v > value_w ? v : value_w;
	}
	unsigned left = INDENT + (group_w ? group_w + 2 : 0);
	if (any && line_before)
		pv_pen_line(p);
	if (label_w + 2 + value_w > p->width - left)
		label_w = p->width - left > value_w + 10 ? p->width - left - value_w - 2 : 8;
	/* those without a group first, or they would seem to belong to the one above them */
	for (int named = 0; named < 2; named++)
		for (size_t i = 0; i < s->n; i++) {
			bool seen = s->leaf[i].kind != COUNTER || (s->leaf[i].group > 0) != named;
			for (size_t k = 0; k < i && !seen; k++)
				seen = s->leaf[k].kind == COUNTER && same_group(&s->leaf[k], &s->leaf[i]);
			if (!seen)
				print_counter_group(p, s, i, group_w, label_w, value_w);
		}
	return any;
}

/* ---- quantiles and rates ------------------------------------------------------------------------ */

/* Three digits of milliseconds at least: times of less than one are common. */
static void value_text(char out[NUMBER], const struct leaf *l, const json_t *v)
{
	double ms = json_number_value(v) / 1000;
	if (!is_us(l))
		number_text(out, v);
	else if (ms >= 100)
		grouped(out, (int64_t)(ms + 0.5));
	else
		snprintf(out, NUMBER, "%.*f", ms < 1 ? 3 : ms < 10 ? 2 : 1, ms);
}

static void print_quantiles(struct pv_pen *p, const struct leaves *s, bool line_before)
{
	static const char *const keys[] = {"p50", "p90", "p95", "p99", "live"};
	enum { KEYS = 5 };
	unsigned path_w = 0, unit_w = 0, w[KEYS] = {0};
	size_t rows = 0, nothing = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct leaf *l = &s->leaf[i];
		if (l->kind != QUANTILES)
			continue;
		if (leaf_empty(l)) {
			nothing++;
			continue;
		}
		rows++;
		unsigned n = pv_text_columns(l->path, p->width);
		path_w = n > path_w ? n : path_w;
		n = (unsigned)strlen(shown_unit(l));
		unit_w = n > unit_w ? n : unit_w;
		for (int k = 0; k < KEYS; k++) {
			const json_t *v = json_object_get(l->value, keys[k]);
			char text[NUMBER];
			if (!v)
				continue;
			value_text(text, l, v);
			unsigned t = (unsigned)strlen(text);
			w[k] = t > w[k] ? t : w[k];
		}
	}
	if (line_before && (rows || nothing))
		pv_pen_line(p);
	unsigned numbers = unit_w ? unit_w + 2 : 0, least = INDENT + path_w + KEYS * 8 <= p->width ? 6 : 4; /* "live" */
	for (int k = 0; k < KEYS; k++) {
		if (w[k] && w[k] < least)
			w[k] = least;
		numbers += w[k] ? w[k] + 2 : 0;
	}
	if (INDENT + NAME_LEAST + numbers > p->width && unit_w) {
		numbers -= unit_w + 2;
		unit_w = 0;
	}
	for (int k = KEYS - 3; k > 0 && INDENT + NAME_LEAST + numbers > p->width; k--) { /* p95, p90 */
		numbers -= w[k] ? w[k] + 2 : 0;
		w[k] = 0;
	}
	if (INDENT + path_w + numbers > p->width)
		path_w = p->width > INDENT + numbers + NAME_LEAST ? p->width - INDENT - numbers : NAME_LEAST;
	if (rows) {
		unsigned at = INDENT + path_w + (unit_w ? unit_w + 2 : 0);
		for (int k = 0; k < KEYS; k++) {
			if (!w[k])
				continue;
			pv_pen_to(p, at + 2);
			pv_pen_right(p, keys[k], w[k]);
			at += w[k] + 2;
		}
		pv_pen_line(p);
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct leaf *l = &s->leaf[i];
		if (l->kind != QUANTILES || leaf_empty(l))
			continue;
		pv_pen_to(p, INDENT);
		pv_pen_cut(p, l->path, path_w);
		pv_pen_to(p, INDENT + path_w + 2);
		pv_pen_text(p, unit_w ? shown_unit(l) : "");
		unsigned at = INDENT + path_w + (unit_w ? unit_w + 2 : 0);
		for (int k = 0; k < KEYS; k++) {
			const json_t *v = json_object_get(l->value, keys[k]);
			char text[NUMBER] = "-";
			if (!w[k])
				continue;
			if (v)
				value_text(text, l, v);
			pv_pen_to(p, at + 2);
			pv_pen_right(p, text, w[k]);
			at += w[k] + 2;
		}
		pv_pen_line(p);
	}
	print_empty(p, s, QUANTILES, "all 0:");
}

/* ---- histograms --------------------------------------------------------------------------------- */

struct bin {
	double bound; /* upper; the last is infinite */
	double count; /* in this bin alone */
};

static int by_bound(const void *a, const void *b)
{
	double x = ((const struct bin *)a)->bound, y = ((const struct bin *)b)->bound;
	return (x > y) - (x < y);
}

/* Eighths of a column, so that small differences show. */
static void bar(struct pv_pen *p, double part, unsigned width)
{
	static const char *const eighths[] = {"", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589"};
	unsigned n = (unsigned)(part * width * 8 + 0.5);
	if (!n && part > 0)
		n = 1;
	pv_pen_blanks(p);
	for (unsigned i = 0; i < n / 8; i++)
		fputs("\u2588", p->f);
	fputs(eighths[n % 8], p->f);
	p->at += n / 8 + (n % 8 != 0);
	p->want = p->at;
}

/* 0, or -1 without memory. */
static int print_histogram(struct pv_pen *p, const struct leaf *l)
{
	size_t n = 0, lines = 0;
	const char *key;
	json_t *v;
	struct bin *b = calloc(json_object_size(l->value) + 1, sizeof *b);
	if (!b)
		return -1;
	json_object_foreach((json_t *)(uintptr_t)l->value, key, v)
		b[n++] = (struct bin){!strcmp(key, "+Inf") ? __builtin_inf() : strtod(key, NULL), json_number_value(v)};
	qsort(b, n, sizeof *b, by_bound);
	double total = n ? b[n - 1].count : 0, most = 0;
	for (size_t i = n; i-- > 1;)
		b[i].count -= b[i - 1].count;
	while (n && !b[n - 1].count) /* what stands above the last value: "+Inf" */
		n--;
	size_t each = (n + BARS - 1) / BARS;
	for (size_t i = 0; i < n; i += each) {
		size_t end = i + each < n ? i + each : n;
		struct bin sum = {b[end - 1].bound, 0};
		for (size_t k = i; k < end; k++)
			sum.count += b[k].count;
		most = sum.count > most ? sum.count : most;
		b[lines++] = sum;
	}
	char text[NUMBER], value[NUMBER];
	grouped(text, whole_number(total));
	pv_pen_line(p);
	pv_pen_to(p, INDENT);
	pv_pen_cut(p, l->path, p->width - INDENT - 24);
	pv_pen_to(p, p->at + 2);
	pv_pen_text(p, text);
	pv_pen_text(p, total == 1 ? " value" : " values");
	pv_pen_text(p, *l->unit ? ", in " : "");
	pv_pen_text(p, l->unit);
	pv_pen_line(p);
	unsigned bound_w = 4, count_w = (unsigned)strlen(text);
	for (size_t i = 0; i < lines; i++) {
		grouped(value, b[i].bound > 9e18 ? 0 : (int64_t)b[i].bound);
		bound_w = strlen(value) > bound_w ? (unsigned)strlen(value) : bound_w;
	}
	unsigned used = INDENT + 3 + bound_w + 2 + count_w + 9;
	unsigned bar_w = p->width > used + 6 ? p->width - used - 2 : 4;
	bar_w = bar_w > 50 ? 50 : bar_w;
	for (size_t i = 0; i < lines; i++) {
		if (b[i].bound > 9e18)
			snprintf(value, sizeof value, "more");
		else if (b[i].bound == (double)(int64_t)b[i].bound)
			grouped(value, (int64_t)b[i].bound);
		else
			snprintf(value, sizeof value, "%.6g", b[i].bound);
		pv_pen_to(p, INDENT);
		pv_pen_text(p, b[i].bound > 9e18 ? "   " : "\u2264  ");
		pv_pen_right(p, value, bound_w);
		grouped(value, whole_number(b[i].count));
		pv_pen_to(p, p->at + 2);
		pv_pen_right(p, value, count_w);
		share_text(value, whole_number(b[i].count), whole_number(total));
		pv_pen_to(p, p->at + 1);
		pv_pen_right(p, value, 6);
		pv_pen_to(p, p->at + 2);
		bar(p, most > 0 ? b[i].count / most : 0, bar_w);
		pv_pen_line(p);
	}
	free(b);
	return 0;
}

/* ---- top lists ---------------------------------------------------------------------------------- */

static void row_name(const json_t *row, char number[NUMBER], const char **text)
{
	const json_t *name = json_object_get(row, "name");
	*text = json_string_value(name);
	if (json_is_number(name)) {
		number_text(number, name);
		*text = number;
	} else if (!*text || !**text) {
		*text = "(empty)"; /* DNS: the root */
	}
}

/* Of what is deep inside of things, whose name stands above: the rest of the path. */
static const char *list_name(const struct leaf *l)
{
	return l->group > GROUP_WIDTH ? label_of(l) : l->path;
}

static unsigned list_width(const struct leaf *l)
{
	return l->name_w + 2 + l->count_w + (l->share_w ? 2 + l->share_w : 0);
}

static const char *count_heading(const struct leaf *l)
{
	return !strcmp(l->unit, "bytes") || is_us(l) ? l->unit : "count";
}

static void measure_list(struct leaf *l, unsigned room)
{
	size_t i;
	json_t *row;
	l->name_w = pv_text_columns(list_name(l), room);
	l->count_w = 5; /* "count" */
	l->share_w = l->base_name ? 3 + (unsigned)strlen(l->base_name) : 0;
	json_array_foreach((json_t *)(uintptr_t)l->value, i, row) {
		char number[NUMBER];
		const char *name;
		row_name(row, number, &name);
		unsigned w = pv_text_columns(name, room);
		l->name_w = w > l->name_w ? w : l->name_w;
		grouped(number, json_integer_value(json_object_get(row, "estimate")));
		l->count_w = strlen(number) > l->count_w ? (unsigned)strlen(number) : l->count_w;
	}
	unsigned rest = list_width(l) - l->name_w;
	if (l->name_w + rest > room)
		l->name_w = room > rest + 8 ? room - rest : 8;
}

static void print_list_line(struct pv_pen *p, const struct leaf *l, unsigned at, const char *name, const char *count,
			    const char *share)
{
	pv_pen_to(p, at);
	pv_pen_name(p, name, l->name_w);
	pv_pen_to(p, at + l->name_w + 2);
	pv_pen_right(p, count, l->count_w);
	if (l->share_w) {
		pv_pen_to(p, p->at + 2);
		pv_pen_right(p, share, l->share_w);
	}
}

/* Lists side by side: the first that is left, then whichever still fit into the width, in order. */
static void print_shelf(struct pv_pen *p, struct leaf **shelf, size_t n)
{
	size_t rows = 0;
	for (size_t i = 0; i < n; i++)
		rows = json_array_size(shelf[i]->value) > rows ? json_array_size(shelf[i]->value) : rows;
	pv_pen_line(p);
	for (size_t r = 0; r <= rows; r++) {
		unsigned at = INDENT;
		for (size_t i = 0; i < n; at += list_width(shelf[i]) + GAP, i++) {
			const struct leaf *l = shelf[i];
			char number[NUMBER], count[NUMBER], share[NUMBER] = "";
			const char *name;
			if (!r) {
				snprintf(share, sizeof share, "of %s", l->base_name ? l->base_name : "");
				print_list_line(p, l, at, list_name(l), count_heading(l), share);
				continue;
			}
			const json_t *row = json_array_get(l->value, r - 1);
			if (!row)
				continue;
			int64_t estimate = json_integer_value(json_object_get(row, "estimate"));
			row_name(row, number, &name);
			grouped(count, estimate);
			if (l->base_name)
				share_text(share, estimate, l->base);
			print_list_line(p, l, at, name, count, share);
		}
		pv_pen_line(p);
	}
}

/* Lists of one interface do not stand beside those of another. */
static bool same_shelf(const struct leaf *a, const struct leaf *b)
{
	return (a->group <= GROUP_WIDTH && b->group <= GROUP_WIDTH) || same_group(a, b);
}

static void print_deep_name(struct pv_pen *p, const struct leaf *l)
{
	char name[PATH_MAX_];
	if (l->group <= GROUP_WIDTH)
		return;
	snprintf(name, sizeof name, "%.*s", (int)l->group, l->path);
	pv_pen_line(p);
	pv_pen_to(p, INDENT);
	pv_pen_cut(p, name, p->width - INDENT);
	pv_pen_line(p);
}

static void print_lists(struct pv_pen *p, struct leaves *s)
{
	enum { SHELF = 16 };
	bool empty = false;
	const struct leaf *before = NULL;
	for (size_t i = 0; i < s->n; i++) {
		struct leaf *shelf[SHELF];
		size_t n = 0;
		unsigned used = INDENT;
		for (size_t k = i; k < s->n && n < SHELF; k++) {
			struct leaf *l = &s->leaf[k];
			if (l->kind != TOP || l->placed || leaf_empty(l) || (n && !same_shelf(l, shelf[0])))
				continue;
			measure_list(l, p->width - INDENT);
			if (n && used + list_width(l) > p->width)
				continue;
			l->placed = true;
			shelf[n++] = l;
			used += list_width(l) + GAP;
		}
		if (n && (!before || !same_shelf(shelf[0], before)))
			print_deep_name(p, shelf[0]);
		if (n)
			print_shelf(p, shelf, n);
		before = n ? shelf[0] : before;
		empty |= s->leaf[i].kind == TOP && leaf_empty(&s->leaf[i]);
	}
	if (empty)
		pv_pen_line(p);
	print_empty(p, s, TOP, "empty:");
}

/* ---- lists with columns -------------------------------------------------------------------------- */

#define COLUMNS	   16
#define COLUMNS_AT_LEAST 3  /* a share and two numbers: for these a name gives way */

struct column {
	const char *key; /* NULL: the share */
	unsigned width;
};

/* Three digits and their power of a thousand, where the whole number would not be read anyway. */
static void short_text(char out[NUMBER], int64_t v)
{
	static const char units[] = "kMGTPE";
	double d = (double)v;
	unsigned unit = 0;
	if (v < 1000000) {
		grouped(out, v);
		return;
	}
	for (d /= 1000; d >= 999.5 && units[unit + 1]; unit++)
		d /= 1000;
	snprintf(out, NUMBER, "%.*f%c", d < 9.995 ? 2 : d < 99.95 ? 1 : 0, d, units[unit]);
}

/* What shares are of: what rows are sorted by, the sum where that is a rate. It stands first. */
static const char *share_key(const struct leaf *l, const json_t *list)
{
	const char *key;
	json_t *v;
	json_object_foreach(json_array_get(list, 0), key, v)
		if (json_is_number(v) && strcmp(key, "estimate"))
			break;
	for (unsigned i = 0; key && l->metric && i < l->metric->ncolumns; i++) {
		const struct pv_column *c = &l->metric->columns[i];
		if (!strcmp(key, c->name) || (c->rate && !strcmp(key, c->rate)))
			return c->name;
	}
	return "estimate";
}

/* What the share of a row is of. */
struct whole {
	const char *key;
	int64_t sum; /* of all rows */
};

static void cell_text(char out[NUMBER], const json_t *row, const struct column *c, const struct whole *w)
{
	int64_t part = json_integer_value(json_object_get(row, w->key));
	if (c->key)
		short_text(out, json_integer_value(json_object_get(row, c->key)));
	else
		share_text(out, w->sum ? part : 0, w->sum ? w->sum : 1);
}

/* The share, then the numbers in the order of the first row; widths of what stands in them. */
static unsigned find_columns(const json_t *list, const struct whole *whole, struct column *c)
{
	unsigned n = 0;
	const char *key;
	json_t *v, *row;
	size_t r;
	c[n++] = (struct column){NULL, 6}; /* "100.0%" */
	json_object_foreach(json_array_get(list, 0), key, v)
		if (json_is_number(v) && strcmp(key, "estimate") && n < COLUMNS)
			c[n++] = (struct column){key, pv_text_columns(key, NUMBER)};
	json_array_foreach((json_t *)(uintptr_t)list, r, row)
		for (unsigned i = 1; i < n; i++) {
			char text[NUMBER];
			cell_text(text, row, &c[i], whole);
			c[i].width = strlen(text) > c[i].width ? (unsigned)strlen(text) : c[i].width;
		}
	return n;
}

static void print_sums_line(struct pv_pen *p, const json_t *row, const char *name, unsigned name_w, const struct column *c,
			    unsigned n, const struct whole *whole)
{
	pv_pen_to(p, INDENT);
	pv_pen_name(p, name, name_w);
	pv_pen_to(p, INDENT + name_w);
	for (unsigned i = 0; i < n; i++) {
		char text[NUMBER];
		snprintf(text, sizeof text, "%s", c[i].key ? c[i].key : "share");
		if (row)
			cell_text(text, row, &c[i], whole);
		pv_pen_to(p, p->want + 2);
		pv_pen_right(p, text, c[i].width);
	}
	pv_pen_line(p);
}

static void print_sums(struct pv_pen *p, const struct leaf *l)
{
	struct column c[COLUMNS];
	struct whole whole = {share_key(l, l->value), 0};
	unsigned name_w = pv_text_columns(l->path, p->width), used = INDENT, n = 0, all;
	size_t i;
	json_t *row;
	json_array_foreach((json_t *)(uintptr_t)l->value, i, row) {
		char number[NUMBER];
		const char *name;
		row_name(row, number, &name);
		unsigned w = pv_text_columns(name, p->width);
		name_w = w > name_w ? w : name_w;
		whole.sum = plus(whole.sum, json_integer_value(json_object_get(row, whole.key)));
	}
	all = find_columns(l->value, &whole, c);
	while (n < all && (n < COLUMNS_AT_LEAST || used + name_w + 2 + c[n].width <= p->width))
		used += 2 + c[n++].width;
	if (used + name_w > p->width)
		name_w = p->width > used + 8 ? p->width - used : 8;
	pv_pen_line(p);
	print_sums_line(p, NULL, l->path, name_w, c, n, &whole);
	json_array_foreach((json_t *)(uintptr_t)l->value, i, row) {
		char number[NUMBER];
		const char *name;
		row_name(row, number, &name);
		print_sums_line(p, row, name, name_w, c, n, &whole);
	}
}

/* Before anything else: they are what their handler is for, and a terminal that sees one table change may have no room for
 * more. */
static bool print_all_sums(struct pv_pen *p, const struct leaves *s)
{
	bool any = false;
	for (size_t i = 0; i < s->n; i++)
		if (s->leaf[i].kind == SUMS) {
			print_sums(p, &s->leaf[i]);
			any = true;
		}
	return any;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

/* "-- dns ------------------ 2024-05-01 12:00:00 UTC, 31 s --" */
static void print_heading(struct pv_pen *p, const char *schema, const json_t *period)
{
	char when[80] = "", length[40];
	struct tm tm;
	time_t start = (time_t)json_integer_value(json_object_get(period, "start_ts"));
	if (period && gmtime_r(&start, &tm)) {
		length_text(length, sizeof length, json_integer_value(json_object_get(period, "length")));
		size_t n = start ? strftime(when, sizeof when, " %Y-%m-%d %H:%M:%S UTC, ", &tm) : 0;
		snprintf(when + n, sizeof when - n, "%s%s ", n ? "" : " no time known, ", length);
	}
	unsigned w = (unsigned)strlen(when), name_w = pv_text_columns(schema, p->width);
	bool beside = 3 + name_w + 1 + w + 3 <= p->width;
	fputs("\u2500\u2500 ", p->f);
	p->at = p->want = 3;
	pv_pen_cut(p, schema, p->width - 6);
	pv_pen_text(p, " ");
	while (p->at + (beside ? w : 0) + 2 < p->width) {
		fputs("\u2500", p->f);
		p->at++;
	}
	p->want = p->at;
	if (beside)
		pv_pen_text(p, when);
	fputs("\u2500\u2500", p->f);
	pv_pen_line(p);
	if (!beside && w) {
		when[w - 1] = 0; /* the blanks around it */
		pv_pen_to(p, INDENT);
		pv_pen_text(p, when + 1);
		pv_pen_line(p);
	}
}

static int print_schema(struct pv_pen *p, const char *name, const json_t *schema, const struct pv_handler *const *handlers)
{
	struct leaves s = {.handlers = handlers, .schema = name};
	bool nothing = true;
	int rc = collect(&s, schema, "");
	for (size_t i = 0; i < s.n && nothing; i++)
		nothing = leaf_empty(&s.leaf[i]);
	print_heading(p, name, json_object_get(schema, "period"));
	if (!rc && nothing) {
		pv_pen_to(p, INDENT);
		pv_pen_text(p, "nothing seen");
		pv_pen_line(p);
	} else if (!rc) {
		bool sums = print_all_sums(p, &s);
		bool counters = print_counters(p, &s, sums);
		print_quantiles(p, &s, sums || counters);
		for (size_t i = 0; i < s.n && !rc; i++)
			if (s.leaf[i].kind == HISTOGRAM && !leaf_empty(&s.leaf[i]))
				rc = print_histogram(p, &s.leaf[i]);
		print_lists(p, &s);
	}
	free(s.leaf);
	return rc;
}

unsigned pv_table_width(int fd)
{
	struct winsize ws;
	if (ioctl(fd, TIOCGWINSZ, &ws) || !ws.ws_col)
		return WIDTH_NONE;
	return ws.ws_col;
}

unsigned pv_table_height(int fd)
{
	struct winsize ws;
	if (ioctl(fd, TIOCGWINSZ, &ws) || !ws.ws_row)
		return HEIGHT_NONE;
	return ws.ws_row;
}

int pv_table_print(const json_t *window, const struct pv_handler *const *handlers, FILE *f, unsigned width)
{
	struct pv_pen p = {.f = f};
	const char *key, *name;
	json_t *schemas, *schema;
	bool any = false;
	p.width = width < WIDTH_MIN ? WIDTH_MIN : width > PV_PEN_MOST ? PV_PEN_MOST : width;
	json_object_foreach((json_t *)(uintptr_t)window, key, schemas) {
		json_object_foreach(schemas, name, schema) {
			if (any)
				pv_pen_line(&p);
			if (print_schema(&p, name, schema, handlers)) {
				errno = ENOMEM;
				return -1;
			}
			any = true;
		}
	}
	if (!any)
		fputs("No analyser announced itself.\n", f);
	return ferror(f) ? -1 : 0;
}
