/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void pv_ui_page_init(struct pv_ui_page *p, const char *title)
{
	*p = (struct pv_ui_page){.pool = PV_UI_POOL(PV_UI_PAGE_MAX), .title = title};
}

void pv_ui_page_free(struct pv_ui_page *p)
{
	pv_ui_pool_free(&p->pool);
	p->panel = p->last = NULL;
}

struct pv_ui_panel *pv_ui_panel(struct pv_ui_page *p, enum pv_ui_panel_kind kind, const char *title)
{
	struct pv_ui_panel *b = p->panels < PV_UI_PANELS ? pv_ui_alloc(&p->pool, sizeof *b) : NULL;
	if (!b)
		return NULL;
	b->kind = kind;
	b->title = title;
	*(p->last ? &p->last->next : &p->panel) = b;
	p->last = b;
	p->panels++;
	return b;
}

struct pv_ui_row *pv_ui_row(struct pv_ui_page *p, struct pv_ui_panel *b, const char *name, const char *cell)
{
	struct pv_ui_row *r = b ? pv_ui_alloc(&p->pool, sizeof *r) : NULL;
	if (!r)
		return NULL;
	r->name = name;
	r->cell[0] = cell;
	*(b->last ? &b->last->next : &b->row) = r;
	b->last = r;
	b->rows++;
	return r;
}

void pv_ui_panel_cut(struct pv_ui_panel *b, size_t rows)
{
	struct pv_ui_row *r = b->row;
	for (size_t i = 1; r && i < rows; i++)
		r = r->next;
	if (!r || b->rows <= rows)
		return;
	r->next = NULL;
	b->last = r;
	b->rows = rows;
}

void pv_ui_page_filter(struct pv_ui_page *p, const char *text)
{
	for (struct pv_ui_panel *b = p->panel; b && *text; b = b->next) {
		struct pv_ui_row **at = &b->row;
		if (b->kind == PV_UI_LINES || b->kind == PV_UI_WORDS || b->kind == PV_UI_HEADING)
			continue;
		b->last = NULL;
		b->rows = 0;
		while (*at) {
			if (!strcasestr((*at)->name, text)) {
				*at = (*at)->next;
				continue;
			}
			b->last = *at;
			b->rows++;
			at = &(*at)->next;
		}
	}
}

#define AS_IT_IS (-2) /* in place of a column */

struct order {
	int column;
	bool reverse;
};

/* glibc's, which POSIX has taken over: the context comes last. Equal rows stay in the agent's order. */
static int compare(const void *a, const void *b, void *ctx)
{
	const struct pv_ui_row *x = *(const struct pv_ui_row *const *)a,
			       *y = *(const struct pv_ui_row *const *)b;
	const struct order *o = ctx;
	if (x->rest != y->rest)
		return x->rest - y->rest;
	int at = (x->at > y->at) - (x->at < y->at), by = at;
	if (o->column >= 0)
		by = (x->key[o->column] < y->key[o->column]) - (x->key[o->column] > y->key[o->column]);
	else if (o->column != AS_IT_IS)
		by = strcmp(x->name, y->name);
	by = o->reverse ? -by : by;
	return by ? by : at;
}

void pv_ui_panel_sort(struct pv_ui_page *p, struct pv_ui_panel *b, int column, bool reverse)
{
	struct order o = {column, reverse};
	if (!b || b->rows < 2)
		return;
	struct pv_ui_row **all = pv_ui_alloc(&p->pool, b->rows * sizeof *all);
	size_t n = 0;
	if (!all)
		return;
	for (struct pv_ui_row *r = b->row; r; r = r->next) {
		r->at = n;
		all[n++] = r;
	}
	qsort_r(all, n, sizeof *all, compare, &o);
	for (size_t i = 0; i < n; i++)
		all[i]->next = i + 1 < n ? all[i + 1] : NULL;
	b->row = all[0];
	b->last = all[n - 1];
}

int pv_ui_panel_column(const struct pv_ui_panel *b, const char *heading)
{
	if (b->kind == PV_UI_LIST)
		return strcmp(heading, PV_UI_BY_NUMBER) ? -1 : 0;
	for (size_t i = 0; i < b->columns; i++)
		if (!strcmp(b->column[i], heading))
			return (int)i;
	return -1;
}

void pv_ui_page_sort(struct pv_ui_page *p, const char *by, bool reverse)
{
	for (struct pv_ui_panel *b = p->panel; b; b = b->next) {
		int column = pv_ui_panel_column(b, by);
		if (column < 0 && strcmp(by, PV_UI_BY_NAME) != 0)
			column = AS_IT_IS;
		if ((b->kind == PV_UI_LIST || b->kind == PV_UI_TABLE) && (column != AS_IT_IS || reverse))
			pv_ui_panel_sort(p, b, column, reverse);
	}
}

/* ---- numbers as texts ------------------------------------------------------------------------- */

static bool ends(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && !strcmp(text + n - m, end);
}

static const char *last_word(const char *path)
{
	const char *word = strrchr(path, '.');
	return word ? word + 1 : path;
}

bool pv_ui_is_bytes(const char *path)
{
	const char *word = last_word(path);
	return ends(word, "_bytes") || !strncmp(word, "bytes", 5);
}

static bool prefixed(const char *path)
{
	const char *word = last_word(path);
	return pv_ui_is_bytes(path) || ends(word, "_bps") || !strcmp(word, "bps");
}

struct pv_ui_num pv_ui_bits(const struct pv_ui_handler *h, struct pv_ui_num bytes)
{
	double d = bytes.d * 8 / (h->length ? (double)h->length : 1);
	return (struct pv_ui_num){d, d < 0 ? 0 : d < 1e18 ? (uint64_t)d : UINT64_MAX, d < 0};
}

const char *pv_ui_count(struct pv_ui_pool *p, struct pv_ui_num n)
{
	return n.real ? pv_ui_fmt(p, "%.2f", n.d) : pv_ui_fmt(p, "%" PRIu64, n.u);
}

const char *pv_ui_value(struct pv_ui_pool *p, const char *path, struct pv_ui_num n)
{
	static const char prefix[] = "kMGTPE";
	double d = n.d;
	size_t i = 0;
	if (ends(path, "_us")) /* answers of a network nearby take some tens of microseconds */
		return pv_ui_fmt(p, n.d < 10000 ? "%.2f" : "%.1f", n.d / 1000);
	if (!prefixed(path) || d < 10000)
		return pv_ui_count(p, n);
	for (d /= 1000; d >= 1000 && prefix[i + 1]; i++)
		d /= 1000;
	return pv_ui_fmt(p, d < 10 ? "%.2f%c" : d < 100 ? "%.1f%c" : "%.0f%c", d, prefix[i]);
}

const char *pv_ui_rate(struct pv_ui_page *p, const char *path, struct pv_ui_num n)
{
	static const struct pv_ui_handler second = {.length = 1};
	if (p->bits && pv_ui_is_bytes(path))
		return pv_ui_value(&p->pool, "bps", pv_ui_bits(&second, n));
	return pv_ui_value(&p->pool, path, n);
}

const char *pv_ui_value_name(struct pv_ui_pool *p, const char *path)
{
	return ends(path, "_us") ? pv_ui_fmt(p, "%.*s ms", (int)strlen(path) - 3, path) : path;
}

/* "3:04PM" */
static const char *clock_time(struct pv_ui_pool *p, uint64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;
	if (at > INT32_MAX * UINT64_C(64) || !localtime_r(&t, &tm))
		return "?";
	return pv_ui_fmt(p, "%d:%02d%s", tm.tm_hour % 12 ? tm.tm_hour % 12 : 12, tm.tm_min,
			 tm.tm_hour < 12 ? "AM" : "PM");
}

const char *pv_ui_window_text(struct pv_ui_pool *p, const struct pv_ui_handler *h)
{
	return pv_ui_fmt(p, "%s to %s, Period %" PRIu64 "s", clock_time(p, h->start),
			 clock_time(p, h->start + h->length), h->length);
}

double pv_ui_percent(double n, double base)
{
	return base > 0 ? n / base * 100 : 0;
}
