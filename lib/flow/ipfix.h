/* SPDX-License-Identifier: MPL-2.0 */
/* flow/ipfix.h - NetFlow 9 and IPFIX: sets of templates and of the records that they describe.
 *
 * What a message brings goes into the exporter's entry (flow/exporters.h): templates, their withdrawal, sampling rates
 * out of options data. A set whose template is not there is skipped and counted; so are sets of numbers that mean
 * nothing (4 to 255). Behind the last record of a set stands padding, shorter than a record could be.
 *
 * Sampling: what a record says itself (samplingInterval 34, or 305 and 306, 309 and 310, 311), else what options data said
 * of the selector or sampler that it names (302, 48), else of the exporter in general.
 *
 * A record of both directions (RFC 5103) is two: the second has its ends and interfaces exchanged, and is left out
 * when nothing went that way.
 *
 * Interfaces that a record does not name are number 0, as exporters write them that do not know.
 * A record is IPv6 when it has IPv6 addresses; where it has both kinds, by its ipVersion.
 *
 * Sequence numbers count datagrams in v9, data records in IPFIX (those of options, too).
 * Sources: RFC 3954, 7011, 7012, 5103, 5477. */
#ifndef PV_FLOW_IPFIX_H
#define PV_FLOW_IPFIX_H

#include "base/cursor.h"
#include "flow/exporters.h"

struct pv_ipfix_head {
	uint16_t version; /* 9 or 10 */
	uint32_t sequence, domain;
	uint32_t uptime_ms; /* v9 */
};

/* The cursor stands at the version, and behind the head afterwards; of an IPFIX message it ends with it. */
enum pv_flow_reason pv_ipfix_head(struct pv_cur *, struct pv_ipfix_head *);

/* The exporter is that of the head's domain; its sequence is seen to. */
enum pv_flow_reason pv_ipfix_sets(struct pv_cur *, const struct pv_ipfix_head *, struct pv_flow_exporters *,
				  struct pv_flow_exporter *, struct pv_flow_to *);

#endif
