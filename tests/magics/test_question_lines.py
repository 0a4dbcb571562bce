"""A prompt may end in a question mark."""

from __future__ import annotations

import pytest

from chatnb.magics.question_lines import rewritten


def call(name, text):
    return f"get_ipython().run_line_magic({name!r}, {text!r})\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("%chat Who was it?\n", call("chat", "Who was it?")),
        ("    %chat What's up?\n", "    " + call("chat", "What's up?")),
        ("x = %chat Who?\n", "x = " + call("chat", "Who?")),
        ("%chat_system Ask: why?", call("chat_system", "Ask: why?")),
        ("%chat?\n", "%chat?\n"),
        ("%chat_log?\n", "%chat_log?\n"),
        ("%chat Hello.\n", "%chat Hello.\n"),
        ("print?\n", "print?\n"),
        ("%time x?\n", "%time x?\n"),
    ],
)
def test_only_a_prompt_becomes_a_call(line, code):
    assert rewritten([line]) == [code]


def test_every_question_of_a_cell_is_found_behind_an_apostrophe_too():
    lines = ["%chat What's up?\n", "x = 1\n", "%chat And you?\n"]
    assert rewritten(lines) == [call("chat", "What's up?"), "x = 1\n", call("chat", "And you?")]


def test_a_cell_magic_and_a_long_text_are_left_alone():
    cell = ["%%chat\n", "%chat Who?\n"]
    text = ['"""\n', "%chat Who?\n", '"""\n']
    assert rewritten(cell) == cell
    assert rewritten(text) == text
