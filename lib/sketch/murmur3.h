/* SPDX-License-Identifier: MPL-2.0 */
/*
 * MurmurHash3, x64 128-bit variant.
 *
 * Purpose: the hash that Apache DataSketches images are defined over (seed 9001), so that our distinct counts
 * can be merged with theirs. It is not keyed: never place attacker-chosen keys in a table with it.
 *
 * Reads exactly n bytes, needs no alignment, gives the same answer on every byte order. Pure; any thread.
 * Source: Austin Appleby's public-domain definition. */
#ifndef PV_SKETCH_MURMUR3_H
#define PV_SKETCH_MURMUR3_H

#include <stddef.h>
#include <stdint.h>

/* The seed DataSketches uses unless told otherwise. */
#define PV_MURMUR3_SEED 9001u

struct pv_hash128 {
	uint64_t h1, h2;
};

struct pv_hash128 pv_murmur3_128(const void *bytes, size_t n, uint64_t seed);

#endif
