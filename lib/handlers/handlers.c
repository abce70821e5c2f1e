/* SPDX-License-Identifier: MPL-2.0 */
#include "handlers/handlers.h"

#include <stddef.h>

#include "bgp/metrics.h"
#include "dhcp/metrics.h"
#include "dns/metrics.h"
#include "flow/metrics.h"
#include "net/metrics.h"
#include "pcapstat/metrics.h"
#include "probe/metrics.h"
#include "resources/metrics.h"

const struct pv_handler *const pv_handlers[] = {
	&pv_net_v1,
	&pv_net_v2,
	&pv_connections_v1,
	&pv_dns_v1,
	&pv_dns_v2,
	&pv_dhcp_v1,
	&pv_bgp_v1,
	&pv_flow_v1,
	&pv_netprobe_v1,
	&pv_pcap_v1,
	&pv_input_resources_v1,
	NULL,
};

const struct pv_builtin_input pv_inputs[] = {
	{"pcap", "1.0"},
	{"flow", "1.0"},
	{"sflow", "1.0"}, /* another name of flow */
	{"dnstap", "1.0"},
	{"mock", "1.0"},
	{"netprobe", "1.0"},
	{NULL, NULL},
};
