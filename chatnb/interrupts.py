"""Steps that the kernel's interrupt must not tear apart: a row and its turn are written or not.

While one is under way an interrupt is remembered and raised at its end. Inside `allowed()`, where
the waiting happens, it is raised at once; only the first one is, so that pressing stop twice does
not break off what the first one began. Python ignores what is raised inside a destructor or a
callback, so an interrupt also ends what is waited for.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from chatnb.errors import Interrupted


class Deferral:
    """Interrupts of the main thread, remembered; `allowed` lets them through."""

    def __init__(self) -> None:
        self._came = False
        self._open = False
        self._end: Callable[[], None] | None = None

    def take(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's own
        """The signal handler."""
        if not self._open:
            self._came = True
            return
        self._open = False
        if self._end is not None:
            self._end()
        raise KeyboardInterrupt

    @contextmanager
    def allowed(self, end: Callable[[], None] | None = None) -> Iterator[None]:
        """Here an interrupt is raised at once, also one that came before.

        `end` is called first, by the signal handler: it ends what is waited for inside.
        """
        self._end = end
        self._open = True
        try:
            self.let_through()
            yield
        finally:
            self._open = False

    def forget(self) -> None:
        """Stop was pressed again, for what was stopped already."""
        self._came = False

    def let_through(self) -> None:
        if self._came:
            self._came = False
            raise Interrupted("Stopped.", kind="interrupted")

    def end(self, error: BaseException | None, around: object) -> None:
        """Hand on what was remembered: to the deferral around this one, or as Interrupted.

        Where an interrupt is under way already, that one is enough.
        """
        if not self._came or isinstance(error, KeyboardInterrupt):
            return
        outer = getattr(around, "__self__", None)
        if isinstance(outer, Deferral):
            outer.take(signal.SIGINT, None)
        else:
            self.let_through()


@contextmanager
def before_sending() -> Iterator[None]:
    """An interrupt that comes inside, where nothing is sent yet, is one line."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt as early:
        raise Interrupted("Stopped before anything was sent.", kind="interrupted") from early


@contextmanager
def deferred() -> Iterator[Deferral]:
    """An interrupt that comes inside is raised at the end, as Interrupted.

    Only the main thread is ever interrupted; elsewhere this does nothing.
    """
    deferral = Deferral()
    if threading.current_thread() is not threading.main_thread():
        yield deferral
        return
    previous = signal.signal(signal.SIGINT, deferral.take)
    error: BaseException | None = None
    try:
        yield deferral
    except BaseException as caught:
        error = caught
        raise
    finally:
        # None: a handler that was not installed from Python; there is nothing to put back.
        signal.signal(signal.SIGINT, signal.default_int_handler if previous is None else previous)
        deferral.end(error, previous)
