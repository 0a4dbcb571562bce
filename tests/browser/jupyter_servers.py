"""A JupyterLab or a Notebook 7 on a free loopback port, with directories of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.waiting import wait_for

FrontEnd = Literal["lab", "notebook"]

MODULES: dict[FrontEnd, str] = {"lab": "jupyterlab", "notebook": "notebook"}
APPLICATIONS: dict[FrontEnd, str] = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}
# A workspace for each notebook: Lab would open those of earlier tests beside it.
PAGES: dict[FrontEnd, str] = {
    "lab": "lab/workspaces/{stem}/tree/{name}",
    "notebook": "notebooks/{name}",
}
# A toast about news covers a corner of every screenshot; "false" is a string, on purpose.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
}


@dataclass
class JupyterServer:
    """A running server; notebooks stand in `directory`."""

    front_end: FrontEnd
    directory: Path
    process: subprocess.Popen[bytes]
    url: str
    token: str
    output: Path

    def address(self, notebook: Path) -> str:
        page = PAGES[self.front_end].format(stem=notebook.stem, name=notebook.name)
        return f"{self.url}{page}?token={self.token}"

    def stop(self) -> None:
        """End the server; it ends its kernels."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=20)


def start(front_end: FrontEnd, root: Path) -> JupyterServer:
    """A server that answers; its output is in `root`/server.txt."""
    directory, runtime, output = root / "notebooks", root / "runtime", root / "server.txt"
    directory.mkdir(parents=True)
    token = secrets.token_hex(16)
    with output.open("wb") as log:
        process = subprocess.Popen(
            _command(front_end, directory),
            cwd=directory,
            env=_environment(root) | {"JUPYTER_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def said() -> dict[str, Any] | None:
        assert process.poll() is None, output.read_text(errors="replace")
        return listening(runtime)

    url = wait_for(said, f"{front_end} to start (see {output})", timeout=60)["url"]
    return JupyterServer(front_end, directory, process, url, token, output)


def _command(front_end: FrontEnd, directory: Path) -> list[str]:
    command = [
        *(sys.executable, "-m", MODULES[front_end], "--no-browser", "--allow-root"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={free_port()}",
        f"--ServerApp.root_dir={directory}",
        f"--{APPLICATIONS[front_end]}.expose_app_in_browser=True",
    ]
    if front_end == "lab":
        command.append("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate")
    return command


def _environment(root: Path) -> dict[str, str]:
    """The run's own environment, with Jupyter's directories apart for each server."""
    for name, settings in SETTINGS.items():
        file = root / "settings" / name
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(settings), encoding="utf-8")
    return os.environ | {
        "JUPYTER_CONFIG_DIR": str(root / "config"),
        "JUPYTER_DATA_DIR": str(root / "data"),
        "JUPYTER_RUNTIME_DIR": str(root / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(root / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(root / "workspaces"),
    }


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(runtime: Path) -> dict[str, Any] | None:
    """What the server says about itself; None before it can be asked for a page."""
    for file in runtime.glob("jpserver-*.json"):
        # The file is there before it is written to its end, and before the server listens.
        with contextlib.suppress(ValueError, OSError):
            said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            socket.create_connection((said["hostname"], said["port"]), timeout=5).close()
            return said
    return None
