"""Which turns of the conversation a panel shows, and what of it is new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatnb.conversation import Conversation, Turn
from chatnb.playground.turn_view import numbered, turn_view
from chatnb.records import Exchange

Event = dict[str, Any]


class Transcript:
    """Remembers what was sent to the front end, so that a turn is sent only when it changes."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[Turn, int | None]] = {}

    def turn(self, key: str) -> Turn | None:
        """The turn that the front end knows by this key."""
        shown = self._shown.get(key)
        return shown[0] if shown else None

    def forget(self) -> None:
        """The next event tells everything: a new view has nothing yet."""
        self._shown = {}

    def event(self, conversation: Conversation, exchanges: Mapping[int, Exchange]) -> Event | None:
        """The `turns` event; None where nothing is new."""
        now = {turn.key: (turn, number) for turn, number in numbered(conversation)}
        # By identity: to compare a long conversation by value costs more than to draw a turn.
        changed = [key for key, shown in now.items() if not _same(shown, self._shown.get(key))]
        if list(now) == list(self._shown) and not changed:
            return None
        self._shown = now
        turns = [_view(*now[key], exchanges) for key in changed]
        return {"event": "turns", "order": list(now), "turns": turns}


def _same(shown: tuple[Turn, int | None], before: tuple[Turn, int | None] | None) -> bool:
    return before is not None and shown[0] is before[0] and shown[1] == before[1]


def _view(turn: Turn, number: int | None, exchanges: Mapping[int, Exchange]) -> Event:
    exchange = None if turn.exchange is None else exchanges.get(turn.exchange)
    return turn_view(turn, number, exchange)
