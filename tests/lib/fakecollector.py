#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A collector of OTLP that does what a test wants done. It listens on a free port of 127.0.0.1.

  fakecollector.py DIR [CERT KEY CLIENT_CA]

DIR/port    its port, once it listens
DIR/mode    a word, read anew for every request:
              ok  partial  words  strange  429  429:SECONDS  503  400  redirect  large  slow  early
DIR/N.otlp  the body of request N, unpacked; 1, 2, ...
DIR/log     a line per request, behind its body: N MODE METHOD PATH CONTENT-TYPE CONTENT-ENCODING SECONDS CLIENT
"""
import gzip
import http.server
import os
import ssl
import sys
import time

DIR = sys.argv[1]
REJECTED = b"\x0a\x11\x08\x03\x12\x0dnot\x1b[1m these"  # partial_success: 3, and words with a control character
WORDS = b"\x0a\x07\x12\x05hello"  # partial_success: none, and words


class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests = 0
    began = time.monotonic()

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):  # where a redirect leads
        self.record("redirected", b"")
        self.answer(200)

    def record(self, mode, body):
        Collector.requests += 1
        n = Collector.requests
        with open(f"{DIR}/new", "wb") as f:
            f.write(body)
        os.rename(f"{DIR}/new", f"{DIR}/{n}.otlp")
        peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        who = dict(x[0] for x in peer["subject"])["commonName"] if peer else "-"
        with open(f"{DIR}/log", "a") as f:
            print(n, mode, self.command, self.path, self.headers["Content-Type"], self.headers["Content-Encoding"],
                  f"{time.monotonic() - self.began:.3f}", who, file=f)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        with open(f"{DIR}/mode") as f:
            mode = f.read().strip()
        self.record(mode, body)
        if mode == "ok":
            self.answer(200)
        elif mode == "partial":
            self.answer(200, REJECTED)
        elif mode == "words":
            self.answer(200, WORDS)
        elif mode == "strange":
            self.answer(200, b"<html>it works</html>")
        elif mode.startswith("429:"):
            self.answer(429, Retry_After=mode[4:])
        elif mode == "400":
            self.answer(400, b"\x08\x03\x12\x0bbad request")
        elif mode == "redirect":
            self.answer(307, Location="/elsewhere")
        elif mode == "large":
            self.answer(200, b"x" * 1000000)
        elif mode == "slow":  # until who asks has gone
            self.rfile.read(1)
            self.close_connection = True
        elif mode == "early":
            self.close_connection = True
        else:
            self.answer(int(mode))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def finish_request(self, request, client):  # in the thread of the connection
        if self.context:
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client)
        request.close()

    def handle_error(self, request, client):
        pass  # a client that goes away, or shows no certificate


def main():
    server = Server(("127.0.0.1", 0), Collector)
    if len(sys.argv) > 2:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(sys.argv[2], sys.argv[3])
        server.context.load_verify_locations(sys.argv[4])
        server.context.verify_mode = ssl.CERT_REQUIRED
    with open(f"{DIR}/port.new", "w") as f:
        print(server.server_address[1], file=f)
    os.rename(f"{DIR}/port.new", f"{DIR}/port")
    server.serve_forever()


if __name__ == "__main__":
    main()
