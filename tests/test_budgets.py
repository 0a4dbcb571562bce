"""The budget: soft and loud, one for a kernel, its forks and its threads."""

from __future__ import annotations

import logging
import re
import threading

import pytest

import chatnb
from chatnb import kernel as wiring
from chatnb.errors import Interrupted, InvalidInput, PartialReply, RequestFailed
from chatnb.extraction import extract
from chatnb.records import Choice, Reply, Usage
from chatnb.request_log.log_frame import frame
from chatnb.samples import sample
from chatnb.sessions import Session

from .fake_backend import FakeBackend, connected, reply
from .loopback import LoopbackServer

OPENAI = {"base_url": "https://api.openai.com/v1", "model": "gpt-6-luna"}
# 20,000 and 16,000 tokens of gpt-6-luna ($0.10 and $0.50 a million): one cent.
ONE_CENT = Reply((Choice(0, "fine", "stop"),), "gpt-6-luna", Usage(20_000, 16_000, 36_000))


class PaidBackend(FakeBackend):
    """Every answer costs one cent, by the price of its model at OpenAI."""

    def complete(self, request, flight):
        if not self.answers:
            self.enqueue(ONE_CENT)
        return super().complete(request, flight)


@pytest.fixture
def backend():
    return PaidBackend()


@pytest.fixture
def chat(backend, log):
    chat = Session(connected(backend, **OPENAI), log)
    chat.settings.budget = 0.5
    return chat


def asked_until_refused(ask, most=100):
    """How many were answered, and what was said to the next one."""
    for count in range(most):
        try:
            ask()
        except InvalidInput as refusal:
            return count, refusal
    raise AssertionError(f"{most} requests, and none was refused")


def test_a_loop_of_100_stops_at_the_limit_before_anything_is_sent(chat, backend, log):
    count, refusal = asked_until_refused(lambda: chat.send("Hi"))
    assert count == len(backend.requests) == len(frame(log)) == 50
    assert refusal.line == (
        "The budget is used up: $0.50 of $0.50 is spent in this kernel. Nothing was sent; "
        "%chat_set budget=1.00 raises it."
    )
    assert (refusal.kind, refusal.exchange) == ("budget", None)
    assert len(chat.conversation.live) == 50


def test_a_raised_budget_lets_go_on_and_retry_sends_what_was_refused(chat, backend):
    asked_until_refused(lambda: chat.send("Hi"))
    chat.settings.budget = 0.51
    assert chat.retry().text == "fine"
    assert asked_until_refused(lambda: chat.send("Hi"))[0] == 0
    chat.settings.budget = None
    chat.send("Hi")


@pytest.mark.parametrize("budget", [0, 0.00001, 0.0004, 0.011, 0.03])
def test_the_budget_that_a_refusal_names_lets_go_on(chat, budget):
    for _ in range(4):
        chat.send("Hi")
    chat.settings.budget = budget
    with pytest.raises(InvalidInput) as refused:
        chat.send("Hi")
    named = re.search(r"budget=(\S+) raises it", refused.value.line)
    chat.settings.budget = float(named[1])
    assert chat.send("Hi").text == "fine"


@pytest.mark.parametrize("way", ["ask", "send", "fork", "panel"])
def test_every_way_to_ask_counts(chat, backend, way):
    ways = {
        "ask": lambda: chat.ask("Hi"),
        "send": lambda: chat.send("Hi", fresh=True),
        "fork": lambda: chat.fork().send("Hi"),
        "panel": lambda: chat.send("Hi", source="panel"),
    }
    for _ in range(25):
        chat.ask("Hi")
    assert asked_until_refused(ways[way])[0] == 25


def test_samples_stop_at_the_limit_and_keep_what_is_done(chat, backend, log, capsys):
    taken = sample("Hi", seeds=range(100), session=chat, progress=False)
    # Four were in the air when the limit was reached, at most.
    assert 50 <= len(backend.requests) <= 53
    assert len(taken) == len(frame(log)) == len(backend.requests)
    told = capsys.readouterr().out
    assert "The budget is used up" in told
    assert f"{len(taken)} of 100 samples were sent; they are kept." in told


def test_requests_in_the_air_are_counted_before_they_end(chat, backend):
    chat.ask("Hi")  # what an answer costs is known from now on
    chat.settings.budget = 0.04  # four at 0.8 cents each, of which one has ended, are more
    together = threading.Barrier(4, timeout=20)

    def wait(request, flight):
        together.wait()
        return ONE_CENT

    backend.enqueue(*[wait] * 4)
    taken = sample("Hi", seeds=range(50), session=chat, progress=False, parallel=4)
    assert len(taken) == 4


def test_nothing_of_a_batch_is_sent_when_the_budget_is_used_up(chat, backend):
    chat.settings.budget = 0
    with pytest.raises(InvalidInput, match=r"budget=0\.50 raises it"):
        extract(["a", "b"], {"type": "object"}, session=chat, progress=False)
    assert backend.requests == []


def test_it_warns_once_at_80_percent(chat, caplog):
    caplog.set_level(logging.WARNING, "chatnb")
    for _ in range(39):
        chat.ask("Hi")
    assert caplog.messages == []
    for _ in range(5):
        chat.ask("Hi")
    assert caplog.messages == ["$0.40 of $0.50 is spent in this kernel."]


def test_the_warning_stands_below_the_answer_of_a_cell_and_of_the_panel(chat, backend):
    chat.settings.budget = 0.01
    chat.send("Hi", source="panel")
    assert chat.last.notes == ("$0.0100 of $0.0100 is spent in this kernel.",)
    chat.settings.budget = 0.02
    chat.send("Hi", source="cell")
    assert "$0.0200 of $0.0200 is spent in this kernel." in chat.last.notes


def test_an_answer_without_usage_is_estimated_and_marked(chat, backend):
    backend.enqueue(Reply((Choice(0, "x" * 300_000, "stop"),), "gpt-6-luna"))
    chat.ask("Hi")
    assert chat.budget.spent == "~$0.0500"  # 100,000 tokens at $0.50 a million, and the prompt


def test_what_broke_off_is_estimated_and_what_was_turned_away_is_free(chat, backend):
    backend.enqueue(RequestFailed("401", kind="auth"))
    with pytest.raises(RequestFailed):
        chat.ask("Hi")
    assert chat.budget.spent == "$0"
    broken = Reply((Choice(0, "x" * 30_000),))
    backend.enqueue(PartialReply("cut", kind="connection", reply=broken))
    with pytest.raises(PartialReply):
        chat.ask("Hi")
    assert chat.budget.spent == "~$0.0050"


def test_what_was_stopped_before_it_left_is_free(chat, backend):
    backend.enqueue(Interrupted("Stopped.", kind="interrupted"))
    with pytest.raises(Interrupted):
        chat.ask("Hi " * 100_000)
    assert chat.budget.spent == "$0"


def test_an_unknown_price_is_said_once_and_does_not_count(log, caplog):
    caplog.set_level(logging.WARNING, "chatnb")
    chat = Session(connected(FakeBackend()), log)
    chat.settings.budget = 0.01
    for _ in range(3):
        chat.ask("Hi")
    (line,) = caplog.messages
    assert line.startswith("The price of fake is unknown here")
    assert chat.budget.spent == "$0"


def test_200_requests_an_hour_are_the_default(log):
    backend = FakeBackend()
    chat = Session(connected(backend), log)
    count, refusal = asked_until_refused(lambda: chat.ask("Hi"), 300)
    assert count == len(backend.requests) == 200
    assert "200 of 200 requests an hour" in refusal.line
    assert "%chat_set max_requests=400 raises it" in refusal.line


def test_an_hour_later_there_is_room_again(log, monkeypatch):
    chat = Session(connected(FakeBackend()), log)
    chat.settings.max_requests = 2
    asked_until_refused(lambda: chat.ask("Hi"))
    moment = chatnb.budgets.time.monotonic()
    monkeypatch.setattr(chatnb.budgets.time, "monotonic", lambda: moment + 3601)
    assert asked_until_refused(lambda: chat.ask("Hi"))[0] == 2


def test_too_many_samples_are_refused_before_the_first(log):
    backend = FakeBackend()
    chat = Session(connected(backend), log)
    chat.ask("Hi")
    with pytest.raises(InvalidInput, match="250 requests are 51 too many") as refused:
        sample("Hi", seeds=range(250), session=chat, progress=False)
    assert "%chat_set max_requests=400 raises it" in refused.value.line
    assert len(backend.requests) == 1


def test_the_embedded_model_has_no_limit(log):
    backend = FakeBackend()
    chat = Session(connected(backend, base_url="local", embedded=True), log)
    chat.settings.budget, chat.settings.max_requests = 0, 1
    for _ in range(3):
        chat.ask("Hi")
    assert chat.budget.sent == 0


@pytest.fixture
def paid_kernel(shell, log_path, backend):
    """The magics, on a session that a fake backend answers under the name of OpenAI."""
    wiring._made_once.cache_clear()
    wiring.this_kernel().connected = connected(backend, **OPENAI)()
    shell.run_cell("%load_ext chatnb")
    yield shell
    wiring.this_kernel().log.close()
    wiring._made_once.cache_clear()


def test_a_loop_of_100_cells_stops_at_the_limit(paid_kernel, backend, capsys):
    paid_kernel.run_cell("%chat_set budget=0.20")
    count, refusal = asked_until_refused(lambda: paid_kernel.run_cell("%%chat\nHi"))
    assert count == len(backend.requests) == len(chatnb.log()) == 20
    assert "%chat_set budget=0.40 raises it" in refusal.line
    told = capsys.readouterr().out
    assert told.count(" of $0.20 is spent in this kernel.\n") == 1
    assert "$0.16 of $0.20 is spent in this kernel." in told
    with pytest.raises(InvalidInput):  # another session of this kernel
        wiring.Session("http://127.0.0.1:9/v1", model="echo").ask("Hi")
    paid_kernel.run_cell("%chat_set")
    table = capsys.readouterr().out
    assert "0.2 · $0.20 spent" in table
    assert "unset (200) · 20 sent" in table


@pytest.mark.kernel
def test_a_server_sees_no_request_beyond_the_limit(log_path, kernel):
    with LoopbackServer() as server:
        kernel.run(f"%load_ext chatnb\n%chat_connect {server.base_url} -m echo")
        kernel.run("%chat_set max_requests=5")
        ran = kernel.run("for number in range(100):\n    %chat Hi")
        assert ran.error["traceback"] == [
            "InvalidInput: 5 of 5 requests an hour went out from this kernel. Nothing was sent; "
            "%chat_set max_requests=10 raises it."
        ]
        assert len(server.requests) == 5
        assert kernel.run("import chatnb; print(len(chatnb.log()))").stdout == "5\n"


def test_what_samples_can_cost_is_said_before_they_are_sent(chat, backend, capsys):
    seen = []

    def look(request, flight):
        seen.append(capsys.readouterr().out)
        return reply("fine")

    backend.enqueue(look)
    sample("Hi " * 999, seeds=[1], session=chat, progress=False, max_completion_tokens=20, n=2)
    line = (
        "1 request: at most $0.00013 with gpt-6-luna (~1,000 prompt tokens, answers of 40 tokens)."
    )
    assert line in seen[0]


def test_without_a_token_limit_there_is_no_upper_limit_and_that_is_said(chat, capsys):
    sample(["a", "b"], session=chat, progress=False)
    told = capsys.readouterr().out
    assert (
        "2 requests with gpt-6-luna: no upper limit, since max_completion_tokens is unset" in told
    )


def test_an_unknown_price_is_said_before_samples_and_the_free_model_says_nothing(log, capsys):
    chat = Session(connected(FakeBackend()), log)
    sample("a", session=chat, progress=False)
    assert (
        "1 request to 127.0.0.1:9: the price of fake there is unknown." in capsys.readouterr().out
    )
    sample("a", session=chat, progress=False)
    assert "the price of" not in capsys.readouterr().out
    free = connected(FakeBackend(), base_url="local", embedded=True)
    sample("a", session=Session(free, log), progress=False)
    assert "1 request" not in capsys.readouterr().out
