# SPDX-License-Identifier: MPL-2.0
# pv-capture over saved captures: exit codes, words, and what reaches the next program.

# ok SENTENCE: by the status of the command before it
ok() { local s=$?; if [ $s = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; fi; }
# code N COMMAND...: it exits with N; its words are in err
code() { local want=$1 got; shift; "$@" >out 2>err; got=$?; [ $got = "$want" ] || { echo "exit $got, not $want: $*"; false; }; }

dns=$CAPTURES/dns-udp4.pcap
code 0 pv-capture -r "$dns" && [ ! -s err ] && pv-cat --check out; ok "a whole file: exit 0, no words, a whole stream"
pv-capture -r - <"$dns" >piped 2>err && [ "$(pv-cat --count piped | grep packet)" = "$(pv-cat --count out | grep packet)" ]
ok "the same from stdin"
cat "$dns" | pv-capture -r - | pv-cat --count | grep packet >n; [ "$(cat n)" = "$(pv-cat --count out | grep packet)" ]
ok "and from a pipe"
code 1 pv-capture -r "$CAPTURES/format/cut-in-packet.pcap" && [ "$(grep -c . err)" = 1 ] && pv-cat --check out &&
	[ "$(pv-cat --count out | awk '$1 == "packet" { print $2 }')" = 20 ]
ok "a file that breaks off: exit 1, one line, what was read with its end mark"
code 1 pv-capture -r "$CAPTURES/link/unsupported-user0.pcap" && [ "$(grep -c . err)" = 1 ] && [ ! -s out ]
ok "a link type nobody decodes: exit 1, one line"
code 1 pv-capture -r /nowhere && [ "$(grep -c . err)" = 1 ]; ok "no such file: exit 1, one line"
code 1 pv-capture -r "$dns" -b 'prot 53' && [ "$(grep -c . err)" = 1 ] && grep -q "'prot 53'" err
ok "a filter that cannot be used: exit 1, one line that names it"
code 2 pv-capture -r "$dns" -H 10.0.0.0/33 && grep -q '10.0.0.0/33' err; ok "an impossible subnet: exit 2, named"
for args in "" "-r" "--nosuch" "-r $dns eth0" "-r $dns --decap gre,teredo" "-r $dns -c 0" "-r $dns -s 300000"; do
	# shellcheck disable=SC2086
	code 2 pv-capture $args && [ -s err ] && [ ! -s out ]; ok "usage: pv-capture ${args//$CAPTURES\//}"
done
code 0 pv-capture --help && [ -s out ] && [ ! -s err ]; ok "--help is on stdout"
if command -v script >/dev/null; then
	script -qec "pv-capture -r '$dns'; echo code \$?" typescript >shown 2>&1
	grep -q 'code 2' shown && grep -q 'pv-cat' shown; ok "a terminal gets no binary, but what to add"
else
	echo "skip - script(1) is not here: refusing a terminal"
fi
pv-capture -r "$CAPTURES/dns-mixed.pcap" 2>err | head -c 1000 >/dev/null; [ "${PIPESTATUS[0]}" = 0 ] && [ ! -s err ]
ok "a reader that goes away ends it quietly"
pv-capture -v -H '192.0.2.0/24, 2001:db8::/32' -r "$dns" >out 2>err
grep -q '192.0.2.0/24' err && grep -q '2001:db8::/32' err && ! grep -q '127.0.0' err; ok "-v prints the subnets, for files the list alone"
pv-capture -H 192.0.2.53 -r "$dns" >out
! pv-cat --json --type packet out | grep -q '"dir":"unknown"'; ok "a server's address alone gives every packet a direction"

# Plain files are read by us, pipes by libpcap: the same packets, and the same words where a file is damaged.
differ=0 n=0
for f in "$CAPTURES"/*.pcap "$CAPTURES"/format/* "$CAPTURES"/hostile/*.pcap; do
	[ "$(stat -c %s "$f")" -lt 400000 ] || continue
	n=$((n + 1))
	pktvisor-reader "$f" >file.json 2>file.err; a=$?
	cat "$f" | pktvisor-reader - >pipe.json 2>pipe.err; b=$?
	if [ $a != $b ] || ! cmp -s file.json pipe.json || ! cmp -s <(sed "s|'[^']*'||" file.err) <(sed "s|'[^']*'||" pipe.err); then
		echo "differs: $f"; differ=$((differ + 1))
	fi
done
[ $n -gt 50 ] && [ $differ = 0 ]; ok "$n captures, whole and damaged: as a file and through a pipe the same"
for f in "$CAPTURES"/dns-mixed.pcap "$CAPTURES"/http-mix.pcap; do
	pktvisor-reader -b 'udp port 53' "$f" >file.json && cat "$f" | pktvisor-reader -b 'udp port 53' - | cmp - file.json
done; ok "with a filter, too"

# A writer that stays: what it wrote comes through, and SIGTERM ends with an end mark.
mkfifo slow
pv-capture -r - <slow >out 2>err &
pid=$!
exec 9>slow
cat "$dns" >&9
for _ in $(seq 600); do [ "$(pv-cat --json --type packet out 2>/dev/null | grep -c .)" -ge 900 ] && break; sleep 0.1; done
[ "$(pv-cat --json --type packet out 2>/dev/null | grep -c .)" -ge 900 ]; ok "a slow writer's packets are handed on before the next come"
kill -TERM $pid
wait $pid; ok "SIGTERM while waiting for a pipe: exit 0"
exec 9>&-
pv-cat --check out; ok "with the end mark"
