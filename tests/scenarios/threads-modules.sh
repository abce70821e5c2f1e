# SPDX-License-Identifier: MPL-2.0
# Loaded modules in pktvisord and pv-serve: what the pipeline of tools prints, whatever else is on the same input; and what is refused.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/serve.sh"
. "$TESTS/lib/agent.sh" # its get, its post
trap 'stop_agents; stop_servers' EXIT
umask 022

install -d -m 755 mods all
install -m 755 "$BUILD/modules/ntp.so" mods
install -m 755 "$BUILD"/modules/{ntp,cpu}.so "$BUILD"/tests/modules/{seen,count,made}.so all
M=(--module-dir mods)
python3 "$TESTS/lib/ntp.py" ntp.pcap 7 >want.json
cat ntp.pcap >mixed.pcap
dd if="$CAPTURES/dns-mixed.pcap" bs=24 skip=1 status=none >>mixed.pcap # the records of another capture behind the head of this one

# policy NAME TAP MODULES [INPUT_TYPE]: a line of a document
policy() { echo "    $1: {kind: collection, input: {tap: $2, input_type: ${4:-pcap}}, handlers: {modules: $3}}"; }
# document MODULE_DIR: its head
document() {
	printf 'version: "1.0"\nvisor:\n'
	[ -z "${1:-}" ] || echo "  config: {module_dir: $1}"
	echo "  taps:"
	echo "    ntp: {input_type: pcap, config: {pcap_file: $PWD/ntp.pcap}}"
	echo "    mixed: {input_type: pcap, config: {pcap_file: $PWD/mixed.pcap}}"
	echo "    mock: {input_type: pcap, config: {pcap_source: mock}}"
	echo "  policies:"
}
tools() { pv-capture --payload-port 123,124 -r "$@"; }
line() { tr -d '\n' <"$1" >"$1.line"; }

# ---- pktvisord: the same bytes as the pipeline -----------------------------------------------------------------

{
	document
	policy default ntp '{ntp: {type: ntp}}'
	policy other ntp '{a: {type: ntp, config: {port: 124}}, b: {type: ntp}, n: {type: net}}'
	policy both mixed '{n: {type: net}, ntp: {type: ntp, metric_groups: {disable: [top_ntp]}}, d: {type: dns}}'
} >agent.yaml
start "${M[@]}" --config agent.yaml
ended
get /api/v1/metrics/window/5 >got
tools ntp.pcap | pv-module "${M[@]}" ntp | pv-window "${M[@]}" --json >pipe
line got; line pipe
same "a policy with a module's handler gives the JSON of the pipeline, byte for byte" got.line pipe.line
is "and that is what was put into the capture" \
	"$(jq -cS '.[].ntp | del(.period, .rates, .wire_packets.deep_samples)' got)" "$(jq -cS . want.json)"
get /api/v1/policies/other/metrics/window/5 >other
tools ntp.pcap | pv-module "${M[@]}" ntp port=124 | pv-window "${M[@]}" --json >port
is "with a setting of its own, what the pipeline says with it" \
	"$(jq -cS '.other["other-ntp-a"].ntp' other)" "$(jq -cS '.[].ntp' port)"
is "and beside it, on the same input, without" "$(jq -cS '.other["other-ntp-b"].ntp' other)" "$(jq -cS '.[].ntp' pipe)"
tools ntp.pcap | pv-net | pv-window --json >net
is "net counts as without modules" "$(jq -cS '.other["other-ntp-n"].packets' other)" "$(jq -cS '.[].packets' net)"
get /api/v1/policies/both/metrics/window/5 >both
tools mixed.pcap | pv-dns | pv-net | pv-module "${M[@]}" ntp | pv-window "${M[@]}" --disable top_ntp --modules ntp --json >module
tools mixed.pcap | pv-dns | pv-net | pv-window --json >builtin
is "among others, with a group off" "$(jq -cS '.both["both-mixed-ntp"].ntp' both)" "$(jq -cS '.[].ntp' module)"
is "and the others are what they are without" \
	"$(jq -cS '.both | [.["both-mixed-n"].packets, .["both-mixed-d"].dns]' both)" "$(jq -cS '.[] | [.packets, .dns]' builtin)"
get /metrics >prom
like "Prometheus has its metrics" "$(cat prom)" "^ntp_wire_packets_client\{.*\} $(jq .wire_packets.client want.json)$"
get "/api/v1/policies/default/metrics/bucket/0?format=pvb" >got.pvb
is "and so have binary buckets" "$(pv-window "${M[@]}" --json <got.pvb | jq -c '.[].ntp.wire_packets')" "$(jq -c '.[].ntp.wire_packets' pipe)"
finish
is "SIGTERM ends it well" $? 0

sed "s|^visor:|&\n  config: {module_dir: $PWD/mods}|" agent.yaml >own.yaml
start --config own.yaml
ended
get /api/v1/metrics/window/5 >named; line named
same "module_dir in the file does what --module-dir does" named.line pipe.line
finish
status 1 "but the command line wins" pktvisord --module-dir nowhere --check --config own.yaml
like "as its error shows" "$(cat err)" "cannot look for modules in 'nowhere'"

{
	document
	policy default mixed '{s: {type: seen}}'
	policy net mixed '{s: {type: seen}, n: {type: net}, d: {type: dns}, m: {type: ntp}}'
} >seen.yaml
start --module-dir all --config seen.yaml
ended
get /api/v1/metrics/window/5 >got; line got
tools mixed.pcap | pv-dhcp | pv-dns | pv-net | pv-module --module-dir all seen | pv-window --module-dir all --modules seen --json >pipe; line pipe
same "an analyser of what others make has them made, and gets all of it" got.line pipe.line
is "packets, too, though behind net there are none" "$(jq -c '.[].seen.packets' got)" "$(tcpdump -nr mixed.pcap 2>/dev/null | wc -l)"
get /api/v1/policies/net/metrics/window/5 >net
is "and nobody else notices" "$(jq -cS '.net | [.["net-mixed-n"].packets, .["net-mixed-d"].dns]' net)" "$(jq -cS '.[] | [.packets, .dns]' builtin)"
is "nor the other module" "$(jq -cS '.net["net-mixed-m"].ntp.wire_packets' net)" "$(jq -cS '.[].ntp.wire_packets' module)"
finish

# ---- dnstap: only_hosts of a policy, whichever analysers of modules run ----------------------------------------------

install -d -m 755 taps
install -m 755 "$BUILD"/tests/modules/{seen,tapped}.so taps
cp "$CAPTURES/dnstap/knot.dnstap" tap.dnstap; cp tap.dnstap alone.dnstap # where nobody else asks for net
{
	document | sed "s|^  policies:|$(for t in tap alone; do printf '    %s: {input_type: dnstap, config: {dnstap_file: %s}}\\n' $t "$PWD/$t.dnstap"; done)&|"
	policy default alone '{t: {type: tapped}}' 'dnstap, filter: {only_hosts: [192.0.2.11/32]}'
	policy both tap '{t: {type: tapped}, s: {type: seen}}' 'dnstap, filter: {only_hosts: ["2001:db8::/32"]}'
	policy all tap '{t: {type: tapped}, s: {type: seen}}' dnstap
} >tapped.yaml
tapped() {
	# shellcheck disable=SC2086
	pv-dnstap $1 "$CAPTURES/dnstap/knot.dnstap" 2>/dev/null | pv-dns | pv-net | pv-module --module-dir taps tapped | pv-module --module-dir taps seen |
		pv-window --module-dir taps --modules "$2" --json | jq -cS '[.[] | del(.[].period)]'
}
start --module-dir taps --config tapped.yaml
ended
for p in "default|--only-hosts 192.0.2.11/32|tapped" "both|--only-hosts 2001:db8::/32|tapped,seen" "all||tapped,seen"; do
	IFS='|' read -r name options modules <<<"$p"
	is "only_hosts of a policy ($name) is --only-hosts to modules" \
		"$(get "/api/v1/policies/$name/metrics/window/5" | jq -cS '[.[] | add | del(.[].period)]')" "$(tapped "$options" "$modules")"
done
finish

# ---- chains --------------------------------------------------------------------------------------------------------

{
	document
	policy ntp_net mixed '[{a: {type: ntp}}, {b: {type: net}}]'
	policy ntp_dns mixed '[{a: {type: ntp}}, {b: {type: dns}}]'
	policy net_ntp mixed '[{a: {type: net, filter: {only_geoloc_prefix: [EU]}}}, {b: {type: ntp}}]'
	policy dns_seen mixed '[{a: {type: dns, filter: {only_qtype: [A]}}}, {b: {type: seen}}]' 'pcap, config: {bpf: udp}'
	policy ntp_ntp mixed '[{a: {type: ntp, config: {port: 124}}}, {b: {type: ntp}}]'
	policy seen_net_ntp mixed '[{a: {type: seen}}, {b: {type: net}}, {c: {type: ntp}}]'
} >chains.yaml
start --module-dir all "${GEO[@]}" --config chains.yaml
ended
# of POLICY HANDLER: what it counted, times apart
of() { get "/api/v1/policies/$1/metrics/window/5" | jq -cS ".$1[\"$1-mixed-$2\"][] | del(.period)"; }
# chain SENTENCE POLICY HANDLER MODULES COMMAND: the same of the tools, which read the mixed capture; of two of a kind the last
chain() {
	tools mixed.pcap | eval "$5" | pv-window --module-dir all --modules "$4" --periods 5 --json >chain.json
	is "$1" "$(of "$2" "$3" | jq -cS 'del(.rates)')" "$(jq -cS '.[][] | del(.period, .rates)' chain.json | tail -n 1)"
}
MC='pv-module --module-dir all'
chain "a module's handler in front of a chain counts as it does alone" ntp_net a ntp "$MC ntp --chain"
chain "net behind it sees the packets that it accepted" ntp_net b net "$MC ntp --chain | pv-net ${GEO[*]}"
is "which are some, not all" "$(jq '.[].packets.total' chain.json)" "$(jq '.wire_packets | .events - .malformed' want.json)"
chain "dns behind it sees none" ntp_dns b dns "$MC ntp --chain | pv-dns"
chain "behind net it sees the packets that net accepted" net_ntp b ntp "pv-net ${GEO[*]} --only-geoloc-prefix EU --chain | $MC ntp"
chain "behind another of its kind it sees what that accepted" ntp_ntp b ntp "$MC ntp port=124 --chain | $MC ntp"
chain "in a chain of three, all goes on that it made an event of" seen_net_ntp c ntp "$MC seen --chain | pv-net | $MC ntp"
tools mixed.pcap -b udp | pv-dns --only-qtype A --chain | $MC seen | pv-window --module-dir all --modules seen --json >chain.json
is "behind dns one sees the packets of messages that dns accepted" "$(of dns_seen b | jq .packets)" "$(jq '.[].seen.packets' chain.json)"
is "and of the messages themselves only those" "$(of dns_seen b | jq '.messages == .packets and .packets > 100')" true
finish

# ---- sources -------------------------------------------------------------------------------------------------------

# sources: documents that have some
sources() {
	document | sed '$d'
	echo "    count: {input_type: count, config: {count: 100}, tags: {kind: made}}"
	echo "    one: {input_type: count, config: {input: one}, filter: {count: 7}, tags: {kind: made}}"
	echo "    fails: {input_type: count, config: {count: 3, fail: true}}"
	echo "    made: {input_type: made, config: {count: 500}}"
	echo "    host: {input_type: cpu, config: {interval: 20}}"
	echo "  policies:"
}
{
	sources
	policy default count '{c: {type: count}}' count
	policy more count '{c: {type: count}, d: {type: count}}' count
	policy fewer count '{c: {type: count}}' 'count, config: {count: 5}'
	echo "    both: {kind: collection, input: {tap_selector: {any: [{kind: made}]}, input_type: count}, handlers: {modules: {c: {type: count}}}}"
	policy fails fails '{c: {type: count}}' count
	policy packets made '{n: {type: net}, s: {type: seen}, t: {type: ntp}, p: {type: pcap}, m: {type: made}}' made
	policy host host '{c: {type: cpu}}' cpu
} >sources.yaml
start --module-dir all --admin-api --config sources.yaml
until_true eval '[ "$(get /api/v1/policies/host/metrics/bucket/0 | jq ".host[\"host-host-c\"].cpu.looks > 10")" = true ]'
is "a source of a module is an input: what it makes is counted" $? 0
is "in the unit of its table" "$(get /api/v1/policies/host/metrics/bucket/0 | jq '.host["host-host-c"].cpu.busy_permille.p99 <= 1000')" true
get /api/v1/metrics/window/5 >got; line got
pv-module --module-dir all count count=100 | pv-window --module-dir all --json >pipe; line pipe
same "a recorded one gives the JSON of the pipeline, byte for byte" got.line pipe.line
is "two handlers of a policy both count it" "$(get /api/v1/policies/more/metrics/window/5 | jq -c '[.more[].count.sum]')" '[5050,5050]'
is "the input is read once for all policies, and for what watches it" "$(get /api/v1/policies/default | jq '[.default.input[].input.consumers] == [4]')" true
is "a policy's settings go before the tap's" "$(get /api/v1/policies/fewer/metrics/window/5 | jq '.fewer[].count.sum')" 15
is "tags choose it, filters set it" "$(get /api/v1/policies/both/metrics/window/5 | jq -c '[.both[].count.sum]')" '[5050,28]'
is "the tap says what it is" "$(get /api/v1/taps/one | jq -c '.one | [.input_type, .config]')" '["count",{"input":"one"}]'
until_true grep -qE 'input fails-[0-9a-f]{16}: was told to$' log
is "a source that fails is said to" $? 0
is "and what it made until then is counted" "$(get /api/v1/policies/fails/metrics/window/5 | jq '.fails[].count.sum')" 6
get /api/v1/policies/packets/metrics/window/5 >got
is "packets of a source are analysed by what is built in and by modules" \
	"$(jq -c '.packets | [.["packets-made-n"].packets.total, .["packets-made-s"].seen.packets, .["packets-made-t"].ntp.wire_packets.malformed]' got)" "[500,500,500]"
is "whose events are not taken for its own" "$(jq '.packets["packets-made-m"].made.events' got)" 500
post policies '{visor: {policies: {late: {kind: collection, input: {tap: count, input_type: count}, handlers: {modules: {c: {type: count}}}}}}}' >code
is "one that comes later reads a recorded source again" "$(cat code)" 201
late() { [ "$(get /api/v1/policies/late/metrics/window/5 | jq '.late[].count.sum')" = 5050 ]; }
until_true late
is "from its beginning" $? 0
post taps '{visor: {taps: {x: {input_type: count, config: {input: one, count: 1}}}}}' >code
post policies '{visor: {policies: {x: {kind: collection, input: {tap: x, input_type: count}, handlers: {modules: {c: {type: count}}}}}}}' >>code
is "what a request names as its input is a file below the data directory" "$(cat code)" 201400
like "which is said" "$(cat body)" "input 'one': files cannot be read by request without --data-dir"
post policies '{visor: {policies: {y: {kind: collection, input: {tap: host, input_type: cpu}, handlers: {modules: {c: {type: cpu}}}}}}}' >code
is "a live one is joined" "$(cat code) $(get /api/v1/policies/y | jq '[.y.input[].input.consumers] == [3]')" "201 true"
delete /api/v1/policies/y >code; delete /api/v1/policies/host >>code
is "and left" "$(cat code)" 200200
until_true eval '[ "$(get /api/v1/policies | jq "keys | map(select(startswith(\"host\"))) | length")" = 0 ]'
is "by all, until it ends" $? 0
finish
is "SIGTERM ends it well" $? 0
post_open() { pktvisord --module-dir all --config "$1" -p 0; }
{ sources; policy p one '{c: {type: count}}' 'count, config: {input: two}'; } >two.yaml
status 1 "a source that cannot open its input ends the start" post_open two.yaml
one_line "in its own words" err "two.yaml:13: policy \[p\] failed to start: cannot count from 'two'$"

# ---- they come and go --------------------------------------------------------------------------------------------

{
	document
	policy stays mock '{n: {type: net}}'
} >live.yaml
start --module-dir all --admin-api --config live.yaml
add() { post policies "$(printf 'version: "1.0"\nvisor:\n  policies:\n%s\n' "$1")"; }
for i in $(seq "${ROUNDS:-15}"); do
	add "$(policy "a$i" mock "{m: {type: ntp, config: {port: $((i + 1000))}}, s: {type: seen}}")"
	add "$(policy "b$i" mock "{m: {type: ntp, config: {port: $((i + 1000))}}, k: {type: ntp}, d: {type: dns}}")"
	[ $((i % 3)) -ne 0 ] || sleep 0.2
	[ "$i" -le 2 ] || { delete "/api/v1/policies/a$((i - 2))"; delete "/api/v1/policies/b$((i - 2))"; }
	echo
done >codes
is "policies with modules come and go under traffic" "$(tr -d '\n' <codes | sed 's/20[01]//g')" ""
seen() { [ "$(get "/api/v1/policies/a$i/metrics/window/5" | jq ".a$i[\"a$i-mock-s\"].seen.packets")" -gt 0 ] 2>/dev/null; }
until_true seen
is "the last one counts" $? 0
for k in $(seq 17); do add "$(policy "c$k" mock "{m: {type: ntp, config: {port: $k}}}")"; echo; done >codes
is "an input takes so many analysers of modules" "$(sort codes | uniq -c | awk '{ print $2 }' | paste -sd,)" 201,422
like "and says so" "$(cat body)" "no room for 'ntp' on this input"
finish
is "and it ends well" $? 0

# ---- pv-serve ----------------------------------------------------------------------------------------------------

tools ntp.pcap | pv-module "${M[@]}" ntp | tee ntp.pve | pv-window "${M[@]}" >ntp.pvb
pv-window "${M[@]}" --json <ntp.pve >pipe; line pipe
serve "${M[@]}" < <(cat ntp.pvb)
URL=http://127.0.0.1:$PORT; served default ended
get /api/v1/metrics/window/5 >got; line got
same "pv-serve with the module serves what comes from a pipe" got.line pipe.line
stop
SERVER=without
serve < <(cat ntp.pvb)
URL=http://127.0.0.1:$PORT; served default ended
is "without it, these buckets are not there" "$(get /api/v1/policies/default/metrics/window/5 | jq -c '.default // {} | keys')" '[]'
stop

# ---- what is refused, what is said -------------------------------------------------------------------------------

status 0 "pktvisord: --module-list" pktvisord --module-dir all --module-list
cp out agent.list
status 0 "pv-serve: --module-list" pv-serve --module-dir all --module-list
same "and they list the same" out agent.list
is "what is built in, then what is loaded" "$(sed -n '1p;$p' out)" "input: pcap version 1.0
handler: seen version 1.0"
status 0 "module_list in the file" pktvisord --config <(echo "visor: {config: {module_dir: $PWD/all, module_list: true}}")
same "lists, too" out agent.list

pv-capture -r ntp.pcap | pv-net | pv-window >net.pvb
chmod o+w mods
for p in pktvisord pv-serve; do
	pv_args=(); [ $p = pv-serve ] || pv_args=(--admin-api)
	status 1 "$p: not from where others can write" $p "${M[@]}" "${pv_args[@]}" </dev/null
	one_line "$p: and which that is" err "no modules from '$PWD/mods': others can write to it$"
done
status 1 "nor where the file says it" pktvisord --check --config own.yaml
one_line "which is said with its line" err "own.yaml:3: module_dir: no modules from '$PWD/mods': others can write to it$"
chmod o-w mods

status 1 "without the module a policy cannot have its handler" pktvisord --check --config agent.yaml
one_line "which is said with the line, and what there is" err \
	"agent.yaml:8: Policy 'default' requires stream handler type 'ntp' and version '1.0' which is not available \(there are: net 1\.0, net 2\.0, connections 1\.0, dns 1\.0, .*input_resources 1\.0\)$"
# wrong REGEX MODULES: a policy with these modules is refused
wrong() {
	{ document; policy p ntp "$2"; } >wrong.yaml
	status 1 "$2 is wrong" pktvisord --module-dir all --check --config wrong.yaml
	one_line "and why" err "wrong.yaml:8: $1$"
}
wrong "policy \[p\] failed to start: port must be between 1 and 65535" '{m: {type: ntp, config: {port: 70000}}}'
wrong "policy \[p\] failed to start: wrong type for key: port \(a number is expected\)" '{m: {type: ntp, filter: {port: "12"}}}'
wrong "policy \[p\] failed to start: prt is an invalid/unsupported config or filter\. The valid configs/filters are: port, recorded_stream, .*" \
	'{m: {type: ntp, config: {prt: 12}}}'
wrong "policy \[p\] failed to start: .*the valid metric groups are.*|.*invalid/unsupported metric group.*" '{m: {type: ntp, metric_groups: {enable: [nope]}}}'
wrong "Policy 'p' requires stream handler type 'count' in a list of modules, but its events are not made of packets, of which a chain is" \
	'[{n: {type: net}}, {m: {type: count}}]'
wrong "StreamHandler: unsupported input event proxy ntp-[0-9a-f]{16}" '{m: {type: count}}'
# wrong_tap REGEX TAP: a tap like this is refused
wrong_tap() {
	printf 'version: "1.0"\nvisor:\n  taps:\n    t: %s\n' "$2" >wrong.yaml
	status 1 "the tap $2 is wrong" pktvisord --module-dir all --check --config wrong.yaml
	one_line "and why" err "wrong.yaml:4: $1$"
}
wrong_tap "Tap 't' requires input stream type 'ntp' which is not available" '{input_type: ntp}'
wrong_tap "wrong type for key: count \(a number is expected\)" '{input_type: count, config: {count: yes please}}'
wrong_tap "wrong type for key: input \(a string is expected\)" '{input_type: count, config: {input: [a]}}'
wrong_tap "colour is an invalid/unsupported config or filter\. The valid configs/filters are: input, count, fail" '{input_type: count, config: {colour: red}}'
wrong_tap "interval must be between 10 and 60000" '{input_type: cpu, filter: {interval: 5}}'
{ document; policy p ntp '{m: {type: ntp}}'; } | sed 's/^  policies/  global_handler_config: {ntp: {port: 124}}\n&/' >global.yaml
start --module-dir all --config global.yaml
ended
is "global_handler_config has a module's settings, too" \
	"$(get /api/v1/policies/p/metrics/window/5 | jq -cS '.p["p-ntp-m"].ntp')" "$(jq -cS '.[].ntp' port)"
finish
