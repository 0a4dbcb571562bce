"""The values that everything else speaks of: messages, requests, replies, exchanges.

All are frozen: a reply or a conversation that one thread shows cannot change under it, undo is
keeping the old value, and a comparison is a copy that costs nothing. Field names are the API's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

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


def _count(value: object) -> int | None:
    """A token count that can be believed: a non-negative integer; anything else is unknown."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; None is "not said", never 0.

    >>> str(Usage(17, 26, 43))
    '17 + 26 = 43 tokens'
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    source: Literal["server", "summed"] = "server"

    @classmethod
    def from_wire(cls, raw: object) -> Usage | None:
        """What can be believed of the `usage` object of an answer; None where nothing can."""
        if not isinstance(raw, Mapping):
            return None
        prompt = raw.get("prompt_tokens_details")
        completion = raw.get("completion_tokens_details")
        counts = (
            _count(raw.get("prompt_tokens")),
            _count(raw.get("completion_tokens")),
            _count(raw.get("total_tokens")),
            _count(prompt.get("cached_tokens")) if isinstance(prompt, Mapping) else None,
            _count(completion.get("reasoning_tokens")) if isinstance(completion, Mapping) else None,
        )
        return cls(*counts) if any(count is not None for count in counts) else None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
            _sum(self.total_tokens, other.total_tokens),
            _sum(self.cached_tokens, other.cached_tokens),
            _sum(self.reasoning_tokens, other.reasoning_tokens),
            "summed",
        )

    def __str__(self) -> str:
        prompt, completion, total = (
            "?" if count is None else f"{count:,}"
            for count in (self.prompt_tokens, self.completion_tokens, self.total_tokens)
        )
        return f"{prompt} + {completion} = {total} tokens"


def _sum(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return first if second is None else second
    return first + second


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
    own model answers, which costs nothing.
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
    unknown; `response` holds whatever the server said that has no field here (id, created, ...).
    """

    choices: tuple[Choice, ...] = ()
    model: str | None = None
    usage: Usage | None = None
    cost: float | None = None
    response: Mapping[str, Any] = field(default_factory=dict)
    http_status: int | None = None
    request_id: str | None = None
    adjusted: tuple[Adjustment, ...] = ()

    @property
    def first(self) -> Choice:
        return self.choices[0] if self.choices else Choice()

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return self.first.text

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
