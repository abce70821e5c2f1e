/* SPDX-License-Identifier: MPL-2.0 */
/* Inputs flow and sflow: exporters that send to a port of ours, or a capture of what they sent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flow/analyser.h"
#include "flow/listener.h"
#include "policy/inputs.h"

/* Of hash tables whose keys strangers choose. */
static uint64_t seed(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return ((uint64_t)t.tv_sec << 30 ^ (uint64_t)t.tv_nsec) * UINT64_C(0x9e3779b97f4a7c15);
}

static void tell(const struct pv_collector_status *s, struct pv_capture_status *to)
{
	to->packets = s->datagrams;
	to->malformed = s->malformed;
	to->unsupported = s->unsupported;
}

/* The ledger without what is told already, and without single reasons. */
static size_t details(const struct pv_collector_status *s, struct pv_ledger_row *rows, size_t max)
{
	struct pv_ledger_row all[32 + PV_FDEC_REASONS];
	size_t n = pv_collector_rows(s, all, sizeof all / sizeof all[0]), kept = 0;
	for (size_t i = 0; i < n && kept < max; i++)
		if (all[i].what >= PV_LEDGER_CLIENTS && all[i].what < PV_LEDGER_REASON)
			rows[kept++] = all[i];
	return kept;
}

/* ---- from a socket -------------------------------------------------------------------------------- */

struct live {
	struct pv_flow_listener *listener;
	char error[128];
};

static enum pv_res live_poll(void *self, struct pv_out *out)
{
	struct live *l = self;
	enum pv_res res = pv_flow_listener_poll(l->listener, out);
	if (res == PV_FAIL && !l->error[0])
		snprintf(l->error, sizeof l->error, "cannot go on: %s", strerror(errno));
	return res;
}

static void live_stop(void *self)
{
	struct live *l = self;
	pv_flow_listener_stop(l->listener);
}

static void live_status(const void *self, struct pv_capture_status *to)
{
	const struct live *l = self;
	struct pv_flow_listener_status s;
	pv_flow_listener_status(l->listener, &s);
	*to = (struct pv_capture_status){.os_drops = s.os_drops};
	tell(&s.collector, to);
}

static size_t live_rows(const void *self, struct pv_ledger_row *rows, size_t max)
{
	const struct live *l = self;
	struct pv_flow_listener_status s;
	pv_flow_listener_status(l->listener, &s);
	return details(&s.collector, rows, max);
}

static const char *live_error(const void *self)
{
	const struct live *l = self;
	return l->error;
}

static const char *live_notice(void *self)
{
	struct live *l = self;
	return pv_flow_listener_notice(l->listener);
}

static void live_free(void *self)
{
	struct live *l = self;
	pv_flow_listener_free(l->listener);
	free(l);
}

static const struct pv_input_ops live_ops = {.poll = live_poll,
					     .stop = live_stop,
					     .status = live_status,
					     .rows = live_rows,
					     .error = live_error,
					     .notice = live_notice,
					     .free = live_free};

/* For each of n workers. */
static int open_live(const struct pv_flow_listener_conf *conf, unsigned n, struct pv_source_input to[], char *err, size_t cap)
{
	struct pv_flow_listener *listener[PV_FLOW_SOCKETS];
	struct live *l[PV_FLOW_SOCKETS];
	unsigned made = 0;
	_Static_assert(PV_CAPTURE_WORKERS <= PV_FLOW_SOCKETS, "a socket for each worker");
	while (made < n && (l[made] = calloc(1, sizeof *l[made])))
		made++;
	if (made < n)
		snprintf(err, cap, "cannot start: %s", strerror(errno));
	if (made < n || pv_flow_listener_open_split(conf, n, listener, err, cap)) {
		while (made)
			free(l[--made]);
		return -1;
	}
	for (unsigned i = 0; i < n; i++) {
		l[i]->listener = listener[i];
		to[i] = (struct pv_source_input){.ops = &live_ops, .self = l[i], .live = true};
	}
	return 0;
}

/* ---- out of a capture ----------------------------------------------------------------------------- */

struct file {
	struct pv_capture *capture;
	struct pv_out packets;  /* from the capture to the stage */
	struct pv_stage *stage; /* makes flow events of them */
	void *flow;		/* its analyser */
	struct pv_out *to;	/* during a poll */
};

/* Behind the stage. Its buffer is its own again when this returns. */
static enum pv_res file_write(void *ctx, const struct iovec *iov, int n)
{
	struct file *f = ctx;
	for (int i = 0; i < n; i++)
		pv_out_pass(f->to, iov[i].iov_base, iov[i].iov_len);
	return pv_out_release(f->to);
}

static enum pv_res file_poll(void *self, struct pv_out *out)
{
	struct file *f = self;
	f->to = out;
	enum pv_res res = pv_capture_poll(f->capture, &f->packets);
	pv_out_drain(&f->packets);
	return f->packets.res == PV_OK ? res : f->packets.res;
}

static void file_stop(void *self)
{
	struct file *f = self;
	pv_capture_stop(f->capture);
}

static void file_status(const void *self, struct pv_capture_status *to)
{
	const struct file *f = self;
	struct pv_collector_status s;
	pv_capture_status(f->capture, to);
	pv_flow_status(f->flow, &s);
	tell(&s, to);
}

static size_t file_rows(const void *self, struct pv_ledger_row *rows, size_t max)
{
	const struct file *f = self;
	struct pv_collector_status s;
	pv_flow_status(f->flow, &s);
	size_t n = details(&s, rows, max);
	for (size_t i = 0; i < n; i++)
		rows[i].stage = 1; /* as STOP has it: behind the capture */
	return n;
}

static const char *file_error(const void *self)
{
	const struct file *f = self;
	return pv_capture_error(f->capture);
}

static void file_free(void *self)
{
	struct file *f = self;
	pv_stage_free(f->stage);
	pv_capture_free(f->capture);
	pv_out_free(&f->packets);
	free(f);
}

static const struct pv_input_ops file_ops = {
    .poll = file_poll, .stop = file_stop, .status = file_status, .rows = file_rows, .error = file_error, .free = file_free};

static int open_file(const struct pv_config_stream *s, const struct pv_collector_conf *collector,
		     struct pv_source_input *to, char *err, size_t cap)
{
	const struct pv_capture_conf capture = {
	    .file = s->flow.pcap_file, .below = s->below, .every_udp = true, .producer = "pktvisord"};
	const struct pv_flow_conf conf = {.collector = *collector};
	const struct pv_filter_conf filter = {.only = true};
	struct file *f = calloc(1, sizeof *f);
	if (f) {
		f->flow = pv_flow_new(&conf);
		f->stage = pv_filter_new(&pv_flow_ops, f->flow, &filter, (struct pv_sink){.write = file_write, .ctx = f});
	}
	if (!f || !f->stage || pv_out_init(&f->packets, pv_sink_stage(f->stage))) {
		snprintf(err, cap, "out of memory");
		if (f)
			file_free(f);
		return -1;
	}
	f->capture = pv_capture_open(&capture, err, cap);
	if (!f->capture) {
		file_free(f);
		return -1;
	}
	*to = (struct pv_source_input){.ops = &file_ops, .self = f};
	return 0;
}

/* ---- either --------------------------------------------------------------------------------------- */

int pv_input_flow(const struct pv_config_stream *s, unsigned n, struct pv_source_input to[], char *err, size_t cap)
{
	const struct pv_collector_conf collector = {
	    .kind = s->flow.type == PV_INPUT_SFLOW ? PV_FLOW_KIND_SFLOW : PV_FLOW_KIND_NETFLOW,
	    .exporters = {.seed = seed()},
	};
	const struct pv_flow_listener_conf listen = {.bind = s->flow.bind,
						     .port = (uint16_t)s->flow.port,
						     .collector = collector,
						     .producer = "pktvisord"};
	if (s->flow.pcap_file) /* a file comes first, as for captures */
		return open_file(s, &collector, to, err, cap);
	return open_live(&listen, n, to, err, cap);
}
