"""A loopback server for each test, and short ways to ask it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chatnb.backend import Connection, Deadlines, Flight
from chatnb.openai_backend import OpenAIBackend
from chatnb.records import Message, Reply, Request
from chatnb.wire import retries
from tests.fault_table import CANARY, KEY_VARIABLE, LATE_S, patience_s
from tests.loopback import LoopbackServer

Ask = Callable[..., Reply]


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a server cannot say how long to wait (it resets), our own wait is short."""
    monkeypatch.setattr(retries, "FIRST_WAIT_S", 0.001)


@pytest.fixture
def backend(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIBackend]:
    monkeypatch.setenv(KEY_VARIABLE, CANARY)
    backend = OpenAIBackend(Connection(server.base_url, key=KEY_VARIABLE))
    yield backend
    backend.close()


def request_for(model: str, *, stream: bool, prompt: str = "hello there", **fields: Any) -> Request:
    return Request(model, (Message("user", prompt),), stream=stream, parameters=fields)


def flight_for(model: str) -> Flight:
    """Short deadlines for what stalls; for the rest none that a busy machine could miss."""
    seconds = patience_s(model)
    return Flight(Deadlines(connect=LATE_S, first_token=seconds, idle=seconds))


@pytest.fixture
def ask(backend: OpenAIBackend) -> Ask:
    """`ask(model, stream=True)`: the reply; stalls end after a moment."""

    def ask(model: str, *, stream: bool = True, flight: Flight | None = None, **kw: Any) -> Reply:
        request = request_for(model, stream=stream, **kw)
        return backend.complete(request, flight or flight_for(model))

    return ask


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a browser's Python: backends cannot start a thread."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "chatnb":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
