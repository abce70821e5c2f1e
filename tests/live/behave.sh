# SPDX-License-Identifier: MPL-2.0
# What pktvisord does on an interface, for those who come from the original: its own suite's scenarios (tests/README.md has the list).
# Waits: a minute of the clock has to pass; the load is far from filling a processor.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/agent.sh"
[ "$(id -u)" = 0 ] || { skip "needs root"; exit 0; }
command -v tcpreplay >/dev/null || { skip "needs tcpreplay"; exit 0; }
trap 'stop_agents; ns_down' EXIT
trap 'exit 1' INT TERM
ns_up || { not_ok "two namespaces"; exit 1; }
# A second pair for the agent that stays. On neither is anything but what a test sends, and the kernel does not answer it.
ip -n "$NS_C" link add c1 address 02:00:00:00:01:0c type veth peer name s1 address 02:00:00:00:01:05 netns "$NS_S"
for dev in 0 1; do
	ns_c sysctl -qw net.ipv6.conf.c$dev.disable_ipv6=1
	ns_s sysctl -qw net.ipv6.conf.s$dev.disable_ipv6=1
	ip -n "$NS_C" link set c$dev up
	ip -n "$NS_S" link set s$dev up
	ip -n "$NS_S" rule add pref 5 iif s$dev blackhole
done
ip -n "$NS_S" rule add pref 10 lookup local
ip -n "$NS_S" rule del pref 0
AT=(ip netns exec "$NS_S")

# replay FILE...: into the device TO
TO=c0
replay() { ns_c tcpreplay -q -K -i "$TO" --pps 4000 "$@" >replay 2>&1 || cat replay; }
alive() { kill -0 "$1" 2>/dev/null; }
statuses() { # PATH...: of each, in one go
	local p urls=()
	for p; do urls+=(-o /dev/null "$URL$p"); done
	"${AT[@]}" curl -s --max-time 60 -w '%{http_code}\n' "${urls[@]}" | sort | uniq -c | xargs
}
# tap NAME [TAGS]: the document of one
tap() { echo "{version: '1.0', visor: {taps: {$1: {input_type: pcap, config: {iface: s0}${2:+, tags: $2}}}}}"; }
# policy NAME INPUT [MODULES]
policy() {
	echo "{version: '1.0', visor: {policies: {$1: {kind: collection, input: {input_type: pcap, $2}, handlers: {modules: ${3:-{net: {type: net\}\}}}}}}}"
}
# fresh: an agent of its own with the default policy and the admin API, in place of the one before
fresh() { LOG=admin.log start --admin-api s0; }

# ---- 1, 13: an agent that stays until the end of the script, so that its first minute is over by then --------------

LOG=user.log start s1 || exit 1
USER_URL=$URL USER_PID=$PID
is "1: everything can be asked for at once" "$(statuses /api/v1/policies \
	/api/v1/policies/__all/metrics/{window/{2,3,4,5},bucket/{0,1,2,3,4},prometheus})" "11 200"
is "1: a policy, and one for its input" "$(names)" '["default","default-#-resources"]'
is "1: both run" "$(get /api/v1/policies | jq '[.[].input[].input.running] | all')" true
get /metrics >/dev/null # copies of the open minute are made for who asks
sent=0
for name in dhcp4 dns-udp4 dns-udp6 dns-tcp4 dns-tcp6 dns-edns; do
	TO=c1 replay "$CAPTURES/$name.pcap"
	sent=$((sent + $(awk -v f="$name.pcap" '$1 == f { print $2 }' "$CAPTURES/EXPECTED.tsv")))
done
counted() { [ "$(get /api/v1/policies/default/metrics/window/2 | jq '.default["default-default-net"].packets.total')" = "$sent" ]; }
until_true counted
is "13: each packet of six captures is counted" $? 0
for n in window/2 window/3 window/4 window/5 bucket/0; do
	is "13: the shape of $n" "$(get /api/v1/policies/__all/metrics/$n | jq -r -f "$TESTS/lib/shape.jq")" ""
done
is "13: metrics of the wrong shape would be found" "$(get /api/v1/policies/__all/metrics/window/2 | sed 's/"udp":/"upd":/g' | jq -r -f "$TESTS/lib/shape.jq" | wc -l)" 2
is "11: who may only look cannot make a policy" "$(ask POST /api/v1/policies "$(policy mine 'tap: default')") $(policies)" "404 2"
is "12: nor delete one" "$(ask DELETE /api/v1/policies/default) $(policies)" "404 2"
is "15: nor a tap, but look at it" "$(ask DELETE /api/v1/taps/default) $(ask GET /api/v1/taps/default | sed 's/ {/\n{/' | tail -n 1)" \
	'404 {"default":{"config":{"host_spec":"","iface":"s1"},"input_type":"pcap","interface":"visor.module.input/1.0","tags":null}}'
get /api/v1/policies/default/metrics/bucket/0 >first.json
began() { jq '.default["default-default-net"].packets.period.start_ts' "$1"; }
minute() { jq -S '.default | del(.. | .period?, .rates?)' "$1"; }
minute first.json >first.minute

# ---- 2, 3: several ----------------------------------------------------------------------------------------------------

LOG=second.log start s0; second=$PID
LOG=third.log start s0; third=$PID
if alive $USER_PID && alive $second && alive $third; then ok "2: three on ports of their own"; else not_ok "2: three on ports of their own"; fi
"${AT[@]}" timeout 100 pktvisord -p "${URL##*:}" s0 >out 2>&1
is "3: a second one on the same port ends" $? 1
like "3: and says why" "$(cat out)" "unable to bind to localhost:${URL##*:}"
if alive $third; then ok "3: the first goes on"; else not_ok "3: the first goes on"; fi
kill $second $third; wait $second $third

# ---- 4 to 10: policies come and go ----------------------------------------------------------------------------------------

fresh
get /metrics >/dev/null
all='{net: {type: net}, dhcp: {type: dhcp}, dns: {type: dns}, pcap_stats: {type: pcap}}'
is "4: a policy on the tap default" "$(ask POST /api/v1/policies "$(policy all_default 'tap: default' "$all")" | cut -c 1-19)" '201 {"all_default":'
is "4: has an input of its own, for it has no bpf" "$(get /api/v1/policies | jq -c 'keys | map(sub("-[0-9a-f]{16}"; "-#"))')" \
	'["all_default","default","default-#-resources","default-#-resources"]'
for one in net dhcp dns pcap_stats; do
	type=${one%_stats}
	is "4: one with the handler $type alone" "$(ask POST /api/v1/policies "$(policy "only_$type" 'tap: default' "{default-$one: {type: $type}}")" | cut -c 1-3)" 201
done
is "4: those share it" "$(policies)" 8
ns_idle # each input has seen what is wanted of it
replay "$CAPTURES/dhcp4.pcap" "$CAPTURES/dns-udp4.pcap" "$CAPTURES/dns-tcp6.pcap"
counted() { get /api/v1/policies/__all/metrics/window/2 >all; [ "$(jq -c '[.default["default-default-net"].packets.total, .only_net["only_net-default-default-net"].packets.total]' all)" = "[2533,2533]" ]; }
until_true counted
is "4: all see the same packets" $? 0
is "4: in metrics of the known shape" "$(jq -r -f "$TESTS/lib/shape.jq" all)" ""
is "4: and the same metrics" "$(jq -c '[.default["default-default-dns"].dns, .only_dns["only_dns-default-default-dns"].dns, .all_default["all_default-default-dns"].dns] | map(del(.period, .rates)) | unique | length' all)" 1
finish

fresh
is "5: the default policy is deleted, and nothing is left" "$(ask DELETE /api/v1/policies/default) $(policies)" "200 {} 0"
is "10: a policy that was deleted" "$(ask GET /api/v1/policies/default)" '404 {"error":"policy does not exists"}'
finish
fresh
ask POST /api/v1/policies "$(policy other 'tap: default')" >/dev/null
ask DELETE /api/v1/policies/default >/dev/null
is "7: one of two deleted, the other goes on" "$(policies) $(get /api/v1/policies/other | jq -c '[.other.input[].input.running]')" "2 [true]"
ask DELETE /api/v1/policies/other >/dev/null
is "6: both deleted, and nothing is left" "$(policies)" 0
finish
fresh
watch=$(get /api/v1/policies | jq -r 'keys[] | select(. != "default")')
like "8: the name of what watches an input" "$watch" '^default-[a-zA-Z0-9]+-resources$'
is "8: it can be deleted" "$(ask DELETE "/api/v1/policies/$watch") $(policies)" "200 {} 1"
ask POST /api/v1/policies "$(policy other 'tap: default')" >/dev/null
is "9: of two policies one's watch is left" "$(policies)" 3
watch=$(get /api/v1/policies | jq -r 'keys[] | select(endswith("-resources"))')
is "9: and goes, too" "$(ask DELETE "/api/v1/policies/$watch") $(policies) $(ask GET "/api/v1/policies/$watch")" \
	'200 {} 2 404 {"error":"policy does not exists"}'

# ---- 15 to 21: taps and their tags -----------------------------------------------------------------------------------------

is "15: the tap default" "$(get /api/v1/taps/default)" \
	'{"default":{"config":{"host_spec":"","iface":"s0"},"input_type":"pcap","interface":"visor.module.input/1.0","tags":null}}'
is "16: a tap without tags" "$(ask POST /api/v1/taps "$(tap plain)") $(taps)" \
	'201 {"plain":{"config":{"iface":"s0"},"input_type":"pcap","interface":"visor.module.input/1.0","tags":null}} 2'
is "16: is there by its name" "$(get /api/v1/taps/plain | jq -c keys)" '["plain"]'
is "17: one is deleted" "$(ask DELETE /api/v1/taps/plain) $(taps)" "200 {} 1"
is "17: and the last" "$(ask DELETE /api/v1/taps/default) $(get /api/v1/taps) $(ask DELETE /api/v1/taps/default)" '200 {} {} 404 {"error":"tap does not exists"}'
finish
fresh
ask POST /api/v1/taps "$(tap first '{colour: red, rack: 7}')" >/dev/null
ask POST /api/v1/taps "$(tap other '{colour: blue, core: true}')" >/dev/null
is "20: tags that no tap has all of" "$(ask POST /api/v1/policies "$(policy sel 'tap_selector: {all: [{colour: red}, {nosuch: tag}]}')") $(policies)" \
	"422 {\"error\":\"no tap match found for specified 'input.tap_selector' tags\"} 2"
ask POST /api/v1/policies "$(policy sel 'tap_selector: {any: [{nosuch: tag}, {colour: red}, {rack: 7}, {core: true}]}' '{net: {type: net}, dns: {type: dns}}')" >/dev/null
is "18: any of many tags: two taps of three" "$(get /api/v1/policies/sel | jq -c '.sel | [(.taps | keys), (.input | keys | map(sub("-[0-9a-f]+$"; "-#"))), (.modules | keys)]')" \
	'[["first","other"],["first-#","other-#"],["sel-first-dns","sel-first-net","sel-other-dns","sel-other-net"]]'
is "18: three taps, five policies" "$(taps) $(policies)" "3 5"
ask DELETE /api/v1/policies/sel >/dev/null
ask POST /api/v1/policies "$(policy sel 'tap_selector: {all: [{rack: 7}]}')" >/dev/null
is "19: all of one tag" "$(get /api/v1/policies/sel | jq -c '.sel.input | length') $(policies)" "1 4"
ask DELETE /api/v1/policies/sel >/dev/null
ask POST /api/v1/policies "$(policy sel 'tap_selector: {any: [{nosuch: tag}, {colour: blue}]}')" >/dev/null
is "21: any of a new and an old tag" "$(get /api/v1/policies/sel | jq -c '.sel.taps | keys') $(policies)" '["other"] 4'
ask DELETE /api/v1/policies/sel >/dev/null

# ---- other ways to capture ---------------------------------------------------------------------------------------------------

ask POST /api/v1/taps "{visor: {taps: {ring: {input_type: pcap, config: {iface: s0, pcap_source: af_packet, bpf: udp port 53}}}}}" >/dev/null
ask POST /api/v1/policies "$(policy ring 'tap: ring')" >/dev/null
twice="{visor: {policies: {twice: {kind: collection, config: {merge_like_handlers: true}, input: {input_type: pcap, tap_selector: {any: [{rack: 7}, {core: true}]}},
	handlers: {modules: {net: {type: net}}}}}}}"
ask POST /api/v1/policies "$twice" >/dev/null
get /api/v1/policies/ring/metrics/bucket/0 >/dev/null
ns_idle
replay "$CAPTURES/dns-udp4.pcap"
counted() { [ "$(get /api/v1/policies/__all/metrics/window/2 | jq -c '[.ring["ring-ring-net"].packets.total, .twice.packets_merged.packets.total]')" = "[906,1812]" ]; }
until_true counted
is "an af_packet tap, and two taps merged" $? 0
is "which a policy says of itself" "$(get /api/v1/policies/ring | jq -c '.ring.input[].pcap | [.pcap_source, (.available_iface | contains("s0")), .host_ips.ipv4]')" \
	'["af_packet",true,["192.0.2.53/24"]]'
is "merged metrics have no tap in Prometheus" "$(get /api/v1/policies/twice/metrics/prometheus | grep '^packets_total')" 'packets_total{handler="packets_merged",policy="twice"} 1812'
finish
LOG=ip.log start -b 'udp port 53' -H 192.0.2.53/32 192.0.2.53
is "IFACE is an address: the device that has it, with -b and -H" "$(get /api/v1/policies/default | jq -c '.default.input[] | .module.config, (.pcap.host_ips.ipv4 | unique)')" \
	"$(printf '%s\n' '{"bpf":"udp port 53","host_spec":"192.0.2.53/32","iface":"s0"}' '["192.0.2.53/32"]')"
finish
LOG=auto.log start auto
like "IFACE auto: one that can be captured from" "$(get /api/v1/policies/default | jq -r '.default.input[].module.config.iface')" '^s[01]$'
finish
status 1 "an address that no device has" "${AT[@]}" pktvisord -p 0 198.51.100.99
like "is named" "$(cat err)" 'policy \[default\] failed to start: .*198\.51\.100\.99'
status 1 "a BPF expression that is none" "${AT[@]}" pktvisord -p 0 -b 'port of call' s0

# ---- 14: the first minute of the agent from the beginning is over, though nothing was sent since ------------------------------------

URL=$USER_URL PID=$USER_PID
# In bucket 1, or further on where this took long: the one that began when it did.
closed() {
	local k
	for k in 1 2 3 4; do
		get "/api/v1/policies/default/metrics/bucket/$k" >closed.json
		[ "$(began closed.json)" != "$(began first.json)" ] || return 0
	done
	return 1
}
until_true closed || until_true closed
minute closed.json >closed.minute
same "14: what was seen in bucket 0 is in bucket 1 a minute later, the same" closed.minute first.minute
is "14: and in the window" "$(get /api/v1/metrics/window/5 | jq '."5m".packets.total')" "$sent"
is "a silent interface: the window shifts, the new minute is empty" "$(get /api/v1/metrics/bucket/0 | jq '."1m".packets.total')" 0
like "the minute is a minute" "$(jq '.default["default-default-net"].packets.period.length' closed.json)" '^6[0-9]$'
last_minute() { [ "$(get /metrics | awk '/^packets_total/ { print $NF }')" = "$(get /api/v1/metrics/bucket/1 | jq '."1m".packets.total')" ]; }
until_true last_minute
is "Prometheus has the last whole minute" $? 0
finish
is "SIGTERM ends it well" $? 0
