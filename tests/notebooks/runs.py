"""Each notebook executed twice in a test run, once as it is and once solved, whoever asks first.

Executing all of them takes minutes, so the workers of a run share what came of it.
"""

from __future__ import annotations

import functools
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas
from filelock import FileLock
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from chatnb.request_log import RequestLog
from chatnb.request_log.log_frame import frame
from tests.notebooks import exercise_cells
from tests.notebooks.execution import executed


@dataclass(frozen=True)
class Run:
    """An executed notebook, and the rows of the log that it left."""

    notebook: NotebookNode
    rows: pandas.DataFrame

    def cell(self, cell_id: str) -> NotebookNode:
        (cell,) = (cell for cell in self.notebook.cells if cell.id == cell_id)
        return cell

    def text(self, cell_id: str) -> str:
        """What a cell shows, as plain text."""
        shown = self.cell(cell_id).outputs
        return "\n".join(
            each.text if each.output_type == "stream" else each.data.get("text/plain", "")
            for each in shown
        )


@functools.cache
def untouched(number: str) -> Run:
    """The notebook of a number ("05") executed as it is in git."""
    return _run(exercise_cells.path_of(number), "untouched")


@functools.cache
def solved(number: str) -> Run:
    """The notebook executed with the folded solutions in the place of the exercises."""
    return _run(exercise_cells.path_of(number), "solved")


def _run(path: Path, kind: str) -> Run:
    home = Path(os.environ["IPYTHONDIR"]).parent / "notebook-runs" / kind / path.stem
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "lock"):
        if not (home / "done.ipynb").exists():
            _execute(path, kind, home)
    notebook = nbformat.read(home / "done.ipynb", as_version=4)
    failed = home / "failed.txt"
    assert not failed.exists(), failed.read_text(encoding="utf-8")
    log = RequestLog(home / "log.sqlite")
    rows = frame(log, all=True)
    log.close()
    return Run(notebook, rows)


def _execute(path: Path, kind: str, home: Path) -> None:
    """Run the notebook in a copy of its folder; what it shows and its log end in `home`."""
    notebook = nbformat.read(path, as_version=4)
    if kind == "solved":
        notebook = exercise_cells.solved(notebook)
    shutil.copytree(path.parent, home / "notebooks")
    try:
        executed(notebook, directory=home / "notebooks", log=home / "log.sqlite")
    except CellExecutionError as error:
        (home / "failed.txt").write_text(f"{path.name}, {kind}: {error}", encoding="utf-8")
    nbformat.write(notebook, home / "done.ipynb")
