/* SPDX-License-Identifier: MPL-2.0 */
/* event/check.h - nothing from a pipe is believed before this has seen it.
 *
 * Afterwards a stage may use an event's fixed fields of its type and every reference in it
 * without looking again: sizes, offsets, lengths and the values that index tables are in range.
 *
 * Of a module's events only what they all begin with is checked here. The rest is checked by the module's own
 * function, which event/reader.h calls where the module is loaded; elsewhere nobody looks at it. */
#ifndef PV_EVENT_CHECK_H
#define PV_EVENT_CHECK_H

#include <stdbool.h>

#include "event/event.h"

/* How much is known from the first 16 bytes: the event's size, or 0 when the header is impossible. */
uint32_t pv_event_size(const struct pv_event *header);

/* A whole event of ev->size bytes. NULL when it is fine, else what is wrong, in a few words. */
const char *pv_event_check(const struct pv_event *ev);

/* A name that a number may be bound to: a letter, then letters, digits and _, at most PV_MODULE_NAME, all small. */
bool pv_event_module_name(const char *, size_t n);

/* The events of a module: what stands behind the number that STAGE binds to this name. */
struct pv_event_module {
	const char *name; /* type of the analyser or source that makes them, and of the handlers that count them */
	uint32_t least;   /* bytes of the fixed part, the struct pv_module_event in front of it included */
	/* A whole event of at least `least` bytes, from anywhere. NULL when it is fine, else what is wrong, in a few
	 * words. A NULL function: there is nothing to check. */
	const char *(*check)(const struct pv_event *);
};

/* "packet", "dns", ... as pv-cat prints and selects them; NULL for ids without a meaning. Those of
 * modules are all "module". */
const char *pv_event_type_name(unsigned type);
int pv_event_type_by_name(const char *name); /* or -1 */

#endif
