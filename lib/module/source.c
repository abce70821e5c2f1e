/* SPDX-License-Identifier: MPL-2.0 */
#include "module/source.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/version.h"
#include "stage/stop.h"

#define NS	 UINT64_C(1000000000)
#define FROM_MAX 4096u /* bytes of the input's name in START: a path */

struct pv_module_input {
	const struct pv_module_source *source;
	void *self;
	char from[FROM_MAX];
	char error[512];
	struct pv_stream stream;
	uint64_t ticked_ns;
	bool started;
	atomic_bool stop;
	enum pv_res over; /* what to answer for ever */
};

static uint64_t wall_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

struct pv_module_input *pv_module_input_open(const struct pv_module_source *s, const void *conf,
					     const char *from, char *err, size_t cap)
{
	struct pv_module_input *in = calloc(1, sizeof *in);
	if (!in) {
		snprintf(err, cap, "out of memory");
		return NULL;
	}
	in->source = s;
	snprintf(in->from, sizeof in->from, "%s", from ? from : s->type);
	in->stream.clock = s->clock;
	in->stream.hosts_empty = true;
	in->stream.events =
		s->own ? PV_EV_MODULE : 0; /* the first stage of the stream has all numbers to choose from */
	if (getrandom(&in->stream.stream_id, sizeof in->stream.stream_id, GRND_NONBLOCK) < 0)
		in->stream.stream_id = wall_ns();
	err[0] = 0;
	in->self = s->open(conf, from, err, cap);
	if (!in->self) {
		if (!err[0])
			snprintf(err, cap, "cannot open the input of '%s'", s->type);
		free(in);
		return NULL;
	}
	return in;
}

void pv_module_input_free(struct pv_module_input *in)
{
	if (!in)
		return;
	in->source->free(in->self);
	free(in);
}

void pv_module_input_stop(struct pv_module_input *in)
{
	atomic_store(&in->stop, true);
}

const char *pv_module_input_error(const struct pv_module_input *in)
{
	return in->error;
}

static uint64_t time_of(const struct pv_module_input *in)
{
	return in->source->time_ns ? in->source->time_ns(in->self) : wall_ns();
}

static void start(struct pv_module_input *in, struct pv_out *out)
{
	static const char producer[] = "pv-module " PV_VERSION;
	const char *type = in->source->type;
	in->started = true;
	uint64_t now = in->ticked_ns = time_of(in);
	size_t at = sizeof(struct pv_start);
	struct pv_start *s = pv_out_event(out, PV_EV_START, at + strlen(producer) + strlen(in->from), now);
	s->magic = PV_EVENT_MAGIC;
	s->major = PV_EVENT_MAJOR;
	s->minor = PV_EVENT_MINOR;
	s->stream_id = in->stream.stream_id;
	s->clock = (uint8_t)in->stream.clock;
	s->producer = pv_ev_put(s, &at, producer, strlen(producer));
	s->source = pv_ev_put(s, &at, in->from, strlen(in->from));

	at = sizeof(struct pv_stage_event);
	struct pv_stage_event *stage =
		pv_out_event(out, PV_EV_STAGE, at + 2 * strlen(type) + strlen(PV_VERSION), now);
	stage->kind = PV_STAGE_SOURCE;
	stage->events = in->stream.events;
	stage->type = pv_ev_put(stage, &at, type, strlen(type));
	stage->name = pv_ev_put(stage, &at, type, strlen(type));
	stage->version = pv_ev_put(stage, &at, PV_VERSION, strlen(PV_VERSION));
}

size_t pv_module_input_ledger(const struct pv_module_input *in, struct pv_ledger_row *rows, size_t max)
{
	return in->source->ledger ? in->source->ledger(in->self, rows, max) : 0;
}

static enum pv_res finish(struct pv_module_input *in, struct pv_out *out, enum pv_res res)
{
	struct pv_ledger_row rows[PV_LEDGER_ROWS_MAX];
	size_t n = pv_module_input_ledger(in, rows, PV_LEDGER_ROWS_MAX);
	for (size_t i = 0; i < n; i++)
		rows[i].stage = 0;
	pv_stop_emit(out, time_of(in), rows, n);
	return in->over = res;
}

enum pv_res pv_module_input_poll(struct pv_module_input *in, struct pv_out *out)
{
	if (in->over)
		return in->over;
	if (!in->started)
		start(in, out);
	enum pv_res res =
		atomic_load(&in->stop) ? PV_END : in->source->poll(in->self, &in->stream, out, in->error, sizeof in->error);
	if (out->res != PV_OK)
		return in->over = out->res;
	if (res != PV_OK && res != PV_AGAIN)
		return finish(in, out, res == PV_END ? PV_END : PV_FAIL);
	if (res == PV_AGAIN && in->stream.clock == PV_CLOCK_LIVE) {
		uint64_t now = wall_ns();
		if (now >= in->ticked_ns + NS || pv_clock_set_back(now, in->ticked_ns)) {
			pv_out_event(out, PV_EV_TICK, sizeof(struct pv_event), now);
			in->ticked_ns = now;
		}
	}
	return res;
}
