/* SPDX-License-Identifier: MPL-2.0 */
/* flow/summary.h - many addresses as one row of a top list: by subnet, or by network (ASN).
 *
 * Model: the label of an address is, by the first rule that applies,
 *   1. the address itself, when it is in exclude_ips_from_summarization, or nothing is to be summed up
 *   2. with summarize_ips_by_asn: its network, "<number>/<organisation>" or "Unknown"; without a database the
 *      address itself. Networks in exclude_asns_from_summarization, and unknown ones with
 *      exclude_unknown_asns_from_summarization, go on to
 *   3. the first listed subnet that holds it, as it was written; else the family's wildcard: 0.0.0.0/N or ::/N
 *      stands for the subnet of N bits that the address is in; else the address itself
 * Only labels change: distinct addresses are counted as they are.
 *
 * Ownership: copies its texts; part of struct pv_flow_filter. Threads: read-only once set. */
#ifndef PV_FLOW_SUMMARY_H
#define PV_FLOW_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "packet/hosts.h"

#define PV_FLOW_LABEL 256 /* bytes of a label: a network's text at most (PV_GEO_TEXT_MAX) */

struct pv_flow_subnet {
	struct pv_subnet net;
	char *text; /* as it was written */
};

struct pv_flow_summary {
	bool by_asn, exclude_unknown;
	uint32_t *exclude_asn;
	size_t nexclude_asn;
	struct pv_hosts *exclude_ips;  /* NULL: none */
	struct pv_flow_subnet *subnet; /* wildcards are not among them */
	size_t nsubnet;
	bool wild4, wild6;
	uint8_t wild4_bits, wild6_bits;
};

void pv_flow_summary_free(struct pv_flow_summary *);
bool pv_flow_summary_on(const struct pv_flow_summary *);

/* Replace what there was. 0, or -1 with a line in err and nothing changed. */
int pv_flow_summary_subnets(struct pv_flow_summary *, const struct pv_value *, char *err, size_t cap);
int pv_flow_summary_exclude_asns(struct pv_flow_summary *, const struct pv_value *, char *err, size_t cap);

/* The label of an address, family 4 or 6; its length, 0: the address itself. asn: the text of its network, NULL
 * without a database. */
size_t pv_flow_summary_label(const struct pv_flow_summary *, const uint8_t addr[16], uint8_t family, const char *asn,
			     size_t asn_len, char to[PV_FLOW_LABEL]);

/* A set of subnets out of a list, each with its prefix; NULL with the reason in err ("invalid CIDR: 10.0.0.1"). */
struct pv_hosts *pv_flow_subnets(const struct pv_value *, char *err, size_t cap);

#endif
