/* SPDX-License-Identifier: MPL-2.0 */
/* stage/stop.h - the STOP event: what a stream held, and what every stage made of it; and LEDGER, which says so meanwhile. */
#ifndef PV_STAGE_STOP_H
#define PV_STAGE_STOP_H

#include "stage/out.h"

/* Write STOP with these ledger rows and, behind them, the out's own counts of events by type (stage
 * PV_STAGE_STREAM). Rows beyond PV_LEDGER_ROWS_MAX are left out. */
void pv_stop_emit(struct pv_out *, uint64_t time_ns, const struct pv_ledger_row *rows, size_t n);

/* What one stage has counted so far; for those who read a live stream. Nothing where there are no rows. */
void pv_ledger_emit(struct pv_out *, uint64_t time_ns, const struct pv_ledger_row *rows, size_t n);

/* The rows of a checked STOP or LEDGER event; *n is set. */
const struct pv_ledger_row *pv_stop_rows(const struct pv_stop *, size_t *n);

/* Appends to n rows, of at most max, one for each reason that a stage met: PV_LEDGER_REASON + its number. Reason 0 is that
 * nothing was wrong, and has none. Returns how many rows there are then. */
size_t pv_ledger_reasons(struct pv_ledger_row *rows, size_t n, size_t max, const uint64_t *reasons, size_t nreasons);

#endif
