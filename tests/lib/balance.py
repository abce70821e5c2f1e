#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""balance.py < LINES - checks the ledgers of streams that `pv-cat --json -t stop,stage,net,dns,dhcp,bgp` printed. Before each stream stands a
line {"type": "case", "name": ..., "how": ..., "want": PACKETS or "-" for any}. Prints a case per name.

Of every stage: received = analysed + filtered + malformed + unsupported + evicted + dropped; the reasons add up to
malformed + unsupported; the events it left in the stream are as many as it received, and as many of them are flagged
FILTERED as it says. Of the stream: STOP counts the events that are there."""
import json
import sys
from collections import Counter, defaultdict

RECEIVED, ANALYSED, FILTERED, MALFORMED, UNSUPPORTED, EVICTED, DROPPED = range(1, 8)
REASON, STREAM = 256, 255
SHORT = 1  # a DNS message without a header: malformed, and flagged FILTERED as well
KINDS = ("net", "dns", "dhcp", "bgp")


class Stream:
    def __init__(self, case):
        self.case, self.stop = case, None
        self.events, self.flagged, self.type = Counter(), Counter(), {}

    def take(self, e):
        kind = e["type"]
        if kind == "stop":
            self.stop = e
        elif kind == "stage":
            self.type[e["stage"]] = e["handler"]
        else:
            self.events[kind, e["stage"]] += 1
            self.flagged[kind, e["stage"]] += bool(e.get("filtered"))

    def faults(self):
        if not self.stop:
            yield "there is no STOP"
            return
        rows = defaultdict(Counter)
        for r in self.stop["rows"]:
            rows[r["stage"]][r["events"] if r["stage"] == STREAM else r["what"]] += r["value"]
        for kind in KINDS:
            there = sum(n for (k, _), n in self.events.items() if k == kind)
            if there != rows[STREAM][kind]:
                yield f"STOP says {rows[STREAM][kind]} {kind} events, there are {there}"
        for stage, kind in self.type.items():
            if stage not in rows:
                yield f"{kind} has no ledger"
            yield from self.stage(kind, (kind, stage), rows[stage])
        if self.case["want"] not in ("-", str(rows[0][RECEIVED])):
            yield f"the source received {rows[0][RECEIVED]} packets, tcpdump {self.case['want']}"

    def stage(self, kind, key, row):
        made = sum(row[what] for what in range(ANALYSED, DROPPED + 1))
        if row[RECEIVED] != made:
            yield f"{kind} received {row[RECEIVED]} and accounts for {made}"
        reasons = sum(n for what, n in row.items() if what >= REASON)
        if reasons != row[MALFORMED] + row[UNSUPPORTED]:
            yield f"{kind} has reasons for {reasons}, {row[MALFORMED]} malformed, {row[UNSUPPORTED]} unsupported"
        if kind not in KINDS:
            return
        if self.events[key] != row[RECEIVED]:
            yield f"{kind} received {row[RECEIVED]} and made {self.events[key]} events"
        odd = row[REASON + SHORT] if kind == "dns" else 0
        if self.flagged[key] != row[FILTERED] + odd:
            yield f"{kind} filtered {row[FILTERED]}, flagged {self.flagged[key]}"


def main():
    faults, stream = {}, None
    for line in sys.stdin:
        e = json.loads(line)
        if e["type"] != "case":
            stream.take(e)
            continue
        if stream:
            close(stream, faults)
        stream = Stream(e)
    if stream:
        close(stream, faults)
    for name, found in faults.items():
        for f in found:
            print(f)
        print(f"{'not ok' if found else 'ok'} - {name}: every stage accounts for everything")
    print(f"{'ok' if len(faults) >= 100 else 'not ok'} - there were captures enough")


def close(stream, faults):
    faults.setdefault(stream.case["name"], []).extend(f"{stream.case['how']}: {f}" for f in stream.faults())


main()
