# SPDX-License-Identifier: MPL-2.0
# No stage looks behind the end of an event: each gets every event in a block of memory of its own (for AddressSanitizer), and says what it
# says when they come in batches.
. "$TESTS/lib/sh.sh"

PVEXACT=$BUILD/tests/pvexact
DB=("$CAPTURES/geo/city-test.mmdb" "$CAPTURES/geo/asn-test.mmdb")

# events FILE: what stands in a stream, as text
events() { pv-cat --json -t packet,net,dns,dns_timeout,dhcp,bgp,define,tcp_error "$1"; }

while read -r f; do
	name=$(capture_name "$f")
	case $name in dns-mixed.pcap | dns-each.pcap) continue ;; esac # large, and nothing that the others have not
	pv-capture -r "$f" -H "$HOSTS" >packets.pve 2>/dev/null || continue
	bad= with="no yes"
	case $name in hostile/* | link/* | format/*) with=yes ;; esac
	for geo in $with; do
		db=() && opt=()
		[ $geo = no ] || { db=("${DB[@]}"); opt=("${GEO[@]}"); }
		"$PVEXACT" net "${db[@]}" <packets.pve 2>err | "$PVEXACT" dns "${db[@]}" 2>>err | "$PVEXACT" dhcp 2>>err | "$PVEXACT" bgp 2>>err |
			tee exact.pve | "$PVEXACT" window 2>>err
		got=${PIPESTATUS[*]}
		"$PVEXACT" json <exact.pve 2>>err || bad="$bad json"
		[ "$got" = "0 0 0 0 0 0" ] || { bad="$bad exit-statuses-$got"; tail -n 30 err; }
		pv-net "${opt[@]}" <packets.pve | pv-dns --public-suffix-list "${opt[@]}" | pv-dhcp | pv-bgp >batches.pve
		cmp -s <(events exact.pve) <(events batches.pve) || bad="$bad other-events"
	done
	is "$name: every event alone" "$bad" ""
done < <(captures)
