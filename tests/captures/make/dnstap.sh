#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# dnstap.sh [OUTDIR] - dnstap/knot, unbound, dnsdist .dnstap: what three real servers log while dnsperf and kdig ask. knotd writes its
# file itself; the others send to fstrm_capture, over a Unix socket and over TCP.
LIMIT=120
. "$(dirname "$0")/common.sh"
. "$TESTS/lib/dnstap.sh"
set -u
trap 'dnstap_stop; finish' EXIT

mkdir -p "$OUT/dnstap"
ns_up || exit 1
ip netns exec "$NS_S" fstrm_capture -t protobuf:dnstap.Dnstap -u "$TMP/unbound.sock" -w "$TMP/unbound.dnstap" &
unbound_tap=$!
ip netns exec "$NS_S" fstrm_capture -t protobuf:dnstap.Dnstap -a 127.0.0.1 -p 6053 -w "$TMP/dnsdist.dnstap" &
dnsdist_tap=$!
sleep 0.5
DNS_DNSTAP=$TMP/knot.dnstap dns_server_start "$NS_S" "$NS_SERVER4" "$NS_SERVER6" || exit 1
unbound_start "$NS_S" 192.0.2.53 5301 "$NS_SERVER4" "$TMP/unbound.sock" || exit 1
dnsdist_start "$NS_S" 192.0.2.53 5302 "$NS_SERVER4:53" tcp:127.0.0.1:6053 || exit 1

"$TESTS/lib/dnsqueries.py" 60 71 >"$TMP/q"
for port in 53 5301 5302; do
	perf -s "$NS_SERVER4" -p $port -d "$TMP/q" -n 1 -c 2 -T 1 -Q 200
	perf -m tcp -s "$NS_SERVER4" -p $port -d "$TMP/q" -n 1 -c 2 -T 1 -Q 200
done
perf -f inet6 -s "$NS_SERVER6" -d "$TMP/q" -n 1 -c 2 -T 1 -Q 200
ns_c kdig @$NS_SERVER4 +retry=0 +subnet=192.0.2.0/24 www.example.com A >/dev/null
sleep 1.5
dnstap_stop
dns_server_stop
sleep 0.5
kill $unbound_tap $dnsdist_tap
wait $unbound_tap $dnsdist_tap 2>/dev/null
for f in knot unbound dnsdist; do
	[ -s "$TMP/$f.dnstap" ] || die "$f logged nothing"
	install -m 644 "$TMP/$f.dnstap" "$OUT/dnstap/$f.dnstap"
	forget "dnstap/$f.dnstap"
done
cat "$TMP"/perf.* | grep -E 'Queries (sent|completed)' >&2
