/* SPDX-License-Identifier: MPL-2.0 */
/* policy/graph.h - which policies read which input streams: sources (policy/source.h), shared, and lanes
 * (policy/lane.h).
 *
 *   tap + configuration = stream --> source --ring--> lane of policy a --> its place
 *                                           \--ring--> lane of policy b --> its place
 *
 * A stream is known by its name, <tap>-<hash> (policy/config.h). Its source is opened for the first policy on
 * it and ends when the last one leaves. A policy has one lane on each of its streams, and a place for what
 * that lane puts out, which the owner provides.
 *
 * Adding a policy opens all it needs or nothing; no thread starts before pv_graph_start(), so that privileges
 * can be given up in between, and so that policies which are loaded together see a recorded stream from its
 * beginning together. A policy that comes to a recorded stream later gets a source of its own.
 *
 * An interface can be shared by workers (policy/team.h): then what is called a source here are as many, each
 * with a lane of every policy on it. A policy's lanes on one stream have periods that begin at the same
 * seconds.
 *
 * Analysers and TTLs of a source follow from the handlers of its lanes, and change as these come and go.
 *
 * Ownership: a policy's configuration is borrowed from pv_graph_add() to pv_graph_remove(). Threads: one at a
 * time, but for pv_graph_each() and the counters, which may be called from any. Limits: PV_RING_READERS
 * policies per stream. */
#ifndef PV_POLICY_GRAPH_H
#define PV_POLICY_GRAPH_H

#include "flow/services.h"
#include "geo/geo.h"
#include "policy/config.h"
#include "policy/ring.h"
#include "policy/team.h"

struct pv_graph;
struct pv_lane;

/* Where the output of one lane goes: of a policy on a stream, or of one worker of it. Filled in by the owner;
 * called in the lane's thread. */
struct pv_graph_place {
	struct pv_sink sink;
	bool (*ready)(void *ctx); /* may a LIVE copy be made? NULL: always */
	/* Once a second: time to look at what has been counted. NULL: not asked for. */
	void (*beat)(void *ctx, struct pv_source *, const struct pv_lane *);
	void *ctx;
	struct pv_source *source; /* ours */
};

struct pv_graph_conf {
	const struct pv_handler *const *registry; /* NULL-terminated */
	struct pv_geo_db *geo;			  /* borrowed; NULL: none */
	size_t geo_cache;
	struct pv_services *services; /* names of ports, borrowed; NULL: none */
	uint64_t seed;
	unsigned workers; /* of an interface, or a port of exporters; 0: 1 */
	/* Places for a policy on a stream, as many as it has workers. 0, or -1 with a line in err. */
	int (*open)(void *ctx, const struct pv_config_policy *, const struct pv_config_stream *,
		    struct pv_graph_place place[], unsigned workers, char *err, size_t cap);
	/* Their lanes are gone. */
	void (*close)(void *ctx, struct pv_graph_place place[], unsigned workers);
	void *ctx;
};

struct pv_graph *pv_graph_new(const struct pv_graph_conf *); /* NULL: ENOMEM */
void pv_graph_free(struct pv_graph *);			     /* removes all; NULL is fine */

/* 0, or -1 with one line in err, and nothing is left of it. */
int pv_graph_add(struct pv_graph *, const struct pv_config_policy *, char *err, size_t cap);
/* Lanes, then sources, that do not run yet. 0, or -1 with a line in err: those that could be started run. */
int pv_graph_start(struct pv_graph *, char *err, size_t cap);
/* Its lanes close their periods and end; sources that nobody needs any more end, too. */
void pv_graph_remove(struct pv_graph *, const struct pv_config_policy *);

/* All sources end, as if their input had: what is open is summarised. For a clean shutdown; then
 * pv_graph_free(). */
void pv_graph_finish(struct pv_graph *);
/* No source runs and no lane works any more: all inputs were files, and all have been read. */
bool pv_graph_idle(struct pv_graph *);

/* ---- counters: from any thread ------------------------------------------------------------------------ */

struct pv_graph_lane {
	const char *policy, *tap, *stream; /* valid during the call */
	struct pv_ring_counts counts;	   /* of all its workers */
	bool running;
	struct pv_team *team;
	unsigned policies; /* on that team */
	bool first;	   /* of them, in this walk: for what is counted once per team */
};

/* fn is called for each lane, or for those of one policy; the graph does not change meanwhile. */
void pv_graph_each(struct pv_graph *, const struct pv_config_policy *,
		   void (*fn)(void *ctx, const struct pv_graph_lane *), void *ctx);

#endif
