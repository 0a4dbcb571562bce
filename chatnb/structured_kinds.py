"""The kinds of request parameter that are more than one value: stop, JSON, forms, biases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from chatnb.errors import InvalidInput
from chatnb.parameter_kinds import Column, Parameter, plain_number
from chatnb.schemas import ResponseFormat, format_of, format_of_model, is_model
from chatnb.text_checks import checked_text


class Stop(Parameter):
    """Where the answer ends: a text, or up to 4 of them."""

    column: ClassVar[Column] = "json"
    metavar: ClassVar[str] = "TEXT_OR_JSON"
    most: ClassVar[int] = 4

    @property
    def range(self) -> str:
        return f"a text or a list of 1 to {self.most} texts"

    def checked(self, value: Any) -> str | list[str]:
        if isinstance(value, str) and value:
            return checked_text(value, "stop")
        if isinstance(value, list | tuple) and 1 <= len(value) <= self.most:
            texts = list(value)
            if all(isinstance(text, str) and text for text in texts):
                return [checked_text(text, "stop") for text in texts]
        raise self.refused(value)

    def parsed(self, text: str) -> str | list[str]:
        if text.startswith("[") and text.endswith("]"):
            return self.checked(self.loaded(text))
        # A JSON string is a way to write a line break: --stop "\n" arrives as a backslash and an n.
        if text.startswith('"') and text.endswith('"') and len(text) > 1:
            return self.checked(self.loaded(text))
        return self.checked(text)


class JSONObject(Parameter):
    """A JSON object."""

    column: ClassVar[Column] = "json"
    metavar: ClassVar[str] = "JSON"

    @property
    def range(self) -> str:
        return "a JSON object"

    def checked(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self.refused(value)
        try:
            text = json.dumps(dict(value), allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise self.refused(value, str(error)) from None
        return dict(json.loads(checked_text(text, self.name or "")))

    def parsed(self, text: str) -> dict[str, Any]:
        return self.checked(self.loaded(text))


class AnswerFormat(JSONObject):
    """The form of the answer: the API's own, a JSON schema, or a pydantic model."""

    @property
    def range(self) -> str:
        return "a JSON object, a JSON schema or a pydantic model"

    def checked(self, value: Any) -> dict[str, Any]:
        if isinstance(value, ResponseFormat):
            return value
        try:
            if is_model(value):
                return format_of_model(value)
            return format_of(super().checked(value))
        except InvalidInput:
            raise
        except (ValueError, RecursionError) as error:
            raise self.refused(value, str(error)) from None


class Extra(JSONObject):
    """Anything that no other parameter is; what chatnb sends itself cannot be replaced."""

    own: ClassVar[Mapping[str, str]] = {
        "model": "-m MODEL",
        "messages": "the conversation: session().load([...])",
        "stream": "--stream or --no-stream",
        "stream_options": "--stream or --no-stream",
    }

    def checked(self, value: Any) -> dict[str, Any]:
        found = super().checked(value)
        for name in self.own.keys() & found.keys():
            raise self.refused(value, f"{name} is set by {self.own[name]}")
        return found


class Metadata(JSONObject):
    """Up to 16 labels of a request."""

    @property
    def range(self) -> str:
        return "a JSON object of up to 16 texts (keys to 64, values to 512 characters)"

    def checked(self, value: Any) -> dict[str, Any]:
        pairs = super().checked(value)
        fits = all(
            isinstance(item, str) and len(item) <= 512 and len(key) <= 64
            for key, item in pairs.items()
        )
        if len(pairs) > 16 or not fits:
            raise self.refused(value)
        return pairs


class LogitBias(JSONObject):
    """A bias for each token id, or for each word where the server can tell its token ids."""

    low: ClassVar[int] = -100
    high: ClassVar[int] = 100

    @property
    def range(self) -> str:
        ends = f"{self.low} to {self.high}"
        return f"a JSON object from token ids (or words) to numbers from {ends}"

    def checked(self, value: Any) -> dict[str, int | float]:
        if not isinstance(value, Mapping):
            raise self.refused(value)
        biases = {str(token): plain_number(bias) for token, bias in value.items()}
        for token, bias in biases.items():
            number = isinstance(bias, int | float) and not isinstance(bias, bool)
            if not token.strip() or not number or not self.low <= bias <= self.high:
                raise self.refused(value)
        return biases
