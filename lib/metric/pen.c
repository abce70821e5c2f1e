/* SPDX-License-Identifier: MPL-2.0 */
#include "metric/pen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/shorten.h"
#include "base/utf8.h"

struct range {
	uint32_t first, last;
};

/* Takes no column: marks that stand over the character before them. */
static const struct range marks[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},
	{0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

/* Takes two columns: the wide blocks of Unicode's East Asian width table, and emoji. */
static const struct range wide[] = {
	{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xa000, 0xa4cf},
	{0xa960, 0xa97f}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6},
	{0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

/* Must not reach a terminal: control characters, and those that turn the direction of text or are not seen. */
static const struct range hostile[] = {
	{0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e}, {0x200b, 0x200f},
	{0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
};

static bool within(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n && r[i].first <= c; i++)
		if (c <= r[i].last)
			return true;
	return false;
}

#define WITHIN(table, c) within(table, sizeof(table) / sizeof(table)[0], c)

static uint32_t code_point(const unsigned char *p, size_t len)
{
	if (len == 1)
		return p[0];
	uint32_t c = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Bytes of the next character, its columns, and whether it must be escaped: then each byte is \DDD. */
static size_t next_char(const char *s, unsigned *columns, bool *escape)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t len = pv_utf8_len(p, strlen(s));
	uint32_t c = len ? code_point(p, len) : 0;
	*escape = !len || WITHIN(hostile, c);
	if (!len)
		len = 1;
	if (*escape)
		*columns = 4 * (unsigned)len;
	else
		*columns = c < 0x300 ? 1 : WITHIN(marks, c) ? 0 : WITHIN(wide, c) ? 2 : 1;
	return len;
}

unsigned pv_text_columns(const char *s, unsigned enough)
{
	unsigned sum = 0, w;
	bool escape;
	while (*s && sum <= enough) {
		s += next_char(s, &w, &escape);
		sum += w;
	}
	return sum;
}

void pv_pen_to(struct pv_pen *p, unsigned column)
{
	p->want = column;
}

void pv_pen_line(struct pv_pen *p)
{
	putc('\n', p->f);
	p->at = p->want = 0;
}

void pv_pen_blanks(struct pv_pen *p)
{
	for (; p->at < p->want; p->at++)
		putc(' ', p->f);
}

void pv_pen_cut(struct pv_pen *p, const char *s, unsigned max)
{
	unsigned room = pv_text_columns(s, max) > max ? max - 1 : max, used = 0, w;
	bool escape;
	pv_pen_blanks(p);
	while (*s) {
		size_t n = next_char(s, &w, &escape);
		if (used + w > room)
			break;
		for (size_t i = 0; i < n; i++)
			if (escape)
				fprintf(p->f, "\\%03u", (unsigned)(unsigned char)s[i]);
			else
				putc(s[i], p->f);
		used += w;
		s += n;
	}
	if (*s) {
		fputs("\u2026", p->f);
		used++;
	}
	p->at += used;
	p->want = p->at;
}

void pv_pen_name(struct pv_pen *p, const char *s, unsigned max)
{
	char brief[PV_SHORTEN_MAX];
	bool shorter = pv_text_columns(s, max) > max && pv_shorten(s, max, "\u2026", brief);
	pv_pen_cut(p, shorter ? brief : s, max);
}

void pv_pen_text(struct pv_pen *p, const char *s)
{
	pv_pen_cut(p, s, PV_PEN_MOST);
}

void pv_pen_right(struct pv_pen *p, const char *s, unsigned width)
{
	unsigned w = pv_text_columns(s, width);
	pv_pen_to(p, p->want + (w < width ? width - w : 0));
	pv_pen_text(p, s);
}
