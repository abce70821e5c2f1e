/* SPDX-License-Identifier: MPL-2.0 */
/* lib/flow: datagrams of every format and what becomes of them. Every prefix of every one is also decoded at the end of a
 * page with nothing behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "flow_util.h"
#include "guard.h"

#define ADDR4 "\0\0\0\0\0\0\0\0\0\0\xff\xff"
#define N(a) (sizeof(a) / sizeof(a)[0])

/* A record as text: every field that a decoder fills. */
static const char *text(const struct pv_flow *f)
{
	static char out[256];
	size_t at = 0;
	at += (size_t)snprintf(out + at, sizeof out - at, "%u:", f->l3);
	for (int end = 0; end < 2; end++) {
		const uint8_t *a = end ? f->dst : f->src;
		if (f->l3 == 4)
			at += (size_t)snprintf(out + at, sizeof out - at, " %u.%u.%u.%u", a[12], a[13], a[14], a[15]);
		else
			at += (size_t)snprintf(out + at, sizeof out - at, " %02x%02x..%02x", a[0], a[1], a[15]);
		at += (size_t)snprintf(out + at, sizeof out - at, "#%u", end ? f->dport : f->sport);
	}
	snprintf(out + at, sizeof out - at, " proto %u tos %u flags %u if %d %d %llu/%llu x%u", f->proto, f->tos, f->tcp_flags,
		 f->bits & PV_FLOW_IN ? (int)f->in_if : -1, f->bits & PV_FLOW_OUT ? (int)f->out_if : -1,
		 (unsigned long long)f->bytes, (unsigned long long)f->packets, f->rate);
	return out;
}

/* Whatever is cut off, nobody reads behind the end, and nobody waits for ever. */
static void every_prefix(const struct bytes *m)
{
	struct guard g;
	struct got got;
	guard_init(&g, sizeof m->b);
	for (int cut = 0; cut < 2; cut++) {
		struct pv_collector *c = collector();
		feed(c, m, &got); /* templates are known */
		for (size_t n = 0; n < m->n; n++) {
			struct pv_flow_datagram d = datagram(guard_put(&g, m->b, n), n);
			d.cut = cut;
			got.n = 0;
			enum pv_flow_reason r = pv_collector_take(c, &d, got_record, &got);
			assert_true(r < PV_FDEC_REASONS);
			assert_true(cut ? r == PV_FDEC_OK || r == PV_FDEC_CUT : r != PV_FDEC_CUT); /* not the sender's fault */
			for (size_t i = 0; i < got.n && i < N(got.f); i++)
				assert_int_not_equal(got.f[i].rate, 0);
		}
		pv_collector_free(c);
	}
	guard_free(&g);
}

/* ---- NetFlow 1, 5 and 7 ---------------------------------------------------------------------------- */

static void put_fixed(struct bytes *m, unsigned version, unsigned count, uint32_t sequence, uint16_t sampling)
{
	m->n = 0;
	put16(m, version);
	put16(m, count);
	put32(m, 1000);
	put32(m, 1700000000);
	put32(m, 1);
	if (version != 1) {
		put32(m, sequence);
		put16(m, 0x0102);
		put16(m, sampling);
	}
	for (unsigned i = 0; i < count; i++) {
		size_t at = m->n;
		put_bytes(m, "\xc0\0\2\1\xc6\x33\x64\2\0\0\0\0", 12);
		put16(m, 3);
		put16(m, 0xfffe);
		put32(m, 10 + i);
		put32(m, 0xfffffff0);
		put64(m, 0); /* first, last */
		put16(m, 1234);
		put16(m, 443);
		if (version == 1) {
			put16(m, 0);
			put8(m, 6);
			put8(m, 0xb8);
			put8(m, 0x12);
		} else {
			put8(m, 0);
			put8(m, 0x12);
			put8(m, 6);
			put8(m, 0xb8);
		}
		put_zeros(m, at + (version == 7 ? 52 : 48) - m->n);
	}
}

static void fixed_layouts(void **state)
{
	static const struct {
		unsigned version, source, rate;
	} table[] = {{1, PV_FLOW_NETFLOW_V1, 1}, {5, PV_FLOW_NETFLOW_V5, 100}, {7, PV_FLOW_NETFLOW_V7, 1}};
	(void)state;
	for (size_t i = 0; i < N(table); i++) {
		struct bytes m;
		struct got g;
		char want[200];
		struct pv_collector *c = collector();
		put_fixed(&m, table[i].version, 2, 0, 0x4000 | 100);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		assert_int_equal(g.n, 2);
		snprintf(want, sizeof want,
			 "4: 192.0.2.1#1234 198.51.100.2#443 proto 6 tos 184 flags 18 if 3 65534 4294967280/11 x%u",
			 table[i].rate);
		assert_string_equal(text(&g.f[1]), want);
		assert_int_equal(g.f[0].source, table[i].source);
		assert_int_equal(g.f[0].packet, 3);
		assert_int_equal(g.f[0].stamp, 7);
		assert_memory_equal(g.f[0].device, ADDR4 "\xc0\0\2\7", 16);
		every_prefix(&m);
		m.n++; /* a byte too much, one record less, none, too many */
		assert_int_equal(feed(c, &m, &g), PV_FDEC_COUNT);
		m.n -= 2;
		assert_int_equal(feed(c, &m, &g), PV_FDEC_COUNT);
		put_fixed(&m, table[i].version, 0, 0, 0);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_COUNT);
		put_fixed(&m, table[i].version, 31, 0, 0);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_COUNT);
		pv_collector_free(c);
	}
}

static void only_protocols_with_ports_have_some(void **state)
{
	(void)state;
	static const uint8_t with[] = {6, 17, 33, 132, 136}, without[] = {0, 1, 47, 50, 58, 255};
	for (size_t i = 0; i < sizeof with; i++)
		assert_true(pv_flow_has_ports(with[i]));
	for (size_t i = 0; i < sizeof without; i++)
		assert_false(pv_flow_has_ports(without[i]));
	struct bytes m;
	struct got g;
	struct pv_collector *c = collector();
	put_fixed(&m, 5, 1, 0, 0);
	m.b[24 + 38] = 1; /* ICMP, whose type and code stand where a port does */
	feed(c, &m, &g);
	assert_int_equal(g.f[0].sport, 0);
	assert_int_equal(g.f[0].dport, 0);
	pv_collector_free(c);
}

static void sequences_of_flows(void **state)
{
	(void)state;
	struct bytes m;
	struct got g;
	struct pv_collector *c = collector();
	static const struct {
		uint32_t sequence;
		unsigned count, uptime_s;
		uint64_t lost;
	} table[] = {
		{100000, 10, 500, 0}, {100010, 5, 500, 0}, {100020, 5, 500, 5}, /* five are missing */
		{100015, 5, 500, 0},			/* no, they were late */
		{100015, 5, 500, 0}, {100025, 1, 500, 0}, {100015, 5, 500, 0}, {100026, 1, 500, 0}, /* and came twice */
		{0xfffffffe, 4, 500, 0},		/* the exporter was started anew */
		{2, 1, 500, 0}, {5, 1, 500, 2},		/* over the edge, and on */
		{0, 1, 400, 2}, {1, 1, 400, 2}, {9, 1, 400, 9}, /* started anew, soon after it was, which its clock says */
		{2, 7, 400, 2},				/* all of them late */
		{0, 1, 400, 2}, {1, 1, 400, 2}, {2, 1, 400, 2}, {4, 1, 400, 3}, /* again, which two that follow say */
		{0xd0000000, 1, 2000000, 3}, {0xd0000001, 1, 4000000, 3}, /* no network loses so much */
		{0xd0000003, 1, 4294967, 4}, {0xd0000004, 1, 0, 4}, {0xd0000006, 1, 1, 5}, /* the clock goes round */
	};
	for (size_t i = 0; i < N(table); i++) {
		put_fixed(&m, 5, table[i].count, table[i].sequence, 0);
		for (unsigned b = 0; b < 4; b++)
			m.b[4 + b] = (uint8_t)(table[i].uptime_s * 1000u >> (24 - 8 * b));
		feed(c, &m, &g);
		print_message("row %zu\n", i);
		assert_int_equal(counts(c).lost, table[i].lost);
	}
	pv_collector_free(c);
}

/* softflowd's IPFIX, too: its numbers count what comes with them. */
static void sequences_that_count_themselves(void **state)
{
	(void)state;
	struct bytes m;
	struct got g;
	struct pv_collector *c = collector();
	static const struct {
		uint32_t sequence;
		unsigned count;
		uint64_t lost;
	} table[] = {{24, 24, 0}, {54, 30, 0}, {64, 10, 0}, {90, 6, 20}, {100, 10, 20}, {105, 5, 20}, {110, 10, 20}, {120, 3, 20}};
	for (size_t i = 0; i < N(table); i++) { /* the last two are of one who counts as others do */
		put_fixed(&m, 5, table[i].count, table[i].sequence, 0);
		feed(c, &m, &g);
		print_message("row %zu\n", i);
		assert_int_equal(counts(c).lost, table[i].lost);
	}
	pv_collector_free(c);
}

/* Nobody takes the losses of others off. */
static void losses_are_ones_own(void **state)
{
	(void)state;
	struct bytes m;
	struct got g = {.n = 0};
	struct pv_collector *c = collector();
	static const struct {
		uint16_t port;
		uint32_t sequence;
	} table[] = {{1, 10}, {2, 10}, {1, 20}, {2, 9}, {2, 8}};
	for (size_t i = 0; i < N(table); i++) {
		put_fixed(&m, 5, 1, table[i].sequence, 0);
		struct pv_flow_datagram d = datagram(m.b, m.n);
		d.port = table[i].port;
		pv_collector_take(c, &d, got_record, &g);
	}
	assert_int_equal(counts(c).lost, 9);
	pv_collector_free(c);
}

/* ---- NetFlow 9 and IPFIX ---------------------------------------------------------------------------- */

static const uint16_t usual[][2] = {{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {5, 1}, {6, 1}, {10, 4}, {14, 2}, {1, 8}, {2, 4}};

static void put_usual(struct bytes *m, uint64_t octets)
{
	put_bytes(m, "\xc0\0\2\1\xc6\x33\x64\2", 8);
	put16(m, 53);
	put16(m, 40000);
	put8(m, 17);
	put8(m, 0x2e);
	put8(m, 0);
	put32(m, 70000);
	put16(m, 9);
	put64(m, octets);
	put32(m, 3);
}
#define USUAL "4: 192.0.2.1#53 198.51.100.2#40000 proto 17 tos 46 flags 0 if 70000 9 "

static void begin_message(struct bytes *m, bool v9, uint32_t sequence)
{
	if (v9)
		put_v9(m, sequence, 77);
	else
		put_ipfix(m, sequence, 77);
}

static void end_message(struct bytes *m, bool v9)
{
	if (!v9)
		close_ipfix(m);
}

static void templates_and_data(void **state)
{
	(void)state;
	for (int v9 = 0; v9 < 2; v9++) {
		struct bytes m;
		struct got g;
		struct pv_collector *c = collector();
		/* data before its template: skipped, counted, and no fault */
		begin_message(&m, v9, 0);
		size_t at = open_set(&m, 300);
		put_usual(&m, UINT64_C(1) << 40);
		close_set(&m, at);
		end_message(&m, v9);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		assert_int_equal(g.n, 0);
		assert_int_equal(counts(c).unknown_sets, 1);
		/* templates alone */
		begin_message(&m, v9, 1);
		put_template(&m, v9 ? 0 : 2, 300, usual, N(usual));
		end_message(&m, v9);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		/* template, two records and padding in one message; 64-bit counters, 32-bit interfaces */
		begin_message(&m, v9, v9 ? 2 : 1);
		put_template(&m, v9 ? 0 : 2, 300, usual, N(usual));
		at = open_set(&m, 300);
		put_usual(&m, UINT64_C(1) << 40);
		put_usual(&m, 1500);
		put_zeros(&m, 3);
		close_set(&m, at);
		end_message(&m, v9);
		every_prefix(&m);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		assert_int_equal(g.n, 2);
		assert_string_equal(text(&g.f[0]), USUAL "1099511627776/3 x1");
		assert_string_equal(text(&g.f[1]), USUAL "1500/3 x1");
		assert_int_equal(g.f[0].source, v9 ? PV_FLOW_NETFLOW_V9 : PV_FLOW_IPFIX);
		/* another source id has templates of its own */
		m.b[m.n] = 0;
		if (v9)
			put_v9(&m, 0, 78);
		else
			put_ipfix(&m, 0, 78);
		at = open_set(&m, 300);
		put_usual(&m, 1);
		close_set(&m, at);
		end_message(&m, v9);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		assert_int_equal(g.n, 0);
		assert_int_equal(counts(c).unknown_sets, 2);
		/* so has another address */
		begin_message(&m, v9, 0);
		at = open_set(&m, 300);
		put_usual(&m, 1);
		close_set(&m, at);
		end_message(&m, v9);
		struct pv_flow_datagram d = datagram(m.b, m.n);
		d.from[15]++;
		g.n = 0;
		pv_collector_take(c, &d, got_record, &g);
		assert_int_equal(g.n, 0);
		pv_collector_free(c);
	}
}

/* From several ports of one address and domain: what was told to one serves all, and each has its own first. */
static void several_source_ports(void **state)
{
	static const uint16_t octets[][2] = {{1, 4}}, packets[][2] = {{2, 4}}, rate[][2] = {{34, 4}};
	(void)state;
	for (int v9 = 0; v9 < 2; v9++) {
		struct pv_collector *c = collector();
		struct bytes m;
		struct got g = {.n = 0};
		struct pv_flow_datagram d;
		for (unsigned port = 0; port < 2; port++) { /* a sampling rate, in words of its own */
			begin_message(&m, v9, 0);
			size_t at = open_set(&m, v9 ? 1 : 3);
			put16(&m, 400);
			put16(&m, v9 ? 0 : 1), put16(&m, v9 ? 4 : 1);
			put16(&m, rate[0][0]), put16(&m, 4);
			close_set(&m, at);
			at = open_set(&m, 400);
			put32(&m, 10 + port);
			close_set(&m, at);
			put_template(&m, v9 ? 0 : 2, 300, port ? packets : octets, 1);
			end_message(&m, v9);
			d = datagram(m.b, m.n);
			d.port = (uint16_t)(7000 + port);
			assert_int_equal(pv_collector_take(c, &d, got_record, &g), PV_FDEC_OK);
		}
		begin_message(&m, v9, 1);
		size_t at = open_set(&m, 300);
		put32(&m, 77);
		close_set(&m, at);
		end_message(&m, v9);
		for (unsigned port = 0; port < 3; port++) {
			d = datagram(m.b, m.n);
			d.port = (uint16_t)(7000 + port);
			pv_collector_take(c, &d, got_record, &g);
		}
		assert_int_equal(g.n, 3);
		assert_int_equal(g.f[0].bytes, 77);
		assert_int_equal(g.f[1].packets, 77);
		assert_int_equal(g.f[2].packets, 77); /* the newest */
		assert_int_equal(g.f[0].rate, 10);
		assert_int_equal(g.f[2].rate, 11);
		assert_int_equal(counts(c).unknown_sets, 0);
		assert_int_equal(counts(c).lost, 0); /* each counts for itself */
		pv_collector_clear(c);
		g.n = 0;
		pv_collector_take(c, &d, got_record, &g);
		assert_int_equal(g.n, 0);
		pv_collector_free(c);
	}
}

static void redefinition_withdrawal_and_age(void **state)
{
	static const uint16_t less[][2] = {{1, 4}, {2, 4}};
	(void)state;
	struct bytes m, data;
	struct got g;
	struct pv_collector *c = collector();
	put_ipfix(&data, 0, 1);
	size_t at = open_set(&data, 256);
	put32(&data, 5);
	put32(&data, 6);
	put32(&data, 7);
	put32(&data, 8);
	close_set(&data, at);
	close_ipfix(&data);
	put_ipfix(&m, 0, 1);
	put_template(&m, 2, 256, less, 2);
	put_template(&m, 2, 257, less, 2);
	close_ipfix(&m);
	feed(c, &m, &g);
	feed(c, &data, &g);
	assert_int_equal(g.n, 2);
	assert_int_equal(g.f[1].bytes, 7);
	/* another meaning, from now on */
	put_ipfix(&m, 0, 1);
	put_template(&m, 2, 256, (const uint16_t[][2]){{2, 4}, {1, 4}, {400, 8}}, 3);
	close_ipfix(&m);
	feed(c, &m, &g);
	feed(c, &data, &g);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.f[0].bytes, 6);
	/* withdrawn, one and then all */
	put_ipfix(&m, 0, 1);
	put_template(&m, 2, 256, NULL, 0);
	close_ipfix(&m);
	assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
	feed(c, &data, &g);
	assert_int_equal(g.n, 0);
	assert_int_equal(counts(c).templates_withdrawn, 1);
	put_ipfix(&m, 0, 1);
	put_template(&m, 2, 256, less, 2);
	put_template(&m, 2, 2, NULL, 0);
	close_ipfix(&m);
	feed(c, &m, &g);
	assert_int_equal(counts(c).templates_withdrawn, 3);
	/* too old */
	put_ipfix(&m, 0, 1);
	put_template(&m, 2, 256, less, 2);
	close_ipfix(&m);
	feed(c, &m, &g);
	struct pv_flow_datagram d = datagram(data.b, data.n);
	d.time_ns += PV_FLOW_TEMPLATE_TTL_NS;
	g.n = 0;
	pv_collector_take(c, &d, got_record, &g);
	assert_int_equal(g.n, 2);
	d.time_ns++;
	g.n = 0;
	pv_collector_take(c, &d, got_record, &g);
	assert_int_equal(g.n, 0);
	assert_int_equal(counts(c).templates_expired, 1);
	pv_collector_free(c);
}

static void variable_lengths_and_enterprises(void **state)
{
	(void)state;
	struct bytes m;
	struct got g;
	struct pv_collector *c = collector();
	put_ipfix(&m, 0, 1);
	size_t at = open_set(&m, 2);
	put16(&m, 256);
	put16(&m, 5);
	put16(&m, 82), put16(&m, PV_FLOW_VARIABLE); /* a name */
	put16(&m, 1), put16(&m, 4);
	put16(&m, 0x8001), put16(&m, 8), put32(&m, 29305); /* octets of the other direction (RFC 5103) */
	put16(&m, 0x8002), put16(&m, PV_FLOW_VARIABLE), put32(&m, 6876);
	put16(&m, 2), put16(&m, 4);
	close_set(&m, at);
	at = open_set(&m, 256);
	put8(&m, 3), put_bytes(&m, "eth", 3); /* one byte of length */
	put32(&m, 100);
	put64(&m, 999);
	put8(&m, 0);
	put32(&m, 1);
	put8(&m, 255), put16(&m, 300), put_zeros(&m, 300); /* three */
	put32(&m, 200);
	put64(&m, 999);
	put8(&m, 255), put16(&m, 0);
	put32(&m, 2);
	put_zeros(&m, 2);
	close_set(&m, at);
	close_ipfix(&m);
	every_prefix(&m);
	assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
	assert_int_equal(g.n, 4);
	assert_int_equal(g.f[0].bytes, 100);
	assert_int_equal(g.f[0].packets, 1);
	assert_int_equal(g.f[1].bytes, 999);
	assert_int_equal(g.f[1].packets, 0);
	assert_int_equal(g.f[2].bytes, 200);
	assert_int_equal(g.f[2].packets, 2);
	/* a value that is longer than its set */
	put_ipfix(&m, 2, 1);
	at = open_set(&m, 256);
	put8(&m, 200);
	put_zeros(&m, 40);
	close_set(&m, at);
	close_ipfix(&m);
	assert_int_equal(feed(c, &m, &g), PV_FDEC_RECORD);
	pv_collector_free(c);
}

/* One template, one record: what a field becomes. */
static void fields(void **state)
{
	static const struct {
		const char *name;
		uint16_t field[6][2];
		const char *data; /* as long as the fields say */
		const char *want;
	} table[] = {
		{"post counters where there are no others", {{23, 4}, {24, 4}}, "\0\0\0\7\0\0\0\2", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 7/2 x1"},
		{"and not where there are", {{23, 4}, {1, 4}, {2, 1}, {24, 1}}, "\0\0\0\7\0\0\0\5\1\2", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 5/1 x1"},
		{"totals", {{85, 8}, {86, 8}}, "\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 4294967296/1 x1"},
		{"IPv6 by its addresses", {{27, 16}, {28, 16}, {2, 1}}, "\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x20\2\0\0\0\0\0\0\0\0\0\0\0\0\0\2\1", "6: 2001..01#0 2002..02#0 proto 0 tos 0 flags 0 if 0 0 0/1 x1"},
		{"both kinds, IPv6 zeros", {{8, 4}, {27, 16}, {1, 1}}, "\1\2\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "4: 1.2.3.4#0 0.0.0.0#0 proto 0 tos 0 flags 0 if 0 0 1/0 x1"},
		{"both kinds, IPv4 zeros", {{8, 4}, {27, 16}, {1, 1}}, "\0\0\0\0\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1", "6: 2001..01#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 1/0 x1"},
		{"both kinds, by ipVersion", {{8, 4}, {27, 16}, {60, 1}, {1, 1}}, "\1\2\3\4\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1\4\1", "4: 1.2.3.4#0 0.0.0.0#0 proto 0 tos 0 flags 0 if 0 0 1/0 x1"},
		{"ipVersion alone", {{60, 1}, {1, 1}}, "\6\1", "6: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 1/0 x1"},
		{"ICMP type and code are no ports", {{4, 1}, {7, 2}, {11, 2}, {32, 2}, {1, 1}}, "\1\0\0\x8\0\x8\0\1", "0: 0000..00#0 0000..00#0 proto 1 tos 0 flags 0 if 0 0 1/0 x1"},
		{"ports by protocol", {{4, 1}, {180, 2}, {181, 2}, {1, 1}}, "\x11\0\x35\0\x36\1", "0: 0000..00#53 0000..00#54 proto 17 tos 0 flags 0 if 0 0 1/0 x1"},
		{"flags of two bytes", {{6, 2}, {1, 1}}, "\1\x12\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 18 if 0 0 1/0 x1"},
		{"physical interfaces", {{252, 4}, {253, 4}, {1, 1}}, "\0\0\0\1\0\0\0\2\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 1 2 1/0 x1"},
		{"a number of three bytes", {{1, 3}, {2, 1}}, "\1\0\0\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 65536/1 x1"},
		{"sixteen bytes are no number", {{1, 16}, {2, 1}}, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 0/1 x1"},
		{"twice the same: the first", {{1, 1}, {1, 1}}, "\5\6", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 5/0 x1"},
		{"a rate of its own", {{34, 4}, {1, 1}}, "\0\0\3\xe8\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 1/0 x1000"},
		{"interval and space", {{305, 4}, {306, 4}, {1, 1}}, "\0\0\0\2\0\0\0\x12\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 1/0 x10"},
		{"interval alone", {{305, 4}, {1, 1}}, "\0\0\0\x64\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 1/0 x100"},
		{"size and population", {{309, 4}, {310, 4}, {1, 1}}, "\0\0\0\3\0\0\0\x64\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 1/0 x33"},
		{"probability 1/4", {{311, 8}, {1, 1}}, "\x3f\xd0\0\0\0\0\0\0\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 1/0 x4"},
		{"a probability that is none", {{311, 8}, {1, 1}}, "\x7f\xf8\0\0\0\0\0\0\1", "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 0 0 1/0 x1"},
	};
	(void)state;
	for (size_t i = 0; i < N(table); i++) {
		struct bytes m;
		struct got g;
		size_t n = 0, len = 0;
		struct pv_collector *c = collector();
		for (; n < 6 && table[i].field[n][0]; n++)
			len += table[i].field[n][1];
		print_message("%s\n", table[i].name);
		put_ipfix(&m, 0, 1);
		put_template(&m, 2, 256, table[i].field, n);
		size_t at = open_set(&m, 256);
		put_bytes(&m, table[i].data, len);
		close_set(&m, at);
		close_ipfix(&m);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		assert_int_equal(g.n, 1);
		assert_string_equal(text(&g.f[0]), table[i].want);
		pv_collector_free(c);
	}
}

/* Flows of both directions: a record for each, and none for one in which nothing went. */
static void both_directions(void **state)
{
	(void)state;
	for (int cisco = 0; cisco < 2; cisco++) { /* which says initiator and responder, or RFC 5103 */
		struct bytes m;
		struct got g;
		struct pv_collector *c = collector();
		put_ipfix(&m, 0, 1);
		size_t at = open_set(&m, 2);
		put16(&m, 256), put16(&m, 12);
		put16(&m, 8), put16(&m, 4), put16(&m, 12), put16(&m, 4);
		put16(&m, 7), put16(&m, 2), put16(&m, 11), put16(&m, 2);
		put16(&m, 10), put16(&m, 2), put16(&m, 14), put16(&m, 2);
		put16(&m, 4), put16(&m, 1), put16(&m, 5), put16(&m, 1);
		if (cisco) {
			put16(&m, 231), put16(&m, 8), put16(&m, 298), put16(&m, 8);
			put16(&m, 232), put16(&m, 8), put16(&m, 299), put16(&m, 8);
		} else {
			put16(&m, 85), put16(&m, 8), put16(&m, 86), put16(&m, 8);
			put16(&m, 0x8000 | 85), put16(&m, 8), put32(&m, 29305);
			put16(&m, 0x8000 | 86), put16(&m, 8), put32(&m, 29305);
		}
		close_set(&m, at);
		at = open_set(&m, 256);
		for (unsigned answered = 0; answered < 2; answered++) {
			put_bytes(&m, "\xc0\0\2\1\xc6\x33\x64\2", 8);
			put16(&m, 40000), put16(&m, 443), put16(&m, 3), put16(&m, 4), put8(&m, 6), put8(&m, 8);
			put64(&m, cisco ? 100 : 100 + 100 * answered), put64(&m, cisco ? 1 : 1 + answered); /* since before, or in all */
			put64(&m, answered ? 9000 : 0), put64(&m, answered ? 7 : 0);
		}
		close_set(&m, at);
		close_ipfix(&m);
		every_prefix(&m);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		assert_int_equal(g.n, 3);
		assert_string_equal(text(&g.f[1]), "4: 192.0.2.1#40000 198.51.100.2#443 proto 6 tos 8 flags 0 if 3 4 100/1 x1");
		assert_string_equal(text(&g.f[2]), "4: 198.51.100.2#443 192.0.2.1#40000 proto 6 tos 8 flags 0 if 4 3 9000/7 x1");
		put_ipfix(&m, 2, 1); /* records are counted as they come */
		close_ipfix(&m);
		feed(c, &m, &g);
		assert_int_equal(counts(c).lost, 0);
		pv_collector_free(c);
	}
}

/* A template of totals: ends, ports, two counts, perhaps the deltas, and how the flow is known. */
struct total {
	uint32_t domain;
	uint8_t client; /* last byte of its address */
	uint32_t begin, id; /* 0: the template has none */
	uint64_t bytes, packets;
	unsigned after_s;
	const char *want; /* bytes/packets */
};

static void put_total(struct bytes *m, bool v9, const struct total *t, unsigned sequence)
{
	uint16_t field[8][2] = {{8, 4}, {12, 4}, {85, 8}, {86, 4}};
	unsigned n = 4;
	if (t->begin)
		field[n][0] = v9 ? 22 : 150, field[n++][1] = 4;
	if (t->id)
		field[n][0] = 148, field[n++][1] = 4;
	if (v9)
		put_v9(m, sequence, t->domain);
	else
		put_ipfix(m, sequence, t->domain);
	put_template(m, v9 ? 0 : 2, (uint16_t)(256 + n + (t->id ? 8 : 0)), (const uint16_t(*)[2])field, n);
	size_t at = open_set(m, (uint16_t)(256 + n + (t->id ? 8 : 0)));
	put32(m, 0xc0000200 | t->client), put32(m, 0xc6336402), put64(m, t->bytes), put32(m, t->packets);
	if (t->begin)
		put32(m, t->begin);
	if (t->id)
		put32(m, t->id);
	close_set(m, at);
	if (!v9)
		close_ipfix(m);
}

static void what_totals_have_gained(void **state)
{
	static const struct total steps[] = {
	    {1, 1, 0, 0, 1000, 10, 0, "1000/10"},   /* the first is all that is known */
	    {1, 1, 0, 0, 1500, 12, 60, "500/2"},
	    {1, 1, 0, 0, 1500, 12, 60, "0/0"},	    /* silent, or told twice */
	    {1, 2, 0, 0, 1500, 12, 0, "1500/12"},   /* another flow */
	    {2, 1, 0, 0, 1500, 12, 0, "1500/12"},   /* of another domain */
	    {1, 1, 0, 0, 300, 3, 60, "300/3"},	    /* begun anew */
	    {1, 1, 0, 0, 400, 4, 60, "100/1"},
	    {1, 1, 0, 0, 700, 9, 3601, "700/9"},    /* too long ago to be the same */
	    {1, 1, 77, 0, 900, 5, 0, "900/5"},	    /* when it began says which it is */
	    {1, 1, 77, 0, 950, 6, 1, "50/1"},
	    {1, 1, 77, 0, 930, 6, 0, "0/0"},	    /* late: it was counted with the one before */
	    {1, 1, 77, 0, 1000, 7, 1, "50/1"},
	    {1, 1, 78, 0, 1100, 8, 1, "1100/8"},
	    {1, 1, 77, 5, 2000, 20, 0, "2000/20"},  /* and so does its number */
	    {1, 1, 77, 6, 2100, 21, 0, "2100/21"},
	    {1, 1, 77, 5, 2100, 21, 0, "100/1"},
	    {1, 3, 77, 0, 4294967000, 4294967290, 0, "4294967000/4294967290"},
	    {1, 3, 77, 0, 1000, 4, 60, "1296/10"},  /* through a counter of four bytes */
	    {1, 3, 77, 0, 990, 3, 0, "0/0"},
	    {1, 3, 77, 0, 5000000000, 5, 60, "4999999000/1"}, /* one of eight bytes */
	    {1, 3, 77, 0, 1000000000, 6, 60, "0/1"},
	};
	(void)state;
	for (int v9 = 0; v9 < 2; v9++) {
		struct pv_collector *c = collector();
		uint64_t now = UINT64_C(1700000000000000000);
		for (unsigned i = 0; i < N(steps); i++) {
			struct bytes m;
			struct got g = {.n = 0};
			char got[64];
			put_total(&m, v9, &steps[i], i);
			struct pv_flow_datagram d = datagram(m.b, m.n);
			d.time_ns = now += steps[i].after_s * UINT64_C(1000000000);
			d.port = (uint16_t)(5000 + i); /* exporters may use several */
			assert_int_equal(pv_collector_take(c, &d, got_record, &g), PV_FDEC_OK);
			assert_int_equal(g.n, 1);
			snprintf(got, sizeof got, "%llu/%llu", (unsigned long long)g.f[0].bytes,
				 (unsigned long long)g.f[0].packets);
			if (strcmp(got, steps[i].want))
				fail_msg("v9 %d, step %u: %s, not %s", v9, i, got, steps[i].want);
		}
		assert_int_equal(counts(c).totals_evicted, 0);
		pv_collector_clear(c); /* a new stream knows nothing */
		struct bytes m;
		struct got g;
		put_total(&m, v9, &steps[1], 0);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		assert_int_equal(g.f[0].bytes, 1500);
		pv_collector_free(c);
	}
}

/* Deltas win where there are some, each for itself. */
static void totals_beside_deltas(void **state)
{
	static const uint16_t field[][2] = {{8, 4}, {1, 4}, {85, 4}, {86, 4}};
	(void)state;
	struct pv_collector *c = collector();
	for (unsigned i = 1; i <= 2; i++) {
		struct bytes m;
		struct got g;
		put_ipfix(&m, i - 1, 1);
		put_template(&m, 2, 256, field, N(field));
		size_t at = open_set(&m, 256);
		put32(&m, 0xc0000201), put32(&m, 50), put32(&m, 50 * i), put32(&m, 4 * i);
		close_set(&m, at);
		close_ipfix(&m);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		assert_int_equal(g.f[0].bytes, 50);
		assert_int_equal(g.f[0].packets, 4);
	}
	pv_collector_free(c);
}

/* More flows than are remembered: memory stays, and what is forgotten counts. */
static void totals_without_end(void **state)
{
	(void)state;
	struct pv_flow_totals *t = pv_flow_totals_new(1);
	struct pv_flow_counts c = {0};
	uint64_t whole = 0;
	for (unsigned round = 1; round <= 2; round++)
		for (uint32_t i = 0; i < 2 * PV_FLOW_TOTALS; i++) {
			const struct pv_flow_total_key key = {.in_if = i, .begin = 1};
			uint64_t bytes = 10 * round;
			pv_flow_totals_since(t, &key, 1, &bytes, NULL, &c);
			whole += bytes == 20;
		}
	assert_true(c.totals_evicted >= PV_FLOW_TOTALS);
	assert_true(whole && whole <= c.totals_evicted);
	pv_flow_totals_free(t);
}

static void put_options_template(struct bytes *m, bool v9, uint16_t id, const uint16_t (*field)[2], unsigned scopes, unsigned n)
{
	size_t at = open_set(m, v9 ? 1 : 3);
	put16(m, id);
	put16(m, v9 ? scopes * 4 : n);
	put16(m, v9 ? (n - scopes) * 4 : scopes);
	for (unsigned i = 0; i < n; i++) {
		put16(m, field[i][0]);
		put16(m, field[i][1]);
	}
	put_zeros(m, 2); /* to a word */
	close_set(m, at);
}

static void sampling_by_options(void **state)
{
	(void)state;
	for (int v9 = 0; v9 < 2; v9++) {
		static const uint16_t exporter9[][2] = {{1, 4}, {34, 4}, {35, 1}}, exporter10[][2] = {{149, 4}, {305, 4}, {306, 4}};
		static const uint16_t sampler9[][2] = {{2, 4}, {48, 1}, {49, 1}, {50, 4}}, sampler10[][2] = {{302, 4}, {309, 4}, {310, 4}};
		static const uint16_t named9[][2] = {{1, 4}, {2, 4}, {48, 1}}, named10[][2] = {{1, 4}, {2, 4}, {302, 1}};
		struct bytes m;
		struct got g;
		struct pv_collector *c = collector();
		begin_message(&m, v9, 0);
		put_template(&m, v9 ? 0 : 2, 256, v9 ? named9 : named10, 3);
		put_template(&m, v9 ? 0 : 2, 257, usual, N(usual));
		put_options_template(&m, v9, 400, v9 ? exporter9 : exporter10, 1, 3);
		put_options_template(&m, v9, 401, v9 ? sampler9 : sampler10, 1, v9 ? 4 : 3);
		size_t at = open_set(&m, 401); /* samplers 3: 1 in 50, and 4: 1 in 200 */
		for (unsigned i = 0; i < 2; i++) {
			put32(&m, 3 + i);
			if (v9)
				put8(&m, 3 + i), put8(&m, 2);
			else
				put32(&m, 1);
			put32(&m, i ? 200 : 50);
		}
		close_set(&m, at);
		end_message(&m, v9);
		every_prefix(&m);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		assert_int_equal(counts(c).options, 2);
		/* one of sampler 4, one of an unknown, one without */
		struct bytes data;
		begin_message(&data, v9, v9 ? 1 : 2);
		at = open_set(&data, 256);
		put32(&data, 1), put32(&data, 1), put8(&data, 4);
		put32(&data, 1), put32(&data, 1), put8(&data, 9);
		close_set(&data, at);
		at = open_set(&data, 257);
		put_usual(&data, 1);
		close_set(&data, at);
		end_message(&data, v9);
		assert_int_equal(feed(c, &data, &g), PV_FDEC_OK);
		assert_int_equal(g.n, 3);
		assert_int_equal(g.f[0].rate, 200);
		assert_int_equal(g.f[1].rate, 1);
		assert_int_equal(g.f[2].rate, 1);
		/* what holds for the exporter holds where nothing nearer is known */
		begin_message(&m, v9, v9 ? 2 : 5);
		at = open_set(&m, 400);
		put32(&m, 1);
		put32(&m, v9 ? 1000 : 1);
		put(&m, v9 ? 1 : 999, v9 ? 1 : 4);
		close_set(&m, at);
		end_message(&m, v9);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		feed(c, &data, &g);
		assert_int_equal(g.f[0].rate, 200);
		assert_int_equal(g.f[1].rate, 1000);
		assert_int_equal(g.f[2].rate, 1000);
		/* an interval of 0: it samples no more */
		begin_message(&m, v9, v9 ? 3 : 6);
		at = open_set(&m, 400);
		put_zeros(&m, v9 ? 9 : 12);
		close_set(&m, at);
		end_message(&m, v9);
		feed(c, &m, &g);
		feed(c, &data, &g);
		assert_int_equal(g.f[2].rate, 1);
		pv_collector_free(c);
	}
}

static void sequences_of_messages(void **state)
{
	(void)state;
	struct bytes m;
	struct got g;
	struct pv_collector *c = collector();
	for (int i = 0; i < 2; i++) { /* IPFIX counts data records */
		put_ipfix(&m, i ? 100 : 10, 1);
		put_template(&m, 2, 256, usual, N(usual));
		size_t at = open_set(&m, 256);
		put_usual(&m, 1);
		put_usual(&m, 1);
		close_set(&m, at);
		close_ipfix(&m);
		feed(c, &m, &g);
	}
	assert_int_equal(counts(c).lost, 88);
	size_t at; /* what an unknown set held is not known: no gap is told of */
	put_ipfix(&m, 102, 1);
	at = open_set(&m, 999);
	put_zeros(&m, 40);
	close_set(&m, at);
	close_ipfix(&m);
	feed(c, &m, &g);
	put_ipfix(&m, 5000, 1);
	close_ipfix(&m);
	feed(c, &m, &g);
	assert_int_equal(counts(c).lost, 88);
	for (uint32_t s = 0; s < 6; s += 5) { /* v9 counts datagrams */
		put_v9(&m, s, 1);
		feed(c, &m, &g);
	}
	assert_int_equal(counts(c).lost, 88 + 4);
	pv_collector_free(c);
}

static void what_cannot_be(void **state)
{
	static const struct {
		const char *name;
		const char *set;
		size_t n;
		enum pv_flow_reason reason;
	} table[] = {
		{"nothing", "", 0, PV_FDEC_OK},
		{"a set of length 0", "\0\2\0\0", 4, PV_FDEC_SET},
		{"a set of length 3", "\1\0\0\3", 4, PV_FDEC_SET},
		{"an empty set", "\0\2\0\4", 4, PV_FDEC_OK},
		{"a set that is longer than the message", "\0\2\0\x10\1\0\0\1", 8, PV_FDEC_SET},
		{"a set of no meaning", "\0\5\0\x8\1\2\3\4", 8, PV_FDEC_OK},
		{"template number 255", "\0\2\0\x0c\0\xff\0\1\0\1\0\4", 12, PV_FDEC_TEMPLATE},
		{"more fields than there are", "\0\2\0\x0c\1\0\0\2\0\1\0\4", 12, PV_FDEC_TEMPLATE},
		{"65535 fields", "\0\2\0\x0c\1\0\xff\xff\0\1\0\4", 12, PV_FDEC_TEMPLATE},
		{"a record of no length", "\0\2\0\x0c\1\0\0\1\0\1\0\0", 12, PV_FDEC_TEMPLATE},
		{"more scopes than fields", "\0\3\0\x0e\1\0\0\1\0\2\0\1\0\4", 14, PV_FDEC_TEMPLATE},
		{"a template and padding", "\0\2\0\x0f\1\0\0\1\0\1\0\4\0\0\0", 15, PV_FDEC_OK},
		{"options of no scope, for want of better", "\0\3\0\x0e\1\0\0\1\0\0\0\x22\0\4", 14, PV_FDEC_OK},
		{"an enterprise without number", "\0\2\0\x0c\1\0\0\1\x80\1\0\4", 12, PV_FDEC_TEMPLATE},
	};
	(void)state;
	for (size_t i = 0; i < N(table); i++) {
		struct bytes m;
		struct got g;
		struct pv_collector *c = collector();
		put_ipfix(&m, 0, 1);
		put_bytes(&m, table[i].set, table[i].n);
		close_ipfix(&m);
		print_message("%s\n", table[i].name);
		assert_int_equal(feed(c, &m, &g), table[i].reason);
		pv_collector_free(c);
	}
}

/* Cisco's ACI and Palo Alto's firewalls fill datagrams of version 9 up with zeros. */
static void zeros_behind_the_last_set(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 3; wrong++) {
		struct bytes m;
		struct got g;
		struct pv_collector *c = collector();
		put_v9(&m, 0, 1);
		if (wrong != 2) /* there is a set in front */
			put_template(&m, 0, 256, usual, N(usual));
		put_zeros(&m, 70);
		m.b[m.n - 1] = wrong == 1; /* no padding, then */
		assert_int_equal(feed(c, &m, &g), wrong ? PV_FDEC_SET : PV_FDEC_OK);
		pv_collector_free(c);
	}
}

/* ---- sFlow ------------------------------------------------------------------------------------------ */

static void put_sflow(struct bytes *m, uint32_t samples)
{
	m->n = 0;
	put32(m, 5);
	put32(m, 1);
	put_bytes(m, "\xcb\0\x71\x1f", 4);
	put32(m, 2); /* sub-agent */
	put32(m, 1);
	put32(m, 1000);
	put32(m, samples);
}

static size_t open_part(struct bytes *m, uint32_t tag)
{
	put32(m, tag);
	put32(m, 0);
	return m->n - 4;
}

static void close_part(struct bytes *m, size_t at)
{
	size_t n = m->n - at - 4;
	m->b[at + 2] = (uint8_t)(n >> 8);
	m->b[at + 3] = (uint8_t)n;
}

static void put_sample(struct bytes *m, bool expanded, uint32_t in, uint32_t out, uint32_t elements)
{
	put32(m, 1);
	put32(m, 0);
	if (expanded)
		put32(m, 7);
	put32(m, 512); /* rate */
	put32(m, 0);
	put32(m, 0);
	if (expanded) {
		put32(m, in >> 30), put32(m, in & 0x3fffffff);
		put32(m, out >> 30), put32(m, out & 0x3fffffff);
	} else {
		put32(m, in), put32(m, out);
	}
	put32(m, elements);
}

/* Ethernet, a tag, IPv4, TCP: 58 bytes; TOS 0xb9. */
static const char frame[] = "\1\2\3\4\5\6\1\2\3\4\5\7\x81\0\0\5\x08\0"
			    "\x45\xb9\0\x28\0\0\0\0\x40\6\0\0\xc0\0\2\1\xc6\x33\x64\2"
			    "\x30\x39\1\xbb\0\0\0\1\0\0\0\2\x50\x12\0\0\0\0\0\0";

/* What is left of IPv6 with TCP in a sample of 64 bytes, and of one of 70: two tags, an MPLS label or LLC and SNAP in front. */
#define IP6_TCP                                                                                                        \
	"\x6b\x90\0\0\5\xb4\6\x40\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x20\2\0\0\0\0\0\0\0\0\0\0\0\0\0\2"          \
	"\x30\x39\1\xbb\0\0\0\1\0\0\0\2\x50\x12"
static const char tags6[] = "\1\2\3\4\5\6\1\2\3\4\5\7\x92\0\0\5\x93\0\0\6\x86\xdd" IP6_TCP;
static const char label6[] = "\1\2\3\4\5\6\1\2\3\4\5\7\x88\x47\0\1\1\x40" IP6_TCP;
static const char snap6[] = "\1\2\3\4\5\6\1\2\3\4\5\7\5\xdc\xaa\xaa\3\0\0\0\x86\xdd" IP6_TCP;

static void put_header(struct bytes *m, uint32_t protocol, const char *bytes, size_t n, uint32_t wire)
{
	size_t at = open_part(m, 1);
	put32(m, protocol);
	put32(m, wire);
	put32(m, 4); /* stripped */
	put32(m, n);
	put_bytes(m, bytes, n);
	put_zeros(m, -n & 3);
	close_part(m, at);
}

static void put_keyed4(struct bytes *m, uint32_t tag)
{
	size_t at = open_part(m, tag);
	put32(m, 1500), put32(m, 17);
	put_bytes(m, "\xc0\0\2\x9\xc6\x33\x64\x9", 8);
	put32(m, 53), put32(m, 1024), put32(m, 0), put32(m, 8);
	close_part(m, at);
}

static void put_keyed6(struct bytes *m, uint32_t tag)
{
	size_t at = open_part(m, tag);
	put32(m, 1280), put32(m, 6);
	put_bytes(m, "\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x20\2\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 32);
	put32(m, 80), put32(m, 1025), put32(m, 16), put32(m, 4);
	close_part(m, at);
}

static void put_element(struct bytes *m, const char *what)
{
	size_t at;
	if (!strcmp(what, "header"))
		put_header(m, 1, frame, sizeof frame - 1, 1518);
	else if (!strcmp(what, "cut-flags"))
		put_header(m, 1, label6, sizeof label6 - 1, 1518);
	else if (!strcmp(what, "cut-ports"))
		put_header(m, 1, tags6, sizeof tags6 - 1 - 6, 1518);
	else if (!strcmp(what, "cut-all"))
		put_header(m, 1, snap6, sizeof snap6 - 1 - 11, 1518);
	else if (!strcmp(what, "header-ip"))
		put_header(m, 11, frame + 18, sizeof frame - 19, 1500);
	else if (!strcmp(what, "header-arp"))
		put_header(m, 1, "\1\2\3\4\5\6\1\2\3\4\5\7\x08\6\0\0", 16, 64);
	else if (!strcmp(what, "header-wifi"))
		put_header(m, 15, frame, 20, 100);
	else if (!strcmp(what, "ipv4"))
		put_keyed4(m, 3);
	else if (!strcmp(what, "ipv6"))
		put_keyed6(m, 4);
	else if (!strcmp(what, "tunnel"))
		put_keyed4(m, 1023);
	else if (!strcmp(what, "ethernet")) {
		at = open_part(m, 2);
		put32(m, 99);
		put_zeros(m, 20);
		close_part(m, at);
	} else {
		at = open_part(m, 1001); /* what the switch knows, of no length that is a word's */
		put_zeros(m, 5);
		close_part(m, at);
		put_zeros(m, 3);
	}
}

static void samples(void **state)
{
	static const struct {
		const char *name;
		const char *element[3];
		uint32_t in, out;
		const char *want; /* NULL: left out */
	} table[] = {
		{"a header", {"header"}, 3, 4, "4: 192.0.2.1#12345 198.51.100.2#443 proto 6 tos 185 flags 18 if 3 4 1518/1 x512"},
		{"IP without Ethernet", {"header-ip"}, 3, 4, "4: 192.0.2.1#12345 198.51.100.2#443 proto 6 tos 185 flags 18 if 3 4 1500/1 x512"},
		{"ports and flags of a TCP header that is cut", {"cut-flags"}, 3, 4, "6: 2001..01#12345 2002..02#443 proto 6 tos 185 flags 18 if 3 4 1518/1 x512"},
		{"ports, behind tags of all kinds", {"cut-ports"}, 3, 4, "6: 2001..01#12345 2002..02#443 proto 6 tos 185 flags 0 if 3 4 1518/1 x512"},
		{"less than ports, behind LLC", {"cut-all"}, 3, 4, "6: 2001..01#0 2002..02#0 proto 6 tos 185 flags 0 if 3 4 1518/1 x512"},
		{"not IP", {"header-arp"}, 3, 4, "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 3 4 64/1 x512"},
		{"802.11", {"header-wifi"}, 3, 4, "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 3 4 100/1 x512"},
		{"IPv4", {"other", "ipv4"}, 3, 4, "4: 192.0.2.9#53 198.51.100.9#1024 proto 17 tos 8 flags 0 if 3 4 1500/1 x512"},
		{"IPv6", {"ipv6", "other"}, 3, 4, "6: 2001..01#80 2002..02#1025 proto 6 tos 4 flags 16 if 3 4 1280/1 x512"},
		{"the header is best", {"ipv4", "header", "ethernet"}, 3, 4, "4: 192.0.2.1#12345 198.51.100.2#443 proto 6 tos 185 flags 18 if 3 4 1518/1 x512"},
		{"a tunnel is not the packet", {"ipv6", "tunnel"}, 3, 4, "6: 2001..01#80 2002..02#1025 proto 6 tos 4 flags 16 if 3 4 1280/1 x512"},
		{"802.11 that the agent has read", {"header-wifi", "ipv4"}, 3, 4, "4: 192.0.2.9#53 198.51.100.9#1024 proto 17 tos 8 flags 0 if 3 4 1500/1 x512"},
		{"the same the other way round", {"ipv4", "header-wifi"}, 3, 4, "4: 192.0.2.9#53 198.51.100.9#1024 proto 17 tos 8 flags 0 if 3 4 1500/1 x512"},
		{"Ethernet alone", {"ethernet"}, 3, 4, "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 3 4 99/1 x512"},
		{"nothing of use", {"other"}, 3, 4, NULL},
		{"from within, and dropped", {"ethernet"}, 0x3fffffff, 0x40000001, "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if -1 -1 99/1 x512"},
		{"to several", {"ethernet"}, 0x3ffffffe, 0x80000003, "0: 0000..00#0 0000..00#0 proto 0 tos 0 flags 0 if 1073741822 -1 99/1 x512"},
	};
	(void)state;
	for (size_t i = 0; i < N(table); i++)
		for (int expanded = 0; expanded < 2; expanded++) {
			struct bytes m;
			struct got g;
			size_t n = 0;
			struct pv_collector *c = collector();
			while (n < 3 && table[i].element[n])
				n++;
			print_message("%s, expanded %d\n", table[i].name, expanded);
			put_sflow(&m, 1);
			size_t at = open_part(&m, expanded ? 3 : 1);
			put_sample(&m, expanded, table[i].in, table[i].out, (uint32_t)n);
			for (size_t e = 0; e < n; e++)
				put_element(&m, table[i].element[e]);
			close_part(&m, at);
			every_prefix(&m);
			assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
			assert_int_equal(g.n, table[i].want != NULL);
			assert_int_equal(counts(c).no_records, table[i].want == NULL);
			if (table[i].want) {
				assert_string_equal(text(&g.f[0]), table[i].want);
				assert_memory_equal(g.f[0].device, ADDR4 "\xcb\0\x71\x1f", 16);
				assert_int_equal(g.f[0].source, PV_FLOW_SFLOW);
			}
			pv_collector_free(c);
		}
}

/* Agents number their datagrams, each of its parts for itself. */
static void sequences_of_samples(void **state)
{
	static const struct {
		uint8_t agent, part;
		uint32_t sequence;
		uint64_t lost;
	} table[] = {{31, 2, 7, 0}, {31, 2, 8, 0}, {31, 2, 11, 2}, {31, 3, 90, 2}, {32, 2, 70, 2}, {31, 2, 12, 2}, {31, 3, 92, 3}};
	struct pv_collector *c = collector();
	(void)state;
	for (size_t i = 0; i < N(table); i++) {
		struct bytes m;
		struct got g;
		put_sflow(&m, 0);
		m.b[11] = table[i].agent;
		m.b[15] = table[i].part;
		m.b[19] = (uint8_t)table[i].sequence;
		assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
		assert_int_equal(counts(c).lost, table[i].lost);
	}
	pv_collector_free(c);
}

static void samples_that_are_none(void **state)
{
	(void)state;
	struct bytes m;
	struct got g;
	struct pv_collector *c = collector();
	put_sflow(&m, 5);
	static const uint32_t kinds[] = {2, 4, 5, 4300 << 12 | 1};
	for (size_t i = 0; i < N(kinds); i++) {
		size_t at = open_part(&m, kinds[i]);
		put_zeros(&m, 12);
		close_part(&m, at);
	}
	size_t at = open_part(&m, 3); /* expanded: 0xffffffff is no interface */
	put_sample(&m, true, 0, 0, 1);
	memset(m.b + m.n - 16, 0xff, 4);
	put_element(&m, "ipv4");
	close_part(&m, at);
	every_prefix(&m);
	assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.f[0].bits, PV_FLOW_OUT);
	assert_int_equal(counts(c).counter_samples, 2);
	assert_int_equal(counts(c).unknown_samples, 2);
	pv_collector_free(c);
}

static void samples_that_lie(void **state)
{
	(void)state;
	struct bytes m;
	struct got g;
	struct pv_collector *c = collector();
	put_sflow(&m, 2);
	size_t first = open_part(&m, 1);
	put_sample(&m, false, 1, 2, 1);
	put_element(&m, "ipv4");
	close_part(&m, first);
	size_t second = open_part(&m, 1);
	put_sample(&m, false, 1, 2, 1);
	size_t element = m.n;
	put_element(&m, "header");
	close_part(&m, second);
	assert_int_equal(feed(c, &m, &g), PV_FDEC_OK);
	assert_int_equal(g.n, 2);
	m.b[element + 7]++; /* the element is longer than its sample */
	assert_int_equal(feed(c, &m, &g), PV_FDEC_ELEMENT);
	assert_int_equal(g.n, 1); /* the sample before was true */
	m.b[element + 7] -= 2;
	assert_int_equal(feed(c, &m, &g), PV_FDEC_ELEMENT);
	m.b[element + 7]++;
	m.b[second + 2] = 0xff; /* the sample is longer than the datagram */
	assert_int_equal(feed(c, &m, &g), PV_FDEC_SAMPLE);
	m.b[second + 2] = 0;
	m.b[27] = 3; /* more samples than there are */
	assert_int_equal(feed(c, &m, &g), PV_FDEC_SAMPLE);
	m.b[27] = 2;
	m.b[3] = 3;
	assert_int_equal(feed(c, &m, &g), PV_FDEC_VERSION);
	pv_collector_free(c);
}

static void old_versions(void **state)
{
	(void)state;
	for (uint32_t version = 2; version <= 4; version += 2) {
		struct bytes m = {.n = 0};
		struct got g;
		struct pv_collector *c = collector();
		put32(&m, version);
		put32(&m, 2);
		put_bytes(&m, "\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\7", 16);
		put32(&m, 1), put32(&m, 1), put32(&m, 4);
		/* a header, and two words of the switch's; the router's and one that nobody knows stop it */
		put32(&m, 1);
		put32(&m, 1), put32(&m, 0), put32(&m, 100), put32(&m, 0), put32(&m, 0), put32(&m, 5), put32(&m, 6);
		put32(&m, 1), put32(&m, 1), put32(&m, 1518), put32(&m, sizeof frame - 1);
		put_bytes(&m, frame, sizeof frame - 1), put_zeros(&m, -(sizeof frame - 1) & 3);
		put32(&m, 1), put32(&m, 1), put_zeros(&m, 16);
		put32(&m, 2), put_zeros(&m, 12), put32(&m, 7), put_zeros(&m, 28); /* counters of a VLAN */
		put32(&m, 1);
		put32(&m, 1), put32(&m, 0), put32(&m, 100), put32(&m, 0), put32(&m, 0), put32(&m, 5), put32(&m, 6);
		put32(&m, 2), put32(&m, 1500), put32(&m, 17);
		put_bytes(&m, "\xc0\0\2\x9\xc6\x33\x64\x9", 8);
		put32(&m, 53), put32(&m, 1024), put32(&m, 0), put32(&m, 8);
		put32(&m, 1), put32(&m, 2), put32(&m, 1), put_zeros(&m, 12);
		put32(&m, 1);
		put32(&m, 1), put32(&m, 0), put32(&m, 100), put32(&m, 0), put32(&m, 0), put32(&m, 5), put32(&m, 6);
		put32(&m, 3), put32(&m, 1280), put32(&m, 6), put_zeros(&m, 32 + 16);
		put32(&m, 1), put32(&m, 3);
		every_prefix(&m);
		assert_int_equal(feed(c, &m, &g), PV_FDEC_EXTENDED);
		assert_int_equal(g.n, 3);
		assert_string_equal(text(&g.f[0]), "4: 192.0.2.1#12345 198.51.100.2#443 proto 6 tos 185 flags 18 if 5 6 1518/1 x100");
		assert_string_equal(text(&g.f[1]), "4: 192.0.2.9#53 198.51.100.9#1024 proto 17 tos 8 flags 0 if 5 6 1500/1 x100");
		assert_int_equal(g.f[2].l3, 6);
		assert_int_equal(g.f[0].device[15], 7);
		assert_int_equal(counts(c).counter_samples, 1);
		pv_collector_free(c);
	}
}

/* Agents that do not say who they are do not count each other's datagrams. */
static void agents_without_address(void **state)
{
	(void)state;
	struct pv_collector *c = collector();
	struct got g = {.n = 0};
	for (uint32_t i = 0; i < 6; i++) {
		struct bytes m = {.n = 0};
		put32(&m, 4), put32(&m, 0);
		put32(&m, i / 2 + (i % 2 ? 5000 : 1)), put32(&m, 1), put32(&m, 0);
		struct pv_flow_datagram d = datagram(m.b, m.n);
		d.from[15] = (uint8_t)(i % 2);
		assert_int_equal(pv_collector_take(c, &d, got_record, &g), PV_FDEC_OK);
	}
	assert_int_equal(counts(c).lost, 0);
	pv_collector_free(c);
}

/* ---- the collector ----------------------------------------------------------------------------------- */

static void kinds(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		enum pv_flow_kind kind;
		enum pv_flow_reason reason;
	} table[] = {
		{"bc", 2, PV_FLOW_KIND_SFLOW, PV_FDEC_SHORT},
		{"bc", 2, PV_FLOW_KIND_NETFLOW, PV_FDEC_SHORT},
		{"", 0, PV_FLOW_KIND_ANY, PV_FDEC_SHORT},
		{"\0\3abcd", 6, PV_FLOW_KIND_ANY, PV_FDEC_VERSION},
		{"\0\0\0\5", 4, PV_FLOW_KIND_NETFLOW, PV_FDEC_UNWANTED},
		{"\0\5\0\1", 4, PV_FLOW_KIND_SFLOW, PV_FDEC_UNWANTED},
		{"\0\0\0\6\0\0\0\1", 8, PV_FLOW_KIND_SFLOW, PV_FDEC_VERSION},
		{"\0\5\0\1", 4, PV_FLOW_KIND_ANY, PV_FDEC_SHORT},
		{"\0\x9\0\1", 4, PV_FLOW_KIND_ANY, PV_FDEC_SHORT},
		{"\0\x0a\0\1", 4, PV_FLOW_KIND_ANY, PV_FDEC_SHORT},
	};
	(void)state;
	for (size_t i = 0; i < N(table); i++) {
		struct pv_collector *c = pv_collector_new(&(struct pv_collector_conf){.kind = table[i].kind});
		struct pv_flow_datagram d = datagram(table[i].bytes, table[i].n);
		struct pv_collector_status s;
		print_message("row %zu\n", i);
		assert_int_equal(pv_collector_take(c, &d, got_record, NULL), table[i].reason);
		pv_collector_status(c, &s);
		assert_int_equal(s.datagrams, 1);
		assert_int_equal(s.malformed + s.unsupported, 1);
		assert_int_equal(s.unsupported, table[i].reason == PV_FDEC_VERSION || table[i].reason == PV_FDEC_UNWANTED);
		pv_collector_free(c);
	}
}

/* 10,000 exporters with 100 templates each, and a little later their data: memory stays inside its budget, what was
 * given up is counted, and those that are used are still there. */
static void a_flood_of_templates(void **state)
{
	enum { EXPORTERS = 10000, TEMPLATES = 100, BUDGET = 8 << 20 };
	(void)state;
	struct pv_collector *c = pv_collector_new(&(struct pv_collector_conf){.exporters = {.memory_bytes = BUDGET, .seed = 3}});
	struct pv_collector_status s;
	struct bytes m, data;
	struct got g = {.n = 0};
	put_v9(&data, 0, 1);
	size_t at = open_set(&data, 256);
	put_usual(&data, 1);
	close_set(&data, at);
	struct pv_flow_datagram mine = datagram(data.b, data.n);
	mine.port = 1;
	put_v9(&m, 0, 1);
	put_template(&m, 0, 256, usual, N(usual));
	struct pv_flow_datagram told = datagram(m.b, m.n);
	told.port = 1;
	pv_collector_take(c, &told, got_record, &g);
	for (unsigned e = 0; e < EXPORTERS; e++) {
		for (unsigned t = 0; t < TEMPLATES; t += 20) {
			put_v9(&m, t, 1);
			for (unsigned i = 0; i < 20; i++)
				put_template(&m, 0, (uint16_t)(256 + t + i), usual, N(usual));
			struct pv_flow_datagram d = datagram(m.b, m.n);
			d.from[14] = (uint8_t)(e >> 8);
			d.from[15] = (uint8_t)e;
			assert_int_equal(pv_collector_take(c, &d, got_record, &g), PV_FDEC_OK);
		}
		if (e % 100 == 0)
			pv_collector_take(c, &mine, got_record, &g);
	}
	assert_int_equal(g.n, EXPORTERS / 100);
	pv_collector_status(c, &s);
	assert_true(s.template_bytes <= BUDGET);
	assert_int_equal(s.exporters, EXPORTERS + 1);
	assert_int_equal(s.templates + s.counts.templates_evicted, EXPORTERS * TEMPLATES + 1);
	assert_true(s.templates > BUDGET / 256);
	pv_collector_free(c);
}

static void one_exporter_pushes_out_its_own(void **state)
{
	(void)state;
	struct pv_collector *c = collector();
	struct pv_collector_status s;
	struct bytes m;
	struct got g;
	for (unsigned t = 0; t < PV_FLOW_TEMPLATES + 50; t++) {
		put_v9(&m, t, 1);
		put_template(&m, 0, (uint16_t)(256 + t), usual, N(usual));
		feed(c, &m, &g);
	}
	pv_collector_status(c, &s);
	assert_int_equal(s.templates, PV_FLOW_TEMPLATES);
	assert_int_equal(s.counts.templates_evicted, 50);
	pv_collector_clear(c);
	pv_collector_status(c, &s);
	assert_int_equal(s.templates + s.exporters + s.template_bytes + s.datagrams, 0);
	pv_collector_free(c);
}

static void exporters_without_end(void **state)
{
	(void)state;
	struct pv_collector *c = pv_collector_new(&(struct pv_collector_conf){.exporters = {.exporters = 100, .seed = 3}});
	struct pv_collector_status s;
	struct bytes m;
	struct got g;
	for (uint32_t e = 0; e < 1000; e++) {
		put_v9(&m, 0, e);
		put_template(&m, 0, 256, usual, N(usual));
		feed(c, &m, &g);
	}
	pv_collector_status(c, &s);
	assert_int_equal(s.exporters, 100);
	assert_int_equal(s.templates, 100);
	assert_int_equal(s.counts.exporters_evicted, 900);
	pv_collector_free(c);
}

static void the_ledger_balances(void **state)
{
	(void)state;
	struct pv_collector *c = collector();
	struct pv_collector_status s;
	struct pv_ledger_row rows[64];
	struct bytes m;
	struct got g;
	for (unsigned i = 0; i < 10; i++) {
		put_fixed(&m, i % 3 ? 5 : 6, 1, 0, 0);
		m.n -= i % 2;
		feed(c, &m, &g);
	}
	pv_collector_status(c, &s);
	uint64_t sum = 0, received = 0, reasons = 0;
	for (size_t i = 0, n = pv_collector_rows(&s, rows, N(rows)); i < n; i++) {
		if (rows[i].what == PV_LEDGER_RECEIVED)
			received = rows[i].value;
		else if (rows[i].what <= PV_LEDGER_DROPPED)
			sum += rows[i].value;
		else if (rows[i].what >= PV_LEDGER_REASON)
			reasons += rows[i].value;
	}
	assert_int_equal(received, 10);
	assert_int_equal(sum, 10);
	assert_int_equal(reasons, s.malformed + s.unsupported);
	assert_int_equal(pv_collector_rows(&s, rows, 3), 3);
	pv_collector_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_layouts),
		cmocka_unit_test(only_protocols_with_ports_have_some),
		cmocka_unit_test(sequences_of_flows),
		cmocka_unit_test(sequences_that_count_themselves),
		cmocka_unit_test(losses_are_ones_own),
		cmocka_unit_test(templates_and_data),
		cmocka_unit_test(several_source_ports),
		cmocka_unit_test(redefinition_withdrawal_and_age),
		cmocka_unit_test(variable_lengths_and_enterprises),
		cmocka_unit_test(fields),
		cmocka_unit_test(both_directions),
		cmocka_unit_test(what_totals_have_gained),
		cmocka_unit_test(totals_beside_deltas),
		cmocka_unit_test(totals_without_end),
		cmocka_unit_test(sampling_by_options),
		cmocka_unit_test(sequences_of_messages),
		cmocka_unit_test(what_cannot_be),
		cmocka_unit_test(zeros_behind_the_last_set),
		cmocka_unit_test(samples),
		cmocka_unit_test(sequences_of_samples),
		cmocka_unit_test(samples_that_are_none),
		cmocka_unit_test(samples_that_lie),
		cmocka_unit_test(old_versions),
		cmocka_unit_test(agents_without_address),
		cmocka_unit_test(kinds),
		cmocka_unit_test(a_flood_of_templates),
		cmocka_unit_test(one_exporter_pushes_out_its_own),
		cmocka_unit_test(exporters_without_end),
		cmocka_unit_test(the_ledger_balances),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
