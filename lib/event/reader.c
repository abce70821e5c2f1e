/* SPDX-License-Identifier: MPL-2.0 */
#include "event/reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER (2 * PV_BATCH_BYTES)

int pv_reader_init(struct pv_reader *r, int fd)
{
	memset(r, 0, sizeof *r);
	r->fd = fd;
	r->buf = malloc(BUFFER);
	return r->buf ? 0 : -1;
}

void pv_reader_free(struct pv_reader *r)
{
	free(r->buf);
	r->buf = NULL;
}

/* The writer's counts against ours. */
static const char *settle(const struct pv_reader *r, const struct pv_event *ev)
{
	const struct pv_stop *stop = (const void *)ev;
	const struct pv_ledger_row *row = (const void *)((const uint8_t *)ev + stop->rows.off);
	for (size_t n = stop->rows.len / sizeof *row; n; n--, row++)
		if (row->stage == PV_STAGE_STREAM && row->what < PV_EV_TYPES && row->value != r->events[row->what])
			return "events are missing: the writer counted others than came";
	return NULL;
}

/* STAGE says what a module's number means from here on. */
static const char *bind(struct pv_reader *r, const struct pv_event *ev)
{
	const struct pv_stage_event *s = (const void *)ev;
	struct pv_reader_bound *b = &r->bound[s->events - PV_EV_MODULE];
	char name[PV_MODULE_NAME + 1] = "";
	memcpy(name, pv_ref_bytes(ev, s->type), s->type.len);
	if (b->name[0])
		return strcmp(b->name, name) ? "an event type is bound to two names" : NULL;
	memcpy(b->name, name, sizeof name);
	for (size_t i = 0; r->known && r->known[i]; i++)
		if (!strcmp(r->known[i]->name, name))
			b->module = r->known[i];
	return NULL;
}

static const char *check_module(const struct pv_reader *r, const struct pv_event *ev)
{
	const struct pv_reader_bound *b = &r->bound[ev->type - PV_EV_MODULE];
	if (!b->name[0])
		return "an event of a module that has not announced itself";
	if (!b->module)
		return NULL;
	if (ev->size < b->module->least)
		return "an event is shorter than its type";
	return b->module->check ? b->module->check(ev) : NULL;
}

static const char *grammar(struct pv_reader *r, const struct pv_event *ev)
{
	bool first = !r->any;
	r->any = true;
	if (ev->type == PV_EV_START) {
		if (r->open)
			return "a stream starts before the one before it has ended";
		memset(r->events, 0, sizeof r->events);
		memset(r->bound, 0, sizeof r->bound);
		r->open = true;
	} else if (!r->open) {
		return first ? "not an event stream" : "an event stands outside a stream";
	}
	if (ev->type == PV_EV_STOP) {
		const char *problem = settle(r, ev);
		if (!problem)
			r->open = false;
		return problem;
	}
	if (ev->type < PV_EV_TYPES)
		r->events[ev->type]++;
	if (pv_is_module_type(ev->type))
		return check_module(r, ev);
	if (ev->type == PV_EV_STAGE && ((const struct pv_stage_event *)ev)->events)
		return bind(r, ev);
	return NULL;
}

static enum pv_res fail_at(struct pv_reader *r, const uint8_t *p, const char *problem, enum pv_res res)
{
	r->problem = problem;
	r->offset += (uint64_t)(p - (r->buf + r->start));
	r->start = r->len;
	r->eof = true;
	r->after = res;
	return res;
}

/* Why input ends in the middle of an event: it was cut off, or it never was what we read. */
static const char *rest(const struct pv_reader *r, const uint8_t *p, size_t n, enum pv_res *res)
{
	struct pv_event head = {.type = PV_EV_START};
	memcpy(&head, p, n < sizeof head ? n : sizeof head);
	bool strange = !r->any && head.type != PV_EV_START;
	*res = strange ? PV_BAD : PV_CUT;
	return strange ? "not an event stream" : "the input ends in the middle of an event";
}

/* Whether the unread bytes hold an event, or can already be seen not to. */
static bool whole(const struct pv_reader *r)
{
	size_t have = r->len - r->start;
	uint32_t size = have < sizeof(struct pv_event) ? PV_EVENT_MAX : pv_event_size((const void *)(r->buf + r->start));
	return have >= size;
}

enum pv_res pv_reader_next(struct pv_reader *r, const struct pv_event **run, size_t *bytes)
{
	if (r->after)
		return r->after;
	for (;;) {
		const uint8_t *first = r->buf + r->start, *p = first, *end = r->buf + r->len;
		while ((size_t)(end - p) >= sizeof(struct pv_event)) {
			const struct pv_event *ev = (const void *)p;
			uint32_t size = pv_event_size(ev);
			const char *problem = NULL;
			if (!size)
				problem = r->any ? "an event has an impossible size" : "not an event stream";
			else if ((size_t)(end - p) < size)
				break;
			else if (!(problem = pv_event_check(ev)))
				problem = grammar(r, ev);
			if (problem) {
				if (p == first)
					return fail_at(r, p, problem, PV_BAD);
				r->pending = true;
				break; /* hand on what is good; the next call comes back to here */
			}
			p += size;
		}
		if (p > first) {
			*run = (const void *)first;
			*bytes = (size_t)(p - first);
			r->start += *bytes;
			r->offset += *bytes;
			return PV_OK;
		}
		if (r->eof) {
			if (first != end) {
				enum pv_res res;
				const char *problem = rest(r, p, (size_t)(end - p), &res);
				return fail_at(r, p, problem, res);
			}
			if (r->open || !r->any)
				return fail_at(r, p, r->any ? "the input ends without its end mark" : "the input is empty",
					       PV_CUT);
			return r->after = PV_END;
		}
		/* events must stay aligned to 8: move the rest to the front */
		memmove(r->buf, first, (size_t)(end - first));
		r->len = (size_t)(end - first);
		r->start = 0;
		ssize_t n = read(r->fd, r->buf + r->len, BUFFER - r->len);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN) { /* somebody shares the description and made it so */
				struct pollfd wait = {r->fd, POLLIN, 0};
				if (r->step)
					return PV_AGAIN;
				poll(&wait, 1, -1);
				continue;
			}
			return r->after = PV_FAIL;
		}
		if (n == 0)
			r->eof = true;
		r->len += (size_t)n;
		if (n && r->step && !whole(r))
			return PV_AGAIN;
	}
}
