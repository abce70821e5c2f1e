/* SPDX-License-Identifier: MPL-2.0 */
/* packet/decode.h - a captured frame becomes the fixed fields of struct pv_packet.
 *
 * Model: one pass over link, VLAN, MPLS, PPPoE, IP and UDP or TCP headers; no state between frames, no
 * allocation. Nothing outside [frame, frame + cap_len) is read, whatever the headers say.
 *
 * What is reported. Every field is set but ev, number, stamp and payload_off, which belong to whoever
 * makes the event. What was found before a fault stays: a lying TCP header leaves l3, the addresses,
 * proto and dir, with l4 OTHER and no ports.
 *   MALFORMED   a header was cut by the capture or does not fit what it claims; `reason` tells which
 *               (pv_decode_reason_cut()). Not set when only TCP options or payload are missing.
 *   UNSUPPORTED nothing wrong, but not IP (l3 is 0), or nested deeper than we follow
 *   FRAGMENT    any IP fragment, also the first, and any IPv6 packet with a fragment header:
 *               no ports, l4 OTHER, no payload
 *   TRUNCATED   cap_len < wire_len
 * Unknown IP protocols are not faults: l4 OTHER.
 *
 * Payload: *payload points into the frame at the bytes behind UDP or TCP; payload_len of them were captured.
 * Link padding does not count, nor bytes behind the UDP length. payload_wire_len is what the headers
 * say; it is larger than payload_len when bytes are missing, for whichever reason. *payload is NULL for
 * all but UDP and TCP.
 *
 * Lengths of offloaded packets: an IPv4 total length of 0, an IPv6 payload length of 0 and a UDP
 * length of 0 mean "as long as the frame".
 *
 * Tunnels: the outer headers are reported unless `decap_*` asks for the inner ones (PV_PKT_TUNNEL). What we
 * cannot open (GRE with routing, unknown GRE content, VXLAN without VNI, more than PV_DECODE_TUNNELS
 * deep) is reported as the packet it is outside. eth_* are those of the innermost Ethernet header;
 * vlan is the outermost one.
 *
 * Threads: a decoder is read only. Sources: RFC 791, 8200, 4302, 768, 9293, 2784, 2890, 2003, 4213, 7348,
 * 3032, 2516, 1661; IEEE 802.1Q; link types by www.tcpdump.org/linktypes.html. */
#ifndef PV_PACKET_DECODE_H
#define PV_PACKET_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "packet/hosts.h"

/* Link types, as libpcap's DLT_ numbers (and their LINKTYPE_ twins found in files). */
enum pv_dlt {
	PV_DLT_NULL = 0,
	PV_DLT_ETHERNET = 1,
	PV_DLT_PPP = 9,
	PV_DLT_RAW = 12,
	PV_DLT_RAW_OPENBSD = 14,
	PV_DLT_PPP_SERIAL = 50,
	PV_DLT_PPP_ETHER = 51,
	PV_DLT_LINKTYPE_RAW = 101,
	PV_DLT_LOOP = 108,
	PV_DLT_LINUX_SLL = 113,
	PV_DLT_IPV4 = 228,
	PV_DLT_IPV6 = 229,
	PV_DLT_LINUX_SLL2 = 276,
};

/* Depths nobody reaches in earnest; each bounds the work one frame can cause. */
#define PV_DECODE_VLANS 8    /* QinQ is 2 */
#define PV_DECODE_LABELS 16  /* MPLS; networks use up to 5, segment routing about 10 */
#define PV_DECODE_EXTS 16    /* IPv6 extension headers; RFC 8200 allows each once */
#define PV_DECODE_TUNNELS 4

/* struct pv_packet.reason. Numbers are part of the event format (ledger rows): append only. */
enum pv_decode_reason {
	PV_DEC_OK = 0,
	/* UNSUPPORTED */
	PV_DEC_LINKTYPE = 1,   /* a link type we cannot read */
	PV_DEC_ARP = 2,
	PV_DEC_NOT_IP = 3,     /* another ethertype or PPP protocol */
	PV_DEC_LLC = 4,        /* 802.2 without IP: spanning tree, IS-IS */
	PV_DEC_MPLS = 5,       /* MPLS that carries no IP */
	PV_DEC_VLAN_DEPTH = 6,
	PV_DEC_MPLS_DEPTH = 7,
	PV_DEC_EXT_DEPTH = 8,
	/* MALFORMED: cut by the capture */
	PV_DEC_LINK_CUT = 16,
	PV_DEC_IP_CUT = 17,
	PV_DEC_EXT_CUT = 18,
	PV_DEC_L4_CUT = 19,
	PV_DEC_TUNNEL_CUT = 20,
	/* MALFORMED: the sender's fault */
	PV_DEC_LINK_SHORT = 32, /* the frame ends within the link header */
	PV_DEC_IP_SHORT = 33,   /* the frame ends within the IP header */
	PV_DEC_IP_VERSION = 34, /* not the version the link header announced */
	PV_DEC_IP_HLEN = 35,    /* IPv4 header length below 20 */
	PV_DEC_IP_LENGTH = 36,  /* IPv4 total length below the header's */
	PV_DEC_EXT_SHORT = 37,  /* the packet ends within an extension header */
	PV_DEC_L4_SHORT = 38,   /* the packet ends within the UDP or TCP header */
	PV_DEC_TCP_OFFSET = 39, /* TCP data offset below 20 or behind the packet's end */
	PV_DEC_UDP_LENGTH = 40, /* UDP length 1..7 */
	PV_DEC_TUNNEL_SHORT = 41, /* the packet ends within the GRE header */
	PV_DEC_REASONS = 48
};

struct pv_decoder {
	int linktype; /* DLT_ number */
	bool decap_gre, decap_ipip, decap_vxlan;
	const struct pv_hosts *hosts; /* borrowed; NULL: every direction is unknown */
};

bool pv_decode_supported(int dlt);

/* "ip-cut"; never NULL ("unknown" for numbers without a name). */
const char *pv_decode_reason_name(unsigned reason);
/* The capture is to blame, not the sender. */
bool pv_decode_reason_cut(unsigned reason);

/* cap_len > wire_len is taken as wire_len = cap_len. */
void pv_decode(const struct pv_decoder *, const uint8_t *frame, uint32_t cap_len, uint32_t wire_len,
	       struct pv_packet *out, const uint8_t **payload);

/* Where in the frame things stand that struct pv_packet does not have: for samples of packets (flow/sflow.h), of which
 * little more than the headers came. */
struct pv_decode_marks {
	const uint8_t *ip;   /* the header that was reported, of which at least 20 (IPv6: 40) bytes are there; NULL: l3 is 0 */
	const uint8_t *rest; /* what was not read any more: with PV_DEC_L4_CUT the beginning of the UDP or TCP header */
	uint32_t rest_len;
};

void pv_decode_marked(const struct pv_decoder *, const uint8_t *frame, uint32_t cap_len, uint32_t wire_len,
		      struct pv_packet *out, const uint8_t **payload, struct pv_decode_marks *);

#endif
