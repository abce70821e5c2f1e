#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""facts.py CAPTURE-DIR - rewrites what can be known by reading: EXPECTED.tsv, and the tshark lines of FACTS.tsv.

EXPECTED.tsv: file, packets that tcpdump -r counts ('-': tcpdump refuses the file).
FACTS.tsv:    file, fact, value, source. Lines of other sources (clients, dnsperf, servers, script) are kept.

tshark is the second opinion: a decoder that has nothing to do with ours, and reassembles TCP. Its lines are only
written for files it can be trusted with; hostile/ and the reordered TCP captures state their own (source: script).
Needs tcpdump and tshark."""
import os
import subprocess
import sys
from collections import Counter

RCODE = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
DHCP4 = {1: "discover", 2: "offer", 3: "request", 4: "decline", 5: "ack", 6: "nak", 7: "release", 8: "inform"}
DHCP6 = {1: "solicit", 2: "advertise", 3: "request", 4: "confirm", 5: "renew", 6: "rebind", 7: "reply",
        8: "release",
         9: "decline", 10: "reconfigure", 11: "information-request", 12: "relay-forward", 13: "relay-reply"}


def tcpdump_count(path):
    r = subprocess.run(["tcpdump", "--count", "-r", path], capture_output=True, text=True)
    for line in r.stdout.splitlines():
        if line.endswith(("packets", "packet")):
            return line.split()[0]
    return "-"


def tshark(path, filt, fields):
    cmd = ["tshark", "-n", "-r", path, "-Y", filt, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=,"]
    for f in fields:
        cmd += ["-e", f]
    env = dict(os.environ, TZ="UTC")
    r = subprocess.run(cmd, capture_output=True, text=True, env=env)
    return [line.split("\t") for line in r.stdout.splitlines()]


def yes(v):
    return v in ("1", "True")


def dns_facts(path):
    """Frames that hold several messages give comma lists; a message without the field gives no entry, so only
    counts that come from fields every message of the kind has are taken."""
    c = Counter()
    rows = tshark(path, "dns && !icmp && !icmpv6", [
        "dns.flags.response", "dns.flags.rcode", "dns.qry.type", "udp.port", "ipv6.src", "dns.flags.truncated"])
    for resp, rcode, _, udp, ip6, tc in rows:
        r = [yes(x) for x in resp.split(",")]
        c["dns_messages"] += len(r)
        c["dns_replies"] += sum(r)
        c["dns_queries"] += len(r) - sum(r)
        c["dns_udp" if udp else "dns_tcp"] += len(r)
        c["dns_ipv6" if ip6 else "dns_ipv4"] += len(r)
        c["dns_truncated"] += sum(yes(x) for x in tc.split(","))
        for x in rcode.split(",") if rcode else []:
            c["dns_rcode." + RCODE.get(int(x), x)] += 1
    for (types,) in tshark(path, "dns && dns.flags.response == 0 && !icmp && !icmpv6", ["dns.qry.type"]):
        for x in types.split(",") if types else []:
            c["dns_qtype." + x] += 1
    for fams, in tshark(path, "dns.opt.client.family && dns.flags.response == 0", ["dns.opt.client.family"]):
        c["dns_query_ecs"] += len(fams.split(","))
    return {k: v for k, v in c.items() if v}


def dhcp_facts(path):
    c = Counter()
    for (t,) in tshark(path, "dhcp", ["dhcp.option.dhcp"]):
        c["dhcp4_" + DHCP4.get(int(t), t) if t else "dhcp4_none"] += 1
    for (t,) in tshark(path, "dhcpv6", ["dhcpv6.msgtype"]):
        c["dhcp6_" + DHCP6.get(int(t.split(",")[-1]), t)] += 1  # of a relayed message, what is in it
    return c


def net_facts(path):
    c = Counter()
    for proto, in tshark(path, "frame", ["frame.protocols"]):
        p = proto.split(":")
        c["l3_" + ("ipv4" if "ip" in p else "ipv6" if "ipv6" in p else "other")] += 1
        c["l4_" + ("icmp" if "icmp" in p or "icmpv6" in p else
                   "tcp" if "tcp" in p else "udp" if "udp" in p else "other")] += 1
    return c


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    root = os.path.realpath(root)
    files = []
    for d, sub, names in os.walk(root):
        sub[:] = sorted(x for x in sub if x not in ("make", "geo"))
        files += [os.path.relpath(os.path.join(d, n), root) for n in names if ".pcap" in n]
    files.sort()
    with open(os.path.join(root, "EXPECTED.tsv"), "w") as out:
        for f in files:
            out.write("%s\t%s\n" % (f, tcpdump_count(os.path.join(root, f))))
    path = os.path.join(root, "FACTS.tsv")
    rows = []
    if os.path.exists(path):
        rows = [line.rstrip("\n").split("\t") for line in open(path)]
        rows = [r for r in rows if r[3] != "tshark" and r[0] in files]
    for f in files:
        if "/" in f or f.startswith("dns-tcp-"):
            continue
        p = os.path.join(root, f)
        facts = dict(net_facts(p))
        facts.update(dhcp_facts(p) if f.startswith("dhcp") else dns_facts(p))
        rows += [[f, k, str(v), "tshark"] for k, v in facts.items() if v]
    rows.sort()
    with open(path, "w") as out:
        for r in rows:
            out.write("\t".join(r) + "\n")


main()
