# SPDX-License-Identifier: MPL-2.0
# Taps and policies that come and go under traffic: a thousand rounds of creating them, deleting them and creating them again; also in builds
# that watch memory and threads: no finding, and nothing is left.
# Waits: the kernel takes its time to put a capture away.
. "$TESTS/lib/sh.sh"

[ "$(id -u)" = 0 ] || { skip "capturing needs root"; exit 0; }
# a round is a tap and three policies, and two documents that fail
rounds=${ROUNDS:-1000}
unshare -n sh -c 'ip link set lo up && exec "$0" lo "$1"' "$BUILD/tests/pvchurn" "$rounds" >churn 2>err
is "$((4 * rounds)) taps and policies in $rounds rounds are created and deleted under traffic" $? 0
is "nobody complains" "$(tail -n 30 err)" ""
read -r rss0 fds0 threads0 < <(sed -n 1p churn)
read -r rss1 fds1 threads1 < <(sed -n 2p churn)
like "half of the rounds have been measured" "$rss0 $fds0 $threads0" '^[1-9][0-9]* [1-9][0-9]* [1-9][0-9]*$'
is "they leave no descriptors and no threads" "$fds1 $threads1" "$fds0 $threads0"
case $BUILD in
*/release*) if [ $((rss1 - rss0)) -lt 8192 ]; then ok "and no memory"; else cat churn; not_ok "and no memory"; fi ;;
esac # sanitizers keep what was freed for a while; the one that counts leaks says it at the end
like "the policy that stayed lost nothing" "$(sed -n 3,4p churn)" '^stays lost 0 of [1-9]'
