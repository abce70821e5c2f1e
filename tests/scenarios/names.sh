# SPDX-License-Identifier: MPL-2.0
# Whatever bytes names, host names and addresses hold, the output is strict JSON in valid UTF-8, and a terminal sees no control characters.
. "$TESTS/lib/sh.sh"

strict() { python3 "$TESTS/lib/strictjson.py"; }

for f in "$CAPTURES"/dns-odd-names.pcap "$CAPTURES"/dns-ecs.pcap "$CAPTURES"/dhcp?.pcap \
	"$CAPTURES"/hostile/dns-*.pcap "$CAPTURES"/hostile/dhcp*.pcap; do
	name=$(capture_name "$f")
	bad=$(pktvisor-reader --periods 1 --enable all --topn 1000 "$f" 2>&1 | strict)
	bad=$bad$(pv-capture -r "$f" | pv-net | pv-dns | pv-dhcp | pv-cat --json | strict)
	table=$(pktvisor-reader --table --enable all "$f" 2>&1)
	[ "$(printf '%s' "$table" | LC_ALL=C.UTF-8 tr -d '\n' | LC_ALL=C grep -caP '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]')" -eq 0 ] ||
		bad="$bad control characters in the table"
	printf '%s' "$table" | iconv -f UTF-8 -t UTF-8 >/dev/null 2>&1 || bad="$bad the table is no UTF-8"
	is "$name: strict JSON, clean table" "$bad" ""
done

# The name in an announcement comes from the command line, the name of a file from the disc.
odd=$(printf 'a"b\\c\td\377e\033[31m\302\233\355\240\200')
cp "$CAPTURES/dns-ecs.pcap" "$odd.pcap"
bad=$(pv-capture -r "$odd.pcap" | pv-dns --name "$odd" | pv-cat --json | strict)
is "odd bytes in a file's and in a handler's name: strict JSON of events" "$bad" ""
bad=$(pv-capture -r "$odd.pcap" | pv-dns --name "$odd" | pv-window --json | strict)
is "odd bytes in a handler's name: strict JSON of the window" "$bad" ""
bad=$(pv-capture -r "$odd.pcap" | pv-dns --name "$odd" | pv-window | pv-cat --json | strict)
is "odd bytes in a handler's name: strict JSON of buckets" "$bad" ""

# Distinct names stay distinct, and the names are those of the facts.
queries=$(awk -F'\t' '$1 == "dns-odd-names.pcap" && $2 == "distinct_query_names_any_case" { print $3 }' "$CAPTURES/FACTS.tsv")
got=$(pv-capture -r "$CAPTURES/dns-odd-names.pcap" | pv-dns --only-queries | pv-cat --json -t dns | jq -c 'select(.filtered | not) | .qname' | sort -u | wc -l)
is "every distinct odd name is printed in a way of its own" "$got" "$queries"
