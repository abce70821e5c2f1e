# SPDX-License-Identifier: MPL-2.0
# For every capture, the window that pv-serve serves is what pktvisor-reader prints, byte for byte.
# Long: thousands of processes.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/serve.sh"

n=0
while read -r f; do
	name=$(capture_name "$f")
	n=$((n + 1))
	case $BUILD/$name in
	*/release*) ;;
	*) [ $((n % 8)) -eq 0 ] || continue ;; # sanitizers take their time
	esac
	pktvisor-reader -H "$HOSTS" "${GEO[@]}" --modules "$VERSIONS" "$f" 2>/dev/null | tr -d '\n' >want
	[ -s want ] || continue
	pv-capture -r "$f" -H "$HOSTS" 2>/dev/null | pv-net "${GEO[@]}" | pv-dns "${GEO[@]}" | pv-dhcp --only | pv-window --modules "$VERSIONS" >in.pvb 2>/dev/null
	serve <in.pvb && served default ended || { cat serve.err; not_ok "$name can be served"; continue; }
	get /api/v1/metrics/window/5 >got
	if cmp -s got want; then ok "$name: /api/v1/metrics/window/5 is the reader's JSON"; else
		diff <(jq -S . got) <(jq -S . want) | head -n 10
		not_ok "$name: /api/v1/metrics/window/5 is the reader's JSON"
	fi
	get '/api/v1/metrics/window/5?format=pvb' | pv-window --json --modules "$VERSIONS" 2>&1 | tr -d '\n' >got
	cmp -s got want || { diff <(jq -S . got) <(jq -S . want) | head -n 10; not_ok "$name: so it is by way of ?format=pvb"; }
	stop || not_ok "$name: the server ends in order"
done < <(captures)
[ $n -ge 100 ] || not_ok "there are captures ($n)"
