"""A code block as HTML, coloured by the CSS that JupyterLab, nbconvert and GitHub have anyway."""

from __future__ import annotations

from functools import cache
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygments.lexer import Lexer

LONGEST_COLORED = 20_000  # characters of one block
TOKEN_CLASSES = {"k", "ow", "o", "m", "s", "c"}  # the token classes that those style sheets know


def code_html(code: str, language: str) -> str:
    """The code escaped, with its tokens in spans where the language is known."""
    lexer = _lexer(language) if code and len(code) <= LONGEST_COLORED else None
    return escape(code, quote=False) if lexer is None else "".join(_spans(code, lexer))


def _spans(code: str, lexer: Lexer) -> Iterator[str]:
    """One span for each run of tokens of a class: half of the bytes of Pygments' own formatter."""
    for name, run in groupby(lexer.get_tokens(code), key=lambda token: _class(token[0])):
        text = escape("".join(value for _, value in run), quote=False)
        yield f'<span class="{name}">{text}</span>' if name and text.strip() else text


@cache
def _class(kind: Any) -> str:
    from pygments.token import Comment, Keyword, Number, Operator, String

    classes = (
        (Keyword, "k"),
        (Operator.Word, "ow"),
        (Operator, "o"),
        (Number, "m"),
        (String, "s"),
        (Comment, "c"),
    )
    return next((name for group, name in classes if kind in group), "")


@cache
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False) if language else None
    except ClassNotFound:
        return None
