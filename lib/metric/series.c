/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/series.h"

#include <stdbool.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static bool grow(struct pv_series *s)
{
	if (s->n < s->cap / 2)
		return true;
	size_t cap = s->cap ? s->cap * 2 : 1024;
	uint64_t *hash = calloc(cap, sizeof *hash);
	if (!hash)
		return false;
	for (size_t i = 0; i < s->cap; i++) {
		size_t at = (size_t)s->hash[i] & (cap - 1);
		while (s->hash[i] && hash[at])
			at = (at + 1) & (cap - 1);
		if (s->hash[i])
			hash[at] = s->hash[i];
	}
	free(s->hash);
	s->hash = hash;
	s->cap = cap;
	return true;
}

int pv_series_seen(struct pv_series *s, const void *bytes, size_t n)
{
	uint64_t hash = XXH3_64bits_withSeed(bytes, n, s->seed);
	hash += !hash;
	if (!grow(s))
		return -1;
	size_t at = (size_t)hash & (s->cap - 1);
	for (; s->hash[at]; at = (at + 1) & (s->cap - 1))
		if (s->hash[at] == hash)
			return 1;
	s->hash[at] = hash;
	s->n++;
	return 0;
}

void pv_series_reset(struct pv_series *s)
{
	free(s->hash);
	*s = (struct pv_series){.seed = s->seed};
}
