# Targets across a veth, probed by pktvisord and by pv-probe: an answering one, one of whose packets nftables drops exactly every fourth, a
# slow one, closed and open ports, names that are and are not. What is counted is what the kernel's own counters say.
[ "$(id -u)" = 0 ] || { echo "skip - needs root"; exit 0; }
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
. "$TESTS/lib/ns.sh"
trap 'stop_agents; ns_down' EXIT
trap 'exit 1' INT TERM
ns_up || { not_ok "the namespaces come up"; exit 1; }
AT=(ip netns exec "$NS_C")

# The server answers pings to these, but for every fourth to .54; what comes to .55 and to port 81 vanishes; 80 is open, 82 is closed.
for a in 54 55; do ip -n "$NS_S" addr add 192.0.2.$a/32 dev s0; ip -n "$NS_S" addr add 2001:db8:0:1::$a/128 dev s0 nodad; done
ns_s nft -f - <<'END' || { skip "nftables does not work here"; exit 0; }
table inet t {
	counter asked {}
	counter lost {}
	chain in {
		type filter hook input priority 0
		ip daddr 192.0.2.54 icmp type echo-request counter name asked numgen inc mod 4 0 counter name lost drop
		ip6 daddr 2001:db8:0:1::54 icmpv6 type echo-request numgen inc mod 4 3 drop
		ip daddr 192.0.2.55 drop
		tcp dport 81 drop
	}
}
END
counter() { ns_s nft -j list counter inet t "$1" | jq '.nftables[] | select(.counter) | .counter.packets'; }
ip netns exec "$NS_S" python3 -c 'import socket, time
s = socket.create_server(("192.0.2.53", 80), backlog=1000)
time.sleep(1000)' & # the kernel accepts, however busy others are
answers() { ns_c bash -c 'exec 3<>/dev/tcp/192.0.2.53/80' 2>/dev/null; }
until_true answers
mkdir -p "/etc/netns/$NS_C" && printf 'nameserver 192.0.2.55\noptions timeout:1 attempts:1\n' >"/etc/netns/$NS_C/resolv.conf"
trap 'stop_agents; ns_down; rm -rf "/etc/netns/$NS_C"' EXIT

local=$(ip -n "$NS_S" -6 -o addr show dev s0 scope link | awk '{ sub("/.*", "", $4); print $4; exit }')

# target FILE NAME: attempts successes connect_failures dns_lookup_failures packets_timeout
target() { jq -r --arg t "$2" '[.. | .targets? // empty][0][$t] | [.attempts, .successes, .connect_failures, .dns_lookup_failures, .packets_timeout] | map(tostring) | join(" ")' "$1"; }

# ---- pv-probe, with raw sockets and with those that the kernel lends ------------------------------------------------------
# The name's server is dead: other targets do not wait for it.
probe() {
	"${AT[@]}" "$@" pv-probe -v -c 8 -i 250 -w 200 up=192.0.2.53 up6=2001:db8:0:1::53 fourth=192.0.2.54 fourth6=2001:db8:0:1::54 dead=192.0.2.55 \
		far=10.99.99.99 open=tcp://192.0.2.53:80 closed=tcp://192.0.2.53:82 dropped=tcp://192.0.2.53:81 named=nobody.example.com \
		closed6=tcp://[2001:db8:0:1::53]:82 local="$local%c0" closed_local="tcp://[$local%c0]:82" nowhere="$local%gone0" 2>err | pv-window --json --periods 1 >got
	is "$HOW: every stage ends with 0" "${PIPESTATUS[*]}" "0 0"
	is "$HOW: who answers has answered" "$(target got up), $(target got up6)" "8 8 0 0 0, 8 8 0 0 0"
	is "$HOW: every fourth request is lost, and counted" "$(target got fourth), $(target got fourth6)" "8 6 0 0 2, 8 6 0 0 2"
	is "$HOW: who never answers has timed out" "$(target got dead)" "8 0 0 0 8"
	is "$HOW: an open port, a closed one, one that says nothing" "$(target got open), $(target got closed), $(target got dropped)" "8 8 0 0 0, 8 0 8 0 0, 8 0 0 0 8"
	is "$HOW: over IPv6, too" "$(target got closed6)" "8 0 8 0 0"
	is "$HOW: link-local addresses, behind an interface that is there and one that is not" \
		"$(target got local), $(target got closed_local), $(target got nowhere)" "8 8 0 0 0, 8 0 8 0 0, 0 0 8 0 0"
	is "$HOW: a name that nobody knows, and nobody waits for" "$(target got named)" "0 0 0 8 0"
	is "$HOW: response times are those of the network" "$(jq '[.. | .targets? // empty][0].up | 0 < .response_min_us and .response_min_us <= .response_max_us and .response_max_us < 200000 and .response_histogram_us.buckets["+Inf"] == 8' got)" true
	is "$HOW: none without answers" "$(jq -c '[.. | .targets? // empty][0].dead | keys' got)" '["attempts","connect_failures","dns_lookup_failures","packets_timeout","successes"]'
}
HOW="raw sockets" probe env
# A zone's server is gone, and a name of elsewhere stands behind its twenty: the dead take a second each, their patience is 2.5.
"${AT[@]}" pv-probe -c 1 -i 3000 -w 2500 $(for i in $(seq 20); do echo "gone$i=gone$i.example.com"; done) here=localhost | pv-window --json --periods 1 >got
is "names that nobody looks up keep no other waiting" "$(target got here), $(target got gone20)" "1 1 0 0 0, 0 0 0 1 0"
was="$(counter asked) $(counter lost)"
is "the kernel says so, too: asked and lost" "$was" "8 2"
ns_c sysctl -qw net.ipv4.ping_group_range="0 2147483647"
HOW="ping sockets, without privileges" probe setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all
is "and again: asked and lost" "$(counter asked) $(counter lost)" "16 4"
ns_c sysctl -qw net.ipv4.ping_group_range="1 0"
status 1 "without either it says what it takes" "${AT[@]}" setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all pv-probe 192.0.2.53
one_line "in a line" err 'cannot ping: .*CAP_NET_RAW.*ping_group_range'

# ---- pktvisord: by configuration, and by REST once privileges are gone; patience of policies ---------------------------------
cat >c.yaml <<'END'
version: "1.0"
visor:
  taps:
    ping: {input_type: netprobe, config: {test_type: ping, interval_msec: 400, timeout_msec: 300, packets_per_test: 4, packets_interval_msec: 20,
        targets: {up: {target: 192.0.2.53}, fourth: {target: 192.0.2.54}, six: {target: "2001:db8:0:1::53"}}}}
  policies:
    p: {kind: collection, input: {tap: ping, input_type: netprobe}, handlers: {modules: {n: {type: netprobe}, r: {type: input_resources}}}}
    short: {kind: collection, input: {tap: ping, input_type: netprobe}, handlers: {modules: {n: {type: netprobe, config: {xact_ttl_ms: 20}, metric_groups: {enable: [quantiles]}}}}}
END
start --config c.yaml --admin-api || exit 1
post taps '{visor: {taps: {web: {input_type: netprobe, config: {test_type: tcp, interval_msec: 200, timeout_msec: 100, targets: {
	open: {target: 192.0.2.53, port: 80}, closed: {target: 192.0.2.53, port: 82}, dropped: {target: 192.0.2.53, port: 81}}}}}}}' >/dev/null
post taps '{visor: {taps: {later: {input_type: netprobe, config: {test_type: ping, interval_msec: 200, timeout_msec: 100,
	targets: {up: {target: 192.0.2.53}, dead: {target: 192.0.2.55}}}}}}}' >/dev/null
is "a policy that comes later may probe, too" "$(post policies '{visor: {policies: {later: {kind: collection, input: {tap: later, input_type: netprobe}, handlers: {modules: {n: {type: netprobe}}}}}}}')" 201
is "and connect" "$(post policies '{visor: {policies: {web: {kind: collection, input: {tap: web, input_type: netprobe}, handlers: {modules: {n: {type: netprobe}}}}}}}')" 201
unprivileged "while probing"
# The last attempts of all are not known yet: what is known must fit.
look() { get "/api/v1/policies/$1/metrics/window/5" >"$1.json"; }
fits() { # POLICY TARGET JQ
	look "$1"
	jq -e --arg t "$2" "[.. | .targets? // empty][0][\$t] | (.attempts - .successes - .connect_failures - .packets_timeout) as \$open | .attempts >= 8 and \$open >= 0 and \$open <= 4 and ($3)" "$1.json" >/dev/null
}
check() { if until_true fits "$2" "$3" "$4"; then ok "$1"; else jq -c . "$2.json"; not_ok "$1"; fi; }
check "pktvisord: answers" p up '.packets_timeout == 0 and .response_min_us > 0'
check "over IPv6" p six '.packets_timeout == 0 and .successes >= 8'
check "a loss of exactly a fourth" p fourth '.packets_timeout == ((.attempts - $open) / 4 | floor) or .packets_timeout == ((.attempts - $open + 3) / 4 | floor)'
check "another policy's patience, quantiles" short fourth '.packets_timeout >= 2 and .response_quantiles_us.p50 > 0'
check "with privileges gone: answers" later up '.packets_timeout == 0'
check "and losses" later dead '.successes == 0 and .packets_timeout >= 7'
check "open port" web open '.connect_failures == 0 and .successes >= 7'
check "closed port" web closed '.connect_failures >= 7 and .packets_timeout == 0'
check "dropped port" web dropped '.connect_failures == 0 and .packets_timeout >= 7'
is "what clients are told of the input" "$(get /api/v1/policies/p | jq -c '.p.input[].netprobe')" '{"current_targets_total":3,"ping_sockets":2}'
is "connects need no such sockets" "$(get /api/v1/policies/web | jq -c '.web.input[].netprobe')" '{"current_targets_total":3}'
like "Prometheus text has the targets" "$(get /api/v1/policies/web/metrics/prometheus)" '^netprobe_connect_failures\{.*target="closed".*\} [1-9]'
finish; is "pktvisord ends in order" $? 0
