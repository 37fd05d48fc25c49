"""Compares a document with docs/doctor.schema.json: as much of JSON Schema as that file uses, and no more."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "doctor.schema.json").read_text())
_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", type(None): "null"}
_KNOWN = set(
    "$schema title description $defs $ref type const enum required properties additionalProperties items pattern"
    " minimum".split()
)


def check_schema(value: Any, schema: dict[str, Any] = SCHEMA, at: str = "$") -> None:
    """Raises AssertionError if ``value`` is not as ``schema`` says."""
    assert not schema.keys() - _KNOWN, f"{at}: a word of JSON Schema that is not read here"
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if "const" in schema:
        assert value == schema["const"], at
    if "enum" in schema:
        assert value in schema["enum"], f"{at}: {value!r}"
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert _TYPES.get(type(value)) in names, f"{at}: {value!r} is not {names}"
    if "pattern" in schema:
        assert re.search(schema["pattern"], value), at
    if "minimum" in schema:
        assert value >= schema["minimum"], at
    for name in schema.get("required", []):
        assert name in value, f"{at}.{name} is missing"
    properties = schema.get("properties", {})
    if isinstance(value, dict):
        if schema.get("additionalProperties") is False:
            assert not value.keys() - properties.keys(), f"{at}: {value.keys() - properties.keys()}"
        for name in value.keys() & properties.keys():
            check_schema(value[name], properties[name], f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            check_schema(item, schema["items"], f"{at}[{index}]")
