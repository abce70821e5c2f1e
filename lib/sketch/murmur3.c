/* SPDX-License-Identifier: MPL-2.0 */
#include "sketch/murmur3.h"

#include "sketch/wire.h"

static inline uint64_t rotl(uint64_t x, unsigned r)
{
	return x << r | x >> (64 - r);
}

/* Spreads every input bit over all output bits. */
static inline uint64_t finish(uint64_t k)
{
	k ^= k >> 33;
	k *= 0xff51afd7ed558ccdu;
	k ^= k >> 33;
	k *= 0xc4ceb9fe1a85ec53u;
	k ^= k >> 33;
	return k;
}

static inline uint64_t scramble1(uint64_t k)
{
	return rotl(k * 0x87c37b91114253d5u, 31) * 0x4cf5ad432745937fu;
}

static inline uint64_t scramble2(uint64_t k)
{
	return rotl(k * 0x4cf5ad432745937fu, 33) * 0x87c37b91114253d5u;
}

/* The n < 8 bytes at p as a little-endian number. */
static inline uint64_t load_part(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	if (n & 4) {
		v = pv_load_le32(p);
		p += 4;
	}
	for (size_t i = n & 4; i < n; i++)
		v |= (uint64_t)*p++ << (8 * i);
	return v;
}

struct pv_hash128 pv_murmur3_128(const void *bytes, size_t n, uint64_t seed)
{
	const uint8_t *p = bytes;
	uint64_t h1 = seed, h2 = seed;
	size_t left = n;

	for (; left >= 16; left -= 16, p += 16) {
		h1 ^= scramble1(pv_load_le64(p));
		h1 = (rotl(h1, 27) + h2) * 5 + 0x52dce729;
		h2 ^= scramble2(pv_load_le64(p + 8));
		h2 = (rotl(h2, 31) + h1) * 5 + 0x38495ab5;
	}
	if (left > 8)
		h2 ^= scramble2(load_part(p + 8, left - 8));
	if (left >= 8)
		h1 ^= scramble1(pv_load_le64(p));
	else if (left)
		h1 ^= scramble1(load_part(p, left));
	h1 ^= n;
	h2 ^= n;
	h1 += h2;
	h2 += h1;
	h1 = finish(h1);
	h2 = finish(h2);
	h1 += h2;
	h2 += h1;
	return (struct pv_hash128){h1, h2};
}
