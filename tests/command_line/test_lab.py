"""`chatnb lab`: JupyterLab on the first notebook."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatnb import cli, lab
from tests.browser.jupyter_servers import free_port, listening
from tests.waiting import wait_for


def test_a_folder_of_ours_is_opened_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / lab.FIRST_NOTEBOOK).write_text("{}")
    assert lab.notebooks_folder(tmp_path) == tmp_path / "notebooks"
    assert not (tmp_path / lab.COPY).exists()


def test_elsewhere_the_notebooks_are_copied(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()  # somebody else's
    folder = lab.notebooks_folder(tmp_path)
    assert folder == tmp_path / "chatnb-notebooks"
    copy, shipped = folder / lab.FIRST_NOTEBOOK, lab.shipped_notebooks() / lab.FIRST_NOTEBOOK
    assert copy.read_bytes() == shipped.read_bytes()
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    linked = {"README.md", "for-teachers.md", "coverage.csv", "images/binder.svg"}
    assert linked | {"01-one-request.ipynb"} <= names


def test_what_the_user_changed_is_never_overwritten(tmp_path: Path) -> None:
    mine = lab.notebooks_folder(tmp_path) / lab.FIRST_NOTEBOOK
    mine.write_text("my own notes")
    lab.notebooks_folder(tmp_path)
    assert mine.read_text() == "my own notes"


def test_a_missing_jupyterlab_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    assert cli.main(["lab"]) == 1
    assert capsys.readouterr().err == (
        'chatnb: JupyterLab is not installed: pip install "chatnb[lab]"\n'
    )


@pytest.fixture
def running_lab(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What a JupyterLab that `chatnb lab` started says about itself."""
    runtime = tmp_path / "runtime"
    # Not port 0, which would be two different ones for localhost's two addresses.
    address = ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={free_port()}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "chatnb.cli", "lab", "--no-browser", *address],
        cwd=tmp_path,
        env=os.environ | {"JUPYTER_RUNTIME_DIR": str(runtime)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def told() -> dict[str, Any] | None:
        assert process.poll() is None
        return listening(runtime)

    try:
        yield wait_for(told, "JupyterLab to start", timeout=60)
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_jupyterlab_starts_here_and_opens_on_the_first_notebook(
    running_lab: dict[str, Any], tmp_path: Path
) -> None:
    assert running_lab["root_dir"] == str(tmp_path)
    with urllib.request.urlopen(f"{running_lab['url']}?token={running_lab['token']}") as answer:
        assert answer.url.split("?")[0].endswith(f"/lab/tree/chatnb-notebooks/{lab.FIRST_NOTEBOOK}")
