#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# Real servers under load, logging to us while they answer: knotd over a Unix socket, unbound and dnsdist over TCP. What arrives is what
# dnsperf sent and got, and what one server says it asked is what the other says it was asked.
[ "$(id -u)" = 0 ] || { echo "skip - needs root"; exit 0; }
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/dnsserver.sh"
. "$TESTS/lib/dnstap.sh"
for p in knotd unbound dnsdist dnsperf; do
	command -v $p >/dev/null || { skip "needs $p"; exit 0; }
done
taps=
cleanup() { dnstap_stop; dns_server_stop; [ -z "$taps" ] || kill $taps 2>/dev/null; ns_down; }
trap cleanup EXIT
trap 'exit 1' INT TERM
ns_up || { not_ok "two namespaces"; exit 1; }
secs=${LIVE_SECONDS:-3}

# tap NAME ARGUMENTS...: a live pipeline; what came is kept too
tap() {
	local name=$1; shift
	ip netns exec "$NS_S" bash -c 'echo $$ >"$0.pid"; exec pv-dnstap -v "$@"' "$name" "$@" 2>"$name.err" | tee "$name.events" |
		pv-net | pv-dns --dnstap-msg-type "${TYPE:-client}" | pv-window --json --summary >"$name.json" &
	until_true grep -q source "$name.err"
	taps="$taps $(cat "$name.pid")"
}
TYPE=auth tap knot --socket "$PWD/knot.sock"
tap unbound --tcp '[::1]:6053'
tap dnsdist --tcp 127.0.0.1:6054
DNS_DNSTAP=unix:$PWD/knot.sock dns_server_start "$NS_S" "$NS_SERVER4" "$NS_SERVER6" || { not_ok "knotd starts"; exit 1; }
unbound_start "$NS_S" 192.0.2.53 5301 "$NS_SERVER4" ::1@6053 || { not_ok "unbound starts"; exit 1; }
dnsdist_start "$NS_S" 192.0.2.53 5302 192.0.2.53:5301 tcp:127.0.0.1:6054 || { not_ok "dnsdist starts"; exit 1; }

# clients ask unbound, and dnsdist, which asks unbound; unbound asks knotd
python3 "$TESTS/lib/dnsqueries.py" 500 >queries
ns_c dnsperf -s $NS_SERVER4 -p 5301 -d queries -l "$secs" -Q 500 -c 4 -t 30 >unbound.perf 2>&1 &
perf=$!
ns_c dnsperf -s $NS_SERVER4 -p 5302 -d queries -l "$secs" -Q 500 -c 4 -t 30 -m tcp >dnsdist.perf 2>&1
wait $perf
# servers gather for a second, and some look at their clock once a second: until nothing has come for longer than that
for i in $(seq 10); do
	had=$(cat *.events | wc -c)
	sleep 2.5
	[ "$(cat *.events | wc -c)" != "$had" ] || break
done
dnstap_stop
dns_server_stop
ns_idle # what they sent at their end has been read
kill $taps
wait
taps=

for s in knot unbound dnsdist; do
	pv-cat --json --type dnstap <$s.events | jq -r '[.message, .dir, .query_addr, .query_port, .payload] | @tsv' >$s.tsv
	pv-dns --only <$s.events | pv-cat --json --type dns | jq -r '[.dnstap, .xact, (.time | tonumber) - ((.query_time_ns // .time) | tonumber)] | @tsv' >$s.dns
done
of() { awk -v m="$2" '$1 == m' "$1.tsv" | wc -l; } # NAME MESSAGE: how many of these
perf_count() { sed -n "s/.*Queries $2: *\([0-9]*\).*/\1/p" "$1.perf"; }

front=0 # queries of dnsdist to unbound
for s in dnsdist unbound; do
	sent=$(perf_count $s sent) n=$(of $s 5)
	extra=$((n - sent - front)) # those that asked whether it is up
	is "$s: dnsperf has asked" "$([ "${sent:-0}" -ge $((secs * 50)) ] && echo yes)" yes
	if [ "$extra" -ge 1 ] && [ "$extra" -le 300 ]; then ok "$s logged each of the $((sent + front)) queries, and $extra that asked whether it is up"
	else not_ok "$s was asked $sent + $front times, and logged $n"; fi
	is "$s: and as many responses as were got" "$(of $s 6)" "$((n - sent + $(perf_count $s completed)))"
	is "$s: the live pipeline counts the same" "$(jq -c '.[].dns.wire_packets | [.queries, .replies]' $s.json)" "[$n,$(of $s 6)]"
	is "$s: clients' queries are in, their answers out" "$(awk '$1 == 5 || $1 == 6 { print $1, $2 }' $s.tsv | sort -u | xargs)" "5 in 6 out"
	is "$s: every response has its query" "$(awk '$1 == 6 { print $2 }' $s.dns | sort -u | xargs)" 1
	one=$(grep 'clients 1; refused 0, evicted 0, idle 0, bad 0' $s.err)
	is "$s: one client, and nothing was wrong with it" "${one:+yes}" yes
	front=$n
done
# what a server measures is told, not when its messages came: they come together, once a second, many a query with its answer
is "times are those of the servers" "$(awk '$1 == 6 && $3 > 0 { n++ } $1 == 6 && $3 > 0.9 { long++ } END { print (n > 50), (2 * long < n) }' unbound.dns)" "1 1"
awk '$1 == 3 { print $4, $5 }' unbound.tsv | sort >asked
awk '$1 == 1 { print $4, $5 }' knot.tsv | sort >heard
is "all that unbound asked, knotd says it was asked" "$([ -s asked ] && comm -23 asked heard | wc -l)" 0
is "and knotd answered every query" "$(of knot 2)" "$(of knot 1)"
is "what the pipeline made of knotd's" "$(jq -c '.[].dns.wire_packets | [.queries, .replies]' knot.json)" "[$(of knot 1),$(of knot 2)]"
