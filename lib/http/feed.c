/* SPDX-License-Identifier: MPL-2.0 */
#include "http/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/listen.h"
#include "event/reader.h"

#define LINE 512
#define RETRY_MS 200

struct source {
	struct pv_feed *feed;
	struct pv_stage *stage;
	char name[PV_STORE_NAME];
	char *path;    /* of a FIFO or file, to be opened again; of a socket, to be removed */
	int fd;        /* -1: path is to be opened */
	int listen_fd; /* -1: no socket */
	bool again;    /* a FIFO or socket: another writer may come */
	pthread_t thread;
	/* under the feed's lock */
	bool running, ended;
	enum pv_res how;
};

struct pv_feed {
	struct pv_feed_conf conf;
	int stop_fd;
	pthread_mutex_t lock;
	struct source *source[PV_FEED_INPUTS];
	size_t n, started;
};

/* ---- one stream --------------------------------------------------------------------------------- */

static void say(const struct source *s, const char *text)
{
	char line[LINE + PV_STORE_NAME + 16];
	snprintf(line, sizeof line, "policy '%s': %s", s->name, text);
	s->feed->conf.said(s->feed->conf.ctx, line);
}

/* Waits until fd has something, and turns away who calls at the socket meanwhile; but not the next in turn, behind one who has gone
 * and left something to read. False: it is time to stop. */
static bool wait_for(struct source *s, int fd)
{
	for (;;) {
		struct pollfd p[3] = {{fd, POLLIN | POLLRDHUP, 0}, {s->feed->stop_fd, POLLIN, 0}, {s->listen_fd, POLLIN, 0}};
		int n = poll(p, s->listen_fd >= 0 && s->listen_fd != fd ? 3 : 2, -1);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0 && p[1].revents)
			return false;
		if (n > 0 && p[2].revents && !(p[0].revents & (POLLRDHUP | POLLHUP))) {
			int other = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
			if (other >= 0) {
				close(other);
				say(s, "a second stream was refused: there is one already");
			}
		}
		if (n > 0 && p[0].revents)
			return true;
	}
}

static void set_running(struct source *s, bool running, enum pv_res how)
{
	bool over = !running;
	enum pv_res worst = PV_END;
	pthread_mutex_lock(&s->feed->lock);
	s->running = running;
	if (!running) {
		s->ended = true;
		s->how = how;
	}
	for (size_t i = 0; i < s->feed->n; i++) {
		struct source *o = s->feed->source[i];
		over &= o->ended && !o->running;
		if (o->ended && o->how != PV_END && worst != PV_FAIL)
			worst = o->how;
	}
	pthread_mutex_unlock(&s->feed->lock);
	if (over && s->feed->conf.over)
		s->feed->conf.over(s->feed->conf.ctx, worst);
}

static void tell_end(struct source *s, const struct pv_reader *r, enum pv_res how, int error)
{
	char text[LINE];
	switch (how) {
	case PV_END:
		say(s, r->events[PV_EV_BUCKET] || r->events[PV_EV_LIVE] ? "the input has ended; what came is served on"
			: "the input has ended, without buckets: pv-window makes them");
		return;
	case PV_CUT:
	case PV_BAD:
		snprintf(text, sizeof text, "input %s at byte %llu: %s", how == PV_CUT ? "cut off" : "damaged",
			 (unsigned long long)r->offset, r->problem);
		break;
	default:
		snprintf(text, sizeof text, "cannot read: %s", strerror(error));
		break;
	}
	say(s, text);
	pv_store_note(s->stage, text);
}

/* Behind damage the rest of what a FIFO's writer sends is no stream either: it is thrown away, or each piece of it would be
 * said to be a damaged one. False: it is time to stop. */
static bool drain(struct source *s, int fd)
{
	char rest[4096], text[LINE];
	unsigned long long bytes = 0;
	for (ssize_t n = 1; n;) {
		if (!wait_for(s, fd))
			return false;
		n = read(fd, rest, sizeof rest);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			break;
		bytes += n > 0 ? (unsigned long long)n : 0;
	}
	snprintf(text, sizeof text, "its writer has gone; %llu more bytes were thrown away", bytes);
	say(s, text);
	return true;
}

/* Until the stream's end. False: it is time to stop. */
static bool read_stream(struct source *s, int fd)
{
	struct pv_reader r;
	enum pv_res res = PV_OK;
	int error = ENOMEM;
	if (pv_reader_init(&r, fd)) {
		say(s, "out of memory");
		return false;
	}
	r.step = true;
	set_running(s, true, PV_OK);
	while (res == PV_OK || res == PV_AGAIN) {
		const struct pv_event *run;
		size_t bytes;
		if (!r.pending && !wait_for(s, fd)) {
			pv_reader_free(&r);
			return false;
		}
		res = pv_reader_next(&r, &run, &bytes);
		error = errno;
		if (res == PV_OK)
			s->stage->ops->batch(s->stage, run, bytes);
	}
	s->stage->ops->end(s->stage, res != PV_END);
	tell_end(s, &r, res, error);
	set_running(s, false, res == PV_BAD ? PV_CUT : res);
	pv_reader_free(&r);
	return res != PV_BAD || !s->again || s->listen_fd >= 0 || drain(s, fd);
}

/* ---- where streams come from -------------------------------------------------------------------- */

/* The next stream's descriptor; -1: it is time to stop, or it cannot be had. */
static int next_stream(struct source *s)
{
	while (s->listen_fd >= 0) {
		if (!wait_for(s, s->listen_fd))
			return -1;
		int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		poll(&(struct pollfd){s->feed->stop_fd, POLLIN, 0}, 1, RETRY_MS); /* out of descriptors, perhaps */
	}
	if (s->fd >= 0)
		return s->fd;
	int fd = open(s->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO opens without a writer so */
	if (fd < 0) {
		char text[LINE];
		snprintf(text, sizeof text, "cannot open %s: %s", s->path, strerror(errno));
		say(s, text);
		return -1;
	}
	return fd;
}

static void *run(void *arg)
{
	struct source *s = arg;
	bool go_on = true;
	while (go_on) {
		int fd = next_stream(s);
		/* nothing has started before the first byte, or the end, is there */
		go_on = fd >= 0 && wait_for(s, fd) && read_stream(s, fd) && s->again;
		if (fd >= 0)
			close(fd);
		if (fd == s->fd)
			s->fd = -1;
	}
	return NULL;
}

static int fail(struct source *s, struct pv_stage *stage, const char *what, char *err, size_t cap)
{
	snprintf(err, cap, "cannot use %s: %s", what, strerror(errno));
	pv_stage_free(stage);
	if (s)
		free(s->path);
	free(s);
	return -1;
}

static struct source *source_new(struct pv_feed *f, struct pv_stage *stage, const char *name)
{
	struct source *s = f->n < PV_FEED_INPUTS ? calloc(1, sizeof *s) : NULL;
	if (!s) {
		errno = f->n < PV_FEED_INPUTS ? ENOMEM : E2BIG;
		return NULL;
	}
	s->feed = f;
	s->stage = stage;
	s->fd = s->listen_fd = -1;
	snprintf(s->name, sizeof s->name, "%s", name);
	return s;
}

int pv_feed_fd(struct pv_feed *f, struct pv_stage *stage, const char *name, int fd, char *err, size_t cap)
{
	struct source *s = source_new(f, stage, name);
	if (!s)
		return fail(s, stage, name, err, cap);
	s->fd = fd;
	f->source[f->n++] = s;
	return 0;
}

int pv_feed_path(struct pv_feed *f, struct pv_stage *stage, const char *name, const char *path, char *err, size_t cap)
{
	static const char prefix[] = "unix:";
	struct source *s = source_new(f, stage, name);
	struct stat st;
	bool is_socket = !strncmp(path, prefix, sizeof prefix - 1);
	path += is_socket ? sizeof prefix - 1 : 0;
	if (!s || !(s->path = strdup(path)))
		return fail(s, stage, path, err, cap);
	if (is_socket)
		s->listen_fd = pv_listen_unix(path, 0600);
	if (is_socket ? s->listen_fd < 0 : stat(path, &st) || access(path, R_OK))
		return fail(s, stage, path, err, cap);
	s->again = is_socket || S_ISFIFO(st.st_mode);
	f->source[f->n++] = s;
	return 0;
}

struct pv_feed *pv_feed_new(const struct pv_feed_conf *conf)
{
	struct pv_feed *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->conf = *conf;
	f->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->stop_fd < 0 || pthread_mutex_init(&f->lock, NULL)) {
		free(f);
		return NULL;
	}
	return f;
}

int pv_feed_start(struct pv_feed *f)
{
	for (; f->started < f->n; f->started++) {
		struct source *s = f->source[f->started];
		int rc = pthread_create(&s->thread, NULL, run, s);
		if (rc) {
			errno = rc;
			return -1;
		}
	}
	return 0;
}

enum pv_res pv_feed_worst(struct pv_feed *f)
{
	enum pv_res worst = PV_END;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++)
		if (f->source[i]->ended && !f->source[i]->running && f->source[i]->how != PV_END && worst != PV_FAIL)
			worst = f->source[i]->how;
	pthread_mutex_unlock(&f->lock);
	return worst;
}

void pv_feed_free(struct pv_feed *f)
{
	if (!f)
		return;
	eventfd_write(f->stop_fd, 1);
	for (size_t i = 0; i < f->n; i++) {
		struct source *s = f->source[i];
		if (i < f->started)
			pthread_join(s->thread, NULL);
		if (s->listen_fd >= 0) {
			close(s->listen_fd);
			unlink(s->path);
		}
		pv_stage_free(s->stage);
		free(s->path);
		free(s);
	}
	pthread_mutex_destroy(&f->lock);
	close(f->stop_fd);
	free(f);
}
