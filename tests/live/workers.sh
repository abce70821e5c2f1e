#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# One capture of everything, replayed through a veth pair into pktvisord with two workers and with four: both count what the reader
# counts in the file, to the packet; each worker had a share. The interface goes down and away, and all of them come back.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/agent.sh"
[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
command -v tcpreplay >/dev/null || { skip "needs tcpreplay"; exit 0; }
cleanup() { stop_agents; ns_down; }
trap cleanup EXIT
trap 'exit 1' INT TERM
ns_up || { not_ok "two namespaces"; exit 1; }
# quiet: nothing is on the wire but what is replayed, and nobody answers
quiet() {
	local at dev ns
	for side in "ns_c c0 $NS_C" "ns_s s0 $NS_S"; do
		read -r at dev ns <<<"$side"
		$at sysctl -qw "net.ipv6.conf.$dev.disable_ipv6=1"
		ip -n "$ns" addr flush dev "$dev"
	done
}
quiet
AT=(ip netns exec "$NS_S")

# Opened five times in the middle of traffic: between opening and joining the others a worker gets what they get.
ns_s "$BUILD/tests/pvworkers" 4 5 >split
like "numbered packets are each in one worker from the first on, and a flow in the same" "$(cat split)" '^seen [0-9]{3,} twice 0 missing 0 strayed 0 idle 0 lost 0$'

f=$PWD/all.pcap
parts=()
for name in dns-tcp4 dns-udp6 dns-tcp6 dns-tcp-loss dns-ecs dnssec dhcp4 dhcp6 http-mix dns-odd-names; do parts+=("$CAPTURES/$name.pcap"); done
# The pause is for queries and DHCP requests that nobody answers.
total=$(python3 "$TESTS/lib/joinpcap.py" "$f" 4000 "${parts[@]}" +6 "$CAPTURES/dns-udp4.pcap")
facts() {
	jq -S "$1"' | walk(if type == "object" then with_entries(select(.key | test("^(rates|period|top_slow|.*_us)$") | not)) else . end)'
}
pktvisor-reader "${GEO[@]}" -H "$HOSTS" --periods 1 --modules net,dns,dhcp,pcap "$f" 2>/dev/null | facts '.["1m"]' >want
pv-capture -r "$f" -H "$HOSTS" | pv-dns --only-qtype AAAA --chain | pv-net "${GEO[@]}" | pv-window --json --periods 1 | facts '.["1m"]' >want.chain
cat >agent.yaml <<YAML
{version: '1.0', visor: {taps: {t: {input_type: pcap, config: {iface: s0, host_spec: '$HOSTS'}}}, policies: {
  whole: {kind: collection, input: {tap: t, input_type: pcap},
    handlers: {modules: {net: {type: net}, dns: {type: dns}, dhcp: {type: dhcp}, pcap: {type: pcap}}}},
  chain: {kind: collection, input: {tap: t, input_type: pcap},
    handlers: {modules: [{dns: {type: dns, filter: {only_qtype: [AAAA]}}}, {net: {type: net}}]}}}}}
YAML

seen() { get /api/v1/policies/whole/metrics/bucket/0 | jq '.whole["whole-t-net"].packets.total'; }
saw() { [ "$(seen)" = "$1" ]; }
# counts POLICY FILE: it has counted that; copies of policies are made one after the other
counts() {
	get "/api/v1/policies/$1/metrics/bucket/0" | facts ".$1"' | with_entries(.key |= sub(".*-"; "")) | add' >got
	cmp -s got "$2"
}
# packets: of each worker, sorted
packets() { get /api/v1/policies/__all/metrics/prometheus | awk '/^pktvisor_worker_packets_total\{/ { print $NF }' | sort -n; }

# Two agents on one interface, of one period, in which everything is, however long it takes, each with a group of its own. One worker: agent-replay.sh.
declare -A url pid
for workers in 2 4; do
	LOG=log.$workers
	start --workers $workers --periods 1 --config agent.yaml "${GEO[@]}" || exit 1
	url[$workers]=$URL pid[$workers]=$PID
done
to() { URL=${url[$1]} PID=${pid[$1]} LOG=log.$1; }
ns_c tcpreplay -q -K -i c0 "$f" >replay 2>&1
like "all of the capture is sent" "$(cat replay)" "Successful packets: *$total\$"
for workers in 2 4; do
	to $workers
	until_true saw "$total"
	is "$workers: every packet arrives, and none twice" "$(seen)" "$total"
	until_true counts whole want
	same "$workers: what pktvisor-reader counts, $(grep -c '[0-9]' want) numbers" got want
	until_true counts chain want.chain
	same "$workers: and what a chain of filters counts" got want.chain
	is "$workers: nobody lost anything" "$(self pktvisor_policy_lost_events_total) $(self pktvisor_packets_dropped_total)" "0 0"
	is "$workers: what was received is told once" \
		"$(get /api/v1/policies/__all/metrics/prometheus | awk '/^pktvisor_packets_received_total\{.*policy="whole".*stage="pcap"/ { print $NF }')" "$total"
	is "$workers: one stream, on one input" "$(get /api/v1/metrics/app | jq -c '[.app.inputs[] | select(.policy == "whole") | [.state, .tap]]')" '[["running","t"]]'
	resources=$(get /api/v1/policies | jq -r 'keys[] | select(test("-resources$"))')
	is "$workers: policies and handlers of the input, a chain is one" \
		"$(get "/api/v1/policies/$resources/metrics/bucket/0" | jq -c '.[] | .[] | .input_resources | [.policy_count, .handler_count]')" '[2,5]'
	packets >share
	is "$workers: the packets of all workers" "$(awk '{ n += $1 } END { print n, NR }' share)" "$total $workers"
	[ $workers = 4 ] || { finish; is "$workers: SIGTERM ends it well" $? 0; }
done
if [ "$(head -n 1 share)" -ge $((total / 40)) ] && [ "$(tail -n 1 share)" -le $((total * 7 / 10)) ]; then ok "each of four has a share"; else
	cat share; not_ok "each of four has a share"
fi

# down and up
ip -n "$NS_S" link set s0 down; sleep 0.05; ip -n "$NS_S" link set s0 up
back() { [ "$(grep -c 'opened again\|is up again' "$LOG")" -ge "$1" ]; }
until_true back 1
ns_c tcpreplay -q -K -p 2000 -i c0 "$CAPTURES/dns-udp4.pcap" >replay 2>&1
more=$(awk '/Successful packets/ { print $3 }' replay)
until_true saw $((total + more))
is "down and up: every packet, and none twice" "$(seen)" $((total + more))
is "one interface that went down once" "$(self pktvisor_input_link_down_total)" 1
# another device of its name
ip -n "$NS_S" link del s0
gone() { grep 's0: ' "$LOG" | tail -n 1 | grep -q 'has gone'; }
until_true gone
ip -n "$NS_C" link add c0 address 02:00:00:00:00:0c type veth peer name s0 address 02:00:00:00:00:05 netns "$NS_S"
quiet
ip -n "$NS_C" link set c0 up; ip -n "$NS_S" link set s0 up
until_true back 2
packets >before
# of 182 flows: of a dozen one worker in thirty has none
ns_c tcpreplay -q -K -p 2000 -i c0 "$CAPTURES/dns-each.pcap" >replay 2>&1
more=$((more + $(awk '/Successful packets/ { print $3 }' replay)))
until_true saw $((total + more))
is "away and back: every packet, and none twice" "$(seen)" $((total + more))
packets >after
is "and all four work again" "$(paste before after | awk '$2 > $1' | wc -l)" 4
is "nobody lost anything" "$(self pktvisor_policy_lost_events_total) $(self pktvisor_packets_dropped_total)" "0 0"
unprivileged "four workers"
finish
is "SIGTERM ends it well" $? 0
