/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/only.h"

#include <stdlib.h>

#include "policy/held.h"

struct only {
	const struct pv_hosts *hosts;
	struct pv_held held; /* of modules, until the NET event says whose */
};

static bool inside(const struct only *o, const uint8_t src[16], const uint8_t dst[16], uint8_t l3)
{
	return pv_hosts_has(o->hosts, src, l3) || pv_hosts_has(o->hosts, dst, l3);
}

/* Its NET event comes for every message, and decides for what modules made of it. */
static bool net(struct only *o, const struct pv_net *n, struct pv_view *view)
{
	if (!pv_event_dnstap(&n->ev) || inside(o, n->src, n->dst, n->l3)) {
		pv_held_accept(&o->held, n->packet, view);
		return true;
	}
	pv_out_event(pv_view_out(view), PV_EV_TICK, sizeof(struct pv_event), n->ev.time_ns);
	return false;
}

static bool on_event(void *self, const struct pv_event *ev, struct pv_view *view)
{
	struct only *o = self;
	const struct pv_dns *d = (const void *)ev;
	switch (ev->type) {
	case PV_EV_START:
		pv_held_reset(&o->held);
		return true;
	case PV_EV_NET:
		return net(o, (const void *)ev, view);
	case PV_EV_DNS:
	case PV_EV_DNS_TIMEOUT:
		return !pv_event_dnstap(ev) || inside(o, d->src, d->dst, d->l3);
	default:
		return pv_held_event(&o->held, ev, ((const struct pv_module_event *)(const void *)ev)->packet);
	}
}

static const struct pv_view_ops ops = {
    .name = "only",
    .wants = PV_WANTS(PV_EV_START) | PV_WANTS(PV_EV_NET) | PV_WANTS(PV_EV_DNS) | PV_WANTS(PV_EV_DNS_TIMEOUT) |
	     PV_MODULE_EVENTS,
    .event = on_event,
    .free = free,
};

struct pv_stage *pv_only_new(const struct pv_hosts *hosts, struct pv_sink sink)
{
	struct only *o = calloc(1, sizeof *o);
	if (o)
		o->hosts = hosts;
	return pv_view_new(&ops, o, sink);
}
