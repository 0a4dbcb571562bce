"""Model text as safe HTML, as plain text, and as text for a terminal.

Whatever a model writes is untrusted, and a notebook executes what it displays: nothing else in
chatnb turns model text into markup. markdown-it reads no HTML, and nh3 has the last word.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING

from chatnb.rendering.markdown_html import OWN_CLASSES, OWN_STYLES, WHOLE, Piece, markdown

if TYPE_CHECKING:
    from nh3 import Cleaner

LONGEST_FORMATTED = 200_000  # characters; Markdown costs 3 s a megabyte
LONGEST_SHOWN = 100_000

_SURROGATES = re.compile("[\ud800-\udfff\0]")
# All control characters but newline and tab; then what reorders the text around it:
# https://trojansource.codes/
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_NEWLINES = re.compile("\r\n?")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff]")

# A grid, because the margins of its items do not collapse: the same blocks take the same height in
# one output and spread over several, so that nothing moves when a stream ends. As far from the left
# as what print shows.
_FRAME = (
    '<div class="chatnb-reply" style="display:grid;grid:auto/100%;padding-left:8px;margin:0">'
    "{body}</div>"
)
_LITERAL = (
    '<p class="mathjax_ignore"{attributes} style="margin:0 0 1em;'
    'text-align:start;white-space:pre-wrap;overflow-wrap:anywhere">{text}</p>'
)


def reply_html(text: str, piece: Piece = WHOLE) -> str:
    """The Markdown of a reply as HTML that is safe to display.

    >>> reply_html("**Hi** <script>")
    '<div class="chatnb-reply" ...><p><strong>Hi</strong> &lt;script&gt;</p>\\n</div>'

    Math keeps its delimiters for the front end's MathJax; images become links; links lead to http,
    https and mailto only. Above 200,000 characters: escaped, cut, and the last line says so.
    """
    if len(text) > LONGEST_FORMATTED:
        return _cut_html(text)
    text = printable(text)
    return _FRAME.format(body=_cleaner().clean(markdown().render(text, _environment(text, piece))))


def literal_html(text: str, piece: Piece = WHOLE) -> str:
    """Text as it stands, as HTML of the same type, margins and width as a formatted reply."""
    attributes = ' dir="auto"' if is_right_to_left(text) else ""
    body = _LITERAL.format(attributes=attributes, text=escaped(text))
    if piece.continues:
        body = body.replace("margin:0 0 1em", "margin:0", 1)
    return _FRAME.format(body=body)


def reply_text(text: str) -> str:
    """A reply as plain text, for front ends without HTML; cut where its HTML is cut."""
    if len(text) <= LONGEST_FORMATTED:
        return terminal_text(text)
    return f"{terminal_text(text[:LONGEST_SHOWN])}\n{_cut_notice(text)}"


def escaped(text: str) -> str:
    """Text that stands for itself inside HTML, in an attribute too.

    >>> escaped("<b> & 'c'")
    '&lt;b&gt; &amp; &#x27;c&#x27;'

    Where it may hold dollars, its element needs the class mathjax_ignore.
    """
    return escape(printable(text))


def printable(text: str) -> str:
    """The text with U+FFFD for what no front end can encode: lone surrogates, and NUL."""
    return _SURROGATES.sub("\ufffd", text)


def terminal_text(text: str) -> str:
    """The text without control characters but newline and tab, and without bidi overrides.

    >>> terminal_text("red: \\x1b[31m!")
    'red: [31m!'
    """
    return _CONTROLS.sub("", _NEWLINES.sub("\n", printable(text)))


def is_right_to_left(text: str) -> bool:
    """Whether any of it is Hebrew, Arabic or another script that runs from the right."""
    return _RIGHT_TO_LEFT.search(text) is not None


def _environment(text: str, piece: Piece) -> dict[str, object]:
    return {"piece": piece, "auto_direction": is_right_to_left(text)}


def _cut_html(text: str) -> str:
    notice = f'<p style="margin:0 0 1em"><em>{_cut_notice(text)}</em></p>'
    shown = _LITERAL.format(attributes=' dir="auto"', text=escaped(text[:LONGEST_SHOWN]))
    return _FRAME.format(body=shown + notice)


def _cut_notice(text: str) -> str:
    return (
        f"… {LONGEST_SHOWN:,} of {len(text):,} characters shown, as plain text. "
        "All of it: chatnb.session().last.reply.text, or the log's column reply."
    )


@cache
def _cleaner() -> Cleaner:
    """The last word: a short list of what may stand in a reply; all else is removed."""
    import nh3

    def own_styles_only(_tag: str, attribute: str, value: str) -> str | None:
        return value if attribute != "style" or value in OWN_STYLES else None

    blocks = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "div", "hr"}
    lists_and_tables = {"ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"}
    inline = {"a", "br", "strong", "em", "s", "code", "span"}
    tags = blocks | lists_and_tables | inline
    attributes = {tag: {"style", "dir"} for tag in blocks | lists_and_tables}
    return nh3.Cleaner(
        tags=tags,
        attributes=attributes | {"a": {"href", "title"}, "ol": {"start", "style", "dir"}},
        attribute_filter=own_styles_only,
        allowed_classes=OWN_CLASSES,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",  # it would lead to the Jupyter server, with the user's cookie
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
