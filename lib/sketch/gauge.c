/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Image:
 *     0xEA, version 1, number of entries, and for each, ascending by stream:
 *         stream, time, level: u64 each */
#include "sketch/gauge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sketch/wire.h"

#define IMAGE_MAGIC   0xea
#define IMAGE_VERSION 1
#define IMAGE_HEAD    3
#define IMAGE_ENTRY   24

struct entry {
	uint64_t stream, time_ns, level;
};

struct pv_gauge {
	uint64_t lost;
	size_t n;
	struct entry at[PV_GAUGE_STREAMS]; /* ascending by stream */
};

struct pv_gauge *pv_gauge_new(void)
{
	return calloc(1, sizeof(struct pv_gauge));
}

void pv_gauge_free(struct pv_gauge *g)
{
	free(g);
}

static size_t oldest(const struct pv_gauge *g)
{
	size_t old = 0;

	for (size_t i = 1; i < g->n; i++)
		if (g->at[i].time_ns < g->at[old].time_ns)
			old = i;
	return old;
}

static void take_out(struct pv_gauge *g, size_t i)
{
	g->n--;
	memmove(&g->at[i], &g->at[i + 1], (g->n - i) * sizeof g->at[0]);
}

/* Where the stream stands, or would. */
static size_t place(const struct pv_gauge *g, uint64_t stream)
{
	size_t i = 0;

	while (i < g->n && g->at[i].stream < stream)
		i++;
	return i;
}

static void insert(struct pv_gauge *g, size_t i, struct entry e)
{
	if (g->n == PV_GAUGE_STREAMS) {
		size_t old = oldest(g);

		g->lost++;
		/* at the same time the smaller stream goes: whichever came first, the same ones stay */
		if (e.time_ns < g->at[old].time_ns || (e.time_ns == g->at[old].time_ns && i <= old))
			return;
		take_out(g, old);
		i -= i > old;
	}
	memmove(&g->at[i + 1], &g->at[i], (g->n - i) * sizeof g->at[0]);
	g->at[i] = e;
	g->n++;
}

void pv_gauge_put(struct pv_gauge *g, uint64_t stream, uint64_t time_ns, uint64_t level)
{
	struct entry e = {stream, time_ns, level};
	size_t i = place(g, stream);

	if (i == g->n || g->at[i].stream != stream)
		insert(g, i, e);
	else if (time_ns >= g->at[i].time_ns)
		g->at[i] = e;
}

void pv_gauge_merge(struct pv_gauge *dst, const struct pv_gauge *src)
{
	if (dst == src)
		return;
	for (size_t k = 0; k < src->n; k++) {
		struct entry e = src->at[k], *there;
		size_t i = place(dst, e.stream);

		there = &dst->at[i];
		if (i == dst->n || there->stream != e.stream)
			insert(dst, i, e);
		else if (e.time_ns > there->time_ns || (e.time_ns == there->time_ns && e.level > there->level))
			*there = e;
	}
	dst->lost += src->lost;
}

uint64_t pv_gauge_value(const struct pv_gauge *g)
{
	uint64_t newest = 0, sum = 0;

	for (size_t i = 0; i < g->n; i++)
		if (g->at[i].time_ns > newest)
			newest = g->at[i].time_ns;
	for (size_t i = 0; i < g->n; i++) {
		if (newest - g->at[i].time_ns > PV_GAUGE_STALE_NS)
			continue;
		sum = sum > UINT64_MAX - g->at[i].level ? UINT64_MAX : sum + g->at[i].level;
	}
	return sum;
}

uint64_t pv_gauge_lost(const struct pv_gauge *g)
{
	return g->lost;
}

size_t pv_gauge_image_size(const struct pv_gauge *g)
{
	return IMAGE_HEAD + g->n * IMAGE_ENTRY;
}

size_t pv_gauge_write(const struct pv_gauge *g, uint8_t *buf, size_t cap)
{
	size_t n = pv_gauge_image_size(g);

	if (cap < n)
		return 0;
	*buf++ = IMAGE_MAGIC;
	*buf++ = IMAGE_VERSION;
	*buf++ = (uint8_t)g->n;
	for (size_t i = 0; i < g->n; i++, buf += IMAGE_ENTRY) {
		pv_store_le64(buf, g->at[i].stream);
		pv_store_le64(buf + 8, g->at[i].time_ns);
		pv_store_le64(buf + 16, g->at[i].level);
	}
	return n;
}

struct pv_gauge *pv_gauge_read(const uint8_t *p, size_t n)
{
	struct pv_gauge *g;
	size_t count = n < IMAGE_HEAD ? 0 : p[2];

	if (n != IMAGE_HEAD + count * IMAGE_ENTRY || p[0] != IMAGE_MAGIC || p[1] != IMAGE_VERSION ||
	    count > PV_GAUGE_STREAMS) {
		errno = EINVAL;
		return NULL;
	}
	g = pv_gauge_new();
	if (!g)
		return NULL;
	p += IMAGE_HEAD;
	for (; g->n < count; g->n++, p += IMAGE_ENTRY) {
		struct entry e = {pv_load_le64(p), pv_load_le64(p + 8), pv_load_le64(p + 16)};

		if (g->n && e.stream <= g->at[g->n - 1].stream) { /* an image has one spelling */
			pv_gauge_free(g);
			errno = EINVAL;
			return NULL;
		}
		g->at[g->n] = e;
	}
	return g;
}

size_t pv_gauge_memory(const struct pv_gauge *g)
{
	return sizeof *g;
}
