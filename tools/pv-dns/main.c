/* SPDX-License-Identifier: MPL-2.0 */
/* pv-dns - packets in, one dns event per DNS message added. See pv-dns(1). */
#include "dns/analyser.h"
#include "tool/tool.h"

int main(int argc, char **argv)
{
	struct pv_dns_conf conf = {.seed = pv_tool_seed()};
	struct pv_filter_conf filter = {.name = NULL};
	struct pv_tool_geo geo = PV_TOOL_GEO;
	const char *version = "1.0";
	const struct pv_opt opts[] = {
		PV_TOOL_FILTER_OPTS(filter),
		{0, "require-version", PV_OPT_STRING, &version, "VERSION",
		 "what filters mean: as in handler dns 1.0, of messages, or 2.0, of transactions (default: 1.0)", 0, 0},
		PV_TOOL_GEO_OPTS(geo),
	};
	char text[1024] = "", err[128];
	const struct pv_opt_keys keys[] = {
		{"Filters and settings", pv_dns_keys, PV_DNS_KEYS, pv_dns_filter_set, &conf.filter, text, sizeof text},
		{"More filters", pv_dns_keys_more, PV_DNS_KEYS_MORE, pv_dns_filter_set, &conf.filter, text, sizeof text},
	};
	const struct pv_program prog = {
		.name = "pv-dns",
		.summary = "add a dns event for every DNS message of an event stream, with its transaction",
		.synopsis = "[options] < EVENTS > EVENTS",
		.opts = opts,
		.nopts = sizeof opts / sizeof opts[0],
		.keys = keys,
		.nkeys = 2,
	};
	pv_dns_filter_init(&conf.filter);
	pv_tool_start(&prog, argc, argv, NULL);
	if (pv_dns_filter_version(&conf.filter, version, err, sizeof err)) {
		pv_tool_say(&prog, "--require-version: %s", err);
		return PV_EXIT_USAGE;
	}
	filter.filters = text;
	conf.geo = pv_tool_geo_open(&prog, &geo); /* the analyser takes it over, and the filter */
	return pv_tool_filter(&prog, pv_filter_new(&pv_dns_ops, pv_dns_new(&conf), &filter, pv_tool_stdout()));
}
