# SPDX-License-Identifier: MPL-2.0
# The OpenAPI document is true: every route stands in it, every path in it is asked for, and the answers fit its schemas.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/serve.sh"

python3 -c 'import jsonschema, yaml' 2>/dev/null || { skip "no python3-jsonschema, python3-yaml"; exit 0; }
DOC=$TOP/lib/http/openapi.yaml

sed -n 's|^\t{"\([A-Z]*\)", "\(/[^"]*\)", .*|\1 \2|p' "$TOP"/lib/*/*.c | sort -u >routes
python3 -c 'import sys, yaml
for path, item in yaml.safe_load(open(sys.argv[1]))["paths"].items():
    for method in item:
        if method != "parameters": print(method.upper(), path)' "$DOC" | sort >paths
same "every route of the tables is described, and no other" paths routes

pv-capture -r "$CAPTURES/dns-mixed.pcap" -H "$HOSTS" | pv-net "${GEO[@]}" | pv-dns | pv-dhcp --only >x.pve
pv-window --enable all --modules net,dns,dhcp,connections <x.pve >x.pvb
python3 "$TESTS/lib/events.py" set x.pve 32 00 >live.pve
read -r pause at < <(python3 "$TESTS/lib/events.py" offsets live.pve | awk '{ o[NR] = $1 } END { print o[int(NR * 0.8)], o[int(NR * 0.9)] }')

SERVER=whole
serve --input other=x.pvb --input empty=unix:sock <x.pvb
served default ended && served other ended
get /api/v1/openapi.yaml >served.yaml
same "the document is served as it stands in the tree" served.yaml "$DOC"
python3 "$TESTS/lib/openapi.py" "$DOC" "http://127.0.0.1:$PORT" n=0,1,2,5,6,99999999999999999999 name=default,empty,nope format=json,pvb,xml >out 2>&1
is "a server of saved captures answers as described" "$?" 0
grep -v ^unseen out | tail -n 12
is "and every status in the document was seen, but /metrics without a policy default" "$(grep ^unseen out | grep -v '/default' | sed 's/^unseen //' | xargs)" \
	"/metrics 404 /api/v1/metrics/bucket/{n} 404 /api/v1/metrics/window/{n} 404"
stop

SERVER=live
serve < <({ head -c "$pause" live.pve; sleep 2; head -c "$at" live.pve | tail -c +$((pause + 1)); sleep 10; } | pv-window --enable all)
for _ in $(seq 100); do [ "$(code /api/v1/metrics/bucket/1)" = 200 ] && break; sleep 0.05; done
python3 "$TESTS/lib/openapi.py" "$DOC" "http://127.0.0.1:$PORT" n=0,1,5 >out 2>&1
is "one of a live stream, too" "$?" 0
grep -v ^unseen out | tail -n 12
stop

SERVER=none
serve --input other=x.pvb </dev/null
served other ended
python3 "$TESTS/lib/openapi.py" "$DOC" "http://127.0.0.1:$PORT" n=0,5 >out 2>&1
is "and one without a policy default" "$?" 0
grep -v ^unseen out | tail -n 12
stop

# The agent: what changes things, too. Its policy captures on lo.
agent() {
	echo secret >token
	: >agent.log
	pktvisord -p 0 --otel --admin-api --admin-token-file token >agent.log 2>&1 & PID=$!
	SERVERS+=("$PID")
	for _ in $(seq 200); do
		PORT=$(sed -n 's/.*web server listening on .*:\([0-9]*\)$/\1/p' agent.log)
		[ -n "$PORT" ] && break
		sleep 0.05
	done
	python3 "$TESTS/lib/openapi.py" "$DOC" "http://127.0.0.1:$PORT" admin=1 token=secret name=shop,names,nope n=0,2,9 >out 2>&1
	is "pktvisord --admin-api answers as described" "$?" 0
	grep -v ^unseen out | tail -n 12
	is "and every status of what changes things was seen" "$(grep -E '^unseen (POST|DELETE)' out | sed 's/^unseen //' | xargs)" "POST /api/v1/taps 422"
	wait "$PID"; is "and ends when it is told to" "$?" 0
}
if [ "$(id -u)" = 0 ]; then agent; else skip "capturing needs root"; fi

# A comparison that cannot fail would be worth nothing.
SERVER=lie
serve <x.pvb; served default ended
sed 's/up_time_min: {type: number/up_time_min: {type: string/' "$DOC" >lie.yaml
python3 "$TESTS/lib/openapi.py" lie.yaml "http://127.0.0.1:$PORT" >out 2>&1
is "a document that lies is found out" "$?" 1
stop
