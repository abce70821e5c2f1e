# SPDX-License-Identifier: MPL-2.0
# What a policy makes of a flow tap is what pv-flow with the same options and pv-window make of the capture, byte for byte; without any,
# it is what the reader prints.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"

mkdir data
for kind in netflow sflow; do python3 "$TESTS/lib/flowpcap.py" $kind >data/$kind.pcap; done
cat >services.csv <<'END'
Service Name,Port Number,Transport Protocol,Description
domain,53,tcp,
domain,53,udp,"one, in quotes"
http,80,tcp,
registered,30000-39999,tcp,
END
cat >map.yaml <<'END'
192.0.2.1: {name: route1, description: cisco, interfaces: {37: {name: eth0, description: up}, 1: {name: eth1}}}
192.0.2.3: {name: route3, interfaces: {7: {name: "7"}}}
END
S=(--default-service-registry services.csv)
start --admin-api --data-dir "$PWD/data" "${GEO[@]}" "${S[@]}" || exit 1

# policy KIND FILTER: the window of a policy on a tap of it; FILTER in YAML
policy() {
	local got
	got=$(post taps "{visor: {taps: {t: {input_type: flow, config: {flow_type: $1, pcap_file: $PWD/data/$1.pcap}}}}}")
	[ "$got" = 201 ] || { cat body; return 1; }
	got=$(post policies "{visor: {policies: {default: {kind: collection, input: {tap: t, input_type: flow},
		handlers: {modules: {flow: {type: flow, metric_groups: {enable: [all]}, filter: {$2}}}}}}}}")
	[ "$got" = 201 ] && { ended; get /api/v1/metrics/window/5; } || cat body
	delete /api/v1/policies/default >/dev/null
	delete /api/v1/taps/t >/dev/null
}

# equal KIND FILTER OPTIONS...
equal() {
	local kind=$1 filter=$2; shift 2
	policy "$kind" "$filter" >got
	pv-flow --type "$kind" "${GEO[@]}" "${S[@]}" "$@" "data/$kind.pcap" | pv-window --json --enable all | tr -d '\n' >want
	[ "$(wc -c <want)" -gt 300 ] || not_ok "pv-flow $* says something: $(cat want)"
	if cmp -s got want; then ok "$kind: a policy with {$filter}"; else
		diff <(jq -S . got) <(jq -S . want) | head -n 10
		not_ok "$kind: a policy with {$filter}"
	fi
}

MAP="device_map: $(tr -d '\n' <map.yaml | sed 's/}}}192/}}}, 192/; s/^/{/; s/$/}/')"
for kind in netflow sflow; do
	equal $kind ''
	policy $kind '' >got
	pktvisor-reader -i $kind "${GEO[@]}" "${S[@]}" --enable all data/$kind.pcap 2>/dev/null | tr -d '\n' >want
	same "$kind: the agent serves what the reader prints" got want
	equal $kind 'only_ips: [10.4.0.0/16, "2001:db8:1::/48"]' --only-ips 10.4.0.0/16,2001:db8:1::/48
	equal $kind 'only_ports: ["53", "5100-5000"]' --only-ports 53,5100-5000
	equal $kind 'only_directions: [in]' --only-directions in
	equal $kind 'sample_rate_scaling: false' --no-sample-rate-scaling
	equal $kind "$MAP" --device-map map.yaml
done
equal netflow "$MAP, enrichment: false" --device-map map.yaml --no-enrichment
equal netflow 'only_device_interfaces: {192.0.2.1: ["37", "2-1"], 192.0.2.3: ["*"]}' \
	--only-device-interfaces '{192.0.2.1: ["37", "2-1"], 192.0.2.3: ["*"]}'
equal netflow 'only_device_interfaces: {192.0.2.2: ["1"]}, only_directions: [out], only_ports: ["443"]' \
	--only-device-interfaces '{192.0.2.2: ["1"]}' --only-directions out --only-ports 443
equal netflow 'subnets_for_summarization: [10.4.0.0/16, 0.0.0.0/8, "::/32"], exclude_ips_from_summarization: [10.4.4.0/24]' \
	--subnets-for-summarization 10.4.0.0/16,0.0.0.0/8,::/32 --exclude-ips-from-summarization 10.4.4.0/24
equal netflow 'summarize_ips_by_asn: true, exclude_unknown_asns_from_summarization: true, subnets_for_summarization: [0.0.0.0/24]' \
	--summarize-ips-by-asn --exclude-unknown-asns-from-summarization --subnets-for-summarization 0.0.0.0/24
equal netflow 'geoloc_notfound: true' --geoloc-notfound
equal netflow 'asn_notfound: true' --asn-notfound

# names and sums, said once without us
policy netflow "$MAP" >got
F='.["5m"].flow.devices'
is "devices and interfaces have the names of the map" "$(jq -r "$F | keys + (.route1.interfaces | keys) | join(\" \")" got)" \
	"192.0.2.2 route1 route3 0 2 4 eth0 eth1"
is "every record is counted" "$(jq "[$F[].records_flows] | add" got)" $((60 * 29))
like "ports have names" "$(jq -c "[$F.route1.interfaces.eth0.top_in_dst_ports_bytes[].name]" got)" '"http"'
policy netflow 'only_ips: ["2001:db8::/32"]' >got
is "what is rejected is counted, too" "$(jq "[$F[] | .records_flows + .records_filtered] | add" got)" $((60 * 29))
is "IPv6 passes" "$(jq "$F[\"192.0.2.3\"].records_flows > 250" got)" true
policy sflow '' >got
scaled=$(jq "[$F[].interfaces[].in_packets] | add" got)
policy sflow 'sample_rate_scaling: false' >got
is "a sample stands for a hundred packets" "$scaled" "$((100 * $(jq "[$F[].interfaces[].in_packets] | add" got)))"

# what the tap itself counts
post taps "{visor: {taps: {t: {input_type: flow, config: {flow_type: netflow, pcap_file: $PWD/data/netflow.pcap}}}}}" >/dev/null
post policies "{visor: {policies: {default: {kind: collection, input: {tap: t, input_type: flow}, handlers: {modules: {flow: {type: flow}}}}}}}" >/dev/null
self() { get /api/v1/policies/__all/metrics/prometheus | awk -v f="pktvisor_flow_$1_total{" 'index($0, f) == 1 && /policy="default"/ && /stage="flow"/ { print $2 }'; }
told() { [ "$(self records)" = $((60 * 29)) ]; }
until_true told
is "Prometheus has the records that came" "$(self records)" $((60 * 29))
is "and templates and exporters that went" "$(self templates_evicted) $(self exporters_evicted)" "0 0"
get /api/v1/policies/__all/metrics/prometheus | sed -n 's/^# TYPE \(pktvisor_flow_[a-z_]*\) counter/\1/p' | sort >families
grep -oE 'pktvisor_flow_[a-z_]+' "$TOP/man/pv-serve.1.in" | sort -u >page
same "all of them stand in the manual" families page
delete /api/v1/policies/default >/dev/null
delete /api/v1/taps/t >/dev/null

# errors, as the policy's
for e in \
	'subnets_for_summarization: [0.0.0.0/16, 0.0.0.0/24]|FlowHandler: .subnets_for_summarization. only allows one ipv4 and one ipv6 wildcard' \
	'only_ports: ["40a-50"]|FlowHandler: invalid .only_ports. filter value: 40a-50' \
	'device_map: {10.0.0.1: {name: x}}|FlowHandler: .device_map. config with device IP 10.0.0.1 does not have .interfaces. key' \
	'device_map: [10.0.0.1]|wrong type for key: device_map' \
	'invalid_config: 1|invalid_config is an invalid/unsupported config or filter. The valid configs/filters are: device_map, enrichment, only_device_interfaces, only_ips, only_ports, only_directions, geoloc_notfound, asn_notfound, summarize_ips_by_asn, subnets_for_summarization, exclude_asns_from_summarization, exclude_unknown_asns_from_summarization, exclude_ips_from_summarization, sample_rate_scaling, recorded_stream, deep_sample_rate, num_periods, topn_count, topn_percentile_threshold'; do
	like "an agent refuses ${e%%|*}" "$(policy netflow "${e%%|*}")" "policy .default. failed to start: ${e#*|}"
done
finish
is "it ends in order" $? 0

# the same on a command line
words() { "$@" data/netflow.pcap 2>&1 >/dev/null; echo "$?"; }
like "pv-flow refuses a range with something behind it" "$(words pv-flow --only-ports 40a)" \
	"^pv-flow: --only-ports: FlowHandler: invalid 'only_ports' filter value: 40a$"
is "and that is exit status 2" "$(words pv-flow --only-ports 40a | tail -n 1)" 2
like "pv-flow says which file it cannot read" "$(words pv-flow --device-map nowhere.yaml)" 'nowhere.yaml: No such file'
like "and what is wrong in it" "$(echo '1: [' >bad.yaml; words pv-flow --device-map bad.yaml)" 'bad.yaml:[0-9]+: '
like "a list of services must be one" "$(words pv-flow "${S[0]}" map.yaml)" "map.yaml: no column 'Service Name' in the first line"
is "and that is exit status 1" "$(words pv-flow "${S[0]}" map.yaml | tail -n 1)" 1
