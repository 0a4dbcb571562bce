"""Notebook 03, executed: the past is what is sent, and it is paid for at each turn."""

from __future__ import annotations

import pandas
import pytest

from tests.notebooks import runs

pytestmark = [pytest.mark.kernel, pytest.mark.model]

ABOUT = "washington|president"


def answers() -> pandas.DataFrame:
    """The rows of the experiment, with whether the past was sent."""
    rows = runs.untouched("03").rows
    rows = rows[rows["seed"].notna()].copy()
    rows["past"] = [len(messages) > 1 for messages in rows["messages"]]
    return rows


def test_each_group_has_the_same_seeds() -> None:
    seeds = answers().groupby(["temperature", "past"])["seed"].agg(list)
    assert len(seeds) == 4
    assert all(each == list(range(16)) for each in seeds)


def test_the_subject_is_known_only_where_the_past_was_sent() -> None:
    """Measured: 16 of 16 with it, 0 of 16 without."""
    cool = answers().query("temperature < 0.5")
    known = cool["reply"].str.contains(ABOUT, case=False)
    assert known[cool["past"]].mean() - known[~cool["past"]].mean() >= 0.5


def test_every_turn_sends_what_came_before() -> None:
    rows = runs.untouched("03").rows
    story = rows[(rows["max_tokens"] == 30) & rows["turn"].notna()]
    assert [len(messages) for messages in story["messages"]] == [1, 3, 5, 7, 9, 11]
    assert story["prompt_tokens"].is_monotonic_increasing
    assert (story["cached_tokens"].iloc[1:] > story["prompt_tokens"].iloc[1:] / 2).all()


def test_too_long_a_list_is_refused_and_a_row() -> None:
    (row,) = runs.untouched("03").rows.query("status == 'error'").to_dict("records")
    assert row["error_kind"] == "context_length"
    assert "too long" in runs.untouched("03").text("memory-13")
