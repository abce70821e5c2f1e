/* SPDX-License-Identifier: MPL-2.0 */
/* dns 2.0: transactions, per direction. */
#include "dns/metrics.h"

#include "dns/filter.h"
#include "dns/message.h"
#include "dns/names.h"
#include "dns/recent.h"
#include "dns/slow.h"
#include "metric/direction.h"

/* Alphabetical, as error texts list them. */
enum {
	G_CARDINALITY,
	G_COUNTERS,
	G_QUANTILES,
	G_ECS,
	G_PORTS,
	G_QNAMES,
	G_QTYPES,
	G_RCODES,
	G_SIZE,
	G_TIMES,
	GROUPS
};

static const struct pv_group groups[GROUPS] = {
	[G_CARDINALITY] = {"cardinality", true},
	[G_COUNTERS] = {"counters", true},
	[G_QUANTILES] = {"quantiles", true},
	[G_ECS] = {"top_ecs", false},
	[G_PORTS] = {"top_ports", false},
	[G_QNAMES] = {"top_qnames", true},
	[G_QTYPES] = {"top_qtypes", true},
	[G_RCODES] = {"top_rcodes", true},
	[G_SIZE] = {"top_size", false},
	[G_TIMES] = {"xact_times", false},
};

static const struct pv_scope scopes[] = {PV_DIRECTION_SCOPES};

enum {
	M_OBSERVED, M_SAMPLED, M_OBSERVED_PPS, M_FILTERED,
	/* of a direction */
	M_XACTS, M_UDP, M_TCP, M_DOT, M_DOH, M_DNSCRYPT_UDP, M_DNSCRYPT_TCP, M_DOQ, M_IPV4, M_IPV6,
	M_NOERROR, M_NODATA, M_SRVFAIL, M_NXDOMAIN, M_REFUSED, M_AD, M_AA, M_CD, M_ECS, M_TIMEOUT, M_ORPHAN,
	M_QNAMES, M_RATE, M_TIME, M_HISTOGRAM, M_SLOW, M_RATIO, M_TOP_BYTES, M_TOP_PORT, M_TOP_QTYPE, M_TOP_RCODE,
	M_TOP_NOERROR, M_TOP_NODATA, M_TOP_NXDOMAIN, M_TOP_REFUSED, M_TOP_SRVFAIL,
	M_TOP_QNAME2, M_TOP_QNAME3, M_TOP_ECS, M_TOP_GEO, M_TOP_ASN,
	METRICS
};

#define ROW(m, s, k, g, p, u, h)                                                                                \
	[m] = {.id = (m) + 1, .kind = k, .group = g, .group2 = PV_ALWAYS, .scope = s, .path = p, .unit = u, .help = h}
#define COUNTER(m, p, h) ROW(m, PV_DIRECTION, PV_COUNTER, G_COUNTERS, p, "transactions", h)
#define TOP(m, g, p, l, i, u, h)                                                                                \
	.id = (m) + 1, .kind = PV_TOPN, .group = g, .group2 = PV_ALWAYS, .scope = PV_DIRECTION, .path = p,      \
	.label = l, .item = i, .unit = u, .help = h
#define NAMES(m, g, p, h)      [m] = {TOP(m, g, p, "qname", pv_item_text, "transactions", h)}
#define NUMBERS(m, g, p, l, i, h) [m] = {TOP(m, g, p, l, i, "transactions", h), .integer = true}

static const struct pv_metric metrics[METRICS] = {
	ROW(M_OBSERVED, 0, PV_COUNTER, PV_ALWAYS, "observed_packets", "messages", "DNS messages seen, before filters"),
	ROW(M_SAMPLED, 0, PV_COUNTER, PV_ALWAYS, "deep_sampled_packets", "messages",
	    "DNS messages in the deep sample"),
	ROW(M_OBSERVED_PPS, 0, PV_RATE, PV_ALWAYS, "rates.observed_pps", "messages/s",
	    "DNS messages per second, before filters"),
	ROW(M_FILTERED, 0, PV_COUNTER, G_COUNTERS, "filtered_packets", "messages",
	    "DNS messages that a filter rejected, or whose other half it rejected"),
	COUNTER(M_XACTS, "xacts", "queries whose reply came in time"),
	COUNTER(M_UDP, "udp_xacts", "transactions over UDP"),
	COUNTER(M_TCP, "tcp_xacts", "transactions over TCP"),
	COUNTER(M_DOT, "dot_xacts", "transactions over TLS (dnstap)"),
	COUNTER(M_DOH, "doh_xacts", "transactions over HTTPS (dnstap)"),
	COUNTER(M_DNSCRYPT_UDP, "dnscrypt_udp_xacts", "transactions by DNSCrypt over UDP (dnstap)"),
	COUNTER(M_DNSCRYPT_TCP, "dnscrypt_tcp_xacts", "transactions by DNSCrypt over TCP (dnstap)"),
	COUNTER(M_DOQ, "doq_xacts", "transactions over QUIC (dnstap)"),
	COUNTER(M_IPV4, "ipv4_xacts", "transactions over IPv4"),
	COUNTER(M_IPV6, "ipv6_xacts", "transactions over IPv6"),
	COUNTER(M_NOERROR, "noerror_xacts", "transactions with response code NOERROR"),
	COUNTER(M_NODATA, "nodata_xacts", "transactions with NOERROR and no answer record"),
	COUNTER(M_SRVFAIL, "srvfail_xacts", "transactions with response code SRVFAIL"),
	COUNTER(M_NXDOMAIN, "nxdomain_xacts", "transactions with response code NXDOMAIN"),
	COUNTER(M_REFUSED, "refused_xacts", "transactions with response code REFUSED"),
	COUNTER(M_AD, "authenticated_data_xacts", "transactions whose reply has the flag AD"),
	COUNTER(M_AA, "authoritative_answer_xacts", "transactions whose reply has the flag AA"),
	COUNTER(M_CD, "checking_disabled_xacts", "transactions whose query has the flag CD"),
	COUNTER(M_ECS, "ecs_xacts", "transactions whose query carries an EDNS client subnet; 0 without group top_ecs"),
	COUNTER(M_TIMEOUT, "timeout_queries", "queries whose reply came too late or never"),
	COUNTER(M_ORPHAN, "orphan_responses", "replies without a query that waits for them"),
	ROW(M_QNAMES, PV_DIRECTION, PV_DISTINCT, G_CARDINALITY, "cardinality.qname", "names",
	    "different names asked for"),
	ROW(M_RATE, PV_DIRECTION, PV_RATE, G_QUANTILES, "xact_rates", "transactions/s", "transactions per second"),
	ROW(M_TIME, PV_DIRECTION, PV_QUANTILES, G_TIMES, "xact_time_us", "us", "time from query to reply"),
	ROW(M_HISTOGRAM, PV_DIRECTION, PV_HISTOGRAM, G_TIMES, "xact_histogram_us", "us", "time from query to reply"),
	NAMES(M_SLOW, G_TIMES, "top_slow_xacts", "names of the slowest transactions"),
	[M_RATIO] = {.id = M_RATIO + 1,
		     .kind = PV_QUANTILES,
		     .group = G_SIZE,
		     .group2 = PV_ALWAYS,
		     .scope = PV_DIRECTION,
		     .real = true,
		     .path = "response_query_size_ratio",
		     .unit = "1",
		     .help = "length of the reply by length of its query"},
	[M_TOP_BYTES] = {TOP(M_TOP_BYTES, G_SIZE, "top_response_bytes", "qname", pv_item_text, "bytes",
			     "names by the bytes of their replies")},
	NUMBERS(M_TOP_PORT, G_PORTS, "top_udp_ports_xacts", "port", pv_item_u64,
		"ports at the client's end, of UDP and TCP"),
	NUMBERS(M_TOP_QTYPE, G_QTYPES, "top_qtype_xacts", "qtype", pv_item_qtype, "types asked for"),
	NUMBERS(M_TOP_RCODE, G_RCODES, "top_rcode_xacts", "rcode", pv_item_rcode, "response codes"),
	NAMES(M_TOP_NOERROR, G_RCODES, "top_noerror_xacts", "names of transactions with NOERROR"),
	NAMES(M_TOP_NODATA, G_RCODES, "top_nodata_xacts", "names of transactions with NOERROR and no answer record"),
	NAMES(M_TOP_NXDOMAIN, G_RCODES, "top_nxdomain_xacts", "names of transactions with NXDOMAIN"),
	NAMES(M_TOP_REFUSED, G_RCODES, "top_refused_xacts", "names of transactions with REFUSED"),
	NAMES(M_TOP_SRVFAIL, G_RCODES, "top_srvfail_xacts", "names of transactions with SRVFAIL"),
	NAMES(M_TOP_QNAME2, G_QNAMES, "top_qname2_xacts", "names asked for, cut to two labels"),
	NAMES(M_TOP_QNAME3, G_QNAMES, "top_qname3_xacts", "names asked for, cut to three labels"),
	[M_TOP_ECS] = {TOP(M_TOP_ECS, G_ECS, "top_ecs_xacts", "ecs", pv_item_text, "transactions",
			   "client subnets of queries")},
	[M_TOP_GEO] = {TOP(M_TOP_GEO, G_ECS, "top_geo_loc_ecs_xacts", "geo_loc", pv_item_text, "transactions",
			   "locations of the client subnets of queries"),
		       .geo = true},
	[M_TOP_ASN] = {TOP(M_TOP_ASN, G_ECS, "top_asn_ecs_xacts", "asn", pv_item_text, "transactions",
			   "networks (ASN) of the client subnets of queries")},
};

struct state {
	struct pv_directions directions;
	struct pv_dns_times times[3]; /* by enum pv_dir */
	struct pv_dns_recent recent;
};

static void shift(const struct pv_bucket *closed, struct pv_handler_ctx *ctx)
{
	struct state *s = ctx->state;
	(void)closed;
	for (unsigned dir = 0; dir < 3; dir++)
		pv_dns_times_shift(&s->times[dir]);
}

static void count_header(struct pv_block *k, const struct pv_dns *d)
{
	static const uint8_t transports[] = {
		[PV_TR_UDP] = M_UDP,
		[PV_TR_TCP] = M_TCP,
		[PV_TR_DOT] = M_DOT,
		[PV_TR_DOH] = M_DOH,
		[PV_TR_DNSCRYPT_UDP] = M_DNSCRYPT_UDP,
		[PV_TR_DNSCRYPT_TCP] = M_DNSCRYPT_TCP,
		[PV_TR_DOQ] = M_DOQ,
	};
	pv_count(k, M_XACTS, 1);
	pv_rate_events(k, M_RATE, 1);
	if (d->transport && d->transport < sizeof transports)
		pv_count(k, transports[d->transport], 1);
	pv_count(k, M_IPV4, d->l3 == 4);
	pv_count(k, M_IPV6, d->l3 == 6);
	pv_count(k, M_NOERROR, d->rcode == PV_DNS_RCODE_NOERROR);
	pv_count(k, M_NODATA, d->rcode == PV_DNS_RCODE_NOERROR && !d->ancount);
	pv_count(k, M_SRVFAIL, d->rcode == PV_DNS_RCODE_SRVFAIL);
	pv_count(k, M_NXDOMAIN, d->rcode == PV_DNS_RCODE_NXDOMAIN);
	pv_count(k, M_REFUSED, d->rcode == PV_DNS_RCODE_REFUSED);
	pv_count(k, M_AD, !!(d->bits & PV_DNS_AD));
	pv_count(k, M_AA, !!(d->bits & PV_DNS_AA));
	pv_count(k, M_CD, !!(d->query_bits & PV_DNS_CD));
}

static void count_time(struct pv_block *k, const struct pv_dns *d, struct pv_dns_times *t)
{
	uint64_t us = d->ev.time_ns > d->query_time_ns ? (d->ev.time_ns - d->query_time_ns) / 1000 : 0;
	pv_quantile_u64(k, M_TIME, us);
	pv_histogram_u64(k, M_HISTOGRAM, us);
	pv_dns_times_add(t, us);
	if (pv_dns_times_slow(t, us) && (d->bits & PV_DNS_QUESTION))
		pv_top_bytes(k, M_SLOW, pv_ref_bytes(&d->ev, d->qname), d->qname.len, 1);
}

static void count_ecs(struct pv_block *k, const struct pv_dns *d, struct pv_handler_ctx *ctx)
{
	char text[PV_DNS_ECS_TEXT];
	pv_count(k, M_ECS, 1);
	pv_top_bytes(k, M_TOP_ECS, text, pv_dns_ecs_text(&d->query_ecs, text), 1);
	pv_top_defined(k, M_TOP_GEO, ctx, d->stage, PV_DEFINE_GEO, d->query_ecs.geo);
	pv_top_defined(k, M_TOP_ASN, ctx, d->stage, PV_DEFINE_ASN, d->query_ecs.asn);
}

static void count_rcode_names(struct pv_block *k, const struct pv_dns *d, const char *name, size_t n,
			      struct pv_dns_recent_name *r)
{
	switch (d->rcode) {
	case PV_DNS_RCODE_NOERROR:
		pv_top_hint(k, M_TOP_NOERROR, &r->hint_noerror, name, n, 1);
		if (!d->ancount)
			pv_top_hint(k, M_TOP_NODATA, &r->hint_reply, name, n, 1);
		break;
	case PV_DNS_RCODE_SRVFAIL:
		pv_top_hint(k, M_TOP_SRVFAIL, &r->hint_reply, name, n, 1);
		break;
	case PV_DNS_RCODE_NXDOMAIN:
		pv_top_hint(k, M_TOP_NXDOMAIN, &r->hint_reply, name, n, 1);
		break;
	case PV_DNS_RCODE_REFUSED:
		pv_top_hint(k, M_TOP_REFUSED, &r->hint_reply, name, n, 1);
		break;
	default:
		break;
	}
}

/* dir: of the transaction. */
static void count_name(struct pv_block *k, const struct pv_dns *d, unsigned dir, struct pv_handler_ctx *ctx)
{
	const char *name = pv_ref_bytes(&d->ev, d->qname);
	size_t n = d->qname.len;
	uint16_t suffix_len = d->suffix_len ? d->suffix_len : d->query_suffix_len;
	struct state *s = ctx->state;
	struct pv_dns_recent_name *r = pv_dns_recent_get(&s->recent, name, n, suffix_len, k->bucket->conf.seed);
	uint64_t count = (ctx->generation + 1) * 3 + dir;

	pv_top_u64(k, M_TOP_QTYPE, d->qtype, 1);
	if (r->counted != count) {
		r->counted = count;
		pv_distinct_bytes(k, M_QNAMES, name, n);
	}
	count_rcode_names(k, d, name, n, r);
	pv_top_bytes(k, M_TOP_BYTES, name, n, d->length);
	pv_top_hint(k, M_TOP_QNAME2, &r->hint2, name + r->at2, n - r->at2, 1);
	if (r->has3)
		pv_top_hint(k, M_TOP_QNAME3, &r->hint3, name + r->at3, n - r->at3, 1);
}

static void count_deep(struct pv_block *k, const struct pv_dns *d, unsigned dir, struct pv_handler_ctx *ctx)
{
	struct state *s = ctx->state;
	if (d->query_length)
		pv_quantile_real(k, M_RATIO, (double)d->length / d->query_length);
	if (d->port)
		pv_top_u64(k, M_TOP_PORT, d->port, 1);
	if (pv_on(k, M_TIME))
		count_time(k, d, &s->times[dir]);
	if (!(d->bits & (PV_DNS_PARSED | PV_DNS_QUESTION)))
		return;
	pv_top_u64(k, M_TOP_RCODE, d->rcode, 1);
	if ((d->query_bits & PV_DNS_ECS) && pv_on(k, M_TOP_ECS))
		count_ecs(k, d, ctx);
	if (d->bits & PV_DNS_QUESTION)
		count_name(k, d, dir, ctx);
}

static void count_response(struct pv_bucket *b, const struct pv_dns *d, bool deep, struct pv_handler_ctx *ctx)
{
	struct state *s = ctx->state;
	bool rejected = d->ev.flags & PV_F_FILTERED;
	bool late = d->xact == PV_XACT_LATE, matched = d->xact == PV_XACT_MATCHED;
	unsigned dir = pv_dns_xact_dir(d);
	struct pv_block *k = pv_direction(&s->directions, b, dir, ctx);

	if (late && !d->query_filtered)
		pv_count(k, M_TIMEOUT, 1);
	if (rejected || d->query_filtered) {
		bool query_too = matched && !d->query_filtered; /* it was to be counted with its response */
		pv_count(pv_bucket_root(b), M_FILTERED, query_too ? 2 : 1);
	} else if (late || d->xact == PV_XACT_ORPHAN) {
		pv_count(k, M_ORPHAN, 1);
	} else if (matched) {
		count_header(k, d);
		if (deep)
			count_deep(k, d, dir, ctx);
	}
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_dns *d = (const void *)ev;
	struct state *s = ctx->state;

	if (ev->type == PV_EV_DNS_TIMEOUT) {
		if (d->xact == PV_XACT_EXPIRED && !d->query_filtered)
			pv_count(pv_direction(&s->directions, b, d->dir, ctx), M_TIMEOUT, 1);
		return;
	}
	if (d->reason == PV_DNS_SHORT)
		return;
	if (d->bits & PV_DNS_QR)
		count_response(b, d, deep, ctx);
	else if (ev->flags & PV_F_FILTERED)
		pv_count(pv_bucket_root(b), M_FILTERED, 1);
}

static bool is_base(const struct pv_event *ev)
{
	return ev->type == PV_EV_DNS && ((const struct pv_dns *)(const void *)ev)->reason != PV_DNS_SHORT;
}

const struct pv_handler pv_dns_v2 = {
	.type = "dns",
	.version = "2.0",
	.schema = "dns",
	.wants = UINT64_C(1) << PV_EV_DNS | UINT64_C(1) << PV_EV_DNS_TIMEOUT,
	.metrics = metrics,
	.nmetrics = METRICS,
	.groups = groups,
	.ngroups = GROUPS,
	.scopes = scopes,
	.nscopes = sizeof scopes / sizeof scopes[0],
	.events = M_OBSERVED,
	.samples = M_SAMPLED,
	.events_rate = M_OBSERVED_PPS,
	.state_size = sizeof(struct state),
	.update = update,
	.shift = shift,
	.is_base = is_base,
};
