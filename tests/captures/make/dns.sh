#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# dns.sh [OUTDIR] - dns-udp4, dns-udp6, dns-tcp4, dns-tcp6 .pcap: knotd asked by dnsperf and our tcpclient.py.
LIMIT=120
. "$(dirname "$0")/common.sh"
set -u

ns_up || exit 1
dns_server_start "$NS_S" "$NS_SERVER4" "$NS_SERVER6" || exit 1

udp() # FILE FAMILY SERVER SEED CLIENT...
{
	local file=$1 fam=$2 server=$3 seed=$4 c pids=
	shift 4
	forget "$file"
	ns_capture "$OUT/$file" udp port 53 || exit 1
	for c in "$@"; do
		"$TESTS/lib/dnsqueries.py" 150 "$seed" >"$TMP/q$seed"
		perf -f "$fam" -s "$server" -a "$c" -d "$TMP/q$seed" -n 1 -c 3 -T 1 -Q 25 &
		pids="$pids $!"
		seed=$((seed + 1))
	done
	# shellcheck disable=SC2086
	wait $pids
	# Answers with the TC flag, not followed up.
	for c in 1 2 3; do
		ns_c dig "@$server" +ignore +noedns +retry=0 big.example.com TXT >/dev/null
	done
	ns_capture_end || exit 1
	EXTRA=3 perf_facts "$file"
}

tcp() # FILE FAMILY SERVER SEED CLIENT CLIENT
{
	local file=$1 fam=$2 server=$3 seed=$4 a=$5 b=$6 n extra=0
	forget "$file"
	"$TESTS/lib/dnsqueries.py" 200 "$seed" >"$TMP/qa"
	"$TESTS/lib/dnsqueries.py" 200 "$((seed + 1))" >"$TMP/qb"
	"$TESTS/lib/dnsqueries.py" 400 "$((seed + 2))" >"$TMP/qc"
	ns_capture "$OUT/$file" tcp port 53 || exit 1
	# Few connections, many messages in flight on each.
	perf -m tcp -f "$fam" -s "$server" -a "$a" -d "$TMP/qa" -n 1 -c 4 -T 1 -q 40 -Q 80
	# All at once: several messages in a segment.
	perf -m tcp -f "$fam" -s "$server" -a "$b" -d "$TMP/qb" -n 1 -c 2 -T 1 -q 100
	# One connection for each message.
	for n in www.example.com api.example.com big.example.com nosuch.example.com www.broken.test \
		elsewhere.invalid example.co.uk ExAmPlE.OrG; do
		ns_c kdig "@$server" +tcp +retry=0 "$n" TXT >/dev/null
		extra=$((extra + 1))
	done
	n=$(ns_c "$MAKE/tcpclient.py" -b "$a" "$server" bytes len half burst close wait idle cut burst <"$TMP/qc") ||
		die "tcpclient failed"
	extra=$((extra + $(echo "$n" | awk '{ print $2 }')))
	# Small segments: both ends are told of a small MSS, so messages are split over many of them.
	ns_s nft add table inet mss
	ns_s nft add chain inet mss in '{ type filter hook prerouting priority -150; }'
	ns_s nft add chain inet mss out '{ type filter hook output priority -150; }'
	ns_s nft add rule inet mss in tcp flags syn tcp option maxseg size set 100
	ns_s nft add rule inet mss out tcp flags syn tcp option maxseg size set 100
	for n in A AAAA TXT TXT; do
		ns_c kdig "@$server" +tcp +retry=0 big.example.com $n >/dev/null
		extra=$((extra + 1))
	done
	n=$(tail -n 60 "$TMP/qc" | ns_c "$MAKE/tcpclient.py" -b "$b" "$server" burst wait burst) || die "tcpclient failed"
	extra=$((extra + $(echo "$n" | awk '{ print $2 }')))
	ns_c kdig "@$server" +tcp +retry=0 example.com AXFR >/dev/null
	extra=$((extra + 1))
	ns_s nft delete table inet mss
	ns_capture_end || exit 1
	EXTRA=$extra perf_facts "$file"
}

udp dns-udp4.pcap inet "$NS_SERVER4" 11 192.0.2.11 198.51.100.21 203.0.113.31
tcp dns-tcp4.pcap inet "$NS_SERVER4" 31 192.0.2.11 198.51.100.22
udp dns-udp6.pcap inet6 "$NS_SERVER6" 21 2001:db8:0:1::11 2001:db8:0:2::21 2001:db8:0:2::22
tcp dns-tcp6.pcap inet6 "$NS_SERVER6" 41 2001:db8:0:1::11 2001:db8:0:2::23
