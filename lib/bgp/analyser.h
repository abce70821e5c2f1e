/* SPDX-License-Identifier: MPL-2.0 */
/* bgp/analyser.h - TCP segments of port 179 become BGP messages.
 *
 * The stream of each side is put together (packet/tcp.h) and cut by the lengths of its messages (bgp/message.h): many
 * messages in a segment, one over many segments, it is all the same. A header that lies breaks its side: what else that
 * side sends is ignored until the connection is over. So does a gap at a place where no length is known.
 *
 * What comes out:
 *   PV_EV_BGP        each message, once, with the time, direction, stamp and number of the packet that completed it. One of
 *                    an unknown type has its reason; so has a header that breaks its side, of which nothing else is
 *                    known. Nobody counts these but the ledger.
 *   PV_EV_TCP_ERROR  reassembly lost something of a connection on this port.
 * The header time of an event is its packet's, but for bytes that were held back until their packet is more than a
 * minute old, which come with the time of now: a stream does not run backwards.
 *
 * Chains: a packet is rejected when it holds no BGP. TCP segments always are: a message is added as a packet of its own.
 *
 * Ledger, in messages: received = analysed + malformed + unsupported. REASON + n says why (enum pv_bgp_reason).
 *
 * Ownership: see stage/stage.h. Threads: one. Memory: what packet/tcp.h says for PV_BGP_FLOWS, reserved at the start and
 * touched as used; nothing is allocated per event. */
#ifndef PV_BGP_ANALYSER_H
#define PV_BGP_ANALYSER_H

#include <stdbool.h>

#include "stage/stage.h"

#define PV_BGP_PORT 179
#define PV_BGP_FLOWS 16384 /* sessions at once: ten times the peers of the largest route server; 2 MiB */
/* A session says something within a third of its hold time (RFC 4271 section 4.4), which is 90 to 240 s nearly
 * everywhere. Not the 30 s of other flows: in between a session would be taken for a new one, in the middle of a message. */
#define PV_BGP_IDLE_NS (UINT64_C(600) * 1000000000)

struct pv_bgp_conf {
	uint32_t tcp_flows_max; /* 0: PV_BGP_FLOWS */
	uint64_t seed;          /* of the hash table; not to be guessed */
};

/* The `self` of pv_bgp_ops. NULL with errno ENOMEM or EINVAL (a bound is out of range). */
void *pv_bgp_new(const struct pv_bgp_conf *);

extern const struct pv_analyser_ops pv_bgp_ops;

/* Is this a packet between these ports? */
static inline bool pv_bgp_port(uint16_t sport, uint16_t dport)
{
	return sport == PV_BGP_PORT || dport == PV_BGP_PORT;
}

#endif
