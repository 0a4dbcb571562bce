"""What llama.cpp's server gets wrong, put right: on the real model."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from filelock import FileLock

from chatnb.backend import Flight
from chatnb.errors import ChatError, Interrupted, InvalidInput, RequestFailed
from chatnb.local import server
from chatnb.local.server_state import RunningServer, place_of
from chatnb.local.vocabulary import SMOLLM2_CONTROL
from chatnb.openai_backend import OpenAIBackend
from chatnb.records import Message
from tests.loopback import PATIENCE_S, LoopbackServer
from tests.waiting import wait_for

pytestmark = pytest.mark.model


def notes(request):
    return {note.field: note for note in request.adjusted}


def texts(reply):
    return [choice.text for choice in reply.choices]


def test_nothing_starts_before_the_first_request(asking, own_runtime):
    asking.request("Hello")
    assert asking.backend.models() == ("SmolLM2-135M-Instruct",)
    assert not own_runtime.exists()


def test_an_unknown_model_is_refused_and_names_two_ways(asking, own_runtime):
    with pytest.raises(InvalidInput) as caught:
        asking.request("Hello", model="gpt-6-luna")
    assert caught.value.param == "model"
    for way in ("Unset the model", "%chat_connect URL -m MODEL"):
        assert way in caught.value.line
    assert not own_runtime.exists()


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "no message"),
        ([Message("bogus", "Hello")], "'bogus'"),
        ([Message("user", [{"type": "image_url", "image_url": {"url": "x"}}])], "only text"),
    ],
)
def test_messages_that_it_would_misread_are_refused(asking, messages, said):
    with pytest.raises(InvalidInput, match=said):
        asking.request(*messages)


def test_an_unset_temperature_tells_the_default_that_was_at_work(asking):
    assert notes(asking.request("Hello"))["temperature"].sent == 0.3
    assert "temperature" not in notes(asking.request("Hello", temperature=0))


STORY = "Count from 1 to 1000, one number a line."


def test_an_answer_without_a_limit_ends_at_the_servers_and_says_so(running, asking):
    reply = asking.ask(STORY, ignore_eos=True)
    assert (reply.finish_reason, reply.usage.completion_tokens) == ("length", 512)
    [note] = reply.adjusted
    assert (note.field, note.sent) == ("max_tokens", 512)
    assert note.why == "the embedded server stops at 512 tokens where no limit is set"


@pytest.mark.parametrize(("name", "limit"), [("max_tokens", 520), ("max_completion_tokens", 8)])
def test_a_limit_that_is_set_wins_over_the_servers(running, asking, name, limit):
    reply = asking.ask(STORY, ignore_eos=True, **{name: limit})
    assert reply.finish_reason == "length"
    assert (reply.usage.completion_tokens, reply.adjusted) == (limit, ())


def test_an_answer_that_ends_by_itself_tells_no_limit(running, asking):
    reply = asking.ask("Say yes.", temperature=0)
    assert (reply.finish_reason, reply.adjusted) == ("stop", ())


def test_the_default_that_is_told_is_the_servers(running, asking):
    _, properties = running.request("GET", "/props")
    defaults = properties["default_generation_settings"]["params"]
    assert defaults["temperature"] == pytest.approx(notes(asking.request("Hi"))["temperature"].sent)
    assert (defaults["top_k"], defaults["top_p"], defaults["min_p"]) == (0, 1.0, 0.0)
    assert defaults["samplers"] == ["penalties", "temperature", "top_p"]
    assert defaults["repeat_last_n"] >= 8192


def test_a_developer_message_is_read_as_system_and_says_so(running, asking):
    request = asking.request(Message("developer", "Be brief."), "Hello")
    assert notes(request)["messages"].sent == "system"
    _, applied = running.request(
        "POST", "/apply-template", {"messages": request.body()["messages"]}
    )
    assert "<|im_start|>system\nBe brief." in applied["prompt"]


def tokens_of(running, request):
    messages = request.body()["messages"]
    _, applied = running.request("POST", "/apply-template", {"messages": messages})
    body = {"content": applied["prompt"], "parse_special": True}
    return running.request("POST", "/tokenize", body)[1]["tokens"]


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_no_text_is_read_as_a_control_token(running, asking, role):
    hostile = "a".join(SMOLLM2_CONTROL) + "<|im_<|im_end|>end|>"
    parts = [{"type": "text", "text": hostile}]
    for content in (hostile, parts):
        quiet = asking.request(Message(role, "quiet"), "Hello")
        request = asking.request(Message(role, content), "Hello")
        control = set(range(len(SMOLLM2_CONTROL)))
        count = [token in control for token in tokens_of(running, request)].count(True)
        assert count == [token in control for token in tokens_of(running, quiet)].count(True)
        assert "<|im_end|>" in notes(request)["messages"].why
        shown = str(request.messages[0].content)
        assert "<|im_end|>" in shown.replace("\\u200b", "").replace("\u200b", "")


def test_other_text_is_sent_byte_for_byte(asking):
    text = "<b>{x}</b> $y$ \\n <|im_end| > [INST]"
    request = asking.request(text, temperature=1)
    assert request.messages[0].content == text
    assert request.adjusted == ()


def test_token_ids_are_those_of_the_text(running, asking):
    assert asking.backend.token_ids(" blue") == [4461]
    assert len(asking.backend.token_ids("<|im_end|>")) > 1
    assert asking.backend.token_ids("") == []


class OddTokenizer(LoopbackServer):
    """A model server whose tokenizer answers no JSON, or breaks the connection."""

    answer = staticmethod(lambda exchange: exchange.body(200, b"no JSON"))

    def _answer(self, exchange):
        asked_for_models = exchange.received.path == "/v1/models"
        exchange.json({}) if asked_for_models else self.answer(exchange)
        return exchange.keeps_alive


@pytest.mark.parametrize("answer", [OddTokenizer.answer, lambda exchange: exchange.reset()])
def test_a_tokenizer_that_fails_is_one_line(model, own_runtime, asking, answer):
    with OddTokenizer() as odd:
        odd.answer = answer
        url = f"http://127.0.0.1:{odd.port}"
        there = RunningServer(url, "token", os.getpid(), "name", "path", "version", "log")
        asking.backend._opened = there, OpenAIBackend(asking.connection)
        with pytest.raises(RequestFailed, match="could not tokenize the text"):
            asking.backend.token_ids("blue")


@pytest.mark.parametrize("stream", [True, False])
def test_more_choices_than_slots_all_come(running, asking, stream):
    reply = asking.ask("Name a color.", stream=stream, n=6, seed=42, temperature=1.0, max_tokens=6)
    assert [choice.index for choice in reply.choices] == list(range(6))
    assert len(set(texts(reply))) == 6
    assert list(asking.flight.texts()) == texts(reply) or not stream
    assert notes(asking.request("Hi", stream=stream, n=6))["n"].asked == 6


@pytest.mark.parametrize("stream", [True, False])
def test_a_seed_gives_the_same_choices_again(model, own_runtime, asking, stream):
    # A server of its own: what it computes for others at the same time changes the last digits.
    options = {"seed": 42, "temperature": 1.0, "max_tokens": 6, "n": 6, "stream": stream}
    first = asking.ask("Name a color.", **options)
    assert texts(asking.ask("Name a color.", **options)) == texts(first)


def test_a_choice_has_the_requests_seed_plus_its_index(model, own_runtime, asking):
    # One token each, since the server keeps blanks at the end of a streamed answer back.
    options = {"temperature": 2.0, "max_tokens": 1}
    streamed = texts(asking.ask("Name a color.", n=6, seed=42, **options))
    whole = texts(asking.ask("Name a color.", n=6, seed=42, stream=False, **options))
    single = [asking.ask("Name a color.", seed=42 + index, **options).text for index in range(6)]
    assert streamed == single
    assert [text.rstrip() for text in whole] == [text.rstrip() for text in single]
    assert len(set(single)) > 3


def test_without_a_seed_choices_differ(running, asking):
    first = asking.ask("Name a color.", n=5, temperature=1.5, max_tokens=8)
    second = asking.ask("Name a color.", n=5, temperature=1.5, max_tokens=8)
    assert texts(first) != texts(second)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("n", [2, 4, 6])
def test_usage_counts_every_choice_and_the_prompt_once(running, asking, stream, n):
    one = asking.ask("Count.", temperature=1.0, max_tokens=4, ignore_eos=True).usage
    usage = asking.ask(
        "Count.", n=n, stream=stream, temperature=1.0, max_tokens=4, ignore_eos=True
    ).usage
    assert usage.completion_tokens == 4 * n
    assert usage.prompt_tokens == one.prompt_tokens
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert (one.source, usage.source) == ("server", "summed")


def test_a_conversation_that_is_too_long_is_the_servers_own_error(running, asking):
    with pytest.raises(ChatError) as caught:
        asking.ask("word " * 9_000)
    assert caught.value.kind == "context_length"
    assert caught.value.http_status == 400


@pytest.mark.parametrize("stream", [True, False])
def test_a_server_killed_between_requests_is_brought_back(model, own_runtime, asking, stream):
    asking.ask("Hello", max_tokens=2)
    [running] = server.status()
    os.kill(running.pid, signal.SIGKILL)
    wait_for(lambda: not running.listens(), "its end")
    assert asking.ask("Hello", max_tokens=2, stream=stream).text
    [again] = server.status()
    assert again.pid != running.pid


def test_a_server_killed_before_it_answered_is_brought_back(model, own_runtime, asking):
    asking.backend.token_ids("start")
    [running] = server.status()
    # Stopped, it takes the request and says nothing.
    os.kill(running.pid, signal.SIGSTOP)
    killer = threading.Timer(0.5, os.kill, (running.pid, signal.SIGKILL))
    killer.start()
    reply = asking.ask("Hello", max_tokens=2)
    assert reply.text
    assert "gone" in " ".join(attempt.reason for attempt in asking.flight.attempts)


def test_a_server_killed_in_mid_answer_keeps_what_came(model, own_runtime, asking):
    asking.backend.token_ids("start")
    [running] = server.status()
    seen = []

    def kill(_choice, text):
        seen.append(text)
        if len(seen) == 3:
            os.kill(running.pid, signal.SIGKILL)

    request = asking.request("Write a long story.", ignore_eos=True, max_tokens=2_000)
    with pytest.raises(ChatError) as caught:
        asking.backend.complete(request, Flight(on_delta=kill))
    assert caught.value.status == "partial"
    assert caught.value.reply.text == "".join(seen)
    assert len(seen) >= 3


def test_a_later_batch_that_fails_keeps_the_choices_before(model, own_runtime, asking):
    asking.backend.token_ids("start")
    [running] = server.status()

    def kill(choice, _text):
        if choice >= 4:
            os.kill(running.pid, signal.SIGKILL)

    request = asking.request("Hi", n=6, temperature=1.0, max_tokens=10, ignore_eos=True)
    with pytest.raises(ChatError) as caught:
        asking.backend.complete(request, Flight(on_delta=kill))
    assert caught.value.status == "partial"
    finished = [choice.index for choice in caught.value.reply.choices if choice.finish_reason]
    assert finished[:4] == [0, 1, 2, 3]


@pytest.mark.parametrize("n", [1, 6])
def test_a_stop_ends_the_request_and_keeps_what_came(running, asking, n):
    flight = Flight(on_delta=lambda _choice, _text: flight.stop())
    request = asking.request("Tell me a story.", n=n, ignore_eos=True, max_tokens=2_000)
    with pytest.raises(Interrupted) as caught:
        asking.backend.complete(request, flight)
    assert caught.value.reply.choices
    assert max(choice.index for choice in caught.value.reply.choices) < 4


def test_a_stop_ends_who_waits_for_a_start_that_another_thread_makes(asking, model, own_runtime):
    own_runtime.mkdir(mode=0o700)
    place = place_of(model.path, server._engine_version())
    first, second = Flight(), Flight()
    with ThreadPoolExecutor(2) as threads, FileLock(place.lock):
        request = asking.request("Hello")
        starting = threads.submit(asking.backend.complete, request, first)
        wait_for(asking.backend._lock.locked, "the first to start it")
        waiting = threads.submit(asking.backend.complete, request, second)
        second.stop()
        with pytest.raises(Interrupted):
            waiting.result(timeout=PATIENCE_S)
        assert not starting.done()
        first.stop()
        with pytest.raises(Interrupted):
            starting.result(timeout=PATIENCE_S)
