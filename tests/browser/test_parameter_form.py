"""The parameter form under a user's hands: what is seen, and what the kernel gets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.parameter_page import ParameterPage


@pytest.fixture
def form(browser: Browser, tmp_path: Path) -> Iterator[ParameterPage]:
    page = ParameterPage(browser, tmp_path)
    yield page
    assert page.errors == []
    page.page.close()


def test_at_first_everything_is_unset_and_says_what_then_holds(form):
    assert form.is_unset("temperature")
    assert form.field("temperature").get_attribute("placeholder") == "unset · API default 1"
    assert form.field("max_tokens").get_attribute("placeholder") == "unset · no limit"
    assert form.slider("temperature").get_attribute("aria-valuetext") == "unset, API default 1"
    assert form.slider("temperature").input_value() == "1"
    assert form.sets == []


def test_arrows_move_a_slider_by_its_step_without_the_digits_of_binary_fractions(form):
    slider = form.slider("presence_penalty")
    for _ in range(3):
        slider.press("ArrowRight")
    form.until(lambda: form.parameters.presence_penalty == 0.3)
    expect(form.field("presence_penalty")).to_have_value("0.3")
    assert not form.is_unset("presence_penalty")


def test_arrows_step_in_the_readout_too(form):
    for _ in range(3):
        form.field("presence_penalty").press("ArrowUp")
    form.until(lambda: form.parameters.presence_penalty == 0.3)


@pytest.mark.parametrize(("key", "value"), [("Home", 0), ("End", 2)])
def test_the_ends_of_a_slider_are_whole_numbers(form, key, value):
    form.slider("temperature").press(key)
    form.until(lambda: form.parameters.temperature == value)
    assert type(form.parameters.temperature) is int


@pytest.mark.parametrize("key", ["Delete", "Backspace"])
def test_a_key_unsets_a_slider(form, key):
    form.slider("top_p").press("Home")
    form.until(lambda: form.parameters.top_p == 0)
    form.slider("top_p").press(key)
    form.until(lambda: form.parameters.top_p is None)
    assert form.sets[-1] == {"top_p": None}
    assert form.is_unset("top_p")


def test_the_button_unsets_and_the_focus_stays_with_the_control(form):
    form.slider("temperature").press("Home")
    form.control("temperature").get_by_role("button").click()
    form.until(lambda: form.sets and form.sets[-1] == {"temperature": None})
    expect(form.slider("temperature")).to_be_focused()
    expect(form.control("temperature").get_by_role("button")).to_have_count(0)


def test_a_click_on_the_thumb_where_it_stands_sets_the_default(form):
    form.slider("temperature").click()
    form.until(lambda: form.parameters.temperature == 1)


def test_a_drag_sends_a_message_every_50_ms_and_its_last_value_always(form):
    box = form.slider("temperature").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    form.page.mouse.move(box["x"] + 20, middle)
    form.page.mouse.down()
    form.page.mouse.move(box["x"] + 240, middle, steps=100)
    form.page.mouse.up()
    shown = float(form.slider("temperature").input_value())
    form.until(lambda: form.parameters.temperature == shown)
    moments = form.page.evaluate("moments")
    # The clock of the throttle counts whole milliseconds.
    assert all(later - sooner > 48 for sooner, later in itertools.pairwise(moments))
    assert form.sequences == sorted(set(form.sequences))


def test_of_values_within_50_ms_the_first_and_the_last_are_sent(form):
    moves = "for (const value of [0.1, 0.2, 0.3]) { node.value = value; node.dispatchEvent(input) }"
    form.slider("temperature").evaluate(f"node => {{ const input = new Event('input'); {moves} }}")
    form.until(lambda: len(form.sets) == 2)
    assert form.sets == [{"temperature": 0.1}, {"temperature": 0.3}]


def test_an_older_echo_does_not_move_what_the_user_has_moved_since(form):
    form.held = True
    form.slider("temperature").press("Home")
    form.until(lambda: len(form.sets) == 1)
    form.parameters.temperature = 0.5
    old = form.values()
    form.slider("temperature").press("End")
    form.tell(old)
    assert form.slider("temperature").input_value() == "2"
    form.until(lambda: len(form.sets) == 2)
    form.tell(form.values(seq=form.sequences[0]))
    assert form.slider("temperature").input_value() == "2"


def test_what_a_cell_sets_appears(form):
    form.parameters.temperature = 0.35
    form.parameters.seed = 2**60
    form.tell(form.values())
    expect(form.field("temperature")).to_have_value("0.35")
    expect(form.field("seed")).to_have_value(str(2**60))
    assert not form.is_unset("seed")


def test_a_number_out_of_range_is_sent_as_typed_and_stays_with_its_line(form):
    field = form.field("temperature")
    field.fill("3")
    field.press("Enter")
    form.until(lambda: form.line("temperature"))
    assert form.sets == [{"temperature": 3}]
    assert "from 0 to 2, not 3" in form.line("temperature")
    expect(field).to_have_value("3")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert form.is_unset("temperature")
    form.tell(form.values())
    expect(field).to_have_value("3")
    field.fill("0.30")
    field.press("Enter")
    form.until(lambda: form.parameters.temperature == 0.3)
    assert form.line("temperature") == ""


def test_typed_text_waits_for_enter_and_no_echo_takes_it_away(form):
    form.field("max_tokens").press_sequentially("25")
    form.parameters.temperature = 1
    form.parameters.max_tokens = 7
    form.tell(form.values())
    expect(form.field("max_tokens")).to_have_value("25")
    assert form.sets == []
    form.page.keyboard.press("Tab")
    form.until(lambda: form.parameters.max_tokens == 25)
    assert form.sets == [{"max_tokens": 25}]


def test_an_emptied_field_is_unset(form):
    form.parameters.n = 3
    form.tell(form.values())
    form.field("n").fill("")
    form.field("n").press("Enter")
    form.until(lambda: form.sets == [{"n": None}])
    assert form.is_unset("n")


@pytest.mark.parametrize(
    ("key", "value"), [("ArrowUp", 2), ("PageUp", 11), ("ArrowDown", 1), ("PageDown", 1)]
)
def test_arrows_step_a_number_within_its_range(form, key, value):
    form.field("n").press(key)
    form.until(lambda: form.parameters.n == value)


def test_a_large_seed_keeps_its_last_digits(form):
    form.field("seed").fill("9223372036854775807")
    form.field("seed").press("Enter")
    form.until(lambda: form.parameters.seed == 2**63 - 1)


def test_stop_texts_are_tags_and_there_are_at_most_four(form):
    field = form.control("stop").get_by_role("textbox")
    for text in ("END", " \\n", '"', "4"):
        field.fill(text)
        field.press("Enter")
    form.until(lambda: form.parameters.stop == ["END", " \n", '"', "4"])
    expect(field).to_be_hidden()
    form.control("stop").get_by_role("button", name="Remove END").click()
    form.until(lambda: form.parameters.stop == [" \n", '"', "4"])
    for _ in range(3):
        field.press("Backspace")
    form.until(lambda: form.sets and form.sets[-1] == {"stop": None})


def test_a_bias_is_sent_once_its_row_is_whole(form):
    control = form.control("logit_bias")
    control.get_by_role("button", name="+ word").click()
    word, bias = (control.locator("input").nth(place) for place in (0, 1))
    word.fill(" Paris")
    word.press("Enter")
    form.tell(form.values())
    bias.fill("-100")
    bias.press("Enter")
    form.until(lambda: form.parameters.logit_bias == {" Paris": -100})
    assert len(form.sets) == 1
    control.get_by_role("button", name="+ word").click()
    control.locator("input").nth(2).fill("half")
    control.locator("input").nth(2).press("Enter")
    form.tell(form.values())
    expect(control.locator("input").nth(2)).to_have_value("half")
    control.get_by_role("button", name="Remove the bias").last.click()
    bias.fill("101")
    bias.press("Enter")
    form.until(lambda: form.line("logit_bias"))
    expect(bias).to_have_value("101")
    bias.fill("1.5")
    bias.press("Enter")
    form.until(lambda: form.parameters.logit_bias == {" Paris": 1.5})
    control.get_by_role("button", name="Remove the bias").click()
    form.until(lambda: form.sets and form.sets[-1] == {"logit_bias": None})


def test_a_word_is_chosen_and_unset_again(form):
    form.field("reasoning_effort").select_option("low")
    form.until(lambda: form.parameters.reasoning_effort == "low")
    form.field("reasoning_effort").select_option("")
    form.until(lambda: form.parameters.reasoning_effort is None)


def test_a_flag_has_three_states(form):
    form.page.get_by_text("More").click()
    flag = form.control("logprobs")
    for word, value in [("false", False), ("true", True), ("unset", None)]:
        flag.get_by_text(word, exact=True).click()
        form.until(lambda value=value: form.sets[-1:] == [{"logprobs": value}])
    expect(flag.get_by_role("radio", name="unset")).to_be_checked()


def test_json_is_read_by_the_kernel_which_says_what_is_wrong(form):
    form.page.get_by_text("More").click()
    field = form.field("response_format")
    field.fill('{"type": ')
    field.blur()
    form.until(lambda: "not JSON" in form.line("response_format"))
    expect(field).to_have_value('{"type": ')
    field.fill('{"type": "json_object"}')
    field.press("Control+Enter")
    form.until(lambda: form.parameters.response_format == {"type": "json_object"})
    form.until(lambda: form.line("response_format") == "")


def test_the_model_is_suggested_or_typed(form):
    models = ["gpt-6-luna", "gpt-6-sol"]
    form.tell({"event": "connection", "described": "", "model": models[0], "models": models})
    assert form.field("model").get_attribute("placeholder") == "unset · gpt-6-luna"
    assert form.control("model").locator("option").count() == 2
    form.field("model").fill("another")
    form.field("model").press("Enter")
    form.until(lambda: form.parameters.model == "another")


def test_conflicts_are_told_where_they_move_nothing(form):
    before = form.slider("temperature").bounding_box()
    form.slider("temperature").press("Home")
    form.slider("top_p").press("Home")
    expect(form.page.get_by_role("status")).to_contain_text("temperature and top_p are both set")
    assert form.slider("temperature").bounding_box() == before
    assert "chatnb-warned" in (form.control("top_p").get_attribute("class") or "")
    form.slider("top_p").press("Delete")
    expect(form.page.get_by_role("status")).to_have_text("")


def test_help_comes_with_the_pointer_and_with_the_keyboard(form):
    bubble = form.page.locator(".chatnb-help")
    expect(bubble).to_be_hidden()
    form.control("temperature").get_by_text("temperature", exact=True).hover()
    expect(bubble).to_contain_text("How random")
    form.page.mouse.move(0, 0)
    expect(bubble).to_be_hidden()
    form.slider("temperature").focus()
    expect(bubble).to_contain_text("a number from 0 to 2")
    form.page.keyboard.press("Escape")
    expect(bubble).to_be_hidden()
    described = form.slider("temperature").evaluate(
        "node => node.getAttribute('aria-describedby').split(' ')"
        ".map(id => document.getElementById(id).textContent).join('')"
    )
    assert "How random" in described


def test_a_definition_told_again_leaves_what_is_typed(form):
    from chatnb.playground.controls import controls

    form.field("max_tokens").press_sequentially("25")
    form.tell({"event": "controls", "groups": controls()}, form.values())
    expect(form.field("max_tokens")).to_have_value("25")
    expect(form.field("max_tokens")).to_be_focused()


# Presets


def test_a_preset_is_applied_and_the_list_says_so(form):
    form.page.get_by_label("Preset", exact=True).select_option("precise")
    assert form.parameters.values() == {}
    form.page.get_by_role("button", name="Apply").click()
    form.until(lambda: form.parameters.values() == {"temperature": 0.2})
    expect(form.page.get_by_role("button", name="Apply")).to_be_disabled()
    expect(form.page.get_by_role("button", name="Delete")).to_be_disabled()
    form.page.get_by_role("button", name="Back to defaults").click()
    form.until(lambda: form.parameters.values() == {})
    expect(form.page.get_by_label("Preset", exact=True)).to_have_value("default")


def test_what_is_set_is_saved_under_a_name_replaced_and_deleted(form):
    form.slider("temperature").press("Home")
    for label in ("Save", "Replace"):
        form.page.get_by_role("button", name="Save as…").click()
        form.page.get_by_label("Name of the preset").fill("mine")
        form.page.get_by_role("button", name=label, exact=True).click()
        expect(form.page.get_by_role("button", name="Save as…")).to_be_focused()
    assert form.presets.named("mine").values == {"temperature": 0}
    expect(form.page.get_by_label("Preset", exact=True)).to_have_value("mine")
    form.page.get_by_role("button", name="Delete").click()
    form.page.get_by_role("button", name="Really delete?").click()
    form.until(lambda: len(form.presets.all()) == 3)


def test_a_refused_name_is_told_and_stays_to_be_mended(form):
    form.page.get_by_role("button", name="Save as…").click()
    name = form.page.get_by_label("Name of the preset")
    name.fill("wild")
    name.press("Enter")
    expect(form.page.locator(".chatnb-presets [role=alert]")).to_contain_text("another name")
    expect(name).to_have_value("wild")
    name.press("Escape")
    expect(name).to_be_hidden()


@pytest.mark.parametrize("width", [280, 700])
def test_the_form_is_never_wider_than_its_place(browser: Browser, tmp_path: Path, width):
    form = ParameterPage(browser, tmp_path, width)
    form.page.get_by_text("More").click()
    form.parameters.stop = ["x" * 200]
    form.parameters.user = "y" * 200
    form.tell(form.values())
    assert form.page.evaluate("document.documentElement.scrollWidth") <= width + 40
    form.page.close()
