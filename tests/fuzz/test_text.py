"""Model text as HTML and for a terminal: nothing active ever comes out."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from chatnb.rendering import _cleaner, escaped, literal_html, reply_html, reply_text, terminal_text
from chatnb.rendering.markdown_html import Piece
from tests.fuzz.properties import holds_for
from tests.rendering.test_reply_html import HOSTILE, checked
from tests.security.active_content import HOSTILE as HOSTILE_PAGE

MARKDOWN = [
    "\n", "\n\n", "> ", "- ", "1. ", "# ", "    ", "`", "```", "```html\n", "~~~", "$", "$$", "\\[",
    "\\]", "\\(", "\\)", "|", "|--|\n", "*", "_", "~~", "[", "](", ")", "![", "<", ">", "&", "&#",
    ";", "&lt;", '"', "'", "\\", "\0", "\u202e", "\ud83d", "x:", "http://", "javascript:", "data:",
    "<!--", "-->", "<![CDATA[", "]]>", "<svg>", "<math>", "</", "/>", "onload=", "style=", "\x1b[",
    "\\begin{align}", "\\end{align}", "=", "---", "[x]: ", "mailto:", "//", "\t", "é", "ש",
]  # fmt: skip
PARTS = st.one_of(
    st.sampled_from([*HOSTILE, *HOSTILE_PAGE.splitlines()]),
    st.sampled_from(MARKDOWN),
    st.text(max_size=6),
)
TEXTS = st.lists(PARTS, max_size=14).map("".join)
PIECES = st.builds(Piece, st.booleans(), st.booleans(), st.booleans())


@holds_for(text=TEXTS, piece=PIECES)
def test_nothing_active_comes_out_of_any_text(text: str, piece: Piece) -> None:
    html = reply_html(text, piece)
    checked(html)
    html.encode()
    assert not re.search(r"[\0\ud800-\udfff]", html)


@holds_for(text=TEXTS)
def test_the_html_means_the_same_when_a_browser_has_read_it(text: str) -> None:
    """What is parsed and written again stays as it is: no mutation makes markup of text."""
    cleaner = _cleaner()
    once = cleaner.clean(reply_html(text))
    assert cleaner.clean(once) == once
    checked(once)


@holds_for(text=TEXTS, piece=PIECES)
def test_literal_text_is_no_markup(text: str, piece: Piece) -> None:
    checked(literal_html(text, piece))
    assert not set(escaped(text)) & set("<>\"'")


@holds_for(text=TEXTS)
def test_no_terminal_obeys_any_text(text: str) -> None:
    for shown in (terminal_text(text), reply_text(text)):
        shown.encode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
