/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/only.h"

#include <stdlib.h>

struct only {
	const struct pv_hosts *hosts;
};

static bool inside(const struct only *o, const uint8_t src[16], const uint8_t dst[16], uint8_t l3)
{
	return pv_hosts_has(o->hosts, src, l3) || pv_hosts_has(o->hosts, dst, l3);
}

static bool on_event(void *self, const struct pv_event *ev, struct pv_view *view)
{
	const struct only *o = self;
	const struct pv_net *n = (const void *)ev;
	const struct pv_dns *d = (const void *)ev;
	if (!pv_event_dnstap(ev))
		return true;
	if (ev->type != PV_EV_NET)
		return inside(o, d->src, d->dst, d->l3);
	if (inside(o, n->src, n->dst, n->l3))
		return true;
	pv_out_event(pv_view_out(view), PV_EV_TICK, sizeof(struct pv_event), ev->time_ns);
	return false;
}

static const struct pv_view_ops ops = {
    .name = "only",
    .wants = PV_WANTS(PV_EV_NET) | PV_WANTS(PV_EV_DNS) | PV_WANTS(PV_EV_DNS_TIMEOUT),
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
