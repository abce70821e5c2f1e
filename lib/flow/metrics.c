/* SPDX-License-Identifier: MPL-2.0 */
/* flow 1.0, schema "flow". */
#include "flow/metrics.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "metric/bucket.h"
#include "stage/stage.h"

enum {
	BY_BYTES,
	BY_PACKETS,
	CARDINALITY,
	CONVERSATIONS,
	COUNTERS,
	TOP_GEO,
	TOP_INTERFACES,
	TOP_IPS,
	TOP_IPS_PORTS,
	TOP_PORTS,
	TOP_TOS
};

static const struct pv_group groups[] = {
    [BY_BYTES] = {"by_bytes", true},
    [BY_PACKETS] = {"by_packets", true},
    [CARDINALITY] = {"cardinality", true},
    [CONVERSATIONS] = {"conversations", false},
    [COUNTERS] = {"counters", true},
    [TOP_GEO] = {"top_geo", false},
    [TOP_INTERFACES] = {"top_interfaces", false},
    [TOP_IPS] = {"top_ips", true},
    [TOP_IPS_PORTS] = {"top_ips_ports", true},
    [TOP_PORTS] = {"top_ports", true},
    [TOP_TOS] = {"top_tos", false},
};

enum { HANDLER, DEVICE, IFACE };

static const struct pv_scope scopes[] = {
    [HANDLER] = {NULL, NULL, 0, 1},
    [DEVICE] = {"device", "devices", HANDLER, PV_FLOW_DEVICES_SHOWN},
    [IFACE] = {"device_interface", "interfaces", DEVICE, PV_FLOW_IFACES_SHOWN},
};

/* ---- the table ------------------------------------------------------------------------------------------ */

/* What there is of one direction in one unit, in the order of the table. */
enum {
	ALL, UDP, TCP, OTHER_L4, IPV4, IPV6,
	SRC_IPS, DST_IPS, SRC_PORTS, DST_PORTS, SRC_IP_PORTS, DST_IP_PORTS, DSCP, ECN,
	SIDE
};

enum {
	RECORDS_FLOWS, RECORDS_FILTERED,
	TOP_IFACES, /* by side: in bytes, in packets, out bytes, out packets */
	SRC_IPS_IN = TOP_IFACES + 4, DST_IPS_OUT, SRC_PORTS_IN, DST_PORTS_OUT, DISTINCT_CONVERSATIONS,
	SIDES, /* four of them, in the same order */
	TOP_CONVERSATIONS = SIDES + 4 * SIDE, /* by unit: bytes, packets */
	TOP_LOCATIONS = TOP_CONVERSATIONS + 2,
	TOP_ASNS = TOP_LOCATIONS + 2,
	METRICS = TOP_ASNS + 2
};

enum { BYTES, PACKETS };
#define IN_SIDE(u)  (u)
#define OUT_SIDE(u) (2 + (u))

static void item_dscp(const struct pv_topn_row *row, char *out, size_t cap)
{
	static const char *const names[64] = {
	    [0] = "CS0",   [8] = "CS1",	  [16] = "CS2",	 [24] = "CS3",	[32] = "CS4",  [40] = "CS5",
	    [48] = "CS6",  [56] = "CS7",  [10] = "AF11", [12] = "AF12", [14] = "AF13", [18] = "AF21",
	    [20] = "AF22", [22] = "AF23", [26] = "AF31", [28] = "AF32", [30] = "AF33", [34] = "AF41",
	    [36] = "AF42", [38] = "AF43", [46] = "EF",	 [43] = "VOICE-ADMIT",
	};
	const char *name = row->num < 64 ? names[row->num] : NULL;
	if (name)
		snprintf(out, cap, "%s", name);
	else
		pv_item_u64(row, out, cap);
}

static void item_ecn(const struct pv_topn_row *row, char *out, size_t cap)
{
	static const char *const names[4] = {"Not-ECT", "ECT(1)", "ECT(0)", "CE"};
	if (row->num < 4)
		snprintf(out, cap, "%s", names[row->num]);
	else
		pv_item_u64(row, out, cap);
}

#define COUNT_(i, g, g2, s, p, u, h)                                                                                   \
	[i] = {.id = (i) + 1, .kind = PV_COUNTER, .group = (g), .group2 = (g2), .scope = (s), .path = (p), .unit = (u), \
	       .help = (h)}
#define DISTINCT(i, g2, p, u, h)                                                                                      \
	[i] = {.id = (i) + 1, .kind = PV_DISTINCT, .group = CARDINALITY, .group2 = (g2), .scope = IFACE, .path = (p),   \
	       .unit = (u), .help = (h)}
#define TOP(i, g, g2, s, p, l, f, num, u, h)                                                                          \
	[i] = {.id = (i) + 1, .kind = PV_TOPN, .group = (g), .group2 = (g2), .scope = (s), .integer = (num),             \
	       .path = (p), .label = (l), .item = (f), .unit = (u), .help = (h)}

/* d: "in" or "out"; u: "bytes" or "packets"; way: what the traffic does at the interface */
#define SIDE_ROWS(n, g2, d, u, way)                                                                                   \
	COUNT_(SIDES + (n) * SIDE + ALL, COUNTERS, g2, IFACE, d "_" u, u, u " that " way " the interface"),            \
	COUNT_(SIDES + (n) * SIDE + UDP, COUNTERS, g2, IFACE, d "_udp_" u, u, u " of UDP that " way " the interface"),  \
	COUNT_(SIDES + (n) * SIDE + TCP, COUNTERS, g2, IFACE, d "_tcp_" u, u, u " of TCP that " way " the interface"),  \
	COUNT_(SIDES + (n) * SIDE + OTHER_L4, COUNTERS, g2, IFACE, d "_other_l4_" u, u,                                 \
	       u " of neither UDP nor TCP that " way " the interface"),                                                \
	COUNT_(SIDES + (n) * SIDE + IPV4, COUNTERS, g2, IFACE, d "_ipv4_" u, u, u " of IPv4 that " way " the interface"), \
	COUNT_(SIDES + (n) * SIDE + IPV6, COUNTERS, g2, IFACE, d "_ipv6_" u, u, u " of IPv6 that " way " the interface"), \
	TOP(SIDES + (n) * SIDE + SRC_IPS, TOP_IPS, g2, IFACE, "top_" d "_src_ips_" u, "ip", pv_item_text, false, u,     \
	    "source addresses with the most " u " that " way " the interface"),                                        \
	TOP(SIDES + (n) * SIDE + DST_IPS, TOP_IPS, g2, IFACE, "top_" d "_dst_ips_" u, "ip", pv_item_text, false, u,     \
	    "destination addresses with the most " u " that " way " the interface"),                                   \
	TOP(SIDES + (n) * SIDE + SRC_PORTS, TOP_PORTS, g2, IFACE, "top_" d "_src_ports_" u, "port", pv_item_text,       \
	    false, u, "source ports with the most " u " that " way " the interface"),                                  \
	TOP(SIDES + (n) * SIDE + DST_PORTS, TOP_PORTS, g2, IFACE, "top_" d "_dst_ports_" u, "port", pv_item_text,       \
	    false, u, "destination ports with the most " u " that " way " the interface"),                             \
	TOP(SIDES + (n) * SIDE + SRC_IP_PORTS, TOP_IPS_PORTS, g2, IFACE, "top_" d "_src_ip_ports_" u, "ip_port",        \
	    pv_item_text, false, u, "source addresses and ports with the most " u " that " way " the interface"),      \
	TOP(SIDES + (n) * SIDE + DST_IP_PORTS, TOP_IPS_PORTS, g2, IFACE, "top_" d "_dst_ip_ports_" u, "ip_port",        \
	    pv_item_text, false, u, "destination addresses and ports with the most " u " that " way " the interface"), \
	TOP(SIDES + (n) * SIDE + DSCP, TOP_TOS, g2, IFACE, "top_" d "_dscp_" u, "dscp", item_dscp, true, u,             \
	    "DSCP values (RFC 2474) with the most " u " that " way " the interface"),                                  \
	TOP(SIDES + (n) * SIDE + ECN, TOP_TOS, g2, IFACE, "top_" d "_ecn_" u, "ecn", item_ecn, true, u,                 \
	    "ECN values (RFC 3168) with the most " u " that " way " the interface")

#define UNIT_ROWS(n, g2, u)                                                                                           \
	TOP(TOP_CONVERSATIONS + (n), CONVERSATIONS, g2, IFACE, "top_conversations_" u, "conversation", pv_item_text,    \
	    false, u, "pairs of address and port with the most " u ", both ways"),                                     \
	[TOP_LOCATIONS + (n)] = {.id = TOP_LOCATIONS + (n) + 1, .kind = PV_TOPN, .group = TOP_GEO, .group2 = (g2),       \
				 .scope = IFACE, .geo = true, .path = "top_geo_loc_" u, .label = "geo_loc",            \
				 .item = pv_item_text, .unit = u,                                                      \
				 .help = "locations with the most " u ", of both ends, both ways"},                    \
	TOP(TOP_ASNS + (n), TOP_GEO, g2, IFACE, "top_asn_" u, "asn", pv_item_text, false, u,                            \
	    "networks (autonomous systems) with the most " u ", of both ends, both ways")

static const struct pv_metric metrics[METRICS] = {
    COUNT_(RECORDS_FLOWS, COUNTERS, PV_ALWAYS, DEVICE, "records_flows", "records",
	   "flow records and samples that passed the filters"),
    COUNT_(RECORDS_FILTERED, COUNTERS, PV_ALWAYS, DEVICE, "records_filtered", "records",
	   "flow records and samples that the filters rejected"),
    TOP(TOP_IFACES + IN_SIDE(BYTES), TOP_INTERFACES, BY_BYTES, DEVICE, "top_in_interfaces_bytes", "interface",
	pv_item_text, false, "bytes", "interfaces by which the most bytes came in"),
    TOP(TOP_IFACES + IN_SIDE(PACKETS), TOP_INTERFACES, BY_PACKETS, DEVICE, "top_in_interfaces_packets", "interface",
	pv_item_text, false, "packets", "interfaces by which the most packets came in"),
    TOP(TOP_IFACES + OUT_SIDE(BYTES), TOP_INTERFACES, BY_BYTES, DEVICE, "top_out_interfaces_bytes", "interface",
	pv_item_text, false, "bytes", "interfaces by which the most bytes went out"),
    TOP(TOP_IFACES + OUT_SIDE(PACKETS), TOP_INTERFACES, BY_PACKETS, DEVICE, "top_out_interfaces_packets", "interface",
	pv_item_text, false, "packets", "interfaces by which the most packets went out"),
    DISTINCT(SRC_IPS_IN, PV_ALWAYS, "cardinality.src_ips_in", "addresses",
	     "distinct source addresses of what came in by the interface"),
    DISTINCT(DST_IPS_OUT, PV_ALWAYS, "cardinality.dst_ips_out", "addresses",
	     "distinct destination addresses of what went out by the interface"),
    DISTINCT(SRC_PORTS_IN, PV_ALWAYS, "cardinality.src_ports_in", "ports",
	     "distinct source ports of what came in by the interface"),
    DISTINCT(DST_PORTS_OUT, PV_ALWAYS, "cardinality.dst_ports_out", "ports",
	     "distinct destination ports of what went out by the interface"),
    DISTINCT(DISTINCT_CONVERSATIONS, CONVERSATIONS, "cardinality.conversations", "conversations",
	     "distinct pairs of address and port, both ways"),
    SIDE_ROWS(IN_SIDE(BYTES), BY_BYTES, "in", "bytes", "came in by"),
    SIDE_ROWS(IN_SIDE(PACKETS), BY_PACKETS, "in", "packets", "came in by"),
    SIDE_ROWS(OUT_SIDE(BYTES), BY_BYTES, "out", "bytes", "went out by"),
    SIDE_ROWS(OUT_SIDE(PACKETS), BY_PACKETS, "out", "packets", "went out by"),
    UNIT_ROWS(BYTES, BY_BYTES, "bytes"),
    UNIT_ROWS(PACKETS, BY_PACKETS, "packets"),
};

/* ---- texts ---------------------------------------------------------------------------------------------- */

#define END_TEXT 256 /* an address, or a label: flow/summary.h */

struct text {
	char at[2 * END_TEXT]; /* not ended by NUL */
	size_t n;
};

static void add(struct text *t, const char *s, size_t n)
{
	n = n < sizeof t->at - t->n ? n : sizeof t->at - t->n;
	memcpy(t->at + t->n, s, n);
	t->n += n;
}

static void add_u32(struct text *t, uint32_t v)
{
	char digits[10];
	size_t n = sizeof digits;
	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	add(t, digits + n, sizeof digits - n);
}

static void add_address(struct text *t, const uint8_t addr[16], uint8_t family)
{
	char v6[INET6_ADDRSTRLEN];
	if (family == 4) { /* most are: the library's way takes ten times as long */
		for (int i = 12; i < 16; i++) {
			if (i > 12)
				add(t, ".", 1);
			add_u32(t, addr[i]);
		}
	} else if (inet_ntop(AF_INET6, addr, v6, sizeof v6)) {
		add(t, v6, strlen(v6));
	}
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n && !p[n - 1])
		n--;
	return !n;
}

/* One end of a record, as it is shown. */
struct end {
	const uint8_t *addr; /* NULL: not known */
	size_t addr_n;	     /* bytes that make it distinct */
	uint16_t port;
	struct text ip, port_text, both; /* empty where not known */
};

static void make_end(struct end *to, const struct pv_flow *e, bool source)
{
	const uint8_t *addr = source ? e->src : e->dst;
	struct pv_ref label = source ? e->src_label : e->dst_label, name = source ? e->sport_name : e->dport_name;
	size_t first = e->l3 == 4 ? 12 : 0;
	to->addr = NULL;
	to->ip.n = to->port_text.n = to->both.n = 0;
	to->port = source ? e->sport : e->dport;
	if (e->l3 && !is_zero(addr + first, 16 - first)) {
		to->addr = addr + first;
		to->addr_n = 16 - first;
		if (label.len)
			add(&to->ip, pv_ref_bytes(&e->ev, label), label.len < END_TEXT ? label.len : END_TEXT);
		else
			add_address(&to->ip, addr, e->l3);
	}
	if (to->port && name.len)
		add(&to->port_text, pv_ref_bytes(&e->ev, name), name.len < END_TEXT ? name.len : END_TEXT);
	else if (to->port)
		add_u32(&to->port_text, to->port);
	if (to->addr && to->port) {
		add(&to->both, to->ip.at, to->ip.n);
		add(&to->both, ":", 1);
		add(&to->both, to->port_text.at, to->port_text.n);
	}
}

/* What all updates of one record need; texts are made once for the four of them. */
struct record {
	const struct pv_flow *e;
	uint64_t weight[2]; /* BYTES, PACKETS */
	bool deep, made;
	struct end src, dst;
	char talk[4 * END_TEXT + 1]; /* "<ip>:<port>/<ip>:<port>", the smaller first */
	size_t talk_n;
	struct pv_handler_ctx *ctx;
};

static int order(const struct text *a, const struct text *b)
{
	int cmp = memcmp(a->at, b->at, a->n < b->n ? a->n : b->n);
	return cmp ? cmp : (a->n > b->n) - (a->n < b->n);
}

static void make_texts(struct record *r)
{
	r->made = true;
	make_end(&r->src, r->e, true);
	make_end(&r->dst, r->e, false);
	r->talk_n = 0;
	if (!r->src.both.n || !r->dst.both.n)
		return;
	bool src_first = order(&r->src.both, &r->dst.both) <= 0;
	const struct text *a = src_first ? &r->src.both : &r->dst.both, *b = src_first ? &r->dst.both : &r->src.both;
	memcpy(r->talk, a->at, a->n);
	r->talk[a->n] = '/';
	memcpy(r->talk + a->n + 1, b->at, b->n);
	r->talk_n = a->n + 1 + b->n;
}

/* ---- updates -------------------------------------------------------------------------------------------- */

static void count_plain(struct pv_block *k, unsigned side, const struct pv_flow *e, uint64_t w)
{
	pv_count(k, side + ALL, w);
	pv_count(k, side + (e->proto == 17 ? UDP : e->proto == 6 ? TCP : OTHER_L4), w);
	if (e->l3)
		pv_count(k, side + (e->l3 == 4 ? IPV4 : IPV6), w);
}

static void count_end(struct pv_block *k, unsigned side, const struct end *x, bool source, uint64_t w)
{
	if (x->port)
		pv_top_bytes(k, side + (source ? SRC_PORTS : DST_PORTS), x->port_text.at, x->port_text.n, w);
	if (x->addr)
		pv_top_bytes(k, side + (source ? SRC_IPS : DST_IPS), x->ip.at, x->ip.n, w);
	if (x->both.n)
		pv_top_bytes(k, side + (source ? SRC_IP_PORTS : DST_IP_PORTS), x->both.at, x->both.n, w);
}

static void count_place(struct pv_block *k, unsigned m, const struct record *r, enum pv_define_kind kind, uint32_t number,
			uint64_t w)
{
	size_t n;
	if (!number || !pv_on(k, m)) /* 0: no database */
		return;
	const char *text = r->ctx->define(r->ctx->defines, r->e->stage, kind, number, &n);
	if (text)
		pv_top_bytes(k, m, text, n, w);
}

/* One direction in one unit. */
static void count_side(struct pv_block *k, const struct record *r, bool in, unsigned unit)
{
	unsigned n = in ? IN_SIDE(unit) : OUT_SIDE(unit), side = SIDES + n * SIDE;
	const struct pv_flow *e = r->e;
	uint64_t w = r->weight[unit];
	count_plain(k, side, e, w);
	if (!r->deep)
		return;
	count_end(k, side, &r->src, true, w);
	count_end(k, side, &r->dst, false, w);
	if (e->l3) {
		pv_top_u64(k, side + DSCP, e->tos >> 2, w);
		pv_top_u64(k, side + ECN, e->tos & 3, w);
	}
	if (r->talk_n)
		pv_top_bytes(k, TOP_CONVERSATIONS + unit, r->talk, r->talk_n, w);
	if (r->src.addr) {
		count_place(k, TOP_LOCATIONS + unit, r, PV_DEFINE_GEO, e->geo_src, w);
		count_place(k, TOP_ASNS + unit, r, PV_DEFINE_ASN, e->asn_src, w);
	}
	if (r->dst.addr) {
		count_place(k, TOP_LOCATIONS + unit, r, PV_DEFINE_GEO, e->geo_dst, w);
		count_place(k, TOP_ASNS + unit, r, PV_DEFINE_ASN, e->asn_dst, w);
	}
}

static void count_distinct(struct pv_block *k, const struct record *r, bool in)
{
	const struct end *x = in ? &r->src : &r->dst;
	if (x->addr)
		pv_distinct_bytes(k, in ? SRC_IPS_IN : DST_IPS_OUT, x->addr, x->addr_n);
	if (x->port)
		pv_distinct_u64(k, in ? SRC_PORTS_IN : DST_PORTS_OUT, x->port);
	if (r->talk_n)
		pv_distinct_bytes(k, DISTINCT_CONVERSATIONS, r->talk, r->talk_n);
}

/* A key is a name, or what stands for it. */
static void end_key(struct text *t)
{
	t->at[t->n < PV_BLOCK_KEY ? t->n : PV_BLOCK_KEY] = '\0';
}

static void count_interface(struct pv_block *device, struct record *r, bool in, bool bytes, bool packets)
{
	const struct pv_flow *e = r->e;
	struct pv_ref name = in ? e->in_name : e->out_name;
	struct text key = {.n = 0};
	if (name.len)
		add(&key, pv_ref_bytes(&e->ev, name), name.len < PV_BLOCK_KEY ? name.len : PV_BLOCK_KEY);
	else
		add_u32(&key, in ? e->in_if : e->out_if);
	end_key(&key);
	struct pv_block *k = pv_bucket_block(device->bucket, device, IFACE, key.at);
	if (k->scope != IFACE)
		return; /* no memory; counted as lost */
	if (r->deep && !r->made)
		make_texts(r);
	if (r->deep && (bytes || packets))
		count_distinct(k, r, in);
	if (bytes)
		count_side(k, r, in, BYTES);
	if (packets)
		count_side(k, r, in, PACKETS);
	if (!r->deep)
		return;
	pv_top_bytes(device, TOP_IFACES + (in ? IN_SIDE(BYTES) : OUT_SIDE(BYTES)), key.at, key.n, r->weight[BYTES]);
	pv_top_bytes(device, TOP_IFACES + (in ? IN_SIDE(PACKETS) : OUT_SIDE(PACKETS)), key.at, key.n, r->weight[PACKETS]);
}

static struct pv_block *device_block(struct pv_bucket *b, const struct pv_flow *e)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct text key = {.n = 0};
	if (e->device_name.len)
		add(&key, pv_ref_bytes(&e->ev, e->device_name),
		    e->device_name.len < PV_BLOCK_KEY ? e->device_name.len : PV_BLOCK_KEY);
	else if (is_zero(e->device, 16))
		add(&key, "unknown", 7);
	else
		add_address(&key, e->device, memcmp(e->device, mapped, 12) ? 6 : 4);
	end_key(&key);
	return pv_bucket_block(b, pv_bucket_root(b), DEVICE, key.at);
}

static uint64_t scaled(const struct pv_flow *e, uint64_t v)
{
	uint64_t rate = e->bits & PV_FLOW_SCALED || !e->rate ? 1 : e->rate;
	return v > UINT64_MAX / rate ? UINT64_MAX : v * rate;
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_flow *e = (const void *)ev;
	struct pv_block *device = device_block(b, e);
	if (device->scope != DEVICE)
		return; /* no memory; counted as lost */
	if (ev->flags & PV_F_FILTERED) {
		pv_count(device, RECORDS_FILTERED, 1);
		return;
	}
	pv_count(device, RECORDS_FLOWS, 1);
	struct record r;
	r.e = e;
	r.weight[BYTES] = scaled(e, e->bytes);
	r.weight[PACKETS] = scaled(e, e->packets);
	r.deep = deep;
	r.made = false;
	r.ctx = ctx;
	bool bytes = b->conf.groups >> BY_BYTES & 1, packets = b->conf.groups >> BY_PACKETS & 1;
	if (e->bits & PV_FLOW_IN)
		count_interface(device, &r, true, bytes, packets);
	if (e->bits & PV_FLOW_OUT)
		count_interface(device, &r, false, bytes, packets);
}

const struct pv_handler pv_flow_v1 = {
    .type = "flow",
    .version = "1.0",
    .schema = "flow",
    .wants = PV_WANTS(PV_EV_FLOW),
    .metrics = metrics,
    .nmetrics = METRICS,
    .groups = groups,
    .ngroups = sizeof groups / sizeof groups[0],
    .scopes = scopes,
    .nscopes = sizeof scopes / sizeof scopes[0],
    .events = -1,
    .samples = -1,
    .events_rate = -1,
    .update = update,
};
