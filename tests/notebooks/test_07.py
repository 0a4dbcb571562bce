"""Notebook 07, executed as it is: repetition follows the penalties, a banned word does not come."""

from __future__ import annotations

import json

import pandas
import pytest

from chatnb.lessons.lesson_07 import PROMPT, banned_in_every_spelling
from chatnb.lessons.statistics import repeated_words, words
from tests.notebooks import runs


@pytest.fixture(scope="module")
def samples() -> pandas.DataFrame:
    rows = runs.untouched("07").rows
    return rows[rows["source"] == "sample"]


@pytest.mark.kernel
@pytest.mark.model
@pytest.mark.parametrize("penalty", ["presence_penalty", "frequency_penalty"])
def test_a_penalty_of_2_repeats_less_than_one_of_minus_1(
    samples: pandas.DataFrame, penalty: str
) -> None:
    """Measured with 8 answers each: 0.12 against 0.30, and 0.10 against 0.58."""
    repeated = samples["reply"].map(repeated_words).groupby(samples[penalty]).mean()
    assert list(repeated.index) == [-1, 0, 1, 2]
    assert repeated[-1] - repeated[2] > 0.09


@pytest.mark.kernel
@pytest.mark.model
def test_a_word_banned_by_its_ids_never_comes_and_a_favored_one_nearly_always(
    samples: pandas.DataFrame,
) -> None:
    biased = samples[samples["logit_bias"].notna()]
    bias = biased["logit_bias"].map(lambda sent: max(json.loads(sent).values()))
    share = biased["reply"].map(lambda reply: "sea" in words(reply)).groupby(bias).mean()
    assert biased.groupby(bias).size().to_dict() == {-100: 10, -2: 10, 0: 10, 2: 10}
    assert share[-100] == 0
    assert share[2] > 0.5


@pytest.mark.kernel
@pytest.mark.model
def test_a_word_is_sent_as_the_ids_of_its_spellings() -> None:
    run = runs.untouched("07")
    row = run.rows[run.rows["source"] == "cell"].iloc[-1]
    assert set(json.loads(row["logit_bias"]).values()) == {100}
    assert len(json.loads(row["logit_bias"])) == 4
    assert set(words(row["reply"])) == {"sea"}


@pytest.mark.parametrize(
    ("reply", "passes"),
    [
        ("The moon is round. " * 5, False),
        ("A moon of ours is round and pale. " * 3, True),
        ("A moon.", False),
    ],
)
def test_the_check_wants_no_spelling_of_the_word_and_enough_words(reply: str, passes: bool) -> None:
    row = {"prompt": PROMPT, "logit_bias": '{"260": -100}', "status": "ok", "reply": reply}
    assert bool(banned_in_every_spelling(pandas.DataFrame([row]))) is passes


def test_the_check_says_what_to_do_first() -> None:
    row = {"prompt": PROMPT, "logit_bias": None, "status": "ok", "reply": "Pale."}
    finding = banned_in_every_spelling(pandas.DataFrame([row]))
    assert (finding.passed, finding.measured) == (False, "no request with a logit_bias")
