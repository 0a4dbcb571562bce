"""The session: what a send does to the conversation, the log and whoever watches."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from chatnb.conversation import Place
from chatnb.errors import ChatError, Interrupted, InvalidInput, PartialReply, RequestFailed
from chatnb.prompts import Asked
from chatnb.records import Choice, Reply
from chatnb.request_log import RequestLog
from chatnb.sessions import Session

from .fake_backend import FakeBackend, connected, reply


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def here():
    """Where in the notebook the next entry comes from; tests move it."""
    return {"place": Place()}


@pytest.fixture
def chat(backend, here, tmp_path):
    log = RequestLog(tmp_path / "log.sqlite")
    yield Session(connected(backend), log, place=lambda: here["place"])
    log.close()


def texts(chat):
    return [message["content"] for message in chat.messages]


def rows(chat):
    from chatnb.request_log.log_frame import frame

    return frame(chat.log)


def test_a_send_returns_the_reply_and_enters_the_conversation(chat, backend):
    backend.enqueue("Washington.", "1789 to 1797.")
    assert chat.send("Who was first?").text == "Washington."
    assert chat.send("How long?").text == "1789 to 1797."
    assert [message.content for message in backend.requests[1].messages] == [
        "Who was first?", "Washington.", "How long?",
    ]  # fmt: skip
    assert list(rows(chat)["status"]) == ["ok", "ok"]
    assert list(rows(chat)["turn"]) == [1, 2]


@pytest.mark.parametrize(
    "failure",
    [
        RequestFailed("down", kind="server"),
        PartialReply("cut", kind="truncated", reply=reply("half")),
        Interrupted("stopped", kind="interrupted", reply=reply("half")),
        KeyboardInterrupt(),
        ValueError("a bug"),
    ],
)
def test_failed_request_leaves_the_conversation_unchanged(chat, backend, failure):
    chat.send("a")
    before = chat.conversation
    backend.enqueue(failure)
    with pytest.raises((ChatError, Interrupted)) as caught:
        chat.send("b")
    assert chat.conversation is before
    assert caught.value.exchange is chat.last
    assert rows(chat)["status"].iloc[-1] == caught.value.status
    assert chat.state.live is None


def test_interrupted_is_a_keyboard_interrupt_and_keeps_its_text(chat, backend):
    def stopped(request, flight):
        flight.delta(0, "half an ")
        flight.delta(0, "answer")
        raise KeyboardInterrupt

    backend.enqueue(stopped)
    with pytest.raises(KeyboardInterrupt) as caught:
        chat.send("a")
    assert caught.value.exchange.reply.text == "half an answer"
    assert rows(chat)["reply"].iloc[-1] == "half an answer"
    chat.keep()
    assert texts(chat) == ["a", "half an answer"]


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        (reply("", finish_reason="length"), "empty", "length"),
        (reply("", finish_reason="tool_calls"), "empty", "tool_calls"),
        (reply("", finish_reason="stop"), "empty", "no_text"),
        (reply("cut he", finish_reason="content_filter"), "partial", "content_filter"),
    ],
)
def test_an_answer_that_is_none_is_an_error(chat, backend, answer, status, kind):
    backend.enqueue(answer)
    with pytest.raises(ChatError) as caught:
        chat.send("a", max_tokens=1)
    assert (caught.value.status, caught.value.kind) == (status, kind)
    assert texts(chat) == []
    assert rows(chat)["error_kind"].iloc[-1] == kind


def test_a_refusal_enters_as_its_text(chat, backend):
    backend.enqueue(Reply((Choice(0, "", "stop", refusal="I cannot."),)))
    chat.send("a")
    assert texts(chat) == ["a", "I cannot."]
    assert rows(chat)["status"].iloc[-1] == "refused"


def test_length_with_text_is_ok(chat, backend):
    backend.enqueue(reply("some", finish_reason="length"))
    assert chat.send("a").finish_reason == "length"
    assert texts(chat) == ["a", "some"]


def test_a_wrong_value_sends_nothing_and_writes_no_row(chat, backend):
    for wrong in ({"temperature": 3}, {"temprature": 1}, {"stop": list("abcde")}):
        with pytest.raises(InvalidInput):
            chat.send("a", **wrong)
    for prompt in ("", " \n", "half \ud83d"):
        with pytest.raises(InvalidInput):
            chat.send(prompt)
    assert backend.requests == []
    assert len(rows(chat)) == 0
    assert texts(chat) == []


def test_overrides_live_for_one_request(chat, backend):
    chat.parameters.temperature = 0
    chat.send("a", temperature=None, top_p=0.5)
    chat.send("b")
    assert backend.requests[0].parameters == {"top_p": 0.5}
    assert backend.requests[1].parameters == {"temperature": 0}


def test_system_for_one_request_replaces_the_conversations_own(chat, backend):
    chat.system("Be brief.")
    chat.send("a", system="Be long.")
    chat.send("b")
    first, second = ([m.content for m in r.messages] for r in backend.requests)
    assert first == ["Be long.", "a"]
    assert second == ["Be brief.", "a", "fine", "b"]


def test_fresh_neither_reads_nor_enters(chat, backend):
    chat.system("Be brief.")
    chat.send("a")
    chat.send("b", fresh=True)
    assert [m.content for m in backend.requests[1].messages] == ["b"]
    assert texts(chat) == ["Be brief.", "a", "fine"]


def test_ask_is_entered_nowhere_and_is_a_row(chat, backend):
    before = chat.state
    assert chat.ask("a", temperature=0).text == "fine"
    assert chat.state is before
    assert backend.requests[0].stream is False
    assert rows(chat)["source"].iloc[-1] == "python"


def test_stream_is_on_and_can_be_switched_off(chat, backend):
    chat.send("a")
    chat.send("b", stream=False)
    assert [request.stream for request in backend.requests] == [True, False]


def test_several_choices_enter_by_the_first_and_another_can_be_kept(chat, backend):
    backend.enqueue(reply("red", "blue", "green"))
    chat.send("color?", n=3)
    assert texts(chat)[-1] == "red"
    chat.keep(1)
    assert texts(chat)[-1] == "blue"
    assert chat.undo() == "keeping choice 1"
    assert texts(chat)[-1] == "red"
    assert list(rows(chat)["choices"].iloc[-1]) == ["red", "blue", "green"]


def test_a_re_run_is_told_and_replaces(chat, backend, here):
    for cell in "ABC":
        here["place"] = Place(cell, f"run-{cell}")
        chat.send(cell.lower())
    here["place"] = Place("B", "run-B2")
    chat.send("b2")
    assert [m.content for m in backend.requests[-1].messages] == ["a", "fine", "b2"]
    assert "re-run: replaces turn 2; turn 3 set aside" in chat.last.notes
    assert texts(chat) == ["a", "fine", "b2", "fine"]
    assert repr(chat) == "<Session main: 2 turns>"
    assert chat.undo() == "the re-run of turn 2"
    assert len(chat.conversation.live) == 3


def test_a_failed_re_run_sets_nothing_aside(chat, backend, here):
    here["place"] = Place("A", "1")
    chat.send("a")
    here["place"] = Place("A", "2")
    backend.enqueue(RequestFailed("down"))
    with pytest.raises(ChatError):
        chat.send("a")
    assert texts(chat) == ["a", "fine"]


def test_a_message_added_in_a_re_run_cell_is_there_once(chat, here):
    for run in ("1", "2"):
        here["place"] = Place("A", run)
        chat.add("user", "Who?")
        chat.add("assistant", "Washington.")
    assert texts(chat) == ["Who?", "Washington."]


def test_load_takes_the_apis_messages(chat):
    chat.load(
        [
            {"role": "system", "content": "You help."},
            {"role": "user", "content": "Hi", "name": "Ann"},
            {"role": "assistant", "content": "Hello"},
        ]
    )
    assert chat.messages[1] == {"role": "user", "content": "Hi", "name": "Ann"}
    assert chat.conversation.system == "You help."
    with pytest.raises(InvalidInput, match="role"):
        chat.load([{"role": "banana", "content": "x"}])
    with pytest.raises(InvalidInput, match="list of"):
        chat.load(["hello"])
    assert len(chat.messages) == 3


def test_named_conversations_are_apart(chat, backend):
    chat.send("a")
    chat.send("b", conversation="other")
    assert [m.content for m in backend.requests[1].messages] == ["b"]
    chat.settings.conversation = "other"
    assert texts(chat) == ["b", "fine"]
    chat.settings.conversation = None
    assert texts(chat) == ["a", "fine"]


def test_reset_and_undo_bring_it_back(chat):
    chat.system("Be brief.")
    chat.send("a")
    chat.reset()
    assert texts(chat) == []
    assert chat.undo() == "the reset"
    assert texts(chat) == ["Be brief.", "a", "fine"]
    chat.redo()
    assert texts(chat) == []
    assert len(rows(chat)) == 1


def test_a_second_request_while_one_is_in_the_air_is_one_line_and_no_row(chat, backend):
    said = []

    def answer(request, flight):
        with pytest.raises(InvalidInput, match="still answering") as caught:
            chat.send("b")
        said.append(caught.value.line)
        return reply("fine")

    backend.enqueue(answer)
    chat.send("a")
    assert said
    assert len(rows(chat)) == 1


def test_stop_from_another_thread_ends_the_request(chat, backend):
    def answer(request, flight):
        flight.delta(0, "half")
        stopper = threading.Thread(target=chat.stop)
        stopper.start()
        assert flight.stopping.wait(5)
        stopper.join(5)
        raise Interrupted("Stopped.", kind="interrupted", reply=reply("half"))

    backend.enqueue(answer)
    with pytest.raises(Interrupted):
        chat.send("a")
    assert rows(chat)["status"].iloc[-1] == "interrupted"


def test_watchers_see_the_first_text_at_once_and_the_end(chat, backend):
    seen = []

    def answer(request, flight):
        for piece in ("Hel", "lo"):
            flight.delta(0, piece)
        return Reply((Choice(0, "Hello", "stop"),))

    backend.enqueue(answer)
    chat.observe(lambda change: seen.append(change["new"]), "state")
    chat.send("a")
    assert seen[0].live.texts == ("Hel",)
    assert seen[-1].live is None
    assert seen[-1].last.reply.text == "Hello"


def test_what_listened_to_a_turn_is_gone_with_it(chat, backend):
    """Not when the garbage collector comes by: in a notebook that is hundreds of turns later."""
    flights = []

    def answer(request, flight):
        flights.append(weakref.ref(flight))
        return "a long text in pieces"

    backend.enqueue(answer)
    gc.disable()
    try:
        chat.send("Go on")
        assert flights[0]() is None
    finally:
        gc.enable()


def test_watchers_see_what_is_waited_for(chat, backend):
    seen = []

    def answer(request, flight):
        flight.waiting("starting the model…")
        return reply("Hello")

    backend.enqueue(answer)
    chat.observe(lambda change: seen.append(change["new"].live), "state")
    chat.send("a")
    assert seen[0].waiting == "starting the model…"
    assert seen[1].texts == ("Hello",)
    assert seen[1].waiting == ""


def test_a_view_that_fails_loses_no_row(chat, caplog):
    chat.observe(lambda change: 1 / 0, "state")
    assert chat.send("a").text == "fine"
    assert texts(chat) == ["a", "fine"]
    assert len(rows(chat)) == 1


def test_a_fork_goes_its_own_way_and_can_be_adopted(chat):
    chat.send("a")
    fork = chat.fork()
    fork.parameters.temperature = 0
    fork.send("b")
    assert texts(chat) == ["a", "fine"]
    assert chat.parameters.temperature is None
    chat.adopt(fork)
    assert texts(chat) == ["a", "fine", "b", "fine"]
    assert len(rows(chat)) == 2


def test_retry_sends_the_last_failed_prompt_again(chat, backend):
    with pytest.raises(InvalidInput, match="nothing to retry"):
        chat.retry()
    backend.enqueue(RequestFailed("down"))
    with pytest.raises(ChatError):
        chat.send("a")
    assert chat.retry().text == "fine"
    assert texts(chat) == ["a", "fine"]


def test_what_is_said_once_waits_for_a_cell_that_shows_it(chat):
    chat.send("a")
    assert chat.last.notes == ()
    chat.send("b", source="cell")
    assert "fake answers here" in chat.last.notes
    assert any("logged in" in note for note in chat.last.notes)
    chat.send("c", source="cell")
    assert chat.last.notes == ()


def test_without_a_model_the_only_listed_one_answers(backend, tmp_path):
    log = RequestLog(tmp_path / "log.sqlite")
    chat = Session(connected(backend, model=None), log)
    chat.send("a")
    assert backend.requests[0].model == "fake"
    backend.listed = ["one", "two"]
    chat.send("b")  # the server was asked once
    other = Session(connected(backend, model=None), log)
    with pytest.raises(InvalidInput, match=r"has 2 models \(one, two\): name one"):
        other.send("c")
    log.close()


def test_a_server_that_does_not_list_its_models_leaves_a_row(backend, tmp_path):
    log = RequestLog(tmp_path / "log.sqlite")
    chat = Session(connected(backend, model=None), log)
    backend.models = lambda flight: (_ for _ in ()).throw(RequestFailed("down", kind="network"))
    for ask in (chat.send, chat.ask):
        with pytest.raises(RequestFailed, match="down") as caught:
            ask("Anybody there?")
        assert caught.value.exchange.status == "error"
    table = rows(chat)
    assert list(table["prompt"]) == ["Anybody there?"] * 2
    assert list(table["error_kind"]) == ["network", "network"]
    assert texts(chat) == []
    assert backend.requests == []
    log.close()


def test_stop_reaches_a_session_that_asks_the_server_for_its_model(backend, tmp_path):
    log = RequestLog(tmp_path / "log.sqlite")
    chat = Session(connected(backend, model=None), log)
    waited = []

    def models(flight):
        flight.waiting("asking fake for its models…")
        waited.append(chat.state.live.waiting)
        flight.on_stop(lambda: waited.append("ended on the wire"))
        chat.stop()
        raise Interrupted("Stopped.", kind="interrupted")

    backend.models = models
    with pytest.raises(Interrupted):
        chat.send("Anybody there?")
    assert waited == ["asking fake for its models…", "ended on the wire"]
    assert chat.state.live is None
    log.close()


def test_a_word_in_logit_bias_becomes_its_token_ids(chat, backend):
    backend.tokens = {"blue": [7], " blue": [8], "Blue": [9, 10], " Blue": [11]}
    chat.send("a", logit_bias={"blue": -100, "3": 1})
    assert backend.requests[0].parameters["logit_bias"] == {
        "3": 1, "7": -100, "8": -100, "11": -100,
    }  # fmt: skip
    assert "'blue' is 3 token ids" in chat.last.adjusted[0].why
    backend.tokens = {}
    with pytest.raises(InvalidInput, match="takes token ids here"):
        chat.send("a", logit_bias={"blue": -100})


def test_defaults_of_the_connection_go_with_its_model_only(backend, tmp_path):
    log = RequestLog(tmp_path / "log.sqlite")
    chat = Session(connected(backend, defaults={"reasoning_effort": "none"}), log)
    chat.send("a")
    chat.send("b", reasoning_effort="low")
    chat.send("c", model="other")
    assert [dict(request.parameters) for request in backend.requests] == [
        {"reasoning_effort": "none"}, {"reasoning_effort": "low"}, {},
    ]  # fmt: skip
    assert chat.last.adjusted == ()
    log.close()


def test_regenerate_asks_the_last_prompt_again_in_its_place(chat, backend):
    backend.enqueue("one", "two", "three")
    chat.send("a")
    chat.send("b")
    assert chat.regenerate(temperature=1).text == "three"
    assert texts(chat) == ["a", "one", "b", "three"]
    assert [message.content for message in backend.requests[2].messages] == ["a", "one", "b"]
    assert [turn.stale for turn in chat.conversation.turns] == [False, True, False]
    assert chat.undo() == "the re-run of turn 2"
    assert texts(chat) == ["a", "one", "b", "two"]


def test_a_turn_that_is_replaced_sets_aside_what_came_after(chat, backend):
    for prompt in "abc":
        chat.send(prompt)
    first = chat.conversation.live[0]
    chat.send("A?", replaces=first)
    assert texts(chat) == ["A?", "fine"]
    assert chat.last.notes == ("again: replaces turn 1; turns 2-3 set aside",)
    chat.send("d", replaces=first)  # it is gone: the prompt goes to the end
    assert texts(chat) == ["A?", "fine", "d", "fine"]


def test_an_edited_message_is_what_is_sent_next(chat, backend):
    backend.enqueue("Adams.")
    chat.send("Who was first?")
    chat.edit(chat.conversation.live[0], "Washington.", message=1)
    chat.send("Sure?")
    assert [message.content for message in backend.requests[1].messages] == [
        "Who was first?", "Washington.", "Sure?",
    ]  # fmt: skip
    with pytest.raises(InvalidInput, match="no message 2"):
        chat.edit(chat.conversation.live[0], "x", message=2)
    chat.undo()
    assert chat.undo() == "the edit"
    assert texts(chat) == ["Who was first?", "Adams."]


def test_a_panel_sends_from_no_cell(chat, here):
    here["place"] = Place("cell-1", "run-1")
    chat.send("a", source="panel")
    assert chat.conversation.turns[0].place == Place()
    assert rows(chat)["cell"].isna().all()


def test_a_fork_may_have_another_connection(chat, backend):
    other = FakeBackend("from the other")
    fork = chat.fork(connected(other))
    assert fork.send("a", source="compare", comparison="c1").text == "from the other"
    assert backend.requests == []
    assert list(rows(chat)["comparison"]) == ["c1"]


def broken(text="half"):
    return PartialReply("cut", kind="truncated", reply=reply(text))


def test_a_kept_partial_belongs_to_the_cell_that_sent_it(chat, backend, here):
    here["place"] = Place("sends", "1")
    backend.enqueue(broken())
    with pytest.raises(PartialReply):
        chat.send("a")
    here["place"] = Place("keeps", "1")
    chat.keep()
    assert texts(chat) == ["a", "half"]
    here["place"] = Place("sends", "2")
    chat.send("a")
    assert texts(chat) == ["a", "fine"]


def test_a_partial_of_a_prompt_asked_again_is_kept_in_its_place(chat, backend):
    chat.send("a")
    backend.enqueue(broken())
    with pytest.raises(PartialReply):
        chat.regenerate()
    chat.keep()
    assert texts(chat) == ["a", "half"]


def test_a_kept_partial_needs_no_retry(chat, backend):
    backend.enqueue(broken())
    with pytest.raises(PartialReply):
        chat.send("a")
    chat.keep()
    with pytest.raises(InvalidInput, match="nothing to retry"):
        chat.retry()


def test_a_mistake_in_between_does_not_replace_what_retry_sends(chat, backend):
    backend.enqueue(RequestFailed("down"))
    with pytest.raises(RequestFailed):
        chat.send("a")
    for mistake in ({"prompt": ""}, {"prompt": "b", "temperature": 9}):
        with pytest.raises(InvalidInput):
            chat.send(**mistake)
    chat.retry()
    assert texts(chat) == ["a", "fine"]


def test_retry_stays_in_its_conversation_and_its_cell(chat, backend, here):
    here["place"] = Place("sends", "1")
    backend.enqueue(RequestFailed("down"))
    with pytest.raises(RequestFailed):
        chat.send("a")
    here["place"] = Place("retries", "1")
    chat.settings.conversation = "other"
    chat.retry()
    assert texts(chat) == []
    chat.settings.conversation = None
    assert texts(chat) == ["a", "fine"]
    assert chat.conversation.live[0].place == Place("sends", "1")


def test_what_was_stopped_before_it_was_sent_can_be_retried(chat, backend):
    prepare, backend.prepare = (
        backend.prepare,
        lambda request: (_ for _ in ()).throw(KeyboardInterrupt),
    )
    with pytest.raises(Interrupted):
        chat.send("a")
    backend.prepare = prepare
    assert chat.retry().text == "fine"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda chat: chat.system(5), "The system message is a text, not int"),
        (lambda chat: chat.send("x", system=5), "The system message is a text, not int"),
        (lambda chat: chat.ask("x", system=5), "The system message is a text, not int"),
        (lambda chat: chat.send("x", conversation=5), "The name of a conversation is a text"),
        (lambda chat: chat.send("x", conversation=[]), "The name of a conversation is a text"),
        (lambda chat: chat.send(5), "The prompt is a text, not int"),
    ],
)
def test_a_wrong_type_is_one_line(chat, backend, wrong, said):
    with pytest.raises(InvalidInput, match=said):
        wrong(chat)
    assert backend.requests == []
    assert chat.messages == []


def test_an_empty_system_message_is_none(chat):
    chat.system("Be brief.")
    chat.system("")
    assert chat.conversation.system is None
    assert chat.messages == []


def test_true_is_no_choice(chat, backend):
    backend.enqueue(reply("red", "blue"))
    chat.send("color?", n=2)
    with pytest.raises(InvalidInput, match="number from 0, not True"):
        chat.keep(True)
    assert texts(chat)[-1] == "red"


@pytest.mark.parametrize("content", [5, {"type": "text"}, ["text"], [5], True, None])
def test_a_message_is_text_or_a_list_of_parts(chat, content):
    with pytest.raises(InvalidInput, match="text or a list of content parts, not"):
        chat.add("user", content)
    with pytest.raises(InvalidInput, match="text or a list of content parts, not"):
        chat.load([{"role": "user", "content": content}])
    assert chat.messages == []


def test_parts_and_a_message_that_only_calls_a_tool_are_taken(chat):
    parts = [{"type": "text", "text": "What is this?"}]
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "a cat", "tool_call_id": "1"},
    ]
    chat.load(messages)
    assert chat.messages == messages


def test_a_missing_key_is_a_mistake_and_no_row(backend, tmp_path):
    log = RequestLog(tmp_path / "log.sqlite")
    chat = Session(connected(backend, key="NO_SUCH_KEY"), log)
    for ask in (chat.send, chat.ask):
        with pytest.raises(InvalidInput, match="no key in NO_SUCH_KEY"):
            ask("a")
    assert len(rows(chat)) == 0
    assert backend.requests == []
    # What would be sent can be seen without one.
    assert chat.prepared(Asked("a")).model == "fake"
    log.close()
