"""Exchanges as the log has them: what a receipt and a spending bar need."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chatnb.errors import ChatError, Interrupted
from chatnb.playground.spending import spending, totals
from chatnb.records import Adjustment, Attempt, Choice, Message, Origin, Usage
from chatnb.rendering.receipt import receipt
from chatnb.request_log import RequestLog
from chatnb.request_log.log_exchanges import stored_exchange, stored_exchanges
from tests.log.exchanges import logged, reply, request


@pytest.fixture
def log(tmp_path):
    log = RequestLog(tmp_path / "log.sqlite", kernel="here")
    yield log
    log.close()


def test_an_exchange_comes_back_with_all_that_its_receipt_and_its_bar_say(log):
    asked = request(
        messages=(
            Message("system", "Be brief."),
            Message("user", [{"type": "text", "text": "Hé"}]),
        ),
        parameters={"temperature": 0, "max_tokens": 9},
        extra={"top_k": 4},
        stream=True,
        origin=Origin("panel", "pirates", 3, "cell-1", "left"),
        adjusted=(Adjustment("temperature", "renamed", 0, 1),),
    )
    answer = reply(
        "Cut", choices=(Choice(0, "Cut", "length"),), usage=Usage(17, 26, 43, 5, 3), cost=0.25
    )
    tries = (Attempt(1, 429, 0.5, "later"), Attempt(2, 200))
    number = logged(log, asked, answer, attempts=tries, first_token_s=0.25)
    (found,) = stored_exchanges(log, 10)
    assert found == stored_exchange(log, number).exchange
    assert found.request == asked
    assert (found.attempts, found.reply.usage) == (tries, answer.usage)
    assert receipt(found).text == (
        "gpt-6-luna at api.openai.com · stopped at the token limit (9) · 17 + 26 = 43 tokens"
        " · $0.2500 · 0.5 s (first token 0.2 s) · 2 tries\ntemperature: renamed"
    )
    assert [part["name"] for part in spending(found)["parts"]] == ["system", "prompt", "answer"]


def test_an_answer_of_the_embedded_model_is_free_again(log):
    logged(log, request("Hi", embedded=True), reply(cost=0.0))
    (found,) = stored_exchanges(log, 10)
    assert "on this machine" in receipt(found).text
    assert "free" in receipt(found).text


@pytest.mark.parametrize(("error", "status"), [(ChatError, "error"), (Interrupted, "interrupted")])
def test_a_failed_exchange_is_one_again(log, error, status):
    logged(
        log, request("Hi"), reply(choices=(), usage=None), status=status, error=error("It broke.")
    )
    (found,) = stored_exchanges(log, 10)
    assert isinstance(found.error, error)
    assert found.error.line == "It broke."
    assert ("1 stopped" if error is Interrupted else "1 failed") in totals([found])["session"]


def test_of_a_long_conversation_each_exchange_has_all_that_it_sent(log):
    asked, messages = [], ()
    for number in range(6):
        messages = (*messages, Message("user", f"prompt {number}"))
        asked.append(request(messages=messages))
        logged(log, asked[-1], reply(f"answer {number}"))
        messages = (*messages, Message("assistant", f"answer {number}"))
    assert [each.request.messages for each in stored_exchanges(log, 3)] == [
        each.messages for each in asked[3:]
    ]


def test_what_is_in_the_air_or_of_another_kernel_is_not_among_them(log):
    other = RequestLog(log.path, kernel="there")
    number = logged(other, request("not mine"))
    log.start(request("in the air"), datetime.now(UTC))
    assert stored_exchanges(log, 10) == []
    assert stored_exchange(log, number) is None
    other.close()


def test_what_the_disk_does_not_have_is_among_them(tmp_path):
    log = RequestLog(tmp_path, kernel="here")  # a directory: nothing can be written there
    asked = request("Hi")
    logged(log, asked)
    assert [replace(each.request, base_url="") for each in stored_exchanges(log, 10)] == [
        replace(asked, base_url="")
    ]
