# SPDX-License-Identifier: MPL-2.0
# How pktvisord starts: HTTPS, who has the last word of command line and file, the background, and what all of that says when it
# goes wrong. And names that are no UTF-8, as far as clients see them.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/agent.sh"
trap stop_agents EXIT
FILE=$CAPTURES/dns-udp4.pcap

# gone PID: it has ended
gone() { ! kill -0 "$1" 2>/dev/null; }
# fails SENTENCE REGEX ARGUMENTS...: pktvisord ends with 1 and one line of log that matches, in the foreground and with -d
fails() {
	local sentence=$1 regex=$2; shift 2
	timeout 100 pktvisord "$@" >out 2>&1 </dev/null
	is "$sentence" "$? $(grep -cE -- "$regex" out)" "1 1"
	timeout 100 pktvisord -d --pid-file failed.pid "$@" >out 2>&1 </dev/null
	is "$sentence, in the background, too" "$? $(grep -cE -- "$regex" out) $(ls failed.pid 2>/dev/null)" "1 1 "
}

# ---- HTTPS --------------------------------------------------------------------------------------------------------------

cert() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
cert own; cert other
TLS=(--cacert own.pem)
start --tls --tls-cert own.pem --tls-key own.key "$FILE"
ended
is "HTTPS, with a certificate that clients can check" "$(get /api/v1/policies/default/metrics/window/2 | jq '.default["default-default-net"].packets.total')" 906
curl -s --cacert other.pem -o /dev/null "$URL/metrics"
is "it is not another's" $? 60
is "who speaks HTTP gets nothing" "$(curl -s -o /dev/null -w '%{http_code}' "http${URL#https}/metrics")" 000
curl -s --cacert own.pem --tls-max 1.1 -o /dev/null "$URL/metrics"
is "TLS 1.1 is too old" "$([ $? -ne 0 ] && echo refused)" refused
finish
TLS=()
fails "a certificate without a key" 'tls' -p 0 --tls --tls-cert own.pem "$FILE"
fails "another's key" 'cannot use own.pem and other.key' -p 0 --tls --tls-cert own.pem --tls-key other.key "$FILE"
fails "a certificate that is not there" 'cannot read nosuch.pem' -p 0 --tls --tls-cert nosuch.pem --tls-key own.key "$FILE"
fails "a key that is none" 'cannot use own.pem and' -p 0 --tls --tls-cert own.pem --tls-key own.pem "$FILE"

# ---- command line and file ---------------------------------------------------------------------------------------------------

# range: how many periods there are, as an error says it
range() { get /api/v1/policies/default/metrics/window/99 | jq -r .error | sed 's/.*specify //'; }
label() { get /metrics | sed -n 's/^packets_total{\(instance="[^"]*"\).*/\1/p'; }
cat >file.yaml <<END
version: "1.0"
visor: {config: {periods: 3, prom_instance: file, admin_api: true, geo_city: "$CAPTURES/geo/city-test.mmdb", log_file: "$PWD/file.log"}}
END
touch file.log
pktvisord -p 0 --config file.yaml "$FILE" >log 2>&1 & PID=$!; AGENTS+=("$PID")
listening file.log
is "what the file says holds" "$(range) $(label) $(ask DELETE /api/v1/policies/nope | cut -c 1-3)" '[2, 3] instance="file" 404'
like "of places, too" "$(ended; get /api/v1/metrics/window/2 | jq -r '."2m".packets.top_geoLoc[].name')" '^[A-Z]{2}/'
is "a flag of the file" "$(ask DELETE /api/v1/taps/default)" "200 {}"
finish
: >cli.log
pktvisord -p 0 --config file.yaml --periods 2 --prom-instance line --log-file cli.log --default-geo-city nosuch.mmdb "$FILE" >log 2>&1 & PID=$!
AGENTS+=("$PID")
listening cli.log
is "what the command line says, holds more" "$(range) $(label)" '[2, 2] instance="line"'
is "the default of a database is not looked at when the file names one" "$(kill -0 "$PID" && echo runs)" runs
finish
: >cli.log
pktvisord -p 0 --config file.yaml --no-admin-api --log-file cli.log "$FILE" >log 2>&1 & PID=$!; AGENTS+=("$PID")
listening cli.log
is "a flag of the file is turned off" "$(ask DELETE /api/v1/taps/default)" 404
finish
start "$FILE"
is "without either, five periods and no label" "$(range) $(label)" '[2, 5] '
is "the Host header must be ours" "$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: elsewhere.example' "$URL/metrics")" 403
finish
fails "a default database that is not there" 'nosuch.mmdb' -p 0 --default-geo-city nosuch.mmdb "$FILE"
fails "a file that is not there" 'nosuch.yaml' -p 0 --config nosuch.yaml "$FILE"
echo '{version: "1.0", visor: {config: {port: many}}}' >bad.yaml
fails "a number that is none, in the file" 'bad.yaml:1: .*port' --config bad.yaml "$FILE"
echo '{version: "2.0", visor: {}}' >bad.yaml
fails "a version from the future" 'bad.yaml:1: unsupported version' -p 0 --config bad.yaml "$FILE"
fails "nothing to do" 'Nothing to do: specify --admin-api or IFACE' -p 0
for wrong in "--periods many" "--periods 11" "-p 70000" "-p -1" "--max-deep-sample 101" "--config a --config b" "--tls=yes" "one two"; do
	# shellcheck disable=SC2086
	status 2 "pktvisord $wrong" pktvisord $wrong
done

# ---- the background --------------------------------------------------------------------------------------------------------------

head -c 300 /dev/zero | tr '\0' a >long; echo 'two words' >words; : >nothing
fails "a token that is cut would let nobody in" 'long: a token has at most 256 bytes$' -p 0 --admin-api --admin-token-file long
fails "a token is one word" 'words: a token is one word of ASCII$' -p 0 --admin-api --admin-token-file words
fails "and not nothing" 'nothing: there is no token in it$' -p 0 --admin-api --admin-token-file nothing
fails "a log that cannot be written" 'Log init failed: .*nosuch/log' -p 0 --log-file nosuch/log "$FILE"
mkdir -p sub
cp own.pem own.key sub/
TLS=(--cacert own.pem)
pktvisord -d -p 0 --log-file sub/d.log --pid-file sub/d.pid --tls --tls-cert sub/own.pem --tls-key sub/own.key "$FILE" >out 2>err </dev/null
is "-d with paths that are relative" $? 0
PID=$(cat sub/d.pid); AGENTS+=("$PID")
listening sub/d.log
is "serves what was asked for, from /" "$(ended; get /api/v1/metrics/window/2 | jq '."2m".packets.total') $(readlink "/proc/$PID/cwd")" "906 /"
is "has no terminal and no parent" "$(ps -o tty=,sid= -p "$PID" | xargs)" "? $(ps -o sid= -p "$PID" | xargs)"
is "and says its number" "$(cat out err)" "daemonized to PID $PID"
TLS=()
fails "another one on its port" "unable to bind to localhost:${URL##*:}" -p "${URL##*:}" "$FILE"
status 1 "another one with its PID file" pktvisord -p 0 --pid-file sub/d.pid "$FILE"
like "is told why not" "$(cat err)" 'sub/d.pid: a running process holds it$'
kill -TERM "$PID"
until_true gone "$PID"
is "it ends when told to, and takes its PID file along" "$? $(ls sub)" "0 d.log
own.key
own.pem"
(timeout 100 pktvisord -d -p 0 --log-file closed.log --pid-file closed.pid "$FILE" <&- >&- 2>&-)
is "-d of someone who has closed stdin, stdout and stderr" $? 0
PID=$(cat closed.pid); AGENTS+=("$PID")
listening closed.log
is "serves as well" "$(ended; get /api/v1/metrics/window/2 | jq '."2m".packets.total') $(readlink /proc/"$PID"/fd/[012] | xargs)" "906 /dev/null /dev/null /dev/null"
kill -TERM "$PID"
until_true gone "$PID"
status 1 "a PID file that cannot be written" pktvisord -p 0 --pid-file nosuch/pid "$FILE"
like "is named" "$(cat err)" 'nosuch/pid: No such file'

start "${GEO[@]}" "$FILE"
kill -HUP "$PID"
until_true grep -q 'geo databases opened again' log
is "SIGHUP opens what there is, and tells of nothing else" "$? $(grep -c 'log opened' log)" "0 0"
finish

# ---- a saved capture that is cut --------------------------------------------------------------------------------------------------

head -c 30000 "$FILE" >cut.pcap
start "$PWD/cut.pcap"
until_true grep -q 'cannot read' log
like "a capture that ends in the middle of a packet is said to, once, with its name" "$(grep 'cannot read' log | paste -sd' ')" \
	"^\[[^[]*\] \[visor\] \[warning\] input default-[0-9a-f]{16}: cannot read '$PWD/cut.pcap': truncated dump file; [^:]*$"
until_true none_runs
is "what came before the cut is there" "$(get /api/v1/metrics/window/2 | jq '."2m".packets.total')" "$(tcpdump -nr cut.pcap 2>/dev/null | wc -l)"
finish
is "and it is no reason to end, or to fail" $? 0

# ---- whom root becomes -----------------------------------------------------------------------------------------------------------

# user PID: its user, by number
user() { awk '/^Uid:/ { print $3 }' "/proc/$1/status"; }
# logged FILE: the line that SIGHUP leaves
logged() { grep -q 'log opened again' "$1"; }
mkdir -p theirs && chmod 700 theirs
pktvisord -p 0 --log-file theirs/log --pid-file theirs/pid "$FILE" >out 2>&1 & PID=$!; AGENTS+=("$PID")
listening theirs/log
ME=$(id -u); [ "$ME" = 0 ] && NOBODY=$(id -u nobody) || NOBODY=$ME
is "root becomes nobody, whatever files there are" "$(user "$PID")" "$NOBODY"
mv theirs/log theirs/log.1
kill -HUP "$PID"
until_true logged theirs/log
is "and its log in a folder of root's is opened again, nevertheless" "$? $(stat -c %u:%a theirs/log)" "0 $ME:640"
for i in $(seq 50); do kill -HUP "$PID"; done
open_logs() { find /proc/"$PID"/fd -lname "$PWD/theirs/*" 2>/dev/null | wc -l; }
rm theirs/log; kill -HUP "$PID"; until_true logged theirs/log
is "as often as one likes, without leaving any open" "$? $(open_logs)" "0 2"
if [ "$ME" = 0 ]; then
	KEEPER=$(cat "/proc/$PID/task/$PID/children" | xargs)
	is "by a process of root's that can do nothing else" \
		"$(user "$KEEPER") $(awk '/^Cap(Eff|Prm|Bnd)|^NoNewPrivs/ { print $2 }' "/proc/$KEEPER/status" | sort -u | xargs) $(ls "/proc/$KEEPER/fd" | wc -l)" "0 0000000000000000 1 4"
	kill -KILL "$PID"
	until_true gone "$KEEPER"
	is "which ends with the agent, however that ends, and takes the PID file along" "$? $(ls theirs)" "0 log
log.1"
	install -d -o bin -g daemon -m 700 captures
	install -o bin -m 600 "$FILE" captures/of.pcap
	start --admin-api --data-dir captures
	is "with a folder of captures root becomes its owner" "$(user "$PID")" "$(id -u bin)"
	post taps "{visor: {taps: {f: {input_type: pcap, config: {pcap_file: $PWD/captures/of.pcap}}}}}" >code
	is "who can read what is in it, if he may go there" "$(cat code)" 201
	finish
else
	finish
fi

# ---- a disk that is full ----------------------------------------------------------------------------------------------------------

if [ "$ME" = 0 ]; then
	mkdir full && mount -t tmpfs -o size=64k none full && head -c 100000 /dev/zero >full/rest 2>/dev/null
	pktvisord -p 0 --pid-file full.pid --log-file full/log "$FILE" >out 2>&1 & PID=$!; AGENTS+=("$PID")
	until_true test -s full.pid
	serving() { ls -l /proc/"$PID"/fd 2>/dev/null | grep -q socket && [ -n "$(port_of "$PID")" ]; }
	port_of() { ss -ltnpH 2>/dev/null | sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=$1,.*/\1/p"; }
	until_true serving
	URL=http://127.0.0.1:$(port_of "$PID")
	is "a log on a full disk keeps nobody from starting" "$(policies)" 2
	rm full/rest
	kill -HUP "$PID"
	recovered() { grep -q 'lines before this one could not be written' full/log; }
	until_true recovered
	is "and says, when there is room again, that it had more to say" $? 0
	finish
	umount full
fi

# ---- names of all kinds ----------------------------------------------------------------------------------------------------------

for name in dns-odd-names hostile/dhcp4-hostname-odd hostile/dhcp6-fqdn-odd; do
	start -H "$HOSTS" "$CAPTURES/$name.pcap" && ended
	get /api/v1/policies/__all/metrics/window/5 >json
	get /api/v1/policies/__all/metrics/prometheus >prom
	python3 "$TESTS/lib/strictjson.py" <json >out 2>&1
	is "$name: JSON that everybody can read" "$(cat out) $(iconv -f UTF-8 -t UTF-8 json >/dev/null 2>&1 && echo UTF-8)" " UTF-8"
	is "$name: and Prometheus text" "$(iconv -f UTF-8 -t UTF-8 prom >/dev/null 2>&1 && echo UTF-8) $(grep -c '^packets_total{' prom)" "UTF-8 1"
	if command -v promtool >/dev/null; then
		promtool check metrics <prom >lints 2>&1
		is "$name: that promtool can read" "$(grep -c 'error while' lints)" 0
	fi
	finish
done
