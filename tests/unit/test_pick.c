/* SPDX-License-Identifier: MPL-2.0 */
/* A link of a handler chain (policy/pick.h): what goes on of a packet. tests/scenarios/threads-lanes.sh compares chains with
 * pipelines of tools; here is what captures seldom show: order, what is forgotten, loaded modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>

#include "policy/held.h"
#include "policy/pick.h"
#include "unit/stream_util.h"

#define STAGE 4 /* of the module that decides */

/* One event: a letter, and the number of its packet. Capitals are flagged. */
static void put(struct pv_out *o, char c, uint64_t packet)
{
	struct pv_event *ev = NULL;
	struct pv_net *n;
	switch (tolower(c)) {
	case 's':
		ev_start(o, SEC, PV_CLOCK_LIVE, 1, 0);
		return;
	case 'n': /* of no port that is remembered */
		ev = &ev_net(o, SEC, 1, packet)->ev;
		break;
	case 'c': /* DNS over TCP */
		n = ev_net(o, SEC, 1, packet);
		n->sport = 53;
		ev = &n->ev;
		break;
	case 'u': /* over UDP */
		n = ev_net(o, SEC, 1, packet);
		n->sport = 53;
		n->l4 = PV_L4_UDP;
		ev = &n->ev;
		break;
	case 'g': /* BGP */
		n = ev_net(o, SEC, 1, packet);
		n->dport = 179;
		ev = &n->ev;
		break;
	case 'd':
		ev = &ev_dns(o, PV_EV_DNS, SEC, 2, packet, "a.test")->ev;
		break;
	case 't':
		ev = &ev_dns(o, PV_EV_DNS_TIMEOUT, SEC, 2, packet, "a.test")->ev;
		break;
	case 'h':
		ev = &ev_dhcp(o, SEC, 3, packet, "host")->ev;
		break;
	case 'b':
		ev = &ev_bgp(o, SEC, 3, packet)->ev;
		break;
	case 'f':
		ev = &ev_flow(o, SEC, 3, packet, "router")->ev;
		break;
	case 'e':
		ev_tcp_error(o, SEC, 2, packet, 1);
		return;
	case 'm':
		ev = &ev_module(o, SEC, STAGE, packet, 0)->ev;
		break;
	case 'o': /* of another analyser of the same module */
		ev = &ev_module(o, SEC, STAGE + 1, packet, 0)->ev;
		break;
	default:
		fail_msg("no such event: %c", c);
	}
	if (isupper((unsigned char)c))
		ev->flags |= PV_F_FILTERED;
}

static char letter(const struct pv_event *ev, uint64_t *packet)
{
	const struct pv_net *n = (const void *)ev;
	const struct pv_module_event *m = (const void *)ev;
	bool flagged = ev->flags & PV_F_FILTERED;
	char c = '?';
	*packet = n->packet; /* stands in front in all of these */
	switch (ev->type) {
	case PV_EV_START:
		*packet = 0;
		return 's';
	case PV_EV_NET:
		c = n->sport == 53 && n->l4 == PV_L4_UDP ? 'u' : n->sport == 53 ? 'c' : n->dport == 179 ? 'g' : 'n';
		assert_int_equal(n->size, 225); /* whole */
		assert_int_equal(ev->size, sizeof *n);
		break;
	case PV_EV_DNS:
		c = 'd';
		break;
	case PV_EV_DNS_TIMEOUT:
		c = 't';
		break;
	case PV_EV_DHCP:
		c = 'h';
		break;
	case PV_EV_BGP:
		c = 'b';
		break;
	case PV_EV_FLOW:
		c = 'f';
		*packet = ((const struct pv_flow *)(const void *)ev)->packet;
		break;
	case PV_EV_TCP_ERROR:
		c = 'e';
		break;
	case PV_EV_MODULE:
		c = m->stage == STAGE ? 'm' : 'o';
		break;
	default:
		break;
	}
	return flagged ? (char)toupper(c) : c;
}

static void run(const char *by, void (*fill)(struct pv_out *, const char *), const char *in, char *got, size_t cap)
{
	struct mem seen = {0};
	struct pv_out o;
	bool module = !strcmp(by, "module");
	struct pv_stage *s = pv_pick_new(by, module ? STAGE : 0, module ? PV_EV_MODULE : 0, mem_sink(&seen));
	size_t at = 0;
	assert_non_null(s);
	assert_int_equal(pv_out_init(&o, pv_sink_stage(s)), 0);
	fill(&o, in);
	pv_out_drain(&o);
	pv_out_drain(&s->out);
	got[0] = '\0';
	for (size_t i = 0; i < seen.n && at + 24 < cap; i += ev_at(&seen, i)->size) {
		uint64_t packet;
		char c = letter(ev_at(&seen, i), &packet);
		at += (size_t)snprintf(got + at, cap - at, "%s%c", at ? " " : "", c);
		if (packet)
			at += (size_t)snprintf(got + at, cap - at, "%llu", (unsigned long long)packet);
	}
	pv_out_free(&o);
	pv_stage_free(s);
	mem_free(&seen);
}

static void words(struct pv_out *o, const char *in)
{
	for (const char *p = in; *p; p += strcspn(p, " "), p += strspn(p, " "))
		put(o, *p, strtoull(p + 1, NULL, 10));
}

static void what_goes_on(void **state)
{
	static const struct {
		const char *by, *in, *want;
	} cases[] = {
	    /* pcap rejects nothing; an expired query never goes on */
	    {"pcap", "n1 D1 t1 h2 b3 f4 e5 m6 O7 N8", "n1 D1 h2 b3 f4 e5 m6 O7 N8"},
	    {"pcap", "F1", "F1"},
	    /* a packet, with all that was made of it */
	    {"net", "n1 d1 h1 b1 e1 t1", "n1 d1 h1 b1 e1"},
	    {"net", "N1 d1 h1 b1 e1", ""},
	    {"net", "n1 d1 N2 d2 n3 D3", "n1 d1 n3 D3"},
	    {"connections", "n1 d1 N2 d2", "n1 d1"},
	    {"net", "f1 F1", ""},
	    {"net", "n1 d2", "n1"},
	    {"net", "d0 n1 d0", "n1"},
	    {"net", "n0 d0", "n d"}, /* out of dnstap there may be none */
	    /* a segment that waited: known again where messages come in several */
	    {"net", "c1 c2 d1", "c1 c2 d1"},
	    {"net", "C1 c2 d1 d2", "c2 d2"},
	    {"net", "g1 g2 b1", "g1 g2 b1"},
	    {"net", "n1 n2 d1", "n1 n2"},
	    {"net", "u1 u2 d1", "u1 u2"},
	    {"net", "c1 c4097 n5 d1 d4097", "c1 c4097 n5 d4097"}, /* so many and no more */
	    {"net", "c1 c4096 n5 d1 d4096", "c1 c4096 n5 d1 d4096"},
	    {"net", "c1 s d1", "c1 s"},
	    {"net", "n1 s d1", "n1 s"},
	    /* events of modules stand on either side */
	    {"net", "m1 n1 m1", "m1 n1 m1"},
	    {"net", "m1 o1 n1 O1", "m1 o1 n1 O1"},
	    {"net", "m1 N1 m1", ""},
	    {"net", "m1 m2 n2 n1", "m2 n2 n1"},
	    {"net", "m2 m1 n2 n1", "m2 n2 n1"},
	    {"net", "m0 n1", "n1"},
	    {"net", "n1 s m1", "n1 s"},
	    {"net", "m1 s n1", "s n1"},
	    {"net", "n1 n4097 m1 m4097", "n1 n4097 m4097"},
	    /* a message, and in front of it its packet */
	    {"dns", "n1 d1 n2 D2 h2 n3 b3", "n1 d1"},
	    {"dns", "n1 t1 e1 f1", "e1"},
	    {"dns", "n1 d1 d1", "n1 d1 n1 d1"},
	    {"dns", "N1 d1", "N1 d1"},
	    {"dns", "c1 c2 d1", "c1 d1"},
	    {"dns", "n1 n2 d1", "d1"},
	    {"dns", "d0", "d"},
	    {"dns", "c1 c4097 n5 d1", "d1"},
	    {"dns", "m1 n1 d1 m1", "n1 m1 d1 m1"},
	    {"dns", "m1 n1 d1 d1", "n1 m1 d1 n1 d1"}, /* what was held goes once */
	    {"dns", "m1 n1 D1 m1", ""},
	    {"dhcp", "n1 h1 n2 H2 n3 d3", "n1 h1"},
	    {"bgp", "g1 g2 b1 B2 d2", "g1 b1"},
	    {"flow", "f1 F2 n3 d3", "f1"},
	    /* a module decides: for that what stood in front of it is held */
	    {"module", "n1 d1 m1 h1", "n1 d1 m1 h1"},
	    {"module", "n1 d1 M1 h1", ""},
	    {"module", "n1 D1 o1 m1", "n1 D1 o1 m1"},
	    {"module", "n1 o1", ""},
	    {"module", "n1 M1 m1", "n1 M1 m1"},
	    {"module", "n1 n2 m1 m2", "m1 n2 m2"},
	    {"module", "n2 n1 m2", "n2 m2"},
	    {"module", "n1 m1 n2 d2", "n1 m1"},
	    {"module", "m0 e0 n1 m1 t1 f1", "n1 m1"},
	    {"module", "e1 m1", "e1 m1"},
	    {"module", "n1 m1 s n1", "n1 m1 s"},
	};
	char got[400];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		run(cases[i].by, words, cases[i].in, got, sizeof got);
		if (strcmp(got, cases[i].want))
			fail_msg("%s: %s: want '%s', got '%s'", cases[i].by, cases[i].in, cases[i].want, got);
	}
}

/* Of a later minor version, with fields behind those that we know. */
static void wider(struct pv_out *o, const char *in)
{
	struct pv_net *n = ev_net(o, SEC, 1, 1), copy = *n;
	struct pv_net *wide = pv_out_event(o, PV_EV_NET, sizeof *n + 16, SEC);
	copy.packet = 2;
	memcpy((uint8_t *)wide + sizeof wide->ev, (uint8_t *)&copy + sizeof copy.ev, sizeof copy - sizeof copy.ev);
	words(o, in);
}

static void cut_to_what_is_known(void **state)
{
	char got[100];
	(void)state;
	run("dns", wider, "d2", got, sizeof got);
	assert_string_equal(got, "n2 d2");
}

/* More of one packet than is held: the rest is withheld, and the next packet is none the worse. */
static void too_much(struct pv_out *o, const char *in)
{
	for (size_t n = 0; n < PV_HELD_BYTES / sizeof(struct pv_net) + 5; n++)
		put(o, 'n', 1);
	words(o, in);
}

static void held_is_bounded(void **state)
{
	static char got[1 << 16];
	size_t n = 0;
	(void)state;
	run("module", too_much, "m1 n2 m2", got, sizeof got);
	for (const char *p = got; (p = strstr(p, "n1")); p++)
		n++;
	assert_int_equal(n, PV_HELD_BYTES / sizeof(struct pv_net));
	assert_string_equal(got + 3 * n, "m1 n2 m2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_goes_on),
	    cmocka_unit_test(cut_to_what_is_known),
	    cmocka_unit_test(held_is_bounded),
	};
	return cmocka_run_group_tests_name("pick", tests, NULL, NULL);
}
