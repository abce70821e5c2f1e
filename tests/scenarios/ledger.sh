# SPDX-License-Identifier: MPL-2.0
# Every stage says what became of everything it was given, and it adds up. What the source received is what tcpdump counts.
# Long: thousands of processes.
. "$TESTS/lib/sh.sh"

# stream NAME HOW EXPECTED-PACKETS < EVENTS: for balance.py
stream() {
	printf '{"type": "case", "name": "%s", "how": "%s", "want": "%s"}\n' "$@"
	pv-cat --json -t stop,stage,net,dns,dhcp,bgp
}

# Without filters, and with some: each rejects a part of one capture and all of another.
pipelines=(
	"pv-net | pv-dns | pv-dhcp | pv-bgp"
	"pv-dhcp --only"
	"pv-net --geoloc-notfound ${GEO[*]} | pv-dns --only-qname-suffix example.org --chain | pv-dhcp"
	"pv-dns --only-rcode NXDOMAIN | pv-net --only-asn-number 64496 ${GEO[*]} --chain | pv-dhcp --chain"
	"pv-dns --only-qtype A,AAAA --only-queries --only"
)

# tcpdump's count: for ours from the table, for the others now; '-' where tcpdump gives up
expected() {
	case $1 in
	shared/*) tcpdump --count -nr "$2" 2>/dev/null | awk '/packets?$/ { print $1 }' ;;
	*) awk -F'\t' -v f="$1" '$1 == f { print $2 }' "$CAPTURES/EXPECTED.tsv" ;;
	esac
}

n=0
while read -r f; do
	name=$(capture_name "$f")
	want=$(expected "$name" "$f")
	[ -n "$want" ] || { not_ok "$name is in EXPECTED.tsv"; continue; } >&3
	pv-capture -r "$f" -H "$HOSTS" >packets.pve 2>err
	if [ -s packets.pve ]; then
		stream "$name" pv-capture "$want" <packets.pve
		# sanitizers take their time: all filters for every capture, what they reject for every fourth
		some=${#pipelines[@]}
		case $BUILD in */release*) ;; *) [ $((n++ % 4)) -eq 0 ] || some=1 ;; esac
		for p in "${pipelines[@]:0:some}"; do eval "$p" <packets.pve | stream "$name" "$p" "$want"; done
	elif [ "$want" = - ] || grep -q 'cannot decode link type' err; then
		ok "$name is refused where tcpdump refuses it, or for its link type" >&3
	else
		{ cat err; not_ok "$name is refused where tcpdump refuses it, or for its link type"; } >&3
	fi
done 3>cases < <(captures) | python3 "$TESTS/lib/balance.py"
cat cases
