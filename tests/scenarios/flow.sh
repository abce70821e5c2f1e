# SPDX-License-Identifier: MPL-2.0
# Flow exports out of captures, through every way in: recorded exporters (tests/captures/flow) say what the traffic that they saw
# holds, the conformance kit's fixtures what its pages list. Sockets, in the agent, too.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/flowexport.sh"
. "$TESTS/lib/agent.sh"

# ---- recorded exporters, who saw dns-mixed.pcap
truth=$(flow_truth "$CAPTURES/dns-mixed.pcap")
near() { # SENTENCE GOT RATE: totals of packets within five standard deviations
	if awk -v got="$2" -v want="$truth" -v rate="$3" 'BEGIN { split(got, g, " "); split(want, w, " "); d = g[1] + g[3] - w[1] - w[3]
		exit !(d * d <= 25 * (w[1] + w[3]) * (rate - 1) && g[1] + g[3] > 0) }'; then ok "$1"; else
		echo "got $2, want about $truth"
		not_ok "$1"
	fi
}
for f in "$CAPTURES"/flow/*.pcap; do
	name=$(basename "$f" .pcap)
	pv-flow -v "$f" >"$name.pve" 2>"$name.err" || not_ok "$name: pv-flow ends with $?"
	got=$(flow_totals "$name.pve")
	case $name in
	*-sampled) rate=10; [ "$name" = pmacct-sflow-sampled ] && rate=20; near "$name: near the packets of the traffic" "$got" $rate ;;
	softflowd-v5) is "$name: packets and bytes of the traffic, IPv4" "$got" "${truth% * *} 0 0" ;;
	pmacct-*) is "$name: packets and bytes of the traffic" "$got" "$(tcpdump -nr "$CAPTURES/dns-mixed.pcap" -w only53.pcap port 53 2>/dev/null; flow_truth only53.pcap)" ;;
	*) is "$name: packets and bytes of the traffic" "$got" "$truth" ;;
	esac
	like "$name: nothing is malformed, no sequence has a gap" "$(cat "$name.err")" \
		"malformed 0, unsupported 0,.*lost by sequence numbers 0, sets without a template 0$"

	# the same records through packet events, and nothing else of them
	records() { pv-cat --json --type flow "$1" | jq -c 'del(.stage, .stamp)'; }
	pv-capture -r "$f" --payload-port 2055,4739,6343 | pv-flow --only >through.pve
	records "$name.pve" >want.json
	records through.pve >got.json
	same "$name: packet events give the same records" got.json want.json
done
pv-cat --json --type stop softflowd-v9.pve | jq -c '[.rows[] | select(.stage == 1 and .what <= 7) | .value] | [.[0], (.[1:] | add)]' >sums
like "the ledger balances" "$(cat sums)" '^\[6,6\]$'

# ---- a capture in the middle of the templates' life, and one that is cut
shorten() { python3 - "$1" "$2" "$3" <<'PY'
import struct, sys
b = open(sys.argv[1], 'rb').read(); skip, cap = int(sys.argv[2].split(',')[0]), int(sys.argv[2].split(',')[1])
out, at, i = b[:24], 24, 0
while at + 16 <= len(b):
    h = struct.unpack('<IIII', b[at:at + 16]); p = b[at + 16:at + 16 + h[2]]; at += 16 + h[2]; i += 1
    if i > skip:
        p = p[:cap]; out += struct.pack('<IIII', h[0], h[1], len(p), h[3]) + p
open(sys.argv[3], 'wb').write(out)
PY
}
shorten "$CAPTURES/flow/softflowd-v9.pcap" 1,65535 late.pcap
pv-flow -v late.pcap 2>late.err >late.pve
like "data whose templates were sent before: no fault, but counted" "$(cat late.err)" "malformed 0, unsupported 0,.*records 0,.*sets without a template [1-9]"
shorten "$CAPTURES/flow/softflowd-v5.pcap" 0,200 cut.pcap
pv-flow -v cut.pcap 2>cut.err >cut.pve
like "datagrams that the capture cut: what is there counts" "$(cat cut.err)" "datagrams 6, malformed 6,.*records 12,"

# ---- what was asked for, and not
pv-flow -v --type sflow "$CAPTURES/flow/softflowd-v5.pcap" 2>unwanted.err >/dev/null
pv-flow --type sflow "$CAPTURES/flow/softflowd-v5.pcap" 2>unread >/dev/null
pktvisor-reader -i sflow "$CAPTURES/flow/softflowd-v5.pcap" 2>reader.err >/dev/null
like "--type sflow takes no NetFlow" "$(cat unwanted.err)" "datagrams 6, malformed 0, unsupported 6,"
one_line "without -v a line tells of what was not read" unread "^pv-flow: of 6 datagrams 0 are malformed, 6 of another kind$"
one_line "and the reader tells of it, too" reader.err "^pktvisor-reader: of 6 datagrams 0 are malformed, 6 of another kind$"
is "where all were read it says nothing" "$(pktvisor-reader -i netflow "$CAPTURES/flow/softflowd-v5.pcap" 2>&1 >/dev/null)" ""
status 2 "an unknown --type is a mistake" pv-flow --type nflow x.pcap
one_line "and is named" err "^pv-flow: --type: unknown type 'nflow'; there are: any, sflow, netflow, ipfix$"
status 2 "--bind wants a port" pv-flow --bind ::
status 2 "--bind and a file do not go together" pv-flow --bind :: -p 1 x.pcap
status 2 "--count without --bind" pv-flow -c 5 x.pcap
status 2 "an address that is none" pv-flow --bind nowhere -p 2055
one_line "is named" err "^pv-flow: --bind: not an address to listen on: 'nowhere'$"
status 1 "an address that is not ours" pv-flow --bind 192.0.2.1 -p 2055
one_line "has the system's words" err "^pv-flow: cannot listen on 192.0.2.1 port 2055: Cannot assign requested address$"

# ---- sockets
port=$(free_port)
send() { # PORT HOST COUNT: NetFlow 5, one record each, from as many ports
	python3 - "$@" <<'PY'
import socket, struct, sys
v6 = ':' in sys.argv[2]
for i in range(int(sys.argv[3])):
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(struct.pack('>HHIIIIHH', 5, 1, 1, 1, 1, 0, 0, 0) + struct.pack('>4s4s4xHHIIIIHHBBBB8x', b'\xc0\0\2\1', b'\xc6\x33\x64\2', 1, 2, 3, 500, 0, 0, 7, 8, 0, 0, 17, 0), (sys.argv[2], int(sys.argv[1])))
PY
}
pv-flow -v --bind :: -p $port --sockets 4 -c 60 >sockets.pve 2>sockets.err &
until_true bound $port 4
send $port 127.0.0.1 30
send $port ::1 30
wait $!
is "four sockets: every datagram, IPv4 and IPv6" "$(pv-cat --json --type flow sockets.pve | jq -r .device | sort | uniq -c | xargs)" "30 127.0.0.1 30 ::1"
is "and each has a number of its own" "$(pv-cat --json --type flow sockets.pve | jq .packet | sort -n | uniq | wc -l)" 60
is "the stream is whole" "$(pv-cat --check sockets.pve 2>&1; echo $?)" 0

# ---- the agent: its sockets and files, and what it says of them
cat >agent.yaml <<END
version: "1.0"
visor:
  taps:
    nf: {input_type: flow, config: {flow_type: netflow, bind: 127.0.0.1, port: $((port + 1))}}
    sf: {input_type: sflow, config: {bind: "::1", port: $((port + 1))}}
    file: {input_type: flow, config: {flow_type: netflow, pcap_file: "$CAPTURES/flow/softflowd-v9.pcap"}}
  policies:
    nf: {kind: collection, input: {tap: nf, input_type: flow}, handlers: {modules: {r: {type: input_resources}}}}
    sf: {kind: collection, input: {tap: sf, input_type: sflow}, handlers: {modules: {r: {type: input_resources}}}}
    file: {kind: collection, input: {tap: file, input_type: flow}, handlers: {modules: {r: {type: input_resources}}}}
END
if start --config agent.yaml; then
	python3 -c "
import socket
for host, family in (('127.0.0.1', socket.AF_INET), ('::1', socket.AF_INET6)):
    socket.socket(family, socket.SOCK_DGRAM).sendto(b'bc', (host, $((port + 1))))"
	errors() { get "/api/v1/policies/$1" | jq -c ".\"$1\".input[].flow"; }
	told() { [ "$(errors nf)$(errors sf)" = '{"packet_errors":1}{"packet_errors":1}' ]; }
	until_true told
	is "a datagram of two bytes is one of packet_errors, NetFlow" "$(errors nf)" '{"packet_errors":1}'
	is "and sFlow" "$(errors sf)" '{"packet_errors":1}'
	is "a capture of exports has none" "$(errors file)" '{"packet_errors":0}'
	is "the configuration is shown" "$(get /api/v1/policies/nf | jq -c '.nf.input[].module.config')" "{\"bind\":\"127.0.0.1\",\"flow_type\":\"netflow\",\"port\":$((port + 1))}"
	finish
	is "the agent ends in order" $? 0
fi

# ---- the fixtures of the conformance kit: device, interfaces, records, and sums of what they hold
if [ -d "$SHARED/conform/fixtures" ]; then
	summary() { pv-flow "$SHARED/conform/fixtures/$1.pcap" | pv-cat --json --type flow | jq -rs '
		group_by([.device, .in_if, .out_if])[] | "\(.[0].device) if \(.[0].in_if)>\(.[0].out_if) \(length) records, \(map(.bytes * .rate) | add) bytes, \(
		map(.packets * .rate) | add) packets, ips \(map(.src) | unique | length)/\(map(.dst) | unique | length), ports \(
		map(.sport // empty) | unique | length)/\(map(.dport // empty) | unique | length), IPv6 \(map(select(.l3 == 6)) | length), \(
		group_by(.proto) | map("\(.[0].proto):\(map(.bytes * .rate) | add)") | join(" ")), tos \(group_by(.tos) | map("\(.[0].tos // 0):\(map(.bytes * .rate) | add)") | join(" "))"'; }
	is "nf1.pcap" "$(summary nf1)" "10.0.0.1 if 1>2 2 records, 128000 bytes, 200 packets, ips 2/2, ports 2/2, IPv6 0, 6:64000 17:64000, tos 0:128000"
	# the kit lists three destination ports: the third is an ICMP type
	is "nf5.pcap" "$(summary nf5)" "10.0.0.2 if 0>0 3 records, 1720 bytes, 33 packets, ips 1/2, ports 2/2, IPv6 0, 1:500 6:1128 17:92, tos 184:500 192:1220"
	is "nf7.pcap" "$(summary nf7)" "10.0.0.1 if 3>4 2 records, 3000 bytes, 84 packets, ips 2/2, ports 2/2, IPv6 0, 6:1500 17:1500, tos 0:3000"
	is "nf9.pcap" "$(summary nf9)" "192.168.100.1 if 800>763 24 records, 142139882 bytes, 183920 packets, ips 24/24, ports 0/0, IPv6 0, 253:142139882, tos 0:142139882"
	is "ipfix.pcap" "$(summary ipfix)" "192.168.100.2 if 5>0 23 records, 120000 bytes, 1472 packets, ips 1/1, ports 16/9, IPv6 23, 6:120000, tos 0:120000"
	is "sflow_ipv6.pcap" "$(summary sflow_ipv6)" "10.0.0.99 if 1>2 1 records, 62 bytes, 1 packets, ips 1/1, ports 1/1, IPv6 1, 17:62, tos 0:62"
	is "sflow_keyed.pcap" "$(summary sflow_keyed)" "10.0.0.77 if 1>2 2 records, 2780 bytes, 2 packets, ips 2/2, ports 2/2, IPv6 1, 6:1500 17:1280, tos 0:2780"
else
	skip "there is no conformance kit beside the project"
fi
