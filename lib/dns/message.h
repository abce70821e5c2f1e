/* SPDX-License-Identifier: MPL-2.0 */
/* dns/message.h - what one DNS message says, in one pass over its bytes.
 *
 * Read: the header, the first question, and of all records just their frames, but for two: RRSIG in the
 * answer section (is there one) and OPT in the additional section, wherever it stands (EDNS size, version,
 * DO, extended code, and of the options client subnet, cookie, NSID and extended error).
 *
 * Facts come in steps, so that a message that goes wrong half-way is still counted for what it is:
 *   reason PV_DNS_SHORT      nothing is known
 *   always otherwise         the header: id, QR, AA, TC, RD, RA, AD, CD, opcode, rcode, the four counts
 *   bit PV_DNS_QUESTION      qname, qtype, qclass of the first question
 *   bit PV_DNS_EDNS          the OPT record's fields
 *   bit PV_DNS_PARSED        every record the header promised was there, and reason is PV_DNS_FINE
 * `reason` is the first thing that was wrong. Bytes behind the last record are nobody's business (padding,
 * link trailers) and not an error. The counts are believed only as far as bytes follow; the walk is bounded
 * by the length.
 *
 * Multicast DNS and LLMNR have the same format and are treated alike (the top bit of an mDNS class is part of
 * qclass).
 *
 * Pure; borrows the message; no allocation. Sources: RFC 1035 section 4, RFC 6891 (EDNS), RFC 7871 (client
 * subnet), RFC 7873 (cookie), RFC 5001 (NSID), RFC 8914 (extended errors). */
#ifndef PV_DNS_MESSAGE_H
#define PV_DNS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "dns/names.h"
#include "event/event.h"

#define PV_DNS_HEADER_BYTES 12
#define PV_DNS_TYPE_OPT     41
#define PV_DNS_TYPE_RRSIG   46
#define PV_DNS_RCODE_NOERROR  0
#define PV_DNS_RCODE_SRVFAIL  2
#define PV_DNS_RCODE_NXDOMAIN 3
#define PV_DNS_RCODE_REFUSED  5

struct pv_dns_message {
	uint8_t reason; /* enum pv_dns_reason */
	uint8_t opcode, edns_version;
	uint16_t bits; /* PV_DNS_* of event/event.h */
	uint16_t id;
	uint16_t rcode, rcode_ext;
	uint16_t qdcount, ancount, nscount, arcount;
	uint16_t qtype, qclass;
	uint16_t edns_size;
	struct pv_ecs ecs; /* geo and asn are 0 */
	struct pv_dns_name qname;
};

/* Fills all of `out`. Returns out->reason. */
int pv_dns_parse(const uint8_t *msg, size_t n, struct pv_dns_message *out);

#endif
