/* SPDX-License-Identifier: MPL-2.0 */
/* policy/held.h - events of modules, until it is known whether the packet they were made of goes on.
 *
 * All that was made of a packet (or of a dnstap message) stands together in a stream, with its number, in an order that says
 * nothing: an event of a module may stand in front of the one that decides. It is held until then. Those that come later go on
 * if their packet did, one of the last PV_HELD_RECENT numbers. Events of no packet (0) do not go on.
 *
 * Limit: PV_HELD_BYTES of one packet at most; what is more does not go on. Memory: 288 KiB, 256 of it touched only where modules
 * are. Threads: one. */
#ifndef PV_POLICY_HELD_H
#define PV_POLICY_HELD_H

#include "stage/view.h"

#define PV_HELD_RECENT 4096	    /* segments held back by reassembly are 50 a side (packet/tcp.h) */
#define PV_HELD_BYTES  (256u << 10) /* all that stood in a batch */

#define PV_MODULE_EVENTS (((UINT64_C(1) << PV_EV_MODULES) - 1) << PV_EV_MODULE) /* of pv_view_ops.wants */

struct pv_held {
	uint64_t passed[PV_HELD_RECENT]; /* by packet number: this one goes on */
	uint64_t waits;			 /* the packet whose events are held */
	size_t n;
	_Alignas(8) uint8_t bytes[PV_HELD_BYTES];
};

void pv_held_reset(struct pv_held *); /* a new stream */

/* An event of a packet on which may not have been decided yet. True: it goes on now. */
bool pv_held_event(struct pv_held *, const struct pv_event *, uint64_t packet);

/* The packet goes on: what waits for that goes in front, what comes yet goes on. */
void pv_held_accept(struct pv_held *, uint64_t packet, struct pv_view *);

#endif
