"""The compare page: one prompt under two to four settings, sent together, streamed together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from secrets import token_hex
from typing import Any

from chatnb.errors import InvalidInput
from chatnb.exchanges import as_failure
from chatnb.playground.lanes import Event, Lane, lane_of
from chatnb.playground.worker import in_background
from chatnb.prompts import Asked
from chatnb.records import Exchange, Live
from chatnb.sessions import Session

FEWEST, MOST = 2, 4
STOP_AGAIN_S = 0.02


def _nobody(exchange: Exchange) -> None:
    pass


class Comparison:
    """The same prompt under several settings, each on a fork of the session.

    >>> comparison = Comparison(session, tell)                              # doctest: +SKIP
    >>> comparison.start("Hello", [{"temperature": 0}, {"temperature": 1.5}])   # doctest: +SKIP
    >>> comparison.adopt(2)                                                 # doctest: +SKIP

    `tell` gets lists of events, on any thread, one at a time; `landed` each exchange as it ends.
    Every exchange is a row of the log with source "compare" and the same `comparison`.
    """

    def __init__(
        self,
        session: Session,
        tell: Callable[[Iterable[Event]], None],
        landed: Callable[[Exchange], None] = _nobody,
    ) -> None:
        self._session = session
        self._tell = tell
        self._landed = landed
        self._lock = threading.RLock()
        self._lanes: Sequence[Lane] = ()
        self._prompt = ""
        self.id = ""

    @property
    def running(self) -> bool:
        """Whether any lane is still being answered."""
        return not all(lane.ended.is_set() for lane in self._lanes)

    def start(self, prompt: str, lanes: Sequence[Mapping[str, Any]]) -> str:
        """Send the prompt in every lane; the comparison's id, as in the log.

        A lane: request parameters by name, and `base_url` and `key` for another connection. All
        are checked before anything is sent; InvalidInput names the lane.
        """
        with self._lock:
            if self.running:
                line = "A comparison is still running: wait for it, or stop it."
                raise InvalidInput(line, kind="busy")
            # Never a number, whatever reads the exported log: 1e234567 would be infinite.
            name = f"c{token_hex(4)}"
            made = self._checked(name, prompt, lanes)
            self.id, self._prompt, self._lanes = name, prompt, made
            self._tell(self._begun())
        for lane in made:
            in_background(partial(self._run, lane))
        return self.id

    def stop(self, id: str | None = None) -> None:
        """End all lanes; one that comes late, for another `id`, ends nothing."""
        if id in (None, self.id):
            for lane in self._lanes:
                lane.fork.stop()
                in_background(partial(_stopped_in_the_end, lane))

    def adopt(self, lane: int) -> str:
        """Continue the session's conversation with that of a lane; what that is, in words."""
        found = self._lane(lane)
        if not found.answered:
            raise InvalidInput(f"Lane {lane} has no answer to continue with.", kind="usage")
        if self._session.busy:
            raise InvalidInput("It is still answering: wait for it, or stop it.", kind="busy")
        name = found.fork.state.current
        if name != self._session.state.current:
            line = f"This comparison belongs to the conversation {name}: go there first."
            raise InvalidInput(line, kind="usage")
        self._session.adopt(found.fork)
        return f"lane {lane}"

    def everything(self) -> list[Event]:
        """The last comparison as events, for a view that has just been opened."""
        with self._lock:
            if not self._lanes:
                return []
            events = self._begun()
            for lane in self._lanes:
                live = lane.fork.state.live
                events += [lane.done()] if lane.ended.is_set() else []
                events += lane.flying(live) if live else []
            events += [] if self.running else [self._ended()]
            lanes = self._lanes
        return [*events, *_differences(lanes, lanes)]

    def _checked(self, name: str, prompt: str, lanes: Sequence[Mapping[str, Any]]) -> list[Lane]:
        if not FEWEST <= len(lanes) <= MOST:
            line = f"A comparison has {FEWEST} to {MOST} lanes, not {len(lanes)}."
            raise InvalidInput(line, kind="usage")
        self._session.drafted(Asked(prompt, source="compare"))
        return [lane_of(self._session, name, *numbered) for numbered in enumerate(lanes, 1)]

    def _lane(self, number: int) -> Lane:
        for lane in self._lanes:
            if lane.number == number:
                return lane
        raise InvalidInput(f"There is no lane {number}.", kind="usage")

    def _run(self, lane: Lane) -> None:
        lane.fork.observe(lambda change: self._follow(lane, change["new"].live), "state")
        about: dict[str, Any] = {"source": "compare", "comparison": self.id}
        try:
            lane.fork.send(self._prompt, **about, **lane.values)
            lane.exchange = lane.fork.last
        except BaseException as caught:  # noqa: BLE001 - the other lanes go on, whatever it is
            lane.failure = as_failure(caught)
            lane.exchange = lane.failure.exchange
        self._landing(lane)

    def _follow(self, lane: Lane, live: Live | None) -> None:
        with self._lock:
            if live is not None:
                self._tell(lane.flying(live))

    def _landing(self, lane: Lane) -> None:
        done = lane.done()  # not under the lock, nor are the differences: the others stream on
        with self._lock:
            lane.ended.set()
            lanes = self._lanes
            # Whoever is the later of two compares them.
            to_compare = lanes if lane is lanes[0] else [lane]
            to_compare = [each for each in to_compare if each.ended.is_set()]
            self._tell([done, *([] if self.running else [self._ended()])])
        lane.close()
        if lane.exchange is not None:
            self._landed(lane.exchange)
        self._tell(_differences(lanes, to_compare))

    def _begun(self) -> list[Event]:
        asked = [dict(lane.asked) for lane in self._lanes]
        begun = {"event": "comparison", "id": self.id, "prompt": self._prompt, "lanes": asked}
        return [begun, *(lane.takes_off() for lane in self._lanes)]

    def _ended(self) -> Event:
        return {"event": "comparison_ended", "id": self.id}


def _differences(lanes: Sequence[Lane], to_compare: Iterable[Lane]) -> list[Event]:
    """Against lane 1."""
    return [event for lane in to_compare for event in lane.differences(lanes[0])]


def _stopped_in_the_end(lane: Lane) -> None:
    """What is still drafted, or asks for its model, has no request yet that could be stopped."""
    while not lane.ended.wait(STOP_AGAIN_S):
        lane.fork.stop()
