# SPDX-License-Identifier: MPL-2.0
# Minutes as they pass: pktvisord with mock inputs lives under faketime, where a minute takes a second or two.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
command -v faketime >/dev/null || { skip "needs faketime"; exit 0; }
! nm -D "$BIN/pktvisord" | grep -q '__asan_init\|__tsan_init' || { skip "not with a sanitizer, which faketime does not go together with: the release build runs it"; exit 0; }
trap stop_agents EXIT

cat >time.yaml <<'END'
version: "1.0"
visor:
  taps: {p: {input_type: pcap, config: {pcap_source: mock}}, silent: {input_type: mock}}
  policies:
    default: {kind: collection, input: {tap: p, input_type: pcap}, handlers: {modules: {n: {type: net}, d: {type: dns}}}}
    three: {kind: collection, input: {tap: p, input_type: pcap}, handlers: {window_config: {num_periods: 3}, modules: {n: {type: net}}}}
    one: {kind: collection, input: {tap: p, input_type: pcap}, handlers: {window_config: {num_periods: 1}, modules: {n: {type: net}}}}
    silent: {kind: collection, input: {tap: silent, input_type: mock}, handlers: {modules: {n: {type: net}, d: {type: dns}}}}
END
# LD_PRELOAD rather than faketime(1): the process is to be pktvisord's own
lib=$(faketime now sh -c 'echo $LD_PRELOAD')
AT=(env LD_PRELOAD="$lib" FAKETIME="+0 x60")
start --config time.yaml || exit 1
AT=()

# Buckets by when they began; one that was seen closed must be the same for as long as it is there, one place further each minute.
rounds=0 changed= moved=
: >seen
for _ in $(seq 400); do
	for k in 1 2 3 4; do
		get "/api/v1/policies/default/metrics/bucket/$k" | jq -Sc --argjson k "$k" 'select(.default) | [.default["default-p-n"].packets.period.start_ts, $k, .]'
	done >now
	while read -r line; do
		began=$(jq '.[0]' <<<"$line") body=$(jq -c '.[2]' <<<"$line") place=$(jq '.[1]' <<<"$line")
		if [ -e "b.$began" ]; then
			[ "$(cat "b.$began")" = "$body" ] || changed="$changed $began"
			[ "$place" -ge "$(cat "p.$began")" ] || moved="$moved $began"
		fi
		echo "$body" >"b.$began"; echo "$place" >"p.$began"
	done <now
	rounds=$(find . -name 'b.*' | wc -l)
	[ "$rounds" -lt 6 ] || break
done
if [ "$rounds" -ge 6 ]; then ok "six minutes pass"; else not_ok "six minutes pass: $rounds"; fi
is "a closed minute does not change" "$changed" ""
is "and only moves on" "$moved" ""
is "the newest five are kept" "$(ask GET /api/v1/policies/default/metrics/bucket/4 | cut -c 1-3) $(ask GET /api/v1/policies/default/metrics/bucket/5)" \
	'200 425 {"error":"invalid metrics period, specify [0, 4]"}'
is "or three" "$(ask GET /api/v1/policies/three/metrics/bucket/2 | cut -c 1-3) $(ask GET /api/v1/policies/three/metrics/bucket/3)" \
	'200 425 {"error":"invalid metrics period, specify [0, 2]"}'
window=$(get /api/v1/metrics/window/5 | jq '."5m".packets.total')
is "or one, that grows" "$(get /api/v1/policies/one/metrics/bucket/0 | jq --argjson w "$window" '.one["one-p-n"].packets | .period.length > 300 and .total > $w')" true
is "a policy tells its periods" "$(get /api/v1/policies/default | jq -c '.default.modules["default-p-d"].metrics | [.periods_configured, (.periods | length), ([.periods[] | .read_only] | .[0], .[1:] == [true, true, true, true]), .periods[1].length >= 60]')" \
	"[5,5,false,true,true]"

# A window is the sum of its buckets. The open minute grows: it is asked for before and after.
whole() {
	get /api/v1/metrics/bucket/0 >b0; get /api/v1/metrics/window/3 >w3; get /api/v1/metrics/bucket/1 >b1; get /api/v1/metrics/bucket/2 >b2; get /metrics >prom
	get /api/v1/metrics/bucket/0 >b0.after
	[ "$(jq '."1m".period.start_ts' b0)" = "$(jq '."1m".period.start_ts' b0.after)" ]
}
until_true whole
t() { jq ".\"${2:-1m}\".packets.total" "$1"; }
is "a window has all its buckets" "$(( $(t w3 3m) >= $(t b0) + $(t b1) + $(t b2) && $(t w3 3m) <= $(t b0.after) + $(t b1) + $(t b2) ))" 1
is "from the first one's beginning" "$(jq '."3m".packets.period.start_ts' w3)" "$(jq '."1m".packets.period.start_ts' b2)"
is "Prometheus has the last whole minute" "$(awk '/^packets_total/ { print $NF }' prom)" "$(t b1)"

# Nothing was ever heard of this one.
is "without any traffic the window shifts as well" "$(get /api/v1/policies/silent/metrics/bucket/4 | jq -c '.silent | [.["silent-silent-n"].packets | .total, .period.length >= 60]')" "[0,true]"
finish
is "SIGTERM ends it well" $? 0
