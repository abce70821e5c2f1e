/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/locate.h"

#include <errno.h>
#include <stdlib.h>

struct locate {
	struct pv_geo *geo;
};

static void define(struct pv_view *view, const struct pv_flow *e, enum pv_define_kind kind, uint32_t number,
		   const char *text, size_t n)
{
	struct pv_define *d = pv_out_event(pv_view_out(view), PV_EV_DEFINE, sizeof *d + n, e->ev.time_ns);
	size_t at = sizeof *d;
	d->stage = e->stage;
	d->kind = (uint8_t)kind;
	d->number = number;
	d->text = pv_ev_put(d, &at, text, n);
}

static void find(struct locate *l, const struct pv_flow *e, const uint8_t addr[16], struct pv_view *view, uint32_t *geo,
		 uint32_t *asn)
{
	const char *text;
	size_t n;
	bool fresh;
	*geo = pv_geo_city(l->geo, addr, e->l3, &fresh, &text, &n);
	if (*geo && fresh)
		define(view, e, PV_DEFINE_GEO, *geo, text, n);
	*asn = pv_geo_asn(l->geo, addr, e->l3, &fresh, &text, &n);
	if (*asn && fresh)
		define(view, e, PV_DEFINE_ASN, *asn, text, n);
}

static bool on_event(void *self, const struct pv_event *ev, struct pv_view *view)
{
	const struct pv_flow *e = (const void *)ev;
	struct locate *l = self;
	uint32_t geo[2], asn[2];
	if (ev->type == PV_EV_START) {
		pv_geo_forget(l->geo);
		return true;
	}
	if (!e->l3 || e->geo_src || e->geo_dst || e->asn_src || e->asn_dst)
		return true;
	find(l, e, e->src, view, &geo[0], &asn[0]);
	find(l, e, e->dst, view, &geo[1], &asn[1]);
	struct pv_flow *to = pv_view_change(view, ev);
	to->geo_src = geo[0];
	to->geo_dst = geo[1];
	to->asn_src = asn[0];
	to->asn_dst = asn[1];
	return false;
}

static void locate_free(void *self)
{
	struct locate *l = self;
	pv_geo_close(l->geo);
	free(l);
}

static const struct pv_view_ops ops = {
    .name = "locate",
    .wants = PV_WANTS(PV_EV_START) | PV_WANTS(PV_EV_FLOW),
    .event = on_event,
    .free = locate_free,
};

struct pv_stage *pv_flow_locate_new(struct pv_geo *geo, struct pv_sink sink)
{
	struct locate *l = calloc(1, sizeof *l);
	if (!l) {
		pv_geo_close(geo);
		errno = ENOMEM;
		return NULL;
	}
	l->geo = geo;
	pv_geo_forget(geo);
	return pv_view_new(&ops, l, sink);
}
