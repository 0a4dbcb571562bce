"""Answers are untrusted: whatever a model writes changes nothing on the page but text."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Open
from tests.browser.panel_page import PanelPage, connect_to
from tests.loopback import LoopbackServer

# What an answer could smuggle in, anywhere in the page's outputs: markup, handlers, addresses.
SMUGGLED = """() => {
  const inside = [...document.querySelectorAll(".jp-OutputArea-output *")];
  const active = "script, style, iframe, img, form, input[autofocus], base, object, embed";
  const own = (node) => node.matches("style") && /chatnb-transcript-saved/.test(node.textContent);
  return inside.filter((node) => (node.matches(active) && !own(node))
    || [...node.attributes].some(({ name }) => /^on/.test(name))
    || /^\\s*(javascript|data|\\/)/i.test(node.getAttribute("href") ?? "")
    || (getComputedStyle(node).position === "fixed" && !node.popover))
    .map((node) => node.outerHTML.slice(0, 200));
}"""
# Every box of the panel that is not inside the transcript.
BOXES = """root => [...root.querySelectorAll("*")]
  .filter((node) => !node.closest(".chatnb-turns, .chatnb-empty, .chatnb-totals, .chatnb-side"))
  .map((node) => [node.className, node.getBoundingClientRect().left, node.offsetTop,
    node.offsetWidth, node.offsetHeight].join(" "))"""


@pytest.fixture
def panel(open_notebook: Open, server: LoopbackServer) -> PanelPage:
    return PanelPage.open(open_notebook, connect_to(server, "hostile"), width=1500)


def look_at_every_page(panel: PanelPage) -> None:
    for tab in ("Code", "Log"):
        panel.tab(tab)
    panel.root.get_by_role("button", name="Exchange at").first.click()
    panel.root.get_by_label("Response as JSON").wait_for()
    panel.tab("Chat")


def assert_only_text(panel: PanelPage) -> None:
    assert panel.page.evaluate("window.hacked") is None
    assert panel.page.evaluate(SMUGGLED) == []
    assert not panel.notebook.dialogs
    # Notebook 7's own, at every start
    own = "Cannot read properties of undefined (reading 'schema')"
    assert [error for error in panel.notebook.page_errors if error != own] == []
    assert not panel.notebook.outside


def test_script_handlers_addresses_and_remote_images_stay_text(panel: PanelPage) -> None:
    title = panel.page.title()
    panel.send("Attack")
    turn = panel.wait_for_turn()
    assert "window.hacked = 1" in turn.inner_text()
    look_at_every_page(panel)
    addresses = [link.get_attribute("href") for link in turn.locator("a").all()]
    assert {address.partition(":")[0] for address in addresses if address} == {"http"}
    turn.locator(".chatnb-assistant").hover()
    assert_only_text(panel)
    assert panel.page.title() == title
    panel.screenshot("hostile")
    panel.notebook.save()
    panel.notebook.restart()  # now the saved transcript is what is seen
    panel.page.locator(".chatnb-transcript-saved").get_by_text("window.hacked = 14").wait_for()
    assert_only_text(panel)


def test_a_comparison_of_hostile_answers_is_text(panel: PanelPage) -> None:
    panel.tab("Compare")
    compare = panel.root.locator(".chatnb-compare")
    box = compare.get_by_label("Prompt for every lane")
    box.fill("<img src=x onerror='window.hacked = 1'>")
    box.press("Control+Enter")
    compare.get_by_text("Done. In the log: comparison").wait_for()
    assert "window.hacked = 1" in compare.inner_text()
    assert_only_text(panel)


@pytest.mark.parametrize("model", ["huge-table", "right-to-left"])
def test_an_answer_moves_nothing_outside_its_own_box(panel: PanelPage, model: str) -> None:
    panel.use(model)
    before = panel.root.evaluate(BOXES)
    panel.send("Fill the page")
    turn = panel.wait_for_turn()
    shown = turn.inner_text()
    panel.prompt.press("Tab")  # the box has grown and shrunk with the prompt
    assert panel.root.evaluate(BOXES) == before
    if model == "huge-table":
        assert shown.count("cell 11") == 1_001
        narrower = "node => node.offsetWidth <= node.closest('.chatnb-transcript').clientWidth"
        assert turn.evaluate(narrower)
    else:
        paragraph = turn.locator(".chatnb-assistant p")
        assert paragraph.evaluate("node => getComputedStyle(node).direction") == "rtl"
        label = panel.root.locator(".chatnb-who").first
        assert label.evaluate("node => getComputedStyle(node).direction") == "ltr"
    assert_only_text(panel)
    panel.screenshot(model)


def test_an_answer_of_five_megabytes_leaves_the_panel_as_usable_as_before(
    panel: PanelPage,
) -> None:
    panel.use("five-megabytes")
    panel.send("Talk")
    turn = panel.wait_for_turn()
    assert "of 5,000,000 characters shown" in turn.inner_text()
    look_at_every_page(panel)
    panel.tab("Code")
    panel.root.get_by_text("too long for this page").wait_for()
    panel.tab("Chat")
    panel.use("echo")
    panel.send("Still there?")
    assert "Still there?" in panel.wait_for_turn(2).inner_text()
    assert panel.ask("len(chatnb.session().messages[1]['content'])") == 5_000_000
    assert len(panel.root.evaluate("root => root.innerHTML")) < 2_000_000
    assert_only_text(panel)
