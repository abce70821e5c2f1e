#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# The examples of the man pages run as they stand there, and what pv-events(5) says of the format is what the header says.
#
# In man/*.in every block of EXAMPLES has a comment before it:
#   .\" test: exit=0          it runs: this exit status, something on stdout unless it is not 0, nothing on stderr
#   .\" test: exit=1 stderr   words on stderr are expected
#   .\" test: config          it is a configuration, which must load; with exit=1 stderr, one that must not
#   .\" notest                needs a live interface, or root
# Blocks run with sh in a folder that has the bundled captures under short names.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
BIN=${BIN:-$top/bin} BUILD=${BUILD:-$top/build/release} CAPTURES=${CAPTURES:-$top/tests/captures}
export PATH="$BIN:$PATH"
here=$PWD

stage_inputs() {
	cp "$CAPTURES/dns-mixed.pcap" dns.pcap
	cp "$CAPTURES/dns-udp6.pcap" dns6.pcap
	cp "$CAPTURES/dns-timeout.pcap" timeouts.pcap
	cp "$CAPTURES/dns-ecs.pcap" ecs.pcap
	cp "$CAPTURES/dhcp4.pcap" dhcp.pcap
	cp "$CAPTURES/link/vxlan4.pcap" vxlan.pcap
	cp "$CAPTURES/http-mix.pcap" ntp.pcap
	cp "$CAPTURES/flow/softflowd-v9.pcap" flows.pcap
	install -d -m 755 modules
	install -m 755 "$BUILD"/modules/*.so modules
	cp "$CAPTURES/dnstap/unbound.dnstap" resolver.dnstap
	cp "$CAPTURES/geo/city-test.mmdb" city.mmdb
	cp "$CAPTURES/geo/asn-test.mmdb" asn.mmdb
}

# blocks PAGE: writes block N to N.sh and its directive to N.how; an unmarked one has an empty directive.
blocks() {
	awk '
	/^\.Sh / { examples = $0 == ".Sh EXAMPLES" }
	/^\.\\" (test:|notest)/ { how = substr($0, 5); next }
	/^\.Bd -literal/ && (examples || how != "") { n++; print how > (n ".how"); inside = 1; next }
	/^\.Ed/ { if (inside) { close(n ".sh"); close(n ".how") } inside = 0; how = ""; next }
	inside { sub(/^\\&/, ""); gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print > (n ".sh") }
	' "$1"
}

run_block() { # PAGE N: in a folder of its own
	local how status want out=ok
	how=$(cat "$2.how")
	case $how in
	notest) return ;;
	test:*) ;;
	*) echo "not ok - $1: example $2 is marked neither test nor notest: $(head -n 1 "$2.sh")"; return ;;
	esac
	want=$(printf '%s\n' "$how" | sed -n 's/.*exit=\([0-9]*\).*/\1/p')
	case $how in
	test:*config*) "$BUILD/tests/pvconfig" "$2.sh" ;;
	*) (cd run && sh "../$2.sh") ;;
	esac >stdout 2>stderr </dev/null
	status=$?
	[ "$status" = "${want:-0}" ] || out="exit status $status, not ${want:-0}"
	if [ "${want:-0}" = 0 ]; then
		[ -s stdout ] || out="nothing on stdout"
		case $how in *stderr*) ;; *) [ ! -s stderr ] || out="words on stderr" ;; esac
	else
		[ -s stderr ] || out="no words on stderr"
	fi
	if [ "$out" = ok ]; then
		echo "ok - $1: $(head -n 1 "$2.sh")"
	else
		echo "not ok - $1: $out: $(head -n 1 "$2.sh")"
		cat "$2.sh" stderr
	fi
}

ran=0
for page in "$top"/man/*.in; do
	name=$(basename "$page" .in)
	mkdir -p "$here/$name" && cd "$here/$name" || exit 1
	blocks "$page"
	n=1
	while [ -e $n.sh ]; do
		if command -v jq >/dev/null || ! grep -q 'jq ' $n.sh; then
			mkdir -p run && (cd run && stage_inputs)
			run_block "$name" $n
			rm -rf run
			ran=$((ran + 1))
		else
			echo "skip - $name: example $n needs jq"
		fi
		n=$((n + 1))
	done
	[ $n -gt 1 ] || echo "not ok - $name has no examples"
done
cd "$here" || exit 1
[ $ran -gt 20 ] || echo "not ok - only $ran examples were found"

# Sizes and offsets that event.h pins, and the type numbers, against the page.
awk -v header="$top/lib/event/event.h" '
BEGIN {
	while ((getline line < header) > 0) {
		if (line ~ /^#define PV_[A-Z_]+ [0-9]+( |$)/) {
			split(line, a, " ")
			constant[a[2]] = a[3]
		}
		if (match(line, /PV_EV_[A-Z_]+ = [0-9]+/)) {
			split(substr(line, RSTART + 6, RLENGTH - 6), a, " = ")
			if (a[1] != "TYPES")
				type[a[2]] = tolower(a[1])
		}
		while (match(line, /PV_(AT|SIZE)\(pv_[a-z_0-9]+, [A-Za-z_0-9, ]+\)/)) {
			split(substr(line, RSTART, RLENGTH), a, /[(,) ]+/)
			if (a[1] == "PV_AT")
				at[a[2] " " a[3]] = a[4] in constant ? constant[a[4]] : a[4]
			else
				size[a[2]] = a[3]
			line = substr(line, RSTART + RLENGTH)
		}
	}
}
/^\.Ss .* \([0-9]+\), [0-9]+ bytes/ {
	split($0, a, /[ (),]+/)
	s = "pv_" a[2] ((a[2] == "stage" || a[2] == "bucket" || a[2] == "block" || a[2] == "metric" || a[2] == "resources" || a[2] == "module") ? "_event" : "")
	if (size[s] != a[4]) { print "not ok - pv-events(5): " s " has " size[s] " bytes, not " a[4]; bad = 1 }
	if (type[a[3]] != a[2]) { print "not ok - pv-events(5): type " a[3] " is " type[a[3]]; bad = 1 }
	described[s] = 1
}
/^\.It [0-9]+ Ta [a-z_]+ Ta / && !s { listed[$2] = $4 }
/^\.It [0-9]+ Ta [a-z0-9]+(\[[0-9]+\])? Ta [a-z_0-9]+ Ta/ && s { on_page[s " " $6] = $2 }
END {
	for (t in type)
		if (listed[t] != type[t]) { print "not ok - pv-events(5): type " t " (" type[t] ") is not in the table"; bad = 1 }
	for (f in at) {
		split(f, a, " ")
		if (on_page[f] != at[f]) { print "not ok - pv-events(5): " f " is at " at[f] ", not " on_page[f]; bad = 1 }
		checked++
	}
	if (checked < 50) { print "not ok - pv-events(5): only " checked " offsets were found in event.h"; bad = 1 }
	if (!bad)
		print "ok - pv-events(5) has the types, sizes and offsets of event.h"
}' "$top/man/pv-events.5.in"
