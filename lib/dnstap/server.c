/* SPDX-License-Identifier: MPL-2.0 */
/* Many writers, one thread. A client whose bytes end in the middle of a frame gets a buffer of his own for that part, and
 * gives it back with the frame; all reading is done in one large buffer. */
#include "dnstap/source.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/listen.h"

#define MS_NS UINT64_C(1000000)
#define HELD_STEP 4096u           /* a client's buffer grows in these */
#define DRAIN_NS (250 * MS_NS)    /* at the end: what is in the sockets is read for so long at most */
#define ACCEPTS 64                /* in a round, so that others are heard meanwhile */
#define PAUSE_NS (100 * MS_NS)    /* without descriptors there is no use in asking again at once */
#define FIXED (PV_DNSTAP_ADDRESSES + 2) /* of the list for poll(): listeners, and who may stop us */

struct client {
	int fd;
	struct pv_frames frames;
	uint8_t *held; /* the beginning of a frame */
	uint32_t held_len, held_cap;
	uint64_t came_ns, heard_ns; /* monotonic */
	uint64_t frame_ns;          /* since when a frame is unfinished; 0: none is */
	bool given_up;              /* his buffer was taken; closed after the round */
};

struct pv_dnstap_server {
	struct pv_listen listen[PV_DNSTAP_ADDRESSES];
	size_t nlisten;
	dev_t dev; /* of the socket's file, to remove no other */
	ino_t ino;
	struct client *client; /* of clients_max */
	struct pollfd *fds;    /* FIXED, then one per client */
	size_t nclients;
	size_t held_bytes;
	uint64_t opened_ns;                     /* wall */
	uint64_t mono_end_ns, mono_second_ns, mono_accept_ns;
	uint64_t analysed; /* s->analysed when the second began */
};

/* ---- opening -------------------------------------------------------------------------------------- */

static int listen_tcp(struct pv_dnstap_source *s)
{
	struct pv_dnstap_server *v = s->server;
	char host[256];
	uint16_t port;
	if (!pv_dnstap_address(s->tcp, host, sizeof host, &port, s->error, sizeof s->error))
		return -1;
	v->nlisten = pv_listen(host, &port, v->listen, PV_DNSTAP_ADDRESSES, s->error, sizeof s->error);
	bool v6 = strchr(host, ':');
	snprintf(s->from, sizeof s->from, "tcp:%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
	return v->nlisten ? 0 : -1;
}

static int listen_path(struct pv_dnstap_source *s)
{
	struct pv_dnstap_server *v = s->server;
	struct stat st;
	int fd = pv_listen_unix(s->socket, s->conf.socket_mode);
	if (fd < 0) {
		snprintf(s->error, sizeof s->error, "cannot listen on '%s': %s%s", s->socket, strerror(errno),
			 errno == EADDRINUSE ? "; somebody does, or it is no socket" : "");
		return -1;
	}
	if (!stat(s->socket, &st)) {
		v->dev = st.st_dev;
		v->ino = st.st_ino;
	}
	v->listen[v->nlisten++].fd = fd;
	snprintf(s->from, sizeof s->from, "%s", s->socket);
	return 0;
}

int pv_dnstap_open_server(struct pv_dnstap_source *s)
{
	struct pv_dnstap_server *v = s->server = calloc(1, sizeof *v);
	if (!s->conf.clients_max)
		s->conf.clients_max = PV_DNSTAP_CLIENTS;
	if (!s->conf.idle_ns)
		s->conf.idle_ns = PV_DNSTAP_IDLE_NS;
	if (v) {
		v->client = calloc(s->conf.clients_max, sizeof *v->client);
		v->fds = calloc(FIXED + s->conf.clients_max, sizeof *v->fds);
	}
	if (!v || !v->client || !v->fds) {
		snprintf(s->error, sizeof s->error, "cannot start: out of memory");
		return -1;
	}
	v->opened_ns = pv_dnstap_clock(true);
	return s->socket ? listen_path(s) : listen_tcp(s);
}

/* ---- clients -------------------------------------------------------------------------------------- */

static void let_go(struct pv_dnstap_server *v, struct client *c)
{
	v->held_bytes -= c->held_cap;
	free(c->held);
	c->held = NULL;
	c->held_len = c->held_cap = 0;
}

/* The last of the list takes its place. */
static void drop(struct pv_dnstap_source *s, size_t i)
{
	struct pv_dnstap_server *v = s->server;
	let_go(v, &v->client[i]);
	close(v->client[i].fd);
	v->client[i] = v->client[--v->nclients];
	v->fds[FIXED + i] = v->fds[FIXED + v->nclients];
}

/* One that has been silent for long may have died without a word; one that does not even start may be no name server. */
static bool gives_way(const struct client *c, uint64_t mono_ns)
{
	if (!c->frames.began)
		return mono_ns - c->came_ns >= PV_DNSTAP_GREET_NS;
	return mono_ns - c->heard_ns >= PV_DNSTAP_SILENT_NS;
}

/* The longest silent of those makes room. False: there is none. */
static bool make_room(struct pv_dnstap_source *s, uint64_t mono_ns)
{
	struct pv_dnstap_server *v = s->server;
	size_t oldest = v->nclients;
	for (size_t i = 0; i < v->nclients; i++)
		if (gives_way(&v->client[i], mono_ns) &&
		    (oldest == v->nclients || v->client[i].heard_ns < v->client[oldest].heard_ns))
			oldest = i;
	if (oldest == v->nclients)
		return false;
	s->evicted++;
	pv_dnstap_tell(s, "a silent client gives way to a new one: there are %zu", v->nclients);
	drop(s, oldest);
	return true;
}

/* One connection that waits. False: none does, or it was not taken. */
static bool take_in(struct pv_dnstap_source *s, int listener, uint64_t mono_ns)
{
	static const int on = 1;
	struct pv_dnstap_server *v = s->server;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			s->refused++;
			pv_dnstap_tell(s, "a client was refused: %s", strerror(errno));
			v->mono_accept_ns = mono_ns + PAUSE_NS;
		}
		return false;
	}
	if (v->nclients == s->conf.clients_max && !make_room(s, mono_ns)) {
		close(fd);
		s->refused++;
		pv_dnstap_tell(s, "a client was refused: there are %zu", v->nclients);
		return false;
	}
	if (s->tcp)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	struct client *c = &v->client[v->nclients];
	*c = (struct client){.fd = fd, .came_ns = mono_ns, .heard_ns = mono_ns};
	pv_frames_init(&c->frames, false, s->control);
	v->fds[FIXED + v->nclients++] = (struct pollfd){fd, POLLIN, 0};
	s->clients++;
	return true;
}

/* Room for an unfinished frame of cap bytes. When all is taken the largest others give way: every server's reading ends in
 * the middle of some small frame now and then, and must not pay for those that begin large ones. False: there are no larger. */
static bool hold_room(struct pv_dnstap_server *v, const struct client *c, uint32_t cap)
{
	while (v->held_bytes - c->held_cap + cap > PV_DNSTAP_HELD_BYTES) {
		struct client *most = &v->client[0];
		for (size_t i = 1; i < v->nclients; i++)
			if (v->client[i].held_cap > most->held_cap)
				most = &v->client[i];
		if (most->held_cap <= cap)
			return false;
		let_go(v, most);
		most->given_up = true;
	}
	return true;
}

/* The rest of what was read, a frame's beginning, is kept. False: there is no memory for it. */
static bool hold(struct pv_dnstap_server *v, struct client *c, const uint8_t *rest, size_t n, uint64_t mono_ns)
{
	if (!n) {
		c->frame_ns = 0;
		let_go(v, c);
		return true;
	}
	if (!c->frame_ns)
		c->frame_ns = mono_ns;
	uint32_t cap = (uint32_t)((n + HELD_STEP - 1) / HELD_STEP * HELD_STEP);
	if (cap != c->held_cap) {
		if (!hold_room(v, c, cap))
			return false;
		uint8_t *to = realloc(c->held, cap);
		if (!to)
			return false;
		v->held_bytes += cap;
		v->held_bytes -= c->held_cap;
		c->held = to;
		c->held_cap = cap;
	}
	memcpy(c->held, rest, n);
	c->held_len = (uint32_t)n;
	return true;
}

/* The few bytes of an answer fit into a socket that nothing was written to; where they do not, the client is up to
 * something. */
static bool reply(struct client *c)
{
	size_t n = c->frames.reply_len;
	c->frames.reply_len = 0;
	return !n || send(c->fd, c->frames.reply, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

static void give_up(struct pv_dnstap_source *s, size_t i)
{
	s->evicted++;
	pv_dnstap_tell(s, "a client was given up: unfinished frames take all of %u MiB", PV_DNSTAP_HELD_BYTES >> 20);
	drop(s, i);
}

enum fate { STAYS, LEAVES, BREAKS, TOO_MUCH };

/* Whole frames of io[0, n). */
static enum fate digest(struct pv_dnstap_source *s, struct client *c, size_t n, uint64_t wall_ns, uint64_t mono_ns)
{
	size_t at = 0;
	while (!s->done) {
		const uint8_t *data;
		size_t used, len;
		enum pv_frames_result res = pv_frames_next(&c->frames, s->io + at, n - at, &used, &data, &len);
		at += used;
		if (res == PV_FRAMES_DATA) {
			pv_dnstap_frame(s, data, len, wall_ns);
			c->frame_ns = 0;
		} else if (res == PV_FRAMES_CONTROL || res == PV_FRAMES_END) {
			c->frame_ns = 0;
			if (!reply(c))
				return BREAKS;
			if (res == PV_FRAMES_END)
				return LEAVES;
		} else if (res == PV_FRAMES_BAD) {
			return BREAKS;
		} else {
			return hold(s->server, c, s->io + at, n - at, mono_ns) ? STAYS : TOO_MUCH;
		}
	}
	return STAYS;
}

/* What is in the socket, up to a buffer full. PV_OK: there was something; PV_AGAIN: nothing; PV_END: the client has gone. */
static enum pv_res listen_to(struct pv_dnstap_source *s, size_t i, uint64_t wall_ns, uint64_t mono_ns)
{
	struct client *c = &s->server->client[i];
	if (c->held_len)
		memcpy(s->io, c->held, c->held_len);
	ssize_t got = recv(c->fd, s->io + c->held_len, PV_DNSTAP_READ, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return PV_AGAIN;
	enum fate fate = LEAVES;
	if (got > 0) {
		c->heard_ns = mono_ns;
		fate = digest(s, c, c->held_len + (size_t)got, wall_ns, mono_ns);
	} else if (c->held_len) {
		pv_dnstap_tell(s, "a client broke off in the middle of a frame");
	}
	if (fate == STAYS)
		return PV_OK;
	if (fate == BREAKS) {
		s->bad++;
		pv_dnstap_tell(s, "dnstap client read error: %s",
			       c->frames.reason ? pv_frames_words(c->frames.reason) : "it does not read its answer");
	}
	if (fate == TOO_MUCH)
		give_up(s, i);
	else
		drop(s, i);
	return PV_END;
}

static const char *overdue(const struct pv_dnstap_source *s, const struct client *c, uint64_t mono_ns)
{
	if (!c->frames.began && mono_ns - c->came_ns >= PV_DNSTAP_HELLO_NS)
		return "it did not start";
	if (c->frame_ns && mono_ns - c->frame_ns >= PV_DNSTAP_HELLO_NS)
		return "it left a frame unfinished";
	return mono_ns - c->heard_ns >= s->conf.idle_ns ? "it was silent" : NULL;
}

static void sweep(struct pv_dnstap_source *s, uint64_t mono_ns)
{
	for (size_t i = s->server->nclients; i--;) {
		const char *why = overdue(s, &s->server->client[i], mono_ns);
		if (!why)
			continue;
		s->idle++;
		pv_dnstap_tell(s, "a client was closed: %s", why);
		drop(s, i);
	}
}

/* ---- running -------------------------------------------------------------------------------------- */

static uint64_t stream_time(const struct pv_dnstap_source *s)
{
	return pv_clock_stream(pv_dnstap_clock(true), s->time_ns);
}

static void put_stats(struct pv_dnstap_source *s, uint64_t time_ns)
{
	struct pv_stats *e = pv_out_event(s->out, PV_EV_STATS, sizeof *e, time_ns);
	e->received = s->received;
	pv_dnstap_ledger(s, time_ns);
}

static void each_second(struct pv_dnstap_source *s, uint64_t mono_ns, bool quiet)
{
	struct pv_dnstap_server *v = s->server;
	if (mono_ns < v->mono_second_ns)
		return;
	v->mono_second_ns += PV_DNSTAP_NS;
	if (v->mono_second_ns <= mono_ns) /* our reader kept us waiting */
		v->mono_second_ns = mono_ns + PV_DNSTAP_NS;
	sweep(s, mono_ns);
	if (quiet) {
		s->time_ns = stream_time(s);
		if (s->analysed == v->analysed)
			pv_out_event(s->out, PV_EV_TICK, sizeof(struct pv_event), s->time_ns);
	}
	v->analysed = s->analysed;
	put_stats(s, s->time_ns);
}

/* Waits for whoever has something to say or wants in, and hears each of them once. How many there were. */
static size_t round_of(struct pv_dnstap_source *s, int wait_ms)
{
	struct pv_dnstap_server *v = s->server;
	uint64_t mono_ns = pv_dnstap_clock(false);
	bool accepting = mono_ns >= v->mono_accept_ns;
	for (size_t i = 0; i < PV_DNSTAP_ADDRESSES; i++)
		v->fds[i] = (struct pollfd){i < v->nlisten && accepting ? v->listen[i].fd : -1, POLLIN, 0};
	v->fds[PV_DNSTAP_ADDRESSES] = (struct pollfd){s->wake[0], POLLIN, 0};
	v->fds[PV_DNSTAP_ADDRESSES + 1] = (struct pollfd){s->conf.stop_fd > 0 ? s->conf.stop_fd : -1, POLLIN, 0};
	if (poll(v->fds, FIXED + v->nclients, wait_ms) <= 0)
		return 0;

	size_t heard = 0;
	uint64_t wall_ns = stream_time(s);
	mono_ns = pv_dnstap_clock(false);
	for (size_t i = v->nclients; i-- && !s->done;) /* from the end: who leaves is replaced by one that was heard */
		if (v->fds[FIXED + i].revents && !v->client[i].given_up)
			heard += listen_to(s, i, wall_ns, mono_ns) == PV_OK;
	for (size_t i = v->nclients; i--;)
		if (v->client[i].given_up)
			give_up(s, i);
	for (size_t i = 0; i < v->nlisten; i++)
		for (int k = 0; v->fds[i].revents && k < ACCEPTS && take_in(s, v->listen[i].fd, mono_ns); k++)
			heard++;
	return heard;
}

/* What servers have sent until now is read before the end. */
static enum pv_res end(struct pv_dnstap_source *s)
{
	uint64_t until = pv_dnstap_clock(false) + DRAIN_NS;
	while (!s->done && round_of(s, 0) && pv_dnstap_clock(false) < until)
		;
	uint64_t time_ns = stream_time(s);
	put_stats(s, time_ns);
	return pv_dnstap_finish(s, time_ns, PV_END);
}

enum pv_res pv_dnstap_poll_server(struct pv_dnstap_source *s)
{
	struct pv_dnstap_server *v = s->server;
	uint64_t mono_ns = pv_dnstap_clock(false), duration = s->conf.duration_ns;
	if (!s->started) {
		pv_dnstap_begin(s, PV_CLOCK_LIVE, v->opened_ns);
		v->mono_second_ns = mono_ns + PV_DNSTAP_NS;
		v->mono_end_ns = duration && duration < UINT64_MAX - mono_ns ? mono_ns + duration : UINT64_MAX;
		return PV_OK;
	}
	if (s->done || mono_ns >= v->mono_end_ns || pv_dnstap_stopped(s))
		return end(s);
	size_t heard = round_of(s, PV_DNSTAP_WAIT_MS);
	each_second(s, pv_dnstap_clock(false), !heard);
	return heard || s->done ? PV_OK : PV_AGAIN;
}

void pv_dnstap_server_status(const struct pv_dnstap_source *s, struct pv_dnstap_status *to)
{
	if (!s->server)
		return;
	to->connected = s->server->nclients;
	to->held_bytes = s->server->held_bytes;
}

void pv_dnstap_close_server(struct pv_dnstap_source *s)
{
	struct pv_dnstap_server *v = s->server;
	struct stat st;
	if (!v)
		return;
	while (v->client && v->nclients)
		drop(s, v->nclients - 1);
	for (size_t i = 0; i < v->nlisten; i++)
		close(v->listen[i].fd);
	if (s->socket && v->nlisten && v->ino && !stat(s->socket, &st) && st.st_dev == v->dev && st.st_ino == v->ino)
		unlink(s->socket);
	free(v->client);
	free(v->fds);
	free(v);
	s->server = NULL;
}
