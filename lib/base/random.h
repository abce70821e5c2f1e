/* SPDX-License-Identifier: MPL-2.0 */
/* base/random.h - numbers that look random and are the same in every run: SplitMix64.
 *
 * One multiplication chain, no state but a counter, equal for all values. For sampling and for made-up data; never for
 * what nobody may guess. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014. */
#ifndef PV_BASE_RANDOM_H
#define PV_BASE_RANDOM_H

#include <stdint.h>

static inline uint64_t pv_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 .. n-1, each as likely as the others but for 1 in 2^32 / n. */
static inline uint32_t pv_random_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((pv_random(state) >> 32) * n >> 32);
}

#endif
