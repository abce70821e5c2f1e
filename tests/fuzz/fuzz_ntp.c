/* SPDX-License-Identifier: MPL-2.0 */
/* The example module. Input: a byte of choices, then
 *   even  the UDP payload of a packet: its event must pass the module's own check, and be counted once
 *   odd   what stands behind an event's header: what the check lets through must be countable
 * Base metrics aside, an event moves exactly one of malformed and the counters of modes. */
#include "../../contrib/module-example/ntp.c"

#define MUST(x) ((x) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(struct pv_bucket *b, const struct pv_event *ev)
{
	static const int one_of[] = {MALFORMED, CLIENT, SERVER, SYMMETRIC, BROADCAST, CONTROL};
	struct pv_handler_ctx ctx = {0};
	uint64_t before = 0, after = 0;
	for (size_t i = 0; i < sizeof one_of / sizeof one_of[0]; i++)
		before += pv_bucket_root(b)->cells[one_of[i]].count;
	ntp_update(b, ev, true, &ctx);
	for (size_t i = 0; i < sizeof one_of / sizeof one_of[0]; i++)
		after += pv_bucket_root(b)->cells[one_of[i]].count;
	MUST(after == before + 1);
}

static enum pv_res collect(void *ctx, const struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		for (; p < end; p += ((const struct pv_event *)(const void *)p)->size) {
			const struct pv_event *ev = (const void *)p;
			MUST(!pv_event_check(ev));
			if (!pv_is_module_type(ev->type))
				continue;
			MUST(ev->size >= ntp_layout.least && !ntp_check(ev));
			count(ctx, ev);
		}
	}
	return PV_OK;
}

static void packet(struct pv_bucket *b, const uint8_t *payload, size_t n)
{
	struct pv_out o;
	const struct conf conf = {0};
	struct pv_stage *s =
	    pv_filter_new(&ntp_ops, ntp_make(&conf, 1), &(struct pv_filter_conf){.name = NULL},
			  (struct pv_sink){.write = collect, .ctx = b});
	if (!s || pv_out_init(&o, pv_sink_stage(s)))
		abort();
	struct pv_start *start = pv_out_event(&o, PV_EV_START, sizeof *start, 1);
	start->magic = PV_EVENT_MAGIC;
	start->major = PV_EVENT_MAJOR;
	struct pv_packet *p = pv_out_event(&o, PV_EV_PACKET, sizeof *p + n, 2);
	p->l4 = PV_L4_UDP;
	p->dport = NTP_PORT;
	p->payload_off = sizeof *p;
	p->payload_len = p->payload_wire_len = (uint32_t)n;
	if (n)
		memcpy(p + 1, payload, n);
	pv_out_drain(&o);
	s->ops->end(s, false);
	pv_out_drain(&s->out);
	pv_stage_free(s);
	pv_out_free(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pv_bucket_conf conf = {.groups = (1u << GROUPS) - 1, .topn = 10, .seed = 1};
	struct pv_bucket *b = size && size <= 4096 ? pv_bucket_new(&ntp_v1, &conf) : NULL;
	if (!b)
		return 0;
	if (data[0] % 2 == 0) {
		packet(b, data + 1, size - 1);
	} else {
		struct ntp_event ev = {.head.ev = {sizeof ev, PV_EV_MODULE, 0, 1}};
		size_t n = size - 1 < sizeof ev - 16 ? size - 1 : sizeof ev - 16;
		memcpy((uint8_t *)&ev + 16, data + 1, n);
		if (!pv_event_check(&ev.head.ev) && !ntp_check(&ev.head.ev))
			count(b, &ev.head.ev);
	}
	pv_bucket_free(b);
	return 0;
}
