"""What can be sent as text and JSON; everything else is told in one line before it is."""

from __future__ import annotations

import json
from typing import Any

from chatnb.errors import InvalidInput


def checked_text(text: str, what: str) -> str:
    """The text, if it is whole: no half of a character, which no server accepts.

    >>> checked_text("wörld", "The prompt")
    'wörld'
    """
    if not isinstance(text, str):
        kind = type(text).__name__
        raise InvalidInput(f"{what} is a text, not {kind}: nothing was sent.", kind="usage")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{what} has half a character (a lone surrogate) at position {error.start}: "
            "nothing was sent. Such text usually comes from a wrong decoding.",
            kind="usage",
        ) from None
    return text


def checked_content(content: Any, what: str) -> Any:
    """The content of a message, if it is text or the API's list of content parts."""
    if isinstance(content, str):
        return checked_text(content, what)
    wanted = f"{what} is text or a list of content parts, not {type(content).__name__}"
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise InvalidInput(f"{wanted}.", kind="usage")
    try:
        checked_text(json.dumps(content, allow_nan=False, ensure_ascii=False), what)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{wanted}: {error}.", kind="usage") from None
    return content


def whole(text: str) -> str:
    """The text with each half character replaced, so that it can be sent back.

    >>> whole("half \\ud83d")
    'half \ufffd'
    """
    try:
        text.encode()
    except UnicodeEncodeError:  # two halves that stand side by side become one character
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text  # itself: a copy would hold every answer of a conversation twice
