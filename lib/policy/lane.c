/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/lane.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/version.h"
#include "dhcp/view.h"
#include "dns/view.h"
#include "flow/view.h"
#include "net/view.h"
#include "policy/only.h"
#include "policy/pick.h"
#include "probe/view.h"
#include "stage/stop.h"
#include "window/window.h"

struct handler {
	struct pv_lane_handler conf;
	struct pv_lane *lane;
	char name[PV_BUCKET_NAME], module[64];
	const char *modules[1];
	struct pv_window *window;
	struct pv_stage *view; /* NULL: it sees the stream as it is */
	struct pv_stage *link; /* to the next of a chain; NULL: none */
	bool filters;	       /* its view rejects what the analyser's ledger has as analysed, in the ledger's unit */
	atomic_uint_least64_t rejected;
};

struct pv_lane {
	struct pv_lane_conf conf;
	struct handler handler[PV_LANE_HANDLERS];
	size_t nhandlers;
	struct pv_out out;
	struct pv_stage *only; /* in front of all handlers; NULL: nothing is */
	bool open; /* between START and STOP */
	uint64_t now_ns;
	time_t beat_sec;
	struct pv_ring_reader *reader;
	pthread_t thread;
	bool started, joined;
	atomic_bool running;
	atomic_uint_least64_t lost_events; /* that STOP tells of */
};

/* ---- from windows to the sink ------------------------------------------------------------------------ */

/* Several windows, one stream: its START and STOP are the lane's, and time is of no use behind a window. A
 * window is flushed to its end before another gets to work, so that buckets do not mix. */
static enum pv_res windows_write(void *ctx, const struct iovec *iov, int n)
{
	struct pv_lane *l = ctx;
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len, *run = p;
		while (p < end) {
			const struct pv_event *ev = (const void *)p;
			const uint8_t *next = p + ev->size;
			if (ev->type != PV_EV_STAGE && ev->type < PV_EV_BUCKET) {
				pv_out_pass(&l->out, run, (size_t)(p - run));
				run = next;
			}
			p = next;
		}
		pv_out_pass(&l->out, run, (size_t)(end - run));
	}
	return pv_out_flush(&l->out);
}

/* What the view has flagged, as the handler will count it. */
static void count_rejected(struct handler *h, const struct iovec *v)
{
	const struct pv_handler *of = h->conf.handler;
	const uint8_t *p = v->iov_base, *end = p + v->iov_len;
	uint64_t n = 0;
	while (p < end) {
		const struct pv_event *ev = (const void *)p;
		n += (ev->flags & PV_F_FILTERED) && ev->type < PV_EV_TYPES && (of->wants & PV_WANTS(ev->type)) &&
		     (!of->is_base || of->is_base(ev));
		p += ev->size;
	}
	if (n)
		atomic_fetch_add_explicit(&h->rejected, n, memory_order_relaxed);
}

static enum pv_res window_feed(void *ctx, const struct iovec *iov, int n)
{
	struct handler *h = ctx;
	struct pv_stage *window = pv_window_stage(h->window);
	for (int i = 0; i < n; i++) {
		if (h->filters)
			count_rejected(h, &iov[i]);
		window->ops->batch(window, iov[i].iov_base, iov[i].iov_len);
	}
	return pv_out_flush(&window->out);
}

static struct pv_sink window_sink(struct handler *h)
{
	/* events are small: gathered runs cost less than a call each */
	return (struct pv_sink){.write = window_feed, .ctx = h, .copy_below = 512};
}

/* ---- chains: a handler's own window, then the next handler ------------------------------------------- */

static enum pv_res fork_write(void *ctx, const struct iovec *iov, int n)
{
	struct handler *h = ctx;
	struct pv_sink own = window_sink(h), next = pv_sink_stage(h->link);
	own.write(own.ctx, iov, n);
	return next.write(next.ctx, iov, n);
}

static enum pv_res fork_drain(void *ctx)
{
	struct handler *h = ctx;
	return pv_out_drain(&h->link->out);
}

static struct pv_sink behind(struct handler *h)
{
	if (!h->link)
		return window_sink(h);
	return (struct pv_sink){.write = fork_write, .drain = fork_drain, .ctx = h, .copy_below = 512};
}

/* Where a handler's input goes. */
static struct pv_sink front(struct handler *h)
{
	return h->view ? pv_sink_stage(h->view) : behind(h);
}

/* ---- running ----------------------------------------------------------------------------------------- */

/* To all handlers, or the first of a chain. */
static enum pv_res roots_write(void *ctx, const struct iovec *iov, int n)
{
	struct pv_lane *l = ctx;
	size_t roots = l->conf.chain && l->nhandlers ? 1 : l->nhandlers;
	for (size_t i = 0; i < roots; i++) {
		struct pv_sink to = front(&l->handler[i]);
		to.write(to.ctx, iov, n);
		if (to.drain)
			to.drain(to.ctx);
	}
	return PV_OK;
}

static void feed(struct pv_lane *l, const void *events, size_t n)
{
	const union {
		const void *in;
		void *out;
	} bytes = {.in = events}; /* an iovec is not const; nobody writes to it */
	const struct iovec iov = {bytes.out, n};
	if (!n)
		return;
	if (!l->only) {
		roots_write(l, &iov, 1);
		return;
	}
	l->only->ops->batch(l->only, events, n);
	pv_out_drain(&l->only->out);
}

static void announce(struct handler *h)
{
	struct {
		struct pv_stage_event s;
		uint8_t room[PV_BUCKET_NAME + 64 + sizeof PV_VERSION + 8];
	} u;
	const char *type = h->conf.handler->type;
	size_t at = sizeof u.s;
	memset(&u, 0, sizeof u);
	u.s.ev = (struct pv_event){sizeof u & ~7u, PV_EV_STAGE, 0, h->lane->now_ns};
	u.s.stage = h->conf.stage;
	u.s.events = h->conf.events;
	u.s.kind = h->conf.stage ? PV_STAGE_ANALYSER : PV_STAGE_SOURCE;
	u.s.type = pv_ev_put(&u, &at, type, strlen(type));
	u.s.name = pv_ev_put(&u, &at, h->name, strlen(h->name));
	u.s.version = pv_ev_put(&u, &at, PV_VERSION, strlen(PV_VERSION));
	u.s.ev.size = pv_round8(at);
	struct iovec iov = {&u, u.s.ev.size};
	struct pv_sink to = window_sink(h);
	to.write(to.ctx, &iov, 1);
}

static void open_stream(struct pv_lane *l, const struct pv_event *start)
{
	l->now_ns = start->time_ns;
	l->open = true;
	pv_out_pass(&l->out, start, start->size);
	pv_out_flush(&l->out);
	feed(l, start, start->size);
	for (size_t i = 0; i < l->nhandlers; i++)
		announce(&l->handler[i]);
	/* time, so that the windows make their first copies: on a quiet input nothing may come for a second */
	const struct pv_event tick = {sizeof tick, PV_EV_TICK, 0, start->time_ns};
	if (((const struct pv_start *)(const void *)start)->clock == PV_CLOCK_LIVE)
		feed(l, &tick, sizeof tick);
}

static void put_stop(struct pv_lane *l, const struct pv_event *stop)
{
	struct pv_ledger_row rows[PV_LEDGER_ROWS_MAX];
	size_t n = 0, count = 0;
	const struct pv_ledger_row *row = stop ? pv_stop_rows((const void *)stop, &count) : NULL;
	if (l->conf.beat)
		l->conf.beat(l->conf.ctx);
	for (size_t i = 0; i < count && n < PV_LEDGER_ROWS_MAX - 1; i++) {
		if (row[i].stage == PV_STAGE_STREAM)
			continue;
		uint64_t rejected = pv_lane_filtered(l, row[i].stage);
		rows[n] = row[i];
		if (row[i].what == PV_LEDGER_FILTERED)
			rows[n].value += rejected;
		if (row[i].what == PV_LEDGER_ANALYSED)
			rows[n].value -= rejected < row[i].value ? rejected : row[i].value;
		n++;
	}
	uint64_t lost = atomic_load(&l->lost_events);
	if (lost)
		rows[n++] = (struct pv_ledger_row){PV_LANE_STAGE, PV_LEDGER_DROPPED, 0, lost};
	pv_stop_emit(&l->out, l->now_ns, rows, n);
	pv_out_drain(&l->out);
	l->open = false;
}

static void take_batch(struct pv_lane *l, const struct pv_ring_batch *b)
{
	const uint8_t *run = (const void *)b->first, *p = run, *end = p + b->len;
	while (b->special && p < end) {
		const struct pv_event *ev = (const void *)p;
		p += ev->size;
		if (ev->type == PV_EV_STATS)
			pv_out_pass(&l->out, ev, ev->size);
		if (ev->type != PV_EV_START && ev->type != PV_EV_STOP)
			continue;
		feed(l, run, (size_t)((const uint8_t *)ev - run));
		run = p;
		l->now_ns = pv_clock_stream(ev->time_ns, l->now_ns);
		if (ev->type == PV_EV_START) {
			open_stream(l, ev);
		} else if (l->open) {
			feed(l, ev, ev->size);
			put_stop(l, ev);
		}
	}
	feed(l, run, (size_t)(end - run));
	pv_out_flush(&l->out);
}

/* The stream goes on without us, or broke off. */
static void end_stream(struct pv_lane *l)
{
	if (!l->open)
		return;
	for (size_t i = 0; i < l->nhandlers;
	     i++) { /* in a chain, what a view still puts out goes through those behind */
		struct handler *h = &l->handler[i];
		struct pv_stage *parts[] = {h->view, h->link};
		for (size_t k = 0; k < 2; k++)
			if (parts[k]) {
				parts[k]->ops->end(parts[k], false);
				pv_out_drain(&parts[k]->out);
			}
		struct pv_stage *w = pv_window_stage(h->window);
		w->ops->end(w, false);
		pv_out_flush(&w->out);
	}
	put_stop(l, NULL);
}

static void beat(struct pv_lane *l)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	if (l->conf.beat && t.tv_sec != l->beat_sec)
		l->conf.beat(l->conf.ctx);
	l->beat_sec = t.tv_sec;
}

static void *run(void *arg)
{
	struct pv_lane *l = arg;
	struct pv_ring_batch b;
	while (pv_ring_next(l->reader, &b) == PV_OK) {
		struct pv_ring_counts c;
		pv_ring_counts(l->reader, &c);
		atomic_store(&l->lost_events, c.lost_events);
		take_batch(l, &b);
		pv_ring_done(l->reader);
		beat(l);
	}
	end_stream(l);
	atomic_store(&l->running, false);
	return NULL;
}

int pv_lane_start(struct pv_lane *l, struct pv_ring *ring, char *err, size_t cap)
{
	l->reader = pv_ring_join(ring);
	if (!l->reader) {
		snprintf(err, cap, errno == ENOSPC ? "more than %d policies on one input" : "out of memory",
			 PV_RING_READERS);
		return -1;
	}
	atomic_store(&l->running, true);
	int bad = pthread_create(&l->thread, NULL, run, l);
	if (bad) {
		atomic_store(&l->running, false);
		pv_ring_leave(l->reader);
		l->reader = NULL;
		snprintf(err, cap, "cannot start a thread: %s", strerror(bad));
		return -1;
	}
	l->started = true;
	return 0;
}

void pv_lane_wait(struct pv_lane *l)
{
	if (l->started && !l->joined)
		pthread_join(l->thread, NULL);
	l->joined = true;
}

bool pv_lane_running(struct pv_lane *l)
{
	return atomic_load(&l->running);
}

uint64_t pv_lane_filtered(const struct pv_lane *l, unsigned stage)
{
	uint64_t all = 0, least = UINT64_MAX;
	for (size_t i = 0; i < l->nhandlers; i++) {
		if (l->handler[i].conf.stage != stage)
			continue;
		uint64_t n = atomic_load_explicit(&l->handler[i].rejected, memory_order_relaxed);
		all += n;
		least = n < least ? n : least;
	}
	return l->conf.chain || least == UINT64_MAX ? all : least;
}

void pv_lane_counts(struct pv_lane *l, struct pv_ring_counts *c)
{
	*c = (struct pv_ring_counts){0};
	if (l->reader)
		pv_ring_counts(l->reader, c);
}

/* ---- making ------------------------------------------------------------------------------------------ */

static bool is(const struct handler *h, const char *type)
{
	return !strcmp(h->conf.handler->type, type);
}

static bool ready(void *ctx)
{
	struct pv_lane *l = ctx;
	return !l->conf.ready || l->conf.ready(l->conf.ctx);
}

static int make_window(struct pv_lane *l, struct handler *h, char *err, size_t cap)
{
	snprintf(h->module, sizeof h->module, "%s:%s", h->conf.handler->type, h->conf.handler->version);
	h->modules[0] = h->module;
	size_t budget = l->conf.budget_bytes ? l->conf.budget_bytes : PV_LANE_BUDGET;
	const struct pv_window_conf conf = {
	    .handlers = l->conf.registry,
	    /* who reads keeps the history; one bucket for everything is another thing than the last of many */
	    .periods = h->conf.periods == 1 ? 1 : 2,
	    .deep = h->conf.deep,
	    .topn = h->conf.topn,
	    .topn_percentile = h->conf.topn_percentile,
	    .enable = h->conf.enable,
	    .disable = h->conf.disable,
	    .nenable = h->conf.nenable,
	    .ndisable = h->conf.ndisable,
	    .modules = h->modules,
	    .nmodules = 1,
	    .origin_sec = l->conf.origin_sec,
	    .budget_bytes = budget / l->nhandlers,
	    .seed = l->conf.seed,
	    .live_copies = true,
	    .buckets = true,
	    .ready = ready,
	    .ctx = l,
	};
	const struct pv_sink sink = {.write = windows_write, .ctx = l};
	h->window = pv_window_new(&conf, sink, err, cap);
	return h->window ? 0 : -1;
}

static int make_view(struct pv_lane *l, struct handler *h, bool partial)
{
	if (is(h, "dns") && h->conf.dns) {
		const struct pv_dns_view_conf conf = {
		    .filter = h->conf.dns,
		    .ttl_ns = h->conf.ttl_ns,
		    .shared_ttl_ns = l->conf.dns_ttl_ns,
		    .partial = partial,
		    .seed = l->conf.seed,
		};
		h->filters = true;
		h->view = pv_dns_view_new(&conf, behind(h));
		return h->view ? 0 : -1;
	}
	if (is(h, "dhcp") && h->conf.ttl_ns) {
		h->view = pv_dhcp_view_new(h->conf.ttl_ns, behind(h));
		return h->view ? 0 : -1;
	}
	if (is(h, "netprobe")) {
		h->view = pv_probe_view_new(h->conf.ttl_ns, behind(h));
		return h->view ? 0 : -1;
	}
	if ((is(h, "net") || is(h, "connections")) && h->conf.net && pv_net_filter_on(h->conf.net)) {
		h->filters = true;
		h->view = pv_net_view_new(h->conf.net, l->conf.seed, behind(h));
		return h->view ? 0 : -1;
	}
	if (is(h, "flow") && h->conf.flow && pv_flow_view_needed(h->conf.flow, l->conf.services)) {
		h->view = pv_flow_view_new(h->conf.flow, l->conf.services, l->conf.seed, behind(h));
		return h->view ? 0 : -1;
	}
	return 0;
}

/* From the end: each link needs what is behind it. */
static int make_handlers(struct pv_lane *l, char *err, size_t cap)
{
	for (size_t i = l->nhandlers; i--;) {
		struct handler *h = &l->handler[i];
		if (make_window(l, h, err, cap))
			return -1;
		if (l->conf.chain && i + 1 < l->nhandlers &&
		    !(h->link = pv_pick_new(h->conf.handler->type, h->conf.stage, h->conf.events,
					    front(&l->handler[i + 1])))) {
			snprintf(err, cap, "out of memory");
			return -1;
		}
		if (make_view(l, h, l->conf.chain && i > 0)) {
			snprintf(err, cap, "out of memory");
			return -1;
		}
	}
	return 0;
}

struct pv_lane *pv_lane_new(const struct pv_lane_conf *conf, char *err, size_t cap)
{
	if (conf->nhandlers > PV_LANE_HANDLERS) {
		snprintf(err, cap, "a policy has at most %d handlers", PV_LANE_HANDLERS);
		return NULL;
	}
	struct pv_lane *l = calloc(1, sizeof *l);
	if (!l || pv_out_init(&l->out, conf->sink)) {
		snprintf(err, cap, "out of memory");
		free(l);
		return NULL;
	}
	l->conf = *conf;
	l->nhandlers = conf->nhandlers;
	for (size_t i = 0; i < l->nhandlers; i++) {
		struct handler *h = &l->handler[i];
		h->conf = conf->handlers[i];
		h->lane = l;
		snprintf(h->name, sizeof h->name, "%s", h->conf.name);
	}
	l->conf.handlers = NULL;
	if (conf->only_hosts &&
	    !(l->only = pv_only_new(conf->only_hosts,
				    (struct pv_sink){.write = roots_write, .ctx = l, .copy_below = 512}))) {
		snprintf(err, cap, "out of memory");
		pv_lane_free(l);
		return NULL;
	}
	if (make_handlers(l, err, cap)) {
		pv_lane_free(l);
		return NULL;
	}
	return l;
}

void pv_lane_free(struct pv_lane *l)
{
	if (!l)
		return;
	if (l->started && !l->joined)
		pv_ring_cancel(l->reader);
	pv_lane_wait(l);
	if (l->reader)
		pv_ring_leave(l->reader);
	for (size_t i = 0; i < l->nhandlers; i++) {
		pv_stage_free(l->handler[i].view);
		pv_stage_free(l->handler[i].link);
		pv_stage_free(l->handler[i].window ? pv_window_stage(l->handler[i].window) : NULL);
	}
	pv_stage_free(l->only);
	pv_out_free(&l->out);
	free(l);
}
