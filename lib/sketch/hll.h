/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Distinct count: a HyperLogLog sketch whose images are those of Apache DataSketches' HLL.
 *
 * Model: a key is hashed (MurmurHash3-128, seed 9001) to a coupon, 26 bits of address and 6 bits of value.
 * Up to 7 distinct coupons are a list, up to 3/4 * 2^(lg_k - 3) of them a set (nearly exact), and after
 * that 2^lg_k registers of one byte keep the largest value per address. lg_k below 8 skips the set.
 * Relative standard error once dense: 1.04 / sqrt(2^lg_k), 1.6 % at the default lg_k 12.
 *
 * Order: the coupon set, the registers, pv_hll_estimate(), and so everything printed, depend only on which
 * keys were added, not on their order or on how parts were merged. Only the HIP estimate depends on order;
 * it is kept because images carry it, and given up (flag "out of order") by a merge into dense registers.
 *
 * Merging sketches of different lg_k gives the smaller lg_k, whatever the modes, so merging commutes.
 *
 * Ownership: _new and _read give an object to _free. Threads: one owner; const functions may run
 * concurrently. Memory: list 32 bytes, set at most 4 * 2^(lg_k - 3), registers 2^lg_k; kept over a reset.
 * No allocation per add except at the few mode changes; if one fails the coupon is dropped and counted
 * (pv_hll_lost). Images: untrusted; every field is checked, derived fields (sums, counts of registers) are
 * recomputed. Sources: DataSketches HLL binary format and its published estimator constants; Flajolet et
 * al. 2007. */
#ifndef PV_SKETCH_HLL_H
#define PV_SKETCH_HLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_HLL_LG_K_MIN	    4u
#define PV_HLL_LG_K_MAX	    21u /* what DataSketches allows; 2 MiB of registers */
#define PV_HLL_LG_K_DEFAULT 12u

struct pv_hll;

/* NULL: errno EINVAL (lg_k out of range) or ENOMEM. */
struct pv_hll *pv_hll_new(unsigned lg_k);
void pv_hll_free(struct pv_hll *h);

/* n == 0 is ignored, as DataSketches ignores empty strings. */
void pv_hll_add(struct pv_hll *h, const void *bytes, size_t n);
/* The eight bytes of v, little-endian: DataSketches' update(uint64_t). */
void pv_hll_add_u64(struct pv_hll *h, uint64_t v);

/* The order-free (composite) estimate: the one to print. */
double pv_hll_estimate(const struct pv_hll *h);
/*
 * The estimate DataSketches prints for an image of this sketch; order-dependent. Only for verifying images. */
double pv_hll_estimate_hip(const struct pv_hll *h);
/* Bounds at two standard deviations (about 95 %) of either estimate. */
void pv_hll_bounds(const struct pv_hll *h, bool hip, double *lower, double *upper);

/* Coupons dropped because a mode change found no memory. */
uint64_t pv_hll_lost(const struct pv_hll *h);

/*
 * dst becomes the sketch of both sets of keys; src may be dst. 0, or -1 with errno ENOMEM and dst as it was. */
int pv_hll_merge(struct pv_hll *dst, const struct pv_hll *src);
/* NULL with errno ENOMEM. */
struct pv_hll *pv_hll_copy(const struct pv_hll *h);

size_t pv_hll_image_size(const struct pv_hll *h);
/* A compact HLL_8 image. Bytes written, or 0 when cap is less than pv_hll_image_size(). */
size_t pv_hll_write(const struct pv_hll *h, uint8_t *buf, size_t cap);
/*
 * Reads a compact or updatable image of HLL_4, HLL_6 or HLL_8, exactly n bytes.
 * NULL: errno EINVAL (not a valid image) or ENOMEM. */
struct pv_hll *pv_hll_read(const uint8_t *p, size_t n);

/* Bytes of heap held. */
size_t pv_hll_memory(const struct pv_hll *h);

#endif
