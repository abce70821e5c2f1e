/* SPDX-License-Identifier: MPL-2.0 */
/* A stream of BGP messages, cut into segments of one size or another: what the analyser makes of it is what cutting the whole stream
 * by its lengths gives.
 * Input: the size of a segment (1 to 256), then the stream of one side. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/analyser.h"
#include "bgp/message.h"
#include "bgp/metrics.h"
#include "event/check.h"
#include "metric/bucket.h"

#define MUST(x) ((x) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct message {
	uint16_t length;
	uint8_t type, reason;
};

struct world {
	struct pv_stage *stage;
	struct pv_bucket *bucket;
	uint64_t number, now_ns;
	struct message got[4096];
	size_t n;
};

static enum pv_res collect(void *ctx, const struct iovec *iov, int n)
{
	struct world *w = ctx;
	struct pv_handler_ctx hctx = {0};
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		for (; p < end; p += ((const struct pv_event *)(const void *)p)->size) {
			const struct pv_event *ev = (const void *)p;
			MUST(!pv_event_check(ev));
			if (ev->type != PV_EV_BGP)
				continue;
			const struct pv_bgp *b = (const void *)ev;
			pv_bgp_v1.update(w->bucket, ev, true, &hctx);
			MUST(w->n < sizeof w->got / sizeof w->got[0]);
			w->got[w->n++] = (struct message){b->length, b->message, b->reason};
		}
	}
	return PV_OK;
}

static void feed(struct world *w, const void *ev)
{
	w->stage->ops->batch(w->stage, ev, ((const struct pv_event *)ev)->size);
	pv_out_flush(&w->stage->out);
}

static struct world *open_world(void)
{
	struct world *w = calloc(1, sizeof *w);
	struct pv_start start = {
		.ev = {sizeof start, PV_EV_START, 0, 1}, .magic = PV_EVENT_MAGIC, .major = PV_EVENT_MAJOR};
	MUST(w);
	w->bucket = pv_bucket_new(&pv_bgp_v1, &(struct pv_bucket_conf){.topn = 10, .seed = 1});
	w->stage = pv_filter_new(&pv_bgp_ops, pv_bgp_new(&(struct pv_bgp_conf){.seed = 1, .tcp_flows_max = 16}),
				 &(struct pv_filter_conf){0}, (struct pv_sink){.write = collect, .ctx = w});
	MUST(w->bucket && w->stage);
	feed(w, &start);
	return w;
}

static void segment(struct world *w, uint8_t flags, uint32_t seq, const uint8_t *payload, size_t n)
{
	struct pv_packet *p = calloc(1, PV_PACKET_FIXED_BASE + pv_round8(n));
	MUST(p);
	p->ev = (struct pv_event){pv_round8(PV_PACKET_FIXED_BASE + n), PV_EV_PACKET, 0, ++w->now_ns};
	p->number = ++w->number;
	p->sport = 40000;
	p->dport = PV_BGP_PORT;
	p->l3 = 4;
	p->l4 = PV_L4_TCP;
	p->tcp_flags = flags;
	p->tcp_seq = seq;
	p->payload_off = n ? PV_PACKET_FIXED_BASE : 0;
	p->payload_len = p->payload_wire_len = (uint32_t)n;
	if (n)
		memcpy((uint8_t *)p + PV_PACKET_FIXED_BASE, payload, n);
	feed(w, p);
	free(p);
}

/* What the whole stream is. */
static size_t expected(const uint8_t *p, size_t n, struct message *to)
{
	size_t count = 0;
	while (n) {
		struct pv_bgp_message m;
		enum pv_bgp_reason why = PV_BGP_OK;
		size_t length = pv_bgp_frame(p, n < PV_BGP_HEADER ? n : PV_BGP_HEADER, &why);
		if (length == SIZE_MAX) {
			MUST(why == PV_BGP_MARKER || why == PV_BGP_LENGTH);
			to[count++] = (struct message){0, 0, (uint8_t)why};
			return count;
		}
		if (!length || length > n)
			return count;
		MUST(length >= PV_BGP_HEADER && length <= PV_BGP_MESSAGE_MAX);
		enum pv_bgp_reason reason = pv_bgp_decode(p, length, &m);
		MUST(reason == PV_BGP_OK || reason == PV_BGP_TYPE);
		to[count++] = (struct message){m.length, m.type, (uint8_t)reason};
		p += length;
		n -= length;
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world *w;
	static struct message want[4096];
	if (size < 2 || size > 16384)
		return 0;
	if (!w)
		w = open_world();
	size_t step = data[0] + 1u, n = size - 1;
	w->n = 0;
	uint32_t seq = (uint32_t)(w->number * 1000003);
	segment(w, PV_TCP_SYN, seq++, NULL, 0);
	for (size_t at = 0; at < n; at += step)
		segment(w, PV_TCP_ACK, seq + (uint32_t)at, data + 1 + at, n - at < step ? n - at : step);
	segment(w, PV_TCP_RST, seq + (uint32_t)n, NULL, 0);
	size_t wanted = expected(data + 1, n, want);
	MUST(w->n == wanted);
	for (size_t i = 0; i < wanted; i++)
		MUST(w->got[i].length == want[i].length && w->got[i].type == want[i].type &&
		     w->got[i].reason == want[i].reason);
	return 0;
}
