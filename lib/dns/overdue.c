/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/overdue.h"

#include <stdlib.h>
#include <string.h>

#define EXPIRE_PER_CALL 16 /* more than one call brings, so a backlog shrinks */

struct pv_dns_overdue {
	struct pv_dns_xacts *keys; /* of queries without names, so that each takes one slot */
};

struct pv_dns_overdue *pv_dns_overdue_new(uint64_t seed)
{
	struct pv_dns_overdue *o = calloc(1, sizeof *o);
	if (o)
		o->keys = pv_dns_xacts_new(PV_DNS_OVERDUE_NS, seed, PV_DNS_OVERDUE_SLOTS);
	if (o && !o->keys) {
		free(o);
		return NULL;
	}
	return o;
}

void pv_dns_overdue_free(struct pv_dns_overdue *o)
{
	if (o)
		pv_dns_xacts_free(o->keys);
	free(o);
}

void pv_dns_overdue_clear(struct pv_dns_overdue *o)
{
	pv_dns_xacts_clear(o->keys);
}

void pv_dns_overdue_put(struct pv_dns_overdue *o, const struct pv_dns_query *q, uint64_t now_ns)
{
	struct pv_dns_query bare = *q;
	bare.time_ns = now_ns;
	bare.sent_ns = 0;
	bare.name_len = 0;
	memset(&bare.ecs, 0, sizeof bare.ecs);
	pv_dns_xacts_expire(o->keys, now_ns, EXPIRE_PER_CALL, NULL, NULL);
	pv_dns_xacts_query(o->keys, &bare, NULL, NULL);
}

bool pv_dns_overdue_take(struct pv_dns_overdue *o, const struct pv_dns_query *key, uint64_t now_ns)
{
	if (!pv_dns_xacts_open(o->keys))
		return false;
	struct pv_dns_query q = *key;
	char name[PV_DNS_NAME_TEXT_MAX + 1];
	return pv_dns_xacts_response(o->keys, &q, now_ns, name) == PV_XACT_MATCHED;
}

uint64_t pv_dns_overdue_evicted(const struct pv_dns_overdue *o)
{
	return pv_dns_xacts_evicted(o->keys);
}
