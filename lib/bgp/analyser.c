/* SPDX-License-Identifier: MPL-2.0 */
#include "bgp/analyser.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/message.h"
#include "packet/tcp.h"
#include "stage/stop.h"

#define STALE_NS UINT64_C(60000000000)

struct bgp {
	struct pv_tcp *tcp;
	uint8_t stage;
	uint64_t now_ns;
	struct pv_emit *emit;    /* during a call */
	enum pv_bgp_reason lied; /* of the header that broke its side last */
	uint64_t received, reasons[PV_BGP_REASONS];
};

/* The time of an event made from a packet. */
static uint64_t event_time(const struct bgp *b, uint64_t packet_ns)
{
	return packet_ns < b->now_ns && b->now_ns - packet_ns > STALE_NS ? b->now_ns : packet_ns;
}

/* ---- messages -------------------------------------------------------------------------------------- */

static void emit(struct bgp *b, const struct pv_packet *p, const struct pv_bgp_message *m, enum pv_bgp_reason reason)
{
	struct pv_bgp *e = pv_emit(b->emit, PV_EV_BGP, sizeof *e, event_time(b, p->ev.time_ns));
	e->packet = p->number;
	memcpy(e->src, p->src, 16);
	memcpy(e->dst, p->dst, 16);
	e->sport = p->sport;
	e->dport = p->dport;
	e->l3 = p->l3;
	e->dir = p->dir;
	e->stage = b->stage;
	e->stamp = p->stamp;
	e->message = m->type;
	e->reason = (uint8_t)reason;
	e->length = m->length;
	e->code = m->code;
	e->subcode = m->subcode;
	b->received++;
	b->reasons[reason]++;
}

/* One message; true when it is one. */
static bool message(struct bgp *b, const struct pv_packet *p, const uint8_t *bytes, size_t n)
{
	struct pv_bgp_message m;
	enum pv_bgp_reason reason = pv_bgp_decode(bytes, n, &m);
	emit(b, p, &m, reason);
	return reason == PV_BGP_OK;
}

static size_t tcp_frame(void *self, const uint8_t *head, size_t n)
{
	struct bgp *b = self;
	return pv_bgp_frame(head, n, &b->lied);
}

static void tcp_message(void *self, const struct pv_packet *p, const uint8_t *bytes, size_t n)
{
	struct bgp *b = self;
	if (message(b, p, bytes, n) && pv_emit_chained(b->emit))
		pv_emit_message(b->emit, p, bytes, n);
}

static void tcp_error(void *self, const struct pv_packet *p, enum pv_tcp_reason reason)
{
	struct bgp *b = self;
	static const struct pv_bgp_message nothing;
	if (reason == PV_TCP_FRAME)
		emit(b, p, &nothing, b->lied);
	struct pv_tcp_error *e = pv_emit(b->emit, PV_EV_TCP_ERROR, sizeof *e, b->now_ns);
	e->packet = p->number;
	e->stage = b->stage;
	e->reason = (uint8_t)reason;
}

/* ---- the stage ------------------------------------------------------------------------------------- */

static enum pv_verdict on_event(void *self, const struct pv_event *ev, struct pv_emit *emit)
{
	struct bgp *b = self;
	const struct pv_packet *p = (const void *)ev;
	b->emit = emit;
	b->now_ns = ev->time_ns;
	if (p->l4 != PV_L4_TCP || !p->l3 || !pv_bgp_port(p->sport, p->dport))
		return PV_REJECT;
	const uint8_t *payload = p->payload_len ? (const uint8_t *)p + p->payload_off : NULL;
	if (p->bits & PV_PKT_MESSAGE)
		return payload && message(b, p, payload, p->payload_len) ? PV_KEEP : PV_REJECT;
	pv_tcp_packet(b->tcp, p, payload);
	return PV_REJECT;
}

static void on_time(void *self, uint64_t now_ns, struct pv_emit *emit)
{
	struct bgp *b = self;
	b->emit = emit;
	b->now_ns = now_ns;
	for (int i = 0; i < 64 && pv_tcp_time(b->tcp, now_ns); i++)
		;
}

static void on_start(void *self, const struct pv_stream *stream)
{
	struct bgp *b = self;
	b->stage = stream->stage;
	b->now_ns = 0;
	b->received = 0;
	memset(b->reasons, 0, sizeof b->reasons);
	pv_tcp_reset(b->tcp);
}

static void on_end(void *self, uint64_t now_ns, struct pv_emit *emit)
{
	struct bgp *b = self;
	b->emit = emit;
	b->now_ns = now_ns;
	pv_tcp_end(b->tcp);
}

static size_t ledger(const void *self, struct pv_ledger_row *rows, size_t max)
{
	const struct bgp *b = self;
	const struct pv_tcp_stats *tcp = pv_tcp_stats(b->tcp);
	uint64_t ok = b->reasons[PV_BGP_OK], unsupported = b->reasons[PV_BGP_TYPE];
	const struct {
		uint16_t what;
		uint64_t value;
	} all[] = {
		{PV_LEDGER_RECEIVED, b->received},
		{PV_LEDGER_ANALYSED, ok},
		{PV_LEDGER_MALFORMED, b->received - ok - unsupported},
		{PV_LEDGER_UNSUPPORTED, unsupported},
		{PV_LEDGER_FLOW_EVICTED, tcp->flows_evicted},
		{PV_LEDGER_FLOW_IDLE, tcp->flows_idle},
		{PV_LEDGER_TCP_LOST_BYTES, tcp->lost_bytes},
		{PV_LEDGER_TCP_RETRANSMIT, tcp->retransmitted},
	};
	size_t n = 0;
	for (size_t i = 0; i < sizeof all / sizeof all[0] && n < max; i++)
		rows[n++] = (struct pv_ledger_row){.what = all[i].what, .value = all[i].value};
	return pv_ledger_reasons(rows, n, max, b->reasons, PV_BGP_REASONS);
}

static void bgp_free(void *self)
{
	struct bgp *b = self;
	if (!b)
		return;
	pv_tcp_free(b->tcp);
	free(b);
}

void *pv_bgp_new(const struct pv_bgp_conf *conf)
{
	struct bgp *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	const struct pv_tcp_conf tcp = {
		.flows_max = conf->tcp_flows_max ? conf->tcp_flows_max : PV_BGP_FLOWS,
		.idle_ns = PV_BGP_IDLE_NS,
		.seed = conf->seed,
		.message_max = PV_BGP_MESSAGE_MAX,
		.ctx = b,
		.frame = tcp_frame,
		.message = tcp_message,
		.error = tcp_error,
	};
	b->tcp = pv_tcp_new(&tcp);
	if (!b->tcp) {
		int why = errno;
		bgp_free(b);
		errno = why;
		return NULL;
	}
	return b;
}

const struct pv_analyser_ops pv_bgp_ops = {
	.type = "bgp",
	.wants = PV_WANTS(PV_EV_PACKET),
	.event = on_event,
	.time = on_time,
	.start = on_start,
	.end = on_end,
	.ledger = ledger,
	.free = bgp_free,
};
