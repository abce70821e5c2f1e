/* SPDX-License-Identifier: MPL-2.0 */
#include "dns/xact.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NIL UINT32_MAX

#define INLINE_BYTES 34
#define CHAIN_BYTES  124
#define ECS_BYTES    18 /* address and the two prefixes */
#define SENT_BYTES   8

enum { F_SWAPPED = 1, F_FILTERED = 2, F_ECS4 = 4, F_ECS6 = 8, F_UPPER = 16, F_SENT = 32 };

/* The two ends in a fixed order, so that both directions have the same bytes. Hashed and compared as a
 * whole. */
struct key {
	uint8_t addr[2][16];
	uint16_t port[2];
	uint16_t id;
	uint8_t l3;
	uint8_t transport; /* and above its four bits who logged it: 0 nobody, else half of its query's number, rounded up */
};
_Static_assert(sizeof(struct key) == 40, "no padding in what is hashed");

/* Variable data is the sender's time and the client subnet, if any, and the name: first here, then in the chain. */
struct head {
	struct key key;
	uint64_t time_ns, packet;
	uint32_t next_hash;      /* of the bucket's chain */
	uint32_t older, younger; /* insertion order */
	uint32_t more;           /* first chain slot */
	uint32_t hash;
	uint32_t length;
	uint16_t bits, suffix_len;
	uint16_t qtype, qclass;
	uint16_t name_len;
	uint8_t dir, stamp, opcode, flags;
	uint8_t data[INLINE_BYTES];
};

struct chain {
	uint32_t next; /* also of the free list */
	uint8_t data[CHAIN_BYTES];
};

union slot {
	struct head head;
	struct chain chain;
};
_Static_assert(sizeof(union slot) == 128, "two cache lines");

#define DATA_MAX  (SENT_BYTES + ECS_BYTES + PV_DNS_NAME_TEXT_MAX)
#define CHAIN_MAX ((DATA_MAX - INLINE_BYTES + CHAIN_BYTES - 1) / CHAIN_BYTES)
_Static_assert(CHAIN_MAX + 1 < PV_DNS_XACT_SLOTS_MIN, "any name fits an empty table");

struct pv_dns_xacts {
	union slot *slots;
	uint32_t nslots;
	uint32_t fresh; /* slots from here on were never used: their memory is not touched yet */
	uint32_t free;  /* list of used ones */
	uint32_t nfree; /* of both kinds */
	uint32_t *buckets;
	uint32_t mask, mask_max; /* of buckets in use, and of those there are */
	uint32_t oldest, youngest;
	uint32_t open;
	uint64_t evicted;
	uint64_t ttl_ns, seed, now_ns;
	uint8_t scratch[DATA_MAX + 1];
};

/* The index uses as much of its room as the open entries need, so that a quiet table stays in the processor's caches. */
static void widen(struct pv_dns_xacts *x)
{
	x->mask = x->mask * 2 + 1;
	memset(x->buckets, 0xff, ((size_t)x->mask + 1) * sizeof *x->buckets);
	for (uint32_t s = x->oldest; s != NIL; s = x->slots[s].head.younger) {
		struct head *h = &x->slots[s].head;
		h->next_hash = x->buckets[h->hash & x->mask];
		x->buckets[h->hash & x->mask] = s;
	}
}

static void reset(struct pv_dns_xacts *x)
{
	x->mask = x->mask_max < 1023 ? x->mask_max : 1023;
	x->fresh = 0;
	x->free = NIL;
	x->nfree = x->nslots;
	x->oldest = x->youngest = NIL;
	x->open = 0;
	x->evicted = 0;
	x->now_ns = 0;
	memset(x->buckets, 0xff, ((size_t)x->mask + 1) * sizeof *x->buckets);
}

struct pv_dns_xacts *pv_dns_xacts_new(uint64_t ttl_ns, uint64_t seed, size_t slots)
{
	struct pv_dns_xacts *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	if (!slots || slots > PV_DNS_XACT_SLOTS)
		slots = PV_DNS_XACT_SLOTS;
	if (slots < PV_DNS_XACT_SLOTS_MIN)
		slots = PV_DNS_XACT_SLOTS_MIN;
	uint32_t buckets = 1;
	while (buckets < slots)
		buckets *= 2;
	x->nslots = (uint32_t)slots;
	x->mask_max = buckets - 1;
	x->ttl_ns = ttl_ns;
	x->seed = seed;
	x->slots = malloc(slots * sizeof *x->slots);
	x->buckets = malloc(buckets * sizeof *x->buckets);
	if (!x->slots || !x->buckets) {
		pv_dns_xacts_free(x);
		return NULL;
	}
	reset(x);
	return x;
}

void pv_dns_xacts_free(struct pv_dns_xacts *x)
{
	if (!x)
		return;
	free(x->slots);
	free(x->buckets);
	free(x);
}

void pv_dns_xacts_ttl(struct pv_dns_xacts *x, uint64_t ttl_ns)
{
	x->ttl_ns = ttl_ns;
}

void pv_dns_xacts_clear(struct pv_dns_xacts *x)
{
	reset(x);
}

size_t pv_dns_xacts_open(const struct pv_dns_xacts *x)
{
	return x->open;
}

uint64_t pv_dns_xacts_evicted(const struct pv_dns_xacts *x)
{
	return x->evicted;
}

/* ---- slots --------------------------------------------------------------------------------------- */

static uint32_t slot_take(struct pv_dns_xacts *x)
{
	uint32_t s = x->free;
	x->nfree--;
	if (s == NIL)
		return x->fresh++;
	x->free = x->slots[s].chain.next;
	return s;
}

static void slot_give(struct pv_dns_xacts *x, uint32_t s)
{
	x->slots[s].chain.next = x->free;
	x->free = s;
	x->nfree++;
}

static uint32_t slots_for(size_t data)
{
	return data <= INLINE_BYTES ? 1
				    : 1 + (uint32_t)((data - INLINE_BYTES + CHAIN_BYTES - 1) / CHAIN_BYTES);
}

/* Variable data, written and read front to back. */
struct place {
	union slot *slots;
	uint8_t *at, *end;
	uint32_t *link; /* where the number of the next chain slot stands */
};

static struct place place(struct pv_dns_xacts *x, struct head *h)
{
	return (struct place){x->slots, h->data, h->data + INLINE_BYTES, &h->more};
}

static void next_chain(struct place *p, uint32_t s)
{
	struct chain *c = &p->slots[s].chain;
	p->at = c->data;
	p->end = c->data + CHAIN_BYTES;
	p->link = &c->next;
}

static void put(struct pv_dns_xacts *x, struct place *p, const void *bytes, size_t n)
{
	const uint8_t *from = bytes;
	while (n) {
		if (p->at == p->end) {
			uint32_t s = slot_take(x);
			*p->link = s;
			next_chain(p, s);
			*p->link = NIL;
		}
		size_t room = (size_t)(p->end - p->at), k = n < room ? n : room;
		memcpy(p->at, from, k);
		p->at += k;
		from += k;
		n -= k;
	}
}

static void get(struct place *p, void *bytes, size_t n)
{
	uint8_t *to = bytes;
	while (n) {
		if (p->at == p->end)
			next_chain(p, *p->link);
		size_t room = (size_t)(p->end - p->at), k = n < room ? n : room;
		memcpy(to, p->at, k);
		p->at += k;
		to += k;
		n -= k;
	}
}

/* ---- entries ------------------------------------------------------------------------------------- */

/* True when src is the second end. */
static bool make_key(const struct pv_dns_query *q, struct key *k)
{
	int order = memcmp(q->src, q->dst, 16);
	bool swapped = order ? order > 0 : q->sport > q->dport;
	memcpy(k->addr[swapped], q->src, 16);
	memcpy(k->addr[!swapped], q->dst, 16);
	k->port[swapped] = q->sport;
	k->port[!swapped] = q->dport;
	k->id = q->id;
	k->l3 = q->l3;
	k->transport = (uint8_t)((q->transport & 15) | ((q->dnstap + 1) / 2) << 4);
	return swapped;
}

/* Where the number of the entry stands in its bucket's chain; its value is NIL when there is none. */
static uint32_t *find(struct pv_dns_xacts *x, const struct key *k, uint32_t hash)
{
	uint32_t *at = &x->buckets[hash & x->mask];
	while (*at != NIL) {
		struct head *h = &x->slots[*at].head;
		if (h->hash == hash && !memcmp(&h->key, k, sizeof *k))
			break;
		at = &h->next_hash;
	}
	return at;
}

/* Facts and name of an entry; `name` has room for the longest and a NUL. */
static void facts(struct pv_dns_xacts *x, struct head *h, struct pv_dns_query *q, char *name)
{
	bool swapped = h->flags & F_SWAPPED;
	memset(q, 0, sizeof *q);
	memcpy(q->src, h->key.addr[swapped], 16);
	memcpy(q->dst, h->key.addr[!swapped], 16);
	q->sport = h->key.port[swapped];
	q->dport = h->key.port[!swapped];
	q->id = h->key.id;
	q->l3 = h->key.l3;
	q->transport = h->key.transport & 15;
	q->dnstap = (uint8_t)(h->key.transport >> 4 ? (h->key.transport >> 4) * 2 - 1 : 0);
	q->dir = h->dir;
	q->stamp = h->stamp;
	q->opcode = h->opcode;
	q->filtered = h->flags & F_FILTERED;
	q->bits = h->bits;
	q->suffix_len = h->suffix_len;
	q->qtype = h->qtype;
	q->qclass = h->qclass;
	q->length = h->length;
	q->time_ns = h->time_ns;
	q->packet = h->packet;

	struct place p = place(x, h);
	if (h->flags & F_SENT)
		get(&p, &q->sent_ns, SENT_BYTES);
	if (h->flags & (F_ECS4 | F_ECS6)) {
		get(&p, q->ecs.addr, 16);
		get(&p, &q->ecs.source_prefix, 1);
		get(&p, &q->ecs.scope_prefix, 1);
		q->ecs.family = h->flags & F_ECS4 ? 4 : 6;
	}
	get(&p, name, h->name_len);
	name[h->name_len] = '\0';
	q->name = name;
	q->name_len = h->name_len;
	q->upper = h->flags & F_UPPER;
}

/* Unlink and give back; `at` as find() gave it. */
static void drop(struct pv_dns_xacts *x, uint32_t *at)
{
	uint32_t s = *at;
	struct head *h = &x->slots[s].head;
	*at = h->next_hash;
	if (h->older != NIL)
		x->slots[h->older].head.younger = h->younger;
	else
		x->oldest = h->younger;
	if (h->younger != NIL)
		x->slots[h->younger].head.older = h->older;
	else
		x->youngest = h->older;
	for (uint32_t c = h->more; c != NIL;) {
		uint32_t next = x->slots[c].chain.next;
		slot_give(x, c);
		c = next;
	}
	slot_give(x, s);
	x->open--;
}

static void gone(struct pv_dns_xacts *x, uint32_t *at, enum pv_xact why, pv_dns_gone_fn *fn, void *ctx)
{
	struct pv_dns_query q;
	facts(x, &x->slots[*at].head, &q, (char *)x->scratch);
	drop(x, at);
	x->evicted += why == PV_XACT_EVICTED;
	if (fn)
		fn(ctx, why, &q);
}

static uint32_t *oldest(struct pv_dns_xacts *x)
{
	struct head *h = &x->slots[x->oldest].head;
	uint32_t *at = &x->buckets[h->hash & x->mask];
	while (*at != x->oldest)
		at = &x->slots[*at].head.next_hash;
	return at;
}

static bool due(const struct pv_dns_xacts *x, const struct head *h)
{
	return x->now_ns >= h->time_ns && x->now_ns - h->time_ns >= x->ttl_ns;
}

/* True when time went back so far that what is open belongs to another time. */
static bool stepped(struct pv_dns_xacts *x, uint64_t now_ns)
{
	if (now_ns >= x->now_ns) {
		x->now_ns = now_ns;
		return false;
	}
	if (x->now_ns - now_ns <= PV_DNS_XACT_STEP_NS)
		return false;
	x->now_ns = now_ns;
	return true;
}

size_t pv_dns_xacts_expire(struct pv_dns_xacts *x, uint64_t now_ns, size_t max, pv_dns_gone_fn *fn, void *ctx)
{
	size_t n = 0;
	if (stepped(x, now_ns)) {
		for (; x->open; n++)
			gone(x, oldest(x), PV_XACT_EVICTED, fn, ctx);
		return n;
	}
	for (; n < max && x->open && due(x, &x->slots[x->oldest].head); n++)
		gone(x, oldest(x), PV_XACT_EXPIRED, fn, ctx);
	return n;
}

static char lower(char c)
{
	return (unsigned)(unsigned char)c - 'A' < 26u ? (char)(c | 0x20) : c;
}

static bool same_question(struct pv_dns_xacts *x, struct head *h, const struct pv_dns_query *q)
{
	if (h->qtype != q->qtype || h->qclass != q->qclass || h->name_len != q->name_len ||
	    ((h->bits ^ q->bits) & PV_DNS_QUESTION))
		return false;
	struct pv_dns_query old;
	facts(x, h, &old, (char *)x->scratch);
	for (size_t i = 0; i < q->name_len; i++)
		if (lower(old.name[i]) != lower(q->name[i]))
			return false;
	return true;
}

bool pv_dns_xacts_query(struct pv_dns_xacts *x, const struct pv_dns_query *q, pv_dns_gone_fn *fn, void *ctx)
{
	struct key key;
	bool swapped = make_key(q, &key);
	uint32_t hash = (uint32_t)XXH3_64bits_withSeed(&key, sizeof key, x->seed);
	size_t name_len = q->name_len <= PV_DNS_NAME_TEXT_MAX ? q->name_len : PV_DNS_NAME_TEXT_MAX;

	if (stepped(x, q->time_ns))
		while (x->open)
			gone(x, oldest(x), PV_XACT_EVICTED, fn, ctx);

	uint32_t *at = find(x, &key, hash);
	if (*at != NIL) {
		struct head *h = &x->slots[*at].head;
		bool over = due(x, h);
		if (!over && same_question(x, h, q))
			return false;
		gone(x, at, over ? PV_XACT_EXPIRED : PV_XACT_EVICTED, fn, ctx);
	}

	size_t need = slots_for(name_len + (q->ecs.family ? ECS_BYTES : 0) + (q->sent_ns ? SENT_BYTES : 0));
	while (x->nfree < need)
		gone(x, oldest(x), due(x, &x->slots[x->oldest].head) ? PV_XACT_EXPIRED : PV_XACT_EVICTED, fn,
		     ctx);

	if (x->open > x->mask && x->mask < x->mask_max)
		widen(x);
	uint32_t s = slot_take(x);
	struct head *h = &x->slots[s].head;
	h->key = key;
	h->time_ns = q->time_ns;
	h->packet = q->packet;
	h->hash = hash;
	h->length = q->length;
	h->bits = q->bits;
	h->suffix_len = q->suffix_len;
	h->qtype = q->qtype;
	h->qclass = q->qclass;
	h->name_len = (uint16_t)name_len;
	h->dir = q->dir;
	h->stamp = q->stamp;
	h->opcode = q->opcode;
	h->flags =
	    (uint8_t)((swapped ? F_SWAPPED : 0) | (q->filtered ? F_FILTERED : 0) | (q->upper ? F_UPPER : 0) |
		      (q->sent_ns ? F_SENT : 0) |
		      (q->ecs.family == 4 ? F_ECS4
		       : q->ecs.family	  ? F_ECS6
					  : 0));
	h->more = NIL;

	h->next_hash = x->buckets[hash & x->mask];
	x->buckets[hash & x->mask] = s;
	h->older = x->youngest;
	h->younger = NIL;
	if (x->youngest != NIL)
		x->slots[x->youngest].head.younger = s;
	else
		x->oldest = s;
	x->youngest = s;
	x->open++;

	struct place p = place(x, h);
	if (q->sent_ns)
		put(x, &p, &q->sent_ns, SENT_BYTES);
	if (q->ecs.family) {
		put(x, &p, q->ecs.addr, 16);
		put(x, &p, &q->ecs.source_prefix, 1);
		put(x, &p, &q->ecs.scope_prefix, 1);
	}
	put(x, &p, q->name, name_len);
	return true;
}

enum pv_xact pv_dns_xacts_response(struct pv_dns_xacts *x, struct pv_dns_query *q, uint64_t now_ns,
				   char name[PV_DNS_NAME_TEXT_MAX + 1])
{
	struct key key;
	make_key(q, &key);
	uint32_t *at = find(x, &key, (uint32_t)XXH3_64bits_withSeed(&key, sizeof key, x->seed));
	if (*at == NIL)
		return PV_XACT_ORPHAN;
	facts(x, &x->slots[*at].head, q, name);
	drop(x, at);
	return now_ns >= q->time_ns && now_ns - q->time_ns >= x->ttl_ns ? PV_XACT_LATE : PV_XACT_MATCHED;
}
