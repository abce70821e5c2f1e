/* SPDX-License-Identifier: MPL-2.0 */
/* flow/sflow.h - sFlow versions 5, 4 and 2: a record for each flow sample of a datagram.
 *
 * A sample is one packet of `rate`: packets is 1, bytes what the packet had on the wire. The device is the agent
 * that the datagram names, not who sent it (relays do). What describes the packet, best first: its header
 * (decoded by packet/decode.h, as any packet), when that is IP; the agent's own reading of it (IPv4, IPv6), that of
 * the tunnel around it, its length alone. Samples with none of these are left out and counted; so are counter
 * samples, and samples of other kinds. A packet that is not IP is a record without addresses (l3 is 0).
 *
 * Interfaces: only a single interface is one (format 0, and not "none": 0x3fffffff or, in expanded samples,
 * 0xffffffff, where many agents write the former, too); discarded packets and those for several interfaces have no
 * output.
 *
 * Lengths of samples and elements, rounded up to four bytes, must fit what is there. The size of a sample's
 * known elements is not held against the length they claim beyond that: newer agents append fields.
 *
 * Sources: sflow.org, sFlow Version 5 (2004); RFC 3176 (versions 2 and 4). No state, no allocation. */
#ifndef PV_FLOW_SFLOW_H
#define PV_FLOW_SFLOW_H

#include "base/cursor.h"
#include "flow/record.h"

struct pv_sflow_head {
	uint32_t version, sub_agent, sequence, uptime_ms, samples;
	uint8_t agent[16]; /* zeros: of an address family we do not know */
	bool named; /* it is of one that we know */
};

/* The cursor stands behind the head afterwards. */
enum pv_flow_reason pv_sflow_head(struct pv_cur *, struct pv_sflow_head *);
enum pv_flow_reason pv_sflow_samples(struct pv_cur *, const struct pv_sflow_head *, struct pv_flow_to *);

#endif
