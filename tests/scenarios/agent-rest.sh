# SPDX-License-Identifier: MPL-2.0
# What pktvisor 4.5.0 answered when it was asked over REST, and what pktvisord answers, where the conformance kit stands beside
# the project: statuses, types, error texts, keys and Prometheus families. tests/rest/differences has what differs on purpose.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"

KIT=$SHARED/conform/rest
[ -d "$KIT" ] || { skip "there is no conformance kit beside the project"; exit 0; }
trap stop_agents EXIT

# compare SENTENCE LABEL FILE [PATTERN]
: >used
compare() {
	python3 "$TESTS/lib/restcompare.py" "$KIT/$3.jsonl" "$URL" "$TESTS/rest/differences" "$2" ${4:+"$4"} >out 2>&1
	is "$1" "$(grep -v '^used \|^asked ' out )" ""
	sed -n 's/^used //p' out >>used
	asked=$((${asked:-0} + $(sed -n 's/^asked //p' out)))
}

# The same policy as IFACE makes: first of live packets, then of a saved capture that crosses a minute.
default_policy() {
	cat <<-END
		version: "1.0"
		visor:
		  taps: {default: {input_type: pcap, config: {iface: lo, host_spec: "", $1}}}
		  policies:
		    default:
		      kind: collection
		      input: {tap: default, input_type: pcap, config: {bpf: ""}}
		      handlers: {modules: {net: {type: net}, dhcp: {type: dhcp}, dns: {type: dns}, pcap_stats: {type: pcap}}}
	END
}
default_policy "pcap_source: mock" >live.yaml
start --config live.yaml || exit 1
get /metrics >/dev/null # copies are made for who asks
seen() { get /api/v1/metrics/bucket/0 | grep -q '"live":[1-9]'; }
until_true seen
compare "in its first minute pktvisord answers as it was recorded" early readonly '^early'
finish
default_policy "pcap_file: $CAPTURES/dns-mixed.pcap" >file.yaml
start --config file.yaml && ended
compare "with a full minute, too" later readonly '!^early'
finish

creates='^(nodefault|tap_|taps$|pol_)'
start --admin-api || exit 1
compare "what is asked of taps and policies is taken or refused as it was recorded" admin admin "$creates"
# The mock input rolls dice: what it shows needs a packet of each direction in every policy, and live copies come when somebody asks.
P=/api/v1/policies
seen() {
	get $P/pseq/metrics/bucket/0 | grep -q '"live":[1-9]' && get $P/pseq/metrics/prometheus | grep -q '^packets_top_ipv4' &&
		get $P/pv2/metrics/bucket/0 | jq -e '.pv2 | .["pv2-mock1-n2"].net | .in and .out' >seen.jq &&
		get $P/__all/metrics/bucket/0 | grep -q cpu_usage
}
until_true seen
compare "and what they then show" admin admin "!$creates"
wait "$PID"
is "and the last request ended it" $? 0

is "every recorded answer was asked for" "$asked" "$(cat "$KIT"/*.jsonl | wc -l)"
grep '^[a-z*]' "$TESTS/rest/differences" | cut -f 1 | sort >allowed
is "every line of tests/rest/differences is still true; delete those that are not" "$(sort -u used | comm -13 - allowed)" ""
