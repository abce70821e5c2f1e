/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/analyser.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "dns/message.h"
#include "dns/overdue.h"
#include "dns/psl.h"
#include "dns/query.h"
#include "dns/xact.h"
#include "packet/tcp.h"
#include "stage/stop.h"

#define EXPIRE_PER_PACKET 16   /* more than queries can come with one packet, so a backlog shrinks */
#define EXPIRE_PER_TICK   4096 /* about a MiB of events */
#define STALE_NS          UINT64_C(60000000000)

struct dns {
	struct pv_dns_filter filter;
	struct pv_geo *geo;
	struct pv_dns_psl *psl; /* NULL: not asked for */
	struct pv_dns_xacts *xacts;
	struct pv_dns_overdue *overdue; /* NULL: the filter rejects nothing */
	struct pv_tcp *tcp;
	uint8_t stage;

	uint64_t now_ns;
	struct pv_emit *emit; /* during a call */

	bool recorded;

	uint64_t received, analysed, filtered, malformed, unsupported;
	uint64_t reasons[PV_DNS_REASONS];

	/* scratch of one message */
	struct pv_dns_message msg;
	char query_written[PV_DNS_NAME_TEXT_MAX + 1], query_text[PV_DNS_NAME_TEXT_MAX + 1];
	bool geo_unknown, asn_unknown; /* of the message's client subnet */
};

/* What a message came in: a packet, or a dnstap message. */
struct from {
	const uint8_t *src, *dst;
	uint16_t sport, dport;
	uint16_t port; /* for metrics: not the server's */
	uint8_t l3, transport, dir, stamp;
	uint8_t dnstap; /* enum pv_dnstap_type, 0: a packet */
	uint64_t time_ns, number;
	uint64_t sent_ns; /* by the clock of who logged it; 0: not to be told from time_ns */
};

static bool dns_port(uint16_t port)
{
	return port == 53 || port == 5353 || port == 5355 || port == 53000;
}

uint16_t pv_dns_port(uint16_t sport, uint16_t dport)
{
	if (dns_port(dport))
		return sport;
	return dns_port(sport) ? dport : 0;
}

void pv_dns_ttl(void *self, uint64_t ttl_ns)
{
	struct dns *d = self;
	pv_dns_xacts_ttl(d->xacts, ttl_ns);
}

/* The time of an event made from a packet. */
static uint64_t event_time(const struct dns *d, uint64_t packet_ns)
{
	return packet_ns < d->now_ns && d->now_ns - packet_ns > STALE_NS ? d->now_ns : packet_ns;
}

/* ---- places ---------------------------------------------------------------------------------------- */

typedef uint32_t geo_fn(struct pv_geo *, const uint8_t addr[16], uint8_t family, bool *fresh,
			const char **text, size_t *len);

static uint32_t place(struct dns *d, geo_fn *look_up, enum pv_define_kind kind, const struct pv_ecs *ecs,
		      bool *unknown)
{
	static const char unknown_text[] = "Unknown";
	bool fresh = false;
	const char *text;
	size_t n;
	uint32_t number = look_up(d->geo, ecs->addr, ecs->family, &fresh, &text, &n);
	*unknown = number && n == sizeof unknown_text - 1 && !memcmp(text, unknown_text, n);
	if (fresh)
		pv_emit_define(d->emit, kind, number, text, n);
	return number;
}

static void places(struct dns *d, struct pv_ecs *ecs)
{
	d->geo_unknown = d->asn_unknown = false;
	if (!d->geo || !ecs->family)
		return;
	ecs->geo = place(d, pv_geo_city, PV_DEFINE_GEO, ecs, &d->geo_unknown);
	ecs->asn = place(d, pv_geo_asn, PV_DEFINE_ASN, ecs, &d->asn_unknown);
}

static bool place_unknown(void *self, enum pv_define_kind kind, uint32_t number)
{
	const struct dns *d = self;
	(void)number; /* the filter asks about the message at hand */
	return kind == PV_DEFINE_GEO ? d->geo_unknown : d->asn_unknown;
}

/* ---- transactions ---------------------------------------------------------------------------------- */

static void lower(char *to, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = from[i];
		to[i] = (unsigned)(unsigned char)c - 'A' < 26u ? (char)(c | 0x20) : c;
	}
}

/* A query's name on its way into an event: what the event already holds is not written again. */
static size_t name_room(const struct pv_dns_query *q)
{
	return q->upper ? 2u * q->name_len : q->name_len;
}

static void put_query_names(struct pv_dns *e, size_t *at, const struct pv_dns_query *q, const char *text)
{
	bool same = e->qname.len == q->name_len && !memcmp(pv_ref_bytes(&e->ev, e->qname), text, q->name_len);
	e->query_qname = same ? e->qname : pv_ev_put(e, at, text, q->name_len);
	if (!q->upper)
		e->query_qname_case = e->query_qname;
	else if (same && !memcmp(pv_ref_bytes(&e->ev, e->qname_case), q->name, q->name_len))
		e->query_qname_case = e->qname_case;
	else
		e->query_qname_case = pv_ev_put(e, at, q->name, q->name_len);
}

static const char *query_text(struct dns *d, const struct pv_dns_query *q)
{
	if (!q->upper)
		return q->name;
	lower(d->query_text, q->name, q->name_len);
	return d->query_text;
}

static void put_query(struct pv_dns *e, const struct pv_dns_query *q)
{
	e->query_dir = q->dir;
	e->query_stamp = q->stamp;
	e->query_filtered = q->filtered;
	e->query_bits = q->bits;
	e->query_suffix_len = q->suffix_len;
	e->query_time_ns = q->time_ns;
	e->query_packet = q->packet;
	e->query_length = q->length;
	if (q->ecs.family)
		e->query_ecs = q->ecs;
}

/* As pv_dns_fixed() will find it. */
static size_t fixed_part(bool matched, bool ecs)
{
	return ecs ? sizeof(struct pv_dns) : matched ? PV_DNS_FIXED_QUERY : PV_DNS_FIXED_BASE;
}

size_t pv_dns_timeout_size(const struct pv_dns_query *q)
{
	return fixed_part(true, q->ecs.family) + name_room(q);
}

void pv_dns_timeout_fill(struct pv_dns *e, enum pv_xact why, const struct pv_dns_query *q, const char *text,
			 uint8_t stage)
{
	size_t at = fixed_part(true, q->ecs.family);
	e->ev.flags = (uint16_t)((q->filtered ? PV_F_FILTERED : 0) | q->dnstap << PV_F_DNSTAP_SHIFT);
	e->packet = q->packet;
	memcpy(e->src, q->src, 16);
	memcpy(e->dst, q->dst, 16);
	e->sport = q->sport;
	e->dport = q->dport;
	e->l3 = q->l3;
	e->transport = q->transport;
	e->dir = q->dir;
	e->stage = stage;
	e->stamp = q->stamp;
	e->port = q->dnstap ? q->sport : pv_dns_port(q->sport, q->dport);
	e->length = q->length;
	e->bits = q->bits;
	e->id = q->id;
	e->opcode = q->opcode;
	e->qtype = q->qtype;
	e->qclass = q->qclass;
	e->suffix_len = q->suffix_len;
	e->qname = pv_ev_put(e, &at, text, q->name_len);
	e->qname_case = q->upper ? pv_ev_put(e, &at, q->name, q->name_len) : e->qname;
	if (q->ecs.family)
		e->ecs = q->ecs;
	e->xact = (uint8_t)why;
	put_query(e, q);
	e->query_qname = e->qname;
	e->query_qname_case = e->qname_case;
}

size_t pv_dns_response_size(const struct pv_dns *d, const struct pv_dns_query *q)
{
	size_t names = d->qname_case.off == d->qname.off ? d->qname.len : 2u * d->qname.len;
	return fixed_part(q, (d->bits & PV_DNS_ECS) || (q && q->ecs.family)) + names + (q ? name_room(q) : 0);
}

void pv_dns_response_fill(struct pv_dns *e, const struct pv_dns *d, enum pv_xact xact,
			  const struct pv_dns_query *q, const char *text)
{
	struct pv_event head = e->ev;
	size_t at = fixed_part(q, (d->bits & PV_DNS_ECS) || (q && q->ecs.family));
	memcpy(e, d, offsetof(struct pv_dns, query_suffix_len));
	e->ev = head;
	e->ev.flags = d->ev.flags;
	e->query_dir = e->query_stamp = e->query_filtered = 0;
	e->query_bits = 0;
	e->qname = pv_ev_put(e, &at, pv_ref_bytes(&d->ev, d->qname), d->qname.len);
	e->qname_case = d->qname_case.off == d->qname.off
				? e->qname
				: pv_ev_put(e, &at, pv_ref_bytes(&d->ev, d->qname_case), d->qname_case.len);
	if (d->bits & PV_DNS_ECS)
		e->ecs = d->ecs;
	e->xact = (uint8_t)xact;
	if (q) {
		put_query(e, q);
		put_query_names(e, &at, q, text);
	}
}

static void timed_out(void *self, enum pv_xact why, const struct pv_dns_query *found)
{
	struct dns *d = self;
	struct pv_dns_query query = *found, *q = &query;
	if (d->overdue && q->filtered && why == PV_XACT_EXPIRED)
		pv_dns_overdue_put(d->overdue, q, d->now_ns);
	places(d, &q->ecs);
	struct pv_dns *e = pv_emit(d->emit, PV_EV_DNS_TIMEOUT, pv_dns_timeout_size(q), d->now_ns);
	pv_dns_timeout_fill(e, why, q, query_text(d, q), d->stage);
}

static void end_query(struct pv_dns_query *q, const struct from *p, uint16_t id)
{
	memcpy(q->src, p->src, 16);
	memcpy(q->dst, p->dst, 16);
	q->sport = p->sport;
	q->dport = p->dport;
	q->l3 = p->l3;
	q->transport = p->transport;
	q->dnstap = p->dnstap;
	q->id = id;
}

static void open_query(struct dns *d, const struct from *p, uint32_t length, uint16_t suffix_len, bool filtered)
{
	const struct pv_dns_message *m = &d->msg;
	struct pv_dns_query q;
	memset(&q, 0, sizeof q);
	end_query(&q, p, m->id);
	q.dir = p->dir;
	q.stamp = p->stamp;
	q.opcode = m->opcode;
	q.filtered = filtered;
	q.bits = m->bits;
	q.suffix_len = suffix_len;
	q.qtype = m->qtype;
	q.qclass = m->qclass;
	q.length = length;
	q.time_ns = event_time(d, p->time_ns);
	q.sent_ns = p->sent_ns;
	q.packet = p->number;
	q.ecs = m->ecs;
	q.name_len = m->qname.len;
	q.upper = m->qname.upper;
	q.name = pv_dns_name_written(&m->qname);
	pv_dns_xacts_query(d->xacts, &q, timed_out, d);
	if (d->overdue) /* which was of another query with this key */
		pv_dns_overdue_take(d->overdue, &q, q.time_ns);
}

/* How long an answer took says the clock of who logged both halves, not when they came here: the query's time is told as that
 * long before its response. */
static uint64_t query_time(const struct pv_dns_query *q, const struct from *response, uint64_t time_ns)
{
	if (!q->sent_ns || !response->sent_ns)
		return q->time_ns;
	uint64_t took = response->sent_ns > q->sent_ns ? response->sent_ns - q->sent_ns : 0;
	return took < time_ns ? time_ns - took : 0;
}

/* ---- messages -------------------------------------------------------------------------------------- */

static struct pv_dns *new_event(struct dns *d, const struct from *p, uint32_t length, size_t size)
{
	struct pv_dns *e = pv_emit(d->emit, PV_EV_DNS, size, event_time(d, p->time_ns));
	e->ev.flags = (uint16_t)(p->dnstap << PV_F_DNSTAP_SHIFT);
	e->packet = p->number;
	memcpy(e->src, p->src, 16);
	memcpy(e->dst, p->dst, 16);
	e->sport = p->sport;
	e->dport = p->dport;
	e->l3 = p->l3;
	e->transport = p->transport;
	e->dir = p->dir;
	e->stage = d->stage;
	e->stamp = p->stamp;
	e->port = p->port;
	e->length = length;
	e->reason = d->msg.reason;
	return e;
}

static void put_message(struct pv_dns *e, const struct pv_dns_message *m)
{
	e->bits = m->bits;
	e->id = m->id;
	e->opcode = m->opcode;
	e->edns_version = m->edns_version;
	e->rcode = m->rcode;
	e->rcode_ext = m->rcode_ext;
	e->qtype = m->qtype;
	e->qclass = m->qclass;
	e->qdcount = m->qdcount;
	e->ancount = m->ancount;
	e->nscount = m->nscount;
	e->arcount = m->arcount;
	e->edns_size = m->edns_size;
	if (m->ecs.family)
		e->ecs = m->ecs;
}

static void book(struct dns *d, bool accepted)
{
	if (!accepted) {
		d->filtered++;
	} else if (d->msg.reason == PV_DNS_ABSENT) {
		d->unsupported++;
		d->reasons[d->msg.reason]++;
	} else if (d->msg.reason) {
		d->malformed++;
		d->reasons[d->msg.reason]++;
	} else {
		d->analysed++;
	}
}

/* One message; true when it passes. length: as it was on the wire. */
static bool message(struct dns *d, const struct from *p, const uint8_t *bytes, size_t n, uint32_t length)
{
	struct pv_dns_message *m = &d->msg;
	d->received++;
	pv_dns_parse(bytes, n, m);
	if (m->reason == PV_DNS_CUT_RECORD && n < length)
		m->reason = PV_DNS_CUT_CAPTURE;
	if (m->reason == PV_DNS_SHORT) {
		new_event(d, p, length, PV_DNS_FIXED_BASE)->ev.flags |= PV_F_FILTERED;
		book(d, true);
		return false;
	}

	if (p->dnstap) /* who logged it knows which half it is */
		m->bits = (uint16_t)((m->bits & ~PV_DNS_QR) | (p->dnstap % 2 ? 0 : PV_DNS_QR));
	bool reply = m->bits & PV_DNS_QR, overdue = false;
	enum pv_xact xact = PV_XACT_NONE;
	struct pv_dns_query q;
	size_t room = m->qname.upper ? 2u * m->qname.len : m->qname.len;
	if (reply) {
		end_query(&q, p, m->id);
		xact = pv_dns_xacts_response(d->xacts, &q, event_time(d, p->time_ns), d->query_written);
		overdue = xact == PV_XACT_ORPHAN && d->overdue && pv_dns_overdue_take(d->overdue, &q, d->now_ns);
	} else {
		places(d, &m->ecs);
	}
	bool matched = xact == PV_XACT_MATCHED || xact == PV_XACT_LATE;
	if (matched) {
		places(d, &q.ecs);
		room += name_room(&q);
	}

	size_t at = fixed_part(matched, m->ecs.family || (matched && q.ecs.family));
	struct pv_dns *e = new_event(d, p, length, at + room);
	put_message(e, m);
	e->qname = pv_ev_put(e, &at, m->qname.text, m->qname.len);
	e->qname_case = m->qname.upper ? pv_ev_put(e, &at, m->qname.written, m->qname.len) : e->qname;
	e->xact = (uint8_t)xact;
	e->query_filtered = overdue;
	if (matched) {
		put_query(e, &q);
		e->query_time_ns = query_time(&q, p, e->ev.time_ns);
		put_query_names(e, &at, &q, query_text(d, &q));
	}

	const struct pv_dns_places ask = {place_unknown, d};
	uint16_t suffix_len;
	bool accepted = pv_dns_filter_accepts(&d->filter, e, &ask, &suffix_len);
	if (!accepted)
		e->ev.flags |= PV_F_FILTERED;
	else if (d->psl && !d->filter.suffixes)
		suffix_len = (uint16_t)pv_dns_psl_suffix(d->psl, m->qname.text, m->qname.len);
	e->suffix_len = suffix_len;
	book(d, accepted);
	if (!reply)
		open_query(d, p, length, suffix_len, !accepted); /* e is gone after this */
	return accepted;
}

/* Somebody asked or answered something, and that is all that is known. */
static bool no_message(struct dns *d, const struct from *p)
{
	d->received++;
	memset(&d->msg, 0, offsetof(struct pv_dns_message, qname));
	d->msg.reason = PV_DNS_ABSENT;
	struct pv_dns *e = new_event(d, p, 0, PV_DNS_FIXED_BASE);
	e->bits = p->dnstap % 2 ? 0 : PV_DNS_QR;
	bool accepted = pv_dns_filter_accepts(&d->filter, e, NULL, NULL);
	if (!accepted)
		e->ev.flags |= PV_F_FILTERED;
	book(d, accepted);
	return accepted;
}

static struct from from_packet(const struct pv_packet *p, uint8_t transport)
{
	return (struct from){.src = p->src,
			     .dst = p->dst,
			     .sport = p->sport,
			     .dport = p->dport,
			     .port = pv_dns_port(p->sport, p->dport),
			     .l3 = p->l3,
			     .transport = transport,
			     .dir = p->dir,
			     .stamp = p->stamp,
			     .time_ns = p->ev.time_ns,
			     .number = p->number};
}

static size_t tcp_frame(void *self, const uint8_t *head, size_t n)
{
	(void)self;
	if (n < 2)
		return 0;
	size_t length = pv_get16(head);
	return length < PV_DNS_HEADER_BYTES ? SIZE_MAX : length + 2;
}

static void tcp_message(void *self, const struct pv_packet *p, const uint8_t *bytes, size_t n)
{
	struct dns *d = self;
	const struct from from = from_packet(p, PV_TR_TCP);
	if (message(d, &from, bytes + 2, n - 2, (uint32_t)(n - 2)) && pv_emit_chained(d->emit))
		pv_emit_message(d->emit, p, bytes + 2, n - 2);
}

static void tcp_error(void *self, const struct pv_packet *p, enum pv_tcp_reason reason)
{
	struct dns *d = self;
	struct pv_tcp_error *e = pv_emit(d->emit, PV_EV_TCP_ERROR, sizeof *e, d->now_ns);
	e->packet = p->number;
	e->stage = d->stage;
	e->reason = (uint8_t)reason;
}

/* ---- the stage ------------------------------------------------------------------------------------- */

static enum pv_verdict on_dnstap(struct dns *d, const struct pv_dnstap *t)
{
	/* a response that holds only its query, as some servers log it, is that query, and the reverse */
	bool query = t->message % 2, other = t->bits & PV_DNSTAP_OTHER_HALF;
	uint64_t sent = query != other ? t->query_time_ns : t->response_time_ns;
	const struct from from = {.src = t->query_addr,
				  .dst = t->response_addr,
				  .sport = t->query_port,
				  .dport = t->response_port,
				  .port = t->query_port,
				  .l3 = t->l3,
				  .transport = t->transport,
				  .dir = !other		       ? t->dir
					 : t->dir == PV_DIR_IN ? PV_DIR_OUT
							       : PV_DIR_IN,
				  .stamp = t->stamp,
				  .dnstap = (uint8_t)(!other ? t->message : query ? t->message + 1 : t->message - 1),
				  .time_ns = t->ev.time_ns,
				  .number = t->number,
				  .sent_ns = d->recorded ? 0 : sent};
	if (!t->payload_len)
		return no_message(d, &from) ? PV_KEEP : PV_REJECT;
	const uint8_t *bytes = (const uint8_t *)t + t->payload_off;
	uint32_t length = t->payload_len + (t->bits & PV_DNSTAP_TRUNCATED ? 1 : 0); /* at least */
	return message(d, &from, bytes, t->payload_len, length) ? PV_KEEP : PV_REJECT;
}

static enum pv_verdict on_event(void *self, const struct pv_event *ev, struct pv_emit *emit)
{
	struct dns *d = self;
	const struct pv_packet *p = (const void *)ev;
	d->emit = emit;
	d->now_ns = ev->time_ns;
	pv_dns_xacts_expire(d->xacts, d->now_ns, EXPIRE_PER_PACKET, timed_out, d);
	if (ev->type == PV_EV_DNSTAP)
		return on_dnstap(d, (const void *)ev);

	if (p->l4 == PV_L4_OTHER || !p->l3 || !pv_dns_port(p->sport, p->dport))
		return PV_REJECT;
	const uint8_t *payload = p->payload_len ? (const uint8_t *)p + p->payload_off : NULL;
	if (p->l4 == PV_L4_TCP && !(p->bits & PV_PKT_MESSAGE)) {
		pv_tcp_packet(d->tcp, p, payload);
		return PV_REJECT;
	}
	uint32_t length = p->payload_len;
	if ((p->bits & PV_PKT_TRUNCATED) && p->payload_wire_len > length)
		length = p->payload_wire_len;
	const struct from from = from_packet(p, p->l4 == PV_L4_UDP ? PV_TR_UDP : PV_TR_TCP);
	static const uint8_t nothing[1];
	return message(d, &from, payload ? payload : nothing, p->payload_len, length) ? PV_KEEP : PV_REJECT;
}

static void on_time(void *self, uint64_t now_ns, struct pv_emit *emit)
{
	struct dns *d = self;
	d->emit = emit;
	d->now_ns = now_ns;
	pv_dns_xacts_expire(d->xacts, now_ns, EXPIRE_PER_TICK, timed_out, d);
	for (int i = 0; i < 64 && pv_tcp_time(d->tcp, now_ns); i++)
		;
}

static void on_start(void *self, const struct pv_stream *stream)
{
	struct dns *d = self;
	d->stage = stream->stage;
	d->now_ns = 0;
	d->recorded = stream->clock == PV_CLOCK_RECORDED;
	d->received = d->analysed = d->filtered = d->malformed = d->unsupported = 0;
	memset(d->reasons, 0, sizeof d->reasons);
	pv_dns_xacts_clear(d->xacts);
	if (d->overdue)
		pv_dns_overdue_clear(d->overdue);
	pv_tcp_reset(d->tcp);
	pv_geo_forget(d->geo);
}

static void on_end(void *self, uint64_t now_ns, struct pv_emit *emit)
{
	struct dns *d = self;
	d->emit = emit;
	d->now_ns = now_ns;
	pv_tcp_end(d->tcp);
	pv_dns_xacts_expire(d->xacts, now_ns, SIZE_MAX, timed_out, d);
}

static size_t ledger(const void *self, struct pv_ledger_row *rows, size_t max)
{
	const struct dns *d = self;
	const struct pv_tcp_stats *tcp = pv_tcp_stats(d->tcp);
	uint64_t overdue_evicted = d->overdue ? pv_dns_overdue_evicted(d->overdue) : 0;
	const struct {
		uint16_t what;
		uint64_t value;
	} all[] = {
		{PV_LEDGER_RECEIVED, d->received},
		{PV_LEDGER_ANALYSED, d->analysed},
		{PV_LEDGER_FILTERED, d->filtered},
		{PV_LEDGER_MALFORMED, d->malformed},
		{PV_LEDGER_UNSUPPORTED, d->unsupported},
		{PV_LEDGER_XACT_EVICTED, pv_dns_xacts_evicted(d->xacts) + overdue_evicted},
		{PV_LEDGER_XACT_OPEN, pv_dns_xacts_open(d->xacts)},
		{PV_LEDGER_FLOW_EVICTED, tcp->flows_evicted},
		{PV_LEDGER_FLOW_IDLE, tcp->flows_idle},
		{PV_LEDGER_TCP_LOST_BYTES, tcp->lost_bytes},
		{PV_LEDGER_TCP_RETRANSMIT, tcp->retransmitted},
	};
	size_t n = 0;
	for (size_t i = 0; i < sizeof all / sizeof all[0] && n < max; i++)
		rows[n++] = (struct pv_ledger_row){.what = all[i].what, .value = all[i].value};
	return pv_ledger_reasons(rows, n, max, d->reasons, PV_DNS_REASONS);
}

static void dns_free(void *self)
{
	struct dns *d = self;
	if (!d)
		return;
	pv_dns_filter_free(&d->filter);
	pv_geo_close(d->geo);
	pv_dns_psl_free(d->psl);
	pv_dns_xacts_free(d->xacts);
	pv_dns_overdue_free(d->overdue);
	pv_tcp_free(d->tcp);
	free(d);
}

void *pv_dns_new(const struct pv_dns_conf *conf)
{
	struct dns *d = calloc(1, sizeof *d);
	if (!d) {
		struct pv_dns_filter filter = conf->filter;
		pv_dns_filter_free(&filter);
		pv_geo_close(conf->geo);
		return NULL;
	}
	d->filter = conf->filter;
	d->geo = conf->geo;
	const struct pv_tcp_conf tcp = {
		.flows_max = conf->tcp_flows_max,
		.bytes_max = conf->tcp_bytes_max,
		.idle_ns = conf->tcp_idle_ns,
		.seed = conf->seed,
		.message_max = UINT16_MAX + 2,
		.ctx = d,
		.frame = tcp_frame,
		.message = tcp_message,
		.error = tcp_error,
	};
	bool psl = conf->public_suffix_list || d->filter.public_suffix_list;
	uint64_t ttl_ns = conf->ttl_ns ? conf->ttl_ns : pv_dns_filter_ttl_ns(&d->filter);
	d->xacts = pv_dns_xacts_new(ttl_ns, conf->seed, conf->xact_slots);
	d->tcp = pv_tcp_new(&tcp);
	d->psl = psl ? pv_dns_psl_new() : NULL;
	bool active = pv_dns_filter_active(&d->filter);
	d->overdue = active ? pv_dns_overdue_new(conf->seed) : NULL;
	if (!d->xacts || !d->tcp || (psl && !d->psl) || (active && !d->overdue)) {
		int why = errno;
		dns_free(d);
		errno = why;
		return NULL;
	}
	return d;
}

const struct pv_analyser_ops pv_dns_ops = {
	.type = "dns",
	.wants = PV_WANTS(PV_EV_PACKET) | PV_WANTS(PV_EV_DNSTAP),
	.event = on_event,
	.time = on_time,
	.start = on_start,
	.end = on_end,
	.ledger = ledger,
	.free = dns_free,
};
