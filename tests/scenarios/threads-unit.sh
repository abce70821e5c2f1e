# SPDX-License-Identifier: MPL-2.0
# The drivers' unit tests again, for builds that watch threads (`make SAN=thread`): rings, back-pressure, failing consumers.
out=$("$BUILD/tests/test_stage" 2>&1)
status=$?
if [ $status -eq 0 ] && ! printf '%s\n' "$out" | grep -q 'WARNING: ThreadSanitizer'; then
	echo "ok - stages joined by rings and pipes: every event, in order, and no data race"
else
	printf '%s\n' "$out"
	echo "not ok - stages joined by rings and pipes: every event, in order, and no data race (exit $status)"
fi
