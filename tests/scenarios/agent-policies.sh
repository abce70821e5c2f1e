# SPDX-License-Identifier: MPL-2.0
# What pktvisord takes and what it refuses over REST: taps, policies, selectors, chains, merging, periods; each refusal leaves
# everything as it was. The inputs are mocks, so nothing needs root.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
trap stop_agents EXIT

start --admin-api --periods 3 || exit 1

# refused PATH: lines of STATUS, tab, body, tab, error text; what is there afterwards is what was there before
refused() {
	local want body text state
	state="$(get /api/v1/policies | jq -c 'keys') $(get /api/v1/taps | jq -c 'keys')"
	while IFS=$'\t' read -r want body text; do
		[ -n "$want" ] || continue
		is "$want ${text:0:90}" "$(ask POST "$1" "$body")" "$want $(jq -cn --arg e "$text" '{error: $e}')"
	done
	is "and nothing of it is left" "$(get /api/v1/policies | jq -c 'keys') $(get /api/v1/taps | jq -c 'keys')" "$state"
}

# ---- taps -------------------------------------------------------------------------------------------------------------

m='input_type: pcap, config: {pcap_source: mock'
tap() { ask POST /api/v1/taps "{version: '1.0', visor: {taps: {$1}}}"; }
is "a tap's settings and tags keep their types" "$(tap "anycast: {$m, iface: en7}, tags: {vhost: 1, foo: bar, up: true, n: '7'}}")" \
	'201 {"anycast":{"config":{"iface":"en7","pcap_source":"mock"},"input_type":"pcap","interface":"visor.module.input/1.0","tags":{"foo":"bar","n":"7","up":true,"vhost":1}}}'
tap "unicast: {$m}, tags: {foo: bar, vhost: 2}}" >/dev/null
tap "clock: {input_type: mock, tags: {foo: bar}}" >/dev/null
tap "wrong: {input_type: mock, config: {except_on_start: true}, tags: {broken: yes}}" >/dev/null
is "two taps and more" "$(get /api/v1/taps | jq -c keys)" '["anycast","clock","unicast","wrong"]'
is "removed and made again" "$(ask DELETE /api/v1/taps/clock) $(tap "clock: {input_type: mock, tags: {foo: bar}}" | cut -c 1-3)" "200 {} 201"
is "JSON will do, and parameters of its type" "$(ask POST /api/v1/taps '{"visor":{"taps":{"j":{"input_type":"mock"}}}}' 'application/json; charset=utf-8' | cut -c 1-3) $(ask DELETE /api/v1/taps/j)" "201 200 {}"
is "nothing at all" "$(ask POST /api/v1/taps '')" '400 {"error":"empty data"}'
is "no type" "$(ask POST /api/v1/taps '{}' '')" '400 {"error":"must include Content-Type header"}'
is "another type" "$(ask POST /api/v1/taps '{}' text/yaml)" '400 {"error":"Content-Type not supported"}'
head -c 1100000 /dev/zero | tr '\0' '#' >large
is "more than a body may have" "$("${AT[@]}" curl -s -o answer -w '%{http_code}' -H 'Content-Type: application/x-yaml' --data-binary @large "$URL/api/v1/taps") $(jq -r .error answer)" \
	"413 a body takes at most 1048576 bytes"
refused /api/v1/taps <<'END'
400	# words	empty data
400	hello	invalid schema
400	a: b	invalid schema
400	{version: "2.0", visor: {taps: {a: {input_type: mock}}}}	unsupported version
400	{visor: {}}	no taps found in schema
400	{visor: {taps: {a: {input_type: mock}, b: {input_type: mock}}}}	only a single tap expected but got 2
400	{visor: {taps: {a: {config: {}}}}}	missing or invalid tap type key 'input_type'
400	{visor: {taps: {a: {input_type: nope}}}}	Tap 'a' requires input stream type 'nope' which is not available
400	{visor: {taps: {"1 bad": {input_type: mock}}}}	invalid module name: 1 bad
400	{visor: {taps: {a: 5}}}	expecting tap configuration map
400	{visor: {taps: {a: {input_type: mock, config: 5}}}}	tap configuration is not a map
400	{visor: {taps: {a: {input_type: mock, tags: 5}}}}	tap tags is not a map
409	{visor: {taps: {anycast: {input_type: mock}}}}	module name 'anycast' already exists
END

# ---- policies that are refused --------------------------------------------------------------------------------------------

policy() { ask POST /api/v1/policies "{version: '1.0', visor: {policies: {$1}}}"; }
i='input: {tap: anycast, input_type: pcap}'
is "a policy is taken" "$(policy "taken: {kind: collection, $i, handlers: {modules: {default_net: {type: net}}}}" | cut -c 1-3)" 201
keys="geoloc_notfound, asn_notfound, only_geoloc_prefix, only_asn_number, recorded_stream, deep_sample_rate, num_periods, topn_count, topn_percentile_threshold"
sed "s/@i/$i/; s/@n/handlers: {modules: {n: {type: net}}}/; s/@keys/$keys/; s/@k/kind: collection/g" <<'END' | tr '~' '\t' | refused /api/v1/policies
400~{visor: {}}~no policies found in schema
400~{visor: {policies: }}~no policies found in schema
400~{visor: {policies: {a: {@k}, b: {@k}}}}~only a single policy expected but got 2
400~{version: "2.0", visor: {policies: {p: {}}}}~unsupported version
400~{visor: {policies: {p: 5}}}~expecting policy configuration map
400~{visor: {policies: {p: {@i, @n}}}}~missing or invalid policy kind at key 'kind'
400~{visor: {policies: {p: {kind: other, @i, @n}}}}~unknown policy kind: other
400~{visor: {policies: {p: {@k, @n}}}}~missing or invalid policy input stream configuration at key 'input'
400~{visor: {policies: {p: {@k, input: {tap: anycast}, @n}}}}~missing or invalid input_type at key 'input.input_type'
400~{visor: {policies: {p: {@k, input: {tap: anycast, input_type: pcap, config: 5}, @n}}}}~input configuration is not a map
400~{visor: {policies: {p: {@k, input: {tap: anycast, input_type: pcap, filter: 5}, @n}}}}~input filter configuration is not a map
400~{visor: {policies: {p: {@k, @i}}}}~missing or invalid handler configuration at key 'handlers'
400~{visor: {policies: {p: {@k, @i, handlers: {}}}}}~missing or invalid handler modules at key 'modules'
400~{visor: {policies: {p: {@k, @i, handlers: {modules: 5}}}}}~missing or invalid handler modules at key 'modules'
400~{visor: {policies: {p: {@k, input: {input_type: pcap}, @n}}}}~missing key 'input.tap' or key 'input.tap_selector'
400~{visor: {policies: {p: {@k, input: {tap: x, tap_selector: {any: [{a: b}]}, input_type: pcap}, @n}}}}~input can have only key 'input.tap' or key 'input.tap_selector'
400~{visor: {policies: {p: {@k, input: {tap: [a], input_type: pcap}, @n}}}}~invalid tap at key 'input.tap'
400~{visor: {policies: {p: {@k, input: {tap: nosuch, input_type: pcap}, @n}}}}~tap 'nosuch' does not exist
400~{visor: {policies: {p: {@k, input: {tap: anycast, input_type: mock}, @n}}}}~input_type for policy specified tap 'anycast' doesn't match tap's defined input type: mock/pcap
400~{visor: {policies: {p: {@k, config: 5, @i, @n}}}}~policy configuration is not a map
400~{visor: {policies: {p: {@k, input: {tap_selector: 5, input_type: pcap}, @n}}}}~'input.tap_selector' is not a map
400~{visor: {policies: {p: {@k, input: {tap_selector: {}, input_type: pcap}, @n}}}}~missing key 'input.tap_selector.all' or key 'input.tap_selector.any'
400~{visor: {policies: {p: {@k, input: {tap_selector: {any: [{a: b}], all: [{a: b}]}, input_type: pcap}, @n}}}}~input can have only key 'input.tap_selector.all' or key 'input.tap_selector.any'
400~{visor: {policies: {p: {@k, input: {tap_selector: {any: {a: b}}, input_type: pcap}, @n}}}}~'input.tap_selector.any' is not a sequence
400~{visor: {policies: {p: {@k, input: {tap_selector: {all: x}, input_type: pcap}, @n}}}}~'input.tap_selector.all' is not a sequence
400~{visor: {policies: {p: {@k, input: {tap_selector: {all: [{a: b, c: d}]}, input_type: pcap}, @n}}}}~selector tag must contain only one key/value pair per sequence index
400~{visor: {policies: {p: {@k, input: {tap_selector: {all: [{a: [b]}]}, input_type: pcap}, @n}}}}~tag key 'a' must have scalar value
422~{visor: {policies: {p: {@k, input: {tap_selector: {all: [{foo: bar}, {vhost: 3}]}, input_type: pcap}, @n}}}}~no tap match found for specified 'input.tap_selector' tags
422~{visor: {policies: {p: {@k, input: {tap_selector: {any: [{foo: nobar}]}, input_type: pcap}, @n}}}}~no tap match found for specified 'input.tap_selector' tags
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {n: {}}}}}}}~missing or invalid stream handler type at key 'type'
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {n: {type: net2}}}}}}}~Policy 'p' requires stream handler type 'net2' and version '1.0' which is not available
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {n: {type: net, require_version: "9.0"}}}}}}}~Policy 'p' requires stream handler type 'net' and version '9.0' which is not available
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {n: {type: net, config: 5}}}}}}}~stream handler configuration is not a map
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {n: {type: net, filter: [a]}}}}}}}~stream handler filter configuration is not a map
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {n: {type: net, metric_groups: 5}}}}}}}~stream handler metric groups is not a map
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {n: {type: net, metric_groups: {}}}}}}}}~stream handler metric groups should contain enable and/or disable tags
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {n: {type: net, metric_groups: {enable: [nope]}}}}}}}}~policy [p] failed to start: nope is an invalid/unsupported metric group. The valid groups are: all, cardinality, counters, top_geo, top_ips
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {n: {type: net, config: {bogus: 1}}}}}}}}~policy [p] failed to start: bogus is an invalid/unsupported config or filter. The valid configs/filters are: @keys
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {n: {type: dns, filter: {only_rcode: 9999}}}}}}}}~policy [p] failed to start: DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode
400~{visor: {policies: {p: {@k, @i, handlers: {modules: {"n 1": {type: net}}}}}}}~invalid module name: n 1
409~{visor: {policies: {taken: {@k, @i, @n}}}}~policy with name 'taken' already defined
422~{visor: {policies: {p: {@k, input: {tap: wrong, input_type: mock}, @n}}}}~policy [p] failed to start: mock error on start
END
is "a name that a handler has twice" "$(policy "p: {kind: collection, $i, handlers: {modules: [{n: {type: net}}, {n: {type: net}}]}}")" \
	"409 {\"error\":\"module name 'p-anycast-n' already exists\"}"
is "nobody was disturbed" "$(get /api/v1/policies/taken | jq -c '[.taken.input[].input.running, .taken.modules[].module.running]')" "[true,true]"

# ---- policies that are taken ----------------------------------------------------------------------------------------------

running() { # of the input, by the answer to the request that made it
	local n
	for n in 1 2 3 4 5 6 7 8; do
		tap "t$n: {$m}}" >/dev/null
		policy "q$n: {kind: collection, input: {tap: t$n, input_type: pcap}, handlers: {modules: {n: {type: net}}}}" | sed 's/^201 //' | jq -c '[.[].input[].input.running, .[].modules[].module.running]'
		ask DELETE /api/v1/policies/q$n >/dev/null
		ask DELETE /api/v1/taps/t$n >/dev/null
	done
}
is "the answer to the request says that its input runs" "$(running | sort | uniq -c | xargs)" "8 [true,true]"
is "two policies on one tap share its input" "$(policy "second: {kind: collection, $i, handlers: {modules: {n: {type: net}, d: {type: dns}}}}" | jq -Rc 'sub("^201 "; "") | fromjson | .second.input[].input.consumers')" 3
is "a chain keeps its order" "$(policy "chain: {kind: collection, $i, handlers: {modules: [{zz: {type: dns, filter: {only_rcode: 3}}}, {aa: {type: net}}]}}" | cut -c 1-3)" 201
is "its other form, too" "$(policy "flat: {kind: collection, $i, handlers: {modules: [{zz: , type: dns}, {aa: , type: net}]}}" | jq -Rc 'sub("^201 "; "") | fromjson | .flat.modules | keys')" '["flat-anycast-aa","flat-anycast-zz"]'
is "a selector: all" "$(policy "all: {kind: collection, input: {input_type: pcap, tap_selector: {all: [{foo: bar}, {vhost: 1}]}}, handlers: {modules: {n: {type: net}}}}" | jq -Rc 'sub("^201 "; "") | fromjson | .all.taps | keys')" '["anycast"]'
is "a selector: any, of those with the input's type" "$(policy "any: {kind: collection, input: {input_type: pcap, tap_selector: {any: [{foo: bar}, {vhost: 9}]}}, config: {merge_like_handlers: true},
	handlers: {window_config: {num_periods: 1, deep_sample_rate: 102}, modules: {n: {type: net}, d: {type: dns}}}}" | jq -Rc 'sub("^201 "; "") | fromjson | .any.taps | keys')" '["anycast","unicast"]'
is "num_periods is kept, deep_sample_rate at most 100" "$(get /api/v1/policies/any | jq -c '.any.modules["any-anycast-n"].module.config | [.num_periods, .deep_sample_rate]')" "[1,100]"
get /metrics >/dev/null
counted() { get /api/v1/policies/__all/metrics/bucket/0 >all; [ "$(jq '[.any.packets_merged.packets.total, .any.dns_merged.dns.wire_packets.total, .second["second-anycast-n"].packets.total, .chain["chain-anycast-zz"].dns.wire_packets.total] | all(. > 5)' all)" = true ]; }
until_true counted
is "handlers of a kind are merged" "$(jq -c '.any | keys' all)" '["dns_merged","packets_merged"]'
# each handler's copy is up to a second old
chained() { get /api/v1/policies/chain/metrics/bucket/0 | jq -e '.chain | [.["chain-anycast-aa"].packets.total, .["chain-anycast-zz"].dns.wire_packets.total] | .[0] == .[1] and .[0] > 5' >/dev/null; }
until_true chained
is "a chain's second link counts what the first accepted" $? 0
is "every handler is there by its name" "$(jq -c '[.taken, .second, .flat | keys] | add' all)" '["taken-anycast-default_net","second-anycast-d","second-anycast-n","flat-anycast-aa","flat-anycast-zz"]'

# ---- periods ----------------------------------------------------------------------------------------------------------------

range() { echo "425 {\"error\":\"$1\"}"; }
is "a bucket beyond those that are kept" "$(ask GET /api/v1/policies/second/metrics/bucket/3)" "$(range 'invalid metrics period, specify [0, 2]')"
is "a bucket that is still to come" "$(ask GET /api/v1/policies/second/metrics/bucket/1)" "$(range 'requested metrics period has not yet accumulated, current range is [0, 0]')"
is "windows of less than two" "$(ask GET /api/v1/policies/second/metrics/window/1)" "$(range 'invalid metrics period, specify [2, 3]')"
is "and of too many" "$(ask GET /api/v1/policies/second/metrics/window/4)" "$(range 'invalid metrics period, specify [2, 3]')"
is "one bucket has no windows" "$(ask GET /api/v1/policies/any/metrics/window/2)" "$(range 'invalid metrics period, specify [2, 1]')"
is "nor another bucket" "$(ask GET /api/v1/policies/any/metrics/bucket/1)" "$(range 'invalid metrics period, specify [0, 0]')"
is "a number beyond all" "$(ask GET /api/v1/policies/second/metrics/bucket/99999999999999999999)" "$(range 'invalid metrics period, specify [0, 2]')"
is "no number" "$(ask GET /api/v1/policies/second/metrics/bucket/x)" 404
is "what is not there yet is left out of __all" "$(ask GET /api/v1/policies/__all/metrics/bucket/1)" "200 {}"
is "a policy that is not there" "$(ask GET /api/v1/policies/nope/metrics/bucket/0)" '404 {"error":"policy does not exist"}'
is "the same in Prometheus" "$(ask GET /api/v1/policies/nope/metrics/prometheus)" "404 policy does not exists"
is "the old routes want a policy default" "$(ask GET /api/v1/metrics/bucket/0) $(ask GET /api/v1/metrics/window/2)" \
	'404 {"error":"no \"default\" policy exists"} 404 {"error":"no \"default\" policy exists"}'
ask POST /api/v1/taps "{visor: {taps: {default: {input_type: mock}}}}" >/dev/null
policy "default: {kind: collection, input: {tap: default, input_type: mock}, handlers: {modules: {n: {type: net}, m: {type: net}}}}" >/dev/null
is "with one they say the same" "$(ask GET /api/v1/metrics/bucket/3) $(ask GET /api/v1/metrics/bucket/1) $(ask GET /api/v1/metrics/window/1)" \
	"$(range 'invalid metrics period, specify [0, 2]') $(range 'requested metrics period has not yet accumulated, current range is [0, 0]') $(range 'invalid metrics period, specify [2, 3]')"
is "a method that there is not" "$(ask PUT /api/v1/policies/second x)" 404

# ---- Prometheus ---------------------------------------------------------------------------------------------------------------

counted() { get /api/v1/policies/__all/metrics/prometheus >prom; grep -q '^packets_total{.*policy="default"' prom; }
until_true counted
is "one HELP and one TYPE for each family of many policies" "$(grep -oE '^# (HELP|TYPE) [a-z_A-Z0-9]+' prom | sort | uniq -d)" ""
get /metrics >one
is "on /metrics the second handler of a schema is told apart" "$(grep '^packets_total{' one | sed 's/} .*/}/' | paste -sd' ')" \
	'packets_total{policy="default",tap="default"} packets_total{handler="default-default-m",policy="default",tap="default"}'
is "so that nothing is left out" "$(awk '/^pktvisor_exposition_dropped_samples/ { n += $NF } END { print n + 0 }' one)" 0
is "samples of all policies stand in it" "$(grep '^packets_total{' prom | grep -o 'policy="[a-z]*"' | sort -u | xargs)" 'policy=all policy=any policy=chain policy=default policy=flat policy=second policy=taken'
if command -v promtool >/dev/null; then
	promtool check metrics <prom >lints 2>&1
	is "and promtool can read it" "$(grep -c 'error while' lints)" 0
else skip "no promtool"; fi

watched() { get /api/v1/policies/__all/metrics/bucket/0 | jq -c '[to_entries[] | select(.key | test("^anycast-.*-resources$")) | .value[].input_resources | [.policy_count, .handler_count]]'; }
handlers_told() { [ "$(watched)" = "[[6,8]]" ]; }
until_true handlers_told
is "an input knows its policies; of the handlers, a chain is one" "$(watched)" "[[6,8]]"

# ---- many at once, and the end ---------------------------------------------------------------------------------------------------

look() { # N FILE
	local i
	for i in $(seq "$1"); do
		curl -s --max-time 20 -o /dev/null -o /dev/null -o /dev/null -w '%{http_code}\n' "$URL/metrics" "$URL/api/v1/policies" "$URL/api/v1/policies/__all/metrics/window/2"
	done >"$2"
}
change() { # N NAME FILE
	local i body="{visor: {policies: {$2: {kind: collection, $i, handlers: {modules: {n: {type: net}, d: {type: dns}}}}}}}"
	for i in $(seq "$1"); do
		curl -s --max-time 20 -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/x-yaml' --data-binary "$body" "$URL/api/v1/policies"
		curl -s --max-time 20 -o /dev/null -w '%{http_code}\n' -X DELETE "$URL/api/v1/policies/$2"
	done >"$3"
}
workers=()
for k in 1 2 3; do
	look 8 "look.$k" & workers+=($!)
	change 8 "w$k" "change.$k" & workers+=($!)
done
wait "${workers[@]}"
is "policies come and go while others look: every change was made" "$(cat change.* | sort | uniq -c | xargs)" "24 200 24 201"
is "nobody was turned away" "$(cat look.* | sort | uniq -c | xargs)" "72 200"
is "what was there is there" "$(get /api/v1/policies/second | jq -c '.second.input[].input | [.running, .consumers]')" "[true,7]"
for p in taken second chain flat all any default; do ask DELETE /api/v1/policies/$p; done >out
is "all are deleted, and what watched their inputs" "$(grep -c '200 {}' out) $(get /api/v1/policies)" "7 {}"
is "deleted and made again" "$(policy "second: {kind: collection, $i, handlers: {modules: {n: {type: net}}}}" | cut -c 1-3)" 201
is "the server is told to stop" "$(ask DELETE /api/v1/server)" "200 {}"
wait "$PID"
is "and ends well" $? 0
