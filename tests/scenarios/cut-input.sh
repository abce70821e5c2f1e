# SPDX-License-Identifier: MPL-2.0
# What comes from a pipe may end anywhere, be damaged or be something else; readers may go away and discs be full. A program says so in a
# line, prints what it has, and ends with the exit status that fits. Never by a signal.
# Long: thousands of processes.
. "$TESTS/lib/sh.sh"

f=$CAPTURES/dns-ecs.pcap
pv-capture -r "$f" -c 120 -H "$HOSTS" >packets.pve
pv-net "${GEO[@]}" <packets.pve | pv-dns | pv-dhcp >whole.pve
pv-window --periods 1 <whole.pve >buckets.pvb

# ---- streams that end early ------------------------------------------------------------------------

# cut_at FILE PROGRAM...: cut at every byte of the first event, at and around the other events, and in the last
cut_at() {
	local file=$1 bad= at want size s got said; shift
	rm -rf outs; mkdir outs
	mapfile -t starts < <(python3 "$TESTS/lib/events.py" offsets "$file")
	size=${starts[-1]}
	local -a cuts=(1 15 16 17 "${starts[1]}" $((starts[1] + 1)) "${starts[2]}" $((size - 1)) $((size - 8)) "${starts[-2]}")
	for ((at = 0; at < ${#starts[@]} - 1; at += 1 + ${#starts[@]} / 15)); do cuts+=($((starts[at] + 5)) $((starts[at] + 40)) "${starts[at]}"); done
	for at in "${cuts[@]}"; do
		[ "$at" -gt 0 ] || continue
		want=0
		for s in "${starts[@]}"; do [ "$s" -le "$at" ] || break; want=$s; done
		head -c "$at" "$file" | "$@" >"outs/$at" 2>err
		got=${PIPESTATUS[1]}
		[ "$got" -eq 3 ] || bad="$bad $at:exit-$got"
		mapfile -t said <err
		[ ${#said[@]} -eq 1 ] && [[ ${said[0]} == "$1: input cut off at byte $want: "* ]] ||
			{ bad="$bad $at:words"; echo "cut at $at, want byte $want:"; head -n 3 err; }
	done
	case $* in
	*--json*) bad="$bad$(python3 "$TESTS/lib/jsoncount.py" outs/* | awk '$2 != 1 { printf " %s:json", $1 }')" ;;
	esac
	is "$*: a stream cut anywhere ends with 3 and one line that names the byte" "$bad" ""
}
cut_at packets.pve pv-net
cut_at packets.pve pv-dns
cut_at packets.pve pv-dhcp
cut_at packets.pve pv-bgp
cut_at packets.pve pv-cat --check
cut_at whole.pve pv-window --json
cut_at whole.pve pv-window --json --periods 1
cut_at whole.pve pv-window
cut_at buckets.pvb pv-window --json

head -c 40000 whole.pve | pv-window --json --periods 1 >out 2>err
before=$(jq '.["1m"].packets.events' out)
if [ "${before:-0}" -gt 0 ] && [ "$before" -lt 120 ]; then ok "what came before the cut is in the JSON"; else
	cat out; not_ok "what came before the cut is in the JSON"
fi
head -c 20000 packets.pve | pv-net 2>err1 | pv-dns 2>err2 | pv-window --json >out 2>err3
is "a cut travels down the pipeline: every stage ends with 3" "${PIPESTATUS[*]:1}" "3 3 3"
is "and each says so once" "$(cat err1 err2 err3 | wc -l)" 3

# ---- killed programs ---------------------------------------------------------------------------------

# The programs are started one by one on named pipes, to have their process ids. Half of the capture has come when something happens.
# begin: pids in capture, net, dns and window
begin() {
	rm -f in a b c; mkfifo in a b c
	pv-capture -r - <in >a 2>capture.err & capture=$!
	pv-net <a >b 2>net.err & net=$!
	pv-dns <b >c 2>dns.err & dns=$!
	pv-window --json --periods 1 <c >window.json 2>window.err & window=$!
	exec 7>in
	tcpdump -r "$CAPTURES/dns-mixed.pcap" -c 5000 -w - 2>/dev/null >&7
	until_true read_all
}
# read_all: the last one has read a lot, and all of them wait for more
read_all() { [ "$(awk '/^rchar/ { print $2 }' /proc/$window/io)" -gt 300000 ] && asleep $capture $net $dns $window; }
# reap: exit statuses in order
reap() {
	local s all=
	for s in $capture $net $dns $window; do wait "$s" 2>/dev/null; all="$all $?"; done
	echo "${all# }" >statuses
}

begin; kill -9 $capture; exec 7>&-; reap
is "kill -9 of the source: all behind it end with 3" "$(cat statuses)" "137 3 3 3"
seen=$(jq '.["1m"].packets.events' window.json)
if [ "${seen:-0}" -gt 1000 ]; then ok "and print what they have: $seen packets" | sed 's/: .*//'; else not_ok "and print what they have"; fi
like "and say what happened" "$(cat window.err)" '^pv-window: input cut off at byte [0-9]+: the input ends'

begin; kill -9 $dns; exec 7>&-; reap
is "kill -9 in the middle: those before it end quietly, those behind it with 3" "$(cat statuses)" "0 0 137 3"
is "the ones before it have nothing to say" "$(cat capture.err net.err)" ""

for sig in TERM INT; do
	begin; kill -$sig $dns
	wait $dns; got=$?
	exec 7>&-; reap
	is "SIG$sig to a program in the middle: it and those behind it end in order" "$got $(cut -d' ' -f3- statuses)" "0 0 0"
	seen=$(jq '.["1m"].dns.wire_packets.total' window.json)
	if [ "${seen:-0}" -gt 1000 ]; then ok "SIG$sig: what came is printed"; else cat window.json; not_ok "SIG$sig: what came is printed"; fi

	begin; kill -$sig $capture; reap; exec 7>&-
	is "SIG$sig to the source: the whole pipeline ends in order" "$(cat statuses)" "0 0 0 0"

	begin; kill -$sig $capture $net $dns $window; reap; exec 7>&-
	is "SIG$sig to all at once, as from a terminal: all end in order" "$(cat statuses)" "0 0 0 0"
	seen=$(jq '.["1m"].dns.wire_packets.total' window.json)
	if [ "${seen:-0}" -gt 1000 ]; then ok "SIG$sig to all: what came is printed"; else cat window.json; not_ok "SIG$sig to all: what came is printed"; fi
done

# ---- other input -------------------------------------------------------------------------------------

# the version stands behind header and magic
python3 "$TESTS/lib/events.py" set packets.pve 20 0200 >major2.pve
python3 "$TESTS/lib/events.py" set packets.pve 22 0900 >minor9.pve
for p in pv-net pv-dns pv-dhcp pv-bgp "pv-cat --check" "pv-window --json"; do
	# shellcheck disable=SC2086
	status 3 "$p: no input at all is an input that was cut" $p </dev/null
	one_line "$p: and says so" err "^${p%% *}: input cut off at byte 0: the input is empty$"
	# shellcheck disable=SC2086
	status 3 "$p: text is not a stream" $p < <(echo hello)
	one_line "$p: and says so about text" err "^${p%% *}: input (cut off|damaged) at byte 0: "
	# shellcheck disable=SC2086
	status 3 "$p: a capture is not a stream" $p <"$f"
	one_line "$p: and says so about a capture" err "^${p%% *}: input damaged at byte 0: not an event stream$"
	# shellcheck disable=SC2086
	status 3 "$p: version 2 of the format is refused" $p <major2.pve
	one_line "$p: with a clear word" err "^${p%% *}: input damaged at byte 0: another major version of the format"
	# shellcheck disable=SC2086
	status 0 "$p: a later minor version is read" $p <minor9.pve
done

cat whole.pve whole.pve | pv-window --json --periods 1 >two.json
is "two streams in a row are fine" "${PIPESTATUS[*]}" "0 0"
is "and count twice" "$(jq '.["1m"].packets.events' two.json)" 240
cat whole.pve <(echo hello) | pv-window --json --periods 1 >out 2>err
is "words behind a stream are damage" "${PIPESTATUS[1]}" 3
is "what stood before them counts" "$(jq '.["1m"].packets.events' out)" 120
cat packets.pve packets.pve | pv-net | pv-dns | pv-dhcp | pv-cat --count >out
is "filters take two streams in a row, too" "$(awk '$1 == "streams" || $1 == "net" { print $1, $2 }' out | xargs)" "net 240 streams 2"
pv-cat whole.pve packets.pve whole.pve | pv-cat --count >out
is "pv-cat joins files" "$(awk '$1 == "streams" { print $2 }' out)" 3

# ---- damaged bytes -------------------------------------------------------------------------------------

# flipped FILE PROGRAM...
flipped() {
	local file=$1 bad= got i; shift
	rm -rf flip outs errs; mkdir flip outs errs
	python3 "$TESTS/lib/events.py" flip "$file" flip 150 "${#file}"
	for i in flip/*; do
		"$@" <"$i" >"outs/${i#*/}" 2>"errs/${i#*/}"; got=$?
		case $got in
		0) rm "errs/${i#*/}" ;;
		3) ;; # and words
		*) bad="$bad $i:exit-$got"; tail -n 5 "errs/${i#*/}" ;;
		esac
	done
	bad="$bad$(grep -rLE "^$1: (input (cut off|damaged) at byte [0-9]+|a bucket was refused): " errs | sed 's/.*/ &:words/' | tr -d '\n')"
	case $* in
	*--json*) bad="$bad$(python3 "$TESTS/lib/jsoncount.py" outs/* | awk '$2 < 1 { printf " %s:json", $1 }')" ;;
	esac
	is "$*: damaged bytes are refused or harmless" "$bad" ""
}
flipped packets.pve pv-net "${GEO[@]}"
flipped packets.pve pv-dns --public-suffix-list --chain
flipped packets.pve pv-dhcp
flipped packets.pve pv-bgp
flipped whole.pve pv-cat --json
flipped whole.pve pv-window --json --enable all
flipped whole.pve pv-window --periods 1
flipped buckets.pvb pv-window --json

# ---- output that cannot be written -----------------------------------------------------------------------

for p in "pv-capture -r $CAPTURES/dns-mixed.pcap" "pv-net" "pv-dns" "pv-dhcp" "pv-cat" "pv-cat --json" "pv-cat --count" "pv-window --json" "pv-window --table" \
	"pv-window" "pktvisor-reader $f" "pktvisor-reader --table $f" "pv-window --list-metrics" "pv-dns --help"; do
	name=${p/$CAPTURES\/}
	$p <whole.pve >/dev/full 2>err; got=$?
	is "$name: a full disc is a failure" $got 1
	one_line "$name: and says so" err "^${p%% *}: .*No space left on device"
	$p <whole.pve 2>err | head -c 10 >/dev/null
	is "$name: a reader that has seen enough is not" "${PIPESTATUS[0]}" 0
	is "$name: and there is nothing to say about it" "$(cat err)" ""
done
pv-capture -r "$CAPTURES/dns-mixed.pcap" 2>err | pv-net 2>>err | pv-dns 2>>err | head -c 1000 >/dev/null
is "a reader that has seen enough ends the whole pipeline quietly" "${PIPESTATUS[*]} $(cat err)" "0 0 0 0 "
pv-window --json <whole.pve >&- 2>err; got=$?
is "a closed stdout is a failure" $got 1
