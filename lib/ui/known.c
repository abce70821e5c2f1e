/* SPDX-License-Identifier: MPL-2.0 */
#include "ui/known.h"

#include <fnmatch.h>
#include <stdint.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Tables: a row a line. */
/* clang-format off */
static const struct pv_ui_known_table tables[] = {
    {"flow", "devices", "Devices", 0, false,
     {{"flows", "records_flows", NULL},
      {"filtered", "records_filtered", NULL},
      {"in bit/s", "in_bytes", PV_UI_BITS},
      {"out bit/s", "out_bytes", PV_UI_BITS}}},
    {"flow", "interfaces", "Interfaces, device | interface", 0, false,
     {{"in bit/s", "in_bytes", PV_UI_BITS},
      {"out bit/s", "out_bytes", PV_UI_BITS},
      {"in pkts", "in_packets", NULL},
      {"out pkts", "out_packets", NULL},
      {"in UDP", "in_udp_bytes", "in_bytes"},
      {"in TCP", "in_tcp_bytes", "in_bytes"},
      {"in bytes", "in_bytes", NULL},
      {"out bytes", "out_bytes", NULL},
      {"src IPs", "cardinality.src_ips_in", NULL},
      {"dst IPs", "cardinality.dst_ips_out", NULL}}},
    {"netprobe", "targets", "Targets, the worst first, times in ms", 2, true,
     {{"sent", "attempts", NULL},
      {"ok", "successes", NULL},
      {"ok %", "successes", "attempts"},
      {"time-out", "packets_timeout", NULL},
      {"connect", "connect_failures", NULL},
      {"lookup", "dns_lookup_failures", NULL},
      {"min", "response_min_us", NULL},
      {"max", "response_max_us", NULL},
      {"p50", "response_quantiles_us:p50", NULL},
      {"p99", "response_quantiles_us:p99", NULL}}},
    {"net", "direction", "Directions", 0, false,
     {{"packets", "total_packets", NULL},
      {"UDP", "udp_packets", "total_packets"},
      {"TCP", "tcp_packets", "total_packets"},
      {"SYN", "tcp.syn_packets", "total_packets"},
      {"IPv4", "ipv4_packets", "total_packets"},
      {"IPv6", "ipv6_packets", "total_packets"},
      {"pps", "rates.pps:live", NULL},
      {"p95", "rates.pps:p95", NULL},
      {"IPs", "cardinality.ips", NULL}}},
    {"dns", "direction", "Directions", 0, false,
     {{"xacts", "xacts", NULL},
      {"UDP", "udp_xacts", "xacts"},
      {"TCP", "tcp_xacts", "xacts"},
      {"NOERROR", "noerror_xacts", "xacts"},
      {"NXDOM.", "nxdomain_xacts", "xacts"},
      {"SRVFAIL", "srvfail_xacts", "xacts"},
      {"timed out", "timeout_queries", NULL},
      {"orphans", "orphan_responses", NULL}}},
};

static const struct {
	const char *schema;
	struct pv_ui_column column[PV_UI_HEADLINE_MAX];
} headlines[] = {
    {"packets",
     {{"Pkts", "total", NULL},
      {"In", "in", "total"},
      {"Out", "out", "total"},
      {"UDP", "udp", "total"},
      {"TCP", "tcp", "total"},
      {"SYN", "protocol.tcp.syn", "total"},
      {"Other", "other_l4", "total"},
      {"IPv6", "ipv6", "total"},
      {"IPs in", "cardinality.src_ips_in", NULL},
      {"IPs out", "cardinality.dst_ips_out", NULL},
      {"Filtered", "filtered", "events"}}},
    {"net",
     {{"Pkts", "total_packets", NULL},
      {"UDP", "udp_packets", "total_packets"},
      {"TCP", "tcp_packets", "total_packets"},
      {"SYN", "tcp.syn_packets", "total_packets"},
      {"Other", "other_l4_packets", "total_packets"},
      {"IPs", "cardinality.ips", NULL},
      {"Seen", "observed_packets", NULL},
      {"Filtered", "filtered_packets", "observed_packets"},
      {"Deep samples", "deep_sampled_packets", "observed_packets"}}},
    {"dns",
     {{"Messages", "wire_packets.total", NULL},
      {"Queries", "wire_packets.queries", "wire_packets.total"},
      {"Replies", "wire_packets.replies", "wire_packets.total"},
      {"NXDOMAIN", "wire_packets.nxdomain", "wire_packets.replies"},
      {"SRVFAIL", "wire_packets.srvfail", "wire_packets.replies"},
      {"REFUSED", "wire_packets.refused", "wire_packets.replies"},
      {"TCP", "wire_packets.tcp", "wire_packets.total"},
      {"Filtered", "wire_packets.filtered", "wire_packets.events"},
      {"Xacts", "xact.counts.total", NULL},
      {"Timed out", "xact.counts.timed_out", NULL},
      {"Xacts", "xacts", NULL},
      {"NXDOMAIN", "nxdomain_xacts", "xacts"},
      {"SRVFAIL", "srvfail_xacts", "xacts"},
      {"REFUSED", "refused_xacts", "xacts"},
      {"Timed out", "timeout_queries", NULL},
      {"Orphans", "orphan_responses", NULL},
      {"Qnames", "cardinality.qname", NULL},
      {"Seen", "observed_packets", NULL},
      {"Filtered", "filtered_packets", "observed_packets"},
      {"Deep samples", "deep_sampled_packets", "observed_packets"}}},
    {"dhcp",
     {{"Messages", "wire_packets.total", NULL},
      {"Discover", "wire_packets.discover", "wire_packets.total"},
      {"Offer", "wire_packets.offer", "wire_packets.total"},
      {"Request", "wire_packets.request", "wire_packets.total"},
      {"Ack", "wire_packets.ack", "wire_packets.total"},
      {"DHCPv6 Solicit", "wire_packets.solicit", NULL},
      {"Reply", "wire_packets.reply", NULL}}},
    {"bgp",
     {{"Messages", "wire_packets.total", NULL},
      {"Update", "wire_packets.update", "wire_packets.total"},
      {"Notification", "wire_packets.notification", "wire_packets.total"},
      {"Open", "wire_packets.open", "wire_packets.total"},
      {"Keepalive", "wire_packets.keepalive", "wire_packets.total"},
      {"Route-refresh", "wire_packets.routerefresh", "wire_packets.total"},
      {"Filtered", "wire_packets.filtered", "wire_packets.events"}}},
    {"pcap",
     {{"TCP Errors", "tcp_reassembly_errors", NULL},
      {"OS Drops", "os_drops", NULL},
      {"IF Drops", "if_drops", NULL}}},
    {"connections",
     {{"Connections", "cardinality.connections", NULL},
      {"Bytes", "bytes", NULL},
      {"Pkts", "packets", NULL},
      {"Filtered", "filtered", "events"}}},
    {"flow",
     {{"Flows", "records_flows", NULL},
      {"Filtered", "records_filtered", "records_flows"},
      {"In bit/s", "in_bytes", PV_UI_BITS},
      {"Out bit/s", "out_bytes", PV_UI_BITS},
      {"In bytes", "in_bytes", NULL},
      {"In pkts", "in_packets", NULL},
      {"UDP", "in_udp_bytes", "in_bytes"},
      {"TCP", "in_tcp_bytes", "in_bytes"},
      {"Out bytes", "out_bytes", NULL},
      {"Out pkts", "out_packets", NULL},
      {"Src IPs", "cardinality.src_ips_in", NULL},
      {"Dst IPs", "cardinality.dst_ips_out", NULL}}},
    {"netprobe",
     {{"Sent", "attempts", NULL},
      {"Ok", "successes", "attempts"},
      {"Timed out", "packets_timeout", "attempts"},
      {"Connect failed", "connect_failures", "attempts"},
      {"Lookup failed", "dns_lookup_failures", "attempts"}}},
    {"input_resources",
     {{"Policies", "policy_count", NULL},
      {"Handlers", "handler_count", NULL},
      {"Measured", "total", NULL}}},
};

/* Who, whom, with what; then the rest. */
static const struct {
	const char *schema, *path;
} ranks[] = {
    {"packets", "top_ipv4"},
    {"packets", "top_ipv6"},
    {"packets", "top_ASN"},
    {"packets", "top_geoLoc"},
    {"net", "top_ipv4_packets"},
    {"net", "top_ipv6_packets"},
    {"net", "top_asn_packets"},
    {"net", "top_geo_loc_packets"},
    {"dns", "top_qname2*"},
    {"dns", "top_qname3*"},
    {"dns", "top_rcode*"},
    {"dns", "top_qtype*"},
    {"dns", "top_nxdomain*"},
    {"dns", "top_srvfail*"},
    {"dns", "top_refused*"},
    {"dns", "*top_slow*"},
    {"dns", "top_udp_ports*"},
    {"connections", "top_connections"},
    {"flow", "top_in_dst_ips_bytes"},
    {"flow", "top_in_src_ips_bytes"},
    {"flow", "top_in_dst_ports_bytes"},
    {"flow", "top_in_src_ports_bytes"},
    {"flow", "top_conversations_bytes"},
    {"flow", "top_in_dst_ips_packets"},
    {"flow", "top_in_src_ips_packets"},
    {"flow", "top_in_*"},
    {"flow", "top_conversations_*"},
};

static const char *const facts[] = {
    "bps", "bytes", "pps", "packets", "bytes_ab", "bytes_ba", "packets_ab", "packets_ba",
};

/* The first that matches counts. A base is looked for in the metric's section, then in section 0. */
static const struct base {
	const char *schema, *path, *base;
} bases[] = {
    {"packets", "top_*", "deep_samples"},
    {"packets", "in", "total"},
    {"packets", "out", "total"},
    {"packets", "udp", "total"},
    {"packets", "tcp", "total"},
    {"packets", "other_l4", "total"},
    {"packets", "ipv4", "total"},
    {"packets", "ipv6", "total"},
    {"packets", "unknown_dir", "total"},
    {"packets", "filtered", "events"},
    {"packets", "deep_samples", "events"},
    {"net", "top_*", "total_packets"},
    {"net", "*_packets", "total_packets"},
    {"dns", "wire_packets.events", NULL},
    {"dns", "wire_packets.deep_samples", "wire_packets.events"},
    {"dns", "top_*_bytes", NULL},
    {"dns", "top_*_xacts", "xacts"},
    {"dns", "xacts", NULL},
    {"dns", "*_xacts", "xacts"},
    {"dns", "top_rcode", "wire_packets.replies"},
    {"dns", "top_nxdomain", "wire_packets.replies"},
    {"dns", "top_refused", "wire_packets.replies"},
    {"dns", "top_srvfail", "wire_packets.replies"},
    {"dns", "top_no*", "wire_packets.replies"},
    {"dns", "top_*", "wire_packets.total"},
    {"dns", "xact.*top_slow", "xact.counts.total"},
    {"dns", "xact.*.total", "xact.counts.total"},
    {"dns", "wire_packets.no*", "wire_packets.replies"},
    {"dns", "wire_packets.srvfail", "wire_packets.replies"},
    {"dns", "wire_packets.nxdomain", "wire_packets.replies"},
    {"dns", "wire_packets.refused", "wire_packets.replies"},
    {"dns", "wire_packets.filtered", "wire_packets.events"},
    {"dns", "wire_packets.*", "wire_packets.total"},
    {"dhcp", "wire_packets.events", NULL},
    {"dhcp", "wire_packets.deep_samples", "wire_packets.events"},
    {"dhcp", "wire_packets.filtered", "wire_packets.events"},
    {"dhcp", "wire_packets.solicit", NULL}, /* the total is of DHCPv4 alone */
    {"dhcp", "wire_packets.advertise", NULL},
    {"dhcp", "wire_packets.request_v6", NULL},
    {"dhcp", "wire_packets.reply", NULL},
    {"dhcp", "wire_packets.confirm", NULL},
    {"dhcp", "wire_packets.renew", NULL},
    {"dhcp", "wire_packets.rebind", NULL},
    {"dhcp", "wire_packets.release_v6", NULL},
    {"dhcp", "wire_packets.decline_v6", NULL},
    {"dhcp", "wire_packets.reconfigure", NULL},
    {"dhcp", "wire_packets.information_request", NULL},
    {"dhcp", "top_*", "wire_packets.total"},
    {"dhcp", "wire_packets.*", "wire_packets.total"},
    {"bgp", "wire_packets.events", NULL},
    {"bgp", "wire_packets.deep_samples", "wire_packets.events"},
    {"bgp", "wire_packets.filtered", "wire_packets.events"},
    {"bgp", "wire_packets.*", "wire_packets.total"},
    {"connections", "top_*", "bytes"},
    {"flow", "top_in_interfaces_*", NULL},
    {"flow", "top_out_interfaces_*", NULL},
    {"flow", "top_in_*_bytes", "in_bytes"},
    {"flow", "top_out_*_bytes", "out_bytes"},
    {"flow", "top_in_*_packets", "in_packets"},
    {"flow", "top_out_*_packets", "out_packets"},
    {"flow", "in_*_bytes", "in_bytes"},
    {"flow", "out_*_bytes", "out_bytes"},
    {"flow", "in_*_packets", "in_packets"},
    {"flow", "out_*_packets", "out_packets"},
    {"netprobe", "successes", "attempts"},
    {"netprobe", "*_failures", "attempts"},
    {"netprobe", "packets_timeout", "attempts"},
};
/* clang-format on */

const struct pv_ui_known_table *pv_ui_known_table(const char *schema, const char *map)
{
	for (size_t i = 0; i < LEN(tables); i++)
		if (!strcmp(tables[i].schema, schema) && !strcmp(tables[i].map, map))
			return &tables[i];
	return NULL;
}

const struct pv_ui_column *pv_ui_known_headline(const char *schema)
{
	for (size_t i = 0; i < LEN(headlines); i++)
		if (!strcmp(headlines[i].schema, schema))
			return headlines[i].column;
	return NULL;
}

size_t pv_ui_known_rank(const char *schema, const char *path)
{
	for (size_t i = 0; i < LEN(ranks); i++)
		if (!strcmp(ranks[i].schema, schema) && !fnmatch(ranks[i].path, path, 0))
			return i;
	return LEN(ranks);
}

size_t pv_ui_known_fact_rank(const char *fact)
{
	size_t i = 0;
	while (i < LEN(facts) && strcmp(facts[i], fact))
		i++;
	return i;
}

double pv_ui_base(const struct pv_ui_handler *h, const struct pv_ui_section *s, const char *path)
{
	for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
		const struct base *b = &bases[i];
		if (strcmp(b->schema, h->schema) || fnmatch(b->path, path, 0))
			continue;
		const struct pv_ui_metric *m =
		    b->base && strcmp(b->base, path) ? pv_ui_metric(s, b->base) : NULL;
		if (!m && b->base && strcmp(b->base, path))
			m = pv_ui_metric(h->section, b->base);
		return m && m->kind == PV_UI_NUMBER ? m->n.d : 0;
	}
	return 0;
}
