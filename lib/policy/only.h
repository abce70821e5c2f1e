/* SPDX-License-Identifier: MPL-2.0 */
/* policy/only.h - only_hosts: what one policy sees of a shared dnstap input.
 *
 * `pv-dnstap --only-hosts` leaves messages out where they are read. Here others may want them, so all that was made of one
 * whose addresses are both outside the set is taken out on its way to the policy: its NET event becomes a TICK, because time
 * goes on, its DNS events go. Both halves of an exchange have the same addresses, so no transaction is torn. What packets made
 * stays.
 *
 * Events of modules do not say their addresses. They are of a message, by its number, and go where its NET event goes
 * (policy/held.h); so there must be one (policy/graph.c asks for net where it must). What a module makes of no message (number
 * 0), or of one that is too long ago, is of hosts that nobody knows, and is taken out.
 *
 * Ownership: the set is borrowed. Threads: one. Memory: as policy/held.h says. */
#ifndef PV_POLICY_ONLY_H
#define PV_POLICY_ONLY_H

#include "packet/hosts.h"
#include "stage/view.h"

/* NULL: ENOMEM. */
struct pv_stage *pv_only_new(const struct pv_hosts *, struct pv_sink);

#endif
