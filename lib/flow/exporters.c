/* SPDX-License-Identifier: MPL-2.0 */
#define XXH_INLINE_ALL /* keys are short: a call would cost more than the hash */
#include "flow/exporters.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define NONE UINT32_MAX
#define HEADS (2 * PV_FLOW_EXPORTERS)
#define TEMPLATE_HEADS 65536u /* chains of three when memory is full of small templates */
#define GROUP_LOOKS 32u /* templates looked at for one of another source port: bounds what spoofed ports cost */

struct pv_flow_exporters {
	struct pv_flow_exporters_conf conf;
	struct pv_flow_exporter *exporter;
	uint32_t *heads;
	uint32_t count, fresh, unused; /* unused: list by `chain`; from `fresh` on never used */
	uint32_t oldest, newest;
	struct pv_flow_template **template_heads, **group_heads;
	struct pv_flow_totals *totals; /* NULL: no template has any yet */
	struct pv_flow_template *old, *new; /* of all, by last use */
	size_t ntemplates;
	uint64_t bytes;
};

/* ---- templates ----------------------------------------------------------------------------------- */

static struct pv_flow_template **template_head(struct pv_flow_exporters *x, const struct pv_flow_exporter *e,
					       uint16_t id)
{
	const uint32_t key[2] = {(uint32_t)(e - x->exporter), id};
	return &x->template_heads[XXH3_64bits_withSeed(key, sizeof key, x->conf.seed) % TEMPLATE_HEADS];
}

static struct pv_flow_template *lookup(struct pv_flow_exporters *x, const struct pv_flow_exporter *e, uint16_t id)
{
	struct pv_flow_template *t = *template_head(x, e, id);
	while (t && (t->exporter != e || t->id != id))
		t = t->chain;
	return t;
}

static void unlink_used(struct pv_flow_exporters *x, struct pv_flow_template *t)
{
	struct pv_flow_exporter *e = t->exporter;
	*(t->older ? &t->older->newer : &x->old) = t->newer;
	*(t->newer ? &t->newer->older : &x->new) = t->older;
	*(t->own_older ? &t->own_older->own_newer : &e->oldest) = t->own_newer;
	*(t->own_newer ? &t->own_newer->own_older : &e->newest) = t->own_older;
}

static void link_used(struct pv_flow_exporters *x, struct pv_flow_template *t)
{
	struct pv_flow_exporter *e = t->exporter;
	t->older = x->new;
	t->own_older = e->newest;
	t->newer = t->own_newer = NULL;
	*(x->new ? &x->new->newer : &x->old) = t;
	*(e->newest ? &e->newest->own_newer : &e->oldest) = t;
	x->new = e->newest = t;
}

/* With what glibc's allocator puts around it: a size in front, and up to a multiple of 16. */
static uint64_t cost(const struct pv_flow_template *t)
{
	return (pv_flow_template_bytes(t) + 8 + 15) & ~(uint64_t)15;
}

/* ---- those of other source ports */

struct group { /* whose template it may be, and which */
	uint8_t addr[16];
	uint32_t domain;
	uint16_t version, id;
};

static struct group group_of(const struct pv_flow_exporter *e, uint16_t id)
{
	struct group g = {.domain = e->domain, .version = e->version, .id = id};
	memcpy(g.addr, e->addr, sizeof g.addr);
	return g;
}

static struct pv_flow_template **group_head(struct pv_flow_exporters *x, const struct group *g)
{
	_Static_assert(sizeof *g == 24, "no holes: it is hashed");
	return &x->group_heads[XXH3_64bits_withSeed(g, sizeof *g, x->conf.seed) % TEMPLATE_HEADS];
}

/* What was defined last stands in front. */
static void join_group(struct pv_flow_exporters *x, struct pv_flow_template *t)
{
	const struct group g = group_of(t->exporter, t->id);
	struct pv_flow_template **head = group_head(x, &g);
	t->group = *head;
	t->group_at = head;
	if (t->group)
		t->group->group_at = &t->group;
	*head = t;
}

static void leave_group(struct pv_flow_template *t)
{
	*t->group_at = t->group;
	if (t->group)
		t->group->group_at = t->group_at;
}

static struct pv_flow_template *lookup_group(struct pv_flow_exporters *x, const struct pv_flow_exporter *e, uint16_t id)
{
	const struct group g = group_of(e, id);
	struct pv_flow_template *t = *group_head(x, &g);
	for (unsigned looks = 0; t && looks < GROUP_LOOKS; t = t->group, looks++) {
		const struct group other = group_of(t->exporter, t->id);
		if (!memcmp(&other, &g, sizeof g))
			return t;
	}
	return NULL;
}

static void forget(struct pv_flow_exporters *x, struct pv_flow_template *t)
{
	struct pv_flow_template **at = template_head(x, t->exporter, t->id);
	while (*at != t)
		at = &(*at)->chain;
	*at = t->chain;
	t->exporter->ntemplates--;
	unlink_used(x, t);
	leave_group(t);
	x->bytes -= cost(t);
	x->ntemplates--;
	free(t);
}

const struct pv_flow_template *pv_flow_exporters_find(struct pv_flow_exporters *x, struct pv_flow_exporter *e,
						      uint16_t id, uint64_t now_ns, struct pv_flow_counts *counts)
{
	struct pv_flow_template *t = lookup(x, e, id);
	if (!t && !(t = lookup_group(x, e, id)))
		return NULL;
	if (now_ns > t->told_ns && now_ns - t->told_ns > x->conf.template_ttl_ns) {
		forget(x, t);
		counts->templates_expired++;
		return NULL;
	}
	if (t != x->new) {
		unlink_used(x, t);
		link_used(x, t);
	}
	return t;
}

void pv_flow_exporters_define(struct pv_flow_exporters *x, struct pv_flow_exporter *e, struct pv_flow_template *t,
			      uint64_t now_ns, struct pv_flow_counts *counts)
{
	struct pv_flow_template *before = lookup(x, e, t->id);
	if (before && pv_flow_template_same(before, t)) {
		before->told_ns = now_ns;
		free(t);
		return;
	}
	if (before)
		forget(x, before);
	if (e->ntemplates >= PV_FLOW_TEMPLATES) {
		forget(x, e->oldest);
		counts->templates_evicted++;
	}
	while (x->old && x->bytes + cost(t) > x->conf.memory_bytes) {
		forget(x, x->old);
		counts->templates_evicted++;
	}
	if (cost(t) > x->conf.memory_bytes) {
		counts->templates_refused++;
		free(t);
		return;
	}
	if (t->totals && !x->totals)
		x->totals = pv_flow_totals_new(x->conf.seed); /* without memory they count whole */
	struct pv_flow_template **head = template_head(x, e, t->id);
	t->exporter = e;
	t->told_ns = now_ns;
	t->chain = *head;
	*head = t;
	e->ntemplates++;
	link_used(x, t);
	join_group(x, t);
	x->ntemplates++;
	x->bytes += cost(t);
}

void pv_flow_exporters_withdraw(struct pv_flow_exporters *x, struct pv_flow_exporter *e, uint16_t id,
				struct pv_flow_counts *counts)
{
	struct pv_flow_template *t = lookup(x, e, id);
	if (!t)
		return;
	forget(x, t);
	counts->templates_withdrawn++;
}

void pv_flow_exporters_withdraw_all(struct pv_flow_exporters *x, struct pv_flow_exporter *e, bool options,
				    struct pv_flow_counts *counts)
{
	for (struct pv_flow_template *t = e->oldest, *next; t; t = next) {
		next = t->own_newer;
		if (t->options != options)
			continue;
		forget(x, t);
		counts->templates_withdrawn++;
	}
}

/* ---- exporters ----------------------------------------------------------------------------------- */

static uint32_t *head(struct pv_flow_exporters *x, const struct pv_flow_exporter *key)
{
	_Static_assert(offsetof(struct pv_flow_exporter, older) == 24, "who it is: the first 24 bytes");
	return &x->heads[XXH3_64bits_withSeed(key, 24, x->conf.seed) % HEADS];
}

static void unlink_exporter(struct pv_flow_exporters *x, const struct pv_flow_exporter *e)
{
	*(e->older == NONE ? &x->oldest : &x->exporter[e->older].newer) = e->newer;
	*(e->newer == NONE ? &x->newest : &x->exporter[e->newer].older) = e->older;
}

static void link_exporter(struct pv_flow_exporters *x, struct pv_flow_exporter *e)
{
	uint32_t i = (uint32_t)(e - x->exporter);
	e->older = x->newest;
	e->newer = NONE;
	*(x->newest == NONE ? &x->oldest : &x->exporter[x->newest].newer) = i;
	x->newest = i;
}

static void drop(struct pv_flow_exporters *x, struct pv_flow_exporter *e)
{
	uint32_t *at = head(x, e), i = (uint32_t)(e - x->exporter);
	while (*at != i)
		at = &x->exporter[*at].chain;
	*at = e->chain;
	while (e->oldest)
		forget(x, e->oldest);
	unlink_exporter(x, e);
	e->chain = x->unused;
	x->unused = i;
	x->count--;
}

static struct pv_flow_exporter *place(struct pv_flow_exporters *x)
{
	uint32_t i = x->unused;
	if (i != NONE)
		x->unused = x->exporter[i].chain;
	else
		i = x->fresh++;
	x->count++;
	return &x->exporter[i];
}

struct pv_flow_exporter *pv_flow_exporters_get(struct pv_flow_exporters *x, const struct pv_flow_datagram *d,
					       uint16_t version, uint32_t domain, struct pv_flow_counts *counts)
{
	struct pv_flow_exporter key = {.domain = domain, .port = d->port, .version = version};
	memcpy(key.addr, d->from, 16);
	uint32_t *at = head(x, &key);
	for (uint32_t i = *at; i != NONE; i = x->exporter[i].chain) {
		struct pv_flow_exporter *e = &x->exporter[i];
		if (memcmp(e, &key, 24))
			continue;
		if (i != x->newest) {
			unlink_exporter(x, e);
			link_exporter(x, e);
		}
		return e;
	}
	if (x->count == x->conf.exporters) {
		drop(x, &x->exporter[x->oldest]);
		counts->exporters_evicted++;
	}
	struct pv_flow_exporter *e = place(x);
	key.chain = *at; /* after the drop, which may have changed it */
	*e = key;
	*at = (uint32_t)(e - x->exporter);
	link_exporter(x, e);
	return e;
}

/* ---- sequence numbers and sampling ---------------------------------------------------------------- */

/* By its clock. A silence of 25 days may look like it, which does no harm. */
static bool started_anew(struct pv_flow_exporter *e, const uint32_t *uptime_ms)
{
	if (!uptime_ms)
		return false;
	int32_t step = (int32_t)(*uptime_ms - e->uptime_ms);
	if (step > 0 || step < -PV_FLOW_RESTART_MS)
		e->uptime_ms = *uptime_ms;
	return e->sequenced && step < -PV_FLOW_RESTART_MS;
}

/* From behind what is expected: late, for the second time, or the first of another life? True: it changes nothing. */
static bool from_behind(struct pv_flow_exporter *e, uint32_t sequence, uint32_t units, struct pv_flow_counts *counts)
{
	bool follows = e->stepped_back && sequence == e->behind;
	e->stepped_back = true;
	e->behind = sequence + units;
	if (units <= e->missing) {
		e->missing -= units;
		counts->lost -= units;
		return true;
	}
	return !follows;
}

/* How far it is ahead of what is expected, in the exporter's way of counting: where the two ways differ, the one that fits. */
static int32_t steps(struct pv_flow_exporter *e, uint32_t sequence, uint32_t units)
{
	int32_t before = (int32_t)(sequence - e->sequence), with = (int32_t)(sequence - units - e->last);
	if (e->sequenced && !before != !with)
		e->inclusive = !with;
	return e->inclusive ? with : before;
}

void pv_flow_exporter_sequence(struct pv_flow_exporter *e, uint32_t sequence, uint32_t units,
			       const uint32_t *uptime_ms, struct pv_flow_counts *counts)
{
	int32_t ahead = steps(e, sequence, units);
	bool anew = started_anew(e, uptime_ms) || !e->sequenced || ahead <= -PV_FLOW_LATE || ahead > PV_FLOW_OUTAGE;
	if (!anew && ahead < 0) {
		if (from_behind(e, sequence, units, counts))
			return;
		anew = true;
	}
	if (anew) {
		e->missing = 0;
	} else if (ahead > 0) {
		uint32_t missing = e->missing + (uint32_t)ahead;
		counts->lost += (uint32_t)ahead;
		e->missing = missing < PV_FLOW_LATE ? missing : PV_FLOW_LATE;
	}
	e->last = sequence;
	e->sequence = sequence + units;
	e->sequenced = true;
	e->stepped_back = false;
}

void pv_flow_exporter_unsequence(struct pv_flow_exporter *e)
{
	e->sequenced = false;
}

void pv_flow_exporter_sampling(struct pv_flow_exporter *e, const uint64_t *selector, uint32_t rate)
{
	if (!selector) {
		e->rate = rate;
		return;
	}
	unsigned i = 0;
	while (i < e->nselectors && e->selector[i].id != *selector)
		i++;
	if (i == PV_FLOW_SELECTORS)
		return;
	if (i == e->nselectors)
		e->nselectors++;
	e->selector[i] = (struct pv_flow_selector){*selector, rate};
}

uint32_t pv_flow_exporter_rate(const struct pv_flow_exporter *e, const uint64_t *selector)
{
	for (unsigned i = 0; selector && i < e->nselectors; i++)
		if (e->selector[i].id == *selector)
			return e->selector[i].rate;
	if (e->rate)
		return e->rate;
	return !selector && e->nselectors == 1 ? e->selector[0].rate : 1;
}

/* ---- the table ------------------------------------------------------------------------------------ */

static void reset(struct pv_flow_exporters *x)
{
	memset(x->heads, 0xff, HEADS * sizeof *x->heads);
	x->count = x->fresh = 0;
	x->unused = x->oldest = x->newest = NONE;
}

struct pv_flow_exporters *pv_flow_exporters_new(const struct pv_flow_exporters_conf *conf)
{
	struct pv_flow_exporters *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->conf = *conf;
	if (!x->conf.exporters || x->conf.exporters > PV_FLOW_EXPORTERS)
		x->conf.exporters = PV_FLOW_EXPORTERS;
	if (!x->conf.memory_bytes)
		x->conf.memory_bytes = PV_FLOW_MEMORY;
	if (!x->conf.template_ttl_ns)
		x->conf.template_ttl_ns = PV_FLOW_TEMPLATE_TTL_NS;
	x->exporter = calloc(x->conf.exporters, sizeof *x->exporter);
	x->heads = malloc(HEADS * sizeof *x->heads);
	x->template_heads = calloc(TEMPLATE_HEADS, sizeof(struct pv_flow_template *));
	x->group_heads = calloc(TEMPLATE_HEADS, sizeof(struct pv_flow_template *));
	if (!x->exporter || !x->heads || !x->template_heads || !x->group_heads) {
		pv_flow_exporters_free(x);
		return NULL;
	}
	reset(x);
	return x;
}

void pv_flow_exporters_clear(struct pv_flow_exporters *x)
{
	while (x->old)
		forget(x, x->old);
	pv_flow_totals_free(x->totals);
	x->totals = NULL;
	reset(x);
}

void pv_flow_exporters_free(struct pv_flow_exporters *x)
{
	if (!x)
		return;
	while (x->old)
		forget(x, x->old);
	free(x->exporter);
	free(x->heads);
	free(x->template_heads);
	free(x->group_heads);
	pv_flow_totals_free(x->totals);
	free(x);
}

struct pv_flow_totals *pv_flow_exporters_totals(struct pv_flow_exporters *x)
{
	return x->totals;
}

size_t pv_flow_exporters_count(const struct pv_flow_exporters *x)
{
	return x->count;
}

size_t pv_flow_exporters_templates(const struct pv_flow_exporters *x)
{
	return x->ntemplates;
}

uint64_t pv_flow_exporters_bytes(const struct pv_flow_exporters *x)
{
	return x->bytes;
}
