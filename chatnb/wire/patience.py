"""A server that says nothing for a while: the cell says what it waits for, and waits on."""

from __future__ import annotations

import time
from collections.abc import Callable

from chatnb.backend import Flight

Read = Callable[[int, float | None], bytes]

# Counted from the sending; a shorter silence is nothing to talk about.
PATIENCE_S = 0.7
# No longer in one system call: an interrupt that does not end it (on Windows none does; elsewhere
# one that another thread gets, or that comes in the moment before) is noticed after it.
_SLICE_S = 0.1


class Patience:
    """Says once an attempt whom it waits for.

    Whoever waits says it, between two reads: another thread would draw into the cell while this one
    draws the first words of the answer.
    """

    def __init__(self, flight: Flight, answerer: str) -> None:
        self._flight = flight
        self._answerer = answerer
        self._ends = float("inf")

    def begin(self) -> None:
        """The request goes out, for the first time or again."""
        self._ends = time.monotonic() + PATIENCE_S

    def end(self) -> None:
        """Something has come: nobody waits for a first word any more."""
        self._ends = float("inf")

    def read(self, read: Read, max_bytes: int, timeout: float | None) -> bytes:
        """One read, in slices: between two the patience may end, and an interrupt is noticed."""
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            # Not 0, with which a socket does not wait but fails at once.
            left = max(min(end, self._ends) - time.monotonic(), 0.001)
            try:
                return read(max_bytes, min(left, _SLICE_S))
            except Exception as error:
                # The HTTP library's own; what a read has not brought the next one does.
                if type(error).__name__ != "ReadTimeout" or time.monotonic() >= end:
                    raise
            if time.monotonic() >= self._ends:
                self.end()
                self._flight.waiting(f"waiting for {self._answerer}…")
