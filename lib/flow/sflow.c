/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/sflow.h"

#include <string.h>

#include "packet/decode.h"

enum { ADDRESS_IPV4 = 1, ADDRESS_IPV6 = 2 };
enum { SAMPLE_FLOW = 1, SAMPLE_COUNTERS = 2, SAMPLE_FLOW_EXPANDED = 3, SAMPLE_COUNTERS_EXPANDED = 4 };
enum { HEADER_ETHERNET = 1, HEADER_IPV4 = 11, HEADER_IPV6 = 12 };
/* "There is none". Agents write the first into expanded samples, too, which have a number of their own for it. */
enum { INTERFACE_NONE = 0x3fffffff, INTERFACE_NONE_EXPANDED = 0xffffffff };

enum {
	TAG_HEADER = 1,
	TAG_ETHERNET = 2,
	TAG_IPV4 = 3,
	TAG_IPV6 = 4,
	TAG_L2_TUNNEL_EGRESS = 1021,
	TAG_L2_TUNNEL_INGRESS = 1022,
	TAG_IPV4_TUNNEL_EGRESS = 1023,
	TAG_IPV4_TUNNEL_INGRESS = 1024,
	TAG_IPV6_TUNNEL_EGRESS = 1025,
	TAG_IPV6_TUNNEL_INGRESS = 1026,
};

/* What the best element so far knows about the packet. */
enum known { NOTHING, LENGTH, TUNNEL, KEYED, HEADER };

struct sample {
	struct pv_flow f;
	enum known known;
};

/* ---- the packet --------------------------------------------------------------------------------- */

/* DSCP and ECN, which packet events do not carry. */
static uint8_t header_tos(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(pv_get16(ip) >> 4);
}

/* Of samples of 64 bytes the TCP header is cut when IPv6 or tags stand in front of it: its beginning tells enough. */
static void beginning_of_tcp(struct pv_flow *f, const uint8_t *p, size_t n)
{
	enum { PORTS = 4, FLAGS_AT = 13 };
	if (n < PORTS)
		return;
	f->sport = pv_get16(p);
	f->dport = pv_get16(p + 2);
	if (n > FLAGS_AT)
		f->tcp_flags = p[FLAGS_AT];
}

/* False: it is not IP. */
static bool decode_header(struct sample *s, uint32_t protocol, uint32_t wire, const uint8_t *p, size_t n)
{
	struct pv_decoder d = {.linktype = protocol == HEADER_ETHERNET ? PV_DLT_ETHERNET
					   : protocol == HEADER_IPV4   ? PV_DLT_IPV4
								       : PV_DLT_IPV6};
	struct pv_packet packet = {.stamp = 0};
	struct pv_decode_marks at;
	const uint8_t *payload;
	pv_decode_marked(&d, p, (uint32_t)n, wire, &packet, &payload, &at);
	if (!packet.l3)
		return false;
	s->f.l3 = packet.l3;
	memcpy(s->f.src, packet.src, 16);
	memcpy(s->f.dst, packet.dst, 16);
	s->f.proto = packet.proto;
	s->f.sport = packet.sport;
	s->f.dport = packet.dport;
	s->f.tcp_flags = packet.tcp_flags;
	s->f.tos = header_tos(at.ip);
	if (packet.reason == PV_DEC_L4_CUT && packet.proto == 6)
		beginning_of_tcp(&s->f, at.rest, at.rest_len);
	return true;
}

/* Nothing but a length, unless more is known. */
static void take_length(struct sample *s, uint32_t length)
{
	if (s->known >= LENGTH)
		return;
	s->known = LENGTH;
	s->f.bytes = length;
}

static void element_header(struct pv_cur *c, struct sample *s, bool stripped)
{
	uint32_t protocol = pv_be32(c), frame = pv_be32(c);
	uint32_t gone = stripped ? pv_be32(c) : 0, n = pv_be32(c);
	const uint8_t *p = pv_take(c, n);
	pv_skip(c, -n & 3);
	if (c->bad)
		return;
	bool readable = protocol == HEADER_ETHERNET || protocol == HEADER_IPV4 || protocol == HEADER_IPV6;
	if (!readable || !decode_header(s, protocol, frame > gone ? frame - gone : frame, p, n)) {
		take_length(s, frame); /* the agent may have read what we cannot: 802.11, MPLS */
		return;
	}
	s->known = HEADER;
	s->f.bytes = frame;
}

/* The agent's own reading of the headers. */
static void element_ip(struct pv_cur *c, struct sample *s, int family, enum known known)
{
	uint32_t length = pv_be32(c), proto = pv_be32(c);
	uint8_t addr[2][16];
	for (int i = 0; i < 2; i++) {
		uint8_t v4[4];
		if (family == 6) {
			pv_bytes(c, addr[i], 16);
		} else {
			pv_bytes(c, v4, 4);
			pv_flow_ipv4(addr[i], v4);
		}
	}
	uint32_t sport = pv_be32(c), dport = pv_be32(c), flags = pv_be32(c), tos = pv_be32(c);
	if (c->bad || s->known >= known)
		return;
	s->known = known;
	s->f.l3 = (uint8_t)family;
	s->f.bytes = length;
	s->f.proto = (uint8_t)proto;
	memcpy(s->f.src, addr[0], 16);
	memcpy(s->f.dst, addr[1], 16);
	s->f.sport = (uint16_t)sport;
	s->f.dport = (uint16_t)dport;
	s->f.tcp_flags = (uint8_t)flags;
	s->f.tos = (uint8_t)tos;
}

static void element_ethernet(struct pv_cur *c, struct sample *s)
{
	uint32_t length = pv_be32(c);
	pv_skip(c, 2 * 8 + 4); /* addresses, each padded, and type */
	if (!c->bad)
		take_length(s, length);
}

/* The body of one element, cut to its length. */
static void element(struct pv_cur *c, uint32_t tag, struct sample *s)
{
	switch (tag) {
	case TAG_HEADER:
		element_header(c, s, true);
		break;
	case TAG_IPV4:
		element_ip(c, s, 4, KEYED);
		break;
	case TAG_IPV6:
		element_ip(c, s, 6, KEYED);
		break;
	case TAG_IPV4_TUNNEL_EGRESS:
	case TAG_IPV4_TUNNEL_INGRESS:
		element_ip(c, s, 4, TUNNEL);
		break;
	case TAG_IPV6_TUNNEL_EGRESS:
	case TAG_IPV6_TUNNEL_INGRESS:
		element_ip(c, s, 6, TUNNEL);
		break;
	case TAG_ETHERNET:
	case TAG_L2_TUNNEL_EGRESS:
	case TAG_L2_TUNNEL_INGRESS:
		element_ethernet(c, s);
		break;
	default: /* what the switch, the router or others know about it */
		break;
	}
}

/* ---- samples ------------------------------------------------------------------------------------- */

static void interface(uint32_t format, uint32_t value, uint8_t bit, struct pv_flow *f)
{
	if (format || value == INTERFACE_NONE || value == INTERFACE_NONE_EXPANDED)
		return;
	*(bit == PV_FLOW_IN ? &f->in_if : &f->out_if) = value;
	f->bits |= bit;
}

static void interface_packed(uint32_t packed, uint8_t bit, struct pv_flow *f)
{
	interface(packed >> 30, packed & 0x3fffffff, bit, f);
}

static struct sample begin(const struct pv_flow_to *to)
{
	struct sample s = {to->base, NOTHING};
	s.f.packets = 1;
	return s;
}

static void finish(struct pv_flow_to *to, struct sample *s)
{
	if (s->known == NOTHING)
		to->counts->no_records++;
	else
		pv_flow_record(to, &s->f);
}

static enum pv_flow_reason flow_sample(struct pv_cur *c, bool expanded, struct pv_flow_to *to)
{
	struct sample s = begin(to);
	pv_skip(c, expanded ? 12 : 8); /* sequence number, source id */
	s.f.rate = pv_be32(c);
	pv_skip(c, 8); /* pool, drops */
	if (expanded) {
		uint32_t in_format = pv_be32(c), in = pv_be32(c), out_format = pv_be32(c), out = pv_be32(c);
		interface(in_format, in, PV_FLOW_IN, &s.f);
		interface(out_format, out, PV_FLOW_OUT, &s.f);
	} else {
		uint32_t in = pv_be32(c), out = pv_be32(c);
		interface_packed(in, PV_FLOW_IN, &s.f);
		interface_packed(out, PV_FLOW_OUT, &s.f);
	}
	uint32_t n = pv_be32(c);
	if (c->bad)
		return PV_FDEC_SAMPLE;
	while (n--) {
		uint32_t tag = pv_be32(c), len = pv_be32(c);
		struct pv_cur body = pv_sub(c, len);
		pv_skip(c, -len & 3);
		if (c->bad)
			return PV_FDEC_ELEMENT;
		element(&body, tag, &s);
		if (body.bad)
			return PV_FDEC_ELEMENT;
	}
	finish(to, &s);
	return PV_FDEC_OK;
}

static enum pv_flow_reason samples_v5(struct pv_cur *c, uint32_t n, struct pv_flow_to *to)
{
	while (n--) {
		uint32_t format = pv_be32(c), len = pv_be32(c);
		struct pv_cur body = pv_sub(c, len);
		pv_skip(c, -len & 3);
		if (c->bad)
			return PV_FDEC_SAMPLE;
		enum pv_flow_reason r = PV_FDEC_OK;
		if (format == SAMPLE_FLOW || format == SAMPLE_FLOW_EXPANDED)
			r = flow_sample(&body, format == SAMPLE_FLOW_EXPANDED, to);
		else if (format == SAMPLE_COUNTERS || format == SAMPLE_COUNTERS_EXPANDED)
			to->counts->counter_samples++;
		else
			to->counts->unknown_samples++;
		if (r != PV_FDEC_OK)
			return r;
	}
	return PV_FDEC_OK;
}

/* ---- versions 2 and 4: nothing has a length ------------------------------------------------------ */

enum { EXTENDED_SWITCH = 1, EXTENDED_ROUTER = 2 };

static bool skip_address(struct pv_cur *c)
{
	uint32_t family = pv_be32(c);
	pv_skip(c, family == ADDRESS_IPV4 ? 4 : 16);
	return !c->bad && (family == ADDRESS_IPV4 || family == ADDRESS_IPV6);
}

static enum pv_flow_reason skip_extended(struct pv_cur *c)
{
	for (uint32_t n = pv_be32(c); n && !c->bad; n--) {
		uint32_t kind = pv_be32(c);
		if (kind == EXTENDED_SWITCH)
			pv_skip(c, 16);
		else if (kind == EXTENDED_ROUTER && skip_address(c))
			pv_skip(c, 8);
		else
			return c->bad ? PV_FDEC_ELEMENT : PV_FDEC_EXTENDED;
	}
	return c->bad ? PV_FDEC_ELEMENT : PV_FDEC_OK;
}

static enum pv_flow_reason flow_sample_v4(struct pv_cur *c, struct pv_flow_to *to)
{
	enum { PACKET_HEADER = 1, PACKET_IPV4 = 2, PACKET_IPV6 = 3 };
	struct sample s = begin(to);
	pv_skip(c, 8);
	s.f.rate = pv_be32(c);
	pv_skip(c, 8);
	uint32_t in = pv_be32(c), out = pv_be32(c), packet = pv_be32(c);
	interface_packed(in, PV_FLOW_IN, &s.f);
	interface_packed(out, PV_FLOW_OUT, &s.f);
	if (c->bad)
		return PV_FDEC_SAMPLE;
	if (packet == PACKET_HEADER)
		element_header(c, &s, false);
	else if (packet == PACKET_IPV4 || packet == PACKET_IPV6)
		element_ip(c, &s, packet == PACKET_IPV4 ? 4 : 6, KEYED);
	else
		return PV_FDEC_ELEMENT;
	if (c->bad)
		return PV_FDEC_ELEMENT;
	finish(to, &s); /* whatever stands behind it */
	return skip_extended(c);
}

static enum pv_flow_reason counters_v4(struct pv_cur *c)
{
	static const uint8_t sizes[] = {0, 88, 140, 160, 88, 168, 88, 28}; /* RFC 3176, counters_type */
	pv_skip(c, 12);
	uint32_t kind = pv_be32(c);
	if (c->bad || !kind || kind >= sizeof sizes)
		return PV_FDEC_SAMPLE;
	pv_skip(c, sizes[kind]);
	return c->bad ? PV_FDEC_SAMPLE : PV_FDEC_OK;
}

static enum pv_flow_reason samples_v4(struct pv_cur *c, uint32_t n, struct pv_flow_to *to)
{
	enum pv_flow_reason r = PV_FDEC_OK;
	while (n-- && r == PV_FDEC_OK) {
		uint32_t kind = pv_be32(c);
		if (c->bad || (kind != SAMPLE_FLOW && kind != SAMPLE_COUNTERS))
			return PV_FDEC_SAMPLE;
		to->counts->counter_samples += kind == SAMPLE_COUNTERS;
		r = kind == SAMPLE_FLOW ? flow_sample_v4(c, to) : counters_v4(c);
	}
	return r;
}

/* ---- the datagram -------------------------------------------------------------------------------- */

enum pv_flow_reason pv_sflow_head(struct pv_cur *c, struct pv_sflow_head *h)
{
	uint8_t v4[4];
	*h = (struct pv_sflow_head){.version = pv_be32(c)};
	if (!c->bad && h->version != 2 && h->version != 4 && h->version != 5)
		return PV_FDEC_VERSION;
	uint32_t family = pv_be32(c);
	if (family == ADDRESS_IPV4) {
		pv_bytes(c, v4, 4);
		pv_flow_ipv4(h->agent, v4);
	} else if (family == ADDRESS_IPV6) {
		pv_bytes(c, h->agent, 16);
	} else if (family) { /* an agent without an address has none: RFC 3176, address_type 0 */
		pv_skip(c, 16);
	}
	h->named = family == ADDRESS_IPV4 || family == ADDRESS_IPV6;
	if (h->version == 5)
		h->sub_agent = pv_be32(c);
	h->sequence = pv_be32(c);
	h->uptime_ms = pv_be32(c);
	h->samples = pv_be32(c);
	return c->bad ? PV_FDEC_SHORT : PV_FDEC_OK;
}

enum pv_flow_reason pv_sflow_samples(struct pv_cur *c, const struct pv_sflow_head *h, struct pv_flow_to *to)
{
	return h->version == 5 ? samples_v5(c, h->samples, to) : samples_v4(c, h->samples, to);
}
