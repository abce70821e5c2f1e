#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""gen-tcp.py - dns-tcp-reorder, dns-tcp-loss, dns-tcp-midstream .pcap: dns-tcp4.pcap, rearranged.

reorder    segments are late by up to six packets, one in 20 comes twice, one in 20 comes again in other bounds
           (the tail of the one before in front of it). SYN keeps its place and nothing overtakes a RST. Every
           message of the original can still be had.
loss       one packet in 30 is gone, of any kind.
midstream  the recording begins while connections are open: the first 100 packets are missing.

What can be had from the last two depends on what a reassembler does behind a gap; FACTS.tsv gives the borders:
dns_messages_min are those before the first gap of a side that starts with its SYN, dns_messages_max those that
are there with all their bytes."""
from wire import *


class Segment:
    def __init__(self, time, frame):
        self.time, self.frame = time, frame
        ihl = (frame[14] & 15) * 4
        total = struct.unpack(">H", frame[16:18])[0]
        t = 14 + ihl
        sport, dport, self.seq, self.ack, off, self.flags = struct.unpack(">HHIIBB", frame[t:t + 14])
        self.payload = frame[t + (off >> 4) * 4:14 + total]
        self.side = (frame[26:30], sport, frame[30:34], dport)
        self.flow = tuple(sorted([self.side[:2], self.side[2:]]))


def recut(seg, before):
    """The segment again, with up to 20 bytes of its predecessor's tail in front."""
    tail = before.payload[-20:]
    frame = seg.frame
    t = 14 + (frame[14] & 15) * 4
    seq = (seg.seq - len(tail)) & 0xFFFFFFFF
    head = frame[t:t + (frame[t + 12] >> 4) * 4]
    head = head[:4] + struct.pack(">I", seq) + head[8:16] + b"\0\0" + head[18:]
    body = head + tail + seg.payload
    src, dst = (str(ipaddress.ip_address(frame[i:i + 4])) for i in (26, 30))
    c = checksum(pseudo(src, dst, 6, len(body)) + body)
    body = body[:16] + struct.pack(">H", c) + body[18:]
    return Segment(seg.time, frame[:14] + ip4(body, 6, src, dst))


def messages(segs):
    """For each side, where its messages begin and end, counted from its SYN; needs all segments."""
    out = {}
    for side in {s.side for s in segs}:
        mine = [s for s in segs if s.side == side]
        isn = next(s.seq for s in mine if s.flags & SYN)
        data = {}
        for s in mine:
            for i, b in enumerate(s.payload):
                data[(s.seq - isn - 1 + i) & 0xFFFFFFFF] = b
        stream = bytes(data[i] for i in range(len(data)))
        p = 0
        out[side] = (isn, [])
        while p + 2 <= len(stream):
            n = struct.unpack(">H", stream[p:p + 2])[0]
            if p + 2 + n > len(stream):
                break
            out[side][1].append((p, p + 2 + n))
            p += 2 + n
    return out


def borders(known, kept):
    low = high = 0
    for side, (isn, spans) in known.items():
        have = set()
        syn = False
        for s in kept:
            if s.side == side:
                syn |= bool(s.flags & SYN)
                have.update((s.seq - isn - 1 + i) & 0xFFFFFFFF for i in range(len(s.payload)))
        gap = False
        for a, b in spans:
            whole = all(i in have for i in range(a, b))
            gap |= not whole
            high += whole
            low += syn and not gap
    return low, high


def main():
    _, packets = read_pcap(os.path.join(ROOT, "dns-tcp4.pcap"))
    segs = [Segment(t, d) for t, d, _ in packets]
    known = messages(segs)
    total = sum(len(spans) for _, spans in known.values())

    r = Rand(7)
    last = {}
    barrier = {}
    keyed = []
    dup = again = 0
    for i, s in enumerate(segs):
        before = last.get(s.side)
        if s.flags & SYN:
            key = i
        elif s.flags & RST:
            key = max(i, barrier.get(s.flow, 0)) + 0.5
        else:
            key = i + r.below(7)
        barrier[s.flow] = max(barrier.get(s.flow, 0), key)
        keyed.append((key, i, s))
        if s.payload:
            k = r.below(20)
            if k == 0:
                keyed.append((key + 0.1 + r.below(4), i, s))
                dup += 1
            elif k == 1 and before and (before.seq + len(before.payload)) & 0xFFFFFFFF == s.seq:
                keyed.append((key + 0.2 + r.below(4), i, recut(s, before)))
                again += 1
            barrier[s.flow] = max(barrier[s.flow], keyed[-1][0])
            last[s.side] = s
    keyed.sort(key=lambda x: x[:2])
    with Pcap(os.path.join(ROOT, "dns-tcp-reorder.pcap")) as p:
        now = 0
        for _, _, s in keyed:
            now = max(now, s.time)
            p.add(s.frame, now)
    late = sum(1 for a, b in zip(keyed, keyed[1:]) if a[1] > b[1])
    facts("dns-tcp-reorder.pcap", dict(dns_messages=total, duplicates=dup,
            retransmitted_in_other_bounds=again, out_of_order=late))

    kept = [s for s in segs if r.below(30)]
    with Pcap(os.path.join(ROOT, "dns-tcp-loss.pcap")) as p:
        for s in kept:
            p.add(s.frame, s.time)
    low, high = borders(known, kept)
    facts("dns-tcp-loss.pcap", dict(dns_messages_min=low, dns_messages_max=high, dns_messages_sent=total,
                                    packets_lost=len(segs) - len(kept)))

    kept = segs[100:]
    with Pcap(os.path.join(ROOT, "dns-tcp-midstream.pcap")) as p:
        for s in kept:
            p.add(s.frame, s.time)
    low, high = borders(known, kept)
    facts("dns-tcp-midstream.pcap", dict(dns_messages_min=low, dns_messages_max=high, dns_messages_sent=total))


main()
