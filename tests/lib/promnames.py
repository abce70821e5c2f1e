#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""promnames.py FILE PREFIX...: the families of a Prometheus text whose names begin with one of the prefixes, a line each,
sorted: name, type, and the labels that any of its samples has."""
import re
import sys

SAMPLE = re.compile(r'([A-Za-z_]\w*)\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\} \S+$')
LABEL = re.compile(r'([A-Za-z_]\w*)="(?:[^"\\]|\\.)*"')


def families(lines):
    kinds, labels, name = {}, {}, None
    for line in lines:
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            kinds[name], labels[name] = kind, set()
        elif line and not line.startswith("#"):
            m = SAMPLE.match(line)
            if not m or not m.group(1).startswith(name):
                sys.exit(f"not a sample of {name}: {line}")
            labels[name].update(LABEL.findall(m.group(2)))
    return [f"{n} {kinds[n]} {','.join(sorted(labels[n]))}" for n in sorted(kinds)]


with open(sys.argv[1], encoding="utf-8") as f:
    for row in families(f.read().split("\n")):
        if row.startswith(tuple(sys.argv[2:])):
            print(row)
