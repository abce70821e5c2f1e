# SPDX-License-Identifier: MPL-2.0
# The shell pipeline and pktvisor-reader are the same stages: for every capture they print the same JSON, byte for byte,
# whatever the options, the versions of handlers, the order of the filters, and whether packets are passed on.
# Long: thousands of processes.
. "$TESTS/lib/sh.sh"

# statuses READER-STATUS READER-OUTPUT: how the five programs of the pipeline end. A capture that is damaged further on is the source's
# error alone: what stands before the damage is a whole stream. One that cannot be opened gives no stream at all.
statuses() {
	case $1 in
	0) echo "0 0 0 0 0" ;;
	1) if [ -s "$2" ]; then echo "1 0 0 0 0"; else echo "1 3 3 3 3"; fi ;;
	*) echo "whatever, but the reader ended with $1" ;;
	esac
}

# variant CAPTURE WORDS: the options of both sides
variant() {
	local f=$1 word periods=5; shift
	local -a cap=() win=() geo=()
	for word; do
		case $word in
		hosts) cap=(-H "$HOSTS") ;;
		geo) geo=("${GEO[@]}") ;;
		all) win+=(--enable all) ;;
		versions) win+=(--modules "$VERSIONS") ;;
		*) periods=$word win+=(--periods "$word") ;;
		esac
	done
	local got want reader
	pktvisor-reader "${cap[@]}" "${geo[@]}" "${win[@]}" "$f" >want 2>want.err; reader=$?
	want=$(statuses $reader want)
	pv-capture -r "$f" "${cap[@]}" 2>err | pv-net "${geo[@]}" 2>>err | pv-dns "${geo[@]}" 2>>err | pv-dhcp 2>>err |
		pv-window --json "${win[@]}" >got 2>>err
	got=${PIPESTATUS[*]}
	[ "$got" = "$want" ] || { echo "$* : exit statuses $got, not $want; the reader's: $reader"; cat err want.err; return 1; }
	[ -s want ] || printf '{"%sm":{}}\n' "$periods" >want # pv-window has nothing, and says so
	cmp -s got want || { echo "$*: JSON differs"; diff <(jq -S . got) <(jq -S . want) | head -n 10; return 1; }
	[ $reader -ne 0 ] || [ -s got ] || { echo "$*: nothing printed"; return 1; }
}

# Filters in another order, and with fewer packets handed on. Compares with the reader's JSON in the file want; what there is without
# pv-net is a part of that, and compared at the end, for all captures in one go.
mkdir parts
order() {
	local f=$1 got
	pktvisor-reader -H "$HOSTS" "$f" >want 2>/dev/null || return 0
	pv-capture -r "$f" -H "$HOSTS" | pv-dns | pv-dhcp --only | pv-window --json --modules dns,dhcp >got
	got=${PIPESTATUS[*]}
	[ "$got" = "0 0 0 0" ] || { echo "without pv-net: exit statuses $got"; return 1; }
	got=$(capture_name "$f")
	mv got "parts/${got//\//_}.got"; cp want "parts/${got//\//_}.want"
	pv-capture -r "$f" -H "$HOSTS" | pv-dhcp | pv-dns | pv-net | pv-window --json --modules net,dns,dhcp >got
	got=${PIPESTATUS[*]}
	[ "$got" = "0 0 0 0 0" ] || { echo "backwards: exit statuses $got"; return 1; }
	cmp -s got want || { echo "backwards: JSON differs"; diff <(jq -S . got) <(jq -S . want) | head -n 10; return 1; }
	pv-capture -r "$f" -H "$HOSTS" | pv-dns | pv-net | pv-dhcp --only | pv-cat | pv-window --json >got
	got=${PIPESTATUS[*]}
	[ "$got" = "0 0 0 0 0 0" ] || { echo "--only: exit statuses $got"; return 1; }
	cmp -s got want || { echo "--only: JSON differs"; diff <(jq -S . got) <(jq -S . want) | head -n 10; return 1; }
}

# BGP is asked for: a handler that is not there by default.
bgp() {
	local f=$1 got
	pktvisor-reader -H "$HOSTS" --modules bgp,dns,net "$f" >want 2>/dev/null || return 0
	pv-capture -r "$f" -H "$HOSTS" | pv-bgp | pv-net | pv-dns --only | pv-window --json >got
	got=${PIPESTATUS[*]}
	[ "$got" = "0 0 0 0 0" ] || { echo "with pv-bgp: exit statuses $got"; return 1; }
	cmp -s got want || { echo "with pv-bgp: JSON differs"; diff <(jq -S . got) <(jq -S . want) | head -n 10; return 1; }
}

all() {
	local f=$1
	# Sanitizers take their time: each capture with everything turned on, the rest for every fourth.
	case $BUILD in
	*/release*) ;;
	*) [ $((n % 4)) -eq 0 ] || { variant "$f" 5 hosts geo all versions; return; } ;;
	esac
	variant "$f" 1 && variant "$f" 5 hosts geo && variant "$f" 1 hosts geo all versions && variant "$f" 2 geo versions && order "$f" && bgp "$f"
}

n=0
while read -r f; do
	n=$((n + 1))
	if all "$f"; then ok "$(capture_name "$f") gives the same JSON"; else not_ok "$(capture_name "$f") gives the same JSON"; fi
done < <(captures)
[ $n -ge 100 ] || not_ok "there are captures ($n)"
# parts SUFFIX: what both have, a line per capture
parts() { (cd parts && jq -cS '[(input_filename | rtrimstr(".'"$1"'")), (.[] | {dns, dhcp})]' ./*."$1"); }
parts got >got
parts want >want
same "without pv-net the rest is the same, for each of $(wc -l <want | sed 's/^[1-9][0-9]*$/many/') captures" got want
