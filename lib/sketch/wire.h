/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Small things the sketches share; private to lib/sketch.
 *
 * Bytes are little-endian. A varint is LEB128, 7 bits a byte, low first, at most 128 bits; only the
 * shortest form is read back, so that an image has one spelling. A reader never passes its end: it turns
 * bad, and everything it gives from then on is 0. */
#ifndef PV_SKETCH_WIRE_H
#define PV_SKETCH_WIRE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef unsigned __int128 pv_u128;

struct pv_wire_in {
	const uint8_t *p, *end;
	bool bad;
};

static inline uint32_t pv_load_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t pv_load_le64(const uint8_t *p)
{
	return (uint64_t)pv_load_le32(p) | (uint64_t)pv_load_le32(p + 4) << 32;
}

static inline void pv_store_le32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline void pv_store_le64(uint8_t *p, uint64_t v)
{
	pv_store_le32(p, (uint32_t)v);
	pv_store_le32(p + 4, (uint32_t)(v >> 32));
}

static inline size_t pv_varint_size(pv_u128 v)
{
	size_t n = 1;

	while (v >= 0x80) {
		v >>= 7;
		n++;
	}
	return n;
}

static inline uint8_t *pv_varint_put(uint8_t *p, pv_u128 v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

static inline uint8_t pv_wire_byte(struct pv_wire_in *in)
{
	if (in->bad || in->p == in->end) {
		in->bad = true;
		return 0;
	}
	return *in->p++;
}

static inline pv_u128 pv_wire_varint128(struct pv_wire_in *in)
{
	pv_u128 v = 0;

	for (unsigned shift = 0; shift < 128; shift += 7) {
		uint8_t b = pv_wire_byte(in);

		if (in->bad)
			return 0;
		if (shift == 126 && b > 3)
			break;
		v |= (pv_u128)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			if (b == 0 && shift)
				break;
			return v;
		}
	}
	in->bad = true;
	return 0;
}

static inline uint64_t pv_wire_varint(struct pv_wire_in *in)
{
	pv_u128 v = pv_wire_varint128(in);

	if (v > UINT64_MAX) {
		in->bad = true;
		return 0;
	}
	return (uint64_t)v;
}

static inline uint64_t pv_add_sat(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

static inline pv_u128 pv_add_sat128(pv_u128 a, pv_u128 b)
{
	pv_u128 r;

	return __builtin_add_overflow(a, b, &r) ? ~(pv_u128)0 : r;
}

/*
 * ceil(q * n), at least 1 and at most n, for n > 0. A product that misses an integer by rounding alone
 * (0.07 * 100) is taken for that integer. */
static inline uint64_t pv_rank(double q, uint64_t n)
{
	long double r, near;

	if (!(q > 0))
		return 1;
	if (q >= 1)
		return n;
	r = (long double)q * (long double)n;
	near = roundl(r);
	if (fabsl(r - near) <= r * 1e-15L)
		r = near;
	r = ceill(r);
	if (r < 1)
		return 1;
	return r >= (long double)n ? n : (uint64_t)r;
}

#endif
