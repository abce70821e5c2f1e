#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Does the picture say what the JSON says? clicheck.py JSON PICTURE POLICY | --connections JSON PICTURE

PICTURE is what `pktvisor-cli --once --size 200` prints of the JSON: header lines and lists of the overview are worked out here
a second time, from their description, and compared text by text. With --connections the picture is of that view, and its table is
what is compared. Prints what differs; exit status 1 when something does."""
import json
import sys
import time

LISTS = [  # title, schema, path, base; in the order of the original's screen
    ("Top QName 2", "dns", "top_qname2", "wire"), ("Top QName 3", "dns", "top_qname3", "wire"),
    ("Top NX", "dns", "top_nxdomain", "reply"), ("Slow In", "dns", "xact.in.top_slow", "xact"),
    ("Top QTypes", "dns", "top_qtype", "wire"), ("Top RCodes", "dns", "top_rcode", "reply"),
    ("Top SRVFAILS", "dns", "top_srvfail", "reply"), ("Slow Out", "dns", "xact.out.top_slow", "xact"),
    ("Top REFUSED", "dns", "top_refused", "reply"), ("IPv4", "packets", "top_ipv4", "deep"),
    ("IPv6", "packets", "top_ipv6", "deep"), ("Top DNS UDP Ports", "dns", "top_udp_ports", "wire"),
    ("Top GeoLoc", "packets", "top_geoLoc", "deep"), ("Top ASN", "packets", "top_ASN", "deep"),
]
COLUMNS = 200


def get(o, path, default=0):
    for key in path.split("."):
        o = o.get(key) if isinstance(o, dict) else None
    return default if o is None else o


def share(name, n, base):
    return "%s %d (%3.1f%%)" % (name, n, n / base * 100 if base else 0)


def rate(o, path):
    q = get(o, path, {})
    return "%d/s %s" % (q.get("live", 0), "/".join("%.0f" % q.get(p, 0) for p in ("p50", "p90", "p95", "p99")))


def times(o, path):
    q = get(o, path, {})
    return "/".join("%3.1f" % (q.get(p, 0) / 1000) for p in ("p50", "p90", "p95", "p99")) + " ms"


def clock(t):
    t = time.gmtime(t)
    return "%d:%02d%s" % (t.tm_hour % 12 or 12, t.tm_min, "AM" if t.tm_hour < 12 else "PM")


def header(s):
    p, d, h, c = (s.get(k, {}) for k in ("packets", "dns", "dhcp", "pcap"))
    n = lambda o, path: get(o, path, 0)
    total, both = n(p, "total"), n(p, "in") + n(p, "out")
    wire, replies = n(d, "wire_packets.total"), n(d, "wire_packets.replies")
    xacts, dhcp = n(d, "xact.counts.total"), n(h, "wire_packets.total")
    period = p.get("period", {"start_ts": 0, "length": 0})
    yield ["Pkts  %d" % total, share("UDP", n(p, "udp"), total), share("TCP", n(p, "tcp"), total),
           share("Other", n(p, "other_l4"), total), share("IPv4", n(p, "ipv4"), total), share("IPv6", n(p, "ipv6"), total),
           share("In", n(p, "in"), both), share("Out", n(p, "out"), both), share("Deep Samples", n(p, "deep_samples"), total)]
    yield ["Pkt Rates Total %s pps" % rate(p, "rates.pps_total"), "In %s pps" % rate(p, "rates.pps_in"),
           "Out %s pps" % rate(p, "rates.pps_out"), "IP Card. In: %d" % n(p, "cardinality.src_ips_in"),
           "Out: %d" % n(p, "cardinality.dst_ips_out"), "TCP Errors %d" % n(c, "tcp_reassembly_errors"),
           "OS Drops %d" % n(c, "os_drops"), "IF Drops %d" % n(c, "if_drops")]
    yield ["DHCP Wire Pkts %d/%d" % (dhcp - n(h, "wire_packets.filtered"), dhcp), "Rates Total " + rate(h, "rates.total")] + [
        share(k.capitalize(), n(h, "wire_packets." + k), dhcp) for k in ("discover", "offer", "request", "ack")]
    yield ["DNS Wire Pkts %d/%d" % (wire, n(d, "wire_packets.events")), "Rates Total " + rate(d, "rates.total")] + [
        share(k, n(d, "wire_packets." + v), wire) for k, v in (("UDP", "udp"), ("TCP", "tcp"), ("IPv4", "ipv4"), ("IPv6", "ipv6"),
                                                               ("Query", "queries"), ("Response", "replies"))]
    yield ["DNS Xacts %d" % xacts, "Timed Out %d" % n(d, "xact.counts.timed_out"), share("In", n(d, "xact.in.total"), xacts),
           share("Out", n(d, "xact.out.total"), xacts), "In " + times(d, "xact.in.quantiles_us"),
           "Out " + times(d, "xact.out.quantiles_us"), "Qname Card. %d" % n(d, "cardinality.qname")]
    yield [share(k, n(d, "wire_packets." + v), replies) for k, v in (
        ("DNS NOERROR", "noerror"), ("SRVFAIL", "srvfail"), ("NXDOMAIN", "nxdomain"), ("REFUSED", "refused"))] + [
        "Time Window %s to %s, Period %ds" % (clock(period["start_ts"]), clock(period["start_ts"] + period["length"]), period["length"])]


def bases(s):
    p, d = s.get("packets", {}), s.get("dns", {})
    deep, total = get(p, "deep_samples"), get(p, "total")
    scale = deep / total if total else 1
    return {"deep": deep, "wire": int(get(d, "wire_packets.total") * scale), "reply": int(get(d, "wire_packets.replies") * scale),
            "xact": int(get(d, "xact.counts.total") * scale)}


def wanted_rows(items, base):
    for i, item in enumerate(items[:10]):
        number = "%d" % item["estimate"]
        if i < 3 and base > 0:
            number += " (%4.1f%%)" % (item["estimate"] / base * 100)
        yield item["name"] or "(empty)", number


FACTS = ["bps", "bytes", "pps", "packets", "bytes_ab", "bytes_ba", "packets_ab", "packets_ba"]


def unit(key, n):
    """Bytes and bits per second from 10,000 up have a prefix, and three digits."""
    if not key.startswith("b") or n < 10000:
        return "%d" % n
    for prefix in "kMG":
        n /= 1000
        if n < 1000:
            break
    return ("%.2f" if n < 10 else "%.1f" if n < 100 else "%.0f") % n + prefix


def connections(handlers, lines):
    body = next(iter(handlers.values()))["connections"]
    top = next(i for i, line in enumerate(lines) if "top_connections" in line)
    head = lines[top + 1].strip("|\u2502").split()
    bad = [] if head == ["of", "bytes"] + FACTS else ["columns: %s" % head]
    for i, item in enumerate(body["top_connections"]):
        want = [item["name"], "%.1f%%" % (item["bytes"] / body["bytes"] * 100)] + [unit(k, item[k]) for k in FACTS]
        got = lines[top + 2 + i].strip("|\u2502").split()
        if got != " ".join(want).split():
            bad.append("row %d: %s\n    want: %s" % (i, got, want))
    print("\n".join(bad))
    sys.exit(1 if bad or not body["top_connections"] else 0)


def main():
    if sys.argv[1] == "--connections":
        with open(sys.argv[2], encoding="utf-8") as f, open(sys.argv[3], encoding="utf-8") as g:
            connections(json.load(f)["default"], g.read().splitlines())
    with open(sys.argv[1], encoding="utf-8") as f:
        handlers = json.load(f)[sys.argv[3]]
    with open(sys.argv[2], encoding="utf-8") as f:
        lines = [line.rstrip("\n") for line in f]
    schemas, bad = {}, []
    for handler in handlers.values():
        for schema, body in handler.items():
            schemas.setdefault(schema, body)
    for i, want in enumerate(header(schemas)):
        got = lines[1 + i].strip("|\u2502").strip()
        if got != " | ".join(want):
            bad.append("header %d: %s\n    want: %s" % (i + 1, got, " | ".join(want)))
    tops = [i for i, line in enumerate(lines) if i >= 8 and "Top QName 2" in line or "Top QTypes" in line or "Top REFUSED" in line or "Top GeoLoc" in line]
    base = bases(schemas)
    for i, (title, schema, path, kind) in enumerate(LISTS):
        top, x, end = tops[i // 4], i % 4 * COLUMNS // 4, (i % 4 + 1) * COLUMNS // 4
        if lines[top][x + 1:x + 1 + len(title)] != title:
            bad.append("list %d is not %s" % (i, title))
        rows = list(wanted_rows(get(schemas.get(schema, {}), path, []), base[kind]))
        for k in range(10):
            got = lines[top + 1 + k][x + 1:end - 1]
            name, number = rows[k] if k < len(rows) else ("", "")
            fits = len(name) + 1 + len(number) <= end - x - 2
            if got.split() != (name + " " + number).split() and fits or not got.endswith(number):
                bad.append("%s row %d: %r, not %r %r" % (title, k, got, name, number))
    print("\n".join(bad))
    sys.exit(1 if bad else 0)


main()
