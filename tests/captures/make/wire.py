# SPDX-License-Identifier: MPL-2.0
"""wire.py - packets and capture files, built and read; for the generators here. Standard library only.

Everything is deterministic: packets without a time of their own are 10 ms apart from 2024-05-01 00:00:00 UTC on."""
import ipaddress
import os
import struct

EPOCH = 1714521600 * 10**9
STEP = 10 * 10**6
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.realpath(os.environ.get("PV_CAPTURES", os.path.join(HERE, "..")))

CLIENT4, SERVER4 = "192.0.2.11", "192.0.2.53"
CLIENT6, SERVER6 = "2001:db8:0:1::11", "2001:db8:0:1::53"
MAC_C, MAC_S = b"\x02\0\0\0\0\x0c", b"\x02\0\0\0\0\x05"


class Rand:
    """xorshift64*: small, and the same on every version of Python."""

    def __init__(self, seed):
        self.s = (seed * 0x9E3779B97F4A7C15 + 1) & (2**64 - 1)

    def below(self, n):
        s = self.s
        s ^= s >> 12
        s ^= (s << 25) & (2**64 - 1)
        s ^= s >> 27
        self.s = s
        return ((s * 0x2545F4914F6CDD1D & (2**64 - 1)) >> 33) % n

    def bytes(self, n):
        return bytes(self.below(256) for _ in range(n))


# --- capture files -------------------------------------------------------------------------------------------

class Pcap:
    """Classic pcap writer; with Pcap(path) as p: p.add(frame)."""

    def __init__(self, path, link=1, snaplen=262144, nano=False, big=False):
        self.f = open(path, "wb")
        self.e = ">" if big else "<"
        self.nano = nano
        self.now = EPOCH
        self.count = 0
        magic = 0xA1B23C4D if nano else 0xA1B2C3D4
        self.f.write(struct.pack(self.e + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link))

    def add(self, data, time=None, caplen=None, wirelen=None):
        if time is None:
            time = self.now
        self.now = time + STEP
        wirelen = len(data) if wirelen is None else wirelen
        if caplen is not None:
            data = data[:caplen]
        sec, ns = divmod(time, 10**9)
        self.f.write(struct.pack(self.e + "IIII", sec, ns if self.nano else ns // 1000, len(data), wirelen) +
                data)
        self.count += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.f.close()


def read_pcap(path):
    """Returns (link type, [(time in ns, captured bytes, length on the wire)]) of a classic pcap file."""
    b = open(path, "rb").read()
    magic = struct.unpack("<I", b[:4])[0]
    e, unit = {0xA1B2C3D4: ("<", 1000), 0xA1B23C4D: ("<", 1), 0xD4C3B2A1: (">", 1000),
            0x4D3CB2A1: (">", 1)}[magic]
    link = struct.unpack(e + "I", b[20:24])[0]
    out = []
    p = 24
    while p + 16 <= len(b):
        sec, frac, cap, wire = struct.unpack(e + "IIII", b[p:p + 16])
        out.append((sec * 10**9 + frac * unit, b[p + 16:p + 16 + cap], wire))
        p += 16 + cap
    return link, out


class Pcapng:
    """pcapng blocks, written one by one; the options are (code, value) pairs."""

    def __init__(self, path, big=False):
        self.f = open(path, "wb")
        self.e = ">" if big else "<"
        self.section()

    def options(self, opts):
        if not opts:
            return b""
        out = b""
        for code, value in opts:
            out += struct.pack(self.e + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)
        return out + struct.pack(self.e + "HH", 0, 0)

    def block(self, kind, body):
        body += b"\0" * (-len(body) % 4)
        n = struct.pack(self.e + "I", len(body) + 12)
        self.f.write(struct.pack(self.e + "I", kind) + n + body + n)

    def section(self, opts=()):
        self.block(0x0A0D0D0A, struct.pack(self.e + "IHHq", 0x1A2B3C4D, 1, 0, -1) + self.options(opts))

    def interface(self, link=1, snaplen=0, opts=()):
        self.block(1, struct.pack(self.e + "HHI", link, 0, snaplen) + self.options(opts))

    def packet(self, data, units, iface=0, wirelen=None, opts=()):
        """units: the time in the interface's own resolution."""
        wirelen = len(data) if wirelen is None else wirelen
        pad = b"\0" * (-len(data) % 4)
        self.block(6, struct.pack(self.e + "IIIII", iface, units >> 32, units & 0xFFFFFFFF, len(data),
                wirelen) +
                   data + pad + self.options(opts))

    def simple(self, data):
        self.block(3, struct.pack(self.e + "I", len(data)) + data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.f.close()


# --- packets -------------------------------------------------------------------------------------------------

def checksum(data):
    if len(data) & 1:
        data += b"\0"
    s = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def addr(text):
    return ipaddress.ip_address(text).packed


def pseudo(src, dst, proto, n):
    s, d = addr(src), addr(dst)
    if len(s) == 4:
        return s + d + struct.pack(">BBH", 0, proto, n)
    return s + d + struct.pack(">II", n, proto)


def eth(payload, kind=None, src=MAC_C, dst=MAC_S):
    if kind is None:
        kind = 0x0800 if payload[0] >> 4 == 4 else 0x86DD
    return dst + src + struct.pack(">H", kind) + payload


def ip4(payload, proto, src=CLIENT4, dst=SERVER4, ttl=64, ident=0, frag=0, options=b"", total=None, ihl=None):
    options += b"\0" * (-len(options) % 4)
    n = 20 + len(options)
    h = struct.pack(">BBHHHBBH", 0x40 | (n // 4 if ihl is None else ihl), 0,
            n + len(payload) if total is None else total,
                    ident, frag, ttl, proto, 0) + addr(src) + addr(dst) + options
    return h[:10] + struct.pack(">H", checksum(h)) + h[12:] + payload


def ip6(payload, proto, src=CLIENT6, dst=SERVER6, hops=64, plen=None):
    return struct.pack(">IHBB", 0x60000000, len(payload) if plen is None else plen, proto,
            hops) + addr(src) + addr(dst) + payload


def udp(payload, sport, dport, src=CLIENT4, dst=SERVER4, length=None):
    n = 8 + len(payload)
    h = struct.pack(">HHHH", sport, dport, n if length is None else length, 0)
    c = checksum(pseudo(src, dst, 17, n) + h + payload) or 0xFFFF
    return h[:6] + struct.pack(">H", c) + payload


FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def tcp(payload, sport, dport, seq, ack, flags, src=CLIENT4, dst=SERVER4, options=b"", doff=None, window=64240):
    options += b"\0" * (-len(options) % 4)
    n = 20 + len(options)
    h = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
            (n // 4 if doff is None else doff) << 4,
                    flags, window, 0, 0) + options
    c = checksum(pseudo(src, dst, 6, n + len(payload)) + h + payload)
    return h[:16] + struct.pack(">H", c) + h[18:] + payload


def udp4(payload, sport=40000, dport=53, src=CLIENT4, dst=SERVER4, **ip):
    return ip4(udp(payload, sport, dport, src, dst), 17, src, dst, **ip)


def udp6(payload, sport=40000, dport=53, src=CLIENT6, dst=SERVER6):
    return ip6(udp(payload, sport, dport, src, dst), 17, src, dst)


class Conn:
    """One side's view of a TCP connection over IPv4: frames for the client (c) and the server (s)."""

    def __init__(self, sport=41000, dport=53, src=CLIENT4, dst=SERVER4, iss=1000, irs=900000):
        self.sport, self.dport, self.src, self.dst = sport, dport, src, dst
        self.cseq, self.sseq = iss, irs

    def c(self, payload=b"", flags=ACK | PSH, seq=None, **kw):
        f = ip4(tcp(payload, self.sport, self.dport, self.cseq if seq is None else seq, self.sseq, flags,
                    self.src, self.dst, **kw), 6, self.src, self.dst)
        if seq is None:
            self.cseq += len(payload) + bool(flags & SYN) + bool(flags & FIN)
        return eth(f)

    def s(self, payload=b"", flags=ACK | PSH, seq=None, **kw):
        f = ip4(tcp(payload, self.dport, self.sport, self.sseq if seq is None else seq, self.cseq, flags,
                    self.dst, self.src, **kw), 6, self.dst, self.src)
        if seq is None:
            self.sseq += len(payload) + bool(flags & SYN) + bool(flags & FIN)
        return eth(f, None, MAC_S, MAC_C)

    def open(self):
        mss = b"\x02\x04\x05\xb4"
        return [self.c(flags=SYN, options=mss), self.s(flags=SYN | ACK, options=mss), self.c(flags=ACK)]

    def close(self):
        return [self.c(flags=FIN | ACK), self.s(flags=FIN | ACK), self.c(flags=ACK)]


# --- DNS -----------------------------------------------------------------------------------------------------

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, OPT = 1, 2, 5, 6, 12, 15, 16, 28, 33, 41


def name(labels):
    """Wire form of a list of byte labels, or of a dotted string."""
    if isinstance(labels, str):
        labels = [x.encode() for x in labels.rstrip(".").split(".") if x]
    return b"".join(bytes([len(x)]) + x for x in labels) + b"\0"


def header(ident=1, flags=0x0100, qd=1, an=0, ns=0, ar=0):
    return struct.pack(">HHHHHH", ident, flags, qd, an, ns, ar)


def question(wire, qtype=A, qclass=1):
    return wire + struct.pack(">HH", qtype, qclass)


def rr(wire, rtype, data, ttl=60, rclass=1, rdlen=None):
    return wire + struct.pack(">HHIH", rtype, rclass, ttl, len(data) if rdlen is None else rdlen) + data


def query(wire, ident=1, qtype=A, flags=0x0100):
    if isinstance(wire, str):
        wire = name(wire)
    return header(ident, flags) + question(wire, qtype)


def reply(wire, ident=1, qtype=A, rcode=0, answers=(b"\xc0\0\2\x5a",), flags=0x8580):
    if isinstance(wire, str):
        wire = name(wire)
    answers = [] if rcode else [rr(b"\xc0\x0c", qtype, a) for a in answers]
    return header(ident, flags | rcode, 1, len(answers)) + question(wire, qtype) + b"".join(answers)


def framed(message, n=None):
    """With DNS-over-TCP's length prefix; n: a prefix that lies."""
    return struct.pack(">H", len(message) if n is None else n) + message


CANARY = "canary.hostile.test"


def canary():
    """A good query and its answer: whatever came before, a decoder must still count these two."""
    return [eth(udp4(query(CANARY, 0xCAFE), 45000)),
            eth(udp4(reply(CANARY, 0xCAFE), 53, 45000, SERVER4, CLIENT4), None, MAC_S, MAC_C)]


# --- facts ---------------------------------------------------------------------------------------------------

def facts(file, pairs, source="script"):
    """Replaces the lines of this file and source in FACTS.tsv."""
    path = os.path.join(ROOT, "FACTS.tsv")
    rows = [line.rstrip("\n").split("\t") for line in open(path)] if os.path.exists(path) else []
    rows = [r for r in rows if not (r[0] == file and r[3] == source)]
    rows += [[file, k, str(v), source] for k, v in pairs.items()]
    with open(path, "w") as out:
        for r in sorted(rows):
            out.write("\t".join(r) + "\n")
