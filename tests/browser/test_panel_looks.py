"""How the panel looks: readable for everyone, in both themes, at any width, and standing still."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Open
from tests.browser.notebook_page import SCREENSHOTS
from tests.browser.panel_page import PanelPage, connect_to
from tests.loopback import LoopbackServer

TABS = ("Chat", "Compare", "Log", "Code")
# What is seen once a page is there.
READY = {"Chat": "chatnb", "Compare": "The answer of", "Log": "4 listed", "Code": "import openai"}
FOUND = """async root => (await axe.run(root, {resultTypes: ['violations']})).violations
  .filter(each => ['serious', 'critical'].includes(each.impact))
  .map(each => [each.id, ...each.nodes.map(node => node.html.slice(0, 200))])"""
# Where everything stands that is not the answer in progress; inside the transcript, from its top.
BOXES = """root => [...root.querySelectorAll('*')]
  .filter(node => !node.closest('.chatnb-live'))
  .map(node => [node.className, node.offsetLeft, node.offsetTop, node.offsetWidth,
    node.classList.contains('chatnb-turns') ? 0 : node.offsetHeight].join(' '))"""


@pytest.fixture
def panel(open_in_lab: Open, server: LoopbackServer) -> PanelPage:
    return PanelPage.open(open_in_lab, connect_to(server), width=1600)


def fill(panel: PanelPage) -> None:
    """A conversation with everything in it: an answer, choices, a stale turn, a failure."""
    panel.send("Tell me **about** `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    panel.wait_for_turn()
    panel.use("interleaved-choices")
    panel.send("Count")
    panel.wait_for_turn(2)
    panel.button("Regenerate").click()
    panel.root.locator(".chatnb-stale").wait_for()
    panel.use("status-400")
    panel.send("Fail")
    panel.unfinished().wait_for()


def test_axe_finds_nothing_serious_in_any_tab_and_theme(panel: PanelPage) -> None:
    from axe_playwright_python.sync_playwright import Axe

    fill(panel)
    panel.page.evaluate(Axe().axe_script)
    for theme in ("light", "dark"):
        panel.notebook.theme(theme)
        for width, name in ((1600, "wide"), (1000, "narrow")):
            panel.page.set_viewport_size({"width": width, "height": 1500})  # the whole panel
            for tab in TABS:
                panel.tab(tab)
                panel.root.get_by_text(READY[tab]).first.wait_for()
                panel.screenshot(f"{tab.lower()}-{theme}-{name}")
                assert panel.root.evaluate(FOUND) == [], (theme, width, tab)


def test_nothing_scrolls_sideways_at_700_pixels(panel: PanelPage) -> None:
    fill(panel)
    panel.root.evaluate("root => { root.style.width = '700px'; }")
    for tab in TABS:
        panel.tab(tab)
        wide = panel.root.evaluate(
            "root => [root, ...root.querySelectorAll('.chatnb-page > *, .chatnb-chat > *')]"
            ".filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.className)"
        )
        assert wide == [], tab


def test_nothing_moves_while_text_streams_but_the_text(panel: PanelPage) -> None:
    panel.send("Hello")
    panel.wait_for_turn()
    panel.use("slow")
    panel.send("Go")
    panel.live().get_by_text("word").first.wait_for()
    before = panel.root.evaluate(BOXES)
    panel.live().get_by_text("word " * 60).first.wait_for()
    assert panel.root.evaluate(BOXES) == before
    panel.button("Stop").click()
    panel.unfinished().wait_for()


def test_everything_is_reached_by_the_tab_key(panel: PanelPage) -> None:
    panel.send("Hello")
    panel.wait_for_turn()
    panel.root.get_by_role("tab", name="Chat").focus()
    names = set()
    for _ in range(60):
        panel.page.keyboard.press("Tab")
        names.add(
            panel.page.evaluate(
                "() => { const node = document.activeElement;"
                "return node.closest('.chatnb-panel') && (node.getAttribute('aria-label')"
                "|| node.labels?.[0]?.textContent || node.textContent).trim(); }"
            )
        )
    for name in ("Conversation", "Undo", "Reset", "Edit prompt", "Prompt", "Send", "temperature"):
        assert any(name in (found or "") for found in names), (name, names)


@pytest.mark.model
def test_the_picture_of_the_panel(open_in_lab: Open) -> None:
    """What the panel looks like; `make picture` puts it into the README."""
    connect = (
        "%chat_connect local\n%chat_set temperature=0.2 seed=4 max_tokens=60\n"
        "%chat_system Answer in one sentence."
    )
    panel = PanelPage.open(open_in_lab, connect, width=1440)
    panel.send("What is the capital of France?")
    panel.wait_for_turn()
    panel.send("And what is it known for?")
    panel.wait_for_turn(2)
    panel.page.set_viewport_size({"width": 1440, "height": 1200})  # above the whole panel
    panel.root.scroll_into_view_if_needed()
    panel.root.screenshot(path=SCREENSHOTS / "panel.png")
