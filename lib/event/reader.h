/* SPDX-License-Identifier: MPL-2.0 */
/* event/reader.h - a descriptor's bytes as runs of checked events.
 *
 * Checks every event (event/check.h) and the grammar of streams: START first, nothing behind STOP
 * but another START, an event of a module only behind the STAGE that binds its number to one name, and at STOP that
 * every event the writer counted has come.
 * Ownership: a run is borrowed until the next pv_reader_next(). Memory: one buffer of twice
 * PV_BATCH_BYTES. Damage ends the input: what stood before it has been handed on. */
#ifndef PV_EVENT_READER_H
#define PV_EVENT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/res.h"
#include "event/check.h"
#include "event/event.h"

/* What a module's number is bound to in this stream. */
struct pv_reader_bound {
	char name[PV_MODULE_NAME + 1]; /* empty: not bound */
	const struct pv_event_module *module; /* NULL: not known here */
};

struct pv_reader {
	int fd;
	uint8_t *buf;
	size_t start, len;   /* unread bytes are buf[start, len) */
	uint64_t offset;     /* of buf[start] in the input */
	bool eof, open;      /* open: after START, before STOP */
	bool any;            /* at least one event came */
	bool pending;        /* the next call answers without reading */
	bool step;           /* set by the owner: a read that completes no event answers PV_AGAIN */
	const char *problem; /* after PV_CUT or PV_BAD: what, in a few words */
	const struct pv_event_module *const *known; /* set by the owner: NULL-terminated; NULL: none */
	struct pv_reader_bound bound[PV_EV_MODULES];
	enum pv_res after;   /* what to answer once the good part has been handed on */
	uint64_t events[PV_EV_TYPES];
};

int pv_reader_init(struct pv_reader *, int fd); /* 0, or -1 ENOMEM; the fd stays the caller's */
void pv_reader_free(struct pv_reader *);

/* The next run. PV_OK: *run has *bytes of events. PV_END: the input ended after STOP. PV_CUT: it ended
 * elsewhere (also: no input at all). PV_BAD: damage at r->offset. PV_FAIL: read() failed, errno. PV_AGAIN: only with
 * r->step, so that who waits for input may wait for other things too. A descriptor that does not block is waited for. */
enum pv_res pv_reader_next(struct pv_reader *, const struct pv_event **run, size_t *bytes);

#endif
