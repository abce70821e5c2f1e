#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# pktvisord as its systemd unit runs it: a user of no importance with CAP_NET_RAW alone. It captures, gives the capability up, takes it again
# where an interface came back, and makes no system call that the unit's filter forbids.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
for program in strace setpriv systemd-analyze; do command -v $program >/dev/null || { skip "no $program"; exit 0; }; done
NS=pv$$u
UNIT=$TOP/contrib/systemd/pktvisord.service
cleanup() { stop_agents; ip netns del $NS 2>/dev/null; }
trap cleanup EXIT
trap 'exit 1' INT TERM
ip netns add $NS && ip -n $NS link set lo up && ip -n $NS link add d0 type veth peer name d1 && ip -n $NS link set d0 up || { not_ok "a namespace"; exit 1; }
AT=(ip netns exec $NS)

# Where nobody may look into the folder of a build, nobody cannot run what is in it.
dir=$(mktemp -d /tmp/pv-unit.XXXXXX) && chown nobody "$dir" && chmod 755 "$dir" && cp "$BIN/pktvisord" "$dir/"
trap 'cleanup; rm -rf "$dir"' EXIT
policy() { echo "$1: {kind: collection, input: {tap: $1, input_type: pcap}, handlers: {modules: {d: {type: dns}, n: {type: net}}}}"; }
echo "{visor: {taps: {a: {input_type: pcap, config: {iface: lo}}, b: {input_type: pcap, config: {iface: d0}}}, policies: {$(policy a), $(policy b)}}}" >"$dir/agent.yaml"
word() { sed -n "s/^$1=//p" "$UNIT" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g'; }
caps=$(word AmbientCapabilities)
is "the unit has one capability, and can get no other" "$caps $(word CapabilityBoundingSet)" "+net_raw +net_raw"
"${AT[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set "-all,$caps" --inh-caps "-all,$caps" --ambient-caps "-all,$caps" \
	--no-new-privs strace -D -f -o "$dir/trace" "$dir/pktvisord" -p 0 --otel --otel-port 1 --otel-interval 1 --config "$dir/agent.yaml" >log 2>&1 & PID=$!
AGENTS+=("$PID")
listening log || exit 1
unprivileged "as the unit starts it"
is "and CAP_NET_RAW is what it may take" "$(awk '/^Cap(Prm|Bnd)/ { print $2 }' /proc/$PID/task/*/status | sort -u)" 0000000000002000
ns_ping() { ip netns exec $NS ping -q -c 3 -i 0.2 127.0.0.1 >/dev/null; }
ns_ping
captured() { [ "$(get /api/v1/policies/a/metrics/bucket/0 | jq '.a["a-a-n"].packets.total >= 6')" = true ]; }
until_true captured
is "it captures" $? 0
get /api/v1/policies/__all/metrics/prometheus -H 'Accept-Encoding: gzip' >/dev/null
pushed() { [ "$(get /api/v1/metrics/app | jq '.app.otlp.pushes_failed > 0')" = true ]; }
until_true pushed
is "it looks a collector up, and knocks" $? 0
ip -n $NS link del d0
gone() { grep -q 'd0: .*\(gone\|away\|waiting\|removed\)' log; }
until_true gone
ip -n $NS link add d0 type veth peer name d1 && ip -n $NS link set d0 up
back() { grep -q 'd0: .*opened again' log; }
until_true back
is "an interface that came back is opened again" $? 0
unprivileged "after that"
finish
is "SIGTERM ends it well" $? 0
until_true grep -q 'exited with 0' "$dir/trace"
is "the unit's filter forbids no system call of it" "$(python3 "$TESTS/lib/syscalls.py" "$UNIT" "$dir/trace" 2>&1)" ""
sed '/^SystemCallFilter=capset/d' "$UNIT" >unit
is "and would, if it did" "$(python3 "$TESTS/lib/syscalls.py" unit "$dir/trace" 2>&1)" capset
