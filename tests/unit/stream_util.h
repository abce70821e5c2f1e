/* SPDX-License-Identifier: MPL-2.0 */
/* tests/unit/stream_util.h - event streams made by hand: a sink into memory, and one event of every type with
 * a different value in every field, so that a field read from the wrong place shows. */
#ifndef TESTS_STREAM_UTIL_H
#define TESTS_STREAM_UTIL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "event/event.h"
#include "stage/out.h"
#include "stage/stop.h"

#define SEC    UINT64_C(1000000000)
#define UNUSED __attribute__((unused))

struct mem {
	uint8_t *p;
	size_t n, cap;
	uint64_t writes, fail_after; /* fail_after: of so many writes the next fails; 0 never */
};

UNUSED static enum pv_res mem_write(void *ctx, const struct iovec *iov, int n)
{
	struct mem *m = ctx;
	m->writes++;
	if (m->fail_after && m->writes > m->fail_after)
		return PV_STOP;
	for (int i = 0; i < n; i++) {
		if (!iov[i].iov_len)
			continue;
		if (m->cap - m->n < iov[i].iov_len) {
			m->cap = (m->n + iov[i].iov_len) * 2;
			m->p = realloc(m->p, m->cap);
			if (!m->p)
				abort();
		}
		memcpy(m->p + m->n, iov[i].iov_base, iov[i].iov_len);
		m->n += iov[i].iov_len;
	}
	return PV_OK;
}

UNUSED static struct pv_sink mem_sink(struct mem *m)
{
	return (struct pv_sink){.write = mem_write, .ctx = m};
}

UNUSED static void mem_free(struct mem *m)
{
	free(m->p);
	memset(m, 0, sizeof *m);
}

/* A descriptor that gives these bytes, then the end. */
UNUSED static int mem_fd(const void *p, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

UNUSED static const struct pv_event *ev_at(const struct mem *m, size_t at)
{
	return (const struct pv_event *)(const void *)(m->p + at);
}

UNUSED static void ev_addr(uint8_t a[16], bool v6, unsigned last)
{
	static const uint8_t four[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	static const uint8_t six[12] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 1};
	memcpy(a, v6 ? six : four, 12);
	a[12] = 192;
	a[13] = 0;
	a[14] = 2;
	a[15] = (uint8_t)last;
}

/* hosts: 0 to 2 subnets. */
UNUSED static void ev_start(struct pv_out *o, uint64_t t, enum pv_clock clock, uint64_t stream_id,
			    unsigned hosts)
{
	struct pv_subnet nets[2] = {{.family = 4, .prefix = 24}, {.family = 6, .prefix = 48}};
	ev_addr(nets[0].addr, false, 0);
	ev_addr(nets[1].addr, true, 0);
	struct pv_start *s = pv_out_event(o, PV_EV_START, sizeof *s + sizeof nets + 32, t);
	size_t at = sizeof *s + hosts * sizeof nets[0];
	s->magic = PV_EVENT_MAGIC;
	s->major = PV_EVENT_MAJOR;
	s->minor = PV_EVENT_MINOR;
	s->stream_id = stream_id;
	s->clock = (uint8_t)clock;
	s->hosts_count = hosts;
	s->hosts.off = sizeof *s;
	s->hosts.len = (uint32_t)(hosts * sizeof nets[0]);
	memcpy(s + 1, nets, hosts * sizeof nets[0]);
	s->producer = pv_ev_put(s, &at, "test 1.0", 8);
	s->source = pv_ev_put(s, &at, "hand", 4);
}

UNUSED static struct pv_stage_event *ev_stage(struct pv_out *o, uint64_t t, uint8_t number, enum pv_stage_kind kind,
			    const char *type, const char *name)
{
	size_t at = sizeof(struct pv_stage_event);
	struct pv_stage_event *s = pv_out_event(o, PV_EV_STAGE, at + strlen(type) + strlen(name) + 16, t);
	s->stage = number;
	s->kind = (uint8_t)kind;
	s->type = pv_ev_put(s, &at, type, strlen(type));
	s->name = pv_ev_put(s, &at, name, strlen(name));
	s->version = pv_ev_put(s, &at, "1.0", 3);
	s->filters = pv_ev_put(s, &at, "only_a=b", 8);
	return s;
}

UNUSED static void ev_define(struct pv_out *o, uint64_t t, uint8_t stage, enum pv_define_kind kind,
			     uint32_t number, const char *text)
{
	size_t at = sizeof(struct pv_define);
	struct pv_define *d = pv_out_event(o, PV_EV_DEFINE, at + strlen(text), t);
	d->stage = stage;
	d->kind = (uint8_t)kind;
	d->number = number;
	d->text = pv_ev_put(d, &at, text, strlen(text));
}

UNUSED static void ev_stats(struct pv_out *o, uint64_t t, uint64_t received, uint64_t os_drops,
			    uint64_t if_drops)
{
	struct pv_stats *s = pv_out_event(o, PV_EV_STATS, sizeof *s, t);
	s->received = received;
	s->os_drops = os_drops;
	s->if_drops = if_drops;
	s->link_down = 4;
}

UNUSED static struct pv_resources_event *ev_resources(struct pv_out *o, uint64_t t, uint64_t number)
{
	struct pv_resources_event *r = pv_out_event(o, PV_EV_RESOURCES, sizeof *r, t);
	r->number = number;
	r->memory_bytes = 26464256;
	r->cpu_ppm = 2475;
	r->policies = 3;
	r->handlers = 4;
	r->stage = 5;
	r->bits = PV_RES_CPU | PV_RES_MEMORY;
	return r;
}

UNUSED static struct pv_packet *ev_packet(struct pv_out *o, uint64_t t, uint64_t number, const void *payload,
					  size_t n)
{
	struct pv_packet *p = pv_out_event(o, PV_EV_PACKET, sizeof *p + n, t);
	p->number = number;
	ev_addr(p->src, false, 11);
	ev_addr(p->dst, false, 12);
	p->sport = 1013;
	p->dport = 1014;
	p->l3 = 4;
	p->l4 = PV_L4_UDP;
	p->proto = 17;
	p->dir = PV_DIR_IN;
	p->stamp = (uint8_t)(number % 100);
	p->bits = PV_PKT_ETH;
	p->tcp_flags = PV_TCP_ACK;
	p->reason = 15;
	p->vlan = 16;
	p->payload_off = n ? sizeof *p : 0;
	p->wire_len = 117;
	p->cap_len = 116;
	p->payload_len = (uint32_t)n;
	p->payload_wire_len = 118;
	p->tcp_seq = 119;
	p->tcp_ack = 120;
	memcpy(p->eth_src, "\2\0\0\0\0\1", 6);
	memcpy(p->eth_dst, "\2\0\0\0\0\2", 6);
	if (n)
		memcpy(p + 1, payload, n);
	return p;
}

UNUSED static struct pv_dnstap *ev_dnstap(struct pv_out *o, uint64_t t, uint64_t number, const void *payload, size_t n)
{
	size_t at = sizeof(struct pv_dnstap);
	struct pv_dnstap *d = pv_out_event(o, PV_EV_DNSTAP, at + n + 2, t);
	d->number = number;
	ev_addr(d->query_addr, false, 61);
	ev_addr(d->response_addr, false, 62);
	d->query_port = 6063;
	d->response_port = 6064;
	d->l3 = 4;
	d->transport = PV_TR_DOT;
	d->message = PV_DNSTAP_CLIENT_RESPONSE;
	d->dir = PV_DIR_OUT;
	d->stamp = (uint8_t)(number % 100);
	d->bits = PV_DNSTAP_OTHER_HALF;
	d->frame_len = 665;
	d->identity = pv_ev_put(d, &at, "ns", 2);
	d->query_time_ns = 66;
	d->response_time_ns = 67;
	d->payload_off = n ? (uint16_t)at : 0;
	d->payload_len = (uint32_t)n;
	if (n)
		memcpy((uint8_t *)d + at, payload, n);
	return d;
}

UNUSED static struct pv_net *ev_net(struct pv_out *o, uint64_t t, uint8_t stage, uint64_t packet)
{
	struct pv_net *e = pv_out_event(o, PV_EV_NET, sizeof *e, t);
	e->packet = packet;
	ev_addr(e->src, false, 21);
	ev_addr(e->dst, false, 22);
	e->sport = 2023;
	e->dport = 2024;
	e->l3 = 4;
	e->l4 = PV_L4_TCP;
	e->proto = 6;
	e->dir = PV_DIR_OUT;
	e->stage = stage;
	e->stamp = (uint8_t)(packet % 100);
	e->tcp_flags = PV_TCP_SYN;
	e->vlan = PV_NO_VLAN;
	e->size = 225;
	e->geo_src = 1;
	e->geo_dst = 2;
	e->asn_src = 3;
	e->asn_dst = 4;
	return e;
}

UNUSED static struct pv_dns *ev_dns(struct pv_out *o, enum pv_event_type type, uint64_t t, uint8_t stage,
				    uint64_t packet, const char *qname)
{
	size_t at = sizeof(struct pv_dns), n = strlen(qname);
	struct pv_dns *d = pv_out_event(o, type, at + 4 * n, t);
	d->packet = packet;
	ev_addr(d->src, true, 31);
	ev_addr(d->dst, true, 32);
	d->sport = 53;
	d->dport = 3034;
	d->l3 = 6;
	d->transport = PV_TR_TCP;
	d->dir = PV_DIR_OUT;
	d->stage = stage;
	d->stamp = (uint8_t)(packet % 100);
	d->port = 3034;
	d->length = 335;
	d->bits = PV_DNS_QR | PV_DNS_PARSED | PV_DNS_QUESTION | PV_DNS_EDNS | PV_DNS_ECS;
	d->id = 336;
	d->opcode = 5;
	d->edns_version = 1;
	d->rcode = 3;
	d->rcode_ext = 19;
	d->qtype = 28;
	d->qclass = 1;
	d->qdcount = 1;
	d->ancount = 41;
	d->nscount = 42;
	d->arcount = 43;
	d->edns_size = 1232;
	d->suffix_len = (uint16_t)(n > 4 ? 4 : 0);
	d->qname = pv_ev_put(d, &at, qname, n);
	d->qname_case = pv_ev_put(d, &at, qname, n);
	ev_addr(d->ecs.addr, false, 33);
	d->ecs.family = 4;
	d->ecs.source_prefix = 24;
	d->ecs.scope_prefix = 20;
	d->ecs.geo = 5;
	d->ecs.asn = 6;
	d->xact = type == PV_EV_DNS ? PV_XACT_MATCHED : PV_XACT_EXPIRED;
	d->query_dir = PV_DIR_IN;
	d->query_stamp = 7;
	d->query_bits = PV_DNS_RD;
	d->query_suffix_len = 4;
	d->query_time_ns = t > 8000000 ? t - 8000000 : 0;
	d->query_packet = packet ? packet - 1 : 0;
	d->query_length = 44;
	d->query_qname = pv_ev_put(d, &at, qname, n);
	d->query_qname_case = pv_ev_put(d, &at, qname, n);
	ev_addr(d->query_ecs.addr, true, 34);
	d->query_ecs.family = 6;
	d->query_ecs.source_prefix = 56;
	d->query_ecs.scope_prefix = 48;
	return d;
}

UNUSED static struct pv_dhcp *ev_dhcp(struct pv_out *o, uint64_t t, uint8_t stage, uint64_t packet,
				      const char *client)
{
	size_t at = sizeof(struct pv_dhcp);
	struct pv_dhcp *d = pv_out_event(o, PV_EV_DHCP, at + strlen(client), t);
	d->packet = packet;
	ev_addr(d->src, false, 41);
	ev_addr(d->dst, false, 42);
	d->family = 4;
	d->message = 5;
	d->dir = PV_DIR_IN;
	d->stage = stage;
	d->stamp = (uint8_t)(packet % 100);
	d->bits = PV_DHCP_ETH | PV_DHCP_SERVER_ID | PV_DHCP_MATCHED;
	d->relay_hops = 3;
	d->xid = 444;
	memcpy(d->server_id, "\300\0\2\53", 4);
	memcpy(d->yiaddr, "\300\0\2\54", 4);
	memcpy(d->eth_src, "\2\0\0\0\0\3", 6);
	memcpy(d->client_mac, "\2\0\0\0\0\4", 6);
	d->client_name = pv_ev_put(d, &at, client, strlen(client));
	d->request_time_ns = t > 9000000 ? t - 9000000 : 0;
	return d;
}

UNUSED static struct pv_flow *ev_flow(struct pv_out *o, uint64_t t, uint8_t stage, uint64_t packet, const char *name)
{
	size_t at = sizeof(struct pv_flow);
	struct pv_flow *f = pv_out_event(o, PV_EV_FLOW, at + strlen(name), t);
	f->packet = packet;
	ev_addr(f->src, false, 45);
	ev_addr(f->dst, true, 46);
	ev_addr(f->device, false, 47);
	f->bytes = UINT64_C(1) << 40;
	f->packets = 48;
	f->rate = 49;
	f->in_if = 70000;
	f->out_if = 50;
	f->sport = 1051;
	f->dport = 1052;
	f->l3 = 6;
	f->proto = 17;
	f->tos = 0xb8;
	f->tcp_flags = 0x12;
	f->stage = stage;
	f->stamp = (uint8_t)(packet % 100);
	f->source = PV_FLOW_IPFIX;
	f->bits = PV_FLOW_IN | PV_FLOW_OUT;
	f->geo_src = 53;
	f->geo_dst = 54;
	f->asn_src = 55;
	f->asn_dst = 56;
	f->device_name = pv_ev_put(f, &at, name, strlen(name));
	return f;
}

UNUSED static void ev_tcp_error(struct pv_out *o, uint64_t t, uint8_t stage, uint64_t packet, uint8_t reason)
{
	struct pv_tcp_error *e = pv_out_event(o, PV_EV_TCP_ERROR, sizeof *e, t);
	e->packet = packet;
	e->stage = stage;
	e->reason = reason;
}

UNUSED static struct pv_bgp *ev_bgp(struct pv_out *o, uint64_t t, uint8_t stage, uint64_t packet)
{
	struct pv_bgp *b = pv_out_event(o, PV_EV_BGP, sizeof *b, t);
	b->packet = packet;
	ev_addr(b->src, true, 51);
	ev_addr(b->dst, true, 52);
	b->sport = 179;
	b->dport = 5054;
	b->l3 = 6;
	b->dir = PV_DIR_OUT;
	b->stage = stage;
	b->stamp = (uint8_t)(packet % 100);
	b->message = 3;
	b->reason = 0;
	b->length = 521;
	b->code = 6;
	b->subcode = 2;
	return b;
}

UNUSED static struct pv_probe_event *ev_probe(struct pv_out *o, uint64_t t, uint64_t attempt,
					      enum pv_probe_what what, uint64_t elapsed_ns, const char *target)
{
	size_t at = sizeof(struct pv_probe_event);
	struct pv_probe_event *p = pv_out_event(o, PV_EV_PROBE, at + strlen(target), t);
	p->attempt = attempt;
	p->sent_ns = t > elapsed_ns ? t - elapsed_ns : 0;
	p->elapsed_ns = elapsed_ns;
	ev_addr(p->addr, true, 61);
	p->port = 6062;
	p->l3 = 6;
	p->test = PV_PROBE_TCP;
	p->what = (uint8_t)what;
	p->stamp = (uint8_t)(attempt % 100);
	p->target = pv_ev_put(p, &at, target, strlen(target));
	return p;
}

/* Type number n of those that are bound to names, with 8 bytes of its own. */
UNUSED static struct pv_module_event *ev_module(struct pv_out *o, uint64_t t, uint8_t stage, uint64_t packet,
						unsigned n)
{
	struct pv_module_event *m =
	    pv_out_event(o, (enum pv_event_type)(PV_EV_MODULE + n), sizeof *m + 8, t);
	m->packet = packet;
	m->stage = stage;
	m->stamp = 42;
	m->kind = 3;
	memset(m + 1, 0x55, 8);
	return m;
}

UNUSED static void ev_bucket(struct pv_out *o, enum pv_event_type type, uint64_t t, const char *handler,
			     const char *version, uint32_t blocks, uint32_t metrics)
{
	size_t at = sizeof(struct pv_bucket_event);
	struct pv_bucket_event *b = pv_out_event(o, type, at + 2 * strlen(handler) + strlen(version) + 8, t);
	b->stream_id = 51;
	b->start_ns = t > 60 * SEC ? t - 60 * SEC : 0;
	b->end_ns = t;
	b->blocks = blocks;
	b->metrics = metrics;
	b->topn = 10;
	b->topn_percentile = 5;
	b->bits = PV_BUCKET_RECORDED;
	b->type = pv_ev_put(b, &at, handler, strlen(handler));
	b->version = pv_ev_put(b, &at, version, strlen(version));
	b->name = pv_ev_put(b, &at, handler, strlen(handler));
	b->groups = pv_ev_put(b, &at, "counters", 8);
}

UNUSED static void ev_block(struct pv_out *o, uint64_t t, uint32_t index, uint32_t parent, uint16_t scope,
			    const char *key)
{
	size_t at = sizeof(struct pv_block_event);
	struct pv_block_event *b = pv_out_event(o, PV_EV_BLOCK, at + strlen(key), t);
	b->index = index;
	b->parent = parent;
	b->scope = scope;
	b->key = pv_ev_put(b, &at, key, strlen(key));
}

UNUSED static void ev_metric(struct pv_out *o, uint64_t t, uint32_t block, uint16_t id, uint16_t kind,
			     const void *state, size_t n, size_t offset, size_t total)
{
	struct pv_metric_event *m = pv_out_event(o, PV_EV_METRIC, sizeof *m + n, t);
	m->block = block;
	m->id = id;
	m->kind = kind;
	m->offset = (uint32_t)offset;
	m->total = (uint32_t)total;
	m->data.off = sizeof *m;
	m->data.len = (uint32_t)n;
	memcpy(m + 1, state, n);
}

/* STOP with one ledger row of the source and the counts of what went through this out. */
UNUSED static void ev_stop(struct pv_out *o, uint64_t t)
{
	const struct pv_ledger_row row = {0, PV_LEDGER_RECEIVED, 0, 6};
	pv_stop_emit(o, t, &row, 1);
}

/* One event of a type, the same each time. */
UNUSED static void ev_any(struct pv_out *o, unsigned type, uint64_t t)
{
	static const uint8_t seven[8] = {7};
	switch (type) {
	case PV_EV_START:
		ev_start(o, t, PV_CLOCK_RECORDED, 0x8877665544332211, 2);
		break;
	case PV_EV_STOP:
		ev_stop(o, t);
		break;
	case PV_EV_STAGE:
		ev_stage(o, t, 1, PV_STAGE_ANALYSER, "dns", "mine");
		break;
	case PV_EV_DEFINE:
		ev_define(o, t, 1, PV_DEFINE_GEO, 1, "EU/Somewhere\t1.5\t-2.5");
		break;
	case PV_EV_STATS:
		ev_stats(o, t, 1, 2, 3);
		break;
	case PV_EV_RESOURCES:
		ev_resources(o, t, 1);
		break;
	case PV_EV_LEDGER:
		pv_ledger_emit(o, t, &(struct pv_ledger_row){1, PV_LEDGER_ANALYSED, 0, 7}, 1);
		break;
	case PV_EV_PACKET:
		ev_packet(o, t, 1, "payload", 7);
		break;
	case PV_EV_DNSTAP:
		ev_dnstap(o, t, 3, "payload", 7);
		break;
	case PV_EV_NET:
		ev_net(o, t, 2, 1);
		break;
	case PV_EV_DNS:
	case PV_EV_DNS_TIMEOUT:
		ev_dns(o, (enum pv_event_type)type, t, 1, 1, "www.example");
		break;
	case PV_EV_FLOW:
		ev_flow(o, t, 0, 1, "router");
		break;
	case PV_EV_DHCP:
		ev_dhcp(o, t, 3, 1, "client");
		break;
	case PV_EV_TCP_ERROR:
		ev_tcp_error(o, t, 1, 1, 2);
		break;
	case PV_EV_BGP:
		ev_bgp(o, t, 4, 1);
		break;
	case PV_EV_PROBE:
		ev_probe(o, t, 1, PV_PROBE_ANSWER, 63000, "web");
		break;
	case PV_EV_BUCKET:
	case PV_EV_LIVE:
		ev_bucket(o, (enum pv_event_type)type, t, "pcap", "1.0", 1, 1);
		break;
	case PV_EV_BLOCK:
		ev_block(o, t, 0, 0, 0, "key");
		break;
	case PV_EV_METRIC:
		ev_metric(o, t, 0, 1, 1, seven, 8, 0, 8);
		break;
	case PV_EV_MODULE:
		ev_module(o, t, 4, 1, 0);
		break;
	default:
		pv_out_event(o, (enum pv_event_type)type, sizeof(struct pv_event), t);
		break;
	}
}

UNUSED static const unsigned ev_types[] = {
    PV_EV_START,  PV_EV_STOP, PV_EV_TICK,  PV_EV_STAGE,	      PV_EV_DEFINE,    PV_EV_STATS,
    PV_EV_PACKET, PV_EV_DNSTAP, PV_EV_NET,  PV_EV_DNS,   PV_EV_DNS_TIMEOUT, PV_EV_DHCP,      PV_EV_TCP_ERROR,
    PV_EV_BUCKET, PV_EV_LIVE, PV_EV_BLOCK, PV_EV_METRIC,      PV_EV_BUCKET_END, PV_EV_RESOURCES, PV_EV_LEDGER,
    PV_EV_MODULE, PV_EV_FLOW, PV_EV_BGP, PV_EV_PROBE};
#define EV_TYPES (sizeof ev_types / sizeof ev_types[0])

#endif
