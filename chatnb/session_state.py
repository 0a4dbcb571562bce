"""The state of a session: one frozen value, changed by one assignment under a lock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import traitlets

from chatnb.conversation import Conversation, Entry, Place, Timeline, Turn, turn_of
from chatnb.errors import InvalidInput
from chatnb.hand_written import checked_role, conversation_of
from chatnb.interrupts import deferred
from chatnb.prompts import Asked
from chatnb.records import Exchange, Live, Message
from chatnb.text_checks import checked_content, checked_text

MAIN = "main"


@dataclass(frozen=True, eq=False)
class State:
    """Everything a view may show. Two states are compared by identity: it is cheap and enough.

    `last` is the exchange that ended last, `asked` what it came of: its cell, its conversation.
    """

    timelines: Mapping[str, Timeline] = field(default_factory=dict)
    current: str = MAIN
    live: Live | None = None
    last: Exchange | None = None
    asked: Asked | None = None

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
        self._unanswered: Asked | None = None  # what `retry` sends again

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
        """Set the conversation's system message; None, or an empty one, removes it."""
        system = None if text is None else checked_text(text, "The system message") or None
        self._change("the system message", lambda now: replace(now, system=system))

    def add(self, role: str, content: Any, *, append: bool = False) -> None:
        """Enter a hand-written message, such as an assistant's turn that sets an example.

        >>> chat.add("assistant", "The first president was George Washington.")  # doctest: +SKIP
        """
        message = Message(checked_role(role), checked_content(content, "A message's content"))
        turn = Turn((message,), self._place())
        entry = Entry(turn.place, append)
        self._change(f"the added {role} message", lambda now: now.entered(turn, entry))

    def load(self, messages: Iterable[Mapping[str, Any] | Message]) -> None:
        """Replace the conversation by these messages (the API's dictionaries).

        >>> chat.load([{"role": "user", "content": "Hi"}])  # doctest: +SKIP
        """
        loaded = conversation_of(messages, self._place())
        self._change("the loaded messages", lambda _: loaded)

    def edit(self, turn: Turn, content: str, *, message: int = 0) -> None:
        """Write other words into a message of a turn; nothing is sent.

        >>> chat.edit(chat.conversation.live[0], "Madison.", message=1)     # doctest: +SKIP

        `message`: 0 is the prompt, 1 the answer.
        """
        checked_content(content, "A message's content")
        self._change("the edit", lambda now: now.with_edited(turn, message, content))

    def keep(self, choice: int | None = None, *, turn: Turn | None = None) -> None:
        """Make another choice of the last answer the one that is sent, counted from 0.

        >>> chat.keep(1)                                    # doctest: +SKIP

        `turn`: of the answer of this turn. Without a number: enter the text of a request that broke
        off, or did not fit its form.
        """
        if choice is None:
            self._keep_partial()
            return
        if not isinstance(choice, int) or isinstance(choice, bool):
            raise InvalidInput(f"A choice is a number from 0, not {choice!r}.", kind="usage")
        self._change(f"keeping choice {choice}", lambda now: now.with_choice(choice, turn))

    def _keep_partial(self) -> None:
        last, asked = self.state.last, self.state.asked
        if last is None or asked is None or last.error is None or not last.reply.text:
            raise InvalidInput("There is no partial answer to keep.", kind="usage")
        name = last.request.origin.conversation
        turns = self.state.timeline(name).present.turns
        if name is None or any(turn.exchange == last.id for turn in turns):
            why = "it was sent with --fresh" if name is None else "it is there already"
            raise InvalidInput(f"The partial answer is not kept: {why}.", kind="usage")
        # It belongs to the cell that sent it, not to the one that keeps it.
        entry = asked.entry
        turn = turn_of(last.request, last.reply.choices, entry.place, last.id)
        self._change("keeping the partial answer", lambda now: now.entered(turn, entry), name)
        if self._unanswered is asked:
            self._unanswered = None

    def _placed(self, asked: Asked) -> Asked:
        """What was asked, with the conversation and the cell that it is asked in."""
        if asked.conversation is not None:
            checked_text(asked.conversation, "The name of a conversation")
        # A panel stands in no cell: it may send while one runs.
        place = Place() if asked.source in ("panel", "compare") else self._place()
        name, entry = asked.conversation or self.state.current, replace(asked.entry, place=place)
        return replace(asked, conversation=name, entry=entry)

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

    def adopt(self, fork: ConversationHolder) -> None:
        """Continue with a fork's conversation."""
        conversation = fork.conversation
        self._change("the adopted conversation", lambda _: conversation)

    def _change(
        self, what: str, make: Callable[[Conversation], Conversation], name: str | None = None
    ) -> None:
        with deferred(), self._lock:
            name = name or self.state.current
            timeline = self.state.timeline(name)
            self._put(name, timeline.changed(what, make(timeline.present)))

    def announce(self) -> None:
        """Let observers look again: what is beside the state, the connection, has changed."""
        self._publish()

    def _put(self, name: str, timeline: Timeline) -> None:
        self._publish(timelines={**self.state.timelines, name: timeline})

    def _publish(self, **changes: Any) -> None:
        """One assignment; a view that fails must not cost a row, so its error ends here."""
        with self._lock:
            try:
                self.state = replace(self.state, **changes)
            except Exception:
                logging.getLogger("chatnb").exception("A view of the session failed.")


def entered(timeline: Timeline, exchange: Exchange, entry: Entry) -> Timeline:
    """The timeline with the turn that an answered prompt makes, as one step of undo."""
    turn = turn_of(exchange.request, exchange.reply.choices, entry.place, exchange.id)
    after = timeline.present.entered(turn, entry)
    again = "the re-run of " if timeline.present.notice(entry) else ""
    return timeline.changed(f"{again}turn {len(after.live)}", after)
