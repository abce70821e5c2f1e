/* SPDX-License-Identifier: MPL-2.0 */
/* capture/fanout.h: which worker a packet goes to, by the program that the kernel gets, run here by libpcap's
 * interpreter over Ethernet frames. Sockets and groups: tests/live/workers.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pcap/pcap.h>

#include "capture/fanout.h"

#define WORKERS 4

static const uint32_t MIX[2] = {0x9e3779b1u, 0x85ebca6bu};

struct packet {
	const char *what;
	unsigned src, dst; /* hosts, by number */
	uint16_t sport, dport;
	uint8_t proto;
	uint16_t fragment; /* as in the header: offset in eights, and more of them */
	bool six;
	uint32_t label;	 /* IPv6: flow label */
	uint8_t options; /* IPv4: bytes */
	unsigned tags;	 /* that the kernel has left in the packet */
};

struct frame {
	uint8_t b[256];
	size_t n;
};

static void bytes(struct frame *f, const void *p, size_t n)
{
	memcpy(f->b + f->n, p, n);
	f->n += n;
}

static void word(struct frame *f, unsigned v)
{
	const uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
	bytes(f, b, 2);
}

static void host4(struct frame *f, unsigned n)
{
	word(f, 10u << 8);
	word(f, n);
}

static void host6(struct frame *f, unsigned n)
{
	bytes(f, "\x20\x01\x0d\xb8\0\0\0\1\0\0\0\0\0\0", 14);
	word(f, n);
}

static void ip4(struct frame *f, const struct packet *p)
{
	word(f, (0x45u + p->options / 4) << 8);
	word(f, 60);
	word(f, 1);
	word(f, p->fragment);
	word(f, 64u << 8 | p->proto);
	word(f, 0);
	host4(f, p->src);
	host4(f, p->dst);
	for (unsigned i = 0; i < p->options; i++)
		bytes(f, "\1", 1);
}

static void ip6(struct frame *f, const struct packet *p)
{
	bool cut = p->fragment;
	word(f, 0x6000u | p->label >> 16);
	word(f, p->label & 0xffff);
	word(f, 40);
	word(f, (cut ? 44u : p->proto) << 8 | 64);
	host6(f, p->src);
	host6(f, p->dst);
	if (!cut)
		return;
	word(f, (unsigned)p->proto << 8);
	word(f, (p->fragment & 0x1fffu) << 3 | (p->fragment & 0x2000 ? 1 : 0));
	word(f, 0);
	word(f, 7);
}

static void make(struct frame *f, const struct packet *p)
{
	f->n = 0;
	bytes(f, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	for (unsigned i = 0; i < p->tags; i++) {
		word(f, i ? 0x8100 : 0x88a8);
		word(f, 0x4007); /* looks like the first bytes of IPv4 */
	}
	word(f, p->six ? 0x86dd : 0x0800);
	if (p->six)
		ip6(f, p);
	else
		ip4(f, p);
	word(f, p->sport);
	word(f, p->dport);
	word(f, 20);
	word(f, 0);
	bytes(f, "............", 12);
}

static uint32_t at(const struct frame *f, uint32_t net)
{
	struct bpf_insn prog[PV_FANOUT_PROGRAM];
	unsigned n = pv_fanout_program(prog, net, 12, MIX);
	assert_true(bpf_validate(prog, (int)n));
	return bpf_filter(prog, f->b, (u_int)f->n, (u_int)f->n);
}

/* As in what is received: a tag that is left is the network header. */
static uint32_t answer(const struct packet *p)
{
	struct frame f;
	make(&f, p);
	return at(&f, 14);
}

static struct packet back(const struct packet *p)
{
	struct packet b = *p;
	b.src = p->dst;
	b.dst = p->src;
	b.sport = p->dport;
	b.dport = p->sport;
	return b;
}

#define QUERY .src = 300, .dst = 7, .sport = 40001, .dport = 53
static const struct packet base4 = {"UDP", QUERY, .proto = IPPROTO_UDP},
			   base6 = {"UDP over IPv6", QUERY, .proto = IPPROTO_UDP, .six = true};

static void directions(void **state)
{
	static const struct packet cases[] = {
	    {"UDP", QUERY, .proto = IPPROTO_UDP},
	    {"TCP", QUERY, .proto = IPPROTO_TCP},
	    {"SCTP", QUERY, .proto = IPPROTO_SCTP},
	    {"ICMP", .src = 300, .dst = 7, .proto = IPPROTO_ICMP},
	    {"UDP over IPv6", QUERY, .proto = IPPROTO_UDP, .six = true},
	    {"TCP over IPv6", QUERY, .proto = IPPROTO_TCP, .six = true},
	    {"ICMPv6", .src = 300, .dst = 7, .proto = IPPROTO_ICMPV6, .six = true},
	    {"behind a tag", QUERY, .proto = IPPROTO_UDP, .tags = 1},
	    {"IPv6 behind a tag", QUERY, .proto = IPPROTO_UDP, .six = true, .tags = 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct packet b = back(&cases[i]);
		if (answer(&cases[i]) != answer(&b) || !answer(&b))
			fail_msg("%s: %08x and back %08x", cases[i].what, answer(&cases[i]), answer(&b));
	}
}

/* What makes no other flow. */
static void one_flow(void **state)
{
	static const struct packet cases[] = {
	    {"IPv4 options", QUERY, .proto = IPPROTO_UDP, .options = 8},
	    {"a first fragment", QUERY, .proto = IPPROTO_UDP, .fragment = 0x2000},
	    {"that must not be cut", QUERY, .proto = IPPROTO_UDP, .fragment = 0x4000},
	    {"a tag", QUERY, .proto = IPPROTO_UDP, .tags = 1},
	    {"a flow label", QUERY, .proto = IPPROTO_UDP, .six = true, .label = 0x4beef},
	    {"a first fragment of IPv6", QUERY, .proto = IPPROTO_UDP, .six = true, .fragment = 0x2000},
	    {"a tag in front of IPv6", QUERY, .proto = IPPROTO_UDP, .six = true, .tags = 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct packet b = back(&cases[i]);
		uint32_t without = answer(cases[i].six ? &base6 : &base4);
		if (answer(&b) != without)
			fail_msg("%s: %08x, without %08x", cases[i].what, answer(&b), without);
	}
}

/* The same wherever the network header is said to be: a frame that is sent has its tag in front of it. */
static void sent_with_a_tag(void **state)
{
	(void)state;
	for (unsigned six = 0; six < 2; six++) {
		struct packet p = six ? base6 : base4;
		struct frame f;
		uint32_t want = answer(&p);
		p.tags = 1;
		make(&f, &p);
		assert_int_equal(at(&f, 18), want);
	}
}

/* Later fragments have no ports: payload is not taken for some. */
static void later_fragments(void **state)
{
	(void)state;
	for (unsigned six = 0; six < 2; six++) {
		struct packet p = six ? base6 : base4;
		p.fragment = 0x2000 | 185;
		uint32_t want = answer(&p);
		p.sport = 67;
		assert_int_equal(answer(&p), want);
		assert_int_not_equal(want, 0);
	}
}

static void dhcp_and_the_unknown(void **state)
{
	static const struct packet cases[] = {
	    {"DISCOVER", .src = 0, .dst = 65535, .sport = 68, .dport = 67, .proto = IPPROTO_UDP},
	    {"OFFER", .src = 1, .dst = 80, .sport = 67, .dport = 68, .proto = IPPROTO_UDP},
	    {"relayed", .src = 1, .dst = 80, .sport = 67, .dport = 67, .proto = IPPROTO_UDP},
	    {"SOLICIT", .src = 9, .dst = 65535, .sport = 546, .dport = 547, .proto = IPPROTO_UDP,
	     .six = true},
	    {"ADVERTISE", .src = 1, .dst = 9, .sport = 547, .dport = 546, .proto = IPPROTO_UDP, .six = true},
	    {"two tags", QUERY, .proto = IPPROTO_UDP, .tags = 3},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (answer(&cases[i]))
			fail_msg("%s: %08x", cases[i].what, answer(&cases[i]));
	struct packet tcp = {"TCP of these ports", .src = 3,	  .dst = 4,
			     .sport = 68,	   .dport = 1000, .proto = IPPROTO_TCP};
	assert_int_not_equal(answer(&tcp), 0);
}

/* At every length: what is cut goes somewhere, and bytes behind the end are nobody's business. */
static void cut_short(void **state)
{
	(void)state;
	for (unsigned six = 0; six < 2; six++) {
		struct frame f;
		make(&f, six ? &base6 : &base4);
		uint32_t whole = at(&f, 14);
		size_t need = six ? 14 + 44 : 14 + 24;
		for (size_t n = f.n; n--;) {
			f.n = n;
			assert_int_equal(at(&f, 14), n >= need ? whole : 0);
		}
	}
}

/* Flows that differ in one thing only. A worker has a quarter of 4096, give or take a fifth. */
static void spread(void **state)
{
	static const char *const what[] = {"ports", "clients", "servers", "clients over IPv6",
					   "both, in step"};
	(void)state;
	for (size_t k = 0; k < sizeof what / sizeof what[0]; k++) {
		unsigned got[WORKERS] = {0};
		for (unsigned i = 0; i < 4096; i++) {
			struct packet p = k == 3 ? base6 : base4;
			p.sport = (uint16_t)(k == 0 || k == 4 ? 32768 + i : 40001);
			p.src = k == 1 || k == 3 || k == 4 ? i : 300;
			p.dst = k == 2 ? i : 7;
			got[answer(&p) % WORKERS]++;
		}
		for (unsigned w = 0; w < WORKERS; w++)
			if (got[w] < 820 || got[w] > 1230)
				fail_msg("%s: worker %u has %u of 4096", what[k], w, got[w]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(directions),
	    cmocka_unit_test(one_flow),
	    cmocka_unit_test(sent_with_a_tag),
	    cmocka_unit_test(later_fragments),
	    cmocka_unit_test(dhcp_and_the_unknown),
	    cmocka_unit_test(cut_short),
	    cmocka_unit_test(spread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
