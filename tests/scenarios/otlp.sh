# SPDX-License-Identifier: MPL-2.0
# pv-window --otlp: requests of OTLP, read by a decoder that knows nothing but the protocol (tests/lib/otlp.py), say what Prometheus' text
# says, number by number. The text is held against JSON by prometheus.sh.
. "$TESTS/lib/sh.sh"

otlp() { python3 "$TESTS/lib/otlp.py" "$@"; }
COLLECTED=(--modules "$VERSIONS" --enable all --policy p)
PAIRS=()
for f in "$CAPTURES"/*.pcap; do
	case $BUILD$f in
	*/release*) ;;
	*/dns-udp6.pcap|*/dhcp4.pcap|*/dns-odd-names.pcap) ;; # a sanitizer's sample
	*) continue ;;
	esac
	name=${f##*/}
	pv-capture -r "$f" --hosts "$HOSTS" | pv-net "${GEO[@]}" | pv-dns "${GEO[@]}" | pv-dhcp >events 2>err
	pv-window "${COLLECTED[@]}" --otlp <events >"$name.otlp" 2>>err && pv-window "${COLLECTED[@]}" --prometheus <events >"$name.prom" 2>>err ||
		{ cat err; not_ok "$name"; }
	PAIRS+=("$name.otlp" "$name.prom")
done
while read -r name said; do
	is "${name%.otlp}" "$said" same
done < <(otlp equal "${PAIRS[@]}" 2>&1)

pv-capture -r "$CAPTURES/dns-mixed.pcap" | pv-dns >events
pv-window --otlp --prom-instance here <events >request
is "who it is of" "$(otlp decode <request | jq -c '[.resource_metrics[].resource.attributes[] | {(.key): .value.string_value}] | add | [.["service.name"], .["service.instance.id"]]')" \
	'["pv-window","here"]'
is "times are those of the minutes" "$(otlp decode <request | jq -c '[.resource_metrics[].scope_metrics[].metrics[].gauge.data_points[0] | select(.) | [.start, .time] | map(. / 1e9 | floor)] | unique')" \
	"$(pv-window --json <events | jq -c '[.[].dns.period | [.start_ts, .start_ts + .length]]')"
cat request request >twice
is "one request behind the other is a request" "$(otlp decode <twice | jq -c '[.resource_metrics | length, (.[0] == .[1])]')" "[2,true]"
