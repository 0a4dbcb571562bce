"""The map of the notebooks and the page for teachers: what they promise is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

from chatnb import cli
from tests.notebooks.exercise_cells import KIT, NOTEBOOKS, paths, read
from tests.real_kernel import RealKernel

MAP = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
TEACHERS = (NOTEBOOKS / "for-teachers.md").read_text(encoding="utf-8")
BINDER = "https://mybinder.org/v2/gh/chatnb/chatnb/HEAD?urlpath=lab/tree/notebooks/{}.ipynb"


def _block(text: str, start: str) -> str:
    """The Python block that begins with these words."""
    (found,) = (
        each
        for each in re.findall(r"```python\n(.+?)```", text, re.DOTALL)
        if each.startswith(start)
    )
    return found


def test_the_map_leads_to_every_notebook_here_and_on_binder() -> None:
    for name in KIT:
        assert f"]({name}.ipynb)" in MAP
        assert f"]({BINDER.format(name)})" in MAP


def test_the_map_says_the_same_time_as_each_notebook() -> None:
    for path in paths():
        (line,) = (line for line in MAP.splitlines() if f"]({path.name})" in line)
        (minutes,) = re.findall(r"(\d+) minutes", read(path).cells[0].source)
        assert f"| {minutes} min |" in line


def test_what_the_guides_link_to_is_there() -> None:
    links = re.findall(r"\]\(([^):#]+)\)", MAP + TEACHERS)
    assert not [link for link in links if not (NOTEBOOKS / link).exists()]


@pytest.mark.kernel
@pytest.mark.model
def test_a_teachers_own_exercises_are_one_file(kernel: RealKernel, tmp_path: Path) -> None:
    (tmp_path / "my_exercises.py").write_text(
        _block(TEACHERS, "# my_exercises.py"), encoding="utf-8"
    )
    kernel.run("%load_ext chatnb\n%chat_connect local")
    student = _block(TEACHERS, "import my_exercises")
    before = kernel.run(student.replace('check("my.1")', 'print(check("my.1"))'))
    assert before.error is None
    assert before.stdout.startswith("my.1 not yet: 0 answers were cut")
    assert before.text.startswith("my.2 passed: you said 'finish_reason'")
    kernel.run("%chat --temperature 0 --max_tokens 5 Tell me a story.")
    assert kernel.run('check("my.1")').text.startswith("my.1 passed: 1 answers were cut")
    assert "1. Which parameter limits the answer?" in kernel.run('hint("my.1")').text


@pytest.mark.kernel
@pytest.mark.model
def test_collected_logs_are_one_table_without_names(
    log_path: Path, kernel: RealKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    kernel.run("%load_ext chatnb\n%chat_connect local\n%chat --temperature 0 --max_tokens 2 Hi")
    (command,) = re.findall(r"```sh\nchatnb (log export .+)\n```", TEACHERS)
    for student in ("anna", "ben"):
        assert cli.main(command.replace("log.jsonl", f"logs/{student}.jsonl").split()) == 0
    names: dict[str, pandas.DataFrame] = {}
    source = _block(TEACHERS, "import pandas")
    exec(source, names)
    assert set(names["logs"]["student"]) == {"anna", "ben"}
    assert (names["logs"]["total_tokens"] > 0).all()


@pytest.mark.kernel
@pytest.mark.model
def test_one_cell_installs_and_connects_where_there_is_nothing_but_a_kernel(tmp_path: Path) -> None:
    """As in Colab and VS Code: a bare environment, and this checkout in the place of the name."""
    bare, checkout = tmp_path / "bare", tmp_path / "checkout"
    subprocess.run([sys.executable, "-m", "venv", str(bare)], check=True, timeout=120)
    python = bare / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "-q", "ipykernel"]
    subprocess.run(pip, check=True, timeout=300)
    left_out = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "screenshots")
    shutil.copytree(NOTEBOOKS.parent, checkout, ignore=left_out)
    kernel = RealKernel(tmp_path, python=python)
    try:
        cell = _block(MAP, "%pip install")
        ran = kernel.run(cell.replace('"chatnb[local]"', f'"{checkout}[local]"'), timeout=600)
        assert ran.error is None
        assert "Requests go to SmolLM2-135M-Instruct on this machine" in ran.stdout
        asked = kernel.run("%%chat --temperature 0 --max_tokens 5\nHello", timeout=300)
        assert "SmolLM2-135M-Instruct on this machine" in asked.text
        assert kernel.run("import chatnb; chatnb.__file__").text.strip("'").startswith(str(bare))
    finally:
        kernel.close()
    assert os.environ["CHATNB_OFFLINE"] == "1"  # the model was there; only pip used the network
