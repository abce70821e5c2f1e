#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""flowpcap.py netflow|sflow [ROUNDS] > FILE: a capture of what three exporters send in three minutes, or in ROUNDS times three seconds,
always the same.

netflow: 192.0.2.1 and 192.0.2.2 send NetFlow 5, 192.0.2.3 IPFIX about IPv6. sflow: agents 192.0.2.1 and 192.0.2.2 sample one packet in 100.
Some addresses are known to tests/captures/geo, some are not.
"""
import random
import socket
import struct
import sys

START = 1700000000
V4 = ["10.4.1.2", "10.4.4.2", "10.5.1.9", "172.16.3.4", "203.0.113.7", "198.51.100.200", "192.0.2.77"]
V6 = ["2001:db8:1::1", "2001:db8:2::5", "2001:db8:ffff::9", "fd00::1"]
PORTS = [53, 80, 443, 5001, 2048, 30001, 50000, 0]
rnd = random.Random(7)


def inet(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def frame(src, payload, port):
    udp = struct.pack(">HHHH", 40000, port, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, inet(src), inet("192.0.2.250"))
    return b"\x02" * 12 + b"\x08\x00" + ip + udp


def v5(seq, now):
    out = struct.pack(">HHIIIIBBH", 5, 12, 1000000, now, 0, seq, 0, 0, 0)
    for _ in range(12):
        proto = rnd.choice([6, 6, 17, 1])
        sport, dport = (rnd.choice(PORTS), rnd.choice(PORTS)) if proto != 1 else (0, 2048)
        out += struct.pack(">4s4s4sHHIIIIHHBBBBHHBBH", inet(rnd.choice(V4)), inet(rnd.choice(V4)), bytes(4), rnd.choice([1, 2, 37]),
                           rnd.choice([1, 4, 0]), rnd.randrange(1, 90), rnd.randrange(60, 90000), 900000, 999000, sport, dport, 0, 16, proto,
                           rnd.choice([0, 46 << 2, 1, 2]), 0, 0, 24, 24, 0)
    return out


FIELDS = [(27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (5, 1), (1, 8), (2, 8), (10, 4), (14, 4)]


def ipfix(seq, now):
    template = struct.pack(">HH", 256, len(FIELDS)) + b"".join(struct.pack(">HH", *f) for f in FIELDS)
    sets = struct.pack(">HH", 2, 4 + len(template)) + template
    data = b""
    for _ in range(5):
        data += inet(rnd.choice(V6)) + inet(rnd.choice(V6)) + struct.pack(">HHBBQQII", rnd.choice(PORTS), rnd.choice(PORTS), rnd.choice([6, 17]),
                                                                          rnd.choice([0, 8 << 2]), rnd.randrange(60, 9000), rnd.randrange(1, 9),
                                                                          rnd.choice([5, 6]), rnd.choice([0, 7]))
    sets += struct.pack(">HH", 256, 4 + len(data)) + data
    return struct.pack(">HHIII", 10, 16 + len(sets), now, seq, 1) + sets


def sflow(agent, seq):
    samples = b""
    for i in range(4):
        size = rnd.randrange(60, 1500)
        udp = struct.pack(">HHHH", rnd.choice(PORTS), rnd.choice(PORTS), 8, 0)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size - 14, 0, 0, 64, 17, 0, inet(rnd.choice(V4)), inet(rnd.choice(V4)))
        head = b"\x02" * 12 + b"\x08\x00" + ip + udp
        head += bytes(-len(head) % 4)
        record = struct.pack(">IIIIII", 1, 16 + len(head), 1, size, 4, len(head)) + head
        sample = struct.pack(">IIIIIIII", seq * 4 + i, 1, 100, 1000, 0, rnd.choice([1, 2]), rnd.choice([3, 4]), 1) + record
        samples += struct.pack(">II", 1, len(sample)) + sample
    return struct.pack(">II4sIIII", 5, 1, inet(agent), 0, seq, 1000, 4) + samples


def main():
    kind = sys.argv[1]
    out = sys.stdout.buffer
    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 60):
        now = START + 3 * i
        if kind == "netflow":
            frames = [frame("192.0.2.1", v5(12 * i, now), 2055), frame("192.0.2.2", v5(12 * i, now), 2055), frame("192.0.2.3", ipfix(5 * i, now), 2055)]
        else:
            frames = [frame(a, sflow(a, i), 6343) for a in ("192.0.2.1", "192.0.2.2")]
        for k, f in enumerate(frames):
            out.write(struct.pack("<IIII", now, k, len(f), len(f)) + f)


main()
