"""The Makefile: it lists itself, finds a Python, and spends no money."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.house import ROOT


def _make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_make_alone_lists_every_target() -> None:
    listed = _make().stdout
    for target in ("lab", "demo", "test", "check", "bench", "fuzz", "notebooks", "picture", "help"):
        assert f"make {target} " in listed
    assert listed == _make("help").stdout


def test_no_target_sees_a_key_or_a_paid_server() -> None:
    told = _make(
        "--eval=environment: ; @env",
        "environment",
        OPENAI_API_KEY="sk-canary",
        OPENAI_BASE_URL="https://api.example.com/v1",
        OPENAI_ORG_ID="canary",
        OPENAI_PROJECT_ID="canary",
        OPENAI_SOMETHING_NEW="canary",
        CHATNB_MODEL="gpt-canary",
        PATH=os.environ["PATH"],
    ).stdout
    assert "PATH=" in told
    assert "canary" not in told
    assert "OPENAI" not in told


def test_without_a_new_enough_python_one_line_says_so(tmp_path: Path) -> None:
    result = _make(
        f"VENV={tmp_path}/venv", "CANDIDATES=python-of-1999", f"{tmp_path}/venv/made.stamp"
    )
    assert result.returncode != 0
    assert result.stderr.splitlines()[0] == (
        "chatnb needs Python 3.11 or newer with pip and venv (on Debian: python3-venv); "
        "looked for: python-of-1999."
    )


def test_the_environment_is_made_once(tmp_path: Path) -> None:
    stamp = f"{tmp_path}/venv/made.stamp"
    made = _make(f"VENV={tmp_path}/venv", stamp)
    assert "Making" in made.stdout, made.stderr
    assert "up to date" in _make(f"VENV={tmp_path}/venv", stamp).stdout


WITHOUT_ENSUREPIP = """#!/bin/sh
case "$*" in
  *"import ensurepip"*) exit 1 ;;
  *--without-pip*) ;;
  "-m venv"*) echo "apt install python3-venv" >&2; exit 1 ;;
esac
exec {python} "$@"
"""


def test_a_python_without_ensurepip_uses_its_own_pip(tmp_path: Path) -> None:
    ensurepip = pytest.importorskip("ensurepip")
    bundled = Path(ensurepip.__file__).parent / "_bundled"
    debian = tmp_path / "python-of-debian"
    debian.write_text(WITHOUT_ENSUREPIP.format(python=sys.executable))
    debian.chmod(0o755)
    made = _make(
        f"VENV={tmp_path}/venv",
        f"CANDIDATES={debian}",
        f"{tmp_path}/venv/made.stamp",
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(bundled),
    )
    assert made.returncode == 0, made.stderr
    version = [f"{tmp_path}/venv/bin/python", "-m", "pip", "--version"]
    told = subprocess.run(version, capture_output=True, text=True, check=True, timeout=60).stdout
    assert f"{tmp_path}/venv/" in told
