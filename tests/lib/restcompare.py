#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""restcompare.py RECORDED.jsonl BASE-URL DIFFERENCES LABEL [NAME-PATTERN]: asks pktvisord what another agent was once asked, and compares.

RECORDED has a JSON object per line: name, request (method, path, content_type, body), status, content_type, body. Compared are the status, the
type, the text of errors, the keys of JSON (not its values; names that a hash is part of count as one) and the families of
Prometheus text. With NAME-PATTERN (a regular expression, a leading ! turns it round) only some are asked.

DIFFERENCES says what may differ: a line each, pattern, tab, reason. In a pattern, which begins with LABEL/name, only * is special. Prints what differs and is
not there, and "used PATTERN" for what is; exit status 1 when anything is printed besides that.
"""
import http.client
import json
import re
import sys

QUANTILES = {"p50", "p90", "p95", "p99", "live"}


def ask(base, method, path, ctype, body):
    """status, type, text. Without a kind there is no Content-Type header."""
    c = http.client.HTTPConnection(base.split("//")[1], timeout=20)
    c.request(method, path, None if body is None else body.encode(), {"Content-Type": ctype} if ctype else {})
    answer = c.getresponse()
    text = answer.read().decode()
    c.close()
    return answer.status, (answer.getheader("Content-Type") or "").split(";")[0] or None, text


def keys(node, at=""):
    """The paths of a JSON document: items of lists are @, quantiles are their parent's."""
    if isinstance(node, list):
        return set().union({at}, *[keys(n, at + ".@") for n in node])
    if not isinstance(node, dict):
        return {at or ("null" if node is None else "")}
    if node and set(node) <= QUANTILES:
        return {at} | ({at + ".live"} if "live" in node else set())
    found = set()
    for key, value in node.items():
        key = re.sub(r"-[0-9a-f]{16}\b", "-#", key)
        found |= {at + "." + key} | keys(value, at + "." + key)
    return found


def fair(ours, theirs):
    """Without what depends on the traffic: the items of a list that is empty on the other side."""
    lists = {k.split(".@")[0] for k in ours ^ theirs if ".@" in k}
    empty = {l for l in lists if not all(any(k.startswith(l + ".@") for k in side) for side in (ours, theirs))}
    return {k for k in ours if k.split(".@")[0] not in empty or ".@" not in k}


def families(text):
    return {line[7:] for line in text.splitlines() if line.startswith("# TYPE ")}


def compare(recorded, got):
    """What is different, a word or two each."""
    status, ctype, text = got
    if status != recorded["status"]:
        yield "status %d %d" % (recorded["status"], status)
    if ctype != recorded["content_type"]:
        yield "type %s %s" % (recorded["content_type"], ctype)
    if "json" not in (ctype or "") or "json" not in (recorded["content_type"] or ""):
        ours, theirs = families(text), families(recorded["body"])
        if not ours and not theirs and text != recorded["body"]:
            yield "text %s %s" % (json.dumps(recorded["body"]), json.dumps(text))
    else:
        a, b = json.loads(text), json.loads(recorded["body"])
        mine, his = (d.get("error") if isinstance(d, dict) else None for d in (a, b))
        if mine != his:
            yield "error %s %s" % (json.dumps(his), json.dumps(mine))
        ours, theirs = keys(a), keys(b)
        ours, theirs = fair(ours, theirs), fair(theirs, ours)
    if status != recorded["status"] and status >= 400:
        return  # the keys of another kind of answer say nothing more
    for sign, more, less in (("-", theirs, ours), ("+", ours, theirs)):
        for k in sorted(more - less):
            if k.rpartition(".")[0] in less or not k.rpartition(".")[0]:  # not what is below it
                yield "%s %s" % (sign, k)


def main():
    path, base, differences, label = sys.argv[1:5]
    only = sys.argv[5] if len(sys.argv) > 5 else ""
    allowed = []
    for line in open(differences):
        if not line.startswith("#") and "\t" in line:
            pattern = line.split("\t")[0].lstrip("?")
            allowed.append((pattern, re.compile(re.escape(pattern).replace(r"\*", ".*"))))
    used, bad, asked = set(), 0, 0
    for line in open(path):
        r = json.loads(line)
        if only and bool(re.search(only.lstrip("!"), r["name"])) == only.startswith("!"):
            continue
        q = r["request"]
        asked += 1
        name = "%s/%s" % (label, r["name"])
        for what in compare(r, ask(base, q["method"], q["path"], q.get("content_type"), q.get("body"))):
            what = name + " " + what
            fits = [p for p, rx in allowed if rx.fullmatch(what)]
            used.update(fits)
            if not fits:
                print(what)
                bad += 1
    for p in sorted(used):
        print("used " + p)
    print("asked %d" % asked)
    sys.exit(1 if bad else 0)


main()
