/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/screen.h"

#include <stdlib.h>
#include <string.h>

#include "base/shorten.h"
#include "base/utf8.h"

#define UNSHOWN	 0xfffd
#define ELLIPSIS 0x2026

struct range {
	uint32_t first, last;
};

/* Wide by Unicode's East_Asian_Width, in whole blocks. */
static const struct range wide[] = {
    {0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf},
    {0x4e00, 0x9fff}, {0xa000, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
    {0xfe30, 0xfe6f}, {0xff01, 0xff60}, {0xffe0, 0xffe6}, {0x20000, 0x3fffd},
};

/* One column for certain: letters, punctuation, arrows, lines and blocks; not what combines or steers. Nor
 * letters of scripts that are written from the right: a terminal that knows how puts them, and the numbers
 * behind them, elsewhere. */
static const struct range narrow[] = {
    {0x20, 0x7e},     {0xa0, 0xac},	{0xae, 0x2ff},	  {0x370, 0x482},
    {0x48a, 0x58f},   {0x904, 0x939},	{0xe01, 0xe30},	  {0x10a0, 0x10ff},
    {0x1e00, 0x1fff}, {0x2010, 0x2027}, {0x2030, 0x205e}, {0x2070, 0x20bf},
    {0x2100, 0x2319}, {0x2500, 0x25fc}, {0xfb00, 0xfb06}, {0xfffd, 0xfffd},
};

static bool within(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].first && c <= r[i].last)
			return true;
	return false;
}

/* The next character as it will be shown, and its width. */
static uint32_t next(const char **text, int *width)
{
	const unsigned char *p = (const unsigned char *)*text;
	size_t len = pv_utf8_len(p, strnlen(*text, 4));
	uint32_t c = UNSHOWN;
	*text += len ? len : 1;
	if (len == 1)
		c = p[0];
	else if (len)
		c = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	*width = 1;
	if (within(wide, sizeof wide / sizeof wide[0], c))
		*width = 2;
	else if (!within(narrow, sizeof narrow / sizeof narrow[0], c))
		c = UNSHOWN;
	return c;
}

bool pv_ui_screen_init(struct pv_ui_screen *s, int cols, int rows, bool utf8)
{
	cols = cols < 1 ? 1 : cols > PV_UI_COLS ? PV_UI_COLS : cols;
	rows = rows < 1 ? 1 : rows > PV_UI_ROWS ? PV_UI_ROWS : rows;
	*s = (struct pv_ui_screen){.cols = cols, .rows = rows, .bottom = rows, .utf8 = utf8};
	s->cell = calloc((size_t)cols * (size_t)rows, sizeof *s->cell);
	if (!s->cell)
		return false;
	pv_ui_fill(s, 0, 0, cols, rows, PV_UI_PLAIN);
	return true;
}

void pv_ui_screen_free(struct pv_ui_screen *s)
{
	free(s->cell);
	s->cell = NULL;
}

static void put_char(struct pv_ui_screen *s, int x, int y, enum pv_ui_attr attr, uint32_t ch)
{
	if (x < 0 || x >= s->cols || y < s->top || y >= s->bottom || y < 0 || y >= s->rows)
		return;
	if (!s->utf8 && ch > 0x7e)
		ch = '?';
	s->cell[y * s->cols + x] = (struct pv_ui_cell){ch, (uint8_t)attr};
}

int pv_ui_width(const char *text)
{
	int total = 0, w;
	while (*text) {
		next(&text, &w);
		total += w;
	}
	return total;
}

int pv_ui_put(struct pv_ui_screen *s, int x, int y, int room, enum pv_ui_attr attr, const char *text)
{
	bool cut = room > 0 && pv_ui_width(text) > room;
	int used = 0, w, limit = cut ? room - 1 : room;
	while (*text) {
		uint32_t c = next(&text, &w);
		if (used + w > limit)
			break;
		put_char(s, x + used, y, attr, !s->utf8 && w == 2 ? '?' : c);
		if (w == 2)
			put_char(s, x + used + 1, y, attr, s->utf8 ? 0 : '?');
		used += w;
	}
	if (cut)
		put_char(s, x + used++, y, attr, s->utf8 ? ELLIPSIS : '~');
	return used;
}

int pv_ui_put_name(struct pv_ui_screen *s, int x, int y, int room, enum pv_ui_attr attr, const char *name)
{
	char brief[PV_SHORTEN_MAX];
	bool shorter = room > 0 && pv_ui_width(name) > room &&
		       pv_shorten(name, (size_t)room, s->utf8 ? "\u2026" : "~", brief);
	return pv_ui_put(s, x, y, room, attr, shorter ? brief : name);
}

int pv_ui_put_right(struct pv_ui_screen *s, int x, int y, int room, enum pv_ui_attr attr, const char *text)
{
	int w = pv_ui_width(text);
	if (w > room)
		w = room;
	return pv_ui_put(s, x + room - w, y, w, attr, text);
}

void pv_ui_fill(struct pv_ui_screen *s, int x, int y, int w, int h, enum pv_ui_attr attr)
{
	for (int j = y; j < y + h; j++)
		for (int i = x; i < x + w; i++)
			put_char(s, i, j, attr, ' ');
}

void pv_ui_box(struct pv_ui_screen *s, int x, int y, int w, int h, const char *title)
{
	uint32_t across = s->utf8 ? 0x2500 : '-', down = s->utf8 ? 0x2502 : '|';
	for (int i = x + 1; i < x + w - 1; i++) {
		put_char(s, i, y, PV_UI_FRAME, across);
		put_char(s, i, y + h - 1, PV_UI_FRAME, across);
	}
	for (int j = y + 1; j < y + h - 1; j++) {
		put_char(s, x, j, PV_UI_FRAME, down);
		put_char(s, x + w - 1, j, PV_UI_FRAME, down);
	}
	put_char(s, x, y, PV_UI_FRAME, s->utf8 ? 0x250c : '+');
	put_char(s, x + w - 1, y, PV_UI_FRAME, s->utf8 ? 0x2510 : '+');
	put_char(s, x, y + h - 1, PV_UI_FRAME, s->utf8 ? 0x2514 : '+');
	put_char(s, x + w - 1, y + h - 1, PV_UI_FRAME, s->utf8 ? 0x2518 : '+');
	if (*title && w > 4)
		pv_ui_put(s, x + 1, y, w - 3, PV_UI_TITLE, title);
}

void pv_ui_bars(struct pv_ui_screen *s, int x, int y, const double *v, int n)
{
	static const char ascii[] = "_.-:=+*#";
	for (int i = 0; i < n; i++) {
		if (v[i] < 0)
			continue;
		uint32_t level = v[i] >= 1 ? 7 : (uint32_t)(v[i] * 8);
		put_char(s, x + i, y, PV_UI_SPARK, s->utf8 ? 0x2581 + level : (uint32_t)ascii[level]);
	}
}

void pv_ui_utf8(uint32_t c, char out[5])
{
	memset(out, 0, 5);
	if (c < 0x80) {
		out[0] = (char)c;
	} else if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
	} else {
		out[0] = (char)(0xf0 | c >> 18);
		out[1] = (char)(0x80 | (c >> 12 & 0x3f));
		out[2] = (char)(0x80 | (c >> 6 & 0x3f));
		out[3] = (char)(0x80 | (c & 0x3f));
	}
}

void pv_ui_print(const struct pv_ui_screen *s, FILE *f)
{
	char buf[5];
	for (int y = 0; y < s->rows; y++) {
		const struct pv_ui_cell *row = &s->cell[y * s->cols];
		int n = s->cols;
		while (n && row[n - 1].ch == ' ')
			n--;
		for (int x = 0; x < n; x++) {
			pv_ui_utf8(row[x].ch, buf);
			fputs(buf, f);
		}
		fputc('\n', f);
	}
}
