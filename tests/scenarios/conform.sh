# SPDX-License-Identifier: MPL-2.0
# The conformance kit, where it stands beside the project: what pktvisor 4.5.0 printed for the same command lines.
. "$TESTS/lib/sh.sh"

[ -x "$SHARED/conform/run" ] || { skip "there is no conformance kit beside the project"; exit 0; }

"$SHARED/conform/run" "$BIN" -v >out 2>err
grep -E '^ok ' out | while read -r _ name; do ok "$name"; done
awk '/^FAIL / { name = $2 } { print }' out | grep -vE '^ok ' | awk '
	/^FAIL / { keep = 1; failed[++n] = $2 }
	keep && !/ passed, / { print }
	END { for (i = 1; i <= n; i++) print "not ok - " failed[i] }'
cases=$(grep -cE '^(ok|FAIL) ' out)
if [ "$cases" -ge 48 ]; then ok "every case ran"; else cat err; not_ok "every case ran: $cases"; fi

# Every handler in every version, with all its groups, but for what differs on purpose.
"$SHARED/conform/run" "$BIN" --modules -v >out 2>err
python3 "$TESTS/lib/conformdiff.py" "$TESTS/conform/differences" <out >found || not_ok "what was found can be read"
sed -n 's/^ok /ok - /p; s/^later \(.*\)/skip - \1/p' found
grep '^FAIL ' found | while read -r _ finding; do not_ok "$finding"; done
is "every line of tests/conform/differences is still true; delete those that are not" "$(sed -n 's/^untrue //p' found)" ""
cases=$(grep -cE '^(ok|FAIL) ' out)
if [ "$cases" -ge 84 ]; then ok "every case with --modules ran"; else cat err; not_ok "every case with --modules ran: $cases"; fi
