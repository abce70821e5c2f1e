/* SPDX-License-Identifier: MPL-2.0 */
/* policy/source.h - one input stream and its analysis, shared by every policy that wants it.
 *
 *   input (policy/inputs.h) --> modules --> bgp --> dhcp --> dns --> net --> modules --> ring (policy/ring.h)
 *
 * A thread reads packets, decodes each once and parses each message once, and gathers what was made of them
 * into batches for the policies' lanes. It runs only those analysers that somebody wants, without filters,
 * and with the largest transaction TTL that anybody wants; both may change while traffic flows
 * (pv_source_want()). An analyser that comes later begins with the next packet; one that nobody wants any
 * more is freed.
 *
 * Analysers of loaded modules (module/pv-module.h) that read nothing but packets run in front of the others,
 * so that their events stand last of a packet's; those that read what others make run behind all. One with
 * other settings is another analyser: policies that give it the same share it. The payload of the ports that
 * they name is asked of the input.
 *
 * An input of flow exports (lib/flow) brings its events itself; no analyser of ours looks at them.
 *
 * What the ring gets: START; DEFINE; FLOW, NET, DNS, DNS_TIMEOUT, DHCP, BGP, PROBE, TCP_ERROR events and those of modules,
 * those of a packet together and the NET event in front; STATS, TICK; RESOURCES (resources/resources.h);
 * STOP. No packets: in place of one without a NET event stands a TICK, so that time goes the same way
 * whichever analysers run. No STAGE events: analysers have fixed numbers here (enum below), and each lane
 * announces its own handlers.
 *
 * Live: a batch is handed over when it is full or PV_CAPTURE_WAIT_MS old; lanes that are slow lose, the
 * capture does not wait for them. What the analysers themselves cannot do in time stays in the kernel's
 * capture ring. Recorded: the source waits for the slowest lane. An interface that goes away is waited for by
 * the capture.
 *
 * Sharing: a live source takes lanes as long as it runs. A recorded one only until it is started: who comes
 * later would miss the beginning, and gets a source of his own.
 *
 * Threads: everything but the counters from one control thread. Memory: what lib/capture, the analysers and
 * the ring say. */
#ifndef PV_POLICY_SOURCE_H
#define PV_POLICY_SOURCE_H

#include <stdatomic.h>

#include "geo/geo.h"
#include "module/pv-module.h"
#include "policy/inputs.h"
#include "policy/ring.h"

/* Numbers of stages in every source's stream. */
enum pv_source_stage {
	PV_SOURCE_CAPTURE = 0,
	PV_SOURCE_BGP = 1,
	PV_SOURCE_DHCP = 2,
	PV_SOURCE_DNS = 3,
	PV_SOURCE_NET = 4,
	PV_SOURCE_STAGES = 5, /* from here on those of modules, as they come */
};

/* Analysers of modules on one input: each works on every packet of it. */
#define PV_SOURCE_MODULES 16

/* Rows that an input counts for itself; those there are fill half of it. */
#define PV_SOURCE_ROWS 32

/* An analyser of a module with its settings. */
struct pv_source_module {
	const struct pv_module_analyser *analyser;
	const void *conf; /* for its make() */
	const char *key;  /* equal settings, equal text; NULL: there are none */
};

struct pv_source_conf {
	struct pv_source_input input; /* moved in, also when pv_source_new() fails */
	struct pv_geo_db *geo;	      /* borrowed; NULL: none */
	size_t geo_cache;
	bool flows; /* the input brings FLOW events, whose ends are to be located */
	uint32_t tcp_flows_max; /* 0: default */
	uint64_t seed;
};

struct pv_source_want {
	bool stage[PV_SOURCE_STAGES];
	const struct pv_source_module *module; /* borrowed for the length of the call */
	size_t nmodules;
	uint64_t dns_ttl_ns, dhcp_ttl_ns; /* the largest; 0: default */
	uint64_t probe_ttl_ns;		  /* likewise */
	uint32_t policies, handlers;	  /* how many there are, for RESOURCES events */
};

struct pv_source;

/* All that may need privileges, or that may be asked for wrongly, happened when the input was opened. NULL:
 * ENOMEM. */
struct pv_source *pv_source_new(const struct pv_source_conf *);

/* What the lanes want, all together. Before the start, or while it runs. */
void pv_source_want(struct pv_source *, const struct pv_source_want *);

/* The numbers that a wanted analyser of a module has in this stream, for the lane that takes its events: as a
 * stage, and of its events. 0, or -1 with a line in err: there was no memory for it, or no room
 * (PV_SOURCE_MODULES; PV_EV_MODULES kinds of events in the life of a source, since a batch with the old
 * meaning of a number may still be on its way). */
int pv_source_module(struct pv_source *, const struct pv_source_module *, uint8_t *stage, uint8_t *events,
		     char *err, size_t cap);

/* 0, or -1 with a line in err. Once. */
int pv_source_start(struct pv_source *, char *err, size_t cap);

/* Asks it to end, and does not wait; pv_source_stop() does. Nothing before the start. */
void pv_source_halt(struct pv_source *);

/* Ends the stream: a live one with what has come until now, a file where it is. Lanes get STOP and the end.
 * Waits. */
void pv_source_stop(struct pv_source *);
void pv_source_free(struct pv_source *); /* stops; when all lanes have left. NULL is fine */

struct pv_ring *pv_source_ring(struct pv_source *);
const atomic_uint_least64_t *pv_source_dns_ttl(const struct pv_source *); /* for the lanes' views */

bool pv_source_joinable(struct pv_source *); /* may another lane still come? */

/* What it became: the interface that was found, host subnets. Borrowed; NULL where the input is no capture. */
const struct pv_capture *pv_source_capture(const struct pv_source *);
const struct pv_probe *pv_source_probe(const struct pv_source *); /* likewise, where it asks */

struct pv_source_status {
	struct pv_capture_status capture;
	uint64_t messages; /* DNS, DHCP and BGP messages that were parsed */
	uint64_t dns_received, dns_malformed, dns_xact_open, dns_xact_evicted, dns_flows_evicted;
	uint64_t dhcp_received, dhcp_malformed;
	uint64_t net_received;
	uint64_t bgp_received, bgp_malformed, bgp_unsupported, bgp_flows_evicted;
	struct pv_ledger_row rows[PV_SOURCE_ROWS]; /* of the input: PV_LEDGER_CLIENTS and on; not those of modules */
	size_t nrows;
	size_t ring_bytes;
	unsigned lanes;
	bool started, running; /* running: not at its end */
	char error[256];       /* why it ended, when it failed; else "" */
};
void pv_source_status(struct pv_source *, struct pv_source_status *); /* from any thread; at most 0.1 s old */

/* "lo0: link went down" and the like, or why it ended: the newest that was not asked for yet, or false. From
 * any thread. */
bool pv_source_notice(struct pv_source *, char *to, size_t cap);

#endif
