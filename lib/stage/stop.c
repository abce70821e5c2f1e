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

const char *pv_ledger_name(unsigned what)
{
	static const struct {
		unsigned what;
		const char *name;
	} names[] = {
		{PV_LEDGER_RECEIVED, "received"},
		{PV_LEDGER_ANALYSED, "analysed"},
		{PV_LEDGER_FILTERED, "filtered"},
		{PV_LEDGER_MALFORMED, "malformed"},
		{PV_LEDGER_UNSUPPORTED, "unsupported"},
		{PV_LEDGER_EVICTED, "evicted"},
		{PV_LEDGER_DROPPED, "dropped"},
		{PV_LEDGER_OS_DROPS, "os_drops"},
		{PV_LEDGER_IF_DROPS, "if_drops"},
		{PV_LEDGER_LINK_DOWN, "link_down"},
		{PV_LEDGER_TRUNCATED, "truncated"},
		{PV_LEDGER_XACT_EVICTED, "xact_evicted"},
		{PV_LEDGER_XACT_OPEN, "xact_open"},
		{PV_LEDGER_FLOW_EVICTED, "flow_evicted"},
		{PV_LEDGER_FLOW_IDLE, "flow_idle"},
		{PV_LEDGER_TCP_LOST_BYTES, "tcp_lost_bytes"},
		{PV_LEDGER_TCP_RETRANSMIT, "tcp_retransmit"},
		{PV_LEDGER_TOPN_LOST, "topn_lost"},
		{PV_LEDGER_LATE, "late"},
		{PV_LEDGER_CLIENTS, "clients"},
		{PV_LEDGER_CLIENTS_REFUSED, "clients_refused"},
		{PV_LEDGER_CLIENTS_EVICTED, "clients_evicted"},
		{PV_LEDGER_CLIENTS_IDLE, "clients_idle"},
		{PV_LEDGER_CLIENTS_BAD, "clients_bad"},
		{PV_LEDGER_FLOW_RECORDS, "flow_records"},
		{PV_LEDGER_FLOW_EMPTY, "flow_empty"},
		{PV_LEDGER_FLOW_COUNTER_SAMPLES, "flow_counter_samples"},
		{PV_LEDGER_FLOW_UNKNOWN_SAMPLES, "flow_unknown_samples"},
		{PV_LEDGER_FLOW_UNKNOWN_SETS, "flow_unknown_sets"},
		{PV_LEDGER_FLOW_OPTIONS, "flow_options"},
		{PV_LEDGER_FLOW_LOST, "flow_lost"},
		{PV_LEDGER_TEMPLATES_EVICTED, "templates_evicted"},
		{PV_LEDGER_TEMPLATES_EXPIRED, "templates_expired"},
		{PV_LEDGER_TEMPLATES_WITHDRAWN, "templates_withdrawn"},
		{PV_LEDGER_TEMPLATES_REFUSED, "templates_refused"},
		{PV_LEDGER_EXPORTERS_EVICTED, "exporters_evicted"},
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].what == what)
			return names[i].name;
	return NULL;
}
