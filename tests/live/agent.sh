#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# pktvisord on a real interface: one that goes away and comes back, and what its threads may do meanwhile. What it counts:
# agent-replay.sh; what it bears: agent-load.sh; policies that come and go: ../scenarios/threads-churn.sh.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/agent.sh"
[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
command -v tcpreplay >/dev/null || { skip "needs tcpreplay"; exit 0; }
cleanup() { stop_agents; ns_down; }
trap cleanup EXIT
trap 'exit 1' INT TERM
ns_up || { not_ok "two namespaces"; exit 1; }
ns_c sysctl -qw net.ipv6.conf.c0.disable_ipv6=1
ns_s sysctl -qw net.ipv6.conf.s0.disable_ipv6=1
AT=(ip netns exec "$NS_S")

f=$CAPTURES/dns-udp4.pcap # 906 packets
replay() { ns_c tcpreplay -q -K -i c0 --pps 2000 "$f" >replay 2>&1 || cat replay; }
# packets POLICY N: it has counted so many
packets() { [ "$(get "/api/v1/policies/$1/metrics/window/5" | jq ".$1[\"$1-t-n\"].packets.total")" = "$2" ]; }
policy() { echo "{visor: {policies: {$1: {kind: collection, input: {tap: $2, input_type: pcap}, handlers: {modules: {d: {type: dns}, n: {type: net}}}}}}}"; }

start --admin-api || exit 1
unprivileged "before there is an input"
is "a tap on an interface" "$(post taps '{visor: {taps: {t: {input_type: pcap, config: {iface: s0, host_spec: 192.0.2.53/32, bpf: udp port 53}}}}}')" 201
is "and a policy, by request" "$(post policies "$(policy a t)")" 201
replay
until_true packets a 906
is "every packet of a replayed capture arrives" $? 0
unprivileged "with an input that was opened by request"

ip -n "$NS_S" link set s0 down
down() { [ "$(self pktvisor_input_link_down_total)" = 1 ]; }
until_true down
is "an interface that goes down is counted" $? 0
ip -n "$NS_S" link set s0 up
up() { grep -q 'input t-.*: s0: .*\(up again\|opened again\)' log; }
until_true up
is "and the log tells when it is up again" $? 0
replay
until_true packets a $((2 * 906))
is "and captured from again" $? 0

ip -n "$NS_C" link del c0
gone() { grep 's0: ' log | tail -n 1 | grep -q 'went down\|has gone\|lost'; }
until_true gone
is "an interface that is removed is no reason to end" "$? $(get /api/v1/policies/a | jq -c 'keys')" '0 ["a"]'
unprivileged "while it waits for an interface"
is "another tap on it cannot be opened meanwhile" "$(post taps '{visor: {taps: {u: {input_type: pcap, config: {iface: s0}}}}}') $(post policies "$(policy b u)")" "201 422"
ip -n "$NS_C" link add c0 address 02:00:00:00:00:0c type veth peer name s0 address 02:00:00:00:00:05 netns "$NS_S"
ns_s sysctl -qw net.ipv6.conf.s0.disable_ipv6=1; ns_c sysctl -qw net.ipv6.conf.c0.disable_ipv6=1
ip -n "$NS_C" link set c0 up; ip -n "$NS_S" link set s0 up
back() { grep -q 'opened again' log; }
until_true back
is "one of the same name that comes instead is opened" $? 0
unprivileged "after it was opened again"
replay
until_true packets a $((3 * 906))
is "and captured from" $? 0
is "with another policy on it" "$(post policies "$(policy b u)")" 201
unprivileged "with everything running"
finish
is "SIGTERM ends it well" $? 0

# Without the admin API, where nothing is opened by request; and in the background, with a log.
start -H 192.0.2.53/32 s0 || exit 1
unprivileged "an interface as the operand"
finish
start "$f" && unprivileged "a saved capture"
is "and nothing is permitted, either" "$(cat /proc/$PID/task/*/status | awk '/^CapPrm/ { print $2 }' | sort -u)" 0000000000000000
finish
echo '{visor: {taps: {m: {input_type: mock}, f: {input_type: flow, config: {flow_type: sflow, bind: 127.0.0.1, port: 0}}}, policies: {
	m: {kind: collection, input: {tap: m, input_type: mock}, handlers: {modules: {n: {type: net}}}},
	f: {kind: collection, input: {tap: f, input_type: flow}, handlers: {modules: {f: {type: flow}}}}}}}' >plain.yaml
start --config plain.yaml
is "nor for inputs that are no interface" "$(cat /proc/$PID/task/*/status | awk '/^CapPrm/ { print $2 }' | sort -u)" 0000000000000000
finish
