# SPDX-License-Identifier: MPL-2.0
# What flow metrics should be, worked out by a program that shares nothing with ours (lib/flowcheck.py): every counter, distinct count and
# top list, with filters, sums by subnet and network, names, sampling, and chains; of a pipeline, and of an agent.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"

mkdir data
for kind in netflow sflow; do python3 "$TESTS/lib/flowpcap.py" $kind 12 >data/$kind.pcap; done
python3 "$TESTS/lib/flowpcap.py" netflow >data/minutes.pcap
for f in "$CAPTURES"/flow/*.pcap "$SHARED"/conform/fixtures/{nf,ipfix,sflow_}*.pcap; do [ ! -f "$f" ] || ln -s "$f" data/; done
printf '%s\n' 'Service Name,Port Number,Transport Protocol' domain,53,tcp domain,53,udp http,80,tcp wide,30000-39999,tcp inner,30001,tcp >services.csv
S=(--default-service-registry services.csv)
# check SENTENCE CAPTURE CHAIN: of the JSON on stdin
check() {
	local said
	said=$(python3 "$TESTS/lib/flowcheck.py" "data/$2.pcap" "$3" services.csv 2>&1) && { ok "$1: $said"; return; }
	echo "$said"
	not_ok "$1"
}

MAP='{"192.0.2.1": {"name": "edge", "interfaces": {"1": {"name": "up"}, "37": {"name": "down"}}}, "192.0.2.2": {"name": "core", "interfaces": {}}}'
ONLY='{"192.0.2.1": ["1", "40-30"], "192.0.2.3": ["*"]}'
TWO='{"192.0.2.1": ["1", "4"], "192.0.2.2": ["2-3"]}'
FILTERS=(
	'{}'
	'{"only_ips": ["10.4.0.0/16", "2001:db8:1::/48"]}'
	'{"only_ports": ["53", "5100-5000"]}'
	'{"only_directions": ["out"]}'
	'{"sample_rate_scaling": false}'
	'{"device_map": '"$MAP"'}'
	'{"device_map": '"$MAP"', "enrichment": false}'
	'{"only_device_interfaces": '"$ONLY"'}'
	'{"only_device_interfaces": '"$TWO"', "only_directions": ["in"], "only_ports": ["53", "80"], "device_map": '"$MAP"'}'
	'{"geoloc_notfound": true}'
	'{"asn_notfound": true}'
	'{"summarize_ips_by_asn": true}'
	'{"summarize_ips_by_asn": true, "exclude_asns_from_summarization": [64500, 65551], "subnets_for_summarization": ["203.0.113.0/25", "10.4.0.0/16"]}'
	'{"summarize_ips_by_asn": true, "exclude_unknown_asns_from_summarization": true, "subnets_for_summarization": ["0.0.0.0/12", "fd00::/8"]}'
	'{"subnets_for_summarization": ["10.4.0.0/16", "0.0.0.0/9", "::/33"], "exclude_ips_from_summarization": ["10.4.4.0/24"]}'
)

# ---- pipelines: an option for each key
options() { jq -r 'to_entries[] | if .key == "enrichment" then "--no-enrichment" elif .key == "sample_rate_scaling" then "--no-sample-rate-scaling"
	else "--" + (.key | gsub("_"; "-")), (if .value == true then empty elif (.value | type) == "array" then .value | map(tostring) | join(",")
	else .value | tojson end) end' <<<"$1"; }
pipeline() { # CAPTURE FILTER
	local o
	mapfile -t o < <(options "$2")
	pv-flow "${GEO[@]}" "${S[@]}" "${o[@]}" "data/$1.pcap" | pv-window --json --enable all --topn 1000 | check "pipeline, $1, $2" "$1" "[$2]"
}
for filter in "${FILTERS[@]}"; do pipeline netflow "$filter"; done
for n in 0 1 4 7 13; do pipeline sflow "${FILTERS[$n]}"; done
for f in data/*.pcap; do
	f=$(basename "$f" .pcap)
	case $f in netflow | sflow) ;; *) pipeline "$f" '{"subnets_for_summarization": ["0.0.0.0/8"]}' ;; esac
done
# Two programs, each with filters of its own: what both let through, and what either rejected.
pv-flow "${GEO[@]}" "${S[@]}" --only-ips 10.4.0.0/16 data/netflow.pcap | pv-flow --only-ports 53,80 |
	pv-window --json --enable all --topn 1000 | jq 'del(.["5m"].flow_2)' >two.json # of the second, which made no events
pv-flow "${GEO[@]}" "${S[@]}" --only-ips 10.4.0.0/16 --only-ports 53,80 data/netflow.pcap |
	pv-window --json --enable all --topn 1000 | jq . >one.json
same "two programs of a pipeline are one with both filters" two.json one.json

# --chain withholds packets that hold no exports
mkdir mixed
python3 "$TESTS/lib/joinpcap.py" mixed/all.pcap 4000 "$CAPTURES/dns-udp4.pcap" "$CAPTURES/flow/softflowd-v9.pcap" >/dev/null
pv-capture -r mixed/all.pcap --payload-port 2055,4739,6343,9995,9996 | pv-flow --only --chain >only.pve
pv-capture -r mixed/all.pcap --payload-port 2055,4739,6343,9995,9996 | pv-flow --chain | pv-net --only | pv-window --json --modules net |
	jq '.["5m"].packets.total' >passed
is "--chain hands on packets with exports, and no others" "$(cat passed)" \
	"$(tcpdump -nr mixed/all.pcap 'udp and (dst port 2055 or 4739 or 6343 or 9995 or 9996)' 2>/dev/null | wc -l)"

# ---- the agent: each filter as a policy, and chains
start --admin-api --data-dir "$PWD/data" "${GEO[@]}" "${S[@]}" || exit 1
agent() { # KIND CHAIN: its last handler
	local got n
	n=$(jq length <<<"$2")
	post taps "{visor: {taps: {t: {input_type: flow, config: {flow_type: $1, pcap_file: $PWD/data/$1.pcap}}}}}" >/dev/null
	got=$(post policies "$(jq -c '{visor: {policies: {p: {kind: "collection", input: {tap: "t", input_type: "flow"}, handlers: {modules:
		(to_entries | map({("h\(.key + 1)"): {type: "flow", config: {topn_count: 1000}, metric_groups: {enable: ["all"]}, filter: .value}}))}}}}}' <<<"$2")")
	if [ "$got" = 201 ]; then
		ended
		get /api/v1/policies/p/metrics/window/5 | jq -c --arg h "p-t-h$n" '.p[$h]' | check "agent, $1, $2" "$1" "$2"
	else
		cat body
		not_ok "agent, $1, $2"
	fi
	delete /api/v1/policies/p >/dev/null
	delete /api/v1/taps/t >/dev/null
}
agent netflow "[${FILTERS[8]}]"
agent sflow "[${FILTERS[12]}]"
agent netflow "[${FILTERS[1]}, ${FILTERS[2]}]"
agent netflow "[${FILTERS[3]}, ${FILTERS[7]}, ${FILTERS[14]}]"
agent netflow "[${FILTERS[5]}, ${FILTERS[9]}]"
agent sflow "[${FILTERS[4]}, ${FILTERS[10]}, ${FILTERS[2]}]"
agent sflow "[${FILTERS[11]}, {\"only_ips\": [\"10.4.1.0/24\"]}]"
finish
