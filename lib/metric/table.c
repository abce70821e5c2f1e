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

#include "metric/leaves.h"
#include "metric/pen.h"

#define WIDTH_NONE  100 /* where there is no terminal */
#define HEIGHT_NONE 24
#define WIDTH_MIN   40
#define INDENT      2
#define GAP         3   /* between things that stand side by side */
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

/* "none: a, b, c", folded; for the leaves of a kind that hold nothing. */
static void print_empty(struct pv_pen *p, const struct pv_leaves *s, enum pv_leaf_kind kind, const char *word)
{
	bool any = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct pv_leaf *l = &s->leaf[i];
		if (l->kind != kind || !pv_leaf_empty(l))
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

static bool same_group(const struct pv_leaf *a, const struct pv_leaf *b)
{
	return a->group == b->group && !memcmp(a->path, b->path, a->group);
}

static const char *label_of(const struct pv_leaf *l)
{
	return l->path + (l->group ? l->group + 1 : 0);
}

static void print_counter_group(struct pv_pen *p, const struct pv_leaves *s, size_t first, unsigned group_w,
				unsigned label_w, unsigned value_w)
{
	const struct pv_leaf *lead = &s->leaf[first];
	size_t members = 0, zeros = 0;
	for (size_t i = first; i < s->n; i++)
		if (s->leaf[i].kind == PV_LEAF_COUNTER && same_group(&s->leaf[i], lead)) {
			members++;
			zeros += is_zero(s->leaf[i].value);
		}
	unsigned left = INDENT + (group_w ? group_w + 2 : 0), cell = label_w + 2 + value_w;
	unsigned columns = (p->width - left + GAP) / (cell + GAP), column = 0;
	if (!columns)
		columns = 1;
	char name[PV_LEAF_PATH];
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
		const struct pv_leaf *l = &s->leaf[i];
		char text[NUMBER];
		if (l->kind != PV_LEAF_COUNTER || !same_group(l, lead))
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

static bool print_counters(struct pv_pen *p, const struct pv_leaves *s, bool line_before)
{
	unsigned group_w = 0, label_w = 0, value_w = 0;
	bool any = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct pv_leaf *l = &s->leaf[i];
		char text[NUMBER];
		if (l->kind != PV_LEAF_COUNTER)
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
			bool seen = s->leaf[i].kind != PV_LEAF_COUNTER || (s->leaf[i].group > 0) != named;
			for (size_t k = 0; k < i && !seen; k++)
				seen = s->leaf[k].kind == PV_LEAF_COUNTER && same_group(&s->leaf[k], &s->leaf[i]);
			if (!seen)
				print_counter_group(p, s, i, group_w, label_w, value_w);
		}
	return any;
}

/* ---- quantiles and rates ------------------------------------------------------------------------ */

/* Three digits of milliseconds at least: times of less than one are common. */
static void value_text(char out[NUMBER], const struct pv_leaf *l, const json_t *v)
{
	double ms = json_number_value(v) / 1000;
	if (!pv_leaf_is_us(l))
		number_text(out, v);
	else if (ms >= 100)
		grouped(out, (int64_t)(ms + 0.5));
	else
		snprintf(out, NUMBER, "%.*f", ms < 1 ? 3 : ms < 10 ? 2 : 1, ms);
}

enum { KEYS = 5 };
static const char *const keys[KEYS] = {"p50", "p90", "p95", "p99", "live"};

/* Widths; 0: the column is left out. */
struct percentiles {
	unsigned path, unit, key[KEYS];
};

static const char *shown_unit(const struct pv_leaf *l)
{
	return pv_leaf_is_us(l) ? "ms" : l->unit;
}

/* What all their rows want. Returns how many rows there are. */
static size_t measure_quantiles(const struct pv_leaves *s, unsigned room, struct percentiles *w)
{
	size_t rows = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct pv_leaf *l = &s->leaf[i];
		if (l->kind != PV_LEAF_QUANTILES || pv_leaf_empty(l))
			continue;
		rows++;
		unsigned n = pv_text_columns(l->path, room);
		w->path = n > w->path ? n : w->path;
		n = (unsigned)strlen(shown_unit(l));
		w->unit = n > w->unit ? n : w->unit;
		for (int k = 0; k < KEYS; k++) {
			const json_t *v = json_object_get(l->value, keys[k]);
			char text[NUMBER];
			if (!v)
				continue;
			value_text(text, l, v);
			n = (unsigned)strlen(text);
			w->key[k] = n > w->key[k] ? n : w->key[k];
		}
	}
	return rows;
}

/* What there is room for: the unit goes first, then p95 and p90, then the end of names. */
static void fit_quantiles(struct percentiles *w, unsigned room)
{
	unsigned numbers = w->unit ? w->unit + 2 : 0, least = INDENT + w->path + KEYS * 8 <= room ? 6 : 4; /* "live" */
	for (int k = 0; k < KEYS; k++) {
		if (w->key[k] && w->key[k] < least)
			w->key[k] = least;
		numbers += w->key[k] ? w->key[k] + 2 : 0;
	}
	if (INDENT + NAME_LEAST + numbers > room && w->unit) {
		numbers -= w->unit + 2;
		w->unit = 0;
	}
	for (int k = KEYS - 3; k > 0 && INDENT + NAME_LEAST + numbers > room; k--) {
		numbers -= w->key[k] ? w->key[k] + 2 : 0;
		w->key[k] = 0;
	}
	if (INDENT + w->path + numbers > room)
		w->path = room > INDENT + numbers + NAME_LEAST ? room - INDENT - numbers : NAME_LEAST;
}

/* l NULL: the heading. */
static void print_quantiles_line(struct pv_pen *p, const struct pv_leaf *l, const struct percentiles *w)
{
	unsigned at = INDENT + w->path + (w->unit ? w->unit + 2 : 0);
	if (l) {
		pv_pen_to(p, INDENT);
		pv_pen_cut(p, l->path, w->path);
		pv_pen_to(p, INDENT + w->path + 2);
		pv_pen_text(p, w->unit ? shown_unit(l) : "");
	}
	for (int k = 0; k < KEYS; k++) {
		const json_t *v = l ? json_object_get(l->value, keys[k]) : NULL;
		char text[NUMBER] = "-";
		if (!w->key[k])
			continue;
		if (v)
			value_text(text, l, v);
		pv_pen_to(p, at + 2);
		pv_pen_right(p, l ? text : keys[k], w->key[k]);
		at += w->key[k] + 2;
	}
	pv_pen_line(p);
}

static void print_quantiles(struct pv_pen *p, const struct pv_leaves *s, bool line_before)
{
	struct percentiles w = {.path = 0};
	size_t rows = measure_quantiles(s, p->width, &w), all = 0;
	for (size_t i = 0; i < s->n; i++)
		all += s->leaf[i].kind == PV_LEAF_QUANTILES;
	if (line_before && all)
		pv_pen_line(p);
	fit_quantiles(&w, p->width);
	if (rows)
		print_quantiles_line(p, NULL, &w);
	for (size_t i = 0; i < s->n; i++)
		if (s->leaf[i].kind == PV_LEAF_QUANTILES && !pv_leaf_empty(&s->leaf[i]))
			print_quantiles_line(p, &s->leaf[i], &w);
	print_empty(p, s, PV_LEAF_QUANTILES, "all 0:");
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
static int print_histogram(struct pv_pen *p, const struct pv_leaf *l)
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
static const char *list_name(const struct pv_leaf *l)
{
	return l->group > GROUP_WIDTH ? label_of(l) : l->path;
}

static unsigned list_width(const struct pv_leaf *l)
{
	return l->name_w + 2 + l->count_w + (l->share_w ? 2 + l->share_w : 0);
}

static const char *count_heading(const struct pv_leaf *l)
{
	return !strcmp(l->unit, "bytes") || pv_leaf_is_us(l) ? l->unit : "count";
}

static void measure_list(struct pv_leaf *l, unsigned room)
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

static void print_list_line(struct pv_pen *p, const struct pv_leaf *l, unsigned at, const char *name, const char *count,
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
static void print_shelf(struct pv_pen *p, struct pv_leaf **shelf, size_t n)
{
	size_t rows = 0;
	for (size_t i = 0; i < n; i++)
		rows = json_array_size(shelf[i]->value) > rows ? json_array_size(shelf[i]->value) : rows;
	pv_pen_line(p);
	for (size_t r = 0; r <= rows; r++) {
		unsigned at = INDENT;
		for (size_t i = 0; i < n; at += list_width(shelf[i]) + GAP, i++) {
			const struct pv_leaf *l = shelf[i];
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
static bool same_shelf(const struct pv_leaf *a, const struct pv_leaf *b)
{
	return (a->group <= GROUP_WIDTH && b->group <= GROUP_WIDTH) || same_group(a, b);
}

static void print_deep_name(struct pv_pen *p, const struct pv_leaf *l)
{
	char name[PV_LEAF_PATH];
	if (l->group <= GROUP_WIDTH)
		return;
	snprintf(name, sizeof name, "%.*s", (int)l->group, l->path);
	pv_pen_line(p);
	pv_pen_to(p, INDENT);
	pv_pen_cut(p, name, p->width - INDENT);
	pv_pen_line(p);
}

static void print_lists(struct pv_pen *p, struct pv_leaves *s)
{
	enum { SHELF = 16 };
	bool empty = false;
	const struct pv_leaf *before = NULL;
	for (size_t i = 0; i < s->n; i++) {
		struct pv_leaf *shelf[SHELF];
		size_t n = 0;
		unsigned used = INDENT;
		for (size_t k = i; k < s->n && n < SHELF; k++) {
			struct pv_leaf *l = &s->leaf[k];
			if (l->kind != PV_LEAF_TOP || l->placed || pv_leaf_empty(l) || (n && !same_shelf(l, shelf[0])))
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
		empty |= s->leaf[i].kind == PV_LEAF_TOP && pv_leaf_empty(&s->leaf[i]);
	}
	if (empty)
		pv_pen_line(p);
	print_empty(p, s, PV_LEAF_TOP, "empty:");
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
static const char *share_key(const struct pv_leaf *l, const json_t *list)
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

static void print_sums(struct pv_pen *p, const struct pv_leaf *l)
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
static bool print_all_sums(struct pv_pen *p, const struct pv_leaves *s)
{
	bool any = false;
	for (size_t i = 0; i < s->n; i++)
		if (s->leaf[i].kind == PV_LEAF_SUMS) {
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
	struct pv_leaves s = {.handlers = handlers, .schema = name};
	bool nothing = true;
	int rc = pv_leaves_collect(&s, schema);
	for (size_t i = 0; i < s.n && nothing; i++)
		nothing = pv_leaf_empty(&s.leaf[i]);
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
			if (s.leaf[i].kind == PV_LEAF_HISTOGRAM && !pv_leaf_empty(&s.leaf[i]))
				rc = print_histogram(p, &s.leaf[i]);
		print_lists(p, &s);
	}
	pv_leaves_free(&s);
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
		fputs("No analyser announced itself, or all metric groups are off.\n", f);
	return ferror(f) ? -1 : 0;
}
