/* SPDX-License-Identifier: MPL-2.0 */
/* agent/agent.h - the taps and policies of a running pktvisord: what is configured, and what becomes of it.
 *
 *   document --> policy/config.h --> this registry --> policy/graph.h (sources, lanes) --> http/store.h
 *
 * A document is loaded whole or not at all: when one of its policies cannot be started, what came with it
 * goes again. Taps are configuration only; a policy keeps running when its tap is deleted, and only its
 * description loses it.
 *
 * LIVE copies are made while somebody asks: who reads metrics says so first (pv_agent_asked()). Nobody having
 * asked for PV_AGENT_ASKED_SEC, none are made, and the first to ask again waits for up to PV_AGENT_WAIT_MS,
 * so that nobody gets an old minute for the present one.
 *
 * Threads: any; one lock, held while something is loaded or removed (a lane ends within a batch). Ownership:
 * the store and the geo databases are the caller's and live longer. Limits: PV_CONFIG_TAPS,
 * PV_CONFIG_POLICIES, and those of the parts. */
#ifndef PV_AGENT_AGENT_H
#define PV_AGENT_AGENT_H

#include "http/store.h"
#include "metric/prom.h"
#include "policy/config.h"
#include "policy/graph.h"

#define PV_AGENT_ASKED_SEC 120	/* twice the longest usual scrape interval */
#define PV_AGENT_SHOW_MS   2000 /* a new policy takes ten, unless the machine is busy */
#define PV_AGENT_WAIT_MS   1250 /* copies are made once a second of stream time, which lags by 0.1 s */

/* Besides enum pv_config_fault: the document is right, but an input cannot be opened. */
#define PV_AGENT_START ((enum pv_config_fault)(PV_CONFIG_FAILED + 1))

struct pv_agent;

struct pv_agent_conf {
	const struct pv_handler *const *handlers; /* NULL-terminated registry */
	const struct pv_modules *modules;	  /* as pv_config_world.modules */
	const char *const *inputs;		  /* as pv_config_world.inputs */
	struct pv_store *store;
	struct pv_geo_db *geo; /* NULL: none */
	size_t geo_cache;
	struct pv_services *services; /* names of ports; NULL: none */
	uint64_t seed;
	unsigned workers;	    /* that share an interface, or a port of exporters; 0: 1 */
	unsigned periods, deep_max; /* from the command line; 0: not given */
	const char *data_dir; /* files that a request names must be regular ones below this folder; NULL: none
				 may be */
	/* A line for the log. May be NULL. */
	void (*say)(void *ctx, enum pv_config_say, const char *line);
	void *ctx;
};

struct pv_agent *pv_agent_new(const struct pv_agent_conf *); /* NULL: ENOMEM */
void pv_agent_free(struct pv_agent *);			     /* NULL is fine */

/* Take taps, policies and global_handler_config over, out of a config that stays the caller's. Inputs are
 * opened; nothing runs before pv_agent_start(). 0, or -1 with the reason, "policy [p] failed to start: ..."
 * (PV_AGENT_START). */
int pv_agent_take(struct pv_agent *, struct pv_config *, struct pv_config_error *);

/* What a configuration is checked against: this agent as it is now. Valid until something is loaded or
 * removed. */
struct pv_config_world pv_agent_world(struct pv_agent *);

/* Let everything run. 0, or -1 with a line in err. */
int pv_agent_start(struct pv_agent *, char *err, size_t cap);

/* The body of a request: checked, taken over, started, described. NULL with the reason. */
json_t *pv_agent_post(struct pv_agent *, enum pv_config_form, const char *text, size_t n,
		      struct pv_config_error *);

/* Waits until all handlers of a policy can be seen in the store, or for PV_AGENT_SHOW_MS. */
void pv_agent_await(struct pv_agent *, const char *policy);

/* False: there is none. */
bool pv_agent_remove_tap(struct pv_agent *, const char *name);
bool pv_agent_remove_policy(struct pv_agent *, const char *name);

/* Inputs end as if they were over: open minutes are closed. Nothing can be loaded any more. */
void pv_agent_finish(struct pv_agent *);

bool pv_agent_live(struct pv_agent *);	     /* is one of them on an interface? */

/* {name: object, ...}; of one when name is not NULL, and then NULL with errno ENOENT when there is none. */
json_t *pv_agent_taps_json(struct pv_agent *, const char *name);
json_t *pv_agent_policies_json(struct pv_agent *, const char *name);

/* Somebody wants metrics as they are now. May take PV_AGENT_WAIT_MS. */
void pv_agent_asked(void *agent); /* for struct pv_read_conf.asked */

/* Hand what inputs have to say ("eth0: went down; waiting for it") to the log. Now and then, from one thread. */
void pv_agent_listen(struct pv_agent *);

/* Every policy on every tap, with what is counted of it (policy/graph.h). */
void pv_agent_each(struct pv_agent *, void (*fn)(void *ctx, const struct pv_graph_lane *), void *ctx);

/* Self metrics of sources and lanes: for struct pv_read_conf.more_prom. */
void pv_agent_prom(void *agent, struct pv_prom *);

#endif
