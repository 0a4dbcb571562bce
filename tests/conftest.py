"""What every test can ask for: isolation, a shell, a kernel, the embedded model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import isolation, network_guard
from tests.loopback import LoopbackServer

ROOT = pytest.StashKey[Path]()
WORKER_ROOT = "chatnb_root"


def pytest_configure(config: pytest.Config) -> None:
    worker = getattr(config, "workerinput", None)
    if worker is None:
        config.stash[ROOT] = isolation.isolate()
    else:
        isolation.use_files_of(Path(worker[WORKER_ROOT]), worker["workerid"])
    network_guard.install()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist's workers inherit the environment; the root tells them where their log belongs."""
    node.workerinput[WORKER_ROOT] = str(node.config.stash[ROOT])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One worker takes all browser tests, so that each Jupyter server starts once.

    And one all tests of a notebook, so that nobody waits while another executes it.
    """
    # xdist 3.8's own `--dist loadgroup` groups nothing under pytest 9.2:
    # https://github.com/pytest-dev/pytest-xdist/issues/1386
    from tests.scheduling import PiecesTogether

    return PiecesTogether(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test with processes of its own has a second try; the summary names whoever needed it."""
    for item in items:
        if item.get_closest_marker("kernel") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where binder/ is rehearsed, its environment is also the one that executes notebooks."""
    runs = sys.modules.get("tests.notebooks.runs")
    if runs is not None:
        runs.rehearsed = any("test_binder.py" in item.nodeid for item in session.items)


def pytest_unconfigure(config: pytest.Config) -> None:
    if ROOT in config.stash:
        isolation.end(config.stash[ROOT])


@pytest.fixture(autouse=True)
def nothing_leaves_loopback() -> Iterator[None]:
    """Fails a test that tried to talk to another machine, in a kernel too, whoever swallowed it."""
    network_guard.forget()
    yield
    assert not network_guard.refused()


@pytest.fixture
def log_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of this test's own; kernels that it starts use it too."""
    path = tmp_path / "log" / "log.sqlite"
    monkeypatch.setenv("CHATNB_LOG", str(path))
    return path


@pytest.fixture
def backend() -> Any:
    """The fake backend that answers `chat`."""
    from tests.fake_backend import FakeBackend

    return FakeBackend()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Any]:
    """The log of `chat`, in a file of its own."""
    from chatnb.request_log import RequestLog

    log = RequestLog(tmp_path / "log.sqlite")
    yield log
    log.close()


@pytest.fixture
def chat(backend: Any, log: Any) -> Any:
    """A session that a fake backend answers."""
    from chatnb.sessions import Session
    from tests.fake_backend import connected

    return Session(connected(backend), log)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """A loopback server that answers, or misbehaves, as the model's name says."""
    with LoopbackServer() as server:
        yield server


@pytest.fixture
def shell() -> Iterator[Any]:
    """IPython's singleton, without history; an error in a cell is raised into the test."""
    from tests.raising_shell import RaisingShell

    shell = RaisingShell.without_history()
    yield shell
    shell.close()
    _forget_session()


def _forget_session() -> None:
    """The next shell is another kernel: with a session, a connection and a log of its own."""
    wiring = sys.modules.get("chatnb.kernel")
    if wiring is not None:
        wiring.this_kernel().log.close()
        wiring._made_once.cache_clear()


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Any]:
    """A real kernel in a directory of its own: `kernel.run(code)` gives what it displays."""
    from tests.real_kernel import RealKernel

    kernel = RealKernel(tmp_path)
    yield kernel
    kernel.close()


@pytest.fixture(scope="session")
def gguf() -> Path:
    """The embedded model's file; `make test` fetched it."""
    from chatnb.local import model_file

    found = model_file.find()
    assert found, "the embedded model is not on this machine: `chatnb local fetch`"
    return found.path


@pytest.fixture(scope="session")
def model_server(gguf: Path) -> Any:
    """The embedded model's server, one for all workers of a run; `.base_url` and `.token`."""
    from chatnb.local import model_file, server

    return server.ensure(model_file.fetch())
