#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""gen-link.py - link/*.pcap and format/*: the same forty DNS messages behind link headers, tags, tunnels and IP
options, and in the forms of capture files. All of them must give the same forty messages, unless FACTS.tsv says
otherwise.

The messages are the first ten queries with their answers of dns-udp4.pcap and of dns-udp6.pcap."""
from wire import *

LINK = os.path.join(ROOT, "link")
FORMAT = os.path.join(ROOT, "format")


def forty():
    """[(time, IP packet)] in the order of the original; each query is followed by its answer."""
    out = []
    for f in ("dns-udp4.pcap", "dns-udp6.pcap"):
        _, packets = read_pcap(os.path.join(ROOT, f))
        waiting = {}
        n = 0
        for _, d, _ in packets:
            ip = d[14:]
            l4 = ip[20:] if ip[0] >> 4 == 4 else ip[40:]
            ports = struct.unpack(">HH", l4[:4])
            ident = l4[8:10]
            if ports[1] == 53:
                waiting[(ports[0], ident)] = ip
            elif n < 10 and (ports[1], ident) in waiting:
                out += [waiting.pop((ports[1], ident)), ip]
                n += 1
    assert len(out) == 40
    return out


IPS = forty()


def v4(ip):
    return ip[0] >> 4 == 4


def ethertype(ip):
    return 0x0800 if v4(ip) else 0x86DD


def write(path, wrap, link=1, count=40, fact="dns_messages", **kw):
    full = os.path.join(ROOT, path)
    n = 0
    with Pcap(full, link, **kw) as p:
        for i, ip in enumerate(IPS):
            f = wrap(i, ip)
            for x in f if isinstance(f, list) else [f]:
                if x is not None:
                    p.add(x)
                    n += 1
    facts(path, {fact: count})


def outer4(payload, proto, i=0, **kw):
    return eth(ip4(payload, proto, "192.0.2.1", "192.0.2.2", **kw))


def outer6(payload, proto):
    return eth(ip6(payload, proto, "2001:db8:0:1::1", "2001:db8:0:1::2"))


def tagged(ip, *tags):
    b = struct.pack(">H", ethertype(ip)) + ip
    for kind, tci in reversed(tags):
        b = struct.pack(">HH", kind, tci) + b
    return MAC_S + MAC_C + b


def label(value, bottom, ttl=64):
    return struct.pack(">I", value << 12 | bottom << 8 | ttl)


def mpls(i, ip):
    inner = label(16 + i, 1) + ip
    k = i % 4
    if k == 1:
        inner = label(1000, 0) + inner
    if k == 2:
        inner = label(7, 0) + label(1000, 0) + inner
    if k == 3:
        inner = label(0 if v4(ip) else 2, 1) + ip                  # explicit null
    return eth(inner, 0x8848 if i % 8 == 7 else 0x8847)


def pseudowire(i, ip):
    """Ethernet over MPLS (RFC 4448), every second with a control word."""
    cw = b"\0\0\0\0" if i % 2 else b""
    return eth(label(100, 0) + label(2000, 1) + cw + eth(ip), 0x8847)


def pppoe(i, ip):
    ppp = struct.pack(">H", 0x0021 if v4(ip) else 0x0057) + ip
    return eth(struct.pack(">BBHH", 0x11, 0, 0x1234, len(ppp)) + ppp, 0x8864)


def ip4opts(i, ip):
    """IPv4 header options; the IPv6 messages are left as they are."""
    if not v4(ip):
        return eth(ip)
    opts = [b"\x94\4\0\0", b"\1" * 4, b"\1" * 40, b"\7\x27\4" + b"\0" * 36 + b"\0", b"\x44\x0c\5\0" +
            b"\0" * 8, b"\0" * 4,
            b"\x83\7\4\xc0\0\2\1\0"][i % 7]
    opts += b"\0" * (-len(opts) % 4)
    src, dst = (str(ipaddress.ip_address(ip[a:a + 4])) for a in (12, 16))
    return eth(ip4(ip[20:], 17, src, dst, options=opts))


def ip6ext(i, ip, only_atomic=False):
    """IPv6 extension headers (RFC 8200); the IPv4 messages are left as they are."""
    if v4(ip):
        return eth(ip)
    nxt, body = 17, ip[40:]
    pad = b"\1\4\0\0\0\0"

    def hop():
        nonlocal nxt, body
        body = bytes([nxt, 0]) + pad + body
        nxt = 0

    def dest(n=0):
        nonlocal nxt, body
        body = bytes([nxt, n]) + (pad if n == 0 else b"\1" + bytes([n * 8 + 4]) + b"\0" * (n * 8 + 4)) + body
        nxt = 60

    def route():
        nonlocal nxt, body
        body = bytes([nxt, 2, 4, 0, 0, 0, 0, 0]) + addr("2001:db8::99") + body
        nxt = 43

    def atomic():
        nonlocal nxt, body
        body = bytes([nxt, 0, 0, 0]) + struct.pack(">I", i) + body
        nxt = 44

    def auth():
        nonlocal nxt, body
        body = bytes([nxt, 4]) + b"\0\0" + struct.pack(">II", 256, i) + b"\xaa" * 12 + body
        nxt = 51

    chains = [[hop], [dest], [lambda: dest(4)], [route], [auth], [dest, route, hop],
            [dest, auth, route, dest, hop],
              [dest, dest, dest, hop]]
    for f in [atomic] if only_atomic else chains[i % len(chains)]:
        f()
    return eth(ip[:4] + struct.pack(">HB", len(body), nxt) + ip[7:40] + body)


def fragments(i, ip):
    """Every message in two fragments: the UDP header and the beginning of the DNS message, and the rest. Even
    messages in order, odd ones with the second fragment first."""
    if v4(ip):
        src, dst = (str(ipaddress.ip_address(ip[a:a + 4])) for a in (12, 16))
        l4 = ip[20:]
        cut = 24
        a = eth(ip4(l4[:cut], 17, src, dst, ident=1000 + i, frag=0x2000))
        b = eth(ip4(l4[cut:], 17, src, dst, ident=1000 + i, frag=cut // 8))
    else:
        l4 = ip[40:]
        cut = 24

        def piece(data, off, more):
            body = struct.pack(">BBHI", 17, 0, off << 3 | more, 1000 + i) + data
            return eth(ip[:4] + struct.pack(">HB", len(body), 44) + ip[7:40] + body)

        a, b = piece(l4[:cut], 0, 1), piece(l4[cut:], cut // 8, 0)
    return [b, a] if i % 2 else [a, b]


def gre(i, ip):
    kind = ethertype(ip)
    k = i % 5
    if k == 0:
        h = struct.pack(">HH", 0, kind)
    elif k == 1:
        h = struct.pack(">HHHHI", 0xB000, kind, 0, 0, 77) + struct.pack(">I", i)      # checksum, key, sequence
    elif k == 2:
        h = struct.pack(">HHI", 0x2000, kind, 77)                                     # key
    elif k == 3:
        h = struct.pack(">HHI", 0x1000, kind, i)                                      # sequence
    else:
        h = struct.pack(">HHI", 0x2000, 0x6558, 0x123400)                             # NVGRE: Ethernet inside
        ip = eth(ip)
    return outer4(h + ip, 47) if i % 4 < 2 else outer6(h + ip, 47)


def ipip(i, ip):
    proto = 4 if v4(ip) else 41
    return outer4(ip, proto) if i % 4 < 2 else outer6(ip, proto)


def udp_tunnel(port, head):
    def wrap(i, ip):
        body = head(i, ip)
        if i % 4 < 2:
            return eth(udp4(body, 50000 + i, port, "192.0.2.1", "192.0.2.2"))
        return eth(udp6(body, 50000 + i, port, "2001:db8:0:1::1", "2001:db8:0:1::2"))
    return wrap


def vxlan(i, ip):
    return struct.pack(">II", 0x08000000, (4711 + i) << 8) + eth(ip)


def vxlan_vlan(i, ip):
    return struct.pack(">II", 0x08000000, 4711 << 8) + tagged(ip, (0x8100, 5))


def geneve(i, ip):
    opts = b"\1\2\x80\1\xde\xad\xbe\xef" if i % 2 else b""
    return struct.pack(">BBHI", len(opts) // 4, 0, 0x6558, 99 << 8) + opts + eth(ip)


def gtpu(i, ip):
    ext = struct.pack(">HBB", i, 0, 0) if i % 2 else b""
    return struct.pack(">BBHI", 0x32 if i % 2 else 0x30, 255, len(ip) + len(ext), 0x1000 + i) + ext + ip


def family(i, ip):
    """The numbers of AF_INET6 differ between systems; all of them are met in captures."""
    return 2 if v4(ip) else (24, 28, 30)[i % 3]


def others(i, ip):
    """DNS between frames that are none of it: ARP, LLC/SNAP, spanning tree, LLDP, padding, short frames."""
    arp = MAC_S + MAC_C + struct.pack(">HHHBBH", 0x0806, 1, 0x0800, 6, 4,
            1) + MAC_C + addr(CLIENT4) + b"\0" * 6 + addr(SERVER4)
    stp = b"\x01\x80\xc2\0\0\0" + MAC_C + struct.pack(">H", 38) + b"\x42\x42\3" + b"\0" * 35
    lldp = eth(b"\2\7\4" + MAC_C + b"\4\3\7c0\6\2\0\x78\0\0", 0x88CC)
    cdp = b"\1\0\x0c\xcc\xcc\xcc" + MAC_C + struct.pack(">H",
            20) + b"\xaa\xaa\3\0\0\x0c\x20\0" + b"\2\xb4" + b"\0" * 10
    k = i % 8
    if k == 0:
        return [arp, eth(ip)]
    if k == 1:
        return [stp, eth(ip)]
    if k == 2:
        return [lldp, eth(ip)]
    if k == 3:
        return [cdp, eth(ip)]
    if k == 4:                                        # 802.2 SNAP with the Ethernet type inside
        return MAC_S + MAC_C + struct.pack(">H", len(ip) + 8) + b"\xaa\xaa\3\0\0\0" + struct.pack(">H",
                ethertype(ip)) + ip
    return eth(ip) + b"\0" * k                        # trailing bytes (padding, FCS) that are not IP's


def main():
    os.makedirs(LINK, exist_ok=True)
    os.makedirs(FORMAT, exist_ok=True)
    # Link headers
    write("link/ether.pcap", lambda i, ip: eth(ip))
    write("link/raw.pcap", lambda i, ip: ip, 101)
    write("link/ipv4.pcap", lambda i, ip: ip if v4(ip) else None, 228, count=20)
    write("link/ipv6.pcap", lambda i, ip: None if v4(ip) else ip, 229, count=20)
    write("link/null.pcap", lambda i, ip: struct.pack("<I", family(i, ip)) + ip, 0)
    write("link/null-swapped.pcap", lambda i, ip: struct.pack(">I", family(i, ip)) + ip, 0)
    write("link/loop.pcap", lambda i, ip: struct.pack(">I", family(i, ip)) + ip, 108)
    write("link/ppp.pcap", lambda i, ip: (b"\xff\3" if i % 2 else b"") + struct.pack(">H",
            0x21 if v4(ip) else 0x57) + ip, 9)
    write("link/ppp-hdlc.pcap", lambda i, ip: b"\xff\3" + struct.pack(">H", 0x21 if v4(ip) else 0x57) + ip, 50)
    write("link/ppp-ether.pcap", lambda i, ip: pppoe(i, ip)[14:], 51)
    write("link/c-hdlc.pcap", lambda i, ip: b"\x0f\0" + struct.pack(">H", ethertype(ip)) + ip, 104)
    write("link/unsupported-user0.pcap", lambda i, ip: eth(ip), 147, count=0)
    # Tags and labels
    write("link/vlan.pcap", lambda i, ip: tagged(ip, (0x8100, 0xE000 | (i + 1))))
    write("link/vlan-priority.pcap", lambda i, ip: tagged(ip, (0x8100, 0x6000)))
    write("link/qinq.pcap", lambda i, ip: tagged(ip, ((0x88A8, 0x8100, 0x9100, 0x8100)[i % 4], 100),
            (0x8100, i + 1),
                                                  *([(0x8100, 7)] if i % 4 == 3 else [])))
    write("link/mpls.pcap", mpls)
    write("link/mpls-vlan.pcap", lambda i, ip: MAC_S + MAC_C + struct.pack(">HH", 0x8100, 9) + mpls(i, ip)[12:])
    write("link/mpls-pseudowire.pcap", pseudowire,
            fact="dns_messages_max")     # nothing says what is below the labels
    write("link/pppoe.pcap", pppoe)
    write("link/pppoe-vlan.pcap", lambda i, ip: MAC_S + MAC_C + struct.pack(">HH", 0x8100, 9) +
            pppoe(i, ip)[12:])
    write("link/other-frames.pcap", others)
    # IP
    write("link/ip4-options.pcap", ip4opts)
    write("link/ip6-extensions.pcap", ip6ext)
    # A fragment header on a whole packet (RFC 6946): one may take it for a fragment, or look behind it.
    write("link/ip6-atomic-fragments.pcap", lambda i, ip: ip6ext(i, ip, True), fact="dns_messages_max")
    write("link/fragments-two.pcap", fragments, fact="dns_messages_if_reassembled")
    # Tunnels
    write("link/gre.pcap", gre)
    write("link/ipip.pcap", ipip)
    write("link/vxlan.pcap", udp_tunnel(4789, vxlan))
    write("link/vxlan-vlan.pcap", udp_tunnel(4789, vxlan_vlan))
    write("link/geneve.pcap", udp_tunnel(6081, geneve))
    write("link/gtpu.pcap", udp_tunnel(2152, gtpu))

    # File formats
    write("format/nano.pcap", lambda i, ip: eth(ip), nano=True)
    write("format/big-endian.pcap", lambda i, ip: eth(ip), big=True)
    write("format/nano-big-endian.pcap", lambda i, ip: eth(ip), nano=True, big=True)
    write("format/snap0.pcap", lambda i, ip: eth(ip), snaplen=0)                # some writers leave it out
    write("format/header-only.pcap", lambda i, ip: None, count=0)
    good = open(os.path.join(LINK, "ether.pcap"), "rb").read()

    def raw(path, data, **kw):
        open(os.path.join(ROOT, path), "wb").write(data)
        facts(path, kw)

    raw("format/empty.pcap", b"", dns_messages=0)
    raw("format/header-cut.pcap", good[:17], dns_messages=0)
    raw("format/garbage.pcap", Rand(3).bytes(4096), dns_messages=0)
    raw("format/text.pcap", b"this is not a capture\n" * 20, dns_messages=0)
    # Cut in the middle of packet 21's data, and in the middle of packet 21's header.
    at = 24
    for _ in range(20):
        at += 16 + struct.unpack("<I", good[at + 8:at + 12])[0]
    raw("format/cut-in-packet.pcap", good[:at + 16 + 30], dns_messages_before_cut=20)
    raw("format/cut-in-header.pcap", good[:at + 9], dns_messages_before_cut=20)
    # A record that claims four gigabytes; one that claims more bytes than were on the wire.
    raw("format/caplen-huge.pcap", good[:at + 8] + b"\xff\xff\xff\xff" + good[at + 12:],
            dns_messages_before_cut=20)
    raw("format/caplen-over-wirelen.pcap", good[:at + 12] + b"\x2a\0\0\0" + good[at + 16:], dns_messages_max=40)
    # Time: backwards by a second, backwards by an hour, forwards by a year, beyond 2038, at zero, a fraction
    # of a second that is more than a second.
    hops = [0, -10**9, 0, -3600 * 10**9, 0, 365 * 86400 * 10**9, 0, 2**31 * 10**9 + 10**9 - EPOCH, 0, -EPOCH]
    with Pcap(os.path.join(FORMAT, "time-jumps.pcap")) as p:
        for i, ip in enumerate(IPS):
            p.add(eth(ip), EPOCH + i * STEP + hops[i // 4])
    facts("format/time-jumps.pcap", dict(dns_messages=40))
    frac = bytearray(good)
    struct.pack_into("<I", frac, at + 4, 4000000000)
    raw("format/time-fraction.pcap", bytes(frac), dns_messages=40)

    # pcapng beyond what dumpcap writes
    with Pcapng(os.path.join(FORMAT, "big-endian.pcapng"), big=True) as p:
        p.interface()
        for i, ip in enumerate(IPS):
            p.packet(eth(ip), (EPOCH + i * STEP) // 1000)
    facts("format/big-endian.pcapng", dict(dns_messages=40))
    with Pcapng(os.path.join(FORMAT, "blocks.pcapng")) as p:
        # Options, blocks that nobody needs to know, a second section with another time resolution (2^-20 s).
        p.interface(1, 262144, [(2, b"c0"), (9, b"\6"), (1, b"a comment")])
        p.block(4, struct.pack("<HH", 1, 8) + addr(CLIENT4) + b"me\0\0" + b"\0\0\0\0")
        p.block(0x0BAD, b"custom or unknown")
        for i, ip in enumerate(IPS[:20]):
            p.packet(eth(ip), (EPOCH + i * STEP) // 1000, opts=[(2, b"\0\0\0\1"), (1, b"packet comment")])
        p.block(5, struct.pack("<III", 0, 0, 0) + p.options([(4, struct.pack("<Q", 20))]))
        p.section([(4, b"tests")])
        p.interface(1, 262144, [(9, b"\x94")])
        for i, ip in enumerate(IPS[20:]):
            p.packet(eth(ip), ((EPOCH + (20 + i) * STEP) << 20) // 10**9)
    facts("format/blocks.pcapng", dict(dns_messages=40))
    with Pcapng(os.path.join(FORMAT, "simple-packets.pcapng")) as p:
        p.interface(1, 262144)
        for ip in IPS:
            p.simple(eth(ip))
    facts("format/simple-packets.pcapng", dict(dns_messages=40))
    with Pcapng(os.path.join(FORMAT, "two-link-types.pcapng")) as p:
        p.interface(1, 262144)
        p.interface(101, 262144)
        for i, ip in enumerate(IPS):
            p.packet(ip if i % 2 else eth(ip), (EPOCH + i * STEP) // 1000, i % 2)
    facts("format/two-link-types.pcapng", dict(dns_messages_max=40))
    with Pcapng(os.path.join(FORMAT, "no-interface.pcapng")) as p:
        p.packet(eth(IPS[0]), EPOCH // 1000)
    facts("format/no-interface.pcapng", dict(dns_messages=0))
    ng = open(os.path.join(FORMAT, "big-endian.pcapng"), "rb").read()
    raw("format/cut.pcapng", ng[:len(ng) // 2], dns_messages_max=40)
    raw("format/block-length-lies.pcapng", ng[:28 + 20 + 4] + b"\0\0\0\5" + ng[28 + 20 + 8:], dns_messages=0)


main()
