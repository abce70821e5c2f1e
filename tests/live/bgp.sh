# Two birds talk BGP; pktvisord and a pipeline listen. Both count every message that the birds received, type by type: OPEN, thousands
# of routes in UPDATEs of up to 16 KiB, KEEPALIVE, route refresh, NOTIFICATION.
[ "$(id -u)" = 0 ] || { echo "skip - needs root"; exit 0; }
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/bird.sh"
trap 'stop_agents; bird_stop; ns_down' EXIT
trap 'exit 1' INT TERM
cat >c.yaml <<'END'
version: "1.0"
visor:
  taps: {wire: {input_type: pcap, config: {iface: s0}}}
  policies:
    peers: {kind: collection, input: {tap: wire, input_type: pcap}, handlers: {modules: {b: {type: bgp}, n: {type: net}, d: {type: dns}, p: {type: pcap}}}}
    chained: {kind: collection, input: {tap: wire, input_type: pcap}, handlers: {modules: [{b: {type: bgp}}, {n: {type: net}}]}}
END
ns_up || { not_ok "the namespaces come up"; exit 1; }
AT=(ip netns exec "$NS_S")
# one period: everything is in it, however long it takes
start --periods 1 --config c.yaml || exit 1
ip netns exec "$NS_S" bash -c "
	pv-capture s0 2>capture.err >raw.pve & echo \$! >capture.pid; wait" &
pipe=$!
until_true test -s raw.pve
bird_start c && bird_start s && bird_up four && bird_up six || { not_ok "the sessions come up"; exit 1; }
ok "sessions of both families come up"
# A session ends when nothing is on the way in it, or that would be said and not received.
bird_heard four 1000 && bird_heard six 1000 || not_ok "all routes are heard of"
bird c reload in four >/dev/null
bird_heard four 2000 || not_ok "and again, when asked for"
bird c disable six >/dev/null
bird s restart four >/dev/null
bird_up four && bird_heard four 1000 || not_ok "a session comes up again"
bird s disable four >/dev/null
ns_idle
want=$(birds_got)
kill -INT "$(cat capture.pid)"; wait $pipe
types='[.open, .update, .notification, .keepalive, .routerefresh] | map(tostring) | join(" ")'
pv-bgp <raw.pve | pv-window --json --periods 1 >window.json
is "the pipeline counts what the birds received: open update notification keepalive refresh" "$(jq -r ".[].bgp.wire_packets | $types" window.json)" "$want"
seen() { get /api/v1/policies/peers/metrics/bucket/0 | jq -r ".[][\"peers-wire-b\"].bgp.wire_packets | $types"; }
settled() { [ "$(seen)" = "$want" ]; }
until_true settled
is "so does pktvisord" "$(seen)" "$want"
like "each kind was there, and some were large" "$want $(pv-bgp --only <raw.pve | pv-cat --json -t bgp | jq -s 'map(.length) | max')" '^[1-9][0-9]* [1-9][0-9]* [1-9] [1-9][0-9]* [1-9] 1[0-9]{4}$'
is "nothing was lost on the way, nor malformed" "$(pv-bgp <raw.pve | pv-cat --json -t tcp_error | wc -l) $(self pktvisor_packets_malformed_total)" "0 0"
sum=0; for n in $want; do sum=$((sum + n)); done
is "a handler behind bgp in a chain sees one packet a message" "$(get /api/v1/policies/chained/metrics/bucket/0 | jq '.[]["chained-wire-n"].packets.total')" $sum
text=$(get /api/v1/policies/peers/metrics/prometheus)
is "Prometheus text has them" "$(for n in open update notification keepalive routerefresh; do printf '%s\n' "$text" | awk -v m="bgp_wire_packets_$n" '$1 ~ "^" m "{" { print $NF }'; done | xargs)" "$want"
unprivileged "while capturing"
finish; is "pktvisord ends in order" $? 0
