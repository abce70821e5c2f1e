/* SPDX-License-Identifier: MPL-2.0 */
/* cpu - an example of a module: a source, its events and their table of metrics, in one file.
 *
 *   pv-module --module-dir DIR cpu | pv-window --module-dir DIR --json
 *
 *   taps: {here: {input_type: cpu}}                     in a configuration of pktvisord
 *
 * Who captures packets and loses some wants to know what else the host did at that time. Once a second it reads
 * how long the processors have worked, waited, and been taken away by a hypervisor (proc(5), /proc/stat), and
 * makes an event of what is new. Read it from the end: `pv_module` says what there is. */
#include "module/pv-module.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STAT	"/proc/stat"
#define WAIT_MS 40 /* of one poll: who waits for the source waits no longer than that */
#define MS_NS	1000000

/* ---- the event: the layout is the format, so fields are only ever appended ----------------------- */

struct cpu_event {
	struct pv_module_event head; /* no packet */
	uint64_t ticks;		     /* that passed on all processors together */
	uint16_t busy, stolen;	     /* thousandths of them */
	uint8_t pad[4];
};
_Static_assert(sizeof(struct cpu_event) == 48 && offsetof(struct cpu_event, busy) == 40, "the wire layout is fixed");

/* From a pipe anything may come, and a share is at most the whole. */
static const char *cpu_check(const struct pv_event *ev)
{
	const struct cpu_event *c = (const void *)ev;
	return c->busy + c->stolen <= 1000 ? NULL : "more cpu time than there is";
}

static const struct pv_event_module cpu_layout = {"cpu", sizeof(struct cpu_event), cpu_check};

/* ---- the source ---------------------------------------------------------------------------------- */

struct conf {
	uint64_t interval_ms; /* 0: 1000 */
};

struct times {
	uint64_t total, idle, stolen; /* ticks since the start of the system */
};

struct cpu {
	int fd;
	uint64_t interval_ns, due_ns;
	struct times last;
	uint64_t received, unread;
};

static const struct pv_key keys[] = {{"interval", PV_KEY_UINT, "MS", "time between two looks (default: 1000)"}};

static int cpu_set(void *to, const struct pv_key *key, const struct pv_value *value, char *err, size_t cap)
{
	struct conf *c = to;
	if (value->type != PV_KEY_UINT || value->number < 10 || value->number > 60000) {
		snprintf(err, cap, "%s must be between 10 and 60000", key->name);
		return -1;
	}
	c->interval_ms = value->number;
	return 0;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000 * MS_NS + (uint64_t)t.tv_nsec;
}

/* "cpu  user nice system idle iowait irq softirq steal ...". False: that is not what is there. */
static bool cpu_read(const struct cpu *s, struct times *to)
{
	enum { IDLE = 3, IOWAIT = 4, STEAL = 7, FIELDS = 8 };
	char line[256], *next = line;
	ssize_t n = pread(s->fd, line, sizeof line - 1, 0);
	line[n > 0 ? n : 0] = 0;
	const char *word = strtok_r(line, " ", &next);
	*to = (struct times){0, 0, 0};
	if (!word || strcmp(word, "cpu"))
		return false;
	for (unsigned i = 0; i < FIELDS; i++) {
		uint64_t ticks;
		word = strtok_r(NULL, " \n", &next);
		if (!word || !pv_parse_u64(word, &ticks) || ticks > UINT64_MAX / 2000)
			return false;
		to->total += ticks;
		to->idle += i == IDLE || i == IOWAIT ? ticks : 0;
		to->stolen += i == STEAL ? ticks : 0;
	}
	return true;
}

static void *cpu_open(const void *conf, const char *from, char *err, size_t cap)
{
	const struct conf *c = conf;
	const char *path = from ? from : STAT;
	struct cpu *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->interval_ns = (c->interval_ms ? c->interval_ms : 1000) * MS_NS;
	s->due_ns = clock_ns(CLOCK_MONOTONIC) + s->interval_ns;
	s->fd = open(path, O_RDONLY | O_CLOEXEC); /* kept: later there may be no right to open it */
	if (s->fd < 0)
		snprintf(err, cap, "'%s': %s", path, strerror(errno));
	else if (!cpu_read(s, &s->last))
		snprintf(err, cap, "'%s': it does not begin with the times of cpu", path);
	else
		return s;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return NULL;
}

static uint16_t share(uint64_t part, uint64_t whole)
{
	return (uint16_t)(part < whole ? part * 1000 / whole : 1000);
}

/* What is new since the last look. The kernel's counters of idle time may step back a little: nothing then. */
static void cpu_look(struct cpu *s, const struct pv_stream *stream, struct pv_out *out)
{
	struct times now, *was = &s->last;
	s->received++;
	if (!cpu_read(s, &now) || now.total <= was->total || now.idle < was->idle || now.stolen < was->stolen) {
		s->unread++;
		return;
	}
	struct cpu_event *ev = pv_out_event(out, (enum pv_event_type)stream->events, sizeof *ev, clock_ns(CLOCK_REALTIME));
	ev->head.stage = stream->stage;
	ev->ticks = now.total - was->total;
	ev->stolen = share(now.stolen - was->stolen, ev->ticks);
	uint16_t idle = share(now.idle - was->idle, ev->ticks);
	ev->busy = (uint16_t)(idle + ev->stolen < 1000 ? 1000 - idle - ev->stolen : 0);
	*was = now;
}

static enum pv_res cpu_poll(void *self, const struct pv_stream *stream, struct pv_out *out, char *err, size_t cap)
{
	struct cpu *s = self;
	uint64_t now = clock_ns(CLOCK_MONOTONIC), wait = s->due_ns > now ? s->due_ns - now : 0;
	const struct timespec t = {0, (long)(wait < WAIT_MS * MS_NS ? wait : WAIT_MS * MS_NS)};
	(void)err, (void)cap; /* it never fails: what cannot be read is counted */
	if (wait)
		nanosleep(&t, NULL);
	if (wait > WAIT_MS * MS_NS)
		return PV_AGAIN;
	s->due_ns += s->interval_ns;
	cpu_look(s, stream, out);
	return PV_OK;
}

static size_t cpu_ledger(const void *self, struct pv_ledger_row *rows, size_t max)
{
	const struct cpu *s = self;
	const struct pv_ledger_row sums[] = {
		{0, PV_LEDGER_RECEIVED, 0, s->received},
		{0, PV_LEDGER_ANALYSED, 0, s->received - s->unread},
		{0, PV_LEDGER_UNSUPPORTED, 0, s->unread},
	};
	size_t n = sizeof sums / sizeof sums[0];
	if (n > max)
		n = max;
	memcpy(rows, sums, n * sizeof sums[0]);
	return n;
}

static void cpu_free(void *self)
{
	struct cpu *s = self;
	close(s->fd);
	free(s);
}

/* ---- the metrics: a row each, and the line that counts it ----------------------------------------- */

enum { LOOKS, TICKS, BUSY, STOLEN, METRICS };

#define METRIC(number, what, at, of, text)                                                                   \
	{                                                                                                    \
		.id = (number), .kind = (what), .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = (at),       \
		.unit = (of), .help = (text)                                                                 \
	}
static const struct pv_metric metrics[METRICS] = {
	[LOOKS] = METRIC(1, PV_COUNTER, "looks", "looks", "times that the counters were read"),
	[TICKS] = METRIC(2, PV_COUNTER, "ticks", "ticks", "clock ticks of all processors"),
	[BUSY] = METRIC(3, PV_QUANTILES, "busy_permille", "permille", "share of the ticks spent working"),
	[STOLEN] = METRIC(4, PV_QUANTILES, "stolen_permille", "permille",
			  "share of the ticks that the hypervisor gave to others"),
};
static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

static void cpu_update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct cpu_event *c = (const void *)ev;
	struct pv_block *k = pv_bucket_root(b);
	(void)deep, (void)ctx;
	pv_count(k, TICKS, c->ticks);
	pv_quantile_u64(k, BUSY, c->busy);
	pv_quantile_u64(k, STOLEN, c->stolen);
}

static const struct pv_handler cpu_v1 = {
	.type = "cpu",
	.version = "1.0",
	.schema = "cpu",
	.own = &cpu_layout,
	.metrics = metrics,
	.nmetrics = METRICS,
	.scopes = scopes,
	.nscopes = 1,
	.events = LOOKS,
	.samples = -1,
	.events_rate = -1,
	.update = cpu_update,
};

/* ---- the module ---------------------------------------------------------------------------------- */

static const struct pv_module_source sources[] = {{
	.type = "cpu",
	.summary = "how busy the processors are",
	.own = &cpu_layout,
	.clock = PV_CLOCK_LIVE,
	.settings = {keys, sizeof keys / sizeof keys[0], cpu_set, sizeof(struct conf)},
	.open = cpu_open,
	.poll = cpu_poll,
	.ledger = cpu_ledger,
	.free = cpu_free,
}};
static const struct pv_handler *const handlers[] = {&cpu_v1};

/* clang-format off */
const struct pv_module pv_module = {
	PV_MODULE_HEAD,
	.name = "cpu",
	.version = "1.0",
	.sources = sources,
	.nsources = 1,
	.handlers = handlers,
	.nhandlers = 1,
};
