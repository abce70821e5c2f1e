/* SPDX-License-Identifier: MPL-2.0 */
/* net 2.0, schema "net". */
#include "net/metrics.h"

#include <string.h>

#include "base/cursor.h"
#include "metric/direction.h"
#include "stage/stage.h"

enum { CARDINALITY, COUNTERS, QUANTILES, TOP_GEO, TOP_IPS };

static const struct pv_group groups[] = {
	[CARDINALITY] = {"cardinality", true},
	[COUNTERS] = {"counters", true},
	[QUANTILES] = {"quantiles", true},
	[TOP_GEO] = {"top_geo", true},
	[TOP_IPS] = {"top_ips", true},
};

static const struct pv_scope scopes[] = {PV_DIRECTION_SCOPES};

enum {
	OBSERVED, DEEP_SAMPLED, OBSERVED_PPS, FILTERED,
	/* of a direction */
	UDP, TCP, OTHER_L4, IPV4, IPV6, TCP_SYN, TOTAL,
	IPS, TOP_IPV4, TOP_IPV6, TOP_GEO_LOC, TOP_ASN,
	PAYLOAD_SIZE, PPS, BPS,
	METRICS
};

#define ROW(m, s, k, g, p, u, h) \
	[m] = {.id = (m) + 1, .kind = (k), .group = (g), .group2 = PV_ALWAYS, .scope = (s), .path = (p), .unit = (u), \
	       .help = (h)}
#define TOP(m, g, p, l, i, h) \
	.id = (m) + 1, .kind = PV_TOPN, .group = (g), .group2 = PV_ALWAYS, .scope = PV_DIRECTION, .path = (p), \
	.label = (l), .item = (i), .unit = "packets", .help = (h)

static const struct pv_metric metrics[METRICS] = {
	ROW(OBSERVED, 0, PV_COUNTER, PV_ALWAYS, "observed_packets", "packets",
	    "packets seen, before any filter"),
	ROW(DEEP_SAMPLED, 0, PV_COUNTER, PV_ALWAYS, "deep_sampled_packets", "packets",
	    "packets chosen for deep inspection"),
	ROW(OBSERVED_PPS, 0, PV_RATE, PV_ALWAYS, "rates.observed_pps", "packets/s",
	    "packets seen per second, before any filter"),
	ROW(FILTERED, 0, PV_COUNTER, COUNTERS, "filtered_packets", "packets", "packets that the filters rejected"),
	ROW(UDP, PV_DIRECTION, PV_COUNTER, COUNTERS, "udp_packets", "packets", "UDP packets"),
	ROW(TCP, PV_DIRECTION, PV_COUNTER, COUNTERS, "tcp_packets", "packets", "TCP packets"),
	ROW(OTHER_L4, PV_DIRECTION, PV_COUNTER, COUNTERS, "other_l4_packets", "packets",
	    "packets that are neither UDP nor TCP, IP fragments included"),
	ROW(IPV4, PV_DIRECTION, PV_COUNTER, COUNTERS, "ipv4_packets", "packets", "IPv4 packets"),
	ROW(IPV6, PV_DIRECTION, PV_COUNTER, COUNTERS, "ipv6_packets", "packets", "IPv6 packets"),
	ROW(TCP_SYN, PV_DIRECTION, PV_COUNTER, COUNTERS, "tcp.syn_packets", "packets",
	    "TCP packets with the SYN flag, among the deep samples"),
	ROW(TOTAL, PV_DIRECTION, PV_COUNTER, COUNTERS, "total_packets", "packets", "packets that passed the filters"),
	ROW(IPS, PV_DIRECTION, PV_DISTINCT, CARDINALITY, "cardinality.ips", "addresses",
	    "distinct remote addresses; of packets of unknown direction, addresses of both ends"),
	[TOP_IPV4] = {TOP(TOP_IPV4, TOP_IPS, "top_ipv4_packets", "ipv4", pv_item_ipv4,
			  "remote IPv4 addresses with the most packets"),
		      .integer = true},
	[TOP_IPV6] = {TOP(TOP_IPV6, TOP_IPS, "top_ipv6_packets", "ipv6", pv_item_ipv6,
			  "remote IPv6 addresses with the most packets")},
	[TOP_GEO_LOC] = {TOP(TOP_GEO_LOC, TOP_GEO, "top_geo_loc_packets", "geo_loc", pv_item_text,
			     "locations of remote addresses with the most packets"),
			 .geo = true},
	[TOP_ASN] = {TOP(TOP_ASN, TOP_GEO, "top_asn_packets", "asn", pv_item_text,
			 "networks (autonomous systems) of remote addresses with the most packets")},
	ROW(PAYLOAD_SIZE, PV_DIRECTION, PV_QUANTILES, QUANTILES, "payload_size_bytes", "bytes",
	    "length of a packet on the wire, link-layer header included"),
	ROW(PPS, PV_DIRECTION, PV_RATE, QUANTILES, "rates.pps", "packets/s", "packets per second"),
	ROW(BPS, PV_DIRECTION, PV_RATE, QUANTILES, "rates.bps", "bits/s", "bits on the wire per second"),
};

/* An end whose address is to be shown. */
static void address(struct pv_block *k, const struct pv_net *e, bool source, struct pv_handler_ctx *ctx)
{
	static const uint8_t zero[16];
	const uint8_t *addr = source ? e->src : e->dst;

	if (e->l3 == 4) {
		uint64_t v4 = pv_get32(addr + 12);
		if (!v4)
			return;
		pv_distinct_u64(k, IPS, v4);
		pv_top_u64(k, TOP_IPV4, v4, 1);
	} else if (e->l3 == 6) {
		if (!memcmp(addr, zero, sizeof(zero)))
			return;
		pv_distinct_bytes(k, IPS, addr, sizeof(zero));
		pv_top_bytes(k, TOP_IPV6, addr, sizeof(zero), 1);
	} else {
		return;
	}
	if (!pv_net_located(e))
		return;
	pv_top_defined(k, TOP_GEO_LOC, ctx, e->stage, PV_DEFINE_GEO, source ? e->geo_src : e->geo_dst);
	pv_top_defined(k, TOP_ASN, ctx, e->stage, PV_DEFINE_ASN, source ? e->asn_src : e->asn_dst);
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_net *e = (const struct pv_net *)ev;

	if (ev->flags & PV_F_FILTERED) {
		pv_count(pv_bucket_root(b), FILTERED, 1);
		return;
	}
	struct pv_block *k = pv_direction(ctx->state, b, e->dir, ctx);
	pv_count(k, TOTAL, 1);
	pv_count(k, e->l4 == PV_L4_UDP ? UDP : e->l4 == PV_L4_TCP ? TCP : OTHER_L4, 1);
	if (e->l3 == 4)
		pv_count(k, IPV4, 1);
	else if (e->l3 == 6)
		pv_count(k, IPV6, 1);
	pv_quantile_u64(k, PAYLOAD_SIZE, e->size);
	pv_rate_events(k, PPS, 1);
	pv_rate_events(k, BPS, (uint64_t)e->size * 8);
	if (!deep)
		return;
	if (e->l4 == PV_L4_TCP && (e->tcp_flags & PV_TCP_SYN))
		pv_count(k, TCP_SYN, 1);
	bool both = pv_event_dnstap(ev); /* it told both, whatever the direction */
	if (both || e->dir != PV_DIR_OUT)
		address(k, e, true, ctx);
	if (both || e->dir != PV_DIR_IN)
		address(k, e, false, ctx);
}

const struct pv_handler pv_net_v2 = {
	.type = "net",
	.version = "2.0",
	.schema = "net",
	.wants = PV_WANTS(PV_EV_NET),
	.metrics = metrics,
	.nmetrics = METRICS,
	.groups = groups,
	.ngroups = sizeof(groups) / sizeof(groups[0]),
	.scopes = scopes,
	.nscopes = sizeof(scopes) / sizeof(scopes[0]),
	.events = OBSERVED,
	.samples = DEEP_SAMPLED,
	.events_rate = OBSERVED_PPS,
	.state_size = sizeof(struct pv_directions),
	.update = update,
};
