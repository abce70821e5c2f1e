/* SPDX-License-Identifier: MPL-2.0 */
#include "sketch/hll.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sketch/hll_tables.h"
#include "sketch/murmur3.h"
#include "sketch/wire.h"

/* A coupon: 6 bits of value (1..63) above 26 bits of address. */
#define ADDR_BITS 26
#define ADDR_MASK ((1u << ADDR_BITS) - 1)
#define VALUE_MAX 63u

/* The image format's constants; the mode changes are part of it, since images show the mode. */
#define LIST_SLOTS	8u
#define LG_LIST		3u
#define LG_SET_MIN	5u
#define LG_SET_FIRST	9u
#define LG_K_SETLESS	8u /* below, a full list goes straight to registers */
#define SER_VER		1
#define FAMILY		7
#define LIST_PRE	2
#define SET_PRE		3
#define DENSE_PRE	10
#define LIST_HEAD	8u
#define SET_HEAD	12u
#define DENSE_HEAD	40u
#define FLAG_BIG_ENDIAN 0x01
#define FLAG_EMPTY	0x04
#define FLAG_COMPACT	0x08
#define FLAG_DISORDER	0x10
#define FLAGS_UNKNOWN	0xc0
#define TYPE_HLL4	0u
#define TYPE_HLL6	1u
#define TYPE_HLL8	2u
#define HLL4_EXCEPTION	15u
#define HLL4_UNRESOLVED 0xffu

enum mode { LIST, SET, DENSE };

struct pv_hll {
	enum mode mode;
	unsigned lg_k;
	bool disorder;	/* registers were merged: hip means nothing */
	uint32_t count; /* coupons, in list and set mode */
	uint32_t list[LIST_SLOTS];
	unsigned lg_set;       /* of the set in use ... */
	unsigned lg_set_alloc; /* ... and of the memory behind it; 0 is none */
	uint32_t *set;
	uint8_t *regs; /* 2^lg_k; may exist while not in use */
	/*
	 * Dense mode. Sums of 2^-register are sums of powers of two that fit a double: exact, so order-
	 * free. */
	uint32_t zeros;
	double sum_lo, sum_hi; /* registers below 32, and the others */
	double hip;
	uint64_t lost;
};

static const double pow2_neg[VALUE_MAX + 1] = {
    0x1p-0,  0x1p-1,  0x1p-2,  0x1p-3,	0x1p-4,	 0x1p-5,  0x1p-6,  0x1p-7,  0x1p-8,  0x1p-9,  0x1p-10,
    0x1p-11, 0x1p-12, 0x1p-13, 0x1p-14, 0x1p-15, 0x1p-16, 0x1p-17, 0x1p-18, 0x1p-19, 0x1p-20, 0x1p-21,
    0x1p-22, 0x1p-23, 0x1p-24, 0x1p-25, 0x1p-26, 0x1p-27, 0x1p-28, 0x1p-29, 0x1p-30, 0x1p-31, 0x1p-32,
    0x1p-33, 0x1p-34, 0x1p-35, 0x1p-36, 0x1p-37, 0x1p-38, 0x1p-39, 0x1p-40, 0x1p-41, 0x1p-42, 0x1p-43,
    0x1p-44, 0x1p-45, 0x1p-46, 0x1p-47, 0x1p-48, 0x1p-49, 0x1p-50, 0x1p-51, 0x1p-52, 0x1p-53, 0x1p-54,
    0x1p-55, 0x1p-56, 0x1p-57, 0x1p-58, 0x1p-59, 0x1p-60, 0x1p-61, 0x1p-62, 0x1p-63,
};

static inline size_t registers(unsigned lg_k)
{
	return (size_t)1 << lg_k;
}

/* The most coupons held before the sketch turns dense. */
static uint32_t coupons_max(unsigned lg_k)
{
	return lg_k < LG_K_SETLESS ? LIST_SLOTS - 1 : 3u << (lg_k - 3) >> 2;
}

/* The set size (as a power) that so many coupons have in an image. */
static unsigned lg_set_for(uint32_t count)
{
	unsigned lg = LG_SET_MIN;

	while (4 * (uint64_t)count > (uint64_t)3 << lg)
		lg++;
	return lg;
}

struct pv_hll *pv_hll_new(unsigned lg_k)
{
	struct pv_hll *h;

	if (lg_k < PV_HLL_LG_K_MIN || lg_k > PV_HLL_LG_K_MAX) {
		errno = EINVAL;
		return NULL;
	}
	h = calloc(1, sizeof(*h));
	if (!h) {
		errno = ENOMEM;
		return NULL;
	}
	h->lg_k = lg_k;
	return h;
}

void pv_hll_free(struct pv_hll *h)
{
	if (!h)
		return;
	free(h->set);
	free(h->regs);
	free(h);
}

/* The slot of coupon c, or the empty slot where it belongs. */
static uint32_t set_find(const uint32_t *set, unsigned lg, uint32_t c)
{
	uint32_t mask = (1u << lg) - 1;
	uint32_t i = (c * 0x9e3779b1u) >> (32 - lg);

	while (set[i] && set[i] != c)
		i = (i + 1) & mask;
	return i;
}

/*
 * Makes room in the set for so many coupons, keeping those it has (or those of the list). The first set is
 * as large as one of the default lg_k ever gets, and is reused after a reset, so that periods that look
 * alike allocate nothing. */
static int set_reserve(struct pv_hll *h, uint32_t count)
{
	unsigned lg = lg_set_for(count);
	const uint32_t *from = h->mode == SET ? h->set : h->list;
	size_t n = h->mode == SET ? (size_t)1 << h->lg_set : h->count;
	uint32_t *set;

	if (lg < LG_SET_FIRST)
		lg = h->lg_k - 3 < LG_SET_FIRST ? h->lg_k - 3 : LG_SET_FIRST;
	if (h->mode == LIST && h->lg_set_alloc >= lg) {
		lg = h->lg_set_alloc;
		set = h->set;
		memset(set, 0, sizeof(*set) << lg);
	} else {
		set = calloc((size_t)1 << lg, sizeof(*set));
		if (!set)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		if (from[i])
			set[set_find(set, lg, from[i])] = from[i];
	if (set != h->set) {
		free(h->set);
		h->set = set;
		h->lg_set_alloc = lg;
	}
	h->lg_set = lg;
	h->mode = SET;
	return 0;
}

static inline void dense_add(struct pv_hll *h, uint32_t c)
{
	uint8_t *reg = &h->regs[c & (uint32_t)(registers(h->lg_k) - 1)];
	uint8_t value = (uint8_t)(c >> ADDR_BITS);
	uint8_t old = *reg;

	if (value <= old)
		return;
	h->hip += (double)registers(h->lg_k) / (h->sum_lo + h->sum_hi);
	if (old == 0)
		h->zeros--;
	*(old < 32 ? &h->sum_lo : &h->sum_hi) -= pow2_neg[old];
	*(value < 32 ? &h->sum_lo : &h->sum_hi) += pow2_neg[value];
	*reg = value;
}

/* Cubic through four points, by Lagrange. */
static double cubic(const double x[4], const double y[4], double at)
{
	double sum = 0;

	for (int i = 0; i < 4; i++) {
		double num = 1, den = 1;

		for (int j = 0; j < 4; j++) {
			if (j == i)
				continue;
			num *= at - x[j];
			den *= x[i] - x[j];
		}
		sum += y[i] * num / den;
	}
	return sum;
}

/* The largest i with x[i] <= at, for x[0] <= at < x[n - 1]. */
static size_t straddle(const double *x, size_t n, double at)
{
	size_t lo = 0, hi = n - 1;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (x[mid] <= at)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Coupons are 26 bits of address, so a few keys share one; this undoes it. */
static double coupon_estimate(uint32_t count)
{
	/* Distinct coupons, and the keys that give them; far enough for the largest set (196 608). */
	static const double x[] = {0, 1, 20, 400, 8000, 160000, 300000, 600000};
	static const double y[] = {0,
				   1,
				   20.0000009437402611,
				   400.0003963713384110,
				   8000.1589294602090376,
				   160063.6067763759638183,
				   300223.7071597663452849,
				   600895.5933856170158833};
	size_t i = straddle(x, sizeof(x) / sizeof(x[0]), count);
	double e;

	if (i)
		i--;
	e = cubic(x + i, y + i, count);
	return e > count ? e : count;
}

static int regs_reserve(struct pv_hll *h)
{
	if (!h->regs)
		h->regs = malloc(registers(h->lg_k));
	return h->regs ? 0 : -1;
}

/* Registers exist; turns the coupons into them. */
static void to_dense(struct pv_hll *h)
{
	const uint32_t *from = h->mode == SET ? h->set : h->list;
	size_t n = h->mode == SET ? (size_t)1 << h->lg_set : h->count;

	memset(h->regs, 0, registers(h->lg_k));
	h->zeros = (uint32_t)registers(h->lg_k);
	h->sum_lo = (double)registers(h->lg_k);
	h->sum_hi = 0;
	h->mode = DENSE;
	for (size_t i = 0; i < n; i++)
		if (from[i])
			dense_add(h, from[i]);
}

/* One more coupon than list or set may hold: makes room and puts it there. */
static void promote_add(struct pv_hll *h, uint32_t c)
{
	uint32_t count = h->count + 1;
	double hip;

	if (count <= coupons_max(h->lg_k)) {
		if (set_reserve(h, count)) {
			h->lost++;
			return;
		}
		h->set[set_find(h->set, h->lg_set, c)] = c;
		h->count = count;
		return;
	}
	if (regs_reserve(h)) {
		h->lost++;
		return;
	}
	hip = coupon_estimate(count);
	to_dense(h);
	dense_add(h, c);
	h->hip = hip;
}

static void sparse_add(struct pv_hll *h, uint32_t c)
{
	if (h->mode == LIST) {
		for (uint32_t i = 0; i < h->count; i++)
			if (h->list[i] == c)
				return;
		if (h->count < LIST_SLOTS - 1) {
			h->list[h->count++] = c;
			return;
		}
	} else {
		uint32_t i = set_find(h->set, h->lg_set, c);

		if (h->set[i])
			return;
		if (4 * ((uint64_t)h->count + 1) <= (uint64_t)3 << h->lg_set) {
			h->set[i] = c;
			h->count++;
			return;
		}
	}
	promote_add(h, c);
}

static inline void coupon_add(struct pv_hll *h, uint32_t c)
{
	if (h->mode == DENSE)
		dense_add(h, c);
	else
		sparse_add(h, c);
}

static inline uint32_t coupon_of(struct pv_hash128 hash)
{
	unsigned zeros = hash.h2 ? (unsigned)__builtin_clzll(hash.h2) : 64;

	if (zeros > VALUE_MAX - 1)
		zeros = VALUE_MAX - 1;
	return (zeros + 1) << ADDR_BITS | ((uint32_t)hash.h1 & ADDR_MASK);
}

void pv_hll_add(struct pv_hll *h, const void *bytes, size_t n)
{
	if (n)
		coupon_add(h, coupon_of(pv_murmur3_128(bytes, n, PV_MURMUR3_SEED)));
}

void pv_hll_add_u64(struct pv_hll *h, uint64_t v)
{
	uint8_t bytes[8];

	pv_store_le64(bytes, v);
	coupon_add(h, coupon_of(pv_murmur3_128(bytes, sizeof(bytes), PV_MURMUR3_SEED)));
}

/* The n-th harmonic number. */
static double harmonic(uint32_t n)
{
	double x = n, inv = 1 / (x * x), sum = 0;

	if (n < 25) {
		for (uint32_t i = 1; i <= n; i++)
			sum += 1.0 / i;
		return sum;
	}
	return log(x) + 0.577215664901532860606512090082 + 1 / (2 * x) -
	       inv * (1.0 / 12 - inv * (1.0 / 120 - inv * (1.0 / 252 - inv / 240)));
}

/* Keys that hit all but so many of the k registers: the mean of the coupon collector. */
static double linear_estimate(const struct pv_hll *h)
{
	double k = (double)registers(h->lg_k);

	if (!h->zeros)
		return k * log(k / 0.5);
	return k * (harmonic((uint32_t)registers(h->lg_k)) - harmonic(h->zeros));
}

/* Point i of the bias curve. */
static double bias_x(unsigned lg_k, size_t i)
{
	if (lg_k <= 12)
		return pv_hll_x[lg_k - PV_HLL_LG_K_MIN][i];
	return (double)registers(lg_k) * pv_hll_x_slope[i] + pv_hll_x_offset[i];
}

static double bias_stride(unsigned lg_k)
{
	static const uint8_t small[] = {1, 2, 3};

	return lg_k < 7 ? small[lg_k - PV_HLL_LG_K_MIN] : (double)(5u << (lg_k - 7));
}

/* The number of keys whose expected raw estimate is raw. */
static double unbias(unsigned lg_k, double raw)
{
	double stride = bias_stride(lg_k), last = bias_x(lg_k, PV_HLL_X_LEN - 1);
	size_t lo = 0, hi = PV_HLL_X_LEN - 1, from;
	double x[4], y[4];

	if (raw < bias_x(lg_k, 0))
		return 0;
	if (raw >= last)
		return raw * (stride * (PV_HLL_X_LEN - 1) / last);
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (bias_x(lg_k, mid) <= raw)
			lo = mid;
		else
			hi = mid;
	}
	from = lo ? lo - 1 : 0;
	if (from > PV_HLL_X_LEN - 4)
		from = PV_HLL_X_LEN - 4;
	for (size_t i = 0; i < 4; i++) {
		x[i] = bias_x(lg_k, from + i);
		y[i] = stride * (double)(from + i);
	}
	return cubic(x, y, raw);
}

static double composite_estimate(const struct pv_hll *h)
{
	double k = (double)registers(h->lg_k);
	double alpha, adjusted, linear, crossover;

	switch (h->lg_k) {
	case 4:
		alpha = 0.673;
		break;
	case 5:
		alpha = 0.697;
		break;
	case 6:
		alpha = 0.709;
		break;
	default:
		alpha = 0.7213 / (1.0 + 1.079 / k);
	}
	adjusted = unbias(h->lg_k, alpha * k * k / (h->sum_lo + h->sum_hi));
	/*
	 * Linear counting is wild when few registers are untouched; so is nothing else at three keys a
	 * register. */
	if (adjusted > 3 * k)
		return adjusted;
	linear = linear_estimate(h);
	/* Deciding by the mean of both favours neither. */
	crossover = h->lg_k == 4 ? 0.718 : h->lg_k == 5 ? 0.672 : 0.64;
	return (adjusted + linear) / 2 > crossover * k ? adjusted : linear;
}

double pv_hll_estimate(const struct pv_hll *h)
{
	return h->mode == DENSE ? composite_estimate(h) : coupon_estimate(h->count);
}

double pv_hll_estimate_hip(const struct pv_hll *h)
{
	return h->mode == DENSE && !h->disorder ? h->hip : pv_hll_estimate(h);
}

void pv_hll_bounds(const struct pv_hll *h, bool hip, double *lower, double *upper)
{
	/* Relative errors at the 97.7 % and 2.3 % quantiles, measured by DataSketches for lg_k 4..12. */
	static const double errors[4][9] = {
	    {0.502865572, 0.335426881, 0.227683872, 0.156781585, 0.108783763, 0.075727545, 0.053145536,
	     0.037266176, 0.02613829},
	    {-0.355574279, -0.262390832, -0.191503663, -0.138513438, -0.099703123, -0.07138158, -0.050854296,
	     -0.036121138, -0.025572893},
	    {0.682266712, 0.443389054, 0.295782195, 0.201175925, 0.138523393, 0.095925072, 0.067009668,
	     0.046868565, 0.032825719},
	    {-0.411905944, -0.310275547, -0.230142294, -0.16834013, -0.122045231, -0.08784505, -0.062897613,
	     -0.044875401, -0.031827816},
	};
	double e, lo, hi, floor_count;

	if (h->mode != DENSE) {
		e = coupon_estimate(h->count);
		lo = 2 * 0.409 / 8192; /* chance of two keys sharing a coupon, near the largest set */
		hi = -lo;
		floor_count = h->count;
	} else {
		bool use_hip = hip && !h->disorder;
		unsigned row = use_hip ? 0 : 2;

		e = use_hip ? h->hip : composite_estimate(h);
		if (h->lg_k <= 12) {
			lo = errors[row][h->lg_k - PV_HLL_LG_K_MIN];
			hi = errors[row + 1][h->lg_k - PV_HLL_LG_K_MIN];
		} else {
			lo = 2 * (use_hip ? sqrt(M_LN2) : sqrt(3 * M_LN2 - 1)) /
			     sqrt((double)registers(h->lg_k));
			hi = -lo;
		}
		floor_count = (double)registers(h->lg_k) - h->zeros;
	}
	lo = e / (1 + lo);
	*lower = lo > floor_count ? lo : floor_count;
	*upper = e / (1 + hi);
}

uint64_t pv_hll_lost(const struct pv_hll *h)
{
	return h->lost;
}

/* Makes everything that follows from the registers. */
static void dense_derive(struct pv_hll *h)
{
	uint32_t n[VALUE_MAX + 1] = {0};
	size_t k = registers(h->lg_k);

	for (size_t i = 0; i < k; i++)
		n[h->regs[i]]++;
	h->zeros = n[0];
	h->sum_lo = 0;
	h->sum_hi = 0;
	for (unsigned v = 0; v < 32; v++)
		h->sum_lo += n[v] * pow2_neg[v];
	for (unsigned v = 32; v <= VALUE_MAX; v++)
		h->sum_hi += n[v] * pow2_neg[v];
}

/* dst[i mod its size] = max of it and src[i]. */
static void fold_registers(uint8_t *dst, unsigned lg_dst, const uint8_t *src, unsigned lg_src)
{
	size_t k = registers(lg_dst);

	for (size_t at = 0; at < registers(lg_src); at += k)
		for (size_t i = 0; i < k; i++)
			dst[i] = dst[i] > src[at + i] ? dst[i] : src[at + i];
}

/* Takes over everything from *other, which is spent, but for the lost count, which adds up. */
static void take(struct pv_hll *h, struct pv_hll *other)
{
	uint64_t lost = pv_add_sat(h->lost, other->lost);

	free(h->set);
	free(h->regs);
	*h = *other;
	h->lost = lost;
	free(other);
}

static void add_coupons(struct pv_hll *h, const struct pv_hll *from)
{
	const uint32_t *c = from->mode == SET ? from->set : from->list;
	size_t n = from->mode == SET ? (size_t)1 << from->lg_set : from->count;

	for (size_t i = 0; i < n; i++)
		if (c[i])
			coupon_add(h, c[i]);
}

struct pv_hll *pv_hll_copy(const struct pv_hll *h)
{
	struct pv_hll *c = pv_hll_new(h->lg_k);

	if (!c)
		return NULL;
	*c = *h;
	c->set = NULL;
	c->regs = NULL;
	c->lg_set_alloc = 0;
	if (h->mode == SET) {
		c->set = malloc(sizeof(*c->set) << h->lg_set);
		if (!c->set)
			goto fail;
		memcpy(c->set, h->set, sizeof(*c->set) << h->lg_set);
		c->lg_set_alloc = h->lg_set;
	} else if (h->mode == DENSE) {
		c->regs = malloc(registers(h->lg_k));
		if (!c->regs)
			goto fail;
		memcpy(c->regs, h->regs, registers(h->lg_k));
	}
	return c;
fail:
	pv_hll_free(c);
	errno = ENOMEM;
	return NULL;
}

int pv_hll_merge(struct pv_hll *dst, const struct pv_hll *src)
{
	unsigned lg = dst->lg_k < src->lg_k ? dst->lg_k : src->lg_k;
	uint64_t lost;
	struct pv_hll *t;

	if (dst == src)
		return 0;
	lost = pv_add_sat(dst->lost, src->lost);
	if (src->mode == LIST && !src->count && dst->lg_k == lg) {
		dst->lost = lost;
		return 0;
	}
	if (dst->mode == LIST && !dst->count && src->lg_k == lg) {
		t = pv_hll_copy(src);
		if (!t)
			return -1;
		take(dst, t);
		return 0;
	}
	if (dst->mode == DENSE) {
		if (dst->lg_k > lg) {
			size_t k = registers(lg);
			uint8_t *regs;

			for (size_t at = k; at < registers(dst->lg_k); at += k)
				fold_registers(dst->regs, lg, dst->regs + at, lg);
			dst->lg_k = lg;
			regs = realloc(dst->regs, k);
			if (regs)
				dst->regs = regs;
		}
		if (src->mode == DENSE) {
			fold_registers(dst->regs, lg, src->regs, src->lg_k);
			dense_derive(dst);
		} else {
			dense_derive(dst);
			add_coupons(dst, src);
		}
		dst->disorder = true;
		dst->hip = 0;
		dst->lost = lost;
		return 0;
	}
	/* Coupons are built aside, so that want of memory leaves dst alone. */
	t = pv_hll_new(lg);
	if (!t)
		return -1;
	if (src->mode == DENSE) {
		if (regs_reserve(t)) {
			pv_hll_free(t);
			errno = ENOMEM;
			return -1;
		}
		to_dense(t);
		fold_registers(t->regs, lg, src->regs, src->lg_k);
		dense_derive(t);
	} else {
		add_coupons(t, src);
	}
	add_coupons(t, dst);
	if (t->lost) {
		pv_hll_free(t);
		errno = ENOMEM;
		return -1;
	}
	t->disorder = t->mode == DENSE;
	t->hip = 0;
	take(dst, t);
	dst->lost = lost;
	return 0;
}

size_t pv_hll_image_size(const struct pv_hll *h)
{
	switch (h->mode) {
	case LIST:
		return LIST_HEAD + 4 * (size_t)h->count;
	case SET:
		return SET_HEAD + 4 * (size_t)h->count;
	default:
		return DENSE_HEAD + registers(h->lg_k);
	}
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static void store_double(uint8_t *p, double d)
{
	uint64_t v;

	memcpy(&v, &d, sizeof(v));
	pv_store_le64(p, v);
}

static double load_double(const uint8_t *p)
{
	uint64_t v = pv_load_le64(p);
	double d;

	memcpy(&d, &v, sizeof(d));
	return d;
}

/*
 * Coupons in ascending order, so that an image shows what is in the set and not how it came there. The
 * image's own bytes are the sorting space. */
static void put_coupons(const struct pv_hll *h, uint8_t *p)
{
	const uint32_t *from = h->mode == SET ? h->set : h->list;
	size_t n = h->mode == SET ? (size_t)1 << h->lg_set : h->count;
	uint8_t *at = p;

	for (size_t i = 0; i < n; i++) {
		if (!from[i])
			continue;
		memcpy(at, &from[i], 4);
		at += 4;
	}
	qsort(p, h->count, 4, compare_u32);
	for (size_t i = 0; i < h->count; i++) {
		uint32_t c;

		memcpy(&c, p + 4 * i, 4);
		pv_store_le32(p + 4 * i, c);
	}
}

size_t pv_hll_write(const struct pv_hll *h, uint8_t *buf, size_t cap)
{
	size_t size = pv_hll_image_size(h);

	if (cap < size)
		return 0;
	memset(buf, 0, LIST_HEAD);
	buf[1] = SER_VER;
	buf[2] = FAMILY;
	buf[3] = (uint8_t)h->lg_k;
	buf[5] = FLAG_COMPACT;
	buf[7] = (uint8_t)(TYPE_HLL8 << 2 | (unsigned)h->mode);
	switch (h->mode) {
	case LIST:
		buf[0] = LIST_PRE;
		buf[4] = LG_LIST;
		if (!h->count)
			buf[5] |= FLAG_EMPTY;
		buf[6] = (uint8_t)h->count;
		put_coupons(h, buf + LIST_HEAD);
		break;
	case SET:
		buf[0] = SET_PRE;
		buf[4] = (uint8_t)lg_set_for(h->count);
		pv_store_le32(buf + 8, h->count);
		put_coupons(h, buf + SET_HEAD);
		break;
	case DENSE:
		buf[0] = DENSE_PRE;
		if (h->disorder)
			buf[5] |= FLAG_DISORDER;
		store_double(buf + 8, h->disorder ? 0 : h->hip);
		store_double(buf + 16, h->sum_lo);
		store_double(buf + 24, h->sum_hi);
		pv_store_le32(buf + 32, h->zeros);
		pv_store_le32(buf + 36, 0);
		memcpy(buf + DENSE_HEAD, h->regs, registers(h->lg_k));
	}
	return size;
}

/* Adds the coupons of slots words; want of them are not zero, all distinct. */
static bool read_coupons(struct pv_hll *h, const uint8_t *p, size_t slots, uint32_t want)
{
	for (size_t i = 0; i < slots; i++) {
		uint32_t c = pv_load_le32(p + 4 * i);

		if (!c)
			continue;
		if (!(c >> ADDR_BITS))
			return false;
		coupon_add(h, c);
	}
	return h->mode != DENSE && h->count == want;
}

/* False: not valid, or (h->lost) no memory. */
static bool read_sparse(struct pv_hll *h, const uint8_t *p, size_t n, enum mode mode)
{
	bool compact = p[5] & FLAG_COMPACT;
	size_t head = mode == LIST ? LIST_HEAD : SET_HEAD;
	unsigned lg = p[4];
	uint32_t count;
	size_t slots;

	if (p[0] != (mode == LIST ? LIST_PRE : SET_PRE) || n < head)
		return false;
	count = mode == LIST ? p[6] : pv_load_le32(p + 8);
	if (mode == LIST) {
		if (lg != LG_LIST || count >= LIST_SLOTS)
			return false;
		/* An empty sketch is its header, whatever the form. */
		if (!count && n == LIST_HEAD)
			return true;
	} else {
		if (h->lg_k < LG_K_SETLESS || count > coupons_max(h->lg_k))
			return false;
		/* Early compact images left the size out. */
		if ((!compact || lg) && (lg < LG_SET_MIN || lg > h->lg_k - 3))
			return false;
	}
	if (count && (p[5] & FLAG_EMPTY))
		return false;
	slots = compact ? count : (size_t)1 << lg;
	if ((n - head) / 4 != slots || (n - head) % 4)
		return false;
	return read_coupons(h, p + head, slots, count);
}

static bool read_hll4(struct pv_hll *h, const uint8_t *p, size_t n)
{
	/* Exception table sizes of updatable images, lg_k 4..21. */
	static const uint8_t lg_aux[] = {2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13};
	size_t k = registers(h->lg_k), slots;
	const uint8_t *at;
	uint8_t min = p[6];
	uint32_t aux = pv_load_le32(p + 36), left = 0;

	if (min > VALUE_MAX || aux > k || n < DENSE_HEAD + k / 2)
		return false;
	for (size_t i = 0; i < k; i++) {
		unsigned v = p[DENSE_HEAD + i / 2] >> (i & 1 ? 4 : 0) & 0x0f;

		if (v == HLL4_EXCEPTION) {
			h->regs[i] = HLL4_UNRESOLVED;
			left++;
		} else if (v + min > VALUE_MAX) {
			return false;
		} else {
			h->regs[i] = (uint8_t)(v + min);
		}
	}
	if (left != aux)
		return false;
	at = p + DENSE_HEAD + k / 2;
	n -= DENSE_HEAD + k / 2;
	slots = aux;
	if (!(p[5] & FLAG_COMPACT)) {
		unsigned lg = p[4] ? p[4] : lg_aux[h->lg_k - PV_HLL_LG_K_MIN];

		if (lg > h->lg_k)
			return false;
		slots = aux || n ? (size_t)1 << lg : 0;
	}
	if (n / 4 != slots || n % 4)
		return false;
	for (size_t i = 0; i < slots; i++) {
		uint32_t c = pv_load_le32(at + 4 * i);
		unsigned v = c >> ADDR_BITS;
		uint8_t *reg = &h->regs[c & (k - 1)];

		if (!c)
			continue;
		if (v < min + HLL4_EXCEPTION || *reg != HLL4_UNRESOLVED)
			return false;
		*reg = (uint8_t)v;
		left--;
	}
	return left == 0;
}

static bool read_hll6(struct pv_hll *h, const uint8_t *p, size_t n)
{
	size_t k = registers(h->lg_k);

	/* One spare byte, so that every register can be had with a two-byte load. */
	if (p[6] > VALUE_MAX || n != DENSE_HEAD + k / 4 * 3 + 1)
		return false;
	for (size_t i = 0; i < k; i++) {
		const uint8_t *two = p + DENSE_HEAD + i * 6 / 8;

		h->regs[i] = ((unsigned)two[0] | (unsigned)two[1] << 8) >> (i * 6 % 8) & 0x3f;
	}
	return true;
}

static bool read_hll8(struct pv_hll *h, const uint8_t *p, size_t n)
{
	size_t k = registers(h->lg_k);

	if (p[6] > VALUE_MAX || n != DENSE_HEAD + k)
		return false;
	for (size_t i = 0; i < k; i++)
		if (p[DENSE_HEAD + i] > VALUE_MAX)
			return false;
	memcpy(h->regs, p + DENSE_HEAD, k);
	return true;
}

static bool read_dense(struct pv_hll *h, const uint8_t *p, size_t n, unsigned type)
{
	bool ok;

	if (p[0] != DENSE_PRE || n < DENSE_HEAD || (p[5] & FLAG_EMPTY))
		return false;
	/* The size is checked before the registers are allocated: a small image cannot ask for much. */
	if (n - DENSE_HEAD < registers(h->lg_k) / 2)
		return false;
	if (type != TYPE_HLL4 && pv_load_le32(p + 36))
		return false;
	h->disorder = p[5] & FLAG_DISORDER;
	if (!h->disorder) {
		h->hip = load_double(p + 8);
		if (!isfinite(h->hip) || h->hip < 0 || signbit(h->hip))
			return false;
	}
	if (regs_reserve(h)) {
		h->lost++;
		return false;
	}
	ok = type == TYPE_HLL4	 ? read_hll4(h, p, n)
	     : type == TYPE_HLL6 ? read_hll6(h, p, n)
				 : read_hll8(h, p, n);
	if (!ok)
		return false;
	h->mode = DENSE;
	dense_derive(h);
	return true;
}

struct pv_hll *pv_hll_read(const uint8_t *p, size_t n)
{
	struct pv_hll *h;
	unsigned mode, type;
	bool ok;

	if (n < LIST_HEAD || p[1] != SER_VER || p[2] != FAMILY || (p[5] & (FLAG_BIG_ENDIAN | FLAGS_UNKNOWN)))
		goto invalid;
	mode = p[7] & 3;
	type = p[7] >> 2 & 3;
	if (p[7] >> 4 || mode > DENSE || type > TYPE_HLL8)
		goto invalid;
	h = pv_hll_new(p[3]);
	if (!h)
		return NULL;
	ok = mode == DENSE ? read_dense(h, p, n, type) : read_sparse(h, p, n, mode);
	if (!ok || h->lost) {
		bool memory = h->lost;

		pv_hll_free(h);
		errno = memory ? ENOMEM : EINVAL;
		return NULL;
	}
	return h;
invalid:
	errno = EINVAL;
	return NULL;
}

size_t pv_hll_memory(const struct pv_hll *h)
{
	return sizeof(*h) + (h->set ? sizeof(*h->set) << h->lg_set_alloc : 0) +
	       (h->regs ? registers(h->lg_k) : 0);
}
