"""An exchange as one row of the log: nothing but values that SQLite, JSON and a DataFrame take."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chatnb.errors import chain_of
from chatnb.process_identity import ProcessIdentity
from chatnb.records import Adjustment, Attempt, Choice, Exchange, Message, Reply, Request
from chatnb.redaction import redact

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
_LARGEST = 2.0**53  # beyond it a float64 no longer counts by ones
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Stored = str | bytes | None


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange as the log keeps it.

    `context` (JSON) holds the columns that seldom change from row to row, stored once for all the
    rows that share them; `details` (JSON) what few rows have at all.
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


_JSON = json.JSONEncoder(separators=(",", ":"), default=str, skipkeys=True)  # ASCII


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
        """ASCII, so that lone surrogates survive."""
        text = _JSON.encode(value)
        if any(sign in text for sign in self._signs):
            # Cleaned as a value, since JSON's escapes touch what stands before a key.
            return _JSON.encode(self._value(json.loads(text)))
        return text

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return redact(value, self._keys)
        if isinstance(value, dict):
            return {self._value(key): self._value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        return value


def stored(text: str) -> str | bytes:
    """Text for SQLite, which refuses lone surrogates: such text becomes bytes.

    >>> stored("half \\ud83d")
    b'half \\xed\\xa0\\xbd'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def restored(value: str | bytes) -> str:
    """The text that was stored."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def started_row(request: Request, started: datetime, cleaner: Cleaner) -> Row:
    """The row before anything is sent."""
    return finished_row(Exchange(request, started), cleaner)


def finished_row(exchange: Exchange, cleaner: Cleaner) -> Row:
    """The row with everything that is known of the exchange."""
    reply = exchange.reply
    error = exchange.error
    details = _details(exchange)
    response = _response(reply)
    return Row(
        status=exchange.status,
        context=cleaner.json(_context(exchange)),
        numbers=_numbers(exchange),
        cell=cleaner.text(exchange.request.origin.cell),
        prompt=cleaner.text(text_of(prompt_message(exchange.request.messages))),
        reply=cleaner.text(shown_text(reply.first)) if reply.choices else None,
        request_id=cleaner.text(reply.request_id or (error.request_id if error else None)),
        response=cleaner.json(response) if response else None,
        details=cleaner.json(details) if details else None,
    )


def prompt_message(messages: tuple[Message, ...]) -> Message | None:
    """The message whose text is the row's `prompt`: the user's last one."""
    return next((message for message in reversed(messages) if message.role == "user"), None)


def text_of(message: Message | None) -> str | None:
    """The text of a message; of one with content parts, its text parts."""
    if message is None or isinstance(message.content, str):
        return None if message is None else message.content
    parts = message.content if isinstance(message.content, (list, tuple)) else ()
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "\n".join(text for text in texts if isinstance(text, str))


def shown_text(choice: Choice) -> str:
    """What a choice says: its text, or the refusal that stands in for it."""
    return choice.text or choice.refusal or ""


def packed(values: Iterable[float | None]) -> bytes:
    """The numbers of a row side by side; NaN is "not known"."""
    return _PACKED.pack(*(math.nan if value is None else value for value in values))


def unpacked(numbers: bytes) -> list[float | None]:
    """The numbers of a row, None where not known."""
    return [None if math.isnan(value) else value for value in _PACKED.unpack(numbers)]


def _context(exchange: Exchange) -> dict[str, Any]:
    request, reply, origin = exchange.request, exchange.reply, exchange.request.origin
    adjusted = [_fields(adjustment) for adjustment in exchange.adjusted]
    parameters = {**request.parameters, "stream": request.stream, **request.extra}
    return _present(
        {
            "source": origin.source,
            "conversation": origin.conversation,
            "comparison": origin.comparison,
            "base_url": request.base_url,
            "model": request.model,
            "response_model": reply.model,
            "finish_reason": reply.finish_reason,
            "usage_source": reply.usage.source if reply.usage else None,
            "error_kind": exchange.error.kind if exchange.error else None,
            "adjusted": adjusted or None,
            "attempt_log": _attempt_log(exchange) if len(exchange.attempts) == 1 else None,
            "parameters": parameters,
        }
    )


def _details(exchange: Exchange) -> dict[str, Any]:
    texts = [shown_text(choice) for choice in exchange.reply.choices]
    error = exchange.error
    return _present(
        {
            "choices": texts if len(texts) > 1 else None,
            "reasoning": exchange.reply.reasoning or None,
            "attempt_log": _attempt_log(exchange) if len(exchange.attempts) > 1 else None,
            "error": error.line if error else None,
            "error_detail": chain_of(error) if error else None,
        }
    )


def _attempt_log(exchange: Exchange) -> list[dict[str, Any]]:
    """One attempt looks like that of many other rows, several do not: shared, or the row's own."""
    return [_fields(attempt) for attempt in exchange.attempts]


def _response(reply: Reply) -> dict[str, Any]:
    """What the server said and no column holds: also of each choice."""
    choices = [_choice(choice, alone=len(reply.choices) == 1) for choice in reply.choices]
    return {**reply.response, "choices": choices} if any(choices) else dict(reply.response)


def _choice(choice: Choice, *, alone: bool) -> dict[str, Any]:
    rest = {"refusal": choice.refusal, **choice.details}
    if not alone:
        thought = choice.reasoning or None
        rest |= {"index": choice.index, "finish_reason": choice.finish_reason, "reasoning": thought}
    return _present(rest)


def _numbers(exchange: Exchange) -> bytes:
    reply, usage, error = exchange.reply, exchange.reply.usage, exchange.error
    tokens = (getattr(usage, name, None) for name in NUMBERS[2:7])
    http_status = reply.http_status or (error.http_status if error else None)
    return packed(
        (
            (exchange.started.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1),
            exchange.request.origin.turn,
            *(None if count is None or count > _LARGEST else count for count in tokens),
            reply.cost,
            exchange.first_token_s,
            exchange.seconds,
            _attempts(exchange, answered=http_status is not None or bool(reply.choices)),
            http_status,
        )
    )


def _attempts(exchange: Exchange, *, answered: bool) -> int | None:
    """How many times the request was sent; the flight tells of those that another one follows."""
    told = exchange.attempts
    if told and told[-1].wait is None:
        return len(told)
    return len(told) + 1 if told or answered else None


def _fields(value: Adjustment | Attempt) -> dict[str, Any]:
    return _present({name: getattr(value, name) for name in value.__slots__})


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
