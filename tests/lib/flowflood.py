#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""flowflood.py EXPORTERS TEMPLATES > FILE: a capture in which so many addresses tell so many templates of NetFlow 9 each, and send eight
records of the first, with addresses and ports that nobody else has."""
import random
import struct
import sys

exporters, templates = int(sys.argv[1]), int(sys.argv[2])
FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (10, 4), (14, 2), (1, 8), (2, 4), (21, 4), (22, 4), (15, 4), (16, 4), (60, 1), (61, 1)]
fields = b"".join(struct.pack(">HH", *f) for f in FIELDS)
told = []
for first in range(0, templates, 20):
    body = b"".join(struct.pack(">HH", 256 + t, len(FIELDS)) + fields for t in range(first, min(first + 20, templates)))
    told.append(struct.pack(">HH", 0, 4 + len(body)) + body)
rnd = random.Random(4)
out = sys.stdout.buffer
out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
for e in range(exporters):
    source = struct.pack(">I", 0x0a000000 + e)
    data = b"".join(struct.pack(">IIHHBIHQI", rnd.getrandbits(32), rnd.getrandbits(32), rnd.getrandbits(16), rnd.getrandbits(16), 17,
                                rnd.randrange(1, 50), rnd.randrange(1, 50), 1500, 3) + bytes(18) for _ in range(8))
    for seq, s in enumerate(told + [struct.pack(">HH", 256, 4 + len(data)) + data]):
        payload = struct.pack(">HHIIII", 9, 1, 1000, 1700000000, seq, 1) + s
        packet = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0) + source + b"\xc0\0\2\1" + \
            struct.pack(">HHHH", 40000, 2055, 8 + len(payload), 0) + payload
        out.write(struct.pack("<IIII", 1700000000 + e // 200, e % 200 * 5000, len(packet), len(packet)) + packet)
