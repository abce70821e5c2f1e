/* SPDX-License-Identifier: MPL-2.0 */
/* dns/analyser.h - packets and dnstap messages become DNS messages.
 *
 * What is DNS: UDP and TCP with port 53, 5353, 5355 or 53000 at one end. The other end's port is the event's
 * `port` (when both are on the list: the source's); a packet without one (port 0) is not looked at. A UDP
 * payload is a message; TCP is put together (packet/tcp.h) and cut by its two-byte lengths, where a length
 * below 12 breaks the side; the payload of a PV_PKT_MESSAGE packet is a message without a length.
 *
 * dnstap: the message of the half that was logged; where only the other half's is there, it is that half. Which half it
 * is, who logged it knows, and the QR bit is set so. src is who asked, dst who answers, port the port of the former; ports
 * mean nothing. Without a message (reason PV_DNS_ABSENT) there is an event all the same, and no transaction. Events of it
 * have the type in their flags (PV_F_DNSTAP). In a live stream query_time_ns of a response is its own time less what
 * passed by the logging server's clock, so that the difference is what the server measured.
 *
 * What comes out:
 *   PV_EV_DNS          each message, once, with the time, direction, stamp and number of the packet that
 *                      completed it. Flagged FILTERED when the filter rejects it. Less than 12 bytes: reason
 *                      PV_DNS_SHORT, flagged FILTERED too, with length and addresses only; nobody counts it
 *                      but the ledger. Names of the query's half share their bytes with the response's where
 *                      they are equal.
 *   PV_EV_DNS_TIMEOUT  a query whose transaction ended without a response (dns/xact.h: EXPIRED or EVICTED).
 *                      It is the query's own event again (counts, code and EDNS are 0), also filled into the
 *                      query half; FILTERED when the query was. Its time is when that was found out.
 *   PV_EV_TCP_ERROR    reassembly lost something of a flow on these ports.
 *   PV_EV_DEFINE       places and networks of client subnets of queries, before the event that names them.
 *                      Subnets in responses are not looked up (geo and asn are 0).
 * The header time of an event is its packet's, but for bytes that were held back until their packet is more
 * than a minute old, which come with the time of now: a stream does not run backwards.
 *
 * Transactions: a query the filter rejects is kept too, marked (query_filtered), so that its response is no
 * orphan; its key even for a minute after it expired (dns/overdue.h): an orphan with query_filtered is the response to such
 * a one. The response ends the transaction whether it passes or not. Expiry: at most 16 per packet, 4096 per TICK, the rest
 * later; all that are due at the end.
 *
 * Chains: a packet is rejected when its message is, and when it is not DNS. TCP segments always are: an
 * accepted message is added as a packet of its own.
 *
 * Ledger, in messages: received = analysed + filtered + malformed + unsupported (PV_DNS_ABSENT). A rejected message is filtered, whatever
 * else is wrong with it; REASON + n says why the malformed ones are (enum pv_dns_reason).
 *
 * Ownership: filter and geo of the conf are taken over, also when _new fails. Threads: one. Memory: 24 MiB of
 * transactions and what packet/tcp.h says, reserved at the start and touched as used; nothing is allocated
 * per event. */
#ifndef PV_DNS_ANALYSER_H
#define PV_DNS_ANALYSER_H

#include "dns/filter.h"
#include "geo/geo.h"
#include "stage/stage.h"

struct pv_dns_conf {
	struct pv_dns_filter filter; /* moved in */
	uint64_t ttl_ns;             /* 0: what the filter says */
	bool public_suffix_list;     /* also on when the filter says so */
	struct pv_geo *geo;          /* moved in; may be NULL */
	size_t xact_slots;           /* 0: PV_DNS_XACT_SLOTS */
	uint32_t tcp_flows_max;      /* 0: default */
	size_t tcp_bytes_max;        /* 0: default */
	uint64_t tcp_idle_ns;        /* 0: default */
	uint64_t seed;               /* of the hash tables; not to be guessed */
};

/* The `self` of pv_dns_ops. NULL with errno ENOMEM or EINVAL (a bound is out of range). */
void *pv_dns_new(const struct pv_dns_conf *);

extern const struct pv_analyser_ops pv_dns_ops;

/* The metric port of a packet, 0 when it is not DNS. */
uint16_t pv_dns_port(uint16_t sport, uint16_t dport);

/* From now on queries wait so long: those that are open, too. */
void pv_dns_ttl(void *self, uint64_t ttl_ns);

#endif
