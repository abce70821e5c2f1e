# SPDX-License-Identifier: MPL-2.0
#
# dnstap.sh - servers that log in dnstap, for bash scripts that source it behind ns.sh. knotd is dnsserver.sh's
# (DNS_DNSTAP); here are a resolver and a load balancer in front of one. The caller's trap must call dnstap_stop.
#
#   unbound_start NETNS ADDRESS PORT UPSTREAM WHERE     a resolver that asks UPSTREAM for our zones, and refuses others; WHERE:
#                                                       a socket's path, or ADDRESS@PORT; logs what clients and it itself ask
#   dnsdist_start NETNS ADDRESS PORT UPSTREAM WHERE     the same for dnsdist; WHERE: unix:PATH or tcp:ADDRESS:PORT
#   dnstap_stop                                         ends them; their last messages are sent then
#
# Packages: unbound, dnsdist.

DNSTAP_DIRS=
DNSTAP_PIDS=
DNSTAP_ZONES="example.com example.org example.co.uk test 2.0.192.in-addr.arpa" # of knotd, that a resolver asks for

dnstap_answers() # NETNS ADDRESS PORT
{
	local i
	for i in $(seq 300); do
		ip netns exec "$1" kdig +short +retry=0 +timeout=1 @"$2" -p "$3" host.test A 2>/dev/null | grep -q 192.0.2.90 && return 0
		sleep 0.1
	done
	echo "dnstap.sh: $2 port $3 does not answer" >&2
	return 1
}

unbound_start()
{
	local dir to
	dir=$(mktemp -d)
	DNSTAP_DIRS="$DNSTAP_DIRS $dir"
	case $5 in
	/*) to="dnstap-socket-path: \"$5\"" ;;
	*) to="dnstap-ip: \"$5\"
  dnstap-tls: no" ;;
	esac
	cat >"$dir/unbound.conf" <<EOF
server:
  directory: "$dir"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  logfile: "$dir/log"
  interface: $2
  port: $3
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  do-not-query-localhost: no
  module-config: "iterator"
  num-threads: 1
  qname-minimisation: no
  infra-keep-probing: yes
  local-zone: "." refuse
$(printf '  local-zone: "%s." transparent\n' $DNSTAP_ZONES)
remote-control:
  control-enable: no
$(printf 'stub-zone:\n  name: "%s."\n  stub-addr: '"$4"'\n' $DNSTAP_ZONES)
dnstap:
  dnstap-enable: yes
  $to
  dnstap-bidirectional: ${UNBOUND_BIDIRECTIONAL:-yes}
  dnstap-send-identity: yes
  dnstap-identity: "unbound.test"
  dnstap-log-client-query-messages: yes
  dnstap-log-client-response-messages: yes
  dnstap-log-resolver-query-messages: yes
  dnstap-log-resolver-response-messages: yes
EOF
	ip netns exec "$1" unbound -d -c "$dir/unbound.conf" >"$dir/out" 2>&1 &
	DNSTAP_PIDS="$DNSTAP_PIDS $!"
	dnstap_answers "$1" "$2" "$3" || { cat "$dir/out" "$dir/log" >&2; return 1; }
}

dnsdist_start()
{
	local dir logger
	dir=$(mktemp -d)
	DNSTAP_DIRS="$DNSTAP_DIRS $dir"
	case $5 in
	unix:*) logger="newFrameStreamUnixLogger('${5#unix:}', {inputQueueSize=16384})" ;;
	*) logger="newFrameStreamTcpLogger('${5#tcp:}', {inputQueueSize=16384})" ;;
	esac
	# with its usual queue of 512 it drops what it cannot write at once
	cat >"$dir/dnsdist.conf" <<EOF
setLocal('$2:$3')
setACL({'0.0.0.0/0', '::/0'})
newServer({address='$4', healthCheckMode='up'})
local l = $logger
addAction(AllRule(), DnstapLogAction('dnsdist.test', l))
addResponseAction(AllRule(), DnstapLogResponseAction('dnsdist.test', l))
EOF
	ip netns exec "$1" dnsdist --supervised --disable-syslog -C "$dir/dnsdist.conf" >"$dir/out" 2>&1 &
	DNSTAP_PIDS="$DNSTAP_PIDS $!"
	dnstap_answers "$1" "$2" "$3" || { cat "$dir/out" >&2; return 1; }
}

dnstap_stop()
{
	local p
	for p in $DNSTAP_PIDS; do kill "$p" 2>/dev/null; done
	for p in $DNSTAP_PIDS; do wait "$p" 2>/dev/null; done
	DNSTAP_PIDS=
	[ -z "$DNSTAP_DIRS" ] || rm -rf $DNSTAP_DIRS
	DNSTAP_DIRS=
	return 0
}
