/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/slow.h"

#include <string.h>

#define SUB_BITS PV_DNS_TIMES_SUB_BITS
#define SUBS     (1u << SUB_BITS)

static unsigned bin_of(uint64_t us)
{
	if (us < SUBS)
		return (unsigned)us;
	if (us >> (PV_DNS_TIMES_TOP_BIT + 1))
		return PV_DNS_TIMES_BINS - 1;
	unsigned shift = 63u - (unsigned)__builtin_clzll(us) - SUB_BITS;
	return shift * SUBS + (unsigned)(us >> shift);
}

/* The least value of a bin. */
static uint64_t bin_floor(unsigned bin)
{
	if (bin < 2 * SUBS)
		return bin;
	unsigned shift = bin / SUBS - 1;
	return (uint64_t)(SUBS + bin % SUBS) << shift;
}

void pv_dns_times_add(struct pv_dns_times *t, uint64_t us)
{
	t->count++;
	t->bins[bin_of(us)]++;
}

void pv_dns_times_shift(struct pv_dns_times *t)
{
	if (!t->count)
		return;
	uint64_t rank = t->count - t->count / 10, seen = 0; /* ceil(0.9 n) */
	unsigned bin = 0;
	while ((seen += t->bins[bin]) < rank)
		bin++;
	t->slow_us = bin_floor(bin);
	t->count = 0;
	memset(t->bins, 0, sizeof t->bins);
}
