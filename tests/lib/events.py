#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""events.py WORD ... - what the tests do to the bytes of an event stream.

  offsets FILE              the byte offset of every event, one a line, and of the end
  flip FILE DIR COUNT SEED  COUNT files in DIR, each with one to four bytes of FILE set to something else
  set FILE OFFSET HEX       FILE with these bytes put at OFFSET, to stdout
"""
import os
import random
import struct
import sys


def offsets(data):
    at = 0
    while at < len(data):
        yield at
        at += struct.unpack_from("<I", data, at)[0]
    yield at


def main():
    word, path = sys.argv[1:3]
    with open(path, "rb") as f:
        data = f.read()
    if word == "offsets":
        print("\n".join(map(str, offsets(data))))
    elif word == "flip":
        rnd = random.Random(int(sys.argv[5]))
        starts = list(offsets(data))[:-1]
        for i in range(int(sys.argv[4])):
            bad = bytearray(data)
            for _ in range(rnd.randint(1, 4)):
                # half of the hits go into the header and the first fields of an event, where they hurt
                at = rnd.choice(starts) + rnd.randrange(64) if rnd.random() < 0.5 else rnd.randrange(len(bad))
                bad[at % len(bad)] = rnd.choice((0, 1, 0x7F, 0x80, 0xFF, rnd.randrange(256)))
            with open(os.path.join(sys.argv[3], f"{i:04}"), "wb") as f:
                f.write(bad)
    elif word == "set":
        at, new = int(sys.argv[3]), bytes.fromhex(sys.argv[4])
        sys.stdout.buffer.write(data[:at] + new + data[at + len(new):])


main()
