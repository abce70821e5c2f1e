/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "metric/bucket.h"
#include "pcapstat/metrics.h"
#include "stage/stage.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define P32    (UINT64_C(1) << 32)

enum { ERRORS, OS, IF };

static void test_table(void **state)
{
	static const char *const paths[] = {"tcp_reassembly_errors", "os_drops", "if_drops"};
	const struct pv_handler *h = &pv_pcap_v1;
	char err[128];

	(void)state;
	assert_string_equal(h->type, "pcap");
	assert_string_equal(h->version, "1.0");
	assert_string_equal(h->schema, "pcap");
	assert_int_equal(h->wants, PV_WANTS(PV_EV_STATS) | PV_WANTS(PV_EV_TCP_ERROR));
	assert_true(h->events == -1 && h->samples == -1 && h->events_rate == -1);
	assert_int_equal(h->nmetrics, LEN(paths));
	for (size_t i = 0; i < LEN(paths); i++) {
		assert_string_equal(h->metrics[i].path, paths[i]);
		assert_int_equal(h->metrics[i].id, i + 1);
		assert_int_equal(h->metrics[i].kind, PV_COUNTER);
		assert_int_equal(h->metrics[i].group, PV_ALWAYS);
		assert_int_equal(h->metrics[i].group2, PV_ALWAYS);
		assert_null(h->metrics[i].prom);
		assert_true(h->metrics[i].unit && h->metrics[i].help);
	}
	/* No groups: asking for one is an error. */
	assert_int_equal(h->ngroups, 0);
	pv_handler_group_error(h, "counters", err, sizeof(err));
	assert_string_equal(err,
			    "counters is an invalid/unsupported metric group. The valid groups are: all");
}

/* A report; bucket or stream change before it. */
struct report {
	enum { SAME, NEXT_BUCKET, NEXT_STREAM } before;
	uint64_t os, ifd;
};

static const struct {
	const char *name;
	struct report report[5];
	size_t n;
	uint64_t os[3], ifd[3]; /* increments per bucket */
} sequences[] = {
    {"none", {{SAME, 0, 0}}, 1, {0}, {0}},
    {"the first report counts from zero", {{SAME, 100, 5}}, 1, {100}, {5}},
    {"within one bucket", {{SAME, 100, 5}, {SAME, 100, 5}, {SAME, 130, 5}, {SAME, 130, 9}}, 4, {130}, {9}},
    {"nothing is lost between buckets",
     {{SAME, 10, 1}, {NEXT_BUCKET, 25, 1}, {NEXT_BUCKET, 25, 4}},
     3,
     {10, 15, 0},
     {1, 0, 3}},
    {"a bucket without a report",
     {{SAME, 10, 0}, {NEXT_BUCKET, 10, 0}, {NEXT_BUCKET, 40, 0}},
     3,
     {10, 0, 30},
     {0}},
    {"another stream starts at zero, even with more",
     {{SAME, 10, 3}, {NEXT_STREAM, 12, 2}},
     2,
     {10, 12},
     {3, 2}},
    {"one restarts, the other goes on", {{SAME, 500, 7}, {SAME, 20, 9}, {SAME, 25, 9}}, 3, {525}, {9}},
    {"32 bits go round", {{SAME, P32 - 10, 0}, {SAME, 15, 0}}, 2, {P32 - 10 + 25}, {0}},
    {"a restart is not a round", {{SAME, P32 / 2, 0}, {SAME, 15, 0}}, 2, {P32 / 2 + 15}, {0}},
    {"a restart above 32 bits", {{SAME, P32 + 5, 0}, {SAME, 15, 0}}, 2, {P32 + 5 + 15}, {0}},
};

static struct pv_bucket *bucket(uint64_t stream_id)
{
	struct pv_bucket_conf conf = {.groups = 0xffffffff, .topn = 10};
	struct pv_bucket *b = pv_bucket_new(&pv_pcap_v1, &conf);

	assert_non_null(b);
	b->stream_id = stream_id;
	return b;
}

static void test_drops(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(sequences); i++) {
		struct pv_handler_ctx ctx = {.state = calloc(1, pv_pcap_v1.state_size)};
		uint64_t stream = 77;
		size_t at = 0;
		struct pv_bucket *b[3] = {bucket(stream), NULL, NULL};

		assert_non_null(ctx.state);
		for (size_t r = 0; r < sequences[i].n; r++) {
			const struct report *in = &sequences[i].report[r];
			struct pv_stats ev = {.ev = {.size = sizeof(ev), .type = PV_EV_STATS},
					      .os_drops = in->os,
					      .if_drops = in->ifd};

			if (in->before != SAME) {
				stream += in->before == NEXT_STREAM;
				if (pv_pcap_v1.shift)
					pv_pcap_v1.shift(b[at], &ctx);
				b[++at] = bucket(stream);
			}
			pv_pcap_v1.update(b[at], &ev.ev, r & 1, &ctx);
		}
		for (size_t k = 0; k <= at; k++) {
			const union pv_cell *c = pv_bucket_root(b[k])->cells;
			if (c[OS].count != sequences[i].os[k] || c[IF].count != sequences[i].ifd[k] ||
			    c[ERRORS].count)
				fail_msg("%s: bucket %zu: os %llu, if %llu", sequences[i].name, k,
					 (unsigned long long)c[OS].count, (unsigned long long)c[IF].count);
			pv_bucket_free(b[k]);
		}
		free(ctx.state);
	}
}

static void test_errors(void **state)
{
	struct pv_handler_ctx ctx = {.state = calloc(1, pv_pcap_v1.state_size)};
	struct pv_tcp_error ev = {.ev = {.size = sizeof(ev), .type = PV_EV_TCP_ERROR}};
	struct pv_bucket *b = bucket(1);

	(void)state;
	assert_non_null(ctx.state);
	for (unsigned i = 0; i < 3; i++)
		pv_pcap_v1.update(b, &ev.ev, false, &ctx);
	const union pv_cell *c = pv_bucket_root(b)->cells;
	assert_true(c[ERRORS].count == 3 && !c[OS].count && !c[IF].count);
	pv_bucket_free(b);
	free(ctx.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_drops),
	    cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("pcapstat", tests, NULL, NULL);
}
