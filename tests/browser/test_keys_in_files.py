"""A notebook that was used with a key can be given away: neither it nor its export has the key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.browser.conftest import Open
from tests.browser.jupyter_servers import JupyterServer
from tests.browser.panel_page import PanelPage
from tests.loopback import LoopbackServer
from tests.security.key_echoes import ECHOES

CANARY = "canary-5d1e8b7a90c3"


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
    assert files_with_the_key(lab_server) == []


def test_a_key_that_is_typed_at_the_prompt_is_in_no_file(
    open_in_lab: Open, lab_server: JupyterServer, server: LoopbackServer
) -> None:
    page = open_in_lab(
        [
            f"%load_ext chatnb\n%chat_connect {server.base_url} -m echo --key TYPED_KEY",
            "%chat -m key-in-answer What is my key?",
        ]
    )
    page.start(0)
    field = page.page.locator(".jp-Stdin-input")
    field.wait_for()
    assert field.get_attribute("type") == "password"
    field.fill(CANARY)
    field.press("Enter")
    page.wait_for_output(0, "the key in TYPED_KEY")
    page.wait_until_idle()
    page.run(1)
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in page.text(0) + page.text(1)
    page.save()
    assert files_with_the_key(lab_server) == []


def files_with_the_key(server: JupyterServer) -> list[Path]:
    """In everything that the server and its pages wrote."""
    files = [path for path in server.directory.parent.rglob("*") if path.is_file()]
    return [path for path in files if CANARY.encode() in path.read_bytes()]
