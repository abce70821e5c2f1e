/* SPDX-License-Identifier: MPL-2.0 */
#include "http/parts.h"

#include "window/history.h"

static void drop(struct pv_bucket **b)
{
	pv_bucket_free(*b);
	*b = NULL;
}

void pv_parts_live(struct pv_parts *p, unsigned part, struct pv_bucket *b)
{
	drop(&p->live[part]);
	p->live[part] = b;
}

struct pv_bucket *pv_parts_closed(struct pv_parts *p, unsigned part, struct pv_bucket *b)
{
	struct pv_bucket *older = p->closed[part];
	if (p->live[part] &&
	    p->live[part]->stream_id == b->stream_id) /* a stream has one open minute, and this was it */
		drop(&p->live[part]);
	p->closed[part] = b;
	return older;
}

/* The oldest minute of which there is a closed part. */
static bool oldest_closed(const struct pv_parts *p, uint64_t *minute)
{
	bool any = false;
	*minute = 0;
	for (unsigned i = 0; i < p->n; i++) {
		if (!p->closed[i] || (any && pv_history_minute(p->closed[i]) >= *minute))
			continue;
		*minute = pv_history_minute(p->closed[i]);
		any = true;
	}
	return any;
}

static bool all_closed(const struct pv_parts *p, uint64_t minute)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->running[i] && (!p->closed[i] || pv_history_minute(p->closed[i]) < minute))
			return false;
	return true;
}

void pv_parts_whole(struct pv_parts *p, void (*keep)(void *, struct pv_bucket *), void *ctx)
{
	uint64_t minute;
	while (oldest_closed(p, &minute) && all_closed(p, minute)) {
		for (unsigned i = 0; i < p->n; i++) {
			struct pv_bucket *b = p->closed[i];
			if (!b || pv_history_minute(b) != minute)
				continue;
			p->closed[i] = NULL;
			keep(ctx, b);
		}
	}
}

void pv_parts_set_back(struct pv_parts *p, uint64_t time_ns, void (*keep)(void *, struct pv_bucket *), void *ctx)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct pv_bucket *b = p->closed[i];
		if (!b || b->start_ns <= time_ns)
			continue;
		p->closed[i] = NULL;
		keep(ctx, b);
	}
}

/* What this part has of the open minute, or of a later one. */
static struct pv_bucket *newest(const struct pv_parts *p, unsigned part)
{
	return p->closed[part] ? p->closed[part] : p->live[part];
}

/* The minute that is open; false: somebody has said nothing yet. */
static bool open_minute(const struct pv_parts *p, uint64_t *minute)
{
	bool any = false;
	*minute = 0;
	for (unsigned i = 0; i < p->n; i++) {
		const struct pv_bucket *b = newest(p, i);
		if (!b && p->running[i])
			return false;
		if (!b || (any && pv_history_minute(b) >= *minute))
			continue;
		*minute = pv_history_minute(b);
		any = true;
	}
	return any;
}

unsigned pv_parts_open(const struct pv_parts *p, struct pv_bucket *to[PV_PARTS_MAX])
{
	uint64_t minute;
	unsigned n = 0;
	if (!open_minute(p, &minute))
		return 0;
	for (unsigned i = 0; i < p->n; i++) {
		struct pv_bucket *b = newest(p, i);
		if (b && pv_history_minute(b) == minute)
			to[n++] = b;
	}
	return n;
}

size_t pv_parts_memory(const struct pv_parts *p)
{
	size_t sum = 0;
	for (unsigned i = 0; i < p->n; i++) {
		sum += p->live[i] ? pv_bucket_memory(p->live[i]) : 0;
		sum += p->closed[i] ? pv_bucket_memory(p->closed[i]) : 0;
	}
	return sum;
}

void pv_parts_clear(struct pv_parts *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		drop(&p->live[i]);
		drop(&p->closed[i]);
	}
}
