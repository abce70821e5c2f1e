/* SPDX-License-Identifier: MPL-2.0 */
#include "net/view.h"

#include <stdlib.h>

#include "window/defines.h"

#define PLACES_MAX 65536 /* as many as a window keeps */

struct view {
	const struct pv_net_filter *filter;
	struct pv_defines *places;
};

static const char *text_of(struct view *v, const struct pv_net *e, enum pv_define_kind kind, uint32_t number,
			   size_t *n)
{
	*n = 0;
	return number ? pv_defines_get(v->places, e->stage, kind, number, n) : NULL;
}

static bool on_event(void *self, const struct pv_event *ev, struct pv_view *view)
{
	struct view *v = self;
	if (ev->type == PV_EV_START) {
		pv_defines_clear(v->places);
		return true;
	}
	if (ev->type == PV_EV_DEFINE) {
		pv_defines_put(v->places, (const void *)ev);
		return true;
	}
	const struct pv_net *e = (const void *)ev;
	uint32_t geo, asn;
	size_t geo_len, asn_len;
	pv_net_remote(e, &geo, &asn);
	const char *geo_text = text_of(v, e, PV_DEFINE_GEO, geo, &geo_len);
	const char *asn_text = text_of(v, e, PV_DEFINE_ASN, asn, &asn_len);
	if (pv_net_filter_accepts(v->filter, e, geo_text, geo_len, asn_text, asn_len))
		return true;
	((struct pv_event *)pv_view_change(view, ev))->flags |= PV_F_FILTERED;
	return false;
}

static void view_free(void *self)
{
	struct view *v = self;
	pv_defines_free(v->places);
	free(v);
}

static const struct pv_view_ops ops = {
    .name = "net",
    .wants = PV_WANTS(PV_EV_START) | PV_WANTS(PV_EV_DEFINE) | PV_WANTS(PV_EV_NET),
    .event = on_event,
    .free = view_free,
};

struct pv_stage *pv_net_view_new(const struct pv_net_filter *filter, uint64_t seed, struct pv_sink sink)
{
	struct view *v = calloc(1, sizeof *v);
	if (!v)
		return NULL;
	v->filter = filter;
	v->places = pv_defines_new(PLACES_MAX, seed);
	if (!v->places) {
		free(v);
		return NULL;
	}
	return pv_view_new(&ops, v, sink);
}
