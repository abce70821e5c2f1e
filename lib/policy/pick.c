/* SPDX-License-Identifier: MPL-2.0 */
#include "policy/pick.h"

#include <stdlib.h>
#include <string.h>

#include "bgp/analyser.h"
#include "dns/analyser.h"
#include "dns/names.h"
#include "policy/held.h"

struct pick {
	unsigned by;			      /* type of the events that decide; 0: nobody rejects anything */
	uint8_t stage;			      /* and of a module's, whose */
	struct pv_net last;		      /* of the packet at hand */
	bool any;			      /* there is one */
	struct pv_net recent[PV_PICK_RECENT]; /* by packet number; of DNS and BGP over TCP */
	struct pv_held held;
};

static bool flagged(const struct pv_event *ev)
{
	return ev->flags & PV_F_FILTERED;
}

static void remember(struct pick *k, const struct pv_net *n)
{
	size_t size = n->ev.size < sizeof k->last ? n->ev.size : sizeof k->last;
	memcpy(&k->last, n, size);
	k->last.ev.size = (uint32_t)size;
	k->any = true;
	if (n->l4 == PV_L4_TCP && (pv_dns_port(n->sport, n->dport) || pv_bgp_port(n->sport, n->dport)))
		k->recent[n->packet % PV_PICK_RECENT] = k->last;
}

/* The NET event of a packet, NULL when it is not known any more. */
static const struct pv_net *net_of(const struct pick *k, uint64_t packet)
{
	if (k->any && k->last.packet == packet)
		return &k->last;
	const struct pv_net *n = &k->recent[packet % PV_PICK_RECENT];
	return packet && n->packet == packet ? n : NULL;
}

/* A message passed: its packet's facts go in front, as a copy: ours change with the next packet. */
static void put_net(const struct pick *k, uint64_t packet, struct pv_view *view)
{
	const struct pv_net *n = net_of(k, packet);
	if (n)
		pv_view_change(view, &n->ev);
}

static bool by_net(struct pick *k, const struct pv_event *ev, uint64_t packet, struct pv_view *view)
{
	if (ev->type == PV_EV_NET) {
		remember(k, (const void *)ev);
		if (!flagged(ev))
			pv_held_accept(&k->held, packet, view);
		return !flagged(ev);
	}
	if (pv_is_module_type(ev->type))
		return pv_held_event(&k->held, ev, packet);
	const struct pv_net *n = net_of(k, packet);
	return n && !flagged(&n->ev);
}

static bool by_message(struct pick *k, const struct pv_event *ev, uint64_t packet, struct pv_view *view)
{
	if (ev->type == PV_EV_NET)
		remember(k, (const void *)ev);
	if (ev->type == PV_EV_TCP_ERROR)
		return true;
	if (pv_is_module_type(ev->type))
		return pv_held_event(&k->held, ev, packet);
	if (ev->type != k->by || flagged(ev))
		return false;
	put_net(k, packet, view);
	pv_held_accept(&k->held, packet, view);
	return true;
}

static bool by_module(struct pick *k, const struct pv_event *ev, uint64_t packet, struct pv_view *view)
{
	bool decides = ev->type == k->by && ((const struct pv_module_event *)(const void *)ev)->stage == k->stage;
	if (!decides || flagged(ev) || !packet)
		return pv_held_event(&k->held, ev, packet);
	pv_held_accept(&k->held, packet, view);
	return true;
}

static bool on_event(void *self, const struct pv_event *ev, struct pv_view *view)
{
	struct pick *k = self;
	uint64_t packet = 0;
	switch (ev->type) {
	case PV_EV_START:
		k->any = false;
		for (size_t i = 0; i < PV_PICK_RECENT; i++)
			k->recent[i].packet = 0;
		pv_held_reset(&k->held);
		return true;
	case PV_EV_DNS_TIMEOUT:
		return false;
	case PV_EV_NET:
		packet = ((const struct pv_net *)(const void *)ev)->packet;
		break;
	case PV_EV_DNS:
		packet = ((const struct pv_dns *)(const void *)ev)->packet;
		break;
	case PV_EV_DHCP:
		packet = ((const struct pv_dhcp *)(const void *)ev)->packet;
		break;
	case PV_EV_FLOW:
		return !k->by || (k->by == PV_EV_FLOW && !flagged(ev));
	case PV_EV_BGP:
		packet = ((const struct pv_bgp *)(const void *)ev)->packet;
		break;
	case PV_EV_TCP_ERROR:
		packet = ((const struct pv_tcp_error *)(const void *)ev)->packet;
		break;
	default:
		if (!pv_is_module_type(ev->type))
			return true;
		packet = ((const struct pv_module_event *)(const void *)ev)->packet;
	}
	if (!k->by)
		return true;
	if (pv_is_module_type(k->by))
		return by_module(k, ev, packet, view);
	return k->by == PV_EV_NET ? by_net(k, ev, packet, view) : by_message(k, ev, packet, view);
}

static const struct pv_view_ops ops = {
    .name = "pick",
    .wants = PV_WANTS(PV_EV_START) | PV_WANTS(PV_EV_NET) | PV_WANTS(PV_EV_DNS) | PV_WANTS(PV_EV_DNS_TIMEOUT) |
	     PV_WANTS(PV_EV_DHCP) | PV_WANTS(PV_EV_BGP) | PV_WANTS(PV_EV_TCP_ERROR) | PV_WANTS(PV_EV_FLOW) |
	     PV_MODULE_EVENTS,
    .event = on_event,
    .free = free,
};

struct pv_stage *pv_pick_new(const char *by, uint8_t stage, uint8_t events, struct pv_sink sink)
{
	static const struct {
		const char *type;
		unsigned event;
	} types[] = {{"net", PV_EV_NET}, {"connections", PV_EV_NET}, {"dns", PV_EV_DNS}, {"dhcp", PV_EV_DHCP}, {"bgp", PV_EV_BGP}, {"flow", PV_EV_FLOW}};
	struct pick *k = calloc(1, sizeof *k);
	if (k) {
		k->by = events;
		k->stage = stage;
	}
	for (size_t i = 0; k && i < sizeof types / sizeof types[0]; i++)
		if (!strcmp(by, types[i].type))
			k->by = types[i].event;
	return pv_view_new(&ops, k, sink);
}
