"""Small steps that must not be torn apart by the kernel's interrupt."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred() -> Iterator[None]:
    """An interrupt that comes inside is raised at the end: writing a row, committing a turn.

    Only the main thread is ever interrupted; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        came.append(number)

    previous = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        # None: a handler that was not installed from Python; there is nothing to put back.
        signal.signal(signal.SIGINT, signal.default_int_handler if previous is None else previous)
        if came:
            signal.raise_signal(signal.SIGINT)
