#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# dns-mixed.sh [OUTDIR] - dns-mixed.pcap: UDP and TCP, IPv4 and IPv6, about 10 000 packets in 95 seconds, so
# that it crosses at least one minute boundary, mostly two. dnsperf against knotd.
LIMIT=150
. "$(dirname "$0")/common.sh"
set -u
F=dns-mixed.pcap

ns_up || exit 1
dns_server_start "$NS_S" "$NS_SERVER4" "$NS_SERVER6" || exit 1
forget $F
ns_capture "$OUT/$F" port 53 || exit 1
run() # SEED RATE ARGUMENTS...
{
	"$TESTS/lib/dnsqueries.py" $((95 * $2)) "$1" >"$TMP/q$1"
	perf -d "$TMP/q$1" -n 1 -T 1 -Q "$2" "${@:3}" &
	PIDS="$PIDS $!"
}
PIDS=
run 101 14 -f inet -s $NS_SERVER4 -a 192.0.2.11 -c 8
run 102 8 -f inet -s $NS_SERVER4 -a 198.51.100.21 -c 4 -e
run 103 6 -f inet -s $NS_SERVER4 -a 203.0.113.31 -c 4
run 104 9 -f inet6 -s $NS_SERVER6 -a 2001:db8:0:2::21 -c 4
run 105 4 -f inet -s $NS_SERVER4 -a 198.51.100.23 -m tcp -c 3 -q 10
run 106 3 -f inet6 -s $NS_SERVER6 -a 2001:db8:0:2::23 -m tcp -c 2 -q 10
# Short connections, one message each.
EXTRA=0
for n in $(seq 60); do
	ns_c kdig @$NS_SERVER4 +tcp +retry=0 "n$n.wild.example.com" A >/dev/null
	EXTRA=$((EXTRA + 1))
	sleep 1.2
done
# shellcheck disable=SC2086
wait $PIDS
ns_capture_end || exit 1
perf_facts $F
