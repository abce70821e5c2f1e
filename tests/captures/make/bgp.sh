#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# bgp.sh [OUTDIR] - bgp.pcap: two sessions between two birds, from OPEN to NOTIFICATION, and a connection that is refused. What both
# received becomes the facts.
LIMIT=60
. "$(dirname "$0")/common.sh"
. "$TESTS/lib/bird.sh"
set -u
trap 'bird_stop; finish' EXIT

F=bgp.pcap
forget $F
ns_up || exit 1
ns_capture "$OUT/$F" 'tcp port 179' || exit 1
BIRD_KEEPALIVE=1
bird_start c || exit 1
bird c enable four >/dev/null # there is nobody yet: refused
sleep 1
bird_start s && bird_up four && bird_up six || exit 1
sleep 2                                     # keepalives
bird c reload in four >/dev/null            # route refresh
sleep 1
bird c disable six >/dev/null               # administrative shutdown
bird s restart four >/dev/null              # likewise, and a second session
sleep 0.5
bird_up four || exit 1
sleep 1
bird s disable four >/dev/null
sleep 0.5
ns_capture_end || exit 1
set -- $(birds_got)
for name in open update notification keepalive routerefresh; do
	fact $F bgp_$name "$1" bird
	shift
done
