/* SPDX-License-Identifier: MPL-2.0 */
/* goldenwire events|buckets - streams of fixed bytes: one event of every type, every part that may be left
 * out there and not there; one bucket of each handler, every metric filled.
 *
 * tests/wire/<major>.<minor>/ keeps what it wrote when that version was released, and what it decodes to; these never
 * change again. With a new version append here what is new, behind what is there, and make its folder:
 *
 *   goldenwire events >events.pve                 pv-cat --json events.pve >events.json
 *   goldenwire buckets >buckets.pvb               pv-cat --json buckets.pvb >buckets.json
 *   pv-window --json --periods 1 <buckets.pvb >window.json */
#include <stdio.h>

#include "../unit/stream_util.h"
#include "handlers/handlers.h"
#include "metric/wire.h"
#include "stage/pipe.h"

#define T0 (UINT64_C(1700000000) * SEC + 123456789)

/* dnstap, and what is made of it; flows, probes, BGP. */
static void events_1_2(struct pv_out *o, uint64_t *t)
{
	ev_dnstap(o, ++*t, 4, "odd \xff\0 bytes", 12);
	struct pv_dnstap *d = pv_out_event(o, PV_EV_DNSTAP, sizeof *d, ++*t); /* all that must be told */
	d->message = PV_DNSTAP_UPDATE_QUERY;
	size_t at = sizeof *d; /* v6, cut, no times */
	d = pv_out_event(o, PV_EV_DNSTAP, at + 8, ++*t);
	d->number = UINT32_MAX + UINT64_C(1);
	ev_addr(d->query_addr, true, 71);
	ev_addr(d->response_addr, true, 72);
	d->query_port = 7073;
	d->response_port = 853;
	d->l3 = 6;
	d->transport = PV_TR_DOQ;
	d->message = PV_DNSTAP_RESOLVER_QUERY;
	d->dir = PV_DIR_OUT;
	d->stamp = 99;
	d->bits = PV_DNSTAP_TRUNCATED;
	d->payload_off = (uint16_t)at;
	d->payload_len = 5;
	d->frame_len = 70000;
	memcpy(d + 1, "query", 5);
	ev_net(o, ++*t, 2, 4)->ev.flags = PV_DNSTAP_CLIENT_RESPONSE << PV_F_DNSTAP_SHIFT;
	struct pv_dns *m = ev_dns(o, PV_EV_DNS, ++*t, 1, 4, "dnstap.example");
	m->ev.flags = PV_F_FILTERED | PV_DNSTAP_CLIENT_RESPONSE << PV_F_DNSTAP_SHIFT;
	m->transport = PV_TR_DOH;
	ev_dns(o, PV_EV_DNS_TIMEOUT, ++*t, 1, 0, "never.example")->ev.flags = PV_DNSTAP_TOOL_QUERY << PV_F_DNSTAP_SHIFT;

	at = sizeof(struct pv_flow); /* with all texts */
	struct pv_flow *f = pv_out_event(o, PV_EV_FLOW, at + 56, ++*t);
	f->packet = 8;
	ev_addr(f->src, false, 81);
	ev_addr(f->dst, false, 82);
	ev_addr(f->device, true, 83);
	f->bytes = UINT64_MAX;
	f->packets = 84;
	f->rate = 1;
	f->in_if = UINT32_MAX;
	f->out_if = 85;
	f->sport = 8086;
	f->dport = 443;
	f->l3 = 4;
	f->proto = 6;
	f->tos = 0x2e << 2;
	f->tcp_flags = PV_TCP_SYN | PV_TCP_FIN;
	f->stage = 3;
	f->stamp = 87;
	f->source = PV_FLOW_NETFLOW_V5;
	f->bits = PV_FLOW_IN | PV_FLOW_OUT | PV_FLOW_SCALED;
	f->device_name = pv_ev_put(f, &at, "core-1", 6);
	f->in_name = pv_ev_put(f, &at, "eth0", 4);
	f->out_name = pv_ev_put(f, &at, "odd \xff", 5);
	f->src_label = pv_ev_put(f, &at, "192.0.2.0/24", 12);
	f->dst_label = pv_ev_put(f, &at, "AS64496", 7);
	f->sport_name = pv_ev_put(f, &at, "d-s-n", 5);
	f->dport_name = pv_ev_put(f, &at, "https", 5);
	ev_flow(o, ++*t, 0, 9, "")->ev.flags = PV_F_FILTERED; /* places; no texts */
	f = pv_out_event(o, PV_EV_FLOW, sizeof *f, ++*t);
	f->rate = 1;
	f->source = PV_FLOW_SFLOW;

	ev_probe(o, ++*t, 1, PV_PROBE_SENT, 0, "one.example");
	struct pv_probe_event *p = ev_probe(o, ++*t, 1, PV_PROBE_ANSWER, 12345678, "one.example");
	p->test = PV_PROBE_PING;
	p->port = 0;
	p->stage = 1;
	ev_probe(o, ++*t, 101, PV_PROBE_TIMEOUT, 2 * SEC, "odd \xff");
	at = sizeof *p; /* no attempt was made */
	p = pv_out_event(o, PV_EV_PROBE, at + 8, ++*t);
	p->test = PV_PROBE_TCP;
	p->what = PV_PROBE_FAILED;
	p->error = PV_PROBE_DNS;
	p->target = pv_ev_put(p, &at, "nowhere", 7);

	ev_bgp(o, ++*t, 1, 10);
	struct pv_bgp *b = pv_out_event(o, PV_EV_BGP, sizeof *b, ++*t); /* not to be read */
	ev_addr(b->src, false, 91);
	ev_addr(b->dst, false, 92);
	b->packet = 11;
	b->sport = 9093;
	b->dport = 179;
	b->l3 = 4;
	b->dir = PV_DIR_IN;
	b->message = 255;
	b->reason = 4;
	b->length = UINT16_MAX;
}

static void events(struct pv_out *o)
{
	static const uint8_t eight[8] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
	uint64_t t = T0;
	ev_any(o, PV_EV_START, t);
	ev_stage(o, t, 0, PV_STAGE_SOURCE, "pcap", "pcap");
	ev_stage(o, t, 1, PV_STAGE_ANALYSER, "dns", "mine");
	ev_define(o, t, 1, PV_DEFINE_GEO, 1, "EU/Sweden/E/Link\xc3\xb6ping\t58.416700\t15.616700");
	ev_define(o, t, 1, PV_DEFINE_ASN, 2, "64496/Example \"Net\"");
	ev_define(o, t, 1, PV_DEFINE_DEVICE, 0xffffffff, "");

	ev_packet(o, ++t, 1, "odd \xff\0 bytes", 12);
	struct pv_packet *p = ev_packet(o, ++t, 2, NULL, 0); /* v6, TCP, no payload */
	p->l3 = 6;
	p->l4 = PV_L4_TCP;
	p->proto = 6;
	p->dir = PV_DIR_OUT;
	p->bits |= PV_PKT_TRUNCATED;
	ev_addr(p->src, true, 13);
	ev_addr(p->dst, true, 14);
	/* an ARP, of a link without addresses: the fixed part ends early */
	p = pv_out_event(o, PV_EV_PACKET, PV_PACKET_FIXED_BASE, ++t);
	p->number = 3;
	p->bits = PV_PKT_UNSUPPORTED;
	p->reason = 9;
	p->vlan = PV_NO_VLAN;
	p->wire_len = 60;
	p->cap_len = 60;

	ev_net(o, ++t, 2, 1);
	struct pv_net *n = pv_out_event(o, PV_EV_NET, PV_NET_FIXED_BASE, ++t); /* no databases */
	n->packet = 2;
	n->l3 = 6;
	n->l4 = PV_L4_OTHER;
	n->proto = 58;
	n->stage = 2;
	n->stamp = 99;
	n->vlan = 4095;
	n->size = 1514;
	n->ev.flags = PV_F_FILTERED;
	ev_addr(n->src, true, 15);
	ev_addr(n->dst, true, 16);

	ev_dns(o, PV_EV_DNS, ++t, 1, 4, "www.example.com");
	size_t at = PV_DNS_FIXED_BASE; /* a query, nothing else */
	struct pv_dns *d = pv_out_event(o, PV_EV_DNS, at + 24, ++t);
	d->packet = 5;
	d->sport = 4242;
	d->dport = 53;
	d->l3 = 4;
	d->transport = PV_TR_UDP;
	d->dir = PV_DIR_IN;
	d->stage = 1;
	d->port = 4242;
	d->length = 31;
	d->bits = PV_DNS_PARSED | PV_DNS_QUESTION | PV_DNS_RD;
	d->id = 65535;
	d->qtype = 255;
	d->qclass = 1;
	d->qdcount = 1;
	d->qname = pv_ev_put(d, &at, "example", 7);
	d->qname_case = pv_ev_put(d, &at, "ExAmPlE", 7);
	ev_addr(d->src, false, 35);
	ev_addr(d->dst, false, 36);
	at = PV_DNS_FIXED_QUERY; /* a late reply: the query's half, no client subnet */
	d = pv_out_event(o, PV_EV_DNS, at + 8, ++t);
	d->packet = 6;
	d->bits = PV_DNS_QR | PV_DNS_TC;
	d->transport = PV_TR_TCP;
	d->reason = 3;
	d->xact = PV_XACT_LATE;
	d->query_dir = PV_DIR_OUT;
	d->query_stamp = 98;
	d->query_filtered = 1;
	d->query_bits = PV_DNS_CD;
	d->query_length = 30;
	d->query_qname = pv_ev_put(d, &at, "late", 4);
	d->query_time_ns = T0 - SEC;
	d->query_packet = 1;
	ev_dns(o, PV_EV_DNS_TIMEOUT, ++t, 1, 0, "timeout.example");
	ev_dhcp(o, ++t, 3, 7, "a-client");
	struct pv_dhcp *h = ev_dhcp(o, ++t, 3, 8, "");
	h->family = 6;
	h->message = 7;
	ev_tcp_error(o, ++t, 1, 9, 2);
	ev_any(o, PV_EV_TICK, ++t);
	ev_stats(o, ++t, 10, UINT64_MAX, 12);
	memset((uint8_t *)pv_out_event(o, (enum pv_event_type)63, 32, ++t) + 16, 0xaa,
	       16); /* not given out yet */

	ev_bucket(o, PV_EV_LIVE, ++t, "pcap", "1.0", 1, 0);
	ev_block(o, t, 0, 0, 0, "");
	ev_any(o, PV_EV_BUCKET_END, t);
	ev_bucket(o, PV_EV_BUCKET, ++t, "later", "9.9", 2,
		  3); /* of a handler to come: in parts, with a scope */
	ev_block(o, t, 0, 0, 0, "");
	ev_block(o, t, 1, 0, 1, "in");
	ev_metric(o, t, 0, 1, 77, eight, 8, 0, 8);
	ev_metric(o, t, 1, 2, 78, eight, 5, 0, 8);
	ev_metric(o, t, 1, 2, 78, eight + 5, 3, 5, 8);
	ev_any(o, PV_EV_BUCKET_END, t);

	/* since 1.1 */
	ev_resources(o, ++t, 1);
	ev_resources(o, ++t, 1)->bits = 0; /* of policies only */
	ev_stage(o, ++t, 2, PV_STAGE_ANALYSER, "example", "")->events = PV_EV_MODULE + 1;
	ev_module(o, ++t, 2, 3, 1);

	events_1_2(o, &t);
	const struct pv_ledger_row so_far[] = {{2, PV_LEDGER_RECEIVED, 0, 91}, {2, PV_LEDGER_REASON + 3, 0, UINT64_MAX}};
	pv_ledger_emit(o, ++t, so_far, 2); /* since 1.3 */
	const struct pv_ledger_row rows[] = {{0, PV_LEDGER_RECEIVED, 0, 6},
					     {0, PV_LEDGER_CLIENTS, 0, 7}, /* since 1.2 */
					     {1, PV_LEDGER_FLOW_RECORDS, 0, UINT64_MAX}};
	pv_stop_emit(o, ++t, rows, sizeof rows / sizeof rows[0]);
}

/* What a metric of its kind is given. */
static void fill(struct pv_block *k, unsigned i, const struct pv_metric *m)
{
	static const char *const texts[] = {"www.example.com", "odd \xff", "EU/Somewhere\t1.000000\t2.000000",
					    ""};
	static const uint8_t six[2][16] = {{0x20, 1, 0xd, 0xb8, [15] = 1}, {0x20, 1, 0xd, 0xb8, [15] = 2}};
	switch (m->kind) {
	case PV_COUNTER:
		pv_count(k, i, 1000 + m->id);
		break;
	case PV_DISTINCT:
		for (uint64_t v = 0; v < 100 * (uint64_t)(m->id % 7); v++) /* list, set */
			pv_distinct_u64(k, i, v);
		break;
	case PV_TOPN:
		for (unsigned n = 0; n < 4; n++) {
			if (m->integer)
				pv_top_u64(k, i, 53 + (uint64_t)n * n * n * 1000003, 10 * n + m->id);
			else if (m->item == pv_item_ipv6)
				pv_top_bytes(k, i, six[n % 2], 16, n + m->id);
			else
				pv_top_bytes(k, i, texts[n], strlen(texts[n]), n + m->id);
		}
		break;
	case PV_QUANTILES:
		for (unsigned n = 0; n < 200; n++)
			if (m->real)
				pv_quantile_real(k, i, n * 0.01);
			else
				pv_quantile_u64(k, i, (uint64_t)n * n * m->id);
		break;
	case PV_HISTOGRAM:
		for (unsigned n = 0; n < 64; n++)
			pv_histogram_u64(k, i, UINT64_C(1) << n);
		break;
	case PV_RATE:
		for (unsigned n = 0; n < 70; n++) {
			k->bucket->now_sec = T0 / SEC + n;
			pv_rate_events(k, i, n * m->id % 13);
		}
		break;
	case PV_MINIMUM:
	case PV_MAXIMUM:
		if (k == k->bucket->blocks[1]) /* the other targets have not answered */
			for (uint64_t v = 3; v; v--)
				(m->kind == PV_MINIMUM ? pv_minimum : pv_maximum)(k, i, 1000 * (v - 1) + m->id);
		break;
	case PV_GAUGE:
		for (unsigned n = 0; n < 3; n++) {
			k->bucket->stream_id += n;
			pv_gauge_set(k, i, T0 + n * SEC, 10 * n + m->id);
		}
		k->bucket->stream_id -= 3;
		break;
	}
}

/* The metrics of a block, up to an id, and of two blocks in each of its scopes. */
static void fill_block(struct pv_block *k, uint16_t last_id)
{
	static const char *const keys[][2] = {{"192.0.2.47", "odd \xff|"}, {"in", "out"}};
	const struct pv_handler *h = k->bucket->handler;
	for (unsigned i = 0; i < h->nmetrics; i++)
		if (h->metrics[i].id <= last_id && h->metrics[i].scope == k->scope)
			fill(k, i, &h->metrics[i]);
	for (uint8_t s = 1; s < h->nscopes; s++)
		for (unsigned n = 0; n < 2 && h->scopes[s].parent == k->scope; n++)
			fill_block(pv_bucket_block(k->bucket, k, s, keys[!strcmp(h->scopes[s].label, "direction")][n]),
				   last_id);
}

static int buckets(struct pv_out *o)
{
	/* and the metrics that were there in 1.0; input_resources: in 1.1; from net 2.0 on: in 1.2 */
	static const struct {
		const char *type, *version;
		uint16_t last_id;
	} released[] = {{"net", "1.0", 27},  {"dns", "1.0", 44}, {"dhcp", "1.0", 16},
			{"pcap", "1.0", 3}, {"input_resources", "1.0", 7},
			{"net", "2.0", 19}, {"dns", "2.0", 45},
			{"bgp", "1.0", 11}, {"flow", "1.0", 73},
			{"netprobe", "1.0", 9}};
	ev_start(o, T0, PV_CLOCK_RECORDED, 0x0123456789abcdef, 1);
	for (size_t r = 0; r < sizeof released / sizeof released[0]; r++)
		ev_stage(o, T0, (uint8_t)r, r ? PV_STAGE_ANALYSER : PV_STAGE_SOURCE, released[r].type,
			 released[r].type);
	for (size_t r = 0; r < sizeof released / sizeof released[0]; r++) {
		const struct pv_handler *h = NULL;
		for (size_t i = 0; pv_handlers[i]; i++)
			if (!strcmp(pv_handlers[i]->type, released[r].type) &&
			    !strcmp(pv_handlers[i]->version, released[r].version))
				h = pv_handlers[i];
		const struct pv_bucket_conf conf = {
		    .groups = h ? (1u << h->ngroups) - 1 : 0, .topn = 10, .seed = 1};
		struct pv_bucket *b = h ? pv_bucket_new(h, &conf) : NULL;
		if (!b)
			return 1;
		b->start_ns = T0;
		b->end_ns = T0 + 69 * SEC;
		b->stream_id = 0x0123456789abcdef;
		b->recorded = b->hosts = b->closed = true;
		snprintf(b->name, sizeof b->name, "%s%s", h->type, h->version[0] == '1' ? "" : "-2");
		fill_block(pv_bucket_root(b), released[r].last_id);
		if (pv_bucket_emit(o, b, false, b->end_ns))
			return 1;
		pv_bucket_free(b);
	}
	ev_stop(o, T0 + 69 * SEC);
	return 0;
}

int main(int argc, char **argv)
{
	struct pv_out o;
	if (argc != 2 || pv_out_init(&o, pv_sink_fd(STDOUT_FILENO)))
		return 2;
	int rc = 0;
	if (!strcmp(argv[1], "events"))
		events(&o);
	else if (!strcmp(argv[1], "buckets"))
		rc = buckets(&o);
	else
		rc = 2;
	rc = pv_out_flush(&o) == PV_OK ? rc : 1;
	pv_out_free(&o);
	return rc;
}
