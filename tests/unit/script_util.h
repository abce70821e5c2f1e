/* SPDX-License-Identifier: MPL-2.0 */
/* tests/unit/script_util.h - streams as scripts, and an analyser that does what a packet's number says, for the tests
 * of lib/stage. One word per event:
 *
 *   <  START                       >     STOP
 *   aN:type  STAGE, number N       t     TICK
 *   pN  PACKET N                   mN    MESSAGE N
 *   nN.S  NET of packet N by stage S, "nN.S!" when flagged FILTERED
 *   d  DEFINE                      e     TCP_ERROR (a stage's last word)
 *   x  an event nobody knows */
#ifndef TESTS_SCRIPT_UTIL_H
#define TESTS_SCRIPT_UTIL_H

#include "event/reader.h"
#include "stage/stage.h"
#include "unit/stream_util.h"

/* ---- scripts ------------------------------------------------------------------------------------ */

UNUSED static void write_script(struct pv_out *o, const char *script)
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

UNUSED static void read_script(const struct mem *m, char *out, size_t cap)
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
UNUSED static void is_whole(const struct mem *m)
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

#endif
