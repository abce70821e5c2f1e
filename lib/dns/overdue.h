/* SPDX-License-Identifier: MPL-2.0 */
/* dns/overdue.h - rejected queries whose time is over, in case they are answered after all.
 *
 * A query that the filter rejected counts as filtered, and so does its response; an orphan is the response to a query that
 * nobody saw. dns/xact.h forgets a query when its time is over, so a late response would look like one. Hence this: the
 * keys of rejected queries, for PV_DNS_OVERDUE_NS after they expired, which is as long as a query can stay behind its time in
 * the original (until the period's end). A later response is an orphan.
 *
 * Limit: PV_DNS_OVERDUE_SLOTS keys of 128 bytes, 4 MiB, touched as used: 540 rejected queries a second that nobody answers in
 * time. Then the oldest goes, and counts (pv_dns_overdue_evicted()).
 *
 * Ownership: the caller's. Threads: one. No allocation after _new. */
#ifndef PV_DNS_OVERDUE_H
#define PV_DNS_OVERDUE_H

#include "dns/xact.h"

#define PV_DNS_OVERDUE_NS    UINT64_C(60000000000)
#define PV_DNS_OVERDUE_SLOTS 32768u

struct pv_dns_overdue;

struct pv_dns_overdue *pv_dns_overdue_new(uint64_t seed); /* NULL: ENOMEM */
void pv_dns_overdue_free(struct pv_dns_overdue *);
void pv_dns_overdue_clear(struct pv_dns_overdue *);

/* This rejected query expired at now_ns. */
void pv_dns_overdue_put(struct pv_dns_overdue *, const struct pv_dns_query *, uint64_t now_ns);

/* Is there one that a message with this key, of now_ns, answers, or (another query) takes the place of? It is forgotten. */
bool pv_dns_overdue_take(struct pv_dns_overdue *, const struct pv_dns_query *key, uint64_t now_ns);

uint64_t pv_dns_overdue_evicted(const struct pv_dns_overdue *); /* since _new or _clear */

#endif
