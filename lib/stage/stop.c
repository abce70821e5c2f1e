/* SPDX-License-Identifier: MPL-2.0 */
#include "stage/stop.h"

#include <string.h>

#include "event/check.h"

void pv_stop_emit(struct pv_out *o, uint64_t time_ns, const struct pv_ledger_row *rows, size_t n)
{
	struct pv_ledger_row counts[PV_EV_TYPES];
	size_t ncounts = 0;
	for (unsigned t = 0; t < PV_EV_TYPES; t++)
		if (o->events[t])
			counts[ncounts++] = (struct pv_ledger_row){PV_STAGE_STREAM, (uint16_t)t, 0, o->events[t]};
	if (n > PV_LEDGER_ROWS_MAX - ncounts)
		n = PV_LEDGER_ROWS_MAX - ncounts;
	size_t bytes = n * sizeof *rows;
	struct pv_stop *stop =
		pv_out_event(o, PV_EV_STOP, sizeof *stop + bytes + ncounts * sizeof counts[0], time_ns);
	stop->rows.off = sizeof *stop;
	stop->rows.len = (uint32_t)(bytes + ncounts * sizeof counts[0]);
	uint8_t *at = (uint8_t *)(stop + 1);
	if (bytes)
		memcpy(at, rows, bytes);
	memcpy(at + bytes, counts, ncounts * sizeof counts[0]);
}

void pv_ledger_emit(struct pv_out *o, uint64_t time_ns, const struct pv_ledger_row *rows, size_t n)
{
	if (!n)
		return;
	struct pv_stop *l = pv_out_event(o, PV_EV_LEDGER, sizeof *l + n * sizeof *rows, time_ns);
	l->rows.off = sizeof *l;
	l->rows.len = (uint32_t)(n * sizeof *rows);
	memcpy(l + 1, rows, n * sizeof *rows);
}

const struct pv_ledger_row *pv_stop_rows(const struct pv_stop *stop, size_t *n)
{
	*n = stop->rows.len / sizeof(struct pv_ledger_row);
	return (const void *)((const uint8_t *)stop + stop->rows.off);
}

size_t pv_ledger_reasons(struct pv_ledger_row *rows, size_t n, size_t max, const uint64_t *reasons, size_t nreasons)
{
	for (size_t r = 1; r < nreasons && n < max; r++)
		if (reasons[r])
			rows[n++] = (struct pv_ledger_row){0, (uint16_t)(PV_LEDGER_REASON + r), 0, reasons[r]};
	return n;
}
