#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# 20,000 packets a second into pktvisord while 64 connections ask for metrics without a pause, and others ask slowly or not at all: the kernel
# drops nothing, no policy loses anything, the counts are exact, and whoever asks properly is answered.
# Alone: it needs both processors.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/agent.sh"
[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
for program in tcpreplay wrk; do command -v $program >/dev/null || { skip "no $program"; exit 0; }; done
CLIENTS=()
cleanup() { [ ${#CLIENTS[@]} -eq 0 ] || kill "${CLIENTS[@]}" 2>/dev/null; stop_agents; ns_down; }
trap cleanup EXIT
trap 'exit 1' INT TERM
ns_up || { not_ok "two namespaces"; exit 1; }
ns_c sysctl -qw net.ipv6.conf.c0.disable_ipv6=1
ns_s sysctl -qw net.ipv6.conf.s0.disable_ipv6=1
AT=(ip netns exec "$NS_S")

cat >agent.yaml <<'END'
version: "1.0"
visor:
  taps: {t: {input_type: pcap, config: {iface: s0, host_spec: 192.0.2.53/32, bpf: udp port 53}}}
  policies:
    default: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {n: {type: net}, d: {type: dns}, h: {type: dhcp}, p: {type: pcap}}}}
    nx: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {d: {type: dns, filter: {only_rcode: [NXDOMAIN]}}}}}
    chain: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: [{d: {type: dns, filter: {only_qtype: [A]}}}, {n: {type: net}}]}}
END
start --config agent.yaml || exit 1
port=${URL##*:}
f=$CAPTURES/dns-udp4.pcap # 906 packets, 453 queries
number() { get "/api/v1/metrics/window/5" | jq ".\"5m\".$1"; }

# asking PATH: 20,000 packets a second for three seconds, and wrk meanwhile
loops=66 sent=0
asking() {
	ns_c tcpreplay -q -K -i c0 --loop $loops --pps 20000 "$f" >replay 2>&1 & local replay=$!
	ns_s wrk -t1 -c64 -d3s --timeout 10s "$URL$1" >wrk 2>&1
	wait $replay
	sent=$((sent + loops * 906))
	grep -q 'requests in' wrk && ! grep -q 'Non-2xx\|Socket errors' wrk
	is "64 connections that ask for $1 without a pause are all answered" $? 0
	sed -n 's/^Requests\/sec: */# requests a second: /p; s/ *Latency */# latency: /p' wrk >&2
	sed -n 's/^Rated: /# /p' replay >&2
	until_true counted
	is "and every one of $sent packets is counted" "$(number packets.total)" $sent
}
counted() { [ "$(number packets.total)" = $sent ]; }

asking /metrics
asking /api/v1/metrics/window/2
asking /api/v1/policies/__all/metrics/window/5

# Clients that behave badly, more than the server has places for, from addresses of their own; and wrk again.
for i in 2 3 4; do
	ns_s python3 "$TESTS/lib/slowclients.py" half "$port" 250 100 127.0.0.$i >half.$i 2>&1 & CLIENTS+=($!)
done
ns_s python3 "$TESTS/lib/slowclients.py" stuck "$port" /metrics 50 100 >stuck 2>&1 & CLIENTS+=($!)
bad_are_there() { [ "$(cat half.? stuck | grep -c ready)" = 4 ]; }
until_true bad_are_there
is "750 half requests and 50 who do not read are there" $? 0
asking /api/v1/policies/__all/metrics/prometheus

for n in dns.wire_packets.queries dns.wire_packets.replies; do is "$n: exact" "$(number $n)" $((sent / 2)); done
get /api/v1/policies/__all/metrics/window/5 >all
want=$((sent / 906))
pktvisor-reader -b "udp port 53" -H 192.0.2.53/32 "$f" >reader 2>/dev/null
is "NXDOMAIN: exact" "$(number dns.wire_packets.nxdomain)" $((want * $(jq '."5m".dns.wire_packets.nxdomain' reader)))
is "so in a policy with a filter" "$(jq '.nx["nx-t-d"].dns.wire_packets.nxdomain' all)" "$(number dns.wire_packets.nxdomain)"
is "and in a chain" "$(jq '.chain["chain-t-n"].packets.total' all)" $((want * $(jq '."5m".dns.top_qtype[] | select(.name == "A") | .estimate' reader)))
is "distinct names: those of the capture" "$(number dns.cardinality.qname)" "$(jq '."5m".dns.cardinality.qname' reader)"
is "os_drops stays 0" "$(number pcap.os_drops) $(self pktvisor_packets_dropped_total)" "0 0"
is "no policy lost anything" "$(self pktvisor_policy_lost_events_total)" 0
finish
is "SIGTERM ends it well" $? 0
