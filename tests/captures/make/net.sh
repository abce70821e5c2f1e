#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# net.sh [OUTDIR] - http-mix.pcap, and real captures in other forms: link/sll, link/sll2, link/vxlan4, link/vxlan6,
# link/fragments, format/snap96 .pcap, format/two-interfaces.pcapng, format/nano.pcapng.
LIMIT=120
. "$(dirname "$0")/common.sh"
set -u

ns_up || exit 1
dns_server_start "$NS_S" "$NS_SERVER4" "$NS_SERVER6" || exit 1

# The same 20 queries (and 20 answers) over IPv4 and IPv6, for the captures that are about their form.
twenty()
{
	local s n
	for s in $NS_SERVER4 $NS_SERVER6; do
		for n in www.example.com api.example.com www.example.org shop.example.co.uk host.test \
			nosuch.example.com www.broken.test elsewhere.invalid MAIL.example.com example.com; do
			ns_c dig +tries=1 +time=2 +noedns +ignore @$s $n A >/dev/null || die "dig $n"
		done
	done
}

# --- mostly not DNS ------------------------------------------------------------------------------------------
F=http-mix.pcap
forget $F
mkdir "$TMP/www"
head -c 20000 /dev/zero | tr '\0' x >"$TMP/www/20k"
head -c 300 /dev/zero | tr '\0' y >"$TMP/www/small"
(cd "$TMP/www" && ip netns exec "$NS_S" python3 -m http.server --bind :: 80) >/dev/null 2>&1 &
ip netns exec "$NS_S" python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.53", 123))
while True:
    d, p = s.recvfrom(512)
    s.sendto(b"\x24" + d[1:], p)' &
for n in $(seq 50); do
	ns_c curl -s -m 2 -o /dev/null "http://$NS_SERVER4/small" && break
	sleep 0.1
done
ip -n "$NS_C" neigh flush all
ip -n "$NS_S" neigh flush all
ns_capture "$OUT/$F" || exit 1
for n in 1 2 3 4 5 6; do
	ns_c curl -s -m 5 -o /dev/null --interface 198.51.100.2$((n % 4 + 1)) "http://$NS_SERVER4/small"
	ns_c curl -s -m 5 -o /dev/null "http://[$NS_SERVER6]/small"
	ns_c curl -s -m 5 -o /dev/null -X POST -d "a=b&c=$n" "http://$NS_SERVER4/none"
	ns_c ping -q -c 3 -i 0.1 $NS_SERVER4 >/dev/null
	ns_c ping -q -c 3 -i 0.1 -I 203.0.113.3$((n % 4 + 1)) $NS_SERVER4 >/dev/null
	ns_c ping -q -c 2 -i 0.1 $NS_SERVER6 >/dev/null
	ns_c dig +tries=1 +time=2 +noedns @$NS_SERVER4 www.example.com A >/dev/null
	ns_c curl -s -m 5 -o /dev/null "http://$NS_SERVER4:81/closed"       # refused: RST
	ns_c curl -s -m 5 -o /dev/null "http://$NS_SERVER4:53/"             # HTTP on the DNS port
done
ns_c curl -s -m 5 -o /dev/null "http://$NS_SERVER4/20k"
ns_c curl -s -m 5 -o /dev/null "http://[$NS_SERVER6]/20k"
ns_c python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
for i in range(20):
    s.sendto(b"\x23" + bytes(47), ("192.0.2.53", 123))
    s.recv(512)
for i in range(5):                                  # closed: ICMP port unreachable
    try:
        s.sendto(b"nobody home", ("192.0.2.53", 4000 + i))
        time.sleep(0.01)
    except OSError:
        pass
m = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
m.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.0.2.11"))
for i in range(5):
    m.sendto(b"hello everyone", ("239.1.2.3", 9999))
b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
b.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for i in range(5):
    b.sendto(b"hello all", ("192.0.2.255", 9999))
g = socket.socket(socket.AF_INET, socket.SOCK_STREAM)   # a half-open end: data, then a reset
g.connect(("192.0.2.53", 80))
g.send(b"GET")
import struct
g.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
g.close()'
ns_capture_end || exit 1
fact $F dns_queries_dig 6 clients

# --- the "any" device: Linux cooked captures, on the client and with its loopback ------------------------------
for v in "" 2; do
	F=link/sll$v.pcap
	mkdir -p "$OUT/link"
	NS_AT=$NS_C NS_DEV=any ns_capture "$OUT/$F" -y LINUX_SLL$v port 53 || exit 1
	twenty
	ns_capture_end || exit 1
	forget $F
	fact $F dns_messages 40 clients
done

# --- a capture that kept 96 bytes of each packet -----------------------------------------------------------------
mkdir -p "$OUT/format"
F=format/snap96.pcap
ns_capture "$OUT/$F" -s 96 port 53 || exit 1
twenty
ns_c kdig +tcp @$NS_SERVER4 big.example.com TXT >/dev/null
ns_capture_end || exit 1
forget $F
fact $F udp_messages 40 clients
fact $F tcp_messages 2 clients

# --- pcapng as dumpcap writes it, two devices in one file; and with nanoseconds (editcap) ------------------------
F=format/two-interfaces.pcapng
ip netns exec "$NS_C" python3 -m http.server --bind 127.0.0.1 8080 >/dev/null 2>&1 &
for n in $(seq 50); do
	ns_c curl -s -m 2 -o /dev/null http://127.0.0.1:8080/ && break
	sleep 0.1
done
ip netns exec "$NS_C" dumpcap -q -i c0 -f 'port 53' -i lo -f 'port 8080' -w "$TMP/two.pcapng" 2>"$TMP/dumpcap" &
PID=$!
for n in $(seq 50); do
	grep -q 'File:' "$TMP/dumpcap" && break
	sleep 0.1
done
twenty
ns_c curl -s -m 2 -o /dev/null http://127.0.0.1:8080/none
sleep 1.5
kill $PID
wait $PID
cat "$TMP/two.pcapng" >"$OUT/$F"
forget $F
fact $F dns_messages 40 clients
tcpdump -r "$OUT/$F" -w "$TMP/nano.pcap" --time-stamp-precision=nano 2>/dev/null
editcap -F pcapng "$TMP/nano.pcap" "$OUT/format/nano.pcapng"
fact format/nano.pcapng dns_messages 40 clients

# --- fragments: answers larger than the MTU ------------------------------------------------------------------
F=link/fragments.pcap
ip -n "$NS_S" link set s0 mtu 1280
ip -n "$NS_C" link set c0 mtu 1280
dns_server_stop
cat >"$TMP/unbound.conf" <<END
server:
  interface: $NS_SERVER4
  interface: $NS_SERVER6
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  username: ""
  chroot: ""
  directory: "$TMP"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  max-udp-size: 4096
  edns-buffer-size: 4096
  module-config: "iterator"
  local-zone: "example.com." static
END
for n in 1 2 3 4 5; do
	printf '  local-data: '"'"'big.example.com. TXT "%0250d" "%0250d"'"'"'\n' $n $n >>"$TMP/unbound.conf"
done
printf '  local-data: "www.example.com. A 192.0.2.80"\nremote-control:\n  control-enable: no\n' >>"$TMP/unbound.conf"
ip netns exec "$NS_S" unbound -d -c "$TMP/unbound.conf" 2>"$TMP/unbound.log" &
for n in $(seq 50); do
	ns_c dig +tries=1 +time=1 @$NS_SERVER4 www.example.com A >/dev/null && break
	sleep 0.1
done
ns_capture "$OUT/$F" || exit 1
for n in 1 2 3; do
	ns_c dig +tries=1 +time=2 +ignore +bufsize=4096 @$NS_SERVER4 big.example.com TXT >/dev/null
	ns_c dig +tries=1 +time=2 +ignore +bufsize=4096 @$NS_SERVER6 big.example.com TXT >/dev/null
	ns_c dig +tries=1 +time=2 @$NS_SERVER4 www.example.com A >/dev/null
done
ns_capture_end || exit 1
forget $F
fact $F queries 9 clients
fact $F replies_in_fragments 6 clients
ip -n "$NS_S" link set s0 mtu 1500
ip -n "$NS_C" link set c0 mtu 1500

# --- VXLAN: a tunnel between the two, DNS inside, recorded outside -----------------------------------------------
for v in 4 6; do
	F=link/vxlan$v.pcap
	if [ $v = 4 ]; then a=$NS_CLIENT4 b=$NS_SERVER4; else a=$NS_CLIENT6 b=$NS_SERVER6; fi
	ip -n "$NS_C" link add vx$v type vxlan id 4711 local $a remote $b dstport 4789
	ip -n "$NS_S" link add vx$v type vxlan id 4711 local $b remote $a dstport 4789
	ip -n "$NS_C" addr add 198.18.$v.1/24 dev vx$v
	ip -n "$NS_S" addr add 198.18.$v.2/24 dev vx$v
	ip -n "$NS_C" link set vx$v up
	ip -n "$NS_S" link set vx$v up
	cp "$TMP/unbound.conf" "$TMP/vx.conf"
	sed -i "s/interface: $NS_SERVER4/interface: 198.18.$v.2/; /interface: $NS_SERVER6/d" "$TMP/vx.conf"
	ip netns exec "$NS_S" unbound -d -c "$TMP/vx.conf" 2>"$TMP/unbound.log" &
	PID=$!
	for n in $(seq 50); do
		ns_c dig +tries=1 +time=1 @198.18.$v.2 www.example.com A >/dev/null && break
		sleep 0.1
	done
	ns_capture "$OUT/$F" udp port 4789 || exit 1
	for n in 1 2 3 4 5 6 7 8 9 10; do
		ns_c dig +tries=1 +time=2 +noedns @198.18.$v.2 www.example.com A >/dev/null
		ns_c dig +tries=1 +time=2 +noedns @198.18.$v.2 n$n.example.com A >/dev/null
	done
	ns_capture_end || exit 1
	kill $PID
	wait $PID 2>/dev/null
	forget $F
	fact $F inner_dns_messages 40 clients
done
