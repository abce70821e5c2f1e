/* SPDX-License-Identifier: MPL-2.0 */
/* An analyser of what other analysers make: an event for each packet, dnstap message, NET, DNS and DHCP event; and
 * their table. */
#include <stdlib.h>

#include "module/pv-module.h"

enum kind { PACKETS, NETS, MESSAGES, LEASES, TAPS, KINDS };

struct seen_event {
	struct pv_module_event head; /* kind: enum kind */
};

static const char *check(const struct pv_event *ev)
{
	return ((const struct pv_module_event *)(const void *)ev)->kind < KINDS ? NULL
										: "seen what there is not";
}

static const struct pv_event_module own = {"seen", sizeof(struct seen_event), check};

struct seen {
	uint8_t stage, events;
};

static void put(struct seen *s, const struct pv_event *ev, enum kind kind, uint64_t packet,
		struct pv_emit *to)
{
	struct seen_event *e = pv_emit(to, (enum pv_event_type)s->events, sizeof *e, ev->time_ns);
	e->head.packet = packet;
	e->head.stage = s->stage;
	e->head.kind = (uint8_t)kind;
}

static enum pv_verdict event(void *self, const struct pv_event *ev, struct pv_emit *to)
{
	if (ev->type == PV_EV_PACKET)
		put(self, ev, PACKETS, ((const struct pv_packet *)(const void *)ev)->number, to);
	else if (ev->type == PV_EV_DNSTAP)
		put(self, ev, TAPS, ((const struct pv_dnstap *)(const void *)ev)->number, to);
	else if (ev->type == PV_EV_NET)
		put(self, ev, NETS, ((const struct pv_net *)(const void *)ev)->packet, to);
	else if (ev->type == PV_EV_DNS)
		put(self, ev, MESSAGES, ((const struct pv_dns *)(const void *)ev)->packet, to);
	else
		put(self, ev, LEASES, ((const struct pv_dhcp *)(const void *)ev)->packet, to);
	return PV_KEEP;
}

static void start(void *self, const struct pv_stream *stream)
{
	struct seen *s = self;
	s->stage = stream->stage;
	s->events = stream->events;
}

static void *make(const void *conf, uint64_t seed)
{
	(void)conf, (void)seed;
	return calloc(1, sizeof(struct seen));
}

static const struct pv_analyser_ops ops = {
    .type = "seen",
    .wants = PV_WANTS(PV_EV_PACKET) | PV_WANTS(PV_EV_DNSTAP) | PV_WANTS(PV_EV_NET) | PV_WANTS(PV_EV_DNS) | PV_WANTS(PV_EV_DHCP),
    .own = &own,
    .event = event,
    .start = start,
    .free = free,
};

/* clang-format off */
#define COUNTER(number, at) {.id = number, .kind = PV_COUNTER, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = at, .unit = "events", .help = at}
/* clang-format on */
static const struct pv_metric metrics[] = {
    [PACKETS] = COUNTER(1, "packets"),
    [NETS] = COUNTER(2, "nets"),
    [MESSAGES] = COUNTER(3, "messages"),
    [LEASES] = COUNTER(4, "leases"),
    [TAPS] = COUNTER(5, "taps"),
};
static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	(void)deep, (void)ctx;
	pv_count(pv_bucket_root(b), ((const struct pv_module_event *)(const void *)ev)->kind, 1);
}

static const struct pv_handler seen_v1 = {
    .type = "seen",
    .version = "1.0",
    .schema = "seen",
    .own = &own,
    .metrics = metrics,
    .nmetrics = KINDS,
    .scopes = scopes,
    .nscopes = 1,
    .events = -1,
    .samples = -1,
    .events_rate = -1,
    .update = update,
};

static const struct pv_module_analyser analysers[] = {
    {.ops = &ops, .summary = "look at everything", .make = make}};
static const struct pv_handler *const handlers[] = {&seen_v1};
const struct pv_module pv_module = {PV_MODULE_HEAD,	    .name = "seen",  .version = "1.0",
				    .analysers = analysers, .nanalysers = 1, .handlers = handlers,
				    .nhandlers = 1};
