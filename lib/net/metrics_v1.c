/* SPDX-License-Identifier: MPL-2.0 */
/* net 1.0, schema "packets". */
#include "net/metrics.h"

#include <string.h>

#include "base/cursor.h"
#include "metric/bucket.h"
#include "stage/stage.h"

enum { CARDINALITY, COUNTERS, TOP_GEO, TOP_IPS };

static const struct pv_group groups[] = {
	[CARDINALITY] = {"cardinality", true},
	[COUNTERS] = {"counters", true},
	[TOP_GEO] = {"top_geo", true},
	[TOP_IPS] = {"top_ips", true},
};

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

enum {
	EVENTS, DEEP_SAMPLES,
	PPS_EVENTS, PPS_IN, PPS_OUT, PPS_TOTAL, BYTES_IN, BYTES_OUT, BYTES_TOTAL,
	PAYLOAD_SIZE,
	UDP, TCP, TCP_SYN, OTHER_L4, IPV4, IPV6, IN, OUT, UNKNOWN_DIR, TOTAL, FILTERED,
	SRC_IPS_IN, DST_IPS_OUT,
	TOP_IPV4, TOP_IPV6, TOP_GEOLOC, TOP_ASN,
	METRICS
};

#define ROW(m, k, g, p, u, h) \
	[m] = {.id = (m) + 1, .kind = (k), .group = (g), .group2 = PV_ALWAYS, .path = (p), .unit = (u), \
	       .help = (h)}

static const struct pv_metric metrics[METRICS] = {
	ROW(EVENTS, PV_COUNTER, PV_ALWAYS, "events", "packets", "packets seen, before any filter"),
	ROW(DEEP_SAMPLES, PV_COUNTER, PV_ALWAYS, "deep_samples", "packets",
	    "packets chosen for deep inspection"),
	ROW(PPS_EVENTS, PV_RATE, PV_ALWAYS, "rates.pps_events", "packets/s",
	    "packets seen per second, before any filter"),
	ROW(PPS_IN, PV_RATE, PV_ALWAYS, "rates.pps_in", "packets/s", "packets per second towards the host"),
	ROW(PPS_OUT, PV_RATE, PV_ALWAYS, "rates.pps_out", "packets/s", "packets per second from the host"),
	ROW(PPS_TOTAL, PV_RATE, PV_ALWAYS, "rates.pps_total", "packets/s",
	    "packets per second in all directions, unknown ones included"),
	/* These three have always been exported under a prefix of their own. */
	[BYTES_IN] = {.id = BYTES_IN + 1, .kind = PV_RATE, .group = PV_ALWAYS, .group2 = PV_ALWAYS,
		      .path = "rates.bytes_in", .prom = "payload_rates_bytes_in", .unit = "bytes/s",
		      .help = "bytes on the wire per second towards the host"},
	[BYTES_OUT] = {.id = BYTES_OUT + 1, .kind = PV_RATE, .group = PV_ALWAYS, .group2 = PV_ALWAYS,
		       .path = "rates.bytes_out", .prom = "payload_rates_bytes_out", .unit = "bytes/s",
		       .help = "bytes on the wire per second from the host"},
	[BYTES_TOTAL] = {.id = BYTES_TOTAL + 1, .kind = PV_RATE, .group = PV_ALWAYS, .group2 = PV_ALWAYS,
			 .path = "rates.bytes_total", .prom = "payload_rates_bytes_total", .unit = "bytes/s",
			 .help = "bytes on the wire per second in all directions"},
	ROW(PAYLOAD_SIZE, PV_QUANTILES, PV_ALWAYS, "payload_size", "bytes",
	    "length of a packet on the wire, link-layer header included"),
	ROW(UDP, PV_COUNTER, COUNTERS, "udp", "packets", "UDP packets"),
	ROW(TCP, PV_COUNTER, COUNTERS, "tcp", "packets", "TCP packets"),
	ROW(TCP_SYN, PV_COUNTER, COUNTERS, "protocol.tcp.syn", "packets",
	    "TCP packets with the SYN flag, among the deep samples"),
	ROW(OTHER_L4, PV_COUNTER, COUNTERS, "other_l4", "packets",
	    "packets that are neither UDP nor TCP, IP fragments included"),
	ROW(IPV4, PV_COUNTER, COUNTERS, "ipv4", "packets", "IPv4 packets"),
	ROW(IPV6, PV_COUNTER, COUNTERS, "ipv6", "packets", "IPv6 packets"),
	ROW(IN, PV_COUNTER, COUNTERS, "in", "packets", "packets towards the host"),
	ROW(OUT, PV_COUNTER, COUNTERS, "out", "packets", "packets from the host"),
	ROW(UNKNOWN_DIR, PV_COUNTER, COUNTERS, "unknown_dir", "packets",
	    "packets neither to nor from the host"),
	ROW(TOTAL, PV_COUNTER, COUNTERS, "total", "packets", "packets that passed the filters"),
	ROW(FILTERED, PV_COUNTER, COUNTERS, "filtered", "packets", "packets that the filters rejected"),
	ROW(SRC_IPS_IN, PV_DISTINCT, CARDINALITY, "cardinality.src_ips_in", "addresses",
	    "distinct source addresses of packets towards the host"),
	ROW(DST_IPS_OUT, PV_DISTINCT, CARDINALITY, "cardinality.dst_ips_out", "addresses",
	    "distinct destination addresses of packets from the host"),
	[TOP_IPV4] = {.id = TOP_IPV4 + 1, .kind = PV_TOPN, .group = TOP_IPS, .group2 = PV_ALWAYS,
		      .integer = true, .path = "top_ipv4", .label = "ipv4", .item = pv_item_ipv4,
		      .unit = "packets", .help = "remote IPv4 addresses with the most packets"},
	[TOP_IPV6] = {.id = TOP_IPV6 + 1, .kind = PV_TOPN, .group = TOP_IPS, .group2 = PV_ALWAYS,
		      .path = "top_ipv6", .label = "ipv6", .item = pv_item_ipv6, .unit = "packets",
		      .help = "remote IPv6 addresses with the most packets"},
	[TOP_GEOLOC] = {.id = TOP_GEOLOC + 1, .kind = PV_TOPN, .group = TOP_GEO, .group2 = PV_ALWAYS,
			.geo = true, .path = "top_geoLoc", .label = "geo_loc", .item = pv_item_text,
			.unit = "packets", .help = "locations of remote addresses with the most packets"},
	[TOP_ASN] = {.id = TOP_ASN + 1, .kind = PV_TOPN, .group = TOP_GEO, .group2 = PV_ALWAYS,
		     .path = "top_ASN", .label = "asn", .item = pv_item_text, .unit = "packets",
		     .help = "networks (autonomous systems) of remote addresses with the most packets"},
};

/* An end whose address is to be shown; distinct: METRICS for none. */
static void address(struct pv_block *k, const struct pv_net *e, bool source, unsigned distinct,
		    struct pv_handler_ctx *ctx)
{
	static const uint8_t zero[16];
	const uint8_t *addr = source ? e->src : e->dst;

	if (e->l3 == 4) {
		uint64_t v4 = pv_get32(addr + 12);
		if (!v4)
			return;
		if (distinct != METRICS)
			pv_distinct_u64(k, distinct, v4);
		pv_top_u64(k, TOP_IPV4, v4, 1);
	} else if (e->l3 == 6) {
		if (!memcmp(addr, zero, sizeof(zero)))
			return;
		if (distinct != METRICS)
			pv_distinct_bytes(k, distinct, addr, sizeof(zero));
		pv_top_bytes(k, TOP_IPV6, addr, sizeof(zero), 1);
	} else {
		return;
	}
	if (!pv_net_located(e))
		return;
	pv_top_defined(k, TOP_GEOLOC, ctx, e->stage, PV_DEFINE_GEO, source ? e->geo_src : e->geo_dst);
	pv_top_defined(k, TOP_ASN, ctx, e->stage, PV_DEFINE_ASN, source ? e->asn_src : e->asn_dst);
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_net *e = (const struct pv_net *)ev;
	struct pv_block *k = pv_bucket_root(b);

	if (ev->flags & PV_F_FILTERED) {
		pv_count(k, FILTERED, 1);
		return;
	}
	pv_count(k, TOTAL, 1);
	pv_rate_events(k, PPS_TOTAL, 1);
	pv_rate_events(k, BYTES_TOTAL, e->size);
	pv_quantile_u64(k, PAYLOAD_SIZE, e->size);
	pv_count(k, e->l4 == PV_L4_UDP ? UDP : e->l4 == PV_L4_TCP ? TCP : OTHER_L4, 1);
	if (e->l3 == 4)
		pv_count(k, IPV4, 1);
	else if (e->l3 == 6)
		pv_count(k, IPV6, 1);
	if (deep && e->l4 == PV_L4_TCP && (e->tcp_flags & PV_TCP_SYN))
		pv_count(k, TCP_SYN, 1);
	bool both = pv_event_dnstap(ev); /* of a dnstap message either end is listed */
	switch (e->dir) {
	case PV_DIR_IN:
		pv_count(k, IN, 1);
		pv_rate_events(k, PPS_IN, 1);
		pv_rate_events(k, BYTES_IN, e->size);
		if (deep)
			address(k, e, true, SRC_IPS_IN, ctx);
		if (deep && both)
			address(k, e, false, METRICS, ctx);
		break;
	case PV_DIR_OUT:
		pv_count(k, OUT, 1);
		pv_rate_events(k, PPS_OUT, 1);
		pv_rate_events(k, BYTES_OUT, e->size);
		if (deep)
			address(k, e, false, DST_IPS_OUT, ctx);
		if (deep && both)
			address(k, e, true, METRICS, ctx);
		break;
	default:
		pv_count(k, UNKNOWN_DIR, 1);
		if (deep && ctx->hosts_empty) {
			address(k, e, true, METRICS, ctx);
			address(k, e, false, METRICS, ctx);
		}
	}
}

const struct pv_handler pv_net_v1 = {
	.type = "net",
	.version = "1.0",
	.schema = "packets",
	.wants = PV_WANTS(PV_EV_NET),
	.metrics = metrics,
	.nmetrics = METRICS,
	.groups = groups,
	.ngroups = sizeof(groups) / sizeof(groups[0]),
	.scopes = scopes,
	.nscopes = sizeof(scopes) / sizeof(scopes[0]),
	.events = EVENTS,
	.samples = DEEP_SAMPLES,
	.events_rate = PPS_EVENTS,
	.update = update,
};
