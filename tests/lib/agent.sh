# SPDX-License-Identifier: MPL-2.0
# What the scripts about pktvisord share; they source it behind sh.sh. Agents take a free port; the script's trap calls stop_agents.

AT=()    # what stands in front of pktvisord and curl: AT=(ip netns exec "$NS_S")
AGENTS=() # all that were started here
TLS=()   # TLS=(--cacert cert.pem) speaks HTTPS

# start ARGUMENTS...: in the background, on a free port; its words go to the file $LOG; PID, URL
LOG=log
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
	for i in $(seq 400); do
		URL=$(sed -n 's/.*web server listening on \(.*\)/\1/p' "$1" 2>/dev/null | tail -n 1)
		[ -z "$URL" ] || { URL=http${TLS:+s}://$URL; return 0; }
		kill -0 "$PID" 2>/dev/null || break
		sleep 0.05
	done
	cat "$1"; not_ok "pktvisord starts"; return 1
}

# until_true COMMAND...: its status, asked again for up to twenty seconds
until_true() {
	local i
	for i in $(seq 200); do "$@" && return 0; sleep 0.1; done
	return 1
}

# get PATH: the body
get() { "${AT[@]}" curl -s --max-time 20 "${TLS[@]}" "$URL$1"; }
# ask METHOD PATH [BODY [TYPE]]: the status and the body
ask() {
	local body=()
	[ $# -lt 3 ] || body=(-H "Content-Type: ${4-application/x-yaml}" --data-binary "$3")
	"${AT[@]}" curl -s --max-time 20 "${TLS[@]}" -X "$1" "${body[@]}" -o answer -w '%{http_code}' "$URL$2"
	[ ! -s answer ] || echo " $(cat answer)"
	rm -f answer
}

# names: those of the policies; the hash in a name is #
names() { get /api/v1/policies | jq -c 'keys | map(sub("-[0-9a-f]{16}"; "-#")) | unique'; }
# policies: how many there are
policies() { get /api/v1/policies | jq length; }
# taps: how many there are
taps() { get /api/v1/taps | jq length; }

# ended: waits until all inputs have been read to their end
none_runs() { [ "$(get /api/v1/metrics/app | jq '[.app.inputs[] | select(.state == "running" or .state == "waiting")] | length')" = 0 ]; }
ended() { until_true none_runs; }

# finish: ends the newest agent in order; its exit status
finish() {
	kill -TERM "$PID" 2>/dev/null
	wait "$PID"
}

stop_agents() {
	local p
	for p in "${AGENTS[@]}"; do kill "$p" 2>/dev/null; done
	return 0
}
