"""The readable transcript that a saved notebook keeps."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from chatnb.conversation import Conversation, Entry, Turn, turn_of
from chatnb.playground.saved_view import MOST_FORMULAS, SavedTranscript
from chatnb.records import Message
from tests.cell_view.conftest import ended

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(1)">'


def asked(prompt, *answers, row=1):
    """A turn and the exchange that made it."""
    exchange = ended(*answers, id=row)
    exchange = replace(exchange, request=replace(exchange.request, messages=(message(prompt),)))
    return turn_of(exchange.request, exchange.reply.choices, Entry().place, row), exchange


def message(text, role="user"):
    return Message(role, text)


def conversation(*pairs, system=None, more=()):
    """The conversation, and who knows its exchanges."""
    turns = tuple(turn for turn, _ in pairs)
    return Conversation(system, turns + tuple(more)), {each.id: each for _, each in pairs}.get


def transcript_html(held, name, exchange_of):
    return SavedTranscript(exchange_of).bundle(held, name)["text/html"]


def transcript_text(held, name, exchange_of):
    return SavedTranscript(exchange_of).bundle(held, name)["text/plain"]


def both(held, exchange_of, name="main"):
    return transcript_html(held, name, exchange_of), transcript_text(held, name, exchange_of)


def nobody(_row):
    return None


def test_the_text_says_who_said_what_and_what_it_took():
    held, known = conversation(asked("Hello", "**Hi**"), system="Be brief.")
    receipt = "17 + 26 = 43 tokens · free · 1.2 s"
    assert transcript_text(held, "main", known) == (
        "Conversation main: 1 turn\n\n"
        "[system]\nBe brief.\n\n"
        "[1 · user]\nHello\n\n"
        f"[1 · SmolLM2-135M-Instruct on this machine]\n**Hi**\n{receipt}"
    )


def test_the_html_says_the_same_with_the_answer_formatted():
    held, known = conversation(asked("**Hello**", "**Hi**"), system="Be brief.")
    html = transcript_html(held, "main", known)
    assert "<strong>Hi</strong>" in html
    assert "**Hello**" in html
    assert_in_order(
        html, "Conversation main: 1 turn", "Be brief.", "1 · user", "on this machine", "43 tokens"
    )


def assert_in_order(text, *parts):
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_turns_that_are_not_sent_are_marked_set_aside():
    pair = asked("Hello", "Hi")
    held, known = conversation(pair, asked("Again", "Ho", row=2))
    held = held.before(Entry(replaces=held.turns[1]))
    for shown in both(held, known):
        assert_in_order(shown, "main: 1 turn", "1 · user", "set aside · user", "set aside · Smol")
        assert "2 · user" not in shown


def test_without_its_exchange_an_answer_has_no_receipt():
    held, _ = conversation(asked("Hello", "Hi"))
    for shown in both(held, nobody):
        assert "1 · assistant" in shown
        assert "tokens" not in shown


def test_choices_that_are_not_sent_are_marked():
    held, known = conversation(asked("Which?", "red", "blue"))
    text = transcript_text(held.with_choice(1), "main", known)
    assert "choice 0 · not sent]\nred" in text
    assert re.search(r"choice 1\]\nblue\n17 \+ 26 = 43 tokens", text)
    assert text.count("43 tokens") == 1


def test_an_edited_answer_is_the_one_shown_and_said_to_be_edited():
    held, known = conversation(asked("Hello", "Hi"))
    held = held.with_edited(held.turns[0], 1, "Howdy")
    for shown in both(held, known):
        assert_in_order(shown, "edited by hand", "Howdy")
    assert "Hi" not in transcript_text(held, "main", known)


def test_hand_written_messages_are_shown_by_their_role():
    held = Conversation(turns=(Turn((message("Be *kind*.", "developer"), message("*I* am"))),))
    for shown in both(held, nobody):
        assert_in_order(shown, "1 · developer", "Be *kind*.", "1 · user", "*I* am")


def test_an_empty_conversation_says_so():
    assert transcript_text(Conversation(), "tea", nobody) == "Conversation tea is empty"
    assert "Conversation tea is empty" in transcript_html(Conversation(), "tea", nobody)


class Elements(HTMLParser):
    """Every element and attribute, and whether all are closed."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open = set(), [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def hostile():
    turn, exchange = asked(HOSTILE, HOSTILE, HOSTILE)
    exchange = replace(exchange, request=replace(exchange.request, model=HOSTILE))
    return conversation((turn, exchange), system=HOSTILE, more=[Turn((message(HOSTILE, "tool"),))])


def test_what_is_hostile_is_only_text():
    html = transcript_html(*_named(hostile(), HOSTILE))
    found = Elements(html)
    assert not found.tags & {"script", "img", "style", "iframe", "form", "input"}
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert found.open == []


def test_it_needs_no_style_sheet_and_no_color_that_only_one_theme_can_read():
    found = Elements(transcript_html(*_named(hostile())))
    own = {"chatnb-reply", "chatnb-receipt", "mathjax_ignore", "highlight"}
    classes = {
        each for name, value in found.attributes if name == "class" for each in value.split()
    }
    assert classes <= own
    styles = [value for name, value in found.attributes if name == "style"]
    colors = {each for style in styles for each in re.findall(r"(?:^|[;-])color:([^;]+)", style)}
    assert colors == {"var(--jp-ui-font-color2,#767676)"}


@pytest.mark.parametrize(("formulas", "typeset"), [(3, True), (MOST_FORMULAS, False)])
def test_many_formulas_are_left_as_they_were_written(formulas, typeset):
    held, known = conversation(asked("Solve.", "$x$ " * formulas))
    html = transcript_html(held, "main", known)
    assert html.startswith("<div>") is typeset
    assert html.startswith('<div class="mathjax_ignore">') is not typeset


def test_control_characters_and_half_characters_do_not_get_through():
    held, known = conversation(asked("red: \x1b[31m", "half \ud83d \x1b[0m"))
    html, text = both(held, known)
    assert "\x1b" not in text
    (html + text).encode()


def _named(pair, name="main"):
    held, known = pair
    return held, name, known


def test_a_turn_is_drawn_again_only_where_it_changed():
    drawn = []
    pairs = asked("one", "first"), asked("two", "second", row=2)
    held, known = conversation(*pairs)
    saved = SavedTranscript(known, lambda text: drawn.append(text) or text)
    saved.bundle(held, "main")
    assert drawn == ["one", "first", "two", "second"]
    drawn.clear()
    edited = held.with_edited(held.turns[1], 1, "better")
    assert "better" in saved.bundle(edited, "main")["text/plain"]
    assert drawn == ["two", "better"]


def test_no_key_is_saved_in_either_form():
    held, known = conversation(asked("it is a-key", "so a-key it is"), system="a-key")
    bundle = SavedTranscript(known, lambda text: text.replace("a-key", "[gone]")).bundle(held, "a")
    for shown in bundle.values():
        assert "a-key" not in shown
        assert shown.count("[gone]") == 3
