/* SPDX-License-Identifier: MPL-2.0 */
#include "resources/metrics.h"

#include "metric/bucket.h"
#include "stage/stage.h"

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

enum { EVENT_RATE, TOTAL, DEEP_SAMPLES, CPU_USAGE, MEMORY_BYTES, POLICY_COUNT, HANDLER_COUNT, METRICS };

#define ROW(m, k, p, n, u, h, ...) \
	[m] = {.id = (m) + 1, .kind = (k), .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = (p), .prom = (n), \
	       .unit = (u), .help = (h), __VA_ARGS__}

static const struct pv_metric metrics[METRICS] = {
	ROW(EVENT_RATE, PV_RATE, "event_rate", "base_event_rate", "measurements/s", "measurements per second"),
	ROW(TOTAL, PV_COUNTER, "total", "base_total", "measurements", "times that resources were measured"),
	ROW(DEEP_SAMPLES, PV_COUNTER, "deep_samples", "base_deep_samples", "measurements",
	    "measurements within the deep sample: all of them"),
	ROW(CPU_USAGE, PV_QUANTILES, "cpu_usage", "resources_cpu_usage", "percent",
	    "CPU time of the thread that reads the input, of one processor's, over 5 s each", .real = true),
	ROW(MEMORY_BYTES, PV_QUANTILES, "memory_bytes", "resources_memory_bytes", "bytes",
	    "resident memory of the whole process, every 5 s"),
	ROW(POLICY_COUNT, PV_GAUGE, "policy_count", "resources_policy_count", "policies",
	    "policies that use the input"),
	ROW(HANDLER_COUNT, PV_GAUGE, "handler_count", "resources_handler_count", "handlers",
	    "handlers of these policies"),
};

struct state { /* zeroed: nothing told yet */
	uint64_t stream_id;
	bool told;
	uint32_t policies, handlers;
};

static void levels(struct pv_bucket *b, const struct state *s, uint64_t time_ns)
{
	struct pv_block *k = pv_bucket_root(b);

	pv_gauge_set(k, POLICY_COUNT, time_ns, s->policies);
	pv_gauge_set(k, HANDLER_COUNT, time_ns, s->handlers);
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_resources_event *r = (const void *)ev;
	struct pv_block *k = pv_bucket_root(b);
	struct state *s = ctx->state;

	(void)deep; /* a number every 5 s is not worth leaving out */
	if (r->bits & PV_RES_CPU)
		pv_quantile_real(k, CPU_USAGE, r->cpu_ppm * 100.0 / PV_RES_CPU_WHOLE);
	if (r->bits & PV_RES_MEMORY)
		pv_quantile_u64(k, MEMORY_BYTES, r->memory_bytes);
	*s = (struct state){b->stream_id, true, r->policies, r->handlers};
	levels(b, s, ev->time_ns);
}

/* Until the next event, what was told in the period before still holds. */
static void begin(struct pv_bucket *b, struct pv_handler_ctx *ctx)
{
	const struct state *s = ctx->state;

	if (s->told && s->stream_id == b->stream_id)
		levels(b, s, b->start_ns);
}

static bool is_measurement(const struct pv_event *ev)
{
	const struct pv_resources_event *r = (const void *)ev;

	return r->bits & (PV_RES_CPU | PV_RES_MEMORY);
}

const struct pv_handler pv_input_resources_v1 = {
	.type = "input_resources",
	.version = "1.0",
	.schema = "input_resources",
	.wants = PV_WANTS(PV_EV_RESOURCES),
	.metrics = metrics,
	.nmetrics = METRICS,
	.scopes = scopes,
	.nscopes = sizeof(scopes) / sizeof(scopes[0]),
	.events = TOTAL,
	.samples = DEEP_SAMPLES,
	.events_rate = EVENT_RATE,
	.state_size = sizeof(struct state),
	.update = update,
	.begin = begin,
	.is_base = is_measurement,
};
