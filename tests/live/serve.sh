# SPDX-License-Identifier: MPL-2.0
# pv-serve behind a live pipeline: a real Prometheus scrapes it while dnsperf loads a real DNS server and wrk asks for
# everything at once. For a minute that has closed Prometheus has what the JSON says, and no packet was lost.
[ "$(id -u)" = 0 ] || { echo "skip - needs root"; exit 0; }
for program in prometheus wrk dnsperf; do command -v $program >/dev/null || { echo "skip - no $program"; exit 0; }; done
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/dnsserver.sh"
trap 'kill $PROM 2>/dev/null; dns_server_stop; ns_down' EXIT INT TERM
PROM=
ns_up && dns_server_start "$NS_S" $NS_SERVER4 || { not_ok "the server starts"; exit 1; }
python3 "$TESTS/lib/dnsqueries.py" 2000 >queries.txt

cat >prometheus.yml <<'END'
scrape_configs:
  - job_name: pktvisor
    scrape_interval: 2s
    static_configs: [{targets: ["127.0.0.1:10853"]}]
  - job_name: all
    scrape_interval: 2s
    metrics_path: /api/v1/policies/__all/metrics/prometheus
    static_configs: [{targets: ["127.0.0.1:10853"]}]
END
ip netns exec "$NS_S" bash -c "
	'$BIN/pv-capture' -v -t 85 -b 'udp port 53' s0 2>capture.err | '$BIN/pv-net' | '$BIN/pv-dns' | '$BIN/pv-window' |
		bash -c 'echo \$\$ >serve.pid; exec $BIN/pv-serve --prom-instance edge 2>serve.err'
	echo \"\${PIPESTATUS[*]}\" >status" &
pipe=$!
ip netns exec "$NS_S" prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb --web.listen-address=127.0.0.1:9090 >prometheus.log 2>&1 & PROM=$!
sleep 2
ns_c dnsperf -s $NS_SERVER4 -d queries.txt -l 62 -Q 4000 -c 4 >dnsperf.out 2>&1 & perf=$!
get() { ns_s curl -s --max-time 10 "http://localhost:10853$1"; }
# asked QUERY LABELS: what Prometheus has now
asked() { ns_s curl -s --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query | jq -r '.data.result[0].value[1]'; }

sleep 5
is "the open minute grows" "$(get /api/v1/metrics/bucket/0 | jq '."1m".dns | .wire_packets.queries > 1000 and .rates.total.live > 1000')" true
is "there is no other yet" "$(get /api/v1/metrics/bucket/1)" '{"error":"requested metrics period has not yet accumulated, current range is [0, 0]"}'
for path in /metrics /api/v1/metrics/window/5 /api/v1/policies/__all/metrics/prometheus; do
	ns_s wrk -t1 -c64 -d5s "http://localhost:10853$path" >wrk.out 2>&1
	! grep -q 'Non-2xx\|Socket errors' wrk.out; is "64 connections that ask for $path without a pause are all answered" "$?" 0
	sed -n 's/^Requests\/sec: */# requests a second: /p' wrk.out >&2
done
wait $perf
for _ in $(seq 20); do get /api/v1/metrics/bucket/1 | grep -q '"1m"' && break; sleep 1; done
sleep 6 # three scrapes
get /api/v1/metrics/bucket/1 >minute.json
number() { jq ".\"1m\".$1" minute.json; }
like "a minute has closed" "$(number dns.period.length)" '^6[01]$'
for name in dns_wire_packets_queries:dns.wire_packets.queries dns_wire_packets_replies:dns.wire_packets.replies packets_total:packets.total \
	dns_cardinality_qname:dns.cardinality.qname packets_cardinality_src_ips_in:packets.cardinality.src_ips_in \
	dns_rates_total\{quantile=\"0.5\"\}:dns.rates.total.p50 packets_rates_pps_total\{quantile=\"0.9\"\}:packets.rates.pps_total.p90; do
	query=${name%%:*} path=${name#*:}
	[ "${query%\}}" = "$query" ] && query="$query{job=\"pktvisor\"}" || query="${query%\}},job=\"pktvisor\"}"
	want=$(number "$path")
	[ "$want" = null ] && { skip "$path: not in this minute"; continue; }
	is "Prometheus has the minute's $path" "$(asked "$query")" "$want"
done
top=$(jq -r '."1m".dns.top_qname2[0] | "\(.name) \(.estimate)"' minute.json)
is "and its most frequent name" "$(asked "dns_top_qname2{job=\"pktvisor\",qname=\"${top% *}\"}")" "${top#* }"
is "every series has the instance that was given" "$(asked 'count(packets_total{exported_instance="edge"})')" 2
is "Prometheus never failed to scrape" "$(asked 'min(min_over_time(up[80s]))')" 1
sent=$(sed -n 's/.*Queries sent: *\([0-9]*\).*/\1/p' dnsperf.out)
is "self metrics: the packets that dnsperf sent and got" "$(asked 'pktvisor_packets_received_total{job="all",stage="pcap"}')" \
	"$((2 * sent - $(sed -n 's/.*Queries lost: *\([0-9]*\).*/\1/p' dnsperf.out)))"
is "self metrics: none dropped" "$(asked 'sum(pktvisor_packets_dropped_total)')" 0
for _ in $(seq 40); do get /api/v1/metrics/app | grep -q '"ended"' && break; sleep 1; done
is "the capture's end is said in app" "$(get /api/v1/metrics/app | jq -r '.app.inputs[0].state')" ended
is "the window has every query" "$(get /api/v1/metrics/window/5 | jq '."5m".dns.wire_packets.queries')" "$sent"
like "capture reports zero drops" "$(cat capture.err)" 'dropped by the kernel 0, by the interface 0'
kill "$(cat serve.pid)"
wait $pipe
is "everything ends with 0" "$(cat status)" "0 0 0 0 0"
