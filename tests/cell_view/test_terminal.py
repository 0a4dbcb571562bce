"""A turn in a terminal: appended pieces of plain text."""

from __future__ import annotations

from chatnb.magics.cell_view import CellView
from chatnb.records import Attempt, Live
from tests.cell_view.conftest import Script, ended, streamed

RECEIPT = "SmolLM2-135M-Instruct on this machine · 17 + 26 = 43 tokens · free · 1.2 s"


def test_text_is_appended_as_it_comes_and_the_receipt_follows(session, terminal, capsys):
    pieces = []
    lives = streamed("# Title\n\nSome *text*.", 4)
    held_back = ""  # until it is known whether the first text needs a label
    script = Script(
        lives, ended(lives[-1].texts[0]), None, lambda _: pieces.append(capsys.readouterr().out)
    )
    with CellView(session, terminal):
        session.send(script)
    assert pieces[:3] == [held_back, "# Title\n", "\nSom"]
    assert "".join(pieces) == "# Title\n\nSome *text*."
    assert capsys.readouterr().out == f"\n{RECEIPT}\n"


def test_no_escape_sequence_reaches_the_terminal(session, terminal, capsys):
    text = "red \x1b[31m\x1b]0;own\x07 \x9b2J \udc80 end\r\nnext"
    with CellView(session, terminal):
        session.send(Script(streamed(text, 3), ended(text, notes=("\x1b[2J",))))
    out = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b", "\r", "\udc80"} & set(out)
    assert "end\nnext" in out


def test_an_answer_that_did_not_stream_is_printed_at_its_end(session, terminal, capsys):
    with CellView(session, terminal):
        session.send(Script([], ended("Hello")))
    assert capsys.readouterr().out == f"Hello\n{RECEIPT}\n"


def test_what_came_after_the_last_publication_is_not_lost(session, terminal, capsys):
    with CellView(session, terminal):
        session.send(Script([Live("p", ("Hel",))], ended("Hello")))
    assert capsys.readouterr().out == f"Hello\n{RECEIPT}\n"


def test_choices_come_one_after_the_other_with_their_numbers(session, terminal, capsys):
    lives = [Live("p", ("On", "Tw")), Live("p", ("One", "Two"))]
    with CellView(session, terminal):
        session.send(Script(lives, ended("One", "Two")))
    assert capsys.readouterr().out == f"[choice 0]\nOne\n[choice 1]\nTwo\n{RECEIPT}\n"


def test_the_first_choice_has_its_label_where_its_first_token_came_alone(session, terminal, capsys):
    lives = [Live("p", ("On",)), Live("p", ("One", "Tw"))]
    with CellView(session, terminal):
        session.send(Script(lives, ended("One", "Two")))
    assert capsys.readouterr().out == f"[choice 0]\nOne\n[choice 1]\nTwo\n{RECEIPT}\n"


def test_a_choice_that_streamed_alone_is_named_below_it(session, terminal, capsys):
    lives = [Live("p", ("O",)), Live("p", ("One",))]
    with CellView(session, terminal):
        session.send(Script(lives, ended("One", "Two")))
    out = capsys.readouterr().out
    assert out == f"One\n[choice 0 is above]\n\n[choice 1]\nTwo\n{RECEIPT}\n"


def test_the_wait_for_a_retry_is_printed_once(session, terminal, capsys):
    waiting = Live("p", attempt=Attempt(1, None, 0.5, "no answer"))
    with CellView(session, terminal):
        session.send(Script([waiting, waiting, Live("p", ("Hi",))], ended("Hi")))
    assert capsys.readouterr().out == f"no answer: trying again in 0.5 s\nHi\n{RECEIPT}\n"
