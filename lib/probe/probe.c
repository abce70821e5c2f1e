/* SPDX-License-Identifier: MPL-2.0 */
#include "probe/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/random.h"
#include "base/version.h"
#include "probe/icmp.h"
#include "probe/resolve.h"
#include "stage/start.h"
#include "stage/stop.h"

#define NS UINT64_C(1000000000)
#define MS_NS UINT64_C(1000000)

enum { V4, V6, FAMILIES };

struct attempt {
	uint64_t number; /* 0: this place is free */
	uint64_t token; /* of an echo */
	uint64_t sent_ns, mono_ns;
	uint8_t addr[16];
	uint16_t target, seq;
	uint8_t l3, stamp;
	uint16_t connect; /* its place in connects */
	int fd;           /* of a connect; -1: an echo */
};

struct target {
	struct pv_probe_target conf; /* with strings of our own */
	uint8_t addr[16], l3;        /* l3 0: not known yet */
	bool numeric;                /* the host is an address */
	const char *zone;            /* of it: the interface that it is behind, which may come and go; NULL: none */
	uint32_t scope;              /* its number */
	bool asked;                  /* the resolver has the name */
	bool waiting;                /* a test waits for it, until mono_lookup_ns */
	uint16_t seq;
	uint64_t tests, left; /* left: packets of the test at hand */
	uint64_t mono_test_ns, mono_packet_ns, mono_lookup_ns;
};

struct pv_probe {
	struct pv_probe_conf conf;
	char *producer;
	struct target *target;
	struct pv_icmp icmp[FAMILIES];
	unsigned sockets;
	struct pv_resolver *resolver; /* NULL: all are addresses */
	uint64_t stamps;              /* state of a generator */
	uint16_t id;                  /* of raw requests */
	uint8_t *message;             /* scratch: one request */

	struct attempt *open;         /* PV_PROBE_OPEN places; an attempt's is its number modulo that */
	uint64_t next, oldest;        /* numbers; none below oldest is open */
	size_t nopen;
	struct attempt *connects[PV_PROBE_CONNECTS];
	unsigned nconnects;
	struct pollfd fds[PV_PROBE_CONNECTS + FAMILIES + 2];
	uint64_t wait_ns;

	bool started, over;
	enum pv_res result; /* once it is over */
	struct pv_out *out; /* during a call */
	uint64_t time_ns;   /* stream time */
	uint64_t told;      /* events until now, but for TICKs */
	uint64_t told_second;
	uint64_t mono_second_ns, mono_end_ns;
	unsigned budget;    /* packets that may still be sent in this step */
	struct pv_probe_status status;
	char notice[200];
	bool noticed;
	atomic_bool stop;
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

static uint64_t stream_time(struct pv_probe *p, uint64_t wall_ns)
{
	return p->time_ns = pv_clock_stream(wall_ns, p->time_ns);
}

static uint64_t later(uint64_t t, uint64_t by)
{
	return by < UINT64_MAX - t ? t + by : UINT64_MAX;
}

/* ---- opening -------------------------------------------------------------------------------------- */

uint8_t pv_probe_address(const char *host, uint8_t addr[16], const char **zone)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t nowhere[16], *to = addr ? addr : nowhere;
	char text[INET6_ADDRSTRLEN];
	const char *percent = strchr(host, '%');
	size_t n = percent ? (size_t)(percent - host) : strlen(host);
	if (zone)
		*zone = NULL;
	if (n >= sizeof text || (percent && (!percent[1] || strlen(percent + 1) >= IF_NAMESIZE)))
		return 0;
	memcpy(text, host, n);
	text[n] = '\0';
	if (!percent && inet_pton(AF_INET, text, to + 12) == 1) {
		memcpy(to, mapped, sizeof mapped);
		return 4;
	}
	if (inet_pton(AF_INET6, text, to) != 1)
		return 0;
	if (zone && percent)
		*zone = percent + 1;
	return 6;
}

static int copy_target(struct target *t, const struct pv_probe_target *from)
{
	t->conf = *from;
	t->conf.name = strndup(from->name, PV_PROBE_NAME);
	t->conf.host = strdup(from->host);
	t->l3 = t->conf.host ? pv_probe_address(t->conf.host, t->addr, &t->zone) : 0;
	t->numeric = t->l3;
	return t->conf.name && t->conf.host ? 0 : -1;
}

static bool pings(const struct pv_probe *p, uint8_t family)
{
	for (size_t i = 0; i < p->conf.ntargets; i++) {
		const struct target *t = &p->target[i];
		uint8_t is = t->numeric ? t->l3 : t->conf.family;
		if (t->conf.test == PV_PROBE_PING && (is == family || !is))
			return true;
	}
	return false;
}

static int open_sockets(struct pv_probe *p, char *err, size_t cap)
{
	int wanted = 0, why = 0;
	for (int f = V4; f < FAMILIES; f++) {
		uint8_t family = f == V4 ? 4 : 6;
		p->icmp[f].fd = -1;
		if (!pings(p, family))
			continue;
		wanted++;
		if (!pv_icmp_open(&p->icmp[f], family, p->id)) {
			p->sockets++;
			continue;
		}
		why = errno;
		snprintf(p->notice, sizeof p->notice, "targets of IPv%d cannot be pinged: %s", family, strerror(errno));
	}
	if (!wanted || p->sockets)
		return 0;
	snprintf(err, cap, "cannot ping: %s; it takes CAP_NET_RAW, or a group within net.ipv4.ping_group_range",
		 strerror(why));
	return -1;
}

static int configure(struct pv_probe *p, const struct pv_probe_conf *conf)
{
	bool names = false;
	p->conf = *conf;
	p->conf.targets = NULL;
	p->conf.ntargets = 0;
	if (p->conf.interval_ns < MS_NS)
		p->conf.interval_ns = MS_NS;
	if (p->conf.timeout_ns < MS_NS)
		p->conf.timeout_ns = MS_NS;
	if (!p->conf.packets)
		p->conf.packets = 1;
	if (p->conf.payload_bytes < PV_ICMP_PAYLOAD_MIN)
		p->conf.payload_bytes = PV_ICMP_PAYLOAD_MIN;
	if (p->conf.payload_bytes > PV_ICMP_PAYLOAD_MAX)
		p->conf.payload_bytes = PV_ICMP_PAYLOAD_MAX;
	p->wait_ns = p->conf.timeout_ns;
	p->producer = strdup(conf->producer ? conf->producer : "pv-probe " PV_VERSION);
	p->target = calloc(conf->ntargets, sizeof *p->target);
	p->open = calloc(PV_PROBE_OPEN, sizeof *p->open);
	p->message = malloc(PV_ICMP_MESSAGE_MAX);
	if (!p->producer || !p->target || !p->open || !p->message)
		return -1;
	for (size_t i = 0; i < conf->ntargets; i++) {
		p->conf.ntargets++;
		if (copy_target(&p->target[i], &conf->targets[i]))
			return -1;
		names |= !p->target[i].numeric;
	}
	if (names && !(p->resolver = pv_resolver_new()))
		return -1;
	return 0;
}

struct pv_probe *pv_probe_open(const struct pv_probe_conf *conf, char *err, size_t cap)
{
	if (!conf->ntargets || conf->ntargets > PV_PROBE_TARGETS) {
		snprintf(err, cap, "no targets, or more than %d", PV_PROBE_TARGETS);
		return NULL;
	}
	struct pv_probe *p = calloc(1, sizeof *p);
	if (!p) {
		snprintf(err, cap, "cannot start: %s", strerror(errno));
		return NULL;
	}
	p->icmp[V4].fd = p->icmp[V6].fd = -1;
	p->next = p->oldest = 1;
	if (getrandom(&p->stamps, sizeof p->stamps, 0) != sizeof p->stamps || configure(p, conf)) {
		snprintf(err, cap, "cannot start: %s", strerror(errno));
		pv_probe_free(p);
		return NULL;
	}
	p->id = (uint16_t)pv_random_below(&p->stamps, 65536);
	if (open_sockets(p, err, cap)) {
		pv_probe_free(p);
		return NULL;
	}
	return p;
}

void pv_probe_free(struct pv_probe *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->nconnects; i++)
		close(p->connects[i]->fd);
	for (size_t i = 0; i < p->conf.ntargets; i++) {
		union {
			const char *in;
			char *out;
		} name = {p->target[i].conf.name}, host = {p->target[i].conf.host};
		free(name.out);
		free(host.out);
	}
	pv_resolver_free(p->resolver);
	pv_icmp_close(&p->icmp[V4]);
	pv_icmp_close(&p->icmp[V6]);
	free(p->message);
	free(p->open);
	free(p->target);
	free(p->producer);
	free(p);
}

/* ---- events --------------------------------------------------------------------------------------- */

/* a NULL: of a test that came to no attempt. */
static void tell(struct pv_probe *p, uint64_t wall_ns, unsigned target, const struct attempt *a,
		 enum pv_probe_what what, enum pv_probe_error error, uint64_t elapsed_ns)
{
	const struct target *t = &p->target[target];
	size_t n = strlen(t->conf.name), at = sizeof(struct pv_probe_event);
	struct pv_probe_event *e = pv_out_event(p->out, PV_EV_PROBE, at + n, stream_time(p, wall_ns));
	if (a) {
		e->attempt = a->number;
		e->sent_ns = a->sent_ns;
		e->elapsed_ns = elapsed_ns;
		memcpy(e->addr, a->addr, 16);
		e->l3 = a->l3;
	}
	e->stamp = a ? a->stamp : (uint8_t)pv_random_below(&p->stamps, 100);
	e->port = t->conf.test == PV_PROBE_TCP ? t->conf.port : 0;
	e->test = t->conf.test;
	e->what = (uint8_t)what;
	e->error = (uint8_t)error;
	e->target = pv_ev_put(e, &at, t->conf.name, n);
	p->told++;
}

static void fail(struct pv_probe *p, const struct target *t, enum pv_probe_error error)
{
	p->status.failures++;
	tell(p, clock_ns(CLOCK_REALTIME), (unsigned)(t - p->target), NULL, PV_PROBE_FAILED, error, 0);
}

/* ---- attempts ------------------------------------------------------------------------------------- */

static void end_attempt(struct pv_probe *p, struct attempt *a, uint64_t wall_ns, enum pv_probe_what what,
			enum pv_probe_error error, uint64_t elapsed_ns)
{
	tell(p, wall_ns, a->target, a, what, error, elapsed_ns);
	p->status.answers += what == PV_PROBE_ANSWER;
	p->status.timeouts += what == PV_PROBE_TIMEOUT;
	p->status.failures += what == PV_PROBE_FAILED;
	if (a->fd >= 0) {
		close(a->fd);
		p->connects[a->connect] = p->connects[--p->nconnects];
		p->connects[a->connect]->connect = a->connect;
	}
	a->number = 0;
	p->nopen--;
}

static void time_out(struct pv_probe *p, struct attempt *a, uint64_t mono_ns)
{
	end_attempt(p, a, clock_ns(CLOCK_REALTIME), PV_PROBE_TIMEOUT, PV_PROBE_NO_ERROR, mono_ns - a->mono_ns);
}

/* It came, elapsed_ns after it was sent: in time? */
static void answered(struct pv_probe *p, struct attempt *a, uint64_t elapsed_ns)
{
	bool in_time = elapsed_ns < p->wait_ns;
	end_attempt(p, a, a->sent_ns + elapsed_ns, in_time ? PV_PROBE_ANSWER : PV_PROBE_TIMEOUT, PV_PROBE_NO_ERROR,
		    elapsed_ns);
}

/* Makes room where an attempt that old is still open. */
static struct attempt *new_attempt(struct pv_probe *p, unsigned target)
{
	struct attempt *a = &p->open[p->next % PV_PROBE_OPEN];
	const struct target *t = &p->target[target];
	if (a->number) {
		p->status.evicted++;
		time_out(p, a, clock_ns(CLOCK_MONOTONIC));
	}
	*a = (struct attempt){.number = p->next, .target = (uint16_t)target, .l3 = t->l3, .fd = -1,
			      .stamp = (uint8_t)pv_random_below(&p->stamps, 100)};
	memcpy(a->addr, t->addr, 16);
	a->sent_ns = clock_ns(CLOCK_REALTIME);
	a->mono_ns = clock_ns(CLOCK_MONOTONIC);
	return a;
}

static void sent(struct pv_probe *p, struct attempt *a)
{
	p->next++;
	p->nopen++;
	p->status.attempts++;
	tell(p, a->sent_ns, a->target, a, PV_PROBE_SENT, PV_PROBE_NO_ERROR, 0);
}

/* The interface that the address is behind, by name or number. False: it is not there. */
static bool find_scope(struct target *t)
{
	uint64_t number;
	t->scope = t->zone ? if_nametoindex(t->zone) : 0;
	if (t->zone && !t->scope && pv_parse_u64(t->zone, &number) && number <= UINT32_MAX)
		t->scope = (uint32_t)number;
	return !t->zone || t->scope;
}

/* ---- echo ----------------------------------------------------------------------------------------- */

/* An attempt's place is the lower part, to be found by; of the rest a target can tell nothing from what others were sent, so
 * none can answer for another. */
static bool draw_token(const struct pv_probe *p, struct attempt *a)
{
	if (getrandom(&a->token, sizeof a->token, 0) != sizeof a->token)
		return false;
	a->token = a->token / PV_PROBE_OPEN * PV_PROBE_OPEN + (uint64_t)(a - p->open);
	return true;
}

static void ping(struct pv_probe *p, struct target *t)
{
	const struct pv_icmp *s = &p->icmp[t->l3 == 4 ? V4 : V6];
	struct attempt *a = new_attempt(p, (unsigned)(t - p->target));
	a->seq = ++t->seq;
	bool drawn = draw_token(p, a);
	size_t n = pv_icmp_request(t->l3, s->id, a->seq, a->token, p->conf.payload_bytes, p->message);
	if (!drawn || pv_icmp_send(s, t->addr, t->scope, p->message, n)) {
		a->number = 0;
		fail(p, t, PV_PROBE_SOCKET);
		return;
	}
	sent(p, a);
}

/* By the kernel's clock; ours, where that was set between sending and arrival. */
static uint64_t elapsed(const struct attempt *a, uint64_t wall_ns)
{
	uint64_t ours = clock_ns(CLOCK_MONOTONIC) - a->mono_ns;
	return wall_ns >= a->sent_ns && wall_ns - a->sent_ns < ours ? wall_ns - a->sent_ns : ours;
}

/* False: there may be more. */
static bool replies(struct pv_probe *p, const struct pv_icmp *s)
{
	struct pv_icmp_answer r;
	unsigned tries = PV_PROBE_BURST;
	while (pv_icmp_receive(s, &r, &tries)) {
		struct attempt *a = &p->open[r.token % PV_PROBE_OPEN];
		if (a->number && a->token == r.token && a->fd < 0 && a->l3 == s->family && a->seq == r.seq)
			answered(p, a, elapsed(a, r.wall_ns));
	}
	return tries;
}

/* ---- connect -------------------------------------------------------------------------------------- */

static int start_connect(const struct target *t, int fd)
{
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(t->conf.port)};
	struct sockaddr_in6 to6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(t->conf.port), .sin6_scope_id = t->scope};
	memcpy(&to4.sin_addr, t->addr + 12, 4);
	memcpy(&to6.sin6_addr, t->addr, 16);
	if (t->l3 == 4)
		return connect(fd, (const struct sockaddr *)&to4, sizeof to4);
	return connect(fd, (const struct sockaddr *)&to6, sizeof to6);
}

static void try_connect(struct pv_probe *p, const struct target *t)
{
	int fd = p->nconnects == PV_PROBE_CONNECTS
			 ? -1
			 : socket(t->l3 == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		fail(p, t, PV_PROBE_SOCKET);
		return;
	}
	struct attempt *a = new_attempt(p, (unsigned)(t - p->target));
	a->fd = fd;
	a->connect = (uint16_t)p->nconnects;
	p->connects[p->nconnects++] = a;
	sent(p, a);
	if (!start_connect(t, fd))
		answered(p, a, clock_ns(CLOCK_MONOTONIC) - a->mono_ns);
	else if (errno != EINPROGRESS)
		end_attempt(p, a, clock_ns(CLOCK_REALTIME), PV_PROBE_FAILED, PV_PROBE_CONNECT, 0);
}

/* By the kernel, which measured the handshake, where it can be had: we may have been told late. */
static uint64_t handshake(const struct attempt *a, uint64_t ours)
{
#ifdef TCP_INFO
	struct tcp_info info;
	socklen_t n = sizeof info;
	memset(&info, 0, sizeof info);
	if (!getsockopt(a->fd, IPPROTO_TCP, TCP_INFO, &info, &n) && info.tcpi_rtt && !info.tcpi_total_retrans &&
	    info.tcpi_rtt * UINT64_C(1000) < ours)
		return info.tcpi_rtt * UINT64_C(1000);
#endif
	return ours;
}

static void connected(struct pv_probe *p, struct attempt *a)
{
	int error = 0;
	socklen_t n = sizeof error;
	uint64_t took = clock_ns(CLOCK_MONOTONIC) - a->mono_ns;
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &n) || error)
		end_attempt(p, a, clock_ns(CLOCK_REALTIME), PV_PROBE_FAILED, PV_PROBE_CONNECT, took);
	else
		answered(p, a, handshake(a, took));
}

/* Has it come to something since we looked last? */
static bool connect_done(struct pv_probe *p, struct attempt *a)
{
	struct pollfd fd = {a->fd, POLLOUT, 0};
	if (a->fd < 0 || poll(&fd, 1, 0) <= 0)
		return false;
	connected(p, a);
	return true;
}

/* Of what was waiting at that time all has been read. */
static void expire(struct pv_probe *p, uint64_t mono_ns)
{
	for (; p->oldest < p->next; p->oldest++) {
		struct attempt *a = &p->open[p->oldest % PV_PROBE_OPEN];
		if (a->number != p->oldest)
			continue; /* has ended */
		if (mono_ns < a->mono_ns || mono_ns - a->mono_ns < p->wait_ns)
			return;
		if (!connect_done(p, a))
			time_out(p, a, mono_ns);
	}
}

/* ---- tests ---------------------------------------------------------------------------------------- */

/* The address that is to be probed. False: there is none. */
static bool choose(struct target *t, const struct pv_resolver_answer *r)
{
	uint8_t wanted = t->conf.family;
	if (!wanted)
		wanted = t->conf.test == PV_PROBE_PING && r->has4 ? 4 : r->first;
	if (!(wanted == 4 ? r->has4 : r->has6))
		return false;
	memcpy(t->addr, wanted == 4 ? r->v4 : r->v6, 16);
	t->l3 = wanted;
	return true;
}

static void begin_packets(const struct pv_probe *p, struct target *t, uint64_t mono_ns)
{
	t->left = t->conf.test == PV_PROBE_PING ? p->conf.packets : 1;
	t->mono_packet_ns = mono_ns;
}

static void found(struct pv_probe *p, const struct pv_resolver_answer *r, uint64_t mono_ns)
{
	struct target *t = &p->target[r->number];
	t->asked = false;
	if (!t->waiting)
		return; /* it took too long for the test that asked */
	t->waiting = false;
	if (!r->first)
		fail(p, t, PV_PROBE_DNS);
	else if (!choose(t, r))
		fail(p, t, t->conf.test == PV_PROBE_PING ? PV_PROBE_ADDRESS : PV_PROBE_DNS);
	else
		begin_packets(p, t, mono_ns);
}

static void begin_test(struct pv_probe *p, struct target *t, uint64_t mono_ns)
{
	uint64_t due = later(t->mono_test_ns, p->conf.interval_ns);
	t->mono_test_ns = due > mono_ns ? due : later(mono_ns, p->conf.interval_ns);
	t->tests++;
	if (t->numeric) {
		begin_packets(p, t, mono_ns);
		return;
	}
	if (!t->asked)
		t->asked = pv_resolver_ask(p->resolver, (unsigned)(t - p->target), t->conf.host);
	t->waiting = t->asked;
	t->mono_lookup_ns = later(mono_ns, p->conf.timeout_ns);
	if (!t->asked)
		fail(p, t, PV_PROBE_DNS);
}

static bool wants_test(const struct pv_probe *p, const struct target *t)
{
	return !p->conf.count || t->tests < p->conf.count;
}

/* With a test: the next begins after it. */
static bool busy(const struct target *t)
{
	return t->waiting || t->left;
}

static void due(struct pv_probe *p, struct target *t, uint64_t mono_ns)
{
	if (t->waiting && mono_ns >= t->mono_lookup_ns) {
		t->waiting = false;
		fail(p, t, PV_PROBE_DNS);
	}
	if (wants_test(p, t) && !busy(t) && mono_ns >= t->mono_test_ns)
		begin_test(p, t, mono_ns);
	while (t->left && mono_ns >= t->mono_packet_ns && p->budget) {
		uint64_t next = later(t->mono_packet_ns, p->conf.packets_interval_ns);
		t->mono_packet_ns = next > mono_ns ? next : later(mono_ns, p->conf.packets_interval_ns);
		t->left--;
		p->budget--;
		if (!find_scope(t))
			fail(p, t, PV_PROBE_SOCKET);
		else if (t->conf.test == PV_PROBE_PING)
			ping(p, t);
		else
			try_connect(p, t);
	}
}

/* When the next thing is to be done. */
static uint64_t next_due(const struct pv_probe *p)
{
	uint64_t at = p->mono_second_ns < p->mono_end_ns ? p->mono_second_ns : p->mono_end_ns;
	for (size_t i = 0; i < p->conf.ntargets; i++) {
		const struct target *t = &p->target[i];
		if (wants_test(p, t) && !busy(t) && t->mono_test_ns < at)
			at = t->mono_test_ns;
		if (t->left && t->mono_packet_ns < at)
			at = t->mono_packet_ns;
		if (t->waiting && t->mono_lookup_ns < at)
			at = t->mono_lookup_ns;
	}
	const struct attempt *a = &p->open[p->oldest % PV_PROBE_OPEN];
	if (p->nopen && a->number == p->oldest && later(a->mono_ns, p->wait_ns) < at)
		at = a->mono_ns + p->wait_ns;
	return at;
}

/* ---- running -------------------------------------------------------------------------------------- */

static void begin(struct pv_probe *p)
{
	const struct pv_start_conf start = {.clock = PV_CLOCK_LIVE,
					    .stream_id = p->conf.stream_id,
					    .producer = p->producer,
					    .source = "netprobe",
					    .type = "netprobe"};
	uint64_t mono_ns = clock_ns(CLOCK_MONOTONIC);
	pv_start_emit(p->out, &start, stream_time(p, clock_ns(CLOCK_REALTIME)));
	p->started = true;
	p->mono_second_ns = mono_ns + NS;
	p->mono_end_ns = p->conf.duration_ns ? later(mono_ns, p->conf.duration_ns) : UINT64_MAX;
	for (size_t i = 0; i < p->conf.ntargets; i++)
		p->target[i].mono_test_ns = mono_ns;
}

static void each_second(struct pv_probe *p, uint64_t mono_ns)
{
	if (mono_ns < p->mono_second_ns)
		return;
	p->mono_second_ns = p->mono_second_ns + NS > mono_ns ? p->mono_second_ns + NS : mono_ns + NS;
	if (p->told == p->told_second)
		pv_out_event(p->out, PV_EV_TICK, sizeof(struct pv_event),
			     stream_time(p, clock_ns(CLOCK_REALTIME)));
	p->told_second = p->told;
}

/* Waits for what is due or comes; then fds say what came. Connects first, as they stand in connects. */
static void wait_for_something(struct pv_probe *p)
{
	unsigned n = 0;
	for (; n < p->nconnects; n++)
		p->fds[n] = (struct pollfd){p->connects[n]->fd, POLLOUT, 0};
	p->fds[n++] = (struct pollfd){p->icmp[V4].fd, POLLIN, 0}; /* -1 is passed over */
	p->fds[n++] = (struct pollfd){p->icmp[V6].fd, POLLIN, 0};
	p->fds[n++] = (struct pollfd){p->resolver ? pv_resolver_fd(p->resolver) : -1, POLLIN, 0};
	p->fds[n++] = (struct pollfd){p->conf.stop_fd > 0 ? p->conf.stop_fd : -1, POLLIN, 0};
	uint64_t at = next_due(p), mono_ns = clock_ns(CLOCK_MONOTONIC);
	uint64_t ns = at > mono_ns ? at - mono_ns : 0;
	if (ns > PV_PROBE_WAIT_MS * MS_NS)
		ns = PV_PROBE_WAIT_MS * MS_NS;
	const struct timespec t = {.tv_sec = 0, .tv_nsec = (long)ns};
	if (ppoll(p->fds, n, &t, NULL) < 0)
		for (unsigned i = 0; i < n; i++)
			p->fds[i].revents = 0;
	if (p->fds[n - 1].revents)
		pv_probe_stop(p);
}

/* Answers before anything else: what came in time must not expire. */
static void step(struct pv_probe *p)
{
	struct pv_resolver_answer r;
	wait_for_something(p);
	for (unsigned i = p->nconnects; i--;) /* backwards: one that ends is replaced by one that was seen to */
		if (p->fds[i].revents)
			connected(p, p->connects[i]);
	uint64_t mono_ns = clock_ns(CLOCK_MONOTONIC); /* before reading: see expire() */
	bool all = replies(p, &p->icmp[V4]);
	all &= replies(p, &p->icmp[V6]);
	while (p->resolver && pv_resolver_answer(p->resolver, &r))
		found(p, &r, mono_ns);
	if (all)
		expire(p, mono_ns);
	p->budget = PV_PROBE_BURST;
	for (size_t i = 0; i < p->conf.ntargets; i++)
		due(p, &p->target[i], mono_ns);
	each_second(p, mono_ns);
}

static bool at_end(const struct pv_probe *p)
{
	if (atomic_load(&p->stop) || clock_ns(CLOCK_MONOTONIC) >= p->mono_end_ns)
		return true;
	if (!p->conf.count || p->nopen)
		return false;
	for (size_t i = 0; i < p->conf.ntargets; i++)
		if (wants_test(p, &p->target[i]) || p->target[i].left || p->target[i].waiting)
			return false;
	return true;
}

static enum pv_res finish(struct pv_probe *p)
{
	uint64_t ended = p->status.attempts - p->nopen;
	const struct pv_ledger_row rows[] = {
		{0, PV_LEDGER_RECEIVED, 0, ended},
		{0, PV_LEDGER_ANALYSED, 0, ended - p->status.evicted},
		{0, PV_LEDGER_EVICTED, 0, p->status.evicted},
		{0, PV_LEDGER_XACT_OPEN, 0, p->nopen},
	};
	pv_stop_emit(p->out, stream_time(p, clock_ns(CLOCK_REALTIME)), rows, sizeof rows / sizeof rows[0]);
	p->over = true;
	return p->result = PV_END;
}

enum pv_res pv_probe_poll(struct pv_probe *p, struct pv_out *out)
{
	enum pv_res res = PV_OK;
	if (p->over)
		return p->result;
	p->out = out;
	if (!p->started) {
		begin(p);
	} else if (at_end(p)) {
		res = finish(p);
	} else {
		uint64_t before = p->told;
		step(p);
		res = p->told != before ? PV_OK : PV_AGAIN;
	}
	if (out->res != PV_OK) {
		p->over = true;
		res = p->result = out->res;
	}
	return res;
}

void pv_probe_stop(struct pv_probe *p)
{
	atomic_store(&p->stop, true);
}

void pv_probe_wait(struct pv_probe *p, uint64_t ns)
{
	p->wait_ns = ns > p->conf.timeout_ns ? ns : p->conf.timeout_ns;
}

void pv_probe_status(const struct pv_probe *p, struct pv_probe_status *to)
{
	*to = p->status;
}

unsigned pv_probe_targets(const struct pv_probe *p)
{
	return (unsigned)p->conf.ntargets;
}

unsigned pv_probe_sockets(const struct pv_probe *p)
{
	return p->sockets;
}

const char *pv_probe_notice(struct pv_probe *p)
{
	bool any = p->notice[0] && !p->noticed;
	p->noticed = true;
	return any ? p->notice : NULL;
}
