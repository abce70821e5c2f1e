/* SPDX-License-Identifier: MPL-2.0 */
/* tool/flow.h - what programs that put out FLOW events let a person say about them: filters, names, locations. */
#ifndef PV_TOOL_FLOW_H
#define PV_TOOL_FLOW_H

#include "flow/filter.h"
#include "flow/services.h"
#include "tool/tool.h"

#define PV_TOOL_FLOW_MAPS 2 /* keys that take a file */

struct pv_tool_flow {
	struct pv_flow_filter filter; /* pv_flow_filter_init() first */
	const char *iana, *otherwise; /* lists of services */
	struct pv_services *services;
	struct pv_geo *places; /* of `locate` */
	struct pv_stage *locate, *view;
	struct {
		const struct pv_key *key; /* NULL: no more */
		char *path;		  /* absolute */
	} map[PV_TOOL_FLOW_MAPS]; /* that came out of files */
};

/* Names of ports. */
#define PV_TOOL_SERVICE_OPTS(f)                                                                                       \
	{0, "iana-service-port-registry", PV_OPT_STRING, &(f).iana, "FILE",                                           \
	 "names of ports: the list of services that IANA publishes, as CSV", 0, 0},                                   \
	{0, "default-service-registry", PV_OPT_STRING, &(f).otherwise, "FILE", "the same, where no other is named", 0, 0}

/* The opposites of two keys that are true unless they are set. */
#define PV_TOOL_FLOW_OPTS(f)                                                                                          \
	{0, "no-enrichment", PV_OPT_NOFLAG, &(f).filter.enrichment, NULL, "do not use the names of --device-map", 0, 0}, \
	{0, "no-sample-rate-scaling", PV_OPT_NOFLAG, &(f).filter.scaling, NULL,                                       \
	 "count what samplers saw, not what they stand for", 0, 0}

/* pv_flow_filter_set() for a command line: maps are read from a file in YAML or JSON, or out of the argument when that
 * begins with '{'. conf: struct pv_tool_flow. */
pv_set_fn pv_tool_flow_set;

/* The stages that these options and geo (may be NULL) ask for, in front of `next`; where FLOW events go, which is `next`
 * when nothing is asked for. Ends the program with exit 1 when a file cannot be read. */
struct pv_sink pv_tool_flow_open(const struct pv_program *, struct pv_tool_flow *, const struct pv_tool_geo *,
				 struct pv_sink next);
void pv_tool_flow_close(struct pv_tool_flow *);

/* Are there files that could be read again? */
bool pv_tool_flow_files(const struct pv_tool_flow *);
/* Reads them again, between batches; one that is missing or wrong leaves what there was, and is said. */
void pv_tool_flow_reread(const struct pv_program *, struct pv_tool_flow *);

struct pv_collector_status;

/* Of a capture of exports: a line about datagrams that could not be read, if there were any. Somebody may have taken sFlow for
 * NetFlow. */
void pv_tool_flow_unread(const struct pv_program *, const struct pv_collector_status *);

#endif
