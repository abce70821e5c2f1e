/* SPDX-License-Identifier: MPL-2.0 */
#include "push/request.h"

#include <stdlib.h>
#include <string.h>

#include "http/select.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static int by_handler(const void *a, const void *b)
{
	const struct pv_push_minute *x = a, *y = b;
	return x->handler < y->handler ? -1 : x->handler > y->handler;
}

static bool has(const struct pv_push_minutes *m, const struct pv_push_minute *minute)
{
	const struct pv_push_minute *found = m->n ? bsearch(minute, m->at, m->n, sizeof *m->at, by_handler) : NULL;
	return found && found->start_ns == minute->start_ns;
}

static int keep(struct pv_push_minutes *m, const struct pv_push_minute *minute)
{
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 16;
		struct pv_push_minute *to = realloc(m->at, cap * sizeof *to);
		if (!to)
			return -1;
		m->at = to;
		m->cap = cap;
	}
	m->at[m->n++] = *minute;
	return 0;
}

static uint64_t handler_of(const char *policy, const struct pv_entry *e, uint64_t seed)
{
	return XXH3_64bits_withSeed(e->key, strlen(e->key), XXH3_64bits_withSeed(policy, strlen(policy), seed));
}

static int add_entry(struct pv_push_request *r, struct pv_otlp *o, const char *policy, const struct pv_entry *e,
		     uint64_t seed, uint64_t now_ns, const struct pv_push_minutes *given)
{
	const struct pv_bucket *b = e->bucket;
	struct pv_label labels[PV_ENTRY_LABELS];
	size_t n = pv_entry_labels(e, policy, true, labels);
	const struct pv_push_minute minute = {handler_of(policy, e, seed), b->start_ns};
	enum pv_otlp_histograms how = PV_OTLP_NO_HISTOGRAMS;
	if (b->closed && !has(given, &minute))
		how = PV_OTLP_DELTA;
	else if (!b->closed && e->periods == 1)
		how = PV_OTLP_CUMULATIVE;
	if (b->closed && keep(&r->minutes, &minute))
		return -1;
	return pv_otlp_bucket(o, b, labels, n, now_ns, how);
}

static int add_policy(struct pv_push_request *r, struct pv_otlp *o, const struct pv_views *all, const char *policy,
		      uint64_t seed, uint64_t now_ns, const struct pv_push_minutes *given)
{
	struct pv_selection s;
	int rc = pv_select(&s, all, policy, PV_PICK_MINUTE, 0, true);
	if (s.n)
		pv_otlp_scope(o, policy);
	for (size_t i = 0; !rc && i < s.n; i++)
		rc = add_entry(r, o, policy, &s.entry[i], seed, now_ns, given);
	pv_selection_free(&s);
	return rc;
}

int pv_push_request_make(struct pv_push_request *r, const struct pv_views *all, const struct pv_otlp_conf *conf, uint64_t now_ns,
			 const struct pv_push_minutes *given)
{
	*r = (struct pv_push_request){0};
	struct pv_otlp *o = pv_otlp_new(conf);
	int rc = o ? 0 : -1;
	for (size_t i = 0; !rc && i < all->n; i++)
		if (pv_select_first(all, i))
			rc = add_policy(r, o, all, all->view[i]->info.policy, conf->seed, now_ns, given);
	if (!rc && pv_otlp_points(o)) {
		r->points = pv_otlp_points(o);
		r->dropped = pv_otlp_dropped(o);
		r->bytes = (char *)pv_otlp_bytes(o, &r->len);
		rc = r->bytes ? 0 : -1;
	}
	pv_otlp_free(o);
	if (r->minutes.n)
		qsort(r->minutes.at, r->minutes.n, sizeof *r->minutes.at, by_handler);
	return rc;
}

void pv_push_request_reset(struct pv_push_request *r)
{
	free(r->bytes);
	free(r->minutes.at);
	*r = (struct pv_push_request){0};
}
