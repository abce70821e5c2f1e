/* SPDX-License-Identifier: MPL-2.0 */
/* A source of packets: `count` empty UDP packets to port 123, 10 ms apart, for the analysers behind it, each with
 * an event of its own; and their table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module/pv-module.h"

#define T0 (UINT64_C(1700000000) * 1000000000)

struct conf {
	uint64_t count;
};

struct made {
	uint64_t count, done;
};

static const struct pv_event_module own = {"made", sizeof(struct pv_module_event), NULL};

static const struct pv_key keys[] = {{"count", PV_KEY_UINT, "N", "how many"}};

static int set(void *to, const struct pv_key *key, const struct pv_value *value, char *err, size_t cap)
{
	(void)key, (void)err, (void)cap;
	((struct conf *)to)->count = value->number;
	return 0;
}

static void *open_it(const void *conf, const char *from, char *err, size_t cap)
{
	struct made *m = calloc(1, sizeof *m);
	(void)from, (void)err, (void)cap;
	if (m)
		m->count = ((const struct conf *)conf)->count;
	return m;
}

static enum pv_res step(void *self, const struct pv_stream *stream, struct pv_out *out, char *err, size_t cap)
{
	struct made *m = self;
	(void)err, (void)cap;
	if (m->done == m->count)
		return PV_END;
	struct pv_packet *p = pv_out_event(out, PV_EV_PACKET, PV_PACKET_FIXED_BASE, T0 + m->done * 10000000);
	p->number = ++m->done;
	p->src[10] = p->src[11] = p->dst[10] = p->dst[11] = 255;
	p->src[15] = 1;
	p->dst[15] = 2;
	p->sport = 40000;
	p->dport = 123;
	p->l3 = 4;
	p->l4 = PV_L4_UDP;
	p->proto = 17;
	p->stamp = (uint8_t)(m->done % 100);
	p->vlan = PV_NO_VLAN;
	p->wire_len = p->cap_len = 42;
	struct pv_module_event *ev = pv_out_event(out, (enum pv_event_type)stream->events, sizeof *ev, T0 + m->done * 10000000);
	ev->packet = m->done;
	ev->stage = stream->stage;
	return PV_OK;
}

static uint64_t time_ns(void *self)
{
	const struct made *m = self;
	return T0 + (m->done ? m->done - 1 : 0) * 10000000;
}

static size_t ledger(const void *self, struct pv_ledger_row *rows, size_t max)
{
	if (!max)
		return 0;
	rows[0] = (struct pv_ledger_row){0, PV_LEDGER_RECEIVED, 0, ((const struct made *)self)->done};
	return 1;
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	(void)ev, (void)deep, (void)ctx;
	pv_count(pv_bucket_root(b), 0, 1);
}

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};
static const struct pv_metric metrics[] = {
	{.id = 1, .kind = PV_COUNTER, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = "events", .unit = "1", .help = "events"},
};
static const struct pv_handler table = {.type = "made",
					.version = "1.0",
					.schema = "made",
					.own = &own,
					.metrics = metrics,
					.nmetrics = 1,
					.scopes = scopes,
					.nscopes = 1,
					.events = -1,
					.samples = -1,
					.events_rate = -1,
					.update = update};
static const struct pv_handler *const handlers[] = {&table};
static const struct pv_module_source sources[] = {{.type = "made",
						   .summary = "make packets up",
						   .own = &own,
						   .clock = PV_CLOCK_RECORDED,
						   .settings = {keys, 1, set, sizeof(struct conf)},
						   .open = open_it,
						   .poll = step,
						   .time_ns = time_ns,
						   .ledger = ledger,
						   .free = free}};
const struct pv_module pv_module = {PV_MODULE_HEAD, .name = "made", .version = "1.0", .sources = sources, .nsources = 1,
				    .handlers = handlers, .nhandlers = 1};
