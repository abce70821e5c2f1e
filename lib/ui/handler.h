/* SPDX-License-Identifier: MPL-2.0 */
/* ui/handler.h - everything that one handler has, on a page.
 *
 * Made of the metrics' forms alone (ui/model.h), so a handler that nobody here has heard of shows well. What is known of
 * some handlers only adds to that, in two tables of handler.c: which columns tell most when there are many devices,
 * interfaces, targets or directions, and what 100 % is. */
#ifndef PV_UI_HANDLER_H
#define PV_UI_HANDLER_H

#include "ui/page.h"

#define PV_UI_WHOLE_SECTIONS 6 /* more than that are only rows of a table, until one is picked */

/* section: the title of the one that was picked, or "". */
void pv_ui_handler_page(struct pv_ui_page *, const struct pv_ui_handler *, const char *section);

/* What 100 % of a metric is in its section, 0 when that is unknown. */
double pv_ui_base(const struct pv_ui_handler *, const struct pv_ui_section *, const char *path);

#endif
