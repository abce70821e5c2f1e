/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Histogram of unsigned integers: exact counters at fixed bounds, eighteen to the decade.
 *
 * Model: upper bounds 10^(k/18) * 10^e, truncated to integers, duplicates removed: 0, 1, ... 8, 10, 11, 12,
 * 14, ... 879922489895880192 (315 of them), and one counter for what is above. A value is counted at the
 * smallest bound that is not below it. Count and sum are exact; the sum is kept in 128 bits and saturates
 * when asked for.
 *
 * Ownership: _new and _read give an object to _free. Threads: one owner; const functions may run
 * concurrently. Memory: 2.5 KiB, fixed; adding never allocates or fails. Merging is exact and order-free.
 * Image: our own, little-endian, versioned (histogram.c); untrusted when read. */
#ifndef PV_SKETCH_HISTOGRAM_H
#define PV_SKETCH_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_HISTOGRAM_BOUNDS 315u

/*
 * Ascending. Value bin i < PV_HISTOGRAM_BOUNDS holds values <= pv_histogram_bounds[i] and above the one
 * before. */
extern const uint64_t pv_histogram_bounds[PV_HISTOGRAM_BOUNDS];

struct pv_histogram;

/* NULL with errno ENOMEM. */
struct pv_histogram *pv_histogram_new(void);
void pv_histogram_free(struct pv_histogram *h);

void pv_histogram_add(struct pv_histogram *h, uint64_t v);
/* n times v. */
void pv_histogram_add_n(struct pv_histogram *h, uint64_t v, uint64_t n);
/* src may be dst. */
void pv_histogram_merge(struct pv_histogram *dst, const struct pv_histogram *src);

uint64_t pv_histogram_count(const struct pv_histogram *h);
uint64_t pv_histogram_sum(const struct pv_histogram *h);
/* Values above the last bound. */
uint64_t pv_histogram_overflow(const struct pv_histogram *h);
/* How many values are <= v; exact when v is a bound, else of the largest bound <= v. */
uint64_t pv_histogram_cumulative(const struct pv_histogram *h, uint64_t v);

/*
 * Walks the bounds whose own bin is not empty, ascending, with the cumulative count up to the bound.
 * Overflow is not walked (it is what count has more than the last cumulative).
 *     struct pv_histogram_bin b = PV_HISTOGRAM_BINS;
 *     while (pv_histogram_next(h, &b)) ... */
struct pv_histogram_bin {
	size_t next;	     /* the walk's own */
	uint64_t bound;	     /* values <= bound ... */
	uint64_t count;	     /* ... and above the bound before */
	uint64_t cumulative; /* ... and all below */
};
#define PV_HISTOGRAM_BINS                                                                                    \
	{                                                                                                    \
		0, 0, 0, 0                                                                                   \
	}
bool pv_histogram_next(const struct pv_histogram *h, struct pv_histogram_bin *b);

size_t pv_histogram_image_size(const struct pv_histogram *h);
/* Bytes written, or 0 when cap is less than pv_histogram_image_size(). */
size_t pv_histogram_write(const struct pv_histogram *h, uint8_t *buf, size_t cap);
/* Exactly n bytes. NULL: errno EINVAL (not a valid image) or ENOMEM. */
struct pv_histogram *pv_histogram_read(const uint8_t *p, size_t n);

/* Bytes of heap held. */
size_t pv_histogram_memory(const struct pv_histogram *h);

#endif
