# SPDX-License-Identifier: MPL-2.0
# Every released version of the format: its bytes decode to what they did then, and today's writer still writes the newest.
# Metrics that have come since are 0, and left out.
known='def known($o): if type == "object" and ($o | type) == "object" then
	with_entries(.key as $k | select(if $o | has($k) then true else .value != 0 end) | .value |= known($o[$k])) else . end; known($old[0])'
for dir in "$TESTS"/wire/*/; do
	version=$(basename "$dir")
	for kind in events.pve buckets.pvb; do
		if pv-cat --check "$dir/$kind" && pv-cat --json "$dir/$kind" | cmp - "$dir/${kind%.*}.json"; then
			echo "ok - the $kind of version $version decode to what they did"
		else
			pv-cat --json "$dir/$kind" | diff - "$dir/${kind%.*}.json" | cut -c1-300 | head -n 20
			echo "not ok - the $kind of version $version decode to what they did"
		fi
	done
	pv-window --json --periods 1 <"$dir/buckets.pvb" | jq -S --slurpfile old "$dir/window.json" "$known" >got.json
	if jq -S . "$dir/window.json" | cmp - got.json; then
		echo "ok - the metrics of version $version read as they did"
	else
		jq -S . "$dir/window.json" | diff got.json - | head -n 20
		echo "not ok - the metrics of version $version read as they did"
	fi
	if pv-cat "$dir/events.pve" | cmp - "$dir/events.pve" && cat "$dir"/*.pv[eb] | pv-cat --check; then
		echo "ok - the streams of version $version go through pv-cat unchanged"
	else
		echo "not ok - the streams of version $version go through pv-cat unchanged"
	fi
done
now=$(sed -n 's/^#define PV_EVENT_M[AI][JN]OR \([0-9]*\)$/\1/p' "$TOP/lib/event/event.h" | paste -sd.)
if [ "$now" = "$version" ] && "$BUILD/tests/goldenwire" events | cmp - "$TESTS/wire/$now/events.pve" &&
	"$BUILD/tests/goldenwire" buckets | cmp - "$TESTS/wire/$now/buckets.pvb"; then
	echo "ok - what is written today is version $now, byte for byte"
else
	echo "not ok - what is written today is version $now, byte for byte"
fi
