# SPDX-License-Identifier: MPL-2.0
#
# dnsserver.sh - an authoritative DNS server with our own zones, for bash scripts that source it.
# Sourced after ns.sh; the caller's trap must call dns_server_stop before ns_down.
#
#   dns_server_start NETNS ADDRESS...    knotd on port 53 of the addresses, returns when it answers
#   dns_server_stop                      ends it and removes its files
#
# What it serves: tests/lib/zones/*.zone; signed.test is signed with ECDSA P-256 as it is loaded;
# broken.test is configured without a zone file, so it answers SERVFAIL; any other name is REFUSED;
# names missing from a zone are NXDOMAIN. It answers NSID "pv-test" and client subnet, allows AXFR, and with
# DNS_COOKIES=1 in the environment insists on DNS cookies (BADCOOKIE for a query without a good one), with DNS_DNSTAP=FILE or
# DNS_DNSTAP=unix:PATH logs all of its queries and responses there (package knot-module-dnstap). knotd is used rather than named or unbound because it runs as root from one
# directory, answers 5000 queries/s with a fraction of one core, and logs nothing unless asked.
#
# Package: knot (and knot-dnsutils for kdig).

DNS_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DNS_DIR=
DNS_PID=

dns_server_start()
{
	local ns=$1 a z i
	shift
	DNS_DIR=$(mktemp -d)
	mkdir "$DNS_DIR/zones" "$DNS_DIR/run"
	cp "$DNS_LIB"/zones/*.zone "$DNS_DIR/zones"
	{
		echo "server:"
		echo "  rundir: $DNS_DIR/run"
		echo "  user: root:root"
		echo "  identity: pv-test"
		echo "  version: pv-test"
		echo "  nsid: pv-test"
		echo "  edns-client-subnet: on"
		echo "  udp-workers: 1"
		echo "  tcp-workers: 1"
		echo "  background-workers: 1"
		echo "  tcp-idle-timeout: 20"
		for a in "$@"; do echo "  listen: $a@53"; done
		echo "log:"
		echo "  - target: stderr"
		echo "    any: error"
		echo "database:"
		echo "  storage: $DNS_DIR/run"
		if [ -n "${DNS_COOKIES:-}" ]; then
			echo "mod-cookies:"
			echo "  - id: default"
			echo "    secret: 0x000102030405060708090a0b0c0d0e0f"
		fi
		if [ -n "${DNS_DNSTAP:-}" ]; then
			echo "mod-dnstap:"
			echo "  - id: default"
			echo "    sink: \"$DNS_DNSTAP\""
			echo "    identity: knot.test"
			echo "    log-queries: on"
			echo "    log-responses: on"
		fi
		echo "acl:"
		echo "  - id: all"
		echo "    action: transfer"
		echo "policy:"
		echo "  - id: sign"
		echo "    algorithm: ecdsap256sha256"
		echo "    nsec3: off"
		echo "template:"
		echo "  - id: default"
		echo "    storage: $DNS_DIR/zones"
		echo "    file: %s.zone"
		echo "    journal-content: none"
		echo "    zonefile-sync: -1"
		echo "    zonefile-load: whole"
		echo "    acl: all"
		[ -n "${DNS_COOKIES:-}" ] && echo "    global-module: mod-cookies/default"
		[ -n "${DNS_DNSTAP:-}" ] && echo "    global-module: mod-dnstap/default"
		echo "zone:"
		for z in "$DNS_DIR"/zones/*.zone; do
			z=${z##*/}
			z=${z%.zone}
			echo "  - domain: $z"
			[ "$z" = signed.test ] && printf '    dnssec-signing: on\n    dnssec-policy: sign\n'
		done
		echo "  - domain: broken.test"
	} >"$DNS_DIR/knot.conf"
	ip netns exec "$ns" knotd -c "$DNS_DIR/knot.conf" 2>"$DNS_DIR/log" &
	DNS_PID=$!
	for i in $(seq 300); do
		ip netns exec "$ns" kdig +short +retry=0 +timeout=1 @"$1" host.test A 2>/dev/null |
			grep -q 192.0.2.90 && return 0
		sleep 0.1
	done
	echo "dnsserver.sh: knotd does not answer: $(cat "$DNS_DIR/log")" >&2
	return 1
}

dns_server_stop()
{
	if [ -n "$DNS_PID" ]; then
		kill "$DNS_PID" 2>/dev/null
		wait "$DNS_PID" 2>/dev/null
		DNS_PID=
	fi
	[ -n "$DNS_DIR" ] && rm -rf "$DNS_DIR"
	DNS_DIR=
	return 0
}
