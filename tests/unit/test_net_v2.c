/* SPDX-License-Identifier: MPL-2.0 */
/* net 2.0 (net/metrics.h): the table, and what a packet counts below its direction. Whole captures:
 * tests/scenarios/agent-golden-v2.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "net/metrics.h"
#include "unit/json_util.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

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
    {"udp_packets", PV_COUNTER, "counters", NULL, 1},
    {"tcp_packets", PV_COUNTER, "counters", NULL, 1},
    {"other_l4_packets", PV_COUNTER, "counters", NULL, 1},
    {"ipv4_packets", PV_COUNTER, "counters", NULL, 1},
    {"ipv6_packets", PV_COUNTER, "counters", NULL, 1},
    {"tcp.syn_packets", PV_COUNTER, "counters", NULL, 1},
    {"total_packets", PV_COUNTER, "counters", NULL, 1},
    {"cardinality.ips", PV_DISTINCT, "cardinality", NULL, 1},
    {"top_ipv4_packets", PV_TOPN, "top_ips", "ipv4", 1},
    {"top_ipv6_packets", PV_TOPN, "top_ips", "ipv6", 1},
    {"top_geo_loc_packets", PV_TOPN, "top_geo", "geo_loc", 1},
    {"top_asn_packets", PV_TOPN, "top_geo", "asn", 1},
    {"payload_size_bytes", PV_QUANTILES, "quantiles", NULL, 1},
    {"rates.pps", PV_RATE, "quantiles", NULL, 1},
    {"rates.bps", PV_RATE, "quantiles", NULL, 1},
};

static void rows(void **state)
{
	const struct pv_handler *h = &pv_net_v2;
	(void)state;
	assert_string_equal(h->schema, "net");
	assert_int_equal(h->nmetrics, LEN(table));
	for (size_t i = 0; i < LEN(table); i++) {
		const struct pv_metric *m = &h->metrics[i];
		assert_string_equal(m->path, table[i].path);
		assert_int_equal(m->kind, table[i].kind);
		assert_int_equal(m->scope, table[i].scope);
		assert_null(m->prom);
		assert_string_equal(m->group == PV_ALWAYS ? "" : h->groups[m->group].name,
				    table[i].group ? table[i].group : "");
		assert_string_equal(m->label ? m->label : "", table[i].label ? table[i].label : "");
	}
	for (size_t g = 0; g < h->ngroups; g++)
		assert_true(h->groups[g].on);
	char err[256];
	pv_handler_group_error(h, "rates", err, sizeof err);
	assert_string_equal(err, "rates is an invalid/unsupported metric group. The valid groups are: all, cardinality, "
				 "counters, quantiles, top_geo, top_ips");
}

/* ---- packets ------------------------------------------------------------------------------------- */

static const char *define(void *defines, uint8_t stage, enum pv_define_kind kind, uint32_t number, size_t *len)
{
	static const char *const geo[] = {NULL, "EU/Sweden\t58.000000\t15.000000", "Unknown"};
	static const char *const asn[] = {NULL, "237/Merit", "Unknown"};
	(void)defines;
	assert_int_equal(stage, 5);
	const char *text = number < 3 ? (kind == PV_DEFINE_GEO ? geo : asn)[number] : NULL;
	*len = text ? strlen(text) : 0;
	return text;
}

static struct room {
	uint64_t state[4];
} directions;
static struct pv_handler_ctx ctx = {.state = &directions, .define = define};

static struct pv_bucket *fresh(uint32_t groups)
{
	const struct pv_bucket_conf conf = {.groups = groups, .topn = 10, .seed = 7};
	struct pv_bucket *b = pv_bucket_new(&pv_net_v2, &conf);
	assert_non_null(b);
	assert_true(sizeof directions >= pv_net_v2.state_size);
	b->now_sec = 100;
	b->start_ns = 100 * UINT64_C(1000000000);
	b->end_ns = b->start_ns + 999;
	b->recorded = true;
	ctx.generation++;
	return b;
}

static void address(uint8_t to[16], const char *text)
{
	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, to), 1);
		return;
	}
	to[10] = to[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, to + 12), 1);
}

struct packet {
	enum pv_dir dir;
	const char *src, *dst; /* NULL: not IP */
	enum pv_l4 l4;
	uint32_t size;
	uint8_t tcp_flags, dnstap; /* as the flags have it */
	bool shallow, filtered;
	uint32_t geo_src, geo_dst;
};

static void give(struct pv_bucket *b, const struct packet *p)
{
	struct pv_net e = {.ev = {.size = sizeof e, .type = PV_EV_NET, .flags = (uint16_t)((p->filtered ? PV_F_FILTERED : 0) | p->dnstap << PV_F_DNSTAP_SHIFT)},
			   .dir = (uint8_t)p->dir, .l4 = (uint8_t)p->l4, .size = p->size, .stage = 5,
			   .tcp_flags = p->tcp_flags,
			   .geo_src = p->geo_src, .geo_dst = p->geo_dst, .asn_src = p->geo_src, .asn_dst = p->geo_dst};
	if (p->src) {
		e.l3 = strchr(p->src, ':') ? 6 : 4;
		address(e.src, p->src);
		address(e.dst, p->dst);
	}
	pv_net_v2.update(b, &e.ev, !p->shallow, &ctx);
}

static const struct packet packets[] = {
    {.dir = PV_DIR_IN, .src = "192.0.2.1", .dst = "10.0.0.1", .l4 = PV_L4_UDP, .size = 100, .geo_src = 1, .geo_dst = 2},
    {.dir = PV_DIR_IN, .src = "192.0.2.1", .dst = "10.0.0.2", .l4 = PV_L4_TCP, .size = 60, .tcp_flags = PV_TCP_SYN},
    {.dir = PV_DIR_IN, .src = "192.0.2.9", .dst = "10.0.0.2", .l4 = PV_L4_TCP, .size = 60, .tcp_flags = PV_TCP_SYN, .shallow = true},
    {.dir = PV_DIR_IN, .src = "0.0.0.0", .dst = "255.255.255.255", .l4 = PV_L4_UDP, .size = 300, .geo_src = 1},
    {.dir = PV_DIR_OUT, .src = "2001:db8::1", .dst = "2001:db8::2", .l4 = PV_L4_OTHER, .size = 86, .geo_src = 1, .geo_dst = 2},
    {.dir = PV_DIR_UNKNOWN, .src = "192.0.2.7", .dst = "192.0.2.7", .l4 = PV_L4_UDP, .size = 70},
    {.dir = PV_DIR_UNKNOWN, .src = "192.0.2.7", .dst = "192.0.2.8", .l4 = PV_L4_UDP, .size = 70, .geo_src = 1, .geo_dst = 2},
    {.dir = PV_DIR_UNKNOWN, .size = 42}, /* ARP */
    {.dir = PV_DIR_OUT, .src = "192.0.2.1", .dst = "192.0.2.2", .l4 = PV_L4_TCP, .size = 60, .filtered = true},
};

static const struct {
	const char *path, *want;
} shown[] = {
    {"filtered_packets", "1"},
    {"in.total_packets", "4"},
    {"in.udp_packets", "2"},
    {"in.tcp_packets", "2"},
    {"in.other_l4_packets", "0"},
    {"in.ipv4_packets", "4"},
    {"in.ipv6_packets", "0"},
    {"in.tcp.syn_packets", "1"}, /* of the deep sample */
    {"in.cardinality.ips", "1"},
    {"in.top_ipv4_packets", "192.0.2.1=2"},
    {"in.top_ipv6_packets", ""},
    {"in.top_geo_loc_packets", "EU/Sweden=1"},
    {"in.top_asn_packets", "237/Merit=1"},
    {"in.payload_size_bytes", "{\"p50\":60,\"p90\":300,\"p95\":300,\"p99\":300}"},
    {"in.rates.pps.p99", "4"},
    {"in.rates.bps.p99", "4160"}, /* bits */
    {"out.total_packets", "1"},
    {"out.other_l4_packets", "1"},
    {"out.ipv6_packets", "1"},
    {"out.top_ipv6_packets", "2001:db8::2=1"},
    {"out.top_geo_loc_packets", "Unknown=1"},
    {"out.top_asn_packets", "Unknown=1"},
    {"unknown.total_packets", "3"},
    {"unknown.ipv4_packets", "2"},
    {"unknown.cardinality.ips", "2"},
    {"unknown.top_ipv4_packets", "192.0.2.7=3 192.0.2.8=1"}, /* both ends */
    {"unknown.top_geo_loc_packets", "EU/Sweden=1 Unknown=1"},
};

static void directions_apart(void **state)
{
	struct pv_bucket *b = fresh(UINT32_MAX);
	(void)state;
	SHOWS(b, "in", "-"); /* nothing went there yet */
	for (size_t i = 0; i < LEN(packets); i++)
		give(b, &packets[i]);
	for (size_t i = 0; i < LEN(shown); i++)
		SHOWS(b, shown[i].path, shown[i].want);
	pv_bucket_free(b);
}

static void only_filtered(void **state)
{
	struct pv_bucket *b = fresh(UINT32_MAX);
	(void)state;
	give(b, &packets[LEN(packets) - 1]);
	SHOWS(b, "filtered_packets", "1");
	SHOWS(b, "out", "-");
	pv_bucket_free(b);
}

/* dnstap tells both addresses; each counts, whatever the direction. */
static void both_ends(void **state)
{
	struct pv_bucket *b = fresh(UINT32_MAX);
	struct packet p = packets[0];
	(void)state;
	p.dnstap = 5; /* a client's query */
	give(b, &p);
	p.dir = PV_DIR_OUT;
	give(b, &p);
	SHOWS(b, "in.cardinality.ips", "2");
	SHOWS(b, "in.top_ipv4_packets", "10.0.0.1=1 192.0.2.1=1");
	SHOWS(b, "out.top_ipv4_packets", "10.0.0.1=1 192.0.2.1=1");
	SHOWS(b, "out.top_asn_packets", "237/Merit=1 Unknown=1");
	pv_bucket_free(b);
}

static void groups(void **state)
{
	struct pv_bucket *b = fresh(1u << pv_handler_group(&pv_net_v2, "top_ips"));
	(void)state;
	for (size_t i = 0; i < LEN(packets); i++)
		give(b, &packets[i]);
	SHOWS(b, "filtered_packets", "-");
	SHOWS(b, "in.total_packets", "-");
	SHOWS(b, "in.rates", "-");
	SHOWS(b, "in.top_ipv4_packets", "192.0.2.1=2");
	pv_bucket_free(b);
	b = fresh(1u << pv_handler_group(&pv_net_v2, "top_geo"));
	give(b, &packets[1]);
	SHOWS(b, "in.top_geo_loc_packets", "");
	pv_bucket_free(b);
}

/* The numbers of the original's test: two buckets, four packets over three directions. */
static void merged(void **state)
{
	static const struct packet a[] = {{.dir = PV_DIR_IN, .src = "192.0.2.1", .dst = "192.0.2.2", .l4 = PV_L4_UDP, .size = 100},
					  {.dir = PV_DIR_OUT, .src = "192.0.2.1", .dst = "192.0.2.2", .l4 = PV_L4_TCP, .size = 200}},
				   c[] = {{.dir = PV_DIR_IN, .src = "2001:db8::1", .dst = "2001:db8::2", .l4 = PV_L4_UDP, .size = 50},
					  {.dir = PV_DIR_UNKNOWN, .src = "2001:db8::1", .dst = "2001:db8::2", .l4 = PV_L4_TCP, .size = 300}};
	struct pv_bucket *one = fresh(UINT32_MAX);
	(void)state;
	give(one, &a[0]);
	give(one, &a[1]);
	struct pv_bucket *two = fresh(UINT32_MAX); /* the blocks of the first are not taken for its */
	give(two, &c[0]);
	give(two, &c[1]);
	SHOWS(one, "in.total_packets", "1");
	SHOWS(one, "unknown", "-");
	assert_int_equal(pv_bucket_merge(one, two), 0);
	SHOWS(one, "in.total_packets", "2");
	SHOWS(one, "in.ipv4_packets", "1");
	SHOWS(one, "out.total_packets", "1");
	SHOWS(one, "unknown.total_packets", "1");
	SHOWS(two, "in.total_packets", "1");
	pv_bucket_free(one);
	pv_bucket_free(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows),   cmocka_unit_test(directions_apart), cmocka_unit_test(only_filtered), cmocka_unit_test(both_ends),
	    cmocka_unit_test(groups), cmocka_unit_test(merged),
	};
	return cmocka_run_group_tests_name("net_v2", tests, NULL, NULL);
}
