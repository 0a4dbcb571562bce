"""The Markdown parser that replies go through, and how its blocks look.

Styles are attributes with JupyterLab's variables and fallbacks: a saved notebook carries no style
sheet of ours, and where styles are stripped the HTML is plain and readable.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from chatnb.code_html import TOKEN_CLASSES, code_html
from chatnb.markdown_math import math_plugin
from chatnb.rendering import WHOLE, Piece, without_math

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

_LIST = "margin:0 0 1em"
_QUOTE = (
    "margin:0 0 1em;padding:0 0 0 1em;"
    "border-left:3px solid var(--jp-border-color2,#bdbdbd);"
    "color:var(--jp-ui-font-color2,#616161)"
)
_TABLE = "margin:0 0 1em;justify-self:start;border-collapse:collapse"
_RULE = "width:100%;margin:.5em 0 1.5em"
_NO_MARGIN = "margin:0"
_HEADINGS = {
    "h1": "margin:.3em 0 .6em;line-height:1.3;font-weight:600;font-size:1.35em",
    "h2": "margin:.3em 0 .6em;line-height:1.3;font-weight:600;font-size:1.2em",
    "h3": "margin:.3em 0 .6em;line-height:1.3;font-weight:600;font-size:1.1em",
    "h4": "margin:.3em 0 .6em;line-height:1.3;font-weight:600;font-size:1em",
}
_CELLS = {"": "text-align:left", "center": "text-align:center", "right": "text-align:right"}

_CODE = (
    "margin:0 0 {margin};padding:{top} 1em {bottom};"
    "background:var(--jp-cell-editor-background,rgba(128,128,128,.1));overflow-x:auto"
)
_PRE = "margin:0;background:transparent;white-space:pre;overflow-x:visible"


def _code_style(piece: Piece) -> str:
    """A code block that goes on in the next output has no gap at its end, nor that one before."""
    top = "0" if piece.continued else ".7em"
    return _CODE.format(
        top=top, bottom="0" if piece.continues else ".7em", margin="0" if piece.continues else "1em"
    )


_CODE_STYLES = {_code_style(Piece(first, last)) for first in (False, True) for last in (False, True)}
OWN_STYLES = frozenset(
    {_LIST, _QUOTE, _TABLE, _RULE, _NO_MARGIN, _PRE}
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
            if state.env.get("auto_direction") and token.tag in _DIRECTED:
                token.attrSet("dir", "auto")
        if token.type == "paragraph_open":
            _fit_paragraph(tokens, position)
    if tokens and state.env.get("piece", WHOLE).continues:
        _end_without_margin(tokens)


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


def _end_without_margin(tokens: list[Token]) -> None:
    last = next(token for token in reversed(tokens) if token.level == 0 and token.nesting >= 0)
    if last.type in ("paragraph_open", "bullet_list_open", "ordered_list_open"):
        last.attrSet("style", _NO_MARGIN)


def _text(_self: Any, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    from markdown_it.common.utils import escapeHtml

    return without_math(escapeHtml(tokens[index].content))


def _image(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """A remote image would tell its server that the notebook was opened: show a link instead."""
    from markdown_it.common.utils import escapeHtml

    token = tokens[index]
    label = self.renderInlineAsText(token.children or [], options, env) or "image"
    source = escapeHtml(str(token.attrGet("src") or ""))
    return f'<a href="{source}">{without_math(escapeHtml(label))}</a>'


def _code(_self: Any, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
    from html import escape

    token = tokens[index]
    whole: Piece = env.get("piece", WHOLE)
    piece = Piece(whole.continued and index == 0, whole.continues and index == len(tokens) - 1)
    language = (token.info.split() or [""])[0]
    code = code_html(token.content, language) if whole.colors else escape(token.content, False)
    style = _code_style(piece)
    return f'<div class="highlight" style="{style}"><pre style="{_PRE}">{code}</pre></div>\n'


_RENDER: Mapping[str, Any] = {
    "text": _text,
    "text_special": _text,
    "image": _image,
    "fence": _code,
    "code_block": _code,
}
