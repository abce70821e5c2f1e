/* SPDX-License-Identifier: MPL-2.0 */
/* lib/mock: frames that are what they should be, and a source that behaves like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "event/check.h"
#include "mock/frame.h"
#include "mock/mock.h"
#include "packet/decode.h"
#include "unit/stream_util.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MS     UINT64_C(1000000)

/* ---- frames ------------------------------------------------------------------------------------- */

/* The first three of the default seed, byte for byte: they are the same in every version and on every machine. */
static void same_everywhere(void **state)
{
	(void)state;
	static const char *const want[] = {
	    "aabbccddc92b005043112233080045000041000000004011afefc0a800010a0000140035a3db002d0000"
	    "7abc8185000100000000000001360d706b747669736f722d6d6f636b036465760000100001",
	    "aabbccdd1fab005043112233080045000042000000004011afa4c0a800010a00005e00354a6a002e0000"
	    "174b818400010000000000000231330d706b747669736f722d6d6f636b0364657600001c0001",
	    "005043112233aabbccddc751080045000042000000004011af4c0a0000b6c0a80001a6840035002e0000"
	    "5c63010000010000000000000231390d706b747669736f722d6d6f636b0364657600000f0001",
	};
	uint64_t random = PV_MOCK_SEED, again = PV_MOCK_SEED;
	for (size_t i = 0; i < LEN(want); i++) {
		uint8_t frame[PV_MOCK_FRAME_MAX], other[PV_MOCK_FRAME_MAX];
		char text[2 * PV_MOCK_FRAME_MAX + 1];
		size_t n = pv_mock_frame(&random, frame);
		for (size_t k = 0; k < n; k++)
			snprintf(text + 2 * k, 3, "%02x", frame[k]);
		assert_string_equal(text, want[i]);
		assert_int_equal(pv_mock_frame(&again, other), n);
		assert_memory_equal(frame, other, n);
	}
}

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Where a question's name ends: labels by hand, so that this does not lean on our own decoder. */
static size_t name_text(const uint8_t *p, const uint8_t *end, char *out, size_t cap)
{
	size_t n = 0, at = 0;
	while (p + at < end && p[at]) {
		size_t len = p[at++];
		assert_true(len < 64 && p + at + len < end && n + len + 2 < cap);
		if (n)
			out[n++] = '.';
		memcpy(out + n, p + at, len);
		n += len;
		at += len;
	}
	out[n] = 0;
	return at + 1;
}

/* Every choice there is comes, and no other. */
static void choices(void **state)
{
	(void)state;
	uint64_t random = 1;
	unsigned dir[3] = {0}, names[20] = {0}, types[5] = {0}, rcodes[6] = {0}, peers[256] = {0};
	static const unsigned known[5] = {1, 28, 12, 15, 16};
	enum { FRAMES_ = 20000 };
	struct pv_hosts *hosts = pv_hosts_new();
	char err[100];
	assert_int_equal(pv_hosts_parse(hosts, PV_MOCK_HOST, err, sizeof err), 0);
	const struct pv_decoder decoder = {.linktype = PV_DLT_ETHERNET, .hosts = hosts};
	for (unsigned i = 0; i < FRAMES_; i++) {
		uint8_t frame[PV_MOCK_FRAME_MAX];
		const uint8_t *payload = NULL;
		struct pv_packet p;
		uint32_t len = (uint32_t)pv_mock_frame(&random, frame);
		assert_true(len <= 80);
		pv_decode(&decoder, frame, len, len, &p, &payload);
		assert_int_equal(p.bits, PV_PKT_ETH);
		assert_int_equal(p.reason, PV_DEC_OK);
		assert_int_equal(p.l3, 4);
		assert_int_equal(p.l4, PV_L4_UDP);
		assert_int_equal(p.payload_len, p.payload_wire_len);
		assert_ptr_equal(payload + p.payload_len, frame + len);
		bool in = p.dir == PV_DIR_IN;
		dir[p.dir]++;
		assert_int_equal(in ? p.dport : p.sport, 53);
		assert_true((in ? p.sport : p.dport) >= 1024);
		const uint8_t *host = in ? p.dst : p.src, *peer = in ? p.src : p.dst;
		assert_memory_equal(host + 12, "\300\250\0\1", 4);
		assert_memory_equal(peer + 12, "\12\0\0", 3);
		peers[peer[15]]++;
		assert_memory_equal(in ? p.eth_dst : p.eth_src, "\0\120\103\21\42\63", 6);
		assert_memory_equal(in ? p.eth_src : p.eth_dst, "\252\273\314\335", 4);
		unsigned sum = 0; /* of a header that is right: all ones */
		for (int k = 14; k < 34; k += 2)
			sum += be16(frame + k);
		assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);

		unsigned flags = be16(payload + 2), number, type;
		assert_int_equal(flags & ~15u, in ? 0x0100 : 0x8180);
		assert_int_equal(in && (flags & 15), 0);
		if (!in) {
			assert_true((flags & 15) < 6);
			rcodes[flags & 15]++;
		}
		assert_memory_equal(payload + 4, "\0\1\0\0\0\0\0\0", 8);
		char name[64];
		size_t at = 12 + name_text(payload + 12, payload + p.payload_len, name, sizeof name);
		char rest[64] = "";
		assert_int_equal(sscanf(name, "%u%63s", &number, rest), 2);
		assert_string_equal(rest, ".pktvisor-mock.dev");
		assert_true(number < 20);
		names[number]++;
		for (type = 0; type < 5 && known[type] != be16(payload + at); type++)
			;
		assert_true(type < 5);
		types[type]++;
		assert_int_equal(be16(payload + at + 2), 1);
		assert_int_equal(at + 4, p.payload_len);
	}
	pv_hosts_free(hosts);
	assert_int_equal(dir[PV_DIR_UNKNOWN], 0);
	assert_in_range(dir[PV_DIR_IN], FRAMES_ * 45 / 100, FRAMES_ * 55 / 100);
	for (unsigned i = 0; i < 20; i++)
		assert_in_range(names[i], FRAMES_ / 20 * 8 / 10, FRAMES_ / 20 * 12 / 10);
	for (unsigned i = 0; i < 5; i++)
		assert_in_range(types[i], FRAMES_ / 5 * 9 / 10, FRAMES_ / 5 * 11 / 10);
	for (unsigned i = 0; i < 6; i++)
		assert_in_range(rcodes[i], FRAMES_ / 12 * 8 / 10, FRAMES_ / 12 * 12 / 10);
	for (unsigned i = 0; i < 255; i++)
		assert_true(peers[i] > 0);
	assert_int_equal(peers[255], 0);
}

/* ---- the source --------------------------------------------------------------------------------- */

struct run {
	struct mem m;
	struct pv_out out;
	struct pv_mock *mock;
	enum pv_res res;
	unsigned polls, waits;
};

static void open_run(struct run *r, const struct pv_mock_conf *conf)
{
	char err[100] = "";
	memset(r, 0, sizeof *r);
	assert_int_equal(pv_out_init(&r->out, mem_sink(&r->m)), 0);
	r->mock = pv_mock_open(conf, err, sizeof err);
	if (!r->mock)
		fail_msg("%s", err);
}

static void poll_once(struct run *r)
{
	r->res = pv_mock_poll(r->mock, &r->out);
	pv_out_flush(&r->out);
	r->polls++;
	r->waits += r->res == PV_AGAIN;
}

static void poll_all(struct run *r)
{
	do
		poll_once(r);
	while (r->res == PV_OK || r->res == PV_AGAIN);
}

static void close_run(struct run *r)
{
	pv_mock_free(r->mock);
	pv_out_free(&r->out);
	mem_free(&r->m);
}

static const struct pv_event *next_event(const struct run *r, size_t *at)
{
	const struct pv_event *ev = *at < r->m.n ? ev_at(&r->m, *at) : NULL;
	*at += ev ? ev->size : 0;
	return ev;
}

static bool is_text(const struct pv_event *ev, struct pv_ref ref, const char *s)
{
	return ref.len == strlen(s) && !memcmp(pv_ref_bytes(ev, ref), s, ref.len);
}

static uint64_t clock_of(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
}

/* A whole stream, and what is in it. */
static void packets(void **state)
{
	(void)state;
	const struct pv_mock_conf conf = {.count = 30, .interval_ns = MS, .stream_id = 77, .producer = "me 1"};
	struct run r;
	uint64_t random = PV_MOCK_SEED, number = 0, last = clock_of(CLOCK_REALTIME);
	size_t at = 0, n;
	open_run(&r, &conf);
	poll_all(&r);
	assert_int_equal(r.res, PV_END);
	assert_int_equal(pv_mock_packets(r.mock), 30);
	const struct pv_start *s = (const void *)next_event(&r, &at);
	assert_int_equal(s->ev.type, PV_EV_START);
	assert_int_equal(s->clock, PV_CLOCK_LIVE);
	assert_int_equal(s->stream_id, 77);
	assert_int_equal(s->hosts_count, 1);
	assert_true(is_text(&s->ev, s->producer, "me 1") && is_text(&s->ev, s->source, "mock"));
	const struct pv_stage_event *stage = (const void *)next_event(&r, &at);
	assert_int_equal(stage->ev.type, PV_EV_STAGE);
	assert_int_equal(stage->kind, PV_STAGE_SOURCE);
	assert_true(is_text(&stage->ev, stage->type, "pcap"));
	const struct pv_event *ev, *end = NULL;
	while ((ev = next_event(&r, &at))) {
		uint8_t frame[PV_MOCK_FRAME_MAX];
		assert_null(pv_event_check(ev));
		assert_true(ev->time_ns >= last && ev->time_ns <= clock_of(CLOCK_REALTIME));
		last = ev->time_ns;
		end = ev;
		if (ev->type != PV_EV_PACKET)
			continue;
		const struct pv_packet *p = (const void *)ev;
		uint32_t len = (uint32_t)pv_mock_frame(&random, frame);
		assert_int_equal(p->number, ++number);
		assert_int_equal(p->wire_len, len);
		assert_int_equal(p->cap_len, len);
		assert_int_equal(p->bits, 0);
		assert_int_equal(p->payload_len, len - 42);
		assert_memory_equal((const uint8_t *)p + p->payload_off, frame + 42, len - 42);
	}
	assert_int_equal(number, 30);
	assert_int_equal(end->type, PV_EV_STOP);
	const struct pv_ledger_row *row = pv_stop_rows((const void *)end, &n);
	assert_true(n >= 2);
	assert_true(row[0].what == PV_LEDGER_RECEIVED && row[0].value == 30);
	assert_true(row[1].what == PV_LEDGER_ANALYSED && row[1].value == 30);
	n = r.m.n; /* over is over */
	poll_once(&r);
	assert_int_equal(r.res, PV_END);
	assert_int_equal(r.m.n, n);
	close_run(&r);
}

/* In real time: ten a second, and no faster; it waits, and not for long. */
static void pace(void **state)
{
	(void)state;
	const struct pv_mock_conf conf = {.count = 4};
	struct run r;
	uint64_t start = clock_of(CLOCK_MONOTONIC);
	open_run(&r, &conf);
	poll_all(&r);
	uint64_t took = clock_of(CLOCK_MONOTONIC) - start;
	assert_true(took >= 300 * MS);
	assert_true(r.waits >= 1 || took > 400 * MS); /* unless we were kept from it: then all of them were due */
	assert_true(r.polls < 100);
	assert_int_equal(r.out.events[PV_EV_PACKET], 4);
	close_run(&r);
}

/* Seconds without a packet get a TICK; of packets there are STATS. */
static void seconds(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		struct pv_mock_conf conf;
		unsigned ticks, stats, packets; /* at least; ticks 0: none */
	} cases[] = {
	    {"packets", {.duration_ns = 1700 * MS}, 0, 1, 2},
	    {"few packets", {.duration_ns = 2800 * MS, .interval_ns = 60 * SEC}, 1, 2, 1},
	    {"the one packet was in the first second", {.duration_ns = 1700 * MS, .interval_ns = UINT64_MAX}, 0, 1, 1},
	    {"empty", {.kind = PV_MOCK_EMPTY, .duration_ns = 2800 * MS}, 2, 0, 0},
	};
	struct run r[LEN(cases)];
	bool more = true;
	for (size_t i = 0; i < LEN(cases); i++)
		open_run(&r[i], &cases[i].conf);
	while (more) { /* all of them at once: seconds are long */
		more = false;
		for (size_t i = 0; i < LEN(cases); i++) {
			poll_once(&r[i]);
			more |= r[i].res == PV_OK || r[i].res == PV_AGAIN;
		}
	}
	for (size_t i = 0; i < LEN(cases); i++) {
		uint64_t *n = r[i].out.events, type = cases[i].conf.kind == PV_MOCK_EMPTY;
		if (n[PV_EV_TICK] < cases[i].ticks || (!cases[i].ticks && n[PV_EV_TICK]) ||
		    n[PV_EV_STATS] < cases[i].stats || (!cases[i].stats && n[PV_EV_STATS]) ||
		    n[PV_EV_PACKET] < cases[i].packets || (!cases[i].packets && n[PV_EV_PACKET]))
			fail_msg("%s: %llu ticks, %llu stats, %llu packets", cases[i].name,
				 (unsigned long long)n[PV_EV_TICK], (unsigned long long)n[PV_EV_STATS],
				 (unsigned long long)n[PV_EV_PACKET]);
		size_t at = 0;
		assert_int_equal(((const struct pv_start *)(const void *)next_event(&r[i], &at))->hosts_count, !type);
		const struct pv_stage_event *stage = (const void *)next_event(&r[i], &at);
		assert_true(is_text(&stage->ev, stage->type, type ? "mock" : "pcap"));
		close_run(&r[i]);
	}
}

static void stops(void **state)
{
	(void)state;
	for (int by_fd = 0; by_fd < 2; by_fd++) {
		int fd = eventfd(0, EFD_CLOEXEC);
		const struct pv_mock_conf conf = {.interval_ns = UINT64_MAX, .stop_fd = fd};
		struct run r;
		open_run(&r, &conf);
		for (int i = 0; i < 4; i++)
			poll_once(&r);
		assert_int_equal(r.res, PV_AGAIN);
		if (by_fd)
			assert_int_equal(eventfd_write(fd, 1), 0);
		else
			pv_mock_stop(r.mock);
		poll_once(&r);
		assert_int_equal(r.res, PV_END);
		assert_int_equal(r.out.events[PV_EV_STOP], 1);
		close_run(&r);
		close(fd);
	}
}

static void nobody_reads(void **state)
{
	(void)state;
	const struct pv_mock_conf conf = {.interval_ns = 1};
	struct run r;
	open_run(&r, &conf);
	r.m.fail_after = 3;
	poll_all(&r);
	assert_int_equal(r.res, PV_STOP);
	assert_true(r.polls < 10);
	poll_once(&r);
	assert_int_equal(r.res, PV_STOP);
	close_run(&r);
}

static void fails(void **state)
{
	(void)state;
	char err[100];
	static const struct pv_mock_conf conf[] = {{.fail = true}, {.kind = PV_MOCK_EMPTY, .fail = true}};
	for (size_t i = 0; i < LEN(conf); i++) {
		assert_null(pv_mock_open(&conf[i], err, sizeof err));
		assert_string_equal(err, "mock error on start");
	}
	pv_mock_free(NULL);
}

/* Two runs say the same, another seed something else; the stream's number is never the same. */
static void seeds(void **state)
{
	(void)state;
	struct run r[3];
	uint64_t ids[3];
	struct pv_packet first[3];
	for (int i = 0; i < 3; i++) {
		const struct pv_mock_conf conf = {.count = 1, .seed = i == 2 ? 5 : 0};
		size_t at = 0;
		open_run(&r[i], &conf);
		poll_all(&r[i]);
		ids[i] = ((const struct pv_start *)(const void *)next_event(&r[i], &at))->stream_id;
		next_event(&r[i], &at);
		const struct pv_event *p = next_event(&r[i], &at);
		assert_int_equal(p->type, PV_EV_PACKET);
		memcpy(&first[i], p, PV_PACKET_FIXED_BASE);
		first[i].ev.time_ns = 0;
		close_run(&r[i]);
	}
	assert_memory_equal(&first[0], &first[1], PV_PACKET_FIXED_BASE);
	assert_true(memcmp(&first[0], &first[2], PV_PACKET_FIXED_BASE) != 0);
	assert_true(ids[0] != ids[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_everywhere), cmocka_unit_test(choices), cmocka_unit_test(packets),
	    cmocka_unit_test(pace),	       cmocka_unit_test(seconds), cmocka_unit_test(stops),
	    cmocka_unit_test(nobody_reads),    cmocka_unit_test(fails),	  cmocka_unit_test(seeds),
	};
	return cmocka_run_group_tests_name("mock", tests, NULL, NULL);
}
