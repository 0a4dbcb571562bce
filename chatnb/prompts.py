"""What was asked, and the request that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chatnb.backend import Backend, Connection
from chatnb.conversation import Conversation, Place
from chatnb.errors import InvalidInput
from chatnb.records import Adjustment, Message, Origin, Request, Source
from chatnb.token_bias import with_token_ids


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt with everything that was asked for this one request."""

    prompt: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    system: str | None = None
    conversation: str | None = None
    append: bool = False
    fresh: bool = False
    source: Source = "python"
    comparison: str | None = None
    place: Place = field(default_factory=Place)


def request_for(
    asked: Asked,
    conversation: Conversation,
    parameters: Mapping[str, Any],
    connection: Connection,
    backend: Backend,
    *,
    stream: bool,
) -> Request:
    """The request that is sent for a prompt in this conversation, with these set parameters.

    `stream` is the default where the parameter is unset.
    """
    found = Conversation() if asked.fresh else conversation.before(asked.place, append=asked.append)
    values = dict(parameters)
    named = values.pop("model", None)
    defaults = {} if named else {k: v for k, v in connection.defaults.items() if k not in values}
    streamed, extra = values.pop("stream", stream), values.pop("extra", {})
    request = Request(
        named or model_of(connection, backend),
        messages_for(asked, found),
        {**defaults, **values},
        extra,
        streamed,
        connection.base_url,
        connection.embedded,
        origin_of(asked, found),
        tuple(_told(name, value, connection) for name, value in defaults.items()),
    )
    return backend.prepare(with_token_ids(request, backend))


def messages_for(asked: Asked, conversation: Conversation) -> tuple[Message, ...]:
    """The messages of a request: the conversation's, its system message replaced if asked."""
    if not asked.prompt.strip():
        raise InvalidInput("The prompt is empty: nothing was sent.", kind="usage")
    try:
        asked.prompt.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"The prompt has half a character (a lone surrogate) at position {error.start}: "
            "nothing was sent. Such text usually comes from a wrong decoding.",
            kind="usage",
        ) from None
    if asked.system is not None:
        conversation = replace(conversation, system=asked.system)
    return (*conversation.messages, Message("user", asked.prompt))


def model_of(connection: Connection, backend: Backend) -> str:
    """The model that answers where none was named: the connection's, or the only one listed."""
    if connection.model:
        return connection.model
    listed = list(backend.models())
    if len(listed) == 1:
        return listed[0]
    names = ", ".join(listed[:8]) + (", ..." if len(listed) > 8 else "")
    has = f"has {len(listed)} models ({names})" if listed else "lists no models"
    raise InvalidInput(
        f"{connection.host} {has}: name one with -m MODEL or %chat_set model=MODEL.",
        kind="usage",
        param="model",
    )


def origin_of(asked: Asked, conversation: Conversation) -> Origin:
    name = None if asked.fresh else asked.conversation
    turn = None if asked.fresh else len(conversation.live) + 1
    return Origin(asked.source, name, turn, asked.place.cell, asked.comparison)


def _told(name: str, value: Any, connection: Connection) -> Adjustment:
    return Adjustment(name, f"{name}={value}, chatnb's default for {connection.model}", None, value)
