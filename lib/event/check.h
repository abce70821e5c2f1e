/* SPDX-License-Identifier: MPL-2.0 */
/* event/check.h - nothing from a pipe is believed before this has seen it.
 *
 * Afterwards a stage may use an event's fixed fields of its type and every reference in it
 * without looking again: sizes, offsets, lengths and the values that index tables are in range. */
#ifndef PV_EVENT_CHECK_H
#define PV_EVENT_CHECK_H

#include "event/event.h"

/* How much is known from the first 16 bytes: the event's size, or 0 when the header is impossible. */
uint32_t pv_event_size(const struct pv_event *header);

/* A whole event of ev->size bytes. NULL when it is fine, else what is wrong, in a few words. */
const char *pv_event_check(const struct pv_event *ev);

/* "packet", "dns", ... as pv-cat prints and selects them; NULL for ids without a meaning. */
const char *pv_event_type_name(unsigned type);
int pv_event_type_by_name(const char *name); /* or -1 */

#endif
