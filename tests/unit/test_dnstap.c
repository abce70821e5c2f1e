/* SPDX-License-Identifier: MPL-2.0 */
/* lib/dnstap: Frame Streams, dnstap messages, and a source that reads both from files and from a thousand clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

#include "dnstap/decode.h"
#include "dnstap/dnstap.h"
#include "dnstap/frames.h"
#include "event/check.h"
#include "unit/dnstap_util.h"
#include "unit/guard.h"
#include "unit/stream_util.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- frames --------------------------------------------------------------------------------------- */

/* What a stream gives that comes in two parts, the first of `cut` bytes, as text: c control, dN data of N bytes, e end, b bad,
 * rN a reply of N bytes. Each look is at bytes that end at a guard page. */
static enum pv_frames_reason frames_text(const struct bytes *b, bool file, size_t cut, struct guard *g, char *out, size_t cap)
{
	struct fstrm_control *control = fstrm_control_init();
	struct pv_frames f;
	size_t at = 0, n = 0, end = cut;
	out[0] = '\0';
	pv_frames_init(&f, file, control);
	for (;;) {
		const uint8_t *data;
		size_t used, len;
		enum pv_frames_result res = pv_frames_next(&f, guard_put(g, b->p + at, end - at), end - at, &used, &data, &len);
		if (res == PV_FRAMES_MORE && end == b->n)
			break;
		at += used;
		assert_true(at <= end && n + 16 < cap);
		if (res == PV_FRAMES_MORE)
			end = b->n;
		else if (res == PV_FRAMES_DATA)
			n += (size_t)snprintf(out + n, cap - n, "d%zu", len);
		else
			n += (size_t)snprintf(out + n, cap - n, "%c", res == PV_FRAMES_CONTROL ? 'c' : res == PV_FRAMES_END ? 'e' : 'b');
		if (f.reply_len)
			n += (size_t)snprintf(out + n, cap - n, "r%zu", f.reply_len);
		f.reply_len = 0;
		if (res == PV_FRAMES_BAD || (res == PV_FRAMES_END && !file))
			break;
	}
	fstrm_control_destroy(&control);
	return f.reason;
}

/* A stream in words: "ready start data:5 stop" and so on; other!: with another content type, bare: without one. */
static struct bytes stream_of(const char *words)
{
	struct bytes b = {NULL, 0, 0};
	char copy[256], *word, *at = copy;
	static uint8_t zeros[70000];
	snprintf(copy, sizeof copy, "%s", words);
	while ((word = strtok_r(at, " ", &at))) {
		char *colon = strchr(word, ':');
		const char *content = strchr(word, '!') ? "protobuf:other" : strchr(word, '.') ? NULL : CONTENT;
		if (!strncmp(word, "ready2", 6)) { /* offers two */
			put_be32(&b, 0);
			put_be32(&b, 4 + 8 + 5 + 8 + 22);
			put_be32(&b, READY);
			put_be32(&b, 1);
			put_be32(&b, 5);
			put(&b, "other", 5);
			put_be32(&b, 1);
			put_be32(&b, 22);
			put(&b, CONTENT, 22);
		} else if (!strncmp(word, "ready", 5)) {
			put_control(&b, READY, content);
		} else if (!strncmp(word, "start", 5)) {
			put_control(&b, START, content);
		} else if (!strncmp(word, "accept", 6)) {
			put_control(&b, ACCEPT, content);
		} else if (!strncmp(word, "finish", 6)) {
			put_control(&b, FINISH, NULL);
		} else if (!strncmp(word, "stop", 4)) {
			put_control(&b, STOP, NULL);
		} else if (!strncmp(word, "data", 4)) {
			put_data(&b, zeros, strtoul(colon + 1, NULL, 10));
		} else if (!strncmp(word, "length", 6)) { /* a length, and nothing behind it */
			put_be32(&b, (uint32_t)strtoul(colon + 1, NULL, 10));
		} else if (!strncmp(word, "control", 7)) { /* the length of a control frame, likewise */
			put_be32(&b, 0);
			put_be32(&b, (uint32_t)strtoul(colon + 1, NULL, 10));
		} else if (!strncmp(word, "type", 4)) { /* a control frame of a type that there is not */
			put_control(&b, (uint32_t)strtoul(colon + 1, NULL, 10), NULL);
		} else {
			fail_msg("%s", word);
		}
	}
	return b;
}

static void frame_streams(void **state)
{
	(void)state;
	static const struct {
		const char *stream;
		bool file;
		const char *want;
		enum pv_frames_reason why;
	} cases[] = {
		{"start data:69 data:89 data:123 data:103", false, "cd69d89d123d103", PV_FRAMES_FINE},
		{"start data:69 stop", false, "cd69e", PV_FRAMES_FINE},
		{"ready start data:5 stop", false, "cr42cd5er12", PV_FRAMES_FINE},
		{"ready. start. data:5", false, "cr42cd5", PV_FRAMES_FINE},
		{"ready2 start data:1", false, "cr42cd1", PV_FRAMES_FINE}, /* one of the two is ours */
		{"ready accept finish start data:7 accept data:8", false, "cr42cccd7cd8", PV_FRAMES_FINE},
		{"ready stop", false, "cr42er12", PV_FRAMES_FINE},
		{"start data:3 stop start data:4 stop", true, "cd3ecd4e", PV_FRAMES_FINE}, /* cat a b */
		{"start data:70000", false, "cd70000", PV_FRAMES_FINE},
		{"ready! start", false, "b", PV_FRAMES_CONTENT_TYPE},
		{"start! data:1", false, "b", PV_FRAMES_CONTENT_TYPE},
		{"start! data:1", true, "b", PV_FRAMES_CONTENT_TYPE},
		{"ready start! data:1", false, "cr42b", PV_FRAMES_CONTENT_TYPE},
		{"data:5", false, "b", PV_FRAMES_NO_START},
		{"ready data:5", false, "cr42b", PV_FRAMES_NO_START},
		{"start stop data:5", true, "ceb", PV_FRAMES_NO_START},
		{"start start", false, "cb", PV_FRAMES_START_ORDER},
		{"ready ready", false, "cr42b", PV_FRAMES_READY_ORDER},
		{"start ready", false, "cb", PV_FRAMES_READY_ORDER},
		{"ready start", true, "b", PV_FRAMES_READY_ORDER},
		{"start length:1048577", false, "cb", PV_FRAMES_DATA_LONG}, /* before a byte of it has come */
		{"start length:1048576", false, "c", PV_FRAMES_FINE},
		{"control:513", false, "b", PV_FRAMES_CONTROL_LONG},
		{"control:512", false, "", PV_FRAMES_FINE},
		{"control:0", false, "b", PV_FRAMES_CONTROL_BAD},
		{"type:6", false, "b", PV_FRAMES_CONTROL_BAD},
		{"type:0", false, "b", PV_FRAMES_CONTROL_BAD},
	};
	struct guard g;
	guard_init(&g, 1 << 17);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct bytes b = stream_of(cases[i].stream);
		for (size_t cut = 0; cut <= b.n && cut < 700; cut++) { /* at every byte */
			char got[256];
			enum pv_frames_reason why = frames_text(&b, cases[i].file, cut, &g, got, sizeof got);
			if (strcmp(got, cases[i].want) || why != cases[i].why)
				fail_msg("%s, cut at %zu: %s, reason %d; want %s, %d", cases[i].stream, cut, got, why,
					 cases[i].want, cases[i].why);
		}
		free(b.p);
	}
	guard_free(&g);
	for (int r = 0; r < PV_FRAMES_REASONS; r++)
		assert_true(strlen(pv_frames_words((enum pv_frames_reason)r)) > 3);
}

/* The bytes of both answers. */
static void answers(void **state)
{
	(void)state;
	struct fstrm_control *control = fstrm_control_init();
	struct bytes in = stream_of("ready start stop"), accept = {NULL, 0, 0}, finish = {NULL, 0, 0};
	struct pv_frames f;
	const uint8_t *data;
	size_t at = 0, used, len;
	put_control(&accept, ACCEPT, CONTENT);
	put_control(&finish, FINISH, NULL);
	pv_frames_init(&f, false, control);
	assert_int_equal(pv_frames_next(&f, in.p, in.n, &used, &data, &len), PV_FRAMES_CONTROL);
	assert_int_equal(f.state, PV_FRAMES_READY);
	assert_true(f.two_way);
	assert_int_equal(f.reply_len, accept.n);
	assert_memory_equal(f.reply, accept.p, accept.n);
	at += used;
	assert_int_equal(pv_frames_next(&f, in.p + at, in.n - at, &used, &data, &len), PV_FRAMES_CONTROL);
	assert_int_equal(f.state, PV_FRAMES_RUNNING);
	at += used;
	assert_int_equal(pv_frames_next(&f, in.p + at, in.n - at, &used, &data, &len), PV_FRAMES_END);
	assert_int_equal(f.reply_len, finish.n);
	assert_memory_equal(f.reply, finish.p, finish.n);
	free(in.p);
	free(accept.p);
	free(finish.p);
	fstrm_control_destroy(&control);
}

/* ---- messages ------------------------------------------------------------------------------------- */

#define V6A "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"

static const struct tap good = {.type = PV_DNSTAP_CLIENT_RESPONSE, .family = 1, .protocol = 2, .query_addr = "\300\0\2\1",
				.response_addr = "\300\0\2\2", .query_port = 4000, .response_port = 53, .query_sec = 100,
				.query_nsec = 5, .response_sec = 101, .response_nsec = 999999999, .response = "answer",
				.response_len = 6, .identity = "ns1"};

static enum pv_dnstap_reason decode(struct pv_dnstap_decoder *d, const struct bytes *b, struct pv_dnstap_facts *f)
{
	uint8_t *copy = guard_copy(b->p, b->n);
	enum pv_dnstap_reason why = pv_dnstap_decode(d, copy, b->n, f);
	guard_drop(copy, b->n); /* what came out is the decoder's, not ours */
	return why;
}

static void whole_message(void **state)
{
	(void)state;
	struct pv_dnstap_decoder *d = pv_dnstap_decoder_new();
	struct bytes b = {NULL, 0, 0};
	struct pv_dnstap_facts f;
	uint8_t addr[16] = {0};
	put_tap(&b, &good);
	assert_int_equal(decode(d, &b, &f), PV_DNSTAP_FINE);
	assert_int_equal(f.ev.message, 6);
	assert_int_equal(f.ev.dir, PV_DIR_OUT);
	assert_int_equal(f.ev.l3, 4);
	assert_int_equal(f.ev.transport, PV_TR_TCP);
	addr[10] = addr[11] = 0xff;
	memcpy(addr + 12, "\300\0\2\1", 4);
	assert_memory_equal(f.ev.query_addr, addr, 16);
	addr[15] = 2;
	assert_memory_equal(f.ev.response_addr, addr, 16);
	assert_int_equal(f.ev.query_port, 4000);
	assert_int_equal(f.ev.response_port, 53);
	assert_int_equal(f.ev.query_time_ns, 100 * SEC + 5);
	assert_int_equal(f.ev.response_time_ns, 101 * SEC + 999999999);
	assert_int_equal(f.time_ns, f.ev.response_time_ns);
	assert_int_equal(f.ev.frame_len, b.n);
	assert_int_equal(f.ev.bits, 0);
	assert_int_equal(f.ev.payload_len, 6);
	assert_memory_equal(f.payload, "answer", 6);
	assert_int_equal(f.identity_len, 3);
	assert_memory_equal(f.identity, "ns1", 3);
	for (size_t cut = 0; cut < b.n; cut++) {
		const struct bytes part = {b.p, cut, cut};
		assert_int_equal(decode(d, &part, &f), PV_DNSTAP_NO_PROTOBUF); /* the type stands last */
	}
	free(b.p);
	pv_dnstap_decoder_free(d);
}

static void directions(void **state)
{
	(void)state;
	static const enum pv_dir want[PV_DNSTAP_TYPES] = {
		[1] = PV_DIR_IN,  [2] = PV_DIR_OUT, [3] = PV_DIR_OUT, [4] = PV_DIR_IN,	 [5] = PV_DIR_IN,
		[6] = PV_DIR_OUT, [7] = PV_DIR_OUT, [8] = PV_DIR_IN,  [9] = PV_DIR_OUT,	 [10] = PV_DIR_IN,
		[11] = PV_DIR_OUT, [12] = PV_DIR_IN, [13] = PV_DIR_IN, [14] = PV_DIR_OUT,
	};
	struct pv_dnstap_decoder *d = pv_dnstap_decoder_new();
	for (unsigned type = 0; type < 17; type++) {
		struct bytes b = {NULL, 0, 0};
		struct pv_dnstap_facts f;
		struct tap t = good;
		t.type = type;
		put_tap(&b, &t);
		bool known = type > 0 && type < PV_DNSTAP_TYPES;
		assert_int_equal(decode(d, &b, &f), known ? PV_DNSTAP_FINE : PV_DNSTAP_UNKNOWN_TYPE);
		if (known)
			assert_int_equal(f.ev.dir, want[type]);
		free(b.p);
	}
	pv_dnstap_decoder_free(d);
}

static void odd_fields(void **state)
{
	(void)state;
	static uint8_t big[70000];
	static const uint8_t none[16];
	struct pv_dnstap_decoder *d = pv_dnstap_decoder_new();
	struct pv_dnstap_facts f;
#define WITH(...) /* the good message, but for this */                                                               \
	do {                                                                                                         \
		struct bytes b = {NULL, 0, 0};                                                                       \
		struct tap t = good;                                                                                 \
		__VA_ARGS__;                                                                                         \
		put_tap(&b, &t);                                                                                     \
		assert_int_equal(decode(d, &b, &f), PV_DNSTAP_FINE);                                                 \
		free(b.p);                                                                                           \
	} while (0)
	WITH(t.family = 2); /* says IPv6, and has four bytes */
	assert_int_equal(f.ev.l3, 6);
	assert_memory_equal(f.ev.query_addr, none, 16);
	WITH(t.family = 2, t.query_addr = t.response_addr = V6A, t.addr_len = 16);
	assert_memory_equal(f.ev.query_addr, V6A, 16);
	WITH(t.family = 0); /* the length says it */
	assert_int_equal(f.ev.l3, 4);
	assert_int_equal(f.ev.query_addr[15], 1);
	WITH(t.family = 0, t.query_addr = t.response_addr = V6A, t.addr_len = 16);
	assert_int_equal(f.ev.l3, 6);
	WITH(t.family = 0, t.query_addr = t.response_addr = V6A, t.addr_len = 7);
	assert_int_equal(f.ev.l3, 0);
	WITH(t.family = 3);
	assert_int_equal(f.ev.l3, 0);
	assert_memory_equal(f.ev.response_addr, none, 16);
	WITH(t.query_addr = NULL);
	assert_memory_equal(f.ev.query_addr, none, 16);
	assert_int_equal(f.ev.response_addr[15], 2);
	WITH(t.protocol = 7);
	assert_int_equal(f.ev.transport, PV_TR_DOQ);
	WITH(t.protocol = 8);
	assert_int_equal(f.ev.transport, PV_TR_OTHER);
	WITH(t.protocol = 0);
	assert_int_equal(f.ev.transport, PV_TR_OTHER);
	WITH(t.query_port = 65536);
	assert_int_equal(f.ev.query_port, 0);
	WITH(t.response_sec = 0); /* then the other half's */
	assert_int_equal(f.time_ns, 100 * SEC + 5);
	WITH(t.response_sec = 0, t.query_sec = 0);
	assert_int_equal(f.time_ns, 0);
	WITH(t.response_sec = UINT64_MAX / SEC);
	assert_int_equal(f.ev.response_time_ns, 0);
	WITH(t.response_nsec = 1000000000);
	assert_int_equal(f.ev.response_time_ns, 0);
	WITH(t.type = 5, t.response_sec = 200);
	assert_int_equal(f.time_ns, 100 * SEC + 5);
	WITH(t.query = "query", t.query_len = 5); /* both: its own */
	assert_memory_equal(f.payload, "answer", 6);
	assert_int_equal(f.ev.bits, 0);
	WITH(t.type = 5, t.query = "query", t.query_len = 5);
	assert_memory_equal(f.payload, "query", 5);
	assert_int_equal(f.ev.bits, 0);
	WITH(t.query = "query", t.query_len = 5, t.response = NULL);
	assert_memory_equal(f.payload, "query", 5);
	assert_int_equal(f.ev.bits, PV_DNSTAP_OTHER_HALF);
	WITH(t.type = 5);
	assert_memory_equal(f.payload, "answer", 6);
	assert_int_equal(f.ev.bits, PV_DNSTAP_OTHER_HALF);
	WITH(t.response = NULL);
	assert_int_equal(f.ev.payload_len, 0);
	WITH(t.response = big, t.response_len = 65535);
	assert_int_equal(f.ev.payload_len, 65535);
	assert_int_equal(f.ev.bits, 0);
	WITH(t.response = big, t.response_len = 65536);
	assert_int_equal(f.ev.payload_len, 65535);
	assert_int_equal(f.ev.bits, PV_DNSTAP_TRUNCATED);
	char name[300];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	WITH(t.identity = name);
	assert_int_equal(f.identity_len, 255);
	WITH(t.identity = NULL);
	assert_int_equal(f.identity_len, 0);
#undef WITH
	pv_dnstap_decoder_free(d);
}

static void odd_frames(void **state)
{
	(void)state;
	struct pv_dnstap_decoder *d = pv_dnstap_decoder_new();
	struct pv_dnstap_facts f;
	struct bytes b = {NULL, 0, 0}, empty = {(uint8_t *)&f, 0, 0};
	assert_int_equal(decode(d, &empty, &f), PV_DNSTAP_NO_PROTOBUF);
	put_number(&b, 15, 1);
	assert_int_equal(decode(d, &b, &f), PV_DNSTAP_NO_MESSAGE);
	b.n = 0;
	put_number(&b, 15, 2);
	assert_int_equal(decode(d, &b, &f), PV_DNSTAP_OTHER_TYPE);
	b.n = 0;
	put_field(&b, 14, "", 0); /* a message without its type */
	put_number(&b, 15, 1);
	assert_int_equal(decode(d, &b, &f), PV_DNSTAP_NO_PROTOBUF);
	b.n = 0;
	put_tap(&b, &good); /* fields that nobody knows, and a second message, which wins or joins: all is well */
	put_field(&b, 99, "future", 6);
	put_tap(&b, &good);
	assert_int_equal(decode(d, &b, &f), PV_DNSTAP_FINE);
	assert_memory_equal(f.payload, "answer", 6);
	b.n = 0;
	while (b.n < PV_FRAMES_DATA_MAX - 300) /* a bomb: more fields than the decoder has notes for */
		put_number(&b, 14, 1);
	put_tap(&b, &good);
	assert_int_equal(decode(d, &b, &f), PV_DNSTAP_NO_PROTOBUF);
	b.n = 0;
	while (b.n < PV_FRAMES_DATA_MAX - 300)
		put_number(&b, 99, 1);
	put_tap(&b, &good);
	assert_int_equal(decode(d, &b, &f), PV_DNSTAP_NO_PROTOBUF);
	b.n = 0;
	put_tap(&b, &good); /* and afterwards as before */
	assert_int_equal(decode(d, &b, &f), PV_DNSTAP_FINE);
	uint8_t *extra = calloc(1, PV_FRAMES_DATA_MAX);
	put_field(&b, 3, extra, PV_FRAMES_DATA_MAX - b.n - 5); /* one field as long as can be */
	assert_true(b.n <= PV_FRAMES_DATA_MAX);
	assert_int_equal(decode(d, &b, &f), PV_DNSTAP_FINE);
	free(extra);
	free(b.p);
	pv_dnstap_decoder_free(d);
}

/* ---- the source: what all tests share -------------------------------------------------------------- */

struct run {
	struct pv_dnstap_source *s;
	struct pv_out out;
	struct mem mem;
};

static void run_open(struct run *r, const struct pv_dnstap_conf *conf)
{
	char err[600] = "";
	memset(r, 0, sizeof *r);
	r->s = pv_dnstap_open(conf, err, sizeof err);
	if (!r->s)
		fail_msg("%s", err);
	assert_int_equal(pv_out_init(&r->out, mem_sink(&r->mem)), 0);
}

static enum pv_res run_poll(struct run *r)
{
	enum pv_res res = pv_dnstap_poll(r->s, &r->out);
	pv_out_flush(&r->out);
	return res;
}

static enum pv_res run_out(struct run *r)
{
	enum pv_res res;
	while ((res = run_poll(r)) == PV_OK || res == PV_AGAIN)
		;
	return res;
}

static void run_close(struct run *r)
{
	pv_dnstap_free(r->s);
	pv_out_free(&r->out);
	mem_free(&r->mem);
}

/* Events of a type; all of them are in order, and STOP's ledger adds up when there is one. */
static size_t count(const struct run *r, unsigned type)
{
	size_t found = 0;
	for (size_t at = 0; at < r->mem.n; at += ev_at(&r->mem, at)->size) {
		const struct pv_event *ev = ev_at(&r->mem, at);
		assert_int_equal(pv_event_size(ev), ev->size);
		assert_null(pv_event_check(ev));
		found += ev->type == type;
	}
	return found;
}

static uint64_t ledger(const struct run *r, unsigned what)
{
	for (size_t at = 0; at < r->mem.n; at += ev_at(&r->mem, at)->size) {
		if (ev_at(&r->mem, at)->type != PV_EV_STOP)
			continue;
		size_t n;
		const struct pv_ledger_row *row = pv_stop_rows((const void *)ev_at(&r->mem, at), &n);
		for (size_t i = 0; i < n; i++)
			if (row[i].stage == 0 && row[i].what == what)
				return row[i].value;
	}
	return 0;
}

static void balances(const struct run *r)
{
	assert_int_equal(ledger(r, PV_LEDGER_RECEIVED),
			 ledger(r, PV_LEDGER_ANALYSED) + ledger(r, PV_LEDGER_FILTERED) + ledger(r, PV_LEDGER_MALFORMED) +
				 ledger(r, PV_LEDGER_UNSUPPORTED));
	assert_int_equal(ledger(r, PV_LEDGER_ANALYSED), count(r, PV_EV_DNSTAP));
}

/* n messages, the i-th at second 100 + i, from 192.0.2.i to 198.51.100.1 */
static void put_messages(struct bytes *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char from[4] = {(char)192, 0, 2, (char)i};
		struct tap t = good;
		t.type = 5;
		t.query_addr = from;
		t.response_addr = "\306\63\144\1";
		t.query_sec = 100 + i;
		t.response_sec = 0;
		t.query = "q";
		t.query_len = 1;
		t.response = NULL;
		put_tap_frame(b, &t);
	}
}

static struct bytes file_of(unsigned n)
{
	struct bytes b = {NULL, 0, 0};
	put_control(&b, START, CONTENT);
	put_messages(&b, n);
	put_control(&b, STOP, NULL);
	return b;
}

static char path[64];

static const char *write_file(const struct bytes *b)
{
	snprintf(path, sizeof path, "/tmp/test_dnstap.%d", (int)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->p, b->n), b->n);
	close(fd);
	return path;
}

/* ---- files ----------------------------------------------------------------------------------------- */

static void file_whole(void **state)
{
	(void)state;
	struct bytes b = file_of(3000);
	struct run r;
	run_open(&r, &(struct pv_dnstap_conf){.file = write_file(&b), .stream_id = 7});
	assert_int_equal(run_out(&r), PV_END);
	assert_int_equal(run_poll(&r), PV_END);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 3000);
	const struct pv_start *start = (const void *)ev_at(&r.mem, 0);
	assert_int_equal(start->clock, PV_CLOCK_RECORDED);
	assert_int_equal(start->ev.time_ns, 100 * SEC + 5);
	assert_null(pv_dnstap_notice(r.s));
	balances(&r);
	struct mem first = r.mem; /* the same a second time, from a pipe, and from stdin's descriptor */
	memset(&r.mem, 0, sizeof r.mem);
	run_close(&r);
	int in[2], saved = dup(STDIN_FILENO);
	assert_int_equal(pipe(in), 0);
	dup2(in[0], STDIN_FILENO);
	close(in[0]);
	run_open(&r, &(struct pv_dnstap_conf){.file = "-", .stream_id = 7});
	pid_t writer = fork();
	if (!writer) {
		for (size_t at = 0; at < b.n; at += 1000)
			if (write(in[1], b.p + at, b.n - at < 1000 ? b.n - at : 1000) < 0)
				break;
		_exit(0);
	}
	close(in[1]);
	assert_int_equal(run_out(&r), PV_END);
	dup2(saved, STDIN_FILENO);
	close(saved);
	size_t skip = ev_at(&first, 0)->size, skip2 = ev_at(&r.mem, 0)->size; /* START names the file */
	assert_int_equal(first.n - skip, r.mem.n - skip2);
	assert_memory_equal(first.p + skip, r.mem.p + skip2, first.n - skip);
	run_close(&r);
	mem_free(&first);
	unlink(path);
	free(b.p);
}

static void file_parts(void **state)
{
	(void)state;
	struct bytes b = file_of(5);
	struct run r;
	size_t whole = b.n;
	for (size_t cut = 43; cut < whole; cut++) { /* behind START */
		const struct bytes part = {b.p, cut, cut};
		run_open(&r, &(struct pv_dnstap_conf){.file = write_file(&part)});
		assert_int_equal(run_out(&r), PV_END); /* its writer may have died, or still be at work */
		const char *notice = pv_dnstap_notice(r.s);
		assert_non_null(notice);
		assert_non_null(strstr(notice, "ends abnormally"));
		assert_true(count(&r, PV_EV_DNSTAP) <= 5);
		balances(&r);
		run_close(&r);
	}
	/* two files, one behind the other; then one with damage in the middle */
	struct bytes again = file_of(5);
	put(&b, again.p, again.n);
	free(again.p);
	run_open(&r, &(struct pv_dnstap_conf){.file = write_file(&b)});
	assert_int_equal(run_out(&r), PV_END);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 10);
	assert_int_equal(count(&r, PV_EV_START), 1);
	run_close(&r);
	memset(b.p + whole + 42, 0xff, 4);
	run_open(&r, &(struct pv_dnstap_conf){.file = write_file(&b)});
	assert_int_equal(run_out(&r), PV_FAIL);
	assert_non_null(strstr(pv_dnstap_error(r.s), "data frame too large, at byte"));
	assert_int_equal(count(&r, PV_EV_DNSTAP), 5);
	assert_int_equal(count(&r, PV_EV_STOP), 1);
	balances(&r);
	run_close(&r);
	unlink(path);
	free(b.p);
}

static void file_refused(void **state)
{
	(void)state;
	static const struct {
		const char *stream, *want;
	} cases[] = {
		{"start! data:3", "content type mismatch"},
		{"data:3", "data frame without a START control frame"},
		{"", "it ends before a START control frame"},
		{"ready start", "received READY frame but already started, aborting"},
	};
	char err[600];
	for (size_t i = 0; i < LEN(cases); i++) {
		struct bytes b = stream_of(cases[i].stream);
		assert_null(pv_dnstap_open(&(struct pv_dnstap_conf){.file = write_file(&b)}, err, sizeof err));
		if (!strstr(err, cases[i].want))
			fail_msg("%s: %s", cases[i].stream, err);
		free(b.p);
	}
	unlink(path);
	assert_null(pv_dnstap_open(&(struct pv_dnstap_conf){.file = "/nowhere/at/all"}, err, sizeof err));
	assert_non_null(strstr(err, "No such file"));
	assert_null(pv_dnstap_open(&(struct pv_dnstap_conf){.file = "/tmp"}, err, sizeof err));
	assert_non_null(strstr(err, "Is a directory"));
	assert_null(pv_dnstap_open(&(struct pv_dnstap_conf){.file = "a", .tcp = "b:1"}, err, sizeof err));
	assert_null(pv_dnstap_open(&(struct pv_dnstap_conf){.socket = NULL}, err, sizeof err));
}

static void file_limits(void **state)
{
	(void)state;
	struct bytes b = file_of(100);
	char err[200];
	struct run r;
	struct pv_hosts *hosts = pv_hosts_new();
	run_open(&r, &(struct pv_dnstap_conf){.file = write_file(&b), .count = 10});
	assert_int_equal(run_out(&r), PV_END);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 10);
	run_close(&r);
	run_open(&r, &(struct pv_dnstap_conf){.file = path, .duration_ns = 20 * SEC});
	assert_int_equal(run_out(&r), PV_END);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 20);
	run_close(&r);
	static const struct {
		const char *hosts;
		unsigned want;
	} cases[] = {{"192.0.2.0/29", 8}, {"192.0.2.7/32", 1}, {"198.51.100.1/32", 100}, {"2001:db8::/32", 0}, {"0.0.0.0/0", 100}};
	for (size_t i = 0; i < LEN(cases); i++) {
		pv_hosts_free(hosts);
		hosts = pv_hosts_new();
		assert_int_equal(pv_hosts_parse(hosts, cases[i].hosts, err, sizeof err), 0);
		run_open(&r, &(struct pv_dnstap_conf){.file = path, .only_hosts = hosts});
		assert_int_equal(run_out(&r), PV_END);
		assert_int_equal(count(&r, PV_EV_DNSTAP), cases[i].want);
		assert_int_equal(ledger(&r, PV_LEDGER_FILTERED), 100 - cases[i].want);
		assert_int_equal(count(&r, PV_EV_TICK), 100 - cases[i].want); /* time goes on all the same */
		assert_int_equal(ev_at(&r.mem, 0)->time_ns, 100 * SEC + 5);
		balances(&r);
		run_close(&r);
	}
	pv_hosts_free(hosts);
	unlink(path);
	free(b.p);
}

static void file_odd_frames(void **state)
{
	(void)state;
	struct bytes b = {NULL, 0, 0}, m = {NULL, 0, 0};
	struct run r;
	put_control(&b, START, NULL);
	put_data(&b, "junk", 4);
	put_number(&m, 15, 9);
	put_data(&b, m.p, m.n);
	struct tap t = good;
	t.type = 77;
	put_tap_frame(&b, &t);
	put_messages(&b, 2);
	t = good;
	t.query_sec = t.response_sec = 0; /* at the time of the one before */
	put_tap_frame(&b, &t);
	put_control(&b, STOP, NULL);
	run_open(&r, &(struct pv_dnstap_conf){.file = write_file(&b)});
	assert_int_equal(run_out(&r), PV_END);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 3);
	assert_int_equal(ledger(&r, PV_LEDGER_RECEIVED), 6);
	assert_int_equal(ledger(&r, PV_LEDGER_MALFORMED), 1);
	assert_int_equal(ledger(&r, PV_LEDGER_UNSUPPORTED), 2);
	assert_int_equal(ledger(&r, PV_LEDGER_REASON + PV_DNSTAP_UNKNOWN_TYPE), 1);
	assert_int_equal(r.s ? ev_at(&r.mem, 0)->time_ns : 0, 100 * SEC + 5);
	const struct pv_event *last = NULL;
	for (size_t at = 0; at < r.mem.n; at += ev_at(&r.mem, at)->size)
		if (ev_at(&r.mem, at)->type == PV_EV_DNSTAP)
			last = ev_at(&r.mem, at);
	assert_int_equal(last->time_ns, 101 * SEC + 5);
	assert_int_equal(((const struct pv_dnstap *)(const void *)last)->number, 6);
	balances(&r);
	run_close(&r);
	unlink(path);
	free(b.p);
	free(m.p);
}

/* ---- servers ---------------------------------------------------------------------------------------- */

static int call(const char *where)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(sa.sun_path, where, strlen(where));
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa)) {
		close(fd);
		return -1;
	}
	return fd;
}

static const char *socket_path(void)
{
	snprintf(path, sizeof path, "/tmp/test_dnstap.%d.sock", (int)getpid());
	unlink(path);
	return path;
}

static void give(int fd, const struct bytes *b)
{
	assert_int_equal(send(fd, b->p, b->n, MSG_NOSIGNAL), b->n);
}

/* Until nothing is to be done. */
static void settle(struct run *r)
{
	while (run_poll(r) == PV_OK)
		;
}

static struct pv_dnstap_status status(const struct run *r)
{
	struct pv_dnstap_status st;
	pv_dnstap_status(r->s, &st);
	return st;
}

static void server_two_way(void **state)
{
	(void)state;
	struct bytes hello = stream_of("ready"), b = {NULL, 0, 0}, want = {NULL, 0, 0};
	uint8_t got[100];
	struct run r;
	put_control(&b, START, CONTENT);
	put_messages(&b, 20);
	put_control(&want, ACCEPT, CONTENT);
	run_open(&r, &(struct pv_dnstap_conf){.socket = socket_path(), .socket_mode = 0620});
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0620);
	int c = call(path);
	give(c, &hello);
	settle(&r);
	assert_int_equal(recv(c, got, sizeof got, MSG_DONTWAIT), want.n);
	assert_memory_equal(got, want.p, want.n);
	for (size_t i = 0; i < b.n; i++) { /* byte by byte */
		assert_int_equal(send(c, b.p + i, 1, 0), 1);
		if (i % 7 == 0)
			assert_int_equal(run_poll(&r), PV_OK);
	}
	settle(&r);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 20);
	assert_int_equal(status(&r).connected, 1);
	assert_int_equal(status(&r).held_bytes, 0); /* a client between frames holds nothing */
	b.n = want.n = 0;
	put_control(&b, STOP, NULL);
	put_control(&want, FINISH, NULL);
	give(c, &b);
	settle(&r);
	assert_int_equal(recv(c, got, sizeof got, MSG_DONTWAIT), want.n);
	assert_memory_equal(got, want.p, want.n);
	assert_int_equal(recv(c, got, sizeof got, MSG_DONTWAIT), 0); /* and closed */
	assert_int_equal(status(&r).connected, 0);
	close(c);
	/* what is in a socket at the end is still read, from somebody who came a moment ago, too */
	c = call(path);
	b.n = 0;
	put_control(&b, START, CONTENT);
	put_messages(&b, 30);
	give(c, &b);
	pv_dnstap_stop(r.s);
	assert_int_equal(run_out(&r), PV_END);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 50);
	assert_int_equal(ledger(&r, PV_LEDGER_CLIENTS), 2);
	assert_int_equal(((const struct pv_start *)(const void *)ev_at(&r.mem, 0))->clock, PV_CLOCK_LIVE);
	uint64_t before = 0; /* arrival times, which do not run back; the messages' own are fields */
	for (size_t at = 0; at < r.mem.n; at += ev_at(&r.mem, at)->size) {
		const struct pv_event *ev = ev_at(&r.mem, at);
		assert_true(ev->time_ns >= before && ev->time_ns > 1000000 * SEC);
		before = ev->time_ns;
	}
	balances(&r);
	run_close(&r);
	assert_int_equal(access(path, F_OK), -1);
	close(c);
	free(hello.p);
	free(b.p);
	free(want.p);
}

static void server_bad_clients(void **state)
{
	(void)state;
	static const char *const streams[] = {"ready! start", "data:4", "start start", "start length:4000000", "control:600",
					      "type:9"};
	struct bytes good_one = {NULL, 0, 0};
	struct run r;
	put_control(&good_one, START, CONTENT);
	put_messages(&good_one, 1);
	run_open(&r, &(struct pv_dnstap_conf){.socket = socket_path()});
	settle(&r);
	int fine = call(path);
	for (size_t i = 0; i < LEN(streams); i++) {
		struct bytes b = stream_of(streams[i]);
		int c = call(path);
		uint8_t byte;
		give(c, &b);
		settle(&r);
		assert_int_equal(recv(c, &byte, 1, MSG_DONTWAIT), 0); /* closed */
		const char *notice = pv_dnstap_notice(r.s);
		assert_non_null(strstr(notice, "dnstap client read error: "));
		assert_int_equal(status(&r).bad, i + 1);
		close(c);
		free(b.p);
	}
	give(fine, &good_one); /* the others do not notice */
	settle(&r);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 1);
	close(fine);
	pv_dnstap_stop(r.s);
	assert_int_equal(run_out(&r), PV_END);
	assert_int_equal(ledger(&r, PV_LEDGER_CLIENTS_BAD), LEN(streams));
	run_close(&r);
	free(good_one.p);
}

/* The path is replaced where nobody listens on it, and only there. */
static void server_path(void **state)
{
	(void)state;
	char err[600];
	struct run r;
	const char *where = socket_path();
	struct pv_dnstap_conf conf = {.socket = where};
	run_open(&r, &conf);
	assert_null(pv_dnstap_open(&conf, err, sizeof err));
	assert_non_null(strstr(err, "somebody does"));
	run_close(&r);
	struct sockaddr_un sa = {.sun_family = AF_UNIX}; /* one that its owner has left */
	memcpy(sa.sun_path, where, strlen(where));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	close(fd);
	run_open(&r, &conf);
	unlink(where); /* somebody has put another file there: it stays */
	fd = open(where, O_CREAT | O_WRONLY, 0600);
	close(fd);
	run_close(&r);
	assert_int_equal(access(where, F_OK), 0);
	assert_null(pv_dnstap_open(&conf, err, sizeof err));
	assert_int_equal(access(where, F_OK), 0);
	unlink(where);
	char longer[200];
	memset(longer, 'x', sizeof longer);
	longer[199] = '\0';
	conf.socket = longer;
	assert_null(pv_dnstap_open(&conf, err, sizeof err));
}

static void server_limit(void **state)
{
	(void)state;
	struct run r;
	int c[6];
	uint8_t byte;
	struct bytes start = stream_of("start"); /* who has started need not give way for long */
	run_open(&r, &(struct pv_dnstap_conf){.socket = socket_path(), .clients_max = 4});
	for (size_t i = 0; i < LEN(c); i++) {
		c[i] = call(path);
		give(c[i], &start);
		settle(&r);
	}
	assert_int_equal(status(&r).connected, 4);
	assert_int_equal(status(&r).refused, 2);
	assert_true(!recv(c[5], &byte, 1, MSG_DONTWAIT) || errno == ECONNRESET);
	assert_int_equal(recv(c[3], &byte, 1, MSG_DONTWAIT), -1);
	close(c[0]); /* one goes, another may come */
	settle(&r);
	close(c[5]);
	c[5] = call(path);
	give(c[5], &start);
	settle(&r);
	assert_int_equal(status(&r).connected, 4);
	assert_int_equal(status(&r).clients, 5);
	for (size_t i = 1; i < LEN(c); i++)
		close(c[i]);
	run_close(&r);
	free(start.p);
}

/* Connections that say nothing fill all places; a name server is heard nevertheless, and one that is there already stays. */
static void server_strangers(void **state)
{
	(void)state;
	struct bytes good_one = {NULL, 0, 0};
	struct run r;
	int c[4];
	put_control(&good_one, START, CONTENT);
	put_messages(&good_one, 1);
	run_open(&r, &(struct pv_dnstap_conf){.socket = socket_path(), .clients_max = 4});
	run_poll(&r);
	for (size_t i = 0; i < LEN(c); i++) {
		c[i] = call(path);
		if (i == 1)
			give(c[i], &good_one);
		settle(&r);
	}
	usleep(1100000);
	int late = call(path);
	give(late, &good_one);
	settle(&r);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 2);
	assert_int_equal(status(&r).evicted, 1);
	assert_int_equal(status(&r).refused, 0);
	give(c[1], &good_one); /* the second START of a stream: it was listened to */
	settle(&r);
	assert_int_equal(status(&r).bad, 1);
	for (size_t i = 0; i < LEN(c); i++)
		close(c[i]);
	close(late);
	run_close(&r);
	free(good_one.p);
}

static void server_idle(void **state)
{
	(void)state;
	struct bytes b = stream_of("start");
	struct run r;
	run_open(&r, &(struct pv_dnstap_conf){.socket = socket_path(), .idle_ns = 1});
	settle(&r);
	int c = call(path);
	give(c, &b);
	for (int i = 0; i < 200 && !status(&r).idle; i++) /* looked for once a second */
		run_poll(&r);
	assert_int_equal(status(&r).idle, 1);
	assert_int_equal(status(&r).connected, 0);
	assert_true(count(&r, PV_EV_TICK) >= 1);
	assert_true(count(&r, PV_EV_STATS) >= 1);
	close(c);
	run_close(&r);
	free(b.p);
}

/* Sends the beginning of a frame of a MiB that never ends, as far as it is read. */
static void begin_large(struct run *r, int fd, const uint8_t *big)
{
	for (size_t at = 0; at < 1 << 20;) {
		ssize_t n = send(fd, big + at, (1 << 20) - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return;
		at += n > 0 ? (size_t)n : 0;
		run_poll(r);
		assert_true(status(r).held_bytes <= PV_DNSTAP_HELD_BYTES);
	}
}

/* A thousand servers at once, each with half a frame, then with the rest; and some that begin frames of a MiB: they give way
 * to one another, and to nobody else's disadvantage. */
static void server_thousand(void **state)
{
	(void)state;
	enum { N = 1000 };
	static int c[N];
	struct rlimit limit;
	struct run r;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 2 * N + 100)
		skip();
	struct bytes b = {NULL, 0, 0};
	put_control(&b, START, CONTENT);
	put_messages(&b, 5);
	run_open(&r, &(struct pv_dnstap_conf){.socket = socket_path()});
	run_poll(&r);
	for (int i = 0; i < N; i++) {
		c[i] = call(path);
		assert_true(c[i] >= 0);
		if (i % 50 == 0)
			run_poll(&r);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(send(c[i], b.p, b.n - 20, 0), b.n - 20);
	settle(&r);
	assert_int_equal(status(&r).connected, N);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 4 * N);
	assert_true(status(&r).held_bytes <= N * 4096);
	for (int i = 0; i < N; i++)
		assert_int_equal(send(c[i], b.p + b.n - 20, 20, 0), 20);
	settle(&r);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 5 * N);
	assert_int_equal(status(&r).held_bytes, 0);

	uint8_t *big = calloc(1, 1 << 20); /* a frame that never ends */
	big[1] = 16;
	assert_non_null(big);
	for (int i = 0; i < 60; i++)
		begin_large(&r, c[i], big);
	assert_true(status(&r).held_bytes > PV_DNSTAP_HELD_BYTES / 2);
	assert_in_range(status(&r).evicted, 25, 35);
	free(big);
	struct bytes one = {NULL, 0, 0}; /* the others go on as before, in parts */
	put_messages(&one, 1);
	for (int i = 100; i < N; i++)
		assert_int_equal(send(c[i], one.p, one.n - 20, MSG_NOSIGNAL), one.n - 20);
	settle(&r);
	for (int i = 100; i < N; i++)
		assert_int_equal(send(c[i], one.p + one.n - 20, 20, MSG_NOSIGNAL), 20);
	settle(&r);
	assert_int_equal(count(&r, PV_EV_DNSTAP), 5 * N + N - 100);
	struct pv_dnstap_status end = status(&r);
	assert_in_range(end.evicted + end.idle, 29, 60); /* idle: where this took longer than a frame may */
	assert_int_equal(end.connected, N - end.evicted - end.idle);
	free(one.p);
	pv_dnstap_stop(r.s);
	assert_int_equal(run_out(&r), PV_END);
	assert_int_equal(ledger(&r, PV_LEDGER_CLIENTS), N);
	assert_int_equal(ledger(&r, PV_LEDGER_CLIENTS_EVICTED), end.evicted);
	balances(&r);
	run_close(&r);
	for (int i = 0; i < N; i++)
		close(c[i]);
	free(b.p);
}

static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host;
		unsigned port; /* 0: refused */
		const char *why;
	} cases[] = {
		{"127.0.0.1:6000", "127.0.0.1", 6000, NULL}, {"localhost:1", "localhost", 1, NULL},
		{"[::1]:6000", "::1", 6000, NULL},	     {"[2001:db8::1]:65535", "2001:db8::1", 65535, NULL},
		{"::1:6000", NULL, 0, "invalid"},	     {":53", NULL, 0, "invalid"},
		{"host", NULL, 0, "invalid"},		     {"[::1]", NULL, 0, "invalid"},
		{"", NULL, 0, "invalid"},		     {"host:", NULL, 0, "unable to parse"},
		{"host:dns", NULL, 0, "unable to parse"},    {"host:65536", NULL, 0, "unable to parse"},
		{"host:-1", NULL, 0, "unable to parse"},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		char host[64], err[200];
		uint16_t port;
		bool ok = pv_dnstap_address(cases[i].text, host, sizeof host, &port, err, sizeof err);
		assert_int_equal(ok, cases[i].port != 0);
		if (ok) {
			assert_string_equal(host, cases[i].host);
			assert_int_equal(port, cases[i].port);
		} else {
			assert_non_null(strstr(err, cases[i].why));
			assert_non_null(strstr(err, "tcp address specification, use HOST:PORT"));
		}
	}
}

static void server_tcp(void **state)
{
	(void)state;
	static const char *const where[] = {"127.0.0.1:0", "[::1]:0"};
	struct bytes b = file_of(9);
	for (size_t i = 0; i < LEN(where); i++) {
		struct run r;
		run_open(&r, &(struct pv_dnstap_conf){.tcp = where[i]});
		unsigned long port = strtoul(strrchr(pv_dnstap_from(r.s), ':') + 1, NULL, 10);
		assert_int_equal(strncmp(pv_dnstap_from(r.s), i ? "tcp:[::1]:" : "tcp:127.0.0.1:", i ? 10 : 14), 0);
		settle(&r);
		struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port),
					  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
		int c = socket(i ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
		assert_int_equal(i ? connect(c, (struct sockaddr *)&v6, sizeof v6) : connect(c, (struct sockaddr *)&v4, sizeof v4), 0);
		give(c, &b);
		settle(&r);
		assert_int_equal(count(&r, PV_EV_DNSTAP), 9);
		close(c);
		run_close(&r);
	}
	free(b.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_streams),   cmocka_unit_test(answers),	      cmocka_unit_test(whole_message),
		cmocka_unit_test(directions),	   cmocka_unit_test(odd_fields),      cmocka_unit_test(odd_frames),
		cmocka_unit_test(file_whole),	   cmocka_unit_test(file_parts),      cmocka_unit_test(file_refused),
		cmocka_unit_test(file_limits),	   cmocka_unit_test(file_odd_frames), cmocka_unit_test(server_two_way),
		cmocka_unit_test(server_bad_clients), cmocka_unit_test(server_path),  cmocka_unit_test(server_limit),
		cmocka_unit_test(server_strangers), cmocka_unit_test(server_idle),	   cmocka_unit_test(server_thousand), cmocka_unit_test(addresses),
		cmocka_unit_test(server_tcp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
