# SPDX-License-Identifier: MPL-2.0
# Names of devices, interfaces and services are read again on SIGHUP, by pv-flow and by an agent; what is wrong then changes nothing.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
# nobody, whom root becomes, must come to the files
cd "$(mktemp -d)" || exit 1
chmod 755 .
cleanup() { stop_agents; rm -rf "$PWD"; }
trap cleanup EXIT

port=$(free_port)
send() { # a record: by interface 1, to UDP port 53
	python3 -c "
import socket, struct
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(struct.pack('>HHIIIIHH', 5, 1, 1, 1, 1, 0, 0, 0)
    + struct.pack('>4s4s4xHHIIIIHHBBBB8x', b'\xc0\0\2\1', b'\xc6\x33\x64\2', 1, 2, 3, 500, 0, 0, 7000, 53, 0, 0, 17, 0), ('127.0.0.1', $1))"
}
names() { # DEVICE INTERFACE SERVICE ALLOWED, each by rename, as an update does
	echo "127.0.0.1: {name: $1, interfaces: {1: {name: $2}}}" >map.new
	printf 'Service Name,Port Number,Transport Protocol\n%s,53,udp\n' "$3" >services.new
	echo "127.0.0.1: ['$4']" >only.new
	mv map.new map.yaml; mv services.new services.csv; mv only.new only.yaml
}
events() { pv-cat --json --type flow flow.pve 2>/dev/null | jq -c '[.device_name, .in_name, .dport_name, .filtered // false]'; }
there_are() { [ "$(events | wc -l)" = "$1" ]; }
until_events() { until_true there_are "$1"; }
read_again() { [ "$(grep -c 'files read again' flow.err)" = "$1" ]; }
again() { # N: SIGHUP, and the word of it
	kill -HUP $PID
	until_true read_again "$1"
}

names old eth0 domain 1
pv-flow -v --bind 127.0.0.1 -p $port --device-map map.yaml --only-device-interfaces only.yaml --default-service-registry services.csv \
	>flow.pve 2>flow.err & PID=$!
until_true bound $port
send $port; until_events 1
names new uplink names 1-9
again 1
send $port; until_events 2
echo '127.0.0.1: [' >map.yaml
echo nothing >services.csv
names_said=$(again 2; sed 1d flow.err | grep -v 'read again\|receive buffer' | sort)
send $port; until_events 3
rm map.yaml services.csv
names_gone=$(again 3; grep -c 'No such file' flow.err)
echo "127.0.0.1: ['7']" >only.yaml
again 4
send $port; until_events 4
kill -TERM $PID; wait $PID
is "pv-flow ends in order" $? 0
events >got
printf '%s\n' '["old","eth0","domain",false]' '["new","uplink","names",false]' '["new","uplink","names",false]' '["new","uplink",null,true]' >want
same "names, interfaces and ports of the files as they were at the time" got want
is "a map that is none is said" "$(echo "$names_said" | grep -c '^pv-flow: device_map stays as it is: .*map.yaml:')" 1
is "and a list that is none" "$(grep -c "^pv-flow: the names of services stay as they are: .*services.csv: no column 'Service Name'" flow.err)" 1
is "and files that are gone" "$names_gone" 2

# without such files SIGHUP means what it always does
pv-flow --bind 127.0.0.1 -p $port >/dev/null 2>&1 & PID=$!
until_true bound $port
kill -HUP $PID
wait $PID
is "without such files SIGHUP ends it" $? $((128 + 1))

# ---- the agent
names old eth0 domain 1
cat >agent.yaml <<END
version: "1.0"
visor:
  taps:
    nf: {input_type: flow, config: {flow_type: netflow, bind: 127.0.0.1, port: $port}}
  policies:
    nf: {kind: collection, input: {tap: nf, input_type: flow}, handlers: {modules: {flow: {type: flow}}}}
END
start --workers 2 --periods 1 --config agent.yaml --default-service-registry services.csv || exit 1
ports() { get /api/v1/policies/nf/metrics/bucket/0 | jq -c '[.nf["nf-nf-flow"].flow.devices[]?.interfaces["1"].top_in_dst_ports_packets[].name] | sort'; }
has() { [ "$(ports)" = "$1" ]; }
hup() { kill -HUP "$PID"; until_true grep -q "$1" "$LOG"; }
send $port
until_true has '["domain"]'
names new uplink names 1
hup 'names of services read again'
send $port
until_true has '["domain","names"]'
is "an agent's policies have the new names, too" "$(ports)" '["domain","names"]'
echo nothing >services.csv
hup 'the names of services stay as they are'
like "a list that is none is said" "$(cat "$LOG")" "\[error\] the names of services stay as they are: .*services.csv: no column 'Service Name'"
finish
is "and it ends in order" $? 0
