# SPDX-License-Identifier: MPL-2.0
# What pktvisord counts in saved captures is what is in them: of ours tcpdump, tshark and those that sent the traffic say so
# (EXPECTED.tsv, FACTS.tsv); of the original's fixtures its own tests do, where they lie beside the project.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
. "$TESTS/lib/golden.sh"
trap stop_agents EXIT

OURS=192.0.2.53/32,2001:db8:0:1::53/128
five='{n: {type: net}, d: {type: dns}, h: {type: dhcp}, p: {type: pcap}, b: {type: bgp}}'
names="dns-udp4 dns-udp6 dns-tcp4 dns-tcp6 dns-mixed dns-ecs dnssec dhcp4 dhcp6 dhcp-relay bgp http-mix"
{
	printf 'version: "1.0"\nvisor:\n  taps:\n'
	for n in $names; do tap "$n" "$CAPTURES/$n.pcap" $OURS; done
	echo "  policies:"
	for n in $names; do policy "$n" "$n" "$five"; done
	policy queries dns-udp4 '{d: {type: dns, filter: {only_queries: true}}}'
	policy responses dns-udp4 '{d: {type: dns, filter: {only_responses: true}}}'
	policy noerror dns-udp4 '{d: {type: dns, filter: {exclude_noerror: true}}}'
	policy refused dns-udp4 '{d: {type: dns, filter: {only_rcode: 5}}}'
	policy a dns-udp4 '{d: {type: dns, filter: {only_queries: true, only_qtype: [aaaa, 33]}}}'
	policy off dns-udp4 '{n: {type: net, metric_groups: {disable: [cardinality, top_ips]}}, d: {type: dns, metric_groups: {disable: [all]}}}'
	few='input: {tap: dns-mixed, input_type: pcap}, handlers: {window_config: {topn_count: 3}, modules:'
	echo "    few: {kind: collection, $few {d: {type: dns}}}}"
	echo "    merged: {kind: collection, config: {merge_like_handlers: true}, $few {d: {type: dns}, e: {type: dns}}}}"
} >golden.yaml
start --config golden.yaml || exit 1
ended
get /api/v1/policies/__all/metrics/bucket/0 >all
get /api/v1/policies/__all/metrics/window/2 >windows
finish

frames() { tcpdump -n -r "$CAPTURES/$1.pcap" --count "$2" 2>/dev/null | awk '{ print $1 }'; }
to='(dst host 192.0.2.53 or dst host 2001:db8:0:1::53)' from='(src host 192.0.2.53 or src host 2001:db8:0:1::53)'
for n in $names; do
	is "$n: packets of each kind" "$(of "$n" n .total .ipv4 .ipv6 .tcp .udp)" \
		"$(awk -v f="$n.pcap" '$1 == f { print $2 }' "$CAPTURES/EXPECTED.tsv") $(fact "$n" l3_ipv4) $(fact "$n" l3_ipv6) $(fact "$n" l4_tcp) $(fact "$n" l4_udp)"
	is "$n: and direction, SYNs" "$(of "$n" n .in .out .protocol.tcp.syn)" \
		"$(frames "$n" "(ip or ip6) and $to and not $from") $(frames "$n" "(ip or ip6) and $from") $(frames "$n" 'tcp[13] & 2 != 0 or (ip6 and ip6[6] == 6 and ip6[53] & 2 != 0)')"
	tcpdump -n -tt -r "$CAPTURES/$n.pcap" 2>/dev/null | sed -n '1p; $p' | awk '{ print int($1) }' | xargs >times
	is "$n: begins with the first packet and ends with the last" "$(of "$n" n .period.start_ts '.period.start_ts + .period.length')" "$(cat times)"
	case $n in
	dns*) is "$n: messages" "$(of "$n" d .wire_packets.{total,queries,replies,udp,tcp,ipv4,ipv6})" \
		"$(for k in messages queries replies udp tcp ipv4 ipv6; do fact "$n" dns_$k; done | xargs)"
		is "$n: what was answered" "$(of "$n" d .wire_packets.{noerror,nxdomain,refused,srvfail})" \
			"$(for k in NOERROR NXDOMAIN REFUSED SERVFAIL; do fact "$n" dns_rcode.$k; done | xargs)" ;;
	dhcp4) is "$n: messages" "$(of $n h .wire_packets.{discover,offer,request,ack,decline,nak,release,inform})" \
		"$(for k in discover offer request ack decline nak release inform; do fact $n dhcp4_$k; done | xargs)" ;;
	dhcp6) is "$n: messages" "$(of $n h .wire_packets.{solicit,advertise,request_v6,reply})" \
		"$(for k in solicit advertise request; do fact $n dhcp6_$k; done | xargs) $(tcpdump -n -r "$CAPTURES/$n.pcap" 2>/dev/null | grep -c 'dhcp6 reply')" # tshark looks into ICMP, too
		is "$n: messages of the rarer types" "$(of $n h .wire_packets.{confirm,renew,rebind,release_v6,decline_v6,reconfigure,information_request})" \
			"$(for k in confirm renew rebind release decline; do fact $n dhcp6_$k; done | xargs) 0 $(fact $n dhcp6_information-request)" ;;
	dhcp-relay) is "$n: messages, out of what relays wrap them in" "$(of $n h .wire_packets.{discover,offer,request,ack,solicit,advertise,request_v6,reply,release_v6})" \
		"$(for k in dhcp4_{discover,offer,request,ack} dhcp6_{solicit,advertise,request,reply,release}; do fact $n $k; done | xargs)" ;;
	bgp) is "$n: messages" "$(of $n b .wire_packets.{open,update,notification,keepalive,routerefresh})" \
		"$(for k in open update notification keepalive routerefresh; do fact $n bgp_$k; done | xargs)" ;;
	esac
	is "$n: nothing lost" "$(of "$n" p .if_drops .os_drops)" "0 0"
done
u=dns-udp4
is "who sent queries" "$(of $u n .cardinality.src_ips_in)" "$(tcpdump -n -r "$CAPTURES/$u.pcap" "$to" 2>/dev/null | awk '{ sub(/\.[0-9]+$/, "", $3); print $3 }' | sort -u | wc -l)"
q=$(fact $u dns_queries) r=$(fact $u dns_replies)
is "only_queries" "$(of queries d .wire_packets.{total,filtered,queries,replies})" "$q $r $q 0"
is "the types that were asked for" "$(of queries d '(.top_qtype[] | select(.name == ("A", "AAAA", "SRV", "HTTPS")) | .estimate)')" \
	"$(for k in 1 28 65 33; do fact $u dns_qtype.$k; done | xargs)"
is "only_responses" "$(of responses d .wire_packets.{total,filtered,queries,replies})" "$r $q 0 $r"
is "exclude_noerror" "$(of noerror d .wire_packets.{filtered,noerror,nxdomain})" "$(fact $u dns_rcode.NOERROR) 0 $(fact $u dns_rcode.NXDOMAIN)"
is "only_rcode 5" "$(of refused d .wire_packets.{filtered,noerror,refused})" "$((r - $(fact $u dns_rcode.REFUSED))) 0 $(fact $u dns_rcode.REFUSED)"
is "only_qtype: names in any case, numbers" "$(of a d .wire_packets.total)" "$(($(fact $u dns_qtype.28) + $(fact $u dns_qtype.33)))"
types=$(jq -c '.["dns-mixed"]["dns-mixed-dns-mixed-d"].dns.top_qtype[:3]' all)
is "topn_count holds for windows of many minutes" "$(jq -c '.few["few-dns-mixed-d"].dns.top_qtype' windows)" "$types"
is "and for merged handlers, which add up" "$(jq -c '.merged.dns_merged.dns.top_qtype | map(.estimate /= 2)' windows)" "$types"
is "groups that are off are not there" "$(jq -c '.off | [keys, (.["off-dns-udp4-n"].packets | has("cardinality", "top_ipv4", "total"))]' all)" '[["off-dns-udp4-n"],false,false,true]'

# ---- the original's fixtures, and what its tests expect of them (num_periods 1) ------------------------------------------------
# But for what is mended: filters on replies leave queries alone (exclude_noerror, only_dnssec_response).

KIT=$SHARED/conform/fixtures
[ -d "$KIT" ] || { skip "there is no conformance kit beside the project"; exit 0; }
names="dns_ipv4_udp dns_ipv4_tcp dns_ipv6_udp dns_ipv6_tcp dns_udp_tcp_random dns_udp_mixed_rcode dhcp-flow dhcpv6 dnssec bgp"
{
	printf 'version: "1.0"\nvisor:\n  taps:\n'
	for n in $names; do tap "$n" "$KIT/$n.pcap" 192.168.0.0/24; done
	echo "  policies:"
	for n in $names; do policy "$n" "$n" "$five"; done
	policy random_qtype dns_udp_tcp_random '{d: {type: dns, filter: {only_qtype: [AAAA, TxT]}}}'
	policy mixed_noerror dns_udp_mixed_rcode '{d: {type: dns, filter: {exclude_noerror: true}}}'
	policy mixed_nx dns_udp_mixed_rcode '{d: {type: dns, filter: {only_rcode: 3}}}'
	policy mixed_names dns_udp_mixed_rcode '{d: {type: dns, filter: {only_qname: [play.GooGle.com, nonexistent.google.com]}}}'
	policy mixed_suffix dns_udp_mixed_rcode '{d: {type: dns, filter: {only_qname_suffix: [GooGle.com]}}}'
	policy mixed_queries dns_udp_mixed_rcode '{d: {type: dns, filter: {only_queries: true}}}'
	policy mixed_chain dns_udp_mixed_rcode '[{d: {type: dns, filter: {only_qname_suffix: [google.com]}}}, {n: {type: net}}]'
	policy mixed_psl dns_udp_mixed_rcode '{d: {type: dns, config: {public_suffix_list: true}}}'
	policy signed dnssec '{d: {type: dns, filter: {only_dnssec_response: true}}}'
} >fixtures.yaml
start --config fixtures.yaml || exit 1
ended
get /api/v1/policies/__all/metrics/bucket/0 >all
finish
while read -r name handler want paths; do
	# shellcheck disable=SC2086
	is "original's $name: $handler $paths" "$(of "$name" "$handler" $paths)" "${want//,/ }"
done <<'END'
dns_ipv4_udp n 140,140,140,1567706414,6 .total .udp .ipv4 .period.start_ts .period.length
dns_ipv4_tcp n 2100,2100,420,1567706433 .total .tcp .protocol.tcp.syn .period.start_ts
dns_ipv6_udp n 140,140,140 .total .udp .ipv6
dns_ipv6_tcp n 1800,1800,360 .total .tcp .protocol.tcp.syn
dns_ipv4_udp d 140,70,70 .wire_packets.total .wire_packets.queries .wire_packets.replies
dns_ipv4_tcp d 420,210,210 .wire_packets.total .wire_packets.queries .wire_packets.replies
dns_ipv6_udp d 140 .wire_packets.total
dns_ipv6_tcp d 360,180,180 .wire_packets.total .wire_packets.queries .wire_packets.replies
dns_udp_tcp_random n 16147,13176,2846,2971,6648,9499,0,1,1,16147 .total .tcp .protocol.tcp.syn .udp .in .out .unknown_dir .cardinality.dst_ips_out .cardinality.src_ips_in .top_ipv4[0].estimate
dns_udp_tcp_random d 5851,2880,2971,2930,2921,2254,2921 .wire_packets.total .wire_packets.tcp .wire_packets.udp .wire_packets.queries .wire_packets.replies .wire_packets.nodata .wire_packets.noerror
dns_udp_tcp_random d 2921,0,.test.com,5851 .xact.out.total .xact.in.total .top_qname2[0].name .top_qname2[0].estimate
dns_udp_tcp_random d AAAA,1476,CNAME,825,SOA,794,MX,757,A,717,NS,662,TXT,620 .top_qtype[]|(.name,.estimate)
dns_udp_tcp_random p 0,0,0 .if_drops .os_drops .tcp_reassembly_errors
random_qtype d 2096,1050,1046,737 .wire_packets.total .wire_packets.queries .wire_packets.replies .wire_packets.nodata
mixed_noerror d 1,1,10 .wire_packets.refused .wire_packets.nxdomain .wire_packets.filtered
mixed_nx d 1 .wire_packets.nxdomain
mixed_names d 6,2,1,2 .wire_packets.total .wire_packets.noerror .wire_packets.nxdomain .wire_packets.nodata
mixed_suffix d 10,14,2 .wire_packets.total .wire_packets.filtered .wire_packets.nodata
mixed_queries d 12,12 .wire_packets.total .wire_packets.filtered
mixed_chain d 10 .wire_packets.total
mixed_chain n 10,3,5 .total .cardinality.dst_ips_out .cardinality.src_ips_in
signed d 14,6,6 .wire_packets.events .wire_packets.replies .wire_packets.noerror
dhcp-flow h 8,1,1,3,3,1634851620,30 .wire_packets.total .wire_packets.discover .wire_packets.offer .wire_packets.request .wire_packets.ack .period.start_ts .period.length
dhcp-flow h b8:27:eb:0c:b3:e2/192.168.2.1 .top_servers[0].name
dhcpv6 h 13,6,1,1,1,2 .period.length .wire_packets.events .wire_packets.solicit .wire_packets.advertise .wire_packets.request_v6 .wire_packets.reply
bgp b 9,9,9,2,4,0,3,0,0,1453594491,4 .wire_packets.events .wire_packets.deep_samples .wire_packets.total .wire_packets.open .wire_packets.update .wire_packets.notification .wire_packets.keepalive .wire_packets.routerefresh .wire_packets.filtered .period.start_ts .period.length
dhcpv6 h 08:00:27:d4:10:bb/fe80::a00:27ff:fed4:10bb .top_servers[0].name
END
