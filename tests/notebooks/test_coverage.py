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
    there = {path.stem for path in paths()}
    for row in rows:
        assert set(row) == {"statement", "says", "cell"}
        assert row["statement"] in STATEMENTS
        assert 8 <= len(row["says"]) <= 160, row
        assert row["cell"].partition("#")[0] in KIT
        assert row["cell"] in cells or row["cell"].partition("#")[0] not in there, row


def test_no_statement_is_left_out(rows: list[dict[str, str]]) -> None:
    if {path.stem for path in paths()} < set(KIT):
        pytest.skip("not every notebook of the kit is here yet")
    assert {row["statement"] for row in rows} == STATEMENTS
