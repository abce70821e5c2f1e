#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""dnsxacts.py CAPTURE - what dns 2.0 must count, by a model of a page over what tshark reads.

Prints a line per set of hosts and filter: hosts, options for pv-dns, and the expected counters as JSON, without those that are 0.

A query waits five seconds; one that a filter rejected is remembered for a minute more, for its reply. Asked again meanwhile it goes on waiting; asked otherwise it is forgotten. A message that a filter
rejects counts as filtered, and with a rejected reply the query that it answers, or with a rejected query its reply, however late."""
import json
import subprocess
import sys
from collections import Counter, OrderedDict
from ipaddress import ip_address, ip_network

TTL = 5
REMEMBERED = 60
PORTS = ("53", "5353", "5355", "53000")
RCODES = {0: "noerror", 2: "srvfail", 3: "nxdomain", 5: "refused"}
FIELDS = ["frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.port", "tcp.srcport", "tcp.dstport", "dns.id",
          "dns.flags", "dns.count.queries", "dns.count.answers", "dns.qry.name", "dns.qry.type"]
OURS = ("192.0.2.53/32,2001:db8:0:1::53/128", "192.0.2.0/24,2001:db8::/32", "203.0.113.0/24")


def below(name):
    return name is not None and (name == "example.com" or name.endswith(".example.com"))


def always(_):
    return True


# options of pv-dns, what they keep of queries, of replies, and of directions
FILTERS = [
    ("", always, always, None),
    ("--only-rcode NXDOMAIN,5", always, lambda m: m["rcode"] in (3, 5), None),
    ("--answer-count 0 --only-qtype A,AAAA", always, lambda m: not m["answers"] and m["type"] in ("1", "28"), None),
    ("--only-qname-suffix example.com --exclude-noerror", lambda m: below(m["name"]), lambda m: m["rcode"], None),
    ("--only-qname nowhere.example.net", lambda m: m["name"] == "nowhere.example.net", always, None),
    ("--only-xact-directions out,unknown", always, always, ("out", "unknown")),
]


def messages(path):
    cmd = ["tshark", "-n", "-r", path, "-Y", "dns && !icmp && !icmpv6", "-d", "udp.port==53000,dns", "-d", "tcp.port==53000,dns",
           "-T", "fields", "-E", "separator=/t", "-E", "aggregator=|"]
    for f in FIELDS:
        cmd += ["-e", f]
    for line in subprocess.run(cmd, capture_output=True, text=True).stdout.splitlines():
        time, s4, d4, s6, d6, udp, ts, td, ids, flags, asked, answers, names, types = line.split("\t")
        sport, dport = udp.split("|") if udp else (ts, td)
        names, types = names.split("|"), types.split("|")
        for i, flag in enumerate(flags.split("|")):
            f = int(flag, 16)
            question = int(asked.split("|")[i]) > 0
            yield {"time": float(time), "src": (s4 or s6, sport), "dst": (d4 or d6, dport), "ip": "ipv4" if s4 else "ipv6",
                   "over": "udp" if udp else "tcp", "id": ids.split("|")[i], "reply": f >> 15, "rcode": f & 15,
                   "aa": f >> 10 & 1, "ad": f >> 5 & 1, "cd": f >> 4 & 1, "answers": int(answers.split("|")[i]),
                   "name": names.pop(0).lower() if question else None, "type": types.pop(0) if question else None}


def count(all_messages, hosts, keep_query, keep_reply, directions):
    nets = [ip_network(n) for n in hosts.split(",")]
    total, waiting = {"filtered": 0, "in": Counter(), "out": Counter(), "unknown": Counter()}, OrderedDict()
    rejected = {}  # until when, by key

    def ours(end):
        return any(ip_address(end[0]) in n for n in nets)

    def expire(now):
        while waiting and now - next(iter(waiting.values()))["time"] >= TTL:
            key, q = waiting.popitem(last=False)
            if not q["kept"]:
                rejected[key] = now + REMEMBERED
            total[q["dir"]]["timeout_queries"] += q["kept"]

    for m in all_messages:
        expire(m["time"])
        m["dir"] = "in" if ours(m["dst"]) else "out" if ours(m["src"]) else "unknown"
        key = (frozenset((m["src"], m["dst"])), m["over"], m["id"])
        if not m["reply"]:
            m["kept"] = bool(keep_query(m)) and (not directions or m["dir"] in directions)
            total["filtered"] += not m["kept"]
            old = waiting.get(key)
            if not old or (old["name"], old["type"]) != (m["name"], m["type"]):
                waiting.pop(key, None)
                waiting[key] = dict(m)
            rejected.pop(key, None)
            continue
        q = waiting.pop(key, None)
        late = not q and m["time"] < rejected.pop(key, 0)
        direction = q["dir"] if q else {"in": "out", "out": "in", "unknown": "unknown"}[m["dir"]]
        kept = keep_reply(m) and (not directions or direction in directions)
        if not kept or late or (q and not q["kept"]):
            total["filtered"] += 2 if q and q["kept"] else 1
            continue
        c = total[direction]
        if not q:
            c["orphan_responses"] += 1
            continue
        c.update({"xacts": 1, m["over"] + "_xacts": 1, m["ip"] + "_xacts": 1, "authoritative_answer_xacts": m["aa"],
                  "authenticated_data_xacts": m["ad"], "checking_disabled_xacts": q["cd"],
                  "nodata_xacts": m["rcode"] == 0 and not m["answers"]})
        if m["rcode"] in RCODES:
            c[RCODES[m["rcode"]] + "_xacts"] += 1
    expire(m["time"])
    return {k: v if k == "filtered" else {n: int(c) for n, c in v.items() if c} for k, v in total.items() if v}


def main():
    found = list(messages(sys.argv[1]))
    for hosts in OURS:
        for options, *keep in FILTERS:
            want = count(found, hosts, *keep)
            want["observed"] = len(found)
            print("%s|%s|%s" % (hosts, options, json.dumps({k: v for k, v in want.items() if v}, sort_keys=True, separators=(",", ":"))))


main()
