#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""conformdiff.py DIFFERENCES < OUTPUT: what the conformance kit's `run -v` found, without what may differ.

DIFFERENCES has a line each: CASE FINDING, tab, reason; in CASE FINDING only * is special. Prints "ok CASE" for a case in which nothing else
differs, "later CASE: ..." for one that needs what is not built, "FAIL CASE: finding" for any other difference, and "untrue LINE" for
a line of DIFFERENCES of whose cases at least one ran, and that was not found.
"""
import re
import sys

LATER = re.compile(r"exit status \d+: .*(unknown module '|not built yet)")


def pattern(text):
    return re.compile(".*".join(re.escape(part) for part in text.split("*")))


def read(lines):
    """{case: [finding]}"""
    cases, name = {}, None
    for line in lines:
        words = line.split()
        if words[:1] in (["ok"], ["FAIL"]):
            name = words[1]
            cases[name] = []
        elif name and line.startswith("      "):
            cases[name].append(" ".join(words))
    return cases


def main():
    known = [line.rstrip("\n").split("\t")[0] for line in open(sys.argv[1]) if line.strip() and not line.startswith("#")]
    patterns = {text: pattern(text) for text in known}
    used, ran = set(), []
    for name, findings in read(sys.stdin).items():
        if any(LATER.match(f) for f in findings):
            print(f"later {name}: {findings[0]}")
            continue
        ran.append(name)
        left = []
        for finding in findings:
            hits = [text for text, p in patterns.items() if p.fullmatch(f"{name} {finding}")]
            used.update(hits)
            if not hits:
                left.append(finding)
        if not left:
            print(f"ok {name}")
        for finding in left:
            print(f"FAIL {name}: {finding}")
    for text in known:
        if text not in used and any(pattern(text.split()[0]).fullmatch(name) for name in ran):
            print(f"untrue {text}")


main()
