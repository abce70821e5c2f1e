/* SPDX-License-Identifier: MPL-2.0 */
#include "stage/start.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/version.h"

static uint64_t random_id(void)
{
	uint64_t id;
	if (getrandom(&id, sizeof id, GRND_NONBLOCK) == sizeof id)
		return id;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return ((uint64_t)t.tv_sec << 30 ^ (uint64_t)t.tv_nsec) * UINT64_C(0x9e3779b97f4a7c15) ^
	       (uint64_t)getpid();
}

static size_t text_len(const char *s)
{
	size_t n = strlen(s);
	return n < PV_START_TEXT ? n : PV_START_TEXT;
}

static void start(struct pv_out *o, const struct pv_start_conf *c, uint64_t time_ns)
{
	size_t producer = text_len(c->producer), from = text_len(c->source);
	size_t texts = pv_round8(producer + from), nets = c->nhosts * sizeof(struct pv_subnet);
	struct pv_start *s = pv_out_event(o, PV_EV_START, sizeof *s + texts + nets, time_ns);
	size_t at = sizeof *s;
	s->magic = PV_EVENT_MAGIC;
	s->major = PV_EVENT_MAJOR;
	s->minor = PV_EVENT_MINOR;
	s->stream_id = c->stream_id ? c->stream_id : random_id();
	s->clock = (uint8_t)c->clock;
	s->producer = pv_ev_put(s, &at, c->producer, producer);
	s->source = pv_ev_put(s, &at, c->source, from);
	s->hosts_count = (uint32_t)c->nhosts;
	s->hosts.off =
		(uint32_t)(sizeof *s + texts); /* behind the texts: their references are 16 bits wide */
	s->hosts.len = (uint32_t)nets;
	if (nets)
		memcpy((uint8_t *)s + s->hosts.off, c->hosts, nets);
}

void pv_start_emit(struct pv_out *o, const struct pv_start_conf *c, uint64_t time_ns)
{
	start(o, c, time_ns);
	if (!c->type)
		return;
	size_t n = strlen(c->type), version = strlen(PV_VERSION);
	struct pv_stage_event *stage =
		pv_out_event(o, PV_EV_STAGE, sizeof *stage + 2 * n + version, time_ns);
	size_t at = sizeof *stage;
	stage->stage = 0;
	stage->kind = PV_STAGE_SOURCE;
	stage->type = pv_ev_put(stage, &at, c->type, n);
	stage->name = pv_ev_put(stage, &at, c->type, n);
	stage->version = pv_ev_put(stage, &at, PV_VERSION, version);
}
