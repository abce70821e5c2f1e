/* SPDX-License-Identifier: MPL-2.0 */
/* dns/filter.h - which DNS messages are wanted.
 *
 * One predicate, asked by pv-dns about the event it is about to emit and by the agent about events on their
 * way to a policy. All conditions that are set must hold. Each looks at the side of the conversation that it
 * is about; the other side passes, so that queries and their responses stay together:
 *
 *   replies only   exclude_noerror, only_rcode (both: the rcode), answer_count, only_dnssec_response
 *   both           only_queries, only_responses, only_qtype, only_qname, only_qname_suffix,
 *                  only_xact_directions; of dnstap messages, and only these, dnstap_msg_type
 *   queries only, and a reply does not pass   geoloc_notfound, asn_notfound
 *
 * Handler dns 2.0 counts transactions, and asks each half only about what it is about (by_transaction):
 *
 *   replies only   exclude_noerror, only_rcode, answer_count, only_dnssec_response, only_qtype
 *   queries only, and a reply passes   only_qname, only_qname_suffix, geoloc_notfound, asn_notfound
 *   both           only_xact_directions; only_queries and only_responses are no filters of 2.0
 *
 * The direction of a transaction is the query's, turned round for a reply whose query is not known.
 * exclude_noerror makes only_rcode void. Codes up to 15 are compared with the header's four bits, higher ones
 * with the EDNS-extended code. A message without a readable question fails only_qtype, only_qname and
 * only_qname_suffix. only_qname_suffix matches whole labels: "google.com" is google.com and all below it,
 * ".google.com" only what is below. A message of less than a header (reason PV_DNS_SHORT) is not asked about.
 *
 * public_suffix_list, recorded_stream and xact_ttl_* are settings that come in the same YAML map: they are kept
 * here for others to read and reject nothing.
 *
 * Ownership: pv_dns_filter_init() ... pv_dns_filter_free(); names are copied. Threads: one while it is set,
 * then read-only. Limits: PV_LIST_MAX entries per list; a look-up is O(labels * log entries). */
#ifndef PV_DNS_FILTER_H
#define PV_DNS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "event/event.h"

enum pv_dnstap_kind { /* of dnstap_msg_type; dnstap types 2k-1 (query) and 2k (response) */
	PV_DNSTAP_ANY = 0, PV_DNSTAP_AUTH = 1, PV_DNSTAP_RESOLVER = 2, PV_DNSTAP_CLIENT = 3,
	PV_DNSTAP_FORWARDER = 4, PV_DNSTAP_STUB = 5, PV_DNSTAP_TOOL = 6, PV_DNSTAP_UPDATE = 7
};

struct pv_dns_names; /* a set of names */

struct pv_dns_filter {
	bool exclude_noerror, only_queries, only_responses, only_dnssec_response;
	bool geoloc_notfound, asn_notfound;
	bool has_rcodes, has_answer_count;
	uint16_t answer_count;
	uint32_t rcodes;               /* bit per code */
	uint8_t directions;            /* bit per enum pv_dir of the transaction; 0: all */
	bool by_transaction;           /* the rules of 2.0 */
	uint8_t *qtypes;               /* bit per type, 8 KiB; NULL: all */
	struct pv_dns_names *names;    /* NULL: all */
	struct pv_dns_names *suffixes; /* NULL: all */
	uint8_t dnstap_kind;           /* enum pv_dnstap_kind */
	/* not conditions */
	bool public_suffix_list, recorded_stream;
	struct pv_ttl ttl;
};

#define PV_DNS_KEYS 16
extern const struct pv_key pv_dns_keys[PV_DNS_KEYS]; /* in the order that error texts list them */
#define PV_DNS_KEYS_MORE 1
extern const struct pv_key pv_dns_keys_more[PV_DNS_KEYS_MORE]; /* ours: only_xact_directions */

void pv_dns_filter_init(struct pv_dns_filter *);
void pv_dns_filter_free(struct pv_dns_filter *); /* and it is as after _init */

/* conf is a struct pv_dns_filter; for rows of both tables. A key set again replaces its value. */
pv_set_fn pv_dns_filter_set;

/* From now on the rules of this version of the handler. -1: there is no such version; or, with a line in err, a filter is
 * set that it has not. */
int pv_dns_filter_version(struct pv_dns_filter *, const char *version, char *err, size_t errcap);

/* xact_ttl_ms, else xact_ttl_secs, else 5 s. */
uint64_t pv_dns_filter_ttl_ns(const struct pv_dns_filter *);

/* Is anything set that can reject a message? */
bool pv_dns_filter_active(const struct pv_dns_filter *);

/* The part that the host plays in a message's transaction: PV_DIR_IN, it is asked. */
static inline enum pv_dir pv_dns_xact_dir(const struct pv_dns *d)
{
	if (d->xact == PV_XACT_MATCHED || d->xact == PV_XACT_LATE)
		return (enum pv_dir)d->query_dir;
	if (d->dir == PV_DIR_UNKNOWN || !(d->bits & PV_DNS_QR))
		return (enum pv_dir)d->dir;
	return d->dir == PV_DIR_IN ? PV_DIR_OUT : PV_DIR_IN;
}

/* What the event itself does not say: whether the text behind a DEFINE number is "Unknown". Asked only under
 * geoloc_notfound and asn_notfound, for numbers that are not 0. */
struct pv_dns_places {
	bool (*unknown)(void *ctx, enum pv_define_kind, uint32_t number);
	void *ctx;
};

/* A checked PV_EV_DNS event. *suffix_len (may be NULL): length, as it was written, of the first entry of
 * only_qname_suffix that matched; 0 without. places may be NULL: nothing is then known to be unknown. */
bool pv_dns_filter_accepts(const struct pv_dns_filter *, const struct pv_dns *, const struct pv_dns_places *,
			   uint16_t *suffix_len);

#endif
