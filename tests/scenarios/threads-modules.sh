# SPDX-License-Identifier: MPL-2.0
# Loaded modules in pktvisord and pv-serve: what the pipeline of tools prints, whatever else is on the same input; and what is refused.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/serve.sh"
umask 022

install -d -m 755 mods all
install -m 755 "$BUILD/modules/ntp.so" mods
install -m 755 "$BUILD/modules/ntp.so" "$BUILD/tests/modules/seen.so" "$BUILD/tests/modules/count.so" all
M=(--module-dir mods)
python3 "$TESTS/lib/ntp.py" ntp.pcap 7 >want.json
cat ntp.pcap >mixed.pcap
dd if="$CAPTURES/dns-mixed.pcap" bs=24 skip=1 status=none >>mixed.pcap # the records of another capture behind the head of this one

# agent ARGUMENTS...: a pktvisord; its process is PID, its port PORT
agent() {
	local i
	rm -f log
	pktvisord -p 0 "$@" >log 2>&1 & PID=$!
	SERVERS+=("$PID")
	for i in $(seq 200); do
		PORT=$(sed -n 's/.*web server listening on .*:\([0-9]*\)$/\1/p' log 2>/dev/null)
		[ -z "$PORT" ] || return 0
		kill -0 $PID 2>/dev/null || break
		sleep 0.05
	done
	cat log; not_ok "pktvisord starts"; return 1
}
# every saved capture has been read
read_all() {
	local i
	for i in $(seq 400); do
		[ "$(get /api/v1/metrics/app | jq '[.app.inputs[] | select(.state == "running" or .state == "waiting")] | length')" != 0 ] || return 0
		sleep 0.05
	done
	return 1
}
# policy NAME TAP MODULES: a line of a document
policy() { echo "    $1: {kind: collection, input: {tap: $2, input_type: pcap}, handlers: {modules: $3}}"; }
# document MODULE_DIR: its head
document() {
	printf 'version: "1.0"\nvisor:\n'
	[ -z "${1:-}" ] || echo "  config: {module_dir: $1}"
	echo "  taps:"
	echo "    ntp: {input_type: pcap, config: {pcap_file: $PWD/ntp.pcap}}"
	echo "    mixed: {input_type: pcap, config: {pcap_file: $PWD/mixed.pcap}}"
	echo "    made: {input_type: pcap, config: {pcap_source: mock}}"
	echo "  policies:"
}
tools() { pv-capture --payload-port 123,124 -r "$1"; }
line() { tr -d '\n' <"$1" >"$1.line"; }

# ---- pktvisord: the same bytes as the pipeline -----------------------------------------------------------------

{
	document
	policy default ntp '{ntp: {type: ntp}}'
	policy other ntp '{a: {type: ntp, config: {port: 124}}, b: {type: ntp}, n: {type: net}}'
	policy both mixed '{n: {type: net}, ntp: {type: ntp, metric_groups: {disable: [top_ntp]}}, d: {type: dns}}'
} >agent.yaml
agent "${M[@]}" --config agent.yaml
read_all
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
stop
is "SIGTERM ends it well" $? 0

sed "s|^visor:|&\n  config: {module_dir: $PWD/mods}|" agent.yaml >own.yaml
agent --config own.yaml
read_all
get /api/v1/metrics/window/5 >named; line named
same "module_dir in the file does what --module-dir does" named.line pipe.line
stop
status 1 "but the command line wins" pktvisord --module-dir nowhere --check --config own.yaml
like "as its error shows" "$(cat err)" "cannot look for modules in 'nowhere'"

{
	document
	policy default mixed '{s: {type: seen}}'
	policy net mixed '{s: {type: seen}, n: {type: net}, d: {type: dns}, m: {type: ntp}}'
} >seen.yaml
agent --module-dir all --config seen.yaml
read_all
get /api/v1/metrics/window/5 >got; line got
tools mixed.pcap | pv-dhcp | pv-dns | pv-net | pv-module --module-dir all seen | pv-window --module-dir all --modules seen --json >pipe; line pipe
same "an analyser of what others make has them made, and gets all of it" got.line pipe.line
is "packets, too, though behind net there are none" "$(jq -c '.[].seen.packets' got)" "$(tcpdump -nr mixed.pcap 2>/dev/null | wc -l)"
get /api/v1/policies/net/metrics/window/5 >net
is "and nobody else notices" "$(jq -cS '.net | [.["net-mixed-n"].packets, .["net-mixed-d"].dns]' net)" "$(jq -cS '.[] | [.packets, .dns]' builtin)"
is "nor the other module" "$(jq -cS '.net["net-mixed-m"].ntp.wire_packets' net)" "$(jq -cS '.[].ntp.wire_packets' module)"
stop

# ---- they come and go --------------------------------------------------------------------------------------------

{
	document
	policy stays made '{n: {type: net}}'
} >live.yaml
agent --module-dir all --admin-api --config live.yaml
post() { curl -s --max-time 20 -o body -w '%{http_code}' -H 'Content-Type: application/x-yaml' --data-binary "$(printf 'version: "1.0"\nvisor:\n  policies:\n%s\n' "$1")" "http://127.0.0.1:$PORT/api/v1/policies"; }
delete() { curl -s --max-time 20 -o /dev/null -w '%{http_code}' -X DELETE "http://127.0.0.1:$PORT/api/v1/policies/$1"; }
for i in $(seq "${ROUNDS:-15}"); do
	post "$(policy "a$i" made "{m: {type: ntp, config: {port: $((i + 1000))}}, s: {type: seen}}")"
	post "$(policy "b$i" made "{m: {type: ntp, config: {port: $((i + 1000))}}, k: {type: ntp}, d: {type: dns}}")"
	[ $((i % 3)) -ne 0 ] || sleep 0.2
	[ "$i" -le 2 ] || { delete "a$((i - 2))"; delete "b$((i - 2))"; }
	echo
done >codes
is "policies with modules come and go under traffic" "$(tr -d '\n' <codes | sed 's/20[01]//g')" ""
seen() { [ "$(get "/api/v1/policies/a$i/metrics/window/5" | jq ".a$i[\"a$i-made-s\"].seen.packets")" -gt 0 ] 2>/dev/null; }
for k in $(seq 100); do seen && break; sleep 0.1; done
is "the last one counts" $? 0
for k in $(seq 17); do post "$(policy "c$k" made "{m: {type: ntp, config: {port: $k}}}")"; echo; done >codes
is "an input takes so many analysers of modules" "$(sort codes | uniq -c | awk '{ print $2 }' | paste -sd,)" 201,422
like "and says so" "$(cat body)" "no room for 'ntp' on this input"
stop
is "and it ends well" $? 0

# ---- pv-serve ----------------------------------------------------------------------------------------------------

tools ntp.pcap | pv-module "${M[@]}" ntp | tee ntp.pve | pv-window "${M[@]}" >ntp.pvb
pv-window "${M[@]}" --json <ntp.pve >pipe; line pipe
serve "${M[@]}" < <(cat ntp.pvb)
served default ended
get /api/v1/metrics/window/5 >got; line got
same "pv-serve with the module serves what comes from a pipe" got.line pipe.line
stop
SERVER=without
serve < <(cat ntp.pvb)
served default ended
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
	"agent.yaml:8: Policy 'default' requires stream handler type 'ntp' and version '1.0' which is not available \(there are: net 1\.0, net 2\.0, dns 1\.0, .*input_resources 1\.0\)$"
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
wrong "Policy 'p' requires stream handler type 'ntp' in a list of modules, but chains .* are not built yet" '[{n: {type: net}}, {m: {type: ntp}}]'
wrong "Policy 'p' requires stream handler type 'count', for which its module has no analyser .*" '{m: {type: count}}'
{ document; policy p ntp '{m: {type: ntp}}'; } | sed 's/^  policies/  global_handler_config: {ntp: {port: 124}}\n&/' >global.yaml
agent --module-dir all --config global.yaml
read_all
is "global_handler_config has a module's settings, too" \
	"$(get /api/v1/policies/p/metrics/window/5 | jq -cS '.p["p-ntp-m"].ntp')" "$(jq -cS '.[].ntp' port)"
stop
