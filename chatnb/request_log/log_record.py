"""A row of the log: nothing but values that SQLite and JSON take."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chatnb.records import Message
from chatnb.redaction import redact
from chatnb.request_log.process_identity import ProcessIdentity

# Measured: eleven SQL columns of numbers cost 0.23 s of the 0.3 s that 100,000 rows may take to
# become a DataFrame; as float64 side by side in one BLOB they cost 0.04 s.
NUMBERS = (
    "started",  # microseconds since 1970, exact in a float64 until the year 2255
    "turn",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost",
    "first_token_s",
    "seconds",
    "attempts",
    "http_status",
)
_PACKED = struct.Struct(f"<{len(NUMBERS)}d")

Stored = str | bytes | None


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange as the log keeps it.

    `context` (JSON) holds the columns that seldom change from row to row, stored once for all the
    rows that share them; `details` (JSON) what few rows have at all. `answer_key` finds the answer
    again, where the request may be asked once more.
    """

    status: str
    context: str
    numbers: bytes
    cell: Stored = None
    prompt: Stored = None
    reply: Stored = None
    request_id: Stored = None
    response: str | None = None
    details: str | None = None
    answer_key: str | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose row it is: a kernel, its notebook, and the process that will finish the row."""

    kernel: str
    notebook: str | None
    process: ProcessIdentity


@dataclass(frozen=True, slots=True)
class Record:
    """A row outside of the database, with its messages; `id` is negative where it has no other."""

    id: int
    owner: Owner
    row: Row
    messages: tuple[Message, ...]


# ASCII, and what every reader of JSON takes.
_JSON = json.JSONEncoder(separators=(",", ":"), default=str, skipkeys=True, allow_nan=False)
_LOOSE_JSON = json.JSONEncoder(default=str, skipkeys=True)
_TEXT_IN_JSON = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')


class Cleaner:
    """Takes keys out of everything that is stored."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._keys = tuple(secrets)
        # As they look in JSON; "sk-" and "Bearer " look there as they do everywhere.
        self._signs = ("sk-", "Bearer ", *(_JSON.encode(key)[1:-1] for key in self._keys))

    def text(self, text: str | None) -> Stored:
        """The text as SQLite takes it."""
        return None if text is None else stored(redact(text, self._keys))

    def json(self, value: Any) -> str:
        """ASCII, so that lone surrogates survive; "NaN" and "Infinity" are text.

        Nothing here calls itself: a server may nest its answer deeper than Python's stack.
        """
        try:
            text = _JSON.encode(value)
        except ValueError:
            text = _JSON.encode(json.loads(_LOOSE_JSON.encode(value), parse_constant=str))
        if any(sign in text for sign in self._signs):
            # Text by text, since JSON's escapes touch what stands before a key.
            return _TEXT_IN_JSON.sub(self._cleaned, text)
        return text

    def _cleaned(self, match: re.Match[str]) -> str:
        return _JSON.encode(redact(json.loads(match[0]), self._keys))


def stored(text: str) -> str | bytes:
    """Text for SQLite, which refuses lone surrogates: such text becomes bytes.

    >>> stored("half \\ud83d")
    b'half \\xed\\xa0\\xbd'
    """
    if text.isascii():  # known without a look at the characters
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def restored(value: str | bytes) -> str:
    """The text that was stored."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def packed(values: Iterable[float | None]) -> bytes:
    """The numbers of a row side by side; NaN is "not known"."""
    return _PACKED.pack(*[math.nan if value is None else value for value in values])


def unpacked(numbers: bytes) -> list[float | None]:
    """The numbers of a row, None where not known."""
    return [None if math.isnan(value) else value for value in _PACKED.unpack(numbers)]
