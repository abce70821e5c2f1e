#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""tcpclient.py [-b ADDRESS] SERVER MODE... < "name type" lines: DNS over TCP, cut up in unusual ways.

Each MODE uses one connection and the next lines of the input; prints "sent N received M" in the end.

  bytes   one query, every byte in a segment of its own
  len     five queries, the length prefix in one segment and the message in the next
  half    five queries, each segment ends after the first byte of the next one's length prefix
  burst   twenty queries in one write
  close   ten queries, then the writing side closes before the answers are read
  wait    five queries, one at a time, each after the answer of the one before
  idle    connects and closes, no data
  cut     one query and half of a second, then a reset
  each    ninety connections, one query and its answer on each, as stub resolvers and retries after TC do
"""
import socket
import struct
import sys
import time

QTYPE = {"A": 1, "NS": 2, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "DNSKEY": 48,
         "HTTPS": 65, "CAA": 257}


def message(ident, name, qtype):
    labels = [] if name == "." else name.rstrip(".").split(".")
    qname = b"".join(bytes([len(x)]) + x.encode() for x in labels) + b"\0"
    m = struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + qname + struct.pack(">HH", QTYPE[qtype], 1)
    return struct.pack(">H", len(m)) + m


def answers(sock, count):
    buf = b""
    got = 0
    while got < count:
        data = sock.recv(65536)
        if not data:
            break
        buf += data
        while len(buf) >= 2 and len(buf) >= 2 + struct.unpack(">H", buf[:2])[0]:
            buf = buf[2 + struct.unpack(">H", buf[:2])[0]:]
            got += 1
    return got


def main():
    args = sys.argv[1:]
    bind = None
    if args[0] == "-b":
        bind = args[1]
        args = args[2:]
    server = args[0]
    lines = [line.split() for line in sys.stdin]
    ident = 1000
    sent = received = 0

    def take(n):
        nonlocal ident
        out = []
        for _ in range(n):
            name, qtype = lines.pop(0)
            out.append(message(ident, name, qtype))
            ident += 1
        return out

    for mode in [m for a in args[1:] for m in (["one"] * 90 if a == "each" else [a])]:
        sock = socket.create_connection((server, 53), 5, (bind, 0) if bind else None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def put(data):
            sock.sendall(data)
            time.sleep(0.004)

        if mode == "bytes":
            q = take(1)
            for i in range(len(q[0])):
                put(q[0][i:i + 1])
        elif mode == "one":
            q = take(1)
            sock.sendall(q[0])
        elif mode == "len":
            q = take(5)
            for m in q:
                put(m[:2])
                put(m[2:])
        elif mode == "half":
            q = take(5)
            put(q[0] + q[1][:1])
            put(q[1][1:] + q[2][:1])
            put(q[2][1:] + q[3][:1])
            put(q[3][1:] + q[4][:1])
            put(q[4][1:])
        elif mode == "burst":
            q = take(20)
            put(b"".join(q))
        elif mode == "close":
            q = take(10)
            put(b"".join(q))
            sock.shutdown(socket.SHUT_WR)
        elif mode == "wait":
            q = take(5)
            for m in q[:-1]:
                put(m)
                received += answers(sock, 1)
                sent += 1
            q = q[-1:]
            put(q[0])
        elif mode == "idle":
            q = []
            time.sleep(0.05)
        elif mode == "cut":
            q = take(2)
            put(q[0])
            received += answers(sock, 1)
            sent += 1
            put(q[1][:len(q[1]) // 2])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            q = []
        else:
            sys.exit("unknown mode " + mode)
        sent += len(q)
        received += answers(sock, len(q))
        sock.close()
    print("sent %d received %d" % (sent, received))


main()
