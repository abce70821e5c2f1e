/* SPDX-License-Identifier: MPL-2.0 */
/* dhcp/view.h - the DHCP events of a shared analyser as one policy sees them: an ACK that came later than the
 * policy waits is not matched with its REQUEST, though the analyser waits longer for others.
 *
 * Threads: one at a time. */
#ifndef PV_DHCP_VIEW_H
#define PV_DHCP_VIEW_H

#include "stage/view.h"

struct pv_stage *pv_dhcp_view_new(uint64_t ttl_ns, struct pv_sink); /* NULL: ENOMEM */

#endif
