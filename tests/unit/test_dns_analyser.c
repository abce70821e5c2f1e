/* SPDX-License-Identifier: MPL-2.0 */
/* dns/analyser.h in a real filter stage: packets in, events out, ledger at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/analyser.h"
#include "dns/overdue.h"
#include "dns/metrics.h"
#include "dns/names.h"
#include "event/check.h"
#include "metric/bucket.h"
#include "packet/tcp.h"
#include "tiny_mmdb.h"

#define MS UINT64_C(1000000)
#define T0 (UINT64_C(1600000000) * 1000 * MS)

/* ---- the bench: a stage, what it wrote, what it counted ----------------------------------------------- */

struct bench {
	struct pv_stage *stage;
	uint8_t *out; /* everything written, events 8-aligned */
	size_t len, cap;
	uint64_t in[16 * 1024]; /* one event */
	uint64_t number, now_ns;
};

static enum pv_res collect(void *ctx, const struct iovec *iov, int n)
{
	struct bench *b = ctx;
	for (int i = 0; i < n; i++) {
		while (b->len + iov[i].iov_len > b->cap) {
			b->cap = b->cap ? 2 * b->cap : 1 << 16;
			b->out = realloc(b->out, b->cap);
			assert_non_null(b->out);
		}
		memcpy(b->out + b->len, iov[i].iov_base, iov[i].iov_len);
		b->len += iov[i].iov_len;
	}
	return PV_OK;
}

static void give(struct bench *b, uint32_t size, enum pv_event_type type, uint64_t time_ns)
{
	struct pv_event *ev = (void *)b->in;
	ev->size = pv_round8(size);
	ev->type = (uint16_t)type;
	ev->time_ns = time_ns;
	assert_null(pv_event_check(ev));
	b->stage->ops->batch(b->stage, ev, ev->size);
	assert_int_equal(pv_out_flush(&b->stage->out), PV_OK);
}

static void start(struct bench *b)
{
	struct pv_start *s = (void *)b->in;
	memset(s, 0, sizeof *s);
	s->magic = PV_EVENT_MAGIC;
	s->major = PV_EVENT_MAJOR;
	s->clock = PV_CLOCK_RECORDED;
	give(b, sizeof *s, PV_EV_START, T0);
	b->number = 0;
	b->now_ns = T0;
}

static void stop(struct bench *b)
{
	memset(b->in, 0, sizeof(struct pv_stop));
	give(b, sizeof(struct pv_stop), PV_EV_STOP, b->now_ns);
}

static struct bench *bench(const char *settings, bool chain, const struct pv_dns_conf *like)
{
	struct bench *b = calloc(1, sizeof *b);
	struct pv_dns_conf conf = like ? *like : (struct pv_dns_conf){.seed = 1};
	char text[128], *at = text, *one, err[128];
	assert_non_null(b);
	pv_dns_filter_init(&conf.filter);
	snprintf(text, sizeof text, "%s", settings);
	while ((one = strsep(&at, ";")) && *one) {
		const char *value = strchr(one, '=');
		const char *list[] = {value + 1};
		one[value - one] = '\0';
		const struct pv_key *key = pv_dns_keys;
		while (strcmp(key->name, one))
			key++;
		struct pv_value v = {.type = key->type, .boolean = true, .list = list, .count = 1};
		if (key->type == PV_KEY_UINT_OR_LIST)
			v.type = PV_KEY_LIST;
		assert_true(key->type != PV_KEY_UINT || pv_parse_u64(value + 1, &v.number));
		assert_int_equal(pv_dns_filter_set(&conf.filter, key, &v, err, sizeof err), 0);
	}
	void *self = pv_dns_new(&conf);
	assert_non_null(self);
	b->stage = pv_filter_new(&pv_dns_ops, self, &(struct pv_filter_conf){.chain = chain},
				 (struct pv_sink){.write = collect, .ctx = b});
	assert_non_null(b->stage);
	start(b);
	return b;
}

static void bench_free(struct bench *b)
{
	pv_stage_free(b->stage);
	free(b->out);
	free(b);
}

/* The nth event of a type that came out, or NULL. */
static const void *got(const struct bench *b, enum pv_event_type type, unsigned n)
{
	for (size_t at = 0; at < b->len;) {
		const struct pv_event *ev = (const void *)(b->out + at);
		assert_null(pv_event_check(ev));
		if (ev->type == type && !n--)
			return ev;
		at += ev->size;
	}
	return NULL;
}

static unsigned count(const struct bench *b, enum pv_event_type type)
{
	unsigned n = 0;
	while (got(b, type, n))
		n++;
	return n;
}

static const struct pv_dns *dns(const struct bench *b, unsigned n)
{
	const struct pv_dns *d = got(b, PV_EV_DNS, n);
	assert_non_null(d);
	return d;
}

static const char *text(const struct pv_dns *d, struct pv_ref r)
{
	static char buf[4][PV_DNS_NAME_TEXT_MAX + 1];
	static unsigned turn;
	char *to = buf[turn++ % 4];
	memcpy(to, pv_ref_bytes(&d->ev, r), r.len);
	to[r.len] = '\0';
	return to;
}

/* A row of the first STOP's ledger; 0 when there is none. */
static uint64_t ledger(const struct bench *b, unsigned what)
{
	const struct pv_stop *s = got(b, PV_EV_STOP, 0);
	assert_non_null(s);
	const struct pv_ledger_row *row = (const void *)((const uint8_t *)s + s->rows.off);
	for (size_t i = 0; i < s->rows.len / sizeof *row; i++)
		if (row[i].stage == 1 && row[i].what == what)
			return row[i].value;
	return 0;
}

static void sums_up(const struct bench *b)
{
	uint64_t reasons = 0;
	for (unsigned i = 1; i < PV_DNS_REASONS; i++)
		reasons += ledger(b, PV_LEDGER_REASON + i);
	assert_int_equal(ledger(b, PV_LEDGER_RECEIVED), ledger(b, PV_LEDGER_ANALYSED) +
							    ledger(b, PV_LEDGER_FILTERED) +
							    ledger(b, PV_LEDGER_MALFORMED));
	assert_int_equal(ledger(b, PV_LEDGER_MALFORMED), reasons);
	assert_int_equal(ledger(b, PV_LEDGER_RECEIVED), count(b, PV_EV_DNS));
}

/* ---- packets ------------------------------------------------------------------------------------------ */

struct flow {
	uint8_t client, server; /* last address byte */
	uint16_t cport, sport;
	uint8_t l3;
};

static const struct flow flow0 = {1, 2, 40000, 53, 4};

static struct pv_packet *packet(struct bench *b, const struct flow *f, bool reply, uint8_t l4,
				const void *payload, size_t n)
{
	struct pv_packet *p = (void *)b->in;
	memset(p, 0, sizeof *p);
	if (f->l3 == 4)
		memset(p->src + 10, 0xff, 2), memset(p->dst + 10, 0xff, 2);
	p->src[15] = reply ? f->server : f->client;
	p->dst[15] = reply ? f->client : f->server;
	p->sport = reply ? f->sport : f->cport;
	p->dport = reply ? f->cport : f->sport;
	p->l3 = f->l3;
	p->l4 = l4;
	p->proto = l4 == PV_L4_UDP ? 17 : 6;
	p->dir = reply ? PV_DIR_IN : PV_DIR_OUT;
	p->stamp = reply ? 20 : 10;
	p->number = ++b->number;
	p->payload_len = p->payload_wire_len = (uint32_t)n;
	p->payload_off = n ? sizeof *p : 0;
	p->wire_len = p->cap_len = (uint32_t)(42 + n);
	p->vlan = PV_NO_VLAN;
	if (n)
		memcpy(p + 1, payload, n);
	return p;
}

static void send_packet(struct bench *b)
{
	const struct pv_packet *p = (const void *)b->in;
	give(b, (uint32_t)sizeof *p + p->payload_len, PV_EV_PACKET, b->now_ns);
}

/* A message: id, QR, rcode, name in wire form ("\3www\0"), type; `answers` A records behind. */
struct msg {
	uint8_t bytes[600];
	size_t n;
};

static struct msg msg(uint16_t id, bool reply, unsigned rcode, const char *name, uint16_t type,
		      unsigned answers)
{
	struct msg m;
	memset(&m, 0, sizeof m);
	m.bytes[0] = (uint8_t)(id >> 8);
	m.bytes[1] = (uint8_t)id;
	m.bytes[2] = reply ? 0x80 : 0;
	m.bytes[3] = (uint8_t)rcode;
	m.bytes[5] = 1;
	m.bytes[7] = (uint8_t)answers;
	m.n = 12 + strlen(name) + 1;
	memcpy(m.bytes + 12, name, strlen(name));
	m.bytes[m.n++] = (uint8_t)(type >> 8);
	m.bytes[m.n++] = (uint8_t)type;
	m.bytes[m.n++] = 0;
	m.bytes[m.n++] = 1;
	for (; answers; answers--) {
		memcpy(m.bytes + m.n, "\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd", 16);
		m.n += 16;
	}
	return m;
}

static void udp(struct bench *b, const struct flow *f, bool reply, struct msg m)
{
	packet(b, f, reply, PV_L4_UDP, m.bytes, m.n);
	send_packet(b);
}

static void tcp(struct bench *b, const struct flow *f, bool reply, uint32_t seq, uint8_t flags,
		const void *data, size_t n)
{
	struct pv_packet *p = packet(b, f, reply, PV_L4_TCP, data, n);
	p->tcp_seq = seq;
	p->tcp_flags = flags;
	send_packet(b);
}

#define WWW "\3www\7example\3com"

/* ---- tests -------------------------------------------------------------------------------------------- */

static void ports(void **state)
{
	static const struct {
		uint16_t sport, dport, port;
	} rows[] = {
	    {40000, 53, 40000}, {53, 40000, 40000}, {40000, 5353, 40000}, {5353, 5353, 5353},
	    {1, 5355, 1},	{53000, 2, 2},	    {53, 53000, 53},	  {40000, 54, 0},
	    {0, 53, 0},		{53, 0, 0},	    {40000, 53001, 0},	  {53, 53, 53},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(pv_dns_port(rows[i].sport, rows[i].dport), rows[i].port);
}

static void transaction(void **state)
{
	struct bench *b = bench("", false, NULL);
	(void)state;
	udp(b, &flow0, false, msg(7, false, 0, "\3wWw\7example\3com", 28, 0));
	b->now_ns += 3 * MS;
	udp(b, &flow0, true, msg(7, true, 3, WWW, 28, 2));
	stop(b);
	assert_int_equal(count(b, PV_EV_PACKET), 2); /* passed on */
	assert_int_equal(count(b, PV_EV_STAGE), 1);

	const struct pv_dns *q = dns(b, 0), *r = dns(b, 1);
	assert_int_equal(q->ev.time_ns, T0);
	assert_int_equal(q->ev.flags, 0);
	assert_int_equal(q->packet, 1);
	assert_int_equal(q->src[15], 1);
	assert_int_equal(q->dst[15], 2);
	assert_int_equal(q->sport, 40000);
	assert_int_equal(q->dport, 53);
	assert_int_equal(q->port, 40000);
	assert_int_equal(q->l3, 4);
	assert_int_equal(q->transport, PV_TR_UDP);
	assert_int_equal(q->dir, PV_DIR_OUT);
	assert_int_equal(q->stage, 1);
	assert_int_equal(q->stamp, 10);
	assert_int_equal(q->length, 33);
	assert_int_equal(q->bits, PV_DNS_PARSED | PV_DNS_QUESTION);
	assert_int_equal(q->id, 7);
	assert_int_equal(q->qtype, 28);
	assert_int_equal(q->qclass, 1);
	assert_int_equal(q->qdcount, 1);
	assert_int_equal(q->xact, PV_XACT_NONE);
	assert_string_equal(text(q, q->qname), "www.example.com");
	assert_string_equal(text(q, q->qname_case), "wWw.example.com");
	assert_int_equal(pv_dns_fixed(q), PV_DNS_FIXED_BASE); /* no query half, no subnets */
	assert_int_equal(q->qname.off, PV_DNS_FIXED_BASE);
	assert_int_equal(pv_dns_fixed(dns(b, 1)), PV_DNS_FIXED_QUERY);

	assert_int_equal(r->bits, PV_DNS_QR | PV_DNS_PARSED | PV_DNS_QUESTION);
	assert_int_equal(r->rcode, 3);
	assert_int_equal(r->ancount, 2);
	assert_int_equal(r->port, 40000);
	assert_int_equal(r->dir, PV_DIR_IN);
	assert_int_equal(r->stamp, 20);
	assert_int_equal(r->xact, PV_XACT_MATCHED);
	assert_int_equal(r->query_time_ns, T0);
	assert_int_equal(r->query_packet, 1);
	assert_int_equal(r->query_length, 33);
	assert_int_equal(r->query_dir, PV_DIR_OUT);
	assert_int_equal(r->query_stamp, 10);
	assert_int_equal(r->query_bits, q->bits);
	assert_int_equal(r->query_filtered, 0);
	assert_string_equal(text(r, r->qname), "www.example.com");
	assert_string_equal(text(r, r->query_qname), "www.example.com");
	assert_string_equal(text(r, r->query_qname_case), "wWw.example.com");
	assert_int_equal(r->query_qname.off, r->qname.off); /* the bytes are shared */

	assert_int_equal(ledger(b, PV_LEDGER_RECEIVED), 2);
	assert_int_equal(ledger(b, PV_LEDGER_ANALYSED), 2);
	assert_int_equal(ledger(b, PV_LEDGER_XACT_OPEN), 0);
	sums_up(b);
	bench_free(b);
}

/* A response that speaks of another name than its query carries both. */
static void other_name(void **state)
{
	struct bench *b = bench("", false, NULL);
	(void)state;
	udp(b, &flow0, false, msg(7, false, 0, "\1A\1b", 1, 0));
	udp(b, &flow0, true, msg(7, true, 0, "\1C\2de", 1, 0));
	const struct pv_dns *r = dns(b, 1);
	assert_string_equal(text(r, r->qname), "c.de");
	assert_string_equal(text(r, r->qname_case), "C.de");
	assert_string_equal(text(r, r->query_qname), "a.b");
	assert_string_equal(text(r, r->query_qname_case), "A.b");
	bench_free(b);
}

static void orphan_late_timeout(void **state)
{
	struct bench *b = bench("xact_ttl_ms=250", false, NULL);
	(void)state;
	udp(b, &flow0, true, msg(1, true, 0, WWW, 1, 0));
	struct msg notify = msg(2, false, 0, "\1X\1y", 1, 0);
	notify.bytes[2] |= 4 << 3; /* the opcode */
	udp(b, &flow0, false, notify);
	b->now_ns += 250 * MS - 1;
	udp(b, &flow0, true, msg(9, true, 0, WWW, 1, 0));
	assert_int_equal(count(b, PV_EV_DNS_TIMEOUT), 0);
	b->now_ns += 1;
	struct flow other = {9, 9, 1, 99, 6};
	packet(b, &other, false, PV_L4_UDP, "x", 1); /* any packet moves time */
	send_packet(b);
	udp(b, &flow0, true, msg(2, true, 0, "\1x\1y", 1, 0)); /* too late: its query has been counted */

	assert_int_equal(dns(b, 0)->xact, PV_XACT_ORPHAN);
	assert_int_equal(dns(b, 1)->opcode, 4);
	assert_int_equal(dns(b, 2)->xact, PV_XACT_ORPHAN);
	assert_int_equal(dns(b, 3)->xact, PV_XACT_ORPHAN);
	const struct pv_dns *t = got(b, PV_EV_DNS_TIMEOUT, 0);
	assert_non_null(t);
	assert_null(got(b, PV_EV_DNS_TIMEOUT, 1));
	assert_int_equal(t->xact, PV_XACT_EXPIRED);
	assert_int_equal(t->ev.time_ns, T0 + 250 * MS);
	assert_int_equal(t->ev.flags, 0);
	assert_int_equal(t->packet, 2);
	assert_int_equal(t->query_packet, 2);
	assert_int_equal(t->query_time_ns, T0);
	assert_int_equal(t->src[15], 1);
	assert_int_equal(t->sport, 40000);
	assert_int_equal(t->port, 40000);
	assert_int_equal(t->dir, PV_DIR_OUT);
	assert_int_equal(t->stamp, 10);
	assert_int_equal(t->stage, 1);
	assert_int_equal(t->id, 2);
	assert_int_equal(t->opcode, 4);
	assert_int_equal(t->length, notify.n);
	assert_int_equal(t->qtype, 1);
	assert_int_equal(t->l3, 4);
	assert_int_equal(t->transport, PV_TR_UDP);
	assert_string_equal(text(t, t->qname), "x.y");
	assert_string_equal(text(t, t->query_qname_case), "X.y");
	bench_free(b);

	/* LATE: due but not yet collected, because many are due at once */
	b = bench("xact_ttl_ms=250", false, NULL);
	for (uint16_t i = 0; i < 40; i++)
		udp(b, &flow0, false, msg(i, false, 0, WWW, 1, 0));
	b->now_ns += 300 * MS;
	udp(b, &flow0, true, msg(39, true, 0, WWW, 1, 0));
	assert_int_equal(count(b, PV_EV_DNS_TIMEOUT), 16);
	assert_int_equal(dns(b, 40)->xact, PV_XACT_LATE);
	stop(b);
	assert_int_equal(count(b, PV_EV_DNS_TIMEOUT), 39);
	assert_int_equal(ledger(b, PV_LEDGER_XACT_OPEN), 0);
	bench_free(b);

	/* TICKs alone do it too, and what is not due at the end stays open */
	b = bench("xact_ttl_ms=250", false, NULL);
	udp(b, &flow0, false, msg(1, false, 0, WWW, 1, 0));
	memset(b->in, 0, 16);
	give(b, 16, PV_EV_TICK, T0 + 250 * MS);
	assert_int_equal(count(b, PV_EV_DNS_TIMEOUT), 1);
	b->now_ns = T0 + 251 * MS;
	udp(b, &flow0, false, msg(1, false, 0, WWW, 1, 0));
	stop(b);
	assert_int_equal(count(b, PV_EV_DNS_TIMEOUT), 1);
	assert_int_equal(ledger(b, PV_LEDGER_XACT_OPEN), 1);
	bench_free(b);
}

static void evicted(void **state)
{
	struct bench *b = bench("", false, &(struct pv_dns_conf){.seed = 1, .xact_slots = 32});
	(void)state;
	for (uint16_t i = 0; i < 40; i++)
		udp(b, &flow0, false, msg(i, false, 0, "\1a", 1, 0));
	stop(b);
	assert_int_equal(count(b, PV_EV_DNS_TIMEOUT), 8);
	const struct pv_dns *t = got(b, PV_EV_DNS_TIMEOUT, 0);
	assert_int_equal(t->xact, PV_XACT_EVICTED);
	assert_int_equal(t->id, 0);
	assert_int_equal(ledger(b, PV_LEDGER_XACT_EVICTED), 8);
	assert_int_equal(ledger(b, PV_LEDGER_XACT_OPEN), 32);
	assert_int_equal(ledger(b, PV_LEDGER_EVICTED), 0); /* messages are not evicted */
	sums_up(b);
	bench_free(b);
}

static void malformed(void **state)
{
	struct bench *b = bench("", false, NULL);
	struct msg m = msg(7, true, 2, WWW, 1, 1);
	(void)state;
	packet(b, &flow0, false, PV_L4_UDP, m.bytes, 11);
	send_packet(b);
	packet(b, &flow0, false, PV_L4_UDP, m.bytes, 0);
	send_packet(b);
	packet(b, &flow0, true, PV_L4_UDP, m.bytes, 20);
	send_packet(b);
	packet(b, &flow0, true, PV_L4_UDP, m.bytes, m.n - 1);
	send_packet(b);
	struct pv_packet *p = packet(b, &flow0, true, PV_L4_UDP, m.bytes, 40); /* shortened by the capture */
	p->payload_wire_len = (uint32_t)m.n;
	p->bits = PV_PKT_TRUNCATED;
	send_packet(b);
	p = packet(b, &flow0, true, PV_L4_UDP, m.bytes, 40); /* a header that lies: the bytes at hand count */
	p->payload_wire_len = 65000;
	send_packet(b);
	stop(b);

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(dns(b, i)->reason, PV_DNS_SHORT);
		assert_int_equal(dns(b, i)->ev.flags, PV_F_FILTERED);
		assert_int_equal(dns(b, i)->bits, 0);
		assert_int_equal(dns(b, i)->length, i ? 0 : 11);
	}
	assert_int_equal(dns(b, 2)->reason, PV_DNS_CUT_RECORD);
	assert_int_equal(dns(b, 2)->bits, PV_DNS_QR); /* the header stays true */
	assert_int_equal(dns(b, 2)->rcode, 2);
	assert_int_equal(dns(b, 2)->ev.flags, 0);
	assert_int_equal(dns(b, 3)->reason, PV_DNS_CUT_RECORD);
	assert_int_equal(dns(b, 3)->bits, PV_DNS_QR | PV_DNS_QUESTION);
	assert_string_equal(text(dns(b, 3), dns(b, 3)->qname), "www.example.com");
	assert_int_equal(dns(b, 4)->reason, PV_DNS_CUT_CAPTURE);
	assert_int_equal(dns(b, 4)->length, m.n);
	assert_int_equal(dns(b, 5)->reason, PV_DNS_CUT_RECORD);
	assert_int_equal(dns(b, 5)->length, 40);
	assert_int_equal(ledger(b, PV_LEDGER_MALFORMED), 6);
	assert_int_equal(ledger(b, PV_LEDGER_REASON + PV_DNS_SHORT), 2);
	assert_int_equal(ledger(b, PV_LEDGER_REASON + PV_DNS_CUT_RECORD), 3);
	assert_int_equal(ledger(b, PV_LEDGER_REASON + PV_DNS_CUT_CAPTURE), 1);
	sums_up(b);
	bench_free(b);
}

static void not_dns(void **state)
{
	struct bench *b = bench("", true, NULL);
	struct msg m = msg(7, false, 0, WWW, 1, 0);
	struct flow other = flow0;
	(void)state;
	other.sport = 54;
	udp(b, &other, false, m);
	other.sport = 53;
	other.cport = 0;
	udp(b, &other, false, m);
	packet(b, &flow0, false, PV_L4_OTHER, m.bytes, m.n);
	send_packet(b);
	assert_int_equal(count(b, PV_EV_DNS), 0);
	assert_int_equal(count(b, PV_EV_PACKET), 0); /* withheld by the chain */
	stop(b);
	assert_int_equal(ledger(b, PV_LEDGER_RECEIVED), 0);
	bench_free(b);
}

static void filtered(void **state)
{
	struct bench *b = bench("only_qname=a.b;xact_ttl_ms=100", true, NULL);
	(void)state;
	udp(b, &flow0, false, msg(1, false, 0, "\1A\1b", 1, 0));
	udp(b, &flow0, false, msg(2, false, 0, "\1c\1d", 1, 0));
	udp(b, &flow0, true, msg(1, true, 0, "\1c\1d", 1, 0)); /* rejected, yet it ends the transaction */
	udp(b, &flow0, true, msg(2, true, 0, "\1a\1b", 1, 0)); /* passes, its query did not */
	udp(b, &flow0, false, msg(3, false, 0, "\1c\1d", 1, 0));
	b->now_ns += 100 * MS;
	udp(b, &flow0, false, msg(4, false, 0, "\1a\1b", 1, 0));
	stop(b);

	assert_int_equal(dns(b, 0)->ev.flags, 0);
	assert_int_equal(dns(b, 1)->ev.flags, PV_F_FILTERED);
	assert_int_equal(dns(b, 2)->ev.flags, PV_F_FILTERED);
	assert_int_equal(dns(b, 2)->xact, PV_XACT_MATCHED);
	assert_int_equal(dns(b, 2)->query_filtered, 0);
	assert_int_equal(dns(b, 3)->ev.flags, 0);
	assert_int_equal(dns(b, 3)->xact, PV_XACT_MATCHED);
	assert_int_equal(dns(b, 3)->query_filtered, 1);
	const struct pv_dns *t = got(b, PV_EV_DNS_TIMEOUT, 0);
	assert_non_null(t);
	assert_int_equal(t->ev.flags, PV_F_FILTERED);
	assert_int_equal(t->query_filtered, 1);
	assert_int_equal(ledger(b, PV_LEDGER_FILTERED), 3);
	assert_int_equal(ledger(b, PV_LEDGER_ANALYSED), 3);
	sums_up(b);

	/* the chain lets through the packets whose messages passed */
	static const uint64_t passed[] = {1, 4, 6};
	assert_int_equal(count(b, PV_EV_PACKET), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(((const struct pv_packet *)got(b, PV_EV_PACKET, i))->number, passed[i]);
	bench_free(b);
}

/* The response to a rejected query comes when that one's time is over: it is filtered like its query, and no orphan; for a minute.
 * Not when the filter let the query pass, nor when another query has taken its place. */
static void overdue(void **state)
{
	static const struct {
		const char *what, *asked;
		uint64_t after_ms;
		bool again; /* another query with the same key came meanwhile, passed and was answered */
		bool filtered;
	} cases[] = {
	    {"in good time", "\1c\1d", 50, false, true},
	    {"its time is over", "\1c\1d", 110, false, true},
	    {"for long", "\1c\1d", 59000, false, true},
	    {"for more than a minute", "\1c\1d", 61000, false, false},
	    {"a query that passed", "\1a\1b", 110, false, false},
	    {"the key is another query's by now", "\1c\1d", 110, true, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bench *b = bench("only_qname=a.b;xact_ttl_ms=100", true, NULL);
		struct flow other = {9, 9, 1, 99, 6};
		udp(b, &flow0, false, msg(1, false, 0, cases[i].asked, 1, 0));
		b->now_ns += cases[i].after_ms < 100 ? 0 : 100 * MS;
		packet(b, &other, false, PV_L4_UDP, "x", 1); /* any packet moves time */
		send_packet(b);
		if (cases[i].again) {
			udp(b, &flow0, false, msg(1, false, 0, "\1a\1b", 1, 0));
			udp(b, &flow0, true, msg(1, true, 0, "\1a\1b", 1, 0));
		}
		b->now_ns += cases[i].after_ms * MS - (cases[i].after_ms < 100 ? 0 : 100 * MS);
		udp(b, &flow0, true, msg(1, true, 0, "\1a\1b", 1, 0));
		udp(b, &flow0, true, msg(1, true, 0, "\1a\1b", 1, 0)); /* it is answered once */
		unsigned last = (unsigned)count(b, PV_EV_DNS) - 1;
		if (dns(b, last - 1)->query_filtered != cases[i].filtered)
			fail_msg("%s: query_filtered is %d", cases[i].what, dns(b, last - 1)->query_filtered);
		assert_int_equal(dns(b, last - 1)->xact, cases[i].after_ms < 100 ? PV_XACT_MATCHED : PV_XACT_ORPHAN);
		assert_int_equal(dns(b, last)->xact, PV_XACT_ORPHAN);
		assert_int_equal(dns(b, last)->query_filtered, 0);
		stop(b);
		sums_up(b);
		bench_free(b);
	}
}

/* What is remembered of them is bounded; who had to go is an orphan's query again, and counts. */
static void overdue_evicted(void **state)
{
	struct pv_dns_overdue *o = pv_dns_overdue_new(1);
	struct pv_dns_query q = {.sport = 53, .l3 = 4, .transport = PV_TR_UDP};
	(void)state;
	for (uint32_t i = 0; i < PV_DNS_OVERDUE_SLOTS + 2; i++) {
		q.dport = (uint16_t)i;
		q.id = (uint16_t)(i >> 16 | 5);
		pv_dns_overdue_put(o, &q, T0);
	}
	assert_int_equal(pv_dns_overdue_evicted(o), 2);
	q.dport = 0;
	assert_false(pv_dns_overdue_take(o, &q, T0));
	q.dport = 2;
	assert_true(pv_dns_overdue_take(o, &q, T0));
	assert_false(pv_dns_overdue_take(o, &q, T0));
	pv_dns_overdue_clear(o);
	q.dport = 3;
	assert_false(pv_dns_overdue_take(o, &q, T0));
	pv_dns_overdue_free(o);
}

static void suffixes(void **state)
{
	struct bench *b = bench("only_qname_suffix=.co.uk", false, NULL);
	(void)state;
	udp(b, &flow0, false, msg(1, false, 0, "\3www\6google\2co\2uk", 1, 0));
	udp(b, &flow0, true, msg(1, true, 0, "\3www\6google\2co\2uk", 1, 0));
	udp(b, &flow0, false, msg(2, false, 0, WWW, 1, 0));
	assert_int_equal(dns(b, 0)->suffix_len, 6);
	assert_int_equal(dns(b, 1)->suffix_len, 6);
	assert_int_equal(dns(b, 1)->query_suffix_len, 6);
	assert_int_equal(dns(b, 2)->suffix_len, 0);
	bench_free(b);

	b = bench("public_suffix_list=true", false, NULL);
	udp(b, &flow0, false, msg(1, false, 0, "\3www\6google\2co\2uk", 1, 0));
	udp(b, &flow0, false, msg(2, false, 0, "", 1, 0));
	assert_int_equal(dns(b, 0)->suffix_len, 6);
	assert_int_equal(dns(b, 1)->suffix_len, 0);
	bench_free(b);

	b = bench("public_suffix_list=true;only_qname_suffix=uk", false, NULL); /* the filter's wins */
	udp(b, &flow0, false, msg(1, false, 0, "\3www\6google\2co\2uk", 1, 0));
	assert_int_equal(dns(b, 0)->suffix_len, 2);
	bench_free(b);
}

/* Two queries in three segments, two replies in one; times and numbers of the completing segment. */
static void over_tcp(void **state)
{
	for (int chain = 0; chain < 2; chain++) {
		struct bench *b = bench("", chain, NULL);
		struct msg m[2] = {msg(1, false, 0, "\1a\1b", 1, 0), msg(2, false, 0, "\1c\1d", 1, 0)};
		uint8_t s[256], t[256];
		size_t n = 0, k = 0;
		(void)state;
		for (unsigned i = 0; i < 2; i++) {
			s[n++] = 0;
			s[n++] = (uint8_t)m[i].n;
			memcpy(s + n, m[i].bytes, m[i].n);
			n += m[i].n;
			m[i].bytes[2] = 0x80;
			t[k++] = 0;
			t[k++] = (uint8_t)m[i].n;
			memcpy(t + k, m[i].bytes, m[i].n);
			k += m[i].n;
		}
		tcp(b, &flow0, false, 1000, PV_TCP_SYN, NULL, 0);
		tcp(b, &flow0, true, 5000, PV_TCP_SYN | PV_TCP_ACK, NULL, 0);
		tcp(b, &flow0, false, 1001, PV_TCP_ACK, s, 1);
		b->now_ns += MS;
		tcp(b, &flow0, false, 1002, PV_TCP_ACK, s + 1, 30);
		b->now_ns += MS;
		tcp(b, &flow0, false, 1032, PV_TCP_ACK, s + 31, n - 31);
		b->now_ns += MS;
		tcp(b, &flow0, true, 5001, PV_TCP_ACK, t, k);
		stop(b);
		assert_int_equal(count(b, PV_EV_DNS), 4);
		assert_int_equal(count(b, PV_EV_TCP_ERROR), 0);
		assert_int_equal(dns(b, 0)->packet, 4);
		assert_int_equal(dns(b, 0)->ev.time_ns, T0 + MS);
		assert_int_equal(dns(b, 0)->transport, PV_TR_TCP);
		assert_int_equal(dns(b, 0)->length, m[0].n);
		assert_int_equal(dns(b, 1)->packet, 5);
		assert_int_equal(dns(b, 1)->dir, PV_DIR_OUT);
		for (unsigned i = 2; i < 4; i++) {
			assert_int_equal(dns(b, i)->packet, 6);
			assert_int_equal(dns(b, i)->xact, PV_XACT_MATCHED);
			assert_int_equal(dns(b, i)->dir, PV_DIR_IN);
		}
		assert_int_equal(dns(b, 2)->query_time_ns, T0 + MS);
		assert_int_equal(dns(b, 3)->query_time_ns, T0 + 2 * MS);
		sums_up(b);
		if (!chain) {
			assert_int_equal(count(b, PV_EV_PACKET), 6);
			bench_free(b);
			continue;
		}
		assert_int_equal(count(b, PV_EV_PACKET), 4); /* messages in place of segments */
		const struct pv_packet *p = got(b, PV_EV_PACKET, 3);
		assert_int_equal(p->bits, PV_PKT_MESSAGE);
		assert_int_equal(p->number, 6);
		assert_int_equal(p->payload_len, m[1].n);
		assert_memory_equal((const uint8_t *)p + p->payload_off, m[1].bytes, m[1].n);

		/* and a second stage reads them */
		struct bench *next = bench("", false, NULL);
		for (unsigned i = 0; i < 4; i++) {
			p = got(b, PV_EV_PACKET, i);
			memcpy(next->in, p, p->ev.size);
			give(next, p->ev.size, PV_EV_PACKET, p->ev.time_ns);
		}
		assert_int_equal(count(next, PV_EV_DNS), 4);
		assert_int_equal(dns(next, 3)->transport, PV_TR_TCP);
		assert_int_equal(dns(next, 3)->xact, PV_XACT_MATCHED);
		assert_string_equal(text(dns(next, 3), dns(next, 3)->qname), "c.d");
		bench_free(next);
		bench_free(b);
	}
}

static void tcp_trouble(void **state)
{
	struct bench *b = bench("", false, NULL);
	uint8_t s[64] = {0, 11};
	(void)state;
	tcp(b, &flow0, false, 1, PV_TCP_ACK, s, 13); /* shorter than a header */
	assert_int_equal(count(b, PV_EV_DNS), 0);
	const struct pv_tcp_error *e = got(b, PV_EV_TCP_ERROR, 0);
	assert_non_null(e);
	assert_int_equal(e->reason, PV_TCP_FRAME);
	assert_int_equal(e->stage, 1);
	assert_int_equal(e->packet, 1);
	/* a header alone is a message */
	struct flow other = flow0;
	other.client = 9;
	s[1] = 12;
	tcp(b, &other, false, 1, PV_TCP_ACK, s, 14);
	assert_int_equal(count(b, PV_EV_DNS), 1);
	assert_int_equal(dns(b, 0)->bits, PV_DNS_PARSED);
	/* another protocol's port is never looked at */
	other.sport = 80;
	tcp(b, &other, false, 1, PV_TCP_ACK, s, 14);
	assert_int_equal(count(b, PV_EV_DNS), 1);
	stop(b);
	sums_up(b);
	bench_free(b);
}

static void second_stream(void **state)
{
	struct bench *b = bench("", false, NULL);
	(void)state;
	udp(b, &flow0, false, msg(1, false, 0, WWW, 1, 0));
	tcp(b, &flow0, false, 1, PV_TCP_ACK, "\0\x30", 2);
	stop(b);
	start(b);
	udp(b, &flow0, true, msg(1, true, 0, WWW, 1, 0));
	assert_int_equal(dns(b, 1)->xact, PV_XACT_ORPHAN); /* its query was in another stream */
	assert_int_equal(dns(b, 1)->packet, 1);
	assert_int_equal(ledger(b, PV_LEDGER_XACT_OPEN), 1);
	bench_free(b);
}

/* A recording that starts afresh an hour earlier: what is open will not be answered. */
static void time_steps_back(void **state)
{
	struct bench *b = bench("", false, NULL);
	(void)state;
	udp(b, &flow0, false, msg(1, false, 0, WWW, 1, 0));
	b->now_ns -= 3600000 * MS;
	udp(b, &flow0, true, msg(1, true, 0, WWW, 1, 0));
	assert_int_equal(count(b, PV_EV_DNS_TIMEOUT), 1);
	assert_int_equal(((const struct pv_dns *)got(b, PV_EV_DNS_TIMEOUT, 0))->xact, PV_XACT_EVICTED);
	assert_int_equal(dns(b, 1)->xact, PV_XACT_ORPHAN);
	bench_free(b);
}

/* ---- metrics, version 1 --------------------------------------------------------------------------- */

struct seen {
	const char *path;
	char text[256];
};

static int look(void *ctx, const struct pv_bucket *b, const struct pv_block *k, const struct pv_metric *m,
		const union pv_cell *c)
{
	struct seen *s = ctx;
	(void)k;
	if (strcmp(m->path, s->path))
		return 0;
	size_t at = 0;
	switch (m->kind) {
	case PV_COUNTER:
		snprintf(s->text, sizeof s->text, "%llu", (unsigned long long)c->count);
		break;
	case PV_DISTINCT:
		snprintf(s->text, sizeof s->text, "%.0f", c->distinct ? pv_hll_estimate(c->distinct) : 0);
		break;
	case PV_QUANTILES:
		if (c->quantiles)
			snprintf(s->text, sizeof s->text, "n=%llu min=%g max=%g",
				 (unsigned long long)pv_exphist_count(c->quantiles),
				 pv_exphist_min(c->quantiles), pv_exphist_max(c->quantiles));
		break;
	case PV_TOPN: {
		s->text[0] = '\0';
		struct pv_topn_row rows[10];
		size_t n = pv_bucket_rows(b, c, rows);
		for (size_t i = 0; i < n; i++) {
			char item[64];
			m->item(&rows[i], item, sizeof item);
			at += (size_t)snprintf(s->text + at, sizeof s->text - at, "%s%s=%llu", i ? " " : "",
					       item, (unsigned long long)rows[i].estimate);
		}
		break;
	}
	case PV_RATE:
		snprintf(s->text, sizeof s->text, "%llu",
			 (unsigned long long)(c->rate ? pv_rate_at(c->rate, b->now_sec) : 0));
		break;
	default:
		break;
	}
	return 0;
}

static void is(const struct pv_bucket *b, const char *path, const char *want)
{
	struct seen s = {.path = path, .text = "-"};
	pv_bucket_visit(b, look, &s);
	print_message("    %s\n", path);
	assert_string_equal(s.text, want);
}

static void update_all(struct bench *b, struct pv_bucket *bucket, struct pv_handler_ctx *ctx, bool deep)
{
	for (size_t at = 0; at < b->len;) {
		const struct pv_event *ev = (const void *)(b->out + at);
		if (pv_dns_v1.wants >> ev->type & 1)
			pv_dns_v1.update(bucket, ev, deep, ctx);
		at += ev->size;
	}
}

static void metrics_v1(void **state)
{
	struct bench *b = bench("", false, NULL);
	struct flow in = {5, 6, 50000, 53, 6};
	void *own = calloc(1, pv_dns_v1.state_size);
	struct pv_handler_ctx ctx = {.state = own, .recorded = true};
	const struct pv_bucket_conf conf = {.groups = UINT32_MAX, .topn = 10, .seed = 1};
	struct pv_bucket *bucket = pv_bucket_new(&pv_dns_v1, &conf);
	(void)state;
	for (unsigned i = 0; i < pv_dns_v1.nmetrics; i++)
		assert_int_equal(pv_dns_v1.metrics[i].id, i + 1);
	assert_int_equal(pv_dns_v1.nmetrics, 44);

	udp(b, &flow0, false, msg(1, false, 0, WWW, 1, 0)); /* the host asks: out */
	b->now_ns += 2 * MS;
	udp(b, &flow0, true, msg(1, true, 0, WWW, 1, 0));
	udp(b, &in, true, msg(2, false, 0, "\2uk", 28, 0)); /* flow turned round: a query that comes in */
	b->now_ns += 4 * MS;
	udp(b, &in, false, msg(2, true, 3, "\2uk", 28, 0));
	udp(b, &flow0, true, msg(3, true, 2, "", 2, 0)); /* the root, an orphan */
	packet(b, &flow0, true, PV_L4_UDP, "tiny", 4);
	send_packet(b);
	udp(b, &flow0, false, msg(4, false, 0, "\4lost", 1, 0));
	b->now_ns += 5000 * MS;
	stop(b);
	unsigned base = 0, all = 0;
	for (unsigned i = 0; got(b, PV_EV_DNS, i); i++, all++)
		base += pv_dns_v1.is_base(got(b, PV_EV_DNS, i));
	assert_int_equal(all, 7);
	assert_int_equal(base, 6);
	assert_false(pv_dns_v1.is_base(got(b, PV_EV_DNS_TIMEOUT, 0)));

	update_all(b, bucket, &ctx, true);
	is(bucket, "wire_packets.total", "6");
	is(bucket, "rates.total", "6");
	is(bucket, "wire_packets.filtered", "0");
	is(bucket, "wire_packets.queries", "3");
	is(bucket, "wire_packets.replies", "3");
	is(bucket, "wire_packets.udp", "6");
	is(bucket, "wire_packets.tcp", "0");
	is(bucket, "wire_packets.ipv4", "4");
	is(bucket, "wire_packets.ipv6", "2");
	is(bucket, "wire_packets.noerror", "1");
	is(bucket, "wire_packets.nodata", "1");
	is(bucket, "wire_packets.srvfail", "1");
	is(bucket, "wire_packets.nxdomain", "1");
	is(bucket, "wire_packets.refused", "0");
	is(bucket, "cardinality.qname", "3"); /* the root is none */
	is(bucket, "xact.counts.total", "2");
	is(bucket, "xact.counts.timed_out", "1");
	is(bucket, "xact.in.total", "1");
	is(bucket, "xact.out.total", "1");
	is(bucket, "xact.out.quantiles_us", "n=1 min=2000 max=2000");
	is(bucket, "xact.in.quantiles_us", "n=1 min=4000 max=4000");
	is(bucket, "xact.ratio.quantiles", "n=2 min=1 max=1");
	is(bucket, "top_udp_ports", "40000=4 50000=2");
	is(bucket, "top_rcode", "NOERROR=1 SRVFAIL=1 NXDOMAIN=1");
	is(bucket, "top_qtype", "A=3 AAAA=2 NS=1");
	is(bucket, "top_qname2", ".example.com=2 uk=2 =1 lost=1");
	is(bucket, "top_qname3", "www.example.com=2");
	is(bucket, "top_nodata", "www.example.com=1");
	is(bucket, "top_noerror", "www.example.com=1");
	is(bucket, "top_nxdomain", "uk=1");
	is(bucket, "top_srvfail", "=1");
	is(bucket, "top_refused", "");
	is(bucket, "top_qname_by_resp_bytes", "www.example.com=33 uk=20 =17");
	is(bucket, "xact.out.top_slow", "");

	/* the next period knows what is slow: here as slow as before */
	pv_dns_v1.shift(bucket, &ctx);
	struct pv_bucket *second = pv_bucket_new(&pv_dns_v1, &conf);
	update_all(b, second, &ctx, true);
	is(second, "xact.out.top_slow", "www.example.com=1");
	is(second, "xact.in.top_slow", "uk=1");

	/* outside the deep sample only messages are counted */
	struct pv_bucket *shallow = pv_bucket_new(&pv_dns_v1, &conf);
	update_all(b, shallow, &ctx, false);
	is(shallow, "wire_packets.total", "6");
	is(shallow, "xact.counts.total", "2");
	is(shallow, "xact.counts.timed_out", "1");
	is(shallow, "top_qtype", "");
	is(shallow, "top_udp_ports", "");
	is(shallow, "cardinality.qname", "0");
	pv_bucket_free(bucket);
	pv_bucket_free(second);
	pv_bucket_free(shallow);
	free(own);
	bench_free(b);
}

/* What a filter rejects moves one counter; a transaction with a rejected half is none. */
static void metrics_v1_filtered(void **state)
{
	struct bench *b = bench("only_qname=a.b;xact_ttl_ms=100", false, NULL);
	void *own = calloc(1, pv_dns_v1.state_size);
	struct pv_handler_ctx ctx = {.state = own};
	const struct pv_bucket_conf conf = {.groups = UINT32_MAX, .topn = 10, .seed = 1};
	struct pv_bucket *bucket = pv_bucket_new(&pv_dns_v1, &conf);
	(void)state;
	udp(b, &flow0, false, msg(1, false, 0, "\1a\1b", 1, 0));
	udp(b, &flow0, true, msg(1, true, 0, "\1c\1d", 1, 0));
	udp(b, &flow0, false, msg(2, false, 0, "\1c\1d", 1, 0));
	udp(b, &flow0, true, msg(2, true, 0, "\1a\1b", 1, 0));
	udp(b, &flow0, false, msg(3, false, 0, "\1c\1d", 1, 0));
	b->now_ns += 1000 * MS;
	stop(b);
	assert_int_equal(count(b, PV_EV_DNS_TIMEOUT), 1);
	update_all(b, bucket, &ctx, true);
	is(bucket, "wire_packets.filtered", "3");
	is(bucket, "wire_packets.total", "2");
	is(bucket, "xact.counts.total", "0");
	is(bucket, "xact.counts.timed_out", "0");
	is(bucket, "top_qtype", "A=2");
	pv_bucket_free(bucket);
	free(own);
	bench_free(b);
}

/* A response that came too late counts as its query's time-out; so does each query that none came for. */
static void metrics_v1_late(void **state)
{
	struct bench *b = bench("xact_ttl_ms=250", false, NULL);
	void *own = calloc(1, pv_dns_v1.state_size);
	struct pv_handler_ctx ctx = {.state = own};
	const struct pv_bucket_conf conf = {.groups = UINT32_MAX, .topn = 10, .seed = 1};
	struct pv_bucket *bucket = pv_bucket_new(&pv_dns_v1, &conf);
	(void)state;
	for (uint16_t i = 0; i < 40; i++)
		udp(b, &flow0, false, msg(i, false, 0, WWW, 1, 0));
	b->now_ns += 300 * MS;
	udp(b, &flow0, true, msg(39, true, 0, WWW, 1, 0)); /* found while others are collected */
	stop(b);
	assert_int_equal(dns(b, 40)->xact, PV_XACT_LATE);
	update_all(b, bucket, &ctx, true);
	is(bucket, "xact.counts.timed_out", "40");
	is(bucket, "xact.counts.total", "0");
	is(bucket, "wire_packets.replies", "1");
	pv_bucket_free(bucket);
	free(own);
	bench_free(b);
}

/* A client subnet of the query (192.0.2.0/24 or 198.51.100.0/24), behind a message. */
static struct msg with_subnet(struct msg m, uint8_t a, uint8_t b, uint8_t c)
{
	const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, a, b, c};
	memcpy(m.bytes + m.n, opt, sizeof opt);
	m.n += sizeof opt;
	m.bytes[11] = 1;
	return m;
}

static const char *defined(const struct bench *b, enum pv_define_kind kind, uint32_t number)
{
	static char buf[64];
	const struct pv_define *d;
	for (unsigned i = 0; (d = got(b, PV_EV_DEFINE, i)); i++)
		if (d->kind == kind && d->number == number) {
			snprintf(buf, sizeof buf, "%.*s", (int)d->text.len, pv_ref_bytes(&d->ev, d->text));
			return buf;
		}
	return "-";
}

static const char *define(void *ctx, uint8_t stage, enum pv_define_kind kind, uint32_t number, size_t *n)
{
	const char *found = defined(ctx, kind, number);
	assert_int_equal(stage, 1);
	*n = strlen(found);
	return found;
}

static struct pv_geo *geo_of(const char *path)
{
	char err[256];
	struct pv_geo *geo = pv_geo_open(
	    &(struct pv_geo_conf){.city_path = path, .cache_entries = 16, .seed = 1}, err, sizeof err);
	if (!geo)
		fail_msg("%s", err);
	return geo;
}

static void subnets(void **state)
{
	struct mm m;
	char path[64];
	(void)state;
	memset(&m, 0, sizeof m);
	mm_map(&m, 1);
	mm_coded(&m, "continent", "code", "EU");
	mm_net4(&m, 0xc0000200, 24, 0);
	mm_temp(path);
	mm_write(&m, path, "Test-City");

	struct bench *b = bench("", false, &(struct pv_dns_conf){.seed = 1, .geo = geo_of(path)});
	udp(b, &flow0, false, with_subnet(msg(1, false, 0, WWW, 1, 0), 192, 0, 2));
	udp(b, &flow0, false, with_subnet(msg(2, false, 0, WWW, 1, 0), 198, 51, 100));
	udp(b, &flow0, true, with_subnet(msg(1, true, 0, WWW, 1, 0), 192, 0, 2));
	udp(b, &flow0, true, msg(2, true, 0, WWW, 1, 0));
	stop(b);
	const struct pv_dns *q = dns(b, 0), *r = dns(b, 2), *r2 = dns(b, 3);
	assert_int_equal(q->ecs.family, 4);
	assert_int_equal(q->ecs.source_prefix, 24);
	assert_memory_equal(q->ecs.addr + 10, "\xff\xff\xc0\0\2\0", 6);
	assert_string_equal(defined(b, PV_DEFINE_GEO, q->ecs.geo), "EU");
	assert_int_equal(q->ecs.asn, 0); /* no database of networks */
	assert_string_equal(defined(b, PV_DEFINE_GEO, dns(b, 1)->ecs.geo), "Unknown");
	assert_int_equal(r->ecs.family, 4);
	assert_int_equal(r->ecs.geo, 0);
	assert_int_equal(r->query_ecs.family, 4);
	assert_string_equal(defined(b, PV_DEFINE_GEO, r->query_ecs.geo), "EU");
	assert_int_equal(r2->bits & PV_DNS_ECS, 0);
	assert_int_equal(r2->ecs.family, 0);
	assert_memory_equal(r2->query_ecs.addr + 12, "\xc6\x33\x64\0", 4);
	assert_string_equal(defined(b, PV_DEFINE_GEO, r2->query_ecs.geo), "Unknown");
	assert_int_equal(count(b, PV_EV_DEFINE), 2); /* once each */

	void *own = calloc(1, pv_dns_v1.state_size);
	struct pv_handler_ctx ctx = {.state = own, .define = define, .defines = b};
	const struct pv_bucket_conf conf = {.groups = UINT32_MAX, .topn = 10, .seed = 1};
	struct pv_bucket *bucket = pv_bucket_new(&pv_dns_v1, &conf);
	update_all(b, bucket, &ctx, true);
	is(bucket, "wire_packets.query_ecs", "2");
	is(bucket, "top_query_ecs", "192.0.2.0=1 198.51.100.0=1");
	is(bucket, "top_geoLoc_ecs", "EU=1 Unknown=1");
	is(bucket, "top_asn_ecs", "");
	pv_bucket_free(bucket);
	free(own);
	bench_free(b);

	b = bench("geoloc_notfound=true", false, &(struct pv_dns_conf){.seed = 1, .geo = geo_of(path)});
	udp(b, &flow0, false, with_subnet(msg(1, false, 0, WWW, 1, 0), 192, 0, 2));
	udp(b, &flow0, false, with_subnet(msg(2, false, 0, WWW, 1, 0), 198, 51, 100));
	assert_int_equal(dns(b, 0)->ev.flags, PV_F_FILTERED);
	assert_int_equal(dns(b, 1)->ev.flags, 0);
	bench_free(b);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports),
		cmocka_unit_test(transaction),
		cmocka_unit_test(other_name),
		cmocka_unit_test(orphan_late_timeout),
		cmocka_unit_test(evicted),
		cmocka_unit_test(malformed),
		cmocka_unit_test(not_dns),
		cmocka_unit_test(filtered),
		cmocka_unit_test(overdue),
		cmocka_unit_test(overdue_evicted),
		cmocka_unit_test(suffixes),
		cmocka_unit_test(over_tcp),
		cmocka_unit_test(tcp_trouble),
		cmocka_unit_test(second_stream),
		cmocka_unit_test(time_steps_back),
		cmocka_unit_test(metrics_v1),
		cmocka_unit_test(metrics_v1_filtered),
		cmocka_unit_test(metrics_v1_late),
		cmocka_unit_test(subnets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
