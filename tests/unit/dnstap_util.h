/* SPDX-License-Identifier: MPL-2.0 */
/* tests/unit/dnstap_util.h - Frame Streams and dnstap messages made by hand, with nothing of lib/dnstap. */
#ifndef TESTS_DNSTAP_UTIL_H
#define TESTS_DNSTAP_UTIL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT "protobuf:dnstap.Dnstap"

enum { ACCEPT = 1, START = 2, STOP = 3, READY = 4, FINISH = 5 };

struct bytes {
	uint8_t *p;
	size_t n, cap;
};

__attribute__((unused)) static void put(struct bytes *b, const void *p, size_t n)
{
	if (b->cap - b->n < n) {
		b->cap = (b->n + n) * 2;
		b->p = realloc(b->p, b->cap);
		if (!b->p)
			abort();
	}
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

__attribute__((unused)) static void put_be32(struct bytes *b, uint32_t v)
{
	const uint8_t be[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
	put(b, be, 4);
}

/* content NULL: without the field. */
__attribute__((unused)) static void put_control(struct bytes *b, uint32_t type, const char *content)
{
	put_be32(b, 0);
	put_be32(b, content ? 12 + (uint32_t)strlen(content) : 4);
	put_be32(b, type);
	if (content) {
		put_be32(b, 1);
		put_be32(b, (uint32_t)strlen(content));
		put(b, content, strlen(content));
	}
}

__attribute__((unused)) static void put_data(struct bytes *b, const void *p, size_t n)
{
	put_be32(b, (uint32_t)n);
	put(b, p, n);
}

/* ---- protobuf ---- */

__attribute__((unused)) static void put_varint(struct bytes *b, uint64_t v)
{
	do {
		uint8_t c = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		put(b, &c, 1);
		v >>= 7;
	} while (v);
}

__attribute__((unused)) static void put_number(struct bytes *b, unsigned field, uint64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, v);
}

__attribute__((unused)) static void put_fixed32(struct bytes *b, unsigned field, uint32_t v)
{
	put_varint(b, field << 3 | 5);
	put(b, &v, 4);
}

__attribute__((unused)) static void put_field(struct bytes *b, unsigned field, const void *p, size_t n)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, n);
	put(b, p, n);
}

/* What a message says; 0 and NULL are left out. */
struct tap {
	unsigned type, family, protocol;
	const char *query_addr, *response_addr; /* as bytes, of addr_len */
	size_t addr_len;                        /* 0: 4 */
	unsigned query_port, response_port;
	uint64_t query_sec, response_sec;
	uint32_t query_nsec, response_nsec;
	const void *query, *response;
	size_t query_len, response_len;
	const char *identity;
};

__attribute__((unused)) static void put_tap(struct bytes *b, const struct tap *t)
{
	struct bytes m = {NULL, 0, 0};
	size_t len = t->addr_len ? t->addr_len : 4;
	put_number(&m, 1, t->type);
	if (t->family)
		put_number(&m, 2, t->family);
	if (t->protocol)
		put_number(&m, 3, t->protocol);
	if (t->query_addr)
		put_field(&m, 4, t->query_addr, len);
	if (t->response_addr)
		put_field(&m, 5, t->response_addr, len);
	if (t->query_port)
		put_number(&m, 6, t->query_port);
	if (t->response_port)
		put_number(&m, 7, t->response_port);
	if (t->query_sec) {
		put_number(&m, 8, t->query_sec);
		put_fixed32(&m, 9, t->query_nsec);
	}
	if (t->query)
		put_field(&m, 10, t->query, t->query_len);
	if (t->response_sec) {
		put_number(&m, 12, t->response_sec);
		put_fixed32(&m, 13, t->response_nsec);
	}
	if (t->response)
		put_field(&m, 14, t->response, t->response_len);
	if (t->identity)
		put_field(b, 1, t->identity, strlen(t->identity));
	put_field(b, 14, m.p, m.n);
	put_number(b, 15, 1);
	free(m.p);
}

/* The same as a data frame. */
__attribute__((unused)) static void put_tap_frame(struct bytes *b, const struct tap *t)
{
	struct bytes m = {NULL, 0, 0};
	put_tap(&m, t);
	put_data(b, m.p, m.n);
	free(m.p);
}

#endif
