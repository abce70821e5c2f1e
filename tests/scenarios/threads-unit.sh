# SPDX-License-Identifier: MPL-2.0
# Unit tests of what threads share, again for builds that watch threads (`make SAN=thread`): rings, back-pressure, failing
# consumers; one stream and many who ask, or who come and go.
watched() { # PROGRAM SENTENCE
	local out status
	out=$("$BUILD/tests/$1" 2>&1)
	status=$?
	if [ $status -eq 0 ] && ! printf '%s\n' "$out" | grep -q 'WARNING: ThreadSanitizer'; then
		echo "ok - $2"
	else
		printf '%s\n' "$out"
		echo "not ok - $2 (exit $status)"
	fi
}
watched test_drivers "stages joined by rings and pipes: every event, in order, and no data race"
watched test_store "one stream and many readers of the store: whole minutes, and no data race"
watched test_lane "policies that come and go on one stream: whole streams, losses counted, and no data race"
watched test_geo "geo databases that are opened anew under those who read them: no data race"
