/* SPDX-License-Identifier: MPL-2.0 */
/* policy/ring.h - the batches of one input stream, on their way to every policy that reads it.
 *
 * One writer, many readers, each of which sees every batch, in order. A batch is written once and never
 * changed after; readers get a pointer. It stays until the last of them has done with it.
 *
 *   live      the writer never waits. When there is no room the oldest batch goes, and each reader that had
 *             not come to it has lost it: counted for him, and nobody else notices. What a reader must have
 *             to understand the rest (START and DEFINE events) is not lost with the batch: it comes in
 *             front of the next one he gets.
 *   recorded  the writer waits for the slowest reader.
 *
 * (A ring of pointers for each reader, full when he is slow, would keep batches of a different age alive for
 * each of them: with N slow readers N rings full. Here the memory is that of one ring whoever is slow.)
 *
 * A reader may join at any time, and gets what he missed of START (with the time of now) and DEFINEs first,
 * so that his stream is whole.
 *
 * Batches: the writer fills a buffer of PV_BATCH_BYTES and pushes it when it is full or has become old. One
 * that is then small is copied into a small one, because a live source pushes every few milliseconds: with
 * big buffers for small batches, memory would be gone, and batches lost, after a stall of half a second.
 *
 * Ownership: the ring owns all batches; a reader gives each back with pv_ring_done(). Threads: one writer,
 * one thread per reader; join, leave, cancel and the counters from any. One lock, taken a few times per
 * batch. Limits: below. */
#ifndef PV_POLICY_RING_H
#define PV_POLICY_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/res.h"
#include "event/event.h"

#define PV_RING_BIG	32    /* full batches: 8 MiB, half a second of 100,000 analysed packets a second */
#define PV_RING_SLOTS	512   /* small ones besides: at 25 ms each, twelve seconds of a quiet link */
#define PV_RING_SMALL	16384 /* bytes; so that all small ones together are 8 MiB, too */
#define PV_RING_READERS 256   /* policies on one input: each is a thread, and may pin one batch */
#define PV_RING_OWED	(8u << 20) /* bytes of DEFINEs kept for one reader: as many texts as a stream keeps */

struct pv_ring;
struct pv_ring_reader;

struct pv_ring_batch {
	const struct pv_event *first;
	size_t len;
	uint64_t events;
	bool special; /* has START, STOP, STATS or DEFINE events */
};

/* wait: of a recorded stream. NULL: ENOMEM. */
struct pv_ring *pv_ring_new(bool wait, uint64_t seed);
void pv_ring_free(struct pv_ring *); /* when all readers have left; NULL is fine */

/* ---- the writer ------------------------------------------------------------------------------------ */

/* Whole events, at most PV_BATCH_BYTES of them. special: START, STOP, STATS or DEFINE is among them. now_ns:
 * stream time of the last. */
void pv_ring_put(struct pv_ring *, const void *events, size_t bytes, uint64_t count, bool special,
		 uint64_t now_ns);
/* What is gathered may be read now. */
void pv_ring_push(struct pv_ring *);
/* Nothing more comes: readers get PV_END when they have read all. Pushes. */
void pv_ring_end(struct pv_ring *);
/* The writer does not wait any more; from any thread. */
void pv_ring_abort(struct pv_ring *);

/* ---- readers --------------------------------------------------------------------------------------- */

/* NULL with errno: ENOMEM, or ENOSPC when there are PV_RING_READERS. */
struct pv_ring_reader *pv_ring_join(struct pv_ring *);
void pv_ring_leave(struct pv_ring_reader *); /* frees it; a batch in hand is given back */

/* Waits for a batch. PV_OK; PV_END: the stream is over and all was read; PV_STOP: cancelled. */
enum pv_res pv_ring_next(struct pv_ring_reader *, struct pv_ring_batch *);
void pv_ring_done(struct pv_ring_reader *);

/* From any thread: pv_ring_next() answers PV_STOP from now on. */
void pv_ring_cancel(struct pv_ring_reader *);

struct pv_ring_counts {
	uint64_t batches, events; /* that he got */
	uint64_t lost_batches, lost_events; /* without the START and DEFINEs of such batches: those come */
	unsigned waiting; /* batches he has not come to */
};
void pv_ring_counts(struct pv_ring_reader *, struct pv_ring_counts *);

unsigned pv_ring_readers(struct pv_ring *);
size_t pv_ring_memory(struct pv_ring *); /* bytes held */

#endif
