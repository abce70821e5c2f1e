/* SPDX-License-Identifier: MPL-2.0 */
/* dns 2.0 (dns/metrics.h): the table, what becomes of a message, and what a transaction counts. Events are made by hand: the
 * analyser's own tests say that it makes such. Whole captures: tests/scenarios/agent-golden-v2.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dns/metrics.h"
#include "unit/json_util.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define US     UINT64_C(1000)
#define START  UINT64_C(100000000000)

static const struct {
	const char *path;
	enum pv_kind kind;
	const char *group, *label;
	unsigned scope;
} table[] = {
    {"observed_packets", PV_COUNTER, NULL, NULL, 0},
    {"deep_sampled_packets", PV_COUNTER, NULL, NULL, 0},
    {"rates.observed_pps", PV_RATE, NULL, NULL, 0},
    {"filtered_packets", PV_COUNTER, "counters", NULL, 0},
    {"xacts", PV_COUNTER, "counters", NULL, 1},
    {"udp_xacts", PV_COUNTER, "counters", NULL, 1},
    {"tcp_xacts", PV_COUNTER, "counters", NULL, 1},
    {"dot_xacts", PV_COUNTER, "counters", NULL, 1},
    {"doh_xacts", PV_COUNTER, "counters", NULL, 1},
    {"dnscrypt_udp_xacts", PV_COUNTER, "counters", NULL, 1},
    {"dnscrypt_tcp_xacts", PV_COUNTER, "counters", NULL, 1},
    {"doq_xacts", PV_COUNTER, "counters", NULL, 1},
    {"ipv4_xacts", PV_COUNTER, "counters", NULL, 1},
    {"ipv6_xacts", PV_COUNTER, "counters", NULL, 1},
    {"noerror_xacts", PV_COUNTER, "counters", NULL, 1},
    {"nodata_xacts", PV_COUNTER, "counters", NULL, 1},
    {"srvfail_xacts", PV_COUNTER, "counters", NULL, 1},
    {"nxdomain_xacts", PV_COUNTER, "counters", NULL, 1},
    {"refused_xacts", PV_COUNTER, "counters", NULL, 1},
    {"authenticated_data_xacts", PV_COUNTER, "counters", NULL, 1},
    {"authoritative_answer_xacts", PV_COUNTER, "counters", NULL, 1},
    {"checking_disabled_xacts", PV_COUNTER, "counters", NULL, 1},
    {"ecs_xacts", PV_COUNTER, "counters", NULL, 1},
    {"timeout_queries", PV_COUNTER, "counters", NULL, 1},
    {"orphan_responses", PV_COUNTER, "counters", NULL, 1},
    {"cardinality.qname", PV_DISTINCT, "cardinality", NULL, 1},
    {"xact_rates", PV_RATE, "quantiles", NULL, 1},
    {"xact_time_us", PV_QUANTILES, "xact_times", NULL, 1},
    {"xact_histogram_us", PV_HISTOGRAM, "xact_times", NULL, 1},
    {"top_slow_xacts", PV_TOPN, "xact_times", "qname", 1},
    {"response_query_size_ratio", PV_QUANTILES, "top_size", NULL, 1},
    {"top_response_bytes", PV_TOPN, "top_size", "qname", 1},
    {"top_udp_ports_xacts", PV_TOPN, "top_ports", "port", 1},
    {"top_qtype_xacts", PV_TOPN, "top_qtypes", "qtype", 1},
    {"top_rcode_xacts", PV_TOPN, "top_rcodes", "rcode", 1},
    {"top_noerror_xacts", PV_TOPN, "top_rcodes", "qname", 1},
    {"top_nodata_xacts", PV_TOPN, "top_rcodes", "qname", 1},
    {"top_nxdomain_xacts", PV_TOPN, "top_rcodes", "qname", 1},
    {"top_refused_xacts", PV_TOPN, "top_rcodes", "qname", 1},
    {"top_srvfail_xacts", PV_TOPN, "top_rcodes", "qname", 1},
    {"top_qname2_xacts", PV_TOPN, "top_qnames", "qname", 1},
    {"top_qname3_xacts", PV_TOPN, "top_qnames", "qname", 1},
    {"top_ecs_xacts", PV_TOPN, "top_ecs", "ecs", 1},
    {"top_geo_loc_ecs_xacts", PV_TOPN, "top_ecs", "geo_loc", 1},
    {"top_asn_ecs_xacts", PV_TOPN, "top_ecs", "asn", 1},
};

static void rows(void **state)
{
	const struct pv_handler *h = &pv_dns_v2;
	static const char *const on[] = {"cardinality", "counters", "quantiles", "top_qnames", "top_qtypes", "top_rcodes"};
	size_t defaults = 0;
	char err[300];
	(void)state;
	assert_string_equal(h->schema, "dns");
	assert_int_equal(h->nmetrics, LEN(table));
	for (size_t i = 0; i < LEN(table); i++) {
		const struct pv_metric *m = &h->metrics[i];
		assert_string_equal(m->path, table[i].path);
		assert_int_equal(m->kind, table[i].kind);
		assert_int_equal(m->scope, table[i].scope);
		assert_null(m->prom);
		assert_int_equal(m->group2, PV_ALWAYS);
		assert_string_equal(m->group == PV_ALWAYS ? "" : h->groups[m->group].name,
				    table[i].group ? table[i].group : "");
		assert_string_equal(m->label ? m->label : "", table[i].label ? table[i].label : "");
	}
	for (size_t g = 0; g < h->ngroups; g++)
		defaults += h->groups[g].on;
	assert_int_equal(defaults, LEN(on));
	for (size_t i = 0; i < LEN(on); i++)
		assert_true(h->groups[pv_handler_group(h, on[i])].on);
	pv_handler_group_error(h, "dns_top_wired", err, sizeof err);
	assert_string_equal(err, "dns_top_wired is an invalid/unsupported metric group. The valid groups are: all, cardinality, "
				 "counters, quantiles, top_ecs, top_ports, top_qnames, top_qtypes, top_rcodes, top_size, xact_times");
}

/* ---- messages ------------------------------------------------------------------------------------ */

static const char *define(void *defines, uint8_t stage, enum pv_define_kind kind, uint32_t number, size_t *len)
{
	(void)defines;
	assert_int_equal(stage, 5);
	const char *text = number != 1 ? NULL : kind == PV_DEFINE_GEO ? "EU/Sweden\t58.000000\t15.000000" : "237/Merit";
	*len = text ? strlen(text) : 0;
	return text;
}

struct bench {
	struct pv_bucket *bucket;
	struct pv_handler_ctx ctx;
};

static struct pv_bucket *fresh(struct pv_handler_ctx *ctx, uint32_t groups)
{
	const struct pv_bucket_conf conf = {.groups = groups, .topn = 10, .seed = 7};
	struct pv_bucket *b = pv_bucket_new(&pv_dns_v2, &conf);
	assert_non_null(b);
	b->now_sec = 100;
	b->start_ns = START;
	b->end_ns = START + 999;
	b->recorded = true;
	ctx->generation++;
	return b;
}

static struct bench make(uint32_t groups)
{
	struct bench b = {.ctx = {.state = calloc(1, pv_dns_v2.state_size), .define = define}};
	assert_non_null(b.ctx.state);
	b.bucket = fresh(&b.ctx, groups);
	return b;
}

static void unmake(struct bench *b)
{
	pv_bucket_free(b->bucket);
	free(b->ctx.state);
}

/* A reply that found its query, until a case says otherwise. */
struct message {
	struct pv_dns d;
	char name[64];
};

static struct message reply(const char *name, uint16_t rcode)
{
	struct message m = {.d = {.ev = {.size = sizeof m, .type = PV_EV_DNS, .time_ns = START + 3000 * US},
				  .l3 = 4, .transport = PV_TR_UDP, .dir = PV_DIR_OUT, .stage = 5, .port = 40000, .length = 90,
				  .bits = PV_DNS_QR | PV_DNS_PARSED | PV_DNS_QUESTION, .rcode = rcode, .qtype = 1, .qclass = 1,
				  .qdcount = 1, .ancount = 1, .xact = PV_XACT_MATCHED, .query_dir = PV_DIR_IN,
				  .query_length = 30, .query_time_ns = START, .query_bits = PV_DNS_QUESTION}};
	m.d.qname = m.d.qname_case = m.d.query_qname = m.d.query_qname_case =
	    (struct pv_ref){offsetof(struct message, name), (uint16_t)strlen(name)};
	snprintf(m.name, sizeof m.name, "%s", name);
	return m;
}

static void give(struct bench *b, const struct message *m, bool deep)
{
	pv_dns_v2.update(b->bucket, &m->d.ev, deep, &b->ctx);
}

/* What becomes of a message: filtered_packets, then xacts, timeouts and orphans below the direction that is there. */
static void outcomes(void **state)
{
	static const struct {
		const char *what;
		bool timeout, query, rejected;
		enum pv_xact xact;
		bool query_rejected;
		enum pv_dir dir, query_dir;
		const char *want;
	} cases[] = {
	    {"a query", false, true, false, PV_XACT_NONE, false, PV_DIR_IN, 0, "0"},
	    {"a query that is rejected", false, true, true, PV_XACT_NONE, false, PV_DIR_IN, 0, "1"},
	    {"a reply, asked", false, false, false, PV_XACT_MATCHED, false, PV_DIR_OUT, PV_DIR_IN, "0 in 1 0 0"},
	    {"a reply, asking", false, false, false, PV_XACT_MATCHED, false, PV_DIR_IN, PV_DIR_OUT, "0 out 1 0 0"},
	    {"a reply of others", false, false, false, PV_XACT_MATCHED, false, PV_DIR_UNKNOWN, PV_DIR_UNKNOWN, "0 unknown 1 0 0"},
	    {"host to host: both come in", false, false, false, PV_XACT_MATCHED, false, PV_DIR_IN, PV_DIR_IN, "0 in 1 0 0"},
	    {"its query was rejected", false, false, false, PV_XACT_MATCHED, true, PV_DIR_OUT, PV_DIR_IN, "1 in 0 0 0"},
	    {"it is rejected, and so its query", false, false, true, PV_XACT_MATCHED, false, PV_DIR_OUT, PV_DIR_IN, "2 in 0 0 0"},
	    {"both are rejected", false, false, true, PV_XACT_MATCHED, true, PV_DIR_OUT, PV_DIR_IN, "1 in 0 0 0"},
	    {"an orphan", false, false, false, PV_XACT_ORPHAN, false, PV_DIR_OUT, 0, "0 in 0 0 1"},
	    {"an orphan from outside", false, false, false, PV_XACT_ORPHAN, false, PV_DIR_IN, 0, "0 out 0 0 1"},
	    {"an orphan that is rejected", false, false, true, PV_XACT_ORPHAN, false, PV_DIR_OUT, 0, "1 in 0 0 0"},
	    {"later than that, its query rejected", false, false, false, PV_XACT_ORPHAN, true, PV_DIR_OUT, 0, "1 in 0 0 0"},
	    {"likewise, and it is rejected", false, false, true, PV_XACT_ORPHAN, true, PV_DIR_OUT, 0, "1 in 0 0 0"},
	    {"late: as if it had been given up before", false, false, false, PV_XACT_LATE, false, PV_DIR_OUT, PV_DIR_IN, "0 in 0 1 1"},
	    {"late and rejected", false, false, true, PV_XACT_LATE, false, PV_DIR_OUT, PV_DIR_IN, "1 in 0 1 0"},
	    {"late, its query rejected", false, false, false, PV_XACT_LATE, true, PV_DIR_OUT, PV_DIR_IN, "1 in 0 0 0"},
	    {"a query times out", true, true, false, PV_XACT_EXPIRED, false, PV_DIR_OUT, PV_DIR_OUT, "0 out 0 1 0"},
	    {"a rejected one does", true, true, true, PV_XACT_EXPIRED, true, PV_DIR_OUT, PV_DIR_OUT, "0"},
	    {"one is given up for room", true, true, false, PV_XACT_EVICTED, false, PV_DIR_OUT, PV_DIR_OUT, "0"},
	};
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct bench b = make(UINT32_MAX);
		struct message m = reply("www.example.com", 0);
		if (cases[i].timeout)
			m.d.ev.type = PV_EV_DNS_TIMEOUT;
		if (cases[i].query)
			m.d.bits &= (uint16_t)~PV_DNS_QR;
		if (cases[i].rejected)
			m.d.ev.flags = PV_F_FILTERED;
		m.d.xact = (uint8_t)cases[i].xact;
		m.d.query_filtered = cases[i].query_rejected;
		m.d.dir = (uint8_t)cases[i].dir;
		m.d.query_dir = (uint8_t)cases[i].query_dir;
		give(&b, &m, true);

		static const char *const dirs[] = {"in", "out", "unknown"};
		char got[200], value[64];
		bucket_shows(b.bucket, "filtered_packets", got, sizeof got);
		for (size_t d = 0; d < 3; d++) {
			static const char *const counters[] = {"xacts", "timeout_queries", "orphan_responses"};
			size_t n = strlen(got);
			bucket_shows(b.bucket, dirs[d], value, sizeof value);
			if (!strcmp(value, "-"))
				continue;
			n += (size_t)snprintf(got + n, sizeof got - n, " %s", dirs[d]);
			for (size_t c = 0; c < 3; c++) {
				char path[64];
				snprintf(path, sizeof path, "%s.%s", dirs[d], counters[c]);
				bucket_shows(b.bucket, path, value, sizeof value);
				n += (size_t)snprintf(got + n, sizeof got - n, " %s", value);
			}
		}
		if (strcmp(got, cases[i].want))
			fail_msg("%s: want '%s', got '%s'", cases[i].what, cases[i].want, got);
		assert_int_equal(pv_dns_v2.is_base(&m.d.ev), !cases[i].timeout);
		unmake(&b);
	}
}

static void what_a_transaction_counts(void **state)
{
	static const struct {
		const char *path, *want;
	} shown[] = {
	    {"in.xacts", "5"},
	    {"in.udp_xacts", "4"},
	    {"in.tcp_xacts", "1"},
	    {"in.ipv4_xacts", "4"},
	    {"in.ipv6_xacts", "1"},
	    {"in.noerror_xacts", "2"},
	    {"in.nodata_xacts", "1"},
	    {"in.srvfail_xacts", "1"},
	    {"in.nxdomain_xacts", "1"},
	    {"in.refused_xacts", "1"},
	    {"in.authenticated_data_xacts", "1"},
	    {"in.authoritative_answer_xacts", "1"},
	    {"in.checking_disabled_xacts", "1"}, /* of the query */
	    {"in.ecs_xacts", "1"},
	    {"in.cardinality.qname", "3"}, /* the root is none */
	    {"in.xact_rates.p99", "5"},
	    {"in.xact_time_us", "{\"p50\":3000,\"p90\":3000,\"p95\":3000,\"p99\":3000}"},
	    {"in.xact_histogram_us", "{\"buckets\":{\"+Inf\":5.0,\"3162\":5.0}}"},
	    {"in.top_slow_xacts", ""},
	    {"in.response_query_size_ratio.p50", "3.0"},
	    {"in.top_response_bytes", "www.example.com=180 =90 a.example.org=90 b.test=90"},
	    {"in.top_udp_ports_xacts", "40000=5"},
	    {"in.top_qtype_xacts", "A=4 AAAA=1"},
	    {"in.top_rcode_xacts", "NOERROR=2 SRVFAIL=1 NXDOMAIN=1 REFUSED=1"},
	    {"in.top_noerror_xacts", "www.example.com=2"},
	    {"in.top_nodata_xacts", "www.example.com=1"},
	    {"in.top_nxdomain_xacts", "a.example.org=1"},
	    {"in.top_refused_xacts", "b.test=1"},
	    {"in.top_srvfail_xacts", "=1"},
	    {"in.top_qname2_xacts", ".example.com=2 =1 .example.org=1 b.test=1"},
	    {"in.top_qname3_xacts", "www.example.com=2 a.example.org=1"},
	    {"in.top_ecs_xacts", "192.0.2.0=1"},
	    {"in.top_geo_loc_ecs_xacts", "EU/Sweden=1"},
	    {"in.top_asn_ecs_xacts", "237/Merit=1"},
	    {"out.xacts", "1"},
	    {"out.cardinality.qname", "1"}, /* also counted "in" */
	    {"out.top_qname2_xacts", ".example.com=1"},
	};
	struct bench b = make(UINT32_MAX);
	struct message m[] = {reply("www.example.com", 0), reply("www.example.com", 0), reply("a.example.org", 3), reply("b.test", 5),
			      reply("", 2), reply("www.example.com", 0)};
	(void)state;
	m[0].d.bits |= PV_DNS_AD | PV_DNS_CD; /* CD of the reply is an echo */
	m[1].d.ancount = 0;
	m[1].d.query_bits |= PV_DNS_CD | PV_DNS_ECS;
	m[1].d.query_ecs = (struct pv_ecs){.addr = {[10] = 0xff, 0xff, 192, 0, 2}, .family = 4, .geo = 1, .asn = 1};
	m[2].d.bits |= PV_DNS_AA;
	m[2].d.transport = PV_TR_TCP;
	m[3].d.l3 = 6;
	m[4].d.qtype = 28;
	m[5].d.query_dir = PV_DIR_OUT;
	for (size_t i = 0; i < LEN(m); i++)
		give(&b, &m[i], true);
	for (size_t i = 0; i < LEN(shown); i++)
		SHOWS(b.bucket, shown[i].path, shown[i].want);
	unmake(&b);
}

static void transports(void **state)
{
	static const char *const counters[] = {[PV_TR_UDP] = "in.udp_xacts", "in.tcp_xacts", "in.dot_xacts", "in.doh_xacts",
					       "in.dnscrypt_udp_xacts", "in.dnscrypt_tcp_xacts", "in.doq_xacts"};
	struct bench b = make(UINT32_MAX);
	(void)state;
	for (unsigned t = 0; t < 9; t++) { /* 0 other, 8 nobody knows */
		struct message m = reply("a.b", 0);
		m.d.transport = (uint8_t)t;
		for (unsigned i = 0; i <= t; i++)
			give(&b, &m, false);
	}
	for (unsigned t = 1; t < 8; t++) {
		char want[8];
		snprintf(want, sizeof want, "%u", t + 1);
		SHOWS(b.bucket, counters[t], want);
	}
	SHOWS(b.bucket, "in.xacts", "45");
	unmake(&b);
}

static void shallow(void **state)
{
	struct bench b = make(UINT32_MAX);
	struct message m = reply("www.example.com", 0);
	(void)state;
	m.d.query_bits |= PV_DNS_ECS;
	give(&b, &m, false);
	SHOWS(b.bucket, "in.xacts", "1");
	SHOWS(b.bucket, "in.noerror_xacts", "1");
	SHOWS(b.bucket, "in.xact_rates.p99", "1");
	SHOWS(b.bucket, "in.ecs_xacts", "0");
	SHOWS(b.bucket, "in.cardinality.qname", "0");
	SHOWS(b.bucket, "in.top_qtype_xacts", "");
	SHOWS(b.bucket, "in.xact_time_us", "-");
	SHOWS(b.bucket, "in.response_query_size_ratio", "-");
	unmake(&b);
}

/* NODATA is a NOERROR without answers, and nothing else is. */
static void no_data(void **state)
{
	struct bench b = make(UINT32_MAX);
	static const struct {
		uint16_t rcode, ancount, times;
	} cases[] = {{0, 0, 1}, {0, 1, 2}, {0, 4, 3}, {3, 0, 4}, {2, 0, 5}, {5, 0, 6}};
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		for (unsigned n = 0; n < cases[i].times; n++) {
			struct message m = reply("x.test", cases[i].rcode);
			m.d.ancount = cases[i].ancount;
			m.d.port = 0; /* not known */
			give(&b, &m, true);
		}
	SHOWS(b.bucket, "in.nodata_xacts", "1");
	SHOWS(b.bucket, "in.noerror_xacts", "6");
	SHOWS(b.bucket, "in.top_nodata_xacts", "x.test=1");
	SHOWS(b.bucket, "in.top_noerror_xacts", "x.test=6");
	SHOWS(b.bucket, "in.top_nxdomain_xacts", "x.test=4");
	SHOWS(b.bucket, "in.top_srvfail_xacts", "x.test=5");
	SHOWS(b.bucket, "in.top_refused_xacts", "x.test=6");
	SHOWS(b.bucket, "in.top_udp_ports_xacts", "");
	unmake(&b);
}

/* What cannot be read is left out, and nothing else. */
static void unreadable(void **state)
{
	struct bench b = make(UINT32_MAX);
	struct message m = reply("www.example.com", 3);
	(void)state;
	m.d.bits = PV_DNS_QR;
	give(&b, &m, true);
	SHOWS(b.bucket, "in.nxdomain_xacts", "1");
	SHOWS(b.bucket, "in.top_udp_ports_xacts", "40000=1");
	SHOWS(b.bucket, "in.xact_time_us.p50", "3000");
	SHOWS(b.bucket, "in.top_rcode_xacts", "");
	SHOWS(b.bucket, "in.top_nxdomain_xacts", "");
	m.d.bits |= PV_DNS_PARSED; /* a reply without a question */
	give(&b, &m, true);
	SHOWS(b.bucket, "in.top_rcode_xacts", "NXDOMAIN=1");
	SHOWS(b.bucket, "in.top_qtype_xacts", "");
	m.d.reason = 1; /* less than a header: no message at all */
	assert_false(pv_dns_v2.is_base(&m.d.ev));
	give(&b, &m, true);
	SHOWS(b.bucket, "in.xacts", "2");
	unmake(&b);
}

static void suffixes(void **state)
{
	struct bench b = make(UINT32_MAX);
	struct message m = reply("a.shop.example.co.uk", 0);
	(void)state;
	m.d.query_suffix_len = sizeof ".example.co.uk" - 1; /* only_qname_suffix: of the query */
	give(&b, &m, true);
	m.d.suffix_len = sizeof ".co.uk" - 1; /* public suffixes: of the reply */
	give(&b, &m, true);
	SHOWS(b.bucket, "in.top_qname2_xacts", ".example.co.uk=1 .shop.example.co.uk=1");
	unmake(&b);
}

/* Slow is what takes as long as the slowest tenth of the period before, in its direction. */
static void slow(void **state)
{
	struct bench b = make(UINT32_MAX);
	(void)state;
	for (unsigned i = 1; i <= 100; i++) {
		struct message m = reply("x.test", 0);
		m.d.query_time_ns = m.d.ev.time_ns - i * 10 * US;
		give(&b, &m, true);
	}
	SHOWS(b.bucket, "in.top_slow_xacts", ""); /* not known yet */
	pv_dns_v2.shift(b.bucket, &b.ctx);
	pv_bucket_free(b.bucket);
	b.bucket = fresh(&b.ctx, UINT32_MAX);
	static const struct {
		const char *name;
		unsigned us;
		enum pv_dir dir;
	} cases[] = {{"fast.test", 800, PV_DIR_IN}, {"slow.test", 950, PV_DIR_IN}, {"Other.test", 5000, PV_DIR_OUT}};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct message m = reply(cases[i].name, 0);
		m.d.query_time_ns = m.d.ev.time_ns - cases[i].us * US;
		m.d.query_dir = (uint8_t)cases[i].dir;
		give(&b, &m, true);
	}
	SHOWS(b.bucket, "in.top_slow_xacts", "slow.test=1");
	SHOWS(b.bucket, "out.top_slow_xacts", "");
	pv_dns_v2.shift(b.bucket, &b.ctx);
	pv_bucket_free(b.bucket);
	b.bucket = fresh(&b.ctx, ~(1u << pv_handler_group(&pv_dns_v2, "xact_times")));
	struct message m = reply("slow.test", 0);
	m.d.query_time_ns = 0;
	give(&b, &m, true);
	SHOWS(b.bucket, "in.top_slow_xacts", "-");
	SHOWS(b.bucket, "in.xact_time_us", "-");
	unmake(&b);
}

/* The clock may stand still or go back between the two. */
static void negative_times(void **state)
{
	struct bench b = make(UINT32_MAX);
	struct message m = reply("x.test", 0);
	(void)state;
	m.d.query_time_ns = m.d.ev.time_ns + 5000 * US;
	give(&b, &m, true);
	SHOWS(b.bucket, "in.xact_time_us.p99", "0");
	unmake(&b);
}

static void groups(void **state)
{
	static const struct {
		const char *group, *path, *want;
	} cases[] = {
	    {"top_ecs", "in.ecs_xacts", "-"},	     {"top_ecs", "in.top_ecs_xacts", ""},
	    {"counters", "in.ecs_xacts", "0"},	     {"counters", "filtered_packets", "0"},
	    {"top_size", "in.top_response_bytes", "www.example.com=90"},
	    {"top_size", "in.xacts", "-"},	     {"top_ports", "in.top_udp_ports_xacts", "40000=1"},
	    {"top_rcodes", "in.top_rcode_xacts", "NOERROR=1"}, {"top_rcodes", "in.top_noerror_xacts", "www.example.com=1"},
	    {"top_rcodes", "in.top_qtype_xacts", "-"}, {"top_qtypes", "in.top_qtype_xacts", "A=1"},
	    {"top_qnames", "in.top_qname3_xacts", "www.example.com=1"},
	    {"quantiles", "in.xact_rates.p99", "1"}, {"cardinality", "in.cardinality.qname", "1"},
	    {"xact_times", "in.xact_time_us.p50", "3000"},
	};
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct bench b = make(1u << pv_handler_group(&pv_dns_v2, cases[i].group));
		struct message m = reply("www.example.com", 0);
		give(&b, &m, true);
		SHOWS(b.bucket, cases[i].path, cases[i].want);
		unmake(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows),	 cmocka_unit_test(outcomes),   cmocka_unit_test(what_a_transaction_counts),
	    cmocka_unit_test(transports), cmocka_unit_test(shallow),	 cmocka_unit_test(no_data), cmocka_unit_test(unreadable),
	    cmocka_unit_test(suffixes),	 cmocka_unit_test(slow),	 cmocka_unit_test(negative_times),
	    cmocka_unit_test(groups),
	};
	return cmocka_run_group_tests_name("dns_v2", tests, NULL, NULL);
}
