"""`%%chat`: what stands below it is the prompt, also where it looks like a pasted session.

IPython takes `>>> ` off every line of a cell, and `In [1]: ` and `...: ` where it begins with one,
inside a cell magic too
(https://github.com/ipython/ipython/blob/main/IPython/core/inputtransformer2.py, PromptStripper).
"""

from __future__ import annotations

import re

from IPython.core.inputtransformer2 import cell_magic, leading_empty_lines

_CHAT = re.compile(r"%%chat(?!\w)")


def kept(lines: list[str]) -> list[str]:
    """A `%%chat` cell as the call that IPython would make of it; any other as it is.

    >>> kept(["%%chat\\n", ">>> 1 + 1\\n"])
    ["get_ipython().run_cell_magic('chat', '', '>>> 1 + 1\\\\n')\\n"]
    """
    found: list[str] = leading_empty_lines(lines)  # type: ignore[no-untyped-call]
    if not found or not _CHAT.match(found[0]):
        return lines
    return cell_magic(found)  # type: ignore[no-any-return, no-untyped-call]
