# SPDX-License-Identifier: MPL-2.0
# pktvisord: what it serves of saved captures, how it starts and ends, what the admin API does. No network but loopback, no root.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"

code() { curl -s --max-time 60 -o body -w '%{http_code}' "$@"; }

# ---- one engine: the agent prints what the reader prints ---------------------------------------------------------

# All captures: agent-equals-reader.sh. Here as an operand.
for name in dns-tcp-loss http-mix format/time-jumps; do
	f=$CAPTURES/$name.pcap
	start -H "$HOSTS" "${GEO[@]}" "$f" || continue
	ended
	get /api/v1/metrics/window/5 >got
	pktvisor-reader -H "$HOSTS" "${GEO[@]}" --modules net,dns,dhcp,pcap "$f" >want 2>/dev/null
	tr -d '\n' <want >want1; tr -d '\n' <got >got1
	same "$name: a default policy on the capture gives what pktvisor-reader prints, byte for byte" got1 want1
	finish
	is "$name: and SIGTERM ends it well" $? 0
done

start --summary -H "$HOSTS" "$CAPTURES/format/time-jumps.pcap"
ended
get /api/v1/metrics/bucket/0 | jq -S 'del(.["1m"].period)' >got
pktvisor-reader --periods 1 -H "$HOSTS" --modules net,dns,dhcp,pcap "$CAPTURES/format/time-jumps.pcap" 2>/dev/null | jq -S . >want
same "--summary makes one bucket of a capture of many minutes" got want
finish

# ---- a file of taps and policies: what they share, what they do not ----------------------------------------------

cat >agent.yaml <<END
version: "1.0"
visor:
  taps:
    udp: {input_type: pcap, config: {pcap_file: "$CAPTURES/dns-udp4.pcap", host_spec: "192.0.2.53/32"}, tags: {kind: dns}}
    tcp: {input_type: pcap, config: {pcap_file: "$CAPTURES/dns-tcp4.pcap", host_spec: "192.0.2.53/32"}, tags: {kind: dns}}
  policies:
    whole: {kind: collection, input: {tap: udp, input_type: pcap}, handlers: {modules: {n: {type: net}, d: {type: dns}}}}
    nx: {kind: collection, input: {tap: udp, input_type: pcap}, handlers: {modules: {d: {type: dns, filter: {only_rcode: [NXDOMAIN]}}}}}
    chain:
      kind: collection
      input: {tap: tcp, input_type: pcap}
      handlers: {modules: [{d: {type: dns, filter: {only_qname_suffix: [.example.org]}}}, {n: {type: net}}]}
    both:
      kind: collection
      config: {merge_like_handlers: true}
      input: {tap_selector: {all: [{kind: dns}]}, input_type: pcap}
      handlers: {modules: {d: {type: dns}}}
    some: {kind: collection, input: {tap: udp, input_type: pcap, filter: {bpf: "src port 53"}}, handlers: {modules: {n: {type: net}}}}
END
pktvisord --check --config agent.yaml >out 2>&1
is "--check says that a good file is good" $? 0
start --config agent.yaml
ended
get /api/v1/policies/__all/metrics/window/5 >all
is "a policy sees the whole capture" "$(jq '.whole["whole-udp-n"].packets.total' all)" 906
is "another one on the same input filters for itself" "$(jq -c '.nx["nx-udp-d"].dns.wire_packets | [.total, .filtered]' all)" "[502,404]"
is "in a chain the next handler sees what was accepted" "$(jq '.chain["chain-tcp-n"].packets.total' all)" 192
is "two taps, handlers of one kind merged" "$(jq '.both.dns_merged.dns.wire_packets.total' all)" $((906 + 1050))
is "a filter of the input makes an input of its own" "$(jq '.some["some-udp-n"].packets.total' all)" 453
get /metrics >/dev/null
get /api/v1/policies/__all/metrics/prometheus >prom
is "each input is read and parsed once, and only by who is wanted" "$(grep '^pktvisor_input_messages_total' prom | awk '{print $NF}' | sort -n | xargs)" "0 906 1050"
is "stages are called what they are, whatever a policy calls its handlers" "$(awk -F'"' '/^pktvisor_packets_received_total.*policy="some"/ { print $4 }' prom | sort | xargs)" "net pcap"
is "policies share it" "$(get /api/v1/policies | jq -c '[.whole.input[].input.consumers, .some.input[].input.consumers]')" "[4,2]"
is "nothing can be changed without --admin-api" "$(code -X DELETE "$URL/api/v1/policies/nx")" 404
finish

# ---- what a policy's filters reject, in its ledgers ------------------------------------------------------------------

# rows POLICY STAGE: packets received, analysed, filtered
rows() {
	get /api/v1/policies/__all/metrics/prometheus |
		sed -n "s/^pktvisor_packets_\(received\|analysed\|filtered\)_total{policy=\"$1\",stage=\"$2\".*} /\1 /p" | sort -r | awk '{print $2}' | xargs
}
policy() { echo "$1: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: $2}}"; }
DNS="{type: dns, filter: {only_rcode: 3}}"
echo "{version: '1.0', visor: {taps: {t: {input_type: pcap, config: {pcap_file: $CAPTURES/dns-udp4.pcap}}}, policies: {
	$(policy one "{d: $DNS, n: {type: net, filter: {only_asn_number: [1]}}}"),
	$(policy two "{d: $DNS, e: {type: dns}}"), $(policy chain "[d: $DNS, e: $DNS, n: {type: net}]")}}}" >filters.yaml
start --config filters.yaml
ended
filtered=$(get /api/v1/policies/one/metrics/window/2 | jq '.one["one-t-d"].dns.wire_packets.filtered')
is "messages that the filter of a policy rejects are filtered" "$(rows one dns) $((filtered > 0))" "906 $filtered $((906 - filtered)) 1"
is "so are packets" "$(rows one net)" "906 906 0"
is "what one of two handlers wanted is not" "$(rows two dns)" "906 0 906"
is "in a chain nothing is twice" "$(rows chain dns) $(rows chain net)" "906 $filtered $((906 - filtered)) 906 0 906"
finish
sed 's/pcap_file: [^}]*/pcap_source: mock/' filters.yaml >live.yaml
start --config live.yaml
counts() { local r f a; read -r r f a < <(rows one "$1"); [ "$f" -gt 0 ] && [ $((f + a)) -eq "$r" ]; }
until_true counts dns && until_true counts net
is "while the input runs, too" "$? $(get /api/v1/metrics/app | jq -r '.app.inputs[0].state')" "0 running"
finish

# ---- the admin API ------------------------------------------------------------------------------------------------

mkdir data; cp "$CAPTURES/dhcp4.pcap" data/
start --admin-api --data-dir data
yaml=(-H 'Content-Type: application/x-yaml; charset=utf-8' -X POST)
is "no policies at first" "$(get /api/v1/policies)" "{}"
is "a tap is created" "$(code "${yaml[@]}" --data-binary "{visor: {taps: {t: {input_type: pcap, config: {pcap_file: $PWD/data/dhcp4.pcap}}}}}" "$URL/api/v1/taps")" 201
code "${yaml[@]}" --data-binary '{visor: {taps: {live: {input_type: pcap, config: {pcap_source: mock}}}}}' "$URL/api/v1/taps" >/dev/null
shown=0
for i in 1 2 3 4 5 6 7 8 9 10; do # a machine that stands still for two seconds would be excused
	code "${yaml[@]}" --data-binary "{visor: {policies: {l$i: {kind: collection, input: {tap: live, input_type: pcap}, handlers: {modules: {n: {type: net}, d: {type: dns}}}}}}}" "$URL/api/v1/policies" >/dev/null
	get "/api/v1/policies/l$i/metrics/bucket/0" >body
	[ "$(jq ".l$i | length" body)" = 2 ] && shown=$((shown + 1))
	code -X DELETE "$URL/api/v1/policies/l$i" >/dev/null
done
is "a policy that was created has its handlers at once" $((shown >= 8)) 1
code -X DELETE "$URL/api/v1/taps/live" >/dev/null
is "a policy is created, and runs" "$(code "${yaml[@]}" --data-binary '{visor: {policies: {p: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {h: {type: dhcp}}}}}}}' "$URL/api/v1/policies") $(jq -r '.p.modules["p-t-h"].module.type' body)" "201 dhcp"
ended
is "and has read the capture" "$(get /api/v1/policies/p/metrics/window/2 | jq '.p["p-t-h"].dhcp.wire_packets.ack')" 14
is "its name is taken" "$(code "${yaml[@]}" --data-binary '{visor: {policies: {p: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {h: {type: dhcp}}}}}}}' "$URL/api/v1/policies")" 409
is "nonsense is the client's fault" "$(code "${yaml[@]}" --data-binary '{visor: {policies: {q: {kind: collecting}}}}' "$URL/api/v1/policies") $(jq -r .error body)" "400 unknown policy kind: collecting"
is "no tap has these tags" "$(code "${yaml[@]}" --data-binary '{visor: {policies: {q: {kind: collection, input: {tap_selector: {any: [{a: b}]}, input_type: pcap}, handlers: {modules: {h: {type: dhcp}}}}}}}' "$URL/api/v1/policies")" 422
code "${yaml[@]}" --data-binary "{visor: {taps: {out: {input_type: pcap, config: {pcap_file: $CAPTURES/dhcp6.pcap}}}}}" "$URL/api/v1/taps" >/dev/null
is "files elsewhere are not for clients" "$(code "${yaml[@]}" --data-binary '{visor: {policies: {q: {kind: collection, input: {tap: out, input_type: pcap}, handlers: {modules: {h: {type: dhcp}}}}}}}' "$URL/api/v1/policies") $(jq -r .error body | grep -c 'data directory')" "400 1"
mkfifo data/fifo
for file in /etc/passwd "$PWD/data/fifo"; do
	answer=$(code "${yaml[@]}" --max-time 10 --data-binary "{visor: {taps: {f: {input_type: flow, config: {flow_type: netflow, pcap_file: $file}}}}}" "$URL/api/v1/taps")
	is "nor are they for flow inputs: ${file##*/}" "$answer $(code "${yaml[@]}" --max-time 10 --data-binary '{visor: {policies: {q: {kind: collection, input: {tap: f, input_type: flow}, handlers: {modules: {h: {type: flow}}}}}}}' "$URL/api/v1/policies") $(jq -r .error body | grep -c 'only regular files below the data directory may be read')" "201 400 1"
	code -X DELETE "$URL/api/v1/taps/f" >/dev/null
done
code "${yaml[@]}" --data-binary "{visor: {taps: {gone: {input_type: pcap, config: {iface: nosuch0}}}}}" "$URL/api/v1/taps" >/dev/null
is "an interface that is not there" "$(code "${yaml[@]}" --data-binary '{visor: {policies: {q: {kind: collection, input: {tap: gone, input_type: pcap}, handlers: {modules: {h: {type: dhcp}}}}}}}' "$URL/api/v1/policies") $(jq -r .error body | grep -c '^policy \[q\] failed to start: .*nosuch0')" "422 1"
echo text >data/text
cp "$CAPTURES/dhcp6.pcap" data/small.pcap
# words SETTINGS: what is said of a policy on such a tap
words() {
	code "${yaml[@]}" --data-binary "{visor: {taps: {bad: {input_type: pcap, config: {$1}}}}}" "$URL/api/v1/taps" >/dev/null
	code "${yaml[@]}" --data-binary '{visor: {policies: {q: {kind: collection, input: {tap: bad, input_type: pcap}, handlers: {modules: {h: {type: dhcp}}}}}}}' "$URL/api/v1/policies"
	echo " $(jq -r .error body)"
	code -X DELETE "$URL/api/v1/taps/bad" >/dev/null
}
like "what is no capture, in the original's words first" "$(words "pcap_file: $PWD/data/text")" "^422 policy \[q\] failed to start: Cannot open pcap/pcapng file: cannot read '$PWD/data/text': "
like "what is no filter" "$(words "pcap_file: $PWD/data/small.pcap, bpf: 'port or'")" "^422 policy \[q\] failed to start: Cannot set BPF filter to pcap file: cannot use filter 'port or': "
is "and nothing is left of it" "$(get /api/v1/policies | jq -c 'keys | map(sub("-[0-9a-f]+-"; "-#-"))')" '["p","t-#-resources"]'
is "a Content-Type is wanted" "$(code -X POST -H Content-Type: -d x "$URL/api/v1/taps") $(cat body)" '400 {"error":"must include Content-Type header"}'
is "of the right kind" "$(code -X POST -H 'Content-Type: text/plain' -d x "$URL/api/v1/taps") $(cat body)" '400 {"error":"Content-Type not supported"}'
is "a tap is deleted; its policy goes on" "$(code -X DELETE "$URL/api/v1/taps/t") $(get /api/v1/policies/p | jq -c .p.taps)" "200 {}"
watch=$(get /api/v1/policies | jq -r 'keys[] | select(endswith("-resources"))')
is "what the input costs is a policy of its own" "$(get "/api/v1/policies/$watch/metrics/window/2" | jq -c --arg n "$watch" '.[$n][$n].input_resources | [.total >= 1, .policy_count, .handler_count, .memory_bytes.p50 > 1000000]')" "[true,1,1,true]"
is "it has no taps" "$(get "/api/v1/policies/$watch" | jq -c --arg n "$watch" '.[$n] | [has("taps"), .modules[$n].module.type]')" '[false,"input_resources"]'
is "a policy is deleted" "$(code -X DELETE "$URL/api/v1/policies/p") $(cat body) $(code -X DELETE "$URL/api/v1/policies/p")" "200 {} 404"
is "and what watched its input goes with it" "$(get /api/v1/policies)" "{}"
is "the server is stopped by request" "$(code -X DELETE "$URL/api/v1/server")" 200
wait $PID
is "and ends well" $? 0
{ # as many as one input takes, with the one that watches it
	echo "{version: '1.0', visor: {taps: {m: {input_type: mock}}, policies: {"
	for i in $(seq 255); do echo "p$i: {kind: collection, input: {tap: m, input_type: mock}, handlers: {modules: {h: {type: net}}}},"; done
	echo "}}}"
} >many.yaml
start --admin-api --config many.yaml
is "one policy more than an input takes" "$(code "${yaml[@]}" --data-binary '{visor: {policies: {q: {kind: collection, input: {tap: m, input_type: mock}, handlers: {modules: {h: {type: net}}}}}}}' "$URL/api/v1/policies") $(cat body)" \
	'422 {"error":"policy [q] failed to start: more than 256 policies on one input"}'
is "leaves nothing" "$(get /api/v1/policies | jq 'length, has("q")' | xargs)" "256 false"
finish
echo "{version: '1.0', visor: {taps: {op: {input_type: pcap, config: {pcap_file: $CAPTURES/dhcp6.pcap}}}}}" >own.yaml
op() { code "${yaml[@]}" --data-binary "{visor: {policies: {$1: {kind: collection, input: {tap: op, input_type: pcap, $2}, handlers: {modules: {h: {type: dhcp}}}}}}}" "$URL/api/v1/policies"; }
start --admin-api --config own.yaml
is "a tap of the file may read what the file says" "$(op p)" 201
is "but not what a request puts in its place" "$(op q 'config: {pcap_file: /etc/passwd}') $(op q 'filter: {pcap_file: /etc/passwd}')" "400 400"
code -X DELETE "$URL/api/v1/taps/op" >/dev/null
code "${yaml[@]}" --data-binary "{visor: {taps: {op: {input_type: pcap, config: {pcap_file: $CAPTURES/dhcp6.pcap}}}}}" "$URL/api/v1/taps" >/dev/null
is "nor is a tap of that name, made by a request, the file's" "$(op q)" 400
finish
status 1 "others may not change things without a token" pktvisord --admin-api -l 0.0.0.0 -p 0
echo secret >token
start --admin-api --admin-token-file token
is "a token that was asked for is needed" "$(code -X DELETE "$URL/api/v1/taps/x") $(code -H 'Authorization: Bearer secret' -X DELETE "$URL/api/v1/taps/x")" "401 404"
finish

# What changes things: openapi.sh.
if python3 -c 'import jsonschema, yaml' 2>/dev/null; then
	start --config agent.yaml
	ended
	python3 "$TESTS/lib/openapi.py" "$TOP/lib/http/openapi.yaml" "$URL" name=both,udp,nope n=0,1,2 >out 2>&1
	is "what is read is what the OpenAPI document says" "$?" 0
	grep -v ^unseen out | tail -n 5
	finish
fi

# ---- inputs that need no network ---------------------------------------------------------------------------------------

cat >mock.yaml <<'END'
version: "1.0"
visor:
  taps: {m: {input_type: mock}, p: {input_type: pcap, config: {pcap_source: mock}}}
  policies:
    time: {kind: collection, input: {tap: m, input_type: mock}, handlers: {modules: {n: {type: net}}}}
    packets: {kind: collection, input: {tap: p, input_type: pcap}, handlers: {modules: {n: {type: net}, d: {type: dns}}}}
END
began=$(date +%s%N)
start --config mock.yaml
# both handlers' copies are of one moment, now and then
looked() {
	get /api/v1/policies/__all/metrics/bucket/0 >all
	[ "$(jq -c '[.packets["packets-p-n"].packets.total >= 20, .packets["packets-p-n"].packets.total == .packets["packets-p-d"].dns.wire_packets.total, .time["time-m-n"].packets.period.length >= 1]' all)" = "[true,true,true]" ]
}
until_true looked
is "mock packets come, and are DNS messages, as many" $? 0
took=$((($(date +%s%N) - began) / 100000000))
got=$(jq '.packets["packets-p-n"].packets.total' all)
if [ "$got" -le $((took + 1)) ]; then ok "ten a second"; else not_ok "ten a second: $got in $took tenths"; fi
is "the mock input is nothing but time" "$(jq -c '.time["time-m-n"].packets | [.total, .period.length >= 1]' all)" "[0,true]"
finish
sed 's/m: {input_type: mock}/m: {input_type: mock, config: {except_on_start: true}}/' mock.yaml >bad.yaml
status 1 "an input that fails at the start" pktvisord -p 0 --config bad.yaml
like "is named with its policy" "$(cat err)" 'policy \[time\] failed to start: mock error on start'

# ---- starting and ending --------------------------------------------------------------------------------------------

status 1 "without anything to do" pktvisord -p 0
status 1 "--tls without its files" pktvisord --tls -p 0 --admin-api
for option in --cp-custom=x --cp-url=u; do
	status 1 "options that are not built say so: $option" pktvisord "$option" --check
done
echo '{visor: {config: {otel_host: h, otel_port: 0, otel_interval: 0, cp_url: u, cp_disable: true}}}' >off.yaml
status 0 "settings of what is off are none of them" pktvisord --check --config off.yaml
status 2 "unknown options are mistakes" pktvisord --nosuch
status 0 "--module-list" pktvisord --module-list
like "and what it lists" "$(cat out)" '^handler: dns version 1.0$'
sed 's/only_rcode/only_rcoed/' agent.yaml >bad.yaml
status 1 "a mistake in the file" pktvisord --config bad.yaml
like "is named with its file and line" "$(cat err)" 'bad.yaml:8: .*only_rcoed is an invalid/unsupported config or filter'
status 1 "--check finds it, too" pktvisord --check --config bad.yaml
# checked WORDS VISOR [OPTIONS...]
checked() {
	echo "{visor: $2}" >wrong.yaml
	status 1 "--check finds out: $1" pktvisord --check --config wrong.yaml "${@:3}"
	like "and says it" "$(cat err)" "\[error\] .*$1"
}
policy="policies: {p: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {n: {type: net}}}}}"
checked "wrong.yaml:1: policy \[p\]: cannot use filter 'udp port'" "{taps: {t: {input_type: pcap, config: {iface: nosuch0, bpf: udp port}}}, $policy}"
checked "cannot use filter 'udp port'" "{}" -b 'udp port' nosuch0
checked "cannot read /nonexistent: No such file" "{config: {tls: true, tls_cert: /nonexistent, tls_key: /nonexistent}}"
checked "/nonexistent: " "{config: {geo_city: /nonexistent}}"
checked "/nonexistent: No such file" "{config: {data_dir: /nonexistent}}"
checked "unable to bind to 999.1.1.1:" "{config: {host: 999.1.1.1}}"
echo "{visor: {taps: {t: {input_type: pcap, config: {iface: nosuch0, bpf: wlan type mgt}}}, $policy}}" >right.yaml
status 0 "--check asks for no interface, nor of what kind it is" pktvisord --check --config right.yaml
status 1 "a capture that is not there" pktvisord -p 0 "$PWD/nosuch.pcap"
like "is named with its policy" "$(cat err)" 'policy \[default\] failed to start: .*nosuch.pcap'

rm -f d.log
pktvisord -d -p 0 --log-file d.log --pid-file d.pid "$CAPTURES/dhcp4.pcap" >out 2>err </dev/null
is "-d comes back when it serves" $? 0
PID=$(cat d.pid)
listening d.log
is "in the background it serves as well" "$(get /api/v1/policies | jq -c 'keys | map(sub("-[0-9a-f]+-"; "-#-"))')" '["default","default-#-resources"]'
mv d.log d.log.1
kill -HUP "$PID"
until_true grep -q 'log opened again' d.log
like "SIGHUP opens the log again" "$(cat d.log)" 'log opened again'
kill -TERM "$PID"
gone() { ! kill -0 "$PID" 2>/dev/null; }
until_true gone
like "SIGTERM is logged" "$(cat d.log)" 'exit with success'
is "and the PID file is gone" "$(ls d.pid 2>/dev/null)" ""
pktvisord -d -p 0 --log-file d.log "$PWD/nosuch.pcap" >out 2>err </dev/null
is "-d fails where its child fails" $? 1
like "and says why" "$(cat err)" 'failed to start'

python3 - "$CAPTURES/dhcp4.pcap" <<'END' >notified 2>&1
import os, socket, subprocess, sys, signal
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("notify"); s.settimeout(100)
p = subprocess.Popen(["pktvisord", "-p", "0", sys.argv[1]], env=dict(os.environ, NOTIFY_SOCKET=os.path.abspath("notify")),
	stderr=subprocess.DEVNULL)
print(s.recv(100).decode()); p.send_signal(signal.SIGTERM); print(s.recv(100).decode()); print(p.wait())
END
is "a service manager is told" "$(xargs <notified)" "READY=1 STOPPING=1 0"
