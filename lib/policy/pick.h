/* SPDX-License-Identifier: MPL-2.0 */
/* policy/pick.h - a link of a handler chain: what the next handler sees of what this one let through.
 *
 * The tools do it with packets: `pv-dns --chain` withholds those whose messages it rejected. Behind a shared
 * analyser there are no packets any more, but all that was made of one carries its number, and the NET event
 * stands in front:
 *
 *   net   a packet that passed goes on with all that was made of it
 *   dns   a message that passed goes on as one packet: its DNS event, and in front of it the NET event of the
 *         packet that completed it, once per message
 *   dhcp, bgp  likewise
 *   flow  a record that passed goes on
 *   pcap  rejects nothing
 *   a module's  a packet of which it made an event that is not flagged PV_F_FILTERED goes on, with all that
 *               was made of it
 *
 * Events of a module go with their packet; those that are of none (packet 0) end here. What stands in front of
 * the event that decides is held until then (policy/held.h).
 *
 * A message put together from TCP may be completed by a segment that came long before (it had waited for
 * another): the NET events of the last PV_PICK_RECENT packets of DNS over TCP and of BGP are kept for that. Without it
 * the message goes on alone. DNS_TIMEOUT events end here: the next handler has transactions
 * of its own. Time (TICK, STATS), DEFINE, START and STOP always go on.
 *
 * Threads: one. Memory: 700 KiB, 300 of it touched only where modules are. */
#ifndef PV_POLICY_PICK_H
#define PV_POLICY_PICK_H

#include "stage/view.h"

#define PV_PICK_RECENT 4096 /* segments held back by reassembly are 50 a side (packet/tcp.h) */

/* by: handler type of the one in front, "dns". stage, events: of a module's analyser, whose events decide, its numbers
 * in this stream (policy/source.h); events 0: it is built in. NULL: ENOMEM. */
struct pv_stage *pv_pick_new(const char *by, uint8_t stage, uint8_t events, struct pv_sink);

#endif
