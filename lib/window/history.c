/* SPDX-License-Identifier: MPL-2.0 */
#include "window/history.h"

#include <string.h>

static uint64_t minute_of(uint64_t time_ns)
{
	return time_ns / 1000000000u / PV_WINDOW_PERIOD_SEC;
}

uint64_t pv_history_minute(const struct pv_bucket *b)
{
	return minute_of(b->start_ns);
}

/* Makes the bucket in this place one that may be changed. False: no memory. */
static bool own(struct pv_history *h, unsigned at)
{
	if (!pv_bucket_shared(h->closed[at]))
		return true;
	struct pv_bucket *copy = pv_bucket_copy(h->closed[at]);
	if (!copy)
		return false;
	pv_bucket_free(h->closed[at]);
	h->closed[at] = copy;
	return true;
}

unsigned pv_history_place(const struct pv_history *h, const struct pv_bucket *b, bool *taken)
{
	unsigned at = 0;
	while (at < h->n && pv_history_minute(h->closed[at]) > pv_history_minute(b))
		at++;
	*taken = at < h->n && pv_history_minute(h->closed[at]) == pv_history_minute(b);
	return at;
}

/* The oldest; there is one. */
static void drop(struct pv_history *h)
{
	pv_bucket_free(h->closed[--h->n]);
}

/* As many stay as there are periods, although a live bucket takes one place of what is shown: it may still turn out to be
 * of a minute that is there. */
int pv_history_add(struct pv_history *h, unsigned periods, struct pv_bucket *b)
{
	bool taken;
	unsigned at = pv_history_place(h, b, &taken);
	if (periods == 1 && h->n) { /* one bucket for everything, whatever its time */
		at = 0;
		taken = true;
	}
	if (taken || at >= periods) {
		int rc = taken && (!own(h, at) || pv_bucket_merge(h->closed[at], b)) ? -1 : 0;
		pv_bucket_free(b);
		return rc;
	}
	if (h->n == periods)
		drop(h);
	memmove(&h->closed[at + 1], &h->closed[at], (h->n - at) * sizeof h->closed[0]);
	h->closed[at] = b;
	h->n++;
	return 0;
}

void pv_history_forget(struct pv_history *h, uint64_t time_ns)
{
	unsigned newer = 0;
	while (newer < h->n && pv_history_minute(h->closed[newer]) > minute_of(time_ns))
		pv_bucket_free(h->closed[newer++]);
	h->n -= newer;
	memmove(h->closed, h->closed + newer, h->n * sizeof h->closed[0]);
}

void pv_history_clear(struct pv_history *h)
{
	while (h->n)
		drop(h);
}

static size_t memory(const struct pv_history *h)
{
	size_t sum = 0;
	for (unsigned i = 0; i < h->n; i++)
		sum += pv_bucket_memory(h->closed[i]);
	return sum;
}

/* Keeps at most `items` of each top-N table. Returns how many buckets were given up because there was no memory. */
static unsigned trim(struct pv_history *h, size_t items)
{
	unsigned lost = 0;
	for (unsigned i = h->n; i--;) {
		if (own(h, i)) {
			pv_bucket_trim(h->closed[i], items);
			continue;
		}
		pv_bucket_free(h->closed[i]);
		memmove(&h->closed[i], &h->closed[i + 1], (--h->n - i) * sizeof h->closed[0]);
		lost++;
	}
	return lost;
}

static size_t memory_of(struct pv_history *const past[], size_t n)
{
	size_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += memory(past[i]);
	return sum;
}

unsigned pv_histories_fit(struct pv_history *const past[], size_t n, size_t others, size_t budget)
{
	unsigned lost = 0;
	for (size_t items = 2048; items >= 32; items /= 4) {
		if (memory_of(past, n) + others <= budget)
			return lost;
		for (size_t i = 0; i < n; i++)
			lost += trim(past[i], items);
	}
	/* What is left cannot be trimmed. Only buckets that others wrote come to this. */
	while (memory_of(past, n) + others > budget) {
		struct pv_history *most = NULL;
		for (size_t i = 0; i < n; i++)
			if (past[i]->n > 1 && (!most || past[i]->n > most->n))
				most = past[i];
		if (!most)
			break;
		drop(most);
		lost++;
	}
	return lost;
}
