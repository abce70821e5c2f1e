#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""flowsend.py PORT EXPORTERS DATAGRAMS: NetFlow 9 and IPFIX from addresses of 127/8 and from ::1, to that port of this machine.

Each exporter tells its template from one source port and sends its data, DATAGRAMS of three records, from three others by turns, as
several sessions of its domain; the template is its own, so that no other exporter's fits. Prints how many records and bytes there are.
"""
import socket
import struct
import sys
import time

port, exporters, datagrams = (int(a) for a in sys.argv[1:4])
records = octets = sent = 0


def sender(n):
    if n == 0:
        s, to = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), ("::1", port)
    else:
        s, to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ("127.0.0.1", port)
        s.bind(("127.%d.%d.1" % (n // 256, n % 256 + 2), 0))
    return lambda data: s.sendto(data, to)


def message(v9, seq, sets):
    if v9:
        return struct.pack(">HHIIII", 9, 1, 1000, 1700000000, seq, 7) + sets
    return struct.pack(">HHIII", 10, 16 + len(sets), 1700000000, seq, 7) + sets


for n in range(exporters):
    v9 = n % 2
    fields = [(2, 4), (12, 4), (1, 8)] + [(210, 1)] * (n % 7) + [(8, 4)]
    template = struct.pack(">HH", 256, len(fields)) + b"".join(struct.pack(">HH", *f) for f in fields)
    sender(n)(message(v9, 0, struct.pack(">HH", 0 if v9 else 2, 4 + len(template)) + template))
    time.sleep(0.002)  # two sockets of a sender do not keep order among each other
    ways = [sender(n) for _ in range(3)]
    for i in range(datagrams):
        data = b"".join(struct.pack(">I4sQ", 1, b"\xc6\x33\x64\x02", 100 + n) + bytes(n % 7) + b"\xc0\x00\x02\x01" for _ in range(3))
        seq = (i // 3) * (1 if v9 else 3)
        ways[i % 3](message(v9, seq, struct.pack(">HH", 256, 4 + len(data)) + data))
        records += 3
        octets += 3 * (100 + n)
        sent += 1
        if sent % 50 == 0:
            time.sleep(0.01)
print(records, octets)
