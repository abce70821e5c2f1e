/* SPDX-License-Identifier: MPL-2.0 */
/* ntp - an example of a module: an analyser of NTP and its table of metrics, in one file.
 *
 *   pv-capture --payload-port 123 eth0 | pv-module --module-dir DIR ntp | pv-window --module-dir DIR --json
 *
 * It makes one event of every UDP packet on port 123 (RFC 5905, section 7.3). A packet that is too short, or
 * of a version or mode that there is not, gives an event too, flagged malformed: it was on the wire, and is
 * counted. In a chain such a packet goes no further, nor do those that are not NTP. Read it from the end: `pv_module` says what there is. */
#include "module/pv-module.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NTP_PORT 123
#define NTP_LEN	 48 /* the header; extensions and a MAC may follow */

enum mode {
	MODE_RESERVED,
	MODE_ACTIVE,
	MODE_PASSIVE,
	MODE_CLIENT,
	MODE_SERVER,
	MODE_BROADCAST,
	MODE_CONTROL,
	MODE_PRIVATE
};

/* ---- the event: the layout is the format, so fields are only ever appended ----------------------- */

struct ntp_event {
	struct pv_module_event head;
	uint8_t src[16], dst[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t version, mode, stratum, leap;
	uint8_t malformed; /* the fields above are what could be read of it */
	uint8_t v6;
	uint8_t pad[2];
	uint32_t reference; /* of stratum 0 the kiss code, four letters */
	uint32_t pad2;
};
_Static_assert(sizeof(struct ntp_event) == 80 && offsetof(struct ntp_event, version) == 64,
	       "the wire layout is fixed");

/* From a pipe anything may come. The mode indexes a table below: a value that is not in it would count in the
 * wrong place. */
static const char *ntp_check(const struct pv_event *ev)
{
	const struct ntp_event *n = (const void *)ev;
	bool known = n->mode > MODE_RESERVED && n->mode <= MODE_PRIVATE;
	return known || n->malformed ? NULL : "impossible ntp mode";
}

static const struct pv_event_module ntp_layout = {"ntp", sizeof(struct ntp_event), ntp_check};

/* ---- the analyser -------------------------------------------------------------------------------- */

struct conf {
	uint16_t port; /* 0: NTP_PORT */
};

struct ntp {
	uint16_t port;
	uint8_t stage, events; /* our numbers in this stream */
	uint64_t received, malformed, unread;
};

static const struct pv_key keys[] = {{"port", PV_KEY_UINT, "N", "UDP port of NTP (default: 123)"}};

static int ntp_set(void *to, const struct pv_key *key, const struct pv_value *value, char *err, size_t cap)
{
	struct conf *c = to;
	if (value->type != PV_KEY_UINT || !value->number || value->number > UINT16_MAX) {
		snprintf(err, cap, "%s must be between 1 and 65535", key->name);
		return -1;
	}
	c->port = (uint16_t)value->number;
	return 0;
}

/* The header of a message into an event. */
static void ntp_decode(struct pv_cur c, struct ntp_event *n)
{
	uint8_t first = pv_u8(&c);
	n->leap = first >> 6;
	n->version = first >> 3 & 7;
	n->mode = first & 7;
	n->stratum = pv_u8(&c);
	pv_skip(&c, 10); /* poll, precision, root delay and dispersion */
	n->reference = pv_be32(&c);
	pv_skip(&c, NTP_LEN - 16);
	bool own_layout =
		n->mode == MODE_CONTROL || n->mode == MODE_PRIVATE; /* those have layouts of their own */
	n->malformed = (c.bad && !own_layout) || !n->version || n->version > 4 || n->mode == MODE_RESERVED;
}

static enum pv_verdict ntp_packet(void *self, const struct pv_event *ev, struct pv_emit *to)
{
	struct ntp *s = self;
	const struct pv_packet *p = (const void *)ev;
	if (p->l4 != PV_L4_UDP || (p->sport != s->port && p->dport != s->port))
		return PV_REJECT;
	s->received++;
	if (p->payload_len < NTP_LEN && p->payload_len < p->payload_wire_len) {
		s->unread++; /* the capture left it out: no fault of the sender's */
		return PV_REJECT;
	}
	struct ntp_event *n = pv_emit(to, (enum pv_event_type)s->events, sizeof *n, ev->time_ns);
	n->head.packet = p->number;
	n->head.stage = s->stage;
	n->head.stamp = p->stamp;
	memcpy(n->src, p->src, sizeof n->src);
	memcpy(n->dst, p->dst, sizeof n->dst);
	n->v6 = p->l3 == 6;
	ntp_decode(pv_cur((const uint8_t *)p + p->payload_off, p->payload_len), n);
	s->malformed += n->malformed;
	if (!n->malformed)
		return PV_KEEP;
	n->head.ev.flags |= PV_F_FILTERED; /* the verdict, for those who have no packets any more */
	return PV_REJECT;
}

static void ntp_start(void *self, const struct pv_stream *stream)
{
	struct ntp *s = self;
	s->stage = stream->stage;
	s->events = stream->events;
	s->received = s->malformed = s->unread = 0;
}

static size_t ntp_ledger(const void *self, struct pv_ledger_row *rows, size_t max)
{
	const struct ntp *s = self;
	const struct pv_ledger_row sums[] = {
		{0, PV_LEDGER_RECEIVED, 0, s->received},
		{0, PV_LEDGER_ANALYSED, 0, s->received - s->malformed - s->unread},
		{0, PV_LEDGER_MALFORMED, 0, s->malformed},
		{0, PV_LEDGER_UNSUPPORTED, 0, s->unread},
	};
	size_t n = sizeof sums / sizeof sums[0];
	if (n > max)
		n = max;
	memcpy(rows, sums, n * sizeof sums[0]);
	return n;
}

static void *ntp_make(const void *conf, uint64_t seed)
{
	const struct conf *c = conf;
	struct ntp *s = calloc(1, sizeof *s);
	(void)seed; /* there is no table whose keys others choose */
	if (s)
		s->port = c->port ? c->port : NTP_PORT;
	return s;
}

static size_t ntp_ports(const void *conf, uint16_t *to, size_t max)
{
	const struct conf *c = conf;
	if (!max)
		return 0;
	to[0] = c->port ? c->port : NTP_PORT;
	return 1;
}

static const struct pv_analyser_ops ntp_ops = {
	.type = "ntp",
	.wants = PV_WANTS(PV_EV_PACKET),
	.own = &ntp_layout,
	.event = ntp_packet,
	.start = ntp_start,
	.ledger = ntp_ledger,
	.free = free,
};

/* ---- the metrics: a row each, and the line that counts it ----------------------------------------- */

enum {
	RATE_EVENTS,
	EVENTS,
	DEEP_SAMPLES,
	MALFORMED,
	CLIENT,
	SERVER,
	SYMMETRIC,
	BROADCAST,
	CONTROL,
	KISS,
	CLIENTS,
	TOP_SERVERS,
	TOP_STRATA,
	TOP_VERSIONS,
	METRICS
};

enum { GROUP_CARDINALITY, GROUP_TOP, GROUPS };
static const struct pv_group groups[GROUPS] = {{"cardinality", true}, {"top_ntp", true}};
static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

#define COUNTER(number, at, text)                                                                            \
	{                                                                                                    \
		.id = (number), .kind = PV_COUNTER, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = (at),   \
		.unit = "packets", .help = (text)                                                            \
	}
#define TOP(number, at, name, print, numbers, text)                                                          \
	{                                                                                                    \
		.id = (number), .kind = PV_TOPN, .group = GROUP_TOP, .group2 = PV_ALWAYS,                    \
		.integer = (numbers), .path = (at), .label = (name), .item = (print), .unit = "packets",     \
		.help = (text)                                                                               \
	}

static const struct pv_metric metrics[METRICS] = {
	[RATE_EVENTS] = {.id = 1,
			 .kind = PV_RATE,
			 .group = PV_ALWAYS,
			 .group2 = PV_ALWAYS,
			 .path = "rates.events",
			 .unit = "packets/s",
			 .help = "rate of NTP packets per second"},
	[EVENTS] = COUNTER(2, "wire_packets.events", "NTP packets"),
	[DEEP_SAMPLES] = COUNTER(3, "wire_packets.deep_samples", "NTP packets that were sampled deeply"),
	[MALFORMED] = COUNTER(4, "wire_packets.malformed", "packets on the port of NTP that are not NTP"),
	[CLIENT] = COUNTER(5, "wire_packets.client", "requests of clients"),
	[SERVER] = COUNTER(6, "wire_packets.server", "responses of servers"),
	[SYMMETRIC] = COUNTER(7, "wire_packets.symmetric", "packets between peers"),
	[BROADCAST] = COUNTER(8, "wire_packets.broadcast", "packets to everybody"),
	[CONTROL] = COUNTER(9, "wire_packets.control", "control and private messages"),
	[KISS] = COUNTER(10, "wire_packets.kiss_of_death", "responses of stratum 0: the server refuses"),
	[CLIENTS] = {.id = 11,
		     .kind = PV_DISTINCT,
		     .group = GROUP_CARDINALITY,
		     .group2 = PV_ALWAYS,
		     .path = "cardinality.clients",
		     .unit = "clients",
		     .help = "distinct addresses that sent requests"},
	[TOP_SERVERS] = TOP(12, "top_servers", "server", pv_item_text, false, "servers, by responses"),
	[TOP_STRATA] =
		TOP(13, "top_strata", "stratum", pv_item_u64, true, "strata of the servers, by responses"),
	[TOP_VERSIONS] = TOP(14, "top_versions", "version", pv_item_u64, true, "versions of the protocol"),
};

static void count_server(struct pv_block *k, const struct ntp_event *n)
{
	char text[INET6_ADDRSTRLEN];
	inet_ntop(n->v6 ? AF_INET6 : AF_INET, n->v6 ? n->src : n->src + 12, text, sizeof text);
	pv_top_bytes(k, TOP_SERVERS, text, strlen(text), 1);
	pv_top_u64(k, TOP_STRATA, n->stratum, 1);
}

static void ntp_update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	static const uint8_t counter[8] = {
		[MODE_ACTIVE] = SYMMETRIC, [MODE_PASSIVE] = SYMMETRIC,	 [MODE_CLIENT] = CLIENT,
		[MODE_SERVER] = SERVER,	   [MODE_BROADCAST] = BROADCAST, [MODE_CONTROL] = CONTROL,
		[MODE_PRIVATE] = CONTROL};
	const struct ntp_event *n = (const void *)ev;
	struct pv_block *k = pv_bucket_root(b);
	(void)ctx;
	if (n->malformed) {
		pv_count(k, MALFORMED, 1);
		return;
	}
	pv_count(k, counter[n->mode], 1); /* ntp_check() and ntp_decode() see to it that there is one */
	if (n->mode == MODE_SERVER && !n->stratum)
		pv_count(k, KISS, 1);
	if (!deep)
		return;
	pv_top_u64(k, TOP_VERSIONS, n->version, 1);
	if (n->mode == MODE_CLIENT)
		pv_distinct_bytes(k, CLIENTS, n->src, sizeof n->src);
	else if (n->mode == MODE_SERVER)
		count_server(k, n);
}

static const struct pv_handler ntp_v1 = {
	.type = "ntp",
	.version = "1.0",
	.schema = "ntp",
	.own = &ntp_layout,
	.metrics = metrics,
	.nmetrics = METRICS,
	.groups = groups,
	.ngroups = GROUPS,
	.scopes = scopes,
	.nscopes = 1,
	.events = EVENTS,
	.samples = DEEP_SAMPLES,
	.events_rate = RATE_EVENTS,
	.update = ntp_update,
};

/* ---- the module ---------------------------------------------------------------------------------- */

static const struct pv_module_analyser analysers[] = {{
	.ops = &ntp_ops,
	.summary = "add an event for every NTP packet",
	.settings = {keys, sizeof keys / sizeof keys[0], ntp_set, sizeof(struct conf)},
	.make = ntp_make,
	.ports = ntp_ports,
}};
static const struct pv_handler *const handlers[] = {&ntp_v1};

/* clang-format off */
const struct pv_module pv_module = {
	PV_MODULE_HEAD,
	.name = "ntp",
	.version = "1.0",
	.analysers = analysers,
	.nanalysers = 1,
	.handlers = handlers,
	.nhandlers = 1,
};
