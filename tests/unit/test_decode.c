/* SPDX-License-Identifier: MPL-2.0 */
/* A table of frames, each put together from headers, and what must be found in them. Then every prefix of
 * every frame, as a capture that was cut and as a frame that was that short, against an unreadable page. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "guard.h"
#include "packet/decode.h"

struct frame {
	uint8_t b[512];
	size_t n;
};

static void put(struct frame *f, const void *bytes, size_t n)
{
	assert_true(f->n + n <= sizeof(f->b));
	memcpy(f->b + f->n, bytes, n);
	f->n += n;
}

static void p8(struct frame *f, unsigned x)
{
	uint8_t b = (uint8_t)x;
	put(f, &b, 1);
}

static void p16(struct frame *f, unsigned x)
{
	p8(f, x >> 8);
	p8(f, x & 255);
}

static void p32(struct frame *f, uint32_t x)
{
	p16(f, x >> 16);
	p16(f, x & 0xffff);
}

static void fill(struct frame *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p8(f, 'a' + (unsigned)i % 26);
}

static void set16(struct frame *f, size_t at, unsigned x)
{
	f->b[at] = (uint8_t)(x >> 8);
	f->b[at + 1] = (uint8_t)x;
}

static void eth(struct frame *f, unsigned type)
{
	put(f, "\x02\0\0\0\0\x0d\x02\0\0\0\0\x05", 12);
	p16(f, type);
}

static void vlan(struct frame *f, unsigned id, unsigned type)
{
	p16(f, 0xa000 | id); /* with a priority */
	p16(f, type);
}

/* 10.0.0.1 > 192.0.2.2; `body` bytes follow */
static void ip4(struct frame *f, unsigned proto, size_t body)
{
	p16(f, 0x4500);
	p16(f, 20 + (unsigned)body);
	p32(f, 0x12344000); /* don't fragment */
	p8(f, 64);
	p8(f, proto);
	p16(f, 0);
	p32(f, 0x0a000001);
	p32(f, 0xc0000202);
}

/* 2001:db8::1 > 2001:db8::2 */
static void ip6(struct frame *f, unsigned next, size_t body)
{
	p32(f, 0x60000000);
	p16(f, (unsigned)body);
	p8(f, next);
	p8(f, 64);
	put(f, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	put(f, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
}

static void udp(struct frame *f, unsigned dport, size_t payload)
{
	p16(f, 4000);
	p16(f, dport);
	p16(f, 8 + (unsigned)payload);
	p16(f, 0);
}

static void tcp(struct frame *f, unsigned flags, size_t options)
{
	p16(f, 4000);
	p16(f, 53);
	p32(f, 0x01020304);
	p32(f, 0x05060708);
	p8(f, (unsigned)(20 + options) / 4 << 4);
	p8(f, flags);
	p16(f, 1000);
	p32(f, 0);
	for (size_t i = 0; i < options; i++)
		p8(f, 1);
}

/* An IPv6 extension header of n bytes, a multiple of 8. */
static void ext6(struct frame *f, unsigned next, size_t n)
{
	p8(f, next);
	p8(f, (unsigned)n / 8 - 1);
	for (size_t i = 2; i < n; i++)
		p8(f, 0);
}

/* ---- the frames: name, link type, how it is made, what must be found --------------------------- */

static void eth_udp4(struct frame *f) { eth(f, 0x800); ip4(f, 17, 18); udp(f, 53, 10); fill(f, 10); }
static void eth_udp6(struct frame *f) { eth(f, 0x86dd); ip6(f, 17, 18); udp(f, 53, 10); fill(f, 10); }
static void eth_tcp4(struct frame *f) { eth(f, 0x800); ip4(f, 6, 37); tcp(f, 0x18, 12); fill(f, 5); }
static void eth_tcp6(struct frame *f) { eth(f, 0x86dd); ip6(f, 6, 25); tcp(f, 0x02, 0); fill(f, 5); }
static void eth_icmp(struct frame *f) { eth(f, 0x800); ip4(f, 1, 8); fill(f, 8); }
static void eth_padding(struct frame *f) { eth(f, 0x800); ip4(f, 6, 20); tcp(f, 0x10, 0); fill(f, 6); }
static void eth_ip_options(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 17, 8 + 12 + 3);
	f->b[14] = 0x48;
	fill(f, 12);
	udp(f, 53, 3);
	fill(f, 3);
}
static void udp_empty(struct frame *f) { eth(f, 0x800); ip4(f, 17, 8); udp(f, 9, 0); }
static void udp_surplus(struct frame *f) { eth(f, 0x800); ip4(f, 17, 18); udp(f, 53, 4); fill(f, 10); }
static void udp_claims(struct frame *f) { eth(f, 0x800); ip4(f, 17, 12); udp(f, 53, 100); fill(f, 10); }
static void udp_zero(struct frame *f)
{
	eth(f, 0x86dd);
	ip6(f, 17, 18);
	udp(f, 53, 0);
	set16(f, 58, 0);
	fill(f, 10);
}
static void udp_seven(struct frame *f) { eth_udp4(f); set16(f, 38, 7); }
static void udp_short(struct frame *f) { eth(f, 0x800); ip4(f, 17, 5); fill(f, 5); }
static void tcp_offset_low(struct frame *f) { eth_tcp4(f); f->b[46] = 0x40; }
static void tcp_offset_high(struct frame *f) { eth_tcp4(f); f->b[46] = 0xf0; }
static void tcp_short(struct frame *f) { eth(f, 0x800); ip4(f, 6, 19); fill(f, 30); }
static void tso4(struct frame *f) { eth_tcp4(f); set16(f, 16, 0); }
static void tso6(struct frame *f) { eth_tcp6(f); set16(f, 18, 0); }
static void ip4_claims(struct frame *f) { eth(f, 0x800); ip4(f, 17, 1000); udp(f, 53, 992); fill(f, 10); }
static void ip4_hlen(struct frame *f) { eth_udp4(f); f->b[14] = 0x44; }
static void ip4_total(struct frame *f) { eth_udp4(f); set16(f, 16, 19); }
static void ip4_version(struct frame *f) { eth_udp4(f); f->b[14] = 0x65; }
static void ip6_version(struct frame *f) { eth_udp6(f); f->b[14] = 0x45; }
static void frag4_first(struct frame *f) { eth_udp4(f); set16(f, 20, 0x2000); }
static void frag4_later(struct frame *f) { eth_udp4(f); set16(f, 20, 0x0064); }
static void frag6(struct frame *f)
{
	eth(f, 0x86dd);
	ip6(f, 44, 26);
	p16(f, 0x1100);
	p16(f, 1);
	p32(f, 7);
	udp(f, 53, 10);
	fill(f, 10);
}
static void frag6_atomic(struct frame *f) { frag6(f); set16(f, 56, 0); }
static void surplus6(struct frame *f) { eth(f, 0x86dd); ip6(f, 6, 24); tcp(f, 0x18, 0); fill(f, 4 + 3); }
static void frag6_behind(struct frame *f)
{
	eth(f, 0x86dd);
	ip6(f, 0, 8 + 8 + 8);
	ext6(f, 44, 8);
	p16(f, 0x0600);
	p16(f, 0x80);
	p32(f, 7);
	fill(f, 8);
}
static void ext_many(struct frame *f)
{
	eth(f, 0x86dd);
	ip6(f, 0, 8 + 16 + 24 + 12 + 8 + 9);
	ext6(f, 60, 8);
	ext6(f, 43, 16);
	ext6(f, 51, 24);
	p8(f, 60); /* AH counts in 4 byte words, less 2 */
	p8(f, 1);
	fill(f, 10);
	ext6(f, 17, 8);
	udp(f, 53, 1);
	fill(f, 1);
}
static void ext_too_many(struct frame *f)
{
	eth(f, 0x86dd);
	ip6(f, 60, 17 * 8 + 8);
	for (int i = 0; i < 17; i++)
		ext6(f, i == 16 ? 17 : 60, 8);
	udp(f, 53, 0);
}
static void ext_sixteen(struct frame *f)
{
	eth(f, 0x86dd);
	ip6(f, 60, 16 * 8 + 8);
	for (int i = 0; i < 16; i++)
		ext6(f, i == 15 ? 17 : 60, 8);
	udp(f, 53, 0);
}
static void ext_beyond(struct frame *f) { eth(f, 0x86dd); ip6(f, 0, 16); p8(f, 17); p8(f, 200); fill(f, 14); }
static void esp(struct frame *f) { eth(f, 0x86dd); ip6(f, 50, 16); fill(f, 16); }
static void no_next(struct frame *f) { eth(f, 0x86dd); ip6(f, 59, 0); fill(f, 6); }
static void mobility(struct frame *f) { eth(f, 0x86dd); ip6(f, 135, 8); ext6(f, 59, 8); }
static void ah4(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 51, 24 + 9);
	p8(f, 17);
	p8(f, 4);
	fill(f, 22);
	udp(f, 53, 1);
	fill(f, 1);
}

static void arp(struct frame *f) { eth(f, 0x806); fill(f, 28); }
static void lldp(struct frame *f) { eth(f, 0x88cc); fill(f, 28); }
static void stp(struct frame *f) { eth(f, 38); put(f, "\x42\x42\x03", 3); fill(f, 35); }
static void snap(struct frame *f)
{
	eth(f, 8 + 29);
	put(f, "\xaa\xaa\x03\0\0\0\x08\0", 8);
	ip4(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
	fill(f, 9);
}
static void snap_cisco(struct frame *f) { eth(f, 20); put(f, "\xaa\xaa\x03\0\0\x0c\x20\0", 8); fill(f, 12); }
static void tag(struct frame *f)
{
	eth(f, 0x8100);
	vlan(f, 7, 0x800);
	ip4(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void qinq(struct frame *f)
{
	eth(f, 0x88a8);
	vlan(f, 100, 0x8100);
	vlan(f, 7, 0x86dd);
	ip6(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void tags(struct frame *f, int n)
{
	eth(f, 0x9100);
	for (int i = 1; i <= n; i++)
		vlan(f, (unsigned)i, i == n ? 0x800 : i % 2 ? 0x9200 : 0x9300);
	ip4(f, 17, 8);
	udp(f, 53, 0);
}
static void tags8(struct frame *f) { tags(f, 8); }
static void tags9(struct frame *f) { tags(f, 9); }
static void tag_arp(struct frame *f) { eth(f, 0x8100); vlan(f, 0, 0x806); fill(f, 28); }
static void mpls(struct frame *f)
{
	eth(f, 0x8847);
	p32(f, 0x00010140);
	ip4(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void mpls3(struct frame *f)
{
	eth(f, 0x8848);
	p32(f, 0x10040);
	p32(f, 0x20040);
	p32(f, 0x30140);
	ip6(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void mpls_word(struct frame *f) { eth(f, 0x8847); p32(f, 0x10140); p32(f, 0); fill(f, 40); }
static void mpls_deep(struct frame *f)
{
	eth(f, 0x8847);
	for (int i = 0; i < 17; i++)
		p32(f, 0x10040);
	fill(f, 8);
}
static void pppoe(struct frame *f)
{
	eth(f, 0x8864);
	p32(f, 0x11000001);
	p16(f, 2 + 29);
	p16(f, 0x21);
	ip4(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void pppoe_lcp(struct frame *f)
{
	eth(f, 0x8864);
	p32(f, 0x11000001);
	p16(f, 10);
	p16(f, 0xc021);
	fill(f, 30);
}
static void pppoe_padi(struct frame *f) { eth(f, 0x8863); p32(f, 0x11090000); p16(f, 4); fill(f, 4); }
static void pppoe_mpls(struct frame *f)
{
	eth(f, 0x8864);
	p32(f, 0x11000001);
	p16(f, 2 + 4 + 28);
	p16(f, 0x281);
	p32(f, 0x10140);
	ip4(f, 17, 8);
	udp(f, 53, 0);
}

static void raw4(struct frame *f) { ip4(f, 17, 9); udp(f, 53, 1); fill(f, 1); }
static void raw6(struct frame *f) { ip6(f, 17, 9); udp(f, 53, 1); fill(f, 1); }
static void raw5(struct frame *f) { raw4(f); f->b[0] = 0x55; }
static void sll4(struct frame *f)
{
	p32(f, 1);
	p16(f, 6);
	put(f, "\x02\0\0\0\0\x05\0\0", 8);
	p16(f, 0x800);
	raw4(f);
}
static void sll_vlan(struct frame *f)
{
	p32(f, 1);
	p16(f, 6);
	put(f, "\x02\0\0\0\0\x05\0\0", 8);
	p16(f, 0x8100);
	vlan(f, 5, 0x86dd);
	raw6(f);
}
static void sll_netlink(struct frame *f) { p16(f, 0); p16(f, 824); fill(f, 10); p16(f, 0x800); raw4(f); }
static void sll_llc(struct frame *f)
{
	p32(f, 1);
	p16(f, 6);
	fill(f, 8);
	p16(f, 4);
	put(f, "\x42\x42\x03", 3);
	fill(f, 35);
}
static void sll_can(struct frame *f) { p32(f, 280); p16(f, 0); fill(f, 8); p16(f, 12); fill(f, 16); }
static void sll2_6(struct frame *f)
{
	p16(f, 0x86dd);
	p16(f, 0);
	p32(f, 2);
	p16(f, 1);
	p16(f, 6);
	fill(f, 8);
	raw6(f);
}
static void null_le(struct frame *f) { put(f, "\x02\0\0\0", 4); raw4(f); }
static void null_be(struct frame *f) { p32(f, 30); raw6(f); }
static void null_linux6(struct frame *f) { put(f, "\x0a\0\0\0", 4); raw6(f); }
static void null_type(struct frame *f) { p32(f, 0x0008000f); raw4(f); }
static void null_ipx(struct frame *f) { p32(f, 11); raw4(f); }
static void ppp(struct frame *f) { p32(f, 0xff030021); raw4(f); }
static void ppp_bare(struct frame *f) { p16(f, 0x57); raw6(f); }
static void ppp_compressed(struct frame *f) { p16(f, 0xff03); p8(f, 0x21); raw4(f); }
static void ppp_ccp(struct frame *f) { p16(f, 0x80fd); fill(f, 20); }
static void hdlc(struct frame *f) { p32(f, 0x0f000800); raw4(f); }
static void hdlc_keep(struct frame *f) { p32(f, 0x8f008035); fill(f, 20); }
static void ppp_ether(struct frame *f) { p32(f, 0x11000001); p16(f, 2 + 29); p16(f, 0x21); raw4(f); }

/* 172.16.0.1 > 172.16.0.2 */
static void inner(struct frame *f, unsigned proto, size_t body)
{
	ip4(f, proto, body);
	f->b[f->n - 8] = f->b[f->n - 4] = 172;
	f->b[f->n - 7] = f->b[f->n - 3] = 16;
	f->b[f->n - 6] = f->b[f->n - 2] = 0;
	f->b[f->n - 1] = 2;
	f->b[f->n - 5] = 1;
}
static void ipip(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 4, 29);
	inner(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void ipip6(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 41, 49);
	ip6(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void ip6ip4(struct frame *f)
{
	eth(f, 0x86dd);
	ip6(f, 4, 29);
	inner(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void gre(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 47, 33);
	p32(f, 0x800);
	inner(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void gre_all(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 47, 45 + 20);
	p32(f, 0xb00086dd);
	p32(f, 0);
	p32(f, 1);
	p32(f, 2);
	ip6(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void gre_teb(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 47, 4 + 18 + 29);
	p32(f, 0x6558);
	eth(f, 0x8100);
	vlan(f, 9, 0x800);
	inner(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void gre_routing(struct frame *f) { eth(f, 0x800); ip4(f, 47, 30); p32(f, 0x40000800); fill(f, 26); }
static void gre_pptp(struct frame *f) { eth(f, 0x800); ip4(f, 47, 30); p32(f, 0x2001880b); fill(f, 26); }
static void gre_version1(struct frame *f) { gre(f); f->b[35] = 1; }
static void gre_wccp(struct frame *f) { eth(f, 0x800); ip4(f, 47, 30); p32(f, 0x883e); fill(f, 26); }
static void gre_short(struct frame *f) { eth(f, 0x800); ip4(f, 47, 6); p32(f, 0x80000800); fill(f, 22); }
static void vxlan(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 17, 8 + 8 + 14 + 29);
	udp(f, 4789, 8 + 14 + 29);
	p32(f, 0x08000000);
	p32(f, 42 << 8);
	eth(f, 0x800);
	f->b[f->n - 3] = 6;
	inner(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void vxlan_arp(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 17, 8 + 8 + 14 + 28);
	udp(f, 4789, 8 + 14 + 28);
	p32(f, 0x08000000);
	p32(f, 42 << 8);
	eth(f, 0x806);
	fill(f, 28);
}
static void vxlan_none(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 17, 8 + 20);
	udp(f, 4789, 20);
	fill(f, 20);
	f->b[42] = 0;
}
static void vxlan_short(struct frame *f)
{
	eth(f, 0x800);
	ip4(f, 17, 8 + 4);
	udp(f, 4789, 4);
	p32(f, 0x08000000);
}
static void nested(struct frame *f, int n)
{
	eth(f, 0x800);
	for (int i = n; i > 0; i--)
		ip4(f, 4, 20 * (size_t)i + 9);
	inner(f, 17, 9);
	udp(f, 53, 1);
	fill(f, 1);
}
static void nested4(struct frame *f) { nested(f, 4); }
static void nested5(struct frame *f) { nested(f, 5); }
static void nothing(struct frame *f) { f->n = 0; }

#define E PV_PKT_ETH
#define MAL PV_PKT_MALFORMED
#define UNS PV_PKT_UNSUPPORTED
#define FRG PV_PKT_FRAGMENT
#define TUN PV_PKT_TUNNEL
#define NOV PV_NO_VLAN
#define GRE 1
#define IPIP 2
#define VXL 4

static const struct {
	const char *name;
	void (*make)(struct frame *);
	int dlt;
	int decap;
	uint8_t l3, l4, proto, bits, reason;
	uint16_t vlan, dport;
	int payload_at; /* -1 none */
	uint32_t payload_len, payload_wire;
} rows[] = {
    {"udp4", eth_udp4, 1, 0, 4, 1, 17, E, 0, NOV, 53, 42, 10, 10},
    {"udp6", eth_udp6, 1, 0, 6, 1, 17, E, 0, NOV, 53, 62, 10, 10},
    {"tcp4 with options", eth_tcp4, 1, 0, 4, 2, 6, E, 0, NOV, 53, 66, 5, 5},
    {"tcp6", eth_tcp6, 1, 0, 6, 2, 6, E, 0, NOV, 53, 74, 5, 5},
    {"icmp", eth_icmp, 1, 0, 4, 0, 1, E, 0, NOV, 0, -1, 0, 0},
    {"bytes behind the IPv6 length", surplus6, 1, 0, 6, 2, 6, E, 0, NOV, 53, 74, 4, 4},
    {"Ethernet padding is no payload", eth_padding, 1, 0, 4, 2, 6, E, 0, NOV, 53, 54, 0, 0},
    {"IPv4 options", eth_ip_options, 1, 0, 4, 1, 17, E, 0, NOV, 53, 54, 3, 3},
    {"udp without payload", udp_empty, 1, 0, 4, 1, 17, E, 0, NOV, 9, 42, 0, 0},
    {"bytes behind the UDP length", udp_surplus, 1, 0, 4, 1, 17, E, 0, NOV, 53, 42, 4, 4},
    {"UDP length beyond IP's", udp_claims, 1, 0, 4, 1, 17, E, 0, NOV, 53, 42, 4, 100},
    {"UDP length 0", udp_zero, 1, 0, 6, 1, 17, E, 0, NOV, 53, 62, 10, 10},
    {"UDP length 7", udp_seven, 1, 0, 4, 0, 17, E | MAL, PV_DEC_UDP_LENGTH, NOV, 0, -1, 0, 0},
    {"UDP header does not fit", udp_short, 1, 0, 4, 0, 17, E | MAL, PV_DEC_L4_SHORT, NOV, 0, -1, 0, 0},
    {"TCP offset 16", tcp_offset_low, 1, 0, 4, 0, 6, E | MAL, PV_DEC_TCP_OFFSET, NOV, 0, -1, 0, 0},
    {"TCP offset 60 of 37", tcp_offset_high, 1, 0, 4, 0, 6, E | MAL, PV_DEC_TCP_OFFSET, NOV, 0, -1, 0, 0},
    {"TCP header does not fit IP length", tcp_short, 1, 0, 4, 0, 6, E | MAL, PV_DEC_L4_SHORT, NOV, 0, -1, 0,
     0},
    {"IPv4 total length 0", tso4, 1, 0, 4, 2, 6, E, 0, NOV, 53, 66, 5, 5},
    {"IPv6 payload length 0", tso6, 1, 0, 6, 2, 6, E, 0, NOV, 53, 74, 5, 5},
    {"IPv4 total length beyond the frame", ip4_claims, 1, 0, 4, 1, 17, E, 0, NOV, 53, 42, 10, 992},
    {"IPv4 header length 16", ip4_hlen, 1, 0, 4, 0, 17, E | MAL, PV_DEC_IP_HLEN, NOV, 0, -1, 0, 0},
    {"IPv4 total length 19", ip4_total, 1, 0, 4, 0, 17, E | MAL, PV_DEC_IP_LENGTH, NOV, 0, -1, 0, 0},
    {"6 announced as 4", ip4_version, 1, 0, 0, 0, 0, E | MAL, PV_DEC_IP_VERSION, NOV, 0, -1, 0, 0},
    {"4 announced as 6", ip6_version, 1, 0, 0, 0, 0, E | MAL, PV_DEC_IP_VERSION, NOV, 0, -1, 0, 0},
    {"first IPv4 fragment", frag4_first, 1, 0, 4, 0, 17, E | FRG, 0, NOV, 0, -1, 0, 0},
    {"later IPv4 fragment", frag4_later, 1, 0, 4, 0, 17, E | FRG, 0, NOV, 0, -1, 0, 0},
    {"IPv6 fragment", frag6, 1, 0, 6, 0, 17, E | FRG, 0, NOV, 0, -1, 0, 0},
    {"atomic IPv6 fragment", frag6_atomic, 1, 0, 6, 0, 17, E | FRG, 0, NOV, 0, -1, 0, 0},
    {"IPv6 fragment behind options", frag6_behind, 1, 0, 6, 0, 6, E | FRG, 0, NOV, 0, -1, 0, 0},
    {"many extension headers", ext_many, 1, 0, 6, 1, 17, E, 0, NOV, 53, 130, 1, 1},
    {"17 extension headers", ext_too_many, 1, 0, 6, 0, 60, E | UNS, PV_DEC_EXT_DEPTH, NOV, 0, -1, 0, 0},
    {"16 extension headers", ext_sixteen, 1, 0, 6, 1, 17, E, 0, NOV, 53, 190, 0, 0},
    {"extension header too long", ext_beyond, 1, 0, 6, 0, 0, E | MAL, PV_DEC_EXT_SHORT, NOV, 0, -1, 0, 0},
    {"esp", esp, 1, 0, 6, 0, 50, E, 0, NOV, 0, -1, 0, 0},
    {"no next header", no_next, 1, 0, 6, 0, 59, E, 0, NOV, 0, -1, 0, 0},
    {"mobility header", mobility, 1, 0, 6, 0, 59, E, 0, NOV, 0, -1, 0, 0},
    {"AH in IPv4", ah4, 1, 0, 4, 1, 17, E, 0, NOV, 53, 66, 1, 1},
    {"arp", arp, 1, 0, 0, 0, 0, E | UNS, PV_DEC_ARP, NOV, 0, -1, 0, 0},
    {"lldp", lldp, 1, 0, 0, 0, 0, E | UNS, PV_DEC_NOT_IP, NOV, 0, -1, 0, 0},
    {"spanning tree", stp, 1, 0, 0, 0, 0, E | UNS, PV_DEC_LLC, NOV, 0, -1, 0, 0},
    {"snap", snap, 1, 0, 4, 1, 17, E, 0, NOV, 53, 50, 1, 1},
    {"snap of a vendor", snap_cisco, 1, 0, 0, 0, 0, E | UNS, PV_DEC_LLC, NOV, 0, -1, 0, 0},
    {"vlan", tag, 1, 0, 4, 1, 17, E, 0, 7, 53, 46, 1, 1},
    {"qinq", qinq, 1, 0, 6, 1, 17, E, 0, 100, 53, 70, 1, 1},
    {"8 tags", tags8, 1, 0, 4, 1, 17, E, 0, 1, 53, 74, 0, 0},
    {"9 tags", tags9, 1, 0, 0, 0, 0, E | UNS, PV_DEC_VLAN_DEPTH, 1, 0, -1, 0, 0},
    {"arp with priority tag", tag_arp, 1, 0, 0, 0, 0, E | UNS, PV_DEC_ARP, 0, 0, -1, 0, 0},
    {"mpls", mpls, 1, 0, 4, 1, 17, E, 0, NOV, 53, 46, 1, 1},
    {"3 labels", mpls3, 1, 0, 6, 1, 17, E, 0, NOV, 53, 74, 1, 1},
    {"mpls control word", mpls_word, 1, 0, 0, 0, 0, E | UNS, PV_DEC_MPLS, NOV, 0, -1, 0, 0},
    {"17 labels", mpls_deep, 1, 0, 0, 0, 0, E | UNS, PV_DEC_MPLS_DEPTH, NOV, 0, -1, 0, 0},
    {"pppoe", pppoe, 1, 0, 4, 1, 17, E, 0, NOV, 53, 50, 1, 1},
    {"pppoe lcp", pppoe_lcp, 1, 0, 0, 0, 0, E | UNS, PV_DEC_NOT_IP, NOV, 0, -1, 0, 0},
    {"pppoe discovery", pppoe_padi, 1, 0, 0, 0, 0, E | UNS, PV_DEC_NOT_IP, NOV, 0, -1, 0, 0},
    {"pppoe with mpls", pppoe_mpls, 1, 0, 4, 1, 17, E, 0, NOV, 53, 54, 0, 0},
    {"raw 12", raw4, 12, 0, 4, 1, 17, 0, 0, NOV, 53, 28, 1, 1},
    {"raw 14", raw6, 14, 0, 6, 1, 17, 0, 0, NOV, 53, 48, 1, 1},
    {"raw 101", raw6, 101, 0, 6, 1, 17, 0, 0, NOV, 53, 48, 1, 1},
    {"raw, version 5", raw5, 101, 0, 0, 0, 0, MAL, PV_DEC_IP_VERSION, NOV, 0, -1, 0, 0},
    {"ipv4 link type", raw4, 228, 0, 4, 1, 17, 0, 0, NOV, 53, 28, 1, 1},
    {"ipv6 link type", raw6, 229, 0, 6, 1, 17, 0, 0, NOV, 53, 48, 1, 1},
    {"6 on the ipv4 link type", raw6, 228, 0, 0, 0, 0, MAL, PV_DEC_IP_VERSION, NOV, 0, -1, 0, 0},
    {"sll", sll4, 113, 0, 4, 1, 17, 0, 0, NOV, 53, 44, 1, 1},
    {"sll with vlan", sll_vlan, 113, 0, 6, 1, 17, 0, 0, 5, 53, 68, 1, 1},
    {"sll netlink", sll_netlink, 113, 0, 0, 0, 0, UNS, PV_DEC_NOT_IP, NOV, 0, -1, 0, 0},
    {"sll llc", sll_llc, 113, 0, 0, 0, 0, UNS, PV_DEC_LLC, NOV, 0, -1, 0, 0},
    {"sll can", sll_can, 113, 0, 0, 0, 0, UNS, PV_DEC_LLC, NOV, 0, -1, 0, 0},
    {"sll2", sll2_6, 276, 0, 6, 1, 17, 0, 0, NOV, 53, 68, 1, 1},
    {"null, little-endian", null_le, 0, 0, 4, 1, 17, 0, 0, NOV, 53, 32, 1, 1},
    {"null, big-endian", null_be, 0, 0, 6, 1, 17, 0, 0, NOV, 53, 52, 1, 1},
    {"null, Linux", null_linux6, 0, 0, 6, 1, 17, 0, 0, NOV, 53, 52, 1, 1},
    {"loop", null_be, 108, 0, 6, 1, 17, 0, 0, NOV, 53, 52, 1, 1},
    {"null, ethertype", null_type, 0, 0, 4, 1, 17, 0, 0, NOV, 53, 32, 1, 1},
    {"null, other family", null_ipx, 0, 0, 0, 0, 0, UNS, PV_DEC_NOT_IP, NOV, 0, -1, 0, 0},
    {"ppp", ppp, 9, 0, 4, 1, 17, 0, 0, NOV, 53, 32, 1, 1},
    {"ppp without address", ppp_bare, 9, 0, 6, 1, 17, 0, 0, NOV, 53, 50, 1, 1},
    {"ppp compressed", ppp_compressed, 9, 0, 4, 1, 17, 0, 0, NOV, 53, 31, 1, 1},
    {"ppp ccp", ppp_ccp, 9, 0, 0, 0, 0, UNS, PV_DEC_NOT_IP, NOV, 0, -1, 0, 0},
    {"ppp serial", ppp, 50, 0, 4, 1, 17, 0, 0, NOV, 53, 32, 1, 1},
    {"cisco hdlc", hdlc, 50, 0, 4, 1, 17, 0, 0, NOV, 53, 32, 1, 1},
    {"cisco hdlc keep-alive", hdlc_keep, 50, 0, 0, 0, 0, UNS, PV_DEC_NOT_IP, NOV, 0, -1, 0, 0},
    {"ppp over ethernet", ppp_ether, 51, 0, 4, 1, 17, 0, 0, NOV, 53, 36, 1, 1},
    {"802.11", eth_udp4, 105, 0, 0, 0, 0, UNS, PV_DEC_LINKTYPE, NOV, 0, -1, 0, 0},
    {"empty", nothing, 1, 0, 0, 0, 0, MAL, PV_DEC_LINK_SHORT, NOV, 0, -1, 0, 0},
    {"empty raw", nothing, 101, 0, 0, 0, 0, MAL, PV_DEC_IP_SHORT, NOV, 0, -1, 0, 0},

    {"ipip outside", ipip, 1, GRE | VXL, 4, 0, 4, E, 0, NOV, 0, -1, 0, 0},
    {"ipip inside", ipip, 1, IPIP, 4, 1, 17, E | TUN, 0, NOV, 53, 62, 1, 1},
    {"6in4 outside", ipip6, 1, 0, 4, 0, 41, E, 0, NOV, 0, -1, 0, 0},
    {"6in4 inside", ipip6, 1, IPIP, 6, 1, 17, E | TUN, 0, NOV, 53, 82, 1, 1},
    {"4in6 outside", ip6ip4, 1, 0, 6, 0, 4, E, 0, NOV, 0, -1, 0, 0},
    {"4in6 inside", ip6ip4, 1, IPIP, 4, 1, 17, E | TUN, 0, NOV, 53, 82, 1, 1},
    {"gre outside", gre, 1, IPIP | VXL, 4, 0, 47, E, 0, NOV, 0, -1, 0, 0},
    {"gre inside", gre, 1, GRE, 4, 1, 17, E | TUN, 0, NOV, 53, 66, 1, 1},
    {"gre with all options", gre_all, 1, GRE, 6, 1, 17, E | TUN, 0, NOV, 53, 98, 1, 1},
    {"gre with Ethernet", gre_teb, 1, GRE, 4, 1, 17, E | TUN, 0, 9, 53, 84, 1, 1},
    {"gre with routing", gre_routing, 1, GRE, 4, 0, 47, E, 0, NOV, 0, -1, 0, 0},
    {"gre version 1", gre_pptp, 1, GRE, 4, 0, 47, E, 0, NOV, 0, -1, 0, 0},
    {"gre version 1 with IPv4", gre_version1, 1, GRE, 4, 0, 47, E, 0, NOV, 0, -1, 0, 0},
    {"gre with something else", gre_wccp, 1, GRE, 4, 0, 47, E, 0, NOV, 0, -1, 0, 0},
    {"gre too short", gre_short, 1, GRE, 4, 0, 47, E | MAL, PV_DEC_TUNNEL_SHORT, NOV, 0, -1, 0, 0},
    {"vxlan outside", vxlan, 1, GRE | IPIP, 4, 1, 17, E, 0, NOV, 4789, 42, 51, 51},
    {"vxlan inside", vxlan, 1, VXL, 4, 1, 17, E | TUN, 0, NOV, 53, 92, 1, 1},
    {"vxlan with arp", vxlan_arp, 1, VXL, 0, 0, 0, E | UNS | TUN, PV_DEC_ARP, NOV, 0, -1, 0, 0},
    {"not vxlan", vxlan_none, 1, VXL, 4, 1, 17, E, 0, NOV, 4789, 42, 20, 20},
    {"too short for vxlan", vxlan_short, 1, VXL, 4, 1, 17, E, 0, NOV, 4789, 42, 4, 4},
    {"4 tunnels", nested4, 1, IPIP, 4, 1, 17, E | TUN, 0, NOV, 53, 122, 1, 1},
    {"5 tunnels", nested5, 1, IPIP, 4, 0, 4, E | TUN, 0, NOV, 0, -1, 0, 0},
};

#define ROWS (sizeof(rows) / sizeof(*rows))

static struct pv_decoder decoder(size_t i)
{
	return (struct pv_decoder){.linktype = rows[i].dlt, .decap_gre = rows[i].decap & GRE,
				   .decap_ipip = rows[i].decap & IPIP, .decap_vxlan = rows[i].decap & VXL};
}

static void make(size_t i, struct frame *f)
{
	f->n = 0;
	rows[i].make(f);
}

static void test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct frame f;
		struct pv_packet p;
		const uint8_t *payload;
		struct pv_decoder d = decoder(i);
		make(i, &f);
		memset(&p, 0xa5, sizeof(p));
		pv_decode(&d, f.b, (uint32_t)f.n, (uint32_t)f.n, &p, &payload);
		int at = payload ? (int)(payload - f.b) : -1;
#define SAME(a, b)                                                                                           \
	if ((a) != (b))                                                                                      \
	fail_msg("%s: " #a " is %ld, not %ld (%s)", rows[i].name, (long)(a), (long)(b),                     \
		 pv_decode_reason_name(p.reason))
		SAME(p.l3, rows[i].l3);
		SAME(p.l4, rows[i].l4);
		SAME(p.proto, rows[i].proto);
		SAME(p.bits, rows[i].bits);
		SAME(p.reason, rows[i].reason);
		SAME(p.vlan, rows[i].vlan);
		SAME(p.dport, rows[i].dport);
		SAME(p.sport, rows[i].dport ? 4000 : 0);
		SAME(at, rows[i].payload_at);
		SAME(p.payload_len, rows[i].payload_len);
		SAME(p.payload_wire_len, rows[i].payload_wire);
		SAME(p.wire_len, f.n);
		SAME(p.cap_len, f.n);
		SAME(p.tcp_seq, p.l4 == PV_L4_TCP ? 0x01020304u : 0);
		SAME(p.tcp_ack, p.l4 == PV_L4_TCP ? 0x05060708u : 0);
		SAME(p.dir, PV_DIR_UNKNOWN);
		SAME(p.stamp, 0xa5); /* not ours to write */
		SAME(p.payload_off, 0xa5a5);
		SAME(p.number, 0xa5a5a5a5a5a5a5a5);
		SAME(p.ev.size, 0xa5a5a5a5);
		SAME(pv_decode_supported(rows[i].dlt), rows[i].reason != PV_DEC_LINKTYPE);
		uint8_t zeros[16] = {0};
		SAME(memcmp(p.src, zeros, 16) != 0, p.l3 != 0);
		SAME(memcmp(p.eth_src, zeros, 6) != 0, (p.bits & PV_PKT_ETH) != 0);
#undef SAME
	}
}

static void decode_one(void (*m)(struct frame *), int decap, const struct pv_hosts *h, struct pv_packet *p)
{
	struct frame f;
	const uint8_t *payload;
	struct pv_decoder d = {.linktype = 1, .decap_gre = decap & GRE, .decap_ipip = decap & IPIP,
			       .decap_vxlan = decap & VXL, .hosts = h};
	f.n = 0;
	m(&f);
	memset(p, 0, sizeof(*p));
	pv_decode(&d, f.b, (uint32_t)f.n, (uint32_t)f.n, p, &payload);
}

static void test_addresses(void **state)
{
	struct pv_packet p;
	(void)state;
	decode_one(eth_tcp4, 0, NULL, &p);
	assert_memory_equal(p.src, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01", 16);
	assert_memory_equal(p.dst, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x02", 16);
	assert_memory_equal(p.eth_dst, "\x02\0\0\0\0\x0d", 6);
	assert_memory_equal(p.eth_src, "\x02\0\0\0\0\x05", 6);
	assert_int_equal(p.tcp_flags, 0x18);
	decode_one(eth_udp6, 0, NULL, &p);
	assert_memory_equal(p.src, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	assert_memory_equal(p.dst, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
	decode_one(gre, 0, NULL, &p);
	assert_int_equal(p.src[12], 10);
	decode_one(gre, GRE, NULL, &p);
	assert_int_equal(p.src[12], 172);
	decode_one(tcp_offset_low, 0, NULL, &p); /* known before the fault */
	assert_int_equal(p.src[12], 10);
	/* of the inner Ethernet header */
	decode_one(vxlan, VXL, NULL, &p);
	assert_int_equal(p.eth_src[5], 6);
}

static void test_direction(void **state)
{
	static const struct {
		const char *hosts;
		void (*make)(struct frame *);
		int decap;
		enum pv_dir dir;
	} cases[] = {
		{"10.0.0.0/8", eth_udp4, 0, PV_DIR_OUT},
		{"192.0.2.0/24", eth_udp4, 0, PV_DIR_IN},
		{"192.0.2.0/24,10.0.0.0/8", eth_udp4, 0, PV_DIR_IN},
		{"192.0.3.0/24", eth_udp4, 0, PV_DIR_UNKNOWN},
		{"2001:db8::1", eth_udp6, 0, PV_DIR_OUT},
		{"2001:db8::2", eth_udp6, 0, PV_DIR_IN},
		{"10.0.0.0/8", frag4_first, 0, PV_DIR_OUT},
		{"10.0.0.0/8", eth_icmp, 0, PV_DIR_OUT},
		{"10.0.0.0/8", tcp_offset_low, 0, PV_DIR_OUT},
		{"0.0.0.0/0,::/0", arp, 0, PV_DIR_UNKNOWN},
		{"172.16.0.2", gre, 0, PV_DIR_UNKNOWN},
		{"172.16.0.2", gre, GRE, PV_DIR_IN},
		{"10.0.0.0/8", gre, 0, PV_DIR_OUT},
		{"10.0.0.0/8", gre, GRE, PV_DIR_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pv_packet p;
		char err[64];
		struct pv_hosts *h = pv_hosts_new();
		assert_int_equal(pv_hosts_parse(h, cases[i].hosts, err, sizeof(err)), 0);
		decode_one(cases[i].make, cases[i].decap, h, &p);
		if (p.dir != cases[i].dir)
			fail_msg("case %zu: direction %d, not %d", i, p.dir, cases[i].dir);
		pv_hosts_free(h);
	}
}

static bool inside(const uint8_t *payload, uint32_t len, const uint8_t *frame, size_t n)
{
	return payload >= frame && len <= n && payload + len <= frame + n;
}

static void test_prefixes(void **state)
{
	struct guard g;
	(void)state;
	guard_init(&g, 512);
	for (size_t i = 0; i < ROWS; i++) {
		struct frame f;
		struct pv_packet full, p;
		const uint8_t *payload;
		struct pv_decoder d = decoder(i);
		make(i, &f);
		uint32_t n = (uint32_t)f.n;
		memset(&full, 0, sizeof(full));
		pv_decode(&d, guard_put(&g, f.b, n), n, n, &full, &payload);
		for (uint32_t k = 0; k < n; k++) {
			const uint8_t *b = guard_put(&g, f.b, k);
			const char *name = rows[i].name;

			memset(&p, 0, sizeof(p));
			pv_decode(&d, b, k, n, &p, &payload);
			if (!(p.bits & PV_PKT_TRUNCATED) || p.cap_len != k || p.wire_len != n)
				fail_msg("%s cut to %u: not said", name, k);
			if (payload ? !inside(payload, p.payload_len, b, k) : p.payload_len != 0)
				fail_msg("%s cut to %u: payload out of bounds", name, k);
			/* Cutting hides faults, and never makes one of the sender's. */
			if (p.reason && p.reason != full.reason && !pv_decode_reason_cut(p.reason))
				fail_msg("%s cut to %u: %s", name, k, pv_decode_reason_name(p.reason));
			if (!!(p.bits & PV_PKT_MALFORMED) != (p.reason >= PV_DEC_LINK_CUT))
				fail_msg("%s cut to %u: MALFORMED and %s", name, k,
					 pv_decode_reason_name(p.reason));
			/* A tunnel whose content is cut may still be outside; all else is found or not. */
			if (!rows[i].decap && p.l3 && (p.l3 != full.l3 || memcmp(p.src, full.src, 32)))
				fail_msg("%s cut to %u: other addresses", name, k);
			if (p.l4 && p.l4 == full.l4 && p.dport == full.dport &&
			    p.payload_wire_len != full.payload_wire_len)
				fail_msg("%s cut to %u: payload_wire_len %u", name, k, p.payload_wire_len);
			if (full.l4 && payload && p.dport == full.dport && p.payload_len > full.payload_len)
				fail_msg("%s cut to %u: payload_len %u", name, k, p.payload_len);

			memset(&p, 0, sizeof(p));
			pv_decode(&d, b, k, k, &p, &payload);
			if (p.bits & PV_PKT_TRUNCATED || pv_decode_reason_cut(p.reason))
				fail_msg("%s of %u: %s blames the capture", name, k,
					 pv_decode_reason_name(p.reason));
			if (payload ? !inside(payload, p.payload_len, b, k) : p.payload_len != 0)
				fail_msg("%s of %u: payload out of bounds", name, k);
		}
	}
	guard_free(&g);
}

/* What makes a header unusable when it is missing, and what does not. */
static void test_cut(void **state)
{
	static const struct {
		void (*make)(struct frame *);
		uint32_t cap;
		uint8_t l3, l4, reason;
		uint32_t payload_len, payload_wire;
	} cases[] = {
		{eth_tcp4, 13, 0, 0, PV_DEC_LINK_CUT, 0, 0},
		{eth_tcp4, 14, 0, 0, PV_DEC_IP_CUT, 0, 0},
		{eth_tcp4, 33, 0, 0, PV_DEC_IP_CUT, 0, 0},
		{eth_tcp4, 34, 4, 0, PV_DEC_L4_CUT, 0, 0},
		{eth_tcp4, 53, 4, 0, PV_DEC_L4_CUT, 0, 0},
		{eth_tcp4, 54, 4, 2, 0, 0, 5}, /* only options and payload are missing */
		{eth_tcp4, 66, 4, 2, 0, 0, 5},
		{eth_tcp4, 68, 4, 2, 0, 2, 5},
		{eth_udp4, 45, 4, 1, 0, 3, 10},
		{eth_ip_options, 40, 4, 0, PV_DEC_IP_CUT, 0, 0},
		{ext_many, 60, 6, 0, PV_DEC_EXT_CUT, 0, 0},
		{eth_padding, 54, 4, 2, 0, 0, 0},
		{ip4_claims, 44, 4, 1, 0, 2, 992},
		{tcp_offset_high, 54, 4, 0, PV_DEC_TCP_OFFSET, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct frame f = {.n = 0};
		struct pv_packet p = {.stamp = 0};
		const uint8_t *payload;
		struct pv_decoder d = {.linktype = 1};
		cases[i].make(&f);
		pv_decode(&d, f.b, cases[i].cap, (uint32_t)f.n, &p, &payload);
		if (p.l3 != cases[i].l3 || p.l4 != cases[i].l4 || p.reason != cases[i].reason ||
		    p.payload_len != cases[i].payload_len || p.payload_wire_len != cases[i].payload_wire)
			fail_msg("case %zu: l3 %d l4 %d %s payload %u of %u", i, p.l3, p.l4,
				 pv_decode_reason_name(p.reason), p.payload_len, p.payload_wire_len);
	}
}

static void test_wire_below_cap(void **state)
{
	struct frame f = {.n = 0};
	struct pv_packet p = {.stamp = 0};
	const uint8_t *payload;
	struct pv_decoder d = {.linktype = 1};
	(void)state;
	eth_udp4(&f);
	pv_decode(&d, f.b, (uint32_t)f.n, 10, &p, &payload);
	assert_int_equal(p.wire_len, f.n);
	assert_int_equal(p.bits, PV_PKT_ETH);
	assert_int_equal(p.payload_len, 10);
}

static void test_names(void **state)
{
	(void)state;
	unsigned named = 0;
	for (unsigned r = 0; r < 300; r++) {
		assert_non_null(pv_decode_reason_name(r));
		named += strcmp(pv_decode_reason_name(r), "unknown") != 0;
		for (unsigned q = 0; q < r && r < PV_DEC_REASONS; q++) {
			if (strcmp(pv_decode_reason_name(r), "unknown"))
				assert_string_not_equal(pv_decode_reason_name(r), pv_decode_reason_name(q));
		}
	}
	assert_int_equal(named, 24);
	assert_string_equal(pv_decode_reason_name(PV_DEC_TUNNEL_SHORT), "tunnel-short");
	assert_false(pv_decode_supported(105));
	assert_false(pv_decode_supported(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),	  cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_direction), cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_cut),	  cmocka_unit_test(test_wire_below_cap),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
