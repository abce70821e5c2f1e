/* SPDX-License-Identifier: MPL-2.0 */
/* stage/thread.h - the driver that joins stages as threads.
 *
 * A ring carries batches from one thread to another: PV_RING_BATCHES buffers of PV_BATCH_BYTES,
 * made once. The producing side is a sink like any other; the consuming thread runs a stage, and
 * by its out possibly more stages behind it. A full ring makes the producer wait: recorded input
 * must lose nothing (the agent's lanes, which may lose, are another sink).
 *
 * Ownership: the ring and its thread belong to the caller of pv_thread_start(); the stage stays
 * the caller's. Locks: one per batch, none per event. */
#ifndef PV_STAGE_THREAD_H
#define PV_STAGE_THREAD_H

#include "stage/stage.h"

#define PV_RING_BATCHES 8 /* 2 MiB on the way at most; more only hides a slow consumer */

struct pv_thread;

/* Starts a thread that runs `stage`. NULL with errno. */
struct pv_thread *pv_thread_start(struct pv_stage *stage);

struct pv_sink pv_sink_thread(struct pv_thread *);

/* Hand over a batch that is not full yet (live sources, after every poll). */
void pv_thread_push(struct pv_thread *);

/* No more input: the stage's end(cut) is called in its thread, which then ends. Waits for it, frees the ring and
 * returns what became of the stage's output. */
enum pv_res pv_thread_join(struct pv_thread *, bool cut);

#endif
