/* SPDX-License-Identifier: MPL-2.0 */
#include "stage/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Below this a run is cheaper to copy than to name in an iovec: ~25 ns of kernel work per entry against
 * ~10 ns for 512 bytes of memcpy (measured, see ARCHITECTURE.md). */
#define COPY_BELOW 1024

/* Four batches: the neighbours need not run in lockstep. */
#define PIPE_BYTES PV_BATCH_BYTES

/* When the grace is over and we got no processor during it: what a pipe holds, and its end, but not an upstream that goes on. */
#define LATE_READS 16

union fd_ctx {
	void *ptr;
	struct {
		int fd, signal_fd;
	} s;
};
_Static_assert(sizeof(union fd_ctx) == sizeof(void *), "two descriptors fit a pointer");

/* False when a signal came and the reader still takes nothing. */
static bool wait_output(int fd, int signal_fd)
{
	struct pollfd p[2] = {{fd, POLLOUT, 0}, {signal_fd, POLLIN, 0}};
	if (poll(p, 2, -1) > 0 && !p[0].revents)
		return poll(p, 1, PV_PIPE_GRACE_MS) != 0;
	return true;
}

static enum pv_res fd_write(void *ctx, const struct iovec *iov, int n)
{
	struct iovec v[PV_OUT_IOV];
	union fd_ctx c = {.ptr = ctx};
	int fd = c.s.fd, at = 0;
	memcpy(v, iov, (size_t)n * sizeof *v);
	while (at < n) {
		ssize_t w = writev(fd, v + at, n - at);
		if (w < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN) {
				if (!wait_output(fd, c.s.signal_fd))
					return PV_STOP;
				continue;
			}
			return errno == EPIPE ? PV_STOP : PV_FAIL;
		}
		while (at < n && (size_t)w >= v[at].iov_len)
			w -= (ssize_t)v[at++].iov_len;
		if (at < n) {
			v[at].iov_base = (uint8_t *)v[at].iov_base + w;
			v[at].iov_len -= (size_t)w;
		}
	}
	return PV_OK;
}

struct pv_sink pv_sink_fd(int fd)
{
	return pv_sink_fd_signal(fd, -1);
}

struct pv_sink pv_sink_fd_signal(int fd, int signal_fd)
{
	union fd_ctx ctx = {.s = {fd, signal_fd}};
#ifdef F_SETPIPE_SZ
	fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* fewer switches between processes; a refusal costs only those */
#endif
	return (struct pv_sink){.write = fd_write, .ctx = ctx.ptr, .copy_below = COPY_BELOW};
}

static enum pv_res none_write(void *ctx, const struct iovec *iov, int n)
{
	(void)ctx, (void)iov, (void)n;
	return PV_OK;
}

struct pv_sink pv_sink_none(void)
{
	return (struct pv_sink){.write = none_write};
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct grace {
	int64_t deadline_ms; /* 0: no signal has come */
	unsigned late;	     /* reads since then */
};

/* Waits for input. False when it is time to end although the input has not. */
static bool wait_input(int in_fd, int signal_fd, struct grace *g)
{
	for (;;) {
		struct pollfd p[2] = {{in_fd, POLLIN, 0}, {g->deadline_ms ? -1 : signal_fd, POLLIN, 0}};
		int64_t left = g->deadline_ms ? g->deadline_ms - now_ms() : -1;
		if (g->deadline_ms && left <= 0)
			return g->late++ < LATE_READS && poll(p, 1, 0) > 0;
		int n = poll(p, 2, (int)left);
		if (n < 0 && errno != EINTR)
			return true; /* let read() say what is wrong */
		if (n > 0 && p[1].revents)
			g->deadline_ms = now_ms() + PV_PIPE_GRACE_MS;
		if (n > 0 && p[0].revents)
			return true;
	}
}

struct pv_pipe_end pv_pipe_run(struct pv_stage *stage, int in_fd, int signal_fd)
{
	struct pv_pipe_end end = {.in = PV_FAIL};
	struct pv_reader r;
	struct grace grace = {0, 0};
	if (pv_reader_init(&r, in_fd)) {
		end.error = ENOMEM;
		return end;
	}
	r.step = signal_fd >= 0;
	r.known = stage->known;
	for (;;) {
		const struct pv_event *run;
		size_t bytes;
		if (signal_fd >= 0 && !r.pending && !wait_input(in_fd, signal_fd, &grace)) {
			end.in = PV_OK;
			break;
		}
		end.in = pv_reader_next(&r, &run, &bytes);
		if (end.in == PV_AGAIN)
			continue;
		if (end.in != PV_OK) {
			end.error = errno;
			break;
		}
		stage->ops->batch(stage, run, bytes);
		if (pv_out_drain(&stage->out) != PV_OK)
			break;
	}
	end.problem = r.problem;
	end.offset = r.offset;
	if (stage->out.res == PV_OK) {
		stage->ops->end(stage, end.in != PV_END && end.in != PV_OK);
		pv_out_drain(&stage->out);
	}
	end.out = stage->out.res;
	if (end.out == PV_FAIL)
		end.error = stage->out.error ? stage->out.error : errno;
	pv_reader_free(&r);
	return end;
}
