# SPDX-License-Identifier: MPL-2.0
# The systemd units: an exposure of 2.0 at most, and programs, options and pages that exist.
. "$TESTS/lib/sh.sh"

command -v systemd-analyze >/dev/null || { skip "no systemd-analyze"; exit 0; }
for unit in "$TOP"/contrib/systemd/*.service; do
	name=${unit##*/}
	systemd-analyze security --offline=true --threshold=20 --no-pager "$unit" >out 2>&1; got=$?
	[ $got -eq 0 ] || tail -n 3 out
	is "$name: systemd-analyze security rates it at most 2.0" "$got" 0
	sed "s|/usr/bin/|$BIN/|" "$unit" >"$name"
	systemd-analyze verify --man=no "./$name" >out 2>&1; got=$?
	[ $got -eq 0 ] && [ ! -s out ]; got=$?
	[ $got -eq 0 ] || cat out
	is "$name: systemd-analyze verify has nothing to say" "$got" 0
	program=$(sed -n 's|^ExecStart=/usr/bin/\([^ ]*\).*|\1|p' "$unit")
	"$program" --help >help
	bad=
	for option in $(sed -n 's/^ExecStart=//p' "$unit" | tr ' ' '\n' | grep '^--'); do grep -qe "$option" help || bad="$bad $option"; done
	is "$name: $program has these options" "$bad" ""
done
