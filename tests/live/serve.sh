# SPDX-License-Identifier: MPL-2.0
# pv-serve behind a live pipeline: a real Prometheus scrapes it while dnsperf loads a real DNS server and wrk asks for
# everything at once. For a minute that has closed Prometheus has what the JSON says, and no packet was lost.
# Waits: a minute of the clock has to pass; the load is far from filling a processor.
[ "$(id -u)" = 0 ] || { echo "skip - needs root"; exit 0; }
for program in prometheus wrk dnsperf; do command -v $program >/dev/null || { echo "skip - no $program"; exit 0; }; done
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/dnsserver.sh"
. "$TESTS/lib/prometheus.sh"
trap 'prometheus_stop; dns_server_stop; ns_down' EXIT
trap 'exit 1' INT TERM
ns_up && dns_server_start "$NS_S" $NS_SERVER4 || { not_ok "the server starts"; exit 1; }
python3 "$TESTS/lib/dnsqueries.py" 2000 >queries.txt

ip netns exec "$NS_S" bash -c "
	bash -c 'echo \$\$ >capture.pid; exec $BIN/pv-capture -v -b \"udp port 53\" s0 2>capture.err' | '$BIN/pv-net' | '$BIN/pv-dns' | '$BIN/pv-window' |
		bash -c 'echo \$\$ >serve.pid; exec $BIN/pv-serve --prom-instance edge 2>serve.err'
	echo \"\${PIPESTATUS[*]}\" >status" &
pipe=$!
prometheus_start "$NS_S" 10853
get() { ns_s curl -s --max-time 60 "http://localhost:10853$1"; }
running() { get /api/v1/metrics/app | grep -q '"running"'; }
until_true running
ns_c dnsperf -s $NS_SERVER4 -d queries.txt -l 62 -Q 4000 -c 4 -t 30 >dnsperf.out 2>&1 & perf=$!
grows() { [ "$(get /api/v1/metrics/bucket/0 | jq '."1m".dns | .wire_packets.queries > 1000 and .rates.total.live > 100')" = true ]; }
until_true grows
is "the open minute grows" $? 0
is "there is no other yet" "$(get /api/v1/metrics/bucket/1)" '{"error":"requested metrics period has not yet accumulated, current range is [0, 0]"}'
for path in /metrics /api/v1/metrics/window/5 /api/v1/policies/__all/metrics/prometheus; do
	ns_s wrk -t1 -c64 -d5s --timeout 30s "http://localhost:10853$path" >wrk.out 2>&1
	! grep -q 'Non-2xx\|Socket errors' wrk.out; is "64 connections that ask for $path without a pause are all answered" "$?" 0
	sed -n 's/^Requests\/sec: */# requests a second: /p' wrk.out >&2
done
wait $perf
closed() { get /api/v1/metrics/bucket/1 >minute.json; grep -q '"1m"' minute.json; }
until_true closed
like "a minute has closed" "$(number dns.period.length)" '^6[0-9]$'
same_minute
told "every series has the instance that was given" 'count(packets_total{exported_instance="edge"})' 2
sent=$(sed -n 's/.*Queries sent: *\([0-9]*\).*/\1/p' dnsperf.out)
told "self metrics: the packets that dnsperf sent and got" 'pktvisor_packets_received_total{job="all",stage="pcap"}' \
	"$((2 * sent - $(sed -n 's/.*Queries lost: *\([0-9]*\).*/\1/p' dnsperf.out)))"
is "self metrics: none dropped" "$(asked 'sum(pktvisor_packets_dropped_total)')" 0
kill -INT "$(cat capture.pid)"
ended() { get /api/v1/metrics/app | grep -q '"ended"'; }
until_true ended
is "the capture's end is said in app" "$(get /api/v1/metrics/app | jq -r '.app.inputs[0].state')" ended
is "the window has every query" "$(get /api/v1/metrics/window/5 | jq '."5m".dns.wire_packets.queries')" "$sent"
like "capture reports zero drops" "$(cat capture.err)" 'dropped by the kernel 0, by the interface 0'
kill "$(cat serve.pid)"
wait $pipe
is "everything ends with 0" "$(cat status)" "0 0 0 0 0"
