# SPDX-License-Identifier: MPL-2.0
# A real Prometheus that scrapes one of our servers in a namespace; for scripts that source it behind sh.sh and ns.sh. Their trap calls
# prometheus_stop before ns_down. Package: prometheus.

PROM=
# prometheus_start NETNS PORT: /metrics as job pktvisor, every policy as job all, every two seconds
prometheus_start() {
	cat >prometheus.yml <<-END
	scrape_configs:
	  - job_name: pktvisor
	    scrape_interval: 2s
	    static_configs: [{targets: ["127.0.0.1:$2"]}]
	  - job_name: all
	    scrape_interval: 2s
	    metrics_path: /api/v1/policies/__all/metrics/prometheus
	    static_configs: [{targets: ["127.0.0.1:$2"]}]
	END
	ip netns exec "$1" prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb --web.listen-address=127.0.0.1:9090 --log.level=debug \
		>prometheus.log 2>&1 & PROM=$!
}
prometheus_stop() { [ -z "$PROM" ] || kill "$PROM" 2>/dev/null; PROM=; }

# asked QUERY: the value that Prometheus has now
asked() { ns_s curl -s --max-time 10 --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query | jq -r '.data.result[0].value[1]'; }

# told SENTENCE QUERY WANT: Prometheus has it, soon
has() { [ "$(asked "$1")" = "$2" ]; }
told() {
	until_true has "$2" "$3"
	is "$1" "$(asked "$2")" "$3"
}

# number PATH: of the minute in the file minute.json
number() { jq ".\"1m\".$1" minute.json; }

# scraped_since SECOND: Prometheus has begun a scrape later than that
scraped_since() { awk -v at="$(asked 'timestamp(packets_total{job="pktvisor"})')" -v since="$1" 'BEGIN { exit !(at + 0 > since + 0) }'; }

# same_minute: Prometheus, once it has scraped since that minute closed, has its numbers. That it has the minute's total is not enough:
# while the minute was open it could have had it, too, and the rates are over more seconds since.
same_minute() {
	local name query path want top since
	since=$(date +%s.%N)
	until_true scraped_since "$since"
	until_true has 'packets_total{job="pktvisor"}' "$(number packets.total)"
	for name in dns_wire_packets_queries:dns.wire_packets.queries dns_wire_packets_replies:dns.wire_packets.replies packets_total:packets.total \
		dns_wire_packets_nxdomain:dns.wire_packets.nxdomain dns_xact_counts_total:dns.xact.counts.total \
		dns_cardinality_qname:dns.cardinality.qname packets_cardinality_src_ips_in:packets.cardinality.src_ips_in \
		dns_rates_total\{quantile=\"0.5\"\}:dns.rates.total.p50 packets_rates_pps_total\{quantile=\"0.9\"\}:packets.rates.pps_total.p90; do
		query=${name%%:*} path=${name#*:}
		[ "${query%\}}" = "$query" ] && query="$query{job=\"pktvisor\"}" || query="${query%\}},job=\"pktvisor\"}"
		want=$(number "$path")
		[ "$want" = null ] && { skip "$path: not in this minute"; continue; }
		is "Prometheus has the minute's $path" "$(asked "$query")" "$want"
	done
	for top in 0 1 2; do
		top=$(jq -r --argjson n $top '."1m".dns.top_qname2[$n] | "\(.name) \(.estimate)"' minute.json)
		is "and of the most frequent names ${top% *}" "$(asked "dns_top_qname2{job=\"pktvisor\",qname=\"${top% *}\"}")" "${top#* }"
	done
	is "Prometheus understood every answer that came" "$(grep 'Scrape failed' prometheus.log | grep -v 'deadline exceeded\|connection refused')" ""
}
