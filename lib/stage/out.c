/* SPDX-License-Identifier: MPL-2.0 */
#include "stage/out.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

int pv_out_init(struct pv_out *o, struct pv_sink sink)
{
	memset(o, 0, sizeof *o);
	o->sink = sink;
	o->buf = malloc(PV_BATCH_BYTES);
	return o->buf ? 0 : -1;
}

void pv_out_free(struct pv_out *o)
{
	free(o->buf);
	o->buf = NULL;
}

/* What stands in the buffer and in no iovec yet becomes one. There is always room for it: whoever adds a
 * reference leaves one place free. */
static void seal(struct pv_out *o)
{
	if (o->len == o->sealed)
		return;
	o->iov[o->niov].iov_base = o->buf + o->sealed;
	o->iov[o->niov].iov_len = o->len - o->sealed;
	o->niov++;
	o->sealed = o->len;
}

enum pv_res pv_out_flush(struct pv_out *o)
{
	if (!o->niov && o->len && o->sink.swap && o->res == PV_OK) {
		uint8_t *other = o->sink.swap(o->sink.ctx, o->buf, o->len);
		if (other) {
			o->buf = other;
			o->len = o->sealed = 0;
			return o->res;
		}
	}
	seal(o);
	if (o->niov && o->res == PV_OK) {
		o->res = o->sink.write(o->sink.ctx, o->iov, o->niov);
		if (o->res == PV_FAIL)
			o->error = errno;
	}
	o->niov = 0;
	o->len = o->sealed = 0;
	return o->res;
}

enum pv_res pv_out_release(struct pv_out *o)
{
	return o->niov ? pv_out_flush(o) : o->res;
}

enum pv_res pv_out_drain(struct pv_out *o)
{
	pv_out_flush(o);
	if (o->res == PV_OK && o->sink.drain) {
		o->res = o->sink.drain(o->sink.ctx);
		if (o->res == PV_FAIL)
			o->error = errno;
	}
	return o->res;
}

/* Room for an event, its header written. */
static struct pv_event *append(struct pv_out *o, enum pv_event_type type, uint32_t whole, uint64_t time_ns)
{
	assert(whole >= sizeof(struct pv_event) && whole <= PV_EVENT_MAX);
	if (PV_BATCH_BYTES - o->len < whole)
		pv_out_flush(o);
	struct pv_event *ev = (struct pv_event *)(void *)(o->buf + o->len);
	ev->size = whole;
	ev->type = (uint16_t)type;
	ev->flags = 0;
	ev->time_ns = time_ns;
	o->len += whole;
	pv_out_count(o, ev);
	return ev;
}

void *pv_out_event(struct pv_out *o, enum pv_event_type type, size_t size, uint64_t time_ns)
{
	struct pv_event *ev = append(o, type, pv_round8(size), time_ns);
	memset(ev + 1, 0, ev->size - sizeof *ev);
	return ev;
}

void *pv_out_reserve(struct pv_out *o, size_t most)
{
	assert(most >= sizeof(struct pv_event) && most <= PV_EVENT_MAX);
	if (PV_BATCH_BYTES - o->len < pv_round8(most))
		pv_out_flush(o);
	return o->buf + o->len;
}

void pv_out_commit(struct pv_out *o, enum pv_event_type type, size_t size, uint64_t time_ns)
{
	struct pv_event *ev = (struct pv_event *)(void *)(o->buf + o->len);
	uint32_t whole = pv_round8(size);
	for (size_t i = size; i < whole; i++)
		((uint8_t *)ev)[i] = 0;
	ev->size = whole;
	ev->type = (uint16_t)type;
	ev->flags = 0;
	ev->time_ns = time_ns;
	o->len += whole;
	pv_out_count(o, ev);
}

void pv_out_pass(struct pv_out *o, const void *events, size_t n)
{
	const uint8_t *p = events, *end = p + n;
	while (p < end) {
		const struct pv_event *ev = (const void *)p;
		pv_out_count(o, ev);
		p += ev->size;
	}
	pv_out_pass_counted(o, events, n);
}

void pv_out_pass_counted(struct pv_out *o, const void *events, size_t n)
{
	if (!n)
		return;
	if (n < o->sink.copy_below) {
		if (PV_BATCH_BYTES - o->len < n)
			pv_out_flush(o);
		memcpy(o->buf + o->len, events, n);
		o->len += n;
		return;
	}
	if (o->niov + 3 > PV_OUT_IOV)
		pv_out_flush(o);
	seal(o);
	/* writev() takes a const buffer through a pointer that is not; nobody writes to it */
	union {
		const void *in;
		void *out;
	} bytes = {.in = events};
	o->iov[o->niov].iov_base = bytes.out;
	o->iov[o->niov].iov_len = n;
	o->niov++;
}

bool pv_out_wait(struct pv_out *o, int fd, const int stop[2])
{
	struct pollfd fds[3] = {
		{fd, POLLIN, 0},
		{stop[0], POLLIN, 0},
		{stop[1], POLLIN, 0},
	};
	int timeout = 0;
	for (;;) {
		int n = poll(fds, 3, timeout);
		if (n < 0 && errno != EINTR)
			return true; /* read() will tell */
		if (n > 0)
			return !fds[1].revents && !fds[2].revents;
		if (o)
			pv_out_flush(o);
		timeout = -1;
	}
}

struct pv_ref pv_ev_put(void *event, size_t *at, const void *bytes, size_t n)
{
	struct pv_event *ev = event;
	struct pv_ref r = {0, 0};
	if (*at > 65535)
		return r;
	if (n > 65535 - *at)
		n = 65535 - *at;
	assert(*at + n <= ev->size);
	if (!n)
		return r;
	memcpy((uint8_t *)event + *at, bytes, n);
	r.off = (uint16_t)*at;
	r.len = (uint16_t)n;
	*at += n;
	return r;
}
