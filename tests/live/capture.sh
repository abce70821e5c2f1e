# SPDX-License-Identifier: MPL-2.0
# pv-capture on interfaces: two network namespaces joined by a veth pair, see tests/lib/ns.sh.
[ "$(id -u)" = 0 ] || { echo "skip - needs root"; exit 0; }
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/ns.sh"
trap ns_down EXIT
trap 'exit 1' INT TERM
ns_up 2>/dev/null || { echo "skip - needs network namespaces"; exit 0; }

# ok SENTENCE: by the status of the command before it
ok() { local s=$?; if [ $s = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; fi; }

# start FILE ARGS...: pv-capture in the server's namespace, ready when this returns; its process is $PID
start() {
	local out=$1; shift
	ip netns exec "$NS_S" pv-capture "$@" >"$out" 2>"$out.err" &
	PID=$!
	begun() { [ -s "$out" ] || ! kill -0 $PID 2>/dev/null; }
	until_true begun && [ -s "$out" ]
}
# finish [SIGNAL]: its exit status
finish() { kill -"${1:-TERM}" $PID; wait $PID; }
# field FILE TYPE KEY: of the last event of that type
field() { pv-cat --json --type "$2" "$1" 2>/dev/null | tail -1 | sed -n "s/.*\"$3\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
# row FILE NUMBER: stage 0's ledger row
row() { pv-cat --json --type stop "$1" | sed -n "s/.*{\"stage\":0,\"what\":$2,\"value\":\([0-9]*\).*/\1/p"; }
hosts() { pv-cat --json --type start "$1" | sed -n 's/.*"hosts":\[\([^]]*\)\].*/\1/p'; }
pings() { ns_c ping -q -c "${1:-3}" -i 0.1 -W 1 ${2:-$NS_SERVER4} >/dev/null 2>&1; }

start a.ev -v -b icmp s0
status=/proc/$PID/status
grep -q '^CapEff:[[:space:]]*0*$' $status && grep -q '^NoNewPrivs:[[:space:]]*1' $status && grep -q '^CapBnd:[[:space:]]*0*$' $status
ok "no capability is effective while it runs, and none can come back"
grep -q '^CapPrm:[[:space:]]*0*2000$' $status
ok "CAP_NET_RAW alone stays permitted"
! grep -q '^Uid:[[:space:]]*0' $status
ok "it is not root any more"
pings 5
finish; ok "SIGTERM ends it with exit status 0"
[ "$(pv-cat --count a.ev | awk '$1 == "packet" { print $2 }')" = 10 ]; ok "five pings are ten packets, the last one too"
pv-cat --check a.ev; ok "the stream has its end mark and every event it counts"
[ "$(field a.ev stats received)" = 10 ] && [ "$(row a.ev 1)" = 10 ]; ok "counters say so"
[ "$(hosts a.ev | tr ',' '\n' | head -2 | paste -s -d,)" = '"192.0.2.53/24","2001:db8:0:1::53/64"' ]
ok "without -H the interface's subnets are the host's"
grep -q 'host subnet 192.0.2.53/24' a.ev.err; ok "-v prints them"

start b.ev -v -b icmp -H 198.51.100.0/24 s0
pings 2
finish INT; ok "SIGINT ends it with exit status 0"
case $(hosts b.ev) in '"198.51.100.0/24","192.0.2.53/32","2001:db8:0:1::53/128"'*) ! hosts b.ev | grep -q '/64"' ;; *) false ;; esac
ok "with -H the list, and the interface's own addresses without their subnets"
[ "$(pv-cat --json --type packet b.ev | grep -c '"dir":"in"')" = 2 ] && [ "$(pv-cat --json --type packet b.ev | grep -c '"dir":"out"')" = 2 ]
ok "own addresses make the direction"

start c.ev -v -b icmp s0
pings 2
ip -n "$NS_S" link set s0 down; sleep 0.05; ip -n "$NS_S" link set s0 up
until_true grep -q 's0: is up again' c.ev.err
pings 3
kill -0 $PID 2>/dev/null; ok "an interface that goes down and up does not end the capture"
was_down() { [ "$(field c.ev stats link_down)" = 1 ] && [ "$(field c.ev stats received)" -ge 10 ]; }
until_true was_down; ok "a short outage is counted once"
grep -q 's0: went down' c.ev.err && grep -q 's0: is up again' c.ev.err; ok "-v tells of it"
before=$(field c.ev stats received)
ip -n "$NS_C" link del c0
until_true grep -qE 's0: .*(gone|waiting)' c.ev.err
kill -0 $PID 2>/dev/null; ok "nor does one that goes away"
ip -n "$NS_C" link add c0 address 02:00:00:00:00:0c type veth peer name s0 address 02:00:00:00:00:05 netns "$NS_S"
ip -n "$NS_C" addr add $NS_CLIENT4/24 dev c0
ip -n "$NS_S" addr add $NS_SERVER4/24 dev s0
ip -n "$NS_C" link set c0 up
ip -n "$NS_S" link set s0 up
until_true grep -q 'opened again' c.ev.err
pings 3
finish; ok "it ends as ever"
[ "$(row c.ev 18)" = 2 ]; ok "both outages are in the ledger"
[ "$(row c.ev 1)" -ge $((before + 6)) ]; ok "the new interface's packets are there, counted on from the old one's"
pv-cat --check c.ev; ok "numbers and counts fit"

# Renamed, it has gone once, whatever happens under its new name.
start r.ev -v -b icmp s0
ip -n "$NS_S" link set s0 down
ip -n "$NS_S" link set s0 name r0
ip -n "$NS_S" link set r0 up
downs() { [ "$(field r.ev stats link_down)" = 1 ]; }
until_true downs; ok "an interface that is renamed is counted"
seconds() { pv-cat --json --type stats r.ev 2>/dev/null | wc -l; }
n=$(seconds)
for mtu in 1400 1401 1402; do ip -n "$NS_S" link set r0 mtu $mtu; done
later() { [ "$(seconds)" -gt $((n + 1)) ]; }
until_true later
ip -n "$NS_S" link set r0 down
ip -n "$NS_S" link set r0 name s0
ip -n "$NS_S" link set s0 mtu 1500 up
until_true grep -q 'opened again' r.ev.err; ok "and opened again when the name is back"
finish
[ "$(field r.ev stats link_down)" = 1 ]; ok "once, though it went up and changed under its new name"
ip -n "$NS_S" addr replace $NS_SERVER6/64 dev s0 nodad # which went with the link

# Nobody reads while all of it is sent: the pipe fills, then the ring, then the kernel drops.
mkfifo d.pipe
{ dd bs=16 count=1 >d.ev 2>d.dd; until [ -e sent ]; do sleep 0.1; done; exec cat >>d.ev; } <d.pipe &
job=$!
ip netns exec "$NS_S" pv-capture -s 200 --buffer 256K -b 'udp port 9' s0 >d.pipe 2>d.err &
PID=$!
until_true test -s d.ev
ns_c python3 -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(30000):
    s.sendto(b'x' * 100, ('$NS_SERVER4', 9))
    if i % 200 == 0: time.sleep(0.001)
"
touch sent
three() { [ "$(pv-cat --json --type stats d.ev 2>/dev/null | grep -c .)" -ge 3 ]; }
until_true three; ok "STATS come every second"
ns_idle
finish
wait $job
drops=$(row d.ev 16) received=$(row d.ev 1)
[ "${drops:-0}" -gt 0 ]; ok "what the kernel drops is counted"
[ $((drops + received)) = 30000 ]; ok "received and dropped are all that was sent"
[ "$(field d.ev stats os_drops)" = "$drops" ]; ok "and in the stream as STATS"
pv-cat --check d.ev; ok "packet events are as many as were received"

[ "$(ns_s "$BUILD/tests/pvdrain" 10000)" = "sent 10000 received 10000 dropped 0" ]; ok "what came before the end is read, however long that takes"

start e.ev -c 3 -b icmp s0
pings 5
wait $PID; ok "-c ends it"
[ "$(row e.ev 1)" = 3 ]; ok "after exactly that many packets"

t0=$(date +%s%N)
ip netns exec "$NS_S" pv-capture -t 1.5 -b 'udp port 1' s0 >f.ev; ok "-t ends it"
ms=$((($(date +%s%N) - t0) / 1000000))
[ $ms -ge 1500 ] && [ $ms -lt 60000 ]; ok "after that long"
[ "$(field f.ev stop time | cut -d. -f1)" -gt "$(field f.ev start time | cut -d. -f1)" ]; ok "and time has passed in the stream"

start g.ev -b 'udp port 1' s0
ticks() { [ "$(pv-cat --json --type tick g.ev 2>/dev/null | grep -c .)" -ge 2 ]; }
until_true ticks; ok "silence has its TICKs"
finish

start h.ev -b icmp any
pings 2
finish
[ "$(row h.ev 1)" = 4 ] && [ "$(row h.ev 2)" = 4 ]; ok "any captures and decodes"
start i.ev -b icmp auto
pings 2
finish
[ "$(field i.ev start source)" = s0 ] && [ "$(row i.ev 1)" = 4 ]; ok "auto finds the busy interface"
start j.ev -b icmp $NS_SERVER4
pings 2
finish
[ "$(field j.ev start source)" = s0 ] && [ "$(row j.ev 1)" = 4 ]; ok "an address finds its interface"

# What is handed on is never old: it is seen while the capture runs.
start k.ev -b icmp s0
pings 1
both() { [ "$(pv-cat --json --type packet k.ev 2>/dev/null | grep -c .)" = 2 ]; }
until_true both; ok "events go out without waiting for a batch"
finish

ip netns exec "$NS_S" pv-capture nosuch0 >x.ev 2>x.err; [ $? = 1 ] && grep -q 'Available interfaces: lo,s0' x.err
ok "an unknown interface is an error that names the others"
ip netns exec "$NS_S" pv-capture 192.0.2.200 >x.ev 2>x.err; [ $? = 1 ] && grep -q "find interface by provided IP: 192.0.2.200" x.err
ok "and so is an address of nobody"
ip netns exec "$NS_S" pv-capture -b 'no such filter' s0 >x.ev 2>x.err; [ $? = 1 ] && [ "$(grep -c . x.err)" = 1 ] && grep -q "'no such filter'" x.err
ok "a filter that cannot be used is named in one line"
ip -n "$NS_S" link set s0 down
ip netns exec "$NS_S" pv-capture s0 >x.ev 2>x.err; [ $? = 1 ] && grep -q "not up" x.err
ok "to start on an interface that is down is an error"
cp "$(command -v pv-capture)" ./pv-capture-copy && chmod 755 . ./pv-capture-copy
if setpriv --reuid 65534 --regid 65534 --clear-groups ./pv-capture-copy lo >x.ev 2>x.err; then false; else [ $? = 1 ] && grep -q 'CAP_NET_RAW' x.err; fi
ok "without the privilege it says what is missing"
