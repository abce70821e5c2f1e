#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# One capture of everything, replayed through a veth pair into pktvisord with many policies on one tap: each counts what the reader, or the
# pipeline with the same filters, counts in the file. Nothing else is on the wire: no addresses, no IPv6, nobody who answers.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/agent.sh"
[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
command -v tcpreplay >/dev/null || { skip "needs tcpreplay"; exit 0; }
cleanup() { stop_agents; ns_down; }
trap cleanup EXIT
trap 'exit 1' INT TERM
ns_up || { not_ok "two namespaces"; exit 1; }
for side in "ns_c c0 $NS_C" "ns_s s0 $NS_S"; do
	read -r at dev ns <<<"$side"
	$at sysctl -qw "net.ipv6.conf.$dev.disable_ipv6=1"
	ip -n "$ns" addr flush dev "$dev"
done
AT=(ip netns exec "$NS_S")

f=$PWD/all.pcap
parts=()
for name in dns-tcp4 dns-udp6 dns-tcp6 dns-tcp-loss dns-ecs dns-edns dnssec dhcp4 http-mix dns-odd-names; do parts+=("$CAPTURES/$name.pcap"); done
# The pause is for queries and DHCP requests that nobody answers.
total=$(python3 "$TESTS/lib/joinpcap.py" "$f" 2000 "${parts[@]}" +6 "$CAPTURES/dns-udp4.pcap")

# A policy and the pipeline that is the same thing: name, its modules, the filters of the pipeline, options of pv-window.
POLICIES=(
	'net|{net: {type: net}}|pv-net|--modules net'
	'whole|{net: {type: net}, dns: {type: dns}, dhcp: {type: dhcp}, pcap: {type: pcap}}|pv-net @pv-dns @pv-dhcp|--modules net,dns,dhcp,pcap'
	'nx|{dns: {type: dns, filter: {only_rcode: [NXDOMAIN, 5]}}}|pv-dns --only-rcode NXDOMAIN,5|'
	'suffix|{dns: {type: dns, filter: {only_qname_suffix: [.example.org]}}}|pv-dns --only-qname-suffix .example.org|'
	'psl|{dns: {type: dns, filter: {public_suffix_list: true, only_responses: true}}}|pv-dns --public-suffix-list --only-responses|'
	'geo|{net: {type: net, filter: {only_geoloc_prefix: [OC]}}}|pv-net --only-geoloc-prefix OC|'
	'many|{dns: {type: dns, config: {topn_count: 25}}}|pv-dns|--topn 25'
	'few|{net: {type: net, config: {topn_count: 3}}}|pv-net|--topn 3'
	'groups|{dns: {type: dns, metric_groups: {disable: [all], enable: [counters, cardinality]}}}|pv-dns|--disable all --enable counters,cardinality'
	'more|{dns: {type: dns, metric_groups: {enable: [all]}}, net: {type: net, metric_groups: {enable: [all]}}}|pv-dns @pv-net|--enable all'
	'chain|[{dns: {type: dns, filter: {only_qtype: [AAAA]}}}, {net: {type: net}}]|pv-dns --only-qtype AAAA --chain @pv-net|'
	'deep|[{net: {type: net, filter: {only_geoloc_prefix: [OC]}}}, {dns: {type: dns, filter: {only_rcode: [NOERROR]}}}, {dhcp: {type: dhcp}}]|pv-net --only-geoloc-prefix OC --chain @pv-dns --only-rcode NOERROR --chain @pv-dhcp|'
)

# filters "FIRST @SECOND...": each in a process of its own
filters() {
	local first=${1%% @*} geo=("${GEO[@]}")
	[[ $first != pv-dhcp* ]] || geo=()
	if [ "$first" = "$1" ]; then $first "${geo[@]}"; else $first "${geo[@]}" | filters "${1#* @}"; fi
}
# What does not depend on the pace of single packets, as lines.
facts() {
	jq -S "$1"' | walk(if type == "object" then with_entries(select(.key | test("^(rates|period|top_slow|.*_us)$") | not)) else . end)'
}

# counts POLICY JQ: it has counted what is in the file want; each policy's copy is up to a second old
counts() {
	get "/api/v1/policies/$1/metrics/bucket/0" | facts ".[\"$1\"] $2 | add" >got
	cmp -s got want
}

{
	echo "{version: '1.0', visor: {taps: {t: {input_type: pcap, config: {iface: s0, host_spec: '$HOSTS'}}}, policies: {"
	for row in "${POLICIES[@]}"; do
		IFS='|' read -r name modules _ <<<"$row"
		echo "$name: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: $modules}},"
	done
	echo '}}}'
} >agent.yaml
# one period: everything is in it, however long it takes
start --periods 1 --config agent.yaml "${GEO[@]}" || exit 1
ns_c tcpreplay -q -K -i c0 "$f" >replay 2>&1
like "all of the capture is sent" "$(cat replay)" "Successful packets: *$total\$"
seen() { [ "$(get /api/v1/policies/net/metrics/bucket/0 | jq '.net["net-t-net"].packets.total')" = "$total" ]; }
until_true seen
is "every packet of it arrives, and no other" $? 0
is "ten policies and more on one tap: each message was parsed once" "$(self pktvisor_input_messages_total)" \
	"$(pv-capture -r "$f" | pv-dns | pv-dhcp --only | pv-cat --count | awk '/^(dns|dhcp) / { n += $2 } END { print n }')"
is "nobody lost anything" "$(self pktvisor_policy_lost_events_total) $(self pktvisor_packets_dropped_total)" "0 0"
for row in "${POLICIES[@]}"; do
	IFS='|' read -r name _ chain window <<<"$row"
	# shellcheck disable=SC2086
	pv-capture -r "$f" -H "$HOSTS" | filters "$chain" | pv-window --json --periods 1 $window | facts '.["1m"]' >want
	until_true counts "$name" '| with_entries(.key |= sub(".*-"; ""))'
	same "$name: what the pipeline counts, $(grep -c '[0-9]' want) numbers" got want
done
pktvisor-reader "${GEO[@]}" -H "$HOSTS" --periods 1 --modules net,dns,dhcp,pcap "$f" 2>/dev/null | facts '.["1m"]' >want
until_true counts whole ''
same "whole: and what pktvisor-reader counts" got want
finish
is "SIGTERM ends it well" $? 0
