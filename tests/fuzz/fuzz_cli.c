/* SPDX-License-Identifier: MPL-2.0 */
/* Answers of an agent that may be anything, and keys pressed on what is made of them. An input is
 *
 *      a byte: columns   a byte: rows   a byte: how many keys follow   keys   the answer's bytes
 *
 * Properties: whatever is drawn stays within the picture, and is made of characters that no terminal acts
 * upon; scroll and selection are of what there is; the same answer gives the same picture. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ui/ui.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool holds)
{
	if (!holds)
		abort();
}

/* Letters stand for themselves, the rest for keys that are none. */
static uint32_t key_of(uint8_t b)
{
	return b < 0x80 ? (b < 15 ? PV_UI_KEY_UP + b : b) : PV_UI_KEY_UP + b % 14;
}

static void check(const struct pv_ui *u, const struct pv_ui_screen *s)
{
	for (int i = 0; i < s->cols * s->rows; i++) {
		uint32_t c = s->cell[i].ch;
		want(s->cell[i].attr < PV_UI_ATTRS && (c || i) && (c == 0 || c >= 0x20) &&
		     !(c >= 0x7f && c < 0xa0));
		want(c != 0x202e && c != 0x200f && c < 0x110000);
	}
	want(u->scroll >= 0 && (u->scroll == 0 || u->scroll <= u->height - u->page_rows));
	want(!u->selected || (u->spot < u->nspots && u->row >= 0 && u->row < u->spots[u->spot].rows));
}

static struct pv_ui_screen picture(struct pv_ui *u, int cols, int rows)
{
	struct pv_ui_screen s;
	want(pv_ui_screen_init(&s, cols, rows, true));
	pv_ui_draw(u, &s, 0, true);
	check(u, &s);
	return s;
}

static void ask(struct pv_ui *u, const uint8_t *data, size_t size)
{
	char path[2048], *body = malloc(size + 1);
	uint64_t wait;
	want(body != NULL);
	memcpy(body, data, size);
	body[size] = '\0';
	pv_ui_session_refresh(&u->s);
	pv_ui_session_next(&u->s, 0, path, sizeof path, &wait);
	pv_ui_session_answer(&u->s, 0, size % 7 ? 200 : 425, body, size, "");
	free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pv_ui u; /* large; all of it is set anew */
	if (size < 3 || size < 3u + data[2])
		return 0;
	int cols = data[0] + 1, rows = data[1] % 100 + 1;
	const uint8_t *keys = data + 3, *body = keys + data[2];
	size_t len = size - 3 - data[2];
	want(pv_ui_init(&u, "p", 5));
	ask(&u, body, len);
	for (size_t i = 0; i < data[2]; i++) {
		struct pv_ui_screen s = picture(&u, cols, rows);
		pv_ui_screen_free(&s);
		pv_ui_key(&u, key_of(keys[i]));
		if (i == 5)
			ask(&u, body, len / 2);
	}
	struct pv_ui_screen a = picture(&u, cols, rows), b = picture(&u, cols, rows);
	want(!memcmp(a.cell, b.cell, (size_t)cols * (size_t)rows * sizeof *a.cell));
	pv_ui_screen_free(&a);
	pv_ui_screen_free(&b);
	pv_ui_free(&u);
	return 0;
}
