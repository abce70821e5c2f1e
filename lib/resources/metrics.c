/* SPDX-License-Identifier: MPL-2.0 */
#include "resources/metrics.h"

#include "metric/bucket.h"
#include "stage/stage.h"

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

enum { EVENT_RATE, TOTAL, DEEP_SAMPLES, CPU_USAGE, MEMORY_BYTES, POLICY_COUNT, HANDLER_COUNT, METRICS };

#define ROW(m, k, p, name, u, h) \
	[m] = {.id = (m) + 1, .kind = (k), .group = PV_ALWAYS, .group2 = PV_ALWAYS, .real = (m) == CPU_USAGE, \
	       .path = (p), .prom = (name), .unit = (u), .help = (h)}

static const struct pv_metric metrics[METRICS] = {
	ROW(EVENT_RATE, PV_RATE, "event_rate", "base_event_rate", "events/s", "measurements per second"),
	ROW(TOTAL, PV_COUNTER, "total", "base_total", "events", "measurements"),
	ROW(DEEP_SAMPLES, PV_COUNTER, "deep_samples", "base_deep_samples", "events", "measurements that were looked at closely"),
	ROW(CPU_USAGE, PV_QUANTILES, "cpu_usage", "resources_cpu_usage", "percent",
	    "processor time of the thread that reads and analyses the input, in percent of one processor"),
	ROW(MEMORY_BYTES, PV_QUANTILES, "memory_bytes", "resources_memory_bytes", "bytes", "resident memory of the process"),
	ROW(POLICY_COUNT, PV_LATEST, "policy_count", "resources_policy_count", "policies", "policies on the input"),
	ROW(HANDLER_COUNT, PV_LATEST, "handler_count", "resources_handler_count", "handlers", "handlers of those policies"),
};

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_resources *r = (const void *)ev;
	struct pv_block *k = pv_bucket_root(b);
	(void)deep, (void)ctx;
	if (r->interval_ns)
		pv_quantile_real(k, CPU_USAGE, 100.0 * (double)r->cpu_ns / (double)r->interval_ns);
	pv_quantile_u64(k, MEMORY_BYTES, r->memory_bytes);
	pv_latest(k, POLICY_COUNT, r->policies);
	pv_latest(k, HANDLER_COUNT, r->handlers);
}

const struct pv_handler pv_resources_v1 = {
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
	.update = update,
};
