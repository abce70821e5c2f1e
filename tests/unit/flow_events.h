/* SPDX-License-Identifier: MPL-2.0 */
/* tests/unit/flow_events.h - FLOW events made by hand. */
#ifndef TESTS_FLOW_EVENTS_H
#define TESTS_FLOW_EVENTS_H

#include <arpa/inet.h>
#include <string.h>

#include "unit/stream_util.h"

UNUSED static void flow_addr(uint8_t to[16], const char *text)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	memset(to, 0, 16);
	if (inet_pton(AF_INET, text, to + 12) == 1)
		memcpy(to, mapped, 12);
	else if (*text && inet_pton(AF_INET6, text, to) != 1)
		abort();
}

/* TCP from src:sport to dst:dport, in by 1 and out by 2, 1000 bytes in 10 packets; device 10.0.0.1. */
UNUSED static struct pv_flow flow_record(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct pv_flow f = {
	    .ev = {sizeof f, PV_EV_FLOW, 0, 1000 * SEC},
	    .packet = 1,
	    .bytes = 1000,
	    .packets = 10,
	    .rate = 1,
	    .in_if = 1,
	    .out_if = 2,
	    .sport = sport,
	    .dport = dport,
	    .l3 = strchr(src, ':') ? 6 : 4,
	    .proto = 6,
	    .stage = 1,
	    .source = PV_FLOW_NETFLOW_V5,
	    .bits = PV_FLOW_IN | PV_FLOW_OUT,
	};
	flow_addr(f.src, src);
	flow_addr(f.dst, dst);
	flow_addr(f.device, "10.0.0.1");
	return f;
}

#endif
