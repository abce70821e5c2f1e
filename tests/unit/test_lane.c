/* SPDX-License-Identifier: MPL-2.0 */
/* The ring between a source and its policies, and lanes: order, loss, joining and leaving, what a slow one
 * does to others. Also run under ThreadSanitizer (tests/scenarios/threads-unit.sh). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "handlers/handlers.h"
#include "policy/lane.h"
#include "policy/ring.h"
#include "policy/source.h"
#include "net/metrics.h"
#include "stage/pipe.h"
#include "unit/stream_util.h"
#include "window/window.h"

#define SEED 7

/* ---- a writer ---------------------------------------------------------------------------------------- */

struct writer {
	struct pv_ring *ring;
	uint64_t next; /* packet number */
};

static void put_start(struct writer *w, uint64_t t, enum pv_clock clock)
{
	struct mem m = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	ev_start(&o, t, clock, 99, 1);
	pv_out_flush(&o);
	pv_ring_put(w->ring, m.p, m.n, 1, true, t);
	pv_out_free(&o);
	mem_free(&m);
}

static void put_define(struct writer *w, uint64_t t, uint32_t number, const char *text)
{
	struct mem m = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	ev_define(&o, t, PV_SOURCE_NET, PV_DEFINE_GEO, number, text);
	pv_out_flush(&o);
	pv_ring_put(w->ring, m.p, m.n, 1, true, t);
	pv_out_free(&o);
	mem_free(&m);
}

/* n NET events of consecutive packets, all at one time. */
static void put_nets(struct writer *w, uint64_t t, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pv_net e = {.ev = {sizeof e, PV_EV_NET, 0, t},
				   .packet = ++w->next,
				   .l3 = 4,
				   .l4 = PV_L4_UDP,
				   .dir = PV_DIR_IN,
				   .stage = PV_SOURCE_NET,
				   .size = 100,
				   .geo_src = 1};
		ev_addr(e.src, false, 1);
		ev_addr(e.dst, false, 2);
		pv_ring_put(w->ring, &e, sizeof e, 1, false, t);
	}
}

static void put_stop(struct writer *w, uint64_t t)
{
	struct mem m = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	ev_stop(&o, t);
	pv_out_flush(&o);
	pv_ring_put(w->ring, m.p, m.n, 1, true, t);
	pv_out_free(&o);
	mem_free(&m);
	pv_ring_end(w->ring);
}

static const struct pv_event *nth(const struct pv_ring_batch *b, size_t n)
{
	const struct pv_event *ev = b->first;
	while (n--)
		ev = (const void *)((const uint8_t *)ev + ev->size);
	return ev;
}

/* ---- the ring ---------------------------------------------------------------------------------------- */

static void order_and_end(void **state)
{
	(void)state;
	struct writer w = {pv_ring_new(false, SEED), 0};
	struct pv_ring_reader *a = pv_ring_join(w.ring), *b = pv_ring_join(w.ring);
	struct pv_ring_batch ba, bb;
	put_start(&w, SEC, PV_CLOCK_LIVE);
	put_nets(&w, SEC, 3);
	pv_ring_push(w.ring);
	put_nets(&w, 2 * SEC, 4000); /* more than a batch holds */
	pv_ring_end(w.ring);

	uint64_t packet = 0, events = 0;
	assert_int_equal(pv_ring_next(a, &ba), PV_OK);
	assert_int_equal(pv_ring_next(b, &bb), PV_OK);
	assert_ptr_equal(ba.first, bb.first); /* a pointer, no copy */
	assert_int_equal(ba.first->type, PV_EV_START);
	assert_true(ba.special);
	assert_int_equal(ba.events, 4);
	do {
		const struct pv_event *ev = ba.first;
		for (uint64_t i = 0; i < ba.events;
		     i++, events++, ev = (const void *)((const uint8_t *)ev + ev->size))
			if (ev->type == PV_EV_NET)
				assert_int_equal(((const struct pv_net *)(const void *)ev)->packet, ++packet);
		assert_ptr_equal((const uint8_t *)ev, (const uint8_t *)ba.first + ba.len);
		pv_ring_done(a);
	} while (pv_ring_next(a, &ba) == PV_OK);
	assert_int_equal(packet, 4003);
	assert_int_equal(events, 4004);
	assert_int_equal(pv_ring_next(a, &ba), PV_END);
	pv_ring_leave(b); /* with a batch in hand and others waiting */
	pv_ring_leave(a);
	pv_ring_free(w.ring);
}

static void slow_reader_loses_alone(void **state)
{
	(void)state;
	struct writer w = {pv_ring_new(false, SEED), 0};
	struct pv_ring_reader *fast = pv_ring_join(w.ring), *slow = pv_ring_join(w.ring);
	struct pv_ring_batch b;
	put_start(&w, SEC, PV_CLOCK_LIVE);
	put_define(&w, SEC, 1, "Oslo");
	uint64_t got = 0;
	for (unsigned i = 0; i < PV_RING_SLOTS + 10; i++) {
		if (i == 5)
			put_define(&w, SEC, 2, "Bergen");
		put_nets(&w, SEC, 2);
		pv_ring_push(w.ring);
		assert_int_equal(pv_ring_next(fast, &b), PV_OK);
		got += b.events;
		pv_ring_done(fast);
	}
	struct pv_ring_counts c;
	pv_ring_counts(fast, &c);
	assert_int_equal(c.lost_batches, 0);
	assert_int_equal(got, 2 * (PV_RING_SLOTS + 10) + 3);
	pv_ring_counts(slow, &c);
	assert_int_equal(c.lost_batches, 10);
	assert_int_equal(c.lost_events, 20); /* of packets: START and the places are owed, not lost */
	assert_int_equal(c.waiting, PV_RING_SLOTS);

	/* START and both places come first, then the oldest batch that is still there */
	assert_int_equal(pv_ring_next(slow, &b), PV_OK);
	assert_int_equal(b.events, 3);
	assert_int_equal(nth(&b, 0)->type, PV_EV_START);
	assert_int_equal(((const struct pv_define *)(const void *)nth(&b, 1))->number, 1);
	assert_int_equal(((const struct pv_define *)(const void *)nth(&b, 2))->number, 2);
	pv_ring_done(slow);
	assert_int_equal(pv_ring_next(slow, &b), PV_OK);
	assert_int_equal(((const struct pv_net *)(const void *)b.first)->packet, 21);
	pv_ring_done(slow);
	pv_ring_leave(slow);
	pv_ring_leave(fast);
	pv_ring_free(w.ring);
}

static void big_batches_are_fewer(void **state)
{
	(void)state;
	struct writer w = {pv_ring_new(false, SEED), 0};
	struct pv_ring_reader *slow = pv_ring_join(w.ring);
	unsigned per = PV_BATCH_BYTES / sizeof(struct pv_net);
	put_start(&w, SEC, PV_CLOCK_LIVE);
	for (unsigned i = 0; i < 3 * PV_RING_BIG; i++)
		put_nets(&w, SEC, per);
	pv_ring_push(w.ring);
	struct pv_ring_counts c;
	pv_ring_counts(slow, &c);
	assert_true(c.waiting <= PV_RING_BIG + 1);
	assert_true(pv_ring_memory(w.ring) <= (PV_RING_BIG + 2) * PV_BATCH_BYTES + PV_RING_OWED);
	assert_true(c.lost_events >= 2 * (PV_RING_BIG - 1) * (uint64_t)per);
	pv_ring_leave(slow);
	pv_ring_free(w.ring);
}

static void late_reader_gets_the_beginning(void **state)
{
	(void)state;
	struct writer w = {pv_ring_new(false, SEED), 0};
	put_start(&w, SEC, PV_CLOCK_LIVE);
	put_define(&w, SEC, 1, "Oslo");
	put_define(&w, SEC, 2, "Bergen");
	put_define(&w, SEC, 1, "Tromso"); /* the number was given away */
	put_nets(&w, 500 * SEC, 1);
	pv_ring_push(w.ring); /* nobody reads it */
	struct pv_ring_reader *late = pv_ring_join(w.ring);
	put_nets(&w, 501 * SEC, 1);
	pv_ring_end(w.ring);
	struct pv_ring_batch b;
	assert_int_equal(pv_ring_next(late, &b), PV_OK);
	assert_int_equal(b.events, 3);
	const struct pv_start *s = (const void *)nth(&b, 0);
	assert_int_equal(s->ev.type, PV_EV_START);
	assert_int_equal(s->ev.time_ns, 500 * SEC); /* his stream begins now */
	assert_int_equal(s->stream_id, 99);
	for (unsigned i = 1; i < 3; i++) {
		const struct pv_define *d = (const void *)nth(&b, i);
		assert_int_equal(d->stage, PV_SOURCE_NET);
		assert_int_equal(d->kind, PV_DEFINE_GEO);
		const char *want = d->number == 1 ? "Tromso" : "Bergen";
		assert_int_equal(d->text.len, strlen(want));
		assert_memory_equal(pv_ref_bytes(&d->ev, d->text), want, d->text.len);
	}
	pv_ring_done(late);
	assert_int_equal(pv_ring_next(late, &b), PV_OK);
	assert_int_equal(((const struct pv_net *)(const void *)b.first)->packet, 2);
	pv_ring_done(late);
	assert_int_equal(pv_ring_next(late, &b), PV_END);
	pv_ring_leave(late);
	pv_ring_free(w.ring);
}

/* The clock was set back, to before the source began: who comes then begins with it. */
static void late_reader_after_a_set_clock(void **state)
{
	(void)state;
	struct writer w = {pv_ring_new(false, SEED), 0};
	put_start(&w, 9000 * SEC, PV_CLOCK_LIVE);
	put_nets(&w, 500 * SEC, 1);
	pv_ring_push(w.ring);
	struct pv_ring_reader *late = pv_ring_join(w.ring);
	pv_ring_end(w.ring);
	struct pv_ring_batch b;
	assert_int_equal(pv_ring_next(late, &b), PV_OK);
	assert_int_equal(nth(&b, 0)->type, PV_EV_START);
	assert_int_equal(nth(&b, 0)->time_ns, 500 * SEC);
	pv_ring_done(late);
	pv_ring_leave(late);
	pv_ring_free(w.ring);
}

static void too_many_readers(void **state)
{
	(void)state;
	struct pv_ring *r = pv_ring_new(false, SEED);
	struct pv_ring_reader *rd[PV_RING_READERS];
	for (unsigned i = 0; i < PV_RING_READERS; i++)
		assert_non_null(rd[i] = pv_ring_join(r));
	assert_null(pv_ring_join(r));
	for (unsigned i = 0; i < PV_RING_READERS; i++)
		pv_ring_leave(rd[i]);
	pv_ring_free(r);
}

/* ---- lanes ------------------------------------------------------------------------------------------- */

/* What a lane puts out, summed up again. */
struct collector {
	struct pv_window *window;
	atomic_uint live, starts, stops;
	atomic_bool hold; /* the sink takes nothing for now */
};

static enum pv_res collect(void *ctx, const struct iovec *iov, int n)
{
	struct collector *c = ctx;
	while (atomic_load(&c->hold))
		usleep(1000);
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		for (; p < end; p += ((const struct pv_event *)(const void *)p)->size) {
			unsigned type = ((const struct pv_event *)(const void *)p)->type;
			assert_true(type == PV_EV_START || type == PV_EV_STOP || type == PV_EV_STAGE ||
				    type == PV_EV_STATS || type >= PV_EV_BUCKET);
			atomic_fetch_add(&c->live, type == PV_EV_LIVE);
			atomic_fetch_add(&c->starts, type == PV_EV_START);
			atomic_fetch_add(&c->stops, type == PV_EV_STOP);
		}
		struct pv_stage *s = pv_window_stage(c->window);
		s->ops->batch(s, iov[i].iov_base, iov[i].iov_len);
	}
	return PV_OK;
}

static void collector_new(struct collector *c)
{
	char err[200];
	memset(c, 0, sizeof *c);
	const struct pv_window_conf wc = {.handlers = pv_handlers, .periods = 10, .deep = 100, .topn = 10};
	c->window = pv_window_new(&wc, pv_sink_none(), err, sizeof err);
	assert_non_null(c->window);
}

static json_int_t total(struct collector *c)
{
	json_t *j = pv_window_json(c->window);
	json_int_t n = json_integer_value(
	    json_object_get(json_object_get(json_object_get(j, "10m"), "packets"), "total"));
	json_decref(j);
	return n;
}

static bool yes(void *ctx)
{
	(void)ctx;
	return true;
}

static bool no(void *ctx)
{
	(void)ctx;
	return false;
}

static struct pv_lane *lane_new(struct collector *c, bool (*ready)(void *))
{
	char err[200];
	static const char *const all[] = {"all"};
	const struct pv_lane_handler h = {.name = "n",
					  .handler = &pv_net_v1,
					  .stage = PV_SOURCE_NET,
					  .periods = 5,
					  .deep = 100,
					  .topn = 10,
					  .enable = all,
					  .nenable = 1};
	const struct pv_lane_conf conf = {.handlers = &h,
					  .nhandlers = 1,
					  .registry = pv_handlers,
					  .ready = ready,
					  .sink = {.write = collect, .ctx = c}};
	struct pv_lane *l = pv_lane_new(&conf, err, sizeof err);
	assert_non_null(l);
	return l;
}

/* Who asks for a policy that has just begun gets its first minute, though nothing has come yet. */
static void first_copy_at_once(void **state)
{
	(void)state;
	char err[200];
	struct writer w = {pv_ring_new(false, SEED), 0};
	struct collector c;
	collector_new(&c);
	struct pv_lane *l = lane_new(&c, yes);
	assert_int_equal(pv_lane_start(l, w.ring, err, sizeof err), 0);
	put_start(&w, 100 * SEC, PV_CLOCK_LIVE);
	pv_ring_push(w.ring);
	for (int i = 0; i < 20000 && !atomic_load(&c.live); i++)
		usleep(1000);
	assert_int_equal(atomic_load(&c.live), 1);
	put_stop(&w, 100 * SEC);
	pv_lane_wait(l);
	pv_lane_free(l);
	pv_stage_free(pv_window_stage(c.window));
	pv_ring_free(w.ring);
}

static void lane_counts(void **state)
{
	(void)state;
	char err[200];
	struct writer w = {pv_ring_new(true, SEED), 0};
	struct collector c;
	collector_new(&c);
	struct pv_lane *l = lane_new(&c, NULL);
	assert_int_equal(pv_lane_start(l, w.ring, err, sizeof err), 0);
	put_start(&w, SEC, PV_CLOCK_RECORDED);
	put_define(&w, SEC, 1, "Oslo");
	for (unsigned i = 0; i < 200; i++)
		put_nets(&w, (1 + i) * SEC, 1000); /* waits for the lane when it must */
	put_stop(&w, 201 * SEC);
	pv_lane_wait(l);
	assert_false(pv_lane_running(l));
	struct pv_ring_counts n;
	pv_lane_counts(l, &n);
	assert_int_equal(n.lost_batches, 0);
	assert_int_equal(n.events, 200003);
	assert_int_equal(total(&c), 200000);
	assert_int_equal(c.starts, 1);
	assert_int_equal(c.stops, 1);
	json_t *j = pv_window_json(c.window);
	json_t *geo = json_object_get(json_object_get(json_object_get(j, "10m"), "packets"), "top_geoLoc");
	assert_string_equal(json_string_value(json_object_get(json_array_get(geo, 0), "name")), "Oslo");
	json_decref(j);
	pv_lane_free(l);
	pv_stage_free(pv_window_stage(c.window));
	pv_ring_free(w.ring);
}

/* A live stream whose one lane is stuck: it loses, the other does not, and what was lost is known. */
static void stuck_lane(void **state)
{
	(void)state;
	char err[200];
	struct writer w = {pv_ring_new(false, SEED), 0};
	struct collector good, bad;
	collector_new(&good);
	collector_new(&bad);
	struct pv_lane *lg = lane_new(&good, no), *lb = lane_new(&bad, no);
	put_start(&w, SEC, PV_CLOCK_LIVE);
	assert_int_equal(pv_lane_start(lg, w.ring, err, sizeof err), 0);
	assert_int_equal(pv_lane_start(lb, w.ring, err, sizeof err), 0);
	atomic_store(&bad.hold, true);
	const unsigned rounds = PV_RING_SLOTS + 300;
	for (unsigned i = 0; i < rounds; i++) {
		put_nets(&w, SEC + i, 5);
		pv_ring_push(w.ring);
		struct pv_ring_counts n;
		do { /* the good one keeps up */
			pv_lane_counts(lg, &n);
			sched_yield();
		} while (n.waiting > 100);
	}
	atomic_store(&bad.hold, false);
	put_stop(&w, 2 * SEC);
	pv_lane_wait(lg);
	pv_lane_wait(lb);
	struct pv_ring_counts n;
	pv_lane_counts(lg, &n);
	assert_int_equal(n.lost_events, 0);
	assert_int_equal(total(&good), 5 * rounds);
	pv_lane_counts(lb, &n);
	assert_true(n.lost_events >= 5 * 200);
	assert_int_equal(total(&bad), 5 * rounds - n.lost_events);
	pv_lane_free(lg);
	pv_lane_free(lb);
	pv_stage_free(pv_window_stage(good.window));
	pv_stage_free(pv_window_stage(bad.window));
	pv_ring_free(w.ring);
}

static void live_copies_when_asked(void **state)
{
	(void)state;
	char err[200];
	for (int asked = 0; asked < 2; asked++) {
		struct writer w = {pv_ring_new(true, SEED), 0}; /* it waits, so that nothing is lost */
		struct collector c;
		collector_new(&c);
		struct pv_lane *l = lane_new(&c, asked ? yes : no);
		assert_int_equal(pv_lane_start(l, w.ring, err, sizeof err), 0);
		put_start(&w, SEC, PV_CLOCK_LIVE);
		for (unsigned i = 0; i < 40; i++)
			put_nets(&w, SEC + i * SEC / 4, 3);
		put_stop(&w, 20 * SEC);
		pv_lane_wait(l);
		if (asked)
			assert_in_range(c.live, 9, 11); /* ten seconds */
		else
			assert_int_equal(c.live, 0);
		assert_int_equal(total(&c), 120);
		pv_lane_free(l);
		pv_stage_free(pv_window_stage(c.window));
		pv_ring_free(w.ring);
	}
}

/* ---- coming and going while events flow ---------------------------------------------------------------- */

struct flow {
	struct writer w;
	atomic_bool stop;
};

static void *flow(void *arg)
{
	struct flow *f = arg;
	uint64_t t = SEC;
	put_start(&f->w, t, PV_CLOCK_LIVE);
	for (unsigned i = 0; !atomic_load(&f->stop); i++, t += SEC / 1000) {
		if (i % 50 == 0)
			put_define(&f->w, t, 1 + i / 50 % 100, "Oslo");
		put_nets(&f->w, t, 20);
		pv_ring_push(f->w.ring);
		usleep(50);
	}
	put_stop(&f->w, t);
	return NULL;
}

static void join_and_leave(void **state)
{
	(void)state;
	enum { LANES = 4, ROUNDS = 60 };
	char err[200];
	struct flow f = {.w = {pv_ring_new(false, SEED), 0}};
	pthread_t thread;
	struct collector c[LANES], stays;
	struct pv_lane *l[LANES] = {NULL};
	collector_new(&stays);
	struct pv_lane *stay = lane_new(&stays, yes); /* from before the first event to after the last */
	assert_int_equal(pv_lane_start(stay, f.w.ring, err, sizeof err), 0);
	assert_int_equal(pthread_create(&thread, NULL, flow, &f), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned k = i % LANES;
		if (l[k]) {
			pv_lane_free(l[k]);
			assert_true(atomic_load(&c[k].starts) <= 1);
			assert_int_equal(c[k].starts, c[k].stops); /* whole streams, however short */
			pv_stage_free(pv_window_stage(c[k].window));
		}
		collector_new(&c[k]);
		l[k] = lane_new(&c[k], yes);
		assert_int_equal(pv_lane_start(l[k], f.w.ring, err, sizeof err), 0);
		usleep(1000);
	}
	atomic_store(&f.stop, true);
	pthread_join(thread, NULL);
	pv_lane_wait(stay);
	struct pv_ring_counts n;
	pv_lane_counts(stay, &n);
	assert_int_equal(total(&stays) + n.lost_events, f.w.next); /* a busy machine may starve it, but not unsaid */
	assert_true(total(&stays) > 0);
	assert_int_equal(stays.starts, 1);
	assert_int_equal(stays.stops, 1);
	pv_lane_free(stay);
	pv_stage_free(pv_window_stage(stays.window));
	for (unsigned k = 0; k < LANES; k++) {
		pv_lane_free(l[k]);
		assert_int_equal(c[k].starts, c[k].stops);
		pv_stage_free(pv_window_stage(c[k].window));
	}
	assert_int_equal(pv_ring_readers(f.w.ring), 0);
	pv_ring_free(f.w.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(order_and_end),
	    cmocka_unit_test(slow_reader_loses_alone),
	    cmocka_unit_test(big_batches_are_fewer),
	    cmocka_unit_test(late_reader_gets_the_beginning),
	    cmocka_unit_test(late_reader_after_a_set_clock),
	    cmocka_unit_test(too_many_readers),
		cmocka_unit_test(first_copy_at_once),
		cmocka_unit_test(lane_counts),
	    cmocka_unit_test(stuck_lane),
	    cmocka_unit_test(live_copies_when_asked),
	    cmocka_unit_test(join_and_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
