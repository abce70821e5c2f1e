/* SPDX-License-Identifier: MPL-2.0 */
/* dns/xact.h - open DNS transactions: queries that wait for their response.
 *
 * Key: both addresses, both ports, transport, DNS id, and for dnstap who logged it; which end is which does not matter. The query's
 * facts are kept until one of these happens, and exactly one of them does:
 *   matched    its response came: pv_dns_xacts_response() hands the facts out. Older than the TTL but not yet
 *              collected: LATE, else MATCHED. No entry: ORPHAN. A response after its query expired is an
 *              orphan, so that a query counts as timed out once; unless the query was rejected (dns/overdue.h).
 *   expired    age >= TTL in stream time; found by pv_dns_xacts_expire(), a bounded number per call, oldest
 *              first.
 *   evicted    the table was full and it was the oldest, or the same key came with another question, or time
 *              jumped back by more than PV_DNS_XACT_STEP_NS (a recording that starts afresh): what became of
 *              it will not be known.
 *   cleared    pv_dns_xacts_clear(): a new stream, or the end; told by the number still open.
 * A query seen again (same key and question) while it is open is a retransmission: the first one's facts
 * stay, so that the time until the answer is what the client felt. Seen again after the TTL it is a new
 * query.
 *
 * Time is the latest stream time told; a clock that goes back a little does not reopen anything, and ages are
 * never negative. Ages compare in ns, so any TTL is exact to the granularity of events.
 *
 * Memory: slots of 128 bytes, one per query with a name up to 34 bytes and one more for each further 124
 * bytes (client subnet: 18 bytes more, a clock of its own: 8); a name is stored as it was written, the lower-case one is made from
 * it. PV_DNS_XACT_SLOTS of them and the index are 24 MiB, reserved at once and touched only as far as used:
 * some 190000 open queries, 38000 queries a second that nobody answers. Hashing is seeded: nobody outside can
 * aim at collisions.
 *
 * Ownership: facts given out point into the caller's name buffer or, in callbacks, into the table until the
 * callback returns. A callback must not call back. Threads: one. No allocation after _new. */
#ifndef PV_DNS_XACT_H
#define PV_DNS_XACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/names.h"
#include "event/event.h"

#define PV_DNS_XACT_SLOTS     188416u /* 23 MiB; the index takes one more */
#define PV_DNS_XACT_SLOTS_MIN 32u     /* the longest name must fit */
#define PV_DNS_XACT_STEP_NS   UINT64_C(60000000000)

struct pv_dns_query {
	/* the key */
	uint8_t src[16], dst[16];
	uint16_t sport, dport, id;
	uint8_t l3, transport;
	uint8_t dnstap; /* enum pv_dnstap_type of either half, 0: a packet. Who logged it is part of the key, so that a resolver
			 * and the server it asks may both tell of one message */
	/* the facts */
	uint8_t dir, stamp, opcode;
	bool filtered;
	uint16_t bits, suffix_len, qtype, qclass;
	uint32_t length;
	uint64_t time_ns, packet;
	uint64_t sent_ns; /* by the clock of the server that logged it; 0: time_ns says all there is */
	struct pv_ecs ecs; /* geo and asn are not kept: ask again */
	uint16_t name_len;
	bool upper;       /* name has capitals */
	const char *name; /* as it was written */
};

struct pv_dns_xacts;

/* Told of queries that end without a response; why is PV_XACT_EXPIRED or PV_XACT_EVICTED. */
typedef void pv_dns_gone_fn(void *ctx, enum pv_xact why, const struct pv_dns_query *);

/* slots 0: PV_DNS_XACT_SLOTS; fewer than PV_DNS_XACT_SLOTS_MIN are that many. NULL: ENOMEM. */
struct pv_dns_xacts *pv_dns_xacts_new(uint64_t ttl_ns, uint64_t seed, size_t slots);
void pv_dns_xacts_free(struct pv_dns_xacts *);
void pv_dns_xacts_clear(struct pv_dns_xacts *);
void pv_dns_xacts_ttl(struct pv_dns_xacts *, uint64_t ttl_ns); /* of open queries, too */

/* Time moves on (or back) to now_ns. Collects at most `max` expired queries, or evicts all after a step back.
 * Returns how many went. */
size_t pv_dns_xacts_expire(struct pv_dns_xacts *, uint64_t now_ns, size_t max, pv_dns_gone_fn *, void *ctx);

/* A query was seen. True when it opened a transaction, false when it was a retransmission. */
bool pv_dns_xacts_query(struct pv_dns_xacts *, const struct pv_dns_query *, pv_dns_gone_fn *, void *ctx);

/* A response was seen, with the key's fields set in *q. MATCHED and LATE overwrite *q with the query's facts
 * and put its name (NUL-terminated) into `name`. */
enum pv_xact pv_dns_xacts_response(struct pv_dns_xacts *, struct pv_dns_query *q, uint64_t now_ns,
				   char name[PV_DNS_NAME_TEXT_MAX + 1]);

size_t pv_dns_xacts_open(const struct pv_dns_xacts *);
uint64_t pv_dns_xacts_evicted(const struct pv_dns_xacts *); /* since _new or _clear */

#endif
