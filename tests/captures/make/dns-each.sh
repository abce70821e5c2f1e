#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# dns-each.sh [OUTDIR] - dns-each.pcap: 180 queries over UDP by dnsperf, and 180 over TCP with a connection for each.
LIMIT=60
. "$(dirname "$0")/common.sh"
set -u
F=dns-each.pcap

ns_up || exit 1
dns_server_start "$NS_S" "$NS_SERVER4" || exit 1
"$TESTS/lib/dnsqueries.py" 180 51 >"$TMP/udp"
"$TESTS/lib/dnsqueries.py" 180 52 >"$TMP/tcp"
forget $F
ns_capture "$OUT/$F" port 53 || exit 1
perf -f inet -s "$NS_SERVER4" -a 198.51.100.23 -d "$TMP/udp" -n 1 -c 2 -T 1 -Q 150 &
n=$(ns_c "$MAKE/tcpclient.py" -b 192.0.2.11 "$NS_SERVER4" each each <"$TMP/tcp") || die "tcpclient failed"
wait
ns_capture_end || exit 1
EXTRA=$(echo "$n" | awk '{ print $2 }') perf_facts $F
