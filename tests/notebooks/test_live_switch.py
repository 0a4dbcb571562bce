"""The first cell's one line decides who answers: the same notebooks against a server with a key.

The embedded model's server plays the foreign one: a base_url, a model's name, its token in a
variable. So what answers is real, and nothing about it is known to chatnb.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from chatnb.request_log import RequestLog
from chatnb.request_log.log_frame import frame
from tests.notebooks.execution import executed
from tests.notebooks.exercise_cells import NOTEBOOKS, findings, path_of, read, solved

NUMBERS = [
    number for number in ("00", "01", "05", "08") if any(NOTEBOOKS.glob(f"{number}-*.ipynb"))
]
KEY = "CLASSROOM_KEY"


@pytest.mark.kernel
@pytest.mark.model
@pytest.mark.parametrize("number", NUMBERS)
def test_a_notebook_runs_against_another_server_by_one_edited_line(
    number: str, model_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, model_server.token)
    notebook = solved(read(path_of(number)))
    live = f"%chat_connect {model_server.base_url} -m SmolLM2-135M-Instruct --key {KEY}"
    first = notebook.cells[1]
    first.source = first.source.replace("%chat_connect local", live)
    shutil.copytree(NOTEBOOKS, tmp_path / "notebooks")
    executed(notebook, directory=tmp_path / "notebooks", log=tmp_path / "log.sqlite")

    log = RequestLog(tmp_path / "log.sqlite")
    rows = frame(log, all=True)
    log.close()
    assert set(rows["base_url"]) == {model_server.base_url}
    assert rows["cost"].isna().all()
    verdicts = {text.partition(":")[0] for text in findings(notebook).values()}
    assert verdicts == {f"{each} passed" for each in findings(notebook)}
