/* SPDX-License-Identifier: MPL-2.0 */
#include "probe/metrics.h"

#include <string.h>

#include "metric/bucket.h"
#include "probe/probe.h"

enum {
	ATTEMPTS,
	SUCCESSES,
	CONNECT_FAILURES,
	DNS_FAILURES,
	TIMEOUTS,
	RESPONSE_MIN,
	RESPONSE_MAX,
	RESPONSE_HISTOGRAM,
	RESPONSE_QUANTILES,
	METRICS
};

enum { COUNTERS, HISTOGRAMS, QUANTILES };

enum { ROOT, TARGET };

#define ROW(number, k, g, at, u, text)                                                                       \
	{                                                                                                    \
		.id = (number), .kind = (k), .group = (g), .group2 = PV_ALWAYS, .scope = TARGET,             \
		.path = (at), .unit = (u), .help = (text)                                                    \
	}

static const struct pv_metric metrics[METRICS] = {
	[ATTEMPTS] = ROW(1, PV_COUNTER, COUNTERS, "attempts", "packets", "echo requests sent, or connects begun"),
	[SUCCESSES] = ROW(2, PV_COUNTER, COUNTERS, "successes", "packets", "replies, or connects, in time"),
	[CONNECT_FAILURES] = ROW(3, PV_COUNTER, COUNTERS, "connect_failures", "packets",
				 "connects that were refused, and requests that could not be sent"),
	[DNS_FAILURES] = ROW(4, PV_COUNTER, COUNTERS, "dns_lookup_failures", "packets",
			     "tests that ended with a name that could not be looked up"),
	[TIMEOUTS] = ROW(5, PV_COUNTER, COUNTERS, "packets_timeout", "packets",
			 "attempts without an answer, or with one that came too late"),
	[RESPONSE_MIN] = ROW(6, PV_MINIMUM, COUNTERS, "response_min_us", "us", "shortest response time"),
	[RESPONSE_MAX] = ROW(7, PV_MAXIMUM, COUNTERS, "response_max_us", "us", "longest response time"),
	[RESPONSE_HISTOGRAM] =
		ROW(8, PV_HISTOGRAM, HISTOGRAMS, "response_histogram_us", "us", "histogram of response times"),
	[RESPONSE_QUANTILES] =
		ROW(9, PV_QUANTILES, QUANTILES, "response_quantiles_us", "us", "quantiles of response times"),
};

static const struct pv_group groups[] = {
	[COUNTERS] = {"counters", true}, [HISTOGRAMS] = {"histograms", true}, [QUANTILES] = {"quantiles", false}};

static const struct pv_scope scopes[] = {[ROOT] = {NULL, NULL, ROOT, 1},
					 [TARGET] = {"target", "targets", ROOT, PV_PROBE_TARGETS}};

static void count_answer(struct pv_block *k, uint64_t us)
{
	pv_histogram_u64(k, RESPONSE_HISTOGRAM, us);
	pv_quantile_u64(k, RESPONSE_QUANTILES, us);
	if (!pv_on(k, RESPONSE_HISTOGRAM) && !pv_on(k, RESPONSE_QUANTILES))
		return; /* nobody asks for response times */
	pv_minimum(k, RESPONSE_MIN, us);
	pv_maximum(k, RESPONSE_MAX, us);
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	const struct pv_probe_event *p = (const void *)ev;
	char name[PV_BLOCK_KEY + 1];
	size_t n = p->target.len < sizeof name ? p->target.len : sizeof name - 1;
	(void)ctx;
	memcpy(name, pv_ref_bytes(ev, p->target), n);
	name[n] = '\0';
	struct pv_block *k = pv_bucket_block(b, pv_bucket_root(b), TARGET, name);
	switch (p->what) {
	case PV_PROBE_SENT:
		pv_count(k, ATTEMPTS, 1);
		break;
	case PV_PROBE_ANSWER:
		pv_count(k, SUCCESSES, 1);
		if (deep)
			count_answer(k, p->elapsed_ns / 1000);
		break;
	case PV_PROBE_TIMEOUT:
		pv_count(k, TIMEOUTS, 1);
		break;
	default:
		pv_count(k, p->error == PV_PROBE_DNS ? DNS_FAILURES : CONNECT_FAILURES, 1);
		break;
	}
}

const struct pv_handler pv_netprobe_v1 = {
	.type = "netprobe",
	.version = "1.0",
	.schema = "netprobe",
	.wants = UINT64_C(1) << PV_EV_PROBE,
	.metrics = metrics,
	.nmetrics = METRICS,
	.groups = groups,
	.ngroups = sizeof groups / sizeof groups[0],
	.scopes = scopes,
	.nscopes = sizeof scopes / sizeof scopes[0],
	.events = -1,
	.samples = -1,
	.events_rate = -1,
	.update = update,
};
