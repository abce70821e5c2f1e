/* SPDX-License-Identifier: MPL-2.0 */
#include "probe/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/probe.h"

#define STEP_NS UINT64_C(2000000000) /* a source says something every second */

/* ---- settings ------------------------------------------------------------------------------------- */

const struct pv_key pv_probe_keys[] = {
	{"recorded_stream", PV_KEY_BOOL, NULL, "accepted, not needed: the stream says so itself"},
	{"xact_ttl_secs", PV_KEY_UINT, "SECONDS", "an answer later than this is a timeout (default: timeout_msec of the input)"},
	{"xact_ttl_ms", PV_KEY_UINT, "MS", "the same in milliseconds; this one wins"},
};
const size_t pv_probe_nkeys = sizeof pv_probe_keys / sizeof pv_probe_keys[0];

int pv_probe_set(void *to, const struct pv_key *key, const struct pv_value *value, char *err, size_t cap)
{
	return key == pv_probe_keys ? 0 : pv_ttl_set(to, key, value, err, cap); /* the first is recorded_stream */
}

/* ---- the view ------------------------------------------------------------------------------------- */

struct open {
	uint64_t attempt; /* 0: this place is free */
	uint64_t sent_ns; /* stream time */
	uint64_t born_ns; /* by the view's own clock */
	uint16_t name;
	uint8_t stamp, test;
};

struct view {
	uint64_t ttl_ns;
	uint64_t oldest, next; /* attempts, from 1: none below oldest is open, none from next on */
	uint64_t now_ns, clock_ns;
	struct open *open;     /* PV_PROBE_OPEN places; an attempt's is its number modulo that */
	size_t names;
	uint8_t name_len[PV_PROBE_TARGETS];
	char name[PV_PROBE_TARGETS][PV_PROBE_NAME];
};

/* A source has no more targets than that; what comes out of a lying one shares the last name. */
static uint16_t name_of(struct view *v, const struct pv_probe_event *p)
{
	const char *text = pv_ref_bytes(&p->ev, p->target);
	size_t n = p->target.len < PV_PROBE_NAME ? p->target.len : PV_PROBE_NAME, i;
	for (i = 0; i < v->names; i++)
		if (v->name_len[i] == n && !memcmp(v->name[i], text, n))
			return (uint16_t)i;
	if (i == PV_PROBE_TARGETS)
		return PV_PROBE_TARGETS - 1;
	v->name_len[i] = (uint8_t)n;
	memcpy(v->name[i], text, n);
	v->names++;
	return (uint16_t)i;
}

/* The clock that patience goes by: stream time, but for what somebody set it forward by. Nothing between two events takes
 * longer than STEP_NS; where it did, because the source was held up, its own TIMEOUTs come late, too, and are as good. */
static void pass(struct view *v, uint64_t now_ns)
{
	uint64_t step = now_ns > v->now_ns ? now_ns - v->now_ns : 0;
	v->clock_ns += step < STEP_NS ? step : STEP_NS;
	v->now_ns = now_ns;
}

static void time_out(struct view *v, struct open *o, uint64_t now_ns, struct pv_view *view)
{
	size_t n = v->name_len[o->name], at = sizeof(struct pv_probe_event);
	struct pv_probe_event *e = pv_out_event(pv_view_out(view), PV_EV_PROBE, at + n, now_ns);
	e->attempt = o->attempt;
	e->sent_ns = o->sent_ns;
	e->elapsed_ns = v->clock_ns - o->born_ns;
	e->test = o->test;
	e->stamp = o->stamp;
	e->what = PV_PROBE_TIMEOUT;
	e->target = pv_ev_put(e, &at, v->name[o->name], n);
	o->attempt = 0;
}

static void expire(struct view *v, uint64_t now_ns, struct pv_view *view)
{
	for (; v->oldest < v->next; v->oldest++) {
		struct open *o = &v->open[v->oldest % PV_PROBE_OPEN];
		if (o->attempt != v->oldest)
			continue; /* has ended */
		if (v->clock_ns - o->born_ns < v->ttl_ns)
			return;
		time_out(v, o, now_ns, view);
	}
}

static void forget(struct view *v)
{
	memset(v->open, 0, PV_PROBE_OPEN * sizeof *v->open);
	v->oldest = v->next = 1;
	v->names = 0;
}

static void sent(struct view *v, const struct pv_probe_event *p, struct pv_view *view)
{
	struct open *o = &v->open[p->attempt % PV_PROBE_OPEN];
	if (p->attempt < v->next)
		return; /* numbers only rise: a stream that lies */
	if (p->attempt - v->next >= PV_PROBE_OPEN) { /* the first, or after a loss larger than life */
		forget(v);
		v->oldest = p->attempt;
	}
	if (o->attempt)
		time_out(v, o, p->ev.time_ns, view);
	v->next = p->attempt + 1;
	*o = (struct open){p->attempt, p->ev.time_ns, v->clock_ns, name_of(v, p), p->stamp, p->test};
}

/* What became of an attempt. True: the event goes on. */
static bool ended(struct view *v, const struct pv_probe_event *p, struct pv_view *view)
{
	struct open *o = &v->open[p->attempt % PV_PROBE_OPEN];
	if (o->attempt != p->attempt)
		return false; /* given up already, or never seen */
	if (p->what == PV_PROBE_ANSWER && p->elapsed_ns >= v->ttl_ns) {
		time_out(v, o, p->ev.time_ns, view);
		return false;
	}
	o->attempt = 0;
	return true;
}

static bool on_event(void *self, const struct pv_event *ev, struct pv_view *view)
{
	struct view *v = self;
	const struct pv_probe_event *p = (const void *)ev;
	bool probe = ev->type == PV_EV_PROBE;
	pass(v, ev->time_ns);
	if (ev->type == PV_EV_START) {
		forget(v);
		return true;
	}
	if (probe && p->attempt && p->what != PV_PROBE_SENT)
		return ended(v, p, view);
	/* A source that comes late reads all answers before it sends or ticks: so nothing expires here whose answer is behind. */
	expire(v, ev->time_ns, view);
	if (probe && p->what == PV_PROBE_SENT)
		sent(v, p, view);
	return true;
}

static void view_free(void *self)
{
	struct view *v = self;
	free(v->open);
	free(v);
}

static const struct pv_view_ops ops = {
	.name = "netprobe",
	.wants = PV_WANTS(PV_EV_START) | PV_WANTS(PV_EV_TICK) | PV_WANTS(PV_EV_PROBE),
	.event = on_event,
	.free = view_free,
};

struct pv_stage *pv_probe_view_new(uint64_t ttl_ns, struct pv_sink sink)
{
	struct view *v = calloc(1, sizeof *v);
	if (v && !(v->open = calloc(PV_PROBE_OPEN, sizeof *v->open))) {
		free(v);
		v = NULL;
	}
	if (v) {
		v->ttl_ns = ttl_ns;
		v->oldest = v->next = 1;
	}
	return pv_view_new(&ops, v, sink);
}
