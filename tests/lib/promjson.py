#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""promjson.py BASE...: does BASE.prom say what BASE.json says, of the same window? Every number of the JSON must stand in the
text, and every family of the text in the JSON. Prints what is wrong; exit 1 then."""
import json
import re
import sys

SAMPLE = re.compile(r'([A-Za-z_]\w*)\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\} (\S+)$')
LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')
QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99"}
# instead of the schema: rates of bytes, and the metrics of input_resources
PREFIXES = ("payload", "base", "resources")
# objects right below the schema that are a label in the text
SCOPES = {"in": "direction", "out": "direction", "unknown": "direction"}
# objects that hold those of one label; a label in another's has the value of that in front of its own
CONTAINERS = {"devices": "device", "interfaces": "device_interface"}
SCOPE_LABELS = {*SCOPES.values(), *CONTAINERS.values()}
ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


class Wrong(Exception):
    pass


def read(path):
    """Families of a text: name to a list of (suffix, labels, value)."""
    out, name = {}, None
    with open(path, encoding="utf-8") as f:
        for line in f.read().split("\n"):
            if line.startswith("# TYPE "):
                name = line.split()[2]
                out[name] = []
            elif line and line[0] != "#":
                m = SAMPLE.match(line)
                labels = {k: re.sub(r"\\.", lambda e: ESCAPES[e.group()], v) for k, v in LABEL.findall(m.group(2))}
                out[name].append((m.group(1)[len(name):], labels, float(m.group(3))))
    return out


def same(what, got, want):
    if got != want and abs(got - want) > 1e-12 * abs(want):
        raise Wrong(f"{what}: {got}, not {want}")


def leaf(name, samples, value):
    own = {s: v for s, _, v in samples}
    if isinstance(value, (int, float)):
        same(name, own[""], value)
    elif isinstance(value, list):
        # the rest of a tally, which has columns, is in no row of the text
        rows = sorted((r["name"], r.get("lat"), r.get("lon"), r["estimate"]) for r in value
                      if r["name"] != "other" or "bytes" not in r)
        got = []
        for _, labels, estimate in samples:
            item = [v for k, v in labels.items() if k not in {"policy", "lat", "lon"} | SCOPE_LABELS]
            got.append((*item, labels.get("lat"), labels.get("lon"), estimate))
        if sorted(got, key=repr) != sorted(rows, key=repr):
            raise Wrong(f"{name}: {got}, not {rows}")
    elif "buckets" in value:
        bounds = {float(k.replace("+Inf", "inf")): v for k, v in value["buckets"].items()}
        for suffix, labels, n in samples:
            if suffix == "_bucket":
                le = float(labels["le"].replace("+Inf", "inf"))
                same(f"{name} up to {le}", n, max([v for b, v in bounds.items() if b <= le], default=0))
        same(f"{name}_count", own["_count"], bounds[float("inf")])
    else:
        for suffix, labels, v in samples:
            if suffix == "":
                same(f"{name} {labels}", v, value[next(k for k, q in QUANTILES.items() if q == labels["quantile"])])


def is_leaf(value):
    return not isinstance(value, dict) or "p50" in value or "buckets" in value


def take(families, name, scope):
    """The samples of a family that are of this scope, {label: value}, which are then gone from it."""
    def ours(sample):
        return {k: v for k, v in sample[1].items() if k in SCOPE_LABELS} == scope
    found = [s for s in families[name] if ours(s)]
    families[name] = [s for s in families[name] if not ours(s)]
    if not families[name]:
        del families[name]
    return found


def walk(path, value, families, scope):
    if is_leaf(value):
        name = "_".join(path)
        if value == []:
            return
        for prefix in PREFIXES:
            if name not in families:
                name = "_".join([prefix] + path[1:])
        if name not in families:
            raise Wrong(f"{'_'.join(path)} is missing")
        leaf(name, take(families, name, scope), value)
        return
    for key, sub in value.items():
        if len(path) == 1 and key in SCOPES and not is_leaf(sub):
            walk(path, sub, families, {**scope, SCOPES[key]: key})
        elif key in CONTAINERS:
            label = CONTAINERS[key]
            outer = next((v + "|" for k, v in scope.items() if label.startswith(k + "_")), "")
            for name, block in sub.items():
                walk(path, block, families, {**scope, label: outer + name})
        else:
            walk(path + [key], sub, families, scope)


bad = 0
for base in sys.argv[1:]:
    try:
        with open(base + ".json", encoding="utf-8") as f:
            window = next(iter(json.load(f).values()))
        families = read(base + ".prom")
        families.pop("pktvisor_exposition_dropped_samples")
        for schema, metrics in window.items():
            metrics.pop("period")
            walk([schema], metrics, families, {})
        if families:
            raise Wrong(f"not in the JSON: {', '.join(families)}")
    except (Wrong, KeyError, AttributeError) as e:
        print(f"{base}: {e!r}")
        bad = 1
sys.exit(bad)
