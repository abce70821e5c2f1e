/* SPDX-License-Identifier: MPL-2.0 */
/* lib/stage: the out, the filter around an analyser, and the two drivers. Streams are written and read as
 * scripts, one word per event: <          START                  >       STOP aN:type    STAGE, number N t
 * TICK pN mN      PACKET, MESSAGE N      nN.S    NET of packet N by stage S, "nN.S!" when flagged FILTERED d
 * DEFINE                 e       TCP_ERROR (a stage's last word) x          an event nobody knows */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <cmocka.h>

#include "event/reader.h"
#include "stage/crew.h"
#include "stage/pipe.h"
#include "unit/stream_util.h"

/* ---- scripts ------------------------------------------------------------------------------------ */

static void write_script(struct pv_out *o, const char *script)
{
	uint64_t t = SEC;
	for (const char *c = script; *c; t++) {
		size_t n = strcspn(c, " ");
		uint64_t number = strtoull(c + 1, NULL, 10);
		switch (*c) {
		case '<':
			ev_start(o, t, PV_CLOCK_RECORDED, 1, 0);
			break;
		case '>':
			ev_stop(o, t);
			break;
		case 'a':
			ev_stage(o, t, (uint8_t)number, number ? PV_STAGE_ANALYSER : PV_STAGE_SOURCE, "src",
				 "src");
			break;
		case 'p':
			ev_packet(o, t, number, "abc", 3);
			break;
		case 's':
			ev_stats(o, t, 1, 2, 3);
			break;
		case 't':
			ev_any(o, PV_EV_TICK, t);
			break;
		case 'd':
			ev_any(o, PV_EV_DEFINE, t);
			break;
		case 'x':
			pv_out_event(o, (enum pv_event_type)200, 40, t);
			break;
		default:
			fail_msg("no such word: %s", c);
		}
		c += n + (c[n] == ' ');
	}
}

static void read_script(const struct mem *m, char *out, size_t cap)
{
	size_t at = 0;
	for (size_t p = 0; p < m->n; p += ev_at(m, p)->size) {
		const struct pv_event *ev = ev_at(m, p);
		const struct pv_packet *pkt = (const void *)ev;
		const struct pv_net *net = (const void *)ev;
		const struct pv_stage_event *stage = (const void *)ev;
		const char *gap = at ? " " : "";
		assert_true(at + 64 < cap);
		switch (ev->type) {
		case PV_EV_START:
			at += (size_t)snprintf(out + at, cap - at, "%s<", gap);
			break;
		case PV_EV_STOP:
			at += (size_t)snprintf(out + at, cap - at, "%s>", gap);
			break;
		case PV_EV_TICK:
			at += (size_t)snprintf(out + at, cap - at, "%st", gap);
			break;
		case PV_EV_STATS:
			at += (size_t)snprintf(out + at, cap - at, "%ss", gap);
			break;
		case PV_EV_LEDGER: { /* its stage, and what that has received */
			size_t n;
			const struct pv_ledger_row *row = pv_stop_rows((const void *)ev, &n);
			assert_int_equal(n, 3);
			at += (size_t)snprintf(out + at, cap - at, "%sl%u:%u", gap, row[2].stage, (unsigned)row[0].value);
			break;
		}
		case PV_EV_DEFINE:
			at += (size_t)snprintf(out + at, cap - at, "%sd", gap);
			break;
		case PV_EV_TCP_ERROR:
			at += (size_t)snprintf(out + at, cap - at, "%se", gap);
			break;
		case PV_EV_STAGE:
			at += (size_t)snprintf(out + at, cap - at, "%sa%u:%.*s", gap, stage->stage,
					       stage->type.len, pv_ref_bytes(ev, stage->type));
			break;
		case PV_EV_PACKET:
			at += (size_t)snprintf(out + at, cap - at, "%s%c%u", gap,
					       pkt->bits & PV_PKT_MESSAGE ? 'm' : 'p', (unsigned)pkt->number);
			break;
		case PV_EV_NET:
			at += (size_t)snprintf(out + at, cap - at, "%sn%u.%u%s", gap, (unsigned)net->packet,
					       net->stage, ev->flags & PV_F_FILTERED ? "!" : "");
			break;
		default:
			at += (size_t)snprintf(out + at, cap - at, "%sx", gap);
			break;
		}
	}
	out[at] = 0;
}

/* What every reader makes of it: a whole stream, its counts right. */
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

/* ---- an analyser that does what a packet's number says ------------------------------------------ */

/* number % 10: 0 nothing; 1 one event; 2 two; 3 DEFINE, then one; 4 rejects, one flagged event; 5 rejects (a
 * segment); 6 rejects and puts out a message (a segment that completes one, with --chain); 7 an event as
 * large as can be */
struct fake {
	struct pv_stream stream;
	uint64_t seen, rejected, starts, ends, times, last_time;
};

static struct pv_net *fake_net(struct fake *f, const struct pv_packet *p, struct pv_emit *emit)
{
	struct pv_net *n = pv_emit(emit, PV_EV_NET, sizeof *n, p->ev.time_ns);
	n->packet = p->number;
	n->stage = f->stream.stage;
	n->l3 = 4;
	return n;
}

static enum pv_verdict fake_event(void *self, const struct pv_event *ev, struct pv_emit *emit)
{
	struct fake *f = self;
	const struct pv_packet *p = (const void *)ev;
	f->seen++;
	if (p->bits & PV_PKT_MESSAGE) {
		fake_net(f, p, emit);
		return PV_KEEP;
	}
	switch (p->number % 10) {
	case 2:
		fake_net(f, p, emit);
		/* fall through */
	case 1:
		fake_net(f, p, emit);
		return PV_KEEP;
	case 3:
		pv_emit_define(emit, PV_DEFINE_GEO, 1, "here", 4);
		fake_net(f, p, emit);
		return PV_KEEP;
	case 4:
		fake_net(f, p, emit)->ev.flags |= PV_F_FILTERED;
		f->rejected++;
		return PV_REJECT;
	case 6:
		if (pv_emit_chained(emit))
			pv_emit_message(emit, p, "whole message", 13);
		/* fall through */
	case 5:
		f->rejected++;
		return PV_REJECT;
	case 7:
		pv_emit(emit, (enum pv_event_type)201, PV_EVENT_MAX, ev->time_ns);
		return PV_KEEP;
	default:
		return PV_KEEP;
	}
}

static void fake_time(void *self, uint64_t now_ns, struct pv_emit *emit)
{
	struct fake *f = self;
	(void)emit;
	f->times++;
	f->last_time = now_ns;
}

static void fake_start(void *self, const struct pv_stream *stream)
{
	struct fake *f = self;
	f->starts++;
	f->seen = f->rejected = 0;
	f->stream = *stream;
}

static void fake_end(void *self, uint64_t now_ns, struct pv_emit *emit)
{
	struct fake *f = self;
	f->ends++;
	struct pv_tcp_error *e = pv_emit(emit, PV_EV_TCP_ERROR, sizeof *e, now_ns);
	e->stage = f->stream.stage;
}

static size_t fake_ledger(const void *self, struct pv_ledger_row *rows, size_t max)
{
	const struct fake *f = self;
	if (max < 3)
		return 0;
	rows[0] = (struct pv_ledger_row){.what = PV_LEDGER_RECEIVED, .value = f->seen};
	rows[1] = (struct pv_ledger_row){.what = PV_LEDGER_ANALYSED, .value = f->seen - f->rejected};
	rows[2] = (struct pv_ledger_row){.what = PV_LEDGER_FILTERED, .value = f->rejected};
	return 3;
}

static const struct pv_analyser_ops fake_ops = {
    .type = "fake",
    .wants = PV_WANTS(PV_EV_PACKET),
    .event = fake_event,
    .time = fake_time,
    .start = fake_start,
    .end = fake_end,
    .ledger = fake_ledger,
    .free = free,
};

static const struct pv_analyser_ops silent_ops = {
    /* everything it need not have is missing */
    .type = "silent",
    .wants = 0,
    .event = fake_event,
    .free = free,
};

static struct pv_stage *fake_new(const struct pv_filter_conf *conf, struct pv_sink sink, struct fake **self)
{
	struct fake *f = calloc(1, sizeof *f);
	struct pv_stage *s = pv_filter_new(&fake_ops, f, conf, sink);
	assert_non_null(s);
	if (self)
		*self = f;
	return s;
}

/* ---- the out ------------------------------------------------------------------------------------- */

/* The same events through sinks of every taste: the same bytes. */
static void out_keeps_order(void **state)
{
	(void)state;
	static const size_t below[] = {0, 1, 64, 128, 300, 1024, PV_BATCH_BYTES};
	struct mem in = {0}, expected = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	for (unsigned i = 0; i < 3000; i++)
		ev_packet(&o, SEC + i, i, "0123456789abcdef0123456789abcdef", i % 32);
	pv_out_flush(&o);
	pv_out_free(&o);
	for (size_t b = 0; b < sizeof below / sizeof below[0]; b++) {
		struct mem m = {0};
		struct pv_sink sink = mem_sink(&m);
		sink.copy_below = below[b];
		assert_int_equal(pv_out_init(&o, sink), 0);
		size_t at = 0;
		for (unsigned round = 0; at < in.n;
		     round++) { /* runs of 0 to 6 events, own ones between them */
			size_t from = at;
			for (unsigned k = 0; k < round % 7 && at < in.n; k++)
				at += ev_at(&in, at)->size;
			pv_out_pass(&o, in.p + from, at - from);
			for (unsigned k = 0; k < round % 3; k++)
				ev_net(&o, SEC, 1, round);
			if (round % 50 == 49)
				assert_int_equal(pv_out_flush(&o), PV_OK);
		}
		assert_int_equal(o.events[PV_EV_PACKET], 3000);
		assert_int_equal(pv_out_flush(&o), PV_OK);
		if (b == 0)
			expected = m;
		else {
			assert_int_equal(m.n, expected.n);
			assert_memory_equal(m.p, expected.p, m.n);
			mem_free(&m);
		}
		pv_out_free(&o);
	}
	assert_true(expected.n > in.n);
	mem_free(&expected);
	mem_free(&in);
}

struct peek {
	const uint8_t *from, *to; /* the caller's bytes */
	unsigned refs, copies;
	int most;
};

static enum pv_res peek_write(void *ctx, const struct iovec *iov, int n)
{
	struct peek *p = ctx;
	if (n > p->most)
		p->most = n;
	for (int i = 0; i < n; i++) {
		const uint8_t *base = iov[i].iov_base;
		assert_true(iov[i].iov_len > 0);
		*(base >= p->from && base < p->to ? &p->refs : &p->copies) += 1;
	}
	return PV_OK;
}

/* Long runs go as references, short ones as copies; and never more pieces than PV_OUT_IOV. */
static void out_references(void **state)
{
	(void)state;
	struct mem in = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	for (unsigned i = 0; i < 2000; i++)
		ev_any(&o, PV_EV_TICK, i);
	pv_out_flush(&o);
	pv_out_free(&o);
	struct peek p = {.from = in.p, .to = in.p + in.n};
	assert_int_equal(pv_out_init(&o, (struct pv_sink){.write = peek_write, .ctx = &p, .copy_below = 64}),
			 0);
	pv_out_pass(&o, in.p, 48);	/* copied */
	pv_out_pass(&o, in.p + 48, 64); /* referenced */
	pv_out_pass(&o, in.p + 112, 0); /* nothing */
	assert_int_equal(pv_out_flush(&o), PV_OK);
	assert_int_equal(p.refs, 1);
	assert_int_equal(p.copies, 1);
	o.sink.copy_below = 0;
	p.refs = p.copies = 0;
	for (size_t at = 0; at < in.n;
	     at += 16) { /* reference and own event in turn: the most pieces there can be */
		pv_out_pass(&o, in.p + at, 16);
		ev_any(&o, PV_EV_TICK, 0);
	}
	pv_out_flush(&o);
	assert_int_equal(p.refs, 2000);
	assert_int_equal(p.copies, 2000);
	assert_true(p.most <= PV_OUT_IOV && p.most > PV_OUT_IOV - 4);
	pv_out_free(&o);
	mem_free(&in);
}

static void out_fills_and_fails(void **state)
{
	(void)state;
	struct mem m = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	for (unsigned i = 0; i < 10; i++) { /* nine do not fit into a batch */
		uint8_t *ev = pv_out_event(&o, (enum pv_event_type)200, PV_EVENT_MAX, SEC);
		for (size_t k = 16; k < PV_EVENT_MAX; k++)
			assert_int_equal(ev[k], 0);
		memset(ev + 16, 0xee, PV_EVENT_MAX - 16); /* the next one there must be zeroed again */
	}
	assert_true(m.writes >= 4);
	assert_int_equal(pv_out_flush(&o), PV_OK);
	assert_int_equal(m.n, 10 * PV_EVENT_MAX);
	uint64_t writes = m.writes;
	assert_int_equal(pv_out_flush(&o), PV_OK); /* nothing to say, nothing said */
	assert_int_equal(m.writes, writes);

	m.fail_after = m.writes; /* from here on nobody listens */
	ev_any(&o, PV_EV_TICK, SEC);
	assert_int_equal(pv_out_flush(&o), PV_STOP);
	writes = m.writes;
	for (unsigned i = 0; i < 100000; i++)
		ev_packet(&o, SEC, i, "abc", 3);
	assert_int_equal(pv_out_flush(&o), PV_STOP);
	assert_int_equal(m.writes, writes);
	pv_out_free(&o);
	mem_free(&m);
}

/* An event made in a reserved place is what pv_out_event() would have made; a place that is not used leaves nothing. */
static void out_reserve(void **state)
{
	(void)state;
	for (size_t size = sizeof(struct pv_event); size < 64; size++) {
		struct mem a = {0}, b = {0};
		struct pv_out o, p;
		assert_int_equal(pv_out_init(&o, mem_sink(&a)), 0);
		assert_int_equal(pv_out_init(&p, mem_sink(&b)), 0);
		for (int i = 0; i < 8000; i++) {
			uint8_t *one = pv_out_event(&o, 60, size, SEC);
			memset(one + sizeof(struct pv_event), i, size - sizeof(struct pv_event));
			memset(pv_out_reserve(&p, PV_EVENT_MAX), 0xee, 64);
			uint8_t *two = pv_out_reserve(&p, size + 100);
			memset(two, 0xdd, size + 100);
			memset(two + sizeof(struct pv_event), i, size - sizeof(struct pv_event));
			pv_out_commit(&p, 60, size, SEC);
		}
		assert_int_equal(pv_out_flush(&o), PV_OK);
		assert_int_equal(pv_out_flush(&p), PV_OK);
		assert_int_equal(a.n, b.n);
		assert_memory_equal(a.p, b.p, a.n);
		assert_int_equal(p.events[60], 8000);
		pv_out_free(&o);
		pv_out_free(&p);
		mem_free(&a);
		mem_free(&b);
	}
}

static void out_counts(void **state)
{
	(void)state;
	struct mem m = {0};
	struct pv_out o;
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	write_script(&o, "< p1 p2 t x >");
	assert_int_equal(o.events[PV_EV_PACKET], 2);
	write_script(&o, "< p1");
	assert_int_equal(o.events[PV_EV_PACKET], 1);
	assert_int_equal(o.events[PV_EV_TICK], 0);
	pv_out_free(&o);
	mem_free(&m);
}

static void out_variable_parts(void **state)
{
	(void)state;
	static char text[70000];
	struct mem m = {0};
	struct pv_out o;
	memset(text, 'x', sizeof text);
	assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
	size_t at = sizeof(struct pv_define);
	struct pv_define *d = pv_out_event(&o, PV_EV_DEFINE, at + sizeof text, SEC);
	struct pv_ref a = pv_ev_put(d, &at, text, 0), b = pv_ev_put(d, &at, text, 65000),
		      c = pv_ev_put(d, &at, text, 65000), e = pv_ev_put(d, &at, text, 1);
	assert_int_equal(a.len, 0);
	assert_int_equal(b.off, sizeof *d);
	assert_int_equal(b.len, 65000);
	assert_int_equal(c.off, 65000 + sizeof *d);
	assert_int_equal(c.off + c.len, 65535); /* references reach no further */
	assert_int_equal(e.len, 0);
	at = 65536;
	assert_int_equal(pv_ev_put(d, &at, text, 5).len, 0);
	pv_out_free(&o);
	mem_free(&m);
}

/* More rows than may be, and none: STOP is a good event either way, and the counts are never what is left
 * out. */
static void stop_is_bounded(void **state)
{
	(void)state;
	static struct pv_ledger_row rows[PV_LEDGER_ROWS_MAX + 100];
	static const size_t n[] = {0, 1, PV_LEDGER_ROWS_MAX - 3, PV_LEDGER_ROWS_MAX,
				   PV_LEDGER_ROWS_MAX + 100};
	for (size_t i = 0; i < sizeof n / sizeof n[0]; i++) {
		struct mem m = {0};
		struct pv_out o;
		size_t have, counts = 0;
		assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
		write_script(&o, "< t t p1");
		pv_stop_emit(&o, SEC, n[i] ? rows : NULL, n[i]);
		pv_out_flush(&o);
		is_whole(&m);
		size_t at = 0;
		while (ev_at(&m, at)->type != PV_EV_STOP)
			at += ev_at(&m, at)->size;
		const struct pv_ledger_row *row = pv_stop_rows((const void *)ev_at(&m, at), &have);
		for (size_t k = 0; k < have; k++)
			counts += row[k].stage == PV_STAGE_STREAM;
		assert_int_equal(counts, 3);
		assert_int_equal(have, n[i] + 3 < PV_LEDGER_ROWS_MAX ? n[i] + 3 : PV_LEDGER_ROWS_MAX);
		pv_out_free(&o);
		mem_free(&m);
	}
}

/* A row for each reason that was met, behind the rows that there are, and never more than there is room for. */
static void ledger_has_reasons(void **state)
{
	(void)state;
	static const uint64_t reasons[] = {9, 0, 3, 0, 7};
	static const struct {
		size_t n, max, want;
	} cases[] = {{0, 8, 2}, {2, 8, 4}, {2, 3, 3}, {2, 2, 2}, {0, 0, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pv_ledger_row row[8] = {{0}};
		size_t n = pv_ledger_reasons(row, cases[i].n, cases[i].max, reasons, 5);
		assert_int_equal(n, cases[i].want);
		for (size_t k = cases[i].n; k < 8; k++) {
			bool there = k < n, first = k == cases[i].n;
			assert_int_equal(row[k].what, !there ? 0 : PV_LEDGER_REASON + (first ? 2 : 4));
			assert_int_equal(row[k].value, !there ? 0 : first ? 3 : 7);
		}
	}
}

/* ---- the filter ---------------------------------------------------------------------------------- */

/* Runs a script through `n` filters, the options of each by a letter: '-' none, 'o' --only, 'c' --chain, 'b'
 * both. split: hand it over in batches of so many events, 0: at once. */
static void through(const char *script, const char *filters, size_t split, struct mem *m)
{
	struct mem in = {0};
	struct pv_out o;
	struct pv_stage *stage[4];
	size_t n = strlen(filters);
	struct pv_sink sink = mem_sink(m);
	for (size_t i = n; i--;) {
		struct pv_filter_conf conf = {.only = filters[i] == 'o' || filters[i] == 'b',
					      .chain = filters[i] == 'c' || filters[i] == 'b'};
		stage[i] = fake_new(&conf, sink, NULL);
		sink = pv_sink_stage(stage[i]);
	}
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	write_script(&o, script);
	pv_out_flush(&o);
	pv_out_free(&o);
	for (size_t at = 0; at < in.n;) {
		size_t from = at;
		for (size_t k = 0; at < in.n && (!split || k < split); k++)
			at += ev_at(&in, at)->size;
		stage[0]->ops->batch(stage[0], ev_at(&in, from), at - from);
		assert_int_equal(pv_out_drain(&stage[0]->out), PV_OK);
		memset(in.p + from, 0xee, at - from); /* a batch is borrowed: nobody may look back */
	}
	for (size_t i = 0; i < n; i++) {
		stage[i]->ops->end(stage[i], true);
		assert_int_equal(pv_out_drain(&stage[i]->out), PV_OK);
	}
	for (size_t i = 0; i < n; i++)
		pv_stage_free(stage[i]);
	mem_free(&in);
}

static void filter_order(void **state)
{
	(void)state;
	static const struct {
		const char *script, *filters, *out;
	} cases[] = {
	    /* nothing happens: it announces itself all the same, and says its last word */
	    {"< >", "-", "< a1:fake e >"},
	    {"< a0 >", "-", "< a0:src a1:fake e >"},
	    {"< a0 d >", "-", "< a0:src d a1:fake e >"},
	    /* announced before the first event; own events right behind their cause */
	    {"< a0 p10 p1 p2 p3 >", "-", "< a0:src a1:fake p10 p1 n1.1 p2 n2.1 n2.1 p3 d n3.1 e >"},
	    {"< a0 t p1 t >", "-", "< a0:src a1:fake t p1 n1.1 t e >"},
	    {"< a0 x p1 >", "-", "< a0:src a1:fake x p1 n1.1 e >"},
	    {"< a7 p1 >", "-", "< a7:src a8:fake p1 n1.8 e >"},
	    {"< a253 p1 >", "-", "< a253:src a254:fake p1 n1.254 e >"},
	    {"< a254 p1 >", "-",
	     "< a254:src a254:fake p1 n1.254 e >"}, /* numbers are out: the last is used again */
	    /* rejected: stays, but for --chain */
	    {"< p4 p5 p1 >", "-", "< a1:fake p4 n4.1! p5 p1 n1.1 e >"},
	    {"< p4 p5 p1 >", "c", "< a1:fake n4.1! n1.1 p1 e >"},
	    {"< p5 p16 p0 p11 >", "c", "< a1:fake m16 p0 n11.1 p11 e >"},
	    {"< p5 p16 p0 p11 >", "-", "< a1:fake p5 p16 p0 p11 n11.1 e >"},
	    /* --only: no packets, not even messages of its own making, everything else */
	    {"< a0 p1 t d x p4 p2 >", "o", "< a0:src a1:fake n1.1 t d x n4.1! n2.1 n2.1 e >"},
	    {"< p4 p1 >", "b", "< a1:fake n4.1! n1.1 e >"},
	    /* several in a row: numbers follow, the second sees what the first left, its events behind those
	     */
	    {"< a0 p1 >", "--", "< a0:src a1:fake a2:fake p1 n1.2 n1.1 e e >"},
	    {"< a0 p1 >", "---", "< a0:src a1:fake a2:fake a3:fake p1 n1.3 n1.2 n1.1 e e e >"},
	    {"< >", "---", "< a1:fake a2:fake a3:fake e e e >"},
	    {"< p4 p1 >", "c-", "< a1:fake a2:fake n4.1! n1.1 p1 n1.2 e e >"},
	    {"< p6 p1 >", "c-", "< a1:fake a2:fake m6 n6.2 n1.1 p1 n1.2 e e >"},
	    {"< p1 p4 >", "-o", "< a1:fake a2:fake n1.2 n1.1 n4.2! n4.1! e e >"},
	    {"< p1 >", "o-", "< a1:fake a2:fake n1.1 e e >"},
	    /* streams one behind the other start afresh */
	    {"< a0 p1 > < a3 p2 >", "-", "< a0:src a1:fake p1 n1.1 e > < a3:src a4:fake p2 n2.4 n2.4 e >"},
	    {"< > < > < p1 >", "--",
	     "< a1:fake a2:fake e e > < a1:fake a2:fake e e > < a1:fake a2:fake p1 n1.2 n1.1 e e >"},
	    /* behind STATS each says what it has counted so far */
	    {"< s p1 s >", "-", "< a1:fake s l1:0 p1 n1.1 s l1:1 e >"},
	    {"< a0 p1 p4 s p1 >", "c-", "< a0:src a1:fake a2:fake n1.1 p1 n1.2 n4.1! s l2:1 l1:2 n1.1 p1 n1.2 e e >"},
	    {"< p1 s >", "o", "< a1:fake n1.1 s l1:1 e >"},
	    /* larger than a batch can hold */
	    {"< p7 p17 p27 p37 p1 >", "-", "< a1:fake p7 x p17 x p27 x p37 x p1 n1.1 e >"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t split = 0; split < 4; split++) {
			struct mem m = {0};
			char out[4096];
			through(cases[i].script, cases[i].filters, split, &m);
			read_script(&m, out, sizeof out);
			if (strcmp(out, cases[i].out))
				fail_msg("'%s' through '%s' in batches of %zu: '%s', not '%s'",
					 cases[i].script, cases[i].filters, split, out, cases[i].out);
			is_whole(&m);
			mem_free(&m);
		}
}

static uint64_t row_value(const struct mem *m, unsigned stage, unsigned what, unsigned *found)
{
	uint64_t sum = 0;
	size_t at = 0, n;
	while (ev_at(m, at)->type != PV_EV_STOP)
		at += ev_at(m, at)->size;
	const struct pv_ledger_row *row = pv_stop_rows((const void *)ev_at(m, at), &n);
	for (size_t i = 0; i < n; i++)
		if (row[i].stage == stage && row[i].what == what) {
			sum += row[i].value;
			*found += 1;
		}
	return sum;
}

/* Rows of those before stay as they were; each stage adds its own under its number; the stream's counts are
 * of what leaves the last one. */
static void filter_ledger(void **state)
{
	(void)state;
	struct mem m = {0};
	unsigned found = 0;
	through("< a0 p1 p2 p4 p4 p5 t >", "co", 0, &m);
	static const struct {
		unsigned stage, what;
		uint64_t value;
	} rows[] = {
	    {0, PV_LEDGER_RECEIVED, 6},	       {1, PV_LEDGER_RECEIVED, 5},
	    {1, PV_LEDGER_ANALYSED, 2},	       {1, PV_LEDGER_FILTERED, 3},
	    {2, PV_LEDGER_RECEIVED, 2},	       {2, PV_LEDGER_ANALYSED, 2},
	    {2, PV_LEDGER_FILTERED, 0},	       {PV_STAGE_STREAM, PV_EV_START, 1},
	    {PV_STAGE_STREAM, PV_EV_STAGE, 3}, {PV_STAGE_STREAM, PV_EV_TICK, 1},
	    {PV_STAGE_STREAM, PV_EV_NET, 8},   {PV_STAGE_STREAM, PV_EV_TCP_ERROR, 2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned before = found;
		assert_int_equal(row_value(&m, rows[i].stage, rows[i].what, &found), rows[i].value);
		assert_int_equal(found, before + 1);
	}
	row_value(&m, PV_STAGE_STREAM, PV_EV_PACKET, &found);
	assert_int_equal(found, sizeof rows / sizeof rows[0]); /* no packet went out: no row */
	mem_free(&m);
}

/* A hostile STOP with as many rows as an event can hold. */
static void filter_takes_full_ledgers(void **state)
{
	(void)state;
	struct mem in = {0}, m = {0};
	struct pv_out o;
	const size_t n = 6000;
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	write_script(&o, "< p1");
	struct pv_stop *stop =
	    pv_out_event(&o, PV_EV_STOP, sizeof *stop + n * sizeof(struct pv_ledger_row), SEC);
	stop->rows.off = sizeof *stop;
	stop->rows.len = (uint32_t)(n * sizeof(struct pv_ledger_row));
	pv_out_flush(&o);
	pv_out_free(&o);
	is_whole(&in);
	struct pv_filter_conf conf = {NULL, NULL, false, false};
	struct pv_stage *s = fake_new(&conf, mem_sink(&m), NULL);
	s->ops->batch(s, ev_at(&in, 0), in.n);
	pv_out_flush(&s->out);
	pv_stage_free(s);
	is_whole(&m);
	mem_free(&in);
	mem_free(&m);
}

static void filter_cut_and_end(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		bool cut;
		const char *out;
	} cases[] = {
	    {"< p1", true, "< a1:fake p1 n1.1 e"},    /* no STOP: those behind us must see that it was cut */
	    {"< p1", false, "< a1:fake p1 n1.1 e >"}, /* told to end: a whole stream */
	    {"<", true, "<"},
	    {"<", false, "< a1:fake e >"},
	    {"< p1 >", true, "< a1:fake p1 n1.1 e >"},
	    {"< p1 >", false, "< a1:fake p1 n1.1 e >"},
	    {"", true, ""},
	    {"", false, ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mem in = {0}, m = {0};
		struct pv_out o;
		char out[256];
		struct pv_filter_conf conf = {NULL, NULL, false, false};
		struct pv_stage *s = fake_new(&conf, mem_sink(&m), NULL);
		assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
		write_script(&o, cases[i].script);
		pv_out_flush(&o);
		pv_out_free(&o);
		if (in.n)
			s->ops->batch(s, ev_at(&in, 0), in.n);
		pv_out_flush(&s->out);
		s->ops->end(s, cases[i].cut);
		s->ops->end(s, cases[i].cut); /* once is enough */
		pv_out_flush(&s->out);
		read_script(&m, out, sizeof out);
		assert_string_equal(out, cases[i].out);
		pv_stage_free(s);
		mem_free(&in);
		mem_free(&m);
	}
}

static void filter_tells_the_analyser(void **state)
{
	(void)state;
	struct mem in = {0}, m = {0};
	struct pv_out o;
	struct fake *f;
	static char longest[100000];
	memset(longest, 'f', sizeof longest - 1);
	struct pv_filter_conf conf = {.name = "mine", .filters = longest};
	struct pv_stage *s = fake_new(&conf, mem_sink(&m), &f);
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	ev_start(&o, SEC, PV_CLOCK_LIVE, 77, 2);
	ev_any(&o, PV_EV_TICK, 3 * SEC);
	ev_packet(&o, 2 * SEC, 1, NULL, 0);
	ev_stop(&o, 2 * SEC);
	pv_out_flush(&o);
	s->ops->batch(s, ev_at(&in, 0), in.n);
	pv_out_flush(&s->out);
	assert_int_equal(f->stream.stream_id, 77);
	assert_int_equal(f->stream.clock, PV_CLOCK_LIVE);
	assert_false(f->stream.hosts_empty);
	assert_int_equal(f->stream.stage, 1);
	assert_int_equal(f->times, 1);
	assert_int_equal(f->last_time, 3 * SEC);
	assert_int_equal(f->starts, 1);
	assert_int_equal(f->ends, 1);
	const struct pv_stage_event *stage = (const void *)ev_at(&m, ev_at(&m, 0)->size);
	assert_int_equal(stage->ev.type, PV_EV_STAGE);
	assert_int_equal(stage->name.len, 4);
	assert_memory_equal(pv_ref_bytes(&stage->ev, stage->name), "mine", 4);
	assert_int_equal(stage->filters.len, 32768); /* more is of no use to anybody, and would not fit */
	is_whole(&m);
	pv_stage_free(s);
	pv_out_free(&o);
	mem_free(&in);
	mem_free(&m);

	/* and an analyser may have next to nothing */
	s = pv_filter_new(&silent_ops, calloc(1, 8), &(struct pv_filter_conf){.name = NULL}, mem_sink(&m));
	assert_non_null(s);
	assert_int_equal(pv_out_init(&o, mem_sink(&in)), 0);
	write_script(&o, "< a0 p1 t >");
	pv_out_flush(&o);
	s->ops->batch(s, ev_at(&in, 0), in.n);
	pv_out_flush(&s->out);
	char out[128];
	read_script(&m, out, sizeof out);
	assert_string_equal(out, "< a0:src a1:silent p1 t >");
	pv_stage_free(s);
	pv_out_free(&o);
	mem_free(&in);
	mem_free(&m);
	assert_null(pv_filter_new(&silent_ops, NULL, &(struct pv_filter_conf){.name = NULL}, mem_sink(&m)));
}

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
	    cmocka_unit_test(out_keeps_order),
	    cmocka_unit_test(out_references),
	    cmocka_unit_test(out_fills_and_fails),
	    cmocka_unit_test(out_counts),
	    cmocka_unit_test(out_reserve),
	    cmocka_unit_test(out_variable_parts),
	    cmocka_unit_test(stop_is_bounded),
		cmocka_unit_test(ledger_has_reasons),
	    cmocka_unit_test(filter_order),
	    cmocka_unit_test(filter_ledger),
	    cmocka_unit_test(filter_takes_full_ledgers),
	    cmocka_unit_test(filter_cut_and_end),
	    cmocka_unit_test(filter_tells_the_analyser),
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
	return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
