# SPDX-License-Identifier: MPL-2.0
# What the scripts about pktvisord share; they source it behind sh.sh. Agents take a free port, and end with the script: a trap of the
# script's own calls stop_agents.

AT=()     # what stands in front of pktvisord and curl: AT=(ip netns exec "$NS_S")
TLS=()    # TLS=(--cacert cert.pem) speaks HTTPS
LOG=log   # where the words of the next agent go
AGENTS=() # that were started here and not finished
PID= URL= # of the newest

stop_agents() {
	local p
	for p in "${AGENTS[@]}"; do kill "$p" 2>/dev/null; done
	AGENTS=()
	return 0
}
trap stop_agents EXIT

# start ARGUMENTS...: in the background; its words go to the file $LOG. PID, URL
start() {
	: >"$LOG" # or its last life is read
	"${AT[@]}" pktvisord -p 0 "$@" >"$LOG" 2>&1 & PID=$!
	AGENTS+=("$PID")
	listening "$LOG"
}
# listening LOG: waits for the port
listening() {
	local i
	URL=
	for i in $(seq 1200); do
		URL=$(sed -n 's/.*web server listening on \(.*\)/\1/p' "$1" 2>/dev/null | tail -n 1)
		[ -z "$URL" ] || { URL=http${TLS:+s}://$URL; return 0; }
		kill -0 "$PID" 2>/dev/null || break
		sleep 0.05
	done
	cat "$1"; not_ok "pktvisord starts"; return 1
}
# finish: ends the newest in order; its exit status
finish() {
	local p rest=()
	for p in "${AGENTS[@]}"; do [ "$p" = "$PID" ] || rest+=("$p"); done
	AGENTS=("${rest[@]}")
	kill -TERM "$PID" 2>/dev/null
	wait "$PID"
}

# get PATH [CURL OPTIONS...]: the body
get() { local path=$1; shift; "${AT[@]}" curl -s --max-time 60 "${TLS[@]}" "$@" "$URL$path"; }
# ask METHOD PATH [BODY [TYPE]]: the status and the body
ask() {
	local body=()
	[ $# -lt 3 ] || body=(-H "Content-Type: ${4-application/x-yaml}" --data-binary "$3")
	get "$2" -X "$1" "${body[@]}" -o answer -w '%{http_code}'
	[ ! -s answer ] || echo " $(cat answer)"
	rm -f answer
}
# post taps|policies YAML: with --admin-api; the status, and the answer in the file body
post() {
	get "/api/v1/$1" -o body -w '%{http_code}' -H 'Content-Type: application/x-yaml' -X POST --data-binary "$2"
}
# delete PATH: likewise
delete() { get "$1" -o body -w '%{http_code}' -X DELETE; }
# self METRIC: the sum of a metric of the agent's own, over all that have it
self() { get /api/v1/policies/__all/metrics/prometheus | awk -v m="$1" '$1 ~ "^" m "({|$)" { n += $NF } END { printf "%d\n", n }'; }

# names: those of the policies; the hash in a name is #
names() { get /api/v1/policies | jq -c 'keys | map(sub("-[0-9a-f]{16}"; "-#")) | unique'; }
# policies: how many there are
policies() { get /api/v1/policies | jq length; }
# taps: how many there are
taps() { get /api/v1/taps | jq length; }

# ended: waits until all inputs have been read to their end
none_runs() { # without jq, which takes longer to start than most captures to be read
	local app
	app=$(get /api/v1/metrics/app)
	[[ $app == *'"inputs":['* && $app != *'"state":"running"'* && $app != *'"state":"waiting"'* ]]
}
ended() { until_true none_runs; }

# unprivileged SENTENCE: the capabilities of every thread, and whether exec could bring new ones. A thread that opens an interface has
# CAP_NET_RAW for that moment, so later looks count, too.
effective() { cat "/proc/$PID"/task/*/status | awk '/^CapEff/ { print $2 }' | sort -u; }
none_effective() { [ "$(effective)" = 0000000000000000 ]; }
unprivileged() {
	until_true none_effective
	is "$1: no thread has an effective capability" "$(effective)" 0000000000000000
	is "$1: nor can one get new privileges" "$(cat "/proc/$PID"/task/*/status | awk '/^(NoNewPrivs|CapInh|CapAmb)/ { print $1 $2 }' | sort -u | xargs)" \
		"CapAmb:0000000000000000 CapInh:0000000000000000 NoNewPrivs:1"
}
