# SPDX-License-Identifier: MPL-2.0
# Stages as threads: pktvisor-reader over captures of every kind with everything turned on, the same result each time. Under
# ThreadSanitizer this is the test that no two threads touch the same bytes.
. "$TESTS/lib/sh.sh"

for name in dns-mixed dns-tcp-loss dns-tcp6 dns-udp4 dns-timeout dns-ecs dhcp4 dhcp6 http-mix hostile/tcp-half-open format/cut-in-packet format/empty; do
	f=$CAPTURES/$name.pcap want=0
	case $name in format/*) want=1 ;; esac
	for p in 1 5; do
		bad=
		for i in 1 2 3; do
			pktvisor-reader -H "$HOSTS" "${GEO[@]}" --periods $p --enable all --modules net,dns,dhcp,pcap "$f" >out$i 2>err
			got=$?
			[ $got -eq $want ] || { bad="$bad exit-$got"; tail -n 30 err; }
			cmp -s out$i out1 || bad="$bad other-output"
		done
		is "$name, $p periods: three runs end with $want and print the same" "$bad" ""
	done
done

# Many batches, and the window behind: both ends of the ring are full or empty all the time.
"$BUILD/tests/flood" 150000 >flood.pcap
pktvisor-reader --periods 1 --enable all flood.pcap >out 2>err
is "a flood through the ring ends well" "$?" 0
is "and nothing is lost on the way" "$(jq '.["1m"].packets.events' out)" 150000

# SIGTERM while both threads work: what was read is printed.
mkfifo in
pktvisor-reader --periods 1 - <in >out 2>err & pid=$!
exec 7>in
"$BUILD/tests/flood" 50000 >&7
some() { [ "$(awk '/^rchar/ { print $2 }' /proc/$pid/io)" -gt 100000 ]; }
until_true some
kill -TERM $pid
wait $pid; got=$?
exec 7>&-
is "SIGTERM ends the reader in order" "$got" 0
events=$(jq '.["1m"].packets.events' out)
if [ "${events:-0}" -gt 0 ]; then ok "and it prints what it has"; else cat err; not_ok "and it prints what it has"; fi
