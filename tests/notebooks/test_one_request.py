"""Notebook 01, executed: what its request and its row say, and what of a key is shown."""

from __future__ import annotations

import json

import pytest

from tests.notebooks import runs

pytestmark = [pytest.mark.kernel, pytest.mark.model]


def test_the_response_is_shown_with_its_fields() -> None:
    shown = runs.untouched("01").text("request-03")
    assert "Missing required arguments" in shown
    answer = json.loads(shown[shown.index("{") :])
    assert {"id", "choices", "created", "model", "object", "usage"} <= set(answer)
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_cell_is_a_row_and_a_bare_call_is_none() -> None:
    rows = runs.untouched("01").rows
    assert list(rows["source"]) == ["cell", "python"]
    assert rows["response_model"].notna().all()
    assert rows["top_p"].isna().all()


def test_no_key_is_shown() -> None:
    assert "characters, not shown" in runs.untouched("01").text("request-08")


def test_more_is_counted_than_was_typed() -> None:
    """The largest part of the picture is what the template adds."""
    row = runs.untouched("01").rows.iloc[0]
    assert row["prompt_tokens"] - 10 > row["prompt_tokens"] / 2
