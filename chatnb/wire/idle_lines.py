"""Lines between two requests: kept while all goes well, closed as soon as anything goes wrong."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from chatnb.wire.wire_line import Line


class IdleLines:
    """Hands out one line a request, a used one where there is one; for many threads at once.

    Each process has its own: on a line that a fork shares, one would read the other's answer.
    """

    def __init__(self) -> None:
        self._idle: list[Line] = []
        self._pid = os.getpid()
        self._closed = False

    @contextlib.contextmanager
    def one(self, make: Callable[[], Line]) -> Iterator[Line]:
        """A line of one's own; it is kept for the next request unless anything went wrong."""
        if self._pid != os.getpid():
            self._idle, self._pid = [], os.getpid()
        line = self._used() or make()
        try:
            yield line
        except BaseException:
            line.close()
            raise
        self._idle.append(line)
        if self._closed:  # meanwhile, perhaps on another thread
            self.close()

    def _used(self) -> Line | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def close(self) -> None:
        """Close what is idle now, and what becomes idle later."""
        self._closed = True
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()
