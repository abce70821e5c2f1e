/* SPDX-License-Identifier: MPL-2.0 */
/* What an input costs: percent of a processor, and counts of which the newest holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>

#include "metric/bucket.h"
#include "metric/json.h"
#include "resources/metrics.h"

#define SEC UINT64_C(1000000000)

static struct pv_bucket *bucket(void)
{
	const struct pv_bucket_conf conf = {.groups = ~0u, .topn = 10};
	struct pv_bucket *b = pv_bucket_new(&pv_resources_v1, &conf);
	assert_non_null(b);
	return b;
}

static void measure(struct pv_bucket *b, uint64_t sec, uint64_t cpu_ns, uint64_t interval_ns, uint32_t policies)
{
	const struct pv_resources r = {.ev = {sizeof r, PV_EV_RESOURCES, 0, sec * SEC}, .cpu_ns = cpu_ns,
				       .interval_ns = interval_ns, .memory_bytes = 64, .policies = policies,
				       .handlers = 2 * policies};
	struct pv_handler_ctx ctx = {.state = NULL};
	b->now_sec = sec;
	pv_resources_v1.update(b, &r.ev, true, &ctx);
}

static void expect(struct pv_bucket *b, json_int_t policies, double cpu)
{
	json_t *o = pv_bucket_json(b), *p50 = json_object_get(json_object_get(o, "cpu_usage"), "p50");
	assert_int_equal(json_integer_value(json_object_get(o, "policy_count")), policies);
	assert_int_equal(json_integer_value(json_object_get(o, "handler_count")), 2 * policies);
	if (cpu < 0)
		assert_null(p50);
	else
		assert_true(json_number_value(p50) > cpu * 0.99 && json_number_value(p50) < cpu * 1.01);
	json_decref(o);
}

static void counts_and_percent(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket();
	expect(b, 0, -1);
	measure(b, 100, 7, 0, 1); /* the first: no time has passed yet */
	expect(b, 1, -1);
	measure(b, 105, SEC, 5 * SEC, 3);
	expect(b, 3, 20);
	measure(b, 110, SEC, 5 * SEC, 0);
	expect(b, 0, 20);
	pv_bucket_free(b);
}

/* In whatever order: the newest measurement, also where it says less. */
static void merging(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct pv_bucket *older = bucket(), *newer = bucket(), *sum = bucket();
		measure(older, 100, SEC, 5 * SEC, 9);
		measure(newer, 160, SEC, 5 * SEC, 2);
		assert_int_equal(pv_bucket_merge(sum, order ? older : newer), 0);
		assert_int_equal(pv_bucket_merge(sum, order ? newer : older), 0);
		expect(sum, 2, 20);
		pv_bucket_free(older);
		pv_bucket_free(newer);
		pv_bucket_free(sum);
	}
}

static void wire(void **state)
{
	(void)state;
	struct pv_bucket *b = bucket(), *c = bucket();
	measure(b, 100, 0, 0, 16777300); /* more than can be told */
	for (size_t m = 0; m < pv_resources_v1.nmetrics; m++) {
		uint8_t bytes[64];
		const struct pv_metric *row = &pv_resources_v1.metrics[m];
		if (row->kind != PV_LATEST)
			continue;
		size_t n = pv_cell_write(row, &pv_bucket_root(b)->cells[m], bytes, sizeof bytes);
		assert_int_equal(n, 8);
		assert_int_equal(pv_cell_read(row, &pv_bucket_root(c)->cells[m], bytes, n, 0), 0);
		assert_int_equal(pv_cell_read(row, &pv_bucket_root(c)->cells[m], bytes, 7, 0), -1);
		assert_int_equal(pv_bucket_root(c)->cells[m].count & PV_LATEST_MAX, PV_LATEST_MAX);
		assert_int_equal(pv_bucket_root(c)->cells[m].count >> 24, 100);
	}
	pv_bucket_free(b);
	pv_bucket_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(counts_and_percent), cmocka_unit_test(merging), cmocka_unit_test(wire)};
	return cmocka_run_group_tests_name("resources", tests, NULL, NULL);
}
