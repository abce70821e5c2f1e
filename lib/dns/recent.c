/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/recent.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "dns/aggregate.h"

static struct pv_dns_recent_name *work_out(struct pv_dns_recent_name *r, const char *name, size_t n, uint16_t suffix_len)
{
	struct pv_dns_parts p = pv_dns_aggregate(name, n, suffix_len);
	memset(r, 0, offsetof(struct pv_dns_recent_name, name));
	r->at2 = (uint16_t)(p.qname2 - name);
	r->at3 = (uint16_t)(p.qname3 - name);
	r->has3 = p.len3 != 0;
	r->len = (uint16_t)n;
	r->suffix_len = suffix_len;
	return r;
}

struct pv_dns_recent_name *pv_dns_recent_get(struct pv_dns_recent *t, const char *name, size_t n, uint16_t suffix_len,
					     uint64_t seed)
{
	if (n > PV_DNS_RECENT_BYTES)
		return work_out(&t->other, name, n, suffix_len);
	uint32_t hash = (uint32_t)XXH3_64bits_withSeed(name, n, seed);
	struct pv_dns_recent_name *r = &t->names[hash % PV_DNS_RECENT_NAMES];
	if (r->used && r->hash == hash && r->len == n && r->suffix_len == suffix_len && !memcmp(r->name, name, n))
		return r;
	work_out(r, name, n, suffix_len);
	r->used = true;
	r->hash = hash;
	memcpy(r->name, name, n);
	return r;
}
