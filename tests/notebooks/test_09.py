"""Notebook 09, executed as it is: what each failure is in the log, and that no key is anywhere."""

from __future__ import annotations

import json

import pandas
import pytest

from chatnb.lessons.lesson_09 import FAILURES, told_apart
from tests.notebooks import runs
from tests.notebooks.exercise_cells import path_of, read

RIGHT = [failure.helps for failure in FAILURES.values()]


@pytest.fixture(scope="module")
def run() -> runs.Run:
    return runs.untouched("09")


@pytest.mark.kernel
@pytest.mark.model
def test_each_failure_is_a_row_with_its_kind_and_its_number_of_requests(run: runs.Run) -> None:
    kinds = run.rows["error_kind"].fillna("none")
    found = dict(zip(run.rows["model"], zip(kinds, run.rows["attempts"], strict=True), strict=True))
    found = {name: found[name] for name in found if name != "SmolLM2-135M-Instruct"}
    assert found == {
        "any": ("connection", 3),
        "wrong-key": ("auth", 1),
        "no-credit": ("quota", 1),
        "busy-once": ("none", 2),
        "crashed": ("server", 3),
        "recovers": ("none", 3),
    }
    local = run.rows[run.rows["model"] == "SmolLM2-135M-Instruct"]
    assert list(local["error_kind"].fillna("none")) == ["context_length", "none"]


@pytest.mark.kernel
@pytest.mark.model
def test_the_waits_are_those_that_the_server_asked_for(run: runs.Run) -> None:
    text = run.rows.set_index("model")["attempt_log"]["recovers"]
    attempts = [(each["status"], each.get("wait")) for each in json.loads(text)]
    assert attempts == [(500, 0.5), (429, 1.0), (200, None)]


@pytest.mark.kernel
@pytest.mark.model
def test_the_sdk_asks_three_times_for_credit_and_chatnb_once(run: runs.Run) -> None:
    assert "it was c: 3 requests" in run.text("wrong-21")
    assert "chatnb sent 1" in run.text("wrong-21")


@pytest.mark.kernel
@pytest.mark.model
def test_a_key_that_the_server_repeats_is_neither_shown_nor_kept(run: runs.Run) -> None:
    key = "demo-key-that-opens-nothing-0123456789"
    shown = [output for cell in run.notebook.cells for output in cell.get("outputs", [])]
    assert key not in json.dumps(shown)
    assert key not in run.rows.astype("string").to_csv()
    assert "[key removed]" in json.dumps(shown)


def test_every_error_that_is_kept_is_one_line() -> None:
    errors = [
        output
        for cell in read(path_of("09")).cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    assert [error.ename for error in errors] == ["InvalidInput", "RequestFailed", "RequestFailed"]
    assert all(len(error.traceback) == 1 for error in errors)


def test_the_check_wants_all_six_and_shows_what_the_log_has_of_a_wrong_one() -> None:
    rows = pandas.DataFrame({"error_kind": ["quota"], "attempts": [1]})
    assert told_apart(rows, RIGHT)
    wrong = told_apart(rows, ["fix", "retry", "retry", "retry", "fix", "fix"])
    assert (wrong.passed, wrong.measured) == (False, "5 of 6 right")
    assert "Look at c again" in wrong.why
    assert "1 request in your log" in wrong.why
    unsent = pandas.DataFrame({"error_kind": ["quota"], "attempts": pandas.array([None], "Int64")})
    wrong = told_apart(unsent, ["fix", "retry", "retry", "retry", "fix", "fix"])
    assert wrong.why == "Look at c again: waiting brings no credit."
    assert not told_apart(rows, RIGHT[:5])
    assert not told_apart(rows, ["wait"] * 6)
