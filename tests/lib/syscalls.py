#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""syscalls.py UNIT TRACE - which system calls of a trace (strace -f -o) the unit's SystemCallFilter= does not allow, one a line."""
import re
import subprocess
import sys


def calls(word):
    """What a word of the filter stands for; groups hold groups."""
    if word[0] != "@":
        return {word}
    text = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in text.splitlines()[1:]]
    return set().union(*(calls(w) for w in words if w and w[0] != "#" and w != word))


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
