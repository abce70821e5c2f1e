/* SPDX-License-Identifier: MPL-2.0 */
/* lib/stage: the two drivers, which join stages as processes and as threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <cmocka.h>

#include "stage/crew.h"
#include "stage/pipe.h"
#include "unit/script_util.h"

/* ---- drivers: what stands at the other end -------------------------------------------------------- */

/* A stage that checks that packets come numbered without a gap, and may be slow or fail. */
struct checker {
	struct pv_stage stage;
	uint64_t next, stops;
	bool in_order, ended, cut;
	unsigned sleep_us; /* per batch, for the first hundred */
	unsigned batches;
	uint64_t fail_at; /* the output fails at this packet; 0 never */
	const struct mem *rest; /* of the input: it comes with the first batch, which takes longer than the grace of a signal */
	int rest_fd;
};

static void checker_batch(struct pv_stage *stage, const struct pv_event *first, size_t bytes)
{
	struct checker *c = (struct checker *)stage;
	const uint8_t *p = (const void *)first, *end = p + bytes;
	if (c->sleep_us && c->batches++ < 100)
		usleep(c->sleep_us);
	if (c->rest) {
		assert_int_equal(write(c->rest_fd, c->rest->p, c->rest->n), (ssize_t)c->rest->n);
		close(c->rest_fd);
		c->rest = NULL;
		usleep(1000 * (PV_PIPE_GRACE_MS + 100));
	}
	for (; p < end; p += ((const struct pv_event *)(const void *)p)->size) {
		const struct pv_packet *pkt = (const void *)p;
		c->stops += pkt->ev.type == PV_EV_STOP;
		if (pkt->ev.type != PV_EV_PACKET)
			continue;
		c->in_order &= pkt->number == c->next;
		c->next = pkt->number + 1;
		if (c->fail_at && pkt->number >= c->fail_at)
			c->stage.out.res = PV_STOP;
	}
	assert_true(p == end);
}

static void checker_end(struct pv_stage *stage, bool cut)
{
	struct checker *c = (struct checker *)stage;
	c->ended = true;
	c->cut = cut;
}

static void checker_free(struct pv_stage *stage)
{
	pv_out_free(&stage->out);
}

static const struct pv_stage_ops checker_ops = {"checker", checker_batch, checker_end, checker_free};

static void checker_init(struct checker *c)
{
	memset(c, 0, sizeof *c);
	c->stage.ops = &checker_ops;
	c->in_order = true;
	assert_int_equal(pv_out_init(&c->stage.out, pv_sink_none()), 0);
}

/* ---- the pipe driver ------------------------------------------------------------------------------ */

struct source {
	int fd;
	uint64_t packets;
	bool stop;
	enum pv_res res;
};

static void *run_source(void *arg)
{
	struct source *s = arg;
	struct pv_out o;
	if (pv_out_init(&o, pv_sink_fd(s->fd)))
		return NULL;
	fcntl(s->fd, F_SETPIPE_SZ, 4096); /* a small pipe: writes come apart at every place */
	ev_start(&o, SEC, PV_CLOCK_RECORDED, 1, 0);
	for (uint64_t i = 0; i < s->packets && o.res == PV_OK; i++)
		ev_packet(&o, SEC + i, i, "0123456789abcdef", i % 17);
	if (s->stop)
		ev_stop(&o, SEC);
	s->res = pv_out_flush(&o);
	pv_out_free(&o);
	close(s->fd);
	return NULL;
}

struct middle {
	int in, out;
	struct pv_pipe_end end;
};

static void *run_middle(void *arg)
{
	struct middle *m = arg;
	struct pv_filter_conf conf = {NULL, NULL, false, false};
	struct pv_stage *s =
	    pv_filter_new(&fake_ops, calloc(1, sizeof(struct fake)), &conf, pv_sink_fd(m->out));
	fcntl(m->out, F_SETPIPE_SZ, 4096);
	fcntl(m->out, F_SETFL, O_NONBLOCK); /* a full pipe is waited for */
	m->end = pv_pipe_run(s, m->in, -1);
	pv_stage_free(s);
	close(m->in);
	close(m->out);
	return NULL;
}

static void pipes_carry_everything(void **state)
{
	(void)state;
	const uint64_t packets = 10000; /* a tenth of them have an event as large as can be: 100 MB, a page at a time */
	for (int whole = 0; whole < 2; whole++) {
		int a[2], b[2];
		pthread_t one, two;
		struct checker c;
		assert_int_equal(pipe2(a, O_CLOEXEC), 0);
		assert_int_equal(pipe2(b, O_CLOEXEC), 0);
		struct source src = {a[1], packets, whole, PV_FAIL};
		struct middle mid = {.in = a[0], .out = b[1]};
		assert_int_equal(pthread_create(&one, NULL, run_source, &src), 0);
		assert_int_equal(pthread_create(&two, NULL, run_middle, &mid), 0);
		checker_init(&c);
		struct pv_pipe_end end = pv_pipe_run(&c.stage, b[0], -1);
		pthread_join(one, NULL);
		pthread_join(two, NULL);
		assert_int_equal(src.res, PV_OK);
		assert_int_equal(mid.end.in, whole ? PV_END : PV_CUT);
		assert_int_equal(mid.end.out, PV_OK);
		assert_int_equal(end.in, whole ? PV_END : PV_CUT);
		assert_int_equal(c.next, packets);
		assert_true(c.in_order);
		assert_true(c.ended);
		assert_int_equal(c.cut, !whole);
		checker_free(&c.stage);
		close(b[0]);
	}
}

/* Who reads goes away: everybody in front ends, quietly. */
static void pipes_break(void **state)
{
	(void)state;
	int a[2], b[2];
	pthread_t one, two;
	char some[1000];
	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	struct source src = {a[1], UINT64_C(1) << 40, true, PV_FAIL};
	struct middle mid = {.in = a[0], .out = b[1]};
	assert_int_equal(pthread_create(&one, NULL, run_source, &src), 0);
	assert_int_equal(pthread_create(&two, NULL, run_middle, &mid), 0);
	assert_int_equal(read(b[0], some, sizeof some), sizeof some);
	close(b[0]);
	pthread_join(two, NULL);
	pthread_join(one, NULL);
	assert_int_equal(mid.end.out, PV_STOP);
	assert_int_equal(src.res, PV_STOP);
}

static void pipe_errors(void **state)
{
	(void)state;
	struct mem in = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	write_script(&o, "< p1 p2 >");
	pv_out_flush(&o);
	pv_out_free(&o);
	int fd = mem_fd(in.p, in.n), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct pv_filter_conf conf = {NULL, NULL, false, false};
	struct pv_stage *s = fake_new(&conf, pv_sink_fd(full), NULL);
	struct pv_pipe_end end = pv_pipe_run(s, fd, -1);
	assert_int_equal(end.out, PV_FAIL);
	assert_int_equal(end.error, ENOSPC);
	pv_stage_free(s);
	close(fd);
	close(full);

	struct mem m = {0};
	s = fake_new(&conf, mem_sink(&m), NULL);
	end = pv_pipe_run(s, -1, -1);
	assert_int_equal(end.in, PV_FAIL);
	assert_int_equal(end.error, EBADF);
	pv_stage_free(s);

	in.p[ev_at(&in, 0)->size] = 3; /* the second event's size */
	fd = mem_fd(in.p, in.n);
	s = fake_new(&conf, mem_sink(&m), NULL);
	end = pv_pipe_run(s, fd, -1);
	assert_int_equal(end.in, PV_BAD);
	assert_int_equal(end.offset, ev_at(&in, 0)->size);
	assert_string_equal(end.problem, "an event has an impossible size");
	assert_int_equal(m.n, ev_at(&in, 0)->size); /* what was good has gone on */
	pv_stage_free(s);
	close(fd);
	mem_free(&m);

	/* damage is told at once, although the writer stands still and somebody waits for signals */
	int fds[2], sig = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], in.p, in.n), (ssize_t)in.n);
	s = fake_new(&conf, mem_sink(&m), NULL);
	alarm(200); /* or never */
	end = pv_pipe_run(s, fds[0], sig);
	alarm(0);
	assert_int_equal(end.in, PV_BAD);
	assert_int_equal(end.offset, ev_at(&in, 0)->size);
	pv_stage_free(s);
	close(fds[0]);
	close(fds[1]);
	close(sig);
	mem_free(&m);
	mem_free(&in);
}

static int64_t ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Told to end: what comes within the grace is taken; an upstream that stands still, be it in the middle of an
 * event, is not waited for; and the stream behind us is a whole one. */
static void pipe_signal(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int tail; /* bytes of an event that never becomes whole; -1: the upstream ends in time */
		enum pv_res in;
		const char *out;
	} cases[] = {
	    {"between events", 0, PV_OK, "< a1:fake p1 n1.1 e >"},
	    {"within a header", 5, PV_OK, "< a1:fake p1 n1.1 e >"},
	    {"within an event", 50, PV_OK, "< a1:fake p1 n1.1 e >"},
	    {"the upstream ends too", -1, PV_END, "< a1:fake p1 n1.1 p2 n2.1 n2.1 e >"},
	};
	int64_t fastest = PV_PIPE_GRACE_MS; /* of many, for a busy machine may keep us from any of them */
	for (size_t k = 0, i; k < sizeof cases / sizeof cases[0] + 20; k++) {
		struct mem in = {0}, rest = {0}, m = {0};
		i = k < sizeof cases / sizeof cases[0] ? k : sizeof cases / sizeof cases[0] - 1;
		struct pv_out o;
		int fd[2], sig = eventfd(1, EFD_CLOEXEC);
		char out[256];
		assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
		write_script(&o, "< p1");
		pv_out_flush(&o);
		o.sink = mem_sink(&rest);
		write_script(&o, "p2 >");
		pv_out_flush(&o);
		pv_out_free(&o);
		assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
		assert_int_equal(write(fd[1], in.p, in.n), (ssize_t)in.n);
		size_t tail = cases[i].tail < 0 ? rest.n : (size_t)cases[i].tail;
		assert_int_equal(write(fd[1], rest.p, tail), (ssize_t)tail);
		if (cases[i].tail < 0)
			close(fd[1]);
		struct pv_filter_conf conf = {NULL, NULL, false, false};
		struct pv_stage *s = fake_new(&conf, mem_sink(&m), NULL);
		int64_t before = ms();
		struct pv_pipe_end end = pv_pipe_run(s, fd[0], sig);
		int64_t took = ms() - before;
		assert_int_equal(end.in, cases[i].in);
		assert_true(cases[i].tail < 0 || took >= PV_PIPE_GRACE_MS - 50);
		fastest = took < fastest ? took : fastest;
		read_script(&m, out, sizeof out);
		if (strcmp(out, cases[i].out))
			fail_msg("%s: '%s'", cases[i].name, out);
		is_whole(&m);
		pv_stage_free(s);
		close(fd[0]);
		close(sig);
		if (cases[i].tail >= 0)
			close(fd[1]);
		mem_free(&in);
		mem_free(&rest);
		mem_free(&m);
	}
	assert_true(fastest < PV_PIPE_GRACE_MS / 2); /* who sees the end does not wait for more */
}

/* One that gets no processor while the grace passes takes what was sent within it all the same. */
static void pipe_signal_late(void **state)
{
	(void)state;
	struct mem in = {0}, rest = {0};
	struct pv_out o;
	struct checker c;
	int fd[2], sig = eventfd(1, EFD_CLOEXEC);
	checker_init(&c);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	ev_start(&o, SEC, PV_CLOCK_LIVE, 1, 0);
	ev_packet(&o, SEC, 0, "a", 1);
	pv_out_flush(&o);
	o.sink = mem_sink(&rest);
	ev_packet(&o, SEC, 1, "b", 1);
	ev_stop(&o, SEC);
	pv_out_flush(&o);
	pv_out_free(&o);
	assert_int_equal(write(fd[1], in.p, in.n), (ssize_t)in.n);
	c.rest = &rest;
	c.rest_fd = fd[1];
	struct pv_pipe_end end = pv_pipe_run(&c.stage, fd[0], sig);
	assert_int_equal(end.in, PV_END);
	assert_int_equal(c.next, 2);
	assert_int_equal(c.stops, 1);
	assert_true(c.in_order && c.ended && !c.cut);
	checker_free(&c.stage);
	close(fd[0]);
	close(sig);
	mem_free(&in);
	mem_free(&rest);
}

/* An upstream that goes on for ever is not followed for ever. */
static void pipe_signal_endless(void **state)
{
	(void)state;
	int fd[2], sig = eventfd(1, EFD_CLOEXEC);
	pthread_t thread;
	struct checker c;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	struct source src = {fd[1], UINT64_C(1) << 40, false, PV_FAIL};
	checker_init(&c);
	assert_int_equal(pthread_create(&thread, NULL, run_source, &src), 0);
	struct pv_pipe_end end = pv_pipe_run(&c.stage, fd[0], sig);
	close(fd[0]);
	pthread_join(thread, NULL);
	assert_int_equal(end.in, PV_OK);
	assert_true(c.in_order && c.ended && !c.cut);
	checker_free(&c.stage);
	close(sig);
}

/* ---- the driver that joins stages as threads ------------------------------------------------------------- */

/* What is asked of it: a sink in front of one stage, and an end. */
struct joined {
	struct pv_crew *crew;
	struct pv_sink sink;
};

static const struct {
	const char *name;
	unsigned crew; /* threads besides this one */
} joiners[] = {{"a crew of two", 1}, {"a crew of five", 4}};
#define JOINERS (sizeof joiners / sizeof joiners[0])

static void join_start(struct joined *j, size_t how, struct pv_stage *stage)
{
	memset(j, 0, sizeof *j);
	j->crew = pv_crew_new(joiners[how].crew);
	assert_non_null(j->crew);
	j->sink = pv_crew_add(j->crew, stage);
	pv_crew_start(j->crew);
	assert_non_null(j->sink.write);
}

static enum pv_res join_end(struct joined *j, bool cut)
{
	return pv_crew_finish(j->crew, cut);
}

/* Events of uneven sizes as own events, references, and whole batches: every path of the queue's sink. */
static void produce(struct pv_out *o, uint64_t packets, unsigned style)
{
	struct mem run = {0};
	struct pv_out scratch;
	assert_int_equal(pv_out_init(&scratch, mem_sink(&run)), 0);
	for (uint64_t i = 0; i < packets && o->res == PV_OK;) {
		if (style == 1 ||
		    (style == 2 && i % 3000 > 1500)) { /* a long run of somebody else's, passed on */
			run.n = 0;
			for (unsigned k = 0; k < 700 && i < packets; k++, i++)
				ev_packet(&scratch, SEC + i, i, "0123456789abcdef", i % 17);
			pv_out_flush(&scratch);
			pv_out_pass(o, run.p, run.n);
			pv_out_flush(o);
		} else {
			ev_packet(o, SEC + i, i, "0123456789abcdef", i % 17);
			i++;
			if (style == 3 && i % 100 == 0)
				pv_out_flush(o);
		}
	}
	pv_out_free(&scratch);
	mem_free(&run);
}

static void threads_carry_everything(void **state)
{
	(void)state;
	static const struct {
		unsigned style, sleep_us;
		uint64_t packets;
	} cases[] = {{0, 0, 1000000}, {1, 0, 300000},	 {2, 0, 300000},
		     {3, 0, 100000},  {0, 3000, 100000}, {2, 3000, 50000}};
	for (size_t how = 0; how < JOINERS; how++)
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			struct joined j;
			struct checker c;
			struct pv_out o;
			checker_init(&c);
			c.sleep_us = cases[i].sleep_us;
			join_start(&j, how, &c.stage);
			assert_int_equal(pv_out_init(&o, j.sink), 0);
			ev_start(&o, SEC, PV_CLOCK_RECORDED, 1, 0);
			produce(&o, cases[i].packets, cases[i].style);
			ev_stop(&o, SEC);
			assert_int_equal(pv_out_drain(&o), PV_OK);
			assert_int_equal(join_end(&j, false), PV_OK);
			assert_true(c.in_order);
			assert_int_equal(c.next, cases[i].packets);
			assert_int_equal(c.stops, 1);
			assert_true(c.ended && !c.cut);
			pv_out_free(&o);
			checker_free(&c.stage);
		}
}

/* A slow consumer makes the producer wait (or help): never more on the way than the queue holds. */
static void threads_hold_back(void **state)
{
	(void)state;
	for (size_t how = 0; how < JOINERS; how++) {
		struct joined j;
		struct checker c;
		struct pv_out o;
		checker_init(&c);
		c.sleep_us = 10000;
		join_start(&j, how, &c.stage);
		assert_int_equal(pv_out_init(&o, j.sink), 0);
		int64_t before = ms();
		const unsigned batches = 40;
		for (unsigned i = 0; i < batches * 3; i++) /* two and a bit to the batch */
			pv_out_event(&o, (enum pv_event_type)200, PV_EVENT_MAX, SEC);
		pv_out_drain(&o);
		/* all but what is on the way has been slept for */
		assert_true(ms() - before >= 10 * (int64_t)(batches - PV_CREW_QUEUE - 4));
		assert_int_equal(join_end(&j, true), PV_OK);
		assert_true(c.cut);
		pv_out_free(&o);
		checker_free(&c.stage);
	}
}

/* The consumer's output fails early: the producer hears of it and does not hang. */
static void threads_consumer_fails(void **state)
{
	(void)state;
	for (size_t how = 0; how < JOINERS; how++)
		for (unsigned style = 0; style < 4; style++)
			for (uint64_t fail_at = 1; fail_at < 200000; fail_at *= 40) {
				struct joined j;
				struct checker c;
				struct pv_out o;
				checker_init(&c);
				c.fail_at = fail_at;
				join_start(&j, how, &c.stage);
				assert_int_equal(pv_out_init(&o, j.sink), 0);
				produce(&o, UINT64_C(1) << 40, style); /* ends only because it is told */
				assert_int_equal(o.res, PV_STOP);
				assert_int_equal(join_end(&j, false), PV_STOP);
				assert_false(c.ended); /* nothing could be put out any more */
				pv_out_free(&o);
				checker_free(&c.stage);
			}
}

/* Little at a time, and drained: what is no full batch waits for more, and is not lost. */
static void threads_drain(void **state)
{
	(void)state;
	for (size_t how = 0; how < JOINERS; how++) {
		struct joined j;
		struct checker c;
		struct pv_out o;
		checker_init(&c);
		join_start(&j, how, &c.stage);
		assert_int_equal(pv_out_init(&o, j.sink), 0);
		for (uint64_t i = 0; i < 20000; i++) {
			ev_packet(&o, SEC, i, NULL, 0);
			if (i % 3 == 0)
				pv_out_drain(&o);
		}
		pv_out_drain(&o);
		assert_int_equal(join_end(&j, false), PV_OK);
		assert_true(c.in_order);
		assert_int_equal(c.next, 20000);
		pv_out_free(&o);
		checker_free(&c.stage);
		/* and nothing at all */
		checker_init(&c);
		join_start(&j, how, &c.stage);
		assert_int_equal(join_end(&j, true), PV_OK);
		assert_true(c.ended && c.cut);
		checker_free(&c.stage);
	}
}

/* Four filters in one thread, or each in front of a queue of its own: the same bytes. */
static void threads_equal_chain(void **state)
{
	(void)state;
	struct mem chained = {0}, in = {0};
	struct pv_out o;
	struct pv_filter_conf conf = {NULL, NULL, false, false};
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	ev_start(&o, SEC, PV_CLOCK_RECORDED, 1, 0);
	for (uint64_t i = 0; i < 20000; i++)
		if (i % 10 != 7) /* those are large and few enough elsewhere */
			ev_packet(&o, SEC + i, i, "0123456789abcdef", i % 17);
	ev_stop(&o, SEC);
	pv_out_flush(&o);
	pv_out_free(&o);
	/* which of the filters have a queue in front, as bits */
	for (unsigned queues = 0; queues < 16; queues++)
		for (unsigned threads = 1; threads < 5; threads += 3) {
			struct mem m = {0};
			struct pv_stage *s[4];
			struct pv_sink sink = mem_sink(queues ? &m : &chained);
			struct pv_crew *crew = pv_crew_new(threads);
			assert_non_null(crew);
			for (unsigned i = 0; i < 4; i++) {
				s[i] = fake_new(&conf, sink, NULL);
				sink = queues >> i & 1 ? pv_crew_add(crew, s[i]) : pv_sink_stage(s[i]);
				assert_non_null(sink.write);
			}
			pv_crew_start(crew);
			assert_int_equal(pv_out_init(&o, sink), 0);
			for (size_t at = 0; at < in.n;) { /* as a driver would */
				size_t from = at;
				while (at < in.n && at - from + ev_at(&in, at)->size <= PV_BATCH_BYTES / 3)
					at += ev_at(&in, at)->size;
				pv_out_pass(&o, in.p + from, at - from);
				assert_int_equal(pv_out_drain(&o), PV_OK);
			}
			assert_int_equal(pv_crew_finish(crew, false), PV_OK);
			if (queues) {
				assert_int_equal(m.n, chained.n);
				assert_memory_equal(m.p, chained.p, m.n);
				mem_free(&m);
			} else if (threads > 1) {
				is_whole(&chained);
				assert_true(chained.n > in.n * 2);
			} else {
				mem_free(&chained); /* once is enough */
			}
			for (unsigned i = 0; i < 4; i++)
				pv_stage_free(s[i]);
			pv_out_free(&o);
		}
	mem_free(&chained);
	mem_free(&in);
}

static void crew_limits(void **state)
{
	(void)state;
	struct checker c[PV_CREW_STAGES + 1];
	struct pv_crew *crew = pv_crew_new(1000); /* more than is of use */
	assert_non_null(crew);
	for (unsigned i = 0; i <= PV_CREW_STAGES; i++) {
		checker_init(&c[i]);
		struct pv_sink sink = pv_crew_add(crew, &c[i].stage);
		assert_int_equal(sink.write != NULL, i < PV_CREW_STAGES);
		if (!sink.write)
			assert_int_equal(errno, ENOSPC);
	}
	pv_crew_start(crew);
	assert_int_equal(pv_crew_finish(crew, true), PV_OK);
	for (unsigned i = 0; i <= PV_CREW_STAGES; i++) {
		assert_int_equal(c[i].ended, i < PV_CREW_STAGES);
		checker_free(&c[i].stage);
	}
	crew = pv_crew_new(0); /* never started, never used */
	assert_non_null(crew);
	assert_int_equal(pv_crew_finish(crew, false), PV_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipes_carry_everything),
		cmocka_unit_test(pipes_break),
		cmocka_unit_test(pipe_errors),
		cmocka_unit_test(pipe_signal),
		cmocka_unit_test(pipe_signal_late),
		cmocka_unit_test(pipe_signal_endless),
		cmocka_unit_test(threads_carry_everything),
		cmocka_unit_test(threads_hold_back),
		cmocka_unit_test(threads_consumer_fails),
		cmocka_unit_test(threads_drain),
		cmocka_unit_test(threads_equal_chain),
		cmocka_unit_test(crew_limits),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("drivers", tests, NULL, NULL);
}
