#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""dnsqueries.py COUNT [SEED] - dnsperf input ("name type" lines) for the zones in tests/lib/zones.

The same COUNT and SEED give the same lines on every machine and Python version (own generator). About
72 % of the names exist, 12 % are NXDOMAIN, 8 % NODATA, 4 % REFUSED, 4 % SERVFAIL; one name in eight has
random capitals; popularity is skewed, as in real traffic."""
import sys

GOOD = [  # (weight, name, types)
    (30, "www.example.com", "A AAAA A HTTPS"),
    (14, "www.example.org", "A"),
    (10, "api.example.com", "A AAAA"),
    (8, "api.eu.prod.example.com", "A"),
    (8, "shop.example.co.uk", "A"),
    (7, "example.com", "A AAAA MX NS SOA TXT CAA"),
    (6, "mail.example.com", "A AAAA"),
    (5, "cdn.example.org", "A"),
    (4, "_sip._tcp.example.com", "SRV"),
    (4, "80.2.0.192.in-addr.arpa", "PTR"),
    (4, "host.test", "A AAAA"),
    (3, "example.co.uk", "A SOA"),
    (3, "a.b.c.d.e.f.g.h.example.com", "A"),
    (2, "img.static.example.org", "A"),
    (2, ".".join(["the-quick-brown-fox-jumps-over-the-lazy-dog-and-then-some-more"] * 3) + ".example.com", "A"),
    (1, "test", "NS DNSKEY"),
]
NODATA = [("www.example.org", "AAAA"), ("shop.example.co.uk", "AAAA"), ("host.test", "MX"),
        ("mail.example.com", "TXT"),
          ("prod.example.com", "A"), ("img.static.example.org", "HTTPS")]
NX = ["wpad.example.com", "nosuch.example.org", "old.shop.example.co.uk", "1.2.0.192.in-addr.arpa"]
REFUSED = ["www.example.net", "elsewhere.invalid", "_dns.resolver.arpa", "com", "."]
BROKEN = ["www.broken.test", "broken.test", "a.b.broken.test"]


class Rand:
    """xorshift64*: small, and the same everywhere."""

    def __init__(self, seed):
        self.s = (seed * 0x9E3779B97F4A7C15 + 1) & (2**64 - 1)

    def below(self, n):
        s = self.s
        s ^= s >> 12
        s ^= (s << 25) & (2**64 - 1)
        s ^= s >> 27
        self.s = s
        return ((s * 0x2545F4914F6CDD1D & (2**64 - 1)) >> 33) % n

    def pick(self, seq):
        return seq[self.below(len(seq))]


def queries(count, seed):
    r = Rand(seed)
    bag = [g for g in GOOD for _ in range(g[0])]
    for _ in range(count):
        k = r.below(100)
        if k < 60:
            _, name, types = r.pick(bag)
            qtype = r.pick(types.split())
        elif k < 72:
            name = "h%d.%s" % (r.below(400), r.pick(["wild.example.com", "x.wild.example.com", "any.test"]))
            qtype = "A"
        elif k < 84:
            name = r.pick(NX) if r.below(3) == 0 else "r%05d.%s" % (r.below(100000),
                    r.pick(["example.com", "example.org", "test"]))
            qtype = r.pick(["A", "A", "AAAA"])
        elif k < 92:
            name, qtype = r.pick(NODATA)
        elif k < 96:
            name, qtype = r.pick(REFUSED), r.pick(["A", "NS"])
        else:
            name, qtype = r.pick(BROKEN), "A"
        if r.below(8) == 0:
            name = "".join(c.upper() if r.below(2) else c for c in name)
        yield name, qtype


if __name__ == "__main__":
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for q in queries(int(sys.argv[1]), seed):
        print("%s %s" % q)
