/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Rate: counts per absolute second (Unix time), for "how many per second" quantiles.
 *
 * Model: a sorted vector of pages of 64 seconds, made when a second of theirs first counts. Concurrent
 * parts (workers, taps, hosts) merge second by second; quantiles are over all seconds of an interval,
 * silent ones being 0 and costing neither memory nor time, so a clock that lies (0, far future) costs one
 * page.
 *
 * Bound: PV_RATE_PAGES_MAX pages (65 536 seconds, 18 hours without a gap). Beyond that the oldest page is
 * folded: the counts of its seconds go to an exponential histogram (exphist.h), and quantiles of an
 * interval that reaches back to folded seconds are approximate (0.3 % per count, and spread evenly over the
 * folded interval). Merging is exact and order-free as long as the result is not folded. A count for a
 * second older than all pages when they are all in use is folded as a second of its own.
 *
 * Ownership: _new and _read give an object to _free. Threads: one owner; const functions may run
 * concurrently. Memory: about 530 bytes per page, at most 600 KiB with the folded part; kept over a reset
 * up to PV_RATE_PAGES_KEEP pages. If a page finds no memory, the events are not counted but summed in
 * pv_rate_lost(). Counters saturate. Image: our own, little-endian, versioned (rate.c); untrusted when
 * read. */
#ifndef PV_SKETCH_RATE_H
#define PV_SKETCH_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_RATE_PAGE_SECONDS 64u
#define PV_RATE_PAGES_MAX    1024u /* 18 hours by the second in 530 KiB; what is older is summed up */
#define PV_RATE_PAGES_KEEP   16u   /* a window of ten minutes, at odd offsets, and some */

struct pv_rate;

/* NULL with errno ENOMEM. */
struct pv_rate *pv_rate_new(void);
void pv_rate_free(struct pv_rate *r);

/* n events in that second; n == 0 is a no-op. */
void pv_rate_add(struct pv_rate *r, uint64_t sec, uint64_t n);

/* What stands first in every rate, for pv_rate_count() alone: the second counted last and its counter (NULL if none; not
 * 0), and the total. */
struct pv_rate_hot {
	uint64_t last_sec;
	uint64_t *last;
	uint64_t total;
};

/* pv_rate_add() without a call for what is nearly always so: the same second as before. */
static inline void pv_rate_count(struct pv_rate *r, uint64_t sec, uint64_t n)
{
	struct pv_rate_hot *hot = (struct pv_rate_hot *)(void *)r;
	if (hot->last && sec == hot->last_sec && hot->total <= UINT64_MAX - n) {
		*hot->last += n; /* never more than the total */
		hot->total += n;
	} else {
		pv_rate_add(r, sec, n);
	}
}

/* src may be dst. 0, or -1 with errno ENOMEM; dst is then valid, and what is missing is in pv_rate_lost(). */
int pv_rate_merge(struct pv_rate *dst, const struct pv_rate *src);

/* Events in that second; 0 if it is folded. */
uint64_t pv_rate_at(const struct pv_rate *r, uint64_t sec);
uint64_t pv_rate_total(const struct pv_rate *r);
uint64_t pv_rate_lost(const struct pv_rate *r);
/* Seconds that counted, folded ones included, and how many of them are folded. */
uint64_t pv_rate_seconds(const struct pv_rate *r);
uint64_t pv_rate_folded(const struct pv_rate *r);
/* First and last second that counted; false when there is none. */
bool pv_rate_range(const struct pv_rate *r, uint64_t *first_sec, uint64_t *last_sec);

/*
 * out[i] = quantile q[i] (clamped to 0..1) of the counts of the seconds start..end, both included: the
 * smallest count whose cumulative number of seconds >= ceil(q * seconds). All 0 when end < start. Takes
 * memory only for intervals with more than 640 seconds that counted. 0, or -1 with errno ENOMEM and out all
 * 0. */
int pv_rate_quantiles(const struct pv_rate *r, uint64_t start_sec, uint64_t end_sec, const double q[],
		      uint64_t out[], size_t nq);

size_t pv_rate_image_size(const struct pv_rate *r);
/* Bytes written, or 0 when cap is less than pv_rate_image_size(). */
size_t pv_rate_write(const struct pv_rate *r, uint8_t *buf, size_t cap);
/* Exactly n bytes. NULL: errno EINVAL (not a valid image) or ENOMEM. */
struct pv_rate *pv_rate_read(const uint8_t *p, size_t n);

/* Bytes of heap held. */
size_t pv_rate_memory(const struct pv_rate *r);

#endif
