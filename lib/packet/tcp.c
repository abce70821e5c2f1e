/* SPDX-License-Identifier: MPL-2.0 */
#include "packet/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Two pools of equal pieces, both addressed by 32-bit indexes: flows, and chunks of held bytes. Every flow
 * is in one hash chain and in one of four lists, each ordered by last activity; which list says what
 * evicting the flow would cost. */

#define NONE UINT32_MAX

#define EXPIRE_PER_PACKET 4u /* a packet makes at most one flow, so this catches up */
#define EXPIRE_PER_CALL 256u /* pv_tcp_time() */

/* Longer than any frame we capture; keeps sequence arithmetic far from the 2^31 border, whatever a stream
 * of events claims. */
#define WIRE_MAX (1u << 24)

enum {
	S_SEEN = 1,   /* `next` is known */
	S_DATA = 2,   /* payload came */
	S_FIN = 4,
	S_BROKEN = 8,
};

struct side {
	uint32_t next;      /* sequence number expected */
	uint32_t base;      /* first one we knew: tells a repeated SYN from a new one */
	uint32_t segs;      /* chunk of the first segment that came early, sorted by sequence number */
	uint32_t seg_bytes; /* in all of them */
	uint32_t part;      /* first and last chunk of the partial message */
	uint32_t part_last;
	uint32_t part_len;
	uint32_t want;      /* part: length of the message, 0 not known yet. No part: bytes to skip */
};

struct key {
	uint8_t addr[2][16]; /* the lower (address, port) first */
	uint16_t port[2];
};

enum list { L_CLOSED, L_EMPTY, L_DATA, L_HOLDING, LISTS };

struct flow {
	struct key key;
	struct side side[2];
	uint8_t seg_count[2];
	uint8_t flags[2]; /* S_* */
	uint32_t prev, next, chain;
	uint8_t list; /* enum list */
	uint8_t l3;
	uint8_t pad[2];
	uint64_t last_ns;
};

_Static_assert(sizeof(struct key) == 36, "hashed as bytes: no padding");
_Static_assert(sizeof(struct flow) == 128, "two cache lines; what a half-open flow costs");

#define CHUNK_DATA 252u
#define SEG_DATA 128u /* in a segment's first chunk */

union chunk {
	struct {
		uint32_t next;
		uint8_t data[CHUNK_DATA];
	} c;
	struct {
		uint32_t next;
		uint32_t next_seg;
		uint32_t len, wire;
		struct pv_packet p;
		uint8_t data[SEG_DATA];
	} seg;
};

_Static_assert(sizeof(union chunk) == 256, "no waste");

/* What a packet brings of one direction's stream. */
struct piece {
	const struct pv_packet *p;
	const uint8_t *b;
	uint32_t len, wire; /* bytes at b, and bytes that were sent */
};

struct pv_tcp {
	struct pv_tcp_conf conf;
	struct pv_tcp_stats stats;
	uint32_t *buckets; /* flow index + 1, 0 none: untouched pages stay untouched */
	uint32_t bucket_mask, bucket_mask_max; /* of buckets in use, and of those there are */
	struct flow *flows;
	uint32_t flows_used; /* of flows[]; never handed out beyond */
	uint32_t flows_free; /* list through .next */
	struct {
		uint32_t head, tail;
	} lists[LISTS];
	union chunk *chunks;
	uint32_t chunks_max, chunks_used, chunks_free; /* as with flows */
	uint32_t chunks_left;
	uint64_t swept_ns;
	bool sweep_again;
	uint8_t *message; /* message_max: a message out of pieces */
	uint8_t *segment; /* PV_TCP_SEGMENT_MAX: a kept segment in one piece */
};

/* ---- chunks -------------------------------------------------------------------------------- */

static uint32_t chunk_take(struct pv_tcp *t)
{
	uint32_t i = t->chunks_free;
	if (i != NONE)
		t->chunks_free = t->chunks[i].c.next;
	else
		i = t->chunks_used++;
	t->chunks_left--;
	t->chunks[i].c.next = NONE;
	return i;
}

static void chunks_give(struct pv_tcp *t, uint32_t i)
{
	while (i != NONE) {
		uint32_t next = t->chunks[i].c.next;
		t->chunks[i].c.next = t->chunks_free;
		t->chunks_free = i;
		t->chunks_left++;
		i = next;
	}
}

/* ---- lists --------------------------------------------------------------------------------- */

static void list_remove(struct pv_tcp *t, uint32_t i)
{
	struct flow *f = &t->flows[i];
	if (f->prev != NONE)
		t->flows[f->prev].next = f->next;
	else
		t->lists[f->list].head = f->next;
	if (f->next != NONE)
		t->flows[f->next].prev = f->prev;
	else
		t->lists[f->list].tail = f->prev;
}

static void list_append(struct pv_tcp *t, uint32_t i, enum list l)
{
	struct flow *f = &t->flows[i];
	f->list = (uint8_t)l;
	f->next = NONE;
	f->prev = t->lists[l].tail;
	if (f->prev != NONE)
		t->flows[f->prev].next = i;
	else
		t->lists[l].head = i;
	t->lists[l].tail = i;
}

static void list_prepend(struct pv_tcp *t, uint32_t i, enum list l)
{
	struct flow *f = &t->flows[i];
	f->list = (uint8_t)l;
	f->prev = NONE;
	f->next = t->lists[l].head;
	if (f->next != NONE)
		t->flows[f->next].prev = i;
	else
		t->lists[l].tail = i;
	t->lists[l].head = i;
}

/* An open flow's list. */
static enum list list_of(const struct flow *f)
{
	if (f->side[0].part != NONE || f->side[1].part != NONE || f->seg_count[0] || f->seg_count[1])
		return L_HOLDING;
	return (f->flags[0] | f->flags[1]) & S_DATA ? L_DATA : L_EMPTY;
}

/* ---- what is held -------------------------------------------------------------------------- */

static struct pv_packet stand_in(const struct flow *f, int s)
{
	struct pv_packet p = {
		.ev = {.size = sizeof(p), .type = PV_EV_PACKET, .time_ns = f->last_ns},
		.sport = f->key.port[s],
		.dport = f->key.port[!s],
		.l3 = f->l3,
		.l4 = PV_L4_TCP,
		.proto = 6,
		.vlan = PV_NO_VLAN,
	};
	memcpy(p.src, f->key.addr[s], 16);
	memcpy(p.dst, f->key.addr[!s], 16);
	return p;
}

static void report(struct pv_tcp *t, const struct flow *f, int s, const struct pv_packet *p,
		   enum pv_tcp_reason r)
{
	if (!t->conf.error)
		return;
	struct pv_packet q;
	if (!p) {
		q = stand_in(f, s);
		p = &q;
	}
	t->conf.error(t->conf.ctx, p, r);
}

static void drop_held(struct pv_tcp *t, uint64_t n)
{
	t->stats.bytes_held -= n;
	t->stats.bytes_dropped += n;
}

static void part_drop(struct pv_tcp *t, struct side *sd)
{
	if (sd->part == NONE)
		return;
	drop_held(t, sd->part_len);
	t->stats.messages_lost++;
	chunks_give(t, sd->part);
	sd->part = sd->part_last = NONE;
	sd->part_len = 0;
	sd->want = 0;
}

/* The partial message is lost, but where it ends is known: go on there. `have` bytes of it have passed. */
static void part_skip(struct pv_tcp *t, struct side *sd, uint32_t have)
{
	uint32_t want = sd->want;
	part_drop(t, sd);
	sd->want = want - have;
}

/* The number of a segment's first byte; a SYN takes one for itself. */
static uint32_t data_seq(const struct pv_packet *p)
{
	return p->tcp_seq + (p->tcp_flags & PV_TCP_SYN ? 1 : 0);
}

/* Unlinks the first segment; its bytes stay counted as held. */
static void seg_pop(struct pv_tcp *t, struct flow *f, int s)
{
	struct side *sd = &f->side[s];
	uint32_t i = sd->segs;
	sd->segs = t->chunks[i].seg.next_seg;
	sd->seg_bytes -= t->chunks[i].seg.len;
	f->seg_count[s]--;
	chunks_give(t, i);
}

static void segs_drop(struct pv_tcp *t, struct flow *f, int s)
{
	drop_held(t, f->side[s].seg_bytes);
	while (f->side[s].segs != NONE)
		seg_pop(t, f, s);
}

static void break_side(struct pv_tcp *t, struct flow *f, int s, const struct pv_packet *p,
		       enum pv_tcp_reason r)
{
	f->flags[s] |= S_BROKEN;
	t->stats.broken++;
	part_drop(t, &f->side[s]);
	f->side[s].want = 0;
	segs_drop(t, f, s);
	report(t, f, s, p, r);
}

/* Makes room for n chunks at the cost of others than `f`. */
static bool chunks_reserve(struct pv_tcp *t, const struct flow *f, uint32_t n)
{
	while (t->chunks_left < n) {
		uint32_t i = t->lists[L_HOLDING].head;
		if (i != NONE && &t->flows[i] == f)
			i = f->next;
		if (i == NONE)
			return false;
		struct flow *v = &t->flows[i];
		t->stats.buffers_evicted++;
		for (int s = 0; s < 2; s++) {
			struct side *sd = &v->side[s];
			if (sd->part == NONE && sd->segs == NONE)
				continue;
			if (sd->part != NONE && sd->want == 0) {
				break_side(t, v, s, NULL, PV_TCP_ROOM);
				continue;
			}
			/* Kept segments that we forget become a gap like any other. */
			segs_drop(t, v, s);
			if (sd->part != NONE)
				part_skip(t, sd, sd->part_len);
			report(t, v, s, NULL, PV_TCP_ROOM);
		}
		/* To the front: where it belongs by age would take a search, and it is the first to go. */
		list_remove(t, i);
		list_prepend(t, i, L_DATA);
	}
	return true;
}

/* Adds n >= 1 bytes to the partial message; sd->want is set. Without room the message is skipped. */
static void part_hold(struct pv_tcp *t, struct flow *f, int s, const struct pv_packet *p, const uint8_t *b,
		      uint32_t n)
{
	struct side *sd = &f->side[s];
	uint32_t used = sd->part == NONE ? CHUNK_DATA : (sd->part_len - 1) % CHUNK_DATA + 1;
	uint32_t need = n > CHUNK_DATA - used ? (n - (CHUNK_DATA - used) + CHUNK_DATA - 1) / CHUNK_DATA : 0;
	if (!chunks_reserve(t, f, need)) {
		t->stats.buffers_evicted++;
		t->stats.bytes_dropped += n;
		if (!sd->want) {
			break_side(t, f, s, p, PV_TCP_ROOM);
			return;
		}
		if (sd->part == NONE) {
			t->stats.messages_lost++;
			sd->want -= n;
		} else {
			part_skip(t, sd, sd->part_len + n);
		}
		report(t, f, s, p, PV_TCP_ROOM);
		return;
	}
	sd->part_len += n;
	t->stats.bytes_held += n;
	while (n) {
		if (used == CHUNK_DATA) {
			uint32_t i = chunk_take(t);
			if (sd->part == NONE)
				sd->part = i;
			else
				t->chunks[sd->part_last].c.next = i;
			sd->part_last = i;
			used = 0;
		}
		uint32_t k = n < CHUNK_DATA - used ? n : CHUNK_DATA - used;
		memcpy(t->chunks[sd->part_last].c.data + used, b, k);
		used += k;
		b += k;
		n -= k;
	}
}

/* The partial message becomes t->message, and is no longer held. */
static void part_gather(struct pv_tcp *t, struct side *sd)
{
	uint8_t *to = t->message;
	uint32_t left = sd->part_len;
	for (uint32_t i = sd->part; left; i = t->chunks[i].c.next) {
		uint32_t k = left < CHUNK_DATA ? left : CHUNK_DATA;
		memcpy(to, t->chunks[i].c.data, k);
		to += k;
		left -= k;
	}
	chunks_give(t, sd->part);
	t->stats.bytes_held -= sd->part_len;
	sd->part = sd->part_last = NONE;
	sd->part_len = 0;
	sd->want = 0;
}

/* ---- messages ------------------------------------------------------------------------------ */

static void deliver(struct pv_tcp *t, const struct pv_packet *p, const uint8_t *b, size_t n)
{
	t->stats.messages++;
	t->stats.bytes_message += n;
	t->conf.message(t->conf.ctx, p, b, n);
}

/* The length of the message that begins with these n bytes; 0: not known yet. Breaks the side if there is
 * none. */
static uint32_t frame(struct pv_tcp *t, struct flow *f, int s, const struct pv_packet *p, const uint8_t *head,
		      uint32_t n)
{
	size_t total = t->conf.frame(t->conf.ctx, head, n < PV_TCP_HEAD_MAX ? n : PV_TCP_HEAD_MAX);
	if (total == SIZE_MAX || (total == 0 && n >= PV_TCP_HEAD_MAX)) {
		break_side(t, f, s, p, PV_TCP_FRAME);
		return 0;
	}
	if (total > t->conf.message_max) {
		break_side(t, f, s, p, PV_TCP_LENGTH);
		return 0;
	}
	return (uint32_t)total;
}

/* The next n bytes of the stream. */
static void feed(struct pv_tcp *t, struct flow *f, int s, const struct pv_packet *p, const uint8_t *b,
		 uint32_t n)
{
	struct side *sd = &f->side[s];
	while (n && !(f->flags[s] & S_BROKEN)) {
		uint32_t k;
		if (sd->part == NONE && sd->want) { /* skipping */
			k = n < sd->want ? n : sd->want;
			sd->want -= k;
			t->stats.bytes_dropped += k;
		} else if (sd->part == NONE) {
			uint32_t total = frame(t, f, s, p, b, n);
			if (f->flags[s] & S_BROKEN)
				break;
			if (total && total <= n) {
				k = total;
				deliver(t, p, b, total);
			} else {
				k = n;
				sd->want = total;
				part_hold(t, f, s, p, b, n);
			}
		} else {
			if (!sd->want) {
				/* Fewer bytes than a head are held, so they stand in one chunk. */
				uint8_t head[PV_TCP_HEAD_MAX];
				uint32_t more = PV_TCP_HEAD_MAX - sd->part_len;
				if (more > n)
					more = n;
				memcpy(head, t->chunks[sd->part].c.data, sd->part_len);
				memcpy(head + sd->part_len, b, more);
				uint32_t total = frame(t, f, s, p, head, sd->part_len + more);
				if (f->flags[s] & S_BROKEN)
					break;
				if (total && total <= sd->part_len) { /* an answer that changed */
					break_side(t, f, s, p, PV_TCP_FRAME);
					break;
				}
				sd->want = total;
			}
			uint32_t missing = sd->want ? sd->want - sd->part_len : n;
			k = n < missing ? n : missing;
			if (sd->want && k == missing) {
				uint32_t had = sd->part_len, total = sd->want;
				part_gather(t, sd);
				memcpy(t->message + had, b, k);
				deliver(t, p, t->message, total);
			} else {
				part_hold(t, f, s, p, b, k);
			}
		}
		b += k;
		n -= k;
	}
	t->stats.bytes_dropped += n;
}

/* n bytes of the stream will never come. */
static void gap(struct pv_tcp *t, struct flow *f, int s, const struct pv_packet *p, uint32_t n)
{
	struct side *sd = &f->side[s];
	t->stats.gaps++;
	t->stats.lost_bytes += n;
	if (f->flags[s] & S_BROKEN)
		return;
	if (sd->part == NONE && sd->want >= n) {
		sd->want -= n;
	} else if (sd->part != NONE && sd->want && n <= sd->want - sd->part_len) {
		part_skip(t, sd, sd->part_len + n);
		report(t, f, s, p, PV_TCP_LOST);
	} else {
		break_side(t, f, s, p, PV_TCP_GAP);
	}
}

/* A segment whose first new byte is the expected one, or that begins `back` bytes before it. */
static void consume(struct pv_tcp *t, struct flow *f, int s, const struct piece *pc, uint32_t back)
{
	uint32_t cut = back < pc->len ? back : pc->len;
	uint32_t len = pc->len - cut, wire = pc->wire - back;
	t->stats.bytes_again += cut;
	f->side[s].next += wire;
	feed(t, f, s, pc->p, cut ? pc->b + cut : pc->b, len);
	if (len < wire)
		gap(t, f, s, pc->p, wire - len);
}

/* Kept segments that fit now. */
static void drain(struct pv_tcp *t, struct flow *f, int s)
{
	struct side *sd = &f->side[s];
	while (sd->segs != NONE) {
		const union chunk *c = &t->chunks[sd->segs];
		int32_t ahead = (int32_t)(data_seq(&c->seg.p) - sd->next);
		if (ahead > 0)
			return;
		struct pv_packet p = c->seg.p;
		uint32_t back = (uint32_t)-(int64_t)ahead, len = c->seg.len, wire = c->seg.wire;
		uint32_t k = len < SEG_DATA ? len : SEG_DATA;
		memcpy(t->segment, c->seg.data, k);
		for (uint32_t at = k, i = c->seg.next; at < len; at += k, i = t->chunks[i].c.next) {
			k = len - at < CHUNK_DATA ? len - at : CHUNK_DATA;
			memcpy(t->segment + at, t->chunks[i].c.data, k);
		}
		seg_pop(t, f, s);
		t->stats.bytes_held -= len;
		if (back)
			t->stats.retransmitted++;
		if (back >= wire)
			t->stats.bytes_again += len;
		else
			consume(t, f, s, &(struct piece){&p, t->segment, len, wire}, back);
	}
}

/* The gap before the first kept segment is lost. */
static void give_up(struct pv_tcp *t, struct flow *f, int s)
{
	struct side *sd = &f->side[s];
	struct pv_packet p = t->chunks[sd->segs].seg.p;
	uint32_t n = data_seq(&t->chunks[sd->segs].seg.p) - sd->next;
	sd->next += n;
	gap(t, f, s, &p, n);
	drain(t, f, s);
}

/* A segment that came early. */
static void keep(struct pv_tcp *t, struct flow *f, int s, const struct piece *pc)
{
	struct side *sd = &f->side[s];
	const struct pv_packet *p = pc->p;
	const uint8_t *b = pc->b;
	uint32_t len = pc->len, wire = pc->wire;
	uint32_t ahead = data_seq(p) - sd->next;
	if (len > PV_TCP_SEGMENT_MAX) {
		t->stats.bytes_dropped += len - PV_TCP_SEGMENT_MAX;
		len = PV_TCP_SEGMENT_MAX;
	}
	uint32_t before = NONE;
	for (uint32_t i = sd->segs; i != NONE; i = t->chunks[i].seg.next_seg) {
		const union chunk *c = &t->chunks[i];
		uint32_t at = data_seq(&c->seg.p) - sd->next;
		if (at > ahead)
			break;
		if (at + c->seg.wire >= ahead + wire) {
			t->stats.retransmitted++;
			t->stats.bytes_again += len;
			return;
		}
		before = i;
	}
	uint32_t need = 1 + (len > SEG_DATA ? (len - SEG_DATA + CHUNK_DATA - 1) / CHUNK_DATA : 0);
	if (!chunks_reserve(t, f, need)) {
		t->stats.buffers_evicted++;
		t->stats.bytes_dropped += len;
		report(t, f, s, p, PV_TCP_ROOM);
		return;
	}
	t->stats.reordered++;
	t->stats.bytes_held += len;
	sd->seg_bytes += len;
	f->seg_count[s]++;
	uint32_t first = chunk_take(t), last = first;
	union chunk *c = &t->chunks[first];
	c->seg.len = len;
	c->seg.wire = wire;
	uint32_t fixed = pv_packet_fixed(p); /* all that is sure to be there */
	memcpy(&c->seg.p, p, fixed);
	memset((uint8_t *)&c->seg.p + fixed, 0, sizeof c->seg.p - fixed);
	if (before == NONE) {
		c->seg.next_seg = sd->segs;
		sd->segs = first;
	} else {
		c->seg.next_seg = t->chunks[before].seg.next_seg;
		t->chunks[before].seg.next_seg = first;
	}
	uint32_t k = len < SEG_DATA ? len : SEG_DATA;
	if (k)
		memcpy(c->seg.data, b, k);
	for (uint32_t at = k; at < len; at += k) {
		uint32_t i = chunk_take(t);
		t->chunks[last].c.next = i;
		last = i;
		k = len - at < CHUNK_DATA ? len - at : CHUNK_DATA;
		memcpy(t->chunks[i].c.data, b + at, k);
	}
	while (f->seg_count[s] > PV_TCP_FRAGMENTS || sd->seg_bytes > PV_TCP_SIDE_BYTES)
		give_up(t, f, s);
}

static void segment(struct pv_tcp *t, struct flow *f, int s, const struct piece *pc)
{
	struct side *sd = &f->side[s];
	uint32_t seq = data_seq(pc->p), len = pc->len, wire = pc->wire;
	f->flags[s] |= S_DATA;
	if (len < wire)
		t->stats.snapped++;
	if (f->flags[s] & S_BROKEN) {
		t->stats.bytes_dropped += len;
		return;
	}
	if (!(f->flags[s] & S_SEEN)) {
		f->flags[s] |= S_SEEN;
		sd->next = sd->base = seq;
	}
	int32_t ahead = (int32_t)(seq - sd->next);
	if (ahead > 0) {
		keep(t, f, s, pc);
		return;
	}
	uint32_t back = (uint32_t)-(int64_t)ahead;
	if (back)
		t->stats.retransmitted++;
	if (back >= wire) {
		t->stats.bytes_again += len;
		return;
	}
	consume(t, f, s, pc, back);
	if (sd->segs != NONE)
		drain(t, f, s);
}

/* ---- flows --------------------------------------------------------------------------------- */

static uint32_t *bucket(struct pv_tcp *t, const struct key *k)
{
	return &t->buckets[XXH3_64bits_withSeed(k, sizeof(*k), t->conf.seed) & t->bucket_mask];
}

/* The index uses as much of its room as flows need, so that a quiet table stays in the processor's caches. */
static void widen(struct pv_tcp *t)
{
	t->bucket_mask = t->bucket_mask * 2 + 1;
	memset(t->buckets, 0, ((size_t)t->bucket_mask + 1) * sizeof(*t->buckets));
	for (int l = 0; l < LISTS; l++) {
		for (uint32_t i = t->lists[l].head; i != NONE; i = t->flows[i].next) {
			uint32_t *at = bucket(t, &t->flows[i].key);
			t->flows[i].chain = *at;
			*at = i + 1;
		}
	}
}

static bool is_idle(const struct pv_tcp *t, const struct flow *f, uint64_t now)
{
	/* A step back in time is a new recording or a clock that was set: in neither case "soon after". */
	uint64_t d = now >= f->last_ns ? now - f->last_ns : f->last_ns - now;
	uint64_t limit = t->conf.idle_ns;
	if (f->list == L_CLOSED && limit > PV_TCP_CLOSED_NS)
		limit = PV_TCP_CLOSED_NS;
	return d >= limit;
}

/* An open flow ends: what waited behind gaps is delivered, the rest dropped. `as` counts the reason. */
static void finish(struct pv_tcp *t, struct flow *f, uint64_t *as)
{
	for (int s = 0; s < 2; s++) {
		struct side *sd = &f->side[s];
		while (sd->segs != NONE)
			give_up(t, f, s);
		if (sd->part != NONE) {
			part_drop(t, sd);
			report(t, f, s, NULL, PV_TCP_CUT);
		}
		sd->want = 0;
	}
	++*as;
	t->stats.flows_open--;
}

static void open_flow(struct pv_tcp *t, struct flow *f)
{
	memset(f->side, 0, sizeof(f->side));
	for (int s = 0; s < 2; s++) {
		f->side[s].segs = f->side[s].part = f->side[s].part_last = NONE;
		f->seg_count[s] = f->flags[s] = 0;
	}
	t->stats.flows_created++;
	t->stats.flows_open++;
}

/* Gives the slot back. The flow has been finished. */
static void release(struct pv_tcp *t, uint32_t i)
{
	struct flow *f = &t->flows[i];
	uint32_t *at = bucket(t, &f->key);
	while (*at != i + 1)
		at = &t->flows[*at - 1].chain;
	*at = f->chain;
	list_remove(t, i);
	f->next = t->flows_free;
	t->flows_free = i;
}

static void end_and_release(struct pv_tcp *t, uint32_t i, uint64_t *as)
{
	if (t->flows[i].list != L_CLOSED)
		finish(t, &t->flows[i], as);
	release(t, i);
}

static uint32_t slot(struct pv_tcp *t)
{
	if (t->flows_free == NONE && t->flows_used < t->conf.flows_max)
		return t->flows_used++;
	if (t->flows_free == NONE) {
		uint32_t i = t->lists[L_CLOSED].head;
		if (i != NONE)
			t->stats.tombstones_evicted++;
		else
			i = t->lists[L_EMPTY].head;
		if (i == NONE) {
			uint32_t d = t->lists[L_DATA].head, h = t->lists[L_HOLDING].head;
			bool data = h == NONE || (d != NONE && t->flows[d].last_ns <= t->flows[h].last_ns);
			i = data ? d : h;
		}
		end_and_release(t, i, &t->stats.flows_evicted);
	}
	uint32_t i = t->flows_free;
	t->flows_free = t->flows[i].next;
	return i;
}

/* True: there is more to do. */
static bool expire(struct pv_tcp *t, uint64_t now, unsigned budget)
{
	for (int l = 0; l < LISTS; l++) {
		for (;;) {
			uint32_t i = t->lists[l].head;
			if (i == NONE || !is_idle(t, &t->flows[i], now))
				break;
			if (!budget--)
				return true;
			end_and_release(t, i, &t->stats.flows_idle);
		}
	}
	return false;
}

static void sweep(struct pv_tcp *t, uint64_t now)
{
	/* Looking at the heads costs cache misses; a thousand times per idle time is often enough. Unsigned:
	 * a step back looks like a long time. */
	if (!t->sweep_again && now - t->swept_ns < t->conf.idle_ns / 1024)
		return;
	t->sweep_again = expire(t, now, EXPIRE_PER_PACKET);
	t->swept_ns = now;
}

/* ---- a packet ------------------------------------------------------------------------------ */

/* Which side of the key sends. */
static int key_of(const struct pv_packet *p, struct key *k)
{
	int order = memcmp(p->src, p->dst, 16);
	int s = order ? order > 0 : p->sport > p->dport;
	memcpy(k->addr[s], p->src, 16);
	memcpy(k->addr[!s], p->dst, 16);
	k->port[s] = p->sport;
	k->port[!s] = p->dport;
	return s;
}

static uint32_t find(const struct pv_tcp *t, uint32_t chain, const struct key *k, uint8_t l3)
{
	for (uint32_t c = chain; c; c = t->flows[c - 1].chain)
		if (memcmp(&t->flows[c - 1].key, k, sizeof(*k)) == 0 && t->flows[c - 1].l3 == l3)
			return c - 1;
	return NONE;
}

static uint32_t add(struct pv_tcp *t, uint32_t *at, const struct key *k, const struct pv_packet *p)
{
	uint32_t i = slot(t);
	struct flow *f = &t->flows[i];
	f->key = *k;
	f->l3 = p->l3;
	f->pad[0] = f->pad[1] = 0;
	f->last_ns = p->ev.time_ns;
	open_flow(t, f);
	/* *at is read only now: slot() may have taken a flow out of this chain. */
	f->chain = *at;
	*at = i + 1;
	list_append(t, i, L_EMPTY);
	return i;
}

/* A SYN on a flow that is there: it opens a new connection, unless it is the open one's own, repeated. */
static void begin_again(struct pv_tcp *t, uint32_t i, int s, const struct pv_packet *p)
{
	struct flow *f = &t->flows[i];
	bool closed = f->list == L_CLOSED;
	if (!closed && !(f->flags[s] & S_SEEN && f->side[s].base != p->tcp_seq + 1))
		return;
	if (!closed)
		finish(t, f, &t->stats.flows_reused);
	open_flow(t, f);
	list_remove(t, i);
	list_append(t, i, L_EMPTY);
}

/* The open flow of a packet that `s` sent, which may be a new one; NONE when it belongs to none. */
static uint32_t flow_for(struct pv_tcp *t, const struct key *k, int s, const struct piece *pc)
{
	const struct pv_packet *p = pc->p;
	bool syn = p->tcp_flags & PV_TCP_SYN, rst = p->tcp_flags & PV_TCP_RST;
	uint32_t *at = bucket(t, k);
	uint32_t i = find(t, *at, k, p->l3);
	if (i != NONE && is_idle(t, &t->flows[i], p->ev.time_ns)) {
		end_and_release(t, i, &t->stats.flows_idle);
		i = NONE;
	}
	if (i == NONE) /* RST, or FIN alone: the end of something we never saw */
		return rst || (!syn && !pc->wire) ? NONE : add(t, at, k, p);
	if (syn && !rst)
		begin_again(t, i, s, p);
	return t->flows[i].list == L_CLOSED ? NONE : i;
}

/* Returns whether the connection is over. */
static bool take(struct pv_tcp *t, struct flow *f, int s, const struct piece *pc)
{
	const uint8_t flags = pc->p->tcp_flags;
	if (flags & PV_TCP_RST) {
		t->stats.bytes_dropped += pc->len;
		return true;
	}
	if (flags & PV_TCP_SYN && !(f->flags[s] & S_SEEN)) {
		f->flags[s] |= S_SEEN;
		f->side[s].next = f->side[s].base = pc->p->tcp_seq + 1;
	}
	if (pc->wire)
		segment(t, f, s, pc);
	if (!(flags & PV_TCP_FIN))
		return false;
	f->flags[s] |= S_FIN;
	return f->flags[0] & f->flags[1] & S_FIN;
}

/* ---- the object ---------------------------------------------------------------------------- */

void pv_tcp_packet(struct pv_tcp *t, const struct pv_packet *p, const uint8_t *payload)
{
	if (p->l4 != PV_L4_TCP || p->bits & (PV_PKT_MALFORMED | PV_PKT_FRAGMENT | PV_PKT_MESSAGE))
		return;
	struct piece pc = {.p = p, .b = payload, .len = payload ? p->payload_len : 0, .wire = p->payload_wire_len};
	if (pc.len > WIRE_MAX)
		pc.len = WIRE_MAX;
	if (pc.wire > WIRE_MAX)
		pc.wire = WIRE_MAX;
	if (pc.wire < pc.len)
		pc.wire = pc.len;
	if (!pc.wire && !(p->tcp_flags & (PV_TCP_SYN | PV_TCP_FIN | PV_TCP_RST)))
		return;
	t->stats.segments++;
	t->stats.bytes_in += pc.len;
	sweep(t, p->ev.time_ns);
	if (t->flows_used > t->bucket_mask && t->bucket_mask < t->bucket_mask_max)
		widen(t);

	struct key k;
	int s = key_of(p, &k);
	uint32_t i = flow_for(t, &k, s, &pc);
	if (i == NONE) {
		t->stats.ignored++;
		t->stats.bytes_dropped += pc.len;
		return;
	}
	struct flow *f = &t->flows[i];
	f->last_ns = p->ev.time_ns;
	bool over = take(t, f, s, &pc);
	if (over)
		finish(t, f, &t->stats.flows_closed);
	list_remove(t, i);
	list_append(t, i, over ? L_CLOSED : list_of(f));
}

bool pv_tcp_time(struct pv_tcp *t, uint64_t now_ns)
{
	t->swept_ns = now_ns;
	t->sweep_again = expire(t, now_ns, EXPIRE_PER_CALL);
	return t->sweep_again;
}

void pv_tcp_end(struct pv_tcp *t)
{
	/* Those that hold bytes first, as ending one could make another give up its own and change lists. */
	for (int l = LISTS - 1; l >= 0; l--) {
		while (t->lists[l].head != NONE)
			end_and_release(t, t->lists[l].head, &t->stats.flows_ended);
	}
}

void pv_tcp_reset(struct pv_tcp *t)
{
	memset(&t->stats, 0, sizeof(t->stats));
	t->bucket_mask = t->bucket_mask_max < 1023 ? t->bucket_mask_max : 1023;
	memset(t->buckets, 0, ((size_t)t->bucket_mask + 1) * sizeof(*t->buckets));
	for (int l = 0; l < LISTS; l++)
		t->lists[l].head = t->lists[l].tail = NONE;
	t->flows_used = 0;
	t->flows_free = NONE;
	t->chunks_used = 0;
	t->chunks_free = NONE;
	t->chunks_left = t->chunks_max;
	t->swept_ns = 0;
	t->sweep_again = false;
}

struct pv_tcp *pv_tcp_new(const struct pv_tcp_conf *conf)
{
	struct pv_tcp_conf c = *conf;
	if (!c.flows_max)
		c.flows_max = PV_TCP_FLOWS_DEFAULT;
	if (!c.bytes_max)
		c.bytes_max = PV_TCP_BYTES_DEFAULT;
	if (!c.idle_ns)
		c.idle_ns = PV_TCP_IDLE_NS;
	if (c.flows_max > PV_TCP_FLOWS_MAX || c.bytes_max > PV_TCP_BYTES_MAX || c.message_max < 1 ||
	    c.message_max > PV_TCP_MESSAGE_MAX || !c.frame || !c.message) {
		errno = EINVAL;
		return NULL;
	}
	struct pv_tcp *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->conf = c;
	uint32_t buckets = 1;
	while (buckets < c.flows_max)
		buckets *= 2;
	t->bucket_mask_max = buckets - 1;
	t->bucket_mask = buckets > 1024 ? 1023 : buckets - 1;
	t->chunks_max = (uint32_t)(c.bytes_max / sizeof(union chunk));
	if (!t->chunks_max)
		t->chunks_max = 1;
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	t->flows = aligned_alloc(64, (size_t)c.flows_max * sizeof(*t->flows));
	t->chunks = aligned_alloc(64, (size_t)t->chunks_max * sizeof(*t->chunks));
	t->message = malloc(c.message_max);
	t->segment = malloc(PV_TCP_SEGMENT_MAX);
	if (!t->buckets || !t->flows || !t->chunks || !t->message || !t->segment) {
		pv_tcp_free(t);
		errno = ENOMEM;
		return NULL;
	}
	pv_tcp_reset(t);
	return t;
}

void pv_tcp_free(struct pv_tcp *t)
{
	if (!t)
		return;
	free(t->buckets);
	free(t->flows);
	free(t->chunks);
	free(t->message);
	free(t->segment);
	free(t);
}

const struct pv_tcp_stats *pv_tcp_stats(const struct pv_tcp *t)
{
	return &t->stats;
}
