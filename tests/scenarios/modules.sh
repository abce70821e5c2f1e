# SPDX-License-Identifier: MPL-2.0
# Loaded modules in real pipelines: with them, without them, in any order, through files, and made outside of this tree.
. "$TESTS/lib/sh.sh"
umask 022

install -d -m 755 mods none tests_mods
install -m 755 "$BUILD/modules/ntp.so" mods
install -m 755 "$BUILD/tests/modules/count.so" tests_mods
install -m 755 "$BUILD/modules/ntp.so" "$BUILD/tests/modules/count.so" none
M=(--module-dir mods)

capture() { pv-capture --payload-port 123,124 -r "$1"; }
# ntp < JSON: the part that ntp.py foretells
ntp() { jq -cS '.[].ntp | del(.period, .rates, .wire_packets.deep_samples)'; }

# ---- what it counts ------------------------------------------------------------------------------------------

for seed in 1 2 3; do
	python3 "$TESTS/lib/ntp.py" $seed.pcap $seed | jq -cS . >$seed.want
	capture $seed.pcap | pv-module "${M[@]}" ntp >$seed.pve
	pv-window "${M[@]}" --json <$seed.pve >$seed.json
	ntp <$seed.json >got
	same "capture $seed: the metrics say what was put into it" got $seed.want
done
capture "$CAPTURES/http-mix.pcap" | pv-module "${M[@]}" ntp --only | pv-window "${M[@]}" --json >mix.json
is "http-mix.pcap: twenty requests, as many responses of stratum 0, of one client" \
	"$(jq -c '.[].ntp | [.wire_packets.client, .wire_packets.kiss_of_death, .cardinality.clients, .top_servers[0].name]' mix.json)" \
	'[20,20,1,"192.0.2.53"]'
capture 1.pcap | pv-module "${M[@]}" ntp port=124 | pv-window "${M[@]}" --json >port.json
is "port=124 looks there" "$(jq '.[].ntp.wire_packets.events' port.json)" "$(tcpdump -nr 1.pcap udp port 124 2>/dev/null | wc -l)"
pv-capture -r 1.pcap | pv-module "${M[@]}" ntp | tee unread.pve | pv-window "${M[@]}" --json >unread.json
is "without the payload there is nothing to read but empty packets" \
	"$(jq '.[].ntp.wire_packets | .events - .malformed' unread.json)" 0
is "and the ledger says so" "$(pv-cat --json -t stop unread.pve | jq -c '[.rows[] | select(.stage == 1 and (.what == 1 or .what == 2 or .what == 4 or .what == 5)) | .value] | .[0] == .[1] + .[2] + .[3] and .[3] > 200')" true

# ---- with and without ----------------------------------------------------------------------------------------

f=$CAPTURES/dns-mixed.pcap
cat 1.pcap >mixed.pcap
dd if="$f" bs=24 skip=1 status=none >>mixed.pcap # the records of another capture behind the head of this one
capture mixed.pcap >mixed.pve
pv-net <mixed.pve | pv-dns | pv-window --json >plain.json
pv-net <mixed.pve | pv-module "${M[@]}" ntp | pv-dns | tee with.pve | pv-window --json >skipped.json
same "a window that has not the module prints what it prints without it" skipped.json plain.json
pv-window "${M[@]}" --json <with.pve >with.json
is "the module adds its part and changes no other" "$(jq -c 'map_values(del(.ntp))' with.json)" "$(jq -c . plain.json)"
is "and that part is what it is alone" "$(jq -c '.[].ntp | .wire_packets' with.json)" "$(jq -c '.[].ntp | .wire_packets' 1.json)"
pv-module "${M[@]}" ntp <mixed.pve | pv-dns | pv-net | pv-window "${M[@]}" --json >order1.json
pv-dns <mixed.pve | pv-net | pv-module "${M[@]}" ntp --only | pv-window "${M[@]}" --json >order2.json
is "first or last in the pipeline, it is the same" "$(jq -cS . order1.json; jq -cS . order2.json)" "$(jq -cS . with.json; jq -cS . with.json)"
pv-window "${M[@]}" --modules ntp --json <with.pve >only.json
is "--modules ntp shows it alone" "$(jq -c '.[] | keys' only.json)" '["ntp"]'
pv-window "${M[@]}" --modules ntp --json <mixed.pve >zeros.json
is "and zeros, where nobody announced it" "$(jq '.[].ntp.wire_packets.events' zeros.json)" 0
status 2 "--modules ntp is unknown where it is not loaded" pv-window --modules ntp --json

pv-cat --check with.pve && ok "pv-cat finds the stream whole"
is "and counts the module's events" "$(pv-cat -c with.pve | awk '$1 == "module" { print $2 }')" "$(jq .wire_packets.events 1.want)"
is "which it can select" "$(pv-cat -t module with.pve | pv-cat --json -t packet,net,dns,module | jq -r .type | sort -u)" module
pv-cat -t module with.pve | pv-window "${M[@]}" --json >selected.json
is "and what is selected still means the same" "$(jq -c '.[].ntp.wire_packets' selected.json)" "$(jq -c '.[].ntp.wire_packets' with.json)"

# ---- numbers, names, several of them --------------------------------------------------------------------------

numbers() { pv-cat --json -t stage | jq -r 'select(.events) | "\(.name)=\(.events)"' | paste -sd' '; }
is "a number of its own" "$(numbers <1.pve)" "ntp=54"
is "the same for one that makes the same" "$(pv-module "${M[@]}" ntp --name again port=124 <1.pve | numbers)" "ntp=54 again=54"
pv-module --module-dir none count count=5 | pv-module --module-dir none ntp >two.pve
is "another for another" "$(numbers <two.pve)" "count=54 ntp=55"
pv-module "${M[@]}" ntp --name again port=124 <1.pve | pv-window "${M[@]}" --json >again.json
is "two of them are told apart" "$(jq -c '.[] | [.ntp.wire_packets.events, .ntp_2.wire_packets.events]' again.json)" \
	"[$(jq .wire_packets.events 1.want),$(jq '.[].ntp.wire_packets.events' port.json)]"
is "a source, its events and its table" "$(pv-module --module-dir none count count=100 | pv-window --module-dir none --json | jq -c '.[].count | [.events, .sum]')" "[100,5050]"
install -d -m 755 live && install -m 755 "$BUILD/modules/cpu.so" live
# stat N IDLE: the counters of a host
stat() { echo "cpu  $1 0 0 $2 0 0 0 $3"; }
stat 100 1000 0 >stat
pv-module --module-dir live -i stat cpu interval=20 >live.pve & cpu=$!
until_true test -s live.pve # it has looked once
stat 110 1070 20 1<>stat # in one piece: it may look at any time
# a look that had something new is an event; then it looks on, for a while
looked() { pv-cat --json -t module live.pve 2>/dev/null | grep -q .; }
until_true looked
sleep 0.2
kill -INT $cpu; wait $cpu
is "a live source: what is new when it looks, and nothing where nothing is" \
	"$(pv-window --module-dir live --periods 1 --json <live.pve | jq -c '.[].cpu | [.looks, .ticks, .busy_permille.p50, .stolen_permille.p50]')" "[1,100,100,200]"
is "its ledger balances" "$(pv-cat --json -t stop live.pve | jq -c '[.rows[] | select(.stage == 0 and (.what == 1 or .what == 2 or .what == 5)) | .value] | .[0] == .[1] + .[2] and .[1] == 1')" true
echo 'intr 1 2 3' >stat
status 1 "and an input that is none of its" pv-module --module-dir live -i stat cpu
one_line "is said to be" err "^pv-module: 'stat': it does not begin with the times of cpu$"
status 1 "a source that fails is said to" pv-module --module-dir none count count=3 fail
pv-cat --check out && ok "and its stream is whole"
one_line "in one line" err "^pv-module: count: was told to$"

# ---- buckets ---------------------------------------------------------------------------------------------------

for seed in 1 2 3; do pv-window "${M[@]}" --periods 1 <$seed.pve >$seed.pvb; done
cat 1.pve 2.pve 3.pve | pv-window "${M[@]}" --periods 1 --json >direct.json
cat 1.pvb 2.pvb 3.pvb | pv-window "${M[@]}" --periods 1 --json >merged.json
same "buckets travel in binary and merge to what one window makes" merged.json direct.json
is "all of it" "$(jq '.[].ntp.wire_packets.events' merged.json)" "$(cat 1.want 2.want 3.want | jq -s 'map(.wire_packets.events) | add')"
pv-window --periods 1 <with.pve >with0.pvb
pv-window "${M[@]}" --periods 1 <with.pve >with.pvb
pv-window --periods 1 --json <with.pvb >without1.json 2>err
is "buckets of a module that is not loaded are left out" "$(cat err; cat without1.json)" "$(pv-window --periods 1 --json <with0.pvb)"

# ---- damage ----------------------------------------------------------------------------------------------------

# the mode of the first module event (at 65 of it) becomes one that there is not
at=$(pv-cat --json 1.pve | grep -n '"type":"module"' | head -n 1 | cut -d: -f1)
at=$(python3 "$TESTS/lib/events.py" offsets 1.pve | sed -n "${at}p")
python3 "$TESTS/lib/events.py" set 1.pve $((at + 65)) 09 >bad.pve
pv-window "${M[@]}" --json <bad.pve >out 2>err
is "an event that the module finds impossible ends the input" "$?" 3
one_line "which is said, with where" err "^pv-window: input damaged at byte $at: impossible ntp mode$"
pv-window --json <bad.pve >out 2>err
is "nobody knows where it is not loaded" "$?$(cat err)" 0

# ---- what is refused --------------------------------------------------------------------------------------------

for p in pv-module pv-window pv-serve; do
	chmod o+w mods
	status 1 "$p: not from where others can write" $p "${M[@]}" --module-list
	one_line "$p: and which that is" err "^$p: no modules from '$PWD/mods': others can write to it$"
	chmod o-w mods
	chmod g+w mods/ntp.so
	status 1 "$p: nor what the group can write" $p "${M[@]}" --module-list
	one_line "$p: and which that is" err "^$p: module '$PWD/mods/ntp.so': others can write to it$"
	chmod g-w mods/ntp.so
	status 1 "$p: nor from nowhere" $p --module-dir nowhere --module-list
	one_line "$p: in one line" err "^$p: cannot look for modules in 'nowhere': No such file or directory$"
	status 0 "$p: --module-list" $p "${M[@]}" --module-list
	is "$p: lists what is built in and what is loaded" "$(sed -n '1p;$p' out)" "input: pcap version 1.0
handler: ntp version 1.0"
	is "$p: in these words" "$(grep -vcE '^(input|handler): [a-z_]+ version [0-9.]+$' out)" 0
done
is "a source is an input" "$(pv-module --module-dir tests_mods --module-list | grep count | paste -sd,)" \
	"input: count version 1.0,handler: count version 1.0"

# wrong REGEX ARGUMENT...
wrong() {
	local regex=$1; shift
	pv-module "$@" </dev/null >out 2>err
	is "pv-module $*: wrong usage" "$?" 2
	like "and why" "$(head -n 1 err)" "^pv-module: $regex$"
}
wrong "wants --module-dir DIR and the NAME of what to run"
wrong "wants --module-dir DIR and the NAME of what to run" ntp
wrong "wants --module-dir DIR and the NAME of what to run" "${M[@]}"
wrong "no loaded module has 'ftp'; there are: ntp" "${M[@]}" ftp
wrong "ntp: there is no setting 'colour'" "${M[@]}" ntp colour=red
wrong "ntp: 'port' takes a value" "${M[@]}" ntp port
wrong "ntp: port must be between 1 and 65535" "${M[@]}" ntp port=0
wrong "ntp: port must be between 1 and 65535" "${M[@]}" ntp port=many

# ---- made elsewhere ----------------------------------------------------------------------------------------------

# As its author would: with the headers that are installed, and nothing else of this tree.
make -s -C "$TOP" install-headers DESTDIR="$PWD/root" PREFIX=/usr >/dev/null
cp "$TOP"/contrib/module-example/{ntp.c,cpu.c,Makefile} .
for cc in gcc clang; do
	command -v $cc >/dev/null || { skip "there is no $cc"; continue; }
	rm -rf outside && install -d -m 755 outside
	if make -s CC=$cc CFLAGS="-Wall -Wextra -Werror -O2" PV_INCLUDE="$PWD/root/usr/include/pv" ntp.so cpu.so 2>err && install -m 755 ntp.so cpu.so outside && rm ntp.so cpu.so; then
		ok "the examples build with $cc and the installed headers alone"
	else
		cat err; not_ok "the examples build with $cc and the installed headers alone"
	fi
	capture 1.pcap | pv-module --module-dir outside ntp | pv-window --module-dir outside --json >outside.json
	same "and do the same" outside.json 1.json
	is "both" "$(timeout 100 pv-module --module-dir outside cpu interval=10 | head -c 2000 | pv-cat -c - 2>/dev/null | awk '$1 == "module" { print ($2 > 5) }')" 1
done
