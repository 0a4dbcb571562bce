"""What a server says, exactly: odd but legal streams, choices, usage, reasoning, tool calls."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from chatnb.backend import Connection, Flight
from chatnb.openai_backend import OpenAIBackend
from chatnb.records import Usage
from tests.loopback import Exchange, LoopbackServer, delta
from tests.misbehavior import LEGAL, PIECES, TEXT, answers
from tests.wire.conftest import Ask, request_for


@pytest.mark.parametrize("model", LEGAL)
def test_legal_stream_gives_the_exact_text(model: str, server: LoopbackServer, ask: Ask) -> None:
    flight = Flight()
    reply = ask(model, flight=flight)
    assert reply.text == TEXT
    assert flight.texts() == (TEXT,)
    assert reply.finish_reason == "stop"
    assert reply.usage == Usage(3, 2, 5)
    assert len(server.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_reply_keeps_all_that_the_server_said(stream: bool, ask: Ask) -> None:
    flight = Flight()
    reply = ask("echo", stream=stream, prompt="hello  there\n", flight=flight)
    assert (reply.text, reply.finish_reason, reply.model) == ("hello  there\n", "stop", "loopback")
    assert (reply.http_status, reply.request_id) == (200, "req-1")
    assert reply.usage == Usage(3, 2, 5)
    assert reply.response["id"] == "chatcmpl-1"
    assert reply.response["usage"]["total_tokens"] == 5
    assert [(attempt.number, attempt.status) for attempt in flight.attempts] == [(1, 200)]


def test_json_where_a_stream_was_asked_is_read(server: LoopbackServer, ask: Ask) -> None:
    flight = Flight()
    reply = ask("odd-usage", stream=True, flight=flight)
    assert reply.text == "Hello"
    assert flight.texts() == ("Hello",)


def test_usage_that_cannot_be_believed_is_unknown_and_kept_raw(ask: Ask) -> None:
    reply = ask("odd-usage", stream=False)
    assert reply.usage == Usage(None, 2, None)
    assert reply.response["usage"]["prompt_tokens"] == "3"


def test_the_last_usage_of_a_stream_counts_unless_all_are_asked_for(
    server: LoopbackServer, ask: Ask
) -> None:
    assert ask("usage-in-every-chunk").usage == Usage(3, 4, 7)
    with closing(OpenAIBackend(Connection(server.base_url), usage_chunks="sum")) as summing:
        reply = summing.complete(request_for("usage-in-every-chunk", stream=True), Flight())
    assert reply.usage == Usage(12, 10, 22, source="summed")


def test_interleaved_choices_are_kept_apart_by_index(ask: Ask) -> None:
    flight = Flight()
    reply = ask("interleaved-choices", n=2, flight=flight)
    assert [choice.text for choice in reply.choices] == [
        "0:one 0:two 0:three",
        "1:one 1:two 1:three",
    ]
    assert [choice.finish_reason for choice in reply.choices] == ["stop", "length"]
    assert flight.texts() == ("0:one 0:two 0:three", "1:one 1:two 1:three")


def test_reasoning_is_kept_apart_from_the_answer(ask: Ask) -> None:
    thoughts: list[str] = []
    flight = Flight(on_reasoning=lambda choice, text: thoughts.append(text))
    reply = ask("thinking", flight=flight)
    assert (reply.text, reply.reasoning) == ("Hello", "Hm, well.")
    assert "".join(thoughts) == "Hm, well."
    assert flight.texts() == ("Hello",)


@pytest.mark.parametrize("stream", [False, True])
def test_refusal_is_an_answer_for_the_engine_to_judge(stream: bool, ask: Ask) -> None:
    reply = ask("refusal", stream=stream)
    assert (reply.text, reply.refusal, reply.finish_reason) == ("", "I will not.", "stop")


def test_content_filter_is_an_answer_for_the_engine_to_judge(ask: Ask) -> None:
    reply = ask("content-filter")
    assert (reply.text, reply.finish_reason) == ("Hello", "content_filter")


def test_tool_calls_are_put_together(ask: Ask) -> None:
    reply = ask("tool-call")
    [call] = reply.first.details["tool_calls"]
    assert call["id"] == "call_1"
    assert call["function"] == {"name": "add", "arguments": '{"a": 1}'}
    assert (reply.text, reply.finish_reason) == ("", "tool_calls")


def test_log_probabilities_of_all_chunks_are_one_list(ask: Ask) -> None:
    tokens = ask("logprobs").first.details["logprobs"]["content"]
    assert [token["token"] for token in tokens] == list(PIECES)


def test_lone_surrogates_come_through(ask: Ask) -> None:
    assert ask("lone-surrogate").text == "half \ud83d"


def test_what_one_piece_brings_is_one_delta(ask: Ask) -> None:
    deltas: list[str] = []
    reply = ask("burst", flight=Flight(on_delta=lambda choice, text: deltas.append(text)))
    assert reply.text == "word " * 1000
    assert len(deltas) < 20  # 140 KB take a few reads


@answers("many-chunks-at-once")
def many_chunks_at_once(exchange: Exchange) -> None:
    exchange.begin_stream()
    event = b"data: " + json.dumps(delta({"content": "word "})).encode() + b"\n\n"
    exchange.send(b"%x\r\n%b\r\n" % (len(event), event) * 1000)
    exchange.finish()


def test_many_chunks_of_one_read_are_one_delta_too(ask: Ask) -> None:
    deltas: list[str] = []
    reply = ask("many-chunks-at-once", flight=Flight(on_delta=lambda _, text: deltas.append(text)))
    assert reply.text == "word " * 1000
    assert len(deltas) < 20


@pytest.mark.parametrize("model", ["stays-open-after-done", "cut-after-finish"])
def test_answer_that_finished_is_whole_however_the_connection_ends(model: str, ask: Ask) -> None:
    reply = ask(model)
    assert (reply.text, reply.finish_reason) == ("Hello", "stop")


def test_models_are_listed(server: LoopbackServer, backend: OpenAIBackend) -> None:
    assert list(backend.models()) == ["echo", "slow"]
    assert server.requests[0].path == "/v1/models"


def test_the_body_is_sent_as_it_is(server: LoopbackServer, ask: Ask) -> None:
    fields = {
        "temperature": 0, "top_p": 0.0, "n": 1, "stop": [], "max_tokens": 0,
        "presence_penalty": -2, "frequency_penalty": 0.5, "logit_bias": {}, "user": "",
        "store": False, "seed": 0, "logprobs": False, "top_logprobs": 0, "metadata": {"a": "b"},
        "reasoning_effort": "none", "verbosity": "low", "service_tier": "auto",
        "response_format": {"type": "json_object"}, "unheard_of": None,
    }  # fmt: skip
    ask("echo", stream=False, prompt='{x} $y \\ "q" é\n', **fields)
    sent = server.requests[0]
    assert sent.json == fields | {
        "model": "echo",
        "messages": [{"role": "user", "content": '{x} $y \\ "q" é\n'}],
        "stream": False,
    }
    # Types too: 0 and 0.0 and False are equal in Python, not on the wire.
    for name in ("temperature", "top_p", "store", "seed", "stop", "unheard_of"):
        assert f'"{name}":{json.dumps(fields[name])}'.encode() in sent.body


def test_unset_parameters_are_absent(server: LoopbackServer, ask: Ask) -> None:
    ask("echo")
    assert server.requests[0].json == {
        "model": "echo",
        "messages": [{"role": "user", "content": "hello there"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
