/* SPDX-License-Identifier: MPL-2.0 */
#include "http/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "metric/wire.h"
#include "stage/stop.h"

#define PERIODS_DEFAULT 5

/* What the stream's thread knows of an instance. */
struct instance {
	const struct pv_handler *handler;
	char name[PV_BUCKET_NAME];
	unsigned periods;
	struct pv_history past;
	struct pv_parts parts;
	uint64_t start_ns[PV_PARTS_MAX]; /* of the newest bucket of a part, in its present stream */
	uint64_t events; /* in closed buckets, also those that are gone */
};

/* What has been counted of a source. */
struct counted {
	uint64_t received, os_drops, if_drops;
	uint64_t ledger[PV_STORE_STAGES][PV_STORE_ROWS]; /* in the order of struct pv_store_info */
};

/* One of the streams that an input is made of. */
struct part {
	struct pv_stage stage; /* first: the stage is the part */
	struct input *input;
	unsigned number;
	struct pv_bucket_reader reader;
	enum pv_store_state state;
	struct counted counted; /* in its present stream */
};

struct input {
	struct pv_store *store;
	atomic_uint refs; /* the store's list, the users of the stages */
	pthread_mutex_t lock; /* of what follows, and of the parts */
	size_t budget;
	bool plain_keys;
	const char *const *stages;
	unsigned (*periods_of)(const void *ctx, const char *name);
	const void *ctx;
	struct counted before; /* in streams that are over */
	struct pv_store_info now; /* what the next view will say */
	struct instance *instance[PV_STORE_INSTANCES];
	size_t ninstances;
	bool changed;
	struct pv_view *shown; /* under the store's lock */
	unsigned nparts;
	struct part part[];
};

struct pv_store {
	struct pv_store_conf conf;
	pthread_mutex_t lock;
	struct input *input[PV_STORE_INPUTS];
	size_t n;
};

/* ---- views -------------------------------------------------------------------------------------- */

static struct pv_view *view_new(size_t ninstances)
{
	struct pv_view *v = calloc(1, sizeof *v + ninstances * sizeof v->instance[0]);
	if (!v)
		return NULL;
	if (pthread_mutex_init(&v->merging, NULL)) {
		free(v);
		return NULL;
	}
	atomic_init(&v->refs, 1);
	return v;
}

static void view_unref(struct pv_view *v)
{
	if (!v || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < v->ninstances; i++) {
		struct pv_view_instance *in = &v->instance[i];
		for (unsigned k = 0; k < in->n; k++)
			pv_bucket_free(in->bucket[k]);
		for (unsigned k = 0; k <= PV_WINDOW_PERIODS_MAX; k++)
			pv_bucket_free(in->window[k]);
		while (in->nopen)
			pv_bucket_free(in->open[--in->nopen]);
	}
	pthread_mutex_destroy(&v->merging);
	free(v);
}

static uint64_t events_in(const struct pv_bucket *b)
{
	return b->handler->events >= 0 ? b->blocks[0]->cells[b->handler->events].count : 0;
}

/* The buckets of an instance as they are shown. Where the open one is of several parts, or of a minute that is there (a new
 * stream began within it), its place stays empty until somebody looks. */
static void show_buckets(struct pv_view_instance *to, const struct instance *in)
{
	struct pv_bucket *open[PV_PARTS_MAX];
	bool taken = false;
	unsigned from = 0, n = pv_parts_open(&in->parts, open);
	unsigned newer = n ? pv_history_place(&in->past, open[0], &taken) : 0;
	to->events = in->events;
	to->periods = in->periods;
	if (newer && in->parts.n > 1)
		n = 0; /* of a worker that is minutes behind: seen when it is closed */
	for (unsigned i = 0; i < n; i++)
		to->events += events_in(open[i]);
	if (n && !newer && taken)
		to->open[to->nopen++] = pv_bucket_ref(in->past.closed[from++]);
	if (n == 1 && !to->nopen && !open[0]->closed)
		to->bucket[to->n++] = pv_bucket_ref(open[0]);
	else if (n) {
		to->n++;
		for (unsigned i = 0; i < n; i++)
			to->open[to->nopen++] = pv_bucket_ref(open[i]);
	}
	for (unsigned i = from; i < in->past.n && to->n < in->periods; i++)
		to->bucket[to->n++] = pv_bucket_ref(in->past.closed[i]);
}

/* Fills that place. Without memory there is none. */
static void merge_open(struct pv_view_instance *in)
{
	struct pv_bucket *b = pv_bucket_copy(in->open[0]);
	for (unsigned i = 1; b && i < in->nopen; i++)
		if (pv_bucket_merge(b, in->open[i])) {
			pv_bucket_free(b);
			b = NULL;
		}
	in->bucket[0] = b;
	if (b)
		b->closed = false;
	else
		memmove(in->bucket, in->bucket + 1, --in->n * sizeof in->bucket[0]);
	while (in->nopen)
		pv_bucket_free(in->open[--in->nopen]);
}

static void finish_view(struct pv_view *v)
{
	pthread_mutex_lock(&v->merging);
	for (size_t i = 0; i < v->ninstances; i++)
		if (v->instance[i].nopen)
			merge_open(&v->instance[i]);
	pthread_mutex_unlock(&v->merging);
}

/* Everything that happened so far becomes visible, at once. */
static void publish(struct input *p)
{
	struct pv_view *v = view_new(p->ninstances);
	if (!v) {
		p->now.counts.lost++;
		return;
	}
	v->info = p->now;
	for (size_t i = 0; i < p->ninstances; i++) {
		struct pv_view_instance *to = &v->instance[v->ninstances++];
		to->handler = p->instance[i]->handler;
		memcpy(to->name, p->instance[i]->name, sizeof to->name);
		if (p->plain_keys)
			snprintf(to->key, sizeof to->key, "%s", p->instance[i]->name);
		else
			snprintf(to->key, sizeof to->key, "%s-%s-%s", p->now.policy, p->now.tap,
				 p->instance[i]->name);
		show_buckets(to, p->instance[i]);
	}
	pthread_mutex_lock(&p->store->lock);
	struct pv_view *old = p->shown;
	p->shown = v;
	pthread_mutex_unlock(&p->store->lock);
	view_unref(old);
	p->changed = false;
}

struct pv_views *pv_store_views(struct pv_store *s, const char *policy)
{
	pthread_mutex_lock(&s->lock);
	struct pv_views *all = malloc(sizeof *all + s->n * sizeof all->view[0]);
	if (all)
		all->n = 0;
	for (size_t i = 0; all && i < s->n; i++) {
		struct pv_view *v = s->input[i]->shown;
		if (policy && strcmp(policy, v->info.policy))
			continue;
		atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
		all->view[all->n++] = v;
	}
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; all && i < all->n; i++)
		finish_view(all->view[i]);
	return all;
}

void pv_views_free(struct pv_views *all)
{
	for (size_t i = 0; all && i < all->n; i++)
		view_unref(all->view[i]);
	free(all);
}

/* Oldest first, so that a full top-N table keeps what came first, as one stream would have. */
static struct pv_bucket *merge(const struct pv_view_instance *in, unsigned n)
{
	struct pv_bucket *sum = pv_bucket_new(in->handler, &in->bucket[0]->conf);
	for (unsigned i = n; sum && i--;)
		if (pv_bucket_merge(sum, in->bucket[i])) {
			pv_bucket_free(sum);
			sum = NULL;
		}
	if (sum)
		sum->closed = in->bucket[0]->closed;
	return sum;
}

const struct pv_bucket *pv_view_window(struct pv_view *v, size_t instance, unsigned n)
{
	struct pv_view_instance *in = &v->instance[instance];
	if (n > in->n)
		n = in->n;
	if (n < 2)
		return n ? in->bucket[0] : NULL;
	pthread_mutex_lock(&v->merging);
	if (!in->window[n])
		in->window[n] = merge(in, n);
	const struct pv_bucket *b = in->window[n];
	pthread_mutex_unlock(&v->merging);
	return b;
}

/* ---- buckets come in ---------------------------------------------------------------------------- */

static struct instance *find(struct input *p, const struct pv_bucket *b)
{
	for (size_t i = 0; i < p->ninstances; i++)
		if (p->instance[i]->handler == b->handler && !strcmp(p->instance[i]->name, b->name))
			return p->instance[i];
	struct instance *in = p->ninstances < PV_STORE_INSTANCES ? calloc(1, sizeof *in) : NULL;
	if (!in)
		return NULL;
	in->handler = b->handler;
	memcpy(in->name, b->name, sizeof in->name);
	in->periods = p->periods_of ? p->periods_of(p->ctx, b->name) : 0;
	if (!in->periods || in->periods > p->now.periods)
		in->periods = p->now.periods;
	in->parts.n = p->nparts;
	for (unsigned i = 0; i < p->nparts; i++)
		in->parts.running[i] = p->part[i].state == PV_STORE_RUNNING;
	return p->instance[p->ninstances++] = in;
}

static void stay_in_budget(struct input *p)
{
	struct pv_history *past[PV_STORE_INSTANCES];
	size_t live = 0;
	for (size_t i = 0; i < p->ninstances; i++) {
		past[i] = &p->instance[i]->past;
		live += pv_parts_memory(&p->instance[i]->parts);
	}
	p->now.counts.lost += pv_histories_fit(past, p->ninstances, live, p->budget);
}

struct keeping {
	struct input *input;
	struct instance *instance;
};

/* Takes b over. */
static void keep(void *ctx, struct pv_bucket *b)
{
	const struct keeping *k = ctx;
	k->instance->events += events_in(b);
	k->input->now.counts.buckets++;
	if (pv_history_add(&k->instance->past, k->instance->periods, b))
		k->input->now.counts.lost++;
}

static void keep_whole(struct input *p, struct instance *in)
{
	struct keeping k = {p, in};
	pv_parts_whole(&in->parts, keep, &k);
	stay_in_budget(p);
}

/* A bucket of this part has come, which starts at start_ns. When the clock was set back, what was counted in minutes that
 * are still to come is shown no more: it would stay in front of what comes. */
static void follow_clock(struct part *from, struct instance *in, uint64_t start_ns)
{
	struct keeping k = {from->input, in};
	uint64_t *last_ns = &in->start_ns[from->number];
	if (!from->input->now.recorded && pv_clock_set_back(start_ns, *last_ns)) {
		pv_parts_set_back(&in->parts, start_ns, keep, &k);
		pv_history_forget(&in->past, start_ns);
	}
	*last_ns = start_ns;
}

/* Takes b over. */
static void close_part(struct part *from, struct instance *in, struct pv_bucket *b)
{
	struct keeping k = {from->input, in};
	b->closed = true;
	struct pv_bucket *older = pv_parts_closed(&in->parts, from->number, b);
	if (older)
		keep(&k, older);
	keep_whole(from->input, in);
}

/* No more comes of the minutes that are open. */
static void close_live(struct part *from)
{
	struct input *p = from->input;
	for (size_t i = 0; i < p->ninstances; i++) {
		struct pv_bucket **live = &p->instance[i]->parts.live[from->number], *b = *live;
		*live = NULL;
		if (b && pv_bucket_shared(b)) { /* views have it as it was */
			struct pv_bucket *copy = pv_bucket_copy(b);
			pv_bucket_free(b);
			b = copy;
			p->now.counts.lost += !b;
		}
		if (b)
			close_part(from, p->instance[i], b);
	}
}

static void note(struct input *p, const char *text)
{
	pv_utf8_clean(text, strlen(text), p->now.note, sizeof p->now.note);
	p->changed = true;
}

static void on_bucket(struct part *from, const struct pv_event *ev)
{
	struct input *p = from->input;
	struct pv_bucket *b = NULL;
	bool live = false;
	const char *problem = NULL;
	switch (pv_bucket_read(&from->reader, ev, &b, &live, &problem)) {
	case PV_FAIL:
		p->now.counts.lost++;
		return;
	case PV_BAD:
		p->now.counts.refused++;
		note(p, problem);
		return;
	case PV_END:
		break;
	default:
		return;
	}
	struct instance *in = find(p, b);
	if (!in) {
		pv_bucket_free(b);
		p->now.counts.lost++;
		return;
	}
	p->changed = true;
	follow_clock(from, in, b->start_ns);
	if (live) {
		pv_parts_live(&in->parts, from->number, b);
		p->now.counts.live_copies++;
		return;
	}
	close_part(from, in, b);
}

/* ---- the stream --------------------------------------------------------------------------------- */

/* The input runs as long as one of its streams does; what it says of itself at the end is the worst that one of them said. */
static enum pv_store_state state_of(const struct input *p)
{
	enum pv_store_state s = PV_STORE_WAITING;
	for (unsigned i = 0; i < p->nparts; i++) {
		if (p->part[i].state == PV_STORE_RUNNING)
			return PV_STORE_RUNNING;
		if (p->part[i].state > s)
			s = p->part[i].state;
	}
	return s;
}

static void state(struct part *from, enum pv_store_state s)
{
	struct input *p = from->input;
	from->state = s;
	for (size_t i = 0; i < p->ninstances; i++) {
		p->instance[i]->parts.running[from->number] = s == PV_STORE_RUNNING;
		keep_whole(p, p->instance[i]); /* one less to wait for */
	}
	p->now.state = state_of(p);
	p->now.since = (uint64_t)time(NULL);
	p->changed = true;
}

static void copy_text(char *to, size_t cap, const struct pv_event *ev, struct pv_ref r)
{
	pv_utf8_clean(pv_ref_bytes(ev, r), r.len, to, cap);
}

/* What is shown of the source: all parts, and what was before. */
static void add_up(struct input *p)
{
	struct pv_store_counts *to = &p->now.counts;
	to->received = p->before.received;
	to->os_drops = p->before.os_drops;
	to->if_drops = p->before.if_drops;
	for (size_t i = 0; i < p->now.nledger; i++)
		memcpy(p->now.ledger[i].row, p->before.ledger[i], sizeof p->before.ledger[i]);
	for (unsigned n = 0; n < p->nparts; n++) {
		const struct counted *c = &p->part[n].counted;
		to->received += c->received;
		to->os_drops += c->os_drops;
		to->if_drops += c->if_drops;
		for (size_t i = 0; i < p->now.nledger; i++)
			for (size_t r = 0; r < PV_STORE_ROWS; r++)
				p->now.ledger[i].row[r] += c->ledger[i][r];
	}
	p->changed = true;
}

/* The stream of a part is over, or another begins: what it has counted stays, and what it had open does not. */
static void put_by(struct part *from)
{
	struct counted *to = &from->input->before, *c = &from->counted;
	to->received += c->received;
	to->os_drops += c->os_drops;
	to->if_drops += c->if_drops;
	for (size_t i = 0; i < PV_STORE_STAGES; i++)
		for (size_t r = 0; r < PV_STORE_ROWS; r++)
			to->ledger[i][r] += r == PV_LEDGER_XACT_OPEN ? 0 : c->ledger[i][r];
	*c = (struct counted){.received = 0};
	add_up(from->input);
}

/* What STATS or STOP say of the source, since the stream began. */
static void count_source(struct part *from, uint64_t received, uint64_t os_drops, uint64_t if_drops)
{
	const struct input *p = from->input;
	from->counted.received = received;
	from->counted.os_drops = os_drops;
	from->counted.if_drops = if_drops;
	for (size_t i = 0; i < p->now.nledger; i++)
		if (!p->now.ledger[i].stage) {
			from->counted.ledger[i][PV_LEDGER_RECEIVED] = received;
			from->counted.ledger[i][PV_LEDGER_OS_DROPS] = os_drops;
			from->counted.ledger[i][PV_LEDGER_IF_DROPS] = if_drops;
		}
	add_up(from->input);
}

static void on_start(struct part *from, const struct pv_event *ev)
{
	const struct pv_start *s = (const void *)ev;
	struct input *p = from->input;
	close_live(from);
	for (size_t i = 0; i < p->ninstances; i++)
		p->instance[i]->start_ns[from->number] = 0;
	put_by(from);
	p->now.counts.streams += !from->number; /* the others are parts of the same */
	for (size_t i = 0; !p->stages && i < p->now.nledger; i++)
		p->now.ledger[i].stage = PV_STAGE_STREAM; /* another pipeline, perhaps */
	p->now.recorded = s->clock == PV_CLOCK_RECORDED;
	p->now.note[0] = 0;
	copy_text(p->now.source, sizeof p->now.source, ev, s->source);
	state(from, PV_STORE_RUNNING);
	publish(p); /* whatever the rest of the batch holds */
}

/* The entry of a stage of the running stream; a new one where there is none yet. NULL: too many. */
static struct pv_store_ledger *ledger_of(struct input *p, unsigned stage)
{
	for (size_t i = 0; i < p->now.nledger; i++)
		if (p->now.ledger[i].stage == stage)
			return &p->now.ledger[i];
	if (p->now.nledger == PV_STORE_STAGES || stage >= PV_STAGE_STREAM)
		return NULL;
	struct pv_store_ledger *l = &p->now.ledger[p->now.nledger++];
	l->stage = (uint8_t)stage;
	unsigned named = 0;
	while (p->stages && named < stage && p->stages[named])
		named++;
	if (p->stages && p->stages[named])
		snprintf(l->name, sizeof l->name, "%s", p->stages[named]);
	else
		snprintf(l->name, sizeof l->name, "%u", stage);
	return l;
}

static struct pv_store_ledger *ledger_named(struct input *p, const char *name)
{
	for (size_t i = 0; i < p->now.nledger; i++)
		if (!strcmp(p->now.ledger[i].name, name))
			return &p->now.ledger[i];
	return NULL;
}

/* A stage says its name, by which it is known over streams; the second of a name in one stream is "dns_2". */
static void name_stage(struct input *p, unsigned stage, const char *name)
{
	char full[sizeof p->now.ledger[0].name];
	struct pv_store_ledger *l = NULL;
	unsigned same = 1;
	for (size_t i = 0; i < p->now.nledger; i++)
		if (p->now.ledger[i].stage == stage)
			return; /* said twice */
	do {
		snprintf(full, sizeof full, same > 1 ? "%.27s_%u" : "%s", name, same);
		l = ledger_named(p, full);
	} while (l && l->stage != PV_STAGE_STREAM && same++ < PV_STORE_STAGES);
	if (l) {
		l->stage = (uint8_t)stage;
		return;
	}
	if ((l = ledger_of(p, stage)))
		memcpy(l->name, full, sizeof l->name);
}

static void on_stage(struct input *p, const struct pv_event *ev)
{
	const struct pv_stage_event *s = (const void *)ev;
	char name[sizeof p->now.ledger[0].name];
	if (s->kind == PV_STAGE_SOURCE)
		copy_text(p->now.source_type, sizeof p->now.source_type, ev, s->type);
	copy_text(name, sizeof name, ev, s->name);
	if (p->stages)
		ledger_of(p, s->stage);
	else
		name_stage(p, s->stage, name);
	p->changed = true;
}

/* Rows of one stage and kind may come more than once and add up. */
static void count_rows(struct part *from, const struct pv_ledger_row *rows, size_t n)
{
	struct input *p = from->input;
	struct counted *c = &from->counted;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].stage >= PV_STAGE_STREAM - 1 || rows[i].what >= PV_STORE_ROWS)
			continue; /* counts of events, and what the window lost */
		struct pv_store_ledger *l = ledger_of(p, rows[i].stage);
		_Static_assert(PV_STORE_ROWS <= 64, "a bit per row");
		if (l) {
			c->ledger[l - p->now.ledger][rows[i].what] += rows[i].value;
			l->told |= UINT64_C(1) << rows[i].what;
		}
		if (rows[i].stage)
			continue;
		c->received += rows[i].what == PV_LEDGER_RECEIVED ? rows[i].value : 0;
		c->os_drops += rows[i].what == PV_LEDGER_OS_DROPS ? rows[i].value : 0;
		c->if_drops += rows[i].what == PV_LEDGER_IF_DROPS ? rows[i].value : 0;
	}
	add_up(p);
}

/* All stages. */
static void on_ledger(struct part *from, const struct pv_ledger_row *rows, size_t n)
{
	from->counted = (struct counted){.received = 0};
	count_rows(from, rows, n);
}

/* One stage says what it has counted so far; what others said stays. */
static void on_stage_ledger(struct part *from, const struct pv_ledger_row *rows, size_t n)
{
	struct counted *c = &from->counted;
	const struct pv_store_ledger *l = n && rows[0].stage < PV_STAGE_STREAM - 1 ? ledger_of(from->input, rows[0].stage) : NULL;
	size_t own = 0;
	while (own < n && rows[own].stage == rows[0].stage)
		own++;
	if (!l)
		return;
	memset(c->ledger[l - from->input->now.ledger], 0, sizeof c->ledger[0]);
	if (!l->stage)
		c->received = c->os_drops = c->if_drops = 0;
	count_rows(from, rows, own);
}

void pv_store_ledger(struct pv_stage *stage, const struct pv_ledger_row *rows, size_t n)
{
	struct part *from = (struct part *)stage;
	pthread_mutex_lock(&from->input->lock);
	on_ledger(from, rows, n);
	pthread_mutex_unlock(&from->input->lock);
}

static void on_stop(struct part *from, const struct pv_event *ev)
{
	size_t n;
	const struct pv_ledger_row *rows = pv_stop_rows((const void *)ev, &n);
	on_ledger(from, rows, n);
	close_live(from);
	state(from, PV_STORE_ENDED);
}

static void on_event(struct part *from, const struct pv_event *ev)
{
	if (from->reader.open && (ev->type < PV_EV_BUCKET || ev->type > PV_EV_BUCKET_END))
		on_bucket(from, ev); /* it was not finished */
	switch (ev->type) {
	case PV_EV_START:
		on_start(from, ev);
		break;
	case PV_EV_STAGE:
		on_stage(from->input, ev);
		break;
	case PV_EV_STATS: {
		const struct pv_stats *s = (const void *)ev;
		count_source(from, s->received, s->os_drops, s->if_drops);
		break;
	}
	case PV_EV_LEDGER: {
		size_t n;
		const struct pv_ledger_row *rows = pv_stop_rows((const void *)ev, &n);
		on_stage_ledger(from, rows, n);
		break;
	}
	case PV_EV_BUCKET:
	case PV_EV_LIVE:
	case PV_EV_BLOCK:
	case PV_EV_METRIC:
	case PV_EV_BUCKET_END:
		on_bucket(from, ev);
		break;
	case PV_EV_STOP:
		on_stop(from, ev);
		break;
	default:
		break;
	}
}

static void input_batch(struct pv_stage *stage, const struct pv_event *first, size_t bytes)
{
	struct part *from = (struct part *)stage;
	struct input *p = from->input;
	const uint8_t *at = (const uint8_t *)first, *end = at + bytes;
	pthread_mutex_lock(&p->lock);
	for (; at < end; at += ((const struct pv_event *)(const void *)at)->size)
		on_event(from, (const void *)at);
	if (p->changed && !from->reader.open)
		publish(p);
	pthread_mutex_unlock(&p->lock);
}

static void input_end(struct pv_stage *stage, bool cut)
{
	struct part *from = (struct part *)stage;
	struct input *p = from->input;
	pthread_mutex_lock(&p->lock);
	close_live(from);
	if (cut)
		state(from, PV_STORE_CUT);
	else if (from->state == PV_STORE_RUNNING)
		state(from, PV_STORE_ENDED);
	pv_bucket_reader_free(&from->reader); /* what was half there; another stream may follow */
	from->reader.handlers = p->store->conf.handlers;
	from->reader.seed = p->store->conf.seed;
	publish(p);
	pthread_mutex_unlock(&p->lock);
}

void pv_store_note(struct pv_stage *stage, const char *text)
{
	struct input *p = ((struct part *)stage)->input;
	pthread_mutex_lock(&p->lock);
	note(p, text);
	publish(p);
	pthread_mutex_unlock(&p->lock);
}

static void input_unref(struct input *p)
{
	if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < p->ninstances; i++) {
		pv_history_clear(&p->instance[i]->past);
		pv_parts_clear(&p->instance[i]->parts);
		free(p->instance[i]);
	}
	for (unsigned i = 0; i < p->nparts; i++) {
		pv_bucket_reader_free(&p->part[i].reader);
		pv_out_free(&p->part[i].stage.out);
	}
	view_unref(p->shown);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static void input_free(struct pv_stage *stage)
{
	input_unref(((struct part *)stage)->input);
}

static const struct pv_stage_ops input_ops = {"serve", input_batch, input_end, input_free};

/* ---- inputs ------------------------------------------------------------------------------------- */

static enum pv_res nowhere(void *ctx, const struct iovec *iov, int n)
{
	(void)ctx, (void)iov, (void)n;
	return PV_OK;
}

bool pv_store_name_ok(const char *name)
{
	size_t n = strlen(name);
	if (!n || n >= PV_STORE_NAME || !strcmp(name, "__all"))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool letter = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') || name[i] == '_';
		if (!letter && (!i || !((name[i] >= '0' && name[i] <= '9') || name[i] == '-')))
			return false;
	}
	return true;
}

static struct input *input_new(struct pv_store *s, const struct pv_store_input *conf)
{
	unsigned n = !conf->parts ? 1 : conf->parts < PV_PARTS_MAX ? conf->parts : PV_PARTS_MAX;
	struct input *p = calloc(1, sizeof *p + n * sizeof p->part[0]);
	if (!p || pthread_mutex_init(&p->lock, NULL)) {
		free(p);
		return NULL;
	}
	atomic_init(&p->refs, 1);
	p->store = s;
	p->nparts = n;
	p->budget = conf->budget_bytes ? conf->budget_bytes : PV_STORE_BUDGET;
	bool bad = false;
	for (unsigned i = 0; i < n; i++) {
		struct part *part = &p->part[i];
		*part = (struct part){.stage.ops = &input_ops,
				      .input = p,
				      .number = i,
				      .reader = {.handlers = s->conf.handlers, .seed = s->conf.seed}};
		bad |= pv_out_init(&part->stage.out, (struct pv_sink){.write = nowhere}) != 0;
	}
	snprintf(p->now.policy, sizeof p->now.policy, "%s", conf->policy);
	snprintf(p->now.tap, sizeof p->now.tap, "%s", conf->tap);
	p->now.periods = conf->periods ? conf->periods : PERIODS_DEFAULT;
	if (p->now.periods > PV_WINDOW_PERIODS_MAX)
		p->now.periods = PV_WINDOW_PERIODS_MAX;
	p->now.merge_like = conf->merge_like;
	p->plain_keys = conf->plain_keys;
	p->stages = conf->stages;
	p->periods_of = conf->periods_of;
	p->ctx = conf->ctx;
	p->now.since = (uint64_t)time(NULL);
	if (!bad)
		publish(p);
	if (!p->shown) {
		input_unref(p);
		return NULL;
	}
	return p;
}

struct pv_stage *pv_store_input(struct pv_store *s, const struct pv_store_input *conf, char *err, size_t cap)
{
	const char *bad = !pv_store_name_ok(conf->policy) ? conf->policy : !pv_store_name_ok(conf->tap) ? conf->tap : NULL;
	if (bad) {
		snprintf(err, cap, "'%s' is no name: it takes a letter or '_', then letters, digits, '_' and '-', and not '__all'", bad);
		return NULL;
	}
	struct input *p = input_new(s, conf);
	if (!p) {
		snprintf(err, cap, "out of memory");
		return NULL;
	}
	bool full, there = false;
	pthread_mutex_lock(&s->lock);
	full = s->n == PV_STORE_INPUTS;
	for (size_t i = 0; i < s->n; i++)
		there |= !strcmp(s->input[i]->now.policy, conf->policy) && !strcmp(s->input[i]->now.tap, conf->tap);
	if (!full && !there) {
		atomic_fetch_add(&p->refs, p->nparts);
		s->input[s->n++] = p;
	}
	pthread_mutex_unlock(&s->lock);
	if (!full && !there)
		return &p->part[0].stage;
	if (there)
		snprintf(err, cap, "policy '%s' has a stream of tap '%s' already", conf->policy, conf->tap);
	else
		snprintf(err, cap, "there are %d inputs already; more are not served", PV_STORE_INPUTS);
	input_unref(p);
	return NULL;
}

struct pv_stage *pv_store_part(struct pv_stage *stage, unsigned part)
{
	struct input *p = ((struct part *)stage)->input;
	assert(part < p->nparts);
	return &p->part[part].stage;
}

bool pv_store_remove(struct pv_store *s, const char *policy, const char *tap)
{
	struct input *gone[PV_STORE_INPUTS];
	size_t ngone = 0, left = 0;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		struct input *p = s->input[i];
		if (!strcmp(p->now.policy, policy) && (!tap || !strcmp(p->now.tap, tap)))
			gone[ngone++] = p;
		else
			s->input[left++] = p;
	}
	s->n = left;
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < ngone; i++)
		input_unref(gone[i]);
	return ngone > 0;
}

struct pv_store *pv_store_new(const struct pv_store_conf *conf)
{
	struct pv_store *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->conf = *conf;
	if (pthread_mutex_init(&s->lock, NULL)) {
		free(s);
		return NULL;
	}
	return s;
}

void pv_store_free(struct pv_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		input_unref(s->input[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
