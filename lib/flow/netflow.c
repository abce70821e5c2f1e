/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/netflow.h"

struct layout {
	uint8_t version, head, record, max;
	uint8_t proto, tos, flags; /* where they stand in a record; the rest is the same in all */
	uint8_t source;
};

static const struct layout layouts[] = {
    {1, 16, 48, PV_NETFLOW_V1_MAX, 38, 39, 40, PV_FLOW_NETFLOW_V1},
    {5, 24, 48, PV_NETFLOW_V5_MAX, 38, 39, 37, PV_FLOW_NETFLOW_V5},
    {7, 24, 52, PV_NETFLOW_V7_MAX, 38, 39, 37, PV_FLOW_NETFLOW_V7},
};

static const struct layout *layout_of(uint16_t version)
{
	for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
		if (layouts[i].version == version)
			return &layouts[i];
	return NULL;
}

enum pv_flow_reason pv_netflow_head(struct pv_cur *c, struct pv_netflow_head *h)
{
	*h = (struct pv_netflow_head){.version = pv_be16(c)};
	h->count = pv_be16(c);
	const struct layout *l = layout_of(h->version);
	if (c->bad)
		return PV_FDEC_SHORT;
	if (!l)
		return PV_FDEC_VERSION;
	h->uptime_ms = pv_be32(c);
	pv_skip(c, 8); /* seconds, nanoseconds: the exporter's clock */
	if (h->version != 1) {
		h->sequence = pv_be32(c);
		h->engine = pv_be16(c); /* of version 7: reserved */
		h->rate = pv_be16(c) & 0x3fff;
	}
	if (h->version == 7)
		h->engine = h->rate = 0;
	if (c->bad)
		return PV_FDEC_SHORT;
	size_t size = (size_t)h->count * l->record;
	if (!h->count || h->count > l->max || pv_left(c) > size || (pv_left(c) < size && !c->cut))
		return PV_FDEC_COUNT;
	return PV_FDEC_OK;
}

enum pv_flow_reason pv_netflow_records(struct pv_cur *c, const struct pv_netflow_head *h, struct pv_flow_to *to)
{
	const struct layout *l = layout_of(h->version);
	to->base.source = l->source;
	for (unsigned i = 0; i < h->count; i++) {
		const uint8_t *p = pv_take(c, l->record);
		if (!p)
			return PV_FDEC_CUT; /* the head said that it was whole */
		struct pv_flow f = to->base;
		pv_flow_ipv4(f.src, p);
		pv_flow_ipv4(f.dst, p + 4);
		f.in_if = pv_get16(p + 12);
		f.out_if = pv_get16(p + 14);
		f.packets = pv_get32(p + 16);
		f.bytes = pv_get32(p + 20);
		f.sport = pv_get16(p + 32);
		f.dport = pv_get16(p + 34);
		f.proto = p[l->proto];
		f.tos = p[l->tos];
		f.tcp_flags = p[l->flags];
		f.l3 = 4;
		f.rate = h->rate;
		f.bits = PV_FLOW_IN | PV_FLOW_OUT;
		pv_flow_record(to, &f);
	}
	return PV_FDEC_OK;
}
