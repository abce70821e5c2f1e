#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Clients that behave badly.

    slowclients.py half PORT N SECONDS [ADDRESS]   N connections that say nothing, or half a request, for that long, from an address
    slowclients.py drip PORT SECONDS       one that sends a byte every second: prints after how many it was cut off, or 'never'
    slowclients.py stuck PORT PATH N SECONDS   N that ask and do not read the answer
"""
import socket
import sys
import time


def connect(port, source="127.0.0.1"):
    s = socket.create_connection(("127.0.0.1", port), 5, (source, 0))
    return s


def half(port, n, seconds, *source):
    socks = []
    for i in range(n):
        try:
            s = connect(port, *source)
            if i % 2:
                s.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            socks.append(s)
        except OSError:
            pass
    print("ready", flush=True)
    time.sleep(seconds)


def drip(port, seconds):
    s = connect(port)
    start = time.time()
    text = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1000
    s.settimeout(1.0)
    for i in range(seconds):
        try:
            s.send(text[i:i + 1])
            if s.recv(1) == b"":
                print(int(time.time() - start))
                return
        except socket.timeout:
            pass
        except OSError:
            print(int(time.time() - start))
            return
    print("never")


def stuck(port, path, n, seconds):
    socks = []
    for i in range(n):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.connect(("127.0.0.1", port))
        s.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 20)
        socks.append(s)
    print("ready", flush=True)
    time.sleep(seconds)


what = sys.argv[1]
if what == "half":
    half(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), *sys.argv[5:])
elif what == "drip":
    drip(int(sys.argv[2]), int(sys.argv[3]))
else:
    stuck(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
