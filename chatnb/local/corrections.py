"""The Backend of the embedded model: another Backend, with what llama.cpp gets wrong put right."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chatnb.backend import Backend, Connection, Flight
from chatnb.errors import ChatError, Interrupted, RequestFailed
from chatnb.local import many_choices
from chatnb.local.connection import LocalConnection
from chatnb.local.locks import raise_if
from chatnb.local.model_file import checked_path, fetch, identity_of
from chatnb.local.request_checks import checked, told_limit, without_control_tokens
from chatnb.local.server import ensure
from chatnb.local.server_state import RunningServer
from chatnb.local.vocabulary import control_tokens
from chatnb.records import Reply, Request


class LocalBackend:
    """Answers with the embedded model; fetches it and starts its server at the first request.

    >>> LocalBackend(LocalConnection(), open_backend).models()    # doctest: +SKIP
    ('SmolLM2-135M-Instruct',)

    `open_backend` makes the Backend that talks to the server; it must add up the usage chunks of a
    stream, of which this server sends one for each choice. May be used from many threads at once.
    """

    def __init__(
        self, connection: LocalConnection, open_backend: Callable[[Connection], Backend]
    ) -> None:
        self.connection = connection
        self._open_backend = open_backend
        self._lock = threading.Lock()
        self._opened: tuple[RunningServer, Backend] | None = None

    def prepare(self, request: Request) -> Request:
        path = self.connection.path
        if path is not None:
            checked_path(path)
        request = checked(request, self.connection.model)
        request = replace(request, model_file=identity_of(path))
        return many_choices.told(without_control_tokens(request, control_tokens(path)))

    def complete(self, request: Request, flight: Flight) -> Reply:
        try:
            reply = many_choices.complete(request, flight, self._complete)
        except Interrupted:
            raise
        except KeyboardInterrupt as interrupt:
            raise Interrupted("Stopped.", kind="interrupted") from interrupt
        return told_limit(request, reply)

    def models(self, flight: Flight | None = None) -> tuple[str, ...]:  # noqa: ARG002 - known
        return (str(self.connection.model),)

    def token_ids(self, text: str, flight: Flight | None = None) -> Sequence[int]:
        """The token ids of a text; what looks like a control token is text."""
        body = {"content": text, "add_special": False, "parse_special": False}
        try:
            status, answer = self._ask("/tokenize", body, flight or Flight())
        except (OSError, ValueError) as error:
            line = f"The embedded model could not tokenize the text: {error}. Run the cell again."
            raise RequestFailed(line, kind="server") from error
        if status != 200:
            raise RequestFailed(
                f"The embedded model could not tokenize the text ({status}): {answer}",
                kind="server",
                http_status=status,
            )
        return [int(token) for token in answer["tokens"]]

    def close(self) -> None:
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened[1].close()

    def _complete(self, request: Request, leg: many_choices.Leg) -> Reply:
        running, backend = self._open(leg)
        try:
            return backend.complete(request, leg)
        except ChatError as error:
            if leg.received or running.answers():
                raise
            leg.attempt(1, error.http_status, 0.0, "the model server was gone; started again")
        _, backend = self._open(leg)
        return backend.complete(request, leg)

    def _ask(self, path: str, body: dict[str, Any], flight: Flight) -> tuple[int, Any]:
        running, _ = self._open(flight)
        try:
            return running.request("POST", path, body)
        except OSError:
            if running.answers():
                raise
        running, _ = self._open(flight)
        return running.request("POST", path, body)

    def _open(self, flight: Flight) -> tuple[RunningServer, Backend]:
        """The server and the backend that talks to it; a new pair where it has gone."""

        def stopped() -> bool:
            return flight.stopped

        if self._opened is None:
            flight.waiting(f"starting {self.connection.model}…")
            while self._lock.locked():  # by a thread that fetches the model or starts its server
                raise_if(stopped, "Stopped while the embedded model was starting.")
                flight.stopping.wait(0.05)
        with self._lock:
            if self._opened is not None and self._opened[0].listens():
                return self._opened
            running = ensure(fetch(self.connection.path, stopped=stopped), stopped=stopped)
            if self._opened is not None:
                if self._opened[0] == running:
                    return self._opened
                self._opened[1].close()
            connection = Connection(
                running.base_url, running.model, secret=running.token, embedded=True
            )
            self._opened = (running, self._open_backend(connection))
            return self._opened
