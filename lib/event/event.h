/* SPDX-License-Identifier: MPL-2.0 */
/* event/event.h - the event stream between programs: this header is the format's specification.
 *
 *   stream := START event* STOP        no STOP: the writer died; readers finish what came, exit 3
 *   file   := stream*                  so that `cat a b` is valid
 *   event  := size:u32 type:u16 flags:u16 time_ns:u64 body
 *
 * All numbers are little-endian; an event's size counts its header, is a multiple of 8 and at
 * most PV_EVENT_MAX. Times are ns since the epoch. Variable parts (names, payload) stand behind
 * the fixed fields of their type and are found through pv_ref (offset from the event's first
 * byte, length); the writer pads with zeros.
 *
 * Rules of growth: fields are only appended (a reader finds variable parts by reference, never by
 * sizeof). Type ids, and ids of metrics, are never reused. A reader skips types it does not know
 * and bytes beyond the fields it knows. Minor goes up when a type or field is added; major when
 * an old reader would misread: a reader refuses another major. tests/wire/<major>.<minor>/ keeps
 * the bytes of every released version and what they must decode to.
 *
 * Numbers in a stream that name something:
 *   packet number  1, 2, 3, ... as the source read them; every event made from a packet has it. A source of something
 *                  else numbers what it reads: dnstap messages, datagrams of flow exports, attempts of a probe.
 *   stage number   each program that adds events announces itself (STAGE) before its first
 *                  event, with the next free number; 0 is the source.
 *   DEFINE number  stands for a string, by (stage, kind, number); a later DEFINE of the same
 *                  triple replaces it. 0 is "nothing known".
 *   module types   the numbers from PV_EV_MODULE mean something in one stream only: the STAGE event that
 *                  comes before binds one to the stage's type, which is the name of the layout.
 * Times never need a clock: START has the first packet's time in a recorded stream and the wall
 * time in a live one; TICK moves time on when nothing else happens.
 *
 * Everything read from a pipe passes event/check.h before a stage sees it. */
#ifndef PV_EVENT_EVENT_H
#define PV_EVENT_EVENT_H

#include <stddef.h>
#include <stdint.h>

#define PV_EVENT_MAGIC 0x56455650u /* "PVEV" */
#define PV_EVENT_MAJOR 1
#define PV_EVENT_MINOR 3

#define PV_EVENT_MAX (96u * 1024)  /* a 64 KiB payload and its header, with room */
#define PV_BATCH_BYTES (256u * 1024) /* one hand-over; measured, see ARCHITECTURE.md */

enum pv_event_type {
	/* the stream itself */
	PV_EV_START = 1,
	PV_EV_STOP = 2,
	PV_EV_TICK = 3,   /* time goes on; header only */
	PV_EV_STAGE = 4,  /* a stage announces itself */
	PV_EV_DEFINE = 5, /* a number stands for a string */
	PV_EV_STATS = 6,  /* the source's counters, once a second when live */
	PV_EV_RESOURCES = 7, /* since 1.1: what reading an input costs, and for whom it is read */
	PV_EV_LEDGER = 8,    /* since 1.3, layout of STOP: a stage's rows so far, behind each STATS */

	/* from sources */
	PV_EV_PACKET = 16,
	PV_EV_DNSTAP = 17, /* since 1.2: one dnstap message */
	PV_EV_FLOW = 18,   /* since 1.2: one record of a flow export, or one flow sample */
	PV_EV_PROBE = 19,  /* since 1.2: what became of an active probe */

	/* from analysers */
	PV_EV_NET = 32,
	PV_EV_DNS = 33,
	PV_EV_DNS_TIMEOUT = 34, /* layout of PV_EV_DNS; a query nobody answered in time */
	PV_EV_DHCP = 35,
	PV_EV_TCP_ERROR = 36, /* reassembly lost something */
	PV_EV_BGP = 37,       /* since 1.2 */

	/* from pv-window: a bucket is BUCKET|LIVE (BLOCK METRIC*)* BUCKET_END, not interrupted */
	PV_EV_BUCKET = 48,     /* a closed, immutable bucket */
	PV_EV_LIVE = 49,       /* layout of BUCKET: replaces the LIVE before it (same stream, handler, start) */
	PV_EV_BLOCK = 50,      /* the metrics of one label set */
	PV_EV_METRIC = 51,     /* one metric's state, or a part of it */
	PV_EV_BUCKET_END = 52, /* header only */

	/* from loaded modules: PV_EV_MODULES numbers, bound to names by STAGE (since 1.1) */
	PV_EV_MODULE = 54,

	PV_EV_TYPES = 64 /* ids 64 and up are not given out in major 1 */
};

#define PV_EV_MODULES 8 /* kinds of module events in one stream: they share the 64 numbers, so that masks stay masks */

/* Header flags. */
#define PV_F_FILTERED 0x0001u /* an analyser's filter rejected it; counted, otherwise unused */
#define PV_F_DNSTAP 0x0f00u   /* since 1.2, of NET, DNS and DNS_TIMEOUT: enum pv_dnstap_type of the dnstap message that it was made
			       * of; 0: it was made of a packet */
#define PV_F_DNSTAP_SHIFT 8

struct pv_event {
	uint32_t size;
	uint16_t type;  /* enum pv_event_type */
	uint16_t flags; /* PV_F_* */
	uint64_t time_ns;
};

/* A variable part: len bytes at off from the event's first byte. len 0: absent. */
struct pv_ref {
	uint16_t off;
	uint16_t len;
};

struct pv_ref32 {
	uint32_t off;
	uint32_t len;
};

enum pv_clock { PV_CLOCK_LIVE = 0, PV_CLOCK_RECORDED = 1 };

/* One CIDR block. IPv4 as ::ffff:a.b.c.d with family 4 and prefix 0..32. */
struct pv_subnet {
	uint8_t addr[16];
	uint8_t family; /* 4 or 6 */
	uint8_t prefix;
	uint8_t pad[6];
};

struct pv_start {
	struct pv_event ev;
	uint32_t magic;
	uint16_t major, minor;
	uint64_t stream_id; /* random; tells the buckets of one run from another's */
	uint8_t clock;      /* enum pv_clock */
	uint8_t pad[3];
	uint32_t hosts_count;      /* struct pv_subnet each; 0: the host set is empty */
	struct pv_ref producer;    /* program, "pv-capture 1.0.0" */
	struct pv_ref source;      /* interface or file name */
	struct pv_ref32 hosts;     /* hosts_count * sizeof(struct pv_subnet) bytes */
};

/* What a ledger row counts. Within one stage, in its own unit (packets, messages):
 * received = analysed + filtered + malformed + unsupported + evicted + dropped. */
enum pv_ledger {
	PV_LEDGER_RECEIVED = 1,
	PV_LEDGER_ANALYSED = 2,
	PV_LEDGER_FILTERED = 3,
	PV_LEDGER_MALFORMED = 4,
	PV_LEDGER_UNSUPPORTED = 5,
	PV_LEDGER_EVICTED = 6,
	PV_LEDGER_DROPPED = 7,
	/* details, outside the sum */
	PV_LEDGER_OS_DROPS = 16,      /* source: lost by the kernel's capture buffer */
	PV_LEDGER_IF_DROPS = 17,      /* source: lost by the interface or driver */
	PV_LEDGER_LINK_DOWN = 18,     /* source: times the interface went away */
	PV_LEDGER_TRUNCATED = 19,     /* source: packets shortened by the snap length */
	PV_LEDGER_XACT_EVICTED = 20,  /* open transactions given up for room */
	PV_LEDGER_XACT_OPEN = 21,     /* open transactions at the end */
	PV_LEDGER_FLOW_EVICTED = 22,  /* TCP flows given up for room */
	PV_LEDGER_FLOW_IDLE = 23,     /* TCP flows closed because nothing came */
	PV_LEDGER_TCP_LOST_BYTES = 24, /* stream bytes that never came */
	PV_LEDGER_TCP_RETRANSMIT = 25, /* segments seen before */
	PV_LEDGER_TOPN_LOST = 26,     /* weight a full top-N table could not take */
	PV_LEDGER_LATE = 27,          /* events for a period already closed */
	/* 40 to 59: since 1.2 */
	PV_LEDGER_CLIENTS = 40,       /* source that is sent to: connections taken */
	PV_LEDGER_CLIENTS_REFUSED = 41, /* connections not taken, for want of room */
	PV_LEDGER_CLIENTS_EVICTED = 42, /* connections given up for room, or for memory */
	PV_LEDGER_CLIENTS_IDLE = 43,  /* connections closed because nothing came */
	PV_LEDGER_CLIENTS_BAD = 44,   /* connections closed for breaking the protocol */
	/* flow exports (flow/record.h): the unit of the sum is the datagram */
	PV_LEDGER_FLOW_RECORDS = 48,  /* records and samples put out */
	PV_LEDGER_FLOW_EMPTY = 49,    /* of these, left out: they say nothing that is counted */
	PV_LEDGER_FLOW_COUNTER_SAMPLES = 50,
	PV_LEDGER_FLOW_UNKNOWN_SAMPLES = 51,
	PV_LEDGER_FLOW_UNKNOWN_SETS = 52, /* of a template that was not there */
	PV_LEDGER_FLOW_OPTIONS = 53,  /* records about exporters */
	PV_LEDGER_FLOW_LOST = 54,     /* by sequence numbers, in the exporters' units */
	PV_LEDGER_TEMPLATES_EVICTED = 55, /* given up for room */
	PV_LEDGER_TEMPLATES_EXPIRED = 56, /* not told again in time */
	PV_LEDGER_TEMPLATES_WITHDRAWN = 57,
	PV_LEDGER_TEMPLATES_REFUSED = 58, /* too large */
	PV_LEDGER_EXPORTERS_EVICTED = 59,
	PV_LEDGER_TOTALS_EVICTED = 60, /* flows whose last total was given up for room */
	PV_LEDGER_REASON = 256        /* + reason: malformed or unsupported, by the stage's own reason */
};

#define PV_STAGE_STREAM 255 /* rows of this stage: what = type id, value = events of that type in the stream */

struct pv_ledger_row {
	uint16_t stage; /* 0 the source, PV_STAGE_STREAM the stream's own event counts */
	uint16_t what;  /* enum pv_ledger */
	uint32_t pad;
	uint64_t value;
};

#define PV_LEDGER_ROWS_MAX 1024

struct pv_stop {
	struct pv_event ev;      /* time: the last packet's (recorded) or the end (live) */
	struct pv_ref32 rows;    /* struct pv_ledger_row each */
};

enum pv_stage_kind { PV_STAGE_SOURCE = 0, PV_STAGE_ANALYSER = 1, PV_STAGE_SUMMARY = 2 };

struct pv_stage_event {
	struct pv_event ev;
	uint8_t stage; /* its number in this stream */
	uint8_t kind;  /* enum pv_stage_kind */
	uint8_t events; /* a module: the number, from PV_EV_MODULE, of the events that bear the name `type`; else 0 */
	uint8_t pad;
	struct pv_ref type;    /* handler type: "net", "dns", "flow"; a source's: "pcap", "dnstap", "netprobe" */
	struct pv_ref name;    /* handler name; the type unless --name says otherwise */
	struct pv_ref version; /* of the program */
	struct pv_ref filters; /* "only_rcode=3;only_qtype=A,AAAA" or empty */
	uint8_t pad2[4];
};

enum pv_define_kind { PV_DEFINE_GEO = 1, PV_DEFINE_ASN = 2, PV_DEFINE_DEVICE = 3 };

struct pv_define {
	struct pv_event ev;
	uint8_t stage;
	uint8_t kind; /* enum pv_define_kind */
	struct pv_ref text; /* geo: name TAB latitude TAB longitude, or name alone */
	uint8_t pad[2];
	uint32_t number;    /* from 1 */
	uint8_t pad2[4];
};

struct pv_stats {
	struct pv_event ev;
	uint64_t received;  /* packets handed to us since the start */
	uint64_t os_drops;  /* since the start */
	uint64_t if_drops;  /* since the start */
	uint64_t link_down; /* times the interface was found down or gone */
};

/* struct pv_resources_event.bits: what this event measured; without both it tells of policies alone. */
#define PV_RES_CPU 0x01u
#define PV_RES_MEMORY 0x02u

#define PV_RES_CPU_WHOLE 1000000u /* cpu_ppm of a thread that kept one processor busy */

struct pv_resources_event {
	struct pv_event ev;    /* stream time, also where the measuring went by the clock */
	uint64_t number;       /* measurements so far, this one included */
	uint64_t memory_bytes; /* resident memory of the process; with PV_RES_MEMORY */
	uint32_t cpu_ppm;      /* CPU time of the stage's thread since the measurement before, in millionths of one
				* processor's time; with PV_RES_CPU */
	uint32_t policies;     /* that use the input now */
	uint32_t handlers;     /* of these policies */
	uint8_t stage;         /* that was measured; 0 the source */
	uint8_t bits;          /* PV_RES_* */
	uint8_t pad[2];
};

enum pv_dir { PV_DIR_UNKNOWN = 0, PV_DIR_IN = 1, PV_DIR_OUT = 2 };

enum pv_l4 { PV_L4_OTHER = 0, PV_L4_UDP = 1, PV_L4_TCP = 2 };

/* struct pv_packet.bits */
#define PV_PKT_ETH 0x01u       /* eth_src and eth_dst are there: Ethernet packets that DHCP may need them of */
#define PV_PKT_FRAGMENT 0x02u  /* an IP fragment: no ports, l4 is OTHER */
#define PV_PKT_TRUNCATED 0x04u /* the capture holds fewer bytes than the wire had */
#define PV_PKT_MESSAGE 0x08u   /* payload is one whole reassembled message (--chain), not a segment */
#define PV_PKT_MALFORMED 0x10u /* a header lied or was cut short; fields behind it are zero */
#define PV_PKT_UNSUPPORTED 0x20u /* not IP, or an ethertype we do not look into */
#define PV_PKT_TUNNEL 0x40u    /* --decap: these are the inner headers */

/* TCP flag bits as in the header (RFC 9293). */
#define PV_TCP_FIN 0x01u
#define PV_TCP_SYN 0x02u
#define PV_TCP_RST 0x04u
#define PV_TCP_ACK 0x10u

#define PV_NO_VLAN 0xffffu

struct pv_packet {
	struct pv_event ev; /* time of capture */
	uint64_t number;
	uint8_t src[16], dst[16]; /* IPv4 as ::ffff:a.b.c.d; zeros when l3 is 0 */
	uint16_t sport, dport;    /* UDP and TCP, else 0 */
	uint8_t l3;               /* 4, 6 or 0 */
	uint8_t l4;               /* enum pv_l4 */
	uint8_t proto;            /* IP protocol / last IPv6 next header */
	uint8_t dir;              /* enum pv_dir */
	uint8_t stamp;            /* 0..99, for deep sampling: deep when stamp < rate */
	uint8_t bits;             /* PV_PKT_* */
	uint8_t tcp_flags;
	uint8_t reason;           /* why malformed or unsupported: packet/decode.h */
	uint16_t vlan;            /* outermost 802.1Q id, PV_NO_VLAN without */
	uint16_t payload_off;     /* 0 when no payload is carried */
	uint32_t wire_len;        /* frame length on the wire */
	uint32_t cap_len;         /* captured of it */
	uint32_t payload_len;     /* bytes carried in this event */
	uint32_t payload_wire_len; /* bytes the headers say there are behind UDP or TCP */
	uint32_t tcp_seq, tcp_ack;
	/* With PV_PKT_ETH in bits; without it the fixed part ends here. */
	uint8_t eth_src[6], eth_dst[6];
	uint8_t pad[4];
};

#define PV_PACKET_FIXED_BASE 96 /* up to tcp_ack */

/* Bytes of the fixed part of a PACKET event. */
static inline uint32_t pv_packet_fixed(const struct pv_packet *p)
{
	return p->bits & PV_PKT_ETH ? (uint32_t)sizeof *p : PV_PACKET_FIXED_BASE;
}

/* Who logged a DNS message, and which half of the exchange it is: dnstap's own numbers, queries odd. */
enum pv_dnstap_type {
	PV_DNSTAP_AUTH_QUERY = 1, PV_DNSTAP_AUTH_RESPONSE = 2,
	PV_DNSTAP_RESOLVER_QUERY = 3, PV_DNSTAP_RESOLVER_RESPONSE = 4,
	PV_DNSTAP_CLIENT_QUERY = 5, PV_DNSTAP_CLIENT_RESPONSE = 6,
	PV_DNSTAP_FORWARDER_QUERY = 7, PV_DNSTAP_FORWARDER_RESPONSE = 8,
	PV_DNSTAP_STUB_QUERY = 9, PV_DNSTAP_STUB_RESPONSE = 10,
	PV_DNSTAP_TOOL_QUERY = 11, PV_DNSTAP_TOOL_RESPONSE = 12,
	PV_DNSTAP_UPDATE_QUERY = 13, PV_DNSTAP_UPDATE_RESPONSE = 14,
	PV_DNSTAP_TYPES = 15 /* from here on none of them */
};

/* struct pv_dnstap.bits */
#define PV_DNSTAP_OTHER_HALF 0x01u /* payload is the other half's message: a response that has only its query, or the reverse */
#define PV_DNSTAP_TRUNCATED 0x02u  /* the sender's message was longer than payload_len */

/* One message of a dnstap stream (dnstap.info). Both halves of an exchange have the addresses of who asked and of who
 * answers in the same places, whoever sends. Events made of it keep that order: the asking end is their src. */
struct pv_dnstap {
	struct pv_event ev; /* time of arrival; in a recorded stream the message's own */
	uint64_t number;    /* 1, 2, 3, ... as the source read them */
	uint8_t query_addr[16], response_addr[16]; /* IPv4 as ::ffff:a.b.c.d; zeros: not told */
	uint16_t query_port, response_port;        /* 0: not told */
	uint8_t l3;         /* 4, 6 or 0: not told */
	uint8_t transport;  /* enum pv_transport, from here */
	uint8_t message;    /* enum pv_dnstap_type */
	uint8_t dir;        /* of this half, seen from who logged it: a client's query is in, its response out */
	uint8_t stamp;      /* 0..99 */
	uint8_t bits;       /* PV_DNSTAP_* */
	uint16_t payload_off; /* of the DNS message, this half's when the sender gave it; 0: none */
	uint32_t payload_len;
	uint32_t frame_len; /* of the dnstap frame: what counts as size */
	struct pv_ref identity; /* name of the server, as it gives it; cut at 255 bytes */
	uint64_t query_time_ns, response_time_ns; /* by the sender's clock; 0: not told */
};

struct pv_net {
	struct pv_event ev;
	uint64_t packet;
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t l3, l4, proto, dir;
	uint8_t stage, stamp, tcp_flags, pad;
	uint16_t vlan, pad2;
	uint32_t size; /* frame length on the wire; of a dnstap message its frame_len */
	uint32_t geo_src; /* DEFINE numbers, 0: nothing known. Left out, with what follows, where no database is open */
	uint32_t geo_dst, asn_src, asn_dst;
	uint8_t pad3[4];
};

#define PV_NET_FIXED_BASE 80 /* without locations: up to geo_src, which is 0 */

static inline int pv_net_located(const struct pv_net *n)
{
	return n->ev.size >= sizeof *n;
}

/* struct pv_flow.source: what exported the record. */
enum pv_flow_source {
	PV_FLOW_SFLOW = 1,
	PV_FLOW_NETFLOW_V1 = 2, PV_FLOW_NETFLOW_V5 = 3, PV_FLOW_NETFLOW_V7 = 4, PV_FLOW_NETFLOW_V9 = 5,
	PV_FLOW_IPFIX = 6
};

/* struct pv_flow.bits */
#define PV_FLOW_IN 0x01u   /* in_if is known */
#define PV_FLOW_OUT 0x02u  /* out_if is known */
#define PV_FLOW_SCALED 0x04u /* bytes and packets are the exporter's estimate already: rate is for information */

/* One record. Counts are as the exporter wrote them; a consumer that scales multiplies by rate. Where a policy names
 * devices or sums up addresses, the texts to show instead stand in the refs (flow/filter.h). */
struct pv_flow {
	struct pv_event ev; /* time of arrival; in a recorded stream the datagram's */
	uint64_t packet;    /* number of the datagram it came in; that of the packet where it was read out of a capture */
	uint8_t src[16], dst[16]; /* IPv4 as ::ffff:a.b.c.d; zeros: not known */
	uint8_t device[16];       /* sFlow: the agent; else who sent the datagram */
	uint64_t bytes, packets;
	uint32_t rate;          /* one of so many packets was looked at; 1: all of them, or not known; never 0 */
	uint32_t in_if, out_if; /* SNMP interface indexes */
	uint16_t sport, dport;  /* UDP, TCP, SCTP, DCCP, else 0 */
	uint8_t l3;             /* 4, 6 or 0: of the flow */
	uint8_t proto;          /* IP protocol */
	uint8_t tos;            /* DSCP and ECN (RFC 2474, RFC 3168) */
	uint8_t tcp_flags;
	uint8_t stage, stamp;   /* the stamp is the datagram's */
	uint8_t source;         /* enum pv_flow_source */
	uint8_t bits;           /* PV_FLOW_* */
	uint32_t geo_src, geo_dst, asn_src, asn_dst; /* DEFINE numbers, 0: nothing known */
	struct pv_ref device_name, in_name, out_name;
	struct pv_ref src_label, dst_label;
	struct pv_ref sport_name, dport_name; /* of the services */
	uint8_t pad[4];
};

enum pv_probe_test { PV_PROBE_PING = 1, PV_PROBE_TCP = 2 };

enum pv_probe_what {
	PV_PROBE_SENT = 1,    /* an echo request is on its way, a connect has begun */
	PV_PROBE_ANSWER = 2,  /* the reply, or connected */
	PV_PROBE_TIMEOUT = 3, /* nothing within the time that the source waits */
	PV_PROBE_FAILED = 4   /* error says why */
};

enum pv_probe_error {
	PV_PROBE_NO_ERROR = 0,
	PV_PROBE_DNS = 1,     /* the name was not found, or not in time */
	PV_PROBE_ADDRESS = 2, /* it has no address of the wanted kind */
	PV_PROBE_SOCKET = 3,  /* could not be sent */
	PV_PROBE_CONNECT = 4  /* refused, unreachable */
};

/* Something about one attempt to reach a target. Each attempt is one SENT, and later one of the others with the same
 * number; a test that does not get as far is a FAILED alone. The source waits for as long as anybody wants to; whoever
 * has less patience finds in elapsed_ns what came too late (probe/view.h). */
struct pv_probe_event {
	struct pv_event ev;
	uint64_t attempt;    /* 1, 2, 3, ...; 0: none was made */
	uint64_t sent_ns;    /* when it was sent; 0: it was not */
	uint64_t elapsed_ns; /* since then, by a clock that nobody sets */
	uint8_t addr[16];    /* IPv4 as ::ffff:a.b.c.d; zeros: not known */
	uint16_t port;       /* TCP, else 0 */
	uint8_t l3;          /* 4, 6 or 0: not known */
	uint8_t test;        /* enum pv_probe_test */
	uint8_t what;        /* enum pv_probe_what */
	uint8_t error;       /* enum pv_probe_error */
	uint8_t stage, stamp; /* the stamp is the attempt's */
	struct pv_ref target; /* its name */
	uint8_t pad[4];
};

enum pv_transport {
	PV_TR_OTHER = 0, PV_TR_UDP = 1, PV_TR_TCP = 2, PV_TR_DOT = 3, PV_TR_DOH = 4,
	PV_TR_DNSCRYPT_UDP = 5, PV_TR_DNSCRYPT_TCP = 6, PV_TR_DOQ = 7
};

/* What became of a message's transaction. */
enum pv_xact {
	PV_XACT_NONE = 0,    /* a query, or transactions are not kept */
	PV_XACT_MATCHED = 1, /* response to a query seen within the largest TTL */
	PV_XACT_LATE = 2,    /* response to a query seen, after the TTL */
	PV_XACT_ORPHAN = 3,  /* response to no query seen */
	PV_XACT_EXPIRED = 4, /* DNS_TIMEOUT: no response within the TTL */
	PV_XACT_EVICTED = 5  /* DNS_TIMEOUT: given up for room */
};

/* struct pv_dns.bits */
#define PV_DNS_QR 0x0001u        /* a response */
#define PV_DNS_PARSED 0x0002u    /* all four sections were walked without a fault */
#define PV_DNS_QUESTION 0x0004u  /* qname, qtype, qclass are known */
#define PV_DNS_RRSIG 0x0008u     /* an RRSIG stands in the answer section */
#define PV_DNS_EDNS 0x0010u
#define PV_DNS_DO 0x0020u
#define PV_DNS_ECS 0x0040u
#define PV_DNS_COOKIE 0x0080u
#define PV_DNS_NSID 0x0100u
#define PV_DNS_EDE 0x0200u
#define PV_DNS_AA 0x0400u
#define PV_DNS_TC 0x0800u
#define PV_DNS_RD 0x1000u
#define PV_DNS_RA 0x2000u
#define PV_DNS_AD 0x4000u
#define PV_DNS_CD 0x8000u

/* EDNS Client Subnet, RFC 7871. family 0: none. */
struct pv_ecs {
	uint8_t addr[16];   /* IPv4 as ::ffff:a.b.c.d */
	uint8_t family;     /* 4, 6 or 0 */
	uint8_t source_prefix, scope_prefix;
	uint8_t pad;
	uint32_t geo, asn;  /* DEFINE numbers */
	uint8_t pad2[4];
};

/* One DNS message; every later stage finds here what it needs, the message itself is not kept. Most messages are queries
 * without a client subnet, so what they have not is left out: the fixed part ends where pv_dns_fixed() says, and
 * the variable parts begin there. */
struct pv_dns {
	struct pv_event ev;
	uint64_t packet;          /* the one that completed the message */
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t l3, transport, dir, stage;
	uint8_t stamp;
	uint8_t reason;           /* why malformed (dns/names.h), 0 when fine */
	uint16_t port;            /* the port that is not the DNS one */
	uint32_t length;          /* of the message, bytes */
	uint16_t bits;            /* PV_DNS_* */
	uint16_t id;
	uint8_t opcode, edns_version;
	uint16_t rcode;           /* header's 4 bits */
	uint16_t rcode_ext;       /* with the EDNS bits above them */
	uint16_t qtype, qclass;
	uint16_t qdcount, ancount, nscount, arcount;
	uint16_t edns_size;
	uint16_t suffix_len;      /* of qname: what aggregation leaves alone, 0 none */
	struct pv_ref qname;      /* text, lower-case, no final dot, odd bytes as \DDD; root is empty */
	struct pv_ref qname_case; /* as it was written */
	uint8_t xact;             /* enum pv_xact */
	uint8_t query_dir, query_stamp;
	uint8_t query_filtered;   /* the query was rejected by this stage's filter; so was an orphan's, whose time was over */
	uint16_t query_bits;
	/* The query's half: for responses that found theirs, and for DNS_TIMEOUT (xact says so). */
	uint16_t query_suffix_len;
	uint32_t query_length;
	struct pv_ref query_qname;
	struct pv_ref query_qname_case;
	uint64_t query_time_ns;
	uint64_t query_packet;
	/* With PV_DNS_ECS in bits or query_bits. */
	struct pv_ecs ecs;
	struct pv_ecs query_ecs;
};

#define PV_DNS_FIXED_BASE 112  /* up to query_bits */
#define PV_DNS_FIXED_QUERY 144 /* up to query_packet */

/* Bytes of the fixed part of a DNS or DNS_TIMEOUT event. */
static inline uint32_t pv_dns_fixed(const struct pv_dns *d)
{
	if ((d->bits | d->query_bits) & PV_DNS_ECS)
		return sizeof *d;
	return d->xact == PV_XACT_NONE || d->xact == PV_XACT_ORPHAN ? PV_DNS_FIXED_BASE : PV_DNS_FIXED_QUERY;
}

enum pv_dhcp_bits {
	PV_DHCP_ETH = 1,      /* eth_src is known */
	PV_DHCP_SERVER_ID = 2, /* the server identifier option was there */
	PV_DHCP_MATCHED = 4   /* ACK or reply of a request seen: client_* are the request's */
};

struct pv_dhcp {
	struct pv_event ev;
	uint64_t packet;
	uint8_t src[16], dst[16];
	uint8_t family;  /* 4 or 6 */
	uint8_t message; /* option 53 (v4) or message type (v6); 0 unknown */
	uint8_t dir, stage, stamp;
	uint8_t reason;  /* why malformed (dhcp/message.h) */
	uint8_t bits;    /* enum pv_dhcp_bits */
	uint8_t relay_hops; /* relay agents on the way (v4 hops, v6 nesting) */
	uint32_t xid;
	uint8_t server_id[4]; /* v4 option 54 */
	uint8_t yiaddr[4];
	uint8_t eth_src[6];
	uint8_t client_mac[6]; /* chaddr; zeros unless Ethernet */
	struct pv_ref client_name; /* host name of the request, valid UTF-8, odd bytes as \DDD */
	uint8_t pad[4];
	uint64_t request_time_ns;
};

/* One BGP message. */
struct pv_bgp {
	struct pv_event ev;
	uint64_t packet; /* the one that completed the message */
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t l3, dir, stage, stamp;
	uint8_t message; /* type: bgp/message.h */
	uint8_t reason;  /* why it is none that can be counted (bgp/message.h), 0 when fine */
	uint16_t length; /* as the header says */
	uint8_t code, subcode; /* of a NOTIFICATION */
	uint8_t pad[2];
};

struct pv_tcp_error {
	struct pv_event ev;
	uint64_t packet;
	uint8_t stage;
	uint8_t reason; /* packet/tcp.h */
	uint8_t pad[6];
};

/* What every event of a module begins with; the rest is its own. */
struct pv_module_event {
	struct pv_event ev;
	uint64_t packet; /* it was made of; 0 none */
	uint8_t stage;
	uint8_t stamp;   /* of that packet */
	uint8_t kind;    /* a module with several layouts tells them apart */
	uint8_t pad[5];
};

#define PV_MODULE_NAME 32 /* bytes of a name that a number is bound to: a-z, 0-9 and _ */

/* struct pv_bucket_event.bits */
#define PV_BUCKET_RECORDED 0x1u
#define PV_BUCKET_HOSTS 0x2u /* the host set was not empty */

struct pv_bucket_event {
	struct pv_event ev;  /* time: end of the bucket, or now for LIVE */
	uint64_t stream_id;
	uint64_t start_ns, end_ns;
	uint32_t blocks;     /* BLOCK events that follow */
	uint32_t metrics;    /* METRIC events that follow */
	uint16_t topn;       /* rows wanted of each top-N list */
	uint8_t topn_percentile;
	uint8_t bits;        /* PV_BUCKET_* */
	struct pv_ref type;    /* handler type and version name the metric table */
	struct pv_ref version;
	struct pv_ref name;
	struct pv_ref groups;  /* metric groups that were on, comma separated */
	uint8_t pad[4];
};

struct pv_block_event {
	struct pv_event ev;
	uint32_t index;   /* 0, 1, 2, ...; 0 is the handler's own block */
	uint32_t parent;  /* its own index for block 0 */
	uint16_t scope;   /* row of the handler's scope table */
	struct pv_ref key; /* label value, "in" */
	uint8_t pad[2];
};

struct pv_metric_event {
	struct pv_event ev;
	uint32_t block;
	uint16_t id;      /* of the metric in its handler's table */
	uint16_t kind;    /* enum pv_kind */
	uint32_t offset;  /* of data within the whole state */
	uint32_t total;   /* bytes of the whole state */
	struct pv_ref32 data;
};

#define PV_METRIC_STATE_MAX (8u << 20) /* the largest state taken from a stream: a full top-N table of long names */

/* The layout is fixed: a change of any of these numbers is a new major version. */
#define PV_AT(type, field, at) _Static_assert(offsetof(struct type, field) == (at), "the wire layout is fixed")
#define PV_SIZE(type, n) _Static_assert(sizeof(struct type) == (n), "the wire layout is fixed")
PV_SIZE(pv_event, 16);
PV_SIZE(pv_subnet, 24);
PV_SIZE(pv_start, 56);
PV_AT(pv_start, stream_id, 24); PV_AT(pv_start, clock, 32); PV_AT(pv_start, hosts_count, 36);
PV_AT(pv_start, producer, 40); PV_AT(pv_start, source, 44); PV_AT(pv_start, hosts, 48);
PV_SIZE(pv_ledger_row, 16);
PV_SIZE(pv_stop, 24);
PV_SIZE(pv_stage_event, 40);
PV_AT(pv_stage_event, events, 18); PV_AT(pv_stage_event, type, 20); PV_AT(pv_stage_event, name, 24); PV_AT(pv_stage_event, version, 28); PV_AT(pv_stage_event, filters, 32);
PV_SIZE(pv_define, 32);
PV_AT(pv_define, text, 18); PV_AT(pv_define, number, 24);
PV_SIZE(pv_stats, 48);
PV_SIZE(pv_resources_event, 48);
PV_AT(pv_resources_event, number, 16); PV_AT(pv_resources_event, memory_bytes, 24); PV_AT(pv_resources_event, cpu_ppm, 32);
PV_AT(pv_resources_event, policies, 36); PV_AT(pv_resources_event, handlers, 40); PV_AT(pv_resources_event, stage, 44);
PV_SIZE(pv_packet, 112);
PV_AT(pv_packet, src, 24); PV_AT(pv_packet, dst, 40); PV_AT(pv_packet, sport, 56); PV_AT(pv_packet, l3, 60);
PV_AT(pv_packet, stamp, 64); PV_AT(pv_packet, vlan, 68); PV_AT(pv_packet, payload_off, 70);
PV_AT(pv_packet, wire_len, 72); PV_AT(pv_packet, payload_len, 80); PV_AT(pv_packet, tcp_seq, 88); PV_AT(pv_packet, eth_src, PV_PACKET_FIXED_BASE);
PV_SIZE(pv_dnstap, 96);
PV_AT(pv_dnstap, number, 16); PV_AT(pv_dnstap, query_addr, 24); PV_AT(pv_dnstap, response_addr, 40); PV_AT(pv_dnstap, query_port, 56);
PV_AT(pv_dnstap, l3, 60); PV_AT(pv_dnstap, stamp, 64); PV_AT(pv_dnstap, payload_off, 66); PV_AT(pv_dnstap, payload_len, 68);
PV_AT(pv_dnstap, frame_len, 72); PV_AT(pv_dnstap, identity, 76); PV_AT(pv_dnstap, query_time_ns, 80);
PV_SIZE(pv_net, 96);
PV_AT(pv_net, src, 24); PV_AT(pv_net, sport, 56); PV_AT(pv_net, stage, 64); PV_AT(pv_net, vlan, 68); PV_AT(pv_net, size, 72); PV_AT(pv_net, geo_src, 76);
PV_SIZE(pv_flow, 160);
PV_AT(pv_flow, src, 24); PV_AT(pv_flow, device, 56); PV_AT(pv_flow, bytes, 72); PV_AT(pv_flow, rate, 88); PV_AT(pv_flow, sport, 100);
PV_AT(pv_flow, l3, 104); PV_AT(pv_flow, stage, 108); PV_AT(pv_flow, geo_src, 112); PV_AT(pv_flow, device_name, 128); PV_AT(pv_flow, src_label, 140); PV_AT(pv_flow, sport_name, 148);
PV_SIZE(pv_probe_event, 72);
PV_AT(pv_probe_event, attempt, 16); PV_AT(pv_probe_event, sent_ns, 24); PV_AT(pv_probe_event, elapsed_ns, 32); PV_AT(pv_probe_event, addr, 40);
PV_AT(pv_probe_event, port, 56); PV_AT(pv_probe_event, l3, 58); PV_AT(pv_probe_event, what, 60); PV_AT(pv_probe_event, stage, 62); PV_AT(pv_probe_event, target, 64);
PV_SIZE(pv_ecs, 32);
PV_SIZE(pv_dns, 208);
PV_AT(pv_dns, sport, 56); PV_AT(pv_dns, l3, 60); PV_AT(pv_dns, stamp, 64); PV_AT(pv_dns, port, 66);
PV_AT(pv_dns, length, 68); PV_AT(pv_dns, bits, 72); PV_AT(pv_dns, opcode, 76); PV_AT(pv_dns, rcode, 78); PV_AT(pv_dns, qtype, 82);
PV_AT(pv_dns, qdcount, 86); PV_AT(pv_dns, edns_size, 94); PV_AT(pv_dns, suffix_len, 96); PV_AT(pv_dns, qname, 98);
PV_AT(pv_dns, xact, 106); PV_AT(pv_dns, query_bits, 110); PV_AT(pv_dns, query_suffix_len, PV_DNS_FIXED_BASE);
PV_AT(pv_dns, query_length, 116); PV_AT(pv_dns, query_qname, 120); PV_AT(pv_dns, query_time_ns, 128);
PV_AT(pv_dns, query_packet, 136); PV_AT(pv_dns, ecs, PV_DNS_FIXED_QUERY); PV_AT(pv_dns, query_ecs, 176);
PV_SIZE(pv_dhcp, 104);
PV_AT(pv_dhcp, family, 56); PV_AT(pv_dhcp, xid, 64); PV_AT(pv_dhcp, client_name, 88); PV_AT(pv_dhcp, request_time_ns, 96);
PV_SIZE(pv_bgp, 72);
PV_AT(pv_bgp, packet, 16); PV_AT(pv_bgp, src, 24); PV_AT(pv_bgp, sport, 56); PV_AT(pv_bgp, l3, 60); PV_AT(pv_bgp, stage, 62);
PV_AT(pv_bgp, message, 64); PV_AT(pv_bgp, length, 66); PV_AT(pv_bgp, code, 68);
PV_SIZE(pv_tcp_error, 32);
PV_SIZE(pv_module_event, 32);
PV_AT(pv_module_event, packet, 16); PV_AT(pv_module_event, stage, 24); PV_AT(pv_module_event, stamp, 25); PV_AT(pv_module_event, kind, 26);
PV_SIZE(pv_bucket_event, 72);
PV_AT(pv_bucket_event, blocks, 40); PV_AT(pv_bucket_event, topn, 48); PV_AT(pv_bucket_event, type, 52);
PV_SIZE(pv_block_event, 32);
PV_SIZE(pv_metric_event, 40);
#undef PV_AT
#undef PV_SIZE

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "events in memory are events on the wire: little-endian");

/* The bytes of a variable part. Only for events that passed event/check.h. */
static inline const char *pv_ref_bytes(const struct pv_event *ev, struct pv_ref r)
{
	return (const char *)ev + r.off;
}

/* Is this one of the numbers that STAGE binds to a name? */
static inline int pv_is_module_type(unsigned type)
{
	return type - PV_EV_MODULE < PV_EV_MODULES;
}

/* The enum pv_dnstap_type that an event was made of; 0: none. */
static inline unsigned pv_event_dnstap(const struct pv_event *ev)
{
	return (ev->flags & PV_F_DNSTAP) >> PV_F_DNSTAP_SHIFT;
}

/* Sizes on the wire are multiples of 8. */
static inline uint32_t pv_round8(size_t n)
{
	return (uint32_t)((n + 7) & ~(size_t)7);
}

#endif
