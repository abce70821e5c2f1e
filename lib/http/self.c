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
	const struct pv_prom_label labels[] = {{"program", program}, {"version", PV_VERSION}};
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

static uint64_t row_value(const struct pv_store_info *in, const struct pv_store_ledger *l, enum pv_ledger what)
{
	switch (what) {
	case PV_LEDGER_RECEIVED: /* of the source it is known while the stream runs */
		return l->stage ? l->row[what] : in->counts.received;
	case PV_LEDGER_DROPPED:
		return l->row[what] + (l->stage ? 0 : in->counts.os_drops + in->counts.if_drops);
	case PV_LEDGER_EVICTED:
		return l->row[what] + l->row[PV_LEDGER_XACT_EVICTED] + l->row[PV_LEDGER_FLOW_EVICTED];
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
	struct pv_prom_label labels[3] = {{"policy", v->info.policy}, {"tap", v->info.tap}};
	pv_prom_u64(p, &up, labels, 2, v->info.state == PV_STORE_RUNNING);
	pv_prom_u64(p, &refused, labels, 2, v->info.counts.refused);
	pv_prom_u64(p, &lost, labels, 2, v->info.counts.lost);
	for (size_t i = 0; i < v->info.nledger; i++) {
		const struct pv_store_ledger *l = &v->info.ledger[i];
		labels[2] = (struct pv_prom_label){"stage", l->name};
		for (size_t k = 0; k < sizeof ledger / sizeof ledger[0]; k++)
			pv_prom_u64(p, &ledger[k].metric, labels, 3, row_value(&v->info, l, ledger[k].what));
	}
	for (size_t i = 0; i < v->ninstances; i++) {
		labels[2] = (struct pv_prom_label){"handler", v->instance[i].key};
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
