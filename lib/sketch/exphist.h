/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Quantiles: a sparse base-2 exponential histogram of fixed scale 7, the shape of OTLP exponential and of
 * Prometheus native histograms.
 *
 * Model: bucket i counts values in (2^(i/128), 2^((i+1)/128)], for i from -32*128 to 64*128 - 1; a value at
 * or below 2^-32 (and negative or NaN) is in the zero bucket; a value above 2^64 counts as 2^64. Count,
 * sum, minimum and maximum are kept apart from the buckets: sum in units of 2^-32, minimum and maximum in
 * units of 2^-64, integers, so that merging is exact and order-free. Integers up to 2^64 - 1 are exact in
 * all three.
 *
 * A quantile is the bucket's middle, within 0.28 % of the true value, clamped to [minimum, maximum]; if
 * only integers were added, those below 128 come back exact. Rank rule: the smallest value whose cumulative
 * count >= ceil(q * n).
 *
 * Ownership: _new and _read give an object to _free. Threads: one owner; const functions may run
 * concurrently. Memory: 1 KiB per octave in use, at most 96 KiB, kept over a reset. An allocation happens
 * once per octave; if it fails the values are not counted but summed in pv_exphist_lost(). Counters and sum
 * saturate. Image: our own, little-endian, versioned (exphist.c); untrusted when read. Source:
 * OpenTelemetry metrics data model, "ExponentialHistogram". */
#ifndef PV_SKETCH_EXPHIST_H
#define PV_SKETCH_EXPHIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_EXPHIST_SCALE      7
#define PV_EXPHIST_SUB	      128 /* buckets per octave: 2^scale */
#define PV_EXPHIST_OCTAVE_MIN (-32)
#define PV_EXPHIST_OCTAVE_MAX 63

struct pv_exphist;

/* NULL with errno ENOMEM. */
struct pv_exphist *pv_exphist_new(void);
void pv_exphist_free(struct pv_exphist *h);

void pv_exphist_add_u64(struct pv_exphist *h, uint64_t v);
void pv_exphist_add_double(struct pv_exphist *h, double v);
/* n times v; n == 0 is a no-op. */
void pv_exphist_add_n(struct pv_exphist *h, uint64_t v, uint64_t n);

/* src may be dst. 0, or -1 with errno ENOMEM and dst as it was. */
int pv_exphist_merge(struct pv_exphist *dst, const struct pv_exphist *src);

uint64_t pv_exphist_count(const struct pv_exphist *h);
uint64_t pv_exphist_zero_count(const struct pv_exphist *h);
uint64_t pv_exphist_lost(const struct pv_exphist *h);
double pv_exphist_sum(const struct pv_exphist *h);
/* Rounded down, saturating. */
uint64_t pv_exphist_sum_u64(const struct pv_exphist *h);
/* All four 0 when empty; _u64 rounds to nearest. */
double pv_exphist_min(const struct pv_exphist *h);
double pv_exphist_max(const struct pv_exphist *h);
uint64_t pv_exphist_min_u64(const struct pv_exphist *h);
uint64_t pv_exphist_max_u64(const struct pv_exphist *h);

/* q is clamped to 0..1 (NaN: 0); 0 when empty. */
double pv_exphist_quantile(const struct pv_exphist *h, double q);
uint64_t pv_exphist_quantile_u64(const struct pv_exphist *h, double q);

/*
 * Walks the non-empty buckets but for the zero bucket, ascending:
 *     struct pv_exphist_bucket b = PV_EXPHIST_BUCKETS;
 *     while (pv_exphist_next(h, &b)) ... */
struct pv_exphist_bucket {
	int index; /* i of (2^(i/128), 2^((i+1)/128)] */
	uint64_t count;
};
#define PV_EXPHIST_BUCKETS                                                                                   \
	{                                                                                                    \
		PV_EXPHIST_OCTAVE_MIN *PV_EXPHIST_SUB - 1, 0                                                 \
	}
bool pv_exphist_next(const struct pv_exphist *h, struct pv_exphist_bucket *b);

/* The bucket that a value above 2^-32 is counted in. */
int pv_exphist_index_u64(uint64_t v);
int pv_exphist_index_double(double v);
/* The upper bound of bucket i. */
double pv_exphist_bound(int index);

size_t pv_exphist_image_size(const struct pv_exphist *h);
/* Bytes written, or 0 when cap is less than pv_exphist_image_size(). */
size_t pv_exphist_write(const struct pv_exphist *h, uint8_t *buf, size_t cap);
/* Exactly n bytes. NULL: errno EINVAL (not a valid image) or ENOMEM. */
struct pv_exphist *pv_exphist_read(const uint8_t *p, size_t n);

/* Bytes of heap held. */
size_t pv_exphist_memory(const struct pv_exphist *h);

#endif
