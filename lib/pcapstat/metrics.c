/* SPDX-License-Identifier: MPL-2.0 */
#include "pcapstat/metrics.h"

#include "metric/bucket.h"
#include "stage/stage.h"

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};

enum { TCP_REASSEMBLY_ERRORS, OS_DROPS, IF_DROPS, METRICS };

#define ROW(m, p, u, h) \
	[m] = {.id = (m) + 1, .kind = PV_COUNTER, .group = PV_ALWAYS, .group2 = PV_ALWAYS, \
	       .path = (p), .unit = (u), .help = (h)}

static const struct pv_metric metrics[METRICS] = {
	ROW(TCP_REASSEMBLY_ERRORS, "tcp_reassembly_errors", "errors",
	    "times that TCP reassembly lost something"),
	ROW(OS_DROPS, "os_drops", "packets", "packets that the kernel's capture buffer had no room for"),
	ROW(IF_DROPS, "if_drops", "packets", "packets that the interface or its driver dropped"),
};

struct state { /* zeroed: a stream's totals start at 0 */
	uint64_t stream_id;
	uint64_t os_drops, if_drops;
};

/* What came on top of *last. */
static uint64_t increment(uint64_t *last, uint64_t now)
{
	const uint64_t quarter = UINT64_C(1) << 30;
	uint64_t before = *last, more;

	if (now >= before)
		more = now - before;
	else if (before <= UINT32_MAX && before > UINT32_MAX - quarter && now < quarter)
		more = now + (UINT64_C(1) << 32) - before; /* a counter of 32 bits went round */
	else
		more = now;
	*last = now;
	return more;
}

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	struct pv_block *k = pv_bucket_root(b);
	struct state *s = ctx->state;

	(void)deep;
	if (ev->type == PV_EV_TCP_ERROR) {
		pv_count(k, TCP_REASSEMBLY_ERRORS, 1);
	} else if (ev->type == PV_EV_STATS) {
		const struct pv_stats *stats = (const struct pv_stats *)ev;

		if (s->stream_id != b->stream_id) /* another stream counts from 0 again */
			*s = (struct state){.stream_id = b->stream_id};
		pv_count(k, OS_DROPS, increment(&s->os_drops, stats->os_drops));
		pv_count(k, IF_DROPS, increment(&s->if_drops, stats->if_drops));
	}
}

const struct pv_handler pv_pcap_v1 = {
	.type = "pcap",
	.version = "1.0",
	.schema = "pcap",
	.wants = PV_WANTS(PV_EV_STATS) | PV_WANTS(PV_EV_TCP_ERROR),
	.metrics = metrics,
	.nmetrics = METRICS,
	.scopes = scopes,
	.nscopes = sizeof(scopes) / sizeof(scopes[0]),
	.events = -1,
	.samples = -1,
	.events_rate = -1,
	.state_size = sizeof(struct state),
	.update = update,
};
