/* SPDX-License-Identifier: MPL-2.0 */
/* Bytes that end where the next page cannot be read: a read past the end is a fault, with any compiler and
 * without a sanitizer. A guard is one mapping that is filled again and again, so it is cheap enough for
 * every prefix of every input.
 *
 *	struct guard g;
 *	guard_init(&g, 4096);
 *	uint8_t *p = guard_put(&g, bytes, n);     n <= 4096; valid until the next put
 *	guard_free(&g);
 *
 * guard_copy(bytes, n) is a mapping of its own, for a few long-lived ones; guard_drop() it. */
#ifndef PV_TESTS_GUARD_H
#define PV_TESTS_GUARD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
	uint8_t *map;
	size_t room; /* readable bytes, whole pages; one unreadable page follows */
};

static inline void guard_init(struct guard *g, size_t max)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	g->room = (max / page + 1) * page;
	g->map = mmap(NULL, g->room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->map == MAP_FAILED || mprotect(g->map + g->room, page, PROT_NONE)) {
		perror("guard");
		exit(1);
	}
}

static inline uint8_t *guard_put(struct guard *g, const void *bytes, size_t n)
{
	uint8_t *p = g->map + g->room - n;
	if (n > g->room) {
		fputs("guard: too small\n", stderr);
		exit(1);
	}
	if (n)
		memcpy(p, bytes, n);
	return p;
}

static inline void guard_free(struct guard *g)
{
	munmap(g->map, g->room + (size_t)sysconf(_SC_PAGESIZE));
}

static inline uint8_t *guard_copy(const void *bytes, size_t n)
{
	struct guard g;
	guard_init(&g, n);
	return guard_put(&g, bytes, n);
}

static inline void guard_drop(uint8_t *copy, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct guard g = {NULL, (n / page + 1) * page};
	g.map = copy + n - g.room;
	guard_free(&g);
}

#endif
