/* SPDX-License-Identifier: MPL-2.0 */
/* pv-dhcp - packets in, one dhcp event per DHCP message added. See pv-dhcp(1). */
#include "dhcp/analyser.h"
#include "tool/tool.h"

int main(int argc, char **argv)
{
	struct pv_dhcp_conf conf = {.seed = pv_tool_seed()};
	struct pv_filter_conf filter = {.name = NULL};
	const struct pv_opt opts[] = {PV_TOOL_FILTER_OPTS(filter)};
	char text[256] = "";
	const struct pv_opt_keys keys[] = {
		{"Settings", pv_dhcp_keys, pv_dhcp_nkeys, pv_dhcp_set, &conf, text, sizeof text},
	};
	const struct pv_program prog = {
		.name = "pv-dhcp",
		.summary = "add a dhcp event for every DHCPv4 and DHCPv6 message of an event stream",
		.synopsis = "[options] < EVENTS > EVENTS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
		.keys = keys,
		.nkeys = 1,
	};
	pv_tool_start(&prog, argc, argv, NULL);
	filter.filters = text;
	return pv_tool_filter(&prog, pv_filter_new(&pv_dhcp_ops, pv_dhcp_new(&conf), &filter, pv_tool_stdout()));
}
