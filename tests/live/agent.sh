#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# pktvisord on a real interface: many policies on one input, an interface that goes away, taps and policies that come and go under
# traffic.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/agent.sh"
[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
command -v tcpreplay >/dev/null || { skip "needs tcpreplay"; exit 0; }
trap 'stop_agents; ns_down' EXIT
trap 'exit 1' INT TERM
ns_up || { not_ok "two namespaces"; exit 1; }
ns_c sysctl -qw net.ipv6.conf.c0.disable_ipv6=1
ns_s sysctl -qw net.ipv6.conf.s0.disable_ipv6=1

AT=(ip netns exec "$NS_S")

{
	echo '{version: "1.0", visor: {taps: {t: {input_type: pcap, config: {iface: s0, host_spec: 192.0.2.53/32, bpf: udp port 53}}}, policies: {'
	for i in 1 2 3 4 5 6 7 8; do
		echo "same$i: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {d: {type: dns}, n: {type: net}}}},"
	done
	echo 'nx: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {d: {type: dns, filter: {only_rcode: [NXDOMAIN]}}}}},'
	echo 'chain: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: [{d: {type: dns, filter: {only_qtype: [A]}}}, {n: {type: net}}]}}'
	echo '}}}'
} >agent.yaml
start --config agent.yaml || exit 1

f=$CAPTURES/dns-udp4.pcap
ns_c tcpreplay -q -K -i c0 --pps 2000 "$f" >replay 2>&1 || cat replay
all_in() { [ "$(get /api/v1/policies/same1/metrics/bucket/0 | jq '.same1["same1-t-n"].packets.total')" = 906 ]; }
until_true all_in
is "every packet of a replayed capture arrives" $? 0
pktvisor-reader -b "udp port 53" -H 192.0.2.53/32 "$f" >want 2>/dev/null

# what does not depend on the pace
facts='del(.. | .rates?, .period?, .in?.quantiles_us?, .out?.quantiles_us?, .top_slow?, .top_udp_ports?)'
for i in 1 8; do
	get "/api/v1/policies/same$i/metrics/bucket/0" | jq -S ".same$i | [.[\"same$i-t-d\"].dns, .[\"same$i-t-n\"].packets] | $facts" >got
	jq -S "[.[\"5m\"].dns, .[\"5m\"].packets] | $facts" want >facts
	same "policy $i of ten counts what the reader counts: counters, top lists, distinct" got facts
done
is "one filters" "$(get /api/v1/policies/nx/metrics/bucket/0 | jq -c '.nx["nx-t-d"].dns.wire_packets | [.total, .filtered]')" "[502,404]"
chain=$(pv-capture -r "$f" -b "udp port 53" | pv-dns --only-qtype A --chain | pv-net | pv-window --json --periods 1 --modules net | jq '.["1m"].packets.total')
is "one is a chain" "$(get /api/v1/policies/chain/metrics/bucket/0 | jq '.chain["chain-t-n"].packets.total')" "$chain"
get /api/v1/policies/__all/metrics/prometheus >prom
is "each message was parsed once" "$(awk '/^pktvisor_input_messages_total/ { print $NF }' prom)" 906
is "nobody lost anything" "$(awk '/^pktvisor_policy_lost_events_total/ { n += $NF } END { print n + 0 }' prom)" 0
is "no thread has an effective capability" "$(grep -h CapEff /proc/"$PID"/task/*/status | sort -u | awk '{ print $2 }')" 0000000000000000

# 36,240 packets in two seconds, while somebody asks all the time.
( while :; do get /api/v1/policies/__all/metrics/bucket/0 >/dev/null; get /metrics >/dev/null; done ) & asker=$!
ns_c tcpreplay -q -K -i c0 --loop 40 --pps 18000 "$f" >replay 2>&1
kill $asker; wait $asker 2>/dev/null
loaded() { [ "$(get /api/v1/policies/same1/metrics/window/2 | jq '.same1["same1-t-n"].packets.total')" = $((41 * 906)) ]; }
until_true loaded
is "ten policies count each of 18,000 packets a second while their metrics are read" $? 0
get /api/v1/policies/__all/metrics/prometheus >prom
is "none of them lost anything" "$(awk '/^pktvisor_policy_lost_events_total/ { n += $NF } END { print n + 0 }' prom)" 0
is "nor did the kernel" "$(awk '/^pktvisor_packets_dropped_total/ { n += $NF } END { print n + 0 }' prom)" 0

ip -n "$NS_S" link set s0 down
down() { [ "$(get /api/v1/policies/__all/metrics/prometheus | awk '/^pktvisor_input_link_down_total/ { print $NF }')" = 1 ]; }
until_true down
is "an interface that goes down is counted" $? 0
ip -n "$NS_S" link set s0 up
sleep 2.5
ns_c tcpreplay -q -K -i c0 --pps 2000 "$f" >replay 2>&1
twice() { [ "$(get /api/v1/policies/same1/metrics/window/2 | jq '.same1["same1-t-n"].packets.total')" = $((42 * 906)) ]; }
until_true twice
is "and captured from again when it is back" $? 0
like "the log tells of both" "$(grep -c 'input t-.*: s0: .*\(down\|up again\|opened again\)' log)" '^[1-9]'
kill -TERM $PID; wait $PID
is "SIGTERM ends it well" $? 0

# Rounds of ten changes each; resident memory and descriptors after half of them and at the end.
rounds=${ROUNDS:-200}
ip netns exec "$NS_S" "$BUILD/tests/pvchurn" lo "$rounds" >churn 2>err
is "$rounds rounds of creating and deleting taps and policies under traffic" $? 0
[ -s err ] && tail -n 20 err
read -r rss0 fds0 threads0 < <(sed -n 1p churn)
read -r rss1 fds1 threads1 < <(sed -n 2p churn)
is "leave no descriptors and no threads" "$fds1 $threads1" "$fds0 $threads0"
if [ $((rss1 - rss0)) -lt 8192 ]; then ok "and no memory"; else cat churn; not_ok "and no memory"; fi
like "the policy that stayed lost nothing" "$(sed -n 3,4p churn)" '^stays lost 0 of [1-9]'
