/* SPDX-License-Identifier: MPL-2.0 */
/* dns/psl.h - how long the public suffix of a name is.
 *
 * The list is the distribution's (package publicsuffix) or, when that is missing or older, the one built into
 * libpsl. Rules of both sections count, ICANN ("co.uk") and private ("github.io"), with wildcards, exceptions
 * and whole labels only; a top-level domain without a rule is a public suffix itself (the list's rule "*").
 *
 * Read-only after _new: any number of threads. A look-up costs about 1 us for a name of usual length and
 * takes no memory, and happens only for those who ask for public_suffix_list. */
#ifndef PV_DNS_PSL_H
#define PV_DNS_PSL_H

#include <stddef.h>

struct pv_dns_psl;

struct pv_dns_psl *pv_dns_psl_new(void); /* NULL: no memory, or no list at all */
void pv_dns_psl_free(struct pv_dns_psl *);

/* Length of the public suffix with the dot in front of it, as pv_dns_aggregate() wants it. name is
 * lower-case, n bytes and a NUL. 0: the root. A name that is itself a public suffix gives its length + 1,
 * which the aggregation ignores. */
size_t pv_dns_psl_suffix(const struct pv_dns_psl *, const char *name, size_t n);

#endif
