"""Every way in which an answer goes wrong is one error of one line, and the server counts."""

from __future__ import annotations

import pickle
import socket
from contextlib import closing
from dataclasses import dataclass

import pytest

from chatnb.backend import Connection, Flight
from chatnb.errors import ChatError, InvalidInput, PartialReply, RequestFailed
from chatnb.openai_backend import OpenAIBackend
from tests.loopback import LoopbackServer
from tests.wire.conftest import CANARY, KEY_VARIABLE, Ask, flight_for, request_for

BOTH = (False, True)
NOT_THE_API = "{host} did not answer like an OpenAI API. Is base_url right?"
PAGE = "a web page instead of JSON: a proxy or login page?"
BROKE = "The connection broke; {n} characters kept. Run the cell again."
STOPPED_SENDING = (
    "{host} stopped sending; {n} characters kept. It was silent for 0.2 s: "
    "%chat_set idle_timeout=0.4 waits longer."
)
AGAIN = "Run the cell again; %chat_connect names another server."
BASE_URL = "Is base_url right? %chat_connect names another."
BROKEN_STREAM = "{host} sent a broken stream; {n} characters kept."
NO_END = "The answer ended without a finish signal; it may be cut short."


@dataclass(frozen=True)
class Fault:
    model: str
    requests: int
    error: type[ChatError]
    kind: str
    line: str
    streams: tuple[bool, ...] = BOTH
    http_status: int | None = None
    param: str | None = None
    kept: str = ""


def refused(model: str, status: int, kind: str, line: str, tries: int = 1, **more: str) -> Fault:
    return Fault(model, tries, RequestFailed, kind, line, http_status=status, **more)


def bad(model: str, streams: tuple[bool, ...] = BOTH, status: int = 200) -> Fault:
    return Fault(model, 1, RequestFailed, "bad_response", NOT_THE_API, streams, status)


def partial(model: str, kind: str, line: str, kept: str = "Hello", stream: bool = True) -> Fault:
    return Fault(model, 1, PartialReply, kind, line, (stream,), 200, kept=kept)


FAULTS = [
    refused(
        "status-401", 401, "auth",
        "The API key was rejected (401). Check LOOPBACK_KEY for {host}.",
    ),
    refused("status-403", 403, "permission", "Not allowed (403): status 403"),
    refused("html-403", 403, "permission", f"Not allowed (403): {PAGE}"),
    refused(
        "missing-model", 404, "model_not_found",
        "{host} has no model 'missing-model' (or no access).",
    ),
    refused(
        "html-404", 404, "not_found",
        "{host} has nothing at /v1/chat/completions. Does base_url end in /v1?",
    ),
    refused(
        "context-length", 400, "context_length",
        "The conversation is too long for context-length: undo turns or reset.",
    ),
    refused(
        "unsupported-parameter", 400, "unsupported_parameter",
        "unsupported-parameter does not accept 'max_tokens' (or this value of it): unset it.",
        param="max_tokens",
    ),
    refused(
        "unsupported-value", 400, "unsupported_value",
        "unsupported-value does not accept 'temperature' (or this value of it): unset it.",
        param="temperature",
    ),
    refused("text-400", 400, "bad_request", "{host} rejected the request (400): that was wrong"),
    refused("string-422", 422, "bad_request", "{host} rejected the request (422): a JSON string"),
    refused("empty-413", 413, "bad_request", "{host} rejected the request (413): no reason given"),
    refused("error-text-400", 400, "bad_request", "{host} rejected the request (400): just text"),
    refused("status-429", 429, "rate_limit", "Rate limited (429) after 3 tries.", 3),
    refused(
        "retry-after-121", 429, "rate_limit",
        "Rate limited (429): the server asks to wait 2 minutes.",
    ),
    refused("quota", 429, "quota", "No credit left on this account."),
    *(
        refused(f"status-{status}", status, "server",
                f"{{host}} is overloaded or down ({status}) after 3 tries: status {status}", 3)
        for status in (408, 500, 502, 503, 504, 529)
    ),
    refused(
        "html-502", 502, "server",
        "{host} is overloaded or down (502) after 3 tries. Run the cell again later.", 3,
    ),
    *(
        refused(f"redirect-{status}", status, "redirect",
                f"{{host}} redirected the request to {where}; not followed.")
        for status, where in (
            (301, "/elsewhere"), (302, "http://127.0.0.1:9/v1"),
            (307, "/v1/chat/completions"), (308, "/v1/chat/completions"),
        )
    ),
    Fault("reset", 3, RequestFailed, "connection",
          f"Could not talk to {{host}}: Connection reset by peer (3 tries). {AGAIN}"),
    Fault("close", 3, RequestFailed, "connection",
          f"Could not talk to {{host}}: it closed without an answer (3 tries). {AGAIN}"),
    Fault("not-http", 3, RequestFailed, "connection",
          f"Could not talk to {{host}}: what it sends is not HTTP (3 tries). {BASE_URL}"),
    Fault("absurd-headers", 3, RequestFailed, "connection",
          f"Could not talk to {{host}}: what it sends is not HTTP (3 tries). {BASE_URL}"),
    Fault("stall-before-headers", 3, RequestFailed, "timeout",
          "No answer from {host} within 0.2 s (3 tries). "
          "%chat_set first_token_timeout=0.4 waits longer."),
    *(bad(model) for model in (
        "html", "empty", "not-json", "json-null", "json-object", "json-string", "json-list",
        "no-choices", "null-choices-only", "no-message", "choice-is-text", "message-is-text",
        "content-is-number", "broken-utf-8", "deep",
    )),
    bad("no-content", status=204),
    bad("crlf", (False,)),
    *(
        Fault(model, 1, RequestFailed, "server", "{host}: no GPU", http_status=200)
        for model in ("error-200", "flat-error-200", "text-error-200")
    ),
    Fault("error-at-stream-start", 1, RequestFailed, "server", "{host}: no GPU", (True,), 200),
    *(
        partial(model, "server", "{host}: no GPU; 5 characters kept.")
        for model in (
            "error-in-stream", "text-error-in-stream", "flat-error-in-stream",
            "error-event-in-stream",
        )
    ),
    partial("cut-mid-stream", "connection", BROKE),
    partial("cut-mid-stream", "connection", BROKE, "", stream=False),
    partial("reset-mid-stream", "connection", BROKE),
    partial("stall-in-body", "timeout", STOPPED_SENDING),
    partial("stall-in-body", "timeout", STOPPED_SENDING, "", stream=False),
    partial("stall-without-line-end", "timeout", STOPPED_SENDING),
    partial("sse-comments-forever", "timeout", STOPPED_SENDING),
    partial("done-without-finish", "no_finish_reason", NO_END),
    partial("end-without-finish", "truncated", NO_END),
    partial("cut-without-framing", "truncated", NO_END),
    *(
        partial(model, "bad_response", BROKEN_STREAM)
        for model in (
            "broken-json-in-stream", "broken-utf-8-in-stream", "list-in-stream",
            "bad-choice-in-stream",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "stream"),
    [
        pytest.param(fault, stream, id=f"{fault.model}-{'streamed' if stream else 'plain'}")
        for fault in FAULTS
        for stream in fault.streams
    ],
)
def test_fault_becomes_its_line(
    fault: Fault, stream: bool, server: LoopbackServer, ask: Ask, backend: OpenAIBackend
) -> None:
    flight = flight_for(fault.model)
    with pytest.raises(ChatError) as caught:
        ask(fault.model, stream=stream, flight=flight)
    error = caught.value
    host = backend.connection.host
    assert error.line == fault.line.format(host=host, n=len(fault.kept))
    assert (type(error), error.kind) == (fault.error, fault.kind)
    assert (error.http_status, error.param) == (fault.http_status, fault.param)
    assert error.reply is not None
    assert error.reply.text == fault.kept
    assert "".join(flight.texts()) == fault.kept
    assert len(server.requests) == fault.requests
    assert [attempt.number for attempt in flight.attempts] == list(range(1, fault.requests + 1))
    assert flight.attempts[-1].wait is None
    assert_no_key_in(error)
    assert pickle.loads(pickle.dumps(error)).line == error.line


@pytest.mark.parametrize("stream", BOTH)
def test_an_answer_follows_every_fault_on_the_same_backend(stream: bool, ask: Ask) -> None:
    for fault in FAULTS:
        if stream not in fault.streams:
            continue
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
