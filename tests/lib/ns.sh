# SPDX-License-Identifier: MPL-2.0
#
# ns.sh - two network namespaces joined by a veth pair, for bash scripts that source this file.
#
#   . tests/lib/ns.sh
#   trap ns_down EXIT; trap 'exit 1' INT TERM      # ns_down may run any number of times
#   ns_up                           # $NS_C (client, device c0) and $NS_S (server, device s0)
#   ns_c dig @192.0.2.53 ...        # run in the client's namespace
#   ns_s named -f ...               # run in the server's namespace
#   ip netns exec "$NS_S" prog &    # in the background: spelled out, or $! would be a shell around it
#   ns_idle                         # until nobody in the two has anything to do
#
# Needs root. Nothing leaves the two namespaces: neither has another device than lo and its end of the
# veth, so no default route leads anywhere but to the other side. Names carry the process id, so
# several scripts may run at the same time.
#
# Addresses (all are documentation ranges, so that a test's geo database may know them):
#   server  192.0.2.53/24     2001:db8:0:1::53/64
#   client  192.0.2.11/24     2001:db8:0:1::11/64      and on the same device, as further clients:
#           198.51.100.21..24/32, 203.0.113.31..34/32, 2001:db8:0:2::21..24/128
# MAC addresses are fixed: client 02:00:00:00:00:0c, server 02:00:00:00:00:05.
# IPv6 duplicate address detection is off (addresses work at once) and so are the segmentation and
# checksum offloads, so a capture shows frames as they would be on a wire, with true checksums.

NS_C=pv$$c
NS_S=pv$$s
NS_SERVER4=192.0.2.53
NS_SERVER6=2001:db8:0:1::53
NS_CLIENT4=192.0.2.11
NS_CLIENT6=2001:db8:0:1::11
NS_CAPTURES=

ns_c() { ip netns exec "$NS_C" "$@"; }
ns_s() { ip netns exec "$NS_S" "$@"; }

ns_up()
{
	local ns dev i
	[ "$(id -u)" = 0 ] || { echo "ns.sh: needs root" >&2; return 1; }
	ip netns add "$NS_C" || return 1
	ip netns add "$NS_S" || return 1
	for ns in "$NS_C" "$NS_S"; do
		ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.default.router_solicitations=0 net.ipv6.conf.all.router_solicitations=0
		ip -n "$ns" link set lo up
	done
	ip -n "$NS_C" link add c0 address 02:00:00:00:00:0c type veth \
		peer name s0 address 02:00:00:00:00:05 netns "$NS_S" || return 1
	ns_c ethtool -K c0 tx off tso off gso off gro off >/dev/null 2>&1
	ns_s ethtool -K s0 tx off tso off gso off gro off >/dev/null 2>&1
	ip -n "$NS_C" addr add $NS_CLIENT4/24 dev c0
	ip -n "$NS_C" addr add $NS_CLIENT6/64 dev c0 nodad
	ip -n "$NS_S" addr add $NS_SERVER4/24 dev s0
	ip -n "$NS_S" addr add $NS_SERVER6/64 dev s0 nodad
	for i in 1 2 3 4; do
		ip -n "$NS_C" addr add 198.51.100.2$i/32 dev c0
		ip -n "$NS_C" addr add 203.0.113.3$i/32 dev c0
		ip -n "$NS_C" addr add 2001:db8:0:2::2$i/128 dev c0 nodad
	done
	ip -n "$NS_C" link set c0 up
	ip -n "$NS_S" link set s0 up
	ip -n "$NS_C" route add default via $NS_SERVER4
	ip -n "$NS_C" -6 route add default via $NS_SERVER6
	ip -n "$NS_S" route add 198.51.100.0/24 dev s0
	ip -n "$NS_S" route add 203.0.113.0/24 dev s0
	ip -n "$NS_S" -6 route add 2001:db8:0:2::/64 dev s0
	# The link-local addresses appear a moment after the links are up; what is sent before is lost.
	for i in $(seq 60); do
		ns_c ping -q -c1 -W1 $NS_SERVER6 >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	echo "ns.sh: the two namespaces do not reach each other" >&2
	return 1
}

# ns_capture FILE [tcpdump arguments]: record the server's device into FILE until ns_capture_end.
# NS_DEV=c0 NS_AT=$NS_C in front of it records elsewhere. Returns once tcpdump is listening.
# Immediate mode, because tcpdump otherwise forgets at its end what the kernel has not handed over yet.
ns_capture()
{
	local file=$1 log i
	shift
	log=$(mktemp)
	ip netns exec "${NS_AT:-$NS_S}" tcpdump --immediate-mode -B 8192 -Z root -n -i "${NS_DEV:-s0}" \
		-w "$file" "$@" 2>"$log" &
	NS_CAPTURES="$NS_CAPTURES $!:$log"
	for i in $(seq 600); do
		grep -q 'listening on' "$log" && return 0
		sleep 0.1
	done
	echo "ns.sh: tcpdump did not start: $(cat "$log")" >&2
	return 1
}

# Waits, for a minute at most, until every process in the two namespaces has slept for half a second: whatever was sent has been taken
# by who wanted it. A process that gets no processor does not sleep.
ns_idle()
{
	local i looks=0 p
	for i in $(seq 600); do
		looks=$((looks + 1))
		for p in $(ip netns pids "$NS_C") $(ip netns pids "$NS_S"); do
			! cat /proc/"$p"/task/*/status 2>/dev/null | grep '^State:' | grep -qv 'sleeping' || looks=0
		done
		[ $looks -lt 6 ] || return 0
		sleep 0.1
	done
	return 1
}

# Ends all captures; returns 1 if one of them lost packets.
ns_capture_end()
{
	local c bad=0
	ns_idle
	for c in $NS_CAPTURES; do
		kill -INT "${c%%:*}" 2>/dev/null
		wait "${c%%:*}" 2>/dev/null
		if ! grep -q '^0 packets dropped by kernel' "${c#*:}"; then
			echo "ns.sh: tcpdump: $(cat "${c#*:}")" >&2
			bad=1
		fi
		rm -f "${c#*:}"
	done
	NS_CAPTURES=
	return $bad
}

ns_down()
{
	local ns pids
	[ -n "$NS_CAPTURES" ] && ns_capture_end
	for ns in "$NS_C" "$NS_S"; do
		ip netns list 2>/dev/null | grep -qw "$ns" || continue
		pids=$(ip netns pids "$ns")
		if [ -n "$pids" ]; then
			# shellcheck disable=SC2086
			kill $pids 2>/dev/null
			sleep 0.3
			pids=$(ip netns pids "$ns")
			# shellcheck disable=SC2086
			[ -n "$pids" ] && kill -9 $pids 2>/dev/null
		fi
		ip netns del "$ns"
	done
	return 0
}
