"""What Binder would build, rehearsed without a container: an environment of its own, built once.

The steps of binder/ in their order, on a copy of the checkout: requirements, postBuild, then
commands through `start`. Whatever worker of a run asks first builds it; it takes a minute.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from tests.project.house import ROOT

LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", "screenshots", "build", "dist"
)
IDLE_S = "90"  # so long the environment's own model server outlives its last request
MEMORY_EVERY_S = 0.5


@dataclass(frozen=True)
class Environment:
    """A copy of the checkout and a virtual environment, as Binder's image would have them."""

    checkout: Path
    directory: Path

    @property
    def python(self) -> Path:
        return self.directory / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        (found,) = (self.directory / "lib").glob("python3*/site-packages")
        return found

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        runtime = self.directory.parent / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        return os.environ | {
            "PATH": f"{self.directory / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(runtime),  # a model server from this environment
            "CHATNB_IDLE": IDLE_S,
            **(more or {}),
        }

    def model_servers(self) -> list[int]:
        """The process ids of the model servers that were started from here."""
        states = (self.directory.parent / "runtime").rglob("server-*.json")
        return [pid for state in states if (pid := json.loads(state.read_text()).get("pid"))]

    def start(
        self, command: list[str], more: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Run a command as Binder does, through `start`."""
        return subprocess.Popen(
            ["binder/start", *command],
            cwd=self.checkout,
            env=self.variables(more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: list[str], *, timeout: float = 600) -> str:
        """Run one step to its end; what it said."""
        result = subprocess.run(
            command,
            cwd=self.checkout,
            env=self.variables(),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


def built() -> Environment:
    """The environment of this test run."""
    root = Path(os.environ["IPYTHONDIR"]).parent / "rehearsal"
    root.mkdir(exist_ok=True)
    environment = Environment(root / "checkout", root / "environment")
    with FileLock(root / "lock"):
        if not (root / "built").exists():
            _build(environment)
            (root / "built").touch()
    return environment


def _build(environment: Environment) -> None:
    shutil.rmtree(environment.checkout, ignore_errors=True)
    shutil.rmtree(environment.directory, ignore_errors=True)
    shutil.copytree(ROOT, environment.checkout, ignore=LEFT_BEHIND)
    subprocess.run([_python(), "-m", "venv", str(environment.directory)], check=True, timeout=120)
    requirements = ["-m", "pip", "install", "-q", "-r", "binder/requirements.txt"]
    environment.run([str(environment.python), *requirements])
    environment.run(["binder/postBuild"])


def _python() -> str:
    """The version that binder/runtime.txt names, where this machine has it."""
    wanted = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    name = wanted.replace("-", "")
    try:
        subprocess.run([name, "-c", ""], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return sys.executable
    return name


class Memory:
    """The most memory that some processes and their children had at one time, in megabytes.

    Proportional set size: what processes share is counted once. `with Memory(lambda: pids) as m:`.
    """

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self.peak = 0.0
        self._pids = pids
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        while not self._over.wait(MEMORY_EVERY_S):
            self.peak = max(self.peak, megabytes(self._pids()))


def megabytes(pids: Iterable[int]) -> float:
    """What processes and their children use now, each counted once; those that are gone, not."""
    import psutil

    family: set[psutil.Process] = set()
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            family |= {process, *process.children(recursive=True)}
    total = 0.0
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss / 1e6
    return total
