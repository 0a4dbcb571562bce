"""Presets: choose one, keep what is set as one's own, and go back to the defaults."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Open
from tests.browser.panel_page import PanelPage, connect_to
from tests.loopback import LoopbackServer
from tests.waiting import wait_for


def open_panel(opener: Open, server: LoopbackServer) -> PanelPage:
    return PanelPage.open(opener, connect_to(server), width=1500)


def apply(panel: PanelPage, name: str) -> None:
    panel.root.get_by_label("Preset", exact=True).select_option(name)
    panel.button("Apply").click()


def values(panel: PanelPage) -> Any:
    return panel.ask("chatnb.session().parameters.values()")


def test_presets_are_applied_saved_found_by_another_notebook_and_deleted(
    open_notebook: Open, server: LoopbackServer
) -> None:
    panel = open_panel(open_notebook, server)
    apply(panel, "precise")
    wait_for(lambda: values(panel), "the preset's values in the kernel")
    precise = values(panel)
    panel.send("Hello")
    panel.wait_for_turn()
    assert server.requests[-1].json.items() >= precise.items()
    panel.side.get_by_label("temperature, value").fill("0.4")
    panel.page.keyboard.press("Enter")
    panel.button("Save as…").click()
    panel.root.get_by_label("Name of the preset").fill("my own")
    panel.page.keyboard.press("Enter")
    chosen = panel.root.get_by_label("Preset", exact=True)
    wait_for(lambda: chosen.input_value() == "my own", "the new preset to be chosen")
    panel.screenshot("presets")
    panel.button("Back to defaults").click()
    wait_for(lambda: values(panel) == {}, "the defaults")
    assert chosen.input_value() == "default"
    other = open_panel(open_notebook, server)
    apply(other, "my own")
    wait_for(lambda: values(other) == {**precise, "temperature": 0.4}, "the saved values")
    other.button("Delete").click()
    other.button("Really delete?").click()
    names = other.root.get_by_label("Preset", exact=True)
    wait_for(lambda: "my own" not in names.inner_text(), "the preset to be gone")
