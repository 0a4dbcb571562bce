"""A student in JupyterLab: open a notebook of the kit, run it, edit the exercise, check, hint."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.notebook_page import NotebookPage
from tests.notebooks.exercise_cells import CHECK, EXERCISE, path_of, read, solution, tagged

HINT = "# A student who is stuck.\nfrom chatnb.lessons import hint\n\nhint({number!r})"


@pytest.mark.model
@pytest.mark.parametrize("number", ["00", "05", "08"])
def test_a_student_works_through_a_notebook(number: str, open_in_lab: Open) -> None:
    notebook = read(path_of(number))
    page = open_in_lab(path_of(number), width=1100)
    page.run_all(timeout=400)
    assert not _errors(page)

    exercise, cell = next(iter(tagged(notebook, EXERCISE).items()))
    check = notebook.cells.index(tagged(notebook, CHECK)[exercise])
    assert page.text(check).count(f"{exercise} not yet: ") == 1
    page.screenshot(f"lesson-{number}-not-yet")

    _ask_for_a_hint(page, check, exercise)

    page.edit(notebook.cells.index(cell), solution(notebook, exercise))
    page.run(notebook.cells.index(cell), timeout=240)
    page.run(check)
    assert page.text(check).count(f"{exercise} passed: ") == 1
    for theme in ("light", "dark"):
        page.theme(theme)
        page.select(check)
        page.screenshot(f"lesson-{number}-passed-{theme}")
    page.theme("light")
    page.select(len(notebook.cells) - 1)
    page.screenshot(f"lesson-{number}-end")
    assert not page.page_errors


def _ask_for_a_hint(page: NotebookPage, check: int, exercise: str) -> None:
    """In the check's own cell, twice: one rung more each time."""
    asked = page.page.evaluate(
        "cell => window.jupyterapp.shell.currentWidget.content.model.cells.get(cell)"
        ".sharedModel.getSource()",
        check,
    )
    page.edit(check, HINT.format(number=exercise))
    page.run(check)
    assert "2 more" in page.text(check)
    page.run(check)
    assert "1 more" in page.text(check)
    page.screenshot(f"lesson-{exercise}-hint")
    page.edit(check, asked)


def _errors(page: NotebookPage) -> list[dict[str, Any]]:
    cells = page.save()["cells"]
    outputs = [out for cell in cells for out in cell.get("outputs", [])]
    return [out for out in outputs if out["output_type"] == "error"]
