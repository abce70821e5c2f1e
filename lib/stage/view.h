/* SPDX-License-Identifier: MPL-2.0 */
/* stage/view.h - a stage that changes a stream on its way: what one policy sees of events that others read as
 * they are.
 *
 * A filter (stage/stage.h) adds to a stream; a view takes out, flags and rewrites. It looks at the types it
 * wants and says of each event: goes on, or does not. What it puts out instead, or besides, goes in the
 * event's place. Everything else is handed on by reference.
 *
 * Ownership: events are borrowed for the length of the call. Threads: one at a time. Errors: those of its
 * out. */
#ifndef PV_STAGE_VIEW_H
#define PV_STAGE_VIEW_H

#include "stage/stage.h"

struct pv_view;

struct pv_view_ops {
	const char *name;
	uint64_t wants; /* PV_WANTS() of each type it looks at; START and STOP are types like others */
	/* True: the event goes on as it is. False: it does not. */
	bool (*event)(void *self, const struct pv_event *, struct pv_view *);
	/* Input is over without STOP: put out what is due. NULL: nothing. */
	void (*end)(void *self, struct pv_view *);
	void (*free)(void *self);
};

/* Takes over `self` (freed with the stage, also when this fails; NULL means that it could not be made). NULL:
 * ENOMEM. */
struct pv_stage *pv_view_new(const struct pv_view_ops *, void *self, struct pv_sink);

/* Where the view puts its own events: in front of the event at hand. */
struct pv_out *pv_view_out(struct pv_view *);

/* The same, behind the event at hand, which is handed on by this: `event` must then answer true. */
struct pv_out *pv_view_behind(struct pv_view *);

/* A copy of an event of ours to change, in its place; `event` must then answer false. */
void *pv_view_change(struct pv_view *, const struct pv_event *);

#endif
