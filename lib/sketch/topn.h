/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Top-N: a frequent-items sketch (Misra-Gries) whose images are those of Apache DataSketches' frequent
 * items, with strings (u32 length + bytes) or 64-bit integers as items.
 *
 * Model: at most 3/4 * 2^lg_max_map counters. When one more item would not fit, or the keys would exceed
 * their byte limit, the median counter is subtracted from all, those left at nothing are dropped, and the
 * median is added to the maximum error. So for every item ever added:
 *     lower bound = counter, upper bound = estimate = counter + max error, and lower <= true weight <= upper;
 * an item without a counter has weight <= max error. While no purge was needed everything is exact.
 *
 * Order: items are kept in order of first insertion, so rows, images, purges and merges are functions of
 * the sequence of calls alone. The index into them is seeded by the caller, so that nobody outside can aim
 * at collisions, and the seed shows nowhere. Merging commutes while nothing is purged; after that, within
 * max error. Rows are ordered by estimate, ties by name, so what is printed does not show insertion order
 * either.
 *
 * Ownership: keys are copied. _new and _read give an object to _free. Threads: one owner; const functions
 * may run concurrently. Memory: tables start small and grow; all is kept over a reset, and given back by
 * pv_topn_trim. At lg_max_map 13: 216 KiB of tables and 48 KiB of purge scratch, plus keys (up to twice the
 * limit while growing). Counters saturate at UINT64_MAX. Weight that found no memory, or whose key alone is
 * above the byte limit, is part of the total weight but has no counter; it is summed in pv_topn_lost(), and
 * the bounds above do not cover it.
 *
 * Sources: Misra & Gries 1982; Anderson et al. 2017 (median purging); DataSketches frequent-items binary
 * format. */
#ifndef PV_SKETCH_TOPN_H
#define PV_SKETCH_TOPN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_TOPN_LG_MAP_MIN	  3u
#define PV_TOPN_LG_MAP_MAX	  20u		    /* 2^20 counters are 36 MiB; nothing needs more */
#define PV_TOPN_LG_MAP_DEFAULT	  13u		    /* 6144 counters: error at most 0.05 % of the total */
#define PV_TOPN_KEY_BYTES_DEFAULT ((size_t)1 << 20) /* 6144 names of 170 bytes */
#define PV_TOPN_KEY_BYTES_MAX	  ((size_t)1 << 30) /* offsets are 32 bits */

enum pv_topn_kind { PV_TOPN_STR, PV_TOPN_U64 };

struct pv_topn;

/* A row; key points into the sketch (strings; valid until it changes), num is the item (integers). */
struct pv_topn_row {
	const void *key; /* NULL for PV_TOPN_U64 */
	size_t len;
	uint64_t num; /* 0 for PV_TOPN_STR */
	uint64_t estimate;
};

/* key_bytes_max 0: the default. NULL: errno EINVAL (a parameter out of range) or ENOMEM. */
struct pv_topn *pv_topn_new(enum pv_topn_kind kind, unsigned lg_max_map, size_t key_bytes_max, uint64_t seed);
void pv_topn_free(struct pv_topn *t);

/*
 * Weight 0 is a no-op. Each only on a sketch of its kind; on the other kind nothing is counted but the lost
 * weight. */
void pv_topn_add(struct pv_topn *t, const void *key, size_t n, uint64_t weight);
void pv_topn_add_u64(struct pv_topn *t, uint64_t key, uint64_t weight);
/* pv_topn_add() without a search where *hint, any number the first time, still tells the item's place; it is set anew. */
void pv_topn_add_hint(struct pv_topn *t, uint32_t *hint, const void *key, size_t n, uint64_t weight);

/*
 * src may be dst. 0, or -1 with errno EINVAL (kinds differ; nothing done). Want of memory counts as lost
 * weight. */
int pv_topn_merge(struct pv_topn *dst, const struct pv_topn *src);
/* Keeps at most the max_items heaviest, accounting the rest in the maximum error, and gives memory back. */
void pv_topn_trim(struct pv_topn *t, size_t max_items);
/* A copy with tables just large enough. NULL with errno ENOMEM. */
struct pv_topn *pv_topn_copy(const struct pv_topn *t);

enum pv_topn_kind pv_topn_kind(const struct pv_topn *t);
uint64_t pv_topn_total_weight(const struct pv_topn *t);
uint64_t pv_topn_max_error(const struct pv_topn *t);
size_t pv_topn_active(const struct pv_topn *t);
uint64_t pv_topn_lost(const struct pv_topn *t);

/* Of an item without a counter: estimate and lower bound 0, upper bound the maximum error. */
uint64_t pv_topn_estimate(const struct pv_topn *t, const void *key, size_t n);
uint64_t pv_topn_lower(const struct pv_topn *t, const void *key, size_t n);
uint64_t pv_topn_upper(const struct pv_topn *t, const void *key, size_t n);
uint64_t pv_topn_estimate_u64(const struct pv_topn *t, uint64_t key);
uint64_t pv_topn_lower_u64(const struct pv_topn *t, uint64_t key);
uint64_t pv_topn_upper_u64(const struct pv_topn *t, uint64_t key);

/*
 * The max heaviest items, by estimate descending, then by name: bytes ascending (a prefix first), integers
 * ascending. Returns how many. Every item with a counter qualifies (its upper bound is above the maximum
 * error: DataSketches' NO_FALSE_NEGATIVES). Time grows with items * log(max), no memory is taken. */
size_t pv_topn_rows(const struct pv_topn *t, struct pv_topn_row *rows, size_t max);

size_t pv_topn_image_size(const struct pv_topn *t);
/* Bytes written, or 0 when cap is less than pv_topn_image_size(). Lost weight is not part of an image. */
size_t pv_topn_write(const struct pv_topn *t, uint8_t *buf, size_t cap);
/*
 * Reads an image, exactly n bytes, written by us or by DataSketches. The key limit is the default or, if
 * more, what the image holds. Equal items are added up. NULL: errno EINVAL (not a valid image of that kind)
 * or ENOMEM. */
struct pv_topn *pv_topn_read(enum pv_topn_kind kind, const uint8_t *p, size_t n, uint64_t seed);

/* Bytes of heap held. */
size_t pv_topn_memory(const struct pv_topn *t);

#endif
