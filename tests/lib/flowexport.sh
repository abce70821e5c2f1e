# SPDX-License-Identifier: MPL-2.0
#
# flowexport.sh - real exporters, for bash scripts that source this file.
#
#   flow_softflowd FILE HOST:PORT VERSION [options]   reads a capture and sends NetFlow 5, 9 or IPFIX (10) of it;
#                                                     -s N: of every Nth packet
#   flow_pmacctd INTERFACE [RATE] LINES...            writes pmacctd.conf for pmacctd -f: plugins and what they want
#   flow_truth FILE       "packets4 bytes4 packets6 bytes6" of an Ethernet capture, counted without any of us
#   flow_totals EVENTS [SOURCE]   the same of flow events (of one source: 5 NetFlow 9, 6 IPFIX, ...), times their rates

flow_softflowd() {
	local file=$1 to=$2 version=$3
	shift 3
	timeout 100 softflowd -d -r "$file" -n "$to" -v "$version" -c none -p "$PWD/softflowd.pid" "$@" >softflowd.log 2>&1
}

# A buffer of one packet: with larger ones pmacctd 1.7.7 counts some packets twice at its end.
flow_pmacctd() {
	local interface=$1 rate=$2
	shift 2
	printf '%s\n' "daemonize: false" "pcap_interface: $interface" "plugin_buffer_size: 300" "plugin_pipe_size: 8192000" \
		"aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags" "$@"
	[ "$rate" = 1 ] || echo "sampling_rate: $rate"
}

flow_truth() {
	python3 - "$1" <<'PY'
import struct, sys
b = open(sys.argv[1], 'rb').read()
e = '<' if b[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
at, p4, b4, p6, b6 = 24, 0, 0, 0, 0
while at + 16 <= len(b):
    n = struct.unpack(e + 'I', b[at + 8:at + 12])[0]
    f = b[at + 16:at + 16 + n]
    at += 16 + n
    if f[12:14] == b'\x08\x00':
        p4, b4 = p4 + 1, b4 + struct.unpack('>H', f[16:18])[0]
    elif f[12:14] == b'\x86\xdd':
        p6, b6 = p6 + 1, b6 + 40 + struct.unpack('>H', f[18:20])[0]
print(p4, b4, p6, b6)
PY
}

flow_totals() {
	pv-cat --json --type flow "$1" | jq -rn --argjson source "${2:-0}" '
		reduce (inputs | select($source == 0 or .source == $source)) as $f ([0, 0, 0, 0];
			if $f.l3 == 4 then .[0] += $f.packets * $f.rate | .[1] += $f.bytes * $f.rate
			elif $f.l3 == 6 then .[2] += $f.packets * $f.rate | .[3] += $f.bytes * $f.rate
			else . end) | map(tostring) | join(" ")'
}
