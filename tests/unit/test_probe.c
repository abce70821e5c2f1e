/* SPDX-License-Identifier: MPL-2.0 */
/* lib/probe: echo messages at every prefix length, what a policy sees and counts of them, the source on the loopback
 * interface. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/check.h"
#include "metric/bucket.h"
#include "metric/json.h"
#include "probe/icmp.h"
#include "probe/metrics.h"
#include "probe/probe.h"
#include "probe/resolve.h"
#include "probe/view.h"
#include "stage/stop.h"
#include "unit/guard.h"
#include "unit/stream_util.h"

#define MS UINT64_C(1000000)

/* ---- messages ----------------------------------------------------------------------------------- */

static void echo(void **state)
{
	uint8_t m[PV_ICMP_MESSAGE_MAX];
	(void)state;
	size_t n = pv_icmp_request(4, 0x1234, 7, UINT64_C(0x8877665544332211), 48, m);
	assert_int_equal(n, 8 + 8 + 48);
	assert_memory_equal(m, "\x08\0", 2);
	assert_memory_equal(m + 4, "\x12\x34\0\7\x11\x22\x33\x44\x55\x66\x77\x88pktvisor\0", 21);
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)m[i] << 8 | m[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
	assert_int_equal(pv_icmp_request(6, 1, 1, 1, 8, m), 24);
	assert_int_equal(m[0], 128);
	assert_int_equal(pv_icmp_request(4, 1, 1, 1, PV_ICMP_PAYLOAD_MAX, m), PV_ICMP_MESSAGE_MAX);
}

static void replies(void **state)
{
	static const struct {
		const char *name;
		uint8_t family;
		bool ip;
		unsigned at, value; /* of the byte that is spoilt; at 255: none */
		bool ours;
	} table[] = {
		{"IPv4", 4, false, 255, 0, true},
		{"IPv6", 6, false, 255, 0, true},
		{"IPv4 behind an IP header", 4, true, 255, 0, true},
		{"with options", 4, true, 0, 0x4f, true},
		{"a header that cannot be", 4, true, 0, 0x44, false},
		{"a request", 4, false, 0, 8, false},
		{"an IPv6 request", 6, false, 0, 0x80, false},
		{"the other family's", 6, false, 0, 0, false},
		{"a code", 4, false, 1, 1, false},
		{"another word", 4, false, 23, 'x', false},
	};
	struct guard g;
	(void)state;
	guard_init(&g, 256);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		uint8_t b[256] = {0};
		uint16_t seq;
		uint64_t token;
		size_t header = !table[i].ip ? 0 : table[i].at == 0 && table[i].value == 0x4f ? 60 : 20;
		print_message("%s\n", table[i].name);
		size_t n = header + pv_icmp_request(table[i].family, 0xbeef, 0x0102, 77, 8, b + header);
		b[header] = table[i].family == 4 ? 0 : 0x81;
		if (header)
			b[0] = 0x45;
		if (table[i].at != 255)
			b[table[i].at] = (uint8_t)table[i].value;
		for (size_t k = 0; k <= n; k++) {
			bool ours = pv_icmp_reply(table[i].family, table[i].ip, guard_put(&g, b, k), k, &seq, &token);
			assert_int_equal(ours, table[i].ours && k == n);
		}
		if (table[i].ours) {
			assert_int_equal(seq, 0x0102);
			assert_int_equal(token, 77);
		}
	}
	guard_free(&g);
}

/* ---- what a policy sees and counts -------------------------------------------------------------- */

struct seen {
	struct pv_stage *view;
	struct pv_bucket *bucket;
	struct pv_out out; /* events on their way to the view */
	unsigned events;
};

static enum pv_res count(void *ctx, const struct iovec *iov, int n)
{
	struct seen *s = ctx;
	struct pv_handler_ctx hctx = {0};
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		for (; p < end; p += ((const struct pv_event *)(const void *)p)->size) {
			const struct pv_event *ev = (const void *)p;
			if (pv_event_check(ev))
				fail_msg("%s: %s", pv_event_type_name(ev->type), pv_event_check(ev));
			if (ev->type != PV_EV_PROBE)
				continue;
			s->events++;
			pv_netprobe_v1.update(s->bucket, ev, ((const struct pv_probe_event *)(const void *)ev)->stamp < 50,
					      &hctx);
		}
	}
	return PV_OK;
}

static void open_seen(struct seen *s, uint64_t ttl_ns, uint32_t groups)
{
	memset(s, 0, sizeof *s);
	s->bucket = pv_bucket_new(&pv_netprobe_v1, &(struct pv_bucket_conf){.groups = groups, .topn = 10, .seed = 1});
	s->view = pv_probe_view_new(ttl_ns, (struct pv_sink){.write = count, .ctx = s});
	assert_non_null(s->bucket);
	assert_non_null(s->view);
	assert_int_equal(pv_out_init(&s->out, pv_sink_stage(s->view)), 0);
	ev_start(&s->out, 100 * SEC, PV_CLOCK_LIVE, 1, 0);
}

static void flush(struct seen *s)
{
	pv_out_drain(&s->out);
	pv_out_drain(&s->view->out);
}

static void is_seen(struct seen *s, const char *want)
{
	flush(s);
	json_t *all = pv_bucket_json(s->bucket), *targets = json_object_get(all, "targets");
	char *got = targets ? json_dumps(targets, JSON_SORT_KEYS | JSON_COMPACT) : strdup("none");
	assert_string_equal(got, want);
	free(got);
	json_decref(all);
}

static void close_seen(struct seen *s)
{
	pv_stage_free(s->view);
	pv_out_free(&s->out);
	pv_bucket_free(s->bucket);
}

static void tick(struct seen *s, uint64_t t)
{
	pv_out_event(&s->out, PV_EV_TICK, sizeof(struct pv_event), t);
}

static void sent(struct seen *s, uint64_t t, uint64_t attempt, const char *target)
{
	ev_probe(&s->out, t, attempt, PV_PROBE_SENT, 0, target);
}

static void answer(struct seen *s, uint64_t t, uint64_t attempt, uint64_t elapsed, const char *target)
{
	ev_probe(&s->out, t, attempt, PV_PROBE_ANSWER, elapsed, target);
}

static void failure(struct seen *s, uint64_t t, uint64_t attempt, enum pv_probe_error error, const char *target)
{
	ev_probe(&s->out, t, attempt, PV_PROBE_FAILED, 0, target)->error = (uint8_t)error;
}

#define DEFAULTS 3u /* counters, histograms */

#define NUMBERS(a, c, d, t) \
	"\"attempts\":" #a ",\"connect_failures\":" #c ",\"dns_lookup_failures\":" #d ",\"packets_timeout\":" #t
#define NOTHING(name, a, c, d, t) "\"" name "\":{" NUMBERS(a, c, d, t) ",\"successes\":0}"
#define ONE(name, le, us)                                                                                     \
	"\"" name "\":{" NUMBERS(1, 0, 0, 0) ",\"response_histogram_us\":{\"buckets\":{\"+Inf\":1.0,\"" #le   \
					     "\":1.0}},\"response_max_us\":" #us ",\"response_min_us\":" #us \
					     ",\"successes\":1}"

static void failures(void **state)
{
	struct seen s;
	(void)state;
	open_seen(&s, 5 * SEC, DEFAULTS);
	failure(&s, 100 * SEC, 0, PV_PROBE_DNS, "host-dns");
	sent(&s, 100 * SEC, 1, "host-timeout");
	ev_probe(&s.out, 105 * SEC, 1, PV_PROBE_TIMEOUT, 5 * SEC, "host-timeout");
	failure(&s, 105 * SEC, 0, PV_PROBE_SOCKET, "host-socket");
	failure(&s, 105 * SEC, 0, PV_PROBE_ADDRESS, "host-invalid");
	sent(&s, 105 * SEC, 2, "host-connect");
	failure(&s, 105 * SEC, 2, PV_PROBE_CONNECT, "host-connect");
	is_seen(&s, "{" NOTHING("host-connect", 1, 1, 0, 0) "," NOTHING("host-dns", 0, 0, 1, 0) "," NOTHING(
			    "host-invalid", 0, 1, 0, 0) "," NOTHING("host-socket", 0, 1, 0, 0) "," NOTHING("host-timeout", 1, 0, 0, 1) "}");
	assert_int_equal(s.events, 7);
	tick(&s, 500 * SEC); /* nothing is open any more */
	flush(&s);
	assert_int_equal(s.events, 7);
	close_seen(&s);
}

/* One attempt: when it is answered, or when time has come to; under a patience. */
static void patience(void **state)
{
	static const struct {
		const char *name;
		uint64_t ttl_ms, elapsed_ms, until_ms; /* elapsed 0: no answer */
		const char *want;
	} table[] = {
		{"connect, 50 ms", 5000, 50, 0, "{" ONE("t", 52749, 50000) "}"},
		{"echo, 12 ms", 5000, 12, 0, "{" ONE("t", 12915, 12000) "}"},
		{"6 s", 5000, 6000, 0, "{" NOTHING("t", 1, 0, 0, 1) "}"},
		{"just in time", 5000, 4999, 0, "{" ONE("t", 5274996, 4999000) "}"},
		{"just too late", 5000, 5000, 0, "{" NOTHING("t", 1, 0, 0, 1) "}"},
		{"a short one", 100, 101, 0, "{" NOTHING("t", 1, 0, 0, 1) "}"},
		{"a long one", 10000, 6000, 0, "{" ONE("t", 6812920, 6000000) "}"},
		{"not yet", 2000, 0, 1999, "{" NOTHING("t", 1, 0, 0, 0) "}"},
		{"never", 2000, 0, 2000, "{" NOTHING("t", 1, 0, 0, 1) "}"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct seen s;
		print_message("%s\n", table[i].name);
		open_seen(&s, table[i].ttl_ms * MS, DEFAULTS);
		sent(&s, 100 * SEC, 1, "t");
		if (table[i].elapsed_ms) {
			answer(&s, 100 * SEC + table[i].elapsed_ms * MS, 1, table[i].elapsed_ms * MS, "t");
			answer(&s, 100 * SEC + table[i].elapsed_ms * MS, 1, table[i].elapsed_ms * MS, "t"); /* twice */
		} else {
			tick(&s, 100 * SEC + table[i].until_ms * MS);
		}
		is_seen(&s, table[i].want);
		close_seen(&s);
	}
}

static void matching(void **state)
{
	struct seen s;
	(void)state;
	/* of no attempt that was seen: nothing, not even a target */
	open_seen(&s, 5 * SEC, DEFAULTS);
	answer(&s, 100 * SEC, 99, 1000, "stranger");
	is_seen(&s, "none");
	/* a policy that comes late begins with the next attempt */
	sent(&s, 100 * SEC, 100, "a");
	answer(&s, 100 * SEC + 1, 98, 1000, "a");
	answer(&s, 100 * SEC + 20 * MS, 100, 20 * MS, "a");
	is_seen(&s, "{" ONE("a", 21544, 20000) "}");
	close_seen(&s);
	/* two at once */
	open_seen(&s, 5 * SEC, DEFAULTS);
	sent(&s, 200 * SEC, 1, "a");
	sent(&s, 200 * SEC, 2, "b");
	answer(&s, 200 * SEC + 15 * MS, 2, 15 * MS, "b");
	answer(&s, 200 * SEC + 15 * MS, 1, 15 * MS, "a");
	is_seen(&s, "{" ONE("a", 16681, 15000) "," ONE("b", 16681, 15000) "}");
	close_seen(&s);
	/* sent in one minute, answered in the next: the view does not forget, buckets are another matter */
	open_seen(&s, 5 * SEC, DEFAULTS);
	sent(&s, 119 * SEC, 1, "a");
	sent(&s, 121 * SEC, 2, "a");
	answer(&s, 122 * SEC, 1, 3 * SEC, "a");
	for (uint64_t t = 123; t <= 126; t++)
		tick(&s, t * SEC);
	flush(&s);
	assert_int_equal(s.events, 4);
	close_seen(&s);
}

/* Somebody sets the clock while attempts are open: what is answered in time was in time. */
static void clock_is_set(void **state)
{
	struct seen s;
	(void)state;
	open_seen(&s, 5 * SEC, DEFAULTS);
	sent(&s, 100 * SEC, 1, "a");
	tick(&s, 3700 * SEC); /* an hour forward */
	answer(&s, 3700 * SEC, 1, 20 * MS, "a");
	is_seen(&s, "{" ONE("a", 21544, 20000) "}");
	sent(&s, 3700 * SEC, 2, "b"); /* and nothing comes: that is so after five seconds, not before */
	tick(&s, 3701 * SEC);
	tick(&s, 7300 * SEC);
	flush(&s);
	assert_int_equal(s.events, 3);
	tick(&s, 7301 * SEC);
	tick(&s, 7302 * SEC);
	is_seen(&s, "{" ONE("a", 21544, 20000) "," NOTHING("b", 1, 0, 0, 1) "}");
	close_seen(&s);
	/* back: stream time stands still, and the source's word is all there is */
	open_seen(&s, 5 * SEC, DEFAULTS);
	sent(&s, 100 * SEC, 1, "a");
	sent(&s, 100 * SEC, 2, "b");
	answer(&s, 100 * SEC, 1, 20 * MS, "a");
	ev_probe(&s.out, 100 * SEC, 2, PV_PROBE_TIMEOUT, 5 * SEC, "b");
	is_seen(&s, "{" ONE("a", 21544, 20000) "," NOTHING("b", 1, 0, 0, 1) "}");
	close_seen(&s);
}

/* More than are waited for: the oldest are timeouts. And a jump that no source makes. */
static void limits(void **state)
{
	struct seen s;
	(void)state;
	open_seen(&s, 3600 * SEC, DEFAULTS);
	for (uint64_t i = 1; i <= PV_PROBE_OPEN + 10; i++) {
		sent(&s, 100 * SEC, i, "a");
		if (i % 100 == 0)
			flush(&s);
	}
	flush(&s);
	assert_int_equal(s.events, PV_PROBE_OPEN + 20);
	answer(&s, 101 * SEC, 5, SEC, "a");  /* given up */
	answer(&s, 101 * SEC, 11, SEC, "a"); /* the oldest that is open */
	flush(&s);
	assert_int_equal(s.events, PV_PROBE_OPEN + 21);
	sent(&s, 102 * SEC, UINT64_MAX / 2, "a");
	answer(&s, 103 * SEC, UINT64_MAX / 2, SEC, "a");
	tick(&s, 100000 * SEC);
	flush(&s);
	assert_int_equal(s.events, PV_PROBE_OPEN + 23);
	close_seen(&s);
}

static void groups(void **state)
{
	static const struct {
		uint32_t groups;
		const char *want;
	} table[] = {
		{1, "{\"a\":{\"attempts\":0,\"connect_failures\":0,\"dns_lookup_failures\":0,\"packets_timeout\":0,\"successes\":3}}"},
		{2, "{\"a\":{\"response_histogram_us\":{\"buckets\":{\"+Inf\":2.0,\"10000\":1.0,\"31622\":2.0}}}}"},
		{4, "{\"a\":{\"response_quantiles_us\":{\"p50\":10000,\"p90\":30000,\"p95\":30000,\"p99\":30000}}}"},
		{5, "{\"a\":{\"attempts\":0,\"connect_failures\":0,\"dns_lookup_failures\":0,\"packets_timeout\":0,"
		    "\"response_max_us\":30000,\"response_min_us\":10000,"
		    "\"response_quantiles_us\":{\"p50\":10000,\"p90\":30000,\"p95\":30000,\"p99\":30000},\"successes\":3}}"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct seen s;
		struct pv_bucket *b;
		struct pv_handler_ctx hctx = {0};
		open_seen(&s, 5 * SEC, table[i].groups);
		b = pv_bucket_copy(s.bucket);
		struct mem m = {0};
		struct pv_out o;
		assert_int_equal(pv_out_init(&o, mem_sink(&m)), 0);
		pv_netprobe_v1.update(s.bucket, &ev_probe(&o, SEC, 1, PV_PROBE_ANSWER, 10 * MS, "a")->ev, true, &hctx);
		pv_netprobe_v1.update(s.bucket, &ev_probe(&o, SEC, 2, PV_PROBE_ANSWER, 1 * MS, "a")->ev, false, &hctx);
		pv_netprobe_v1.update(b, &ev_probe(&o, SEC, 3, PV_PROBE_ANSWER, 30 * MS, "a")->ev, true, &hctx);
		assert_int_equal(pv_bucket_merge(s.bucket, b), 0);
		is_seen(&s, table[i].want);
		pv_bucket_free(b);
		pv_out_free(&o);
		mem_free(&m);
		close_seen(&s);
	}
}

static void addresses(void **state)
{
	static const struct {
		const char *host;
		uint8_t family;
		const char *zone;
	} table[] = {
		{"192.0.2.1", 4, NULL},	      {"2001:db8::1", 6, NULL}, {"fe80::1%eth0", 6, "eth0"},
		{"fe80::1%3", 6, "3"},	      {"fe80::1%", 0, NULL},	{"192.0.2.1%eth0", 0, NULL},
		{"example.com", 0, NULL},     {"", 0, NULL},		{"fe80::1%longer-than-names-are", 0, NULL},
		{"%eth0", 0, NULL},	      {"fe80::g%eth0", 0, NULL}};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		uint8_t addr[16];
		const char *zone = "unset";
		assert_int_equal(pv_probe_address(table[i].host, addr, &zone), table[i].family);
		if (table[i].zone)
			assert_string_equal(zone, table[i].zone);
		else
			assert_null(zone);
	}
}

static void settings(void **state)
{
	static const struct {
		int key;
		uint64_t value;
		int rc;
		uint64_t ns;
	} table[] = {{0, 1, 0, 0},	       {1, 3, 0, 3 * SEC},	 {2, 70, 0, 70 * MS}, {1, 9, 0, 70 * MS},
		     {2, 0, -1, 70 * MS}, {1, UINT64_MAX, -1, 70 * MS}, {2, 80, 0, 80 * MS}};
	struct pv_ttl ttl = {0};
	char err[200];
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const struct pv_value v = {.type = table[i].key ? PV_KEY_UINT : PV_KEY_BOOL, .number = table[i].value};
		assert_int_equal(pv_probe_set(&ttl, &pv_probe_keys[table[i].key], &v, err, sizeof err), table[i].rc);
		assert_int_equal(ttl.ns, table[i].ns);
	}
}

/* ---- the source ----------------------------------------------------------------------------------- */

static uint16_t bound(int fd, int backlog)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

/* Nobody accepts, and nobody else gets in. */
static uint16_t full(int fd, int *in, size_t n)
{
	uint16_t port = bound(fd, 0);
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	for (size_t i = 0; i < n; i++) {
		in[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(in[i], (const struct sockaddr *)&to, sizeof to);
	}
	return port;
}

static void run_source(struct pv_probe *p, struct seen *s)
{
	struct pv_out out;
	enum pv_res res;
	assert_int_equal(pv_out_init(&out, pv_sink_stage(s->view)), 0);
	do {
		res = pv_probe_poll(p, &out);
		pv_out_drain(&out);
	} while (res == PV_OK || res == PV_AGAIN);
	assert_int_equal(res, PV_END);
	assert_int_equal(pv_probe_poll(p, &out), PV_END);
	pv_out_free(&out);
	flush(s);
}

static uint64_t number(const struct seen *s, const char *target, const char *key)
{
	json_t *all = pv_bucket_json(s->bucket);
	json_t *at = json_object_get(json_object_get(json_object_get(all, "targets"), target), key);
	uint64_t n = at ? (uint64_t)json_integer_value(at) : UINT64_MAX;
	json_decref(all);
	return n;
}

struct outcome {
	uint64_t attempts, successes, connect, dns, timeout;
};

/* Probes targets to the end, and adds up what the source says of them in *all. */
static void outcomes(const struct pv_probe_conf *conf, const struct outcome *want, struct pv_probe_status *all)
{
	char err[200];
	struct seen s;
	struct pv_probe_status st;
	open_seen(&s, 3600 * SEC, DEFAULTS);
	struct pv_probe *p = pv_probe_open(conf, err, sizeof err);
	assert_non_null(p);
	assert_int_equal(pv_probe_targets(p), conf->ntargets);
	assert_int_equal(pv_probe_sockets(p), conf->targets[0].test == PV_PROBE_PING);
	run_source(p, &s);
	for (size_t i = 0; i < conf->ntargets; i++) {
		const char *name = conf->targets[i].name;
		print_message("%s\n", name);
		assert_int_equal(number(&s, name, "attempts"), want[i].attempts);
		assert_int_equal(number(&s, name, "successes"), want[i].successes);
		assert_int_equal(number(&s, name, "connect_failures"), want[i].connect);
		assert_int_equal(number(&s, name, "dns_lookup_failures"), want[i].dns);
		assert_int_equal(number(&s, name, "packets_timeout"), want[i].timeout);
	}
	pv_probe_status(p, &st);
	all->attempts += st.attempts;
	all->answers += st.answers;
	all->failures += st.failures;
	all->timeouts += st.timeouts;
	pv_probe_free(p);
	close_seen(&s);
}

/* Who answers is waited for as long as a busy machine may take for it, who does not for a moment. */
static void connects(void **state)
{
	int open = socket(AF_INET, SOCK_STREAM, 0), closed = socket(AF_INET, SOCK_STREAM, 0),
	    busy = socket(AF_INET, SOCK_STREAM, 0), in[4];
	const struct pv_probe_target answering[] = {
		{"open", "127.0.0.1", PV_PROBE_TCP, 0, bound(open, 64)},
		{"name", "localhost", PV_PROBE_TCP, 4, bound(socket(AF_INET, SOCK_STREAM, 0), 64)},
		{"closed", "127.0.0.1", PV_PROBE_TCP, 0, bound(closed, -1)},
		{"family", "::1", PV_PROBE_TCP, 6, 1},
	};
	const struct pv_probe_target silent[] = {
		{"busy", "127.0.0.1", PV_PROBE_TCP, 0, full(busy, in, 4)},
		{"nobody", "no.such.name.invalid", PV_PROBE_TCP, 0, 80},
	};
	static const struct outcome answer[] = {{3, 3, 0, 0, 0}, {3, 3, 0, 0, 0}, {3, 0, 3, 0, 0}, {3, 0, 3, 0, 0}},
				    silence[] = {{3, 0, 0, 0, 3}, {0, 0, 0, 3, 0}};
	struct pv_probe_conf conf = {
		.targets = answering, .ntargets = 4, .interval_ns = 20 * MS, .timeout_ns = 60 * SEC, .count = 3};
	struct pv_probe_status st = {0};
	(void)state;
	outcomes(&conf, answer, &st);
	conf = (struct pv_probe_conf){
		.targets = silent, .ntargets = 2, .interval_ns = 200 * MS, .timeout_ns = 150 * MS, .count = 3};
	outcomes(&conf, silence, &st);
	assert_int_equal(st.attempts, 15);
	assert_int_equal(st.answers, 6);
	assert_int_equal(st.failures, 9);
	assert_int_equal(st.timeouts, 3);
	close(open);
	close(closed);
	close(busy);
	for (int i = 0; i < 4; i++)
		close(in[i]);
}

/* Tests that come faster than a name is looked up, or than the packets of one are sent: each is made whole, one after the other. */
static void no_test_is_lost(void **state)
{
	static const struct outcome want = {40, 40, 0, 0, 0};
	const struct pv_probe_target name = {"name", "localhost", PV_PROBE_TCP, 4, bound(socket(AF_INET, SOCK_STREAM, 0), 64)},
				     echo = {"echo", "127.0.0.1", PV_PROBE_PING, 0, 0};
	struct pv_probe_conf conf = {.targets = &name, .ntargets = 1, .interval_ns = 1, .timeout_ns = 60 * SEC, .count = 40};
	struct pv_probe_status st = {0};
	char err[200];
	(void)state;
	outcomes(&conf, &want, &st);
	conf.targets = &echo;
	conf.count = 8;
	conf.packets = 5;
	conf.packets_interval_ns = 3 * MS;
	struct pv_probe *p = pv_probe_open(&conf, err, sizeof err);
	if (!p) {
		print_message("no ICMP here: %s\n", err);
		return;
	}
	pv_probe_free(p);
	outcomes(&conf, &want, &st);
	assert_int_equal(st.attempts, 80);
}

static void echoes(void **state)
{
	const struct pv_probe_target targets[] = {
		{"a", "127.0.0.1", PV_PROBE_PING, 0, 0},
		{"b", "127.0.0.2", PV_PROBE_PING, 0, 0},
		{"large", "127.0.0.3", PV_PROBE_PING, 0, 0},
	};
	const struct pv_probe_conf conf = {.targets = targets, .ntargets = 3, .interval_ns = 100 * MS,
					   .timeout_ns = 100 * MS, .packets = 5, .count = 2, .payload_bytes = 65500};
	char err[200];
	struct seen s;
	(void)state;
	struct pv_probe *first = pv_probe_open(&conf, err, sizeof err), *second;
	if (!first) {
		print_message("no ICMP here: %s\n", err);
		skip();
	}
	assert_int_equal(pv_probe_sockets(first), 1);
	second = pv_probe_open(&conf, err, sizeof err); /* sees the same replies, where sockets are raw */
	assert_non_null(second);
	for (int i = 0; i < 2; i++) {
		open_seen(&s, 3600 * SEC, DEFAULTS);
		run_source(i ? second : first, &s);
		for (size_t t = 0; t < 3; t++) {
			assert_int_equal(number(&s, targets[t].name, "attempts"), 10);
			assert_int_equal(number(&s, targets[t].name, "successes") +
						 number(&s, targets[t].name, "packets_timeout"), 10);
			assert_int_equal(number(&s, targets[t].name, "connect_failures"), 0);
		}
		close_seen(&s);
	}
	pv_probe_free(first);
	pv_probe_free(second);
}

/* Whoever is sent requests cannot make replies to those of others: what they are known by has nothing in common. */
static void tokens(void **state)
{
	static const struct pv_probe_target target = {"a", "127.0.0.1", PV_PROBE_PING, 0, 0};
	const struct pv_probe_conf conf = {.targets = &target, .ntargets = 1, .interval_ns = 100 * MS, .timeout_ns = 100 * MS,
					   .packets = 10, .count = 1};
	uint8_t b[256];
	char err[200];
	struct seen s;
	uint64_t token[10];
	size_t n = 0;
	(void)state;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
	struct pv_probe *p = fd >= 0 ? pv_probe_open(&conf, err, sizeof err) : NULL;
	if (!p) {
		if (fd >= 0)
			close(fd);
		skip();
	}
	open_seen(&s, 3600 * SEC, DEFAULTS);
	run_source(p, &s);
	for (ssize_t got; n < 10 && (got = recv(fd, b, sizeof b, 0)) > 0;)
		if (got >= 44 && b[20] == 8 && !memcmp(b + 36, "pktvisor", 8))
			memcpy(&token[n++], b + 28, 8);
	assert_true(n > 1);
	for (size_t i = 1; i < n; i++)
		assert_true((token[i] ^ token[i - 1]) >> 20);
	close_seen(&s);
	pv_probe_free(p);
	close(fd);
}

static void stops(void **state)
{
	const struct pv_probe_target target = {"a", "127.0.0.1", PV_PROBE_TCP, 0, 9};
	const struct pv_probe_target none[PV_PROBE_TARGETS + 1] = {{"a", "127.0.0.1", PV_PROBE_TCP, 0, 9}};
	struct pv_probe_conf conf = {.targets = &target, .ntargets = 1, .interval_ns = 3600 * SEC,
				     .timeout_ns = SEC, .duration_ns = 50 * MS};
	char err[200];
	struct seen s;
	(void)state;
	for (int how = 0; how < 3; how++) {
		int pipe_fd[2];
		assert_int_equal(pipe(pipe_fd), 0);
		conf.stop_fd = how == 2 ? pipe_fd[0] : 0;
		conf.duration_ns = how == 0 ? 50 * MS : 0;
		open_seen(&s, 3600 * SEC, DEFAULTS);
		struct pv_probe *p = pv_probe_open(&conf, err, sizeof err);
		assert_non_null(p);
		if (how == 1)
			pv_probe_stop(p);
		assert_int_equal(write(pipe_fd[1], "x", 1), 1);
		run_source(p, &s);
		pv_probe_free(p);
		close_seen(&s);
		close(pipe_fd[0]);
		close(pipe_fd[1]);
	}
	conf.targets = none;
	conf.ntargets = 0;
	assert_null(pv_probe_open(&conf, err, sizeof err));
	conf.ntargets = PV_PROBE_TARGETS + 1;
	assert_null(pv_probe_open(&conf, err, sizeof err));
	assert_string_equal(err, "no targets, or more than 256");
}

static void resolver(void **state)
{
	struct pv_resolver *r = pv_resolver_new();
	struct pv_resolver_answer a;
	char longer[300];
	(void)state;
	assert_non_null(r);
	assert_false(pv_resolver_answer(r, &a));
	assert_true(pv_resolver_ask(r, 7, "localhost"));
	struct pollfd fd = {pv_resolver_fd(r), POLLIN, 0};
	assert_int_equal(poll(&fd, 1, 20000), 1);
	assert_true(pv_resolver_answer(r, &a));
	assert_int_equal(a.number, 7);
	assert_true(a.first == 4 || a.first == 6);
	assert_true(a.has4 || a.has6);
	assert_false(pv_resolver_answer(r, &a));
	assert_int_equal(poll(&fd, 1, 0), 0);
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_false(pv_resolver_ask(r, 1, longer));
	unsigned asked = 0;
	while (asked < 1000 && pv_resolver_ask(r, asked, "localhost"))
		asked++;
	assert_int_equal(asked, PV_RESOLVER_JOBS);
	pv_resolver_free(r); /* while they work */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo),	    cmocka_unit_test(replies), cmocka_unit_test(failures), cmocka_unit_test(patience),
		cmocka_unit_test(matching),
		cmocka_unit_test(clock_is_set), cmocka_unit_test(limits),  cmocka_unit_test(groups),   cmocka_unit_test(settings),
		cmocka_unit_test(addresses),
		cmocka_unit_test(connects), cmocka_unit_test(no_test_is_lost), cmocka_unit_test(echoes),  cmocka_unit_test(tokens),	cmocka_unit_test(stops),	   cmocka_unit_test(resolver),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
