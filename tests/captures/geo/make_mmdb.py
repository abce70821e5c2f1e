#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""make_mmdb.py [OUTDIR] - small MaxMind DB files with our own data, for the addresses of our captures.

  city-test.mmdb        city data, IPv4 and IPv6, 28-bit records
  asn-test.mmdb         AS numbers and organisations, IPv4 and IPv6, 24-bit records
  asn-test-ipv4.mmdb    the same, IPv4 only, 32-bit records
  city-damaged.mmdb     opens, but every look-up ends in data that lies outside the file

Written from the MaxMind DB file format specification, version 2.0. The organisations are invented, their AS
numbers mostly those of RFC 5398, the places public geography; the addresses are private ones and those set aside
for documentation and tests. 8.8.8.0/24 and 2a00::/12, which dns-ecs.pcap asks about, are left out: not found is
a result too."""
import ipaddress
import os
import struct
import sys


# --- data section: a string, map or array is written once, and pointed to from then on -------------------------

class Data:
    def __init__(self):
        self.bytes = bytearray()
        self.known = {}

    @staticmethod
    def head(kind, size):
        if size < 29:
            n, more = size, b""
        elif size < 29 + 256:
            n, more = 29, bytes([size - 29])
        else:
            n, more = 30, struct.pack(">H", size - 285)
        return (bytes([kind << 5 | n]) if kind < 8 else bytes([n, kind - 7])) + more

    @staticmethod
    def pointer(at):
        if at < 2048:
            return bytes([0x20 | at >> 8, at & 255])
        at -= 2048
        assert at < 1 << 19
        return bytes([0x28 | at >> 16, at >> 8 & 255, at & 255])

    def ref(self, value):
        """The bytes that stand for value inside a map or array."""
        if isinstance(value, (str, dict, list)):
            return self.pointer(self.add(value))
        return self.plain(value)

    def plain(self, value):
        if isinstance(value, bool):
            return self.head(14, int(value))
        if isinstance(value, str):
            b = value.encode()
            return self.head(2, len(b)) + b
        if isinstance(value, float):
            return self.head(3, 8) + struct.pack(">d", value)
        if isinstance(value, tuple):                           # (width in bits, number)
            bits, n = value
            b = n.to_bytes((n.bit_length() + 7) // 8, "big")
            return self.head({16: 5, 32: 6, 64: 9, 128: 10}[bits], len(b)) + b
        if isinstance(value, dict):
            return self.head(7, len(value)) + b"".join(self.ref(k) + self.ref(v) for k, v in value.items())
        if isinstance(value, list):
            return self.head(11, len(value)) + b"".join(self.ref(v) for v in value)
        raise TypeError(value)

    def add(self, value):
        """Where value stands, written if it was not there yet."""
        key = repr(value)
        if key not in self.known:
            b = self.plain(value)
            self.known[key] = len(self.bytes)
            self.bytes += b
        return self.known[key]


def inline(value):
    """The metadata stand alone: no pointers."""
    if isinstance(value, dict):
        return Data.head(7, len(value)) + b"".join(inline(k) + inline(v) for k, v in value.items())
    if isinstance(value, list):
        return Data.head(11, len(value)) + b"".join(inline(v) for v in value)
    return Data().plain(value)


# --- search tree -----------------------------------------------------------------------------------------------

def build(networks, kind, bits, version=6, damaged=False):
    data = Data()
    nodes = [[None, None]]          # None: nothing here; ("node", n); ("data", offset)

    def path(net):
        net = ipaddress.ip_network(net)
        width, n = net.max_prefixlen, net.prefixlen
        value = int(net.network_address)
        if version == 6 and net.version == 4:
            width, n = 128, n + 96
        return [value >> (width - 1 - i) & 1 for i in range(n)]

    def put(way, leaf):
        at = 0
        for b in way[:-1]:
            nxt = nodes[at][b]
            if nxt is None or nxt[0] == "data":
                nodes.append([nxt, nxt])                      # a wider network's data go on below
                nodes[at][b] = nxt = ("node", len(nodes) - 1)
            at = nxt[1]
        nodes[at][way[-1]] = leaf

    # Wide networks first, so that narrower ones cut into them.
    nets = [(n, v) for n, v in networks if version == 6 or ipaddress.ip_network(n).version == 4]
    for net, value in sorted(nets, key=lambda x: len(path(x[0]))):
        put(path(net), ("data", data.add(value)))
    if version == 6:
        # IPv4 addresses also have to be found as ::ffff:a.b.c.d and as 2002:a.b.c.d::
        at = 0
        for _ in range(96):
            at = nodes[at][0][1]
        for alias in ("::ffff:0:0/96", "2002::/16"):
            put(path(alias), ("node", at))

    count = len(nodes)

    def record(r):
        if r is None:
            return count
        return r[1] if r[0] == "node" else count + 16 + r[1] + ((1 << 20) if damaged else 0)

    tree = bytearray()
    for left, right in nodes:
        a, b = record(left), record(right)
        if bits == 24:
            tree += a.to_bytes(3, "big") + b.to_bytes(3, "big")
        elif bits == 28:
            tree += (a & 0xFFFFFF).to_bytes(3,
                    "big") + bytes([a >> 24 << 4 | b >> 24]) + (b & 0xFFFFFF).to_bytes(3, "big")
        else:
            tree += a.to_bytes(4, "big") + b.to_bytes(4, "big")
    meta = {"binary_format_major_version": (16, 2), "binary_format_minor_version": (16, 0),
            "build_epoch": (64, 1714521600),
            "database_type": kind, "description": {"en": "test data, not real"}, "ip_version": (16, version),
            "languages": ["en"], "node_count": (32, count), "record_size": (16, bits)}
    return bytes(tree) + bytes(16) + bytes(data.bytes) + b"\xab\xcd\xefMaxMind.com" + inline(meta)


# --- the data --------------------------------------------------------------------------------------------------

CONTINENT = {"EU": "Europe", "NA": "North America", "OC": "Oceania", "AF": "Africa", "SA": "South America"}
COUNTRY = {"NL": "Netherlands", "DE": "Germany", "US": "United States", "NZ": "New Zealand", "KE": "Kenya",
        "BR": "Brazil"}


def place(continent=None, country=None, region=None, city=None, where=None, names=True):
    """region: (code, name). names: False leaves only codes, as in a cut-down database."""
    out = {}
    if city:
        out["city"] = {"names": {"en": city}}
    if continent:
        out["continent"] = {"code": continent}
        if names:
            out["continent"]["names"] = {"en": CONTINENT[continent]}
    if country:
        out["country"] = {"iso_code": country}
        if names:
            out["country"]["names"] = {"en": COUNTRY[country]}
    if where:
        out["location"] = {"accuracy_radius": (16, 20), "latitude": where[0], "longitude": where[1],
                "time_zone": "UTC"}
    if region:
        out["subdivisions"] = [{"iso_code": region[0],
                "names": {"en": region[1]}} if names else {"iso_code": region[0]}]
    return out


CITY = [
    ("192.0.2.0/24", place("EU", "NL", ("NH", "North Holland"), "Amsterdam", (52.3759, 4.8975))),
    ("192.0.2.0/27", place("EU", "DE", ("NW", "North Rhine-Westphalia"), "D\u00fcsseldorf", (51.2217, 6.7762))),
    ("198.51.100.0/24", place("NA", "US", ("CA", "California"), "San Diego", (32.7157, -117.1611))),
    ("198.51.100.23/32", place("NA", "US", ("CA", "California"), None, (36.17, -119.7462))),      # no city
    ("198.51.100.24/32", place("NA", "US", None, None, (37.751, -97.822))),                       # no region
    ("198.51.100.64/26", place("SA", "BR", ("SP", "S\u00e3o Paulo"), "S\u00e3o Paulo", (-23.5475, -46.6361))),
    ("203.0.113.0/24", place("OC", "NZ")),                                                        # country only
    ("203.0.113.32/32", place("OC")),                                                             # continent only
    ("203.0.113.33/32", {}),                                                                      # found, but empty
    ("203.0.113.34/32", place("OC", "NZ", ("AUK", "Auckland"), "Auckland", None)),                # no location
    ("203.0.113.77/32", place("AF", "KE", ("30", "Nairobi County"), "Nairobi", (0.0, 0.0))),      # at zero
    ("10.0.0.0/8", place("EU", "DE", ("BE", "Land Berlin"), "Berlin", (52.5244, 13.4105), names=False)),
    ("172.20.48.0/20", {"city": {"names": {"de": "Nirgendwo"}}, "country": {"iso_code": "DE",
    "names": {"de": "Deutschland"}},
                        "continent": {"code": "EU",
                        "names": {"de": "Europa"}}}),                 # no English names
    ("198.18.0.0/15", place("NA", "US", ("TX", "Texas"), 'Quote "City" \\ Back', (31.9686, -99.9018))),
    ("2001:db8::/32", place("EU")),
    ("2001:db8:0:1::/64", place("EU", "NL", ("NH", "North Holland"), "Amsterdam", (52.3759, 4.8975))),
    ("2001:db8:0:1::11/128", place("EU", "DE", ("NW", "North Rhine-Westphalia"), "D\u00fcsseldorf",
    (51.2217, 6.7762))),
    ("2001:db8:0:2::/64", place("NA", "US", ("CA", "California"), "San Diego", (32.7157, -117.1611))),
    ("fe80::/10", place("EU", "NL")),
]


def asn(number=None, org=None):
    out = {}
    if number is not None:
        out["autonomous_system_number"] = (32, number)
    if org is not None:
        out["autonomous_system_organization"] = org
    return out


ASN = [
    ("192.0.2.0/24", asn(64496, "Example Net")),
    ("192.0.2.53/32", asn(64497, "Example Resolver Operations")),
    ("198.51.100.0/24", asn(64498, "Example Access, Inc.")),
    ("198.51.100.23/32", asn(64499)),                                    # no organisation
    ("198.51.100.64/26", asn(4294967295, "Largest Number")),
    ("203.0.113.0/24", asn(65551, "Exempel N\u00e4t AB")),
    ("203.0.113.32/32", asn(None, "No Number Ltd")),
    ("203.0.113.33/32", {}),
    ("203.0.113.77/32", asn(0, "Zero")),
    ("10.0.0.0/8", asn(64500, 'Quote "Net" \\ Back')),
    ("2001:db8::/32", asn(64501, "Example Six")),
    ("2001:db8:0:1::/64", asn(64496, "Example Net")),
    ("2001:db8:0:2::/64", asn(64498, "Example Access, Inc.")),
]


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    for file, image in (("city-test.mmdb", build(CITY, "GeoIP2-City", 28)),
                        ("asn-test.mmdb", build(ASN, "GeoLite2-ASN", 24)),
                        ("asn-test-ipv4.mmdb", build(ASN, "GeoLite2-ASN", 32, version=4)),
                        ("city-damaged.mmdb", build(CITY, "GeoIP2-City", 28, damaged=True))):
        with open(os.path.join(out, file), "wb") as f:
            f.write(image)


main()
