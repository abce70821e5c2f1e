#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""balance.py EXPECTED-PACKETS < LINES - checks the ledgers of a stream that `pv-cat --json` printed (stop, stage, packet, net, dns,
dhcp). Prints a word for each fault and nothing when there is none. EXPECTED-PACKETS '-': any.

Of every stage: received = analysed + filtered + malformed + unsupported + evicted + dropped; the reasons add up to
malformed + unsupported; the events it left in the stream are as many as it received, and as many of them are flagged
FILTERED as it says. Of the stream: STOP counts the events that are there."""
import json
import sys
from collections import Counter, defaultdict

RECEIVED, ANALYSED, FILTERED, MALFORMED, UNSUPPORTED, EVICTED, DROPPED = range(1, 8)
REASON, STREAM = 256, 255
SHORT = 1  # a DNS message without a header: malformed, and flagged FILTERED as well

faults = []
events = Counter()
flagged = Counter()
stage_type = {}
stop = None
for line in sys.stdin:
    e = json.loads(line)
    kind = e["type"]
    if kind == "stop":
        stop = e
    elif kind == "stage":
        stage_type[e["stage"]] = e["handler"]
    else:
        key = ("packet", 0) if kind == "packet" else (kind, e["stage"])
        events[key] += 1
        flagged[key] += bool(e.get("filtered"))
if not stop:
    print("no-STOP")
    sys.exit()

rows = defaultdict(Counter)
for r in stop["rows"]:
    if r["stage"] == STREAM:
        rows[STREAM][r["events"]] += r["value"]
    else:
        rows[r["stage"]][r["what"]] += r["value"]

for stage, row in sorted(rows.items()):
    if stage == STREAM:
        for kind in ("packet", "net", "dns", "dhcp"):
            there = sum(n for (k, _), n in events.items() if k == kind)
            if there != row[kind]:
                faults.append(f"STOP-says-{row[kind]}-{kind}-there-are-{there}")
        continue
    made = sum(row[what] for what in range(ANALYSED, DROPPED + 1))
    if row[RECEIVED] != made:
        faults.append(f"stage-{stage}-received-{row[RECEIVED]}-accounts-for-{made}")
    reasons = sum(n for what, n in row.items() if what >= REASON)
    if reasons != row[MALFORMED] + row[UNSUPPORTED]:
        faults.append(f"stage-{stage}-reasons-{reasons}-malformed-{row[MALFORMED]}-unsupported-{row[UNSUPPORTED]}")
    kind = stage_type.get(stage)
    if kind in ("net", "dns", "dhcp"):
        key = (kind, stage)
        if events[key] != row[RECEIVED]:
            faults.append(f"{kind}-received-{row[RECEIVED]}-events-{events[key]}")
        odd = row[REASON + SHORT] if kind == "dns" else 0
        if flagged[key] != row[FILTERED] + odd:
            faults.append(f"{kind}-filtered-{row[FILTERED]}-flagged-{flagged[key]}")
missing = set(stage_type) - set(rows)
if missing:
    faults.append(f"no-ledger-of-stages-{sorted(missing)}")
if sys.argv[1] != "-" and rows[0][RECEIVED] != int(sys.argv[1]):
    faults.append(f"source-received-{rows[0][RECEIVED]}-tcpdump-{sys.argv[1]}")
if faults:
    print(" ".join(faults))
