"""Notebook 11: the code of 2023 fails as the text says, its port runs, the check tells them."""

from __future__ import annotations

import openai
import pandas
import pytest

from chatnb.lessons.lesson_11 import ported
from tests.notebooks import runs
from tests.notebooks.exercise_cells import EXERCISE, path_of, read, solution, tagged

NO_ROWS = pandas.DataFrame()


def program(source: str) -> str:
    """The text between the quotes of the exercise's cell."""
    return source.split('"""')[1]


@pytest.fixture(scope="module")
def run() -> runs.Run:
    return runs.untouched("11")


@pytest.fixture
def old() -> str:
    return program(tagged(read(path_of("11")), EXERCISE)["11.1"].source)


@pytest.fixture
def new() -> str:
    return program(solution(read(path_of("11")), "11.1"))


@pytest.mark.kernel
@pytest.mark.model
def test_the_articles_call_was_removed_and_its_model_is_not_here(run: runs.Run) -> None:
    (removed,) = run.cell("years-05").outputs
    (absent,) = run.cell("years-07").outputs
    assert (removed.ename, absent.ename) == ("APIRemovedInV1", "InvalidInput")
    assert run.text("years-09").count("in the old way: APIRemovedInV1") == 3
    assert run.rows.empty  # neither was sent, and the ports are bare calls


def test_the_old_call_fails_without_asking_anybody() -> None:
    """A connection would be refused by the guard of this run."""
    source = next(cell.source for cell in read(path_of("11")).cells if cell.id == "years-05")
    with pytest.raises(openai.OpenAIError, match="no longer supported"):
        exec(source, {"openai": openai})


@pytest.mark.kernel
@pytest.mark.model
def test_the_costs_of_the_three_examples_are_those_of_both_price_lists(run: runs.Run) -> None:
    table = run.text("years-13")
    assert "0.000428" in table  # 214 tokens at $0.002 per 1,000
    assert "0.000072" in table  # 87 at $0.10 and 127 at $0.50 per million


@pytest.mark.kernel
@pytest.mark.model
def test_the_port_runs_and_the_old_program_does_not(run: runs.Run) -> None:
    assert "It does not run yet: APIRemovedInV1" in run.text("years-17")
    assert "It does not run yet" not in runs.solved("11").text("years-17")


def test_the_check_counts_what_is_old(old: str, new: str) -> None:
    assert ported(NO_ROWS, old).measured.startswith("6 old: ")
    assert ported(NO_ROWS, new)


@pytest.mark.parametrize(
    ("was", "becomes", "found"),
    [
        ("max_completion_tokens=60", "max_tokens=60", "max_tokens is max_completion_tokens"),
        ("connection.model", '"gpt-3.5-turbo"', "gpt-3.5-turbo was shut down"),
        ("**connection.client_options()", 'api_key="sk-1"', "a key stands in the program"),
        ("response.choices[0]", 'response["choices"][0]', "an answer has attributes"),
        ("chat.completions.create", "completions.create", "no chat.completions.create"),
        ("(**connection.client_options())", "(", "This is no Python yet"),
    ],
)
def test_the_check_names_what_is_left(new: str, was: str, becomes: str, found: str) -> None:
    assert was in new
    finding = ported(NO_ROWS, new.replace(was, becomes))
    assert not finding
    assert found in f"{finding.measured} {finding.why}"
