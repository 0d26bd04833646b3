"""The JSON Schema of a protocol: editors complete and check from it. Plug-in options come from the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from validate.protocol.catalog import Catalog
from validate.protocol.model import Model
from validate.protocol.schema import StudyProtocol

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(catalog: Catalog) -> dict[str, Any]:
    """Draft 2020-12. What a user may write, which is a little wider than what is stored:
    `- calibration: {}` for an analysis, and a format's own keys inline in a model.
    """
    schema = StudyProtocol.model_json_schema(by_alias=True, mode="validation")
    definitions: dict[str, Any] = schema["$defs"]
    definitions["Analysis"] = _analysis(catalog, definitions)
    definitions["Model"] = _model(catalog, definitions)
    definitions["Endpoint"]["properties"]["metric"] = {
        "description": "What is measured.",
        "oneOf": [{"const": name, "description": entry.title} for name, entry in sorted(catalog.metrics.items())],
    }
    return {"$schema": DIALECT, "title": "validate protocol, version 1", **_without_titles(schema)}


def _analysis(catalog: Catalog, definitions: dict[str, Any]) -> dict[str, Any]:
    names = sorted(catalog.analyses)
    written = [
        {
            "type": "object",
            "properties": {name: _options(catalog.analyses[name].options, definitions)},
            "required": [name],
            "additionalProperties": False,
        }
        for name in names
    ]
    return {"anyOf": [{"enum": names}, *written]}


def _model(catalog: Catalog, definitions: dict[str, Any]) -> dict[str, Any]:
    """The common keys, a known format, and that format's own keys."""
    base: dict[str, Any] = definitions["Model"]
    common = {name: value for name, value in base["properties"].items() if name not in {"options", "format"}}
    for key, steps in (("preprocess", catalog.steps), ("postprocess", catalog.mask_steps)):
        common[key] = {"type": "array", "items": {"anyOf": _steps(steps, definitions)}}
    branches = []
    for name, entry in sorted(catalog.formats.items()):
        own = _options(entry.options, definitions)
        branches.append(
            {
                "type": "object",
                "properties": {**common, "format": {"const": name}, **own.get("properties", {})},
                "required": [*(key for key in base["required"]), *own.get("required", ())],
                "additionalProperties": False,
            }
        )
    return {"description": Model.__doc__, "oneOf": branches}


def _steps(steps: Mapping[str, type[BaseModel]], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "type": "object",
            "properties": {name: _options(options, definitions)},
            "required": [name],
            "additionalProperties": False,
        }
        for name, options in sorted(steps.items())
    ]


def _options(options: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = options.model_json_schema(by_alias=True, mode="validation")
    definitions.update(schema.pop("$defs", {}))
    return schema


def _without_titles(node: Any) -> Any:
    """Pydantic's generated titles repeat the key; an editor shows the description instead."""
    if isinstance(node, dict):
        return {k: _without_titles(v) for k, v in node.items() if not (k == "title" and isinstance(v, str))}
    return [_without_titles(item) for item in node] if isinstance(node, list) else node
