/* SPDX-License-Identifier: MPL-2.0 */
/* stage/pipe.h - the driver that joins stages as processes.
 *
 * Reads checked batches from a descriptor, hands them to the stage, and writes what it adds. The
 * same stage objects run as threads under stage/crew.h. */
#ifndef PV_STAGE_PIPE_H
#define PV_STAGE_PIPE_H

#include "event/reader.h"
#include "stage/stage.h"

/* After a signal the upstream usually ends too; it gets this long before we end without it. */
#define PV_PIPE_GRACE_MS 1500

/* writev() to fd, all of it. EPIPE is PV_STOP. With a signal_fd (-1: none) and an fd that does not block, a reader that takes
 * nothing for PV_PIPE_GRACE_MS after a signal is PV_STOP too. */
struct pv_sink pv_sink_fd(int fd);
struct pv_sink pv_sink_fd_signal(int fd, int signal_fd);

/* Throws everything away (a stage that ends in a renderer). */
struct pv_sink pv_sink_none(void);

struct pv_pipe_end {
	enum pv_res in;      /* PV_END, PV_CUT, PV_BAD or PV_FAIL: how the input ended; PV_OK: we were told to stop */
	enum pv_res out;     /* PV_OK, PV_STOP or PV_FAIL */
	const char *problem; /* what was wrong with the input */
	uint64_t offset;     /* where */
	int error;           /* errno of a PV_FAIL */
};

/* Until the input ends, or the reader of our output goes away, or signal_fd (-1: none) becomes readable. */
struct pv_pipe_end pv_pipe_run(struct pv_stage *, int in_fd, int signal_fd);

#endif
