# SPDX-License-Identifier: MPL-2.0
# pv-net --connections: for every capture of ours, tshark's conversations row by row; the same from reader, agent and merged buckets; bounded
# and honest in a flood; sorted as asked; refreshed in place on a terminal.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
. "$TESTS/lib/cliterm.sh"
trap 'stop_agents; mux_end' EXIT

# conv CAPTURE: tshark's rows as ours: name, packets and bytes from A to B, from B to A, in all
conv() {
	tshark -q -z conv,tcp -z conv,udp -r "$1" 2>/dev/null | awk '
	# which of two texts of addresses is lower: both of one family, numbers compared as numbers
	function number(s,   n, i, p, left, right, l, r, out) {
		if (s !~ /:/) {
			split(s, p, ".")
			return sprintf("%03d%03d%03d%03d", p[1], p[2], p[3], p[4])
		}
		i = index(s, "::")
		left = i ? substr(s, 1, i - 1) : s
		right = i ? substr(s, i + 2) : ""
		l = left == "" ? 0 : split(left, p, ":")
		out = ""
		for (n = 1; n <= l; n++) out = out substr("0000" p[n], length(p[n]) + 1)
		r = right == "" ? 0 : split(right, p, ":")
		for (n = l + r; n < 8; n++) out = out "0000"
		for (n = 1; n <= r; n++) out = out substr("0000" p[n], length(p[n]) + 1)
		return out
	}
	function end(s,   port) {
		port = s; sub(/.*:/, "", port)
		sub(/:[0-9]+$/, "", s)
		addr = s; key = number(s) sprintf("%05d", port)
		return (s ~ /:/ ? "[" s "]" : s) ":" port
	}
	/ Conversations$/ { proto = $1 }
	$2 == "<->" {
		a = end($1); ka = key; b = end($3); kb = key
		ba = $4 " " $5 " " $6; ab = $7 " " $8 " " $9; all = $10 " " $11 " " $12
		if (ka <= kb) print proto " " a " <-> " b "\t" ab "\t" ba "\t" all
		else print proto " " b " <-> " a "\t" ba "\t" ab "\t" all
	}' | sort
}
# ours CAPTURE: the same of pv-window, bytes as tshark rounds them
ours() {
	pv-capture -r "$1" 2>/dev/null | pv-net --connections --only | pv-window --json --summary --topn 1000 | jq -r '
	def size: if . >= 10000000 then "\(. / 1000000 | floor) MB" elif . >= 10000 then "\(. / 1000 | floor) kB" else "\(.) bytes" end;
	.[].connections.top_connections[] | select(.name | test("^(TCP|UDP) .*:")) |
	[.name, "\(.packets_ab) \(.bytes_ab | size)", "\(.packets_ba) \(.bytes_ba | size)", "\(.packets) \(.bytes | size)"] | @tsv' | sort
}

if command -v tshark >/dev/null; then
	rows=0
	for f in "$CAPTURES"/*.pcap; do
		name=$(capture_name "$f") bad=
		case $name in dns-mixed.pcap | dns-each.pcap) continue ;; esac # thousands of connections: below
		conv "$f" >want
		ours "$f" >got
		rows=$((rows + $(wc -l <want)))
		cmp -s got want || { bad=differ; diff got want | head -n 10; }
		is "$name: every row is tshark's" "$bad" ""
	done
	[ $rows -gt 300 ] && ok "there were $rows rows" || not_ok "there were rows ($rows)"
	# without rounding, both ways, by another road: frames and their lengths
	f=$CAPTURES/http-mix.pcap
	want=$(tshark -r "$f" -Y tcp -T fields -e frame.len 2>/dev/null | awk '{ n++; b += $1 } END { print n, b }')
	got=$(pv-capture -r "$f" | pv-net --connections | pv-window --json | jq -r '.[].connections.top_protocols[] | select(.name == "TCP") | "\(.packets) \(.bytes)"')
	is "TCP in all, to the byte" "$got" "$want"
else
	skip "needs tshark"
fi

# ---- one handler, however it is reached -----------------------------------------------------------

mkdir data
start --admin-api --data-dir "$PWD/data" || exit 1
policy='{visor: {policies: {default: {kind: collection, input: {tap: t, input_type: pcap}, handlers: {modules: {c: {type: connections}}}}}}}'
for name in http-mix dns-tcp6 dhcp4 dns-udp4; do
	f=$CAPTURES/$name.pcap
	pv-capture -r "$f" | pv-net --connections | pv-window --json >want
	pktvisor-reader --modules connections "$f" >got
	same "$name: the reader says what the pipeline says" got want
	pv-capture -r "$f" | pv-net | pv-window --json --modules connections >got
	same "$name: so does a pipeline that was made for net" got want
	pv-capture -r "$f" | pv-net --connections | pv-window | pv-window --json >got
	same "$name: so do buckets" got want
	cp "$f" data/capture
	post taps "{visor: {taps: {t: {input_type: pcap, config: {pcap_file: $PWD/data/capture}}}}}" >/dev/null
	post policies "$policy" >/dev/null
	ended
	get /api/v1/metrics/window/5 >got
	tr -d '\n' <want >line
	same "$name: so does an agent" got line
	get /api/v1/policies/default -X DELETE >/dev/null
	get /api/v1/taps/t -X DELETE >/dev/null
done

# ---- order, VLANs, bounds -------------------------------------------------------------------------

# top FIELD OPTIONS...: of the rows but the last, which is the rest
top() {
	local field=$1; shift
	pv-capture -r "$CAPTURES/http-mix.pcap" | pv-net --connections | pv-window --json "$@" |
		jq -r "[.[].connections.top_connections[] | select(.name != \"other\") | .$field] | @json"
}
is "by bit rate unless asked otherwise" "$(top bps)" "$(top bps | jq -c 'sort | reverse')"
is "sorted by packets" "$(top packets --sort packets)" "$(top packets --sort packets | jq -c 'sort | reverse')"
is "which chooses other rows" "$(top name --sort packets --topn 1)" '["ICMP 192.0.2.11 <-> 192.0.2.53"]'
is "which is shown first" "$(pv-capture -r "$CAPTURES/http-mix.pcap" | pv-net --connections | pv-window --table --sort packets | grep -o '^  top_connections.*')" \
	"  top_connections                                          share  pps  packets     bps   bytes"
shares() { pv-capture -r "$CAPTURES/http-mix.pcap" | pv-net --connections | pv-window --table --topn 1 --sort "$1" | grep -A 1 '^  top_connections' | grep -oE '[0-9.]+%'; }
most() { pv-capture -r "$CAPTURES/http-mix.pcap" | pv-net --connections | pv-window --json --topn 1 --sort "$1" |
	jq -r ".[].connections.top_connections | 1000 * .[0].$2 / (map(.$2) | add) | round | \"\(. / 10 | floor).\(. % 10)%\""; }
for sort in bytes packets pps bytes_ab name; do
	case $sort in pps) of=packets ;; name) of=bytes ;; *) of=$sort ;; esac
	is "sorted by $sort shares are of $of" "$(shares $sort)" "$(most $sort $of)"
done
is "sorted by address: IPv4 before 2001:" "$(top name --sort name | jq -c '[.[] | test("\\[?2001:")] | . == sort')" true
status 2 "an order that there is not" pv-window --json --sort colour </dev/null
one_line "and says which there are" err "sorted by 'colour', only by name, bytes, bps, packets, pps, bytes_ab"
pv-capture -r "$CAPTURES/http-mix.pcap" | pv-net --connections | pv-window --json --topn 3 >out
is "rows and the rest are everything" "$(jq '.[].connections | (.top_connections | length == 4 and (map(.bytes) | add)) == 0 or
	((.top_connections | map(.bytes) | add) == .bytes and (.top_connections | map(.packets) | add) == .packets)' out)" true
vlan=$CAPTURES/link/vlan.pcap
if [ -e "$vlan" ]; then
	pv-capture -r "$vlan" | pv-net --connections | pv-window --json >out
	is "VLANs are not shown" "$(grep -c vlan out)" 0
	pv-capture -r "$vlan" | pv-net --connections | pv-window --json --enable vlan >out
	like "unless asked for" "$(jq -r '.[].connections.top_connections[].name' out)" '^vlan [0-9]+ (TCP|UDP) '
	is "and make up everything" "$(jq '.[].connections | (.top_vlans | map(.bytes) | add) == .bytes' out)" true
fi

"$BUILD/tests/flood" 200000 | "$BUILD/tests/rss" capture pv-capture -r - | pv-net --connections --only |
	"$BUILD/tests/rss" window pv-window --json --enable all --topn 5 >out 2>err
is "a flood ends well" "${PIPESTATUS[*]:1}" "0 0 0"
is "every packet is in some row" "$(jq '.[].connections | [.packets, (.top_connections | map(.packets) | add)] | @csv' out)" '"200000,200000"'
is "the last row is the rest" "$(jq -r '.[].connections.top_connections[5].name' out)" other
like "what found no room is said" "$(cat err)" '^pv-window: [0-9]+ updates found no room$'
case $BUILD in
*/release*) [ "$(cat window)" -lt 65536 ] && ok "in less than 64 MiB" || not_ok "in less than 64 MiB ($(cat window) KiB)" ;;
esac

# ---- every TIME -----------------------------------------------------------------------------------

pv-capture -r "$CAPTURES/http-mix.pcap" | pv-net --connections --only >c.pve
is "--every: a line of JSON each" "$(pv-window --json --every 2s <c.pve | jq -c '.[].connections.packets' | wc -l)" 4
is "the last is the whole" "$(pv-window --json --every 2s <c.pve | tail -n 1)" "$(pv-window --json <c.pve)"
pv-window --table --every 2s <c.pve >out
is "tables in blocks where there is no terminal" "$(grep -c '^── connections' out) $(grep -c $'\e' out) $(grep -B1 '^── connections' out | grep -c '^$')" "4 0 3"
# the reader goes, and the stream would go on for long: everybody ends
timeout 60 pv-capture --mock -t 10m | pv-net --connections --only | pv-window --table --every 100ms | head -n 1 >out
is "when its reader has gone it ends" "${PIPESTATUS[*]}" "0 0 0 0"
timeout 60 pv-capture --mock -t 10m | pv-net --connections --only | pv-window --json --every 100ms >/dev/full 2>err
is "and when it cannot write" "${PIPESTATUS[*]}" "0 0 1"
one_line "which it says" err '^pv-window: cannot write: No space left on device$'
status 2 "it needs a form to print" pv-window --every 1s <c.pve
one_line "and says so" err '^pv-window: --every is for --json and --table$'
if command -v tmux >/dev/null; then
	export LC_ALL=C.UTF-8
	mux_begin 80 24 "env TERM=tmux-256color LC_ALL=C.UTF-8 sh -c '$BIN/pv-window --table --every 2s <$PWD/c.pve'"
	sees "a terminal sees one table" '^ended 0'
	is "and no other before it" "$("${MUX[@]}" capture-pane -p -S -1000 -t cli | grep -c '^── connections')" 1
	is "as wide as the terminal" "$("${MUX[@]}" capture-pane -p -S -1000 -t cli | wc -L)" 80
else
	skip "needs tmux"
fi
