"""The exercises of notebook 01, judged on rows written by hand."""

from __future__ import annotations

import pandas
import pytest

from chatnb.lessons.lesson_01 import PROMPT, total_of_a_request, why_it_ended

ROWS = pandas.DataFrame(
    {
        "id": [1, 2],
        "prompt": ["Hello", PROMPT],
        "finish_reason": ["stop", "length"],
        "prompt_tokens": [40, 34],
        "completion_tokens": [10, 20],
        "total_tokens": [50, 54],
    }
)


@pytest.mark.parametrize("answer", ["finish_reason", "choices[0].finish_reason"])
def test_the_reason_is_named_with_or_without_its_path(answer: str) -> None:
    finding = why_it_ended(ROWS, answer)
    assert finding
    assert finding.measured == "finish_reason of your rows: stop in 1, length in 1"


@pytest.mark.parametrize("answer", ["", "total_tokens", "nonsense", None])
def test_another_field_does_not_say_why_an_answer_ended(answer: str | None) -> None:
    assert not why_it_ended(ROWS, answer)


def test_a_total_is_compared_with_the_row_of_the_question() -> None:
    assert total_of_a_request(ROWS, 54).measured == "row 2 says 34 + 20 = 54"
    assert total_of_a_request(ROWS, 54)
    assert "prompt alone" in total_of_a_request(ROWS, 34).why
    assert not total_of_a_request(ROWS, None)
    assert not total_of_a_request(ROWS.head(1), 50)
