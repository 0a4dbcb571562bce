"""The turn in the air, published to whoever watches: first at its first text, then throttled."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from chatnb.backend import Deadlines, Flight
from chatnb.records import Attempt, Live, Request

EVERY_S = 0.1


class LiveTurn:
    """Publishes a `Live` at the first text, at most ten times a second after it, and each wait.

    Throttling stands here, once, and not in every view: the SDK alone costs 100 microseconds a
    chunk, a redraw a thousand.
    """

    def __init__(
        self, request: Request, deadlines: Deadlines, publish: Callable[[Live], None]
    ) -> None:
        self._publish = publish
        self._streams = request.stream
        self._published = float("-inf")
        self._thoughts: list[str] = []
        self._live = Live(
            str(request.messages[-1].content),
            conversation=request.origin.conversation or "",
            origin=request.origin,
        )
        self.flight = Flight(
            deadlines,
            on_delta=self._delta,
            on_attempt=self._attempt,
            on_reasoning=self._reasoning,
            on_waiting=self._waiting,
        )

    def _delta(self, choice: int, text: str) -> None:  # noqa: ARG002 - the flight keeps the text
        self._advance()

    def _reasoning(self, choice: int, text: str) -> None:
        if choice == 0:
            self._thoughts.append(text)
        self._advance()

    def _waiting(self, what: str) -> None:
        self._publish(replace(self._live, waiting=what, attempt=None))

    def _attempt(self, attempt: Attempt) -> None:
        if attempt.wait is not None:
            self._live = replace(self._live, attempt=attempt)
            self._publish(self._live)

    def _advance(self) -> None:
        if not self._streams:  # it is whole: its end is published in a moment
            return
        now = time.perf_counter()
        if now - self._published < EVERY_S:
            return
        self._published = now
        self._live = replace(
            self._live,
            texts=self.flight.texts(),
            reasoning="".join(self._thoughts),
            attempt=None,
        )
        self._publish(self._live)
