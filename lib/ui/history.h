/* SPDX-License-Identifier: MPL-2.0 */
/* ui/history.h - rates as they were, second by second.
 *
 * A live answer tells how much the last second had; a client that asks every second thereby sees them all. Seconds
 * before it started, and those it missed, are filled in from the minutes that the agent keeps: with the median of the
 * minute, as there is nothing finer.
 *
 * Limits: PV_UI_SERIES rates (of about a hundred handlers, as all policies together may have; more get no line),
 * PV_UI_SECONDS each, the longest window. 7 KiB each, of which only those are touched that there are. One thread. */
#ifndef PV_UI_HISTORY_H
#define PV_UI_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/model.h"

#define PV_UI_SERIES 1024
#define PV_UI_SECONDS 600

struct pv_ui_history;

struct pv_ui_history *pv_ui_history_new(void); /* NULL: no memory */
void pv_ui_history_free(struct pv_ui_history *);
void pv_ui_history_clear(struct pv_ui_history *);

/* Live values: they are of the second in which the period ends, by the agent's clock. Rates without one are skipped. */
void pv_ui_history_live(struct pv_ui_history *, const struct pv_ui_model *);

/* A closed minute: fills the seconds of its period that have no value yet. */
void pv_ui_history_minute(struct pv_ui_history *, const struct pv_ui_model *);

/* The newest `seconds` of a rate as n values from 0 to 1 of the largest, or -1 where nothing is known; false when
 * nothing at all is. */
bool pv_ui_history_line(const struct pv_ui_history *, const struct pv_ui_handler *, const struct pv_ui_section *,
			const char *path, unsigned seconds, double *out, int n);

/* Is it one that has a history? Rates are named so. */
bool pv_ui_is_rate(const struct pv_ui_metric *);

#endif
