# SPDX-License-Identifier: MPL-2.0
# What pktvisord pushes to a collector: the minute that Prometheus is shown, at an interval, over HTTP and HTTPS; and what it makes of
# collectors that do not want it. The collector is tests/lib/fakecollector.py, what came there is read by tests/lib/otlp.py.
# Waits: pushes come once a second.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
COLLECTORS=()
trap 'stop_agents; kill "${COLLECTORS[@]}" 2>/dev/null' EXIT

# collector DIR [CERT KEY CA]: starts one that says ok; PORT
collector() {
	mkdir "$1"
	mode ok "$1"
	python3 "$TESTS/lib/fakecollector.py" "$@" & COLLECTORS+=($!)
	until_true test -s "$1/port"
	PORT=$(cat "$1/port")
}
# mode WORD [DIR]: for the requests from now on
mode() { echo "$1" >"${2-c}/mode.new"; mv "${2-c}/mode.new" "${2-c}/mode"; }
# came N MODE [DIR]: are there so many requests in that mode?
came() { [ "$(awk -v m="$2" '$2 == m' "${3-c}/log" 2>/dev/null | wc -l)" -ge "$1" ]; }
# said WORDS: in the agent's log, behind what had been seen; times WORDS: how often
SEEN=0
seen() { SEEN=$(wc -l <"$LOG"); }
times() { tail -n +$((SEEN + 1)) "$LOG" | grep -c -- "$1"; }
said() { [ "$(times "$1")" -gt 0 ]; }
otlp() { python3 "$TESTS/lib/otlp.py" "$@"; }

# ---- what is pushed ---------------------------------------------------------------------------------------------------------

cat >agent.yaml <<END
version: "1.0"
visor:
  config: {otel: true, otel_host: 127.0.0.1, otel_path: /some/where, otel_interval: 1}
  taps:
    f: {input_type: pcap, config: {pcap_file: "$CAPTURES/dns-udp4.pcap", host_spec: "$HOSTS"}}
  policies:
    one: {kind: collection, input: {tap: f, input_type: pcap}, handlers: {modules: {
      n: {type: net}, d: {type: dns, metric_groups: {enable: [all]}}, e: {type: dns, require_version: "2.0", metric_groups: {enable: [all]}}}}}
    two: {kind: collection, input: {tap: f, input_type: pcap, config: {bpf: udp}}, handlers: {modules: {n: {type: net, require_version: "2.0"}}}}
END
collector c
mode 404 # nothing is taken until the captures have been read
start --config agent.yaml --otel-port "$PORT"
ended
n=$(cat c/log 2>/dev/null | wc -l)
until_true came $((n + 2)) 404 # one may have been under way
mode ok
get /api/v1/policies/__all/metrics/prometheus >prom
# with_histogram: those of the requests that were taken
with_histogram() { otlp having dns_xact_histogram_us $(awk '$2 == "ok" { print "c/" $1 ".otlp" }' c/log); }
whole() { WHOLE=$(with_histogram); [ "$WHOLE" ]; }
until_true whole
is "a request is the minute that Prometheus is shown, of all policies, number by number" "$(otlp equal "$WHOLE" prom 2>&1)" "$WHOLE same"
is "there is a scope per policy" "$(otlp decode <"$WHOLE" | jq -c '[.resource_metrics[].scope_metrics[].scope | select(.name | endswith("-resources") | not) | [.name, .attributes[0].key, .attributes[0].value.string_value]]')" \
	'[["pktvisor/one","policy_name","one"],["pktvisor/two","policy_name","two"]]'
is "the resource says who it is of" "$(otlp decode <"$WHOLE" | jq -c '.resource_metrics[0].resource.attributes | map({(.key): .value.string_value}) | add | [.["service.name"], (.["service.instance.id"] | sub(".*:"; ""))]')" \
	"[\"pktvisord\",\"${URL##*:}\"]"
is "it is packed protobuf, posted to the path of the file at the port of the command line" "$(awk '{ print $3, $4, $5, $6 }' c/log | sort -u)" \
	"POST /some/where application/x-protobuf gzip"
n=$(wc -l <c/log)
until_true came $((n + 3)) ok
is "each interval another" $? 0
is "a histogram's minute is given once" "$(with_histogram)" "$WHOLE"
get /api/v1/metrics/app | jq -c .app.otlp >app
is "the agent counts" "$(jq -c '[.url, .pushes >= 3, .pushes_failed >= 2, .points_sent >= 3 * 50, .points_rejected, .points_dropped, now - .last_success < 600]' app)" \
	"[\"http://127.0.0.1:$PORT/some/where\",true,true,true,0,0,true]"
like "in Prometheus, too" "$(get /api/v1/policies/__all/metrics/prometheus)" '^pktvisor_otlp_pushes_total\{\} [1-9]'

# ---- collectors that do not want it -----------------------------------------------------------------------------------------

# goes MODE WORDS SENTENCE: the collector does that, twice, and the agent says so, but not each time; then all is well again
goes() {
	seen
	mode "$1"
	until_true came 2 "$1"; until_true said "$2"
	is "$3" "$? $(($(times "$2") < $(awk -v m="$1" '$2 == m' c/log | wc -l)))" "0 1"
	mode ok
	until_true said '\(get through\|takes all points\) again'
	is "$3: it gets well again" $? 0
}
goes 503 'answers with status 503$' "a collector that is busy"
goes 400 'answers with status 400: bad request$' "a collector that wants none of it says why"
goes redirect 'answers with status 307$' "a redirect is not followed"
goes partial 'rejected 3 points: not\\027\[1m these$' "a collector that takes a part"
goes strange "its answer is none of OTLP's" "a web server that is no collector"
goes early "cannot push to http://127.0.0.1:$PORT/some/where: " "a collector that hangs up"
goes large "its answer is none of OTLP's" "a collector that does not stop talking"
goes words 'rejected 0 points: hello' "a collector that has something to say"
seen
mode 429:2
until_true came 2 429:2
is "Retry-After is waited for" "$(awk '$2 == "429:2" { if (t && $7 - t < 2) n++; t = $7 } END { print n + 0 }' c/log)" 0
mode ok
until_true said 'get through again; [1-9][0-9]* were lost'
is "what did not get through in time is counted, and said" "$? $(($(self pktvisor_otlp_pushes_failed_total) > 0))" "0 1"
rejected=$(self pktvisor_otlp_points_rejected_total)
is "points that were rejected are counted" "$((rejected > 0)) $((rejected % 3)) $((rejected / 3 <= $(awk '$2 == "partial"' c/log | wc -l)))" "1 0 1"
is "nothing else has come" "$(awk '$2 == "redirected"' c/log | wc -l)" 0
mode slow
until_true came 1 slow
finish
is "it ends in the middle of a push, in order" $? 0
mode 429:3000
start --config agent.yaml --otel-port "$PORT"
until_true came 1 429:3000
began=$SECONDS
finish
is "it ends when it was told to come again in an hour" "$? $((SECONDS - began < 300))" "0 1"

# ---- HTTPS --------------------------------------------------------------------------------------------------------------

ec=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${ec[@]}" -days 2 -subj /CN=authority -keyout ca.key -out ca.pem 2>/dev/null
signed() { # NAME
	openssl req "${ec[@]}" -subj "/CN=$1" -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$1.key" -out "$1.csr" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 2 -out "$1.pem" 2>/dev/null
}
signed collector; signed agent
chmod 600 agent.key # we are somebody else by the time it is needed
openssl req -x509 "${ec[@]}" -days 2 -subj /CN=nobody -keyout nobody.key -out nobody.pem 2>/dev/null
collector tls collector.pem collector.key ca.pem
HTTPS=(--otel --otel-host 127.0.0.1 --otel-port "$PORT" --otel-interval 1 --otel-tls)
SEEN=0
start "${HTTPS[@]}" --otel-tls-cert agent.pem --otel-tls-key agent.key --otel-tls-ca ca.pem "$CAPTURES/dns-udp4.pcap"
until_true came 2 ok tls
is "HTTPS, with a certificate of ours" "$? $(awk '{ print $4, $8 }' tls/log | sort -u)" "0 /v1/metrics agent"
like "a line says where pushes go" "$(cat "$LOG")" "\[info\] OTLP: pushing to https://127.0.0.1:$PORT/v1/metrics$"
finish
n=$(wc -l <tls/log)
start "${HTTPS[@]}" --otel-tls-cert agent.pem --otel-tls-key agent.key "$CAPTURES/dns-udp4.pcap"
until_true said "cannot push to https://127.0.0.1:$PORT/v1/metrics: "
like "a collector that nobody vouches for gets nothing" "$(grep OTLP "$LOG")" 'SSL certificate problem'
finish
start "${HTTPS[@]}" --otel-tls-cert nobody.pem --otel-tls-key nobody.key --otel-tls-ca ca.pem "$CAPTURES/dns-udp4.pcap"
until_true said "cannot push to https"
is "who has no certificate of theirs gets nowhere" "$? $(wc -l <tls/log)" "0 $n"
finish

# ---- mistakes, before anything listens -----------------------------------------------------------------------------------

# wrong SENTENCE WORDS ARGUMENTS...
wrong() {
	status 1 "$1" pktvisord --check --otel "${@:3}"
	like "and says it: $2" "$(cat err)" "\[error\] .*$2"
}
TLS_WANTED='you must specify --otel-tls-key and --otel-tls-cert to use --otel-tls$'
wrong "--check: no certificate" "$TLS_WANTED" --otel-tls
wrong "--check: no key" "$TLS_WANTED" --otel-tls --otel-tls-cert agent.pem
wrong "--check: a certificate that is not there" 'cannot read nosuch.pem: No such file' --otel-tls --otel-tls-cert nosuch.pem --otel-tls-key agent.key
wrong "--check: another's key" 'cannot use agent.pem and nobody.key: ' --otel-tls --otel-tls-cert agent.pem --otel-tls-key nobody.key
wrong "--check: a key that is none" 'cannot use agent.pem and agent.pem: ' --otel-tls --otel-tls-cert agent.pem --otel-tls-key agent.pem
wrong "--check: authorities that are none" 'cannot use agent.key: ' --otel-tls --otel-tls-cert agent.pem --otel-tls-key agent.key --otel-tls-ca agent.key
wrong "--check: no host" "'a/b' is not the name or address of a host" --otel-host a/b
wrong "--check: no path" "'v1' is not a path" --otel-path v1
for key in otel_port otel_interval; do
	echo "{visor: {config: {$key: 0}}}" >zero.yaml
	wrong "--check: $key: 0" "$key: at least 1" --config zero.yaml
done
status 0 "--check: all is well" pktvisord --check "${HTTPS[@]}" --otel-tls-cert agent.pem --otel-tls-key agent.key --otel-tls-ca ca.pem
status 2 "an interval of 0" pktvisord --otel-interval 0
