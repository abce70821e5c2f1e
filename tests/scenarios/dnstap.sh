# SPDX-License-Identifier: MPL-2.0
# dnstap files of real servers: every message as another decoder sees it; the pipeline, pktvisor-reader and a dnstap_file tap print the
# same; chains and filters; and sockets, as far as they need no server.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"

files() { ls "$CAPTURES"/dnstap/*.dnstap "$SHARED"/conform/fixtures/*.dnstap 2>/dev/null; }
name() { case $1 in "$CAPTURES"/*) echo "${1#"$CAPTURES"/}" ;; *) echo "shared/${1##*/}" ;; esac; }

# ---- what is in them --------------------------------------------------------------------------------------

# events FILE: as dnstap.py tells of them
events() {
	pv-dnstap "$1" 2>/dev/null | pv-cat --json --type dnstap |
		jq -cS 'del(.type, .stamp, .bits) | with_entries(select(.value != null))'
}
while read -r f; do
	events "$f" >got
	python3 "$TESTS/lib/dnstap.py" "$f" | jq -cS . >want
	if cmp -s got want && [ "$(wc -l <got)" -gt 100 ]; then ok "$(name "$f"): $(wc -l <got) messages, all of them as another decoder sees them"
	else diff got want | head -n 6; not_ok "$(name "$f"): $(wc -l <got) messages, another decoder sees $(wc -l <want)"; fi
done < <(files)

# ---- three ways -------------------------------------------------------------------------------------------

mkdir data
start --admin-api --data-dir "$PWD/data" "${GEO[@]}" || exit 1
# policy NAME INPUT MODULES
policy() { echo "{visor: {policies: {$1: {kind: collection, input: {tap: t, input_type: dnstap$2}, handlers: {modules: $3}}}}}"; }
plain='{net: {type: net}, dns: {type: dns}}'
# served INPUT MODULES: what a policy `default` on the file serves
served() {
	post policies "$(policy default "$1" "$2")" >code
	[ "$(cat code)" = 201 ] || { cat body; return; }
	ended
	get /api/v1/metrics/window/5
	delete /api/v1/policies/default >/dev/null
}
while read -r f; do
	n=$(name "$f")
	cp "$f" data/tap
	is "$n: a tap" "$(post taps "{visor: {taps: {t: {input_type: dnstap, config: {dnstap_file: $PWD/data/tap}}}}}")" 201
	pktvisor-reader -i dnstap "${GEO[@]}" "$f" 2>/dev/null >want.json
	tr -d '\n' <want.json >want
	pv-dnstap "$f" 2>/dev/null | pv-net "${GEO[@]}" | pv-dns "${GEO[@]}" | pv-window --json >got
	same "$n: the pipeline prints what the reader prints" got want.json
	pv-dnstap - <"$f" 2>/dev/null | pv-dns "${GEO[@]}" | pv-net --only "${GEO[@]}" | pv-cat | pv-window --json >got
	same "$n: from stdin, and the other way round, too" got want.json
	served "" "$plain" >got
	same "$n: the agent serves what the reader prints" got want
	for hosts in 192.0.2.11/32 2001:db8::/32; do
		pv-dnstap --only-hosts $hosts "$f" 2>/dev/null | pv-net "${GEO[@]}" | pv-dns "${GEO[@]}" | pv-window --json | tr -d '\n' >want
		served ", filter: {only_hosts: [\"$hosts\"]}" "$plain" >got
		same "$n: only_hosts $hosts of a policy is --only-hosts" got want
	done
	for kind in client auth; do
		pv-dnstap "$f" 2>/dev/null | pv-dns "${GEO[@]}" --dnstap-msg-type $kind --chain | pv-net "${GEO[@]}" | pv-window --json | tr -d '\n' >want
		served "" "[{dns: , type: dns, filter: {dnstap_msg_type: $kind}}, {net: , type: net}]" >got
		same "$n: a chain of what is $kind is pv-dns --chain | pv-net" got want
	done
	delete /api/v1/taps/t >/dev/null
done < <(files)

# ---- the original's numbers for its own file, where it lies beside the project ---------------------------------

fixture=$SHARED/conform/fixtures/fixture.dnstap
if [ -e "$fixture" ]; then
	cp "$fixture" data/tap
	post taps "{visor: {taps: {t: {input_type: dnstap, config: {dnstap_file: $PWD/data/tap}}}}}" >/dev/null
	# numbers INPUT FILTER: events, in, out, queries, replies, filtered
	numbers() {
		served "$1" "{net: {type: net}, dns: {type: dns, filter: {$2}}}" |
			jq -c '.[] | [.packets.events, .packets.in, .packets.out, .dns.wire_packets.queries, .dns.wire_packets.replies, .dns.wire_packets.filtered]'
	}
	is "the original's file: 153 messages" "$(numbers "" "")" "[153,79,74,79,74,0]"
	is "of 192.168.0.0/24 all" "$(numbers ', filter: {only_hosts: [192.168.0.0/24]}' "")" "[153,79,74,79,74,0]"
	is "of 192.168.0.12 none" "$(numbers ', filter: {only_hosts: [192.168.0.12/32]}' "")" "[0,0,0,0,0,0]"
	is "clients' are all of them" "$(numbers "" "dnstap_msg_type: client")" "[153,79,74,79,74,0]"
	is "authoritative ones none" "$(numbers "" "dnstap_msg_type: auth")" "[153,79,74,0,0,153]"
	like "there are no others than these kinds" "$(numbers "" "dnstap_msg_type: sender")$(cat body)" "Valid types: auth, client, forwarder, resolver, stub, tool, update"
	delete /api/v1/taps/t >/dev/null
fi

# ---- who may read and listen where --------------------------------------------------------------------------

refused() { # SENTENCE CONFIG WORDS
	is "$1" "$(post taps "{visor: {taps: {t: {input_type: dnstap, config: {$2}}}}}") $(post policies "$(policy p "" "$plain")") $(jq -r .error body | grep -c "$3")" "201 400 1"
	delete /api/v1/taps/t >/dev/null
}
refused "a file elsewhere is not for clients" "dnstap_file: $CAPTURES/dnstap/knot.dnstap" "dnstap_file .*: only regular files below the data directory may be read"
refused "nor is a socket" "socket: $PWD/elsewhere.sock" "socket .*: only sockets below the data directory may be made"
refused "nor one in a folder that leads out" "socket: $PWD/data/../x.sock" "socket .*: only sockets below the data directory"
is "below it a socket may be made" "$(post taps "{visor: {taps: {t: {input_type: dnstap, config: {socket: $PWD/data/live.sock}}}}}") $(post policies "$(policy live "" "$plain")") $(ls data/*.sock)" "201 201 data/live.sock"
is "an IPv6 address may be listened on" "$(post taps '{visor: {taps: {u: {input_type: dnstap, config: {tcp: "[::1]:0"}}}}}') $(post policies "$(policy six "" "$plain" | sed 's/tap: t/tap: u/')")" "201 201"

# ---- live: bytes of a file, sent by somebody who speaks as a server does -----------------------------------------

f=$CAPTURES/dnstap/unbound.dnstap
cat >send.py <<'EOF'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(open(sys.argv[2], "rb").read())
s.close()
EOF
n=$(events "$f" | wc -l)
python3 send.py data/live.sock "$f"
python3 send.py data/live.sock "$f"
counted() { [ "$(get /api/v1/policies/live/metrics/window/5 | jq '[.live[] | .dns.wire_packets.total // empty] | add')" = $((2 * n)) ]; }
until_true counted
is "what is sent to the agent's socket is counted, from both clients" $? 0

# one that speaks no frame streams, and what became of all of them
python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("data/live.sock"); s.sendall(b"GET / HTTP/1.0\r\n\r\n"); s.recv(1)'
self() { # NAME: of the tap that listens
	get /api/v1/policies/__all/metrics/prometheus | awk -v f="pktvisor_$1_total{" 'index($0, f) == 1 && /policy="live"/ && /stage="dnstap"/ { print $2 }'
}
told() { [ "$(self clients) $(self clients_bad)" = "3 1" ]; }
until_true told
is "clients are counted for Prometheus, and those that break the protocol" "$(self clients) $(self clients_bad)" "3 1"
is "so are those that were turned away" "$(self clients_refused) $(self clients_evicted) $(self clients_idle)" "0 0 0"
get /api/v1/policies/__all/metrics/prometheus | sed -n 's/^# TYPE \(pktvisor_clients[a-z_]*\) counter/\1/p' | sort >families
grep -oE 'pktvisor_clients[a-z_]*' "$TOP/man/pv-serve.1.in" | sort -u >page
same "all of them stand in the manual" families page
finish
is "the agent ends in order, and takes its socket along" "$? $(ls data/*.sock 2>/dev/null)" "0 "

# up FILE: it listens
listens() { grep -q 'source live.sock' "$1"; }
up() { until_true listens "$1"; }
pv-dnstap -v --socket live.sock -c $n >live.pve 2>err & tap=$!
up err
python3 send.py live.sock "$f"
wait $tap
is "after -c messages it ends by itself, with 0" "$? $(pv-cat --json --type dnstap <live.pve | wc -l)" "0 $n"
pv-dns --only <live.pve | pv-cat --json --type dns | jq -S 'select(.dnstap % 2 == 0) | [.packet, .xact, .query_packet]' >live
pv-dnstap "$f" | pv-dns --only | pv-cat --json --type dns | jq -S 'select(.dnstap % 2 == 0) | [.packet, .xact, .query_packet]' >file
same "transactions are those of the file, though all of it came at once" live file
# how long answers took, in ns: of the file, by its times; live, by the server's clock
took() {
	pv-dns --only | pv-cat --json --type dns |
		jq 'def ns: split(".") | map(tonumber); select(.xact == 1) | (.time | ns) as $t | (.query_time_ns | ns) as $q | ($t[0] - $q[0]) * 1000000000 + $t[1] - $q[1]'
}
took <live.pve >live
pv-dnstap "$f" | took >file
same "and so are their times" live file

pv-dnstap -v --socket live.sock >killed.pve 2>err & tap=$!
up err
kill -KILL $tap; wait $tap 2>/dev/null
pv-dnstap --socket live.sock -t 1s >over.pve 2>err
is "a socket that a killed program left is taken over" "$? $(pv-cat --count <over.pve | awk '/^stop/ { print $2 }')" "0 1"
pv-dnstap -v --socket live.sock >term.pve 2>err & tap=$!
up err
status 1 "while somebody listens it is not" pv-dnstap --socket live.sock
kill -TERM $tap; wait $tap
is "SIGTERM: a whole stream, and 0" "$? $(pv-cat --check <term.pve && echo whole)" "0 whole"

# ---- damage -----------------------------------------------------------------------------------------------------

size=$(stat -c %s "$f")
head -c $((size - 10)) "$f" >cut.dnstap
status 0 "a file that breaks off is no failure" pv-dnstap cut.dnstap
one_line "one line tells of it" err "^pv-dnstap: 'cut.dnstap' ends abnormally, [0-9]+ bytes into a frame; what came before counts$"
pv-cat --check <out && ok "and the stream is whole"
head -c 42 "$f" >bad.dnstap; printf '\377\377\377\377rest' >>bad.dnstap
status 1 "a damaged one is" pv-dnstap bad.dnstap
one_line "one line says where" err "^pv-dnstap: cannot read 'bad.dnstap': data frame too large, at byte 42$"
cat "$f" "$f" >twice.dnstap
is "two files, one behind the other, are one" "$(pv-dnstap twice.dnstap | pv-cat --json --type dnstap | wc -l)" $((2 * n))
