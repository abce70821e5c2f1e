/* SPDX-License-Identifier: MPL-2.0 */
/* probe/view.h - the PROBE events of a shared source as one policy sees them: with its own patience, and only those of
 * attempts whose SENT it has seen.
 *
 * An attempt without an answer becomes a TIMEOUT once it is ttl_ns old, though the source waits longer for others; what the
 * source says of it later goes unheard. So does an answer to an attempt that was made before the policy came. Answers are
 * judged by their elapsed time, open attempts by stream time: ticks move it on. A clock that is set makes nothing time out.
 *
 * Threads: one at a time. Limits: PV_PROBE_OPEN attempts are waited for, as by the source; the oldest is given up as a TIMEOUT.
 * Memory: 2.6 MiB, touched as used. */
#ifndef PV_PROBE_VIEW_H
#define PV_PROBE_VIEW_H

#include "base/conf.h"
#include "stage/view.h"

/* Settings of the handler: recorded_stream, xact_ttl_secs, xact_ttl_ms. Not given: what the input waits, its timeout_msec */
extern const struct pv_key pv_probe_keys[];
extern const size_t pv_probe_nkeys;
pv_set_fn pv_probe_set; /* conf: struct pv_ttl */

struct pv_stage *pv_probe_view_new(uint64_t ttl_ns, struct pv_sink); /* NULL: ENOMEM */

#endif
