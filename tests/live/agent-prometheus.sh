#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# A real Prometheus scrapes pktvisord with two workers while dnsperf loads a real DNS server: for a minute that has closed Prometheus has what the JSON says.
# Waits: a minute of the clock has to pass; the load is far from filling a processor.
[ "$(id -u)" = 0 ] || { echo "skip - needs root"; exit 0; }
for program in prometheus dnsperf knotd; do command -v $program >/dev/null || { echo "skip - no $program"; exit 0; }; done
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/dnsserver.sh"
. "$TESTS/lib/prometheus.sh"
. "$TESTS/lib/agent.sh"
cleanup() { prometheus_stop; stop_agents; dns_server_stop; ns_down; }
trap cleanup EXIT
trap 'exit 1' INT TERM
ns_up && dns_server_start "$NS_S" $NS_SERVER4 || { not_ok "the server starts"; exit 1; }
python3 "$TESTS/lib/dnsqueries.py" 2000 >queries.txt
AT=(ip netns exec "$NS_S")

start --workers 2 --prom-instance edge -H $NS_SERVER4/32 -b "udp port 53" s0 || exit 1
prometheus_start "$NS_S" "${URL##*:}"
# All of it is of the first minute, if what starts and ends takes less than twenty seconds.
ns_c dnsperf -s $NS_SERVER4 -d queries.txt -l 40 -Q 4000 -c 4 -t 30 >dnsperf.out 2>&1
sent=$(sed -n 's/.*Queries sent: *\([0-9]*\).*/\1/p' dnsperf.out)
lost=$(sed -n 's/.*Queries lost: *\([0-9]*\).*/\1/p' dnsperf.out)
closed() { get /api/v1/metrics/bucket/1 >minute.json; grep -q '"1m"' minute.json; }
until_true closed
like "a minute has closed" "$(number dns.period.length)" '^6[0-9]$'
is "it has every query of dnsperf" "$(number dns.wire_packets.queries)" "$sent"
is "and every reply" "$(number dns.wire_packets.replies)" $((sent - lost))
same_minute
told "every series has the instance that was given" 'count(packets_total{exported_instance="edge"})' 2
told "self metrics: the packets that dnsperf sent and got" 'pktvisor_packets_received_total{job="all",policy="default",stage="pcap"}' $((2 * sent - lost))
told "self metrics: and the messages among them" 'pktvisor_packets_received_total{job="all",policy="default",stage="dns"}' $((2 * sent - lost))
is "self metrics: none dropped, none lost" "$(asked 'sum(pktvisor_packets_dropped_total)') $(asked 'sum(pktvisor_policy_lost_events_total)')" "0 0"
is "both workers had packets" "$(get /api/v1/policies/__all/metrics/prometheus | grep -c '^pktvisor_worker_packets_total.* [1-9][0-9]*$')" 2
finish
is "SIGTERM ends it well" $? 0
