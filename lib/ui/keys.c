/* SPDX-License-Identifier: MPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "ui/ui.h"

#define PICK_PAGE 10 /* lines that Page Down skips in a popup */

bool pv_ui_init(struct pv_ui *u, const char *policy, unsigned window)
{
	memset(u, 0, sizeof *u);
	return pv_ui_session_init(&u->s, policy, window);
}

void pv_ui_free(struct pv_ui *u)
{
	pv_ui_session_free(&u->s);
}

/* ---- views --------------------------------------------------------------------------------------- */

static void top_of_page(struct pv_ui *u)
{
	u->scroll = u->spot = u->row = 0;
	u->selected = u->follow = false;
	u->section[0] = '\0';
}

/* NULL: the overview. */
static void show(struct pv_ui *u, const struct pv_ui_handler *h)
{
	memset(&u->view, 0, sizeof u->view);
	if (h)
		u->view = pv_ui_id(h);
	top_of_page(u);
}

/* 0: the overview; a number that no view has changes nothing. */
static void show_nth(struct pv_ui *u, size_t view)
{
	const struct pv_ui_handler *all[PV_UI_HANDLERS_MAX];
	if (view <= pv_ui_handlers(u, all))
		show(u, view ? all[view - 1] : NULL);
}

static void step_view(struct pv_ui *u, int by)
{
	const struct pv_ui_handler *all[PV_UI_HANDLERS_MAX], *now = pv_ui_viewed(u);
	size_t n = pv_ui_handlers(u, all), at = 0;
	while (now && at < n && all[at++] != now)
		;
	at = (at + (by > 0 ? 1 : n)) % (n + 1);
	show(u, at ? all[at - 1] : NULL);
}

/* ---- walking about ------------------------------------------------------------------------------- */

static bool overlap(const struct pv_ui_spot *a, const struct pv_ui_spot *b)
{
	return a->x < b->x + b->w && b->x < a->x + a->w;
}

/* The nearest panel above or below that has rows. */
static void leave(struct pv_ui *u, int by)
{
	const struct pv_ui_spot *here = &u->spots[u->spot];
	int best = -1;
	for (int i = 0; i < u->nspots; i++) {
		const struct pv_ui_spot *s = &u->spots[i];
		int away = by * (s->y - here->y);
		if (s->rows && away > 0 && overlap(s, here) &&
		    (best < 0 || away < by * (u->spots[best].y - here->y)))
			best = i;
	}
	if (best < 0)
		return;
	u->spot = best;
	u->row = by > 0 ? 0 : u->spots[best].rows - 1;
}

static void move_row(struct pv_ui *u, int by)
{
	int to = u->row + by;
	if (to >= 0 && to < u->spots[u->spot].rows)
		u->row = to;
	else
		leave(u, by);
}

static void move_panel(struct pv_ui *u, int by)
{
	for (int i = u->spot + by; i >= 0 && i < u->nspots; i += by) {
		if (!u->spots[i].rows)
			continue;
		u->spot = i;
		if (u->row >= u->spots[i].rows)
			u->row = u->spots[i].rows - 1;
		return;
	}
}

/* The first move selects the first row that is to be seen. */
static bool select_first(struct pv_ui *u)
{
	for (int i = 0; i < u->nspots; i++)
		if (u->spots[i].rows && u->spots[i].y + u->spots[i].row_y >= u->scroll) {
			u->spot = i;
			u->row = 0;
			return u->selected = true;
		}
	return false;
}

static void walk(struct pv_ui *u, uint32_t key)
{
	u->follow = true;
	if (!u->selected) {
		if (!select_first(u))
			u->scroll += key == PV_UI_KEY_DOWN ? 1 : key == PV_UI_KEY_UP ? -1 : 0;
		return;
	}
	if (key == PV_UI_KEY_UP || key == PV_UI_KEY_DOWN)
		move_row(u, key == PV_UI_KEY_DOWN ? 1 : -1);
	else
		move_panel(u, key == PV_UI_KEY_RIGHT ? 1 : -1);
}

static void scroll(struct pv_ui *u, int by)
{
	u->follow = false;
	u->scroll += by;
	if (u->scroll > u->height - u->page_rows)
		u->scroll = u->height - u->page_rows;
	if (u->scroll < 0)
		u->scroll = 0;
}

/* A section opens; anything else is explained. */
static void enter(struct pv_ui *u)
{
	if (!u->selected)
		return;
	if (!*u->under.path && *u->under.section) { /* of this view, or of what stands in the overview */
		snprintf(u->view.policy, sizeof u->view.policy, "%s", u->under.policy);
		snprintf(u->view.name, sizeof u->view.name, "%s", u->under.handler);
		top_of_page(u);
		snprintf(u->section, sizeof u->section, "%s", u->under.section);
		return;
	}
	u->detail = u->under;
	u->popup = PV_UI_DETAILS;
	u->pick = 0;
}

static void escape(struct pv_ui *u)
{
	if (*u->filter)
		u->filter[0] = '\0';
	else if (*u->section)
		top_of_page(u);
	else if (u->selected)
		u->selected = u->follow = false;
	else
		show(u, NULL);
}

/* What comes after the present order; one that this view has not is left for the first. */
static void sort(struct pv_ui *u)
{
	size_t next = 0;
	for (size_t i = 0; i < u->norders; i++)
		if (!strcmp(u->orders[i], u->order))
			next = i + 1;
	snprintf(u->order, sizeof u->order, "%s", next < u->norders ? u->orders[next] : "");
}

/* ---- pickers ------------------------------------------------------------------------------------- */

size_t pv_ui_picks(const struct pv_ui *u)
{
	return 1 + (u->popup == PV_UI_PICK_POLICY ? u->s.policies.n : u->s.taps.n);
}

const char *pv_ui_pick(const struct pv_ui *u, size_t i)
{
	bool policy = u->popup == PV_UI_PICK_POLICY;
	if (!i)
		return policy ? PV_UI_ALL : "";
	return policy ? u->s.policies.name[i - 1] : u->s.taps.name[i - 1];
}

static void open_picker(struct pv_ui *u, enum pv_ui_popup popup, const char *now)
{
	u->popup = popup;
	u->pick = 0;
	for (size_t i = 0; i < pv_ui_picks(u); i++)
		if (!strcmp(pv_ui_pick(u, i), now))
			u->pick = i;
}

static void picked(struct pv_ui *u)
{
	const char *name = u->pick < pv_ui_picks(u) ? pv_ui_pick(u, u->pick) : "";
	if (u->popup == PV_UI_PICK_TAP) {
		snprintf(u->tap, sizeof u->tap, "%s", name);
	} else if (*name) {
		char policy[PV_UI_NAME_MAX];
		snprintf(policy, sizeof policy, "%s", name);
		pv_ui_session_policy(&u->s, policy);
		u->tap[0] = '\0';
		memset(&u->view, 0, sizeof u->view);
	}
	u->popup = PV_UI_NO_POPUP;
	top_of_page(u);
}

static void popup_key(struct pv_ui *u, uint32_t key)
{
	bool picker = u->popup == PV_UI_PICK_POLICY || u->popup == PV_UI_PICK_TAP;
	size_t n = picker ? pv_ui_picks(u) : 0;
	size_t last = picker ? n - 1 : SIZE_MAX - PICK_PAGE; /* drawing knows the end of what is no picker */
	if (key == PV_UI_KEY_DOWN || key == 'j')
		u->pick += u->pick < last;
	else if (key == PV_UI_KEY_UP || key == 'k')
		u->pick -= u->pick > 0;
	else if (key == PV_UI_KEY_PAGE_DOWN)
		u->pick = last - u->pick > PICK_PAGE ? u->pick + PICK_PAGE : last;
	else if (key == PV_UI_KEY_PAGE_UP)
		u->pick -= u->pick < PICK_PAGE ? u->pick : PICK_PAGE;
	else if (picker && key == PV_UI_KEY_HOME)
		u->pick = 0;
	else if (picker && key == PV_UI_KEY_END)
		u->pick = n - 1;
	else if (picker && key == PV_UI_KEY_ENTER)
		picked(u);
	else
		u->popup = PV_UI_NO_POPUP;
}

/* ---- the filter ---------------------------------------------------------------------------------- */

static void type(struct pv_ui *u, uint32_t key)
{
	char ch[5];
	size_t n = strlen(u->filter);
	if (key == PV_UI_KEY_ENTER || key == PV_UI_KEY_ESCAPE) {
		u->typing = false;
		if (key == PV_UI_KEY_ESCAPE)
			u->filter[0] = '\0';
	} else if (key == PV_UI_KEY_BACKSPACE) {
		while (n && ((unsigned char)u->filter[n - 1] & 0xc0) == 0x80)
			n--;
		u->filter[n ? n - 1 : 0] = '\0';
	} else if (key >= ' ' && key < PV_UI_KEY_UP) {
		pv_ui_utf8(key, ch);
		if (n + strlen(ch) < sizeof u->filter)
			memcpy(u->filter + n, ch, strlen(ch) + 1);
	}
	u->scroll = 0;
	u->selected = u->follow = false;
}

static void page_key(struct pv_ui *u, uint32_t key)
{
	switch (key) {
	case PV_UI_KEY_UP:
	case 'k':
		walk(u, PV_UI_KEY_UP);
		break;
	case PV_UI_KEY_DOWN:
	case 'j':
		walk(u, PV_UI_KEY_DOWN);
		break;
	case PV_UI_KEY_LEFT:
	case 'h':
		walk(u, PV_UI_KEY_LEFT);
		break;
	case PV_UI_KEY_RIGHT:
	case 'l':
		walk(u, PV_UI_KEY_RIGHT);
		break;
	case PV_UI_KEY_PAGE_UP:
		scroll(u, -u->page_rows);
		break;
	case PV_UI_KEY_PAGE_DOWN:
		scroll(u, u->page_rows);
		break;
	case PV_UI_KEY_HOME:
	case 'g':
		scroll(u, -u->height);
		break;
	case PV_UI_KEY_END:
	case 'G':
		scroll(u, u->height);
		break;
	case PV_UI_KEY_ENTER:
		enter(u);
		break;
	case PV_UI_KEY_ESCAPE:
		escape(u);
		break;
	case PV_UI_KEY_TAB:
		step_view(u, 1);
		break;
	case 'n':
	case 'N':
		pv_ui_next_of_kind(u, key == 'n' ? 1 : -1);
		break;
	case PV_UI_KEY_BACKTAB:
		step_view(u, -1);
		break;
	default:
		if (key >= '1' && key <= '9')
			show_nth(u, key - '1');
	}
}

void pv_ui_key(struct pv_ui *u, uint32_t key)
{
	u->notice[0] = '\0';
	if (u->typing) {
		type(u, key);
		return;
	}
	if (u->popup && key != 'q') {
		popup_key(u, key);
		return;
	}
	switch (key) {
	case 'q':
		u->quit = true;
		break;
	case '?':
	case PV_UI_KEY_HELP:
		u->popup = PV_UI_HELP;
		u->pick = 0;
		break;
	case 'p':
		open_picker(u, PV_UI_PICK_POLICY, u->s.policy);
		break;
	case 't':
		open_picker(u, PV_UI_PICK_TAP, u->tap);
		break;
	case '/':
		u->typing = true;
		u->filter[0] = '\0';
		break;
	case ' ':
		u->s.paused = !u->s.paused;
		break;
	case 'r':
		pv_ui_session_refresh(&u->s);
		break;
	case '+':
	case '=':
		pv_ui_session_window(&u->s, u->s.window + 1);
		break;
	case '-':
		pv_ui_session_window(&u->s, u->s.window - 1);
		break;
	case 's':
		sort(u);
		break;
	case 'R':
		u->reverse = !u->reverse;
		break;
	case 'b':
		u->bits = !u->bits;
		break;
	default:
		page_key(u, key);
	}
}
