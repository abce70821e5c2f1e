/* SPDX-License-Identifier: MPL-2.0 */
/* tool/progress.h - how far a long file is, on stderr when that is a terminal: packets, rate, share of the file. */
#ifndef PV_TOOL_PROGRESS_H
#define PV_TOOL_PROGRESS_H

#include "capture/capture.h"
#include "tool/tool.h"

struct pv_progress {
	int64_t start_ms, last_ms; /* monotonic; 0: not begun */
	uint64_t last_packets;
	int tty; /* -1: not asked yet */
};

#define PV_PROGRESS {0, 0, 0, -1}

/* Call after each poll; prints at most once a second. */
void pv_progress_step(struct pv_progress *, const struct pv_capture_status *);
void pv_progress_end(struct pv_progress *, const struct pv_capture_status *); /* the line for good, if any was printed */

/* -v: source, link type and the host subnets in force. */
void pv_progress_effective(const struct pv_program *, const struct pv_capture *);

#endif
