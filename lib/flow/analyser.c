/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/analyser.h"

#include <stdlib.h>
#include <string.h>

const uint16_t pv_flow_ports[] = {2055, 4739, 6343, 9995, 9996};
const size_t pv_flow_nports = sizeof pv_flow_ports / sizeof pv_flow_ports[0];

struct flow {
	struct pv_flow_conf conf;
	struct pv_collector *collector;
	uint8_t stage;
	struct pv_emit *to; /* during an event */
};

static bool wanted(const struct flow *x, const struct pv_packet *p)
{
	if (p->l4 != PV_L4_UDP || !p->payload_len)
		return false;
	for (size_t i = 0; i < x->conf.nports; i++)
		if (x->conf.port[i] == p->dport)
			return true;
	return !x->conf.nports;
}

static void emit(void *ctx, const struct pv_flow *f)
{
	struct flow *x = ctx;
	struct pv_flow *to = pv_emit(x->to, PV_EV_FLOW, sizeof *to, f->ev.time_ns);
	memcpy((uint8_t *)to + sizeof to->ev, (const uint8_t *)f + sizeof f->ev, sizeof *f - sizeof f->ev);
	to->stage = x->stage;
}

static enum pv_verdict flow_event(void *self, const struct pv_event *ev, struct pv_emit *to)
{
	struct flow *x = self;
	const struct pv_packet *p = (const void *)ev;
	if (!wanted(x, p))
		return PV_REJECT; /* holds none */
	struct pv_flow_datagram d = {
	    .bytes = (const uint8_t *)p + p->payload_off,
	    .n = p->payload_len,
	    .cut = p->payload_len < p->payload_wire_len,
	    .port = p->sport,
	    .time_ns = ev->time_ns,
	    .number = p->number,
	    .stamp = p->stamp,
	};
	memcpy(d.from, p->src, 16);
	x->to = to;
	pv_collector_take(x->collector, &d, emit, x);
	return PV_KEEP;
}

static void flow_start(void *self, const struct pv_stream *stream)
{
	struct flow *x = self;
	x->stage = stream->stage;
	pv_collector_clear(x->collector);
}

static size_t flow_ledger(const void *self, struct pv_ledger_row *rows, size_t max)
{
	struct pv_collector_status s;
	pv_flow_status(self, &s);
	return pv_collector_rows(&s, rows, max);
}

void pv_flow_status(const void *self, struct pv_collector_status *to)
{
	const struct flow *x = self;
	pv_collector_status(x->collector, to);
}

static void flow_free(void *self)
{
	struct flow *x = self;
	if (!x)
		return;
	pv_collector_free(x->collector);
	free(x);
}

void *pv_flow_new(const struct pv_flow_conf *conf)
{
	struct flow *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->conf = *conf;
	x->collector = pv_collector_new(&conf->collector);
	if (!x->collector) {
		free(x);
		return NULL;
	}
	return x;
}

const struct pv_analyser_ops pv_flow_ops = {
    .type = "flow",
    .wants = PV_WANTS(PV_EV_PACKET),
    .event = flow_event,
    .start = flow_start,
    .ledger = flow_ledger,
    .free = flow_free,
};
