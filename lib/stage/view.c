/* SPDX-License-Identifier: MPL-2.0 */
#include "stage/view.h"

#include <stdlib.h>
#include <string.h>

struct pv_view {
	struct pv_stage stage;
	const struct pv_view_ops *ops;
	void *self;
	/* [run, at) waits to be handed on; the event at hand is [at, next) */
	const uint8_t *run, *at, *next;
};

static void pass_to(struct pv_view *v, const uint8_t *end)
{
	if (end > v->run) {
		pv_out_pass_counted(&v->stage.out, v->run, (size_t)(end - v->run));
		v->run = end;
	}
}

struct pv_out *pv_view_out(struct pv_view *v)
{
	if (v->at)
		pass_to(v, v->at);
	return &v->stage.out;
}

struct pv_out *pv_view_behind(struct pv_view *v)
{
	if (v->next)
		pass_to(v, v->next);
	return &v->stage.out;
}

void *pv_view_change(struct pv_view *v, const struct pv_event *ev)
{
	struct pv_out *o = pv_view_out(v);
	struct pv_event *copy = pv_out_reserve(o, ev->size);
	memcpy(copy, ev, ev->size);
	pv_out_commit(o, ev->type, ev->size, ev->time_ns);
	copy->flags = ev->flags;
	return copy;
}

static void view_batch(struct pv_stage *stage, const struct pv_event *first, size_t bytes)
{
	struct pv_view *v = (struct pv_view *)stage;
	const uint8_t *p = (const uint8_t *)first, *end = p + bytes;
	uint64_t wants = v->ops->wants;
	v->run = p;
	for (; p < end; p = v->next) {
		const struct pv_event *ev = (const void *)p;
		v->at = p;
		v->next = p + ev->size;
		if (ev->type < PV_EV_TYPES && (wants & PV_WANTS(ev->type)) &&
		    !v->ops->event(v->self, ev, v)) {
			pass_to(v, v->at);
			v->run = v->next;
		}
	}
	pass_to(v, end);
	v->run = v->at = v->next = NULL;
}

static void view_end(struct pv_stage *stage, bool cut)
{
	struct pv_view *v = (struct pv_view *)stage;
	(void)cut;
	if (v->ops->end)
		v->ops->end(v->self, v);
}

static void view_free(struct pv_stage *stage)
{
	struct pv_view *v = (struct pv_view *)stage;
	v->ops->free(v->self);
	pv_out_free(&v->stage.out);
	free(v);
}

static const struct pv_stage_ops view_ops = {"view", view_batch, view_end, view_free};

struct pv_stage *pv_view_new(const struct pv_view_ops *ops, void *self, struct pv_sink sink)
{
	struct pv_view *v = self ? calloc(1, sizeof *v) : NULL;
	if (!v) {
		if (self)
			ops->free(self);
		return NULL;
	}
	v->stage.ops = &view_ops;
	v->ops = ops;
	v->self = self;
	if (pv_out_init(&v->stage.out, sink)) {
		view_free(&v->stage);
		return NULL;
	}
	return &v->stage;
}
