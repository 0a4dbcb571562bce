"""The one change that would mend what went wrong, as the last words of its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chatnb.parameters import Parameters

if TYPE_CHECKING:
    from chatnb.wire.faults import Asked

_ENDPOINT = "/chat/completions"
_VERSION = re.compile(r"/v\d+(/|$)")
_LOCAL = "%chat_connect local goes on with the embedded model."
_PLAIN = {
    "context_length": "%chat_undo takes back one turn, %chat_reset all of them.",
    "model_not_found": "%chat_set model=NAME, or -m NAME in a cell, names another.",
    "rate_limit": "Run the cell again later.",
    "quota": _LOCAL,
}


def advised(line: str, kind: str, asked: Asked, param: str | None = None) -> str:
    """The line of a fault with what mends it, where one change does."""
    if kind in ("unsupported_parameter", "unsupported_value", "bad_request"):
        advice = _without(param)
    elif kind in ("not_found", "bad_response"):
        advice = _better_address(asked.base_url)
    else:
        advice = _PLAIN.get(kind, "")
    if not advice:
        return line
    return f"{line} {advice}" if line.endswith((".", "?", "!")) else f"{line}. {advice}"


def _without(param: str | None) -> str:
    """How to send the request without a parameter; "response_format.type" is response_format."""
    name = re.split(r"[.\[]", param or "")[0]
    if name == "max_tokens":
        return "%chat_set max_tokens=unset, and max_completion_tokens in its place."
    if name == "stream":
        return "%chat_set stream=False, or --no-stream in a cell."
    if name == "model" or name not in Parameters.table():
        return ""
    return f"%chat_set {name}=unset, or --{name} unset in a cell."


def _better_address(base_url: str) -> str:
    """What base_url should have been, where it is the endpoint, or only a host.

    >>> _better_address("https://host.example/v1/chat/completions")
    '%chat_connect https://host.example/v1'
    """
    better = base_url.rstrip("/").removesuffix(_ENDPOINT)
    if not _VERSION.search(better):
        better += "/v1"
    return f"%chat_connect {better}" if base_url and better != base_url.rstrip("/") else ""


def doubled(name: str, limit: int) -> str:
    """How to raise a token limit.

    >>> doubled("max_tokens", 20)
    '%chat_set max_tokens=40, or --max_tokens 40 in a cell.'
    """
    return f"%chat_set {name}={2 * limit}, or --{name} {2 * limit} in a cell."
