"""binder/ works: what Binder would build, and a rehearsal of it without a container."""

from __future__ import annotations

import http.client
import subprocess
import sys
from pathlib import Path

import pytest

from tests import rehearsal
from tests.browser.jupyter_servers import free_port
from tests.notebooks import runs
from tests.notebooks.exercise_cells import paths
from tests.project.house import ROOT
from tests.waiting import wait_for

MOST_MEMORY_MB = 1000  # Binder gives a user 1 to 2 GB: kernel, model server, JupyterLab
LAB_MB = 200  # of them
LARGEST_MB = 1200  # site-packages and the model


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


@pytest.fixture(scope="module")
def environment() -> rehearsal.Environment:
    return rehearsal.built()


@pytest.mark.model
def test_the_build_ends_in_a_pinned_jupyterlab(environment: rehearsal.Environment) -> None:
    requirements = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8")
    told = environment.run(["binder/start", "jupyter", "lab", "--version"]).strip()
    assert f"jupyterlab=={told}\n" in requirements


@pytest.mark.model
@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_every_notebook_runs_there(path: Path, environment: rehearsal.Environment) -> None:
    runs.untouched(path.name[:2])  # raises where a cell fails
    taken = float((runs.home_of(path, "untouched") / "memory.txt").read_text(encoding="utf-8"))
    assert 0 < taken < MOST_MEMORY_MB - LAB_MB, f"{taken:.0f} MB beside JupyterLab"


@pytest.mark.model
def test_jupyterlab_opens_the_first_notebook_and_leaves_room_for_a_kernel(
    environment: rehearsal.Environment, tmp_path: Path
) -> None:
    port, address = free_port(), "/lab/tree/notebooks/00-start-here.ipynb"
    options = [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--ServerApp.token="]
    server = environment.start(["jupyter", "lab", "--no-browser", "--allow-root", *options])
    try:
        led = wait_for(lambda: _redirect(port), "JupyterLab to answer", timeout=120)
        assert led in (address, f"{address}?")
        taken = rehearsal.megabytes([server.pid])
        assert taken < LAB_MB, f"{taken:.0f} MB"
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _redirect(port: int) -> str | None:
    """Where the server sends a browser that names no page; None while it does not listen."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.getheader("Location")
    except OSError:
        return None
    finally:
        connection.close()


@pytest.mark.model
def test_what_is_installed_is_small(environment: rehearsal.Environment, gguf: Path) -> None:
    files = [each for each in environment.site_packages.rglob("*") if each.is_file()]
    megabytes = (sum(each.stat().st_size for each in files) + gguf.stat().st_size) / 1e6
    assert megabytes < LARGEST_MB, f"{megabytes:.0f} MB"
