#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A screen of pktvisor-cli without what differs from run to run: climask.py < SCREEN > MASKED

Numbers become #, history lines ~, and what pads them goes. The header's fields are put one a line, as where it breaks
depends on its numbers; so does where a view's title is cut, so its end goes."""
import re
import sys

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)*[kMGTPE]?")


def mask(text):
    text = re.sub("[\u2581-\u2588]+( +[\u2581-\u2588]+)*", "~", text)
    text = re.sub("[0-9]+:[0-9]+[AP]M", "TIME", text)
    text = NUMBER.sub("#", text)
    text = re.sub("\\( *#", "(#", text)
    return re.sub("\u2500+", "\u2500", re.sub(" +", " ", text)).rstrip()


lines = [line.rstrip("\n") for line in sys.stdin]
if lines and "Policy: " in lines[0]:
    end = next((i for i, line in enumerate(lines) if line.startswith("\u2514")), len(lines))
    fields = [f.strip() for line in lines[1:end] for f in line.strip("\u2502").split(" | ")]
    lines = [re.sub(" \\([a-z]*\u2026?\u2500*\u2510$| \\(server: .*", "", lines[0])] + fields + lines[end:]
for line in lines:
    print(mask(line))
