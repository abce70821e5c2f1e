# SPDX-License-Identifier: MPL-2.0
# For every capture, the window of policy `default` on a pcap_file tap is what pktvisor-reader prints, byte for byte; what the one refuses, the
# other refuses. One agent for all of them: taps and policies come and go.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"

mkdir data
start --admin-api --data-dir "$PWD/data" "${GEO[@]}" || exit 1
policy='{visor: {policies: {default: {kind: collection, input: {tap: t, input_type: pcap},
	handlers: {modules: {net: {type: net}, net_2: {type: net, require_version: "2.0"}, dhcp: {type: dhcp},
	dns: {type: dns}, dns_2: {type: dns, require_version: "2.0"}, pcap_stats: {type: pcap}}}}}}}'

# equal CAPTURE: 1 and words when not
equal() {
	local status=201 got
	cp "$1" data/capture
	pktvisor-reader -H "$HOSTS" "${GEO[@]}" --modules "$VERSIONS,pcap" "$1" 2>/dev/null | tr -d '\n' >want
	[ -s want ] || status=422
	got=$(post taps "{visor: {taps: {t: {input_type: pcap, config: {pcap_file: $PWD/data/capture, host_spec: '$HOSTS'}}}}}")
	[ "$got" = 201 ] || { echo "the tap: $got $(cat body)"; return 1; }
	got=$(post policies "$policy")
	[ "$got" = $status ] || echo "the policy: $got, not $status: $(cat body)"
	if [ "$got" = 201 ]; then
		ended
		get /api/v1/metrics/window/5 >window
		delete /api/v1/policies/default >/dev/null
	fi
	[ "$(delete /api/v1/taps/t)" = 200 ] && [ "$got" = $status ] || return 1
	[ $status = 422 ] || cmp -s window want || { diff <(jq -S . window) <(jq -S . want) | head -n 10; return 1; }
}

n=0
while read -r f; do
	name=$(capture_name "$f")
	n=$((n + 1))
	case $BUILD/$name in
	*/release*) ;;
	*) [ $((n % 8)) -eq 0 ] || continue ;; # sanitizers take their time
	esac
	if equal "$f"; then ok "$name: the agent serves what the reader prints"; else not_ok "$name: the agent serves what the reader prints"; fi
done < <(captures)
[ $n -ge 100 ] || not_ok "there are captures ($n)"
is "nothing is left of them" "$(get /api/v1/taps) $(get /api/v1/policies)" "{} {}"
finish
is "it ends in order" $? 0
