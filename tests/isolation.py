"""Every pytest run lives in directories of its own.

The user's log, IPython history and Jupyter configuration are never touched, no key of the user's is
ever seen, and the run starts (and stops) a model server of its own. Only the cache stays the
user's: the model is fetched once a machine, by `make test`, and never by a test.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests import network_guard

FOREIGN = ("OPENAI_", "AZURE_OPENAI_", "CHATNB_", "JPY_", "JUPYTER", "IPYTHON")
DIRECTORIES = (
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
)


def isolate() -> Path:
    """Point this process, and every process it starts, to a new temporary directory."""
    root = own_directories("chatnb-tests-")
    use_files_of(root, "main")
    _guard_kernels(Path(os.environ["IPYTHONDIR"]))
    return root


def own_directories(prefix: str) -> Path:
    """Nothing of the user's in this environment, and a new directory with all that is written."""
    root = Path(tempfile.mkdtemp(prefix=prefix))
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    for name in DIRECTORIES:
        directory = root / name.lower()
        directory.mkdir(mode=0o700)
        os.environ[name] = str(directory)
    os.environ["CHATNB_OFFLINE"] = "1"
    return root


def use_files_of(root: Path, worker: str) -> None:
    """A log for each xdist worker, so that no test counts the rows (or refusals) of another."""
    os.environ["CHATNB_LOG"] = str(root / worker / "log.sqlite")
    os.environ[network_guard.REFUSED] = str(root / f"refused-{worker}.txt")


def _guard_kernels(ipython_directory: Path) -> None:
    """Every kernel of the run executes the guard before its first cell."""
    startup = ipython_directory / "profile_default" / "startup"
    startup.mkdir(parents=True)
    source = Path(network_guard.__file__).read_text(encoding="utf-8")
    (startup / "00-loopback-only.py").write_text(source + "\ninstall()\n", encoding="utf-8")


def end(root: Path) -> None:
    """Stop the model servers that the run started and remove what it wrote."""
    from chatnb.local import server

    server.stop()
    os.environ["XDG_RUNTIME_DIR"] = str(root / "rehearsal" / "runtime")
    server.stop()
    shutil.rmtree(root, ignore_errors=True)
