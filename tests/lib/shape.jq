# SPDX-License-Identifier: MPL-2.0
# What metrics of the default handlers look like: prints what is missing or of another kind, a line each. Input: an answer of
# /api/v1/policies/__all/metrics/.... Other members are welcome.

def int: type == "number" and . == floor;
def quantiles: type == "object" and (del(.live) | keys == ["p50", "p90", "p95", "p99"] and all(.[]; type == "number"));
def rate: quantiles or (keys == ["live"]);
def list: type == "array" and all(.[]; (.name | type == "string") and (.estimate | int));

# paths that must be there, by kind
def wanted:
	if . == "packets" then {
		int: ["cardinality.dst_ips_out", "cardinality.src_ips_in", "deep_samples", "filtered", "in", "out", "ipv4", "ipv6", "other_l4",
			"tcp", "udp", "total", "protocol.tcp.syn"],
		rate: ["rates.bytes_in", "rates.bytes_out", "rates.pps_in", "rates.pps_out", "rates.pps_total"],
		list: ["top_ASN", "top_geoLoc", "top_ipv4", "top_ipv6"]}
	elif . == "dns" then {
		int: ((["filtered", "deep_samples", "ipv4", "ipv6", "nodata", "noerror", "nxdomain", "queries", "refused", "replies", "srvfail", "tcp", "total",
			"udp"] | map("wire_packets." + .)) + ["cardinality.qname", "xact.counts.timed_out", "xact.counts.total", "xact.in.total", "xact.out.total"]),
		rate: ["rates.total"],
		list: ["top_nodata", "top_nxdomain", "top_qname2", "top_qname3", "top_qtype", "top_rcode", "top_refused", "top_srvfail", "top_udp_ports",
			"xact.in.top_slow", "xact.out.top_slow"]}
	elif . == "dhcp" then {
		int: (["ack", "deep_samples", "discover", "filtered", "offer", "request", "total"] | map("wire_packets." + .)),
		rate: ["rates.total"], list: ["top_clients", "top_servers"]}
	elif . == "pcap" then {int: ["if_drops", "os_drops", "tcp_reassembly_errors"]}
	elif . == "input_resources" then {int: ["deep_samples", "handler_count", "policy_count", "total"], rate: ["event_rate"]}
	else {int: ["a handler of this kind"]} end;

def suffixes: {"-net": "packets", "-dhcp": "dhcp", "-dns": "dns", "-pcap_stats": "pcap", "-resources": "input_resources"};

to_entries[] | .value | to_entries[] | .key as $name |
	([suffixes | to_entries[] | select(.key as $s | $name | endswith($s)) | .value][0] // "known kind") as $schema |
	.value[$schema] as $metrics |
	if $metrics == null then "\($name): no \($schema)" else
		($schema | wanted) as $w |
		($w.int + ["period.length", "period.start_ts"] | .[] | select(split(".") as $p | $metrics | getpath($p) | int | not) | "\($name): \(.): no whole number"),
		($w.rate // [] | .[] | select(split(".") as $p | $metrics | getpath($p) | rate | not) | "\($name): \(.): no rate"),
		($w.list // [] | .[] | select(split(".") as $p | $metrics | getpath($p) | list | not) | "\($name): \(.): no list")
	end
