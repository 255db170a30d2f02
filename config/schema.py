"""The fleet file as a JSON Schema, so that an editor completes and checks it.

``python -m config.schema`` writes it beside this module. A user's own strategy is any mapping whose kind has a colon.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from config.fleet_file import FleetFile
from config.strategy_fields import fields_model
from strategies.registry import BUILT_IN

SCHEMA_FILE = Path(__file__).with_name("fleet.schema.json")

_OWN_KIND = {"type": "string", "pattern": "^[^:]+:[^:]+$"}
_VARIABLE = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}


def fleet_schema() -> dict[str, Any]:
    """The schema of a fleet file, with the fields of every built-in strategy."""
    schema = FleetFile.model_json_schema()
    definitions = schema["$defs"]
    choices: list[dict[str, Any]] = [{"enum": sorted(BUILT_IN)}, _OWN_KIND]
    for kind, strategy in sorted(BUILT_IN.items()):
        definition = fields_model(strategy).model_json_schema()
        definitions |= definition.pop("$defs", {})
        definition["properties"] = {"kind": {"const": kind}, **definition["properties"]}
        definition["required"] = ["kind", *definition.get("required", [])]
        definitions[strategy.__name__] = definition
        choices.append({"$ref": f"#/$defs/{strategy.__name__}"})
    choices.append({"type": "object", "properties": {"kind": _OWN_KIND}, "required": ["kind"]})
    definitions["StrategyChoice"] = {"anyOf": choices, "title": "StrategyChoice"}
    market = schema["properties"]["market"]
    market["anyOf"] = market.pop("oneOf")  # a market without a source is a synthetic one
    market.pop("discriminator")
    schema = _with_variables(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Flotilla fleet file",
    }


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(fleet_schema(), indent=2) + "\n"


def _with_variables(schema: Any) -> Any:
    """The schema where ``${VAR}`` may stand for any value that is not a list or a mapping."""
    if isinstance(schema, list):
        return [_with_variables(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _with_variables(part) for key, part in schema.items()}
    for group in ("properties", "$defs"):
        changed |= (
            {group: {name: _or_variable(name, part) for name, part in changed[group].items()}}
            if group in changed
            else {}
        )
    return changed


def _or_variable(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of one key; the keys that choose between sections are written plainly."""
    if name in ("kind", "source") or (schema.get("type") == "string" and "pattern" not in schema):
        return schema
    if (
        schema.get("type") in ("integer", "number", "boolean", "string")
        or "enum" in schema
        or "const" in schema
    ):
        notes = {key: schema[key] for key in ("title", "description", "default") if key in schema}
        return notes | {"anyOf": [{key: part for key, part in schema.items() if key not in notes}, _VARIABLE]}
    if "anyOf" in schema and "$ref" not in str(schema["anyOf"]) and name != "StrategyChoice":
        return schema | {"anyOf": [*schema["anyOf"], _VARIABLE]}
    return schema


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text())
