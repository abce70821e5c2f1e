# SPDX-License-Identifier: MPL-2.0
# A stream cut in two at any packet, summarised by two programs and merged in either order, says what the whole stream says. And binary
# buckets lose nothing on the way through a file.
# Long: thousands of processes.
. "$TESTS/lib/sh.sh"

PVSPLIT=$BUILD/tests/pvsplit

# Sanitizers take their time: fewer places to split at, fewer windows.
SPLITS=6 PERIODS="1 2 5 10"
GROUPS_OF=("--modules $VERSIONS" "--enable all" "--modules net:2.0,dns:2.0 --enable all" "--disable all")
case $BUILD in
*/release*) ;;
*) SPLITS=2 PERIODS="1 5" GROUPS_OF=("--modules $VERSIONS --enable all" "--disable all") ;;
esac

# analyse < PCAP > EVENTS: everything that pv-window can use, and nothing else
analyse() {
	pv-capture -r - -H "$HOSTS" | pv-net "${GEO[@]}" | pv-dns "${GEO[@]}" | pv-dhcp --only
}

# split_at CAPTURE-NAME N: the stream is in the file whole.pve, its summary in whole.json
split_at() {
	local sum=(--periods 1 --enable all --modules "$VERSIONS") f
	"$PVSPLIT" "$2" a.pve b.pve <whole.pve || { not_ok "$1 can be split at packet $2"; return; }
	for f in a b; do
		pv-window "${sum[@]}" <$f.pve >$f.pvb || { not_ok "$1 split at packet $2: half $f can be summarised"; return; }
	done
	cat a.pvb b.pvb | pv-window --json "${sum[@]}" >ab.json
	cat b.pvb a.pvb | pv-window --json "${sum[@]}" >ba.json
	if cmp -s ab.json whole.json && cmp -s ba.json whole.json && [ -s whole.json ]; then
		ok "$1 split at packet $2 merges to the whole, in both orders"
	else
		diff <(jq -S . ab.json) <(jq -S . whole.json) | head -n 15
		cmp -s ab.json ba.json || { echo "and the orders differ"; diff <(jq -S . ab.json) <(jq -S . ba.json) | head -n 15; }
		not_ok "$1 split at packet $2 merges to the whole, in both orders"
	fi
}

RANDOM=20240501
n=0
while read -r f; do
	name=$(capture_name "$f")
	case $name in
	hostile/* | format/* | link/*) [ $((n++ % 6)) -eq 0 ] || continue ;; # the decoders are the same: a sample will do
	esac
	analyse <"$f" >whole.pve 2>err || continue
	pv-window --json --periods 1 --enable all --modules "$VERSIONS" <whole.pve >whole.json 2>/dev/null
	packets=$(pv-cat --count -t net whole.pve | awk '$1 == "net" { print $2 }')
	[ "${packets:-0}" -gt 1 ] || continue
	for at in $(printf '%s\n' $((packets / 2)) $((RANDOM % packets + 1)) 1 $((packets - 1)) "$packets" \
		$((RANDOM % packets + 1)) | head -n "$SPLITS" | sort -nu); do
		split_at "$name" "$at"
	done
done < <(captures)

# A comparison that cannot fail would be worth nothing.
analyse <"$CAPTURES/dns-udp4.pcap" >whole.pve
pv-window --json --periods 1 --enable all <whole.pve >whole.json
"$PVSPLIT" 1 a.pve b.pve <whole.pve && pv-window --periods 1 --enable all <a.pve >a.pvb
if cmp -s <(pv-window --json --periods 1 --enable all <a.pvb) whole.json; then
	not_ok "one half is not the whole"
else
	ok "one half is not the whole"
fi

# More names and addresses than any table holds: the top lists are estimates then, everything else stays equal.
"$BUILD/tests/flood" 60000 | analyse >whole.pve
pv-window --json --periods 1 <whole.pve 2>/dev/null >whole.json
"$PVSPLIT" 21000 a.pve b.pve <whole.pve
for f in a b; do pv-window --periods 1 <$f.pve 2>/dev/null >$f.pvb; done
exact='del(.[][] | .[] | arrays) | .'
jq -S "$exact" whole.json >want
cat a.pvb b.pvb | pv-window --json --periods 1 | jq -S "$exact" >got
same "60000 names and addresses, merged: counters, distinct counts and quantiles are equal" got want
cat b.pvb a.pvb | pv-window --json --periods 1 | jq -S "$exact" >got
same "60000 names and addresses, merged backwards: the same" got want

# Buckets through a file: periods 1 and 5, and twice through pv-window.
while read -r f; do
	name=$(capture_name "$f")
	case $name in hostile/* | format/* | link/*) continue ;; esac
	analyse <"$f" >whole.pve
	bad=
	for p in $PERIODS; do
		for groups in "${GROUPS_OF[@]}"; do
			# shellcheck disable=SC2086
			pv-window --json --periods $p $groups <whole.pve >direct.json
			# shellcheck disable=SC2086
			pv-window --periods $p $groups <whole.pve >x.pvb || bad="$bad status-$p"
			pv-cat --check x.pvb || bad="$bad check-$p"
			pv-window --json --periods $p <x.pvb >again.json # whatever is in there
			cmp -s direct.json again.json || { bad="$bad $p$groups"; diff <(jq -S . direct.json) <(jq -S . again.json) | head -n 10; }
			pv-window --periods $p <x.pvb | pv-window --json --periods $p >again.json
			cmp -s direct.json again.json || { bad="$bad twice-$p$groups"; diff <(jq -S . direct.json) <(jq -S . again.json) | head -n 10; }
		done
	done
	is "$name: buckets in a file give the JSON of the stream" "$bad" ""
done < <(captures)
