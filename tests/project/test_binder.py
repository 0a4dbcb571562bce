"""binder/ works: what Binder would build, and a rehearsal of it without a container."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.project.house import ROOT

LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", "screenshots", "build", "dist"
)


@pytest.fixture(scope="module")
def dockerfile() -> str:
    """What repo2docker would build; it needs no container engine to say so."""
    result = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def test_binder_builds_a_python_that_pandas_takes(dockerfile: str) -> None:
    assert "Building conda environment for python=3.12" in dockerfile


def test_binder_installs_the_requirements_and_runs_post_build(dockerfile: str) -> None:
    # Only the Python build pack writes this line.
    assert 'install --no-cache-dir -r "binder/requirements.txt"' in dockerfile
    assert "RUN ./binder/postBuild" in dockerfile
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in dockerfile


@pytest.mark.parametrize("script", ["postBuild", "start"])
def test_binder_scripts_are_executable_and_name_their_shell(script: str) -> None:
    path = ROOT / "binder" / script
    assert path.stat().st_mode & 0o111
    assert path.read_text(encoding="utf-8").startswith("#!")


def test_start_hands_over_to_the_server() -> None:
    lines = (ROOT / "binder" / "start").read_text(encoding="utf-8").strip().splitlines()
    assert lines[-1] == 'exec "$@"'


@pytest.mark.model
def test_the_rehearsal_ends_in_a_jupyterlab_that_runs_the_notebooks(tmp_path: Path) -> None:
    """The same steps, in the same order, in a virtual environment of its own."""
    checkout, environment = tmp_path / "checkout", tmp_path / "environment"
    shutil.copytree(ROOT, checkout, ignore=LEFT_BEHIND)
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    requirements = checkout / "binder" / "requirements.txt"
    _run(
        environment, checkout, [str(python), "-m", "pip", "install", "-q", "-r", str(requirements)]
    )
    _run(environment, checkout, ["binder/postBuild"])
    assert _run(environment, checkout, ["binder/start", "jupyter", "lab", "--version"])
    for notebook in sorted((checkout / "notebooks").glob("*.ipynb")):
        _run(environment, checkout, ["binder/start", "jupyter", "execute", str(notebook)])


def _run(environment: Path, checkout: Path, command: list[str]) -> str:
    """Run one step as Binder would, with the environment's Python first on PATH."""
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        command,
        cwd=checkout,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
