"""The Markdown parser that replies go through, and how its blocks look.

Styles are attributes with JupyterLab's variables and fallbacks: a saved notebook carries no style
sheet of ours, and where styles are stripped the HTML is plain and readable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from chatnb.rendering.code_html import TOKEN_CLASSES, code_html
from chatnb.rendering.markdown_math import math_plugin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

_MATH_BEGINS = re.compile(r"\$|\\(?=[(\[$]|begin|ref|eqref)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Which part of a reply is rendered: one piece of a block that is too long to be redrawn.

    `continued`: its first block began in the piece before; `continues`: its last block goes on in
    the next one; `colors`: code is highlighted.
    """

    continued: bool = False
    continues: bool = False
    colors: bool = True


WHOLE = Piece()


_LIST = "margin:0 0 1em"
_QUOTE = (
    "margin:0 0 1em;padding:0 0 0 1em;"
    "border-left:3px solid var(--jp-border-color2,#bdbdbd);"
    "color:var(--jp-ui-font-color2,#616161)"
)
_TABLE = "margin:0 0 1em;justify-self:start;border-collapse:collapse"
_RULE = (
    "width:100%;margin:.5em 0 1.5em;background:0 0;"
    "border:0;border-top:1px solid var(--jp-border-color2,#bdbdbd)"
)
_NO_MARGIN = "margin:0"
_FROM_ITS_SIDE = "text-align:start"  # JupyterLab has left for paragraphs
_HEADINGS = {
    "h1": "margin:.3em 0 .6em;line-height:1.3;font-weight:600;font-size:1.35em",
    "h2": "margin:.3em 0 .6em;line-height:1.3;font-weight:600;font-size:1.2em",
    "h3": "margin:.3em 0 .6em;line-height:1.3;font-weight:600;font-size:1.1em",
    "h4": "margin:.3em 0 .6em;line-height:1.3;font-weight:600;font-size:1em",
}
_CELLS = {"": "text-align:start", "center": "text-align:center", "right": "text-align:right"}

_CODE = "margin:0 0 1em"
_PRE = (
    "padding:{top} 1em {bottom};background:0 0;white-space:pre;"
    "font-family:var(--jp-code-font-family,monospace)"
)


def _code_styles(piece: Piece) -> tuple[str, str]:
    """A code block that goes on in the next output has no gap at its end, nor that one before."""
    top, bottom = ("0" if cut else ".7em" for cut in (piece.continued, piece.continues))
    outer = _NO_MARGIN if piece.continues else _CODE
    return outer, _PRE.format(top=top, bottom=bottom)


_CODE_STYLES = {
    style
    for continued in (False, True)
    for continues in (False, True)
    for style in _code_styles(Piece(continued, continues))
}
OWN_STYLES = frozenset(
    {_LIST, _QUOTE, _TABLE, _RULE, _NO_MARGIN, _FROM_ITS_SIDE, f"{_NO_MARGIN};{_FROM_ITS_SIDE}"}
    | _CODE_STYLES
    | set(_HEADINGS.values())
    | set(_CELLS.values())
)
OWN_CLASSES = {"span": TOKEN_CLASSES, "div": {"highlight"}}
_DIRECTED = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ul", "ol", "blockquote", "td", "th"}


@cache
def markdown() -> MarkdownIt:
    """CommonMark without HTML, with tables, strikethrough and math."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False})
    parser.enable(["table", "strikethrough"])
    math_plugin(parser)
    parser.core.ruler.push("chatnb_styles", _style_blocks)
    for name in ("text", "image", "fence", "code_block", "text_special"):
        parser.add_render_rule(name, _RENDER[name])
    return parser


def _style_blocks(state: StateCore) -> None:
    tokens = state.tokens
    for position, token in enumerate(tokens):
        if token.nesting >= 0:
            _style(token)
        if token.type == "inline":
            _mark_linked_images(token.children or [])
        if token.type == "paragraph_open":
            _fit_paragraph(tokens, position)
    if tokens and state.env.get("piece", WHOLE).continues:
        _end_without_margin(tokens)
    if state.env.get("auto_direction"):
        _direct(tokens)


def _style(token: Token) -> None:
    if token.tag in _CELLS_TAGS:
        align = str(token.attrGet("style") or "").removeprefix("text-align:")
        token.attrSet("style", _CELLS.get(align, _CELLS[""]))
    elif token.type == "heading_open":
        token.attrSet("style", _HEADINGS.get(token.tag, _HEADINGS["h4"]))
    elif token.level == 0 and token.tag in ("ul", "ol"):
        token.attrSet("style", _LIST)
    elif style := _BY_TAG.get(token.tag):
        token.attrSet("style", style)


_CELLS_TAGS = ("td", "th")
_BY_TAG = {"blockquote": _QUOTE, "table": _TABLE, "hr": _RULE}


def _fit_paragraph(tokens: list[Token], opening: int) -> None:
    """Lists are always tight, so that one looks the same in parts; quotes end with their text."""
    closing = tokens[opening + 2]
    before, after = tokens[opening - 1].type, tokens[opening + 3 : opening + 4]
    if before == "list_item_open":
        tokens[opening].hidden = closing.hidden = True
    elif after and after[0].type in ("blockquote_close", "list_item_close"):
        tokens[opening].attrSet("style", _NO_MARGIN)


def _mark_linked_images(children: Sequence[Token]) -> None:
    depth = 0
    for child in children:
        depth += child.nesting if child.tag == "a" else 0
        if child.type == "image" and depth:
            child.meta["in_link"] = True


def _end_without_margin(tokens: list[Token]) -> None:
    last = next(token for token in reversed(tokens) if token.level == 0 and token.nesting >= 0)
    if last.type in ("paragraph_open", "bullet_list_open", "ordered_list_open"):
        last.attrSet("style", _NO_MARGIN)


def without_math(html: str) -> str:
    """Escaped text in which MathJax finds no formula: it looks for both ends in one text node."""
    return _MATH_BEGINS.sub(r"<span>\g<0></span>", html)


def _direct(tokens: list[Token]) -> None:
    """Let each block find its direction from its own first letter."""
    for token in tokens:
        if token.nesting >= 0 and token.tag in _DIRECTED:
            token.attrSet("dir", "auto")
        if token.type == "paragraph_open":
            style = token.attrGet("style")
            token.attrSet("style", f"{style};{_FROM_ITS_SIDE}" if style else _FROM_ITS_SIDE)


def _text(_self: Any, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    return without_math(escape(tokens[index].content))


def _image(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """A remote image would tell its server that the notebook was opened: show a link instead."""
    token = tokens[index]
    label = self.renderInlineAsText(token.children or [], options, env) or "image"
    text = without_math(escape(label))
    if token.meta.get("in_link"):  # HTML has no link in a link
        return text
    source = escape(str(token.attrGet("src") or ""))
    return f'<a href="{source}">{text}</a>'


def _code(_self: Any, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
    token = tokens[index]
    whole: Piece = env.get("piece", WHOLE)
    piece = Piece(whole.continued and index == 0, whole.continues and index == len(tokens) - 1)
    language = (token.info.split() or [""])[0]
    code = code_html(token.content, language) if whole.colors else escape(token.content, False)
    outer, inner = _code_styles(piece)
    return f'<div class="highlight" style="{outer}"><pre style="{inner}">{code}</pre></div>\n'


_RENDER: Mapping[str, Any] = {
    "text": _text,
    "text_special": _text,
    "image": _image,
    "fence": _code,
    "code_block": _code,
}
