/* SPDX-License-Identifier: MPL-2.0 */
/* What the targets of flow exports share: datagrams into a collector, and what must be true of whatever comes out.
 *
 * Input: datagrams one behind the other, each with two bytes of length and one of choices in front (1: shortened by the
 * capture; 2 and 4: one of four exporters). Templates of one serve the next; nothing outlives an input. */
#ifndef TESTS_FUZZ_FLOW_H
#define TESTS_FUZZ_FLOW_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "event/check.h"
#include "flow/collector.h"

#define MUST(x) ((x) ? (void)0 : abort())
#define FUZZ_BUDGET (UINT64_C(64) << 10) /* small, so that it is reached */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_record(void *ctx, const struct pv_flow *f)
{
	struct pv_flow ev = *f;
	uint64_t *n = ctx;
	ev.ev.size = sizeof ev;
	ev.ev.type = PV_EV_FLOW;
	MUST(!pv_event_check(&ev.ev));
	MUST(pv_flow_has_ports(f->proto) || (!f->sport && !f->dport));
	MUST((f->bits & PV_FLOW_IN) || !f->in_if);
	++*n;
}

static void fuzz_datagrams(enum pv_flow_kind kind, const uint8_t *data, size_t size)
{
	const struct pv_collector_conf conf = {
		.kind = kind, .exporters = {.exporters = 3, .memory_bytes = FUZZ_BUDGET, .seed = 1}};
	struct pv_collector *c = pv_collector_new(&conf);
	struct pv_collector_status s;
	uint64_t records = 0, datagrams = 0;
	MUST(c);
	while (size >= 3) {
		size_t n = (size_t)data[0] << 8 | data[1];
		uint8_t choices = data[2];
		data += 3, size -= 3;
		if (n > size)
			n = size;
		uint8_t *copy = malloc(n ? n : 1); /* so that a sanitizer sees its end */
		MUST(copy);
		memcpy(copy, data, n);
		datagrams++;
		struct pv_flow_datagram d = {.bytes = copy,
					     .n = n,
					     .cut = choices & 1,
					     .from = {[15] = choices >> 1 & 3},
					     .time_ns = datagrams * 1000000000,
					     .number = datagrams};
		enum pv_flow_reason r = pv_collector_take(c, &d, fuzz_record, &records);
		MUST(r < PV_FDEC_REASONS);
		MUST(d.cut || r != PV_FDEC_CUT);
		free(copy);
		data += n, size -= n;
	}
	pv_collector_status(c, &s);
	MUST(s.datagrams == datagrams && s.counts.records == records);
	MUST(s.reasons[PV_FDEC_OK] + s.malformed + s.unsupported == datagrams);
	MUST(s.template_bytes <= FUZZ_BUDGET && s.exporters <= 3);
	pv_collector_free(c);
}

#endif
