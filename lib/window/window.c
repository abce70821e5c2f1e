/* SPDX-License-Identifier: MPL-2.0 */
#include "window/window.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "metric/json.h"
#include "metric/wire.h"
#include "stage/stop.h"
#include "window/defines.h"
#include "window/history.h"

#define NS 1000000000u

struct instance {
	const struct pv_handler *handler;
	char name[PV_BUCKET_NAME];
	int stage;  /* whose events it takes, once bound; -1: any */
	uint8_t own; /* number of its module's events, once bound; 0: none */
	bool bound; /* announced in this stream */
	bool fed;   /* its buckets come ready-made in this stream */
	uint64_t fed_ns; /* when the last of these starts */
	bool wide;  /* of its handler: pv_handler_wide() */
	struct pv_bucket_conf conf;
	struct pv_handler_ctx ctx;
	struct pv_bucket *live; /* NULL before the first event */
	uint32_t unchecked;     /* events that it may still take before its size is looked at; of wide handlers */
	struct pv_history past;
};

struct module {
	const struct pv_handler *handler;
};

struct pv_window {
	struct pv_stage stage;
	struct pv_window_conf conf;
	struct module modules[PV_WINDOW_INSTANCES];
	size_t nmodules;
	struct instance *instance[PV_WINDOW_INSTANCES];
	size_t ninstances;
	/* who wants events of a type */
	struct instance *takers[PV_EV_TYPES][PV_WINDOW_INSTANCES];
	unsigned ntakers[PV_EV_TYPES];
	bool taken; /* the lists above are up to date */

	/* the stream */
	uint64_t stream_id;
	bool open, recorded, hosts;
	bool any, closed_any;            /* a period is open; one has been closed in this stream */
	bool completed;                  /* every instance of this stream is there */
	uint64_t start_ns, last_ns;      /* of the live period */
	uint64_t next_shift_sec;
	uint64_t live_out_sec;           /* second of the last LIVE copy */
	uint64_t now_sec;                /* second of the current event, not before the period's first */
	uint64_t calm_from_ns, calm_to_ns; /* times in between need no look at periods: the current second, or what is left of it */
	uint64_t every_due_ns;           /* when conf.every is due; 0: with the first time that comes */
	struct pv_defines *defines;

	struct pv_bucket_reader reader;
	const struct pv_event_module **known; /* of the handlers */
	bool reading; /* buckets came in */
	bool counting; /* a stream had none: its silent analysers show their zeros */
	const char *problem;
	struct pv_window_losses losses, shown;
	uint64_t lost_said; /* losses.lost that an earlier STOP has told */
};

#define MODULE(n) \
	[PV_EV_MODULE + (n)] = {offsetof(struct pv_module_event, stage), offsetof(struct pv_module_event, stamp)}

/* Where the common fields of analysed events stand. 0: none. */
static const struct {
	uint8_t stage, stamp;
} where[PV_EV_TYPES] = {
	[PV_EV_FLOW] = {offsetof(struct pv_flow, stage), offsetof(struct pv_flow, stamp)},
	[PV_EV_NET] = {offsetof(struct pv_net, stage), offsetof(struct pv_net, stamp)},
	[PV_EV_DNS] = {offsetof(struct pv_dns, stage), offsetof(struct pv_dns, stamp)},
	[PV_EV_DNS_TIMEOUT] = {offsetof(struct pv_dns, stage), offsetof(struct pv_dns, stamp)},
	[PV_EV_DHCP] = {offsetof(struct pv_dhcp, stage), offsetof(struct pv_dhcp, stamp)},
	[PV_EV_BGP] = {offsetof(struct pv_bgp, stage), offsetof(struct pv_bgp, stamp)},
	[PV_EV_PROBE] = {offsetof(struct pv_probe_event, stage), offsetof(struct pv_probe_event, stamp)},
	[PV_EV_TCP_ERROR] = {offsetof(struct pv_tcp_error, stage), 0},
	[PV_EV_RESOURCES] = {offsetof(struct pv_resources_event, stage), 0},
	MODULE(0), MODULE(1), MODULE(2), MODULE(3), MODULE(4), MODULE(5), MODULE(6), MODULE(7),
};

/* ---- instances ---------------------------------------------------------------------------------- */

static bool is_type(const struct pv_handler *h, const char *type, size_t n)
{
	return strlen(h->type) == n && !memcmp(h->type, type, n);
}

static bool is_analyser(const struct pv_handler *h, const char *type, size_t n)
{
	return h->analyser && strlen(h->analyser) == n && !memcmp(h->analyser, type, n);
}

static const struct pv_handler *find_handler(const struct pv_window *w, const char *type, size_t n, const char *version)
{
	for (size_t i = 0; w->conf.handlers[i]; i++) {
		const struct pv_handler *h = w->conf.handlers[i];
		if (is_type(h, type, n) && !strcmp(h->version, version))
			return h;
	}
	return NULL;
}

/* The i-th handler of an announced type, as the modules list has them: there may be one for each version. NULL: no more
 * are wanted. */
static const struct pv_handler *wanted(const struct pv_window *w, const char *type, size_t n, size_t i)
{
	if (!w->nmodules)
		return i ? NULL : find_handler(w, type, n, "1.0");
	for (size_t m = 0; m < w->nmodules; m++)
		if ((is_type(w->modules[m].handler, type, n) || is_analyser(w->modules[m].handler, type, n)) && !i--)
			return w->modules[m].handler;
	return NULL;
}

/* Can this handler appear? */
static bool possible(const struct pv_window *w, const struct pv_handler *h)
{
	for (size_t m = 0; m < w->nmodules; m++)
		if (w->modules[m].handler == h)
			return true;
	return !w->nmodules;
}

static void instance_free(struct instance *in)
{
	if (!in)
		return;
	pv_bucket_free(in->live);
	pv_history_clear(&in->past);
	free(in->ctx.state);
	free(in);
}

static bool listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

static uint32_t defaults_of(const struct pv_handler *h)
{
	uint32_t on = 0;
	for (size_t i = 0; i < h->ngroups; i++)
		if (h->groups[i].on)
			on |= 1u << i;
	return on;
}

/* disable first, then enable; "all" stands for every one. */
static uint32_t groups_of(const struct pv_window_conf *c, const struct pv_handler *h, uint32_t on)
{
	for (size_t i = 0; i < h->ngroups; i++)
		if (listed(c->disable, c->ndisable, "all") || listed(c->disable, c->ndisable, h->groups[i].name))
			on &= ~(1u << i);
	for (size_t i = 0; i < h->ngroups; i++)
		if (listed(c->enable, c->nenable, "all") || listed(c->enable, c->nenable, h->groups[i].name))
			on |= 1u << i;
	return on;
}

static struct instance *instance_get(struct pv_window *w, const struct pv_handler *h, const char *name, size_t n)
{
	char own[PV_BUCKET_NAME]; /* a second analyser of the same name is told apart by a number */
	int len = n < PV_BUCKET_NAME - 8 ? (int)n : PV_BUCKET_NAME - 8;
	snprintf(own, sizeof own, "%.*s", len, name);
	for (size_t i = 0, number = 1; i < w->ninstances; i++) {
		if (w->instance[i]->handler != h || strcmp(w->instance[i]->name, own))
			continue;
		if (!w->instance[i]->bound)
			return w->instance[i];
		snprintf(own, sizeof own, "%.*s_%zu", len, name, ++number);
		i = (size_t)-1; /* from the start, with the next name */
	}
	if (w->ninstances == PV_WINDOW_INSTANCES)
		return NULL;
	struct instance *in = calloc(1, sizeof *in);
	if (in && h->state_size && !(in->ctx.state = calloc(1, h->state_size))) {
		free(in);
		in = NULL;
	}
	if (!in)
		return NULL;
	in->handler = h;
	in->wide = pv_handler_wide(h);
	in->stage = -1;
	memcpy(in->name, own, sizeof own);
	in->conf = (struct pv_bucket_conf){.groups = groups_of(&w->conf, h, defaults_of(h)),
					   .topn = w->conf.topn,
					   .topn_percentile = w->conf.topn_percentile,
					   .sort = w->conf.sort,
					   .seed = w->conf.seed};
	in->ctx.define = pv_defines_get;
	in->ctx.defines = w->defines;
	w->instance[w->ninstances++] = in;
	w->taken = false;
	return in;
}

/* Numbers of modules are of this stream; a handler is given none but its own. */
static uint64_t wants(const struct instance *in)
{
	uint64_t modules = ((UINT64_C(1) << PV_EV_MODULES) - 1) << PV_EV_MODULE;
	return (in->handler->wants & ~modules) | (in->own ? PV_WANTS(in->own) : 0);
}

static void find_takers(struct pv_window *w)
{
	memset(w->ntakers, 0, sizeof w->ntakers);
	for (size_t i = 0; i < w->ninstances; i++)
		for (unsigned t = 0; t < PV_EV_TYPES; t++)
			if (w->instance[i]->bound && !w->instance[i]->fed &&
			    (wants(w->instance[i]) & PV_WANTS(t)))
				w->takers[t][w->ntakers[t]++] = w->instance[i];
	w->taken = true;
}

/* Modules that were asked for and that nobody announces still show their zeros. Analysers announce themselves before the
 * first event of any other kind. */
static void complete(struct pv_window *w)
{
	w->completed = true;
	for (size_t m = 0; m < w->nmodules; m++) {
		const struct pv_handler *h = w->modules[m].handler;
		bool have = false;
		for (size_t i = 0; i < w->ninstances; i++)
			have |= w->instance[i]->handler == h;
		if (!have)
			instance_get(w, h, h->type, strlen(h->type));
	}
}

/* ---- periods ------------------------------------------------------------------------------------ */

static struct pv_bucket *open_bucket(struct pv_window *w, struct instance *in)
{
	if (in->live)
		return in->live;
	struct pv_bucket *b = pv_bucket_new(in->handler, &in->conf);
	if (!b)
		return NULL;
	b->start_ns = w->start_ns;
	b->end_ns = w->last_ns > w->start_ns ? w->last_ns : w->start_ns;
	b->stream_id = w->stream_id;
	b->recorded = w->recorded;
	b->hosts = w->hosts;
	memcpy(b->name, in->name, sizeof b->name);
	in->ctx.generation++;
	if (in->handler->begin)
		in->handler->begin(b, &in->ctx);
	return in->live = b;
}

/* The begin of the period that has this second. */
static uint64_t begin_of(uint64_t origin_sec, uint64_t sec)
{
	return sec < origin_sec ? origin_sec : sec - (sec - origin_sec) % PV_WINDOW_PERIOD_SEC;
}

static void period_start(struct pv_window *w, uint64_t time_ns)
{
	w->start_ns = w->conf.origin_sec ? begin_of(w->conf.origin_sec, time_ns / NS) * NS : time_ns;
	w->last_ns = time_ns > w->start_ns ? time_ns : w->start_ns;
	w->next_shift_sec = w->start_ns / NS + PV_WINDOW_PERIOD_SEC;
	w->any = true;
	w->calm_to_ns = 0;
}

/* Takes b over. */
static void keep_closed(struct pv_window *w, struct instance *in, struct pv_bucket *b)
{
	if (pv_history_add(&in->past, w->conf.periods, b))
		w->losses.lost++;
}

static void stay_in_budget(struct pv_window *w)
{
	struct pv_history *past[PV_WINDOW_INSTANCES];
	size_t live = 0;
	for (size_t i = 0; i < w->ninstances; i++) {
		past[i] = &w->instance[i]->past;
		live += w->instance[i]->live ? pv_bucket_memory(w->instance[i]->live) : 0;
	}
	w->losses.lost += pv_histories_fit(past, w->ninstances, live,
					   w->conf.budget_bytes ? w->conf.budget_bytes : PV_WINDOW_BUDGET);
}

/* What an open bucket may hold where others choose how many blocks there are. It must leave room for those that are
 * closed, unless there is only one. */
static size_t live_budget(const struct pv_window *w)
{
	size_t all = w->conf.budget_bytes ? w->conf.budget_bytes : PV_WINDOW_BUDGET;
	return w->conf.periods > 1 ? all / 4 : all;
}

#define EVENT_BYTES 4096 /* that one event may add: an item of 24 lists on either side, whose tables double */

/* Its size is looked at from time to time: not more often than it pays, for it takes longer the more blocks there are. */
static void fit_live(struct pv_window *w, struct instance *in)
{
	size_t budget = live_budget(w);
	if (pv_bucket_fit(in->live, budget))
		in->ctx.generation++; /* blocks have moved */
	size_t used = pv_bucket_memory(in->live);
	size_t next = used < budget ? (budget - used) / EVENT_BYTES : 0, least = (size_t)in->live->nblocks * 4 + 64;
	in->unchecked = (uint32_t)(next > least ? next : least);
}

/* The live period is over, at end_ns. last: no other follows. */
static void period_close(struct pv_window *w, uint64_t end_ns, bool last)
{
	if (!w->any)
		return;
	for (size_t i = 0; i < w->ninstances; i++) {
		struct instance *in = w->instance[i];
		if ((in->fed || w->reading) && !in->live)
			continue;
		struct pv_bucket *b = open_bucket(w, in);
		if (!b) {
			w->losses.lost++;
			continue;
		}
		in->live = NULL;
		b->start_ns = w->start_ns; /* earlier than when it was made, if events came out of order */
		if (end_ns > b->start_ns)
			b->end_ns = end_ns;
		b->closed = true;
		w->losses.lost += pv_bucket_lost(b);
		if (in->handler->shift && !last)
			in->handler->shift(b, &in->ctx);
		if (w->conf.buckets && pv_bucket_emit(&w->stage.out, b, false, b->end_ns))
			w->losses.lost++;
		keep_closed(w, in, b);
	}
	stay_in_budget(w);
	w->any = false;
	w->calm_to_ns = 0;
	w->closed_any = true;
	if (!w->recorded && w->conf.closed)
		w->conf.closed(w->conf.ctx, w);
}

static void live_copy(struct pv_window *w, uint64_t now_ns)
{
	w->live_out_sec = now_ns / NS;
	for (size_t i = 0; i < w->ninstances; i++) {
		struct pv_bucket *b = w->instance[i]->fed ? NULL : open_bucket(w, w->instance[i]);
		if (!b)
			continue;
		b->start_ns = w->start_ns; /* as in period_close() */
		b->end_ns = now_ns > b->start_ns ? now_ns : b->start_ns;
		if (pv_bucket_emit(&w->stage.out, b, true, now_ns))
			w->losses.lost++;
	}
}

/* Says what there is, when it is time to: before the event at t is counted. */
static void say_every(struct pv_window *w, uint64_t t)
{
	bool first = !w->every_due_ns, back = w->every_due_ns > t && w->every_due_ns - t > w->conf.every_ns;
	if (!first && !back && t < w->every_due_ns)
		return;
	if (!first && !back)
		w->conf.every(w->conf.ctx, w);
	w->every_due_ns = t + w->conf.every_ns;
}

/* Has time gone back by more than a period? A recording's may, and counts from where the live period starts; a live one's
 * only when the clock was set, by which it must count from where it was, or it would stand still for as long. One bucket
 * for several streams has their times, in any order. */
static bool goes_back(const struct pv_window *w, uint64_t t)
{
	bool several = w->conf.periods == 1 && w->losses.streams > 1;
	return w->any && !several && pv_clock_set_back(t, w->recorded ? w->start_ns : w->last_ns);
}

/* The clock was set back to t: what was counted in minutes that are still to come makes room for them, and periods go on as
 * if they had always been. */
static void follow_clock(struct pv_window *w, uint64_t t)
{
	w->last_ns = t;
	w->live_out_sec = 0;
	if (w->conf.origin_sec)
		w->conf.origin_sec = w->conf.origin_sec % PV_WINDOW_PERIOD_SEC + PV_WINDOW_PERIOD_SEC;
	for (size_t i = 0; i < w->ninstances; i++)
		pv_history_forget(&w->instance[i]->past, t);
}

/* Stream time has come to t. */
static void advance(struct pv_window *w, uint64_t t)
{
	if (t >= w->calm_from_ns && t < w->calm_to_ns) {
		if (t > w->last_ns)
			w->last_ns = t;
		return;
	}
	uint64_t sec = t / NS;
	bool back = goes_back(w, t);
	if (w->any && w->conf.periods > 1 && (sec >= w->next_shift_sec || back)) {
		uint64_t end_ns = w->conf.origin_sec ? w->next_shift_sec * NS : t;
		period_close(w, back ? w->last_ns : end_ns, false);
	}
	if (back && !w->recorded)
		follow_clock(w, t);
	if (!w->any)
		period_start(w, t);
	if (t > w->last_ns)
		w->last_ns = t;
	else if (w->conf.periods == 1 && t < w->start_ns)
		w->start_ns = t; /* one bucket for everything starts with the earliest */
	if (!w->recorded && w->conf.live_copies && sec > w->live_out_sec && (!w->conf.ready || w->conf.ready(w->conf.ctx)))
		live_copy(w, t);
	w->now_sec = sec < w->start_ns / NS ? w->start_ns / NS : sec; /* late: the first second that is still open */
	w->calm_from_ns = t;
	w->calm_to_ns = (sec + 1) * NS;
	if (w->conf.every_ns) {
		say_every(w, t);
		if (w->calm_to_ns > w->every_due_ns)
			w->calm_to_ns = w->every_due_ns;
	}
}

/* ---- events ------------------------------------------------------------------------------------- */

static void on_start(struct pv_window *w, const struct pv_event *ev)
{
	const struct pv_start *s = (const void *)ev;
	bool again = w->conf.periods == 1 && w->losses.streams;
	if (w->any && !again)
		period_close(w, w->last_ns, true);
	w->losses.streams++;
	w->calm_to_ns = 0;
	w->open = true;
	w->closed_any = w->reading = w->taken = false;
	w->recorded = s->clock == PV_CLOCK_RECORDED;
	w->hosts = s->hosts_count > 0;
	w->stream_id = s->stream_id;
	w->every_due_ns = 0;
	w->live_out_sec = 0; /* the first copy is made at once: who asks sees an empty minute, not none */
	pv_defines_clear(w->defines);
	for (size_t i = 0; i < w->ninstances; i++) {
		w->instance[i]->bound = w->instance[i]->fed = false;
		w->instance[i]->stage = -1;
		w->instance[i]->fed_ns = 0;
		if (w->instance[i]->live)
			w->instance[i]->live->stream_id = s->stream_id;
		w->instance[i]->ctx.hosts_empty = !w->hosts;
		w->instance[i]->ctx.recorded = w->recorded;
	}
	if (ev->time_ns && again && w->any)
		advance(w, ev->time_ns);
	else if (ev->time_ns)
		period_start(w, ev->time_ns);
}

/* Does it count what a source brings (types 16 to 31), and not, like pcap, how the source fares? */
static bool counts_input(const struct pv_handler *h)
{
	return h->own || h->wants >> PV_EV_PACKET & 0xffff;
}

static void bind_stage(struct pv_window *w, const struct pv_event *ev, const struct pv_handler *h)
{
	const struct pv_stage_event *s = (const void *)ev;
	if (s->kind == PV_STAGE_SOURCE && !w->nmodules && !counts_input(h))
		return;
	struct instance *in = instance_get(w, h, pv_ref_bytes(ev, s->name), s->name.len);
	if (!in) {
		w->losses.lost++;
		return;
	}
	in->bound = true;
	w->taken = false;
	in->stage = s->kind == PV_STAGE_SOURCE ? -1 : s->stage;
	in->own = h->own ? s->events : 0;
	in->ctx.hosts_empty = !w->hosts;
	in->ctx.recorded = w->recorded;
}

static void on_stage(struct pv_window *w, const struct pv_event *ev)
{
	const struct pv_stage_event *s = (const void *)ev;
	const struct pv_handler *h;
	if (s->kind == PV_STAGE_SUMMARY)
		return;
	for (size_t i = 0; (h = wanted(w, pv_ref_bytes(ev, s->type), s->type.len, i)); i++)
		bind_stage(w, ev, h);
}

static void on_stop(struct pv_window *w, const struct pv_event *ev)
{
	struct pv_window_losses *l = &w->losses;
	size_t n;
	const struct pv_ledger_row *row = pv_stop_rows((const void *)ev, &n);
	for (size_t i = 0; i < n; i++) {
		if (row[i].stage == PV_STAGE_STREAM)
			continue;
		if (row[i].stage == 0 && row[i].what == PV_LEDGER_RECEIVED)
			l->received += row[i].value;
		else if (row[i].what == PV_LEDGER_OS_DROPS)
			l->os_drops += row[i].value;
		else if (row[i].what == PV_LEDGER_IF_DROPS)
			l->if_drops += row[i].value;
		else if (row[i].what == PV_LEDGER_MALFORMED)
			l->malformed += row[i].value;
		else if (row[i].what == PV_LEDGER_EVICTED || row[i].what == PV_LEDGER_XACT_EVICTED ||
			 row[i].what == PV_LEDGER_FLOW_EVICTED)
			l->evicted += row[i].value;
	}
	l->stopped = true;
	w->counting |= !w->reading;
	if (!w->reading && (ev->time_ns || w->any))
		advance(w, ev->time_ns > w->last_ns ? ev->time_ns : w->last_ns);
	if (!(w->conf.periods == 1 && w->any))
		period_close(w, w->last_ns, true);
	w->open = false;
	if (w->conf.buckets) {
		struct pv_ledger_row rows[PV_LEDGER_ROWS_MAX];
		size_t kept = 0;
		if (!w->any && !w->reading && !w->closed_any)
			period_start(w, 0); /* a stream without a packet still has a summary: zeros */
		if (w->any) /* one period: the bucket goes out with the stream, the next stream gets a new one */
			period_close(w, w->last_ns, true);
		for (size_t i = 0; i < n && kept < PV_LEDGER_ROWS_MAX - 1; i++)
			if (row[i].stage != PV_STAGE_STREAM)
				rows[kept++] = row[i];
		if (l->lost > w->lost_said)
			rows[kept++] = (struct pv_ledger_row){PV_STAGE_STREAM - 1, PV_LEDGER_TOPN_LOST, 0,
							      l->lost - w->lost_said};
		w->lost_said = l->lost;
		pv_stop_emit(&w->stage.out, ev->time_ns, rows, kept);
	}
}

static void on_bucket(struct pv_window *w, const struct pv_event *ev)
{
	struct pv_bucket *b = NULL;
	bool live = false;
	const char *problem = NULL;
	w->reading = true;
	switch (pv_bucket_read(&w->reader, ev, &b, &live, &problem)) {
	case PV_FAIL:
		w->losses.lost++;
		return;
	case PV_BAD:
		if (!w->problem)
			w->problem = problem;
		return;
	case PV_END:
		break;
	default:
		return;
	}
	struct instance *in = NULL;
	bool want = possible(w, b->handler);
	for (size_t i = 0; i < w->ninstances; i++)
		if (w->instance[i]->handler == b->handler && !strcmp(w->instance[i]->name, b->name))
			in = w->instance[i];
	if (!in && want)
		in = instance_get(w, b->handler, b->name, strlen(b->name));
	if (!in || !want) {
		pv_bucket_free(b);
		return;
	}
	if (!in->fed) {
		in->fed = true; /* what it was made of is not counted again */
		w->taken = false;
	}
	if (live) { /* of use to those who serve; a closed bucket follows */
		if (w->conf.buckets && w->conf.live_copies && pv_bucket_emit(&w->stage.out, b, true, ev->time_ns))
			w->losses.lost++;
		pv_bucket_free(b);
		return;
	}
	b->closed = true;
	if (!w->recorded && pv_clock_set_back(b->start_ns, in->fed_ns))
		pv_history_forget(&in->past, b->start_ns);
	in->fed_ns = b->start_ns;
	if (!in->past.n && !in->live)
		in->conf.groups = b->conf.groups & groups_of(&w->conf, in->handler, b->conf.groups); /* no more than it has */
	b->conf.topn = in->conf.topn;
	b->conf.topn_percentile = in->conf.topn_percentile;
	b->conf.sort = in->conf.sort;
	if (w->conf.buckets && pv_bucket_emit(&w->stage.out, b, false, b->end_ns))
		w->losses.lost++;
	keep_closed(w, in, b);
	stay_in_budget(w);
}

static void update(struct pv_window *w, const struct pv_event *ev)
{
	unsigned type = ev->type;
	if (!w->completed)
		complete(w);
	const uint8_t *bytes = (const uint8_t *)ev;
	int stage = where[type].stage ? bytes[where[type].stage] : -1;
	bool deep = !where[type].stamp || bytes[where[type].stamp] < w->conf.deep;
	if (!w->taken)
		find_takers(w);
	for (unsigned i = 0; i < w->ntakers[type]; i++) {
		struct instance *in = w->takers[type][i];
		if (in->stage >= 0 && stage >= 0 && in->stage != stage)
			continue;
		struct pv_bucket *b = in->live ? in->live : open_bucket(w, in);
		if (!b) {
			w->losses.lost++;
			continue;
		}
		const struct pv_handler *h = in->handler;
		b->now_sec = w->now_sec;
		if (!h->is_base || h->is_base(ev)) {
			struct pv_block *root = pv_bucket_root(b);
			if (h->events >= 0)
				pv_count(root, (unsigned)h->events, 1);
			if (h->samples >= 0 && deep)
				pv_count(root, (unsigned)h->samples, 1);
			if (h->events_rate >= 0)
				pv_rate_events(root, (unsigned)h->events_rate, 1);
		}
		h->update(b, ev, deep, &in->ctx);
		if (in->wide && !in->unchecked--)
			fit_live(w, in);
	}
}

static void window_batch(struct pv_stage *stage, const struct pv_event *first, size_t bytes)
{
	struct pv_window *w = (struct pv_window *)stage;
	const uint8_t *p = (const uint8_t *)first, *end = p + bytes;
	for (; p < end; p += ((const struct pv_event *)(const void *)p)->size) {
		const struct pv_event *ev = (const void *)p;
		if (w->reader.open && (ev->type < PV_EV_BUCKET || ev->type > PV_EV_BUCKET_END))
			on_bucket(w, ev); /* it was not finished */
		switch (ev->type) {
		case PV_EV_START:
			on_start(w, ev);
			if (w->conf.buckets)
				pv_out_pass(&w->stage.out, ev, ev->size);
			break;
		case PV_EV_STAGE:
			on_stage(w, ev);
			if (w->conf.buckets)
				pv_out_pass(&w->stage.out, ev, ev->size);
			break;
		case PV_EV_DEFINE:
			pv_defines_put(w->defines, (const void *)ev);
			break;
		case PV_EV_STOP:
			if (!w->reading)
				complete(w);
			on_stop(w, ev);
			break;
		case PV_EV_LEDGER:
			if (w->conf.buckets)
				pv_out_pass(&w->stage.out, ev, ev->size);
			break;
		case PV_EV_BUCKET:
		case PV_EV_LIVE:
		case PV_EV_BLOCK:
		case PV_EV_METRIC:
		case PV_EV_BUCKET_END:
			on_bucket(w, ev);
			break;
		case PV_EV_TICK:
		case PV_EV_STATS:
			advance(w, ev->time_ns);
			update(w, ev);
			/* what is in our buckets must not be counted again behind us */
			if (w->conf.buckets && (ev->type == PV_EV_TICK || !w->ntakers[PV_EV_STATS]))
				pv_out_pass(&w->stage.out, ev, ev->size);
			break;
		default:
			if (ev->type >= PV_EV_TYPES)
				break;
			advance(w, ev->time_ns);
			update(w, ev);
			break;
		}
	}
}

static void window_end(struct pv_stage *stage, bool cut)
{
	struct pv_window *w = (struct pv_window *)stage;
	if (!w->open)
		return;
	complete(w);
	w->counting |= !w->reading;
	if (w->any && !(w->conf.periods == 1 && !w->conf.buckets))
		period_close(w, w->last_ns, true);
	if (!cut && w->conf.buckets)
		pv_stop_emit(&w->stage.out, w->last_ns, NULL, 0);
	w->open = false;
}

static void window_free(struct pv_stage *stage)
{
	struct pv_window *w = (struct pv_window *)stage;
	for (size_t i = 0; i < w->ninstances; i++)
		instance_free(w->instance[i]);
	pv_bucket_reader_free(&w->reader);
	pv_defines_free(w->defines);
	free(w->known);
	pv_out_free(&w->stage.out);
	free(w);
}

static const struct pv_stage_ops window_ops = {"window", window_batch, window_end, window_free};

/* ---- making ------------------------------------------------------------------------------------- */

static int parse_modules(struct pv_window *w, char *err, size_t cap)
{
	for (size_t i = 0; i < w->conf.nmodules; i++) {
		const char *text = w->conf.modules[i], *colon = strchr(text, ':');
		size_t n = colon ? (size_t)(colon - text) : strlen(text);
		const struct pv_handler *h = find_handler(w, text, n, colon ? colon + 1 : "1.0");
		if (!h || w->nmodules == PV_WINDOW_INSTANCES) {
			int at = snprintf(err, cap, "unknown module '%s'; there are:", text);
			for (size_t k = 0; w->conf.handlers[k] && at > 0 && (size_t)at < cap; k++)
				at += snprintf(err + at, cap - (size_t)at, " %s:%s", w->conf.handlers[k]->type,
					       w->conf.handlers[k]->version);
			return -1;
		}
		w->modules[w->nmodules++].handler = h;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What those handlers look into that modules wrote. */
static int find_known(struct pv_window *w)
{
	size_t n = 0, all = 0;
	while (w->conf.handlers[all])
		all++;
	w->known = calloc(all + 1, sizeof *w->known);
	if (!w->known)
		return -1;
	for (size_t i = 0; i < all; i++)
		if (w->conf.handlers[i]->own)
			w->known[n++] = w->conf.handlers[i]->own;
	w->stage.known = w->known;
	return 0;
}

/* A group must be known to one of the handlers that can appear. */
static int check_groups(const struct pv_window *w, const char *const *list, size_t n, char *err, size_t cap)
{
	const char *names[256];
	size_t count = 0;
	for (size_t k = 0; w->conf.handlers[k]; k++)
		for (size_t g = 0; possible(w, w->conf.handlers[k]) && g < w->conf.handlers[k]->ngroups && count < 256; g++)
			names[count++] = w->conf.handlers[k]->groups[g].name;
	qsort(names, count, sizeof names[0], by_name);
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(list[i], "all") || listed(names, count, list[i]))
			continue;
		int at = snprintf(err, cap, "%s is an invalid/unsupported metric group. The valid groups are: all", list[i]);
		for (size_t k = 0; k < count && at > 0 && (size_t)at < cap; k++)
			if (!k || strcmp(names[k], names[k - 1]))
				at += snprintf(err + at, cap - (size_t)at, ", %s", names[k]);
		return -1;
	}
	return 0;
}

static bool sorts(const struct pv_metric *m, const char *sort)
{
	for (unsigned i = 0; i < m->ncolumns; i++)
		if (!strcmp(m->columns[i].name, sort) || (m->columns[i].rate && !strcmp(m->columns[i].rate, sort)))
			return true;
	return false;
}

/* It must be a column of a handler that can appear. */
static int check_sort(const struct pv_window *w, char *err, size_t cap)
{
	const char *sort = w->conf.sort;
	if (!sort || !strcmp(sort, PV_SORT_NAME))
		return 0;
	int at = snprintf(err, cap, "rows cannot be sorted by '%s', only by " PV_SORT_NAME, sort);
	const struct pv_metric *widest = NULL;
	for (size_t k = 0; w->conf.handlers[k]; k++)
		for (size_t i = 0; possible(w, w->conf.handlers[k]) && i < w->conf.handlers[k]->nmetrics; i++) {
			const struct pv_metric *m = &w->conf.handlers[k]->metrics[i];
			if (sorts(m, sort))
				return 0;
			if (m->ncolumns && (!widest || m->ncolumns > widest->ncolumns))
				widest = m;
		}
	for (unsigned i = 0; widest && i < widest->ncolumns && at > 0 && (size_t)at < cap; i++) {
		const struct pv_column *c = &widest->columns[i];
		at += snprintf(err + at, cap - (size_t)at, ", %s%s%s", c->name, c->rate ? ", " : "", c->rate ? c->rate : "");
	}
	return -1;
}

struct pv_window *pv_window_new(const struct pv_window_conf *conf, struct pv_sink sink, char *err, size_t cap)
{
	struct pv_window *w = calloc(1, sizeof *w);
	snprintf(err, cap, "out of memory");
	if (!w)
		return NULL;
	w->stage.ops = &window_ops;
	w->conf = *conf;
	w->conf.live_copies &= w->conf.buckets;
	if (w->conf.periods < 1)
		w->conf.periods = 1;
	if (w->conf.periods > PV_WINDOW_PERIODS_MAX)
		w->conf.periods = PV_WINDOW_PERIODS_MAX;
	w->reader.handlers = conf->handlers;
	w->reader.seed = conf->seed;
	w->defines = pv_defines_new(PV_WINDOW_DEFINES, conf->seed);
	if (!w->defines || find_known(w) || pv_out_init(&w->stage.out, sink) || parse_modules(w, err, cap) ||
	    check_groups(w, conf->enable, conf->nenable, err, cap) ||
	    check_groups(w, conf->disable, conf->ndisable, err, cap) || check_sort(w, err, cap)) {
		window_free(&w->stage);
		return NULL;
	}
	return w;
}

struct pv_stage *pv_window_stage(struct pv_window *w)
{
	return &w->stage;
}

const struct pv_window_losses *pv_window_losses(struct pv_window *w)
{
	w->shown = w->losses;
	for (size_t i = 0; i < w->ninstances; i++) /* of closed buckets it is in there */
		w->shown.lost += w->instance[i]->live ? pv_bucket_lost(w->instance[i]->live) : 0;
	return &w->shown;
}

const char *pv_window_problem(const struct pv_window *w)
{
	return w->problem;
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* Somebody announced it, and nothing more: of a stream of buckets that is none of those who made some. */
static bool unheard(const struct pv_window *w, const struct instance *in)
{
	return !w->counting && w->reading && !in->past.n && !in->live;
}

/* The schema, or, where several instances share it, one more word. */
static void key_of(const struct pv_window *w, size_t at, char *key, size_t cap)
{
	const char *schema = w->instance[at]->handler->schema;
	unsigned before = 0;
	for (size_t i = 0; i < at; i++)
		before += !strcmp(w->instance[i]->handler->schema, schema) && !unheard(w, w->instance[i]);
	if (!before)
		snprintf(key, cap, "%s", schema);
	else
		snprintf(key, cap, "%s_%u", schema, before + 1);
}

static struct pv_bucket *merged(struct pv_window *w, struct instance *in)
{
	struct pv_bucket *sum = pv_bucket_new(in->handler, &in->conf);
	if (!sum || (w->any && !open_bucket(w, in))) {
		pv_bucket_free(sum);
		return NULL;
	}
	unsigned room = w->conf.periods;
	bool live = in->live;
	if (live) {
		in->live->start_ns = w->start_ns;
		if (w->last_ns > in->live->start_ns)
			in->live->end_ns = w->last_ns;
		bool taken;
		unsigned newer = pv_history_place(&in->past, in->live, &taken);
		if (w->conf.periods > 1 && newer == room)
			live = false; /* older than all that is shown */
		else if (w->conf.periods > 1 && !taken)
			room--;
	}
	/* oldest first, so that a full top-N table keeps what came first, as one stream would have */
	for (unsigned i = in->past.n < room ? in->past.n : room; i--;)
		if (pv_bucket_merge(sum, in->past.closed[i]))
			w->losses.lost++;
	if (live && pv_bucket_merge(sum, in->live))
		w->losses.lost++;
	sum->closed = !in->live;
	return sum;
}

int pv_window_each(struct pv_window *w, int (*fn)(void *, const char *, const struct pv_bucket *), void *ctx)
{
	int rc = 0;
	for (size_t i = 0; i < w->ninstances && !rc; i++) {
		char key[PV_BUCKET_NAME + 16];
		if (unheard(w, w->instance[i]))
			continue;
		struct pv_bucket *b = merged(w, w->instance[i]);
		if (!b)
			return -1;
		key_of(w, i, key, sizeof key);
		rc = pv_bucket_shown(b) ? fn(ctx, key, b) : 0;
		pv_bucket_free(b);
	}
	return rc;
}

int pv_window_each_closed(struct pv_window *w, int (*fn)(void *, const char *, const struct pv_bucket *), void *ctx)
{
	int rc = 0;
	for (size_t i = 0; i < w->ninstances && !rc; i++) {
		char key[PV_BUCKET_NAME + 16];
		const struct instance *in = w->instance[i];
		key_of(w, i, key, sizeof key);
		if (in->past.n && pv_bucket_shown(in->past.closed[0]))
			rc = fn(ctx, key, in->past.closed[0]);
	}
	return rc;
}

size_t pv_window_heard(const struct pv_window *w)
{
	size_t n = 0;
	for (size_t i = 0; i < w->ninstances; i++)
		n += !unheard(w, w->instance[i]);
	return n;
}

static int add_json(void *ctx, const char *key, const struct pv_bucket *b)
{
	json_t *o = pv_bucket_json(b);
	return o ? json_object_set_new(ctx, key, o) : -1;
}

static json_t *wrap(unsigned minutes, json_t *inner)
{
	char key[16];
	snprintf(key, sizeof key, "%um", minutes);
	return json_pack("{s:o}", key, inner);
}

json_t *pv_window_json(struct pv_window *w)
{
	json_t *inner = json_object();
	if (!inner || pv_window_each(w, add_json, inner)) {
		json_decref(inner);
		return NULL;
	}
	return wrap(w->conf.periods, inner);
}

json_t *pv_window_bucket_json(struct pv_window *w)
{
	json_t *inner = json_object();
	if (!inner || pv_window_each_closed(w, add_json, inner)) {
		json_decref(inner);
		return NULL;
	}
	return wrap(1, inner);
}
