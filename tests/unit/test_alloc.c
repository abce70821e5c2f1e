/* SPDX-License-Identifier: MPL-2.0 */
/* No allocation per event in steady state: the whole chain (capture, net, dns, dhcp, window) in this process,
 * with malloc() and its like counted. What may allocate is what grows once (a sketch, an octave, a page of a
 * rate) and what is made once per stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <cmocka.h>

#include "capture/capture.h"
#include "dhcp/analyser.h"
#include "dns/analyser.h"
#include "handlers/handlers.h"
#include "net/analyser.h"
#include "stage/pipe.h"
#include "unit/alloc_util.h"
#include "unit/stream_util.h"
#include "window/window.h"

static const char *path(const char *name)
{
	static char out[512];
	const char *captures = getenv("CAPTURES");
	snprintf(out, sizeof out, "%s/%s", captures ? captures : "tests/captures", name);
	return out;
}

/* The packet events of a capture, and how many allocations reading them took after the first. */
static uint64_t capture(const char *name, struct mem *m)
{
	struct pv_capture_conf conf = {.file = path(name), .hosts = "10.0.0.0/8,192.168.0.0/16,fd00::/8"};
	char err[512];
	struct pv_out o;
	enum pv_res res;
	struct pv_capture *c = pv_capture_open(&conf, err, sizeof err);
	if (!c)
		fail_msg("%s: %s", name, err);
	struct pv_sink sink = m ? mem_sink(m) : pv_sink_none();
	assert_int_equal(pv_out_init(&o, sink), 0);
	assert_int_equal(pv_capture_poll(c, &o), PV_OK);
	uint64_t before = alloc_made();
	while ((res = pv_capture_poll(c, &o)) == PV_OK)
		pv_out_flush(&o);
	uint64_t took = alloc_made() - before;
	assert_int_equal(res, PV_END);
	assert_int_equal(pv_out_flush(&o), PV_OK);
	pv_out_free(&o);
	pv_capture_free(c);
	return took;
}

struct chain {
	struct pv_window *window;
	struct pv_stage *dhcp, *dns, *net;
};

static void chain_make(struct chain *c, bool chained)
{
	char err[256];
	struct pv_window_conf wconf = {
	    .handlers = pv_handlers, .periods = 1, .deep = 100, .topn = 10, .seed = 1};
	struct pv_net_conf nconf = {.geo = NULL};
	struct pv_dns_conf dconf = {.seed = 1};
	struct pv_dhcp_conf hconf = {.seed = 1};
	struct pv_filter_conf plain = {.only = true}, pass = {.chain = chained};
	pv_net_filter_init(&nconf.filter);
	pv_dns_filter_init(&dconf.filter);
	c->window = pv_window_new(&wconf, pv_sink_none(), err, sizeof err);
	assert_non_null(c->window);
	c->dhcp = pv_filter_new(&pv_dhcp_ops, pv_dhcp_new(&hconf), &plain,
				pv_sink_stage(pv_window_stage(c->window)));
	c->dns = pv_filter_new(&pv_dns_ops, pv_dns_new(&dconf), &pass, pv_sink_stage(c->dhcp));
	c->net = pv_filter_new(&pv_net_ops, pv_net_new(&nconf), &pass, pv_sink_stage(c->dns));
	assert_true(c->dhcp && c->dns && c->net);
}

static void chain_free(struct chain *c)
{
	pv_stage_free(c->net);
	pv_stage_free(c->dns);
	pv_stage_free(c->dhcp);
	pv_stage_free(pv_window_stage(c->window));
}

static void steady_state(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool chained;
	} cases[] = {
	    {"dns-udp4.pcap", false},	     {"dns-udp6.pcap", false},	{"dns-tcp4.pcap", false},
	    {"dns-tcp4.pcap", true},	     {"dns-mixed.pcap", false}, {"dns-mixed.pcap", true},
	    {"dns-timeout.pcap", false},     {"dns-ecs.pcap", false},	{"dns-tcp-loss.pcap", false},
	    {"dns-tcp-reorder.pcap", false}, {"dhcp4.pcap", false},	{"dhcp6.pcap", false},
	    {"http-mix.pcap", false},
	};
	if (!ALLOC_UTIL)
		skip();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mem m = {0};
		struct chain c;
		capture(cases[i].name, &m);
		chain_make(&c, cases[i].chained);
		/* START first; then the packets again and again, a capture's length later each time; no STOP */
		size_t first = 0, at, packets = 0;
		uint64_t from = 0, to = 0;
		while (ev_at(&m, first)->type != PV_EV_PACKET)
			first += ev_at(&m, first)->size;
		for (at = first; ev_at(&m, at)->type == PV_EV_PACKET; at += ev_at(&m, at)->size, packets++) {
			uint64_t t = ev_at(&m, at)->time_ns;
			from = from && from < t ? from : t;
			to = to > t ? to : t;
		}
		size_t end = at;
		c.net->ops->batch(c.net, ev_at(&m, 0), first);
		assert_int_equal(pv_out_drain(&c.net->out), PV_OK);
		uint64_t took[8];
		for (unsigned pass = 0; pass < 8; pass++) {
			uint64_t before = alloc_made();
			for (at = first; at < end;) { /* in batches, as a driver would */
				size_t batch = at;
				while (at < end && at - batch + ev_at(&m, at)->size <= PV_BATCH_BYTES)
					at += ev_at(&m, at)->size;
				c.net->ops->batch(c.net, ev_at(&m, batch), at - batch);
				assert_int_equal(pv_out_drain(&c.net->out), PV_OK);
			}
			took[pass] = alloc_made() - before;
			for (at = first; at < end; at += ev_at(&m, at)->size) {
				struct pv_packet *p = (struct pv_packet *)(void *)(m.p + at);
				p->number += packets;
				p->ev.time_ns +=
				    to - from + 30 * SEC; /* what was open has timed out by then */
			}
		}
		/* Rates take a page for 64 seconds, whatever happens in them: three rates in dns, seven in
		 * net, two in dhcp. */
		uint64_t pages = 12 * ((to - from) / SEC / 64 + 2);
		print_message("%s: %zu packets, %u + %u + %u + %u ... %u allocations, %u allowed\n",
			      cases[i].name, packets, (unsigned)took[0], (unsigned)took[1], (unsigned)took[2],
			      (unsigned)took[3], (unsigned)took[7], (unsigned)pages);
		assert_true(took[0] > 20);	  /* the counting works */
		assert_true(2 * pages < packets); /* and one per event would show */
		for (unsigned pass = 4; pass < 8; pass++)
			if (took[pass] > pages)
				fail_msg("%s: pass %u of %zu packets took %u allocations", cases[i].name,
					 pass, packets, (unsigned)took[pass]);
		json_t *j = pv_window_json(c.window);
		assert_non_null(j);
		assert_int_equal(json_integer_value(json_object_get(
				     json_object_get(json_object_get(j, "1m"), "packets"), "events")),
				 packets * 8);
		json_decref(j);
		chain_free(&c);
		mem_free(&m);
	}
}

/* Reading a capture takes what a file takes, not what a packet takes. */
static void reading(void **state)
{
	(void)state;
	if (!ALLOC_UTIL)
		skip();
	assert_true(capture("dns-mixed.pcap", NULL) <= 4); /* 8480 packets; a file of more than one poll */
	assert_true(capture("format/nano.pcapng", NULL) <= 4);
}

/* Nor does what joins processes, be the stream long or short. */
static void piping(void **state)
{
	(void)state;
	uint64_t took[2];
	if (!ALLOC_UTIL)
		skip();
	for (unsigned i = 0; i < 2; i++) {
		struct mem m = {0};
		struct pv_out o;
		struct chain c;
		assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
		ev_start(&o, SEC, PV_CLOCK_RECORDED, 1, 0);
		for (uint64_t n = 0; n < (i ? 100000u : 1000u); n++)
			ev_packet(&o, SEC, n, "abc", 3);
		ev_stop(&o, SEC);
		pv_out_flush(&o);
		pv_out_free(&o);
		int fd = mem_fd(m.p, m.n);
		chain_make(&c, false);
		uint64_t before = alloc_made();
		struct pv_pipe_end end = pv_pipe_run(c.net, fd, -1);
		took[i] = alloc_made() - before;
		assert_int_equal(end.in, PV_END);
		chain_free(&c);
		close(fd);
		mem_free(&m);
	}
	assert_true(took[0] > 0);
	assert_int_equal(took[0], took[1]);
}

/* ---- no memory ---------------------------------------------------------------------------------------- */

#define KIND(kind, new, ...)                                                                                 \
	static void *kind##_new(void)                                                                        \
	{                                                                                                    \
		return new;                                                                                  \
	}                                                                                                    \
	static void kind##_add(void *x, uint64_t i)                                                          \
	{                                                                                                    \
		__VA_ARGS__;                                                                                 \
	}                                                                                                    \
	static int kind##_merge(void *to, const void *x)                                                     \
	{                                                                                                    \
		return pv_##kind##_merge(to, x);                                                             \
	}                                                                                                    \
	static uint64_t kind##_lost(const void *x)                                                           \
	{                                                                                                    \
		return pv_##kind##_lost(x);                                                                  \
	}                                                                                                    \
	static void kind##_free(void *x)                                                                     \
	{                                                                                                    \
		pv_##kind##_free(x);                                                                         \
	}

KIND(hll, pv_hll_new(12), pv_hll_add_u64(x, i))
KIND(topn, pv_topn_new(PV_TOPN_U64, 13, 0, 1), pv_topn_add_u64(x, i, 1))
KIND(exphist, pv_exphist_new(), pv_exphist_add_u64(x, UINT64_C(1) << i % 64))
KIND(rate, pv_rate_new(), pv_rate_add(x, i * 1000, 1))
KIND(tally, pv_tally_new(1, 8192, 1), pv_tally_add(x, &i, sizeof i, &(uint64_t){1}))

/* What a sketch has no memory for it counts as lost, and so does what is merged of it, in whatever order. */
static void losses_merge(void **state)
{
#define ROW(kind) {#kind, kind##_new, kind##_add, kind##_merge, kind##_lost, kind##_free}
	static const struct {
		const char *name;
		void *(*new)(void);
		void (*add)(void *, uint64_t);
		int (*merge)(void *, const void *);
		uint64_t (*lost)(const void *);
		void (*free)(void *);
	} kinds[] = {ROW(hll), ROW(topn), ROW(exphist), ROW(rate), ROW(tally)};
	(void)state;
	if (!ALLOC_UTIL)
		skip();
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		void *part = kinds[k].new(), *fresh = kinds[k].new(), *used = kinds[k].new();
		uint64_t i = 0;
		print_message("    %s\n", kinds[k].name);
		for (; i < 3; i++)
			kinds[k].add(part, i);
		assert_int_equal(kinds[k].lost(part), 0);
		alloc_fail(1, true);
		for (; i < 20000 && kinds[k].lost(part) < 5; i++)
			kinds[k].add(part, i);
		alloc_fail(0, false);
		assert_int_equal(kinds[k].lost(part), 5);
		kinds[k].add(used, 1);
		assert_int_equal(kinds[k].merge(fresh, part), 0);
		assert_int_equal(kinds[k].lost(fresh), 5);
		assert_int_equal(kinds[k].merge(used, part), 0);
		assert_int_equal(kinds[k].lost(used), 5);
		assert_int_equal(kinds[k].merge(used, fresh), 0);
		assert_int_equal(kinds[k].lost(used), 10);
		kinds[k].free(fresh);
		fresh = kinds[k].new();
		assert_int_equal(kinds[k].merge(part, fresh), 0);
		assert_int_equal(kinds[k].lost(part), 5);
		kinds[k].free(part);
		kinds[k].free(fresh);
		kinds[k].free(used);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(steady_state),
	    cmocka_unit_test(reading),
	    cmocka_unit_test(piping),
	    cmocka_unit_test(losses_merge),
	};
	return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
