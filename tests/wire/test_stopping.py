"""Stop and interrupt end the request on the wire at once, in every phase; the text is kept."""

from __future__ import annotations

import _thread
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from types import FrameType

import pytest

from chatnb.backend import Connection, Flight
from chatnb.errors import Interrupted
from chatnb.openai_backend import OpenAIBackend
from chatnb.records import Attempt
from chatnb.wire.watchdog import Watch, Watchdog
from tests.fault_table import CANARY, KEY_VARIABLE
from tests.loopback import PATIENCE_S, LoopbackServer
from tests.waiting import wait_for
from tests.wire.conftest import request_for

WITHIN_S = 0.2
PHASES = [
    # the model, whether it is streamed, and whether text or a wait announces the phase
    ("stall-before-headers", True, "request"),
    ("stall-before-headers", False, "request"),
    ("slow", True, "text"),
    ("stall-in-body", True, "text"),
    ("stall-in-body", False, "request"),
    ("sse-comments-forever", True, "text"),
    ("stall-without-line-end", True, "text"),
    ("wait-a-minute", True, "wait"),
]


@pytest.fixture(autouse=True)
def interrupts_arrive() -> Iterator[None]:
    """A shell starts its background jobs with SIGINT ignored, and Python leaves it so."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


End = Callable[[Flight, Callable[[], None]], None]


def stop(flight: Flight, begins: Callable[[], None]) -> None:
    begins()
    flight.stop()


def interrupt(flight: Flight, begins: Callable[[], None]) -> None:
    main = threading.main_thread().ident
    assert main is not None
    # Python misses a signal that comes in the microseconds before a system call begins.
    wait_for(lambda: is_waiting(main), "the main thread to wait")
    begins()
    signal.pthread_kill(main, signal.SIGINT)


def interrupt_without_a_signal(flight: Flight, begins: Callable[[], None]) -> None:
    """As ipykernel interrupts on Windows, and as a signal does that another thread gets."""
    main = threading.main_thread().ident
    assert main is not None
    places = deque([0], 3)
    wait_for(lambda: has_stopped(main, places), "the main thread to wait")
    begins()
    _thread.interrupt_main()


def has_stopped(thread: int, places: deque[int]) -> bool:
    """Whether the thread was in the same call each time that somebody looked."""
    frame = sys._current_frames()[thread]
    places.append(hash((frame, frame.f_lasti)))
    return len(places) == places.maxlen and len(set(places)) == 1


def is_waiting(thread: int) -> bool:
    """Whether the thread sits in a socket's read or in a wait."""
    frame = sys._current_frames()[thread]
    return frame.f_code.co_name in ("read", "wait")


class Phase:
    """Ends a request from another thread as soon as it has come to the phase."""

    def __init__(self, server: LoopbackServer, announced_by: str, requests: int, end: End) -> None:
        self._server = server
        self._announced_by = announced_by
        self._requests = requests
        self._end = end
        self._reached = threading.Event()
        self.flight = Flight(
            on_delta=self._text, on_attempt=self._attempt, on_waiting=self._waiting
        )
        self.ended_at = 0.0
        self._thread = threading.Thread(target=self._run)

    def _text(self, choice: int, text: str) -> None:
        self._reached.set()

    def _attempt(self, attempt: Attempt) -> None:
        if attempt.wait is not None:
            self._reached.set()

    def _waiting(self, what: str) -> None:
        if self._announced_by == "told":
            self._reached.set()

    def _run(self) -> None:
        if self._announced_by == "request":
            self._server.wait_for_requests(self._requests)
        elif not self._reached.wait(PATIENCE_S):
            return
        self._end(self.flight, self._now)

    def _now(self) -> None:
        self.ended_at = time.monotonic()

    def __enter__(self) -> Phase:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.join(PATIENCE_S)


def statuses_of(model: str, announced_by: str) -> set[int | None]:
    """What the attempt may say; a request that has come may or may not have its headers."""
    if announced_by == "wait":
        return {503}
    unanswered = {"stall-before-headers": {None}, "stall-in-body": {None, 200}}
    return {200} if announced_by == "text" else unanswered[model]


@pytest.mark.parametrize("warm", [False, True], ids=["new-connection", "used-connection"])
@pytest.mark.parametrize("end", [stop, interrupt])
@pytest.mark.parametrize(("model", "stream", "announced_by"), PHASES)
def test_request_ends_at_once(
    model: str,
    stream: bool,
    announced_by: str,
    end: End,
    warm: bool,
    server: LoopbackServer,
    backend: OpenAIBackend,
) -> None:
    if warm:
        backend.complete(request_for("echo", stream=True), Flight())
    else:
        backend.models()  # imports the SDK
        server.connections = 0
        backend.close()
    requests = len(server.requests) + 1
    with Phase(server, announced_by, requests, end) as phase, pytest.raises(Interrupted) as caught:
        backend.complete(request_for(model, stream=stream), phase.flight)
    took = time.monotonic() - phase.ended_at
    assert took < WITHIN_S
    assert server.connections == 1
    sent = server.wait_for_requests(requests)
    assert len(server.requests) == requests
    reply = caught.value.reply
    assert reply is not None
    assert reply.text == "".join(phase.flight.texts())
    kept = f"; {len(reply.text)} characters kept." if reply.text else " before any text came."
    assert caught.value.line == f"Stopped{kept}"
    assert caught.value.kind == "interrupted"
    if announced_by == "text":
        assert reply.text
    [attempt] = phase.flight.attempts
    assert attempt.status in statuses_of(model, announced_by)
    if announced_by != "wait":
        assert sent.left.wait(PATIENCE_S)
        assert sent.left_at is not None
        assert sent.left_at - phase.ended_at < WITHIN_S


@pytest.mark.parametrize(
    ("model", "stream", "announced_by"),
    [
        ("stall-before-headers", True, "told"),
        ("stall-before-headers", False, "told"),
        ("stall-in-body", True, "text"),
        ("stall-in-body", False, "told"),
    ],
)
def test_an_interrupt_that_ends_no_system_call_ends_the_request(
    model: str, stream: bool, announced_by: str, server: LoopbackServer, backend: OpenAIBackend
) -> None:
    end = interrupt_without_a_signal
    with Phase(server, announced_by, 1, end) as phase, pytest.raises(Interrupted):
        backend.complete(request_for(model, stream=stream), phase.flight)
    assert time.monotonic() - phase.ended_at < 5 * WITHIN_S


@pytest.mark.parametrize("model", ["stall-before-headers", "slow", "wait-a-minute"])
def test_the_next_request_is_answered(
    model: str, server: LoopbackServer, backend: OpenAIBackend
) -> None:
    announced_by = {"slow": "text", "wait-a-minute": "wait"}.get(model, "request")
    with Phase(server, announced_by, 1, stop) as phase, pytest.raises(Interrupted):
        backend.complete(request_for(model, stream=True), phase.flight)
    assert backend.complete(request_for("echo", stream=True), Flight()).text == "hello there"


def test_asking_for_the_models_ends_at_once_in_a_wait_too(server: LoopbackServer) -> None:
    connection = Connection(f"http://127.0.0.1:{server.port}/wait-a-minute")
    flight = Flight()
    with closing(OpenAIBackend(connection)) as backend, ThreadPoolExecutor(1) as pool:
        thread = pool.submit(threading.get_ident).result()
        asked = pool.submit(backend.models, flight)
        wait_for(lambda: waits_to_try_again(thread), "a wait between two tries")
        flight.stop()
        stopped_at = time.monotonic()
        assert isinstance(asked.exception(), Interrupted)
        assert time.monotonic() - stopped_at < WITHIN_S
    assert len(server.requests) == 1


def waits_to_try_again(thread: int) -> bool:
    frame: FrameType | None = sys._current_frames()[thread]
    while frame is not None and frame.f_code.co_name != "stopped_within":
        frame = frame.f_back
    return frame is not None


def test_flight_that_was_stopped_before_is_not_sent(
    server: LoopbackServer, backend: OpenAIBackend
) -> None:
    flight = Flight()
    flight.stop()
    with pytest.raises(Interrupted):
        backend.complete(request_for("echo", stream=True), flight)
    assert server.requests == []


def test_stopping_one_of_many_ends_only_that_one(
    server: LoopbackServer, backend: OpenAIBackend
) -> None:
    for _ in range(2):  # so that both of the next ones may use connections again
        backend.complete(request_for("echo", stream=True), Flight())
    phase = Phase(server, "text", 0, stop)
    texts: list[str] = []
    other = threading.Thread(
        target=lambda: texts.append(
            backend.complete(request_for("slow", stream=True), Flight()).text
        )
    )
    other.start()
    with phase, pytest.raises(Interrupted):
        backend.complete(request_for("slow", stream=True), phase.flight)
    other.join(PATIENCE_S)
    assert texts == ["word " * 200]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")
def test_a_connection_that_comes_about_after_the_stop_carries_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, CANARY)
    flight = Flight()
    with ExitStack() as held:
        server = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        before = held.enter_context(socket.create_connection(server.getsockname()))
        server.settimeout(PATIENCE_S)
        connection = Connection(f"http://127.0.0.1:{server.getsockname()[1]}/v1", key=KEY_VARIABLE)
        backend = held.enter_context(closing(OpenAIBackend(connection)))
        pool = held.enter_context(ThreadPoolExecutor(1))
        thread = pool.submit(threading.get_ident).result()
        asked = pool.submit(backend.complete, request_for("echo", stream=True), flight)
        wait_for(lambda: connects(thread), "the connection to hang")
        flight.stop()
        server.accept()[0].close()
        before.close()
        accepted = held.enter_context(server.accept()[0])
        assert isinstance(asked.exception(PATIENCE_S), Interrupted)
        assert accepted.recv(1) == b""


def connects(thread: int) -> bool:
    return sys._current_frames()[thread].f_code.co_name == "create_connection"


def test_connection_that_is_made_after_the_stop_is_ended_too() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch = Watch(Watchdog(), None)
        watch.end("stop")
        watch.hold(ours)
        theirs.settimeout(PATIENCE_S)
        assert theirs.recv(1) == b""


def test_attempt_that_is_over_is_not_ended() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch = Watch(Watchdog(), ours)
        watch.let_go()
        watch.end("stop")
        ours.sendall(b"still here")
        assert theirs.recv(10) == b"still here"


def test_stop_after_the_end_ends_nothing(server: LoopbackServer, backend: OpenAIBackend) -> None:
    flight = Flight()
    backend.complete(request_for("echo", stream=True), flight)
    flight.stop()
    assert backend.complete(request_for("echo", stream=True), Flight()).text == "hello there"
    assert server.connections == 1
