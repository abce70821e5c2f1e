#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# dns-special.sh [OUTDIR] - dns-ecs, dnssec, dns-edns .pcap: dig, kdig and dnsperf against knotd, and
# against unbound validating in front of it (at 192.0.2.55).
LIMIT=120
. "$(dirname "$0")/common.sh"
set -u

N=0
# Single queries: one attempt, no fallback, and counted.
ask() { N=$((N + 1)); ns_c dig +tries=1 +time=2 +ignore "$@" >>"$TMP/dig" 2>&1 || die "dig $*"; }

ns_up || exit 1
ip -n "$NS_S" addr add 192.0.2.55/24 dev s0
dns_server_start "$NS_S" "$NS_SERVER4" "$NS_SERVER6" || exit 1

# --- client subnet -------------------------------------------------------------------------------------------
F=dns-ecs.pcap
forget $F
N=0
ns_capture "$OUT/$F" udp port 53 || exit 1
for net in 198.51.100.0/24 198.51.100.64/26 203.0.113.77/32 192.0.2.0/24 10.0.0.0/8 172.20.48.0/20 8.8.8.0/24; do
	ask @$NS_SERVER4 +nocookie +subnet=$net www.example.com A
	ask @$NS_SERVER6 +nocookie +subnet=$net www.example.org AAAA
	ask @$NS_SERVER4 +cookie +nsid +subnet=$net nosuch.example.org A
done
for net in 2001:db8:0:1::/64 2001:db8:0:2::/56 2001:db8::/32 2001:db8:0:2::21/128 2a00::/12; do
	ask @$NS_SERVER4 +nocookie +subnet=$net www.example.com AAAA
	ask @$NS_SERVER6 +nocookie +subnet=$net www.example.com A
	ask @$NS_SERVER6 +cookie +nsid +subnet=$net api.example.com A
done
ask @$NS_SERVER4 +nocookie +subnet=0 www.example.com A
ask @$NS_SERVER4 +nocookie +subnet=::/0 www.example.com A
fact $F ecs_queries_wellformed $N clients
# Options that lie or make no sense: too short, family 3, a prefix longer than the family has, an address longer
# than its prefix, bits set beyond the prefix.
W=$N
ask @$NS_SERVER4 +nocookie +ednsopt=8:0001 www.example.com A
ask @$NS_SERVER4 +nocookie +ednsopt=8:00031800c63364 www.example.com A
ask @$NS_SERVER4 +nocookie +ednsopt=8:0001c800c6336401 www.example.com A
ask @$NS_SERVER4 +nocookie +ednsopt=8:00011800c633640102 www.example.com A
ask @$NS_SERVER4 +nocookie +ednsopt=8:00011400c633ff www.example.com A
ask @$NS_SERVER4 +nocookie +ednsopt=8 www.example.com A
fact $F ecs_queries_malformed $((N - W)) clients
# Queries without the option, and many with the same one.
ask @$NS_SERVER4 +nocookie www.example.com A
ask @$NS_SERVER4 +noedns www.example.com A
"$TESTS/lib/dnsqueries.py" 60 51 >"$TMP/q"
perf -f inet -s $NS_SERVER4 -a 198.51.100.22 -d "$TMP/q" -n 1 -c 2 -Q 100 -E 8:00011800c63364
ns_capture_end || exit 1
EXTRA=$N perf_facts $F

# --- DNSSEC --------------------------------------------------------------------------------------------------
F=dnssec.pcap
forget $F
N=0
KEY=$(ns_s dig +short @$NS_SERVER4 signed.test DNSKEY | awk '$1 == 257')
cat >"$TMP/unbound.conf" <<END
server:
  interface: 192.0.2.55
  access-control: 0.0.0.0/0 allow
  outgoing-interface: $NS_SERVER4
  do-ip6: no
  username: ""
  chroot: ""
  directory: "$TMP"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  ede: yes
  module-config: "validator iterator"
  do-not-query-localhost: no
  local-zone: test. nodefault
  trust-anchor: "signed.test. IN DNSKEY $KEY"
  trust-anchor: "example.org. IN DNSKEY $KEY"
stub-zone:
  name: test.
  stub-addr: $NS_SERVER4
stub-zone:
  name: example.org.
  stub-addr: $NS_SERVER4
stub-zone:
  name: example.com.
  stub-addr: $NS_SERVER4
remote-control:
  control-enable: no
END
ip netns exec "$NS_S" unbound -d -c "$TMP/unbound.conf" 2>"$TMP/unbound.log" &
for n in $(seq 30); do
	ns_s dig +tries=1 +time=1 @192.0.2.55 www.example.com A >/dev/null && break
	sleep 0.2
done
ns_capture "$OUT/$F" udp port 53 || exit 1
# The signer itself.
for t in A AAAA DNSKEY SOA NS NSEC RRSIG; do
	ask @$NS_SERVER4 +nocookie +dnssec www.signed.test $t
	ask @$NS_SERVER6 +nocookie +dnssec signed.test $t
done
ask @$NS_SERVER4 +nocookie +dnssec nosuch.signed.test A
ask @$NS_SERVER4 +nocookie +dnssec some.wild.signed.test TXT
ask @$NS_SERVER4 +nocookie +dnssec mail.signed.test MX
ask @$NS_SERVER4 +nocookie www.signed.test A
ask @$NS_SERVER4 +nocookie +dnssec www.example.com A
# The validating resolver: AD in answers that were validated, CD from clients that do so themselves, SERVFAIL with
# an extended error for a zone whose trust anchor is wrong (example.org), no AD for an unsigned one.
for n in www.signed.test nosuch.signed.test other.wild.signed.test www.example.com www.example.org; do
	ask @192.0.2.55 +nocookie +dnssec +adflag $n A
	ask @192.0.2.55 +nocookie +dnssec +noadflag $n A
	ask @192.0.2.55 +nocookie +dnssec +cdflag $n A
	ask @192.0.2.55 +noedns +noadflag $n A
	ask @192.0.2.55 +noedns +noadflag $n AAAA
done
ns_capture_end || exit 1
fact $F queries $N clients
dns_server_stop

# --- EDNS and header variety ---------------------------------------------------------------------------------
F=dns-edns.pcap
forget $F
N=0
DNS_COOKIES=1 dns_server_start "$NS_S" "$NS_SERVER4" "$NS_SERVER6" || exit 1
ns_capture "$OUT/$F" port 53 || exit 1
for s in $NS_SERVER4 $NS_SERVER6; do
	ask @$s +cookie +nobadcookie www.example.com A
	ask @$s +cookie=0011223344556677 +nobadcookie www.example.com A
	ask @$s +cookie=00 +nobadcookie www.example.com A
	ask @$s +cookie=00112233445566770011223344556677889900112233445566 +nobadcookie www.example.com A
	ask @$s +nocookie +nsid www.example.com A
	ask @$s +nocookie +expire example.com SOA
	ask @$s +nocookie +padding=128 www.example.com A
	ask @$s +nocookie +keepalive www.example.com A
	ask @$s +nocookie +bufsize=512 big.example.com TXT
	ask @$s +nocookie +bufsize=1232 big.example.com TXT
	ask @$s +nocookie +bufsize=4096 big.example.com TXT
	ask @$s +nocookie +bufsize=0 www.example.com A
	ask @$s +nocookie +edns=1 +noednsneg www.example.com A
	ask @$s +nocookie +edns=255 +noednsneg www.example.com A
	ask @$s +nocookie +ednsflags=0xffff www.example.com A
	ask @$s +nocookie +ednsopt=65001:0102030405 +ednsopt=65002 www.example.com A
	ask @$s +nocookie +ednsopt=15:0016 www.broken.test A
	ask @$s +nocookie www.broken.test A
	ask @$s +nocookie elsewhere.invalid A
	ask @$s +nocookie +tcp +keepalive big.example.com TXT
	ask @$s +noedns +tcp www.example.com A
	ask @$s +noedns +zflag +aaflag +tcflag +raflag www.example.com A
	ask @$s +noedns +norecurse +cdflag www.example.com A
	ask @$s +noedns +opcode=STATUS www.example.com A
	ask @$s +noedns +opcode=NOTIFY example.com SOA
	ask @$s +noedns +opcode=UPDATE example.com SOA
	ask @$s +noedns +opcode=IQUERY www.example.com A
	ask @$s +noedns +opcode=9 www.example.com A
	ask @$s +noedns +header-only
	ask @$s +noedns version.bind CH TXT
	ask @$s +noedns id.server CH TXT
	ask @$s +noedns www.example.com HS A
	ask @$s +noedns example.com ANY
	ask @$s +noedns www.example.com TYPE65280
	ask @$s +noedns www.example.com TYPE0
	ask @$s +noedns www.example.com TYPE65535
	ask @$s +noedns www.example.com CLASS17 A
	ask @$s +noedns . NS
	ask @$s +noedns . A
done
ns_c kdig @$NS_SERVER4 +tcp +keepopen +nsid +cookie www.example.com A www.example.com AAAA example.org MX >/dev/null
ns_capture_end || exit 1
fact $F queries_dig $N clients
