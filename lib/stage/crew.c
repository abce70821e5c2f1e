/* SPDX-License-Identifier: MPL-2.0 */
#include "stage/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct batch {
	size_t len;
	uint8_t *bytes;
};

struct node {
	struct pv_crew *crew;
	struct pv_stage *stage;
	struct batch queue[PV_CREW_QUEUE];
	unsigned head, tail; /* queue[tail, head) waits, counted without wrapping; queue[head] is being filled */
	bool busy;           /* somebody works on the stage */
	atomic_bool gone;    /* its out failed: what still comes is thrown away */
};

#define THREADS_MAX 16

struct pv_crew {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a batch waits, a queue has room, a stage is free, or it is over */
	struct node node[PV_CREW_STAGES];
	unsigned nodes;
	pthread_t thread[THREADS_MAX];
	unsigned wanted, threads; /* threads: that run */
	unsigned sleepers; /* of those who wait for `changed` */
	bool over;
};

/* All below are called with the lock held unless they say otherwise. */

static void changed(struct pv_crew *c)
{
	if (c->sleepers)
		pthread_cond_broadcast(&c->changed);
}

static void wait_change(struct pv_crew *c)
{
	c->sleepers++;
	pthread_cond_wait(&c->changed, &c->lock);
	c->sleepers--;
}

/* Of the nodes before `limit` (nearer to the end) that can be worked on the one with the longest queue; NULL when there is
 * none. The longest, so that what waits elsewhere stays for a producer who finds its own queue full: with
 * the last first, he would find nothing to help with. */
static struct node *runnable(struct pv_crew *c, unsigned limit)
{
	struct node *best = NULL;
	for (unsigned i = 0; i < limit; i++) {
		struct node *n = &c->node[i];
		if (!n->busy && n->tail != n->head && (!best || n->head - n->tail > best->head - best->tail))
			best = n;
	}
	return best;
}

static void push_node(struct node *n);

/* One batch of a node. */
static void work(struct node *n)
{
	struct pv_crew *c = n->crew;
	struct batch *b = &n->queue[n->tail % PV_CREW_QUEUE];
	n->busy = true;
	bool last = n->tail + 1 == n->head; /* nothing follows soon: do not keep results back */
	pthread_mutex_unlock(&c->lock);
	if (n->stage->out.res == PV_OK) {
		n->stage->ops->batch(n->stage, (const void *)b->bytes, b->len);
		last ? pv_out_drain(&n->stage->out) : pv_out_release(&n->stage->out);
	}
	pthread_mutex_lock(&c->lock);
	b->len = 0;
	n->tail++;
	n->gone = n->stage->out.res != PV_OK;
	if (last && n != c->node)
		push_node(n - 1);
	n->busy = false;
	changed(c);
}

/* Queue what is gathered in front of a node. Only the thread that writes to it calls this. */
static void push_node(struct node *n)
{
	struct pv_crew *c = n->crew;
	if (!n->queue[n->head % PV_CREW_QUEUE].len)
		return;
	n->head++;
	changed(c);
	while (n->head - n->tail == PV_CREW_QUEUE) { /* the next one to fill is still in use */
		struct node *next = runnable(c, (unsigned)(n - c->node) + 1);
		if (next)
			work(next);
		else
			wait_change(c);
	}
}

static void *help(void *arg)
{
	struct pv_crew *c = arg;
	pthread_mutex_lock(&c->lock);
	for (;;) {
		struct node *n = runnable(c, c->nodes);
		if (n)
			work(n);
		else if (c->over)
			break;
		else
			wait_change(c);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct pv_crew *pv_crew_new(unsigned threads)
{
	struct pv_crew *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (!threads)
		threads = cpus > 2 ? (unsigned)cpus - 1 : 1;
	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	c->wanted = threads;
	return c;
}

void pv_crew_start(struct pv_crew *c)
{
	unsigned want = c->wanted < c->nodes ? c->wanted : c->nodes;
	while (c->threads < want && !pthread_create(&c->thread[c->threads], NULL, help, c))
		c->threads++;
}

/* ---- the sink: no lock held ---------------------------------------------------------------------- */

static struct batch *filling(struct node *n)
{
	return &n->queue[n->head % PV_CREW_QUEUE];
}

static void push(struct node *n)
{
	pthread_mutex_lock(&n->crew->lock);
	push_node(n);
	pthread_mutex_unlock(&n->crew->lock);
}

/* Every iovec of an out holds whole events and fits into a batch. */
static enum pv_res node_write(void *ctx, const struct iovec *iov, int count)
{
	struct node *n = ctx;
	for (int i = 0; i < count; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		while (p < end) {
			struct batch *b = filling(n);
			size_t room = PV_BATCH_BYTES - b->len, take = (size_t)(end - p);
			if (take > room) { /* as many whole events as fit */
				take = 0;
				while (take + ((const struct pv_event *)(const void *)(p + take))->size <= room)
					take += ((const struct pv_event *)(const void *)(p + take))->size;
			}
			memcpy(b->bytes + b->len, p, take);
			b->len += take;
			p += take;
			if (p < end)
				push(n);
		}
	}
	return n->gone ? PV_STOP : PV_OK;
}

/* A batch that comes whole changes hands without a copy. */
static uint8_t *node_swap(void *ctx, uint8_t *buf, size_t len)
{
	struct node *n = ctx;
	if (len < PV_BATCH_BYTES / 2 || n->gone) /* small ones are better gathered */
		return NULL;
	push(n); /* what is gathered comes first */
	struct batch *b = filling(n);
	uint8_t *other = b->bytes;
	b->bytes = buf;
	b->len = len;
	push(n);
	return other;
}

struct pv_sink pv_crew_add(struct pv_crew *c, struct pv_stage *stage)
{
	struct pv_sink none = {.write = NULL};
	if (c->nodes == PV_CREW_STAGES) {
		errno = ENOSPC;
		return none;
	}
	struct node *n = &c->node[c->nodes];
	for (unsigned i = 0; i < PV_CREW_QUEUE; i++)
		if (!(n->queue[i].bytes = malloc(PV_BATCH_BYTES))) {
			while (i--)
				free(n->queue[i].bytes);
			memset(n, 0, sizeof *n);
			errno = ENOMEM;
			return none;
		}
	n->crew = c;
	n->stage = stage;
	c->nodes++;
	/* what only passes through is copied in any case: then better into a buffer that can be swapped */
	return (struct pv_sink){.write = node_write, .swap = node_swap, .ctx = n, .copy_below = PV_BATCH_BYTES / 2};
}

enum pv_res pv_crew_finish(struct pv_crew *c, bool cut)
{
	enum pv_res res = PV_OK;
	pthread_mutex_lock(&c->lock);
	for (unsigned i = c->nodes; i--;) { /* from the front: each may still write to those behind it */
		struct node *n = &c->node[i];
		push_node(n);
		while (n->busy || n->tail != n->head) {
			struct node *next = runnable(c, i + 1);
			if (next)
				work(next);
			else
				wait_change(c);
		}
		n->busy = true;
		pthread_mutex_unlock(&c->lock);
		if (n->stage->out.res == PV_OK) {
			n->stage->ops->end(n->stage, cut);
			pv_out_drain(&n->stage->out);
		}
		if (res == PV_OK)
			res = n->stage->out.res;
		pthread_mutex_lock(&c->lock);
	}
	c->over = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->threads; i++)
		pthread_join(c->thread[i], NULL);
	for (unsigned i = 0; i < c->nodes; i++)
		for (unsigned k = 0; k < PV_CREW_QUEUE; k++)
			free(c->node[i].queue[k].bytes);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	free(c);
	return res;
}
