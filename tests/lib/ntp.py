#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""ntp.py PCAP SEED - writes a capture of NTP and other things, and prints as JSON what the metrics of the example module must say
of it. The counts are made here, while writing, and not by any decoder."""
import json
import os
import random
import struct
import sys
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "captures", "make"))
import wire  # noqa: E402

rnd = random.Random(int(sys.argv[2]))
count, servers, strata, versions, clients = Counter(), Counter(), Counter(), Counter(), set()


def message(version, mode, stratum=0):
    return struct.pack(">BBbb", version << 3 | mode, stratum, 6, -20) + rnd.randbytes(44)


def send(pcap, payload, src, dst, to_server):
    udp = wire.udp6 if ":" in src else wire.udp4
    sport, dport = (40000 + rnd.randrange(100), 123) if to_server else (123, 40000)
    pcap.add(wire.eth(udp(payload, sport, dport, src, dst)))
    count["events"] += 1


with wire.Pcap(sys.argv[1]) as pcap:
    for i in range(300):
        v6 = rnd.random() < 0.4
        client = f"2001:db8:0:1::{rnd.randrange(1, 40):x}" if v6 else f"192.0.2.{rnd.randrange(1, 40)}"
        server = f"2001:db8::{rnd.randrange(1, 4)}" if v6 else f"198.51.100.{rnd.randrange(1, 4)}"
        kind = rnd.randrange(10)
        version = rnd.choice((3, 4, 4, 4))
        if kind < 4:
            send(pcap, message(version, 3), client, server, True)
            clients.add(client)
            count["client"] += 1
        elif kind < 7:
            stratum = rnd.choice((0, 1, 2, 2, 3))
            send(pcap, message(version, 4, stratum), server, client, False)
            servers[server] += 1
            strata[str(stratum)] += 1
            count["server"] += 1
            count["kiss_of_death"] += stratum == 0
        elif kind == 7:
            mode, name = rnd.choice(((1, "symmetric"), (2, "symmetric"), (5, "broadcast"), (6, "control"), (7, "control")))
            send(pcap, message(version, mode), client, server, True)
            count[name] += 1
        elif kind == 8:
            bad = rnd.choice((b"", b"\x23", message(4, 3)[:47], message(0, 3), message(5, 3), message(4, 0)))
            send(pcap, bad, client, server, True)
            count["malformed"] += 1
            continue
        else:  # of other protocols: port 124, and port 123 of TCP
            pcap.add(wire.eth(wire.udp4(message(4, 3), 40000, 124)))
            pcap.add(wire.eth(wire.ip4(wire.tcp(message(4, 3), 40000, 123, 1, 1, wire.ACK), 6)))
            continue
        versions[str(version)] += 1


def rows(top):
    return [{"estimate": n, "name": name} for name, n in sorted(top.items(), key=lambda r: (-r[1], r[0]))]


names = ("broadcast", "client", "control", "events", "kiss_of_death", "malformed", "server", "symmetric")
print(json.dumps({"cardinality": {"clients": len(clients)}, "top_servers": rows(servers), "top_strata": rows(strata),
                  "top_versions": rows(versions), "wire_packets": {n: count[n] for n in names}}))
