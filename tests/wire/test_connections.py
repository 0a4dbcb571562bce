"""Where requests go, how often, over how many connections, and with whose key."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chatnb import addresses
from chatnb.addresses import checked_base_url
from chatnb.backend import Connection, Deadlines, Flight
from chatnb.errors import ChatError, Interrupted, InvalidInput, PartialReply, RequestFailed
from chatnb.openai_backend import OpenAIBackend
from chatnb.records import Attempt
from chatnb.wire import retries
from chatnb.wire.watchdog import Ender, Watch, Watchdog
from tests.fault_table import CANARY, KEY_VARIABLE
from tests.loopback import LoopbackServer
from tests.wire.conftest import Ask, request_for


@pytest.mark.parametrize("stream", [False, True])
def test_a_hundred_turns_use_one_connection(stream: bool, server: LoopbackServer, ask: Ask) -> None:
    for _ in range(100):
        ask("echo", stream=stream)
    assert server.connections == 1


def test_many_requests_at_once_keep_their_answers_apart(
    server: LoopbackServer, backend: OpenAIBackend
) -> None:
    def answer(number: int) -> str:
        request = request_for("echo", stream=True, prompt=f"number {number}")
        return backend.complete(request, Flight()).text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(answer, range(100))) == [f"number {number}" for number in range(100)]
    assert server.connections <= 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_asks_over_a_connection_of_its_own(server: LoopbackServer, ask: Ask) -> None:
    ask("echo")
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os._exit(ask("echo", prompt="asked by the child").text != "asked by the child")
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert ask("echo", prompt="asked by the parent").text == "asked by the parent"
    assert [request.connection for request in server.requests] == [1, 2, 1]


@pytest.mark.parametrize("model", ["redirect-302", "redirect-307"])
def test_redirects_are_not_followed(model: str, server: LoopbackServer, ask: Ask) -> None:
    with pytest.raises(RequestFailed):
        ask(model)
    assert len(server.requests) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_leads_to_a_metadata_service_gets_not_a_byte(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, CANARY)
    monkeypatch.setattr(addresses, "_METADATA", ("127.0.0.1",))
    with socket.create_server(("127.0.0.1", 0)) as service:
        base_url = checked_base_url(f"{scheme}://localhost:{service.getsockname()[1]}/v1")
        flight = Flight(Deadlines(first_token=5))
        with (
            closing(OpenAIBackend(Connection(base_url, key=KEY_VARIABLE))) as backend,
            pytest.raises(InvalidInput, match=r"leads to 127\.0\.0\.1, a metadata service"),
        ):
            backend.complete(request_for("echo", stream=True), flight)
        accepted, _ = service.accept()
        with accepted:
            assert accepted.recv(1) == b""
        service.settimeout(0)
        with pytest.raises(BlockingIOError):  # nor is it tried again
            service.accept()
    assert flight.attempts == []


def test_proxies_are_not_used_for_loopback(
    server: LoopbackServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        ask("echo")
        assert proxy.connections == 0
    assert len(server.requests) == 1


def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://me:secretpw@proxy.example")
    with (
        closing(OpenAIBackend(Connection("https://host.example/v1"))) as backend,
        pytest.raises(RequestFailed, match="Unknown scheme for proxy URL") as caught,
    ):
        backend.complete(request_for("echo", stream=True), Flight())
    assert "secretpw" not in f"{caught.value} {caught.value.detail}"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "OPENAI_API_KEY": "sk-of-another-server",
        "OPENAI_ADMIN_KEY": "admin-of-another-server",
        "OPENAI_ORG_ID": "org-canary",
        "OPENAI_PROJECT_ID": "project-canary",
        "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer custom-canary\nX-Custom: custom-canary",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("environment")
def test_nothing_of_the_environment_goes_to_another_host(server: LoopbackServer, ask: Ask) -> None:
    ask("echo")
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {CANARY}"
    assert not [name for name in headers if "organization" in name or "project" in name]
    assert "canary" not in str({**headers, "authorization": ""})


@pytest.mark.usefixtures("environment")
def test_a_server_without_key_gets_no_authorization(server: LoopbackServer) -> None:
    with closing(OpenAIBackend(Connection(server.base_url))) as backend:
        backend.complete(request_for("echo", stream=True), Flight())
    headers = server.requests[0].headers
    assert "authorization" not in headers
    assert "canary" not in str(headers)
    assert "another-server" not in str(headers)


@pytest.mark.usefixtures("environment")
def test_organization_goes_to_the_host_of_openai_base_url(
    server: LoopbackServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    ask("echo")
    headers = server.requests[0].headers
    assert headers["openai-organization"] == "org-canary"
    assert headers["openai-project"] == "project-canary"


def test_a_new_key_is_used_from_the_next_request_on(
    server: LoopbackServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("echo")
    monkeypatch.setenv(KEY_VARIABLE, "another-key")
    ask("echo")
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == [f"Bearer {CANARY}", "Bearer another-key"]
    assert server.connections == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_a_passing_fault_is_retried_and_told(
    status: int, stream: bool, server: LoopbackServer, ask: Ask
) -> None:
    told: list[Attempt] = []
    reply = ask(f"status-{status}-then-ok", stream=stream, flight=Flight(on_attempt=told.append))
    assert reply.text == "hello there"
    assert len(server.requests) == 2
    assert told == [Attempt(1, status, 0.001, f"status {status}"), Attempt(2, 200)]


@pytest.mark.parametrize("model", ["reset-then-ok", "retry-after-date"])
def test_our_own_wait_where_the_server_asks_for_none(
    model: str, server: LoopbackServer, ask: Ask
) -> None:
    flight = Flight()
    assert ask(model, flight=flight).text == "hello there"
    assert len(server.requests) == 2
    wait = flight.attempts[0].wait
    assert wait is not None
    assert 0 < wait <= 0.001


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 +99999999999999"}, None),
        ({"retry-after": f"Wed, {'9' * 20} Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_in_every_form(headers: dict[str, str], wait: float | None) -> None:
    assert retries.asked_wait(headers) == wait


@pytest.mark.parametrize("seconds", [90, 9_000])
def test_retry_after_a_date(seconds: float) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    assert retries.asked_wait({"retry-after": date}) == pytest.approx(seconds, abs=2)


def test_our_own_waits_double_up_to_eight_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT_S", 0.5)
    for number, longest in enumerate((0.5, 1, 2, 4, 8, 8), 1):
        assert 0.75 * longest <= retries.wait_before(number) <= longest


def test_each_silence_has_its_own_deadline(ask: Ask) -> None:
    began = time.monotonic()
    with pytest.raises(PartialReply, match="stopped sending; 5 characters"):
        ask("sse-comments-forever", flight=Flight(Deadlines(first_token=60, idle=0.3)))
    assert 0.3 <= time.monotonic() - began < 5


def test_a_deadline_of_ages_is_none_and_later_ones_still_hold(ask: Ask) -> None:
    def stop_at_the_tenth(choice: int, text: str) -> None:
        if len(flight.pieces[choice]) == 10:
            flight.stop()

    ages = Deadlines(connect=1e12, first_token=1e12, idle=1e12)
    flight = Flight(ages, on_delta=stop_at_the_tenth)
    with pytest.raises(Interrupted, match="50 characters kept"):
        ask("slow", flight=flight)
    with pytest.raises(PartialReply, match="stopped sending"):
        ask("stall-in-body")


class Unendable(Watch):
    """An attempt whose end goes wrong."""

    def end(self, by: Ender) -> None:
        raise RuntimeError(by)


def test_a_watchdog_that_died_is_told_to_run_again() -> None:
    watchdog = Watchdog()
    late = Unendable(watchdog, None)
    late.expect(-1)
    assert not watchdog.add(late)
    with pytest.raises(RuntimeError, match="deadline"):
        watchdog.run()
    assert not watchdog.add(Watch(watchdog, None))


def test_a_slow_answer_that_goes_on_is_not_late(ask: Ask) -> None:
    flight = Flight(Deadlines(first_token=2, idle=2))
    assert ask("slow", flight=flight).text == "word " * 200


def test_the_watchdog_is_one_thread_and_leaves_with_its_backend(
    server: LoopbackServer, backend: OpenAIBackend, ask: Ask
) -> None:
    before = set(threading.enumerate())
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(ask, "stall-in-body") for _ in range(4)]
        server.wait_for_requests(4)
        new = [thread for thread in set(threading.enumerate()) - before if thread.name == "chatnb"]
        assert all("stopped sending" in str(future.exception()) for future in futures)
    assert len(new) == 1
    backend.close()
    new[0].join(2)
    assert not new[0].is_alive()


@pytest.mark.usefixtures("no_threads")
@pytest.mark.parametrize(
    ("model", "line"),
    [("stall-before-headers", "No answer"), ("stall-in-body", "stopped sending")],
)
def test_without_threads_the_read_timeout_ends_a_stall(model: str, line: str, ask: Ask) -> None:
    with pytest.raises(ChatError, match=line):
        ask(model)


def test_importing_the_backend_loads_no_sdk() -> None:
    code = "import sys, chatnb.openai_backend; print('openai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_loopback_server_records_what_it_gets(server: LoopbackServer) -> None:
    client = http.client.HTTPConnection("127.0.0.1", server.port)
    client.request("POST", "/v1/nothing", b"\x00bytes", {"X-One": "1"})
    assert client.getresponse().status == 404
    received = server.requests[0]
    assert (received.method, received.path, received.body) == ("POST", "/v1/nothing", b"\x00bytes")
    assert received.headers["x-one"] == "1"
    client.close()
