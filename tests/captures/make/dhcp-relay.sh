#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# dhcp-relay.sh [OUTDIR] - dhcp-relay.pcap: dhclient behind ISC dhcrelay, both families, as seen between relay and server. DHCRELAY names
# the relay where it is not installed.
LIMIT=90
. "$(dirname "$0")/common.sh"
set -u
DHCRELAY=${DHCRELAY:-dhcrelay}
F=dhcp-relay.pcap
NS_R=pv$$r # the server's; what ns.sh calls the server is the relay here
trap 'kill $(ip netns pids "$NS_R" 2>/dev/null) 2>/dev/null; ip netns del "$NS_R" 2>/dev/null; finish' EXIT
ns_up && ip netns add "$NS_R" || exit 1
ip netns exec "$NS_R" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip -n "$NS_S" link add u0 address 02:00:00:00:00:15 type veth peer name r0 address 02:00:00:00:00:25 netns "$NS_R" || exit 1
ip netns exec "$NS_S" ethtool -K u0 tx off >/dev/null 2>&1
ip netns exec "$NS_R" ethtool -K r0 tx off >/dev/null 2>&1
for d in "$NS_S u0 1" "$NS_R r0 2"; do
	set -- $d
	ip -n "$1" addr add 198.18.0.$3/24 dev "$2"
	ip -n "$1" addr add 2001:db8:9::$3/64 dev "$2" nodad
	ip -n "$1" link set "$2" up
done
ip -n "$NS_R" route add default via 198.18.0.1
ip -n "$NS_R" -6 route add default via 2001:db8:9::1
ip netns exec "$NS_S" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

chmod 755 "$TMP"
printf '#!/bin/sh\n[ "$reason" != BOUND ] || ip addr replace "$new_ip_address/24" dev c0\nexit 0\n' >"$TMP/script"
chmod +x "$TMP/script"
cat >"$TMP/4.conf" <<'END4'
authoritative;
ping-check off;
default-lease-time 600;
subnet 198.18.0.0 netmask 255.255.255.0 {}
subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.120; }
END4
cat >"$TMP/6.conf" <<'END6'
authoritative;
default-lease-time 600;
subnet6 2001:db8:9::/64 {}
subnet6 2001:db8:0:1::/64 { range6 2001:db8:0:1::1000 2001:db8:0:1::10ff; }
END6
touch "$TMP/4.leases" "$TMP/6.leases" "$TMP/c.leases"
sleep 2 # link-local addresses
for v in 4 6; do ip netns exec "$NS_R" dhcpd -$v -f -q -cf "$TMP/$v.conf" -lf "$TMP/$v.leases" --no-pid r0 2>>"$TMP/log" & done
ip netns exec "$NS_S" "$DHCRELAY" -4 -d -a --no-pid -id s0 -iu u0 198.18.0.2 2>>"$TMP/log" &
ip netns exec "$NS_S" "$DHCRELAY" -6 -d -I --no-pid -l s0 -u 2001:db8:9::2%u0 2>>"$TMP/log" &
sleep 1
forget $F
NS_AT=$NS_R NS_DEV=r0 ns_capture "$OUT/$F" 'udp port 67 or udp port 68 or udp port 546 or udp port 547' || exit 1
printf 'timeout 5;\nsend host-name "behind-relay";\n' >"$TMP/dhclient.conf"
ip -n "$NS_C" addr flush dev c0 scope global
for v in 4 6; do
	for run in '' -r; do
		ns_c timeout 5 dhclient -$v -d -cf "$TMP/dhclient.conf" -lf "$TMP/c.leases" --no-pid -sf "$TMP/script" $run c0 >>"$TMP/log" 2>&1
	done
	: >"$TMP/c.leases"
done
ns_capture_end || exit 1
sed 's/^/  /' "$TMP/log" | tail -20 >&2
