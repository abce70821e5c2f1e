#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""An agent that is not one, for the terminal view: fakeagent.py [--tls CERT KEY] FOLDER

Listens on a free port of 127.0.0.1 and says "listening on PORT". The policy that is asked for chooses the answer:

    <name>   FOLDER/<name>.json where there is one, for every window and bucket
    else     one of HOSTILE below: what a broken or evil agent may do

Ends when its stdin does."""
import http.server
import json
import os
import ssl
import sys
import threading
import time

ok = b'{"default":{"default-t-dns":{"dns":{"wire_packets":{"total":%d}}}}}'
item = b'{"estimate":1,"name":"%s"}'


def dns(body):
    return b'{"p":{"p-t-dns":{"dns":' + body + b"}}}"


# Each is a whole answer: body, or a function of the connection's file.
HOSTILE = {
    "truncated": b'{"p":{"p-t-dns":{"dns":{"top_qname2":[{"est',
    "empty": b"",
    "words": b"<html>It works!</html>",
    "null": b"null",
    "list": b"[" + b"1," * 1000 + b"1]",
    "types": dns(b'{"period":"now","wire_packets":[1,2],"top_qname2":{"a":1},"top_qtype":[1,null,{"name":7,"estimate":"x"},'
                 b'{"name":"A"},{"estimate":3}],"rates":{"total":{"p50":"fast","live":[]}},"xact":true,"cardinality":null,'
                 b'"top_rcode":"NOERROR","devices":[1],"targets":{"a":1},"in":7,"out":{"out":{"out":{}}}}'),
    "policies": b'{"p":[],"q":1,"r":{"x":[],"y":{"dns":1},"z":{}},"s":{"t":{"dns":{}}}}',
    "numbers": dns(b'{"wire_packets":{"total":-5,"udp":1e308,"tcp":18446744073709551615,"events":1e-300,'
                   b'"filtered":123456789012345678901234567890},"period":{"start_ts":18446744073709551615,"length":-1},'
                   b'"rates":{"total":{"live":1e300,"p50":-1}},"top_qtype":[{"estimate":-1,"name":"A"}]}'),
    "bytes": dns(b'{"top_qname2":[{"estimate":9,"name":"\x1b]0;evil\x07\x1b[2J\xff\xfe\xc3"},{"estimate":8,"name":"\\u001b[31m\\u0000\\u202e\\u200f"},'
                 b'{"estimate":7,"name":"\\u009b2J e\\u0301 \\u4e2d\\u6587 \\ud83d\\ude00"}]}'),
    "keys": b'{"p\x1b[2J":{"h\\u001b[2J\xff":{"s\\u009b\xfe":{"\\u001bc":1,"devices":{"\\u001b[H":{"interfaces":{"\xff":{"in_bytes":1}}}}}}}}',
    "deep": b'{"p":{"h":{"dns":' + b'{"a":' * 1500 + b"1" + b"}" * 1500 + b"}}}",
    "deeper": b"[" * 200000,
    "values": b'{"p":{"h":{"dns":{"top_qtype":[' + b"[]," * 900000 + b"1]}}}}",
    "longlist": dns(b'{"top_qtype":[' + b",".join(item % (b"name%d" % i) for i in range(90000)) + b"]}"),
    "facts": dns(b'{"top_qtype":[' + b",".join(
        b'{"name":"a","estimate":1,' + b",".join(b'"\\u001b%d":%d' % (i * 500 + k, k) for k in range(500)) + b"}"
        for i in range(100)) + b"]}"),
    "handlers": b'{"p":{' + b",".join(b'"h%d":{"dns":{"wire_packets":{"total":1}}}' % i for i in range(5000)) + b"}}",
    "devices": b'{"p":{"p-t-f":{"flow":{"devices":{' + b",".join(
        b'"10.0.%d.%d":{"records_flows":%d,"interfaces":{"1":{"in_bytes":%d}}}' % (i >> 8, i & 255, i, i)
        for i in range(9000)) + b"}}}}}",
    "longname": dns(b'{"top_qname2":[{"estimate":1,"name":"' + b"x" * 3000000 + b'"}]}'),
    "duplicates": b'{"p":{"h":{"dns":{"a":1,"a":{"a":2},"a":[]}},"h":1}}',
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # one write per answer, or the reader's delayed ACK costs 40 ms
    folder = ""

    def log_message(self, *args):
        pass

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def trickle(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        for _ in range(200):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.1)

    def endless(self):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        for _ in range(100000):
            self.wfile.write(b"[" * 65536)

    def headers_for_ever(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for i in range(1000000):
            self.wfile.write(b"X-%d: %s\r\n" % (i, b"y" * 1000))

    def raw(self, data):
        self.wfile.write(data)
        self.close_connection = True

    def do_GET(self):
        part = self.path.split("/")
        try:
            if self.path == "/api/v1/metrics/app":
                self.answer(b'{"app":{"version":"0.1.0"}}')
            elif self.path == "/api/v1/policies":
                names = [f[:-5] for f in os.listdir(self.folder) if f.endswith(".json")]
                self.answer(json.dumps({n: {"taps": {"t": {}, "t-x": {}}} for n in names}).encode())
            elif len(part) > 4:
                self.metrics(part[4])
            else:
                self.answer(b"", 404)
        except OSError:  # the reader has gone
            self.close_connection = True

    def metrics(self, name):
        special = {
            "trickle": self.trickle,
            "endless": self.endless,
            "headers": self.headers_for_ever,
            "garbage": lambda: self.raw(b"\x00\xff\x16\x03 nonsense\r\n" * 100),
            "status": lambda: self.raw(b"HTTP/1.1 99999999 \x1b[2J\r\n\r\n"),
            "cut": lambda: self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"),
            "silent": lambda: time.sleep(8),
            "redirect": lambda: self.raw(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
            "token": lambda: self.answer(dns(b'{"top_qname2":[{"estimate":1,"name":"%s"}]}' % self.headers.get("Authorization", "none").encode())),
            "e500": lambda: self.answer(b"", 500),
            "e404": lambda: self.answer(b'{"error":"\x1b[2J \\u009b policy\\n\xff"}', 404),
            "e425": lambda: self.answer(b'{"error":"invalid metrics period, specify [2, 999]"}', 425),
            "early": lambda: self.answer(b'{"error":"invalid metrics period, specify [2, 1]"}', 425)
            if "window" in self.path else self.answer(ok % 77),
            "three": lambda: self.answer(b'{"error":"invalid metrics period, specify [2, 3]"}', 425)
            if self.path.endswith("window/5") else self.answer(ok % 33),
        }
        path = os.path.join(self.folder, name + ".json")
        if name in special:
            special[name]()
        elif name in HOSTILE:
            self.answer(HOSTILE[name])
        elif os.path.isfile(path):
            with open(path, "rb") as f:
                self.answer(f.read())
        else:
            self.answer(b'{"error":"policy does not exist"}', 404)


def main():
    args = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if args[0] == "--tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args[1], args[2])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        args = args[3:]
    if args[0] == "--list":
        print(" ".join(list(HOSTILE) + "trickle endless headers garbage status cut silent redirect e500 e404 e425".split()))
        return
    Handler.folder = args[0]
    print("listening on", server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


main()
