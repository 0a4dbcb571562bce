"""The values that everything else speaks of: messages, requests, replies, exchanges.

All are frozen: a reply or a conversation that one thread shows cannot change under it, undo is
keeping the old value, and a comparison is a copy that costs nothing. Field names are the API's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from chatnb.token_usage import Usage as Usage  # noqa: PLC0414 - handed on

if TYPE_CHECKING:
    from datetime import datetime

    from chatnb.errors import ChatError, Interrupted

Status = Literal["started", "ok", "refused", "partial", "empty", "error", "interrupted", "lost"]
Source = Literal["cell", "python", "panel", "compare", "sample"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, as it goes over the wire.

    >>> Message("user", "Hello").to_wire()
    {'role': 'user', 'content': 'Hello'}

    `content` is text or the API's list of content parts; `fields` holds whatever else the
    message had (name, tool_calls, ...), so that a message is sent back exactly as it was given.
    """

    role: str
    content: Any
    fields: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_wire(cls, value: Mapping[str, Any]) -> Message:
        rest = {key: item for key, item in value.items() if key not in ("role", "content")}
        return cls(str(value["role"]), value.get("content"), rest)

    def to_wire(self) -> dict[str, Any]:
        return {"role": self.role, "content": self.content, **self.fields}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in the notebook a request came from; columns of the log, never sent."""

    source: Source = "python"
    conversation: str | None = None
    turn: int | None = None
    cell: str | None = None
    comparison: str | None = None
    own_system: bool = False  # the system message was this request's, not the conversation's


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One thing chatnb changed, or a default that was at work, told in the receipt and the row.

    >>> Adjustment("logit_bias", "looked up 4 token ids of 'blue'").why
    "looked up 4 token ids of 'blue'"
    """

    field: str
    why: str
    asked: Any = None
    sent: Any = None


@dataclass(frozen=True, slots=True)
class Request:
    """One chat completions request: what is sent, and where it came from.

    `parameters` holds the set request parameters under their wire names, without model, messages
    and stream; `extra` what the user gave as `--extra`. Unset means absent. `embedded`: chatnb's
    own model answers, which costs nothing, from the file that `model_file` tells from all others.
    """

    model: str
    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False
    base_url: str = ""
    embedded: bool = False
    origin: Origin = field(default_factory=Origin)
    adjusted: tuple[Adjustment, ...] = ()
    model_file: str = ""

    def body(self) -> dict[str, Any]:
        """The JSON object of the request, as it is sent."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [message.to_wire() for message in self.messages],
            **self.parameters,
            "stream": self.stream,
        }
        if self.stream:
            body["stream_options"] = {"include_usage": True}
        return body | dict(self.extra)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer; several where `n` is above 1. `details`: logprobs, tool_calls, annotations."""

    index: int = 0
    text: str = ""
    finish_reason: str | None = None
    refusal: str | None = None
    reasoning: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model answered.

    >>> Reply((Choice(0, "Hello!", "stop"),)).text
    'Hello!'

    `model` is the name the server answered under; `cost` is in US dollars, None where the price is
    unknown; `response` holds whatever the server said that has no field here (id, created, ...);
    `value` and `misfit` what `parsed` gives or raises.
    """

    choices: tuple[Choice, ...] = ()
    model: str | None = None
    usage: Usage | None = None
    cost: float | None = None
    response: Mapping[str, Any] = field(default_factory=dict)
    http_status: int | None = None
    request_id: str | None = None
    adjusted: tuple[Adjustment, ...] = ()
    value: Any = None
    misfit: ChatError | None = None

    @property
    def first(self) -> Choice:
        return self.choices[0] if self.choices else Choice()

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return self.first.text

    @property
    def parsed(self) -> Any:
        """The text in its `response_format`: an instance of the model, or the JSON's value.

        None where no form was asked for, or the model refused. Raises UnfitReply where the text
        does not fit.
        """
        if self.misfit is not None:
            raise self.misfit
        return self.value

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended: stop, length, tool_calls, content_filter."""
        return self.first.finish_reason

    @property
    def refusal(self) -> str | None:
        return self.first.refusal

    @property
    def reasoning(self) -> str:
        return self.first.reasoning

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP attempt: its status (None where no answer came), and the wait (s) that follows."""

    number: int
    status: int | None = None
    wait: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with whatever came of it: one row of the log.

    `notes` are lines for the receipt that are no columns: what a re-run replaced, where the log is.
    """

    request: Request
    started: datetime
    id: int | None = None
    status: Status = "started"
    reply: Reply = field(default_factory=Reply)
    error: ChatError | Interrupted | None = None
    attempts: tuple[Attempt, ...] = ()
    first_token_s: float | None = None
    seconds: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def adjusted(self) -> tuple[Adjustment, ...]:
        return self.request.adjusted + self.reply.adjusted


@dataclass(frozen=True, slots=True)
class Live:
    """The turn in the air, as far as it has come: one text a choice, and the wait for a retry."""

    prompt: str
    texts: tuple[str, ...] = ("",)
    reasoning: str = ""
    attempt: Attempt | None = None
    waiting: str = ""
    conversation: str = ""
    origin: Origin = field(default_factory=Origin)


def messages_from(values: Iterable[Mapping[str, Any] | Message]) -> tuple[Message, ...]:
    """Messages from the API's own dictionaries, or from messages."""
    return tuple(
        value if isinstance(value, Message) else Message.from_wire(value) for value in values
    )
