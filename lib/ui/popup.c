/* SPDX-License-Identifier: MPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "ui/known.h"
#include "ui/ui.h"

#define LINES  40
#define WIDEST 76

static const char *const help[] = {
    "Tab, Shift-Tab   next, previous view",
    "1 to 9           overview, handlers",
    "arrows, hjkl     walk through rows and panels",
    "Enter            all about a row",
    "Esc              back: filter, row, view",
    "PgUp, PgDn       scroll; also Home, End, g, G",
    "p, t             pick a policy, a tap",
    "+, -             longer, shorter window",
    "n, N             next, previous handler of the kind",
    "s, R             sort: name, each column, as at first; reverse",
    "b                lists and rates of bytes in bit/s",
    "/                only names that contain a text",
    "Space, r         pause; ask now",
    "q, Ctrl-C        quit",
};

struct popup {
	const char *title, *line[LINES];
	size_t n, selected; /* selected: LINES is none */
	size_t from;	    /* first line that is shown, if there are more than fit */
};

static void add(struct popup *p, const char *line)
{
	if (p->n < LINES)
		p->line[p->n++] = line;
}

static void show(const struct popup *p, struct pv_ui_screen *s)
{
	int w = pv_ui_width(p->title) + 4, most = s->cols < WIDEST ? s->cols : WIDEST;
	for (size_t i = 0; i < p->n; i++)
		w = pv_ui_width(p->line[i]) + 4 > w ? pv_ui_width(p->line[i]) + 4 : w;
	w = w > most ? most : w;
	int h = (int)p->n + 2 < s->rows ? (int)p->n + 2 : s->rows;
	int x = (s->cols - w) / 2, y = (s->rows - h) / 2;
	pv_ui_fill(s, x, y, w, h, PV_UI_PLAIN);
	pv_ui_box(s, x, y, w, h, p->title);
	for (size_t i = 0; (int)i < h - 2; i++) {
		enum pv_ui_attr attr = i == p->selected ? PV_UI_SELECTED : PV_UI_PLAIN;
		int line = y + 1 + (int)i;
		pv_ui_fill(s, x + 1, line, w - 2, 1, attr);
		pv_ui_put(s, x + 2, line, w - 4, attr, p->line[p->from + i]);
	}
}

/* As many entries as fit, around the one that is selected. */
static void picker(const struct pv_ui *u, struct popup *p, int rows)
{
	size_t n = pv_ui_picks(u), fit = rows > 3 ? (size_t)rows - 2 : 1;
	if (fit > LINES)
		fit = LINES;
	size_t first = u->pick >= fit ? u->pick - fit + 1 : 0;
	bool policy = u->popup == PV_UI_PICK_POLICY;
	p->title = policy ? "Policy" : "Tap";
	p->selected = u->pick - first;
	for (size_t i = first; i < n && i - first < fit; i++)
		add(p, i ? pv_ui_pick(u, i) : policy ? "(all policies)" : "(all taps)");
}

static const struct pv_ui_handler *handler_of(const struct pv_ui *u)
{
	for (size_t i = 0; u->s.model && i < u->s.model->n; i++) {
		const struct pv_ui_handler *h = &u->s.model->handler[i];
		if (!strcmp(h->name, u->detail.handler) && !strcmp(h->policy, u->detail.policy))
			return h;
	}
	return NULL;
}

static const struct pv_ui_item *item_of(const struct pv_ui_metric *m, const char *name, size_t *rank)
{
	for (*rank = 0; m && *rank < m->items; ++*rank)
		if (!strcmp(m->item[*rank].name, name))
			return &m->item[*rank];
	return NULL;
}

/* Where else the name stands: what a person would look for next. */
static void elsewhere(const struct pv_ui *u, struct popup *p, struct pv_ui_pool *pool)
{
	size_t rank;
	for (size_t i = 0; u->s.model && i < u->s.model->n; i++) {
		const struct pv_ui_handler *h = &u->s.model->handler[i];
		for (const struct pv_ui_section *s = h->section; s; s = s->next)
			for (const struct pv_ui_metric *m = s->metric; m; m = m->next) {
				bool same = !strcmp(h->name, u->detail.handler) &&
					    !strcmp(s->title, u->detail.section) &&
					    !strcmp(m->path, u->detail.path);
				const struct pv_ui_item *it =
				    m->kind == PV_UI_TOP && !same ? item_of(m, u->detail.name, &rank) : NULL;
				if (it)
					add(p, pv_ui_fmt(pool, "also in %s %s%s%s: %s", h->schema, s->title,
							 *s->title ? " " : "", m->path,
							 pv_ui_count(pool, it->n)));
			}
	}
}

static void about_item(struct popup *p, struct pv_ui_pool *pool, const struct pv_ui_handler *h,
		       const struct pv_ui_section *s, const struct pv_ui_metric *m, const char *name)
{
	size_t rank;
	const struct pv_ui_item *it = item_of(m, name, &rank);
	double base = pv_ui_base(h, s, m->path);
	if (!it) {
		add(p, "no longer in the list");
		return;
	}
	add(p, pv_ui_fmt(pool, "count    %s", pv_ui_count(pool, it->n)));
	if (base > 0)
		add(p, pv_ui_fmt(pool, "share    %.2f%% of %.0f", pv_ui_percent(it->n.d, base), base));
	add(p, pv_ui_fmt(pool, "rank     %zu of the %zu shown", rank + 1, m->items));
	if (pv_ui_is_bytes(m->path))
		add(p, pv_ui_fmt(pool, "bit/s    %s", pv_ui_count(pool, pv_ui_bits(h, it->n))));
	if (*it->place)
		add(p, pv_ui_fmt(pool, "place    %s", it->place));
	for (size_t i = 0; i < m->facts; i++)
		if (it->have & 1u << i)
			add(p, pv_ui_fmt(pool, "%-10s %s", m->fact[i], pv_ui_count(pool, it->fact[i])));
}

static void about_metric(struct popup *p, struct pv_ui_pool *pool, const struct pv_ui_metric *m)
{
	static const char *const names[PV_UI_QUANTS] = {"p50", "p90", "p95", "p99", "live"};
	for (size_t i = 0; m->kind == PV_UI_QUANTILES && i < PV_UI_QUANTS; i++)
		if (m->have & 1u << i)
			add(p, pv_ui_fmt(pool, "%-8s %s", names[i], pv_ui_count(pool, m->q[i])));
	if (m->kind == PV_UI_NUMBER)
		add(p, pv_ui_fmt(pool, "value    %s", pv_ui_count(pool, m->n)));
}

/* Long names go on in the next line. */
static void name_lines(struct popup *p, struct pv_ui_pool *pool, const char *name)
{
	size_t n = strlen(name), at = 0;
	while (n - at > WIDEST - 4) {
		size_t cut = WIDEST - 4;
		while (cut > 1 && ((unsigned char)name[at + cut] & 0xc0) == 0x80)
			cut--;
		add(p, pv_ui_fmt(pool, "%.*s", (int)cut, name + at));
		at += cut;
	}
	add(p, pv_ui_fmt(pool, "%s", name + at));
}

static void details(const struct pv_ui *u, struct popup *p, struct pv_ui_pool *pool)
{
	const struct pv_ui_detail *d = &u->detail;
	const struct pv_ui_handler *h = handler_of(u);
	const struct pv_ui_section *s = h ? pv_ui_section(h, d->section) : NULL;
	const struct pv_ui_metric *m = pv_ui_metric(s, d->path);
	p->title = "Details";
	name_lines(p, pool, *d->name ? d->name : *d->path ? d->path : *d->section ? d->section : "(empty)");
	add(p, "");
	if (m && (m->kind == PV_UI_TOP || m->kind == PV_UI_HISTOGRAM))
		about_item(p, pool, h, s, m, d->name);
	else if (m)
		about_metric(p, pool, m);
	add(p, pv_ui_fmt(pool, "metric   %s", d->path));
	if (*d->section)
		add(p, pv_ui_fmt(pool, "of       %s", d->section));
	add(p, pv_ui_fmt(pool, "handler  %s", d->handler));
	if (*d->name)
		elsewhere(u, p, pool);
}

void pv_ui_draw_popup(struct pv_ui *u, struct pv_ui_screen *s)
{
	struct pv_ui_pool pool = PV_UI_POOL(1 << 20);
	struct popup p = {.selected = LINES};
	if (u->popup == PV_UI_HELP) {
		p.title = "Keys";
		for (size_t i = 0; i < sizeof help / sizeof help[0]; i++)
			add(&p, help[i]);
	} else if (u->popup == PV_UI_DETAILS) {
		details(u, &p, &pool);
	} else {
		picker(u, &p, s->rows);
	}
	if (p.selected == LINES) { /* what does not fit can be scrolled to */
		size_t fit = s->rows > 2 ? (size_t)s->rows - 2 : 0, most = p.n > fit ? p.n - fit : 0;
		u->pick = p.from = u->pick < most ? u->pick : most;
		if (most)
			p.title = pv_ui_fmt(&pool, "%s, more with arrows", p.title);
	}
	show(&p, s);
	pv_ui_pool_free(&pool);
}
