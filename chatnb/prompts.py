"""What was asked, and the request that it becomes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chatnb.backend import Backend, Connection, Flight
from chatnb.conversation import Conversation, Entry
from chatnb.errors import InvalidInput
from chatnb.records import Adjustment, Message, Origin, Request, Source
from chatnb.text_checks import checked_text
from chatnb.token_bias import with_token_ids


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt with everything that was asked for this one request.

    `system` replaces the conversation's system message; an empty one is none at all.
    """

    prompt: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    system: str | None = None
    conversation: str | None = None
    entry: Entry = field(default_factory=Entry)
    fresh: bool = False
    source: Source = "python"
    comparison: str | None = None


def request_for(
    asked: Asked,
    conversation: Conversation,
    parameters: Mapping[str, Any],
    connection: Connection,
    *,
    stream: bool,
) -> Request:
    """The request that a prompt makes in this conversation, with these set parameters.

    No server is asked: `completed` does, for what only a server knows. `stream` is the default
    where the parameter is unset.
    """
    found = Conversation() if asked.fresh else conversation.before(asked.entry)
    values = dict(parameters)
    named = values.pop("model", None)
    defaults = {} if named else {k: v for k, v in connection.defaults.items() if k not in values}
    streamed, extra = values.pop("stream", stream), values.pop("extra", {})
    return Request(
        named or connection.model or "",
        messages_for(asked, found),
        {**defaults, **values},
        extra,
        streamed,
        connection.base_url,
        connection.embedded,
        origin_of(asked, found),
        tuple(_told(name, value, connection) for name, value in defaults.items()),
    )


def completed(request: Request, connected: Connected, flight: Flight) -> Request:
    """The request as it will be sent: its model, the token ids of words, the backend's own part."""
    return completed_all([request], connected, flight)[0]


def completed_all(
    requests: Iterable[Request], connected: Connected, flight: Flight
) -> list[Request]:
    """Each request as it will be sent; a word's token ids are asked for once for all of them."""
    backend = connected.backend
    token_ids = functools.cache(lambda text: backend.token_ids(text, flight))
    named = (r if r.model else replace(r, model=connected.model(flight)) for r in requests)
    return [backend.prepare(with_token_ids(request, token_ids)) for request in named]


def messages_for(asked: Asked, conversation: Conversation) -> tuple[Message, ...]:
    """The messages of a request: the conversation's, its system message replaced if asked."""
    if not checked_text(asked.prompt, "The prompt").strip():
        raise InvalidInput("The prompt is empty: nothing was sent.", kind="usage")
    if asked.system is not None:
        system = checked_text(asked.system, "The system message")
        conversation = replace(conversation, system=system or None)
    return (*conversation.messages, Message("user", asked.prompt))


@dataclass(frozen=True)
class Connected:
    """A connection that is open: who answers, and what to say of it at its first use."""

    connection: Connection
    backend: Backend
    described: str = ""
    _listed: list[str] = field(default_factory=list, repr=False, compare=False)

    def model(self, flight: Flight) -> str:
        """The model that answers where none was named; a server is asked until it lists one."""
        if not self._listed:
            self._listed.append(only_model(self.connection, self.backend, flight))
        return self._listed[0]


def only_model(connection: Connection, backend: Backend, flight: Flight) -> str:
    """The only model that a server lists; InvalidInput where it has several, or none."""
    listed = list(backend.models(flight))
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
    own_system = asked.system is not None
    return Origin(asked.source, name, turn, asked.entry.place.cell, asked.comparison, own_system)


def _told(name: str, value: Any, connection: Connection) -> Adjustment:
    return Adjustment(name, f"{name}={value}, chatnb's default for {connection.model}", None, value)
