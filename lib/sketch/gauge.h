/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Gauge: the last level that each of several streams told of itself, such as how many policies it feeds.
 *
 * Model: one entry per stream: its id, the time of its newest word, the level it told then. Of one stream the
 * newest word counts (of two at the same time the one put later; between two gauges, the larger); levels of
 * different streams add up, since two inputs with three policies each have six. A stream that has said nothing for PV_GAUGE_STALE_NS before the
 * newest word of all has ended and does not count: so the run before a restart is not added to the run
 * after it. Whoever keeps a gauge says its level more often than that.
 *
 * Ownership: _new and _read give an object to _free. Threads: one owner; const functions may run
 * concurrently. Memory: 0.8 KiB, fixed; setting never allocates or fails. Full, the entry with the oldest
 * word goes, and is counted. Merging is exact and order-free. The sum saturates. Image: our own,
 * little-endian, versioned (gauge.c); untrusted when read. */
#ifndef PV_SKETCH_GAUGE_H
#define PV_SKETCH_GAUGE_H

#include <stddef.h>
#include <stdint.h>

#define PV_GAUGE_STREAMS  32			    /* more inputs than one policy has */
#define PV_GAUGE_STALE_NS (UINT64_C(120) * 1000000000) /* two periods: those of several streams are not in step */

struct pv_gauge;

/* NULL with errno ENOMEM. */
struct pv_gauge *pv_gauge_new(void);
void pv_gauge_free(struct pv_gauge *g);

void pv_gauge_put(struct pv_gauge *g, uint64_t stream, uint64_t time_ns, uint64_t level);
/* src may be dst. */
void pv_gauge_merge(struct pv_gauge *dst, const struct pv_gauge *src);

/* 0 where nobody has said anything. */
uint64_t pv_gauge_value(const struct pv_gauge *g);
/* Streams that found no room. */
uint64_t pv_gauge_lost(const struct pv_gauge *g);

size_t pv_gauge_image_size(const struct pv_gauge *g);
/* Bytes written, or 0 when cap is less than pv_gauge_image_size(). */
size_t pv_gauge_write(const struct pv_gauge *g, uint8_t *buf, size_t cap);
/* Exactly n bytes. NULL: errno EINVAL (not a valid image) or ENOMEM. */
struct pv_gauge *pv_gauge_read(const uint8_t *p, size_t n);

/* Bytes of heap held. */
size_t pv_gauge_memory(const struct pv_gauge *g);

#endif
