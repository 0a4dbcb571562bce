"""A turn in the air as events: only what is new of its text, so that bytes stay linear in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from chatnb.records import Live
from chatnb.rendering.reply_view import waiting_words
from chatnb.rendering.stream_pieces import StreamPieces

Event = dict[str, Any]


class Streaming:
    """One answer on its way to one panel; `flight` names it to the front end."""

    def __init__(self, flight: int) -> None:
        self.flight = flight
        self._pieces: dict[int, StreamPieces] = defaultdict(StreamPieces)
        self._words: str | None = None

    def events(self, live: Live) -> Iterator[Event]:
        """What is new since the last look."""
        words = "" if any(live.texts) else waiting_words(live) or "waiting for the first word…"
        if words != self._words:
            self._words = words
            yield {"event": "live", "flight": self.flight, "waiting": words}
        for choice, text in enumerate(live.texts):
            # A panel that was opened late has several to catch up with.
            while drawing := self._pieces[choice].next(text):
                yield {
                    "event": "piece",
                    "flight": self.flight,
                    "choice": choice,
                    "output": drawing.output,
                    "html": drawing.html,
                }
