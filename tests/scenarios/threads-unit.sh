# SPDX-License-Identifier: MPL-2.0
# Unit tests of what runs in several threads again, for builds that watch them (`make SAN=thread`).

# clean PROGRAM SENTENCE
clean() {
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

clean test_stage "stages joined by rings and pipes: every event, in order, and no data race"
clean test_lane "policies that come and go on one stream: whole streams, losses counted, and no data race"
