"""Every way in which an answer goes wrong is one error of one line, and the server counts."""

from __future__ import annotations

import pickle
import socket
import time
from contextlib import closing

import pytest

from chatnb.backend import Connection, Flight
from chatnb.errors import ChatError, InvalidInput, RequestFailed
from chatnb.openai_backend import OpenAIBackend
from tests.fault_table import CANARY, KEY_VARIABLE, WIRE_FAULTS, Fault, name_of, tried
from tests.loopback import PATIENCE_S, LoopbackServer
from tests.wire.conftest import Ask, flight_for, request_for


@pytest.mark.parametrize(
    ("fault", "stream"),
    [pytest.param(*case, id=name_of(*case)) for case in tried(WIRE_FAULTS)],
)
def test_fault_becomes_its_line(
    fault: Fault, stream: bool, server: LoopbackServer, ask: Ask, backend: OpenAIBackend
) -> None:
    flight = flight_for(fault.model)
    began = time.monotonic()
    with pytest.raises(ChatError) as caught:
        ask(fault.model, stream=stream, flight=flight)
    # The server's own patience with us ends what nobody else does.
    assert time.monotonic() - began < 0.75 * PATIENCE_S
    error = caught.value
    host = backend.connection.host
    assert error.line.startswith(fault.line_of(host))  # what mends it may follow
    assert error.line.isprintable()
    assert len(error.line) < 500
    assert (type(error), error.kind) == (fault.error, fault.kind)
    assert (error.http_status, error.param) == (fault.http_status, fault.param)
    assert error.reply is not None
    assert error.reply.text == fault.text
    assert "".join(flight.texts()) == fault.text
    assert len(server.requests) == len(fault.attempts)
    told = [(attempt.number, attempt.status) for attempt in flight.attempts]
    assert told == list(enumerate(fault.attempts, 1))
    assert flight.attempts[-1].wait is None
    assert_no_key_in(error)
    assert pickle.loads(pickle.dumps(error)).line == error.line


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_follows_every_fault_on_the_same_backend(stream: bool, ask: Ask) -> None:
    for fault in (fault for fault in WIRE_FAULTS if stream in fault.streams):
        with pytest.raises(ChatError):
            ask(fault.model, stream=stream)
        assert ask("echo", stream=stream).text == "hello there"


def test_a_server_that_is_down_gets_three_tries_and_one_line(server: LoopbackServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    flight = Flight()
    backend = OpenAIBackend(Connection(f"http://127.0.0.1:{port}/v1"))
    with closing(backend), pytest.raises(RequestFailed) as caught:
        backend.complete(request_for("echo", stream=True), flight)
    assert caught.value.line == (
        f"Could not talk to 127.0.0.1:{port}: Connection refused (3 tries). "
        "Is the server running there? %chat_connect names another."
    )
    assert caught.value.kind == "connection"
    assert [attempt.reason for attempt in flight.attempts] == ["Connection refused"] * 3


def test_the_request_id_and_the_body_are_evidence(ask: Ask) -> None:
    with pytest.raises(RequestFailed) as caught:
        ask("status-403")
    assert caught.value.request_id == "req-1"
    assert '"message": "status 403"' in caught.value.detail
    assert caught.value.__cause__ is not None


def test_a_server_that_wants_a_key_and_got_none_says_how_to_give_one(
    server: LoopbackServer,
) -> None:
    backend = OpenAIBackend(Connection(server.base_url))
    with closing(backend), pytest.raises(RequestFailed) as caught:
        backend.complete(request_for("status-401", stream=True), Flight())
    assert caught.value.line == (
        f"127.0.0.1:{server.port} wants a key and none was sent: "
        "%chat_connect URL --key NAME_OF_VARIABLE."
    )


def test_a_request_that_is_no_json_is_not_sent_over_a_used_connection(
    server: LoopbackServer, ask: Ask
) -> None:
    ask("echo")
    with pytest.raises(InvalidInput, match="cannot be sent as JSON"):
        ask("echo", metadata=float("nan"))
    assert len(server.requests) == 1


def test_a_request_that_is_no_json_is_not_sent(server: LoopbackServer, ask: Ask) -> None:
    for value in (float("nan"), "\ud83d", {1, 2}):
        with pytest.raises(InvalidInput, match="cannot be sent as JSON"):
            ask("echo", metadata=value)
    assert server.requests == []


@pytest.mark.parametrize("model", ["echo-key", "echo-key-in-stream"])
def test_a_server_that_repeats_the_key_does_not_get_it_shown(model: str, ask: Ask) -> None:
    with pytest.raises(ChatError) as caught:
        ask(model)
    assert "[key removed]" in caught.value.line
    assert_no_key_in(caught.value)


def assert_no_key_in(error: BaseException) -> None:
    link: BaseException | None = error
    while link is not None:
        assert CANARY not in f"{link} {link.args!r} {getattr(link, 'detail', '')}"
        link = link.__cause__ or link.__context__


def test_a_missing_key_is_said_before_anything_is_sent(
    server: LoopbackServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(InvalidInput) as caught:
        ask("echo")
    assert caught.value.kind == "no_key"
    assert server.requests == []
