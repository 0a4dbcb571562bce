"""Notebook 05, executed: how far each of the two knobs moves what can be measured."""

from __future__ import annotations

import re

import pandas
import pytest

from chatnb.lessons.statistics import distinct
from tests.notebooks import runs

pytestmark = [pytest.mark.kernel, pytest.mark.model]

PROMPT = "Write one sentence about a cat."


def samples(*, top_p: bool) -> pandas.DataFrame:
    rows = runs.untouched("05").rows
    rows = rows[(rows["source"] == "sample") & (rows["prompt"] == PROMPT)]
    return rows[rows["top_p"].notna() == top_p]


def test_each_setting_has_the_same_twelve_seeds() -> None:
    for rows, name in [(samples(top_p=False), "temperature"), (samples(top_p=True), "top_p")]:
        cool = rows[rows["temperature"] != 1.5]
        seeds = cool.groupby(name)["seed"].agg(sorted)
        assert all(each == list(range(12)) for each in seeds)


def test_a_higher_temperature_brings_other_words() -> None:
    """Distinct-2, measured: 0.08 at 0, 0.75 at 0.6, 0.99 at 1.3."""
    replies = samples(top_p=False).groupby("temperature")["reply"]
    shares = replies.apply(lambda texts: distinct(texts, 2))
    assert shares[1.3] - shares[0.0] >= 0.4
    assert shares[0.0] < shares[0.6] < shares[1.3]


def test_a_lower_top_p_brings_the_same_words() -> None:
    """Distinct-2, measured: 0.08 at 0.1, 0.86 at 0.9."""
    rows = samples(top_p=True)
    replies = rows[rows["temperature"] == 1].groupby("top_p")["reply"]
    shares = replies.apply(lambda texts: distinct(texts, 2))
    assert shares[0.9] - shares[0.1] >= 0.4


def test_the_same_top_p_means_more_under_a_higher_temperature() -> None:
    """Measured: 1.8 and 4.0 bits a token."""
    shown = runs.untouched("05").text("temperature-12")
    cool, hot = (float(bits) for bits in re.findall(r"surprise ([\d.]+) bits", shown))
    assert hot - cool >= 1.0


def test_who_refuses_is_said_with_its_date() -> None:
    shown = runs.untouched("05").text("temperature-14")
    assert re.search(r"checked \d{4}-\d\d-\d\d", shown)
    assert {"yes", "no"} <= set(shown.split())
