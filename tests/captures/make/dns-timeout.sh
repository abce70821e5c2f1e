#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# dns-timeout.sh [OUTDIR] - dns-timeout.pcap: our slowdns.py answers late, twice, wrongly or never.
LIMIT=60
. "$(dirname "$0")/common.sh"
set -u
F=dns-timeout.pcap

ns_up || exit 1
ip -n "$NS_S" addr add 192.0.2.56/24 dev s0
ip netns exec "$NS_S" "$MAKE/slowdns.py" server 192.0.2.56 >"$TMP/ready" &
for n in $(seq 50); do
	grep -q ready "$TMP/ready" && break
	sleep 0.1
done
forget $F
ns_capture "$OUT/$F" port 53 || exit 1
ns_c "$MAKE/slowdns.py" client 192.0.2.56 >"$TMP/facts.client" || die "client failed"
ns_capture_end || exit 1
while read -r name value; do
	fact $F "$name" "$value" clients
done <"$TMP/facts.client"
