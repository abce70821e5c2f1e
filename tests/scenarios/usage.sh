# SPDX-License-Identifier: MPL-2.0
# What a program says when it is asked, and when it is asked wrongly: where it says it, in how many words, and how it ends.
. "$TESTS/lib/sh.sh"

ALL=(pv-bgp pv-capture pv-cat pv-dhcp pv-dns pv-dnstap pv-flow pv-module pv-net pv-probe pv-serve pv-window
	pktvisor-reader pktvisor-pcap)
CAP=$CAPTURES/dhcp4.pcap
cp "$CAP" file.pcap
cp "$CAPTURES/link/unsupported-user0.pcap" odd-link.pcap
pv-capture -r file.pcap >file.pve
echo "a list, not a map" >file.csv

# ---- asked ---------------------------------------------------------------------------------------------

for p in "${ALL[@]}"; do
	status 0 "$p --help ends with 0" $p --help
	like "$p --help: how to use it, on stdout" "$(cat out)" "^usage: ${p/pcap/(pcap|reader)} "
	is "$p --help: nothing on stderr" "$(cat err)" ""
	$p -h >out2 2>/dev/null
	same "$p -h is --help" out2 out
	status 0 "$p --version ends with 0" $p --version
	like "$p --version: name and version; programs of old say the product's name" "$(cat out)" '^(pv-[a-z]+|pktvisor) [0-9]+\.[0-9]+\.[0-9]+$'
	status 2 "$p: an option it does not have is wrong usage" $p --no-such-option
	is "$p: and nothing is on stdout" "$(cat out)" ""
	like "$p: the first line says what is wrong" "$(head -n 1 err)" "^(pv-[a-z]+|pktvisor-reader): unknown option '--no-such-option'$"
	like "$p: then how to use it, in short" "$(sed -n 2p err)" '^usage: '
	if [ "$(wc -l <err)" -le 5 ]; then ok "$p: and not more"; else cat err; not_ok "$p: and not more"; fi
	status 2 "$p: -@ is wrong, too" $p -@
done

# ---- asked wrongly ---------------------------------------------------------------------------------------

# wrong STATUS REGEX COMMAND...: exactly one line that matches; behind wrong usage the short usage may follow
wrong() {
	local want=$1 regex=$2 got; shift 2
	"$@" </dev/null >out 2>err; got=$?
	if [ $got -eq "$want" ] && head -n 1 err | grep -qE -- "^(${1/pcap/reader}): $regex$" && [ ! -s out ] &&
		{ [ "$(wc -l <err)" -eq 1 ] || { [ "$want" -eq 2 ] && sed -n 2p err | grep -q '^usage: '; }; }; then
		ok "$* ends with $want and the right words"
	else
		echo "exit status $got, not $want; stderr, wanted '$regex':"; cat err; head -c 200 out
		not_ok "$* ends with $want and the right words"
	fi
}

wrong 2 "wants an interface or -r FILE.*" pv-capture
wrong 2 "wants an interface or -r FILE, not both.*" pv-capture -r file.pcap lo
wrong 2 "--mock makes packets up: only -c, -t and -v go with it" pv-capture --mock lo
wrong 2 "--mock makes packets up: only -c, -t and -v go with it" pv-capture --mock -r file.pcap
wrong 2 "--mock makes packets up: only -c, -t and -v go with it" pv-capture --mock -b 'udp port 53'
wrong 2 "--mock makes packets up: only -c, -t and -v go with it" pv-capture --mock -H 10.0.0.0/8
wrong 2 "--mock makes packets up: only -c, -t and -v go with it" pv-capture --mock -s 96
wrong 2 "--mock makes packets up: only -c, -t and -v go with it" pv-capture --mock --decap gre
wrong 2 "unexpected argument 'eth1'" pv-capture eth0 eth1
wrong 2 "-r requires an argument" pv-capture -r
wrong 2 "-r is given twice" pv-capture -r a -r b
wrong 2 "-c: not a number: 'many'" pv-capture -c many -r file.pcap
wrong 2 "-c: not a number: '-1'" pv-capture -c -1 -r file.pcap
wrong 2 "-c: 0 is less than 1" pv-capture -c 0 -r file.pcap
wrong 2 "-c: not a number: '99999999999999999999'" pv-capture -c 99999999999999999999 -r file.pcap
wrong 2 "-s: 999999999 is not between 1 and 262144" pv-capture -s 999999999 -r file.pcap
wrong 2 "-t: not a duration: '5 parsecs'.*" pv-capture -t "5 parsecs" -r file.pcap
wrong 2 "-t: not a duration: '0'.*" pv-capture -t 0 -r file.pcap
wrong 2 "'file.pcap' is a file; -r reads it" pv-capture file.pcap
wrong 2 "--buffer: not a size: 'big'.*" pv-capture --buffer big -r file.pcap
wrong 2 "unknown tunnel 'teredo'; there are: gre, ipip, vxlan" pv-capture --decap gre,teredo -r file.pcap
wrong 2 "--no-promiscuous takes no argument" pv-capture --no-promiscuous=no -r file.pcap
wrong 1 "cannot read 'no-such-file': No such file or directory" pv-capture -r no-such-file
wrong 1 "cannot read '\.': .*Is a directory" pv-capture -r .
wrong 1 "cannot use filter 'port or': .*" pv-capture -b "port or" -r file.pcap
wrong 1 "cannot decode link type 147 \(unknown\) of 'odd-link.pcap'" pv-capture -r odd-link.pcap
for spec in 300.0.0.1/8 10.0.0.0/33 10.0.0.0/-1 2001:db8::/129 10.0.0.0/8,nonsense example.org/24 1.2.3/8 10.0.0.0/ /8; do
	for p in "pv-capture -r" pktvisor-reader; do
		wrong 2 "-H: invalid (CIDR|IPv[46] address): .*" $p file.pcap -H "$spec"
	done
done
wrong 1 ".*no-such-interface.*" pv-capture no-such-interface
wrong 1 ".*192\.0\.2\.254.*" pv-capture 192.0.2.254

wrong 1 "cannot open 'no-such-file': No such file or directory" pv-cat no-such-file
wrong 2 "unknown event type 'dsn'; there are: start stop .*" pv-cat -t dns,dsn file.pve
wrong 2 "--json, --count and --check exclude each other" pv-cat --json --count file.pve
wrong 1 "cannot read input '\.': Is a directory" pv-cat .
wrong 3 "input 'file.pcap' damaged at byte 0: not an event stream" pv-cat --check file.pve file.pcap

wrong 2 "an argument is missing" pv-probe
wrong 2 "'http://192.0.2.1/': wants HOST, or tcp://HOST:PORT" pv-probe http://192.0.2.1/
wrong 2 "'tcp://192.0.2.1': a port is wanted, as in tcp://host:443" pv-probe tcp://192.0.2.1
wrong 2 "--device-map: file.csv: wants a map, of addresses of devices" pv-flow --device-map file.csv file.pcap
wrong 2 "--type: unknown type 'pigeon'; there are: any, sflow, netflow, ipfix" pv-flow --type pigeon file.pcap
wrong 2 "--input one: wants POLICY=FIFO or POLICY=unix:PATH" pv-serve -p 0 --input one
wrong 2 "--check wants --config FILE" pktvisord --check agent.yaml
wrong 1 "--tls-ca nowhere.pem: No such file or directory" pktvisor-cli --tls-ca nowhere.pem --once

wrong 2 "an argument is missing" pktvisor-reader
wrong 2 "unexpected argument 'b'" pktvisor-reader a b
wrong 2 "unexpected argument 'b'" pktvisor-pcap a b
wrong 1 "cannot read 'file.pcap': data frame without a START control frame" pktvisor-reader -i dnstap file.pcap
wrong 2 "-b is for packets: it does not go with -i dnstap" pktvisor-reader -i dnstap -b port\ 53 file.pcap
wrong 2 "wants one of FILE, --socket PATH and --tcp HOST:PORT" pv-dnstap
wrong 2 "wants one of FILE, --socket PATH and --tcp HOST:PORT" pv-dnstap --tcp a:1 file
wrong 1 "cannot read '/nowhere': No such file or directory" pv-dnstap /nowhere
wrong 1 "cannot read 'file.pcap': data frame without a START control frame" pv-dnstap file.pcap
wrong 2 "--tcp: invalid tcp address specification, use HOST:PORT" pv-dnstap --tcp ::1:53
wrong 2 "--tcp: unable to parse tcp address specification, use HOST:PORT" pv-dnstap --tcp localhost:dns
wrong 2 "--only-hosts: invalid CIDR: 10.0.0.0/33" pv-dnstap --only-hosts 10.0.0.0/33 file.pcap
wrong 2 "--socket-mode: not an octal mode like 0660: '0999'" pv-dnstap --socket /tmp/x --socket-mode 0999
wrong 2 "--clients: 0 is not between 1 and 10000" pv-dnstap --clients 0 file.pcap
wrong 1 "cannot listen on '/nowhere/x': No such file or directory" pv-dnstap --socket /nowhere/x
wrong 1 "unable to bind to 192.0.2.99:6000: Cannot assign requested address" pv-dnstap --tcp 192.0.2.99:6000
wrong 2 "-i: unknown input type 'pigeon'.*" pktvisor-reader -i pigeon file.pcap
wrong 1 "cannot read 'no-such-file': No such file or directory" pktvisor-reader no-such-file
wrong 1 "cannot use filter 'port or': .*" pktvisor-reader -b "port or" file.pcap
wrong 1 "cannot decode link type 147 \(unknown\) of 'odd-link.pcap'" pktvisor-reader odd-link.pcap
wrong 1 "no-such-file: .*" pktvisor-reader --geo-city no-such-file file.pcap
wrong 1 "file.pcap: .*" pktvisor-reader --geo-asn file.pcap file.pcap
wrong 1 "no-such-file: .*" pv-net --geo-asn no-such-file
wrong 1 "no-such-file: .*" pv-dns --geo-city no-such-file
status 0 "pktvisor-reader -i PCAP: the word is taken in any case" pktvisor-reader -i PCAP file.pcap

for p in pv-window "pktvisor-reader file.pcap"; do
	read -r tool operand <<<"$p"
	wrong 2 "--periods: 11 is not between 1 and 10" $tool --periods 11 $operand
	wrong 2 "--periods: 0 is not between 1 and 10" $tool --periods 0 $operand
	wrong 2 "--max-deep-sample: 101 is not between 1 and 100" $tool --max-deep-sample 101 $operand
	wrong 2 "--topn: 0 is not between 1 and 1000" $tool --topn 0 $operand
	wrong 2 "unknown module 'ftp'; there are: net:1.0 net:2.0 connections:1.0 dns:1.0 dns:2.0 .*" $tool --modules ftp $operand
	wrong 2 "unknown module 'dns:9.9'; there are: .*" $tool --modules net,dns:9.9 $operand
	wrong 2 "dns_top_wired is an invalid/unsupported metric group\. The valid groups are: all, cardinality, counters, dns_transaction, histograms, quantiles, top_ecs, top_ports, top_qnames, top_qnames_details" \
		$tool --modules dns --enable top_qnames,dns_top_wired $operand
	wrong 2 "top_qnames is an invalid/unsupported metric group\. The valid groups are: all, cardinality, counters, top_geo, top_ips" \
		$tool --modules net --disable top_qnames $operand
done
for two in "--json --table" "--json --prometheus" "--table --prometheus" "--prometheus --otlp"; do
	wrong 2 "--json, --table, --prometheus and --otlp exclude each other" pv-window $two
done
wrong 2 "--policy is a label of --prometheus and --otlp" pv-window --json --policy x
wrong 2 "--prom-instance is a label of --prometheus and --otlp" pv-window --prom-instance x
wrong 2 "unexpected argument 'x'" pv-window x
pv-window --json <file.pve >out 2>err
is "packets alone are nothing to count" "$? $(cat out)" '0 {"5m":{}}'
one_line "which is said" err '^pv-window: no analyser that is known here announced itself: pv-net, pv-dns or another goes in front of pv-window$'
pv-dns <file.pve | pv-window --json --disable all >out 2>err
is "nor are analysers without metrics" "$? $(cat out)" '0 {"5m":{}}'
one_line "which is another mistake" err '^pv-window: all metric groups are off: there is nothing to show$'
pv-dns <file.pve | pv-serve -p 0 --exit-with-input 2>err
like "events that are no buckets are nothing to serve: that is said" "$(tail -n 1 err)" "^pv-serve: policy 'default': the input has ended, without buckets: pv-window makes them$"
pv-window --json <file.pve 2>/dev/null | pv-dns 2>err
one_line "text is no event stream, however short" err '^pv-dns: input damaged at byte 0: not an event stream$'

# ---- no value is cut or ignored in silence ----------------------------------------------------------------------

echo '{visor: {}}' >empty.yaml
while IFS='|' read -r words command; do
	[ -z "$command" ] || eval "wrong 2 \"$words\" $command"
done <<-'END'
	--buffer: 4095 is not between 4K and 2047M|pv-capture --buffer 4095 lo
	--buffer: 2048M is not between 4K and 2047M|pv-capture --buffer 2048M lo
	--buffer: 100G is not between 4K and 2047M|pv-capture --buffer 100G lo
	--buffer and --no-promiscuous are for interfaces: they do not go with -r|pv-capture --buffer 1M -r file.pcap
	--buffer and --no-promiscuous are for interfaces: they do not go with -r|pv-capture --no-promiscuous -r file.pcap
	--decap: there is nothing in the list|pv-capture --decap '' -r file.pcap
	-H: there is nothing in the list|pv-capture -H '' -r file.pcap
	--payload-port: not a port: '65536'|pv-capture --payload-port 65536 -r file.pcap
	-t: there is nothing in the list|pv-cat -t , file.pve
	--check looks at every event: --type does not go with it|pv-cat --check --type net file.pve
	--clients and --idle go with --socket and --tcp|pv-dnstap --clients 5 file.pcap
	--clients and --idle go with --socket and --tcp|pv-dnstap --idle 5s file.pcap
	--socket-mode goes with --socket|pv-dnstap --socket-mode 600 file.pcap
	--socket-mode goes with --socket|pv-dnstap --socket-mode 600 --tcp 127.0.0.1:1
	--clients: 10001 is not between 1 and 10000|pv-dnstap --clients 10001 --tcp 127.0.0.1:1
	--buffer: 2G is not between 4K and 1G|pv-flow --bind 127.0.0.1 -p 1 --buffer 2G
	--buffer: 0 is not between 4K and 1G|pv-flow --bind 127.0.0.1 -p 1 --buffer 0
	--template-memory: 1K is not between 64K and 1G|pv-flow --template-memory 1K file.pcap
	--template-memory: 100G is not between 64K and 1G|pv-flow --template-memory 100G file.pcap
	--bind: not an address to listen on: 'nonsense'|pv-flow --bind nonsense -p 1
	--duration, --count, --sockets and --buffer go with --bind|pv-flow --buffer 1M file.pcap
	--sockets: 17 is not between 1 and 16|pv-flow --bind 127.0.0.1 -p 1 --sockets 17
	--name: wants 1 to 127 bytes|pv-net --name ''
	--name: wants 1 to 127 bytes|pv-dns --name $(printf 'x%.0s' {1..128})
	--answer-count: .* answer_count must be at most 65535|pv-dns --answer-count 65536
	--xact-ttl-ms: xact_ttl_ms must be between 1 and 86400000|pv-dns --xact-ttl-ms 86400001
	--xact-ttl-secs: xact_ttl_secs must be between 1 and 86400|pv-dhcp --xact-ttl-secs 86401
	--geo-cache-size: 1048577 is not between 0 and 1048576|pv-net --geo-cache-size 1048577
	-s: 65501 is not between 8 and 65500|pv-probe -s 65501 192.0.2.1
	-i: 4294967296 is not between 1 and 4294967295|pv-probe -i 4294967296 192.0.2.1
	--timeout-ms 2000 is more than --interval-ms 100|pv-probe -i 100 192.0.2.1
	-p: 65536 is not between 0 and 65535|pv-serve -p 65536
	--tls-cert and --tls-key go with --tls|pv-serve -p 0 --tls-cert file.pcap
	--tls-cert and --tls-key go with --tls|pv-serve -p 0 --tls-key file.pcap
	--summary is --periods 1: one of the two|pv-window --summary --periods 5
	--summary is --periods 1: one of the two|pktvisor-reader --summary --periods 5 file.pcap
	--summary is --periods 1: one of the two|pktvisord --summary --periods 5 file.pcap
	unknown module 'ftp'|pv-window --list-metrics --modules net,ftp
	unknown module 'dns:9.9'|pv-window --list-metrics --modules dns:9.9
	--once and --json exclude each other|pktvisor-cli --once --json
	--size is the size of the picture of --once|pktvisor-cli --json --size 80x24
	--tls-ca and --tls-noverify exclude each other|pktvisor-cli --once --tls-ca file.pcap --tls-noverify
	--workers: 17 is not between 1 and 16|pktvisord --workers 17 lo
END
# pktvisord says in its log what settings of a file may have to do with
while IFS='|' read -r words options; do
	# shellcheck disable=SC2086
	status 1 "pktvisord $options makes no sense" pktvisord -p 0 $options
	like "which is said" "$(cat err)" "\[error\] $words$"
done <<-END
	--tls-cert and --tls-key go with --tls|--admin-api --tls-key file.pcap
	you must specify --tls-key and --tls-cert to use --tls|--admin-api --tls
	you must specify --tls-key and --tls-cert to use --tls|--admin-api --tls --config empty.yaml
	--summary is for saved captures: .*|--summary lo
	Nothing to do: .*|
END
# what the original took and had no use for
status 0 "-b and -H without anything that they are for" pktvisord --check --config empty.yaml -b udp -H 10.0.0.0/8
like "is said" "$(cat err)" "\[warning\] -b and -H go with IFACE or FILE.pcap: there is none, they do nothing$"
status 0 "pktvisor-reader -H without subnets is pktvisor-reader without -H" pktvisor-reader -H '' file.pcap
like "which is said" "$(cat err)" "^pktvisor-reader: -H: there is nothing in the list: no address is ours$"
pktvisor-reader -i dnstap -H 10.0.0.0/8 "$CAPTURES/dnstap/knot.dnstap" >out 2>err
like "-H for dnstap is said to do nothing" "$(cat err)" "^pktvisor-reader: -H does nothing: "
pktvisor-reader -i netflow -H 10.0.0.0/8 "$CAPTURES/flow/softflowd-v10.pcap" >out 2>err
like "and for flows" "$(cat err)" "^pktvisor-reader: -H does nothing: "
pktvisor-reader --iana-service-port-registry nowhere file.pcap >out 2>err
like "so are names of services for packets" "$(cat err)" "^pktvisor-reader: names of services do nothing: "
modules=$BUILD/modules
if [ -d "$modules" ]; then
	cp -r "$modules" mods; chmod go-w mods mods/*
	wrong 2 "--input is what a source reads: 'ntp' is an analyser" pv-module --module-dir mods -i x ntp
	wrong 2 "--only, --chain and --name are for analysers: 'cpu' is a source" pv-module --module-dir mods --only cpu
fi

# ---- filters: the words of the handlers' own documentation --------------------------------------------------

# filter TOOL OPTION VALUE TEXT
filter() { wrong 2 "$2: $4" "$1" "$2" "$3"; }
filter pv-dns --only-rcode wrong "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode: wrong"
filter pv-dns --only-rcode 3,133 "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode: 133"
filter pv-dns --only-rcode 65539 "DnsStreamHandler: only_rcode filter contained an invalid/unsupported rcode: 65539"
filter pv-dns --answer-count some "DnsStreamHandler: wrong value type for answer_count filter\. It should be an integer"
filter pv-dns --answer-count -1 "DnsStreamHandler: wrong value type for answer_count filter\. It should be an integer"
filter pv-dns --only-qtype AAAA,TEXT "DnsStreamHandler: only_qtype filter contained an invalid/unsupported qtype: TEXT"
filter pv-dns --only-qtype AAAA,270 "DnsStreamHandler: only_qtype filter contained an invalid/unsupported qtype: 270"
filter pv-dns --dnstap-msg-type sender "DnsStreamHandler: dnstap_msg_type contained an invalid/unsupported type\. Valid types: auth, client, forwarder, resolver, stub, tool, update"
filter pv-dns --xact-ttl-ms soon "wrong type for key: xact_ttl_ms"
filter pv-dns --xact-ttl-secs -3 "wrong type for key: xact_ttl_secs"
filter pv-dns --only-xact-directions up "DnsStreamHandler: only_xact_directions filter contained .*: up"
filter pv-dns --only-rcode "" ".*only_rcode.*"
filter pv-dns --only-qtype "" ".*only_qtype.*"
filter pv-dns --only-qname "" ".*only_qname.*"
filter pv-dns --only-qname-suffix "" ".*only_qname_suffix.*"
filter pv-net --only-asn-number AS64496 "NetStreamHandler: only_asn_number filter contained an invalid/unsupported value: AS64496"
filter pv-net --only-asn-number 1,2x "NetStreamHandler: only_asn_number filter contained an invalid/unsupported value: 2x"
filter pv-net --only-asn-number 99999999999 "NetStreamHandler: only_asn_number filter contained an invalid/unsupported value: 99999999999"
wrong 2 "--only-queries takes no argument" pv-dns --only-queries=1
wrong 2 "--only-queries is given twice" pv-dns --only-queries --only-queries
wrong 2 "'--only-qn' is not a unique prefix: --only-qname, --only-qname-suffix" pv-dns --only-qn x
pv-dns --only-rc NXDOMAIN,3 --only-qname-s a.example,b.example --only-qtype aaaa,TxT,15 <file.pve | pv-cat --check
is "names in any case, numbers, unique prefixes of options" "${PIPESTATUS[*]}" "0 0"

# ---- terminals -----------------------------------------------------------------------------------------------

# on_terminal COMMAND: all three streams are one terminal; its exit status in got, its text in out
on_terminal() {
	script -qec "$1" /dev/null </dev/null >out 2>&1; got=$?
	tr -d '\r' <out >out2
}
for p in "pv-capture -r file.pcap" "pv-cat file.pve" "pv-net <file.pve" "pv-dns <file.pve" "pv-dhcp <file.pve" "pv-bgp <file.pve" "pv-window <file.pve"; do
	add="'\| pv-window --table' or '\| pv-cat --json'"
	[ "${p%% *}" != pv-window ] || add="--table or --json"
	on_terminal "$p"
	is "$p: no events on a terminal" "$got" 2
	one_line "$p: and what to add is said" out2 "^${p%% *}: events are not for a terminal; add $add$"
done
for p in pv-net pv-dns pv-dhcp pv-bgp pv-cat pv-window "pv-window --json" "pv-window --prometheus" pv-serve; do
	case $p in
	pv-window*) front='pv-capture -r FILE \| pv-dns' ;;
	pv-serve) front='pv-capture -r FILE \| pv-dns \| pv-window' ;;
	*) front='pv-capture -r FILE' ;;
	esac
	on_terminal "$p"
	is "$p: no events from a terminal" "$got" 2
	one_line "$p: and where they come from is said" out2 "^${p%% *}: wants an event stream on stdin, as in '$front \| ${p%% *}'$"
done
on_terminal "pktvisor-reader --table file.pcap"
is "a table is for a terminal" "$got" 0
on_terminal "pv-cat --json file.pve"
is "and so are lines of JSON" "$got" 0

# ---- colour --------------------------------------------------------------------------------------------------

pktvisor-reader --table file.pcap >out
is "no colour where there is no terminal" "$(grep -c $'\033' out)" 0
NO_COLOR=1 on_terminal "pktvisor-reader --table file.pcap"
is "no colour where NO_COLOR is set" "$(grep -c $'\033' out)" 0
