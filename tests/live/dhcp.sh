# A real DHCP server of both families and real clients: dhclient and udhcpc. A pipeline and pktvisord count each type of message as often as
# the server's log names it.
[ "$(id -u)" = 0 ] || { echo "skip - needs root"; exit 0; }
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
. "$TESTS/lib/ns.sh"
trap 'stop_agents; ns_down' EXIT
trap 'exit 1' INT TERM
ns_up || { not_ok "the namespaces come up"; exit 1; }
AT=(ip netns exec "$NS_S")
chmod 755 . # dhcpd gives up its privileges

cat >dhcpd.conf <<'END'
authoritative; ping-check off; default-lease-time 60; max-lease-time 60;
subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.120; option routers 192.0.2.53; }
subnet 198.51.100.0 netmask 255.255.255.0 {}
END
cat >dhcpd6.conf <<'END'
authoritative; default-lease-time 60;
subnet6 2001:db8:0:1::/64 { range6 2001:db8:0:1::1000 2001:db8:0:1::10ff; prefix6 2001:db8:100:: 2001:db8:1ff:: /56; }
END
printf '#!/bin/sh\nexit 0\n' >script
chmod 755 script; touch leases leases6 c.leases
start s0 || exit 1
ip netns exec "$NS_S" pv-capture s0 2>capture.err >raw.pve & pipe=$!
until_true test -s raw.pve
for v in 4 6; do
	n=${v#4}
	ip netns exec "$NS_S" dhcpd -$v -f -d -cf dhcpd$n.conf -lf leases$n --no-pid s0 2>dhcpd$v.log &
done
until_true grep -q 'Server starting service' dhcpd4.log && until_true grep -q 'Server starting service' dhcpd6.log || { cat dhcpd?.log; not_ok "the servers start"; exit 1; }

# leases REGEX LOG OPTIONS...: a client works until the server has said so once more, and goes without giving back what it got
leases() {
	local had client regex=$1 log=$2; shift 2
	had=$(grep -c "$regex" "$log")
	ip netns exec "$NS_C" dhclient "$@" -d -cf conf -lf c.leases --no-pid -sf "$PWD/script" c0 >>client.log 2>&1 & client=$!
	got_it() { [ "$(grep -c "$regex" "$log")" -gt "$had" ] && grep -q '^lease' c.leases; }
	until_true got_it || cat client.log
	kill -KILL $client; wait $client 2>/dev/null
}
client() { ns_c timeout 100 dhclient -"$1" -cf conf -lf c.leases --no-pid -sf "$PWD/script" "${@:2}" c0 >>client.log 2>&1; }
printf 'timeout 100; initial-interval 1; send host-name "laptop-one";\n' >conf
leases '^DHCPACK' dhcpd4.log -4 # takes a lease
client 4 -r                     # gives it back
ns_c timeout 100 busybox udhcpc -i c0 -f -q -n -t 30 -T 1 -x hostname:busybox -s "$PWD/script" >>client.log 2>&1
: >c.leases; printf 'timeout 100;\n' >conf
leases 'Sending Reply' dhcpd6.log -6
client 6 -r
: >c.leases
leases 'Sending Reply' dhcpd6.log -6 -P # a prefix
ns_idle
kill -INT $pipe; wait $pipe

said() { local n=0 word; for word in "${@:2}"; do n=$((n + $(grep -c "$word" "dhcpd$1.log"))); done; echo $n; }
want="$(said 4 '^DHCPDISCOVER') $(said 4 '^DHCPOFFER') $(said 4 '^DHCPREQUEST') $(said 4 '^DHCPACK')"
want6="$(said 6 'Solicit message from') $(said 6 'Sending Advertise') $(said 6 'Request message from') $(said 6 'Sending Reply')"
four='[.discover, .offer, .request, .ack] | map(tostring) | join(" ")' six='[.solicit, .advertise, .request_v6, .reply] | map(tostring) | join(" ")'
pv-dhcp <raw.pve | pv-window --json --periods 1 >window.json
like "the server saw each kind" "$want, $want6" '^([1-9][0-9]*,? ?){8}$'
is "DHCPv4: discover offer request ack, as the server has it" "$(jq -r ".[].dhcp.wire_packets | $four" window.json)" "$want"
is "DHCPv6: solicit advertise request reply, as the server has it" "$(jq -r ".[].dhcp.wire_packets | $six" window.json)" "$want6"
is "nothing was malformed" "$(pv-dhcp --only <raw.pve | pv-cat --json -t dhcp | jq -s 'map(select(.reason)) | length')" 0
is "the clients by name and address" "$(jq -c '[.[].dhcp.top_clients[].name | split("/") | [.[0], .[1]]] | sort | unique' window.json)" '[["02:00:00:00:00:0c","busybox"],["02:00:00:00:00:0c","laptop-one"]]'
is "the servers" "$(jq -r '[.[].dhcp.top_servers[].name | split("/")[0]] | unique | join(" ")' window.json)" 02:00:00:00:00:05
seen() { get /api/v1/metrics/window/5 | jq -r ".[].dhcp.wire_packets | \"\\($four), \\($six)\""; }
settled() { [ "$(seen)" = "$want, $want6" ]; }
until_true settled
is "pktvisord counts the same" "$(seen)" "$want, $want6"
