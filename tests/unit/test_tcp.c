/* SPDX-License-Identifier: MPL-2.0 */
/* Streams of framed messages, cut, reordered, repeated and lost: what comes out must be the messages. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "guard.h"
#include "packet/tcp.h"

#define SEC UINT64_C(1000000000)
#define MAX_MESSAGE 4096

/* What the callbacks saw. */
struct seen {
	size_t messages, bytes;
	uint64_t hash; /* of all messages of the side that is looked at, in order */
	uint64_t number[64]; /* packets that completed them */
	uint8_t first[64];   /* their first body bytes */
	uint16_t sport[64];
	size_t in_place; /* messages that point into the segment given */
	unsigned errors[PV_TCP_REASONS];
	struct pv_packet last_error;
	const uint8_t *payload; /* of the segment being given */
	size_t payload_len;
};

static size_t frame16(void *ctx, const uint8_t *head, size_t n)
{
	(void)ctx;
	assert_in_range(n, 1, PV_TCP_HEAD_MAX);
	if (n < 2)
		return 0;
	size_t len = (size_t)head[0] << 8 | head[1];
	return len < 1 ? SIZE_MAX : len + 2;
}

static void on_message(void *ctx, const struct pv_packet *p, const uint8_t *bytes, size_t n)
{
	struct seen *s = ctx;
	assert_int_equal(((size_t)bytes[0] << 8 | bytes[1]) + 2, n);
	if (s->messages < 64) {
		s->number[s->messages] = p->number;
		s->first[s->messages] = bytes[2];
		s->sport[s->messages] = p->sport;
	}
	s->messages++;
	s->bytes += n;
	for (size_t i = 0; i < n; i++)
		s->hash = (s->hash ^ bytes[i]) * 1099511628211u;
	s->in_place += s->payload && bytes >= s->payload && bytes + n <= s->payload + s->payload_len;
}

static void on_error(void *ctx, const struct pv_packet *p, enum pv_tcp_reason reason)
{
	struct seen *s = ctx;
	assert_in_range(reason, 1, PV_TCP_REASONS - 1);
	assert_int_equal(p->l4, PV_L4_TCP);
	s->errors[reason]++;
	s->last_error = *p;
}

/* A client and a server talking; one object under test. */
struct bench {
	struct pv_tcp *t;
	struct seen seen;
	struct guard guard;
	uint64_t now, number;
	uint16_t port; /* the client's */
	uint8_t l3;
};

static void bench_init(struct bench *b, uint32_t flows, size_t bytes)
{
	struct pv_tcp_conf c = {.flows_max = flows, .bytes_max = bytes, .seed = 7, .message_max = MAX_MESSAGE,
				.ctx = &b->seen, .frame = frame16, .message = on_message, .error = on_error};
	memset(b, 0, sizeof(*b));
	b->t = pv_tcp_new(&c);
	assert_non_null(b->t);
	guard_init(&b->guard, 70000);
	b->now = 100000 * SEC;
	b->port = 40000;
	b->l3 = 4;
}

static void check_sums(const struct bench *b)
{
	const struct pv_tcp_stats *s = pv_tcp_stats(b->t);
	uint64_t gone = s->flows_closed + s->flows_idle + s->flows_evicted + s->flows_reused + s->flows_ended;
	assert_int_equal(s->flows_created, s->flows_open + gone);
	assert_int_equal(s->bytes_in, s->bytes_message + s->bytes_again + s->bytes_dropped + s->bytes_held);
	assert_int_equal(s->messages, b->seen.messages);
	assert_int_equal(s->bytes_message, b->seen.bytes);
}

static void bench_free(struct bench *b)
{
	pv_tcp_end(b->t);
	check_sums(b);
	assert_int_equal(pv_tcp_stats(b->t)->flows_open, 0);
	assert_int_equal(pv_tcp_stats(b->t)->bytes_held, 0);
	pv_tcp_free(b->t);
	guard_free(&b->guard);
}

enum who { CLIENT, SERVER };

#define SYN PV_TCP_SYN
#define FIN PV_TCP_FIN
#define RST PV_TCP_RST

static void give(struct bench *b, enum who who, uint32_t seq, unsigned flags, const void *bytes, size_t n,
		 size_t wire)
{
	struct pv_packet p = {
		.ev = {.size = sizeof(p), .type = PV_EV_PACKET, .time_ns = b->now},
		.number = ++b->number,
		.l3 = b->l3,
		.l4 = PV_L4_TCP,
		.proto = 6,
		.tcp_flags = (uint8_t)flags,
		.tcp_seq = seq,
		.payload_len = (uint32_t)n,
		.payload_wire_len = (uint32_t)wire,
	};
	uint8_t client[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1};
	uint8_t server[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2};
	memcpy(who == CLIENT ? p.src : p.dst, client, 16);
	memcpy(who == CLIENT ? p.dst : p.src, server, 16);
	p.sport = who == CLIENT ? b->port : 53;
	p.dport = who == CLIENT ? 53 : b->port;
	b->seen.payload = n ? guard_put(&b->guard, bytes, n) : NULL;
	b->seen.payload_len = n;
	pv_tcp_packet(b->t, &p, b->seen.payload);
	b->seen.payload = NULL;
}

static void data(struct bench *b, enum who who, uint32_t seq, const void *bytes, size_t n)
{
	give(b, who, seq, PV_TCP_ACK, bytes, n, n);
}

static void flag(struct bench *b, enum who who, uint32_t seq, unsigned flags)
{
	give(b, who, seq, flags, NULL, 0, 0);
}

/* Appends a message with n body bytes, all `c` but for a counter, so that a mix-up shows. */
static size_t message(uint8_t *to, size_t n, uint8_t c)
{
	to[0] = (uint8_t)(n >> 8);
	to[1] = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		to[2 + i] = i ? (uint8_t)(c + i * 7) : c;
	return n + 2;
}

static uint64_t rng(uint64_t *x)
{
	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x;
}

/* ---- order ---------------------------------------------------------------------------------- */

/* The stream whole, to compare with. */
static struct seen expected(const uint8_t *stream, size_t n)
{
	struct bench b;
	bench_init(&b, 4, 1 << 16);
	data(&b, CLIENT, 1, stream, n);
	struct seen s = b.seen;
	assert_int_equal(s.in_place, s.messages); /* no copy on the straight way */
	bench_free(&b);
	return s;
}

static void test_every_cut(void **state)
{
	uint8_t s[256];
	(void)state;
	size_t n = message(s, 20, 'a');
	n += message(s + n, 1, 'b');
	n += message(s + n, 80, 'c');
	struct seen want = expected(s, n);
	assert_int_equal(want.messages, 3);
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = i; j <= n; j++) {
			struct bench b;
			bench_init(&b, 4, 4096);
			data(&b, CLIENT, 1, s, i);
			data(&b, CLIENT, 1 + (uint32_t)i, s + i, j - i);
			data(&b, CLIENT, 1 + (uint32_t)j, s + j, n - j);
			assert_int_equal(b.seen.hash, want.hash);
			assert_int_equal(pv_tcp_stats(b.t)->reordered, 0);
			assert_int_equal(pv_tcp_stats(b.t)->retransmitted, 0);
			assert_int_equal(pv_tcp_stats(b.t)->bytes_held, 0);
			bench_free(&b);
		}
	}
}

static bool next_permutation(int *a, int n)
{
	int i = n - 2, j = n - 1;
	while (i >= 0 && a[i] > a[i + 1])
		i--;
	if (i < 0)
		return false;
	while (a[j] < a[i])
		j--;
	int x = a[i];
	a[i] = a[j];
	a[j] = x;
	for (int l = i + 1, r = n - 1; l < r; l++, r--) {
		x = a[l];
		a[l] = a[r];
		a[r] = x;
	}
	return true;
}

static void test_every_order(void **state)
{
	/* The last one wraps within the stream. */
	static const uint32_t isns[] = {0, 1000, 0x7fffffe0, UINT32_MAX - 100};
	uint8_t s[600];
	uint64_t x = 42;
	size_t n = 0, tried = 0;
	(void)state;
	for (int i = 0; i < 4; i++)
		n += message(s + n, 30 + (size_t)i * 50, (uint8_t)('a' + i));
	struct seen want = expected(s, n);
	for (int round = 0; round < 40; round++) {
		int parts = 2 + round % 5, order[6];
		size_t cut[7] = {0};
		for (int i = 1; i < parts; i++)
			cut[i] = cut[i - 1] + 1 + rng(&x) % (2 * n / (size_t)parts);
		for (int i = 1; i <= parts; i++)
			cut[i] = i == parts || cut[i] > n ? n : cut[i];
		for (int i = 0; i < parts; i++)
			order[i] = i;
		uint32_t isn = isns[round % 4];
		do {
			struct bench b;
			bench_init(&b, 4, 1 << 16);
			flag(&b, CLIENT, isn, SYN);
			b.number = 100;
			for (int i = 0; i < parts; i++) {
				int k = order[i];
				b.number = 100 + (uint64_t)k;
				/* The other side speaking is no reason to give up. */
				data(&b, SERVER, 5 + (uint32_t)i * 3, "\0\1x", 3);
				b.number = 100 + (uint64_t)k;
				b.now += 1000;
				/* FIN with the last piece: it must wait for the others */
				give(&b, CLIENT, isn + 1 + (uint32_t)cut[k],
				     PV_TCP_ACK | (k == parts - 1 ? FIN : 0), s + cut[k], cut[k + 1] - cut[k],
				     cut[k + 1] - cut[k]);
			}
			/* the client's messages among the server's: compare those alone */
			uint64_t numbers = 0;
			size_t got = 0;
			for (size_t i = 0; i < b.seen.messages; i++) {
				if (b.seen.sport[i] == 53)
					continue;
				assert_int_equal(b.seen.first[i], 'a' + got);
				numbers = numbers * 10 + b.seen.number[i] - 100;
				got++;
			}
			assert_int_equal(got, want.messages);
			assert_int_equal(b.seen.bytes, want.bytes + 3 * (size_t)parts);
			/* each message is said to be of the piece that holds its end, whatever the order */
			uint64_t right = 0;
			for (size_t i = 0, end = 0; i < 4; i++) {
				uint64_t k = 1;
				end += 32 + i * 50;
				while (cut[k] < end)
					k++;
				right = right * 10 + k; /* give() counted one up */
			}
			assert_int_equal(numbers, right);
			assert_int_equal(pv_tcp_stats(b.t)->lost_bytes, 0);
			bench_free(&b);
			tried++;
		} while (next_permutation(order, parts));
	}
	assert_true(tried > 5000);
}

static void test_overlaps(void **state)
{
	uint8_t s[2000];
	uint64_t x = 4711;
	(void)state;
	for (int round = 0; round < 400; round++) {
		size_t n = 0;
		while (n < 1200)
			n += message(s + n, 1 + rng(&x) % 200, (uint8_t)rng(&x));
		struct seen want = expected(s, n);
		struct {
			size_t at, len;
		} piece[60];
		size_t pieces = 0, covered = 0;
		while (covered < n) { /* overlapping pieces that cover all */
			size_t back = rng(&x) % 40, len = 1 + rng(&x) % 150;
			size_t at = covered > back ? covered - back : 0;
			if (at + len > n)
				len = n - at;
			if (pieces == 40) {
				at = covered;
				len = n - covered;
			}
			piece[pieces].at = at;
			piece[pieces++].len = len;
			if (at + len > covered)
				covered = at + len;
		}
		for (size_t i = rng(&x) % 8; i; i--, pieces++) /* and repeated ones */
			piece[pieces] = piece[rng(&x) % pieces];
		for (size_t i = pieces - 1; i; i--) {
			size_t j = rng(&x) % (i + 1);
			size_t at = piece[i].at, len = piece[i].len;
			piece[i] = piece[j];
			piece[j].at = at;
			piece[j].len = len;
		}
		struct bench b;
		uint32_t isn = (uint32_t)(0 - rng(&x) % 1300);
		bench_init(&b, 4, 1 << 20);
		flag(&b, SERVER, isn, SYN | PV_TCP_ACK);
		for (size_t i = 0; i < pieces; i++)
			data(&b, SERVER, isn + 1 + (uint32_t)piece[i].at, s + piece[i].at, piece[i].len);
		assert_int_equal(b.seen.messages, want.messages);
		assert_int_equal(b.seen.hash, want.hash);
		assert_int_equal(pv_tcp_stats(b.t)->bytes_held, 0);
		assert_int_equal(pv_tcp_stats(b.t)->gaps, 0);
		bench_free(&b);
	}
}

static void test_syn_with_data(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 4, 4096);
	give(&b, CLIENT, 99, SYN, "\0\3abc", 5, 5);
	assert_int_equal(b.seen.messages, 1);
	data(&b, CLIENT, 100, "\0\3abc", 5); /* not taken over by the server: sent again */
	assert_int_equal(b.seen.messages, 1);
	assert_int_equal(pv_tcp_stats(b.t)->retransmitted, 1);
	assert_int_equal(pv_tcp_stats(b.t)->bytes_again, 5);
	data(&b, CLIENT, 105, "\0\1d", 3);
	assert_int_equal(b.seen.messages, 2);
	bench_free(&b);
}

static void test_keepalive(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 4, 4096);
	data(&b, CLIENT, 100, "\0\3ab", 4);
	data(&b, CLIENT, 103, "", 1); /* a byte the other side has, with other content */
	data(&b, CLIENT, 104, "c", 1);
	assert_int_equal(b.seen.messages, 1);
	flag(&b, CLIENT, 105, PV_TCP_ACK); /* nothing in it: not looked at */
	assert_int_equal(pv_tcp_stats(b.t)->segments, 3);
	bench_free(&b);
}

/* ---- loss ----------------------------------------------------------------------------------- */

/* A SYN, message a (12 bytes), b (102 bytes) and c; 20 bytes are lost from byte `lost` on. */
static void lossy(struct bench *b, size_t lost)
{
	uint8_t s[200];
	size_t n = message(s, 10, 'a');
	n += message(s + n, 100, 'b');
	n += message(s + n, 10, 'c');
	flag(b, CLIENT, 0, SYN);
	data(b, CLIENT, 1, s, lost);
	data(b, CLIENT, 1 + (uint32_t)lost + 20, s + lost + 20, n - lost - 20);
}

static void by_nothing(struct bench *b) { (void)b; }
static void by_other_side(struct bench *b) { data(b, SERVER, 9, "\0\1x", 3); }
static void by_own_fin(struct bench *b) { flag(b, CLIENT, 127, FIN); }
static void by_both_fins(struct bench *b) { flag(b, CLIENT, 127, FIN); flag(b, SERVER, 9, FIN); }
static void by_rst(struct bench *b) { flag(b, SERVER, 9, RST); }
static void by_end(struct bench *b) { pv_tcp_end(b->t); }
static void by_time(struct bench *b) { pv_tcp_time(b->t, b->now + 30 * SEC); }
static void by_syn(struct bench *b) { flag(b, CLIENT, 77777, SYN); }
static void by_eviction(struct bench *b)
{
	for (int i = 1; i <= 4; i++) {
		b->port++;
		b->now++;
		data(b, CLIENT, 1, "\0\2ab", 4);
	}
	b->seen.messages -= 4; /* only the first flow's are compared */
}
static void by_others(struct bench *b)
{
	b->now += 29 * SEC;
	b->port++;
	flag(b, CLIENT, 1, SYN);
	b->now += 1 * SEC;
	b->port++;
	flag(b, CLIENT, 1, SYN);
}
static void by_fragments(struct bench *b)
{
	for (uint32_t i = 0; i < PV_TCP_FRAGMENTS; i++)
		data(b, CLIENT, 200 + 2 * i, "x", 1);
}
static void by_one_less(struct bench *b)
{
	for (uint32_t i = 0; i < PV_TCP_FRAGMENTS - 1; i++)
		data(b, CLIENT, 200 + 2 * i, "x", 1);
}
static void by_late(struct bench *b)
{
	uint8_t s[200];
	size_t n = message(s, 10, 'a');
	n += message(s + n, 100, 'b');
	data(b, CLIENT, 1, s, n);
}

static void test_given_up(void **state)
{
	static const struct {
		const char *name;
		void (*by)(struct bench *);
		size_t messages; /* 1: a. 2: a and c, b given up. 3: b as well */
	} rows[] = {
		{"nothing", by_nothing, 1},	  {"other side speaks", by_other_side, 2},
		{"own FIN", by_own_fin, 1},	  {"both FINs", by_both_fins, 2},
		{"RST of the other", by_rst, 2},  {"end of the stream", by_end, 2},
		{"idle, by a tick", by_time, 2},  {"idle, by other packets", by_others, 2},
		{"SYN of the next", by_syn, 2},	  {"evicted for room", by_eviction, 2},
		{"50 fragments", by_one_less, 1}, {"51 fragments", by_fragments, 2},
		{"it came after all", by_late, 3},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bench b;
		bench_init(&b, 4, 1 << 18);
		lossy(&b, 50);
		assert_int_equal(b.seen.messages, 1);
		rows[i].by(&b);
		if (b.seen.messages != rows[i].messages)
			fail_msg("%s: %zu messages", rows[i].name, b.seen.messages);
		bool lost = rows[i].messages == 2 && rows[i].by != by_other_side;
		assert_int_equal(b.seen.errors[PV_TCP_LOST], lost);
		assert_int_equal(pv_tcp_stats(b.t)->lost_bytes, lost ? 20 : 0);
		assert_int_equal(pv_tcp_stats(b.t)->messages_lost, lost);
		if (rows[i].by == by_eviction)
			b.seen.messages += 4;
		if (lost)
			assert_non_null(memchr(b.seen.first, 'c', b.seen.messages));
		bench_free(&b);
	}
}

/* Where the hole is decides what it costs. */
static void test_where_lost(void **state)
{
	static const struct {
		const char *name;
		size_t lost; /* 20 bytes from here on; a is 0..11, b 12..113, c 114..125 */
		size_t messages;
		enum pv_tcp_reason reason;
	} rows[] = {
		{"all of the second message's middle", 14, 2, PV_TCP_LOST},
		{"up to the second message's end", 94, 2, PV_TCP_LOST},
		{"one byte further", 95, 1, PV_TCP_GAP},
		{"half of a length", 13, 1, PV_TCP_GAP},
		{"from a boundary on", 12, 1, PV_TCP_GAP},
		{"across a boundary", 5, 0, PV_TCP_GAP},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bench b;
		bench_init(&b, 4, 1 << 16);
		lossy(&b, rows[i].lost);
		by_both_fins(&b);
		if (b.seen.messages != rows[i].messages || b.seen.errors[rows[i].reason] != 1)
			fail_msg("%s: %zu messages", rows[i].name, b.seen.messages);
		assert_int_equal(pv_tcp_stats(b.t)->broken, rows[i].reason == PV_TCP_GAP);
		bench_free(&b);
	}
}

/* Two holes in one message cost one message. */
static void test_two_holes(void **state)
{
	uint8_t s[300];
	struct bench b;
	(void)state;
	size_t n = message(s, 200, 'a');
	n += message(s + n, 10, 'b');
	bench_init(&b, 4, 1 << 16);
	data(&b, CLIENT, 0, s, 10);
	data(&b, CLIENT, 20, s + 20, 10);
	data(&b, CLIENT, 40, s + 40, n - 40);
	pv_tcp_end(b.t);
	assert_int_equal(b.seen.messages, 1);
	assert_int_equal(b.seen.first[0], 'b');
	assert_int_equal(pv_tcp_stats(b.t)->gaps, 2);
	assert_int_equal(pv_tcp_stats(b.t)->lost_bytes, 20);
	assert_int_equal(pv_tcp_stats(b.t)->messages_lost, 1);
	assert_int_equal(b.seen.errors[PV_TCP_LOST], 1);
	bench_free(&b);
}

/* The second hole is all that was left of the message. */
static void test_hole_at_the_end(void **state)
{
	uint8_t s[300];
	struct bench b;
	(void)state;
	size_t n = message(s, 200, 'a'), m = message(s + n, 10, 'b');
	bench_init(&b, 4, 1 << 16);
	data(&b, CLIENT, 0, s, 10);
	data(&b, CLIENT, 20, s + 20, 10);
	data(&b, CLIENT, (uint32_t)n, s + n, m);
	pv_tcp_end(b.t);
	assert_int_equal(b.seen.messages, 1);
	assert_int_equal(b.seen.first[0], 'b');
	assert_int_equal(pv_tcp_stats(b.t)->broken, 0);
	bench_free(&b);
}

/* The same early segment again and again is one segment, and no reason to give up. */
static void test_early_twice(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 4, 1 << 16);
	flag(&b, CLIENT, 0, SYN);
	for (int i = 0; i < 100; i++)
		data(&b, CLIENT, 4, "\0\1b\0\1c", 6);
	data(&b, CLIENT, 7, "\0\1c", 3);
	assert_int_equal(pv_tcp_stats(b.t)->reordered, 1);
	assert_int_equal(pv_tcp_stats(b.t)->retransmitted, 100);
	data(&b, CLIENT, 1, "\0\1a", 3);
	assert_int_equal(b.seen.messages, 3);
	assert_int_equal(pv_tcp_stats(b.t)->gaps, 0);
	bench_free(&b);
}

static void test_snapped(void **state)
{
	uint8_t s[300];
	struct bench b;
	(void)state;
	size_t n = message(s, 200, 'a'), m = message(s + n, 10, 'b');
	bench_init(&b, 4, 1 << 16);
	give(&b, CLIENT, 0, 0, s, 60, n); /* the capture kept 60 bytes of the segment */
	assert_int_equal(b.seen.errors[PV_TCP_LOST], 1);
	data(&b, CLIENT, (uint32_t)n, s + n, m);
	assert_int_equal(b.seen.messages, 1);
	assert_int_equal(b.seen.first[0], 'b');
	assert_int_equal(pv_tcp_stats(b.t)->snapped, 1);
	assert_int_equal(pv_tcp_stats(b.t)->lost_bytes, n - 60);
	/* headers only, over a boundary: nothing to go on with */
	give(&b, CLIENT, (uint32_t)(n + m), 0, NULL, 0, 1000);
	assert_int_equal(b.seen.errors[PV_TCP_GAP], 1);
	data(&b, CLIENT, (uint32_t)(n + m) + 1000, s + n, m);
	assert_int_equal(b.seen.messages, 1);
	assert_int_equal(pv_tcp_stats(b.t)->broken, 1);
	bench_free(&b);

	bench_init(&b, 4, 1 << 16); /* the same, early */
	flag(&b, CLIENT, 99, SYN);
	give(&b, CLIENT, 110, 0, s + 10, 60, n - 10);
	data(&b, CLIENT, 100 + (uint32_t)n, s + n, m);
	assert_int_equal(b.seen.messages, 0);
	data(&b, CLIENT, 100, s, 10);
	assert_int_equal(b.seen.messages, 1);
	assert_int_equal(b.seen.first[0], 'b');
	bench_free(&b);
}

static void test_lies(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		enum pv_tcp_reason reason;
	} rows[] = {
		{"\0\0garbage", 9, PV_TCP_FRAME},
		{"\xff\xffGET / HTTP/1.1", 16, PV_TCP_LENGTH},
	};
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		struct bench b;
		size_t k = i / 2, cut = i % 2; /* with the length in one segment, and in two */
		bench_init(&b, 4, 1 << 16);
		data(&b, CLIENT, 1, "\0\1a", 3);
		if (cut)
			data(&b, CLIENT, 4, rows[k].bytes, 1);
		data(&b, CLIENT, 4 + (uint32_t)cut, rows[k].bytes + cut, rows[k].n - cut);
		assert_int_equal(b.seen.errors[rows[k].reason], 1);
		data(&b, CLIENT, 4 + (uint32_t)rows[k].n, "\0\1b", 3); /* nothing is believed any more */
		assert_int_equal(b.seen.messages, 1);
		data(&b, SERVER, 1, "\0\1c", 3); /* the other side is another matter */
		assert_int_equal(b.seen.messages, 2);
		assert_int_equal(pv_tcp_stats(b.t)->broken, 1);
		assert_int_equal(pv_tcp_stats(b.t)->bytes_held, 0);
		bench_free(&b);
	}
}

static void test_cut_at_the_end(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 4, 1 << 16);
	data(&b, CLIENT, 1, "\0\5ab", 4);
	b.seen.last_error.number = 1;
	pv_tcp_end(b.t);
	assert_int_equal(b.seen.errors[PV_TCP_CUT], 1);
	assert_int_equal(b.seen.last_error.number, 0);
	assert_int_equal(b.seen.last_error.sport, 40000);
	assert_int_equal(b.seen.last_error.dst[15], 2);
	assert_int_equal(b.seen.last_error.ev.time_ns, b.now);
	assert_int_equal(pv_tcp_stats(b.t)->messages_lost, 1);
	bench_free(&b);
}

/* ---- flows ---------------------------------------------------------------------------------- */

static void test_close(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 4, 4096);
	flag(&b, CLIENT, 0, SYN);
	flag(&b, SERVER, 0, SYN | PV_TCP_ACK);
	data(&b, CLIENT, 1, "\0\1a", 3);
	flag(&b, CLIENT, 4, FIN);
	data(&b, SERVER, 1, "\0\1b", 3); /* half closed */
	assert_int_equal(b.seen.messages, 2);
	give(&b, SERVER, 4, FIN, "\0\1c", 3, 3);
	assert_int_equal(b.seen.messages, 3);
	assert_int_equal(pv_tcp_stats(b.t)->flows_closed, 1);
	assert_int_equal(pv_tcp_stats(b.t)->flows_open, 0);
	data(&b, SERVER, 4, "\0\1c", 3); /* stragglers */
	flag(&b, CLIENT, 5, RST);
	data(&b, CLIENT, 5, "\0\1x", 3);
	assert_int_equal(b.seen.messages, 3);
	assert_int_equal(pv_tcp_stats(b.t)->ignored, 3);
	flag(&b, CLIENT, 100, SYN); /* the port again */
	data(&b, CLIENT, 101, "\0\1d", 3);
	assert_int_equal(b.seen.messages, 4);
	assert_int_equal(pv_tcp_stats(b.t)->flows_created, 2);
	flag(&b, SERVER, 0, RST);
	flag(&b, CLIENT, 100, SYN); /* refused, tried again with the same number */
	data(&b, CLIENT, 101, "\0\1e", 3);
	assert_int_equal(b.seen.messages, 5);
	flag(&b, SERVER, 0, RST);
	b.now += PV_TCP_CLOSED_NS - 1;
	data(&b, CLIENT, 500, "\0\1f", 3);
	assert_int_equal(b.seen.messages, 5);
	b.now += 1; /* as good as never seen */
	data(&b, CLIENT, 500, "\0\1f", 3);
	assert_int_equal(b.seen.messages, 6);
	bench_free(&b);
}

static void test_nothing_made_of_ends(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 4, 4096);
	flag(&b, CLIENT, 0, FIN);
	flag(&b, SERVER, 0, RST);
	flag(&b, SERVER, 0, RST | SYN);
	give(&b, SERVER, 0, RST, "why", 3, 3);
	assert_int_equal(pv_tcp_stats(b.t)->flows_created, 0);
	assert_int_equal(pv_tcp_stats(b.t)->ignored, 4);
	bench_free(&b);
}

static void test_port_reuse(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 4, 4096);
	flag(&b, CLIENT, 1000, SYN);
	data(&b, CLIENT, 1001, "\0\1a", 3);
	flag(&b, CLIENT, 1000, SYN); /* the same one repeated */
	assert_int_equal(pv_tcp_stats(b.t)->flows_reused, 0);
	data(&b, CLIENT, 1004, "\0\2b", 3);
	flag(&b, CLIENT, 500, SYN); /* another: the end of the first was not seen */
	assert_int_equal(pv_tcp_stats(b.t)->flows_reused, 1);
	assert_int_equal(b.seen.errors[PV_TCP_CUT], 1);
	flag(&b, SERVER, 77, SYN | PV_TCP_ACK);
	data(&b, CLIENT, 501, "\0\1c", 3);
	data(&b, SERVER, 78, "\0\1d", 3);
	assert_int_equal(b.seen.messages, 3);

	b.port++; /* picked up in the middle; the SYN comes late, then one of another connection */
	data(&b, CLIENT, 301, "\0\1e", 3);
	flag(&b, CLIENT, 300, SYN);
	assert_int_equal(pv_tcp_stats(b.t)->flows_reused, 1);
	data(&b, CLIENT, 304, "\0\1f", 3);
	assert_int_equal(b.seen.messages, 5);
	flag(&b, CLIENT, 9000, SYN);
	assert_int_equal(pv_tcp_stats(b.t)->flows_reused, 2);
	data(&b, CLIENT, 9001, "\0\1g", 3);
	assert_int_equal(b.seen.messages, 6);
	assert_int_equal(pv_tcp_stats(b.t)->retransmitted, 0);
	bench_free(&b);
}

static void test_identity(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 8, 4096);
	data(&b, CLIENT, 1, "\0\1a", 3);
	b.l3 = 6; /* ::ffff:10.0.0.1 itself */
	data(&b, CLIENT, 1, "\0\1b", 3);
	b.l3 = 4;
	b.port++;
	data(&b, CLIENT, 1, "\0\1c", 3);
	assert_int_equal(pv_tcp_stats(b.t)->flows_created, 3);
	data(&b, SERVER, 1, "\0\1d", 3); /* the other direction is no other flow */
	assert_int_equal(pv_tcp_stats(b.t)->flows_created, 3);
	assert_int_equal(b.seen.messages, 4);

	struct pv_packet p = {.l3 = 4, .l4 = PV_L4_UDP, .payload_len = 3, .payload_wire_len = 3};
	pv_tcp_packet(b.t, &p, (const uint8_t *)"\0\1a");
	p.l4 = PV_L4_TCP;
	p.bits = PV_PKT_MESSAGE;
	pv_tcp_packet(b.t, &p, (const uint8_t *)"\0\1a");
	p.bits = PV_PKT_MALFORMED;
	pv_tcp_packet(b.t, &p, (const uint8_t *)"\0\1a");
	assert_int_equal(pv_tcp_stats(b.t)->segments, 4);
	bench_free(&b);
}

static void test_idle(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 1000, 1 << 16);
	for (int i = 0; i < 500; i++) {
		b.port++;
		flag(&b, CLIENT, 1, SYN);
	}
	b.now += 30 * SEC - 1;
	assert_false(pv_tcp_time(b.t, b.now));
	assert_int_equal(pv_tcp_stats(b.t)->flows_idle, 0);
	b.now += 1;
	flag(&b, CLIENT, 1, SYN); /* the youngest lives on */
	uint64_t at_once = pv_tcp_stats(b.t)->flows_idle;
	assert_in_range(at_once, 1, 8); /* no packet pays for all */
	while (pv_tcp_time(b.t, b.now)) {
	}
	assert_int_equal(pv_tcp_stats(b.t)->flows_idle, 500);
	assert_int_equal(pv_tcp_stats(b.t)->flows_open, 1);
	b.now -= 3600 * SEC; /* a recording that starts again */
	b.port++;
	flag(&b, CLIENT, 1, SYN);
	assert_int_equal(pv_tcp_stats(b.t)->flows_open, 1);
	b.now -= 1 * SEC; /* a little disorder is none */
	flag(&b, CLIENT, 1, SYN);
	assert_int_equal(pv_tcp_stats(b.t)->flows_open, 1);
	data(&b, CLIENT, 2, "\0\1a", 3);
	b.now += 20 * SEC;
	data(&b, CLIENT, 2, "\0\1a", 3); /* whatever comes keeps it alive */
	b.now += 20 * SEC;
	data(&b, CLIENT, 2, "\0\1a", 3);
	assert_int_equal(b.seen.messages, 1);
	bench_free(&b);
}

/* ---- floods --------------------------------------------------------------------------------- */

static void test_syn_flood(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 1024, 1 << 16);
	b.port = 1;
	flag(&b, CLIENT, 0, SYN);
	data(&b, CLIENT, 1, "\0\5ab", 4); /* someone in earnest, in the middle of a message */
	for (uint32_t i = 0; i < 200000; i++) {
		b.port = (uint16_t)(2 + i % 60000);
		flag(&b, CLIENT, i, SYN);
	}
	assert_int_equal(pv_tcp_stats(b.t)->flows_open, 1024);
	assert_int_equal(pv_tcp_stats(b.t)->bytes_held, 4);
	assert_true(pv_tcp_stats(b.t)->flows_evicted > 190000);
	b.port = 1;
	data(&b, CLIENT, 5, "cde", 3);
	assert_int_equal(b.seen.messages, 1);
	check_sums(&b);
	bench_free(&b);
}

static void test_eviction_order(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 3, 1 << 16);
	b.port = 1;
	data(&b, CLIENT, 1, "\0\1a", 3);
	b.port = 2;
	data(&b, CLIENT, 1, "\0\1b", 3);
	b.port = 3;
	data(&b, CLIENT, 1, "\0\1c", 3);
	flag(&b, CLIENT, 4, RST);
	b.port = 4; /* takes the closed one's place though it was the last */
	data(&b, CLIENT, 1, "\0\1d", 3);
	assert_int_equal(pv_tcp_stats(b.t)->tombstones_evicted, 1);
	assert_int_equal(pv_tcp_stats(b.t)->flows_evicted, 0);
	b.port = 1;
	data(&b, CLIENT, 4, "\0\1e", 3);
	b.port = 5; /* the least recently active: 2 */
	data(&b, CLIENT, 1, "\0\1f", 3);
	b.port = 1;
	data(&b, CLIENT, 1, "\0\1e", 3); /* still known: seen before */
	assert_int_equal(pv_tcp_stats(b.t)->retransmitted, 1);
	b.port = 2;
	data(&b, CLIENT, 1, "\0\1g", 3);
	assert_int_equal(pv_tcp_stats(b.t)->flows_evicted, 2);
	assert_int_equal(b.seen.messages, 7);
	bench_free(&b);
}

static void test_buffer_flood(void **state)
{
	uint8_t s[1400] = {0};
	struct bench b;
	(void)state;
	size_t n = message(s, 1300, 'a');
	bench_init(&b, 4096, 1 << 18);
	for (uint32_t i = 0; i < 3000; i++) { /* 50 partial messages fill it */
		b.port = (uint16_t)(1 + i);
		data(&b, CLIENT, 1, s, 1200);
		assert_in_range(pv_tcp_stats(b.t)->bytes_held, 0, 1 << 18);
	}
	assert_true(pv_tcp_stats(b.t)->buffers_evicted > 2700);
	assert_true(pv_tcp_stats(b.t)->bytes_held > 1 << 17); /* and is used */
	assert_int_equal(b.seen.errors[PV_TCP_ROOM], pv_tcp_stats(b.t)->buffers_evicted);
	data(&b, CLIENT, 1201, s + 1200, n - 1200); /* the latest are whole */
	assert_int_equal(b.seen.messages, 1);
	b.port = 1; /* the oldest lost theirs, but not the thread */
	data(&b, CLIENT, 1201, s + 1200, n - 1200);
	assert_int_equal(b.seen.messages, 1);
	data(&b, CLIENT, 1 + (uint32_t)n, "\0\1z", 3);
	assert_int_equal(b.seen.messages, 2);
	check_sums(&b);

	for (uint32_t i = 0; i < 3000; i++) { /* segments that never fit */
		b.port = (uint16_t)(1 + i % 100);
		data(&b, SERVER, i % 100 == i ? 1 : 100 + i * 2000, s, 700);
		assert_in_range(pv_tcp_stats(b.t)->bytes_held, 0, 1 << 18);
	}
	check_sums(&b);
	bench_free(&b);
}

static void test_one_side_holds_little(void **state)
{
	static uint8_t s[65000];
	struct bench b;
	(void)state;
	bench_init(&b, 4, 1 << 20);
	flag(&b, CLIENT, 0, SYN);
	for (uint32_t i = 0; i < 4; i++)
		data(&b, CLIENT, 100 + i * 65000, s, 65000);
	assert_int_equal(pv_tcp_stats(b.t)->gaps, 0);
	data(&b, CLIENT, 100 + 4 * 65000, s, 65000);
	assert_int_equal(pv_tcp_stats(b.t)->gaps, 1);
	assert_int_equal(pv_tcp_stats(b.t)->bytes_held, 0);
	bench_free(&b);
}

static void test_tiny(void **state)
{
	uint8_t s[1400] = {0};
	struct bench b;
	(void)state;
	size_t n = message(s, 1300, 'a');
	bench_init(&b, 1, 1); /* one flow, one chunk */
	data(&b, CLIENT, 1, s, 600);
	assert_int_equal(b.seen.errors[PV_TCP_ROOM], 1);
	data(&b, CLIENT, 601, s + 600, n - 600);
	assert_int_equal(b.seen.messages, 0);
	data(&b, CLIENT, 1 + (uint32_t)n, "\0\1b", 3); /* skipped, then on */
	assert_int_equal(b.seen.messages, 1);
	data(&b, CLIENT, 4 + (uint32_t)n, s, 252); /* fits */
	assert_int_equal(pv_tcp_stats(b.t)->bytes_held, 252);
	data(&b, CLIENT, 4 + 252 + (uint32_t)n, s + 252, 1); /* does not */
	assert_int_equal(pv_tcp_stats(b.t)->bytes_held, 0);
	data(&b, CLIENT, 4 + 253 + (uint32_t)n, s + 253, n - 253);
	data(&b, CLIENT, 4 + 2 * (uint32_t)n, "\0\1c", 3);
	assert_int_equal(b.seen.messages, 2);
	data(&b, CLIENT, 9000, s, 500); /* early, and too large */
	assert_int_equal(b.seen.errors[PV_TCP_ROOM], 3);
	data(&b, CLIENT, 7 + 2 * (uint32_t)n, "", 1); /* half a length: taken */
	b.port++;
	data(&b, CLIENT, 1, "\0\1d", 3); /* the one flow is another's now */
	assert_int_equal(b.seen.messages, 3);
	assert_int_equal(pv_tcp_stats(b.t)->flows_evicted, 1);
	bench_free(&b);
}

/* Half a length is held when room is needed: nobody can say where its message ends. */
static void test_room_within_a_length(void **state)
{
	uint8_t s[300];
	struct bench b;
	(void)state;
	message(s, 290, 'a');
	bench_init(&b, 4, 256); /* one chunk */
	data(&b, CLIENT, 1, "", 1);
	b.port++;
	data(&b, CLIENT, 1, s, 100); /* takes it */
	assert_int_equal(pv_tcp_stats(b.t)->broken, 1);
	assert_int_equal(b.seen.errors[PV_TCP_ROOM], 1);
	assert_int_equal(b.seen.last_error.sport, 40000);
	b.port++;
	flag(&b, CLIENT, 0, SYN);
	data(&b, CLIENT, 9, "x", 1); /* takes it again; now the flow holds it itself */
	data(&b, CLIENT, 1, "", 1);
	assert_int_equal(pv_tcp_stats(b.t)->broken, 2);
	assert_int_equal(b.seen.errors[PV_TCP_ROOM], 3);
	assert_int_equal(pv_tcp_stats(b.t)->bytes_held, 0);
	b.port--;
	data(&b, CLIENT, 101, s + 100, 192); /* knew its end */
	data(&b, CLIENT, 293, "\0\1z", 3);
	assert_int_equal(b.seen.messages, 1);
	bench_free(&b);
}

/* What no network sends, but a stream of events may claim. */
static void test_giants(void **state)
{
	static uint8_t s[200000];
	struct bench b;
	(void)state;
	bench_init(&b, 4, 1 << 20);
	guard_free(&b.guard);
	guard_init(&b.guard, sizeof(s));
	size_t n = message(s, 300, 'a');
	memcpy(s + 200000 - n, s, n);
	flag(&b, CLIENT, 0, SYN);
	data(&b, CLIENT, 1001, s, 100000); /* early: its first 65535 bytes are kept, the rest is a gap */
	assert_int_equal(pv_tcp_stats(b.t)->bytes_held, PV_TCP_SEGMENT_MAX);
	assert_int_equal(pv_tcp_stats(b.t)->bytes_dropped, 100000 - PV_TCP_SEGMENT_MAX);
	pv_tcp_end(b.t);
	give(&b, SERVER, 1, 0, s, n, UINT32_MAX);
	assert_int_equal(b.seen.messages, 1);
	assert_int_equal(b.seen.errors[PV_TCP_GAP], 2);
	assert_in_range(pv_tcp_stats(b.t)->lost_bytes, 1000, 1 << 25);
	b.port++;
	give(&b, SERVER, 1, 0, s, n, 5); /* less on the wire than in the capture: the bytes count */
	assert_int_equal(b.seen.messages, 2);
	bench_free(&b);
}

static void test_reset(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 4, 4096);
	data(&b, CLIENT, 1, "\0\5ab", 4);
	data(&b, SERVER, 1, "\0\1a", 3);
	data(&b, SERVER, 10, "\0\1a", 3);
	pv_tcp_reset(b.t);
	assert_int_equal(pv_tcp_stats(b.t)->flows_open, 0);
	assert_int_equal(pv_tcp_stats(b.t)->bytes_held, 0);
	assert_int_equal(b.seen.errors[PV_TCP_CUT], 0);
	b.seen.messages = b.seen.bytes = 0;
	data(&b, CLIENT, 900, "\0\1a", 3);
	assert_int_equal(b.seen.messages, 1);
	bench_free(&b);
}

static void test_conf(void **state)
{
	const struct pv_tcp_conf good = {.message_max = 1, .frame = frame16, .message = on_message};
	struct pv_tcp_conf c = good;
	(void)state;
	struct pv_tcp *t = pv_tcp_new(&c);
	assert_non_null(t);
	pv_tcp_free(t);
	pv_tcp_free(NULL);
	c.message_max = 0;
	errno = 0;
	assert_null(pv_tcp_new(&c));
	assert_int_equal(errno, EINVAL);
	c.message_max = PV_TCP_MESSAGE_MAX + 1;
	assert_null(pv_tcp_new(&c));
	c = good;
	c.flows_max = PV_TCP_FLOWS_MAX + 1;
	assert_null(pv_tcp_new(&c));
	c = good;
	c.bytes_max = PV_TCP_BYTES_MAX + 1;
	assert_null(pv_tcp_new(&c));
	c = good;
	c.frame = NULL;
	assert_null(pv_tcp_new(&c));
}

/* Says 0 of one byte and then that one byte was all. */
static size_t frame_fickle(void *ctx, const uint8_t *head, size_t n)
{
	(void)ctx, (void)head;
	return n < 2 ? 0 : 1;
}

/* A frame function that needs 19 bytes, as BGP's. */
static size_t frame19(void *ctx, const uint8_t *head, size_t n)
{
	(void)ctx;
	return n < 19 ? 0 : (size_t)head[16] << 8 | head[17];
}

static void count_message(void *ctx, const struct pv_packet *p, const uint8_t *bytes, size_t n)
{
	(void)p;
	(void)bytes;
	*(size_t *)ctx = *(size_t *)ctx * 1000 + n;
}

static size_t frame_never(void *ctx, const uint8_t *head, size_t n)
{
	(void)ctx, (void)head, (void)n;
	return 0;
}

static void test_long_head(void **state)
{
	uint8_t s[100] = {0};
	(void)state;
	s[17] = 19; /* a message that is its head, and one of 40 */
	s[19 + 17] = 40;
	for (uint32_t cut = 1; cut < 59; cut++) {
		size_t sizes = 0;
		struct pv_tcp_conf c = {.flows_max = 2, .bytes_max = 4096, .message_max = 4096, .ctx = &sizes,
					.frame = frame19, .message = count_message};
		struct pv_tcp *t = pv_tcp_new(&c);
		struct pv_packet p = {.l3 = 4, .l4 = PV_L4_TCP, .sport = 1, .dport = 179};
		p.payload_len = p.payload_wire_len = cut;
		pv_tcp_packet(t, &p, s);
		p.tcp_seq = cut;
		p.payload_len = p.payload_wire_len = 59 - cut;
		pv_tcp_packet(t, &p, s + cut);
		assert_int_equal(sizes, 19040);
		pv_tcp_free(t);
	}
	{ /* one that changes its mind */
		size_t sizes = 0;
		struct pv_tcp_conf c = {.flows_max = 2, .bytes_max = 4096, .message_max = 4096, .ctx = &sizes,
					.frame = frame_fickle, .message = count_message};
		struct pv_tcp *t = pv_tcp_new(&c);
		struct pv_packet p = {.l3 = 4, .l4 = PV_L4_TCP, .sport = 1, .dport = 179};
		p.payload_len = p.payload_wire_len = 1;
		pv_tcp_packet(t, &p, s);
		p.tcp_seq = 1;
		pv_tcp_packet(t, &p, s);
		assert_int_equal(pv_tcp_stats(t)->broken, 1);
		assert_int_equal(sizes, 0);
		pv_tcp_free(t);
	}
	/* one that never knows is stopped */
	for (int whole = 0; whole <= 1; whole++) {
		size_t sizes = 0;
		struct pv_tcp_conf c = {.flows_max = 2, .bytes_max = 4096, .message_max = 4096, .ctx = &sizes,
					.frame = frame_never, .message = count_message};
		struct pv_tcp *t = pv_tcp_new(&c);
		struct pv_packet p = {.l3 = 4, .l4 = PV_L4_TCP, .sport = 1, .dport = 179};
		p.payload_len = p.payload_wire_len = whole ? 64 : 1;
		for (int i = 0; i < (whole ? 1 : 64); i++, p.tcp_seq++) {
			assert_int_equal(pv_tcp_stats(t)->broken, 0);
			pv_tcp_packet(t, &p, s);
		}
		assert_int_equal(pv_tcp_stats(t)->broken, 1);
		pv_tcp_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_every_order),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_syn_with_data),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_where_lost),
		cmocka_unit_test(test_two_holes),
		cmocka_unit_test(test_hole_at_the_end),
		cmocka_unit_test(test_early_twice),
		cmocka_unit_test(test_snapped),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_cut_at_the_end),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_nothing_made_of_ends),
		cmocka_unit_test(test_port_reuse),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_syn_flood),
		cmocka_unit_test(test_eviction_order),
		cmocka_unit_test(test_buffer_flood),
		cmocka_unit_test(test_one_side_holds_little),
		cmocka_unit_test(test_tiny),
		cmocka_unit_test(test_room_within_a_length),
		cmocka_unit_test(test_giants),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_long_head),
	};
	return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
