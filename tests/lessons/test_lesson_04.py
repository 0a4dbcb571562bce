"""The exercise of notebook 04, judged on rows written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pandas

from chatnb.lessons.lesson_04 import WORDY, fewer_tokens

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "04-tokens-and-money.ipynb"
SHORT = "One sentence about my dog Rex, 7 years old, of Berlin."


def rows(*asked: tuple[str, int | None]) -> pandas.DataFrame:
    return pandas.DataFrame(
        {
            "id": range(1, len(asked) + 1),
            "prompt": [prompt for prompt, _ in asked],
            "prompt_tokens": pandas.array([tokens for _, tokens in asked], dtype="Int64"),
        }
    )


def test_a_short_prompt_with_the_three_facts_passes() -> None:
    finding = fewer_tokens(rows((WORDY, 120), (SHORT, 50)))
    assert finding
    assert finding.measured == "120 prompt tokens before, 50 now: 58% saved"


def test_the_same_prompt_once_more_does_not_pass() -> None:
    assert fewer_tokens(rows((WORDY, 120), (WORDY, 120))).why == "It takes 30%."


def test_a_prompt_that_lost_a_fact_does_not_pass() -> None:
    assert "Berlin" in fewer_tokens(rows((WORDY, 120), (SHORT.replace("Berlin", "Rome"), 50))).why


def test_nothing_asked_is_not_yet() -> None:
    assert not fewer_tokens(rows())
    assert not fewer_tokens(rows(("Hello", 10)))
    assert not fewer_tokens(rows((WORDY, None)))


def test_the_notebook_has_the_same_long_prompt() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    (start,) = (cell for cell in cells if "exercise-04.1" in cell["metadata"].get("tags", []))
    names: dict[str, str] = {}
    source = "".join(start["source"])
    exec(source[: source.index("short =")], names)
    assert names["wordy"] == WORDY
