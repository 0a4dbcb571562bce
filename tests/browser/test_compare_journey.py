"""What a user does with the compare page, in JupyterLab and in Notebook 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.panel_page import PanelPage, connect_to
from tests.loopback import LoopbackServer

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Open

# What no text may move: every box of the page but those inside an answer or a receipt.
BOXES = """root => [...root.querySelectorAll("*")]
    .filter((node) => !node.closest(".chatnb-lane-answer > *, .chatnb-lane-receipt > *"))
    .map((node) => [node.className, ...Object.values(node.getBoundingClientRect().toJSON())].join())
"""


@pytest.fixture
def panel(open_notebook: Open, server: LoopbackServer) -> PanelPage:
    panel = PanelPage.open(open_notebook, connect_to(server), width=1500)
    panel.tab("Compare")
    return panel


@pytest.fixture
def compare(panel: PanelPage) -> Locator:
    return panel.root.locator(".chatnb-compare")


def press(compare: Locator, name: str) -> None:
    compare.get_by_role("button", name=name, exact=True).click()


def send(compare: Locator, prompt: str) -> None:
    box = compare.get_by_label("Prompt for every lane")
    box.fill(prompt)
    box.press("Control+Enter")


def choose_model(panel: PanelPage, compare: Locator, lane: int, model: str) -> None:
    """By keyboard, from the list of settings to the name."""
    compare.get_by_label(f"Setting to add to lane {lane}").focus()
    for key in ("model", "Enter", model, "Enter"):
        press_or_type = panel.page.keyboard.press if key == "Enter" else panel.page.keyboard.type
        press_or_type(key)


def test_a_prompt_under_three_settings_and_the_conversation_goes_on_with_one(
    panel: PanelPage, compare: Locator, server: LoopbackServer
) -> None:
    press(compare, "Add a lane")
    readout = compare.get_by_role("region", name="Lane 3", exact=True).get_by_label(
        "temperature, value"
    )
    readout.fill("1.7")
    readout.press("Enter")
    send(compare, "Good morning, comparison")
    compare.get_by_text("Done. In the log: comparison").wait_for()
    assert sorted(request.json["temperature"] for request in server.requests) == [0, 1, 1.7]
    press(compare, "Continue with lane 3")
    compare.get_by_text("The conversation continues with lane 3.").wait_for()
    panel.tab("Chat")
    assert "Good morning, comparison" in panel.wait_for_turn().inner_text()
    rows = panel.ask("chatnb.log()[['source', 'comparison']].drop_duplicates().values.tolist()")
    assert len(rows) == 1
    assert rows[0][0] == "compare"


def test_lanes_stream_without_moving_anything_and_stop_ends_them_on_the_wire(
    panel: PanelPage, compare: Locator, server: LoopbackServer
) -> None:
    for lane in (1, 2):
        choose_model(panel, compare, lane, "slow")
    send(compare, "Talk")
    answer = compare.get_by_role("region", name="Answer of lane 1")
    answer.get_by_text("word word").wait_for()
    before = compare.evaluate(BOXES)
    answer.get_by_text("word " * 40).wait_for()
    assert compare.evaluate(BOXES) == before
    press(compare, "Stop")
    asked = [request for request in server.requests if request.model == "slow"]
    assert [request.left.wait(10) for request in asked] == [True, True]
    compare.get_by_text("Done. In the log: comparison").wait_for()
    assert "top" in answer.locator(".chatnb-error-line").inner_text()
    assert panel.ask("chatnb.log()['status'].tolist()") == ["interrupted"] * 2


def test_a_lane_that_cannot_be_sent_is_named_and_nothing_is_sent(
    panel: PanelPage, compare: Locator, server: LoopbackServer
) -> None:
    readout = compare.get_by_role("region", name="Lane 2", exact=True).get_by_label(
        "temperature, value"
    )
    readout.fill("3")
    readout.press("Enter")
    send(compare, "Hello")
    compare.get_by_text("Lane 2: temperature is a number from 0 to 2").wait_for()
    assert server.requests == []


def test_the_lanes_stay_while_other_tabs_are_open_and_another_panel_opens(
    panel: PanelPage, compare: Locator
) -> None:
    press(compare, "Add a lane")
    choose_model(panel, compare, 3, "slow")
    panel.tab("Chat")
    panel.run("from IPython.display import display\ndisplay(chatnb.panel())")
    panel.tab("Compare")
    lane = compare.get_by_role("region", name="Lane 3", exact=True)
    assert lane.get_by_label("model", exact=True).input_value() == "slow"
