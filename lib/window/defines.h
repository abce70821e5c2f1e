/* SPDX-License-Identifier: MPL-2.0 */
/* window/defines.h - the strings that DEFINE events stand for.
 *
 * Bounded: beyond `max` strings or PV_DEFINES_BYTES of text new ones are refused (and the number then means
 * "unknown"), which only a stream that breaks the rule of bounded dictionaries can reach. */
#ifndef PV_WINDOW_DEFINES_H
#define PV_WINDOW_DEFINES_H

#include <stddef.h>

#include "event/event.h"

#define PV_DEFINES_TEXT 1024u        /* bytes of one text: what a stage writes at most; longer ones are cut */
#define PV_DEFINES_BYTES (8u << 20)  /* of all texts: 65536 places at 128 bytes, which are long */

struct pv_defines;

struct pv_defines *pv_defines_new(size_t max, uint64_t seed); /* seed: of the table, nobody outside knows it */
void pv_defines_free(struct pv_defines *);
void pv_defines_clear(struct pv_defines *);
void pv_defines_put(struct pv_defines *, const struct pv_define *); /* a checked event; replaces */

/* All of them, in no order. */
typedef void pv_define_fn(void *ctx, uint8_t stage, enum pv_define_kind, uint32_t number, const char *text, size_t len);
void pv_defines_each(const struct pv_defines *, pv_define_fn *, void *ctx);

/* Fits pv_handler_ctx.define. NULL when unknown; valid until the next put or clear. */
const char *pv_defines_get(void *defines, uint8_t stage, enum pv_define_kind, uint32_t number, size_t *len);

#endif
