/* SPDX-License-Identifier: MPL-2.0 */
#include "stage/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct batch {
	size_t len;
	uint8_t *bytes;
};

struct pv_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	struct batch ring[PV_RING_BATCHES];
	unsigned head, tail; /* ring[tail, head) is full, counted without wrapping */
	bool over, cut;      /* no more input */
	bool gone;           /* the consumer's output failed: the producer may stop */
	enum pv_res res;     /* of the stage's output */
	struct pv_stage *stage;
	/* producer's side */
	struct batch *open; /* being filled, ring[head] */
	bool stop;          /* `gone`, as of the last hand-over */
};

static void *consume(void *arg)
{
	struct pv_thread *t = arg;
	struct pv_stage *stage = t->stage;
	pthread_mutex_lock(&t->lock);
	for (;;) {
		while (t->tail == t->head && !t->over)
			pthread_cond_wait(&t->filled, &t->lock);
		if (t->tail == t->head)
			break;
		struct batch *b = &t->ring[t->tail % PV_RING_BATCHES];
		pthread_mutex_unlock(&t->lock);
		if (stage->out.res == PV_OK) {
			stage->ops->batch(stage, (const void *)b->bytes, b->len);
			pv_out_drain(&stage->out);
		}
		pthread_mutex_lock(&t->lock);
		b->len = 0;
		t->tail++;
		t->gone = stage->out.res != PV_OK;
		pthread_cond_signal(&t->emptied);
	}
	bool cut = t->cut;
	pthread_mutex_unlock(&t->lock);
	if (stage->out.res == PV_OK) {
		stage->ops->end(stage, cut);
		pv_out_drain(&stage->out);
	}
	t->res = stage->out.res;
	return NULL;
}

static void thread_free(struct pv_thread *t)
{
	for (unsigned i = 0; i < PV_RING_BATCHES; i++)
		free(t->ring[i].bytes);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->filled);
	pthread_cond_destroy(&t->emptied);
	free(t);
}

struct pv_thread *pv_thread_start(struct pv_stage *stage)
{
	struct pv_thread *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->stage = stage;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->filled, NULL);
	pthread_cond_init(&t->emptied, NULL);
	for (unsigned i = 0; i < PV_RING_BATCHES; i++) {
		t->ring[i].bytes = malloc(PV_BATCH_BYTES);
		if (!t->ring[i].bytes) {
			thread_free(t);
			errno = ENOMEM;
			return NULL;
		}
	}
	t->open = &t->ring[0];
	int err = pthread_create(&t->thread, NULL, consume, t);
	if (err) {
		thread_free(t);
		errno = err;
		return NULL;
	}
	return t;
}

void pv_thread_push(struct pv_thread *t)
{
	if (!t->open->len)
		return;
	pthread_mutex_lock(&t->lock);
	t->head++;
	pthread_cond_signal(&t->filled);
	while (t->head - t->tail == PV_RING_BATCHES)
		pthread_cond_wait(&t->emptied, &t->lock);
	t->open = &t->ring[t->head % PV_RING_BATCHES];
	t->stop = t->gone;
	pthread_mutex_unlock(&t->lock);
}

/* Every iovec of an out holds whole events and fits into a batch. */
static enum pv_res thread_write(void *ctx, const struct iovec *iov, int n)
{
	struct pv_thread *t = ctx;
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		while (p < end) {
			size_t room = PV_BATCH_BYTES - t->open->len, take = (size_t)(end - p);
			if (take > room) { /* as many whole events as fit */
				take = 0;
				while (take + ((const struct pv_event *)(const void *)(p + take))->size <= room)
					take += ((const struct pv_event *)(const void *)(p + take))->size;
			}
			memcpy(t->open->bytes + t->open->len, p, take);
			t->open->len += take;
			p += take;
			if (p < end)
				pv_thread_push(t);
		}
	}
	return t->stop ? PV_STOP : PV_OK;
}

/* A batch that comes whole changes hands without a copy. */
static uint8_t *thread_swap(void *ctx, uint8_t *buf, size_t len)
{
	struct pv_thread *t = ctx;
	if (len < PV_BATCH_BYTES / 2 || t->stop) /* small ones are better gathered */
		return NULL;
	pv_thread_push(t); /* what is gathered comes first */
	uint8_t *other = t->open->bytes;
	t->open->bytes = buf;
	t->open->len = len;
	pv_thread_push(t);
	return other;
}

struct pv_sink pv_sink_thread(struct pv_thread *t)
{
	return (struct pv_sink){.write = thread_write, .swap = thread_swap, .ctx = t, .copy_below = 512};
}

enum pv_res pv_thread_join(struct pv_thread *t, bool cut)
{
	pv_thread_push(t);
	pthread_mutex_lock(&t->lock);
	t->over = true;
	t->cut = cut;
	pthread_cond_signal(&t->filled);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	enum pv_res res = t->res;
	thread_free(t);
	return res;
}
