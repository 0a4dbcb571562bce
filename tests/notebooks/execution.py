"""Execute a notebook, and say whether it shows something new.

What is kept in git has outputs, but nothing that differs from run to run: no execution counts, no
timings of cells, no widget state. Where a notebook's outputs differ only in seconds, times of day,
ports and the like, and in what cells that are tagged `measures-time` draw, the old ones stay, so
that a second run changes no file. Otherwise all are of the new run: a picture and the numbers
beside it belong together.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

CELL_TIMEOUT = 300  # seconds; on a busy machine a cell of samples takes a minute
# A receipt names the first token only where that is worth saying.
SOMETIMES = re.compile(r" \(first token [^)]*\)")
# In what order: a date and a time of day before the decimals in them. An answer has a random id and
# seconds since 1970.
PASSING = re.compile(
    r"chatcmpl-\w+|\b1[789]\d{8}\b|"
    r"\d{4}-\d\d-\d\d[ T]?|\d\d:\d\d(?::\d\d)?(?:\.\d+)?|127\.0\.0\.1:\d+|\b0x[0-9a-f]+\b"
    r"|\b[0-9a-f]{8,}\b|\d+\.\d+(?:e-?\d+)?|\b\d+ ?m?s\b"
)


def executed(
    notebook: Path | NotebookNode, *, directory: Path | None = None, log: Path | None = None
) -> NotebookNode:
    """The notebook with the outputs of a run in a new kernel; nbclient's error where a cell fails.

    Cells run in `directory`, else beside the notebook; their rows go to `log`, else to the log of
    this process. A notebook that is given, not a path, is changed in place.
    """
    if isinstance(notebook, Path):
        directory = directory or notebook.parent
        notebook = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(directory or Path.cwd())}},
    )
    client.execute(env=os.environ | ({"CHATNB_LOG": str(log)} if log else {}))
    return notebook


def settled(new: NotebookNode, old: NotebookNode, home: Path) -> NotebookNode:
    """The new notebook as it is kept: with the old outputs where they all say the same.

    `home` is written as ~, as it is for whoever reads the notebook.
    """
    cells = [cell for cell in new.cells if cell.cell_type == "code"]
    for cell in cells:
        cell.execution_count = None
        cell.metadata.pop("execution", None)
        cell.outputs = [_without_counts(output, home) for output in cell.outputs]
    before = {cell.get("id"): cell for cell in old.cells}
    earlier = [before.get(cell.get("id")) for cell in cells]
    if all(map(_agree, earlier, cells)):
        for cell, kept in zip(cells, earlier, strict=True):
            cell.outputs = kept.outputs
    new.metadata.pop("widgets", None)
    new.metadata["language_info"] = NotebookNode(name="python")
    return new


def _agree(old: NotebookNode | None, new: NotebookNode) -> bool:
    if old is None or old.source != new.source:
        return False
    if "measures-time" in new.metadata.get("tags", []):
        return _kinds(old.outputs) == _kinds(new.outputs)
    return same(old.outputs, new.outputs)


def _kinds(outputs: list[NotebookNode]) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.output_type, tuple(sorted(each.get("data", {})))) for each in outputs]


def _without_counts(output: NotebookNode, home: Path) -> NotebookNode:
    # In JSON a path on Windows has its backslashes twice.
    text = json.dumps(output).replace(json.dumps(str(home))[1:-1], "~")
    kept = nbformat.from_dict(json.loads(text))
    if "execution_count" in kept:
        kept.execution_count = None
    return kept


def same(old: list[NotebookNode], new: list[NotebookNode]) -> bool:
    """Whether two lists of outputs differ in nothing but what passes."""
    return _lasting(old) == _lasting(new)


def _lasting(outputs: list[NotebookNode]) -> str:
    return PASSING.sub("*", SOMETIMES.sub("", json.dumps(outputs, sort_keys=True)))


def main(source: str, target: str, directory: str, log: str) -> int:
    """One notebook in a process of its own, so that another environment can do it."""
    notebook = nbformat.read(source, as_version=4)
    try:
        executed(notebook, directory=Path(directory), log=Path(log))
    except CellExecutionError as error:
        print(error)
        return 1
    finally:
        nbformat.write(notebook, target)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
