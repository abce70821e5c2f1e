/* SPDX-License-Identifier: MPL-2.0 */
/* Any bytes as an event stream: through the reader, a filter, and the window. Nothing may crash; what the
 * filter hands on must be a stream again. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dns/analyser.h"
#include "event/json.h"
#include "handlers/handlers.h"
#include "stage/pipe.h"
#include "window/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[256];
	struct pv_window_conf conf = {.handlers = pv_handlers, .periods = size % 3 ? 5 : 1, .deep = 100, .topn = 10, .seed = 1, .buckets = size % 2};
	struct pv_window *w = pv_window_new(&conf, pv_sink_none(), err, sizeof err);
	struct pv_dns_conf dns = {.seed = 1, .xact_slots = 64, .tcp_flows_max = 64, .tcp_bytes_max = 1 << 18};
	struct pv_filter_conf fc = {.chain = size % 5 == 0};
	pv_dns_filter_init(&dns.filter);
	struct pv_stage *f = pv_filter_new(&pv_dns_ops, pv_dns_new(&dns), &fc, w ? pv_sink_stage(pv_window_stage(w)) : pv_sink_none());
	int fd = memfd_create("events", MFD_CLOEXEC);
	if (!w || !f || fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	pv_pipe_run(f, fd, -1);
	pv_window_stage(w)->ops->end(pv_window_stage(w), true);
	json_decref(pv_window_json(w));
	/* and what pv-cat prints of it */
	struct pv_reader r;
	const struct pv_event *run;
	size_t bytes;
	if (lseek(fd, 0, SEEK_SET) || pv_reader_init(&r, fd))
		abort();
	while (pv_reader_next(&r, &run, &bytes) == PV_OK)
		for (const uint8_t *p = (const void *)run, *end = p + bytes; p < end; p += ((const struct pv_event *)(const void *)p)->size)
			json_decref(pv_event_json((const void *)p));
	pv_reader_free(&r);
	close(fd);
	pv_stage_free(f);
	pv_stage_free(pv_window_stage(w));
	return 0;
}
