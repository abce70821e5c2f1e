/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/metrics.h"

#include <string.h>

#include "dns/message.h"
#include "dns/names.h"
#include "dns/recent.h"
#include "dns/slow.h"
#include "metric/bucket.h"

/* Alphabetical, as error texts list them. */
enum {
	G_CARDINALITY,
	G_COUNTERS,
	G_XACT,
	G_HISTOGRAMS,
	G_QUANTILES,
	G_ECS,
	G_PORTS,
	G_QNAMES,
	G_DETAILS,
	GROUPS
};

static const struct pv_group groups[GROUPS] = {
	[G_CARDINALITY] = {"cardinality", true},
	[G_COUNTERS] = {"counters", true},
	[G_XACT] = {"dns_transaction", true},
	[G_HISTOGRAMS] = {"histograms", false},
	[G_QUANTILES] = {"quantiles", true},
	[G_ECS] = {"top_ecs", false},
	[G_PORTS] = {"top_ports", true},
	[G_QNAMES] = {"top_qnames", true},
	[G_DETAILS] = {"top_qnames_details", false},
};

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

enum {
	M_EVENTS, M_SAMPLES, M_RATE_EVENTS, M_RATE_TOTAL,
	M_TOTAL, M_FILTERED, M_QUERIES, M_REPLIES, M_UDP, M_TCP, M_IPV4, M_IPV6,
	M_NOERROR, M_NODATA, M_SRVFAIL, M_NXDOMAIN, M_REFUSED, M_QUERY_ECS,
	M_QNAMES,
	M_XACTS, M_TIMED_OUT, M_XACTS_IN, M_XACTS_OUT,
	M_TIME_IN, M_TIME_OUT, M_HISTOGRAM_IN, M_HISTOGRAM_OUT, M_RATIO, M_SLOW_IN, M_SLOW_OUT,
	M_TOP_PORT, M_TOP_RCODE, M_TOP_QTYPE, M_TOP_QNAME2, M_TOP_QNAME3,
	M_TOP_NXDOMAIN, M_TOP_REFUSED, M_TOP_SRVFAIL, M_TOP_NODATA, M_TOP_NOERROR, M_TOP_BYTES,
	M_TOP_ECS, M_TOP_GEO, M_TOP_ASN,
	METRICS
};

#define COUNTER(i, g, p, h)                                                                                  \
	{                                                                                                    \
		.id = i, .kind = PV_COUNTER, .group = g, .group2 = PV_ALWAYS, .path = p, .unit = "messages", \
		.help = h                                                                                    \
	}
#define RATE(i, p, h)                                                                                        \
	{                                                                                                    \
		.id = i, .kind = PV_RATE, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = p,                \
		.unit = "messages/s", .help = h                                                              \
	}
#define XACTS(i, p, h)                                                                                       \
	{                                                                                                    \
		.id = i, .kind = PV_COUNTER, .group = G_XACT, .group2 = PV_ALWAYS, .path = p,                \
		.unit = "transactions", .help = h                                                            \
	}
#define TIMES(i, p, h)                                                                                       \
	{                                                                                                    \
		.id = i, .kind = PV_QUANTILES, .group = G_XACT, .group2 = G_QUANTILES, .path = p,            \
		.unit = "us", .help = h                                                                      \
	}
#define HISTOGRAM(i, p, h)                                                                                   \
	{                                                                                                    \
		.id = i, .kind = PV_HISTOGRAM, .group = G_XACT, .group2 = G_HISTOGRAMS, .path = p,           \
		.unit = "us", .help = h                                                                      \
	}
#define TOP(i, g, g2, p, l, u, h)                                                                            \
	{                                                                                                    \
		.id = i, .kind = PV_TOPN, .group = g, .group2 = g2, .path = p, .label = l,                   \
		.item = pv_item_text, .unit = u, .help = h                                                   \
	}
#define NAMES(i, g2, p, h) TOP(i, G_QNAMES, g2, p, "qname", "messages", h)
#define NUMBERS(i, g, p, l, f, h)                                                                            \
	{                                                                                                    \
		.id = i, .kind = PV_TOPN, .group = g, .group2 = PV_ALWAYS, .integer = true, .path = p,       \
		.label = l, .item = f, .unit = "messages", .help = h                                         \
	}

static const struct pv_metric metrics[METRICS] = {
	[M_EVENTS] = COUNTER(1, PV_ALWAYS, "wire_packets.events", "DNS messages seen, before filters"),
	[M_SAMPLES] = COUNTER(2, PV_ALWAYS, "wire_packets.deep_samples", "DNS messages in the deep sample"),
	[M_RATE_EVENTS] = RATE(3, "rates.events", "DNS messages per second, before filters"),
	[M_RATE_TOTAL] = RATE(4, "rates.total", "DNS messages per second that passed the filters"),
	[M_TOTAL] = COUNTER(5, G_COUNTERS, "wire_packets.total", "DNS messages that passed the filters"),
	[M_FILTERED] =
	COUNTER(6, G_COUNTERS, "wire_packets.filtered", "DNS messages that a filter rejected"),
	[M_QUERIES] = COUNTER(7, G_COUNTERS, "wire_packets.queries", "queries"),
	[M_REPLIES] = COUNTER(8, G_COUNTERS, "wire_packets.replies", "replies"),
	[M_UDP] = COUNTER(9, G_COUNTERS, "wire_packets.udp", "messages over UDP"),
	[M_TCP] = COUNTER(10, G_COUNTERS, "wire_packets.tcp", "messages over TCP"),
	[M_IPV4] = COUNTER(11, G_COUNTERS, "wire_packets.ipv4", "messages over IPv4"),
	[M_IPV6] = COUNTER(12, G_COUNTERS, "wire_packets.ipv6", "messages over IPv6"),
	[M_NOERROR] = COUNTER(13, G_COUNTERS, "wire_packets.noerror", "replies with response code NOERROR"),
	[M_NODATA] =
	COUNTER(14, G_COUNTERS, "wire_packets.nodata", "replies with NOERROR and no answer record"),
	[M_SRVFAIL] = COUNTER(15, G_COUNTERS, "wire_packets.srvfail", "replies with response code SRVFAIL"),
	[M_NXDOMAIN] =
	COUNTER(16, G_COUNTERS, "wire_packets.nxdomain", "replies with response code NXDOMAIN"),
	[M_REFUSED] = COUNTER(17, G_COUNTERS, "wire_packets.refused", "replies with response code REFUSED"),
	[M_QUERY_ECS] = {.id = 18,
		     .kind = PV_COUNTER,
		     .group = G_COUNTERS,
		     .group2 = G_ECS,
		     .path = "wire_packets.query_ecs",
		     .unit = "messages",
		     .help = "queries that carry an EDNS client subnet"},
	[M_QNAMES] = {.id = 19,
		  .kind = PV_DISTINCT,
		  .group = G_CARDINALITY,
		  .group2 = PV_ALWAYS,
		  .path = "cardinality.qname",
		  .unit = "names",
		  .help = "different names asked for"},
	[M_XACTS] = XACTS(20, "xact.counts.total", "queries whose reply came in time"),
	[M_TIMED_OUT] = XACTS(21, "xact.counts.timed_out", "queries whose reply came too late or never"),
	[M_XACTS_IN] = XACTS(22, "xact.in.total", "transactions that the host answered"),
	[M_XACTS_OUT] = XACTS(23, "xact.out.total", "transactions that the host asked for"),
	[M_TIME_IN] = TIMES(24, "xact.in.quantiles_us", "time from query to reply where the host answered"),
	[M_TIME_OUT] = TIMES(25, "xact.out.quantiles_us", "time from query to reply where the host asked"),
	[M_HISTOGRAM_IN] =
	HISTOGRAM(26, "xact.in.histogram_us", "time from query to reply where the host answered"),
	[M_HISTOGRAM_OUT] =
	HISTOGRAM(27, "xact.out.histogram_us", "time from query to reply where the host asked"),
	[M_RATIO] = {.id = 28,
		 .kind = PV_QUANTILES,
		 .group = G_XACT,
		 .group2 = G_QUANTILES,
		 .real = true,
		 .path = "xact.ratio.quantiles",
		 .unit = "1",
		 .help = "length of the reply by length of its query"},
	[M_SLOW_IN] = TOP(29, G_XACT, PV_ALWAYS, "xact.in.top_slow", "qname", "transactions",
		      "names of the slowest transactions that the host answered"),
	[M_SLOW_OUT] = TOP(30, G_XACT, PV_ALWAYS, "xact.out.top_slow", "qname", "transactions",
		       "names of the slowest transactions that the host asked for"),
	[M_TOP_PORT] = NUMBERS(31, G_PORTS, "top_udp_ports", "port", pv_item_u64,
			   "ports at the client's end, of UDP and TCP"),
	[M_TOP_RCODE] = NUMBERS(32, PV_ALWAYS, "top_rcode", "rcode", pv_item_rcode, "response codes"),
	[M_TOP_QTYPE] = NUMBERS(33, PV_ALWAYS, "top_qtype", "qtype", pv_item_qtype, "types asked for"),
	[M_TOP_QNAME2] = NAMES(34, PV_ALWAYS, "top_qname2", "names asked for, cut to two labels"),
	[M_TOP_QNAME3] = NAMES(35, PV_ALWAYS, "top_qname3", "names asked for, cut to three labels"),
	[M_TOP_NXDOMAIN] = NAMES(36, PV_ALWAYS, "top_nxdomain", "names of replies with NXDOMAIN"),
	[M_TOP_REFUSED] = NAMES(37, PV_ALWAYS, "top_refused", "names of replies with REFUSED"),
	[M_TOP_SRVFAIL] = NAMES(38, PV_ALWAYS, "top_srvfail", "names of replies with SRVFAIL"),
	[M_TOP_NODATA] =
	NAMES(39, PV_ALWAYS, "top_nodata", "names of replies with NOERROR and no answer record"),
	[M_TOP_NOERROR] = NAMES(40, G_DETAILS, "top_noerror", "names of replies with NOERROR"),
	[M_TOP_BYTES] = TOP(41, G_QNAMES, G_DETAILS, "top_qname_by_resp_bytes", "qname", "bytes",
			"names by the bytes of their replies"),
	[M_TOP_ECS] =
	TOP(42, G_ECS, PV_ALWAYS, "top_query_ecs", "ecs", "messages", "client subnets of queries"),
	[M_TOP_GEO] = {.id = 43,
		   .kind = PV_TOPN,
		   .group = G_ECS,
		   .group2 = PV_ALWAYS,
		   .geo = true,
		   .path = "top_geoLoc_ecs",
		   .label = "geo_loc",
		   .item = pv_item_text,
		   .unit = "messages",
		   .help = "locations of the client subnets of queries"},
	[M_TOP_ASN] = TOP(44, G_ECS, PV_ALWAYS, "top_asn_ecs", "asn", "messages",
		      "networks (ASN) of the client subnets of queries"),
};

/* ---- updates ------------------------------------------------------------------------------------------ */

struct state {
	struct pv_dns_times in, out;
	struct pv_dns_recent recent;
};

static void shift(const struct pv_bucket *closed, struct pv_handler_ctx *ctx)
{
	struct state *s = ctx->state;
	(void)closed;
	pv_dns_times_shift(&s->in);
	pv_dns_times_shift(&s->out);
}

static void count_transaction(struct pv_block *k, const struct pv_dns *d, bool deep, struct state *s)
{
	if (d->query_filtered)
		return;
	if (d->xact == PV_XACT_LATE) {
		pv_count(k, M_TIMED_OUT, 1);
		return;
	}
	if (d->xact != PV_XACT_MATCHED)
		return;
	bool in = d->dir == PV_DIR_OUT, out = d->dir == PV_DIR_IN;
	pv_count(k, M_XACTS, 1);
	pv_count(k, M_XACTS_IN, in);
	pv_count(k, M_XACTS_OUT, out);
	if (!deep)
		return;
	if (d->query_length)
		pv_quantile_real(k, M_RATIO, (double)d->length / d->query_length);
	if (!in && !out)
		return;

	struct pv_dns_times *t = in ? &s->in : &s->out;
	uint64_t us = d->ev.time_ns > d->query_time_ns ? (d->ev.time_ns - d->query_time_ns) / 1000 : 0;
	pv_quantile_u64(k, in ? M_TIME_IN : M_TIME_OUT, us);
	pv_histogram_u64(k, in ? M_HISTOGRAM_IN : M_HISTOGRAM_OUT, us);
	pv_dns_times_add(t, us);
	if (pv_dns_times_slow(t, us))
		pv_top_bytes(k, in ? M_SLOW_IN : M_SLOW_OUT, pv_ref_bytes(&d->ev, d->query_qname),
			     d->query_qname.len, 1);
}

static void count_reply_names(struct pv_block *k, const struct pv_dns *d, const char *name, size_t n, uint32_t *hint)
{
	switch (d->rcode) {
	case PV_DNS_RCODE_NOERROR:
		if (!d->ancount)
			pv_top_hint(k, M_TOP_NODATA, hint, name, n, 1);
		pv_top_bytes(k, M_TOP_NOERROR, name, n, 1);
		break;
	case PV_DNS_RCODE_SRVFAIL:
		pv_top_hint(k, M_TOP_SRVFAIL, hint, name, n, 1);
		break;
	case PV_DNS_RCODE_NXDOMAIN:
		pv_top_hint(k, M_TOP_NXDOMAIN, hint, name, n, 1);
		break;
	case PV_DNS_RCODE_REFUSED:
		pv_top_hint(k, M_TOP_REFUSED, hint, name, n, 1);
		break;
	default:
		break;
	}
	pv_top_bytes(k, M_TOP_BYTES, name, n, d->length);
}

static void count_ecs(struct pv_block *k, const struct pv_dns *d, struct pv_handler_ctx *ctx)
{
	pv_count(k, M_QUERY_ECS, 1);
	if (pv_on(k, M_TOP_ECS)) {
		char text[PV_DNS_ECS_TEXT];
		pv_top_bytes(k, M_TOP_ECS, text, pv_dns_ecs_text(&d->ecs, text), 1);
	}
	pv_top_defined(k, M_TOP_GEO, ctx, d->stage, PV_DEFINE_GEO, d->ecs.geo);
	pv_top_defined(k, M_TOP_ASN, ctx, d->stage, PV_DEFINE_ASN, d->ecs.asn);
}

static void count_deep(struct pv_block *k, const struct pv_dns *d, struct pv_handler_ctx *ctx)
{
	bool reply = d->bits & PV_DNS_QR;
	if (d->port)
		pv_top_u64(k, M_TOP_PORT, d->port, 1);
	if (!(d->bits & (PV_DNS_PARSED | PV_DNS_QUESTION)))
		return;
	if (reply)
		pv_top_u64(k, M_TOP_RCODE, d->rcode, 1);
	else if (d->bits & PV_DNS_ECS)
		count_ecs(k, d, ctx);
	if (!(d->bits & PV_DNS_QUESTION))
		return;

	const char *name = pv_ref_bytes(&d->ev, d->qname);
	size_t n = d->qname.len;
	pv_top_u64(k, M_TOP_QTYPE, d->qtype, 1);
	struct state *s = ctx->state;
	struct pv_dns_recent_name *r = pv_dns_recent_get(&s->recent, name, n, d->suffix_len, k->bucket->conf.seed);
	if (r->counted != ctx->generation + 1) {
		r->counted = ctx->generation + 1;
		pv_distinct_bytes(k, M_QNAMES, name, n);
	}
	if (reply)
		count_reply_names(k, d, name, n, &r->hint_reply);
	pv_top_hint(k, M_TOP_QNAME2, &r->hint2, name + r->at2, n - r->at2, 1);
	if (r->has3)
		pv_top_hint(k, M_TOP_QNAME3, &r->hint3, name + r->at3, n - r->at3, 1);
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_dns *d = (const void *)ev;
	struct pv_block *k = pv_bucket_root(b);

	bool xacts = !pv_event_dnstap(ev); /* version 1 has none of dnstap messages */
	if (ev->type == PV_EV_DNS_TIMEOUT) {
		if (xacts && d->xact == PV_XACT_EXPIRED && !d->query_filtered)
			pv_count(k, M_TIMED_OUT, 1);
		return;
	}
	if (d->reason == PV_DNS_SHORT)
		return;
	if (ev->flags & PV_F_FILTERED) {
		pv_count(k, M_FILTERED, 1);
		return;
	}
	bool reply = d->bits & PV_DNS_QR;
	pv_rate_events(k, M_RATE_TOTAL, 1);
	pv_count(k, M_TOTAL, 1);
	pv_count(k, reply ? M_REPLIES : M_QUERIES, 1);
	pv_count(k, M_UDP, d->transport == PV_TR_UDP);
	pv_count(k, M_TCP, d->transport == PV_TR_TCP);
	pv_count(k, M_IPV4, d->l3 == 4);
	pv_count(k, M_IPV6, d->l3 == 6);
	if (reply && d->reason != PV_DNS_ABSENT) {
		pv_count(k, M_NOERROR, d->rcode == PV_DNS_RCODE_NOERROR);
		pv_count(k, M_NODATA, d->rcode == PV_DNS_RCODE_NOERROR && !d->ancount);
		pv_count(k, M_SRVFAIL, d->rcode == PV_DNS_RCODE_SRVFAIL);
		pv_count(k, M_NXDOMAIN, d->rcode == PV_DNS_RCODE_NXDOMAIN);
		pv_count(k, M_REFUSED, d->rcode == PV_DNS_RCODE_REFUSED);
		if (xacts && pv_on(k, M_XACTS))
			count_transaction(k, d, deep, ctx->state);
	}
	if (deep)
		count_deep(k, d, ctx);
}

static bool is_base(const struct pv_event *ev)
{
	return ev->type == PV_EV_DNS && ((const struct pv_dns *)(const void *)ev)->reason != PV_DNS_SHORT;
}

const struct pv_handler pv_dns_v1 = {
	.type = "dns",
	.version = "1.0",
	.schema = "dns",
	.wants = UINT64_C(1) << PV_EV_DNS | UINT64_C(1) << PV_EV_DNS_TIMEOUT,
	.metrics = metrics,
	.nmetrics = METRICS,
	.groups = groups,
	.ngroups = GROUPS,
	.scopes = scopes,
	.nscopes = sizeof scopes / sizeof scopes[0],
	.events = M_EVENTS,
	.samples = M_SAMPLES,
	.events_rate = M_RATE_EVENTS,
	.state_size = sizeof(struct state),
	.update = update,
	.shift = shift,
	.is_base = is_base,
};
