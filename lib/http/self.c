/* SPDX-License-Identifier: MPL-2.0 */
#include "http/self.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/version.h"

double pv_self_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Resident bytes, 0 where /proc is not there. */
static uint64_t resident(void)
{
	unsigned long long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f || fscanf(f, "%llu %llu", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(void)
{
	struct rusage r;
	if (getrusage(RUSAGE_SELF, &r))
		return 0;
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

void pv_self_process(struct pv_prom *p, const char *program, double started)
{
	static const struct pv_prom_metric build = {"pktvisor_build_info", PV_PROM_GAUGE, "Program and version; always 1"};
	static const struct pv_prom_metric uptime = {"pktvisor_uptime_seconds", PV_PROM_GAUGE,
						     "Seconds since the program started"};
	static const struct pv_prom_metric memory = {"process_resident_memory_bytes", PV_PROM_GAUGE,
						     "Resident memory size in bytes"};
	static const struct pv_prom_metric cpu = {"process_cpu_seconds_total", PV_PROM_COUNTER,
						  "User and system processor time spent, in seconds"};
	const struct pv_label labels[] = {{"program", program}, {"version", PV_VERSION}};
	pv_prom_u64(p, &build, labels, 2, 1);
	pv_prom_real(p, &uptime, NULL, 0, pv_self_now() - started);
	pv_prom_u64(p, &memory, NULL, 0, resident());
	pv_prom_real(p, &cpu, NULL, 0, cpu_seconds());
}

/* One family per kind of ledger row, one sample per stage. */
static const struct {
	enum pv_ledger what;
	struct pv_prom_metric metric;
} ledger[] = {
	{PV_LEDGER_RECEIVED,
	 {"pktvisor_packets_received_total", PV_PROM_COUNTER, "Packets that a stage was given (messages, behind reassembly)"}},
	{PV_LEDGER_ANALYSED, {"pktvisor_packets_analysed_total", PV_PROM_COUNTER, "Of those, analysed"}},
	{PV_LEDGER_FILTERED, {"pktvisor_packets_filtered_total", PV_PROM_COUNTER, "Of those, rejected by a filter"}},
	{PV_LEDGER_MALFORMED, {"pktvisor_packets_malformed_total", PV_PROM_COUNTER, "Of those, damaged or lying"}},
	{PV_LEDGER_UNSUPPORTED,
	 {"pktvisor_packets_unsupported_total", PV_PROM_COUNTER, "Of those, of a kind that is not looked into"}},
	{PV_LEDGER_DROPPED, {"pktvisor_packets_dropped_total", PV_PROM_COUNTER, "Packets lost, by the stage or before it"}},
	{PV_LEDGER_EVICTED, {"pktvisor_evictions_total", PV_PROM_COUNTER, "Things given up for room"}},
	{PV_LEDGER_XACT_OPEN,
	 {"pktvisor_open_transactions", PV_PROM_GAUGE, "Queries that wait for their answer"}},
};

/* Of sources that are sent to; only where they count it. */
#define ROW(what, name, help) {what, {"pktvisor_" name "_total", PV_PROM_COUNTER, help}}
static const struct {
	enum pv_ledger what;
	struct pv_prom_metric metric;
} details[] = {
	ROW(PV_LEDGER_CLIENTS, "clients", "Connections that were taken"),
	ROW(PV_LEDGER_CLIENTS_REFUSED, "clients_refused", "Connections that were not taken, for want of room"),
	ROW(PV_LEDGER_CLIENTS_EVICTED, "clients_evicted", "Connections given up for room, or for memory"),
	ROW(PV_LEDGER_CLIENTS_IDLE, "clients_idle", "Connections closed because nothing came"),
	ROW(PV_LEDGER_CLIENTS_BAD, "clients_bad", "Connections closed for breaking the protocol"),
	ROW(PV_LEDGER_FLOW_RECORDS, "flow_records", "Flow records and samples that came"),
	ROW(PV_LEDGER_FLOW_EMPTY, "flow_records_empty", "Flow records that say nothing to count, left out"),
	ROW(PV_LEDGER_FLOW_COUNTER_SAMPLES, "flow_counter_samples", "Samples of counters, skipped"),
	ROW(PV_LEDGER_FLOW_UNKNOWN_SAMPLES, "flow_unknown_samples", "Samples of other kinds, skipped"),
	ROW(PV_LEDGER_FLOW_UNKNOWN_SETS, "flow_unknown_sets", "Sets of flow records whose template was not there"),
	ROW(PV_LEDGER_FLOW_OPTIONS, "flow_options", "Records about exporters themselves"),
	ROW(PV_LEDGER_FLOW_LOST, "flow_lost", "Missing by sequence numbers, in units of the exporters"),
	ROW(PV_LEDGER_TEMPLATES_EVICTED, "flow_templates_evicted", "Templates given up for room"),
	ROW(PV_LEDGER_TEMPLATES_EXPIRED, "flow_templates_expired", "Templates that were not told again in time"),
	ROW(PV_LEDGER_TEMPLATES_WITHDRAWN, "flow_templates_withdrawn", "Templates withdrawn by their exporters"),
	ROW(PV_LEDGER_TEMPLATES_REFUSED, "flow_templates_refused", "Templates that were too large"),
	ROW(PV_LEDGER_EXPORTERS_EVICTED, "flow_exporters_evicted", "Exporters given up for room"),
	ROW(PV_LEDGER_TOTALS_EVICTED, "flow_totals_evicted", "Flows whose last total was given up for room"),
};
#undef ROW

static uint64_t row_value(const struct pv_store_ledger *l, enum pv_ledger what)
{
	switch (what) {
	case PV_LEDGER_DROPPED:
		return l->row[what] + l->row[PV_LEDGER_OS_DROPS] + l->row[PV_LEDGER_IF_DROPS];
	case PV_LEDGER_EVICTED:
		return l->row[what] + l->row[PV_LEDGER_XACT_EVICTED] + l->row[PV_LEDGER_FLOW_EVICTED] +
		       l->row[PV_LEDGER_CLIENTS_EVICTED] + l->row[PV_LEDGER_TEMPLATES_EVICTED] +
		       l->row[PV_LEDGER_EXPORTERS_EVICTED] + l->row[PV_LEDGER_TOTALS_EVICTED];
	default:
		return l->row[what];
	}
}

static void input(struct pv_prom *p, const struct pv_view *v)
{
	static const struct pv_prom_metric up = {"pktvisor_input_up", PV_PROM_GAUGE, "1 while a stream runs, else 0"};
	static const struct pv_prom_metric refused = {"pktvisor_buckets_refused_total", PV_PROM_COUNTER,
						      "Buckets that came damaged"};
	static const struct pv_prom_metric lost = {"pktvisor_buckets_lost_total", PV_PROM_COUNTER,
						   "Buckets that found no memory, or trimmed away for room"};
	static const struct pv_prom_metric events = {"pktvisor_handler_events_total", PV_PROM_COUNTER,
						     "Events that a handler has counted, filtered ones too"};
	struct pv_label labels[3] = {{"policy", v->info.policy}, {"tap", v->info.tap}};
	pv_prom_u64(p, &up, labels, 2, v->info.state == PV_STORE_RUNNING);
	pv_prom_u64(p, &refused, labels, 2, v->info.counts.refused);
	pv_prom_u64(p, &lost, labels, 2, v->info.counts.lost);
	for (size_t i = 0; i < v->info.nledger; i++) {
		const struct pv_store_ledger *l = &v->info.ledger[i];
		labels[2] = (struct pv_label){"stage", l->name};
		for (size_t k = 0; k < sizeof ledger / sizeof ledger[0]; k++)
			pv_prom_u64(p, &ledger[k].metric, labels, 3, row_value(l, ledger[k].what));
		for (size_t k = 0; k < sizeof details / sizeof details[0]; k++)
			if (l->told >> details[k].what & 1)
				pv_prom_u64(p, &details[k].metric, labels, 3, l->row[details[k].what]);
	}
	for (size_t i = 0; i < v->ninstances; i++) {
		labels[2] = (struct pv_label){"handler", v->instance[i].key};
		if (v->instance[i].handler->events >= 0)
			pv_prom_u64(p, &events, labels, 3, v->instance[i].events);
	}
}

void pv_self_inputs(struct pv_prom *p, const struct pv_views *all)
{
	for (size_t i = 0; i < all->n; i++)
		input(p, all->view[i]);
}

void pv_self_scrape(struct pv_prom *p, double began)
{
	static const struct pv_prom_metric took = {"pktvisor_scrape_duration_seconds", PV_PROM_GAUGE,
						   "Seconds it took to make this text"};
	pv_prom_real(p, &took, NULL, 0, pv_self_now() - began);
}
