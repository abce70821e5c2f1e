/* SPDX-License-Identifier: MPL-2.0 */
/* lib/dhcp: messages from bytes, transactions, metrics. Every prefix of every message is also decoded at the
 * end of a page with nothing behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "dhcp/analyser.h"
#include "dhcp/message.h"
#include "dhcp/view.h"
#include "dhcp/metrics.h"
#include "event/check.h"
#include "metric/bucket.h"
#include "stage/stop.h"

#define NS UINT64_C(1000000000)
#define T0 (UINT64_C(1700000000) * NS)

/* ---- messages ----------------------------------------------------------------------------------- */

struct msg {
	uint8_t b[1500];
	size_t n;
};

/* The fixed part: op, xid, hardware address, address given, then options. */
static void v4(struct msg *m, int op, uint32_t xid, const char *mac, const char *yiaddr, const char *options,
	       size_t n)
{
	memset(m, 0, sizeof *m);
	m->b[0] = (uint8_t)op;
	m->b[1] = 1;
	m->b[2] = 6;
	m->b[3] = 3; /* hops */
	for (int i = 0; i < 4; i++)
		m->b[4 + i] = (uint8_t)(xid >> (24 - 8 * i));
	memcpy(m->b + 16, yiaddr, 4);
	memcpy(m->b + 28, mac, 6);
	memcpy(m->b + 236, "\x63\x82\x53\x63", 4);
	memcpy(m->b + 240, options, n);
	m->n = 240 + n;
}

/* At the end of a page that is followed by one nobody may touch. */
struct guard {
	uint8_t *page;
	size_t size;
};

static int guard_up(void **state)
{
	struct guard *g = calloc(1, sizeof *g);
	g->size = (size_t)sysconf(_SC_PAGESIZE);
	g->page = mmap(NULL, 2 * g->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*state = g;
	return g->page == MAP_FAILED || mprotect(g->page + g->size, g->size, PROT_NONE);
}

static int guard_down(void **state)
{
	struct guard *g = *state;
	munmap(g->page, 2 * g->size);
	free(g);
	return 0;
}

static enum pv_dhcp_reason decode(const struct guard *g, int family, const uint8_t *b, size_t n, bool cut,
				  struct pv_dhcp_message *m)
{
	uint8_t *at = g->page + g->size - n;
	memcpy(at, b, n);
	return family == 4 ? pv_dhcp4_decode(at, n, cut, m) : pv_dhcp6_decode(at, n, cut, m);
}

#define BYTES(s) (s), sizeof(s) - 1

static void messages4(void **state)
{
	static const struct {
		const char *name, *options;
		size_t n;
		enum pv_dhcp_reason reason;
		int type;
		const char *host;
		bool server;
	} table[] = {
		{"no options", BYTES(""), PV_DHCP_OK, 0, "", false},
		{"end alone", BYTES("\xff"), PV_DHCP_OK, 0, "", false},
		{"discover", BYTES("\x35\1\1\xff"), PV_DHCP_OK, 1, "", false},
		{"no end option", BYTES("\x35\1\1"), PV_DHCP_OK, 1, "", false},
		{"padding between", BYTES("\0\0\x35\1\3\0\0\x0c\2pc\0\xff"), PV_DHCP_OK, 3, "pc", false},
		{"nothing behind end counts", BYTES("\x35\1\3\xff\x35\1\5"), PV_DHCP_OK, 3, "", false},
		{"the last type counts", BYTES("\x35\1\3\x35\1\5\xff"), PV_DHCP_OK, 5, "", false},
		{"server identifier", BYTES("\x35\1\2\x36\4\xc0\0\2\1\xff"), PV_DHCP_OK, 2, "", true},
		{"a name in two parts", BYTES("\x0c\3lap\x35\1\3\x0c\3top\xff"), PV_DHCP_OK, 3, "laptop",
		 false},
		{"a name with final NULs", BYTES("\x0c\4pc\0\0\x35\1\3\xff"), PV_DHCP_OK, 3, "pc", false},
		{"a name of NULs", BYTES("\x0c\2\0\0\x35\1\3\xff"), PV_DHCP_OK, 3, "", false},
		{"an empty name", BYTES("\x0c\0\x35\1\3\xff"), PV_DHCP_OK, 3, "", false},
		{"unknown type", BYTES("\x35\1\xc8\xff"), PV_DHCP_OK, 200, "", false},
		{"length missing", BYTES("\x35\1\3\x0c"), PV_DHCP_OPTION, 3, "", false},
		{"option over the end", BYTES("\x35\1\3\x0c\5pc"), PV_DHCP_OPTION, 3, "", false},
		{"type without value", BYTES("\x35\0\xff"), PV_DHCP_OPTION_LEN, 0, "", false},
		{"type of two bytes", BYTES("\x35\2\1\1\xff"), PV_DHCP_OPTION_LEN, 0, "", false},
		{"server identifier of 3 bytes", BYTES("\x35\1\2\x36\3\xc0\0\2\xff"), PV_DHCP_OPTION_LEN, 2,
		 "", false},
		{"overload of two bytes", BYTES("\x34\2\1\1\xff"), PV_DHCP_OPTION_LEN, 0, "", false},
		{"overload of nothing known", BYTES("\x34\1\0\x35\1\3\xff"), PV_DHCP_OK, 3, "", false},
	};
	const struct guard *g = *state;
	struct pv_dhcp_message d;
	struct msg m;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		print_message("%s\n", table[i].name);
		v4(&m, 1, 0x01020304, "\2\0\0\0\0\1", "\xc0\0\2\x64", table[i].options, table[i].n);
		assert_int_equal(decode(g, 4, m.b, m.n, false, &d), table[i].reason);
		assert_int_equal(d.family, 4);
		assert_int_equal(d.type, table[i].type);
		assert_int_equal(d.xid, 0x01020304);
		assert_int_equal(d.relay_hops, 3);
		assert_memory_equal(d.mac, "\2\0\0\0\0\1", 6);
		assert_memory_equal(d.yiaddr, "\xc0\0\2\x64", 4);
		assert_int_equal(d.name_len, strlen(table[i].host));
		assert_memory_equal(d.name, table[i].host, d.name_len);
		assert_int_equal(d.server_id, table[i].server);
		if (d.server_id)
			assert_memory_equal(d.server_addr, "\xc0\0\2\1", 4);
		for (size_t n = 0; n < m.n; n++) {
			enum pv_dhcp_reason r = decode(g, 4, m.b, n, false, &d);
			assert_true(n >= 240 || r == PV_DHCP_SHORT);
			r = decode(g, 4, m.b, n, true, &d);
			assert_true(n >= 240 || r == PV_DHCP_CUT);
			assert_true(r != PV_DHCP_OPTION && r != PV_DHCP_SHORT); /* the capture is to blame */
		}
	}
}

static void faults4(void **state)
{
	const struct guard *g = *state;
	struct pv_dhcp_message d;
	struct msg m;
	v4(&m, 2, 1, "\2\0\0\0\0\1", "\0\0\0\0", BYTES("\x35\1\5\xff"));
	m.b[236] = 0;
	assert_int_equal(decode(g, 4, m.b, m.n, false, &d), PV_DHCP_COOKIE);
	v4(&m, 3, 1, "\2\0\0\0\0\1", "\0\0\0\0", BYTES("\x35\1\5\xff"));
	assert_int_equal(decode(g, 4, m.b, m.n, false, &d), PV_DHCP_OP);
	v4(&m, 1, 1, "\2\0\0\0\0\1", "\0\0\0\0", BYTES("\x35\1\5\xff"));
	m.b[1] = 6; /* not Ethernet */
	assert_int_equal(decode(g, 4, m.b, m.n, false, &d), PV_DHCP_OK);
	assert_memory_equal(d.mac, "\0\0\0\0\0\0", 6);
	m.b[1] = 1;
	m.b[2] = 16; /* longer than any */
	assert_int_equal(decode(g, 4, m.b, m.n, false, &d), PV_DHCP_OK);
	assert_memory_equal(d.mac, "\0\0\0\0\0\0", 6);
}

static void overload4(void **state)
{
	static const struct {
		int value;
		const char *host;
		int type;
	} table[] = {{0, "one", 0},
		     {1, "onetwo", 3},
		     {2, "onethree", 0},
		     {3, "onetwothree", 3},
		     {7, "onetwothree", 3}};
	const struct guard *g = *state;
	struct pv_dhcp_message d;
	struct msg m;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		v4(&m, 1, 1, "\2\0\0\0\0\1", "\0\0\0\0", BYTES("\x0c\3one\x34\1?\xff"));
		m.b[240 + 7] = (uint8_t)table[i].value;
		memcpy(m.b + 108, "\x0c\3two\x35\1\3\xff", 9);   /* file */
		memcpy(m.b + 44, "\x0c\5three\x34\1\3\xff", 11); /* sname; overloading again means nothing */
		assert_int_equal(decode(g, 4, m.b, m.n, false, &d), PV_DHCP_OK);
		assert_int_equal(d.type, table[i].type);
		assert_int_equal(d.name_len, strlen(table[i].host));
		assert_memory_equal(d.name, table[i].host, d.name_len);
	}
	m.b[108 + 1] = 200; /* over the end of file, though not of the message */
	assert_int_equal(decode(g, 4, m.b, m.n, true, &d), PV_DHCP_OPTION);

	char many[6 * 60 + 1]; /* a name of more than a name can be */
	for (size_t i = 0; i < 60; i++)
		memcpy(many + 6 * i, "\x0c\4abcd", 6);
	v4(&m, 1, 1, "\2\0\0\0\0\1", "\0\0\0\0", many, 360);
	assert_int_equal(decode(g, 4, m.b, m.n, false, &d), PV_DHCP_OK);
	assert_int_equal(d.name_len, 240);
	v4(&m, 1, 1, "\2\0\0\0\0\1", "\0\0\0\0", "", 0);
	for (int i = 0; i < 5; i++) {
		m.b[m.n] = 12;
		m.b[m.n + 1] = 200;
		memset(m.b + m.n + 2, 'n', 200);
		m.n += 202;
	}
	assert_int_equal(decode(g, 4, m.b, m.n, false, &d), PV_DHCP_OK);
	assert_int_equal(d.name_len, PV_DHCP_NAME_MAX);
}

#define ADDRS "0123456789abcdeffedcba9876543210"
#define RELAY(type) type "\0" ADDRS

static void messages6(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t n;
		enum pv_dhcp_reason reason;
		int type, hops;
		uint32_t xid;
		bool server;
	} table[] = {
		{"nothing", BYTES(""), PV_DHCP_SHORT, 0, 0, 0, false},
		{"type alone", BYTES("\1"), PV_DHCP_SHORT, 1, 0, 0, false},
		{"short transaction", BYTES("\1\1\2"), PV_DHCP_SHORT, 1, 0, 0x010000, false},
		{"solicit", BYTES("\1\1\2\3"), PV_DHCP_OK, 1, 0, 0x010203, false},
		{"reply with server", BYTES("\7\1\2\3\0\1\0\2xx\0\2\0\1y"), PV_DHCP_OK, 7, 0, 0x010203, true},
		{"half an option header", BYTES("\7\1\2\3\0\2\0"), PV_DHCP_OPTION, 7, 0, 0x010203, false},
		{"option over the end", BYTES("\7\1\2\3\0\2\0\5abcd"), PV_DHCP_OPTION, 7, 0, 0x010203, false},
		{"relayed solicit", BYTES(RELAY("\x0c") "\0\x12\0\2if\0\x09\0\4\1\1\2\3"), PV_DHCP_OK, 1, 1,
		 0x010203, false},
		{"relayed twice",
		 BYTES(RELAY("\x0d") "\0\x09\0\x2e" RELAY("\x0d") "\0\x09\0\x08\7\1\2\3\0\2\0\0"), PV_DHCP_OK,
		 7, 2, 0x010203, true},
		{"relay header cut", BYTES("\x0c\0\x30\x31\x32"), PV_DHCP_SHORT, 12, 1, 0, false},
		{"relay of nothing", BYTES(RELAY("\x0c")), PV_DHCP_RELAY, 12, 1, 0, false},
		{"relay without a message", BYTES(RELAY("\x0c") "\0\x12\0\2if"), PV_DHCP_RELAY, 12, 1, 0,
		 false},
		{"relayed message over the end", BYTES(RELAY("\x0c") "\0\x09\0\5\1\1\2\3"), PV_DHCP_OPTION,
		 12, 1, 0, false},
		{"relayed empty message", BYTES(RELAY("\x0c") "\0\x09\0\0"), PV_DHCP_SHORT, 0, 1, 0, false},
		{"options of the relay are not the message's",
		 BYTES(RELAY("\x0d") "\0\2\0\0\0\x09\0\4\7\1\2\3"), PV_DHCP_OK, 7, 1, 0x010203, false},
	};
	const struct guard *g = *state;
	struct pv_dhcp_message d;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const uint8_t *b = (const uint8_t *)table[i].bytes;
		print_message("%s\n", table[i].name);
		assert_int_equal(decode(g, 6, b, table[i].n, false, &d), table[i].reason);
		assert_int_equal(d.family, 6);
		assert_int_equal(d.type, table[i].type);
		assert_int_equal(d.relay_hops, table[i].hops);
		assert_int_equal(d.xid, table[i].xid);
		assert_int_equal(d.server_id, table[i].server);
		for (size_t n = 0; n < table[i].n; n++) {
			decode(g, 6, b, n, false, &d);
			enum pv_dhcp_reason r = decode(g, 6, b, n, true, &d);
			assert_true(r == PV_DHCP_OK || r == PV_DHCP_CUT);
		}
	}
	/* relays in relays: as many as may be, then one more */
	uint8_t deep[(PV_DHCP_RELAYS + 1) * 38 + 4];
	size_t n = sizeof deep;
	memcpy(deep + n - 4, "\1\1\2\3", 4);
	for (size_t i = 0; i <= PV_DHCP_RELAYS; i++) {
		uint8_t *at = deep + i * 38;
		size_t inner = n - (i + 1) * 38;
		memset(at, 0, 38);
		at[0] = 12;
		at[35] = 9;
		at[36] = (uint8_t)(inner >> 8);
		at[37] = (uint8_t)inner;
	}
	assert_int_equal(decode(g, 6, deep, n, false, &d), PV_DHCP_NESTING);
	assert_int_equal(decode(g, 6, deep + 38, n - 38, false, &d), PV_DHCP_OK);
	assert_int_equal(d.relay_hops, PV_DHCP_RELAYS);
	size_t most = 9 * 38 + 4; /* RFC 8415 19.1.2: a hop count of 7 is still relayed, with 8 */
	assert_int_equal(decode(g, 6, deep + n - most, most, false, &d), PV_DHCP_OK);
	assert_int_equal(d.relay_hops, 9);
	assert_int_equal(d.type, 1);
}

static void families(void **state)
{
	(void)state;
	static const struct {
		uint16_t sport, dport;
		int family;
	} ports[] = {{68, 67, 4},  {67, 1, 4},  {1, 68, 4},    {546, 547, 6}, {1, 546, 6},
		     {547, 67, 4}, {69, 66, 0}, {545, 548, 0}, {0, 0, 0}};
	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
		assert_int_equal(pv_dhcp_family(ports[i].sport, ports[i].dport), ports[i].family);
}

/* ---- the analyser ------------------------------------------------------------------------------- */

struct stream {
	struct pv_stage *stage;
	uint8_t *events; /* copies of the dhcp events, one behind the other */
	size_t len, cap, n;
	const struct pv_dhcp *last;
	uint64_t ledger[512];
	uint64_t number;
};

static enum pv_res collect(void *ctx, const struct iovec *iov, int n)
{
	struct stream *s = ctx;
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		for (; p < end; p += ((const struct pv_event *)(const void *)p)->size) {
			const struct pv_event *ev = (const void *)p;
			assert_null(pv_event_check(ev));
			if (ev->type == PV_EV_STOP) {
				size_t rows;
				const struct pv_ledger_row *row = pv_stop_rows((const void *)ev, &rows);
				for (size_t r = 0; r < rows; r++)
					if (row[r].stage == 1)
						s->ledger[row[r].what] = row[r].value;
			}
			if (ev->type != PV_EV_DHCP)
				continue;
			if (s->cap - s->len < ev->size) { /* doubled: a sanitizer's realloc() copies each time */
				s->cap = 2 * (s->cap + ev->size);
				s->events = realloc(s->events, s->cap);
				assert_non_null(s->events);
			}
			memcpy(s->events + s->len, ev, ev->size);
			s->last = (const void *)(s->events + s->len);
			s->len += ev->size;
			s->n++;
		}
	}
	return PV_OK;
}

static void feed(struct stream *s, const void *ev)
{
	assert_null(pv_event_check(ev));
	s->stage->ops->batch(s->stage, ev, ((const struct pv_event *)ev)->size);
	pv_out_flush(&s->stage->out);
}

static void open_stream(struct stream *s)
{
	struct pv_start start = {
		.ev = {sizeof start, PV_EV_START, 0, T0}, .magic = PV_EVENT_MAGIC, .major = PV_EVENT_MAJOR};
	feed(s, &start);
}

static void begin(struct stream *s, const struct pv_dhcp_conf *conf)
{
	struct pv_filter_conf f = {0};
	memset(s, 0, sizeof *s);
	s->stage = pv_filter_new(&pv_dhcp_ops, pv_dhcp_new(conf), &f,
				 (struct pv_sink){.write = collect, .ctx = s});
	assert_non_null(s->stage);
	open_stream(s);
}

static void finish(struct stream *s)
{
	struct pv_stop stop = {.ev = {sizeof stop, PV_EV_STOP, 0, T0}};
	memset(s->ledger, 0, sizeof s->ledger);
	feed(s, &stop);
	assert_int_equal(s->ledger[PV_LEDGER_RECEIVED],
			 s->ledger[PV_LEDGER_ANALYSED] + s->ledger[PV_LEDGER_MALFORMED]);
}

static void done(struct stream *s)
{
	pv_stage_free(s->stage);
	free(s->events);
}

static void udp(struct stream *s, uint64_t at_ns, uint16_t sport, uint16_t dport, const void *bytes, size_t n,
		size_t wire)
{
	struct {
		struct pv_packet p;
		uint8_t payload[1504];
	} e;
	memset(&e, 0, sizeof e);
	e.p.ev = (struct pv_event){pv_round8(sizeof e.p + n), PV_EV_PACKET, 0, at_ns};
	e.p.number = ++s->number;
	memcpy(e.p.src, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	e.p.sport = sport;
	e.p.dport = dport;
	e.p.l3 = 4;
	e.p.l4 = PV_L4_UDP;
	e.p.proto = 17;
	e.p.stamp = 42;
	e.p.bits = PV_PKT_ETH;
	e.p.vlan = PV_NO_VLAN;
	memcpy(e.p.eth_src, "\2\0\0\0\0\5", 6);
	e.p.payload_off = n ? sizeof e.p : 0;
	e.p.payload_len = (uint32_t)n;
	e.p.payload_wire_len = (uint32_t)wire;
	memcpy(e.payload, bytes, n);
	feed(s, &e);
}

/* A request of a client named by one byte, with a host name; and its ACK. */
static void request(struct stream *s, uint64_t at_ns, uint32_t xid, uint8_t client, const char *name)
{
	char options[300] = "\x35\1\3\x0c", mac[6] = "\2\0\0\0\1";
	struct msg m;
	mac[5] = (char)client;
	options[4] = (char)strlen(name);
	memcpy(options + 5, name, strlen(name));
	v4(&m, 1, xid, mac, "\0\0\0\0", options, name[0] ? 5 + strlen(name) : 3);
	udp(s, at_ns, 68, 67, m.b, m.n, m.n);
}

static void ack(struct stream *s, uint64_t at_ns, uint32_t xid, uint8_t client)
{
	char mac[6] = "\2\0\0\0\1";
	struct msg m;
	mac[5] = (char)client;
	v4(&m, 2, xid, mac, "\xc0\0\2\x64", BYTES("\x35\1\5\xff"));
	udp(s, at_ns, 67, 68, m.b, m.n, m.n);
}

static void assert_name(const struct pv_dhcp *d, const char *want)
{
	assert_int_equal(d->client_name.len, strlen(want));
	assert_memory_equal(pv_ref_bytes(&d->ev, d->client_name), want, strlen(want));
}

static void transactions(void **state)
{
	struct stream s;
	(void)state;
	begin(&s, &(struct pv_dhcp_conf){.seed = 1});

	request(&s, T0, 7, 1, "one");
	assert_int_equal(s.last->bits & PV_DHCP_MATCHED, 0);
	assert_int_equal(s.last->message, PV_DHCP4_REQUEST);
	assert_int_equal(s.last->stage, 1);
	assert_int_equal(s.last->stamp, 42);
	assert_int_equal(s.last->packet, 1);
	assert_name(s.last, "one");
	request(&s, T0 + 1, 7, 2, "two"); /* the same xid, another client */
	ack(&s, T0 + NS, 7, 1);
	assert_true(s.last->bits & PV_DHCP_MATCHED);
	assert_name(s.last, "one");
	assert_true(s.last->request_time_ns == T0);
	assert_memory_equal(s.last->client_mac, "\2\0\0\0\1\1", 6);
	assert_memory_equal(s.last->yiaddr, "\xc0\0\2\x64", 4);
	ack(&s, T0 + NS, 7, 1); /* ended already */
	assert_false(s.last->bits & PV_DHCP_MATCHED);
	ack(&s, T0 + NS, 7, 2);
	assert_name(s.last, "two");
	ack(&s, T0 + NS, 8, 3); /* of no request */
	assert_false(s.last->bits & PV_DHCP_MATCHED);

	static const struct {
		uint64_t after_ns;
		bool matched;
	} ttl[] = {{0, true}, {5 * NS - 1, true}, {5 * NS, false}, {6 * NS, false}};
	for (size_t i = 0; i < 4; i++) {
		request(&s, T0 + 10 * NS, 9, 1, "x");
		ack(&s, T0 + 10 * NS + ttl[i].after_ns, 9, 1);
		assert_int_equal(!!(s.last->bits & PV_DHCP_MATCHED), ttl[i].matched);
	}
	request(&s, T0 + 20 * NS, 9, 1, "x"); /* said again, from then on */
	request(&s, T0 + 24 * NS, 9, 1, "y");
	ack(&s, T0 + 28 * NS, 9, 1);
	assert_name(s.last, "y");
	request(&s, T0 + 30 * NS, 9, 1, "x"); /* a small step back is no expiry */
	ack(&s, T0 + 29 * NS, 9, 1);
	assert_true(s.last->bits & PV_DHCP_MATCHED);
	request(&s, T0 + 3000 * NS, 9, 1, "x"); /* a large one is */
	ack(&s, T0, 9, 1);
	assert_false(s.last->bits & PV_DHCP_MATCHED);

	request(&s, T0 + 40 * NS, 10, 1, "a\xff\xc3\xa9\1");
	ack(&s, T0 + 40 * NS, 10, 1);
	assert_name(s.last, "a\\255\xc3\xa9\\001");
	request(&s, T0 + 50 * NS, 11, 1, "open");

	struct pv_event tick = {sizeof tick, PV_EV_TICK, 0, T0 + 51 * NS};
	feed(&s, &tick);
	finish(&s);
	assert_int_equal(s.ledger[PV_LEDGER_XACT_OPEN], 1);
	assert_int_equal(s.ledger[PV_LEDGER_XACT_EVICTED], 0);
	assert_int_equal(s.ledger[PV_LEDGER_RECEIVED], s.n);
	assert_int_equal(s.ledger[PV_LEDGER_MALFORMED], 0);

	open_stream(&s); /* knows nothing of the stream before */
	ack(&s, T0 + 51 * NS, 11, 1);
	assert_false(s.last->bits & PV_DHCP_MATCHED);
	request(&s, T0 + 52 * NS, 11, 1, "open");
	tick.time_ns = T0 + 57 * NS;
	feed(&s, &tick);
	finish(&s);
	assert_int_equal(s.ledger[PV_LEDGER_RECEIVED], 2);
	assert_int_equal(s.ledger[PV_LEDGER_ANALYSED], 2);
	assert_int_equal(s.ledger[PV_LEDGER_XACT_OPEN], 0); /* the TICK ended it */
	done(&s);
}

/* So many that hash chains hold several: xids and clients in all combinations. */
static void many_clients(void **state)
{
	struct stream s;
	char name[32];
	(void)state;
	begin(&s, &(struct pv_dhcp_conf){.seed = 4});
	for (unsigned i = 0; i < 20 * 256; i++) {
		snprintf(name, sizeof name, "x%u-c%u", i / 256, i % 256);
		request(&s, T0, i / 256, (uint8_t)i, name);
	}
	for (unsigned i = 0; i < 20 * 256; i++) {
		snprintf(name, sizeof name, "x%u-c%u", i / 256, i % 256);
		ack(&s, T0 + 1, i / 256, (uint8_t)i);
		assert_true(s.last->bits & PV_DHCP_MATCHED);
		assert_name(s.last, name);
	}
	finish(&s);
	assert_int_equal(s.ledger[PV_LEDGER_XACT_OPEN], 0);
	done(&s);
}

static void full_table(void **state)
{
	struct stream s;
	(void)state;
	begin(&s, &(struct pv_dhcp_conf){.seed = 2, .ttl.ns = 3600 * NS});
	for (uint32_t i = 0; i < 3 * PV_DHCP_XACTS; i++)
		request(&s, T0 + i, i, 1, "n");
	ack(&s, T0 + NS, 2 * PV_DHCP_XACTS - 1, 1); /* given up for room */
	assert_false(s.last->bits & PV_DHCP_MATCHED);
	for (uint32_t i = 2 * PV_DHCP_XACTS; i < 3 * PV_DHCP_XACTS; i += 7) {
		ack(&s, T0 + NS, i, 1);
		assert_true(s.last->bits & PV_DHCP_MATCHED);
		assert_true(s.last->request_time_ns == T0 + i);
	}
	finish(&s);
	assert_int_equal(s.ledger[PV_LEDGER_XACT_EVICTED], 2 * PV_DHCP_XACTS);
	assert_int_equal(s.ledger[PV_LEDGER_XACT_OPEN], PV_DHCP_XACTS - (PV_DHCP_XACTS + 6) / 7);
	done(&s);
}

/* What a policy that waits less long makes of a match: from its time on there is none. */
static void view(void **state)
{
	static const struct {
		int64_t age_ns;
		bool matched, stays;
	} cases[] = {{0, true, true}, {2 * NS - 1, true, true}, {2 * NS, true, false}, {3 * NS, true, false},
		     {-(int64_t)NS, true, true}, {-2 * (int64_t)NS, true, false}, {5 * NS, false, true}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stream s = {.stage = pv_dhcp_view_new(2 * NS, (struct pv_sink){.write = collect, .ctx = &s})};
		struct {
			struct pv_dhcp d;
			char name[8];
		} e = {.d = {.ev = {sizeof e, PV_EV_DHCP, 0, T0}, .packet = 1, .family = 4,
			     .message = PV_DHCP4_ACK, .stage = 1,
			     .bits = PV_DHCP_ETH | (cases[i].matched ? PV_DHCP_MATCHED : 0), .xid = 7},
		       .name = "host"};
		size_t at = sizeof e.d;
		assert_non_null(s.stage);
		e.d.client_name = pv_ev_put(&e, &at, "host", 4);
		e.d.request_time_ns = cases[i].matched ? T0 - (uint64_t)cases[i].age_ns : 0;
		feed(&s, &e);
		assert_int_equal(s.n, 1);
		if (cases[i].stays) {
			assert_memory_equal(s.last, &e, sizeof e);
		} else {
			assert_int_equal(s.last->bits, PV_DHCP_ETH);
			assert_int_equal(s.last->request_time_ns, 0);
			assert_int_equal(s.last->client_name.len, 0);
			assert_int_equal(s.last->xid, 7);
		}
		done(&s);
	}
}

static void which_packets(void **state)
{
	struct stream s;
	struct msg m;
	(void)state;
	begin(&s, &(struct pv_dhcp_conf){.seed = 3});
	v4(&m, 1, 1, "\2\0\0\0\0\1", "\0\0\0\0", BYTES("\x35\1\1\xff"));
	udp(&s, T0, 1000, 2000, m.b, m.n, m.n);
	assert_int_equal(s.n, 0);
	m.b[3] = 2;
	udp(&s, T0, 1000, 67, m.b, m.n, m.n);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.last->relay_hops, 2);
	assert_int_equal(s.last->family, 4);
	assert_int_equal(s.last->bits, PV_DHCP_ETH);
	assert_int_equal(s.last->message, PV_DHCP4_DISCOVER);
	udp(&s, T0, 546, 547, BYTES("\1\1\2\3"), 4);
	assert_int_equal(s.last->family, 6);
	assert_int_equal(s.last->reason, PV_DHCP_OK);
	assert_int_equal(s.last->message, PV_DHCP6_SOLICIT);
	assert_int_equal(s.last->xid, 0x010203);
	udp(&s, T0, 68, 67, m.b, 100, 100);
	assert_int_equal(s.last->reason, PV_DHCP_SHORT);
	udp(&s, T0, 68, 67, m.b, 100, m.n);
	assert_int_equal(s.last->reason, PV_DHCP_CUT);
	udp(&s, T0, 68, 67, m.b, 0, 0);
	assert_int_equal(s.last->reason, PV_DHCP_SHORT);
	assert_int_equal(s.n, 5);
	/* on another link the event ends where the hardware addresses would be */
	struct pv_packet bare = {
		.ev = {PV_PACKET_FIXED_BASE, PV_EV_PACKET, 0, T0}, .l4 = PV_L4_UDP, .dport = 67};
	bare.payload_wire_len = 300;
	void *exact = malloc(PV_PACKET_FIXED_BASE);
	assert_non_null(exact);
	memcpy(exact, &bare, PV_PACKET_FIXED_BASE);
	feed(&s, exact);
	free(exact);
	assert_int_equal(s.n, 6);
	assert_int_equal(s.last->bits, 0);
	assert_int_equal(s.last->reason, PV_DHCP_CUT);
	finish(&s);
	assert_int_equal(s.ledger[PV_LEDGER_RECEIVED], 6);
	assert_int_equal(s.ledger[PV_LEDGER_MALFORMED], 4);
	assert_int_equal(s.ledger[PV_LEDGER_REASON + PV_DHCP_SHORT], 2);
	assert_int_equal(s.ledger[PV_LEDGER_REASON + PV_DHCP_CUT], 2);
	done(&s);
}

static void settings(void **state)
{
	static const struct {
		const char *first, *second; /* key=number */
		uint64_t a, b, ns;          /* ns 0: refused */
	} table[] = {
		{"xact_ttl_secs", NULL, 3, 0, 3 * NS},
		{"xact_ttl_ms", NULL, 3, 0, 3000000},
		{"xact_ttl_ms", "xact_ttl_secs", 10, 9, 10000000},
		{"xact_ttl_secs", "xact_ttl_ms", 9, 10, 10000000},
		{"xact_ttl_secs", NULL, 0, 0, 0},
		{"xact_ttl_secs", NULL, 86400, 0, 86400 * NS},
		{"xact_ttl_secs", NULL, 86401, 0, 0},
		{"xact_ttl_ms", NULL, UINT64_MAX, 0, 0},
	};
	char err[256];
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct pv_dhcp_conf conf = {0};
		int bad = 0;
		for (int k = 0; k < 2; k++) {
			const char *name = k ? table[i].second : table[i].first;
			for (size_t j = 0; name && j < pv_dhcp_nkeys; j++) {
				struct pv_value v = {.type = PV_KEY_UINT,
						     .number = k ? table[i].b : table[i].a};
				if (!strcmp(pv_dhcp_keys[j].name, name))
					bad |= pv_dhcp_set(&conf, &pv_dhcp_keys[j], &v, err, sizeof err);
			}
		}
		assert_int_equal(bad, table[i].ns ? 0 : -1);
		assert_true(conf.ttl.ns == table[i].ns);
	}
	struct pv_dhcp_conf conf = {0};
	struct pv_value text = {.type = PV_KEY_STRING, .string = "5s"};
	assert_int_equal(pv_dhcp_set(&conf, &pv_dhcp_keys[1], &text, err, sizeof err), -1);
	assert_string_equal(err, "wrong type for key: xact_ttl_secs");
	assert_int_equal(pv_dhcp_set(&conf, &pv_dhcp_keys[0], &text, err, sizeof err),
			 0); /* any value will do */
}

/* ---- the metrics -------------------------------------------------------------------------------- */

static unsigned metric(const char *path)
{
	for (unsigned i = 0; i < pv_dhcp_v1.nmetrics; i++)
		if (!strcmp(pv_dhcp_v1.metrics[i].path, path))
			return i;
	fail_msg("no metric %s", path);
	return 0;
}

static uint64_t counter(struct pv_bucket *b, const char *path)
{
	return pv_bucket_root(b)->cells[metric(path)].count;
}

static void assert_top(struct pv_bucket *b, const char *path, const char *want)
{
	struct pv_topn_row rows[10];
	char text[512] = "", item[300];
	const struct pv_metric *m = &pv_dhcp_v1.metrics[metric(path)];
	const union pv_cell *cell = &pv_bucket_root(b)->cells[metric(path)];
	size_t n = cell->topn ? pv_bucket_rows(b, cell, rows) : 0;
	for (size_t i = 0; i < n; i++) {
		m->item(&rows[i], item, sizeof item);
		size_t at = strlen(text);
		snprintf(text + at, sizeof text - at, "%s %llu;", item, (unsigned long long)rows[i].estimate);
	}
	assert_string_equal(text, want);
}

static void counters(void **state)
{
	static const char *const once[] = {
		"wire_packets.decline",    "wire_packets.nak",         "wire_packets.release",
		"wire_packets.inform",     "wire_packets.confirm",     "wire_packets.renew",
		"wire_packets.rebind",     "wire_packets.release_v6",  "wire_packets.decline_v6",
		"wire_packets.reconfigure", "wire_packets.information_request",
	};
	struct stream s;
	struct msg m;
	(void)state;
	begin(&s, &(struct pv_dhcp_conf){.seed = 3});
	for (int type = 1; type <= 8; type++) {
		char options[] = "\x35\1?\x36\4\xc0\0\2\1\xff";
		options[2] = (char)type;
		v4(&m, type & 1 ? 1 : 2, 5, "\2\0\0\0\1\1", "\xc0\0\2\x64", BYTES(options));
		udp(&s, T0, 68, 67, m.b, m.n, m.n); /* DISCOVER, OFFER, REQUEST, DECLINE, ACK, ... */
	}
	request(&s, T0, 6, 2, "pc");
	ack(&s, T0, 6, 2);
	ack(&s, T0, 6, 2); /* of nothing: names nobody */
	request(&s, T0, 7, 2, "pc");
	v4(&m, 2, 7, "\2\0\0\0\1\2", "\0\0\0\0", BYTES("\x35\1\5\xff"));
	udp(&s, T0, 67, 68, m.b, m.n, m.n); /* gives no address */
	for (char type = 1; type <= 11; type++) {
		char bytes[] = "?\1\2\3\0\2\0\0";
		bytes[0] = type;
		udp(&s, T0, 546, 547, BYTES(bytes), 8);
	}
	udp(&s, T0, 546, 547, BYTES("\7\1\2\3"), 4); /* a reply that names no server */
	udp(&s, T0, 546, 547, BYTES("\xc8\1\2\3"), 4); /* of a type that nobody knows */
	udp(&s, T0, 68, 67, BYTES("junk"), 4);

	struct pv_bucket_conf conf = {.topn = 10, .seed = 1};
	for (int deep = 0; deep < 2; deep++) {
		struct pv_bucket *b = pv_bucket_new(&pv_dhcp_v1, &conf);
		struct pv_handler_ctx ctx = {0};
		assert_non_null(b);
		b->now_sec = 77;
		for (size_t at = 0; at < s.len;
		     at += ((const struct pv_event *)(const void *)(s.events + at))->size)
			pv_dhcp_v1.update(b, (const void *)(s.events + at), deep, &ctx);
		assert_int_equal(counter(b, "wire_packets.discover"), 1);
		assert_int_equal(counter(b, "wire_packets.offer"), 1);
		assert_int_equal(counter(b, "wire_packets.request"), 3);
		assert_int_equal(counter(b, "wire_packets.ack"), 4);
		assert_int_equal(counter(b, "wire_packets.solicit"), 1);
		assert_int_equal(counter(b, "wire_packets.advertise"), 1);
		assert_int_equal(counter(b, "wire_packets.request_v6"), 1);
		assert_int_equal(counter(b, "wire_packets.reply"), 2);
		for (size_t i = 0; i < sizeof once / sizeof once[0]; i++)
			assert_int_equal(counter(b, once[i]), 1);
		assert_int_equal(counter(b, "wire_packets.total"), 14); /* DHCPv4 alone, the broken one too */
		assert_int_equal(counter(b, "wire_packets.filtered"), 0);
		assert_int_equal(pv_rate_at(pv_bucket_root(b)->cells[metric("rates.total")].rate, 77), 14);
		assert_top(
			b, "top_clients",
			deep ? "02:00:00:00:01:01/Unknown/192.0.2.100 1;02:00:00:00:01:02/pc/192.0.2.100 1;"
			     : "");
		assert_top(b, "top_servers",
			   deep ? "02:00:00:00:00:05/fe80::1 2;02:00:00:00:00:05/192.0.2.1 1;" : "");
		pv_bucket_free(b);
	}
	done(&s);
}

static void handler_table(void **state)
{
	(void)state;
	assert_int_equal(pv_dhcp_v1.nmetrics, 27);
	assert_string_equal(pv_dhcp_v1.metrics[pv_dhcp_v1.events].path, "wire_packets.events");
	assert_string_equal(pv_dhcp_v1.metrics[pv_dhcp_v1.samples].path, "wire_packets.deep_samples");
	assert_string_equal(pv_dhcp_v1.metrics[pv_dhcp_v1.events_rate].path, "rates.events");
	for (size_t i = 0; i < pv_dhcp_v1.nmetrics; i++) {
		assert_int_equal(pv_dhcp_v1.metrics[i].id, i + 1);
		assert_true(pv_dhcp_v1.metrics[i].help[0]);
	}
}

int main(void)
{
#define GUARDED(f) cmocka_unit_test_setup_teardown(f, guard_up, guard_down)
	const struct CMUnitTest tests[] = {
		GUARDED(messages4),
		GUARDED(faults4),
		GUARDED(overload4),
		GUARDED(messages6),
		cmocka_unit_test(families),
		cmocka_unit_test(transactions),
		cmocka_unit_test(full_table),
		cmocka_unit_test(many_clients),
		cmocka_unit_test(view), cmocka_unit_test(which_packets),
		cmocka_unit_test(settings),
		cmocka_unit_test(counters),
		cmocka_unit_test(handler_table),
	};
	return cmocka_run_group_tests_name("dhcp", tests, NULL, NULL);
}
