/* SPDX-License-Identifier: MPL-2.0 */
#define NCURSES_WIDECHAR 1
#include "term.h"

#include <ncurses.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

#include "ui/ui.h"

#include <term.h> /* behind ours, as it defines words like "columns" */

/* How each attribute looks with colours and without. Default colours are the terminal's own. */
static const struct look {
	short colour;
	attr_t with, without;
} looks[PV_UI_ATTRS] = {
    [PV_UI_PLAIN] = {-1, A_NORMAL, A_NORMAL},
    [PV_UI_FRAME] = {COLOR_BLUE, A_NORMAL, A_NORMAL},
    [PV_UI_TITLE] = {COLOR_CYAN, A_BOLD, A_BOLD},
    [PV_UI_LABEL] = {COLOR_CYAN, A_NORMAL, A_NORMAL},
    [PV_UI_DIM] = {-1, A_DIM, A_NORMAL},
    [PV_UI_SPARK] = {COLOR_GREEN, A_NORMAL, A_NORMAL},
    [PV_UI_ERROR] = {COLOR_RED, A_BOLD | A_REVERSE, A_BOLD | A_REVERSE},
    [PV_UI_STATUS] = {-1, A_REVERSE, A_REVERSE},
    [PV_UI_SELECTED] = {COLOR_YELLOW, A_BOLD | A_REVERSE, A_REVERSE},
};

static bool colours, begun;

bool pv_term_begin(bool colour, char *why, size_t cap)
{
	/* initscr() would end the process where the terminal is unknown */
	SCREEN *s = newterm(NULL, stdout, stdin);
	if (!s) {
		const char *name = getenv("TERM");
		snprintf(why, cap, "cannot use the terminal '%.60s'; is TERM right?", name ? name : "");
		return false;
	}
	begun = true;
	set_term(s);
	if (!cursor_address || !clear_screen) {
		const char *name = getenv("TERM");
		pv_term_end();
		snprintf(why, cap, "the terminal '%.60s' cannot show pictures; --once prints one",
			 name ? name : "");
		return false;
	}
	set_escdelay(50);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	colours = colour && has_colors() && start_color() != ERR && use_default_colors() != ERR;
	for (short i = 0; colours && i < PV_UI_ATTRS; i++)
		init_pair((short)(i + 1), looks[i].colour, -1);
	return true;
}

void pv_term_end(void)
{
	if (begun)
		endwin();
	begun = false;
}

void pv_term_size(int *cols, int *rows)
{
	*cols = COLS;
	*rows = LINES;
}

/* A character whose width the terminal's locale sees otherwise would shift the rest of the line. */
static wchar_t certain(const struct pv_ui_cell *c, int width)
{
	return wcwidth((wchar_t)c->ch) == width ? (wchar_t)c->ch : L'?';
}

void pv_term_show(const struct pv_ui_screen *s)
{
	for (int y = 0; y < s->rows; y++)
		for (int x = 0; x < s->cols; x++) {
			const struct pv_ui_cell *c = &s->cell[y * s->cols + x];
			int width = x + 1 < s->cols && !c[1].ch ? 2 : 1;
			wchar_t text[2] = {c->ch ? certain(c, width) : L'?', 0};
			cchar_t cell;
			setcchar(&cell, text, colours ? looks[c->attr].with : looks[c->attr].without,
				 colours ? (short)(c->attr + 1) : 0, NULL);
			mvadd_wch(y, x, &cell);
			if (width == 2 && text[0] != L'?')
				x++;
		}
	refresh();
}

static uint32_t special(wint_t key)
{
	static const struct {
		wint_t curses;
		uint32_t ours;
	} keys[] = {
	    {KEY_UP, PV_UI_KEY_UP},	    {KEY_DOWN, PV_UI_KEY_DOWN},
	    {KEY_LEFT, PV_UI_KEY_LEFT},	    {KEY_RIGHT, PV_UI_KEY_RIGHT},
	    {KEY_PPAGE, PV_UI_KEY_PAGE_UP}, {KEY_NPAGE, PV_UI_KEY_PAGE_DOWN},
	    {KEY_HOME, PV_UI_KEY_HOME},	    {KEY_END, PV_UI_KEY_END},
	    {KEY_ENTER, PV_UI_KEY_ENTER},   {KEY_BTAB, PV_UI_KEY_BACKTAB},
	    {KEY_F(1), PV_UI_KEY_HELP},	    {KEY_BACKSPACE, PV_UI_KEY_BACKSPACE},
	};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (keys[i].curses == key)
			return keys[i].ours;
	return UINT32_MAX;
}

uint32_t pv_term_key(bool *resized)
{
	wint_t key;
	int got = get_wch(&key);
	if (got == ERR)
		return 0;
	if (got == KEY_CODE_YES) {
		*resized = *resized || key == KEY_RESIZE;
		return special(key);
	}
	switch (key) {
	case '\r':
	case '\n':
		return PV_UI_KEY_ENTER;
	case '\t':
		return PV_UI_KEY_TAB;
	case 27:
		return PV_UI_KEY_ESCAPE;
	case 8:
	case 127:
		return PV_UI_KEY_BACKSPACE;
	default:
		return key ? (uint32_t)key : UINT32_MAX;
	}
}
