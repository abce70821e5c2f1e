/* SPDX-License-Identifier: MPL-2.0 */
#include "stage/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/version.h"
#include "stage/stop.h"

/* One pass over a batch: [run, cur) waits to be passed on, cur is being looked at. Whatever the analyser
 * adds goes behind `seal`: behind the event that caused it, or before it when --chain may still withhold it. */
struct pv_emit {
	struct pv_stage stage;
	const struct pv_analyser_ops *ops;
	void *self;
	bool only, chain;
	uint64_t passing; /* types that nobody here looks at: they only pass through */
	char *name, *filters;

	struct pv_stream stream;
	bool open;       /* between START and STOP */
	bool announced;
	unsigned stages; /* highest stage number announced upstream */
	uint8_t bound;   /* numbers of module events that are taken, a bit each */
	uint64_t now_ns;

	const uint8_t *run, *seal;
};

static void filter_free(struct pv_stage *stage)
{
	struct pv_emit *f = (struct pv_emit *)stage;
	f->ops->free(f->self);
	free(f->name);
	free(f->filters);
	pv_out_free(&f->stage.out);
	free(f);
}

void pv_stage_free(struct pv_stage *s)
{
	if (s)
		s->ops->free(s);
}

static void pass_to(struct pv_emit *f, const uint8_t *end)
{
	if (end > f->run) {
		pv_out_pass_counted(&f->stage.out, f->run, (size_t)(end - f->run));
		f->run = end;
	}
}

void *pv_emit(struct pv_emit *f, enum pv_event_type type, size_t size, uint64_t time_ns)
{
	if (f->seal)
		pass_to(f, f->seal);
	return pv_out_event(&f->stage.out, type, size, time_ns);
}

bool pv_emit_chained(const struct pv_emit *f)
{
	return f->chain;
}

void pv_emit_message(struct pv_emit *f, const struct pv_packet *like, const void *message, size_t n)
{
	if (n > UINT16_MAX)
		n = UINT16_MAX;
	uint32_t fixed = pv_packet_fixed(like);
	struct pv_packet *p = pv_emit(f, PV_EV_PACKET, fixed + n, like->ev.time_ns);
	struct pv_event head = p->ev;
	memcpy(p, like, fixed);
	p->ev = head;
	p->bits |= PV_PKT_MESSAGE;
	p->payload_off = n ? (uint16_t)fixed : 0;
	p->payload_len = p->payload_wire_len = (uint32_t)n;
	if (n)
		memcpy((uint8_t *)p + fixed, message, n);
}

void pv_emit_define(struct pv_emit *f, enum pv_define_kind kind, uint32_t number, const char *text, size_t n)
{
	if (n > 1024)
		n = 1024;
	struct pv_define *d = pv_emit(f, PV_EV_DEFINE, sizeof *d + n, f->now_ns);
	size_t at = sizeof *d;
	d->stage = f->stream.stage;
	d->kind = (uint8_t)kind;
	d->number = number;
	d->text = pv_ev_put(d, &at, text, n);
}

/* Texts of an announcement together must stay below PV_EVENT_MAX; a name is cut for a bucket's anyway. */
#define NAME_MAX_BYTES 1024u
#define FILTERS_MAX_BYTES 32768u

/* The number of our own events: set already where a stage before us makes the same. */
static void bind_own(struct pv_emit *f)
{
	for (unsigned n = 0; n < PV_EV_MODULES && !f->stream.events; n++)
		if (!(f->bound >> n & 1))
			f->stream.events = (uint8_t)(PV_EV_MODULE + n);
	if (!f->stream.events && f->stage.out.res == PV_OK) {
		f->stage.out.res = PV_FAIL;
		f->stage.out.error = ENOSR;
	}
}

/* What a stage before us has bound. */
static void note_bound(struct pv_emit *f, const struct pv_event *ev)
{
	const struct pv_stage_event *s = (const void *)ev;
	if (!s->events)
		return;
	f->bound |= (uint8_t)(1u << (s->events - PV_EV_MODULE));
	if (f->ops->own && strlen(f->ops->own->name) == s->type.len &&
	    !memcmp(f->ops->own->name, pv_ref_bytes(ev, s->type), s->type.len))
		f->stream.events = s->events;
}

static void announce(struct pv_emit *f)
{
	f->announced = true;
	if (f->ops->own)
		bind_own(f);
	f->stream.stage = (uint8_t)(f->stages + 1 < PV_STAGE_STREAM ? f->stages + 1 : PV_STAGE_STREAM - 1);
	size_t filters = strnlen(f->filters, FILTERS_MAX_BYTES), name = strnlen(f->name, NAME_MAX_BYTES);
	size_t size = sizeof(struct pv_stage_event) + strlen(f->ops->type) + name + strlen(PV_VERSION) + filters;
	struct pv_stage_event *s = pv_out_event(&f->stage.out, PV_EV_STAGE, size, f->now_ns);
	size_t at = sizeof *s;
	s->stage = f->stream.stage;
	s->kind = PV_STAGE_ANALYSER;
	s->events = f->stream.events;
	s->type = pv_ev_put(s, &at, f->ops->type, strlen(f->ops->type));
	s->name = pv_ev_put(s, &at, f->name, name);
	s->version = pv_ev_put(s, &at, PV_VERSION, strlen(PV_VERSION));
	s->filters = pv_ev_put(s, &at, f->filters, filters);
	if (f->ops->start)
		f->ops->start(f->self, &f->stream);
}

static void open_stream(struct pv_emit *f, const struct pv_event *ev)
{
	const struct pv_start *start = (const void *)ev;
	f->open = true;
	f->announced = false;
	f->stages = 0;
	f->bound = 0;
	f->now_ns = ev->time_ns;
	f->stream = (struct pv_stream){.stream_id = start->stream_id,
				       .clock = start->clock,
				       .hosts_empty = start->hosts_count == 0};
}

/* The rows of the stages before us, then ours. */
static size_t ledger(struct pv_emit *f, const struct pv_event *stop, struct pv_ledger_row *rows)
{
	size_t n = 0, have = 0;
	if (stop) {
		const struct pv_ledger_row *row = pv_stop_rows((const void *)stop, &have);
		for (size_t i = 0; i < have && n < PV_LEDGER_ROWS_MAX; i++)
			if (row[i].stage != PV_STAGE_STREAM)
				rows[n++] = row[i];
	}
	size_t mine = f->ops->ledger ? f->ops->ledger(f->self, rows + n, PV_LEDGER_ROWS_MAX - n) : 0;
	for (size_t i = 0; i < mine; i++)
		rows[n + i].stage = f->stream.stage;
	return n + mine;
}

/* Behind STATS: what we have counted so far. */
static void tell_ledger(struct pv_emit *f)
{
	struct pv_ledger_row rows[PV_LEDGER_ROWS_MAX];
	size_t n = ledger(f, NULL, rows);
	pass_to(f, f->seal);
	pv_ledger_emit(&f->stage.out, f->now_ns, rows, n);
}

static void close_stream(struct pv_emit *f, const struct pv_event *stop)
{
	struct pv_ledger_row rows[PV_LEDGER_ROWS_MAX];
	if (!f->announced)
		announce(f);
	if (f->ops->end)
		f->ops->end(f->self, f->now_ns, f);
	size_t n = ledger(f, stop, rows);
	pv_stop_emit(&f->stage.out, f->now_ns, rows, n);
	f->open = false;
}

/* What a source brings and an analyser makes something of: what --only and --chain are about. */
#define INPUTS (PV_WANTS(PV_EV_PACKET) | PV_WANTS(PV_EV_DNSTAP))

static bool is_input(unsigned type)
{
	return type < PV_EV_TYPES && (INPUTS & PV_WANTS(type));
}

/* The stream's time, with this event. */
static uint64_t time_after(const struct pv_emit *f, const struct pv_event *ev)
{
	return f->stream.clock == PV_CLOCK_RECORDED ? ev->time_ns : pv_clock_stream(ev->time_ns, f->now_ns);
}

static void filter_batch(struct pv_stage *stage, const struct pv_event *first, size_t bytes)
{
	struct pv_emit *f = (struct pv_emit *)stage;
	const uint8_t *p = (const uint8_t *)first, *end = p + bytes;
	f->run = p;
	while (p < end) {
		const struct pv_event *ev = (const void *)p;
		const uint8_t *next = p + ev->size;
		__builtin_prefetch(next + 256); /* it may come from another processor's cache */
		if (ev->type < PV_EV_TYPES && (f->passing & PV_WANTS(ev->type)) && f->announced) {
			f->now_ns = time_after(f, ev);
			pv_out_count(&f->stage.out, ev);
			p = next;
			continue;
		}
		switch (ev->type) {
		case PV_EV_START:
			open_stream(f, ev);
			pv_out_count(&f->stage.out, ev);
			break;
		case PV_EV_STAGE: {
			unsigned number = ((const struct pv_stage_event *)ev)->stage;
			if (number > f->stages)
				f->stages = number;
			note_bound(f, ev);
			pv_out_count(&f->stage.out, ev);
			break;
		}
		case PV_EV_DEFINE:
			pv_out_count(&f->stage.out, ev);
			break;
		case PV_EV_STOP:
			pass_to(f, p);
			f->run = next; /* ours takes its place */
			f->seal = NULL;
			f->now_ns = pv_clock_stream(ev->time_ns, f->now_ns);
			close_stream(f, ev);
			break;
		default:
			if (!f->announced) {
				pass_to(f, p);
				announce(f);
			}
			f->now_ns = time_after(f, ev);
			bool hold = is_input(ev->type) && (f->only || f->chain);
			f->seal = hold ? p : next;
			enum pv_verdict verdict = PV_KEEP;
			if (ev->type < PV_EV_TYPES && (f->ops->wants & PV_WANTS(ev->type)))
				verdict = f->ops->event(f->self, ev, f);
			else if (ev->type == PV_EV_TICK && f->ops->time)
				f->ops->time(f->self, ev->time_ns, f);
			if (hold && (f->only || verdict == PV_REJECT)) {
				pass_to(f, p);
				f->run = next;
			} else {
				pv_out_count(&f->stage.out, ev);
			}
			if (ev->type == PV_EV_STATS)
				tell_ledger(f);
			break;
		}
		p = next;
	}
	pass_to(f, end);
	f->run = f->seal = NULL;
}

static void filter_end(struct pv_stage *stage, bool cut)
{
	struct pv_emit *f = (struct pv_emit *)stage;
	if (!f->open)
		return;
	f->run = f->seal = NULL;
	if (!cut) {
		close_stream(f, NULL);
	} else if (f->announced && f->ops->end) {
		/* no STOP: those behind us must learn that the stream was cut */
		f->ops->end(f->self, f->now_ns, f);
	}
	f->open = false;
}

static const struct pv_stage_ops filter_ops = {"filter", filter_batch, filter_end, filter_free};

struct pv_stage *pv_filter_new(const struct pv_analyser_ops *ops, void *self, const struct pv_filter_conf *conf,
			       struct pv_sink sink)
{
	struct pv_emit *f = self ? calloc(1, sizeof *f) : NULL;
	if (!f) {
		if (self)
			ops->free(self);
		return NULL;
	}
	f->stage.ops = &filter_ops;
	f->ops = ops;
	f->self = self;
	/* packets may be withheld, the types of the stream itself have work of their own; all below PV_EV_TYPES */
	f->passing = ~(ops->wants | INPUTS | (PV_WANTS(PV_EV_PACKET) - 1));
	f->only = conf->only;
	f->chain = conf->chain;
	f->name = strdup(conf->name ? conf->name : ops->type);
	f->filters = strdup(conf->filters ? conf->filters : "");
	if (!f->name || !f->filters || pv_out_init(&f->stage.out, sink)) {
		filter_free(&f->stage);
		return NULL;
	}
	return &f->stage;
}

void pv_filter_only(struct pv_stage *stage, bool only)
{
	struct pv_emit *f = (struct pv_emit *)stage;
	f->only = only;
}

static enum pv_res stage_write(void *ctx, const struct iovec *iov, int n)
{
	struct pv_stage *next = ctx;
	for (int i = 0; i < n; i++)
		next->ops->batch(next, iov[i].iov_base, iov[i].iov_len);
	enum pv_res res = pv_out_release(&next->out);
	if (res == PV_FAIL)
		errno = next->out.error;
	return res;
}

static enum pv_res stage_drain(void *ctx)
{
	struct pv_stage *next = ctx;
	enum pv_res res = pv_out_drain(&next->out);
	if (res == PV_FAIL)
		errno = next->out.error;
	return res;
}

struct pv_sink pv_sink_stage(struct pv_stage *next)
{
	return (struct pv_sink){.write = stage_write, .drain = stage_drain, .ctx = next, .copy_below = 512};
}
