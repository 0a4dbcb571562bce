"""The first notebook, executed by nbclient with the embedded model: facts of the log, no prose."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas
import pytest

from chatnb.request_log import RequestLog
from chatnb.request_log.log_frame import frame
from tests.notebooks import runs
from tests.notebooks.execution import executed

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "00-start-here.ipynb"
QUESTION = "What was first president of America ?"


def chat_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.source.startswith("%%chat")]


@pytest.mark.kernel
@pytest.mark.model
def test_every_example_is_answered_and_logged() -> None:
    run = runs.untouched("00")
    assert (run.rows["status"] == "ok").all()
    rows = run.rows[run.rows["source"] == "cell"].reset_index()
    assert len(rows) == len(chat_cells(run.notebook)) == 4
    assert set(rows["temperature"]) == {0.0}
    assert (rows["total_tokens"] == rows["prompt_tokens"] + rows["completion_tokens"]).all()
    assert (rows["cost"] == 0).all()
    roles = [[message["role"] for message in messages] for messages in rows["messages"]]
    assert roles == [["user"], ["system", "user"], ["user", "assistant", "user"], ["user"]]
    assert rows["messages"][2][0]["content"] == QUESTION
    assert rows["prompt_tokens"][2] > rows["prompt_tokens"][3]
    assert rows["turn"].isna().tolist() == [False, False, False, True]


@pytest.mark.kernel
@pytest.mark.model
def test_without_cell_ids_each_run_appends(log_path: Path, tmp_path: Path) -> None:
    """nbclient sends no ids, so nothing can be told apart from a loop."""
    path = tmp_path / "twice.ipynb"
    sources = [
        "%load_ext chatnb\n%chat_connect local\n%chat_set max_tokens=4",
        "%chat Hi",
        "%chat Hi",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    executed(path)
    log = RequestLog(log_path)
    rows = frame(log, all=True)
    log.close()
    assert list(rows["turn"]) == [1, 2]
    assert [len(messages) for messages in rows["messages"]] == [1, 3]


def test_its_picture_takes_a_log_with_more_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that was run again is a row too."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    tokens = {"prompt_tokens": [9] * 6, "completion_tokens": [5] * 6}
    rows = {"id": range(1, 7), "source": ["cell"] * 5 + ["python"]} | tokens
    names: dict[str, Any] = {"chatnb": SimpleNamespace(log=lambda: pandas.DataFrame(rows))}
    (drawn,) = (
        cell.source for cell in nbformat.read(NOTEBOOK, 4).cells if "plt.show" in cell.source
    )
    exec(drawn, names)
    assert [label.get_text() for label in names["axes"].get_yticklabels()] == list("12345")
    names["plt"].close(names["figure"])


def test_its_stored_outputs_are_there_and_whole() -> None:
    notebook = nbformat.read(NOTEBOOK, 4)
    for cell in chat_cells(notebook):
        (output,) = cell.outputs
        assert set(output.data) == {"text/html", "text/plain"}
        assert "tokens" in output.data["text/plain"]
