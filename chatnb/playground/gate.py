"""Lets a click through only while it is fresh: one that waited behind a cell is not carried out.

A front end asks first and sends its command once it hears that the kernel is free. A cell that
begins in between would still delay the command, so the kernel looks at its own clock too.
"""

from __future__ import annotations

import time
from collections.abc import Callable

FRESH_S = 3.0  # from "free" to the command: a round trip, also to a server far away


class Gate:
    """Which clicks may still become commands.

    >>> gate = Gate()
    >>> gate.ask("1")
    >>> gate.passes("1"), gate.passes("1")
    (True, False)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free: dict[str, float] = {}

    def ask(self, click: str) -> None:
        """A click asks whether the kernel is free: it is, or this would not run."""
        now = self._clock()
        self._free = {each: when for each, when in self._free.items() if now - when <= FRESH_S}
        self._free[click] = now

    def passes(self, click: str) -> bool:
        """Whether the command of this click comes in time; it passes once."""
        asked = self._free.pop(click, None)
        return asked is not None and self._clock() - asked <= FRESH_S
