"""The seam to a model: whoever answers implements `Backend`, and the engine sees nothing else."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from chatnb.errors import InvalidInput
from chatnb.records import Attempt, Reply, Request


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long to wait, in seconds: to connect, for the first token, between two tokens."""

    connect: float = 10.0
    first_token: float = 120.0
    idle: float = 60.0


@dataclass(frozen=True)
class Connection:
    """Where requests go: a base_url, a default model, and the name of the variable with the key.

    >>> Connection("http://127.0.0.1:8000/v1", model="tiny").host
    '127.0.0.1:8000'

    The key itself is looked up when it is needed and is in no repr, pickle or comparison; `secret`
    is only for one that was typed at a prompt. `defaults` are parameters that go with `model`.
    """

    base_url: str
    model: str | None = None
    key: str | None = None
    secret: str | None = field(default=None, repr=False, compare=False)
    embedded: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    def api_key(self) -> str | None:
        """The key, stripped and checked; None where this connection needs none.

        A key with a line break would raise deep inside the HTTP library, in an error that shows
        it; so it is checked here, by an error that does not.
        """
        value = self.secret if self.secret is not None else os.environ.get(self.key or "")
        if value is None:
            if self.key:
                raise InvalidInput(
                    f"There is no key in {self.key}: set that environment variable, or "
                    "%chat_connect local to use the embedded model without a key.",
                    kind="no_key",
                )
            return None
        value = value.strip()
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            name = self.key or "the key that was typed"
            del value  # `%xmode Verbose` shows the variables of an error's frames
            raise InvalidInput(
                f"The value of {name} is not a usable API key (empty, or with blanks, line breaks "
                "or non-ASCII characters inside): set it again.",
                kind="bad_key",
            )
        return value

    def client_options(self) -> dict[str, Any]:
        """The arguments that make the bare SDK talk to the same server.

        >>> Connection("http://127.0.0.1:8000/v1").client_options()
        {'base_url': 'http://127.0.0.1:8000/v1', 'api_key': 'no-key-needed'}
        """
        # The SDK refuses to start without some key, also for a server that wants none.
        return {"base_url": self.base_url, "api_key": self.api_key() or "no-key-needed"}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "secret": None}


class Flight:
    """The engine's side of one request in the air: the backend reports, the engine may stop it.

    A backend calls `delta` for the text that one socket read brought (`keep` for the last words),
    `reasoning` likewise for a thinking model's, `attempt` after each HTTP attempt that another one
    follows, and `on_stop` with what ends the request on the wire; `waiting` says whom or what it
    waits for.
    `stop` may come from any thread, `end` from a signal handler too.
    """

    def __init__(
        self,
        deadlines: Deadlines | None = None,
        *,
        on_delta: Callable[[int, str], None] | None = None,
        on_attempt: Callable[[Attempt], None] | None = None,
        on_reasoning: Callable[[int, str], None] | None = None,
        on_waiting: Callable[[str], None] | None = None,
    ) -> None:
        self.deadlines = deadlines or Deadlines()
        self.attempts: list[Attempt] = []
        self.first_token_s: float | None = None
        self.pieces: dict[int, list[str]] = {}
        self.stopping = threading.Event()
        self.began = time.perf_counter()  # told anew as it is sent: it may wait for its turn
        self._on_delta = on_delta
        self._on_attempt = on_attempt
        self._on_reasoning = on_reasoning
        self._on_waiting = on_waiting
        self._stopped = False
        self._on_stop: Callable[[], None] | None = None

    @property
    def stopped(self) -> bool:
        return self._stopped

    def delta(self, choice: int, text: str) -> None:
        """Text of a choice, as it came."""
        self.keep(choice, text)
        if self._on_delta is not None:
            self._on_delta(choice, text)

    def keep(self, choice: int, text: str) -> None:
        """Text that came together with the answer's end: whoever watches sees it there."""
        self._mark_first_token()
        self.pieces.setdefault(choice, []).append(text)

    def texts(self) -> tuple[str, ...]:
        """The text of each choice as far as it has come."""
        last = max(self.pieces, default=0)
        return tuple("".join(self.pieces.get(index, ())) for index in range(last + 1))

    def reasoning(self, choice: int, text: str) -> None:
        """Text of a thinking model that is not its answer."""
        self._mark_first_token()
        if self._on_reasoning is not None:
            self._on_reasoning(choice, text)

    def waiting(self, what: str) -> None:
        """What is waited for before the request can be sent, in words for the user."""
        if self._on_waiting is not None:
            self._on_waiting(what)

    def attempt(
        self, number: int, status: int | None, wait: float | None = None, reason: str = ""
    ) -> None:
        """One HTTP attempt has ended; `wait` (s) is what passes before the next one, if any."""
        attempt = Attempt(number, status, wait, reason)
        self.attempts.append(attempt)
        if self._on_attempt is not None:
            self._on_attempt(attempt)

    def on_stop(self, end: Callable[[], None] | None) -> None:
        """What ends the request on the wire from another thread; None once there is nothing."""
        self._on_stop = end
        if end is not None and self.stopped:
            end()

    def stop(self) -> None:
        """End the request, whatever it is waiting for."""
        self.end()
        self.stopping.set()

    def end(self) -> None:
        """`stop`, but for waking who waits for `stopping`.

        It takes no lock: the thread that a signal interrupts may hold any, that of `stopping` too.
        Each side writes first and then reads what the other one writes, so one of them ends it.
        """
        self._stopped = True
        end = self._on_stop
        if end is not None:
            end()

    def land(self) -> None:
        """It is over, and nobody hears of it any more: its text is not kept by who listened."""
        self._on_delta = self._on_attempt = self._on_reasoning = self._on_waiting = None

    def _mark_first_token(self) -> None:
        if self.first_token_s is None:
            self.first_token_s = time.perf_counter() - self.began


class Backend(Protocol):
    """Whoever answers requests.

    `complete` returns the whole Reply, or raises a ChatError that carries what had come (or
    Interrupted, on a KeyboardInterrupt and after `flight.stop()`). A Reply is returned whenever
    the answer ended as the API says it ends; whether that is a good end is the engine's to judge.
    """

    def prepare(self, request: Request) -> Request:
        """The request as it will be sent, with what was `adjusted`; InvalidInput where it cannot.

        Called before the row is written and before anything is sent.
        """

    def complete(self, request: Request, flight: Flight) -> Reply:
        """Send the request and report what comes to the flight."""

    def models(self, flight: Flight | None = None) -> Sequence[str]:
        """The model names that the server lists; the flight may stop the asking."""

    def token_ids(self, text: str, flight: Flight | None = None) -> Sequence[int] | None:
        """The token ids of a text; None where the server does not tell."""

    def close(self) -> None:
        """Let go of connections."""
