# SPDX-License-Identifier: MPL-2.0
# The filters of pv-dns and pv-net on our captures. How many messages each must keep was counted with tshark, once, by other means than
# ours: from its dissection of every message (type, code, counts, names, addresses), not from its own DNS statistics.
. "$TESTS/lib/sh.sh"

G="${GEO[*]}"

# kept OPTIONS CAPTURE [CAPTURE-OPTIONS]: messages that pass, and those that came
kept() {
	# shellcheck disable=SC2086
	pv-capture -r "$CAPTURES/$2.pcap" ${3:-} | pv-dns $1 --only | tee filtered.pve | pv-cat --json -t dns |
		jq -s -r '"\([.[] | select(.filtered | not)] | length) of \(length)"'
}

while read -r capture want of options; do
	is "$capture: pv-dns $options keeps $want of $of" "$(kept "$options" "$capture")" "$want of $of"
	is "$capture: pv-window counts them so after $options" \
		"$(pv-window --json --periods 1 <filtered.pve | jq -r '.["1m"].dns.wire_packets | "\(.total) \(.filtered) \(.events)"')" \
		"$want $((of - want)) $of"
done <<-'END'
	dns-udp4	533	906	--exclude-noerror
	dns-udp4	502	906	--only-rcode NXDOMAIN
	dns-udp4	502	906	--only-rcode 3
	dns-udp4	517	906	--only-rcode nxdomain,5
	dns-udp4	826	906	--only-rcode NOERROR
	dns-udp4	453	906	--only-rcode BADVERS
	dns-udp4	533	906	--exclude-noerror --only-rcode NOERROR
	dns-udp4	453	906	--only-queries
	dns-udp4	453	906	--only-responses
	dns-udp4	0	906	--only-queries --only-responses
	dns-udp4	568	906	--answer-count 0
	dns-udp4	464	906	--answer-count 2
	dns-udp4	488	906	--answer-count 0 --only-rcode 0
	dns-udp4	156	906	--only-qtype AAAA
	dns-udp4	236	906	--only-qtype aaaa,TxT,65
	dns-udp4	50	906	--only-qtype NS,PTR
	dns-udp4	150	906	--only-qname www.example.com
	dns-udp4	186	906	--only-qname WWW.Example.COM,host.test.
	dns-udp4	0	906	--only-qname example.co
	dns-udp4	494	906	--only-qname-suffix example.com
	dns-udp4	466	906	--only-qname-suffix .Example.com
	dns-udp4	498	906	--only-qname-suffix com
	dns-udp4	0	906	--only-qname-suffix ample.com
	dns-udp4	190	906	--only-qname-suffix .example.co.uk,test
	dns-udp4	3	906	--only-qname-suffix example.com --only-qtype AAAA --only-responses --only-rcode 3
	dns-udp4	73	906	--only-queries --only-qname-suffix example.org
	dnssec	59	88	--only-dnssec-response
	dnssec	15	88	--only-dnssec-response --only-responses
	dns-tcp4	73	1050	--only-rcode NXDOMAIN --only-responses
	dns-tcp4	192	1050	--only-qname-suffix .example.org
	dns-tcp4	2	1050	--only-qtype AXFR
	dns-tcp4	1	1050	--answer-count 35 --only-responses
	dns-udp4	906	906	--recorded-stream
	dns-udp4	906	906	--dnstap-msg-type auth
	dns-udp4	906	906	--public-suffix-list
END

# Of the client subnets of dns-ecs.pcap, 8.8.8.0/24, 2a00::/32 (three times each), 0.0.0.0/0, ::/0 and 198.51.240.0/20 are in neither test database,
# and 172.20.48.0/20 (three times) only in that of the cities.
is "queries whose subnet has no place" "$(kept "$G --geoloc-notfound" dns-ecs)" "9 of 212"
is "queries whose subnet has no network" "$(kept "$G --asn-notfound" dns-ecs)" "12 of 212"
is "queries whose subnet has neither" "$(kept "$G --geoloc-notfound --asn-notfound" dns-ecs)" "9 of 212"
is "without a database nothing is known to be unknown" "$(kept "--geoloc-notfound" dns-ecs)" "0 of 212"
is "and one database does not stand for the other" "$(kept "${GEO[*]:0:2} --asn-notfound" dns-ecs)" "0 of 212"

# Directions of transactions: 150 of the 453 clients' questions come from 198.51.100.0/24, all go to 192.0.2.53.
is "transactions in" "$(kept "--only-xact-directions in" dns-udp4 "-H 192.0.2.53/32")" "906 of 906"
is "transactions out" "$(kept "--only-xact-directions out" dns-udp4 "-H 198.51.100.0/24")" "300 of 906"
is "transactions of unknown direction" "$(kept "--only-xact-directions unknown" dns-udp4 "-H 198.51.100.0/24")" "606 of 906"
is "transactions either way" "$(kept "--only-xact-directions in,out" dns-udp4 "-H 198.51.100.0/24")" "300 of 906"

# How long a response is waited for. 93 questions, six of them sent twice; the answers come after delays that slowdns.py chose: 60 within 4.8 s, three each
# after 5.2, 6, 7 and 9 s, 21 never.
# waited OPTIONS: timeouts, and responses that found their query
waited() {
	# shellcheck disable=SC2086
	pv-capture -r "$CAPTURES/dns-timeout.pcap" | pv-dns $1 --only | pv-cat --json -t dns,dns_timeout |
		jq -s -r '"\([.[] | select(.type == "dns_timeout")] | length) \([.[] | select(.type == "dns" and .xact == 1)] | length)"'
}
is "five seconds are waited" "$(waited "")" "33 60"
is "250 ms" "$(waited "--xact-ttl-ms 250")" "51 42"
is "3 s" "$(waited "--xact-ttl-secs 3")" "39 54"
is "milliseconds win over seconds" "$(waited "--xact-ttl-secs 3 --xact-ttl-ms 250")" "51 42"
is "30 s: longer than the capture, so nothing has timed out" "$(waited "--xact-ttl-secs 30")" "0 72"

# Names below their public suffix: 52 times shop.example.co.uk, 10 times example.co.uk, 8 times old.shop.example.co.uk.
# qname2 OPTIONS NAME
qname2() {
	# shellcheck disable=SC2086
	pv-capture -r "$CAPTURES/dns-udp4.pcap" | pv-dns $1 --only | pv-window --json --periods 1 --topn 100 |
		jq --arg n "$2" '[.["1m"].dns.top_qname2[] | select(.name == $n) | .estimate] | add // 0'
}
is "two labels without a list of public suffixes" "$(qname2 "" .co.uk)" 70
is "the label below the public suffix with it" "$(qname2 --public-suffix-list .example.co.uk)" 60
is "and nothing below the bare suffix" "$(qname2 --public-suffix-list .co.uk)" 0
is "a suffix that was asked for is left alone, too" "$(qname2 "--only-qname-suffix .example.co.uk" .shop.example.co.uk)" 8

# A transaction's half that a filter rejects is no orphan for the other half.
is "responses keep their query where only responses are wanted" "$(pv-capture -r "$CAPTURES/dns-udp4.pcap" | pv-dns --only-responses --only |
	pv-cat --json -t dns | jq -s '[.[] | select((.filtered | not) and .xact == 1)] | length')" 453

# ---- chains --------------------------------------------------------------------------------------------------

# chain CAPTURE FILTERS...: "packets of net, messages of dns, DHCP packets" that the stages behind pv-dns saw
chain() {
	local f=$1; shift
	pv-capture -r "$CAPTURES/$f.pcap" | pv-dns "$@" --chain | pv-net | pv-dhcp | pv-window --json --periods 1 --modules net,dns,dhcp |
		jq -r '.["1m"] | "\(.packets.total) \(.dns.wire_packets.total) \(.dhcp.wire_packets.total)"'
}
udp=146 # messages of dns-udp4.pcap for names below example.org
is "behind pv-dns --chain pv-net sees the accepted packets" "$(chain dns-udp4 --only-qname-suffix .example.org)" "$udp $udp 0"
is "a message from TCP counts as one packet" "$(chain dns-tcp4 --only-qname-suffix .example.org)" "192 192 0"
is "without filters, every message is a packet" "$(chain dns-tcp4)" "1050 1050 0"
is "what is no DNS is withheld" "$(chain dhcp4)" "0 0 0"
is "without --chain everything goes on" "$(pv-capture -r "$CAPTURES/dns-tcp4.pcap" | pv-dns --only-qname-suffix .example.org | pv-net |
	pv-window --json --periods 1 --modules net,dns | jq -r '.["1m"] | "\(.packets.total) \(.dns.wire_packets.total)"')" "1590 192"
is "a second pv-dns behind the first reads the messages again" "$(pv-capture -r "$CAPTURES/dns-tcp4.pcap" |
	pv-dns --only-qname-suffix .example.org --chain --name first | pv-dns --only-qtype A --name second | pv-cat --json -t dns |
	jq -s -r 'group_by(.stage) | map("\(length) \([.[] | select(.filtered | not)] | length)") | join(", ")')" "1050 192, 192 142"
is "packets made from messages carry the direction and the ports of the connection" "$(pv-capture -r "$CAPTURES/dns-tcp4.pcap" -H 192.0.2.53/32 |
	pv-dns --only-queries --chain | pv-net --only | pv-cat --json -t net | jq -r '"\(.dir) \(.dport) \(.l4)"' | sort | uniq -c | xargs)" "525 in 53 2"

# ---- pv-net: the remote end of dns-udp4.pcap is 198.51.100.21 and 203.0.113.31, 300 packets each, and 192.0.2.11, 306 -----------

# net FILTERS...: packets that pass, and that came
net() {
	# shellcheck disable=SC2086
	pv-capture -r "$CAPTURES/dns-udp4.pcap" -H 192.0.2.53/32 | pv-net $G "$@" | pv-cat --json -t net |
		jq -s -r '"\([.[] | select(.filtered | not)] | length) of \(length)"'
}
is "no filter" "$(net)" "906 of 906"
is "packets of a country" "$(net --only-geoloc-prefix "NA/United States")" "300 of 906"
is "packets of a continent" "$(net --only-geoloc-prefix OC)" "300 of 906"
is "packets of either" "$(net --only-geoloc-prefix "OC,NA/United States/CA/San Diego")" "600 of 906"
is "packets of no such place" "$(net --only-geoloc-prefix "AN/Penguins")" "0 of 906"
is "packets of a network" "$(net --only-asn-number 64498)" "300 of 906"
is "a network's number is compared whole" "$(net --only-asn-number 6449)" "0 of 906"
is "packets of networks" "$(net --only-asn-number 64498,65551)" "600 of 906"
is "a place and a network must both fit" "$(net --only-geoloc-prefix OC --only-asn-number 64498)" "0 of 906"
is "packets of unknown places" "$(net --geoloc-notfound)" "0 of 906"
is "packets of unknown networks" "$(net --asn-notfound)" "0 of 906"
is "or of unknown places" "$(net --geoloc-notfound --only-geoloc-prefix OC)" "300 of 906"
is "without a host set there is no remote end" "$(pv-capture -r "$CAPTURES/dns-udp4.pcap" | pv-net "${GEO[@]}" --only-geoloc-prefix OC |
	pv-cat --json -t net | jq -s '[.[] | select(.filtered | not)] | length')" 0
is "behind pv-net --chain pv-dns sees the accepted packets" "$(pv-capture -r "$CAPTURES/dns-udp4.pcap" -H 192.0.2.53/32 |
	pv-net "${GEO[@]}" --only-asn-number 64498 --chain | pv-dns | pv-cat --json -t dns | jq -s length)" 300
