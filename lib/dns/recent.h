/* SPDX-License-Identifier: MPL-2.0 */
/* dns/recent.h - names that were asked for lately, and what was worked out for them.
 *
 * Most messages are about a few hundred names. For those the parts that top_qname2 and top_qname3 count, the places
 * of those parts in the lists, and whether the name is in the distinct count already, need not be found
 * again: one hash instead of five. A direct-mapped table; what is not in it costs the one hash more.
 *
 * Nothing here is believed: a place in a list is a hint that the list checks (sketch/topn.h), and an entry counts
 * as seen only within the generation (period of the handler) that it was seen in.
 * Ownership: plain memory, zeroed is empty. Threads: one. */
#ifndef PV_DNS_RECENT_H
#define PV_DNS_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_DNS_RECENT_NAMES 512 /* 60 KiB: more would push other tables out of the processor's cache */
#define PV_DNS_RECENT_BYTES 72  /* a longer name is worked out each time; one in a hundred is */

struct pv_dns_recent_name {
	uint64_t counted; /* the distinct count that has it, by a number that the handler makes of its generation; 0: none */
	uint32_t hash;
	uint32_t hint2, hint3, hint_reply, hint_noerror;
	uint16_t len, suffix_len;
	uint16_t at2, at3; /* where qname2 and qname3 begin in the name */
	bool has3;
	bool used;
	char name[PV_DNS_RECENT_BYTES];
};

struct pv_dns_recent {
	struct pv_dns_recent_name names[PV_DNS_RECENT_NAMES];
	struct pv_dns_recent_name other; /* of a name that is too long to keep */
};

/* The entry of a name and the length of its public suffix (dns/aggregate.h). Valid until the next call. */
struct pv_dns_recent_name *pv_dns_recent_get(struct pv_dns_recent *, const char *name, size_t n, uint16_t suffix_len,
					     uint64_t seed);

#endif
