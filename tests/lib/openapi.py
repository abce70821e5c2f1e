#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""openapi.py DOCUMENT BASE-URL [SET=VALUE...]: asks for every path of an OpenAPI document and holds the answers against it.
openapi.py DOCUMENT METHOD PATH STATUS TYPE <BODY: one answer that somebody else got; PATH as the document has it.

Path and query parameters take their example, every value of an enum, and what SET=VALUE gives (n=0,1,9 or name=default,nope).
With admin=1 what changes things is asked, too: first every POST, with its examples (twice) and with nonsense; in the end every
DELETE. token=T is sent then, and what needs it is asked without it, as well.
Prints a line per answer that does not fit, the statuses that were not seen, and last how many answers did fit. Exit status 1 when
one did not.
"""
import itertools
import json
import sys
import urllib.error
import urllib.request

import jsonschema
import yaml

doc = yaml.safe_load(open(sys.argv[1]))
single = sys.argv[2] in ("GET", "POST", "DELETE")
base = sys.argv[2]
given = {} if single else dict(a.split("=", 1) for a in sys.argv[3:])
admin = "admin" in given


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        at = doc
        for key in node["$ref"][2:].split("/"):
            at = at[key]
        node = at
    return node


def fetch(url, method="GET", body=None, ctype=None, token=None):
    # a large body goes in chunks: one whose length is said beforehand may be refused before it has been sent
    data = iter([body]) if body and len(body) > 1 << 20 else body
    request = urllib.request.Request(url, data=data, method=method)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    if ctype:
        request.add_header("Content-Type", ctype)
    elif body is not None:  # urllib would make one up
        request.add_unredirected_header("Content-Type", "")
    try:
        with urllib.request.urlopen(request, timeout=20) as r:
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


def bodies(op):
    """What a POST is asked with: (body, type)"""
    yaml_type = op["requestBody"]["content"]["application/x-yaml"]
    for example in yaml_type["examples"].values():
        text = example["value"].encode()
        yield text, "application/x-yaml"
        yield text, "application/x-yaml; charset=utf-8"  # again
        yield json.dumps(yaml.safe_load(example["value"])).encode(), "application/json"
    yield b"hello", "application/x-yaml"
    yield b"{", "application/json"
    yield b"a: b", "text/plain"
    yield b"# " + b"x" * (2 << 20), "application/x-yaml"


def requests():
    """(method, path, url, body, type, token)"""
    token = given.get("token")
    for method in ("post", "get", "delete") if admin else ("get",):
        paths = sorted(doc["paths"].items(), key=lambda p: -len(p[0]) if method == "post" else len(p[0]))
        if method == "post":  # taps before the policies that use them
            paths.reverse()
        if method == "delete":  # the program itself last
            paths.sort(key=lambda p: p[0].endswith("/server"))
        for path, item in paths:
            if method not in item:
                continue
            for url in urls(path, item.get("parameters", [])):
                sets = list(bodies(item[method])) if method == "post" else [(None, None)]
                for body, ctype in sets:
                    if token and method != "get" and len(body or b"") < 10000:
                        yield method, path, url, body, ctype, None
                    yield method, path, url, body, ctype, token


def main():
    good, bad, statuses = 0, 0, {}
    for method, path, url, body, ctype, token in requests():
        op = doc["paths"][path][method]
        status, answered, text = fetch(base + url, method.upper(), body, ctype, token)
        why = problem(op, url, status, answered, text)
        statuses.setdefault((method, path), set()).add(status)
        if why:
            print("%s %s: %d: %s" % (method.upper(), url, status, why))
            bad += 1
        else:
            good += 1
    for (method, path), seen in statuses.items():
        for status in doc["paths"][path][method]["responses"]:
            if int(status) not in seen:
                print("unseen %s%s %s" % (method.upper() + " " if method != "get" else "", path, status))
    print("%d answers fit" % good)
    sys.exit(1 if bad else 0)


def one(method, path, status, ctype=""):
    """Prints what is wrong with it."""
    op = doc["paths"].get(path, {}).get(method.lower())
    why = problem(op, path, int(status), ctype.split(";")[0] or None, sys.stdin.buffer.read()) if op else "no such route"
    if why:
        print("%s %s: %s: %s" % (method, path, status, why))
    sys.exit(1 if why else 0)


if single:
    one(*sys.argv[2:6])
main()
