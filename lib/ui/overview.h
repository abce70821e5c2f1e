/* SPDX-License-Identifier: MPL-2.0 */
/* ui/overview.h - the screen that the original's client showed: six header lines, and the most telling top lists.
 *
 * Of each kind of handler the first one counts. net and dns of version 2.0, which know directions, are added up over
 * them; what they do not have is 0. A percentage of nothing is 0.0. */
#ifndef PV_UI_OVERVIEW_H
#define PV_UI_OVERVIEW_H

#include "ui/page.h"

struct pv_ui_overview_of {
	const struct pv_ui_model *model;
	const bool *shown;       /* per handler: is it of the tap that was picked? */
	const char *server;      /* version, or "unknown" */
	const char *policy;
	bool whole;              /* six lines whatever there is; else without those of handlers that are not there */
};

void pv_ui_overview(struct pv_ui_page *, const struct pv_ui_overview_of *);

#endif
