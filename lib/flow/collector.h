/* SPDX-License-Identifier: MPL-2.0 */
/* flow/collector.h - datagrams of any kind in, records out: what the socket and the capture have in common.
 *
 * The first two bytes tell the kinds apart: 0 is sFlow, 1, 5, 7, 9 and 10 are NetFlow and IPFIX. What was not asked for is
 * UNWANTED.
 *
 * Ledger, in datagrams: received = analysed + malformed + unsupported. A datagram of templates alone is analysed;
 * so is one whose data has no template yet (that is counted by sets). What a malformed one holds before its fault has been
 * handed on.
 *
 * Ownership: one's own. Threads: one at a time. Memory: flow/exporters.h. No allocation but for new templates. */
#ifndef PV_FLOW_COLLECTOR_H
#define PV_FLOW_COLLECTOR_H

#include "flow/exporters.h"

enum pv_flow_kind { PV_FLOW_KIND_ANY, PV_FLOW_KIND_SFLOW, PV_FLOW_KIND_NETFLOW /* and IPFIX */ };

/* "any", "sflow", "netflow", "ipfix" (which is netflow: they are told apart by themselves). */
bool pv_flow_kind_by_name(const char *, enum pv_flow_kind *);

struct pv_collector_conf {
	enum pv_flow_kind kind;
	struct pv_flow_exporters_conf exporters;
};

struct pv_collector_status {
	uint64_t datagrams;
	uint64_t reasons[PV_FDEC_REASONS]; /* how each ended */
	uint64_t malformed, unsupported;   /* of these, in sum */
	struct pv_flow_counts counts;
	uint64_t exporters, templates, template_bytes; /* now */
};

struct pv_collector;

struct pv_collector *pv_collector_new(const struct pv_collector_conf *); /* NULL: ENOMEM */
void pv_collector_free(struct pv_collector *);
void pv_collector_clear(struct pv_collector *); /* a new stream: nothing is known, nothing counted */

/* Calls record for each. */
enum pv_flow_reason pv_collector_take(struct pv_collector *, const struct pv_flow_datagram *, pv_flow_fn *record,
				      void *ctx);

void pv_collector_status(const struct pv_collector *, struct pv_collector_status *);

/* The rows of a ledger; as many as were written, at most max. */
size_t pv_collector_rows(const struct pv_collector_status *, struct pv_ledger_row *rows, size_t max);

#endif
