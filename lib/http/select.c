/* SPDX-License-Identifier: MPL-2.0 */
#include "http/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pv_bucket *pick(struct pv_view *v, size_t instance, enum pv_pick how, unsigned n)
{
	const struct pv_view_instance *in = &v->instance[instance];
	if (how == PV_PICK_WINDOW)
		return pv_view_window(v, instance, n);
	if (how == PV_PICK_MINUTE)
		n = in->n > 1;
	return n < in->n ? in->bucket[n] : NULL;
}

static struct pv_entry *add(struct pv_selection *s)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct pv_entry *grown = realloc(s->entry, cap * sizeof *grown);
		if (!grown)
			return NULL;
		s->entry = grown;
		s->cap = cap;
	}
	memset(&s->entry[s->n], 0, sizeof s->entry[0]);
	return &s->entry[s->n++];
}

/* The schema with "_merged"; a second handler of that schema (another version) gets a number. */
static void merged_key(const struct pv_selection *s, struct pv_entry *e)
{
	unsigned same = 1;
	for (size_t i = 0; i + 1 < s->n; i++)
		same += !strcmp(s->entry[i].bucket->handler->schema, e->bucket->handler->schema);
	if (same == 1)
		snprintf(e->key, sizeof e->key, "%s_merged", e->bucket->handler->schema);
	else
		snprintf(e->key, sizeof e->key, "%s_merged_%u", e->bucket->handler->schema, same);
}

/* An entry that holds its own sum. */
static int fold(struct pv_entry *e, const struct pv_bucket *b)
{
	if (!e->owned) {
		struct pv_bucket_conf conf = e->bucket->conf;
		conf.groups |= b->conf.groups;
		e->owned = pv_bucket_new(b->handler, &conf);
		if (!e->owned || pv_bucket_merge(e->owned, e->bucket))
			return -1;
		e->owned->closed = e->bucket->closed;
		e->bucket = e->owned;
	}
	e->owned->closed &= b->closed;
	e->tap = NULL;
	return pv_bucket_merge(e->owned, b);
}

static int take(struct pv_selection *s, const struct pv_view *v, const struct pv_view_instance *in,
		const struct pv_bucket *b, bool merge)
{
	for (size_t i = 0; merge && i < s->n; i++)
		if (s->entry[i].bucket->handler == b->handler)
			return fold(&s->entry[i], b);
	struct pv_entry *e = add(s);
	if (!e)
		return -1;
	e->bucket = b;
	e->periods = in->periods;
	if (merge) {
		merged_key(s, e);
	} else {
		e->tap = v->info.tap;
		memcpy(e->key, in->key, sizeof e->key);
	}
	return 0;
}

int pv_select(struct pv_selection *s, const struct pv_views *all, const char *policy, enum pv_pick how, unsigned n,
	      bool merge)
{
	memset(s, 0, sizeof *s);
	for (size_t i = 0; i < all->n; i++) {
		struct pv_view *v = all->view[i];
		if (strcmp(v->info.policy, policy))
			continue;
		for (size_t k = 0; k < v->ninstances; k++) {
			const struct pv_bucket *b = pick(v, k, how, n);
			if (!b && how == PV_PICK_WINDOW && v->instance[k].n)
				return -1; /* it could not be merged */
			if (b && pv_bucket_shown(b) && take(s, v, &v->instance[k], b, merge && v->info.merge_like))
				return -1;
		}
	}
	return 0;
}

void pv_selection_free(struct pv_selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		pv_bucket_free(s->entry[i].owned);
	free(s->entry);
	memset(s, 0, sizeof *s);
}

int pv_select_check(const struct pv_views *all, const char *policy, enum pv_pick how, uint64_t n, char *err, size_t cap)
{
	unsigned periods = 1, have = 1; /* a policy has a live bucket, even if nothing has come yet */
	for (size_t i = 0; i < all->n; i++) {
		const struct pv_view *v = all->view[i];
		if (strcmp(v->info.policy, policy))
			continue;
		periods = v->info.periods > periods ? v->info.periods : periods;
		for (size_t k = 0; k < v->ninstances; k++)
			have = v->instance[k].n > have ? v->instance[k].n : have;
	}
	if (how == PV_PICK_WINDOW && (n <= 1 || n > periods))
		snprintf(err, cap, "invalid metrics period, specify [2, %u]", periods);
	else if (how == PV_PICK_BUCKET && n >= periods)
		snprintf(err, cap, "invalid metrics period, specify [0, %u]", periods - 1);
	else if (how == PV_PICK_BUCKET && n >= have)
		snprintf(err, cap, "requested metrics period has not yet accumulated, current range is [0, %u]", have - 1);
	else
		return 0;
	return -1;
}

bool pv_select_first(const struct pv_views *all, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!strcmp(all->view[i]->info.policy, all->view[at]->info.policy))
			return false;
	return true;
}

size_t pv_entry_labels(const struct pv_entry *e, const char *policy, bool handler, struct pv_label out[PV_ENTRY_LABELS])
{
	size_t n = 0;
	out[n++] = (struct pv_label){"policy", policy};
	if (handler)
		out[n++] = (struct pv_label){"handler", e->key};
	if (e->tap)
		out[n++] = (struct pv_label){"tap", e->tap};
	return n;
}
