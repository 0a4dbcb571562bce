"""The panel's work beside the kernel's main thread, so that cells run meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

Job = Callable[[], None]


def in_background(job: Job) -> None:
    """Run a job on a thread of its own; at once where there are no threads (Pyodide)."""
    try:
        threading.Thread(target=guarded, args=(job,), name="chatnb-panel", daemon=True).start()
    except RuntimeError:
        guarded(job)


def guarded(job: Job) -> None:
    """Run a job; nobody waits for it, so what goes wrong is for the log of the kernel."""
    try:
        job()
    except BaseException:
        logging.getLogger("chatnb").exception("A job of the panel failed.")


class Latest:
    """Runs jobs one at a time in the background; of those that wait only the newest is run.

    A slider that is dragged asks for a new picture fifty times a second.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: Job | None = None
        self._running = False

    def run(self, job: Job) -> None:
        with self._lock:
            self._next = job
            if self._running:
                return
            self._running = True
        in_background(self._work)

    def _work(self) -> None:
        while job := self._take():
            guarded(job)

    def _take(self) -> Job | None:
        with self._lock:
            job, self._next = self._next, None
            self._running = job is not None
            return job
