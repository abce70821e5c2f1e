/* SPDX-License-Identifier: MPL-2.0 */
/* net/analyser.h - packets to net facts: one PV_EV_NET for every PV_EV_PACKET and PV_EV_DNSTAP.
 *
 * A net event has the packet's number, addresses, protocol, direction and wire length, and the DEFINE
 * numbers of the location and network of the remote end: the source of "in", the destination of "out",
 * both ends where the direction is unknown. What the filter rejects is flagged PV_F_FILTERED.
 * Packets whose headers lie or are not IP are packets too: they count, as "other".
 * A reassembled message (PV_PKT_MESSAGE, from a chain) is one packet.
 * So is a dnstap message. Its src is who asked and its dst who answers, whichever half it is; both are looked up; size is
 * the length of its frame; DNSCrypt counts as what carries it, DoT, DoH and DoQ as neither UDP nor TCP. Events of it say so
 * in their flags (PV_F_DNSTAP).
 *
 * Ledger, in packets: received = analysed + filtered.
 * Ownership: takes over conf->geo, copies conf->filter. Threads: one at a time. Nothing is allocated per
 * event. */
#ifndef PV_NET_ANALYSER_H
#define PV_NET_ANALYSER_H

#include "geo/geo.h"
#include "net/filter.h"
#include "stage/stage.h"

struct pv_net_conf {
	struct pv_net_filter filter;
	struct pv_geo *geo; /* NULL: no look-ups */
};

/* `self` of pv_net_ops. NULL with ENOMEM; conf->geo is closed then, too. */
void *pv_net_new(const struct pv_net_conf *);

extern const struct pv_analyser_ops pv_net_ops;
/* The same, announced as "connections": its events are wanted for that handler (pv-net --connections). */
extern const struct pv_analyser_ops pv_connections_ops;

#endif
