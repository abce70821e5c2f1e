# SPDX-License-Identifier: MPL-2.0
# What the scenarios share that hold pktvisord's numbers against facts of captures (agent-golden*.sh). Needs sh.sh.

# tap NAME FILE HOSTS, policy NAME TAP MODULES: lines of the document
tap() { echo "    $1: {input_type: pcap, config: {pcap_file: \"$2\", host_spec: \"$3\"}}"; }
policy() { echo "    $1: {kind: collection, input: {tap: $2, input_type: pcap}, handlers: {window_config: {num_periods: 1}, modules: $3}}"; }

# fact CAPTURE NAME: 0 where the list has none
fact() { awk -F '\t' -v f="$1.pcap" -v n="$2" '$1 == f && $2 == n { v = $3 } END { print v + 0 }' "$CAPTURES/FACTS.tsv"; }

# of NAME HANDLER PATH...: values in one line, from the file all (/api/v1/policies/__all/metrics/bucket/0)
of() { local p=$1 h=$2; shift 2; jq -r --arg p "$p" --arg h "$h" "[.[\$p] | to_entries[] | select(.key | endswith(\"-\" + \$h)) | .value[] | $(IFS=,; echo "$*")] | map(tostring) | join(\" \")" all; }
