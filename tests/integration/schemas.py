# SPDX-License-Identifier: Apache-2.0
"""Holds values against the schema that each names: docs/schemas/<$schema>.json. The validator is
python3-jsonschema, which has nothing to do with this project's C."""

import functools
import json
import pathlib

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2] / "docs/schemas"


@functools.cache
def validator(name):
    file = ROOT / f"{name.lstrip('/')}.json"
    if not file.is_file():
        return None
    schema = json.loads(file.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())


def problems(values, otherwise=None):
    """What is wrong, value by value. `otherwise`: the schema for those that name none of ours."""
    for value in values:
        name = value.get("$schema")
        known = validator(name) if isinstance(name, str) else None
        if known is None and otherwise:
            name, known = otherwise, validator(otherwise)
        if known is None:
            yield f"no schema is known: {json.dumps(value)[:200]}"
            continue
        for error in known.iter_errors(value):
            yield f"{name} {list(error.absolute_path)}: {error.message[:300]}"
