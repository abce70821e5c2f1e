/* SPDX-License-Identifier: MPL-2.0 */
/* metric/pen.h - names and numbers in the columns of a terminal, for metric/table.h.
 *
 * Names come from strangers. Nothing of them reaches the terminal that is a control character, is not seen, or turns the
 * direction of text: its bytes are shown as \DDD, as are those that are no UTF-8. Columns are those of Unicode's East Asian
 * width table and of emoji (two), and of marks that stand over another character (none).
 *
 * A pen writes lines from left to right. Ownership: the file is the caller's, who asks it for errors. Threads: one. */
#ifndef PV_METRIC_PEN_H
#define PV_METRIC_PEN_H

#include <stdio.h>

#define PV_PEN_MOST 400 /* columns; beyond this lines are no longer read, and padding needs a bound */

/* Blanks are written only when something follows, so that no line ends in them. */
struct pv_pen {
	FILE *f;
	unsigned width;
	unsigned at;   /* columns written in this line */
	unsigned want; /* the column that the next text goes to */
};

/* Columns of a text; counting stops above `enough`. */
unsigned pv_text_columns(const char *, unsigned enough);

/* The next text begins in this column, or where the pen is when that is further. */
void pv_pen_to(struct pv_pen *, unsigned column);
void pv_pen_line(struct pv_pen *);
/* Up to that column, for who writes to the file himself and adds to `at` and `want`. */
void pv_pen_blanks(struct pv_pen *);
/* At most `max` columns of a text; one that is longer ends in an ellipsis. */
void pv_pen_cut(struct pv_pen *, const char *, unsigned max);
/* The same of a row's name: addresses keep both ends (base/shorten.h). */
void pv_pen_name(struct pv_pen *, const char *, unsigned max);
void pv_pen_text(struct pv_pen *, const char *);
/* So that it ends `width` columns from where the pen is to write next. */
void pv_pen_right(struct pv_pen *, const char *, unsigned width);

#endif
