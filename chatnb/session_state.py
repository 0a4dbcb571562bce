"""The state of a session: one frozen value, changed by one assignment under a lock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import traitlets

from chatnb.conversation import Conversation, Place, Timeline, Turn, with_answer
from chatnb.errors import InvalidInput
from chatnb.interrupts import deferred
from chatnb.records import Exchange, Live, Message, messages_from
from chatnb.text_checks import checked_content, checked_text

MAIN = "main"
ROLES = ("system", "developer", "user", "assistant", "tool")


@dataclass(frozen=True, eq=False)
class State:
    """Everything a view may show. Two states are compared by identity: it is cheap and enough."""

    timelines: Mapping[str, Timeline] = field(default_factory=dict)
    current: str = MAIN
    live: Live | None = None
    last: Exchange | None = None

    def timeline(self, name: str | None = None) -> Timeline:
        """The conversation of that name with its past and future; a new one is empty."""
        return self.timelines.get(name or self.current, Timeline())


class ConversationHolder(traitlets.HasTraits):
    """The conversations of a session and the ways to change them, each one step of undo."""

    state = traitlets.Instance(State, ())

    def __init__(self, place: Callable[[], Place] = Place) -> None:
        super().__init__()
        self._place = place
        self._lock = threading.RLock()

    @property
    def conversation(self) -> Conversation:
        """The current conversation."""
        return self.state.timeline().present

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What the next request sends before its prompt, as the API's dictionaries."""
        return [message.to_wire() for message in self.conversation.messages]

    @property
    def last(self) -> Exchange | None:
        """The exchange that ended last, failed or not."""
        return self.state.last

    def system(self, text: str | None) -> None:
        """Set the conversation's system message; None removes it."""
        if text is not None:
            checked_text(text, "The system message")
        self._change("the system message", lambda now: replace(now, system=text))

    def add(self, role: str, content: Any, *, append: bool = False) -> None:
        """Enter a hand-written message, such as an assistant's turn that sets an example.

        >>> chat.add("assistant", "The first president was George Washington.")  # doctest: +SKIP
        """
        message = Message(checked_role(role), checked_content(content, "A message's content"))
        turn = Turn((message,), self._place())
        self._change(f"the added {role} message", lambda now: now.entered(turn, append=append))

    def load(self, messages: Iterable[Mapping[str, Any] | Message]) -> None:
        """Replace the conversation by these messages (the API's dictionaries).

        >>> chat.load([{"role": "user", "content": "Hi"}])  # doctest: +SKIP
        """
        loaded = conversation_of(messages, self._place())
        self._change("the loaded messages", lambda _: loaded)

    def undo(self) -> str:
        """Take back the last change of the conversation, whatever it was; says what it was."""
        with deferred(), self._lock:
            what, timeline = self.state.timeline().undone()
            self._put(self.state.current, timeline)
        return what

    def redo(self) -> str:
        """Do again what undo took back; says what it was."""
        with deferred(), self._lock:
            what, timeline = self.state.timeline().redone()
            self._put(self.state.current, timeline)
        return what

    def reset(self) -> None:
        """Empty the conversation, its system message too; the log keeps everything."""
        self._change("the reset", lambda _: Conversation())

    def _change(
        self, what: str, make: Callable[[Conversation], Conversation], name: str | None = None
    ) -> None:
        with deferred(), self._lock:
            name = name or self.state.current
            timeline = self.state.timeline(name)
            self._put(name, timeline.changed(what, make(timeline.present)))

    def _put(self, name: str, timeline: Timeline) -> None:
        self._publish(timelines={**self.state.timelines, name: timeline})

    def _publish(self, **changes: Any) -> None:
        """One assignment; a view that fails must not cost a row, so its error ends here."""
        with self._lock:
            try:
                self.state = replace(self.state, **changes)
            except Exception:
                logging.getLogger("chatnb").exception("A view of the session failed.")


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


def checked_role(role: str) -> str:
    """The role, if the API has it."""
    if role not in ROLES:
        raise InvalidInput(f"A role is one of {', '.join(ROLES)}, not {role!r}.", kind="usage")
    return role
