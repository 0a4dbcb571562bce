"""Ends requests that stall. Their thread cannot: it sits in a read that never returns."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import Literal

Ender = Literal["stop", "deadline"]

# How long the watchdog stays awake for another request before its thread ends.
LINGER_S = 60.0


class Watch:
    """One attempt on the wire: its socket, its deadline, and who ended it, if anybody did.

    A socket that we end surfaces as the server's fault (RemoteProtocolError), so `ended_by`
    remembers. Closing the response from another thread would wait for its read;
    `shutdown` ends the read at once.
    """

    def __init__(self, watchdog: Watchdog, connected: socket.socket | None) -> None:
        self.ended_by: Ender | None = None
        self.deadline = float("inf")
        self._watchdog = watchdog
        self._socket = connected
        self._lock = threading.RLock()  # a signal handler may end what its own thread holds

    def expect(self, seconds: float) -> None:
        """From now on, something must come within so many seconds."""
        self.deadline = time.monotonic() + seconds
        self._watchdog.notice(self.deadline)

    def hasten(self, seconds: float) -> None:
        """The same, unless something must come sooner already."""
        self.expect(min(seconds, self.deadline - time.monotonic()))

    def hold(self, connected: socket.socket) -> None:
        """A new connection was made for this attempt."""
        with self._lock:
            self._socket = connected
            if self.ended_by is not None:
                _shut(connected)

    def end(self, by: Ender) -> None:
        """End the request on the wire, from any thread; nothing happens once it is over."""
        with self._lock:
            self.ended_by = self.ended_by or by
            if self._socket is not None:
                _shut(self._socket)

    def let_go(self) -> None:
        """The attempt is over: its connection may serve another one, which nobody must end."""
        with self._lock:
            self._socket = None
        self._watchdog.remove(self)


def _shut(connected: socket.socket) -> None:
    # Closed already, or never connected. The base class's shutdown: an SSL socket's own would
    # drop its encryption while another thread reads.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


class Watchdog:
    """Sleeps until the earliest deadline of the requests in the air; `run` is for a thread.

    An answer that comes in time never wakes it: to switch threads costs a turn more than to watch.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._wakes_at = float("inf")
        self._used = False  # since it fell asleep
        self._running_in: int | None = None
        self._dismissed = False

    @property
    def running(self) -> bool:
        """Whether a thread runs this; after a fork it does so in the parent only."""
        return self._running_in == os.getpid()

    def add(self, watch: Watch) -> bool:
        """Watch an attempt; False where a thread has to be started for `run`."""
        with self._changed:
            self._watches.add(watch)
            self._used = True
            return self.running

    def remove(self, watch: Watch) -> None:
        with self._changed:
            self._watches.discard(watch)

    def dismiss(self) -> None:
        """End the thread as soon as nothing is in the air."""
        with self._changed:
            self._dismissed = True
            self._changed.notify()

    def notice(self, deadline: float) -> None:
        """Wake up where this deadline comes before the one that is slept for."""
        if deadline < self._wakes_at:
            with self._changed:
                self._changed.notify()

    def run(self) -> None:
        """Until nothing has been watched for a while; at once where another thread is at it."""
        with self._changed:
            if self.running:
                return
            self._running_in = os.getpid()
            self._dismissed = False
            try:
                while self._watches or (self._used and not self._dismissed):
                    self._end_the_late()
                    self._sleep()
            finally:
                # Whatever ended this, the next request starts another thread.
                self._running_in = None
                self._wakes_at = float("inf")

    def _end_the_late(self) -> None:
        now = time.monotonic()
        for watch in [watch for watch in self._watches if watch.deadline <= now]:
            self._watches.discard(watch)
            watch.end("deadline")

    def _sleep(self) -> None:
        self._used = False
        now = time.monotonic()
        self._wakes_at = min([now + LINGER_S, *(watch.deadline for watch in self._watches)])
        self._changed.wait(max(self._wakes_at - now, 0))
        self._wakes_at = float("inf")
