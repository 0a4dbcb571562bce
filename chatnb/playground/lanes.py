"""One lane of a comparison: what was asked of it, checked before anything is sent."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from chatnb.addresses import OPENAI, checked_base_url, host_of
from chatnb.connections import OPENAI_KEY, connection_to
from chatnb.errors import ChatError, Interrupted, InvalidInput
from chatnb.kernel import this_kernel
from chatnb.playground.controls import entered, shown
from chatnb.playground.streaming import Streaming
from chatnb.playground.word_differences import word_differences
from chatnb.prompts import Connected
from chatnb.records import Exchange, Live
from chatnb.rendering import reply_html
from chatnb.rendering.receipt import ending, receipt
from chatnb.sessions import Session

Event = dict[str, Any]


@dataclass(eq=False)
class Lane:
    """A fork of the session with settings of its own, and how far its answer has come.

    `values`: the request parameters that it overrides, `asked` the same with its connection, as a
    front end shows them; `connected`: who answers it, where that is
    not who answers the session.
    """

    comparison: str
    number: int
    fork: Session
    values: Mapping[str, Any]
    asked: Mapping[str, Any]
    connected: Connected | None = None
    streaming: Streaming | None = None
    exchange: Exchange | None = None
    failure: ChatError | Interrupted | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def text(self) -> str:
        """The first choice as far as it came."""
        return self.exchange.reply.text if self.exchange and self.ended.is_set() else ""

    @property
    def answered(self) -> bool:
        """Whether the fork's conversation has an answer to continue with."""
        return self.exchange is not None and self.failure is None

    def event(self, name: str, **about: Any) -> Event:
        """An event of this lane: its name keeps it apart from the chat page's own."""
        where = {"id": self.comparison, "lane": self.number}
        return {"event": f"lane_{name}", **where, **about}

    def takes_off(self) -> Event:
        """A view begins to follow the answer: it is told all of it again."""
        self.streaming = Streaming(0)
        return self.event("live", waiting="sending…", begins=True)

    def flying(self, live: Live) -> list[Event]:
        """What is new of the answer."""
        told = self.streaming.events(live) if self.streaming else ()
        return [self.event(each.pop("event"), **each) for each in told]

    def done(self) -> Event:
        """The `lane_done` event: what came of it."""
        exchange = self.exchange
        choices = exchange.reply.choices if exchange else ()
        return self.event(
            "done",
            choices=[
                {
                    "html": reply_html(choice.text or choice.refusal or ""),
                    "label": _label(choice.index, choice.finish_reason) if choices[1:] else "",
                }
                for choice in choices
                if choice.text or choice.refusal
            ],
            receipt=receipt(exchange).html if exchange else "",
            line=self.failure.line if self.failure else "",
            answered=self.answered,
        )

    def differences(self, first: Lane) -> list[Event]:
        """The `lane_differences` event against another lane; none where one of them has no text."""
        if not first.text or not self.text or first is self:
            return []
        found = word_differences(first.text, self.text)
        parts = [asdict(part) for part in found.parts]
        return [self.event("differences", parts=parts, line=found.line)]

    def close(self) -> None:
        """Let go of a connection of its own."""
        if self.connected is not None:
            self.connected.backend.close()


def _label(index: int, finish_reason: str | None) -> str:
    return " · ".join(filter(None, (f"choice {index}", ending(finish_reason))))


def lane_of(session: Session, comparison: str, number: int, asked: Mapping[str, Any]) -> Lane:
    """The lane that was asked for; InvalidInput that names it. Nothing is sent or connected.

    >>> lane_of(session, "c3f9a1b20", 1, {"temperature": 0})        # doctest: +SKIP

    `asked` holds request parameters, and for another connection `base_url` ("local" or a URL) and
    `key`, the name of the variable that has its key. What is not in it is as in the session.
    """
    try:
        rest = {name: value for name, value in asked.items() if name not in ("base_url", "key")}
        values = {name: entered(name, value) for name, value in rest.items()}
        values = {name: value for name, value in values.items() if value is not None}
        place = {name: str(asked.get(name) or "").strip() for name in ("base_url", "key")}
        told = {**shown(values), **{name: value for name, value in place.items() if value}}
        connected = _connected(**place, model=values.get("model"))
    except InvalidInput as error:
        line = f"Lane {number}: {error.line}"
        raise InvalidInput(line, kind=error.kind, param=error.param) from error
    if connected is not None:
        values.setdefault("model", None)  # a standing model is one of the session's own server
    fork = session.fork((lambda: connected) if connected else None)
    return Lane(comparison, number, fork, values, told, connected)


def _connected(base_url: str, key: str, model: str | None) -> Connected | None:
    if not base_url:
        if key:
            raise InvalidInput("a key goes with a server: name its base_url too.", kind="usage")
        return None
    kernel = this_kernel()
    if base_url == "local":
        return kernel.open(connection_to("local", model=model, key=key or None))
    base_url = checked_base_url(base_url)
    if not key and host_of(base_url) == host_of(OPENAI):
        key = OPENAI_KEY
    # To ask for a missing key is for a cell: here it would hold up the panel, or nobody would see.
    if key and not os.environ.get(key):
        return _known(base_url, key, model)
    return kernel.open(connection_to(base_url, model=model, key=key or None))


def _known(base_url: str, key: str, model: str | None) -> Connected:
    """A connection whose key was typed before, in a cell."""
    kernel = this_kernel()
    for known in kernel.connections:
        if known.key == key and known.secret and host_of(known.base_url) == host_of(base_url):
            return kernel.open(replace(known, base_url=base_url, model=model))
    # What was typed is not repeated: it may be the key itself.
    raise InvalidInput(
        "no environment variable of this kernel has the name that stands for the key. Set it, or "
        "connect once in a cell: %chat_connect URL --key NAME. A key itself is never typed here.",
        kind="no_key",
    )
