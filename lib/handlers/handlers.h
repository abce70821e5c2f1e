/* SPDX-License-Identifier: MPL-2.0 */
/* handlers/handlers.h - the one registry: every handler (metric table) and input that is built in.
 *
 * Adding a protocol touches its own folder and one row here. */
#ifndef PV_HANDLERS_HANDLERS_H
#define PV_HANDLERS_HANDLERS_H

#include "metric/metric.h"

extern const struct pv_handler *const pv_handlers[]; /* NULL-terminated */

/* Inputs that are built in, by the names that configurations give them. */
struct pv_builtin_input {
	const char *alias, *version;
};
extern const struct pv_builtin_input pv_inputs[]; /* the last has no alias */

#endif
