/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/view.h"

#include <stdlib.h>
#include <string.h>

#include "window/defines.h"

#define PLACES_MAX 65536 /* as many as a window keeps */

struct view {
	const struct pv_flow_filter *filter;
	struct pv_services_reader services;
	struct pv_defines *places; /* NULL: nobody looks at them */
};

/* The texts of an event, in the order of its references. */
enum { DEVICE, IN, OUT, SRC, DST, SPORT, DPORT, TEXTS };

struct texts {
	const char *at[TEXTS];
	size_t len[TEXTS];
	bool any;
	char label[2][PV_FLOW_LABEL];
};

static const char *text_of(struct view *v, const struct pv_flow *e, enum pv_define_kind kind, uint32_t number, size_t *n)
{
	*n = 0;
	return number && v->places ? pv_defines_get(v->places, e->stage, kind, number, n) : NULL;
}

static void find_places(struct view *v, const struct pv_flow *e, struct pv_flow_places *at)
{
	at->geo[0] = text_of(v, e, PV_DEFINE_GEO, e->geo_src, &at->geo_len[0]);
	at->geo[1] = text_of(v, e, PV_DEFINE_GEO, e->geo_dst, &at->geo_len[1]);
	at->asn[0] = text_of(v, e, PV_DEFINE_ASN, e->asn_src, &at->asn_len[0]);
	at->asn[1] = text_of(v, e, PV_DEFINE_ASN, e->asn_dst, &at->asn_len[1]);
}

static void put(struct texts *t, int which, const char *text, size_t n)
{
	if (!text || !n)
		return;
	t->at[which] = text;
	t->len[which] = n;
	t->any = true;
}

static void put_name(struct texts *t, int which, const char *name)
{
	put(t, which, name, name ? strlen(name) : 0);
}

static void name_devices(struct view *v, const struct pv_flow *e, struct texts *t)
{
	const struct pv_flow_device *d = pv_flow_filter_device(v->filter, e->device);
	if (!d)
		return;
	put_name(t, DEVICE, d->name);
	put_name(t, IN, pv_flow_device_iface(d, e->in_if));
	put_name(t, OUT, pv_flow_device_iface(d, e->out_if));
}

static void name_ends(struct view *v, const struct pv_flow *e, const struct pv_flow_places *at, struct texts *t)
{
	const struct pv_flow_summary *s = &v->filter->summary;
	size_t n;
	put(t, SRC, t->label[0], pv_flow_summary_label(s, e->src, e->l3, at->asn[0], at->asn_len[0], t->label[0]));
	put(t, DST, t->label[1], pv_flow_summary_label(s, e->dst, e->l3, at->asn[1], at->asn_len[1], t->label[1]));
	const char *name = pv_services_name(&v->services, e->proto, e->sport, &n);
	put(t, SPORT, name, name ? n : 0);
	name = pv_services_name(&v->services, e->proto, e->dport, &n);
	put(t, DPORT, name, name ? n : 0);
}

/* The event with other texts, in its place. */
static struct pv_flow *rewrite(struct pv_view *view, const struct pv_flow *e, struct texts *t)
{
	const struct pv_ref old[TEXTS] = {e->device_name, e->in_name, e->out_name, e->src_label,
					  e->dst_label,	  e->sport_name, e->dport_name};
	size_t size = sizeof *e, at = sizeof *e;
	for (int i = 0; i < TEXTS; i++) {
		if (!t->at[i] && old[i].len)
			put(t, i, pv_ref_bytes(&e->ev, old[i]), old[i].len);
		size += t->len[i];
	}
	struct pv_flow *to = pv_out_event(pv_view_out(view), PV_EV_FLOW, size, e->ev.time_ns);
	struct pv_event head = to->ev;
	memcpy(to, e, sizeof *to);
	to->ev = head;
	to->ev.flags = e->ev.flags;
	struct pv_ref *const ref[TEXTS] = {&to->device_name, &to->in_name, &to->out_name, &to->src_label,
					   &to->dst_label,   &to->sport_name, &to->dport_name};
	for (int i = 0; i < TEXTS; i++)
		*ref[i] = pv_ev_put(to, &at, t->at[i], t->len[i]);
	return to;
}

static bool on_flow(struct view *v, const struct pv_flow *e, struct pv_view *view)
{
	struct pv_flow_places at = {.geo = {NULL}};
	struct texts t;
	uint8_t left, was = e->bits & (PV_FLOW_IN | PV_FLOW_OUT);
	memset(t.at, 0, sizeof t.at);
	memset(t.len, 0, sizeof t.len);
	t.any = false;
	if (v->places)
		find_places(v, e, &at);
	bool rejected = e->ev.flags & PV_F_FILTERED;
	bool accepted = pv_flow_filter_accepts(v->filter, e, &at, &left) && !rejected;
	bool unscale = !v->filter->scaling && !(e->bits & PV_FLOW_SCALED) && e->rate > 1;
	name_devices(v, e, &t); /* what is rejected is counted by device */
	if (accepted)
		name_ends(v, e, &at, &t);
	if (!t.any && accepted == !rejected && (!accepted || (left == was && !unscale)))
		return true;
	struct pv_flow *to = t.any ? rewrite(view, e, &t) : pv_view_change(view, &e->ev);
	if (!accepted) {
		to->ev.flags |= PV_F_FILTERED;
		return false;
	}
	to->bits = (uint8_t)((e->bits & ~(PV_FLOW_IN | PV_FLOW_OUT)) | left);
	if (unscale)
		to->rate = 1;
	return false;
}

static bool on_event(void *self, const struct pv_event *ev, struct pv_view *view)
{
	struct view *v = self;
	switch (ev->type) {
	case PV_EV_START:
		if (v->places)
			pv_defines_clear(v->places);
		return true;
	case PV_EV_DEFINE:
		if (v->places)
			pv_defines_put(v->places, (const void *)ev);
		return true;
	default:
		return on_flow(v, (const void *)ev, view);
	}
}

static void view_free(void *self)
{
	struct view *v = self;
	pv_defines_free(v->places);
	pv_services_reader_reset(&v->services);
	free(v);
}

static const struct pv_view_ops ops = {
    .name = "flow",
    .wants = PV_WANTS(PV_EV_START) | PV_WANTS(PV_EV_DEFINE) | PV_WANTS(PV_EV_FLOW),
    .event = on_event,
    .free = view_free,
};

bool pv_flow_view_needed(const struct pv_flow_filter *f, const struct pv_services *s)
{
	return s || pv_flow_filter_on(f);
}

struct pv_stage *pv_flow_view_new(const struct pv_flow_filter *filter, struct pv_services *services, uint64_t seed,
				  struct pv_sink sink)
{
	struct view *v = calloc(1, sizeof *v);
	if (!v)
		return NULL;
	v->filter = filter;
	pv_services_reader_init(&v->services, services);
	if (pv_flow_filter_wants_places(filter) && !(v->places = pv_defines_new(PLACES_MAX, seed))) {
		view_free(v);
		return NULL;
	}
	return pv_view_new(&ops, v, sink);
}
