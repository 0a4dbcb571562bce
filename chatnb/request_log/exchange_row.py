"""An exchange as one row of the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chatnb.errors import chain_of
from chatnb.records import Adjustment, Attempt, Choice, Exchange, Message, Reply, Request, Usage
from chatnb.request_log.answer_keys import answer_key
from chatnb.request_log.log_record import Cleaner, Row, packed

if TYPE_CHECKING:
    from datetime import datetime

_NO_USAGE = Usage()
_LARGEST = 2.0**53  # beyond it a float64 no longer counts by ones


def started_row(request: Request, started: datetime, cleaner: Cleaner) -> Row:
    """The row before anything is sent."""
    return finished_row(Exchange(request, started), cleaner, answer_key(request))


def finished_row(exchange: Exchange, cleaner: Cleaner, key: str | None) -> Row:
    """The row with everything that is known of the exchange; `key`: its request's `answer_key`."""
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
        answer_key=key,
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


def _context(exchange: Exchange) -> dict[str, Any]:
    request, reply, origin = exchange.request, exchange.reply, exchange.request.origin
    adjusted = [_fields(adjustment) for adjustment in exchange.adjusted]
    parameters = {**request.parameters, "stream": request.stream, **request.extra}
    return _present(
        {
            "source": origin.source,
            "conversation": origin.conversation,
            "comparison": origin.comparison,
            "own_system": origin.own_system or None,
            "base_url": request.base_url,
            "model": request.model,
            "response_model": reply.model,
            "finish_reason": reply.finish_reason,
            "usage_source": reply.usage.source if reply.usage else None,
            "error_kind": exchange.error.kind if exchange.error else None,
            "error_param": exchange.error.param if exchange.error else None,
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
    reply, error, usage = exchange.reply, exchange.error, exchange.reply.usage or _NO_USAGE
    tokens = (
        *(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
        *(usage.cached_tokens, usage.reasoning_tokens),
    )
    http_status = reply.http_status or (error.http_status if error else None)
    return packed(
        (
            round(exchange.started.timestamp() * 1e6),
            exchange.request.origin.turn,
            *[None if count is None or count > _LARGEST else count for count in tokens],
            reply.cost,
            exchange.first_token_s,
            exchange.seconds,
            _attempts(exchange, answered=http_status is not None or bool(reply.choices)),
            http_status,
        )
    )


def _attempts(exchange: Exchange, *, answered: bool) -> int | None:
    """How many times the request was sent; the flight tells of those that another one follows.

    None followed where that was stopped before, in the wait.
    """
    told = exchange.attempts
    if told and (told[-1].wait is None or exchange.status == "interrupted"):
        return len(told)
    return len(told) + 1 if told or answered else None


def _fields(value: Adjustment | Attempt) -> dict[str, Any]:
    return _present({name: getattr(value, name) for name in value.__slots__})


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
