r"""Math in Markdown, kept literally for the front end's MathJax.

It stands in `$..$`, `$$..$$`, `\(..\)`, `\[..\]` or `\begin{align}..\end{align}`.
Markdown alone would read `$a*b*c$` as emphasis and `\(z\)` as escaped brackets.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_ENDS = {"\\(": "\\)", "\\[": "\\]"}
# The environments that are math by themselves; MathJax reads them without delimiters.
ENVIRONMENT = r"\\begin\{(?P<name>(?:equation|align|alignat|flalign|gather|multline|eqnarray)\*?)\}"
_BLOCK_BEGINS = re.compile(rf"\\\[|{ENVIRONMENT}")


def environment_end(begin: re.Match[str]) -> str:
    r"""What closes the math that begins with this match: `\]` or `\end{..}`."""
    return f"\\end{{{begin['name']}}}" if begin["name"] else "\\]"


def math_plugin(parser: MarkdownIt) -> None:
    """Teach the parser math; a price is none, since no digit may follow the closing dollar."""
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    dollarmath_plugin(
        parser,
        allow_labels=False,
        allow_space=False,
        allow_digits=False,
        allow_blank_lines=False,
        double_inline=True,
    )
    parser.inline.ruler.before("escape", "bracket_math", _inline)
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("fence", "bracket_math", _block, {"alt": interrupts})
    for name in ("math_inline", "math_inline_double", "bracket_math"):
        parser.add_render_rule(name, _literal)
    for name in ("math_block", "bracket_math_block"):
        parser.add_render_rule(name, _literal_block)


def _inline(state: StateInline, silent: bool) -> bool:
    end = _ENDS.get(state.src[state.pos : state.pos + 2])
    close = state.src.find(end, state.pos + 2) if end else -1
    if end is None or close < 0:
        return False
    if not silent:
        token = state.push("bracket_math", "math", 0)
        token.markup = end
        token.content = state.src[state.pos + 2 : close]
    state.pos = close + 2
    return True


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    r"""Lines from one that begins with `\[` to one that ends with `\]`, without an empty line."""
    begin = _BLOCK_BEGINS.match(_line(state, first))
    if begin is None or state.is_code_block(first):
        return False
    line, end = first, environment_end(begin)
    while not _line(state, line).rstrip().endswith(end):
        line += 1
        if line >= last or state.isEmpty(line):
            return False
    if not silent:
        _push_block(state, first, line, is_environment=bool(begin["name"]))
    return True


def _push_block(state: StateBlock, first: int, last: int, *, is_environment: bool) -> None:
    token = state.push("bracket_math_block", "math", 0)
    token.block = True
    token.map = [first, last + 1]
    text = "\n".join(_line(state, line) for line in range(first, last + 1)).rstrip()
    token.markup = "" if is_environment else "\\]"  # an environment is its own delimiter
    token.content = text if is_environment else text[2:-2]
    state.line = last + 1


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _literal(_self: Any, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    return f"<span>{_delimited(tokens[index])}</span>"


def _literal_block(_self: Any, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    return f"<p>{_delimited(tokens[index])}</p>\n"


def _delimited(token: Token) -> str:
    """The formula between its delimiters, in one text node, as MathJax looks for it."""
    begin = next((key for key, end in _ENDS.items() if end == token.markup), token.markup)
    return f"{begin}{escape(token.content)}{token.markup}"
