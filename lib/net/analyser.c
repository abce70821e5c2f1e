/* SPDX-License-Identifier: MPL-2.0 */
#include "net/analyser.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct net {
	struct pv_net_filter filter;
	bool filtering;
	struct pv_geo *geo;
	uint8_t stage;
	uint64_t received, analysed, filtered;
};

struct place { /* of one end */
	uint32_t geo, asn;
	const char *geo_text, *asn_text;
	size_t geo_len, asn_len;
};

void *pv_net_new(const struct pv_net_conf *conf)
{
	struct net *n = calloc(1, sizeof(*n));

	if (!n || pv_net_filter_copy(&n->filter, &conf->filter)) {
		pv_geo_close(conf->geo);
		free(n);
		errno = ENOMEM;
		return NULL;
	}
	n->filtering = pv_net_filter_on(&n->filter);
	n->geo = conf->geo;
	return n;
}

static void net_free(void *self)
{
	struct net *n = self;

	if (!n)
		return;
	pv_net_filter_free(&n->filter);
	pv_geo_close(n->geo);
	free(n);
}

static void net_start(void *self, const struct pv_stream *stream)
{
	struct net *n = self;

	n->stage = stream->stage;
	n->received = n->analysed = n->filtered = 0;
	pv_geo_forget(n->geo);
}

static void locate(struct net *n, const uint8_t addr[16], uint8_t family, struct place *at,
		   struct pv_emit *emit)
{
	bool fresh;

	at->geo = pv_geo_city(n->geo, addr, family, &fresh, &at->geo_text, &at->geo_len);
	if (fresh)
		pv_emit_define(emit, PV_DEFINE_GEO, at->geo, at->geo_text, at->geo_len);
	at->asn = pv_geo_asn(n->geo, addr, family, &fresh, &at->asn_text, &at->asn_len);
	if (fresh)
		pv_emit_define(emit, PV_DEFINE_ASN, at->asn, at->asn_text, at->asn_len);
}

/* ---- from a packet, and from a dnstap message ----------------------------------------------------- */

/* Look-ups first: their DEFINEs stand before the event, and an event is good only until the next. */
static struct pv_net *new_event(struct net *n, uint64_t time_ns, struct pv_emit *emit)
{
	return pv_emit(emit, PV_EV_NET, n->geo ? sizeof(struct pv_net) : PV_NET_FIXED_BASE, time_ns);
}

static void put_places(const struct net *n, struct pv_net *e, const struct place *src, const struct place *dst)
{
	if (!n->geo)
		return;
	e->geo_src = src->geo;
	e->geo_dst = dst->geo;
	e->asn_src = src->asn;
	e->asn_dst = dst->asn;
}

static struct pv_net *from_packet(struct net *n, const struct pv_packet *p, struct place *src, struct place *dst,
				  struct pv_emit *emit)
{
	if (n->geo && p->l3) {
		if (p->dir != PV_DIR_OUT)
			locate(n, p->src, p->l3, src, emit);
		if (p->dir != PV_DIR_IN)
			locate(n, p->dst, p->l3, dst, emit);
	}
	struct pv_net *e = new_event(n, p->ev.time_ns, emit);
	e->packet = p->number;
	memcpy(e->src, p->src, sizeof(e->src));
	memcpy(e->dst, p->dst, sizeof(e->dst));
	e->sport = p->sport;
	e->dport = p->dport;
	e->l3 = p->l3;
	e->l4 = p->l4;
	e->proto = p->proto;
	e->dir = p->dir;
	e->stage = n->stage;
	e->stamp = p->stamp;
	e->tcp_flags = p->tcp_flags;
	e->vlan = p->vlan;
	e->size = p->wire_len;
	return e;
}

/* What carried it. DoT, DoH and DoQ are none of the two here: the dns handler tells them apart. */
static enum pv_l4 dnstap_l4(uint8_t transport)
{
	switch (transport) {
	case PV_TR_UDP:
	case PV_TR_DNSCRYPT_UDP:
		return PV_L4_UDP;
	case PV_TR_TCP:
	case PV_TR_DNSCRYPT_TCP:
		return PV_L4_TCP;
	default:
		return PV_L4_OTHER;
	}
}

static struct pv_net *from_dnstap(struct net *n, const struct pv_dnstap *t, struct place *src, struct place *dst,
				  struct pv_emit *emit)
{
	static const uint8_t none[16];

	if (n->geo && t->l3) { /* of each message both ends count */
		if (memcmp(t->query_addr, none, sizeof(none)))
			locate(n, t->query_addr, t->l3, src, emit);
		if (memcmp(t->response_addr, none, sizeof(none)))
			locate(n, t->response_addr, t->l3, dst, emit);
	}
	struct pv_net *e = new_event(n, t->ev.time_ns, emit);
	e->ev.flags = (uint16_t)(t->message << PV_F_DNSTAP_SHIFT);
	e->packet = t->number;
	memcpy(e->src, t->query_addr, sizeof(e->src));
	memcpy(e->dst, t->response_addr, sizeof(e->dst));
	e->sport = t->query_port;
	e->dport = t->response_port;
	e->l3 = t->l3;
	e->l4 = (uint8_t)dnstap_l4(t->transport);
	e->proto = e->l4 == PV_L4_UDP ? IPPROTO_UDP : e->l4 == PV_L4_TCP ? IPPROTO_TCP : 0;
	e->dir = t->dir;
	e->stage = n->stage;
	e->stamp = t->stamp;
	e->vlan = PV_NO_VLAN;
	e->size = t->frame_len;
	return e;
}

static enum pv_verdict net_event(void *self, const struct pv_event *ev, struct pv_emit *emit)
{
	struct net *n = self;
	struct place src = {0}, dst = {0};
	enum pv_verdict verdict = PV_KEEP;
	struct pv_net *e = ev->type == PV_EV_DNSTAP ? from_dnstap(n, (const void *)ev, &src, &dst, emit)
						    : from_packet(n, (const void *)ev, &src, &dst, emit);

	put_places(n, e, &src, &dst);
	n->received++;
	if (n->filtering) {
		const struct place *remote = pv_net_remote_is_src(e) ? &src : &dst;
		if (!pv_net_filter_accepts(&n->filter, e, remote->geo_text, remote->geo_len, remote->asn_text,
					   remote->asn_len)) {
			e->ev.flags |= PV_F_FILTERED;
			verdict = PV_REJECT;
		}
	}
	if (verdict == PV_REJECT)
		n->filtered++;
	else
		n->analysed++;
	return verdict;
}

static size_t net_ledger(const void *self, struct pv_ledger_row *rows, size_t max)
{
	const struct net *n = self;
	const struct pv_ledger_row all[] = {
		{.what = PV_LEDGER_RECEIVED, .value = n->received},
		{.what = PV_LEDGER_ANALYSED, .value = n->analysed},
		{.what = PV_LEDGER_FILTERED, .value = n->filtered},
	};
	size_t count = sizeof(all) / sizeof(all[0]);

	if (count > max)
		count = max;
	memcpy(rows, all, count * sizeof(all[0]));
	return count;
}

#define OPS(name) \
	{ \
		.type = (name), .wants = PV_WANTS(PV_EV_PACKET) | PV_WANTS(PV_EV_DNSTAP), .event = net_event, \
		.start = net_start, .ledger = net_ledger, .free = net_free, \
	}

const struct pv_analyser_ops pv_net_ops = OPS("net");
const struct pv_analyser_ops pv_connections_ops = OPS("connections");
