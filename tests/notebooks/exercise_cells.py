"""The parts of a notebook of the kit: exercises, their checks, and their folded solutions.

A code cell tagged `exercise-05.1` has the line to edit, one tagged `check-05.1` asks
`check("05.1")`, and a Markdown cell after it has the solution, folded: one fenced Python block, the
whole source of the exercise cell.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
KIT = (
    "00-start-here", "01-one-request", "02-roles", "03-memory-is-a-list", "04-tokens-and-money",
    "05-temperature-and-top-p", "07-penalties-and-logit-bias", "08-length-stop-n-stream-seed",
    "09-when-it-goes-wrong", "10-compare-and-data", "11-from-2023-to-2026",
)  # fmt: skip
EXERCISE, CHECK = "exercise-", "check-"
SOLUTION = re.compile(
    r"\A<details><summary>A solution</summary>\n\n"
    r"```python\n(?P<source>.+?)\n```\n\n"
    r"</details>\s*\Z",
    re.DOTALL,
)


def paths() -> list[Path]:
    """The notebooks that are there."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def path_of(number: str) -> Path:
    """The notebook of a number: "05"."""
    (path,) = NOTEBOOKS.glob(f"{number}-*.ipynb")
    return path


def tagged(notebook: NotebookNode, prefix: str) -> dict[str, NotebookNode]:
    """The code cells with such a tag, by the exercise's number, in order."""
    return {
        tag.removeprefix(prefix): cell
        for cell in notebook.cells
        for tag in cell.metadata.get("tags", [])
        if tag.startswith(prefix)
    }


def solution(notebook: NotebookNode, number: str) -> str:
    """The source that solves an exercise: the first folded block after its check."""
    cells = notebook.cells
    after = cells.index(tagged(notebook, CHECK)[number])
    for cell in cells[after:]:
        found = SOLUTION.match(cell.source) if cell.cell_type == "markdown" else None
        if found:
            return found["source"]
    raise AssertionError(f"there is no folded solution after the check of {number}")


def solved(notebook: NotebookNode) -> NotebookNode:
    """The notebook with each solution in the place of its exercise."""
    changed = copy.deepcopy(notebook)
    for number, cell in tagged(changed, EXERCISE).items():
        cell.source = solution(notebook, number)
    return changed


def findings(notebook: NotebookNode) -> dict[str, str]:
    """What each executed check answered, as text, by the exercise's number."""
    return {number: _shown(cell) for number, cell in tagged(notebook, CHECK).items()}


def _shown(cell: NotebookNode) -> str:
    results = [each for each in cell.outputs if each.output_type == "execute_result"]
    return "\n".join(each.data["text/plain"] for each in results)


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)
