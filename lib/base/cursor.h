/* SPDX-License-Identifier: MPL-2.0 */
/* base/cursor.h - the one way to read bytes that somebody else wrote.
 *
 * A cursor is a borrowed view [p, end). A read past `end` sets the sticky `bad` and gives zeros,
 * so a decoder reads a whole header and tests `bad` once. `cut` says that the view was shortened
 * by the capture (snap length) and not by the sender: bad && cut is "short", bad alone is "lies".
 * By value, no allocation, no owner. */
#ifndef PV_BASE_CURSOR_H
#define PV_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pv_cur {
	const uint8_t *p, *end;
	bool cut; /* bytes past `end` were on the wire but not captured */
	bool bad; /* sticky: some read ran past `end` */
};

static inline struct pv_cur pv_cur(const void *p, size_t n)
{
	const uint8_t *b = p;
	return (struct pv_cur){b, b + n, false, false};
}

static inline size_t pv_left(const struct pv_cur *c)
{
	return (size_t)(c->end - c->p);
}

/* The next n bytes, or NULL (and `bad`) when there are not that many. */
static inline const uint8_t *pv_take(struct pv_cur *c, size_t n)
{
	if (c->bad || pv_left(c) < n) {
		c->bad = true;
		return NULL;
	}
	const uint8_t *b = c->p;
	c->p += n;
	return b;
}

static inline void pv_skip(struct pv_cur *c, size_t n)
{
	(void)pv_take(c, n);
}

static inline uint8_t pv_u8(struct pv_cur *c)
{
	const uint8_t *b = pv_take(c, 1);
	return b ? b[0] : 0;
}

static inline uint16_t pv_get16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t pv_get32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Big-endian ("network order") reads; 0 once bad. */
static inline uint16_t pv_be16(struct pv_cur *c)
{
	const uint8_t *b = pv_take(c, 2);
	return b ? pv_get16(b) : 0;
}

static inline uint32_t pv_be32(struct pv_cur *c)
{
	const uint8_t *b = pv_take(c, 4);
	return b ? pv_get32(b) : 0;
}

/* n bytes into `to`, zeros once bad. */
static inline void pv_bytes(struct pv_cur *c, void *to, size_t n)
{
	const uint8_t *b = pv_take(c, n);
	if (b)
		memcpy(to, b, n);
	else
		memset(to, 0, n);
}

/* A view of the next n bytes; the parent moves past them. When fewer are there, the view is what
 * is there: `cut` stays when the capture explains it, else parent and view become bad. */
static inline struct pv_cur pv_sub(struct pv_cur *c, size_t n)
{
	struct pv_cur s = {c->p, c->p, c->cut, c->bad};
	if (c->bad)
		return s;
	if (pv_left(c) >= n) {
		s.end = c->p + n;
		s.cut = false;
	} else {
		s.end = c->end;
		if (!c->cut)
			s.bad = c->bad = true;
	}
	c->p = s.end;
	return s;
}

#endif
