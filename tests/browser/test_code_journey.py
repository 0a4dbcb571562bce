"""The code page: what it shows is what Send sends, in every form, and may be taken along."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.conftest import Open
from tests.browser.panel_page import PanelPage, connect_to
from tests.loopback import LoopbackServer
from tests.waiting import wait_for

PROMPT = 'It\'s "odd" {{name}} $HOME `x`\n\n    éñ🎉 \\n'


@pytest.fixture
def panel(open_notebook: Open, server: LoopbackServer) -> PanelPage:
    return PanelPage.open(open_notebook, connect_to(server), width=1500)


def shown(panel: PanelPage, form: str) -> str:
    panel.root.get_by_role("group", name="Form").get_by_role("button", name=form).click()
    return panel.root.get_by_role("region", name="Code").evaluate("node => node.textContent") or ""


def run_outside(command: list[str]) -> None:
    environment = {**os.environ, "OPENAI_API_KEY": "none"}
    done = subprocess.run(
        command, capture_output=True, check=False, encoding="utf-8", env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_the_shown_python_curl_cell_and_json_are_what_send_sends(
    panel: PanelPage, server: LoopbackServer, tmp_path: Path
) -> None:
    panel.run("%chat_system Be brief.\n%chat_set temperature=0 seed=4 stop=END max_tokens=9")
    panel.send("Before")
    panel.wait_for_turn()
    panel.prompt.fill(PROMPT)
    panel.tab("Code")
    code = panel.root.get_by_role("region", name="Code")
    wait_for(lambda: "éñ🎉" in code.inner_text(), "the prompt in the code")
    body = json.loads(shown(panel, "JSON"))
    (tmp_path / "shown.py").write_text(shown(panel, "Python"), encoding="utf-8")
    run_outside([sys.executable, "-X", "utf8", str(tmp_path / "shown.py")])
    expected = 2
    if shutil.which("curl"):
        (tmp_path / "shown.sh").write_text(shown(panel, "curl"), encoding="utf-8")
        run_outside(["sh", str(tmp_path / "shown.sh")])
        expected += 1
    shown(panel, "%%chat cell")
    panel.screenshot("code-cell")
    panel.button("Insert as a cell").click()
    panel.root.get_by_text("Inserted below.").wait_for()
    panel.notebook.run(panel.cell + 1)
    panel.notebook.select(panel.cell)
    panel.tab("Chat")
    panel.wait_for_turn(2)
    panel.button("Undo").click()
    wait_for(lambda: panel.turns().count() == 1, "the cell's turn to be taken back")
    assert panel.prompt.input_value() == PROMPT
    panel.prompt.press("Control+Enter")
    panel.wait_for_turn(2)
    received = [request.json for request in server.requests if "chat" in request.path][1:]
    assert received == [body] * (expected + 1)
    assert body["messages"][-1]["content"] == PROMPT


def test_the_inserted_json_is_python_that_runs(panel: PanelPage) -> None:
    panel.prompt.fill(f'{PROMPT} """ \\')
    panel.tab("Code")
    panel.root.get_by_role("region", name="Code").get_by_text("éñ🎉").wait_for()
    body = json.loads(shown(panel, "JSON"))
    panel.button("Insert as a cell").click()
    panel.root.get_by_text("Inserted below.").wait_for()
    panel.notebook.run(panel.cell + 1)
    panel.free += 1
    assert panel.ask("body") == body


def test_the_code_follows_a_slider_and_is_copied(panel: PanelPage) -> None:
    panel.notebook.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.tab("Code")
    code = panel.root.get_by_role("region", name="Code")
    code.get_by_text("Your prompt").wait_for()
    slider = panel.side.get_by_role("slider", name="temperature")
    slider.focus()
    panel.page.keyboard.press("End")
    code.get_by_text("temperature=2").wait_for()
    panel.button("Copy").click()
    panel.root.get_by_text("Copied.").wait_for()
    copied = panel.page.evaluate("navigator.clipboard.readText()")
    assert copied == code.evaluate("node => node.textContent")
    assert "temperature=2" in copied
