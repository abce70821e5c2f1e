/* SPDX-License-Identifier: MPL-2.0 */
/* policy/lane.h - one policy on one input stream: a thread that turns the batches of a ring into buckets.
 *
 *   ring --> view of a handler (its filter, its TTL) --> window --\
 *        --> view of another --------------------------> window ---> sink
 *
 * The sink gets one stream: START, STAGE ..., BUCKET, LIVE and STATS ..., STOP.
 *
 * Each handler has a view (dns/view.h, net/view.h, dhcp/view.h, flow/view.h) where one is needed, and a window of its own,
 * because periods, deep rate, top-N settings and metric groups are its own. In a chain the view of handler n
 * feeds handler n + 1 too, through a link that lets pass what n accepted (policy/pick.h).
 *
 * What comes out for a handler is what the pipeline of tools with the same filters gives:
 *   parallel  pv-capture | pv-dns --only-... | pv-window
 *   chain     pv-capture | pv-dns --only-... --chain | pv-net | pv-window
 * but for time in chains: periods follow the whole stream, so that a handler to which nothing comes closes
 * its minutes too.
 *
 * A lane that falls behind loses whole batches (policy/ring.h), counted here and in its STOP as `dropped`
 * events of stage PV_LANE_STAGE.
 *
 * Ownership: conf is copied but for filters and lists of groups, which are borrowed and must live as long as
 * the lane; the sink is the caller's, and is called in the lane's thread only. Threads: new, start, stop and
 * free from one; counters from any. Memory: a window's budget each (PV_LANE_BUDGET in all), transactions as
 * dns/view.h says. */
#ifndef PV_POLICY_LANE_H
#define PV_POLICY_LANE_H

#include <stdatomic.h>

#include "dns/filter.h"
#include "flow/filter.h"
#include "flow/services.h"
#include "metric/metric.h"
#include "net/filter.h"
#include "policy/ring.h"
#include "stage/out.h"

#define PV_LANE_HANDLERS 32	     /* PV_WINDOW_INSTANCES */
#define PV_LANE_BUDGET	 (32u << 20) /* of a policy's 64 MiB; the other half is what is kept to be read */
#define PV_LANE_STAGE	 (PV_STAGE_STREAM - 2) /* rows of a lane in STOP; those before are a window's */

struct pv_lane_handler {
	const char *name;		  /* of the instance: "default-default-dns" */
	const struct pv_handler *handler; /* its metric table */
	uint8_t stage;			  /* number of the analyser whose events it takes (policy/source.h) */
	uint8_t events;			  /* a module's: the number of its events; else 0 */
	const struct pv_dns_filter *dns;  /* of a dns handler; NULL: none */
	const struct pv_net_filter *net;  /* of a net handler; NULL: none */
	const struct pv_flow_filter *flow; /* of a flow handler; NULL: none */
	uint64_t ttl_ns;		  /* 0: what the filter, or else the analyser, says */
	unsigned periods, deep;		  /* as struct pv_window_conf */
	uint16_t topn;
	uint8_t topn_percentile;
	const char *const *enable, *const *disable;
	size_t nenable, ndisable;
};

struct pv_lane_conf {
	const struct pv_lane_handler *handlers;
	size_t nhandlers;
	bool chain;
	const struct pv_hosts *only_hosts; /* dnstap messages from and to others stay out; borrowed; NULL: all come in */
	const struct pv_handler *const *registry; /* NULL-terminated */
	const atomic_uint_least64_t *dns_ttl_ns;  /* the shared analyser's; NULL: ours */
	struct pv_services *services;	  /* names of ports for flow handlers; NULL: none */
	struct pv_sink sink;
	/* May a LIVE copy be made now? Asked at most once a second, in the lane's thread. NULL: always. */
	bool (*ready)(void *ctx);
	/* In the lane's thread, between batches, at most once a second and once before STOP: time to tell who
	 * reads the sink what is counted elsewhere. NULL: nothing to tell. */
	void (*beat)(void *ctx);
	void *ctx;
	uint64_t origin_sec; /* as struct pv_window_conf: of lanes whose buckets must meet; 0: none */
	size_t budget_bytes; /* 0: PV_LANE_BUDGET */
	uint64_t seed;
};

struct pv_lane;

/* NULL with one line in err. */
struct pv_lane *pv_lane_new(const struct pv_lane_conf *, char *err, size_t cap);

/* Joins the ring and runs. 0, or -1 with a line in err. */
int pv_lane_start(struct pv_lane *, struct pv_ring *, char *err, size_t cap);

/* Waits until the stream is over and all of it has been summarised. */
void pv_lane_wait(struct pv_lane *);

/* Leaves: after the batch at hand the open periods are closed and the sink gets its STOP. Frees. NULL is
 * fine. */
void pv_lane_free(struct pv_lane *);

/* Of the ring; zeros before the start. */
void pv_lane_counts(struct pv_lane *, struct pv_ring_counts *);
/* What the filters of every handler on an analyser rejected: of several handlers what the most generous of them did, which may have
 * been wanted by another; in a chain what all of them did. Of net and dns; of others 0. The lane's STOP has it in their ledgers.
 * From any thread. */
uint64_t pv_lane_filtered(const struct pv_lane *, unsigned stage);
bool pv_lane_running(struct pv_lane *);

#endif
