/* SPDX-License-Identifier: MPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "ui/handler.h"
#include "ui/ui.h"

#define ROWS_LEAST   7 /* of a list in the overview, where there is no room for ten */
#define ROWS_MOST    10
#define LIST_LEAST   36 /* columns of a list in a handler's view: names are long there */
#define LIST_MOST    64 /* of the overview's lists; wider terminals get more than four of them */
#define ABREAST_MOST 8
#define COLS_FEW     112 /* with less there are no four of them abreast */
#define ROWS_FEW     36	 /* with less the third line of lists of the overview is not on the screen */
#define NAME_LEAST   12	 /* columns of a table's names, where half of the table is less */
#define GRID_MOST    12	 /* columns of counters */

/* ---- the page ------------------------------------------------------------------------------------ */

/* The line that says what this is, for views other than the overview, which has it in its frame. */
static const char *title_of(struct pv_ui_page *p, const struct pv_ui *u, const struct pv_ui_handler *h)
{
	size_t which = 0, n = pv_ui_namesakes(u, h, &which);
	const char *of = n > 1 ? pv_ui_fmt(&p->pool, " %zu of %zu (n: next)", which + 1, n) : "";
	const struct pv_ui_section *s = *u->section ? pv_ui_section(h, u->section) : NULL;
	const char *section = s ? pv_ui_fmt(&p->pool, "  %s: %s", s->map, s->title) : "";
	return pv_ui_fmt(&p->pool, "%s%s: %s%s  %s  Policy: %s (server: %s)", h->schema, of,
			 pv_ui_label(&p->pool, u, h), section, pv_ui_window_text(&p->pool, h), h->policy,
			 u->s.server);
}

/* Sizes alone decide, so that nothing changes its place because a number has become longer. */
static bool small(int cols, int rows)
{
	return cols < COLS_FEW || (rows && rows < ROWS_FEW);
}

static void compose_overview(struct pv_ui_page *p, const struct pv_ui *u, int cols, int rows)
{
	const struct pv_ui_handler *all[PV_UI_HANDLERS_MAX];
	const char *label[PV_UI_HANDLERS_MAX];
	size_t n = pv_ui_handlers(u, all);
	for (size_t i = 0; i < n; i++)
		label[i] = pv_ui_label(&p->pool, u, all[i]);
	const struct pv_ui_overview_of o = {all,	 n,	      label,	   u->chosen,
					    u->s.server, u->s.policy, cols >= 160, small(cols, rows)};
	pv_ui_overview(p, &o);
	if (!n)
		pv_ui_panel(
		    p, PV_UI_HEADING,
		    *u->tap ? pv_ui_fmt(&p->pool, "No handler of tap %s in policy %s; t picks another",
					u->tap, u->s.policy)
			    : pv_ui_fmt(&p->pool, "Policy %s has no handlers; p picks another", u->s.policy));
}

static void note_order(struct pv_ui *u, const char *by)
{
	for (size_t i = 0; i < u->norders; i++)
		if (!strcmp(u->orders[i], by))
			return;
	if (u->norders < PV_UI_ORDERS)
		snprintf(u->orders[u->norders++], PV_UI_ORDER_MAX, "%s", by);
}

/* What there is to sort by: the columns of the table that has the selected row, or of all. */
static void note_orders(struct pv_ui *u, const struct pv_ui_page *p)
{
	int i = 0;
	u->norders = 0;
	u->ordered = !strcmp(u->order, PV_UI_BY_NAME);
	note_order(u, PV_UI_BY_NAME);
	for (const struct pv_ui_panel *b = p->panel; b; b = b->next, i++) {
		u->ordered = u->ordered || (b->rows && pv_ui_panel_column(b, u->order) >= 0);
		if (!b->rows || (u->selected && u->spot != i))
			continue;
		if (b->kind == PV_UI_LIST)
			note_order(u, PV_UI_BY_NUMBER);
		for (size_t c = 0; b->kind == PV_UI_TABLE && c < b->columns; c++)
			note_order(u, b->column[c]);
	}
}

static void compose(struct pv_ui_page *p, struct pv_ui *u, int cols, int rows)
{
	const struct pv_ui_handler *h = pv_ui_viewed(u);
	pv_ui_page_init(p, "");
	p->bits = u->bits;
	if (!u->s.model) {
		pv_ui_panel(p, PV_UI_HEADING, pv_ui_fmt(&p->pool, "Policy %s: no answer yet", u->s.policy));
		if (u->s.policies.n && *u->s.error)
			pv_ui_panel(p, PV_UI_HEADING,
				    pv_ui_fmt(&p->pool,
					      "Policies that there are: %zu; p picks one of them, or all",
					      u->s.policies.n));
		return;
	}
	if (h)
		pv_ui_handler_page(p, h, title_of(p, u, h), u->section);
	else
		compose_overview(p, u, cols, rows);
	pv_ui_page_filter(p, u->filter);
	note_orders(u, p);
	pv_ui_page_sort(p, u->order, u->reverse);
}

/* ---- where things go ----------------------------------------------------------------------------- */

struct place {
	const struct pv_ui_panel *panel;
	struct pv_ui_spot at;
};

struct layout {
	struct place *place;
	size_t n;
	int height, cols, rows; /* rows 0: as many as there are lines */
	bool overview;
};

/* Lists stand this many abreast. The original had four, whatever the width. */
static int abreast(const struct layout *l)
{
	int n = l->cols / (l->overview ? LIST_MOST : LIST_LEAST);
	if (l->overview && l->cols < 4 * LIST_MOST)
		return l->cols < 60 ? 1 : l->cols < 84 ? 2 : l->cols < COLS_FEW ? 3 : 4;
	return n < 1 ? 1 : n > ABREAST_MOST ? ABREAST_MOST : n;
}

/* Fields stand in a line until the next would not fit. Draws when there is a screen. Returns the lines. */
static int flow(const struct pv_ui_panel *b, struct pv_ui_screen *s, int x, int y, int w)
{
	int line = -1, used = 0;
	for (const struct pv_ui_row *r = b->row; r; r = r->next) {
		int need = r->name ? pv_ui_width(r->name) : 0;
		if (!r->name) {
			line++;
			used = 0;
			continue;
		}
		if (used && used + 3 + need > w) {
			line++;
			used = 0;
		}
		if (used && s)
			pv_ui_put(s, x + used, y + line, 3, PV_UI_FRAME, " | ");
		if (used)
			used += 3;
		if (s)
			pv_ui_put(s, x + used, y + line, w - used, PV_UI_PLAIN, r->name);
		used += need;
	}
	return line + 1;
}

/* Title and names, in lines of width w. Draws when there is a screen. Returns the lines. */
static int words(const struct pv_ui_panel *b, struct pv_ui_screen *s, int x, int y, int w)
{
	int line = 0, used = pv_ui_width(b->title);
	if (s)
		pv_ui_put(s, x, y, w, PV_UI_DIM, b->title);
	for (const struct pv_ui_row *r = b->row; r; r = r->next) {
		int need = pv_ui_width(r->name);
		if (used && used + 1 + need > w) {
			line++;
			used = -1;
		}
		if (s)
			pv_ui_put(s, x + used + 1, y + line, w - used - 1, PV_UI_DIM, r->name);
		used += 1 + need;
	}
	return line + 1;
}

/* Counters stand below each other, as files do in ls: names that belong together stay so. */
struct grid {
	int columns, lines;
	struct {
		int name, value;
	} w[GRID_MOST];
};

/* With so many columns; returns the width it takes. */
static int try_grid(const struct pv_ui_panel *b, int columns, struct grid *g)
{
	int i = 0, total = 0;
	*g = (struct grid){.lines = ((int)b->rows + columns - 1) / columns};
	for (const struct pv_ui_row *r = b->row; r; r = r->next, i++) {
		int name = pv_ui_width(r->name), value = pv_ui_width(r->cell[0]), c = i / g->lines;
		g->w[c].name = name > g->w[c].name ? name : g->w[c].name;
		g->w[c].value = value > g->w[c].value ? value : g->w[c].value;
		g->columns = c + 1;
	}
	for (int c = 0; c < g->columns; c++)
		total += g->w[c].name + 1 + g->w[c].value + (c ? 3 : 0);
	return total;
}

static struct grid grid_of(const struct pv_ui_panel *b, int w)
{
	struct grid g, more;
	int need = try_grid(b, 1, &g);
	for (int n = 2; n <= GRID_MOST && n <= (int)b->rows; n++)
		if (try_grid(b, n, &more) <= w)
			g = more;
	if (g.columns == 1 && need > w) { /* the end of a name goes before that of a number */
		g.w[0].value = g.w[0].value > w / 2 ? w / 2 : g.w[0].value;
		g.w[0].name = w - 1 - g.w[0].value;
	}
	return g;
}

static int full_height(const struct pv_ui_panel *b, int w)
{
	switch (b->kind) {
	case PV_UI_LINES:
		return 2 + flow(b, NULL, 0, 0, w - 2);
	case PV_UI_GRID:
		return b->rows ? 2 + grid_of(b, w - 2).lines : 0;
	case PV_UI_WORDS:
		return words(b, NULL, 0, 0, w);
	case PV_UI_TABLE:
		return b->rows ? 3 + (int)b->rows : 0;
	default:
		return 1;
	}
}

static void put_place(struct layout *l, const struct pv_ui_panel *b, int x, int y, int w, int h)
{
	int frame = b->kind == PV_UI_TABLE ? 2 : 1;
	struct place *p = &l->place[l->n++];
	bool rows = b->kind == PV_UI_LIST || b->kind == PV_UI_TABLE;
	*p = (struct place){b, {x, y, w, h, rows ? (int)b->rows : 0, h - 1 - frame, frame}};
}

/* Lists that stand in one line, from b on; returns the one after. */
static const struct pv_ui_panel *place_line(struct layout *l, const struct pv_ui_panel *b, int columns,
					    int rows)
{
	int column = 0;
	size_t first = l->n;
	int most = 0;
	while (b && b->kind == PV_UI_LIST && column < columns) {
		int span = b->wide ? columns - column : 1;
		int x = column * l->cols / columns, end = (column + span) * l->cols / columns;
		most = (int)b->rows > most ? (int)b->rows : most;
		put_place(l, b, x, l->height, end - x, 0);
		column += span;
		b = b->next;
	}
	if (!rows)
		rows = most < 1 ? 1 : most < ROWS_MOST ? most : ROWS_MOST;
	for (size_t i = first; i < l->n; i++) {
		l->place[i].at.h = rows + 2;
		l->place[i].at.visible = rows;
	}
	l->height += rows + 2;
	return b;
}

/* In the overview all lists are as long as the terminal allows, so that nothing moves when one fills up. */
static int list_rows(const struct layout *l, const struct pv_ui_panel *b, int columns)
{
	int n = 0;
	if (!l->overview)
		return 0;
	for (; b && b->kind == PV_UI_LIST; b = b->next)
		n++;
	int lines = (n + columns - 1) / columns,
	    rows = l->rows ? (l->rows - l->height) / (lines ? lines : 1) - 2 : ROWS_MOST;
	return rows < ROWS_LEAST ? ROWS_LEAST : rows > ROWS_MOST ? ROWS_MOST : rows;
}

static bool arrange(struct layout *l, struct pv_ui_page *p)
{
	int columns = abreast(l);
	const struct pv_ui_panel *b = p->panel;
	l->place = pv_ui_alloc(&p->pool, (p->panels + 1) * sizeof *l->place);
	if (!l->place)
		return false;
	while (b) {
		if (b->kind == PV_UI_LIST) {
			int rows = list_rows(l, b, columns);
			while (b && b->kind == PV_UI_LIST)
				b = place_line(l, b, columns, rows);
			continue;
		}
		int h = full_height(b, l->cols);
		put_place(l, b, 0, l->height, l->cols, h);
		l->height += h;
		b = b->next;
	}
	return true;
}

/* ---- panels -------------------------------------------------------------------------------------- */

struct pen {
	struct pv_ui *u;
	struct pv_ui_screen *s;
	unsigned seconds; /* that a history covers */
};

static void draw_trend(const struct pen *pen, const struct pv_ui_row *r, int x, int y, int w)
{
	double v[PV_UI_COLS];
	if (w < 4 || w > PV_UI_COLS || !r->ref.metric)
		return;
	if (pv_ui_history_line(pen->u->s.history, r->ref.handler, r->ref.section, r->ref.metric->path,
			       pen->seconds, v, w))
		pv_ui_bars(pen->s, x, y, v, w);
}

/* First row to be shown, so that the selected one is among them. */
static int first_row(const struct place *p, int selected)
{
	int first = selected - p->at.visible + 1;
	return first > 0 ? first : 0;
}

static void draw_list(const struct pen *pen, const struct place *p, int y, int selected)
{
	const struct pv_ui_row *r = p->panel->row;
	int x = p->at.x + 1, w = p->at.w - 2, i = 0, first = first_row(p, selected);
	for (; r; r = r->next, i++) {
		int line = y + 1 + i - first;
		if (i < first || i >= first + p->at.visible)
			continue;
		int number = pv_ui_width(r->cell[0]), room = w - number - 1;
		if (i == selected)
			pv_ui_fill(pen->s, x, line, w, 1, PV_UI_SELECTED);
		if (r->trend) {
			pv_ui_put(pen->s, x, line, 14, PV_UI_PLAIN, r->name);
			draw_trend(pen, r, x + 15, line, w - 15 - (number > 8 ? number : 8) - 1);
		} else {
			pv_ui_put_name(pen->s, x, line, room, i == selected ? PV_UI_SELECTED : PV_UI_PLAIN,
				       r->name);
		}
		pv_ui_put_right(pen->s, x, line, w, i == selected ? PV_UI_SELECTED : PV_UI_PLAIN, r->cell[0]);
	}
}

static void draw_grid(const struct pen *pen, const struct place *p, int y)
{
	struct grid g = grid_of(p->panel, p->at.w - 2);
	int i = 0, x = p->at.x + 1;
	for (const struct pv_ui_row *r = p->panel->row; r; r = r->next, i++) {
		int line = y + 1 + i % g.lines, c = i / g.lines;
		if (i && i % g.lines == 0)
			x += g.w[c - 1].name + 1 + g.w[c - 1].value + 3;
		pv_ui_put(pen->s, x, line, g.w[c].name, PV_UI_LABEL, r->name);
		pv_ui_put_right(pen->s, x + g.w[c].name + 1, line, g.w[c].value, PV_UI_PLAIN, r->cell[0]);
	}
}

/* The columns that are shown, in the order in which they are. */
struct widths {
	int name, column[PV_UI_COLUMNS];
	size_t show[PV_UI_COLUMNS];
	size_t columns;
};

/* Names get half of the table, if they need it; of the columns the last ones go, but not the one that rows
 * are sorted by. */
static struct widths widths_of(const struct pv_ui_panel *b, int w, int sorted)
{
	struct widths d = {.columns = 0};
	int total = 0;
	for (size_t i = 0; i < b->columns; i++)
		d.column[i] = pv_ui_width(b->column[i]);
	for (const struct pv_ui_row *r = b->row; r; r = r->next) {
		int name = pv_ui_width(r->name);
		d.name = name > d.name ? name : d.name;
		for (size_t i = 0; i < b->columns; i++) {
			int n = r->cell[i] ? pv_ui_width(r->cell[i]) : 0;
			d.column[i] = n > d.column[i] ? n : d.column[i];
		}
	}
	int half = w / 2 > NAME_LEAST ? w / 2 : NAME_LEAST, room = w - (d.name < half ? d.name : half);
	bool keep = sorted >= 0;
	if (keep)
		total = d.column[sorted] + 2;
	for (size_t i = 0; i < b->columns; i++) {
		bool kept = keep && i == (size_t)sorted;
		if (!kept && total + d.column[i] + 2 > room)
			break;
		total += kept ? 0 : d.column[i] + 2;
		d.show[d.columns++] = i;
		keep = keep && !kept;
	}
	if (keep)
		d.show[d.columns++] = (size_t)sorted;
	if (d.name > w - total)
		d.name = w - total;
	return d;
}

static void draw_table(const struct pen *pen, const struct place *p, int y, int selected)
{
	const struct pv_ui_panel *b = p->panel;
	int sorted = pv_ui_panel_column(b, pen->u->order);
	struct widths d = widths_of(b, p->at.w - 2, sorted);
	int x = p->at.x + 1, i = 0, at = d.name;
	for (size_t k = 0; k < d.columns; k++) {
		size_t c = d.show[k];
		pv_ui_put_right(pen->s, x + at + 2, y + 1, d.column[c],
				(int)c == sorted ? PV_UI_TITLE : PV_UI_LABEL, b->column[c]);
		at += 2 + d.column[c];
	}
	for (const struct pv_ui_row *r = b->row; r; r = r->next, i++) {
		enum pv_ui_attr attr = i == selected ? PV_UI_SELECTED : PV_UI_PLAIN;
		int line = y + 2 + i;
		if (line < pen->s->top || line >= pen->s->bottom)
			continue;
		if (i == selected)
			pv_ui_fill(pen->s, x, line, p->at.w - 2, 1, attr);
		pv_ui_put_name(pen->s, x, line, d.name, attr, r->name);
		at = d.name;
		for (size_t k = 0; k < d.columns; k++) {
			size_t c = d.show[k];
			pv_ui_put_right(pen->s, x + at + 2, line, d.column[c], attr,
					r->cell[c] ? r->cell[c] : "");
			at += 2 + d.column[c];
		}
		if (r->trend)
			draw_trend(pen, r, x + at + 2, line, p->at.w - 2 - at - 2);
	}
}

static void draw_panel(const struct pen *pen, const struct place *p, int y, int selected)
{
	if (!p->at.h || y >= pen->s->bottom || y + p->at.h <= pen->s->top)
		return;
	if (p->panel->kind == PV_UI_HEADING) {
		pv_ui_put(pen->s, p->at.x, y, p->at.w, PV_UI_TITLE, p->panel->title);
		return;
	}
	if (p->panel->kind == PV_UI_WORDS) {
		words(p->panel, pen->s, p->at.x, y, p->at.w);
		return;
	}
	pv_ui_box(pen->s, p->at.x, y, p->at.w, p->at.h, p->panel->title);
	if (p->panel->kind == PV_UI_LINES)
		flow(p->panel, pen->s, p->at.x + 1, y + 1, p->at.w - 2);
	else if (p->panel->kind == PV_UI_LIST)
		draw_list(pen, p, y, selected);
	else if (p->panel->kind == PV_UI_GRID)
		draw_grid(pen, p, y);
	else
		draw_table(pen, p, y, selected);
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static void remember_row(struct pv_ui *u, const struct place *p)
{
	const struct pv_ui_row *r = p->panel->row;
	for (int i = 0; r && i < u->row; i++)
		r = r->next;
	memset(&u->under, 0, sizeof u->under);
	if (!r || !r->ref.handler)
		return;
	snprintf(u->under.policy, sizeof u->under.policy, "%s", r->ref.handler->policy);
	snprintf(u->under.handler, sizeof u->under.handler, "%s", r->ref.handler->name);
	snprintf(u->under.section, sizeof u->under.section, "%s", r->ref.section->title);
	if (r->ref.metric)
		snprintf(u->under.path, sizeof u->under.path, "%s", r->ref.metric->path);
	if (r->ref.item)
		snprintf(u->under.name, sizeof u->under.name, "%s", r->ref.item->name);
}

/* Scroll and selection within what there is. */
static void settle(struct pv_ui *u, const struct layout *l, int rows)
{
	u->nspots = 0;
	for (size_t i = 0; i < l->n && u->nspots < PV_UI_SPOTS; i++)
		u->spots[u->nspots++] = l->place[i].at;
	u->height = l->height;
	u->page_rows = rows;
	if (u->selected && (u->spot >= u->nspots || !u->spots[u->spot].rows))
		u->selected = false;
	if (u->selected && u->row >= u->spots[u->spot].rows)
		u->row = u->spots[u->spot].rows - 1;
	if (u->selected && u->follow) {
		const struct pv_ui_spot *s = &u->spots[u->spot];
		int seen = u->row < s->visible ? u->row : s->visible - 1, y = s->y + s->row_y + seen;
		if (y + 1 >= u->scroll + rows) /* with the frame below it */
			u->scroll = y + 2 - rows;
		if (y - s->row_y < u->scroll)
			u->scroll = y - s->row_y < y - rows + 1 ? y : y - s->row_y;
	}
	if (u->scroll > l->height - rows)
		u->scroll = l->height - rows;
	if (u->scroll < 0)
		u->scroll = 0;
}

int pv_ui_height(struct pv_ui *u, int cols)
{
	struct pv_ui_page p;
	struct layout l = {.cols = cols, .overview = !pv_ui_viewed(u)};
	compose(&p, u, cols, 0);
	arrange(&l, &p);
	pv_ui_page_free(&p);
	return l.height;
}

void pv_ui_draw(struct pv_ui *u, struct pv_ui_screen *s, uint64_t now_ns, bool status)
{
	struct pv_ui_page p;
	int rows = s->rows - (status ? 1 : 0), give_way = u->endless ? 0 : rows;
	struct layout l = {.cols = s->cols, .rows = give_way, .overview = !pv_ui_viewed(u)};
	struct pen pen = {u, s, u->s.window * 60};
	compose(&p, u, s->cols, give_way);
	if (arrange(&l, &p)) {
		settle(u, &l, rows);
		s->bottom = rows;
		for (size_t i = 0; i < l.n; i++) {
			bool here = u->selected && (int)i == u->spot;
			draw_panel(&pen, &l.place[i], l.place[i].at.y - u->scroll, here ? u->row : -1);
			if (here)
				remember_row(u, &l.place[i]);
		}
		s->bottom = s->rows;
	}
	pv_ui_page_free(&p);
	if (status)
		pv_ui_draw_status(u, s, now_ns);
	if (u->popup)
		pv_ui_draw_popup(u, s);
}
