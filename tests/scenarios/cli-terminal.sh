#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# pktvisor-cli in a terminal, looking at an agent that says what we make it say: picking, walking, opening, and a hostile one.
. "$TESTS/lib/sh.sh"
. "$TESTS/lib/cliterm.sh"
command -v tmux >/dev/null || { skip "needs tmux"; exit 0; }
export LC_ALL=C.UTF-8
trap mux_end EXIT
trap 'exit 1' INT TERM
coproc FAKEAGENT { exec python3 "$TESTS/lib/fakeagent.py" "$TESTS/ui" 2>fake.err; }
read -r -t 20 -u "${FAKEAGENT[0]}" _ _ PORT || { cat fake.err; not_ok "the false agent starts"; exit 1; }
CLI="env TERM=tmux-256color LC_ALL=C.UTF-8 TZ=UTC0 ASAN_OPTIONS=$ASAN_OPTIONS $BIN/pktvisor-cli -p $PORT"

mux_begin 80 24 "$CLI -P flow-many --view flow"
golden term.flow-many.80x24
keys G
golden term.flow-many.end.80x24
keys g Down Down Down Right Down Enter # the third device, the third interface, the fourth
sees "a row opens its section" 'interfaces: 10\.0\.0\.28 \| 3'
golden term.flow-many.section.80x24
size 120 40
golden term.flow-many.section.120x40
keys Escape s s s
sees "sorted by a column" 'by filtered'
keys p Home
sees "all policies can be picked" '\(all policies\)'
keys Down Down Down Down Down Enter # the fifth by name
sees "another policy is picked" 'Policy: netprobe'
keys 3
golden term.netprobe.120x40
keys p Home Down Down Down Down Down Down Enter
sees "one with two handlers of a kind shows the first, and says so" 'dns 1 of 2: t-all'
keys n
sees "n shows the next" 'dns 2 of 2: t-bad'
sees "with its numbers" 'DNS Wire Pkts 20/800'
keys p Home Down Down Down Down Down Down Down Enter
sees "and another" 'Policy: taps'
keys t Down Down Enter
sees "one tap of it" 'tap t-x'
sees "whose handler is shown" 'Pkts  200'
keys q
sees "q ends it" '^ended 0'

mux_again "env HISTFILE= PS1='> ' bash --norc --noprofile -i"
sees "a shell" '^>'
keys "$CLI -P bgp" Enter
sees "from a shell it begins" '1 overview\]'
keys C-z
sees "Ctrl-Z stops it, and the shell's screen is back" 'Stopped'
size 90 30
keys fg Enter
sees "fg goes on, in the size that the terminal has now" '^┌.{88}┐$'
keys q
sees "q ends it" '^>$'

# what an evil agent puts into names stays in its place
title() { "${MUX[@]}" display-message -p -t cli '#{pane_title}'; }
before=$(title)
for p in bytes keys types numbers deep devices handlers longname; do
	mux_again "$CLI -P $p"
	sees "hostile: $p" '1 overview\]'
	keys Tab Down Down Enter
	size 80 24
	keys Escape G g / e Enter Tab Tab p Down
	size 120 40
	keys Escape q
	sees "hostile: $p ends in order" '^ended 0'
done
is "the terminal's title is its own" "$(title)" "$before"
for p in endless garbage truncated deeper e404; do
	mux_again "$CLI -P $p"
	sees "hostile: $p is said" 'answer|HTTP/0.9|404'
	keys ? x r Tab q
	sees "hostile: $p ends in order" '^ended 0'
done

# keys without end, as of a paste by mistake: a signal is heard
{ while :; do echo -n jjjjkkkk; done | script -qec "sh -c 'echo \$\$ >pid; exec $CLI -P bytes'" /dev/null >typed; } 2>/dev/null &
typing() { [ -s pid ] && [ "$(wc -c <typed)" -gt 2000 ]; }
gone() { ! kill -0 "$(cat pid)" 2>/dev/null; }
until_true typing && kill -TERM "$(cat pid)"
if [ -s pid ] && until_true gone; then ok "a flood of keys does not hide a signal"; else
	not_ok "a flood of keys does not hide a signal"
	kill -KILL "$(cat pid)"
fi
