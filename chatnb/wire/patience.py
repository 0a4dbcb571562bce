"""A server that says nothing for a while: the cell says what it waits for, and waits on."""

from __future__ import annotations

import time
from collections.abc import Callable

from chatnb.backend import Flight

Read = Callable[[int, float | None], bytes]

# Counted from the sending; a shorter silence is nothing to talk about.
PATIENCE_S = 0.7


class Patience:
    """Says once an attempt whom it waits for.

    Whoever waits says it, between two reads: another thread would draw into the cell while this one
    draws the first words of the answer.
    """

    def __init__(self, flight: Flight, answerer: str) -> None:
        self._flight = flight
        self._answerer = answerer
        self._ends: float | None = None

    def begin(self) -> None:
        """The request goes out, for the first time or again."""
        self._ends = time.monotonic() + PATIENCE_S

    def read(self, read: Read, max_bytes: int, timeout: float | None) -> bytes:
        """One read, in which the patience may end."""
        if self._ends is None:
            return read(max_bytes, timeout)
        # Not 0, with which a socket does not wait but fails at once.
        left = max(self._ends - time.monotonic(), 0.001)
        if timeout is not None and timeout <= left:
            return read(max_bytes, timeout)
        try:
            return read(max_bytes, left)
        except Exception as error:
            # The HTTP library's own; what a read has not brought the next one does.
            if type(error).__name__ != "ReadTimeout":
                raise
        self._ends = None
        self._flight.waiting(f"waiting for {self._answerer}…")
        return read(max_bytes, timeout)
