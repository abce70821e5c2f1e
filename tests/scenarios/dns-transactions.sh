# SPDX-License-Identifier: MPL-2.0
# dns 2.0 against a model that shares nothing with it (lib/dnsxacts.py, over what tshark reads): who is host, which half a filter
# rejects, what nobody answers in time, and what nobody asked.
. "$TESTS/lib/sh.sh"
command -v tshark >/dev/null || { skip "needs tshark"; exit 0; }

for f in dns-tcp4 dns-timeout dns-ecs dnssec; do
	python3 "$TESTS/lib/dnsxacts.py" "$CAPTURES/$f.pcap" >model
	[ "$(wc -l <model)" = 18 ] || not_ok "$f: the model has answers"
	: >got
	while IFS='|' read -r hosts options _; do
		# shellcheck disable=SC2086
		pv-capture -r "$CAPTURES/$f.pcap" -H "$hosts" | pv-dns --require-version 2.0 $options | pv-window --periods 1 --modules dns:2.0 --json |
			jq -cS '[.. | .dns? // empty][0] | {filtered: .filtered_packets, observed: .observed_packets} +
				with_entries(select(.key == ("in", "out", "unknown")) | .value |= with_entries(select(.value | type == "number" and . != 0)))
				| with_entries(select(.value != 0 and .value != {}))' >one
		echo "$hosts|$options|$(cat one)" >>got
	done <model
	is "$f: what the model counts, by hosts and filter" "$(diff model got)" ""
done
