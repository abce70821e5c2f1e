/* SPDX-License-Identifier: MPL-2.0 */
/* ui/known.h - what is known of some handlers, as tables. All that has a form is shown without them (ui/model.h);
 * these say what a person wants to see first, and what 100 % is. A handler that is in none of them shows in the
 * agent's order. */
#ifndef PV_UI_KNOWN_H
#define PV_UI_KNOWN_H

#include "ui/page.h"

#define PV_UI_HEADLINE_MAX 24 /* numbers at the top of a view, of all versions, and the empty one that ends them */

/* Bytes that are shown as bits per second over the period. Who has none of his own, a device, has those of what is inside
 * of him, his interfaces. */
#define PV_UI_BITS "bit/s"

/* A number of a section, and how it is called where it stands among others. */
struct pv_ui_column {
	const char *heading;
	const char *path;  /* "a", or "a:p50" for a quantile */
	const char *share; /* shown as percent of this one; PV_UI_BITS; NULL: as it is */
};

/* How the members of a map ("devices", "direction") are compared in one table. */
struct pv_ui_known_table {
	const char *schema, *map, *title;
	size_t sort;  /* by this column, largest first */
	bool reverse; /* or smallest */
	struct pv_ui_column column[PV_UI_COLUMNS]; /* up to one without a heading */
};

/* NULL: nothing is known. */
const struct pv_ui_known_table *pv_ui_known_table(const char *schema, const char *map);

/* The numbers that stand at the top of a view, up to one without a heading. Versions of a handler have different ones:
 * those count that are there. NULL: nothing is known. */
const struct pv_ui_column *pv_ui_known_headline(const char *schema);

/* Lists stand in this order, equal ones as they come. */
size_t pv_ui_known_rank(const char *schema, const char *path);

/* So do the further numbers of a list's items. */
size_t pv_ui_known_fact_rank(const char *fact);

/* What 100 % of a metric is in its section, 0 when that is unknown. */
double pv_ui_base(const struct pv_ui_handler *, const struct pv_ui_section *, const char *path);

#endif
