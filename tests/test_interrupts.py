"""The kernel's interrupt, at every moment of a request: a row and its turn, or neither."""

from __future__ import annotations

import signal

import pytest

from chatnb.errors import Interrupted
from chatnb.interrupts import deferred
from chatnb.prompts import Asked
from chatnb.request_log import RequestLog
from chatnb.request_log.log_frame import frame
from chatnb.samples import sample
from chatnb.sessions import Session
from tests.loopback import PATIENCE_S
from tests.real_session import session_on

from .fake_backend import FakeBackend, connected, reply


def press_stop():
    signal.raise_signal(signal.SIGINT)


class StoppedLog(RequestLog):
    """A log during whose writing the user presses stop."""

    when = ""

    def start(self, request, started):
        row = super().start(request, started)
        if self.when == "start":
            press_stop()
        return row

    def finish(self, exchange):
        super().finish(exchange)
        if self.when == "finish":
            press_stop()


@pytest.fixture
def log(tmp_path):
    log = StoppedLog(tmp_path / "log.sqlite")
    yield log
    log.close()


@pytest.fixture(autouse=True)
def python_handles_interrupts():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def statuses(log):
    return list(frame(log)["status"])


def test_an_interrupt_while_the_row_is_started_sends_nothing(log):
    backend = FakeBackend()
    chat = Session(connected(backend), log)
    log.when = "start"
    with pytest.raises(Interrupted):
        chat.send("a")
    assert backend.requests == []
    assert statuses(log) == ["interrupted"]
    assert chat.messages == []


def test_an_interrupt_before_the_row_is_one_line_and_no_row(log):
    class SlowToPrepare(FakeBackend):
        def prepare(self, request):
            press_stop()
            return request

    chat = Session(connected(SlowToPrepare()), log)
    with pytest.raises(Interrupted, match="before anything was sent"):
        chat.send("a")
    assert statuses(log) == []


@pytest.mark.parametrize("way", ["ask", "sample", "dry run"])
def test_an_interrupt_before_anything_is_sent_is_one_line_whoever_asks(log, way):
    class SlowToTokenize(FakeBackend):
        def token_ids(self, text, flight=None):
            press_stop()

    backend = SlowToTokenize()
    chat = Session(connected(backend), log)
    ways = {
        "ask": lambda: chat.ask("a", logit_bias={"blue": 1}),
        "sample": lambda: sample("a", session=chat, progress=False, logit_bias={"blue": 1}),
        "dry run": lambda: chat.prepared(Asked("a", {"logit_bias": {"blue": 1}})),
    }
    with pytest.raises(Interrupted, match="before anything was sent"):
        ways[way]()
    assert backend.requests == []
    assert statuses(log) == []


def test_an_interrupt_while_the_row_is_finished_comes_after_the_turn(log):
    chat = Session(connected(FakeBackend()), log)
    log.when = "finish"
    with pytest.raises(Interrupted) as caught:
        chat.send("a")
    assert statuses(log) == ["ok"]
    assert len(chat.messages) == 2
    assert caught.value.exchange is chat.last
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_stop_pressed_twice_is_one_interrupt(log):
    def answer(request, flight):
        flight.delta(0, "half")
        try:
            press_stop()
        finally:
            press_stop()
        return reply("never")

    chat = Session(connected(FakeBackend(answer)), log)
    with pytest.raises(Interrupted) as caught:
        chat.send("a")
    assert statuses(log) == ["interrupted"]
    assert caught.value.exchange.reply.text == "half"
    assert chat.send("b").text == "fine"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_ignores_ends_the_request_all_the_same(
    server, tmp_path, monkeypatch
):
    """What is raised inside a destructor is ignored; the request would wait for its server."""

    class Dropped:
        def __del__(self):
            press_stop()

    dropped = [Dropped()]

    def drop_at_the_first_words(change):
        if change.new.live and any(change.new.live.texts):
            dropped.clear()

    with session_on(server.base_url, tmp_path / "log.sqlite", monkeypatch) as chat:
        chat.observe(drop_at_the_first_words, "state")
        with pytest.raises(Interrupted) as caught:
            chat.send("hello there", model="stall-in-body")
        assert caught.value.exchange.reply.text == "Hello"
        assert server.requests[0].left.wait(PATIENCE_S)
        assert chat.send("and now?").text == "and now?"


def test_a_session_that_was_interrupted_is_not_busy(log):
    chat = Session(connected(FakeBackend(KeyboardInterrupt(), "fine")), log)
    with pytest.raises(Interrupted):
        chat.send("a")
    assert chat.send("b").text == "fine"


def test_what_is_deferred_is_raised_once_and_at_the_end():
    done = []

    def step():
        with deferred():
            press_stop()
            press_stop()
            done.append("all of it")

    with pytest.raises(Interrupted):
        step()
    assert done == ["all of it"]


def test_inside_allowed_an_interrupt_comes_at_once_also_an_earlier_one():
    def step():
        with deferred() as interrupts:
            press_stop()
            with interrupts.allowed():
                raise AssertionError("the earlier interrupt comes first")

    with pytest.raises(KeyboardInterrupt):
        step()
