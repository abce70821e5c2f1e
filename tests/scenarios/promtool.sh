# SPDX-License-Identifier: MPL-2.0
# Prometheus text of every capture, with every handler and every group: promtool reads it without an error, and it says what the
# JSON of the same window says. What promtool finds ugly are inherited names; tests/prom/promtool.lints has them and only shrinks.
. "$TESTS/lib/sh.sh"

# promtool: 0 fine, 3 read but ugly, 1 cannot be read
MODULES=$(pv-window --list-metrics | cut -f 1 | sort -u | paste -sd ,)

# text CAPTURE BASE: both forms of its window, as BASE.json and BASE.prom
text() {
	pv-capture -r "$1" -H "$HOSTS" 2>err | pv-net "${GEO[@]}" 2>>err | pv-dns "${GEO[@]}" --public-suffix-list 2>>err |
		pv-dhcp 2>>err | pv-bgp 2>>err | pv-window --modules "$MODULES" --enable all --topn 50 >buckets 2>>err
	[ -s buckets ] || return 1
	pv-window --prometheus --modules "$MODULES" --enable all --topn 50 <buckets >"$2.prom" 2>>err
	pv-window --json --modules "$MODULES" --enable all --topn 50 <buckets >"$2.json" 2>>err
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
	text "$f" "texts/$n" || continue # one that cannot be opened
	promtool check metrics <"texts/$n.prom" >>lints 2>errors; status=$?
	cat errors >>lints
	case $status in
	0 | 3) read=$((read + 1)) ;;
	*) bad="$bad $(capture_name "$f")"; cat errors ;;
	esac
done < <(captures)

is "promtool reads the text of every capture" "$bad" ""
if [ $read -ge 20 ]; then ok "there were texts"; else not_ok "there were texts: $read of $n"; fi
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
