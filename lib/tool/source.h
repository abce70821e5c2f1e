/* SPDX-License-Identifier: MPL-2.0 */
/* tool/source.h - what programs share that are sources: how long they go on, how they end, what they give up. */
#ifndef PV_TOOL_SOURCE_H
#define PV_TOOL_SOURCE_H

#include "capture/privs.h"
#include "stage/out.h"
#include "tool/tool.h"

/* After a poll and a flush: is there more to come, and somebody who takes it? */
static inline bool pv_tool_source_more(enum pv_res polled, const struct pv_out *out)
{
	return (polled == PV_OK || polled == PV_AGAIN) && out->res == PV_OK;
}

/* Words about how it ended, and the exit code for it. why: what the source itself says of PV_FAIL; NULL or empty:
 * nothing. */
int pv_tool_source_end(const struct pv_program *, const struct pv_out *, enum pv_res polled, const char *why);

/* When everything is open, and before there are threads (capture/privs.h): what strangers send is not read as root.
 * conf NULL: nothing is kept. With verbose it says what could not be given up. */
void pv_tool_privs_drop(const struct pv_program *, const struct pv_privs_conf *conf, bool verbose);

/* The ports of a list option, which is called `option` when one is wrong. port[max]; false: has been said. */
bool pv_tool_ports(const struct pv_program *, const char *option, const struct pv_opt_list *, uint16_t port[],
		   size_t max, size_t *n);

#endif
