"""Notebook 08, executed as it is: why answers ended, how many came, which came again."""

from __future__ import annotations

import pandas
import pytest

from chatnb.lessons.lesson_08 import PROMPT, both_endings
from tests.notebooks import runs

pytestmark = [pytest.mark.kernel, pytest.mark.model]


@pytest.fixture(scope="module")
def run() -> runs.Run:
    return runs.untouched("08")


def test_a_cap_and_a_stop_text_end_an_answer_for_different_reasons(run: runs.Run) -> None:
    cut, stopped = (rows_of_cells(run)[:2].iloc[place] for place in (0, 1))
    assert (cut["finish_reason"], cut["completion_tokens"]) == ("length", 12)
    assert (stopped["finish_reason"], "5" in stopped["reply"]) == ("stop", False)


def test_three_choices_are_counted_together(run: runs.Run) -> None:
    row = rows_of_cells(run).iloc[2]
    assert (row["n"], len(row["choices"]), row["usage_source"]) == (3, 3, "summed")
    assert 12 < row["completion_tokens"] <= 36


def test_a_stream_says_its_usage_last_and_its_first_token_came_before_its_end(
    run: runs.Run,
) -> None:
    row = rows_of_cells(run).iloc[3]
    assert bool(row["stream"])
    assert row["first_token_s"] < row["seconds"]
    assert f"choices [] tokens {row['completion_tokens']}" in run.text("length-10")


def test_without_a_seed_answers_differ(run: runs.Run) -> None:
    """With one, and at temperature 0, they are alike on an idle server: no test can see to that."""
    rows = run.rows[(run.rows["source"] == "sample")]
    cold, warm = rows[rows["temperature"] == 0], rows[rows["temperature"] == 1]
    assert warm[warm["seed"].isna()]["reply"].nunique() > 1
    assert len(cold) == len(warm[warm["seed"] == 7]) == 3


def test_the_picture_has_both_reasons(run: runs.Run) -> None:
    rows = run.rows[run.rows["prompt"] == "Name the planets."]
    assert len(rows) == 5
    assert set(rows["finish_reason"]) == {"stop", "length"}
    assert int(rows["completion_tokens"].max()) == 36


def test_the_check_looks_at_the_two_newest_requests() -> None:
    def rows(*endings: tuple[int, str]) -> pandas.DataFrame:
        made = [
            {"source": "python", "prompt": PROMPT, "n": None, "stop": None}
            | {"max_completion_tokens": cap, "finish_reason": reason}
            for cap, reason in endings
        ]
        columns = ["source", "prompt", "n", "stop", "max_completion_tokens", "finish_reason"]
        return pandas.DataFrame(made, columns=columns)

    assert both_endings(rows((12, "length"), (100, "stop")))
    assert not both_endings(rows())
    assert not both_endings(rows((100, "stop")))
    assert not both_endings(rows((12, "length"), (100, "stop"), (100, "stop")))


def rows_of_cells(run: runs.Run) -> pandas.DataFrame:
    return run.rows[run.rows["source"] == "cell"].reset_index()
