/* SPDX-License-Identifier: MPL-2.0 */
/* dns/aggregate.h - what top_qname2 and top_qname3 count a name under.
 *
 *   qname2  the last two labels, with the dot in front of them when more labels stand there: ".foo.com",
 *           "foo.com"
 *   qname3  the last three, likewise; empty (and not counted) when the name has no third label
 *
 * A suffix of suffix_len bytes counts as one label: "www.google.co.uk" with ".co.uk" gives ".google.co.uk"
 * and "www.google.co.uk". A suffix as long as the name or longer is no suffix. A final dot belongs to the
 * last label.
 *
 * A name of less than five characters, or without an inner dot, is its own qname2 and has no qname3. (The
 * original gives long single labels, "localhost", a qname3 and short ones none; here they are treated alike.)
 *
 * The parts are views of the name; no allocation. */
#ifndef PV_DNS_AGGREGATE_H
#define PV_DNS_AGGREGATE_H

#include <stddef.h>

struct pv_dns_parts {
	const char *qname2, *qname3;
	size_t len2, len3; /* len3 0: none */
};

struct pv_dns_parts pv_dns_aggregate(const char *name, size_t n, size_t suffix_len);

#endif
