"""The message inside an error's body, whatever shape the server gave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chatnb.wire.stream_decoder import parsed

_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What a server says about an error; whatever it does not say is empty or None."""

    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None


def error_body(value: object) -> ErrorBody:
    """The error in a body: text, JSON text, or a JSON value.

    >>> error_body('{"error": {"message": "No such model", "code": 404}}')
    ErrorBody(message='No such model', code='404', type=None, param=None)
    >>> error_body('{"detail": "Not Found"}').message
    'Not Found'
    """
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, list) and value:
        return error_body(value[0])
    if not isinstance(value, Mapping):
        return ErrorBody()
    inner = value.get("error")
    if isinstance(inner, Mapping):
        return error_body(inner)
    if isinstance(inner, str):
        return ErrorBody(one_line(inner))
    message = next((value[key] for key in ("message", "detail") if value.get(key)), "")
    return ErrorBody(
        one_line(message if isinstance(message, str) else str(message)),
        _word(value.get("code")),
        _word(value.get("type")),
        _word(value.get("param")),
    )


def _from_text(text: str) -> ErrorBody:
    try:
        value = parsed(text.encode("utf-8", "replace"))
    except ValueError:
        return ErrorBody("a web page" if is_web_page(text) else one_line(text))
    return ErrorBody(one_line(value)) if isinstance(value, str) else error_body(value)


def is_web_page(text: str) -> bool:
    """Whether the text is HTML."""
    return text.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<head", "<body"))


def one_line(text: str) -> str:
    """The text on one line, cut where it is too long to be read there."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def _word(value: Any) -> str | None:
    return None if value is None or isinstance(value, (dict, list)) else str(value)
