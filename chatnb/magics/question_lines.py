"""`%chat Who was it?`: a prompt that ends in a question mark is a prompt, no call for help.

IPython turns every line that ends in `?` into a look-up of its last word, magics included
(https://github.com/ipython/ipython/blob/main/IPython/core/inputtransformer2.py, HelpEnd), so that
the most natural prompt of all would never be sent. `%chat?` itself stays the manual.
"""

from __future__ import annotations

import re

_QUESTION = re.compile(
    r"^(?P<before>\s*(?:[\w.\[\]'\", ]+=\s*)?(?:%\w+[ \t]+)*)"  # x = %time
    r"%(?P<name>chat(?:_system)?)[ \t]+(?P<text>.*\?)\s*$"
)


def rewritten(lines: list[str]) -> list[str]:
    """The lines of a cell, each such prompt as the call that IPython would make of it.

    >>> rewritten(["%chat Who was it?"])
    ["get_ipython().run_line_magic('chat', 'Who was it?')\\n"]
    """
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%"):
        return lines
    # One at a time, as IPython does: an apostrophe in a prompt ends Python's tokens there, and the
    # lines behind it are seen only once that prompt is a call.
    while (number := _first_question(lines)) is not None:
        lines = [*lines[:number], _call(lines[number]), *lines[number + 1 :]]
    return lines


def _first_question(lines: list[str]) -> int | None:
    """The index of the first such line that is code; one inside a long text is left alone."""
    if not any(map(_QUESTION.match, lines)):
        return None
    from IPython.core.inputtransformer2 import make_tokens_by_line

    tokens = (token for line in make_tokens_by_line(lines) for token in line)
    code = sorted({token.start[0] - 1 for token in tokens if token.string == "%"})
    return next((number for number in code if _QUESTION.match(lines[number])), None)


def _call(line: str) -> str:
    match = _QUESTION.match(line)
    assert match is not None
    return f"{match['before']}get_ipython().run_line_magic({match['name']!r}, {match['text']!r})\n"
