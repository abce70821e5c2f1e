/* SPDX-License-Identifier: MPL-2.0 */
/* DHCP messages: the decoder alone, then as packets through the analyser and the metrics.
 * Input: a byte of choices (1: DHCPv6, 2: shortened by the capture, 4: not Ethernet), then the UDP payload. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp/analyser.h"
#include "dhcp/message.h"
#include "dhcp/metrics.h"
#include "event/check.h"
#include "metric/bucket.h"

#define MUST(x) ((x) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct pv_stage *stage;
	struct pv_bucket *bucket;
	uint64_t number;
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
			if (ev->type == PV_EV_DHCP)
				pv_dhcp_v1.update(w->bucket, ev, true, &hctx);
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
	w->bucket = pv_bucket_new(&pv_dhcp_v1, &(struct pv_bucket_conf){.topn = 10, .seed = 1});
	w->stage = pv_filter_new(&pv_dhcp_ops, pv_dhcp_new(&(struct pv_dhcp_conf){.seed = 1}),
				 &(struct pv_filter_conf){0}, (struct pv_sink){.write = collect, .ctx = w});
	MUST(w->bucket && w->stage);
	feed(w, &start);
	return w;
}

static void as_packet(struct world *w, int family, const uint8_t *payload, size_t n, bool cut, bool eth)
{
	size_t fixed = eth ? sizeof(struct pv_packet) : PV_PACKET_FIXED_BASE;
	struct pv_packet *p = calloc(1, fixed + pv_round8(n));
	MUST(p);
	p->ev = (struct pv_event){pv_round8(fixed + n), PV_EV_PACKET, 0, ++w->number * 1000000};
	p->number = w->number;
	p->sport = family == 4 ? 68 : 546;
	p->dport = family == 4 ? 67 : 547;
	p->l3 = (uint8_t)family;
	p->l4 = PV_L4_UDP;
	p->bits = eth ? PV_PKT_ETH : 0;
	p->src[15] = 1;
	p->payload_off = n ? (uint16_t)fixed : 0;
	p->payload_len = (uint32_t)n;
	p->payload_wire_len = (uint32_t)n + cut;
	if (n)
		memcpy((uint8_t *)p + fixed, payload, n);
	feed(w, p);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world *w; /* transactions of earlier inputs are answered by later ones */
	if (!size || size > 4096)
		return 0;
	if (!w)
		w = open_world();
	int family = data[0] & 1 ? 6 : 4;
	bool cut = data[0] & 2;
	struct pv_dhcp_message m;
	enum pv_dhcp_reason r = family == 4 ? pv_dhcp4_decode(data + 1, size - 1, cut, &m)
					    : pv_dhcp6_decode(data + 1, size - 1, cut, &m);
	MUST(r < PV_DHCP_REASONS);
	MUST(cut || r != PV_DHCP_CUT);
	MUST(m.family == family);
	MUST(m.relay_hops <= PV_DHCP_RELAYS || family == 4);
	MUST(!m.name_len || m.name[m.name_len - 1] || r);
	as_packet(w, family, data + 1, size - 1, cut, !(data[0] & 4));
	return 0;
}
