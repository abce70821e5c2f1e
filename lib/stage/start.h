/* SPDX-License-Identifier: MPL-2.0 */
/* stage/start.h - how a source begins its stream: START, and the announcement of stage 0. */
#ifndef PV_STAGE_START_H
#define PV_STAGE_START_H

#include "stage/out.h"

#define PV_START_TEXT 1024 /* of producer and source in START: a path longer than that is shown cut */

struct pv_start_conf {
	enum pv_clock clock;
	uint64_t stream_id;   /* 0: a random one */
	const char *producer; /* program and version */
	const char *source;   /* interface or file */
	const char *type;     /* handler type and name of stage 0, "pcap"; NULL: no source announces itself */
	const struct pv_subnet *hosts;
	size_t nhosts; /* at most PV_HOSTS_MAX of packet/hosts.h */
};

/* time_ns: the first packet's in a recorded stream, the wall clock's in a live one. */
void pv_start_emit(struct pv_out *, const struct pv_start_conf *, uint64_t time_ns);

#endif
