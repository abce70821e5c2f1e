/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Image, all numbers varints but for the bytes and bitmaps:
 *     0xE8, version 1, flags (bit 0: folded seconds follow the pages)
 *     number of pages, and for each, ascending:
 *         second / 64, minus that of the page before plus 1 (the first: as it is)
 *         bitmap, 8 bytes little-endian: which of the 64 seconds counted; then their counts
 *     if folded: first second, last second minus first, size of an exphist image, and that */
#include "sketch/rate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sketch/exphist.h"
#include "sketch/wire.h"

#define LG_PAGE	      6u
#define IMAGE_MAGIC   0xe8
#define IMAGE_VERSION 1
#define FLAG_FOLDED   0x01
#define ON_STACK      640u /* seconds sorted without taking memory: a full window of 10 periods */
#define PAGES_FIRST   8u

struct page {
	uint64_t base; /* second / 64 */
	uint64_t n[PV_RATE_PAGE_SECONDS];
};

struct pv_rate {
	struct pv_rate_hot hot;
	uint64_t lost;
	struct page **pages; /* used of them ascending by base, then spare ones up to have */
	uint32_t used, have, alloc;
	struct pv_exphist *folded; /* counts of folded seconds; may exist and be empty */
	uint64_t folded_first, folded_last;
};

struct pv_rate *pv_rate_new(void)
{
	struct pv_rate *r = calloc(1, sizeof(*r));

	if (!r)
		errno = ENOMEM;
	return r;
}

void pv_rate_free(struct pv_rate *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->have; i++)
		free(r->pages[i]);
	free(r->pages);
	pv_exphist_free(r->folded);
	free(r);
}

static bool is_folded(const struct pv_rate *r)
{
	return r->folded && pv_exphist_count(r->folded);
}

/* The first page whose base is not below. */
static uint32_t page_find(const struct pv_rate *r, uint64_t base)
{
	uint32_t lo = 0, hi = r->used;

	/* Time goes forward: mostly it is the last. */
	if (hi && r->pages[hi - 1]->base <= base)
		return r->pages[hi - 1]->base == base ? hi - 1 : hi;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (r->pages[mid]->base < base)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* n events of one second, already in the total, leave for the folded part. */
static void fold(struct pv_rate *r, uint64_t sec, uint64_t n)
{
	uint64_t lost;
	bool first;

	if (!r->folded)
		r->folded = pv_exphist_new();
	if (!r->folded) {
		r->lost = pv_add_sat(r->lost, n);
		r->hot.total -= n < r->hot.total ? n : r->hot.total;
		return;
	}
	first = !pv_exphist_count(r->folded);
	lost = pv_exphist_lost(r->folded);
	pv_exphist_add_u64(r->folded, n);
	if (pv_exphist_lost(r->folded) != lost) {
		r->lost = pv_add_sat(r->lost, n);
		r->hot.total -= n < r->hot.total ? n : r->hot.total;
		return;
	}
	if (first || sec < r->folded_first)
		r->folded_first = sec;
	if (first || sec > r->folded_last)
		r->folded_last = sec;
}

/* Folds the oldest page, which becomes a spare one. */
static void fold_oldest(struct pv_rate *r)
{
	struct page *page = r->pages[0];

	for (unsigned i = 0; i < PV_RATE_PAGE_SECONDS; i++)
		if (page->n[i])
			fold(r, page->base << LG_PAGE | i, page->n[i]);
	r->used--;
	memmove(r->pages, r->pages + 1, sizeof(*r->pages) * r->used);
	r->pages[r->used] = page;
	r->hot.last = NULL;
}

static int pages_grow(struct pv_rate *r)
{
	if (r->have == r->alloc) {
		uint32_t alloc = r->alloc ? 2 * r->alloc : PAGES_FIRST;
		struct page **pages = realloc(r->pages, sizeof(struct page *) * alloc);

		if (!pages)
			return -1;
		r->pages = pages;
		r->alloc = alloc;
	}
	r->pages[r->have] = malloc(sizeof(struct page));
	if (!r->pages[r->have])
		return -1;
	r->have++;
	return 0;
}

/*
 * The page of that base, made if need be; NULL if there is no memory or (*older) it would be the oldest of
 * too many. */
static struct page *page_get(struct pv_rate *r, uint64_t base, bool *older)
{
	uint32_t i = page_find(r, base);
	struct page *page;

	*older = false;
	if (i < r->used && r->pages[i]->base == base)
		return r->pages[i];
	if (r->used == PV_RATE_PAGES_MAX) {
		if (i == 0) {
			*older = true;
			return NULL;
		}
		fold_oldest(r);
		i--;
	}
	if (r->used == r->have && pages_grow(r))
		return NULL;
	page = r->pages[r->used];
	memmove(r->pages + i + 1, r->pages + i, sizeof(*r->pages) * (r->used - i));
	r->pages[i] = page;
	r->used++;
	page->base = base;
	memset(page->n, 0, sizeof(page->n));
	return page;
}

void pv_rate_add(struct pv_rate *r, uint64_t sec, uint64_t n)
{
	struct page *page;
	uint64_t *c;
	bool older;

	if (r->hot.last && sec == r->hot.last_sec) {
		*r->hot.last = pv_add_sat(*r->hot.last, n);
		r->hot.total = pv_add_sat(r->hot.total, n);
		return;
	}
	if (!n)
		return;
	page = page_get(r, sec >> LG_PAGE, &older);
	if (!page && !older) {
		r->lost = pv_add_sat(r->lost, n);
		return;
	}
	r->hot.total = pv_add_sat(r->hot.total, n);
	if (!page) {
		fold(r, sec, n);
		return;
	}
	c = &page->n[sec % PV_RATE_PAGE_SECONDS];
	*c = pv_add_sat(*c, n);
	r->hot.last = c;
	r->hot.last_sec = sec;
}

int pv_rate_merge(struct pv_rate *dst, const struct pv_rate *src)
{
	uint64_t lost = src->lost, before = dst->lost;
	int failed = 0;

	if (is_folded(src)) {
		uint64_t sum = pv_exphist_sum_u64(src->folded);
		bool had = is_folded(dst);

		if (!dst->folded)
			dst->folded = pv_exphist_new();
		if (!dst->folded || pv_exphist_merge(dst->folded, src->folded)) {
			dst->lost = pv_add_sat(dst->lost, sum);
		} else {
			if (!had || src->folded_first < dst->folded_first)
				dst->folded_first = src->folded_first;
			if (!had || src->folded_last > dst->folded_last)
				dst->folded_last = src->folded_last;
			dst->hot.total = pv_add_sat(dst->hot.total, sum);
		}
	}
	/* Oldest first: a page meets its like before it is folded. */
	for (uint32_t i = 0; i < src->used; i++) {
		const struct page *from = src->pages[i];
		bool older;
		struct page *to = page_get(dst, from->base, &older);

		for (unsigned j = 0; j < PV_RATE_PAGE_SECONDS; j++) {
			uint64_t n = from->n[j];

			if (!n)
				continue;
			if (!to && !older) {
				dst->lost = pv_add_sat(dst->lost, n);
				continue;
			}
			dst->hot.total = pv_add_sat(dst->hot.total, n);
			if (to)
				to->n[j] = pv_add_sat(to->n[j], n);
			else
				fold(dst, from->base << LG_PAGE | j, n);
		}
	}
	if (dst->lost != before) {
		errno = ENOMEM;
		failed = -1;
	}
	dst->lost = pv_add_sat(dst->lost, lost);
	return failed;
}

uint64_t pv_rate_at(const struct pv_rate *r, uint64_t sec)
{
	uint32_t i = page_find(r, sec >> LG_PAGE);

	if (i == r->used || r->pages[i]->base != sec >> LG_PAGE)
		return 0;
	return r->pages[i]->n[sec % PV_RATE_PAGE_SECONDS];
}

uint64_t pv_rate_total(const struct pv_rate *r)
{
	return r->hot.total;
}

uint64_t pv_rate_lost(const struct pv_rate *r)
{
	return r->lost;
}

uint64_t pv_rate_folded(const struct pv_rate *r)
{
	return r->folded ? pv_exphist_count(r->folded) : 0;
}

/*
 * Copies the counts, but zeros, of the seconds start..end to out unless it is NULL; gives their number. */
static size_t collect(const struct pv_rate *r, uint64_t start_sec, uint64_t end_sec, uint64_t *out)
{
	size_t n = 0;

	for (uint32_t i = page_find(r, start_sec >> LG_PAGE); i < r->used; i++) {
		const struct page *page = r->pages[i];

		if (page->base > end_sec >> LG_PAGE)
			break;
		for (unsigned j = 0; j < PV_RATE_PAGE_SECONDS; j++) {
			uint64_t sec = page->base << LG_PAGE | j;

			if (!page->n[j] || sec < start_sec || sec > end_sec)
				continue;
			if (out)
				out[n] = page->n[j];
			n++;
		}
	}
	return n;
}

uint64_t pv_rate_seconds(const struct pv_rate *r)
{
	return pv_add_sat(pv_rate_folded(r), collect(r, 0, UINT64_MAX, NULL));
}

bool pv_rate_range(const struct pv_rate *r, uint64_t *first_sec, uint64_t *last_sec)
{
	bool any = is_folded(r);

	if (any) {
		*first_sec = r->folded_first;
		*last_sec = r->folded_last;
	}
	/* A page in use has a second that counted. */
	if (r->used) {
		const struct page *first = r->pages[0], *last = r->pages[r->used - 1];
		unsigned i = 0, j = PV_RATE_PAGE_SECONDS - 1;

		while (i < PV_RATE_PAGE_SECONDS - 1 && !first->n[i])
			i++;
		while (j && !last->n[j])
			j--;
		if (!any || (first->base << LG_PAGE | i) < *first_sec)
			*first_sec = first->base << LG_PAGE | i;
		if (!any || (last->base << LG_PAGE | j) > *last_sec)
			*last_sec = last->base << LG_PAGE | j;
		any = true;
	}
	return any;
}

/* The part, of at most room, of the folded seconds that start..end covers if they are spread evenly. */
static uint64_t folded_share(const struct pv_rate *r, uint64_t start_sec, uint64_t end_sec, uint64_t room)
{
	uint64_t first, last, share;
	pv_u128 covered, span;

	if (!is_folded(r))
		return 0;
	first = start_sec > r->folded_first ? start_sec : r->folded_first;
	last = end_sec < r->folded_last ? end_sec : r->folded_last;
	if (first > last)
		return 0;
	covered = (pv_u128)(last - first) + 1;
	span = (pv_u128)(r->folded_last - r->folded_first) + 1;
	share = covered == span ? pv_rate_folded(r) : (uint64_t)(pv_rate_folded(r) * covered / span);
	return share < room ? share : room;
}

/* The rank-th of v[0..n) (sorted) and share seconds distributed like the folded ones. */
static uint64_t mixed_rank(const struct pv_rate *r, const uint64_t *v, size_t n, uint64_t share,
			   uint64_t rank)
{
	struct pv_exphist_bucket b = PV_EXPHIST_BUCKETS;
	uint64_t all = pv_rate_folded(r), seen = 0, max = pv_exphist_max_u64(r->folded);
	size_t i = 0;

	while (share && pv_exphist_next(r->folded, &b)) {
		double bound = pv_exphist_bound(b.index), mid = bound / exp2(0.5 / PV_EXPHIST_SUB);
		uint64_t value = mid >= (double)max ? max : (uint64_t)(mid + 0.5);

		for (; i < n && v[i] <= value; i++)
			if (i + 1 + (uint64_t)((pv_u128)share * seen / all) >= rank)
				return v[i];
		seen = pv_add_sat(seen, b.count);
		if (i + (uint64_t)((pv_u128)share * seen / all) >= rank)
			return value;
	}
	for (; i < n; i++)
		if (i + 1 + share >= rank)
			return v[i];
	return max;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int pv_rate_quantiles(const struct pv_rate *r, uint64_t start_sec, uint64_t end_sec, const double q[],
		      uint64_t out[], size_t nq)
{
	uint64_t few[ON_STACK], *v = few, seconds, silent, share;
	size_t n;

	for (size_t i = 0; i < nq; i++)
		out[i] = 0;
	if (end_sec < start_sec)
		return 0;
	n = collect(r, start_sec, end_sec, NULL);
	if (n > ON_STACK) {
		v = malloc(sizeof(*v) * n);
		if (!v) {
			errno = ENOMEM;
			return -1;
		}
	}
	collect(r, start_sec, end_sec, v);
	qsort(v, n, sizeof(*v), compare_u64);
	seconds = pv_add_sat(end_sec - start_sec, 1);
	share = folded_share(r, start_sec, end_sec, seconds - n);
	silent = seconds - n - share;
	for (size_t i = 0; i < nq; i++) {
		uint64_t rank = pv_rank(q[i], seconds);

		if (rank <= silent)
			continue;
		rank -= silent;
		out[i] = share ? mixed_rank(r, v, n, share, rank) : v[rank - 1];
	}
	if (v != few)
		free(v);
	return 0;
}

/* Writes to p unless it is NULL; gives the size. */
static size_t image(const struct pv_rate *r, uint8_t *p)
{
	size_t size = 3 + pv_varint_size(r->used);
	uint64_t next = 0;

	if (p) {
		*p++ = IMAGE_MAGIC;
		*p++ = IMAGE_VERSION;
		*p++ = is_folded(r) ? FLAG_FOLDED : 0;
		p = pv_varint_put(p, r->used);
	}
	for (uint32_t i = 0; i < r->used; i++) {
		const struct page *page = r->pages[i];
		uint64_t bitmap = 0;

		size += pv_varint_size(page->base - next) + 8;
		for (unsigned j = 0; j < PV_RATE_PAGE_SECONDS; j++) {
			if (!page->n[j])
				continue;
			bitmap |= (uint64_t)1 << j;
			size += pv_varint_size(page->n[j]);
		}
		if (p) {
			p = pv_varint_put(p, page->base - next);
			pv_store_le64(p, bitmap);
			p += 8;
			for (unsigned j = 0; j < PV_RATE_PAGE_SECONDS; j++)
				if (page->n[j])
					p = pv_varint_put(p, page->n[j]);
		}
		next = page->base + 1;
	}
	if (is_folded(r)) {
		size_t inner = pv_exphist_image_size(r->folded);

		size += pv_varint_size(r->folded_first) + pv_varint_size(r->folded_last - r->folded_first) +
			pv_varint_size(inner) + inner;
		if (p) {
			p = pv_varint_put(p, r->folded_first);
			p = pv_varint_put(p, r->folded_last - r->folded_first);
			p = pv_varint_put(p, inner);
			pv_exphist_write(r->folded, p, inner);
		}
	}
	return size;
}

size_t pv_rate_image_size(const struct pv_rate *r)
{
	return image(r, NULL);
}

size_t pv_rate_write(const struct pv_rate *r, uint8_t *buf, size_t cap)
{
	size_t size = image(r, NULL);

	return cap < size ? 0 : image(r, buf);
}

/* 0, EINVAL or ENOMEM. */
static int read_pages(struct pv_rate *r, struct pv_wire_in *in, uint64_t pages)
{
	uint64_t next = 0;

	for (uint64_t i = 0; i < pages; i++) {
		uint64_t step = pv_wire_varint(in), bitmap;
		struct page *page;
		bool older;

		if (in->bad || step > (UINT64_MAX >> LG_PAGE) - next || (size_t)(in->end - in->p) < 8)
			return EINVAL;
		bitmap = pv_load_le64(in->p);
		in->p += 8;
		if (!bitmap)
			return EINVAL;
		page = page_get(r, next + step, &older);
		if (!page)
			return ENOMEM;
		next += step + 1;
		for (unsigned j = 0; j < PV_RATE_PAGE_SECONDS; j++) {
			if (!(bitmap >> j & 1))
				continue;
			page->n[j] = pv_wire_varint(in);
			if (!page->n[j])
				return EINVAL;
			r->hot.total = pv_add_sat(r->hot.total, page->n[j]);
		}
		/* The highest page there can be is the last. */
		if (next > UINT64_MAX >> LG_PAGE && i + 1 < pages)
			return EINVAL;
	}
	return 0;
}

static int read_folded(struct pv_rate *r, struct pv_wire_in *in)
{
	uint64_t first = pv_wire_varint(in), span = pv_wire_varint(in), size = pv_wire_varint(in);

	if (in->bad || span > UINT64_MAX - first || size != (uint64_t)(in->end - in->p))
		return EINVAL;
	r->folded = pv_exphist_read(in->p, (size_t)size);
	if (!r->folded)
		return errno;
	in->p = in->end;
	/* They are counts of seconds that counted. */
	if (!pv_exphist_count(r->folded) || pv_exphist_min(r->folded) < 1)
		return EINVAL;
	r->folded_first = first;
	r->folded_last = first + span;
	r->hot.total = pv_add_sat(r->hot.total, pv_exphist_sum_u64(r->folded));
	return 0;
}

struct pv_rate *pv_rate_read(const uint8_t *p, size_t n)
{
	struct pv_wire_in in = {p, p + n, false};
	struct pv_rate *r;
	uint64_t pages;
	uint8_t flags;
	int error;

	if (n < 4 || pv_wire_byte(&in) != IMAGE_MAGIC || pv_wire_byte(&in) != IMAGE_VERSION) {
		errno = EINVAL;
		return NULL;
	}
	r = pv_rate_new();
	if (!r)
		return NULL;
	flags = pv_wire_byte(&in);
	pages = pv_wire_varint(&in);
	error = in.bad || (flags & ~FLAG_FOLDED) || pages > PV_RATE_PAGES_MAX ? EINVAL : 0;
	if (!error)
		error = read_pages(r, &in, pages);
	if (!error && (flags & FLAG_FOLDED))
		error = read_folded(r, &in);
	if (!error && (in.bad || in.p != in.end))
		error = EINVAL;
	if (error) {
		pv_rate_free(r);
		errno = error;
		return NULL;
	}
	return r;
}

size_t pv_rate_memory(const struct pv_rate *r)
{
	return sizeof(*r) + r->alloc * sizeof(*r->pages) + r->have * sizeof(struct page) +
	       (r->folded ? pv_exphist_memory(r->folded) : 0);
}
