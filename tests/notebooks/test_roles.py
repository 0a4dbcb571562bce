"""Notebook 02, executed: what a system message costs, and what examples do that orders do not."""

from __future__ import annotations

import pandas
import pytest

from tests.notebooks import runs

pytestmark = [pytest.mark.kernel, pytest.mark.model]


def experiment() -> pandas.DataFrame:
    """The rows of the experiment, with what stood before each word."""
    rows = runs.untouched("02").rows
    rows = rows[(rows["source"] == "python") & (rows["max_tokens"] == 12)].tail(60).copy()
    rows["examples"] = [
        sum(message["role"] == "assistant" for message in messages) for messages in rows["messages"]
    ]
    rows["told"] = [messages[0]["role"] == "system" for messages in rows["messages"]]
    return rows


def test_the_template_shows_a_message_that_nobody_sent() -> None:
    read = runs.untouched("02").text("roles-03")
    assert read.count("<|im_start|>") == 3
    assert "You are a helpful AI assistant" in read


def test_the_hidden_system_message_is_longer_than_the_own_one() -> None:
    shown = runs.untouched("02").text("roles-05")
    counts = [int(part.split()[0]) for part in shown.split("(") if "prompt tokens" in part]
    assert len(counts) == 3
    assert counts[0] > counts[1]


def test_examples_bring_capitals_and_an_order_brings_few() -> None:
    rows = experiment()
    capitals = rows["reply"].str.strip().str.isupper()
    told = capitals[rows["told"]]
    shown = capitals[rows["examples"] == 3]
    assert len(told) == len(shown) == 12
    assert shown.mean() - told.mean() >= 0.45


def test_the_examples_are_sent_before_each_word() -> None:
    sizes = [len(messages) for messages in experiment()["messages"]]
    assert sorted(set(sizes)) == [1, 2, 3, 5, 7]
