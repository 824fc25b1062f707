"""As much of JSON Schema (draft 2020-12) as docs/mmq.schema.json uses."""
import json
import os
import re

from gateway import ROOT

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"$ref", "$schema", "$defs", "title", "type", "enum", "pattern", "minimum", "minItems", "items", "required", "properties", "allOf", "anyOf"}


def load(name="mmq.schema.json"):
    with open(os.path.join(ROOT, "docs", name), encoding="utf-8") as file:
        return json.load(file)


def problems(value, rule, root, where="$"):
    """What is wrong with a value, line by line; nothing when it fits."""
    out = [f"{where}: the schema has {name}, which is not understood" for name in set(rule) - KNOWN]
    if "$ref" in rule:
        out += problems(value, root["$defs"][rule["$ref"].removeprefix("#/$defs/")], root, where)
    if "type" in rule:
        kind = rule["type"]
        fits = isinstance(value, int) and not isinstance(value, bool) if kind == "integer" else isinstance(value, TYPES[kind])
        if not fits:
            return out + [f"{where}: {value!r} is no {kind}"]
    if "enum" in rule and value not in rule["enum"]:
        out.append(f"{where}: {value!r} is none of {rule['enum']}")
    if "pattern" in rule and isinstance(value, str) and not re.search(rule["pattern"], value):
        out.append(f"{where}: {value!r} is not {rule['pattern']}")
    if "minimum" in rule and isinstance(value, int) and value < rule["minimum"]:
        out.append(f"{where}: {value} is below {rule['minimum']}")
    if isinstance(value, list):
        if len(value) < rule.get("minItems", 0):
            out.append(f"{where}: has {len(value)} items only")
        for number, item in enumerate(value):
            out += problems(item, rule.get("items", {}), root, f"{where}[{number}]")
    if isinstance(value, dict):
        out += [f"{where}: {name} is missing" for name in rule.get("required", []) if name not in value]
        for name, inner in rule.get("properties", {}).items():
            if name in value:
                out += problems(value[name], inner, root, f"{where}.{name}")
    for inner in rule.get("allOf", []):
        out += problems(value, inner, root, where)
    if "anyOf" in rule:
        tries = [problems(value, inner, root, where) for inner in rule["anyOf"]]
        if all(tries):
            out += tries[0]
    return out
