/* SPDX-License-Identifier: MPL-2.0 */
/* dnstap: bytes as a Frame Stream, its frames as messages, those as events, through net and dns to the metrics.
 *
 * Input: a byte of choices (1: a file, else a connection; 2: live), a byte that says how the rest is cut in two, then the
 * stream. Held: cut or whole gives the same frames in the same order; what comes out passes the checks of the format; the
 * ledgers add up; memory is the decoder's own. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/analyser.h"
#include "dns/metrics.h"
#include "dnstap/decode.h"
#include "dnstap/frames.h"
#include "event/check.h"
#include "metric/bucket.h"
#include "net/analyser.h"
#include "net/metrics.h"
#include "stage/stop.h"

#define MUST(x) ((x) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct pv_stage *net, *dns;
	struct pv_bucket *net_bucket, *dns_bucket;
	struct pv_dnstap_decoder *decoder;
	struct fstrm_control *control;
	void *state; /* of the dns handler */
	uint64_t number;
	uint64_t events[PV_EV_TYPES];
};

static void check_ledger(const struct pv_event *ev)
{
	size_t n;
	const struct pv_ledger_row *row = pv_stop_rows((const void *)ev, &n);
	for (unsigned stage = 1; stage <= 2; stage++) {
		uint64_t received = 0, rest = 0;
		for (size_t i = 0; i < n; i++)
			if (row[i].stage == stage && row[i].what == PV_LEDGER_RECEIVED)
				received = row[i].value;
			else if (row[i].stage == stage && row[i].what <= PV_LEDGER_DROPPED)
				rest += row[i].value;
		MUST(received == rest);
	}
}

static enum pv_res collect(void *ctx, const struct iovec *iov, int n)
{
	struct world *w = ctx;
	struct pv_handler_ctx hctx = {.state = w->state};
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base, *end = p + iov[i].iov_len;
		for (; p < end; p += ((const struct pv_event *)(const void *)p)->size) {
			const struct pv_event *ev = (const void *)p;
			MUST(!pv_event_check(ev));
			w->events[ev->type]++;
			if (ev->type == PV_EV_NET)
				pv_net_v1.update(w->net_bucket, ev, true, &hctx);
			if (ev->type == PV_EV_DNS || ev->type == PV_EV_DNS_TIMEOUT) {
				MUST(pv_event_dnstap(ev));
				pv_dns_v1.update(w->dns_bucket, ev, true, &hctx);
			}
			if (ev->type == PV_EV_STOP)
				check_ledger(ev);
		}
	}
	return PV_OK;
}

static void feed(struct world *w, const void *ev)
{
	w->net->ops->batch(w->net, ev, ((const struct pv_event *)ev)->size);
	pv_out_drain(&w->net->out);
}

static struct world *open_world(void)
{
	struct world *w = calloc(1, sizeof *w);
	struct pv_dns_conf dns = {.seed = 1, .xact_slots = 64};
	MUST(w);
	pv_dns_filter_init(&dns.filter);
	w->dns = pv_filter_new(&pv_dns_ops, pv_dns_new(&dns), &(struct pv_filter_conf){0},
			       (struct pv_sink){.write = collect, .ctx = w});
	MUST(w->dns);
	w->net = pv_filter_new(&pv_net_ops, pv_net_new(&(struct pv_net_conf){.geo = NULL}), &(struct pv_filter_conf){0},
			       pv_sink_stage(w->dns));
	w->decoder = pv_dnstap_decoder_new();
	w->state = calloc(1, pv_dns_v1.state_size);
	w->control = fstrm_control_init();
	MUST(w->net && w->decoder && w->state && w->control);
	return w;
}

static void message(struct world *w, const uint8_t *frame, size_t n, bool live)
{
	struct pv_dnstap_facts f;
	enum pv_dnstap_reason why = pv_dnstap_decode(w->decoder, frame, n, &f);
	MUST(why < PV_DNSTAP_REASONS);
	if (why)
		return;
	MUST(f.ev.payload_len <= PV_DNSTAP_MESSAGE_MAX && f.identity_len <= PV_DNSTAP_IDENTITY_MAX && f.ev.frame_len == n);
	size_t at = sizeof f.ev + f.identity_len, size = pv_round8(at + f.ev.payload_len);
	struct pv_dnstap *e = calloc(1, size);
	MUST(e);
	*e = f.ev;
	e->ev = (struct pv_event){(uint32_t)size, PV_EV_DNSTAP, 0, live ? 5000000000 + w->number : f.time_ns};
	e->number = ++w->number;
	if (f.identity_len) {
		e->identity = (struct pv_ref){sizeof f.ev, (uint16_t)f.identity_len};
		memcpy((uint8_t *)e + sizeof f.ev, f.identity, f.identity_len);
	}
	if (f.ev.payload_len) {
		e->payload_off = (uint16_t)at;
		memcpy((uint8_t *)e + at, f.payload, f.ev.payload_len);
	}
	MUST(!pv_event_check(&e->ev));
	feed(w, e);
	free(e);
}

/* The stream in parts of `step` bytes; 0: whole. `sum` tells two runs apart. */
static uint64_t stream(struct world *w, const uint8_t *p, size_t n, bool file, bool live, size_t step, bool use)
{
	struct pv_frames f;
	uint64_t sum = 0;
	size_t at = 0, end = step && step < n ? step : n;
	pv_frames_init(&f, file, w->control);
	for (;;) {
		const uint8_t *data;
		size_t used, len;
		enum pv_frames_result res = pv_frames_next(&f, p + at, end - at, &used, &data, &len);
		MUST(used <= end - at);
		at += used;
		if (res == PV_FRAMES_MORE) {
			if (end == n)
				return sum;
			end = n - end > step ? end + step : n;
			continue;
		}
		MUST(f.reply_len <= sizeof f.reply);
		sum = sum * 31 + (uint64_t)res * 1000003 + len + f.reply_len;
		f.reply_len = 0;
		if (res == PV_FRAMES_BAD || (res == PV_FRAMES_END && !file))
			return sum * 31 + (uint64_t)f.reason;
		MUST(used);
		if (res == PV_FRAMES_DATA) {
			MUST(data >= p && data + len == p + at && len && len <= PV_FRAMES_DATA_MAX);
			if (use)
				message(w, data, len, live);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	static struct world *kept; /* START makes it new */
	struct world *w = kept ? kept : (kept = open_world());
	w->number = 0;
	memset(w->events, 0, sizeof w->events);
	w->net_bucket = pv_bucket_new(&pv_net_v1, &(struct pv_bucket_conf){.topn = 10, .seed = 1});
	w->dns_bucket = pv_bucket_new(&pv_dns_v1, &(struct pv_bucket_conf){.topn = 10, .seed = 1});
	MUST(w->net_bucket && w->dns_bucket);
	bool file = data[0] & 1, live = data[0] & 2;
	const struct pv_start start = {.ev = {sizeof start, PV_EV_START, 0, 1},
				       .magic = PV_EVENT_MAGIC,
				       .major = PV_EVENT_MAJOR,
				       .clock = live ? PV_CLOCK_LIVE : PV_CLOCK_RECORDED};
	struct pv_stop stop = {.ev = {sizeof stop, PV_EV_STOP, 0, 1}};
	feed(w, &start);
	uint64_t whole = stream(w, data + 2, size - 2, file, live, 0, true);
	MUST(whole == stream(w, data + 2, size - 2, file, live, (size_t)data[1] + 1, false));
	message(w, data + 2, size - 2, live); /* and all of it as one message */
	feed(w, &stop);
	MUST(w->events[PV_EV_DNSTAP] == w->number && w->events[PV_EV_NET] == w->number && w->events[PV_EV_DNS] == w->number);
	pv_bucket_free(w->net_bucket);
	pv_bucket_free(w->dns_bucket);
	return 0;
}
