"""Notebook 04, executed: what is counted, what it costs, and what a budget refuses."""

from __future__ import annotations

import pytest

from chatnb.lessons import facts
from tests.notebooks import runs

pytestmark = [pytest.mark.kernel, pytest.mark.model]


def test_every_answer_of_n_is_counted_and_the_prompt_once() -> None:
    rows = runs.untouched("04").rows
    sampled = rows[rows["source"] == "sample"].sort_values("n")
    one, four = sampled.to_dict("records")
    assert (one["n"], four["n"]) == (1, 4)
    assert four["prompt_tokens"] == one["prompt_tokens"]
    assert four["completion_tokens"] > 2 * one["completion_tokens"]


def test_other_texts_take_more_tokens_than_english() -> None:
    lines = runs.untouched("04").text("tokens-05").splitlines()
    rates = {line.split()[0]: float(line.split()[-1]) for line in lines if line.endswith(".0")}
    assert rates["English"] < rates["German"] < rates["Japanese"]


def test_a_budget_refuses_before_anything_is_sent() -> None:
    run = runs.untouched("04")
    shown = run.text("tokens-15")
    assert "The budget is used up" in shown
    assert "Nothing was sent" in shown
    assert set(run.rows["base_url"]) == {"local"}


def test_the_sums_of_2023_and_today_are_those_of_the_price_table() -> None:
    """87 prompt tokens and 127 of answers: $0.002 a thousand then, two prices now."""
    luna = facts.prices(["gpt-6-luna"]).iloc[0]
    today = (87 * luna["prompt"] + 127 * luna["completion"]) / 1e6
    shown = runs.untouched("04").text("tokens-20")
    assert f"214 tokens. 2023: $0.000428; gpt-6-luna: ${today:.7f}." in shown


def test_nothing_was_paid() -> None:
    assert (runs.untouched("04").rows["cost"] == 0).all()
