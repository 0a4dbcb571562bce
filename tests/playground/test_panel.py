"""What the panel does with a session, and what it tells its front end; without a browser."""

from __future__ import annotations

import threading

import pytest

from chatnb.errors import Interrupted, InvalidInput, PartialReply, RequestFailed
from chatnb.playground.gate import FRESH_S, Gate
from chatnb.playground.worker import Latest
from chatnb.records import Choice, Reply
from tests.fake_backend import connected, reply
from tests.waiting import wait_for


def texts(chat):
    return [message["content"] for message in chat.messages]


def test_a_send_of_the_panel_is_a_turn_of_the_conversation_and_a_row_of_the_log(panel, chat):
    panel.send("Hello")
    panel.wait_for("idle")
    assert texts(chat) == ["Hello", "fine"]
    assert chat.last.request.origin.source == "panel"
    turn = panel.last("turns")["turns"][0]
    assert "Hello" in turn["prompt"]
    assert "fine" in turn["answer"]


def test_a_send_returns_before_the_answer_is_there(panel, backend):
    answered = threading.Event()
    backend.enqueue(lambda request, flight: answered.wait(10) and "late")
    panel.send("Hello")
    assert panel.told("idle") == []
    with pytest.raises(InvalidInput, match="still answering"):
        panel.send("Me too")
    answered.set()
    panel.wait_for("idle")
    assert len(backend.requests) == 1


def test_an_answer_given_in_a_cell_appears_in_the_panel(panel, chat, backend):
    def streams(request, flight):
        flight.delta(0, "Once upon")
        return reply("Once upon a time")

    backend.enqueue(streams)
    chat.send("Tell me", source="cell")
    assert "Once upon" in panel.told("piece")[0]["html"]
    assert "Once upon a time" in panel.last("turns")["turns"][0]["answer"]
    assert panel.last("idle")["unfinished"] is None


def test_an_old_turn_is_not_told_again(panel, chat):
    chat.send("one")
    chat.send("two")
    turns = panel.told("turns")[-1]
    assert len(turns["order"]) == 2
    assert [turn["prompt_text"] for turn in turns["turns"]] == ["two"]


def test_a_failed_prompt_comes_back_into_the_box_with_what_would_mend_it(panel, chat, backend):
    backend.enqueue(RequestFailed("The server is down.", kind="network"))
    panel.send("Hello")
    idle = panel.wait_for("idle")
    assert idle["draft"] == "Hello"
    assert idle["unfinished"]["line"] == "The server is down."
    assert texts(chat) == []


def test_a_refused_prompt_comes_back_too(panel, backend):
    panel.send("   ")
    idle = panel.wait_for("idle")
    assert idle["draft"] == "   "
    assert "empty" in idle["unfinished"]["line"]
    assert backend.requests == []


def test_whatever_goes_wrong_before_a_request_gives_the_panel_back(panel, chat, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("out of paper")

    monkeypatch.setattr(chat, "_drafted", broken)
    panel.send("Hello")
    idle = panel.wait_for("idle")
    assert "out of paper" in idle["unfinished"]["line"]
    assert idle["draft"] == "Hello"


def test_what_the_budget_refuses_comes_back_with_the_line_that_raises_it(panel, chat, backend):
    chat.settings.max_requests = 1
    chat.ask("one")
    panel.send("two")
    idle = panel.wait_for("idle")
    assert idle["draft"] == "two"
    assert "%chat_set max_requests=2 raises it" in idle["unfinished"]["line"]
    assert len(backend.requests) == 1


def test_partial_text_stays_in_sight_and_can_be_kept(panel, chat, backend):
    partial = Reply((Choice(0, "Half an ans"),))
    backend.enqueue(PartialReply("It broke off.", kind="cut", reply=partial))
    panel.send("Hello")
    unfinished = panel.wait_for("idle")["unfinished"]
    assert "Half an ans" in unfinished["answer"]
    assert "keep_partial" in [remedy["command"] for remedy in unfinished["remedies"]]
    panel.run("keep_partial", {})
    assert texts(chat) == ["Hello", "Half an ans"]


def test_stop_ends_the_answer_that_it_names_and_no_later_one(panel, chat, backend):
    flying = threading.Event()
    stopped = threading.Event()

    def stalls(request, flight):
        flight.on_stop(stopped.set)
        flight.delta(0, "Half")
        flying.set()
        stopped.wait(10)
        raise PartialReply("Stopped.", kind="cut", reply=reply("Half"))

    backend.enqueue(stalls)
    panel.send("Hello")
    assert flying.wait(10)
    flight = panel.last("live")["flight"]
    panel.receive(do="stop", flight=flight - 1)
    assert not stopped.is_set()
    panel.receive(do="stop", flight=flight)
    assert stopped.wait(10)
    panel.wait_for("idle")


def test_a_stopped_request_that_does_not_end_gives_its_prompt_back(panel, chat, backend):
    """As where a connection hangs: only its own deadline ends it."""
    flying, gave_up = threading.Event(), threading.Event()

    def hangs(request, flight):
        flying.set()
        gave_up.wait(20)
        raise Interrupted("Stopped.", kind="interrupted")

    backend.enqueue(hangs)
    panel.send("Hello")
    assert flying.wait(10)
    panel.receive(do="stop", flight=panel.last("live")["flight"])
    idle = panel.wait_for("idle")
    assert idle["draft"] == "Hello"
    assert "gives up connecting within 10 s" in idle["unfinished"]["line"]
    with pytest.raises(InvalidInput, match="stopped request gives up connecting"):
        panel.send("Me too")
    gave_up.set()
    assert panel.wait_for("idle", 2)["unfinished"]["line"] == "Stopped."
    panel.send("Now")
    panel.wait_for("idle", 3)
    assert texts(chat) == ["Now", "fine"]


def test_a_turn_can_be_edited_and_sent_again_from_the_panel(panel, chat, backend):
    chat.send("one")
    chat.send("two")
    key = panel.last("turns")["order"][0]
    panel.edit(key, 1, "hand-written")
    assert texts(chat) == ["one", "hand-written", "two", "fine"]
    assert panel.last("turns")["order"][0] == key
    panel.edit(key, 0, "uno", send=True)
    panel.wait_for("idle", 3)
    assert texts(chat) == ["uno", "fine"]


def test_regenerate_undo_and_revert(panel, chat, backend):
    backend.enqueue("first", "second")
    chat.send("one")
    panel.regenerate()
    panel.wait_for("idle", 2)
    assert texts(chat) == ["one", "second"]
    assert panel.undo() == "the re-run of turn 1"
    assert texts(chat) == ["one", "first"]
    panel.redo()
    assert texts(chat) == ["one", "second"]


def test_of_three_choices_the_second_can_be_kept(panel, chat, backend):
    backend.enqueue(reply("a", "b", "c"))
    chat.send("Name a letter", n=3)
    assert [choice["kept"] for choice in panel.last("turns")["turns"][0]["choices"]] == [
        True, False, False,
    ]  # fmt: skip
    panel.keep(1)
    assert texts(chat)[-1] == "b"
    assert panel.last("turns")["turns"][0]["choices"][1]["kept"]


def test_a_choice_of_an_earlier_answer_is_kept_there_and_not_in_the_last_one(panel, chat, backend):
    backend.enqueue(reply("a", "b"), reply("c", "d"))
    chat.send("Name a letter", n=2)
    key = panel.last("turns")["order"][0]
    chat.send("Another", n=2)
    panel.run("keep", {"index": 1, "key": key})
    assert texts(chat) == ["Name a letter", "b", "Another", "c"]
    panel.undo()
    assert texts(chat) == ["Name a letter", "a", "Another", "c"]
    panel.reset()
    with pytest.raises(InvalidInput, match="no longer in the conversation"):
        panel.run("keep", {"index": 1, "key": key})


def test_a_value_set_in_the_panel_is_the_sessions_and_stands_in_every_panel(open_panel, chat):
    first, second = open_panel(), open_panel()
    first.receive(do="set", values={"temperature": 0}, seq=3, view="v")
    assert chat.parameters.temperature == 0
    assert first.last("values")["seq"] == {"v": 3}
    assert second.last("values")["values"] == {"temperature": 0}
    chat.parameters.temperature = None
    assert first.last("values")["values"] == {}


def test_a_value_out_of_range_is_one_line_and_changes_nothing(panel, chat):
    panel.receive(do="set", values={"temperature": 3}, seq=1, view="v")
    refused = panel.last("refused")
    assert refused["name"] == "temperature"
    assert "from 0 to 2" in refused["line"]
    assert chat.parameters.values() == {}


def test_a_click_is_carried_out_once_and_only_while_it_is_fresh(panel, chat, backend):
    panel.receive(do="ask", id="1")
    assert panel.last("free")["id"] == "1"
    panel.receive(do="go", id="1", command="send", args={"prompt": "Hello"})
    panel.receive(do="go", id="1", command="send", args={"prompt": "Hello"})
    assert panel.last("late") == {"event": "late", "id": "1"}
    panel.wait_for("idle")
    assert len(backend.requests) == 1


def test_the_gate_closes_after_a_while():
    now = [0.0]
    gate = Gate(lambda: now[0])
    gate.ask("1")
    now[0] += FRESH_S + 0.1
    assert not gate.passes("1")
    assert not gate.passes("never asked")


def test_what_the_front_end_may_call_are_the_commands_alone(panel):
    for name in ("close", "run", "_tell", "__class__"):
        panel.receive(do="ask", id=name)
        panel.receive(do="go", id=name, command=name, args={})
        assert "no command" in panel.last("failed")["line"]
    with pytest.raises(InvalidInput, match="does not take that"):
        panel.run("send", {"words": "Hello"})


def test_a_new_view_is_told_everything(panel, chat):
    chat.system("Be brief.")
    chat.send("Hello")
    panel.events.clear()
    panel.receive(do="hello")
    assert [event["event"] for event in panel.events] == [
        "controls", "connection", "conversation", "turns", "totals", "values",
    ]  # fmt: skip
    assert panel.last("conversation")["system"] == "Be brief."


def test_a_closed_panel_lets_go_of_the_session(open_panel, chat):
    panel = open_panel()
    panel.close()
    panel.events.clear()
    chat.send("Hello")
    chat.parameters.temperature = 1
    assert panel.events == []


def test_turns_from_before_the_panel_was_opened_have_their_receipts_and_bars(open_panel, chat):
    chat.send("Hello")
    chat.send("And then?")
    chat.ask("Of no conversation")
    panel = open_panel()
    panel.receive(do="hello")
    first, second = panel.last("turns")["turns"]
    for turn in (first, second):
        assert "tokens" in turn["receipt"]
        assert turn["who"]
        assert not turn["edited"]
    assert [part["name"] for part in second["bar"]["parts"]] == ["history", "prompt", "answer"]
    assert panel.last("totals")["session"].startswith("session: 2 requests")
    chat.send("Now")
    assert panel.last("totals")["session"].startswith("session: 3 requests")


def test_the_receipt_of_a_turn_does_not_repeat_who_answered(panel, chat):
    chat.send("Hello")
    turn = panel.last("turns")["turns"][0]
    assert turn["who"]
    assert turn["who"] not in turn["receipt"]


def test_another_conversation_is_shown_as_it_is(panel, chat):
    chat.send("Hello")
    panel.run("conversation", {"name": "pirates"})
    assert panel.last("turns")["order"] == []
    assert panel.last("conversation")["names"] == ["main", "pirates"]
    panel.run("conversation", {"name": "main"})
    assert len(panel.last("turns")["order"]) == 1


def test_the_code_and_the_saved_transcript_follow_to_another_conversation(panel, chat):
    saved = []
    panel._output.update = saved.append
    chat.send("Hello")
    panel.receive(do="page", name="code")
    wait_for(lambda: "Hello" in panel.last("code")["json"], "the history in the code")
    chat.settings.conversation = "pirates"
    wait_for(lambda: "Hello" not in panel.last("code")["json"], "the code without the history")
    wait_for(lambda: "pirates is empty" in saved[-1]["text/plain"], "the other transcript")


def test_the_code_follows_to_another_server(panel, chat, backend, monkeypatch):
    panel.receive(do="page", name="code")
    panel.wait_for("code")
    elsewhere = connected(backend, base_url="http://models.example/v1")
    monkeypatch.setattr(chat, "_connected", elsewhere)
    chat.announce()
    wait_for(lambda: "models.example" in panel.last("code")["python"], "the address in the code")


def test_what_one_model_refused_is_not_told_of_the_next(panel, chat, backend):
    error = RequestFailed("fake refused it.", kind="unsupported_value", param="temperature")
    backend.enqueue(error)
    panel.receive(do="set", values={"temperature": 0.2}, seq=1, view="v")
    panel.send("Hello")
    panel.wait_for("idle")
    panel.receive(do="set", values={"temperature": 0.3}, seq=2, view="v")
    wait_for(lambda: "fake refused temperature" in str(panel.last("values")["told"]), "the line")
    chat.parameters.model = "another"  # as a cell does
    wait_for(lambda: panel.last("values")["told"] == [], "no line")


def test_the_models_of_the_server_before_are_not_suggested(panel, chat, backend, monkeypatch):
    backend.listed = ["one", "two"]
    panel.receive(do="models")
    wait_for(lambda: panel.last("connection")["models"] == ["one", "two"], "the models")
    chat.parameters.model = "two"
    assert panel.last("connection")["models"] == ["one", "two"]
    monkeypatch.setattr(chat, "_connected", connected(backend, base_url="http://else.example/v1"))
    chat.announce()
    assert panel.last("connection")["models"] == []


def test_of_many_jobs_the_newest_is_run_last_and_those_between_are_left_out():
    ran, first, go_on = [], threading.Event(), threading.Event()

    def slow():
        first.set()
        go_on.wait(10)
        ran.append("slow")

    latest = Latest()
    latest.run(slow)
    assert first.wait(10)
    for number in range(50):
        latest.run(lambda number=number: ran.append(number))
    go_on.set()
    wait_for(lambda: len(ran) == 2, "two jobs")
    assert ran == ["slow", 49]
