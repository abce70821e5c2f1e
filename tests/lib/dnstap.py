#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""dnstap.py FILE - what another decoder sees in a dnstap file: a line of JSON per message, in the fields that pv-cat --json has.

Written from the descriptions of Frame Streams and of protobuf, with nothing of ours: what pv-dnstap is held against."""
import ipaddress, json, struct, sys


def varint(b, at):
    value = shift = 0
    while True:
        value |= (b[at] & 0x7F) << shift
        shift += 7
        at += 1
        if b[at - 1] < 0x80:
            return value, at


def fields(b):
    at, out = 0, {}
    while at < len(b):
        key, at = varint(b, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            out[number], at = varint(b, at)
        elif wire == 1:
            out[number], at = struct.unpack_from("<Q", b, at)[0], at + 8
        elif wire == 2:
            n, at = varint(b, at)
            out[number], at = b[at:at + n], at + n
        elif wire == 5:
            out[number], at = struct.unpack_from("<I", b, at)[0], at + 4
        else:
            raise ValueError(f"wire type {wire}")
    return out


def frames(b):
    at = 0
    while at + 4 <= len(b):
        n = struct.unpack_from(">I", b, at)[0]
        at += 4
        if n == 0:
            at += 4 + struct.unpack_from(">I", b, at)[0]
        elif at + n <= len(b):
            yield b[at:at + n]
            at += n
        else:
            return


def message(number, frame):
    top = fields(frame)
    m = fields(top[14])
    kind = m[1]
    out = {"number": number, "message": kind, "frame_len": len(frame), "transport": m.get(3, 0),
           "l3": {1: 4, 2: 6}.get(m.get(2), 0)}
    out["dir"] = "in" if (kind % 2 == 1) == (kind in (1, 2, 5, 6, 13, 14)) else "out"
    for name, field in (("query_addr", 4), ("response_addr", 5)):
        if field in m:
            out[name] = str(ipaddress.ip_address(m[field]))
    for name, field in (("query_port", 6), ("response_port", 7)):
        if m.get(field):
            out[name] = m[field]
    for name, field in (("query_time_ns", 8), ("response_time_ns", 12)):
        if field in m:
            out[name] = f"{m[field]}.{m.get(field + 1, 0):09d}"
    if top.get(1):
        out["identity"] = top[1].decode()
    payload = m.get(10 if kind % 2 else 14)
    if payload:
        out["payload"] = payload.hex()
    own, other = ("query_time_ns", "response_time_ns") if kind % 2 else ("response_time_ns", "query_time_ns")
    out["time"] = out.get(own, out.get(other))
    return out


with open(sys.argv[1], "rb") as f:
    for i, frame in enumerate(frames(f.read()), 1):
        print(json.dumps(message(i, frame), sort_keys=True))
