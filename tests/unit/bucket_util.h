/* SPDX-License-Identifier: MPL-2.0 */
/* tests/unit/bucket_util.h - a handler of the tests' own, with every kind of metric and nested scopes, and
 * its filling. */
#ifndef TESTS_BUCKET_UTIL_H
#define TESTS_BUCKET_UTIL_H

#include <stdio.h>

#include "metric/bucket.h"
#include "metric/json.h"
#include "metric/wire.h"
#include "unit/stream_util.h"

enum { G_A, G_B, G_C };
enum { S_ROOT, S_DEVICE, S_INTERFACE, S_DIRECTION };
enum {
	M_COUNT,
	M_DISTINCT,
	M_TOP,
	M_TOP_NUMBER,
	M_TOP_GEO,
	M_QUANTILES,
	M_REAL,
	M_HISTOGRAM,
	M_RATE,
	M_OFF,
	M_BOTH,
	M_DEV_COUNT,
	M_DEV_TOP,
	M_DEV_DISTINCT,
	M_IF_RATE,
	M_IF_QUANTILES,
	M_IF_HISTOGRAM,
	M_DIR_COUNT,
	M_GAUGE,
	M_MIN,
	M_MAX,
	METRICS
};

#define ROW(k, g, s, p, ...)                                                                                 \
	{                                                                                                    \
		.kind = k, .group = g, .group2 = PV_ALWAYS, .scope = s, .path = p, .unit = "1",              \
		.help = "A test", __VA_ARGS__                                                                \
	}

static const struct pv_metric test_metrics[METRICS] = {
    [M_COUNT] = ROW(PV_COUNTER, PV_ALWAYS, S_ROOT, "packets.total", .id = 1),
    [M_DISTINCT] = ROW(PV_DISTINCT, G_A, S_ROOT, "packets.sources", .id = 2),
    [M_TOP] = ROW(PV_TOPN, G_A, S_ROOT, "top_names", .id = 3, .label = "name", .item = pv_item_text),
    [M_TOP_NUMBER] = ROW(PV_TOPN, G_A, S_ROOT, "top_ports", .id = 4, .label = "port", .item = pv_item_u64,
			 .integer = true),
    [M_TOP_GEO] =
	ROW(PV_TOPN, G_A, S_ROOT, "top_places", .id = 5, .label = "place", .item = pv_item_text, .geo = true),
    [M_QUANTILES] = ROW(PV_QUANTILES, G_A, S_ROOT, "deep.er.size", .id = 6),
    [M_REAL] = ROW(PV_QUANTILES, G_A, S_ROOT, "ratio", .id = 7, .real = true),
    [M_HISTOGRAM] = ROW(PV_HISTOGRAM, G_A, S_ROOT, "times", .id = 8),
    [M_RATE] = ROW(PV_RATE, G_A, S_ROOT, "rates.total", .id = 9),
    [M_OFF] = ROW(PV_COUNTER, G_B, S_ROOT, "off", .id = 10),
    [M_BOTH] = {.id = 11,
		.kind = PV_TOPN,
		.group = G_A,
		.group2 = G_C,
		.path = "both",
		.label = "x",
		.item = pv_item_text,
		.unit = "1",
		.help = "A test"},
    [M_DEV_COUNT] = ROW(PV_COUNTER, PV_ALWAYS, S_DEVICE, "count", .id = 12),
    [M_DEV_TOP] = ROW(PV_TOPN, G_A, S_DEVICE, "top_ports", .id = 13, .label = "port", .item = pv_item_u64,
		      .integer = true),
    [M_DEV_DISTINCT] = ROW(PV_DISTINCT, G_A, S_DEVICE, "distinct", .id = 14),
    [M_IF_RATE] = ROW(PV_RATE, G_A, S_INTERFACE, "rate", .id = 15),
    [M_IF_QUANTILES] = ROW(PV_QUANTILES, G_A, S_INTERFACE, "size", .id = 16),
    [M_IF_HISTOGRAM] = ROW(PV_HISTOGRAM, G_A, S_INTERFACE, "times", .id = 17),
    [M_DIR_COUNT] = ROW(PV_COUNTER, PV_ALWAYS, S_DIRECTION, "count", .id = 18),
    [M_GAUGE] = ROW(PV_GAUGE, G_A, S_ROOT, "level", .id = 19),
    [M_MIN] = ROW(PV_MINIMUM, G_A, S_ROOT, "smallest", .id = 20),
    [M_MAX] = ROW(PV_MAXIMUM, G_A, S_ROOT, "largest", .id = 21),
};

static const struct pv_group test_groups[] = {
    [G_A] = {"a", true}, [G_B] = {"b", false}, [G_C] = {"group_c", true}};

static const struct pv_scope test_scopes[] = {
    [S_ROOT] = {NULL, NULL, 0, 1},
    [S_DEVICE] = {"device", "devices", S_ROOT, 3},
    [S_INTERFACE] = {"interface", "interfaces", S_DEVICE, 2},
    [S_DIRECTION] = {"direction", NULL, S_ROOT, 3},
};

UNUSED static void test_update(struct pv_bucket *b, const struct pv_event *ev, bool deep,
			       struct pv_handler_ctx *ctx)
{
	(void)b, (void)ev, (void)deep, (void)ctx;
}

static const struct pv_handler test_handler = {
    .type = "test",
    .version = "1.0",
    .schema = "test",
    .metrics = test_metrics,
    .nmetrics = METRICS,
    .groups = test_groups,
    .ngroups = 3,
    .scopes = test_scopes,
    .nscopes = 4,
    .events = -1,
    .samples = -1,
    .events_rate = -1,
    .update = test_update,
};

static const struct pv_bucket_conf test_conf = {.groups = 1u << G_A | 1u << G_C, .topn = 10, .seed = 42};

UNUSED static const struct pv_handler *const test_handlers[] = {&test_handler, NULL};

/* Part `p` of some traffic: every kind of cell in every scope; parts overlap in their items. */
UNUSED static void bucket_fill(struct pv_bucket *b, unsigned p)
{
	struct pv_block *root = pv_bucket_root(b);
	char text[64];
	for (unsigned i = 0; i < 60; i++) {
		b->now_sec = b->start_ns / SEC + (i * (p + 1)) % 60;
		pv_count(root, M_COUNT, 1);
		pv_distinct_u64(root, M_DISTINCT, i * (p + 2) % 97);
		int n = snprintf(text, sizeof text, "name-%u.example", i * (p + 3) % 31);
		pv_top_bytes(root, M_TOP, text, (size_t)n, i % 5 + 1);
		pv_top_bytes(root, M_BOTH, text, (size_t)n, 1);
		pv_top_u64(root, M_TOP_NUMBER, i * (p + 5) % 23, 2);
		pv_top_bytes(root, M_TOP_GEO, i % 2 ? "EU/Here\t1.5\t-2.5" : "Unknown", i % 2 ? 16 : 7,
			     p + 1);
		pv_quantile_u64(root, M_QUANTILES, i * i * (p + 1));
		pv_quantile_real(root, M_REAL, (i + 1) / (p + 1.5));
		pv_histogram_u64(root, M_HISTOGRAM, i * 17);
		pv_rate_events(root, M_RATE, i + 1);
		pv_top_bytes(root, M_OFF, "never", 5, 1);
		pv_gauge_set(root, M_GAUGE, b->start_ns + i, i * (p + 1));
		pv_minimum(root, M_MIN, (i + 7) % 60 + 3 * p);
		pv_maximum(root, M_MAX, (i + 7) % 60 + 3 * p);
		snprintf(text, sizeof text, "10.0.0.%u", (i + p) % 2);
		struct pv_block *dev = pv_bucket_block(b, root, S_DEVICE, text);
		pv_count(dev, M_DEV_COUNT, 3);
		pv_top_u64(dev, M_DEV_TOP, i % 7, 1);
		pv_distinct_u64(dev, M_DEV_DISTINCT, i + 10 * p);
		struct pv_block *ifc = pv_bucket_block(b, dev, S_INTERFACE, i % 3 ? "eth0" : "eth1");
		pv_rate_events(ifc, M_IF_RATE, 1);
		pv_quantile_u64(ifc, M_IF_QUANTILES, 1000 + i);
		pv_histogram_u64(ifc, M_IF_HISTOGRAM, 1000 * i);
		pv_count(pv_bucket_block(b, root, S_DIRECTION, i % 2 ? "in" : "out"), M_DIR_COUNT, 1);
	}
}

UNUSED static struct pv_bucket *bucket_part(unsigned p)
{
	struct pv_bucket *b = pv_bucket_new(&test_handler, &test_conf);
	if (!b)
		abort();
	b->start_ns = (1000 + 60 * (uint64_t)p) * SEC;
	b->end_ns = b->start_ns + 60 * SEC;
	b->stream_id = 7;
	b->recorded = true;
	b->closed = true;
	snprintf(b->name, sizeof b->name, "test");
	bucket_fill(b, p);
	return b;
}

UNUSED static char *bucket_text(const struct pv_bucket *b)
{
	json_t *j = pv_bucket_json(b);
	char *text = j ? json_dumps(j, PV_JSON_FLAGS) : NULL;
	json_decref(j);
	if (!text)
		abort();
	return text;
}

#endif
