# SPDX-License-Identifier: MPL-2.0
# Real exporters send to pv-flow: softflowd (NetFlow 5, 9, IPFIX) and pmacctd (NetFlow 9, IPFIX, sFlow). What comes out has the packets
# and bytes of the traffic; what was sampled comes out scaled, and near the truth; what the kernel drops is counted.
[ "$(id -u)" = 0 ] || { echo "skip - needs root"; exit 0; }
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/flowexport.sh"
. "$TESTS/lib/agent.sh"
cleanup() { stop_agents; ns_down; }
trap cleanup EXIT
trap 'exit 1' INT TERM
ns_up 2>/dev/null || { skip "needs network namespaces"; exit 0; }
for tool in softflowd pmacctd tcpreplay; do
	PATH=$PATH:/usr/sbin command -v $tool >/dev/null || { skip "needs $tool"; exit 0; }
done
export PATH=$PATH:/usr/sbin
file=$CAPTURES/dns-mixed.pcap
truth=$(flow_truth "$file")

# collect EVENTS ADDRESS [options]: pv-flow in the server's namespace, ready when this returns; its process is $PID
collect() {
	local events=$1 address=$2
	shift 2
	ip netns exec "$NS_S" pv-flow -v -b "$address" -p 2055 "$@" >"$events" 2>"$events.err" &
	PID=$!
	until_true bound
}
bound() { ip netns exec "$NS_S" ss -lunH 'sport = 2055' | grep -q .; }
# done_collecting: when all that was sent has been read
done_collecting() { ns_idle; kill -TERM $PID; wait $PID; }

# near SENTENCE GOT WANT RATE: totals of packets within five standard deviations of sampling one in RATE
near() {
	if awk -v got="$2" -v want="$3" -v rate="$4" 'BEGIN { split(got, g, " "); split(want, w, " "); d = g[1] + g[3] - w[1] - w[3]
		exit !(d * d <= 25 * (w[1] + w[3]) * (rate - 1) && g[1] + g[3] > 0) }'; then ok "$1"; else
		echo "got $2, want about $3"
		not_ok "$1"
	fi
}

# ---- softflowd, across the wire, IPv4 and IPv6
for version in 5 9 10; do
	for address in $NS_SERVER4 $NS_SERVER6; do
		collect softflowd.pve :: --sockets 2
		ip netns exec "$NS_C" bash -c ". '$TESTS/lib/flowexport.sh'; flow_softflowd '$file' '${address/*:*/[$address]}:2055' $version"
		done_collecting
		want=$truth
		[ $version != 5 ] || want="${truth% * *} 0 0" # it knows no IPv6
		is "softflowd, version $version to $address: packets and bytes of the traffic" "$(flow_totals softflowd.pve)" "$want"
	done
done
like "an exporter is who sent the datagrams" "$(pv-cat --json --type flow softflowd.pve | jq -r .device | sort -u)" "^$NS_CLIENT6\$"
for version in 9 10; do
	collect sampled.pve $NS_SERVER4
	ip netns exec "$NS_C" bash -c ". '$TESTS/lib/flowexport.sh'; flow_softflowd '$file' $NS_SERVER4:2055 $version -s 10"
	done_collecting
	is "softflowd, version $version, every tenth packet: the rate is known from its options" "$(pv-cat --json --type flow sampled.pve | jq .rate | sort -u)" 10
	near "and the scaled total is near the truth" "$(flow_totals sampled.pve)" "$truth" 10
done

# ---- a tap with three workers: softflowd from five addresses, by turns, each time from another port
AT=(ip netns exec "$NS_S")
cat >workers.yaml <<END
{version: '1.0', visor: {taps: {nf: {input_type: flow, config: {flow_type: netflow, bind: '::', port: 2055}}}, policies: {
  nf: {kind: collection, input: {tap: nf, input_type: flow}, handlers: {modules: {flow: {type: flow}}}}}}}
END
start --workers 3 --periods 1 --config workers.yaml
sent=0
for version in 9 10; do
	for address in $NS_CLIENT4 198.51.100.21 198.51.100.22 203.0.113.31 203.0.113.32; do
		ip -n "$NS_C" route replace $NS_SERVER4/32 dev c0 src $address
		ip netns exec "$NS_C" bash -c ". '$TESTS/lib/flowexport.sh'; flow_softflowd '$file' $NS_SERVER4:2055 $version"
		sent=$((sent + 1))
	done
done
ip -n "$NS_C" route del $NS_SERVER4/32 dev c0
want=$(echo "$truth" | awk -v n=$sent '{ print n * ($1 + $3), n * ($2 + $4) }')
# summary: of all there is, which on a slow machine may be two minutes
summary() { get /api/v1/policies/nf/metrics/window/2 | jq -e 'select(.nf)' || get /api/v1/policies/nf/metrics/bucket/0; }
workers() { summary | jq -r '[.nf["nf-nf-flow"].flow.devices[]?.interfaces[] | [.in_packets, .in_bytes]] | transpose | map(add | tostring) | join(" ")'; }
arrived() { [ "$(workers)" = "$want" ]; }
until_true arrived
is "three workers of an agent: packets and bytes of all ten" "$(workers)" "$want"
is "from five devices" "$(summary | jq '.nf["nf-nf-flow"].flow.devices | length')" 5
is "no sequence of theirs has a gap, every set had its template, and nothing was dropped" \
	"$(self pktvisor_flow_lost_total) $(self pktvisor_flow_unknown_sets_total) $(self pktvisor_packets_dropped_total)" "0 0 0"
is "and more than one worker had work" "$(get /api/v1/policies/__all/metrics/prometheus | awk '/^pktvisor_worker_packets_total\{/ && $NF { n++ } END { print (n >= 2) }')" 1
finish

# ---- pmacctd, while the traffic passes; exports go over lo, so that they are not traffic themselves
probes() { # RATE ENGINE
	flow_pmacctd s0 "$1" "pcap_filter: port 53" "plugins: nfprobe[v9], nfprobe[ipfix], sfprobe[sflow]" \
		"nfprobe_receiver[v9]: 127.0.0.1:2055" "nfprobe_version[v9]: 9" "nfprobe_engine[v9]: $2" \
		"nfprobe_receiver[ipfix]: 127.0.0.1:2055" "nfprobe_version[ipfix]: 10" "nfprobe_engine[ipfix]: $2" \
		"sfprobe_receiver[sflow]: 127.0.0.1:2055" "sfprobe_agentip[sflow]: 192.0.2.$2"
}
probes 1 1 >all.conf
probes 20 2 >some.conf
collect pmacctd.pve 127.0.0.1
ns_capture seen.pcap port 53
pids=
for conf in all some; do
	ip netns exec "$NS_S" pmacctd -f $conf.conf >$conf.log 2>&1 &
	pids="$pids $!"
done
capturing() { [ "$(grep -l 'link type' all.log some.log 2>/dev/null | wc -l)" = 2 ]; }
until_true capturing
ns_idle
ns_c tcpreplay -q -p 4000 -i c0 "$file" >/dev/null 2>&1
ns_idle
# shellcheck disable=SC2086
kill -INT $pids
ns_capture_end
# shellcheck disable=SC2086
wait $pids
done_collecting
truth=$(flow_truth seen.pcap)
pv-cat --json --type flow pmacctd.pve >pmacctd.json
# totals SOURCE WHOLE: of the exporter that looks at every packet, or of the other
totals() { jq -rn --argjson source "$1" --argjson whole "$2" '
	reduce (inputs | select(.source == $source and (.rate == 1) == $whole)) as $f ([0, 0, 0, 0];
		(if $f.l3 == 4 then 0 else 2 end) as $at | .[$at] += $f.packets * $f.rate | .[$at + 1] += $f.bytes * $f.rate)
	| map(tostring) | join(" ")' pmacctd.json; }
is "pmacctd's nfprobe, version 9: packets and bytes of the traffic" "$(totals 5 true)" "$truth"
is "pmacctd's nfprobe, IPFIX: the same" "$(totals 6 true)" "$truth"
near "pmacctd's nfprobe, version 9, one in 20 packets: near the truth" "$(totals 5 false)" "$truth" 20
near "pmacctd's nfprobe, IPFIX, one in 20 packets: near the truth" "$(totals 6 false)" "$truth" 20
near "pmacctd's sfprobe, one in 20 packets: near the truth" "$(totals 1 false)" "$truth" 20
# it keeps samples back until a datagram is full, seven of them, and at its end for ever; and now and then takes a packet twice at its end
samples=$(totals 1 true | awk '{ print $1 + $3 }') packets=$(echo "$truth" | awk '{ print $1 + $3 }')
if [ "$samples" -le $((packets + 7)) ] && [ "$samples" -ge $((packets - 7)) ]; then ok "pmacctd's sfprobe: a sample for each packet"; else
	not_ok "pmacctd's sfprobe: $samples samples of $packets packets"
fi
like "nothing was lost on the way, or malformed" "$(cat pmacctd.pve.err)" "malformed 0, unsupported 0, dropped by the kernel 0; .*lost by sequence numbers 0,"

# ---- the kernel's buffer is full: what it drops is counted
collect full.pve 127.0.0.1 --buffer 4K
kill -STOP $PID
ip netns exec "$NS_S" python3 -c "
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(500):
    s.sendto(struct.pack('>HHIIIIHH', 5, 1, 1, 1, 1, i, 0, 0) + bytes(48), ('127.0.0.1', 2055))"
kill -CONT $PID
done_collecting
is "datagrams received and those that the kernel dropped are all there were" "$(sed -n 's/.*datagrams \([0-9]*\),.*kernel \([0-9]*\);.*/\1 \2/p' full.pve.err | awk '{ print $1 + $2, ($2 > 0) }')" "500 1"
