/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/known.h"

static const char *const quants[PV_UI_QUANTS] = {"p50", "p90", "p95", "p99", "live"};

/* ---- tables -------------------------------------------------------------------------------------- */

/* Columns that no row has anything in only take room. */
static void drop_empty_columns(struct pv_ui_panel *t)
{
	size_t to = 0;
	for (size_t c = 0; c < t->columns; c++) {
		bool any = false;
		for (const struct pv_ui_row *r = t->row; r && !any; r = r->next)
			any = r->cell[c] && strcmp(r->cell[c], "-") != 0;
		if (!any)
			continue;
		t->column[to] = t->column[c];
		for (struct pv_ui_row *r = t->row; r; r = r->next) {
			r->cell[to] = r->cell[c];
			r->key[to] = r->key[c];
		}
		to++;
	}
	t->columns = to;
}

/* What the section counts, or else what those inside of it do together, which come right behind it: "1 | 2"
 * of "1". */
static bool bytes_of(const struct pv_ui_section *s, const char *path, struct pv_ui_num *sum)
{
	const struct pv_ui_metric *m = pv_ui_metric(s, path);
	const char *title = s->title;
	size_t n = strlen(title);
	bool any = m && m->kind == PV_UI_NUMBER;
	*sum = any ? m->n : (struct pv_ui_num){0, 0, true};
	for (s = any || !n ? NULL : s->next;
	     s && !strncmp(s->title, title, n) && !strncmp(s->title + n, " | ", 3); s = s->next)
		if ((m = pv_ui_metric(s, path)) && m->kind == PV_UI_NUMBER) {
			sum->d += m->n.d;
			any = true;
		}
	return any;
}

/* A number of the section, or one of its quantiles, "a:p50". */
static bool number_of(const struct pv_ui_section *s, const char *path, const char *quantile,
		      struct pv_ui_num *n)
{
	const struct pv_ui_metric *m = pv_ui_metric(s, path);
	if (!m || m->kind != (quantile ? PV_UI_QUANTILES : PV_UI_NUMBER))
		return false;
	*n = m->n;
	for (size_t q = 0; quantile && q < PV_UI_QUANTS; q++)
		if (!strcmp(quantile, quants[q])) {
			*n = m->q[q];
			return m->have & 1u << q;
		}
	return true;
}

static bool is_bits(const struct pv_ui_column *c)
{
	return c->share && !strcmp(c->share, PV_UI_BITS);
}

static void set_cell(struct pv_ui_page *p, struct pv_ui_row *r, size_t i, const struct pv_ui_handler *h,
		     const struct pv_ui_section *s, const struct pv_ui_column *c)
{
	char path[PV_UI_NAME_MAX];
	const char *colon = strchr(c->path, ':');
	snprintf(path, sizeof path, "%.*s", colon ? (int)(colon - c->path) : (int)strlen(c->path), c->path);
	const struct pv_ui_metric *base = c->share ? pv_ui_metric(s, c->share) : NULL;
	struct pv_ui_num n = {0, 0, false};
	bool there = is_bits(c) ? bytes_of(s, path, &n) : number_of(s, path, colon ? colon + 1 : NULL, &n);
	if (is_bits(c))
		n = pv_ui_bits(h, n);
	r->key[i] = n.d;
	if (!there)
		r->cell[i] = "-";
	else if (is_bits(c))
		r->cell[i] = pv_ui_value(&p->pool, "bps", n);
	else if (!c->share)
		r->cell[i] = pv_ui_value(&p->pool, path, n);
	else
		r->cell[i] =
		    pv_ui_fmt(&p->pool, "%.1f%%", r->key[i] = pv_ui_percent(n.d, base ? base->n.d : 0));
}

static void section_row(struct pv_ui_page *p, struct pv_ui_panel *t, const struct pv_ui_handler *h,
			const struct pv_ui_section *s, const struct pv_ui_column *c)
{
	struct pv_ui_row *r = pv_ui_row(p, t, *s->title ? s->title : "(empty)", "");
	if (!r)
		return;
	r->ref = (struct pv_ui_ref){h, s, NULL, NULL, 0};
	for (size_t i = 0; i < t->columns; i++)
		set_cell(p, r, i, h, s, &c[i]);
}

/* For a map that nobody has told us about: the first few numbers that its first member has. */
static size_t guess_columns(const struct pv_ui_section *s, struct pv_ui_column *c)
{
	size_t n = 0;
	for (const struct pv_ui_metric *m = s->metric; m && n < 6; m = m->next)
		if (m->kind == PV_UI_NUMBER)
			c[n++] = (struct pv_ui_column){m->path, m->path, NULL};
	return n;
}

static struct pv_ui_panel *section_table(struct pv_ui_page *p, const struct pv_ui_handler *h,
					 const struct pv_ui_section *first)
{
	const struct pv_ui_known_table *known = pv_ui_known_table(h->schema, first->map);
	struct pv_ui_column guessed[PV_UI_COLUMNS] = {{NULL, NULL, NULL}};
	const struct pv_ui_column *c = known ? known->column : guessed;
	if (!known)
		guess_columns(first, guessed);
	struct pv_ui_panel *t = pv_ui_panel(p, PV_UI_TABLE, known ? known->title : first->map);
	for (size_t i = 0; t && i < PV_UI_COLUMNS && c[i].heading; i++)
		t->column[t->columns++] = c[i].heading;
	for (const struct pv_ui_section *s = first; t && s; s = s->next)
		if (!strcmp(s->map, first->map))
			section_row(p, t, h, s, c);
	if (t && t->columns) { /* JSON has them by name */
		pv_ui_panel_sort(p, t, known ? (int)known->sort : 0, known && known->reverse);
		drop_empty_columns(t);
	}
	return t;
}

static bool alone(const struct pv_ui_handler *h, const struct pv_ui_section *s)
{
	for (const struct pv_ui_section *t = h->section->next; t; t = t->next)
		if (t != s && !strcmp(t->map, s->map))
			return false;
	return true;
}

/* A table for each map that there is, in the order of their first members. rows: of each, the rest is left
 * out. compare: only of those with several members. Returns the last one's first row, or NULL. */
static const struct pv_ui_row *section_tables(struct pv_ui_page *p, const struct pv_ui_handler *h,
					      size_t rows, bool compare)
{
	struct pv_ui_panel *t = NULL;
	for (const struct pv_ui_section *s = h->section->next; s; s = s->next) {
		const struct pv_ui_section *before = h->section->next;
		while (before != s && strcmp(before->map, s->map))
			before = before->next;
		if (before != s || (compare && alone(h, s)))
			continue;
		if ((t = section_table(p, h, s)) && t->rows > rows) {
			t->title = pv_ui_fmt(&p->pool, "%s: %zu of %zu", t->title, rows, t->rows);
			pv_ui_panel_cut(t, rows);
		}
	}
	return t ? t->row : NULL;
}

struct section_order {
	const struct pv_ui_section *section;
	size_t map, at;
	double key;
};

static int by_table(const void *a, const void *b)
{
	const struct section_order *x = a, *y = b;
	if (x->map != y->map)
		return (x->map > y->map) - (x->map < y->map);
	int by = (x->key < y->key) - (x->key > y->key);
	return by ? by : (x->at > y->at) - (x->at < y->at);
}

/* The sections below the schema as the tables have them: map by map, the busiest first. Returns how many. */
static size_t order_sections(struct pv_ui_page *p, const struct pv_ui_handler *h,
			     struct section_order out[PV_UI_WHOLE_SECTIONS])
{
	size_t n = 0;
	for (const struct pv_ui_section *s = h->section->next; s && n < PV_UI_WHOLE_SECTIONS;
	     s = s->next, n++) {
		const struct pv_ui_known_table *known = pv_ui_known_table(h->schema, s->map);
		struct pv_ui_row r = {.name = ""};
		if (known)
			set_cell(p, &r, 0, h, s, &known->column[known->sort]);
		out[n] = (struct section_order){s, n, n, known && known->reverse ? -r.key[0] : r.key[0]};
		for (size_t i = 0; i < n; i++)
			if (!strcmp(out[i].section->map, s->map)) {
				out[n].map = out[i].map;
				break;
			}
	}
	qsort(out, n, sizeof *out, by_table);
	return n;
}

/* ---- one section --------------------------------------------------------------------------------- */

static bool headline_bits(struct pv_ui_page *p, struct pv_ui_panel *l, const struct pv_ui_section *s,
			  const struct pv_ui_handler *h, const struct pv_ui_column *c)
{
	struct pv_ui_num n;
	if (!bytes_of(s, c->path, &n))
		return false;
	const char *rate = pv_ui_value(&p->pool, "bps", pv_ui_bits(h, n));
	pv_ui_row(p, l, pv_ui_fmt(&p->pool, "%s %s", c->heading, rate), NULL);
	return true;
}

/* "Queries 12 (40.0%)"; false when the section has no such number. */
static bool headline_field(struct pv_ui_page *p, struct pv_ui_panel *l, const struct pv_ui_section *s,
			   const struct pv_ui_handler *h, const struct pv_ui_column *c)
{
	if (is_bits(c))
		return headline_bits(p, l, s, h, c);
	const struct pv_ui_metric *m = pv_ui_metric(s, c->path),
				  *base = c->share ? pv_ui_metric(s, c->share) : NULL;
	if (!m || m->kind != PV_UI_NUMBER)
		return false;
	if (c->share && !base)
		base = pv_ui_metric(h->section, c->share);
	const char *n = pv_ui_value(&p->pool, c->path, m->n);
	pv_ui_row(p, l,
		  c->share ? pv_ui_fmt(&p->pool, "%s %s (%3.1f%%)", c->heading, n,
				       pv_ui_percent(m->n.d, base ? base->n.d : 0))
			   : pv_ui_fmt(&p->pool, "%s %s", c->heading, n),
		  NULL);
	return true;
}

/* The telling numbers of a section, in a frame of their own; where there are none, the title alone. */
static void headline(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s,
		     const char *title)
{
	const struct pv_ui_column *c = pv_ui_known_headline(h->schema);
	struct pv_ui_panel *l = pv_ui_panel(p, PV_UI_LINES, title);
	bool any = false;
	pv_ui_row(p, l, NULL, NULL);
	for (; c && c->heading; c++)
		any = headline_field(p, l, s, h, c) || any;
	if (!any && l)
		l->kind = PV_UI_HEADING;
}

static bool in_headline(const struct pv_ui_handler *h, const char *path)
{
	const struct pv_ui_column *c = pv_ui_known_headline(h->schema);
	while (c && c->heading && strcmp(c->path, path))
		c++;
	return c && c->heading;
}

static bool nothing(const struct pv_ui_metric *m)
{
	return m->kind == PV_UI_NUMBER && !(m->n.d > 0 || m->n.d < 0);
}

/* Counters that are not in the headline. Those of nothing are named behind the others. */
static void numbers(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s)
{
	struct pv_ui_panel *g = NULL, *zero = NULL;
	for (const struct pv_ui_metric *m = s->metric; m; m = m->next) {
		const char *text = m->text;
		if ((m->kind != PV_UI_NUMBER && m->kind != PV_UI_TEXT) || in_headline(h, m->path) ||
		    nothing(m))
			continue;
		if (!g && !(g = pv_ui_panel(p, PV_UI_GRID, "Counters")))
			return;
		double base = m->kind == PV_UI_NUMBER ? pv_ui_base(h, s, m->path) : 0;
		const char *name = pv_ui_value_name(&p->pool, m->path);
		if (m->kind == PV_UI_NUMBER)
			text = base > 0 ? pv_ui_fmt(&p->pool, "%s (%4.1f%%)", pv_ui_count(&p->pool, m->n),
						    pv_ui_percent(m->n.d, base))
			       : name == m->path ? pv_ui_count(&p->pool, m->n)
						 : pv_ui_value(&p->pool, m->path, m->n);
		struct pv_ui_row *r = pv_ui_row(p, g, name, text);
		if (r)
			r->ref = (struct pv_ui_ref){h, s, m, NULL, 0};
	}
	for (const struct pv_ui_metric *m = s->metric; m; m = m->next)
		if (nothing(m) && !in_headline(h, m->path)) {
			if (!zero)
				zero = pv_ui_panel(p, PV_UI_WORDS, "zero:");
			pv_ui_row(p, zero, m->path, NULL);
		}
}

static void quantiles(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s)
{
	struct pv_ui_panel *t = NULL;
	for (const struct pv_ui_metric *m = s->metric; m; m = m->next) {
		if (m->kind != PV_UI_QUANTILES)
			continue;
		if (!t) {
			if (!(t = pv_ui_panel(p, PV_UI_TABLE, "Rates and quantiles")))
				return;
			t->columns = PV_UI_QUANTS;
			memcpy(t->column, quants, sizeof quants);
		}
		bool bits = p->bits && pv_ui_is_bytes(m->path);
		const char *name =
		    bits ? pv_ui_fmt(&p->pool, "%s, in bit/s", m->path) : pv_ui_value_name(&p->pool, m->path);
		struct pv_ui_row *r = pv_ui_row(p, t, name, "");
		if (!r)
			return;
		r->trend = pv_ui_is_rate(m);
		r->ref = (struct pv_ui_ref){h, s, m, NULL, 0};
		for (size_t i = 0; i < PV_UI_QUANTS; i++) {
			bool there = m->have & 1u << i;
			r->cell[i] = there ? pv_ui_rate(p, m->path, m->q[i]) : "-";
			r->key[i] = there ? m->q[i].d : -1;
		}
	}
	if (t)
		drop_empty_columns(t);
}

static void short_list(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s,
		       const struct pv_ui_metric *m)
{
	bool top = m->kind == PV_UI_TOP;
	double base = top ? pv_ui_base(h, s, m->path) : m->items ? m->item[m->items - 1].n.d : 0;
	bool bits = p->bits && top && pv_ui_is_bytes(m->path);
	struct pv_ui_panel *l =
	    pv_ui_panel(p, PV_UI_LIST, bits ? pv_ui_fmt(&p->pool, "%s, in bit/s", m->path) : m->path);
	for (size_t i = 0; i < m->items; i++) {
		const struct pv_ui_item *it = &m->item[i];
		const char *n = bits ? pv_ui_value(&p->pool, "bps", pv_ui_bits(h, it->n))
				     : pv_ui_value(&p->pool, top ? m->path : "", it->n);
		if (!top && it->n.real)
			n = pv_ui_fmt(&p->pool, "%.0f", it->n.d);
		if (base > 0)
			n = pv_ui_fmt(&p->pool, "%s (%4.1f%%)", n, pv_ui_percent(it->n.d, base));
		struct pv_ui_row *r = pv_ui_row(p, l, *it->name ? it->name : "(empty)", n);
		if (!r)
			return;
		/* bounds of a histogram stay in their order, whatever is sorted by */
		r->key[0] = top ? it->n.d : -(double)i;
		r->ref = (struct pv_ui_ref){h, s, m, it, i};
	}
}

/* Does a fact say for every item what the estimate says? Then it is what the list is by. */
static bool is_weight(const struct pv_ui_metric *m, size_t fact)
{
	for (size_t i = 0; i < m->items; i++) {
		const struct pv_ui_item *it = &m->item[i];
		if (!(it->have & 1u << fact) || it->fact[fact].d < it->n.d || it->fact[fact].d > it->n.d)
			return false;
	}
	return m->items > 0;
}

struct fact_order {
	size_t rank, fact;
};

static int by_rank(const void *a, const void *b)
{
	const struct fact_order *x = a, *y = b;
	return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank)
				  : (x->fact > y->fact) - (x->fact < y->fact);
}

/* What is known to tell most stands first, as the last ones may find no room. */
static void order_facts(const struct pv_ui_metric *m, struct fact_order order[PV_UI_FACTS_MAX])
{
	for (size_t i = 0; i < m->facts; i++)
		order[i] = (struct fact_order){pv_ui_known_fact_rank(m->fact[i]), i};
	qsort(order, m->facts, sizeof *order, by_rank);
}

/* Columns of a list whose items have more than a number. */
struct wide_list {
	double base;   /* 0: no share */
	bool estimate; /* no fact says it */
	size_t facts;
	struct fact_order fact[PV_UI_FACTS_MAX];
};

static void wide_row(struct pv_ui_page *p, struct pv_ui_row *r, const struct wide_list *w,
		     const struct pv_ui_metric *m, const struct pv_ui_item *it)
{
	size_t c = 0;
	if (w->base > 0) {
		r->key[c] = pv_ui_percent(it->n.d, w->base);
		r->cell[c] = pv_ui_fmt(&p->pool, "%.1f%%", r->key[c]);
		c++;
	}
	if (w->estimate) {
		r->key[c] = it->n.d;
		r->cell[c++] = pv_ui_value(&p->pool, m->path, it->n);
	}
	for (size_t i = 0; i < w->facts; i++, c++) {
		size_t f = w->fact[i].fact;
		bool there = it->have & 1u << f;
		r->cell[c] = there ? pv_ui_value(&p->pool, m->fact[f], it->fact[f]) : "-";
		r->key[c] = there ? it->fact[f].d : -1;
	}
}

static void wide_list(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s,
		      const struct pv_ui_metric *m)
{
	struct wide_list w = {pv_ui_base(h, s, m->path), true, m->facts, {{0, 0}}};
	const char *weight = NULL;
	struct pv_ui_panel *t = pv_ui_panel(p, PV_UI_TABLE, m->path);
	if (!t)
		return;
	order_facts(m, w.fact);
	for (size_t i = 0; i < m->facts; i++)
		if (w.estimate && is_weight(m, i)) {
			w.estimate = false;
			weight = m->fact[i];
		}
	if (w.base > 0) /* of what, as rows may be sorted by something else */
		t->column[t->columns++] = weight ? pv_ui_fmt(&p->pool, "of %s", weight) : "share";
	if (w.estimate)
		t->column[t->columns++] = "estimate";
	for (size_t i = 0; i < m->facts; i++)
		t->column[t->columns++] = m->fact[w.fact[i].fact];
	for (size_t i = 0; i < m->items; i++) {
		const struct pv_ui_item *it = &m->item[i];
		struct pv_ui_row *r = pv_ui_row(p, t, *it->name ? it->name : "(empty)", "");
		if (!r)
			return;
		r->ref = (struct pv_ui_ref){h, s, m, it, i};
		r->rest = i + 1 == m->items && !strcmp(it->name, "other");
		wide_row(p, r, &w, m, it);
	}
}

struct list_order {
	const struct pv_ui_metric *metric;
	size_t rank, at;
};

static int by_list_rank(const void *a, const void *b)
{
	const struct list_order *x = a, *y = b;
	return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank)
				  : (x->at > y->at) - (x->at < y->at);
}

/* The lists of a section that have something in them, the most telling first. NULL: none, or no memory. */
static struct list_order *ranked(struct pv_ui_page *p, const struct pv_ui_handler *h,
				 const struct pv_ui_section *s, size_t *n)
{
	struct list_order *all = s->n ? pv_ui_alloc(&p->pool, s->n * sizeof *all) : NULL;
	*n = 0;
	for (const struct pv_ui_metric *m = s->metric; all && m; m = m->next)
		if ((m->kind == PV_UI_TOP || m->kind == PV_UI_HISTOGRAM) && m->items) {
			all[*n] = (struct list_order){m, pv_ui_known_rank(h->schema, m->path), *n};
			++*n;
		}
	if (all)
		qsort(all, *n, sizeof *all, by_list_rank);
	return all;
}

/* At most `most` of them. */
static void lists(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s,
		  size_t most)
{
	size_t n;
	const struct list_order *all = ranked(p, h, s, &n);
	for (size_t i = 0; i < n && i < most; i++)
		if (all[i].metric->facts)
			wide_list(p, h, s, all[i].metric);
		else
			short_list(p, h, s, all[i].metric);
}

static void empty_lists(struct pv_ui_page *p, const struct pv_ui_section *s)
{
	struct pv_ui_panel *empty = NULL;
	for (const struct pv_ui_metric *m = s->metric; m; m = m->next)
		if ((m->kind == PV_UI_TOP || m->kind == PV_UI_HISTOGRAM) && !m->items) {
			if (!empty)
				empty = pv_ui_panel(p, PV_UI_WORDS, "empty:");
			pv_ui_row(p, empty, m->path, NULL);
		}
}

static void rest_of(struct pv_ui_page *p, const struct pv_ui_handler *h, const struct pv_ui_section *s)
{
	lists(p, h, s, SIZE_MAX);
	numbers(p, h, s);
	empty_lists(p, s);
}

void pv_ui_handler_page(struct pv_ui_page *p, const struct pv_ui_handler *h, const char *title,
			const char *section)
{
	const struct pv_ui_section *picked = *section ? pv_ui_section(h, section) : NULL;
	headline(p, h, picked ? picked : h->section, title);
	quantiles(p, h, picked ? picked : h->section);
	if (picked) {
		rest_of(p, h, picked);
		return;
	}
	bool whole = h->n - 1 <= PV_UI_WHOLE_SECTIONS;
	section_tables(p, h, SIZE_MAX, whole);
	rest_of(p, h, h->section);
	if (!whole) {
		pv_ui_panel(p, PV_UI_HEADING, "Enter on a row of a table shows all that it has");
		return;
	}
	struct section_order order[PV_UI_WHOLE_SECTIONS];
	for (size_t i = 0, n = order_sections(p, h, order); i < n; i++) {
		const struct pv_ui_section *s = order[i].section;
		headline(p, h, s, pv_ui_fmt(&p->pool, "%s: %s", s->map, s->title));
		quantiles(p, h, s);
		rest_of(p, h, s);
	}
}

void pv_ui_handler_brief(struct pv_ui_page *p, const struct pv_ui_handler *h, const char *title)
{
	headline(p, h, h->section, title);
	quantiles(p, h, h->section);
	if (!pv_ui_known_headline(h->schema))
		numbers(p, h, h->section);
	const struct pv_ui_row *worst = section_tables(p, h, PV_UI_BRIEF_ROWS, false);
	lists(p, h, h->section, PV_UI_BRIEF_LISTS);
	if (!worst || !worst->ref.section)
		return;
	const struct pv_ui_section *s = worst->ref.section;
	size_t n;
	if (ranked(p, h, s, &n) && n)
		pv_ui_panel(p, PV_UI_HEADING, pv_ui_fmt(&p->pool, "%s: %s", s->map, s->title));
	lists(p, h, s, PV_UI_BRIEF_LISTS);
}
