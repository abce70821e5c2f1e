#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""slowdns.py server ADDRESS | client ADDRESS: queries that are answered late, twice, wrongly or never.

The first label of a query tells the server what to do with it:
  dN       answer after N milliseconds            drop     never answer
  twice    answer two times                       wrongid  answer with another id (the query stays open)
  case     answer with the name in capitals       empty    answer with the header only, no question
The client sends the fixed list below from three sockets, repeats some queries with the same id and port, and at
its end prints one "name<TAB>value" line for each fact. The server answers nothing else and asks nobody."""
import select
import socket
import struct
import sys
import time


def query(ident, name):
    qname = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"
    return struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + qname + struct.pack(">HH", 1, 1)


def server(address):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 53))
    print("ready", flush=True)
    due = []
    while True:
        wait = max(0, min(d[0] for d in due) - time.monotonic()) if due else None
        if select.select([sock], [], [], wait)[0]:
            m, peer = sock.recvfrom(4096)
            what = m[13:13 + m[12]].decode()
            answer = m[:2] + b"\x85\x80" + m[4:6] + b"\0\1\0\0\0\0" + m[12:] + \
                b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x5a"
            times = [0]
            if what[0] == "d" and what[1:].isdigit():
                times = [int(what[1:]) / 1000]
            elif what == "drop":
                times = []
            elif what == "twice":
                times = [0.01, 0.02]
            elif what == "wrongid":
                answer = struct.pack(">H", struct.unpack(">H", m[:2])[0] ^ 0x5555) + answer[2:]
            elif what == "case":
                answer = answer[:12] + m[12:].upper() + answer[12 + len(m) - 12:]
            elif what == "empty":
                answer = m[:2] + b"\x85\x81\0\0\0\0\0\0\0\0"
            now = time.monotonic()
            due += [(now + t, answer, peer) for t in times]
        now = time.monotonic()
        for d in sorted(x for x in due if x[0] <= now):
            sock.sendto(d[1], d[2])
        due = [x for x in due if x[0] > now]


def client(address):
    socks = []
    for ip in ("192.0.2.11", "198.51.100.21", "203.0.113.31"):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((ip, 0))
        s.connect((address, 53))
        socks.append(s)
    ident = 1
    facts = dict(queries=0, never_answered=0, answered_in_time=0, answered_after_5s=0, orphan_replies=0,
            retransmitted=0)

    def send(name, ident, s):
        socks[s].send(query(ident, name))
        facts["queries"] += 1
        time.sleep(0.005)

    for rnd in range(3):
        for ms in (0, 1, 5, 20, 50, 100, 300, 1000, 2000, 4000, 4800):
            send("d%d.slow.test" % ms, ident, rnd)
            ident += 1
            facts["answered_in_time"] += 1
        for ms in (5200, 6000, 7000, 9000):
            send("d%d.slow.test" % ms, ident, rnd)
            ident += 1
            facts["answered_after_5s"] += 1
        for _ in range(5):
            send("drop.slow.test", ident, rnd)
            ident += 1
            facts["never_answered"] += 1
        for what in ("twice", "case", "empty"):
            send(what + ".slow.test", ident, rnd)
            ident += 1
            facts["answered_in_time"] += 1
            facts["orphan_replies"] += what == "twice"
        send("wrongid.slow.test", ident, rnd)
        ident += 1
        facts["never_answered"] += 1
        facts["orphan_replies"] += 1
        # The same id, port and name once more, as a resolver does that lost patience: never answered at all, and
        # answered twice (500 ms after each sending, the second sending 200 ms after the first).
        for name in ("drop.slow.test", "d500.slow.test"):
            send(name, ident, rnd)
            time.sleep(0.2)
            send(name, ident, rnd)
            ident += 1
            facts["retransmitted"] += 1
    # Time must pass for the timeouts to be seen: a query a second, answered at once.
    for _ in range(15):
        time.sleep(1)
        send("d0.slow.test", ident, 0)
        ident += 1
        facts["answered_in_time"] += 1
    time.sleep(0.2)
    for k, v in facts.items():
        print("%s\t%d" % (k, v))


{"server": server, "client": client}[sys.argv[1]](sys.argv[2])
