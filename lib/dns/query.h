/* SPDX-License-Identifier: MPL-2.0 */
/* dns/query.h - the facts of a query that waited (dns/xact.h), on their way into events.
 *
 * Shared by the analyser, which matches for all, and by a policy's view (dns/view.h), which has its own
 * opinion of what is in time. `text` is the query's name in lower case. Events come zeroed and of the size
 * that is asked for first. Implemented in dns/analyser.c. */
#ifndef PV_DNS_QUERY_H
#define PV_DNS_QUERY_H

#include "dns/xact.h"

/* PV_EV_DNS_TIMEOUT. */
size_t pv_dns_timeout_size(const struct pv_dns_query *);
void pv_dns_timeout_fill(struct pv_dns *, enum pv_xact why, const struct pv_dns_query *, const char *text,
			 uint8_t stage);

/* The response `d` again, with this outcome and this query (NULL: none). */
size_t pv_dns_response_size(const struct pv_dns *d, const struct pv_dns_query *);
void pv_dns_response_fill(struct pv_dns *, const struct pv_dns *d, enum pv_xact, const struct pv_dns_query *,
			  const char *text);

#endif
