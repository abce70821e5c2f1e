/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Image, all numbers varints but for the first four bytes:
 *     0xE7, version 1, scale 7, flags (bit 0: fractions were added)
 *     count; nothing more if it is 0
 *     sum (units of 2^-32), min, max (units of 2^-64)
 *     zero count, number of non-empty buckets, and for each, ascending:
 *         index minus the one before it (the first: minus the lowest index, plus 1), count */
#include "sketch/exphist.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sketch/wire.h"

#define OCTAVES	      (PV_EXPHIST_OCTAVE_MAX - PV_EXPHIST_OCTAVE_MIN + 1)
#define INDEX_MIN     (PV_EXPHIST_OCTAVE_MIN * PV_EXPHIST_SUB)
#define INDEX_END     ((PV_EXPHIST_OCTAVE_MAX + 1) * PV_EXPHIST_SUB)
#define INDEX_WHOLE   (7 * PV_EXPHIST_SUB) /* below, values are at most 128 */
#define IMAGE_MAGIC   0xe7
#define IMAGE_VERSION 1
#define FLAG_FRACTION 0x01
#define FIXED_MAX     (~(pv_u128)0) /* 2^64, but for one unit of 2^-64 */

struct page {
	uint64_t n[PV_EXPHIST_SUB];
};

struct pv_exphist {
	uint64_t count, zero, lost;
	pv_u128 sum;	  /* units of 2^-32 */
	pv_u128 min, max; /* units of 2^-64; of no value while count is 0 */
	bool fraction;	  /* something that is no integer was added */
	struct page *pages[OCTAVES];
};

/* 2^63 * 2^(j/128), rounded down; no value above 2^63 lies on one, as they are irrational. */
static const uint64_t bounds[PV_EXPHIST_SUB + 1] = {
    0x8000000000000000, 0x80b1ed4fd999ab6c, 0x8164d1f3bc030773, 0x8218af4373fc25eb, 0x82cd8698ac2ba1d7,
    0x8383594eefb6ee36, 0x843a28c3acde4046, 0x84f1f656379c1a29, 0x85aac367cc487b14, 0x8664915b923fba03,
    0x871f61969e8d1010, 0x87db357ff698d791, 0x88980e8092da8527, 0x8955ee03618e5fdc, 0x8a14d575496efd9a,
    0x8ad4c6452c728924, 0x8b95c1e3ea8bd6e6, 0x8c57c9c4646f4ddd, 0x8d1adf5b7e5ba9e5, 0x8ddf042022e69cd5,
    0x8ea4398b45cd53c0, 0x8f6a8117e6c8e5c4, 0x9031dc431466b1dc, 0x90fa4c8beee4b12a, 0x91c3d373ab11c336,
    0x928e727d9531f9ac, 0x935a2b2f13e6e92b, 0x9426ff0fab1c04b6, 0x94f4efa8fef70961, 0x95c3fe86d6cc7fee,
    0x96942d3720185a00, 0x97657d49f17ab08e, 0x9837f0518db8a96f, 0x990b87e266c189a9, 0x99e0459320b7fa64,
    0x9ab62afc94ff864a, 0x9b8d39b9d54e5538, 0x9c6573682ec32c2d, 0x9d3ed9a72cffb750, 0x9e196e189d472420,
    0x9ef5326091a111ad, 0x9fd228256400dd05, 0xa0b0510fb9714fc2, 0xa18faeca8544b6e3, 0xa27043030c496818,
    0xa3520f68e802bb92, 0xa43515ae09e6809e, 0xa5195786be9ef339, 0xa5fed6a9b15138ea, 0xa6e594cfeee86b1d,
    0xa7cd93b4e9653569, 0xa8b6d5167b320e08, 0xa9a15ab4ea7c0ef8, 0xaa8d2652ec907629, 0xab7a39b5a93ed337,
    0xac6896a4be3fe929, 0xad583eea42a14ac6, 0xae493452ca35b80e, 0xaf3b78ad690a4374, 0xb02f0dcbb6e04583,
    0xb123f581d2ac258f, 0xb21a31a66618fe3b, 0xb311c412a9112489, 0xb40aaea2654b9840, 0xb504f333f9de6484,
    0xb60093a85ed5f76b, 0xb6fd91e328d17791, 0xb7fbefca8ca41e7c, 0xb8fbaf4762fb9ee9, 0xb9fcd2452c0b9dea,
    0xbaff5ab2133e45fb, 0xbc034a7ef2e9fb0c, 0xbd08a39f580c36be, 0xbe0f6809860993e2, 0xbf1799b67a731082,
    0xc0213aa1f0d08db0, 0xc12c4cca66709456, 0xc238d2311e3d6672, 0xc346ccda24976407, 0xc4563ecc5334cb32,
    0xc5672a115506dadd, 0xc67990b5aa245f79, 0xc78d74c8abb9b15c, 0xc8a2d85c8ffe2c45, 0xc9b9bd866e2f27a2,
    0xcad2265e4290774d, 0xcbec14fef2727c5c, 0xcd078b86503dcdd1, 0xce248c151f8480e3, 0xcf4318cf191918c1,
    0xd06333daef2b2594, 0xd184df6251699ac6, 0xd2a81d91f12ae45a, 0xd3ccf099859ac379, 0xd4f35aabcfedfa1f,
    0xd61b5dfe9f9bce06, 0xd744fccad69d6af4, 0xd870394c6db32c84, 0xd99d15c278afd7b5, 0xdacb946f2ac9cc71,
    0xdbfbb797daf23755, 0xdd2d818508324c20, 0xde60f4825e0e9123, 0xdf9612deb8f04420, 0xe0ccdeec2a94e111,
    0xe2055afffe83d368, 0xe33f8972be8a5a51, 0xe47b6ca0373da88d, 0xe5b906e77c8348a8, 0xe6f85aaaee1fce22,
    0xe8396a503c4bdc68, 0xe97c38406c4f8c56, 0xeac0c6e7dd24392e, 0xec0718b64c1cbddc, 0xed4f301ed9942b84,
    0xee990f980da3025b, 0xefe4b99bdcdaf5cb, 0xf13230a7ad094509, 0xf281773c59ffb139, 0xf3d28fde3a641a5a,
    0xf5257d152486cc2c, 0xf67a416c733f846d, 0xf7d0df730ad13bb8, 0xf92959bb5dd4ba74, 0xfa83b2db722a033a,
    0xfbdfed6ce5f09c48, 0xfd3e0c0cf486c174, 0xfe9e115c7b8f884b, UINT64_MAX,
};

/* The bucket, within its octave, of the first value in each 256th of the octave. */
static const uint8_t guess[256] = {
    0,	 0,   1,   2,	2,   3,	  4,   4,   5,	 6,   7,   7,	8,   9,	  9,   10,  11,	 11,  12,  13,
    13,	 14,  15,  15,	16,  17,  17,  18,  19,	 19,  20,  21,	21,  22,  23,  23,  24,	 24,  25,  26,
    26,	 27,  28,  28,	29,  29,  30,  31,  31,	 32,  32,  33,	34,  34,  35,  35,  36,	 37,  37,  38,
    38,	 39,  40,  40,	41,  41,  42,  42,  43,	 44,  44,  45,	45,  46,  46,  47,  48,	 48,  49,  49,
    50,	 50,  51,  51,	52,  52,  53,  54,  54,	 55,  55,  56,	56,  57,  57,  58,  58,	 59,  59,  60,
    60,	 61,  61,  62,	62,  63,  63,  64,  64,	 65,  66,  66,	67,  67,  68,  68,  69,	 69,  70,  70,
    70,	 71,  71,  72,	72,  73,  73,  74,  74,	 75,  75,  76,	76,  77,  77,  78,  78,	 79,  79,  80,
    80,	 81,  81,  81,	82,  82,  83,  83,  84,	 84,  85,  85,	86,  86,  86,  87,  87,	 88,  88,  89,
    89,	 90,  90,  90,	91,  91,  92,  92,  93,	 93,  94,  94,	94,  95,  95,  96,  96,	 97,  97,  97,
    98,	 98,  99,  99,	100, 100, 100, 101, 101, 102, 102, 102, 103, 103, 104, 104, 104, 105, 105, 106,
    106, 107, 107, 107, 108, 108, 109, 109, 109, 110, 110, 111, 111, 111, 112, 112, 112, 113, 113, 114,
    114, 114, 115, 115, 116, 116, 116, 117, 117, 117, 118, 118, 119, 119, 119, 120, 120, 121, 121, 121,
    122, 122, 122, 123, 123, 123, 124, 124, 125, 125, 125, 126, 126, 126, 127, 127,
};

struct pv_exphist *pv_exphist_new(void)
{
	struct pv_exphist *h = calloc(1, sizeof(*h));

	if (!h)
		errno = ENOMEM;
	return h;
}

void pv_exphist_free(struct pv_exphist *h)
{
	if (!h)
		return;
	for (int i = 0; i < OCTAVES; i++)
		free(h->pages[i]);
	free(h);
}

/* The bucket of m * 2^(octave - 63), m having its top bit set. */
static inline int index_of(int octave, uint64_t m)
{
	unsigned j;

	/* Buckets include their upper end: a power of two ends the octave below. */
	if (m == (uint64_t)1 << 63)
		return octave * PV_EXPHIST_SUB - 1;
	/* In each 256th of an octave begins at most one bucket. */
	j = guess[m >> 55 & 0xff];
	j += m > bounds[j + 1];
	return octave * PV_EXPHIST_SUB + (int)j;
}

int pv_exphist_index_u64(uint64_t v)
{
	int zeros;

	if (!v)
		return INDEX_MIN;
	zeros = __builtin_clzll(v);
	return index_of(63 - zeros, v << zeros);
}

/* The bucket of a value in units of 2^-64; INDEX_MIN - 1 for the zero bucket. */
static int index_fixed(pv_u128 fixed)
{
	uint64_t hi = (uint64_t)(fixed >> 64), lo = (uint64_t)fixed;
	int zeros;
	pv_u128 m;

	if (fixed <= (pv_u128)1 << 32)
		return INDEX_MIN - 1;
	zeros = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll(lo);
	m = fixed << zeros;
	/* Bits below the 64 matter only right at a bound, where they make it more. */
	if ((uint64_t)m && (uint64_t)(m >> 64) != UINT64_MAX)
		m += (pv_u128)1 << 64;
	return index_of(63 - zeros, (uint64_t)(m >> 64));
}

/* v in units of 2^-64, rounded down; not negative, not NaN. */
static pv_u128 to_fixed(double v)
{
	uint64_t whole;

	if (v >= 0x1p64)
		return FIXED_MAX;
	whole = (uint64_t)v;
	return (pv_u128)whole << 64 | (uint64_t)((v - (double)whole) * 0x1p64);
}

int pv_exphist_index_double(double v)
{
	int index = index_fixed(v > 0 ? to_fixed(v) : 0);

	return index < INDEX_MIN ? INDEX_MIN : index;
}

double pv_exphist_bound(int index)
{
	int octave = index >= 0 ? index / PV_EXPHIST_SUB : -((-index + PV_EXPHIST_SUB - 1) / PV_EXPHIST_SUB);
	unsigned j = (unsigned)(index - octave * PV_EXPHIST_SUB) + 1;

	if (j == PV_EXPHIST_SUB)
		return ldexp(1, octave + 1);
	return ldexp((double)bounds[j], octave - 63);
}

static uint64_t *cell(struct pv_exphist *h, int index)
{
	unsigned at = (unsigned)(index - INDEX_MIN);
	struct page **page = &h->pages[at / PV_EXPHIST_SUB];

	if (!*page) {
		*page = calloc(1, sizeof(**page));
		if (!*page)
			return NULL;
	}
	return &(*page)->n[at % PV_EXPHIST_SUB];
}

/* n values of fixed (units of 2^-64), in the bucket of that index unless zero, that add up to sum. */
static inline void add(struct pv_exphist *h, bool zero, int index, pv_u128 fixed, pv_u128 sum, uint64_t n)
{
	uint64_t *c = zero ? &h->zero : cell(h, index);

	if (!c) {
		h->lost = pv_add_sat(h->lost, n);
		return;
	}
	*c = pv_add_sat(*c, n);
	if (!h->count || fixed < h->min)
		h->min = fixed;
	if (!h->count || fixed > h->max)
		h->max = fixed;
	h->count = pv_add_sat(h->count, n);
	h->sum = pv_add_sat128(h->sum, sum);
}

void pv_exphist_add_u64(struct pv_exphist *h, uint64_t v)
{
	add(h, !v, pv_exphist_index_u64(v), (pv_u128)v << 64, (pv_u128)v << 32, 1);
}

void pv_exphist_add_n(struct pv_exphist *h, uint64_t v, uint64_t n)
{
	pv_u128 sum = (pv_u128)v * n;

	if (n)
		add(h, !v, pv_exphist_index_u64(v), (pv_u128)v << 64, sum >> 96 ? FIXED_MAX : sum << 32, n);
}

void pv_exphist_add_double(struct pv_exphist *h, double v)
{
	pv_u128 fixed = v > 0 ? to_fixed(v) : 0, sum;
	int index = index_fixed(fixed);

	if ((uint64_t)fixed)
		h->fraction = true;
	/* Rounded per value, so that the sum does not depend on order. */
	sum = pv_add_sat128(fixed, (pv_u128)1 << 31) >> 32;
	add(h, index < INDEX_MIN, index, fixed, sum, 1);
}

int pv_exphist_merge(struct pv_exphist *dst, const struct pv_exphist *src)
{
	uint64_t zero = src->zero, count = src->count, lost = src->lost;
	pv_u128 sum = src->sum;

	/* All the memory first, so that there is no way back to need. */
	for (int i = 0; i < OCTAVES; i++)
		if (src->pages[i] && !dst->pages[i] && !cell(dst, INDEX_MIN + i * PV_EXPHIST_SUB)) {
			errno = ENOMEM;
			return -1;
		}
	for (int i = 0; i < OCTAVES; i++) {
		if (!src->pages[i])
			continue;
		for (int j = 0; j < PV_EXPHIST_SUB; j++)
			dst->pages[i]->n[j] = pv_add_sat(dst->pages[i]->n[j], src->pages[i]->n[j]);
	}
	if (count && (!dst->count || src->min < dst->min))
		dst->min = src->min;
	if (count && (!dst->count || src->max > dst->max))
		dst->max = src->max;
	dst->zero = pv_add_sat(dst->zero, zero);
	dst->count = pv_add_sat(dst->count, count);
	dst->lost = pv_add_sat(dst->lost, lost);
	dst->sum = pv_add_sat128(dst->sum, sum);
	dst->fraction |= src->fraction;
	return 0;
}

uint64_t pv_exphist_count(const struct pv_exphist *h)
{
	return h->count;
}

uint64_t pv_exphist_zero_count(const struct pv_exphist *h)
{
	return h->zero;
}

uint64_t pv_exphist_lost(const struct pv_exphist *h)
{
	return h->lost;
}

static double from_fixed(pv_u128 fixed)
{
	return (double)(uint64_t)(fixed >> 64) + (double)(uint64_t)fixed * 0x1p-64;
}

static uint64_t to_nearest(pv_u128 fixed)
{
	uint64_t whole = (uint64_t)(fixed >> 64);

	return (uint64_t)fixed >> 63 && whole != UINT64_MAX ? whole + 1 : whole;
}

double pv_exphist_sum(const struct pv_exphist *h)
{
	return (double)(h->sum >> 32) + (double)(uint32_t)h->sum * 0x1p-32;
}

uint64_t pv_exphist_sum_u64(const struct pv_exphist *h)
{
	return h->sum >> 96 ? UINT64_MAX : (uint64_t)(h->sum >> 32);
}

double pv_exphist_min(const struct pv_exphist *h)
{
	return h->count ? from_fixed(h->min) : 0;
}

double pv_exphist_max(const struct pv_exphist *h)
{
	return h->count ? from_fixed(h->max) : 0;
}

uint64_t pv_exphist_min_u64(const struct pv_exphist *h)
{
	return h->count ? to_nearest(h->min) : 0;
}

uint64_t pv_exphist_max_u64(const struct pv_exphist *h)
{
	return h->count ? to_nearest(h->max) : 0;
}

bool pv_exphist_next(const struct pv_exphist *h, struct pv_exphist_bucket *b)
{
	for (int i = b->index + 1; i < INDEX_END;) {
		unsigned at = (unsigned)(i - INDEX_MIN);
		const struct page *page = h->pages[at / PV_EXPHIST_SUB];

		if (!page) {
			i += PV_EXPHIST_SUB - (int)(at % PV_EXPHIST_SUB);
			continue;
		}
		if (page->n[at % PV_EXPHIST_SUB]) {
			b->index = i;
			b->count = page->n[at % PV_EXPHIST_SUB];
			return true;
		}
		i++;
	}
	return false;
}

/* What a value in bucket index is taken for: at most 2^(1/256) - 1 = 0.271 % off either end. */
static double middle(const struct pv_exphist *h, int index)
{
	double lo = pv_exphist_bound(index - 1), hi = pv_exphist_bound(index), mid = 2 * lo * hi / (lo + hi);

	/* No such bucket has room for two integers. */
	if (!h->fraction && index < INDEX_WHOLE)
		mid = round(mid);
	return mid;
}

/*
 * The value of that rank. Where it is the minimum's or the maximum's rank it is exactly that, in exact.
 * Returns whether exact is set. */
static bool quantile(const struct pv_exphist *h, double q, double *value, pv_u128 *exact)
{
	struct pv_exphist_bucket b = PV_EXPHIST_BUCKETS;
	uint64_t rank, seen;
	double v = 0;

	*exact = 0;
	if (!h->count)
		return true;
	rank = pv_rank(q, h->count);
	*exact = h->min;
	if (rank == 1)
		return true;
	*exact = h->max;
	if (rank == h->count)
		return true;
	seen = h->zero;
	if (seen < rank) {
		while (seen < rank && pv_exphist_next(h, &b))
			seen = pv_add_sat(seen, b.count);
		v = middle(h, b.index);
	}
	*exact = h->min;
	if (v <= from_fixed(h->min))
		return true;
	*exact = h->max;
	if (v >= from_fixed(h->max))
		return true;
	*value = v;
	return false;
}

double pv_exphist_quantile(const struct pv_exphist *h, double q)
{
	pv_u128 exact;
	double v;

	return quantile(h, q, &v, &exact) ? from_fixed(exact) : v;
}

uint64_t pv_exphist_quantile_u64(const struct pv_exphist *h, double q)
{
	pv_u128 exact;
	double v;

	if (quantile(h, q, &v, &exact))
		return to_nearest(exact);
	return v >= 0x1p64 ? UINT64_MAX : (uint64_t)(v + 0.5);
}

/* Writes to p unless it is NULL; gives the size. */
static size_t image(const struct pv_exphist *h, uint8_t *p)
{
	struct pv_exphist_bucket b = PV_EXPHIST_BUCKETS;
	const pv_u128 head[] = {h->count, h->sum, h->min, h->max, h->zero};
	size_t size = 4, buckets = 0;
	int last = INDEX_MIN - 1;

	if (p) {
		*p++ = IMAGE_MAGIC;
		*p++ = IMAGE_VERSION;
		*p++ = PV_EXPHIST_SCALE;
		*p++ = h->fraction ? FLAG_FRACTION : 0;
	}
	for (size_t i = 0; i < (h->count ? sizeof(head) / sizeof(head[0]) : 1); i++) {
		size += pv_varint_size(head[i]);
		if (p)
			p = pv_varint_put(p, head[i]);
	}
	if (!h->count)
		return size;
	while (pv_exphist_next(h, &b))
		buckets++;
	size += pv_varint_size(buckets);
	if (p)
		p = pv_varint_put(p, buckets);
	b = (struct pv_exphist_bucket)PV_EXPHIST_BUCKETS;
	while (pv_exphist_next(h, &b)) {
		unsigned step = (unsigned)(b.index - last);

		last = b.index;
		size += pv_varint_size(step) + pv_varint_size(b.count);
		if (p) {
			p = pv_varint_put(p, step);
			p = pv_varint_put(p, b.count);
		}
	}
	return size;
}

size_t pv_exphist_image_size(const struct pv_exphist *h)
{
	return image(h, NULL);
}

size_t pv_exphist_write(const struct pv_exphist *h, uint8_t *buf, size_t cap)
{
	size_t size = image(h, NULL);

	return cap < size ? 0 : image(h, buf);
}

struct pv_exphist *pv_exphist_read(const uint8_t *p, size_t n)
{
	struct pv_wire_in in = {p, p + n, false};
	struct pv_exphist *h;
	uint64_t buckets, seen;
	int first = INDEX_MIN - 1, last = INDEX_MIN - 1;
	uint8_t flags;

	if (n < 4 || pv_wire_byte(&in) != IMAGE_MAGIC || pv_wire_byte(&in) != IMAGE_VERSION ||
	    pv_wire_byte(&in) != PV_EXPHIST_SCALE) {
		errno = EINVAL;
		return NULL;
	}
	h = pv_exphist_new();
	if (!h)
		return NULL;
	flags = pv_wire_byte(&in);
	if (flags & ~FLAG_FRACTION)
		goto invalid;
	h->fraction = flags & FLAG_FRACTION;
	h->count = pv_wire_varint(&in);
	if (!h->count) {
		if (in.bad || in.p != in.end || flags)
			goto invalid;
		return h;
	}
	h->sum = pv_wire_varint128(&in);
	h->min = pv_wire_varint128(&in);
	h->max = pv_wire_varint128(&in);
	h->zero = pv_wire_varint(&in);
	buckets = pv_wire_varint(&in);
	/* Each bucket has at least two bytes. */
	if (in.bad || h->min > h->max || buckets > (uint64_t)(in.end - in.p) / 2)
		goto invalid;
	seen = h->zero;
	for (uint64_t i = 0; i < buckets; i++) {
		uint64_t step = pv_wire_varint(&in), count = pv_wire_varint(&in);
		uint64_t *c;

		if (in.bad || !step || !count || step > (uint64_t)(INDEX_END - 1 - last))
			goto invalid;
		last += (int)step;
		if (!i && !h->zero)
			first = last;
		c = cell(h, last);
		if (!c) {
			pv_exphist_free(h);
			errno = ENOMEM;
			return NULL;
		}
		*c = count;
		seen = pv_add_sat(seen, count);
	}
	if (in.bad || in.p != in.end || seen != h->count)
		goto invalid;
	/* Minimum and maximum are in the outermost buckets, and only fractions make fractions. */
	if (index_fixed(h->min) != first || index_fixed(h->max) != last)
		goto invalid;
	if (!h->fraction && ((uint64_t)h->min || (uint64_t)h->max || (uint32_t)h->sum) && ~h->sum)
		goto invalid;
	return h;
invalid:
	pv_exphist_free(h);
	errno = EINVAL;
	return NULL;
}

size_t pv_exphist_memory(const struct pv_exphist *h)
{
	size_t size = sizeof(*h);

	for (int i = 0; i < OCTAVES; i++)
		if (h->pages[i])
			size += sizeof(*h->pages[i]);
	return size;
}
