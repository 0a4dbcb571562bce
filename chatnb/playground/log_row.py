"""One row of the log, whole: its exact request, its response, and what brings it back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from chatnb.code_literals import json_text
from chatnb.errors import InvalidInput
from chatnb.rendering.receipt import dollars
from chatnb.request_log import RequestLog
from chatnb.request_log.log_exchanges import StoredExchange, stored_exchange
from chatnb.request_log.log_record import restored
from chatnb.request_log.log_rows import started_of

Event = dict[str, Any]

_LONGEST_TEXT = 10_000  # characters of one text on the page
_LONGEST_SHOWN = 200_000  # characters of a whole request or response
# What the API says of a choice beside its message.
_OF_CHOICE = ("index", "finish_reason", "logprobs")
_SURROGATE = re.compile("[\ud800-\udfff]")
_GONE = "This row is no longer in the log."


def row_event(log: RequestLog, id: int) -> Event:
    """The `log_row` event: the exact request of a row, and its response as far as it is known.

    Very long texts are cut, and say so; an export has them whole.
    """
    stored = stored_exchange(log, id)
    if stored is None:
        return {"event": "log_row", "id": id, "line": _GONE}
    response = _response(stored)
    return {
        "event": "log_row",
        "id": id,
        "line": "",
        "facts": _facts(stored),
        "error": _valid(stored.details.get("error")),
        "detail": _valid(_cut(stored.details.get("error_detail"))),
        "request": _shown(stored.request.body()),
        "response": _shown(response) if response else None,
    }


def loaded(log: RequestLog, id: int) -> dict[str, Any]:
    """The parameters that a row was sent with (those that were set), its prompt and its model.

    Raises InvalidInput where the row is gone. How the answer came, streamed or not, is not brought
    back: a panel streams.
    """
    stored = stored_exchange(log, id)
    if stored is None:
        raise InvalidInput(_GONE, kind="usage")
    request = stored.request
    extra = {"extra": dict(request.extra)} if request.extra else {}
    return {
        "parameters": {**request.parameters, **extra},
        "prompt": restored(stored.row.prompt or ""),
        "model": request.model,
    }


def _response(stored: StoredExchange) -> dict[str, Any]:
    """The answer in the API's own form, from what the log has of it."""
    rest = json.loads(stored.row.response or "{}")
    model = stored.context.get("response_model")
    choices = _choices(stored, rest.pop("choices", None) or [])
    usage = _usage(stored.numbers)
    return {
        **({"model": model} if model else {}),
        **rest,
        **({"choices": choices} if choices else {}),
        **({"usage": usage} if usage else {}),
    }


def _choices(stored: StoredExchange, details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    texts = stored.texts
    alone = {
        "finish_reason": stored.context.get("finish_reason"),
        "reasoning": stored.details.get("reasoning"),
    }
    given = [*details, *({} for _ in texts[len(details) :])]
    return [
        _choice(index, text, {**alone, **more} if len(texts) == 1 else more)
        for index, (text, more) in enumerate(zip(texts, given, strict=True))
    ]


def _choice(index: int, text: str, more: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in more.items() if value is not None}
    refused = known.get("refusal") == text
    message = {"role": "assistant", "content": None if refused else text}
    message |= {name: value for name, value in known.items() if name not in _OF_CHOICE}
    beside = {name: known[name] for name in _OF_CHOICE if name in known}
    return {"index": index, "message": message} | beside


def _usage(numbers: Mapping[str, float | None]) -> dict[str, Any]:
    def counted(**names: str) -> dict[str, Any]:
        counts = {name: numbers[column] for name, column in names.items()}
        return {name: int(count) for name, count in counts.items() if count is not None}

    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    cached = counted(cached_tokens="cached_tokens")
    reasoning = counted(reasoning_tokens="reasoning_tokens")
    return {
        **counted(**{name: name for name in names}),
        **({"prompt_tokens_details": cached} if cached else {}),
        **({"completion_tokens_details": reasoning} if reasoning else {}),
    }


def _facts(stored: StoredExchange) -> list[tuple[str, str]]:
    """What there is to know of a row beside its texts: names and values in words."""
    row, context, numbers = stored.row, stored.context, stored.numbers
    turn = numbers["turn"]
    conversation = context.get("conversation")
    facts = {
        "started": started_of(row.numbers).isoformat(),
        "status": row.status,
        "finish reason": context.get("finish_reason"),
        "source": context.get("source"),
        "conversation": conversation and conversation + (f", turn {turn:.0f}" if turn else ""),
        "cell": row.cell and restored(row.cell),
        "comparison": context.get("comparison"),
        "server": context.get("base_url"),
        "HTTP status": _number(numbers["http_status"]),
        "request id": row.request_id and restored(row.request_id),
        "attempts": _attempts(stored),
        "first token": _seconds(numbers["first_token_s"]),
        "time": _seconds(numbers["seconds"]),
        "cost": None if numbers["cost"] is None else dollars(numbers["cost"]),
        "changed by chatnb": "; ".join(
            f"{each['field']}: {each['why']}" for each in context.get("adjusted", ())
        ),
    }
    return [(name, str(_valid(value))) for name, value in facts.items() if value]


def _attempts(stored: StoredExchange) -> str | None:
    """How often it was sent, and why again."""
    told = stored.details.get("attempt_log") or stored.context.get("attempt_log") or []
    why = [
        f"{each.get('reason') or each.get('status') or 'no answer'}, waited {each['wait']:g} s"
        for each in told
        if each.get("wait") is not None
    ]
    number = _number(stored.numbers["attempts"])
    return number and "; ".join([number, *why])


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.0f}"


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f} s"


def _shown(value: Any) -> str:
    """JSON to be read; what is too long for a page is cut, and says so."""
    text = json_text(_short(value), indent=2)
    if len(text) <= _LONGEST_SHOWN:
        return text
    return f"{text[:_LONGEST_SHOWN]}\n{_more(len(text) - _LONGEST_SHOWN)}"


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, Mapping):
        return {name: _short(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_short(item) for item in value]
    return value


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:_LONGEST_TEXT]} {_more(len(text) - _LONGEST_TEXT)}"


def _more(characters: int) -> str:
    return f"[… {characters:,} more characters: an export has them all]"


def _valid(text: str | None) -> str | None:
    """Half a character cannot travel."""
    return text and _SURROGATE.sub("\ufffd", text)
