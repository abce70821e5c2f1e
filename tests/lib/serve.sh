# SPDX-License-Identifier: MPL-2.0
# What the scripts about pv-serve share; they source it behind sh.sh. Servers take a free port, and end with the script.

SERVERS=()
stop_servers() { [ ${#SERVERS[@]} -eq 0 ] || kill "${SERVERS[@]}" 2>/dev/null; }
trap stop_servers EXIT

# serve OPTIONS... [<INPUT]: a pv-serve whose words go to the file $SERVER.err; its process is PID, its port PORT
SERVER=serve
serve() {
	local i
	: >$SERVER.err # or the words of the one before it are read
	pv-serve -p 0 -v "$@" 2>$SERVER.err <&0 & PID=$!
	SERVERS+=("$PID")
	PORT=
	for i in $(seq 1200); do
		PORT=$(sed -n 's/^pv-serve: web server listening on .*:\([0-9]*\)$/\1/p' $SERVER.err)
		[ -z "$PORT" ] || return 0
		kill -0 "$PID" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

# served POLICY STATE: waits until an input of the policy is in that state
served() {
	local i app
	for i in $(seq 1200); do
		app=$(get /api/v1/metrics/app)
		[[ $app =~ \"policy\":\"$1\",[^{}]*\"state\":\"$2\" ]] && return 0
		kill -0 "$PID" || return 1
		sleep 0.05
	done
	return 1
}

# get PATH [CURL OPTIONS...]: the body
get() { local path=$1; shift; curl -s --max-time 60 "$@" "http://127.0.0.1:$PORT$path"; }
# code PATH [CURL OPTIONS...]: the status
code() { local path=$1; shift; curl -s --max-time 60 -o /dev/null -w '%{http_code}' "$@" "http://127.0.0.1:$PORT$path"; }

# stop: ends the server in order; its exit status
stop() { kill -TERM "$PID"; wait "$PID"; }
