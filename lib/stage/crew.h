/* SPDX-License-Identifier: MPL-2.0 */
/* stage/crew.h - the driver that joins stages as threads.
 *
 * Each stage added has a queue of batches in front of it. A crew of threads, the caller's among them, takes
 * whatever can be done: of the stages with a batch waiting and nobody at work, the one with the most. A stage is
 * worked on by one thread at a time, batches in order, so it needs no lock and cannot tell; but it has no thread of its
 * own. A thread each would be simpler, and leaves processors idle: three stages of unlike weight do not
 * divide among two processors, and the kernel moves threads too slowly to help a run of a second.
 *
 * A full queue makes the producer work on what is behind it, or wait: nothing is lost. (The agent's lanes, which may lose,
 * are another sink.)
 *
 * Ownership: the stages stay the caller's. Locks: one for the crew, taken a few times per batch. Memory:
 * PV_CREW_QUEUE batches of PV_BATCH_BYTES per stage, made once. */
#ifndef PV_STAGE_CREW_H
#define PV_STAGE_CREW_H

#include "stage/stage.h"

#define PV_CREW_STAGES 8 /* more than any graph has in a row */
#define PV_CREW_QUEUE 8  /* 2 MiB on the way to each stage; more only hides a slow one */

struct pv_crew;

/* threads: besides the caller's; 0: as many as there are processors, less one, and at least one. NULL with errno. */
struct pv_crew *pv_crew_new(unsigned threads);

/* Add a stage, the last of the graph first. What feeds it gets the sink that comes back. At most PV_CREW_STAGES. A sink
 * without `write`: ENOMEM or ENOSPC in errno. */
struct pv_sink pv_crew_add(struct pv_crew *, struct pv_stage *);

/* The graph is complete: start the threads. Where none can be started the caller does all the work. */
void pv_crew_start(struct pv_crew *);

/* No more input: everything that waits is worked off and each stage's end(cut) is called, first to last. Frees the crew.
 * Returns the first result that was not PV_OK of the stages' outs, or PV_OK. */
enum pv_res pv_crew_finish(struct pv_crew *, bool cut);

#endif
