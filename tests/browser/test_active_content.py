"""Nothing that a server says acts in a page: not when it comes, not when it is opened again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.notebook_page import NotebookPage
from tests.browser.panel_page import PanelPage, connect_to
from tests.security.active_content import ACTIVE, HOSTILE, MODELS, HostileServer

OUTPUTS = [".jp-OutputArea-output"]
PING = "async url => { await fetch(url, { mode: 'no-cors' }).catch(() => null) }"


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


def run_everything(open_page: Open, server: HostileServer) -> NotebookPage:
    """Hostile text in answers, errors, refusals, names, prompts, the history and the log."""
    prompt = HOSTILE.replace("BEACON", f"http://127.0.0.1:{server.port}/beacon")
    cells = [
        f"%load_ext chatnb\nimport chatnb\n%chat_connect {server.base_url} -m echo",
        *(f"%%chat -m {model}\nHello" for model in MODELS),
        f"%%chat\n{prompt}",
        f"%%chat --n 2\n{prompt}",
        "%chat hi -m x\n%chat_history",
        "%chat_log",
        "chatnb.session().last.reply",
        f"%%chat -m '{prompt.splitlines()[0]}'\nHello",
        f"%%chat --dry-run\n{prompt}",
        f"%chat_connect {server.base_url}\n%chat list your models",
    ]
    page = open_page(cells, width=1400)
    for cell in range(len(cells)):
        page.run(cell)
    return page


def assert_nothing_acts(page: Any, server: HostileServer, roots: list[str]) -> None:
    count, found, hacked = page.evaluate(ACTIVE, roots)
    # Once the server has this request it has those that came before it.
    asked = len(server.requests)
    page.evaluate(PING, server.base_url + "/ping")
    server.wait_for_requests(asked + 1)
    assert count > 50  # there was something to look at
    assert found == []
    assert hacked is None
    assert server.beacons == []


def test_nothing_acts_in_cells_nor_when_the_notebook_is_opened_again(
    open_in_lab: Open, server: HostileServer, tmp_path: Path
) -> None:
    page = run_everything(open_in_lab, server)
    assert_nothing_acts(page.page, server, OUTPUTS)
    assert "window.hacked" in page.text(1)
    page.screenshot("active-content")
    page.save()
    sent = server.asked
    page.page.reload()
    page.wait_until_idle()
    assert_nothing_acts(page.page, server, OUTPUTS)
    again = open_in_lab(from_elsewhere(page.path, tmp_path))
    assert_nothing_acts(again.page, server, OUTPUTS)
    assert_nothing_acts(exported(page, tmp_path), server, OUTPUTS)
    assert server.asked == sent
    assert not page.dialogs + again.dialogs
    outputs = [output for number in range(15) for output in again.outputs(number)]
    types = {kind for output in outputs for kind in output.get("data", {})}
    assert types == {"text/html", "text/plain"}
    page.outside.clear()  # the exported page asks for MathJax elsewhere, which is refused


def from_elsewhere(path: Path, directory: Path) -> Path:
    """As if it came by mail: no signature of this machine's is on it."""
    text = path.read_text(encoding="utf-8").replace("Hello", "Hello there", 1)
    (directory / "mailed.ipynb").write_text(text, encoding="utf-8")
    return directory / "mailed.ipynb"


def exported(page: NotebookPage, directory: Path) -> Any:
    """The page that nbconvert makes of the notebook, in the same browser."""
    copied = Path(shutil.copy(page.path, directory / "notebook.ipynb"))
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--log-level=ERROR", copied]
    subprocess.run(command, check=True, timeout=120)
    shown = page.context.new_page()
    shown.goto(copied.with_suffix(".html").as_uri())
    shown.wait_for_load_state("load")
    return shown


def test_nothing_acts_in_the_panel(open_in_lab: Open, server: HostileServer) -> None:
    panel = PanelPage.open(open_in_lab, connect_to(server), width=1500)
    prompt = HOSTILE.replace("BEACON", f"http://127.0.0.1:{server.port}/beacon")
    for number, model in enumerate(MODELS, 1):
        panel.use(model)
        panel.send(prompt)
        panel.notebook.page.wait_for_function(
            "count => document.querySelectorAll('.chatnb-turn:not(.chatnb-live)').length >= 1",
            arg=number,
        )
        panel.root.locator(".chatnb-live").wait_for(state="detached")
    for tab in ("Compare", "Log", "Code", "Chat"):
        panel.tab(tab)
        assert_nothing_acts(panel.page, server, [".chatnb-panel"])
    panel.notebook.screenshot("active-content-panel", cell=panel.cell)
    panel.notebook.save()
    panel.page.reload()
    panel.notebook.wait_until_idle()
    assert_nothing_acts(panel.page, server, OUTPUTS)
    assert not panel.notebook.dialogs
