/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Image, all numbers varints but for the first two bytes:
 *     0xE9, version 1
 *     sum, number of non-empty bins, and for each, ascending:
 *         bin (overflow: 315) minus the one before it (the first: plus 1), count */
#include "sketch/histogram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sketch/wire.h"

#define BINS	      (PV_HISTOGRAM_BOUNDS + 1) /* the last is overflow */
#define IMAGE_MAGIC   0xe9
#define IMAGE_VERSION 1

struct pv_histogram {
	pv_u128 sum;
	uint64_t count;
	uint64_t n[BINS];
};

const uint64_t pv_histogram_bounds[PV_HISTOGRAM_BOUNDS] = {
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    10,
    11,
    12,
    14,
    16,
    18,
    21,
    24,
    27,
    31,
    35,
    40,
    46,
    52,
    59,
    68,
    77,
    87,
    100,
    113,
    129,
    146,
    166,
    189,
    215,
    244,
    278,
    316,
    359,
    408,
    464,
    527,
    599,
    681,
    774,
    879,
    1000,
    1136,
    1291,
    1467,
    1668,
    1895,
    2154,
    2448,
    2782,
    3162,
    3593,
    4084,
    4641,
    5274,
    5994,
    6812,
    7742,
    8799,
    10000,
    11364,
    12915,
    14677,
    16681,
    18957,
    21544,
    24484,
    27825,
    31622,
    35938,
    40842,
    46415,
    52749,
    59948,
    68129,
    77426,
    87992,
    100000,
    113646,
    129154,
    146779,
    166810,
    189573,
    215443,
    244843,
    278255,
    316227,
    359381,
    408423,
    464158,
    527499,
    599484,
    681292,
    774263,
    879922,
    1000000,
    1136463,
    1291549,
    1467799,
    1668100,
    1895735,
    2154434,
    2448436,
    2782559,
    3162277,
    3593813,
    4084238,
    4641589,
    5274996,
    5994842,
    6812920,
    7742636,
    8799224,
    10000000,
    11364636,
    12915496,
    14677992,
    16681005,
    18957357,
    21544347,
    24484367,
    27825594,
    31622776,
    35938138,
    40842385,
    46415890,
    52749969,
    59948426,
    68129203,
    77426369,
    87992248,
    100000000,
    113646366,
    129154966,
    146779928,
    166810054,
    189573571,
    215443473,
    244843678,
    278255942,
    316227766,
    359381388,
    408423859,
    464158904,
    527499690,
    599484268,
    681292037,
    774263694,
    879922489,
    1000000000,
    1136463667,
    1291549667,
    1467799284,
    1668100543,
    1895735710,
    2154434739u,
    2448436784u,
    2782559423u,
    3162277660u,
    3593813883u,
    4084238590u,
    4641589045u,
    5274996902u,
    5994842686u,
    6812920378u,
    7742636944u,
    8799224898u,
    10000000000u,
    11364636674u,
    12915496674u,
    14677992844u,
    16681005435u,
    18957357102u,
    21544347393u,
    24484367841u,
    27825594234u,
    31622776601u,
    35938138830u,
    40842385903u,
    46415890459u,
    52749969028u,
    59948426860u,
    68129203789u,
    77426369448u,
    87992248989u,
    100000000000u,
    113646366746u,
    129154966747u,
    146779928440u,
    166810054355u,
    189573571022u,
    215443473931u,
    244843678415u,
    278255942342u,
    316227766016u,
    359381388301u,
    408423859039u,
    464158904595u,
    527499690282u,
    599484268602u,
    681292037890u,
    774263694488u,
    879922489895u,
    1000000000000u,
    1136463667468u,
    1291549667476u,
    1467799284409u,
    1668100543559u,
    1895735710224u,
    2154434739312u,
    2448436784159u,
    2782559423423u,
    3162277660168u,
    3593813883018u,
    4084238590392u,
    4641589045957u,
    5274996902821u,
    5994842686025u,
    6812920378900u,
    7742636944881u,
    8799224898958u,
    10000000000000u,
    11364636674688u,
    12915496674768u,
    14677992844093u,
    16681005435594u,
    18957357102241u,
    21544347393126u,
    24484367841594u,
    27825594234233u,
    31622776601683u,
    35938138830189u,
    40842385903922u,
    46415890459573u,
    52749969028213u,
    59948426860251u,
    68129203789003u,
    77426369448819u,
    87992248989588u,
    100000000000000u,
    113646366746887u,
    129154966747680u,
    146779928440938u,
    166810054355944u,
    189573571022410u,
    215443473931269u,
    244843678415946u,
    278255942342333u,
    316227766016837u,
    359381388301890u,
    408423859039225u,
    464158904595737u,
    527499690282134u,
    599484268602513u,
    681292037890038u,
    774263694488198u,
    879922489895880u,
    1000000000000000u,
    1136463667468875u,
    1291549667476806u,
    1467799284409383u,
    1668100543559449u,
    1895735710224109u,
    2154434739312698u,
    2448436784159464u,
    2782559423423331u,
    3162277660168379u,
    3593813883018908u,
    4084238590392257u,
    4641589045957375u,
    5274996902821345u,
    5994842686025137u,
    6812920378900383u,
    7742636944881981u,
    8799224898958801u,
    10000000000000000u,
    11364636674688752u,
    12915496674768066u,
    14677992844093836u,
    16681005435594496u,
    18957357102241092u,
    21544347393126988u,
    24484367841594640u,
    27825594234233312u,
    31622776601683796u,
    35938138830189080u,
    40842385903922568u,
    46415890459573752u,
    52749969028213456u,
    59948426860251376u,
    68129203789003832u,
    77426369448819808u,
    87992248989588016u,
    100000000000000000u,
    113646366746887536u,
    129154966747680656u,
    146779928440938368u,
    166810054355944960u,
    189573571022410912u,
    215443473931269888u,
    244843678415946400u,
    278255942342333120u,
    316227766016837952u,
    359381388301890816u,
    408423859039225664u,
    464158904595737536u,
    527499690282134528u,
    599484268602513792u,
    681292037890038272u,
    774263694488198016u,
    879922489895880192u,
};

struct pv_histogram *pv_histogram_new(void)
{
	struct pv_histogram *h = calloc(1, sizeof(*h));

	if (!h)
		errno = ENOMEM;
	return h;
}

void pv_histogram_free(struct pv_histogram *h)
{
	free(h);
}

/* The first bound that is not below 2^e. */
static const uint16_t first_of[65] = {1,   2,	4,   8,	  13,  19,  24,	 29,  35,  40,	46,  51,  57,
				      62,  67,	73,  78,  84,  89,  94,	 100, 105, 111, 116, 122, 127,
				      132, 138, 143, 149, 154, 159, 165, 170, 176, 181, 187, 192, 197,
				      203, 208, 214, 219, 224, 230, 235, 241, 246, 252, 257, 262, 268,
				      273, 279, 284, 290, 295, 300, 306, 311, 315, 315, 315, 315, 315};

/* The first bound that is not below v; PV_HISTOGRAM_BOUNDS if there is none. */
static unsigned bin_of(uint64_t v)
{
	unsigned e, bin;

	if (!v)
		return 0;
	e = 63 - (unsigned)__builtin_clzll(v);
	bin = first_of[e];
	/* At most 6 bounds to the octave; counting them all spares a branch that guesses badly. */
	for (unsigned i = bin; i < first_of[e + 1]; i++)
		bin += pv_histogram_bounds[i] < v;
	return bin;
}

void pv_histogram_add_n(struct pv_histogram *h, uint64_t v, uint64_t n)
{
	uint64_t *c = &h->n[bin_of(v)];

	*c = pv_add_sat(*c, n);
	h->count = pv_add_sat(h->count, n);
	h->sum = pv_add_sat128(h->sum, (pv_u128)v * n);
}

void pv_histogram_add(struct pv_histogram *h, uint64_t v)
{
	pv_histogram_add_n(h, v, 1);
}

void pv_histogram_merge(struct pv_histogram *dst, const struct pv_histogram *src)
{
	for (unsigned i = 0; i < BINS; i++)
		dst->n[i] = pv_add_sat(dst->n[i], src->n[i]);
	dst->count = pv_add_sat(dst->count, src->count);
	dst->sum = pv_add_sat128(dst->sum, src->sum);
}

uint64_t pv_histogram_count(const struct pv_histogram *h)
{
	return h->count;
}

uint64_t pv_histogram_sum(const struct pv_histogram *h)
{
	return h->sum > UINT64_MAX ? UINT64_MAX : (uint64_t)h->sum;
}

uint64_t pv_histogram_overflow(const struct pv_histogram *h)
{
	return h->n[PV_HISTOGRAM_BOUNDS];
}

uint64_t pv_histogram_cumulative(const struct pv_histogram *h, uint64_t v)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PV_HISTOGRAM_BOUNDS && pv_histogram_bounds[i] <= v; i++)
		sum = pv_add_sat(sum, h->n[i]);
	return sum;
}

bool pv_histogram_next(const struct pv_histogram *h, struct pv_histogram_bin *b)
{
	while (b->next < PV_HISTOGRAM_BOUNDS) {
		size_t i = b->next++;

		if (!h->n[i])
			continue;
		b->bound = pv_histogram_bounds[i];
		b->count = h->n[i];
		b->cumulative = pv_add_sat(b->cumulative, h->n[i]);
		return true;
	}
	return false;
}

/* Writes to p unless it is NULL; gives the size. */
static size_t image(const struct pv_histogram *h, uint8_t *p)
{
	unsigned bins = 0, next = 0;
	size_t size;

	for (unsigned i = 0; i < BINS; i++)
		bins += h->n[i] != 0;
	size = 2 + pv_varint_size(h->sum) + pv_varint_size(bins);
	if (p) {
		*p++ = IMAGE_MAGIC;
		*p++ = IMAGE_VERSION;
		p = pv_varint_put(p, h->sum);
		p = pv_varint_put(p, bins);
	}
	for (unsigned i = 0; i < BINS; i++) {
		if (!h->n[i])
			continue;
		size += pv_varint_size(i + 1 - next) + pv_varint_size(h->n[i]);
		if (p) {
			p = pv_varint_put(p, i + 1 - next);
			p = pv_varint_put(p, h->n[i]);
		}
		next = i + 1;
	}
	return size;
}

size_t pv_histogram_image_size(const struct pv_histogram *h)
{
	return image(h, NULL);
}

size_t pv_histogram_write(const struct pv_histogram *h, uint8_t *buf, size_t cap)
{
	size_t size = image(h, NULL);

	return cap < size ? 0 : image(h, buf);
}

/* Whether values in the bins can add up to the sum. */
static bool sum_possible(const struct pv_histogram *h)
{
	pv_u128 least = 0, most = 0;

	for (unsigned i = 0; i < BINS; i++) {
		uint64_t lo = i ? pv_histogram_bounds[i - 1] + 1 : 0;
		uint64_t hi = i < PV_HISTOGRAM_BOUNDS ? pv_histogram_bounds[i] : UINT64_MAX;

		/* A counter at its limit may stand for more. */
		if (h->n[i] == UINT64_MAX)
			return true;
		least = pv_add_sat128(least, (pv_u128)lo * h->n[i]);
		most = pv_add_sat128(most, (pv_u128)hi * h->n[i]);
	}
	return h->sum >= least && h->sum <= most;
}

struct pv_histogram *pv_histogram_read(const uint8_t *p, size_t n)
{
	struct pv_wire_in in = {p, p + n, false};
	struct pv_histogram *h;
	uint64_t bins, next = 0;

	if (n < 2 || pv_wire_byte(&in) != IMAGE_MAGIC || pv_wire_byte(&in) != IMAGE_VERSION) {
		errno = EINVAL;
		return NULL;
	}
	h = pv_histogram_new();
	if (!h)
		return NULL;
	h->sum = pv_wire_varint128(&in);
	bins = pv_wire_varint(&in);
	if (in.bad || bins > BINS)
		goto invalid;
	for (uint64_t i = 0; i < bins; i++) {
		uint64_t step = pv_wire_varint(&in), count = pv_wire_varint(&in);

		if (in.bad || !step || !count || step > BINS - next)
			goto invalid;
		next += step;
		h->n[next - 1] = count;
		h->count = pv_add_sat(h->count, count);
	}
	if (in.p != in.end || !sum_possible(h))
		goto invalid;
	return h;
invalid:
	pv_histogram_free(h);
	errno = EINVAL;
	return NULL;
}

size_t pv_histogram_memory(const struct pv_histogram *h)
{
	return sizeof(*h);
}
