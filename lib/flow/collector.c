/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/collector.h"

#include <stdlib.h>
#include <string.h>

#include "flow/ipfix.h"
#include "flow/netflow.h"
#include "flow/sflow.h"
#include "stage/stop.h"

struct pv_collector {
	enum pv_flow_kind kind;
	struct pv_flow_exporters *exporters;
	uint64_t datagrams, reasons[PV_FDEC_REASONS];
	struct pv_flow_counts counts;
};

bool pv_flow_kind_by_name(const char *name, enum pv_flow_kind *kind)
{
	static const struct {
		const char *name;
		enum pv_flow_kind kind;
	} names[] = {{"any", PV_FLOW_KIND_ANY},
		     {"sflow", PV_FLOW_KIND_SFLOW},
		     {"netflow", PV_FLOW_KIND_NETFLOW},
		     {"ipfix", PV_FLOW_KIND_NETFLOW}};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!strcmp(names[i].name, name)) {
			*kind = names[i].kind;
			return true;
		}
	return false;
}

struct pv_collector *pv_collector_new(const struct pv_collector_conf *conf)
{
	struct pv_collector *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->kind = conf->kind;
	x->exporters = pv_flow_exporters_new(&conf->exporters);
	if (!x->exporters) {
		free(x);
		return NULL;
	}
	return x;
}

void pv_collector_free(struct pv_collector *x)
{
	if (!x)
		return;
	pv_flow_exporters_free(x->exporters);
	free(x);
}

void pv_collector_clear(struct pv_collector *x)
{
	pv_flow_exporters_clear(x->exporters);
	x->datagrams = 0;
	memset(x->reasons, 0, sizeof x->reasons);
	memset(&x->counts, 0, sizeof x->counts);
}

/* ---- one datagram --------------------------------------------------------------------------------- */

static enum pv_flow_reason take_sflow(struct pv_collector *x, const struct pv_flow_datagram *d, struct pv_cur *c,
				      struct pv_flow_to *to)
{
	struct pv_sflow_head h;
	enum pv_flow_reason r = pv_sflow_head(c, &h);
	if (r != PV_FDEC_OK)
		return r;
	/* relays send the datagrams of many agents from one address: the agent is who counts them */
	struct pv_flow_datagram from = {.port = 0, .number = d->number};
	memcpy(from.from, h.named ? h.agent : d->from, 16);
	struct pv_flow_exporter *e =
	    pv_flow_exporters_get(x->exporters, &from, PV_FLOW_SFLOW, h.sub_agent, &x->counts);
	pv_flow_exporter_sequence(e, h.sequence, 1, &h.uptime_ms, &x->counts);
	memcpy(to->base.device, h.agent, 16);
	to->base.source = PV_FLOW_SFLOW;
	return pv_sflow_samples(c, &h, to);
}

static enum pv_flow_reason take_netflow(struct pv_collector *x, const struct pv_flow_datagram *d, struct pv_cur *c,
					struct pv_flow_to *to)
{
	struct pv_netflow_head h;
	enum pv_flow_reason r = pv_netflow_head(c, &h);
	if (r != PV_FDEC_OK)
		return r;
	if (h.version != 1) {
		struct pv_flow_exporter *e =
		    pv_flow_exporters_get(x->exporters, d, h.version, h.engine, &x->counts);
		pv_flow_exporter_sequence(e, h.sequence, h.count, &h.uptime_ms, &x->counts);
	}
	return pv_netflow_records(c, &h, to);
}

static enum pv_flow_reason take_ipfix(struct pv_collector *x, const struct pv_flow_datagram *d, struct pv_cur *c,
				      struct pv_flow_to *to)
{
	struct pv_ipfix_head h;
	enum pv_flow_reason r = pv_ipfix_head(c, &h);
	if (r != PV_FDEC_OK)
		return r;
	struct pv_flow_exporter *e = pv_flow_exporters_get(x->exporters, d, h.version, h.domain, &x->counts);
	return pv_ipfix_sets(c, &h, x->exporters, e, to);
}

static enum pv_flow_reason take(struct pv_collector *x, const struct pv_flow_datagram *d, struct pv_flow_to *to)
{
	struct pv_cur c = pv_cur(d->bytes, d->n);
	c.cut = d->cut;
	if (d->n < 4)
		return PV_FDEC_SHORT;
	uint16_t version = pv_get16(d->bytes);
	if (x->kind != PV_FLOW_KIND_ANY && (x->kind == PV_FLOW_KIND_SFLOW) != (version == 0))
		return PV_FDEC_UNWANTED;
	switch (version) {
	case 0:
		return take_sflow(x, d, &c, to);
	case 9:
	case 10:
		return take_ipfix(x, d, &c, to);
	default:
		return take_netflow(x, d, &c, to);
	}
}

/* What is missing at the end of a datagram that the capture shortened is not the sender's fault. */
static enum pv_flow_reason blame(const struct pv_flow_datagram *d, enum pv_flow_reason r)
{
	return d->cut && (r == PV_FDEC_SHORT || r == PV_FDEC_SAMPLE || r == PV_FDEC_ELEMENT || r == PV_FDEC_SET)
		       ? PV_FDEC_CUT
		       : r;
}

enum pv_flow_reason pv_collector_take(struct pv_collector *x, const struct pv_flow_datagram *d, pv_flow_fn *record,
				      void *ctx)
{
	struct pv_flow_to to = {.record = record, .ctx = ctx, .counts = &x->counts};
	to.base.ev.time_ns = d->time_ns;
	to.base.packet = d->number;
	to.base.stamp = d->stamp;
	to.base.rate = 1;
	memcpy(to.base.device, d->from, 16);
	enum pv_flow_reason r = blame(d, take(x, d, &to));
	x->datagrams++;
	x->reasons[r]++;
	return r;
}

/* ---- what it counted ------------------------------------------------------------------------------ */

void pv_collector_status(const struct pv_collector *x, struct pv_collector_status *s)
{
	*s = (struct pv_collector_status){
	    .datagrams = x->datagrams,
	    .counts = x->counts,
	    .exporters = pv_flow_exporters_count(x->exporters),
	    .templates = pv_flow_exporters_templates(x->exporters),
	    .template_bytes = pv_flow_exporters_bytes(x->exporters),
	};
	memcpy(s->reasons, x->reasons, sizeof s->reasons);
	for (unsigned r = PV_FDEC_OK + 1; r < PV_FDEC_REASONS; r++)
		*(pv_flow_reason_unsupported(r) ? &s->unsupported : &s->malformed) += x->reasons[r];
}

size_t pv_collector_rows(const struct pv_collector_status *s, struct pv_ledger_row *rows, size_t max)
{
	const struct pv_ledger_row sums[] = {
	    {0, PV_LEDGER_RECEIVED, 0, s->datagrams},
	    {0, PV_LEDGER_ANALYSED, 0, s->reasons[PV_FDEC_OK]},
	    {0, PV_LEDGER_MALFORMED, 0, s->malformed},
	    {0, PV_LEDGER_UNSUPPORTED, 0, s->unsupported},
	    {0, PV_LEDGER_FLOW_RECORDS, 0, s->counts.records},
	    {0, PV_LEDGER_FLOW_EMPTY, 0, s->counts.no_records},
	    {0, PV_LEDGER_FLOW_COUNTER_SAMPLES, 0, s->counts.counter_samples},
	    {0, PV_LEDGER_FLOW_UNKNOWN_SAMPLES, 0, s->counts.unknown_samples},
	    {0, PV_LEDGER_FLOW_UNKNOWN_SETS, 0, s->counts.unknown_sets},
	    {0, PV_LEDGER_FLOW_OPTIONS, 0, s->counts.options},
	    {0, PV_LEDGER_FLOW_LOST, 0, s->counts.lost},
	    {0, PV_LEDGER_TEMPLATES_EVICTED, 0, s->counts.templates_evicted},
	    {0, PV_LEDGER_TEMPLATES_EXPIRED, 0, s->counts.templates_expired},
	    {0, PV_LEDGER_TEMPLATES_WITHDRAWN, 0, s->counts.templates_withdrawn},
	    {0, PV_LEDGER_TEMPLATES_REFUSED, 0, s->counts.templates_refused},
	    {0, PV_LEDGER_EXPORTERS_EVICTED, 0, s->counts.exporters_evicted},
	    {0, PV_LEDGER_TOTALS_EVICTED, 0, s->counts.totals_evicted},
	};
	size_t n = 0;
	for (; n < sizeof sums / sizeof sums[0] && n < max; n++)
		rows[n] = sums[n];
	return pv_ledger_reasons(rows, n, max, s->reasons, PV_FDEC_REASONS);
}
