/* SPDX-License-Identifier: MPL-2.0 */
/* A source that counts: `count` events of its own, a second apart, each with its number; and their table. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module/pv-module.h"

#define T0 (UINT64_C(1700000000) * 1000000000)

struct count_event {
	struct pv_module_event head;
	uint64_t number;
};

static const char *check(const struct pv_event *ev)
{
	return ((const struct count_event *)(const void *)ev)->number ? NULL : "nothing was counted";
}

static const struct pv_event_module own = {"count", sizeof(struct count_event), check};

struct conf {
	uint64_t count;
	bool fail;
};

struct count {
	struct conf conf;
	uint64_t done;
};

static const struct pv_key keys[] = {{"count", PV_KEY_UINT, "N", "how far"},
				     {"fail", PV_KEY_BOOL, NULL, "then fail"}};

static int set(void *to, const struct pv_key *key, const struct pv_value *value, char *err, size_t cap)
{
	struct conf *c = to;
	if (key == &keys[1]) {
		c->fail = value->boolean;
		return 0;
	}
	if (value->type != PV_KEY_UINT) {
		snprintf(err, cap, "%s is a number", key->name);
		return -1;
	}
	c->count = value->number;
	return 0;
}

static void *open_it(const void *conf, const char *from, char *err, size_t cap)
{
	struct count *c = calloc(1, sizeof *c);
	if (from && strcmp(from, "one")) {
		snprintf(err, cap, "cannot count from '%s'", from);
		free(c);
		return NULL;
	}
	if (c)
		c->conf = *(const struct conf *)conf;
	return c;
}

static enum pv_res step(void *self, const struct pv_stream *stream, struct pv_out *out, char *err, size_t cap)
{
	struct count *c = self;
	if (c->done == c->conf.count) {
		snprintf(err, cap, "was told to");
		return c->conf.fail ? PV_FAIL : PV_END;
	}
	struct count_event *ev =
	    pv_out_event(out, (enum pv_event_type)stream->events, sizeof *ev, T0 + c->done * 1000000000);
	ev->head.stage = stream->stage;
	ev->number = ++c->done;
	return PV_OK;
}

static uint64_t time_ns(void *self)
{
	const struct count *c = self;
	return T0 + (c->done ? c->done - 1 : 0) * 1000000000;
}

static size_t ledger(const void *self, struct pv_ledger_row *rows, size_t max)
{
	const struct count *c = self;
	if (max < 2)
		return 0;
	rows[0] = (struct pv_ledger_row){0, PV_LEDGER_RECEIVED, 0, c->done};
	rows[1] = (struct pv_ledger_row){0, PV_LEDGER_ANALYSED, 0, c->done};
	return 2;
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	(void)deep, (void)ctx;
	pv_count(pv_bucket_root(b), 1, ((const struct count_event *)(const void *)ev)->number);
}

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};
static const struct pv_metric metrics[] = {
    {.id = 1,
     .kind = PV_COUNTER,
     .group = PV_ALWAYS,
     .group2 = PV_ALWAYS,
     .path = "events",
     .unit = "1",
     .help = "events"},
    {.id = 2,
     .kind = PV_COUNTER,
     .group = PV_ALWAYS,
     .group2 = PV_ALWAYS,
     .path = "sum",
     .unit = "1",
     .help = "sum of numbers"},
};
static const struct pv_handler table = {.type = "count",
					.version = "1.0",
					.schema = "count",
					.own = &own,
					.metrics = metrics,
					.nmetrics = 2,
					.scopes = scopes,
					.nscopes = 1,
					.events = 0,
					.samples = -1,
					.events_rate = -1,
					.update = update};
static const struct pv_handler *const handlers[] = {&table};
static const struct pv_module_source sources[] = {{.type = "count",
						   .summary = "count",
						   .own = &own,
						   .clock = PV_CLOCK_RECORDED,
						   .settings = {keys, 2, set, sizeof(struct conf)},
						   .open = open_it,
						   .poll = step,
						   .time_ns = time_ns,
						   .ledger = ledger,
						   .free = free}};
const struct pv_module pv_module = {PV_MODULE_HEAD,	.name = "count", .version = "1.0",
				    .sources = sources, .nsources = 1,	 .handlers = handlers,
				    .nhandlers = 1};
