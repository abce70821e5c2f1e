/* SPDX-License-Identifier: MPL-2.0 */
/* window/window.h: which minute an event counts in, what is kept, what comes out; handlers of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "event/reader.h"
#include "metric/json.h"
#include "metric/wire.h"
#include "unit/stream_util.h"
#include "window/defines.h"
#include "window/window.h"

/* ---- handlers: "net" of two versions, "dns", and "src" of the source --------------------------------- */

enum { N_EVENTS, N_SAMPLES, N_RATE, N_TOTAL, N_FILTERED, N_DEEP, N_TOP, N_PLACES, N_OPT, N_METRICS };
enum { G_ON, G_OFF };

#define COUNTER(i, g, p)                                                                                     \
	{                                                                                                    \
		.id = i, .kind = PV_COUNTER, .group = g, .group2 = PV_ALWAYS, .path = p, .unit = "1",        \
		.help = "A test"                                                                             \
	}

static const struct pv_metric net_metrics[N_METRICS] = {
    [N_EVENTS] = COUNTER(1, PV_ALWAYS, "events"),
    [N_SAMPLES] = COUNTER(2, PV_ALWAYS, "samples"),
    [N_RATE] = {.id = 3, .kind = PV_RATE, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = "rate"},
    [N_TOTAL] = COUNTER(4, G_ON, "total"),
    [N_FILTERED] = COUNTER(5, PV_ALWAYS, "filtered"),
    [N_DEEP] = COUNTER(6, PV_ALWAYS, "deep"),
    [N_TOP] = {.id = 7,
	       .kind = PV_TOPN,
	       .group = PV_ALWAYS,
	       .group2 = PV_ALWAYS,
	       .path = "top",
	       .item = pv_item_u64,
	       .integer = true},
    [N_PLACES] = {.id = 8,
		  .kind = PV_TOPN,
		  .group = PV_ALWAYS,
		  .group2 = PV_ALWAYS,
		  .path = "places",
		  .item = pv_item_text},
    [N_OPT] = COUNTER(9, G_OFF, "opt"),
};

static const struct pv_group groups[] = {[G_ON] = {"on", true}, [G_OFF] = {"off", false}};
static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

struct net_state {
	uint64_t shifts, last_events;
};

static void net_update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_net *n = (const void *)ev;
	struct pv_block *k = pv_bucket_root(b);
	size_t len;
	if (ev->flags & PV_F_FILTERED) {
		pv_count(k, N_FILTERED, 1);
		return;
	}
	pv_count(k, N_TOTAL, 1);
	pv_count(k, N_OPT, 1);
	if (!deep)
		return;
	pv_count(k, N_DEEP, 1);
	pv_top_u64(k, N_TOP, n->packet, 1);
	const char *text = ctx->define(ctx->defines, n->stage, PV_DEFINE_GEO, n->geo_src, &len);
	if (text)
		pv_top_bytes(k, N_PLACES, text, len, 1);
}

static void net_shift(const struct pv_bucket *closed, struct pv_handler_ctx *ctx)
{
	struct net_state *s = ctx->state;
	s->shifts++;
	s->last_events = pv_bucket_root((struct pv_bucket *)(uintptr_t)closed)->cells[N_EVENTS].count;
}

static bool net_is_base(const struct pv_event *ev)
{
	return ((const struct pv_net *)(const void *)ev)->size != 1; /* those of size 1 are no events */
}

#define NET_HANDLER(v)                                                                                       \
	{                                                                                                    \
		.type = "net", .version = v, .schema = "net", .wants = PV_WANTS(PV_EV_NET),                  \
		.metrics = net_metrics, .nmetrics = N_METRICS, .groups = groups, .ngroups = 2,               \
		.scopes = scopes, .nscopes = 1, .events = N_EVENTS, .samples = N_SAMPLES,                    \
		.events_rate = N_RATE, .state_size = sizeof(struct net_state), .update = net_update,         \
		.shift = net_shift, .is_base = net_is_base                                                   \
	}

static const struct pv_handler net1 = NET_HANDLER("1.0"), net2 = NET_HANDLER("2.0");

static const struct pv_metric count_metrics[] = {COUNTER(1, PV_ALWAYS, "count")};

static void dns_update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	(void)ev, (void)deep, (void)ctx;
	pv_count(pv_bucket_root(b), 0, 1);
}

static const struct pv_handler dns1 = {
    .type = "dns",
    .version = "1.0",
    .schema = "dns",
    .wants = PV_WANTS(PV_EV_DNS) | PV_WANTS(PV_EV_DNS_TIMEOUT),
    .metrics = count_metrics,
    .nmetrics = 1,
    .scopes = scopes,
    .nscopes = 1,
    .events = -1,
    .samples = -1,
    .events_rate = -1,
    .update = dns_update,
};

static void src_update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	(void)deep, (void)ctx;
	pv_count(pv_bucket_root(b), 0, ev->type == PV_EV_STATS ? 100 : 1);
}

static const struct pv_handler src1 = {
    .type = "src",
    .version = "1.0",
    .schema = "src",
    .wants = PV_WANTS(PV_EV_STATS) | PV_WANTS(PV_EV_TCP_ERROR),
    .metrics = count_metrics,
    .nmetrics = 1,
    .scopes = scopes,
    .nscopes = 1,
    .events = -1,
    .samples = -1,
    .events_rate = -1,
    .update = src_update,
};

static const struct pv_handler *const handlers[] = {&net1, &net2, &dns1, &src1, NULL};

/* ---- feeding it -------------------------------------------------------------------------------------- */

struct test {
	struct pv_window_conf conf;
	struct pv_window *w;
	struct mem out;
	struct pv_out in;
	struct mem in_mem;
	char lines[4096]; /* of the closed callback */
};

static void closed(void *ctx, struct pv_window *w)
{
	struct test *t = ctx;
	json_t *j = pv_window_bucket_json(w);
	json_t *net = json_object_get(json_object_get(j, "1m"), "net"),
	       *period = json_object_get(net, "period");
	size_t n = strlen(t->lines);
	snprintf(t->lines + n, sizeof t->lines - n, "%lld+%lld:%lld ",
		 json_integer_value(json_object_get(period, "start_ts")),
		 json_integer_value(json_object_get(period, "length")),
		 json_integer_value(json_object_get(net, "events")));
	json_decref(j);
}

static void open_window(struct test *t)
{
	char err[300];
	if (!t->conf.handlers)
		t->conf.handlers = handlers;
	if (!t->conf.periods)
		t->conf.periods = 5;
	if (!t->conf.deep)
		t->conf.deep = 100;
	if (!t->conf.topn)
		t->conf.topn = 10;
	t->w = pv_window_new(&t->conf, mem_sink(&t->out), err, sizeof err);
	if (!t->w)
		fail_msg("%s", err);
	assert_int_equal(pv_out_init(&t->in, mem_sink(&t->in_mem)), 0);
}

/* Hands over what has been written to t->in. */
static void feed(struct test *t)
{
	struct pv_stage *s = pv_window_stage(t->w);
	pv_out_flush(&t->in);
	if (t->in_mem.n)
		s->ops->batch(s, ev_at(&t->in_mem, 0), t->in_mem.n);
	assert_int_equal(pv_out_flush(&s->out), PV_OK);
	if (t->in_mem.n)
		memset(t->in_mem.p, 0xee, t->in_mem.n); /* borrowed only */
	t->in_mem.n = 0;
}

static void feed_bytes(struct test *t, const void *p, size_t n)
{
	pv_out_pass(&t->in, p, n);
	feed(t);
}

static void end(struct test *t, bool cut)
{
	struct pv_stage *s = pv_window_stage(t->w);
	feed(t);
	s->ops->end(s, cut);
	assert_int_equal(pv_out_flush(&s->out), PV_OK);
}

static void done(struct test *t)
{
	pv_stage_free(pv_window_stage(t->w));
	pv_out_free(&t->in);
	mem_free(&t->in_mem);
	mem_free(&t->out);
	memset(t, 0, sizeof *t);
}

static json_t *at_path(json_t *j, const char *path)
{
	char part[64];
	while (j && *path) {
		size_t n = strcspn(path, ".");
		snprintf(part, sizeof part, "%.*s", (int)n, path);
		j = json_is_array(j) ? json_array_get(j, strtoul(part, NULL, 10)) : json_object_get(j, part);
		path += n + (path[n] == '.');
	}
	return j;
}

/* A number of the window's JSON; -1: not there. */
static long long value(struct test *t, const char *path)
{
	json_t *j = pv_window_json(t->w), *v;
	assert_non_null(j);
	v = at_path(j, path);
	long long n = json_is_integer(v) ? json_integer_value(v) : -1;
	json_decref(j);
	return n;
}

static char *text_of(struct test *t)
{
	json_t *j = pv_window_json(t->w);
	assert_non_null(j);
	char *text = json_dumps(j, PV_JSON_FLAGS);
	assert_non_null(text);
	json_decref(j);
	return text;
}

/* START and the stages that most tests want. */
static void begin(struct test *t, double start, enum pv_clock clock)
{
	uint64_t ns = (uint64_t)(start * 1e9);
	ev_start(&t->in, ns, clock, 1, 1);
	ev_stage(&t->in, ns, 0, PV_STAGE_SOURCE, "src", "src");
	ev_stage(&t->in, ns, 1, PV_STAGE_ANALYSER, "net", "net");
}

static unsigned how_many(const struct mem *m, unsigned type)
{
	unsigned n = 0;
	for (size_t at = 0; at < m->n; at += ev_at(m, at)->size)
		n += ev_at(m, at)->type == type;
	return n;
}

/* The BUCKET and LIVE events of some output, as "start+length:events", LIVE ones with an L. Closed empty ones
 * too. */
static void buckets_of(const struct mem *m, const char *handler, char *out, size_t cap)
{
	struct pv_bucket_reader r = {.handlers = handlers};
	*out = 0;
	for (size_t at = 0; at < m->n; at += ev_at(m, at)->size) {
		struct pv_bucket *b = NULL;
		bool live;
		const char *problem;
		enum pv_res res = pv_bucket_read(&r, ev_at(m, at), &b, &live, &problem);
		if (res == PV_BAD)
			fail_msg("%s", problem);
		if (res != PV_END)
			continue;
		size_t n = strlen(out);
		if (!strcmp(b->handler->type, handler))
			snprintf(out + n, cap - n, "%s%s%.6g+%.6g:%u", n ? " " : "", live ? "L" : "",
				 (double)b->start_ns / 1e9, (double)(b->end_ns - b->start_ns) / 1e9,
				 (unsigned)pv_bucket_root(b)->cells[0].count);
		pv_bucket_free(b);
	}
	pv_bucket_reader_free(&r);
}

/* What every reader makes of the output: a whole stream. */
static void is_whole(const struct mem *m)
{
	struct pv_reader r;
	const struct pv_event *run;
	size_t bytes;
	enum pv_res res;
	int fd = mem_fd(m->p, m->n);
	assert_int_equal(pv_reader_init(&r, fd), 0);
	while ((res = pv_reader_next(&r, &run, &bytes)) == PV_OK)
		;
	if (res != PV_END)
		fail_msg("'%s' at %zu of %zu", r.problem, (size_t)r.offset, m->n);
	pv_reader_free(&r);
	close(fd);
}

/* ---- periods ----------------------------------------------------------------------------------------- */

/* times: of events; 't' before a number: a TICK; STOP has the last number behind '>' */
static void play(struct test *t, const char *times)
{
	for (const char *c = times; *c;) {
		bool tick = *c == 't', stop = *c == '>';
		char *next;
		uint64_t ns = (uint64_t)(strtod(c + (tick || stop), &next) * 1e9 + 0.5);
		if (stop)
			ev_stop(&t->in, ns);
		else if (tick)
			ev_any(&t->in, PV_EV_TICK, ns);
		else
			ev_net(&t->in, ns, 1, 1);
		c = next + (*next == ' ');
	}
}

static void shifting(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum pv_clock clock;
		unsigned periods;
		double start;
		const char *times, *out;
	} cases[] = {
	    {"sixty seconds from the start", PV_CLOCK_RECORDED, 5, 100, "100 130 159.9 160 219.9 220 >221",
	     "100+60:3 160+60:2 220+1:1"},
	    {"by whole seconds", PV_CLOCK_RECORDED, 5, 100.7, "100.7 159.99 160.1 >160.5",
	     "100.7+59.4:2 160.1+0.4:1"},
	    {"START counts", PV_CLOCK_LIVE, 5, 90, "100 149.9 150 >151", "90+60:2 150+1:1"},
	    {"no START time: the first event", PV_CLOCK_LIVE, 5, 0, "100 159 160 >161", "100+60:2 160+1:1"},
	    {"gaps are not filled", PV_CLOCK_RECORDED, 5, 100, "100 110 500 505 >505", "100+400:2 500+5:2"},
	    {"one period never ends", PV_CLOCK_RECORDED, 1, 100, "100 500 50 9000 >9000", "50+8950:4"},
	    {"one period, live", PV_CLOCK_LIVE, 1, 100, "100 500 >600", "100+500:2"},
	    {"ticks move time", PV_CLOCK_LIVE, 5, 100, "100 t159 t160 t200 >230",
	     "100+60:1 160+70:0 230+0:0"},
	    {"STOP moves time", PV_CLOCK_LIVE, 5, 100, "100 >170", "100+70:1 170+0:0"},
	    {"an early STOP does not", PV_CLOCK_RECORDED, 5, 100, "100 120 >50", "100+20:2"},
	    {"a step back of a period stays", PV_CLOCK_RECORDED, 5, 1000, "1000 1010 940 >1010", "1000+10:3"},
	    {"a larger one starts afresh", PV_CLOCK_RECORDED, 5, 1000, "1000 1010 939 950 >950",
	     "1000+10:2 939+11:2"},
	    {"and again", PV_CLOCK_RECORDED, 5, 1000, "1000 900 800 >800", "1000+0:1 900+0:1 800+0:1"},
	    {"live, a step back of a period stays", PV_CLOCK_LIVE, 5, 1000, "1000 1040 980 1041 >1055",
	     "1000+55:4"},
	    {"live, a larger one is a clock that was set", PV_CLOCK_LIVE, 5, 1000, "1000 1010 500 t510 >515",
	     "1000+10:2 500+15:1"},
	    {"by which it is late from where it was", PV_CLOCK_LIVE, 5, 1000, "1000 1050 t989 995 >996",
	     "1000+50:2 989+7:1"},
	    {"from the period's start, when recorded", PV_CLOCK_RECORDED, 5, 1000, "1000 1050 t989 995 >1050",
	     "1000+50:3"},
	    {"it goes on from there", PV_CLOCK_LIVE, 5, 1000, "1000 1070 500 550 570 >580",
	     "1000+70:1 1070+0:1 500+70:2 570+10:1"},
	    {"set forth and back", PV_CLOCK_LIVE, 5, 1000, "1000 9000 1010 >1015",
	     "1000+8000:1 9000+0:1 1010+5:1"},
	    {"one period, live, set back", PV_CLOCK_LIVE, 1, 1000, "1000 1010 500 t510 >515", "500+15:3"},
	    {"late ones count where time is", PV_CLOCK_LIVE, 5, 100, "100 160 159 160.5 >165",
	     "100+60:1 160+5:3"},
	    {"nothing at all", PV_CLOCK_RECORDED, 5, 0, ">0", "0+0:0"},
	    {"nothing but a start", PV_CLOCK_RECORDED, 5, 100, ">100", "100+0:0"},
	    {"the end of time", PV_CLOCK_RECORDED, 5, 18446744073, "18446744073 >18446744073",
	     "1.84467e+10+0:1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct test t = {.conf = {.periods = cases[i].periods, .buckets = true}};
		char out[512];
		open_window(&t);
		begin(&t, cases[i].start, cases[i].clock);
		play(&t, cases[i].times);
		end(&t, false);
		buckets_of(&t.out, "net", out, sizeof out);
		if (strcmp(out, cases[i].out))
			fail_msg("%s: '%s', not '%s'", cases[i].name, out, cases[i].out);
		is_whole(&t.out);
		done(&t);
	}
}

/* Streams that are parts of one: whenever their events come, their periods are the same. */
static void periods_that_meet(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned periods;
		double start;
		const char *times, *out;
	} cases[] = {
	    {"from the origin on", 5, 119.5, "119.6 121 179.9 180 230 >231", "120+60:3 180+51:2"},
	    {"begun later", 5, 130, "131 185.5 >190", "120+60:1 180+10:1"},
	    {"a quiet one", 5, 120, "121 t182 t243.5 >244", "120+60:1 180+60:0 240+4:0"},
	    {"a late event of the period before", 5, 120, "121 180 179 >181", "120+60:1 180+1:2"},
	    {"nothing for minutes", 5, 120, "121 500 >501", "120+60:1 480+21:1"},
	    {"one period", 1, 120.4, "121 500 >501", "120+381:2"},
	    {"set back by minutes", 5, 500, "500 310 359.9 360 >361", "480+20:1 300+60:2 360+1:1"},
	    {"set back to before the origin", 5, 120, "121 30000 77.5 100 125 >130",
	     "120+60:1 30000+0:1 60+60:2 120+10:1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct test t = {.conf = {.periods = cases[i].periods, .buckets = true, .origin_sec = 120}};
		char out[512];
		open_window(&t);
		begin(&t, cases[i].start, PV_CLOCK_LIVE);
		play(&t, cases[i].times);
		end(&t, false);
		buckets_of(&t.out, "net", out, sizeof out);
		if (strcmp(out, cases[i].out))
			fail_msg("%s: '%s', not '%s'", cases[i].name, out, cases[i].out);
		is_whole(&t.out);
		done(&t);
	}
}

/* Rates count in the second of the event, late ones in the first that is open. */
static void rates(void **state)
{
	(void)state;
	struct test t = {.conf = {.periods = 5}};
	open_window(&t);
	begin(&t, 100, PV_CLOCK_RECORDED);
	for (unsigned i = 0; i < 60; i++)
		for (unsigned k = 0; k <= i; k++)
			ev_net(&t.in, (100 + i) * SEC + k, 1, 1);
	ev_net(&t.in, 160 * SEC, 1, 1);
	ev_net(&t.in, 158 * SEC, 1, 1); /* its second has gone */
	ev_stop(&t.in, 160 * SEC);
	end(&t, false);
	assert_int_equal(value(&t, "5m.net.rate.p50"), 30);
	assert_int_equal(value(&t, "5m.net.rate.p99"), 60);
	assert_int_equal(value(&t, "5m.net.rate.live"), -1);
	assert_int_equal(value(&t, "5m.net.events"), 1832);
	done(&t);
}

/* The newest `periods` are kept; the live one is one of them. */
static void kept(void **state)
{
	(void)state;
	for (unsigned periods = 1; periods <= PV_WINDOW_PERIODS_MAX; periods++) {
		struct test t = {.conf = {.periods = periods}};
		char path[32];
		open_window(&t);
		begin(&t, 0.001, PV_CLOCK_RECORDED);
		for (uint64_t minute = 0; minute < 15; minute++)
			for (uint64_t k = 0; k <= minute; k++)
				ev_net(&t.in, minute * 60 * SEC + 1000000, 1, minute);
		feed(&t);
		long long expected = 0;
		for (unsigned m = 0; m < (periods == 1 ? 15 : periods); m++)
			expected += 15 - m;
		snprintf(path, sizeof path, "%um.net.events", periods);
		assert_int_equal(value(&t, path), expected); /* live */
		ev_stop(&t.in, 14 * 60 * SEC + 5000000);
		end(&t, false);
		assert_int_equal(value(&t, path), expected);
		snprintf(path, sizeof path, "%um.net.period.start_ts", periods);
		assert_int_equal(value(&t, path), periods == 1 ? 0 : (15 - periods) * 60);
		snprintf(path, sizeof path, "%um.net.period.length", periods);
		assert_int_equal(value(&t, path), periods == 1 ? 14 * 60 : (periods - 1) * 60);
		done(&t);
	}
}

/* Streams one behind the other: buckets of the same minute are one, and no more than `periods` stay, whatever
 * comes. */
static void several_streams(void **state)
{
	(void)state;
	static const struct {
		unsigned periods;
		unsigned from[3], minutes[3]; /* of each stream: first minute, how many */
		long long events, start, length;
	} cases[] = {
	    {5, {10, 10, 0}, {1, 1, 0}, 2, 600, 0},
	    {5, {10, 10, 10}, {5, 5, 5}, 15, 600, 240},
	    {5, {10, 12, 0}, {3, 3, 0}, 6, 600, 240},
	    {5, {12, 10, 0}, {3, 3, 0}, 6, 600, 240}, /* in any order */
	    {5, {10, 100, 0}, {5, 5, 0}, 5, 6000, 240},
	    {5, {100, 10, 0}, {5, 5, 0}, 5, 6000, 240}, /* what is older than all that is kept goes */
	    {2, {10, 11, 12}, {3, 3, 3}, 3, 780, 60},
	    {10, {10, 20, 0}, {10, 10, 0}, 10, 1200, 540}, /* full, then shifting again */
	    {10, {10, 30, 50}, {10, 10, 10}, 10, 3000, 540},
	    {10, {50, 30, 10}, {10, 10, 10}, 10, 3000, 540},
	    {10, {10, 10, 10}, {10, 10, 10}, 30, 600, 540},
	    {1, {10, 30, 20}, {3, 3, 3}, 9, 600, 1320},
	    {1, {30, 10, 20}, {3, 3, 3}, 9, 600, 1320},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct test t = {.conf = {.periods = cases[i].periods}};
		char path[40];
		open_window(&t);
		for (unsigned s = 0; s < 3 && cases[i].minutes[s]; s++) {
			uint64_t last = 0;
			begin(&t, cases[i].from[s] * 60, PV_CLOCK_RECORDED);
			for (unsigned m = 0; m < cases[i].minutes[s]; m++)
				ev_net(&t.in, last = (cases[i].from[s] + m) * 60 * SEC, 1, 1);
			ev_stop(&t.in, last);
			feed(&t);
		}
		end(&t, false);
		snprintf(path, sizeof path, "%um.net.events", cases[i].periods);
		if (value(&t, path) != cases[i].events)
			fail_msg("case %zu: %lld events", i, value(&t, path));
		snprintf(path, sizeof path, "%um.net.period.start_ts", cases[i].periods);
		assert_int_equal(value(&t, path), cases[i].start);
		snprintf(path, sizeof path, "%um.net.period.length", cases[i].periods);
		assert_int_equal(value(&t, path), cases[i].length);
		done(&t);
	}
}

/* One bucket for everything: printed at once, or through buckets and merged, in either order, with or without
 * a STOP between; the same JSON. */
static void one_period_over_streams(void **state)
{
	(void)state;
	static const double starts[2][2] = {{100, 5000}, {5000, 100}};
	char *expected = NULL;
	for (unsigned order = 0; order < 2; order++)
		for (unsigned mode = 0; mode < 3;
		     mode++) { /* 0 printed; 1 one window's buckets; 2 a window each */
			struct test t = {.conf = {.periods = 1, .buckets = mode > 0}},
				    sum = {.conf = {.periods = 1}};
			open_window(&t);
			open_window(&sum);
			for (unsigned s = 0; s < 2; s++) {
				double from = starts[order][s];
				begin(&t, from, PV_CLOCK_RECORDED);
				for (unsigned k = 0; k < 200;
				     k++) /* out of order too: the first is not the earliest */
					ev_net(&t.in,
					       (uint64_t)((from + k * 37 % 200) * 1e9) -
						   (k == 3 ? 150 * SEC : 0),
					       1, (uint64_t)from + k % 10);
				ev_stop(&t.in, (uint64_t)((from + 200) * 1e9));
				feed(&t);
				if (mode == 2) {
					end(&t, false);
					feed_bytes(&sum, t.out.p, t.out.n);
					done(&t);
					t = (struct test){.conf = {.periods = 1, .buckets = true}};
					open_window(&t);
				}
			}
			end(&t, false);
			if (mode == 1) {
				is_whole(&t.out);
				feed_bytes(&sum, t.out.p, t.out.n);
			}
			end(&sum, false);
			char *text = text_of(mode ? &sum : &t);
			if (!expected)
				expected = text;
			else {
				assert_string_equal(text, expected);
				free(text);
			}
			done(&t);
			done(&sum);
		}
	assert_non_null(strstr(expected, "\"events\":400"));
	assert_non_null(strstr(expected, "\"start_ts\":61")); /* 100 + 3 * 37 - 150: not that of the first */
	free(expected);
}

static void cut_streams(void **state)
{
	(void)state;
	for (unsigned mode = 0; mode < 4; mode++) {
		struct test t = {.conf = {.periods = mode & 1 ? 1 : 5, .buckets = mode & 2}};
		char out[256];
		open_window(&t);
		begin(&t, 100, PV_CLOCK_RECORDED);
		ev_net(&t.in, 100 * SEC, 1, 1);
		ev_net(&t.in, 130 * SEC, 1, 2);
		end(&t, true);
		if (t.conf.buckets) { /* what is known goes out, and no STOP */
			buckets_of(&t.out, "net", out, sizeof out);
			assert_string_equal(out, "100+30:2");
			for (size_t at = 0; at < t.out.n; at += ev_at(&t.out, at)->size)
				assert_int_not_equal(ev_at(&t.out, at)->type, PV_EV_STOP);
		}
		assert_int_equal(value(&t, mode & 1 ? "1m.net.events" : "5m.net.events"), 2);
		assert_int_equal(value(&t, mode & 1 ? "1m.net.period.length" : "5m.net.period.length"), 30);
		assert_false(pv_window_losses(t.w)->stopped);
		done(&t);
	}
}

/* ---- buckets that come in ------------------------------------------------------------------------------ */

/* The buckets of `minutes` minutes from `from`, as a stream. */
static void bucket_stream(struct mem *m, unsigned from, unsigned minutes, uint64_t packet)
{
	struct test t = {.conf = {.periods = 5, .buckets = true}};
	uint64_t last = 0;
	open_window(&t);
	begin(&t, from * 60, PV_CLOCK_RECORDED);
	for (unsigned i = 0; i < minutes; i++)
		for (unsigned k = 0; k < 10; k++) {
			last = ((from + i) * 60 + k) * SEC;
			ev_net(&t.in, last, 1, packet + k);
		}
	ev_stop(&t.in, last);
	end(&t, false);
	struct iovec iov = {t.out.p, t.out.n};
	mem_write(m, &iov, 1);
	done(&t);
}

static void buckets_any_order(void **state)
{
	(void)state;
	static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					      {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct mem part[3] = {{0}};
	char *expected = NULL;
	bucket_stream(&part[0], 10, 2, 1);
	bucket_stream(&part[1], 11, 3, 5);
	bucket_stream(&part[2], 12, 2, 100);
	for (unsigned o = 0; o < 6; o++)
		for (unsigned deep = 0; deep < 3;
		     deep++) { /* and through further windows, which change nothing */
			struct mem all = {0};
			for (unsigned i = 0; i < 3; i++) {
				struct iovec iov = {part[orders[o][i]].p, part[orders[o][i]].n};
				mem_write(&all, &iov, 1);
			}
			for (unsigned k = 0; k < deep; k++) {
				struct test mid = {
				    .conf = {.periods = 5, .buckets = true, .live_copies = true}};
				open_window(&mid);
				feed_bytes(&mid, all.p, all.n);
				end(&mid, false);
				is_whole(&mid.out);
				assert_int_equal(mid.out.n, all.n); /* nothing of its own */
				mem_free(&all);
				all = mid.out;
				memset(&mid.out, 0, sizeof mid.out);
				done(&mid);
			}
			struct test t = {.conf = {.periods = 5}};
			open_window(&t);
			feed_bytes(&t, all.p, all.n);
			end(&t, false);
			assert_null(pv_window_problem(t.w));
			char *text = text_of(&t);
			if (!expected)
				expected = text;
			else {
				assert_string_equal(text, expected);
				free(text);
			}
			assert_int_equal(value(&t, "5m.net.events"), 70);
			assert_int_equal(value(&t, "5m.net.period.start_ts"), 600);
			assert_int_equal(value(&t, "5m.net.period.length"), 3 * 60 + 9);
			done(&t);
			mem_free(&all);
		}
	for (unsigned i = 0; i < 3; i++)
		mem_free(&part[i]);
	free(expected);
}

/* A live chain of windows: LIVE copies and closed buckets go on as they came, and every STATS is counted
 * once, by the first that has the handler for it. */
static void live_chain(void **state)
{
	(void)state;
	static const char *const modules[] = {"net", "src"};
	for (unsigned mode = 0; mode < 8; mode++) { /* bits: live copies; src only in the last; it alone */
		struct pv_window_conf conf = {.periods = 5,
					      .buckets = true,
					      .live_copies = mode & 1,
					      .modules = modules,
					      .nmodules = mode & 2 ? 1 : 2};
		struct test a = {.conf = conf}, b = a,
			    c = {.conf = {.periods = mode & 4 ? 1 : 5,
					  .modules = modules,
					  .nmodules = 2,
					  .closed = closed}};
		char first[8192], second[8192];
		c.conf.ctx = &c;
		open_window(&a);
		open_window(&b);
		open_window(&c);
		begin(&a, 100, PV_CLOCK_LIVE);
		for (unsigned i = 0; i < 130; i++) {
			ev_net(&a.in, (100 + i) * SEC, 1, 1);
			ev_stats(&a.in, (100 + i) * SEC, i, 0, 0);
			ev_any(&a.in, PV_EV_LEDGER, (100 + i) * SEC); /* whoever counts STATS: these go on */
			ev_any(&a.in, PV_EV_TICK, (100 + i) * SEC + 1);
		}
		ev_stop(&a.in, 230 * SEC);
		end(&a, false);
		feed_bytes(&b, a.out.p, a.out.n);
		end(&b, false);
		feed_bytes(&c, b.out.p, b.out.n);
		end(&c, false);
		assert_int_equal(how_many(&b.out, PV_EV_LEDGER), 130);
		for (unsigned h = 0; h < 2; h++) {
			buckets_of(&a.out, modules[h], first, sizeof first);
			buckets_of(&b.out, modules[h], second, sizeof second);
			assert_string_equal(first, second);
		}
		assert_int_equal(value(&a, "5m.net.events"), 130);
		assert_int_equal(value(&c, mode & 4 ? "1m.net.events" : "5m.net.events"), 130);
		assert_int_equal(value(&a, "5m.src.count"), mode & 2 ? -1 : 13000);
		assert_int_equal(value(&c, mode & 4 ? "1m.src.count" : "5m.src.count"), 13000);
		if (!(mode & 6)) {
			char *x = text_of(&a), *y = text_of(&c);
			assert_string_equal(x, y);
			free(x);
			free(y);
		}
		if (!(mode & 4))
			assert_string_equal(c.lines, "100+60:60 160+60:60 220+10:10 ");
		done(&a);
		done(&b);
		done(&c);
	}
}

/* Bad buckets are left out, with the first reason; good ones count. */
static void bad_buckets(void **state)
{
	(void)state;
	struct mem good = {0};
	struct test t = {.conf = {.periods = 5}};
	bucket_stream(&good, 10, 1, 1);
	open_window(&t);
	begin(&t, 600, PV_CLOCK_RECORDED);
	ev_bucket(&t.in, PV_EV_BUCKET, 700 * SEC, "net", "1.0", 1, 1);
	ev_stop(&t.in, 700 * SEC); /* in the middle of a bucket */
	feed_bytes(&t, good.p, good.n);
	begin(&t, 600, PV_CLOCK_RECORDED);
	ev_any(&t.in, PV_EV_BLOCK, 600 * SEC);
	ev_bucket(&t.in, PV_EV_BUCKET, 700 * SEC, "nobody", "1.0", 1, 1); /* not ours: no problem */
	ev_any(&t.in, PV_EV_BLOCK, 600 * SEC);
	ev_any(&t.in, PV_EV_BUCKET_END, 600 * SEC);
	ev_stop(&t.in, 700 * SEC);
	feed_bytes(&t, good.p, good.n);
	end(&t, false);
	assert_string_equal(pv_window_problem(t.w), "a bucket is interrupted");
	assert_int_equal(value(&t, "5m.net.events"), 20);
	done(&t);
	mem_free(&good);
}

/* A reader's groups: no more than a bucket has, less what it turns off. */
static void bucket_groups(void **state)
{
	(void)state;
	static const char *const on[] = {"on"}, *const off[] = {"off"};
	struct mem m = {0};
	bucket_stream(&m, 10, 1, 1);
	for (unsigned i = 0; i < 3; i++) {
		struct test t = {
		    .conf = {
			.periods = 5, .disable = on, .ndisable = i == 1, .enable = off, .nenable = i == 2}};
		open_window(&t);
		feed_bytes(&t, m.p, m.n);
		end(&t, false);
		assert_int_equal(value(&t, "5m.net.events"),
				 i == 1 ? -1 : 10); /* nothing on: nothing shown */
		assert_int_equal(value(&t, "5m.net.total"), i == 1 ? -1 : 10);
		assert_int_equal(value(&t, "5m.net.opt"), -1);
		done(&t);
	}
	mem_free(&m);
}

/* ---- live ----------------------------------------------------------------------------------------- */

/* One copy a second at most, each in the place of the one before (same start), and a closed one at the end. */
static bool every_third(void *ctx)
{
	unsigned *asked = ctx;
	return (*asked)++ % 3 == 0;
}

/* A reader that does not keep up gets fewer copies of the open period, and every closed one. */
static void live_copies_wait(void **state)
{
	(void)state;
	unsigned asked = 0;
	struct test t = {.conf = {.periods = 5, .buckets = true, .live_copies = true, .ready = every_third, .ctx = &asked}};
	size_t copies = 0, buckets = 0;
	open_window(&t);
	begin(&t, 100, PV_CLOCK_LIVE);
	for (unsigned i = 0; i < 130; i++)
		ev_net(&t.in, (100 + i) * SEC, 1, 1);
	ev_stop(&t.in, 230 * SEC);
	end(&t, false);
	for (size_t at = 0; at < t.out.n; at += ev_at(&t.out, at)->size) {
		copies += ev_at(&t.out, at)->type == PV_EV_LIVE;
		buckets += ev_at(&t.out, at)->type == PV_EV_BUCKET;
	}
	assert_in_range(asked, 120, 131);
	assert_int_equal(copies, (asked + 2) / 3);
	assert_int_equal(buckets, 3);
	done(&t);
}

static void live_copies(void **state)
{
	(void)state;
	struct test t = {.conf = {.periods = 5, .buckets = true, .live_copies = true}};
	char out[4096];
	open_window(&t);
	begin(&t, 157, PV_CLOCK_LIVE);
	for (unsigned i = 0; i < 40; i++)
		ev_net(&t.in, 157 * SEC + i * SEC / 10, 1, 1);
	ev_net(&t.in, 216 * SEC, 1, 1);
	ev_net(&t.in, 217 * SEC, 1, 1);
	ev_net(&t.in, 218 * SEC + SEC / 2, 1, 1);
	ev_stop(&t.in, 218 * SEC + SEC / 2);
	end(&t, false);
	buckets_of(&t.out, "net", out, sizeof out);
	assert_string_equal(
	    out, "L157+0:0 L157+1:10 L157+2:20 L157+3:30 L157+59:40 157+60:41 L217+0:0 L217+1.5:1 217+1.5:2");
	is_whole(&t.out);
	done(&t);
	t = (struct test){.conf = {.periods = 5, .live_copies = true}}; /* who prints puts out nothing */
	open_window(&t);
	begin(&t, 157, PV_CLOCK_LIVE);
	for (unsigned i = 0; i < 100; i++)
		ev_net(&t.in, (157 + i) * SEC, 1, 1);
	ev_stop(&t.in, 300 * SEC);
	end(&t, false);
	assert_int_equal(t.out.n, 0);
	done(&t);
}

/* The clock was an hour ahead, and is set right: copies and minutes go on at once, and those that were ahead do not stay in
 * front of them. */
static void clock_set_back(void **state)
{
	(void)state;
	for (unsigned periods = 1; periods <= 5; periods += 4) {
		struct test t = {.conf = {.periods = periods, .buckets = true, .live_copies = true}};
		char out[4096], *from;
		open_window(&t);
		begin(&t, 13600, PV_CLOCK_LIVE);
		for (unsigned i = 0; i < 600; i += 10)
			ev_net(&t.in, (13600 + i) * SEC, 1, 1);
		for (unsigned i = 0; i < 3; i++)
			ev_net(&t.in, (10600 + i) * SEC, 1, 1);
		feed(&t);
		buckets_of(&t.out, "net", out, sizeof out);
		from = strstr(out, periods == 1 ? " L10600+0:" : "14140+50:6");
		assert_non_null(from);
		assert_string_equal(from, periods == 1 ? " L10600+0:60 L10600+1:61 L10600+2:62"
						       : "14140+50:6 L10600+0:0 L10600+1:1 L10600+2:2");
		char name[] = "5m.net.events";
		name[0] = (char)('0' + periods);
		assert_int_equal(value(&t, name), periods == 1 ? 63 : 3);
		for (unsigned i = 3; i < 600; i++)
			ev_net(&t.in, (10600 + i) * SEC, 1, 1);
		feed(&t);
		assert_int_equal(value(&t, name), periods == 1 ? 660 : 300); /* the live one, and four */
		done(&t);
	}
}

/* Two live streams that were saved, the later one first: one bucket has the time of both. */
static void one_bucket_of_streams_in_any_order(void **state)
{
	(void)state;
	struct test t = {.conf = {.periods = 1}};
	open_window(&t);
	for (uint64_t at = 13600; at >= 10600; at -= 3000) {
		begin(&t, at, PV_CLOCK_LIVE);
		ev_net(&t.in, (at + 5) * SEC, 1, 1);
		pv_stop_emit(&t.in, (at + 10) * SEC, NULL, 0);
		feed(&t);
	}
	assert_int_equal(value(&t, "1m.net.events"), 2);
	assert_int_equal(value(&t, "1m.net.period.start_ts"), 10600);
	assert_int_equal(value(&t, "1m.net.period.length"), 3010);
	done(&t);
}

/* So does a window that reads another's buckets. */
static void buckets_set_back(void **state)
{
	(void)state;
	struct test from = {.conf = {.periods = 5, .buckets = true}}, to = {.conf = {.periods = 5}};
	open_window(&from);
	open_window(&to);
	begin(&from, 13600, PV_CLOCK_LIVE);
	for (unsigned i = 0; i < 600; i++)
		ev_net(&from.in, (13600 + i) * SEC, 1, 1);
	for (unsigned i = 0; i < 130; i++)
		ev_net(&from.in, (10600 + i) * SEC, 1, 1);
	feed(&from);
	feed_bytes(&to, from.out.p, from.out.n);
	assert_int_equal(value(&to, "5m.net.events"), 120);
	done(&from);
	done(&to);
}

static void closed_callback(void **state)
{
	(void)state;
	struct test t = {.conf = {.periods = 3, .closed = closed}};
	t.conf.ctx = &t;
	open_window(&t);
	begin(&t, 100, PV_CLOCK_LIVE);
	for (unsigned i = 0; i < 300; i++) {
		if (i % 10 == 0)
			ev_net(&t.in, (100 + i) * SEC, 1, 1);
		else
			ev_any(&t.in, PV_EV_TICK, (100 + i) * SEC);
	}
	ev_stop(&t.in, 400 * SEC);
	end(&t, false);
	assert_string_equal(t.lines, "100+60:6 160+60:6 220+60:6 280+60:6 340+60:6 400+0:0 ");
	done(&t);
	t = (struct test){.conf = {.periods = 3, .closed = closed}};
	t.conf.ctx = &t;
	open_window(&t);
	begin(&t, 100, PV_CLOCK_RECORDED);
	ev_net(&t.in, 100 * SEC, 1, 1);
	ev_net(&t.in, 1000 * SEC, 1, 1);
	ev_stop(&t.in, 1000 * SEC);
	end(&t, false);
	assert_string_equal(t.lines, ""); /* recorded ones are shown as a whole */
	done(&t);
}

/* ---- what is counted ------------------------------------------------------------------------------ */

static void deep_and_base(void **state)
{
	(void)state;
	static const unsigned deep[] = {1, 30, 99, 100};
	for (size_t i = 0; i < sizeof deep / sizeof deep[0]; i++) {
		struct test t = {.conf = {.periods = 5, .deep = deep[i]}};
		open_window(&t);
		begin(&t, 100, PV_CLOCK_RECORDED);
		for (unsigned k = 0; k < 200; k++) { /* every stamp twice; one of the two filtered */
			struct pv_net *n = ev_net(&t.in, 100 * SEC + k, 1, k);
			n->ev.flags = k >= 100 ? PV_F_FILTERED : 0;
			n->size = k % 100 == 50 ? 1 : 60; /* two that are no base events */
		}
		ev_stop(&t.in, 101 * SEC);
		end(&t, false);
		assert_int_equal(value(&t, "5m.net.events"), 198); /* filtered ones too */
		assert_int_equal(value(&t, "5m.net.samples"), 2 * deep[i] - (deep[i] > 50 ? 2 : 0));
		assert_int_equal(value(&t, "5m.net.total"), 100);
		assert_int_equal(value(&t, "5m.net.filtered"), 100);
		assert_int_equal(value(&t, "5m.net.deep"), deep[i]);
		done(&t);
	}
}

static void shift_hook(void **state)
{
	(void)state;
	struct test t = {.conf = {.periods = 5}};
	open_window(&t);
	begin(&t, 100, PV_CLOCK_RECORDED);
	ev_net(&t.in, 100 * SEC, 1, 1);
	ev_net(&t.in, 160 * SEC, 1, 1);
	ev_net(&t.in, 160 * SEC, 1, 1);
	ev_net(&t.in, 220 * SEC, 1, 1);
	ev_stop(&t.in, 220 * SEC);
	end(&t, false);
	assert_int_equal(value(&t, "5m.net.events"), 4);
	done(&t);
}

/* A number stands for its newest text, per stage, until the stream ends. */
static void defines(void **state)
{
	(void)state;
	struct test t = {.conf = {.periods = 5}};
	open_window(&t);
	begin(&t, 100, PV_CLOCK_RECORDED);
	ev_net(&t.in, 100 * SEC, 1, 1); /* 1 is not known yet */
	ev_define(&t.in, 100 * SEC, 1, PV_DEFINE_GEO, 1, "old");
	ev_define(&t.in, 100 * SEC, 2, PV_DEFINE_GEO, 1, "another stage's");
	ev_define(&t.in, 100 * SEC, 1, PV_DEFINE_ASN, 1, "another kind's");
	ev_net(&t.in, 100 * SEC, 1, 1);
	ev_define(&t.in, 100 * SEC, 1, PV_DEFINE_GEO, 1, "new");
	ev_net(&t.in, 100 * SEC, 1, 1);
	ev_net(&t.in, 100 * SEC, 1, 1);
	ev_stop(&t.in, 100 * SEC);
	begin(&t, 100, PV_CLOCK_RECORDED);
	ev_net(&t.in, 100 * SEC, 1, 1); /* forgotten */
	ev_stop(&t.in, 100 * SEC);
	end(&t, false);
	json_t *j = pv_window_json(t.w), *places = at_path(j, "5m.net.places");
	char *text = json_dumps(places, PV_JSON_FLAGS);
	assert_string_equal(text, "[{\"estimate\":2,\"name\":\"new\"},{\"estimate\":1,\"name\":\"old\"}]");
	free(text);
	json_decref(j);
	done(&t);
}

static void defines_are_bounded(void **state)
{
	(void)state;
	struct mem m = {0};
	struct pv_out o;
	static char long_text[4000];
	size_t len = 0;
	memset(long_text, 'x', sizeof long_text - 1);
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	struct pv_defines *d = pv_defines_new(1000, 5);
	assert_non_null(d);
	for (uint32_t i = 1; i <= 2000; i++) {
		m.n = 0;
		ev_define(&o, SEC, 1, PV_DEFINE_GEO, i, i % 2 ? "abc" : "");
		pv_out_flush(&o);
		pv_defines_put(d, (const void *)ev_at(&m, 0));
	}
	for (uint32_t i = 1; i <= 2000; i++) {
		const char *text = pv_defines_get(d, 1, PV_DEFINE_GEO, i, &len);
		assert_int_equal(text != NULL, i <= 1000);
		if (text)
			assert_int_equal(len, i % 2 ? 3 : 0);
	}
	m.n = 0; /* what is there can still be replaced; long texts are cut */
	ev_define(&o, SEC, 1, PV_DEFINE_GEO, 7, long_text);
	pv_out_flush(&o);
	pv_defines_put(d, (const void *)ev_at(&m, 0));
	assert_non_null(pv_defines_get(d, 1, PV_DEFINE_GEO, 7, &len));
	assert_int_equal(len, PV_DEFINES_TEXT);
	assert_null(pv_defines_get(d, 1, PV_DEFINE_GEO, 0, &len));
	assert_null(pv_defines_get(d, 255, PV_DEFINE_GEO, 0xffffffff, &len));
	pv_defines_clear(d);
	assert_null(pv_defines_get(d, 1, PV_DEFINE_GEO, 7, &len));
	pv_defines_free(d);
	pv_defines_free(NULL);

	d = pv_defines_new(PV_WINDOW_DEFINES, 5); /* by bytes */
	assert_non_null(d);
	size_t known = 0;
	for (uint32_t i = 1; i <= 20000; i++) {
		m.n = 0;
		ev_define(&o, SEC, 1, PV_DEFINE_GEO, i, long_text);
		pv_out_flush(&o);
		pv_defines_put(d, (const void *)ev_at(&m, 0));
		known += pv_defines_get(d, 1, PV_DEFINE_GEO, i, &len) != NULL;
	}
	assert_int_equal(known, PV_DEFINES_BYTES / PV_DEFINES_TEXT);
	for (uint32_t i = 1; i <= 20000; i++) { /* shorter ones make room */
		m.n = 0;
		ev_define(&o, SEC, 1, PV_DEFINE_GEO, i, "short");
		pv_out_flush(&o);
		pv_defines_put(d, (const void *)ev_at(&m, 0));
	}
	assert_non_null(pv_defines_get(d, 1, PV_DEFINE_GEO, 20000, &len));
	pv_defines_free(d);
	pv_out_free(&o);
	mem_free(&m);
}

/* ---- who counts ----------------------------------------------------------------------------------- */

/* Several analysers of a type: each instance has its own stage's events, in every stream anew. */
static void instances(void **state)
{
	(void)state;
	struct test t = {.conf = {.periods = 1}};
	open_window(&t);
	ev_start(&t.in, 100 * SEC, PV_CLOCK_RECORDED, 1, 1);
	ev_stage(&t.in, 100 * SEC, 0, PV_STAGE_SOURCE, "src", "src"); /* not without being asked for */
	ev_stage(&t.in, 100 * SEC, 1, PV_STAGE_ANALYSER, "net", "inner");
	ev_stage(&t.in, 100 * SEC, 2, PV_STAGE_ANALYSER, "net", "outer");
	ev_stage(&t.in, 100 * SEC, 3, PV_STAGE_ANALYSER, "dns", "dns");	  /* silent: its zeros show */
	ev_stage(&t.in, 100 * SEC, 4, PV_STAGE_ANALYSER, "what", "what"); /* nobody knows it */
	ev_stage(&t.in, 100 * SEC, 5, PV_STAGE_SUMMARY, "net", "sum");
	for (unsigned i = 0; i < 10; i++)
		ev_net(&t.in, 100 * SEC, i < 3 ? 1 : 2, 1);
	ev_net(&t.in, 100 * SEC, 9, 1); /* of a stage that never said who it is */
	ev_stop(&t.in, 100 * SEC);
	feed(&t);
	assert_int_equal(value(&t, "1m.net.events"), 3);
	assert_int_equal(value(&t, "1m.net_2.events"), 7);
	assert_int_equal(value(&t, "1m.dns.count"), 0);
	assert_int_equal(value(&t, "1m.src.count"), -1);
	/* another stream: only one of them, under another number. The other one must not count it too. */
	ev_start(&t.in, 100 * SEC, PV_CLOCK_RECORDED, 2, 1);
	ev_stage(&t.in, 100 * SEC, 7, PV_STAGE_ANALYSER, "net", "outer");
	ev_net(&t.in, 100 * SEC, 7, 1);
	ev_net(&t.in, 100 * SEC, 7, 1);
	ev_stop(&t.in, 100 * SEC);
	end(&t, false);
	assert_int_equal(value(&t, "1m.net.events"), 3);
	assert_int_equal(value(&t, "1m.net_2.events"), 9);
	done(&t);
}

/* Announcements without end. */
static void many_instances(void **state)
{
	(void)state;
	struct test t = {.conf = {.periods = 5}};
	open_window(&t);
	for (unsigned s = 0; s < 100; s++) {
		char name[16];
		snprintf(name, sizeof name, "n%u", s);
		ev_start(&t.in, 100 * SEC, PV_CLOCK_RECORDED, s, 1);
		ev_stage(&t.in, 100 * SEC, 1, PV_STAGE_ANALYSER, "net", name);
		ev_stage(&t.in, 100 * SEC, 2, PV_STAGE_ANALYSER, "net", "same\0other");
		ev_net(&t.in, 100 * SEC, 1, 1);
		ev_stop(&t.in, 100 * SEC);
	}
	end(&t, false);
	assert_int_equal(value(&t, "5m.net_32.events"), 1);
	assert_int_equal(value(&t, "5m.net_33.events"), -1);
	assert_int_equal(pv_window_losses(t.w)->lost, 100 - (PV_WINDOW_INSTANCES - 1));
	done(&t);
}

static void modules(void **state)
{
	(void)state;
	static const struct {
		const char *modules[4];
		const char *err;	 /* NULL: fine */
		long long net, dns, src; /* -1: not there */
	} cases[] = {
	    {{NULL}, NULL, 1, -1, -1},
	    {{"net"}, NULL, 1, -1, -1},
	    {{"net:2.0"}, NULL, 1, -1, -1},
	    {{"dns"}, NULL, -1, 0, -1}, /* nobody announces it: zeros */
	    {{"net", "dns", "src"}, NULL, 1, 0, 101},
	    {{"nope"}, "unknown module 'nope'; there are: net:1.0 net:2.0 dns:1.0 src:1.0", 0, 0, 0},
	    {{"net", "net:3.0"},
	     "unknown module 'net:3.0'; there are: net:1.0 net:2.0 dns:1.0 src:1.0",
	     0,
	     0,
	     0},
	    {{"net:"}, "unknown module 'net:'; there are: net:1.0 net:2.0 dns:1.0 src:1.0", 0, 0, 0},
	    {{""}, "unknown module ''; there are: net:1.0 net:2.0 dns:1.0 src:1.0", 0, 0, 0},
	    {{":1.0"}, "unknown module ':1.0'; there are: net:1.0 net:2.0 dns:1.0 src:1.0", 0, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct test t = {.conf = {.handlers = handlers, .periods = 1, .deep = 100, .topn = 10}};
		char err[300] = "";
		t.conf.modules = cases[i].modules;
		while (t.conf.nmodules < 4 && cases[i].modules[t.conf.nmodules])
			t.conf.nmodules++;
		if (cases[i].err) {
			assert_null(pv_window_new(&t.conf, mem_sink(&t.out), err, sizeof err));
			assert_string_equal(err, cases[i].err);
			continue;
		}
		open_window(&t);
		begin(&t, 100, PV_CLOCK_RECORDED);
		ev_net(&t.in, 100 * SEC, 1, 1);
		ev_stats(&t.in, 100 * SEC, 1, 1, 1);
		ev_tcp_error(&t.in, 100 * SEC, 1, 1, 1);
		ev_stop(&t.in, 100 * SEC);
		end(&t, false);
		assert_int_equal(value(&t, "1m.net.events"), cases[i].net);
		assert_int_equal(value(&t, "1m.dns.count"), cases[i].dns);
		assert_int_equal(value(&t, "1m.src.count"), cases[i].src);
		done(&t);
	}
	char tiny[8]; /* an error is cut, never over */
	static const char *const bad[] = {"nope"};
	struct pv_window_conf conf = {.handlers = handlers, .modules = bad, .nmodules = 1};
	assert_null(pv_window_new(&conf, pv_sink_stage(NULL), tiny, sizeof tiny));
	assert_string_equal(tiny, "unknown");
}

static void group_choice(void **state)
{
	(void)state;
	static const struct {
		const char *disable[3], *enable[3], *module;
		const char *err;
		bool on, off, shown;
	} cases[] = {
	    {{NULL}, {NULL}, NULL, NULL, true, false, true},
	    {{NULL}, {"off"}, NULL, NULL, true, true, true},
	    {{NULL}, {"all"}, NULL, NULL, true, true, true},
	    {{"all"}, {NULL}, NULL, NULL, false, false, false},
	    {{"all"}, {"off"}, NULL, NULL, false, true, true}, /* disable comes first */
	    {{"on"}, {"on"}, NULL, NULL, true, false, true},
	    {{"on"}, {NULL}, NULL, NULL, false, false, false},
	    {{"on", "off"}, {"all"}, NULL, NULL, true, true, true},
	    {{NULL},
	     {"nope"},
	     "net",
	     "nope is an invalid/unsupported metric group. The valid groups are: all, off, on",
	     false,
	     false,
	     false},
	    {{"nope"},
	     {NULL},
	     NULL,
	     "nope is an invalid/unsupported metric group. The valid groups are: all, off, on",
	     false,
	     false,
	     false},
	    {{"on"},
	     {NULL},
	     "dns",
	     "on is an invalid/unsupported metric group. The valid groups are: all",
	     false,
	     false,
	     false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct test t = {.conf = {.handlers = handlers, .periods = 1, .deep = 100, .topn = 10}};
		char err[300] = "";
		t.conf.disable = cases[i].disable;
		t.conf.enable = cases[i].enable;
		while (t.conf.ndisable < 3 && cases[i].disable[t.conf.ndisable])
			t.conf.ndisable++;
		while (t.conf.nenable < 3 && cases[i].enable[t.conf.nenable])
			t.conf.nenable++;
		t.conf.modules = &cases[i].module;
		t.conf.nmodules = cases[i].module != NULL;
		if (cases[i].err) {
			assert_null(pv_window_new(&t.conf, mem_sink(&t.out), err, sizeof err));
			assert_string_equal(err, cases[i].err);
			continue;
		}
		open_window(&t);
		begin(&t, 100, PV_CLOCK_RECORDED);
		ev_net(&t.in, 100 * SEC, 1, 1);
		ev_stop(&t.in, 100 * SEC);
		end(&t, false);
		assert_int_equal(value(&t, "1m.net.total"), cases[i].on ? 1 : -1);
		assert_int_equal(value(&t, "1m.net.opt"), cases[i].off ? 1 : -1);
		assert_int_equal(value(&t, "1m.net.events"), cases[i].shown ? 1 : -1);
		done(&t);
	}
}

/* ---- limits and losses ---------------------------------------------------------------------------- */

static void budget(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct test t = {.conf = {.periods = 10, .budget_bytes = i ? 200000 : 0}};
		open_window(&t);
		begin(&t, 100, PV_CLOCK_RECORDED);
		for (unsigned minute = 0; minute < 10; minute++)
			for (unsigned k = 0; k < 4000; k++)
				ev_net(&t.in, (100 + minute * 60) * SEC + k, 1, k < 400 ? k % 20 : k);
		ev_stop(&t.in, 699 * SEC);
		end(&t, false);
		assert_int_equal(value(&t, "10m.net.events"), 40000);
		assert_true(value(&t, "10m.net.top.0.estimate") >= (i ? 180 : 200)); /* the heavy ones stay */
		assert_int_equal(pv_window_losses(t.w)->lost, 0);
		done(&t);
	}
	/* what cannot be trimmed is given up, oldest first, and counted */
	struct test t = {.conf = {.periods = 10, .budget_bytes = 1000}};
	open_window(&t);
	begin(&t, 100, PV_CLOCK_RECORDED);
	for (unsigned minute = 0; minute < 10; minute++)
		ev_net(&t.in, (100 + minute * 60) * SEC, 1, 1);
	ev_stop(&t.in, 699 * SEC);
	end(&t, false);
	assert_int_equal(value(&t, "10m.net.events"), 1);
	assert_int_equal(pv_window_losses(t.w)->lost, 9);
	done(&t);
}

static uint64_t told(const struct mem *m, unsigned stage, unsigned what, unsigned nth)
{
	for (size_t at = 0; at < m->n; at += ev_at(m, at)->size)
		if (ev_at(m, at)->type == PV_EV_STOP && !nth--) {
			size_t n;
			const struct pv_ledger_row *row = pv_stop_rows((const void *)ev_at(m, at), &n);
			for (size_t i = 0; i < n; i++)
				if (row[i].stage == stage && row[i].what == what)
					return row[i].value;
			return 0;
		}
	return UINT64_MAX;
}

/* What STOP says is summed over streams, and goes on; a window's own losses are told once. */
static void losses(void **state)
{
	(void)state;
	struct test t = {.conf = {.periods = 5, .buckets = true}};
	static const struct pv_ledger_row rows[] = {
	    {0, PV_LEDGER_RECEIVED, 0, 10},    {0, PV_LEDGER_OS_DROPS, 0, 2},
	    {0, PV_LEDGER_IF_DROPS, 0, 3},     {1, PV_LEDGER_RECEIVED, 0, 999},
	    {1, PV_LEDGER_MALFORMED, 0, 4},    {2, PV_LEDGER_EVICTED, 0, 5},
	    {2, PV_LEDGER_XACT_EVICTED, 0, 6}, {2, PV_LEDGER_FLOW_EVICTED, 0, 7},
	};
	open_window(&t);
	for (unsigned s = 0; s < 2; s++) {
		begin(&t, 100, PV_CLOCK_RECORDED);
		for (unsigned i = 0; s == 0 && i < 40; i++) { /* eight too many */
			char name[8];
			snprintf(name, sizeof name, "%u", i);
			ev_stage(&t.in, 100 * SEC, (uint8_t)(i + 2), PV_STAGE_ANALYSER, "dns", name);
		}
		ev_net(&t.in, 100 * SEC, 1, 1);
		pv_stop_emit(&t.in, 100 * SEC, rows, sizeof rows / sizeof rows[0]);
	}
	end(&t, false);
	const struct pv_window_losses *l = pv_window_losses(t.w);
	assert_int_equal(l->received, 20);
	assert_int_equal(l->os_drops, 4);
	assert_int_equal(l->if_drops, 6);
	assert_int_equal(l->malformed, 8);
	assert_int_equal(l->evicted, 36);
	assert_int_equal(l->streams, 2);
	assert_int_equal(l->lost, 9);
	assert_true(l->stopped);
	is_whole(&t.out);
	assert_int_equal(told(&t.out, 0, PV_LEDGER_RECEIVED, 0), 10);
	assert_int_equal(told(&t.out, 2, PV_LEDGER_FLOW_EVICTED, 1), 7);
	assert_int_equal(told(&t.out, PV_STAGE_STREAM - 1, PV_LEDGER_TOPN_LOST, 0), 9);
	assert_int_equal(told(&t.out, PV_STAGE_STREAM - 1, PV_LEDGER_TOPN_LOST, 1), 0);
	done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shifting),
	    cmocka_unit_test(periods_that_meet),
	    cmocka_unit_test(rates),
	    cmocka_unit_test(kept),
	    cmocka_unit_test(several_streams),
	    cmocka_unit_test(one_period_over_streams),
	    cmocka_unit_test(cut_streams),
	    cmocka_unit_test(buckets_any_order),
	    cmocka_unit_test(live_chain),
	    cmocka_unit_test(bad_buckets),
	    cmocka_unit_test(bucket_groups),
	    cmocka_unit_test(live_copies),
	    cmocka_unit_test(live_copies_wait),
	    cmocka_unit_test(clock_set_back),
	    cmocka_unit_test(one_bucket_of_streams_in_any_order),
	    cmocka_unit_test(buckets_set_back),
	    cmocka_unit_test(closed_callback),
	    cmocka_unit_test(deep_and_base),
	    cmocka_unit_test(shift_hook),
	    cmocka_unit_test(defines),
	    cmocka_unit_test(defines_are_bounded),
	    cmocka_unit_test(instances),
	    cmocka_unit_test(many_instances),
	    cmocka_unit_test(modules),
	    cmocka_unit_test(group_choice),
	    cmocka_unit_test(budget),
	    cmocka_unit_test(losses),
	};
	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
