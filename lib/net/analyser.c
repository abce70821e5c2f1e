/* SPDX-License-Identifier: MPL-2.0 */
#include "net/analyser.h"

#include <errno.h>
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

static enum pv_verdict net_event(void *self, const struct pv_event *ev, struct pv_emit *emit)
{
	const struct pv_packet *p = (const struct pv_packet *)ev;
	struct net *n = self;
	struct place src = {0}, dst = {0};
	enum pv_verdict verdict = PV_KEEP;

	/* Look-ups first: their DEFINEs stand before the event, and an event is good only until the next. */
	if (n->geo && p->l3) {
		if (p->dir != PV_DIR_OUT)
			locate(n, p->src, p->l3, &src, emit);
		if (p->dir != PV_DIR_IN)
			locate(n, p->dst, p->l3, &dst, emit);
	}
	struct pv_net *e = pv_emit(emit, PV_EV_NET, n->geo ? sizeof(*e) : PV_NET_FIXED_BASE, ev->time_ns);
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
	if (n->geo) {
		e->geo_src = src.geo;
		e->geo_dst = dst.geo;
		e->asn_src = src.asn;
		e->asn_dst = dst.asn;
	}
	n->received++;
	if (n->filtering) {
		const struct place *remote = p->dir == PV_DIR_IN ? &src : &dst;
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

const struct pv_analyser_ops pv_net_ops = {
	.type = "net",
	.wants = PV_WANTS(PV_EV_PACKET),
	.event = net_event,
	.start = net_start,
	.ledger = net_ledger,
	.free = net_free,
};
