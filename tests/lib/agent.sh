# SPDX-License-Identifier: MPL-2.0
# What the scripts about pktvisord share; they source it behind sh.sh. The agent takes a free port, and ends with the script: a
# trap of the script's own calls agent_stop.

PID= URL=
AGENT_AT=() # (ip netns exec NAME): where it runs, and where it is asked from
agent_stop() { [ -z "$PID" ] || kill "$PID" 2>/dev/null; PID=; }
trap agent_stop EXIT

# start ARGUMENTS...: in the background; its words go to the file log. PID, URL
start() {
	rm -f log # or its last life is read
	"${AGENT_AT[@]}" pktvisord -p 0 "$@" >log 2>&1 & PID=$!
	listening log
}
# listening LOG: waits for the port
listening() {
	local i
	for i in $(seq 400); do
		URL=$(cat "$1" 2>/dev/null | sed -n 's/.*web server listening on \(.*\)/http:\/\/\1/p' | tail -n 1)
		[ -z "$URL" ] || return 0
		kill -0 "$PID" 2>/dev/null || break
		sleep 0.05
	done
	cat "$1"; not_ok "pktvisord starts"; return 1
}

# get PATH [CURL OPTIONS...]: the body
get() { local path=$1; shift; "${AGENT_AT[@]}" curl -s --max-time 20 "$@" "$URL$path"; }
# post taps|policies YAML: with --admin-api; the status, and the answer in the file body
post() {
	get "/api/v1/$1" -o body -w '%{http_code}' -H 'Content-Type: application/x-yaml' -X POST --data-binary "$2"
}
# delete PATH: likewise
delete() { get "$1" -o body -w '%{http_code}' -X DELETE; }
# self METRIC: the sum of a metric of the agent's own, over all that have it
self() { get /api/v1/policies/__all/metrics/prometheus | awk -v m="$1" '$1 ~ "^" m "({|$)" { n += $NF } END { printf "%d\n", n }'; }

# until_true COMMAND...: within twenty seconds
until_true() {
	local i
	for i in $(seq 200); do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}
# ended: all inputs have been read to their end
ended() {
	local i
	for i in $(seq 400); do
		[ "$(get /api/v1/metrics/app | jq '[.app.inputs[] | select(.state == "running" or .state == "waiting")] | length')" != 0 ] || return 0
		sleep 0.05
	done
	return 1
}
# finish: ends it in order; its exit status
finish() {
	local pid=$PID
	PID=
	kill -TERM "$pid" 2>/dev/null
	wait "$pid"
}

# unprivileged SENTENCE: the capabilities of every thread, and whether exec could bring new ones. A thread that opens an interface has
# CAP_NET_RAW for that moment, so a second and a third look count.
unprivileged() {
	local i got
	for i in 1 2 3; do
		got=$(cat "/proc/$PID"/task/*/status | awk '/^CapEff/ { print $2 }' | sort -u)
		[ "$got" != 0000000000000000 ] || break
		sleep 0.3
	done
	is "$1: no thread has an effective capability" "$got" 0000000000000000
	is "$1: nor can one get new privileges" "$(cat "/proc/$PID"/task/*/status | awk '/^(NoNewPrivs|CapInh|CapAmb)/ { print $1 $2 }' | sort -u | xargs)" \
		"CapAmb:0000000000000000 CapInh:0000000000000000 NoNewPrivs:1"
}
