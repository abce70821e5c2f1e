# SPDX-License-Identifier: MPL-2.0
# What the scenario scripts share; they source it. A script runs in an empty folder of its own (tests/run).
# Cases are sentences. What a failed case wants known goes before its line.

ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $*"; }
skip() { echo "skip - $*"; }

# is SENTENCE GOT WANT
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else
		printf 'got:  %s\nwant: %s\n' "$2" "$3"
		not_ok "$1"
	fi
}

# like SENTENCE TEXT REGEX: an extended expression that the text, as a whole or by a line of it, must match
like() {
	if printf '%s\n' "$2" | grep -qE -- "$3"; then ok "$1"; else
		printf 'got:  %s\nwant: %s\n' "$2" "$3"
		not_ok "$1"
	fi
}

# same SENTENCE GOT-FILE WANT-FILE: byte for byte, and not empty
same() {
	if [ -s "$3" ] && cmp -s "$2" "$3"; then ok "$1"; else
		ls -l "$2" "$3" 2>&1
		diff <(jq -S . "$2" 2>&1 || cat "$2") <(jq -S . "$3" 2>&1 || cat "$3") | head -n 20
		not_ok "$1"
	fi
}

# status WANT SENTENCE COMMAND...: stdout goes to the file out, stderr to err
status() {
	local want=$1 sentence=$2 got; shift 2
	"$@" >out 2>err; got=$?
	if [ $got -eq "$want" ]; then ok "$sentence"; else
		printf 'exit status %s, not %s: %s\n' $got "$want" "$*"; tail -n 5 err
		not_ok "$sentence"
	fi
}

# one_line SENTENCE FILE REGEX: the file is exactly one line and matches
one_line() {
	if [ "$(wc -l <"$2")" -eq 1 ] && grep -qE -- "$3" "$2"; then ok "$1"; else
		printf 'want one line: %s\ngot:\n' "$3"; head -n 5 "$2"
		not_ok "$1"
	fi
}

# until_true COMMAND...: its status, asked again until it is true, for a minute or longer. Who waits for what must come, and not for a
# time, is right on a slow machine, too.
until_true() {
	local i
	for i in $(seq 600); do
		"$@" && return 0
		if [ "$i" -le 10 ]; then sleep 0.02; else sleep 0.1; fi # most need no longer
	done
	return 1
}

# asleep PID...: all of them wait for something, four looks in a row: what was sent to them has been taken. Who gets no processor
# does not sleep.
asleep() {
	local i
	for i in 1 2 3 4; do
		! cat $(printf '/proc/%s/task/*/status ' "$@") 2>/dev/null | grep '^State:' | grep -qv sleeping || return 1
		sleep 0.1
	done
}

# free_port: a UDP port that nobody has, nor the next one
free_port() {
	python3 -c '
import socket
while True:
    a, b = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    a.bind(("::", 0))
    try:
        b.bind(("::", a.getsockname()[1] + 1))
    except (OSError, OverflowError):
        continue
    print(a.getsockname()[1])
    break'
}
# bound PORT [N]: that UDP port has so many sockets, or one
bound() { [ "$(ss -lunH "sport = $1" | wc -l)" -ge "${2:-1}" ]; }

# Every capture that there is: ours, and those of the conformance kit where it lies beside the project.
SHARED=${PV_SHARED:-$TOP/../shared}
captures() {
	find "$CAPTURES" -name '*.pcap' -o -name '*.pcapng' | sort
	[ ! -d "$SHARED/conform/fixtures" ] || find "$SHARED/conform/fixtures" -name '*.pcap' | sort
}

# capture_name FILE: what it is called in a case
capture_name() {
	case $1 in
	"$CAPTURES"/*) echo "${1#"$CAPTURES"/}" ;;
	*) echo "shared/${1##*/}" ;;
	esac
}

# Subnets of the hosts that our captures, and those of the kit, are about.
HOSTS=192.0.2.0/24,2001:db8:0:1::/64,192.168.0.0/16,172.16.0.0/12,193.24.227.0/24,127.0.0.1/32,::1/128
GEO=(--geo-city "$CAPTURES/geo/city-test.mmdb" --geo-asn "$CAPTURES/geo/asn-test.mmdb")

# What packets give, in every version of every handler.
VERSIONS=net:1.0,net:2.0,dns:1.0,dns:2.0,dhcp

# Signals end a process with 128 and more, sanitizers with 99.
# quiet_end STATUS...: none of them
quiet_end() {
	local s
	for s; do [ "$s" -lt 99 ] || return 1; done
}
