# SPDX-License-Identifier: MPL-2.0
# Workers of one interface: policies that come and go on them under traffic, and the packets each of them gets; also for builds that watch
# memory and threads. What is counted on a wire: tests/live/workers.sh.
. "$TESTS/lib/sh.sh"

[ "$(id -u)" = 0 ] || { skip "capturing needs root"; exit 0; }
apart() { unshare -n sh -c 'ip link set lo up && exec "$0" "$@"' "$@"; }
apart "$BUILD/tests/pvchurn" lo 20 3 >churn 2>err
is "80 taps and policies are created and deleted on three workers, under traffic" $? 0
is "nobody complains" "$(tail -n 30 err)" ""
read -r _ fds0 threads0 < <(sed -n 1p churn)
read -r _ fds1 threads1 < <(sed -n 2p churn)
is "they leave no descriptors and no threads" "$fds1 $threads1" "$fds0 $threads0"
like "all workers of the policy that stayed counted" "$(sed -n 3,4p churn)" '^stays lost [0-9]+ of [1-9][0-9]*, parsed [1-9]'
apart "$BUILD/tests/pvworkers" 3 3 >split
like "numbered packets are each in one worker, and a flow in the same" "$(cat split)" '^seen [0-9]{2,} twice 0 missing 0 strayed 0 idle 0 lost 0$'
