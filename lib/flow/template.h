/* SPDX-License-Identifier: MPL-2.0 */
/* flow/template.h - how the records of NetFlow 9 and IPFIX are read: a template becomes a short program.
 *
 * A template lists fields, most of which nobody here wants. Compiled, it is a list of steps: take a field's value, or
 * skip so many bytes; neighbours that are skipped are one step. Where several elements say the same, the best that is
 * there is taken: octetDeltaCount (1), else postOctetDeltaCount (23), else the totals (flow/totals.h), and so on. Of the reverse direction (RFC 5103; responderOctets
 * and -Packets say the same) counts and class of service are taken. Elements of other enterprises are skipped.
 *
 * Values: numbers of 1 to 8 bytes are taken whole; longer ones are not numbers.
 *
 * Ownership: made by pv_flow_template_new(), free() it; flow/exporters.h keeps them. No state elsewhere.
 * Sources: RFC 3954, RFC 7011, IANA's registry of IPFIX information elements. */
#ifndef PV_FLOW_TEMPLATE_H
#define PV_FLOW_TEMPLATE_H

#include "base/cursor.h"

#define PV_FLOW_FIELDS 512 /* of one template; the longest seen have some 100. Bounds the work for a record */
#define PV_FLOW_VARIABLE 0xffffu /* as a length: it stands in front of the value (IPFIX) */

enum pv_flow_value {
	PV_FV_SKIP,
	PV_FV_BYTES,
	PV_FV_PACKETS,
	PV_FV_PROTO,
	PV_FV_TOS,
	PV_FV_TCP_FLAGS,
	PV_FV_SPORT,
	PV_FV_DPORT,
	PV_FV_IN_IF,
	PV_FV_OUT_IF,
	PV_FV_IP_VERSION,
	PV_FV_RATE,       /* one of so many packets */
	PV_FV_SELECTOR,   /* number of what did the sampling */
	PV_FV_INTERVAL,   /* packets taken in a row ... */
	PV_FV_SPACE,      /* ... and left out after them */
	PV_FV_SIZE,       /* packets taken ... */
	PV_FV_POPULATION, /* ... of so many */
	PV_FV_PROBABILITY, /* of each packet; its bits as a double */
	PV_FV_REVERSE_BYTES,
	PV_FV_REVERSE_PACKETS,
	PV_FV_REVERSE_TOS,
	PV_FV_BEGIN,	  /* of the flow; these two only beside totals */
	PV_FV_FLOW_ID,
	/* addresses: found by where they stand */
	PV_FV_SRC4,
	PV_FV_DST4,
	PV_FV_SRC6,
	PV_FV_DST6,
	PV_FV_VALUES
};
#define PV_FV_HAS(v) (1u << (v))

struct pv_flow_field {
	uint16_t element;
	uint16_t len;   /* PV_FLOW_VARIABLE: not fixed */
	uint32_t owner; /* who gave the element its number */
};
#define PV_FLOW_IANA	0u
#define PV_FLOW_REVERSE 29305u	    /* IANA again: of the other direction (RFC 5103) */
#define PV_FLOW_NOBODY	0xffffffffu /* no element at all: skipped */

struct pv_flow_step {
	uint16_t len;
	uint8_t value; /* enum pv_flow_value */
	uint8_t pad;
};

struct pv_flow_exporter;

struct pv_flow_template {
	/* flow/exporters.h: by last use among all and among those of the same exporter; of the same hash, twice */
	struct pv_flow_template *older, *newer, *own_older, *own_newer, *chain, *group, **group_at;
	struct pv_flow_exporter *exporter;
	uint64_t told_ns; /* when the exporter last defined it */
	uint16_t id;
	bool options;     /* its records are about the exporter */
	uint32_t least;   /* bytes of the shortest record; never 0 */
	uint32_t has;     /* PV_FV_HAS() of all values */
	uint32_t totals;  /* and of those that are totals */
	uint32_t nsteps;
	struct pv_flow_step step[];
};

struct pv_flow_values {
	uint32_t has, totals;
	uint64_t number[PV_FV_SRC4];
	const uint8_t *address[PV_FV_VALUES - PV_FV_SRC4]; /* from PV_FV_SRC4 */
};

/* NULL: no memory, or (errno EINVAL) a record would have no length. */
struct pv_flow_template *pv_flow_template_new(uint16_t id, bool options, const struct pv_flow_field *, size_t n);
size_t pv_flow_template_bytes(const struct pv_flow_template *); /* memory it takes */
bool pv_flow_template_same(const struct pv_flow_template *, const struct pv_flow_template *);

/* The next record of a set. Addresses point into it. False: it ends behind the set. */
bool pv_flow_template_read(const struct pv_flow_template *, struct pv_cur *, struct pv_flow_values *);

/* What these values say about sampling: one of so many packets; 0: nothing that could be. */
uint32_t pv_flow_values_rate(const struct pv_flow_values *);
bool pv_flow_values_sampling(const struct pv_flow_values *); /* do they speak of it at all? */

#endif
