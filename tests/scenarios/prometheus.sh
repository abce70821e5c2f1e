# SPDX-License-Identifier: MPL-2.0
# pv-window --prometheus: its labels, its blocks, and how it ends. What stands in the text is in promtool.sh.
. "$TESTS/lib/sh.sh"

pv-capture -r "$CAPTURES/dns-mixed.pcap" | pv-net | pv-dns >events # 96 seconds
python3 "$TESTS/lib/events.py" set events 32 00 >live             # START's clock: the same as a live stream

# value FILE FAMILY: the numbers of its samples
value() { sed -n "s/^$2{.*} //p" "$1"; }
# labels FILE: of every sample, without their values
labels() { sed -nE 's/^[a-z][A-Za-z_]*\{(.*)\} [^ ]*$/\1/p' "$1" | sed -E 's/"[^"]*"/"_"/g'; }

status 0 "a saved stream gives a text" pv-window --prometheus <events
cp out plain
is "it has one end, and that is its last line" "$(grep -n '^# EOF' out)" "$(wc -l <out):# EOF"
is "every sample has the label of the policy" "$(grep -v '^#' out | grep -vc 'policy="default"')" 0
is "no other label that is not the metric's" "$(labels out | tr , '\n' | grep -vE '^(policy|quantile|qname|qtype|rcode|port|ipv4|ipv6|reason)=' | sort -u)" ""
is "nothing was left out" "$(value out pktvisor_exposition_dropped_samples | sort -u)" 0
is "no family has a heading without samples" "$(grep -A1 '^# TYPE' out | grep -c '^# HELP')" 0

pv-window --prometheus --policy 'a "b"\c' --prom-instance host-1 <events >named
is "--policy and --prom-instance change the labels" "$(grep '^packets_total' named)" \
	'packets_total{instance="host-1",policy="a \"b\"\\c"} '"$(value plain packets_total)"
is "and nothing else" "$(sed 's/instance="host-1",//; s/policy="a \\"b\\"\\\\c"/policy="default"/' named | cmp - plain 2>&1)" ""

pv-window --prometheus <live >blocks
is "a live stream gives a text per minute" "$(grep -c '^# EOF' blocks)" "$(pv-window --json <live | grep -c '^{"1m"')"
csplit -s -z -f block. blocks '/^# EOF/+1' '{*}'
for b in block.*; do
	promtool check metrics <"$b" >/dev/null 2>&1
	case $? in 0 | 3) ok "promtool reads $b" ;; *) not_ok "promtool reads $b" ;; esac
done
is "the minutes add up to the whole" "$(value blocks packets_total | paste -sd + | sed 's/$/\n/' | { read -r sum; echo $((sum)); })" \
	"$(value plain packets_total)"

pv-capture -r "$CAPTURES/dns-mixed.pcap" | pv-dns | pv-dns --name other --only-queries | pv-window --prometheus >two
is "a second handler of one schema has a label of its own" "$(grep '^dns_wire_packets_events' two | sed 's/} .*/}/')" \
	'dns_wire_packets_events{policy="default"}
dns_wire_packets_events{handler="dns_2",policy="default"}'
is "so nothing is left out" "$(value two pktvisor_exposition_dropped_samples | sort -u)" 0

: >empty
status 3 "no stream at all: still a text, and exit status 3" pv-window --prometheus <empty
is "it says that nothing was left out" "$(grep -c '^pktvisor_exposition_dropped_samples{.*} 0$' out)" 3
head -c 100000 events >cut
status 3 "a stream that is cut: the text of what came, and exit status 3" pv-window --prometheus <cut
is "it is whole" "$(tail -n 1 out)" "# EOF"
if [ "$(value out packets_total)" -gt 0 ]; then ok "and has what came"; else not_ok "and has what came"; fi

pv-window --prometheus <events 2>err >/dev/full
is "a full disk is a failure" "$?" 1
one_line "and said" err '^pv-window: cannot write: No space left on device$'
pv-window --prometheus --enable all --topn 1000 <events 2>err | head -n 1 >/dev/null
is "a reader that went away is none" "${PIPESTATUS[0]}" 0
is "and nothing to talk about" "$(cat err)" ""
