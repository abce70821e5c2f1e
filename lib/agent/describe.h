/* SPDX-License-Identifier: MPL-2.0 */
/* agent/describe.h - a policy as clients see it: its taps, its input streams, its handlers and their periods. */
#ifndef PV_AGENT_DESCRIBE_H
#define PV_AGENT_DESCRIBE_H

#include "http/store.h"
#include "policy/config.h"
#include "policy/graph.h"

/* {"taps": {...}, "input": {...}, "modules": {...}}. NULL: no memory. */
json_t *pv_describe_policy(const struct pv_config_policy *, const struct pv_config_tap *const *taps,
			   size_t ntaps, struct pv_graph *, struct pv_store *);

#endif
