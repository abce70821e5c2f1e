/* SPDX-License-Identifier: MPL-2.0 */
#include "bgp/metrics.h"

#include "bgp/message.h"
#include "metric/bucket.h"

enum {
	RATE_TOTAL,
	RATE_EVENTS,
	EVENTS,
	DEEP_SAMPLES,
	OPEN,
	UPDATE,
	NOTIFICATION,
	KEEPALIVE,
	ROUTE_REFRESH,
	TOTAL,
	FILTERED,
	METRICS
};

#define COUNTER(number, at, text)                                                                            \
	{                                                                                                    \
		.id = (number), .kind = PV_COUNTER, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = (at),   \
		.unit = "messages", .help = (text)                                                           \
	}
#define RATE(number, at, text)                                                                               \
	{                                                                                                    \
		.id = (number), .kind = PV_RATE, .group = PV_ALWAYS, .group2 = PV_ALWAYS, .path = (at),      \
		.unit = "messages/s", .help = (text)                                                         \
	}

static const struct pv_metric metrics[METRICS] = {
	[RATE_TOTAL] = RATE(1, "rates.total", "rate of all BGP messages per second"),
	[RATE_EVENTS] = RATE(2, "rates.events", "rate of all BGP events per second"),
	[EVENTS] = COUNTER(3, "wire_packets.events", "BGP events, one for each message"),
	[DEEP_SAMPLES] = COUNTER(4, "wire_packets.deep_samples", "BGP events that were sampled deeply"),
	[OPEN] = COUNTER(5, "wire_packets.open", "OPEN messages"),
	[UPDATE] = COUNTER(6, "wire_packets.update", "UPDATE messages"),
	[NOTIFICATION] = COUNTER(7, "wire_packets.notification", "NOTIFICATION messages"),
	[KEEPALIVE] = COUNTER(8, "wire_packets.keepalive", "KEEPALIVE messages"),
	[ROUTE_REFRESH] = COUNTER(9, "wire_packets.routerefresh", "ROUTE-REFRESH messages"),
	[TOTAL] = COUNTER(10, "wire_packets.total", "all BGP messages"),
	[FILTERED] = COUNTER(11, "wire_packets.filtered", "BGP messages seen that did not match the filters"),
};

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

/* A message of an unknown type is none that this table knows. */
static bool is_base(const struct pv_event *ev)
{
	const struct pv_bgp *b = (const void *)ev;
	return b->reason == PV_BGP_OK;
}

static void update(struct pv_bucket *bucket, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	static const uint8_t counters[] = {[PV_BGP_OPEN] = OPEN,
					   [PV_BGP_UPDATE] = UPDATE,
					   [PV_BGP_NOTIFICATION] = NOTIFICATION,
					   [PV_BGP_KEEPALIVE] = KEEPALIVE,
					   [PV_BGP_ROUTE_REFRESH] = ROUTE_REFRESH};
	const struct pv_bgp *b = (const void *)ev;
	struct pv_block *k = pv_bucket_root(bucket);
	(void)deep;
	(void)ctx;
	if (!is_base(ev) || b->message < PV_BGP_OPEN || b->message > PV_BGP_ROUTE_REFRESH)
		return;
	if (ev->flags & PV_F_FILTERED) {
		pv_count(k, FILTERED, 1);
		return;
	}
	pv_count(k, TOTAL, 1);
	pv_rate_events(k, RATE_TOTAL, 1);
	pv_count(k, counters[b->message], 1);
}

const struct pv_handler pv_bgp_v1 = {
	.type = "bgp",
	.version = "1.0",
	.schema = "bgp",
	.wants = UINT64_C(1) << PV_EV_BGP,
	.metrics = metrics,
	.nmetrics = METRICS,
	.scopes = scopes,
	.nscopes = 1,
	.events = EVENTS,
	.samples = DEEP_SAMPLES,
	.events_rate = RATE_EVENTS,
	.update = update,
	.is_base = is_base,
};
