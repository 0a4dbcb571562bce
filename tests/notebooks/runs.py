"""Each notebook executed twice in a test run, once as it is and once solved, whoever asks first.

Executing all of them takes minutes, so the workers of a run share what came of it. Where the tests
of binder/ run too, the untouched notebooks are executed in the environment that these build.
"""

from __future__ import annotations

import functools
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nbformat
import pandas
from filelock import FileLock
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from chatnb.request_log import RequestLog
from chatnb.request_log.log_frame import frame
from tests import rehearsal
from tests.notebooks import exercise_cells
from tests.notebooks.execution import executed

Kind = Literal["untouched", "solved"]

rehearsed = False  # conftest: whether the tests of binder/ are part of this run


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


def _run(path: Path, kind: Kind) -> Run:
    home = home_of(path, kind)
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


def home_of(path: Path, kind: Kind) -> Path:
    """Where a run leaves its notebook, its log and the memory it took."""
    return Path(os.environ["IPYTHONDIR"]).parent / "notebook-runs" / kind / path.stem


def _execute(path: Path, kind: Kind, home: Path) -> None:
    """Run the notebook in a copy of its folder; what it shows and its log end in `home`."""
    notebook = nbformat.read(path, as_version=4)
    if kind == "solved":
        notebook = exercise_cells.solved(notebook)
    directory = home / "notebooks"
    shutil.copytree(path.parent, directory)
    nbformat.write(notebook, home / "source.ipynb")
    run = _in_the_rehearsal if kind == "untouched" and rehearsed else _here
    failure = run(home / "source.ipynb", home / "running.ipynb", directory, home / "log.sqlite")
    if failure:
        (home / "failed.txt").write_text(f"{path.name}, {kind}: {failure}", encoding="utf-8")
    (home / "running.ipynb").rename(home / "done.ipynb")


def _here(source: Path, target: Path, directory: Path, log: Path) -> str:
    """Execute it with the kernel of this environment; why it failed, or nothing."""
    notebook = nbformat.read(source, as_version=4)
    try:
        executed(notebook, directory=directory, log=log)
    except CellExecutionError as error:
        return str(error)
    finally:
        nbformat.write(notebook, target)
    return ""


def _in_the_rehearsal(source: Path, target: Path, directory: Path, log: Path) -> str:
    """The same in Binder's environment, and the memory of all its processes beside it."""
    environment = rehearsal.built()
    files = [str(each) for each in (source, target, directory, log)]
    process = environment.start(
        [str(environment.python), "-m", "tests.notebooks.execution", *files]
    )
    with rehearsal.Memory(lambda: [process.pid, *environment.model_servers()]) as memory:
        output, _ = process.communicate(timeout=900)
    target.with_name("memory.txt").write_text(f"{memory.peak:.0f}", encoding="utf-8")
    return output if process.returncode else ""
