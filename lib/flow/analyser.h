/* SPDX-License-Identifier: MPL-2.0 */
/* flow/analyser.h - packet events to flow events: exports that were captured on their way to a collector.
 *
 * UDP packets to one of the ports; without a list every UDP packet that carries payload (a capture of nothing
 * else). The device of NetFlow and IPFIX is the packet's source. An event has its packet's number and stamp.
 *
 * Ownership: see stage/stage.h; conf is copied. Threads: one. Limits: flow/exporters.h. */
#ifndef PV_FLOW_ANALYSER_H
#define PV_FLOW_ANALYSER_H

#include "flow/collector.h"
#include "stage/stage.h"

#define PV_FLOW_PORTS 64 /* as many as a capture carries payload of for others */

/* Where exports are sent to, when nobody says otherwise: NetFlow 2055, 9995, 9996; IPFIX 4739; sFlow 6343. */
extern const uint16_t pv_flow_ports[];
extern const size_t pv_flow_nports;

struct pv_flow_conf {
	struct pv_collector_conf collector;
	uint16_t port[PV_FLOW_PORTS];
	size_t nports; /* 0: all */
};

extern const struct pv_analyser_ops pv_flow_ops;
void *pv_flow_new(const struct pv_flow_conf *); /* NULL: ENOMEM */
void pv_flow_status(const void *self, struct pv_collector_status *);

#endif
