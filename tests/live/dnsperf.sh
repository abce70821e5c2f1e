# A real server under a steady load, captured live by the pipeline for more than a minute: what the periods count is what
# dnsperf sent, and nothing was dropped; taking the interface down and up in the middle does not end the capture.
# Waits: a minute of the clock has to pass; the load is far from filling a processor.
[ "$(id -u)" = 0 ] || { echo "skip - needs root"; exit 0; }
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/dnsserver.sh"
trap 'dns_server_stop; ns_down' EXIT
trap 'exit 1' INT TERM
secs=${LIVE_SECONDS:-70}
ns_up && dns_server_start "$NS_S" $NS_SERVER4 || { echo "not ok - the server starts"; exit 1; }
python3 "$TESTS/lib/dnsqueries.py" 2000 >queries.txt

# pipeline NAME FILTERS: behind a capture, which has begun when this returns, until ended
pipeline() {
	NAME=$1
	ip netns exec "$NS_S" bash -c "
		bash -c 'echo \$\$ >$NAME.pid; exec $BIN/pv-capture -v -b \"udp port 53\" s0 2>$NAME.err' | $2 | pv-window --json >$NAME.json
		echo \"\${PIPESTATUS[*]}\" >$NAME.status" &
	pipe=$!
	until_true grep -q 'host subnet' "$NAME.err"
}
ended() { ns_idle; kill -INT "$(cat "$NAME.pid")"; wait $pipe; }

pipeline load "pv-net | pv-dns"
ns_c dnsperf -s $NS_SERVER4 -d queries.txt -l "$secs" -Q 5000 -c 4 -t 30 >dnsperf.out 2>&1
ended
[ "$(cat load.status)" = "0 0 0 0" ] && echo "ok - every stage ends with 0" || echo "not ok - exit statuses $(cat load.status); $(cat load.err)"
sent=$(sed -n 's/.*Queries sent: *\([0-9]*\).*/\1/p' dnsperf.out)
lost=$(sed -n 's/.*Queries lost: *\([0-9]*\).*/\1/p' dnsperf.out)
periods=$(jq -s 'map(select(has("1m")))|length' load.json)
sum=$(jq -s 'map(select(has("1m"))|.["1m"].dns.wire_packets.queries)|add' load.json)
replies=$(jq -s 'map(select(has("1m"))|.["1m"].dns.wire_packets.replies)|add' load.json)
all=$(jq -s 'last|.["5m"].dns.wire_packets.queries' load.json)
[ "$periods" -ge 2 ] || [ "$secs" -lt 60 ] && echo "ok - a line of JSON per minute ($periods)" || echo "not ok - $periods lines of JSON"
[ -n "$sent" ] && [ "$sent" -gt $((secs * 500)) ] && [ "$sum" = "$sent" ] && echo "ok - the periods' queries sum to the $sent that dnsperf sent" || echo "not ok - dnsperf sent '$sent', the periods sum to '$sum'"
[ "$all" = "$sent" ] && echo "ok - so does the merged window" || echo "not ok - the merged window counts '$all' queries, dnsperf '$sent'"
[ "$replies" = $((sent - lost)) ] && echo "ok - and the replies to what was answered" || echo "not ok - $replies replies, dnsperf got $((sent - lost))"
grep -q 'dropped by the kernel 0, by the interface 0' load.err && echo "ok - capture reports zero drops" || echo "not ok - $(grep dropped load.err)"
grep -v '^#' dnsperf.out | tail -12 >&2

# the interface goes down in the middle
pipeline link pv-dns
ns_c dnsperf -s $NS_SERVER4 -d queries.txt -l 2 -Q 200 -t 30 >first.out 2>&1
ip -n "$NS_S" link set s0 down
until_true grep -q 's0: went down' link.err
ip -n "$NS_S" link set s0 up
until_true grep -q 's0: is up again' link.err
ns_c dnsperf -s $NS_SERVER4 -d queries.txt -l 2 -Q 200 -t 30 >second.out 2>&1
ended
sent=$(cat first.out second.out | sed -n 's/.*Queries sent: *\([0-9]*\).*/\1/p' | awk "{ n += \$1 } END { print n }")
got=$(jq -s 'last|.["5m"].dns.wire_packets.queries' link.json)
[ "$(cat link.status)" = "0 0 0" ] && [ "$got" = "$sent" ] && [ "$sent" -gt 50 ] && echo "ok - an interface that goes down and comes up again does not end the capture ($got queries)" || echo "not ok - around a link that went down: $got of $sent queries; $(cat link.status link.err)"
grep -qE 'link lost [1-9]' link.err && echo "ok - and it is counted" || echo "not ok - the lost link is not counted: $(tail -n 2 link.err)"
