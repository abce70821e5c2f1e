#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# pktvisor-cli in a real terminal (tmux), looking at an agent that watches a real server: what the screen shows at three sizes,
# what keys do, an agent that dies and comes back. On made-up answers: ../scenarios/cli-terminal.sh.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/agent.sh"
. "$TESTS/lib/dnsserver.sh"
. "$TESTS/lib/cliterm.sh"
[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
for p in tmux dnsperf knotd; do command -v $p >/dev/null || { skip "needs $p"; exit 0; }; done
export LC_ALL=C.UTF-8
PERF=
cleanup() {
	mux_end
	[ -z "$PERF" ] || kill "$PERF" 2>/dev/null
	stop_agents; dns_server_stop; ns_down
}
trap cleanup EXIT
trap 'exit 1' INT TERM

MASK=(python3 "$TESTS/lib/climask.py")
# agent PORT: 0 is one that is free
agent() {
	: >log
	"${AT[@]}" pktvisord -p "$1" -H "$NS_SERVER4/32" -b 'udp port 53' s0 >log 2>&1 & PID=$!
	AGENTS+=("$PID")
	listening log
}
# queries N: N times the same thirty, of which we know what they are answered with
queries() {
	local i
	for ((i = 0; i < $1; i++)); do
		yes 'www.example.com A' | head -n 12
		yes 'www.example.org A' | head -n 6
		yes 'nosuch.example.org A' | head -n 4
		yes 'mail.example.com AAAA' | head -n 3
		yes 'www.broken.test A' | head -n 3
		yes 'elsewhere.invalid MX' | head -n 2
	done
}
perf() { exec ip netns exec "$NS_C" dnsperf -s "$NS_SERVER4" -d "$1" -c 1 "${@:2}"; }
total() { get /api/v1/policies/default/metrics/window/5 | jq '.default["default-default-dns"].dns.wire_packets.total'; }
has_all() { [ "$(total)" = 600 ]; }

ns_up && dns_server_start "$NS_S" "$NS_SERVER4" || { not_ok "the server starts"; exit 1; }
ns_c sysctl -qw net.ipv6.conf.c0.disable_ipv6=1
ns_s sysctl -qw net.ipv6.conf.s0.disable_ipv6=1
AT=(ip netns exec "$NS_S")
agent 0 || exit 1
PORT=${URL##*:}
queries 10 >queries.txt
(perf queries.txt -n 1 -Q 150 >perf.out 2>&1)
until_true has_all
is "dnsperf's 300 queries and their answers are counted" "$(total)" 600

mux_begin 200 60 "${AT[*]} env TERM=tmux-256color LC_ALL=C.UTF-8 TZ=UTC0 $BIN/pktvisor-cli -p $PORT"
sees "the overview" 'DNS Wire Pkts 600/600'
golden live.200x60 "${MASK[@]}"
size 120 40
golden live.120x40 "${MASK[@]}"
size 80 24
golden live.80x24 "${MASK[@]}"
keys 3
golden live.dns.80x24 "${MASK[@]}"
size 120 40
golden live.dns.120x40 "${MASK[@]}"
keys 1 '?'
golden live.help.120x40 "${MASK[@]}"
keys Escape Down Enter
golden live.details.120x40 "${MASK[@]}"
keys Escape / b r o k e n Enter
golden live.filter.120x40 "${MASK[@]}"
keys Escape Escape p
sees "the policies to pick from" '\(all policies\)'
keys Down Down Escape t
sees "the taps" '\(all taps\)'
keys Escape - Space
sees "a shorter window, and a pause" 'paused.* 4 min'
keys + Space

(perf queries.txt -l 120 -Q 20 >perf2.out 2>&1) & PERF=$!
moved() { ! shows 'DNS Wire Pkts 600/600'; }
until_true moved
is "while dnsperf runs the numbers move" $? 0
# cpu: hundredths of a second that it has used; age: those that it has lived
cpu() { awk '{ print $14 + $15 }' "/proc/$CLI/stat"; }
age() { awk -v up="$(cut -d ' ' -f 1 /proc/uptime)" '{ printf "%d\n", 100 * up - $22 }' "/proc/$CLI/stat"; }
older() { [ $(($(age) - BORN)) -ge 600 ]; }
CLI=$(pgrep -s "$("${MUX[@]}" display-message -p -t cli '#{pane_pid}')" -x pktvisor-cli)
case $BUILD in
*/release*)
	size 200 60
	sees "the largest of the three sizes" 'Top GeoLoc.*Top ASN.*Rates per second'
	BORN=$(age) USED=$(cpu)
	until_true older
	USED=$(($(cpu) - USED)) BORN=$(($(age) - BORN))
	[ $((100 * USED)) -lt $((2 * BORN)) ] && ok "there it needs less than 2 % of one processor" ||
		not_ok "there it needs less than 2 % of one processor ($USED of $BORN)"
	;;
esac
kill -KILL "$PID"; wait "$PID" 2>/dev/null; AGENTS=()
sees "an agent that died is said in the last line" "Couldn't connect to server"
sees "what was known stays" 'DNS Wire Pkts [0-9]'
agent "$PORT" || exit 1
back() { ! shows 'connect to' && shows '1 overview'; }
until_true back
is "it is seen again when it is there again" $? 0
keys q
sees "q ends it, with status 0" '^ended 0'
mux_again "${AT[*]} env TERM=vt100 NO_COLOR=1 LC_ALL=C.UTF-8 $BIN/pktvisor-cli -p $PORT"
sees "a terminal without colours" 'Policy: default'
is "gets none" "$("${MUX[@]}" capture-pane -e -p -t cli | grep -cE $'\e\\[[0-9;]*3[0-7]')" 0
keys C-c
sees "Ctrl-C ends it, too, with status 0" '^ended 0'
