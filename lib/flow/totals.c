/* SPDX-License-Identifier: MPL-2.0 */
#define XXH_INLINE_ALL
#include "flow/totals.h"

#include <stdlib.h>
#include <xxhash.h>

#define WAYS 4u
#define SETS (PV_FLOW_TOTALS / WAYS)

struct entry {
	uint64_t hash; /* 0: none */
	uint64_t told_ns;
	uint64_t bytes, packets;
};

struct pv_flow_totals {
	uint64_t seed;
	struct entry entry[SETS][WAYS];
};

struct pv_flow_totals *pv_flow_totals_new(uint64_t seed)
{
	struct pv_flow_totals *t = calloc(1, sizeof *t);
	if (t)
		t->seed = seed;
	return t;
}

void pv_flow_totals_free(struct pv_flow_totals *t)
{
	free(t);
}

static bool stale(const struct entry *e, uint64_t now_ns)
{
	return !e->hash || (now_ns > e->told_ns && now_ns - e->told_ns > PV_FLOW_TOTALS_NS);
}

/* The flow's entry, or the one that is given up for it, emptied. */
static struct entry *find(struct pv_flow_totals *t, uint64_t hash, uint64_t now_ns, struct pv_flow_counts *counts)
{
	struct entry *set = t->entry[hash % SETS], *oldest = set;
	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].hash == hash) {
			if (stale(&set[i], now_ns))
				set[i] = (struct entry){.hash = hash};
			return &set[i];
		}
		if (!set[i].hash || (oldest->hash && set[i].told_ns < oldest->told_ns))
			oldest = &set[i];
	}
	counts->totals_evicted += !stale(oldest, now_ns);
	*oldest = (struct entry){.hash = hash};
	return oldest;
}

/* Has a counter of four bytes begun again? No record is as late as it would have to be. */
static bool is_over(uint64_t total, uint64_t last)
{
	return total < last && last <= UINT32_MAX && last - total > UINT32_MAX / 2;
}

/* *total becomes what it is more than *last, which becomes *total. */
static void since(uint64_t *total, uint64_t *last)
{
	bool over = is_over(*total, *last);
	uint64_t now = *total, added = over ? now + UINT32_MAX + 1 - *last : now > *last ? now - *last : 0;
	if (over || now > *last)
		*last = now;
	*total = added;
}

void pv_flow_totals_since(struct pv_flow_totals *t, const struct pv_flow_total_key *key, uint64_t now_ns, uint64_t *bytes,
			  uint64_t *packets, struct pv_flow_counts *counts)
{
	uint64_t hash = XXH3_64bits_withSeed(key, sizeof *key, t->seed);
	struct entry *e = find(t, hash ? hash : 1, now_ns, counts);
	bool less = (bytes && *bytes < e->bytes) || (packets && *packets < e->packets);
	if (less && !key->begin)
		e->bytes = e->packets = 0;
	e->told_ns = now_ns;
	if (bytes)
		since(bytes, &e->bytes);
	if (packets)
		since(packets, &e->packets);
}
