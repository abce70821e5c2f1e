/* SPDX-License-Identifier: MPL-2.0 */
/* module/source.h - runs a module's source: START and its announcement, what it makes, STOP.
 *
 * The shape is that of capture/capture.h: open once, then poll with the same out until it is over.
 * Ownership: the source and conf are borrowed. Threads: one, but for the stop. Errors: one line of text, no newline. */
#ifndef PV_MODULE_SOURCE_H
#define PV_MODULE_SOURCE_H

#include "module/pv-module.h"

struct pv_module_input;

/* from: what the input is, NULL when nothing was named. NULL with a line in err. */
struct pv_module_input *pv_module_input_open(const struct pv_module_source *, const void *conf,
					     const char *from, char *err, size_t cap);
void pv_module_input_free(struct pv_module_input *); /* NULL is fine */

/* One step: PV_OK, PV_AGAIN, PV_STOP, PV_END and PV_FAIL as pv_capture_poll(). Of the last two STOP has been
 * put out. A live source that has nothing gets a TICK a second. */
enum pv_res pv_module_input_poll(struct pv_module_input *, struct pv_out *);

/* The next poll ends the stream. From any thread. */
void pv_module_input_stop(struct pv_module_input *);

/* What it has counted until now, as its STOP would say it; how many rows. Between polls. */
size_t pv_module_input_ledger(const struct pv_module_input *, struct pv_ledger_row *rows, size_t max);

const char *pv_module_input_error(const struct pv_module_input *); /* after PV_FAIL; may be empty */

#endif
