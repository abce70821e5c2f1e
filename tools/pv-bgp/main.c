/* SPDX-License-Identifier: MPL-2.0 */
/* pv-bgp - packets in, one bgp event per BGP message added. See pv-bgp(1). */
#include "bgp/analyser.h"
#include "tool/tool.h"

int main(int argc, char **argv)
{
	const struct pv_bgp_conf conf = {.seed = pv_tool_seed()};
	struct pv_filter_conf filter = {.name = NULL};
	const struct pv_opt opts[] = {PV_TOOL_FILTER_OPTS(filter)};
	const struct pv_program prog = {
		.name = "pv-bgp",
		.summary = "add a bgp event for every BGP message of an event stream",
		.synopsis = "[options] < EVENTS > EVENTS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
	};
	pv_tool_start(&prog, argc, argv, NULL);
	return pv_tool_filter(&prog, pv_filter_new(&pv_bgp_ops, pv_bgp_new(&conf), &filter, pv_tool_stdout()));
}
