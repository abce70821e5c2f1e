/* SPDX-License-Identifier: MPL-2.0 */
/* flow/exporters.h - what must be remembered of those who export: their templates, sampling rates, sequence numbers.
 *
 * An exporter is an address and source port, with the format and the observation domain (IPFIX), source id (v9), engine
 * (v5) or sub-agent (sFlow): each of these counts and defines templates for itself (RFC 7011, 8).
 *
 * Templates live until they are withdrawn, replaced, not told again for template_ttl_ns, or given up for room.
 * Who has none of a number has that of another source port of the same address and domain, the one that was defined last:
 * for NetFlow 9 the port says nothing (RFC 3954, 5.1), and exporters of IPFIX that send from several ports do not all tell
 * each what it needs. His own always goes first, as RFC 7011 has it. An exporter that was started anew defines its
 * templates before it uses them (RFC 3954, 9), so those that it had are left for it to replace.
 *
 * Limits, all reached by eviction of what was used least recently, and counted (struct pv_flow_counts):
 *   PV_FLOW_EXPORTERS   exporters; one that goes takes its templates along
 *   PV_FLOW_TEMPLATES   templates of one exporter: one that goes mad pushes out its own first
 *   memory_bytes        all templates together
 *   PV_FLOW_SELECTORS   sampling rates by selector of one exporter; further ones are forgotten
 * A template that is used stays in front of those that are only told: a flood of new templates must bring
 * memory_bytes of them between two data sets of an exporter to push out the one he uses.
 *
 * Memory: memory_bytes (what the allocator takes for each template included), 1.1 MiB of indexes, 3.5 MiB that are
 * touched as far as there are exporters, and 2 MiB where some tell totals (flow/totals.h). Hashing is seeded: nobody outside can aim at collisions.
 *
 * Ownership: exporters and templates that are given out belong to the table, until the next call. Threads: one. */
#ifndef PV_FLOW_EXPORTERS_H
#define PV_FLOW_EXPORTERS_H

#include "flow/record.h"
#include "flow/template.h"
#include "flow/totals.h"

#define PV_FLOW_EXPORTERS 16384u /* more than a collector is given in earnest; 3.5 MiB */
#define PV_FLOW_TEMPLATES 1024u  /* routers have tens, the worst some hundreds */
#define PV_FLOW_SELECTORS 8u     /* samplers whose rates differ, on one line card */
#define PV_FLOW_MEMORY (UINT64_C(32) << 20) /* some 200,000 templates of 20 fields */
#define PV_FLOW_MEMORY_MIN (UINT64_C(64) << 10) /* the largest template is 2 KiB, and sixteen sockets share this */
#define PV_FLOW_MEMORY_MAX (UINT64_C(1) << 30)	 /* 1024 templates of 300 bytes from 3,500 exporters */
#define PV_FLOW_TEMPLATE_TTL_NS (UINT64_C(1800) * 1000000000) /* exporters repeat them each minute to each half hour */

struct pv_flow_selector {
	uint64_t id;
	uint32_t rate;
};

struct pv_flow_exporter {
	/* who */
	uint8_t addr[16];
	uint32_t domain;
	uint16_t port;
	uint16_t version;
	/* links of the table */
	uint32_t older, newer, chain;
	/* what it told */
	struct pv_flow_template *oldest, *newest; /* of its templates, by last use */
	uint32_t ntemplates;
	uint32_t sequence; /* the next that is expected */
	uint32_t last;	   /* of the datagram that it was reckoned from */
	uint32_t behind;   /* the one after what came from behind it */
	uint32_t missing;  /* units that were missed and may still come, at most PV_FLOW_LATE */
	uint32_t uptime_ms;
	bool sequenced;	   /* `sequence` is known */
	bool stepped_back; /* `behind` is */
	bool inclusive;	   /* its numbers count what comes with them, too */
	uint8_t nselectors;
	uint32_t rate; /* without a selector; 0: not told */
	struct pv_flow_selector selector[PV_FLOW_SELECTORS];
};

struct pv_flow_exporters_conf {
	uint32_t exporters;       /* 0: PV_FLOW_EXPORTERS; no more than that */
	uint64_t memory_bytes;    /* 0: PV_FLOW_MEMORY */
	uint64_t template_ttl_ns; /* 0: PV_FLOW_TEMPLATE_TTL_NS */
	uint64_t seed;
};

struct pv_flow_exporters;

struct pv_flow_exporters *pv_flow_exporters_new(const struct pv_flow_exporters_conf *); /* NULL: ENOMEM */
void pv_flow_exporters_free(struct pv_flow_exporters *);
void pv_flow_exporters_clear(struct pv_flow_exporters *); /* a new stream: nothing is known of anybody */

/* NULL: no template with totals has come, or there was no memory. */
struct pv_flow_totals *pv_flow_exporters_totals(struct pv_flow_exporters *);

size_t pv_flow_exporters_count(const struct pv_flow_exporters *);
size_t pv_flow_exporters_templates(const struct pv_flow_exporters *);
uint64_t pv_flow_exporters_bytes(const struct pv_flow_exporters *); /* of templates; at most memory_bytes */

/* Never NULL. It is the last to be evicted from now on. */
struct pv_flow_exporter *pv_flow_exporters_get(struct pv_flow_exporters *, const struct pv_flow_datagram *,
					       uint16_t version, uint32_t domain, struct pv_flow_counts *);

/* The template of a set, or NULL. */
const struct pv_flow_template *pv_flow_exporters_find(struct pv_flow_exporters *, struct pv_flow_exporter *,
						      uint16_t id, uint64_t now_ns, struct pv_flow_counts *);
/* Takes the template over. */
void pv_flow_exporters_define(struct pv_flow_exporters *, struct pv_flow_exporter *, struct pv_flow_template *,
			      uint64_t now_ns, struct pv_flow_counts *);
void pv_flow_exporters_withdraw(struct pv_flow_exporters *, struct pv_flow_exporter *, uint16_t id,
				struct pv_flow_counts *);
/* All of a kind (RFC 7011, 8.1). */
void pv_flow_exporters_withdraw_all(struct pv_flow_exporters *, struct pv_flow_exporter *, bool options,
				    struct pv_flow_counts *);

#define PV_FLOW_LATE	   1000		/* units that the network may swap */
#define PV_FLOW_OUTAGE	   (1 << 24)	/* units that may be lost in a row: minutes of a busy exporter */
#define PV_FLOW_RESTART_MS 60000	/* by which datagrams that were swapped cannot differ */

/* A datagram has this sequence number, and `units` come in it: what is missing before it is counted. One that
 * comes late, and was missed, is taken off again; what was not missed has come twice. Nothing is told of an exporter that was
 * started anew: its uptime (NULL: not told) is less than before, its number far behind, or further ahead than can have been
 * lost; or two that follow upon each other come from behind, and nothing that was expected in between. Numbers that
 * count the units of their own datagram, as softflowd's of IPFIX do, are taken for what they are. */
void pv_flow_exporter_sequence(struct pv_flow_exporter *, uint32_t sequence, uint32_t units,
			       const uint32_t *uptime_ms, struct pv_flow_counts *);
/* How many units it had is not known: the next one begins to count. */
void pv_flow_exporter_unsequence(struct pv_flow_exporter *);

/* selector NULL: for all that name none. */
void pv_flow_exporter_sampling(struct pv_flow_exporter *, const uint64_t *selector, uint32_t rate);
/* 1 when nothing is known. A record that names no selector has the only one there is. */
uint32_t pv_flow_exporter_rate(const struct pv_flow_exporter *, const uint64_t *selector);

#endif
