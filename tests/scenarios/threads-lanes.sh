# SPDX-License-Identifier: MPL-2.0
# Policies on one shared source give what a pipeline of their own would: same filters, same bytes. Each capture is read once for all
# policies together, so that none may change what another sees.
. "$TESTS/lib/sh.sh"

G=("${GEO[@]}")
lanes() { "$BUILD/tests/pvlanes" -c "${GEO[1]}" -a "${GEO[3]}" "$@"; }

# Keys of a handler as options of its tool: a=b&c=d becomes --a b --c d; _ becomes -.
options() {
	local IFS='&' w
	for w in $1; do
		printf -- '--%s\n' "${w%%=*}" | tr _ -
		[ "$w" = "${w#*=}" ] || printf '%s\n' "${w#*=}"
	done
}

# tool HANDLER EXTRA...: the tool that makes the events of HANDLER
tool() {
	local h=$1 o; shift
	mapfile -t o < <([ "$h" = "${h#*\?}" ] || options "${h#*\?}")
	case $h in
	dns:2.0*) pv-dns --require-version 2.0 "${G[@]}" "${o[@]}" "$@" ;;
	net* | dns*) "pv-${h%%[?:]*}" "${G[@]}" "${o[@]}" "$@" ;;
	dhcp*) pv-dhcp "${o[@]}" "$@" ;;
	pcap*) pv-dns ;; # what reassembly loses is among its metrics
	none) cat ;;
	esac
}

# pipeline CAPTURE HOSTS PERIODS POLICY: the same of the tools. A pipeline has one window for all its handlers.
pipeline() {
	local file=$1 hosts=$2 periods=$3 policy=$4 chain=() first=() second=() third=() modules
	[ "$policy" = "${policy#chain:}" ] || chain=(--chain)
	IFS=+ read -r -a first <<<"${policy#chain:}"
	modules=$(printf '%s\n' "${first[@]%%\?*}" | awk '!seen[$0]++' | paste -sd,)
	second=("${first[1]-none}") third=("${first[2]-none}")
	pv-capture -r "$file" -H "$hosts" | tool "${first[0]}" "${chain[@]}" | tool "${second[0]}" "${chain[@]}" | tool "${third[0]}" |
		pv-window --json --periods "$periods" --modules "$modules"
}

# both PERIODS CAPTURE POLICY...: with sanitizers all policies run, but only every sixth has a pipeline, of many processes, to be compared with
compared=0
both() {
	local periods=$1 file=$CAPTURES/$2.pcap n=0 p bad=0; shift 2
	lanes -p "$periods" -H "$HOSTS" "$file" "$@" >got || bad=1
	for p; do
		n=$((n + 1))
		case $BUILD in */release*) ;; *) [ $((compared++ % 6)) -eq 0 ] || continue ;; esac
		pipeline "$file" "$HOSTS" "$periods" "$p" >want
		sed -n "${n}p" got >one
		same "$(basename "$file" .pcap), $periods periods: $p" one want
	done
	[ $bad = 0 ] || not_ok "lanes of $file"
}

FILTERS=(
	'dns' 'net' 'dhcp' 'pcap' 'net+dns+dhcp'
	'dns?exclude_noerror' 'dns?only_rcode=NXDOMAIN' 'dns?only_rcode=nxdomain,5' 'dns?only_queries' 'dns?only_responses'
	'dns?answer_count=0' 'dns?answer_count=2&only_rcode=NOERROR' 'dns?only_qtype=AAAA' 'dns?only_qtype=A,65&only_responses'
	'dns?only_qname=www.example.com' 'dns?only_qname_suffix=example.com' 'dns?only_qname_suffix=.example.co.uk,test'
	'dns?only_dnssec_response' 'dns?geoloc_notfound' 'dns?asn_notfound' 'dns?public_suffix_list'
	'dns?public_suffix_list&only_qname_suffix=co.uk' 'dns?only_xact_directions=in' 'dns?only_xact_directions=unknown,out'
	'dns?xact_ttl_ms=250' 'dns?xact_ttl_secs=3' 'dns?xact_ttl_secs=30' 'dns?xact_ttl_ms=250&only_qname_suffix=com'
	'net?only_geoloc_prefix=OC' 'net?geoloc_notfound' 'net?asn_notfound' 'net?only_asn_number=64498,65551'
	'net?only_geoloc_prefix=NA/United States+dns?only_rcode=NOERROR'
)
FILTERS2=(
	'net:2.0' 'dns:2.0' 'net:2.0+dns:2.0+dhcp' 'net:2.0?only_geoloc_prefix=OC' 'net:2.0?asn_notfound' 'dns:2.0?exclude_noerror'
	'dns:2.0?only_rcode=nxdomain,5' 'dns:2.0?answer_count=2&only_rcode=NOERROR' 'dns:2.0?only_qtype=A,65'
	'dns:2.0?only_qname=www.example.com' 'dns:2.0?only_qname_suffix=.example.co.uk,test&only_qtype=AAAA' 'dns:2.0?only_dnssec_response'
	'dns:2.0?geoloc_notfound' 'dns:2.0?asn_notfound' 'dns:2.0?public_suffix_list' 'dns:2.0?only_xact_directions=in'
	'dns:2.0?only_xact_directions=unknown,out&xact_ttl_ms=250' 'dns:2.0?xact_ttl_ms=250&only_qname_suffix=com' 'dns:2.0?xact_ttl_secs=30'
)
CHAINS=(
	'chain:dns:2.0?only_qname_suffix=.example.org+net:2.0' 'chain:dns:2.0?only_rcode=NXDOMAIN+net:2.0+dns:2.0'
	'chain:net:2.0?only_asn_number=64498+dns:2.0' 'chain:dns:2.0?only_qtype=A+dhcp'
	'chain:dns?only_qname_suffix=.example.org+net' 'chain:dns+net' 'chain:dns?only_responses+dns?only_qtype=A'
	'chain:dns?only_rcode=NXDOMAIN+dns+net' 'chain:net?only_asn_number=64498+dns' 'chain:net?only_geoloc_prefix=OC+dns?only_queries+net'
	'chain:dns?only_qtype=A+dhcp' 'chain:net?asn_notfound+dhcp' 'chain:dhcp+net'
)

for c in dns-udp4 dns-tcp4 dns-timeout dns-ecs dnssec; do
	both 5 $c "${FILTERS[@]}" "${FILTERS2[@]}"
done
for c in dns-udp6 dns-tcp6 dns-tcp-loss dns-tcp-reorder dns-tcp-midstream dns-mixed dns-odd-names http-mix dhcp4 dhcp6; do
	both 5 $c 'net+dns+dhcp' 'dns?only_qtype=A,AAAA' 'dns?only_rcode=NOERROR&xact_ttl_ms=20' 'pcap'
done
# Time goes by packets, whoever they are for: captures of several minutes, of which a policy sees little.
both 5 format/time-jumps 'net+dns+dhcp' dns dhcp 'dns?only_qtype=MX&xact_ttl_ms=50' 'net?only_geoloc_prefix=OC'
# With a policy that wants net each packet has its event; without one time goes by other events, and must go the same.
for c in format/time-jumps dns-mixed dns-timeout dhcp4 http-mix; do
	both 5 $c dns dhcp 'dns?only_rcode=REFUSED&xact_ttl_ms=100' pcap
done
both 2 dns-mixed 'net+dns' dns dhcp 'dns?only_rcode=REFUSED&xact_ttl_ms=1'
for c in dns-udp4 dns-tcp4 dns-tcp-loss dns-tcp-reorder dhcp4; do
	both 1 $c "${CHAINS[@]}"
done

both 5 dhcp4 'dhcp?xact_ttl_ms=1' 'dhcp?xact_ttl_secs=1' dhcp 'dhcp?xact_ttl_secs=60'

# However many look at it, a message is parsed once.
is "ten policies on one source parse each message once" "$(lanes -n "$CAPTURES/dns-udp4.pcap" dns{,,,,,,,,,} 2>&1 >/dev/null)" 906
