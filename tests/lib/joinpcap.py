#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""joinpcap.py OUT RATE FILE|+SECONDS... - one capture of several (pcap, Ethernet, microseconds): their packets in order, whole ones only,
with times of their own: RATE a second, evenly, from 2020 on; +SECONDS is a pause. Prints how many packets there are."""
import struct
import sys

out, rate, files = sys.argv[1], int(sys.argv[2]), sys.argv[3:]

us, n = 1577836800 * 1000000, 0
with open(out, "wb") as to:
    to.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    for name in files:
        if name[0] == "+":
            us += int(name) * 1000000
            continue
        with open(name, "rb") as f:
            head = struct.unpack("<IHHiIII", f.read(24))
            if head[0] != 0xA1B2C3D4 or head[6] != 1:
                sys.exit(f"{name}: not a capture of that kind")
            while record := f.read(16):
                _, _, size, wire = struct.unpack("<IIII", record)
                data = f.read(size)
                if size != wire:
                    continue
                to.write(struct.pack("<IIII", us // 1000000, us % 1000000, size, wire) + data)
                us += 1000000 // rate
                n += 1
print(n)
