/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/pool.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define CHUNK	((size_t)32 << 10)
#define FMT_MAX 1024

struct pv_ui_chunk {
	struct pv_ui_chunk *next;
	size_t used, cap;
	alignas(max_align_t) unsigned char bytes[];
};

void *pv_ui_alloc(struct pv_ui_pool *p, size_t n)
{
	size_t align = alignof(max_align_t);
	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + align - 1) & ~(align - 1);
	struct pv_ui_chunk *c = p->head;
	if (!c || c->cap - c->used < n) {
		size_t cap = n > CHUNK ? n : CHUNK;
		if (cap > p->max - p->total || !(c = calloc(1, sizeof *c + cap))) {
			p->refused++;
			return NULL;
		}
		p->total += cap;
		c->cap = cap;
		c->next = p->head;
		p->head = c;
	}
	c->used += n;
	return c->bytes + c->used - n;
}

const char *pv_ui_clean(struct pv_ui_pool *p, const char *bytes, size_t n, size_t cap)
{
	char buf[FMT_MAX];
	size_t len = pv_utf8_clean(bytes, n, buf, cap < sizeof buf ? cap : sizeof buf);
	for (size_t i = 0; i < len; i++)
		if (buf[i] == '\t')
			buf[i] = ' ';
	char *text = pv_ui_alloc(p, len + 1);
	return text ? memcpy(text, buf, len + 1) : "";
}

const char *pv_ui_fmt(struct pv_ui_pool *p, const char *fmt, ...)
{
	char buf[FMT_MAX];
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	if (len < 0)
		return "";
	if (len >= (int)sizeof buf)
		len = (int)sizeof buf - 1;
	char *text = pv_ui_alloc(p, (size_t)len + 1);
	return text ? memcpy(text, buf, (size_t)len + 1) : "";
}

void pv_ui_pool_free(struct pv_ui_pool *p)
{
	while (p->head) {
		struct pv_ui_chunk *next = p->head->next;
		free(p->head);
		p->head = next;
	}
	p->total = 0;
}
