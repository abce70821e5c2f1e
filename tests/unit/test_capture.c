/* SPDX-License-Identifier: MPL-2.0 */
/* capture/capture.h over saved captures made here, and the captures of tests/captures/format. Interfaces:
 * tests/live. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/capture.h"
#include "capture/iface.h"
#include "event/check.h"
#include "packet/decode.h"
#include "stage/stop.h"

#define T0 1700000000u
#define NS UINT64_C(1000000000)

/* ---- bytes of captures -------------------------------------------------------------------------- */

struct bytes {
	uint8_t b[1 << 20];
	size_t n;
};

static void put(struct bytes *f, const void *p, size_t n)
{
	assert_true(f->n + n <= sizeof f->b);
	memcpy(f->b + f->n, p, n);
	f->n += n;
}

static void put32(struct bytes *f, uint32_t v, bool big)
{
	if (big)
		v = __builtin_bswap32(v);
	put(f, &v, 4);
}

static void put16(struct bytes *f, uint16_t v, bool big)
{
	if (big)
		v = __builtin_bswap16(v);
	put(f, &v, 2);
}

static void pcap_header(struct bytes *f, uint32_t magic, bool big, uint32_t link)
{
	put32(f, magic, big);
	put16(f, 2, big);
	put16(f, 4, big);
	put32(f, 0, big);
	put32(f, 0, big);
	put32(f, 65535, big);
	put32(f, link, big);
}

#define MICRO 0xa1b2c3d4u
#define NANO 0xa1b23c4du

/* An Ethernet frame with UDP or TCP of 10.0.0.1 to 10.0.0.2. */
static size_t frame(uint8_t *at, int proto, uint16_t sport, uint16_t dport, size_t payload)
{
	size_t l4 = proto == 6 ? 20 : 8, ip = 20 + l4 + payload;
	memset(at, 0, 14 + ip);
	memcpy(at, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\x45", 15);
	at[16] = (uint8_t)(ip >> 8);
	at[17] = (uint8_t)ip;
	at[22] = 64;
	at[23] = (uint8_t)proto;
	memcpy(at + 26, "\x0a\0\0\x01\x0a\0\0\x02", 8);
	at[34] = (uint8_t)(sport >> 8);
	at[35] = (uint8_t)sport;
	at[36] = (uint8_t)(dport >> 8);
	at[37] = (uint8_t)dport;
	if (proto == 6) {
		at[46] = 0x50;
	} else {
		at[38] = (uint8_t)((l4 + payload) >> 8);
		at[39] = (uint8_t)(l4 + payload);
	}
	memset(at + 34 + l4, 'x', payload);
	return 14 + ip;
}

static void record(struct bytes *f, bool big, uint32_t sec, uint32_t frac, const uint8_t *bytes, uint32_t n)
{
	put32(f, sec, big);
	put32(f, frac, big);
	put32(f, n, big);
	put32(f, n, big);
	put(f, bytes, n);
}

/* n DNS queries, one every 100 ms. */
static void queries(struct bytes *f, unsigned n)
{
	uint8_t b[256];
	pcap_header(f, MICRO, false, 1);
	for (unsigned i = 0; i < n; i++)
		record(f, false, T0 + i / 10, i % 10 * 100000, b, (uint32_t)frame(b, 17, 40000, 53, 30));
}

static const char *save(const struct bytes *f, char path[64])
{
	memcpy(path, "/tmp/pv-test-capture-XXXXXX", 28);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->b, f->n), (ssize_t)f->n);
	close(fd);
	return path;
}

/* ---- what comes out ----------------------------------------------------------------------------- */

struct got {
	unsigned packets, starts, stops, stages, others, writes;
	struct pv_start start;
	char source[128], producer[64];
	struct pv_subnet hosts[8];
	struct pv_packet first, last;
	uint8_t stamps[20000];
	uint64_t ledger[512], counts[64];
	enum pv_res answer;
	int on_packet_close; /* close this descriptor when the first packet has been seen */
};

static void text(char *out, size_t cap, const struct pv_event *ev, struct pv_ref r)
{
	snprintf(out, cap, "%.*s", (int)r.len, pv_ref_bytes(ev, r));
}

static void see(struct got *g, const struct pv_event *ev)
{
	const char *wrong = pv_event_check(ev);
	if (wrong)
		fail_msg("event of type %u: %s", ev->type, wrong);
	if (ev->type == PV_EV_START) {
		const struct pv_start *s = (const void *)ev;
		g->starts++;
		g->start = *s;
		text(g->source, sizeof g->source, ev, s->source);
		text(g->producer, sizeof g->producer, ev, s->producer);
		assert_true(s->hosts_count <= 8);
		memcpy(g->hosts, (const uint8_t *)ev + s->hosts.off, s->hosts.len);
	} else if (ev->type == PV_EV_PACKET) {
		const struct pv_packet *p = (const void *)ev;
		assert_int_equal(g->stages, 1);
		assert_int_equal(g->stops, 0);
		assert_int_equal(p->number, g->packets + 1);
		memset(&g->last, 0, sizeof g->last);
		memcpy(&g->last, p, pv_packet_fixed(p));
		if (!g->packets++)
			g->first = g->last;
		if (g->packets <= sizeof g->stamps)
			g->stamps[g->packets - 1] = p->stamp;
		if (g->on_packet_close) {
			close(g->on_packet_close);
			g->on_packet_close = 0;
		}
	} else if (ev->type == PV_EV_STAGE) {
		const struct pv_stage_event *s = (const void *)ev;
		char type[16];
		text(type, sizeof type, ev, s->type);
		assert_string_equal(type, "pcap");
		assert_int_equal(s->stage, 0);
		assert_int_equal(s->kind, PV_STAGE_SOURCE);
		g->stages++;
	} else if (ev->type == PV_EV_STOP) {
		size_t n;
		const struct pv_ledger_row *row = pv_stop_rows((const void *)ev, &n);
		for (size_t i = 0; i < n; i++)
			if (row[i].stage == PV_STAGE_STREAM)
				g->counts[row[i].what] = row[i].value;
			else if (row[i].stage == 0)
				g->ledger[row[i].what] = row[i].value;
		g->stops++;
		assert_true(ev->time_ns == g->last.ev.time_ns || !g->packets);
	} else {
		g->others++;
	}
}

static enum pv_res sink_write(void *ctx, const struct iovec *iov, int n)
{
	struct got *g = ctx;
	g->writes++;
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		for (; p < end; p += ((const struct pv_event *)(const void *)p)->size)
			see(g, (const void *)p);
	}
	return g->answer;
}

/* Runs a capture to its end; the last answer of pv_capture_poll(). err gets pv_capture_error(). */
static enum pv_res run(const struct pv_capture_conf *conf, struct got *g, char err[512])
{
	static const char *const empty = "";
	struct pv_out out;
	struct pv_capture *c = pv_capture_open(conf, err, 512);
	if (!c)
		return PV_BAD;
	assert_int_equal(pv_out_init(&out, (struct pv_sink){.write = sink_write, .ctx = g}), 0);
	enum pv_res res;
	do {
		res = pv_capture_poll(c, &out);
		pv_out_flush(&out);
	} while (res == PV_OK || res == PV_AGAIN);
	assert_int_equal(pv_capture_poll(c, &out), res); /* the answer stays */
	snprintf(err, 512, "%s", pv_capture_error(c) ? pv_capture_error(c) : empty);
	if (res != PV_STOP) {
		struct pv_capture_status s;
		pv_capture_status(c, &s);
		assert_int_equal(g->starts, 1);
		assert_int_equal(g->stops, 1);
		assert_int_equal(g->counts[PV_EV_PACKET], g->packets);
		assert_int_equal(g->ledger[PV_LEDGER_RECEIVED], g->packets);
		assert_int_equal(s.packets, g->packets);
		assert_int_equal(g->ledger[PV_LEDGER_RECEIVED], g->ledger[PV_LEDGER_ANALYSED] +
									g->ledger[PV_LEDGER_MALFORMED] +
									g->ledger[PV_LEDGER_UNSUPPORTED]);
	}
	pv_out_free(&out);
	pv_capture_free(c);
	return res;
}

/* The same over bytes made here. conf->file is set. */
static enum pv_res run_bytes(struct pv_capture_conf *conf, const struct bytes *f, struct got *g,
			     char err[512])
{
	char path[64];
	conf->file = save(f, path);
	memset(g, 0, sizeof *g);
	enum pv_res res = run(conf, g, err);
	unlink(path);
	conf->file = NULL;
	return res;
}

struct world {
	struct bytes f;
	struct got g;
	char err[512];
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct world));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

/* ---- the cases ---------------------------------------------------------------------------------- */

static void formats(void **state)
{
	static const struct {
		const char *name;
		uint32_t magic;
		bool big;
		uint32_t frac;
		uint64_t ns;
	} table[] = {
		{"microseconds", MICRO, false, 123456, 123456000},
		{"microseconds, other byte order", MICRO, true, 123456, 123456000},
		{"nanoseconds", NANO, false, 123456789, 123456789},
		{"nanoseconds, other byte order", NANO, true, 123456789, 123456789},
	};
	struct world *w = *state;
	uint8_t b[256];
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct pv_capture_conf conf = {.producer = "test 1"};
		w->f.n = 0;
		pcap_header(&w->f, table[i].magic, table[i].big, 1);
		record(&w->f, table[i].big, T0, table[i].frac, b, (uint32_t)frame(b, 17, 1000, 53, 10));
		record(&w->f, table[i].big, T0 + 1, 0, b, (uint32_t)frame(b, 6, 1000, 80, 10));
		print_message("%s\n", table[i].name);
		assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_END);
		assert_int_equal(w->g.packets, 2);
		assert_true(w->g.first.ev.time_ns == T0 * NS + table[i].ns);
		assert_true(w->g.start.ev.time_ns == w->g.first.ev.time_ns);
		assert_int_equal(w->g.start.clock, PV_CLOCK_RECORDED);
		assert_int_equal(w->g.start.magic, PV_EVENT_MAGIC);
		assert_string_equal(w->g.producer, "test 1");
		assert_memory_equal(w->g.source, "/tmp/pv-test-capture-", 21);
		assert_int_equal(w->g.first.l4, PV_L4_UDP);
		assert_int_equal(w->g.last.l4, PV_L4_TCP);
	}
}

static void pcapng(void **state)
{
	struct world *w = *state;
	struct bytes *f = &w->f;
	uint8_t b[256];
	struct pv_capture_conf conf = {0};
	uint32_t n = (uint32_t)frame(b, 17, 53, 2000, 4), padded = (n + 3) & ~3u;
	uint64_t stamp = T0 * NS + 987654321;
	f->n = 0;
	put32(f, 0x0a0d0d0a, false); /* section header */
	put32(f, 28, false);
	put32(f, 0x1a2b3c4d, false);
	put32(f, 1, false);
	put32(f, UINT32_MAX, false);
	put32(f, UINT32_MAX, false);
	put32(f, 28, false);
	put32(f, 1, false); /* interface: Ethernet, resolution 1e-9 */
	put32(f, 32, false);
	put32(f, 1, false);
	put32(f, 0, false);
	put32(f, 9 | 1 << 16, false);
	put32(f, 9, false);
	put32(f, 0, false);
	put32(f, 32, false);
	put32(f, 6, false); /* enhanced packet */
	put32(f, 32 + padded, false);
	put32(f, 0, false);
	put32(f, (uint32_t)(stamp >> 32), false);
	put32(f, (uint32_t)stamp, false);
	put32(f, n, false);
	put32(f, n, false);
	put(f, b, padded);
	put32(f, 32 + padded, false);
	assert_int_equal(run_bytes(&conf, f, &w->g, w->err), PV_END);
	assert_int_equal(w->g.packets, 1);
	assert_true(w->g.first.ev.time_ns == stamp);
}

static void no_packets(void **state)
{
	struct world *w = *state;
	struct pv_capture_conf conf = {0};
	pcap_header(&w->f, MICRO, false, 1);
	assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_END);
	assert_int_equal(w->g.packets, 0);
	assert_int_equal(w->g.start.ev.time_ns, 0);
}

static void cut_file(void **state)
{
	struct world *w = *state;
	struct pv_capture_conf conf = {0};
	queries(&w->f, 5);
	for (size_t cut = 1; cut < 16 + 72; cut++) {
		w->f.n--;
		assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_FAIL);
		assert_int_equal(w->g.packets, 4);
		assert_non_null(strstr(w->err, "cannot read '/tmp/pv-test-capture-"));
		assert_non_null(strstr(w->err, "truncated"));
	}
	w->f.n--; /* between two records is a good end */
	assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_END);
	assert_int_equal(w->g.packets, 4);
}

static void cannot_open(void **state)
{
	struct world *w = *state;
	struct pv_capture_conf conf = {.file = "/nowhere/at.pcap"};
	assert_int_equal(run(&conf, &w->g, w->err), PV_BAD);
	assert_string_equal(w->err, "cannot read '/nowhere/at.pcap': No such file or directory");
	conf = (struct pv_capture_conf){.file = "/tmp"};
	assert_int_equal(run(&conf, &w->g, w->err), PV_BAD);
	assert_non_null(strstr(w->err, "cannot read '/tmp'"));

	conf = (struct pv_capture_conf){0};
	assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_BAD); /* no bytes at all */
	put(&w->f, "this is no capture, is it?", 26);
	assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_BAD);
	assert_non_null(strstr(w->err, "unknown file format"));

	w->f.n = 0;
	pcap_header(&w->f, MICRO, false, 147);
	assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_BAD);
	assert_non_null(strstr(w->err, "cannot decode link type 147"));

	assert_null(pv_capture_open(&conf, w->err, sizeof w->err)); /* neither */
	conf = (struct pv_capture_conf){.file = "-", .iface = "lo"};
	assert_null(pv_capture_open(&conf, w->err, sizeof w->err)); /* both */
	conf = (struct pv_capture_conf){.file = "-", .hosts = "10.0.0.0/33"};
	assert_null(pv_capture_open(&conf, w->err, sizeof w->err));
	assert_non_null(strstr(w->err, "10.0.0.0/33"));
}

static void filters(void **state)
{
	static const struct {
		const char *bpf;
		int packets; /* -1: cannot be used */
	} table[] = {
		{"", 2},         {"udp", 1},      {"tcp port 80", 1}, {"host 192.0.2.9", 0},
		{"prot 53", -1}, {"udp and", -1},
	};
	struct world *w = *state;
	uint8_t b[256];
	pcap_header(&w->f, MICRO, false, 1);
	record(&w->f, false, T0, 0, b, (uint32_t)frame(b, 17, 1000, 53, 10));
	record(&w->f, false, T0, 0, b, (uint32_t)frame(b, 6, 1000, 80, 10));
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct pv_capture_conf conf = {.bpf = table[i].bpf};
		enum pv_res res = run_bytes(&conf, &w->f, &w->g, w->err);
		if (table[i].packets < 0) {
			char want[64];
			snprintf(want, sizeof want, "cannot use filter '%s': ", table[i].bpf);
			assert_int_equal(res, PV_BAD);
			assert_memory_equal(w->err, want, strlen(want));
			assert_null(strchr(w->err, '\n'));
		} else {
			assert_int_equal(res, PV_END);
			assert_int_equal(w->g.packets, table[i].packets);
		}
	}
}

static void limits(void **state)
{
	static const struct {
		const char *name;
		uint64_t count, duration_ns;
		unsigned packets;
	} table[] = {
		{"all", 0, 0, 30},
		{"one", 1, 0, 1},
		{"29", 29, 0, 29},
		{"more than there are", 31, 0, 30},
		{"a second", 0, NS, 10},
		{"just over a second", 0, NS + 1, 11},
		{"the first second, at most 3", 3, NS, 3},
		{"the first second, at most 20", 20, NS, 10},
		{"longest duration", 0, UINT64_MAX, 30},
	};
	struct world *w = *state;
	queries(&w->f, 30);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct pv_capture_conf conf = {.count = table[i].count, .duration_ns = table[i].duration_ns};
		print_message("%s\n", table[i].name);
		assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_END);
		assert_int_equal(w->g.packets, table[i].packets);
	}
}

static void snaplen(void **state)
{
	static const struct {
		uint32_t snaplen, cap_len, payload, reason;
	} table[] = {
		{0, 72, 30, PV_DEC_OK},     {72, 72, 30, PV_DEC_OK},    {71, 71, 29, PV_DEC_OK},
		{42, 42, 0, PV_DEC_OK},     {41, 41, 0, PV_DEC_L4_CUT}, {14, 14, 0, PV_DEC_IP_CUT},
		{1, 1, 0, PV_DEC_LINK_CUT},
	};
	struct world *w = *state;
	queries(&w->f, 1);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct pv_capture_conf conf = {.snaplen = table[i].snaplen};
		bool cut = table[i].cap_len < 72;
		assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_END);
		assert_int_equal(w->g.first.cap_len, table[i].cap_len);
		assert_int_equal(w->g.first.wire_len, 72);
		assert_int_equal(w->g.first.payload_len, table[i].payload);
		assert_int_equal(w->g.first.reason, table[i].reason);
		assert_int_equal(!!(w->g.first.bits & PV_PKT_TRUNCATED), cut);
		assert_int_equal(w->g.ledger[PV_LEDGER_TRUNCATED], cut);
		assert_int_equal(w->g.ledger[PV_LEDGER_MALFORMED], table[i].reason != PV_DEC_OK);
		if (table[i].reason)
			assert_int_equal(w->g.ledger[PV_LEDGER_REASON + table[i].reason], 1);
	}
}

static void payload(void **state)
{
	static const struct {
		int proto;
		uint16_t sport, dport;
		bool carried;
	} table[] = {
		{17, 40000, 53, true},   {17, 53, 40000, true},    {6, 40000, 53, true},
		{17, 5353, 5353, true},  {17, 40000, 5355, true},  {17, 53000, 40000, true},
		{17, 68, 67, true},      {17, 547, 546, true},     {6, 179, 40000, true},
		{6, 40000, 80, false},   {17, 40000, 443, false},  {17, 40000, 54, false},
		{17, 40000, 2055, true}, {17, 40000, 2056, false},
	};
	static const uint16_t extra[] = {2055, 65535};
	struct world *w = *state;
	uint8_t b[256];
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct pv_capture_conf conf = {.ports = extra, .nports = 2};
		w->f.n = 0;
		pcap_header(&w->f, MICRO, false, 1);
		record(&w->f, false, T0, 0, b,
		       (uint32_t)frame(b, table[i].proto, table[i].sport, table[i].dport, 33));
		print_message("%d %d %d\n", table[i].proto, table[i].sport, table[i].dport);
		assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_END);
		bool dhcp = table[i].dport == 67 || table[i].dport == 546;
		size_t fixed = dhcp ? sizeof(struct pv_packet) : PV_PACKET_FIXED_BASE;
		assert_int_equal(w->g.first.payload_len, table[i].carried ? 33 : 0);
		assert_int_equal(w->g.first.payload_off, table[i].carried ? fixed : 0);
		assert_int_equal(w->g.first.bits & PV_PKT_ETH, dhcp ? PV_PKT_ETH : 0);
		assert_memory_equal(w->g.first.eth_src, dhcp ? "\2\0\0\0\0\1" : "\0\0\0\0\0\0", 6);
		assert_int_equal(w->g.first.payload_wire_len, 33);
		assert_int_equal(w->g.first.ev.size, fixed + (table[i].carried ? 40 : 0));
	}
}

static void host_subnets(void **state)
{
	struct world *w = *state;
	struct pv_capture_conf conf = {.hosts = "10.0.0.2/32, 2001:db8::/32"};
	queries(&w->f, 1);
	assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_END);
	assert_int_equal(w->g.start.hosts_count, 2); /* the list alone, nothing of this machine */
	assert_int_equal(w->g.hosts[0].prefix, 32);
	assert_int_equal(w->g.hosts[1].family, 6);
	assert_int_equal(w->g.first.dir, PV_DIR_IN);
	conf.hosts = "10.0.0.1";
	assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_END);
	assert_int_equal(w->g.first.dir, PV_DIR_OUT);
	conf.hosts = NULL;
	assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_END);
	assert_int_equal(w->g.start.hosts_count, 0);
	assert_int_equal(w->g.first.dir, PV_DIR_UNKNOWN);
}

static void stamps(void **state)
{
	struct world *w = *state;
	struct got *again = calloc(1, sizeof *again);
	struct pv_capture_conf conf = {.stream_id = 7};
	unsigned below[101] = {0};
	assert_non_null(again);
	queries(&w->f, 9000);
	assert_int_equal(run_bytes(&conf, &w->f, &w->g, w->err), PV_END);
	assert_int_equal(w->g.start.stream_id, 7);
	assert_int_equal(w->g.packets, 9000);
	assert_int_equal(run_bytes(&conf, &w->f, again, w->err), PV_END);
	assert_memory_equal(w->g.stamps, again->stamps, 9000);
	for (unsigned i = 0; i < 9000; i++)
		for (unsigned rate = w->g.stamps[i] + 1; rate <= 100; rate++)
			below[rate]++;
	/* a rate of r takes r %: within five standard deviations */
	for (unsigned rate = 1; rate <= 100; rate++) {
		double want = 90.0 * rate, slack = 5 * 95 * 0.5;
		assert_true(below[rate] > want - slack && below[rate] < want + slack);
	}
	assert_int_equal(below[100], 9000);
	conf.seed = 8;
	conf.stream_id = 0;
	assert_int_equal(run_bytes(&conf, &w->f, again, w->err), PV_END);
	assert_memory_not_equal(w->g.stamps, again->stamps, 9000);
	assert_true(again->start.stream_id != 0 && again->start.stream_id != 7);
	free(again);
}

/* Stdin is a pipe here; its writer goes on only when the packet it wrote has come out at our end. */
static void slow_pipe(void **state)
{
	struct world *w = *state;
	int fds[2], saved = dup(STDIN_FILENO);
	struct pv_capture_conf conf = {.file = "-"};
	queries(&w->f, 1);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], w->f.b, w->f.n), (ssize_t)w->f.n);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	w->g.on_packet_close = fds[1];
	alarm(200);
	assert_int_equal(run(&conf, &w->g, w->err), PV_END);
	alarm(0);
	assert_int_equal(w->g.packets, 1);
	assert_string_equal(w->g.source, "-");
	assert_true(dup2(saved, STDIN_FILENO) == STDIN_FILENO);
	close(saved);
}

static void told_to_stop(void **state)
{
	struct world *w = *state;
	char path[64];
	int fds[2];
	struct pv_capture_conf conf = {0};
	queries(&w->f, 30);
	conf.file = save(&w->f, path);
	struct pv_out out;
	struct pv_capture *c = pv_capture_open(&conf, w->err, sizeof w->err);
	assert_non_null(c);
	assert_int_equal(pv_out_init(&out, (struct pv_sink){.write = sink_write, .ctx = &w->g}), 0);
	pv_capture_stop(c);
	assert_int_equal(pv_capture_poll(c, &out), PV_END);
	pv_out_flush(&out);
	assert_int_equal(w->g.starts, 1);
	assert_int_equal(w->g.stops, 1);
	assert_int_equal(w->g.packets, 0);
	pv_out_free(&out);
	pv_capture_free(c);

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	memset(&w->g, 0, sizeof w->g);
	conf.stop_fd = fds[0];
	assert_int_equal(run(&conf, &w->g, w->err), PV_END);
	assert_int_equal(w->g.packets, 0);
	unlink(path);

	/* and while it waits for a pipe's first byte */
	int empty[2], saved = dup(STDIN_FILENO);
	assert_int_equal(pipe(empty), 0);
	dup2(empty[0], STDIN_FILENO);
	conf.file = "-";
	memset(&w->g, 0, sizeof w->g);
	alarm(200);
	assert_int_equal(run(&conf, &w->g, w->err), PV_END);
	alarm(0);
	assert_int_equal(w->g.packets, 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(empty[0]);
	close(empty[1]);
	close(fds[0]);
	close(fds[1]);
}

static void nobody_reads(void **state)
{
	struct world *w = *state;
	struct pv_capture_conf conf = {0};
	char path[64];
	queries(&w->f, 6000); /* more than a batch holds */
	conf.file = save(&w->f, path);
	w->g.answer = PV_STOP;
	assert_int_equal(run(&conf, &w->g, w->err), PV_STOP);
	assert_int_equal(w->g.writes, 1);
	unlink(path);
}

static void decap_names(void **state)
{
	struct pv_capture_conf conf = {0};
	(void)state;
	assert_true(pv_capture_decap(&conf, "gre"));
	assert_true(conf.decap_gre && !conf.decap_ipip && !conf.decap_vxlan);
	assert_true(pv_capture_decap(&conf, "ipip") && conf.decap_ipip);
	assert_true(pv_capture_decap(&conf, "vxlan") && conf.decap_vxlan);
	assert_false(pv_capture_decap(&conf, "gr"));
}

/* Captures of other programs, some of them damaged on purpose. */
static void saved_captures(void **state)
{
	static const struct {
		const char *name;
		int res; /* PV_BAD: is not opened */
		unsigned packets;
	} table[] = {
		{"format/big-endian.pcap", PV_END, 40},
		{"format/big-endian.pcapng", PV_END, 40},
		{"format/nano-big-endian.pcap", PV_END, 40},
		{"format/nano.pcap", PV_END, 40},
		{"format/blocks.pcapng", PV_END, 40},
		{"format/simple-packets.pcapng", PV_END, 40},
		{"format/time-jumps.pcap", PV_END, 40},
		{"format/time-fraction.pcap", PV_END, 40},
		{"format/snap0.pcap", PV_END, 40},
		{"format/caplen-over-wirelen.pcap", PV_END, 40},
		{"format/header-only.pcap", PV_END, 0},
		{"format/cut-in-header.pcap", PV_FAIL, 20},
		{"format/cut-in-packet.pcap", PV_FAIL, 20},
		{"format/caplen-huge.pcap", PV_FAIL, 20},
		{"format/empty.pcap", PV_BAD, 0},
		{"format/garbage.pcap", PV_BAD, 0},
		{"format/header-cut.pcap", PV_BAD, 0},
		{"format/text.pcap", PV_BAD, 0},
		{"format/no-interface.pcapng", PV_BAD, 0},
		{"link/c-hdlc.pcap", PV_BAD, 0},
	};
	struct world *w = *state;
	const char *dir = getenv("CAPTURES") ? getenv("CAPTURES") : "tests/captures";
	if (access(dir, R_OK))
		skip();
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char path[512];
		snprintf(path, sizeof path, "%s/%s", dir, table[i].name);
		struct pv_capture_conf conf = {.file = path};
		memset(&w->g, 0, sizeof w->g);
		print_message("%s\n", table[i].name);
		assert_int_equal(run(&conf, &w->g, w->err), table[i].res);
		assert_int_equal(w->g.packets, table[i].packets);
		assert_int_equal(!!w->err[0], table[i].res != PV_END);
	}
}

static void interfaces(void **state)
{
	char name[PV_IFACE_NAME], err[512];
	struct pv_subnet nets[PV_IFACE_ADDRS];
	(void)state;
	assert_int_equal(pv_iface_resolve("any", name, err, sizeof err), 0);
	assert_string_equal(name, "any");
	assert_int_equal(pv_iface_resolve("", name, err, sizeof err), -1);
	assert_string_equal(err, "no iface was specified for live capture");
	assert_int_equal(pv_iface_resolve("192.0.2.199", name, err, sizeof err), -1);
	assert_string_equal(err, "Couldn't find interface by provided IP: 192.0.2.199");
	assert_int_equal(pv_iface_resolve("2001:db8::dead", name, err, sizeof err), -1);
	assert_string_equal(err, "Couldn't find interface by provided IP: 2001:db8::dead");
	assert_int_equal(pv_iface_resolve("nosuch0", name, err, sizeof err), -1);
	static const char want[] =
		"Couldn't find interface by provided name: \"nosuch0\". Available interfaces: ";
	assert_memory_equal(err, want, sizeof want - 1);
	if (pv_iface_resolve("lo", name, err, sizeof err) || !pv_iface_addrs("lo", nets, PV_IFACE_ADDRS))
		skip(); /* a machine without a loopback interface that is up */
	assert_string_equal(name, "lo");
	assert_int_equal(pv_iface_resolve("127.0.0.1", name, err, sizeof err), 0);
	assert_string_equal(name, "lo");
	assert_int_equal(nets[0].family, 4);
	assert_int_equal(nets[0].prefix, 8);
	assert_memory_equal(nets[0].addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01", 16);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(formats),
		CASE(pcapng),
		CASE(no_packets),
		CASE(cut_file),
		CASE(cannot_open),
		CASE(filters),
		CASE(limits),
		CASE(snaplen),
		CASE(payload),
		CASE(host_subnets),
		CASE(stamps),
		CASE(slow_pipe),
		CASE(told_to_stop),
		CASE(nobody_reads),
		CASE(saved_captures),
		cmocka_unit_test(decap_names),
		cmocka_unit_test(interfaces),
	};
	return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
