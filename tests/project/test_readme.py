"""The README says what is true: its code runs, its commands exist, its picture is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    text = README.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = "".join(blocks("sh")).splitlines()
    return [line.split("#")[0].strip() for line in lines if line.strip()]


@pytest.mark.kernel
@pytest.mark.model
def test_every_block_of_code_runs_in_order(log_path: Path, kernel: Any) -> None:
    for code in blocks("python"):
        ran = kernel.run(code)
        assert ran.error is None, (code, ran.error)
    statuses = kernel.run("print(set(chatnb.log()['status']))").stdout
    assert statuses == "{'ok'}\n"


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make")])
def test_every_make_target_is_there(command: str) -> None:
    listed = subprocess.run(
        ["make", "-n", command.split()[1]],
        cwd=README.parent, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert listed.returncode == 0, listed.stderr


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("chatnb")])
def test_every_command_runs(command: str, log_path: Path, tmp_path: Path) -> None:
    words = command.split()[1:]
    if "purge" in words:
        words.append("--yes")
    ran = subprocess.run(
        [sys.executable, "-m", "chatnb.cli", *words],
        cwd=tmp_path, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def test_what_pip_is_told_to_install_exists() -> None:
    project = tomllib.loads((README.parent / "pyproject.toml").read_text())["project"]
    (install,) = [line for line in commands() if line.startswith("pip")]
    name, extra = re.findall(r'"(\w+)\[(\w+)\]"', install)[0]
    assert name == project["name"]
    assert extra in project["optional-dependencies"]


def test_links_and_pictures_are_there() -> None:
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (README.parent / target).exists(), target
