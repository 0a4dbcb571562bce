"""Growing Markdown, split into blocks that never change again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatnb.rendering import reply_html
from chatnb.rendering.markdown_blocks import good_place, opening, seam, split

LINES = [
    "", "text", "- item", "1. item", "2) item", "  more", "   1. x", "```", "```python", "~~~~",
    "# head", "---", "===", "> quote", "    code", "| a | b |", "|--|--|", "$$", "\\[", "\\]",
    "$$x$$", "\t", "***", "\\begin{align}", "\\end{align}",
]  # fmt: skip
markdown = st.lists(st.sampled_from(LINES), max_size=14).map("\n".join)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(), markdown))
def test_blocks_joined_are_the_text(text):
    finished, rest = split(text)
    assert "".join(finished) + rest == text
    assert all(finished)


@settings(max_examples=500, deadline=None)
@given(markdown, st.data())
def test_a_finished_block_never_changes_as_the_text_grows(text, data):
    cut = data.draw(st.integers(0, len(text)))
    early, late = split(text[:cut]).finished, split(text).finished
    assert late[: len(early)] == early


ORDINARY = [
    "# Title\nText\nmore\n\n## Next\n\nA paragraph.\n\nAnother.\n",
    "- a\n- b\n\n- c\n  - d\n\n    e\n\nText\n",
    "Before:\n- a\n- b\n\nAfter\n",
    "Before:\n\n```python\na = 1\n\n# no heading\n- no list\n```\nRight after\n",
    "~~~~\n~~~\n```\n~~~~\n\nText\n",
    "1. one\n\n   ```python\n   x = 1\n\n   y = 2\n   ```\n\n2. two\n\nText\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\nText\n",
    "> quote\nlazy\n\n> other\n\nText\n",
    "$$\na\n- b\n$$\nText\n\n\\[\na\n= b\n\\]\n\nText\n",
    "Text\n\n\\begin{align}\na &= b\n- c &= d\n\\end{align}\nText\n",
    "    code\n\n    more code\n\nText\n",
    "Title\n=====\n\nOther\n---\nText\n***\nText\n",
    "Windows\r\n\r\n- a\r\n- b\r\n\r\n```\r\nx\r\n```\r\nText\r\n",
    "שלום\n\nText\n",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_the_blocks_look_like_the_whole(text):
    finished, rest = split(text)
    assert finished
    parts = "".join(map(_inside, [*finished, rest]))
    assert _bare(parts) == _bare(_inside(text))


def _inside(text: str) -> str:
    return reply_html(text).split('margin:0">', 1)[1].removesuffix("</div>")


def _bare(html: str) -> str:
    return re.sub(r"\s+|dir=\"auto\"|style=\"text-align:start\"", "", html)


def test_a_block_is_finished_as_soon_as_it_is_certain():
    assert split("# Title\n").rest == ""
    assert split("Text\n\n").rest == ""
    assert split("```\nx\n```\n").rest == ""
    assert split("Text\n").rest == "Text\n"
    assert split("- a\n\n").rest == "- a\n\n"
    assert split("- a\n\nTe").rest == "- a\n\nTe"
    assert split("- a\n\nText\n").rest == "Text\n"


def test_a_code_block_or_table_in_progress_knows_how_it_began():
    assert opening("```python\nx = 1\n") == "```python\n"
    assert opening("| a |\n|---|\n| 1 |\n| 2") == "| a |\n|---|\n"
    assert opening("text | text\nmore\nmore\n") == ""
    assert opening("```py") == ""


def test_lists_and_code_have_seams_and_paragraphs_have_none():
    assert seam("- one\n- two\n- thr", 3) == len("- one\n- two\n")
    assert seam("```python\na\nb\nc", 12) == len("```python\na\nb\n")
    assert seam("```python\na", 0) is None
    assert seam("a\nb\nc\n", 0) is None


def test_a_long_paragraph_is_cut_at_a_line_else_a_sentence_else_a_word():
    assert good_place("one\ntwo. three", 2) == len("one\n")
    assert good_place("One. Two. Three four", 2) == len("One. Two. ")
    assert good_place("one two three", 2) == len("one two ")
    assert good_place("x" * 50, 20) == 50
