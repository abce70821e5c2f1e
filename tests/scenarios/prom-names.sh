# SPDX-License-Identifier: MPL-2.0
# The families, types and labels of Prometheus text, against texts of pktvisor 4.5.0 for the same captures, where the conformance kit
# stands beside the project. Handlers that are not built are left out; tests/prom/differences has what differs on purpose.
. "$TESTS/lib/sh.sh"

KIT=$SHARED/conform
[ -d "$KIT/prom" ] || { skip "there is no conformance kit beside the project"; exit 0; }

# built MODULE,...: those of them that there are
built() {
	local m list=
	for m in ${1//,/ }; do
		[ -z "$(pv-window --list-metrics --modules "$m")" ] || list=$list,$m
	done
	echo "${list#,}"
}

# ours CASE: its command line, as a pipeline with only the modules that are built; sets prefixes
ours() {
	local capture=() geo=() window=() modules= option value file= input=pcap
	set -- $(awk -F '\t' -v name="x.$1" '$1 == name { print $2 }' "$KIT/cases-modules.tsv" | sed "s|@|$KIT/fixtures/|g")
	while [ $# -gt 0 ]; do
		option=$1 value=${2:-}; shift
		case $option in
		-i) input=$value; shift ;;
		-H) capture+=(-H "$value"); shift ;;
		--geo-*) geo+=("$option" "$value"); shift ;;
		--periods | --enable) window+=("$option" "$value"); shift ;;
		--modules) modules=$(built "$value"); shift ;;
		*.pcap) file=$option ;;
		*) echo "what is $option?" >&2; return 1 ;;
		esac
	done
	prefixes=$(pv-window --list-metrics --modules "$modules" | cut -f 2 | sed 's/\..*/_/' | sort -u)
	if [ -n "$modules" ] && [ "$input" = netflow ]; then
		pv-flow --type netflow "${geo[@]}" "$file" | pv-window --prometheus --modules "$modules" "${window[@]}" >ours.prom
		return
	fi
	[ -n "$modules" ] && [ "$input" = pcap ] || { prefixes=; return; }
	case " $prefixes " in *packets_*) prefixes="$prefixes payload_" ;; esac
	pv-capture -r "$file" "${capture[@]}" | pv-net "${geo[@]}" | pv-dns "${geo[@]}" | pv-dhcp |
		pv-window --prometheus --modules "$modules" "${window[@]}" >ours.prom
}

grep '^[-+]' "$TESTS/prom/differences" | cut -f 1 | sort >allowed
: >found
compared=0
for text in "$KIT"/prom/*.prom; do
	name=$(basename "$text" .prom)
	ours "$name" || { not_ok "$name: its command line is understood"; continue; }
	[ -n "$prefixes" ] || continue
	compared=$((compared + 1))
	# shellcheck disable=SC2086
	python3 "$TESTS/lib/promnames.py" "$text" $prefixes >theirs.names && python3 "$TESTS/lib/promnames.py" ours.prom $prefixes >ours.names ||
		not_ok "$name: both can be read"
	diff theirs.names ours.names | sed -n 's/^</-/p; s/^>/+/p' | sort >differ
	cat differ >>found
	is "$name: nothing differs but what is listed" "$(comm -23 differ allowed)" ""
done
if [ $compared -ge 3 ]; then ok "there was something to compare"; else not_ok "there was something to compare: $compared texts"; fi
is "every line of tests/prom/differences is still true; delete those that are not" "$(sort -u found | comm -13 - allowed)" ""
