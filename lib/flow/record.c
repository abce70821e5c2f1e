/* SPDX-License-Identifier: MPL-2.0 */
#include "flow/record.h"

#include <string.h>

bool pv_flow_reason_unsupported(enum pv_flow_reason r)
{
	return r > PV_FDEC_OK && r < PV_FDEC_CUT;
}

void pv_flow_ipv4(uint8_t to[16], const uint8_t from[4])
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	memcpy(to, prefix, sizeof prefix);
	memcpy(to + sizeof prefix, from, 4);
}

bool pv_flow_has_ports(uint8_t proto)
{
	enum { TCP = 6, UDP = 17, DCCP = 33, SCTP = 132, UDPLITE = 136 };
	return proto == TCP || proto == UDP || proto == SCTP || proto == DCCP || proto == UDPLITE;
}

void pv_flow_record(const struct pv_flow_to *to, struct pv_flow *f)
{
	if (!pv_flow_has_ports(f->proto))
		f->sport = f->dport = 0;
	if (!f->rate)
		f->rate = 1;
	to->counts->records++;
	to->record(to->ctx, f);
}
