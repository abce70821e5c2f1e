/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/aggregate.h"

#define SHORT_NAME 5 /* "a.bc" and the like are taken whole */
#define NONE ((size_t)-1)

/* The last dot of name[0, end). */
static size_t last_dot(const char *name, size_t end)
{
	while (end)
		if (name[--end] == '.')
			return end;
	return NONE;
}

struct pv_dns_parts pv_dns_aggregate(const char *name, size_t n, size_t suffix_len)
{
	struct pv_dns_parts p = {name, name, n, 0};
	if (n < SHORT_NAME)
		return p;

	size_t end = n; /* dots in front of it count */
	if (suffix_len && n > suffix_len)
		end = n - suffix_len + 1;
	else if (name[n - 1] == '.')
		end = n - 1;

	size_t d1 = last_dot(name, end);
	if (d1 == NONE || d1 == 0)
		return p;
	size_t d2 = last_dot(name, d1);
	if (d2 == NONE)
		return p;
	p.qname2 = name + d2;
	p.len2 = n - d2;
	size_t d3 = d2 ? last_dot(name, d2) : NONE;
	size_t from = d3 == NONE ? 0 : d3;
	p.qname3 = name + from;
	p.len3 = n - from;
	return p;
}
