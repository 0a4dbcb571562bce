"""Conversations from messages that were written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chatnb.conversation import Conversation, Place, Turn, with_answer
from chatnb.errors import InvalidInput
from chatnb.records import Message, messages_from
from chatnb.text_checks import checked_content

ROLES = ("system", "developer", "user", "assistant", "tool")


def conversation_of(messages: Iterable[Mapping[str, Any] | Message], place: Place) -> Conversation:
    """A conversation of hand-written messages; a system message that comes first is its own."""
    try:
        loaded = messages_from(messages)
    except (KeyError, TypeError, AttributeError):
        raise InvalidInput(
            'Messages are a list of {"role": ..., "content": ...}: nothing was loaded.',
            kind="usage",
        ) from None
    for message in loaded:
        checked_role(message.role)
        # An assistant's message that only calls a tool has no content.
        if message.content is not None or not _calls(message):
            checked_content(message.content, "A message's content")
    first = loaded[0] if loaded else None
    if first is not None and first.role == "system" and isinstance(first.content, str):
        rest, system = loaded[1:], first.content
    else:
        rest, system = loaded, None
    turns: tuple[Turn, ...] = ()
    for message in rest:
        turns = with_answer(turns, Turn((message,), place))
    return Conversation(system, turns)


def _calls(message: Message) -> bool:
    return bool(message.fields.get("tool_calls") or message.fields.get("function_call"))


def checked_role(role: str) -> str:
    """The role, if the API has it."""
    if role not in ROLES:
        raise InvalidInput(f"A role is one of {', '.join(ROLES)}, not {role!r}.", kind="usage")
    return role
