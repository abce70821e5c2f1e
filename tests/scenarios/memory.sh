# SPDX-License-Identifier: MPL-2.0
# A flood of distinct names, spoofed sources and half-open connections costs no more memory than a quiet hour: every program stays below
# 64 MiB, and what full tables gave up is counted and reported. PV_FULL=1: 20 million packets (minutes) instead of 300,000.
. "$TESTS/lib/sh.sh"

LIMIT_KIB=65536
N=300000
[ -z "${PV_FULL:-}" ] || N=20000000
FLOOD=$BUILD/tests/flood
RSS=$BUILD/tests/rss

case $BUILD in
*/release*) sanitizer= ;;
*) sanitizer=1 ;; # shadow memory is no measure; the ledgers are
esac

# below NAME FILE: nothing under a sanitizer, whose memory is not ours
below() {
	[ -z "$sanitizer" ] || return 0
	if [ "$(cat "$2")" -lt $LIMIT_KIB ]; then ok "$1 stays below 64 MiB"; else
		echo "$(cat "$2") KiB"; not_ok "$1 stays below 64 MiB"
	fi
	[ -z "${PV_FULL:-}" ] || echo "$1: $(cat "$2") KiB after $N packets" >>"${PV_FULL_REPORT:-/dev/stderr}"
}

for periods in 1 5; do
	"$FLOOD" "$N" | "$RSS" capture pv-capture -r - | "$RSS" net pv-net | "$RSS" dns pv-dns | "$RSS" dhcp pv-dhcp |
		tee >(pv-cat --json -t stage,stop >stop.json) | "$RSS" window pv-window --json --periods $periods --enable all >out 2>err
	is "$periods periods: the pipeline ends well" "${PIPESTATUS[*]:1}" "0 0 0 0 0 0"
	for p in capture net dns dhcp window; do below "$periods periods: pv-$p" $p; done
	is "$periods periods: every packet was counted" "$(jq '.[] | .packets.events' out)" "$N"
	like "$periods periods: what full tables gave up is reported" "$(cat err)" '^pv-window: full tables gave up [0-9]+ transactions and flows$'
	until_true grep -q '"type":"stop"' stop.json # the copy of tee
	given_up=$(jq -s '[.[] | select(.type == "stop") | .rows[] | select(.what == 20 or .what == 22) | .value] | add' stop.json)
	is "$periods periods: and it is the ledgers' number" "$(grep -oE 'gave up [0-9]+' err | cut -d' ' -f3)" "$given_up"
done

"$FLOOD" "$N" | "$RSS" reader pktvisor-reader --periods 1 --enable all - >reader.json 2>err
is "the reader ends well" "${PIPESTATUS[*]:1}" 0
"$FLOOD" "$N" | pv-capture -r - | pv-net | pv-dns | pv-dhcp | pv-window --json --periods 1 --enable all >out 2>/dev/null
below "the reader" reader
same "the reader and the pipeline agree about a flood" reader.json out

# An agent whose policies come and go gives back what they had, to the system and not only to the allocator.
. "$TESTS/lib/agent.sh"
mkdir data
cp "$CAPTURES/dns-mixed.pcap" data
all='metric_groups: {enable: [all]}'
start --admin-api --data-dir "$PWD/data" || exit 1
post taps "{visor: {taps: {t: {input_type: pcap, config: {pcap_file: $PWD/data/dns-mixed.pcap}}}}}" >/dev/null
for i in $(seq 20); do
	for p in a b c; do
		post policies "{visor: {policies: {$p: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules:
			{n: {type: net, $all}, m: {type: net, require_version: '2.0', $all}, d: {type: dns, $all}, e: {type: dns, require_version: '2.0', $all}}}}}}}" >/dev/null
	done
	ended
	get /api/v1/policies/__all/metrics/window/5 >/dev/null
	for p in c a b; do delete /api/v1/policies/$p >/dev/null; done
done
awk '/^VmRSS/ { print $2 }' "/proc/$PID/status" >agent
[ -n "$sanitizer" ] || is "an agent after sixty policies is smaller than 40 MiB" "$(($(cat agent) < 40960))" 1 # else 60 and more
finish
is "and it ends in order" $? 0
