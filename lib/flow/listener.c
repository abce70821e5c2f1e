/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/version.h"
#include "stage/start.h"
#include "stage/stop.h"

#define NS UINT64_C(1000000000)
#define MS_NS UINT64_C(1000000)
#define LAG_NS (100 * MS_NS) /* what threads may hold back */

#define BATCH 32u /* datagrams of one recvmmsg() */
#define DATAGRAM_BYTES 65536u

struct worker {
	struct pv_flow_listener *source;
	int fd;
	struct pv_collector *collector;
	uint8_t *bytes; /* BATCH datagrams; pages are touched as far as they are filled */
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in6 from[BATCH];
	uint64_t stamps; /* state of a generator */
	uint32_t drops; /* the kernel's count, when last asked */
	uint64_t os_drops;
	struct pv_out *out; /* where records go */

	/* where there are several */
	pthread_t thread;
	bool running;
	struct pv_out own_out;

	struct pv_collector_status told; /* under the source's lock, as told_drops */
	uint64_t told_drops;
};

struct pv_flow_listener {
	struct pv_flow_listener_conf conf;
	char *producer, *name; /* "192.0.2.1 port 2055" */
	struct worker *worker;
	unsigned nworkers;
	uint16_t port;
	char notice[160];
	bool noticed; /* it was not asked for yet */

	bool started, over;
	enum pv_res result; /* once it is over */
	bool quiet;	    /* no datagram since the last second's TICK or STATS */
	uint64_t time_ns;   /* stream time */
	uint64_t mono_end_ns, mono_second_ns;
	atomic_uint_least64_t datagrams;
	atomic_bool stop;
	int stop_event; /* for whoever waits */

	/* between threads */
	pthread_mutex_t lock;
	pthread_cond_t room;
	uint8_t *held[2]; /* events on their way: one is filled, the other read */
	size_t nheld;	  /* bytes in held[0] */
	int ready;	  /* eventfd: there are some */
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

/* ---- receiving ------------------------------------------------------------------------------------ */

static void emit(void *ctx, const struct pv_flow *f)
{
	struct worker *w = ctx;
	struct pv_flow *to = pv_out_event(w->out, PV_EV_FLOW, sizeof *to, f->ev.time_ns);
	memcpy((uint8_t *)to + sizeof to->ev, (const uint8_t *)f + sizeof f->ev, sizeof *f - sizeof f->ev);
}

static void sender(struct pv_flow_datagram *d, const struct sockaddr_in6 *a)
{
	d->port = ntohs(a->sin6_port);
	if (a->sin6_family == AF_INET)
		pv_flow_ipv4(d->from, (const uint8_t *)&((const struct sockaddr_in *)(const void *)a)->sin_addr);
	else
		memcpy(d->from, &a->sin6_addr, 16);
}

static void take(struct worker *w, unsigned i, uint64_t time_ns)
{
	struct pv_flow_datagram d = {
	    .bytes = w->bytes + i * DATAGRAM_BYTES,
	    .n = w->msg[i].msg_len,
	    .time_ns = time_ns,
	    .number = atomic_fetch_add(&w->source->datagrams, 1) + 1,
	    .stamp = (uint8_t)pv_random_below(&w->stamps, 100),
	};
	sender(&d, &w->from[i]);
	pv_collector_take(w->collector, &d, emit, w);
}

/* What is waiting, at most a batch. How many. */
static unsigned receive(struct worker *w, unsigned most, uint64_t time_ns)
{
	for (unsigned i = 0; i < most; i++) {
		w->iov[i] = (struct iovec){w->bytes + i * DATAGRAM_BYTES, DATAGRAM_BYTES};
		w->msg[i].msg_hdr = (struct msghdr){.msg_name = &w->from[i],
						    .msg_namelen = sizeof w->from[i],
						    .msg_iov = &w->iov[i],
						    .msg_iovlen = 1};
	}
	/* errors that come as ICMP are of those who answer nobody; the next call is without */
	int n = recvmmsg(w->fd, w->msg, most, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		take(w, (unsigned)i, time_ns);
	return n > 0 ? (unsigned)n : 0;
}

/* For those who ask from other threads. */
static void tell(struct worker *w)
{
	struct pv_collector_status now;
	uint32_t drops = pv_flow_socket_drops(w->fd);
	w->os_drops += drops - w->drops;
	w->drops = drops;
	pv_collector_status(w->collector, &now);
	pthread_mutex_lock(&w->source->lock);
	w->told = now;
	w->told_drops = w->os_drops;
	pthread_mutex_unlock(&w->source->lock);
}

/* ---- several threads ------------------------------------------------------------------------------ */

/* A thread's records join those of the others. */
static enum pv_res hold(void *ctx, const struct iovec *iov, int n)
{
	struct pv_flow_listener *s = ctx;
	for (int i = 0; i < n; i++) {
		pthread_mutex_lock(&s->lock);
		while (s->nheld + iov[i].iov_len > PV_FLOW_HELD && !atomic_load(&s->stop))
			pthread_cond_wait(&s->room, &s->lock);
		bool fits = s->nheld + iov[i].iov_len <= PV_FLOW_HELD;
		if (fits) {
			memcpy(s->held[0] + s->nheld, iov[i].iov_base, iov[i].iov_len);
			s->nheld += iov[i].iov_len;
		}
		pthread_mutex_unlock(&s->lock);
		if (!fits)
			return PV_STOP;
		eventfd_write(s->ready, 1);
	}
	return PV_OK;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct pv_flow_listener *s = w->source;
	uint64_t told_ns = 0;
	while (!atomic_load(&s->stop)) {
		struct pollfd fds[2] = {{w->fd, POLLIN, 0}, {s->stop_event, POLLIN, 0}};
		poll(fds, 2, PV_FLOW_WAIT_MS);
		for (unsigned batches = 0; batches < 8 && receive(w, BATCH, clock_ns(CLOCK_REALTIME)); batches++)
			;
		pv_out_flush(&w->own_out);
		uint64_t now = clock_ns(CLOCK_MONOTONIC);
		if (now - told_ns > LAG_NS) {
			told_ns = now;
			tell(w);
		}
	}
	pv_out_flush(&w->own_out);
	tell(w);
	return NULL;
}

static int start_threads(struct pv_flow_listener *s)
{
	for (unsigned i = 0; i < s->nworkers && s->nworkers > 1; i++) {
		int bad = pthread_create(&s->worker[i].thread, NULL, work, &s->worker[i]);
		if (bad) {
			errno = bad;
			return -1;
		}
		s->worker[i].running = true;
	}
	return 0;
}

static void stop_threads(struct pv_flow_listener *s)
{
	pv_flow_listener_stop(s);
	pthread_mutex_lock(&s->lock);
	pthread_cond_broadcast(&s->room);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < s->nworkers; i++) {
		if (s->worker[i].running)
			pthread_join(s->worker[i].thread, NULL);
		s->worker[i].running = false;
	}
}

/* What the threads have made until now. True: there was something. */
static bool collect(struct pv_flow_listener *s, struct pv_out *out)
{
	eventfd_t ignored;
	eventfd_read(s->ready, &ignored);
	pthread_mutex_lock(&s->lock);
	uint8_t *full = s->held[0];
	size_t n = s->nheld;
	s->held[0] = s->held[1];
	s->held[1] = full;
	s->nheld = 0;
	pthread_cond_broadcast(&s->room);
	pthread_mutex_unlock(&s->lock);
	if (n)
		pv_out_pass(out, full, n); /* stays until the next poll, and the caller flushes before */
	return n > 0;
}

/* ---- running -------------------------------------------------------------------------------------- */

static uint64_t stream_time(struct pv_flow_listener *s)
{
	uint64_t now = clock_ns(CLOCK_REALTIME);
	if (s->nworkers > 1)
		now -= LAG_NS;
	return s->time_ns = pv_clock_stream(now, s->time_ns);
}

static int begin(struct pv_flow_listener *s, struct pv_out *out)
{
	const struct pv_start_conf start = {.clock = PV_CLOCK_LIVE,
					    .stream_id = s->conf.stream_id,
					    .producer = s->producer,
					    .source = s->name,
					    .type = "flow"};
	uint64_t mono_ns = clock_ns(CLOCK_MONOTONIC), duration = s->conf.duration_ns;
	pv_start_emit(out, &start, stream_time(s));
	s->started = s->quiet = true;
	s->mono_second_ns = mono_ns + NS;
	s->mono_end_ns = duration && duration < UINT64_MAX - mono_ns ? mono_ns + duration : UINT64_MAX;
	return start_threads(s);
}

#define LEDGER_ROWS 64

static size_t ledger(const struct pv_flow_listener_status *st, struct pv_ledger_row rows[LEDGER_ROWS])
{
	size_t n = pv_collector_rows(&st->collector, rows, LEDGER_ROWS - 1);
	rows[n++] = (struct pv_ledger_row){0, PV_LEDGER_OS_DROPS, 0, st->os_drops};
	return n;
}

static void each_second(struct pv_flow_listener *s, struct pv_out *out, uint64_t mono_ns)
{
	struct pv_flow_listener_status st;
	uint64_t time_ns = stream_time(s);
	if (mono_ns < s->mono_second_ns)
		return;
	s->mono_second_ns += NS;
	if (s->mono_second_ns < mono_ns)
		s->mono_second_ns = mono_ns + NS; /* late: what was missed is left out */
	if (s->nworkers == 1)
		tell(&s->worker[0]);
	pv_flow_listener_status(s, &st);
	if (s->quiet)
		pv_out_event(out, PV_EV_TICK, sizeof(struct pv_event), time_ns);
	struct pv_stats *stats = pv_out_event(out, PV_EV_STATS, sizeof *stats, time_ns);
	stats->received = st.collector.datagrams;
	stats->os_drops = st.os_drops;
	struct pv_ledger_row rows[LEDGER_ROWS];
	pv_ledger_emit(out, time_ns, rows, ledger(&st, rows));
	s->quiet = true;
}

static bool at_end(struct pv_flow_listener *s)
{
	struct pollfd fd = {s->conf.stop_fd, POLLIN, 0};
	if (s->conf.stop_fd > 0 && poll(&fd, 1, 0) > 0)
		atomic_store(&s->stop, true);
	return atomic_load(&s->stop) || (s->conf.count && atomic_load(&s->datagrams) >= s->conf.count) ||
	       clock_ns(CLOCK_MONOTONIC) >= s->mono_end_ns;
}

static bool step(struct pv_flow_listener *s, struct pv_out *out)
{
	bool any;
	if (s->nworkers > 1) {
		any = collect(s, out);
	} else {
		uint64_t left = s->conf.count ? s->conf.count - atomic_load(&s->datagrams) : BATCH;
		s->worker[0].out = out;
		any = receive(&s->worker[0], left < BATCH ? (unsigned)left : BATCH, stream_time(s)) > 0;
	}
	if (any)
		s->quiet = false;
	return any;
}

static void wait_some(struct pv_flow_listener *s)
{
	struct pollfd fds[3] = {{s->nworkers > 1 ? s->ready : s->worker[0].fd, POLLIN, 0},
				{s->stop_event, POLLIN, 0},
				{s->conf.stop_fd > 0 ? s->conf.stop_fd : -1, POLLIN, 0}};
	poll(fds, 3, PV_FLOW_WAIT_MS);
}

static enum pv_res finish(struct pv_flow_listener *s, struct pv_out *out, enum pv_res result)
{
	struct pv_flow_listener_status st;
	struct pv_ledger_row rows[LEDGER_ROWS];
	stop_threads(s);
	if (s->nworkers > 1)
		collect(s, out);
	else
		tell(&s->worker[0]);
	pv_flow_listener_status(s, &st);
	pv_stop_emit(out, pv_clock_stream(clock_ns(CLOCK_REALTIME), s->time_ns), rows, ledger(&st, rows));
	s->over = true;
	return s->result = result;
}

enum pv_res pv_flow_listener_poll(struct pv_flow_listener *s, struct pv_out *out)
{
	enum pv_res res = PV_OK;
	if (s->over)
		return s->result;
	if (!s->started) {
		if (begin(s, out))
			res = finish(s, out, PV_FAIL);
	} else if (at_end(s)) {
		res = finish(s, out, PV_END);
	} else {
		if (!step(s, out)) {
			wait_some(s);
			res = !at_end(s) && step(s, out) ? PV_OK : PV_AGAIN;
		}
		each_second(s, out, clock_ns(CLOCK_MONOTONIC));
	}
	if (out->res != PV_OK) {
		s->over = true;
		res = s->result = out->res;
	}
	return res;
}

void pv_flow_listener_stop(struct pv_flow_listener *s)
{
	atomic_store(&s->stop, true);
	eventfd_write(s->stop_event, 1);
}

/* ---- opening -------------------------------------------------------------------------------------- */

static int make_worker(struct pv_flow_listener *s, struct worker *w, unsigned number)
{
	struct pv_collector_conf conf = s->conf.collector;
	uint64_t memory = conf.exporters.memory_bytes ? conf.exporters.memory_bytes : PV_FLOW_MEMORY;
	conf.exporters.memory_bytes = memory / s->nworkers;
	w->source = s;
	w->stamps = PV_FLOW_SEED + number;
	w->collector = pv_collector_new(&conf);
	w->bytes = malloc((size_t)BATCH * DATAGRAM_BYTES);
	if (!w->collector || !w->bytes)
		return -1;
	if (s->nworkers == 1)
		return 0;
	w->out = &w->own_out;
	return pv_out_init(&w->own_out, (struct pv_sink){.write = hold, .ctx = s});
}

static int configure(struct pv_flow_listener *s, const struct pv_flow_listener_conf *conf)
{
	char name[128];
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->room, NULL);
	s->conf = *conf;
	if (!s->conf.buffer_bytes)
		s->conf.buffer_bytes = PV_FLOW_BUFFER;
	if (s->conf.buffer_bytes > PV_FLOW_BUFFER_MAX)
		s->conf.buffer_bytes = PV_FLOW_BUFFER_MAX;
	s->nworkers = !conf->sockets ? 1 : conf->sockets < PV_FLOW_SOCKETS ? conf->sockets : PV_FLOW_SOCKETS;
	s->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->producer = strdup(conf->producer ? conf->producer : "pv-flow " PV_VERSION);
	snprintf(name, sizeof name, "%.100s port %u", conf->bind, conf->port);
	s->name = strdup(name);
	s->worker = calloc(s->nworkers, sizeof *s->worker);
	for (unsigned i = 0; s->worker && i < s->nworkers; i++)
		s->worker[i].fd = -1;
	for (unsigned i = 0; i < 2 && s->nworkers > 1; i++)
		if (!(s->held[i] = malloc(PV_FLOW_HELD)))
			return -1;
	if (s->stop_event < 0 || s->ready < 0 || !s->producer || !s->name || !s->worker)
		return -1;
	for (unsigned i = 0; i < s->nworkers; i++)
		if (make_worker(s, &s->worker[i], i))
			return -1;
	return 0;
}

/* All but its sockets. */
static struct pv_flow_listener *make(const struct pv_flow_listener_conf *conf, char *err, size_t cap)
{
	struct pv_flow_listener *s = calloc(1, sizeof *s);
	if (s && !configure(s, conf))
		return s;
	snprintf(err, cap, "cannot start: %s", strerror(errno));
	pv_flow_listener_free(s);
	return NULL;
}

static int open_sockets(const struct pv_flow_listener *s, unsigned n, struct pv_flow_socket to[], uint16_t *port,
			char notice[160], char *err, size_t cap)
{
	const struct pv_flow_sockets_conf conf = {
	    .bind = s->conf.bind, .port = s->conf.port, .buffer_bytes = (int)s->conf.buffer_bytes};
	return pv_flow_sockets_open(&conf, n, to, port, notice, err, cap);
}

static void adopt(struct pv_flow_listener *s, const struct pv_flow_socket from[], uint16_t port, const char *notice)
{
	for (unsigned i = 0; i < s->nworkers; i++) {
		s->worker[i].fd = from[i].fd;
		s->worker[i].drops = from[i].drops;
	}
	s->port = port;
	snprintf(s->notice, sizeof s->notice, "%s", notice);
	s->noticed = *notice;
}

struct pv_flow_listener *pv_flow_listener_open(const struct pv_flow_listener_conf *conf, char *err, size_t cap)
{
	struct pv_flow_socket fd[PV_FLOW_SOCKETS];
	char notice[160];
	uint16_t port;
	struct pv_flow_listener *s = make(conf, err, cap);
	if (s && open_sockets(s, s->nworkers, fd, &port, notice, err, cap)) {
		pv_flow_listener_free(s);
		return NULL;
	}
	if (s)
		adopt(s, fd, port, notice);
	return s;
}

int pv_flow_listener_open_split(const struct pv_flow_listener_conf *conf, unsigned n, struct pv_flow_listener *to[],
				char *err, size_t cap)
{
	struct pv_flow_socket fd[PV_FLOW_SOCKETS];
	char notice[160];
	uint16_t port;
	struct pv_flow_listener_conf own = *conf;
	uint64_t memory = conf->collector.exporters.memory_bytes;
	unsigned made = 0;
	own.sockets = 1;
	own.collector.exporters.memory_bytes = (memory ? memory : PV_FLOW_MEMORY) / n;
	while (made < n && (to[made] = make(&own, err, cap)))
		made++;
	if (made == n && !open_sockets(to[0], n, fd, &port, notice, err, cap)) {
		for (unsigned i = 0; i < n; i++)
			adopt(to[i], &fd[i], port, i ? "" : notice);
		return 0;
	}
	while (made)
		pv_flow_listener_free(to[--made]);
	return -1;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void pv_flow_listener_free(struct pv_flow_listener *s)
{
	if (!s)
		return;
	if (s->worker)
		stop_threads(s);
	for (unsigned i = 0; s->worker && i < s->nworkers; i++) {
		struct worker *w = &s->worker[i];
		close_fd(w->fd);
		pv_collector_free(w->collector);
		pv_out_free(&w->own_out);
		free(w->bytes);
	}
	close_fd(s->stop_event);
	close_fd(s->ready);
	pthread_cond_destroy(&s->room);
	pthread_mutex_destroy(&s->lock);
	free(s->held[0]);
	free(s->held[1]);
	free(s->worker);
	free(s->producer);
	free(s->name);
	free(s);
}

/* ---- asking --------------------------------------------------------------------------------------- */

static void add_status(struct pv_collector_status *to, const struct pv_collector_status *w)
{
	/* nothing but counters: added up as such */
	_Static_assert(sizeof *to % sizeof(uint64_t) == 0, "an array of numbers");
	uint64_t sum, more;
	for (size_t at = 0; at < sizeof *to; at += sizeof sum) {
		memcpy(&sum, (uint8_t *)to + at, sizeof sum);
		memcpy(&more, (const uint8_t *)w + at, sizeof more);
		sum += more;
		memcpy((uint8_t *)to + at, &sum, sizeof sum);
	}
}

void pv_flow_listener_status(struct pv_flow_listener *s, struct pv_flow_listener_status *to)
{
	*to = (struct pv_flow_listener_status){.os_drops = 0};
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->nworkers; i++) {
		add_status(&to->collector, &s->worker[i].told);
		to->os_drops += s->worker[i].told_drops;
	}
	pthread_mutex_unlock(&s->lock);
}

const char *pv_flow_listener_notice(struct pv_flow_listener *s)
{
	bool news = s->noticed;
	s->noticed = false;
	return news ? s->notice : NULL;
}
