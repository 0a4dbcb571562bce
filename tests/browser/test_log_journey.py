"""What a user does with the log page: look at a row, bring it back, take the log along."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import Open
from tests.browser.panel_page import PanelPage, connect_to
from tests.loopback import LoopbackServer
from tests.waiting import wait_for

SETTINGS = {"temperature": 0.3, "max_tokens": 7, "stop": ["END"]}


@pytest.fixture
def panel(open_notebook: Open, server: LoopbackServer) -> PanelPage:
    return PanelPage.open(open_notebook, connect_to(server), width=1500)


def set_to(panel: PanelPage, **values: object) -> None:
    panel.run(f"import chatnb\nfor name, value in {values!r}.items():\n"
              "    setattr(chatnb.session().parameters, name, value)")  # fmt: skip


def open_row(panel: PanelPage, number: int) -> None:
    """Counted from the newest."""
    panel.tab("Log")
    panel.root.get_by_role("button", name="Exchange at").nth(number).click()
    panel.root.get_by_label("Request as JSON").wait_for()


def test_a_row_of_the_log_brings_its_settings_and_its_prompt_back(
    panel: PanelPage, server: LoopbackServer
) -> None:
    set_to(panel, **SETTINGS)
    panel.send("The first words")
    panel.wait_for_turn()
    set_to(panel, temperature=1.5, max_tokens=None, stop=None, seed=3)
    panel.send("Something else")
    panel.wait_for_turn(2)
    open_row(panel, 1)
    sent = json.loads(panel.root.get_by_label("Request as JSON").inner_text())
    assert sent == server.requests[0].json
    assert "The first words" in panel.root.get_by_label("Response as JSON").inner_text()
    panel.screenshot("log-row")
    panel.button("Load into the panel").click()
    panel.prompt.wait_for()  # the chat page is there again
    assert panel.prompt.input_value() == "The first words"
    assert panel.ask("chatnb.session().parameters.values()") == {**SETTINGS, "model": "echo"}
    readout = panel.side.get_by_label("temperature, value")
    assert readout.input_value() == "0.3"
    panel.prompt.press("Control+Enter")
    panel.wait_for_turn(3)
    again = server.requests[-1].json
    assert {name: again.get(name) for name in SETTINGS} == SETTINGS
    assert "seed" not in again


def test_the_log_is_sorted_filtered_and_written_to_a_file(panel: PanelPage) -> None:
    for prompt in ("bananas", "apples"):
        panel.send(prompt)
        panel.wait_for_turn(1 + (prompt == "apples"))
    panel.use("status-400")
    panel.send("cherries")
    panel.unfinished().wait_for()
    panel.tab("Log")
    prompts = panel.root.locator("tbody .chatnb-log-prompt")
    wait_for(lambda: prompts.count() == 3, "three rows")
    assert prompts.all_inner_texts() == ["cherries", "apples", "bananas"]
    panel.root.get_by_role("columnheader", name="Prompt").get_by_role("button").click()
    assert prompts.all_inner_texts() == ["apples", "bananas", "cherries"]
    panel.root.get_by_label("Filter").fill("banan")
    assert prompts.all_inner_texts() == ["bananas"]
    panel.root.get_by_label("Filter").fill("")
    panel.root.get_by_label("Status", exact=True).select_option("error")
    assert prompts.all_inner_texts() == ["cherries"]
    panel.root.get_by_role("button", name="Export as CSV").click()
    panel.root.get_by_text("3 rows are in").wait_for()
    (written,) = panel.notebook.server.directory.glob("chatnb-log-*.csv")
    assert "bananas" in written.read_text(encoding="utf-8")
    written.unlink()
