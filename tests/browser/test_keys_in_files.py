"""A notebook that was used with a key can be given away: neither it nor its export has the key."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.browser.conftest import Open
from tests.browser.jupyter_servers import JupyterServer
from tests.browser.panel_page import PanelPage
from tests.loopback import LoopbackServer
from tests.security.key_echoes import ECHOES

CANARY = "canary-5d1e8b7a90c3"


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as server:
        yield server


def test_no_file_of_jupyter_holds_the_key(
    open_in_lab: Open, lab_server: JupyterServer, server: LoopbackServer
) -> None:
    """The notebook, the widgets' state in it, its checkpoint, its export, workspaces, output."""
    half = len(CANARY) // 2
    connect = (
        f"import os\nos.environ['CANARY_KEY'] = {CANARY[:half]!r} + {CANARY[half:]!r}\n"
        f"%chat_connect {server.base_url} -m echo --key CANARY_KEY"
    )
    panel = PanelPage.open(open_in_lab, connect, width=1500)
    panel.send("Hello")
    panel.wait_for_turn()
    for model in ECHOES:
        panel.run(f"%chat -m {model} What is my key?")
    panel.use("key-in-answer")
    panel.send("What is my key?")
    panel.wait_for_turn(2)
    for tab in ("Compare", "Code", "Log", "Chat"):
        panel.tab(tab)
        assert CANARY not in panel.root.inner_text()
    panel.page.evaluate(
        "window.jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')"
    )
    saved = panel.notebook.save()
    assert saved["metadata"]["widgets"]
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--log-level=ERROR"]
    subprocess.run([*command, panel.notebook.path], check=True, timeout=120)
    assert panel.notebook.path.with_suffix(".html").exists()
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    root = lab_server.directory.parent
    holding = [
        path for path in root.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()
    ]
    assert holding == []
