# SPDX-License-Identifier: MPL-2.0
# pv-serve, asked by curl: every route, every error, HTTPS, bad clients, streams that come, end, break off or are too many.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/serve.sh"

analyse() { pv-capture -r "$CAPTURES/$1.pcap" -H "$HOSTS" | pv-net | pv-dns | pv-dhcp --only; }
analyse dns-mixed >mixed.pve
pv-window <mixed.pve >a.pvb
analyse dns-udp6 | pv-window >b.pvb

# ---- routes -------------------------------------------------------------------------------------------

SERVER=patient # looked at in the end
serve <a.pvb
python3 "$TESTS/lib/slowclients.py" drip "$PORT" 60 >dripped & DRIP=$!
PATIENT_PID=$PID

SERVER=main
serve <a.pvb
MAIN=$PORT MAIN_PID=$PID
served default ended
is "what an input brought is served on when it has ended" "$?" 0

# answers PATH STATUS TYPE BODY-REGEX
answers() {
	local got
	got=$(curl -s --max-time 20 -o body -w '%{http_code} %{content_type}' "http://127.0.0.1:$PORT$1")
	is "$1: status and type" "$got" "$2 $3"
	like "$1: body" "$(cat body)" "$4"
}
J=application/json P='text/plain; version=0.0.4; charset=utf-8'
answers /api/v1/metrics/app 200 $J '^\{"app":\{"inputs":\[\{.*"policy":"default",.*"state":"ended".*"up_time_min":[0-9.e-]+,"version":"[0-9.]+"\}\}$'
answers /api/v1/metrics/rates 200 $J "^\{\"packets\":\{\"in\":0,\"out\":0\},\"warning\":\"deprecated: use 'live' data from /api/v1/metrics/bucket/0 instead\"\}$"
answers /api/v1/metrics/bucket/0 200 $J '^\{"1m":\{"dhcp":\{.*"packets":\{.*"period":\{"length":36,"start_ts":[0-9]+\}\}\}$'
answers /api/v1/metrics/window/2 200 $J '^\{"2m":\{"dhcp":\{"period":\{"length":96,'
answers /api/v1/policies/default/metrics/bucket/1 200 $J '^\{"default":\{"default-default-dhcp":\{"dhcp":\{.*"default-default-net":\{"packets":\{'
answers /api/v1/policies/default/metrics/window/5 200 $J '^\{"default":\{"default-default-dhcp":\{"dhcp":\{"period":\{"length":96,'
answers /api/v1/policies/__all/metrics/bucket/0 200 $J '^\{"default":\{"default-default-dhcp":'
answers /api/v1/policies/__all/metrics/bucket/4 200 $J '^\{\}$'
answers /api/v1/policies/__all/metrics/window/9 200 $J '^\{\}$'
answers /api/v1/policies/__all/metrics/window/2 200 $J '^\{"default":'
answers /api/v1/taps 200 $J '^\{"default":\{"config":\{"pcap_file":".*dns-mixed.pcap"\},"input_type":"pcap","interface":"visor.module.input/1.0","tags":null\}\}$'
answers /api/v1/taps/default 200 $J '^\{"default":\{'
answers /api/v1/taps/nope 404 $J '^\{"error":"tap does not exists"\}$'
answers /api/v1/policies 200 $J '^\{"default":\{"input":\{.*"modules":\{"default-default-dhcp":.*"taps":\{"default":'
answers /api/v1/policies/default 200 $J '"periods_configured":5.*"name":"default-default-dns","running":false,"type":"dns"'
answers /api/v1/policies/nope 404 $J '^\{"error":"policy does not exists"\}$'
answers /api/v1/policies/nope/metrics/bucket/0 404 $J '^\{"error":"policy does not exist"\}$'
answers /api/v1/policies/nope/metrics/window/0 404 $J '^\{"error":"policy does not exist"\}$'
answers /api/v1/policies/nope/metrics/prometheus 404 'text/plain; charset=utf-8' '^policy does not exists$'
answers /metrics 200 "$P" '^packets_total\{policy="default",tap="default"\} 9660|^packets_total\{policy="default",tap="default"\} [0-9]+$'
answers /api/v1/policies/default/metrics/prometheus 200 "$P" '^packets_total\{handler="default-default-net",policy="default",tap="default"\} [0-9]+$'
answers /api/v1/policies/__all/metrics/prometheus 200 "$P" '^pktvisor_input_up\{policy="default",tap="default"\} 0$'
answers '/api/v1/metrics/window/5?format=pvb' 200 application/octet-stream .
answers '/api/v1/metrics/window/5?format=xml' 400 $J "^\{\"error\":\"unknown format 'xml'; there are: json, pvb\"\}$"
like "/metrics never has the label handler" "$(get /metrics | grep -v ^pktvisor_ | grep -c handler=)" '^0$'

# 425: the words are parsed by clients
for prefix in /api/v1/metrics /api/v1/policies/default/metrics; do
	for n in 5 6 99999999999999999999; do answers "$prefix/bucket/$n" 425 $J '^\{"error":"invalid metrics period, specify \[0, 4\]"\}$'; done
	for n in 0 1 6 18446744073709551617; do answers "$prefix/window/$n" 425 $J '^\{"error":"invalid metrics period, specify \[2, 5\]"\}$'; done
	for n in 2 4; do answers "$prefix/bucket/$n" 425 $J '^\{"error":"requested metrics period has not yet accumulated, current range is \[0, 1\]"\}$'; done
done

bad=
for path in / /metrics/ /Metrics /api /api/v1 /api/v1/nope /api/v1/metrics/bucket/x /api/v1/metrics/bucket/ /api/v1/metrics/bucket/-1 \
	/api/v1/taps/ /api/v1/taps/9x /api/v1/policies/a.b/metrics/bucket/0 /api/v1/policies/default%00b /metrics%00 /%2e%2e/etc/passwd "/$(printf 'a%.0s' $(seq 2000))"; do
	[ "$(curl -s -o body -w '%{http_code}' --path-as-is "http://127.0.0.1:$PORT$path")" = 404 ] && [ ! -s body ] || bad="$bad $path"
done
is "unknown paths are 404 with an empty body" "$bad" ""
bad=
for method in POST PUT DELETE PATCH OPTIONS TRACE FOO; do
	for path in /metrics /api/v1/taps /api/v1/policies /api/v1/policies/default /api/v1/server; do
		rm -f body
		[ "$(curl -s -o body -w '%{http_code}' -X $method -d x "http://127.0.0.1:$PORT$path")" = 404 ] && [ ! -s body ] || bad="$bad $method$path"
	done
done
is "other methods are 404 with an empty body: there is no admin API here" "$bad" ""

bad=
for path in /metrics /api/v1/metrics/app /api/v1/metrics/window/5 /api/v1/policies/default/metrics/prometheus /api/v1/nope /api/v1/metrics/bucket/9; do
	want=$(code $path) got=$(curl -sI "http://127.0.0.1:$PORT$path" >head; awk 'NR == 1 { print $2 }' head)
	[ "$want" = "$got" ] || bad="$bad $path:$want:$got"
done
is "HEAD has the status of GET" "$bad" ""
curl -sI "http://127.0.0.1:$PORT/api/v1/metrics/window/5" | tr -d '\r' >head
is "and its length, without the body" "$(awk -F': ' '$1 == "Content-Length" { print $2 }' head)" "$(get /api/v1/metrics/window/5 | wc -c)"

# The live view and the Prometheus text say the same: a whole minute.
total=$(get /api/v1/metrics/bucket/1 | jq '."1m".packets.total')
is "Prometheus text is of the last whole minute" "$(get /metrics | awk '$1 ~ /^packets_total\{/ { print $2 }')" "$total"
is "self metrics: what the source read" "$(get /metrics | grep '^pktvisor_packets_received_total' | grep 'stage="pcap"' | awk '{ print $2 }')" 9660
is "self metrics: what handlers counted, minutes that are gone too" \
	"$(get /metrics | awk '/^pktvisor_handler_events_total.*default-default-net/ { print $2 }')" 9660

# ---- compression, connections, hosts ------------------------------------------------------------------

curl -s -H 'Accept-Encoding: br;q=1.0, gzip;q=0.8' -D head -o body.gz "http://127.0.0.1:$PORT/api/v1/metrics/window/5"
like "who accepts gzip gets gzip" "$(tr -d '\r' <head)" '^Content-Encoding: gzip$'
is "and it is the same text" "$(gzip -dc body.gz)" "$(get /api/v1/metrics/window/5)"
curl -s -H 'Accept-Encoding: gzip;q=0, identity' -D head -o body "http://127.0.0.1:$PORT/metrics"
is "who refuses gzip does not" "$(grep -ci '^Content-Encoding' head)" 0
curl -s --compressed "http://127.0.0.1:$PORT/metrics" >text
like "curl --compressed reads /metrics" "$(head -n 1 text)" '^# HELP '

is "another host's name is refused: 403" "$(code /metrics -H 'Host: evil.example')" 403
is "with a reason" "$(get /metrics -H 'Host: evil.example:80')" '{"error":"host '"'evil.example:80'"' is not served here"}'
bad=
for host in localhost localhost:1 127.0.0.1 127.0.0.2:99 '[::1]:10853' pv.localhost; do [ "$(code /metrics -H "Host: $host")" = 200 ] || bad="$bad $host"; done
is "names of the loopback interface are not" "$bad" ""
is "HTTP/1.0 without a host is fine" "$(printf 'GET /api/v1/metrics/rates HTTP/1.0\r\n\r\n' | timeout 100 bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT; cat >&3; head -c 12 <&3")" "HTTP/1.1 200"
if grep -q 00000000000000000000000000000001 /proc/net/if_inet6 2>/dev/null; then
	is "localhost is ::1, too" "$(curl -s -g -o /dev/null -w '%{http_code}' "http://[::1]:$PORT/metrics")" 200
else
	skip "no ::1 here"
fi
status 0 "a header of 100 kB is refused" curl -s -o /dev/null -w '%{http_code}' -H "X: $(head -c 100000 /dev/zero | tr '\0' a)" "http://127.0.0.1:$PORT/metrics"
like "with a 4xx" "$(cat out)" '^4[0-9][0-9]$'

like "requests are said, with -v" "$(cat main.err)" '^pv-serve: REQUEST: GET /api/v1/metrics/rates 200$'
curl -s "http://127.0.0.1:$PORT/a%0ab%1b%ff"
until_true grep -q 'GET /a' main.err
like "paths are said clean" "$(cat main.err)" '^pv-serve: REQUEST: GET /a\\010b\\027\\255 404$'

python3 "$TESTS/lib/slowclients.py" half "$PORT" 600 200 >half.out & HALF=$!
until_true grep -q ready half.out
bad=
for i in 1 2 3 4 5; do [ "$(code /api/v1/metrics/app)" = 200 ] || bad="$bad $i"; done
is "600 half-open connections keep nobody out" "$bad" ""
kill $HALF
python3 "$TESTS/lib/slowclients.py" stuck "$PORT" /metrics 100 200 >stuck.out & STUCK=$!
until_true grep -q ready stuck.out
bad=
for i in 1 2 3 4 5; do [ "$(code /api/v1/metrics/app)" = 200 ] || bad="$bad $i"; done
is "100 clients that do not read keep nobody out" "$bad" ""
kill $STUCK

# ---- Prometheus ------------------------------------------------------------------------------------------

# Lints of names that the original chose are listed; the list may only shrink.
if command -v promtool >/dev/null; then
	: >lints
	for path in /metrics /api/v1/policies/default/metrics/prometheus /api/v1/policies/__all/metrics/prometheus; do
		get $path | promtool check metrics >lint 2>&1; got=$?
		[ $got -eq 0 ] || [ $got -eq 3 ]
		is "promtool reads $path" "$?" 0
		cat lint >>lints
	done
	sort -u lints | grep -v '^$' >found
	grep -v '^#' "$TESTS/prom/promtool.lints" | sort -u >known
	is "promtool complains of nothing but names on the list" "$(comm -23 found known)" ""
else
	skip "no promtool"
fi
is "no sample is dropped" "$(get /api/v1/policies/__all/metrics/prometheus | awk '/^pktvisor_exposition_dropped_samples/ { n += $2 } END { print n }')" 0

get /api/v1/policies/__all/metrics/prometheus | sed -n 's/^# TYPE \(pktvisor_[a-z_]*\|process_[a-z_]*\) .*/\1/p' | sort >families
# those of clients and of exporters are only where there are such: dnstap.sh, flow-policies.sh
grep -oE '(pktvisor|process)_[a-z_]+' "$TOP/man/pv-serve.1.in" | grep -vE '^pktvisor_(clients|flow)_' | sort -u >page
same "what the program says of itself stands in its page, and no more" families page

# ---- streams ------------------------------------------------------------------------------------------------

[ "$(id -u)" != 0 ] || is "a server that root started has no capability left" "$(awk '$1 ~ /^Cap(Prm|Eff|Bnd):/ && $2 !~ /^0*$/' "/proc/$MAIN_PID/status")" ""

# Two servers, joined by cat.
SERVER=second
serve <b.pvb; SECOND=$PORT; served default ended
for what in window/5 bucket/0; do
	cat <(curl -s "http://127.0.0.1:$MAIN/api/v1/metrics/$what?format=pvb") <(curl -s "http://127.0.0.1:$SECOND/api/v1/metrics/$what?format=pvb") |
		pv-window --json --periods 10 >got
	is "?format=pvb of two servers on $what: one line of JSON" "$(wc -l <got)" 1
	[ $what = bucket/0 ] || { cat a.pvb b.pvb | pv-window --json --periods 10 >want; same "which is that of the two together" got want; }
done
PORT=$MAIN get '/api/v1/policies/__all/metrics/window/5?format=pvb' | pv-cat --check
is "?format=pvb of __all is a stream" "$?" 0
PORT=$MAIN get '/api/v1/policies/__all/metrics/bucket/4?format=pvb' | pv-cat --check
is "also when no policy has that bucket" "$?" 0
stop; is "SIGTERM ends a server in order" "$?" 0

# A live stream: the clock of START says so. It stands still twice: for its reader to come to where it is, so that a copy
# of the open minute goes out next; and until the file `go` is there.
python3 "$TESTS/lib/events.py" set mixed.pve 32 00 >live.pve
read -r pause at < <(python3 "$TESTS/lib/events.py" offsets live.pve | awk '{ o[NR] = $1 } END { print o[int(NR * 0.8)], o[int(NR * 0.9)] }')
held() {
	head -c "$pause" live.pve
	sleep 2
	head -c "$at" live.pve | tail -c +$((pause + 1))
	while [ ! -e go ]; do sleep 0.05; done
	tail -c +$((at + 1)) live.pve
}
SERVER=live
serve < <(held | pv-window)
served default running
closed() { [ "$(code /api/v1/metrics/bucket/1)" = 200 ]; }
until_true closed
is "a live stream: bucket 1 is the minute that has closed" "$(get /api/v1/metrics/bucket/1 | jq -c '."1m".packets | [.period.length, (.rates.pps_total | has("live"))]')" "[60,false]"
is "bucket 0 is the open one, with live rates" "$(get /api/v1/metrics/bucket/0 | jq -c '."1m".packets | [.period.length < 60, (.rates.pps_total | has("live"))]')" "[true,true]"
is "policies show what is read-only" "$(get /api/v1/policies/default | jq -c '.default.modules["default-default-net"].metrics.periods | map(.read_only)')" "[false,true]"
is "with the counts and rates of their events" \
	"$(get /api/v1/policies/default | jq -cS '.default.modules["default-default-dns"].metrics.periods[1].events | [.wire_packets.events, .rates.rates.events]')" \
	"$(get /api/v1/metrics/bucket/1 | jq -cS '."1m".dns | [.wire_packets.events, .rates.events]')"
touch go; served default ended
is "in the end nothing is live" "$(get /api/v1/metrics/bucket/0 | jq -c '."1m".packets.rates.pps_total | has("live")')" false
pv-window --json <live.pve | tail -n 1 | tr -d '\n' >want
get /api/v1/metrics/window/5 >got
same "and the window is what pv-window prints" got want
stop

# A server that does nothing for a while loses copies of the open minute, and nothing else.
SERVER=slow
rm go
serve < <(held | pv-window)
served default running
kill -STOP "$PID"; touch go; sleep 1; kill -CONT "$PID"
served default ended
get /api/v1/metrics/window/5 >got
same "a server that was stopped has every closed bucket" got want
stop

# Cut upstream: said, served on, exit status 3.
SERVER=cut
serve < <(head -c $(($(wc -c <a.pvb) - 100)) a.pvb)
served default cut
is "a stream that is cut is said in app" "$?" 0
like "with the place" "$(get /api/v1/metrics/app | jq -r '.app.inputs[0].problem')" '^input cut off at byte [0-9]+: '
like "and on stderr" "$(cat cut.err)" "^pv-serve: policy 'default': input cut off at byte [0-9]+: "
like "what came is served" "$(get /api/v1/metrics/bucket/0 | jq '."1m" | length')" '^[1-9]'
stop; is "a server whose input was cut ends with 3" "$?" 3

SERVER=exit
pv-serve -p 0 --exit-with-input <a.pvb 2>err; is "--exit-with-input: ends with its input" "$?" 0
head -c 5000 a.pvb | pv-serve -p 0 --exit-with-input 2>err; is "--exit-with-input: 3 when it was cut" "$?" 3
echo hello | pv-serve -p 0 --exit-with-input 2>err; is "--exit-with-input: 3 for what is no stream" "$?" 3
like "and says so" "$(cat err)" "^pv-serve: policy 'default': input (cut off|damaged) at byte 0: "

# Further inputs.
SERVER=inputs
mkfifo fifo
serve --input one=fifo --input two=unix:sock --input two/other=unix:sock2 --periods 3 <a.pvb
served default ended
cat b.pvb >fifo; served one ended
is "a FIFO is a policy of its own" "$(get /api/v1/policies/one/metrics/window/3 | jq -r '.one | keys | join(" ")')" "one-one-dhcp one-one-dns one-one-net"
one_now() { get /api/v1/metrics/app | jq -c '.app.inputs[] | select(.policy == "one") | [.state, .streams]'; }
one_is() { [ "$(one_now)" = "$1" ]; }
cat b.pvb >fifo; until_true one_is '["ended",2]'
is "another writer of it goes on" "$(one_now)" '["ended",2]'
head -c 1000000 /dev/zero >fifo
gone() { grep -q "policy 'one': its writer has gone" inputs.err; }
until_true gone
cat b.pvb >fifo
until_true one_is '["ended",3]'
is "one that sends no stream is said once, and the next goes on" "$(one_now) $(grep -c "policy 'one': input damaged" inputs.err)" '["ended",3] 1'
# send SOCKET [FILE]: stdin; then holds on until the file is there
send() { python3 -c 'import os,socket,sys,time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read())
while len(sys.argv) > 2 and not os.path.exists(sys.argv[2]): time.sleep(0.05)' "$@"; }
is "a socket is for its owner alone" "$(stat -c %a sock)" 600
head -c 3000 b.pvb | send sock enough & SENDER=$!
served two running
send sock <b.pvb 2>/dev/null
until_true grep -q refused inputs.err
like "a second stream of one policy and tap is refused" "$(cat inputs.err)" "^pv-serve: policy 'two': a second stream was refused: there is one already$"
send sock2 <b.pvb
has() { [ "$(get /api/v1/policies/two/metrics/bucket/0 | jq '.two | length')" = "$1" ]; }
until_true has 3
is "another tap of the policy is not" "$(get /api/v1/policies/two/metrics/bucket/0 | jq -r '.two | keys | join(" ")')" "two-other-dhcp two-other-dns two-other-net"
touch enough; wait $SENDER
send sock <b.pvb
until_true has 6
is "after one that was cut the next may come" "$(get /api/v1/policies/two/metrics/bucket/0 | jq '.two | length')" 6
sent() { [ "$(get /api/v1/metrics/app | jq -c '.app.inputs[] | select(.tap == "other") | [.state, .streams]')" = '["ended",21]' ]; }
for i in $(seq 20); do send sock2 <b.pvb; done
until_true sent
is "twenty in a row, each behind one who has gone, are all taken" $? 0
like "425 knows the periods" "$(get /api/v1/policies/one/metrics/bucket/3)" 'specify \[0, 2\]'
is "all policies at once" "$(get /api/v1/policies/__all/metrics/window/2 | jq -r 'keys | join(" ")')" "default one two"
get /api/v1/policies/__all/metrics/prometheus >text
is "each family once, over all policies" "$(grep -c '^# TYPE packets_total ' text)" 1
is "with a sample per tap" "$(grep -c '^packets_total{' text)" 4
get '/api/v1/policies/__all/metrics/window/3?format=pvb' | pv-window --json --periods 10 >got
is "?format=pvb of __all keeps policies apart" "$(jq '."10m" | length' got)" 12
status 1 "a socket that is in use is left alone" pv-serve -p 0 --input x=unix:sock </dev/null
one_line "and said" err '^pv-serve: --input x: cannot use sock: Address already in use$'
kill -9 "$PID"; wait "$PID" 2>/dev/null
[ -S sock ]; is "a killed server leaves its socket" "$?" 0
SERVER=again
serve --input x=unix:sock </dev/null; is "the next one takes it over" "$?" 0
stop; [ ! -e sock ]; is "and removes it in the end" "$?" 0
touch file
status 1 "a file is not replaced by a socket" pv-serve -p 0 --input x=unix:file </dev/null
[ -f file ]; is "it is still there" "$?" 0

# No policy default.
SERVER=nodefault
serve --input a=b.pvb </dev/null; served a ended
is "without a policy default /metrics is 404" "$(code /metrics)" 404
is "and empty" "$(get /metrics | wc -c)" 0
is "and the old routes say so" "$(get /api/v1/metrics/bucket/0)" '{"error":"no \"default\" policy exists"}'
is "with 404" "$(code /api/v1/metrics/window/2)" 404
stop

SERVER=instance
serve --prom-instance 'edge "1"\' <a.pvb; served default ended
is "--prom-instance is on every sample, escaped" "$(get /api/v1/policies/__all/metrics/prometheus | grep -v '^#' | grep -cv '{instance="edge \\"1\\"\\\\"')" 0
stop

# ---- HTTPS ----------------------------------------------------------------------------------------------------

openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
	-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' 2>/dev/null
SERVER=tls
serve --tls --tls-cert cert.pem --tls-key key.pem <a.pvb
is "HTTPS with a PEM certificate" "$(curl -s --cacert cert.pem -o /dev/null -w '%{http_code}' "https://localhost:$PORT/metrics")" 200
is "also with TLS 1.3" "$(curl -s --cacert cert.pem --tlsv1.3 -o /dev/null -w '%{http_code}' "https://localhost:$PORT/metrics")" 200
openssl s_client -connect "127.0.0.1:$PORT" -tls1_1 -cipher 'ALL:@SECLEVEL=0' </dev/null >tls11 2>&1
is "TLS 1.1 is refused" "$?" 1
curl -s --max-time 5 -o /dev/null "http://127.0.0.1:$PORT/metrics"; [ $? -ne 0 ]; is "plain HTTP gets nothing there" "$?" 0
stop
status 2 "--tls alone is wrong usage" pv-serve --tls <a.pvb
one_line "and says what is missing" err '^pv-serve: --tls needs --tls-cert and --tls-key$'
status 1 "a certificate that is not there" pv-serve -p 0 --tls --tls-cert nope.pem --tls-key key.pem <a.pvb
one_line "is named" err '^pv-serve: cannot read nope.pem: No such file or directory$'
status 1 "a certificate that is none" pv-serve -p 0 --tls --tls-cert a.pvb --tls-key key.pem <a.pvb
one_line "is named, too" err '^pv-serve: cannot use a.pvb and key.pem: '

# ---- starting -------------------------------------------------------------------------------------------------

SERVER=any
serve -l 0.0.0.0 <a.pvb
is "a server that others can reach takes any Host" "$(code /api/v1/metrics/app -H 'Host: edge1.example:10853')" 200
stop
if grep -q 00000000000000000000000000000001 /proc/net/if_inet6 2>/dev/null; then
	SERVER=six
	serve -l ::1 <a.pvb
	like "-l ::1 listens there" "$(cat six.err)" '^pv-serve: web server listening on \[::1\]:[0-9]+$'
	is "and answers" "$(curl -s -g -o /dev/null -w '%{http_code}' "http://[::1]:$PORT/api/v1/metrics/app")" 200
	is "and not on 127.0.0.1" "$(code /api/v1/metrics/app)" 000
	stop
	serve -l :: <a.pvb
	is "-l :: is every address: IPv6" "$(curl -s -g -o /dev/null -w '%{http_code}' "http://[::1]:$PORT/api/v1/metrics/app")" 200
	is "-l :: is every address: IPv4" "$(code /api/v1/metrics/app)" 200
	stop
fi
status 1 "a port that is taken" pv-serve -p "$MAIN" <a.pvb
one_line "is said" err "^pv-serve: unable to bind to localhost:$MAIN: Address already in use$"
status 1 "a name that is none" pv-serve -p 0 -l no.such.host.invalid <a.pvb
one_line "is said, too" err '^pv-serve: unable to bind to no.such.host.invalid:0: '
status 2 "a port beyond 65535 is wrong usage" pv-serve -p 70000 <a.pvb
for bad in x =x x= x=unix: 'a b=x' __all=x a/=x 9=x; do
	pv-serve -p 0 --input "$bad" </dev/null 2>err; got=$?
	case $bad in x | x= | x=unix:) want=2 ;; *) want=1 ;; esac # not of the form at all: wrong usage
	[ $got -eq $want ] && [ "$(wc -l <err)" -eq 1 ] || not_ok "--input $bad is refused in one line ($got)"
done
status 1 "a second stream of what stdin is" pv-serve -p 0 --input default/default=b.pvb <a.pvb
one_line "is refused" err "^pv-serve: --input default: policy 'default' has a stream of tap 'default' already$"
status 1 "two inputs of one name" pv-serve -p 0 --input a=a.pvb --input a=b.pvb </dev/null
one_line "are refused" err "^pv-serve: --input a: policy 'a' has a stream of tap 'a' already$"

wait $DRIP
like "a client that sends a byte a second is cut off after half a minute" "$(cat dripped)" '^(2[89]|[3-5][0-9])$'
PID=$PATIENT_PID; stop; is "its server ends in order" "$?" 0
PID=$MAIN_PID; stop; is "so does the one that has seen everything" "$?" 0
