"""A server that says nothing for a while: whoever watches is told whom it waits for."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

from chatnb.backend import Connection, Deadlines, Flight
from chatnb.errors import Interrupted, PartialReply
from chatnb.openai_backend import OpenAIBackend
from chatnb.wire import patience
from tests.loopback import PATIENCE_S, Exchange, LoopbackServer
from tests.misbehavior import answers
from tests.real_kernel import RealKernel
from tests.wire.conftest import Ask, request_for

waited_for = threading.Event()


@answers("speaks-when-waited-for")
def speaks_when_waited_for(exchange: Exchange) -> None:
    waited_for.wait(PATIENCE_S)
    exchange.begin_stream()
    exchange.text("Hello")
    exchange.finish()


@answers("headers-then-speaks-when-waited-for")
def headers_then_speaks_when_waited_for(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.chunk(b": processing\n\n")
    waited_for.wait(PATIENCE_S)
    exchange.text("Hello")
    exchange.finish()


@answers("comments-until-waited-for")
def comments_until_waited_for(exchange: Exchange) -> None:
    exchange.begin_stream()
    for _ in range(500):
        exchange.chunk(b": keep-alive\n\n")
        exchange.pause(0.02)
        if waited_for.is_set():
            break
    exchange.text("Hello")
    exchange.finish()


@answers("whole-when-waited-for")
def whole_when_waited_for(exchange: Exchange) -> None:
    waited_for.wait(PATIENCE_S)
    exchange.json({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]})


class Told:
    """A flight that remembers what is said of waiting, and on which thread."""

    def __init__(self, deadlines: Deadlines | None = None) -> None:
        waited_for.clear()
        self.words: list[str] = []
        self.threads: set[threading.Thread] = set()
        self.flight = Flight(deadlines, on_waiting=self._waiting)

    def _waiting(self, what: str) -> None:
        self.words.append(what)
        self.threads.add(threading.current_thread())
        waited_for.set()


@pytest.mark.parametrize(
    ("model", "stream"),
    [
        ("speaks-when-waited-for", True),
        ("headers-then-speaks-when-waited-for", True),
        ("comments-until-waited-for", True),
        ("whole-when-waited-for", False),
    ],
)
def test_a_silence_is_told_once_by_whoever_waits(
    model: str, stream: bool, server: LoopbackServer, ask: Ask
) -> None:
    ask("echo")  # a connection that is used again tells as a new one does
    told = Told()
    assert ask(model, stream=stream, flight=told.flight).text == "Hello"
    assert told.words == [f"waiting for 127.0.0.1:{server.port}…"]
    assert told.threads == {threading.current_thread()}
    assert server.connections == 1


def test_the_embedded_model_is_waited_for_by_its_name(server: LoopbackServer) -> None:
    told = Told()
    with closing(OpenAIBackend(Connection(server.base_url, embedded=True))) as backend:
        backend.complete(request_for("speaks-when-waited-for", stream=True), told.flight)
    assert told.words == ["waiting for the embedded model…"]


def test_nothing_is_told_once_text_has_come(ask: Ask) -> None:
    told = Told(Deadlines(idle=2 * patience.PATIENCE_S))
    with pytest.raises(PartialReply, match="stopped sending"):
        ask("stall-in-body", flight=told.flight)
    assert told.words == []


def test_a_prompt_answer_is_not_waited_for(ask: Ask) -> None:
    told = Told()
    ask("echo", flight=told.flight)
    assert told.words == []


def test_a_stop_ends_the_wait_that_was_told(ask: Ask) -> None:
    flight = Flight(on_waiting=lambda _: flight.stop())
    with pytest.raises(Interrupted, match="before any text came"):
        ask("stall-before-headers", flight=flight)


@pytest.mark.usefixtures("no_threads")
def test_without_threads_a_silence_is_told_too(ask: Ask) -> None:
    told = Told()
    assert ask("speaks-when-waited-for", flight=told.flight).text == "Hello"
    assert len(told.words) == 1


@pytest.mark.kernel
def test_a_cell_says_what_it_waits_for_and_then_shows_the_answer(
    log_path: Path, kernel: RealKernel, server: LoopbackServer
) -> None:
    kernel.run(f"%load_ext chatnb\n%chat_connect {server.base_url} -m echo")
    kernel.run("%%chat\nhello there")
    waited_for.clear()
    cell = kernel.start("%%chat -m headers-then-speaks-when-waited-for\nhello there")
    while (message := kernel.next_message(cell))["msg_type"] != "display_data":
        pass
    assert f"waiting for 127.0.0.1:{server.port}…" in message["content"]["data"]["text/html"]
    waited_for.set()
    ran = kernel.wait(cell)
    [end] = [each for each in ran.messages if "text/plain" in each["content"].get("data", {})]
    assert end["msg_type"] == "update_display_data"  # in the place of the words
    assert end["content"]["data"]["text/plain"].startswith("Hello\n")
    assert end["content"]["transient"] == message["content"]["transient"]
