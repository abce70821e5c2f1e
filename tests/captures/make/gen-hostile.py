#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""gen-hostile.py - hostile/*.pcap: packets that lie. One file for each defect, named for it.

The last two packets of every file are a good query and its answer for canary.hostile.test (192.0.2.11 port 45000 to
192.0.2.53, id 0xcafe): whatever came before, a decoder must still be there to count them. FACTS.tsv: packets, and
what a rule leaves no doubt about."""
from wire import *

OUT = os.path.join(ROOT, "hostile")
W = name("www.example.com")


def write(file, frames, link=1, wrap=None, **kw):
    with Pcap(os.path.join(OUT, file + ".pcap"), link) as p:
        for f in frames:
            p.add(f)
        for f in canary():
            p.add(wrap(f[14:]) if wrap else f)
        kw["packets"] = p.count
    facts("hostile/" + file + ".pcap", kw)


PORT = [43000]


def q(payload):
    PORT[0] += 1
    return eth(udp4(payload, PORT[0]))


def a(payload):
    PORT[0] += 1
    return eth(udp4(payload, 53, PORT[0], SERVER4, CLIENT4), None, MAC_S, MAC_C)


def both(payloads):
    """Each message as a query and, with QR set, as an answer."""
    out = []
    for m in payloads:
        out.append(q(m))
        out.append(a(m[:2] + bytes([m[2] | 0x80]) + m[3:] if len(m) > 2 else m))
    return out


def asked(wire):
    return question(wire)


def ptr(off):
    return struct.pack(">H", 0xC000 | off)


def names():
    h = header()
    write("dns-name-loop-self", both([h + ptr(12) + b"\0\1\0\1", h + b"\3abc" + ptr(16) + b"\0\1\0\1",
                                      h + b"\3abc" + ptr(12) + b"\0\1\0\1"]))
    write("dns-name-loop-two", both([h + ptr(14) + ptr(12) + b"\0\1\0\1", h + b"\1a" + ptr(16) + b"\1b" +
            ptr(12) + b"\0\1\0\1"]))
    write("dns-name-loop-in-answer", [a(header(1, 0x8580, 1, 1) + asked(W) + rr(ptr(33), CNAME, ptr(33))),
                                      a(header(1, 0x8580, 1, 1) + asked(W) + rr(ptr(12), CNAME, ptr(45))),
                                      a(header(1, 0x8580, 1, 2) + asked(W) + rr(b"\1x" + ptr(33), A,
                                      b"\1\2\3\4") * 2)])
    write("dns-name-pointer-forward", both([h + ptr(18) + b"\0\1\0\1" + W, h + ptr(0x3FFF) + b"\0\1\0\1",
            h + ptr(200) + b"\0\1\0\1"]))
    write("dns-name-pointer-into-header", both([h + ptr(n) + b"\0\1\0\1" for n in range(12)]))
    write("dns-name-pointer-cut", both([h + b"\xc0", h + b"\3abc\xc0", h + b"\3abc\xff"]))
    # A chain of pointers, each to the one before: 250 jumps for one name, and 2 000 in a big message.
    for n in (250, 2000):
        hops = ptr(12) + b"".join(ptr(31 + 2 * i)
                for i in range(n - 1))          # 31: where they stand in the message
        m = header(1, 0x8580, 1, 2) + asked(name("a")) + rr(ptr(12), TXT, hops) + rr(ptr(31 + 2 * (n - 1)),
                A, b"\1\2\3\4")
        write("dns-name-pointer-chain-%d" % n, [a(m)])
    write("dns-label-overrun", both([h + b"\x3fshort", h + b"\3www\x3fexample", h + b"\x0a123456789",
            h + b"\3www", h + b"\3"]))
    write("dns-name-no-root", both([h + b"\3www\7example\3com", h + b"", h + b"\3www\7example\3com\0",
            h + W + b"\0", h + W + b"\0\1\0"]))
    write("dns-name-over-255",
            both([h + asked(name([b"x" * 63] * 4)), h + asked(name([b"x" * 63] * 3 + [b"y" * 62])),
                                     h + asked(name([b"a"] * 128)), h + asked(name([b"a"] * 700))]))
    # Compression makes a name longer than 255 although each part is short enough.
    m = header(1, 0x8580, 1, 1) + asked(name([b"x" * 63] * 3)) + rr(b"\x3f" + b"z" * 63 + ptr(12), A,
            b"\1\2\3\4")
    write("dns-name-over-255-by-pointer", [a(m)])
    write("dns-label-type-reserved", both([h + b"\x40abc\0\0\1\0\1", h + b"\x80abc\0\0\1\0\1",
            h + b"\x41\1\x80\0\0\1\0\1",
                                           h + b"\3www\xbfabc\0\0\1\0\1"]))


def counts():
    write("dns-header-short", both([header()[:n] for n in range(12)]) + both([header()]))
    write("dns-counts-lie", both([
        header(1, 0x0100, 65535) + asked(W), header(1, 0x0100, 2) + asked(W), header(1, 0x0100, 0) + asked(W),
        header(1, 0x0100, 1, 65535) + asked(W), header(1, 0x0100, 1, 0, 65535) + asked(W),
        header(1, 0x0100, 1, 0, 0, 65535) + asked(W),
        header(1, 0x0100, 65535, 65535, 65535, 65535) + asked(W), header(1, 0x0100, 0, 0, 0, 0),
        header(1, 0x0100, 0, 1),
        header(1, 0x0100, 1, 1) + asked(W), header(1, 0x0100, 1, 3) + asked(W) + rr(b"\xc0\x0c", A,
        b"\1\2\3\4"),
        header(1, 0x0100, 101) + asked(b"\0") * 101, header(1, 0x0100, 1, 120) + asked(W) +
        rr(b"\xc0\x0c", A, b"\1\2\3\4") * 120]))
    write("dns-rdata-overrun", [a(header(1, 0x8580, 1, 1) + asked(W) + rr(b"\xc0\x0c", t, b"\1\2\3\4", rdlen=n))
                                for t in (A, AAAA, CNAME, MX, SOA, TXT, SRV, OPT, 250)
                                for n in (0, 1, 3, 5, 400, 65535)])
    write("dns-rr-cut", [a((header(1, 0x8580, 1, 1) + asked(W) + rr(b"\xc0\x0c", A, b"\1\2\3\4"))[:33 + n])
            for n in range(16)])
    opt = lambda data, n=None, owner=b"\0": header(1, 0x0100, 1, 0, 0, 1) + asked(W) + rr(owner, OPT, data,
            0, 1232, n)
    write("dns-opt-lies", both([
        opt(b"\0"), opt(b"\0\x08"), opt(b"\0\x08\0"), opt(b"\0\x08\0\x08"),
        opt(b"\0\x08\xff\xff\0\1\x18\0\xc6\x33\x64"),
        opt(b"\0\x08\0\7\0\1\x18\0\xc6\x33"), opt(b"\0\x08\0\7\0\1\x18\0\xc6\x33\x64", 500), opt(b"", 11),
        opt(b"\0\x0a\0\1\1"),
        opt(b"\0\x08\0\7\0\1\x18\0\xc6\x33\x64", None, b"\3abc\0"),
        header(1, 0x0100, 1, 0, 0, 2) + asked(W) + rr(b"\0", OPT, b"", 0, 1232) * 2,
        header(1, 0x0100, 1, 1) + asked(W) + rr(b"\0", OPT, b"", 0, 1232)]))
    ecs = lambda data: opt(struct.pack(">HH", 8, len(data)) + data)
    write("dns-ecs-lies", both([
        ecs(b""), ecs(b"\0"), ecs(b"\0\1"), ecs(b"\0\1\x18"), ecs(b"\0\1\x18\0"), ecs(b"\0\1\x18\0\xc6"),
        ecs(b"\0\1\xff\0\xc6\x33\x64\1"),
        ecs(b"\0\1\x21\0\xc6\x33\x64\1\1"), ecs(b"\0\2\xff\0" + b"\x20" * 16),
        ecs(b"\0\2\x81\0" + b"\x20" * 17), ecs(b"\0\2\x38\0\x20\1"),
        ecs(b"\0\3\x18\0\xc6\x33\x64"), ecs(b"\0\0\0\0"), ecs(b"\xff\xff\x18\0\xc6\x33\x64"),
        ecs(b"\0\1\x18\0" + b"\xc6" * 300)]))
    write("dns-trailing-bytes", both([query(W) + b"\0", query(W) + b"\xff" * 400, reply(W) + b"trailing"]))
    write("dns-garbage", [q(Rand(n).bytes(n)) for n in range(0, 200, 7)] +
            [a(Rand(n).bytes(n)) for n in range(0, 200, 7)])
    write("dns-all-types", [q(query(W, t, t)) for t in list(range(0, 270)) + [32768, 32769, 65280, 65534,
            65535]], queries=276)
    write("dns-all-rcodes", [f for r in range(16) for o in range(16) for f in
                             (a(reply(W, r * 16 + o, flags=0x8080 | o << 11, rcode=r)),)], replies=257)


def udp_ip():
    good = query(W)
    write("udp-empty", [eth(udp4(b"")), eth(udp6(b"")), a(b"")])
    write("udp-length-lies", [eth(ip4(udp(good, 43000 + n % 1000, 53, length=n), 17))
            for n in (0, 1, 7, 8, 9, 20, len(good) + 7, len(good) + 9, 65535)])
    write("udp-header-short", [eth(ip4(udp(good, 43000, 53)[:n], 17)) for n in range(8)])
    write("ip4-length-lies", [eth(ip4(udp(good, 43000, 53), 17, total=n)) for n in (0, 1, 19, 20, 21, 27, 28,
            40, 65535)] +
          [eth(ip4(udp(good, 43000, 53), 17, ihl=n)) for n in (0, 1, 4, 6, 7, 15)])
    write("ip4-cut", [eth(ip4(udp(good, 43000, 53), 17))[:14 + n] for n in range(0, 45)])
    write("ip4-options-lie", [eth(ip4(udp(good, 43000, 53), 17, options=o)) for o in (
        b"\7\xff\4\0", b"\7\0\0\0", b"\7\1\0\0", b"\x94\5\0\0", b"\1\1\1\7", b"\x44\4\0\0")])
    write("ip-version-lies", [eth(bytes([n << 4 | 5]) + ip4(udp(good, 43000, 53), 17)[1:], 0x0800)
            for n in range(16)] +
          [eth(udp6(good), 0x0800), eth(udp4(good), 0x86DD)])
    write("ip6-length-lies", [eth(ip6(udp(good, 43000, 53, CLIENT6, SERVER6), 17, plen=n))
            for n in (0, 1, 7, 8, 30, 65535)])
    write("ip6-cut", [eth(udp6(good))[:14 + n] for n in range(0, 60)])

    def chain(n, kind, body=b"\1\4\0\0\0\0"):
        p = udp(good, 43000, 53, CLIENT6, SERVER6)
        nxt = 17
        for _ in range(n):
            p = bytes([nxt, 0]) + body + p
            nxt = kind
        return eth(ip6(p, nxt))

    write("ip6-extensions-many", [chain(n, k) for n in (8, 16, 64, 150) for k in (0, 60, 43)])
    write("ip6-extension-lies",
            [eth(ip6(bytes([17, n]) + b"\1\4\0\0\0\0" + udp(good, 43000, 53, CLIENT6, SERVER6), k))
                                 for k in (0, 43, 44, 51, 60, 135, 139, 140, 253) for n in (1, 6, 200, 255)] +
          [eth(ip6(b"\x11"[:n], k)) for k in (0, 43, 44, 51, 60) for n in (0, 1)])
    frag = lambda off, data, more, ident=7: eth(ip4(data, 17, ident=ident, frag=(0x2000 if more else 0) | off))
    d = udp(query(W), 43000, 53)
    write("fragments-hostile", [frag(0, d[:8], 1), frag(1, d[8:16], 1), frag(0, d[:16], 1, 8),
            frag(1, b"\xff" * 16, 1, 8), frag(8191, d[:8], 0, 9),
                                frag(8190, b"\0" * 800, 1, 10), frag(0, b"", 1, 11), frag(0, d[:3], 1, 12)] +
          [frag(n, d[:8], 1, 13) for n in range(1, 100)])
    write("loopback-and-odd-addresses", [eth(udp4(good, 43000, 53, s, d)) for s in ("0.0.0.0", "127.0.0.1",
            "255.255.255.255", "224.0.0.1")
                                         for d in ("0.0.0.0", "127.0.0.1", "255.255.255.255", "192.0.2.53")] +
          [eth(udp6(good, 43000, 53, s, d)) for s in ("::", "::1", "ff02::1", "::ffff:192.0.2.1")
          for d in ("::", "::1", "fe80::1")] +
          [eth(udp4(good, 53, 53)), eth(udp4(good, 0, 53)), eth(udp4(good, 5353, 5353)),
          eth(udp4(good, 5355, 5355))])


def tcp_defects():
    m = framed(query(W))

    def conn(parts, **kw):
        PORT[0] += 1
        c = Conn(PORT[0], **kw)
        out = c.open()
        out += [c.c(x) for x in parts]
        return out + c.close()

    write("tcp-prefix-lies", sum((conn([x]) for x in (
        framed(query(W), 0), framed(query(W), 1), framed(query(W), 11), framed(query(W), 12),
        framed(query(W), 65535),
        framed(query(W), len(query(W)) - 1) + m, framed(query(W), len(query(W)) + 1) + m, b"\0",
        b"\0\0" * 500, b"\0\1x" * 300,
        b"\xff\xff" + b"\0" * 1000)), []))
    write("tcp-not-dns", conn([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]) +
            conn([b"\x16\3\1\2\0\1\0\1\xfc\3\3" + Rand(5).bytes(500)]) +
          conn([Rand(6).bytes(1200), Rand(7).bytes(1200)]) + conn([b"SSH-2.0-x\r\n"]))
    c = Conn(43900)
    write("tcp-no-syn", [c.c(m), c.c(m), c.c(m[:10]), c.c(m[10:])] + c.close())
    c = Conn(43901, iss=0xFFFFFFF0, irs=0xFFFFFFFE)
    frames = c.open()
    for i in range(6):
        frames += [c.c(framed(query(W, i))), c.s(framed(reply(W, i)))]
    write("tcp-sequence-wraps", frames + c.close(), queries=7, replies=7)
    c = Conn(43902)
    frames = c.open()
    base = c.cseq
    two = framed(query("first.example.com")) + framed(query("other.example.com"))
    frames += [c.c(two[:30], seq=base), c.c(b"\xff" * 30, seq=base), c.c(b"\xee" * 20 + two[35:50],
            seq=base + 15), c.c(two[30:], seq=base + 30)]
    write("tcp-overlap-conflicts", frames + c.close())
    c = Conn(43903)
    frames = c.open()
    base = c.cseq
    big = framed(query(W)) * 20
    frames += [c.c(big[i:i + 1], seq=base + i) for i in reversed(range(1, 400))]
    write("tcp-backwards", frames + [c.c(big[:1], seq=base)])
    c = Conn(43904)
    frames = c.open()
    base = c.cseq
    frames += [c.c(m, seq=base + n) for n in (1, 65536, 1 << 20, 1 << 30, (1 << 31) - 1, 1 << 31,
            1 << 31 | 1, -1, -len(m), -65536, -(1 << 30))]
    write("tcp-far-sequence", frames)
    frames = []
    for n in range(300):
        c = Conn(30000 + n)
        frames += c.open()[:1] + ([c.c(b"\xff\xff" + bytes(20), seq=c.cseq + 100 * (n % 3))] if n % 2 else [])
    write("tcp-half-open", frames)
    # A full message announced, then holes: each segment leaves one byte out.
    c = Conn(43905)
    frames = c.open()
    base = c.cseq
    frames += [c.c(b"\xff" * 99, seq=base + 100 * i + 1) for i in range(100)]
    write("tcp-holes", frames)
    write("tcp-header-lies", [eth(ip4(tcp(m, 43906, 53, 1, 1, ACK | PSH, doff=n), 6))
            for n in (0, 1, 4, 6, 14, 15)] +
          [eth(ip4(tcp(m, 43906, 53, 1, 1, ACK | PSH)[:n], 6)) for n in range(0, 20)])
    write("tcp-options-lie", [eth(ip4(tcp(b"", 43907, 53, 1, 0, SYN, options=o), 6)) for o in (
        b"\2\0\0\0", b"\2\1\0\0", b"\2\xff\5\xb4", b"\1\1\1\2", b"\3\0\0\0", b"\5\x28\0\0", b"\x22\x28" +
        b"x" * 38)])
    frames = []
    for flags in range(64):
        PORT[0] += 1
        c = Conn(PORT[0])
        frames += [c.c(m, flags), c.c(m, ACK)]
    write("tcp-flags-odd", frames)
    c = Conn(43908)
    frames = c.open() + [c.c(m), c.c(m, flags=FIN | ACK | PSH), c.c(m), c.s(framed(reply(W))),
            c.c(flags=RST), c.s(framed(reply(W))), c.c(m)]
    c = Conn(43908, iss=77777)                                        # the same ports again, at once
    write("tcp-data-after-end", frames + c.open() + [c.c(m), c.s(framed(reply(W)))] + c.close())
    c = Conn(43909)
    frames = [c.c(m, flags=SYN), c.s(flags=SYN | ACK), c.c(m, flags=ACK | PSH), c.s(framed(reply(W)) * 2)]
    write("tcp-data-in-syn", frames + c.close())
    c = Conn(43910)
    keep = c.open() + [c.c(m)]
    for _ in range(20):
        keep += [c.c(b"\0", flags=ACK, seq=c.cseq - 1), c.s(flags=ACK)]
    write("tcp-keepalive", keep + [c.s(framed(reply(W))), c.c(m), c.s(framed(reply(W)))] + c.close(),
            queries=3, replies=3)
    c = Conn(43911)
    largest = header(1, 0x8580, 1, 250) + asked(W) + rr(b"\xc0\x0c", TXT, b"\xff" + b"t" * 255) * 244
    largest = largest[:6] + struct.pack(">H", 244) + largest[8:]
    largest += b"\0" * (65535 - len(largest))
    data = framed(largest)
    frames = c.open() + [c.c(m)] + [c.s(data[i:i + 1400]) for i in range(0, len(data), 1400)]
    write("tcp-largest-message", frames + c.close(), queries=2, replies=2)


def layers():
    good = udp4(query(W))

    def wrapped(n, add, inner=good):
        b = inner
        for _ in range(n):
            b = add(b)
        return b

    full = eth(good)
    write("eth-short", [full[:n] for n in range(0, 15)])
    write("vlan-many", [MAC_S + MAC_C + b"\x81\0\0\1" * n + b"\x08\0" + good for n in (3, 4, 8, 16, 64, 300)])
    write("vlan-cut", [(MAC_S + MAC_C + b"\x81\0\0\1\x81\0\0\2\x08\0" + good)[:n] for n in range(12, 24)])
    write("mpls-many", [eth(struct.pack(">I", 100 << 12 | 64) * n + struct.pack(">I",
            100 << 12 | 1 << 8 | 64) + good, 0x8847) for n in (8, 16, 64, 300)])
    write("mpls-no-bottom", [eth(struct.pack(">I", 100 << 12 | 64) * n, 0x8847) for n in (1, 2, 10, 300)] +
          [eth((struct.pack(">I", 100 << 12 | 1 << 8 | 64) + good)[:n], 0x8847) for n in range(0, 30)])
    write("ipip-many", [eth(wrapped(n, lambda b: ip4(b, 4))) for n in (2, 4, 8, 16, 50)] +
          [eth(wrapped(n, lambda b: ip6(b, 4 if b[0] >> 4 == 4 else 41))) for n in (2, 8, 30)])
    write("gre-many", [eth(wrapped(n, lambda b: ip4(b"\0\0\x08\0" + b, 47))) for n in (2, 4, 8, 16, 40)])
    write("gre-lies", [eth(ip4((struct.pack(">HH", f, k) + good)[:n], 47)) for f in (0, 0xB000, 0xFFFF, 1,
            0x4000, 0x2001)
                       for k in (0x0800, 0x880B, 0x6558) for n in (0, 1, 3, 4, 6, 8, 40)])
    write("vxlan-many", [eth(wrapped(n, lambda b: ip4(udp(b"\x08\0\0\0\0\0\1\0" + eth(b), 50000, 4789), 17)))
            for n in (2, 4, 8, 20)])
    write("vxlan-lies", [eth(udp4((b"\x08\0\0\0\0\0\1\0" + eth(good))[:n], 50000, 4789))
            for n in range(0, 60, 3)] +
          [eth(udp4(Rand(n).bytes(100), 50000, 4789)) for n in range(10)])
    write("geneve-lies", [eth(udp4(struct.pack(">BBHI", n, 0, 0x6558, 0) + eth(good), 50000, 6081))
            for n in (1, 5, 0x3F, 0xFF)] +
          [eth(udp4((b"\0\0\x65\x58\0\0\0\0" + eth(good))[:n], 50000, 6081)) for n in range(0, 40, 3)])
    write("gtpu-lies", [eth(udp4(struct.pack(">BBHI", f, 255, n, 1) + x + good, 50000, 2152))
            for f in (0x30, 0x32, 0x34, 0x37, 0xFF)
                        for n in (0, 10, 65535) for x in (b"", b"\0\0\0\x85", b"\0\0\0\x85\0\0\0\x85",
                        b"\0\0\0\x85\xff")])
    write("pppoe-lies", [eth(struct.pack(">BBHH", v, c, 1, n) + b"\0\x21" + good, 0x8864)
            for v in (0x11, 0x21) for c in (0, 1)
                         for n in (0, 1, 2, 10, 65535)] + [eth((b"\x11\0\0\1\0\x40\0\x21" + good)[:n],
                         0x8864) for n in range(0, 12)])
    write("llc-lies", [MAC_S + MAC_C + struct.pack(">H", n) + b"\xaa\xaa\3\0\0\0\x08\0" + good
            for n in (0, 1, 3, 7, 8, 20, 1500, 1501, 1535)])
    write("arp-short", [eth((struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + bytes(20))[:n], 0x0806)
            for n in range(0, 28)])
    write("icmp-short", [eth(ip4(b"\3\3\0\0\0\0\0\0"[:n], 1)) for n in range(9)] +
            [eth(ip4(b"\3\3\0\0\0\0\0\0" + good[:n], 1)) for n in range(0, 48, 5)] +
          [eth(ip6(b"\1\4\0\0\0\0\0\0"[:n], 58)) for n in range(9)])
    write("unknown-ethertypes", [eth(bytes(60), k) for k in (0x0600, 0x0842, 0x22F3, 0x6003, 0x8035, 0x809B,
            0x8808, 0x8809, 0x88E5, 0x88F7, 0x9000, 0xFFFF)])
    write("unknown-protocols", [eth(ip4(bytes(20), n)) for n in range(256)])
    sll = lambda ip: struct.pack(">HHH", 0, 1, 6) + MAC_C + b"\0\0" + struct.pack(">H", 0x0800) + ip
    write("sll-short", [sll(good)[:n] for n in range(0, 17)], 113, sll)
    sll2 = lambda ip: struct.pack(">HHIHBB", 0x0800, 0, 2, 1, 0, 6) + MAC_C + b"\0\0" + ip
    write("sll2-short", [sll2(good)[:n] for n in range(0, 21)], 276, sll2)
    null = lambda ip: struct.pack("<I", 2) + ip
    write("null-short", [null(good)[:n] for n in range(0, 6)] + [struct.pack("<I", n) + good
            for n in (0, 1, 3, 7, 99, 0xFFFFFFFF)], 0, null)
    ppp = lambda ip: b"\xff\3\0\x21" + ip
    write("ppp-short", [ppp(good)[:n] for n in range(0, 6)] + [b"\xff\3" + struct.pack(">H", n) + good
            for n in (0, 0x57, 0xC021, 0x8021, 0xFFFF)] +
          [b"\x21" + good], 9, ppp)
    raw = lambda ip: ip
    write("raw-short", [good[:n] for n in range(0, 4)] + [bytes([n << 4]) + good[1:] for n in range(16)],
            101, raw)


def dhcp():
    def boot(op, opts, cookie=b"\x63\x82\x53\x63", hlen=6, sname=b"", file=b"", yi="0.0.0.0"):
        h = struct.pack(">BBBBIHH", op, 1, hlen, 0, 0x1234, 0,
                0) + addr("0.0.0.0") + addr(yi) + addr("0.0.0.0") * 2
        return h + MAC_C + bytes(10) + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + cookie + opts

    def req(m):
        return eth(udp4(m, 68, 67, "0.0.0.0", "255.255.255.255"))

    def rsp(m):
        return eth(udp4(m, 67, 68, SERVER4, "192.0.2.100"), None, MAC_S, MAC_C)

    t = b"\x35\1"
    host = lambda b: b"\x0c" + bytes([len(b)]) + b
    write("dhcp4-short", [req(boot(1, t + b"\1\xff")[:n]) for n in (0, 1, 7, 27, 28, 34, 44, 107, 235, 236,
            237, 239, 240, 241, 242)])
    write("dhcp4-option-overrun", [req(boot(1, x)) for x in (b"\x35", b"\x35\1", b"\x35\xff\1",
            t + b"\1\x0c", t + b"\1\x0c\x20host", t + b"\1\x0c\xff" + b"h" * 200,
                                                              b"\0" * 300, b"\x0c\0\x35",
                                                              t + b"\1" + b"\x37\xff")])
    write("dhcp4-no-end-option", [req(boot(1, t + b"\1")), req(boot(1, t + b"\1" + host(b"noend"))),
            req(boot(1, b""))])
    write("dhcp4-no-cookie", [req(boot(1, t + b"\1\xff", b"\0\0\0\0")), req(boot(1, b"", b""))])
    write("dhcp4-message-type-odd", [req(boot(1, x + b"\xff")) for x in (b"", b"\x35\0", b"\x35\2\1\1",
            t + b"\0", t + b"\x09", t + b"\xff", t + b"\1" + t + b"\3")] +
          [rsp(boot(2, t + bytes([n]) + b"\xff")) for n in range(0, 20)])
    write("dhcp4-hostname-odd", [req(boot(1, t + b"\1" + host(b) + b"\xff")) for b in (
        b"", b"\0", b"a\0b", b"\xff\xfe\xfd", b"\x1b[2J", b"h" * 255, b"\n\r\t", "\u00fc".encode() * 100,
        b'"};DROP', b"a.b.c.", b"host\0\0\0")] +
          [req(boot(1, t + b"\3" + host(b"first") + host(b"second") + b"\xff"))])
    write("dhcp4-hardware-length", [req(boot(1, t + b"\1\xff", hlen=n)) for n in (0, 1, 16, 17, 255)])
    write("dhcp4-overload",
            [req(boot(1, b"\x34\1" + bytes([n]) + b"\xff", sname=t + b"\1\xff", file=host(b"infile") +
            b"\xff")) for n in range(5)])
    write("dhcp4-op-odd", [req(boot(n, t + b"\1\xff")) for n in (0, 1, 2, 3, 255)])
    write("dhcp4-address-odd", [rsp(boot(2, t + b"\5" + x + b"\xff", yi=y))
            for y in ("0.0.0.0", "255.255.255.255", "192.0.2.100")
                                for x in (b"", b"\x36\0", b"\x36\3abc", b"\x36\5abcde",
                                b"\x36\4\xc0\0\2\x35", b"\x01\1\xff", b"\x33\2ab")])

    def six(m, sport=546, dport=547):
        return eth(udp6(m, sport, dport, "fe80::1", "ff02::1:2"))

    o = lambda code, data, n=None: struct.pack(">HH", code, len(data) if n is None else n) + data
    duid = o(1, b"\0\3\0\1" + MAC_C)
    write("dhcp6-short", [six((b"\1abc" + duid)[:n]) for n in range(0, 18)])
    write("dhcp6-type-odd", [six(bytes([n]) + b"abc" + duid) for n in list(range(0, 40)) + [254, 255]])
    write("dhcp6-option-overrun", [six(b"\1abc" + x) for x in (o(1, b"ab", 65535), o(1, b"ab", 3),
            o(3, b"", 12), b"\0", b"\0\1", b"\0\1\0", duid + b"\0\x27\0",
                                                               o(1, b""), o(65535, b"x" * 500), duid * 100)])
    write("dhcp6-duid-odd", [six(b"\1abc" + o(1, x)) for x in (b"\0", b"\0\1", b"\0\1\0\1", b"\0\3\0\1",
            b"\0\3\0\1\2", b"\0\2\0\0\0\x09x", b"\0\4" + bytes(16),
                                                               b"\xff\xff" + b"x" * 128,
                                                               b"\0\1\0\1\0\0\0\0" + MAC_C, b"\0\3\0\1" +
                                                               b"m" * 200)])
    write("dhcp6-ia-lies", [six(b"\7abc" + duid + o(3, x), 547, 546) for x in (
        b"", b"\0" * 11, b"\0" * 12, b"\0" * 12 + o(5, b"a" * 3), b"\0" * 12 +
        o(5, addr("2001:db8::5") + b"\0" * 8, 200),
        b"\0" * 12 + o(5, addr("2001:db8::5") + b"\0" * 8 + o(13, b"\0", 50)), b"\0" * 12 +
        o(5, addr("2001:db8::5") + b"\0" * 8) * 30)])
    write("dhcp6-fqdn-odd", [six(b"\1abc" + duid + o(39, x)) for x in (
        b"", b"\0", b"\0\3abc", b"\0\3abc\0", b"\0\xc0\0", b"\0\xc0\x0c", b"\0\x3fabc",
        b"\0" + name([b"x" * 63] * 5), b"\0\4\xff\xfe\0\1\0", b"\0\0", b"\0" * 300)])

    def relay(m, n, size=None):
        for i in range(n):
            m = bytes([12 if size is None else 13, i & 255]) + addr("2001:db8::1") + addr("fe80::1") + o(9,
                    m, size)
        return m

    write("dhcp6-relay-many", [six(relay(b"\1abc" + duid, n), 547, 547) for n in (1, 2, 8, 9, 32, 33, 35)])
    write("dhcp6-relay-lies", [six(relay(b"\1abc" + duid, 1, n), 547, 547) for n in (0, 1, 3, 65535)] +
          [six(relay(b"\1abc" + duid, 1)[:n], 547, 547) for n in (1, 2, 17, 33, 34, 36, 38, 39)])


def main():
    os.makedirs(OUT, exist_ok=True)
    names()
    counts()
    udp_ip()
    tcp_defects()
    layers()
    dhcp()


main()
