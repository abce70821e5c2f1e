/* SPDX-License-Identifier: MPL-2.0 */
/* What a policy makes of a shared analyser's DNS events where it waits less long, or filters: by the rules of
 * dns/xact.h, as if it had an analyser of its own. tests/scenarios/threads-lanes.sh compares with the tools;
 * here is what captures do not show: a TTL that another policy raises while the stream runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>

#include "dns/analyser.h"
#include "dns/view.h"
#include "event/check.h"
#include "unit/stream_util.h"

#define MS UINT64_C(1000000)

struct set {
	struct pv_dns_filter filter;
	atomic_uint_least64_t shared;
	struct mem seen; /* what the view puts out */
	struct pv_stage *analyser, *view;
	void *self;
	struct pv_out in;
	uint64_t packet;
};

static void set_up(struct set *s, uint64_t ttl_ns, uint64_t shared_ns, bool partial)
{
	const struct pv_filter_conf fc = {.only = false};
	memset(s, 0, sizeof *s);
	pv_dns_filter_init(&s->filter);
	atomic_store(&s->shared, shared_ns);
	const struct pv_dns_view_conf vc = {.filter = &s->filter,
					    .ttl_ns = ttl_ns,
					    .shared_ttl_ns = &s->shared,
					    .partial = partial,
					    .xact_slots = 256};
	s->view = pv_dns_view_new(&vc, mem_sink(&s->seen));
	struct pv_dns_conf conf = {.ttl_ns = shared_ns, .xact_slots = 256};
	pv_dns_filter_init(&conf.filter);
	s->self = pv_dns_new(&conf);
	assert_non_null(s->view);
	s->analyser = pv_filter_new(&pv_dns_ops, s->self, &fc, pv_sink_stage(s->view));
	assert_non_null(s->analyser);
	assert_int_equal(pv_out_init(&s->in, pv_sink_stage(s->analyser)), 0);
	ev_start(&s->in, SEC, PV_CLOCK_LIVE, 1, 1);
}

static void tear_down(struct set *s)
{
	pv_out_free(&s->in);
	pv_stage_free(s->analyser);
	pv_stage_free(s->view);
	pv_dns_filter_free(&s->filter);
	mem_free(&s->seen);
}

/* Somebody comes who waits longer. */
static void raise_ttl(struct set *s, uint64_t ttl_ns)
{
	pv_out_drain(&s->in);
	atomic_store(&s->shared, ttl_ns);
	pv_dns_ttl(s->self, ttl_ns);
}

/* In an agent a packet leaves a NET event or a TICK in front of what was made of it. */
static void tick(struct set *s, uint64_t t)
{
	pv_out_event(&s->in, PV_EV_TICK, sizeof(struct pv_event), t);
}

/* A query (or its response) for "a.test", of a type. */
static uint8_t *message(struct set *s, uint64_t t, uint16_t id, bool reply, uint8_t type)
{
	const uint8_t m[] = {(uint8_t)(id >> 8),
			     (uint8_t)id,
			     reply ? 0x80 : 0,
			     0,
			     0,
			     1,
			     0,
			     0,
			     0,
			     0,
			     0,
			     0,
			     1,
			     'a',
			     4,
			     't',
			     'e',
			     's',
			     't',
			     0,
			     0,
			     type,
			     0,
			     1};
	tick(s, t);
	struct pv_packet *p = ev_packet(&s->in, t, ++s->packet, m, sizeof m);
	uint8_t client[16], server[16];
	ev_addr(client, false, 11);
	ev_addr(server, false, 53);
	memcpy(p->src, reply ? server : client, 16);
	memcpy(p->dst, reply ? client : server, 16);
	p->sport = reply ? 53 : 4000;
	p->dport = reply ? 4000 : 53;
	return (uint8_t *)(p + 1);
}

/* "q", "r", with what became of it, "t" for a timeout; small letters, capitals when flagged; with the
 * seconds. */
static void expect(struct set *s, const char *want)
{
	char got[1024] = "";
	size_t at = 0;
	pv_out_drain(&s->in);
	pv_out_drain(&s->analyser->out);
	pv_out_drain(&s->view->out);
	for (size_t i = 0; i < s->seen.n;) {
		const struct pv_event *ev = ev_at(&s->seen, i);
		const struct pv_dns *d = (const void *)ev;
		assert_null(pv_event_check(ev));
		i += ev->size;
		if (ev->type != PV_EV_DNS && ev->type != PV_EV_DNS_TIMEOUT)
			continue;
		static const char *const xacts[] = {"", "=", "late", "?", "!", "evicted"};
		bool reply = d->bits & PV_DNS_QR, flagged = ev->flags & PV_F_FILTERED;
		char c = ev->type == PV_EV_DNS_TIMEOUT ? 't' : reply ? 'r' : 'q';
		at += (size_t)snprintf(got + at, sizeof got - at, "%s%c%u%s%s@%llu", at ? " " : "",
				       flagged ? c - 32 : c, d->id, xacts[d->xact],
				       d->query_filtered && d->xact ? "f" : "",
				       (unsigned long long)(ev->time_ns / (100 * MS)));
		if (d->xact == PV_XACT_MATCHED || d->xact == PV_XACT_LATE)
			assert_int_equal(d->query_qname.len, 6);
	}
	assert_string_equal(got, want);
	s->seen.n = 0;
}

/* Times below are tenths of a second, from 10 on. */
#define AT(tenths) ((uint64_t)(tenths)*100 * MS)

static void same_ttl(void **state)
{
	(void)state;
	struct set s;
	set_up(&s, 5 * SEC, 5 * SEC, false);
	message(&s, AT(10), 1, false, 1);
	message(&s, AT(12), 2, false, 1);
	message(&s, AT(13), 1, true, 1);
	message(&s, AT(70), 2, true, 1);
	expect(&s, "q1@10 q2@12 r1=@13 t2!@70 r2?@70");
	tear_down(&s);
}

static void shorter_ttl(void **state)
{
	(void)state;
	struct set s;
	set_up(&s, SEC, 5 * SEC, false);
	message(&s, AT(10), 1, false, 1);
	message(&s, AT(11), 2, false, 1);
	message(&s, AT(15), 1, true, 1);
	message(&s, AT(30), 2, true,
		1); /* in time for others, not for us: first the timeout, then an orphan */
	message(&s, AT(31), 3, false, 1);
	tick(&s, AT(41)); /* time alone */
	tick(&s, AT(99)); /* what the analyser says now was said */
	expect(&s, "q1@10 q2@11 r1=@15 t2!@30 r2?@30 q3@31 t3!@41");
	/* sent again after our time it is a new query to us, and still the old one to others */
	message(&s, AT(100), 4, false, 1);
	message(&s, AT(112), 4, false, 1);
	message(&s, AT(114), 4, true, 1);
	expect(&s, "q4@100 t4!@112 q4@112 r4=@114");
	/* what is still open at the end */
	message(&s, AT(120), 5, false, 1);
	message(&s, AT(128), 6, false, 1);
	ev_stop(&s.in, AT(132));
	expect(&s, "q5@120 q6@128 t5!@132");
	tear_down(&s);
}

static void times_of_queries(void **state)
{
	(void)state;
	struct set s;
	set_up(&s, SEC, 5 * SEC, false);
	message(&s, AT(100), 4, false, 1);
	message(&s, AT(112), 4, false, 1);
	message(&s, AT(114), 4, true, 1);
	pv_out_drain(&s.in);
	pv_out_drain(&s.analyser->out);
	pv_out_drain(&s.view->out);
	const struct pv_dns *last = NULL;
	for (size_t i = 0; i < s.seen.n; i += ev_at(&s.seen, i)->size)
		if (ev_at(&s.seen, i)->type == PV_EV_DNS)
			last = (const void *)ev_at(&s.seen, i);
	assert_int_equal(last->query_time_ns, AT(112)); /* the second one's */
	assert_int_equal(last->query_packet, 2);
	assert_int_equal(last->query_length, 24);
	tear_down(&s);
}

/* Another policy with a longer TTL comes while queries are open. */
static void raised_meanwhile(void **state)
{
	(void)state;
	struct set s;
	set_up(&s, SEC, SEC, false);
	message(&s, AT(10), 1, false, 1);
	message(&s, AT(11), 2, false, 1);
	message(&s, AT(12), 3, false, 1);
	raise_ttl(&s, 5 * SEC);
	message(&s, AT(14), 4, false, 1);
	message(&s, AT(15), 1, true, 1); /* from before, and young enough */
	message(&s, AT(25), 2, true,
		1); /* from before: in time for the analyser, late for us; 4 has expired meanwhile */
	message(&s, AT(26), 4, true, 1);
	message(&s, AT(90), 5, false, 1); /* the analyser gives 3 up, of which we know nothing else */
	expect(&s, "q1@10 q2@11 q3@12 q4@14 r1=@15 t4!@25 r2late@25 r4?@26 t3!@90 q5@90");
	tear_down(&s);
}

/* The last event of a type; a copy. */
static struct pv_dns *last_of(struct set *s, enum pv_event_type type)
{
	struct pv_dns *copy = NULL;
	pv_out_drain(&s->in);
	pv_out_drain(&s->analyser->out);
	pv_out_drain(&s->view->out);
	for (size_t i = 0; i < s->seen.n; i += ev_at(&s->seen, i)->size)
		if (ev_at(&s->seen, i)->type == type) {
			free(copy);
			copy = malloc(ev_at(&s->seen, i)->size);
			assert_non_null(copy);
			memcpy(copy, ev_at(&s->seen, i), ev_at(&s->seen, i)->size);
		}
	assert_non_null(copy);
	return copy;
}

static void set_key(struct set *s, const char *key, const char *value)
{
	char err[200];
	for (size_t i = 0; i < PV_DNS_KEYS; i++)
		if (!strcmp(pv_dns_keys[i].name, key)) {
			const struct pv_value v = {
			    .type = pv_dns_keys[i].type, .boolean = true, .list = &value, .count = 1};
			assert_int_equal(pv_dns_filter_set(&s->filter, &pv_dns_keys[i], &v, err, sizeof err),
					 0);
			return;
		}
	fail();
}

/* Who waits for himself says of a query, and of a response's query, to the byte what the analyser would. */
static void like_the_analyser(void **state)
{
	struct pv_dns *timeout[2], *reply[2];
	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		unsigned own = round % 2;
		struct set s;
		set_up(&s, 5 * SEC, own ? 9 * SEC : 5 * SEC, false);
		if (round >= 2) { /* a filter that says where a name's suffix begins */
			pv_stage_free(s.view);
			set_key(&s, "only_qname_suffix", ".test");
			const struct pv_dns_view_conf vc = {
			    .filter = &s.filter, .ttl_ns = 5 * SEC, .shared_ttl_ns = &s.shared, .xact_slots = 256};
			s.view = pv_dns_view_new(&vc, mem_sink(&s.seen));
			s.analyser->out.sink = pv_sink_stage(s.view);
		}
		uint8_t *m = message(&s, AT(10), 1, false, 28);
		m[2] |= 4 << 3 | 1; /* the opcode, RD */
		m[3] |= 1 << 4;	    /* CD */
		m[13] = 'A';	    /* as written */
		m[23] = 3;	    /* the class */
		tick(&s, AT(60));
		timeout[own] = last_of(&s, PV_EV_DNS_TIMEOUT);
		m = message(&s, AT(70), 2, false, 28);
		m[2] |= 4 << 3 | 1;
		m[13] = 'A';
		message(&s, AT(72), 2, true, 28);
		reply[own] = last_of(&s, PV_EV_DNS);
		tear_down(&s);
		if (!own)
			continue;
		assert_int_equal(timeout[0]->opcode, 4);
		assert_int_equal(reply[0]->query_suffix_len, round < 2 ? 0 : sizeof ".test" - 1);
		assert_int_equal(timeout[0]->ev.size, timeout[1]->ev.size);
		assert_memory_equal(timeout[0], timeout[1], timeout[0]->ev.size);
		assert_int_equal(reply[0]->ev.size, reply[1]->ev.size);
		assert_memory_equal(reply[0], reply[1], reply[0]->ev.size);
		for (unsigned i = 0; i < 2; i++) {
			free(timeout[i]);
			free(reply[i]);
		}
	}
}

static void filters(void **state)
{
	(void)state;
	struct set s;
	set_up(&s, 5 * SEC, 5 * SEC, false);
	tear_down(&s);
	memset(&s, 0, sizeof s);
	/* set before the view looks at it */
	pv_dns_filter_init(&s.filter);
	set_key(&s, "only_responses", NULL);
	struct pv_dns_filter keep = s.filter;
	set_up(&s, 5 * SEC, 5 * SEC, false);
	pv_stage_free(s.view);
	s.filter = keep;
	const struct pv_dns_view_conf vc = {
	    .filter = &s.filter, .ttl_ns = 5 * SEC, .shared_ttl_ns = &s.shared};
	s.view = pv_dns_view_new(&vc, mem_sink(&s.seen));
	s.analyser->out.sink = pv_sink_stage(s.view);
	message(&s, AT(10), 1, false, 1);
	message(&s, AT(11), 1, true, 1); /* passes, and its query did not */
	message(&s, AT(12), 2, false, 1);
	tick(&s, AT(90));
	expect(&s, "Q1@10 r1=f@11 Q2@12 T2!f@90");
	tear_down(&s);
}

/* A response may answer another type than was asked for; the filter by type knows the query's. */
static void type_of_the_query(void **state)
{
	(void)state;
	struct set s;
	set_up(&s, 5 * SEC, 5 * SEC, false);
	pv_stage_free(s.view);
	set_key(&s, "only_qtype", "A");
	const struct pv_dns_view_conf vc = {
	    .filter = &s.filter, .ttl_ns = 5 * SEC, .shared_ttl_ns = &s.shared, .xact_slots = 256};
	s.view = pv_dns_view_new(&vc, mem_sink(&s.seen));
	s.analyser->out.sink = pv_sink_stage(s.view);
	message(&s, AT(10), 1, false, 28);
	message(&s, AT(11), 1, true, 1);
	message(&s, AT(12), 2, false, 1);
	message(&s, AT(13), 2, true, 1);
	message(&s, AT(14), 3, false, 1);
	message(&s, AT(15), 3, true, 28);
	expect(&s, "Q1@10 r1=f@11 q2@12 r2=@13 q3@14 R3=@15");
	tear_down(&s);
}

/* Handler 2.0 asks only replies for their type, and only queries for their name: the analyser's matches will do. */
static void by_transaction(void **state)
{
	(void)state;
	struct set s;
	set_up(&s, 5 * SEC, 5 * SEC, false);
	pv_stage_free(s.view);
	char err[128];
	set_key(&s, "only_qtype", "A");
	assert_int_equal(pv_dns_filter_version(&s.filter, "2.0", err, sizeof err), 0);
	const struct pv_dns_view_conf vc = {
	    .filter = &s.filter, .ttl_ns = 5 * SEC, .shared_ttl_ns = &s.shared, .xact_slots = 256};
	s.view = pv_dns_view_new(&vc, mem_sink(&s.seen));
	s.analyser->out.sink = pv_sink_stage(s.view);
	message(&s, AT(10), 1, false, 28);
	message(&s, AT(11), 1, true, 28);
	message(&s, AT(12), 2, false, 1);
	message(&s, AT(13), 2, true, 1);
	message(&s, AT(14), 3, false, 28);
	message(&s, AT(90), 4, true, 28);
	expect(&s, "q1@10 R1=@11 q2@12 r2=@13 q3@14 t3!@90 R4?@90");
	pv_dns_filter_free(&s.filter);
	set_key(&s, "only_qname", "a.test");
	assert_int_equal(pv_dns_filter_version(&s.filter, "2.0", err, sizeof err), 0);
	message(&s, AT(91), 5, false, 28);
	message(&s, AT(92), 5, true, 28);
	expect(&s, "q5@91 r5=@92");
	pv_dns_filter_free(&s.filter);
	set_key(&s, "only_qname", "b.test");
	assert_int_equal(pv_dns_filter_version(&s.filter, "2.0", err, sizeof err), 0);
	pv_stage_free(s.view);
	const struct pv_dns_view_conf other = {
	    .filter = &s.filter, .ttl_ns = 5 * SEC, .shared_ttl_ns = &s.shared, .xact_slots = 256};
	s.view = pv_dns_view_new(&other, mem_sink(&s.seen));
	s.analyser->out.sink = pv_sink_stage(s.view);
	message(&s, AT(93), 6, false, 28);
	message(&s, AT(94), 6, true, 28);
	message(&s, AT(95), 7, false, 28);
	tick(&s, AT(190));
	expect(&s, "Q6@93 r6=f@94 Q7@95 T7!f@190");
	tear_down(&s);
}

/* Places have numbers; what they mean says the stream, and the next one says it anew. */
static void places(void **state)
{
	static const struct {
		const char *key;
		uint32_t geo, asn;
		bool passes;
	} cases[] = {{"geoloc_notfound", 1, 2, true}, {"geoloc_notfound", 2, 1, false}, {"geoloc_notfound", 9, 1, false},
		     {"asn_notfound", 1, 2, false},   {"asn_notfound", 2, 1, true}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (unsigned again = 0; again < 2; again++) {
			struct set s;
			set_up(&s, 5 * SEC, 5 * SEC, false);
			pv_stage_free(s.view);
			set_key(&s, cases[i].key, NULL);
			const struct pv_dns_view_conf vc = {.filter = &s.filter, .ttl_ns = 5 * SEC, .shared_ttl_ns = &s.shared};
			s.view = pv_dns_view_new(&vc, mem_sink(&s.seen));
			s.in.sink = s.analyser->out.sink = pv_sink_stage(s.view);
			for (uint32_t n = 1; n <= 2; n++) {
				ev_define(&s.in, AT(10), 2, PV_DEFINE_GEO, n, n == 1 ? "Unknown" : "EU/Unknown");
				ev_define(&s.in, AT(10), 2, PV_DEFINE_ASN, n, n == 1 ? "Unknown" : "64496/Unknow");
			}
			if (again)
				ev_start(&s.in, AT(11), PV_CLOCK_LIVE, 2, 1);
			struct pv_dns *d = ev_dns(&s.in, PV_EV_DNS, AT(12), 2, 1, "a.test");
			d->bits &= (uint16_t)~PV_DNS_QR;
			d->xact = PV_XACT_NONE;
			d->ecs.geo = cases[i].geo;
			d->ecs.asn = cases[i].asn;
			expect(&s, cases[i].passes && !again ? "q336@12" : "Q336@12");
			tear_down(&s);
		}
}

/* The response to a query that we rejected and whose time is over, by the analyser's clock or by ours. */
static void overdue(void **state)
{
	(void)state;
	for (int own = 0; own < 2; own++) {
		struct set s;
		set_up(&s, 5 * SEC, 5 * SEC, false);
		pv_stage_free(s.view);
		char err[128];
		set_key(&s, "only_qname", "b.test");
		assert_int_equal(pv_dns_filter_version(&s.filter, "2.0", err, sizeof err), 0);
		const struct pv_dns_view_conf vc = {
		    .filter = &s.filter, .ttl_ns = own ? SEC : 5 * SEC, .shared_ttl_ns = &s.shared, .xact_slots = 256};
		s.view = pv_dns_view_new(&vc, mem_sink(&s.seen));
		s.analyser->out.sink = pv_sink_stage(s.view);
		message(&s, AT(10), 1, false, 1);
		message(&s, AT(20), 2, false, 1);
		message(&s, AT(80), 1, true, 1);
		message(&s, AT(81), 1, true, 1); /* nobody asked twice */
		message(&s, AT(82), 2, false, 1); /* another query in the place of the old one */
		message(&s, AT(83), 2, true, 1);
		message(&s, AT(84), 2, true, 1);
		message(&s, AT(85), 3, false, 1);
		tick(&s, AT(200));
		message(&s, AT(900), 3, true, 1); /* after more than a minute */
		expect(&s, own ? "Q1@10 T1!f@20 Q2@20 T2!f@80 r1?f@80 r1?@81 Q2@82 r2=f@83 r2?@84 Q3@85 T3!f@200 r3?@900"
			       : "Q1@10 Q2@20 T1!f@80 T2!f@80 r1?f@80 r1?@81 Q2@82 r2=f@83 r2?@84 Q3@85 T3!f@200 r3?@900");
		tear_down(&s);
	}
}

/* In time for the analyser, and not for us. */
static void overdue_for_us(void **state)
{
	(void)state;
	struct set s;
	set_up(&s, SEC, 5 * SEC, false);
	pv_stage_free(s.view);
	set_key(&s, "only_qname", "b.test");
	const struct pv_dns_view_conf vc = {
	    .filter = &s.filter, .ttl_ns = SEC, .shared_ttl_ns = &s.shared, .xact_slots = 256};
	s.view = pv_dns_view_new(&vc, mem_sink(&s.seen));
	s.analyser->out.sink = pv_sink_stage(s.view);
	message(&s, AT(10), 1, false, 1);
	message(&s, AT(30), 1, true, 1);
	expect(&s, "Q1@10 T1!f@30 R1?f@30");
	tear_down(&s);
}

/* Behind a filter: a query that was withheld was never sent, as far as we know. */
static void partial(void **state)
{
	(void)state;
	struct set s;
	set_up(&s, 5 * SEC, 5 * SEC, true);
	message(&s, AT(10), 1, false, 1);
	message(&s, AT(11), 1, true, 1);
	expect(&s, "q1@10 r1=@11");
	struct pv_sink through = s.analyser->out.sink;
	s.analyser->out.sink = (struct pv_sink){.write = mem_write, .ctx = &(struct mem){0}}; /* withheld */
	message(&s, AT(12), 2, false, 1);
	pv_out_drain(&s.in);
	pv_out_drain(&s.analyser->out);
	free(((struct mem *)s.analyser->out.sink.ctx)->p);
	s.analyser->out.sink = through;
	message(&s, AT(13), 2, true, 1);
	tick(&s, AT(90));
	expect(&s, "r2?@13");
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_ttl),		cmocka_unit_test(shorter_ttl),
	    cmocka_unit_test(times_of_queries), cmocka_unit_test(raised_meanwhile),
	    cmocka_unit_test(filters),		cmocka_unit_test(type_of_the_query),
	    cmocka_unit_test(partial),		cmocka_unit_test(by_transaction),
	    cmocka_unit_test(like_the_analyser), cmocka_unit_test(places),
	    cmocka_unit_test(overdue),		cmocka_unit_test(overdue_for_us),
	};
	return cmocka_run_group_tests_name("dns_view", tests, NULL, NULL);
}
