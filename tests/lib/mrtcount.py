#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""mrtcount.py FILE... - how many BGP messages of each type, 1 to 5, stand in MRT dumps (RFC 6396, section 4.4)."""
import struct
import sys

BGP4MP, BGP4MP_ET = 16, 17
ADDRESSES = {1: 8, 2: 32}
counts = [0] * 6
for name in sys.argv[1:]:
    with open(name, "rb") as f:
        data = f.read()
    while len(data) >= 12:
        kind, subtype, length = struct.unpack(">4xHHI", data[:12])
        body, data = data[12:12 + length], data[12 + length:]
        if kind == BGP4MP_ET:
            body = body[4:]  # microseconds
        if kind not in (BGP4MP, BGP4MP_ET) or subtype not in (1, 4):  # MESSAGE, MESSAGE_AS4
            continue
        at = 4 if subtype == 1 else 8
        at += 4 + ADDRESSES[struct.unpack(">H", body[at + 2:at + 4])[0]]
        counts[body[at + 18]] += 1
print(*counts[1:])
