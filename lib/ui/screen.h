/* SPDX-License-Identifier: MPL-2.0 */
/* ui/screen.h - a picture made of characters.
 *
 * A grid of cells that a terminal shows, or that is printed as text; what is in it does not depend on a terminal, nor
 * on the locale. A character is put only if its width is beyond doubt: one column, or two for the wide scripts of East
 * Asia. What would combine, is not written from left to right, or has no width becomes U+FFFD. Whatever lies outside the
 * grid, or outside the clip, is not drawn; nothing fails.
 *
 * Limits: PV_UI_COLS and PV_UI_ROWS, far beyond any terminal (a wall of screens has 1,000 columns). One thread. */
#ifndef PV_UI_SCREEN_H
#define PV_UI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PV_UI_COLS 2000
#define PV_UI_ROWS 4000

enum pv_ui_attr {
	PV_UI_PLAIN,
	PV_UI_FRAME,    /* lines around panels */
	PV_UI_TITLE,
	PV_UI_LABEL,    /* words beside numbers */
	PV_UI_DIM,
	PV_UI_SPARK,
	PV_UI_ERROR,
	PV_UI_STATUS,
	PV_UI_SELECTED,
	PV_UI_ATTRS
};

struct pv_ui_cell {
	uint32_t ch; /* 0: the right half of a wide character */
	uint8_t attr;
};

struct pv_ui_screen {
	int cols, rows;
	int top, bottom; /* rows top..bottom-1 may be drawn on */
	bool utf8;       /* frames, bars and names may use more than ASCII */
	struct pv_ui_cell *cell;
};

/* false: no memory. Sizes beyond the limits, or below 1, are brought within them. */
bool pv_ui_screen_init(struct pv_ui_screen *, int cols, int rows, bool utf8);
void pv_ui_screen_free(struct pv_ui_screen *);

/* Columns that the text needs. */
int pv_ui_width(const char *text);

/* The text in at most `room` columns from (x, y) on; when it is longer, its end is an ellipsis. Returns the columns used. */
int pv_ui_put(struct pv_ui_screen *, int x, int y, int room, enum pv_ui_attr, const char *text);
/* The same of a row's name: addresses keep both ends (base/shorten.h). */
int pv_ui_put_name(struct pv_ui_screen *, int x, int y, int room, enum pv_ui_attr, const char *name);
int pv_ui_put_right(struct pv_ui_screen *, int x, int y, int room, enum pv_ui_attr, const char *text);
void pv_ui_fill(struct pv_ui_screen *, int x, int y, int w, int h, enum pv_ui_attr);

/* Frame with the title in its upper edge. */
void pv_ui_box(struct pv_ui_screen *, int x, int y, int w, int h, const char *title);

/* Values 0..1, one per column; below 0: none. */
void pv_ui_bars(struct pv_ui_screen *, int x, int y, const double *v, int n);

/* As lines of text, without the blanks at their ends. */
void pv_ui_print(const struct pv_ui_screen *, FILE *);

/* One character as UTF-8, up to 4 bytes and a NUL. */
void pv_ui_utf8(uint32_t ch, char out[5]);

#endif
