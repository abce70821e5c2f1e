#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# Configurations through a real program: files that people have load, and what is wrong is said in one line that names the place.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$top/build/release} TESTS=${TESTS:-$top/tests}
config=$BUILD/tests/pvconfig
[ -x "$config" ] || { echo "not ok - pvconfig is there (make test-programs)"; exit 1; }

say() { if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }

for f in "$TESTS"/configs/*.yaml "$TESTS"/configs/*.json; do
	"$config" "$f" >out 2>err && jq -e '.taps | length > 0' out >/dev/null && ! grep -v ': warning: ' err
	say $? "$(basename "$f") loads"
done

"$config" "$TESTS/configs/orb.yaml" 2>err >out
[ "$(sed 's/.*orb.yaml://' err)" = "2: warning: orb has no meaning here and is ignored
13: warning: description has no meaning here and is ignored
26: warning: description has no meaning here and is ignored
33: warning: config has no meaning here and is ignored" ]
say $? "what older agents ignored is ignored, and said"
jq -e '.policies.default_view.input | to_entries[0].value.config == {"pcap_source": "libpcap", "iface": "eth0", "debug": false,
	"bpf": "port 53", "tcp_packet_reassembly_cache_limit": 1000}' out >/dev/null
say $? "a tap's settings and filter, and the policy's, become one"
jq -e '[.policies.default_view.modules[] | to_entries[0].value.config.deep_sample_rate] == [100, 75, 100, 100, 100]' out >/dev/null
say $? "a handler's own word goes before the window's"

jq -e '[.policies.ams.input[].tap] == ["ams_a", "ams_b"] and [.policies.ground.input[].tap] == ["ams_a", "fra_a"]' \
	<("$config" "$TESTS/configs/sites.yaml" 2>/dev/null) >/dev/null
say $? "selectors find their taps"

jq -e '[.policies[] | .input | keys] | .[0] == .[1]' <("$config" "$TESTS/configs/chain.yaml") >/dev/null
say $? "two policies with the same input have one stream"

"$config" "$TESTS/configs/agent.json" >one
python3 - "$TESTS/configs/agent.json" >flat.json <<-'END'
	import json, sys
	print(json.dumps(json.load(open(sys.argv[1])), separators=(",", ":")))
	END
"$config" flat.json >two && cmp one two
say $? "JSON without a blank is the same"

# wrong SENTENCE LINE: text of a document on stdin; what it says must begin with bad.yaml and be the line
wrong() {
	cat >bad.yaml
	"$config" bad.yaml >out 2>err
	[ $? = 1 ] && [ ! -s out ] && [ "$(cat err)" = "$2" ] || { cat err; false; }
	say $? "$1"
}

printf 'visor:\n  policies:\n    p:\n      kind: collection\n      input: {tap: x, input_type: pcap}\n      handlers: {modules: {}}\n' |
	wrong "a tap that is missing is named with its line" "bad.yaml:5: tap 'x' does not exist"
printf 'visor:\n  config:\n    port: "80"\n' |
	wrong "a wrong type comes with the right one" "bad.yaml:3: wrong type for key: port (a number is expected)"
printf 'visor:\n  taps:\n    t: {input_type: pcap}\n    t: {input_type: mock}\n' |
	wrong "a second tap of a name is refused" "bad.yaml:4: module name 't' already exists"
printf 'version: 2.0\nvisor: {}\n' |
	wrong "another version is refused" "bad.yaml:1: unsupported version (1.0 is expected)"
printf '' | wrong "nothing is not a configuration" "bad.yaml: empty data"
printf 'visor: {taps: {"\\e[31m": {}}}' |
	wrong "control characters do not reach the terminal" 'bad.yaml:1: invalid module name: \027[31m'

rm -f bad.yaml
"$config" bad.yaml 2>err; [ $? = 1 ] && [ "$(cat err)" = "bad.yaml: No such file or directory" ]
say $? "a file that is missing is said"
mkdir -p bad.yaml
"$config" bad.yaml 2>err; [ $? = 1 ] && [ "$(cat err)" = "bad.yaml: Is a directory" ]
say $? "a folder is not a file"
mkfifo pipe
"$config" pipe >two & cat "$TESTS/configs/agent.json" >pipe; wait $! && cmp one two
say $? "a pipe is read to its end"
