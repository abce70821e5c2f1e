/* SPDX-License-Identifier: MPL-2.0 */
#include "dnstap/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

#define NOT_BEGUN "it ends before a START control frame"

static int cannot(struct pv_dnstap_source *s, const char *why)
{
	snprintf(s->error, sizeof s->error, "cannot read '%s': %s", s->file, why);
	return -1;
}

void pv_dnstap_close_file(struct pv_dnstap_source *s)
{
	if (s->fd > STDERR_FILENO)
		close(s->fd);
	s->fd = -1;
}

/* For the writer of a pipe. False: we were told to stop. */
static bool wait_input(struct pv_dnstap_source *s)
{
	const int stop[2] = {s->wake[0], s->conf.stop_fd > 0 ? s->conf.stop_fd : -1};
	if (!pv_out_wait(s->out, s->fd, stop))
		atomic_store(&s->stop, true);
	return !atomic_load(&s->stop);
}

/* More bytes behind io[io_at, io_len): how many, 0 at the end (or when told to stop), -1 with s->error. */
static ssize_t fill(struct pv_dnstap_source *s)
{
	memmove(s->io, s->io + s->io_at, s->io_len - s->io_at);
	s->io_len -= s->io_at;
	s->io_at = 0;
	for (;;) {
		if (s->waits && !wait_input(s))
			return 0;
		ssize_t got = read(s->fd, s->io + s->io_len, PV_DNSTAP_READ);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return cannot(s, strerror(errno));
		s->io_len += (size_t)got;
		s->bytes_read += (uint64_t)got;
		return got;
	}
}

/* ---- opening -------------------------------------------------------------------------------------- */

/* A file that can be read at once must begin with START, so that who names another hears of it now. */
static int first_frame(struct pv_dnstap_source *s)
{
	const uint8_t *data;
	size_t len;
	if (fill(s) < 0)
		return -1;
	if (pv_frames_next(&s->frames, s->io, s->io_len, &s->io_at, &data, &len) == PV_FRAMES_BAD)
		return cannot(s, pv_frames_words(s->frames.reason));
	return s->frames.began ? 0 : cannot(s, NOT_BEGUN);
}

int pv_dnstap_open_file(struct pv_dnstap_source *s)
{
	struct stat st;
	s->fd = strcmp(s->file, "-") ? pv_path_open(s->file, s->conf.below) : STDIN_FILENO;
	if (s->fd < 0)
		return cannot(s, strerror(errno));
	if (fstat(s->fd, &st))
		return cannot(s, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return cannot(s, strerror(EISDIR));
	s->waits = !S_ISREG(st.st_mode);
	s->bytes_total = s->waits ? 0 : (uint64_t)st.st_size;
	snprintf(s->from, sizeof s->from, "%s", s->file);
	pv_frames_init(&s->frames, true, s->control);
	return s->waits ? 0 : first_frame(s);
}

/* ---- running -------------------------------------------------------------------------------------- */

static enum pv_res end(struct pv_dnstap_source *s, enum pv_res result)
{
	if (!s->started)
		pv_dnstap_begin(s, PV_CLOCK_RECORDED, 0);
	return pv_dnstap_finish(s, s->time_ns, result);
}

static enum pv_res damaged(struct pv_dnstap_source *s)
{
	uint64_t at = s->bytes_read - (s->io_len - s->io_at);
	char why[160];
	snprintf(why, sizeof why, "%s, at byte %llu", pv_frames_words(s->frames.reason), (unsigned long long)at);
	cannot(s, why);
	return end(s, PV_FAIL);
}

/* The bytes are over. Between two streams, and only there, that is as it should be. */
static enum pv_res at_end(struct pv_dnstap_source *s)
{
	if (pv_dnstap_stopped(s))
		return end(s, PV_END);
	if (!s->frames.began) {
		cannot(s, NOT_BEGUN);
		return end(s, PV_FAIL);
	}
	if (s->frames.state != PV_FRAMES_NEW || s->io_at < s->io_len)
		pv_dnstap_tell(s, "'%s' ends abnormally, %zu bytes into a frame; what came before counts", s->file,
			       s->io_len - s->io_at);
	return end(s, PV_END);
}

enum pv_res pv_dnstap_poll_file(struct pv_dnstap_source *s)
{
	uint64_t from = s->bytes_read;
	if (pv_dnstap_stopped(s))
		return end(s, PV_END);
	for (;;) {
		const uint8_t *data;
		size_t used, len;
		switch (pv_frames_next(&s->frames, s->io + s->io_at, s->io_len - s->io_at, &used, &data, &len)) {
		case PV_FRAMES_DATA:
			pv_dnstap_frame(s, data, len, 0);
			break;
		case PV_FRAMES_BAD:
			return damaged(s);
		case PV_FRAMES_CONTROL:
		case PV_FRAMES_END:
			break;
		case PV_FRAMES_MORE:
			if (s->bytes_read > from)
				return PV_OK; /* one read a step, so that who polls sees to his other work */
			ssize_t got = fill(s);
			if (got < 0)
				return end(s, PV_FAIL);
			if (got == 0)
				return at_end(s);
			break;
		}
		s->io_at += used;
		if (s->done)
			return end(s, PV_END);
	}
}
