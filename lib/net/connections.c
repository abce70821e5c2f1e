/* SPDX-License-Identifier: MPL-2.0 */
/* connections 1.0, schema "connections". */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "metric/bucket.h"
#include "net/metrics.h"
#include "stage/stage.h"

enum { CARDINALITY, COUNTERS, TOP_CONNECTIONS_GROUP, TOP_PROTOCOLS_GROUP, VLAN };

static const struct pv_group groups[] = {
	[CARDINALITY] = {"cardinality", true},
	[COUNTERS] = {"counters", true},
	[TOP_CONNECTIONS_GROUP] = {"top_connections", true},
	[TOP_PROTOCOLS_GROUP] = {"top_protocols", true},
	[VLAN] = {"vlan", false},
};

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

enum {
	EVENTS, DEEP_SAMPLES, RATE_EVENTS, FILTERED, TOTAL, BYTES, PPS, BPS,
	CONNECTIONS,
	TOP_PROTOCOLS, TOP_CONNECTIONS, TOP_VLANS,
	METRICS
};

/* A is the end with the lower address, of equal ones the lower port: the first that is named. */
enum { C_BYTES, C_PACKETS, C_BYTES_AB, C_BYTES_BA, C_PACKETS_AB, C_PACKETS_BA, COLUMNS };

static const struct pv_column columns[COLUMNS] = {
	[C_BYTES] = {"bytes", "bps", 8},
	[C_PACKETS] = {"packets", "pps", 1},
	[C_BYTES_AB] = {"bytes_ab", NULL, 0},
	[C_BYTES_BA] = {"bytes_ba", NULL, 0},
	[C_PACKETS_AB] = {"packets_ab", NULL, 0},
	[C_PACKETS_BA] = {"packets_ba", NULL, 0},
};

#define BOTH_WAYS 2 /* the first columns, of things that have no ends */

/* ---- keys ----------------------------------------------------------------------------------------- */

/* In the order that rows shall have by key: addresses, then the rest. Numbers are big-endian. */
struct key {
	uint8_t a[16], aport[2];
	uint8_t b[16], bport[2];
	uint8_t proto, kind; /* KIND_* */
	uint8_t vlan[2];     /* PV_NO_VLAN without, or when nobody wants to know */
};

_Static_assert(sizeof(struct key) == 40 && sizeof(struct key) <= PV_TALLY_KEY, "a key must fit whole");

#define KIND_IP	   0x0fu /* 4, 6, or 0: not IP */
#define KIND_PORTS 0x80u /* the ports mean something: not of fragments, or ICMP */

static void put16(uint8_t to[2], unsigned v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

/* True: the packet went from A to B. Both halves of a dnstap exchange have who asked as their source, so a response went
 * the other way. */
static bool key_of(const struct pv_net *e, bool vlan, struct key *k)
{
	int order = memcmp(e->src, e->dst, sizeof e->src);
	bool src_first = order < 0 || (order == 0 && e->sport <= e->dport);
	unsigned dnstap = pv_event_dnstap(&e->ev);
	memcpy(k->a, src_first ? e->src : e->dst, sizeof k->a);
	memcpy(k->b, src_first ? e->dst : e->src, sizeof k->b);
	put16(k->aport, src_first ? e->sport : e->dport);
	put16(k->bport, src_first ? e->dport : e->sport);
	put16(k->vlan, vlan ? e->vlan : PV_NO_VLAN);
	k->proto = e->l3 ? e->proto : 0;
	k->kind = (uint8_t)(e->l3 | (e->l4 != PV_L4_OTHER || e->sport || e->dport ? KIND_PORTS : 0));
	return (dnstap && dnstap % 2 == 0) != src_first;
}

/* ---- words ---------------------------------------------------------------------------------------- */

#define NOT_IP 256 /* instead of an IP protocol */

/* Those that are seen in networks; of the others IANA's registry tells by number. */
static void protocol_text(unsigned proto, char *out, size_t cap)
{
	static const struct {
		uint16_t number;
		const char *name;
	} names[] = {
		{IPPROTO_ICMP, "ICMP"}, {IPPROTO_IGMP, "IGMP"}, {IPPROTO_IPIP, "IPIP"}, {IPPROTO_TCP, "TCP"},
		{IPPROTO_UDP, "UDP"}, {IPPROTO_DCCP, "DCCP"}, {IPPROTO_IPV6, "6in4"}, {IPPROTO_RSVP, "RSVP"},
		{IPPROTO_GRE, "GRE"}, {IPPROTO_ESP, "ESP"}, {IPPROTO_AH, "AH"}, {IPPROTO_ICMPV6, "ICMPv6"},
		{88, "EIGRP"}, {89, "OSPF"}, {IPPROTO_PIM, "PIM"}, {112, "VRRP"}, {115, "L2TP"},
		{IPPROTO_SCTP, "SCTP"}, {IPPROTO_UDPLITE, "UDPlite"}, {IPPROTO_MPLS, "MPLS"}, {NOT_IP, "not IP"},
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].number == proto) {
			snprintf(out, cap, "%s", names[i].name);
			return;
		}
	snprintf(out, cap, "IP %u", proto);
}

#define END_TEXT 64 /* "[", an IPv6 address of 45 characters, "]:65535" */

static void end_text(const uint8_t addr[16], const uint8_t port[2], unsigned kind, char out[END_TEXT])
{
	char text[INET6_ADDRSTRLEN] = "?";
	bool v6 = (kind & KIND_IP) == 6, ports = kind & KIND_PORTS;
	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? addr : addr + 12, text, sizeof text);
	if (ports)
		snprintf(out, END_TEXT, v6 ? "[%s]:%u" : "%s:%u", text, (unsigned)(port[0] << 8 | port[1]));
	else
		snprintf(out, END_TEXT, "%s", text);
}

/* "TCP 192.0.2.1:53 <-> 192.0.2.7:40000", "vlan 5 ICMP 192.0.2.1 <-> 192.0.2.7" */
static void item_connection(const struct pv_topn_row *row, char *out, size_t cap)
{
	struct key k;
	char proto[16], a[END_TEXT], b[END_TEXT], vlan[16] = "";
	if (row->len != sizeof k) { /* out of a stream: it may be anything */
		snprintf(out, cap, "?");
		return;
	}
	memcpy(&k, row->key, sizeof k);
	unsigned id = (unsigned)(k.vlan[0] << 8 | k.vlan[1]);
	if (id != PV_NO_VLAN)
		snprintf(vlan, sizeof vlan, "vlan %u ", id);
	protocol_text(k.kind & KIND_IP ? k.proto : NOT_IP, proto, sizeof proto);
	if (!(k.kind & KIND_IP)) {
		snprintf(out, cap, "%s%s", vlan, proto);
		return;
	}
	end_text(k.a, k.aport, k.kind, a);
	end_text(k.b, k.bport, k.kind, b);
	snprintf(out, cap, "%s%s %s <-> %s", vlan, proto, a, b);
}

/* A number of two bytes. */
static unsigned number_of(const struct pv_topn_row *row)
{
	const uint8_t *p = row->key;
	return row->len == 2 ? (unsigned)(p[0] << 8 | p[1]) : NOT_IP;
}

static void item_protocol(const struct pv_topn_row *row, char *out, size_t cap)
{
	protocol_text(number_of(row), out, cap);
}

static void item_vlan(const struct pv_topn_row *row, char *out, size_t cap)
{
	unsigned id = number_of(row);
	if (id == PV_NO_VLAN)
		snprintf(out, cap, "none");
	else
		snprintf(out, cap, "%u", id);
}

/* ---- the table ------------------------------------------------------------------------------------ */

#define ROW(m, k, g, p, u, h) \
	[m] = {.id = (m) + 1, .kind = (k), .group = (g), .group2 = PV_ALWAYS, .path = (p), .unit = (u), .help = (h)}
#define TALLY(m, g, p, l, i, n, h) \
	[m] = {.id = (m) + 1, .kind = PV_TALLY, .group = (g), .group2 = PV_ALWAYS, .path = (p), .label = (l), .item = (i), \
	       .unit = "bytes", .columns = columns, .ncolumns = (n), .help = (h)}

static const struct pv_metric metrics[METRICS] = {
	ROW(EVENTS, PV_COUNTER, PV_ALWAYS, "events", "packets", "packets seen, before any filter"),
	ROW(DEEP_SAMPLES, PV_COUNTER, PV_ALWAYS, "deep_samples", "packets", "packets chosen for deep inspection"),
	ROW(RATE_EVENTS, PV_RATE, PV_ALWAYS, "rates.events", "packets/s", "packets seen per second, before any filter"),
	ROW(FILTERED, PV_COUNTER, COUNTERS, "filtered", "packets", "packets that the filters rejected"),
	ROW(TOTAL, PV_COUNTER, COUNTERS, "packets", "packets", "packets that passed the filters"),
	ROW(BYTES, PV_COUNTER, COUNTERS, "bytes", "bytes", "bytes of these on the wire, link-layer headers included"),
	ROW(PPS, PV_RATE, COUNTERS, "rates.pps", "packets/s", "packets per second that passed the filters"),
	ROW(BPS, PV_RATE, COUNTERS, "rates.bps", "bits/s", "bits of these per second"),
	ROW(CONNECTIONS, PV_DISTINCT, CARDINALITY, "cardinality.connections", "connections", "distinct connections"),
	TALLY(TOP_PROTOCOLS, TOP_PROTOCOLS_GROUP, "top_protocols", "protocol", item_protocol, BOTH_WAYS,
	      "IP protocols: bytes, packets, and their rates"),
	TALLY(TOP_CONNECTIONS, TOP_CONNECTIONS_GROUP, "top_connections", "connection", item_connection, COLUMNS,
	      "connections: bytes, packets and their rates, and of A, which is named first, to B and back"),
	TALLY(TOP_VLANS, VLAN, "top_vlans", "vlan", item_vlan, BOTH_WAYS,
	      "VLANs: bytes, packets, and their rates; with this group connections of each VLAN stand apart"),
};

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_net *e = (const void *)ev;
	struct pv_block *k = pv_bucket_root(b);
	struct key key;
	uint8_t number[2];
	uint64_t sums[COLUMNS] = {[C_BYTES] = e->size, [C_PACKETS] = 1};
	(void)deep; /* totals are of everything */
	(void)ctx;
	if (ev->flags & PV_F_FILTERED) {
		pv_count(k, FILTERED, 1);
		return;
	}
	bool forth = key_of(e, pv_on(k, TOP_VLANS), &key);
	sums[forth ? C_BYTES_AB : C_BYTES_BA] = e->size;
	sums[forth ? C_PACKETS_AB : C_PACKETS_BA] = 1;
	pv_count(k, TOTAL, 1);
	pv_count(k, BYTES, e->size);
	pv_rate_events(k, PPS, 1);
	pv_rate_events(k, BPS, (uint64_t)e->size * 8);
	pv_distinct_bytes(k, CONNECTIONS, &key, sizeof key);
	pv_tally(k, TOP_CONNECTIONS, &key, sizeof key, sums);
	put16(number, e->l3 ? e->proto : NOT_IP);
	pv_tally(k, TOP_PROTOCOLS, number, sizeof number, sums);
	put16(number, e->vlan);
	pv_tally(k, TOP_VLANS, number, sizeof number, sums);
}

const struct pv_handler pv_connections_v1 = {
	.type = "connections",
	.version = "1.0",
	.schema = "connections",
	.wants = PV_WANTS(PV_EV_NET),
	.metrics = metrics,
	.nmetrics = METRICS,
	.groups = groups,
	.ngroups = sizeof groups / sizeof groups[0],
	.scopes = scopes,
	.nscopes = 1,
	.events = EVENTS,
	.samples = DEEP_SAMPLES,
	.events_rate = RATE_EVENTS,
	.update = update,
	.analyser = "net",
};
