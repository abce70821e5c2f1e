/* SPDX-License-Identifier: MPL-2.0 */
/* tests/unit/flow_util.h - flow exports made by hand: bytes in network order, and what a collector makes of them. */
#ifndef TESTS_FLOW_UTIL_H
#define TESTS_FLOW_UTIL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow/collector.h"

#define FLOW_UNUSED __attribute__((unused))

struct bytes {
	uint8_t b[4096];
	size_t n;
};

static inline void put(struct bytes *m, uint64_t v, unsigned size)
{
	while (size--)
		m->b[m->n++] = (uint8_t)(size < 8 ? v >> 8 * size : 0);
}

static inline void put8(struct bytes *m, uint64_t v)
{
	put(m, v, 1);
}

static inline void put16(struct bytes *m, uint64_t v)
{
	put(m, v, 2);
}

static inline void put32(struct bytes *m, uint64_t v)
{
	put(m, v, 4);
}

static inline void put64(struct bytes *m, uint64_t v)
{
	put(m, v, 8);
}

static inline void put_bytes(struct bytes *m, const void *p, size_t n)
{
	memcpy(m->b + m->n, p, n);
	m->n += n;
}

static inline void put_zeros(struct bytes *m, size_t n)
{
	memset(m->b + m->n, 0, n);
	m->n += n;
}

/* A set or a sample, whose length stands at its begin: `open` says where, `close` writes it. */
static inline size_t open_set(struct bytes *m, uint16_t id)
{
	put16(m, id);
	put16(m, 0);
	return m->n - 4;
}

static inline void close_set(struct bytes *m, size_t at)
{
	size_t n = m->n - at;
	m->b[at + 2] = (uint8_t)(n >> 8);
	m->b[at + 3] = (uint8_t)n;
}

static inline void put_v9(struct bytes *m, uint32_t sequence, uint32_t source)
{
	m->n = 0;
	put16(m, 9);
	put16(m, 1);
	put32(m, 1000);
	put32(m, 1700000000);
	put32(m, sequence);
	put32(m, source);
}

static inline void put_ipfix(struct bytes *m, uint32_t sequence, uint32_t domain)
{
	m->n = 0;
	put16(m, 10);
	put16(m, 0);
	put32(m, 1700000000);
	put32(m, sequence);
	put32(m, domain);
}

static inline void close_ipfix(struct bytes *m)
{
	m->b[2] = (uint8_t)(m->n >> 8);
	m->b[3] = (uint8_t)m->n;
}

/* A template of n fields, pairs of element and length. */
static inline void put_template(struct bytes *m, uint16_t set, uint16_t id, const uint16_t (*field)[2], size_t n)
{
	size_t at = open_set(m, set);
	put16(m, id);
	put16(m, n);
	for (size_t i = 0; i < n; i++) {
		put16(m, field[i][0]);
		put16(m, field[i][1]);
	}
	close_set(m, at);
}

/* ---- what comes out -------------------------------------------------------------------------------- */

struct got {
	struct pv_flow f[256]; /* the first of them */
	size_t n;
};

FLOW_UNUSED static void got_record(void *ctx, const struct pv_flow *f)
{
	struct got *g = ctx;
	if (g->n < sizeof g->f / sizeof g->f[0])
		g->f[g->n] = *f;
	g->n++;
}

FLOW_UNUSED static struct pv_flow_datagram datagram(const void *p, size_t n)
{
	static const uint8_t from[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
	struct pv_flow_datagram d = {
	    .bytes = p, .n = n, .port = 5000, .time_ns = UINT64_C(1700000000000000000), .number = 3, .stamp = 7};
	memcpy(d.from, from, 16);
	return d;
}

FLOW_UNUSED static enum pv_flow_reason feed(struct pv_collector *c, const struct bytes *m, struct got *g)
{
	struct pv_flow_datagram d = datagram(m->b, m->n);
	g->n = 0;
	return pv_collector_take(c, &d, got_record, g);
}

FLOW_UNUSED static struct pv_collector *collector(void)
{
	return pv_collector_new(&(struct pv_collector_conf){.exporters = {.seed = 1}});
}

FLOW_UNUSED static struct pv_flow_counts counts(const struct pv_collector *c)
{
	struct pv_collector_status s;
	pv_collector_status(c, &s);
	return s.counts;
}

#endif
