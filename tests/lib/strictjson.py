#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""strictjson.py < LINES - every line must be one JSON value: valid UTF-8, no key twice, no NaN, no control characters. Prints what is
wrong; nothing when nothing is."""
import json
import sys


def unique(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice")
    return dict(pairs)


def constant(word):
    raise ValueError(f"{word} is not JSON")


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for v in value:
            yield from texts(v)
    elif isinstance(value, dict):
        for k, v in value.items():
            yield k
            yield from texts(v)


n = 0
for line in sys.stdin.buffer:
    n += 1
    try:
        value = json.loads(line.decode("utf-8", "strict"), object_pairs_hook=unique, parse_constant=constant)
        for t in texts(value):
            t.encode("utf-8", "strict")  # a lone surrogate would fail here
            if any(ord(c) < 0x20 and c != "\t" or 0x7F <= ord(c) < 0xA0 for c in t):
                raise ValueError(f"a control character in {t!r}")
    except ValueError as err:
        print(f"line {n}: {err}")
if not n:
    print("no lines")
