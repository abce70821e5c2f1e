/* SPDX-License-Identifier: MPL-2.0 */
#include "dhcp/view.h"

#include <stdlib.h>

struct view {
	uint64_t ttl_ns;
};

static bool on_event(void *self, const struct pv_event *ev, struct pv_view *view)
{
	const struct view *v = self;
	const struct pv_dhcp *d = (const void *)ev;
	uint64_t then = d->request_time_ns,
		 age = ev->time_ns > then ? ev->time_ns - then : then - ev->time_ns;
	if (!(d->bits & PV_DHCP_MATCHED) || age < v->ttl_ns)
		return true;
	struct pv_dhcp *mine = pv_view_change(view, ev);
	mine->bits &= (uint8_t)~PV_DHCP_MATCHED;
	mine->request_time_ns = 0;
	mine->client_name = (struct pv_ref){0, 0}; /* it was the request's */
	return false;
}

static const struct pv_view_ops ops = {
    .name = "dhcp",
    .wants = PV_WANTS(PV_EV_DHCP),
    .event = on_event,
    .free = free,
};

struct pv_stage *pv_dhcp_view_new(uint64_t ttl_ns, struct pv_sink sink)
{
	struct view *v = calloc(1, sizeof *v);
	if (v)
		v->ttl_ns = ttl_ns;
	return pv_view_new(&ops, v, sink);
}
