#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""bench.py OUTDIR [PACKETS] - big captures for measuring, too big to be kept in the tree.

  bench-dns.pcap   our DNS captures (UDP and TCP, IPv4 and IPv6), interleaved and repeated to PACKETS (default two
                   million) packets or a little more
  bench-each.pcap  dns-each.pcap (as many queries over UDP as over TCP, a connection for each) repeated likewise
  bench-net.pcap   http-mix.pcap (HTTP, ping, ARP, NTP, a little DNS) repeated likewise
  bench.dnstap     what unbound and dnsdist logged, repeated to half as many messages

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


def varint(b, at):
    value = shift = 0
    while True:
        value |= (b[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if b[at - 1] < 0x80:
            return value, at


def times_of(b, at, end, inside=False):
    """Where the seconds and nanoseconds of a dnstap message stand: [(offset, seconds), ...], [(offset, ns), ...]"""
    seconds, fractions = [], []
    while at < end:
        key, at = varint(b, at)
        field, kind = key >> 3, key & 7
        if kind == 2:
            n, at = varint(b, at)
            if field == 14 and not inside:
                seconds, fractions = times_of(b, at, at + n, True)
            at += n
        elif kind == 5:
            if field in (9, 13):
                fractions.append((at, struct.unpack_from("<I", b, at)[0]))
            at += 4
        else:
            value, after = varint(b, at)
            if field in (8, 12) and inside:
                seconds.append((at, value))
            at = after
    return seconds, fractions


def load_dnstap(names):
    """[(place in the repetition from 0 to 1, frame, where its times are and how long after its own time)]"""
    out = []
    for name in names:
        b = open(os.path.join(ROOT, "dnstap", name + ".dnstap"), "rb").read()
        at, frames = 0, []
        while at + 4 <= len(b):
            n = struct.unpack_from(">I", b, at)[0]
            if n:
                frame = b[at + 4:at + 4 + n]
                seconds, fractions = times_of(frame, 0, n)
                stamps = [s * 10**9 + f for (_, s), (_, f) in zip(seconds, fractions)]
                frames.append((stamps[-1], frame, [(s, f, t - stamps[-1]) for (s, _), (f, _), t in zip(seconds, fractions, stamps)]))
            at += 4 + (n or 4 + struct.unpack_from(">I", b, at + 4)[0])
        first, last = frames[0][0], max(f[0] for f in frames) + 1
        out += [((t - first) / (last - first), frame, times) for t, frame, times in frames]
    out.sort(key=lambda x: x[0])
    return out


def write_dnstap(path, frames, want):
    rounds = -(-want // len(frames))
    span = SPAN // rounds
    template, patches = bytearray(), []
    for place, frame, times in frames:
        template += struct.pack(">I", len(frame))
        patches += [(len(template) + s, len(template) + f, int(place * span) + min(d, 0)) for s, f, d in times]
        template += frame
    content = b"protobuf:dnstap.Dnstap"
    with open(path, "wb", buffering=1 << 22) as f:
        f.write(struct.pack(">IIIII", 0, 12 + len(content), 2, 1, len(content)) + content)
        for r in range(rounds):
            for s, n, t in patches:
                sec, ns = divmod(START + r * span + t, 10**9)
                for i in range(5):                               # as long a varint as it was
                    template[s + i] = sec >> 7 * i & 0x7F | (0x80 if i < 4 else 0)
                struct.pack_into("<I", template, n, ns)
            f.write(template)
        f.write(struct.pack(">III", 0, 4, 3))


def main():
    out = sys.argv[1]
    want = int(sys.argv[2]) if len(sys.argv) > 2 else 2000000
    write(os.path.join(out, "bench-dns.pcap"),
          load(["dns-mixed.pcap", "dns-udp4.pcap", "dns-udp6.pcap", "dns-tcp4.pcap", "dns-tcp6.pcap"]), want)
    write(os.path.join(out, "bench-each.pcap"), load(["dns-each.pcap"]), want)
    write(os.path.join(out, "bench-net.pcap"), load(["http-mix.pcap"]), want)
    write_dnstap(os.path.join(out, "bench.dnstap"), load_dnstap(["unbound", "dnsdist"]), want // 2)


main()
