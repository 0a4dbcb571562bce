"""One prompt under several settings: what is sent, told, logged, and continued with."""

from __future__ import annotations

import re
import threading

import pytest

from chatnb.errors import InvalidInput, RequestFailed
from chatnb.openai_backend import OpenAIBackend
from chatnb.playground.compare_page import Comparison
from chatnb.request_log.log_frame import frame
from chatnb.sessions import Session
from tests.fake_backend import FakeBackend, connected, reply
from tests.waiting import wait_for

TWO = [{"temperature": 0}, {"temperature": 1.5}]


class Told:
    """A front end that keeps its events."""

    def __init__(self):
        self.events = []

    def __call__(self, events):
        self.events.extend(events)

    def of(self, name, lane=None):
        return [
            event
            for event in self.events
            if event["event"] == name and lane in (None, event.get("lane"))
        ]

    def wait_for(self, name, count=1, lane=None):
        return wait_for(lambda: self.of(name, lane)[count - 1 :], f"{name} in {self.events}")[0]


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def landed():
    return []


@pytest.fixture
def comparison(chat, told, landed):
    made = Comparison(chat, told, landed.append)
    yield made
    made.stop()
    wait_for(lambda: not made.running, "the comparison's end")


@pytest.fixture
def served(server, tmp_path):
    """A session whose requests go to the loopback server."""
    from chatnb.request_log import RequestLog

    answers = connected(None, base_url=server.base_url, model="echo")().connection
    backend = OpenAIBackend(answers)
    log = RequestLog(tmp_path / "served.sqlite")
    yield Session(connected(backend, base_url=server.base_url, model="echo"), log)
    backend.close()
    log.close()


def by_temperature(**answers):
    """Answers by the request's temperature, whichever comes first."""
    return lambda request, flight: answers[f"t{request.parameters.get('temperature', 'unset')}"]


def ended(comparison, told, prompt="Hello", lanes=TWO):
    name = comparison.start(prompt, lanes)
    wait_for(lambda: any(event["id"] == name for event in told.of("comparison_ended")), "its end")
    wait_for(lambda: not threads(), "the threads' end")
    return name


def threads():
    return [each for each in threading.enumerate() if each.name == "chatnb-panel"]


def test_each_lane_is_sent_with_its_own_values_and_the_same_history(
    comparison, told, chat, backend
):
    chat.system("Be brief.")
    chat.send("Hi", temperature=1)
    chat.parameters.max_tokens = 50
    ended(comparison, told)
    first, second = sorted(backend.requests[1:], key=lambda sent: sent.parameters["temperature"])
    assert first.parameters == {"temperature": 0, "max_tokens": 50}
    assert second.parameters == {"temperature": 1.5, "max_tokens": 50}
    texts = [message.content for message in first.messages]
    assert texts == ["Be brief.", "Hi", "fine", "Hello"]
    assert second.messages == first.messages


def test_every_lane_is_a_row_of_the_log_under_the_same_short_id(comparison, told, chat):
    name = ended(comparison, told, lanes=[*TWO, {"model": "other"}])
    rows = frame(chat.log)
    assert re.fullmatch(r"c[0-9a-f]{8}", name)
    assert list(rows["source"]) == ["compare"] * 3
    assert set(rows["comparison"]) == {name}
    assert sorted(rows["model"]) == ["fake", "fake", "other"]
    assert ended(comparison, told) != name


def test_a_lane_tells_its_answer_its_receipt_and_what_differs_from_lane_1(
    comparison, told, backend, landed
):
    answer = by_temperature(t0="a red cat", **{"t1.5": "a **black** cat"})
    backend.enqueue(answer, answer)
    name = ended(comparison, told)
    done = told.of("lane_done", 2)[0]
    assert done["id"] == name
    assert "<strong>black</strong>" in done["choices"][0]["html"]
    assert "3 + 5 = 8 tokens" in done["receipt"]
    assert done["line"] == ""
    differences = told.of("lane_differences")
    assert [event["lane"] for event in differences] == [2]
    assert {"change": "removed", "text": "red "} in differences[0]["parts"]
    assert [exchange.status for exchange in landed] == ["ok", "ok"]


def test_lanes_stream_under_names_that_the_chat_page_does_not_listen_to(comparison, told, backend):
    def streams(request, flight):
        flight.delta(0, "Once <b>upon</b>")
        return reply("Once upon a time")

    backend.enqueue(streams, streams)
    ended(comparison, told)
    assert {event["lane"] for event in told.of("lane_piece")} == {1, 2}
    assert "Once &lt;b&gt;upon" in told.of("lane_piece", 1)[0]["html"]
    assert not told.of("live")
    assert not told.of("piece")


def test_several_choices_of_a_lane_have_labels(comparison, told, backend):
    backend.enqueue(reply("a", "b"), reply("a", "b"))
    ended(comparison, told, lanes=[{"n": 2}, {"n": 2}])
    assert [choice["label"] for choice in told.of("lane_done", 1)[0]["choices"]] == [
        "choice 0", "choice 1",
    ]  # fmt: skip


def test_a_lane_that_fails_says_why_and_the_others_go_on(comparison, told, backend):
    failure = RequestFailed("The server is down.", kind="network")
    answer = by_temperature(t0=failure, **{"t1.5": "fine"})
    backend.enqueue(answer, answer)
    ended(comparison, told)
    assert told.of("lane_done", 1)[0]["line"] == "The server is down."
    assert told.of("lane_done", 2)[0]["answered"]
    assert not told.of("lane_differences")
    with pytest.raises(InvalidInput, match="Lane 1 has no answer"):
        comparison.adopt(1)


def test_an_error_that_nobody_foresaw_ends_its_lane_alone(comparison, told, backend):
    answer = by_temperature(t0=ZeroDivisionError("oops"), **{"t1.5": "fine"})
    backend.enqueue(answer, answer)
    ended(comparison, told)
    assert "oops" in told.of("lane_done", 1)[0]["line"]


def test_the_session_continues_with_a_lane_and_undo_takes_that_back(
    comparison, told, chat, backend
):
    chat.send("Hi")
    answer = by_temperature(t0="cold", **{"t1.5": "wild"})
    backend.enqueue(answer, answer)
    ended(comparison, told)
    assert [message["content"] for message in chat.messages] == ["Hi", "fine"]
    comparison.adopt(2)
    assert [message["content"] for message in chat.messages] == ["Hi", "fine", "Hello", "wild"]
    assert chat.parameters.values() == {}
    chat.undo()
    assert [message["content"] for message in chat.messages] == ["Hi", "fine"]


def test_a_lane_is_not_adopted_into_another_conversation(comparison, told, chat):
    ended(comparison, told)
    chat.settings.conversation = "pirates"
    with pytest.raises(InvalidInput, match="belongs to the conversation main"):
        comparison.adopt(1)
    assert chat.messages == []


@pytest.mark.parametrize(
    ("lanes", "line"),
    [
        ([{}, {"temperature": 3}], r"Lane 2: temperature is a number from 0 to 2"),
        ([{"temprature": 1}, {}], r"Lane 1: There is no request parameter 'temprature'"),
        ([{}, {}, {"base_url": "ftp://x/v1"}], r"Lane 3: Requests cannot go"),
        ([{}, {"key": "MY_KEY"}], r"Lane 2: a key goes with a server"),
        ([{}, {"base_url": "local", "model": "gpt-6-sol"}], r"Lane 2: The embedded model is"),
        ([{}], r"has 2 to 4 lanes, not 1"),
        ([{}] * 5, r"has 2 to 4 lanes, not 5"),
    ],
)
def test_lanes_are_checked_before_anything_is_sent(comparison, told, backend, lanes, line):
    with pytest.raises(InvalidInput, match=line):
        comparison.start("Hello", lanes)
    assert backend.requests == []
    assert told.events == []


def test_an_empty_prompt_is_refused(comparison, backend):
    with pytest.raises(InvalidInput, match="The prompt is empty"):
        comparison.start("  ", TWO)
    assert backend.requests == []


@pytest.mark.parametrize("base_url", ["https://models.example/v1", "https://api.openai.com/v1"])
def test_a_key_typed_in_place_of_its_name_is_not_repeated_and_nobody_is_asked(
    comparison, monkeypatch, base_url
):
    monkeypatch.setattr("getpass.getpass", lambda *_: pytest.fail("asked"))
    monkeypatch.setitem(__import__("sys").modules, "ipykernel", object())
    for key in ("sk-canary2f9c41d07be8", "") if "openai" in base_url else ("sk-canary2f9c",):
        with pytest.raises(InvalidInput, match="Lane 2: no environment variable") as caught:
            comparison.start("Hello", [{}, {"base_url": base_url, "key": key}])
        assert "canary" not in str(caught.value)


def test_a_second_comparison_waits_for_the_first(comparison, told, backend):
    go_on = threading.Event()
    backend.enqueue(*[lambda request, flight: go_on.wait(10) and "late"] * 2)
    comparison.start("Hello", TWO)
    with pytest.raises(InvalidInput, match="still running"):
        comparison.start("Hello", TWO)
    go_on.set()
    told.wait_for("comparison_ended")
    assert len(backend.requests) == 2


def test_a_stop_that_comes_late_ends_no_later_comparison(comparison, told, backend):
    old = ended(comparison, told)
    flights, go_on = [], threading.Event()

    def waits(request, flight):
        flights.append(flight)
        return go_on.wait(10) and "late"

    backend.enqueue(waits, waits)
    comparison.start("Hello", TWO)
    wait_for(lambda: len(flights) == 2, "two requests")
    comparison.stop(old)
    assert not any(flight.stopped for flight in flights)
    go_on.set()


def test_a_stop_while_the_requests_are_only_drafted_reaches_them(chat, told):
    drafting, go_on, stopped = threading.Event(), threading.Event(), []

    def waits(request, flight):
        stopped.append(flight.stopping.wait(5))
        return "late"

    backend = FakeBackend(waits, waits)

    def slowly():
        if threading.current_thread().name == "chatnb-panel":
            drafting.set()
            go_on.wait(10)
        return connected(backend)()

    comparison = Comparison(Session(slowly, chat.log), told)
    comparison.start("Hello", TWO)
    assert drafting.wait(10)
    comparison.stop()
    go_on.set()
    told.wait_for("comparison_ended")
    assert stopped == [True, True]


def test_a_view_that_opens_is_told_everything_that_came(comparison, told, backend):
    assert comparison.everything() == []
    go_on = threading.Event()

    def half(request, flight):
        if request.parameters["temperature"] == 0:
            return "cold"
        flight.delta(0, "half of it")
        go_on.wait(10)
        return "wild"

    backend.enqueue(half, half)
    name = comparison.start("Hello", TWO)
    told.wait_for("lane_done", lane=1)
    told.wait_for("lane_piece", lane=2)
    events = comparison.everything()
    assert [(event["event"], event.get("lane")) for event in events] == [
        ("comparison", None), ("lane_live", 1), ("lane_live", 2), ("lane_done", 1),
        ("lane_live", 2), ("lane_piece", 2),
    ]  # fmt: skip
    assert events[0] == {
        "event": "comparison", "id": name, "prompt": "Hello", "lanes": TWO,
    }  # fmt: skip
    assert "half of it" in events[-1]["html"]
    go_on.set()
    told.wait_for("comparison_ended")
    wait_for(lambda: told.of("lane_differences"), "the differences")
    names = [event["event"] for event in comparison.everything()]
    assert names[-2:] == ["comparison_ended", "lane_differences"]


def test_lanes_are_on_the_wire_together_and_stop_ends_them_all(served, server, told):
    comparison = Comparison(served, told)
    lanes = [{"model": "stall-in-body"}, {"model": "slow"}, {"model": "stall-before-headers"}]
    name = comparison.start("Hello", lanes)
    server.wait_for_requests(3)
    assert not any(request.left.is_set() for request in server.requests)
    told.wait_for("lane_piece", lane=1)
    told.wait_for("lane_piece", lane=2)
    comparison.stop(name)
    assert all(request.left.wait(10) for request in server.requests)
    told.wait_for("comparison_ended")
    assert list(frame(served.log)["status"]) == ["interrupted"] * 3
    assert "Hello" in told.of("lane_done", 1)[0]["choices"][0]["html"]
    assert "top" in told.of("lane_done", 2)[0]["line"]


def test_a_lane_on_another_server_is_answered_there(chat, told, server, log_path):
    comparison = Comparison(chat, told)
    ended(comparison, told, "to be echoed", [{}, {"base_url": server.base_url, "model": "echo"}])
    assert [request.json["model"] for request in server.requests] == ["echo"]
    assert "to be echoed" in told.of("lane_done", 2)[0]["choices"][0]["html"]
    assert set(frame(chat.log)["base_url"]) == {chat.connection.base_url, server.base_url}


def test_the_sessions_model_is_not_asked_of_another_server(chat, told, server, log_path):
    chat.parameters.model = "only-here"
    comparison = Comparison(chat, told)
    ended(comparison, told, lanes=[{}, {"base_url": server.base_url}])
    assert "has 2 models (echo, slow)" in told.of("lane_done", 2)[0]["line"]
    assert told.of("lane_done", 1)[0]["answered"]
