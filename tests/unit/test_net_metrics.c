/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metric/bucket.h"
#include "metric/json.h"
#include "net/metrics.h"
#include "stage/stage.h"

#define LEN(a)	   (sizeof(a) / sizeof((a)[0]))
#define ALL_GROUPS 0xffffffffu

/* ---- the table --------------------------------------------------------------------------------------- */

static const struct {
	const char *path, *prom; /* prom: NULL for schema_path */
	enum pv_kind kind;
	const char *group, *label;
} table[] = {
    {"events", NULL, PV_COUNTER, NULL, NULL},
    {"deep_samples", NULL, PV_COUNTER, NULL, NULL},
    {"rates.pps_events", NULL, PV_RATE, NULL, NULL},
    {"rates.pps_in", NULL, PV_RATE, NULL, NULL},
    {"rates.pps_out", NULL, PV_RATE, NULL, NULL},
    {"rates.pps_total", NULL, PV_RATE, NULL, NULL},
    {"rates.bytes_in", "payload_rates_bytes_in", PV_RATE, NULL, NULL},
    {"rates.bytes_out", "payload_rates_bytes_out", PV_RATE, NULL, NULL},
    {"rates.bytes_total", "payload_rates_bytes_total", PV_RATE, NULL, NULL},
    {"payload_size", NULL, PV_QUANTILES, NULL, NULL},
    {"udp", NULL, PV_COUNTER, "counters", NULL},
    {"tcp", NULL, PV_COUNTER, "counters", NULL},
    {"protocol.tcp.syn", NULL, PV_COUNTER, "counters", NULL},
    {"other_l4", NULL, PV_COUNTER, "counters", NULL},
    {"ipv4", NULL, PV_COUNTER, "counters", NULL},
    {"ipv6", NULL, PV_COUNTER, "counters", NULL},
    {"in", NULL, PV_COUNTER, "counters", NULL},
    {"out", NULL, PV_COUNTER, "counters", NULL},
    {"unknown_dir", NULL, PV_COUNTER, "counters", NULL},
    {"total", NULL, PV_COUNTER, "counters", NULL},
    {"filtered", NULL, PV_COUNTER, "counters", NULL},
    {"cardinality.src_ips_in", NULL, PV_DISTINCT, "cardinality", NULL},
    {"cardinality.dst_ips_out", NULL, PV_DISTINCT, "cardinality", NULL},
    {"top_ipv4", NULL, PV_TOPN, "top_ips", "ipv4"},
    {"top_ipv6", NULL, PV_TOPN, "top_ips", "ipv6"},
    {"top_geoLoc", NULL, PV_TOPN, "top_geo", "geo_loc"},
    {"top_ASN", NULL, PV_TOPN, "top_geo", "asn"},
};

static void test_table(void **state)
{
	const struct pv_handler *h = &pv_net_v1;

	(void)state;
	assert_string_equal(h->type, "net");
	assert_string_equal(h->version, "1.0");
	assert_string_equal(h->schema, "packets");
	assert_int_equal(h->wants, PV_WANTS(PV_EV_NET));
	assert_int_equal(h->ngroups, 4);
	for (size_t i = 0; i < h->ngroups; i++)
		assert_true(h->groups[i].on);
	assert_int_equal(h->nmetrics, 27);
	assert_int_equal(h->nmetrics, LEN(table));
	for (size_t i = 0; i < h->nmetrics; i++) {
		const struct pv_metric *m = &h->metrics[i];
		const char *group = m->group == PV_ALWAYS ? NULL : h->groups[m->group].name;

		assert_int_equal(m->id, i + 1);
		assert_string_equal(m->path, table[i].path);
		assert_int_equal(m->kind, table[i].kind);
		assert_int_equal(m->group2, PV_ALWAYS);
		assert_int_equal(m->scope, 0);
		if (table[i].prom)
			assert_string_equal(m->prom, table[i].prom);
		else
			assert_null(m->prom);
		if (table[i].group)
			assert_string_equal(group, table[i].group);
		else
			assert_null(group);
		assert_int_equal(m->kind == PV_TOPN, table[i].label != NULL);
		if (table[i].label) {
			assert_string_equal(m->label, table[i].label);
			assert_non_null(m->item);
		}
		assert_true(m->unit && *m->unit);
		assert_true(m->help && strlen(m->help) > 5 && m->help[strlen(m->help) - 1] != '.');
	}
	assert_string_equal(h->metrics[h->events].path, "events");
	assert_string_equal(h->metrics[h->samples].path, "deep_samples");
	assert_string_equal(h->metrics[h->events_rate].path, "rates.pps_events");
}

static void test_group_error(void **state)
{
	char err[256];

	(void)state;
	assert_int_equal(pv_handler_group(&pv_net_v1, "rates"), -1);
	pv_handler_group_error(&pv_net_v1, "rates", err, sizeof(err));
	assert_string_equal(err, "rates is an invalid/unsupported metric group. The valid groups are: all, "
				 "cardinality, counters, top_geo, top_ips");
}

/* ---- events in, numbers out -------------------------------------------------------------------------- */

static const char *define(void *defines, uint8_t stage, enum pv_define_kind kind, uint32_t number,
			  size_t *len)
{
	static const char *const geo[] = {NULL, "EU/Sweden\t58.000000\t15.000000", "Unknown"};
	static const char *const asn[] = {NULL, "237/Merit", ""};
	const char *text = NULL;

	(void)defines;
	assert_int_equal(stage, 5);
	if (number < LEN(geo))
		text = kind == PV_DEFINE_GEO ? geo[number] : kind == PV_DEFINE_ASN ? asn[number] : NULL;
	*len = text ? strlen(text) : 0;
	return text;
}

struct bench {
	struct pv_bucket *bucket;
	struct pv_handler_ctx ctx;
};

static struct bench make(uint32_t groups, bool hosts_empty)
{
	struct pv_bucket_conf conf = {.groups = groups, .topn = 10, .seed = 7};
	struct bench b = {.bucket = pv_bucket_new(&pv_net_v1, &conf),
			  .ctx = {.hosts_empty = hosts_empty, .define = define}};

	assert_non_null(b.bucket);
	b.bucket->now_sec = 100;
	return b;
}

static void set_addr(uint8_t out[16], const char *text)
{
	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, out), 1);
		return;
	}
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, out + 12), 1);
}

static struct pv_net event(enum pv_dir dir, const char *src, const char *dst, enum pv_l4 l4, uint32_t size)
{
	struct pv_net e = {.ev = {.size = sizeof(e), .type = PV_EV_NET},
			   .dir = (uint8_t)dir,
			   .l4 = (uint8_t)l4,
			   .size = size,
			   .stage = 5};

	if (src) {
		e.l3 = strchr(src, ':') ? 6 : 4;
		set_addr(e.src, src);
		set_addr(e.dst, dst);
	}
	return e;
}

static void give(struct bench *b, const struct pv_net *e, bool deep)
{
	pv_net_v1.update(b->bucket, &e->ev, deep, &b->ctx);
}

static unsigned metric(const char *path)
{
	for (unsigned i = 0; i < pv_net_v1.nmetrics; i++)
		if (!strcmp(pv_net_v1.metrics[i].path, path))
			return i;
	fail_msg("no metric %s", path);
	return 0;
}

static const union pv_cell *cell(const struct bench *b, const char *path)
{
	return &pv_bucket_root(b->bucket)->cells[metric(path)];
}

static void counts(const struct bench *b,
		   const char *want) /* "in=1 out=2": these, and no others, are not 0 */
{
	char got[512] = "";
	size_t n = 0;

	for (unsigned i = 0; i < pv_net_v1.nmetrics; i++)
		if (pv_net_v1.metrics[i].kind == PV_COUNTER && pv_bucket_root(b->bucket)->cells[i].count)
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s=%llu", n ? " " : "",
					      pv_net_v1.metrics[i].path,
					      (unsigned long long)pv_bucket_root(b->bucket)->cells[i].count);
	assert_string_equal(got, want);
}

static void tops(const struct bench *b, const char *path, const char *want) /* "8.8.8.8=2 1.1.1.1=1" */
{
	const struct pv_metric *m = &pv_net_v1.metrics[metric(path)];
	const struct pv_topn *t = cell(b, path)->topn;
	struct pv_topn_row rows[10];
	size_t count = t ? pv_topn_rows(t, rows, LEN(rows)) : 0, n = 0;
	char got[512] = "";

	for (size_t i = 0; i < count; i++) {
		char item[128];
		m->item(&rows[i], item, sizeof(item));
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s=%llu", i ? " " : "", item,
				      (unsigned long long)rows[i].estimate);
	}
	if (strcmp(got, want))
		fail_msg("%s: want '%s', got '%s'", path, want, got);
}

static double distinct(const struct bench *b, const char *path)
{
	return cell(b, path)->distinct ? pv_hll_estimate(cell(b, path)->distinct) : 0;
}

static void test_shallow(void **state)
{
	struct bench b = make(ALL_GROUPS, false);
	struct pv_net e[] = {
	    event(PV_DIR_IN, "192.0.2.1", "10.0.0.1", PV_L4_UDP, 128),
	    event(PV_DIR_OUT, "10.0.0.1", "192.0.2.2", PV_L4_TCP, 64),
	    event(PV_DIR_UNKNOWN, "2001:db8::1", "2001:db8::2", PV_L4_UDP, 256),
	};

	(void)state;
	e[1].tcp_flags = PV_TCP_SYN;
	for (size_t i = 0; i < LEN(e); i++) {
		e[i].geo_src = e[i].geo_dst = e[i].asn_src = e[i].asn_dst = 1;
		give(&b, &e[i], false);
	}
	counts(&b, "udp=2 tcp=1 ipv4=2 ipv6=1 in=1 out=1 unknown_dir=1 total=3");
	/* Sizes and rates are of all packets, ... */
	assert_int_equal(pv_exphist_count(cell(&b, "payload_size")->quantiles), 3);
	assert_int_equal(pv_exphist_sum_u64(cell(&b, "payload_size")->quantiles), 448);
	assert_int_equal(pv_rate_at(cell(&b, "rates.pps_total")->rate, 100), 3);
	assert_int_equal(pv_rate_at(cell(&b, "rates.pps_in")->rate, 100), 1);
	assert_int_equal(pv_rate_at(cell(&b, "rates.pps_out")->rate, 100), 1);
	assert_int_equal(pv_rate_at(cell(&b, "rates.bytes_total")->rate, 100), 448);
	assert_int_equal(pv_rate_at(cell(&b, "rates.bytes_in")->rate, 100), 128);
	assert_int_equal(pv_rate_at(cell(&b, "rates.bytes_out")->rate, 100), 64);
	/* ... the rest is of the deep sample only, the base metrics are the window's. */
	tops(&b, "top_ipv4", "");
	tops(&b, "top_geoLoc", "");
	tops(&b, "top_ASN", "");
	assert_true(distinct(&b, "cardinality.src_ips_in") < 0.5);
	assert_null(cell(&b, "rates.pps_events")->rate);
	pv_bucket_free(b.bucket);
}

static void test_deep(void **state)
{
	struct bench b = make(ALL_GROUPS, false);
	struct pv_net e;

	(void)state;
	e = event(PV_DIR_IN, "192.0.2.1", "10.0.0.1", PV_L4_TCP, 60);
	e.tcp_flags = PV_TCP_SYN;
	e.geo_src = 1;
	e.asn_src = 2; /* an entry without number and name: an empty item */
	give(&b, &e, true);
	give(&b, &e, true);
	e = event(PV_DIR_OUT, "10.0.0.1", "198.51.100.7", PV_L4_TCP, 60);
	e.tcp_flags = PV_TCP_SYN | PV_TCP_ACK;
	e.geo_dst = 2;
	e.asn_dst = 1;
	e.geo_src = e.asn_src = 1; /* not the remote end: not looked at */
	give(&b, &e, true);
	e = event(PV_DIR_IN, "2001:db8::1", "2001:db8::2", PV_L4_TCP, 60);
	e.tcp_flags = PV_TCP_ACK;
	e.geo_src = 99; /* never defined */
	give(&b, &e, true);
	e = event(PV_DIR_UNKNOWN, "192.0.2.50", "192.0.2.51", PV_L4_UDP, 60); /* there are hosts: not ours */
	e.geo_src = e.geo_dst = 1;
	give(&b, &e, true);
	e = event(PV_DIR_UNKNOWN, NULL, NULL, PV_L4_OTHER, 60); /* ARP */
	give(&b, &e, true);
	counts(&b,
	       "udp=1 tcp=4 protocol.tcp.syn=3 other_l4=1 ipv4=4 ipv6=1 in=3 out=1 unknown_dir=2 total=6");
	tops(&b, "top_ipv4", "192.0.2.1=2 198.51.100.7=1");
	tops(&b, "top_ipv6", "2001:db8::1=1");
	tops(&b, "top_geoLoc", "EU/Sweden\t58.000000\t15.000000=2 Unknown=1");
	tops(&b, "top_ASN", "=2 237/Merit=1");
	assert_true(distinct(&b, "cardinality.src_ips_in") > 1.9 &&
		    distinct(&b, "cardinality.src_ips_in") < 2.1);
	assert_true(distinct(&b, "cardinality.dst_ips_out") > 0.9 &&
		    distinct(&b, "cardinality.dst_ips_out") < 1.1);
	pv_bucket_free(b.bucket);
}

static void test_no_hosts(void **state)
{
	struct bench b = make(ALL_GROUPS, true);
	struct pv_net e;

	(void)state;
	e = event(PV_DIR_UNKNOWN, "192.0.2.1", "192.0.2.2", PV_L4_UDP, 60);
	e.geo_src = e.asn_src = 1;
	e.geo_dst = e.asn_dst = 2;
	give(&b, &e, true);
	e = event(PV_DIR_UNKNOWN, "127.0.0.1", "127.0.0.1", PV_L4_UDP,
		  60); /* both ends count, even when equal */
	give(&b, &e, true);
	e = event(PV_DIR_UNKNOWN, "2001:db8::1", "2001:db8::2", PV_L4_UDP, 60);
	give(&b, &e, true);
	give(&b, &e, false);
	tops(&b, "top_ipv4", "127.0.0.1=2 192.0.2.1=1 192.0.2.2=1");
	tops(&b, "top_ipv6", "2001:db8::1=1 2001:db8::2=1");
	tops(&b, "top_geoLoc", "EU/Sweden\t58.000000\t15.000000=1 Unknown=1");
	tops(&b, "top_ASN", "=1 237/Merit=1");
	assert_true(distinct(&b, "cardinality.src_ips_in") < 0.5); /* these have a direction in their name */
	assert_true(distinct(&b, "cardinality.dst_ips_out") < 0.5);
	pv_bucket_free(b.bucket);
}

static void test_unspecified(void **state)
{
	struct bench b = make(ALL_GROUPS, true);
	struct pv_net e[] = {
	    event(PV_DIR_IN, "0.0.0.0", "255.255.255.255", PV_L4_UDP, 60),
	    event(PV_DIR_OUT, "fe80::1", "::", PV_L4_UDP, 60),
	    event(PV_DIR_UNKNOWN, "0.0.0.0", "0.0.0.0", PV_L4_UDP, 60),
	};

	(void)state;
	for (size_t i = 0; i < LEN(e); i++) {
		e[i].geo_src = e[i].geo_dst = e[i].asn_src = e[i].asn_dst = 1;
		give(&b, &e[i], true);
	}
	counts(&b, "udp=3 ipv4=2 ipv6=1 in=1 out=1 unknown_dir=1 total=3");
	tops(&b, "top_ipv4", "");
	tops(&b, "top_ipv6", "");
	tops(&b, "top_geoLoc", "");
	tops(&b, "top_ASN", "");
	assert_true(distinct(&b, "cardinality.src_ips_in") < 0.5 &&
		    distinct(&b, "cardinality.dst_ips_out") < 0.5);
	pv_bucket_free(b.bucket);
}

static void test_filtered(void **state)
{
	struct bench b = make(ALL_GROUPS, true);
	struct pv_net e = event(PV_DIR_IN, "192.0.2.1", "10.0.0.1", PV_L4_TCP, 60);

	(void)state;
	e.ev.flags = PV_F_FILTERED;
	e.tcp_flags = PV_TCP_SYN;
	give(&b, &e, true);
	counts(&b, "filtered=1");
	for (unsigned i = 0; i < pv_net_v1.nmetrics; i++)
		if (pv_net_v1.metrics[i].kind != PV_COUNTER)
			assert_null(pv_bucket_root(b.bucket)->cells[i].distinct);
	pv_bucket_free(b.bucket);
}

static int collect(void *ctx, const struct pv_bucket *b, const struct pv_block *k, const struct pv_metric *m,
		   const union pv_cell *c)
{
	(void)b;
	(void)k;
	(void)c;
	((uint32_t *)ctx)[0] |= UINT32_C(1) << (m->id - 1);
	return 0;
}

/* What a group holds disappears with it, and nothing else. */
static void test_groups(void **state)
{
	(void)state;
	for (uint32_t off = 0; off < pv_net_v1.ngroups; off++) {
		struct bench b = make(ALL_GROUPS & ~(UINT32_C(1) << off), true);
		struct pv_net e = event(PV_DIR_IN, "192.0.2.1", "10.0.0.1", PV_L4_TCP, 60);
		uint32_t shown = 0;

		e.geo_src = e.asn_src = 1;
		give(&b, &e, true);
		pv_bucket_visit(b.bucket, collect, &shown);
		for (unsigned i = 0; i < pv_net_v1.nmetrics; i++) {
			bool on =
			    table[i].group == NULL || strcmp(table[i].group, pv_net_v1.groups[off].name) != 0;
			if (on != (shown >> i & 1))
				fail_msg("%s without %s", table[i].path, pv_net_v1.groups[off].name);
			if (!on && table[i].kind != PV_COUNTER)
				assert_null(pv_bucket_root(b.bucket)->cells[i].distinct);
		}
		pv_bucket_free(b.bucket);
	}
}

/* Buckets of two streams add up. */
static void test_merge(void **state)
{
	struct bench a = make(ALL_GROUPS, false), b = make(ALL_GROUPS, false);
	struct pv_net e;

	(void)state;
	e = event(PV_DIR_IN, "192.0.2.1", "10.0.0.1", PV_L4_UDP, 100);
	give(&a, &e, true);
	give(&b, &e, true);
	e = event(PV_DIR_IN, "192.0.2.2", "10.0.0.1", PV_L4_TCP, 300);
	give(&b, &e, true);
	assert_int_equal(pv_bucket_merge(a.bucket, b.bucket), 0);
	counts(&a, "udp=2 tcp=1 ipv4=3 in=3 total=3");
	tops(&a, "top_ipv4", "192.0.2.1=2 192.0.2.2=1");
	assert_true(distinct(&a, "cardinality.src_ips_in") > 1.9 &&
		    distinct(&a, "cardinality.src_ips_in") < 2.1);
	assert_int_equal(pv_exphist_sum_u64(cell(&a, "payload_size")->quantiles), 500);
	assert_int_equal(pv_rate_at(cell(&a, "rates.bytes_in")->rate, 100), 500);
	pv_bucket_free(a.bucket);
	pv_bucket_free(b.bucket);
}

/* ---- connections ------------------------------------------------------------------------------------- */

/* "name packets_ab/packets_ba bytes_ab/bytes_ba", by bytes; of lists without ends "name packets bytes". */
static void tallied(const struct pv_bucket *b, const char *list, const char *want)
{
	char got[1024] = "";
	size_t n = 0, i;
	json_t *root = pv_bucket_json(b), *row;
	json_array_foreach (json_object_get(root, list), i, row) {
#define N(key) (long long)json_integer_value(json_object_get(row, key))
		const char *name = json_string_value(json_object_get(row, "name"));
		if (json_object_get(row, "bytes_ab"))
			n += (size_t)snprintf(got + n, sizeof got - n, "%s %lld/%lld %lld/%lld\n", name, N("packets_ab"),
					      N("packets_ba"), N("bytes_ab"), N("bytes_ba"));
		else
			n += (size_t)snprintf(got + n, sizeof got - n, "%s %lld %lld\n", name, N("packets"), N("bytes"));
		assert_true(!json_object_get(row, "bytes_ab") || N("bytes") == N("bytes_ab") + N("bytes_ba"));
		assert_true(!json_object_get(row, "bytes_ab") || N("packets") == N("packets_ab") + N("packets_ba"));
#undef N
	}
	if (strcmp(got, want))
		fail_msg("%s: want\n%sgot\n%s", list, want, got);
	json_decref(root);
}

static void test_connections(void **state)
{
	static const struct {
		const char *src, *dst;
		uint16_t sport, dport;
		uint8_t l4, proto;
		uint16_t vlan;
		uint32_t size;
		unsigned dnstap;
		bool filtered;
	} packets[] = {
	    /* both ways are one, named from the lower address, whatever its port */
	    {"192.0.2.1", "192.0.2.9", 50000, 53, PV_L4_UDP, 17, PV_NO_VLAN, 90, 0, false},
	    {"192.0.2.9", "192.0.2.1", 53, 50000, PV_L4_UDP, 17, PV_NO_VLAN, 400, 0, false},
	    {"192.0.2.9", "192.0.2.1", 53, 50000, PV_L4_UDP, 17, 7, 500, 0, false},
	    /* another port, another protocol: others */
	    {"192.0.2.1", "192.0.2.9", 50001, 53, PV_L4_UDP, 17, PV_NO_VLAN, 80, 0, false},
	    {"192.0.2.1", "192.0.2.9", 50000, 53, PV_L4_TCP, 6, PV_NO_VLAN, 70, 0, false},
	    /* of one address with itself the lower port counts */
	    {"127.0.0.1", "127.0.0.1", 80, 9000, PV_L4_TCP, 6, PV_NO_VLAN, 60, 0, false},
	    {"127.0.0.1", "127.0.0.1", 9000, 80, PV_L4_TCP, 6, PV_NO_VLAN, 61, 0, false},
	    {"2001:db8::2", "2001:db8::1", 443, 1, PV_L4_TCP, 6, PV_NO_VLAN, 50, 0, false},
	    {"192.0.2.1", "192.0.2.9", 0, 0, PV_L4_OTHER, 1, PV_NO_VLAN, 40, 0, false}, /* no ports */
	    {NULL, NULL, 0, 0, PV_L4_OTHER, 6, PV_NO_VLAN, 30, 0, false},		    /* not IP, whatever it says */
	    /* both halves of an exchange have who asked as their source */
	    {"192.0.2.3", "192.0.2.53", 4000, 53, PV_L4_UDP, 17, PV_NO_VLAN, 20, PV_DNSTAP_CLIENT_QUERY, false},
	    {"192.0.2.3", "192.0.2.53", 4000, 53, PV_L4_UDP, 17, PV_NO_VLAN, 21, PV_DNSTAP_CLIENT_RESPONSE, false},
	    {"192.0.2.1", "192.0.2.9", 50000, 53, PV_L4_UDP, 17, PV_NO_VLAN, 9999, 0, true},
	};
	(void)state;
	for (unsigned vlan = 0; vlan < 2; vlan++) {
		const uint32_t off = UINT32_C(1) << pv_handler_group(&pv_connections_v1, "vlan");
		const struct pv_bucket_conf conf = {.groups = vlan ? ALL_GROUPS : ALL_GROUPS & ~off, .topn = 20, .seed = 7};
		struct pv_bucket *b = pv_bucket_new(&pv_connections_v1, &conf);
		struct pv_handler_ctx ctx = {.define = define};
		assert_non_null(b);
		for (size_t i = 0; i < LEN(packets); i++) {
			struct pv_net e = event(PV_DIR_IN, packets[i].src, packets[i].dst, packets[i].l4, packets[i].size);
			e.ev.flags = (uint16_t)(packets[i].dnstap << PV_F_DNSTAP_SHIFT);
			e.ev.flags |= packets[i].filtered ? PV_F_FILTERED : 0;
			e.sport = packets[i].sport;
			e.dport = packets[i].dport;
			e.proto = packets[i].proto;
			e.vlan = packets[i].vlan;
			pv_connections_v1.update(b, &e.ev, true, &ctx);
		}
		tallied(b, "top_connections",
			vlan ? "vlan 7 UDP 192.0.2.1:50000 <-> 192.0.2.9:53 0/1 0/500\n"
			       "UDP 192.0.2.1:50000 <-> 192.0.2.9:53 1/1 90/400\n"
			       "TCP 127.0.0.1:80 <-> 127.0.0.1:9000 1/1 60/61\n"
			       "UDP 192.0.2.1:50001 <-> 192.0.2.9:53 1/0 80/0\n"
			       "TCP 192.0.2.1:50000 <-> 192.0.2.9:53 1/0 70/0\n"
			       "TCP [2001:db8::1]:1 <-> [2001:db8::2]:443 0/1 0/50\n"
			       "UDP 192.0.2.3:4000 <-> 192.0.2.53:53 1/1 20/21\n"
			       "ICMP 192.0.2.1 <-> 192.0.2.9 1/0 40/0\n"
			       "not IP 1/0 30/0\n"
			     : "UDP 192.0.2.1:50000 <-> 192.0.2.9:53 1/2 90/900\n"
			       "TCP 127.0.0.1:80 <-> 127.0.0.1:9000 1/1 60/61\n"
			       "UDP 192.0.2.1:50001 <-> 192.0.2.9:53 1/0 80/0\n"
			       "TCP 192.0.2.1:50000 <-> 192.0.2.9:53 1/0 70/0\n"
			       "TCP [2001:db8::1]:1 <-> [2001:db8::2]:443 0/1 0/50\n"
			       "UDP 192.0.2.3:4000 <-> 192.0.2.53:53 1/1 20/21\n"
			       "ICMP 192.0.2.1 <-> 192.0.2.9 1/0 40/0\n"
			       "not IP 1/0 30/0\n");
		tallied(b, "top_protocols", "UDP 6 1111\nTCP 4 241\nICMP 1 40\nnot IP 1 30\n");
		tallied(b, "top_vlans", vlan ? "none 11 922\n7 1 500\n" : "");
		json_t *j = pv_bucket_json(b);
		assert_int_equal(json_integer_value(json_object_get(j, "packets")), 12);
		assert_int_equal(json_integer_value(json_object_get(j, "bytes")), 1422);
		assert_int_equal(json_integer_value(json_object_get(j, "filtered")), 1);
		assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "cardinality"), "connections")), 8 + vlan);
		json_decref(j);
		const struct pv_block *root = pv_bucket_root(b);
		for (unsigned i = 0; i < pv_connections_v1.nmetrics; i++)
			if (!strcmp(pv_connections_v1.metrics[i].path, "rates.pps"))
				assert_int_equal(pv_rate_at(root->cells[i].rate, b->now_sec), 12);
			else if (!strcmp(pv_connections_v1.metrics[i].path, "rates.bps"))
				assert_int_equal(pv_rate_at(root->cells[i].rate, b->now_sec), 1422 * 8);
		pv_bucket_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),    cmocka_unit_test(test_group_error),
	    cmocka_unit_test(test_shallow),  cmocka_unit_test(test_deep),
	    cmocka_unit_test(test_no_hosts), cmocka_unit_test(test_unspecified),
	    cmocka_unit_test(test_filtered), cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_merge),    cmocka_unit_test(test_connections),
	};

	return cmocka_run_group_tests_name("net_metrics", tests, NULL, NULL);
}
