/* SPDX-License-Identifier: MPL-2.0 */
/* ui/pool.h - memory that is freed all at once: the texts and rows of one answer, of one picture.
 *
 * A pool has a ceiling. When it is reached, or malloc fails, pv_ui_alloc() gives NULL and the texts are "": a picture
 * with holes, and never a crash. One thread. */
#ifndef PV_UI_POOL_H
#define PV_UI_POOL_H

#include <stddef.h>

struct pv_ui_chunk;

struct pv_ui_pool {
	struct pv_ui_chunk *head;
	size_t total, max; /* bytes taken from malloc; the ceiling */
	size_t refused;    /* how often it was reached */
};

#define PV_UI_POOL(ceiling) {.max = (ceiling)}

void *pv_ui_alloc(struct pv_ui_pool *, size_t n); /* zeroed, aligned for anything; NULL when there is no room */

/* A copy that cannot disturb a terminal: valid UTF-8 without control characters (base/utf8.h), cut at cap bytes, never
 * inside a character. */
const char *pv_ui_clean(struct pv_ui_pool *, const char *bytes, size_t n, size_t cap);

const char *pv_ui_fmt(struct pv_ui_pool *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void pv_ui_pool_free(struct pv_ui_pool *); /* leaves an empty pool */

#endif
