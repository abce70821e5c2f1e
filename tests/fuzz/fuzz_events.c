/* SPDX-License-Identifier: MPL-2.0 */
/* Any bytes as an event stream: through the reader, the filters, and the window. Nothing may crash; what a
 * filter and a window hand on must be a stream that the next reader takes; and whatever came in can be
 * printed, as valid text. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dhcp/analyser.h"
#include "dns/analyser.h"
#include "event/json.h"
#include "handlers/handlers.h"
#include "metric/prom.h"
#include "net/analyser.h"
#include "stage/pipe.h"
#include "window/window.h"

#include "../unit/prom_util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the next program would read; beyond that much is thrown away, and not looked at. */
#define KEPT (1u << 20)

struct wire {
	struct pv_stage *next; /* or NULL */
	uint8_t *bytes;
	size_t n;
	bool full;
};

static enum pv_res wire_write(void *ctx, const struct iovec *iov, int n)
{
	struct wire *w = ctx;
	for (int i = 0; i < n; i++) {
		if (w->full || KEPT - w->n < iov[i].iov_len)
			w->full = true;
		else
			memcpy(w->bytes + w->n, iov[i].iov_base, iov[i].iov_len), w->n += iov[i].iov_len;
		if (w->next)
			w->next->ops->batch(w->next, iov[i].iov_base, iov[i].iov_len);
	}
	return w->next ? pv_out_drain(&w->next->out) : PV_OK;
}

static struct pv_sink wire_sink(struct wire *w, unsigned which, struct pv_stage *next)
{
	static uint8_t kept[3][KEPT]; /* made once: the sanitizers look at every byte of a block */
	*w = (struct wire){next, kept[which], 0, false};
	return (struct pv_sink){.write = wire_write, .ctx = w};
}

static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("events", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

static enum pv_res read_all(int fd, bool print)
{
	struct pv_reader r;
	const struct pv_event *run;
	size_t bytes;
	enum pv_res res;
	if (lseek(fd, 0, SEEK_SET) || pv_reader_init(&r, fd))
		abort();
	while ((res = pv_reader_next(&r, &run, &bytes)) == PV_OK)
		for (const uint8_t *p = (const void *)run, *end = p + bytes; p < end && print;
		     p += ((const struct pv_event *)(const void *)p)->size) {
			json_t *j = pv_event_json((const void *)p);
			if (!j)
				abort();
			json_decref(j);
		}
	pv_reader_free(&r);
	close(fd);
	return res;
}

static void check_wire(struct wire *w, bool whole)
{
	enum pv_res res = w->n && !w->full ? read_all(memory_file(w->bytes, w->n), false) : PV_END;
	if (res != PV_END && (whole || res != PV_CUT)) /* damage between two streams leaves whole ones */
		abort();
}

static int add_prom(void *ctx, const char *key, const struct pv_bucket *b)
{
	const struct pv_label handler = {"handler", key};
	return pv_prom_bucket(ctx, b, &handler, 1);
}

static void check_prom(struct pv_window *w)
{
	struct pv_prom *p = pv_prom_new(NULL);
	size_t len;
	char *text = p && !pv_window_each(w, add_prom, p) ? pv_prom_text(p, &len) : NULL;
	if (!text || prom_invalid(text, len, NULL) || pv_prom_dropped(p, PV_PROM_CONFLICT))
		abort();
	free(text);
	pv_prom_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const modules[] = {"net", "dns", "dhcp", "pcap"};
	char err[256];
	struct wire filtered, summary, again;
	/* the shape of the pipeline follows from the size, so that any input stands for several */
	struct pv_window_conf conf = {.handlers = pv_handlers,
				      .periods = size % 3 ? 5 : 1,
				      .deep = 100,
				      .topn = 10,
				      .seed = 1,
				      .buckets = size % 2,
				      .live_copies = size % 7 != 0,
				      .modules = modules,
				      .nmodules = size % 11 ? 0 : 4};
	struct pv_window_conf second = conf;
	second.live_copies = true;
	struct pv_window *w2 = pv_window_new(&second, wire_sink(&again, 0, NULL), err, sizeof err);
	struct pv_window *w =
	    pv_window_new(&conf, wire_sink(&summary, 1, w2 ? pv_window_stage(w2) : NULL), err, sizeof err);
	struct pv_net_conf net = {.geo = NULL};
	struct pv_dns_conf dns = {.seed = 1, .xact_slots = 64, .tcp_flows_max = 64, .tcp_bytes_max = 1 << 18};
	struct pv_dhcp_conf dhcp = {.seed = 1};
	struct pv_filter_conf fc = {.chain = size % 5 == 0, .only = size % 13 == 0};
	pv_net_filter_init(&net.filter);
	pv_dns_filter_init(&dns.filter);
	if (!w || !w2)
		abort();
	struct pv_stage *f[3];
	f[2] =
	    pv_filter_new(&pv_dhcp_ops, pv_dhcp_new(&dhcp), &fc, wire_sink(&filtered, 2, pv_window_stage(w)));
	f[1] = f[2] ? pv_filter_new(&pv_dns_ops, pv_dns_new(&dns), &fc, pv_sink_stage(f[2])) : NULL;
	f[0] = f[1] ? pv_filter_new(&pv_net_ops, pv_net_new(&net), &fc, pv_sink_stage(f[1])) : NULL;
	if (!f[0])
		abort();
	int fd = memory_file(data, size);
	struct pv_pipe_end end = pv_pipe_run(f[0], fd, -1);
	bool cut = end.in != PV_END;
	struct pv_stage *rest[] = {f[1], f[2], pv_window_stage(w), pv_window_stage(w2)};
	for (size_t i = 0; i < 4; i++) {
		rest[i]->ops->end(rest[i], cut);
		if (pv_out_drain(&rest[i]->out) != PV_OK)
			abort();
	}
	for (unsigned i = 0; i < 2; i++) {
		json_t *j = pv_window_json(i ? w2 : w);
		char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
		if (!text)
			abort();
		free(text);
		json_decref(j);
		check_prom(i ? w2 : w);
	}
	if (conf.buckets && pv_window_problem(w2)) /* what a window writes, another one takes */
		abort();
	check_wire(&filtered, !cut);
	check_wire(&summary, !cut);
	check_wire(&again, !cut);
	read_all(fd, true); /* and what pv-cat prints of it */
	for (size_t i = 0; i < 3; i++)
		pv_stage_free(f[i]);
	pv_stage_free(pv_window_stage(w));
	pv_stage_free(pv_window_stage(w2));
	return 0;
}
