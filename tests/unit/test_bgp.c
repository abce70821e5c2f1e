/* SPDX-License-Identifier: MPL-2.0 */
/* lib/bgp: headers from bytes at every prefix length, messages out of segments, metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/analyser.h"
#include "bgp/message.h"
#include "bgp/metrics.h"
#include "event/check.h"
#include "metric/bucket.h"
#include "packet/tcp.h"
#include "stage/stop.h"
#include "unit/guard.h"

#define NS UINT64_C(1000000000)
#define T0 (UINT64_C(1700000000) * NS)

/* ---- messages ----------------------------------------------------------------------------------- */

static size_t put(uint8_t *b, size_t length, unsigned type)
{
	memset(b, 0xff, 16);
	b[16] = (uint8_t)(length >> 8);
	b[17] = (uint8_t)length;
	b[18] = (uint8_t)type;
	for (size_t i = PV_BGP_HEADER; i < length; i++)
		b[i] = (uint8_t)i;
	return length;
}

static const struct {
	const char *name;
	size_t length; /* as the header says */
	unsigned type;
	enum pv_bgp_reason reason;
} headers[] = {
	{"open", 29, 1, PV_BGP_OK},
	{"open, too short", 28, 1, PV_BGP_LENGTH},
	{"open, the longest", 4096, 1, PV_BGP_OK},
	{"open is never extended", 4097, 1, PV_BGP_LENGTH},
	{"update", 23, 2, PV_BGP_OK},
	{"update, too short", 22, 2, PV_BGP_LENGTH},
	{"update, extended", 4097, 2, PV_BGP_OK},
	{"update, the longest", 65535, 2, PV_BGP_OK},
	{"notification", 21, 3, PV_BGP_OK},
	{"notification, too short", 20, 3, PV_BGP_LENGTH},
	{"notification with data", 200, 3, PV_BGP_OK},
	{"keepalive", 19, 4, PV_BGP_OK},
	{"keepalive, too long", 20, 4, PV_BGP_LENGTH},
	{"shorter than a header", 18, 4, PV_BGP_LENGTH},
	{"no length", 0, 2, PV_BGP_LENGTH},
	{"route refresh", 23, 5, PV_BGP_OK},
	{"route refresh, too short", 22, 5, PV_BGP_LENGTH},
	{"route refresh with a filter", 60, 5, PV_BGP_OK},
	{"type 0", 19, 0, PV_BGP_TYPE},
	{"type 6", 19, 6, PV_BGP_TYPE},
	{"type 255", 65535, 255, PV_BGP_TYPE},
	{"type 6, too short", 18, 6, PV_BGP_LENGTH},
};

static void messages(void **state)
{
	static uint8_t whole[65536];
	struct guard g;
	(void)state;
	guard_init(&g, sizeof whole);
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		struct pv_bgp_message m;
		enum pv_bgp_reason want = headers[i].reason, why = PV_BGP_OK;
		bool breaks = want == PV_BGP_LENGTH;
		size_t n = headers[i].length < PV_BGP_HEADER ? PV_BGP_HEADER : headers[i].length;
		print_message("%s\n", headers[i].name);
		put(whole, headers[i].length, headers[i].type);
		for (size_t k = 0; k <= n; k += k < 64 || n - k < 64 ? 1 : 61) {
			const uint8_t *at = guard_put(&g, whole, k);
			size_t frame = k ? pv_bgp_frame(at, k, &why) : 0;
			size_t wanted = k < PV_BGP_HEADER ? 0 : breaks ? SIZE_MAX : headers[i].length;
			assert_true(frame == wanted);
			enum pv_bgp_reason short_of = k < PV_BGP_HEADER ? PV_BGP_SHORT : breaks ? PV_BGP_LENGTH : PV_BGP_CUT;
			assert_int_equal(pv_bgp_decode(at, k, &m), k == n ? want : short_of);
		}
		if (breaks)
			assert_int_equal(why, PV_BGP_LENGTH);
		assert_int_equal(m.type, headers[i].type);
		assert_int_equal(m.length, headers[i].length);
		bool notification = !breaks && headers[i].type == PV_BGP_NOTIFICATION;
		assert_int_equal(m.code, notification ? 19 : 0);
		assert_int_equal(m.subcode, notification ? 20 : 0);
	}
	guard_free(&g);
}

/* A marker that is not all ones lies as soon as it can be seen to. */
static void markers(void **state)
{
	uint8_t b[PV_BGP_HEADER];
	struct pv_bgp_message m;
	(void)state;
	for (size_t bad = 0; bad < 16; bad++) {
		put(b, PV_BGP_HEADER, PV_BGP_KEEPALIVE);
		b[bad] = 0xfe;
		for (size_t k = 1; k <= sizeof b; k++) {
			enum pv_bgp_reason why = PV_BGP_OK;
			bool seen = k > bad;
			assert_true(pv_bgp_frame(b, k, &why) == (seen ? SIZE_MAX : 0));
			assert_int_equal(why, seen ? PV_BGP_MARKER : PV_BGP_OK);
			assert_int_equal(pv_bgp_decode(b, k, &m), seen ? PV_BGP_MARKER : PV_BGP_SHORT);
		}
	}
}

/* ---- the analyser ------------------------------------------------------------------------------- */

struct stream {
	struct pv_stage *stage;
	struct pv_bucket *bucket;
	struct pv_bgp last;
	unsigned events, base, errors, packets, reassembled;
	uint8_t error; /* the last */
	uint64_t ledger[512], number;
	uint32_t seq[2];
};

static void on_stop(struct stream *s, const struct pv_event *ev)
{
	size_t n;
	const struct pv_ledger_row *row = pv_stop_rows((const void *)ev, &n);
	for (size_t r = 0; r < n; r++)
		if (row[r].stage == 1)
			s->ledger[row[r].what] = row[r].value;
}

static enum pv_res collect(void *ctx, const struct iovec *iov, int n)
{
	struct stream *s = ctx;
	struct pv_handler_ctx hctx = {0};
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		for (; p < end; p += ((const struct pv_event *)(const void *)p)->size) {
			const struct pv_event *ev = (const void *)p;
			assert_null(pv_event_check(ev));
			assert_true(ev->time_ns >= T0);
			if (ev->type == PV_EV_STOP)
				on_stop(s, ev);
			if (ev->type == PV_EV_PACKET) {
				s->packets++;
				s->reassembled += !!(((const struct pv_packet *)(const void *)ev)->bits & PV_PKT_MESSAGE);
			}
			if (ev->type == PV_EV_TCP_ERROR) {
				s->errors++;
				s->error = ((const struct pv_tcp_error *)(const void *)ev)->reason;
			}
			if (ev->type != PV_EV_BGP)
				continue;
			s->events++;
			s->base += pv_bgp_v1.is_base(ev);
			memcpy(&s->last, ev, sizeof s->last);
			pv_bgp_v1.update(s->bucket, ev, true, &hctx);
		}
	}
	return PV_OK;
}

static void feed(struct stream *s, const void *ev)
{
	assert_null(pv_event_check(ev));
	s->stage->ops->batch(s->stage, ev, ((const struct pv_event *)ev)->size);
	pv_out_flush(&s->stage->out);
}

static void begin(struct stream *s, bool chain)
{
	const struct pv_filter_conf f = {.chain = chain};
	struct pv_start start = {
		.ev = {sizeof start, PV_EV_START, 0, T0}, .magic = PV_EVENT_MAGIC, .major = PV_EVENT_MAJOR};
	memset(s, 0, sizeof *s);
	s->bucket = pv_bucket_new(&pv_bgp_v1, &(struct pv_bucket_conf){.seed = 1});
	s->stage = pv_filter_new(&pv_bgp_ops, pv_bgp_new(&(struct pv_bgp_conf){.seed = 1}), &f,
				 (struct pv_sink){.write = collect, .ctx = s});
	assert_non_null(s->bucket);
	assert_non_null(s->stage);
	feed(s, &start);
}

/* Ends the stream; its ledger must balance, and be what the events say. */
static void finish(struct stream *s)
{
	struct pv_stop stop = {.ev = {sizeof stop, PV_EV_STOP, 0, T0 + 3600 * NS}};
	feed(s, &stop);
	const uint64_t *l = s->ledger;
	assert_int_equal(l[PV_LEDGER_RECEIVED],
			 l[PV_LEDGER_ANALYSED] + l[PV_LEDGER_MALFORMED] + l[PV_LEDGER_UNSUPPORTED]);
	assert_int_equal(l[PV_LEDGER_RECEIVED], s->events);
	assert_int_equal(l[PV_LEDGER_ANALYSED], s->base);
	pv_stage_free(s->stage);
	pv_bucket_free(s->bucket);
}

/* A segment of side 0 (the client) or 1, where that side stands. */
static void segment_at(struct stream *s, uint64_t t, int side, unsigned flags, const void *bytes, size_t n, uint32_t seq)
{
	static struct {
		struct pv_packet p;
		uint8_t payload[66000];
	} e;
	memset(&e.p, 0, sizeof e.p);
	e.p.ev = (struct pv_event){pv_round8(PV_PACKET_FIXED_BASE + n), PV_EV_PACKET, 0, t};
	e.p.number = ++s->number;
	e.p.src[15] = (uint8_t)(1 + side);
	e.p.dst[15] = (uint8_t)(2 - side);
	e.p.sport = side ? PV_BGP_PORT : 40000;
	e.p.dport = side ? 40000 : PV_BGP_PORT;
	e.p.l3 = 6;
	e.p.l4 = PV_L4_TCP;
	e.p.proto = 6;
	e.p.dir = side ? PV_DIR_OUT : PV_DIR_IN;
	e.p.stamp = 42;
	e.p.tcp_flags = (uint8_t)(flags | PV_TCP_ACK);
	e.p.tcp_seq = seq;
	e.p.vlan = PV_NO_VLAN;
	e.p.payload_off = n ? PV_PACKET_FIXED_BASE : 0;
	e.p.payload_len = e.p.payload_wire_len = (uint32_t)n;
	memcpy((uint8_t *)&e + PV_PACKET_FIXED_BASE, bytes, n);
	feed(s, &e);
}

static void segment(struct stream *s, uint64_t t, int side, const void *bytes, size_t n)
{
	segment_at(s, t, side, 0, bytes, n, s->seq[side]);
	s->seq[side] += (uint32_t)n;
}

static const union pv_cell *cell(const struct stream *s, const char *path)
{
	for (size_t i = 0; i < pv_bgp_v1.nmetrics; i++)
		if (!strcmp(pv_bgp_v1.metrics[i].path, path))
			return &pv_bucket_root(s->bucket)->cells[i];
	fail_msg("no metric %s", path);
	return NULL;
}

static uint64_t counter(const struct stream *s, const char *path)
{
	char whole[64];
	snprintf(whole, sizeof whole, "wire_packets.%s", path);
	return cell(s, whole)->count;
}

/* One of each type, cut into segments of every size: the same nine messages. */
static void segments(void **state)
{
	static const unsigned types[] = {1, 4, 2, 2, 2, 5, 4, 9, 3};
	static const size_t lengths[] = {53, 19, 23, 4096, 70, 23, 19, 30, 21};
	static uint8_t all[8192];
	size_t total = 0;
	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		total += put(all + total, lengths[i], types[i]);
	static const size_t sizes[] = {1, 2, 7, 18, 19, 20, 100, 536, 1460, 4096, 8192};
	for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
		struct stream s;
		begin(&s, false);
		for (size_t at = 0; at < total; at += sizes[k])
			segment(&s, T0 + NS, 1, all + at, total - at < sizes[k] ? total - at : sizes[k]);
		assert_int_equal(s.events, 9);
		assert_int_equal(s.base, 8); /* one is of no known type */
		assert_int_equal(s.errors, 0);
		assert_int_equal(counter(&s, "open"), 1);
		assert_int_equal(counter(&s, "update"), 3);
		assert_int_equal(counter(&s, "notification"), 1);
		assert_int_equal(counter(&s, "keepalive"), 2);
		assert_int_equal(counter(&s, "routerefresh"), 1);
		assert_int_equal(counter(&s, "total"), 8);
		assert_int_equal(pv_rate_at(cell(&s, "rates.total")->rate, s.bucket->now_sec), 8);
		assert_int_equal(counter(&s, "filtered"), 0);
		assert_int_equal(s.last.message, PV_BGP_NOTIFICATION);
		assert_int_equal(s.last.packet, s.number);
		assert_int_equal(s.last.stage, 1);
		assert_int_equal(s.last.stamp, 42);
		assert_int_equal(s.last.dir, PV_DIR_OUT);
		assert_int_equal(s.last.sport, PV_BGP_PORT);
		assert_int_equal(s.last.dport, 40000);
		assert_int_equal(s.last.length, 21);
		assert_int_equal(s.last.code, 19);
		finish(&s);
		assert_int_equal(s.ledger[PV_LEDGER_UNSUPPORTED], 1);
		assert_int_equal(s.ledger[PV_LEDGER_REASON + PV_BGP_TYPE], 1);
	}
}

/* A side that lies is not read any more, until another connection; the other side is. */
static void liars(void **state)
{
	uint8_t good[PV_BGP_HEADER], bad[PV_BGP_HEADER];
	static const struct {
		size_t length;
		bool marker;
		enum pv_bgp_reason reason;
	} lies[] = {{19, true, PV_BGP_MARKER}, {18, false, PV_BGP_LENGTH}, {20, false, PV_BGP_LENGTH}};
	(void)state;
	put(good, PV_BGP_HEADER, PV_BGP_KEEPALIVE);
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct stream s;
		put(bad, PV_BGP_HEADER, PV_BGP_KEEPALIVE);
		bad[17] = (uint8_t)lies[i].length;
		bad[3] = lies[i].marker ? 0 : 0xff;
		begin(&s, false);
		segment(&s, T0, 0, good, sizeof good);
		segment(&s, T0, 1, good, sizeof good);
		segment(&s, T0, 0, bad, sizeof bad);
		assert_int_equal(s.events, 3);
		assert_int_equal(s.last.reason, lies[i].reason);
		assert_int_equal(s.errors, 1);
		assert_int_equal(s.error, PV_TCP_FRAME);
		for (int k = 0; k < 3; k++)
			segment(&s, T0 + NS, 0, good, sizeof good);
		assert_int_equal(s.base, 2);
		segment(&s, T0 + NS, 1, good, sizeof good);
		assert_int_equal(s.base, 3);
		segment(&s, T0 + 500 * NS, 0, good, sizeof good); /* hours of silence are another matter */
		assert_int_equal(s.base, 3);
		segment_at(&s, T0 + 500 * NS, 0, PV_TCP_RST, "", 0, s.seq[0]);
		s.seq[0] = 7000000;
		segment_at(&s, T0 + 501 * NS, 0, PV_TCP_SYN, "", 0, s.seq[0]++);
		segment(&s, T0 + 501 * NS, 0, good, sizeof good);
		assert_int_equal(s.base, 4);
		finish(&s);
		assert_int_equal(s.ledger[PV_LEDGER_MALFORMED], 1);
		assert_int_equal(s.ledger[PV_LEDGER_REASON + lies[i].reason], 1);
	}
}

/* Lost within a message of known length: that message is lost. Between two, or in a header: the side is. */
static void gaps(void **state)
{
	uint8_t b[100];
	struct stream s;
	(void)state;
	begin(&s, false);
	put(b, 100, PV_BGP_UPDATE);
	segment(&s, T0, 0, b, 40);
	s.seq[0] += 30; /* never come */
	segment(&s, T0, 0, b + 70, 30);
	segment(&s, T0, 0, b, 100);
	assert_int_equal(s.events, 0); /* it may still come */
	segment_at(&s, T0, 0, PV_TCP_RST, "", 0, s.seq[0]);
	assert_int_equal(s.events, 1);
	assert_int_equal(s.error, PV_TCP_LOST);
	finish(&s);
	assert_int_equal(s.ledger[PV_LEDGER_TCP_LOST_BYTES], 30);

	begin(&s, false);
	segment(&s, T0, 0, b, 100);
	segment(&s, T0, 0, b, 10);
	s.seq[0] += 30;
	segment(&s, T0, 0, b, 100);
	segment_at(&s, T0, 0, PV_TCP_RST, "", 0, s.seq[0]);
	assert_int_equal(s.events, 1);
	assert_int_equal(s.error, PV_TCP_GAP);
	finish(&s);

	/* twice, and in another order */
	begin(&s, false);
	segment_at(&s, T0, 0, PV_TCP_SYN, "", 0, 99);
	segment_at(&s, T0, 0, 0, b + 50, 50, 150);
	segment_at(&s, T0, 0, 0, b, 50, 100);
	segment_at(&s, T0, 0, 0, b, 50, 100);
	segment_at(&s, T0, 0, 0, b, 100, 100);
	assert_int_equal(s.events, 1);
	assert_int_equal(s.errors, 0);
	finish(&s);
	assert_int_equal(s.ledger[PV_LEDGER_TCP_RETRANSMIT], 2);
}

/* A session that keeps its hold time is not forgotten in the middle of a message. */
static void slow(void **state)
{
	uint8_t b[60];
	struct stream s;
	(void)state;
	put(b, 60, PV_BGP_UPDATE);
	begin(&s, false);
	segment(&s, T0, 0, b, 30);
	struct pv_event tick = {sizeof tick, PV_EV_TICK, 0, T0 + 300 * NS};
	feed(&s, &tick);
	segment(&s, T0 + 400 * NS, 0, b + 30, 30);
	assert_int_equal(s.events, 1);
	segment(&s, T0 + 400 * NS, 0, b, 30);
	tick.time_ns = T0 + 1000 * NS;
	feed(&s, &tick);
	assert_int_equal(s.error, PV_TCP_CUT);
	finish(&s);
	assert_int_equal(s.ledger[PV_LEDGER_FLOW_IDLE], 1);
}

/* --chain: messages go on as packets, and are read again behind it. */
static void chains(void **state)
{
	uint8_t b[100];
	struct stream s;
	(void)state;
	put(b, 60, PV_BGP_UPDATE);
	put(b + 60, 19, PV_BGP_KEEPALIVE);
	begin(&s, true);
	segment(&s, T0, 0, b, 40);
	segment(&s, T0, 0, b + 40, 39);
	assert_int_equal(s.events, 2);
	assert_int_equal(s.packets, 2);
	assert_int_equal(s.reassembled, 2);
	finish(&s);

	begin(&s, false);
	struct {
		struct pv_packet p;
		uint8_t payload[64];
	} e = {.p = {.ev = {pv_round8(PV_PACKET_FIXED_BASE + 60), PV_EV_PACKET, 0, T0},
		     .number = 1, .l3 = 4, .l4 = PV_L4_TCP, .sport = PV_BGP_PORT, .bits = PV_PKT_MESSAGE,
		     .payload_off = PV_PACKET_FIXED_BASE, .payload_len = 60}};
	memcpy((uint8_t *)&e + PV_PACKET_FIXED_BASE, b, 60);
	feed(&s, &e);
	assert_int_equal(s.base, 1);
	e.p.payload_len = 59;
	feed(&s, &e);
	assert_int_equal(s.last.reason, PV_BGP_CUT);
	e.p.payload_len = 0;
	feed(&s, &e);
	e.p.l4 = PV_L4_UDP;
	feed(&s, &e);
	e.p.l4 = PV_L4_TCP;
	e.p.sport = 180;
	e.p.payload_len = 60;
	feed(&s, &e);
	assert_int_equal(s.events, 2);
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages), cmocka_unit_test(markers),
		cmocka_unit_test(segments), cmocka_unit_test(liars),   cmocka_unit_test(gaps),
		cmocka_unit_test(slow),     cmocka_unit_test(chains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
