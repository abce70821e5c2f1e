/* SPDX-License-Identifier: MPL-2.0 */
/* An analyser of dnstap messages and of nothing else: an event for each; and their table. */
#include <stdlib.h>

#include "module/pv-module.h"

struct tapped_event {
	struct pv_module_event head;
};

static const struct pv_event_module own = {"tapped", sizeof(struct tapped_event), NULL};

struct tapped {
	uint8_t stage, events;
};

static enum pv_verdict event(void *self, const struct pv_event *ev, struct pv_emit *to)
{
	const struct tapped *t = self;
	struct tapped_event *e = pv_emit(to, (enum pv_event_type)t->events, sizeof *e, ev->time_ns);
	e->head.packet = ((const struct pv_dnstap *)(const void *)ev)->number;
	e->head.stage = t->stage;
	return PV_KEEP;
}

static void start(void *self, const struct pv_stream *stream)
{
	struct tapped *t = self;
	t->stage = stream->stage;
	t->events = stream->events;
}

static void *make(const void *conf, uint64_t seed)
{
	(void)conf, (void)seed;
	return calloc(1, sizeof(struct tapped));
}

static const struct pv_analyser_ops ops = {
    .type = "tapped",
    .wants = PV_WANTS(PV_EV_DNSTAP),
    .own = &own,
    .event = event,
    .start = start,
    .free = free,
};

static const struct pv_metric metrics[] = {
    {.id = 1, .kind = PV_COUNTER, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = "taps", .unit = "messages", .help = "messages"}};
static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	(void)ev, (void)deep, (void)ctx;
	pv_count(pv_bucket_root(b), 0, 1);
}

static const struct pv_handler tapped_v1 = {
    .type = "tapped",
    .version = "1.0",
    .schema = "tapped",
    .own = &own,
    .metrics = metrics,
    .nmetrics = 1,
    .scopes = scopes,
    .nscopes = 1,
    .events = -1,
    .samples = -1,
    .events_rate = -1,
    .update = update,
};

static const struct pv_module_analyser analysers[] = {
    {.ops = &ops, .summary = "count dnstap messages", .make = make}};
static const struct pv_handler *const handlers[] = {&tapped_v1};
const struct pv_module pv_module = {PV_MODULE_HEAD,	    .name = "tapped",  .version = "1.0",
				    .analysers = analysers, .nanalysers = 1, .handlers = handlers,
				    .nhandlers = 1};
