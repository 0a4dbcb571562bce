"""A turn in a notebook cell, as a front end sees it."""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import replace
from html import unescape
from itertools import pairwise

import pytest

from chatnb.errors import Interrupted, InvalidInput, PartialReply
from chatnb.magics.cell_view import CellView
from chatnb.records import Adjustment, Attempt, Choice, Live, Reply, Request
from tests.cell_view.conftest import Script, ended, streamed

PARAGRAPH = "Some words of a paragraph that goes on, with **bold** and `code` for good measure. "
REPLY = "# Title\n\n" + (PARAGRAPH * 4 + "\n\n") * 4 + "```python\nx = 1\n```\n\n- a\n- b\n"
TEXTS = {
    "prose": (PARAGRAPH * 5 + "\n\n") * 12,
    "one endless paragraph": PARAGRAPH * 60,
    "no blank at all": "x" * 5_000,
    "code": "Look:\n\n```python\n" + "value = compute(1, 'text')  # why\n" * 120 + "```\n",
    "a list": "- item **one** is here and it goes on\n" * 120,
    "a table": "| a | b |\n|--|--|\n" + "| some | cells |\n" * 250,
    "sections": REPLY * 4,
    "Hebrew": ("שלום עולם, זה מבחן של טקסט. " * 10 + "\n\n") * 12,
}


def run(session, shell, script, **options):
    with CellView(session, shell, **options):
        session.send(script)


def test_the_end_is_one_output_with_html_and_plain_text(session, notebook, screen):
    run(session, notebook, Script(streamed(REPLY, 80), ended(REPLY)))
    [(_, data)] = screen.outputs
    assert set(data) == {"text/html", "text/plain"}
    assert "<strong>bold</strong>" in data["text/html"]
    assert data["text/plain"].startswith("# Title\n")
    receipt = "SmolLM2-135M-Instruct on this machine · 17 + 26 = 43 tokens · free · 1.2 s"
    assert data["text/plain"].endswith(f"\n{receipt}")
    assert screen.clears == 1


def test_no_output_ever_has_markdown(session, notebook, screen):
    run(session, notebook, Script(streamed(REPLY, 80), ended(REPLY)))
    assert all(set(data) <= {"text/html", "text/plain"} for data in screen.messages)


def test_every_publication_draws_at_most_one_message(session, notebook, screen):
    counts = []
    script = Script(
        streamed(REPLY, 80), ended(REPLY), None, lambda _: counts.append(len(screen.messages))
    )
    run(session, notebook, script)
    assert counts[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(counts))


def test_finished_blocks_are_drawn_once_and_never_again(session, notebook, screen):
    seen: dict[int, list[str]] = {}

    def look(_):
        for number, (_name, data) in enumerate(screen.outputs[:-1]):
            seen.setdefault(number, []).append(data["text/html"])

    run(session, notebook, Script(streamed(REPLY, 40), None, None, look))
    assert len(seen) >= 3
    assert all(len(set(looks)) == 1 for looks in seen.values())


@pytest.mark.parametrize("step", [7, 80, 160, 100_000])
@pytest.mark.parametrize("name", TEXTS)
def test_streamed_bytes_are_at_most_four_times_the_reply(session, notebook, screen, name, step):
    run(session, notebook, Script(streamed(TEXTS[name], step)))
    assert screen.bytes <= 4 * len(TEXTS[name].encode())


@pytest.mark.parametrize("step", [20, 80])
@pytest.mark.parametrize("name", TEXTS)
def test_streamed_bytes_of_a_reply_just_above_the_limit(session, notebook, screen, name, step):
    text = TEXTS[name][:2_001]
    run(session, notebook, Script(streamed(text, step)))
    assert screen.bytes <= 4 * len(text.encode())


@pytest.mark.parametrize("name", TEXTS)
def test_streamed_bytes_are_linear_in_the_reply(session, notebook, screen, name):
    text = TEXTS[name]
    run(session, notebook, Script(streamed(text * 4, 80)))
    assert screen.bytes <= 4 * 4 * len(text.encode())


def test_ten_thousand_tokens_at_full_speed_take_few_messages_and_little_time(
    session, notebook, screen
):
    text = (PARAGRAPH * 5 + "\n\n") * 100
    begun = time.perf_counter()
    run(session, notebook, Script(streamed(text, len(text) // 5), ended(text)))
    assert len(screen.messages) <= 7
    assert time.perf_counter() - begun < 2  # about 0.2 s on a quiet machine


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_of_the_text_is_missing_or_doubled_while_it_streams(
    session, notebook, screen, name
):
    """What is on screen is the beginning of the text, however it was cut into outputs."""
    text = TEXTS[name]
    expected = _letters(text)

    def look(_):
        shown = _letters(_without_tags(screen.html))
        if name != "a table":  # its heading is repeated in each part
            assert expected.startswith(shown)

    run(session, notebook, Script(streamed(text, 80), None, None, look))
    assert len(_letters(_without_tags(screen.html))) > 0.8 * len(expected)


def _without_tags(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def _letters(text: str) -> str:
    return "".join(each for each in text.replace("```python", "") if each.isalpha())


def test_first_text_is_on_screen_at_the_first_publication(session, notebook, screen):
    run(session, notebook, Script([Live("prompt", ("Hel",))]))
    assert "Hel" in screen.html


def test_the_wait_for_a_retry_is_shown_and_gives_way_to_the_text(session, notebook, screen):
    shown = []
    lives = [Live("prompt", attempt=Attempt(1, 429, 2.0)), Live("prompt", ("Hello",))]
    run(session, notebook, Script(lives, None, None, lambda _: shown.append(screen.html)))
    assert "429: trying again in 2 s" in shown[0]
    assert "429" not in shown[1]
    assert "Hello" in shown[1]


def test_a_model_that_only_thinks_shows_so_and_its_thoughts_end_folded(session, notebook, screen):
    shown = []
    lives = [
        Live("prompt", ("",), "Let me <b>see</b>"),
        Live("prompt", ("42",), "Let me <b>see</b>"),
    ]
    choice = Choice(0, "42", "stop", None, "Let me <b>see</b>")
    exchange = ended(reply=Reply((choice,)))
    run(session, notebook, Script(lives, exchange, None, lambda _: shown.append(screen.html)))
    assert "thinking…" in shown[0]
    assert "<details" in shown[1]
    assert "Let me &lt;b&gt;see&lt;/b&gt;" in screen.html
    assert " open" not in screen.html


def test_all_choices_are_shown_with_their_numbers_while_streaming_and_after(
    session, notebook, screen
):
    lives = [Live("prompt", ("One", "")), Live("prompt", ("One.", "Two"))]
    shown = []
    run(
        session,
        notebook,
        Script(lives, ended("One.", "Two."), None, lambda _: shown.append(screen.html)),
    )
    assert "choice 0" in shown[1]
    assert "choice 1" in shown[1]
    assert "Two" in shown[1]
    assert "Two." in screen.html
    assert "[choice 1]\nTwo." in screen.outputs[0][1]["text/plain"]


def test_a_second_choice_that_comes_late_joins_the_first(session, notebook, screen):
    late = [*streamed(REPLY, 80), Live("prompt", (REPLY, "Second"))]
    run(session, notebook, Script(late))
    assert len(screen.outputs) == 1
    assert "Second" in screen.html


def test_many_long_choices_stay_linear(session, notebook, screen):
    texts = [TEXTS["prose"]] * 4
    lives = [Live("p", tuple(text[:end] for text in texts)) for end in range(80, len(texts[0]), 80)]
    run(session, notebook, Script(lives))
    assert screen.bytes <= 4 * sum(map(len, texts))


def test_a_broken_reply_keeps_its_text_and_its_receipt_and_raises(session, notebook, screen):
    exchange = ended("Half an ans", status="partial", seconds=3.0)
    error = PartialReply("The connection broke; 11 characters kept.")
    error.exchange = exchange
    with pytest.raises(PartialReply):
        run(session, notebook, Script(streamed("Half an ans", 5), exchange, error))
    assert "Half an ans" in screen.html
    assert "partial" in screen.html


def test_an_interrupted_reply_keeps_its_text(session, notebook, screen):
    exchange = ended("Half", status="interrupted")
    error = Interrupted("Stopped.")
    error.exchange = exchange
    with pytest.raises(KeyboardInterrupt):
        run(session, notebook, Script(streamed("Half", 2), exchange, error))
    assert "interrupted" in screen.html
    assert len(screen.outputs) == 1


def test_an_input_error_draws_nothing(session, notebook, screen):
    with pytest.raises(InvalidInput):
        run(session, notebook, Script(error=InvalidInput("No such thing.")))
    assert not screen.messages
    assert not screen.clears


def test_a_failure_without_text_leaves_only_its_error_line(session, notebook, screen):
    exchange = ended(status="error", reply=Reply())
    error = PartialReply("Rate limited.")
    error.exchange = exchange
    waiting = [Live("prompt", attempt=Attempt(1, 429, 2.0))]
    with pytest.raises(PartialReply):
        run(session, notebook, Script(waiting, exchange, error))
    assert screen.clears == 1  # the wait gives way to the error line that IPython shows next
    assert len(screen.messages) == 1


def test_a_failure_without_text_still_tells_its_notes(session, notebook, screen):
    exchange = ended(status="error", reply=Reply(), notes=("The log is in /somewhere.",))
    error = PartialReply("Down.")
    error.exchange = exchange
    with pytest.raises(PartialReply):
        run(session, notebook, Script([], exchange, error))
    assert "The log is in /somewhere." in screen.html


def test_a_line_that_shares_its_cell_draws_once_and_clears_nothing(session, notebook, screen):
    run(session, notebook, Script(streamed(REPLY, 80), ended(REPLY)), whole_cell=False)
    assert len(screen.messages) == 1
    assert screen.clears == 0


def test_the_request_of_the_panel_is_not_drawn_into_the_cell(session, notebook, screen):
    session.state = type(session.state)(Live("panel", ("Not yours",)), None)
    panel = Script([Live("panel", ("Not yours at all",))], ended("Not yours at all"))
    refused = InvalidInput("One at a time.")
    with pytest.raises(InvalidInput):
        run(session, notebook, replace(panel, error=refused))
    assert not screen.messages


def test_nothing_is_drawn_once_the_cell_has_ended(session, notebook, screen):
    run(session, notebook, Script(streamed("Hi", 2), ended("Hi")))
    before = len(screen.messages)
    session.state = type(session.state)(Live("panel", ("Later",)), None)
    assert len(screen.messages) == before


def test_a_view_that_fails_costs_neither_the_request_nor_the_end(session, screen, notebook, caplog):
    class Unplugged(type(screen)):
        def publish(self, *arguments, **options):
            raise OSError("the front end is gone")

    notebook.display_pub = Unplugged(parent=notebook)
    with caplog.at_level(logging.ERROR, "chatnb"):
        run(session, notebook, Script(streamed("Hello", 2), ended("Hello")))
    assert session.state.last.reply.text == "Hello"
    assert "could not be drawn" in caplog.text


def test_publications_from_another_thread_are_drawn(session, notebook, screen):
    with CellView(session, notebook):
        worker = threading.Thread(
            target=session.send, args=(Script(streamed("Hello", 2), ended("Hello")),)
        )
        worker.start()
        worker.join(10)
    assert "Hello" in screen.html
    assert len(screen.outputs) == 1


def test_hostile_names_and_notes_are_text_in_the_receipt(session, notebook, screen):
    exchange = ended(
        "Hi",
        notes=("<script>alert(1)</script>",),
        reply=Reply((Choice(0, "Hi", "<img src=x onerror=alert(1)>"),), "<b>model</b>"),
    )
    adjusted = (Adjustment("<u>field</u>", "<svg onload=alert(1)>"),)
    request = Request("<i>m</i>", (), base_url="https://x.example/v1", adjusted=adjusted)
    exchange = replace(exchange, request=request)
    run(session, notebook, Script([], exchange))
    for hostile in ("<script", "<img", "<b>", "<i>", "<u>", "<svg"):
        assert hostile not in screen.html
