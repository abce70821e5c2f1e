# SPDX-License-Identifier: MPL-2.0
# 10,000 exporters with more templates than there is room for, and records of each that nobody else has: what pv-flow and an agent hold of
# them stays inside the sum of what their headers say, measured from outside. unit/test_flow.c has 100 templates of each.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
case $BUILD in *asan* | *tsan*) skip "sanitizers have memory of their own"; exit 0 ;; esac

python3 "$TESTS/lib/flowflood.py" 10000 30 >flood.pcap
kib=1024
templates=$((32 * kib)) exporters=$((35 * kib / 10)) indexes=$((11 * kib / 10)) # flow/exporters.h
windows=$((64 * kib)) # policy/lane.h, http/store.h
# fits SENTENCE KIB MOST
fits() { if [ "$2" -gt 0 ] && [ "$2" -le "$3" ]; then ok "$1"; else echo "$2 KiB, at most $3"; not_ok "$1"; fi; }
# peak COMMAND...: the largest resident set, in KiB
peak() { python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=open("said", "w"), check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"; }

program=$((5 * kib)) # with two batches; 4 MiB were measured
fits "pv-flow: templates, exporters and itself" "$(peak pv-flow -v flood.pcap)" $((program + templates + exporters + indexes))
like "which are those that are in use, the rest has been given up" "$(cat said)" \
	'exporters 10000, evicted 0; templates 2[0-9]{5} \(327[0-9][0-9] KiB\), evicted [5-9][0-9]{4},'

rss() { awk '/^VmHWM/ { print $2 }' "/proc/$PID/status"; }
cat >agent.yaml <<END
version: "1.0"
visor:
  taps:
    nf: {input_type: flow, config: {flow_type: netflow, pcap_file: "$PWD/flood.pcap"}}
  policies:
    nf: {kind: collection, input: {tap: nf, input_type: flow}, handlers: {modules: {flow: {type: flow, metric_groups: {enable: [all]}}}}}
END
start --admin-api || exit 1
get /api/v1/policies >/dev/null
idle=$(rss)
finish
start --config agent.yaml || exit 1
ended
held=$(rss) # before it makes an answer
ring=$(($(self pktvisor_input_ring_bytes) / kib))
is "every record is counted" "$(get /api/v1/policies/nf/metrics/bucket/0 | jq '[.nf["nf-nf-flow"].flow.devices[].records_flows] | add')" 80000
fits "an agent: the same, its windows, and the batches between them" $held $((idle + templates + exporters + indexes + windows + ring))
finish
