# SPDX-License-Identifier: MPL-2.0
# Exporters, each of which sends from several ports, to one port that four workers of an agent share, and to four sockets of pv-flow: each
# exporter stays with one, whichever port it comes from, and what the four count is merged.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"

port=$(free_port)
send() { python3 "$TESTS/lib/flowsend.py" "$1" 40 12; }
cat >agent.yaml <<END
version: "1.0"
visor:
  taps:
    nf: {input_type: flow, config: {flow_type: netflow, bind: "::", port: $port}}
  policies:
    nf: {kind: collection, input: {tap: nf, input_type: flow}, handlers: {modules: {flow: {type: flow}}}}
END
start --workers 4 --periods 1 --config agent.yaml || exit 1
read -r records octets <<<"$(send $port)"
# summary: of all there is, which on a slow machine may be two minutes
summary() { get /api/v1/policies/nf/metrics/window/2 | jq -e 'select(.nf)' || get /api/v1/policies/nf/metrics/bucket/0; }
flows() { summary | jq "[.nf[\"nf-nf-flow\"].flow.devices[]? | $1] | add"; }
came() { [ "$(flows .records_flows)" = "$records" ]; }
until_true came
is "every record is counted, by whichever worker" "$(flows .records_flows)" "$records"
is "and every byte" "$(flows '.interfaces["0"].in_bytes')" "$octets"
is "each exporter is a device" "$(summary | jq '.nf["nf-nf-flow"].flow.devices | length')" 40
of() { get /api/v1/policies/__all/metrics/prometheus | awk -v m="pktvisor_flow_$1_total{" 'index($0, m) == 1 && /policy="nf"/ { n += $NF } END { print n + 0 }'; }
told() { [ "$(of records)" = "$records" ]; }
until_true told
is "a template from one port serves data from others" "$(of records) $(of unknown_sets)" "$records 0"
is "no sequence has a gap" "$(of lost)" 0
get /api/v1/policies/__all/metrics/prometheus | awk '/^pktvisor_worker_packets_total\{/ { print $NF }' >share
is "each of four workers has a share of the datagrams" "$(awk '$1 > 20 { n++ } { sum += $1 } END { print n, sum }' share)" "4 520"
is "one stream, on one input" "$(get /api/v1/metrics/app | jq -c '[.app.inputs[] | select(.policy == "nf") | [.state, .tap]]')" '[["running","nf"]]'
is "datagrams of all workers that are none" "$(python3 -c "
import socket
for i in range(1, 9):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('127.9.0.%d' % i, 0))
    s.sendto(b'bc', ('127.0.0.1', $port))"
errors() { [ "$(get /api/v1/policies/nf | jq '.nf.input[].flow.packet_errors')" = 8 ]; }
until_true errors; get /api/v1/policies/nf | jq '.nf.input[].flow.packet_errors')" 8

# ---- a port that somebody has is refused, though it could be shared
status 1 "a port of workers is not shared with others" pv-flow --bind :: -p $port --sockets 2
like "and this is said" "$(cat err)" "^pv-flow: cannot listen on :: port $port: Address already in use$"
finish
is "the agent ends in order" $? 0

# ---- pv-flow
pv-flow -v --bind :: -p $port --sockets 4 >sockets.pve 2>sockets.err &
flow=$!
until_true bound $port 4
send $port >sent
until_true asleep $flow
kill -TERM $flow
wait $flow
like "four sockets of pv-flow: the same" "$(cat sockets.err)" "malformed 0, .*kernel 0; records $records, lost by sequence numbers 0, sets without a template 0\$"
