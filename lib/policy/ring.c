/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/ring.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stage/out.h"
#include "window/defines.h"

#define DEFINES_MAX 65536 /* as many as a window keeps */

struct batch {
	unsigned refs;
	bool special;
	size_t len, cap;
	uint64_t events;
	struct batch *next; /* in a list of free ones */
	_Alignas(8) uint8_t bytes[];
};

struct pv_ring_reader {
	struct pv_ring *ring;
	struct pv_ring_reader *next;
	uint64_t at;	    /* number of the batch that comes next */
	struct batch *owed; /* START and DEFINEs that come before it; NULL: none */
	struct batch *hand;
	bool cancelled;
	struct pv_ring_counts counts;
};

struct pv_ring {
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	bool wait, over, aborted;
	struct batch *slot[PV_RING_SLOTS];
	uint64_t tail, head; /* batches [tail, head) are there */
	unsigned big;	     /* of them */
	struct pv_ring_reader *readers;
	unsigned nreaders;
	struct batch *free_big, *free_small;
	size_t memory;

	/* what a new reader must know */
	struct pv_event *start; /* NULL before the first */
	struct pv_defines *defines;
	uint64_t now_ns;

	/* the writer's own */
	struct batch *filling;
	uint64_t filled_ns; /* stream time of the newest event in there */
};

/* ---- batches: with the lock held ------------------------------------------------------------------- */

static struct batch *batch_new(struct pv_ring *r, size_t cap)
{
	struct batch **list = cap == PV_BATCH_BYTES  ? &r->free_big
			      : cap == PV_RING_SMALL ? &r->free_small
						     : NULL;
	struct batch *b = list ? *list : NULL;
	if (b) {
		*list = b->next;
	} else {
		b = malloc(sizeof *b + cap);
		if (!b)
			return NULL;
		b->cap = cap;
		r->memory += cap;
	}
	b->refs = 1;
	b->len = b->events = 0;
	b->special = false;
	return b;
}

static void batch_put(struct pv_ring *r, struct batch *b)
{
	if (!b || --b->refs)
		return;
	struct batch **list = b->cap == PV_BATCH_BYTES	? &r->free_big
			      : b->cap == PV_RING_SMALL ? &r->free_small
							: NULL;
	if (list) {
		b->next = *list;
		*list = b;
	} else {
		r->memory -= b->cap;
		free(b);
	}
}

static void list_free(struct batch *b)
{
	while (b) {
		struct batch *next = b->next;
		free(b);
		b = next;
	}
}

struct pv_ring *pv_ring_new(bool wait, uint64_t seed)
{
	struct pv_ring *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->more, NULL);
	pthread_cond_init(&r->room, NULL);
	r->wait = wait;
	r->defines = pv_defines_new(DEFINES_MAX, seed);
	r->filling = batch_new(r, PV_BATCH_BYTES);
	if (!r->defines || !r->filling) {
		pv_ring_free(r);
		return NULL;
	}
	return r;
}

void pv_ring_free(struct pv_ring *r)
{
	if (!r)
		return;
	for (; r->tail < r->head; r->tail++)
		batch_put(r, r->slot[r->tail % PV_RING_SLOTS]);
	batch_put(r, r->filling);
	list_free(r->free_big);
	list_free(r->free_small);
	pv_defines_free(r->defines);
	free(r->start);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->more);
	pthread_cond_destroy(&r->room);
	free(r);
}

/* ---- what must not be lost ------------------------------------------------------------------------- */

/* Appends an event to what a reader is owed. Beyond the limit it is lost after all, and its number means
 * nothing to him. Whether he gets it. */
static bool owe(struct pv_ring_reader *rd, const void *event, size_t size)
{
	struct batch *b = rd->owed;
	size_t len = b ? b->len : 0;
	if (len + size > PV_RING_OWED)
		return false;
	if (!b || len + size > b->cap) {
		size_t cap = (len + size) * 2 + 4096;
		struct batch *more = realloc(b, sizeof *more + cap);
		if (!more)
			return false;
		if (!b)
			*more = (struct batch){.refs = 1, .special = true};
		rd->ring->memory += cap - (b ? more->cap : 0);
		more->cap = cap;
		rd->owed = b = more;
	}
	memcpy(b->bytes + len, event, size);
	b->len += size;
	b->events++;
	return true;
}

#define EACH_EVENT(ev, b)                                                                                    \
	for (const struct pv_event *ev = (const void *)(b)->bytes,                                           \
				   *end_ = (const void *)((b)->bytes + (b)->len);                            \
	     ev < end_; ev = (const void *)((const uint8_t *)ev + ev->size))

static void lose(struct pv_ring_reader *rd, const struct batch *b)
{
	rd->counts.lost_batches++;
	rd->counts.lost_events += b->events;
	if (!b->special)
		return;
	EACH_EVENT (ev, b)
		if ((ev->type == PV_EV_START || ev->type == PV_EV_DEFINE) && owe(rd, ev, ev->size))
			rd->counts.lost_events--;
}

static void owe_define(void *ctx, uint8_t stage, enum pv_define_kind kind, uint32_t number, const char *text,
		       size_t n)
{
	union {
		struct pv_define d;
		uint8_t room[sizeof(struct pv_define) + PV_DEFINES_TEXT + 8];
	} u;
	struct pv_ring_reader *rd = ctx;
	size_t at = sizeof u.d;
	memset(&u, 0, sizeof u.d + pv_round8(n));
	u.d.ev.size = pv_round8(sizeof u.d + n);
	u.d.ev.type = PV_EV_DEFINE;
	u.d.ev.time_ns = rd->ring->now_ns;
	u.d.stage = stage;
	u.d.kind = (uint8_t)kind;
	u.d.number = number;
	u.d.text = pv_ev_put(&u.d, &at, text, n);
	owe(rd, &u.d, u.d.ev.size);
}

/* The stream so far, for one who comes late. */
static void owe_all(struct pv_ring_reader *rd)
{
	struct pv_ring *r = rd->ring;
	if (!r->start)
		return;
	owe(rd, r->start, r->start->size);
	if (!rd->owed)
		return;
	struct pv_event *start = (struct pv_event *)(void *)rd->owed->bytes;
	if (!r->wait)
		start->time_ns = pv_clock_stream(r->now_ns, start->time_ns); /* his stream begins now, not when the source did */
	pv_defines_each(r->defines, owe_define, rd);
}

/* A batch is about to be seen: remember of it what those who come later must know. */
static void learn(struct pv_ring *r, const struct batch *b)
{
	if (b->special)
		EACH_EVENT (ev, b) {
			if (ev->type == PV_EV_DEFINE) {
				pv_defines_put(r->defines, (const void *)ev);
			} else if (ev->type == PV_EV_START) {
				free(r->start);
				r->start = malloc(ev->size);
				if (r->start)
					memcpy(r->start, ev, ev->size);
				pv_defines_clear(r->defines);
			}
		}
	r->now_ns = r->filled_ns;
}

/* ---- the writer ------------------------------------------------------------------------------------ */

static void drop_oldest(struct pv_ring *r)
{
	struct batch *b = r->slot[r->tail % PV_RING_SLOTS];
	r->big -= b->cap == PV_BATCH_BYTES;
	r->tail++;
	batch_put(r, b);
}

/* Gives up what everybody has read. */
static void trim(struct pv_ring *r)
{
	uint64_t least = r->head;
	for (struct pv_ring_reader *rd = r->readers; rd; rd = rd->next)
		if (rd->at < least)
			least = rd->at;
	bool any = r->tail < least;
	while (r->tail < least)
		drop_oldest(r);
	if (any)
		pthread_cond_signal(&r->room);
}

static bool full(const struct pv_ring *r, bool big)
{
	return r->head - r->tail == PV_RING_SLOTS || (big && r->big == PV_RING_BIG);
}

static void make_room(struct pv_ring *r, bool big)
{
	while (r->wait && full(r, big) && !r->aborted)
		pthread_cond_wait(&r->room, &r->lock);
	while (full(r, big)) {
		for (struct pv_ring_reader *rd = r->readers; rd; rd = rd->next)
			if (rd->at == r->tail) {
				lose(rd, r->slot[r->tail % PV_RING_SLOTS]);
				rd->at++;
			}
		drop_oldest(r);
	}
}

/* What is gathered, as a batch of its own; the writer has an empty one then. NULL: no memory, it is lost. */
static struct batch *take_filled(struct pv_ring *r)
{
	struct batch *b = r->filling, *small;
	if (b->len <= PV_RING_SMALL && (small = batch_new(r, PV_RING_SMALL))) {
		memcpy(small->bytes, b->bytes, b->len);
		small->len = b->len;
		small->events = b->events;
		small->special = b->special;
		b->len = b->events = 0;
		b->special = false;
		return small;
	}
	struct batch *other = batch_new(r, PV_BATCH_BYTES);
	if (!other) {
		for (struct pv_ring_reader *rd = r->readers; rd; rd = rd->next)
			lose(rd, b);
		b->len = b->events = 0;
		b->special = false;
		return NULL;
	}
	r->filling = other;
	return b;
}

void pv_ring_push(struct pv_ring *r)
{
	if (!r->filling->len)
		return;
	pthread_mutex_lock(&r->lock);
	learn(r, r->filling);
	if (r->readers) {
		make_room(r, r->filling->len > PV_RING_SMALL);
		struct batch *b = take_filled(r);
		if (b) {
			r->big += b->cap == PV_BATCH_BYTES;
			r->slot[r->head++ % PV_RING_SLOTS] = b;
			pthread_cond_broadcast(&r->more);
		}
	} else { /* nobody to read it */
		r->filling->len = r->filling->events = 0;
		r->filling->special = false;
	}
	pthread_mutex_unlock(&r->lock);
}

void pv_ring_put(struct pv_ring *r, const void *events, size_t bytes, uint64_t count, bool special,
		 uint64_t now_ns)
{
	if (PV_BATCH_BYTES - r->filling->len < bytes)
		pv_ring_push(r);
	struct batch *b = r->filling;
	memcpy(b->bytes + b->len, events, bytes);
	b->len += bytes;
	b->events += count;
	b->special |= special;
	r->filled_ns = now_ns;
}

void pv_ring_end(struct pv_ring *r)
{
	pv_ring_push(r);
	pthread_mutex_lock(&r->lock);
	r->over = true;
	pthread_cond_broadcast(&r->more);
	pthread_mutex_unlock(&r->lock);
}

void pv_ring_abort(struct pv_ring *r)
{
	pthread_mutex_lock(&r->lock);
	r->aborted = true;
	pthread_cond_broadcast(&r->room);
	pthread_mutex_unlock(&r->lock);
}

/* ---- readers --------------------------------------------------------------------------------------- */

struct pv_ring_reader *pv_ring_join(struct pv_ring *r)
{
	struct pv_ring_reader *rd = calloc(1, sizeof *rd);
	if (!rd)
		return NULL;
	rd->ring = r;
	pthread_mutex_lock(&r->lock);
	if (r->nreaders == PV_RING_READERS) {
		pthread_mutex_unlock(&r->lock);
		free(rd);
		errno = ENOSPC;
		return NULL;
	}
	rd->at = r->head;
	rd->next = r->readers;
	r->readers = rd;
	r->nreaders++;
	owe_all(rd);
	pthread_mutex_unlock(&r->lock);
	return rd;
}

void pv_ring_leave(struct pv_ring_reader *rd)
{
	struct pv_ring *r = rd->ring;
	pthread_mutex_lock(&r->lock);
	struct pv_ring_reader **at = &r->readers;
	while (*at != rd)
		at = &(*at)->next;
	*at = rd->next;
	r->nreaders--;
	batch_put(r, rd->hand);
	batch_put(r, rd->owed);
	trim(r);
	pthread_mutex_unlock(&r->lock);
	free(rd);
}

enum pv_res pv_ring_next(struct pv_ring_reader *rd, struct pv_ring_batch *out)
{
	struct pv_ring *r = rd->ring;
	enum pv_res res = PV_OK;
	pthread_mutex_lock(&r->lock);
	while (!rd->cancelled && !rd->owed && rd->at == r->head && !r->over)
		pthread_cond_wait(&r->more, &r->lock);
	if (rd->cancelled) {
		res = PV_STOP;
	} else if (rd->owed) {
		rd->hand = rd->owed;
		rd->owed = NULL;
	} else if (rd->at < r->head) {
		rd->hand = r->slot[rd->at++ % PV_RING_SLOTS];
		rd->hand->refs++;
		trim(r);
	} else {
		res = PV_END;
	}
	if (res == PV_OK) {
		const struct batch *b = rd->hand;
		*out = (struct pv_ring_batch){(const void *)b->bytes, b->len, b->events, b->special};
		rd->counts.batches++;
		rd->counts.events += b->events;
	}
	pthread_mutex_unlock(&r->lock);
	return res;
}

void pv_ring_done(struct pv_ring_reader *rd)
{
	pthread_mutex_lock(&rd->ring->lock);
	batch_put(rd->ring, rd->hand);
	rd->hand = NULL;
	pthread_mutex_unlock(&rd->ring->lock);
}

void pv_ring_cancel(struct pv_ring_reader *rd)
{
	pthread_mutex_lock(&rd->ring->lock);
	rd->cancelled = true;
	pthread_cond_broadcast(&rd->ring->more);
	pthread_mutex_unlock(&rd->ring->lock);
}

void pv_ring_counts(struct pv_ring_reader *rd, struct pv_ring_counts *to)
{
	pthread_mutex_lock(&rd->ring->lock);
	*to = rd->counts;
	to->waiting = (unsigned)(rd->ring->head - rd->at);
	pthread_mutex_unlock(&rd->ring->lock);
}

unsigned pv_ring_readers(struct pv_ring *r)
{
	pthread_mutex_lock(&r->lock);
	unsigned n = r->nreaders;
	pthread_mutex_unlock(&r->lock);
	return n;
}

size_t pv_ring_memory(struct pv_ring *r)
{
	pthread_mutex_lock(&r->lock);
	size_t n = r->memory;
	pthread_mutex_unlock(&r->lock);
	return n;
}
