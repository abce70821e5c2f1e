/* SPDX-License-Identifier: MPL-2.0 */
/* stage/out.h - where a stage puts its events.
 *
 * A stage cannot tell whether a pipe, a queue or the next stage in the same thread is behind it.
 * An out collects, in order, references to runs of events that only pass through and a buffer of
 * the stage's own events; pv_out_flush() hands both to the sink at once (writev on a pipe).
 * Short runs are copied into the buffer instead when the sink says that is cheaper (copy_below).
 *
 * Ownership: passed bytes stay the caller's and must stay unchanged until the next flush or release; the driver
 * does one after every batch. Threads: one thread at a time.
 * Errors: sticky in `res`; after that everything is discarded, and the driver stops. */
#ifndef PV_STAGE_OUT_H
#define PV_STAGE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "base/res.h"
#include "event/event.h"

#define PV_OUT_IOV 512 /* runs per flush; half of what writev takes */

struct pv_sink {
	enum pv_res (*write)(void *ctx, const struct iovec *iov, int n); /* all of it, or not PV_OK */
	/* May be NULL: take a whole buffer of PV_BATCH_BYTES with len bytes in it and give another for it, or NULL to have
	 * it written instead. Spares a copy where a batch only changes hands. */
	uint8_t *(*swap)(void *ctx, uint8_t *buf, size_t len);
	/* May be NULL: hand on at once what is gathered further on, too. */
	enum pv_res (*drain)(void *ctx);
	void *ctx;
	size_t copy_below; /* runs shorter than this are copied, not referenced */
};

struct pv_out {
	struct pv_sink sink;
	uint8_t *buf; /* PV_BATCH_BYTES */
	size_t len, sealed; /* buf[sealed, len) is not yet in iov */
	int niov;
	enum pv_res res; /* sticky */
	int error;       /* errno of a PV_FAIL */
	uint64_t events[PV_EV_TYPES]; /* of each type, in the current stream */
	struct iovec iov[PV_OUT_IOV];
};

/* 0, or -1 with errno ENOMEM. */
int pv_out_init(struct pv_out *, struct pv_sink);
void pv_out_free(struct pv_out *);

/* A new event of `size` bytes (rounded up to 8), zeroed but for its header. Never NULL: after an
 * error it is a scratch place. Valid until the next call on this out. size <= PV_EVENT_MAX. */
void *pv_out_event(struct pv_out *, enum pv_event_type, size_t size, uint64_t time_ns);

/* The same in two steps, for a caller that learns the size only while it writes: a place of at least `most` bytes,
 * not zeroed, and then the event that was made in it, all but the header. Nothing else may happen to this out in
 * between; without a commit nothing has. size <= most <= PV_EVENT_MAX. */
void *pv_out_reserve(struct pv_out *, size_t most);
void pv_out_commit(struct pv_out *, enum pv_event_type, size_t size, uint64_t time_ns);

/* Hand on n bytes of whole events. They are counted by type. */
void pv_out_pass(struct pv_out *, const void *events, size_t n);
/* The same for a caller that has counted each of them with pv_out_count(). */
void pv_out_pass_counted(struct pv_out *, const void *events, size_t n);

static inline void pv_out_count(struct pv_out *o, const struct pv_event *ev)
{
	if (ev->type == PV_EV_START)
		memset(o->events, 0, sizeof o->events);
	if (ev->type < PV_EV_TYPES)
		o->events[ev->type]++;
}

/* Hand over what there is. */
enum pv_res pv_out_flush(struct pv_out *);
/* The least that must be done before passed bytes may change: what is only in the buffer may stay and gather. */
enum pv_res pv_out_release(struct pv_out *);
/* Hand over what there is, all the way to the end: nothing more comes soon. */
enum pv_res pv_out_drain(struct pv_out *);

/* Before a source waits for a slow writer, what it has goes out: waits until fd can be read. False: it is to stop, one of
 * stop[0] and stop[1] (-1: none) can be. o may be NULL. */
bool pv_out_wait(struct pv_out *, int fd, const int stop[2]);

/* Append `n` bytes as a variable part of `ev`, which must be the newest event of this out and
 * have been made with room: at is the running end (starts as the size of the fixed part).
 * n is cut to 65535 - at. */
struct pv_ref pv_ev_put(void *ev, size_t *at, const void *bytes, size_t n);

#endif
