/* SPDX-License-Identifier: MPL-2.0 */
/* handlers/handlers.h - the one registry: every handler (metric table) there is.
 *
 * Adding a protocol touches its own folder and one row here. */
#ifndef PV_HANDLERS_HANDLERS_H
#define PV_HANDLERS_HANDLERS_H

#include "metric/metric.h"

extern const struct pv_handler *const pv_handlers[]; /* NULL-terminated */

#endif
