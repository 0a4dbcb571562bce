"""Structured output: the form that is asked for an answer, and the answer read in that form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from chatnb.strict_schemas import is_strict, referred, strict_schema

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_SCHEMA_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_SCHEMA_WORDS = ("properties", "items", "anyOf", "oneOf", "allOf", "enum", "const", "$ref", "$defs")
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_REASON = 200


class MisfitError(ValueError):
    """An answer that is not what its form promises; its text says why, in one line."""

    def __init__(self, why: str, *, is_json: bool = True) -> None:
        line = " ".join(why.split())
        super().__init__(line if len(line) <= _LONGEST_REASON else line[:_LONGEST_REASON] + "…")
        self.is_json = is_json


class ResponseFormat(dict[str, Any]):
    """The API's `response_format`, which remembers the pydantic model that it was made of."""

    model: type[BaseModel] | None = None


def is_model(value: object) -> TypeGuard[type[BaseModel]]:
    """Whether it is a pydantic model; nothing is imported to find out."""
    return isinstance(value, type) and hasattr(value, "model_validate_json")


def format_of_model(model: type[BaseModel]) -> ResponseFormat:
    """The form that a pydantic model asks for, strict as the SDK makes it.

    >>> import pydantic
    >>> class Review(pydantic.BaseModel):
    ...     stars: int
    >>> format_of_model(Review)["json_schema"]["strict"]
    True

    Raises ValueError for a model that has no JSON schema.
    """
    from pydantic import PydanticUserError

    try:
        found = strict_schema(model.model_json_schema())
    except PydanticUserError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    made = ResponseFormat(_named(model.__name__, found, strict=True))
    made.model = model
    return made


def format_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """The API's `response_format` of a JSON schema; one that is that form already stays.

    >>> format_of({"type": "json_object"})
    {'type': 'json_object'}
    >>> format_of({"type": "object", "properties": {}})["type"]
    'json_schema'

    A bare schema is sent as it is, and called strict where it is (every object closed, every field
    required). Raises ValueError for what is no schema.
    """
    found = dict(value)
    bare = is_schema(found)
    schema = found if bare else schema_in(found)
    if schema is not None:
        _check(schema)
    if not bare:
        return found
    name = found.get("title")
    return _named(name if isinstance(name, str) else "", found, strict=is_strict(found))


def is_schema(value: Mapping[str, Any]) -> bool:
    """Whether it is a bare JSON schema, and not the API's own form."""
    kind = value.get("type")
    if isinstance(kind, str):
        return kind in _SCHEMA_TYPES
    return isinstance(kind, list) or any(word in value for word in _SCHEMA_WORDS)


def schema_in(form: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema that a `response_format` holds."""
    named = form.get("json_schema")
    schema = named.get("schema") if isinstance(named, Mapping) else None
    return schema if isinstance(schema, Mapping) else None


def _named(name: str, schema: Mapping[str, Any], *, strict: bool) -> dict[str, Any]:
    named: dict[str, Any] = {"name": _NO_NAME.sub("_", name)[:64].strip("_") or "answer"}
    named |= {"schema": dict(schema), **({"strict": True} if strict else {})}
    return {"type": "json_schema", "json_schema": named}


def _check(schema: Mapping[str, Any]) -> None:
    from jsonschema import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for

    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"no JSON schema: {_where(error.path)}{error.message}") from None


def parsed(text: str, form: Mapping[str, Any] | None) -> Any:
    """The answer in its form: an instance of the model, or what the JSON says; None without one.

    >>> parsed('{"stars": 4}', {"type": "json_object"})
    {'stars': 4}

    Raises MisfitError where it does not fit.
    """
    if form is None or form.get("type") not in ("json_object", "json_schema"):
        return None
    model = form.model if isinstance(form, ResponseFormat) else None
    value = _json(text)
    if model is not None:
        return _instance(text, model)
    schema = schema_in(form)
    if schema is not None:
        _validate(value, schema)
    elif form["type"] == "json_object" and not isinstance(value, dict):
        raise MisfitError("it is no JSON object")
    return value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MisfitError(str(error), is_json=False) from None


def _instance(text: str, model: type[BaseModel]) -> BaseModel:
    from pydantic import ValidationError

    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise MisfitError(_first_of(error)) from None
    except Exception as error:  # noqa: BLE001 - a model's own validators may raise anything
        raise MisfitError(f"{type(error).__name__}: {error}") from None


def _first_of(error: ValidationError) -> str:
    first, *more = error.errors(include_url=False, include_context=False, include_input=False)
    others = f" (and {len(more)} more)" if more else ""
    return f"{_where(first['loc'])}{first['msg']}{others}"


def _validate(value: Any, schema: Mapping[str, Any]) -> None:
    from jsonschema.exceptions import best_match
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # A registry of its own: by default a reference to a URL would be fetched.
    registry: Registry[Any] = Registry()
    validator = validator_for(schema, default=Draft202012Validator)(schema, registry=registry)
    try:
        found = best_match(validator.iter_errors(value))
    except Unresolvable as error:
        raise MisfitError(f"the schema has a reference that leads nowhere ({error})") from None
    except RecursionError:
        raise MisfitError("the schema refers to itself without end") from None
    if found is not None:
        raise MisfitError(f"{_where(found.absolute_path)}{found.message}")


def _where(path: Sequence[object]) -> str:
    return f"{'.'.join(map(str, path))}: " if path else ""


def fields_of(form: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the fields that a form promises, in order; none where it does not say.

    >>> fields_of(format_of({"type": "object", "properties": {"a": {}, "b": {}}}))
    ('a', 'b')
    """
    if isinstance(form, ResponseFormat) and form.model is not None:
        fields = form.model.model_fields
        return () if "root" in fields else tuple(fields)
    schema = schema_in(form) or {}
    if "$ref" in schema:
        schema = referred(schema["$ref"], schema)
    properties = schema.get("properties")
    return tuple(properties) if isinstance(properties, Mapping) else ()


def values_of(parsed: Any) -> dict[str, Any]:
    """An answer's fields by name; what is no object is one field, `value`; None has none."""
    plain = parsed.model_dump() if hasattr(parsed, "model_dump") else parsed
    if plain is None:
        return {}
    return dict(plain) if isinstance(plain, dict) else {"value": plain}
