/* SPDX-License-Identifier: MPL-2.0 */
/* flow/netflow.h - NetFlow versions 1, 5 and 7: a head and records of a fixed layout, always IPv4.
 *
 * A datagram is its head and as many records as the head says, no byte less or more. Version 5 carries the
 * sampling rate in its head (the lower 14 bits of the sampling field; the mode above them is not asked:
 * exporters leave it 0).
 *
 * Source: Cisco, NetFlow Export Datagram Format (2007). No state, no allocation. */
#ifndef PV_FLOW_NETFLOW_H
#define PV_FLOW_NETFLOW_H

#include "base/cursor.h"
#include "flow/record.h"

#define PV_NETFLOW_V1_MAX 24 /* records of a datagram */
#define PV_NETFLOW_V5_MAX 30
#define PV_NETFLOW_V7_MAX 30 /* 27 fit into what Cisco allows; nobody is hurt by three more */

struct pv_netflow_head {
	uint16_t version, count;
	uint32_t sequence; /* of the first record; version 1 has none */
	uint32_t uptime_ms;
	uint16_t engine;   /* version 5: type and number: each counts for itself */
	uint16_t rate;     /* 0: not said */
};

/* The cursor stands at the version, and behind the head afterwards. */
enum pv_flow_reason pv_netflow_head(struct pv_cur *, struct pv_netflow_head *);
enum pv_flow_reason pv_netflow_records(struct pv_cur *, const struct pv_netflow_head *, struct pv_flow_to *);

#endif
