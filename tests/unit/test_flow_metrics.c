/* SPDX-License-Identifier: MPL-2.0 */
/* flow/metrics.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow/metrics.h"
#include "metric/bucket.h"
#include "metric/json.h"
#include "metric/prom.h"
#include "metric/wire.h"
#include "stage/stage.h"
#include "unit/flow_events.h"
#include "window/window.h"

#define LEN(a)	   (sizeof(a) / sizeof((a)[0]))
#define ALL_GROUPS 0xffffffffu
#define DEFAULTS   0x80000000u /* stands for the groups that are on by default */

/* ---- the table ------------------------------------------------------------------------------------------- */

static void test_table(void **state)
{
	const struct pv_handler *h = &pv_flow_v1;
	static const char *const on[] = {"by_bytes", "by_packets", "cardinality", "counters",
					 "top_ips",  "top_ips_ports", "top_ports"};
	unsigned scope[3] = {0}, defaults = 0;
	(void)state;
	assert_string_equal(h->schema, "flow");
	assert_int_equal(h->nmetrics, 73);
	assert_int_equal(h->ngroups, 11);
	for (size_t i = 0; i < h->nmetrics; i++) {
		const struct pv_metric *m = &h->metrics[i];
		assert_int_equal(m->id, i + 1);
		scope[m->scope]++;
		/* what says its unit in its name needs the unit's group */
		bool bytes = strstr(m->path, "_bytes"), packets = strstr(m->path, "_packets");
		if (bytes || packets)
			assert_int_equal(m->group2, pv_handler_group(h, bytes ? "by_bytes" : "by_packets"));
		if (bytes || packets)
			assert_string_equal(m->unit, bytes ? "bytes" : "packets");
		assert_false(bytes && packets);
	}
	assert_int_equal(scope[0], 0);
	assert_int_equal(scope[1], 6);
	assert_int_equal(scope[2], 67);
	for (size_t i = 0; i < h->ngroups; i++)
		defaults += h->groups[i].on;
	assert_int_equal(defaults, LEN(on));
	for (size_t i = 0; i < LEN(on); i++)
		assert_true(h->groups[pv_handler_group(h, on[i])].on);
	char err[512];
	pv_handler_group_error(h, "x", err, sizeof err);
	assert_string_equal(err, "x is an invalid/unsupported metric group. The valid groups are: all, by_bytes, by_packets, "
				 "cardinality, conversations, counters, top_geo, top_interfaces, top_ips, top_ips_ports, "
				 "top_ports, top_tos");
}

/* ---- events in, numbers out ------------------------------------------------------------------------------ */

static const char *define(void *defines, uint8_t stage, enum pv_define_kind kind, uint32_t number, size_t *len)
{
	static const char *const geo[] = {NULL, "EU/Sweden\t58.000000\t15.000000", "Unknown"};
	static const char *const asn[] = {NULL, "237/Merit", "Unknown"};
	(void)defines, (void)stage;
	const char *text = kind == PV_DEFINE_GEO ? geo[number] : asn[number];
	*len = strlen(text);
	return text;
}

static uint32_t defaults(void)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < pv_flow_v1.ngroups; i++)
		bits |= (uint32_t)pv_flow_v1.groups[i].on << i;
	return bits;
}

static struct pv_bucket *bucket(uint32_t groups)
{
	const struct pv_bucket_conf conf = {.groups = groups == DEFAULTS ? defaults() : groups, .topn = 10, .seed = 5};
	struct pv_bucket *b = pv_bucket_new(&pv_flow_v1, &conf);
	assert_non_null(b);
	b->start_ns = 1000 * SEC;
	b->end_ns = 1060 * SEC;
	return b;
}

static void put(struct pv_bucket *b, const struct pv_flow *f, bool deep)
{
	struct pv_handler_ctx ctx = {.define = define};
	pv_flow_v1.update(b, &f->ev, deep, &ctx);
}

/* The value at "devices/10.0.0.1/...", parts separated by '/'; NULL: it is not there. */
static const json_t *at(const json_t *j, const char *path)
{
	while (j && *path) {
		size_t n = strcspn(path, "/");
		char key[128];
		snprintf(key, sizeof key, "%.*s", (int)n, path);
		j = json_object_get(j, key);
		path += n + (path[n] == '/');
	}
	return j;
}

static void equal(const json_t *j, const char *base, const char *path, const char *want)
{
	char all[256];
	snprintf(all, sizeof all, "%s%s", base, path);
	const json_t *value = at(j, all);
	char *got = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : strdup("absent");
	if (strcmp(got, want))
		fail_msg("%s: want %s, got %s", all, want, got);
	free(got);
}

#define ROW(n, e) "{\"estimate\":" #e ",\"name\":\"" n "\"}"

static void test_counts(void **state)
{
	struct pv_bucket *b = bucket(ALL_GROUPS);
	struct pv_flow f = flow_record("192.0.2.10", 1024, "192.0.2.20", 80);
	(void)state;
	f.tos = 46 << 2 | 1;
	f.geo_src = 1;
	f.geo_dst = f.asn_src = f.asn_dst = 2;
	put(b, &f, true);
	f = flow_record("2001:db8::1", 443, "2001:db8::2", 53);
	f.proto = 17;
	f.bytes = 7;
	f.packets = 1;
	f.bits = PV_FLOW_IN;
	put(b, &f, true);
	f = flow_record("192.0.2.10", 0, "192.0.2.20", 0); /* ICMP, not deep */
	f.proto = 1;
	f.bytes = 84;
	f.packets = 1;
	f.bits = PV_FLOW_IN;
	put(b, &f, false);
	f.l3 = 0; /* not IP */
	memset(f.src, 0, sizeof f.src);
	memset(f.dst, 0, sizeof f.dst);
	put(b, &f, true);
	f.ev.flags = PV_F_FILTERED;
	put(b, &f, true);

	json_t *j = pv_bucket_json(b);
	const char *d = "devices/10.0.0.1/", *in = "devices/10.0.0.1/interfaces/1/", *out = "devices/10.0.0.1/interfaces/2/";
	equal(j, d, "records_flows", "4");
	equal(j, d, "records_filtered", "1");
	equal(j, d, "top_in_interfaces_bytes", "[" ROW("1", 1091) "]");
	equal(j, d, "top_out_interfaces_packets", "[" ROW("2", 10) "]");
	equal(j, in, "in_bytes", "1175");
	equal(j, in, "in_packets", "13");
	equal(j, in, "in_tcp_bytes", "1000");
	equal(j, in, "in_udp_bytes", "7");
	equal(j, in, "in_other_l4_packets", "2");
	equal(j, in, "in_ipv4_bytes", "1084");
	equal(j, in, "in_ipv6_bytes", "7");
	equal(j, in, "out_bytes", "0");
	equal(j, out, "out_bytes", "1000");
	equal(j, out, "in_bytes", "0");
	/* names of one direction count one direction */
	equal(j, in, "cardinality", "{\"src_ips_in\":2,\"dst_ips_out\":0,\"src_ports_in\":2,\"dst_ports_out\":0,"
				    "\"conversations\":2}");
	equal(j, out, "cardinality", "{\"src_ips_in\":0,\"dst_ips_out\":1,\"src_ports_in\":0,\"dst_ports_out\":1,"
				     "\"conversations\":1}");
	equal(j, in, "top_in_src_ips_bytes", "[" ROW("192.0.2.10", 1000) "," ROW("2001:db8::1", 7) "]");
	equal(j, in, "top_in_dst_ports_packets", "[" ROW("80", 10) "," ROW("53", 1) "]");
	equal(j, in, "top_in_dst_ip_ports_bytes", "[" ROW("192.0.2.20:80", 1000) "," ROW("2001:db8::2:53", 7) "]");
	equal(j, in, "top_out_src_ips_bytes", "[]");
	equal(j, in, "top_conversations_bytes",
	      "[" ROW("192.0.2.10:1024/192.0.2.20:80", 1000) "," ROW("2001:db8::1:443/2001:db8::2:53", 7) "]");
	equal(j, in, "top_in_dscp_bytes", "[" ROW("EF", 1000) "," ROW("CS0", 7) "]");
	equal(j, in, "top_in_ecn_packets", "[" ROW("ECT(1)", 10) "," ROW("Not-ECT", 1) "]");
	equal(j, in, "top_geo_loc_bytes",
	      "[{\"lat\":\"58.000000\",\"lon\":\"15.000000\",\"estimate\":1000,\"name\":\"EU/Sweden\"}," ROW("Unknown", 1000) "]");
	equal(j, out, "top_asn_packets", "[" ROW("Unknown", 20) "]");
	json_decref(j);
	pv_bucket_free(b);
}

/* An address counts once, whoever it talks to, and through whichever port. */
static void test_distinct(void **state)
{
	static const char *const four[] = {"192.0.2.1", "192.0.2.2", "198.51.100.1"};
	static const char *const six[] = {"2001:db8::1", "2001:db8::2", "2001:db8:1::"};
	(void)state;
	for (unsigned family = 4; family <= 6; family += 2) {
		const char *const *a = family == 4 ? four : six;
		struct pv_bucket *b = bucket(ALL_GROUPS);
		for (unsigned i = 0; i < 12; i++) {
			struct pv_flow f = flow_record(a[i % 2], (uint16_t)(1 + i % 2), a[i % 3], (uint16_t)(3 + i % 4));
			put(b, &f, true);
		}
		json_t *j = pv_bucket_json(b);
		equal(j, "devices/10.0.0.1/interfaces/1/", "cardinality",
		      "{\"src_ips_in\":2,\"dst_ips_out\":0,\"src_ports_in\":2,\"dst_ports_out\":0,\"conversations\":12}");
		equal(j, "devices/10.0.0.1/interfaces/2/", "cardinality",
		      "{\"src_ips_in\":0,\"dst_ips_out\":3,\"src_ports_in\":0,\"dst_ports_out\":4,\"conversations\":12}");
		json_decref(j);
		pv_bucket_free(b);
	}
}

static void test_names(void **state)
{
	struct pv_bucket *b = bucket(DEFAULTS);
	struct {
		struct pv_flow f;
		char room[128];
	} e = {.f = flow_record("192.0.2.10", 1024, "192.0.2.20", 80)};
	size_t n = sizeof e.f;
	(void)state;
	e.f.ev.size = sizeof e;
	e.f.device_name = pv_ev_put(&e, &n, "route1", 6);
	e.f.in_name = pv_ev_put(&e, &n, "eth0", 4);
	e.f.src_label = pv_ev_put(&e, &n, "192.0.2.0/24", 12);
	e.f.dport_name = pv_ev_put(&e, &n, "http", 4);
	put(b, &e.f, true);
	json_t *j = pv_bucket_json(b);
	const char *in = "devices/route1/interfaces/eth0/";
	equal(j, in, "top_in_src_ips_bytes", "[" ROW("192.0.2.0/24", 1000) "]");
	equal(j, in, "top_in_src_ip_ports_bytes", "[" ROW("192.0.2.0/24:1024", 1000) "]");
	equal(j, in, "top_in_dst_ip_ports_bytes", "[" ROW("192.0.2.20:http", 1000) "]");
	equal(j, in, "top_in_dst_ports_bytes", "[" ROW("http", 1000) "]");
	equal(j, in, "cardinality/src_ips_in", "1");
	equal(j, "devices/route1/interfaces/2/", "out_bytes", "1000");
	json_decref(j);
	pv_bucket_free(b);
}

static void test_scaling(void **state)
{
	static const struct {
		uint64_t bytes;
		uint32_t rate;
		uint8_t bits;
		const char *shown;
	} table[] = {
	    {10, 1, 0, "10"},
	    {10, 1000, 0, "10000"},
	    {10, 1000, PV_FLOW_SCALED, "10"},
	    {UINT64_MAX / 2, 1000, 0, "9223372036854775807"}, /* as much as JSON has */
	};
	(void)state;
	for (size_t i = 0; i < LEN(table); i++) {
		struct pv_bucket *b = bucket(DEFAULTS);
		struct pv_flow f = flow_record("192.0.2.10", 1024, "192.0.2.20", 80);
		f.bytes = table[i].bytes;
		f.rate = table[i].rate;
		f.bits |= table[i].bits;
		put(b, &f, true);
		json_t *j = pv_bucket_json(b);
		equal(j, "devices/10.0.0.1/interfaces/1/", "in_bytes", table[i].shown);
		json_decref(j);
		pv_bucket_free(b);
	}
}

/* Groups two at a time. */
static void test_groups(void **state)
{
	static const struct {
		const char *off, *path;
	} table[] = {
	    {"by_bytes", "in_bytes"},	      {"by_packets", "in_packets"},	    {"counters", "in_bytes"},
	    {"by_bytes", "top_in_src_ips_bytes"}, {"top_ips", "top_in_src_ips_bytes"}, {"cardinality", "cardinality/src_ips_in"},
	    {"conversations", "cardinality/conversations"}, {"top_tos", "top_out_ecn_bytes"}, {"top_geo", "top_asn_packets"},
	};
	struct pv_flow f = flow_record("192.0.2.10", 1024, "192.0.2.20", 80);
	(void)state;
	for (size_t i = 0; i < LEN(table); i++)
		for (int off = 0; off < 2; off++) {
			struct pv_bucket *b = bucket(off ? ALL_GROUPS & ~(1u << pv_handler_group(&pv_flow_v1, table[i].off))
							 : ALL_GROUPS);
			char path[128];
			put(b, &f, true);
			json_t *j = pv_bucket_json(b);
			snprintf(path, sizeof path, "devices/10.0.0.1/interfaces/1/%s", table[i].path);
			if ((at(j, path) == NULL) != off)
				fail_msg("%s with%s %s", table[i].path, off ? "out" : "", table[i].off);
			json_decref(j);
			pv_bucket_free(b);
		}
}

static void test_prometheus(void **state)
{
	struct pv_bucket *b = bucket(ALL_GROUPS);
	struct pv_flow f = flow_record("192.0.2.10", 1024, "192.0.2.20", 80);
	size_t n;
	(void)state;
	put(b, &f, true);
	flow_addr(f.device, "2001:db8::7");
	put(b, &f, true);
	struct pv_prom *p = pv_prom_new(NULL);
	assert_int_equal(pv_prom_bucket(p, b, NULL, 0), 0);
	for (int i = 0; i < PV_PROM_DROPS; i++)
		assert_int_equal(pv_prom_dropped(p, (enum pv_prom_drop)i), 0);
	char *text = pv_prom_text(p, &n);
	static const char *const lines[] = {
	    "\nflow_records_flows{device=\"10.0.0.1\"} 1\n",
	    "\nflow_in_bytes{device=\"10.0.0.1\",device_interface=\"10.0.0.1|1\"} 1000\n",
	    "\nflow_cardinality_conversations{device=\"2001:db8::7\",device_interface=\"2001:db8::7|2\"} 1\n",
	    "\nflow_top_in_src_ips_bytes{device=\"10.0.0.1\",device_interface=\"10.0.0.1|1\",ip=\"192.0.2.10\"} 1000\n",
	    "\nflow_top_out_interfaces_bytes{device=\"10.0.0.1\",interface=\"2\"} 1000\n",
	};
	for (size_t i = 0; i < LEN(lines); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no line %s in %s", lines[i], text);
	free(text);
	pv_prom_free(p);
	pv_bucket_free(b);
}

static char *text_of(const struct pv_bucket *b)
{
	json_t *j = pv_bucket_json(b);
	char *text = json_dumps(j, JSON_SORT_KEYS | JSON_INDENT(1));
	json_decref(j);
	return text;
}

/* Some traffic; part of it with names. */
static void some(struct pv_bucket *b, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		char src[32], dst[32];
		snprintf(src, sizeof src, "10.%u.0.%u", i % 7, i % 50);
		snprintf(dst, sizeof dst, "10.%u.1.%u", i % 5, i % 30);
		struct pv_flow f = flow_record(src, (uint16_t)(i % 90), dst, (uint16_t)(i % 11));
		f.device[15] = (uint8_t)(i % 3);
		f.in_if = i % 4;
		f.out_if = i % 6;
		f.tos = (uint8_t)i;
		f.ev.flags = i % 13 ? 0 : PV_F_FILTERED;
		put(b, &f, i % 5 != 0);
	}
}

/* The parts of a stream, merged, are the stream; and so is what went over a pipe. */
static void test_merge(void **state)
{
	struct pv_bucket *whole = bucket(ALL_GROUPS), *a = bucket(ALL_GROUPS), *b = bucket(ALL_GROUPS);
	struct pv_bucket *sum = bucket(ALL_GROUPS), *back = NULL;
	(void)state;
	some(whole, 0, 1000);
	some(a, 0, 300);
	some(b, 300, 1000);
	assert_int_equal(pv_bucket_merge(sum, a), 0);
	assert_int_equal(pv_bucket_merge(sum, b), 0);
	char *x = text_of(whole), *y = text_of(sum);
	assert_string_equal(x, y);

	static const struct pv_handler *const handlers[] = {&pv_flow_v1, NULL};
	struct mem m = {.n = 0};
	struct pv_out o;
	pv_out_init(&o, mem_sink(&m));
	assert_int_equal(pv_bucket_emit(&o, whole, false, 1060 * SEC), 0);
	pv_out_drain(&o);
	struct pv_bucket_reader r = {.handlers = handlers, .seed = 9};
	for (size_t pos = 0; pos < m.n; pos += ev_at(&m, pos)->size) {
		const char *problem = NULL;
		bool live;
		pv_bucket_read(&r, ev_at(&m, pos), &back, &live, &problem);
		assert_null(problem);
	}
	assert_non_null(back);
	char *z = text_of(back);
	assert_string_equal(x, z);
	free(x);
	free(y);
	free(z);
	pv_bucket_reader_free(&r);
	pv_out_free(&o);
	mem_free(&m);
	pv_bucket_free(whole);
	pv_bucket_free(a);
	pv_bucket_free(b);
	pv_bucket_free(sum);
	pv_bucket_free(back);
}

/* ---- many of them ---------------------------------------------------------------------------------------- */

/* An interface that has seen three records costs little. */
static void test_small(void **state)
{
	struct pv_bucket *b = bucket(DEFAULTS);
	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		for (unsigned k = 0; k < 3; k++) {
			char src[32];
			snprintf(src, sizeof src, "10.%u.0.1", k);
			struct pv_flow f = flow_record(src, (uint16_t)(1000 + k), "10.2.0.1", 53);
			f.in_if = i;
			f.bits = PV_FLOW_IN;
			put(b, &f, true);
		}
	assert_int_equal(b->nblocks, 1002);
	assert_in_range(pv_bucket_memory(b) / 1000, 1, 8192);
	pv_bucket_free(b);
}

static uint64_t sum_of(const struct pv_bucket *b, const char *path)
{
	uint64_t sum = 0;
	for (size_t m = 0; m < b->handler->nmetrics; m++)
		for (uint32_t i = 0; i < b->nblocks && !strcmp(b->handler->metrics[m].path, path); i++)
			sum += b->blocks[i]->cells[m].count;
	return sum;
}

static void test_folding(void **state)
{
	struct pv_bucket *b = bucket(ALL_GROUPS);
	(void)state;
	some(b, 0, 1000);
	uint64_t records = sum_of(b, "records_flows"), bytes = sum_of(b, "in_bytes");
	uint32_t blocks = b->nblocks;
	assert_true(blocks > 15);
	pv_bucket_fold(b, 4);
	assert_true(b->nblocks < 20);
	assert_int_equal(sum_of(b, "records_flows"), records);
	assert_int_equal(sum_of(b, "in_bytes"), bytes);
	some(b, 0, 1000); /* nothing new comes beside "other" */
	assert_int_equal(sum_of(b, "records_flows"), 2 * records);
	assert_true(b->nblocks < 25);
	assert_true(b->folded > 0);
	json_t *j = pv_bucket_json(b);
	assert_non_null(at(j, "devices/other/interfaces/other"));
	json_decref(j);
	pv_bucket_free(b);
}

static enum pv_res nowhere(void *ctx, const struct iovec *iov, int n)
{
	(void)ctx, (void)iov, (void)n;
	return PV_OK;
}

static int take(void *ctx, const char *key, const struct pv_bucket *b)
{
	(void)key;
	*(size_t *)ctx = pv_bucket_memory(b);
	assert_int_equal(sum_of(b, "records_flows"), 60000);
	assert_int_equal(sum_of(b, "in_packets"), 600000);
	return 0;
}

/* Spoofed exporters, interfaces, addresses and ports: the budget of a window holds, and nothing is lost from the sums. */
static void test_flood(void **state)
{
	static const struct pv_handler *const handlers[] = {&pv_flow_v1, NULL};
	static const char *const modules[] = {"flow"}, *const all[] = {"all"};
	const size_t budget = 4u << 20;
	const struct pv_window_conf conf = {.handlers = handlers, .periods = 5, .deep = 100, .topn = 10, .modules = modules,
					    .nmodules = 1, .enable = all, .nenable = 1, .budget_bytes = budget, .seed = 3};
	char err[256];
	struct pv_window *w = pv_window_new(&conf, (struct pv_sink){.write = nowhere}, err, sizeof err);
	struct pv_stage *stage = pv_window_stage(w);
	struct mem m = {.n = 0};
	struct pv_out o;
	size_t bytes = 0;
	uint64_t x = 1;
	(void)state;
	pv_out_init(&o, mem_sink(&m));
	ev_start(&o, 1000 * SEC, PV_CLOCK_RECORDED, 1, 0);
	ev_stage(&o, 1000 * SEC, 1, PV_STAGE_ANALYSER, "flow", "flow");
	pv_out_drain(&o);
	stage->ops->batch(stage, ev_at(&m, 0), m.n);
	for (unsigned i = 0; i < 60000; i++) {
		struct pv_flow f = flow_record("10.0.0.1", 1, "10.0.0.2", 2);
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		f.ev.time_ns = 1000 * SEC + i;
		memcpy(f.src + 12, (uint8_t *)&x + 4, 4);
		memcpy(f.dst + 12, (uint8_t *)&x + 3, 4);
		f.sport = (uint16_t)(x >> 20);
		f.dport = (uint16_t)(x >> 36);
		f.device[15] = (uint8_t)(x >> 56);
		f.in_if = (uint32_t)(x >> 40 & 15);
		f.out_if = (uint32_t)(x >> 44 & 15);
		stage->ops->batch(stage, &f.ev, sizeof f);
	}
	assert_int_equal(pv_window_each(w, take, &bytes), 0);
	assert_true(bytes < budget);
	assert_true(pv_window_losses(w)->lost > 0);
	pv_stage_free(stage);
	pv_out_free(&o);
	mem_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),   cmocka_unit_test(test_counts),     cmocka_unit_test(test_names),
	    cmocka_unit_test(test_distinct),
	    cmocka_unit_test(test_scaling), cmocka_unit_test(test_groups),     cmocka_unit_test(test_prometheus),
	    cmocka_unit_test(test_merge),   cmocka_unit_test(test_small),      cmocka_unit_test(test_folding),
	    cmocka_unit_test(test_flood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
