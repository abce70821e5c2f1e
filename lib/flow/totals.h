/* SPDX-License-Identifier: MPL-2.0 */
/* flow/totals.h - exporters that tell how much a flow has had in all, not since they told it last.
 *
 * octetTotalCount (85) and packetTotalCount (86) run from the begin of a flow (RFC 5102, 5.10), and a flow that lives long is
 * told again and again, each time with what was told before. Where the deltas (1, 2) are absent, what has been added since the last
 * record of the same flow is counted. The same flow: of the same exporter (address and domain, whatever its source port), with
 * the same ends, protocol, class of service and interfaces, the same begin and flowId where these are told, and the same
 * direction of a record of both.
 *
 * Less than before: of a flow whose begin is known a record that came late, which adds nothing (by more than half of
 * what four bytes hold: a counter of four bytes that is through); else a flow that began anew, and counts whole. So
 * does the first record of a flow, which is all that can be known of it, and one that was not told for
 * PV_FLOW_TOTALS_NS: exporters with totals alone mostly tell a flow once, at its end, and reuse of its ports is no part
 * of it.
 *
 * Limit: PV_FLOW_TOTALS flows in sets of four, 2 MiB, made when the first template with totals comes. A full set forgets whom it
 * heard of least recently, whose next record counts whole again: too much. That is counted (pv_flow_counts.totals_evicted).
 * Hashing is seeded: nobody outside can aim at a set. Two flows with one hash (of 64 bits) do not happen.
 *
 * Ownership: the caller's. Threads: one. */
#ifndef PV_FLOW_TOTALS_H
#define PV_FLOW_TOTALS_H

#include "flow/record.h"

#define PV_FLOW_TOTALS	  65536u /* flows at a time that an exporter tells again: caches of small ones hold as many */
#define PV_FLOW_TOTALS_NS (UINT64_C(3600) * 1000000000) /* the longest time-outs of active flows are half of it */

/* Whose totals. Hashed as it stands: zeros in what is not known. */
struct pv_flow_total_key {
	uint8_t exporter[16], src[16], dst[16];
	uint64_t begin, id; /* as the exporter tells them, in whatever unit */
	uint32_t domain, in_if, out_if;
	uint16_t sport, dport;
	uint8_t l3, proto, tos, reverse;
	uint32_t zero;
};
_Static_assert(sizeof(struct pv_flow_total_key) == 88, "no padding in what is hashed");

struct pv_flow_totals;

struct pv_flow_totals *pv_flow_totals_new(uint64_t seed); /* NULL: ENOMEM */
void pv_flow_totals_free(struct pv_flow_totals *);

/* Totals become what was added since the last time. NULL: not told as a total. */
void pv_flow_totals_since(struct pv_flow_totals *, const struct pv_flow_total_key *, uint64_t now_ns, uint64_t *bytes,
			  uint64_t *packets, struct pv_flow_counts *);

#endif
