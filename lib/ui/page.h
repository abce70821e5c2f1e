/* SPDX-License-Identifier: MPL-2.0 */
/* ui/page.h - what is to be seen of an answer: panels with rows, in reading order; not yet where.
 *
 * Two makers: pv_ui_overview() (overview.h), the original's screen, and pv_ui_handler_page() (handler.h), everything a
 * handler has. Both work on what is there: a handler they do not know is shown like any other.
 *
 * Ownership: a page points into the model it was made of and into its own pool; it is made for one picture and freed.
 * One thread. */
#ifndef PV_UI_PAGE_H
#define PV_UI_PAGE_H

#include "ui/history.h"
#include "ui/model.h"

#define PV_UI_PAGE_MAX ((size_t)16 << 20) /* bytes; a page of a flow handler with 2,000 interfaces needs 2 MiB */
#define PV_UI_COLUMNS 16                  /* of a table */
#define PV_UI_PANELS 1024                 /* of a page: far more than anybody scrolls through */

enum pv_ui_panel_kind {
	PV_UI_LINES,   /* the original's header: lines of fields between bars, broken at a bar where they do not fit */
	PV_UI_LIST,    /* name and number; several lists stand side by side */
	PV_UI_GRID,    /* many short "name number" pairs, in as many columns as fit */
	PV_UI_TABLE,   /* a name and columns of numbers, over the whole width */
	PV_UI_WORDS,   /* title and names, in as many lines as it takes */
	PV_UI_HEADING, /* a line that separates */
};

/* What a row is about, for its details. Found again in the next answer. */
struct pv_ui_ref {
	const struct pv_ui_handler *handler;
	const struct pv_ui_section *section;
	const struct pv_ui_metric *metric; /* NULL: the row is the section */
	const struct pv_ui_item *item;     /* of the metric, or NULL */
	size_t rank;                       /* of the item, from 0 */
};

struct pv_ui_row {
	struct pv_ui_row *next;
	const char *name;
	const char *cell[PV_UI_COLUMNS]; /* LIST, GRID: [0] */
	double key[PV_UI_COLUMNS];       /* to sort by */
	size_t at;                       /* where it stood before */
	bool trend;                      /* there is a history to draw behind the last column */
	bool rest;                       /* of everything that has no row: stays last, whatever is sorted by */
	struct pv_ui_ref ref;
};

struct pv_ui_panel {
	struct pv_ui_panel *next;
	enum pv_ui_panel_kind kind;
	const char *title;
	const char *column[PV_UI_COLUMNS]; /* TABLE: headings */
	size_t columns;
	struct pv_ui_row *row, *last;      /* LINES: fields; a NULL name begins a line */
	size_t rows;
	bool wide;                         /* LIST: takes the rest of its line of lists */
};

struct pv_ui_page {
	struct pv_ui_pool pool;
	const char *title;
	struct pv_ui_panel *panel, *last;
	size_t panels;
	bool bits; /* lists and rates of bytes are shown as bits per second */
};

void pv_ui_page_init(struct pv_ui_page *, const char *title);
void pv_ui_page_free(struct pv_ui_page *);

/* NULL beyond the limits; pv_ui_row() bears a NULL panel. */
struct pv_ui_panel *pv_ui_panel(struct pv_ui_page *, enum pv_ui_panel_kind, const char *title);
struct pv_ui_row *pv_ui_row(struct pv_ui_page *, struct pv_ui_panel *, const char *name, const char *cell);

void pv_ui_panel_cut(struct pv_ui_panel *, size_t rows); /* leaves no more than that */

/* Only rows that have the text in their names, case aside. Headings and the header stay. */
void pv_ui_page_filter(struct pv_ui_page *, const char *text);

/* What rows can be sorted by beside the headings of a table's columns. */
#define PV_UI_BY_NAME "name"
#define PV_UI_BY_NUMBER "number" /* of a list */

/* Panels that have a column of that heading are sorted by it, the largest first, or by name; others, and all when it is
 * "", stay as they are. reverse turns all of them round. */
void pv_ui_page_sort(struct pv_ui_page *, const char *by, bool reverse);
/* column: -1 is the name. NULL is fine. */
void pv_ui_panel_sort(struct pv_ui_page *, struct pv_ui_panel *, int column, bool reverse);
/* -1: it has none of that heading. */
int pv_ui_panel_column(const struct pv_ui_panel *, const char *heading);

/* ---- numbers as texts ------------------------------------------------------------------------- */

const char *pv_ui_count(struct pv_ui_pool *, struct pv_ui_num); /* exact: "1234"; "1.50" */

/* In the unit that the path's last word names: "_us" in ms; bytes and bits per second ("in_bytes", "rates.bps") with a unit
 * prefix; all others exact. */
const char *pv_ui_value(struct pv_ui_pool *, const char *path, struct pv_ui_num);
/* A rate's, which is of bits where the page wants those. */
const char *pv_ui_rate(struct pv_ui_page *, const char *path, struct pv_ui_num);
/* The path with that unit: "xact.in.quantiles_us" is "xact.in.quantiles ms". */
const char *pv_ui_value_name(struct pv_ui_pool *, const char *path);

/* Does it count bytes, going by its path's last word? */
bool pv_ui_is_bytes(const char *path);
/* Bytes of a period as bits per second; less than a second counts as one. */
struct pv_ui_num pv_ui_bits(const struct pv_ui_handler *, struct pv_ui_num bytes);

/* "3:04PM to 3:09PM, Period 300s" */
const char *pv_ui_window_text(struct pv_ui_pool *, const struct pv_ui_handler *);

/* Share of base in percent, 0 where there is none. */
double pv_ui_percent(double n, double base);

#endif
