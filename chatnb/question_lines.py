"""`%chat Who was it?`: a prompt that ends in a question mark is a prompt, no call for help.

IPython turns every line that ends in `?` into a look-up of its last word, magics included
(https://github.com/ipython/ipython/blob/main/IPython/core/inputtransformer2.py, HelpEnd), so that
the most natural prompt of all would never be sent. `%chat?` itself stays the manual.
"""

from __future__ import annotations

import re

_QUESTION = re.compile(
    r"^(?P<before>\s*(?:[\w.\[\]'\", ]+=\s*)?)%(?P<name>chat(?:_system)?)[ \t]+(?P<text>.*\?)\s*$"
)


def rewritten(lines: list[str]) -> list[str]:
    """The lines of a cell, each such prompt as the call that IPython would make of it.

    >>> rewritten(["%chat Who was it?"])
    ["get_ipython().run_line_magic('chat', 'Who was it?')\\n"]
    """
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") or not any(_QUESTION.match(line) for line in lines):
        return lines
    code = _line_numbers_of_code(lines)
    return [_call(line) if number in code else line for number, line in enumerate(lines, 1)]


def _call(line: str) -> str:
    match = _QUESTION.match(line)
    if match is None:
        return line
    return f"{match['before']}get_ipython().run_line_magic({match['name']!r}, {match['text']!r})\n"


def _line_numbers_of_code(lines: list[str]) -> set[int]:
    """The lines on which a statement begins, so that text inside a long string is left alone."""
    from IPython.core.inputtransformer2 import make_tokens_by_line

    return {tokens[0].start[0] for tokens in make_tokens_by_line(lines) if tokens} | {
        token.start[0]
        for tokens in make_tokens_by_line(lines)
        for token in tokens
        if token.string == "%"
    }
