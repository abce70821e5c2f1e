#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""bench.py OUTDIR [PACKETS] - big captures for measuring, too big to be kept in the tree.

  bench-dns.pcap   our DNS captures (UDP and TCP, IPv4 and IPv6), interleaved and repeated to PACKETS (default two
                   million) packets or a little more
  bench-each.pcap  dns-each.pcap (as many queries over UDP as over TCP, a connection for each) repeated likewise
  bench-net.pcap   http-mix.pcap (HTTP, ping, ARP, NTP, a little DNS) repeated likewise

Stream time moves on all the while, ten minutes in all. Each repetition has other client addresses (two bytes
in the middle of the address), so no TCP connection and no DNS transaction of one repetition meets another's.
The originals' times are squeezed into a repetition, so latencies mean nothing. Checksums are left as they were:
wrong."""
import struct
import sys
import time

from wire import ROOT, os, read_pcap

SPAN = 600 * 10**9
START = 1714521600 * 10**9
SERVERS = {b"\xc0\0\2\x35", b"\x20\1\x0d\xb8" + b"\0\0\0\1" + b"\0" * 7 + b"\x53"}


def load(files):
    """[(place in the repetition from 0 to 1, frame, where the two bytes to change are)]"""
    out = []
    for f in files:
        _, packets = read_pcap(os.path.join(ROOT, f))
        first, last = packets[0][0], packets[-1][0] + 1
        for t, d, _ in packets:
            kind = d[12:14]
            at = None
            if kind == b"\x08\0":
                at = 26 if d[26:30] not in SERVERS else 30
                at += 1
            elif kind == b"\x86\xdd":
                at = 22 if d[22:38] not in SERVERS else 38
                at += 4
                if d[at - 4] != 0x20:                            # link-local and multicast stay as they are
                    at = None
            out.append(((t - first) / (last - first), d, at))
    out.sort(key=lambda x: x[0])
    return out


def write(path, packets, want):
    rounds = -(-want // len(packets))
    span = SPAN // rounds
    template = bytearray()
    stamps = []
    patches = []
    for place, d, at in packets:
        stamps.append((len(template), int(place * span)))
        if at is not None:
            patches.append(len(template) + 16 + at)
        template += struct.pack("<IIII", 0, 0, len(d), len(d)) + d
    pack = struct.Struct("<II").pack_into
    begun = time.monotonic()
    with open(path, "wb", buffering=1 << 22) as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for k in range(rounds):
            base = START + k * span
            for off, rel in stamps:
                sec, ns = divmod(base + rel, 10**9)
                pack(template, off, sec, ns // 1000)
            hi, lo = k >> 8, k & 255
            for p in patches:
                template[p] = hi
                template[p + 1] = lo
            f.write(template)
    print("%s: %d packets, %d bytes, %.1f s" % (path, rounds * len(packets), os.path.getsize(path),
            time.monotonic() - begun))


def main():
    out = sys.argv[1]
    want = int(sys.argv[2]) if len(sys.argv) > 2 else 2000000
    write(os.path.join(out, "bench-dns.pcap"),
          load(["dns-mixed.pcap", "dns-udp4.pcap", "dns-udp6.pcap", "dns-tcp4.pcap", "dns-tcp6.pcap"]), want)
    write(os.path.join(out, "bench-each.pcap"), load(["dns-each.pcap"]), want)
    write(os.path.join(out, "bench-net.pcap"), load(["http-mix.pcap"]), want)


main()
