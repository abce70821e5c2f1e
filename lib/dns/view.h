/* SPDX-License-Identifier: MPL-2.0 */
/* dns/view.h - the DNS events of a shared analyser as one policy sees them.
 *
 * The analyser parses each message once and matches it with the largest TTL that anybody wants, without
 * filters. The view does what is a policy's own: it asks the same predicate as pv-dns (dns/filter.h) and
 * flags what that rejects, sets the suffix that names are cut at, and says of a transaction what the policy's
 * TTL and filter make of it. What comes out is what `pv-dns --only-...` would have put out:
 *
 *   same TTL as the analyser's   its matches are ours; whether the query passed is found by asking the
 *                                predicate about the query half of the response
 *   shorter, or only_qtype      the view keeps transactions of its own (dns/xact.h, 24 MiB at most): when a
 *                                query expired, and what type it asked for, the response does not say
 *   behind a filter (partial)    likewise: a query that was withheld was never seen
 *
 * Own transactions begin where the view does, or where another policy makes the analyser wait longer; a
 * response to a query from before that moment keeps the analyser's match, if it is young enough. Places of
 * client subnets of queries that time out, or that are matched otherwise than by the analyser, are left out.
 *
 * Needs a NET or TICK event for every packet, in front of its messages: that is how time passes here.
 * Ownership: the filter is borrowed. Threads: one at a time; the filter is only read. */
#ifndef PV_DNS_VIEW_H
#define PV_DNS_VIEW_H

#include <stdatomic.h>

#include "dns/filter.h"
#include "stage/view.h"

struct pv_dns_view_conf {
	const struct pv_dns_filter *filter;
	uint64_t ttl_ns;			    /* 0: what the filter says */
	const atomic_uint_least64_t *shared_ttl_ns; /* the analyser's, which may rise; NULL: it is ours */
	bool partial;				    /* only some of the packets come here */
	size_t xact_slots;			    /* 0: PV_DNS_XACT_SLOTS */
	uint64_t seed;
};

/* NULL: ENOMEM, or there is no list of public suffixes though the filter wants one. */
struct pv_stage *pv_dns_view_new(const struct pv_dns_view_conf *, struct pv_sink);

#endif
