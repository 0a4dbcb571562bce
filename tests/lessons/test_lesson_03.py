"""The exercise of notebook 03, judged on rows written by hand."""

from __future__ import annotations

import pandas

from chatnb.lessons.lesson_03 import QUESTION, half_the_past

NAMED = [{"role": "user", "content": "My dog is called Rex."}]
OTHER = [{"role": "user", "content": "It rains."}]


def rows(*asked: tuple[int | None, list[dict[str, str]]]) -> pandas.DataFrame:
    question = {"role": "user", "content": QUESTION}
    return pandas.DataFrame(
        {
            "prompt": QUESTION,
            "prompt_tokens": pandas.array([tokens for tokens, _ in asked], dtype="Int64"),
            "messages": [[*before, question] for _, before in asked],
        }
    )


def test_half_the_tokens_with_the_name_pass() -> None:
    finding = half_the_past(rows((269, NAMED * 9), (83, NAMED)))
    assert finding
    assert finding.measured == "269 prompt tokens the first time, 83 the last"


def test_the_whole_story_once_more_does_not_pass() -> None:
    assert "At most 134" in half_the_past(rows((269, NAMED), (269, NAMED))).why


def test_a_short_past_without_the_name_does_not_pass() -> None:
    assert "Rex is in none of the 1" in half_the_past(rows((269, NAMED), (60, OTHER))).why


def test_an_answer_without_counts_is_no_try() -> None:
    assert not half_the_past(rows((269, NAMED), (None, NAMED)))
