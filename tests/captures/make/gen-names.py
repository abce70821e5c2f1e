#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""gen-names.py - dns-odd-names.pcap: well-formed messages with names that break printers, parsers and tables.

Every name is legal on the wire (labels are bytes, RFC 1035 3.1 and RFC 2181 11). One query and one answer each."""
from wire import *

NAMES = [
    [],                                                    # the root
    [b"a"],
    [b"localhost"],
    [b"*", b"example", b"com"],
    [b"_dmarc", b"example", b"com"],
    [b"WWW", b"eXaMpLe", b"COM"],
    [b"a.b", b"example", b"com"],                          # a dot inside a label
    [b".", b"example", b"com"],
    [b"example.com"],                                      # one label that looks like two
    [b"a\\b", b"example", b"com"],
    [b"\\046", b"example", b"com"],                        # the text of an escape, as a label
    [b"nul\0in", b"example", b"com"],
    [b"\0", b"example", b"com"],
    [b" lead and trail ", b"example", b"com"],
    [b"tab\there", b"line\nfeed", b"cr\rhere"],
    [b'quote"s', b"apos'trophe", b"example", b"com"],
    [b'{"a":1}', b"</script>", b"example", b"com"],
    [b"%s%n%x", b"$(id)", b"`id`", b"example", b"com"],
    [b"\x1b[31mred\x1b[0m", b"example", b"com"],           # a terminal escape
    [b"\x7f\x01\x1f", b"example", b"com"],
    ["m\u00fcller".encode(), b"example", b"com"],          # UTF-8
    ["\u65e5\u672c".encode(), "\U0001f600".encode(), b"example", b"com"],
    ["\u202egnp.exe".encode(), b"example", b"com"],        # right-to-left override
    [b"m\xfcller", b"example", b"com"],                    # Latin-1: not UTF-8
    [b"\xff\xfe\xfd", b"example", b"com"],
    [b"\xc0\xaf", b"overlong", b"example", b"com"],
    [b"\xed\xa0\x80", b"surrogate", b"example", b"com"],
    [b"\xf4\x90\x80\x80", b"beyond", b"example", b"com"],
    [b"\xe2\x82", b"cut", b"example", b"com"],
    [bytes(range(0, 63))],
    [bytes(range(64, 127)), bytes(range(128, 191)), bytes(range(193, 256))],
    [b"xn--mller-kva", b"example", b"com"],
    [b"1", b"2", b"3", b"4"],
    [b"-", b"--", b"example", b"com"],
    [b"x" * 63, b"example", b"com"],
    [b"x" * 63] * 3 + [b"y" * 61],                         # 255 bytes, the longest name
    [b"\xff" * 63] * 3 + [b"\xfe" * 61],                   # 255 bytes, four times as long when escaped
    [b"a"] * 127,                                          # 255 bytes, the most labels
    [b"Z"] * 127,
    [b"other"],
    [b"total"], [b"name"], [b"estimate"], [b"+Inf"], [b"le"],
    [b"co", b"uk"], [b"uk"], [b"example", b"co", b"uk"], [b"kawasaki", b"jp"], [b"city", b"kawasaki", b"jp"],
    [b"8", b"8", b"8", b"8", b"in-addr", b"arpa"],
    [bytes([c]) for c in b"0123456789abcdef"] + [b"ip6", b"arpa"],
]


def main():
    with Pcap(os.path.join(ROOT, "dns-odd-names.pcap")) as p:
        ident = 1
        q = r = 0
        for labels in NAMES:
            p.add(eth(udp4(query(name(labels), ident), 42000 + ident)))
            p.add(eth(udp4(reply(name(labels), ident), 53, 42000 + ident, SERVER4, CLIENT4), None, MAC_S,
                    MAC_C))
            q += 1
            r += 1
            ident += 1
        # Compression: an answer section whose names point into the question, into each other's middle, into
        # rdata, and along a chain.
        wire = name("one.two.three.test")
        body = header(ident, 0x8580, 1, 6) + question(wire)
        body += rr(b"\xc0\x0c", CNAME, b"\4four\xc0\x14")               # four.three.test (0x14 = three.test)
        at = len(body) - 7
        chain = struct.pack(">H", 0xC000 | at)
        body += rr(chain, CNAME, b"\4five" + chain)                       # five.four.three.test
        at = len(body) - 7
        body += rr(struct.pack(">H", 0xC000 | at), CNAME, b"\3six" + struct.pack(">H", 0xC000 | at))
        at = len(body) - 6
        body += rr(struct.pack(">H", 0xC000 | at), MX, b"\0\x0a" + struct.pack(">H", 0xC000 | at))
        body += rr(struct.pack(">H", 0xC000 | (len(body) - 2)), TXT, b"\5hello")
        body += rr(b"\0", A, b"\xc0\0\2\1")
        p.add(eth(udp4(query(wire, ident), 42000 + ident)))
        p.add(eth(udp4(body, 53, 42000 + ident, SERVER4, CLIENT4), None, MAC_S, MAC_C))
        q += 1
        r += 1
        ident += 1
        # Two questions, the second one compressed against the first (no client does it; nothing forbids it).
        m = header(ident, 0x0100, 2) + question(name("first.example.com")) + question(b"\6second\xc0\x12")
        p.add(eth(udp4(m, 42000 + ident)))
        q += 1
    facts("dns-odd-names.pcap", dict(
        queries=q, replies=r,
        distinct_query_names_any_case=len({tuple(x.lower() for x in n) for n in NAMES}) + 2))


main()
