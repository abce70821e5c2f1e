# SPDX-License-Identifier: MPL-2.0
# pv-capture --mock: a pipeline to try, without an interface, a capture or a privilege.
. "$TESTS/lib/sh.sh"

# facts FILE: the packets of a stream, without what differs from run to run
facts() { pv-cat --json --type packet "$1" | jq -c 'del(.time)'; }
# sum FILTER: a number out of summary.json
sum() { jq "[.[]] | .[0] | $1" summary.json; }

start=$(date +%s%N)
pv-capture --mock -c 20 | tee mock.pve | pv-net | pv-dns | pv-window --json >all.json
is "every program of the pipeline ends well" "${PIPESTATUS[*]}" "0 0 0 0 0"
if [ $((($(date +%s%N) - start) / 1000000)) -ge 1900 ]; then ok "twenty packets take their time: ten a second"; else not_ok "twenty packets take their time: ten a second"; fi
tail -n 1 all.json >summary.json

if pv-cat --check mock.pve; then ok "the stream is whole"; else not_ok "the stream is whole"; fi
is "the stream is live" "$(pv-cat --json --type start mock.pve | jq -r .clock)" live
is "net counts them" "$(sum '.packets.total')" 20
is "all of them have a direction, for the host is known" "$(sum '.packets.in + .packets.out')" 20
if [ "$(sum '.packets.in')" -gt 0 ] && [ "$(sum '.packets.out')" -gt 0 ]; then ok "both directions come"; else not_ok "both directions come"; fi
is "dns reads every one" "$(sum '.dns.wire_packets.total')" 20
is "and filters or rejects none" "$(sum '.dns.wire_packets.filtered')" 0
is "queries go in, replies out" "$(sum '[.dns.wire_packets.queries == .packets.in, .dns.wire_packets.replies == .packets.out]' | jq -c .)" "[true,true]"
is "the names are the made-up ones" "$(jq -r '.. | .top_qname3? // empty | .[].name' summary.json | grep -vcE '^1?[0-9]\.pktvisor-mock\.dev$')" 0

pv-capture --mock -c 5 >again.pve
facts mock.pve | head -n 5 >first
facts again.pve >second
same "two runs make the same packets" second first
is "a table of a run within one minute comes once, JSON as a minute and as the window" \
	"$(pv-dns <mock.pve | pv-window --table | grep -c '^── dns') $(pv-dns <mock.pve | pv-window --json | wc -l)" "1 2"
pv-capture --mock -t 300ms >short.pve
if pv-cat --check short.pve && [ "$(facts short.pve | wc -l)" -ge 1 ] && [ "$(facts short.pve | wc -l)" -le 4 ]; then
	ok "-t ends it"
else
	not_ok "-t ends it: $(facts short.pve | wc -l) packets"
fi
is "-v says how many" "$(pv-capture --mock -v -c 2 2>&1 >/dev/null | grep packets)" "pv-capture: packets 2, all made up"

pv-capture --mock >stopped.pve 2>err & pid=$!
until [ -s stopped.pve ]; do sleep 0.05; done
kill -TERM $pid; wait $pid
is "a signal ends it well" $? 0
if pv-cat --check stopped.pve && [ ! -s err ]; then ok "with an end mark and no words"; else not_ok "with an end mark and no words"; fi
pv-capture --mock 2>err | head -c 1000 >/dev/null
is "a reader that goes away ends it quietly" "${PIPESTATUS[0]} $(wc -c <err)" "0 0"

if [ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null; then
	as=(); [ "$(id -u)" -ne 0 ] || as=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all)
	if "${as[@]}" "$BIN/pv-capture" --mock -c 1 2>err | pv-cat --check; then ok "nobody may do it"; else cat err; not_ok "nobody may do it"; fi
else
	skip "setpriv(1) is not here: who nobody is"
fi
