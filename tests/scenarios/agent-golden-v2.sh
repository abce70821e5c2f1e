# SPDX-License-Identifier: MPL-2.0
# net 2.0 and dns 2.0: what pktvisord counts per direction is what is in our captures (tcpdump, tshark: EXPECTED.tsv, FACTS.tsv), and
# what the original's tests expect of its fixtures, where they lie beside the project.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
. "$TESTS/lib/golden.sh"
trap stop_agents EXIT

V='require_version: "2.0"'
SERVER=192.0.2.53/32,2001:db8:0:1::53/128
both="{n: {type: net, $V}, d: {type: dns, $V}}"
names="dns-udp4 dns-udp6 dns-tcp4 dns-tcp6 dnssec http-mix"
{
	printf 'version: "1.0"\nvisor:\n  taps:\n'
	for n in $names dns-timeout; do tap "$n" "$CAPTURES/$n.pcap" $SERVER; done
	tap clients "$CAPTURES/dns-udp4.pcap" 198.51.100.0/24
	tap lan "$CAPTURES/dns-udp4.pcap" 192.0.2.0/24
	echo "  policies:"
	for n in $names dns-timeout; do policy "$n" "$n" "$both"; done
	policy clients clients "$both"
	policy lan lan "$both"
	policy versions dns-udp4 "{n: {type: net}, n2: {type: net, $V}, d: {type: dns}, d2: {type: dns, $V}}"
	policy names dns-udp4 "{d: {type: dns, $V, filter: {only_qname_suffix: [.example.com]}}}"
	policy codes dns-udp4 "{d: {type: dns, $V, filter: {only_rcode: [nxdomain, 5]}}}"
	policy types dns-udp4 "{d: {type: dns, $V, filter: {only_qtype: [AAAA, 33]}}}"
	policy asked clients "{d: {type: dns, $V, filter: {only_xact_directions: [in]}}}"
	policy hasty dns-timeout "{d: {type: dns, $V, config: {xact_ttl_ms: 250}}}"
	policy chain dns-udp4 "[{d: {type: dns, $V, filter: {only_qname_suffix: [.example.com]}}}, {n: {type: net, $V}}, {d2: {type: dns, $V}}]"
	few='handlers: {window_config: {topn_count: 3, num_periods: 1}, modules:'
	echo "    merged: {kind: collection, config: {merge_like_handlers: true}, input: {tap: dns-udp4, input_type: pcap}, $few {d: {type: dns, $V}, e: {type: dns, $V}}}}"
} >golden.yaml
start --config golden.yaml || exit 1
ended
get /api/v1/policies/__all/metrics/bucket/0 >all
get /api/v1/policies/merged/metrics/prometheus >merged.prom
get /api/v1/policies/versions/metrics/prometheus >versions.prom
finish

# sum METRIC: over the directions
sum() { echo "([.in, .out, .unknown | values | .$1] | add)"; }
frames() { tcpdump -n -r "$CAPTURES/$1.pcap" --count "$2" 2>/dev/null | awk '{ print $1 }'; }
to='(dst host 192.0.2.53 or dst host 2001:db8:0:1::53)' from='(src host 192.0.2.53 or src host 2001:db8:0:1::53)'
for n in $names; do
	is "$n: packets in and out" "$(of "$n" n .in.total_packets .out.total_packets)" \
		"$(frames "$n" "(ip or ip6) and $to and not $from") $(frames "$n" "(ip or ip6) and $from")"
	is "$n: packets of each kind" "$(of "$n" n "$(sum ipv4_packets)" "$(sum ipv6_packets)" "$(sum tcp_packets)" "$(sum udp_packets)")" \
		"$(for k in l3_ipv4 l3_ipv6 l4_tcp l4_udp; do fact "$n" $k; done | xargs)"
	case $n in
	dns*) is "$n: messages" "$(of "$n" d .observed_packets)" "$(fact "$n" dns_messages)"
		is "$n: one transaction for each reply, and what was answered" "$(of "$n" d "$(sum xacts)" "$(sum noerror_xacts)" "$(sum nxdomain_xacts)" "$(sum refused_xacts)" "$(sum srvfail_xacts)" "$(sum orphan_responses)")" \
			"$(for k in dns_replies dns_rcode.{NOERROR,NXDOMAIN,REFUSED,SERVFAIL}; do fact "$n" $k; done | xargs) 0" ;;
	esac
done
u=dns-udp4 x=$(fact dns-udp4 dns_replies)
is "the types that were asked for, once each" "$(of $u d '(.in.top_qtype_xacts[] | select(.name == ("A", "AAAA", "SRV", "HTTPS")) | .estimate)')" \
	"$(for k in 1 28 65 33; do fact $u dns_qtype.$k; done | xargs)"
is "the clients' side of 150 of them" "$(of clients d .out.xacts .unknown.xacts 'has("in")')" "150 $((x - 150)) false"
is "and only the side that is asked for" "$(of asked d .observed_packets .filtered_packets 'has("in")')" "$((2 * x)) $((2 * x)) false"
is "a client and a server of ours: the server is asked, none is an orphan" "$(of lan d '(.in, .out, .unknown | .xacts, .orphan_responses)')" "$x 0 null null null null"
is "both versions see the same" "$(of versions n .total) $(of versions n2 '(.in.total_packets + .out.total_packets)') $(of versions d .xact.in.total) $(of versions d2 .in.xacts)" "$((2 * x)) $((2 * x)) $x $x"
is "in Prometheus text they stand side by side" "$(grep -c '^dns_xact_in_total{\|^dns_xacts{direction="in"\|^packets_total{\|^net_total_packets{direction=' versions.prom)" 5

# Of 906 messages 466 are for names below example.com, and 502 - 453 + 517 - 502 are replies NXDOMAIN or REFUSED (dns-filters.sh: tshark).
is "a query that is rejected takes its reply along" "$(of names d .in.xacts .filtered_packets .in.orphan_responses .in.timeout_queries)" "$((466 / 2)) $((906 - 466)) 0 0"
is "a reply that is rejected takes its query along" "$(of codes d .in.xacts .filtered_packets .in.nxdomain_xacts .in.refused_xacts .in.noerror_xacts)" "64 $((906 - 2 * 64)) 49 15 0"
is "types are asked of replies" "$(of types d .in.xacts .filtered_packets)" "$((78 + 11)) $((906 - 2 * (78 + 11)))"
# 93 questions and 81 replies (dns-filters.sh): each is in one place
is "how long each policy waits" "$(of dns-timeout d "$(sum xacts)" "$(sum timeout_queries)" "$(sum orphan_responses)") $(of hasty d "$(sum xacts)" "$(sum timeout_queries)" "$(sum orphan_responses)")" "60 $((93 - 60)) $((81 - 60)) 42 $((93 - 42)) $((81 - 42))"
is "behind dns come the queries that passed, and all replies" "$(of chain n .in.total_packets .out.total_packets)" "$((466 / 2)) $x"
is "and a dns behind that has replies without a query" "$(of chain d2 .in.xacts .in.orphan_responses)" "$((466 / 2)) $((x - 466 / 2))"
is "merged handlers add up" "$(jq -c '.merged.dns_merged.dns | [.observed_packets, .in.xacts, (.in.top_qtype_xacts | length)]' all)" "[$((4 * x)),$((2 * x)),3]"
is "under one name" "$(grep '^dns_xacts{' merged.prom)" "dns_xacts{direction=\"in\",handler=\"dns_merged\",policy=\"merged\"} $((2 * x))"

# ---- the original's fixtures, and what its tests expect of them (num_periods 1) ------------------------------------------------
# But for what is mended: a host of ours that asks another of ours is asked (mixed /24: its tests have three orphans, ours three
# transactions "in"), and filters over TCP find their queries (random_qtype: 3750 filtered, not 2822; ecs_geo: 29 and no orphan, not
# 27 and two).

KIT=$SHARED/conform/fixtures
[ -d "$KIT" ] || { skip "there is no conformance kit beside the project"; exit 0; }
names="dns_ipv4_udp dns_ipv4_tcp dns_ipv6_udp dns_ipv6_tcp"
random="{tap: dns_udp_tcp_random, input_type: pcap}"
{
	printf 'version: "1.0"\nvisor:\n  config: {geo_city: "%s", geo_asn: "%s"}\n  taps:\n' "$KIT/GeoIP2-City-Test.mmdb" "$KIT/GeoIP2-ISP-Test.mmdb"
	for n in $names; do echo "    $n: {input_type: pcap, config: {pcap_file: \"$KIT/$n.pcap\"}}"; done
	for n in dns_udp_tcp_random dns_udp_mixed_rcode dnssec ecs; do tap $n "$KIT/$n.pcap" 192.168.0.0/24; done
	tap mixed26 "$KIT/dns_udp_mixed_rcode.pcap" 192.168.0.0/26
	echo "    tapped: {input_type: dnstap, config: {dnstap_file: \"$KIT/fixture.dnstap\"}}"
	echo "  policies:"
	for n in $names; do policy "$n" "$n" "$both"; done
	policy random dns_udp_tcp_random "{n: {type: net, $V}, d: {type: dns, $V, metric_groups: {enable: [top_size, top_ports]}}}"
	policy random_off dns_udp_tcp_random "{n: {type: net, $V, metric_groups: {disable: [cardinality, counters]}}, d: {type: dns, $V, metric_groups: {disable: [cardinality, counters], enable: [top_size, xact_times]}}}"
	policy random_noips dns_udp_tcp_random "{n: {type: net, $V, metric_groups: {disable: [top_ips, top_geo]}}, d: {type: dns, $V, metric_groups: {disable: [top_qnames]}}}"
	echo "    random_3: {kind: collection, input: $random, handlers: {window_config: {num_periods: 1, topn_count: 3}, modules: {d: {type: dns, $V}}}}"
	policy random_qtype dns_udp_tcp_random "{d: {type: dns, $V, filter: {only_qtype: [AAAA, TxT]}}}"
	for k in geoloc_notfound asn_notfound; do policy mixed_$k dns_udp_mixed_rcode "{n: {type: net, $V, filter: {$k: true}}}"; done
	policy mixed_neither dns_udp_mixed_rcode "{n: {type: net, $V, filter: {geoloc_notfound: true, asn_notfound: true}}}"
	policy mixed_us dns_udp_mixed_rcode "{n: {type: net, $V, filter: {only_geoloc_prefix: [NA/United States]}}}"
	policy mixed_asn dns_udp_mixed_rcode "{n: {type: net, $V, filter: {only_asn_number: [\"16509\", \"22131\"]}}}"
	policy mixed dns_udp_mixed_rcode "$both"
	policy mixed_noerror dns_udp_mixed_rcode "{d: {type: dns, $V, filter: {exclude_noerror: true}}}"
	policy mixed_nx dns_udp_mixed_rcode "{d: {type: dns, $V, filter: {only_rcode: 3}}}"
	policy mixed_rcodes dns_udp_mixed_rcode "{d: {type: dns, $V, filter: {only_rcode: [nxdomain, \"5\"]}}}"
	policy mixed_names dns_udp_mixed_rcode "{d: {type: dns, $V, filter: {only_qname: [play.GooGle.com, nonexistent.google.com]}}}"
	policy mixed_suffix dns_udp_mixed_rcode "{d: {type: dns, $V, filter: {only_qname_suffix: [GooGle.com]}}}"
	policy mixed_nodata mixed26 "{d: {type: dns, $V, filter: {only_rcode: 0, answer_count: 0}}}"
	policy mixed_psl mixed26 "{d: {type: dns, $V, config: {public_suffix_list: true}}}"
	policy signed dnssec "{d: {type: dns, $V, filter: {only_dnssec_response: true}}}"
	policy ecs ecs "{d: {type: dns, $V, metric_groups: {enable: [top_ecs]}}}"
	for k in geoloc_notfound asn_notfound; do policy ecs_$k ecs "{d: {type: dns, $V, filter: {$k: true}, metric_groups: {enable: [top_ecs]}}}"; done
	policy dns_net dns_udp_mixed_rcode "[{d: {type: dns, $V, filter: {only_qname_suffix: [google.com]}}}, {n: {type: net, $V}}]"
	policy net_dns dns_udp_mixed_rcode "[{n: {type: net, $V, filter: {geoloc_notfound: true}}}, {d: {type: dns, $V}}]"
	tapped='input: {tap: tapped, input_type: dnstap}, handlers: {window_config: {num_periods: 1}, modules:'
	echo "    tapped: {kind: collection, $tapped {n: {type: net, $V}, d: {type: dns, $V, metric_groups: {enable: [top_size, top_ports]}}}}}"
	echo "    tapped_auth: {kind: collection, $tapped {d: {type: dns, $V, filter: {dnstap_msg_type: auth}}}}}"
	policy four dns_ipv4_tcp "[{n: {type: net, $V}}, {d: {type: dns, $V}}, {m: {type: net, $V}}, {e: {type: dns, $V}}]"
} >fixtures.yaml
start --config fixtures.yaml || exit 1
ended
get /api/v1/policies/__all/metrics/bucket/0 >all
finish
while read -r name handler want paths; do
	# shellcheck disable=SC2086
	is "original's $name: $handler $paths" "$(of "$name" "$handler" $paths)" "${want//,/ }"
done <<'END'
dns_ipv4_udp n 140,140,140,0,280,1567706414,6 .observed_packets .unknown.udp_packets .unknown.ipv4_packets .unknown.ipv6_packets .unknown.top_ipv4_packets[0].estimate .period.start_ts .period.length
dns_ipv4_tcp n 2100,2100,420,2100,0,1567706433 .observed_packets .unknown.tcp_packets .unknown.tcp.syn_packets .unknown.ipv4_packets .unknown.ipv6_packets .period.start_ts
dns_ipv6_udp n 140,140,0,140,1567706365 .observed_packets .unknown.udp_packets .unknown.ipv4_packets .unknown.ipv6_packets .period.start_ts
dns_ipv6_tcp n 1800,1800,360,0,1800,1567706308 .observed_packets .unknown.tcp_packets .unknown.tcp.syn_packets .unknown.ipv4_packets .unknown.ipv6_packets .period.start_ts
dns_ipv4_udp d 140,70,70,0,70,.test.com,70 .observed_packets .unknown.udp_xacts .unknown.ipv4_xacts .unknown.ipv6_xacts .unknown.xacts (.unknown.top_qname2_xacts[0]|(.name,.estimate))
dns_ipv4_tcp d 420,210,210,210,0,0 .observed_packets .unknown.tcp_xacts .unknown.ipv4_xacts .unknown.xacts .unknown.timeout_queries .unknown.orphan_responses
dns_ipv6_udp d 140,70,70,0,70,0,0 .observed_packets .unknown.udp_xacts .unknown.ipv6_xacts .unknown.ipv4_xacts .unknown.xacts .unknown.timeout_queries .unknown.orphan_responses
dns_ipv6_tcp d 360,180,180,180,0,0 .observed_packets .unknown.tcp_xacts .unknown.ipv6_xacts .unknown.xacts .unknown.timeout_queries .unknown.orphan_responses
random n 16147,16147,5167,8009,1423,1423,1481,1490,6648,9499 .observed_packets .deep_sampled_packets (.in,.out|.tcp_packets) (.in,.out|.tcp.syn_packets) (.in,.out|.udp_packets) (.in,.out|.total_packets)
random n 0,0,6648,9499,false,1,1,8.8.8.8,9499 (.in,.out|.other_l4_packets) (.in,.out|.ipv4_packets) has("unknown") (.in,.out|.cardinality.ips) (.out.top_ipv4_packets[0]|(.name,.estimate))
random n 74,195,66,110,167,193 (.in.payload_size_bytes|(.p50,.p95)) (.out.payload_size_bytes|(.p50,.p90,.p95,.p99))
random_off n 16147,null,null,6648 .observed_packets .in.tcp_packets .in.cardinality .in.top_ipv4_packets[0].estimate
random_noips n 16147,1,null,null (.in.total_packets+.out.total_packets) .in.cardinality.ips .in.top_ipv4_packets .in.top_asn_packets
random d 5851,5851,1440,1481,2921,0,2921,0,2254,2921,0,0,0 .observed_packets .deep_sampled_packets .out.tcp_xacts .out.udp_xacts .out.ipv4_xacts .out.ipv6_xacts .out.xacts .out.orphan_responses .out.nodata_xacts .out.noerror_xacts .out.nxdomain_xacts .out.refused_xacts .out.srvfail_xacts
random d .test.com,2921,NOERROR,2921,57975,151,290 (.out.top_qname2_xacts[0]|(.name,.estimate)) (.out.top_rcode_xacts[0]|(.name,.estimate)) (.out.top_udp_ports_xacts[0]|(.name,.estimate)) .out.top_response_bytes[0].estimate
random d AAAA,737,CNAME,412,SOA,397,MX,377,A,358,NS,331,TXT,309 (.out.top_qtype_xacts[]|(.name,.estimate))
random d true,82gdxvz5vp.mmyv7ma0jn.rxst40swe.tcbgtnfa.test.com (.out.cardinality.qname|.>1960and.<2040) .out.top_response_bytes[0].name
random_3 d AAAA,737,CNAME,412,SOA,397 (.out.top_qtype_xacts[]|(.name,.estimate))
random_qtype d 5851,5851,1046,1046,0,737,1046,3750 .observed_packets .deep_sampled_packets .out.ipv4_xacts .out.xacts .out.orphan_responses .out.nodata_xacts .out.noerror_xacts .filtered_packets
random_qtype d AAAA,737,TXT,309 (.out.top_qtype_xacts[]|(.name,.estimate))
random_off d 5851,null,null,.test.com,true,true,true .observed_packets .out.xacts .out.cardinality .out.top_qname2_xacts[0].name (.out.response_query_size_ratio|has("p50")) (.out.xact_time_us|has("p50")) (.out.xact_histogram_us|has("buckets"))
random_noips d 1440,1481,2921,2921,null .out.tcp_xacts .out.udp_xacts .out.ipv4_xacts .out.xacts .out.top_qname2_xacts
mixed n 15,9,9,6 (.in,.out|.total_packets,.cardinality.ips)
mixed_geoloc_notfound n 192.168.0.54,3,Unknown,15 (.in.top_ipv4_packets[0]|(.name,.estimate)) (.in.top_geo_loc_packets[0]|(.name,.estimate))
mixed_asn_notfound n 192.168.0.54,3,Unknown,15 (.in.top_ipv4_packets[0]|(.name,.estimate)) (.in.top_asn_packets[0]|(.name,.estimate))
mixed_neither n 3,15,15 .in.top_ipv4_packets[0].estimate .in.top_geo_loc_packets[0].estimate .in.top_asn_packets[0].estimate
mixed_us n 24,24,false .observed_packets .filtered_packets has("in")
mixed_asn n 24,24,false .observed_packets .filtered_packets has("in")
mixed d 24,9,0,3,0,7,2 .observed_packets .out.xacts .out.orphan_responses .in.xacts .in.orphan_responses .out.authoritative_answer_xacts .out.authenticated_data_xacts
mixed_noerror d 1,1,0,0,20 .out.refused_xacts .out.nxdomain_xacts .out.noerror_xacts .out.srvfail_xacts .filtered_packets
mixed_nx d 1,0,22 .out.nxdomain_xacts .out.refused_xacts .filtered_packets
mixed_rcodes d 1,1,20 .out.nxdomain_xacts .out.refused_xacts .filtered_packets
mixed_names d 2,2,1,1,1,0,0,0 .out.udp_xacts .out.xacts .out.noerror_xacts .out.nxdomain_xacts .out.nodata_xacts .out.refused_xacts .out.timeout_queries .out.orphan_responses
mixed_suffix d 4,4,3,1,1,0,0,0 .out.udp_xacts .out.xacts .out.noerror_xacts .out.nxdomain_xacts .out.nodata_xacts .out.refused_xacts .out.timeout_queries .out.orphan_responses
mixed_nodata d 2,2,2,0,0,0,16,1 .out.udp_xacts .out.noerror_xacts .out.nodata_xacts .out.nxdomain_xacts .out.refused_xacts .out.srvfail_xacts .filtered_packets .out.top_qname2_xacts[0].estimate
mixed_psl d 9,7,1,1,0,0,2 .out.udp_xacts .out.noerror_xacts .out.refused_xacts .out.nxdomain_xacts .out.srvfail_xacts .filtered_packets .out.top_qname2_xacts[0].estimate
signed d 14,14,6,0,6,6,6,0,0,0,0,6,3 .observed_packets .deep_sampled_packets .unknown.udp_xacts .unknown.tcp_xacts .unknown.ipv4_xacts .unknown.xacts .unknown.authenticated_data_xacts .unknown.authoritative_answer_xacts .unknown.checking_disabled_xacts .unknown.timeout_queries .unknown.orphan_responses .unknown.noerror_xacts .unknown.cardinality.qname
signed d DNSKEY,3,DS,2,A,1 (.unknown.top_qtype_xacts[]|(.name,.estimate))
ecs d 36,2,12,1,13,14,0,2,0,2001:470:1f0b:1600::,2 .observed_packets .unknown.tcp_xacts .unknown.udp_xacts .unknown.ipv4_xacts .unknown.ipv6_xacts .unknown.xacts .unknown.orphan_responses .unknown.ecs_xacts .filtered_packets (.unknown.top_ecs_xacts[0]|(.name,.estimate))
ecs d 8,Unknown,2,Unknown,2 .unknown.cardinality.qname (.unknown.top_geo_loc_ecs_xacts,.unknown.top_asn_ecs_xacts|.[0]|(.name,.estimate))
ecs_geoloc_notfound d 36,0,2,0,2,2,0,2,29,1 .observed_packets .unknown.tcp_xacts .unknown.udp_xacts .unknown.ipv4_xacts .unknown.ipv6_xacts .unknown.xacts .unknown.orphan_responses .unknown.ecs_xacts .filtered_packets .unknown.cardinality.qname
ecs_asn_notfound d 36,2,0,2,29,1 .observed_packets .unknown.xacts .unknown.orphan_responses .unknown.ecs_xacts .filtered_packets .unknown.cardinality.qname
dns_net d 4,4 .out.udp_xacts .out.ipv4_xacts
dns_net n 17,13,13,8,192.168.0.54,3 .observed_packets .in.udp_packets .in.ipv4_packets .in.cardinality.ips (.in.top_ipv4_packets[0]|(.name,.estimate))
net_dns n 24,15 .observed_packets .in.udp_packets
net_dns d 9,9 .out.udp_xacts .out.ipv4_xacts
tapped n 153,79,79,79,2,79,89 .observed_packets .in.udp_packets .in.ipv4_packets .in.total_packets .in.cardinality.ips .in.top_ipv4_packets[0].estimate .in.payload_size_bytes.p50
tapped d 153,72,0,0,0,0,0,72,72,2,68,4 .observed_packets .in.udp_xacts .in.tcp_xacts .in.dot_xacts .in.doh_xacts .in.dnscrypt_udp_xacts .in.doq_xacts .in.ipv4_xacts .in.xacts .in.orphan_responses .in.noerror_xacts .in.srvfail_xacts
tapped d 0,.google.com,9,2,A,70,HTTPS,2 .filtered_packets (.in.top_qname2_xacts[0]|(.name,.estimate)) .in.top_udp_ports_xacts[0].estimate (.in.top_qtype_xacts[]|(.name,.estimate))
tapped_auth d 153,153 .observed_packets .filtered_packets
four n 2100,2100 .observed_packets .unknown.tcp_packets
four d 210,210 .unknown.tcp_xacts .unknown.ipv4_xacts
four m 420,420 .unknown.tcp_packets .unknown.ipv4_packets
four e 210 .unknown.tcp_xacts
END
