#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""openapi.py DOCUMENT BASE-URL [SET=VALUE...]: asks for every path of an OpenAPI document and holds the answers against it.

Path and query parameters take their example, every value of an enum, and what SET=VALUE gives (n=0,1,9 or name=default,nope).
Prints a line per answer that does not fit, and last how many did. Exit status 1 when one did not.
"""
import itertools
import json
import sys
import urllib.error
import urllib.request

import jsonschema
import yaml

doc = yaml.safe_load(open(sys.argv[1]))
base = sys.argv[2]
given = dict(a.split("=", 1) for a in sys.argv[3:])


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        at = doc
        for key in node["$ref"][2:].split("/"):
            at = at[key]
        node = at
    return node


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as r:
            return r.status, r.headers.get_content_type() if r.headers["Content-Type"] else None, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers.get_content_type() if e.headers["Content-Type"] else None, e.read()


def values(p):
    schema = resolve(p.get("schema", {}))
    if p["name"] in given:
        return given[p["name"]].split(",")
    if "enum" in schema:
        return schema["enum"] + ([None] if not p.get("required") else [])
    return [p["example"]]


def urls(path, params):
    params = [resolve(p) for p in params]
    for combination in itertools.product(*[values(p) for p in params]):
        url, query = path, []
        for p, v in zip(params, combination):
            if p["in"] == "path":
                url = url.replace("{%s}" % p["name"], str(v))
            elif v is not None:
                query.append("%s=%s" % (p["name"], v))
        yield url + ("?" + "&".join(query) if query else "")


def problem(op, url, status, ctype, body):
    response = resolve(op["responses"].get(str(status)))
    if response is None:
        return "status %d is not documented" % status
    content = response.get("content")
    if not content:
        return "a body that is not documented" if body else None
    if ctype not in content:
        return "type %s is not documented" % ctype
    if not ctype.endswith("json"):
        schema = content[ctype].get("schema", {})
        text = body.decode("utf-8", "replace")
    else:
        schema, text = content[ctype]["schema"], json.loads(body)
    # the schemas refer to each other from the document's root
    full = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": doc["components"], **schema}
    if ctype == "application/octet-stream":
        return None if body[16:20] == b"PVEV" else "no event stream"
    try:
        jsonschema.Draft202012Validator(full).validate(text)
    except jsonschema.ValidationError as e:
        return "%s at %s" % (e.message[:200], "/".join(map(str, e.absolute_path)))
    return None


def main():
    good, bad, statuses = 0, 0, {}
    for path, item in doc["paths"].items():
        for url in urls(path, item.get("parameters", [])):
            status, ctype, body = fetch(base + url)
            why = problem(item["get"], url, status, ctype, body)
            statuses.setdefault(path, set()).add(status)
            if why:
                print("GET %s: %d: %s" % (url, status, why))
                bad += 1
            else:
                good += 1
    for path, item in doc["paths"].items():
        for status in item["get"]["responses"]:
            if int(status) not in statuses[path]:
                print("unseen %s %s" % (path, status))
    print("%d answers fit" % good)
    sys.exit(1 if bad else 0)


main()
