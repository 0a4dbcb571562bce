"""What tokens were spent on, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatnb.errors import Interrupted, RequestFailed
from chatnb.playground.spending import shares, spending, totals
from chatnb.records import Choice, Message, Reply, Usage
from tests.cell_view.conftest import ended

MESSAGES = (
    Message("system", "s" * 10),
    Message("user", "u" * 20),
    Message("assistant", "a" * 40),
    Message("user", "p" * 30),
)


def exchange(*messages, usage=None, **fields):
    found = ended("answer", **fields)
    asked = replace(found.request, messages=messages or MESSAGES)
    return replace(found, request=asked, reply=replace(found.reply, usage=usage))


def tokens(told):
    return {part["name"]: part["tokens"] for part in told["parts"]}


def test_prompt_tokens_are_split_by_characters_and_add_up_to_the_servers_sum():
    told = spending(exchange(usage=Usage(53, 26, 79, 32)))
    assert tokens(told) == {"system": 5, "history": 32, "prompt": 16, "answer": 26}
    assert (told["total"], told["cached"], told["unit"], told["estimated"]) == (
        79, 32, "tokens", True,
    )  # fmt: skip
    titles = [part["title"] for part in told["parts"]]
    assert titles[1] == "old history: about 32 of 53 prompt tokens"
    assert titles[3] == "answer: 26 tokens"


def test_a_prompt_alone_is_not_estimated():
    told = spending(exchange(Message("user", "Hi"), usage=Usage(17, 26, 43)))
    assert tokens(told) == {"prompt": 17, "answer": 26}
    assert told["parts"][0]["title"] == "new prompt: 17 tokens"
    assert (told["estimated"], told["cached"]) == (False, None)


def test_a_developers_message_counts_as_system_and_a_hand_written_one_as_history():
    asked = (Message("developer", "d" * 5), Message("tool", "t" * 5), Message("user", "u" * 10))
    told = spending(exchange(*asked, usage=Usage(20, 1, 21)))
    assert tokens(told) == {"system": 5, "history": 5, "prompt": 10, "answer": 1}


@pytest.mark.parametrize("usage", [None, Usage(None, 5), Usage(5, None)])
def test_where_the_server_counted_nothing_characters_are_counted(usage):
    told = spending(exchange(usage=usage))
    assert tokens(told) == {"system": 10, "history": 60, "prompt": 30, "answer": 6}
    assert (told["unit"], told["total"], told["cached"]) == ("characters", 106, None)
    assert told["parts"][1]["title"] == "old history: 60 characters"


def test_all_choices_and_hidden_reasoning_are_in_the_answer():
    usage = Usage(10, 1_300, 1_310, reasoning_tokens=1_000)
    found = exchange(usage=usage)
    both = replace(found.reply, choices=(Choice(0, "a"), Choice(1, "b")))
    title = spending(replace(found, reply=both))["parts"][-1]["title"]
    assert title == "answer: 1,300 tokens in 2 choices, 1,000 of them reasoning"


def test_an_image_does_not_count_its_characters():
    image = {"type": "image_url", "image_url": {"url": "data:" + "A" * 100_000}}
    asked = (Message("user", [image]), Message("user", "u" * 30))
    assert tokens(spending(exchange(*asked)))["history"] < 30


def test_messages_without_text_are_no_division_by_zero():
    told = spending(exchange(Message("user", ""), Message("user", ""), usage=Usage(9, 1, 10)))
    assert tokens(told) == {"history": 0, "prompt": 9, "answer": 1}


def test_no_more_is_cached_than_was_sent():
    assert spending(exchange(usage=Usage(5, 1, 6, 50)))["cached"] == 5


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5), st.integers(0, 10**6))
def test_shares_add_up_and_are_within_one_of_their_proportion(weights, total):
    found = shares(weights, total)
    assert sum(found) == total
    if sum(weights):
        exact = [total * weight / sum(weights) for weight in weights]
        assert all(abs(share - each) < 1.001 for share, each in zip(found, exact, strict=True))


# Totals


TWENTY = Usage(10, 10, 20)


def priced(cost, usage=TWENTY, **fields):
    found = ended("Hi", **fields)
    asked = replace(found.request, embedded=False)
    return replace(found, request=asked, reply=replace(found.reply, cost=cost, usage=usage))


def failed(**fields):
    return priced(
        None, None, status="error", error=RequestFailed("Down."), **fields
    )  # fmt: skip


def test_the_embedded_model_is_free():
    assert totals([ended("Hi")]) == {
        "last": "last: 17 + 26 = 43 tokens · free · 1.2 s",
        "session": "session: 1 request · 43 tokens · free · 1.2 s",
    }


def test_a_session_adds_up():
    told = totals([priced(0.001), priced(0.0021), ended("Hi")])
    assert told["session"] == "session: 3 requests · 83 tokens · $0.0031 · 3.6 s"
    assert told["last"] == "last: 17 + 26 = 43 tokens · free · 1.2 s"


def test_failures_and_stops_are_counted_apart():
    stopped = priced(None, None, status="interrupted", error=Interrupted("Stopped."), seconds=0.5)
    told = totals([priced(0.001), failed(), stopped])
    assert told["session"] == (
        "session: 3 requests, 1 failed, 1 stopped · 20 tokens + 1 unknown · $0.0010 + 1 unknown · "
        "2.9 s"
    )
    assert told["last"] == "last: interrupted · tokens unknown · cost unknown · 0.5 s"


def test_what_was_turned_away_has_no_cost_to_miss():
    assert totals([priced(0.001), failed()])["session"] == (
        "session: 2 requests, 1 failed · 20 tokens · $0.0010 · 2.4 s"
    )
    assert totals([failed(seconds=0.01)])["last"] == "last: error · 0.01 s"


def test_an_unknown_cost_is_said_and_never_zero():
    assert "· cost unknown ·" in totals([priced(None)])["last"]
    assert "· $0.0010 + 1 unknown ·" in totals([priced(0.001), priced(None)])["session"]


def test_missing_usage_is_said_and_never_zero():
    told = totals([replace(ended(), reply=Reply((Choice(0, "Hi", "stop"),)))])
    assert told["last"] == "last: tokens unknown · free · 1.2 s"


def test_nothing_is_said_of_nothing():
    assert totals([]) == {"last": "", "session": ""}
