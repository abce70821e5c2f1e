/* SPDX-License-Identifier: MPL-2.0 */
/* sketch/tally.h - several sums by key: packets and bytes of every connection, each way.
 *
 * What a top list (sketch/topn.h) is for one weight, for up to PV_TALLY_COLUMNS sums that belong together. Column 0 is the
 * weight: what decides who stays.
 *
 * Model: that of Misra and Gries ("Finding repeated elements", 1982), with sums that stay whole. At most max_rows keys. When
 * one more would not fit, half of them go: their sums are added to those of "the rest", so that rows and rest together are
 * always everything that was ever added. Who stays pays for it: the median weight is added to the maximum error, and is
 * no longer part of what a row is judged by next time. So old rows cannot hold their places against new ones for ever; of
 * equal ones the oldest goes. For every key
 *     a row's sums <= the true sums, true weight <= the row's weight + max error;
 * a key without a row has a true weight <= max error; and, by what was paid,
 *     max error * (max_rows / 2 + 1) <= the weight of everything,
 * but for rows that were trimmed. While nothing had to go everything is exact. A flood of keys that are seen once can
 * therefore not hide one that is heavy, whenever it begins, and cannot make any sum too large.
 *
 * Order: rows are kept in order of first insertion, so images, evictions and merges are functions of the sequence of
 * calls alone; the index is seeded by the caller and shows nowhere. Merging commutes while nothing has to go.
 *
 * Ownership: keys are copied. Threads: one owner; const functions may run concurrently. Memory: grows with its
 * rows, 104 bytes each and 8 for the index: 896 KiB at 8192. Sums saturate at UINT64_MAX. */
#ifndef PV_SKETCH_TALLY_H
#define PV_SKETCH_TALLY_H

#include <stddef.h>
#include <stdint.h>

#define PV_TALLY_COLUMNS 6
#define PV_TALLY_KEY	 47u   /* bytes of a key, cut beyond: a connection has 40 */
#define PV_TALLY_ROWS	 8192u /* connections of a busy office in five minutes; an error of at most 0.025 % of all bytes */

struct pv_tally_row {
	uint64_t sum[PV_TALLY_COLUMNS];
	uint64_t paid; /* of sum[0], for its place */
	uint8_t len;
	uint8_t key[PV_TALLY_KEY];
};

struct pv_tally;

/* columns: 1..PV_TALLY_COLUMNS; max_rows: at least 2. NULL: errno EINVAL or ENOMEM. */
struct pv_tally *pv_tally_new(unsigned columns, size_t max_rows, uint64_t seed);
void pv_tally_free(struct pv_tally *);

/* sums: one per column. Without memory they go to the rest, and are counted as lost. */
void pv_tally_add(struct pv_tally *, const void *key, size_t n, const uint64_t *sums);
/* src: another one of as many columns. 0, or -1 with errno EINVAL. */
int pv_tally_merge(struct pv_tally *dst, const struct pv_tally *src);
/* Keeps at most `rows`, those that would stay longest, adding the others to the rest, and gives memory back. */
void pv_tally_trim(struct pv_tally *, size_t rows);

size_t pv_tally_active(const struct pv_tally *);
uint64_t pv_tally_max_error(const struct pv_tally *);
uint64_t pv_tally_evicted(const struct pv_tally *); /* rows that had to go; one that came back counts again */
uint64_t pv_tally_lost(const struct pv_tally *);    /* updates that found no memory */
void pv_tally_total(const struct pv_tally *, uint64_t sums[PV_TALLY_COLUMNS]); /* rows and rest */

#define PV_TALLY_BY_KEY (-1)

/* The `max` largest in a column, equal ones by key; or, by key, the `max` heaviest in the order of their keys. Returns how
 * many. They stand in the object and are valid until it changes. */
size_t pv_tally_rows(const struct pv_tally *, const struct pv_tally_row **rows, size_t max, int sort);

/* Image, little-endian: u8 1, u8 columns, u16 0, u32 rows, u64 max error, u64 evicted, u64 of the rest each; a row is u8
 * length, key, u64 paid, u64 each. Lost updates are not part of it. */
size_t pv_tally_image_size(const struct pv_tally *);
size_t pv_tally_write(const struct pv_tally *, uint8_t *buf, size_t cap); /* bytes written, 0 when there is no room */
/* Untrusted bytes. Equal keys are added up; who paid more than its weight, or than the error, is a lie. NULL: errno EINVAL or ENOMEM. */
struct pv_tally *pv_tally_read(unsigned columns, const uint8_t *p, size_t n, size_t max_rows, uint64_t seed);

size_t pv_tally_memory(const struct pv_tally *); /* bytes of heap held */

#endif
