/* SPDX-License-Identifier: MPL-2.0 */
/* pv-net - packets in, one net event per packet added. See pv-net(1). */
#include "net/analyser.h"
#include "tool/tool.h"

int main(int argc, char **argv)
{
	struct pv_net_conf conf = {.geo = NULL};
	struct pv_filter_conf filter = {.name = NULL};
	struct pv_tool_geo geo = PV_TOOL_GEO;
	bool connections = false;
	const struct pv_opt opts[] = {
		{0, "connections", PV_OPT_FLAG, &connections, NULL,
		 "for totals of connections and protocols: announce handler 'connections' instead of 'net'", 0, 0},
		PV_TOOL_FILTER_OPTS(filter),
		PV_TOOL_GEO_OPTS(geo),
	};
	char text[1024] = "";
	const struct pv_opt_keys keys[] = {
		{"Filters", pv_net_keys, PV_NET_KEYS, pv_net_filter_set, &conf.filter, text, sizeof text},
	};
	const struct pv_program prog = {
		.name = "pv-net",
		.summary = "add a net event (direction, protocol, size, location) for every packet of an event stream",
		.synopsis = "[options] < EVENTS > EVENTS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
		.keys = keys,
		.nkeys = 1,
	};
	pv_net_filter_init(&conf.filter);
	pv_tool_start(&prog, argc, argv, NULL);
	conf.geo = pv_tool_geo_open(&prog, &geo);
	filter.filters = text;
	const struct pv_analyser_ops *ops = connections ? &pv_connections_ops : &pv_net_ops;
	int code = pv_tool_filter(&prog, pv_filter_new(ops, pv_net_new(&conf), &filter, pv_tool_stdout()));
	pv_net_filter_free(&conf.filter);
	return code;
}
