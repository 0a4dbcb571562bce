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
    page.page.wait_for_timeout(300)  # what was drawn has had time to act
    return page


def assert_nothing_acts(page: Any, server: HostileServer, roots: list[str]) -> None:
    count, found, hacked = page.evaluate(ACTIVE, roots)
    assert count > 50  # there was something to look at
    assert found == []
    assert hacked is None
    assert server.beacons == []


def test_nothing_acts_in_cells_nor_when_the_notebook_is_opened_again(
    open_in_lab: Open, server: HostileServer
) -> None:
    page = run_everything(open_in_lab, server)
    assert_nothing_acts(page.page, server, OUTPUTS)
    assert "window.hacked" in page.text(1)
    page.screenshot("active-content")
    page.save()
    sent = len(server.requests)
    page.page.reload()
    page.wait_until_idle()
    assert_nothing_acts(page.page, server, OUTPUTS)
    copied = page.path.with_stem(f"{page.path.stem}-from-elsewhere")
    # As if it came by mail: no signature of this machine's is on it.
    text = page.path.read_text(encoding="utf-8").replace("Hello", "Hello there", 1)
    copied.write_text(text, encoding="utf-8")
    again = open_in_lab(copied)
    assert_nothing_acts(again.page, server, OUTPUTS)
    assert len(server.requests) == sent
    assert not page.dialogs + again.dialogs
    types = {
        kind
        for number in range(15)
        for output in again.outputs(number)
        for kind in output.get("data", {})
    }
    assert types <= {"text/html", "text/plain"}


def test_nothing_acts_in_the_exported_html(
    open_in_lab: Open, server: HostileServer, tmp_path: Path
) -> None:
    page = run_everything(open_in_lab, server)
    page.save()
    copied = Path(shutil.copy(page.path, tmp_path / "notebook.ipynb"))
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--log-level=ERROR", copied]
    subprocess.run(command, check=True, timeout=120)
    sent = len(server.requests)
    shown = page.context.new_page()
    shown.goto(copied.with_suffix(".html").as_uri())
    shown.wait_for_load_state("load")
    assert_nothing_acts(shown, server, OUTPUTS)
    assert len(server.requests) == sent
    page.outside.clear()  # nbconvert's own page asks for MathJax, which the browser refuses


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
        panel.page.wait_for_timeout(200)
        assert_nothing_acts(panel.page, server, [".chatnb-panel"])
    panel.notebook.screenshot("active-content-panel", cell=panel.cell)
    panel.notebook.save()
    panel.page.reload()
    panel.notebook.wait_until_idle()
    assert_nothing_acts(panel.page, server, OUTPUTS)
    assert not panel.notebook.dialogs
