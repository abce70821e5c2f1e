/* SPDX-License-Identifier: MPL-2.0 */
/* lib/resources: what is measured, when it is told, and what becomes of it in buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "handlers/handlers.h"
#include "metric/json.h"
#include "metric/prom.h"
#include "resources/metrics.h"
#include "resources/resources.h"
#include "stage/stage.h"
#include "unit/stream_util.h"
#include "window/window.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MS     UINT64_C(1000000)
#define T0     (UINT64_C(1700000000) * SEC)

/* ---- measuring ---------------------------------------------------------------------------------- */

static void cpu(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint64_t cpu_ns, clock_ns; /* since the start */
		bool known;
		uint32_t ppm;
	} cases[] = {
	    {"no time has passed", 0, 0, false, 0},
	    {"nothing used, nothing passed", 5, 0, false, 0},
	    {"too short to say", 500000, PV_MEASURE_LEAST_NS - 1, false, 0},
	    {"just long enough", 250000, PV_MEASURE_LEAST_NS, true, 250000},
	    {"idle", 0, 5 * SEC, true, 0},
	    {"a quarter of a percent", 12500000, 5 * SEC, true, 2500},
	    {"half", 2500 * MS, 5 * SEC, true, 500000},
	    {"all", 5 * SEC, 5 * SEC, true, 1000000},
	    {"never more than all", 5 * SEC + 1000, 5 * SEC, true, 1000000},
	    {"less than can be shown", 1, 5 * SEC, true, 0},
	    {"a year", UINT64_C(15768000) * SEC, UINT64_C(31536000) * SEC, true, 500000},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct pv_measure m = {true, 77, 7777};
		uint32_t ppm = 0;
		bool known = pv_measure_cpu(&m, 77 + cases[i].cpu_ns, 7777 + cases[i].clock_ns, &ppm);
		if (known != cases[i].known || ppm != cases[i].ppm)
			fail_msg("%s: %d, %u", cases[i].name, known, ppm);
		/* an interval that said nothing goes on */
		assert_int_equal(m.clock_ns, 7777 + (known ? cases[i].clock_ns : 0));
		assert_int_equal(m.cpu_ns, 77 + (known ? cases[i].cpu_ns : 0));
	}
	struct pv_measure m = {true, 100 * SEC, 100 * SEC}; /* another thread's clock: begin anew */
	uint32_t ppm;
	assert_false(pv_measure_cpu(&m, 1 * SEC, 200 * SEC, &ppm));
	assert_true(pv_measure_cpu(&m, 2 * SEC, 202 * SEC, &ppm));
	assert_int_equal(ppm, 500000);
}

static void statm(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t page, bytes; /* bytes 0: not readable */
	} cases[] = {
	    {"765 406 378 5 0 123 0\n", 4096, 406 * 4096},
	    {"765 406\n", 4096, 406 * 4096},
	    {"765 406 ", 65536, 406 * 65536},
	    {"", 4096, 0},
	    {"\n", 4096, 0},
	    {"765", 4096, 0},
	    {"765 ", 4096, 0},
	    {"765 x", 4096, 0},
	    {"765 406x", 4096, 0},
	    {"765 406", 4096, 0}, /* cut: there may be more digits */
	    {"-765 406 ", 4096, 0},
	    {"765 18446744073709551615 ", 1, 0},
	    {"765 99999999999999999999 ", 1, 0},
	    {"765 4503599627370497 ", 4096, 0},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		uint64_t bytes = 0;
		bool ok = pv_measure_statm(cases[i].text, cases[i].page, &bytes);
		if (ok != (cases[i].bytes != 0) || bytes != cases[i].bytes)
			fail_msg("'%s': %d, %llu", cases[i].text, ok, (unsigned long long)bytes);
	}
}

static void nap(unsigned ms)
{
	struct timespec t = {0, (long)ms * 1000000};
	nanosleep(&t, NULL);
}

static uint64_t thread_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
}

static void *burn(void *until)
{
	while (thread_ns() < *(const uint64_t *)until)
		;
	return NULL;
}

/* This thread's time, and no other's: whatever else this machine does. */
static void this_thread(void **state)
{
	(void)state;
	uint64_t much = 50 * MS;
	struct pv_measure m;
	struct pv_usage u;
	pthread_t other;
	pv_measure_start(&m);
	assert_int_equal(pthread_create(&other, NULL, burn, &much), 0);
	pthread_join(other, NULL);
	pv_measure_take(&m, &u);
	assert_true(u.cpu_known && u.memory_known);
	assert_true(u.cpu_ppm < 300000); /* we only waited */
	assert_true(u.memory_bytes > 500000 && u.memory_bytes < UINT64_C(64) << 30);
	uint64_t before = thread_ns(), more;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t clock = (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
	more = before + much;
	pv_measure_start(&m);
	burn(&more);
	pv_measure_take(&m, &u);
	clock_gettime(CLOCK_MONOTONIC, &t);
	clock = (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec - clock;
	/* 50 ms of work, in as much time as the machine took for it */
	assert_true(u.cpu_known);
	assert_in_range(u.cpu_ppm, (uint32_t)(0.8 * (double)much / (double)clock * 1e6), 1000000);
	assert_true(u.cpu_ppm > 0);
}

static void memory_grows(void **state)
{
	(void)state;
	struct pv_measure m;
	struct pv_usage before, after;
	enum { MORE = 32 << 20 };
	pv_measure_start(&m);
	pv_measure_take(&m, &before);
	char *p = malloc(MORE);
	assert_non_null(p);
	memset(p, 1, MORE);
	__asm__ volatile("" : : "r"(p) : "memory"); /* it is used */
	pv_measure_take(&m, &after);
	free(p);
	assert_true(after.memory_bytes > before.memory_bytes + MORE / 2);
}

/* ---- when it is told ---------------------------------------------------------------------------- */

static void due(void **state)
{
	(void)state;
	struct pv_resources r;
	struct pv_resources_event ev;
	struct timespec t;
	pv_resources_start(&r);
	clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t before = (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
	assert_true(pv_resources_due(&r, 0, 0, 0)); /* at once, whoever there is */
	pv_resources_tell(&r, T0, 0, 0, &ev);
	assert_int_equal(ev.ev.size, sizeof ev);
	assert_int_equal(ev.ev.type, PV_EV_RESOURCES);
	assert_int_equal(ev.ev.time_ns, T0);
	assert_int_equal(ev.number, 1);
	assert_true(ev.bits & PV_RES_MEMORY);
	clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t now = (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
	assert_false(pv_resources_due(&r, 0, 0, 0)); /* a coarse clock may be behind */
	assert_false(pv_resources_due(&r, before, 0, 0));
	assert_false(pv_resources_due(&r, before + 4 * SEC, 0, 0));
	assert_true(pv_resources_due(&r, now + 5 * SEC, 0, 0));
	assert_true(pv_resources_due(&r, now, 1, 0));
	assert_true(pv_resources_due(&r, now, 0, 1));

	/* CPU time is not known before some time has passed; then the first word of anything brings it */
	nap(5);
	pv_resources_tell(&r, T0 + 1, 2, 3, &ev);
	assert_int_equal(ev.bits, PV_RES_CPU | PV_RES_MEMORY);
	assert_int_equal(ev.number, 2);
	assert_int_equal(ev.policies, 2);
	assert_int_equal(ev.handlers, 3);
	assert_false(pv_resources_due(&r, now, 2, 3));
	/* from here on every 5 s, and in between only who uses it */
	pv_resources_tell(&r, T0 + 2, 1, 1, &ev);
	assert_int_equal(ev.bits, 0);
	assert_int_equal(ev.number, 2);
	assert_int_equal(ev.cpu_ppm, 0);
	assert_int_equal(ev.memory_bytes, 0);
	assert_int_equal(ev.policies, 1);
	assert_true(pv_resources_due(&r, now + 5 * SEC, 1, 1)); /* that did not put the next one off */
	nap(5);
	r.next_ns = 0; /* 5 s later */
	pv_resources_tell(&r, T0 + 3, 1, 1, &ev);
	assert_int_equal(ev.bits, PV_RES_CPU | PV_RES_MEMORY);
	assert_int_equal(ev.number, 3);
	assert_false(pv_resources_due(&r, now, 1, 1));

	struct pv_out o;
	struct mem m = {0};
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	r.stage = 9;
	pv_resources_emit(&r, &o, T0 + 4, 7, 8);
	pv_out_flush(&o);
	const struct pv_resources_event *out = (const void *)ev_at(&m, 0);
	assert_int_equal(m.n, sizeof *out);
	assert_int_equal(out->ev.type, PV_EV_RESOURCES);
	assert_int_equal(out->policies, 7);
	assert_int_equal(out->stage, 9);
	assert_int_equal(o.events[PV_EV_RESOURCES], 1);
	pv_out_free(&o);
	mem_free(&m);
}

/* ---- buckets ------------------------------------------------------------------------------------ */

static struct pv_window *window(const char *const *modules, unsigned periods)
{
	char err[200];
	const struct pv_window_conf conf = {.handlers = pv_handlers,
					    .periods = periods,
					    .deep = 1, /* measurements are few: all of them are deep */
					    .topn = 10,
					    .modules = modules,
					    .nmodules = modules ? 1 : 0,
					    .seed = 1};
	struct pv_window *w = pv_window_new(&conf, (struct pv_sink){.write = NULL}, err, sizeof err);
	assert_non_null(w);
	return w;
}

static void feed(struct pv_window *w, struct mem *m)
{
	struct pv_stage *s = pv_window_stage(w);
	s->ops->batch(s, ev_at(m, 0), m->n);
	m->n = 0;
}

static void says(struct pv_window *w, bool closed, const char *want)
{
	json_t *j = closed ? pv_window_bucket_json(w) : pv_window_json(w);
	char *text = json_dumps(j, PV_JSON_FLAGS);
	assert_string_equal(text, want);
	free(text);
	json_decref(j);
}

#define RES(t, ppm, mem, p, h)                                                                               \
	do {                                                                                                 \
		struct pv_resources_event *ev_ = ev_resources(&o, t, 1);                                     \
		ev_->stage = 0;                                                                              \
		ev_->bits = (mem) ? PV_RES_CPU | PV_RES_MEMORY : 0;                                          \
		ev_->cpu_ppm = ppm;                                                                          \
		ev_->memory_bytes = mem;                                                                     \
		ev_->policies = p;                                                                           \
		ev_->handlers = h;                                                                           \
	} while (0)

static const char *const asked[] = {"input_resources"};

static void minutes(void **state)
{
	(void)state;
	struct pv_out o;
	struct mem m = {0};
	struct pv_window *w = window(asked, 5);
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	ev_start(&o, T0, PV_CLOCK_RECORDED, 1, 0);
	ev_stage(&o, T0, 0, PV_STAGE_SOURCE, "input_resources", "eth0-resources");
	RES(T0, 0, 100, 1, 2);
	RES(T0 + SEC, 0, 0, 3, 4); /* policies only: no measurement */
	RES(T0 + 5 * SEC, 2500, 127, 3, 4);
	pv_out_flush(&o);
	feed(w, &m);
	says(w, false,
	     "{\"5m\":{\"input_resources\":{\"cpu_usage\":{\"p50\":0.0,\"p90\":0.25,\"p95\":0.25,\"p99\":0.25},"
	     "\"deep_samples\":2,\"event_rate\":{\"p50\":0,\"p90\":1,\"p95\":1,\"p99\":1},\"handler_count\":4,"
	     "\"memory_bytes\":{\"p50\":100,\"p90\":127,\"p95\":127,\"p99\":127},"
	     "\"period\":{\"length\":5,\"start_ts\":1700000000},\"policy_count\":3,\"total\":2}}}");
	/* a minute to which nothing came but one policy that went; then one to which nothing came */
	ev_any(&o, PV_EV_TICK, T0 + 61 * SEC);
	RES(T0 + 70 * SEC, 0, 0, 2, 3);
	ev_any(&o, PV_EV_TICK, T0 + 125 * SEC);
	pv_out_flush(&o);
	feed(w, &m);
	says(w, true,
	     "{\"1m\":{\"input_resources\":{\"deep_samples\":0,\"event_rate\":{\"p50\":0,\"p90\":0,\"p95\":0,"
	     "\"p99\":0},\"handler_count\":3,\"period\":{\"length\":64,\"start_ts\":1700000061},"
	     "\"policy_count\":2,\"total\":0}}}");
	ev_any(&o, PV_EV_TICK, T0 + 190 * SEC);
	pv_out_flush(&o);
	feed(w, &m);
	says(w, true,
	     "{\"1m\":{\"input_resources\":{\"deep_samples\":0,\"event_rate\":{\"p50\":0,\"p90\":0,\"p95\":0,"
	     "\"p99\":0},\"handler_count\":3,\"period\":{\"length\":65,\"start_ts\":1700000125},"
	     "\"policy_count\":2,\"total\":0}}}");
	/* all of it: the newest word, not the sum */
	json_t *all = pv_window_json(w);
	json_t *h = json_object_get(json_object_get(all, "5m"), "input_resources");
	assert_int_equal(json_integer_value(json_object_get(h, "policy_count")), 2);
	assert_int_equal(json_integer_value(json_object_get(h, "handler_count")), 3);
	assert_int_equal(json_integer_value(json_object_get(h, "total")), 2);
	json_decref(all);
	/* another stream: nothing of the old one is carried over */
	ev_start(&o, T0 + 400 * SEC, PV_CLOCK_RECORDED, 2, 0);
	ev_stage(&o, T0 + 400 * SEC, 0, PV_STAGE_SOURCE, "input_resources", "eth0-resources");
	ev_any(&o, PV_EV_TICK, T0 + 461 * SEC);
	pv_out_flush(&o);
	feed(w, &m);
	all = pv_window_bucket_json(w);
	h = json_object_get(json_object_get(all, "1m"), "input_resources");
	assert_int_equal(json_integer_value(json_object_get(h, "policy_count")), 0);
	json_decref(all);
	pv_stage_free(pv_window_stage(w));
	pv_out_free(&o);
	mem_free(&m);
}

/* The word that ends a minute counts in the next, also where it says less. */
static void at_the_edge(void **state)
{
	(void)state;
	struct pv_out o;
	struct mem m = {0};
	struct pv_window *w = window(asked, 2);
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	ev_start(&o, T0, PV_CLOCK_RECORDED, 1, 0);
	ev_stage(&o, T0, 0, PV_STAGE_SOURCE, "input_resources", "r");
	RES(T0 + SEC, 0, 0, 9, 9);
	RES(T0 + 60 * SEC, 0, 0, 1, 2);
	pv_out_flush(&o);
	feed(w, &m);
	json_t *all = pv_window_json(w), *h = json_object_get(json_object_get(all, "2m"), "input_resources");
	assert_int_equal(json_integer_value(json_object_get(h, "policy_count")), 1);
	assert_int_equal(json_integer_value(json_object_get(h, "handler_count")), 2);
	json_decref(all);
	all = pv_window_bucket_json(w);
	h = json_object_get(json_object_get(all, "1m"), "input_resources");
	assert_int_equal(json_integer_value(json_object_get(h, "policy_count")), 9);
	json_decref(all);
	pv_stage_free(pv_window_stage(w));
	pv_out_free(&o);
	mem_free(&m);
}

/* Nothing is shown of what nobody announced, unless it is asked for: then zeros. */
static void announced(void **state)
{
	(void)state;
	for (int ask = 0; ask < 2; ask++)
		for (int announce = 0; announce < 2; announce++) {
			struct pv_out o;
			struct mem m = {0};
			struct pv_window *w = window(ask ? asked : NULL, 1);
			assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
			ev_start(&o, T0, PV_CLOCK_RECORDED, 1, 0);
			if (announce)
				ev_stage(&o, T0, 4, PV_STAGE_ANALYSER, "input_resources", "r");
			ev_resources(&o, T0, 1)->stage = 4;
			ev_resources(&o, T0, 1)->stage = 3; /* of somebody else */
			pv_out_flush(&o);
			feed(w, &m);
			json_t *all = pv_window_json(w);
			json_t *h = json_object_get(json_object_get(all, "1m"), "input_resources");
			assert_int_equal(h != NULL, ask || announce);
			if (h)
				assert_int_equal(json_integer_value(json_object_get(h, "total")), announce);
			json_decref(all);
			pv_stage_free(pv_window_stage(w));
			pv_out_free(&o);
			mem_free(&m);
		}
}

static int merge(void *sum, const char *key, const struct pv_bucket *b)
{
	(void)key;
	return pv_bucket_merge(sum, b);
}

/* Two inputs, folded into one as like handlers are: counts add up, whichever comes first. */
static void inputs(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		const struct pv_bucket_conf conf = {.topn = 10};
		struct pv_bucket *sum = pv_bucket_new(&pv_input_resources_v1, &conf);
		assert_non_null(sum);
		for (int i = 0; i < 2; i++) {
			struct pv_out o;
			struct mem m = {0};
			struct pv_window *w = window(asked, 5);
			bool one = i == first;
			assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
			ev_start(&o, T0, PV_CLOCK_RECORDED, one ? 11 : 12, 0);
			ev_stage(&o, T0, 0, PV_STAGE_SOURCE, "input_resources", one ? "a" : "b");
			for (unsigned s = 0; s < 200; s += 5)
				RES(T0 + s * SEC, 10000, 64, one ? 2 : 3, one ? 5 : 7);
			pv_out_flush(&o);
			feed(w, &m);
			assert_int_equal(pv_window_each(w, merge, sum), 0);
			pv_stage_free(pv_window_stage(w));
			pv_out_free(&o);
			mem_free(&m);
		}
		json_t *j = pv_bucket_json(sum);
		assert_int_equal(json_integer_value(json_object_get(j, "policy_count")), 5);
		assert_int_equal(json_integer_value(json_object_get(j, "handler_count")), 12);
		assert_int_equal(json_integer_value(json_object_get(j, "total")), 80);
		json_decref(j);
		pv_bucket_free(sum);
	}
}

static void prometheus(void **state)
{
	(void)state;
	static const char *const names[] = {"base_event_rate",	    "base_total",
					    "base_deep_samples",    "resources_cpu_usage",
					    "resources_memory_bytes", "resources_policy_count",
					    "resources_handler_count"};
	static const enum pv_prom_type types[] = {PV_PROM_SUMMARY, PV_PROM_GAUGE,   PV_PROM_GAUGE, PV_PROM_SUMMARY,
						  PV_PROM_SUMMARY, PV_PROM_GAUGE, PV_PROM_GAUGE};
	const struct pv_handler *h = &pv_input_resources_v1;
	assert_int_equal(h->nmetrics, LEN(names));
	for (size_t i = 0; i < LEN(names); i++) {
		char name[100];
		pv_point_name(h, &h->metrics[i], name, sizeof name);
		assert_string_equal(name, names[i]);
		assert_int_equal(pv_prom_type(&h->metrics[i]), types[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cpu),	 cmocka_unit_test(statm),      cmocka_unit_test(this_thread),
	    cmocka_unit_test(memory_grows), cmocka_unit_test(due),     cmocka_unit_test(minutes),
	    cmocka_unit_test(at_the_edge), cmocka_unit_test(announced), cmocka_unit_test(inputs),
	    cmocka_unit_test(prometheus),
	};
	return cmocka_run_group_tests_name("resources", tests, NULL, NULL);
}
