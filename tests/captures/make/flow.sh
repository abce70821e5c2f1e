#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# Flow exports of real exporters, recorded on lo of a namespace of its own. They are given dns-mixed.pcap, so FACTS.tsv
# knows what they must say: as many packets and bytes as that has. usage: flow.sh [OUTDIR]
set -eu
top=$(cd "$(dirname "$0")/../../.." && pwd)
out=$(cd "${1:-$top/tests/captures}" && pwd)/flow
mkdir -p "$out"
if [ "${FLOW_INSIDE:-}" = "" ]; then
	FLOW_INSIDE=1 exec unshare -n "$0" "$@"
fi
export PATH=$PATH:/usr/sbin
. "$top/tests/lib/flowexport.sh"
ip link set lo up
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
file=$top/tests/captures/dns-mixed.pcap

# record NAME PORT COMMAND...: the port must be open, or the exporter hears of it
record() {
	local name=$1 port=$2 dump sink
	shift 2
	python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', $port))
while True: s.recv(65536)" &
	sink=$!
	tcpdump --immediate-mode -B 65536 -s 2048 -Z root -n -i lo -w "$out/$name.pcap" "udp port $port" 2>tcpdump.log &
	dump=$!
	while ! grep -q 'listening on' tcpdump.log; do sleep 0.1; done
	"$@"
	sleep 0.5
	kill -INT $dump; wait $dump || true
	kill $sink; wait $sink 2>/dev/null || true
}

for version in 5 9 10; do
	record softflowd-v$version 2055 flow_softflowd "$file" 127.0.0.1:2055 $version
done
record softflowd-v9-sampled 2055 flow_softflowd "$file" 127.0.0.1:2055 9 -s 10
record softflowd-v10-sampled 2055 flow_softflowd "$file" 127.0.0.1:2055 10 -s 10

# pmacctd looks at traffic: the capture is played to it on a pair of devices
ip link add f0 type veth peer name f1
ip link set f0 up; ip link set f1 up
sleep 1
probe() { # RATE LINES...
	flow_pmacctd f1 "$1" "pcap_filter: port 53" "${@:2}" >pmacctd.conf
	pmacctd -f pmacctd.conf >pmacctd.log 2>&1 &
	local pid=$!
	while ! grep -q 'link type' pmacctd.log; do sleep 0.1; done
	sleep 1
	tcpreplay -q -p 2000 -i f0 "$file" >/dev/null 2>&1
	sleep 2 # pmacctd gives up what it has not looked at
	kill -INT $pid; wait $pid || true
}
record pmacct-v9 2055 probe 1 "plugins: nfprobe" "nfprobe_receiver: 127.0.0.1:2055" "nfprobe_version: 9"
record pmacct-v10 4739 probe 1 "plugins: nfprobe" "nfprobe_receiver: 127.0.0.1:4739" "nfprobe_version: 10"
record pmacct-sflow-sampled 6343 probe 20 "plugins: sfprobe" "sfprobe_receiver: 127.0.0.1:6343" "sfprobe_agentip: 192.0.2.99"
