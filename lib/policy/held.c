/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/held.h"

#include <string.h>

void pv_held_reset(struct pv_held *h)
{
	memset(h->passed, 0, sizeof h->passed);
	h->waits = h->n = 0;
}

bool pv_held_event(struct pv_held *h, const struct pv_event *ev, uint64_t packet)
{
	if (!packet || h->passed[packet % PV_HELD_RECENT] == packet)
		return packet;
	if (packet > h->waits) {
		h->waits = packet;
		h->n = 0;
	}
	if (packet == h->waits && ev->size <= sizeof h->bytes - h->n) {
		memcpy(h->bytes + h->n, ev, ev->size);
		h->n += ev->size;
	}
	return false;
}

void pv_held_accept(struct pv_held *h, uint64_t packet, struct pv_view *view)
{
	h->passed[packet % PV_HELD_RECENT] = packet;
	if (packet != h->waits || !h->n)
		return;
	pv_out_pass(pv_view_out(view), h->bytes, h->n);
	pv_out_release(pv_view_out(view)); /* `bytes` are about to change */
	h->n = 0;
}
