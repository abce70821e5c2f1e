#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# pktvisor-cli without a terminal: pictures of every kind of handler, numbers that are the JSON's, what a hostile agent can do
# to it (nothing). In a terminal: cli-terminal.sh, ../live/cli.sh. GOLDEN=1 writes the golden pictures anew.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
export LC_ALL=C.UTF-8
UI=$TESTS/ui

# golden NAME FILE: like the picture that is kept
golden() {
	[ -z "${GOLDEN:-}" ] || cp "$2" "$UI/golden/$1.txt"
	if cmp -s "$2" "$UI/golden/$1.txt"; then ok "picture $1"; else
		diff "$UI/golden/$1.txt" "$2" | head -n 20
		not_ok "picture $1"
	fi
}

# fake FOLDER [--tls ...]: an agent of lib/fakeagent.py, that ends with this script; FAKE is its port
fake() {
	local i
	coproc FAKEAGENT { exec python3 "$TESTS/lib/fakeagent.py" "$@" 2>fake.err; }
	read -r -t 20 -u "${FAKEAGENT[0]}" _ _ FAKE || { cat fake.err; not_ok "the false agent starts"; exit 1; }
}
cli() { pktvisor-cli "$@"; }

# ---- kinds of handlers ------------------------------------------------------------------------------
fake "$UI"
for f in "$UI"/*.json; do
	n=$(basename "$f" .json)
	[ "$n" != flow-many ] || continue
	cli -p "$FAKE" -P "$n" --once --size 120 >out 2>err || cat err
	golden "$n.120" out
	for view in $(jq -r '.[] | keys[]' "$f"); do
		cli -p "$FAKE" -P "$n" --once --size 80 --view "$view" >out 2>err || cat err
		golden "$n.$view.80" out
	done
done
cli -p "$FAKE" -P flow-many --once --size 120x40 --view flow >out
golden flow-many.flow.120x40 out
LC_ALL=C pktvisor-cli -p "$FAKE" -P version2 --once --size 80x24 >out
golden version2.ascii.80x24 out
is "the JSON is the agent's" "$(cli -p "$FAKE" -P version2 -j | jq -cS .)" "$(jq -cS . "$UI/version2.json")"
is "of one handler" "$(cli -p "$FAKE" -P version2 -j --view net | jq -c '[.[] | keys[]]')" '["default-t-net2"]'
is "of one tap" "$(cli -p "$FAKE" -P taps -j -t t | jq -c '[.[] | keys[]]')" '["default-t-net"]'
is "of another, whose name begins with that" "$(cli -p "$FAKE" -P taps -j -t t-x | jq -c '[.[] | keys[]]')" '["default-t-x-net"]'
is "merged handlers are of every tap" "$(cli -p "$FAKE" -P merged -j -t t | jq -c '[.[] | keys[]]')" '["dns_merged","packets_merged"]'
status 1 "a view that is not there" cli -p "$FAKE" -P bgp --once --view dns
one_line "says so, and which there are" err "^pktvisor-cli: --view dns: policy 'bgp' has no such handler, but t-bgp \\(bgp\\)$"
status 1 "a part of several names" cli -p "$FAKE" -P several --once --view t-
one_line "says which" err '^pktvisor-cli: --view t-: may mean t-all \(dns\), t-bad \(dns\), t-net \(packets\)$'
for v in default-t-bad bad t-bad ba; do
	is "--view $v finds t-bad" "$(cli -p "$FAKE" -P several -j --view $v | jq -c '[.[] | keys[]]')" '["default-t-bad"]'
done
is "--view dns is all that are of the kind" "$(cli -p "$FAKE" -P several -j --view dns | jq -c '[.[] | keys[]]')" '["default-t-all","default-t-bad"]'
like "and the picture says which one it shows" "$(cli -p "$FAKE" -P several --once --view dns)" 'dns 1 of 2 \(n: next\): t-all '
status 1 "a tap that is not there" cli -p "$FAKE" -P several --once -t nosuch
one_line "says so" err "^pktvisor-cli: --tap nosuch: policy 'several' has no such tap$"
is "a window that is not kept is corrected" "$(cli -p "$FAKE" -P three -j | jq -c '.[][].dns.wire_packets.total')" 33
is "an agent of one period gives the open minute" "$(cli -p "$FAKE" -P early -j | jq -c '.[][].dns.wire_packets.total')" 77

# those that an agent reads; others are of kinds that it must refuse
readable() { captures | grep -vE '/(format|hostile|link)/'; }
# ---- a real agent: the picture says what the JSON says -----------------------------------------------
{
	echo 'visor: {taps: {'
	i=0; for f in $(readable); do i=$((i + 1)); echo "t$i: {input_type: pcap, config: {pcap_file: '$f', host_spec: '192.0.2.0/24,192.168.0.0/16'}},"; done
	echo '}, policies: {'
	i=0; for f in $(readable); do i=$((i + 1)); echo "p$i: {kind: collection, input: {tap: t$i, input_type: pcap}, handlers: {modules: {n: {type: net}, d: {type: dns}, h: {type: dhcp}, c: {type: pcap}}}},"; done
	echo '}}'
} >agent.yaml
start --config agent.yaml --geo-city "$CAPTURES/geo/city-test.mmdb" --geo-asn "$CAPTURES/geo/asn-test.mmdb" || exit 1
ended
PORT=${URL##*:}
i=0
for f in $(readable); do
	i=$((i + 1))
	cli -p "$PORT" -P p$i -j >json && cli -p "$PORT" -P p$i --once --size 200 >picture 2>err || cat err
	python3 "$TESTS/lib/clicheck.py" json picture p$i
	is "numbers and shares of $(capture_name "$f")" $? 0
	[ "$(basename "$f")" = dns-mixed.pcap ] && mixed=p$i
done
for size in 80x24 120x40 200x60; do
	cli -p "$PORT" -P "$mixed" --once --size $size | sed "s/Policy: $mixed/Policy: NAME/; s/server: [0-9.]*/server: V/; s/client: [0-9.]*/client: V/" >out
	golden dns-mixed.$size out
done
is "all policies at once" "$(cli -p "$PORT" -P __all -j | jq '[.[] | select(has("nothing") | not)] | length')" "$(policies)"
like "its version is a number" "$(pktvisor-cli --version)" '^[0-9]+\.[0-9]+\.[0-9]+$'
is "by its 2019 name, with Go's spelling" "$(pktvisor -version)" "$(pktvisor-cli --version)"
finish

# ---- what our own handlers of version 2.0, and flow, say -------------------------------------------------
# served FILE: buckets by a pv-serve; its PORT. It ends with its agent's turn: finish
served() {
	pv-serve -p 0 <"$1" >serve.log 2>&1 & PID=$!
	AGENTS+=("$PID")
	listening serve.log
	PORT=${URL##*:}
	kept() { get /api/v1/policies | jq -e length >/dev/null && none_runs; }
	until_true kept
}
pv-capture -r "$CAPTURES/dns-mixed.pcap" -H 192.0.2.53 | pv-net | pv-dns | pv-window --modules net:2.0,dns:2.0 >v2.pvb
served v2.pvb && cli -p "$PORT" -j >json && cli -p "$PORT" --once --size 200 >out
like "version 2.0: packets" "$(cat out)" "Pkts  $(jq '[.default[].net // empty | (.in, .out, .unknown).total_packets] | add' json) "
like "version 2.0: transactions" "$(cat out)" "DNS Xacts $(jq '[.default[].dns // empty | (.in, .out, .unknown).xacts] | add' json) "
cli -p "$PORT" --once --size 80 --view net >out
golden real.net2.80 out
finish
pv-flow "$CAPTURES/flow/softflowd-v9.pcap" | pv-window >flow.pvb
served flow.pvb && cli -p "$PORT" --once --size 80 --view flow >out
golden real.flow.80 out
finish

# ---- connections: as many columns as there is room for, and what is in them -----------------------------
pv-capture -r "$CAPTURES/http-mix.pcap" | pv-net --connections | pv-window >connections.pvb
served connections.pvb && cli -p "$PORT" -j >json
for size in 80 120 200; do
	cli -p "$PORT" --once --size $size --view conn >out
	golden real.connections.$size out
done
python3 "$TESTS/lib/clicheck.py" --connections json out
is "every number of a connection is the JSON's" $? 0
finish

# ---- Go's spellings, and what the original prints -----------------------------------------------------
like "--version is the number alone, as the original's" "$(pktvisor-cli --version)" '^[0-9]+\.[0-9]+\.[0-9]+$'
for a in "-p=$FAKE -P=bgp" "--p $FAKE --P bgp" "--p=$FAKE --P=bgp -H=localhost" "-tls=false -p $FAKE -tls-noverify=F -Pbgp"; do
	is "pktvisor-cli ${a//$FAKE/PORT}" "$(cli $a -j | jq -c '[.[] | keys[]]')" '["default-t-bgp"]'
done
status 1 "-tls=true is TLS" cli -p "$FAKE" -tls=true -P bgp -j
one_line "which that agent does not speak" err '^pktvisor-cli: localhost:[0-9]+: .*SSL'
status 1 "a policy that is not there" cli -p "$FAKE" -P nosuch --once
one_line "is said, and which there are" err '^pktvisor-cli: localhost:[0-9]+: 404 policy does not exist; there are bgp, flow, .*, version2$'
script -qec "env TERM=dumb $BIN/pktvisor-cli -p $FAKE -P bgp" /dev/null </dev/null >dumb
is "a terminal that cannot move its cursor is refused" "$? $(tr -d '\r' <dumb)" "1 pktvisor-cli: the terminal 'dumb' cannot show pictures; --once prints one"

# ---- no agent, wrong words ----------------------------------------------------------------------------
status 1 "nobody listens" cli -p "$PORT" --once
one_line "says so" err '^pktvisor-cli: localhost:[0-9]+: .*connect'
status 2 "no terminal" cli -p "$FAKE"
one_line "says so" err '^pktvisor-cli: this is not a terminal; --once prints one picture, --json the answer$'
status 1 "a host that is none" cli -H 'a/b@c' --once
status 2 "a size that is none" cli --once --size 80y24
status 1 "an empty token" cli --once --token-file /dev/null
echo sesame >token
is "the token goes with every request" "$(cli -p "$FAKE" -P token --token-file token -j | grep -o 'Bearer[^"]*')" "Bearer sesame"

# ---- TLS ------------------------------------------------------------------------------------------------
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
	-keyout key.pem -out cert.pem 2>/dev/null
plain=$FAKE
fake --tls cert.pem key.pem "$UI"
status 1 "a certificate that nobody vouches for" cli -p "$FAKE" -tls -P bgp -j
one_line "says so" err '^pktvisor-cli: localhost:[0-9]+: SSL'
status 0 "is believed when told so" cli -p "$FAKE" -tls-noverify -P bgp -j
status 0 "or when it is known" cli -p "$FAKE" --tls-ca cert.pem -P bgp -j
status 1 "not for another name" cli -H 127.0.0.1 -p "$FAKE" --tls-ca cert.pem -P bgp -j
status 1 "HTTPS to one who speaks HTTP" cli -p "$plain" --tls -P bgp -j
status 1 "HTTP to one who speaks HTTPS" cli -p "$FAKE" -P bgp -j

# ---- a hostile agent: all at the same time, as some of them are slow -----------------------------------
for p in $(python3 "$TESTS/lib/fakeagent.py" --list); do
	(
		timeout 60 pktvisor-cli -p "$plain" -P "$p" --once --size 100x30 >"h.$p.out" 2>"h.$p.err"
		echo $? >"h.$p.status"
	) &
	hostile+=($!)
done
wait "${hostile[@]}"
for p in $(python3 "$TESTS/lib/fakeagent.py" --list); do
	got=$(cat "h.$p.status")
	bytes=$(cat "h.$p.out" "h.$p.err" | LC_ALL=C tr -d '\n' | LC_ALL=C grep -acP '[\x00-\x1f\x7f]')
	case $got in
	0) like "hostile: $p" "$bytes $(wc -l <"h.$p.out")" '^0 30$' ;;
	*) like "hostile: $p" "$got $bytes $(wc -l <"h.$p.err")" '^1 0 1$' ;;
	esac
done
