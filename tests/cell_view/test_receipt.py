"""The quiet line under an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatnb.records import Adjustment, Attempt, Choice, Message, Reply, Request, Usage
from chatnb.rendering.receipt import dollars, receipt, reply_receipt
from tests.cell_view.conftest import ended

ELSEWHERE = Request(
    "gpt-6-luna",
    (Message("user", "Hi"),),
    {"max_tokens": 50},
    base_url="https://user:pw@api.openai.com/v1",
)


def elsewhere(**fields):
    reply = Reply((Choice(0, "Hi", "stop"),), "gpt-6-luna-2026-09-01", Usage(5, 1, 6), 0.00123)
    return replace(ended(), request=ELSEWHERE, reply=replace(reply, **fields), first_token_s=0.21)


def test_the_embedded_model_is_free_and_on_this_machine():
    assert receipt(ended("Hi")).text == (
        "SmolLM2-135M-Instruct on this machine · 17 + 26 = 43 tokens · free · 1.2 s"
    )


def test_another_server_is_named_by_its_host_without_the_password():
    assert receipt(elsewhere()).text == (
        "gpt-6-luna-2026-09-01 at api.openai.com · 5 + 1 = 6 tokens · $0.0012 · "
        "1.2 s (first token 0.2 s)"
    )


def test_another_model_than_asked_for_is_told():
    assert (
        "gpt-6-luna at api.openai.com (answered by other) · "
        in receipt(elsewhere(model="other")).text
    )


def test_the_token_limit_is_named():
    text = receipt(elsewhere(choices=(Choice(0, "Hi", "length"),))).text
    assert " · stopped at the token limit (50) · " in text


def test_an_unknown_price_is_said_and_never_zero():
    assert " · cost unknown · " in receipt(elsewhere(cost=None)).text


def test_missing_usage_is_left_out():
    text = receipt(elsewhere(usage=None, cost=None)).text
    assert "tokens" not in text
    assert "cost" not in text


def test_the_time_to_the_first_token_is_left_out_where_it_says_nothing():
    assert receipt(ended("Hi", first_token_s=0.004)).text.endswith(" · 1.2 s")
    assert receipt(ended("Hi", first_token_s=1.18)).text.endswith(" · 1.2 s")
    assert receipt(ended("Hi", first_token_s=0.1)).text.endswith(" · 1.2 s (first token 0.1 s)")


def test_a_default_temperature_is_a_fact_and_no_line_of_its_own():
    unset = Adjustment("temperature", "unset: the server's default 0.3 was at work", None, 0.3)
    told = receipt(ended("Hi", request=replace(ended().request, adjusted=(unset,))))
    assert told.text.endswith(" · 1.2 s · temperature 0.3 (unset)")
    assert not told.lines
    assert reply_receipt(Reply(adjusted=(unset,))).text == "temperature 0.3 (unset)"


@pytest.mark.parametrize(
    ("field", "why", "line"),
    [
        ("tools", "no effect: it calls none", "tools (no effect): it calls none"),
        ("max_tokens", "max_tokens=4096, a default", "max_tokens=4096, a default"),
        ("top_p", "unset: 1 was at work", "top_p (unset): 1 was at work"),
    ],
)
def test_a_line_about_a_change_has_at_most_one_colon(field, why, line):
    assert reply_receipt(Reply(adjusted=(Adjustment(field, why),))).lines == (line,)


def test_a_reply_that_cost_nothing_is_free():
    assert reply_receipt(ended("Hi").reply).text.endswith(" · free")


def test_tries_are_counted_where_there_was_more_than_one():
    attempts = (Attempt(1, 429, 2.0), Attempt(2, 500, 4.0))
    assert receipt(ended("Hi", attempts=attempts)).text.endswith(" · 3 tries")
    assert "tries" not in receipt(ended("Hi", attempts=(Attempt(1, 200),))).text


def test_what_was_changed_and_what_is_worth_saying_come_below():
    request = replace(
        ended().request, adjusted=(Adjustment("logit_bias", "looked up 4 token ids"),)
    )
    lines = receipt(ended("Hi", request=request, notes=("re-run: replaces turn 2",))).text.split(
        "\n"
    )
    assert lines[1:] == ["logit_bias: looked up 4 token ids", "re-run: replaces turn 2"]


@pytest.mark.parametrize("status", ["partial", "interrupted", "refused"])
def test_another_status_than_ok_comes_first(status):
    assert receipt(ended("Hi", status=status)).text.startswith(f"{status} · ")


def test_the_html_says_the_same():
    html = receipt(elsewhere()).html
    for fact in receipt(elsewhere()).facts:
        assert fact in html


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (0, "$0"),
        (0.00123, "$0.0012"),
        (0.0000041, "$0.0000041"),
        (0.15, "$0.1500"),
        (1234.5, "$1,234.50"),
    ],
)
def test_costs_have_two_digits_that_count(cost, text):
    assert dollars(cost) == text


def test_a_reply_alone_says_what_it_knows():
    assert (
        reply_receipt(elsewhere().reply).text
        == "gpt-6-luna-2026-09-01 · 5 + 1 = 6 tokens · $0.0012"
    )
