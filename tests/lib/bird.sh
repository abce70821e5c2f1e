# SPDX-License-Identifier: MPL-2.0
#
# bird.sh - two BGP speakers, for bash scripts that source it behind ns.sh. Each dumps every message that it receives (MRT, RFC 6396):
# what both received is what was said, in bird's own words.
#
#   bird_start SIDE           c or s: bird in that namespace, with its sessions down
#   bird SIDE COMMAND...      birdc
#   bird_up NAME              takes a session up, and waits until both sides call it established
#   bird_heard NAME N         waits until the client has heard of N routes in that session, those that were told again included
#   birds_got                 messages that both received: OPEN UPDATE NOTIFICATION KEEPALIVE ROUTE-REFRESH
#   bird_stop                 ends both
#
# Sessions: four (192.0.2.11 to .53), six (2001:db8:0:1::11 to ::53), each between AS 64497 and 64496. The server announces 1000 routes
# in each. One of them has so many communities that its message takes several segments: 2000 bytes for four, and more
# than 16,000 for six, which has extended messages (RFC 8654). Keepalives are those of sessions that come up: one every
# BIRD_KEEPALIVE seconds, 80, might be on the way when a session ends: said, but not received.
#
# Packages: bird2, python3.

BIRD_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BIRD_DIR=
declare -A BIRD_PID

bird_routes() # FAMILY COUNT
{
	local i
	for i in $(seq 0 $(($2 - 1))); do
		if [ "$1" = 4 ]; then echo "	route 198.18.$((i / 64)).$((i % 64 * 4))/30 blackhole;"; else
			printf '\troute 2001:db8:100:%x::/64 blackhole;\n' "$i"; fi
	done
}

bird_export() # NAME NET COMMUNITIES: a filter
{
	local i
	echo "filter $1 { if net = $2 then {"
	for i in $(seq "$3"); do echo "	bgp_large_community.add((64496, $i, 1));"; done
	echo "} accept; }"
}

bird_conf() # SIDE
{
	local as=64497 other=64496 me4=$NS_CLIENT4 me6=$NS_CLIENT6 to4=$NS_SERVER4 to6=$NS_SERVER6 id=192.0.2.11 passive=off
	[ "$1" = c ] || { as=64496 other=64497 me4=$NS_SERVER4 me6=$NS_SERVER6 to4=$NS_CLIENT4 to6=$NS_CLIENT6 id=192.0.2.53 passive=on; }
	cat <<END
log "$BIRD_DIR/$1.log" { info, warning, error, fatal, bug };
mrtdump "$BIRD_DIR/$1.mrt";
mrtdump protocols { messages };
router id $id;
protocol device {}
END
	if [ "$1" = s ]; then
		echo "protocol static r4 { ipv4;"; bird_routes 4 1000; echo "}"
		echo "protocol static r6 { ipv6;"; bird_routes 6 1000; echo "}"
	fi
	bird_export long4 198.18.0.0/30 150
	bird_export long6 2001:db8:100::/64 1350
	cat <<END
template bgp peer {
	local as $as;
	hold time $((3 * ${BIRD_KEEPALIVE:-80})); keepalive time ${BIRD_KEEPALIVE:-80}; connect delay time 0; connect retry time 1; error wait time 1, 2;
	passive $passive; disabled on; enable route refresh on; advertise hostname on;
}
protocol bgp four from peer { source address $me4; neighbor $to4 as $other; ipv4 { import all; export filter long4; }; }
protocol bgp six from peer {
	source address $me6; neighbor $to6 as $other; enable extended messages on; ipv6 { import all; export filter long6; };
}
END
}

bird_start()
{
	local ns=$NS_C
	[ "$1" = c ] || ns=$NS_S
	[ -n "$BIRD_DIR" ] || BIRD_DIR=$(mktemp -d)
	bird_conf "$1" >"$BIRD_DIR/$1.conf"
	ip netns exec "$ns" bird -f -c "$BIRD_DIR/$1.conf" -s "$BIRD_DIR/$1.ctl" 2>"$BIRD_DIR/$1.err" &
	BIRD_PID[$1]=$!
	local i
	for i in $(seq 600); do
		bird "$1" show status 2>/dev/null | grep -q 'up and running' && return 0
		sleep 0.1
	done
	echo "bird.sh: bird does not start: $(cat "$BIRD_DIR/$1.err" "$BIRD_DIR/$1.log")" >&2
	return 1
}

bird() { local side=$1; shift; birdc -s "$BIRD_DIR/$side.ctl" "$@"; }

bird_up()
{
	local i side
	for side in s c; do bird $side enable "$1" >/dev/null; done
	for i in $(seq 600); do
		[ "$(for side in s c; do bird $side show protocols "$1"; done | grep -c Established)" = 2 ] && return 0
		sleep 0.1
	done
	echo "bird.sh: $1 does not come up: $(bird c show protocols)" >&2
	return 1
}

bird_heard()
{
	local i
	for i in $(seq 600); do
		[ "$(bird c show protocols all "$1" | awk '/Import updates:/ { print $3 }')" = "$2" ] && return 0
		sleep 0.1
	done
	echo "bird.sh: $1 has not heard of $2 routes: $(bird c show protocols all "$1")" >&2
	return 1
}

birds_got() { python3 "$BIRD_LIB/mrtcount.py" "$BIRD_DIR"/?.mrt; }

bird_stop()
{
	local side
	for side in "${!BIRD_PID[@]}"; do
		kill "${BIRD_PID[$side]}" 2>/dev/null
		wait "${BIRD_PID[$side]}" 2>/dev/null
	done
	BIRD_PID=()
	[ -n "$BIRD_DIR" ] && rm -rf "$BIRD_DIR"
	BIRD_DIR=
	return 0
}
