#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A second opinion on flow metrics: flowcheck.py CAPTURE CHAIN [SERVICES] < JSON

Decodes the exports of a capture by itself, lets them through CHAIN (a JSON list of handlers' filters, keys as in a configuration) and
works out what the last handler counts, from its description: every counter, distinct count and top list. JSON is what pv-window or
an agent says, with all groups and long enough lists. Prints how many values agree, and what differs; exit status 1 when something does,
or when there is nothing to compare. Networks are those of tests/captures/geo/make_mmdb.py."""
import csv
import functools
import ipaddress
import json
import os
import struct
import sys
from collections import defaultdict

PORTS = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp", 136: None}
DSCP = {0: "CS0", 8: "CS1", 16: "CS2", 24: "CS3", 32: "CS4", 40: "CS5", 48: "CS6", 56: "CS7", 10: "AF11", 12: "AF12", 14: "AF13", 18: "AF21",
        20: "AF22", 22: "AF23", 26: "AF31", 28: "AF32", 30: "AF33", 34: "AF41", 36: "AF42", 38: "AF43", 46: "EF", 43: "VOICE-ADMIT"}
PLACES = {}
ECN = {0: "Not-ECT", 1: "ECT(1)", 2: "ECT(0)", 3: "CE"}


# ---- the capture: (source address, port, payload) of every UDP packet

def udp(path):
    b = open(path, "rb").read()
    e = "<" if b[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link, at = struct.unpack(e + "I", b[20:24])[0] & 0xffff, 24
    while at < len(b):
        n = struct.unpack(e + "I", b[at + 8:at + 12])[0]
        f, at = b[at + 16:at + 16 + n], at + 16 + n
        f = {1: f[14:], 113: f[16:], 276: f[20:], 101: f}[link]
        got = ip(f)
        if got and got["proto"] == 17:
            yield got["src"], got["sport"], f[got["head"] + 8:]


def ip(p):
    """Addresses, protocol, tos and ports of an IP packet, as far as it is there."""
    if len(p) >= 20 and p[0] >> 4 == 4:
        head, r = (p[0] & 15) * 4, {"l3": 4, "proto": p[9], "tos": p[1], "src": p[12:16], "dst": p[16:20]}
        first = not struct.unpack(">H", p[6:8])[0] & 0x1fff
    elif len(p) >= 40 and p[0] >> 4 == 6:
        head, first = 40, True
        r = {"l3": 6, "proto": p[6], "tos": struct.unpack(">H", p[:2])[0] >> 4 & 255, "src": p[8:24], "dst": p[24:40]}
    else:
        return None
    ports = struct.unpack(">HH", p[head:head + 4]) if first and r["proto"] in PORTS and len(p) >= head + 4 else (0, 0)
    r.update(sport=ports[0], dport=ports[1], head=head)
    for end in "src", "dst":
        r[end] = ipaddress.ip_address(r[end])
    return r


# ---- the exports: records as dictionaries

def fixed(version, p, device):
    head, size = {1: (16, 48), 5: (24, 48), 7: (24, 52)}[version]
    rate = struct.unpack(">H", p[22:24])[0] & 0x3fff if version == 5 else 0
    for at in range(head, head + size * struct.unpack(">H", p[2:4])[0], size):
        r = p[at:at + size]
        src, dst, _, i, o, packets, octets, _, _, sport, dport = struct.unpack(">4s4s4sHHIIIIHH", r[:36])
        yield {"device": device, "l3": 4, "src": ipaddress.ip_address(src), "dst": ipaddress.ip_address(dst), "in": i, "out": o, "packets": packets,
               "bytes": octets, "sport": sport, "dport": dport, "proto": r[38], "tos": r[39], "rate": rate or 1}


def templated(version, p, device, port, known, rates):
    domain = struct.unpack(">I", p[16:20] if version == 9 else p[12:16])[0]
    at, end = (20, len(p)) if version == 9 else (16, struct.unpack(">H", p[2:4])[0])
    who = (device, port, domain)
    while at + 4 <= end:
        number, n = struct.unpack(">HH", p[at:at + 4])
        s, at = p[at + 4:at + n], at + n
        if number < 256:
            learn(s, version, number in (1, 3), {} if number > 3 else known, who)
        for r in read(s, known[who + (number,)]) if who + (number,) in known else []:
            options, r = r
            rate = r.get(34) or r.get(50) or (r.get(305) and (r[305] + r.get(306, 0)) // r[305]) or (r.get(310) and r[310] // r[309])
            selector = r.get(302, r.get(48))
            if options:
                if rate:
                    rates[who + (selector,)] = rate
                continue
            if not rate:
                mine = [v for k, v in rates.items() if k[:3] == who]
                rate = rates.get(who + (selector,)) or rates.get(who + (None,)) or (mine[0] if selector is None and len(mine) == 1 else 1)
            v6 = 27 in r and not (r.get(60) == 4)
            yield {"device": device, "l3": 6 if v6 else 4, "src": r.get(27 if v6 else 8), "dst": r.get(28 if v6 else 12), "in": r.get(10, 0),
                   "out": r.get(14, 0), "packets": r.get(2, r.get(86, 0)), "bytes": r.get(1, r.get(85, 0)), "sport": r.get(7, 0),
                   "dport": r.get(11, 0), "proto": r.get(4, 0), "tos": r.get(5, 0), "rate": rate}


def learn(s, version, options, known, who):
    at = 0
    while at + 4 <= len(s):
        number, count = struct.unpack(">HH", s[at:at + 4])
        at, scopes = at + 4, 0
        if number < 256:
            return
        if options:
            more = struct.unpack(">H", s[at:at + 2])[0]
            at += 2
            count, scopes = (count // 4 + more // 4, count // 4) if version == 9 else (count, 0)
        fields = []
        for i in range(count):
            element, n = struct.unpack(">HH", s[at:at + 4])
            at += 4
            if version == 10 and element & 0x8000:
                at, element = at + 4, None
            fields.append((None if i < scopes else element, n))
        known[who + (number,)] = (options, fields)


def read(s, template):
    options, fields = template
    at, least = 0, sum(1 if n == 65535 else n for _, n in fields)
    while at + least <= len(s):
        r = {}
        for element, n in fields:
            if n == 65535:
                n, at = s[at], at + 1
                if n == 255:
                    n, at = struct.unpack(">H", s[at:at + 2])[0], at + 2
            v, at = s[at:at + n], at + n
            if element in (8, 12, 27, 28):
                r[element] = ipaddress.ip_address(v)
            elif element is not None and n <= 8:
                r.setdefault(element, int.from_bytes(v, "big"))
        yield options, r


def sflow(p):
    n = 4 if struct.unpack(">I", p[4:8])[0] == 1 else 16
    device, at = ipaddress.ip_address(p[8:8 + n]), 8 + n + 12
    for _ in range(struct.unpack(">I", p[at:at + 4])[0]):
        kind, size = struct.unpack(">II", p[at + 4:at + 12])
        s, at = p[at + 12:at + 12 + size], at + 8 + size
        if kind not in (1, 3):
            continue
        if kind == 1:
            rate, i, o, elements = struct.unpack(">8xI8xIII", s[:32])
            ends, k = [(i >> 30, i & 0x3fffffff), (o >> 30, o & 0x3fffffff)], 32
        else:
            rate, fi, i, fo, o, elements = struct.unpack(">12xI8xIIIII", s[:44])
            ends, k = [(fi, i), (fo, o)], 44
        ends = [v if not form and v not in (0x3fffffff, 0xffffffff) else None for form, v in ends]
        best = None
        for _ in range(elements):
            tag, size = struct.unpack(">II", s[k:k + 8])
            e, k = s[k + 8:k + 8 + size], k + 8 + (size + 3) // 4 * 4
            if tag == 1:
                protocol, length, _, n = struct.unpack(">IIII", e[:16])
                h = e[16:16 + n]
                while protocol == 1 and h[12:14] == b"\x81\0":
                    h = h[:12] + h[16:]
                got = ip(h[14:] if protocol == 1 else h)
                best = (3, got, length) if got else best or (1, {}, length)
            elif tag in (3, 4) and (not best or best[0] < 2):
                w = 4 if tag == 3 else 16
                length, proto = struct.unpack(">II", e[:8])
                sport, dport, _, tos = struct.unpack(">IIII", e[8 + 2 * w:])
                best = (2, {"l3": tag + 1 if tag == 3 else 6, "proto": proto, "tos": tos, "sport": sport, "dport": dport,
                            "src": ipaddress.ip_address(e[8:8 + w]), "dst": ipaddress.ip_address(e[8 + w:8 + 2 * w])}, length)
        if best:
            yield {"device": device, "l3": 0, "src": None, "dst": None, "sport": 0, "dport": 0, "proto": 0, "tos": 0, **best[1],
                   "in": ends[0], "out": ends[1], "packets": 1, "bytes": best[2], "rate": rate or 1}


def records(path):
    known, rates = {}, {}
    for device, port, p in udp(path):
        version = struct.unpack(">H", p[:2])[0]
        for r in (sflow(p) if version == 0 else fixed(version, p, device) if version < 9 else templated(version, p, device, port, known, rates)):
            if r["proto"] not in PORTS:
                r["sport"] = r["dport"] = 0
            yield r


# ---- what a handler does with them

def places():
    source = open(os.path.join(os.path.dirname(__file__), "../captures/geo/make_mmdb.py"), encoding="utf-8").read().split("def main():")[0]
    space = {}
    exec(compile(source, "make_mmdb.py", "exec"), space)  # its tables; its main() would write the files
    def asn(e):
        return "/".join(str(x) for x in ((e.get("autonomous_system_number") or (0, None))[1], e.get("autonomous_system_organization")) if x is not None)
    def city(e):
        en = lambda o: o.get("names", {}).get("en")
        parts = [e.get("continent", {}).get("code"), en(e.get("country", {})) or e.get("country", {}).get("iso_code"),
                 (e.get("subdivisions") or [{}])[0].get("iso_code"), en(e.get("city", {}))]
        return "/".join(x for x in parts if x)
    return {"city": [(net(n), city(e)) for n, e in space["CITY"]], "asn": [(net(n), asn(e)) for n, e in space["ASN"]]}


@functools.lru_cache(None)
def net(text):
    return ipaddress.ip_network(text, strict=False)


@functools.lru_cache(None)
def find(kind, address):
    held = [(n.prefixlen, text) for n, text in PLACES[kind] if n.version == address.version and address in n]
    return max(held)[1] if held and max(held)[1] else "Unknown"


def ranges(texts):
    for t in texts:
        a, b = (0, 2**32) if t == "*" else map(int, (t + "-" + t).split("-")[:2])
        yield min(a, b), max(a, b)


def within(v, texts):
    return v is not None and any(a <= v <= b for a, b in ranges(texts))


def inside(address, nets):
    return address is not None and any(net(n).version == address.version and address in net(n) for n in nets)


def accepted(r, c):
    """The record without the interfaces that are left out, or None."""
    ends = [a for a in (r["src"], r["dst"]) if a is not None]
    if "only_ips" in c and not any(inside(a, c["only_ips"]) for a in ends):
        return None
    if "only_ports" in c and not any(p and within(p, c["only_ports"]) for p in (r["sport"], r["dport"])):
        return None
    r = dict(r)
    if "only_device_interfaces" in c:
        allowed = c["only_device_interfaces"].get(str(r["device"]), [])
        for d in "in", "out":
            r[d] = r[d] if within(r[d], allowed) else None
    for d in "in", "out":
        if d not in c.get("only_directions", ["in", "out"]):
            r[d] = None
    if ("only_device_interfaces" in c or "only_directions" in c) and r["in"] is None and r["out"] is None:
        return None
    for key, kind in ("geoloc_notfound", "city"), ("asn_notfound", "asn"):
        if c.get(key) and "Unknown" not in [find(kind, a) for a in ends]:
            return None
    return r


def label(a, c):
    nets = [n for n in c.get("subnets_for_summarization", []) if net(n).version == a.version]
    if inside(a, c.get("exclude_ips_from_summarization", [])):
        return str(a)
    if c.get("summarize_ips_by_asn"):
        asn = find("asn", a)
        out = c.get("exclude_unknown_asns_from_summarization") if asn == "Unknown" else \
            asn.split("/")[0] in [str(n) for n in c.get("exclude_asns_from_summarization", [])]
        if not out:
            return asn
    zero = [n for n in nets if int(ipaddress.ip_address(n.split("/")[0])) == 0]
    for n in nets:
        if n not in zero and inside(a, [n]):
            return n
    return str(net("%s/%s" % (a, zero[0].split("/")[1]))) if zero else str(a)


def services(path):
    names, wide = {}, []
    for row in csv.DictReader(open(path, newline="")) if path else []:
        first, last = (row["Port Number"] + "-" + row["Port Number"]).split("-")[:2] if row["Port Number"] else (0, -1)
        name, protocol = row["Service Name"], row["Transport Protocol"]
        for port in range(int(first), int(last) + 1):
            (names.setdefault((protocol, port), name) if first == last else wide.append(((protocol, port), name)))
    for key, name in wide:
        names.setdefault(key, name)
    return names


class Interface:
    def __init__(self):
        self.counters, self.tops = defaultdict(int), defaultdict(lambda: defaultdict(int))
        self.distinct = {k: set() for k in ("src_ips_in", "dst_ips_out", "src_ports_in", "dst_ports_out", "conversations")}


def count(k, r, side, c, names):
    port = {d: names.get((PORTS.get(r["proto"]), r[d]), str(r[d])) if r[d] else None for d in ("sport", "dport")}
    text = {d: label(r[d], c) if r[d] is not None and int(r[d]) else None for d in ("src", "dst")}
    both = {d: "%s:%s" % (text[d], port[p]) if text[d] and port[p] else None for d, p in (("src", "sport"), ("dst", "dport"))}
    talk = "/".join(sorted(both.values(), key=str.encode)) if all(both.values()) else None
    here, there = ("src", "sport") if side == "in" else ("dst", "dport")
    if text[here]:
        k.distinct[here + "_ips_" + side].add(r[here])
    if r[there]:
        k.distinct[here + "_ports_" + side].add(r[there])
    if talk:
        k.distinct["conversations"].add(talk)
    for unit in "bytes", "packets":
        w = r[unit] * r["rate"]
        l4 = {17: "udp", 6: "tcp"}.get(r["proto"], "other_l4")
        for x in ["", l4 + "_"] + (["ipv%d_" % r["l3"]] if r["l3"] else []):
            k.counters["%s_%s%s" % (side, x, unit)] += w
        rows = [("%s_dscp" % side, DSCP.get(r["tos"] >> 2, str(r["tos"] >> 2))), ("%s_ecn" % side, ECN[r["tos"] & 3])] if r["l3"] else []
        for d, p in ("src", "sport"), ("dst", "dport"):
            rows += [("%s_%s_ips" % (side, d), text[d]), ("%s_%s_ports" % (side, d), port[p]), ("%s_%s_ip_ports" % (side, d), both[d])]
            if text[d]:
                rows += [("geo_loc", find("city", r[d])), ("asn", find("asn", r[d]))]
        for name, item in rows + [("conversations", talk)]:
            if item is not None:
                k.tops["top_%s_%s" % (name, unit)][item] += w


def expect(path, chain, names):
    PLACES.update(places())
    devices = {}
    for r in records(path):
        passed = {}
        for c in chain:
            passed.update({k: v for k, v in c.items() if not k.startswith("only_")})
            if c.get("sample_rate_scaling") is False:
                r = dict(r, rate=1)
            before, r = r, accepted(r, c)
            last = c is chain[-1]
            if r is None:
                break
        if not last:
            continue
        known = {} if passed.get("enrichment") is False else passed.get("device_map", {}).get(str(before["device"]), {})
        d = devices.setdefault(known.get("name", str(before["device"])),
                               {"flows": 0, "filtered": 0, "interfaces": defaultdict(Interface), "tops": defaultdict(lambda: defaultdict(int))})
        d["flows" if r else "filtered"] += 1
        for side in ("in", "out") if r else ():
            if r[side] is None:
                continue
            name = known.get("interfaces", {}).get(str(r[side]), {}).get("name", str(r[side]))
            count(d["interfaces"][name], r, side, passed, names)
            for unit in "bytes", "packets":
                d["tops"]["top_%s_interfaces_%s" % (side, unit)][name] += r[unit] * r["rate"]
    return devices


# ---- comparing

def flatten(devices):
    out = {}
    for name, d in devices.items():
        out[name, "records_flows"], out[name, "records_filtered"] = d["flows"], d["filtered"]
        for top, rows in d["tops"].items():
            for item, n in rows.items():
                out[name, top, item] = n
        for i, k in d["interfaces"].items():
            for counter, n in k.counters.items():
                out[name, i, counter] = n
            for key, values in k.distinct.items():
                out[name, i, "cardinality", key] = len(values)
            for top, rows in k.tops.items():
                for item, n in rows.items():
                    out[name, i, top, item] = n
    return out


def said(o):
    o = next(iter(o.values())) if "flow" not in o else o
    out = {}
    for name, d in o["flow"].get("devices", {}).items():
        for at, block in [((name,), d)] + [((name, i), k) for i, k in d.get("interfaces", {}).items()]:
            for key, v in block.items():
                if isinstance(v, list):
                    out.update({at + (key, row["name"]): row["estimate"] for row in v})
                elif key == "cardinality":
                    out.update({at + (key, k): n for k, n in v.items()})
                elif key != "interfaces":
                    out[at + (key,)] = v
    return out


def main():
    want = flatten(expect(sys.argv[1], json.loads(sys.argv[2]), services(sys.argv[3] if len(sys.argv) > 3 else None)))
    got = said(json.load(sys.stdin))
    wrong = sorted(k for k in want.keys() | got.keys() if want.get(k, 0) != got.get(k, 0))
    for k in wrong[:20]:
        print(" | ".join(k), "is", got.get(k, 0), "and should be", want.get(k, 0))
    print("%d values" % sum(1 for k in want if want[k]), "%d differ" % len(wrong))
    sys.exit(bool(wrong) or not want)


main()
