#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# A loaded module on a real interface: the payload that it reads is captured from when a policy wants it, and only then.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
cleanup() { [ -z "${PID:-}" ] || kill "$PID" 2>/dev/null; ns_down; }
trap cleanup EXIT
trap 'exit 1' INT TERM
ns_up || { not_ok "two namespaces"; exit 1; }
umask 022
install -d -m 755 mods && install -m 755 "$BUILD/modules/ntp.so" mods

get() { ns_s curl -s --max-time 60 "$URL$1"; }
# ask PORT N: so many requests of NTP clients
ask() {
	ns_c python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[3])):
    s.sendto(bytes([0x23]) + bytes(47), (sys.argv[1], int(sys.argv[2])))
    time.sleep(0.002)' $NS_SERVER4 "$1" "$2"
}
post() {
	ns_s curl -s --max-time 60 -o body -w '%{http_code}' -H 'Content-Type: application/json' "$URL/api/v1/policies" --data-binary \
		"{\"visor\": {\"policies\": {\"$1\": {\"kind\": \"collection\", \"input\": {\"tap\": \"t\", \"input_type\": \"pcap\"}, \"handlers\": {\"modules\": $2}}}}}"
}
counts() { get "/api/v1/policies/$1/metrics/window/5" | jq -c ".$1[\"$1-t-m\"].ntp.wire_packets | [.client, .malformed]"; }
counted() { [ "$(counts "$1")" = "$2" ]; }
packets() { [ "$(get /api/v1/policies/first/metrics/window/5 | jq '.first["first-t-n"].packets.total')" = "$1" ]; }

echo '{version: "1.0", visor: {taps: {t: {input_type: pcap, config: {iface: s0, bpf: udp dst port 123 or udp dst port 1123}}}, policies: {
first: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {n: {type: net}}}}}}}' >agent.yaml
ip netns exec "$NS_S" pktvisord -p 0 --admin-api --module-dir mods --config agent.yaml >log 2>&1 & PID=$!
until_true grep -q 'web server listening' log || { cat log; not_ok "pktvisord starts"; exit 1; }
URL=$(sed -n 's/.*web server listening on \(.*\)/http:\/\/\1/p' log)

ask 123 50
until_true packets 50
is "an interface without modules" $? 0
is "one comes, on the same input" "$(post second '{"m": {"type": "ntp"}}')" 201
ns_idle # the input has seen what is wanted of it
ask 123 50; ask 1123 20
until_true counted second '[50,0]'
is "and reads the payload of its port" $? 0
is "another, with another port" "$(post third '{"m": {"type": "ntp", "config": {"port": 1123}}}')" 201
ns_idle
ask 123 10; ask 1123 30
until_true counted third '[30,0]'
is "reads that of its own" $? 0
until_true counted second '[60,0]'
is "and the first goes on with its" $? 0
is "the first goes" "$(ns_s curl -s -o body -w '%{http_code}' -X DELETE "$URL/api/v1/policies/second")" 200
ask 123 10; ask 1123 30
until_true counted third '[60,0]'
is "and the other goes on" $? 0
until_true packets 200
is "the policy that was there saw all packets" $? 0
get /api/v1/policies/__all/metrics/prometheus >prom
is "nobody lost anything" "$(awk '/^pktvisor_policy_lost_events_total/ { n += $NF } END { print n + 0 }' prom)" 0
is "no thread has an effective capability" "$(grep -h CapEff /proc/"$PID"/task/*/status | sort -u | awk '{ print $2 }')" 0000000000000000
kill -TERM "$PID"; wait "$PID"
is "SIGTERM ends it well" $? 0
PID=
