/* SPDX-License-Identifier: MPL-2.0 */
/* flow/record.h - what the decoders of flow exports share: a datagram in, records out, what was counted.
 *
 * A record is a struct pv_flow (event/event.h) with its header's size and type left to whoever makes an event of
 * it. A decoder gets it begun (struct pv_flow_to.base: device, arrival, number) and hands on a copy for each
 * record, in order. What was decoded before a fault is handed on: exporters that are cut by a capture, or
 * that lie in their last sample, are right about the rest.
 *
 * Counts are as the exporter wrote them, 64 bits wide; `rate` is beside them, and who scales multiplies. Ports
 * are those of protocols that have some: exporters put ICMP types into these fields, too. */
#ifndef PV_FLOW_RECORD_H
#define PV_FLOW_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

/* Why a datagram, or the rest of it, was of no use. Numbers are part of the event format (ledger rows): append
 * only. */
enum pv_flow_reason {
	PV_FDEC_OK = 0,
	/* UNSUPPORTED */
	PV_FDEC_VERSION = 1,  /* no version of sFlow, NetFlow or IPFIX that is known here */
	PV_FDEC_UNWANTED = 2, /* one that was not asked for */
	PV_FDEC_EXTENDED = 3, /* sFlow 2 or 4: data of unknown size behind a sample */
	/* MALFORMED */
	PV_FDEC_CUT = 16,     /* the capture holds less than was sent */
	PV_FDEC_SHORT = 17,   /* ends within its header */
	PV_FDEC_COUNT = 18,   /* its length and its number of records do not agree */
	PV_FDEC_SAMPLE = 19,  /* a sample that is longer than what is there, or than what it holds */
	PV_FDEC_ELEMENT = 20, /* the same of a part of a sample */
	PV_FDEC_SET = 21,     /* a set shorter than its header, or longer than what is there */
	PV_FDEC_TEMPLATE = 22, /* a template that cannot be: its number, its fields, a record without a length */
	PV_FDEC_RECORD = 23,  /* a record that ends behind its set */
	PV_FDEC_REASONS = 32
};

bool pv_flow_reason_unsupported(enum pv_flow_reason);

/* Everything that is counted beside datagrams. */
struct pv_flow_counts {
	uint64_t records;         /* handed on */
	uint64_t no_records;      /* left out: records and samples without counts and addresses */
	uint64_t counter_samples; /* sFlow: not about flows */
	uint64_t unknown_samples; /* sFlow: other kinds, skipped */
	uint64_t unknown_sets;    /* of a template that is not there (yet) */
	uint64_t options;         /* records about the exporter, sampling rates among them */
	uint64_t lost;            /* by sequence numbers: datagrams (sFlow, v9), flows (v5, v7), records (IPFIX) */
	uint64_t templates_evicted, templates_expired, templates_withdrawn, templates_refused;
	uint64_t exporters_evicted;
	uint64_t totals_evicted; /* flows whose last total was given up for room: the next one counts whole */
};

typedef void pv_flow_fn(void *ctx, const struct pv_flow *);

struct pv_flow_to {
	struct pv_flow base;
	pv_flow_fn *record;
	void *ctx;
	struct pv_flow_counts *counts;
};

struct pv_flow_datagram {
	const uint8_t *bytes;
	size_t n;
	bool cut;         /* more was on the wire */
	uint8_t from[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint16_t port;    /* of the sender */
	uint64_t time_ns; /* of arrival */
	uint64_t number;
	uint8_t stamp;
};

void pv_flow_ipv4(uint8_t to[16], const uint8_t from[4]); /* as ::ffff:a.b.c.d */
bool pv_flow_has_ports(uint8_t proto);
void pv_flow_record(const struct pv_flow_to *, struct pv_flow *); /* the last touch, and off it goes */

#endif
