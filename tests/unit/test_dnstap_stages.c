/* SPDX-License-Identifier: MPL-2.0 */
/* dnstap events through pv-net's and pv-dns's analysers, and what the metrics make of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dns/analyser.h"
#include "dns/metrics.h"
#include "dns/names.h"
#include "event/check.h"
#include "metric/bucket.h"
#include "net/analyser.h"
#include "net/metrics.h"
#include "policy/only.h"
#include "unit/stream_util.h"

#define MS UINT64_C(1000000)

/* A message of a few words. */
struct say {
	unsigned type; /* enum pv_dnstap_type */
	uint16_t id;
	uint64_t at_ms;   /* header time */
	uint64_t sent_ms; /* by the server's clock, of this half; 0: not told */
	unsigned transport, rcode, bits;
	bool v6, empty;
	unsigned client; /* last byte of the address; 0: 11 */
};

struct run {
	struct pv_stage *stage;
	struct mem mem;
	uint64_t number;
	struct mem in;
	struct pv_out to;
};

static const uint8_t question[] = "\3www\7example\0\0\1\0\1";

static void run_open(struct run *r, struct pv_stage *stage, enum pv_clock clock)
{
	memset(&r->in, 0, sizeof r->in);
	r->number = 0;
	r->stage = stage;
	assert_non_null(stage);
	assert_int_equal(pv_out_init(&r->to, mem_sink(&r->in)), 0);
	ev_start(&r->to, SEC, clock, 1, 0);
}

static void run_say(struct run *r, const struct say *s)
{
	uint8_t msg[12 + sizeof question - 1] = {(uint8_t)(s->id >> 8), (uint8_t)s->id};
	bool query = s->type % 2 != (s->bits & PV_DNSTAP_OTHER_HALF);
	msg[2] = query ? 1 : 0x81;
	msg[3] = (uint8_t)s->rcode;
	msg[5] = 1;
	memcpy(msg + 12, question, sizeof question - 1);
	struct pv_dnstap *d = ev_dnstap(&r->to, SEC + s->at_ms * MS, ++r->number, msg, s->empty ? 0 : sizeof msg);
	bool asked = s->type <= 2 || s->type == 5 || s->type == 6 || s->type >= 13;
	d->message = (uint8_t)s->type;
	d->dir = asked == (s->type % 2) ? PV_DIR_IN : PV_DIR_OUT;
	d->bits = (uint8_t)s->bits;
	d->transport = (uint8_t)(s->transport ? s->transport : PV_TR_UDP);
	d->l3 = s->v6 ? 6 : 4;
	ev_addr(d->query_addr, s->v6, s->client ? s->client : 11);
	ev_addr(d->response_addr, s->v6, 53);
	d->query_time_ns = query ? s->sent_ms * MS : 0;
	d->response_time_ns = query ? 0 : s->sent_ms * MS;
}

static void run_through(struct run *r)
{
	pv_out_flush(&r->to);
	for (size_t at = 0; at < r->in.n; at += ev_at(&r->in, at)->size)
		assert_null(pv_event_check(ev_at(&r->in, at)));
	r->stage->ops->batch(r->stage, ev_at(&r->in, 0), r->in.n);
	pv_out_drain(&r->stage->out);
	r->in.n = 0;
}

static void run_end(struct run *r)
{
	r->stage->ops->end(r->stage, false);
	pv_out_drain(&r->stage->out);
}

static void run_close(struct run *r)
{
	pv_stage_free(r->stage);
	pv_out_free(&r->to);
	mem_free(&r->mem);
	mem_free(&r->in);
}

/* The n-th event of a type that came out, from 0. */
static const void *out_nth(const struct run *r, unsigned type, unsigned n)
{
	for (size_t at = 0; at < r->mem.n; at += ev_at(&r->mem, at)->size) {
		const struct pv_event *ev = ev_at(&r->mem, at);
		assert_null(pv_event_check(ev));
		if (ev->type == type && !n--)
			return ev;
	}
	return NULL;
}

static const struct pv_dns *dns_nth(const struct run *r, unsigned n)
{
	return out_nth(r, PV_EV_DNS, n);
}

static struct pv_stage *dns_stage(struct run *r, const struct pv_filter_conf *fc, enum pv_dnstap_kind kind)
{
	struct pv_dns_conf conf = {.seed = 1};
	pv_dns_filter_init(&conf.filter);
	conf.filter.dnstap_kind = (uint8_t)kind;
	memset(&r->mem, 0, sizeof r->mem);
	return pv_filter_new(&pv_dns_ops, pv_dns_new(&conf), fc, mem_sink(&r->mem));
}

static void transactions(void **state)
{
	(void)state;
	static const struct say says[] = {
		{.type = 5, .id = 1, .at_ms = 0, .transport = PV_TR_DOT},
		{.type = 5, .id = 1, .at_ms = 1},  /* another transport: another question */
		{.type = 3, .id = 1, .at_ms = 2},  /* the same packet, as a resolver and */
		{.type = 1, .id = 1, .at_ms = 3},  /* the server that it asks log it */
		{.type = 2, .id = 1, .at_ms = 10, .rcode = 3},
		{.type = 4, .id = 1, .at_ms = 12, .rcode = 3},
		{.type = 6, .id = 1, .at_ms = 20, .rcode = 3},
		{.type = 6, .id = 1, .at_ms = 25, .transport = PV_TR_DOT},
		{.type = 6, .id = 9, .at_ms = 26}, /* of no query */
		{.type = 5, .id = 2, .at_ms = 30, .v6 = true}, /* never answered */
	};
	static const struct {
		unsigned xact, query;
		enum pv_dir dir;
	} want[] = {{0, 0, PV_DIR_IN}, {0, 0, PV_DIR_IN}, {0, 0, PV_DIR_OUT}, {0, 0, PV_DIR_IN}, {1, 4, PV_DIR_OUT},
		    {1, 3, PV_DIR_IN}, {1, 2, PV_DIR_OUT}, {1, 1, PV_DIR_OUT}, {3, 0, PV_DIR_OUT}, {0, 0, PV_DIR_IN}};
	struct run r;
	run_open(&r, dns_stage(&r, &(struct pv_filter_conf){0}, PV_DNSTAP_ANY), PV_CLOCK_RECORDED);
	for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
		run_say(&r, &says[i]);
	pv_out_event(&r.to, PV_EV_TICK, sizeof(struct pv_event), 20 * SEC);
	run_through(&r);
	for (unsigned i = 0; i < sizeof says / sizeof says[0]; i++) {
		const struct pv_dns *d = dns_nth(&r, i);
		assert_int_equal(pv_event_dnstap(&d->ev), says[i].type);
		assert_int_equal(d->xact, want[i].xact);
		assert_int_equal(d->dir, want[i].dir);
		assert_int_equal(!!(d->bits & PV_DNS_QR), says[i].type % 2 == 0);
		assert_int_equal(d->transport, says[i].transport ? says[i].transport : PV_TR_UDP);
		assert_int_equal(d->port, 6063);
		assert_int_equal(d->src[15], 11);
		assert_int_equal(d->dst[15], 53);
		if (want[i].query) {
			assert_int_equal(d->query_packet, want[i].query);
			assert_int_equal(d->query_time_ns, SEC + says[want[i].query - 1].at_ms * MS);
		}
	}
	const struct pv_dns *late = out_nth(&r, PV_EV_DNS_TIMEOUT, 0);
	assert_int_equal(late->query_packet, 10);
	assert_int_equal(pv_event_dnstap(&late->ev), 5);
	assert_int_equal(late->l3, 6);
	assert_int_equal(late->port, 6063);
	assert_null(out_nth(&r, PV_EV_DNS_TIMEOUT, 1));
	run_close(&r);
}

/* Live, both halves come whenever the server sends them, by a clock that may be wrong: what it measured counts. */
static void live_times(void **state)
{
	(void)state;
	static const struct {
		uint64_t query_at, query_sent, response_at, response_sent, want_ms;
	} cases[] = {
		{0, 5000, 0, 5042, 42},		/* together */
		{0, 999000, 700, 999003, 3},	/* a clock of its own, gathered for long */
		{0, 5042, 700, 5000, 0},	/* backwards: nothing is shorter than nothing */
		{0, 0, 700, 0, 700},		/* it tells no times: arrival is what there is */
		{0, 5000, 700, 0, 700},
		{100, 1, 200, 1000000, 1200},	/* longer than the stream: from its beginning */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct run r;
		run_open(&r, dns_stage(&r, &(struct pv_filter_conf){0}, PV_DNSTAP_ANY), PV_CLOCK_LIVE);
		run_say(&r, &(struct say){.type = 5, .id = 1, .at_ms = cases[i].query_at, .sent_ms = cases[i].query_sent});
		run_say(&r, &(struct say){.type = 6, .id = 1, .at_ms = cases[i].response_at, .sent_ms = cases[i].response_sent});
		run_through(&r);
		const struct pv_dns *d = dns_nth(&r, 1);
		assert_int_equal(d->xact, PV_XACT_MATCHED);
		assert_int_equal((d->ev.time_ns - d->query_time_ns) / MS, cases[i].want_ms);
		run_close(&r);
	}
}

static void halves(void **state)
{
	(void)state;
	struct run r;
	run_open(&r, dns_stage(&r, &(struct pv_filter_conf){0}, PV_DNSTAP_ANY), PV_CLOCK_RECORDED);
	run_say(&r, &(struct say){.type = 6, .id = 1, .bits = PV_DNSTAP_OTHER_HALF}); /* a response that has its query only */
	run_say(&r, &(struct say){.type = 6, .id = 1, .at_ms = 4});
	run_say(&r, &(struct say){.type = 6, .empty = true, .at_ms = 5});
	run_say(&r, &(struct say){.type = 5, .empty = true, .at_ms = 6});
	run_through(&r);
	run_end(&r);
	const struct pv_dns *d = dns_nth(&r, 0);
	assert_int_equal(pv_event_dnstap(&d->ev), 5);
	assert_int_equal(d->dir, PV_DIR_IN);
	assert_int_equal(d->bits & PV_DNS_QR, 0);
	assert_int_equal(dns_nth(&r, 1)->xact, PV_XACT_MATCHED);
	d = dns_nth(&r, 2);
	assert_int_equal(d->reason, PV_DNS_ABSENT);
	assert_int_equal(d->bits, PV_DNS_QR);
	assert_int_equal(d->xact, PV_XACT_NONE);
	assert_int_equal(d->length, 0);
	assert_int_equal(dns_nth(&r, 3)->bits, 0);
	const struct pv_stop *stop = out_nth(&r, PV_EV_STOP, 0);
	size_t n;
	uint64_t rows[8] = {0};
	const struct pv_ledger_row *row = pv_stop_rows(stop, &n);
	for (size_t i = 0; i < n; i++)
		if (row[i].stage == 1 && row[i].what < 8)
			rows[row[i].what] = row[i].value;
	assert_int_equal(rows[PV_LEDGER_RECEIVED], 4);
	assert_int_equal(rows[PV_LEDGER_ANALYSED], 2);
	assert_int_equal(rows[PV_LEDGER_UNSUPPORTED], 2);
	run_close(&r);
}

static void filter_and_chain(void **state)
{
	(void)state;
	static const struct {
		bool only, chain;
		unsigned events; /* dnstap events that go on */
	} cases[] = {{false, false, 4}, {true, false, 0}, {false, true, 2}};
	for (size_t i = 0; i < 3; i++) {
		struct run r;
		const struct pv_filter_conf fc = {.only = cases[i].only, .chain = cases[i].chain};
		run_open(&r, dns_stage(&r, &fc, PV_DNSTAP_CLIENT), PV_CLOCK_RECORDED);
		for (unsigned type = 3; type < 7; type++)
			run_say(&r, &(struct say){.type = type, .id = 1, .at_ms = type});
		run_through(&r);
		for (unsigned k = 0; k < 4; k++)
			assert_int_equal(dns_nth(&r, k)->ev.flags & PV_F_FILTERED, k < 2 ? PV_F_FILTERED : 0);
		unsigned n = 0;
		while (out_nth(&r, PV_EV_DNSTAP, n))
			n++;
		assert_int_equal(n, cases[i].events);
		run_close(&r);
	}
}

/* One bucket of what came out. */
static struct pv_bucket *bucket_of(const struct run *r, const struct pv_handler *h)
{
	struct pv_bucket *b = pv_bucket_new(h, &(struct pv_bucket_conf){.topn = 10, .seed = 1, .groups = UINT32_MAX});
	struct pv_handler_ctx ctx = {.state = calloc(1, h->state_size ? h->state_size : 1), .hosts_empty = true};
	for (size_t at = 0; at < r->mem.n; at += ev_at(&r->mem, at)->size) {
		const struct pv_event *ev = ev_at(&r->mem, at);
		if (h->wants & PV_WANTS(ev->type))
			h->update(b, ev, true, &ctx);
	}
	free(ctx.state);
	return b;
}

static uint64_t value(const struct pv_bucket *b, const char *path)
{
	for (size_t m = 0; m < b->handler->nmetrics; m++)
		if (!strcmp(b->handler->metrics[m].path, path))
			return pv_bucket_root((struct pv_bucket *)(uintptr_t)b)->cells[m].count;
	fail_msg("%s", path);
	return 0;
}

static void dns_metrics(void **state)
{
	(void)state;
	static const struct say says[] = {
		{.type = 5, .id = 1}, {.type = 6, .id = 1, .rcode = 2, .at_ms = 1},
		{.type = 5, .id = 2, .transport = PV_TR_TCP}, {.type = 6, .id = 2, .transport = PV_TR_TCP, .at_ms = 2},
		{.type = 3, .id = 3, .transport = PV_TR_DOH, .v6 = true}, {.type = 2, .empty = true}, {.type = 5, .id = 4, .client = 12},
	};
	static const struct {
		const char *path;
		uint64_t want;
	} want[] = {
		{"wire_packets.total", 7}, {"wire_packets.queries", 4}, {"wire_packets.replies", 3}, {"wire_packets.udp", 4},
		{"wire_packets.tcp", 2}, {"wire_packets.ipv4", 6}, {"wire_packets.ipv6", 1}, {"wire_packets.srvfail", 1},
		{"wire_packets.noerror", 1}, /* without a message there is no code */
		{"wire_packets.filtered", 0},
		/* version 1 has no transactions of dnstap, found ones or given up */
		{"xact.counts.total", 0}, {"xact.counts.timed_out", 0}, {"xact.in.total", 0},
	};
	struct run r;
	run_open(&r, dns_stage(&r, &(struct pv_filter_conf){0}, PV_DNSTAP_ANY), PV_CLOCK_RECORDED);
	for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
		run_say(&r, &says[i]);
	pv_out_event(&r.to, PV_EV_TICK, sizeof(struct pv_event), 20 * SEC);
	run_through(&r);
	assert_non_null(out_nth(&r, PV_EV_DNS_TIMEOUT, 1)); /* there were two for version 2 */
	struct pv_bucket *b = bucket_of(&r, &pv_dns_v1);
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		if (value(b, want[i].path) != want[i].want)
			fail_msg("%s: %llu", want[i].path, (unsigned long long)value(b, want[i].path));
	pv_bucket_free(b);
	run_close(&r);
}

static void net_events(void **state)
{
	(void)state;
	static const struct {
		unsigned transport, l4, proto;
	} cases[] = {{PV_TR_UDP, PV_L4_UDP, 17},	{PV_TR_TCP, PV_L4_TCP, 6},	    {PV_TR_DNSCRYPT_UDP, PV_L4_UDP, 17},
		     {PV_TR_DNSCRYPT_TCP, PV_L4_TCP, 6}, {PV_TR_DOT, PV_L4_OTHER, 0}, {PV_TR_DOH, PV_L4_OTHER, 0},
		     {PV_TR_DOQ, PV_L4_OTHER, 0}};
	struct run r;
	memset(&r.mem, 0, sizeof r.mem);
	run_open(&r,
		 pv_filter_new(&pv_net_ops, pv_net_new(&(struct pv_net_conf){.geo = NULL}), &(struct pv_filter_conf){0},
			       mem_sink(&r.mem)),
		 PV_CLOCK_RECORDED);
	for (unsigned i = 0; i < 7; i++)
		run_say(&r, &(struct say){.type = i < 4 ? 5 : 6, .transport = cases[i].transport, .v6 = i == 6});
	run_through(&r);
	for (unsigned i = 0; i < 7; i++) {
		const struct pv_net *e = out_nth(&r, PV_EV_NET, i);
		assert_int_equal(e->l4, cases[i].l4);
		assert_int_equal(e->proto, cases[i].proto);
		assert_int_equal(e->dir, i < 4 ? PV_DIR_IN : PV_DIR_OUT);
		assert_int_equal(e->src[15], 11); /* who asked, whichever half */
		assert_int_equal(e->dst[15], 53);
		assert_int_equal(e->size, 665);
		assert_int_equal(e->packet, i + 1);
		assert_int_equal(pv_event_dnstap(&e->ev), i < 4 ? 5 : 6);
	}
	struct pv_bucket *b = bucket_of(&r, &pv_net_v1);
	static const struct {
		const char *path;
		uint64_t want;
	} want[] = {{"total", 7}, {"in", 4}, {"out", 3}, {"udp", 2}, {"tcp", 2}, {"other_l4", 3}, {"ipv4", 6}, {"ipv6", 1},
		    {"unknown_dir", 0}, {"protocol.tcp.syn", 0}};
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		assert_int_equal(value(b, want[i].path), want[i].want);
	pv_bucket_free(b);
	run_close(&r);
}

/* The remote end: the client, or whom a resolver asked; of packets as it always was. */
static void remote_ends(void **state)
{
	(void)state;
	for (unsigned type = 0; type < PV_DNSTAP_TYPES; type++) {
		bool asked = type == 1 || type == 2 || type == 5 || type == 6 || type >= 13;
		for (unsigned dir = PV_DIR_IN; dir <= PV_DIR_OUT; dir++) {
			struct pv_net e = {.ev.flags = (uint16_t)(type << PV_F_DNSTAP_SHIFT), .dir = (uint8_t)dir};
			if (type && (dir == PV_DIR_IN) != (asked == type % 2))
				continue; /* no such half goes that way */
			assert_int_equal(pv_net_remote_is_src(&e), type ? asked : dir == PV_DIR_IN);
		}
	}
}

/* only_hosts of one policy on a shared input: messages outside are gone, their time is not. */
static void only_hosts(void **state)
{
	(void)state;
	struct pv_hosts *hosts = pv_hosts_new();
	char err[200];
	struct run r;
	assert_int_equal(pv_hosts_parse(hosts, "192.0.2.12/32", err, sizeof err), 0);
	run_open(&r, dns_stage(&r, &(struct pv_filter_conf){.only = true}, PV_DNSTAP_ANY), PV_CLOCK_RECORDED);
	struct pv_stage *dns = r.stage;
	r.stage = pv_filter_new(&pv_net_ops, pv_net_new(&(struct pv_net_conf){.geo = NULL}), &(struct pv_filter_conf){0},
				pv_sink_stage(dns));
	for (unsigned i = 0; i < 6; i++)
		run_say(&r, &(struct say){.type = 5, .id = (uint16_t)i, .client = 11 + i % 2, .at_ms = i});
	run_through(&r);
	struct mem all = r.mem, some = {NULL, 0, 0, 0, 0};
	struct pv_stage *only = pv_only_new(hosts, mem_sink(&some));
	only->ops->batch(only, ev_at(&all, 0), all.n);
	pv_out_flush(&only->out);
	memset(&r.mem, 0, sizeof r.mem);
	struct run s = {.mem = some};
	unsigned net = 0, dns_events = 0, ticks = 0;
	while (out_nth(&s, PV_EV_NET, net))
		net++;
	while (dns_nth(&s, dns_events))
		assert_int_equal(dns_nth(&s, dns_events++)->src[15], 12);
	while (out_nth(&s, PV_EV_TICK, ticks))
		assert_int_equal(((const struct pv_event *)out_nth(&s, PV_EV_TICK, ticks))->time_ns, SEC + 2 * ticks * MS), ticks++;
	assert_int_equal(net, 3);
	assert_int_equal(dns_events, 3);
	assert_int_equal(ticks, 3);
	pv_stage_free(only);
	mem_free(&some);
	mem_free(&all);
	run_close(&r);
	pv_stage_free(dns);
	pv_hosts_free(hosts);
}

/* What modules made of a message goes where its NET event goes, in front of it or behind; what is of no message goes. */
static void only_hosts_of_modules(void **state)
{
	(void)state;
	struct pv_hosts *hosts = pv_hosts_new();
	char err[200];
	struct mem some;
	memset(&some, 0, sizeof some);
	assert_int_equal(pv_hosts_parse(hosts, "192.0.2.12/32", err, sizeof err), 0);
	struct pv_stage *only = pv_only_new(hosts, mem_sink(&some));
	struct pv_out to;
	assert_int_equal(pv_out_init(&to, pv_sink_stage(only)), 0);
	static const uint64_t kept[] = {2, 2, 4, 4, 1, 1, 3, 3};
	for (unsigned stream = 0; stream < 2; stream++) {
		ev_start(&to, SEC, PV_CLOCK_RECORDED, 1, 1);
		for (uint64_t i = 1; i <= (stream ? 3 : 4); i++) {
			for (unsigned k = 0; k < 3; k++) { /* in front, the NET event, behind */
				if (k == 1) {
					struct pv_net *n = pv_out_event(&to, PV_EV_NET, sizeof *n, i * MS);
					n->ev.flags = 5 << PV_F_DNSTAP_SHIFT;
					n->packet = i;
					n->l3 = 4;
					ev_addr(n->src, false, (uint8_t)(!stream == !(i % 2) ? 12 : 11));
					ev_addr(n->dst, false, 53);
					continue;
				}
				struct pv_module_event *e = pv_out_event(&to, PV_EV_MODULE + 1, sizeof *e, i * MS);
				e->packet = i;
			}
		}
		struct pv_module_event *none = pv_out_event(&to, PV_EV_MODULE + 1, sizeof *none, 5 * MS);
		none->packet = 0;
	}
	pv_out_drain(&to);
	pv_out_flush(&only->out);
	size_t n = 0;
	for (size_t i = 0; i < some.n; i += ev_at(&some, i)->size) {
		const struct pv_module_event *e = (const void *)ev_at(&some, i);
		if (e->ev.type != PV_EV_MODULE + 1)
			continue;
		assert_true(n < sizeof kept / sizeof kept[0]);
		assert_int_equal(e->packet, kept[n++]);
	}
	assert_int_equal(n, sizeof kept / sizeof kept[0]);
	pv_out_free(&to);
	pv_stage_free(only);
	mem_free(&some);
	pv_hosts_free(hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transactions), cmocka_unit_test(live_times),	cmocka_unit_test(halves),
		cmocka_unit_test(filter_and_chain), cmocka_unit_test(dns_metrics), cmocka_unit_test(net_events),
		cmocka_unit_test(remote_ends),	cmocka_unit_test(only_hosts),
		cmocka_unit_test(only_hosts_of_modules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
