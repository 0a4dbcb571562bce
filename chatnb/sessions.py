"""The session: the only place where state changes.

One per kernel, shared by cells, panel and Python; anyone may build another.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chatnb.backend import Flight
from chatnb.budgets import Budget
from chatnb.conversation import Entry, Place, Turn
from chatnb.drafter import Drafter
from chatnb.errors import Interrupted, InvalidInput
from chatnb.exchanges import answer_of, run_draft
from chatnb.hand_written import conversation_of
from chatnb.interrupts import Deferral, before_sending, deferred
from chatnb.live_turns import LiveTurn
from chatnb.parameters import Parameters
from chatnb.prompts import Asked, Connected
from chatnb.records import Exchange, Live, Reply, Request, Source
from chatnb.request_log import RequestLog
from chatnb.session_state import MAIN, State, entered
from chatnb.settings import Settings


class Session(Drafter):
    """A conversation with a model, its parameters, and the log that every exchange enters.

    >>> chat = chatnb.session()                     # doctest: +SKIP
    >>> chat.send("Tell me a joke").text            # doctest: +SKIP

    `state` is observable; observers may be called on any thread. One request at a time: a second
    caller gets one line and no row. `fork` gives an independent session with the same history.
    """

    def __init__(
        self,
        connected: Callable[[], Connected],
        log: RequestLog,
        *,
        budget: Budget | None = None,
        place: Callable[[], Place] = Place,
        parameters: Parameters | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(connected, place, parameters, settings)
        self.log = log
        self.budget = budget or Budget(self.settings.budget, self.settings.max_requests)
        self._sending = threading.Lock()
        self._flight: Flight | None = None
        self._described: str | None = None
        self.settings.observe(self._follow_conversation, "conversation")
        self.budget.follow(self.settings)

    def __repr__(self) -> str:
        turns = len(self.conversation.live)
        name = self.state.current if self.state.current.isprintable() else ascii(self.state.current)
        return f"<Session {name}: {turns} {'turn' if turns == 1 else 'turns'}>"

    @property
    def busy(self) -> bool:
        """Whether a request of this session is in the air."""
        return self._sending.locked()

    def send(
        self,
        prompt: str,
        *,
        system: str | None = None,
        conversation: str | None = None,
        append: bool = False,
        fresh: bool = False,
        replaces: Turn | None = None,
        source: Source = "python",
        comparison: str | None = None,
        **parameters: Any,
    ) -> Reply:
        """Send a prompt in the conversation and return the Reply.

        >>> chat.send("And then?", temperature=0).text      # doctest: +SKIP

        `parameters` hold for this request (None: not sent); `system` replaces the system message
        for it; `fresh` neither reads nor enters the conversation; `append` adds a turn where a
        re-run would replace one; `replaces` is a turn that this one takes the place of, with
        everything after it. Raises ChatError, or Interrupted; either carries the exchange.
        """
        entry = Entry(append=append, replaces=replaces)
        asked = Asked(prompt, parameters, system, conversation, entry, fresh, source, comparison)
        return self._send(self._placed(asked))

    def _send(self, asked: Asked) -> Reply:
        exchange: Exchange | None = None
        try:
            with before_sending(), deferred() as interrupts, self._one_at_a_time():
                connected = self._connected()
                request = self._drafted(asked, connected, stream=True)
                self._unanswered = asked
                exchange = self._exchanged(asked, request, connected, interrupts)
                self._unanswered = asked if exchange.error else None
                return answer_of(exchange)
        except Interrupted as late:
            late.exchange = late.exchange or exchange
            raise

    def ask(self, prompt: str, *, system: str | None = None, **parameters: Any) -> Reply:
        """Answer one question without history: entered nowhere, logged, nothing drawn.

        >>> chat.ask("Hello", temperature=0).text           # doctest: +SKIP

        `response_format` takes a pydantic model, a JSON schema or the API's own form; the answer in
        that form is `.parsed`. Raises ChatError; one of kind `bad_schema`, with the text in
        `.reply`, where the answer does not fit.
        """
        with before_sending(), deferred() as interrupts:
            connected = self._connected()
            asked = self._placed(Asked(prompt, parameters, system, fresh=True))
            request = self._drafted(asked, connected, stream=False)
            exchange = self._run(request, connected, Flight(self.settings.deadlines()), interrupts)
            self._told("python")
            return answer_of(exchange)

    def regenerate(self, turn: Turn | None = None, **options: Any) -> Reply:
        """Ask a turn's prompt again, the last one's where none is named; it takes its place.

        >>> chat.regenerate(temperature=1).text             # doctest: +SKIP
        """
        live = self.conversation.live
        if turn is None and not live:
            raise InvalidInput("There is no turn to ask again.", kind="usage")
        turn = turn or live[-1]
        if turn.messages[0].role != "user" or not isinstance(turn.messages[0].content, str):
            raise InvalidInput("That turn has no prompt to ask again.", kind="usage")
        return self.send(turn.messages[0].content, replaces=turn, **options)

    def retry(self) -> Reply:
        """Send the last prompt once more, where its request failed.

        >>> chat.retry().text                               # doctest: +SKIP

        It goes where it went: to its conversation, in the place of its cell.
        """
        if self._unanswered is None:
            raise InvalidInput("The last request did not fail: there is nothing to retry.")
        return self._send(self._unanswered)

    def stop(self) -> None:
        """End the request in the air, from any thread; its text so far is kept in its row."""
        flight = self._flight
        if flight is not None:
            flight.stop()

    def resume(self) -> None:
        """Continue the conversation that this notebook had before its kernel was restarted.

        >>> chat.resume()                                   # doctest: +SKIP

        It is as it was last sent, but for a system message of that request alone. Choices kept,
        undo, reset and hand-written turns after it are not in the log.
        """
        from chatnb.request_log.log_rows import last_conversation

        notebook = self.log.notebook
        stored = last_conversation(self.log, notebook) if notebook else None
        if stored is None:
            raise InvalidInput("The log has no earlier conversation of this notebook.")
        loaded = conversation_of(stored.messages, Place())
        self._change("the resumed conversation", lambda _: loaded, stored.name)
        self.settings.conversation = None if stored.name == MAIN else stored.name

    def fork(self, connected: Callable[[], Connected] | None = None) -> Session:
        """An independent session with the same conversations, parameters, settings and log.

        `connected`: who answers it, if not who answers this one.
        """
        twin = Session(
            connected or self._connected,
            self.log,
            budget=self.budget,
            place=self._place,
            parameters=Parameters(**self.parameters.values()),
            settings=Settings(**self.settings.values()),
        )
        twin.state = replace(self.state, live=None)
        return twin

    def _exchanged(
        self, asked: Asked, request: Request, connected: Connected, interrupts: Deferral
    ) -> Exchange:
        turn = LiveTurn(request, self.settings.deadlines(), self._publish_live)
        self._flight = turn.flight
        try:
            exchange = self._run(request, connected, turn.flight, interrupts)
            return self._committed(asked, exchange)
        finally:
            self._flight = None
            turn.flight.land()
            if self.state.live is not None:
                self._publish(live=None)

    def _run(
        self, request: Request, connected: Connected, flight: Flight, interrupts: Deferral
    ) -> Exchange:
        return run_draft(request, connected, self.log, flight, self.budget, interrupts=interrupts)

    def _committed(self, asked: Asked, exchange: Exchange) -> Exchange:
        """The exchange with its notes, entered in the conversation if it is an answer."""
        with self._lock:
            timeline = self.state.timeline(asked.conversation)
            notice = timeline.present.notice(asked.entry)
            enters = exchange.status in ("ok", "refused") and not (exchange.error or asked.fresh)
            said = (notice,) if enters and notice else ()
            exchange = replace(exchange, notes=said + self._told(asked.source))
            timelines = self.state.timelines
            if enters and asked.conversation:
                after = entered(timeline, exchange, asked.entry)
                timelines = {**timelines, asked.conversation: after}
            self._publish(timelines=timelines, live=None, last=exchange, asked=asked)
            return exchange

    def _publish_live(self, live: Live) -> None:
        self._publish(live=live)

    def introduction(self) -> str:
        """One line that says where requests go; the next answer need not say it again."""
        self._described = self._connected().described
        return self._described

    def notices(self) -> tuple[str, ...]:
        """What is said once, by whoever asks first: where requests go, where the log is."""
        known = self._described == self._connected().described
        told = (*self.log.take_notices(), *self.budget.take_notices())
        return told if known else (self.introduction(), *told)

    def _told(self, source: Source) -> tuple[str, ...]:
        """What is said below an answer; only a cell says what can wait for the next one."""
        if source == "cell":
            return self.notices()
        lines = self.budget.take_notices()
        if source != "python":
            return lines
        for line in lines:  # nothing is drawn there, but this is not to be missed
            logging.getLogger("chatnb").warning(line)
        return ()

    def _follow_conversation(self, change: Mapping[str, Any]) -> None:
        self._publish(current=change["new"] or MAIN)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if not self._sending.acquire(blocking=False):
            raise InvalidInput(
                "This session is still answering: wait for it, stop it, or use "
                "chatnb.session().fork() for a second request at the same time.",
                kind="busy",
            )
        try:
            yield
        finally:
            self._sending.release()


__all__ = ["Session", "State"]
