#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""OTLP requests, decoded by the protocol's description alone, and stricter than a receiver: no unknown field, no wrong
wire type, no field twice that stands once, no text that is not UTF-8, no number longer than need be.

  otlp.py decode < REQUEST           JSON
  otlp.py points < REQUEST           a line per point: scope, type, name, labels, value; sorted
  otlp.py having NAME FILE...        those that have a metric of that name
  otlp.py equal REQUEST PROMETHEUS... a line per pair: the request's name, and "same", or what differs
"""
import json
import re
import struct
import sys

VARINT, FIXED64, BYTES = 0, 1, 2
INT, TEXT, F64, SF64, DOUBLE, F64S, DOUBLES = "int", "text", "f64", "sf64", "double", "f64s", "doubles"

# message: {number: (name, type or message, may it come often?)}
SCHEMA = {
    "Request": {1: ("resource_metrics", "ResourceMetrics", True)},
    "ResourceMetrics": {1: ("resource", "Resource", False), 2: ("scope_metrics", "ScopeMetrics", True),
                        3: ("schema_url", TEXT, False)},
    "Resource": {1: ("attributes", "KeyValue", True), 2: ("dropped_attributes_count", INT, False)},
    "ScopeMetrics": {1: ("scope", "Scope", False), 2: ("metrics", "Metric", True), 3: ("schema_url", TEXT, False)},
    "Scope": {1: ("name", TEXT, False), 2: ("version", TEXT, False), 3: ("attributes", "KeyValue", True),
              4: ("dropped_attributes_count", INT, False)},
    "KeyValue": {1: ("key", TEXT, False), 2: ("value", "AnyValue", False)},
    "AnyValue": {1: ("string_value", TEXT, False), 3: ("int_value", INT, False), 4: ("double_value", DOUBLE, False)},
    "Metric": {1: ("name", TEXT, False), 2: ("description", TEXT, False), 3: ("unit", TEXT, False),
               5: ("gauge", "Gauge", False), 7: ("sum", "Sum", False), 9: ("histogram", "Histogram", False),
               11: ("summary", "Summary", False)},
    "Gauge": {1: ("data_points", "NumberPoint", True)},
    "Sum": {1: ("data_points", "NumberPoint", True), 2: ("temporality", INT, False), 3: ("monotonic", INT, False)},
    "Histogram": {1: ("data_points", "HistogramPoint", True), 2: ("temporality", INT, False)},
    "Summary": {1: ("data_points", "SummaryPoint", True)},
    "NumberPoint": {2: ("start", F64, False), 3: ("time", F64, False), 4: ("as_double", DOUBLE, False),
                    6: ("as_int", SF64, False), 7: ("attributes", "KeyValue", True), 8: ("flags", INT, False)},
    "SummaryPoint": {2: ("start", F64, False), 3: ("time", F64, False), 4: ("count", F64, False),
                     5: ("sum", DOUBLE, False), 6: ("quantile_values", "Quantile", True),
                     7: ("attributes", "KeyValue", True), 8: ("flags", INT, False)},
    "Quantile": {1: ("quantile", DOUBLE, False), 2: ("value", DOUBLE, False)},
    "HistogramPoint": {2: ("start", F64, False), 3: ("time", F64, False), 4: ("count", F64, False),
                       5: ("sum", DOUBLE, False), 6: ("bucket_counts", F64S, False),
                       7: ("explicit_bounds", DOUBLES, False), 9: ("attributes", "KeyValue", True),
                       10: ("flags", INT, False), 11: ("min", DOUBLE, False), 12: ("max", DOUBLE, False)},
}


def varint(data, at):
    v = shift = 0
    while True:
        b = data[at]
        at += 1
        v |= (b & 0x7f) << shift
        shift += 7
        if not b & 0x80:
            if not b and shift > 7 or shift > 70:
                raise ValueError(f"a number longer than need be at {at}")
            return v, at


def value(kind, wire, raw):
    if kind == INT and wire == VARINT:
        return raw
    if kind == TEXT and wire == BYTES:
        return raw.decode("utf-8")
    if kind in (F64, SF64, DOUBLE) and wire == FIXED64:
        return struct.unpack({F64: "<Q", SF64: "<q", DOUBLE: "<d"}[kind], raw)[0]
    if kind in (F64S, DOUBLES) and wire == BYTES and len(raw) % 8 == 0:
        return list(struct.unpack(f"<{len(raw) // 8}{'Q' if kind == F64S else 'd'}", raw))
    if kind in SCHEMA and wire == BYTES:
        return decode(raw, kind)
    raise ValueError(f"{kind} with wire type {wire}")


def decode(data, message="Request"):
    """A message as a dict; lists where a field may come often."""
    out, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag >> 3 not in SCHEMA[message]:
            raise ValueError(f"{message} has no field {tag >> 3}")
        name, kind, often = SCHEMA[message][tag >> 3]
        wire = tag & 7
        if wire == VARINT:
            raw, at = varint(data, at)
        else:
            n = 8
            if wire != FIXED64:
                n, at = varint(data, at)
            raw, at = data[at:at + n], at + n
            if at > len(data):
                raise ValueError(f"{message}.{name} is cut off")
        if often:
            out.setdefault(name, []).append(value(kind, wire, raw))
        elif name in out:
            raise ValueError(f"{message}.{name} twice")
        else:
            out[name] = value(kind, wire, raw)
    return out


def attributes(of):
    a = {kv["key"]: kv["value"]["string_value"] for kv in of.get("attributes", [])}
    if len(a) != len(of.get("attributes", [])):
        raise ValueError(f"an attribute twice: {of}")
    return a


def points(request):
    """(scope, type, name, temporality, attributes, point) of every point, after a look at what must hold of each."""
    for resource in request.get("resource_metrics", []):
        for scope in resource.get("scope_metrics", []):
            series, names = set(), set()
            for metric in scope.get("metrics", []):
                (kind,) = {"gauge", "sum", "histogram", "summary"} & set(metric)
                temporality = metric[kind].get("temporality", 0)
                assert (kind == "histogram") == (temporality in (1, 2)), metric["name"]
                assert (metric["name"], temporality) not in names, f"{metric['name']} twice"
                names.add((metric["name"], temporality))
                assert metric["unit"] and metric["description"], metric["name"]
                for p in metric[kind]["data_points"]:
                    a = attributes(p)
                    key = (metric["name"], temporality, json.dumps(a, sort_keys=True))
                    assert key not in series, f"{key} twice"
                    series.add(key)
                    assert 0 < p["time"] and p.get("start", 0) <= p["time"], key
                    if kind == "histogram":
                        assert len(p["bucket_counts"]) == len(p["explicit_bounds"]) + 1, key
                        assert sum(p["bucket_counts"]) == p["count"], key
                        assert p["explicit_bounds"] == sorted(set(p["explicit_bounds"])), key
                    yield scope["scope"]["name"], kind, metric["name"], temporality, a, p


def samples(request):
    """What Prometheus would show: {(name, labels): number}."""
    out = {}

    def put(name, labels, number, **more):
        key = (name, json.dumps({k: v for k, v in {**labels, **more}.items() if v}, sort_keys=True))
        assert key not in out, key
        out[key] = float(number)

    for _, kind, name, _, a, p in points(request):
        if kind == "gauge":
            put(name, a, p["as_int"])
            continue
        put(name + "_count", a, p["count"])
        put(name + "_sum", a, p["sum"])
        if kind == "summary":
            for q in p["quantile_values"]:
                put(name, a, q["value"], quantile=f"{q['quantile']:g}")
        else:
            below = 0
            for i, n in enumerate(p["bucket_counts"]):
                below += n
                bound = f"{p['explicit_bounds'][i]:.0f}" if i < len(p["explicit_bounds"]) else "+Inf"
                put(name + "_bucket", a, below, le=bound)
    return out


def prometheus(text):
    """The same of an exposition, without what a program says of itself and the label instance."""
    out = {}
    for line in text.splitlines():
        m = re.fullmatch(r"([a-zA-Z_]\w*)\{(.*)\} (\S+)", line)
        if not m or re.match(r"(pktvisor|process)_", line):
            continue
        if '=""' in line:  # a row of a list whose item is empty: no point of OTLP
            continue
        labels = {}
        for k, v in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m[2]):
            labels[k] = re.sub(r"\\(.)", lambda e: "\n" if e[1] == "n" else e[1], v)
        labels.pop("instance", None)
        out[m[1], json.dumps({k: v for k, v in labels.items() if v}, sort_keys=True)] = float(m[3])
    return out


def compare(path, text):
    with open(path, "rb") as f, open(text, encoding="utf-8", newline="\n") as t:
        got, want = samples(decode(f.read())), prometheus(t.read())
    wrong = [f"{k[0]} {k[1]}: OTLP {got.get(k)}, Prometheus {want.get(k)}"
             for k in sorted({**want, **got}) if want.get(k) != got.get(k)]
    return "; ".join(wrong[:5]) or ("same" if got else "nothing at all")


def main():
    if sys.argv[1] == "having":
        for path in sys.argv[3:]:
            with open(path, "rb") as f:
                if any(name == sys.argv[2] for _, _, name, _, _, _ in points(decode(f.read()))):
                    print(path)
        return
    if sys.argv[1] == "equal":
        for path, text in zip(sys.argv[2::2], sys.argv[3::2]):
            print(path, compare(path, text))
        return
    request = decode(sys.stdin.buffer.read())
    if sys.argv[1] == "decode":
        json.dump(request, sys.stdout)
    else:
        for line in sorted(f"{s} {k} {n} {json.dumps(a, sort_keys=True)} {p.get('as_int', p.get('count'))}"
                           for s, k, n, _, a, p in points(request)):
            print(line)


if __name__ == "__main__":
    main()
