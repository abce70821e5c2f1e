#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# dhcp.sh [OUTDIR] - dhcp4.pcap, dhcp6.pcap: dhclient, udhcpc and dhcpcd against ISC dhcpd. Leases are short, so that
# renewals come within seconds.
LIMIT=150
. "$(dirname "$0")/common.sh"
set -u

ns_up || exit 1
for n in $(seq 4); do
	ip -n "$NS_C" addr del 198.51.100.2$n/32 dev c0
	ip -n "$NS_C" addr del 203.0.113.3$n/32 dev c0
	ip -n "$NS_C" addr del 2001:db8:0:2::2$n/128 dev c0
done
ip -n "$NS_C" addr del $NS_CLIENT4/24 dev c0

# dhclient's script: as little as makes renewals work, and a refusal to test DECLINE.
cat >"$TMP/script" <<'END'
#!/bin/sh
case $reason in
BOUND | RENEW | REBIND | REBOOT) ip addr replace "$new_ip_address/24" dev c0 ;;
BOUND6) [ -n "$PV_DECLINE" ] && [ ! -e "$PV_DECLINE" ] && touch "$PV_DECLINE" && exit 3
	[ -n "$new_ip6_address" ] && ip addr replace "$new_ip6_address/128" dev c0 nodad ;;
EXPIRE | FAIL | RELEASE | STOP) ip -4 addr flush dev c0 ;;
esac
[ -n "$PV_DECLINE" ] && [ "$reason" = BOUND ] && exit 1
exit 0
END
# udhcpc's
cat >"$TMP/uscript" <<'END'
#!/bin/sh
[ "$1" = bound ] && ip addr replace "$ip/24" dev c0
[ "$1" = deconfig ] && ip -4 addr flush dev c0
exit 0
END
chmod +x "$TMP/script" "$TMP/uscript"
# Debian's dhcpd and dhclient read the paths below; nothing outside $TMP is written.
chmod 755 "$TMP"

mac() # another client: another MAC address, and the link-local address that comes with it
{
	local i
	ip -n "$NS_C" link set c0 down
	ip -n "$NS_C" link set c0 address "$1"
	ip -n "$NS_C" link set c0 up
	for i in $(seq 40); do
		ip -n "$NS_C" -6 addr show dev c0 scope link -tentative | grep -q inet6 && return 0
		sleep 0.1
	done
	die "no link-local address"
}

# --- DHCPv4 --------------------------------------------------------------------------------------------------
F=dhcp4.pcap
forget $F
cat >"$TMP/dhcpd.conf" <<'END'
authoritative;
default-lease-time 8;
min-lease-time 8;
max-lease-time 8;
ping-check off;
option domain-name "example.test";
option domain-name-servers 192.0.2.53;
subnet 192.0.2.0 netmask 255.255.255.0 {
	range 192.0.2.100 192.0.2.120;
	option routers 192.0.2.53;
}
host printer {
	hardware ethernet 02:00:00:00:01:04;
	fixed-address 192.0.2.200;
	option host-name "printer";
}
END
touch "$TMP/leases"
ip netns exec "$NS_S" dhcpd -4 -f -q -cf "$TMP/dhcpd.conf" -lf "$TMP/leases" --no-pid s0 2>"$TMP/dhcpd.log" &
SERVER4_PID=$!
sleep 1
ns_capture "$OUT/$F" 'udp port 67 or udp port 68 or arp' || exit 1
dhc() { ns_c timeout "$1" dhclient -4 -d -cf "$TMP/dhclient.conf" -lf "$TMP/c.leases" --no-pid -sf "$TMP/script" "${@:2}" c0 \
	>>"$TMP/dhclient.log" 2>&1; }
conf() { printf 'timeout 5;\ninitial-interval 1;\nbackoff-cutoff 2;\nrequest subnet-mask, routers, host-name, domain-name;\n%s\n' "$1" >"$TMP/dhclient.conf"; : >"$TMP/c.leases"; }

mac 02:00:00:00:01:01
conf 'send host-name "laptop-one";'
dhc 12                                              # discover, offer, request, ack, then renewals
dhc 5 -r                                            # release
mac 02:00:00:00:01:02
conf 'send host-name "Laptop Two_2";'
dhc 3
dhc 3 -x                                            # ends without release
mac 02:00:00:00:01:03
conf 'send host-name "";'                           # no host name
dhc 3
mac 02:00:00:00:01:04
conf 'send host-name "lp0"; send dhcp-client-identifier "printer-id";'
dhc 3
mac 02:00:00:00:01:05
conf 'send fqdn.fqdn "five.example.test."; send fqdn.encoded on; send fqdn.server-update on;'
dhc 3
# A client that comes from another network asks for its old address: NAK.
mac 02:00:00:00:01:06
conf 'send host-name "roamer";'
cat >"$TMP/c.leases" <<'END'
lease {
  interface "c0";
  fixed-address 10.9.8.7;
  option subnet-mask 255.255.255.0;
  option dhcp-lease-time 86400;
  option dhcp-server-identifier 10.9.8.1;
  renew 6 2037/01/01 00:00:00;
  rebind 6 2037/01/02 00:00:00;
  expire 6 2037/01/03 00:00:00;
}
END
dhc 6
# A client that finds its new address in use: DECLINE, then another try.
mac 02:00:00:00:01:07
conf 'send host-name "picky";'
PV_DECLINE=1 dhc 3 -e PV_DECLINE=1
mac 02:00:00:00:01:08
ns_c timeout 4 udhcpc -i c0 -f -q -n -t 2 -T 1 -x hostname:busybox -s "$TMP/uscript" >>"$TMP/dhclient.log" 2>&1
mac 02:00:00:00:01:09
ns_c timeout 6 udhcpc -i c0 -f -R -n -t 2 -T 1 -x hostname:büro -V "pv test" -s "$TMP/uscript" >>"$TMP/dhclient.log" 2>&1
# Asks for settings only: INFORM.
mac 02:00:00:00:01:0a
ip -n "$NS_C" addr add 192.0.2.77/24 dev c0
ns_c timeout 5 dhcpcd -4 -B -q -h informer -s 192.0.2.77/24 -c /bin/true -f /dev/null c0 >>"$TMP/dhclient.log" 2>&1
# Nobody answers: the server is away.
ip -n "$NS_C" -4 addr flush dev c0
kill $SERVER4_PID
wait $SERVER4_PID 2>/dev/null
sleep 0.5
mac 02:00:00:00:01:0b
conf 'send host-name "lonely";'
dhc 5
ns_capture_end || exit 1

# --- DHCPv6 --------------------------------------------------------------------------------------------------
F=dhcp6.pcap
forget $F
cat >"$TMP/dhcpd6.conf" <<'END'
authoritative;
default-lease-time 8;
preferred-lifetime 6;
option dhcp-renewal-time 3;
option dhcp-rebinding-time 5;
option dhcp6.name-servers 2001:db8:0:1::53;
option dhcp6.domain-search "example.test";
subnet6 2001:db8:0:1::/64 {
	range6 2001:db8:0:1::1000 2001:db8:0:1::10ff;
	prefix6 2001:db8:100:: 2001:db8:1ff:: /56;
}
END
: >"$TMP/leases6"
ip netns exec "$NS_S" dhcpd -6 -f -q -cf "$TMP/dhcpd6.conf" -lf "$TMP/leases6" --no-pid s0 2>>"$TMP/dhcpd.log" &
SERVER6_PID=$!
sleep 1
ns_capture "$OUT/$F" 'udp port 546 or udp port 547 or icmp6' || exit 1
dhc6() { ns_c timeout "$1" dhclient -6 -d -cf "$TMP/dhclient.conf" -lf "$TMP/c6.leases" --no-pid -sf "$TMP/script" "${@:2}" c0 \
	>>"$TMP/dhclient.log" 2>&1; }
conf6() { printf 'timeout 5;\nrequest dhcp6.name-servers, dhcp6.domain-search;\n%s\n' "$1" >"$TMP/dhclient.conf"; : >"$TMP/c6.leases"; }
mac 02:00:00:00:02:01
conf6 'send fqdn.fqdn "six-one.example.test."; send fqdn.encoded on;'
dhc6 9                                              # solicit, advertise, request, reply, renewals
dhc6 4 -r                                           # release
mac 02:00:00:00:02:02
conf6 'send fqdn.fqdn "six-two.example.test."; send dhcp6.rapid-commit;'
dhc6 5
dhc6 4                                              # comes back with a lease: confirm
mac 02:00:00:00:02:03
conf6 ''
dhc6 4 -S                                           # information-request
dhc6 4 -P                                           # prefix delegation
mac 02:00:00:00:02:04
conf6 'send fqdn.fqdn "six-four";'
dhc6 5 -e PV_DECLINE="$TMP/declined"                 # decline
# The server goes away: renew, then rebind, unanswered.
mac 02:00:00:00:02:05
conf6 ''
( sleep 3; kill $SERVER6_PID ) &
dhc6 11
ns_capture_end || exit 1
sed 's/^/  /' "$TMP/dhcpd.log" | tail -5 >&2
