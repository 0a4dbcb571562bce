"""The panel in the sidebar, where there is one."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Open
from tests.browser.panel_page import PanelPage, connect_to
from tests.loopback import LoopbackServer

DOCK = "%chat_panel dock"


def saved_transcript(panel: PanelPage) -> str:
    outputs = panel.notebook.save()["cells"][panel.cell]["outputs"]
    return "".join(outputs[1]["data"]["text/plain"])


@pytest.fixture
def docked(open_in_lab: Open, server: LoopbackServer) -> PanelPage:
    panel = PanelPage.open(open_in_lab, connect_to(server), panel=DOCK, width=1500)
    panel.page.locator("#jp-right-stack .chatnb-panel").wait_for()
    return panel


def test_dock_puts_the_panel_into_the_sidebar_and_its_cell_says_so(docked: PanelPage) -> None:
    notebook = docked.page.locator(".jp-Notebook")
    line = notebook.get_by_text("The panel is in the sidebar.")
    line.wait_for()
    docked.send("Hello from the side")
    assert "Hello from the side" in docked.wait_for_turn().inner_text()
    assert docked.page.get_by_label("Prompt", exact=True).count() == 1
    assert "Hello from the side" in saved_transcript(docked)
    transcript = docked.page.locator(".chatnb-transcript-saved")
    assert not transcript.is_visible()
    docked.notebook.screenshot("panel-dock-lab")
    docked.notebook.restart()
    transcript.wait_for()
    line.wait_for(state="hidden")


def test_a_panel_whose_sidebar_tab_is_closed_goes_into_its_cell(docked: PanelPage) -> None:
    docked.send("Hello from the side")
    docked.wait_for_turn()
    tab = docked.page.locator(".jp-SideBar .lm-TabBar-tab", has_text="chatnb")
    tab.click(button="middle")  # as its cross does
    turn = docked.page.locator(".jp-Notebook article.chatnb-turn")
    turn.wait_for()
    assert "Hello from the side" in turn.inner_text()
    assert docked.page.get_by_label("Prompt", exact=True).count() == 1
    docked.send("And from the cell")
    docked.wait_for_turn(2)


def test_where_there_is_no_sidebar_the_panel_is_in_its_cell(
    open_in_notebook: Open, server: LoopbackServer
) -> None:
    panel = PanelPage.open(open_in_notebook, connect_to(server), panel=DOCK, width=1500)
    panel.send("Hello")
    panel.wait_for_turn()
    assert panel.page.get_by_label("Prompt", exact=True).count() == 1
    assert "Hello" in saved_transcript(panel)
    assert not panel.page.locator(".chatnb-transcript-saved").is_visible()
    panel.notebook.restart()
    panel.page.locator(".chatnb-transcript-saved").wait_for()
    assert not panel.page.locator(".chatnb-panel").count()
