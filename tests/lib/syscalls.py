#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""syscalls.py UNIT TRACE - which system calls of a trace (strace -f -o) the unit's SystemCallFilter= does not allow, one a line."""
import re
import subprocess
import sys


groups, name = {}, ""
for line in subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout.splitlines():
    if line[:1] == "@":
        name = line.strip()
        groups[name] = []
    elif line[:4].isspace() and line.strip()[:1] not in ("", "#") and name:
        groups[name].append(line.strip())
    elif line[:1] == "#":
        name = ""  # what is in no group


def calls(word):
    """What a word of the filter stands for; groups hold groups."""
    return set().union(*map(calls, groups[word])) if word in groups else {word}


allowed = set()
with open(sys.argv[1], encoding="utf-8") as f:
    for line in f:
        if m := re.match(r"SystemCallFilter=(~?)(.*)", line):
            words = set().union(*(calls(w) for w in m.group(2).split()))
            allowed = allowed - words if m.group(1) else allowed | words
with open(sys.argv[2], encoding="utf-8", errors="replace") as f:
    used = {m.group(1) for line in f if (m := re.match(r"\d+ +(\w+)\(", line))}
if not allowed or len(used) < 20:
    sys.exit("no filter, or no trace")
print("\n".join(sorted(used - allowed)), end="")
