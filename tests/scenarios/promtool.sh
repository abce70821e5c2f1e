# SPDX-License-Identifier: MPL-2.0
# Prometheus text of every capture, with every handler and every group: promtool reads it without an error, and it says what the
# JSON of the same window says. What promtool finds ugly are inherited names; tests/prom/promtool.lints has them and only shrinks.
. "$TESTS/lib/sh.sh"

# promtool: 0 fine, 3 read but ugly, 1 cannot be read
MODULES=$(pv-window --list-metrics | cut -f 1 | sort -u | paste -sd ,)
# versions of one handler are looked at apart: in one text some of their families are the same
FIRST=$(tr ',' '\n' <<<"$MODULES" | grep ':1\.0$' | paste -sd ,)
SECOND=$(tr ',' '\n' <<<"$MODULES" | grep ':2\.0$' | paste -sd ,)

# text CAPTURE BASE: both forms of its windows, as BASE.json and BASE.prom, and of second versions as BASE-2.json and BASE-2.prom
text() {
	pv-capture -r "$1" -H "$HOSTS" 2>err | pv-net "${GEO[@]}" 2>>err | pv-dns "${GEO[@]}" --public-suffix-list 2>>err |
		pv-dhcp 2>>err | pv-window --modules "$MODULES" --enable all --topn 50 >buckets 2>>err
	[ -s buckets ] || return 1
	form "$2" "$FIRST" || return 1
	case $(capture_name "$1") in
	hostile/* | link/* | format/*) [ $((n % 6)) -eq 0 ] || return 0 ;; # the renderer is the same: a sample will do
	esac
	form "$2-2" "$SECOND"
}

# flows KIND BASE: the same of flow exports
flows() {
	python3 "$TESTS/lib/flowpcap.py" "$1" >flows.pcap
	pv-flow "${GEO[@]}" flows.pcap 2>err | pv-window --modules "$MODULES" --enable all --topn 50 >buckets 2>>err
	[ -s buckets ] || return 1
	form "$2" "$FIRST"
}

# form BASE MODULES
form() {
	pv-window --prometheus --modules "$2" --enable all --topn 50 <buckets >"$1.prom" 2>>err
	pv-window --json --modules "$2" --enable all --topn 50 <buckets >"$1.json" 2>>err
}

n=0 read=0 skipped=0 bad=
: >lints
mkdir texts
while read -r f; do
	case $BUILD/$(capture_name "$f") in
	*/release*) ;;
	*/hostile/* | */link/* | */format/*) [ $((skipped++ % 6)) -eq 0 ] || continue ;; # sanitizers take their time
	esac
	n=$((n + 1))
	case $f in
	flow:*) flows "${f#flow:}" "texts/$n" ;;
	*) text "$f" "texts/$n" ;;
	esac || continue # one that cannot be opened
	for prom in "texts/$n.prom" "texts/$n-2.prom"; do
		[ -e "$prom" ] || continue
		promtool check metrics <"$prom" >>lints 2>errors; status=$?
		cat errors >>lints
		case $status in
		0 | 3) read=$((read + 1)) ;;
		*) bad="$bad $(capture_name "$f")"; cat errors ;;
		esac
	done
done < <(captures; printf 'flow:%s\n' netflow sflow)

is "promtool reads the text of every capture" "$bad" ""
if [ $read -ge 20 ]; then ok "there were texts"; else not_ok "there were texts: $read of $n captures"; fi
if python3 "$TESTS/lib/promjson.py" $(ls texts/*.prom | sed 's/\.prom$//') >out 2>&1; then
	ok "the text says what the JSON says"
else
	head -n 20 out
	not_ok "the text says what the JSON says"
fi

sort -u lints >found
grep -v '^#' "$TESTS/prom/promtool.lints" | sort >known
is "promtool finds nothing new to complain about" "$(comm -23 found known)" ""
is "every complaint in tests/prom/promtool.lints is still true; delete those that are not" "$(comm -13 found known)" ""
