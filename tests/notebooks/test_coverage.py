"""Every statement of the source tutorial is taught: notebooks/coverage.csv says in which cell."""

from __future__ import annotations

import csv

import pytest

from tests.notebooks.exercise_cells import KIT, NOTEBOOKS, paths, read

FILE = NOTEBOOKS / "coverage.csv"
STATEMENTS = {f"S{number}" for number in range(1, 46)}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_each_row_names_a_statement_in_our_own_words_and_a_cell_that_is_there(
    rows: list[dict[str, str]],
) -> None:
    cells = {f"{path.stem}#{cell.id}" for path in paths() for cell in read(path).cells}
    for row in rows:
        assert set(row) == {"statement", "says", "cell"}
        assert row["statement"] in STATEMENTS
        assert 8 <= len(row["says"]) <= 160, row
        assert row["cell"] in cells, row


def test_no_statement_is_left_out(rows: list[dict[str, str]]) -> None:
    assert {row["statement"] for row in rows} == STATEMENTS


def test_every_notebook_of_the_kit_is_there_and_no_other() -> None:
    assert [path.stem for path in paths()] == list(KIT)
