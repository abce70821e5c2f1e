# SPDX-License-Identifier: MPL-2.0
#
# common.sh - what every capturing script in this folder starts with (sourced, bash).
#
# Sets $OUT (first argument of the script, default tests/captures), loads ns.sh and dnsserver.sh, gives
# the script a work directory $TMP, cleans everything up however the script ends, and ends the script
# after $LIMIT seconds (default 180) if it has not ended by itself.

MAKE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TESTS=$(cd "$MAKE/../.." && pwd)
OUT=$(cd "${1:-$MAKE/..}" && pwd) || exit 2
. "$TESTS/lib/ns.sh"
. "$TESTS/lib/dnsserver.sh"
TMP=$(mktemp -d)
WATCHDOG=

finish()
{
	trap - EXIT
	exec 2>/dev/null # the shell's own words about background jobs that are ended here
	dns_server_stop
	ns_down
	rm -rf "$TMP"
	[ -n "$WATCHDOG" ] && kill "$WATCHDOG" 2>/dev/null
	return 0
}
trap finish EXIT
trap 'exit 1' INT TERM

( trap 'kill $!; exit' TERM; sleep "${LIMIT:-180}" & wait $!; kill -TERM $$ ) >/dev/null 2>&1 &
WATCHDOG=$!
disown "$WATCHDOG"

die() { echo "${0##*/}: $*" >&2; exit 1; }

# fact FILE NAME VALUE SOURCE: one line of FACTS.tsv; a line with the same file, name and source is replaced.
# forget FILE: a file's lines are only true of the file they were made with, so forget the old ones first.
fact()
{
	edit_facts -v f="$1" -v n="$2" -v s="$4" -v l="$1$TAB$2$TAB$3$TAB$4" \
		'!($1 == f && $2 == n && $4 == s) { print } END { print l }'
}

forget()
{
	edit_facts -v f="$1" '$1 != f'
}

TAB=$(printf '\t')
edit_facts()
{
	(
		flock 9
		awk -F'\t' "$@" "$OUT/FACTS.tsv" | LC_ALL=C sort >"$TMP/facts"
		cat "$TMP/facts" >"$OUT/FACTS.tsv"
	) 9>>"$OUT/FACTS.tsv"
}

# perf ARGUMENTS: dnsperf in the client's namespace; its report goes to $TMP/perf.N
perf()
{
	ns_c dnsperf "$@" >"$(mktemp "$TMP/perf.XXXXXX")" 2>&1
}

# perf_facts FILE: the sums of all dnsperf reports so far, as facts; then forget the reports.
# EXTRA is the number of queries that other clients sent and had answered.
perf_facts()
{
	local n v
	cat "$TMP"/perf.* >"$TMP/reports"
	v=$(awk '/Queries sent:/ { n += $3 } END { print n + 0 }' "$TMP/reports")
	fact "$1" queries "$((v + ${EXTRA:-0}))" clients
	fact "$1" queries_dnsperf "$v" dnsperf
	v=$(awk '/Queries completed:/ { n += $3 } END { print n + 0 }' "$TMP/reports")
	fact "$1" replies_dnsperf "$v" dnsperf
	for n in NOERROR NXDOMAIN SERVFAIL REFUSED; do
		v=$(tr ',' '\n' <"$TMP/reports" | sed 's/.*Response codes://' |
			awk -v n=$n '$1 == n && $3 ~ /%/ { s += $2 } END { print s + 0 }')
		fact "$1" "rcode_dnsperf.$n" "$v" dnsperf
	done
	rm -f "$TMP"/perf.* "$TMP/reports"
}
