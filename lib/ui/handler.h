/* SPDX-License-Identifier: MPL-2.0 */
/* ui/handler.h - everything that one handler has, on a page.
 *
 * Made of the metrics' forms alone (ui/model.h), so a handler that nobody here has heard of shows well; what is known
 * of some (ui/known.h) decides what stands first. The order: the telling numbers, the rates, the tables of devices and
 * the like, the lists, the other counters. Counters and lists of nothing are only named. */
#ifndef PV_UI_HANDLER_H
#define PV_UI_HANDLER_H

#include "ui/page.h"

#define PV_UI_WHOLE_SECTIONS 6 /* more than that are only rows of a table, until one is picked */
#define PV_UI_BRIEF_ROWS     6 /* of a table in a brief */
#define PV_UI_BRIEF_LISTS    4

/* title: of the first panel. section: the title of the one that was picked, or "". */
void pv_ui_handler_page(struct pv_ui_page *, const struct pv_ui_handler *, const char *title, const char *section);

/* The most telling part of it, for the overview. */
void pv_ui_handler_brief(struct pv_ui_page *, const struct pv_ui_handler *, const char *title);

#endif
