"""Every exercise passes with its solution and does not pass untouched, with the embedded model."""

from __future__ import annotations

import pytest

from chatnb.lessons import exercises
from tests.notebooks import runs
from tests.notebooks.exercise_cells import CHECK, findings, paths, read, tagged

NUMBERED = [
    pytest.param(path.name[:2], number, id=number)
    for path in paths()
    for number in tagged(read(path), CHECK)
]


@pytest.mark.kernel
@pytest.mark.model
@pytest.mark.parametrize(("notebook", "number"), NUMBERED)
def test_an_exercise_that_is_left_untouched_does_not_pass(notebook: str, number: str) -> None:
    assert findings(runs.untouched(notebook).notebook)[number].startswith(f"{number} not yet: ")


@pytest.mark.kernel
@pytest.mark.model
@pytest.mark.parametrize(("notebook", "number"), NUMBERED)
def test_an_exercise_passes_with_its_solution(notebook: str, number: str) -> None:
    assert findings(runs.solved(notebook).notebook)[number].startswith(f"{number} passed: ")


def test_every_exercise_stands_in_its_notebook() -> None:
    shown = {number for path in paths() for number in tagged(read(path), CHECK)}
    known = {number for number in exercises.exercises() if number[:2].isdigit()}
    assert known == shown
