"""JSON schemas as the API's strict mode wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether the API takes the schema as strict without a change."""
    return strict_schema(schema) == schema


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as the API's strict mode wants it, and the SDK makes it: closed and complete.

    >>> strict_schema({"type": "object", "properties": {"stars": {"type": "integer"}}})["required"]
    ['stars']

    https://github.com/openai/openai-python/blob/main/src/openai/lib/_pydantic.py
    """
    made = _strict(schema, schema)
    assert isinstance(made, dict)
    return made


def _strict(value: Any, root: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return _strict_object(dict(value), root)
    return [_strict(item, root) for item in value] if isinstance(value, list) else value


def _strict_object(found: dict[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    every = found.get("allOf")
    if isinstance(every, list) and len(every) == 1:
        found = {name: item for name, item in found.items() if name != "allOf"} | every[0]
    if "$ref" in found and len(found) > 1:  # beside a reference nothing else may stand
        found = {**referred(found.pop("$ref"), root), **found}
    if found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    properties = found.get("properties")
    if isinstance(properties, Mapping):
        found["required"] = list(properties)
    if found.get("default", "") is None:
        del found["default"]
    return {
        name: {key: _strict(each, root) for key, each in item.items()}
        if name in ("properties", "$defs", "definitions") and isinstance(item, Mapping)
        else (_strict(item, root) if name in ("items", "anyOf", "allOf") else item)
        for name, item in found.items()
    }


def referred(reference: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The definition that a reference such as "#/$defs/Review" leads to; nothing for any other."""
    found: Any = root
    for name in str(reference).removeprefix("#/").split("/"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
