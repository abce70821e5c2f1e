/* SPDX-License-Identifier: MPL-2.0 */
/* ui/ui.h - the terminal view of an agent: its state, the keys that change it, the picture it gives.
 *
 *      session (what is known) + state (what a person wants to see) + size  ->  screen (cells)
 *
 * Drawing depends on nothing else: no terminal and no clock, and of the environment on the time zone alone; a test
 * compares pictures, and `--once` prints them.
 * pv_ui_draw() also remembers where what was put, so that the arrow keys know what is beside what; it brings scroll and
 * selection back into bounds when the answer, or the terminal, has become smaller.
 *
 * Limits: PV_UI_SPOTS panels can be walked through, PV_UI_ORDERS orders be chosen from; texts are cut as everywhere
 * (ui/model.h). One thread. */
#ifndef PV_UI_UI_H
#define PV_UI_UI_H

#include "ui/overview.h"
#include "ui/page.h"
#include "ui/screen.h"
#include "ui/session.h"

#define PV_UI_SPOTS PV_UI_PANELS
#define PV_UI_FILTER_MAX 64
#define PV_UI_ORDERS 32   /* columns of different names in a view: those of the flow handler's tables are 12 */
#define PV_UI_ORDER_MAX 64 /* bytes of a heading */

/* Keys that are no characters. Others are Unicode. */
enum pv_ui_keycode {
	PV_UI_KEY_UP = 0x200000,
	PV_UI_KEY_DOWN,
	PV_UI_KEY_LEFT,
	PV_UI_KEY_RIGHT,
	PV_UI_KEY_PAGE_UP,
	PV_UI_KEY_PAGE_DOWN,
	PV_UI_KEY_HOME,
	PV_UI_KEY_END,
	PV_UI_KEY_ENTER,
	PV_UI_KEY_ESCAPE,
	PV_UI_KEY_BACKSPACE,
	PV_UI_KEY_TAB,
	PV_UI_KEY_BACKTAB,
	PV_UI_KEY_HELP,
};

enum pv_ui_popup { PV_UI_NO_POPUP, PV_UI_HELP, PV_UI_PICK_POLICY, PV_UI_PICK_TAP, PV_UI_DETAILS };

/* A panel with rows that can be selected, in lines of the page. */
struct pv_ui_spot {
	int x, y, w, h;
	int rows;     /* that it has */
	int visible;  /* that are shown at a time */
	int row_y;    /* of the first of them, from y */
};

struct pv_ui_detail {
	char policy[PV_UI_NAME_MAX], handler[PV_UI_NAME_MAX], section[2 * PV_UI_NAME_MAX + 4];
	char path[2 * PV_UI_NAME_MAX], name[PV_UI_NAME_MAX];
};

struct pv_ui {
	struct pv_ui_session s;
	bool quit;
	bool endless; /* not a terminal but paper: nothing gives way to the number of rows */

	struct pv_ui_id view; /* no name: the overview */
	struct pv_ui_id chosen[PV_UI_KINDS]; /* for the overview */
	char section[2 * PV_UI_NAME_MAX + 4]; /* of that handler; "": all */
	char tap[PV_UI_NAME_MAX]; /* "": all */
	char filter[PV_UI_FILTER_MAX];
	bool typing; /* the filter */
	char notice[512]; /* what a person asked for and cannot have; until the next key */
	char order[PV_UI_ORDER_MAX]; /* heading of the column that tables with such a one are sorted by; "": as they come */
	bool reverse;
	bool bits; /* lists and rates of bytes as bits per second */
	enum pv_ui_popup popup;
	size_t pick; /* line of a picker; of what else is too long for the screen, the first that is shown */
	struct pv_ui_detail detail;

	bool selected; /* spot and row mean something */
	int spot, row;
	bool follow; /* the selection has moved: scroll to it */
	int scroll;

	/* of the last picture */
	struct pv_ui_spot spots[PV_UI_SPOTS];
	int nspots, height, page_rows;
	char orders[PV_UI_ORDERS][PV_UI_ORDER_MAX]; /* that there are to choose from */
	size_t norders;
	bool ordered; /* something is sorted by the one that was chosen */
	struct pv_ui_detail under; /* the selected row */
};

/* false: no memory. */
bool pv_ui_init(struct pv_ui *, const char *policy, unsigned window);
void pv_ui_free(struct pv_ui *);

void pv_ui_key(struct pv_ui *, uint32_t key);

/* Handlers of the picked tap, in order. */
size_t pv_ui_handlers(const struct pv_ui *, const struct pv_ui_handler *out[PV_UI_HANDLERS_MAX]);

/* Those of them that a person means by a word: the full name, a schema (all of it), the end of a name ("t-dns"), the
 * beginning of a schema, a part of a name; the first of these ways that finds any. 0 with a line in err, which has the
 * candidates: nothing is called so, or it is not clear what. */
size_t pv_ui_match(const struct pv_ui *, const char *what, const struct pv_ui_handler *out[PV_UI_HANDLERS_MAX],
		   char *err, size_t cap);

/* Shows the view that is called so. false: there is a notice. */
bool pv_ui_begin(struct pv_ui *, const char *view);

/* Lines that all of the view needs at this width, the status line not counted, when it is endless. */
int pv_ui_height(struct pv_ui *, int cols);

/* now_ns: monotonic, to tell how old the picture is. status: the last line, which a program that prints does not want. */
void pv_ui_draw(struct pv_ui *, struct pv_ui_screen *, uint64_t now_ns, bool status);

/* ---- between the files of this folder ------------------------------------------------------------ */

/* The one that is looked at; NULL: the overview. */
const struct pv_ui_handler *pv_ui_viewed(const struct pv_ui *);
/* How many handlers have its schema, and which of them it is, from 0. */
size_t pv_ui_namesakes(const struct pv_ui *, const struct pv_ui_handler *, size_t *which);
void pv_ui_next_of_kind(struct pv_ui *, int by);
/* Its name, as short as the policy allows. */
const char *pv_ui_label(struct pv_ui_pool *, const struct pv_ui *, const struct pv_ui_handler *);
/* Lines of the picker: names, and the entry for all. */
size_t pv_ui_picks(const struct pv_ui *);
const char *pv_ui_pick(const struct pv_ui *, size_t i);
void pv_ui_draw_popup(struct pv_ui *, struct pv_ui_screen *);
void pv_ui_draw_status(const struct pv_ui *, struct pv_ui_screen *, uint64_t now_ns);

#endif
