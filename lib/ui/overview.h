/* SPDX-License-Identifier: MPL-2.0 */
/* ui/overview.h - the screen that the original's client showed: six header lines, and the most telling top lists.
 *
 * Of each kind of handler one counts, the chosen one or else the first; where there are several, the header says which
 * one it is, of how many. net and dns of version 2.0, which know directions, are added up over them; what they do not
 * have is 0. A percentage of nothing is 0.0. Handlers that the original did not show follow, each with what is most
 * telling of it (handler.h). */
#ifndef PV_UI_OVERVIEW_H
#define PV_UI_OVERVIEW_H

#include "ui/page.h"

/* Kinds that the header and its lists speak of. */
enum { PV_UI_KIND_NET, PV_UI_KIND_DNS, PV_UI_KIND_DHCP, PV_UI_KIND_PCAP, PV_UI_KINDS };

struct pv_ui_overview_of {
	const struct pv_ui_handler *const *handler; /* those of the tap that was picked */
	size_t handlers;
	const char *const *label;       /* of each: how it is called */
	const struct pv_ui_id *chosen;  /* of each kind; one that is not there means the first */
	const char *server;      /* version, or "unknown" */
	const char *policy;
	bool whole; /* with one of the kinds come the lines and lists of all; else only of those that are there */
	bool small; /* a terminal that does not show four lines of lists: who and what stand first, silent DHCP has no line */
};

size_t pv_ui_kind(const char *schema); /* PV_UI_KINDS: another */

/* The handlers of a kind among n; at: the place of the chosen one in out, or 0. */
size_t pv_ui_of_kind(const struct pv_ui_handler *const *all, size_t n, size_t kind, const struct pv_ui_id *chosen,
		     const struct pv_ui_handler *out[PV_UI_HANDLERS_MAX], size_t *at);

void pv_ui_overview(struct pv_ui_page *, const struct pv_ui_overview_of *);

#endif
