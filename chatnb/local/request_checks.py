"""What the embedded server would accept and should not, would misread, or decides by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chatnb.errors import InvalidInput
from chatnb.local.serve import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE
from chatnb.records import Adjustment, Message, Reply, Request

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_LIMITS = ("max_tokens", "max_completion_tokens", "n_predict")
_TEXT_PARTS = ("text", "refusal")
# Between the first character and the rest: seen by nobody, and no longer a control token.
_BREAK = "\u200b"


def checked(request: Request, model: str | None) -> Request:
    """The request with notes on what the embedded model makes of it; InvalidInput where it cannot.

    llama.cpp answers under any model name, any role and with no messages at all.
    """
    if request.model != model:
        raise InvalidInput(
            f"{request.model!r} is not here: the embedded model is {model}. Unset the model to use "
            "it, or connect to a server that has the other: %chat_connect URL -m MODEL.",
            kind="model_not_found",
            param="model",
        )
    if not request.messages:
        raise InvalidInput("There is no message to answer.", kind="usage", param="messages")
    for number, message in enumerate(request.messages):
        _check(number, message)
    return replace(request, adjusted=(*request.adjusted, *_notes(request)))


def _check(number: int, message: Message) -> None:
    where = f"messages[{number}]"
    if message.role not in _ROLES:
        raise InvalidInput(
            f"{where} has the role {message.role!r}; roles are {', '.join(_ROLES[:5])}.",
            kind="usage",
            param="messages",
        )
    if isinstance(message.content, Sequence) and not isinstance(message.content, str):
        for part in message.content:
            kind = part.get("type") if isinstance(part, dict) else type(part).__name__
            if kind not in _TEXT_PARTS:
                raise InvalidInput(
                    f"{where} has a part of type {kind!r}: the embedded model reads only text.",
                    kind="usage",
                    param="messages",
                )


def _notes(request: Request) -> list[Adjustment]:
    """What has no effect, or another one than elsewhere."""
    set_fields = {**request.parameters, **request.extra}
    notes = []
    if set_fields.get("temperature") is None:
        default = DEFAULT_TEMPERATURE
        why = f"unset: the embedded server's default {default} was at work"
        notes.append(Adjustment("temperature", why, None, default))
    if any(message.role == "developer" for message in request.messages):
        why = "the embedded model reads the role developer as system"
        notes.append(Adjustment("messages", why, "developer", "system"))
    if set_fields.get("tools"):
        notes.append(Adjustment("tools", "no effect: the embedded model calls no tools"))
    return notes


def told_limit(request: Request, reply: Reply) -> Reply:
    """The reply with a note where the server's own limit on its length ended it."""
    set_fields = {**request.parameters, **request.extra}
    if any(set_fields.get(name) is not None for name in _LIMITS):
        return reply
    # Fewer tokens: it was the context that was full.
    tokens = reply.usage.completion_tokens if reply.usage else None
    cut = any(choice.finish_reason == "length" for choice in reply.choices)
    if not cut or (tokens is not None and tokens < DEFAULT_MAX_TOKENS):
        return reply
    why = f"the embedded server stops at {DEFAULT_MAX_TOKENS} tokens where no limit is set"
    note = Adjustment("max_tokens", why, None, DEFAULT_MAX_TOKENS)
    return replace(reply, adjusted=(*reply.adjusted, note))


def without_control_tokens(request: Request, tokens: Sequence[str]) -> Request:
    """The request with an invisible break inside whatever its texts have of control tokens.

    A `<|im_end|>` in a message would end that message for the model, and what follows could speak
    in any role.
    """
    if not tokens:
        return request
    pattern = re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))))
    found: list[str] = []

    def broken(match: re.Match[str]) -> str:
        found.append(match[0])
        return match[0][0] + _BREAK + match[0][1:]

    messages = tuple(
        replace(message, content=_in_texts(message.content, lambda text: pattern.sub(broken, text)))
        for message in request.messages
    )
    if not found:
        return request
    names = ", ".join(dict.fromkeys(found))
    why = f"{names} reads as text: an invisible break keeps it from being a control token"
    note = Adjustment("messages", why)
    return replace(request, messages=messages, adjusted=(*request.adjusted, note))


def _in_texts(content: Any, change: Callable[[str], str]) -> Any:
    if isinstance(content, str):
        return change(content)
    if not isinstance(content, Sequence):
        return content
    return [
        {**part, "text": change(part["text"])} if isinstance(part.get("text"), str) else part
        for part in content
    ]
