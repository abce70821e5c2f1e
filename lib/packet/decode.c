/* SPDX-License-Identifier: MPL-2.0 */
#include "packet/decode.h"

#include <string.h>

#include "base/cursor.h"

enum {
	ET_IPV4 = 0x0800,
	ET_ARP = 0x0806,
	ET_TEB = 0x6558, /* an Ethernet frame in GRE */
	ET_8021Q = 0x8100,
	ET_IPV6 = 0x86dd,
	ET_MPLS = 0x8847,
	ET_MPLS_MULTI = 0x8848,
	ET_PPPOE = 0x8864,
	ET_8021AD = 0x88a8,
	ET_QINQ = 0x9100, /* and the next two, of switches from before 802.1ad */
	ET_QINQ2 = 0x9200,
	ET_QINQ3 = 0x9300,
	ET_MIN = 0x0600, /* below: an 802.3 length */
};

enum {
	IP_HOPOPTS = 0,
	IP_IPIP = 4,
	IP_TCP = 6,
	IP_UDP = 17,
	IP_IPV6 = 41,
	IP_ROUTING = 43,
	IP_FRAGMENT = 44,
	IP_GRE = 47,
	IP_AH = 51,
	IP_NONE = 59,
	IP_DSTOPTS = 60,
	IP_MOBILITY = 135,
	IP_HIP = 139,
	IP_SHIM6 = 140,
};

#define VXLAN_PORT 4789

/* What is left of the frame: `cap` bytes at p that we have, of `wire` that the headers so far say there are;
 * cap <= wire. */
struct view {
	const uint8_t *p;
	uint32_t cap, wire;
	struct pv_packet *out;
};

#define DONE (-1) /* instead of an ethertype: there is nothing more to decode */

static int unsupported(struct view *v, enum pv_decode_reason r)
{
	v->out->bits |= PV_PKT_UNSUPPORTED;
	v->out->reason = (uint8_t)r;
	return DONE;
}

static int malformed(struct view *v, enum pv_decode_reason r)
{
	v->out->bits |= PV_PKT_MALFORMED;
	v->out->reason = (uint8_t)r;
	return DONE;
}

/* n bytes are not there: by the capture or by the sender. */
static int missing(struct view *v, uint32_t n, enum pv_decode_reason cut, enum pv_decode_reason lies)
{
	return malformed(v, v->wire >= n && v->out->bits & PV_PKT_TRUNCATED ? cut : lies);
}

static inline void skip(struct view *v, uint32_t n)
{
	v->p += n;
	v->cap -= n;
	v->wire -= n;
}

/* A header says that n bytes follow. More than the frame had on the wire is believed as a length (captures
 * made from samples have wrong frame lengths) and changes nothing about what can be read. */
static inline void narrow(struct view *v, uint32_t n)
{
	v->wire = n;
	if (v->cap > n)
		v->cap = n;
}

/* For link headers: their length only tells padding from packet. */
static inline void narrow_to_fit(struct view *v, uint32_t n)
{
	if (n < v->wire)
		narrow(v, n);
}

/* ---- link ----------------------------------------------------------------------------------
 * Each function consumes its header and returns the ethertype of what follows, or DONE. */

static int link_llc(struct view *v)
{
	if (v->cap < 3)
		return missing(v, 3, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
	if (v->p[0] != 0xaa || v->p[1] != 0xaa || v->p[2] != 3)
		return unsupported(v, PV_DEC_LLC);
	if (v->cap < 8)
		return missing(v, 8, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
	int type = pv_get16(v->p + 6);
	/* OUI 0: an ethertype follows; others have protocol numbers of their own. */
	if (v->p[3] || v->p[4] || v->p[5] || type < ET_MIN)
		return unsupported(v, PV_DEC_LLC);
	skip(v, 8);
	return type;
}

static int link_length_or_type(struct view *v, int type)
{
	if (type >= ET_MIN)
		return type;
	narrow_to_fit(v, (uint32_t)type);
	return link_llc(v);
}

static int link_ethernet(struct view *v)
{
	if (v->cap < 14)
		return missing(v, 14, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
	memcpy(v->out->eth_dst, v->p, 6);
	memcpy(v->out->eth_src, v->p + 6, 6);
	v->out->bits |= PV_PKT_ETH;
	int type = pv_get16(v->p + 12);
	skip(v, 14);
	return link_length_or_type(v, type);
}

static int link_sll(struct view *v, uint32_t header, uint32_t proto_at, uint32_t arphrd_at)
{
	if (v->cap < header)
		return missing(v, header, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
	int type = pv_get16(v->p + proto_at);
	/* On these the protocol field is no ethertype: netlink, and 802.11 with or without radio headers. */
	int hw = pv_get16(v->p + arphrd_at);
	if (hw == 824 || (hw >= 801 && hw <= 803))
		return unsupported(v, PV_DEC_NOT_IP);
	skip(v, header);
	if (type >= ET_MIN)
		return type;
	if (type == 4)
		return link_llc(v);
	return unsupported(v, PV_DEC_LLC);
}

static int link_loop(struct view *v)
{
	if (v->cap < 4)
		return missing(v, 4, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
	/* In the byte order of the capturing machine (NULL) or of the network (LOOP): families are small. */
	uint32_t family = pv_get32(v->p);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	skip(v, 4);
	/* Some systems put an ethertype there, with flags above it. */
	if ((family & 0xffff) >= ET_MIN)
		return (int)(family & 0xffff);
	switch (family) {
	case 2:
		return ET_IPV4;
	case 10: /* Linux */
	case 23: /* Windows */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* macOS */
		return ET_IPV6;
	default:
		return unsupported(v, PV_DEC_NOT_IP);
	}
}

/* The PPP protocol number, 1 byte when compressed (RFC 1661 section 6.5). */
static int link_ppp_protocol(struct view *v)
{
	if (v->cap < 1)
		return missing(v, 1, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
	unsigned proto = v->p[0];
	uint32_t n = 1;
	if (!(proto & 1)) {
		if (v->cap < 2)
			return missing(v, 2, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
		proto = pv_get16(v->p);
		n = 2;
	}
	skip(v, n);
	switch (proto) {
	case 0x21:
		return ET_IPV4;
	case 0x57:
		return ET_IPV6;
	case 0x281:
		return ET_MPLS;
	case 0x283:
		return ET_MPLS_MULTI;
	default:
		return unsupported(v, PV_DEC_NOT_IP);
	}
}

static int link_ppp(struct view *v, bool hdlc)
{
	if (v->cap < 2) /* the least a protocol number and anything behind it can be */
		return missing(v, 2, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
	if (v->p[0] == 0xff && v->p[1] == 3) {
		skip(v, 2);
	} else if (hdlc) {
		/* Without address and control bytes of PPP this link type carries Cisco HDLC. */
		if (v->cap < 4)
			return missing(v, 4, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
		int type = pv_get16(v->p + 2);
		if (v->p[0] == 0x0f || v->p[0] == 0x8f) {
			skip(v, 4);
			return type >= ET_MIN ? type : unsupported(v, PV_DEC_NOT_IP);
		}
	}
	return link_ppp_protocol(v);
}

static int link_pppoe(struct view *v)
{
	if (v->cap < 6)
		return missing(v, 6, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
	if (v->p[0] != 0x11 || v->p[1] != 0) /* version 1, type 1, session data */
		return unsupported(v, PV_DEC_NOT_IP);
	uint32_t n = pv_get16(v->p + 4);
	skip(v, 6);
	narrow_to_fit(v, n);
	return link_ppp_protocol(v);
}

static int link_by_nibble(struct view *v, enum pv_decode_reason cut, enum pv_decode_reason lies)
{
	if (v->cap < 1)
		return missing(v, 1, cut, lies);
	unsigned version = v->p[0] >> 4;
	return version == 4 ? ET_IPV4 : version == 6 ? ET_IPV6 : 0;
}

static int link_header(struct view *v, int dlt)
{
	int type;
	switch (dlt) {
	case PV_DLT_ETHERNET:
		return link_ethernet(v);
	case PV_DLT_NULL:
	case PV_DLT_LOOP:
		return link_loop(v);
	case PV_DLT_PPP:
		return link_ppp(v, false);
	case PV_DLT_PPP_SERIAL:
		return link_ppp(v, true);
	case PV_DLT_PPP_ETHER:
		return link_pppoe(v);
	case PV_DLT_RAW:
	case PV_DLT_RAW_OPENBSD:
	case PV_DLT_LINKTYPE_RAW:
		type = link_by_nibble(v, PV_DEC_IP_CUT, PV_DEC_IP_SHORT);
		return type ? type : malformed(v, PV_DEC_IP_VERSION);
	case PV_DLT_LINUX_SLL:
		return link_sll(v, 16, 14, 2);
	case PV_DLT_LINUX_SLL2:
		return link_sll(v, 20, 0, 8);
	case PV_DLT_IPV4:
		return ET_IPV4;
	case PV_DLT_IPV6:
		return ET_IPV6;
	default:
		return unsupported(v, PV_DEC_LINKTYPE);
	}
}

/* ---- between link and IP ------------------------------------------------------------------- */

static int shim_vlan(struct view *v)
{
	if (v->cap < 4)
		return missing(v, 4, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
	if (v->out->vlan == PV_NO_VLAN)
		v->out->vlan = pv_get16(v->p) & 0xfff;
	int type = pv_get16(v->p + 2);
	skip(v, 4);
	return link_length_or_type(v, type);
}

static int shim_mpls(struct view *v)
{
	for (int i = 0; i < PV_DECODE_LABELS; i++) {
		if (v->cap < 4)
			return missing(v, 4, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
		bool bottom = v->p[2] & 1;
		skip(v, 4);
		if (bottom) {
			/* The labels do not say what they carry; everybody looks at the first nibble. */
			int type = link_by_nibble(v, PV_DEC_LINK_CUT, PV_DEC_LINK_SHORT);
			return type ? type : unsupported(v, PV_DEC_MPLS);
		}
	}
	return unsupported(v, PV_DEC_MPLS_DEPTH);
}

/* ---- IP ------------------------------------------------------------------------------------
 * Returns the protocol of what follows, or DONE. */

static void mapped(uint8_t to[16], const uint8_t *from)
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	memcpy(to, prefix, 12);
	memcpy(to + 12, from, 4);
}

/* One extension header whose length is (unit byte + 1) * 8, or for AH (unit byte + 2) * 4. */
static int ip_extension(struct view *v, int proto)
{
	if (v->cap < 2)
		return missing(v, 2, PV_DEC_EXT_CUT, PV_DEC_EXT_SHORT);
	int next = v->p[0];
	uint32_t n = proto == IP_AH ? (v->p[1] + 2u) * 4 : (v->p[1] + 1u) * 8;
	if (v->cap < n)
		return missing(v, n, PV_DEC_EXT_CUT, PV_DEC_EXT_SHORT);
	skip(v, n);
	v->out->proto = (uint8_t)next;
	return next;
}

static int ip_v4(struct view *v)
{
	struct pv_packet *out = v->out;
	const uint8_t *h = v->p;
	if (v->cap < 20)
		return missing(v, 20, PV_DEC_IP_CUT, PV_DEC_IP_SHORT);
	if (h[0] >> 4 != 4)
		return malformed(v, PV_DEC_IP_VERSION);
	out->l3 = 4;
	out->proto = h[9];
	mapped(out->src, h + 12);
	mapped(out->dst, h + 16);
	uint32_t header = (h[0] & 15u) * 4;
	uint32_t total = pv_get16(h + 2);
	if (header < 20)
		return malformed(v, PV_DEC_IP_HLEN);
	if (total) {
		if (total < header)
			return malformed(v, PV_DEC_IP_LENGTH);
		narrow(v, total);
	}
	if (v->cap < header)
		return missing(v, header, PV_DEC_IP_CUT, PV_DEC_IP_SHORT);
	skip(v, header);
	if (pv_get16(h + 6) & 0x3fff) { /* more fragments, or an offset */
		out->bits |= PV_PKT_FRAGMENT;
		return DONE;
	}
	int proto = h[9];
	for (int i = 0; proto == IP_AH; i++) {
		if (i == PV_DECODE_EXTS)
			return unsupported(v, PV_DEC_EXT_DEPTH);
		proto = ip_extension(v, proto);
	}
	return proto;
}

static int ip_v6(struct view *v)
{
	struct pv_packet *out = v->out;
	const uint8_t *h = v->p;
	if (v->cap < 40)
		return missing(v, 40, PV_DEC_IP_CUT, PV_DEC_IP_SHORT);
	if (h[0] >> 4 != 6)
		return malformed(v, PV_DEC_IP_VERSION);
	out->l3 = 6;
	out->proto = h[6];
	memcpy(out->src, h + 8, 16);
	memcpy(out->dst, h + 24, 16);
	uint32_t n = pv_get16(h + 4);
	int proto = h[6];
	skip(v, 40);
	if (n)
		narrow(v, n);
	for (int i = 0;; i++) {
		switch (proto) {
		case IP_HOPOPTS:
		case IP_ROUTING:
		case IP_DSTOPTS:
		case IP_AH:
		case IP_MOBILITY:
		case IP_HIP:
		case IP_SHIM6:
			if (i == PV_DECODE_EXTS)
				return unsupported(v, PV_DEC_EXT_DEPTH);
			proto = ip_extension(v, proto);
			break;
		case IP_FRAGMENT:
			out->bits |= PV_PKT_FRAGMENT;
			if (v->cap < 8)
				return missing(v, 8, PV_DEC_EXT_CUT, PV_DEC_EXT_SHORT);
			out->proto = v->p[0];
			return DONE;
		default:
			return proto;
		}
	}
}

/* ---- above IP ------------------------------------------------------------------------------ */

static void l4_payload(struct view *v, const uint8_t **payload)
{
	*payload = v->p;
	v->out->payload_len = v->cap;
	v->out->payload_wire_len = v->wire;
}

static int l4_udp(struct view *v, const uint8_t **payload)
{
	const uint8_t *h = v->p;
	if (v->cap < 8)
		return missing(v, 8, PV_DEC_L4_CUT, PV_DEC_L4_SHORT);
	uint32_t n = pv_get16(h + 4);
	if (n) {
		if (n < 8)
			return malformed(v, PV_DEC_UDP_LENGTH);
		narrow(v, n);
	}
	v->out->l4 = PV_L4_UDP;
	v->out->sport = pv_get16(h);
	v->out->dport = pv_get16(h + 2);
	skip(v, 8);
	l4_payload(v, payload);
	return DONE;
}

static int l4_tcp(struct view *v, const uint8_t **payload)
{
	struct pv_packet *out = v->out;
	const uint8_t *h = v->p;
	if (v->cap < 20)
		return missing(v, 20, PV_DEC_L4_CUT, PV_DEC_L4_SHORT);
	uint32_t header = (h[12] >> 4) * 4u;
	if (header < 20 || header > v->wire)
		return malformed(v, PV_DEC_TCP_OFFSET);
	if (header > v->cap) {
		/* Only options and payload are missing. When the frame is whole, its IP length lies. */
		if (!(out->bits & PV_PKT_TRUNCATED))
			return malformed(v, PV_DEC_TCP_OFFSET);
		v->p += v->cap;
		v->cap = 0;
		v->wire -= header;
	} else {
		skip(v, header);
	}
	out->l4 = PV_L4_TCP;
	out->sport = pv_get16(h);
	out->dport = pv_get16(h + 2);
	out->tcp_seq = pv_get32(h + 4);
	out->tcp_ack = pv_get32(h + 8);
	out->tcp_flags = h[13];
	l4_payload(v, payload);
	return DONE;
}

/* ---- tunnels ------------------------------------------------------------------------------- */

/* From here on the inner headers are reported: forget the outer ones. */
static void tunnel_enter(struct view *v, const uint8_t **payload)
{
	struct pv_packet *out = v->out;
	memset(out->src, 0, 16);
	memset(out->dst, 0, 16);
	out->sport = out->dport = 0;
	out->l3 = out->l4 = out->proto = 0;
	out->payload_len = out->payload_wire_len = 0;
	out->bits |= PV_PKT_TUNNEL;
	*payload = NULL;
}

static int tunnel_ethernet(struct view *v)
{
	v->out->bits &= (uint8_t)~PV_PKT_ETH;
	memset(v->out->eth_src, 0, 6);
	memset(v->out->eth_dst, 0, 6);
	return link_ethernet(v);
}

static int tunnel_gre(struct view *v, const uint8_t **payload)
{
	if (v->cap < 4)
		return missing(v, 4, PV_DEC_TUNNEL_CUT, PV_DEC_TUNNEL_SHORT);
	unsigned flags = pv_get16(v->p);
	int type = pv_get16(v->p + 2);
	if (flags & 0x4007) /* source routing (obsolete), or a version we do not know */
		return DONE;
	if (type != ET_IPV4 && type != ET_IPV6 && type != ET_TEB)
		return DONE;
	uint32_t n = 4 + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0);
	if (v->cap < n)
		return missing(v, n, PV_DEC_TUNNEL_CUT, PV_DEC_TUNNEL_SHORT);
	skip(v, n);
	tunnel_enter(v, payload);
	return type == ET_TEB ? tunnel_ethernet(v) : type;
}

static int tunnel_vxlan(struct view *v, const uint8_t **payload)
{
	if (v->cap < 8 || !(v->p[0] & 8))
		return DONE;
	skip(v, 8);
	tunnel_enter(v, payload);
	return tunnel_ethernet(v);
}

/* What an IP header carries. Returns the ethertype of a tunnel's content, or DONE. */
static int above_ip(struct view *v, int proto, const struct pv_decoder *d, bool decap,
		    const uint8_t **payload)
{
	int r;
	switch (proto) {
	case IP_UDP:
		r = l4_udp(v, payload);
		if (d->decap_vxlan && decap && v->out->dport == VXLAN_PORT && v->out->l4 == PV_L4_UDP)
			return tunnel_vxlan(v, payload);
		return r;
	case IP_TCP:
		return l4_tcp(v, payload);
	case IP_GRE:
		return d->decap_gre && decap ? tunnel_gre(v, payload) : DONE;
	case IP_IPIP:
	case IP_IPV6:
		if (!d->decap_ipip || !decap)
			return DONE;
		tunnel_enter(v, payload);
		return proto == IP_IPIP ? ET_IPV4 : ET_IPV6;
	default:
		return DONE;
	}
}

/* ---- all of it ----------------------------------------------------------------------------- */

bool pv_decode_supported(int dlt)
{
	switch (dlt) {
	case PV_DLT_NULL:
	case PV_DLT_ETHERNET:
	case PV_DLT_PPP:
	case PV_DLT_RAW:
	case PV_DLT_RAW_OPENBSD:
	case PV_DLT_PPP_SERIAL:
	case PV_DLT_PPP_ETHER:
	case PV_DLT_LINKTYPE_RAW:
	case PV_DLT_LOOP:
	case PV_DLT_LINUX_SLL:
	case PV_DLT_IPV4:
	case PV_DLT_IPV6:
	case PV_DLT_LINUX_SLL2:
		return true;
	default:
		return false;
	}
}

const char *pv_decode_reason_name(unsigned reason)
{
	static const char *const names[PV_DEC_REASONS] = {
		[PV_DEC_OK] = "ok",
		[PV_DEC_LINKTYPE] = "link-type",
		[PV_DEC_ARP] = "arp",
		[PV_DEC_NOT_IP] = "not-ip",
		[PV_DEC_LLC] = "llc",
		[PV_DEC_MPLS] = "mpls",
		[PV_DEC_VLAN_DEPTH] = "vlan-depth",
		[PV_DEC_MPLS_DEPTH] = "mpls-depth",
		[PV_DEC_EXT_DEPTH] = "extension-depth",
		[PV_DEC_LINK_CUT] = "link-cut",
		[PV_DEC_IP_CUT] = "ip-cut",
		[PV_DEC_EXT_CUT] = "extension-cut",
		[PV_DEC_L4_CUT] = "transport-cut",
		[PV_DEC_TUNNEL_CUT] = "tunnel-cut",
		[PV_DEC_LINK_SHORT] = "link-short",
		[PV_DEC_IP_SHORT] = "ip-short",
		[PV_DEC_IP_VERSION] = "ip-version",
		[PV_DEC_IP_HLEN] = "ip-header-length",
		[PV_DEC_IP_LENGTH] = "ip-length",
		[PV_DEC_EXT_SHORT] = "extension-short",
		[PV_DEC_L4_SHORT] = "transport-short",
		[PV_DEC_TCP_OFFSET] = "tcp-offset",
		[PV_DEC_UDP_LENGTH] = "udp-length",
		[PV_DEC_TUNNEL_SHORT] = "tunnel-short",
	};
	return reason < PV_DEC_REASONS && names[reason] ? names[reason] : "unknown";
}

bool pv_decode_reason_cut(unsigned reason)
{
	return reason >= PV_DEC_LINK_CUT && reason < PV_DEC_LINK_SHORT;
}

static inline void decode(const struct pv_decoder *d, const uint8_t *frame, uint32_t cap_len, uint32_t wire_len,
			  struct pv_packet *out, const uint8_t **payload, struct pv_decode_marks *marks)
{
	/* One memset of a constant size; what is not ours lies in between and is put back. */
	uint8_t stamp = out->stamp;
	uint16_t payload_off = out->payload_off;
	memset(out->src, 0, sizeof(*out) - offsetof(struct pv_packet, src));
	out->stamp = stamp;
	out->payload_off = payload_off;
	if (wire_len < cap_len)
		wire_len = cap_len;
	out->wire_len = wire_len;
	out->cap_len = cap_len;
	out->vlan = PV_NO_VLAN;
	out->bits = cap_len < wire_len ? PV_PKT_TRUNCATED : 0;
	*payload = NULL;

	struct view v = {frame, cap_len, wire_len, out};
	int vlans = 0, tunnels = 0;
	int type = link_header(&v, d->linktype);
	while (type != DONE) {
		int proto;
		if (marks)
			marks->ip = v.p;
		switch (type) {
		case ET_IPV4:
			proto = ip_v4(&v);
			break;
		case ET_IPV6:
			proto = ip_v6(&v);
			break;
		case ET_8021Q:
		case ET_8021AD:
		case ET_QINQ:
		case ET_QINQ2:
		case ET_QINQ3:
			type = vlans++ < PV_DECODE_VLANS ? shim_vlan(&v) : unsupported(&v, PV_DEC_VLAN_DEPTH);
			continue;
		case ET_PPPOE: /* leads to MPLS or IP, MPLS to IP alone: no counting needed */
			type = link_pppoe(&v);
			continue;
		case ET_MPLS:
		case ET_MPLS_MULTI:
			type = shim_mpls(&v);
			continue;
		case ET_ARP:
			type = unsupported(&v, PV_DEC_ARP);
			continue;
		default:
			type = unsupported(&v, PV_DEC_NOT_IP);
			continue;
		}
		type = proto == DONE ? DONE : above_ip(&v, proto, d, tunnels++ < PV_DECODE_TUNNELS, payload);
		if (type != DONE)
			vlans = 0; /* an inner frame has its own */
	}
	if (out->l3)
		out->dir = (uint8_t)pv_hosts_dir(d->hosts, out->src, out->dst, out->l3);
	if (marks && !out->l3)
		marks->ip = NULL;
	if (marks) {
		marks->rest = v.p;
		marks->rest_len = v.cap;
	}
}

void pv_decode(const struct pv_decoder *d, const uint8_t *frame, uint32_t cap_len, uint32_t wire_len,
	       struct pv_packet *out, const uint8_t **payload)
{
	decode(d, frame, cap_len, wire_len, out, payload, NULL);
}

void pv_decode_marked(const struct pv_decoder *d, const uint8_t *frame, uint32_t cap_len, uint32_t wire_len,
		      struct pv_packet *out, const uint8_t **payload, struct pv_decode_marks *marks)
{
	decode(d, frame, cap_len, wire_len, out, payload, marks);
}
